package app

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/crypto/bcrypt"

	"zelus/internal/hash"
)

// kindsOfForm are the flows for those who are not signed in. What is asked of
// account settings is in account_test.go.
var kindsOfForm = []string{"login", "registration"}

// succeeding are fields with which a form of the kind succeeds.
func (s *server) succeeding(t testing.TB, kind string) (person, fields) {
	t.Helper()
	if kind == "login" {
		p := s.person(t)
		return p, p.login()
	}
	p := stranger()
	return p, p.signUp()
}

// TestFormIsUsedOnce submits one form many times at once: one wins.
func TestFormIsUsedOnce(t *testing.T) {
	onEach(t, "", func(t *testing.T, s *server) {
		for _, kind := range kindsOfForm {
			for _, style := range styles {
				t.Run(kind+", "+string(style), func(t *testing.T) {
					const submissions = 16
					c := s.client(t, style)
					p, with := s.succeeding(t, kind)
					f := c.begin(kind, "")
					// Cookies as they are now: an answer must not help the next request.
					var cookies []string
					if style != app {
						for _, k := range c.http.Jar.Cookies(mustURL(t, s.public)) {
							cookies = append(cookies, k.String())
						}
					}
					body, header := c.body(f, with), []string{}
					if len(cookies) > 0 {
						header = append(header, "Cookie", strings.Join(cookies, "; "))
					}
					c.http.Jar = nil
					answers := make([]answer, submissions)
					var all sync.WaitGroup
					for n := range submissions {
						all.Go(func() {
							var err error
							if answers[n], err = c.try("POST", f.action, body, header...); err != nil {
								t.Error(err)
							}
						})
					}
					all.Wait()
					won := 0
					for _, a := range answers {
						switch {
						case a.cookies()[sessionCookie] != nil || a.at("session_token").String() != "":
							won++
						case style != page && a.status != 400:
							t.Errorf("a submission that did not win: %d %s", a.status, a.body)
						case style == page && a.location() != loginPage && a.location() != signUpPage:
							t.Errorf("a submission that did not win: %d %s", a.status, a.header.Get("Location"))
						}
					}
					if won != 1 {
						t.Errorf("%d of %d submissions won, want 1", won, submissions)
					}
					found := s.operator(t).get("/admin/identities?credentials_identifier=" + p.email).is(200)
					if got := found.at("#").Int(); got != 1 {
						t.Fatalf("there are %d identities, want 1", got)
					}
					p.id = found.at("0.id").String()
					if got := s.sessions(t, p); got != 1 {
						t.Errorf("there are %d sessions, want 1", got)
					}
					// Later, too.
					if style == app {
						if again := c.submit(f, with); again.status != 400 || again.at("session").Exists() {
							t.Errorf("a used form: %d %s", again.status, again.body)
						}
					}
				})
			}
		}
	})
}

// TestCSRF: a browser's form is taken from that browser only.
func TestCSRF(t *testing.T) {
	onEach(t, "", func(t *testing.T, s *server) {
		stranger := s.client(t, script)
		foreign := stranger.begin("login", "").csrf
		flip := func(token string) string { return token[:20] + string(token[20]^1) + token[21:] }
		tests := []struct {
			what string
			// change makes the submission what it must not be.
			change func(c *client, f form, with fields) (headers []string)
		}{
			{"no token", func(c *client, f form, with fields) []string { with["csrf_token"] = ""; return nil }},
			{"a token of another browser", func(c *client, f form, with fields) []string { with["csrf_token"] = foreign; return nil }},
			{"a cut token", func(c *client, f form, with fields) []string {
				with["csrf_token"] = f.csrf[:len(f.csrf)-4]
				return nil
			}},
			{"a longer token", func(c *client, f form, with fields) []string { with["csrf_token"] = f.csrf + "AAAA"; return nil }},
			{"a changed token", func(c *client, f form, with fields) []string { with["csrf_token"] = flip(f.csrf); return nil }},
			{"the bare secret", func(c *client, f form, with fields) []string {
				with["csrf_token"] = c.cookie("csrf_token_")
				return nil
			}},
			{"zeros", func(c *client, f form, with fields) []string {
				with["csrf_token"] = base64.StdEncoding.EncodeToString(make([]byte, 64))
				return nil
			}},
			{"a changed token in the header", func(c *client, f form, with fields) []string {
				with["csrf_token"] = ""
				return []string{"X-CSRF-Token", flip(f.csrf)}
			}},
			{"no cookie", func(c *client, f form, with fields) []string { c.http.Jar = nil; return nil }},
			{"an empty cookie", func(c *client, f form, with fields) []string {
				c.http.Jar = nil
				with["csrf_token"] = base64.StdEncoding.EncodeToString(make([]byte, 64))
				return []string{"Cookie", s.csrfCookie(t) + "="}
			}},
			{"a cut cookie", func(c *client, f form, with fields) []string {
				secret := c.cookie("csrf_token_")
				c.http.Jar = nil
				return []string{"Cookie", s.csrfCookie(t) + "=" + secret[:len(secret)-4]}
			}},
			{"another browser, with a token of its own", func(c *client, f form, with fields) []string {
				c.http.Jar = stranger.http.Jar
				with["csrf_token"] = foreign
				return nil
			}},
		}
		for _, kind := range kindsOfForm {
			for _, style := range []style{script, page} {
				for _, test := range tests {
					t.Run(kind+", "+string(style)+", "+test.what, func(t *testing.T) {
						c := s.client(t, style)
						p, with := s.succeeding(t, kind)
						f := c.begin(kind, "")
						jar := c.http.Jar
						headers := test.change(c, f, with)
						a := c.submit(f, with, headers...)
						if style == script {
							a.refused(403, "security_csrf_violation")
						} else {
							a.leads(303, errorPage)
							said := c.get("/self-service/errors?id="+a.query("id"), "Accept", "application/json")
							if got := said.at("error.id").String(); got != "security_csrf_violation" {
								t.Errorf("the error page would say %s", said.body)
							}
						}
						if a.cookies()[sessionCookie] != nil {
							t.Error("the submission was refused and signed in")
						}
						if kind == "registration" {
							if n := s.operator(t).get("/admin/identities?credentials_identifier=" + p.email).at("#").Int(); n != 0 {
								t.Error("the submission was refused and made an identity")
							}
						}
						// The form is as good as before, and the header will do as well.
						c.http.Jar, with["csrf_token"] = jar, ""
						if a := c.submit(f, with, "X-CSRF-Token", f.csrf); a.cookies()[sessionCookie] == nil {
							t.Errorf("with the token in the header: %d %s", a.status, a.body)
						}
					})
				}
			}
		}
	})
}

