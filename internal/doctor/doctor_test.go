package doctor_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"zelus/internal/app"
	"zelus/internal/config"
	"zelus/internal/courier/couriertest"
	"zelus/internal/doctor"
	"zelus/internal/store/storetest"
)

// secretOf is in the configuration, and must be in no report.
const (
	secretOf   = "S3cret-of-these-tests-which-nobody-must-see"
	cipherOf   = "0f1e2d3c4b5a69788796a5b4c3d2e1f0"
	personOf   = `{"type":"object","properties":{"traits":{"type":"object","properties":{"email":{"type":"string","format":"email","ory.sh/kratos":{"credentials":{"password":{"identifier":true},"code":{"identifier":true,"via":"email"},"passkey":{"display_name":true}},"verification":{"via":"email"},"recovery":{"via":"email"}}}}}}}`
	namelessOf = `{"type":"object","properties":{"traits":{"type":"object","properties":{"shoe":{"type":"string"}}}}}`
)

// clinic is all that a healthy configuration leads to: a server behind a proxy, a
// page, a mail server and a service for text messages, each of them real.
type clinic struct {
	proxy, page, texts *httptest.Server
	mail               *couriertest.Server
	dsn                string
	dir                string
	// through is what the proxy does to a request, back to an answer; nil changes
	// nothing.
	through func(*httputil.ProxyRequest)
	back    func(*http.Response) error
	// ahead is how far the clock of the server is ahead.
	ahead atomic.Int64
	// running is the handler of the server; nil while there is none.
	running atomic.Pointer[http.Handler]
}

func open(t *testing.T, dsn string) *clinic {
	t.Helper()
	c := &clinic{mail: couriertest.Start(t), dir: t.TempDir(), dsn: dsn}
	if c.dsn == "" {
		c.dsn = "sqlite://" + filepath.Join(c.dir, "zelus.db")
	}
	inner := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if h := c.running.Load(); h != nil {
			(*h).ServeHTTP(w, r)
			return
		}
		http.Error(w, "nobody is there", http.StatusBadGateway)
	}))
	t.Cleanup(inner.Close)
	to, err := url.Parse(inner.URL)
	if err != nil {
		t.Fatal(err)
	}
	c.proxy = httptest.NewServer(&httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) {
		r.SetURL(to)
		r.Out.Host = r.In.Host
		for _, name := range []string{"True-Client-Ip", "Cf-Connecting-Ip", "X-Real-Ip"} {
			r.Out.Header.Del(name)
		}
		r.SetXForwarded()
		if c.through != nil {
			c.through(r)
		}
	}, ModifyResponse: func(r *http.Response) error {
		if c.back != nil {
			return c.back(r)
		}
		return nil
	}})
	t.Cleanup(c.proxy.Close)
	ok := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.HasPrefix(r.URL.Path, "/missing") {
			http.NotFound(w, r)
		}
	})
	c.page, c.texts = httptest.NewServer(ok), httptest.NewServer(ok)
	t.Cleanup(c.page.Close)
	t.Cleanup(c.texts.Close)
	return c
}

// healthy is a configuration in which nothing is wrong.
func (c *clinic) healthy() map[string]any {
	type m = map[string]any
	return m{
		"dsn": c.dsn,
		"log": m{"level": "error"},
		"serve": m{
			"public": m{"base_url": c.proxy.URL + "/", "host": "127.0.0.1", "trusted_proxies": []string{"127.0.0.1/32"},
				"cors": m{"enabled": true, "allowed_origins": []string{c.page.URL}}},
			"admin": m{"host": "127.0.0.1"},
		},
		"cookies": m{"secure": false},
		"session": m{"cookie": m{"secure": false}},
		"selfservice": m{
			"default_browser_return_url": c.page.URL + "/",
			"allowed_return_urls":        []string{c.page.URL + "/"},
			"methods":                    m{"password": m{"config": m{"haveibeenpwned_enabled": false}}},
			"flows": m{
				"login":        m{"ui_url": c.page.URL + "/login"},
				"registration": m{"ui_url": c.page.URL + "/registration"},
				"settings":     m{"ui_url": c.page.URL + "/settings"},
				"recovery":     m{"enabled": true, "ui_url": c.page.URL + "/recovery"},
				"verification": m{"enabled": true, "ui_url": c.page.URL + "/verification"},
			},
		},
		"courier": m{
			"smtp":     m{"connection_uri": c.mail.URI(), "from_address": "id@example.org"},
			"channels": []any{m{"id": "sms", "request_config": m{"url": c.texts.URL + "/send"}}},
		},
		"hashers":  m{"algorithm": "argon2", "argon2": m{"memory": "19MB", "iterations": 2}},
		"secrets":  m{"cookie": []string{secretOf}, "default": []string{secretOf + "2"}, "cipher": []string{cipherOf}},
		"identity": m{"schemas": []any{m{"id": "default", "url": "base64://" + encode(personOf)}}},
	}
}

