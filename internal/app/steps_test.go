package app

import (
	"fmt"
	"slices"
	"strings"
	"testing"
)

// inSteps is laid over the configuration in testdata where people sign up in two
// steps.
const inSteps = "selfservice: {flows: {registration: {style: profile_first}}}"

// shown are the fields of a form, in their order, with an exclamation mark where
// they are hidden and the values of buttons; then what is said.
func (a answer) shown() string {
	a.t.Helper()
	var all []string
	for _, n := range a.at("ui.nodes").Array() {
		name := n.Get("attributes.name").String()
		switch n.Get("attributes.type").String() {
		case "hidden":
			name = "!" + name
		case "submit":
			name += "=" + n.Get("attributes.value").String()
		}
		all = append(all, strings.TrimPrefix(name, "traits."))
	}
	return strings.ReplaceAll(fmt.Sprint(all, a.messages()), "traits.", "")
}

// typed is the value of a field.
func (a answer) typed(name string) string {
	return a.at(`ui.nodes.#(attributes.name=="` + name + `").attributes.value`).String()
}

// What a registration in two steps shows.
const (
	whoForm = "[!csrf_token email name method=profile] "
	howForm = "[!csrf_token !email password !name method=password screen=previous] "
)

// TestRegistrationInSteps goes through a registration in two steps, and back.
func TestRegistrationInSteps(t *testing.T) {
	onEach(t, inSteps, func(t *testing.T, s *server) {
		for _, style := range styles {
			t.Run(string(style), func(t *testing.T) {
				c, p := s.client(t, style), stranger()
				f := c.begin("registration", "")
				// sent submits the form and gives it as its page shows it.
				sent := func(status int, with fields) answer {
					t.Helper()
					a := c.submit(f, with)
					if style == page {
						a.is(status)
						a = c.fetch("registration", f.id).is(200)
					} else {
						a.is(400)
					}
					f = c.opened("registration", a)
					return a
				}
				want := func(a answer, form string, said ...int64) {
					t.Helper()
					if want := form + fmt.Sprint(said); a.shown() != want {
						t.Errorf("got %s, want %s", a.shown(), want)
					}
				}
				want(f.json, whoForm)

				want(sent(302, fields{"method": "profile", "traits.email": "nobody", "traits.name": "Ada"}), whoForm, 4000040)
				if n := f.json.typed("traits.name"); n != "Ada" {
					t.Errorf("the name is %q", n)
				}
				want(sent(303, fields{"method": "profile", "traits.email": "typo-" + p.email, "traits.name": "Ada"}), howForm, 1040009)
				// Who goes back may do so without sending the traits once more.
				want(sent(303, fields{"screen": "previous"}), whoForm)
				if f.json.typed("traits.email") != "typo-"+p.email || f.json.typed("traits.name") != "Ada" {
					t.Errorf("what was typed is gone: %s", f.json.body)
				}
				want(sent(303, fields{"method": "profile", "screen": "credential-selection", "traits.email": p.email}), howForm, 1040009)
				want(sent(303, fields{"method": "profile:back", "traits.email": p.email}), whoForm)
				want(sent(303, fields{"method": "profile", "traits.email": p.email}), howForm, 1040009)
				// What is wrong with the traits is shown where it can be mended.
				want(sent(302, fields{"method": "password", "password": p.password, "traits.email": "nobody"}), whoForm, 4000040)
				want(sent(303, fields{"method": "profile", "traits.email": p.email}), howForm, 1040009)
				want(sent(302, fields{"method": "password", "password": "abc", "traits.email": p.email}), howForm, 4000032)
				want(sent(302, fields{"traits.email": p.email}), howForm, 4010003)
				if n := f.json.typed("traits.email"); n != p.email {
					t.Errorf("the second step holds the address %q", n)
				}
				c.finish(f, p.signUp())
				if c.whoami().is(200).at("identity.traits.email").String() != p.email {
					t.Errorf("somebody else has signed up: %s", c.whoami().body)
				}
			})
		}
	})
}

