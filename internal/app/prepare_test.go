package app

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"zelus/internal/config"
	"zelus/internal/courier"
	"zelus/internal/courier/templates"
	"zelus/internal/hash"
	"zelus/internal/store"
	"zelus/internal/web"
)

// loadWith loads the configuration in testdata with more laid over it.
func loadWith(t *testing.T, more string) (*config.Config, error) {
	t.Helper()
	s := &server{dir: t.TempDir(), public: "http://127.0.0.1:1", admin: "http://127.0.0.1:2"}
	s.configure(t, setup{dsn: "sqlite://" + filepath.Join(s.dir, "zelus.db"), more: more})
	c, _, err := config.Load(config.Options{Files: s.files(), ReadOnly: true})
	return c, err
}

// TestLimitsOfHashing: the configuration takes just the numbers that can be
// hashed with, so that whoever writes another learns its file and line.
func TestLimitsOfHashing(t *testing.T) {
	tests := []struct {
		key, unit   string
		least, most int
		params      func(int) hash.Params
	}{
		{"bcrypt: {cost: ", "", 4, 15, func(n int) hash.Params { return hash.Params{BcryptCost: n} }},
		{"argon2: {iterations: ", "", 1, 10, func(n int) hash.Params { return hash.Params{Argon2: hash.Argon2{Iterations: n}} }},
		{"argon2: {parallelism: ", "", 1, 16, func(n int) hash.Params { return hash.Params{Argon2: hash.Argon2{Parallelism: n}} }},
		{"argon2: {salt_length: ", "", 16, 128, func(n int) hash.Params { return hash.Params{Argon2: hash.Argon2{SaltLength: n}} }},
		{"argon2: {key_length: ", "", 16, 128, func(n int) hash.Params { return hash.Params{Argon2: hash.Argon2{KeyLength: n}} }},
		{"argon2: {memory: ", "KB", 8, 1 << 20, func(n int) hash.Params { return hash.Params{Argon2: hash.Argon2{MemoryKiB: n}} }},
		{"argon2: {parallelism: 3, memory: ", "KB", 24, 1 << 20, func(n int) hash.Params {
			return hash.Params{Argon2: hash.Argon2{Parallelism: 3, MemoryKiB: n}}
		}},
	}
	for _, test := range tests {
		for n, want := range map[int]bool{-1: false, test.least - 1: false, test.least: true, test.most: true, test.most + 1: false} {
			text := fmt.Sprintf("hashers: {%s%d%s}}", test.key, n, test.unit)
			c, err := loadWith(t, text)
			if (err == nil) != want {
				t.Errorf("config takes %s: %v", text, err)
			}
			if err == nil {
				if _, err := prepare(t.Context(), c, nil, interpreter(t)); err != nil {
					t.Errorf("%s cannot be put in force: %v", text, err)
				}
			}
			// To package hash, nothing is the default.
			if _, err := test.params(n).WithDefaults(); (err == nil) != want && n != 0 {
				t.Errorf("hash takes %s: %v", text, err)
			}
		}
	}
}

