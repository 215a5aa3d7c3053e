package app

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/tidwall/gjson"

	"zelus/internal/auth"
	"zelus/internal/store"
)

const (
	asideCookie = "ory_kratos_continuity"
	otherPass   = "violet-kayak-sings-at-noon"
	// privileged is how long after signing in everything may be changed, by
	// default.
	privileged = time.Hour
)

// profile is a change of one's own data.
func (p person) profile(more fields) fields {
	all := fields{"method": "profile", "traits.email": p.email}
	for name, value := range more {
		all[name] = value
	}
	return all
}

func newPassword(password string) fields { return fields{"method": "password", "password": password} }

// signedIn is a client of a new person.
func (s *server) signedIn(t testing.TB, style style) (*client, person) {
	t.Helper()
	c, p := s.client(t, style), s.person(t)
	c.signIn(p)
	return c, p
}

// changed ends the test unless a submission of one's own account succeeded,
// and gives the form as it is then.
func (c *client) changed(f form, a answer) answer {
	c.t.Helper()
	if c.style == page {
		a.is(303)
		a = c.fetch("settings", f.id)
	}
	a.saying(200, 1050001)
	if got := a.at("state").String(); got != "success" {
		c.t.Fatalf("the state is %q", got)
	}
	if got := a.at("ui.action").String(); got != f.action {
		c.t.Errorf("the form is sent to %q, want %q", got, f.action)
	}
	return a
}

// value is that of a field of a form.
func (a answer) value(name string) gjson.Result {
	return a.at(`ui.nodes.#(attributes.name=="` + name + `").attributes.value`)
}

// knows says whether somebody can sign in with a password.
func (s *server) knows(t testing.TB, email, password string) bool {
	t.Helper()
	c := s.client(t, app)
	return c.submit(c.begin("login", ""), person{email: email, password: password}.login()).status == 200
}

// identity is somebody as an operator sees them.
func (s *server) identity(t testing.TB, p person) answer {
	t.Helper()
	return s.operator(t).get("/admin/identities/" + p.id + "?include_credential=password").is(200)
}

// TestChangingOneself changes traits in each style, several times with one
// form, and sees them everywhere at once.
func TestChangingOneself(t *testing.T) {
	onEach(t, "", func(t *testing.T, s *server) {
		for _, style := range styles {
			t.Run(string(style), func(t *testing.T) {
				c, p := s.signedIn(t, style)
				c.whoami().is(200)
				before := c.secret()
				f := c.begin("settings", "")
				if got := f.json.at("state").String(); got != "show_form" {
					t.Errorf("the state is %q", got)
				}
				if got := f.json.at("identity.id").String(); got != p.id {
					t.Errorf("the form is that of %q", got)
				}
				if f.json.value("traits.email").String() != p.email || f.json.value("traits.name").Exists() {
					t.Errorf("the form does not show what the traits are: %s", f.json.body)
				}
				for _, name := range []string{"Ada", "Augusta", ""} {
					a := c.submit(f, p.profile(fields{"traits.name": name}))
					switch style {
					case page:
						if got, want := a.leads(303, ownPage).query("flow"), f.id; got != want {
							t.Errorf("it leads to the form %q", got)
						}
					case script:
						if got := a.at("continue_with.0.redirect_browser_to").String(); got != ownPage+"?flow="+f.id {
							t.Errorf("it leads to %q", got)
						}
					default:
						if a.at("continue_with").Exists() || len(a.cookies()) > 0 {
							t.Errorf("an app gets %v %s", a.cookies(), a.body)
						}
					}
					if style != app && a.cookies()[sessionCookie] == nil {
						t.Error("a browser gets no session cookie")
					}
					for _, shown := range []answer{c.changed(f, a), c.fetch("settings", f.id).is(200)} {
						if shown.at("identity.traits.name").String() != name || shown.value("traits.name").String() != name {
							t.Errorf("the form shows %s", shown.body)
						}
					}
					if got := c.whoami().is(200).at("identity.traits.name").String(); got != name {
						t.Errorf("whoami says %q, want %q", got, name)
					}
				}
				if !s.knows(t, p.email, p.password) {
					t.Error("the password is gone")
				}
				if style == app && c.secret() != before {
					t.Error("the session has another token")
				}
			})
		}
	})
}

// TestMistakesInOnesData: what is wrong stands on its field, what was typed
// stays, and nothing is changed.
func TestMistakesInOnesData(t *testing.T) {
	onEach(t, "", func(t *testing.T, s *server) {
		for _, style := range styles {
			c, p := s.signedIn(t, style)
			f := c.begin("settings", "")
			refused := func(with fields, message int64) answer {
				t.Helper()
				a := c.submit(f, with)
				if style != page {
					return a.saying(400, message)
				}
				a.leads(303, ownPage)
				return c.fetch("settings", f.id).saying(200, message)
			}
			long := strings.Repeat("x", 2000)
			if got := refused(p.profile(fields{"traits.email": "nobody"}), 4000040).value("traits.email").String(); got != "nobody" {
				t.Errorf("%s: what was typed became %q", style, got)
			}
			if got := refused(p.profile(fields{"traits.name": long}), 4000017).value("traits.name").String(); got != long {
				t.Errorf("%s: what was typed became %q", style, got)
			}
			a := refused(fields{"method": "profile", "traits.name": "Ada"}, 4000002)
			if a.value("traits.email").Exists() || a.value("traits.name").String() != "Ada" {
				t.Errorf("%s: the form does not show what was typed: %s", style, a.body)
			}
			a = refused(p.profile(fields{"traits.shoe": "44", "traits.name": "Ada"}), 4000001)
			if bytes.Contains(a.body, []byte("traits.shoe")) {
				t.Errorf("%s: a field that the schema does not have is shown: %s", style, a.body)
			}
			for _, nothing := range []fields{{}, {"traits.email": p.email}, {"method": "telepathy"}, {"method": "Profile"}} {
				if got := refused(nothing, 4010004).value("traits.email").String(); got != p.email {
					t.Errorf("%s: the form shows %q", style, got)
				}
			}
			if a := c.fetch("settings", f.id); a.at("state").String() != "show_form" {
				t.Errorf("%s: the state is %s", style, a.at("state"))
			}
			if got := s.identity(t, p).at("traits").Raw; got != `{"email":"`+p.email+`"}` {
				t.Errorf("%s: the traits are %s", style, got)
			}
			c.changed(f, c.submit(f, p.profile(nil)))
			if a := refused(p.profile(fields{"traits.email": "nobody"}), 4000040); a.at("state").String() != "success" {
				t.Errorf("%s: a mistake after a success makes the state %s", style, a.at("state"))
			}
		}
	})
}

