package courier

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"zelus/internal/auth"
	"zelus/internal/jsonnet"
	"zelus/internal/store"
	"zelus/internal/web"
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

// interpreter evaluates Jsonnet until the test ends.
func interpreter(t *testing.T) *jsonnet.Pool {
	t.Helper()
	path, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	p := jsonnet.New(jsonnet.Options{Command: []string{path, asChild}, Timeout: 2 * time.Second, Logger: slog.New(slog.DiscardHandler)})
	t.Cleanup(p.Close)
	return p
}

// handedOver is a request as a service got it.
type handedOver struct {
	method, path string
	header       http.Header
	body         string
}

// service is a real server that keeps what it gets and answers as it is told.
type service struct {
	*httptest.Server
	mu  sync.Mutex
	got []handedOver
}

func newService(t *testing.T, answer http.HandlerFunc) *service {
	t.Helper()
	s := &service{}
	s.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		s.mu.Lock()
		s.got = append(s.got, handedOver{r.Method, r.URL.RequestURI(), r.Header.Clone(), string(body)})
		s.mu.Unlock()
		if answer != nil {
			answer(w, r)
		}
	}))
	t.Cleanup(s.Close)
	return s
}

// only is the one request that came.
func (s *service) only(t *testing.T) handedOver {
	t.Helper()
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.got) != 1 {
		t.Fatalf("%d requests came: %v", len(s.got), s.got)
	}
	return s.got[0]
}

func (s *service) count() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.got)
}

// anywhere is the client for a server that may reach every address.
func anywhere() *http.Client {
	return web.NewOutgoing(func() *web.OutgoingRules { return &web.OutgoingRules{} }, nil)
}

func newHTTP(t *testing.T, o HTTPOptions) *HTTP {
	t.Helper()
	o.Setting = "the.setting"
	if o.Client == nil {
		o.Client = anywhere()
	}
	h, err := NewHTTP(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	return h
}

// codeMail and codeText are messages with all that a service can be told.
func codeMail() *store.Message {
	m := someMail
	m.TemplateData = json.RawMessage(`{"to":"ada@example.org","recovery_code":"123456","identity":{"id":"1"},"expires_in_minutes":60}`)
	m.RequestHeaders = map[string][]string{"User-Agent": {"a browser"}}
	return &m
}

func codeText() *store.Message {
	m := someMail
	m.Type, m.Channel, m.Template, m.Recipient, m.Subject, m.HTML = auth.ViaSMS, auth.ViaSMS, "login_code_valid", "+493090182000", "", ""
	m.Body = "Your code is 123456"
	return &m
}

func decoded(t *testing.T, text string) (v map[string]any) {
	t.Helper()
	if err := json.Unmarshal([]byte(text), &v); err != nil {
		t.Fatalf("%q: %v", text, err)
	}
	return v
}

func TestHTTPBuiltInBody(t *testing.T) {
	for name, test := range map[string]struct {
		m    *store.Message
		want map[string]any
	}{
		"mail": {codeMail(), map[string]any{"recipient": "ada@example.org", "template_type": "recovery_code_valid", "to": "ada@example.org", "recovery_code": "123456",
			"recovery_url": nil, "verification_url": nil, "verification_code": nil, "subject": someMail.Subject, "body": someMail.Body}},
		"text": {codeText(), map[string]any{"recipient": "+493090182000", "template_type": "login_code_valid", "to": nil, "recovery_code": nil,
			"recovery_url": nil, "verification_url": nil, "verification_code": nil, "subject": "", "body": "Your code is 123456"}},
	} {
		s := newService(t, func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusAccepted) })
		h := newHTTP(t, HTTPOptions{Request: web.CallOptions{URL: s.URL + "/send?to=all"}})
		if err := h.Send(t.Context(), test.m); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		got := s.only(t)
		if got.method != "POST" || got.path != "/send?to=all" || got.header.Get("Content-Type") != "application/json" || got.header.Get("Authorization") != "" {
			t.Errorf("%s: %+v", name, got)
		}
		if d := cmp.Diff(test.want, decoded(t, got.body)); d != "" {
			t.Errorf("%s: %s", name, d)
		}

		// As a form, without what there is not.
		s = newService(t, nil)
		h = newHTTP(t, HTTPOptions{Request: web.CallOptions{URL: s.URL, Headers: map[string]string{"content-type": "application/x-www-form-urlencoded"}}})
		if err := h.Send(t.Context(), test.m); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		got = s.only(t)
		form, err := url.ParseQuery(got.body)
		want := url.Values{}
		for name, value := range test.want {
			if text, ok := value.(string); ok {
				want.Set(name, text)
			}
		}
		if d := cmp.Diff(want, form); d != "" || err != nil || got.header.Get("Content-Type") != "application/x-www-form-urlencoded" {
			t.Errorf("%s: %s, %v, %v", name, d, err, got.header)
		}
	}
}

