package templates

import (
	"encoding/json"
	"html"
	"maps"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf16"

	"github.com/google/go-cmp/cmp"

	"zelus/internal/auth"
	"zelus/internal/language"
	"zelus/internal/source"
)

// sample has a value for everything.
func sample() Data {
	at := time.Date(2026, time.November, 22, 4, 5, 0, 0, time.UTC)
	return Data{To: "ada@example.org", RecoveryCode: "111111", RecoveryURL: "https://id.example.org/recovery?token=r",
		VerificationCode: "222222", VerificationURL: "https://id.example.org/verification?flow=v", LoginCode: "333333", RegistrationCode: "44444444",
		Identity: json.RawMessage(`{"id":"7","traits":{"email":"ada@example.org","age":36}}`), Traits: json.RawMessage(`{"email":"ada@example.org"}`),
		RequestURL: "https://id.example.org:8443/self-service/login/api", TransientPayload: json.RawMessage(`{"tenant":"blue"}`),
		ExpiresInMinutes: 15, ChangedAt: at, AddedAt: at, UndoURL: "https://id.example.org/undo?token=u", Change: ChangePasskey}
}

func build(t *testing.T, s Settings) *Templates {
	t.Helper()
	if s.Brand == "" {
		s.Brand = "Acme"
	}
	s.Languages = language.New(nil)
	all, err := New(t.Context(), s, source.Reader{})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

func render(t *testing.T, all *Templates, template, via, tag string, d Data) *Rendered {
	t.Helper()
	r, err := all.Render(template, via, tag, d)
	if err != nil {
		t.Fatalf("%s by %s: %v", template, via, err)
	}
	return r
}

// each calls test for every built-in message in every language.
func each(t *testing.T, test func(t *testing.T, template, via, tag string)) {
	for _, tag := range language.Tags() {
		for _, via := range []string{auth.ViaEmail, auth.ViaSMS} {
			for _, template := range Names(via) {
				t.Run(tag+"/"+via+"/"+template, func(t *testing.T) { test(t, template, via, tag) })
			}
		}
	}
}

// Programs look for codes and links with such expressions.
var (
	anyCode = regexp.MustCompile(`\d{6,8}`)
	anyLink = regexp.MustCompile(`https?://\S+`)
)

// TestBuiltin: every message is complete, and code and link are what a program
// finds first.
func TestBuiltin(t *testing.T) {
	all := build(t, Settings{Brand: "Acme 2024"})
	codes := map[string]string{"recovery_code_valid": "111111", "verification_code_valid": "222222", "login_code_valid": "333333", "registration_code_valid": "44444444"}
	links := map[string]string{"recovery_valid": sample().RecoveryURL, "verification_valid": sample().VerificationURL,
		"verification_code_valid": sample().VerificationURL, "address_undo": sample().UndoURL, "account_deletion": sample().UndoURL}
	each(t, func(t *testing.T, template, via, tag string) {
		r := render(t, all, template, via, tag, sample())
		if r.Fault != nil {
			t.Error(r.Fault)
		}
		for _, text := range []string{r.Subject, r.Body, r.HTML} {
			if strings.Contains(text, "<no value>") || strings.ContainsAny(strings.Split(text, "<style>")[0], "{}") {
				t.Errorf("something was not put in: %s", text)
			}
		}
		if got, want := anyCode.FindString(r.Body), codes[template]; got != want && (want != "" || links[template] == "") {
			t.Errorf("the first code is %q, want %q, in: %s", got, want, r.Body)
		}
		link := links[template]
		if via == auth.ViaSMS && codes[template] != "" {
			link = ""
		}
		if got := anyLink.FindString(r.Body); got != link {
			t.Errorf("the first link is %q, want %q, in: %s", got, link, r.Body)
		}
		expires := codes[template] != "" || links[template] != ""
		if got := strings.Contains(r.Body, "15"); got != expires {
			t.Errorf("it says how long it is valid: %v, in: %s", got, r.Body)
		}
		if via == auth.ViaSMS {
			if r.Subject != "" || r.HTML != "" {
				t.Error("a text message has a subject or HTML")
			}
			return
		}
		if r.Subject == "" || strings.ContainsAny(r.Subject, "\r\n") {
			t.Errorf("the subject is %q", r.Subject)
		}
		if code := codes[template]; anyCode.FindString(r.Subject) != code {
			t.Errorf("the subject %q does not have the code %q", r.Subject, code)
		}
		direction := "ltr"
		if tag == "ar" {
			direction = "rtl"
		}
		for _, want := range []string{`lang="` + tag + `"`, `dir="` + direction + `"`, "<bdi>ada@example.org</bdi>", "Acme 2024"} {
			if !strings.Contains(r.HTML, want) {
				t.Errorf("the HTML lacks %s", want)
			}
		}
		if link != "" && strings.Count(r.HTML, html.EscapeString(link)) != 3 {
			t.Errorf("the HTML has the link %d times, want a button, a link and its text", strings.Count(r.HTML, html.EscapeString(link)))
		}
		if strings.Contains(r.Body, "  ") || strings.Contains(r.Body, "\n\n\n") {
			t.Errorf("the text has holes: %q", r.Body)
		}
	})
}

// TestNothingKnown: where a value is missing, the sentence about it is, too.
func TestNothingKnown(t *testing.T) {
	all := build(t, Settings{})
	each(t, func(t *testing.T, template, via, tag string) {
		r := render(t, all, template, via, tag, Data{To: "ada@example.org"})
		if strings.ContainsAny(r.Body, "0123456789") || strings.Contains(r.Body, "\n\n\n") {
			t.Errorf("it speaks of nothing: %s", r.Body)
		}
		if strings.Contains(r.HTML, "href") || strings.Contains(r.HTML, "<dl") || strings.Contains(r.HTML, `class="code"`) {
			t.Errorf("the HTML speaks of nothing: %s", r.HTML)
		}
	})
}

// TestHostile: nothing that comes from outside becomes markup, a line of its
// own, or a link that runs something.
func TestHostile(t *testing.T) {
	all := build(t, Settings{Brand: "A<b>\r\nBcc: x"})
	d := sample()
	const evil = "\"'><script>alert(1)</script>\r\nhttps://evil.example 999999"
	d.To, d.RecoveryURL, d.VerificationURL, d.UndoURL, d.Change = evil, "javascript:alert(1)//"+evil, "https://a.example/"+evil, "data:text/html,"+evil, evil
	d.LoginCode, d.RequestURL = "1<i>", "https://id.example.org/"+url.QueryEscape(evil)
	d.Traits, d.TransientPayload = json.RawMessage(`{"email":"</p><script>"}`), json.RawMessage(`{"a":"<script>"}`)
	each(t, func(t *testing.T, template, via, tag string) {
		r := render(t, all, template, via, tag, d)
		page := strings.ToLower(r.HTML)
		for _, bad := range []string{"<script", "<i>", "<b>", `href="javascript`, `href="data`} {
			if strings.Contains(page, bad) {
				t.Errorf("the HTML has %s: %s", bad, r.HTML)
			}
		}
		if strings.ContainsAny(r.Subject, "\r\n") {
			t.Errorf("the subject is %q", r.Subject)
		}
		for line := range strings.Lines(r.Body) {
			if strings.HasPrefix(line, "https://evil") || strings.HasPrefix(line, "Bcc") {
				t.Errorf("a value became the line %q", line)
			}
		}
	})
}

// TestData compares template_data with the names that services of Kratos know.
func TestData(t *testing.T) {
	all := build(t, Settings{})
	for name, want := range map[string]string{
		"email/recovery_invalid":           "request_url to transient_payload",
		"email/recovery_valid":             "expires_in_minutes identity recovery_url request_url to transient_payload",
		"email/recovery_code_invalid":      "request_url to transient_payload",
		"email/recovery_code_valid":        "expires_in_minutes identity recovery_code request_url to transient_payload",
		"sms/recovery_code_valid":          "expires_in_minutes identity request_url to transient_payload verification_code",
		"email/verification_invalid":       "request_url to transient_payload",
		"email/verification_valid":         "expires_in_minutes identity request_url to transient_payload verification_url",
		"email/verification_code_invalid":  "request_url to transient_payload",
		"email/verification_code_valid":    "expires_in_minutes identity request_url to transient_payload verification_code verification_url",
		"sms/verification_code_valid":      "expires_in_minutes identity request_url to transient_payload verification_code",
		"email/login_code_valid":           "expires_in_minutes identity login_code request_url to transient_payload",
		"sms/login_code_valid":             "expires_in_minutes identity login_code request_url to transient_payload",
		"email/registration_code_valid":    "expires_in_minutes registration_code request_url to traits transient_payload",
		"sms/registration_code_valid":      "expires_in_minutes identity registration_code request_url to transient_payload",
		"email/verifiable_address_changed": "changed_at identity to transient_payload",
		"sms/verifiable_address_changed":   "changed_at identity to transient_payload",
		"email/authenticator_key_added":    "added_at identity to transient_payload",
		"sms/authenticator_key_added":      "added_at identity to transient_payload",
		// Whoever reads a former address does not learn the new one.
		"email/account_deletion": "changed_at expires_in_minutes identity request_url to transient_payload undo_url",
		"email/address_undo":     "changed_at expires_in_minutes request_url to transient_payload undo_url",
	} {
		via, template, _ := strings.Cut(name, "/")
		var got map[string]any
		if err := json.Unmarshal(render(t, all, template, via, "de", sample()).Data, &got); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, strings.Join(slices.Sorted(maps.Keys(got)), " ")); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}
	d := sample()
	d.Identity, d.TransientPayload = nil, nil
	for _, test := range []struct{ template, via, want string }{
		{"recovery_code_valid", auth.ViaSMS, `{"expires_in_minutes":15,"identity":null,"request_url":"https://id.example.org:8443/self-service/login/api","to":"ada@example.org","transient_payload":null,"verification_code":"111111"}`},
		{"verifiable_address_changed", auth.ViaEmail, `{"changed_at":"2026-11-22T04:05:00Z","identity":null,"to":"ada@example.org","transient_payload":null}`},
		{"registration_code_valid", auth.ViaSMS, `{"expires_in_minutes":15,"identity":{"traits":{"email":"ada@example.org"}},"registration_code":"44444444","request_url":"https://id.example.org:8443/self-service/login/api","to":"ada@example.org","transient_payload":null}`},
	} {
		if diff := cmp.Diff(test.want, string(render(t, all, test.template, test.via, "en", d).Data)); diff != "" {
			t.Errorf("%s by %s: %s", test.template, test.via, diff)
		}
	}
}

