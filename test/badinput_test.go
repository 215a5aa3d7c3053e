package test

import (
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
	"github.com/tidwall/gjson"

	"zelus/test/server"
)

// TestBadInput sends whatever is malformed to everything that takes input, and
// holds each answer to the same rules (see judge).
func TestBadInput(t *testing.T) {
	if testing.Short() {
		t.Skip("this test sends many thousand requests to a real server: not in short mode")
	}
	t.Run("sqlite", func(t *testing.T) {
		t.Parallel()
		badInput(t, "")
	})
	t.Run("postgres", func(t *testing.T) {
		t.Parallel()
		badInput(t, server.StartPostgres(t).URL)
	})
}

func badInput(t *testing.T, dsn string) {
	b := newTrial(t, server.StartOn(t, "testdata/badinput.yml", dsn))
	for _, part := range []struct {
		name string
		run  func(*trial)
	}{
		{"bodies", (*trial).bodies},
		{"large bodies", (*trial).largeBodies},
		{"addresses", (*trial).addresses},
		{"headers", (*trial).headers},
		{"return_to", (*trial).returnTo},
		{"secrets", (*trial).secrets},
		{"connections", (*trial).connections},
		{"slow clients", (*trial).slowClients},
	} {
		t.Run(part.name, func(t *testing.T) {
			b.t = t
			before := b.state()
			part.run(b)
			if after := b.state(); after != before {
				t.Errorf("something changed (-before +after):\n%s", cmp.Diff(strings.Split(before, "\n"), strings.Split(after, "\n")))
			}
			log := b.s.Log(t)
			for _, line := range strings.Split(log, "\n") {
				if strings.Contains(line, "panic") || strings.Contains(line, "ERROR") || strings.Contains(line, "goroutine") {
					t.Errorf("the log says: %.2000s", line)
				}
			}
		})
	}
	b.t = t
	var counts []string
	total := 0
	for _, kind := range slices.Sorted(maps.Keys(b.tried)) {
		counts = append(counts, fmt.Sprintf("%s %d", kind, b.tried[kind]))
		total += b.tried[kind]
	}
	t.Logf("%d inputs: %s", total, strings.Join(counts, ", "))
}

// trial is a server with an account that nothing may change, and what was
// tried on it.
type trial struct {
	t    *testing.T
	s    *server.Server
	http *http.Client
	// key is an administrator's, keyID its id.
	key, keyID string
	// The account: its session as an app has it, and another as a browser has.
	id, email, password, token string
	browser                    *browser
	// other is the address of an account that a part of the test may change.
	other string

	mu    sync.Mutex
	tried map[string]int
	// shown counts the failures that were told.
	shown int
}

// hangs is when an answer is given up: the server's own limits are shorter.
const hangs = 150 * time.Second

func newTrial(t *testing.T, s *server.Server) *trial {
	t.Helper()
	b := &trial{t: t, s: s, tried: map[string]int{}, email: "sentinel@example.org", password: "a password of the sentinel's", http: &http.Client{
		Timeout:       hangs,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		Transport:     &http.Transport{MaxIdleConnsPerHost: 16},
	}}
	t.Cleanup(b.http.CloseIdleConnections)
	made := b.must(b.request("POST", s.Admin+"/admin/keys", "application/json", `{"name":"the test"}`), 201)
	b.key, b.keyID = gjson.Get(made, "key").String(), gjson.Get(made, "id").String()
	b.id = gjson.Get(b.must(b.request("POST", s.Admin+"/admin/identities", "application/json",
		`{"schema_id":"default","traits":{"email":"`+b.email+`","name":"Sentinel"},"metadata_public":{"a":[1]},"external_id":"sentinel-1",
		"credentials":{"password":{"config":{"password":"`+b.password+`"}}}}`, "Authorization", "Bearer "+b.key), 201), "id").String()
	b.other = "other@example.org"
	b.must(b.request("POST", s.Admin+"/admin/identities", asJSON,
		`{"schema_id":"default","traits":{"email":"`+b.other+`"},"credentials":{"password":{"config":{"password":"`+b.password+`"}}}}`, "Authorization", "Bearer "+b.key), 201)
	b.token = b.signIn()
	b.browser = b.newBrowser()
	b.browser.signIn()
	return b
}

// signIn is a new session of the account, as an app has it.
func (b *trial) signIn() string {
	b.t.Helper()
	action := gjson.Get(b.must(b.request("GET", b.s.Public+"/self-service/login/api", "", ""), 200), "ui.action").String()
	return gjson.Get(b.must(b.request("POST", action, "application/json", b.proof("")), 200), "session_token").String()
}

