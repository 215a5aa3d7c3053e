package app

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// TestSignInIsAlwaysNew: no session, token or cookie that was there before a
// sign-in is good for anything after it (OWASP ASVS 4.0, 3.2.1).
func TestSignInIsAlwaysNew(t *testing.T) {
	onEach(t, "", func(t *testing.T, s *server) {
		p := s.person(t)
		seen := map[string]bool{}
		for range 2 {
			for _, style := range styles {
				c := s.client(t, style)
				before := ""
				if style != app {
					c.begin("login", "")
					before = c.cookie("csrf_token_")
				}
				set := c.signIn(p).cookies()
				id := c.whoami().is(200).at("id").String()
				if id == "" || seen[id] || c.secret() == "" || seen[c.secret()] {
					t.Errorf("%s: the session or its secret is not new: %s", style, id)
				}
				seen[id], seen[c.secret()] = true, true
				if style == app {
					if len(set) > 0 || len(c.token) != 39 || !strings.HasPrefix(c.token, "ory_st_") {
						t.Errorf("an app got the token %q and the cookies %v", c.token, set)
					}
					continue
				}
				cookie := set[sessionCookie]
				if cookie == nil || !cookie.HttpOnly || cookie.SameSite != http.SameSiteLaxMode || cookie.Path != "/" || cookie.MaxAge != int(sessionLifespan/time.Second) {
					t.Errorf("%s: the session cookie is %v", style, cookie)
				}
				if after := c.cookie("csrf_token_"); after == before || after == "" {
					t.Errorf("%s: the CSRF secret outlived the sign-in", style)
				}
			}
		}
		if got := s.sessions(t, p); got != 6 {
			t.Errorf("6 sign-ins made %d sessions", got)
		}
	})
}

// TestPlantedCookie: a value that somebody put into a browser's cookie before
// its owner signed in does not become the session.
func TestPlantedCookie(t *testing.T) {
	onEach(t, "", func(t *testing.T, s *server) {
		attacker := s.client(t, script)
		attacker.signIn(s.person(t))
		planted := attacker.cookie(sessionCookie)
		attacker.get(attacker.get("/self-service/logout/browser").is(200).at("logout_url").String()).is(204)

		victim, p := s.client(t, script), s.person(t)
		f := victim.begin("login", "")
		victim.http.Jar.SetCookies(mustURL(t, s.public), []*http.Cookie{{Name: sessionCookie, Value: planted, Path: "/"}})
		if set := victim.submit(f, p.login()).is(200).cookies()[sessionCookie]; set == nil || set.Value == planted {
			t.Errorf("the sign-in sets the cookie %v", set)
		}
		attacker.get("/sessions/whoami", "Cookie", sessionCookie+"="+planted).refused(401, "session_inactive")
		if got := victim.whoami().is(200).at("identity.id").String(); got != p.id {
			t.Errorf("the victim is %s, want %s", got, p.id)
		}
	})
}

// TestRefresh: who proves again who they are keeps the session. A browser's
// cookie changes, so that a copy is of no use; an app keeps its token.
func TestRefresh(t *testing.T) {
	onEach(t, "", func(t *testing.T, s *server) {
		for _, style := range styles {
			t.Run(string(style), func(t *testing.T) {
				c, p := s.client(t, style), s.person(t)
				c.signIn(p)
				old, before := c.secret(), c.whoami().is(200)
				s.clock.advance(10 * time.Minute)

				f := c.begin("login", "refresh=true")
				if !f.json.at("refresh").Bool() || !slices.Equal(f.json.messages(), []int64{1010003}) {
					t.Errorf("the form does not say that it is a refresh: %s", f.json.body)
				}
				c.finish(f, p.login())

				after := c.whoami().is(200)
				if after.at("id").String() != before.at("id").String() {
					t.Error("a refresh made another session")
				}
				if got := after.at("authenticated_at").Time().Sub(before.at("authenticated_at").Time()); got != 10*time.Minute {
					t.Errorf("authenticated_at moved by %s, want 10m", got)
				}
				if got := after.at("authentication_methods.#").Int(); got != 2 {
					t.Errorf("the session has %d entries in authentication_methods, want 2", got)
				}
				if style == app {
					if c.secret() != old {
						t.Error("the app's token changed")
					}
				} else {
					if c.secret() == old {
						t.Error("the browser's cookie stayed the same")
					}
					s.clock.advance(30 * time.Second) // see TestRequestsInFlight
					s.client(t, app).get("/sessions/whoami", "Cookie", sessionCookie+"="+old).refused(401, "session_inactive")
				}
				if got := s.sessions(t, p); got != 1 {
					t.Errorf("there are %d sessions, want 1", got)
				}
			})
		}
	})
}

