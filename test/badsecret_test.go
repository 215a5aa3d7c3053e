package test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/tidwall/gjson"
)

// damaged gives every value that differs from a secret in one byte, and every
// beginning of it.
func damaged(secret string) []string {
	var all []string
	for i := range secret {
		changed := secret[i] ^ 1
		if changed == '"' || changed == ';' || changed == ',' || changed <= ' ' || changed >= 0x7f || changed == '\\' {
			changed = 'A' // a header could not hold it
			if secret[i] == 'A' {
				changed = 'B'
			}
		}
		all = append(all, secret[:i]+string(changed)+secret[i+1:], secret[:i])
	}
	return append(all, secret+"A", secret+secret, "A"+secret, secret[1:])
}

// secrets changes each secret that there is, in every byte and every length.
// None of them is accepted.
func (b *trial) secrets() {
	key := "Bearer " + b.key
	whoami := func(headers ...string) *http.Request {
		return b.request("GET", b.s.Public+"/sessions/whoami", "", "", headers...)
	}
	refusedWith := func(kind, value string, r *http.Request, status int) {
		if got, body := b.try(kind, value, r, true); got != status {
			b.fail("%s %q: %d, want %d: %.300s", kind, value, got, status, body)
		}
	}

	for _, token := range damaged(b.token) {
		refusedWith("session tokens", token, whoami("X-Session-Token", token), 401)
		refusedWith("session tokens", token, whoami("Authorization", "Bearer "+token), 401)
		body, err := json.Marshal(map[string]string{"session_token": token})
		if err != nil {
			b.t.Fatal(err)
		}
		refusedWith("session tokens", token, b.request("DELETE", b.s.Public+"/self-service/logout/api", asJSON, string(body)), 403)
	}
	jar := b.browser.jar()
	for _, cookie := range damaged(jar["ory_kratos_session"]) {
		refusedWith("session cookies", cookie, whoami("Cookie", "ory_kratos_session="+cookie), 401)
	}
	for _, wrong := range damaged(b.key) {
		refusedWith("API keys", wrong, b.request("GET", b.s.Admin+"/admin/identities", "", "", "Authorization", "Bearer "+wrong), 401)
		refusedWith("API keys", wrong, b.request("GET", b.s.Public+"/api/kratos/admin/identities", "", "", "Authorization", "Bearer "+wrong), 401)
	}

	// The CSRF cookie and the token of a form; and the form's id.
	w := b.newBrowser()
	action, id, csrf := w.begin("login", "")
	var csrfCookie string
	for name, value := range w.jar() {
		if strings.HasPrefix(name, "csrf_token_") {
			csrfCookie = name
			for _, cookie := range damaged(value) {
				refusedWith("CSRF cookies", cookie, b.request("POST", action, asJSON, b.proof(csrf), "Cookie", name+"="+cookie), 403)
				refusedWith("CSRF cookies", cookie, b.request("GET", b.s.Public+"/self-service/login/flows?id="+id, "", "", "Cookie", name+"="+cookie), 403)
			}
		}
	}
	for _, token := range damaged(csrf) {
		refusedWith("CSRF tokens", token, b.request("POST", action, asJSON, b.proof(token), "Cookie", w.cookies()), 403)
	}
	for _, other := range damaged(id) {
		refusedWith("ids of forms", other, b.request("GET", b.s.Public+"/self-service/login/flows?id="+url.QueryEscape(other), "", "", "Cookie", w.cookies()), 404)
		b.try("ids of forms", other, b.request("POST", b.s.Public+"/self-service/login?flow="+url.QueryEscape(other), asJSON, b.proof(csrf), "Cookie", w.cookies()), true)
	}
	b.must(b.request("POST", action, asJSON, b.proof(csrf), "Cookie", w.cookies()), 200) // the form is as good as before
	if csrfCookie == "" {
		b.fail("a browser has no CSRF cookie")
	}

	b.logoutTokens(refusedWith)
	b.pageTokens(key)
	b.continuity()
}

// logoutTokens are of one session of their own, which ends with the right one.
func (b *trial) logoutTokens(refusedWith func(kind, value string, r *http.Request, status int)) {
	w := b.newBrowser()
	w.signIn()
	_, _, body := w.ask(b.request("GET", b.s.Public+"/self-service/logout/browser", "", ""))
	token := gjson.GetBytes(body, "logout_token").String()
	logout := func(token string) *http.Request {
		return b.request("GET", b.s.Public+"/self-service/logout?token="+url.QueryEscape(token), "", "", "Cookie", w.cookies())
	}
	for _, other := range damaged(token) {
		status := http.StatusForbidden
		if other == "" {
			status = http.StatusBadRequest
		}
		refusedWith("logout tokens", other, logout(other), status)
	}
	if status, _, body := w.ask(b.request("GET", b.s.Public+"/sessions/whoami", "", "")); status != 200 {
		b.fail("after wrong logout tokens the session is gone: %s", body)
	}
	b.must(logout(token), 204)
}