// unworkable are settings that are valid in themselves and cannot work. They
// begin on the second line.
var unworkable = []struct{ name, more, want string }{
	{"header of our own", "\ncourier:\n  smtp:\n    connection_uri: smtp://localhost:25\n    headers:\n      From: x@example.org\n",
		"more.yml:6: courier.smtp.headers.From: "},
	{"parameter of the mail server", "\ncourier: {smtp: {connection_uri: 'smtp://localhost:25/?disable_startls=true'}}\n",
		"more.yml:2: courier.smtp.connection_uri: "},
	{"certificate for the mail server", "\ncourier: {smtp: {connection_uri: 'smtp://localhost:25', client_cert_path: /nowhere/c, client_key_path: /nowhere/k}}\n",
		"more.yml:2: courier.smtp.client_cert_path: "},
	{"no address of the service for mail", "\ncourier: {delivery_strategy: http}\n", "more.yml:2: courier.http.request_config.url: "},
	{"body for the service", "\ncourier:\n  channels:\n    - id: sms\n      request_config: {url: 'https://sms.example.org', body: 'base64://" + encoded("{") + "'}\n",
		"more.yml:5: courier.channels.0.request_config.body: it is not valid Jsonnet"},
	{"body that is not there", "\ncourier:\n  channels:\n    - id: sms\n      request_config: {url: 'https://sms.example.org', body: 'file:///nowhere/at/all'}\n",
		"more.yml:5: courier.channels.0.request_config.body: "},
	{"one channel too many", "\ncourier:\n  channels:\n    - {id: sms, request_config: {url: 'https://sms.example.org'}}\n    - {id: sms, request_config: {url: 'https://sms.example.org'}}\n",
		"more.yml:5: courier.channels.1.id: "},
	{"pattern", "\nclients:\n  http:\n    private_ip_exception_urls:\n      - http://a\n      - http://[b\n",
		"more.yml:6: clients.http.private_ip_exception_urls.1: "},
	{"schema", "\nidentity:\n  schemas:\n    - {id: person, url: 'base64://e30K'}\n    - {id: gone, url: 'file:///nowhere/at/all.json'}\n",
		"more.yml:5: identity.schemas.1: "},
	{"colour with too little contrast", "\nbranding:\n  colors:\n    light: {accent: '#fc0'}\n",
		"more.yml:4: branding.colors.light.accent: #ffcc00 has a contrast of 1.51:1 with the background, #ffffff; buttons and the focus ring need at least 3:1 (WCAG 2.2, 1.4.11); #b49000 would do"},
	{"logo that is none", "\nbranding:\n  logo_url: base64://" + encoded("hello") + "\n", "more.yml:3: branding.logo_url: "},
	{"link to a script", "\nbranding: {links: {terms_url: 'javascript:alert(1)'}}\n", "more.yml:2: branding.links.terms_url: "},
	{"folder of texts", "\nlanguages:\n  translations_path: /nowhere/at/all\n", "more.yml:3: languages.translations_path: "},
	{"folder of pages", "\nbranding:\n  template_override_path: /nowhere/at/all\n", "more.yml:3: branding.template_override_path: "},
	{"folder of templates", "\ncourier:\n  template_override_path: /nowhere/at/all\n", "more.yml:3: courier.template_override_path: "},
	{"template", "\ncourier:\n  templates:\n    login_code: {valid: {email: {body: {html: 'base64://e3sgLk5vdGhpbmcgfX0='}}}}\n",
		"more.yml:4: courier.templates.login_code.valid.email.body.html: base64://…: email.body.gotmpl:1:3: there is no field .Nothing here"},
}

func TestUnworkableAtStart(t *testing.T) {
	tests := slices.Concat(unworkable, []struct{ name, more, want string }{
		{"database", "\ndsn: mysql://u:hunter2@tcp(localhost)/db\n", "more.yml:2: dsn: a database of the kind mysql"},
		{"key of tokens", "\nsession:\n  whoami:\n    tokenizer:\n      templates:\n        plain:\n          jwks_url: base64://" + encoded(`{"keys":[{"kty":"oct","k":"aHVudGVyMg"}]}`) + "\n",
			"more.yml:7: session.whoami.tokenizer.templates.plain.jwks_url: "},
		{"program of tokens", "\nsession: {whoami: {tokenizer: {templates: {plain: {jwks_url: 'base64://" + encoded(tokenKeys) + "', claims_mapper_url: 'base64://" + encoded("{\n  claims: }") + "'}}}}}\n",
			"more.yml:2: session.whoami.tokenizer.templates.plain.claims_mapper_url: it is not valid Jsonnet at line 2, column 11: "},
	})
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			s := &server{dir: t.TempDir(), public: "http://127.0.0.1:1", admin: "http://127.0.0.1:2"}
			dsn := filepath.Join(s.dir, "data", "zelus.db")
			s.configure(t, setup{dsn: "sqlite://" + dsn, more: test.more})
			options := config.Options{Files: s.files()}
			a, err := New(t.Context(), Options{Config: options, Log: io.Discard, Clock: time.Now, Jsonnet: child(t)})
			if err == nil {
				a.Close()
				t.Fatal("the server starts")
			}
			if !strings.Contains(err.Error(), test.want) || strings.Contains(err.Error(), "hunter2") {
				t.Errorf("the error does not say %q: %v", test.want, err)
			}
			// The command that checks says the same.
			c, _, err := config.Load(options)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := Check(t.Context(), c, nil, child(t)); err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("Check does not say %q: %v", test.want, err)
			}
			if _, err := os.Stat(filepath.Dir(dsn)); !os.IsNotExist(err) {
				t.Errorf("the database was touched: %v", err)
			}
		})
	}
	c, err := loadWith(t, "{}")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := Check(t.Context(), c, nil, child(t)); err != nil {
		t.Errorf("nothing is wrong: %v", err)
	}
}

