package app

import (
	"crypto/sha512"
	"encoding/base64"
	"net/http"
	"testing"

	"zelus/internal/ceremony"
)

// TestWebAuthnScript: pages of every origin may load the script, and it is what
// the forms' hash says, whatever the rules for other origins are.
func TestWebAuthnScript(t *testing.T) {
	for name, more := range map[string]string{
		"without CORS":    "",
		"with CORS":       "serve: {public: {cors: {enabled: true, allowed_origins: ['https://app.example.org'], allow_credentials: true}}}",
		"with everything": "serve: {public: {cors: {enabled: true, allowed_origins: ['*'], allow_credentials: true}}}\nfeature_flags: {legacy_allow_insecure_origins: true}",
	} {
		t.Run(name, func(t *testing.T) {
			s := start(t, setup{more: more})
			for _, c := range []*client{s.client(t, script), s.old(t, script)} {
				for _, origin := range []string{"https://app.example.org", "https://elsewhere.example"} {
					c.loadsScript(origin)
				}
			}
		})
	}
}

func (c *client) loadsScript(origin string) {
	c.t.Helper()
	ask := func(method string, status int, headers ...string) answer {
		c.t.Helper()
		a := c.send(method, ceremony.ScriptPath, nil, append(headers, "Origin", origin, "Accept", "*/*")...).is(status)
		for header, want := range map[string]string{
			"Access-Control-Allow-Origin": "*", "Access-Control-Allow-Credentials": "", "Cross-Origin-Resource-Policy": "cross-origin",
			"Cache-Control": "no-cache, no-transform", "Vary": "", "X-Content-Type-Options": "nosniff", "Set-Cookie": "",
		} {
			if got := a.header.Get(header); got != want {
				c.t.Errorf("%s from %s: %s is %q, want %q", a.what, origin, header, got, want)
			}
		}
		return a
	}
	whole := ask(http.MethodGet, 200)
	sum := sha512.Sum512(whole.body)
	if got := "sha512-" + base64.StdEncoding.EncodeToString(sum[:]); got != ceremony.Integrity || len(whole.body) == 0 {
		c.t.Errorf("the hash of the script is %s, and forms say %s", got, ceremony.Integrity)
	}
	if got := whole.header.Get("Content-Type"); got != "text/javascript; charset=utf-8" {
		c.t.Errorf("the script has the type %q", got)
	}
	if head := ask(http.MethodHead, 200); len(head.body) > 0 || head.header.Get("Content-Length") != whole.header.Get("Content-Length") {
		c.t.Errorf("HEAD: %v, with %d bytes", head.header, len(head.body))
	}
	ask(http.MethodGet, 304, "If-None-Match", whole.header.Get("ETag"))
	ask(http.MethodGet, 200, "If-None-Match", `"sha512-of-yesterday"`)
}
