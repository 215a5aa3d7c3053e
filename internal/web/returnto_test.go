package web

import (
	"errors"
	"net/url"
	"slices"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"zelus/internal/auth"
)

func parsed(t testing.TB, raw string) *url.URL {
	t.Helper()
	u, err := url.Parse(raw)
	if err != nil {
		t.Fatal(err)
	}
	return u
}

func someReturnTo(t testing.TB) *ReturnTo {
	return Compile([]string{
		"http://127.0.0.1:4455",
		"https://app.example.org/welcome",
		"https://app.example.org/slash/",
		"https://app.example.org/größe",
		"https://*.example.net/back",
		"https://*.example.net:8443",
		"/inside",
		"contract://callback",
		"org.example.app:/callback",
		// Without effect:
		"javascript:alert(1)", "javascript://x", "data://x", "//open.example.org", "https://user@open.example.org",
		"https://*.org", "*", "https://%zz", "https://open.example.org/../x", "http:///open", "",
	}, parsed(t, "https://auth.example.org/base/"), "http://127.0.0.1:4455/start", false)
}

func TestReturnTo(t *testing.T) {
	to := someReturnTo(t)
	ok, no, malformed := error(nil), auth.ErrReturnTo, auth.ErrReturnToMalformed
	for raw, want := range map[string]error{
		"":                                ok,
		"https://app.example.org/welcome": ok,
		"https://app.example.org/welcome?a=b&c=/../d#e": ok,
		"https://app.example.org/welcome?x=%0a+y z":     ok,
		"https://app.example.org/welcome/":              ok,
		"https://app.example.org/welcome/back/":         ok,
		"https://app.example.org/w%65lcome":             ok,
		"https://APP.example.org/welcome":               ok,
		"HTTPS://app.example.org/welcome":               ok,
		"https://app.example.org/welcomed":              no,
		"https://app.example.org/welcome%2fback":        no,
		"https://app.example.org/WELCOME":               no,
		"https://app.example.org/":                      no,
		"https://app.example.org":                       no,
		"http://app.example.org/welcome":                no,
		"https://app.example.org:443/welcome":           no,
		"https://app.example.org:/welcome":              no,
		"https://app.example.org./welcome":              no,
		"https://app.example.org.evil.com/welcome":      no,
		"https://app.example.org/slash/":                ok,
		"https://app.example.org/slash/x":               ok,
		"https://app.example.org/slash":                 no,
		"https://app.example.org/größe/x":               ok,
		"https://app.example.org/gr%C3%B6%c3%9fe":       ok,

		"https://a.example.net/back":                                 ok,
		"https://a.example.net/back/here":                            ok,
		"https://a.b.example.net/back":                               ok,
		"https://a.EXAMPLE.net/back":                                 ok,
		"https://a.example.net:8443/anywhere":                        ok,
		"https://a.example.net/":                                     no,
		"https://a.example.net:9443/back":                            no,
		"https://example.net/back":                                   no,
		"https://.example.net/back":                                  no,
		"https://a..example.net/back":                                no,
		"https://aexample.net/back":                                  no,
		"https://evil.com%2f.example.net/back":                       malformed,
		"https://evil.com%252f.example.net/back":                     no,
		"https://evil.com／.example.net/back":                         no,
		"https://evil.com%EF%BC%8F.example.net/back":                 no,
		"https://evil.com:80.example.net/back":                       malformed,
		"https://evil.com:@a.example.net/back":                       no,
		"https://(evil).example.net/back":                            no,
		"https://*.example.net/back":                                 no,
		"https://open.example.org/x":                                 no,
		"https://auth.example.org/base/self-service":                 ok,
		"https://auth.example.org/base/self-service/":                ok,
		"https://auth.example.org/base/self-service/settings?flow=1": ok,
		"https://auth.example.org/base/self-services":                no,
		"https://auth.example.org/base/admin":                        no,
		"https://auth.example.org/self-service":                      no,

		"/inside/out":               ok,
		"/outside":                  ok, // its host is allowed as a whole
		"/":                         ok,
		"/a//b":                     ok,
		"//app.example.org/welcome": no,
		"///evil.com":               no,
		"//127.0.0.1:4455/":         no,
		"inside":                    no,
		"?a":                        no,
		"#a":                        no,
		"./inside":                  no,
		"/inside/../../x":           no,
		"/inside/%2e%2E/x":          no,
		"/inside/.%2e":              no,
		"/./inside":                 no,
		"/inside/..%2fx":            no,
		"/inside/..%5cx":            no,
		"/inside/%00":               no,
		"/inside/%0d%0aX: y":        no,
		"/inside/%ff":               no,
		"/inside/...":               ok,
		"/inside/a..b":              ok,

		"contract://callback":                              ok,
		"contract://callback/done":                         ok,
		"contract://elsewhere":                             no,
		"contract:callback":                                no,
		"contract:/callback":                               no,
		"org.example.app:/callback":                        ok,
		"org.example.app:/callback/x":                      ok,
		"org.example.app:/callbacks":                       no,
		"org.example.app://callback":                       no,
		"javascript:alert(1)":                              no,
		"javascript://x/%0aalert(1)":                       no,
		"JavaScript:alert(1)":                              no,
		"data:text/html,x":                                 no,
		"https:app.example.org":                            no,
		"https:/app.example.org":                           no,
		"https:///app.example.org":                         no,
		"http:///open":                                     no,
		"https://u@app.example.org/":                       no,
		"https://u:p@app.example.org/":                     no,
		"https://app.example.org@evil.example.com/welcome": no,

		`https://app.example.org\@evil.example.com/welcome`: malformed,
		`/\evil.com`:                           malformed,
		"https://app.example.org/welcome\n":    malformed,
		"https://app.exa\tmple.org/welcome":    malformed,
		" https://app.example.org/welcome":     malformed,
		"https://app.example.org/welcome ":     malformed,
		"https://app.example.org /welcome":     malformed,
		"https://app.example.org/\u0085":       malformed,
		"https://app.example.org/\xff":         malformed,
		"https://%61pp.example.org/welcome":    malformed,
		"https://[::1/":                        malformed,
		"https://app.example.org/%zz":          malformed,
		":":                                    malformed,
		"/" + strings.Repeat("x", maxReturnTo): malformed,
	} {
		got, err := to.Check(raw)
		if !errors.Is(err, want) || (err == nil) != (want == nil) {
			t.Errorf("%.100q: %v, want %v", raw, err, want)
		}
		if err == nil && got != raw || err != nil && got != "" {
			t.Errorf("%.100q gives %q", raw, got)
		}
	}
}