// csrfCookie is the name of the CSRF cookie.
func (s *server) csrfCookie(t testing.TB) string {
	t.Helper()
	for name := range s.client(t, script).get("/self-service/login/browser").is(200).cookies() {
		if strings.HasPrefix(name, "csrf_token_") {
			return name
		}
	}
	t.Fatal("a browser gets no CSRF cookie")
	return ""
}

// TestTokensDiffer: the token in a form is different each time, so that
// compression leaks nothing of the secret.
func TestTokensDiffer(t *testing.T) {
	onEach(t, "", func(t *testing.T, s *server) {
		c := s.client(t, script)
		f := c.begin("login", "")
		again := c.opened("login", c.fetch("login", f.id).is(200))
		if f.csrf == again.csrf {
			t.Error("a form carries the same token twice")
		}
		c.finish(again, s.person(t).login())
	})
}

// TestFormIsShownToItsBrowser: others do not see it, with or without cookies.
func TestFormIsShownToItsBrowser(t *testing.T) {
	onEach(t, "", func(t *testing.T, s *server) {
		for _, kind := range kindsOfForm {
			owner, other := s.client(t, script), s.client(t, script)
			f := owner.begin(kind, "")
			other.begin(kind, "")
			owner.fetch(kind, f.id).is(200)
			other.fetch(kind, f.id).refused(403, "security_csrf_violation")
			s.client(t, app).fetch(kind, f.id).refused(403, "security_csrf_violation")

			phone := s.client(t, app)
			s.client(t, app).fetch(kind, phone.begin(kind, "").id).is(200) // its id is the secret

			for _, id := range []string{"", "x", strings.Repeat("0", 4000), "00000000-0000-0000-0000-000000000000", "3b0ba2c9-7d31-4f49-8f4e-0d2a3c0e5b11"} {
				owner.fetch(kind, id).refused(404, "self_service_flow_not_found")
			}
			for _, k := range kindsOfForm {
				if k != kind {
					owner.fetch(k, f.id).refused(404, "self_service_flow_not_found")
					owner.send("POST", "/self-service/"+k+"?flow="+f.id, fields{"csrf_token": f.csrf}).refused(404, "self_service_flow_not_found")
				}
			}
			for _, id := range []string{"", "x", "00000000-0000-0000-0000-000000000000"} {
				owner.send("POST", "/self-service/"+kind+"?flow="+id, fields{}).refused(400, "self_service_flow_missing")
			}
		}
	})
}

// TestAppFormsAreNotForBrowsers: a form without CSRF protection is not taken
// from a browser.
func TestAppFormsAreNotForBrowsers(t *testing.T) {
	onEach(t, "", func(t *testing.T, s *server) {
		for _, kind := range kindsOfForm {
			c := s.client(t, app)
			_, with := s.succeeding(t, kind)
			f := c.begin(kind, "")
			for _, header := range [][]string{{"Origin", "https://evil.example"}, {"Origin", s.public}, {"Origin", "null"}, {"Cookie", "a=b"}, {"Cookie", "__cf_bm=1; other=2"}} {
				if a := c.submit(f, with, header...).saying(400, 4000001); a.at("session").Exists() {
					t.Errorf("%s with %s: %s", kind, header, a.body)
				}
			}
			c.submit(f, with, "Cookie", "__cf_bm=1; cf_clearance=2; _cfuvid=3").is(200)
		}
	})
}

