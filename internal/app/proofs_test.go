package app

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

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
					sent := s.mail(t, p.email, test.template)
					reader := c
					var a answer
					if test.method == "code" {
						c.submit(f, fields{"method": "code", "code": wrongFor(sent.code())})
						if s.identity(t, p).at("verifiable_addresses.0.verified").Bool() {
							t.Fatalf("%s: a wrong code has proven the address", how)
						}
						a = c.submit(f, fields{"method": "code", "code": sent.code()})
					} else {
						reader = s.client(t, page) // whatever the link is opened in
						a = reader.get(sent.link())
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
					untold := []string{f.id, p.email}
					if test.method == "link" { // six digits may be part of a duration
						untold = append(untold, mustURL(t, sent.link()).Query().Get("token"))
					}
					for _, told := range untold {
						if strings.Contains(s.log.String(), told) {
							t.Errorf("%s: the log tells of %s", how, told)
						}
					}
				}
			})
		})
	}
}

// TestPostedLink: a client that takes the link of a mail apart opens it by POST,
// and is led on as by GET. Another token proves nothing. A code in the address of
// a submission is none that was typed.
func TestPostedLink(t *testing.T) {
	onEach(t, byLink, func(t *testing.T, s *server) {
		for kind, to := range map[string]string{"recovery": ownPage, "verification": provePage} {
			for _, how := range styles {
				c, p := s.client(t, how), s.person(t)
				f := c.ask(kind, "link", p.email)
				link := s.mail(t, p.email, kind+"_valid").link()
				other := c.send("POST", f.action+"&token=x", fields{"method": "link"}).is(303)
				if other.location() != map[string]string{"recovery": helpPage, "verification": provePage}[kind] || s.identity(t, p).at("verifiable_addresses.0.verified").Bool() {
					t.Errorf("%s, %s: another token leads to %s", kind, how, other.location())
				}
				c.send("POST", link, fields{"method": "link"}).leads(303, to)
				if !s.identity(t, p).at("verifiable_addresses.0.verified").Bool() {
					t.Errorf("%s, %s: the address is not proven", kind, how)
				}
			}
		}
	})
	s := start(t, setup{more: byCode})
	c, p := s.client(t, app), s.person(t)
	f := c.ask("verification", "code", p.email)
	c.send("POST", f.action+"&code="+s.mail(t, p.email, "verification_code_valid").code(), fields{"method": "code"}).is(400)
}

// TestNobodysAddress: what is asked of an address that is nobody's runs the same
// statements in the same order, and is answered in the same words, as if it were
// somebody's, whether or not those who are nobody are told so.
func TestNobodysAddress(t *testing.T) {
	telling := strings.ReplaceAll(byCode, "enabled: true", "enabled: true, notify_unknown_recipients: true")
	for _, test := range []struct {
		what, method, more string
	}{
		{"codes", "code", byCode},
		{"links", "link", byLink},
		{"codes, and all are told", "code", telling},
		{"codes, with a choice", "code", byCode + "\nfeature_flags: {choose_recovery_address: true}"},
	} {
		t.Run(test.what, func(t *testing.T) {
			onEach(t, test.more, func(t *testing.T, s *server) {
				for _, kind := range []string{"recovery", "verification"} {
					for _, how := range []style{app, script} {
						ran, said := map[bool][]string{}, map[bool][]string{}
						for _, known := range []bool{true, false} {
							c, p := s.client(t, how), stranger()
							if known {
								p = s.person(t)
							}
							f := c.begin(kind, "")
							address, resend := "email", "email"
							if f.json.at(`ui.nodes.#(attributes.name=="recovery_address")`).Exists() {
								address, resend = "recovery_address", "recovery_confirm_address"
							}
							for _, with := range []fields{{"method": test.method, address: p.email}, {"method": test.method, "code": "000000"}, {"method": test.method, resend: p.email}} {
								ran[known] = append(ran[known], s.statements.during(func() {
									a := c.submit(f, with)
									said[known] = append(said[known], fmt.Sprint(a.status, a.at("state"), a.messages(), a.at("ui.nodes.#.attributes.name")))
								})...)
							}
						}
						if d := cmp.Diff(ran[true], ran[false]); d != "" {
							t.Errorf("%s, %s: somebody's (-), nobody's (+):\n%s", kind, how, d)
						}
						if d := cmp.Diff(said[true], said[false]); d != "" {
							t.Errorf("%s, %s: somebody's (-), nobody's (+):\n%s", kind, how, d)
						}
						if !slices.ContainsFunc(ran[true], func(sql string) bool { return strings.HasPrefix(sql, "INSERT INTO messages ") }) {
							t.Errorf("%s, %s: nothing was sent: this test sees nothing", kind, how)
						}
					}
				}
			})
		})
	}
}