// TestChangingOnesAddress: who signs in, and where they are reached, follows.
func TestChangingOnesAddress(t *testing.T) {
	onEach(t, "", func(t *testing.T, s *server) {
		c, p := s.signedIn(t, app)
		s.operator(t).send("PATCH", "/admin/identities/"+p.id, patch("replace", "/verifiable_addresses/0/verified", true)).is(200)
		f := c.begin("settings", "")
		a := c.changed(f, c.submit(f, p.profile(fields{"traits.name": "Ada"})))
		if !a.at("identity.verifiable_addresses.0.verified").Bool() {
			t.Error("a change of something else unproves the address")
		}

		old, taken := p.email, s.person(t)
		for _, email := range []string{taken.email, strings.ToUpper(taken.email)} {
			a := c.submit(f, fields{"method": "profile", "traits.email": email}).saying(400, 4000007)
			if a.value("traits.email").String() != email || a.at("identity.traits.email").String() != old {
				t.Errorf("the form shows %s", a.body)
			}
		}
		p.email = stranger().email
		a = c.changed(f, c.submit(f, p.profile(nil)))
		for path, want := range map[string]string{"identity.verifiable_addresses.#": "1", "identity.verifiable_addresses.0.value": p.email,
			"identity.verifiable_addresses.0.verified": "false", "identity.verifiable_addresses.0.status": "pending",
			"identity.recovery_addresses.#": "1", "identity.recovery_addresses.0.value": p.email} {
			if got := a.at(path).String(); got != want {
				t.Errorf("%s is %q, want %q", path, got, want)
			}
		}
		if s.knows(t, old, p.password) || !s.knows(t, p.email, p.password) {
			t.Error("signing in does not follow the address")
		}
		upper := strings.ToUpper(p.email)
		c.changed(f, c.submit(f, fields{"method": "profile", "traits.email": upper}))
		if a := s.identity(t, p); a.at("traits.email").String() != upper || a.at("credentials.password.identifiers.0").String() != p.email {
			t.Errorf("in capitals it is %s", a.body)
		}
		// The former address is free again.
		heir := s.client(t, app)
		heir.finish(heir.begin("registration", ""), person{email: old, password: otherPass}.signUp())
	})
}

// TestTakenWithHints: who wants a taken address is told how its owner signs
// in, where the configuration allows that, and never about themselves.
func TestTakenWithHints(t *testing.T) {
	onEach(t, "selfservice: {flows: {registration: {login_hints: true}}}", func(t *testing.T, s *server) {
		c, _ := s.signedIn(t, app)
		taken := s.person(t)
		a := c.submit(c.begin("settings", ""), fields{"method": "profile", "traits.email": taken.email}).saying(400, 4000028)
		if got := a.at("ui.messages.0.context.credential_identifier_hint").String(); got != taken.email {
			t.Errorf("the hint is %q", got)
		}
	})
}

// TestChangingOnesPassword: the policy is that of signing up, and the old
// password is of no use from then on.
func TestChangingOnesPassword(t *testing.T) {
	onEach(t, "", func(t *testing.T, s *server) {
		for _, style := range styles {
			c, p := s.signedIn(t, style)
			f := c.begin("settings", "")
			for given, message := range map[string]int64{"": 4000002, "short": 4000032, p.email: 4000031, "password": 4000034, p.password: 4000039} {
				a := c.submit(f, newPassword(given))
				if style == page {
					a.leads(303, ownPage)
					a = c.fetch("settings", f.id).saying(200, message)
				} else {
					a.saying(400, message)
				}
				if a.at(`ui.nodes.#(attributes.name=="password").messages.0.id`).Int() != message || a.value("password").Exists() {
					t.Errorf("%s: the message is not on the field, or the password is shown: %s", style, a.body)
				}
			}
			c.changed(f, c.submit(f, newPassword(otherPass)))
			if s.knows(t, p.email, p.password) || !s.knows(t, p.email, otherPass) {
				t.Errorf("%s: the password was not changed", style)
			}
			c.whoami().is(200)
		}
	})
}

// TestFirstPassword: who signs in with a social account can have a password
// too, and so can who has a hash that nothing can be checked against.
func TestFirstPassword(t *testing.T) {
	onEach(t, "", func(t *testing.T, s *server) {
		p := stranger()
		p.id = s.operator(t).send("POST", "/admin/identities", map[string]any{"traits": fields{"email": p.email}, "credentials": map[string]any{
			"password": map[string]any{"config": fields{"password": p.password}},
			"oidc":     map[string]any{"config": map[string]any{"providers": []any{fields{"provider": "x", "subject": "1"}}}}}}).is(201).at("id").String()
		c := s.client(t, app)
		c.signIn(p)
		s.operator(t).send("DELETE", "/admin/identities/"+p.id+"/credentials/password", nil).is(204)
		f := c.begin("settings", "")
		c.changed(f, c.submit(f, newPassword(p.password)))
		if !s.knows(t, p.email, p.password) {
			t.Error("the first password does not work")
		}
		if got := s.identity(t, p).at("credentials.oidc.type").String(); got != "oidc" {
			t.Error("the social account is gone")
		}
	})
}