// proof is what the account signs in with.
func (b *trial) proof(csrf string) string {
	return fmt.Sprintf(`{"method":"password","identifier":%q,"password":%q,"csrf_token":%q}`, b.email, b.password, csrf)
}

// request makes a request. headers are names and values.
func (b *trial) request(method, address, contentType, body string, headers ...string) *http.Request {
	b.t.Helper()
	r, err := http.NewRequest(method, address, strings.NewReader(body))
	if err != nil {
		b.t.Fatal(err)
	}
	r.Header.Set("Accept", "application/json")
	if contentType != "" {
		r.Header.Set("Content-Type", contentType)
	}
	for i := 0; i+1 < len(headers); i += 2 {
		if strings.EqualFold(headers[i], "Host") {
			r.Host = headers[i+1]
		}
		r.Header.Set(headers[i], headers[i+1])
	}
	return r
}

// must sends a good request.
func (b *trial) must(r *http.Request, status int) string {
	b.t.Helper()
	res, err := b.http.Do(r)
	if err != nil {
		b.t.Fatal(err)
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil || res.StatusCode != status {
		b.t.Fatalf("%s %s: %d, want %d: %s %v", r.Method, r.URL, res.StatusCode, status, body, err)
	}
	return string(body)
}

// asAdministrator reads something of the admin API.
func (b *trial) asAdministrator(path string) string {
	b.t.Helper()
	return b.must(b.request("GET", b.s.Admin+path, "", "", "Authorization", "Bearer "+b.key), 200)
}

// state is everything that bad input must not change: who there is, the account
// with its password, its sessions, the keys.
func (b *trial) state() string {
	b.t.Helper()
	var all strings.Builder
	// An empty patch is none, and moves this time all the same.
	updated := regexp.MustCompile(`"updated_at":"[^"]*"`)
	fmt.Fprintln(&all, gjson.Get(b.asAdministrator("/admin/identities?page_size=1000"), "#.id"))
	fmt.Fprintln(&all, updated.ReplaceAllString(b.asAdministrator("/admin/identities/"+b.id+"?include_credential=password"), ""))
	fmt.Fprintln(&all, gjson.Get(b.must(b.request("GET", b.s.Public+"/sessions/whoami", "", "", "X-Session-Token", b.token), 200), "id"))
	fmt.Fprintln(&all, gjson.Get(b.must(b.request("GET", b.s.Public+"/sessions/whoami", "", "", "Cookie", b.browser.cookies()), 200), "id"))
	fmt.Fprintln(&all, gjson.Get(b.asAdministrator("/admin/keys"), "#.{id,name,revoked_at,expires_at}"))
	return all.String()
}

// try sends malformed input and judges the answer. refused says that nothing
// but a refusal is right.
func (b *trial) try(kind, what string, r *http.Request, refused bool) (status int, body []byte) {
	b.t.Helper()
	b.count(kind)
	what = fmt.Sprintf("%s, %s %.150s: %.100q", kind, r.Method, r.URL, what)
	res, err := b.http.Do(r)
	if err != nil {
		b.fail("%s: %v", what, err)
		return 0, nil
	}
	defer res.Body.Close()
	body, err = io.ReadAll(res.Body)
	if err != nil {
		b.fail("%s: %v", what, err)
		return 0, nil
	}
	for _, wrong := range b.judge(res, body, refused) {
		b.fail("%s: %s: %d %s %.500s", what, wrong, res.StatusCode, res.Header.Get("Location"), body)
	}
	return res.StatusCode, body
}

func (b *trial) count(kind string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.tried[kind]++
}

// fail tells of the first failures and leaves out the rest.
func (b *trial) fail(format string, args ...any) {
	b.t.Helper()
	const most = 60
	b.mu.Lock()
	b.shown++
	shown := b.shown
	b.mu.Unlock()
	if shown <= most {
		b.t.Errorf(format, args...)
	} else {
		b.t.Fail()
	}
}

// largest is how long the answer to malformed input may be, in bytes: a form
// with what was typed, or a page of a list.
const largest = 64 << 10

// What an answer may not say: it is about the program, and not for its users.
var insides = regexp.MustCompile(`goroutine|panic|json:|sql:|SQLSTATE|sqlite|pgconn|runtime|reflect|net/http|multipart:|mime:|strconv\.|invalid UUID|` +
	`invalid character|cannot unmarshal|unexpected EOF|unexpected end of JSON|\.go:[0-9]|0x[0-9a-f]{8}|internal/|<nil>|%!`)

var stableID = regexp.MustCompile(`^[a-z][a-z0-9_]{3,50}$`)

// judge holds an answer to the rules: no fault of the server; an error that says
// which one it is; nothing of the server's insides; short.
func (b *trial) judge(res *http.Response, body []byte, refused bool) (wrong []string) {
	say := func(format string, args ...any) { wrong = append(wrong, fmt.Sprintf(format, args...)) }
	status := res.StatusCode
	if b.beforeUs(res) {
		return nil
	}
	if status >= 500 || status < 200 {
		say("a fault of the server")
	}
	if refused && (status < 400 && status != http.StatusSeeOther) {
		say("this was taken")
	}
	if len(body) > largest {
		say("the answer has %d bytes", len(body))
	}
	if !utf8.Valid(body) {
		say("the answer is not UTF-8")
	}
	if found := insides.Find(body); found != nil {
		say("the answer says %q", found)
	}
	size := 0
	for name, values := range res.Header {
		for _, value := range values {
			size += len(name) + len(value)
		}
	}
	if size > largest {
		say("the headers have %d bytes", size)
	}
	media, _, _ := strings.Cut(res.Header.Get("Content-Type"), ";")
	switch {
	case status == http.StatusSeeOther || status == http.StatusTemporaryRedirect || status == http.StatusMovedPermanently || status == http.StatusFound:
		wrong = append(wrong, b.judgeRedirect(res)...)
	case status == http.StatusNoContent || res.Request != nil && res.Request.Method == http.MethodHead:
		if len(body) > 0 {
			say("an answer without a body has one")
		}
	case media == "application/json":
		if !json.Valid(body) {
			say("this is no JSON")
			break
		}
		answer := gjson.ParseBytes(body)
		if status < 400 {
			break
		}
		if answer.Get("ui.nodes").IsArray() { // a form that says what is wrong
			if answer.Get("ui.messages.#").Int()+answer.Get("ui.nodes.#.messages|@flatten|#").Int() == 0 {
				say("the form says nothing")
			}
			break
		}
		if id := answer.Get("error.id").String(); !stableID.MatchString(id) || id != res.Header.Get("Ory-Error-Id") {
			say("the error is %q, and in the header %q", id, res.Header.Get("Ory-Error-Id"))
		}
		if answer.Get("error.code").Int() != int64(status) {
			say("the error has another status")
		}
		if answer.Get("error.message").String() == "" {
			say("the error says nothing")
		}
	case status == http.StatusNotFound || status == http.StatusMethodNotAllowed:
		// net/http's answer to a route that is none.
	case status >= 400:
		say("an error of the type %q", media)
	}
	return wrong
}

// judgeRedirect sees that a browser is led to a page of this server, and that
// an error which waits there keeps the rules.
func (b *trial) judgeRedirect(res *http.Response) []string {
	to, err := url.Parse(res.Header.Get("Location"))
	if err != nil || to.String() == "" {
		return []string{"a redirect to nowhere"}
	}
	if to.Scheme == "" && to.Host == "" && strings.HasPrefix(to.Path, "/") {
		return nil // another spelling of the path, by net/http
	}
	if at := to.Scheme + "://" + to.Host; at != b.s.Public && at != b.s.Admin {
		return []string{"a redirect to " + to.String()}
	}
	id := to.Query().Get("id")
	if id == "" {
		return nil
	}
	r, err := http.NewRequest("GET", b.s.Public+"/self-service/errors?id="+url.QueryEscape(id), nil)
	if err != nil {
		return []string{err.Error()}
	}
	r.Header.Set("Accept", "application/json")
	said, err := b.http.Do(r)
	if err != nil {
		return []string{err.Error()}
	}
	defer said.Body.Close()
	body, err := io.ReadAll(said.Body)
	if err != nil {
		return []string{err.Error()}
	}
	code, errorID := gjson.GetBytes(body, "error.code").Int(), gjson.GetBytes(body, "error.id").String()
	if said.StatusCode == 200 && (code < 400 || code >= 500 || !stableID.MatchString(errorID)) || len(body) > largest || insides.Match(body) {
		return []string{fmt.Sprintf("the page of the error would say %s", body)}
	}
	return nil
}

// browser is a browser with its cookies.
type browser struct {
	b    *trial
	http *http.Client
}

func (b *trial) newBrowser() *browser {
	b.t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		b.t.Fatal(err)
	}
	return &browser{b, &http.Client{Jar: jar, CheckRedirect: b.http.CheckRedirect, Timeout: hangs, Transport: b.http.Transport}}
}