// TestUnworkableReload: no part of a configuration that cannot work comes into
// force.
func TestUnworkableReload(t *testing.T) {
	s := start(t, setup{})
	s.watch(t)
	before, revision := s.app.now.Load(), s.revision(t)
	for _, test := range unworkable {
		// What the other parts would take at once, if they were asked.
		s.write(t, test.more+"session: {cookie: {name: changed}}\nselfservice: {methods: {password: {config: {min_password_length: 40}}}}\nsecrets: {default: [another-secret-of-this-test]}\n")
		eventually(t, "the log names the "+test.name, func() bool { return strings.Contains(s.log.String(), test.want) })
		if s.app.now.Load() != before || s.revision(t) != revision {
			t.Fatalf("%s: the configuration is in force", test.name)
		}
		p := s.person(t)
		c := s.client(t, script)
		if set := c.signIn(p).cookies(); set[sessionCookie] == nil {
			t.Errorf("%s: a sign-in sets the cookies %v", test.name, set)
		}
	}
}

func TestWhereMailGoes(t *testing.T) {
	s := start(t, setup{})
	mailPage := func() int { return s.client(t, page).get("/dev/mail").status }
	if _, caught := s.app.sender("email").(*courier.Catcher); !caught || !s.app.Config().CatchesMail() || mailPage() != http.StatusOK {
		t.Errorf("in development without a mail server, mail goes to %T; the page says %d", s.app.sender("email"), mailPage())
	}
	if _, caught := s.app.sender("sms").(*courier.Catcher); !caught {
		t.Error("text messages are not caught")
	}

	s.reconfigure(t, "courier: {smtp: {connection_uri: 'smtp://localhost:25'}}")
	if _, sent := s.app.sender("email").(*courier.SMTP); !sent || s.app.Config().CatchesMail() {
		t.Errorf("with a mail server, mail goes to %T", s.app.sender("email"))
	}
	if got := s.app.sender("sms"); got != nil {
		t.Errorf("with a mail server, text messages go to %T", got)
	}
	if got := mailPage(); got != http.StatusOK {
		t.Errorf("in development, the page says %d", got)
	}

	s.reconfigure(t, "courier: {channels: [{id: sms, request_config: {url: 'http://127.0.0.1:1'}}]}")
	if _, caught := s.app.sender("email").(*courier.Catcher); !caught {
		t.Errorf("with a service for text messages alone, mail goes to %T", s.app.sender("email"))
	}
	if _, sent := s.app.sender("sms").(*courier.HTTP); !sent {
		t.Errorf("with a service for them, text messages go to %T", s.app.sender("sms"))
	}
	// The mail server is not used, nor missed.
	s.reconfigure(t, "courier: {delivery_strategy: http, http: {request_config: {url: 'http://127.0.0.1:1'}}, smtp: {connection_uri: 'smtp://localhost:25'}}")
	if _, sent := s.app.sender("email").(*courier.HTTP); !sent || s.app.Config().CatchesMail() || s.app.sender("sms") != nil {
		t.Errorf("with a service for mail, mail goes to %T and text messages to %T", s.app.sender("email"), s.app.sender("sms"))
	}

	s.reconfigure(t, "dev: false\nhashers: {bcrypt: {cost: 12}}\n")
	if got := s.app.sender("email"); got != nil || s.app.Config().CatchesMail() {
		t.Errorf("outside development without a mail server, mail goes to %T", got)
	}
	if got := mailPage(); got != http.StatusNotFound {
		t.Errorf("outside development, the page says %d", got)
	}
	s.reconfigure(t, "{}")
	if _, caught := s.app.sender("email").(*courier.Catcher); !caught {
		t.Errorf("in development again, mail goes to %T", s.app.sender("email"))
	}
}