// TestSettingsNeedASession: nobody else sees a form or learns that there is one.
func TestSettingsNeedASession(t *testing.T) {
	onEach(t, "", func(t *testing.T, s *server) {
		c, p := s.signedIn(t, app)
		real := c.begin("settings", "").id
		for _, id := range []string{real, "3b0ba2c9-7d31-4f49-8f4e-0d2a3c0e5b11", "00000000-0000-0000-0000-000000000000", "x", ""} {
			for _, style := range []style{app, script} {
				c := s.client(t, style)
				c.fetch("settings", id).refused(401, "session_inactive")
				c.send("POST", "/self-service/settings?flow="+id, p.profile(nil)).refused(401, "session_inactive")
				c.get("/self-service/settings?flow="+id).refused(401, "session_inactive")
			}
			c := s.client(t, page)
			c.get("/self-service/settings/flows?id="+id).leads(302, loginPage)
			c.send("POST", "/self-service/settings?flow="+id, url.Values{"method": {"profile"}}).leads(302, loginPage)
			c.get("/self-service/settings?flow="+id).leads(302, loginPage)
		}
		s.client(t, app).get("/self-service/settings/api").refused(401, "session_inactive")
		s.client(t, script).get("/self-service/settings/browser").refused(401, "session_inactive")
		s.client(t, page).get("/self-service/settings/browser").leads(303, s.public+"/self-service/login/browser")
		a := s.client(t, page).get("/self-service/settings/browser?return_to="+url.QueryEscape(welcome)).leads(303, s.public+"/self-service/login/browser")
		if got := a.query("return_to"); got != welcome {
			t.Errorf("it returns to %q", got)
		}
	})
}

// TestSettingsAreOnesOwn: a form belongs to whoever began it, and a browser's
// form to that browser besides.
func TestSettingsAreOnesOwn(t *testing.T) {
	onEach(t, "", func(t *testing.T, s *server) {
		submit := func(mine form, thief *client) answer {
			own := thief.begin("settings", "")
			return thief.submit(form{action: mine.action, csrf: own.csrf}, fields{"method": "profile", "traits.email": "stolen@example.org"})
		}
		fetch := func(mine form, thief *client) answer { return thief.fetch("settings", mine.id) }
		for _, mine := range styles {
			for _, theirs := range styles {
				for what, try := range map[string]func(form, *client) answer{"fetch": fetch, "submit": submit} {
					c, p := s.signedIn(t, mine)
					f := c.begin("settings", "")
					before := s.identity(t, p).at("updated_at").String()
					thief, _ := s.signedIn(t, theirs)
					a := try(f, thief)
					if what == "submit" && theirs == page && mine != app {
						a.leads(303, errorPage)
					} else {
						a.refused(403, "security_identity_mismatch")
					}
					if got := s.identity(t, p).at("updated_at").String(); got != before {
						t.Errorf("%s of a form of %s by %s changed its owner", what, mine, theirs)
					}
				}
			}
		}
		// The same person in another browser.
		c, p := s.signedIn(t, script)
		f := c.begin("settings", "")
		for _, theirs := range styles {
			other := s.client(t, theirs)
			other.signIn(p)
			other.fetch("settings", f.id).refused(403, "security_csrf_violation")
			a := submit(f, other)
			if theirs == page {
				a.leads(303, errorPage)
			} else {
				a.refused(403, "security_csrf_violation")
			}
		}
		// A form of another kind.
		for _, kind := range kindsOfForm {
			other := s.client(t, script)
			id := other.begin(kind, "").id
			c.fetch("settings", id).refused(404, "self_service_flow_not_found")
			c.send("POST", "/self-service/settings?flow="+id, fields{"csrf_token": f.csrf}).refused(404, "self_service_flow_not_found")
			c.fetch(kind, f.id).refused(404, "self_service_flow_not_found")
		}
		c.changed(f, c.submit(f, p.profile(nil)))
	})
}

// TestSettingsCSRF: what another site makes somebody's browser send changes
// nothing.
func TestSettingsCSRF(t *testing.T) {
	onEach(t, "", func(t *testing.T, s *server) {
		foreign := s.client(t, script).begin("login", "").csrf
		for _, style := range []style{script, page} {
			for what, attack := range map[string]func(*client, form, fields) answer{
				"no token":      func(c *client, f form, with fields) answer { with["csrf_token"] = ""; return c.submit(f, with) },
				"another token": func(c *client, f form, with fields) answer { with["csrf_token"] = foreign; return c.submit(f, with) },
				"another site": func(c *client, f form, with fields) answer {
					return c.submit(f, with, "Origin", "https://evil.example")
				},
				"as its browser says": func(c *client, f form, with fields) answer {
					return c.submit(f, with, "Sec-Fetch-Site", "cross-site", "Origin", "https://evil.example")
				},
				"without the cookie": func(c *client, f form, with fields) answer {
					session := c.cookie(sessionCookie)
					jar := c.http.Jar
					defer func() { c.http.Jar = jar }()
					c.http.Jar = nil
					return c.submit(f, with, "Cookie", sessionCookie+"="+session)
				},
			} {
				c, p := s.signedIn(t, style)
				f := c.begin("settings", "")
				for _, with := range []fields{p.profile(fields{"traits.name": "Eve"}), newPassword(otherPass)} {
					a := attack(c, f, with)
					if style == page {
						a.leads(303, errorPage)
					} else {
						a.refused(403, "security_csrf_violation")
					}
				}
				if s.identity(t, p).at("traits.name").Exists() || !s.knows(t, p.email, p.password) {
					t.Errorf("%s, %s: it changed something", style, what)
				}
				// With the parameters in the address, nothing is sent at all.
				a := c.get(f.action + "&method=profile&traits.email=x@example.org&csrf_token=" + url.QueryEscape(f.csrf))
				if style == page {
					a.leads(303, ownPage)
				} else {
					a.refused(403, "security_csrf_violation")
				}
			}
		}
		c, p := s.signedIn(t, app)
		f := c.begin("settings", "")
		c.submit(f, p.profile(fields{"traits.name": "Eve"}), "Origin", "https://evil.example").saying(400, 4000001)
		c.submit(f, p.profile(fields{"traits.name": "Eve"}), "Cookie", "a=b").saying(400, 4000001)
		if s.identity(t, p).at("traits.name").Exists() {
			t.Error("an app's form was taken from a browser")
		}
	})
}

