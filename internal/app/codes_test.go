package app

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"
)

// codeSchema is one whose people can have codes sent to several addresses.
func codeSchema() string {
	const document = `{"properties":{"traits":{"type":"object","properties":{
		"email":{"type":"string","format":"email","ory.sh/kratos":{"credentials":{"password":{"identifier":true},"code":{"identifier":true,"via":"email"}},"verification":{"via":"email"}}},
		"more":{"type":"string","format":"email","ory.sh/kratos":{"credentials":{"code":{"identifier":true,"via":"email"}},"verification":{"via":"email"}}},
		"other":{"type":"string","format":"email","ory.sh/kratos":{"credentials":{"password":{"identifier":true}},"verification":{"via":"email"}}},
		"phone":{"type":"string","format":"tel","ory.sh/kratos":{"credentials":{"code":{"identifier":true,"via":"sms"}},"verification":{"via":"sms"}}}}}}}`
	return `{"default_schema_id":"many","schemas":[{"id":"many","url":"base64://` + encoded(document) + `"}]}`
}

// passwordless lets people sign in and up with codes, secondCode lets codes complete
// a password.
func passwordless(more ...string) string {
	return proving(append([]string{"identity", codeSchema(), "courier.channels", textMessages, "selfservice.methods.code.passwordless_enabled", "true",
		"selfservice.flows.registration.after.code.hooks", `[{"hook":"session"}]`}, more...)...)
}

func secondCode(more ...string) string {
	return proving(append([]string{"identity", codeSchema(), "courier.channels", textMessages, "selfservice.methods.code.mfa_enabled", "true"}, more...)...)
}

const (
	mitigated   = "security.account_enumeration.mitigate"
	manyGuesses = "selfservice.methods.code.config.max_submissions"
)

// goesOn is a login or registration as it is after a submission that has not ended it.
func (c *client) goesOn(f form, a answer, message int64) answer {
	c.t.Helper()
	if c.style != page {
		return a.saying(400, message)
	}
	if a.status != 302 && a.status != 303 || a.query("flow") != f.id {
		c.t.Fatalf("%s: %d leads to %q, not back to its form", a.what, a.status, a.header.Get("Location"))
	}
	return c.fetch(f.kind, f.id).saying(200, message)
}

// press sends a form as it was served, with one of its buttons: name and value.
// with is what somebody types.
func (c *client) press(shown answer, name, value string, with fields) answer {
	c.t.Helper()
	all, there := fields{}, false
	for _, n := range shown.at("ui.nodes").Array() {
		attributes := n.Get("attributes")
		switch field := attributes.Get("name").String(); {
		case attributes.Get("type").String() == "submit":
			there = there || field == name && attributes.Get("value").String() == value
		case attributes.Get("value").Exists():
			all[field] = attributes.Get("value").String()
		}
	}
	if !there {
		c.t.Fatalf("the form has no button %s=%s: %s", name, value, shown.body)
	}
	all[name] = value
	for field, text := range with {
		all[field] = text
	}
	return c.submit(form{action: shown.at("ui.action").String()}, all)
}

// codeFor begins a login for which a code was sent to an address.
func (c *client) codeFor(address string) (form, answer) {
	c.t.Helper()
	f := c.begin("login", "")
	return f, c.goesOn(f, c.submit(f, fields{"method": "code", "identifier": address}), 1010014)
}

// isIn ends the test unless a submission has signed somebody in, with these
// methods.
func (c *client) isIn(a answer, p person, methods ...string) {
	c.t.Helper()
	if c.style == page {
		a.is(303)
	} else {
		a.is(200)
	}
	if token := a.at("session_token").String(); token != "" {
		c.token = token
	}
	who := c.whoami().is(200)
	var got []string
	for _, m := range who.at("authentication_methods").Array() {
		got = append(got, m.Get("method").String()+" "+m.Get("aal").String())
	}
	if id := who.at("identity.id").String(); id != p.id || !slices.Equal(got, methods) {
		c.t.Fatalf("%s is signed in by %v, want %s by %v", id, got, p.id, methods)
	}
}

// confirmed are somebody's addresses that are proven.
func (s *server) confirmed(t testing.TB, p person) (all []string) {
	t.Helper()
	for _, a := range s.operator(t).get("/admin/identities/" + p.id).is(200).at(`verifiable_addresses.#(verified==true)#.value`).Array() {
		all = append(all, a.String())
	}
	return all
}

// TestSignInByCode: a code signs somebody in, proves the address, and every button
// on the way does what it says.
func TestSignInByCode(t *testing.T) {
	onEach(t, passwordless(), func(t *testing.T, s *server) {
		for _, style := range styles {
			p, c := s.having(t, nil), s.client(t, style)
			f := c.begin("login", "")
			shown := c.goesOn(f, c.press(f.json, "method", "code", fields{"identifier": "  " + strings.ToUpper(p.email)}), 1010014)
			first := s.mail(t, p.email, "login_code_valid").code()
			s.clock.advance(time.Second)
			shown = c.goesOn(f, c.press(shown, "method", "code", fields{"code": wrongFor(first)}), 4010008)
			shown = c.goesOn(f, c.press(shown, "resend", "code", nil), 1010014)
			second := s.mail(t, p.email, "login_code_valid").code()
			if first != second {
				shown = c.goesOn(f, c.press(shown, "method", "code", fields{"code": first}), 4010008)
			}
			if got := s.confirmed(t, p); len(got) != 0 {
				t.Errorf("%v are proven already", got)
			}
			c.isIn(c.press(shown, "method", "code", fields{"code": second}), p, "code aal1")
			if got := s.confirmed(t, p); !slices.Equal(got, []string{p.email}) {
				t.Errorf("proven are %v", got)
			}
			if style == app {
				s.client(t, app).submit(f, fields{"method": "code", "code": second}).saying(400, 4010002)
			}
			if n := s.sessions(t, p); n != 1 {
				t.Errorf("there are %d sessions", n)
			}
		}
	})
}

