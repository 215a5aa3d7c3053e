package templates

import (
	"encoding/base64"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"zelus/internal/auth"
	"zelus/internal/language"
	"zelus/internal/source"
)

// folder writes templates into a new folder.
func folder(t *testing.T, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, text := range files {
		path := filepath.Join(dir, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func inline(text string) string {
	return "base64://" + base64.StdEncoding.EncodeToString([]byte(text))
}

// TestOverride: what an operator has written is used, and nothing else is
// replaced by it.
func TestOverride(t *testing.T) {
	dir := folder(t, map[string]string{
		"recovery_code/valid/email.subject.gotmpl": "\n  Hello\n{{ .Identity.traits.email | upper }}: {{ .RecoveryCode }}\n",
		"recovery_code/valid/sms.body.gotmpl":      "{{ .RecoveryCode }} {{ .RequestURLDomain }} {{ .ExpiresInMinutes }} {{ .TransientPayload.tenant }}",
		"verification_code/valid/email.body.gotmpl": `<p title="{{ .To }}">{{ .VerificationCode }}</p><a href="{{ .VerificationURL }}">{{ .Identity.traits.none }}{{ .Language }}</a>` +
			`{{ if .OAuth2LoginRequest }}{{ .OAuth2LoginRequest.Client.ClientName }}{{ end }}`,
		"password_changed/email.body.plaintext.gotmpl": "{{ .ChangedAt }} {{ .Brand }} {{ .Identity.traits.age }} [{{ .Identity.traits.none }}]",
	})
	all := build(t, Settings{Dir: dir})
	builtin := build(t, Settings{})
	d := sample()
	d.To = `"><script>`

	r, was := render(t, all, "recovery_code_valid", auth.ViaEmail, "de", d), render(t, builtin, "recovery_code_valid", auth.ViaEmail, "de", d)
	if r.Subject != "Hello ADA@EXAMPLE.ORG: 111111" || r.Body != was.Body || r.HTML != was.HTML || r.Fault != nil {
		t.Errorf("the subject %q, fault %v", r.Subject, r.Fault)
	}
	if r = render(t, all, "recovery_code_valid", auth.ViaSMS, "de", d); r.Body != "111111 id.example.org 15 blue" {
		t.Errorf("the text message %q", r.Body)
	}
	r = render(t, all, "verification_code_valid", auth.ViaEmail, "de", d)
	if want := `<p title="&#34;&gt;&lt;script&gt;">222222</p><a href="https://id.example.org/verification?flow=v">de</a>`; r.HTML != want {
		t.Errorf("the HTML %s, want %s", r.HTML, want)
	}
	r = render(t, all, "password_changed", auth.ViaEmail, "de", d)
	if want := "2026-11-22T04:05:00Z Acme 36 []"; r.Body != want {
		t.Errorf("the text %q, want %q", r.Body, want)
	}
}

// TestOverrideByLanguage: files beside the one of a part can be used by it.
func TestOverrideByLanguage(t *testing.T) {
	dir := folder(t, map[string]string{
		"login_code/valid/email.body.gotmpl": `{{ define "hello" }}<b>{{ . }}</b>{{ end }}{{ $l := .Identity.traits.locale }}` +
			`{{ if eq $l "sv" }}{{ template "email.body.sv.gotmpl" . }}{{ else }}{{ template "email.body.en.gotmpl" . }}{{ end }}`,
		"login_code/valid/email.body.sv.gotmpl":        `<p>Din kod {{ .LoginCode }}{{ template "hello" .To }}`,
		"login_code/valid/email.body.en.gotmpl":        `<p>Your code {{ .LoginCode }}`,
		"login_code/valid/email.body.plaintext.gotmpl": `plain`,
		"login_code/valid/email.body.note":             `{{/* not used */}}`,
		"login_code/invalid/email.body.gotmpl":         `{{ broken`, // there is no such template
	})
	all := build(t, Settings{Dir: dir})
	d := sample()
	for locale, want := range map[string]string{"sv": "<p>Din kod 333333<b>ada@example.org</b>", "de": "<p>Your code 333333"} {
		d.Identity = json.RawMessage(`{"traits":{"locale":"` + locale + `"}}`)
		if r := render(t, all, "login_code_valid", auth.ViaEmail, "en", d); r.HTML != want || r.Body != "plain" {
			t.Errorf("%s: %s and %s", locale, r.HTML, r.Body)
		}
	}
}

// TestOverrideInPage: the example that the page for operators gives works, also
// for people without a language and for those who sign up; and the page knows
// every template.
func TestOverrideInPage(t *testing.T) {
	page, err := os.ReadFile("../../../docs/howto/templates.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, k := range kinds {
		if row := "\n| `" + k.name + "` | `" + k.folder + "` |"; !strings.Contains(string(page), row) {
			t.Errorf("the page lacks the row %s", row)
		}
	}
	_, example, _ := strings.Cut(string(page), "can be\n\n```\n")
	example, _, _ = strings.Cut(example, "```\n")
	files := map[string]string{}
	for _, folder := range []string{"login_code/valid/", "registration_code/valid/"} {
		files[folder+"email.body.gotmpl"] = example
		for _, language := range []string{"sv", "de", "en"} {
			files[folder+"email.body."+language+".gotmpl"] = language
		}
	}
	all := build(t, Settings{Dir: folder(t, files)})
	for _, test := range []struct{ template, identity, language, want string }{
		{"login_code_valid", `{"traits":{"locale":"sv"}}`, "en", "sv"}, {"login_code_valid", `{"traits":{}}`, "de", "de"},
		{"login_code_valid", `{}`, "fr", "en"}, {"registration_code_valid", `null`, "de", "de"},
	} {
		d := sample()
		d.Identity = json.RawMessage(test.identity)
		if r := render(t, all, test.template, auth.ViaEmail, test.language, d); strings.TrimSpace(r.HTML) != test.want || r.Fault != nil {
			t.Errorf("%+v: %s (%v)", test, r.HTML, r.Fault)
		}
	}
}

// TestOverrideRemote: a URL beats the folder, the folder the built-in text.
func TestOverrideRemote(t *testing.T) {
	dir := folder(t, map[string]string{
		"recovery/valid/email.subject.gotmpl":        "folder",
		"recovery/valid/email.body.gotmpl":           "folder",
		"recovery/valid/email.body.plaintext.gotmpl": "folder",
		"elsewhere.txt": "file {{ .RecoveryURL }}",
	})
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/subject" {
			w.WriteHeader(http.StatusNotFound)
		}
		w.Write([]byte("web {{ .To }}"))
	}))
	t.Cleanup(server.Close)
	s := Settings{Languages: language.New(nil), Brand: "Acme", Dir: dir, Remote: map[string]string{
		"recovery.valid.email.subject":        server.URL + "/subject",
		"recovery.valid.email.body.plaintext": "file://" + filepath.Join(dir, "elsewhere.txt"),
		"login_code.valid.sms.body.plaintext": inline("inline {{ .LoginCode }}"),
		"recovery.valid.email.body.html":      "",
	}}
	all, err := New(t.Context(), s, source.Reader{Client: server.Client()})
	if err != nil {
		t.Fatal(err)
	}
	r := render(t, all, "recovery_valid", auth.ViaEmail, "en", sample())
	if r.Subject != "web ada@example.org" || r.Body != "file "+sample().RecoveryURL || r.HTML != "folder" {
		t.Errorf("%q, %q, %q", r.Subject, r.Body, r.HTML)
	}
	if r = render(t, all, "login_code_valid", auth.ViaSMS, "en", sample()); r.Body != "inline 333333" {
		t.Errorf("%q", r.Body)
	}

	s.Remote["recovery.valid.email.subject"] = strings.Replace(server.URL, "http://", "http://user:hunter2@", 1) + "/gone?secret"
	_, err = New(t.Context(), s, source.Reader{Client: server.Client()})
	if err == nil || !strings.HasPrefix(err.Error(), "courier.templates.recovery.valid.email.subject: ") || !strings.Contains(err.Error(), "404") {
		t.Errorf("a template that is not there: %v", err)
	} else if strings.Contains(err.Error(), "hunter2") || strings.Contains(err.Error(), "secret") {
		t.Errorf("the error tells secrets: %v", err)
	}
	if _, err = New(t.Context(), s, source.Reader{}); err == nil {
		t.Error("without a client, a URL is read")
	}
}