// ask sends a request with the browser's cookies.
func (w *browser) ask(r *http.Request) (int, http.Header, []byte) {
	w.b.t.Helper()
	res, err := w.http.Do(r)
	if err != nil {
		w.b.t.Fatal(err)
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		w.b.t.Fatal(err)
	}
	return res.StatusCode, res.Header, body
}

// begin opens a form: where it is sent to, its id and its token.
func (w *browser) begin(kind, query string) (action, id, csrf string) {
	w.b.t.Helper()
	status, _, body := w.ask(w.b.request("GET", w.b.s.Public+"/self-service/"+kind+"/browser?"+query, "", ""))
	form := gjson.ParseBytes(body)
	action, id, csrf = form.Get("ui.action").String(), form.Get("id").String(), form.Get(`ui.nodes.#(attributes.name=="csrf_token").attributes.value`).String()
	if status != 200 || action == "" || csrf == "" {
		w.b.t.Fatalf("the form %s: %d %s", kind, status, body)
	}
	return action, id, csrf
}

func (w *browser) signIn() { w.b.t.Helper(); w.signInAs(w.b.email, w.b.password) }

func (w *browser) signInAs(email, password string) {
	w.b.t.Helper()
	action, _, csrf := w.begin("login", "refresh=true")
	proof := fmt.Sprintf(`{"method":"password","identifier":%q,"password":%q,"csrf_token":%q}`, email, password, csrf)
	if status, _, body := w.ask(w.b.request("POST", action, asJSON, proof)); status != 200 {
		w.b.t.Fatalf("signing in: %d %s", status, body)
	}
}