// TestPasswordInsteadOfCode: who has asked for a code can still use the password in
// the same form, and sees the whole form again if it is wrong.
func TestPasswordInsteadOfCode(t *testing.T) {
	onEach(t, passwordless(), func(t *testing.T, s *server) {
		p, c := s.having(t, nil), s.client(t, app)
		f, _ := c.codeFor(p.email)
		wrong := p
		wrong.password += "!"
		shown := c.submit(f, wrong.login()).saying(400, 4000006)
		if shown.at("state").String() != "choose_method" || shown.at("active").Exists() || !shown.at(`ui.nodes.#(attributes.name=="password")`).Exists() {
			t.Errorf("the form is not back at its beginning: %s", shown.body)
		}
		c.isIn(c.submit(f, p.login()), p, "password aal1")
	})
}

// TestSignUpByCode: a code makes the account, with the traits that it was sent for.
func TestSignUpByCode(t *testing.T) {
	onEach(t, passwordless(), func(t *testing.T, s *server) {
		for _, style := range styles {
			p, c := stranger(), s.client(t, style)
			f := c.begin("registration", "")
			shown := c.goesOn(f, c.press(f.json, "method", "code", fields{"traits.email": p.email, "traits.phone": "+4930654321"}), 1040005)
			first := s.mail(t, p.email, "registration_code_valid").code()
			texted := s.mail(t, "+4930654321", "registration_code_valid").code()
			if shown.at(`ui.nodes.#(attributes.name=="traits.email").attributes.type`).String() != "hidden" {
				t.Errorf("the traits are open: %s", shown.body)
			}
			s.clock.advance(time.Second)
			shown = c.goesOn(f, c.press(shown, "method", "code", fields{"code": wrongFor(first)}), 4040003)
			shown = c.goesOn(f, c.press(shown, "method", "code", fields{"code": texted, "traits.email": stranger().email}), 4000036)
			shown = c.goesOn(f, c.press(shown, "resend", "code", fields{"traits.email": p.email}), 1040005)
			code, proves := s.mail(t, p.email, "registration_code_valid").code(), p.email
			if style == app { // any of the addresses will do
				code, proves = s.mail(t, "+4930654321", "registration_code_valid").code(), "+4930654321"
			}
			if texted != code && first != code && texted != s.mail(t, p.email, "registration_code_valid").code() {
				shown = c.goesOn(f, c.press(shown, "method", "code", fields{"code": texted}), 4040003)
			}
			a := c.press(shown, "method", "code", fields{"code": code})
			if style == app {
				c.token = a.is(200).at("session_token").String()
			}
			p.id = c.whoami().is(200).at("identity.id").String()
			c.isIn(a, p, "code aal1")
			if got := s.confirmed(t, p); !slices.Equal(got, []string{proves}) {
				t.Errorf("proven are %v, want %s", got, proves)
			}
			s.operator(t).send("DELETE", "/admin/identities/"+p.id, nil).is(204)
			s.clock.advance(time.Second)
		}
	})
}

// TestSignUpTraits: traits are the same in whatever order they come, and a code that
// was sent for an address which was replaced since is of no use.
func TestSignUpTraits(t *testing.T) {
	onEach(t, passwordless(), func(t *testing.T, s *server) {
		c, p, q := s.client(t, app), stranger(), stranger()
		f := c.begin("registration", "")
		c.send("POST", f.action, `{"method":"code","traits":{"email":"`+p.email+`","other":"`+q.email+`"}}`).saying(400, 1040005)
		code := s.mail(t, p.email, "registration_code_valid").code()
		s.clock.advance(time.Second)
		c.submit(f, fields{"method": "code", "resend": "code", "traits.email": q.email}).saying(400, 1040005)
		c.submit(f, fields{"method": "code", "code": code, "traits.email": p.email, "traits.other": q.email}).saying(400, 4000036)
		if code != s.mail(t, q.email, "registration_code_valid").code() {
			c.submit(f, fields{"method": "code", "code": code, "traits.email": q.email}).saying(400, 4040003)
		}
		s.clock.advance(time.Second)
		c.send("POST", f.action, `{"method":"code","resend":"code","traits":{"email":"`+p.email+`","other":"`+q.email+`"}}`).saying(400, 1040005)
		code = s.mail(t, p.email, "registration_code_valid").code()
		c.send("POST", f.action, `{"traits":{"other":"`+q.email+`","email":"`+p.email+`"},"method":"code","code":"`+code+`"}`).is(200)
	})
}

// TestSignUpTaken: that an address is taken learns who reads what is sent there, and
// the form can be used on.
func TestSignUpTaken(t *testing.T) {
	onEach(t, passwordless(), func(t *testing.T, s *server) {
		p, c := s.having(t, nil), s.client(t, app)
		f := c.begin("registration", "")
		c.submit(f, fields{"method": "code", "traits.email": p.email}).saying(400, 1040005)
		code := s.mail(t, p.email, "registration_code_valid").code()
		c.submit(f, fields{"method": "code", "traits.email": p.email, "code": wrongFor(code)}).saying(400, 4040003)
		c.submit(f, fields{"method": "code", "traits.email": p.email, "code": code}).saying(400, 4000007)
		q := stranger()
		s.clock.advance(time.Second)
		c.submit(f, fields{"method": "code", "traits.email": q.email, "resend": "code"}).saying(400, 1040005)
		c.submit(f, fields{"method": "code", "traits.email": q.email, "code": s.mail(t, q.email, "registration_code_valid").code()}).is(200)
	})
}

