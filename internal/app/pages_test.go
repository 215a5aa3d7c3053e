package app

import (
	"encoding/base64"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/net/html"
)

// ownPages is laid over the configuration in testdata: no page is configured, so the
// built-in ones are used, and there is nearly all that they can show.
var ownPages = `
identity: {schemas: [{id: person, url: "base64://` + base64.StdEncoding.EncodeToString([]byte(personOfPages)) + `"}]}
selfservice:
  methods: {code: {enabled: true, passwordless_enabled: true}, totp: {enabled: true}, lookup_secret: {enabled: true}, passkey: {enabled: true,
    config: {rp: {id: localhost, display_name: Test, origins: ["http://localhost"]}}}}
  flows:
    error: {ui_url: ""}
    login: {ui_url: ""}
    settings: {ui_url: ""}
    registration: {ui_url: ""}
    recovery: {ui_url: "", enabled: true}
    verification: {ui_url: "", enabled: true}
session: {trusted_device: {enabled: true}}
`

// personOfPages is somebody who can do all that pages know of, and has a trait of each type.
const personOfPages = `{
  "$id": "https://zelus.example/pages.schema.json", "$schema": "http://json-schema.org/draft-07/schema#", "type": "object", "properties": {"traits": {"type": "object", "properties": {
    "email": {"type": "string", "format": "email", "title": "E-mail", "ory.sh/kratos": {"credentials": {"password": {"identifier": true}, "code": {"identifier": true, "via": "email"},
      "passkey": {"display_name": true}, "totp": {"account_name": true}}, "verification": {"via": "email"}, "recovery": {"via": "email"}}},
    "name": {"type": "string", "title": "Name</label><script>alert(1)</script>", "maxLength": 4000},
    "locale": {"type": "string"}, "born": {"type": "string", "format": "date", "title": "\" onfocus=\"alert(1)"}, "news": {"type": "boolean", "title": "News"}, "number": {"type": "integer"},
    "since": {"type": "string", "format": "date-time"}, "site": {"type": "string", "format": "uri"}, "tags": {"type": "array", "items": {"type": "string"}},
    "plan": {"enum": ["free", "<script>alert(1)</script>", 7], "type": "string"}, "home": {"type": "object", "properties": {"town<b>": {"type": "string"}}}
  }, "required": ["email"]}}}`

// leaf is one page as a browser has it.
type leaf struct {
	answer
	root *html.Node
}

// shows is the page at an address, to which redirects of this server lead.
func (c *client) shows(path string) leaf {
	c.t.Helper()
	return c.arrive(c.get(path))
}

// arrive follows redirects within this server to a page.
func (c *client) arrive(a answer) leaf {
	c.t.Helper()
	for n := 0; a.status == 303 || a.status == 302; n++ {
		to := a.header.Get("Location")
		if n > 10 || !strings.HasPrefix(to, c.s.public) {
			c.t.Fatalf("%s leads to %q", a.what, to)
		}
		a = c.get(to)
	}
	root, err := html.Parse(strings.NewReader(string(a.body)))
	if err != nil {
		c.t.Fatal(err)
	}
	return leaf{a, root}
}

// all are the elements of a name.
func (l leaf) all(names ...string) (found []*html.Node) {
	for n := range l.root.Descendants() {
		if n.Type == html.ElementNode && slices.Contains(names, n.Data) {
			found = append(found, n)
		}
	}
	return found
}

func attribute(n *html.Node, name string) string {
	for _, a := range n.Attr {
		if a.Key == name {
			return a.Val
		}
	}
	return ""
}

func carries(n *html.Node, name string) bool {
	return slices.ContainsFunc(n.Attr, func(a html.Attribute) bool { return a.Key == name })
}

// text is what is written in an element.
func text(n *html.Node) string {
	var out strings.Builder
	for d := range n.Descendants() {
		if d.Type == html.TextNode {
			out.WriteString(d.Data)
		}
	}
	return strings.Join(strings.Fields(out.String()), " ")
}

// byID is the element of an id, or nil.
func (l leaf) byID(id string) *html.Node {
	for n := range l.root.Descendants() {
		if n.Type == html.ElementNode && attribute(n, "id") == id {
			return n
		}
	}
	return nil
}

func (l leaf) title() string { return text(l.all("h1")[0]) }

// owner is the form around an element.
func owner(n *html.Node) *html.Node {
	for n = n.Parent; n != nil && n.Data != "form"; n = n.Parent {
	}
	return n
}

