package web

import (
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"encoding/hex"
	"net/http"
	"strings"
)

// csrfSize is the length of the secret, in bytes.
const csrfSize = 32

// csrfMaxAge is a year, in seconds.
const csrfMaxAge = 365 * 24 * 60 * 60

// CSRF ties a form to the browser that opened it: the browser keeps a random
// secret in a cookie, the form carries the same secret under a one-time pad,
// so that it differs in every answer and compression leaks nothing of it
// (the BREACH attack).
type CSRF struct {
	name   string
	cookie CookieOptions
}

// NewCSRF makes the protection of the site at a public base URL. Its cookie is
// named after that URL, so that several servers on one domain do not disturb
// each other. Browsers refuse SameSite=None without Secure; a cookie that is
// not secure is always Lax.
func NewCSRF(publicBase string, cookie CookieOptions) *CSRF {
	if !cookie.Secure {
		cookie.SameSite = http.SameSiteLaxMode
	}
	sum := sha256.Sum256([]byte(publicBase))
	return &CSRF{name: "csrf_token_" + hex.EncodeToString(sum[:]), cookie: cookie}
}

// Name is the cookie's name.
func (c *CSRF) Name() string { return c.name }

// Secret reads the secret from the request's cookie. It is not ok where there
// is no cookie or it is not one of ours.
func (c *CSRF) Secret(r *http.Request) (secret []byte, ok bool) {
	cookie, err := r.Cookie(c.name)
	if err != nil {
		return nil, false
	}
	return decodeExactly(cookie.Value, csrfSize)
}

// Ensure returns the secret of this browser. A browser that has none, or whose
// secret this very answer replaces, gets a new one once.
func (c *CSRF) Ensure(w http.ResponseWriter, r *http.Request) []byte {
	for _, line := range w.Header()["Set-Cookie"] {
		if value, ok := strings.CutPrefix(line, c.name+"="); ok {
			value, _, _ = strings.Cut(value, ";")
			if secret, ok := decodeExactly(value, csrfSize); ok {
				return secret
			}
		}
	}
	if secret, ok := c.Secret(r); ok {
		return secret
	}
	return c.Rotate(w)
}

// Rotate gives the browser a new secret; forms opened before become void.
func (c *CSRF) Rotate(w http.ResponseWriter) []byte {
	secret := NewCSRFSecret()
	c.Give(w, secret)
	return secret
}

// NewCSRFSecret makes the secret of a browser, which gets it by Give.
func NewCSRFSecret() []byte {
	secret := make([]byte, csrfSize)
	_, _ = rand.Read(secret) // never fails; it ends the program instead
	return secret
}

// Give gives the browser this secret.
func (c *CSRF) Give(w http.ResponseWriter, secret []byte) {
	cookie := c.cookie.cookie(c.name, base64.StdEncoding.EncodeToString(secret))
	cookie.MaxAge = csrfMaxAge
	setCookie(w, cookie)
}

// Mask is the token of a form: a random pad and the secret under it, 64 bytes
// in base64. No two are the same.
func (c *CSRF) Mask(secret []byte) string {
	token := make([]byte, 2*csrfSize)
	_, _ = rand.Read(token[:csrfSize])
	subtle.XORBytes(token[csrfSize:], token[:csrfSize], secret)
	return base64.StdEncoding.EncodeToString(token)
}

// Valid says whether a form's token belongs to the secret. A secret of any
// length but the right one fits nothing.
func (c *CSRF) Valid(token string, secret []byte) bool {
	masked, ok := decodeExactly(token, 2*csrfSize)
	if !ok || len(secret) != csrfSize {
		return false
	}
	unmasked := make([]byte, csrfSize)
	subtle.XORBytes(unmasked, masked[:csrfSize], masked[csrfSize:])
	return subtle.ConstantTimeCompare(unmasked, secret) == 1
}

// decodeExactly decodes base64 that stands for size bytes and has one spelling.
func decodeExactly(s string, size int) ([]byte, bool) {
	if len(s) != base64.StdEncoding.EncodedLen(size) {
		return nil, false
	}
	b, err := base64.StdEncoding.Strict().DecodeString(s)
	return b, err == nil && len(b) == size
}
