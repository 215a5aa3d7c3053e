package web

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"testing"

	"github.com/google/go-cmp/cmp"
)

const ui = "http://127.0.0.1:4455"

func corsOptions() CORSOptions {
	return CORSOptions{
		Enabled:          true,
		AllowedOrigins:   []string{ui},
		AllowedMethods:   []string{"POST", "GET", "PUT", "PATCH", "DELETE"},
		AllowedHeaders:   []string{"Authorization", "Content-Type", "Max-Age", "X-Session-Token", "X-XSRF-TOKEN", "X-CSRF-TOKEN"},
		ExposedHeaders:   []string{"Content-Type"},
		AllowCredentials: true,
	}
}

// access picks the headers of the CORS protocol.
func access(h http.Header) map[string]string {
	out := map[string]string{}
	for _, name := range []string{"Origin", "Credentials", "Methods", "Headers"} {
		if v := h.Get("Access-Control-Allow-" + name); v != "" {
			out[name] = v
		}
	}
	if v := h.Get("Access-Control-Expose-Headers"); v != "" {
		out["Expose"] = v
	}
	return out
}

func TestCORS(t *testing.T) {
	reached := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusUnauthorized) })
	h := CORS(corsOptions, reached)
	none := map[string]string{}
	for _, tt := range []struct {
		name, method, origin, wants, headers string
		status                               int
		access                               map[string]string
	}{
		{"allowed", "GET", ui, "", "", 401, map[string]string{"Origin": ui, "Credentials": "true", "Expose": "Content-Type"}},
		{"not allowed", "GET", "https://evil.example.com", "", "", 401, none},
		{"null", "GET", "null", "", "", 401, none},
		{"preflight", "OPTIONS", ui, "POST", "content-type", 204, map[string]string{"Origin": ui, "Credentials": "true", "Methods": "POST", "Headers": "content-type"}},
		{"preflight, not allowed", "OPTIONS", "https://evil.example.com", "POST", "content-type", 204, none},
		{"preflight, null", "OPTIONS", "null", "POST", "content-type", 204, none},
		{"preflight of DELETE", "OPTIONS", ui, "DELETE", "x-session-token", 204, map[string]string{"Origin": ui, "Credentials": "true", "Methods": "DELETE", "Headers": "x-session-token"}},
		{"preflight of TRACE", "OPTIONS", ui, "TRACE", "", 204, none},
		{"unheard-of header", "OPTIONS", ui, "GET", "x-unheard-of", 204, none},
		{"two headers", "OPTIONS", ui, "GET", "authorization,content-type", 204, map[string]string{"Origin": ui, "Credentials": "true", "Methods": "GET", "Headers": "authorization,content-type"}},
		{"no preflight", "OPTIONS", ui, "", "", 401, map[string]string{"Origin": ui, "Credentials": "true", "Expose": "Content-Type"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r := httptest.NewRequest(tt.method, "/sessions/whoami", nil)
			r.Header.Set("Origin", tt.origin)
			if tt.wants != "" {
				r.Header.Set("Access-Control-Request-Method", tt.wants)
			}
			if tt.headers != "" {
				r.Header.Set("Access-Control-Request-Headers", tt.headers)
			}
			w := httptest.NewRecorder()
			h.ServeHTTP(w, r)
			if w.Code != tt.status {
				t.Errorf("status is %d, want %d", w.Code, tt.status)
			}
			if diff := cmp.Diff(tt.access, access(w.Header())); diff != "" {
				t.Error(diff)
			}
			if w.Header().Get("Vary") == "" {
				t.Error("the answer does not vary by origin")
			}
		})
	}
}

func TestCORSReload(t *testing.T) {
	o := corsOptions()
	o.Enabled = false
	h := CORS(func() CORSOptions { return o }, http.NotFoundHandler())
	ask := func() http.Header {
		r := httptest.NewRequest("GET", "/", nil)
		r.Header.Set("Origin", ui)
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		return w.Header()
	}
	if got := ask(); got.Get("Vary") != "" || len(access(got)) > 0 {
		t.Errorf("switched off, it sends %v", got)
	}
	o.Enabled = true
	if got := ask().Get("Access-Control-Allow-Origin"); got != ui {
		t.Errorf("switched on, it allows %q", got)
	}
	o.AllowedOrigins[0] = "https://elsewhere.example.org" // in place, as a careless caller would
	if got := ask().Get("Access-Control-Allow-Origin"); got != "" {
		t.Errorf("after the change, it allows %q", got)
	}
}

