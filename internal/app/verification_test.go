package app

import (
	"net/url"
	"strings"
	"testing"
	"time"
)

// verified says whether somebody's first address is proven.
func (s *server) verified(t testing.TB, p person) bool {
	t.Helper()
	return s.identity(t, p).at("verifiable_addresses.0.verified").Bool()
}

// TestVerification: somebody proves their address with a code or a link.
func TestVerification(t *testing.T) {
	onEach(t, proving(), func(t *testing.T, s *server) {
		for _, style := range styles {
			p, c := s.person(t), s.client(t, style)
			f := c.asked("verification", p.email)
			first := s.mail(t, p.email, "verification_code_valid").code()
			s.clock.advance(time.Second)
			// Once more.
			c.went(f, c.submit(f, fields{"method": "code", "email": p.email}), 1080003)
			code := s.mail(t, p.email, "verification_code_valid").code()
			if first != code {
				c.went(f, c.typed(f, first), 4070006)
			}
			c.went(f, c.typed(f, wrongFor(code)), 4070006)
			if s.verified(t, p) {
				t.Fatalf("%s: it is proven by a wrong code", style)
			}
			c.went(f, c.typed(f, code), 1080002)
			if !s.verified(t, p) {
				t.Errorf("%s: it is not proven", style)
			}
			a := c.typed(f, code)
			if style == app {
				a.refused(410, "self_service_flow_replaced")
			} else if a.status >= 500 {
				t.Errorf("%s: the same code again: %d %s", style, a.status, a.body)
			}
			if a := c.whoami(); a.status != 401 {
				t.Errorf("%s: proving an address signs somebody in", style)
			}
		}
	})
	onEach(t, provingByLink(), func(t *testing.T, s *server) {
		for _, style := range styles {
			p, c := s.person(t), s.client(t, style)
			f := c.begin("verification", "")
			c.went(f, c.submit(f, fields{"method": "link", "email": p.email}), 1080001)
			first := s.mail(t, p.email, "verification_valid").link()
			s.clock.advance(time.Second)
			c.went(f, c.submit(f, fields{"method": "link", "email": p.email}), 1080001)
			link := s.mail(t, p.email, "verification_valid").link()
			reader := s.client(t, page)
			reader.replaced(f, reader.get(first), 4070001)
			if s.verified(t, p) {
				t.Fatalf("%s: it is proven by an older link", style)
			}
			if got := reader.get(link).leads(303, verificationPage).query("flow"); got != f.id {
				t.Errorf("%s: it leads to the form %q", style, got)
			}
			reader.fetch("verification", f.id).saying(200, 1080002)
			if !s.verified(t, p) {
				t.Errorf("%s: it is not proven", style)
			}
			reader.replaced(f, reader.get(link), 4070001)
			reader.whoami().refused(401, "session_inactive")
		}
	})
}

