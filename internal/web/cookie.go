package web

import (
	"net/http"
	"slices"
	"strings"
	"time"
)

// CookieOptions are the attributes that an operator chooses (RFC 6265bis
// section 4.1.2). An empty Path means "/", an empty Domain this host only.
type CookieOptions struct {
	Domain   string
	Path     string
	SameSite http.SameSite
	Secure   bool
}

// cookie makes a cookie that no script can read.
func (o CookieOptions) cookie(name, value string) *http.Cookie {
	if o.Path == "" {
		o.Path = "/"
	}
	if o.SameSite == 0 {
		o.SameSite = http.SameSiteLaxMode
	}
	return &http.Cookie{Name: name, Value: value, Domain: o.Domain, Path: o.Path, SameSite: o.SameSite, Secure: o.Secure, HttpOnly: true}
}

// BrowserCookie carries what belongs to one browser, such as its session or the language
// that was chosen in it.
type BrowserCookie struct {
	CookieOptions
	Name string
	// Persistent cookies outlive the browser's window, until what they carry ends.
	Persistent bool
}

// Value reads the cookie from a request; it is empty where there is none.
func (c BrowserCookie) Value(r *http.Request) string {
	found, err := r.Cookie(c.Name)
	if err != nil {
		return ""
	}
	return found.Value
}

// Set sends the cookie of something that ends at expires. The value must be
// made of characters that cookies may hold, such as base64url.
func (c BrowserCookie) Set(w http.ResponseWriter, value string, now, expires time.Time) {
	cookie := c.cookie(c.Name, value)
	if c.Persistent {
		cookie.Expires = expires
		cookie.MaxAge = max(int(expires.Sub(now)/time.Second), -1)
		if cookie.MaxAge == 0 {
			cookie.MaxAge = -1 // zero would leave the attribute out
		}
	}
	setCookie(w, cookie)
}

// Clear tells the browser to forget the cookie.
func (c BrowserCookie) Clear(w http.ResponseWriter) {
	cookie := c.cookie(c.Name, "")
	cookie.MaxAge, cookie.Expires = -1, time.Unix(0, 0)
	setCookie(w, cookie)
}

// setCookie is http.SetCookie, but an answer never sets one cookie twice: the
// last word replaces the earlier one (RFC 6265bis section 4.1.1).
func setCookie(w http.ResponseWriter, cookie *http.Cookie) {
	h := w.Header()
	h["Set-Cookie"] = slices.DeleteFunc(h["Set-Cookie"], func(line string) bool {
		return strings.HasPrefix(line, cookie.Name+"=")
	})
	http.SetCookie(w, cookie)
}

// SameSite reads the configuration's word for it; Lax where there is none.
func SameSite(word string) http.SameSite {
	switch strings.ToLower(word) {
	case "strict":
		return http.SameSiteStrictMode
	case "none":
		return http.SameSiteNoneMode
	}
	return http.SameSiteLaxMode
}

// sameSiteWord is the word for it.
func sameSiteWord(mode http.SameSite) string {
	switch mode {
	case http.SameSiteStrictMode:
		return "Strict"
	case http.SameSiteNoneMode:
		return "None"
	}
	return "Lax"
}
