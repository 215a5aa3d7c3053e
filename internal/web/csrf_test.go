package web

import (
	"encoding/base64"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// sent is a request with the cookies that an answer set.
func sent(w *httptest.ResponseRecorder) *http.Request {
	r := httptest.NewRequest("GET", "/", nil)
	for _, c := range w.Result().Cookies() {
		r.AddCookie(c)
	}
	return r
}

func TestCSRFCookie(t *testing.T) {
	c := NewCSRF("http://127.0.0.1:4433/", CookieOptions{Domain: "example.org", Path: "/auth", SameSite: http.SameSiteNoneMode, Secure: true})
	// printf http://127.0.0.1:4433/ | sha256sum
	if want := "csrf_token_806060ca5bf70dff3caa0e5c860002aade9d470a5a4dce73bcfa7ba10778f481"; c.Name() != want {
		t.Errorf("the name is %s", c.Name())
	}
	w := httptest.NewRecorder()
	c.Ensure(w, httptest.NewRequest("GET", "/", nil))
	_, attributes, _ := strings.Cut(w.Header().Get("Set-Cookie"), "; ")
	if diff := cmp.Diff("Path=/auth; Domain=example.org; Max-Age=31536000; HttpOnly; Secure; SameSite=None", attributes); diff != "" {
		t.Error(diff)
	}
	w = httptest.NewRecorder()
	NewCSRF("x", CookieOptions{SameSite: http.SameSiteNoneMode}).Rotate(w)
	_, attributes, _ = strings.Cut(w.Header().Get("Set-Cookie"), "; ")
	if diff := cmp.Diff("Path=/; Max-Age=31536000; HttpOnly; SameSite=Lax", attributes); diff != "" {
		t.Error(diff)
	}
}

func TestCSRFEnsure(t *testing.T) {
	c := NewCSRF("http://x/", CookieOptions{})
	first := httptest.NewRecorder()
	secret := c.Ensure(first, httptest.NewRequest("GET", "/", nil))
	if again := c.Ensure(first, httptest.NewRequest("GET", "/", nil)); string(again) != string(secret) {
		t.Error("one answer gives two secrets")
	}
	if n := len(first.Header()["Set-Cookie"]); n != 1 {
		t.Errorf("one answer sets %d cookies", n)
	}
	if got, ok := c.Secret(sent(first)); !ok || string(got) != string(secret) || len(secret) != 32 {
		t.Error("the cookie does not hold the secret")
	}
	second := httptest.NewRecorder()
	if got := c.Ensure(second, sent(first)); string(got) != string(secret) || len(second.Header()) > 0 {
		t.Error("a valid cookie is replaced")
	}
	rotated := c.Rotate(second)
	if string(rotated) == string(secret) {
		t.Error("rotating keeps the secret")
	}
	if got := c.Ensure(second, sent(first)); string(got) != string(rotated) {
		t.Error("after rotating, a form gets the old secret")
	}
	http.SetCookie(second, &http.Cookie{Name: "other", Value: "1"})
	c.Rotate(second)
	if cookies := second.Result().Cookies(); len(cookies) != 2 || cookies[0].Name != "other" {
		t.Errorf("cookies are %v", cookies)
	}
}

func TestCSRFBadCookies(t *testing.T) {
	c := NewCSRF("http://x/", CookieOptions{})
	good := base64.StdEncoding.EncodeToString(make([]byte, 32))
	for _, value := range []string{"", "x", good[:43], good + "=", base64.StdEncoding.EncodeToString(make([]byte, 31)),
		base64.StdEncoding.EncodeToString(make([]byte, 33)), strings.Repeat("!", 44), good[:42] + "B="} {
		r := httptest.NewRequest("GET", "/", nil)
		r.Header.Set("Cookie", c.Name()+"="+value)
		if _, ok := c.Secret(r); ok {
			t.Errorf("%q is taken for a secret", value)
		}
		w := httptest.NewRecorder()
		if c.Ensure(w, r); w.Header().Get("Set-Cookie") == "" {
			t.Errorf("%q is not replaced", value)
		}
	}
}

func TestCSRFToken(t *testing.T) {
	c := NewCSRF("http://x/", CookieOptions{})
	secret, other := c.Rotate(httptest.NewRecorder()), c.Rotate(httptest.NewRecorder())
	token := c.Mask(secret)
	if token == c.Mask(secret) || len(token) != 88 {
		t.Errorf("the token is %s, each time", token)
	}
	if !c.Valid(token, secret) || !c.Valid(c.Mask(secret), secret) {
		t.Error("a token does not fit its own secret")
	}
	if c.Valid(token, other) {
		t.Error("a token fits another secret")
	}
	raw, err := base64.StdEncoding.DecodeString(token)
	if err != nil {
		t.Fatal(err)
	}
	for i := range raw {
		changed := append([]byte{}, raw...)
		changed[i] ^= 1
		if c.Valid(base64.StdEncoding.EncodeToString(changed), secret) {
			t.Errorf("a token with byte %d changed is valid", i)
		}
	}
	for i := range len(token) {
		if c.Valid(token[:i], secret) || c.Valid(token[i+1:], secret) {
			t.Errorf("a part of the token is valid, cut at %d", i)
		}
	}
	for name, bad := range map[string]string{
		"the secret itself": base64.StdEncoding.EncodeToString(secret),
		"twice":             token + token,
		"url alphabet":      strings.NewReplacer("+", "-", "/", "_").Replace(base64.StdEncoding.EncodeToString([]byte(strings.Repeat("\xff", 64)))),
		"line ends":         token[:84] + "\n\n==",
		"zeros":             base64.StdEncoding.EncodeToString(make([]byte, 64)),
	} {
		if c.Valid(bad, secret) {
			t.Errorf("%s is valid", name)
		}
	}
	for _, short := range [][]byte{nil, {}, secret[:31], append(append([]byte{}, secret...), 0)} {
		if c.Valid(token, short) || c.Valid("", short) {
			t.Errorf("a secret of %d bytes fits", len(short))
		}
	}
}