func TestHTTPPrograms(t *testing.T) {
	pool := interpreter(t)
	s := newService(t, nil)
	h := newHTTP(t, HTTPOptions{Jsonnet: pool, Body: "function(ctx) { ctx: ctx }", Request: web.CallOptions{URL: s.URL, Method: "PUT", Headers: map[string]string{"X-Own": "one"}}})
	if err := h.Send(t.Context(), codeMail()); err != nil {
		t.Fatal(err)
	}
	got := s.only(t)
	if got.method != "PUT" || got.header.Get("X-Own") != "one" {
		t.Errorf("%+v", got)
	}
	want := map[string]any{"recipient": "ada@example.org", "subject": someMail.Subject, "body": someMail.Body, "html_body": someMail.HTML,
		"template_type": "recovery_code_valid", "message_type": "email", "request_headers": map[string]any{"User-Agent": []any{"a browser"}},
		"template_data": map[string]any{"to": "ada@example.org", "recovery_code": "123456", "identity": map[string]any{"id": "1"}, "expires_in_minutes": 60.0}}
	if d := cmp.Diff(want, decoded(t, got.body)["ctx"]); d != "" {
		t.Error(d)
	}

	s = newService(t, nil)
	h = newHTTP(t, HTTPOptions{Jsonnet: pool, Body: "function(ctx) { ctx: ctx }", Request: web.CallOptions{URL: s.URL}})
	if err := h.Send(t.Context(), codeText()); err != nil {
		t.Fatal(err)
	}
	want = map[string]any{"recipient": "+493090182000", "subject": "", "body": "Your code is 123456", "template_type": "login_code_valid",
		"message_type": "sms", "request_headers": map[string]any{}, "template_data": map[string]any{}}
	if d := cmp.Diff(want, decoded(t, s.only(t).body)["ctx"]); d != "" {
		t.Error(d)
	}

	form := map[string]string{"Content-Type": "application/x-www-form-urlencoded; charset=utf-8"}
	s = newService(t, nil)
	h = newHTTP(t, HTTPOptions{Jsonnet: pool, Body: "function(ctx) { To: ctx.recipient, Body: ctx.body }", Request: web.CallOptions{URL: s.URL, Headers: form}})
	if err := h.Send(t.Context(), codeText()); err != nil {
		t.Fatal(err)
	}
	if got := s.only(t).body; got != "Body=Your+code+is+123456&To=%2B493090182000" {
		t.Error(got)
	}

	// Programs that fail: nothing is sent, and what they said is not repeated.
	s = newService(t, nil)
	for _, test := range []struct {
		body    string
		headers map[string]string
		want    string
	}{
		{"function(ctx)\n  error 'no way to ' + ctx.recipient", nil, "the.setting.body ended with an error at line 2, column 3"},
		{"function(ctx) ctx.nothing", nil, "the.setting.body ended with an error at line 1"},
		{"local all = std.range(1, 100000); std.foldl(function(a, x) std.foldl(function(b, y) b + y, all, a), all, 0)", nil, "the.setting.body: " + jsonnet.ErrTimeout.Error()},
		{"std.repeat('x', 300000)", nil, "the.setting.body: " + jsonnet.ErrTooLarge.Error()},
		{"function(ctx) { To: ctx.recipient, n: 1 }", form, "the.setting.body: " + web.ErrNotForm.Error()},
		{"function(ctx) { To: ctx.recipient, n: null }", form, "the.setting.body: " + web.ErrNotForm.Error()},
		{"function(ctx) [ctx.recipient]", form, "the.setting.body: " + web.ErrNotForm.Error()},
		{"function(ctx) null", form, "the.setting.body: " + web.ErrNotForm.Error()},
	} {
		h := newHTTP(t, HTTPOptions{Jsonnet: pool, Body: test.body, Request: web.CallOptions{URL: s.URL, Headers: test.headers}})
		err := h.Send(t.Context(), codeText())
		if err == nil || !strings.Contains(err.Error(), test.want) || strings.Contains(err.Error(), "90182000") {
			t.Errorf("%s: %v", test.body, err)
		}
	}
	if s.count() != 0 {
		t.Errorf("%d requests were sent", s.count())
	}
}