// TestRequestsInFlight: requests that a page has sent with the cookie that a
// refresh replaces are told who it is, as it was before. They change
// nothing, and get no cookie of their own.
func TestRequestsInFlight(t *testing.T) {
	onEach(t, byCode, func(t *testing.T, s *server) {
		replace := map[string]func(*client, person){
			"refreshed": func(c *client, p person) { c.finish(c.begin("login", "refresh=true"), p.login()) },
		}
		for what, replace := range replace {
			t.Run(what, func(t *testing.T) {
				c, p := s.signedIn(t, script)
				other := s.client(t, app)
				other.signIn(p)
				s.clock.advance(10 * time.Minute)
				before, old, form := c.whoami().is(200), c.secret(), c.begin("settings", "")
				csrf := c.cookie("csrf_token_")
				replace(c, p)

				late := s.client(t, script)
				late.http.Jar.SetCookies(mustURL(t, s.public), []*http.Cookie{{Name: sessionCookie, Value: old}, {Name: csrfCookie(c), Value: csrf}})
				asked := late.whoami().is(200)
				for _, same := range []string{"id", "authentication_methods", "authenticated_at", "authenticator_assurance_level"} {
					if got, want := asked.at(same).Raw, before.at(same).Raw; got != want {
						t.Errorf("%s is %s, want %s", same, got, want)
					}
				}
				if got := late.get("/sessions").is(200).at("#").Int(); got != 1 {
					t.Errorf("there are %d other sessions, want 1", got)
				}
				for _, no := range [][2]string{{"DELETE", "/sessions"}, {"DELETE", "/sessions/" + other.whoami().at("id").String()}, {"GET", "/self-service/logout/browser"},
					{"GET", "/self-service/settings/browser"}, {"GET", "/self-service/settings/flows?id=" + form.id}} {
					late.send(no[0], no[1], nil).refused(401, "session_inactive")
				}
				late.submit(form, newPassword(otherPass)).refused(401, "session_inactive")
				if late.begin("login", "refresh=true").json.at("refresh").Bool() {
					t.Error("the former cookie begins a refresh")
				}
				if got := late.secret(); got != old {
					t.Error("the former cookie got another one")
				}
				other.whoami().is(200)
				s.clock.advance(30 * time.Second)
				late.whoami().refused(401, "session_inactive")
				c.whoami().is(200)
			})
		}
	})
}

// TestFormerCookieIsNotGivenAgain: a session check gives a browser its cookie anew
// where the session lasts longer than the cookie says, but not a former one.
func TestFormerCookieIsNotGivenAgain(t *testing.T) {
	onEach(t, "", func(t *testing.T, s *server) {
		c, p := s.signedIn(t, script)
		former := sessionCookie + "=" + c.secret()
		id := c.whoami().is(200).at("id").String()
		s.clock.advance(sessionLifespan - 10*time.Second)
		s.operator(t).send("PATCH", "/admin/sessions/"+id+"/extend", nil).is(200)
		late := s.client(t, app)
		if set := late.get("/sessions/whoami", "Cookie", former).is(200).cookies()[sessionCookie]; set == nil {
			t.Fatal("the cookie is not given anew: this test sees nothing")
		}
		c.finish(c.begin("login", "refresh=true"), p.login())
		if set := late.get("/sessions/whoami", "Cookie", former).is(200).cookies()[sessionCookie]; set != nil {
			t.Errorf("the check sets the cookie %v", set)
		}
	})
}