func TestUnknownMessage(t *testing.T) {
	all := build(t, Settings{})
	for _, test := range []struct{ template, via string }{{"stub", auth.ViaEmail}, {"recovery_invalid", auth.ViaSMS}, {"login_code_valid", "pigeon"}} {
		if r, err := all.Render(test.template, test.via, "en", sample()); err == nil {
			t.Errorf("%s by %s is %v", test.template, test.via, r)
		}
	}
	d := sample()
	d.Identity = json.RawMessage(`{`)
	if _, err := all.Render("login_code_valid", auth.ViaEmail, "en", d); err == nil {
		t.Error("an identity that is no JSON is taken")
	}
	if got, want := render(t, all, "login_code_valid", auth.ViaEmail, "tlh", sample()), render(t, all, "login_code_valid", auth.ViaEmail, "en", sample()); got.Body != want.Body {
		t.Errorf("an unknown language says %s", got.Body)
	}
}

// TestWebOTP: the last line of a text message with a code names the site for
// which browsers fill it in.
func TestWebOTP(t *testing.T) {
	all := build(t, Settings{})
	for address, want := range map[string]string{
		"https://id.example.org:8443/a?b": "\n\n@id.example.org #333333", "http://localhost:4433/": "\n\n@localhost #333333",
		"": "", "https://127.0.0.1/": "", "https://[::1]:1/": "", "https://a%20b.example/": "", "/path": "", "https://x\n#1.example/": "",
	} {
		d := sample()
		d.RequestURL = address
		line, last, _ := strings.Cut(render(t, all, "login_code_valid", auth.ViaSMS, "en", d).Body, "\n")
		if last != strings.TrimPrefix(want, "\n") || line != "333333 is your code to sign in to Acme. Valid for 15 minutes." {
			t.Errorf("%q: %q and %q", address, line, last)
		}
	}
	d := sample()
	if body := render(t, all, "password_changed", auth.ViaSMS, "en", d).Body; strings.Contains(body, "@") {
		t.Errorf("a notice has the line of a code: %s", body)
	}
}

// TestLengthOfSMS: text messages do not become more than they need to be. One
// has room for 160 characters of GSM 03.38 or 70 of UTF-16; in two it is 134.
func TestLengthOfSMS(t *testing.T) {
	const gsm = "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà"
	all := build(t, Settings{Brand: "Example"})
	for _, tag := range language.Tags() {
		for _, template := range Names(auth.ViaSMS) {
			d := sample()
			d.RequestURL = "" // one line
			d.RegistrationCode = "444444"
			body := render(t, all, template, auth.ViaSMS, tag, d).Body
			body = anyLink.ReplaceAllString(body, "")
			most := 160
			if strings.Trim(body, gsm) != "" && strings.ContainsFunc(body, func(r rune) bool { return !strings.ContainsRune(gsm, r) }) {
				if most = 134; anyCode.MatchString(body) {
					most = 70
				}
			}
			if n := len(utf16.Encode([]rune(body))); n > most {
				t.Errorf("%s, %s: %d characters, want %d at most: %s", tag, template, n, most, body)
			}
			if strings.Contains(body, "\n") {
				t.Errorf("%s, %s: more than one line: %s", tag, template, body)
			}
		}
	}
}