// pageTokens are sealed for lists by number: what is damaged counts as absent.
// Those of lists by key are ids; what is none is refused.
func (b *trial) pageTokens(key string) {
	var token, first, second string
	page := func(token string) *http.Request {
		return b.request("GET", b.s.Public+"/sessions?page_size=1&page_token="+url.QueryEscape(token), "", "", "X-Session-Token", b.token)
	}
	first = gjson.Get(b.must(page(""), 200), "0.id").String()
	res, err := b.http.Do(page(""))
	if err != nil {
		b.t.Fatal(err)
	}
	res.Body.Close()
	for link := range strings.SplitSeq(res.Header.Get("Link"), ",") {
		target, rel, _ := strings.Cut(link, ">")
		if strings.Contains(rel, `"next"`) {
			u, err := url.Parse(strings.TrimPrefix(target, "<"))
			if err != nil {
				b.t.Fatal(err)
			}
			token = u.Query().Get("page_token")
		}
	}
	second = gjson.Get(b.must(page(token), 200), "0.id").String()
	if token == "" || second == "" || second == first {
		b.t.Fatalf("the pages are %q and %q, by the token %q", first, second, token)
	}
	for _, other := range damaged(token) {
		if status, body := b.try("page tokens", other, page(other), false); status != 200 || gjson.GetBytes(body, "0.id").String() != first {
			b.fail("the page token %q: %d %.300s", other, status, body)
		}
		if status, body := b.try("page tokens", other, b.request("GET", b.s.Admin+"/admin/identities?page_token="+url.QueryEscape(other), "", "", "Authorization", key), other != ""); status != 400 && other != "" {
			b.fail("the page token %q of identities: %d %.300s", other, status, body)
		}
	}
	for _, other := range damaged(b.id) {
		b.try("page tokens", other, b.request("GET", b.s.Admin+"/admin/identities?page_token="+url.QueryEscape(other), "", "", "Authorization", key), false)
	}
}

// continuity has a new password wait in the server for a fresh proof, and comes
// back with cookies that are not the right one: nothing goes on. With the right
// one it does.
func (b *trial) continuity() {
	w := b.newBrowser()
	w.signInAs(b.other, b.password)
	action, _, csrf := w.begin("settings", "")
	change := func(password string) int {
		status, _, _ := w.ask(b.request("POST", action, asJSON, fmt.Sprintf(`{"method":"password","password":%q,"csrf_token":%q}`, password, csrf)))
		return status
	}
	const next = "another long password"
	for change("x") != http.StatusForbidden { // too short, until the session is too old to be told so
		wait(b.t, 50*time.Millisecond)
	}
	status := change(next)
	waiting := w.jar()["ory_kratos_continuity"]
	if status != http.StatusForbidden || waiting == "" {
		b.t.Fatalf("a change that needs a fresh proof: %d, the cookie %q", status, waiting)
	}
	w.signInAs(b.other, b.password)
	var others []string
	for name, value := range w.jar() {
		if name != "ory_kratos_continuity" {
			others = append(others, name+"="+value)
		}
	}
	back := func(cookie string) *http.Request {
		return b.request("GET", action, "", "", "Accept", "text/html", "Cookie", strings.Join(append(others, "ory_kratos_continuity="+cookie), "; "))
	}
	knows := func(password string) bool {
		form := gjson.Get(b.must(b.request("GET", b.s.Public+"/self-service/login/api", "", ""), 200), "ui.action").String()
		res, err := b.http.Do(b.request("POST", form, asJSON, fmt.Sprintf(`{"method":"password","identifier":%q,"password":%q}`, b.other, password)))
		if err != nil {
			b.t.Fatal(err)
		}
		res.Body.Close()
		return res.StatusCode == 200
	}
	for _, cookie := range damaged(waiting) {
		b.try("continuity cookies", cookie, back(cookie), true)
	}
	if knows(next) || !knows(b.password) {
		b.fail("a wrong continuity cookie went on with a change")
	}
	// So that the above is not for another reason.
	w.signInAs(b.other, b.password)
	others = others[:0]
	for name, value := range w.jar() {
		if name != "ory_kratos_continuity" {
			others = append(others, name+"="+value)
		}
	}
	b.must(back(waiting), http.StatusSeeOther)
	if !knows(next) {
		b.fail("the right continuity cookie does not go on with the change")
	}
}