// TestTemplatesInForce: messages say what the configuration in force says, under
// the name that it gives to the service.
func TestTemplatesInForce(t *testing.T) {
	s := start(t, setup{})
	mail := func(template string) *templates.Rendered {
		t.Helper()
		r, err := s.app.templates().Render(template, "email", "en", templates.Data{To: "ada@example.org", LoginCode: "123456"})
		if err != nil {
			t.Fatal(err)
		}
		return r
	}
	if got, want := mail("login_code_valid").Subject, "123456 is your code to sign in to 127.0.0.1"; got != want {
		t.Errorf("the built-in subject is %q, want %q", got, want)
	}
	dir := filepath.Join(t.TempDir(), "verification", "invalid")
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "email.subject.gotmpl"), []byte("From the folder"), 0o644); err != nil {
		t.Fatal(err)
	}
	s.reconfigure(t, "courier:\n  template_override_path: "+filepath.Dir(filepath.Dir(dir))+"\n  smtp: {from_name: Acme}\n"+
		"  templates: {login_code: {valid: {email: {subject: 'base64://SGVsbG8ge3sgLkJyYW5kIH19', body: {html: '', plaintext: ''}}}}}\n")
	if got := mail("login_code_valid").Subject; got != "Hello Acme" {
		t.Errorf("the subject from a URL is %q", got)
	}
	if got := mail("verification_invalid").Subject; got != "From the folder" {
		t.Errorf("the subject from a file is %q", got)
	}
	// A change of the file alone is taken over too.
	if err := os.WriteFile(filepath.Join(dir, "email.subject.gotmpl"), []byte("From the changed folder"), 0o644); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the changed template is in force", func() bool { return mail("verification_invalid").Subject == "From the changed folder" })
}