// TestFormerCookieEnds: where the session ends, and where somebody else changes
// how its owner signs in, the cookie that it had before is no good any more either.
func TestFormerCookieEnds(t *testing.T) {
	onEach(t, byCode, func(t *testing.T, s *server) {
		for what, end := range map[string]func(t *testing.T, c, other *client, p person){
			"signed out": func(t *testing.T, c, _ *client, _ person) {
				c.get(c.get("/self-service/logout/browser").is(200).at("logout_url").String()).is(204)
			},
			"revoked": func(t *testing.T, c, other *client, p person) {
				other.send("DELETE", "/sessions/"+c.whoami().is(200).at("id").String(), nil).is(204)
			},
			"all others revoked": func(t *testing.T, c, _ *client, _ person) { c.send("DELETE", "/sessions", nil).is(200) },
			"deleted": func(t *testing.T, _, _ *client, p person) {
				s.operator(t).send("DELETE", "/admin/identities/"+p.id+"/sessions", nil).is(204)
			},
			"switched off": func(t *testing.T, _, _ *client, p person) {
				s.operator(t).send("PATCH", "/admin/identities/"+p.id, patch("replace", "/state", "inactive")).is(200)
			},
			"another session changes the password": func(t *testing.T, _, other *client, _ person) {
				f := other.begin("settings", "")
				other.changed(f, other.submit(f, newPassword(otherPass)))
			},
			"an operator changes the password": func(t *testing.T, _, _ *client, p person) {
				s.operator(t).send("PUT", "/admin/identities/"+p.id, map[string]any{"schema_id": "person", "state": "active", "traits": fields{"email": p.email},
					"credentials": map[string]any{"password": map[string]any{"config": fields{"password": otherPass}}}}).is(200)
			},
			"recovered elsewhere": func(t *testing.T, _, _ *client, p person) {
				again := s.client(t, app)
				f := again.asked("recovery", p.email)
				again.submit(f, fields{"method": "code", "code": s.mail(t, p.email, "recovery_code_valid").code()})
			},
		} {
			t.Run(what, func(t *testing.T) {
				c, p := s.signedIn(t, script)
				other := s.client(t, app)
				other.signIn(p)
				old := sessionCookie + "=" + c.secret()
				c.finish(c.begin("login", "refresh=true"), p.login())
				late := s.client(t, app)
				late.get("/sessions/whoami", "Cookie", old).is(200)
				end(t, c, other, p)
				late.get("/sessions/whoami", "Cookie", old).refused(401, "session_inactive")
			})
		}
		t.Run("the password is changed in it", func(t *testing.T) {
			c, _ := s.signedIn(t, script)
			old := sessionCookie + "=" + c.secret()
			f := c.begin("settings", "")
			c.changed(f, c.submit(f, newPassword(otherPass)))
			c.whoami().is(200)
			s.client(t, app).get("/sessions/whoami", "Cookie", old).refused(401, "session_inactive")
		})
	})
}

// TestFormerCookieMakesNoToken: a signed token would be good for longer than the
// cookie that it is asked for with.
func TestFormerCookieMakesNoToken(t *testing.T) {
	onEach(t, tokenTemplates(), func(t *testing.T, s *server) {
		c, p := s.signedIn(t, script)
		old := sessionCookie + "=" + c.secret()
		c.finish(c.begin("login", "refresh=true"), p.login())
		late := s.client(t, app)
		late.get("/sessions/whoami", "Cookie", old).is(200)
		late.get("/sessions/whoami?tokenize_as=plain", "Cookie", old).refused(401, "session_inactive")
	})
}

// csrfCookie is the name of a browser's cookie with its CSRF secret.
func csrfCookie(c *client) string {
	for _, k := range c.http.Jar.Cookies(mustURL(c.t, c.base)) {
		if strings.HasPrefix(k.Name, "csrf_token_") {
			return k.Name
		}
	}
	return ""
}

