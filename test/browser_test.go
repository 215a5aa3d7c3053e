package test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"zelus/test/server"
)

// TestBrowser uses security keys and passkeys in Chromium, on sign-in pages of
// another origin. The authenticators are Chromium's own, which are not of matter.
func TestBrowser(t *testing.T) {
	notShort(t)
	chromium := needs(t, "chromium", "chromium")
	// One page for every path: it shows the form that its path names.
	pages := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		http.ServeFile(w, r, "browser/page.html")
	}))
	t.Cleanup(pages.Close)
	origin := atLocalhost(pages.URL)
	start := func(passwordless string) *server.Server {
		s := server.StartWith(t, "testdata/browser.yml", map[string]string{"Pages": origin, "Passwordless": passwordless})
		s.Public = atLocalhost(s.Public)
		return s
	}
	node(t, start("false"), "browser", []string{"ZELUS_PAGES=" + origin, "ZELUS_PASSWORDLESS=" + start("true").Public, "ZELUS_CHROMIUM=" + chromium})
}

// atLocalhost gives a URL the host name that is a relying party without TLS: a
// number is none.
func atLocalhost(url string) string { return strings.Replace(url, "127.0.0.1", "localhost", 1) }