// TestVerificationFollows: a code is sent after signing up and after a change of
// address, and where configured clients are led to the form for it.
func TestVerificationFollows(t *testing.T) {
	for _, shown := range []bool{false, true} {
		more := proving()
		if shown {
			more = proving("selfservice.flows.registration.after.password.hooks", `[{"hook":"session"},{"hook":"show_verification_ui"}]`,
				"selfservice.flows.settings.after.profile.hooks", `[{"hook":"show_verification_ui"}]`,
				"selfservice.flows.login.after.password.hooks", `[{"hook":"verification"},{"hook":"show_verification_ui"}]`)
		}
		onEach(t, more, func(t *testing.T, s *server) {
			for _, style := range styles {
				c, p := s.client(t, style), stranger()
				// led is the form that the client is told of.
				led := func(what string, a answer) {
					t.Helper()
					code := s.mail(t, p.email, "verification_code_valid").code()
					if n := len(s.mails(t, p.email)); n != 1 {
						t.Errorf("%s, %s: %d mails", style, what, n)
					}
					id := ""
					if style == page {
						if a.is(303); a.location() == verificationPage {
							id = a.query("flow")
						}
					} else {
						id = a.is(200).at(`continue_with.#(action=="show_verification_ui").flow.id`).String()
					}
					if (id != "") != shown {
						t.Fatalf("%s, %s: told of the form %q: %v %s", style, what, id, a.header, a.body)
					}
					if shown {
						f := c.opened("verification", c.fetch("verification", id).saying(200, 1080003))
						c.went(f, c.typed(f, code), 1080002)
						if !s.verified(t, p) {
							t.Errorf("%s, %s: it is not proven", style, what)
						}
					}
				}
				a := c.submit(c.begin("registration", ""), p.signUp())
				if style == app {
					c.token = a.at("session_token").String()
				}
				p.id = c.whoami().is(200).at("identity.id").String()
				if got := s.identity(t, p).at("verifiable_addresses.0.status").String(); got != "sent" {
					t.Errorf("%s: the status is %q", style, got)
				}
				led("sign-up", a)
				p.email = stranger().email
				a = c.submit(c.begin("settings", ""), p.profile(nil))
				led("change", a)
				if shown {
					// An address that was never proven, at the next sign-in.
					q := s.person(t)
					c, p = s.client(t, style), q
					a := c.submit(c.begin("login", ""), p.login())
					led("login", a)
				}
			}
		})
	}
}

// TestUnprovenMayNotSignIn: where configured, who has proven no address is sent a
// code and does not sign in.
func TestUnprovenMayNotSignIn(t *testing.T) {
	const hook = `[{"hook":"require_verified_address"}]`
	onEach(t, proving("selfservice.flows.login.after.password.hooks", hook), func(t *testing.T, s *server) {
		for _, style := range styles {
			p, c := s.person(t), s.client(t, style)
			a := c.submit(c.begin("login", ""), p.login())
			id := ""
			if style == page {
				id = a.leads(303, verificationPage).query("flow")
			} else {
				if a.is(403); a.at("error.id").String() != "session_verified_address_required" {
					t.Fatalf("%s", a.body)
				}
				id = a.at(`error.details.continue_with.0.flow.id`).String()
			}
			c.whoami().refused(401, "session_inactive")
			if n := s.sessions(t, p); n != 0 {
				t.Errorf("%s: %d sessions", style, n)
			}
			f := c.opened("verification", c.fetch("verification", id).is(200))
			c.went(f, c.typed(f, s.mail(t, p.email, "verification_code_valid").code()), 1080002)
			c.signIn(p)
			c.whoami().is(200)
			// A wrong password sends nothing.
			q := s.person(t)
			c = s.client(t, style)
			c.submit(c.begin("login", ""), person{email: q.email, password: otherPass}.login())
			if len(s.mails(t, q.email)) != 0 {
				t.Errorf("%s: a wrong password sends a mail", style)
			}
		}
	})
	onEach(t, proving("selfservice.flows.login.after.password.hooks", hook, "feature_flags.legacy_require_verified_login_error", "true"), func(t *testing.T, s *server) {
		p, c := s.person(t), s.client(t, app)
		c.submit(c.begin("login", ""), p.login()).saying(400, 4000010)
		if len(s.mails(t, p.email)) != 0 {
			t.Error("a mail was sent")
		}
		s.proven(t, p)
		c.signIn(p)
	})
}

