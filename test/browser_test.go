package test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
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
	node(t, start("false"), "browser", []string{"ZELUS_PAGES=" + origin, "ZELUS_PASSWORDLESS=" + start("true").Public, "ZELUS_CHROMIUM=" + chromium},
		"pages.test.js", "script.test.js")
}

// TestAccountPages uses the built-in account pages in Chromium: those of a server that was
// started without any configuration, and those of one where everything is on that a page
// shows, and time can pass. With ZELUS_SNAPSHOTS=update it writes the accessibility trees in
// browser/snapshots anew instead, with ZELUS_SCREENSHOTS=FOLDER it takes pictures of all places.
func TestAccountPages(t *testing.T) {
	notShort(t)
	s, env := server.StartBare(t), everything(t)
	switch {
	case os.Getenv("ZELUS_SCREENSHOTS") != "":
		run(t, s, "browser", env, installed(t, s, "browser"), "screenshots.js") // they take their time
	case os.Getenv("ZELUS_SNAPSHOTS") != "":
		node(t, s, "browser", env, "places.test.js")
	default:
		node(t, s, "browser", env, "journeys.test.js", "places.test.js")
	}
}

// everything starts a server where everything is on that pages show, and one where people
// sign in and up step by step, with a brand. It returns what programs must know of them.
func everything(t *testing.T) []string {
	// Somewhere else, where people may be led.
	elsewhere := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprint(w, "<!doctype html><title>Elsewhere</title><h1>Elsewhere</h1>")
	}))
	t.Cleanup(elsewhere.Close)
	full, clock := server.StartLater(t,
		"SELFSERVICE_ALLOWED_RETURN_URLS="+atLocalhost(elsewhere.URL),
		"SESSION_TRUSTED_DEVICE_ENABLED=true",
		"SELFSERVICE_FLOWS_DELETION_ENABLED=true",
		"SELFSERVICE_METHODS_WEBAUTHN_ENABLED=true",
		"SELFSERVICE_METHODS_WEBAUTHN_CONFIG_RP_ID=localhost",
		"SELFSERVICE_METHODS_WEBAUTHN_CONFIG_RP_DISPLAY_NAME=Tests")
	steps := server.StartBare(t,
		"SELFSERVICE_FLOWS_LOGIN_STYLE=identifier_first",
		"SELFSERVICE_FLOWS_REGISTRATION_STYLE=profile_first",
		"SELFSERVICE_FLOWS_RECOVERY_USE=link",
		"SELFSERVICE_FLOWS_VERIFICATION_USE=link",
		"SELFSERVICE_METHODS_CODE_PASSWORDLESS_ENABLED=true",
		"BRANDING_NAME=Ярмарка & Co",
		"BRANDING_LINKS_TERMS_URL=https://example.org/terms",
		"BRANDING_LINKS_PRIVACY_URL=https://example.org/privacy",
		"BRANDING_LINKS_SUPPORT_URL=https://example.org/help")
	return []string{"ZELUS_FULL=" + full.Public, "ZELUS_STEPS=" + steps.Public, "ZELUS_CLOCK=" + clock, "ZELUS_ELSEWHERE=" + atLocalhost(elsewhere.URL), "ZELUS_CHROMIUM=" + needs(t, "chromium", "chromium")}
}

// atLocalhost gives a URL the host name that is a relying party without TLS: a
// number is none.
func atLocalhost(url string) string { return strings.Replace(url, "127.0.0.1", "localhost", 1) }