// presses sends a form of the page as a browser without JavaScript does, with a button
// of it and what was typed.
func (c *client) presses(l leaf, form, button string, typed fields) answer {
	c.t.Helper()
	f := l.byID(form)
	if f == nil || f.Data != "form" {
		c.t.Fatalf("%s has no form %s: %s", l.what, form, l.body)
	}
	values, pressed := url.Values{}, button == ""
	for n := range l.root.Descendants() {
		if n.Type != html.ElementNode || owner(n) != f && attribute(n, "form") != form {
			continue
		}
		name, value, kind := attribute(n, "name"), attribute(n, "value"), attribute(n, "type")
		switch {
		case n.Data == "button" && name+"="+value == button || n.Data == "button" && name == button && button != "":
			values.Add(name, value)
			pressed = true
		case n.Data == "button" || n.Data != "input" && n.Data != "select" || name == "":
		case kind == "checkbox" && !carries(n, "checked"):
		default:
			if given, ok := typed[name]; ok {
				value = given
			}
			values.Add(name, value)
		}
	}
	if !pressed {
		c.t.Fatalf("the form %s of %s has no button %s", form, l.what, button)
	}
	to := attribute(f, "action")
	if strings.HasPrefix(to, "/") {
		to = c.s.public + to
	}
	return c.send("POST", to, values, "Origin", c.s.public, "Sec-Fetch-Site", "same-origin")
}

// TestPagesAccount goes through a whole account with pages alone, without JavaScript.
func TestPagesAccount(t *testing.T) {
	onEach(t, ownPages, func(t *testing.T, s *server) {
		c, p := s.client(t, page), stranger()

		// Sign up. What is wrong stands at its field, and what was typed stays.
		l := c.shows("/self-service/registration/browser")
		l = c.arrive(c.presses(l, "password", "method", fields{"traits.email": p.email, "password": "short"}))
		problem := l.byID("errors")
		if problem == nil || !strings.HasPrefix(text(l.all("title")[0]), "Error: ") {
			t.Fatalf("nothing is said of a short password: %s", l.body)
		}
		field := l.byID("password-password")
		if attribute(field, "aria-invalid") != "true" || !strings.Contains(attribute(field, "aria-describedby"), "password-password-error") || l.byID("password-password-error") == nil {
			t.Errorf("the field does not say what is wrong: %v", field.Attr)
		}
		if got := attribute(l.byID("password-traits-email"), "value"); got != p.email {
			t.Errorf("the address is %q, want what was typed", got)
		}
		c.presses(l, "password", "method", fields{"traits.email": p.email, "password": p.password}).is(303)

		// Prove the address, with the code as people copy it.
		l = c.shows("/self-service/verification/browser")
		l = c.arrive(c.presses(l, "code", "method", fields{"email": p.email}))
		if got := l.title(); got != "Enter your code" {
			t.Fatalf("the title is %q", got)
		}
		code := s.mail(t, p.email, "verification_code_valid").code()
		if l.byID("link-later") == nil {
			t.Errorf("nobody can do it later: %s", l.body)
		}
		l = c.arrive(c.presses(l, "code", "method=code", fields{"code": " " + code[:3] + " " + code[3:]}))
		if l.title() != "Address confirmed" || l.byID("status") != nil {
			t.Fatalf("the address is not proven: %s", l.body)
		}

		// One's own account.
		l = c.shows("/ui/settings")
		l = c.arrive(c.presses(l, "profile", "method", fields{"traits.email": p.email, "traits.name": "Ada"}))
		if l.byID("status") == nil || attribute(l.byID("profile-traits-name"), "value") != "Ada" {
			t.Errorf("the name is not saved: %s", l.body)
		}
		if name := l.byID("password"); !strings.Contains(string(l.body), `hidden autocomplete="username" value="`+p.email+`"`) || name == nil {
			t.Error("password managers are not told whose password it is")
		}
		l = c.arrive(c.presses(l, "lookup-secret", "lookup_secret_regenerate", nil))
		var codes []string
		for _, n := range l.all("code") {
			codes = append(codes, text(n))
		}
		file := ""
		for _, n := range l.all("a") {
			if carries(n, "download") {
				file = attribute(n, "href")
			}
		}
		if content, err := url.PathUnescape(strings.TrimPrefix(file, "data:text/plain;charset=utf-8,")); err != nil || len(codes) < 12 || !strings.Contains(content, codes[len(codes)-1]+"\n") {
			t.Errorf("the codes %q cannot be had as a file: %q, %v", codes, file, err)
		}
		l = c.arrive(c.presses(l, "lookup-secret", "lookup_secret_confirm", nil))

		// Elsewhere, with a backup code.
		other := s.client(t, page)
		l = other.shows("/ui/login")
		l = other.arrive(other.presses(l, "password", "method", fields{"identifier": p.email, "password": "wrong"}))
		if got := attribute(l.byID("password-identifier"), "value"); got != p.email || attribute(l.byID("password-password"), "aria-invalid") != "true" {
			t.Errorf("after a wrong password: %q, %s", got, l.body)
		}
		l = other.arrive(other.presses(l, "password", "method", fields{"identifier": p.email, "password": p.password}))
		if got := l.title(); got != "One more step" {
			t.Fatalf("the title is %q", got)
		}
		other.presses(l, "lookup-secret", "method", fields{"lookup_secret": strings.ToUpper(codes[len(codes)-1][:4] + "-" + codes[len(codes)-1][4:])}).leads(303, homePage)

		// The first browser sees the second, and ends its session.
		l = c.shows("/ui/sessions")
		revoke := ""
		for _, n := range l.all("input") {
			if attribute(n, "name") == "id" {
				revoke = attribute(n, "value")
			}
		}
		l = c.arrive(c.send("POST", "/ui/sessions", url.Values{"csrf_token": {csrfOf(l)}, "action": {"revoke"}, "id": {revoke}}))
		if l.byID("status") == nil || l.byID("session-"+revoke) != nil {
			t.Errorf("the session is not ended: %s", l.body)
		}
		if l := other.shows("/ui/welcome"); l.title() != "Sign in" {
			t.Errorf("the other browser is still signed in: %s", l.body)
		}

		// Sign out: not by a link, but with one press of a button.
		l = c.shows("/ui/logout?return_to=" + url.QueryEscape(welcome))
		if l := c.shows("/ui/welcome"); l.title() != "Welcome" {
			t.Errorf("looking at the page has signed somebody out")
		}
		c.presses(l, "logout", "", nil).leads(303, welcome)
		if l := c.shows("/ui/welcome"); l.title() != "Sign in" {
			t.Errorf("still signed in: %s", l.body)
		}

		// Forgot the password.
		l = c.shows("/ui/recovery")
		l = c.arrive(c.presses(l, "code", "method", fields{"email": p.email}))
		l = c.arrive(c.presses(l, "code", "method=code", fields{"code": s.mail(t, p.email, "recovery_code_valid").code()}))
		if got := l.title(); got != "One more step" && got != "My account" {
			t.Errorf("a recovery leads to %q: %s", got, l.body)
		}
	})
}