// cookies are the browser's, as the value of a header.
func (w *browser) cookies() string {
	var all []string
	for name, value := range w.jar() {
		all = append(all, name+"="+value)
	}
	slices.Sort(all)
	return strings.Join(all, "; ")
}

func (w *browser) jar() map[string]string {
	u, err := url.Parse(w.b.s.Public)
	if err != nil {
		w.b.t.Fatal(err)
	}
	all := map[string]string{}
	for _, c := range w.http.Jar.Cookies(u) {
		all[c.Name] = c.Value
	}
	return all
}

// endpoint is something that takes a body.
type endpoint struct {
	name, method, address string
	headers               []string
	// unread says that the body does not matter.
	unread bool
	// most is how large a body may be, in bytes.
	most int
}

const (
	maxForm = 256 << 10
	maxBody = 5 << 20
)

// endpoints is everything that takes a body: forms in all styles, the APIs of
// both servers, and the same for clients of the v0alpha2 era.
func (b *trial) endpoints() []endpoint {
	b.t.Helper()
	var all []endpoint
	for _, prefix := range []string{"", "/api/kratos/public"} {
		for _, kind := range []string{"login", "registration", "settings"} {
			asApp := []string{}
			if kind == "settings" {
				asApp = []string{"X-Session-Token", b.token}
			}
			begun := b.must(b.request("GET", b.s.Public+prefix+"/self-service/"+kind+"/api", "", "", asApp...), 200)
			all = append(all, endpoint{prefix + kind + " app", "POST", gjson.Get(begun, "ui.action").String(), asApp, false, maxForm})
			w := b.browser
			query := ""
			if kind != "settings" {
				w = b.newBrowser()
			}
			action, id, csrf := w.begin(kind, query)
			if prefix != "" {
				action = b.s.Public + prefix + "/self-service/" + kind + "?flow=" + id
			}
			asScript := []string{"Cookie", w.cookies(), "X-CSRF-Token", csrf}
			all = append(all, endpoint{prefix + kind + " script", "POST", action, asScript, false, maxForm},
				endpoint{prefix + kind + " page", "POST", action, append(slices.Clip(asScript), "Accept", "text/html"), false, maxForm})
		}
		all = append(all,
			endpoint{prefix + "logout", "DELETE", b.s.Public + prefix + "/self-service/logout/api", nil, false, maxForm},
			endpoint{prefix + "sessions", "DELETE", b.s.Public + prefix + "/sessions", []string{"X-Session-Token", b.token[1:]}, true, maxBody},
			endpoint{prefix + "session", "DELETE", b.s.Public + prefix + "/sessions/" + b.id, []string{"X-Session-Token", b.token}, true, maxBody},
			endpoint{prefix + "whoami", "POST", b.s.Public + prefix + "/sessions/whoami", []string{"X-Session-Token", b.token}, true, maxBody})
	}
	key := []string{"Authorization", "Bearer " + b.key}
	for _, base := range []string{b.s.Admin + "/admin", b.s.Admin, b.s.Public + "/api/kratos/admin"} {
		all = append(all,
			endpoint{"create", "POST", base + "/identities", key, false, maxBody},
			endpoint{"replace", "PUT", base + "/identities/" + b.id, key, false, maxBody},
			endpoint{"patch", "PATCH", base + "/identities/" + b.id, key, false, maxBody},
			endpoint{"delete", "DELETE", base + "/identities/" + b.keyID, key, true, maxBody}, // nobody's id
			endpoint{"end sessions", "DELETE", base + "/identities/" + b.keyID + "/sessions", key, true, maxBody},
			endpoint{"extend", "PATCH", base + "/sessions/" + b.id + "/extend", key, true, maxBody}) // no session's id
		if strings.HasPrefix(base, b.s.Admin) {
			all = append(all,
				endpoint{"batch", "PATCH", base + "/identities", key, false, maxBody},
				endpoint{"key", "POST", base + "/keys", key, false, maxBody},
				endpoint{"revoke key", "DELETE", base + "/keys/" + b.id, key, true, maxBody}, // no key's id
				endpoint{"delete credential", "DELETE", base + "/identities/" + b.keyID + "/credentials/oidc", key, true, maxBody},
				endpoint{"revoke session", "DELETE", base + "/sessions/" + b.id, key, true, maxBody})
		}
	}
	return all
}

