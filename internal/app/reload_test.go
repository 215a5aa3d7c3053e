package app

import (
	"context"
	"encoding/base64"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"zelus/internal/config"
)

// reconfigure changes the settings that are laid over the configuration and
// waits until they are in force.
func (s *server) reconfigure(t *testing.T, more string) {
	t.Helper()
	before := s.revision(t)
	s.watch(t)
	s.write(t, more)
	eventually(t, "the changed configuration is in force", func() bool { return s.revision(t) != before })
}

// watch follows the configuration files until the test ends.
func (s *server) watch(t *testing.T) {
	if s.watching {
		return
	}
	s.watching = true
	ctx, stop := context.WithCancel(t.Context())
	var watcher sync.WaitGroup
	watcher.Go(func() { s.app.watch(ctx, s.app.put) })
	t.Cleanup(func() {
		stop()
		watcher.Wait()
	})
}

// write replaces the second configuration file as an editor does: a new file
// takes the place of the old one.
func (s *server) write(t *testing.T, more string) {
	t.Helper()
	name := s.files()[1]
	if err := os.WriteFile(name+".new", []byte(more), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(name+".new", name); err != nil {
		t.Fatal(err)
	}
}

func (s *server) revision(t *testing.T) string {
	t.Helper()
	revision := string(s.operator(t).get("/admin/health/config").is(200).body)
	if revision == "" {
		t.Fatal("the configuration has no revision")
	}
	return revision
}

// signUpWith says what a form answers to somebody new with this password.
func (s *server) signUpWith(t *testing.T, password string) answer {
	t.Helper()
	c, p := s.client(t, app), stranger()
	p.password = password
	return c.submit(c.begin("registration", ""), p.signUp())
}

func TestReload(t *testing.T) {
	onEach(t, "", func(t *testing.T, s *server) {
		const password = "twelve-marks"
		s.signUpWith(t, password).is(200)
		p := s.person(t)
		browser, phone := s.client(t, script), s.client(t, app)
		browser.signIn(p)
		phone.signIn(p)

		s.reconfigure(t, `
selfservice: {methods: {password: {config: {min_password_length: 13}}}}
session: {cookie: {name: renamed}}
`)
		s.signUpWith(t, password).saying(400, 4000032)
		// A cookie of another name is not looked at, whatever it holds.
		browser.whoami().refused(401, "session_inactive")
		browser.get("/sessions/whoami", "Cookie", "renamed="+browser.cookie(sessionCookie)).refused(401, "session_inactive")
		phone.whoami().is(200)
		if set := browser.signIn(p).cookies(); set["renamed"] == nil || set[sessionCookie] != nil {
			t.Errorf("a sign-in sets the cookies %v, want one called renamed", set)
		}
		browser.whoami().is(200)

		// A mistake changes nothing, and is told with its place.
		good := s.revision(t)
		s.write(t, "\nselfservice: {methods: {password: {config: {min_password_length: many}}}}\n")
		eventually(t, "the mistake is logged", func() bool { return strings.Contains(s.log.String(), "more.yml:2") })
		if got := s.revision(t); got != good {
			t.Errorf("the revision is %s after a mistake, want %s as before", got, good)
		}
		s.signUpWith(t, password).saying(400, 4000032)

		// So does a schema that cannot be read.
		s.write(t, "identity: {schemas: [{id: person, url: 'base64://e30K'}, {id: gone, url: 'file:///nowhere/at/all.json'}]}\n")
		eventually(t, "the missing schema is logged", func() bool { return strings.Contains(s.log.String(), "/nowhere/at/all.json") })
		if got := s.revision(t); got != good {
			t.Errorf("the revision is %s with a missing schema, want %s as before", got, good)
		}
		if got := s.client(t, app).get("/schemas").at("#.id").String(); got != `["person"]` {
			t.Errorf("the schemas are %s", got)
		}

		s.reconfigure(t, "{}")
		s.signUpWith(t, password).is(200)
	})
}

// TestReloadForgetsAnswers: what a session check says may depend on the
// configuration, so nothing from before a reload is answered after it.
func TestReloadForgetsAnswers(t *testing.T) {
	onEach(t, "", func(t *testing.T, s *server) {
		c := s.client(t, app)
		c.signIn(s.person(t))
		if got := c.whoami().is(200).at("identity.schema_url").String(); !strings.HasPrefix(got, s.public+"/schemas/") {
			t.Fatalf("schema_url is %q", got)
		}
		s.reconfigure(t, "serve: {public: {base_url: 'https://id.example.org/auth/'}}")
		if got := c.whoami().is(200).at("identity.schema_url").String(); !strings.HasPrefix(got, "https://id.example.org/auth/schemas/") {
			t.Errorf("after a reload schema_url is %q", got)
		}
	})
}

// environment is a whole configuration in variables.
func environment(t *testing.T, dsn string) []string {
	t.Helper()
	schema, err := os.ReadFile("testdata/person.schema.json")
	if err != nil {
		t.Fatal(err)
	}
	return []string{
		"DSN=" + dsn, "DEV=true", "HASHERS_BCRYPT_COST=4",
		"SELFSERVICE_DEFAULT_BROWSER_RETURN_URL=" + homePage,
		"SELFSERVICE_METHODS_PASSWORD_CONFIG_HAVEIBEENPWNED_ENABLED=false",
		"SELFSERVICE_FLOWS_REGISTRATION_STYLE=unified",
		`SELFSERVICE_FLOWS_REGISTRATION_AFTER_PASSWORD_HOOKS=[{"hook":"session"}]`,
		"IDENTITY_DEFAULT_SCHEMA_ID=person", "IDENTITY_SCHEMAS_0_ID=person",
		"IDENTITY_SCHEMAS_0_URL=base64://" + base64.StdEncoding.EncodeToString(schema),
		"SECRETS_COOKIE_0=a-cookie-secret-that-only-tests-use",
		"SOMETHING_ELSE=that is not ours",
	}
}

func TestConfigurationByEnvironmentOnly(t *testing.T) {
	for name, dsn := range map[string]func(*testing.T) string{
		"sqlite":   func(t *testing.T) string { return "sqlite://" + filepath.Join(t.TempDir(), "zelus.db") },
		"postgres": postgresDSN,
	} {
		t.Run(name, func(t *testing.T) {
			a := open(t, Options{Config: config.Options{Environ: environment(t, dsn(t))}, Log: io.Discard, Clock: time.Now})
			s := serve(t, a)
			p := stranger()
			c := s.client(t, app)
			c.finish(c.begin("registration", ""), p.signUp())
			if got := c.whoami().is(200).at("identity.traits.email").String(); got != p.email {
				t.Errorf("%s signed up and is %s", p.email, got)
			}
		})
	}
}

// serve puts the public side of an App behind a listener. Its forms lead to
// the configured address, which is another one.
func serve(t *testing.T, a *App) *server {
	t.Helper()
	public := httptest.NewServer(a.Public())
	t.Cleanup(public.Close)
	return &server{app: a, public: public.URL, alias: strings.TrimSuffix(a.Config().PublicURL().String(), "/")}
}

// TestZeroConfiguration starts a development server on an empty folder, twice.
func TestZeroConfiguration(t *testing.T) {
	folder := filepath.Join(t.TempDir(), "data")
	p := stranger()
	phone := &client{}
	var cookie string
	options := Options{Config: config.Options{Flags: config.Flags{Dev: true}, DataDir: folder}, Log: io.Discard, Clock: time.Now}

	t.Run("first start", func(t *testing.T) {
		s := serve(t, open(t, options))
		phone = s.client(t, app)
		phone.finish(phone.begin("registration", ""), p.signUp())
		browser := s.client(t, script)
		browser.signIn(p)
		cookie = browser.cookie(sessionCookie)
		if !s.app.Config().CatchesMail() {
			t.Error("mail is not caught")
		}
	})
	for _, file := range []struct {
		name string
		mode os.FileMode
	}{{"", 0o700 | os.ModeDir}, {"zelus.db.secrets", 0o600}} {
		info, err := os.Stat(filepath.Join(folder, file.name))
		if err != nil {
			t.Fatal(err)
		}
		if info.Mode() != file.mode {
			t.Errorf("the mode of %q is %v, want %v", file.name, info.Mode(), file.mode)
		}
	}
	t.Run("second start", func(t *testing.T) {
		s := serve(t, open(t, options))
		again := s.client(t, app)
		again.token = phone.token
		if got := again.whoami().is(200).at("identity.traits.email").String(); got != p.email {
			t.Errorf("the session is of %q, want %q", got, p.email)
		}
		s.client(t, app).get("/sessions/whoami", "Cookie", sessionCookie+"="+cookie).is(200)
		s.client(t, app).signIn(p)
	})
	if err := os.Remove(filepath.Join(folder, "zelus.db.secrets")); err != nil {
		t.Fatal(err)
	}
	t.Run("with other secrets", func(t *testing.T) {
		s := serve(t, open(t, options))
		again := s.client(t, app)
		again.token = phone.token
		again.whoami().refused(401, "session_inactive")
		s.client(t, app).get("/sessions/whoami", "Cookie", sessionCookie+"="+cookie).refused(401, "session_inactive")
		s.client(t, app).signIn(p)
	})
}

// TestRun listens on two sockets, and ends when it is told to.
func TestRun(t *testing.T) {
	folder, err := os.MkdirTemp("", "zelus") // paths of sockets are short
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(folder) })
	sockets := map[string]string{"public": filepath.Join(folder, "public.sock"), "admin": filepath.Join(folder, "admin.sock")}
	environ := append(environment(t, "memory"), "SERVE_PUBLIC_HOST=unix:"+sockets["public"], "SERVE_ADMIN_HOST=unix:"+sockets["admin"],
		"SERVE_ADMIN_SOCKET_MODE=384") // 0600
	log := &transcript{}
	a := open(t, Options{Config: config.Options{Environ: environ}, Log: log, Clock: time.Now})

	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	ready, ended := make(chan struct{}), make(chan error, 1)
	go func() { ended <- a.Run(ctx, func() { close(ready) }) }()
	select {
	case <-ready:
	case err := <-ended:
		t.Fatalf("the server ended before it listened: %v", err)
	}
	for side, path := range map[string]string{"public": "/health/ready", "admin": "/admin/health/ready"} {
		socket := &http.Transport{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return (&net.Dialer{}).DialContext(ctx, "unix", sockets[side])
		}}
		res, err := (&http.Client{Transport: socket}).Get("http://" + side + path)
		if err != nil {
			t.Fatal(err)
		}
		res.Body.Close()
		if res.StatusCode != http.StatusOK {
			t.Errorf("the %s server says %s", side, res.Status)
		}
		socket.CloseIdleConnections()
	}
	if info, err := os.Stat(sockets["admin"]); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the socket of the admin server: %v, %v, want mode 0600", info, err)
	}
	if err := a.Run(ctx, nil); err == nil || !strings.Contains(err.Error(), "serve.public.host") {
		t.Errorf("a second server on the same socket: %v, want an error that names serve.public.host", err)
	}
	stop()
	if err := <-ended; err != nil {
		t.Errorf("the server ended with %v", err)
	}
	if _, err := os.Stat(sockets["public"]); !os.IsNotExist(err) {
		t.Errorf("the socket is left behind: %v", err)
	}
	if !strings.Contains(log.String(), "stopped") {
		t.Errorf("the log does not say that the server stopped: %s", log)
	}
}