// TestOverrideBroken: what is wrong with a template is told when it is read,
// with its setting and file.
func TestOverrideBroken(t *testing.T) {
	const setting = "courier.templates.recovery.valid.email.body.html: "
	for _, test := range []struct{ text, want string }{
		{"a\n{{ .To ", "email.body.gotmpl:2: unclosed action"},
		{"{{ env \"HOME\" }}", `function "env" not defined`},
		{"{{ genPrivateKey \"rsa\" }}", `function "genPrivateKey" not defined`},
		{"\n\n{{ .RecoveryLink }}", "email.body.gotmpl:3:3: there is no field .RecoveryLink here"},
		{"{{ with .To }}{{ $.Nothing }}{{ end }}", "there is no field .Nothing here"},
		{"{{ if (.Wrong | upper) }}{{ end }}", "there is no field .Wrong here"},
		{"{{ template \"other\" . }}", `there is no template "other"`},
		{"{{ define \"a\" }}{{ template \"b\" . }}{{ end }}{{ define \"b\" }}{{ template \"a\" . }}{{ end }}{{ template \"a\" . }}", "leads back to itself"},
		{"{{ template \"email.body.gotmpl\" . }}", "leads back to itself"},
		{"<a href='{{ if .To }}x{{ else }}'{{ end }}>", "branches end in different contexts"},
		{strings.Repeat("x", source.MaxSize+1), "at most 1048576 bytes"},
	} {
		_, err := New(t.Context(), Settings{Languages: language.New(nil), Remote: map[string]string{"recovery.valid.email.body.html": inline(test.text)}}, source.Reader{})
		if err == nil || !strings.HasPrefix(err.Error(), setting) || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%.80s: %v, want %s", test.text, err, test.want)
		}
	}
	for _, fine := range []string{"{{ range .Identity.list }}{{ .anything }}{{ end }}", "{{ define \"x\" }}{{ .any }}{{ end }}{{ template \"x\" .Identity }}", "", "{{/* */}}"} {
		if _, err := New(t.Context(), Settings{Languages: language.New(nil), Remote: map[string]string{"recovery.valid.email.body.html": inline(fine)}}, source.Reader{}); err != nil {
			t.Errorf("%s: %v", fine, err)
		}
	}

	if _, err := New(t.Context(), Settings{Languages: language.New(nil), Remote: map[string]string{"recovery.invalid.sms.body.plaintext": ""}}, source.Reader{}); err == nil {
		t.Error("a key that no template has is taken")
	}

	dir := folder(t, map[string]string{"verification/valid/email.subject.gotmpl": "{{ end }}", "login_code/valid/sms.body.gotmpl": "{{ .Cod }}", "file": ""})
	_, err := New(t.Context(), Settings{Languages: language.New(nil), Dir: dir}, source.Reader{})
	for _, want := range []string{
		"courier.template_override_path: " + filepath.Join(dir, "verification", "valid") + ": email.subject.gotmpl:1: unexpected {{end}}",
		"courier.template_override_path: " + filepath.Join(dir, "login_code", "valid") + ": sms.body.gotmpl:1:3: there is no field .Cod here",
	} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v\nlacks %s", err, want)
		}
	}
	for _, dir := range []string{filepath.Join(dir, "nowhere"), filepath.Join(dir, "file")} {
		if _, err := New(t.Context(), Settings{Languages: language.New(nil), Dir: dir}, source.Reader{}); err == nil || !strings.HasPrefix(err.Error(), "courier.template_override_path: ") || !strings.Contains(err.Error(), dir) {
			t.Errorf("%s: %v", dir, err)
		}
	}
}