// TestCodeTooLate: a code that has expired, typed right, leads to a new form; one
// that was wrong anyway does not.
func TestCodeTooLate(t *testing.T) {
	onEach(t, passwordless("selfservice.methods.code.config.lifespan", `"5m"`), func(t *testing.T, s *server) {
		for _, style := range styles {
			for kind, template := range map[string]string{"login": "login_code_valid", "registration": "registration_code_valid"} {
				p := stranger()
				if kind == "login" {
					p = s.having(t, nil)
				}
				c := s.client(t, style)
				f := c.begin(kind, "return_to="+welcome)
				c.submit(f, fields{"method": "code", "identifier": p.email, "traits.email": p.email})
				code := s.mail(t, p.email, template).code()
				s.clock.advance(5 * time.Minute)
				with := fields{"method": "code", "identifier": p.email, "traits.email": p.email, "code": wrongFor(code)}
				c.goesOn(f, c.submit(f, with), map[string]int64{"login": 4010008, "registration": 4040003}[kind])
				with["code"] = code
				a := c.submit(f, with)
				id := a.query("flow")
				if style != page {
					id = a.refused(410, "self_service_flow_expired").at("use_flow_id").String()
				}
				fresh := c.fetch(kind, id).saying(200, map[string]int64{"login": 4010001, "registration": 4040001}[kind])
				if id == f.id || fresh.at("active").Exists() || fresh.at("state").String() != "choose_method" || fresh.at("return_to").String() != welcome {
					t.Errorf("the new form is %s", fresh.body)
				}
			}
		}
	})
}

// TestRefreshByCode: somebody proves again who they are, with an address of theirs.
func TestRefreshByCode(t *testing.T) {
	for _, choose := range []string{"false", "true"} {
		onEach(t, passwordless("feature_flags.refresh_login_choose_address", choose), func(t *testing.T, s *server) {
			second := "second." + stranger().email
			p, q := s.having(t, map[string]any{"more": second}), s.having(t, nil)
			c := s.client(t, app)
			c.signIn(p)
			f := c.begin("login", "refresh=true")
			c.submit(f, fields{"method": "code", "identifier": q.email, "address": q.email}).saying(400, 4000035)
			button, with := [2]string{"method", "code"}, fields{"identifier": second}
			if choose == "true" {
				button, with = [2]string{"address", second}, nil
			}
			shown := c.goesOn(f, c.press(f.json, button[0], button[1], with), 1010014)
			before := c.token
			c.isIn(c.press(shown, "method", "code", fields{"code": s.mail(t, second, "login_code_valid").code()}), p, "password aal1", "code aal1")
			if c.token != before {
				t.Error("the token has changed")
			}
		})
	}
}

// TestSecondCode: a code completes a password. It is on its way as soon as the form
// is there, unless there is something to choose from.
func TestSecondCode(t *testing.T) {
	onEach(t, secondCode(), func(t *testing.T, s *server) {
		for _, style := range styles {
			p := s.having(t, nil)
			c := s.client(t, style)
			a := c.submit(c.begin("login", ""), p.login())
			if style == app {
				c.token = a.at("session_token").String()
			}
			c.whoami().refused(403, "session_aal2_required")
			f := c.begin("login", "aal=aal2")
			shown := f.json.saying(200, 1010014)
			code := s.mail(t, p.email, "login_code_valid").code()
			s.clock.advance(time.Second)
			c.goesOn(f, c.press(shown, "method", "code", fields{"code": wrongFor(code)}), 4010008)
			// As it is on the wire, without an identifier.
			shown = c.goesOn(f, c.submit(f, fields{"method": "code", "code": wrongFor(code)}), 4010008)
			shown = c.goesOn(f, c.press(shown, "resend", "code", nil), 1010014)
			secret := c.secret()
			c.isIn(c.press(shown, "method", "code", fields{"code": s.mail(t, p.email, "login_code_valid").code()}), p, "password aal1", "code aal2")
			if same := c.secret() == secret; same != (style == app) {
				t.Errorf("%s: the secret of the session is the same: %v", style, same)
			}
			if n := s.sessions(t, p); n != 1 {
				t.Errorf("there are %d sessions", n)
			}
		}

		// Several addresses: a choice, and only among one's own.
		second := "second." + stranger().email
		p, q := s.having(t, map[string]any{"more": second, "phone": "+4930123456"}), s.having(t, nil)
		c := s.client(t, app)
		c.token = c.submit(c.begin("login", ""), p.login()).is(200).at("session_token").String()
		f := c.begin("login", "aal=aal2")
		f.json.saying(200, 1010004)
		if got := f.json.at(`ui.nodes.#(attributes.name=="address")#|#`).Int(); got != 3 {
			t.Fatalf("%d addresses are offered: %s", got, f.json.body)
		}
		c.submit(f, fields{"method": "code", "address": q.email}).saying(400, 4000035)
		c.submit(f, fields{"method": "code", "identifier": q.email}).saying(400, 4000035)
		c.submit(f, fields{"method": "code"}).saying(400, 4000002)
		if got := s.mails(t, q.email); len(got) != 0 {
			t.Errorf("somebody else was sent %v", got)
		}
		shown := c.goesOn(f, c.press(f.json, "address", "+4930123456", nil), 1010014)
		c.isIn(c.press(shown, "method", "code", fields{"code": s.mail(t, "+4930123456", "login_code_valid").code()}), p, "password aal1", "code aal2")

		// One can be named.
		c = s.client(t, app)
		c.token = c.submit(c.begin("login", ""), p.login()).is(200).at("session_token").String()
		c.begin("login", "aal=aal2&via=more").json.saying(200, 1010014)
		s.mail(t, second, "login_code_valid")
		for _, via := range []string{"email.x", "nothing", "@this", "%23", "more.%23"} {
			c.get("/self-service/login/api?aal=aal2&via="+via).refused(400, "parameter_invalid")
		}
	})
}