// TestStepsAtOnce: what a step does not show may be sent all the same.
func TestStepsAtOnce(t *testing.T) {
	s := start(t, setup{more: inSteps})
	c, p := s.client(t, app), stranger()
	c.finish(c.begin("registration", ""), p.signUp())
	c.token = ""

	// Whatever is wrong is shown in the step that it belongs to.
	f := c.begin("registration", "")
	if a := c.submit(f, p.signUp()).saying(400, 4000007); !strings.HasPrefix(a.shown(), howForm) || a.typed("traits.email") != p.email {
		t.Errorf("an address that is taken: %s", a.body)
	}
	f = c.begin("registration", "")
	if a := c.submit(f, fields{"method": "password", "traits.email": "x@example.org", "password": "abc"}).saying(400, 4000032); !strings.HasPrefix(a.shown(), howForm) {
		t.Errorf("a short password: %s", a.shown())
	}
	f = c.begin("registration", "")
	if a := c.submit(f, fields{"method": "password", "traits.email": "x", "password": p.password}).saying(400, 4000040); !strings.HasPrefix(a.shown(), whoForm) {
		t.Errorf("a bad address: %s", a.shown())
	}
	// A form that has expired begins anew, with its first step.
	c.submit(f, fields{"method": "profile", "traits.email": p.email}).is(400)
	s.clock.advance(sessionLifespan)
	fresh := c.submit(f, p.signUp()).is(410).at("use_flow_id").String()
	if a := c.fetch("registration", fresh).is(200); a.shown() != whoForm+"[4040001]" {
		t.Errorf("the form that takes its place: %s", a.shown())
	}
}

// TestOneStep: no form has two steps where the configuration wants one, where
// nothing asks for the data, and for clients that know no other.
func TestOneStep(t *testing.T) {
	const whole = "[!csrf_token email password name method=password] []"
	for what, more := range map[string]string{
		"unified":            "{}",
		"the older key":      "selfservice: {flows: {registration: {style: profile_first, enable_legacy_one_step: true}}}",
		"without the method": "selfservice: {flows: {registration: {style: profile_first}}, methods: {profile: {enabled: false}}}",
	} {
		c := start(t, setup{more: more}).client(t, app)
		f := c.begin("registration", "")
		if f.json.shown() != whole {
			t.Errorf("%s: %s", what, f.json.shown())
		}
		c.submit(f, fields{"method": "profile", "traits.email": "x@example.org"}).saying(400, 4010003)
	}
	s := start(t, setup{more: inSteps})
	for _, how := range styles {
		c, p := s.old(t, how), stranger()
		f := c.begin("registration", "")
		if f.json.aged().shown() != whole {
			t.Errorf("v0alpha2, %s: %s", how, f.json.shown())
		}
		c.finish(f, p.signUp())
	}
}

// byName is laid over the configuration where people sign in in two steps, silent
// where a form must not tell who has an account besides.
const (
	byName = "selfservice: {flows: {login: {style: identifier_first}}}"
	silent = "security: {account_enumeration: {mitigate: true}}"
)

// What a login in two steps shows.
const (
	nameForm  = "[identifier method=identifier_first !csrf_token] "
	proveForm = "[!identifier !csrf_token password method=password] "
	bareForm  = "[!identifier !csrf_token] "
)

