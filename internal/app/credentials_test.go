package app

import (
	"fmt"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"zelus/internal/ceremony/ceremonytest"
)

const credentialsPath = "/self-service/account/credentials"

// TestCredentials: people see what they prove who they are with, when they have added
// and last used their keys, and none of it that is secret.
func TestCredentials(t *testing.T) {
	onEach(t, withKeys("passwordless: true, ", "")+"    verification: {enabled: true}\n", func(t *testing.T, s *server) {
		key, passkey := ceremonytest.New(t, keyPage), ceremonytest.New(t, keyPage)
		passkey.Count = 0
		c, p := s.signedIn(t, script)
		c.addsKey(key)
		s.clock.advance(time.Minute)
		c.addsPasskey(passkey)
		added := s.clock.now()
		a := c.get(credentialsPath).is(200)
		at := func(kind string) string { return a.at(`#(type=="` + kind + `")`).Raw }
		if a.at("#").Int() != 3 || !strings.Contains(at("password"), `"added_at":`) || a.at(`#(type=="webauthn").name`).String() != "my key" ||
			a.at(`#(type=="webauthn").id`).String() != fmt.Sprintf("%x", key.ID) || strings.Contains(string(a.body), "last_used_at") {
			t.Fatalf("%s", a.body)
		}
		for _, secret := range []string{"hash", "public_key", "user_handle", "$2"} {
			if strings.Contains(string(a.body), secret) {
				t.Errorf("they tell %s: %s", secret, a.body)
			}
		}
		for n := range 2 {
			s.clock.advance(time.Hour)
			d := s.client(t, script)
			usesPasskey(d, d.begin("login", ""), passkey).is(200)
			a = d.get(credentialsPath).is(200)
			if one := a.at(`#(type=="passkey")`); !one.Get("last_used_at").Time().Equal(s.clock.now()) || !one.Get("added_at").Time().Equal(added) || !one.Get("passwordless").Bool() {
				t.Errorf("use %d: %s", n, a.body)
			}
			if one := a.at(`#(type=="webauthn")`); one.Get("last_used_at").Exists() {
				t.Errorf("the other key was used, too: %s", a.body)
			}
		}
		f := c.begin("login", "refresh=true") // what is refused is no use
		other := ceremonytest.New(t, keyPage)
		other.ID = passkey.ID
		usesPasskey(c, f, other).is(400)
		if got := c.get(credentialsPath).is(200); string(got.body) != string(a.body) {
			t.Errorf("after a wrong answer: %s", got.body)
		}
		s.client(t, app).get(credentialsPath).refused(401, "session_inactive")
		if _, q := s.signedIn(t, app); q.id == p.id {
			t.Fatal("this is the same person")
		}
	})
}

// TestRename: people call their keys what they like, by JSON and by a plain form, and
// stay signed in where they are; nobody else does.
func TestRename(t *testing.T) {
	onEach(t, withKeys("passwordless: true, ", ""), func(t *testing.T, s *server) {
		for _, style := range styles {
			k := ceremonytest.New(t, keyPage)
			c, p := s.client(t, script), s.person(t)
			c.signIn(p)
			c.addsKey(k)
			c.addsPasskey(ceremonytest.New(t, keyPage))
			d := s.client(t, style)
			d.signIn(p)
			before := s.stored(t, p, "webauthn")
			path := credentialsPath + "/webauthn/" + fmt.Sprintf("%x", k.ID)
			rename := func(name string) answer {
				if style != page {
					return d.send("PATCH", path, fields{"name": name})
				}
				return d.send("POST", path, url.Values{"name": {name}, "csrf_token": {d.begin("settings", "").csrf}, "return_to": {welcome}})
			}
			a := rename("  Büro \"1\" <b> ")
			if style == page {
				a.leads(303, welcome)
			} else {
				a.is(204)
			}
			if got := c.get(credentialsPath).is(200).at(`#(type=="webauthn").name`).String(); got != `Büro "1" <b>` {
				t.Errorf("%s: it is called %q", style, got)
			}
			want := strings.Replace(before.Raw, "my key", `B\u00fcro \"1\" \u003cb\u003e`, 1)
			if got := s.stored(t, p, "webauthn"); got.Get("credentials.0.public_key").Raw != before.Get("credentials.0.public_key").Raw || len(got.Raw) > len(want) {
				t.Errorf("%s: something else has changed: %s, was %s", style, got.Raw, before.Raw)
			}
			c.whoami().is(200)
			if style == page {
				continue
			}
			for _, name := range []string{"", "  ", strings.Repeat("x", 101), "a\tb"} {
				rename(name).refused(400, "credential_name_invalid")
			}
			for _, unknown := range []string{"/webauthn/00", "/webauthn/x", "/password/00", "/passkey/" + fmt.Sprintf("%x", k.ID)} {
				d.send("PATCH", credentialsPath+unknown, fields{"name": "x"}).refused(404, "credential_not_found")
			}
			thief, _ := s.signedIn(t, style)
			thief.send("PATCH", path, fields{"name": "x"}).refused(404, "credential_not_found")
			s.clock.advance(privileged)
			rename("late").refused(403, "session_refresh_required")
			s.client(t, style).send("PATCH", path, fields{"name": "x"}).refused(401, "session_inactive")
		}
	})
}