// TestNobodyIsAskedForACodeTheyCannotGet: a code counts as a factor only where one
// can be sent.
func TestNobodyIsAskedForACodeTheyCannotGet(t *testing.T) {
	onEach(t, secondCode("courier.channels", "[]"), func(t *testing.T, s *server) {
		c, p := s.client(t, app), stranger()
		p.id = s.operator(t).send("POST", "/admin/identities", map[string]any{"traits": map[string]any{"other": p.email, "phone": "+4930123456"},
			"credentials": map[string]any{"password": map[string]any{"config": fields{"password": p.password}}}}).is(201).at("id").String()
		c.signIn(p)
		c.whoami().is(200)
		if f := c.begin("login", "aal=aal2"); f.json.at("ui.nodes.#").Int() != 0 {
			t.Errorf("there is something to use: %s", f.json.body)
		}
		s.reconfigure(t, secondCode())
		c.whoami().refused(403, "session_aal2_required")
		s.operator(t).send("PATCH", "/admin/identities/"+p.id, patch("remove", "/traits/phone", nil)).is(200)
		c.whoami().is(200)
	})
}

// TestCodeForThoseWithout: where the configuration wants it, people without a
// credential for codes are found by addresses that they have proven.
func TestCodeForThoseWithout(t *testing.T) {
	for _, key := range []string{"selfservice.methods.code.config.missing_credential_fallback_enabled", "selfservice.methods.code.passwordless_login_fallback_enabled"} {
		onEach(t, passwordless(), func(t *testing.T, s *server) {
			p := stranger()
			p.id = s.operator(t).send("POST", "/admin/identities", map[string]any{"traits": fields{"other": p.email}}).is(201).at("id").String()
			c := s.client(t, app)
			f := c.begin("login", "")
			ask := func() answer { return c.submit(f, fields{"method": "code", "identifier": p.email}) }
			ask().saying(400, 4000035)
			s.reconfigure(t, passwordless(key, "true"))
			ask().saying(400, 4000035)
			s.proven(t, p)
			ask().saying(400, 1010014)
			code := s.mail(t, p.email, "login_code_valid").code()
			s.operator(t).send("PATCH", "/admin/identities/"+p.id, patch("replace", "/verifiable_addresses/0/verified", false)).is(200)
			c.submit(f, fields{"method": "code", "code": code}).saying(400, 4010008)
			s.proven(t, p)
			c.isIn(c.submit(f, fields{"method": "code", "code": code}), p, "code aal1")
		})
	}
}

// TestAddressIsNoFactorBesideAnother: an address stands for a second factor where
// somebody has none; the one that they have is neither gone round nor moved by a
// password alone.
func TestAddressIsNoFactorBesideAnother(t *testing.T) {
	const fallback = "selfservice.methods.code.config.missing_credential_fallback_enabled"
	onEach(t, secondCode(fallback, "true", "selfservice.methods.totp.enabled", "true", "session.whoami.required_aal", `"aal1"`,
		"selfservice.flows.settings.required_aal", `"aal1"`), func(t *testing.T, s *server) {
		here := func() person {
			p := stranger()
			p.id = s.operator(t).send("POST", "/admin/identities", map[string]any{"traits": fields{"other": p.email},
				"credentials": map[string]any{"password": map[string]any{"config": fields{"password": p.password}}}}).is(201).at("id").String()
			s.proven(t, p)
			return p
		}
		p, c := here(), s.client(t, app)
		c.signIn(p)
		f := c.begin("login", "aal=aal2")
		f.json.saying(200, 1010014)
		s.clock.advance(time.Second)
		// It is on its way when they set up something better: it is of no use then.
		d := s.client(t, app)
		d.signIn(p)
		d.addsApp()
		c.submit(f, fields{"method": "code", "code": s.mail(t, p.email, "login_code_valid").code()}).is(400)
		agree(t, "by a code", c.level(), "aal1: password aal1")
		f = c.begin("login", "aal=aal2")
		if all := string(f.json.body); !strings.Contains(all, "totp_code") || strings.Contains(all, p.email) {
			t.Errorf("the form offers something else: %s", all)
		}
		c.submit(f, fields{"address": p.email}).is(400)
		if n := len(s.mails(t, p.email)); n != 1 {
			t.Errorf("%d codes were sent", n)
		}
		move := func(c *client) answer {
			return c.submit(c.begin("settings", ""), fields{"method": "profile", "traits.other": stranger().email})
		}
		if to := move(c).refused(403, "session_refresh_required").at("redirect_browser_to").String(); !strings.Contains(to, "aal=aal2") {
			t.Errorf("the address asks for %s", to)
		}
		move(d).is(200)

		// Who has nothing else uses it, and moves it by what they have.
		q, e := here(), s.client(t, app)
		e.signIn(q)
		move(e).is(200)
		q, e = here(), s.client(t, app)
		e.signIn(q)
		f = e.begin("login", "aal=aal2")
		e.isIn(e.submit(f, fields{"method": "code", "code": s.mail(t, q.email, "login_code_valid").code()}), q, "password aal1", "code aal2")

		s.reconfigure(t, secondCode("selfservice.methods.totp.enabled", "true", "session.whoami.required_aal", `"aal1"`, "selfservice.flows.settings.required_aal", `"aal1"`))
		move(c).is(200)
	})
}

