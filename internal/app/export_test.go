package app

import (
	"net/url"
	"slices"
	"strings"
	"testing"

	"zelus/internal/store"
)

const exportPath = "/self-service/account/export"

// proves has somebody prove that their address is theirs, by a code.
func (s *server) proves(t testing.TB, p person) {
	t.Helper()
	c := s.client(t, app)
	f := c.ask("verification", "code", p.email)
	c.submit(f, fields{"method": "code", "code": s.mail(t, p.email, "verification_code_valid").code()}).is(200)
}

// TestExport: people get all that is kept about them, as a file, and nothing that is
// secret or about others.
func TestExport(t *testing.T) {
	onEach(t, withTrust, func(t *testing.T, s *server) {
		c, p, _ := s.trusts(t)
		o := s.operator(t)
		o.send("PATCH", "/admin/identities/"+p.id, patch("add", "/metadata_public", "for all")).is(200)
		o.send("PATCH", "/admin/identities/"+p.id, patch("add", "/metadata_admin", "for us")).is(200)
		s.enqueue(t, p.email, "")
		a := c.get(exportPath).is(200)
		if got := a.at("messages.#").Int(); got != 0 {
			t.Errorf("there are %d messages to an address that may be somebody else's", got)
		}
		s.proves(t, p)
		if err := s.app.store.Write(t.Context(), store.Durable, func(tx *store.Tx) error {
			now := s.clock.now()
			return tx.InsertMessage(t.Context(), &store.Message{Status: store.MessageDecoy, Type: "email", Channel: "email", Template: "x", Recipient: p.email, Content: []byte("x"), CreatedAt: now, UpdatedAt: now})
		}); err != nil {
			t.Fatal(err)
		}
		a = c.get(exportPath).is(200)
		if got := a.header.Get("Content-Disposition"); got != `attachment; filename="account.json"` {
			t.Errorf("Content-Disposition is %q", got)
		}
		if a.at("identity.id").String() != p.id || a.at("identity.verifiable_addresses.0.verified").Bool() != true || a.at("identity.metadata_public").String() != "for all" ||
			a.at("credentials.#").Int() < 2 || a.at("sessions.#").Int() != 1 || a.at("trusted_devices.#").Int() != 1 || a.at("history.#").Int() != 1 {
			t.Errorf("something is missing: %s", a.body)
		}
		var templates []string
		for _, m := range a.at("messages.#.template_type").Array() {
			templates = append(templates, m.String())
		}
		if !slices.Contains(templates, "verification_code_valid") || slices.Contains(templates, "x") {
			t.Errorf("the messages are %v", templates)
		}
		for _, secret := range []string{"for us", "metadata_admin", "hashed_password", "totp_url", "$2a", c.cookie(trustedCookie), c.secret()} {
			if strings.Contains(string(a.body), secret) {
				t.Errorf("it tells %q: %s", secret, a.body)
			}
		}
		_, other := s.signedIn(t, app)
		if strings.Contains(string(a.body), other.id) {
			t.Errorf("it tells of somebody else: %s", a.body)
		}
	})
}

// TestExportNeedsProof: an export wants a fresh proof of all factors, and a plain
// browser is led there and back.
func TestExportNeedsProof(t *testing.T) {
	onEach(t, withTrust, func(t *testing.T, s *server) {
		for _, style := range styles {
			c := s.client(t, style)
			if style == page {
				c.get(exportPath).leads(303, s.public+"/self-service/login/browser")
			} else {
				c.get(exportPath).refused(401, "session_inactive")
			}
			p := s.person(t)
			c.signIn(p)
			c.get(exportPath).is(200)
			s.clock.advance(privileged)
			a := c.get(exportPath)
			if style != page {
				a.refused(403, "session_refresh_required")
				continue
			}
			a.leads(303, s.public+"/self-service/login/browser")
			if to := a.query("return_to"); to != s.public+exportPath || a.query("refresh") != "true" {
				t.Errorf("it leads to %s", a.header.Get("Location"))
			}
			f := c.opened("login", c.fetch("login", c.get(a.header.Get("Location")).is(303).query("flow")).is(200))
			back := c.submit(f, p.login()).leads(303, s.public+exportPath)
			c.get(back.header.Get("Location")).is(200)
		}
		// The password alone does not do where there is a second factor.
		c, p, factor := s.twoFactors(t, app)
		s.clock.advance(privileged)
		c.finish(c.begin("login", "refresh=true"), p.login())
		a := c.get(exportPath).refused(403, "session_refresh_required")
		if to := mustURL(t, a.at("redirect_browser_to").String()); to.Query().Get("aal") != "aal2" {
			t.Errorf("it leads to %s", to)
		}
		c.finish(c.begin("login", "refresh=true&aal=aal2"), factor.code())
		c.get(exportPath).is(200)
		d := s.client(t, app)
		d.signIn(p)
		d.get(exportPath).refused(403, "session_aal2_required")
		d.get(exportPath+"?"+url.Values{"id": {p.id}}.Encode()).refused(403, "session_aal2_required")
	})
}
