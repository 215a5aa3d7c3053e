package web

import (
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestSessionCookie(t *testing.T) {
	now := time.Date(2030, 1, 1, 0, 0, 0, 0, time.UTC)
	lasting := BrowserCookie{Name: "ory_kratos_session", Persistent: true,
		CookieOptions: CookieOptions{Domain: "example.org", SameSite: http.SameSiteStrictMode, Secure: true}}
	brief := BrowserCookie{Name: "ory_kratos_session"}
	for name, tt := range map[string]struct {
		set  func(http.ResponseWriter)
		want string
	}{
		"persistent": {func(w http.ResponseWriter) { lasting.Set(w, "v", now, now.Add(time.Hour)) },
			"ory_kratos_session=v; Path=/; Domain=example.org; Expires=Tue, 01 Jan 2030 01:00:00 GMT; Max-Age=3600; HttpOnly; Secure; SameSite=Strict"},
		"for the window": {func(w http.ResponseWriter) { brief.Set(w, "v", now, now.Add(time.Hour)) },
			"ory_kratos_session=v; Path=/; HttpOnly; SameSite=Lax"},
		"about to end": {func(w http.ResponseWriter) { lasting.Set(w, "v", now, now.Add(time.Millisecond)) },
			"ory_kratos_session=v; Path=/; Domain=example.org; Expires=Tue, 01 Jan 2030 00:00:00 GMT; Max-Age=0; HttpOnly; Secure; SameSite=Strict"},
		"over": {func(w http.ResponseWriter) { lasting.Set(w, "v", now, now.Add(-time.Hour)) },
			"ory_kratos_session=v; Path=/; Domain=example.org; Expires=Mon, 31 Dec 2029 23:00:00 GMT; Max-Age=0; HttpOnly; Secure; SameSite=Strict"},
		"cleared": {lasting.Clear,
			"ory_kratos_session=; Path=/; Domain=example.org; Expires=Thu, 01 Jan 1970 00:00:00 GMT; Max-Age=0; HttpOnly; Secure; SameSite=Strict"},
		"the last word counts": {func(w http.ResponseWriter) { brief.Clear(w); brief.Set(w, "v", now, now) },
			"ory_kratos_session=v; Path=/; HttpOnly; SameSite=Lax"},
	} {
		w := httptest.NewRecorder()
		tt.set(w)
		if diff := cmp.Diff([]string{tt.want}, w.Header()["Set-Cookie"]); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}

	w := httptest.NewRecorder()
	brief.Set(w, "a.b-c_d", now, now)
	if got := brief.Value(sent(w)); got != "a.b-c_d" {
		t.Errorf("the cookie is read as %q", got)
	}
	if got := brief.Value(httptest.NewRequest("GET", "/", nil)); got != "" {
		t.Errorf("no cookie is read as %q", got)
	}
}