// TestMailboxIsOneFactor: whoever regains access by what is sent to an address does
// not complete that by another code to it, unless they have nothing else.
func TestMailboxIsOneFactor(t *testing.T) {
	const document = `{"properties":{"traits":{"type":"object","properties":{"email":{"type":"string","format":"email","ory.sh/kratos":{
		"credentials":{"password":{"identifier":true},"code":{"identifier":true,"via":"email"}},"verification":{"via":"email"},"recovery":{"via":"email"}}}}}}}`
	for _, use := range []string{"code", "link"} {
		onEach(t, secondCode("identity", `{"default_schema_id":"many","schemas":[{"id":"many","url":"base64://`+encoded(document)+`"}]}`,
			"selfservice.methods.totp.enabled", "true", "selfservice.flows.recovery.use", `"`+use+`"`,
			"session.whoami.required_aal", `"aal1"`, "selfservice.flows.settings.required_aal", `"aal1"`), func(t *testing.T, s *server) {
			regains := func(p person) *client {
				t.Helper()
				c := s.client(t, page)
				f := c.begin("recovery", "")
				c.submit(f, fields{"method": use, "email": p.email}).is(303)
				if use == "link" {
					c.regained(c.get(s.mail(t, p.email, "recovery_valid").link()), p)
				} else {
					c.regained(c.submit(f, fields{"method": "code", "code": s.mail(t, p.email, "recovery_code_valid").code()}), p)
				}
				s.clock.advance(time.Second)
				return c
			}
			proves := func(c *client, f form, p person) answer {
				t.Helper()
				s.clock.advance(time.Second)
				return c.submit(f, fields{"method": "code", "code": s.mail(t, p.email, "login_code_valid").code()})
			}
			by := "aal1: " + use + "_recovery aal1"

			// Somebody with nothing else is not locked out; what they set up while a code
			// is on its way counts at once.
			p := s.having(t, nil)
			late, c := regains(p), regains(p)
			begun := late.begin("login", "aal=aal2")
			late.fetch("login", begun.id).saying(200, 1010014)
			s.clock.advance(time.Second)
			f := c.begin("login", "aal=aal2")
			proves(c, f, p).is(303)
			agree(t, "by nothing else", c.level(), strings.Replace(by, "aal1:", "aal2:", 1)+", code aal2")
			// Of the two codes each form takes its own.
			key := c.addsApp()
			code := s.mails(t, p.email)[1].code()
			late.submit(begun, fields{"method": "code", "code": code})
			agree(t, "by a code that was on its way", late.level(), by)

			c = regains(p)
			f = c.begin("login", "aal=aal2")
			shown := c.fetch("login", f.id).is(200)
			if all := string(shown.body); !strings.Contains(all, "totp_code") || strings.Contains(all, p.email) {
				t.Errorf("the form offers something else: %s", all)
			}
			n := len(s.mails(t, p.email))
			c.submit(f, fields{"address": p.email})
			c.submit(f, fields{"method": "code", "identifier": p.email})
			if got := len(s.mails(t, p.email)); got != n {
				t.Errorf("%d codes were sent", got-n)
			}
			// A form that has expired makes room for one of the same kind.
			s.clock.advance(2 * time.Hour)
			agree(t, "after all", c.level(), by)
			fresh := c.submit(f, fields{"method": "totp"}).is(303).query("flow")
			if all := string(c.fetch("login", fresh).is(200).body); !strings.Contains(all, "totp_code") || strings.Contains(all, p.email) {
				t.Errorf("the new form offers something else: %s", all)
			}
			app := &authenticator{t: t, s: s, key: key}
			c.submit(c.begin("login", "aal=aal2"), app.code()).is(303)
			agree(t, "by the app", c.level(), strings.Replace(by, "aal1:", "aal2:", 1)+", totp aal2")

			// With a password a code is another factor, as before, in a new form too.
			d := s.client(t, script)
			d.submit(d.begin("login", ""), p.login()).is(200)
			f = d.begin("login", "aal=aal2")
			s.clock.advance(2 * time.Hour)
			fresh = d.submit(f, fields{"method": "totp"}).refused(410, "self_service_flow_expired").at("use_flow_id").String()
			f = d.opened("login", d.fetch("login", fresh))
			agree(t, "the new form's button", f.json.field("address"), p.email)
			d.goesOn(f, d.submit(f, fields{"address": p.email}), 1010014)
			proves(d, f, p).is(200)
			agree(t, "by both", d.level(), "aal2: password aal1, code aal2")
		})
	}
}

// TestCodesThatDoNotFit: of somebody else, of another form, for an address that is
// gone, of an account that was switched off or removed.
func TestCodesThatDoNotFit(t *testing.T) {
	onEach(t, passwordless(), func(t *testing.T, s *server) {
		o, c := s.operator(t), s.client(t, app)
		asked := func(p person) (form, string) {
			f, _ := c.codeFor(p.email)
			code := s.mail(t, p.email, "login_code_valid").code()
			s.clock.advance(time.Second)
			return f, code
		}
		p, q := s.having(t, nil), s.having(t, nil)
		f, code := asked(p)
		g, other := asked(q)
		h, again := asked(p)
		if code != other && other != again && code != again {
			c.submit(f, fields{"method": "code", "code": other}).saying(400, 4010008)
			c.submit(f, fields{"method": "code", "code": again}).saying(400, 4010008)
			c.submit(g, fields{"method": "code", "code": again}).saying(400, 4010008)
		}
		// That one was asked for a second time does not spoil the first.
		c.isIn(c.submit(f, fields{"method": "code", "code": code}), p, "code aal1")
		c.token = ""
		c.isIn(c.submit(h, fields{"method": "code", "code": again}), p, "code aal1")
		c.token = ""

		f, code = asked(q)
		o.send("PATCH", "/admin/identities/"+q.id, patch("replace", "/traits/email", stranger().email)).is(200)
		c.submit(f, fields{"method": "code", "code": code}).saying(400, 4010008)
		// Not for who has the address by now, either.
		f, code = asked(p)
		o.send("PATCH", "/admin/identities/"+p.id, patch("replace", "/traits/email", stranger().email)).is(200)
		o.send("PATCH", "/admin/identities/"+q.id, patch("replace", "/traits/email", p.email)).is(200)
		c.submit(f, fields{"method": "code", "code": code}).saying(400, 4010008)

		p = s.having(t, nil)
		f, code = asked(p)
		o.send("PATCH", "/admin/identities/"+p.id, patch("replace", "/state", "inactive")).is(200)
		if a := c.submit(f, fields{"method": "code", "code": code}); a.status == 200 {
			t.Errorf("who was switched off is in: %s", a.body)
		}
		p = s.having(t, nil)
		f, code = asked(p)
		o.send("DELETE", "/admin/identities/"+p.id, nil).is(204)
		c.submit(f, fields{"method": "code", "code": code}).saying(400, 4010008)
	})
}