// TestSettingsOfAnEndedSession: a form that was open when its session ended is
// of no use.
func TestSettingsOfAnEndedSession(t *testing.T) {
	onEach(t, "", func(t *testing.T, s *server) {
		for what, end := range map[string]func(o *client, p person){
			"revoked": func(o *client, p person) { o.send("DELETE", "/admin/identities/"+p.id+"/sessions", nil).is(204) },
			"switched off": func(o *client, p person) {
				o.send("PATCH", "/admin/identities/"+p.id, patch("replace", "/state", "inactive")).is(200)
			},
			"deleted": func(o *client, p person) { o.send("DELETE", "/admin/identities/"+p.id, nil).is(204) },
		} {
			for _, style := range styles {
				c, p := s.signedIn(t, style)
				f := c.begin("settings", "")
				end(s.operator(t), p)
				for _, with := range []fields{p.profile(fields{"traits.name": "Ada"}), newPassword(otherPass)} {
					a := c.submit(f, with)
					if style == page {
						a.leads(302, loginPage)
					} else {
						a.refused(401, "session_inactive")
					}
				}
				if what != "deleted" && s.identity(t, p).at("traits.name").Exists() {
					t.Errorf("%s: it was changed", what)
				}
			}
		}
	})
}

// TestSettingsExpire: who was away for too long gets a new form.
func TestSettingsExpire(t *testing.T) {
	onEach(t, "selfservice: {flows: {settings: {lifespan: 10m}}}", func(t *testing.T, s *server) {
		for _, style := range styles {
			c, p := s.signedIn(t, style)
			f := c.begin("settings", "return_to="+url.QueryEscape(welcome))
			s.clock.advance(10*time.Minute - time.Microsecond)
			c.fetch("settings", f.id).is(200)
			s.clock.advance(time.Microsecond)
			c.fetch("settings", f.id).refused(410, "self_service_flow_expired")
			a := c.submit(f, p.profile(fields{"traits.name": "Ada"}))
			var fresh string
			if style == page {
				fresh = a.leads(303, ownPage).query("flow")
			} else {
				fresh = a.refused(410, "self_service_flow_expired").at("use_flow_id").String()
			}
			again := c.fetch("settings", fresh).saying(200, 4050001)
			if again.at("return_to").String() != welcome || again.at("identity.traits.name").Exists() {
				t.Errorf("%s: the new form is %s", style, again.body)
			}
			f = c.opened("settings", again)
			a = c.submit(f, p.profile(fields{"traits.name": "Ada"}))
			if style == page {
				a.leads(303, welcome)
			}
			c.changed(f, a)
			// Somebody else's expired form makes nobody a new one.
			s.clock.advance(10 * time.Minute)
			thief, _ := s.signedIn(t, app)
			thief.send("POST", f.action, fields{}).refused(403, "security_identity_mismatch")
		}
	})
}

// TestSettingsReturn: where a browser goes after a change.
func TestSettingsReturn(t *testing.T) {
	const more = `selfservice: {flows: {settings: {after: {default_browser_return_url: "https://app.example.org/changed",
  password: {default_browser_return_url: "https://app.example.org/safer"}}}}}`
	onEach(t, more, func(t *testing.T, s *server) {
		for _, test := range []struct {
			asked, want string
			with        func(person) fields
		}{
			{"", "https://app.example.org/changed", func(p person) fields { return p.profile(nil) }},
			{"", "https://app.example.org/safer", func(person) fields { return newPassword(otherPass) }},
			{"return_to=" + url.QueryEscape(welcome), welcome, func(p person) fields { return p.profile(nil) }},
		} {
			c, p := s.signedIn(t, page)
			c.submit(c.begin("settings", test.asked), test.with(p)).leads(303, test.want)
			c, p = s.signedIn(t, script)
			if got := c.submit(c.begin("settings", test.asked), test.with(p)).is(200).at("continue_with.0.redirect_browser_to").String(); got != test.want {
				t.Errorf("a script is led to %q, want %q", got, test.want)
			}
		}
		c, _ := s.signedIn(t, script)
		c.get("/self-service/settings/browser?return_to="+url.QueryEscape("https://evil.example")).refused(400, "self_service_flow_return_to_forbidden")
	})
}

// TestSettingsEndOtherSessions: with the hook, a new password ends all other
// sessions, those that answer from memory too, and not the present one.
func TestSettingsEndOtherSessions(t *testing.T) {
	const more = `selfservice: {flows: {settings: {after: {password: {hooks: [{hook: revoke_active_sessions}]}}}}}`
	onEach(t, more, func(t *testing.T, s *server) {
		for _, style := range styles {
			c, p := s.signedIn(t, style)
			other := s.client(t, app)
			other.signIn(p)
			other.whoami().is(200)
			f := c.begin("settings", "")
			c.changed(f, c.submit(f, p.profile(fields{"traits.name": "Ada"})))
			other.whoami().is(200)
			c.changed(f, c.submit(f, newPassword(otherPass)))
			other.whoami().refused(401, "session_inactive")
			c.whoami().is(200)
		}
	})
}