// set changes a value; the path has dots. nil takes it away.
func set(values map[string]any, path string, value any) {
	at, names := values, strings.Split(path, ".")
	for _, name := range names[:len(names)-1] {
		next, ok := at[name].(map[string]any)
		if !ok {
			next = map[string]any{}
			at[name] = next
		}
		at = next
	}
	if value == nil {
		delete(at, names[len(names)-1])
		return
	}
	at[names[len(names)-1]] = value
}

// write writes a configuration, as JSON, which has a line for each value.
func (c *clinic) write(t *testing.T, name string, values map[string]any) config.Options {
	t.Helper()
	text, err := json.MarshalIndent(values, "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(c.dir, name)
	if err := os.WriteFile(file, text, 0o600); err != nil {
		t.Fatal(err)
	}
	return config.Options{Files: []string{file}}
}

// serve starts the server with a configuration; it stops when the test ends.
func (c *clinic) serve(t *testing.T, values map[string]any) {
	t.Helper()
	o := c.write(t, "server.json", values)
	clock := func() time.Time { return time.Now().Add(time.Duration(c.ahead.Load())) }
	a, err := app.New(t.Context(), app.Options{Config: o, Log: io.Discard, Clock: clock, Version: "v0.0.0-test"})
	if err != nil {
		// PostgreSQL has no tables yet.
		t.Fatal(err)
	}
	t.Cleanup(func() {
		c.running.Store(nil)
		if err := a.Close(); err != nil {
			t.Error(err)
		}
	})
	h := a.Public()
	c.running.Store(&h)
}

// examine has the doctor look, and returns what was found and is not well, each as
// level, check, setting and words.
func (c *clinic) examine(t *testing.T, values map[string]any, at string) []doctor.Finding {
	t.Helper()
	o := doctor.Options{Config: c.write(t, "doctor.json", values), Clock: time.Now}
	if at != "" {
		u, err := url.Parse(at)
		if err != nil {
			t.Fatal(err)
		}
		o.URL = u
	}
	report := doctor.Examine(t.Context(), o)
	var text bytes.Buffer
	if err := report.Write(&text); err != nil {
		t.Fatal(err)
	}
	data, err := json.Marshal(report)
	if err != nil {
		t.Fatal(err)
	}
	for _, private := range []string{secretOf, cipherOf, "s3cret", "hidden-password", "hidden-key"} {
		if strings.Contains(text.String()+string(data), private) {
			t.Errorf("the report tells the secret %s:\n%s", private, text.String())
		}
	}
	return report.Findings
}

// found says whether there is a finding of a level that names the setting and has
// the words.
func found(all []doctor.Finding, level doctor.Level, setting, words string) bool {
	return slices.ContainsFunc(all, func(f doctor.Finding) bool {
		return f.Level == level && f.Setting == setting && strings.Contains(f.Seen+" "+f.Expected+" "+f.Do, words)
	})
}

func list(all []doctor.Finding) string {
	var b strings.Builder
	for _, f := range all {
		fmt.Fprintf(&b, "%s %s [%s %s] %s | %s | %s\n", f.Level, f.Check, f.Setting, f.Where, f.Seen, f.Expected, f.Do)
	}
	return b.String()
}

// worse are the warnings and problems.
func worse(all []doctor.Finding) []doctor.Finding {
	return slices.DeleteFunc(slices.Clone(all), func(f doctor.Finding) bool { return f.Level == doctor.OK || f.Level == doctor.Note })
}

// eachDatabase runs a test with SQLite and with PostgreSQL.
func eachDatabase(t *testing.T, run func(*testing.T, *clinic)) {
	t.Run("sqlite", func(t *testing.T) { run(t, open(t, "")) })
	t.Run("postgres", func(t *testing.T) {
		o := storetest.Postgres(t)
		run(t, open(t, fmt.Sprintf("%s&max_conns=%d", o.URL, o.MaxConns)))
	})
}

// TestHealthy: where all is well, nothing is wrong.
func TestHealthy(t *testing.T) {
	eachDatabase(t, func(t *testing.T, c *clinic) {
		values := c.healthy()
		migrate(t, c.dsn)
		c.serve(t, values)
		all := c.examine(t, values, "")
		if bad := worse(all); len(bad) > 0 {
			t.Errorf("of a healthy server it says\n%s", list(bad))
		}
		for _, check := range []string{"configuration", "addresses", "cookies", "pages", "return URLs", "cross-origin", "security keys", "schemas", "secrets", "passwords", "mail", "text messages", "database", "server"} {
			if !slices.ContainsFunc(all, func(f doctor.Finding) bool { return f.Check == check }) {
				t.Errorf("nothing is said of %s", check)
			}
		}
		if n := len(c.mail.Mails()); n > 0 {
			t.Errorf("it sent %d mails", n)
		}
	})
}

// TestConfigured breaks one value after the other, each in a configuration that is
// healthy else.
func TestConfigured(t *testing.T) {
	c := open(t, "")
	c.serve(t, c.healthy())
	closed, named := closedPort(t), strings.Replace(c.proxy.URL, "127.0.0.1", "localhost", 1)+"/"
	type m = map[string]any
	const rp = "selfservice.methods.passkey.config.rp"
	passkeys := func(id string, origins ...string) m {
		return m{"enabled": true, "config": m{"rp": m{"id": id, "display_name": "x", "origins": origins}}}
	}
	for name, tt := range map[string]struct {
		change  m
		level   doctor.Level
		setting string
		words   string
	}{
		"not valid":                {m{"serve.public.port": "x"}, doctor.Problem, "serve.public.port", "number"},
		"no schema":                {m{"identity.schemas": []any{m{"id": "default", "url": "file:///nowhere/at/all.json"}}}, doctor.Problem, "identity.schemas.0", "/nowhere/at/all.json"},
		"a template that is wrong": {m{"courier.templates": m{"login_code": m{"valid": m{"email": m{"subject": "base64://" + encode("{{ .x"), "body": m{}}}}}}, doctor.Problem, "courier.templates.login_code.valid.email.subject", "unclosed action"},

		"an address for nobody":       {m{"serve.public.base_url": "http://0.0.0.0:4433/"}, doctor.Problem, "serve.public.base_url", "no browser"},
		"no base URL":                 {m{"serve.public.base_url": nil}, doctor.Warning, "serve.public.base_url", "name of this machine"},
		"a base URL without TLS":      {m{"serve.public.base_url": "http://id.example.invalid/"}, doctor.Warning, "serve.public.base_url", "unencrypted"},
		"no trusted proxy":            {m{"serve.public.base_url": "https://id.example.invalid/", "serve.public.trusted_proxies": nil}, doctor.Note, "serve.public.trusted_proxies", "proxy"},
		"an admin server for all":     {m{"serve.admin.host": "0.0.0.0", "serve.admin.require_key": false}, doctor.Warning, "serve.admin.require_key", "everything"},
		"an admin server without key": {m{"serve.admin.host": "0.0.0.0"}, doctor.Note, "serve.admin.host", "zelus keys create"},
		"development for all":         {m{"dev": true, "serve.public.base_url": "https://id.example.invalid/"}, doctor.Warning, "dev", "mail of everybody"},

		"a domain of others":         {m{"cookies.domain": "example.com"}, doctor.Problem, "cookies.domain", "refuse"},
		"a domain of everybody":      {m{"serve.public.base_url": "https://id.co.uk/", "cookies.domain": "co.uk"}, doctor.Problem, "cookies.domain", "anybody"},
		"a session of others":        {m{"session.cookie.domain": "example.com"}, doctor.Problem, "session.cookie.domain", "refuse"},
		"a path elsewhere":           {m{"cookies.path": "/auth"}, doctor.Problem, "cookies.path", "/"},
		"None without Secure":        {m{"cookies.same_site": "None"}, doctor.Problem, "session.cookie.same_site", "None"},
		"Secure without TLS":         {m{"serve.public.base_url": "http://id.example.invalid/", "cookies.secure": true}, doctor.Problem, "cookies.secure", "https"},
		"TLS without Secure":         {m{"serve.public.base_url": "https://id.example.invalid/"}, doctor.Warning, "session.cookie.secure", "plain HTTP"},
		"a session that is Strict":   {m{"session.cookie.same_site": "Strict"}, doctor.Note, "session.cookie.same_site", "link"},
		"Secure on this machine":     {m{"session.cookie.secure": true}, doctor.Note, "session.cookie.secure", "Safari"},
		"a page of another site":     {m{"selfservice.flows.login.ui_url": strings.Replace(c.page.URL, "127.0.0.1", "localhost", 1) + "/login"}, doctor.Problem, "selfservice.flows.login.ui_url", "two sites"},
		"a page of another scheme":   {m{"serve.public.base_url": strings.Replace(c.proxy.URL, "http:", "https:", 1) + "/"}, doctor.Problem, "selfservice.flows.login.ui_url", "same scheme"},
		"a page that is not there":   {m{"selfservice.flows.recovery.ui_url": c.page.URL + "/missing"}, doctor.Warning, "selfservice.flows.recovery.ui_url", "404"},
		"no page for a deletion":     {m{"selfservice.flows.deletion": m{"enabled": true, "ui_url": c.page.URL + "/missing"}}, doctor.Warning, "selfservice.flows.deletion.ui_url", "404"},
		"a page of nobody":           {m{"selfservice.flows.error.ui_url": "http://127.0.0.1:" + closed + "/"}, doctor.Warning, "selfservice.flows.error.ui_url", "refused"},
		"a page elsewhere":           {m{"serve.public.base_url": "https://id.example.org/", "selfservice.flows.login.ui_url": "https://app.example.org/login"}, doctor.Note, "cookies.domain", "app.example.org"},
		"an unbounded return":        {m{"selfservice.allowed_return_urls": []string{"https://ok.example.org/", "https://*.com/"}}, doctor.Problem, "selfservice.allowed_return_urls.1", "star"},
		"a return to a script":       {m{"selfservice.allowed_return_urls": []string{"javascript:alert(1)"}}, doctor.Problem, "selfservice.allowed_return_urls.0", "scripts"},
		"an open redirect":           {m{"selfservice.allowed_return_urls": []string{"https://*.com/"}, "feature_flags.legacy_allow_insecure_origins": true}, doctor.Problem, "selfservice.allowed_return_urls.0", "open redirect"},
		"a return without TLS":       {m{"serve.public.base_url": "https://id.example.invalid/", "selfservice.allowed_return_urls": []string{"http://app.example.org/"}}, doctor.Warning, "selfservice.allowed_return_urls.0", "https"},
		"CORS off":                   {m{"serve.public.cors.enabled": false}, doctor.Note, "serve.public.cors.enabled", c.page.URL},
		"CORS for others":            {m{"serve.public.cors.allowed_origins": []string{"https://other.example.org"}}, doctor.Warning, "serve.public.cors.allowed_origins", c.page.URL},
		"CORS for everybody":         {m{"serve.public.cors.allowed_origins": []string{"*"}}, doctor.Warning, "serve.public.cors.allowed_origins.0", "counts for nothing"},
		"CORS for everybody, really": {m{"serve.public.cors.allowed_origins": []string{"*"}, "feature_flags.legacy_allow_insecure_origins": true}, doctor.Problem, "serve.public.cors.allowed_origins.0", "everybody"},
		"CORS without cookies":       {m{"serve.public.cors.allow_credentials": false}, doctor.Warning, "serve.public.cors.allow_credentials", "cookies"},

		"keys for an address":     {m{"selfservice.methods.passkey": passkeys("127.0.0.1")}, doctor.Problem, rp + ".id", "IP address"},
		"keys for everybody":      {m{"selfservice.methods.passkey": passkeys("co.uk")}, doctor.Problem, rp + ".id", "anybody"},
		"keys for elsewhere":      {m{"serve.public.base_url": named, "selfservice.flows": nil, "selfservice.methods.passkey": passkeys("example.org")}, doctor.Problem, rp + ".id", "browsers refuse"},
		"security keys elsewhere": {m{"serve.public.base_url": named, "selfservice.flows": nil, "selfservice.methods.webauthn": passkeys("example.org")}, doctor.Problem, "selfservice.methods.webauthn.config.rp.id", "browsers refuse"},
		"a page without a name":   {m{"selfservice.methods.passkey": passkeys("localhost")}, doctor.Problem, "selfservice.flows.login.ui_url", "no keys on an IP address"},
		"keys without the origin": {m{"serve.public.base_url": "http://localhost:1/", "selfservice.flows": nil, "selfservice.methods.passkey": passkeys("localhost", "http://localhost")}, doctor.Problem, rp + ".origins", "http://localhost:1"},
		"keys on a built-in page": {m{"serve.public.base_url": "http://localhost:1/", "selfservice.flows": m{"login": m{"ui_url": "http://localhost:2/"}, "registration": m{"ui_url": "http://localhost:2/"}},
			"selfservice.methods.passkey": passkeys("localhost", "http://localhost:2")}, doctor.Problem, rp + ".origins", "http://localhost:1, where"},
		"keys of a related origin":   {m{"serve.public.base_url": named, "selfservice.flows": nil, "selfservice.methods.passkey": passkeys("example.org", strings.TrimSuffix(named, "/"))}, doctor.Note, rp + ".origins", "/.well-known/webauthn"},
		"keys on a page without TLS": {m{"selfservice.flows.login.ui_url": "http://app.example.invalid/", "selfservice.methods.passkey": passkeys("example.invalid", "http://app.example.invalid")}, doctor.Problem, "selfservice.flows.login.ui_url", "https"},

		"nobody can sign in":        {m{"identity.schemas": schema(namelessOf)}, doctor.Problem, "identity.schemas.0.url", "Nobody of the schema default can sign in"},
		"nothing to recover by":     {m{"identity.schemas": schema(strings.Replace(personOf, `,"recovery":{"via":"email"}`, "", 1))}, doctor.Problem, "identity.schemas.0.url", "recover by"},
		"nothing to verify":         {m{"identity.schemas": schema(strings.Replace(personOf, `"verification":{"via":"email"},`, "", 1))}, doctor.Problem, "identity.schemas.0.url", "address to verify"},
		"no recovery":               {m{"selfservice.flows.recovery.enabled": false}, doctor.Note, "selfservice.flows.recovery.enabled", "administrator"},
		"a method that is off":      {m{"selfservice.flows.recovery.use": "link"}, doctor.Problem, "selfservice.flows.recovery.use", "link"},
		"no text messages":          {m{"courier.channels": nil, "identity.schemas": schema(strings.Replace(personOf, `"via":"email"},"passkey"`, `"via":"sms"},"passkey"`, 1))}, doctor.Problem, "courier.channels", "phone"},
		"a passkey without a name":  {m{"selfservice.methods.passkey": passkeys("localhost"), "identity.schemas": schema(strings.Replace(personOf, `,"passkey":{"display_name":true}`, "", 1))}, doctor.Note, "identity.schemas.0.url", "Passkeys"},
		"a short secret":            {m{"secrets.default": []string{secretOf[:20]}}, doctor.Warning, "secrets.default.0", "20 characters"},
		"a secret without disorder": {m{"secrets.cookie": []string{strings.Repeat("ab", 20)}}, doctor.Warning, "secrets.cookie.0", "few different"},
		"a secret twice":            {m{"secrets.default": []string{secretOf}}, doctor.Note, "secrets.cookie.0", "secrets.default"},
		"no cipher":                 {m{"secrets.cipher": nil}, doctor.Note, "secrets.cipher", "encrypted"},
		"no secrets":                {m{"secrets": nil}, doctor.Note, "secrets", "file beside the database"},
		"former secrets":            {m{"secrets.cookie": []string{secretOf, secretOf + "3", secretOf + "4", secretOf + "5", secretOf + "6", secretOf + "7"}}, doctor.Note, "secrets.cookie", "5 former"},
		"a cheap hash":              {m{"hashers": m{"algorithm": "bcrypt", "bcrypt": m{"cost": 4}}, "dev": true}, doctor.Warning, "hashers.bcrypt.cost", "too low"},

		"no mail server":             {m{"courier.smtp": nil}, doctor.Problem, "courier.smtp.connection_uri", "nobody gets their mail"},
		"no mail server, no mail":    {m{"courier.smtp": nil, "selfservice.flows.recovery.enabled": false, "selfservice.flows.verification.enabled": false}, doctor.Note, "courier.smtp.connection_uri", "notices"},
		"a mail server of nobody":    {m{"courier.smtp.connection_uri": "smtp://me:hidden-password@127.0.0.1:" + closed}, doctor.Problem, "courier.smtp.connection_uri", "refused"},
		"a mail server unknown":      {m{"courier.smtp.connection_uri": strings.Replace(c.mail.URI(), "?skip_ssl_verify=true", "", 1)}, doctor.Problem, "courier.smtp.connection_uri", "certificate"},
		"mail from nobody":           {m{"courier.smtp.from_address": nil}, doctor.Warning, "courier.smtp.from_address", "no-reply@ory.kratos.sh"},
		"mail without encryption":    {m{"courier.smtp.connection_uri": "smtp://mail.example.invalid/?disable_starttls=true"}, doctor.Warning, "courier.smtp.connection_uri", "unencrypted"},
		"mail to anybody":            {m{"courier.smtp.connection_uri": "smtp://mail.example.invalid/?skip_ssl_verify=true"}, doctor.Warning, "courier.smtp.connection_uri", "certificate"},
		"a service of nobody":        {m{"courier.delivery_strategy": "http", "courier.http.request_config": m{"url": "http://127.0.0.1:" + closed + "/?key=hidden-key"}}, doctor.Problem, "courier.http.request_config.url", "refused"},
		"no service for texts":       {m{"courier.channels": []any{m{"id": "sms", "request_config": m{"url": "http://127.0.0.1:" + closed + "/?key=hidden-key"}}}}, doctor.Problem, "courier.channels.0.request_config.url", "refused"},
		"texts without encryption":   {m{"courier.channels": []any{m{"id": "sms", "request_config": m{"url": "http://texts.example.invalid/"}}}}, doctor.Warning, "courier.channels.0.request_config.url", "unencrypted"},
		"a database in memory":       {m{"dsn": "memory"}, doctor.Warning, "dsn", "in memory"},
		"no database yet":            {m{"dsn": "sqlite://" + filepath.Join(c.dir, "new", "zelus.db")}, doctor.Note, "dsn", "no file"},
		"a database that is none":    {m{"dsn": "sqlite://" + filepath.Join(c.dir, "doctor.json")}, doctor.Problem, "dsn", "no SQLite database"},
		"a database of nobody":       {m{"dsn": "postgres://me:hidden-password@127.0.0.1:" + closed + "/zelus?sslmode=disable"}, doctor.Problem, "dsn", "refused"},
		"a database of another kind": {m{"dsn": "mysql://me:hidden-password@tcp(127.0.0.1:1)/zelus"}, doctor.Problem, "dsn", "mysql"},
		"a server of nobody":         {m{"serve.public.base_url": "http://127.0.0.1:" + closed + "/"}, doctor.Warning, "serve.public.base_url", "refused"},
		"a server without TLS":       {m{"serve.public.base_url": strings.Replace(c.proxy.URL, "http:", "https:", 1) + "/"}, doctor.Warning, "serve.public.base_url", "plain HTTP"},
		"a server of others":         {m{"serve.public.base_url": c.page.URL + "/"}, doctor.Problem, "serve.public.base_url", "not as this server does"},
		"other secrets":              {m{"secrets.default": []string{secretOf + "9"}}, doctor.Warning, "secrets", "does not know the secrets"},
		"another configuration":      {m{"session.lifespan": "3h"}, doctor.Note, "", "another configuration"},
		"a login page elsewhere":     {m{"selfservice.flows.login.ui_url": c.texts.URL + "/login"}, doctor.Problem, "selfservice.flows.login.ui_url", "redirect to " + c.page.URL},
	} {
		t.Run(name, func(t *testing.T) {
			values := c.healthy()
			for path, value := range tt.change {
				set(values, path, value)
			}
			all := c.examine(t, values, "")
			if !found(all, tt.level, tt.setting, tt.words) {
				t.Fatalf("it does not find a %s of %s with %q:\n%s", tt.level, tt.setting, tt.words, list(all))
			}
			for _, f := range all {
				if f.Setting == tt.setting && f.Level == tt.level && f.Setting != "" && values[strings.Split(f.Setting, ".")[0]] != nil && !strings.Contains(f.Where, "doctor.json:") {
					t.Errorf("it does not say where: %s", list([]doctor.Finding{f}))
				}
			}
		})
	}
	// The parts that were broken break nothing else: what is broken is one thing.
	if bad := worse(c.examine(t, c.healthy(), "")); len(bad) > 0 {
		t.Errorf("healthy again, it says\n%s", list(bad))
	}
}

// TestMailServer has the mail server fail at each step that comes before a mail.
func TestMailServer(t *testing.T) {
	c := open(t, "")
	for _, tt := range []struct {
		fault          couriertest.Fault
		setting, words string
	}{
		{couriertest.Fault{Step: couriertest.Greeting, How: couriertest.Drop, Times: 1}, "courier.smtp.connection_uri", "closed the connection"},
		{couriertest.Fault{Step: couriertest.Greeting, How: couriertest.Junk, Times: 1}, "courier.smtp.connection_uri", "no valid SMTP"},
		{couriertest.Fault{Step: couriertest.FirstHello, How: "250 nothing to offer", Times: 1}, "courier.smtp.connection_uri", "STARTTLS"},
		{couriertest.Fault{Step: couriertest.Handshake, How: couriertest.Junk, Times: 1}, "courier.smtp.connection_uri", "STARTTLS"},
		{couriertest.Fault{Step: couriertest.Auth, How: "535 5.7.8 no", Times: 1}, "courier.smtp.connection_uri", "check the user and the password"},
		{couriertest.Fault{Step: couriertest.From, How: "550 5.7.1 not you", Times: 1}, "courier.smtp.from_address", "550"},
	} {
		t.Run(string(tt.fault.Step)+" "+string(tt.fault.How), func(t *testing.T) {
			c.mail.Fail(tt.fault)
			all := c.examine(t, c.healthy(), "")
			if !found(all, doctor.Problem, tt.setting, tt.words) {
				t.Errorf("it says\n%s", list(all))
			}
		})
	}
	if n := len(c.mail.Mails()); n > 0 {
		t.Errorf("it sent %d mails", n)
	}
}

// TestProxy has the proxy do what proxies do.
func TestProxy(t *testing.T) {
	c := open(t, "")
	c.serve(t, c.healthy())
	const proxies = "serve.public.trusted_proxies"
	header := func(change func(http.Header)) func(*http.Response) error {
		return func(r *http.Response) error {
			change(r.Header)
			return nil
		}
	}
	only := func(path string, change func(*httputil.ProxyRequest)) func(*httputil.ProxyRequest) {
		return func(r *httputil.ProxyRequest) {
			if strings.Contains(r.In.URL.Path, path) {
				change(r)
			}
		}
	}
	for name, tt := range map[string]struct {
		through func(*httputil.ProxyRequest)
		back    func(*http.Response) error
		change  map[string]any // of the server and the doctor
		at      string         // --url
		level   doctor.Level
		setting string
		words   string
	}{
		"passes on what clients claim": {through: func(r *httputil.ProxyRequest) { r.Out.Header.Set("True-Client-Ip", r.In.Header.Get("True-Client-Ip")) },
			level: doctor.Problem, setting: proxies, words: "True-Client-Ip"},
		"appends to what clients claim": {through: func(r *httputil.ProxyRequest) {
			r.Out.Header.Set("X-Forwarded-For", r.In.Header.Get("X-Forwarded-For")+", 198.51.100.7")
		}, level: doctor.OK, setting: "", words: "leads to this server"},
		"tells nothing": {through: func(r *httputil.ProxyRequest) {
			r.Out.Header.Del("X-Forwarded-For")
		}, level: doctor.Warning, setting: proxies, words: "tells nothing"},
		"replaces Host": {through: func(r *httputil.ProxyRequest) {
			r.Out.Host = "inner:4433"
			r.Out.Header.Del("X-Forwarded-Host")
		}, level: doctor.Note, setting: "", words: "inner:4433"},
		"says another scheme": {through: func(r *httputil.ProxyRequest) { r.Out.Header.Set("X-Forwarded-Proto", "https") },
			level: doctor.Warning, setting: "serve.public.base_url", words: "X-Forwarded-Proto"},
		"hides the question": {through: func(r *httputil.ProxyRequest) { r.Out.Header.Del("Zelus-Sighting") },
			level: doctor.Warning, setting: "secrets", words: "Zelus-Sighting"},
		"keeps cookies back": {through: func(r *httputil.ProxyRequest) { r.Out.Header.Del("Cookie") },
			level: doctor.Problem, setting: "serve.public.base_url", words: "Set-Cookie"},
		"sets no cookies": {back: header(func(h http.Header) { h.Del("Set-Cookie") }), level: doctor.Problem, setting: "cookies", words: "Set-Cookie"},
		"rewrites the domain": {back: header(func(h http.Header) {
			if k := h.Get("Set-Cookie"); k != "" {
				h.Set("Set-Cookie", k+"; Domain=example.com")
			}
		}), level: doctor.Problem, setting: "cookies.domain", words: "the proxy changes it"},
		"makes cookies Secure": {back: header(func(h http.Header) {
			if k := h.Get("Set-Cookie"); k != "" {
				h.Set("Set-Cookie", k+"; Secure")
			}
		}), level: doctor.Warning, setting: "cookies.secure", words: "rewrite"},
		"rewrites redirects": {back: header(func(h http.Header) {
			if to := h.Get("Location"); to != "" {
				h.Set("Location", strings.Replace(to, c.page.URL, "http://inner.example", 1))
			}
		}), level: doctor.Problem, setting: "selfservice.flows.login.ui_url", words: "http://inner.example"},
		"redirects all": {back: func(r *http.Response) error {
			r.StatusCode = http.StatusMovedPermanently
			r.Header.Set("Location", "https://id.example.org/")
			return nil
		}, level: doctor.Problem, setting: "serve.public.base_url", words: "https://id.example.org/"},
		"leaves the path": {at: "/auth/", level: doctor.Problem, setting: "serve.public.base_url", words: "take /auth/ away"},
		"leads to the admin API": {through: only("/admin/", func(r *httputil.ProxyRequest) { r.Out.URL.Path = "/admin-api" }), back: func(r *http.Response) error {
			if strings.HasSuffix(r.Request.URL.Path, "/admin-api") {
				r.StatusCode, r.Body = http.StatusOK, io.NopCloser(strings.NewReader("[]"))
				r.Header.Del("Content-Length")
				r.ContentLength = -1
			}
			return nil
		}, level: doctor.Problem, setting: "serve.admin.host", words: "Everybody can do everything"},
		"answers preflights twice":    {back: header(func(h http.Header) { h.Add("Access-Control-Allow-Origin", "*") }), level: doctor.Problem, setting: "serve.public.cors.allowed_origins", words: "two answers"},
		"answers no preflights":       {back: header(func(h http.Header) { h.Del("Access-Control-Allow-Origin") }), level: doctor.Problem, setting: "serve.public.cors.allowed_origins", words: "OPTIONS"},
		"is asked at another address": {at: "localhost", level: doctor.Warning, setting: "serve.public.base_url", words: "Browsers come to http://localhost"},
		"fails at the login":          {through: only("/login/browser", func(r *httputil.ProxyRequest) { r.Out.URL.Path = "/nowhere" }), level: doctor.Problem, setting: "serve.public.base_url", words: "404"},
		"leads to another database": {through: only("/login/flows", func(r *httputil.ProxyRequest) {
			r.Out.URL.RawQuery = "id=7f0e4a3c-0000-4000-8000-000000000000"
		}), level: doctor.Problem, setting: "dsn", words: "same dsn"},
	} {
		t.Run(name, func(t *testing.T) {
			c.through, c.back = tt.through, tt.back
			defer func() { c.through, c.back = nil, nil }()
			at := ""
			switch tt.at {
			case "":
			case "localhost":
				at = strings.Replace(c.proxy.URL, "127.0.0.1", "localhost", 1) + "/"
			default:
				at = c.proxy.URL + tt.at
			}
			all := c.examine(t, c.healthy(), at)
			if !found(all, tt.level, tt.setting, tt.words) {
				t.Errorf("it does not find a %s of %s with %q:\n%s", tt.level, tt.setting, tt.words, list(all))
			}
		})
	}
	t.Run("is not trusted", func(t *testing.T) {
		c := open(t, "")
		values := c.healthy()
		set(values, "serve.public.trusted_proxies", nil)
		c.serve(t, values)
		if all := c.examine(t, values, ""); !found(all, doctor.Warning, proxies, "Add 127.0.0.1/32") {
			t.Errorf("it says\n%s", list(all))
		}
	})
	t.Run("nobody is behind it", func(t *testing.T) {
		c.running.Store(nil)
		if all := c.examine(t, c.healthy(), c.proxy.URL+"/"); !found(all, doctor.Problem, "serve.public.base_url", "502") {
			t.Errorf("it says\n%s", list(all))
		}
	})
}

// TestClock: a server whose clock is wrong, and a little wrong.
func TestClock(t *testing.T) {
	c := open(t, "")
	c.serve(t, c.healthy())
	for ahead, want := range map[time.Duration]doctor.Level{-time.Hour: doctor.Problem, time.Hour: doctor.Problem, 15 * time.Second: doctor.Warning} {
		c.ahead.Store(int64(ahead))
		if all := c.examine(t, c.healthy(), ""); !found(all, want, "", "The clock of the server is") {
			t.Errorf("%s ahead, it says\n%s", ahead, list(all))
		}
	}
}

// TestDatabase breaks databases.
func TestDatabase(t *testing.T) {
	t.Run("tables that are not up to date", func(t *testing.T) {
		o := storetest.Postgres(t)
		c := open(t, fmt.Sprintf("%s&max_conns=%d", o.URL, o.MaxConns))
		if all := c.examine(t, c.healthy(), ""); !found(all, doctor.Problem, "dsn", "zelus migrate sql up") {
			t.Errorf("it says\n%s", list(all))
		}
	})
	t.Run("a server that takes no changes", func(t *testing.T) {
		o := storetest.Postgres(t)
		dsn := fmt.Sprintf("%s&max_conns=%d", o.URL, o.MaxConns)
		migrate(t, dsn)
		c := open(t, dsn+"&default_transaction_read_only=on")
		if all := c.examine(t, c.healthy(), ""); !found(all, doctor.Problem, "dsn", "takes no changes") {
			t.Errorf("it says\n%s", list(all))
		}
	})
	t.Run("a file that others read", func(t *testing.T) {
		c := open(t, "")
		migrate(t, c.dsn)
		if err := os.Chmod(filepath.Join(c.dir, "zelus.db"), 0o644); err != nil {
			t.Fatal(err)
		}
		if all := c.examine(t, c.healthy(), ""); !found(all, doctor.Warning, "dsn", "chmod 600") {
			t.Errorf("it says\n%s", list(all))
		}
	})
	t.Run("a file that is empty", func(t *testing.T) {
		c := open(t, "")
		name := filepath.Join(c.dir, "zelus.db")
		if err := os.WriteFile(name, nil, 0o600); err != nil {
			t.Fatal(err)
		}
		if all := c.examine(t, c.healthy(), ""); !found(all, doctor.Note, "dsn", "is empty") {
			t.Errorf("it says\n%s", list(all))
		}
		if text, err := os.ReadFile(name); err != nil || len(text) > 0 {
			t.Errorf("the doctor has written to it: %d bytes, %v", len(text), err)
		}
	})
	t.Run("no file", func(t *testing.T) {
		c := open(t, "")
		c.examine(t, c.healthy(), "")
		if _, err := os.Stat(filepath.Join(c.dir, "zelus.db")); err == nil {
			t.Error("the doctor has made a database")
		}
	})
}