// TestEveryTemplateKey: each key below courier.templates leads to the template
// of that name.
func TestEveryTemplateKey(t *testing.T) {
	email := config.EmailTemplate{Subject: "subject", Body: config.EmailBody{Plaintext: "plain", HTML: "html"}}
	sms := config.SMSTemplate{Body: config.SMSBody{Plaintext: "sms"}}
	valid := &config.RequiredMail{Email: email, SMS: sms}
	both := config.Outcomes{Invalid: &config.MailOnly{Email: email}, Valid: valid}
	c := &config.Config{}
	c.Courier.Templates = config.Templates{Recovery: both, RecoveryCode: both, Verification: both, VerificationCode: both,
		RegistrationCode: config.ValidOnly{Valid: valid}, LoginCode: config.ValidOnly{Valid: valid},
		VerifiableAddressChanged: config.MessageTemplates{Email: email, SMS: sms}}
	got := templateSettings(c, nil).Remote
	want := map[string]string{}
	for _, key := range []string{"recovery.valid", "recovery_code.valid", "verification.valid", "verification_code.valid", "registration_code.valid",
		"login_code.valid", "verifiable_address_changed", "recovery.invalid", "recovery_code.invalid", "verification.invalid", "verification_code.invalid"} {
		want[key+".email.subject"], want[key+".email.body.plaintext"], want[key+".email.body.html"] = "subject", "plain", "html"
		if !strings.HasSuffix(key, ".invalid") {
			want[key+".sms.body.plaintext"] = "sms"
		}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestMailServerInside(t *testing.T) {
	c, err := loadWith(t, "courier: {smtp: {connection_uri: 'smtp://127.0.0.1:1'}}\nclients: {smtp: {disallow_private_ip_ranges: true}}\n")
	if err != nil {
		t.Fatal(err)
	}
	sender, err := mailServer(c)
	if err != nil {
		t.Fatal(err)
	}
	if err := sender.Send(t.Context(), &store.Message{Type: "email", Recipient: "a@example.org"}); !errors.Is(err, web.ErrPrivateAddress) {
		t.Errorf("a mail server with a private address: %v", err)
	}
}

// TestTextsOverHTTP: what is configured for text messages is what is sent.
func TestTextsOverHTTP(t *testing.T) {
	got := make(chan string, 1)
	service := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		user, password, _ := r.BasicAuth()
		body, _ := io.ReadAll(r.Body)
		got <- fmt.Sprint(r.Method, " ", r.URL.Path, " ", user, ":", password, " ", r.Header.Get("X-From"), " ", strings.Join(strings.Fields(string(body)), ""))
	}))
	t.Cleanup(service.Close)
	s := start(t, setup{more: "courier: {channels: [{id: sms, request_config: {url: '" + service.URL + "/sms', headers: {X-From: zelus}, body: 'base64://" +
		encoded("function(ctx) { to: ctx.recipient, text: ctx.body }") + "', auth: {type: basic_auth, config: {user: contract, password: secret}}}}]}"})
	text := store.Message{Type: "sms", Channel: "sms", Template: "login_code_valid", Recipient: "+493090182000", Body: "123456"}
	if err := s.app.sender("sms").Send(t.Context(), &text); err != nil {
		t.Fatal(err)
	}
	if got, want := <-got, `POST /sms contract:secret zelus {"text":"123456","to":"+493090182000"}`; got != want {
		t.Errorf("%s, want %s", got, want)
	}
	s.reconfigure(t, "courier: {channels: [{id: sms, request_config: {url: '"+service.URL+"/key', auth: {type: api_key, config: {name: X-From, value: secret, in: header}}}}]}")
	if err := s.app.sender("sms").Send(t.Context(), &text); err != nil {
		t.Fatal(err)
	}
	if got := <-got; !strings.HasPrefix(got, "POST /key : secret {") || !strings.Contains(got, `"body":"123456"`) {
		t.Errorf("with the built-in body: %s", got)
	}
	s.reconfigure(t, "courier: {channels: [{id: sms, request_config: {url: '"+service.URL+"'}}]}\nclients: {http: {disallow_private_ip_ranges: true}}\n")
	if err := s.app.sender("sms").Send(t.Context(), &text); !errors.Is(err, web.ErrPrivateAddress) {
		t.Errorf("a service with a private address: %v", err)
	}
}