func TestHTTPAuth(t *testing.T) {
	for name, test := range map[string]struct {
		auth web.CallAuth
		want http.Header
	}{
		"basic_auth":       {web.CallAuth{User: "zelus", Password: "hunter2"}, http.Header{"Authorization": {"Basic emVsdXM6aHVudGVyMg=="}}},
		"api_key, header":  {web.CallAuth{Key: "x-api-key", Value: "hunter2"}, http.Header{"X-Api-Key": {"hunter2"}}},
		"api_key, bearer":  {web.CallAuth{Key: "Authorization", Value: "Bearer hunter2"}, http.Header{"Authorization": {"Bearer hunter2"}}},
		"api_key, cookie":  {web.CallAuth{Key: "key", Value: "hunter2", InCookie: true}, http.Header{"Cookie": {"key=hunter2"}}},
		"empty basic_auth": {web.CallAuth{}, http.Header{"Authorization": {"Basic Og=="}}},
	} {
		s := newService(t, nil)
		h := newHTTP(t, HTTPOptions{Request: web.CallOptions{URL: s.URL, Auth: &test.auth}})
		if err := h.Send(t.Context(), codeMail()); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		got := s.only(t).header
		maps.DeleteFunc(got, func(name string, _ []string) bool {
			return test.want[name] == nil && name != "Authorization" && name != "Cookie"
		})
		if d := cmp.Diff(test.want, got); d != "" {
			t.Errorf("%s: %s", name, d)
		}
	}
}

// TestHTTPFailures: whatever goes wrong is named, with neither the message nor
// the address nor the keys.
func TestHTTPFailures(t *testing.T) {
	closed := newService(t, nil)
	closed.Close()
	encrypted := httptest.NewTLSServer(nil)
	t.Cleanup(encrypted.Close)
	encrypted.Config.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, slog.LevelInfo)
	status := func(code int) string {
		return newService(t, func(w http.ResponseWriter, r *http.Request) {
			w.WriteHeader(code)
			_, _ = io.Copy(w, strings.NewReader("no: ada@example.org 123456"))
		}).URL
	}
	raw := func(answer string) string {
		return newService(t, func(w http.ResponseWriter, _ *http.Request) {
			conn, _, err := http.NewResponseController(w).Hijack()
			if err != nil {
				t.Error(err)
				return
			}
			_, _ = io.WriteString(conn, answer)
			conn.Close()
		}).URL
	}
	for name, test := range map[string]struct{ url, want string }{
		"400":                 {status(400), "answered with the status 400"},
		"429":                 {status(429), "answered with the status 429"},
		"500":                 {status(500), "answered with the status 500"},
		"304":                 {status(304), "answered with the status 304"},
		"nobody there":        {closed.URL, "cannot be reached"},
		"unknown certificate": {encrypted.URL, "certificate that is not trusted"},
		"no HTTP":             {raw("ada@example.org 123456\r\n\r\n"), "gave no valid answer"},
		"no answer":           {raw(""), "closed the connection"},
	} {
		host := mustHost(t, test.url)
		h := newHTTP(t, HTTPOptions{Request: web.CallOptions{URL: test.url + "/secret-path?key=hunter2", Auth: &web.CallAuth{User: "zelus", Password: "hunter2"}}})
		err := h.Send(t.Context(), codeMail())
		if err == nil || !strings.Contains(err.Error(), test.want) || !strings.Contains(err.Error(), host) {
			t.Errorf("%s: %v", name, err)
			continue
		}
		for _, secret := range []string{"hunter2", "secret-path", "ada@", "123456"} {
			if strings.Contains(err.Error(), secret) {
				t.Errorf("%s: the error repeats %s: %v", name, secret, err)
			}
		}
	}
}

func mustHost(t *testing.T, address string) string {
	t.Helper()
	u, err := url.Parse(address)
	if err != nil {
		t.Fatal(err)
	}
	return u.Host
}

func TestHTTPTimeout(t *testing.T) {
	end := make(chan struct{})
	s := newService(t, func(http.ResponseWriter, *http.Request) { <-end })
	defer close(end)
	h := newHTTP(t, HTTPOptions{Request: web.CallOptions{URL: s.URL}})
	if h.timeout != 10*time.Second {
		t.Errorf("a try may take %s", h.timeout)
	}
	h.timeout = 100 * time.Millisecond
	if err := h.Send(t.Context(), codeMail()); !errors.Is(err, context.DeadlineExceeded) || !strings.Contains(err.Error(), "took too long") {
		t.Error(err)
	}
}