// TestExpiredForm: a form that was open for too long is replaced by a new one
// that says so.
func TestExpiredForm(t *testing.T) {
	const lifespan = time.Hour
	message := map[string]int64{"login": 4010001, "registration": 4040001}
	onEach(t, "", func(t *testing.T, s *server) {
		for _, kind := range kindsOfForm {
			for _, style := range styles {
				t.Run(kind+", "+string(style), func(t *testing.T) {
					c := s.client(t, style)
					_, with := s.succeeding(t, kind)
					f := c.begin(kind, "return_to="+url.QueryEscape(welcome))
					s.clock.advance(lifespan - time.Microsecond)
					c.fetch(kind, f.id).is(200)
					s.clock.advance(time.Microsecond)

					gone := c.fetch(kind, f.id).refused(410, "self_service_flow_expired")
					if style == app {
						if got, want := gone.at("error.details.api").String(), s.public+"/self-service/"+kind+"/api"; got != want {
							t.Errorf("the error leads to %q, want %q", got, want)
						}
					} else {
						want := s.public + "/self-service/" + kind + "/browser?return_to=" + url.QueryEscape(welcome)
						if got := gone.at("error.details.redirect_to").String(); got != want {
							t.Errorf("the error leads to %q, want %q", got, want)
						}
					}

					if style != page {
						c.submit(f, with).refused(410, "self_service_flow_expired")
					}
					s.clock.advance(time.Second)
					a := c.submit(f, with)
					var fresh string
					if style == page {
						to := loginPage
						if kind == "registration" {
							to = signUpPage
						}
						fresh = a.leads(303, to).query("flow")
					} else {
						a.refused(410, "self_service_flow_expired")
						fresh = a.at("use_flow_id").String()
						if got := a.at("since").Int(); got != int64(time.Second) {
							t.Errorf("since is %d, want a second in nanoseconds", got)
						}
						if got, want := a.at("expired_at").String(), f.json.at("expires_at").String(); got != want {
							t.Errorf("expired_at is %q, want %q", got, want)
						}
					}
					if fresh == "" || fresh == f.id {
						t.Fatalf("the new form is %q", fresh)
					}
					again := c.fetch(kind, fresh).saying(200, message[kind])
					if got := again.at("return_to").String(); got != welcome {
						t.Errorf("the new form returns to %q", got)
					}
					done := c.finish(c.opened(kind, again), with)
					if style == page {
						done.leads(303, welcome)
					}
				})
			}
		}
	})
}

// TestReturnTo: where a flow ends is chosen by its beginning, from the
// addresses that are allowed.
func TestReturnTo(t *testing.T) {
	refused := []string{"https://evil.example/", "//evil.example", "https://app.example.org.evil.example/welcome", "https://app.example.org/welcomed",
		"https://app.example.org/elsewhere", "javascript:alert(1)", "https://app.example.org@evil.example/welcome", "http://app.example.org/welcome"}
	onEach(t, "", func(t *testing.T, s *server) {
		for _, kind := range kindsOfForm {
			for _, to := range refused {
				query := "return_to=" + url.QueryEscape(to)
				s.client(t, app).get("/self-service/"+kind+"/api?"+query).refused(400, "self_service_flow_return_to_forbidden")
				s.client(t, script).get("/self-service/"+kind+"/browser?"+query).refused(400, "self_service_flow_return_to_forbidden")
				c := s.client(t, page)
				id := c.get("/self-service/"+kind+"/browser?"+query).leads(303, errorPage).query("id")
				if got := c.get("/self-service/errors?id=" + id).is(200).at("error.id").String(); got != "self_service_flow_return_to_forbidden" {
					t.Errorf("the error page would say %q", got)
				}
			}
			for asked, want := range map[string]string{"": homePage, welcome + "/deep?a=b": welcome + "/deep?a=b", "/welcome": welcome} {
				query := ""
				if asked != "" {
					query = "return_to=" + url.QueryEscape(asked)
				}
				_, with := s.succeeding(t, kind)
				c := s.client(t, page)
				if got := c.finish(c.begin(kind, query), with).header.Get("Location"); got != want {
					t.Errorf("%s that returns to %q leads to %q, want %q", kind, asked, got, want)
				}
				_, with = s.succeeding(t, kind)
				c = s.client(t, script)
				if got := c.finish(c.begin(kind, query), with).at("continue_with.0.redirect_browser_to").String(); got != want {
					t.Errorf("%s that returns to %q tells a script %q, want %q", kind, asked, got, want)
				}
			}
		}
	})
}