// TestCodeFilledIn: the link beside the code of a mail shows whoever has the mail
// the form with the code in it. It proves nothing, and is no place to try codes.
func TestCodeFilledIn(t *testing.T) {
	onEach(t, proving(), func(t *testing.T, s *server) {
		p, c := s.person(t), s.client(t, page)
		f := c.asked("verification", p.email)
		link := s.mail(t, p.email, "verification_code_valid").link()
		code := s.mail(t, p.email, "verification_code_valid").code()
		thief := s.client(t, page)
		bad := strings.Replace(link, "code="+code, "code="+wrongFor(code), 1)
		if bad == link {
			t.Fatalf("the link %q does not carry the code", link)
		}
		for range 2 {
			if got := thief.get(bad).leads(303, verificationPage).query("flow"); got != f.id {
				t.Errorf("a wrong code leads to %q", got)
			}
			thief.fetch("verification", f.id).refused(403, "security_csrf_violation")
		}
		// The browser that began still has it.
		if c.fetch("verification", f.id).is(200).value("code").String() != "" {
			t.Error("a wrong code was filled in")
		}
		reader := s.client(t, page)
		for range 8 { // a right one does not count
			reader.get(link).leads(303, verificationPage)
		}
		// Whoever began the form keeps it, and does not learn the code there.
		if c.fetch("verification", f.id).saying(200, 1080003).value("code").String() != "" {
			t.Error("the code is told to who did not bring it")
		}
		reader.send("HEAD", link, nil)
		if s.verified(t, p) {
			t.Error("looking proves the address")
		}
		for range 3 {
			thief.get(bad)
		}
		// That were five.
		other := s.client(t, page)
		other.get(link)
		other.fetch("verification", f.id).refused(403, "security_csrf_violation")
		shown := reader.fetch("verification", f.id).is(200)
		reader.replaced(f, reader.typed(reader.opened("verification", shown), code), 4000001)
		if s.verified(t, p) {
			t.Error("a code is right after too many wrong ones")
		}
	})
}

// TestSeveralReaders: of those that open the link of one form the last one has
// it, besides whoever began it; and of several CSRF cookies the first counts.
func TestSeveralReaders(t *testing.T) {
	onEach(t, proving(), func(t *testing.T, s *server) {
		p := s.person(t)
		c := s.client(t, page)
		f := c.asked("verification", p.email)
		sent := s.mail(t, p.email, "verification_code_valid")
		first, last := s.client(t, page), s.client(t, page)
		for _, reader := range []*client{first, last} {
			reader.get(sent.link()).leads(303, verificationPage)
			reader.fetch("verification", f.id).is(200)
		}
		first.fetch("verification", f.id).refused(403, "security_csrf_violation")
		c.fetch("verification", f.id).saying(200, 1080003)

		name := ""
		for _, k := range last.http.Jar.Cookies(mustURL(t, s.public)) {
			if strings.HasPrefix(k.Name, "csrf_token_") {
				name = k.Name
			}
		}
		shown := last.opened("verification", last.fetch("verification", f.id).is(200))
		with := func(readers ...*client) string {
			var all []string
			for _, r := range readers {
				all = append(all, name+"="+r.cookie(name))
			}
			return strings.Join(all, "; ")
		}
		bare := s.client(t, page) // without cookies of its own
		for cookies, want := range map[string]int{with(last, first): 200, with(last, first, c): 200, with(first, last): 403, with(first, last, c): 403, name + "=; " + with(last): 403} {
			if a := bare.get("/self-service/verification/flows?id="+f.id, "Accept", "application/json", "Cookie", cookies); a.status != want {
				t.Errorf("%q: %d, want %d: %s", cookies, a.status, want, a.body)
			}
		}
		bare.submit(shown, fields{"method": "code", "code": sent.code()}, "Accept", "application/json", "Cookie", with(first, last)).is(403)
		if s.verified(t, p) {
			t.Error("the address is proven by the browser of somebody else")
		}
		bare.submit(shown, fields{"method": "code", "code": sent.code()}, "Accept", "application/json", "Cookie", with(last, first)).saying(200, 1080002)
		if !s.verified(t, p) {
			t.Error("the address is not proven")
		}
	})
}

// TestCodeIsForItsReader: who begins a verification of the address of somebody
// else learns no code when a program looks through that mail, and the owner can go
// on in either browser.
func TestCodeIsForItsReader(t *testing.T) {
	onEach(t, proving(), func(t *testing.T, s *server) {
		for _, style := range styles {
			p, c := s.person(t), s.client(t, style)
			f := c.asked("verification", p.email)
			link := s.mail(t, p.email, "verification_code_valid").link()
			code := s.mail(t, p.email, "verification_code_valid").code()
			s.client(t, page).get(link).leads(303, verificationPage) // a program
			a := c.fetch("verification", f.id).saying(200, 1080003)
			if strings.Contains(string(a.body), code) {
				t.Errorf("%s: who began it reads the code", style)
			}
			c.went(f, c.typed(f, code), 1080002)
		}
	})
}

