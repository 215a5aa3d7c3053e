package app

import (
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"zelus/internal/config"
)

// signInPage is the text of the page that people sign in on.
func signInPage(t *testing.T, s *server) string {
	t.Helper()
	return signInPageFor(t, s, "")
}

// signInPageFor is what somebody is shown whose browser asks for these languages.
func signInPageFor(t *testing.T, s *server, accept string) string {
	t.Helper()
	c := s.client(t, page)
	flow := c.get("/self-service/login/browser").is(303).query("flow")
	return string(c.get("/ui/login?flow="+flow, "Accept-Language", accept).is(200).body)
}

// builtIn has people sign in on our page.
const builtIn = "selfservice: {flows: {login: {ui_url: ''}}}\n"

// asset is what a page loads whose path matches.
func asset(t *testing.T, s *server, text, pattern string) answer {
	t.Helper()
	found := regexp.MustCompile(`"[^"]*(/ui/assets/` + pattern + `)"`).FindStringSubmatch(text)
	if found == nil {
		t.Fatalf("no %s is on the page:\n%s", pattern, text)
	}
	return s.client(t, page).get(found[1]).is(200)
}

const picture = `<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>`

// TestBranding: pages wear what the configuration says, at once.
func TestBranding(t *testing.T) {
	s := start(t, setup{more: builtIn})
	before := asset(t, s, signInPage(t, s), `page\.[0-9a-f]+\.css`)
	s.reconfigure(t, builtIn+`
branding:
  name: Acme <& Co>
  logo_url: base64://`+encoded(picture)+`
  colors: {light: {accent: '#0b6e4f'}}
  links: {terms_url: 'https://www.example.org/terms', support_url: 'mailto:help@example.org'}
  css_url: base64://`+encoded(".brand { color: red }")+`
`)
	text := signInPage(t, s)
	for _, want := range []string{"Acme &lt;&amp; Co&gt;", `href="https://www.example.org/terms"`, `href="mailto:help@example.org"`} {
		if !strings.Contains(text, want) {
			t.Errorf("%s is missing:\n%s", want, text)
		}
	}
	if strings.Contains(text, "link-privacy") || strings.Contains(text, `id="development"`) {
		t.Errorf("there is a link that nobody asked for, or a banner:\n%s", text)
	}
	css := string(asset(t, s, text, `page\.[0-9a-f]+\.css`).body)
	if !strings.Contains(css, "--accent:#0b6e4f;") || !strings.HasSuffix(css, ".brand { color: red }") {
		t.Errorf("the style sheet is %s", css)
	}
	logo := asset(t, s, text, `logo\.[0-9a-f]+\.svg`)
	if policy := logo.header.Get("Content-Security-Policy"); string(logo.body) != picture || logo.header.Get("Content-Type") != "image/svg+xml" || !strings.Contains(policy, "sandbox") || strings.Contains(policy, "script-src") {
		t.Errorf("the logo has the policy %q: %s", policy, logo.body)
	}
	// Who got their page before still gets its style sheet.
	s.client(t, page).get(before.path).is(200)
}

