package app

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"text/template"
	"time"

	"github.com/google/uuid"
	"github.com/tidwall/gjson"

	"zelus/internal/config"
	"zelus/internal/jsonnet"
	"zelus/internal/store/storetest"
)

// asChild is the first argument by which the binary of the tests becomes a
// process that evaluates Jsonnet.
const asChild = "jsonnet-child"

func TestMain(m *testing.M) {
	if len(os.Args) > 1 && os.Args[1] == asChild {
		if err := jsonnet.Serve(os.Stdin, os.Stdout); err != nil {
			os.Exit(1)
		}
		return
	}
	os.Exit(m.Run())
}

// child starts such a process.
func child(t testing.TB) []string {
	t.Helper()
	path, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	return []string{path, asChild}
}

// interpreter evaluates Jsonnet until the test ends.
func interpreter(t testing.TB) *jsonnet.Pool {
	t.Helper()
	p := newJsonnet(child(t), 1, slog.New(slog.DiscardHandler))
	t.Cleanup(p.Close)
	return p
}

// Addresses that the configuration in testdata names.
const (
	homePage   = "https://app.example.org/home"
	byePage    = "https://app.example.org/bye"
	errorPage  = "https://app.example.org/oops"
	welcome    = "https://app.example.org/welcome"
	loginPage  = "https://app.example.org/login"
	signUpPage = "https://app.example.org/sign-up"
	ownPage    = "https://app.example.org/settings"
	helpPage   = "https://app.example.org/recovery"
	provePage  = "https://app.example.org/verification"
)

// byCode and byLink are laid over the configuration in testdata where people
// regain access and prove addresses. From then on a sign-up sends something.
const (
	byCode = "selfservice: {flows: {recovery: {enabled: true}, verification: {enabled: true}}}"
	byLink = "selfservice: {methods: {link: {enabled: true}}, flows: {recovery: {enabled: true, use: link}, verification: {enabled: true, use: link}}}"
)

// sessionLifespan is the default, which the configuration in testdata keeps.
const sessionLifespan = 24 * time.Hour

// patience is how long a test waits for what must happen in the end. It is less than the
// default pause of the clean-up, so that tests see whether another one is obeyed.
const patience = 50 * time.Second

// server is an App behind two real listeners.
type server struct {
	app           *App
	public, admin string // base URLs, without a slash at the end
	dir           string // of the configuration
	clock         *clock
	log           *transcript
	said          *transcript // every answer, with its header
	statements    *statements
	watching      bool   // the configuration files are followed
	alias         string // the configured base URL, where it is another one
	key           string // the API key that operators have
}

// setup is what a test wants of its server. The zero value is the
// configuration in testdata on an SQLite file.
type setup struct {
	dsn string
	// more is YAML that is laid over the configuration.
	more string
	// dir is where the files are; a new folder if it is empty.
	dir string
}

// onEach runs a test on every kind of database, each with a server of its own.
func onEach(t *testing.T, more string, run func(*testing.T, *server)) {
	t.Helper()
	t.Run("sqlite", func(t *testing.T) { run(t, start(t, setup{more: more})) })
	t.Run("postgres", func(t *testing.T) { run(t, start(t, setup{more: more, dsn: postgresDSN(t)})) })
}

// postgresDSN is an empty schema of its own on the test server; without one
// the test is skipped, or fails where it must not be.
func postgresDSN(t *testing.T) string {
	t.Helper()
	o := storetest.Postgres(t)
	return fmt.Sprintf("%s&max_conns=%d", o.URL, o.MaxConns)
}

// start runs a server until the test ends.
func start(t testing.TB, o setup) *server {
	t.Helper()
	if o.dir == "" {
		o.dir = t.TempDir()
	}
	if o.dsn == "" {
		o.dsn = "sqlite://" + filepath.Join(o.dir, "zelus.db")
	}
	// The addresses are part of the configuration, so the listeners come first.
	public, admin := httptest.NewUnstartedServer(nil), httptest.NewUnstartedServer(nil)
	s := &server{dir: o.dir, clock: &clock{at: time.Date(2026, 5, 4, 8, 30, 0, 0, time.UTC)}, log: &transcript{}, said: &transcript{}, statements: &statements{},
		public: "http://" + public.Listener.Addr().String(), admin: "http://" + admin.Listener.Addr().String()}
	s.configure(t, o)
	s.app = open(t, Options{Config: config.Options{Files: s.files()}, Log: s.log, Clock: s.clock.now, Version: "v0.0.0-test", Jsonnet: child(t),
		Observe: s.statements.note})
	for _, one := range []struct {
		server  *httptest.Server
		handler http.Handler
	}{{public, s.app.Public()}, {admin, s.app.Admin()}} {
		one.server.Config.Handler = one.handler
		one.server.Start()
		t.Cleanup(one.server.Close)
	}
	return s
}