// TestCodeInOnce: of many who send the same right code at once, one gets in, and
// one account is made.
func TestCodeInOnce(t *testing.T) {
	onEach(t, passwordless(manyGuesses, "255"), func(t *testing.T, s *server) {
		for kind, template := range map[string]string{"login": "login_code_valid", "registration": "registration_code_valid"} {
			p := stranger()
			if kind == "login" {
				p = s.having(t, nil)
			}
			c := s.client(t, app)
			f := c.begin(kind, "")
			with := fields{"method": "code", "identifier": p.email, "traits.email": p.email}
			c.submit(f, with)
			with["code"] = s.mail(t, p.email, template).code()
			won := 0
			for _, a := range atOnce(t, func(int) (answer, error) { return c.try("POST", f.action, with) }) {
				switch a.status {
				case 200:
					won++
					p.id = a.at("session.identity.id").String()
				case 400:
				default:
					t.Errorf("%s: %d %s", kind, a.status, a.body)
				}
			}
			if won != 1 || s.sessions(t, p) != 1 {
				t.Errorf("%s: %d succeeded", kind, won)
			}
		}
	})
}

// TestWrongCodesToGetIn: a form takes five, however many come at once and whatever
// is sent again; then not even the right one.
func TestWrongCodesToGetIn(t *testing.T) {
	onEach(t, passwordless(), func(t *testing.T, s *server) {
		for kind, wrong := range map[string]int64{"login": 4010008, "registration": 4040003} {
			p := stranger()
			if kind == "login" {
				p = s.having(t, nil)
			}
			c := s.client(t, app)
			f := c.begin(kind, "")
			send := func(more fields) answer {
				with := fields{"method": "code", "identifier": p.email, "traits.email": p.email}
				for name, value := range more {
					with[name] = value
				}
				a, err := c.try("POST", f.action, with)
				if err != nil {
					t.Fatal(err)
				}
				return a
			}
			send(nil)
			code := s.mail(t, p.email, kind+"_code_valid").code()
			looked := 0
			for _, a := range atOnce(t, func(int) (answer, error) { return send(fields{"code": wrongFor(code)}), nil }) {
				switch got := a.messages(); {
				case slices.Equal(got, []int64{wrong}):
					looked++
				case !slices.Equal(got, []int64{4000001}):
					t.Errorf("%s: %s", kind, a.body)
				}
			}
			if looked != 5 {
				t.Errorf("%s: %d wrong codes were looked at, want 5", kind, looked)
			}
			if said := send(fields{"code": code}).saying(400, 4000001).at("ui.messages.0.text").String(); !strings.Contains(said, "egin again") {
				t.Errorf("%s: of a form that takes no more codes is said: %s", kind, said)
			}
			s.clock.advance(time.Second)
			send(fields{"resend": "code"}).is(400)
			send(fields{"code": s.mail(t, p.email, kind+"_code_valid").code()}).saying(400, 4000001)
		}
	})
}

// TestGuessesToGetIn: twenty wrong codes an hour for each account, over all its
// addresses, forms and codes; then codes are refused and a password is not.
func TestGuessesToGetIn(t *testing.T) {
	onEach(t, passwordless(), func(t *testing.T, s *server) {
		p, c := s.having(t, map[string]any{"phone": "+4930123456"}), s.client(t, app)
		var forms []form
		for n := range 5 {
			f, _ := c.codeFor([]string{p.email, "+4930123456"}[n%2])
			forms = append(forms, f)
			s.clock.advance(time.Second)
			c.submit(f, fields{"resend": "code"}).saying(400, 1010014)
			s.clock.advance(time.Second)
		}
		last := s.mail(t, p.email, "login_code_valid").code() // of the fifth form
		atOnce(t, func(n int) (answer, error) {
			return c.try("POST", forms[n%4].action, fields{"method": "code", "code": "x"})
		})
		c.submit(forms[4], fields{"method": "code", "code": last}).saying(400, 4010008)
		q := s.having(t, nil)
		f, _ := c.codeFor(q.email)
		c.isIn(c.submit(f, fields{"method": "code", "code": s.mail(t, q.email, "login_code_valid").code()}), q, "code aal1")
		c.token = ""
		c.isIn(c.submit(c.begin("login", ""), p.login()), p, "password aal1")
		c.token = ""
		s.clock.advance(time.Hour)
		f, _ = c.codeFor(p.email)
		c.isIn(c.submit(f, fields{"method": "code", "code": s.mail(t, p.email, "login_code_valid").code()}), p, "code aal1")
	})
}

// TestGuessesToSignUp: the same for an address that is nobody's yet, whatever
// address stands beside it in the form.
func TestGuessesToSignUp(t *testing.T) {
	onEach(t, passwordless(), func(t *testing.T, s *server) {
		c, p := s.client(t, app), stranger()
		asked := func(beside string) (form, fields) {
			f := c.begin("registration", "")
			with := fields{"method": "code", "traits.email": p.email, "traits.more": beside}
			c.submit(f, with).saying(400, 1040005)
			s.clock.advance(time.Second)
			return f, with
		}
		for range 4 {
			f, with := asked(stranger().email)
			with["code"] = "x"
			for range 5 {
				c.submit(f, with).saying(400, 4040003)
			}
		}
		f, with := asked(stranger().email)
		with["code"] = s.mail(t, p.email, "registration_code_valid").code()
		c.submit(f, with).saying(400, 4040003)
		s.clock.advance(time.Hour)
		f, with = asked(stranger().email)
		with["code"] = s.mail(t, p.email, "registration_code_valid").code()
		c.submit(f, with).is(200)
	})
}

