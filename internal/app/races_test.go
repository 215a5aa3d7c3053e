package app

import (
	"sync"
	"testing"

	"golang.org/x/crypto/bcrypt"
)

// TestSigningInWhileHashedAnew: the first sign-in after an import hashes the
// password anew. Others who are checked against the former hash at that time
// have the right password too.
func TestSigningInWhileHashedAnew(t *testing.T) {
	onEach(t, "", func(t *testing.T, s *server) {
		o, p := s.operator(t), s.person(t)
		old, err := bcrypt.GenerateFromPassword([]byte(p.password), 5) // not the cost that is configured
		if err != nil {
			t.Fatal(err)
		}
		o.send("PATCH", "/admin/identities/"+p.id, patch("replace", "/credentials/password/config/hashed_password", string(old))).is(200)
		var all sync.WaitGroup
		for range 6 {
			c := s.client(t, app)
			f := c.begin("login", "")
			all.Go(func() {
				a, err := c.try("POST", f.action, p.login())
				if err != nil || a.status != 200 {
					t.Errorf("%d %s %v", a.status, a.body, err)
				}
			})
		}
		all.Wait()
	})
}

// TestRenewedAtOnce: an app that proves itself several times at once loses
// none of the proofs.
func TestRenewedAtOnce(t *testing.T) {
	onEach(t, "", func(t *testing.T, s *server) {
		p := s.person(t)
		c := s.client(t, app)
		c.signIn(p)
		var forms []form
		for range 3 {
			forms = append(forms, c.begin("login", "refresh=true"))
		}
		var all sync.WaitGroup
		for _, f := range forms {
			all.Go(func() {
				a, err := c.try("POST", f.action, p.login())
				if err != nil || a.status != 200 {
					t.Errorf("%d %s %v", a.status, a.body, err)
				}
			})
		}
		all.Wait()
		if got := c.whoami().is(200).at("authentication_methods.#").Int(); got != 4 {
			t.Errorf("the session knows %d proofs, want 4", got)
		}
	})
}

// TestSignedUpTwice: of two submissions of one form, the second is told that
// the form is used, not that somebody has the address.
func TestSignedUpTwice(t *testing.T) {
	onEach(t, "", func(t *testing.T, s *server) {
		c := s.client(t, app)
		f := c.begin("registration", "")
		body := map[string]any{"method": "password", "password": "violet-kayak-sings-at-noon", "traits": map[string]any{"email": "twice@example.org"}}
		c.try("POST", f.action, body)
		again, err := s.client(t, app).try("POST", f.action, body)
		if err != nil {
			t.Fatal(err)
		}
		again.saying(400, 4010003)
	})
}