// open makes an App that is closed when the test ends, and that answers
// session checks from memory.
func open(t testing.TB, o Options) *App {
	t.Helper()
	a, err := New(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := a.Close(); err != nil {
			t.Errorf("closing: %v", err)
		}
	})
	eventually(t, "the server hears of changes on other nodes", a.store.Hearing)
	return a
}

// eventually waits until something is so.
func eventually(t testing.TB, what string, so func() bool) {
	t.Helper()
	deadline := time.NewTimer(patience)
	defer deadline.Stop()
	again := time.NewTicker(5 * time.Millisecond)
	defer again.Stop()
	for !so() {
		select {
		case <-deadline.C:
			t.Fatalf("this did not happen within %s: %s", patience, what)
		case <-again.C:
		}
	}
}

// hides sees that none of these secrets stands in the files of the database. plain is
// what stands there as it is, or the test would see nothing.
func (s *server) hides(t testing.TB, when, plain string, secrets ...string) {
	t.Helper()
	seen := false
	for _, suffix := range []string{"", "-wal"} {
		content, err := os.ReadFile(filepath.Join(s.dir, "zelus.db"+suffix))
		if err != nil && suffix == "" {
			t.Fatal(err)
		}
		seen = seen || bytes.Contains(content, []byte(plain))
		for _, secret := range secrets {
			if at := bytes.Index(content, []byte(secret)); at >= 0 {
				t.Errorf("%s: the file zelus.db%s holds %q: %q", when, suffix, secret, content[max(0, at-300):min(at+50, len(content))])
			}
		}
	}
	if !seen {
		t.Fatalf("%s: not even %q is in the files: this test sees nothing", when, plain)
	}
}

func (s *server) files() []string {
	return []string{filepath.Join(s.dir, "kratos.yml"), filepath.Join(s.dir, "more.yml")}
}

// configure writes the configuration files.
func (s *server) configure(t testing.TB, o setup) {
	t.Helper()
	testdata, err := filepath.Abs("testdata")
	if err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(filepath.Join(testdata, "kratos.yml"))
	if err != nil {
		t.Fatal(err)
	}
	var filled bytes.Buffer
	values := map[string]string{"DSN": o.dsn, "Public": s.public, "Admin": s.admin, "Testdata": filepath.ToSlash(testdata)}
	if err := template.Must(template.New("kratos.yml").Option("missingkey=error").Parse(string(text))).Execute(&filled, values); err != nil {
		t.Fatal(err)
	}
	more := o.more
	if more == "" {
		more = "{}"
	}
	for i, content := range []string{filled.String(), more} {
		if err := os.WriteFile(s.files()[i], []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

// clock stands still unless a test moves it.
type clock struct {
	mu sync.Mutex
	at time.Time
}

func (c *clock) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.at
}

func (c *clock) advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.at = c.at.Add(d)
}

// transcript keeps all that is written to it.
type transcript struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (l *transcript) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(b)
}

func (l *transcript) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

// statements keeps all SQL that was run.
type statements struct {
	mu  sync.Mutex
	all []string
}

func (s *statements) note(sql string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.all = append(s.all, sql)
}

// during gives the statements that f runs.
func (s *statements) during(f func()) []string {
	s.mu.Lock()
	before := len(s.all)
	s.mu.Unlock()
	f()
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.all[before:])
}

// of counts the statements so far that have a text in them.
func (s *statements) of(text string) (n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, sql := range s.all {
		if strings.Contains(sql, text) {
			n++
		}
	}
	return n
}

// style is how a client talks to the server.
type style string

const (
	app    style = "app"    // holds a token, talks JSON
	script style = "script" // a single-page application: a browser that talks JSON
	page   style = "page"   // a browser without scripts
)

var styles = []style{app, script, page}

// client is one app or one browser. It never follows a redirect.
type client struct {
	t     testing.TB
	s     *server
	base  string
	style style
	http  *http.Client
	// token is an app's session token, key an operator's API key.
	token, key string
}

func (s *server) client(t testing.TB, style style) *client {
	t.Helper()
	c := &client{t: t, s: s, base: s.public, style: style, http: &http.Client{
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		Transport:     &http.Transport{MaxIdleConnsPerHost: 16},
	}}
	if style != app {
		jar, err := cookiejar.New(nil)
		if err != nil {
			t.Fatal(err)
		}
		c.http.Jar = jar
	}
	t.Cleanup(c.http.CloseIdleConnections)
	return c
}

// operator is a client of the admin server.
func (s *server) operator(t testing.TB) *client {
	t.Helper()
	c := s.client(t, app)
	c.base, c.key = s.admin, s.key
	return c
}

// answer is what came back.
type answer struct {
	t      testing.TB
	what   string
	path   string
	admin  bool // it is of the admin server
	status int
	header http.Header
	body   []byte
}

