package web

import (
	"net/http/httptest"
	"strings"
	"testing"
)

func TestWantsJSON(t *testing.T) {
	for accept, want := range map[string]bool{
		"":                            false,
		"*/*":                         false,
		"text/html":                   false,
		"application/json":            true,
		"APPLICATION/JSON":            true,
		"application/*":               true,
		"text/html, application/json": false,
		"application/json, text/html": false,
		"text/html;q=0.8, application/json;q=0.9":           true,
		"text/html;q=0.9, application/json;q=0.8":           false,
		"application/json, text/plain, */*":                 true,
		"application/json, text/*":                          true,
		"text/*, application/*":                             false,
		"*/*;q=0.8, application/json;q=0.8":                 true,
		"application/json;q=0.5, */*":                       false,
		"text/html;q=0, */*":                                true,
		"application/json;q=0":                              false,
		"application/json;q=0, text/html;q=0":               false,
		"application/json; charset=utf-8; Q=1":              true,
		"application/json;q=2":                              false,
		"application/json;q=-1":                             false,
		"application/json;q=NaN":                            false,
		"application/json;q=":                               false,
		"application/xhtml+xml":                             false,
		"image/png":                                         false,
		"application/problem+json":                          false,
		"nonsense":                                          false,
		",;,;=":                                             false,
		strings.Repeat(",", maxAccept) + "application/json": false,
		"text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,*/*;q=0.8": false,
	} {
		r := httptest.NewRequest("GET", "/", nil)
		r.Header.Set("Accept", accept)
		if got := WantsJSON(r); got != want {
			t.Errorf("%.80q: %v", accept, got)
		}
	}
	r := httptest.NewRequest("GET", "/", nil)
	r.Header["Accept"] = []string{"text/html;q=0.5", "application/json"}
	if !WantsJSON(r) {
		t.Error("two header lines are not read as one list")
	}
}

func TestIsJSON(t *testing.T) {
	for _, tt := range []struct {
		accept, contentType string
		want                bool
	}{
		{"text/html", "application/json", true},
		{"text/html", "application/json; charset=utf-8", false},
		{"text/html", "application/x-www-form-urlencoded", false},
		{"application/*", "application/x-www-form-urlencoded", true},
		{"", "", false},
	} {
		r := httptest.NewRequest("POST", "/", nil)
		r.Header.Set("Accept", tt.accept)
		r.Header.Set("Content-Type", tt.contentType)
		if got := IsJSON(r); got != tt.want {
			t.Errorf("%q, %q: %v", tt.accept, tt.contentType, got)
		}
	}
}

func FuzzWantsJSON(f *testing.F) {
	for _, seed := range []string{"", "*/*;q=0.1", "application/json;q=0.5,text/*", `a/b;q="1,2"`, ";;q=1"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, accept string) {
		r := httptest.NewRequest("GET", "/", nil)
		r.Header["Accept"] = []string{accept}
		if WantsJSON(r) && !strings.Contains(strings.ToLower(accept), "application/") && !strings.Contains(accept, "*/*") {
			t.Errorf("%q is read as JSON", accept)
		}
	})
}
