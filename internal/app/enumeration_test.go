package app

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"zelus/internal/store"
)

// hiding is laid over the configuration where nobody is to learn who has an
// account: a sign-up does not end in a session.
const hiding = silent + `
selfservice:
  flows:
    registration: {after: {password: {hooks: [{hook: show_verification_ui}]}}}
`

// namedPeople is a schema whose people sign in with a name of their choice, too.
func namedPeople() string {
	const document = `{"properties":{"traits":{"type":"object","properties":{
		"email":{"type":"string","format":"email","ory.sh/kratos":{"credentials":{"password":{"identifier":true}},"verification":{"via":"email"},"recovery":{"via":"email"}}},
		"name":{"type":"string","ory.sh/kratos":{"credentials":{"password":{"identifier":true}}}},
		"about":{"type":"string"}}}}}`
	return `{"default_schema_id":"many","schemas":[{"id":"many","url":"base64://` + encoded(document) + `"}]}`
}

// same compares what two requests have done, to the last statement, and what they
// were told, without what is another one in every answer.
func same(t *testing.T, what string, known, unknown answer, with, without []string) {
	t.Helper()
	if !slices.Equal(with, without) {
		t.Errorf("%s: with an account\n%s\nwithout\n%s", what, strings.Join(with, "\n"), strings.Join(without, "\n"))
	}
	if a, b := faceless(known), faceless(unknown); a != b {
		t.Errorf("%s: with an account\n%s\nwithout\n%s", what, a, b)
	}
}

var (
	anyID      = regexp.MustCompile(`[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}`)
	anyPerson  = regexp.MustCompile(`p[0-9a-f]{32}@`)
	anyPattern = regexp.MustCompile(`Content-Length: \d+`)
)

func faceless(a answer) string {
	var b strings.Builder
	header := a.header.Clone()
	header.Del("Date")
	header.Del("Set-Cookie")
	fmt.Fprintln(&b, a.status)
	if err := header.Write(&b); err != nil {
		return err.Error()
	}
	b.Write(a.body)
	text := anyToken.ReplaceAllString(anyPattern.ReplaceAllString(b.String(), ""), "TOKEN")
	return anyPerson.ReplaceAllString(anyID.ReplaceAllString(text, "ID"), "SOMEBODY@")
}

// TestEnumeration asks every form about somebody who has an account and about
// nobody: what is answered, how many passwords are hashed, and the statements, those
// that write to the outbox among them, are the same.
func TestEnumeration(t *testing.T) {
	for name, more := range map[string]string{"": hiding, "in steps": hiding + "    login: {style: identifier_first}\n", "with verification": hiding +
		"    recovery: {enabled: true}\n    verification: {enabled: true}\n", "with a name that is taken": hiding +
		"    verification: {enabled: true}\n    recovery: {enabled: true}\nidentity: " + namedPeople() + "\n"} {
		t.Run(name, func(t *testing.T) {
			onEach(t, more, func(t *testing.T, s *server) {
				asks := map[string]func(person) fields{
					"login": func(p person) fields { return fields{"method": "password", "identifier": p.email, "password": "wrong"} },
					"registration": func(p person) fields {
						return fields{"method": "password", "traits.email": p.email, "password": p.password}
					},
				}
				if strings.Contains(more, "identifier_first") {
					asks["login"] = func(p person) fields { return fields{"method": "identifier_first", "identifier": p.email} }
				}
				if strings.Contains(more, "verification: {enabled") {
					asks["recovery"] = func(p person) fields { return fields{"method": "code", "email": p.email} }
					asks["verification"] = asks["recovery"]
				}
				having := s.person
				if strings.Contains(more, "identity: ") {
					having = func(t testing.TB) person { return s.having(t, nil) }
					s.having(t, map[string]any{"name": "somebody else's"})
					asks["registration"] = func(p person) fields {
						return fields{"method": "password", "traits.email": p.email, "traits.name": "somebody else's", "password": p.password}
					}
				}
				for kind, ask := range asks {
					for _, style := range styles {
						known, nobody := having(t), stranger()
						answers, costs, hashed := map[person]answer{}, map[person][]string{}, map[person]uint64{}
						for _, p := range []person{known, nobody} {
							c := s.client(t, style)
							f := c.begin(kind, "")
							before := s.app.hashes.Done()
							costs[p] = s.statements.during(func() { answers[p] = c.submit(f, ask(p)) })
							hashed[p] = s.app.hashes.Done() - before
						}
						if hashed[known] != hashed[nobody] {
							t.Errorf("%s, %s: %d passwords were hashed with an account, %d without", kind, style, hashed[known], hashed[nobody])
						}
						same(t, kind+", "+string(style), answers[known], answers[nobody], costs[known], costs[nobody])
					}
				}
			})
		})
	}
}