// TestHTTPRedirects: only one that keeps the request what it is and leads to the
// same server is followed.
func TestHTTPRedirects(t *testing.T) {
	other := newService(t, nil)
	for code, followed := range map[int]bool{301: false, 302: false, 303: false, 307: true, 308: true} {
		for _, elsewhere := range []bool{false, true} {
			to := "/there"
			if elsewhere {
				to = other.URL + "/there"
			}
			s := newService(t, func(w http.ResponseWriter, r *http.Request) {
				if r.URL.Path != "/there" {
					http.Redirect(w, r, to, code)
				}
			})
			h := newHTTP(t, HTTPOptions{Request: web.CallOptions{URL: s.URL + "/here", Auth: &web.CallAuth{Key: "X-Api-Key", Value: "hunter2"}}})
			err := h.Send(t.Context(), codeMail())
			if followed && !elsewhere {
				if err != nil || s.count() != 2 || s.got[1].body != s.got[0].body || s.got[1].method != "POST" || s.got[1].header.Get("X-Api-Key") != "hunter2" {
					t.Errorf("%d to the same server: %v, %+v", code, err, s.got)
				}
				continue
			}
			if !errors.Is(err, web.ErrRedirected) || s.count() != 1 || strings.Contains(err.Error(), "there was") {
				t.Errorf("%d, elsewhere %v: %v, %d requests", code, elsewhere, err, s.count())
			}
		}
	}
	if other.count() != 0 {
		t.Errorf("another server got %+v", other.got)
	}
	endless := newService(t, func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, r.URL.Path, http.StatusTemporaryRedirect)
	})
	if err := newHTTP(t, HTTPOptions{Request: web.CallOptions{URL: endless.URL}}).Send(t.Context(), codeMail()); err == nil || endless.count() > 10 {
		t.Errorf("%v after %d requests", err, endless.count())
	}
}

// TestHTTPPrivate: the rules for requests of the server's own hold.
func TestHTTPPrivate(t *testing.T) {
	s := newService(t, nil)
	client := web.NewOutgoing(func() *web.OutgoingRules { return &web.OutgoingRules{PublicOnly: true} }, nil)
	h := newHTTP(t, HTTPOptions{Client: client, Request: web.CallOptions{URL: s.URL}})
	if err := h.Send(t.Context(), codeMail()); !errors.Is(err, web.ErrPrivateAddress) || s.count() != 0 {
		t.Errorf("%v, %d requests", err, s.count())
	}
}

func TestHTTPSettings(t *testing.T) {
	pool := interpreter(t)
	for _, test := range []struct {
		request web.CallOptions
		body    string
		want    string // empty for none
	}{
		{web.CallOptions{URL: "https://sms.example.org/send"}, "", ""},
		{web.CallOptions{URL: "https://sms.example.org/send", Headers: map[string]string{"Content-Type": "application/json; charset=utf-8"}}, "function(ctx) ctx", ""},
		{web.CallOptions{}, "", "the.setting.url: "},
		{web.CallOptions{URL: "https:///hunter2"}, "", "the.setting.url: "},
		{web.CallOptions{URL: "https://hunter2\x7f"}, "", "the.setting.url: "},
		{web.CallOptions{URL: "https://x", Method: "hunter2 x"}, "", "the.setting.method: "},
		{web.CallOptions{URL: "https://x", Headers: map[string]string{"a b": "x"}}, "", "the.setting.headers: "},
		{web.CallOptions{URL: "https://x", Headers: map[string]string{"A": "x\r\nhunter2"}}, "", "the.setting.headers.A: "},
		{web.CallOptions{URL: "https://x", Headers: map[string]string{"content-type": "text/plain"}}, "", "the.setting.headers.content-type: "},
		{web.CallOptions{URL: "https://x", Auth: &web.CallAuth{Key: "a b", Value: "hunter2"}}, "", "the.setting.auth.config.name: "},
		{web.CallOptions{URL: "https://x", Auth: &web.CallAuth{Key: "a", Value: "hunter2\n"}}, "", "the.setting.auth.config.value: "},
		{web.CallOptions{URL: "https://x", Auth: &web.CallAuth{Key: "a", Value: "hunter2; b=c", InCookie: true}}, "", "the.setting.auth.config.value: "},
		{web.CallOptions{URL: "https://x"}, "function(ctx) {", "the.setting.body: it is not valid Jsonnet at line 1, column 16"},
	} {
		_, err := NewHTTP(t.Context(), HTTPOptions{Setting: "the.setting", Request: test.request, Body: test.body, Client: anywhere(), Jsonnet: pool})
		if test.want == "" {
			if err != nil {
				t.Error(err)
			}
			continue
		}
		if err == nil || !strings.HasPrefix(err.Error(), test.want) || strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%v, want %s", err, test.want)
		}
	}
}