// send sends a request. body is nothing, text that is sent as it is, form
// fields, or a value that is sent as JSON. headers are names and values.
func (c *client) send(method, path string, body any, headers ...string) answer {
	c.t.Helper()
	a, err := c.try(method, path, body, headers...)
	if err != nil {
		c.t.Fatal(err)
	}
	return a
}

// try is send for goroutines other than the test's own.
func (c *client) try(method, path string, body any, headers ...string) (answer, error) {
	var content []byte
	kind := "application/json"
	switch b := body.(type) {
	case nil:
		kind = ""
	case string:
		content = []byte(b)
	case url.Values:
		content, kind = []byte(b.Encode()), "application/x-www-form-urlencoded"
	default:
		var err error
		if content, err = json.Marshal(b); err != nil {
			return answer{}, err
		}
	}
	address := path
	if c.s.alias != "" {
		address = strings.TrimPrefix(path, c.s.alias)
		path = address
	}
	if strings.HasPrefix(path, "/") {
		address = c.base + path
	}
	r, err := http.NewRequestWithContext(context.Background(), method, address, bytes.NewReader(content))
	if err != nil {
		return answer{}, err
	}
	if kind != "" {
		r.Header.Set("Content-Type", kind)
	}
	if c.token != "" {
		r.Header.Set("X-Session-Token", c.token)
	}
	if c.key != "" {
		r.Header.Set("Authorization", "Bearer "+c.key)
	}
	r.Header.Set("Accept", "application/json")
	if c.style == page {
		r.Header.Set("Accept", "text/html,application/xhtml+xml,*/*;q=0.8")
	}
	for i := 0; i < len(headers); i += 2 {
		// A header that is given twice is sent twice.
		if slices.Contains(headers[:i], headers[i]) {
			r.Header.Add(headers[i], headers[i+1])
		} else {
			r.Header.Set(headers[i], headers[i+1])
		}
	}
	res, err := c.http.Do(r)
	if err != nil {
		return answer{}, err
	}
	defer res.Body.Close()
	got, err := io.ReadAll(res.Body)
	if err != nil {
		return answer{}, err
	}
	a := answer{t: c.t, what: method + " " + path, path: r.URL.Path, admin: c.base == c.s.admin, status: res.StatusCode, header: res.Header, body: got}
	if c.s.said != nil {
		fmt.Fprintf(c.s.said, "%s %d %v %s\n", method, a.status, a.header, a.body)
	}
	return a, nil
}

func (c *client) get(path string, headers ...string) answer {
	c.t.Helper()
	return c.send("GET", path, nil, headers...)
}

// is ends the test unless the answer has the status.
func (a answer) is(status int) answer {
	a.t.Helper()
	if a.status != status {
		a.t.Fatalf("%s: %d, want %d: %s %s", a.what, a.status, status, a.header.Get("Location"), a.body)
	}
	return a
}

// refused ends the test unless the answer is an error with status and id.
func (a answer) refused(status int, id string) answer {
	a.t.Helper()
	a.is(status)
	if got := a.at("error.id").String(); got != id {
		a.t.Fatalf("%s: the error is %q, want %q: %s", a.what, got, id, a.body)
	}
	if got := a.at("error.code").Int(); got != int64(status) {
		a.t.Errorf("%s: the error says %d in an answer with %d", a.what, got, status)
	}
	return a
}

// leads ends the test unless the answer is a redirect to the address. The
// query of a redirect to a page of a flow or an error is left out.
func (a answer) leads(status int, to string) answer {
	a.t.Helper()
	a.is(status)
	if got := a.location(); got != to {
		a.t.Fatalf("%s leads to %q, want %q", a.what, a.header.Get("Location"), to)
	}
	return a
}

func (a answer) location() string {
	location, _, _ := strings.Cut(a.header.Get("Location"), "?")
	return location
}

// query is a parameter of the address that the answer leads to.
func (a answer) query(name string) string {
	a.t.Helper()
	u, err := url.Parse(a.header.Get("Location"))
	if err != nil {
		a.t.Fatal(err)
	}
	return u.Query().Get(name)
}

// at is a part of a JSON answer.
func (a answer) at(path string) gjson.Result { return gjson.GetBytes(a.body, path) }

// messages are the ids of all messages in a form.
func (a answer) messages() []int64 {
	var ids []int64
	for _, path := range []string{"ui.messages.#.id", "ui.nodes.#.messages.#.id|@flatten"} {
		for _, id := range a.at(path).Array() {
			ids = append(ids, id.Int())
		}
	}
	return ids
}

// saying ends the test unless the answer is a form with just this message.
func (a answer) saying(status int, message int64) answer {
	a.t.Helper()
	a.is(status)
	if got := a.messages(); !slices.Equal(got, []int64{message}) {
		a.t.Fatalf("%s: the form says %v, want %d: %s", a.what, got, message, a.body)
	}
	return a
}