// csrfOf is the token of the page's first form.
func csrfOf(l leaf) string {
	for _, n := range l.all("input") {
		if attribute(n, "name") == "csrf_token" {
			return attribute(n, "value")
		}
	}
	return ""
}

// TestPagesKeepTyped: a form that was open for too long makes room for a new one, with
// what was typed.
func TestPagesKeepTyped(t *testing.T) {
	onEach(t, ownPages, func(t *testing.T, s *server) {
		c, p := s.client(t, page), stranger()
		l := c.shows("/ui/registration")
		s.clock.advance(2 * time.Hour)
		l = c.arrive(c.presses(l, "password", "method", fields{"traits.email": p.email, "traits.name": "Ada", "password": p.password}))
		if got := attribute(l.byID("password-traits-email"), "value") + attribute(l.byID("password-traits-name"), "value"); got != p.email+"Ada" || l.byID("errors") == nil {
			t.Errorf("what was typed is %q: %s", got, l.body)
		}
		if strings.Contains(string(l.body), p.password) {
			t.Error("a password is given back")
		}
		// Somebody else has the address.
		e, taken := s.client(t, page), s.person(t)
		l = e.arrive(e.presses(e.shows("/ui/registration"), "password", "method", fields{"traits.email": taken.email, "traits.name": "Ada", "password": p.password}))
		if got := attribute(l.byID("password-traits-email"), "value") + attribute(l.byID("password-traits-name"), "value"); got != taken.email+"Ada" || l.byID("errors") == nil {
			t.Errorf("of an address that is taken %q is left: %s", got, l.body)
		}
		l = c.shows("/ui/registration")
		l = c.arrive(c.presses(l, "password", "method", fields{"traits.email": p.email, "traits.name": "Ada", "password": "short"}))
		c.presses(l, "password", "method", fields{"password": p.password}).leads(303, homePage)

		l = c.shows("/ui/settings")
		s.clock.advance(2 * time.Hour)
		l = c.arrive(c.presses(l, "profile", "method", fields{"traits.name": "Augusta"}))
		if got := attribute(l.byID("profile-traits-name"), "value"); got != "Augusta" {
			t.Errorf("the name is %q: %s", got, l.body)
		}

		d := s.client(t, page)
		l = d.shows("/ui/recovery")
		s.clock.advance(2 * time.Hour)
		l = d.arrive(d.presses(l, "code", "method", fields{"email": p.email}))
		if got := attribute(l.byID("code-email"), "value"); got != p.email {
			t.Errorf("the address is %q: %s", got, l.body)
		}

		// Looked at, after its time.
		l = d.shows("/ui/login")
		l = d.arrive(d.presses(l, "password", "method", fields{"identifier": p.email, "password": "wrong"}))
		s.clock.advance(2 * time.Hour)
		action := attribute(l.byID("password"), "action")
		l = d.shows("/ui/login?" + action[strings.Index(action, "flow="):])
		if got := attribute(l.byID("password-identifier"), "value"); got != p.email || l.byID("errors") == nil {
			t.Errorf("the name is %q: %s", got, l.body)
		}
		// Another site cannot fill in a form in somebody's browser.
		l = d.shows("/ui/login")
		s.clock.advance(2 * time.Hour)
		a := d.send("POST", attribute(l.byID("password"), "action"), url.Values{"identifier": {"evil@example.org"}, "method": {"password"}})
		if strings.Contains(string(d.arrive(a).body), "evil@example.org") {
			t.Error("a form without its token was taken over")
		}
	})
}