// TestSwitchedOffMethods: a method that is switched off is neither shown nor
// taken.
func TestSwitchedOffMethods(t *testing.T) {
	onEach(t, "selfservice: {methods: {profile: {enabled: false}}}", func(t *testing.T, s *server) {
		c, p := s.signedIn(t, app)
		f := c.begin("settings", "")
		if bytes.Contains(f.json.body, []byte(`"profile"`)) {
			t.Errorf("the form has it: %s", f.json.body)
		}
		c.submit(f, p.profile(fields{"traits.name": "Ada"})).refused(404, "self_service_method_disabled")
	})
}

// TestOldSessions: in a session that is too old only what is harmless changes.
func TestOldSessions(t *testing.T) {
	onEach(t, "selfservice: {flows: {settings: {lifespan: 24h}}}", func(t *testing.T, s *server) {
		for _, style := range styles {
			t.Run(string(style), func(t *testing.T) {
				c, p := s.signedIn(t, style)
				f := c.begin("settings", "")
				s.clock.advance(privileged - time.Microsecond)
				c.changed(f, c.submit(f, newPassword(otherPass)))
				s.clock.advance(time.Microsecond)

				refresh := s.public + "/self-service/login/browser"
				email := stranger().email
				for _, with := range []fields{newPassword(p.password), newPassword(otherPass), newPassword("x"), newPassword(""),
					p.profile(fields{"traits.email": email}), p.profile(fields{"traits.email": email, "traits.name": "Eve"})} {
					a := c.submit(f, with)
					to := ""
					if style == page {
						to = a.leads(303, refresh).header.Get("Location")
					} else {
						a.refused(403, "session_refresh_required")
						to = a.at("redirect_browser_to").String()
					}
					q := mustURL(t, to).Query()
					if q.Get("refresh") != "true" || q.Get("return_to") != f.action {
						t.Errorf("it leads to %q", to)
					}
					if (a.cookies()[asideCookie] != nil) != (style != app) {
						t.Errorf("it sets the cookies %v", a.cookies())
					}
				}
				if a := s.identity(t, p); a.at("traits.name").Exists() || a.at("traits.email").String() != p.email || !s.knows(t, p.email, otherPass) {
					t.Error("an old session changed something")
				}
				// What is wrong is said before, what is harmless is done.
				a := c.submit(f, p.profile(fields{"traits.email": "nobody"}))
				if style != page {
					a.saying(400, 4000040)
				}
				c.changed(f, c.submit(f, p.profile(fields{"traits.name": "Ada"})))

				p.password = otherPass
				c.finish(c.begin("login", "refresh=true"), p.login())
				p.email = email
				f = c.begin("settings", "")
				c.changed(f, c.submit(f, p.profile(nil)))
				if !s.knows(t, email, otherPass) {
					t.Error("the address was not changed after a fresh proof")
				}
			})
		}
	})
}

// setAside has somebody's new password wait for a fresh proof.
func setAside(t testing.TB, s *server, style style) (*client, person, form) {
	t.Helper()
	c, p := s.signedIn(t, style)
	f := c.begin("settings", "return_to="+url.QueryEscape(welcome))
	s.clock.advance(privileged)
	f2 := c.opened("settings", c.fetch("settings", f.id).is(200))
	a := c.submit(f2, newPassword(otherPass))
	if a.cookies()[asideCookie] == nil {
		t.Fatalf("nothing was set aside: %d %s", a.status, a.body)
	}
	return c, p, f2
}

// prove signs somebody in once more, because of a form that waits for it.
func (c *client) prove(p person, f form) {
	c.t.Helper()
	a := c.submit(c.begin("login", "refresh=true&return_to="+url.QueryEscape(f.action)), p.login())
	if a.cookies()[sessionCookie] == nil {
		c.t.Fatalf("the proof failed: %d %s", a.status, a.body)
	}
}

// back follows a browser to the form that it was led away from.
func (c *client) back(f form) answer {
	c.t.Helper()
	return c.send("GET", f.action, nil, "Accept", "text/html")
}

const longForms = "selfservice: {flows: {settings: {lifespan: 24h}}}"

// TestInterruptedChange: what somebody wanted to change is changed once they
// have proven themselves again.
func TestInterruptedChange(t *testing.T) {
	onEach(t, longForms, func(t *testing.T, s *server) {
		for _, style := range []style{script, page} {
			c, p, f := setAside(t, s, style)
			// Coming back without a proof leads to it again, and takes nothing.
			if a := c.back(f).leads(303, s.public+"/self-service/login/browser"); len(a.cookies()) > 0 {
				t.Errorf("%s: it sets the cookies %v", style, a.cookies())
			}
			if s.knows(t, p.email, otherPass) {
				t.Fatal("it was changed without a proof")
			}
			c.prove(p, f)
			a := c.back(f).leads(303, welcome)
			if k := a.cookies()[asideCookie]; k == nil || k.MaxAge >= 0 {
				t.Errorf("%s: the cookie stays: %v", style, a.cookies())
			}
			c.fetch("settings", f.id).saying(200, 1050001)
			if s.knows(t, p.email, p.password) || !s.knows(t, p.email, otherPass) {
				t.Errorf("%s: the password was not changed", style)
			}
			c.back(f).leads(303, ownPage)
		}
		// With a mistake in it the form says so.
		c, p := s.signedIn(t, page)
		f := c.begin("settings", "")
		s.clock.advance(privileged)
		c.submit(f, newPassword("short")).is(303)
		c.prove(p, f)
		c.back(f).leads(303, ownPage)
		c.fetch("settings", f.id).saying(200, 4000032)
		// An address, too.
		c, p = s.signedIn(t, page)
		f = c.begin("settings", "")
		s.clock.advance(privileged)
		email := stranger().email
		c.submit(f, p.profile(fields{"traits.email": email})).is(303)
		c.prove(p, f)
		c.back(f).leads(303, ownPage)
		if got := s.identity(t, p).at("traits.email").String(); got != email {
			t.Errorf("the address is %q", got)
		}
	})
}