// body is something that no endpoint can make sense of; or, if it is odd only,
// something that some may take and that means nothing to any.
type body struct {
	kind, contentType, text string
	odd                     bool
}

const (
	asJSON      = "application/json"
	asForm      = "application/x-www-form-urlencoded"
	asMultipart = "multipart/form-data; boundary=b"
)

func badBodies() []body {
	var all []body
	add := func(kind, contentType string, texts ...string) {
		for _, text := range texts {
			all = append(all, body{kind, contentType, text, false})
		}
	}
	odd := func(kind, contentType string, texts ...string) {
		for _, text := range texts {
			all = append(all, body{kind, contentType, text, true})
		}
	}
	many := strings.Repeat
	add("not JSON", asJSON, " ", "{", "}", "[", "nul", "tru", "hello", "{'a':1}", `{"a":1,}`, `[1,]`, `{"a" 1}`, `{}{}`, `{} x`, "<xml/>", "\ufeff{}", "/**/{}",
		`{"a":+1}`, `{"a":01}`, `{"a":.5}`, `{"a":1.}`, `{"a":NaN}`, `{"a":Infinity}`, `"text`, `{"a":"\x"}`, "{\"a\":\"\n\"}", `{a:1}`, `{"a":1;}`, `{"a":"\u12"}`, `{"a":--1}`,
		"\x1f\x8b\x08\x00\x00\x00", "\x00\x01\x02\x03", `{"a":1`, `{"a":`, `{"a"`, `{"`, ",", ":", `{"a":1}]`, "\u2028{}")
	add("wrong types", asJSON, "null", "[]x", "1", "-0", `"text"`, "true", "[1]", "[null]", `[[]]`, `["a"]`, `{"method":{}}`, `{"method":["password"]}`, `{"method":null,"traits":1}`,
		`{"method":1,"traits":[]}`, `{"traits":"text","method":"password"}`, `{"traits":{"email":{}},"method":"password","password":"x"}`, `{"traits":{"email":["a@example.org"]},"method":"password"}`,
		`{"identifier":{},"password":[],"method":"password"}`, `{"identifier":1,"password":2,"method":"password"}`, `{"session_token":1}`, `{"session_token":{}}`, `{"session_token":["x"]}`,
		`{"identities":1}`, `{"identities":{}}`, `{"identities":[1]}`, `{"identities":[[]]}`, `{"identities":[{"create":1}]}`, `{"identities":[{"create":[]}]}`, `{"identities":[{"patch_id":1}]}`, `{"identities":[{"patch_id":"no"}]}`,
		`{"name":1}`, `{"name":{},"expires_in":1}`, `{"name":"x","expires_in":[]}`, `{"name":"x","expires_at":1}`, `{"name":"x","expires_at":"never"}`, `{"name":"","expires_in":"-1d"}`, `{"name":"x","expires_in":"99999999999999999999d"}`,
		`{"schema_id":1,"traits":{}}`, `{"schema_id":{},"traits":{}}`, `{"schema_id":"default","traits":{"email":"not an address"}}`, `{"schema_id":"default","traits":{"email":"x@example.org","other":1}}`,
		`{"schema_id":"default","traits":[],"state":"active"}`, `{"schema_id":"default","traits":{"email":"x@example.org"},"state":"odd"}`, `{"schema_id":"default","traits":{"email":"x@example.org"},"state":1}`,
		`{"schema_id":"default","traits":{"email":"x@example.org"},"credentials":1,"state":"active"}`, `{"schema_id":"default","traits":{"email":"x@example.org"},"credentials":{"password":{"config":{"hashed_password":"x"}}},"state":"active"}`,
		`{"schema_id":"default","traits":{"email":"x@example.org"},"credentials":{"password":{"config":[]}},"state":"active"}`, `{"schema_id":"default","traits":{"email":"x@example.org"},"external_id":1,"state":"active"}`,
		`{"schema_id":"`+many("x", 200_000)+`","traits":{},"state":"active"}`,
		`[{"op":1,"path":"/traits/name","value":1}]`, `[{"op":"replace","path":1,"value":1}]`, `[{"op":"replace","path":["traits"],"value":1}]`, `[{"op":"replace","path":"/traits","value":1}]`, `[{"op":"replace","path":"/traits/email","value":{}}]`,
		`[{"op":"move","from":"/traits/name","path":"/traits/email"}]`, `[{"op":"test","path":"/traits/name","value":"x"}]`, `[{"op":"replace","path":"traits","value":1}]`, `[{"op":"replace","path":"","value":{}}]`, `[{"op":"add","path":"/traits/~2","value":1}]`,
		`[{"op":"replace","path":"/id","value":"x"}]`, `[{"op":"replace","path":"/state","value":"odd"}]`, `[{"op":"add","path":"/metadata_public/a/99999999999999999999","value":1}]`, `[{"op":"add","path":"/metadata_public/a/-1","value":1}]`, `[{"op":"remove","path":"/metadata_public/b"}]`,
		`[{"op":"add","path":"`+many("/a", 5000)+`","value":1}]`, `[`+many(`{"op":"remove","path":"/metadata_public/b"},`, 2000)+`1]`, `[{"op":"replace","path":"/schema_id","value":"`+many("x", 100_000)+`"}]`)
	odd("wrong types", asJSON, "{}", "[]", `{"identities":[]}`, `{"identities":null}`, `{"identities":[{}]}`, `{"identities":[{"create":null}]}`, `{"identities":[{"create":{}}]}`, `{"identities":[{"create":{"traits":1}}]}`, `{"name":null}`, `{"traits":null}`,
		`{"identities":[{"create":{"schema_id":"`+many("x", 100_000)+`","traits":{}}}]}`, `{"identities":[{"create":{"schema_id":"default","traits":{"email":"`+many("x", 100_000)+`"}}}]}`)
	add("wrong types", asJSON, `[{"op":"replace","path":"/external_id","value":1}]`, `[{"op":"replace","path":"/organization_id","value":"x"}]`, `[{"op":"replace","path":"/verifiable_addresses","value":1}]`, `[{"op":"replace","path":"/state","value":{}}]`,
		`[{"op":"replace","path":"/credentials/password/config","value":1}]`, `[{"op":"replace","path":"/credentials/password/config/hashed_password","value":"`+many("x", 200_000)+`"}]`, `[{"op":"remove","path":"/`+many("x", 200_000)+`"}]`,
		`{"schema_id":"default","traits":{"email":"x@example.org"},"credentials":{"password":{"config":{"hashed_password":"$argon2id$v=19$m=`+many("9", 100_000)+`"}}},"state":"active"}`,
		`{"schema_id":"default","traits":{"email":"x@example.org"},"state":"`+many("x", 200_000)+`"}`, `{"`+many("x", 200_000)+`":1}`, `{"name":"`+many("x", 200_000)+`"}`, `{"name":"x","expires_in":"`+many("9", 200_000)+`"}`, `{"name":"x","expires_at":"`+many("9", 200_000)+`"}`,
		`{"schema_id":"default","traits":{"email":"x@example.org"},"organization_id":"`+many("x", 200_000)+`","state":1}`)
	add("duplicate keys", asJSON, `{"a":1,"a":2}`, `{"a":1,"\u0061":2}`, `{"method":"password","method":"password"}`, `{"traits":{"email":"a@example.org","email":"b@example.org"},"method":"password","password":"x"}`,
		`{"session_token":"a","session_token":"b"}`, `{"name":"a","name":"b"}`, `{"schema_id":"default","schema_id":"default","traits":{}}`, `[{"op":"add","op":"add","path":"/metadata_admin","value":1}]`, `[{"op":"add","path":"/metadata_admin","path":"/metadata_admin","value":1}]`,
		`[{"op":"add","path":"/metadata_admin","value":{"a":1,"a":2}}]`, `{"identities":[],"identities":[]}`, `{"traits.email":"a@example.org","traits":{"email":"a@example.org"},"traits.email":1}`, `{"schema_id":"default","traits":{"email":"x@example.org"},"metadata_public":{"a":{"b":1,"b":1}},"state":"active"}`)
	add("duplicate keys", asForm, "a.b=1&a=2", "a=1&a.b=2", "a.b.c=1&a.b=2")
	for _, bytes := range []string{"\xff", "\xc0\xaf", "\xed\xa0\x80", "\xf4\x90\x80\x80", "\x80", "\xe2\x82", "\xfe\xff"} {
		add("invalid UTF-8", asJSON, `{"method":"`+bytes+`"}`, `{"`+bytes+`":1}`, bytes, `[{"op":"add","path":"/metadata_admin","value":"`+bytes+`"}]`,
			`{"schema_id":"default","traits":{"email":"x@example.org","name":"`+bytes+`"},"state":"active"}`, `{"name":"`+bytes+`"}`, `{"session_token":"`+bytes+`"}`)
		add("invalid UTF-8", asForm, "method="+bytes, "method="+url.QueryEscape(bytes), bytes+"=1")
		add("invalid UTF-8", asMultipart, "--b\r\nContent-Disposition: form-data; name=\"method\"\r\n\r\n"+bytes+"\r\n--b--\r\n")
	}
	for _, nul := range []string{`\u0000`, "\x00"} {
		add("NUL bytes", asJSON, `{"method":"`+nul+`"}`, `{"`+nul+`":1}`, `{"identifier":"a`+nul+`b","password":"x","method":"password"}`, `{"traits":{"email":"a`+nul+`@example.org"},"password":"x","method":"password"}`,
			`[{"op":"add","path":"/metadata_admin","value":"`+nul+`"}]`, `[{"op":"add","path":"/metadata_admin/`+nul+`","value":1}]`, `{"schema_id":"default","traits":{"email":"x@example.org","name":"`+nul+`"},"state":"active"}`, `{"name":"`+nul+`"}`, `{"session_token":"`+nul+`"}`, `{"external_id":"`+nul+`","schema_id":"default","traits":{"email":"x@example.org"},"state":"active"}`)
	}
	add("NUL bytes", asForm, "method=%00", "%00=1", "a\x00=1", "password=a%00b")
	add("NUL bytes", asMultipart, "--b\r\nContent-Disposition: form-data; name=\"method\"\r\n\r\n\x00\r\n--b--\r\n", "--b\r\nContent-Disposition: form-data; name=\"a\x00\"\r\n\r\n1\r\n--b--\r\n")
	for _, half := range []string{`\ud800`, `\udc00`, `\ud800A`, `\ud800\u0041`, `\udc00\ud800`, `\ud83d\ud83d\ude00`, `\uDFFF`} {
		add("lone surrogates", asJSON, `{"method":"`+half+`"}`, `{"`+half+`":1}`, `[{"op":"add","path":"/metadata_admin","value":"`+half+`"}]`, `{"schema_id":"default","traits":{"email":"x@example.org","name":"`+half+`"},"state":"active"}`, `{"name":"`+half+`"}`, `{"session_token":"`+half+`"}`)
	}
	const levels = 10_000
	add("deep nesting", asJSON, many("[", levels)+many("]", levels), many(`{"a":`, levels)+"1"+many("}", levels), many("[", levels), many(`{"a":`, levels), many(`[{"a":`, levels), `{"traits":`+many("[", levels)+many("]", levels)+`,"method":"password"}`,
		`[{"op":"add","path":"/metadata_admin","value":`+many("[", levels)+many("]", levels)+`}]`, `{"identities":`+many("[", levels)+many("]", levels)+`}`, `{"schema_id":"default","traits":{"email":"x@example.org"},"state":"active","metadata_admin":`+many("[", levels)+many("]", levels)+`}`, many("]", levels))
	add("deep nesting", asForm, "a"+many(".a", levels)+"=1&a=2&a.a=3")
	digits := many("9", levels)
	for _, number := range []string{digits, "-" + digits, "0." + digits, "1e" + digits, "1e-" + digits, "1E+" + digits, digits + "." + digits + "e" + digits, "1e999999999"} {
		add("long numbers", asJSON, `{"method":`+number+`}`, `{"traits":{"name":`+number+`},"method":"password"}`, number, `[{"op":"add","path":"/metadata_admin","value":`+number+`}]`,
			`{"schema_id":"default","traits":{"email":"x@example.org"},"metadata_admin":`+number+`,"state":"active"}`, `{"name":`+number+`}`)
	}
	add("many fields", asJSON, `{"a":[0`+many(",0", 250_000)+`]}`, `{"a":[`+many("[],", 250_000)+`1]}`)
	add("many fields", asForm, "a=1"+many("&a=1", 5000))
	add("many fields", asMultipart, many("--b\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\n1\r\n", 2000)+"--b--\r\n")
	add("broken forms", asForm, "%", "%zz", "a=%", "a=%2", "a=%g1", "%u0041=1")
	add("broken forms", asMultipart, "x", "--b", "--b\r\n", "--b\r\nContent-Disposition: form-data; name=\"method\"\r\n\r\npassword", "--c\r\n\r\n--c--", "--b\r\nno header\r\n\r\n1\r\n--b--")
	odd("broken forms", asMultipart, "--b\r\n"+many("A: b\r\n", 10_000)+"\r\n1\r\n--b--", "--b\r\nContent-Disposition: form-data; name=\""+many("a", 200_000)+"\r\n\r\n1\r\n--b--")
	odd("broken forms", asMultipart, "--b--", "--b\r\n\r\n1\r\n--b--", "--b\r\nContent-Disposition: form-data; name=\"a\"; filename=\"../../etc/passwd\"\r\n\r\n1\r\n--b--", "--b\r\nContent-Disposition: form-data; name=\"a\"\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n=ZZ\r\n--b--")
	odd("broken forms", asForm, "&", "=", "==", "&&&&", "a;b", "a=1;b=2", "."+many(".", 1000)+"=1", many("a", 100_000)+"=1")
	for _, boundary := range []string{"", "; boundary=", `; boundary=""`, "; boundary=" + many("b", 200), "; boundary=b; boundary=c", `; boundary="b`, "; boundary=\u00e9"} {
		add("content types", "multipart/form-data"+boundary, "--c\r\nContent-Disposition: form-data; name=\"method\"\r\n\r\npassword\r\n--c--")
	}
	for _, contentType := range []string{"", "text/plain", "text/html", "application/xml", "application/octet-stream", "application/jsonx", "application/json-patch+json", "application/ld+json", "application/", "/json", "a/b/c", ";", "json", "*/*",
		"application/json; charset=utf-16", "application/json; charset=iso-8859-1", "application/json;;;", "application/json; charset", "application/json, text/plain", "APPLICATION/JSON", "application/x-www-form-urlencoded; charset=utf-7",
		"multipart/mixed; boundary=b", "application/json; a=" + many("b", 10_000), many("a", 10_000) + "/json", "text/plain;" + many(" a=b;", 1000), "application/json; charset=\xff", "\xff\xfe"} {
		add("content types", contentType, "hello=%zz", "\x00\x00\x00{")
		odd("content types", contentType, "{}", "")
	}
	return all
}