// pagesOf are all pages, in the states that need no more than a request.
func pagesOf(c *client) []string {
	all := []string{"/ui/login", "/ui/registration", "/ui/recovery", "/ui/verification", "/ui/settings", "/ui/sessions", "/ui/sessions?done=revoked", "/ui/welcome",
		"/ui/logout", "/ui/error", "/ui/error?id=stub:500", "/ui/nothing", "/ui/assets/nothing", "/self-service/login/browser?refresh=true"}
	return all
}

// TestPagesHeaders: each answer below the prefix is protected, whatever it is.
func TestPagesHeaders(t *testing.T) {
	s := start(t, setup{more: ownPages})
	nobody, somebody := s.client(t, page), s.client(t, page)
	somebody.signIn(s.person(t))
	for _, c := range []*client{nobody, somebody} {
		nonces := map[string]bool{}
		for _, path := range pagesOf(c) {
			a := c.get(path)
			if strings.HasPrefix(path, "/ui/") {
				for name, want := range map[string]string{"Referrer-Policy": "same-origin", "X-Content-Type-Options": "nosniff", "Cache-Control": "no-store",
					"X-Frame-Options": "DENY", "Cross-Origin-Resource-Policy": "same-origin"} {
					if got := a.header.Get(name); got != want {
						t.Errorf("%s: %s is %q, want %q", path, name, got, want)
					}
				}
			}
			if a.status/100 == 3 {
				if policy := a.header.Get("Content-Security-Policy"); strings.HasPrefix(path, "/ui/") && !strings.Contains(policy, "form-action 'none'") {
					t.Errorf("%s: the policy is %q", path, policy)
				}
				continue
			}
			policy := a.header.Get("Content-Security-Policy")
			match := regexp.MustCompile(`^default-src 'none'; script-src 'nonce-([A-Z2-7]{26})'; style-src 'self'; img-src 'self' data:; base-uri 'none'; frame-ancestors 'none'; form-action 'self' [^;]+$`).
				FindStringSubmatch(policy)
			if match == nil {
				t.Fatalf("%s: the policy is %q", path, policy)
			}
			if nonces[match[1]] {
				t.Errorf("%s: the nonce was used before", path)
			}
			nonces[match[1]] = true
			for _, n := range c.arrive(a).all("script") {
				if attribute(n, "nonce") != match[1] {
					t.Errorf("%s: a script without the nonce: %v", path, n.Attr)
				}
			}
		}
	}
	l := nobody.shows("/ui/login")
	sum := 0
	for _, n := range l.all("script", "link") {
		src := attribute(n, "src") + attribute(n, "href")
		if !strings.HasPrefix(src, "/ui/assets/") {
			continue
		}
		a := nobody.get(src, "Accept-Encoding", "gzip").is(200)
		sum += len(a.body)
		if got := a.header.Get("Cache-Control"); got != "public, max-age=31536000, immutable" || a.header.Get("Content-Encoding") != "gzip" {
			t.Errorf("%s: %v", src, a.header)
		}
		if a := nobody.get(src).is(200); a.header.Get("Vary") == "" || len(a.body) == 0 {
			t.Errorf("%s without gzip: %v", src, a.header)
		}
	}
	sum += len(l.body) + len(nobody.get("/.well-known/ory/webauthn.js").is(200).body)
	if sum > 30<<10 {
		t.Errorf("a first visit takes %d bytes", sum)
	}
}

