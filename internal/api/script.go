package api

import (
	"bytes"
	"net/http"
	"time"

	"zelus/internal/ceremony"
)

// webAuthnScript serves the script of sign-in pages, to pages of every origin: it
// is public, and the same for everybody. A form names the hash of the script of
// its day, so a browser asks each time whether it has changed, and nobody on the
// way may change it (RFC 9111 sections 5.2.2.4 and 5.2.2.6).
func (a *API) webAuthnScript(w http.ResponseWriter, r *http.Request) error {
	h := w.Header()
	h.Set("Content-Type", "text/javascript; charset=utf-8")
	h.Set("Cache-Control", "no-cache, no-transform")
	h.Set("ETag", `"`+ceremony.Integrity+`"`)
	h.Set("Cross-Origin-Resource-Policy", "cross-origin")
	// What CORS has set for the origins of the configuration gives way.
	h.Set("Access-Control-Allow-Origin", "*")
	h.Del("Access-Control-Allow-Credentials")
	h.Del("Vary")
	http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(ceremony.Script))
	return nil
}