// bodies sends every body to every endpoint.
func (b *trial) bodies() {
	all := badBodies()
	for _, at := range b.endpoints() {
		for _, bad := range all {
			b.try(bad.kind, at.name+", "+bad.contentType+": "+bad.text, b.request(at.method, at.address, bad.contentType, bad.text, at.headers...), !bad.odd && !at.unread)
		}
	}
}

// largeBodies sends what is too large, with its length told and without.
func (b *trial) largeBodies() {
	long := strings.Repeat("a", maxBody+1)
	for _, at := range b.endpoints() {
		for _, bad := range []struct {
			contentType, text string
			told              bool
		}{
			{asJSON, `{"a":"` + long[:at.most] + `"}`, true},
			{asJSON, `{"a":"` + long[:at.most] + `"}`, false},
			{asForm, "a=" + long, true},
			{asMultipart, "--b\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\n" + long, false},
		} {
			r := b.request(at.method, at.address, bad.contentType, bad.text, at.headers...)
			if !bad.told {
				r.Body, r.ContentLength = io.NopCloser(strings.NewReader(bad.text)), -1
			}
			status, _ := b.try("too large", at.name, r, !at.unread)
			// PUT wants JSON, and says so before it reads anything.
			other := at.method == "PUT" && bad.contentType != asJSON && status == http.StatusBadRequest
			if !at.unread && status != http.StatusRequestEntityTooLarge && status != http.StatusSeeOther && !other {
				b.fail("%s of %d bytes, %s: %d, want 413", at.name, len(bad.text), bad.contentType, status)
			}
		}
	}
}