// TestPagesFormAction: a form may lead to wherever the configuration lets it, which is
// where Chromium lets a submission be redirected to.
func TestPagesFormAction(t *testing.T) {
	s := start(t, setup{more: ownPages + `
serve: {public: {cors: {enabled: false}}}
`})
	c := s.client(t, page)
	a := c.arrive(c.get("/self-service/login/browser?return_to=" + url.QueryEscape(welcome)))
	policy := a.header.Get("Content-Security-Policy")
	if !strings.Contains(policy, "form-action 'self'") || !strings.Contains(policy, " https://app.example.org") {
		t.Errorf("the policy is %q", policy)
	}
	p := s.person(t)
	c.presses(a, "password", "method", fields{"identifier": p.email, "password": p.password}).leads(303, welcome)
}

// TestPagesNeedTheirToken: what a page changes, no other site can have changed.
func TestPagesNeedTheirToken(t *testing.T) {
	s := start(t, setup{more: ownPages})
	c, p := s.client(t, page), s.person(t)
	c.signIn(p)
	other := s.client(t, page)
	other.signIn(p)
	l := c.shows("/ui/sessions")
	for _, token := range []string{"", "x", csrfOf(other.shows("/ui/sessions"))} {
		for path, values := range map[string]url.Values{"/ui/logout": {}, "/ui/sessions": {"action": {"revoke_others"}}, "/ui/welcome": {}} {
			values.Set("csrf_token", token)
			if a := c.send("POST", path, values); a.status != 403 || len(a.header["Set-Cookie"]) > 0 {
				t.Errorf("%s with the token %q: %d %v", path, token, a.status, a.header)
			}
		}
	}
	c.send("POST", "/ui/logout", url.Values{"csrf_token": {csrfOf(l)}}, "Origin", "https://evil.example", "Sec-Fetch-Site", "cross-site").is(403)
	if c.whoami().is(200); other.whoami().status != 200 {
		t.Error("a session has ended")
	}
	if a := c.get("/ui/logout"); a.status != 200 || c.whoami().status != 200 {
		t.Errorf("a GET has signed somebody out: %d", a.status)
	}
	// A return address that is not allowed leads to where the configuration says.
	c.send("POST", "/ui/logout", url.Values{"csrf_token": {csrfOf(l)}, "return_to": {"https://evil.example/"}}).leads(303, byePage)
	c.whoami().is(401)
}

// TestPagesNudge: people are told of passkeys until they want to hear no more of them.
func TestPagesNudge(t *testing.T) {
	s := start(t, setup{more: ownPages})
	c := s.client(t, page)
	c.signIn(s.person(t))
	l := c.shows("/ui/welcome")
	if l.byID("nudge") == nil {
		t.Fatalf("nobody tells of passkeys: %s", l.body)
	}
	if l = c.arrive(c.send("POST", "/ui/welcome", url.Values{"csrf_token": {csrfOf(l)}})); l.byID("nudge") != nil {
		t.Errorf("still telling: %s", l.body)
	}
}

// TestPagesLanguages: a page is in the language that the application asks for, else that
// which the person has chosen, else that of their account, else that of their browser.
func TestPagesLanguages(t *testing.T) {
	folder := t.TempDir()
	if err := os.WriteFile(filepath.Join(folder, "de.json"), []byte(`{"E-mail": "Elektropost", "1010022": "Hinein mit dem Passwort"}`), 0o600); err != nil {
		t.Fatal(err)
	}
	s := start(t, setup{more: ownPages + "languages: {offered: [de, en, ar], default: ar, translations_path: " + folder + "}\n"})
	in := func(l leaf) string {
		return attribute(l.all("html")[0], "lang") + " " + attribute(l.all("html")[0], "dir")
	}
	see := func(what string, l leaf, want string) {
		t.Helper()
		if got := in(l); got != want {
			t.Errorf("%s: a page in %q, want %q", what, got, want)
		}
		if got := l.header.Get("Content-Language"); got != strings.Fields(want)[0] {
			t.Errorf("%s: the header says %q", what, got)
		}
	}
	c := s.client(t, page)
	see("by default", c.shows("/ui/login"), "ar rtl")
	see("one that is not offered", c.arrive(c.get("/ui/recovery", "Accept-Language", "fr, ja;q=0.9")), "ar rtl")
	first := c.get("/ui/login").header.Get("Location")
	first = c.get(first).header.Get("Location")
	german := c.arrive(c.get(first, "Accept-Language", "de-CH, en;q=0.5"))
	see("the browser's", german, "de ltr")
	if text := text(german.root); !strings.Contains(text, "Elektropost") || !strings.Contains(text, "Hinein mit dem Passwort") || !strings.Contains(text, "Konto erstellen") {
		t.Errorf("the page says %s", text)
	}

	// The person's choice, on a page to which it leads back.
	a := c.send("POST", "/ui/language", url.Values{"csrf_token": {csrfOf(german)}, "language": {"en"}, "back": {strings.TrimPrefix(first, s.public+"/ui/")}}).leads(303, strings.Split(first, "?")[0])
	see("the choice", c.arrive(c.get(a.header.Get("Location"), "Accept-Language", "de")), "en ltr")
	c.send("POST", "/ui/language", url.Values{"csrf_token": {csrfOf(german)}, "language": {"fr"}, "back": {"//evil.example"}}).leads(303, s.public+"/ui///evil.example")
	see("a choice of nothing", c.shows("/ui/login"), "en ltr")

	// The application.
	l := c.shows("/self-service/login/browser?ui_locales=" + url.QueryEscape("xx fr de en"))
	see("the application's", l, "de ltr")
	if l.byID("languages") != nil {
		t.Error("a choice is offered that changes nothing")
	}
	see("the application's, elsewhere", c.shows("/self-service/registration/browser?ui_locales=fr"), "en ltr")

	// The account.
	p := stranger()
	s.operator(t).send("POST", "/admin/identities", map[string]any{"schema_id": "person", "traits": map[string]any{"email": p.email, "locale": "de_DE.UTF-8"},
		"credentials": map[string]any{"password": map[string]any{"config": fields{"password": p.password}}}}).is(201)
	own := s.client(t, page)
	own.signIn(p)
	see("the account's", own.arrive(own.get("/ui/welcome", "Accept-Language", "en")), "de ltr")
	see("the account's, in a form", own.shows("/ui/settings"), "de ltr")
}

