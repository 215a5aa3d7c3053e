package web

import (
	"net/url"
	"testing"
)

func TestDomainCovers(t *testing.T) {
	for _, tt := range []struct {
		domain, host string
		want         bool
	}{
		{"example.org", "example.org", true}, {"example.org", "id.Example.org", true}, {".example.org", "id.example.org", true},
		{"example.org", "badexample.org", false}, {"id.example.org", "example.org", false}, {"0.0.1", "127.0.0.1", false}, {"127.0.0.1", "127.0.0.1", true}, {"localhost", "localhost", true},
	} {
		if got := DomainCovers(tt.domain, tt.host); got != tt.want {
			t.Errorf("%s covers %s: %t", tt.domain, tt.host, got)
		}
	}
}

func TestPathCovers(t *testing.T) {
	for _, tt := range []struct {
		attribute, path string
		want            bool
	}{
		{"", "/a", true}, {"/", "/", true}, {"/a", "/a", true}, {"/a", "/a/", true}, {"/a/", "/a/b", true}, {"/a", "/ab", false}, {"/a", "/", false},
	} {
		if got := PathCovers(tt.attribute, tt.path); got != tt.want {
			t.Errorf("%s covers %s: %t", tt.attribute, tt.path, got)
		}
	}
}

func TestOneSite(t *testing.T) {
	for _, tt := range []struct {
		a, b string
		want bool
	}{
		{"https://app.example.org", "https://id.example.org:8443", true}, {"http://app.example.org", "https://app.example.org", false},
		{"https://a.co.uk", "https://b.co.uk", false}, {"https://a.x.co.uk", "https://b.x.co.uk", true}, {"https://a.github.io", "https://b.github.io", false},
		{"http://localhost:1", "http://localhost:2", true}, {"http://localhost", "http://127.0.0.1", false}, {"http://127.0.0.1:1", "http://127.0.0.1:2", true}, {"http://10.0.0.1", "http://11.0.0.1", false},
	} {
		if got := OneSite(mustParse(t, tt.a), mustParse(t, tt.b)); got != tt.want {
			t.Errorf("%s and %s are one site: %t", tt.a, tt.b, got)
		}
	}
}

func mustParse(t *testing.T, text string) *url.URL {
	t.Helper()
	u, err := url.Parse(text)
	if err != nil {
		t.Fatal(err)
	}
	return u
}