// TestMistakesAreNamed: whoever starts a server with a mistake in its
// configuration learns the setting, the file and the line.
func TestMistakesAreNamed(t *testing.T) {
	tests := []struct{ name, more, want string }{
		{"unknown key", "\nselfservise: {}\n", "more.yml:2"},
		{"wrong type", "\n\nsession: {lifespan: long}\n", "more.yml:3"},
		{"unknown hasher", "hashers: {algorithm: md5}\n", "hashers.algorithm"},
		{"no schema", "identity: {schemas: [{id: person, url: 'file:///nowhere/person.json'}]}\n", "/nowhere/person.json"},
		{"database of another kind", "dsn: oracle://db\n", "dsn"},
		{"folder of the database", "dsn: sqlite:///proc/nowhere/zelus.db\n", "/proc/nowhere"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			s := &server{dir: t.TempDir(), public: "http://127.0.0.1:1", admin: "http://127.0.0.1:2"}
			s.configure(t, setup{dsn: "memory", more: test.more})
			a, err := New(t.Context(), Options{Config: config.Options{Files: s.files()}, Log: io.Discard, Clock: time.Now})
			if err == nil {
				a.Close()
				t.Fatal("the server starts")
			}
			if !strings.Contains(err.Error(), test.want) {
				t.Errorf("the error does not say %q: %v", test.want, err)
			}
		})
	}
}