// hostileValues are values that try to become something else on a page.
var hostileValues = []string{
	`<script>alert(1)</script>`, `"><img src=x onerror=alert(1)>`, `' onfocus='alert(1)' autofocus='`, `javascript:alert(1)`, `</title><script>alert(1)</script>`,
	`{{.T "x"}}`, `${alert(1)}`, "\u202eevil\u2066", "\x02\x03</bdi><script>alert(1)</script>", `--><script>alert(1)</script>`, `</textarea></select></form><form action=https://evil.example>`,
	`<base href=https://evil.example>`, `<meta http-equiv=refresh content=0;url=https://evil.example>`, `%3Cscript%3Ealert(1)%3C/script%3E`, "a\r\nSet-Cookie: evil=1",
	`&lt;script&gt;`, `<svg/onload=alert(1)>`, strings.Repeat("<b>", 300),
}

// harmless says what on a page is not as it should be.
func harmless(l leaf, base string) (wrong []string) {
	allowed := strings.Fields("html head meta title script link body a header p bdi nav ul li form input button main div h1 h2 label span section small details summary strong " +
		"figure figcaption img code s select option noscript footer br aside")
	for n := range l.root.Descendants() {
		if n.Type != html.ElementNode {
			continue
		}
		if !slices.Contains(allowed, n.Data) {
			wrong = append(wrong, "an element "+n.Data)
		}
		for _, a := range n.Attr {
			value := strings.ToLower(strings.TrimSpace(a.Val))
			switch {
			case strings.HasPrefix(a.Key, "on"), a.Key == "style", a.Key == "srcdoc", a.Key == "http-equiv":
				wrong = append(wrong, "an attribute "+a.Key)
			case (a.Key == "href" || a.Key == "src" || a.Key == "action" || a.Key == "formaction") &&
				!strings.HasPrefix(value, "/") && !strings.HasPrefix(value, "#") && !strings.HasPrefix(value, base) && !strings.HasPrefix(value, "https://app.example.org/") &&
				!strings.HasPrefix(value, "data:text/plain;") && !strings.HasPrefix(value, "data:image/png;base64,") && value != "data:,":
				wrong = append(wrong, a.Key+" is "+value)
			}
		}
		if n.Data == "script" && n.FirstChild != nil && n.FirstChild.Data != `document.documentElement.className="js"` {
			wrong = append(wrong, "a script "+n.FirstChild.Data)
		}
	}
	if strings.Contains(l.header.Get("Set-Cookie"), "evil") {
		wrong = append(wrong, "a cookie")
	}
	return wrong
}