func TestReturnToResolve(t *testing.T) {
	to := someReturnTo(t)
	for raw, want := range map[string]string{
		"":                      "",
		"/inside/out?a=%2f#b":   "http://127.0.0.1:4455/inside/out?a=%2f#b",
		"contract://callback":   "contract://callback",
		"http://127.0.0.1:4455": "http://127.0.0.1:4455",
	} {
		if got, err := to.Resolve(raw); got != want || err != nil {
			t.Errorf("%q gives %q, %v", raw, got, err)
		}
	}
}

func TestAskedReturnTo(t *testing.T) {
	for query, want := range map[string]string{"": "", "a=b": "", "return_to=": "", "return_to=%2Fa%3Fb": "/a?b", "return_to=/a&x=%zz": "/a", "x=%zz": "", "return_to=/a&return_to=/b": "/a"} {
		if got, err := AskedReturnTo(query); got != want || err != nil {
			t.Errorf("%q asks for %q, %v", query, got, err)
		}
	}
	for _, query := range []string{"return_to=%zz", "return_to=https://app.example.org/%", "a=b&return_to=%2"} {
		if got, err := AskedReturnTo(query); got != "" || !errors.Is(err, auth.ErrReturnToMalformed) {
			t.Errorf("%q asks for %q, %v", query, got, err)
		}
	}
}

func TestReturnToNothingAllowed(t *testing.T) {
	for name, to := range map[string]*ReturnTo{
		"nothing":    Compile(nil, nil, "", false),
		"no default": Compile([]string{"/inside"}, nil, "%", false),
		"only self":  Compile(nil, parsed(t, "http://auth.example.org"), "http://app.example.org", false),
	} {
		for _, raw := range []string{"/inside", "/", "https://evil.example", "x:/inside"} {
			if _, err := to.Check(raw); !errors.Is(err, auth.ErrReturnTo) {
				t.Errorf("%s: %q: %v", name, raw, err)
			}
		}
	}
}

func TestReturnToLegacyWildcards(t *testing.T) {
	for _, tt := range []struct {
		allowed, raw string
		want         bool
	}{
		{"https://*", "https://anything.example", true},
		{"https://*", "http://anything.example", false},
		{"https://*", "https:///anything", false},
		{"https://*.com", "https://any.com", true},
		{"https://*foo.com", "https://barfoo.com", true},
		{"https://*foo.com", "https://bar.foo.com", true},
		{"https://*foo.com", "https://foo.com", true},
		{"https://*foo.com", "https://foo.com.evil", false},
	} {
		for _, legacy := range []bool{false, true} {
			_, err := Compile([]string{tt.allowed}, nil, "", legacy).Check(tt.raw)
			if (err == nil) != (tt.want && legacy) {
				t.Errorf("%s allows %s (legacy %v): %v", tt.allowed, tt.raw, legacy, err)
			}
		}
	}
}

