package web

import (
	"crypto/tls"
	"encoding/base64"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"zelus/internal/auth"
)

// expected is what each diagnosis must say, by a piece of each of its parts.
type expected struct{ sent, expected, change string }

func (want expected) hold(t *testing.T, got auth.Diagnosis) {
	t.Helper()
	for _, part := range []struct{ name, got, want string }{{"sent", got.Sent, want.sent}, {"expected", got.Expected, want.expected}, {"change", got.Change, want.change}} {
		if !strings.Contains(part.got, part.want) || part.want == "" {
			t.Errorf("%s lacks %q: %s", part.name, part.want, part.got)
		}
		if !strings.HasSuffix(part.got, ".") || strings.Contains(part.got, "..") || strings.Contains(part.got, "  ") {
			t.Errorf("%s is no sentence: %s", part.name, part.got)
		}
	}
}

// TestMissingCookie takes what keeps a cookie from arriving one by one.
func TestMissingCookie(t *testing.T) {
	secure := CookieOptions{Secure: true}
	for name, tt := range map[string]struct {
		public  string
		cookie  CookieOptions
		host    string
		headers http.Header
		tls     bool
		want    expected
		evident bool
	}{
		"another host, of this machine": {"http://localhost:4433/", CookieOptions{}, "localhost:4433", http.Header{"Origin": {"http://127.0.0.1:4455"}}, false,
			expected{"No cookie csrf_token_", "http://localhost:4433", "Open the page by the same host, at http://localhost:4455"}, true},
		"another site": {"https://id.example.org/", secure, "id.example.org", http.Header{"Origin": {"https://app.example.com"}}, true,
			expected{"the page is at https://app.example.com", "SameSite=Lax", "cookies.same_site: None"}, true},
		"another scheme of the page": {"https://id.example.org/", secure, "id.example.org", http.Header{"Origin": {"http://app.example.org"}}, true,
			expected{"http://app.example.org", "the same site", "with the same scheme"}, true},
		"a domain of others": {"https://id.example.org/", CookieOptions{Domain: "example.com", Secure: true}, "id.example.org", nil, true,
			expected{"nor any other", "cookies.domain is example.com", "Set cookies.domain to a domain that id.example.org belongs to"}, true},
		"a path elsewhere": {"https://id.example.org/auth/", CookieOptions{Path: "/kratos", Secure: true}, "id.example.org", nil, true,
			expected{"No cookie", "cookies.path is /kratos", "cookies.path"}, true},
		"came to another host": {"https://id.example.org/", secure, "10.0.0.7:4433", nil, false,
			expected{"came to 10.0.0.7:4433", "id.example.org", "serve.public.base_url"}, true},
		"came to another host, says the proxy": {"https://id.example.org/", secure, "id.example.org", http.Header{"X-Forwarded-Host": {"login.example.org, id.example.org"}}, false,
			expected{"came to login.example.org", "id.example.org", "serve.public.base_url"}, true},
		"over plain HTTP": {"https://id.example.org/", secure, "id.example.org", http.Header{"X-Forwarded-Proto": {"http"}}, false,
			expected{"No cookie", "cookies.secure is true", "https://"}, true},
		"a page over plain HTTP": {"http://id.example.org/", secure, "id.example.org", http.Header{"Referer": {"http://id.example.org/login?secret=1"}}, false,
			expected{"http://id.example.org,", "cookies.secure is true", "--dev"}, true},
		"a script without credentials": {"https://id.example.org/", secure, "id.example.org", http.Header{"Origin": {"https://app.example.org"}, "Sec-Fetch-Mode": {"cors"}}, true,
			expected{"https://app.example.org", "only if it asks", "credentials: 'include'"}, false},
		"the server of a page": {"https://id.example.org/", secure, "id.example.org", nil, true,
			expected{"nor any other", "the browser that began the form", "pass on the header Cookie"}, false},
		"a browser without": {"https://id.example.org/", secure, "id.example.org", http.Header{"Sec-Fetch-Site": {"same-origin"}}, true,
			expected{"nor any other", "https://id.example.org/self-service", "cookies allowed"}, false},
		"hostile headers": {"https://id.example.org/", secure, "id.example.org", http.Header{"Origin": {"https://<script>" + strings.Repeat("x", 500)}}, true,
			expected{`"https://<script>xxxx`, "the same site", "cookies.same_site"}, true},
	} {
		t.Run(name, func(t *testing.T) {
			public, err := url.Parse(tt.public)
			if err != nil {
				t.Fatal(err)
			}
			d := Diagnostics{Public: public, CSRF: NewCSRF(tt.public, tt.cookie), Session: BrowserCookie{Name: "own", CookieOptions: tt.cookie}}
			r := httptest.NewRequest("POST", "/self-service/login?flow=secret", nil)
			r.Host = tt.host
			if tt.headers != nil {
				r.Header = tt.headers
			}
			if tt.tls {
				r.TLS = &tls.ConnectionState{}
			}
			got := d.Form(r)
			tt.want.hold(t, got)
			if d.Token(r, "") != got {
				t.Error("a token without its cookie is explained in another way")
			}
			if strings.Contains(got.String(), "secret") || len(got.String()) > 1500 {
				t.Errorf("it repeats too much: %s", got)
			}
			why, evident := d.NoSession(r)
			if evident != tt.evident || !strings.Contains(why.Sent, "No cookie own") {
				t.Errorf("of the session it says %v %s", evident, why)
			}
			if strings.Contains(got.Change, "cookies.s") && !strings.Contains(why.Change, "session.cookie.s") {
				t.Errorf("of the session it names the wrong setting: %s", why.Change)
			}
		})
	}
}