// TestLogout: a browser signs out by an address that only it can use.
func TestLogout(t *testing.T) {
	onEach(t, "", func(t *testing.T, s *server) {
		p := s.person(t)
		signedIn := func(style style) *client {
			c := s.client(t, style)
			c.signIn(p)
			return c
		}
		address := func(c *client, query string) string {
			return c.get("/self-service/logout/browser?"+query, "Accept", "application/json").is(200).at("logout_url").String()
		}
		for _, style := range []style{script, page} {
			c := signedIn(style)
			to := address(c, "")
			csrf := c.cookie("csrf_token_")
			a := c.get(to)
			if style == script {
				a.is(204)
			} else {
				a.leads(303, byePage)
			}
			if k := a.cookies()[sessionCookie]; k == nil || k.MaxAge >= 0 {
				t.Errorf("signing out sets the session cookie to %v", k)
			}
			if c.cookie("csrf_token_") == csrf {
				t.Error("the CSRF secret outlived the session")
			}
			c.whoami().refused(401, "session_inactive")
			s.client(t, script).get(to).refused(401, "session_inactive")
		}

		c := signedIn(page)
		c.get(address(c, "return_to="+url.QueryEscape(welcome))).leads(303, welcome)

		c = signedIn(script)
		evil := url.QueryEscape("https://evil.example/")
		c.get("/self-service/logout/browser?return_to="+evil).refused(400, "self_service_flow_return_to_forbidden")
		to := address(c, "")
		c.get(to+"&return_to="+evil).refused(400, "self_service_flow_return_to_forbidden")
		c.whoami().is(200)
		c.get("/self-service/logout").refused(400, "logout_token_missing")
		c.get("/self-service/logout?token="+mustURL(t, address(signedIn(script), "")).Query().Get("token")).refused(403, "logout_token_invalid")
		for _, forged := range forgeries(mustURL(t, to).Query().Get("token"), "") {
			if forged != "" {
				c.get("/self-service/logout?token="+url.QueryEscape(forged)).refused(403, "logout_token_invalid")
			}
		}
		c.whoami().is(200)
		s.client(t, script).get("/self-service/logout/browser").refused(401, "session_inactive")
		s.client(t, page).get("/self-service/logout/browser").leads(303, errorPage)

		phone := s.client(t, app)
		phone.signIn(p)
		for _, token := range []string{"", "x", phone.token + "x", c.cookie(sessionCookie)} {
			phone.send("DELETE", "/self-service/logout/api", map[string]string{"session_token": token}).refused(403, "session_token_unknown")
		}
		for _, body := range []string{"", "{", "[]", `"text"`, `{"session_token":1}`} {
			phone.send("DELETE", "/self-service/logout/api", body).refused(400, "body_malformed")
		}
		phone.whoami().is(200)
	})
}

// TestAlreadySignedIn: who is signed in begins and submits no other sign-in or
// sign-up by accident.
func TestAlreadySignedIn(t *testing.T) {
	onEach(t, "", func(t *testing.T, s *server) {
		for _, kind := range kindsOfForm {
			for _, style := range styles {
				t.Run(kind+", "+string(style), func(t *testing.T) {
					c, p := s.client(t, style), s.person(t)
					_, with := s.succeeding(t, kind)
					f := c.begin(kind, "") // before
					if style == app {
						c.signIn(p)
					} else {
						// Its own sign-in would make the form void.
						other := s.client(t, style)
						other.signIn(p)
						c.http.Jar.SetCookies(mustURL(t, s.public), []*http.Cookie{{Name: sessionCookie, Value: other.cookie(sessionCookie), Path: "/"}})
					}
					before := c.whoami().is(200)

					switch style {
					case app:
						c.get("/self-service/"+kind+"/api").refused(400, "session_already_available")
					case script:
						c.get("/self-service/"+kind+"/browser").refused(400, "session_already_available")
					case page:
						c.get("/self-service/"+kind+"/browser").leads(303, homePage)
						c.get("/self-service/"+kind+"/browser?return_to="+url.QueryEscape(welcome)).leads(303, welcome)
						c.get("/self-service/"+kind+"/browser?return_to="+url.QueryEscape("https://evil.example")).leads(303, errorPage)
					}

					a := c.submit(f, with)
					switch {
					case style == page && kind == "login":
						a.leads(303, homePage)
					case style == page:
						a.leads(302, homePage)
					case kind == "login":
						a.saying(400, 4000001)
					default:
						a.refused(400, "session_already_available")
					}
					if a.cookies()[sessionCookie] != nil || a.at("session").Exists() {
						t.Errorf("the submission made a session: %s", a.body)
					}
					if after := c.whoami().is(200); !bytes.Equal(after.body, before.body) {
						t.Errorf("the session changed from %s to %s", before.body, after.body)
					}
				})
			}
		}
	})
}

// TestUnknownAccountsLookLikeKnownOnes: an answer to a sign-in that fails is
// the same to the byte, whatever is wrong.
func TestUnknownAccountsLookLikeKnownOnes(t *testing.T) {
	onEach(t, "", func(t *testing.T, s *server) {
		const password = "not the password of anybody"
		known, off, bare := s.person(t), s.person(t), stranger()
		s.operator(t).send("PATCH", "/admin/identities/"+off.id, patch("replace", "/state", "inactive")).is(200)
		s.operator(t).send("POST", "/admin/identities", map[string]any{"traits": fields{"email": bare.email}}).is(201)
		for _, style := range styles {
			var want string
			for _, who := range []struct {
				what string
				person
			}{{"known", known}, {"unknown", stranger()}, {"switched off", off}, {"without a password", bare}} {
				who.password = password
				c := s.client(t, style)
				f := c.begin("login", "")
				a := c.submit(f, who.login())
				shown := c.fetch("login", f.id).is(200).saying(200, 4000006)
				got := normalised(f, who.email, a) + normalised(f, who.email, shown)
				if want == "" {
					want = got
				}
				if got != want {
					t.Errorf("%s: %s gets\n%s\nwant, as others get,\n%s", style, who.what, got, want)
				}
			}
		}
	})
}

var anyToken = regexp.MustCompile(`[A-Za-z0-9+/]{86}==`)