// cookies are those that the answer sets, by name.
func (a answer) cookies() map[string]*http.Cookie {
	all := map[string]*http.Cookie{}
	for _, c := range (&http.Response{Header: a.header}).Cookies() {
		all[c.Name] = c
	}
	return all
}

const sessionCookie = "ory_kratos_session"

// cookie is the value of a browser's cookie, by the beginning of its name.
func (c *client) cookie(name string) string {
	u, err := url.Parse(c.base)
	if err != nil {
		c.t.Fatal(err)
	}
	for _, k := range c.http.Jar.Cookies(u) {
		if strings.HasPrefix(k.Name, name) {
			return k.Value
		}
	}
	return ""
}

// form is a flow that a client has open.
type form struct {
	kind, id, action, csrf string
	json                   answer
}

// begin opens a form.
func (c *client) begin(kind, query string) form {
	c.t.Helper()
	path := "/self-service/" + kind + "/"
	if c.style == app {
		return c.opened(kind, c.get(path+"api?"+query).is(200))
	}
	a := c.get(path + "browser?" + query)
	if c.style == script {
		return c.opened(kind, a.is(200))
	}
	a.is(303)
	return c.opened(kind, c.fetch(kind, a.query("flow")).is(200))
}

// fetch gets a form as the page that shows it does.
func (c *client) fetch(kind, id string) answer {
	c.t.Helper()
	return c.get("/self-service/"+kind+"/flows?id="+id, "Accept", "application/json")
}

func (c *client) opened(kind string, a answer) form {
	c.t.Helper()
	f := form{kind: kind, id: a.at("id").String(), action: a.at("ui.action").String(), json: a,
		csrf: a.at(`ui.nodes.#(attributes.name=="csrf_token").attributes.value`).String()}
	if f.id == "" || f.action == "" || (f.csrf == "") != (c.style == app) {
		c.t.Fatalf("this is not a form for this client: %s", a.body)
	}
	return f
}

// fields of a submission, with dotted names.
type fields map[string]string

// submit sends a form, in the way that the client does.
func (c *client) submit(f form, with fields, headers ...string) answer {
	c.t.Helper()
	return c.send("POST", f.action, c.body(f, with), headers...)
}

// body is a submission in the client's style, with the form's CSRF token
// unless the fields have one.
func (c *client) body(f form, with fields) any {
	all := maps.Clone(with)
	if _, given := all["csrf_token"]; !given && f.csrf != "" {
		all["csrf_token"] = f.csrf
	}
	if c.style != page {
		return all
	}
	values := url.Values{}
	for name, value := range all {
		values.Set(name, value)
	}
	return values
}

// person is somebody with an account.
type person struct{ id, email, password string }

// stranger is somebody without one.
func stranger() person {
	return person{email: "p" + strings.ReplaceAll(uuid.NewString(), "-", "") + "@example.org", password: uuid.NewString()}
}

// person makes an account.
func (s *server) person(t testing.TB) person {
	t.Helper()
	p := stranger()
	p.id = s.operator(t).send("POST", "/admin/identities", map[string]any{"schema_id": "person", "traits": fields{"email": p.email},
		"credentials": map[string]any{"password": map[string]any{"config": fields{"password": p.password}}}}).is(201).at("id").String()
	return p
}

func (p person) login() fields {
	return fields{"method": "password", "identifier": p.email, "password": p.password}
}

func (p person) signUp() fields {
	return fields{"method": "password", "traits.email": p.email, "password": p.password}
}

// signIn signs a person in and returns the answer.
func (c *client) signIn(p person) answer {
	c.t.Helper()
	return c.finish(c.begin("login", ""), p.login())
}

// finish submits a form, which must succeed, and keeps an app's token.
func (c *client) finish(f form, with fields) answer {
	c.t.Helper()
	a := c.submit(f, with)
	if c.style == page {
		return a.is(303)
	}
	a.is(200)
	if c.style == app {
		c.token = a.at("session_token").String()
	}
	return a
}

// whoami asks who the client is.
func (c *client) whoami() answer {
	c.t.Helper()
	return c.get("/sessions/whoami")
}

// secret is what the client's session hangs on: its token or its cookie.
func (c *client) secret() string {
	if c.style == app {
		return c.token
	}
	return c.cookie(sessionCookie)
}

// sessions counts a person's sessions, those that have ended among them.
func (s *server) sessions(t testing.TB, p person) int {
	t.Helper()
	return len(s.operator(t).get("/admin/identities/" + p.id + "/sessions").is(200).at("@this").Array())
}

func mustURL(t testing.TB, text string) *url.URL {
	t.Helper()
	u, err := url.Parse(text)
	if err != nil {
		t.Fatal(err)
	}
	return u
}
