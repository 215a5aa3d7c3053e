package app

import (
	"bytes"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"testing"
)

// The benchmarks call the handlers of the whole server, with everything that
// a request passes through but the network.

// bench starts a server on an SQLite file.
func bench(b *testing.B) *server {
	s := start(b, setup{more: "log: {level: error}"})
	s.said = nil
	return s
}

// recorded is a ResponseWriter that keeps what a benchmark has to look at.
type recorded struct {
	header http.Header
	status int
	body   []byte
}

func (w *recorded) Header() http.Header { return w.header }
func (w *recorded) WriteHeader(n int)   { w.status = n }
func (w *recorded) Write(b []byte) (int, error) {
	w.body = append(w.body, b...)
	return len(b), nil
}

// serveOften serves a request again and again.
func serveOften(b *testing.B, h http.Handler, r *http.Request) {
	b.ReportAllocs()
	w := &recorded{header: http.Header{}}
	for b.Loop() {
		clear(w.header)
		w.status, w.body = 0, w.body[:0]
		h.ServeHTTP(w, r)
		if w.status != http.StatusOK {
			b.Fatalf("%d %s", w.status, w.body)
		}
	}
}

// BenchmarkWhoami is a session check whose answer is in memory. "bare" is the
// least that it can cost: a handler that sends the same header and bytes.
func BenchmarkWhoami(b *testing.B) {
	s := bench(b)
	phone, browser := s.client(b, app), s.client(b, script)
	p := s.person(b)
	phone.signIn(p)
	browser.signIn(p)
	answer := phone.whoami().is(200)

	withToken := httptest.NewRequest("GET", "/sessions/whoami", nil)
	withToken.Header.Set("X-Session-Token", phone.token)
	withCookie := httptest.NewRequest("GET", "/sessions/whoami", nil)
	withCookie.AddCookie(&http.Cookie{Name: sessionCookie, Value: browser.cookie(sessionCookie)})
	nobody := httptest.NewRequest("GET", "/sessions/whoami", nil)
	nobody.Header.Set("X-Session-Token", "ory_st_nobody")

	bare := http.NewServeMux()
	bare.HandleFunc("GET /sessions/whoami", func(w http.ResponseWriter, r *http.Request) {
		for name, values := range answer.header {
			w.Header().Set(name, values[0])
		}
		w.WriteHeader(http.StatusOK)
		_, _ = w.Write(answer.body)
	})
	b.Run("bare", func(b *testing.B) { serveOften(b, bare, withToken) })
	b.Run("token", func(b *testing.B) { serveOften(b, s.app.Public(), withToken) })
	b.Run("cookie", func(b *testing.B) { serveOften(b, s.app.Public(), withCookie) })
	b.Run("parallel", func(b *testing.B) {
		h := s.app.Public()
		b.ReportAllocs()
		b.RunParallel(func(pb *testing.PB) {
			w := &recorded{header: http.Header{}}
			r := withToken.Clone(b.Context())
			for pb.Next() {
				clear(w.header)
				w.body = w.body[:0]
				h.ServeHTTP(w, r)
			}
		})
	})
	b.Run("unknown", func(b *testing.B) {
		h := s.app.Public()
		b.ReportAllocs()
		w := &recorded{header: http.Header{}}
		for b.Loop() {
			clear(w.header)
			w.body = w.body[:0]
			h.ServeHTTP(w, nobody)
		}
	})
	// Over real connections, for comparison with what a client sees.
	real := httptest.NewServer(bare)
	b.Cleanup(real.Close)
	b.Run("bare, over HTTP", func(b *testing.B) { phone.often(b, real.URL+"/sessions/whoami") })
	b.Run("token, over HTTP", func(b *testing.B) { phone.often(b, s.public+"/sessions/whoami") })
}

// often asks for an address again and again.
func (c *client) often(b *testing.B, address string) {
	b.ReportAllocs()
	for b.Loop() {
		if a, err := c.try("GET", address, nil); err != nil || a.status != http.StatusOK {
			b.Fatalf("%v %d %s", err, a.status, a.body)
		}
	}
}

// BenchmarkBeginLogin begins a sign-in, which writes a flow.
func BenchmarkBeginLogin(b *testing.B) {
	s := bench(b)
	serveOften(b, s.app.Public(), httptest.NewRequest("GET", "/self-service/login/api", nil))
}

// BenchmarkSignIn begins and submits a sign-in, with bcrypt at cost 4: nearly
// everything but the password's hash.
func BenchmarkSignIn(b *testing.B) {
	s := bench(b)
	p := s.person(b)
	h := s.app.Public()
	body, err := json.Marshal(p.login())
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		w := httptest.NewRecorder()
		h.ServeHTTP(w, httptest.NewRequest("GET", "/self-service/login/api", nil))
		var f struct{ ID string }
		if err := json.Unmarshal(w.Body.Bytes(), &f); err != nil {
			b.Fatal(err)
		}
		r := httptest.NewRequest("POST", "/self-service/login?flow="+f.ID, bytes.NewReader(body))
		r.Header.Set("Content-Type", "application/json")
		w = httptest.NewRecorder()
		h.ServeHTTP(w, r)
		if w.Code != http.StatusOK {
			b.Fatalf("%d %s", w.Code, w.Body)
		}
	}
}

// BenchmarkListIdentities lists a page of 250.
func BenchmarkListIdentities(b *testing.B) {
	s := bench(b)
	people(b, s, 250)
	serveOften(b, s.app.Admin(), httptest.NewRequest("GET", "/admin/identities?page_size=250", nil))
}

// BenchmarkLoginPage is a sign-in from the link to the page: a flow is begun and
// stored, and shown.
func BenchmarkLoginPage(b *testing.B) {
	s := start(b, setup{more: ownPages + "log: {level: error}\n"})
	s.said = nil
	h := s.app.Public()
	begin := httptest.NewRequest("GET", "/self-service/login/browser", nil)
	begin.Header.Set("Accept", "text/html")
	w := &recorded{header: http.Header{}}
	h.ServeHTTP(w, begin)
	cookie, to := w.header.Get("Set-Cookie"), w.header.Get("Location")
	show := httptest.NewRequest("GET", to, nil)
	show.Header.Set("Cookie", cookie)
	b.Run("show", func(b *testing.B) { serveOften(b, h, show) })
	b.Run("begin and show", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			w := &recorded{header: http.Header{}}
			h.ServeHTTP(w, begin)
			next := httptest.NewRequest("GET", w.header.Get("Location"), nil)
			next.Header.Set("Cookie", w.header.Get("Set-Cookie"))
			w = &recorded{header: http.Header{}}
			if h.ServeHTTP(w, next); w.status != http.StatusOK {
				b.Fatalf("%d %s", w.status, w.body)
			}
		}
	})
}