func TestCORSWildcards(t *testing.T) {
	for _, tt := range []struct {
		allowed []string
		legacy  bool
		origin  string
		want    string
	}{
		{[]string{"*"}, false, ui, ""},
		{[]string{"*"}, true, ui, "*"},
		{nil, false, ui, ""},
		{[]string{"https://*.com"}, false, "https://evil.com", ""},
		{[]string{"https://*.com"}, true, "https://evil.com", "https://evil.com"},
		{[]string{"https://*.example.org"}, false, "https://app.example.org", "https://app.example.org"},
		{[]string{"https://*.example.org"}, false, "https://evilexample.org", ""},
		{[]string{"*", "https://app.example.org"}, false, "https://app.example.org", "https://app.example.org"},
	} {
		o := corsOptions()
		o.AllowedOrigins, o.UnboundedWildcards = tt.allowed, tt.legacy
		r := httptest.NewRequest("GET", "/", nil)
		r.Header.Set("Origin", tt.origin)
		w := httptest.NewRecorder()
		CORS(func() CORSOptions { return o }, http.NotFoundHandler()).ServeHTTP(w, r)
		if got := w.Header().Get("Access-Control-Allow-Origin"); got != tt.want {
			t.Errorf("%v (legacy %v) answers %s with %q, want %q", tt.allowed, tt.legacy, tt.origin, got, tt.want)
		}
	}
}

func TestUnbounded(t *testing.T) {
	for pattern, want := range map[string]bool{
		"https://app.example.org":        false,
		"https://*.example.org":          false,
		"https://*.example.org:8443/x/*": false,
		"*.EXAMPLE.org":                  false,
		"https://*.a.example.co.uk":      false,
		"/relative":                      false,
		"*":                              true,
		"https://*":                      true,
		"https://*.com":                  true,
		"https://*.co.uk":                true,
		"https://*.github.io":            true,
		"https://*example.org":           true,
		"https://app.*.org":              true,
		"https://*.*.example.org":        true,
		"https://a*.example.org":         true,
		"*://app.example.org":            true,
		"https://app.example.org:*":      true,
		"https://*.0.0.1":                true,
		"https://*.localhost":            true,
		"https://*.":                     true,
		"https://*..org":                 true,
		"https://*.a b.org":              true,
	} {
		if got := Unbounded(pattern); got != want {
			t.Errorf("%q: %v", pattern, got)
		}
	}
}

func TestCrossSite(t *testing.T) {
	allowed := []string{"https://auth.example.org/", "https://app.example.com", "https://*.example.net", "https://*.com"}
	for _, tt := range []struct {
		method, site, origin string
		want                 bool
	}{
		{"POST", "", "", false}, // no browser
		{"POST", "same-origin", "https://auth.example.org", false},
		{"POST", "none", "", false},
		{"POST", "cross-site", "https://evil.example", true},
		{"POST", "cross-site", "", true},
		{"POST", "cross-site", "null", true},
		{"POST", "cross-site", "https://app.example.com", false},
		{"POST", "cross-site", "https://APP.example.com", false},
		{"POST", "cross-site", "http://app.example.com", true},
		{"POST", "cross-site", "https://app.example.com:8443", true},
		{"POST", "cross-site", "https://a.b.example.net", false},
		{"POST", "cross-site", "https://evilexample.net", true},
		{"POST", "cross-site", "https://evil/.example.net", true},
		{"POST", "cross-site", "https://evil.com", true}, // the wildcard is unbounded
		{"POST", "same-site", "https://blog.example.org", true},
		{"POST", "same-site", "null", false}, // its page hides it; the token decides
		{"POST", "same-site", "", false},
		{"POST", "nonsense", "", true},
		{"POST", "", "https://evil.example", true},
		{"POST", "", "null", true},
		{"POST", "", "https://auth.example.org", false},
		{"DELETE", "cross-site", "https://evil.example", true},
		{"GET", "cross-site", "https://evil.example", false},
		{"HEAD", "cross-site", "https://evil.example", false},
	} {
		r := httptest.NewRequest(tt.method, "/", nil)
		r.Header.Set("Sec-Fetch-Site", tt.site)
		r.Header.Set("Origin", tt.origin)
		if got := CrossSite(r, allowed); got != tt.want {
			t.Errorf("%s %q %q: %v", tt.method, tt.site, tt.origin, got)
		}
	}
}

func TestOrigin(t *testing.T) {
	for given, want := range map[string]string{
		"https://Auth.Example.org:443/x?y": "https://auth.example.org",
		"http://127.0.0.1:80":              "http://127.0.0.1",
		"http://127.0.0.1:4433/":           "http://127.0.0.1:4433",
		"https://[::1]:443":                "https://[::1]",
	} {
		u, err := url.Parse(given)
		if err != nil {
			t.Fatal(err)
		}
		if got := Origin(u); got != want {
			t.Errorf("%s: %s", given, got)
		}
	}
}
