package web

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"zelus/internal/auth"
)

func TestHeaders(t *testing.T) {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /known", func(http.ResponseWriter, *http.Request) {})
	mux.HandleFunc("GET /known/health", func(http.ResponseWriter, *http.Request) {})
	h := VaryCookie(Headers(mux), func(path string) bool { return path == "/known/health" })
	const noStore = "private, no-cache, no-store, must-revalidate"
	for _, tt := range []struct {
		method, path string
		status       int
		cache, vary  string
	}{
		{"GET", "/known", 200, noStore, "Cookie"},
		{"HEAD", "/known", 200, noStore, "Cookie"},
		{"GET", "/known/health", 200, noStore, ""},
		{"GET", "/unknown", 404, noStore, "Cookie"},
		{"POST", "/known", 405, "", "Cookie"},
	} {
		w := httptest.NewRecorder()
		h.ServeHTTP(w, httptest.NewRequest(tt.method, tt.path, nil))
		if w.Code != tt.status || w.Header().Get("Cache-Control") != tt.cache {
			t.Errorf("%s %s: %d %v", tt.method, tt.path, w.Code, w.Header())
		}
		if w.Header().Get("X-Content-Type-Options") != "nosniff" || w.Header().Get("Vary") != tt.vary {
			t.Errorf("%s %s: %v", tt.method, tt.path, w.Header())
		}
		if tt.status >= 400 && !strings.HasPrefix(w.Header().Get("Content-Type"), "text/plain") {
			t.Errorf("%s %s is %s", tt.method, tt.path, w.Header().Get("Content-Type"))
		}
	}
}

func TestDeadline(t *testing.T) {
	h := Deadline(time.Nanosecond, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		<-r.Context().Done()
		s, _ := logged()
		s.WriteError(w, r, r.Context().Err())
	}))
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequest("GET", "/", nil))
	if w.Code != auth.ErrTimeout.Status || w.Header().Get("Ory-Error-Id") != auth.ErrTimeout.ID {
		t.Errorf("a request that waits too long is answered with %d %v", w.Code, w.Header())
	}
	var ended context.Context
	Deadline(time.Hour, http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		if err := r.Context().Err(); err != nil {
			t.Errorf("the deadline passed at once: %v", err)
		}
		ended = r.Context()
	})).ServeHTTP(httptest.NewRecorder(), httptest.NewRequest("GET", "/", nil))
	if ended.Err() == nil {
		t.Error("the timer is kept after the request")
	}
}

func TestReadBody(t *testing.T) {
	full, over := strings.Repeat("x", MaxBody), strings.Repeat("x", MaxBody+1)
	declared := func(s string) func() io.Reader { return func() io.Reader { return strings.NewReader(s) } }
	// A length that is not declared, as with chunked encoding.
	chunked := func(s string) func() io.Reader {
		return func() io.Reader { return io.MultiReader(strings.NewReader(s)) }
	}
	for name, tt := range map[string]struct {
		body func() io.Reader
		want error
	}{
		"full":              {declared(full), nil},
		"full, chunked":     {chunked(full), nil},
		"declared too long": {declared(over), auth.ErrBodyTooLarge},
		"too long, chunked": {chunked(over), auth.ErrBodyTooLarge},
		"broken off":        {func() io.Reader { return iotest.TimeoutReader(strings.NewReader(full)) }, auth.ErrBody},
	} {
		for _, limited := range []bool{false, true} {
			r := httptest.NewRequest("POST", "/", tt.body())
			var body []byte
			var err error
			var h http.Handler = http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { body, err = ReadBody(r) })
			if limited {
				h = LimitBody(h)
			}
			h.ServeHTTP(httptest.NewRecorder(), r)
			if !errors.Is(err, tt.want) || tt.want == nil && len(body) != MaxBody {
				t.Errorf("%s (limited %v): %d bytes, %v", name, limited, len(body), err)
			}
		}
	}
	if body, err := ReadBody(&http.Request{}); body != nil || err != nil {
		t.Errorf("no body gives %q, %v", body, err)
	}
}

func TestLog(t *testing.T) {
	s, log := logged()
	mux := http.NewServeMux()
	mux.HandleFunc("POST /things/{id}", func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusTeapot)
		_, _ = w.Write([]byte("short"))
	})
	mux.HandleFunc("GET /nothing", func(http.ResponseWriter, *http.Request) {})
	mux.HandleFunc("GET /health/alive", func(http.ResponseWriter, *http.Request) {})
	h := s.Log(mux, func(path string) bool { return path == "/health/alive" })

	r := httptest.NewRequest("POST", "/things/secret1?token=secret2", strings.NewReader("secret3"))
	r.Header.Set("Cookie", "session=secret4")
	r.Header.Set("Authorization", "Bearer secret5")
	h.ServeHTTP(httptest.NewRecorder(), r)
	line := log.String()
	for _, want := range []string{"method=POST", `route="POST /things/{id}"`, "status=418", "bytes=5", "took=1s"} {
		if !strings.Contains(line, want) {
			t.Errorf("%s is not in %s", want, line)
		}
	}
	if strings.Contains(line, "secret") {
		t.Errorf("something private is in %s", line)
	}

	log.Reset()
	h.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest("GET", "/health/alive", nil))
	if log.Len() > 0 {
		t.Errorf("a health check was logged: %s", log)
	}
	h.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest("GET", "/nothing", nil))
	if !strings.Contains(log.String(), "status=200") {
		t.Errorf("log is %s", log)
	}
}