// TestRefreshBySomebodyElse: a session cannot be refreshed with the
// credentials of another person, and cannot be taken over that way.
func TestRefreshBySomebodyElse(t *testing.T) {
	onEach(t, "", func(t *testing.T, s *server) {
		for _, style := range []style{app, script} {
			t.Run(string(style), func(t *testing.T) {
				c, p, other := s.client(t, style), s.person(t), s.person(t)
				c.signIn(p)
				secret, before := c.secret(), c.whoami().is(200)
				s.clock.advance(time.Minute)
				f := c.begin("login", "refresh=true")

				a := c.submit(f, other.login()).saying(400, 4000006)
				if set := a.cookies(); set[sessionCookie] != nil {
					t.Errorf("the refusal sets the cookie %v", set[sessionCookie])
				}
				if after := c.whoami().is(200); string(after.body) != string(before.body) || c.secret() != secret {
					t.Errorf("the session changed from %s to %s", before.body, after.body)
				}
				if p, o := s.sessions(t, p), s.sessions(t, other); p != 1 || o != 0 {
					t.Errorf("there are %d and %d sessions, want 1 and 0", p, o)
				}
				c.finish(f, p.login()) // the form is still good
			})
		}
		t.Run("in the session of another person", func(t *testing.T) {
			c, p, other := s.client(t, app), s.person(t), s.person(t)
			c.signIn(p)
			f := c.begin("login", "refresh=true")
			c.signInAnew(other)
			c.submit(f, p.login()).refused(403, "security_identity_mismatch")
			c.submit(f, other.login()).refused(403, "security_identity_mismatch")
		})
	})
}

// signInAnew signs in as somebody else, without the old session.
func (c *client) signInAnew(p person) {
	c.t.Helper()
	c.token = ""
	c.signIn(p)
}

// TestRefreshOfARevokedSession: a session that was revoked while its owner
// typed does not come back.
func TestRefreshOfARevokedSession(t *testing.T) {
	onEach(t, "", func(t *testing.T, s *server) {
		c, p := s.client(t, app), s.person(t)
		id := c.signIn(p).at("session.id").String()
		f, old := c.begin("login", "refresh=true"), c.token
		s.operator(t).send("DELETE", "/admin/identities/"+p.id+"/sessions", nil).is(204)
		a := c.submit(f, p.login())
		if a.status == 200 && (a.at("session.id").String() == id || a.at("session_token").String() == old) {
			t.Errorf("the revoked session came back: %s", a.body)
		}
		c.token = old
		c.whoami().refused(401, "session_inactive")
	})
}

// TestForgedSecrets: a token or cookie with any byte changed, cut to any
// length or made longer is nobody's, and a cookie costs no query.
func TestForgedSecrets(t *testing.T) {
	onEach(t, "", func(t *testing.T, s *server) {
		p := s.person(t)
		phone, browser, nobody := s.client(t, app), s.client(t, script), s.client(t, app)
		phone.signIn(p)
		browser.signIn(p)
		cookie := sessionCookie + "=" + browser.cookie(sessionCookie)
		for _, forged := range forgeries(phone.token, "") {
			nobody.get("/sessions/whoami", "X-Session-Token", forged).refused(401, "session_inactive")
			nobody.get("/sessions/whoami", "Authorization", "Bearer "+forged).refused(401, "session_inactive")
		}
		ran := s.statements.during(func() {
			for _, forged := range forgeries(cookie, sessionCookie+"=") {
				nobody.get("/sessions/whoami", "Cookie", forged).refused(401, "session_inactive")
			}
			// A cookie is no token and a token no cookie.
			nobody.get("/sessions/whoami", "Cookie", sessionCookie+"="+phone.token).refused(401, "session_inactive")
		})
		if len(ran) != 0 {
			t.Errorf("forged cookies ran %d statements, the first: %s", len(ran), ran[0])
		}
		nobody.get("/sessions/whoami", "X-Session-Token", browser.cookie(sessionCookie)).refused(401, "session_inactive")
		// A header that is there wins, even if it is no good.
		phone.get("/sessions/whoami", "X-Session-Token", "no", "Authorization", "Bearer "+phone.token).refused(401, "session_inactive")
		browser.get("/sessions/whoami", "X-Session-Token", "no").refused(401, "session_inactive")
		phone.whoami().is(200)
		browser.whoami().is(200)
	})
}

