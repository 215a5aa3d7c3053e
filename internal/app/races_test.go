package app

import (
	"fmt"
	"slices"
	"sync"
	"testing"

	"github.com/google/uuid"
	"golang.org/x/crypto/bcrypt"

	"zelus/internal/auth"
	"zelus/internal/ceremony/ceremonytest"
	"zelus/internal/store"
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

// TestChangedAtOnce: somebody changes their data in several windows, and an
// operator theirs, at the same time. All of it succeeds, and nothing is lost.
func TestChangedAtOnce(t *testing.T) {
	onEach(t, "", func(t *testing.T, s *server) {
		c, p := s.signedIn(t, app)
		one, o := c.begin("settings", ""), s.operator(t)
		path := "/admin/identities/" + p.id
		o.send("PATCH", path, patch("add", "/metadata_admin", map[string]any{})).is(200)
		var all sync.WaitGroup
		const each = 4
		for n := range each {
			other := c.begin("settings", "")
			for _, change := range []struct {
				f    form
				with fields
			}{{one, p.profile(fields{"traits.name": "Ada"})}, {other, p.profile(fields{"traits.name": "Ada"})}, {one, newPassword(fmt.Sprintf("%s-%d", otherPass, n))}} {
				all.Go(func() {
					a, err := c.try("POST", change.f.action, change.with)
					if err != nil || a.status != 200 || a.at("state").String() != "success" {
						t.Errorf("%s: %d %s %v", change.with["method"], a.status, a.body, err)
					}
				})
			}
			all.Go(func() {
				a, err := o.try("PATCH", path, patch("add", fmt.Sprintf("/metadata_admin/n%d", n), n))
				if err != nil || a.status != 200 {
					t.Errorf("the operator: %d %s %v", a.status, a.body, err)
				}
			})
		}
		all.Wait()
		a := s.identity(t, p)
		if a.at("traits.name").String() != "Ada" {
			t.Errorf("the name is lost: %s", a.body)
		}
		known := 0
		for n := range each {
			if got := a.at(fmt.Sprintf("metadata_admin.n%d", n)); !got.Exists() || got.Int() != int64(n) {
				t.Errorf("what the operator added as n%d is lost: %s", n, a.body)
			}
			if s.knows(t, p.email, fmt.Sprintf("%s-%d", otherPass, n)) {
				known++
			}
		}
		if known != 1 || s.knows(t, p.email, p.password) {
			t.Errorf("%d of the new passwords are right, want 1", known)
		}
		c.whoami().is(200)
	})
}

// TestAddressTakenAtOnce: of several who want one address at once, one gets it.
func TestAddressTakenAtOnce(t *testing.T) {
	onEach(t, "", func(t *testing.T, s *server) {
		const people = 6
		email := stranger().email
		answers := make(chan answer, people)
		var all sync.WaitGroup
		for range people {
			c, _ := s.signedIn(t, app)
			f := c.begin("settings", "")
			all.Go(func() {
				a, err := c.try("POST", f.action, fields{"method": "profile", "traits.email": email})
				if err != nil {
					t.Error(err)
				}
				answers <- a
			})
		}
		all.Wait()
		close(answers)
		won := 0
		for a := range answers {
			if a.status == 200 {
				won++
			} else {
				a.saying(400, 4000007)
			}
		}
		if won != 1 {
			t.Errorf("%d got the address, want 1", won)
		}
	})
}

// TestRevokedWhileChanging: a session that ends while its owner's new password
// is being hashed changes nothing after its end was acknowledged.
func TestRevokedWhileChanging(t *testing.T) {
	onEach(t, "", func(t *testing.T, s *server) {
		for what, end := range map[string]func(o *client, p person) (answer, error){
			"revoked": func(o *client, p person) (answer, error) {
				return o.try("DELETE", "/admin/identities/"+p.id+"/sessions", nil)
			},
			"switched off": func(o *client, p person) (answer, error) {
				return o.try("PATCH", "/admin/identities/"+p.id, patch("replace", "/state", "inactive"))
			},
			"deleted": func(o *client, p person) (answer, error) { return o.try("DELETE", "/admin/identities/"+p.id, nil) },
		} {
			for range 4 {
				c, p := s.signedIn(t, app)
				f, o := c.begin("settings", ""), s.operator(t)
				var all sync.WaitGroup
				var changed, ended answer
				var changing, ending error
				all.Go(func() { changed, changing = c.try("POST", f.action, newPassword(otherPass)) })
				all.Go(func() { ended, ending = end(o, p) })
				all.Wait()
				if changing != nil || ending != nil || ended.status >= 300 {
					t.Fatalf("%s: %v, %v, %d %s", what, changing, ending, ended.status, ended.body)
				}
				// Who is deleted while they are being read may look like
				// somebody without a sign-in name.
				if changed.status != 200 && (what != "deleted" || changed.status != 400) {
					changed.refused(401, "session_inactive")
				}
				c.submit(f, newPassword(p.password+"2")).refused(401, "session_inactive")
				if what == "revoked" && s.knows(t, p.email, otherPass) != (changed.status == 200) {
					t.Errorf("it answered %d, which is not what happened", changed.status)
				}
			}
		}
	})
}

// TestKeysUsedAtOnce: somebody signs in with several keys at the same moment, alone
// and as a second factor. Each of them is noted as used; none refuses another.
func TestKeysUsedAtOnce(t *testing.T) {
	onEach(t, withKeys("", ""), func(t *testing.T, s *server) {
		const keys = 6
		c, p := s.signedIn(t, script)
		both := map[string][]*ceremonytest.Authenticator{}
		for range keys {
			k, other := ceremonytest.New(t, keyPage), ceremonytest.New(t, keyPage)
			c.addsPasskey(k)
			c.addsKey(other)
			both["passkey"], both["webauthn"] = append(both["passkey"], k), append(both["webauthn"], other)
		}
		var alone, second []func()
		for n := range keys {
			c := s.client(t, script)
			f := c.begin("login", "")
			alone = append(alone, c.sends(f, fields{"method": "passkey", "passkey_login": both["passkey"][n].Get(f.json.field("passkey_challenge"))}, 200, 422))
			c = s.client(t, script)
			c.submit(c.begin("login", ""), p.login()).is(422)
			f = c.begin("login", "aal=aal2")
			second = append(second, c.sends(f, fields{"method": "webauthn", "identifier": p.email, "webauthn_login": both["webauthn"][n].Get(f.json.field("webauthn_login_trigger"))}, 200))
		}
		s.atOnce(t, p, "FROM lookups l", alone...)
		s.atOnce(t, p, "FROM credentials WHERE identity_id", second...)
		for _, kind := range []string{"passkey", "webauthn"} {
			stored := s.stored(t, p, kind)
			if used := stored.Get("credentials.#.last_used_at").Array(); len(used) != keys {
				t.Errorf("%s: %d of %d keys are noted as used", kind, len(used), keys)
			}
			for _, count := range stored.Get("credentials.#.authenticator.sign_count").Array() {
				if count.Int() != 2 {
					t.Errorf("%s: a counter of %s is stored, want 2", kind, count.Raw)
				}
			}
		}
	})
}

// TestCopyUsedAtOnce: of a key and its copy, which answer with one counter, one lets
// somebody in.
func TestCopyUsedAtOnce(t *testing.T) {
	onEach(t, withKeys("", ""), func(t *testing.T, s *server) {
		k := ceremonytest.New(t, keyPage)
		_, p := s.signsUpWithPasskey(t, k)
		twin := *k
		var all []func()
		for _, k := range []*ceremonytest.Authenticator{k, &twin} {
			c := s.client(t, script)
			f := c.begin("login", "")
			all = append(all, c.sends(f, fields{"method": "passkey", "passkey_login": k.Get(f.json.field("passkey_challenge"))}, 200, 400))
		}
		before := s.sessions(t, p)
		s.atOnce(t, p, "FROM lookups l", all...)
		if in := s.sessions(t, p) - before; in != 1 {
			t.Errorf("%d got in, want 1", in)
		}
	})
}

// sends is a submission that is made later, by somebody else than the test; its
// status is one of these.
func (c *client) sends(f form, with fields, statuses ...int) func() {
	body := c.body(f, with)
	return func() {
		if a, err := c.try("POST", f.action, body); err != nil || !slices.Contains(statuses, a.status) {
			c.t.Errorf("%s: %d %s %v", with["method"], a.status, a.body, err)
		}
	}
}

// atOnce makes submissions about somebody, none of which is committed before all
// have run the statement with this text.
func (s *server) atOnce(t *testing.T, p person, text string, submissions ...func()) {
	t.Helper()
	id, begun, release := uuid.MustParse(p.id), make(chan struct{}), make(chan struct{})
	var all sync.WaitGroup
	all.Go(func() {
		once := sync.OnceFunc(func() { close(begun) })
		if err := s.app.store.Write(t.Context(), store.Volatile, func(tx *store.Tx) error {
			_, err := tx.StillProven(t.Context(), auth.DefaultProject, id, auth.Credential{})
			once()
			<-release
			return err
		}); err != nil {
			t.Error(err)
		}
	})
	<-begun
	before := s.statements.of(text)
	for _, f := range submissions {
		all.Go(f)
	}
	eventually(t, "all have read", func() bool { return s.statements.of(text) >= before+len(submissions) })
	close(release)
	all.Wait()
}