// TestPagesHostile: whatever people, links and operators write, a page shows it and
// nothing else.
func TestPagesHostile(t *testing.T) {
	s := start(t, setup{more: ownPages})
	for _, value := range hostileValues {
		check := func(what string, l leaf) {
			t.Helper()
			for _, wrong := range harmless(l, s.public) {
				t.Errorf("%s with %q: %s", what, value, wrong)
			}
			if l.status >= 500 && !strings.Contains(l.path, "error") {
				t.Errorf("%s with %q: %d", what, value, l.status)
			}
		}
		// Traits, typed and kept.
		c, p := s.client(t, page), stranger()
		l := c.shows("/ui/registration")
		l = c.arrive(c.presses(l, "password", "method", fields{"traits.email": value, "traits.name": value, "password": value}))
		check("a sign-up", l)
		traits := map[string]any{"email": p.email, "name": value}
		a := s.operator(t).send("POST", "/admin/identities", map[string]any{"schema_id": "person", "traits": traits,
			"credentials": map[string]any{"password": map[string]any{"config": fields{"password": p.password}}}})
		if a.status == 201 {
			own := s.client(t, page)
			own.signIn(p)
			for _, path := range []string{"/ui/settings", "/ui/welcome", "/ui/sessions", "/ui/logout", "/self-service/login/browser?refresh=true"} {
				l := own.arrive(own.get(path, "User-Agent", strings.Map(printable, value)))
				check(path, l)
			}
			l = own.shows("/ui/settings")
			if got := attribute(l.byID("profile-traits-name"), "value"); got != strings.ReplaceAll(value, "\r\n", "\n") && got != value {
				t.Errorf("the name is %q, want %q", got, value)
			}
			check("the profile", own.arrive(own.presses(l, "profile", "method", fields{"traits.email": value})))
		}
		// Names, codes and addresses.
		c = s.client(t, page)
		check("a login", c.arrive(c.presses(c.shows("/ui/login"), "password", "method", fields{"identifier": value, "password": value})))
		check("a code for a login", c.arrive(c.presses(c.shows("/ui/login"), "code", "method", fields{"identifier": value})))
		check("a recovery", c.arrive(c.presses(c.shows("/ui/recovery"), "code", "method", fields{"email": value})))
		check("a verification", c.arrive(c.presses(c.shows("/ui/verification"), "code", "method", fields{"email": value})))
		// Queries.
		quoted := url.QueryEscape(value)
		for _, path := range []string{"/ui/login?flow=", "/ui/error?id=", "/ui/sessions?done=", "/ui/logout?return_to=", "/ui/" + url.PathEscape(value) + "?", "/ui/assets/" + url.PathEscape(value) + "?"} {
			check(path, c.arrive(c.get(path+quoted)))
		}
		for _, parameter := range []string{"return_to", "ui_locales", "identity_schema", "aal", "via", "refresh"} {
			for _, kind := range []string{"login", "registration", "recovery", "verification"} {
				check(kind+" "+parameter, c.arrive(c.get(fmt.Sprintf("/self-service/%s/browser?%s=%s", kind, parameter, quoted), "Accept-Language", strings.Map(printable, value))))
			}
		}
	}
}

// printable leaves what a header may hold.
func printable(r rune) rune {
	if r < ' ' || r > '~' {
		return -1
	}
	return r
}

// TestPagesReplaced: a page that is configured takes the place of exactly that one.
func TestPagesReplaced(t *testing.T) {
	s := start(t, setup{more: strings.Replace(ownPages, `login: {ui_url: ""}`, `login: {ui_url: "`+loginPage+`"}`, 1)})
	c := s.client(t, page)
	c.get("/ui/login?return_to="+url.QueryEscape(welcome)+"&flow=x").leads(303, s.public+"/self-service/login/browser")
	c.get("/self-service/login/browser").leads(303, loginPage)
	c.get("/self-service/registration/browser").leads(303, s.public+"/ui/registration")
	c.get("/").is(404)
	c.shows("/ui/registration").is(200)
}

// TestPagesWithoutCookies: whoever's browser keeps no cookies is told so.
func TestPagesWithoutCookies(t *testing.T) {
	s := start(t, setup{more: ownPages})
	c := s.client(t, page)
	c.http.Jar = nil
	l := c.shows("/ui/login")
	if l.status != http.StatusOK || !strings.Contains(string(l.body), "security_csrf_violation") || l.byID("error-debug") == nil {
		t.Errorf("%d: %s", l.status, l.body)
	}
}

// TestPagesInAskedLanguage: people choose a language unless the application has asked for
// one that there is, within as many as are looked at.
func TestPagesInAskedLanguage(t *testing.T) {
	s := start(t, setup{more: ownPages})
	for asked, chooses := range map[string]bool{"": true, "sv": true, "sv+de": false, strings.Repeat("sv+", 32) + "de": true} {
		l := s.client(t, page).shows("/ui/error?id=stub:500&ui_locales=" + asked)
		if (l.byID("languages") != nil) != chooses {
			t.Errorf("ui_locales=%.20s: %t", asked, !chooses)
		}
	}
}

