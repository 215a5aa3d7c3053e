package app

import "testing"

// ask sends the form of a recovery or a verification with an address, and gives
// the form as it is then.
func (c *client) ask(kind, method, email string) form {
	c.t.Helper()
	f := c.begin(kind, "")
	a := c.submit(f, fields{"method": method, "email": email})
	if c.style == page {
		a.is(303)
	} else {
		a.is(200)
	}
	return c.opened(kind, c.fetch(kind, f.id).is(200))
}

// TestProofs: who reads what is sent to an address gets back into their account
// with it, or proves the address; by code and by link, in each style.
func TestProofs(t *testing.T) {
	for _, test := range []struct{ more, kind, method, template string }{
		{byCode, "recovery", "code", "recovery_code_valid"},
		{byCode, "verification", "code", "verification_code_valid"},
		{byLink, "recovery", "link", "recovery_valid"},
		{byLink, "verification", "link", "verification_valid"},
	} {
		t.Run(test.kind+" by "+test.method, func(t *testing.T) {
			onEach(t, test.more, func(t *testing.T, s *server) {
				for _, how := range styles {
					c, p := s.client(t, how), s.person(t)
					f := c.ask(test.kind, test.method, p.email)
					sent := s.newest(t, p.email, test.template)
					reader := c
					var a answer
					if test.method == "code" {
						c.submit(f, fields{"method": "code", "code": otherCode(sent.code(t))})
						if s.identity(t, p).at("verifiable_addresses.0.verified").Bool() {
							t.Fatalf("%s: a wrong code has proven the address", how)
						}
						a = c.submit(f, fields{"method": "code", "code": sent.code(t)})
					} else {
						reader = s.client(t, page) // whatever the link is opened in
						a = reader.get(sent.link(t))
					}
					if test.kind == "recovery" {
						if test.method == "code" && how != page {
							a.refused(422, "browser_location_change_required")
						} else {
							a.leads(303, ownPage)
						}
						if reader.style != app {
							reader.whoami().is(200)
						}
					}
					if !s.identity(t, p).at("verifiable_addresses.0.verified").Bool() {
						t.Errorf("%s: the address is not proven: %s", how, a.body)
					}
				}
			})
		})
	}
}