// TestLargeTraits: what somebody says about themselves when they sign up is bounded, so
// that the message about them does not fail by its size, which would show that their
// address is free.
func TestLargeTraits(t *testing.T) {
	onEach(t, hiding+"    verification: {enabled: true}\nidentity: "+namedPeople()+"\n", func(t *testing.T, s *server) {
		for about, want := range map[string]int{strings.Repeat("x", 300<<10): 413, strings.Repeat("x", 16<<10): 413, strings.Repeat("<", 2<<10): 200} {
			for _, email := range []string{s.having(t, nil).email, stranger().email} {
				c := s.client(t, app)
				f := c.begin("registration", "")
				a := c.send("POST", f.action, map[string]any{"method": "password", "password": "another password of 24", "traits": fields{"email": email, "about": about}})
				if a.status != want || want != 200 && a.at("error.id").String() != "body_too_large" {
					t.Errorf("with %d bytes: %d %.200s", len(about), a.status, a.body)
				}
				if n := len(s.mails(t, email)); want != 200 && n > 0 {
					t.Errorf("with %d bytes %d messages are written", len(about), n)
				}
			}
		}
		c, p := s.client(t, app), s.having(t, nil) // whoever is signed in may say more
		c.signIn(p)
		f := c.begin("settings", "")
		c.changed(f, c.submit(f, fields{"method": "profile", "traits.email": p.email, "traits.about": strings.Repeat("x", 20<<10)}))
	})
}

// TestFloodOfTakenAddress: who is signed up again and again is told so for as long as
// it lasts, and not for hours after.
func TestFloodOfTakenAddress(t *testing.T) {
	s := start(t, setup{more: hiding})
	p := s.person(t)
	for range 40 {
		c := s.client(t, app)
		c.submit(c.begin("registration", ""), person{email: p.email, password: "another password of 24"}.signUp()).is(200)
	}
	claim := func() (done store.Claimed) {
		now := s.clock.now()
		if err := s.app.store.Write(t.Context(), store.Durable, func(tx *store.Tx) (err error) {
			done, err = tx.ClaimMessages(t.Context(), store.Claim{Now: now, Until: now.Add(time.Minute), Limit: 50, PerHour: 12})
			return err
		}); err != nil {
			t.Fatal(err)
		}
		return done
	}
	if done := claim(); len(done.Messages) != 12 || done.Held != 1 || done.Replaced != 27 {
		t.Errorf("%d leave, %d are held, %d replaced", len(done.Messages), done.Held, done.Replaced)
	}
	s.clock.advance(time.Hour)
	for _, m := range claim().Messages {
		if !m.Expired(s.clock.now()) {
			t.Errorf("%s leaves an hour later", m.Template)
		}
	}
}

// TestLongIdentifier: a form keeps nothing for a stranger that nobody could have typed.
func TestLongIdentifier(t *testing.T) {
	onEach(t, passwordless(mitigated, "true"), func(t *testing.T, s *server) {
		c := s.client(t, app)
		f, _ := c.codeFor(stranger().email)
		for _, code := range []string{"", "000000"} {
			c.goesOn(f, c.submit(f, fields{"method": "code", "code": code, "identifier": strings.Repeat("x", 100_000)}), map[string]int64{"": 4000002, "000000": 4010008}[code])
			if n := len(c.fetch("login", f.id).body); n > 10_000 {
				t.Errorf("with the code %q the form has %d bytes", code, n)
			}
		}
	})
}

// TestTakenAddress: a sign-up with an address that is taken ends as any other, and
// leaves nothing behind but a message to its owner.
func TestTakenAddress(t *testing.T) {
	for _, verification := range []string{"", "    verification: {enabled: true}\n"} {
		onEach(t, hiding+verification, func(t *testing.T, s *server) {
			p := s.person(t)
			stranger := person{email: strings.ToUpper(p.email), password: "another password of 24"}
			for _, style := range styles {
				c := s.client(t, style)
				f := c.begin("registration", "")
				a := c.submit(f, stranger.signUp())
				if style == page {
					a.is(303)
				} else if id := a.is(200).at("identity.id").String(); id == "" || id == p.id || a.at("session").Exists() || a.at("identity.traits.email").String() != stranger.email {
					t.Errorf("%s: %s", style, a.body)
				} else {
					s.operator(t).get("/admin/identities/"+id).refused(404, "identity_not_found")
				}
				if verification != "" && style == app {
					// No code opens the form that is shown next.
					next := a.at("continue_with.0.flow.id").String()
					shown := c.fetch("verification", next).is(200)
					c.send("POST", shown.at("ui.action").String(), fields{"method": "code", "code": "123456"}).saying(200, 4070006)
				}
				c.whoami().is(401)
			}
			if all := s.operator(t).get("/admin/identities?credentials_identifier=" + p.email).is(200); all.at("#").Int() != 1 || all.at("0.id").String() != p.id {
				t.Errorf("there are %s", all.body)
			}
			s.client(t, app).signIn(p)
			sent := 0
			for _, l := range s.mails(t, p.email) {
				if l.template != "account_exists" {
					t.Errorf("the owner gets %s", l.template)
				}
				sent++
			}
			if sent != len(styles) {
				t.Errorf("the owner got %d messages, want one for each of %d sign-ups", sent, len(styles))
			}
		})
	}
}