// normalised is an answer without what must differ: the form's id, its token
// and the name that was typed.
func normalised(f form, typed string, a answer) string {
	header := a.header.Clone()
	header.Del("Date")
	var b strings.Builder
	fmt.Fprintf(&b, "%d\n", a.status)
	if err := header.Write(&b); err != nil {
		return err.Error()
	}
	b.Write(a.body)
	text := strings.NewReplacer(f.id, "ID", typed, "TYPED").Replace(b.String())
	return regexp.MustCompile(`Content-Length: \d+`).ReplaceAllString(anyToken.ReplaceAllString(text, "TOKEN"), "Content-Length: N") + "\n"
}

// TestSwitchedOff: who knows the password of an account that is switched off
// is told so, and gets nothing.
func TestSwitchedOff(t *testing.T) {
	onEach(t, "", func(t *testing.T, s *server) {
		p := s.person(t)
		s.operator(t).send("PATCH", "/admin/identities/"+p.id, patch("replace", "/state", "inactive")).is(200)
		for _, style := range styles {
			c := s.client(t, style)
			a := c.submit(c.begin("login", ""), p.login())
			if style == page {
				a.leads(303, errorPage)
			} else {
				a.refused(401, "identity_disabled")
			}
			if a.cookies()[sessionCookie] != nil {
				t.Error("it sets a session cookie")
			}
		}
		if got := s.sessions(t, p); got != 0 {
			t.Errorf("there are %d sessions, want none", got)
		}
	})
}

// TestDuplicate: nobody signs up with an identifier that somebody has, however
// it is written, and nothing is left behind.
func TestDuplicate(t *testing.T) {
	onEach(t, "", func(t *testing.T, s *server) {
		p := s.person(t)
		before := s.operator(t).get("/admin/identities").is(200).at("#").Int()
		for _, email := range []string{p.email, strings.ToUpper(p.email)} {
			for _, style := range []style{app, script} {
				other := stranger()
				other.email = email
				c := s.client(t, style)
				if a := c.submit(c.begin("registration", ""), other.signUp()).saying(400, 4000007); a.cookies()[sessionCookie] != nil {
					t.Error("it sets a session cookie")
				}
			}
		}
		if after := s.operator(t).get("/admin/identities").is(200).at("#").Int(); after != before {
			t.Errorf("there were %d identities and are %d", before, after)
		}
		s.client(t, app).signIn(p)
	})
}

// TestSecretsStayInside plays a day of a server and looks for secrets in
// everything that it said and logged, at the most talkative level.
func TestSecretsStayInside(t *testing.T) {
	onEach(t, "log: {level: trace, leak_sensitive_values: true}", func(t *testing.T, s *server) {
		p, password := stranger(), "Correct-Horse-Battery-1"
		p.password = password
		cookies, tokens := map[string]bool{}, map[string]bool{}
		remember := func(c *client) {
			if c.style == app {
				tokens[c.token] = true
			} else {
				cookies[c.cookie(sessionCookie)], cookies[c.cookie("csrf_token_")] = true, true
			}
		}
		first := s.client(t, app)
		p.id = first.finish(first.begin("registration", ""), p.signUp()).at("identity.id").String()
		remember(first)
		for _, style := range styles {
			c := s.client(t, style)
			for _, with := range []fields{
				{"method": "password", "identifier": p.email, "password": password + "x"},
				{"method": "password", "identifier": stranger().email, "password": password},
				{"method": password, "identifier": p.email, "password": password},
				{"password": password},
			} {
				c.submit(c.begin("login", ""), with)
			}
			for _, with := range []fields{
				{"method": "password", "traits.email": "nobody", "password": password},
				{"method": "password", "traits.email": p.email, "password": password},
				{"traits.email": stranger().email, "password": password},
			} {
				c.submit(c.begin("registration", ""), with)
			}
			if style != app {
				c.submit(c.begin("login", ""), fields{"method": "password", "identifier": p.email, "password": password, "csrf_token": "x"})
			}
			c.signIn(p)
			remember(c)
			c.whoami().is(200)
			c.finish(c.begin("login", "refresh=true"), p.login())
			remember(c)
			f := c.begin("login", "refresh=true")
			for _, body := range []string{`{"method":"password","password":"` + password + `"`, `{"password":"` + password + `","password":"` + password + `"}`,
				`{"password":["` + password + `"]}`, `["` + password + `"]`} {
				c.send("POST", f.action, body)
			}
			c.get("/self-service/login/browser?refresh=" + password + "&aal=" + password)
			c.get("/sessions")
			own := c.begin("settings", "")
			for _, with := range []fields{newPassword(password), {"method": password}, {"password": password}} {
				c.submit(own, with)
			}
			s.clock.advance(privileged + time.Second)
			c.submit(c.begin("settings", ""), newPassword(password+"x"))
			if style != app {
				cookies[c.cookie(asideCookie)] = true
			}
		}
		o := s.operator(t)
		o.get("/admin/identities/" + p.id).is(200)
		o.get("/admin/identities").is(200)
		o.send("PATCH", "/admin/identities/"+p.id, patch("replace", "/traits/email", 1)).is(400)
		o.send("PATCH", "/admin/identities/"+p.id, patch("add", "/traits/name", p.email+p.email)).is(400)
		o.send("POST", "/admin/identities", `{"traits":{"email":"`+p.email+`"},"credentials":{"password":{"config":{"password":"`+password+`"}}}}`).is(409)
		o.send("POST", "/admin/identities", `{"traits":{"email":"`+p.email+`"},"credentials":{"password":{"config":{"passwort":"`+password+`"}}}}`).is(400)
		o.send("POST", "/admin/identities", `{"traits":{"email":"x"},"credentials":{"password":{"config":{"hashed_password":"`+password+`"}}}}`).is(400)
		first.send("DELETE", "/self-service/logout/api", `{"session_token":"`+first.token+`"`).is(400)
		first.send("DELETE", "/self-service/logout/api", map[string]string{"session_token": first.token}).is(204)

		log, said := s.log.String(), s.said.String()
		if strings.Count(log, "msg=request ") < 50 || !strings.Contains(log, "level=DEBUG") {
			t.Fatalf("the log does not say enough to look at:\n%s", log)
		}
		for what, all := range map[string]map[string]bool{"password": {password: true}, "session token": tokens, "cookie": cookies, "e-mail address": {p.email: true}} {
			for secret := range all {
				if len(secret) < 20 {
					t.Errorf("%q is no %s", secret, what)
				}
				for _, spelling := range []string{secret, url.QueryEscape(secret), base64.StdEncoding.EncodeToString([]byte(secret))} {
					if at := strings.Index(log, spelling); at >= 0 {
						t.Errorf("the log holds a %s: …%s", what, log[max(0, at-300):at])
					}
				}
			}
		}
		for _, secret := range []string{password, url.QueryEscape(password), "$2a$", "$2b$"} {
			if at := strings.Index(said, secret); at >= 0 {
				t.Errorf("an answer holds %q: …%s", secret, said[max(0, at-600):at])
			}
		}
	})
}