// TestSchemaInside: the rules for outgoing requests hold for identity schemas.
func TestSchemaInside(t *testing.T) {
	text, err := os.ReadFile("testdata/person.schema.json")
	if err != nil {
		t.Fatal(err)
	}
	inside := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.Write(text) }))
	t.Cleanup(inside.Close)
	schemas := "identity: {schemas: [{id: person, url: '" + inside.URL + "/person.json'}]}\n"
	for name, test := range map[string]struct {
		more string
		want error
	}{
		"allowed":   {schemas, nil},
		"refused":   {schemas + "clients: {http: {disallow_private_ip_ranges: true}}\n", web.ErrPrivateAddress},
		"excepted":  {schemas + "clients: {http: {disallow_private_ip_ranges: true, private_ip_exception_urls: ['" + inside.URL + "/*.json']}}\n", nil},
		"other one": {schemas + "clients: {http: {disallow_private_ip_ranges: true, private_ip_exception_urls: ['" + inside.URL + "/x']}}\n", web.ErrPrivateAddress},
	} {
		c, err := loadWith(t, test.more)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := prepare(t.Context(), c, nil, interpreter(t)); !errors.Is(err, test.want) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestProxies(t *testing.T) {
	find := proxies([]string{"HTTP_PROXY=http://one:3128", "https_proxy=two:3128", "NO_PROXY=.internal", "HTTPS_PROXY=", "PATH=/bin"})
	for address, want := range map[string]string{
		"http://example.org/":  "http://one:3128",
		"https://example.org/": "http://two:3128",
		"http://a.internal/":   "",
	} {
		u, err := find(mustURL(t, address))
		if err != nil {
			t.Fatal(err)
		}
		if u == nil {
			u = &url.URL{}
		}
		if u.String() != want {
			t.Errorf("%s goes through %q, want %q", address, u, want)
		}
	}
	if u, err := proxies(nil)(mustURL(t, "http://example.org/")); u != nil || err != nil {
		t.Errorf("without variables: %v, %v", u, err)
	}
}

func TestVaryCookie(t *testing.T) {
	s := start(t, setup{})
	c := s.client(t, app)
	for path, want := range map[string]string{"/health/alive": "", "/health/ready": "", "/sessions/whoami": "Cookie", "/schemas": "Cookie", "/.well-known/ory/webauthn.js": ""} {
		if got := c.get(path).header.Get("Vary"); got != want {
			t.Errorf("%s has Vary: %q, want %q", path, got, want)
		}
	}
}

// TestNearby: a page on the internet whose own name leads to this machine does not get
// at what is for developers.
func TestNearby(t *testing.T) {
	c := &config.Config{}
	c.Serve.Public.BaseURL, c.Serve.Admin.BaseURL = "https://login.example.org/", "https://Admin.example.org/"
	for host, want := range map[string]struct{ here, there bool }{
		"localhost:4433": {true, true}, "localhost.:4433": {true, true}, "LOCALHOST": {true, true}, "app.localhost": {true, true},
		"127.0.0.1:4433": {true, true}, "[::1]:4433": {true, true}, "login.example.org": {true, true}, "admin.example.org": {true, true},
		"zelus:4433": {false, true}, "zelus.default.svc.cluster.local:4434": {false, true}, "host.docker.internal:4434": {false, true}, "router.test": {false, true},
		"rebound.example.com:4433": {}, "127.0.0.1.example.com": {}, "login.example.org.evil.example": {}, "": {}, ".": {},
	} {
		for peer, want := range map[string]bool{"127.0.0.1:50000": want.here, "[::1]:50000": want.here, "[::ffff:127.0.0.1]:50000": want.here, "172.17.0.5:50000": want.there, "@": true} {
			if got := nearby(c, &http.Request{Host: host, RemoteAddr: peer}); got != want {
				t.Errorf("%q, asked from %q: %v", host, peer, got)
			}
		}
	}
}

// TestForeignNames: in development neither the mail that is caught nor the admin API is
// read under the name of a page on the internet; otherwise keys guard the admin API,
// and proxies may call it as they like.
func TestForeignNames(t *testing.T) {
	for dev, foreign := range map[bool]string{true: "403", false: "200"} {
		s := start(t, setup{more: fmt.Sprintf("dev: %v\nhashers: {bcrypt: {cost: 12}}", dev)})
		ask := func(address, host string) int {
			t.Helper()
			r, err := http.NewRequestWithContext(t.Context(), "GET", address, nil)
			if err != nil {
				t.Fatal(err)
			}
			r.Host = host
			answer, err := http.DefaultClient.Do(r)
			if err != nil {
				t.Fatal(err)
			}
			answer.Body.Close()
			return answer.StatusCode
		}
		agree(t, "a name of this machine", fmt.Sprint(ask(s.admin+"/admin/identities", "localhost:4434")), "200")
		agree(t, "a foreign name", fmt.Sprint(ask(s.admin+"/admin/identities", "rebound.example.com:4434")), foreign)
		agree(t, "mail under a foreign name", fmt.Sprint(ask(s.public+"/dev/mail", "rebound.example.com:4433")), "404")
	}
}