// TestForeignForms: what changes an account is refused where another site has a
// browser send it, and a form without the token of a page is.
func TestForeignForms(t *testing.T) {
	onEach(t, withKeys("passwordless: true, ", ""), func(t *testing.T, s *server) {
		c, _ := s.signedIn(t, script)
		k := ceremonytest.New(t, keyPage)
		c.addsKey(k)
		path := credentialsPath + "/webauthn/" + fmt.Sprintf("%x", k.ID)
		other, _ := s.signedIn(t, script)
		csrf, foreign := c.begin("settings", "").csrf, other.begin("settings", "").csrf
		for _, body := range []any{url.Values{"name": {"x"}}, url.Values{"name": {"x"}, "csrf_token": {"x"}}, url.Values{"name": {"x"}, "csrf_token": {foreign}}, nil} {
			c.send("POST", path, body).refused(403, "security_csrf_violation")
		}
		c.send("POST", path, `{"name":"x"}`, "Content-Type", "text/plain").refused(400, "content_type_unsupported")
		named := url.Values{"name": {"x"}, "csrf_token": {csrf}}
		for _, from := range [][]string{{"Origin", "https://evil.example"}, {"Sec-Fetch-Site", "cross-site"}} {
			c.send("POST", path, named, from...).refused(403, "security_csrf_violation")
			c.send("PATCH", path, fields{"name": "x"}, from...).refused(403, "security_csrf_violation")
		}
		named.Set("return_to", "https://evil.example/")
		c.send("POST", path, named).refused(400, "self_service_flow_return_to_forbidden")
		if got := c.get(credentialsPath).is(200).at(`#(type=="webauthn").name`).String(); got != "my key" {
			t.Errorf("it is called %q", got)
		}
		named.Del("return_to")
		c.send("POST", path, named, "Origin", s.public).is(204)
	})
}

// TestPasskeysAtOnce: somebody signs in with their passkey in several places at the same
// time. Each use notes when it was, and none makes another one fail.
func TestPasskeysAtOnce(t *testing.T) {
	onEach(t, withKeys("", ""), func(t *testing.T, s *server) {
		k := ceremonytest.New(t, keyPage)
		k.Still = true // as those that are synchronised
		s.signsUpWithPasskey(t, k)
		type attempt struct {
			c    *client
			f    form
			with any
		}
		var all []attempt
		for range 4 {
			s.clock.advance(time.Second)
			c := s.client(t, app)
			f := c.begin("login", "")
			all = append(all, attempt{c, f, fields{"method": "passkey", "passkey_login": k.Get(f.json.field("passkey_challenge"))}})
		}
		var running sync.WaitGroup
		for _, a := range all {
			running.Go(func() {
				s.clock.advance(time.Millisecond)
				if got, err := a.c.try("POST", a.f.action, a.with); err != nil || got.status != 200 {
					t.Errorf("%d %s %v", got.status, got.body, err)
				}
			})
		}
		running.Wait()
	})
}