// TestLoginInSteps: first the identifier, then what that person has.
func TestLoginInSteps(t *testing.T) {
	onEach(t, byName, func(t *testing.T, s *server) {
		// Somebody who has nothing but a social account is found by their address.
		social := stranger()
		social.id = s.operator(t).send("POST", "/admin/identities", map[string]any{"schema_id": "person", "traits": fields{"email": social.email},
			"credentials": map[string]any{"oidc": map[string]any{"config": map[string]any{"providers": []fields{{"provider": "google", "subject": "1"}}}}}}).is(201).at("id").String()
		for _, style := range styles {
			t.Run(string(style), func(t *testing.T) {
				c, p := s.client(t, style), s.person(t)
				f := c.begin("login", "")
				sent := func(with fields) answer {
					t.Helper()
					a := c.submit(f, with)
					if style == page {
						a.is(303)
						a = c.fetch("login", f.id)
						a.is(200)
					} else {
						a.is(400)
					}
					f = c.opened("login", a)
					return a
				}
				want := func(a answer, form, active, identifier string, said ...int64) {
					t.Helper()
					if want := form + fmt.Sprint(said); a.shown() != want || a.at("active").String() != active || a.typed("identifier") != identifier {
						t.Errorf("got %s of %q, active %q, want %s of %q, active %q", a.shown(), a.typed("identifier"), a.at("active"), want, identifier, active)
					}
				}
				want(f.json, nameForm, "", "")
				want(sent(fields{"method": "identifier_first"}), nameForm, "", "", 4000037)
				want(sent(fields{"method": "identifier_first", "identifier": "nobody@example.org"}), nameForm, "", "nobody@example.org", 4000037)
				long := strings.Repeat("a", 1025)
				want(sent(fields{"method": "identifier_first", "identifier": long}), nameForm, "", "", 4000037)
				// Who knows the rest may send all at once.
				want(sent(fields{"method": "password", "identifier": p.email, "password": "wrong"}), nameForm, "", p.email, 4000006)

				typed := "  " + strings.ToUpper(p.email)
				want(sent(fields{"method": "identifier_first", "identifier": typed}), proveForm, "identifier_first", typed)
				want(sent(fields{"method": "password", "identifier": typed, "password": "wrong"}), proveForm, "identifier_first", typed, 4000006)
				want(sent(fields{"method": "identifier_first", "identifier": social.email}), bareForm, "identifier_first", social.email)
				// A name proves nothing, and whoever proves to be somebody else is that one.
				c.finish(f, p.login())
				if who := c.whoami().is(200).at("identity.id").String(); who != p.id {
					t.Errorf("signed in is %s, want %s", who, p.id)
				}
				// Who is known need not say who they are.
				if f := c.begin("login", "refresh=true"); f.json.shown() != "[!csrf_token !identifier password method=password] [1010003]" {
					t.Errorf("a refresh: %s", f.json.shown())
				}
			})
		}

		c := s.client(t, app)
		f, p := c.begin("login", ""), s.person(t)
		c.submit(f, fields{"method": "identifier_first", "identifier": p.email}).is(400)
		s.operator(t).send("DELETE", "/admin/identities/"+p.id, nil).is(204)
		if a := c.submit(f, p.login()).saying(400, 4000006); a.shown() != proveForm+"[4000006]" {
			t.Errorf("whoever was named is gone: %s", a.shown())
		}
		s.clock.advance(sessionLifespan)
		fresh := c.submit(f, p.login()).is(410).at("use_flow_id").String()
		if a := c.fetch("login", fresh).is(200); a.shown() != nameForm+"[4010001]" || a.typed("identifier") != p.email || a.at("active").Exists() {
			t.Errorf("the form that takes its place: %s", a.body)
		}

		for _, how := range styles {
			c, p := s.old(t, how), s.person(t)
			f := c.begin("login", "")
			if f.json.aged().shown() != "[!csrf_token identifier password method=password] []" {
				t.Errorf("v0alpha2, %s: %s", how, f.json.shown())
			}
			c.finish(f, p.login())
		}
	})
}

// TestNamingTellsNothing: where a form must not tell who has an account, the
// second step is the same for everybody, and the way there too.
func TestNamingTellsNothing(t *testing.T) {
	s := start(t, setup{more: byName + "\n" + silent})
	known, gone := s.person(t), s.person(t)
	s.operator(t).send("PATCH", "/admin/identities/"+gone.id, []fields{{"op": "replace", "path": "/state", "value": "inactive"}}).is(200)
	var first []string
	for _, who := range []string{known.email, stranger().email, gone.email, "no address"} {
		c := s.client(t, app)
		f := c.begin("login", "")
		var a answer
		run := s.statements.during(func() { a = c.submit(f, fields{"method": "identifier_first", "identifier": who}).is(400) })
		if a.shown() != proveForm+"[]" || a.at("active").String() != "identifier_first" || a.typed("identifier") != who {
			t.Errorf("%s: %s", who, a.body)
		}
		run = append(run, s.statements.during(func() {
			c.submit(f, fields{"method": "password", "identifier": who, "password": "wrong"}).saying(400, 4000006)
		})...)
		if first == nil {
			first = run
		}
		if !slices.Equal(run, first) {
			t.Errorf("%s: %d statements, and %d for somebody who is there:\n%s", who, len(run), len(first), strings.Join(run, "\n"))
		}
	}
}