// TestTooBusy fills the queue of the password workers: whoever comes then is
// asked to come again, in the way they understand.
func TestTooBusy(t *testing.T) {
	onEach(t, "", func(t *testing.T, s *server) {
		p := s.person(t)
		fill := s.occupy(t)
		for _, kind := range kindsOfForm {
			for _, style := range styles {
				c := s.client(t, style)
				c.http.Timeout = 2 * time.Second
				var f form
				var a answer
				eventually(t, "somebody is asked to wait", func() bool {
					if !fill() {
						return false
					}
					with := p.login()
					if kind == "registration" {
						with = stranger().signUp()
					}
					f = c.begin(kind, "")
					// A worker that became free just now gives this one its
					// place: then the answer is another one, or comes too late.
					var err error
					a, err = c.try("POST", f.action, c.body(f, with))
					if err == nil && a.cookies()[sessionCookie] != nil {
						c = s.client(t, style)
					}
					return err == nil && a.header.Get("Retry-After") != ""
				})
				if got := a.header.Get("Retry-After"); got != "1" {
					t.Errorf("%s, %s: Retry-After is %q, want 1", kind, style, got)
				}
				if a.cookies()[sessionCookie] != nil {
					t.Errorf("%s, %s: it sets a session cookie", kind, style)
				}
				if style != page {
					a.refused(429, "too_many_requests")
					continue
				}
				if to := map[string]string{"login": loginPage, "registration": signUpPage}[kind]; a.location() != to {
					t.Errorf("%s: %d %s, want a redirect to %s", kind, a.status, a.header.Get("Location"), to)
				}
				c.fetch(kind, f.id).saying(200, 4000001)
			}
		}
	})
}

// occupy returns a function that gives the password workers more to do than
// there is room for, and says whether the queue was seen full. The work ends
// with the test.
func (s *server) occupy(t *testing.T) func() bool {
	t.Helper()
	hashed, err := bcrypt.GenerateFromPassword([]byte("x"), bcrypt.MinCost)
	if err != nil {
		t.Fatal(err)
	}
	slow := "$2a$13$" + string(hashed[7:]) // for a good part of a second
	ctx, stop := context.WithCancel(t.Context())
	var queue sync.WaitGroup
	t.Cleanup(func() {
		stop()
		queue.Wait()
	})
	full := make(chan struct{}, 1)
	return func() bool {
		for range 65*runtime.GOMAXPROCS(0) + 1 {
			queue.Go(func() {
				if _, err := s.app.hashes.Verify(ctx, "y", slow); errors.Is(err, hash.ErrBusy) {
					select {
					case full <- struct{}{}:
					default:
					}
				}
			})
		}
		select {
		case <-full:
			return true
		default:
			return false
		}
	}
}