// TestInterruptedChangeIsSafe: what waits belongs to one browser, one form and
// one person, for a while, and once.
func TestInterruptedChangeIsSafe(t *testing.T) {
	cookie := func(c *client, name, value string) {
		c.http.Jar.SetCookies(mustURL(c.t, c.s.public), []*http.Cookie{{Name: name, Value: value, Path: "/"}})
	}
	onEach(t, longForms, func(t *testing.T, s *server) {
		unchanged := func(p person) {
			t.Helper()
			if s.knows(t, p.email, otherPass) {
				t.Fatal("the password was changed")
			}
		}
		t.Run("replayed", func(t *testing.T) {
			c, p, f := setAside(t, s, page)
			kept := c.cookie(asideCookie)
			c.prove(p, f)
			c.back(f).leads(303, welcome)
			own := c.begin("settings", "")
			c.changed(own, c.submit(own, newPassword(p.password+"2")))
			cookie(c, asideCookie, kept)
			c.back(f).leads(303, ownPage)
			unchanged(p)
		})
		t.Run("at once", func(t *testing.T) {
			c, p, f := setAside(t, s, page)
			c.prove(p, f)
			var cookies []string
			for _, k := range c.http.Jar.Cookies(mustURL(t, s.public)) {
				cookies = append(cookies, k.String())
			}
			c.http.Jar = nil
			var all sync.WaitGroup
			led := make(chan string, 8)
			for range cap(led) {
				all.Go(func() {
					a, err := c.try("GET", f.action, nil, "Accept", "text/html", "Cookie", strings.Join(cookies, "; "))
					if err != nil {
						t.Error(err)
					}
					led <- a.location()
				})
			}
			all.Wait()
			close(led)
			n := 0
			for to := range led {
				if to == welcome {
					n++
				}
			}
			if n != 1 {
				t.Errorf("it was taken %d times", n)
			}
		})
		t.Run("another browser of the same person", func(t *testing.T) {
			c, p, f := setAside(t, s, page)
			other := s.client(t, page)
			other.signIn(p)
			cookie(other, asideCookie, c.cookie(asideCookie))
			other.back(f).leads(303, errorPage)
			cookie(other, asideCookie, strings.Repeat("a", 43))
			other.back(f).leads(303, errorPage)
			unchanged(p)
		})
		t.Run("a guessed cookie", func(t *testing.T) {
			c, p, f := setAside(t, s, page)
			c.prove(p, f)
			kept, others := c.cookie(asideCookie), sessionCookie+"="+c.cookie(sessionCookie)+"; "+s.csrfCookie(t)+"="+c.cookie("csrf_token_")
			forger := s.client(t, app)
			for _, guess := range append(forgeries(kept, ""), strings.Repeat("a", len(kept))) {
				if guess == "" {
					continue
				}
				a := forger.send("GET", f.action, nil, "Accept", "text/html", "Cookie", others+"; "+asideCookie+"="+guess)
				a.leads(303, ownPage)
			}
			unchanged(p)
		})
		t.Run("signed in again for another reason", func(t *testing.T) {
			c, p, f := setAside(t, s, page)
			a := c.submit(c.begin("login", "refresh=true&return_to="+url.QueryEscape(welcome)), p.login()).leads(303, welcome)
			if gone := a.cookies()[asideCookie]; gone == nil || gone.MaxAge >= 0 {
				t.Errorf("what waits is not given up: %v", a.header)
			}
			c.back(f).leads(303, ownPage)
			unchanged(p)
		})
		t.Run("too large", func(t *testing.T) {
			c, _ := s.signedIn(t, script)
			f := c.begin("settings", "")
			s.clock.advance(privileged)
			c.submit(f, newPassword(strings.Repeat("x", 40_000))).refused(413, "body_too_large")
		})
		t.Run("many at once", func(t *testing.T) {
			c, p := s.signedIn(t, script)
			f := c.begin("settings", "")
			s.clock.advance(privileged)
			for n := range 5 {
				c.submit(f, newPassword(otherPass+fmt.Sprint(n))).refused(403, "session_refresh_required")
			}
			first := c.cookie(asideCookie)
			c.submit(f, newPassword(otherPass)).refused(403, "session_refresh_required")
			last := c.cookie(asideCookie)
			c.prove(p, f)
			cookie(c, asideCookie, first) // only the last one waits
			c.back(f).leads(303, ownPage)
			unchanged(p)
			cookie(c, asideCookie, last)
			if c.back(f); !s.knows(t, p.email, otherPass) {
				t.Error("the last change was not made")
			}
		})
		t.Run("another form", func(t *testing.T) {
			c, p, f := setAside(t, s, page)
			c.prove(p, f)
			other := c.begin("settings", "")
			c.back(other).leads(303, ownPage)
			unchanged(p)
			c.back(f).leads(303, welcome) // it still waits
		})
		t.Run("another person in the same browser", func(t *testing.T) {
			c, p, f := setAside(t, s, page)
			thief, q := s.signedIn(t, page)
			own := thief.begin("settings", "")
			cookie(thief, asideCookie, c.cookie(asideCookie))
			thief.back(f).leads(303, errorPage)
			thief.back(own).leads(303, ownPage)
			unchanged(p)
			if s.knows(t, q.email, otherPass) {
				t.Error("the thief has the password")
			}
		})
		t.Run("just in time", func(t *testing.T) {
			c, p, f := setAside(t, s, page)
			s.clock.advance(15*time.Minute - time.Microsecond)
			c.prove(p, f)
			c.back(f).leads(303, welcome)
			if !s.knows(t, p.email, otherPass) {
				t.Error("the password was not changed")
			}
		})
		t.Run("too late", func(t *testing.T) {
			c, p, f := setAside(t, s, page)
			s.clock.advance(15 * time.Minute)
			c.prove(p, f)
			c.back(f).leads(303, ownPage)
			unchanged(p)
		})
		t.Run("signed out meanwhile", func(t *testing.T) {
			c, p, f := setAside(t, s, page)
			c.get(c.get("/self-service/logout/browser", "Accept", "application/json").is(200).at("logout_url").String()).is(303)
			c.back(f).leads(302, loginPage)
			c.signIn(p)
			c.back(f).leads(303, errorPage)
			unchanged(p)
		})
	})
}