// TestOverrideFails: a template that fails with the values of one message
// leaves the built-in text, and its error does not repeat the values.
func TestOverrideFails(t *testing.T) {
	for text, want := range map[string]string{
		`{{ .Identity.id.deep }}`:                                                     `email.body.gotmpl:1:12: executing "email.body.gotmpl" at <.Identity.id.deep>: can't evaluate field deep`,
		"\n{{ fail .LoginCode }}":                                                     `email.body.gotmpl:2:3: executing "email.body.gotmpl" at <fail .LoginCode> failed`,
		`{{ index .TransientPayload 7 }}`:                                             "<index .TransientPayload 7> failed",
		`{{ range .LoginCode | int }}x{{ end }}{{ range .To }}{{ end }}`:              "<.To> failed",
		`{{ repeat 100000 .LoginCode }}`:                                              "failed",
		`{{ until 2000000000 }}`:                                                      "failed",
		`{{ seq 1 2000000000 }}`:                                                      "failed",
		`{{ untilStep 0 2000000000 1 }}`:                                              "failed",
		`{{ indent 2000000000 .LoginCode }}`:                                          "failed",
		`{{ $x := repeat 9999 "0123456789" }}{{ range until 5000 }}{{ $x }}{{ end }}`: "longer than 1048576 bytes",
		`{{ $x := repeat 9999 "0123456789" }}{{ $x = replace "0" $x $x }}`:            "longer than 1048576 bytes",
	} {
		all := build(t, Settings{Remote: map[string]string{"login_code.valid.email.body.html": inline(text), "login_code.valid.email.subject": inline("S")}})
		r := render(t, all, "login_code_valid", auth.ViaEmail, "en", sample())
		if !strings.Contains(r.HTML, "Your sign-in code") || r.Subject != "S" {
			t.Errorf("%s: the mail is %q, %s", text, r.Subject, r.HTML)
		}
		if r.Fault == nil || !strings.HasPrefix(r.Fault.Error(), "courier.templates.login_code.valid.email.body.html: base64://…: ") || !strings.Contains(r.Fault.Error(), want) {
			t.Errorf("%s: the fault is %v, want %s", text, r.Fault, want)
		} else if strings.Contains(r.Fault.Error(), "333333") || strings.Contains(r.Fault.Error(), "ada@") {
			t.Errorf("%s: the fault repeats what the message says: %v", text, r.Fault)
		}
	}
}