// TestChangesWhileSigningIn: who is switched off or deleted while their
// password is being checked has no session afterwards, whatever came first.
func TestChangesWhileSigningIn(t *testing.T) {
	tests := []struct {
		what   string
		change func(o *client, p person)
	}{
		{"switched off", func(o *client, p person) {
			o.send("PATCH", "/admin/identities/"+p.id, patch("replace", "/state", "inactive")).is(200)
		}},
		{"deleted", func(o *client, p person) { o.send("DELETE", "/admin/identities/"+p.id, nil).is(204) }},
	}
	onEach(t, "", func(t *testing.T, s *server) {
		for _, test := range tests {
			t.Run(test.what, func(t *testing.T) {
				o, p := s.operator(t), s.person(t)
				// The check takes long enough for a change to come in.
				slow, err := bcrypt.GenerateFromPassword([]byte(p.password), 11)
				if err != nil {
					t.Fatal(err)
				}
				o.send("PATCH", "/admin/identities/"+p.id, patch("replace", "/credentials/password/config/hashed_password", string(slow))).is(200)
				c := s.client(t, app)
				f := c.begin("login", "")
				var a answer
				var failed error
				var signIn sync.WaitGroup
				before := s.statements.of("FROM lookups")
				signIn.Go(func() { a, failed = c.try("POST", f.action, p.login()) })
				eventually(t, "the person is looked up", func() bool { return s.statements.of("FROM lookups") > before })
				test.change(o, p)
				signIn.Wait()
				if failed != nil {
					t.Fatal(failed)
				}
				if a.status >= 500 {
					t.Errorf("%d %s", a.status, a.body)
				}
				if o.get("/admin/identities/"+p.id).status == 200 {
					o.send("PATCH", "/admin/identities/"+p.id, patch("replace", "/state", "active")).is(200)
					if got := o.get("/admin/identities/" + p.id + "/sessions?active=true").is(200).at("#").Int(); got != 0 {
						t.Errorf("there are %d live sessions, want none", got)
					}
				}
				if c.token = a.at("session_token").String(); c.token != "" {
					c.whoami().refused(401, "session_inactive")
				}
			})
		}
	})
}

// TestWrongRoutes: what is not there is not there, before anything else is
// looked at.
func TestWrongRoutes(t *testing.T) {
	onEach(t, "", func(t *testing.T, s *server) {
		tests := []struct {
			method, path string
			admin        bool
			status       int
		}{
			{"GET", "/", false, 404}, {"GET", "/nothing", false, 404}, {"POST", "/nothing", false, 404}, {"DELETE", "/nothing", false, 404},
			{"POST", "/self-service/nothing?flow=x", false, 404}, {"POST", "/self-service/login/", false, 404}, {"GET", "/sessions/whoami/", false, 404},
			{"GET", "/version", false, 404}, {"GET", "/metrics", false, 404}, {"GET", "/admin/sessions", false, 404}, {"GET", "/admin/health/config", false, 404},
			{"POST", "/self-service/login/browser", false, 405}, {"POST", "/self-service/login/flows", false, 405}, {"DELETE", "/self-service/login", false, 405},
			{"PUT", "/self-service/registration", false, 405}, {"POST", "/self-service/logout", false, 405}, {"POST", "/self-service/logout/browser", false, 405},
			{"GET", "/self-service/logout/api", false, 405}, {"POST", "/self-service/errors", false, 405}, {"POST", "/sessions", false, 405},
			{"POST", "/schemas", false, 405}, {"POST", "/health/alive", false, 405}, {"PATCH", "/identities", false, 405},
			{"GET", "/admin/nothing", true, 404}, {"POST", "/nothing", true, 404}, {"POST", "/admin/identities/", true, 404},
			{"PUT", "/admin/identities", true, 405}, {"DELETE", "/identities", true, 405}, {"POST", "/admin/identities/x", true, 405}, {"POST", "/admin/health/config", true, 405},
		}
		for _, test := range tests {
			c := s.client(t, page)
			if test.admin {
				c.base = s.admin
			}
			a := c.send(test.method, test.path, url.Values{"a": {"b"}})
			if a.status != test.status {
				t.Errorf("%s: %d, want %d: %s", a.what, a.status, test.status, a.body)
			}
			if allow := a.header.Get("Allow"); (allow != "") != (test.status == 405) {
				t.Errorf("%s: Allow is %q", a.what, allow)
			}
			if len(a.cookies()) > 0 || a.header.Get("X-Content-Type-Options") != "nosniff" {
				t.Errorf("%s: the header is %v", a.what, a.header)
			}
		}
	})
}

// TestOnlyBrowserFormsSetCookies: cookies are for browsers with a form or a
// session. Whatever else is asked for, none is set.
func TestOnlyBrowserFormsSetCookies(t *testing.T) {
	onEach(t, "", func(t *testing.T, s *server) {
		p := s.person(t)
		none := func(a answer) answer {
			t.Helper()
			if set := a.header["Set-Cookie"]; len(set) > 0 {
				t.Errorf("%s sets %s", a.what, set)
			}
			return a
		}
		for _, accept := range []string{"application/json", "*/*", "text/html"} {
			c := s.client(t, app)
			for _, kind := range kindsOfForm {
				a := none(c.get("/self-service/"+kind+"/api", "Accept", accept)).is(200)
				none(c.get("/self-service/"+kind+"/flows?id="+a.at("id").String(), "Accept", accept).is(200))
				none(c.get("/self-service/"+kind+"/flows?id=x", "Accept", accept).is(404))
				none(c.get("/self-service/"+kind+"/api?return_to=https%3A%2F%2Fevil.example", "Accept", accept).is(400))
				_, with := s.succeeding(t, kind)
				none(c.send("POST", a.at("ui.action").String(), fields{"method": "password"}, "Accept", accept).is(400))
				none(c.send("POST", a.at("ui.action").String(), with, "Accept", accept).is(200))
			}
			c.signIn(p)
			for _, path := range []string{"/sessions/whoami", "/sessions", "/schemas", "/schemas/person", "/schemas/none", "/health/alive", "/health/ready", "/nothing", "/identities"} {
				none(c.get(path, "Accept", accept))
			}
			for _, path := range []string{"/admin/identities", "/identities", "/admin/identities/x", "/version", "/health/ready", "/self-service/login/browser", "/nothing"} {
				none(s.operator(t).get(path, "Accept", accept))
			}
			none(s.client(t, app).get("/sessions/whoami", "Accept", accept).is(401))
			none(c.send("DELETE", "/sessions", nil, "Accept", accept).is(200))
			none(c.send("DELETE", "/self-service/logout/api", map[string]string{"session_token": c.token}, "Accept", accept).is(204))
		}
		browser := s.client(t, script)
		browser.signIn(p)
		none(browser.whoami().is(200))
		none(browser.get("/sessions").is(200))
	})
}