// forgeries are all texts that differ from a secret, behind a prefix, in one
// byte, are a part of its beginning, or go on for longer.
func forgeries(secret, prefix string) []string {
	var all []string
	for i := len(prefix); i < len(secret); i++ {
		for _, b := range []byte{'A', 'a', '7', secret[i] ^ 1} {
			if b != secret[i] && b > ' ' && b < 0x7f && !strings.ContainsRune(`",;\`, rune(b)) {
				all = append(all, secret[:i]+string(b)+secret[i+1:])
			}
		}
		all = append(all, secret[:i])
	}
	return append(all, secret+"A", secret+"=", secret+secret, secret+strings.Repeat("A", 4000))
}

// TestChangesAreSeenAtOnce: whatever ends a session is seen by the very next
// check, although the answer was in memory, and the session never comes back.
func TestChangesAreSeenAtOnce(t *testing.T) {
	// A change is made by the person's other session or by an operator.
	tests := []struct {
		what   string
		change func(t *testing.T, s *server, p person, own, other *client, id string)
	}{
		{"revoked by another session", func(t *testing.T, s *server, p person, own, other *client, id string) {
			other.send("DELETE", "/sessions/"+id, nil).is(204)
		}},
		{"revoked with all others", func(t *testing.T, s *server, p person, own, other *client, id string) {
			if got := other.send("DELETE", "/sessions", nil).is(200).at("count").Int(); got != 1 {
				t.Errorf("%d sessions were revoked, want 1", got)
			}
		}},
		{"signed out", func(t *testing.T, s *server, p person, own, other *client, id string) {
			if own.style == app {
				own.send("DELETE", "/self-service/logout/api", map[string]string{"session_token": own.token}).is(204)
				return
			}
			// The jar would follow the cookie's end; only the server's word counts here.
			to := own.get("/self-service/logout/browser").is(200).at("logout_url").String()
			own.s.client(t, app).get(to, "Cookie", sessionCookie+"="+own.secret()).is(204)
		}},
		{"deleted by an operator", func(t *testing.T, s *server, p person, own, other *client, id string) {
			s.operator(t).send("DELETE", "/admin/identities/"+p.id+"/sessions", nil).is(204)
		}},
		{"switched off by a patch", func(t *testing.T, s *server, p person, own, other *client, id string) {
			s.operator(t).send("PATCH", "/admin/identities/"+p.id, patch("replace", "/state", "inactive")).is(200)
		}},
		{"switched off by a replacement", func(t *testing.T, s *server, p person, own, other *client, id string) {
			s.operator(t).send("PUT", "/admin/identities/"+p.id, map[string]any{"schema_id": "person", "state": "inactive", "traits": fields{"email": p.email}}).is(200)
		}},
		{"identity deleted", func(t *testing.T, s *server, p person, own, other *client, id string) {
			s.operator(t).send("DELETE", "/admin/identities/"+p.id, nil).is(204)
		}},
		{"its time is over", func(t *testing.T, s *server, p person, own, other *client, id string) {
			s.clock.advance(sessionLifespan)
		}},
	}
	onEach(t, "", func(t *testing.T, s *server) {
		for _, test := range tests {
			for _, style := range []style{app, script} {
				t.Run(test.what+", "+string(style), func(t *testing.T) {
					p, own, other := s.person(t), s.client(t, style), s.client(t, app)
					own.signIn(p)
					other.signIn(p)
					id := own.whoami().is(200).at("id").String()
					warm := s.statements.during(func() { own.whoami().is(200) })
					if len(warm) != 0 {
						t.Fatalf("the answer is not in memory: %s", warm)
					}
					test.change(t, s, p, own, other, id)
					own.whoami().refused(401, "session_inactive")

					if s.operator(t).get("/admin/identities/"+p.id).status == 200 {
						s.operator(t).send("PATCH", "/admin/identities/"+p.id, patch("replace", "/state", "active")).is(200)
					}
					own.whoami().refused(401, "session_inactive")
					own.get("/sessions").refused(401, "session_inactive")
					own.get("/self-service/logout/browser").refused(401, "session_inactive")
				})
			}
		}
		t.Run("changed traits", func(t *testing.T) {
			p, c := s.person(t), s.client(t, app)
			c.signIn(p)
			c.whoami().is(200)
			for n := range 20 {
				name := fmt.Sprintf("Name %d", n)
				s.operator(t).send("PATCH", "/admin/identities/"+p.id, patch("add", "/traits/name", name)).is(200)
				if got := c.whoami().is(200).at("identity.traits.name").String(); got != name {
					t.Fatalf("the next check says %q, want %q", got, name)
				}
			}
		})
	})
}

// TestRevocationUnderLoad keeps asking while sessions are revoked: no check
// that begins after the revocation was acknowledged may say yes.
func TestRevocationUnderLoad(t *testing.T) {
	onEach(t, "", func(t *testing.T, s *server) {
		s.said = nil // this is a lot
		p, other := s.person(t), s.client(t, app)
		other.signIn(p)
		for range 15 {
			c := s.client(t, app)
			id := c.signIn(p).at("session.id").String()
			var revoked atomic.Bool
			var asking sync.WaitGroup
			for range 4 {
				asking.Go(func() {
					for no := 0; no < 3; {
						late := revoked.Load()
						a, err := c.try("GET", "/sessions/whoami", nil)
						if err != nil {
							t.Error(err)
							return
						}
						if late && a.status != 401 {
							t.Errorf("a check after the revocation was answered with %d", a.status)
							return
						}
						if a.status == 401 {
							no++
						}
					}
				})
			}
			other.send("DELETE", "/sessions/"+id, nil).is(204)
			revoked.Store(true)
			asking.Wait()
		}
	})
}

// TestOwnSessions: people see and end their own other sessions, and nobody
// else's.
func TestOwnSessions(t *testing.T) {
	onEach(t, "", func(t *testing.T, s *server) {
		p, other := s.person(t), s.client(t, app)
		other.signIn(s.person(t))
		foreign := other.whoami().is(200).at("id").String()
		var clients []*client
		var ids []string
		for range 3 {
			c := s.client(t, app)
			ids = append(ids, c.signIn(p).at("session.id").String())
			clients = append(clients, c)
			s.clock.advance(time.Second)
		}
		me := clients[2]
		if got, want := me.get("/sessions").is(200).at("#.id").String(), fmt.Sprintf(`["%s","%s"]`, ids[1], ids[0]); got != want {
			t.Errorf("the other sessions are %s, want %s", got, want)
		}
		me.send("DELETE", "/sessions/"+ids[2], nil).refused(400, "session_is_current")
		me.send("DELETE", "/sessions/nonsense", nil).refused(400, "id_malformed")
		me.send("DELETE", "/sessions/"+foreign, nil).is(204) // as if it were there
		other.get("/sessions").is(200)                       // which asks the database, not the memory
		me.send("DELETE", "/sessions/"+ids[0], nil).is(204)
		clients[0].whoami().refused(401, "session_inactive")
		clients[1].whoami().is(200)
		me.send("DELETE", "/sessions", nil).is(200)
		clients[1].whoami().refused(401, "session_inactive")
		me.whoami().is(200)
		for _, request := range [][2]string{{"GET", "/sessions"}, {"DELETE", "/sessions"}, {"DELETE", "/sessions/" + ids[2]}} {
			s.client(t, app).send(request[0], request[1], nil).refused(401, "session_inactive")
		}

		// Another site cannot make a browser end sessions.
		browser := s.client(t, script)
		browser.signIn(p)
		for _, header := range [][2]string{{"Origin", "https://evil.example"}, {"Sec-Fetch-Site", "cross-site"}} {
			browser.send("DELETE", "/sessions", nil, header[0], header[1]).refused(403, "security_csrf_violation")
			browser.send("DELETE", "/sessions/"+ids[2], nil, header[0], header[1]).refused(403, "security_csrf_violation")
		}
		me.whoami().is(200)
	})
}

// TestRevokeActiveSessions: with the hook of that name a sign-in ends all
// others of the same person.
func TestRevokeActiveSessions(t *testing.T) {
	const more = "selfservice: {flows: {login: {after: {hooks: [{hook: revoke_active_sessions}]}}}}"
	onEach(t, more, func(t *testing.T, s *server) {
		p, first, second, other := s.person(t), s.client(t, script), s.client(t, app), s.client(t, app)
		first.signIn(p)
		first.whoami().is(200)
		other.signIn(s.person(t))
		second.signIn(p)
		first.whoami().refused(401, "session_inactive")
		second.whoami().is(200)
		other.whoami().is(200)
	})
}