// TestNothingWaitsInTheClear: no password stands in the database files.
func TestNothingWaitsInTheClear(t *testing.T) {
	s := start(t, setup{more: longForms})
	c, p, f := setAside(t, s, page)
	secrets := []string{otherPass, c.cookie(asideCookie)}
	s.hides(t, "a change waits", p.email, secrets...)
	c.prove(p, f)
	c.back(f).leads(303, welcome)
	s.hides(t, "it is made", p.email, secrets...)
}

// TestSettingsAskForTwo: who has a second factor proves it before they see
// their account.
func TestSettingsAskForTwo(t *testing.T) {
	onEach(t, "", func(t *testing.T, s *server) {
		for _, style := range styles {
			c, p := s.signedIn(t, style)
			f := c.begin("settings", "")
			s.secondFactor(t, p)
			step := s.public + "/self-service/login/browser"
			demands := func(a answer, back string, led bool) {
				t.Helper()
				to := a.header.Get("Location")
				if led {
					a.leads(303, step)
				} else {
					to = a.refused(403, "session_aal2_required").at("redirect_browser_to").String()
				}
				if q := mustURL(t, to).Query(); q.Get("aal") != "aal2" || q.Get("return_to") != back {
					t.Errorf("%s: it leads to %q, not back to %q", style, to, back)
				}
			}
			demands(c.fetch("settings", f.id), ownPage+"?flow="+f.id, false)
			demands(c.submit(f, p.profile(fields{"traits.name": "Ada"})), f.action, style == page)
			demands(c.submit(f, newPassword(otherPass)), f.action, style == page)
			path := "/self-service/settings/browser"
			if style == app {
				demands(c.get("/self-service/settings/api?return_to="+url.QueryEscape(welcome)), "", false)
			} else {
				demands(c.get(path), "", style == page)
				path += "?return_to=" + url.QueryEscape(welcome)
				demands(c.get(path), s.public+path, style == page)
			}
			if s.identity(t, p).at("traits.name").Exists() {
				t.Error("one factor changed something")
			}
		}
	})
	t.Run("one is enough", func(t *testing.T) {
		onEach(t, "{selfservice: {flows: {settings: {required_aal: aal1}}}, session: {whoami: {required_aal: aal1}}}", func(t *testing.T, s *server) {
			c, p := s.signedIn(t, app)
			s.secondFactor(t, p)
			c.begin("settings", "")
		})
	})
}

// useApps switches authenticator apps on.
func (s *server) useApps(t testing.TB) {
	t.Helper()
	p := *s.app.now.Load()
	c := *p.config
	c.SelfService.Methods.TOTP.Enabled = true
	p.config = &c
	if err := s.app.put(&p); err != nil {
		t.Fatal(err)
	}
}

// secondFactor makes somebody one who can reach two factors.
func (s *server) secondFactor(t testing.TB, p person) {
	t.Helper()
	s.useApps(t)
	before, err := s.app.identities.Get(t.Context(), uuid.MustParse(p.id))
	if err != nil {
		t.Fatal(err)
	}
	after := *before
	after.Factors, after.UpdatedAt = before.Factors|auth.FactorTOTP, before.UpdatedAt.Add(time.Microsecond)
	err = s.app.store.Write(t.Context(), store.Durable, func(tx *store.Tx) error {
		return tx.UpdateIdentity(t.Context(), before, &after)
	})
	if err != nil {
		t.Fatal(err)
	}
}

// TestFormsKeepWhatTheyCannotSend: an HTML form takes nothing away that it has
// no field for; a program says all that there shall be. What is in a disabled field
// stays, whoever says what.
func TestFormsKeepWhatTheyCannotSend(t *testing.T) {
	const document = `{"properties":{"traits":{"type":"object","properties":{
		"email":{"type":"string","format":"email","ory.sh/kratos":{"credentials":{"password":{"identifier":true}}}},
		"name":{"type":"string"},"number":{"type":"integer"},"badge":{"type":"string","disableFormField":true}, "homes":{"type":"array","items":{"type":"object"}}}}}}`
	more := "identity: {default_schema_id: open, schemas: [{id: open, url: \"base64://" + base64.StdEncoding.EncodeToString([]byte(document)) + "\"}]}"
	onEach(t, more, func(t *testing.T, s *server) {
		for style, want := range map[style]string{
			page: `{"badge":"7","email":"%s","name":"Ada","number":9007199254740993,"homes":[{"town":"Ockham"}]}`,
			app:  `{"badge":"7","email":"%s","name":"Ada","number":9007199254740993}`,
		} {
			p := stranger()
			p.id = s.operator(t).send("POST", "/admin/identities", map[string]any{
				"traits":      map[string]any{"email": p.email, "name": "A.", "number": json.Number("9007199254740993"), "badge": "7", "homes": []any{fields{"town": "Ockham"}}},
				"credentials": map[string]any{"password": map[string]any{"config": fields{"password": p.password}}}}).is(201).at("id").String()
			c := s.client(t, style)
			c.signIn(p)
			f := c.opened("settings", c.fetch("settings", c.begin("settings", "").id).is(200))
			// The badge is not theirs to change: its field is disabled.
			with := p.profile(fields{"traits.name": "Ada", "traits.number": f.json.value("traits.number").Raw, "traits.badge": "admin"})
			c.changed(f, c.submit(f, with))
			if got, want := s.identity(t, p).at("traits").Raw, fmt.Sprintf(want, p.email); got != want {
				t.Errorf("%s: the traits are %s, want %s", style, got, want)
			}
			if style != page {
				continue
			}
			// What others change of it meanwhile stays as well.
			var all sync.WaitGroup
			const last = 20
			o := s.operator(t)
			all.Go(func() {
				for n := range last + 1 {
					if a, err := o.try("PATCH", "/admin/identities/"+p.id, patch("replace", "/traits/badge", fmt.Sprint(n))); err != nil || a.status != 200 {
						t.Errorf("%d %s %v", a.status, a.body, err)
					}
				}
			})
			all.Go(func() {
				for n := range last {
					with["traits.name"] = fmt.Sprint(n)
					if a, err := c.try("POST", f.action, c.body(f, with)); err != nil || a.location() != ownPage {
						t.Errorf("%d %s %v", a.status, a.body, err)
					}
				}
			})
			all.Wait()
			if got := s.identity(t, p).at("traits.badge").String(); got != fmt.Sprint(last) {
				t.Errorf("the badge is %q, want %d", got, last)
			}
		}
	})
}