// TestFunctions: the bounded functions do otherwise what those of sprig do.
func TestFunctions(t *testing.T) {
	for text, want := range map[string]string{
		`{{ repeat 3 "ab" }}{{ repeat -1 "x" }}`:                                                          "ababab",
		`{{ until 3 }}{{ until -2 }}{{ until 0 }}`:                                                        "[0 1 2][0 -1][]",
		`{{ untilStep 3 9 3 }}{{ untilStep 0 -3 1 }}{{ untilStep 5 0 0 }}`:                                "[3 6][][]",
		`{{ seq 3 }}|{{ seq -1 }}|{{ seq 2 4 }}|{{ seq 4 2 }}|{{ seq 0 2 5 }}|{{ seq 5 -2 0 }}|{{ seq }}`: "1 2 3|1 0 -1|2 3 4|4 3 2|0 2 4|5 3 1|",
		"{{ indent 2 \"a\\nb\" }}|{{ nindent 1 \"a\" }}|{{ indent 0 \"\" }}":                              "  a\n  b|\n a|",
		`{{ replace "a" "bb" "cac" }}`:                                                                    "cbbc",
		`{{ default "x" .RecoveryCode }}{{ list 1 2 | join "-" }}{{ dig "traits" "email" "" .Identity }}`: "x1-2ada@example.org",
	} {
		all := build(t, Settings{Remote: map[string]string{"login_code.valid.sms.body.plaintext": inline(text)}})
		d := sample()
		d.RecoveryCode = ""
		if r := render(t, all, "login_code_valid", auth.ViaSMS, "en", d); r.Body != want || r.Fault != nil {
			t.Errorf("%s: %q, want %q (%v)", text, r.Body, want, r.Fault)
		}
	}
}

// TestAtOnce: messages are made at the same time without waiting for or
// disturbing each other.
func TestAtOnce(t *testing.T) {
	all := build(t, Settings{Remote: map[string]string{"login_code.valid.email.body.html": inline("<p>{{ .LoginCode }} {{ dict \"a\" .To }}")}})
	var group sync.WaitGroup
	for range 8 {
		group.Go(func() {
			for _, tag := range language.Tags() {
				if _, err := all.Render("login_code_valid", auth.ViaEmail, tag, sample()); err != nil {
					t.Error(err)
				}
			}
		})
	}
	group.Wait()
}