// TestWhoSignsInByCode: with mitigation, an address that is somebody's and one that
// is nobody's are answered alike, at the same cost, whatever comes next.
func TestWhoSignsInByCode(t *testing.T) {
	for _, also := range []string{"false", "true"} {
		more := passwordless(mitigated, "true", "selfservice.methods.code.config.missing_credential_fallback_enabled", also)
		onEach(t, more, func(t *testing.T, s *server) {
			told := func(address string) (all []string) {
				c := s.client(t, app)
				note := func(f func() answer) {
					var a answer
					ran := s.statements.during(func() { a = f() })
					body := strings.ReplaceAll(string(a.body), address, "ADDRESS")
					all = append(all, fmt.Sprint(a.status, " ", a.messages(), " ", len(ran), " ", len(body), " ", strings.Join(ran, ";")))
				}
				for range 5 {
					f := c.begin("login", "")
					note(func() answer { return c.submit(f, fields{"method": "code", "identifier": address}) })
					note(func() answer { return c.submit(f, fields{"method": "code", "resend": "code", "identifier": address}) })
					for n := range 6 {
						note(func() answer {
							return c.submit(f, fields{"method": "code", "code": fmt.Sprintf("x%d", n), "identifier": address})
						})
					}
					s.clock.advance(time.Second)
				}
				return all
			}
			p, nobody := s.having(t, nil), stranger()
			known, unknown := told(p.email), told(nobody.email)
			for n := range known {
				if known[n] != unknown[n] {
					t.Fatalf("somebody is answered\n%s\nand nobody\n%s", known[n], unknown[n])
				}
			}
			if got := s.mails(t, nobody.email); len(got) != 0 {
				t.Errorf("nobody is sent %v", got)
			}
			// Codes that one was never sent do not fit, of course.
			c := s.client(t, app)
			f, _ := c.codeFor(stranger().email)
			c.submit(f, fields{"method": "code", "code": "000000"}).saying(400, 4010008)
		})
	}
}

// TestCodesByText: codes go to phones through the service that is configured.
func TestCodesByText(t *testing.T) {
	type text struct{ To, Body, Template string }
	got := make(chan text, 8)
	service := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		var one text
		body, _ := io.ReadAll(r.Body)
		if err := json.Unmarshal(body, &one); err != nil {
			t.Errorf("%v: %s", err, body)
		}
		got <- one
	}))
	t.Cleanup(service.Close)
	channel := `[{"id":"sms","type":"http","request_config":{"url":"` + service.URL + `","method":"POST","body":"base64://` +
		encoded("function(ctx) { To: ctx.recipient, Body: ctx.body, Template: ctx.template_type }") + `"}}]`
	onEach(t, passwordless("courier.channels", channel), func(t *testing.T, s *server) {
		received := func(template string) string {
			t.Helper()
			s.deliver(t)
			one := <-got
			code := sixDigits.FindString(one.Body)
			if one.To != "+4930123456" || one.Template != template || code == "" {
				t.Fatalf("sent was %+v", one)
			}
			return code
		}
		c := s.client(t, app)
		f := c.begin("registration", "")
		with := fields{"method": "code", "traits.phone": "+49 30 123456"}
		c.submit(f, with).saying(400, 1040005)
		with["code"] = received("registration_code_valid")
		p := person{id: c.submit(f, with).is(200).at("identity.id").String()}
		c = s.client(t, app)
		f, _ = c.codeFor("+49 (30) 123456")
		c.isIn(c.submit(f, fields{"method": "code", "code": received("login_code_valid")}), p, "code aal1")
		if got := s.confirmed(t, p); !slices.Equal(got, []string{"+4930123456"}) {
			t.Errorf("proven are %v", got)
		}
	})
}

// TestCodeInTwoSteps: where the form has two steps, a code that was sent leads back
// to the choice, and who has named themselves and has nothing else gets one at once.
func TestCodeInTwoSteps(t *testing.T) {
	more := passwordless("selfservice.flows.registration.style", `"profile_first"`, "selfservice.flows.login.style", `"identifier_first"`)
	onEach(t, more, func(t *testing.T, s *server) {
		for _, style := range styles {
			c, p := s.client(t, style), stranger()
			f := c.begin("registration", "")
			shown := c.goesOn(f, c.press(f.json, "method", "profile", fields{"traits.email": p.email}), 1040009)
			shown = c.goesOn(f, c.press(shown, "method", "code", nil), 1040005)
			s.clock.advance(time.Second)
			shown = c.goesOn(f, c.press(shown, "screen", "credential-selection", nil), 1040009)
			shown = c.goesOn(f, c.press(shown, "method", "code", nil), 1040005)
			shown = c.goesOn(f, c.press(shown, "method", "code", fields{"code": "x"}), 4040003)
			c.press(shown, "method", "code", fields{"code": s.mail(t, p.email, "registration_code_valid").code()})

			s.clock.advance(time.Second)
			c = s.client(t, style)
			f = c.begin("login", "")
			shown = c.goesOn(f, c.press(f.json, "method", "identifier_first", fields{"identifier": strings.ToUpper(p.email)}), 1010014)
			shown = c.goesOn(f, c.press(shown, "method", "code", fields{"code": "x"}), 4010008)
			a := c.press(shown, "method", "code", fields{"code": s.mail(t, p.email, "login_code_valid").code()})
			if style == app {
				c.token = a.is(200).at("session_token").String()
			}
			c.whoami().is(200)

			// With a password there is a choice, and nothing is sent before.
			q := s.having(t, nil)
			other := s.client(t, style)
			f = other.begin("login", "")
			other.press(f.json, "method", "identifier_first", fields{"identifier": q.email})
			if got := s.mails(t, q.email); len(got) != 0 {
				t.Errorf("%v was sent", got)
			}
			shown = other.fetch("login", f.id).is(200)
			shown = other.goesOn(f, other.press(shown, "method", "code", nil), 1010014)
			other.isIn(other.press(shown, "method", "code", fields{"code": s.mail(t, q.email, "login_code_valid").code()}), q, "code aal1")
		}
	})
}