// TestFormsHoldNoTraits: what is stored of somebody is not stored a second time
// with each form that shows it, and does not stay when they are deleted.
func TestFormsHoldNoTraits(t *testing.T) {
	const document = `{"properties":{"traits":{"type":"object","properties":{
		"email":{"type":"string","format":"email","ory.sh/kratos":{"credentials":{"password":{"identifier":true}}}},
		"name":{"type":"string"},"tags":{"type":"array","items":{"type":"string"}}}}}}`
	s := start(t, setup{more: "identity: {default_schema_id: person, schemas: [{id: person, url: \"base64://" + base64.StdEncoding.EncodeToString([]byte(document)) + "\"}]}"})
	for _, style := range styles {
		c, p := s.signedIn(t, style)
		long := strings.Repeat("long ", 8)
		for name, value := range map[string]any{"name": long, "tags": []string{"long long tag"}} {
			s.operator(t).send("PATCH", "/admin/identities/"+p.id, patch("add", "/traits/"+name, value)).is(200)
		}
		f := c.begin("settings", "")
		stored := func(when string) {
			t.Helper()
			kept, err := s.app.store.Flow(t.Context(), auth.DefaultProject, auth.Settings, uuid.MustParse(f.id))
			if err != nil {
				t.Fatal(err)
			}
			if text, _ := json.Marshal(kept); bytes.Contains(text, []byte(p.email)) || bytes.Contains(text, []byte("long long")) {
				t.Errorf("%s, %s: the stored form holds traits", style, when)
			}
		}
		stored("new")
		if got := c.fetch("settings", f.id).is(200); got.value("traits.name").String() != long || got.value("traits.tags").Raw != `["long long tag"]` || got.value("traits.email").String() != p.email {
			t.Errorf("%s: the form shows %.200s", style, got.body)
		}
		c.submit(f, newPassword("short"))
		stored("with a mistake elsewhere")
		c.changed(f, c.submit(f, p.profile(fields{"traits.name": "Ada"})))
		stored("after a change")
		if got := c.fetch("settings", f.id).is(200); got.value("traits.name").String() != "Ada" {
			t.Errorf("%s: the form shows %.200s", style, got.body)
		}
		// What was typed with a mistake is kept, because it is nowhere else.
		c.submit(f, p.profile(fields{"traits.email": "no address"}))
		if got := c.fetch("settings", f.id).is(200); got.value("traits.email").String() != "no address" {
			t.Errorf("%s: the form shows %.200s", style, got.body)
		}
	}
}

// TestCopiedCookieEndsWithAChange: a cookie that somebody copied changes nothing
// any more once its owner has changed how they sign in, and ends; an app keeps its
// token.
func TestCopiedCookieEndsWithAChange(t *testing.T) {
	onEach(t, "", func(t *testing.T, s *server) {
		for _, style := range styles {
			c, p := s.signedIn(t, style)
			copied, id := c.secret(), c.whoami().is(200).at("id").String()
			f := c.begin("settings", "")
			c.changed(f, c.submit(f, p.profile(fields{"traits.name": "Ada"})))
			if old := c.secret(); style == app && old != copied {
				t.Error("the token of an app has changed")
			}
			copied = c.secret()
			c.changed(f, c.submit(f, newPassword(otherPass)))
			if got := c.whoami().is(200); got.at("id").String() != id {
				t.Errorf("%s: the session is another one", style)
			}
			if style == app {
				continue
			}
			thief := s.client(t, app)
			thief.send("DELETE", "/sessions", nil, "Cookie", sessionCookie+"="+copied).refused(401, "session_inactive")
			s.clock.advance(30 * time.Second) // see TestRequestsInFlight
			thief.get("/sessions/whoami", "Cookie", sessionCookie+"="+copied).refused(401, "session_inactive")
		}
	})
}

// TestLastWayIn: nobody can change their account so that they cannot sign in
// any more.
func TestLastWayIn(t *testing.T) {
	const document = `{"properties":{"traits":{"type":"object","properties":{
		"email":{"type":"string","format":"email","ory.sh/kratos":{"credentials":{"password":{"identifier":true}}}}}}}}`
	more := "identity: {default_schema_id: open, schemas: [{id: open, url: \"base64://" + base64.StdEncoding.EncodeToString([]byte(document)) + "\"}]}"
	onEach(t, more, func(t *testing.T, s *server) {
		p := stranger()
		p.id = s.operator(t).send("POST", "/admin/identities", map[string]any{"traits": fields{"email": p.email},
			"credentials": map[string]any{"password": map[string]any{"config": fields{"password": p.password}}}}).is(201).at("id").String()
		c := s.client(t, app)
		c.signIn(p)
		c.submit(c.begin("settings", ""), fields{"method": "profile"}).refused(400, "credential_is_last_first_factor")
		if !s.knows(t, p.email, p.password) {
			t.Error("the way in is gone")
		}
	})
}