// TestPagesSayWhatWasDone: a page says what has led to it, once, and nothing else that
// somebody wants it to say.
func TestPagesSayWhatWasDone(t *testing.T) {
	s := start(t, setup{more: ownPages})
	c, p := s.client(t, page), s.person(t)
	said := func(l leaf) string {
		t.Helper()
		if n := l.byID("status"); n != nil {
			return text(n)
		}
		return ""
	}
	// A new password after a recovery, where somebody goes on afterwards.
	l := c.shows("/ui/recovery?return_to=" + url.QueryEscape(s.public+"/ui/welcome"))
	l = c.arrive(c.presses(l, "code", "method", fields{"email": p.email}))
	l = c.arrive(c.presses(l, "code", "method=code", fields{"code": s.mail(t, p.email, "recovery_code_valid").code()}))
	for _, password := range []string{"short", p.password + " and more"} {
		if first := l.all("section")[0]; attribute(first, "id") != "section-password" || !slices.Equal(l.primaries(), []string{"Save password"}) {
			t.Errorf("the first section is %s, the primary action is %q", attribute(first, "id"), l.primaries())
		}
		l = c.arrive(c.presses(l, "password", "method", fields{"password": password}))
	}
	if l.title() != "Welcome" || said(l) != "Your changes are saved." {
		t.Errorf("after the new password %q says %q", l.title(), said(l))
	}
	if l = c.shows("/ui/welcome"); said(l) != "" {
		t.Errorf("it is said again: %q", said(l))
	}

	// A session.
	revoke := func() answer {
		return c.send("POST", "/ui/sessions", url.Values{"csrf_token": {csrfOf(c.shows("/ui/sessions"))}, "action": {"revoke_others"}}).leads(303, s.public+"/ui/sessions")
	}
	word := revoke().cookies()["zelus_word"]
	if !word.HttpOnly || word.Path != "/ui/" {
		t.Errorf("the cookie is %v", word)
	}
	if l = c.shows("/ui/sessions"); said(l) != "You are signed out everywhere else." {
		t.Errorf("of a revoked session it says %q", said(l))
	}
	for _, path := range []string{"/ui/sessions?done=revoked", "/ui/data?done=kept", "/ui/welcome?done=saved"} {
		if l := c.shows(path); said(l) != "" {
			t.Errorf("%s says %q", path, said(l))
		}
	}
	if l := s.client(t, page).shows("/ui/data?done=deleted"); l.title() != "Sign in" {
		t.Errorf("an address says %q", l.title())
	}
	for _, value := range []string{"revoked", word.Value[:len(word.Value)-4] + "AAAA"} {
		if l := c.arrive(c.get("/ui/sessions", "Cookie", "zelus_word="+value)); said(l) != "" {
			t.Errorf("the cookie %s says %q", value, said(l))
		}
	}
	revoke()
	s.clock.advance(2 * time.Minute)
	if l = c.shows("/ui/sessions"); said(l) != "" {
		t.Errorf("long after it says %q", said(l))
	}
}

// primaries are the primary actions of a page.
func (l leaf) primaries() (all []string) {
	for _, n := range l.all("button", "a") {
		if slices.Contains(strings.Fields(attribute(n, "class")), "primary") {
			all = append(all, text(n))
		}
	}
	return all
}

// TestPagesSay: what is to be done on a page is called by what it does there, and once.
func TestPagesSay(t *testing.T) {
	s := start(t, setup{more: strings.NewReplacer("methods: {", "methods: {link: {enabled: true}, ", `registration: {ui_url: ""`, `registration: {ui_url: "", style: profile_first`,
		`recovery: {ui_url: ""`, `recovery: {ui_url: "", use: link`, `verification: {ui_url: ""`, `verification: {ui_url: "", use: link`).Replace(ownPages)})
	c, p := s.client(t, page), s.person(t)
	see := func(what string, l leaf, want ...string) {
		t.Helper()
		if got := l.primaries(); !slices.Equal(got, want) {
			t.Errorf("%s: the primary action is %q, want %q: %s", what, got, want, l.body)
		}
	}
	see("the first of two steps", c.shows("/ui/registration"), "Continue")
	for _, kind := range []string{"recovery", "verification"} {
		l := c.shows("/ui/" + kind)
		see(kind, l, "Continue")
		l = c.arrive(c.presses(l, "link", "method", fields{"email": p.email}))
		see(kind+" by mail", l)
		if got := text(l.byID("link").LastChild.PrevSibling); got != "Send again" {
			t.Errorf("%s: the button says %q", kind, got)
		}
		if (l.byID("link-later") != nil) != (kind == "verification") {
			t.Errorf("%s: later: %s", kind, l.body)
		}
	}

	// A wrong code of an app says nothing of security keys.
	c.signIn(p)
	l := c.shows("/ui/settings")
	l = c.arrive(c.presses(l, "totp", "method", fields{"totp_code": "000000"}))
	if got := text(l.byID("errors")); !strings.Contains(got, "your app shows now") || strings.Contains(got, "security key") {
		t.Errorf("of a wrong code is said %q", got)
	}
}