// TestAppsGetJSON: a form of an app is answered in JSON, errors too, whatever
// the app sends and says it takes.
func TestAppsGetJSON(t *testing.T) {
	onEach(t, "", func(t *testing.T, s *server) {
		off, p := s.person(t), s.person(t)
		s.operator(t).send("PATCH", "/admin/identities/"+off.id, patch("replace", "/state", "inactive")).is(200)
		c := s.client(t, app)
		submit := func(with fields) answer {
			t.Helper()
			values := url.Values{}
			for name, value := range with {
				values.Set(name, value)
			}
			a := c.send("POST", c.begin("login", "").action, values, "Accept", "text/html,*/*")
			if set := a.header["Set-Cookie"]; len(set) > 0 {
				t.Errorf("it sets %s", set)
			}
			return a
		}
		submit(fields{}).saying(400, 4010002)
		submit(off.login()).refused(401, "identity_disabled")
		submit(fields{"password": strings.Repeat("p", 6<<20)}).refused(413, "body_too_large")
		if got := submit(p.login()).is(200).at("session.identity.id").String(); got != p.id {
			t.Errorf("%s signed in, want %s", got, p.id)
		}
	})
}

// TestBadBodies: whatever is sent to a form, the answer is a clear refusal.
func TestBadBodies(t *testing.T) {
	deep := strings.Repeat(`{"a":`, 100) + "1" + strings.Repeat("}", 100)
	bodies := []string{"", "{", "}", "null", "[]", "1", `"text"`, deep, `{"a":1,"a":2}`, `{"method":{}}`, `{"method":["password"]}`, `{"traits":1}`, `{"traits":{"email":{}}}`,
		"{\"identifier\":\"a\\u0000b\"}", "\xff\xfe", `{"identifier":"\ud800"}`, strings.Repeat(" ", 100_000), `{"n":1e999999999}`,
		`{"password":"` + strings.Repeat("p", 100_000) + `","identifier":"a@example.org","method":"password"}`}
	onEach(t, "", func(t *testing.T, s *server) {
		for _, kind := range kindsOfForm {
			for _, style := range []style{app, script} {
				c := s.client(t, style)
				f := c.begin(kind, "")
				for _, body := range bodies {
					if a := c.send("POST", f.action, body); a.status != 400 && a.status != 403 || !json.Valid(a.body) {
						t.Errorf("%s, %s, %.60q: %d %.300s", kind, style, body, a.status, a.body)
					}
				}
				large := c.send("POST", f.action, `{"a":"`+strings.Repeat("a", 5<<20)+`"}`)
				large.refused(413, "body_too_large")
				c.send("POST", f.action, "a=b", "Content-Type", "text/plain").is(400)
				_, with := s.succeeding(t, kind)
				c.finish(f, with) // after all that
			}
		}
		if strings.Contains(s.log.String(), "panic") || strings.Contains(s.log.String(), "level=ERROR") {
			t.Errorf("the log says: %s", s.log)
		}
	})
}

// TestWaysToSubmit: JSON, forms and multipart say the same.
func TestWaysToSubmit(t *testing.T) {
	onEach(t, "", func(t *testing.T, s *server) {
		p := s.person(t)
		nested := fmt.Sprintf(`{"method":"password","identifier":%q,"password":%q}`, p.email, p.password)
		parts := "--b\r\nContent-Disposition: form-data; name=\"method\"\r\n\r\npassword\r\n" +
			"--b\r\nContent-Disposition: form-data; name=\"identifier\"\r\n\r\n" + p.email + "\r\n" +
			"--b\r\nContent-Disposition: form-data; name=\"password\"\r\n\r\n" + p.password + "\r\n--b--\r\n"
		values := url.Values{"method": {"password"}, "identifier": {" " + strings.ToUpper(p.email) + " "}, "password": {p.password}}.Encode()
		old := fmt.Sprintf(`{"method":"password","password_identifier":%q,"password":%q}`, p.email, p.password)
		for kind, bodies := range map[string][]string{"application/json": {nested, old}, "application/json; charset=utf-8": {nested},
			"multipart/form-data; boundary=b": {parts}, "application/x-www-form-urlencoded": {values}} {
			for _, body := range bodies {
				c := s.client(t, app)
				if got := c.send("POST", c.begin("login", "").action, body, "Content-Type", kind).is(200).at("session.identity.id").String(); got != p.id {
					t.Errorf("%s: signed in as %s, want %s", kind, got, p.id)
				}
			}
		}
		for _, email := range []string{strings.ToUpper(p.email), " " + p.email + "\t"} {
			q := p
			q.email = email
			s.client(t, app).signIn(q)
		}
	})
}