// TestQueriesOfCodes is TestQueries for signing in and up with codes.
func TestQueriesOfCodes(t *testing.T) {
	login := func(code func(letter) string) func(*testing.T, *server) func() answer {
		return func(t *testing.T, s *server) func() answer {
			c, p := s.client(t, app), s.having(t, nil)
			f, _ := c.codeFor(p.email)
			with := fields{"method": "code", "code": code(s.mail(t, p.email, "login_code_valid"))}
			return func() answer { return c.submit(f, with) }
		}
	}
	signUp := func(code func(letter) string) func(*testing.T, *server) func() answer {
		return func(t *testing.T, s *server) func() answer {
			c, p := s.client(t, app), stranger()
			f := c.begin("registration", "")
			with := fields{"method": "code", "traits.email": p.email}
			c.submit(f, with).saying(400, 1040005)
			with["code"] = code(s.mail(t, p.email, "registration_code_valid"))
			return func() answer { return c.submit(f, with) }
		}
	}
	asked := func(address func(*testing.T, *server) string) func(*testing.T, *server) func() answer {
		return func(t *testing.T, s *server) func() answer {
			c, to := s.client(t, app), address(t, s)
			f := c.begin("login", "")
			return func() answer { return c.submit(f, fields{"method": "code", "identifier": to}) }
		}
	}
	right, wrong := letter.code, func(letter) string { return "x" }
	costs(t, passwordless(), []cost{
		// The flow and whose address it is; then the flow and the code are written,
		// and the message.
		{"ask for a code", 5, 400, asked(func(t *testing.T, s *server) string { return s.having(t, nil).email })},
		// Nothing but the flow is written: without mitigation the form says that nobody
		// is there.
		{"ask for a code, nobody", 3, 400, asked(func(*testing.T, *server) string { return stranger().email })},
		// The flow; the try is counted, the code is read, the account's guesses are
		// made, locked and read, the try is taken back; whose address it is. Then the
		// identity once more, which is written with its address proven; the flow and
		// the code are used up, the session is written.
		{"sign in with a code", 15, 200, login(right)},
		// Up to there, and the guess and the form are written.
		{"sign in with a wrong code", 9, 400, login(wrong)},
		// As above, and everything about the identity is written. Two types of
		// credential have the address.
		{"sign up with a code", 15, 200, signUp(right)},
		{"sign up with a wrong code", 9, 400, signUp(wrong)},
	})
	// The session; the identity and its credentials; the flow, the code and the
	// message.
	costs(t, secondCode(), []cost{{"begin a second factor, whose code is sent at once", 6, 200, func(t *testing.T, s *server) func() answer {
		c, p := s.client(t, app), s.having(t, nil)
		c.token = c.submit(c.begin("login", ""), p.login()).is(200).at("session_token").String()
		return func() answer { return c.get("/self-service/login/api?aal=aal2") }
	}}})
}

// TestSomebodyElsesAddressBesideOnesOwn: who signs up with an address of their own and one
// of somebody else, and proves their own, does not have the other one sign in to
// that account: codes go to proven addresses where there are any.
func TestSomebodyElsesAddressBesideOnesOwn(t *testing.T) {
	for _, more := range []string{"true", "false"} {
		onEach(t, passwordless(mitigated, more, "selfservice.flows.registration.after.code.hooks", "[]"), func(t *testing.T, s *server) {
			victim, own := stranger().email, stranger().email
			c := s.client(t, app)
			f := c.begin("registration", "")
			with := fields{"method": "code", "traits.email": victim, "traits.more": own}
			c.submit(f, with).saying(400, 1040005)
			with["code"] = s.mail(t, own, "registration_code_valid").code()
			id := c.submit(f, with).is(200).at("identity.id").String()

			answers, costs := map[string]answer{}, map[string][]string{}
			for _, email := range []string{victim, stranger().email} {
				c := s.client(t, app)
				f := c.begin("login", "")
				before := email == victim
				key := fmt.Sprint(before)
				costs[key] = s.statements.during(func() { answers[key] = c.submit(f, fields{"method": "code", "identifier": email}) })
				for _, l := range s.mails(t, email) {
					if l.template == "login_code_valid" {
						t.Errorf("%s: a code is sent to an address that nobody has proven", email)
					}
				}
			}
			same(t, "an address that is not proven", answers["true"], answers["false"], costs["true"], costs["false"])

			g, _ := c.codeFor(own)
			if got := c.submit(g, fields{"method": "code", "code": s.mail(t, own, "login_code_valid").code()}).is(200).at("session.identity.id").String(); got != id {
				t.Errorf("the owner signs in to %s, want %s", got, id)
			}
		})
	}
}

// TestSignUpBesideOnesOwn: who proves an address of their own does not learn whether
// another one that stands beside it is taken.
func TestSignUpBesideOnesOwn(t *testing.T) {
	onEach(t, passwordless(mitigated, "true", "selfservice.flows.registration.after.code.hooks", "[]"), func(t *testing.T, s *server) {
		told := func(email string) (string, string) {
			c, own := s.client(t, app), stranger().email
			f := c.begin("registration", "")
			with := fields{"method": "code", "traits.email": email, "traits.more": own}
			c.submit(f, with).saying(400, 1040005)
			with["code"] = s.mail(t, own, "registration_code_valid").code()
			s.clock.advance(time.Second)
			a := c.submit(f, with).is(200)
			return fmt.Sprint(len(a.body)-len(own)-len(email), " ", a.at("identity|@keys"), a.at("identity.verifiable_addresses.#.verified")), a.at("identity.id").String()
		}
		p := s.having(t, nil)
		taken, none := told(p.email)
		free, somebody := told(stranger().email)
		if taken != free {
			t.Errorf("with a taken address the answer is\n%s\nand with a free one\n%s", taken, free)
		}
		s.operator(t).get("/admin/identities/" + none).is(404)
		s.operator(t).get("/admin/identities/" + somebody).is(200)
		s.mail(t, p.email, "account_exists")
	})
}
