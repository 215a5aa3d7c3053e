package web

import (
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"
	"unicode/utf8"
)

func TestClientOf(t *testing.T) {
	proxies := []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("fd00::/8")}
	type headers map[string]string
	for name, tt := range map[string]struct {
		peer     string
		headers  headers
		ip       string
		location string
	}{
		"plain":              {"203.0.113.7:1234", nil, "203.0.113.7", ""},
		"IPv6":               {"[2001:db8::1]:1234", nil, "2001:db8::1", ""},
		"IPv6 with a zone":   {"[fe80::1%eth0]:1234", nil, "fe80::1", ""},
		"IPv4 in IPv6":       {"[::ffff:203.0.113.7]:1234", nil, "203.0.113.7", ""},
		"Unix socket":        {"@", nil, "", ""},
		"nothing":            {"", nil, "", ""},
		"untrusted":          {"203.0.113.7:1", headers{"True-Client-IP": "1.1.1.1", "X-Forwarded-For": "2.2.2.2", "Cf-Ipcity": "Oslo"}, "203.0.113.7", ""},
		"trusted, no header": {"10.1.2.3:1", nil, "10.1.2.3", ""},
		"order":              {"10.1.2.3:1", headers{"X-Forwarded-For": "4.4.4.4", "X-Real-IP": "3.3.3.3", "Cf-Connecting-IP": "2.2.2.2", "True-Client-IP": "1.1.1.1"}, "1.1.1.1", ""},
		"second":             {"10.1.2.3:1", headers{"X-Forwarded-For": "4.4.4.4", "X-Real-IP": "3.3.3.3", "Cf-Connecting-IP": "2.2.2.2"}, "2.2.2.2", ""},
		"third":              {"[fd00::1]:1", headers{"X-Forwarded-For": "4.4.4.4", "X-Real-IP": "2001:DB8:0::1"}, "2001:db8::1", ""},
		"nonsense in one":    {"10.1.2.3:1", headers{"X-Real-IP": "<script>", "X-Forwarded-For": "4.4.4.4"}, "4.4.4.4", ""},
		"claimed hops":       {"10.1.2.3:1", headers{"X-Forwarded-For": "1.1.1.1, 4.4.4.4, 10.9.9.9"}, "4.4.4.4", ""},
		"private client":     {"10.1.2.3:1", headers{"X-Forwarded-For": "10.7.7.7, 10.9.9.9"}, "10.7.7.7", ""},
		"with ports":         {"10.1.2.3:1", headers{"X-Forwarded-For": "[2001:db8::1]:99,10.9.9.9:5"}, "2001:db8::1", ""},
		"broken hop":         {"10.1.2.3:1", headers{"X-Forwarded-For": "4.4.4.4, unknown, 10.9.9.9"}, "10.9.9.9", ""},
		"broken last hop":    {"10.1.2.3:1", headers{"X-Forwarded-For": "4.4.4.4, unknown"}, "10.1.2.3", ""},
		"mapped proxy":       {"[::ffff:10.1.2.3]:1", headers{"X-Real-IP": "3.3.3.3"}, "3.3.3.3", ""},
		"proxy on a socket":  {"@", headers{"X-Real-IP": "3.3.3.3"}, "3.3.3.3", ""},
		"place":              {"10.1.2.3:1", headers{"Cf-Ipcity": "Oslo", "Cf-Ipcountry": "NO"}, "10.1.2.3", "Oslo, NO"},
		"country":            {"10.1.2.3:1", headers{"Cf-Ipcountry": "NO"}, "10.1.2.3", "NO"},
		"city":               {"10.1.2.3:1", headers{"Cf-Ipcity": "S\xe3o"}, "10.1.2.3", "S\uFFFDo"},
	} {
		r := httptest.NewRequest("GET", "/", nil)
		r.RemoteAddr = tt.peer
		for k, v := range tt.headers {
			r.Header.Set(k, v)
		}
		if got := ClientOf(r, proxies); got.IP != tt.ip || got.Location != tt.location {
			t.Errorf("%s: %+v", name, got)
		}
	}

	r := httptest.NewRequest("GET", "/", nil)
	r.RemoteAddr = "@"
	r.Header.Set("X-Real-IP", "3.3.3.3")
	if got := ClientOf(r, nil); got.IP != "" {
		t.Errorf("without trusted proxies, a socket's peer claims %s", got.IP)
	}
	r.RemoteAddr = "10.0.0.1:1"
	r.Header.Del("X-Real-IP")
	r.Header["X-Forwarded-For"] = []string{"1.1.1.1", strings.Repeat("10.0.0.2,", 100) + "10.0.0.3"}
	if got := ClientOf(r, proxies); got.IP != "10.0.0.2" {
		t.Errorf("more hops than are believed lead to %s", got.IP)
	}
}

func TestUserAgent(t *testing.T) {
	for given, want := range map[string]string{
		"curl/8":                       "curl/8",
		"a\xffb":                       "a\uFFFDb",
		strings.Repeat("x", 600):       strings.Repeat("x", 512),
		strings.Repeat("x", 511) + "é": strings.Repeat("x", 511),
		strings.Repeat("é", 256):       strings.Repeat("é", 256),
	} {
		r := httptest.NewRequest("GET", "/", nil)
		r.Header.Set("User-Agent", given)
		if got := ClientOf(r, nil).UserAgent; got != want || !utf8.ValidString(got) {
			t.Errorf("%.20q gives %q", given, got)
		}
	}
}

func TestRequestURL(t *testing.T) {
	for _, tt := range []struct{ base, target, want string }{
		{"http://127.0.0.1:4433/", "/self-service/login/api?refresh=true&return_to=%2Fx", "http://127.0.0.1:4433/self-service/login/api?refresh=true&return_to=%2Fx"},
		{"https://auth.example.org", "/x", "https://auth.example.org/x"},
		{"https://example.org/auth/?a=b#c", "/x%2fy", "https://example.org/auth/x%2fy"},
		{"https://user:secret@example.org/", "/x", "https://example.org/x"},
		{"https://example.org/", "http://evil.example/x", "https://example.org/x"},
	} {
		r := httptest.NewRequest("GET", tt.target, nil)
		r.Host = "evil.example"
		r.Header.Set("X-Forwarded-Host", "evil.example")
		if got := RequestURL(r, parsed(t, tt.base)); got != tt.want {
			t.Errorf("%s + %s is %s", tt.base, tt.target, got)
		}
	}
}