// TestVerificationLeadsOn: who has proven an address goes on where the form was asked to
// lead. One that follows a sign-up leads where that wanted to, where the built-in page
// shows it: pages of others do not expect that.
func TestVerificationLeadsOn(t *testing.T) {
	hooks := []string{"selfservice.flows.registration.after.password.hooks", `[{"hook":"session"},{"hook":"show_verification_ui"}]`}
	builtIn := proving(append(hooks, "selfservice.flows.verification.ui_url", `""`)...)
	to := "return_to=" + url.QueryEscape(welcome)
	for _, tt := range []struct{ more, query, own, signUp string }{
		{builtIn, "", homePage, homePage},
		{builtIn, to, welcome, welcome},
		{proving(hooks...), to, welcome, homePage},
		{proving(hooks...), "after_verification_" + to, homePage, welcome},
	} {
		onEach(t, tt.more, func(t *testing.T, s *server) {
			c := s.client(t, page)
			leads := func(what string, f form, p person, want string) {
				t.Helper()
				shown := c.went(f, c.typed(f, s.mail(t, p.email, "verification_code_valid").code()), 1080002)
				if got := shown.at(`ui.nodes.#(attributes.id=="continue").attributes.href`).String(); got != want {
					t.Errorf("%s with %q leads to %q, want %q", what, tt.query, got, want)
				}
			}
			p, f := s.person(t), c.begin("verification", tt.query)
			c.went(f, c.submit(f, fields{"method": "code", "email": p.email}), 1080003)
			leads("a verification", f, p, tt.own)
			p = stranger()
			id := c.submit(c.begin("registration", tt.query), p.signUp()).is(303).query("flow")
			leads("a sign-up", c.opened("verification", c.fetch("verification", id).is(200)), p, tt.signUp)
		})
	}
}

// TestLeadingAstray: where pages are told to lead people is allowed, or nothing.
func TestLeadingAstray(t *testing.T) {
	const evil = "https://evil.example/"
	more := proving(transitions, "true", "selfservice.flows.registration.after.password.hooks", `[{"hook":"session"},{"hook":"show_verification_ui"}]`)
	onEach(t, more, func(t *testing.T, s *server) {
		for to, want := range map[string]string{evil: "", welcome: welcome} {
			c, p := s.client(t, script), stranger()
			a := c.submit(c.begin("registration", "after_verification_return_to="+url.QueryEscape(to)), p.signUp()).is(200)
			id := a.at(`continue_with.#(action=="show_verification_ui").flow.id`).String()
			if got := c.fetch("verification", id).is(200).at("return_to").String(); got != want {
				t.Errorf("after a verification it leads to %q, want %q", got, want)
			}
		}
		p, c := s.person(t), s.client(t, app)
		f := c.asked("recovery", p.email)
		a := c.submit(form{action: f.action + "&return_to=" + url.QueryEscape(evil)}, fields{"method": "code", "code": s.mail(t, p.email, "recovery_code_valid").code()}).is(200)
		c.token = a.at(`continue_with.#(action=="set_ory_session_token").ory_session_token`).String()
		shown := c.fetch("settings", a.at(`continue_with.#(action=="show_settings_ui").flow.id`).String()).is(200)
		if strings.Contains(string(shown.body), "evil") {
			t.Errorf("after a recovery it leads to %s", shown.at("return_to"))
		}
		// A form that is replaced.
		c = s.client(t, page)
		f = c.begin("recovery", "")
		s.clock.advance(time.Hour)
		id := c.submit(form{action: f.action + "&return_to=" + url.QueryEscape(evil)}, fields{"method": "code", "email": p.email}).leads(303, recoveryPage).query("flow")
		if got := c.fetch("recovery", id).is(200).at("return_to").String(); got != "" {
			t.Errorf("a new form leads to %q", got)
		}
	})
}