// FuzzReturnTo holds Check to the reading of a browser, which is not that of
// net/url: whatever is accepted must lead to an allowed place in both, and what
// is only a name below an allowed place must be accepted.
func FuzzReturnTo(f *testing.F) {
	to := someReturnTo(f)
	for _, seed := range []string{
		"https://app.example.org/welcome", "https://a.example.net/back?x#y", "/inside/out", "contract://callback/x", "org.example.app:/callback",
		`https:\\app.example.org`, "//evil", "/\t/evil", "https://a@b:c@d/", "https:evil", "https://a.example.net:8443", "http://127.0.0.1:4455/%2e%2e/",
		"https://app.example.org/welcome/%252e%252e/x", "https://ａ.example.net/back", "http://127.1:4455/", "https://app.example.org/welcome/..;/x",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, raw string) {
		if raw == "" {
			return
		}
		target, err := to.Resolve(raw)
		if err == nil {
			leadsToAllowed(t, to, raw, target)
		} else if target != "" || !errors.Is(err, auth.ErrReturnTo) && !errors.Is(err, auth.ErrReturnToMalformed) {
			t.Fatalf("%q gives %q, %v", raw, target, err)
		}
		if len(raw) > 1000 {
			return
		}
		below := []string{"https://app.example.org/welcome?x=" + url.QueryEscape(raw), "https://app.example.org/welcome#" + url.QueryEscape(raw)}
		if raw != "." && raw != ".." && utf8.ValidString(raw) && !strings.ContainsAny(raw, `/\`) && !strings.ContainsFunc(raw, unicode.IsControl) {
			below = append(below, "https://app.example.org/welcome/"+url.PathEscape(raw), "/"+url.PathEscape(raw)+"/x")
		}
		for _, address := range below {
			if _, err := to.Check(address); err != nil {
				t.Errorf("%q: %v", address, err)
			}
		}
	})
}

// leadsToAllowed fails the test unless an accepted address leads to one of the
// places of someReturnTo, whoever reads it.
func leadsToAllowed(t *testing.T, to *ReturnTo, raw, target string) {
	t.Helper()
	if strings.ContainsFunc(target, unicode.IsControl) || len(target) > maxReturnTo+len("http://127.0.0.1:4455") {
		t.Fatalf("%.100q is resolved to %.100q", raw, target)
	}
	plain, err := url.Parse(target)
	if err != nil || plain.User != nil || !isAllowed(plain.Scheme, strings.ToLower(plain.Host), plain.Path) {
		t.Fatalf("%q leads to %q by net/url (%v)", raw, target, err)
	}
	u, ok := asBrowser(target)
	// Browsers keep the case of an app's host; hosts have none (RFC 3986 section 3.2.2).
	if !ok || !isAllowed(u.scheme, strings.ToLower(u.host), u.path) {
		t.Fatalf("%q leads to %+v in a browser (%v)", raw, u, ok)
	}
	// Relative to a page of the default host it is the same.
	if host, ok := strings.CutPrefix(target, "http://127.0.0.1:4455"); ok && strings.HasPrefix(raw, "/") && (strings.HasPrefix(raw, "//") || host != raw) {
		t.Fatalf("%q is not the path of %q", raw, target)
	}
	if again, err := to.Resolve(target); again != target || err != nil {
		t.Fatalf("%q is resolved to %q, and that to %q, %v", raw, target, again, err)
	}
}

// isAllowed says whether somebody who allows what someReturnTo does, and knows
// nothing of how Compile reads it, would agree. The path is decoded.
func isAllowed(scheme, host, path string) bool {
	for _, place := range []struct{ scheme, host, path string }{
		{"http", "127.0.0.1:4455", "/"},
		{"https", "app.example.org", "/welcome"},
		{"https", "app.example.org", "/slash/"},
		{"https", "app.example.org", "/größe"},
		{"https", "*.example.net", "/back"},
		{"https", "*.example.net:8443", "/"},
		{"https", "auth.example.org", "/base/self-service"},
		{"contract", "callback", "/"},
		{"org.example.app", "", "/callback"},
	} {
		if scheme != place.scheme {
			continue
		}
		if domain, ok := strings.CutPrefix(place.host, "*"); ok {
			below, ok := strings.CutSuffix(host, domain)
			if !ok || below == "" || strings.ContainsAny(below, "/\\@:?#%[]") {
				continue
			}
		} else if host != place.host {
			continue
		}
		if path == "" {
			path = "/"
		}
		if path != place.path && !strings.HasPrefix(path, strings.TrimSuffix(place.path, "/")+"/") {
			continue
		}
		if !slices.ContainsFunc(strings.FieldsFunc(path, func(c rune) bool { return c == '/' || c == '\\' }), func(s string) bool { return s == "." || s == ".." }) {
			return true
		}
	}
	return false
}