// TestOtherCookies: cookies that arrived and are not what they should be.
func TestOtherCookies(t *testing.T) {
	const base = "https://id.example.org/"
	public, err := url.Parse(base)
	if err != nil {
		t.Fatal(err)
	}
	d := Diagnostics{Public: public, CSRF: NewCSRF(base, CookieOptions{}), Session: BrowserCookie{Name: "own"}, Origins: []string{"https://id.example.org", "https://app.example.org"}}
	with := func(name, value string, headers ...string) *http.Request {
		r := httptest.NewRequest("POST", "/self-service/login", nil)
		r.AddCookie(&http.Cookie{Name: name, Value: value})
		for i := 0; i < len(headers); i += 2 {
			r.Header.Set(headers[i], headers[i+1])
		}
		return r
	}
	secret := NewCSRFSecret()
	value := base64.StdEncoding.EncodeToString(secret)
	good := with(d.CSRF.Name(), value)
	other := d.CSRF.Mask(NewCSRFSecret())
	session, evident := d.NoSession(with("own", "private"))
	for name, tt := range map[string]struct {
		got  auth.Diagnosis
		want expected
	}{
		"of another browser": {d.Form(good), expected{"another browser", "when the form was begun", "secrets.default"}},
		"not whole":          {d.Form(with(d.CSRF.Name(), "private")), expected{"never made", "sign-in", "pass the header Cookie on"}},
		"no token":           {d.Token(good, ""), expected{"No token", "X-CSRF-Token", "ui.action"}},
		"another token":      {d.Token(good, other), expected{"does not belong", "csrf_token", "Load the form again"}},
		"a foreign page": {d.ForeignPage(with("a", "b", "Origin", "https://evil.example.com", "Sec-Fetch-Site", "cross-site")),
			expected{"https://evil.example.com", "https://id.example.org, https://app.example.org", "selfservice.allowed_return_urls"}},
		"a foreign page without a name": {d.ForeignPage(with("a", "b", "Sec-Fetch-Site", "cross-site")), expected{"cross-site", "https://app.example.org", "ui_url"}},
		"another scheme":                {d.ForeignPage(with("a", "b", "Origin", "http://id.example.org")), expected{"http://id.example.org", "https://id.example.org", "The schemes differ"}},
		"a session that ended":          {session, expected{"has ended", "session.lifespan", "secrets.cookie"}},
		"too late":                      {Expired("form", 90*time.Second, "selfservice.flows.login.lifespan"), expected{"1m30s ago", "selfservice.flows.login.lifespan", "raise selfservice.flows.login.lifespan"}},
	} {
		t.Run(name, func(t *testing.T) {
			tt.want.hold(t, tt.got)
			for _, hidden := range []string{"private", value, other} {
				if strings.Contains(tt.got.String(), hidden) {
					t.Errorf("it repeats a cookie or a token: %s", tt.got)
				}
			}
		})
	}
	if !evident {
		t.Error("a session that ended does not show")
	}
}

func TestReturnToDiagnosis(t *testing.T) {
	base, err := url.Parse("https://id.example.org/")
	if err != nil {
		t.Fatal(err)
	}
	const home = "https://app.example.org/home"
	list := []string{"https://app.example.org/welcome", "https://a.example", "https://b.example", "https://c.example", "https://d.example"}
	for raw, want := range map[string]expected{
		"https://evil.example/private?private": {"https://evil.example.", "https://app.example.org/welcome", "add https://evil.example/ to selfservice.allowed_return_urls"},
		"http://app.example.org/welcome":       {"http://app.example.org", "and 1 more", "The schemes differ"},
		"https://app.example.org:8443/welcome": {"https://app.example.org:8443", "selfservice.allowed_return_urls", "The ports differ"},
		"https://app.example.org/private":      {"at a path that is not allowed there", "selfservice.allowed_return_urls", "below /welcome"},
		"//evil.example/private":               {"no complete address", "selfservice.allowed_return_urls", "a complete address"},
		"private":                              {"a path", "selfservice.allowed_return_urls", "selfservice.default_browser_return_url (app.example.org)"},
		"javascript:private":                   {"javascript", "selfservice.allowed_return_urls", "No setting allows it"},
		"https://private@app.example.org/":     {"names a user", "selfservice.allowed_return_urls", "No setting allows it"},
		" https://private.example":             {"no URL", "percent-encoded", "encodeURIComponent"},
	} {
		_, err := Compile(list, base, home, false).Check(raw)
		if err == nil {
			t.Errorf("%s is allowed", raw)
			continue
		}
		why := auth.AsError(err).Diagnosis()
		if why == nil {
			t.Errorf("%s is refused without a word", raw)
			continue
		}
		t.Run(raw, func(t *testing.T) {
			want.hold(t, *why)
			if strings.Contains(why.String(), "private") {
				t.Errorf("it repeats more than an origin: %s", why)
			}
		})
	}
}