// TestOwnTemplates: an operator's templates take the place of ours when they change.
// One that cannot work is refused, with file and line, and the last good one stays;
// one that fails for somebody is replaced by ours.
func TestOwnTemplates(t *testing.T) {
	folder := t.TempDir()
	write := func(name, text string) {
		t.Helper()
		if err := os.WriteFile(filepath.Join(folder, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	const mine = `<h1>{{template "_greeting.html" .}}</h1>{{range .Body.Forms}}{{template "form" .}}{{end}}`
	write("flow.html", mine)
	write("_greeting.html", `Hello from {{.Brand.Name}}`)
	s := start(t, setup{more: builtIn})
	s.reconfigure(t, builtIn+"branding: {name: Acme, template_override_path: "+folder+"}\n")
	if text := signInPage(t, s); !strings.HasPrefix(text, "<h1>Hello from Acme</h1>") || !strings.Contains(text, `name="csrf_token"`) {
		t.Errorf("the page is %s", text)
	}
	write("_greeting.html", `Good day from {{.Brand.Name}}`)
	shows := func(what string) func() bool { return func() bool { return strings.Contains(signInPage(t, s), what) } }
	eventually(t, "the changed template is in force", shows("<h1>Good day"))

	for text, want := range map[string]string{
		"\n\n{{.Titel}}":     "flow.html:3:2: there is no field .Titel here",
		"{{if}}":             "flow.html:1: missing value for if",
		"{{.Body.Nothing}}":  "flow.html:1:7: executing \\\"flow.html\\\" at <.Body.Nothing>: can't evaluate field Nothing",
		`{{template "no"}}`:  `flow.html:1:11: there is no template \"no\"`,
		`<a href={{.Title}}`: "flow.html:", // the tag is not closed
	} {
		write("flow.html", text)
		eventually(t, "the log names "+want, func() bool {
			return strings.Contains(s.log.String(), "branding.template_override_path: "+folder+": ") && strings.Contains(s.log.String(), want)
		})
		if !shows("<h1>Good day")() {
			t.Errorf("with %q the last good one did not stay", text)
		}
	}
	write("flow.html", mine)
	write("login.html", "never shown")
	eventually(t, "a name that is none is refused", func() bool {
		return strings.Contains(s.log.String(), "login.html: there is no template of this name to replace")
	})
	if err := os.Remove(filepath.Join(folder, "login.html")); err != nil {
		t.Fatal(err)
	}
	write("flow.html", `{{index .Body.Forms 7}}`)
	eventually(t, "the built-in page is shown", shows("<!DOCTYPE html>"))
	if log := s.log.String(); !strings.Contains(log, "a template failed") || !strings.Contains(log, "<index .Body.Forms 7>") {
		t.Errorf("the log does not say so: %s", log)
	}
}

// TestBanner: a server for trying things out says so, and no other.
func TestBanner(t *testing.T) {
	s := serve(t, open(t, Options{Config: config.Options{Flags: config.Flags{Dev: true}, DataDir: filepath.Join(t.TempDir(), "data")}, Log: io.Discard, Clock: time.Now}))
	if text := signInPage(t, s); !strings.Contains(text, `id="development"`) || !strings.Contains(text, `href="http://localhost:4433/dev/mail"`) {
		t.Errorf("it does not say so:\n%s", text)
	}
}

// TestLanguages: pages and messages speak the languages that are offered, with the
// operator's words for what the operator has named.
func TestLanguages(t *testing.T) {
	folder := t.TempDir()
	write := func(text string) {
		t.Helper()
		if err := os.WriteFile(filepath.Join(folder, "de.json"), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write(`{"E-mail": "Postadresse"}`)
	s := start(t, setup{more: builtIn})
	if text := signInPageFor(t, s, "ja, de;q=0.5"); !strings.Contains(text, `<html lang="ja"`) {
		t.Errorf("it is not Japanese:\n%s", text)
	}
	s.reconfigure(t, builtIn+"languages: {default: de, offered: [fr, de], translations_path: "+folder+"}\n")
	text := signInPageFor(t, s, "ja, en;q=0.5")
	if !strings.Contains(text, `<html lang="de"`) || !strings.Contains(text, "Postadresse") || !strings.Contains(text, "Français") || strings.Contains(text, "Polski") {
		t.Errorf("it is not German, with our word and one more language to choose from:\n%s", text)
	}
	if text := signInPageFor(t, s, "en, fr;q=0.5"); !strings.Contains(text, `<html lang="fr"`) {
		t.Errorf("it is not French:\n%s", text)
	}
	write(`{"E-mail": "Briefkasten"}`)
	eventually(t, "the changed word is in force", func() bool { return strings.Contains(signInPageFor(t, s, "de"), "Briefkasten") })
	write(`{"1010001": "{nothing}"}`)
	eventually(t, "what cannot be said is refused", func() bool {
		return strings.Contains(s.log.String(), "languages.translations_path: "+folder+": de.json: ")
	})
	if !strings.Contains(signInPageFor(t, s, "de"), "Briefkasten") {
		t.Error("the last good word did not stay")
	}
}
