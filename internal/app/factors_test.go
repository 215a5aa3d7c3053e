package app

import (
	"encoding/base32"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/pquerna/otp/hotp"

	"zelus/internal/ui"
)

// withSeconds lets people have authenticator apps and backup codes, and asks for no
// more than a password anywhere: what protects second factors is their own rule.
func withSeconds(more ...string) string {
	return proving(append([]string{transitions, "true", "selfservice.methods.totp.enabled", "true", "selfservice.methods.lookup_secret.enabled", "true",
		"session.whoami.required_aal", `"aal1"`, "selfservice.flows.settings.required_aal", `"aal1"`, "selfservice.flows.settings.privileged_session_max_age", `"1h"`,
		"selfservice.flows.login.lifespan", `"12h"`, "selfservice.flows.settings.lifespan", `"12h"`}, more...)...)
}

// makesCodes gives the client's person backup codes.
func (c *client) makesCodes() (codes []string) {
	c.t.Helper()
	f := c.begin("settings", "")
	c.submit(f, fields{"lookup_secret_regenerate": "true"})
	for _, m := range c.fetch("settings", f.id).is(200).at(`ui.nodes.#(attributes.id=="lookup_secret_codes").attributes.text.context.secrets.#.context.secret`).Array() {
		codes = append(codes, m.String())
	}
	if len(codes) != 12 {
		c.t.Fatalf("there are %d backup codes", len(codes))
	}
	c.changed(f, c.submit(f, fields{"lookup_secret_confirm": "true"}))
	return codes
}

func backup(code string) fields { return fields{"method": "lookup_secret", "lookup_secret": code} }

// halfway is a further session of somebody, with a password alone, and a form for
// their second factor.
func (s *server) halfway(t testing.TB, p person) (*client, form) {
	t.Helper()
	c := s.client(t, app)
	c.signIn(p)
	return c, c.begin("login", "aal=aal2")
}

// halfways are many of them.
func (s *server) halfways(t testing.TB, p person) (all []*client, forms []form) {
	t.Helper()
	for range crowd {
		c, f := s.halfway(t, p)
		all, forms = append(all, c), append(forms, f)
	}
	return all, forms
}

// succeeded counts the sessions with two factors that came of many answers.
func succeeded(t testing.TB, all []answer, otherwise ...int64) (n int) {
	t.Helper()
	for _, a := range all {
		if a.status == 200 {
			n++
			continue
		}
		said := a.messages()
		known := false
		for _, id := range otherwise {
			known = known || len(said) == 1 && said[0] == id
		}
		if a.status != 400 || !known {
			t.Errorf("%d %s", a.status, a.body)
		}
	}
	return n
}

// TestAppCodeOnce: the code of a time step is good once, that of setting the app up
// too, and none of a step before it is good any more, also of many at once.
func TestAppCodeOnce(t *testing.T) {
	onEach(t, withSeconds(), func(t *testing.T, s *server) {
		c, p := s.signedIn(t, app)
		f := c.begin("settings", "")
		a := &authenticator{t: t, s: s, key: secretShown(f)}
		enrolment := a.code()
		c.submit(f, enrolment).is(200)

		d, g := s.halfway(t, p)
		d.submit(g, enrolment).saying(400, ui.ErrorVerifierWrong)
		earlier, err := hotp.GenerateCode(a.key, uint64(s.clock.now().Unix()/30-1))
		if err != nil {
			t.Fatal(err)
		}
		d.submit(g, fields{"method": "totp", "totp_code": earlier}).saying(400, ui.ErrorVerifierWrong)
		used := a.code()
		d.submit(g, used).is(200)
		for range 2 { // in another session, and in the same one
			e, h := s.halfway(t, p)
			e.submit(h, used).saying(400, ui.ErrorVerifierWrong)
			d.submit(d.begin("login", "aal=aal2&refresh=true"), used).saying(400, ui.ErrorVerifierWrong)
			s.clock.advance(30 * time.Second) // still within the drift
		}

		clients, forms := s.halfways(t, p)
		s.clock.advance(time.Hour) // what was guessed is forgotten
		code := a.code()
		if n := succeeded(t, atOnce(t, func(n int) (answer, error) { return clients[n].try("POST", forms[n].action, code) }), ui.ErrorVerifierWrong); n != 1 {
			t.Errorf("of %d who sent the same code %d are in", crowd, n)
		}
		strong := 0
		for _, c := range clients {
			if c.whoami().is(200).at("authenticator_assurance_level").String() == "aal2" {
				strong++
			}
		}
		if strong != 1 {
			t.Errorf("%d sessions have two factors, want 1", strong)
		}
	})
}

// TestBackupCodeOnce: a backup code is good once, also of many at once, and none is
// lost among them.
func TestBackupCodeOnce(t *testing.T) {
	onEach(t, withSeconds(), func(t *testing.T, s *server) {
		c, p := s.signedIn(t, app)
		codes := c.makesCodes()
		d, f := s.halfway(t, p)
		d.submit(f, backup(codes[0])).is(200)
		d.submit(d.begin("login", "aal=aal2&refresh=true"), backup(codes[0])).saying(400, ui.ErrorLookupUsed)
		e, g := s.halfway(t, p)
		e.submit(g, backup(strings.ToUpper(codes[0][:4]+" - "+codes[0][4:]))).saying(400, ui.ErrorLookupUsed)

		clients, forms := s.halfways(t, p)
		if n := succeeded(t, atOnce(t, func(n int) (answer, error) { return clients[n].try("POST", forms[n].action, backup(codes[1])) }), ui.ErrorLookupUsed, ui.ErrorLookupWrong); n != 1 {
			t.Errorf("of %d who sent the same code %d are in", crowd, n)
		}
		s.clock.advance(time.Hour)
		clients, forms = s.halfways(t, p)
		n := succeeded(t, atOnce(t, func(n int) (answer, error) { return clients[n].try("POST", forms[n].action, backup(codes[2+n%10])) }), ui.ErrorLookupUsed, ui.ErrorLookupWrong)
		used := len(s.stored(t, p, "lookup_secret").Get("recovery_codes.#(used_at!=null)#").Array())
		if n > 10 || used != n+2 {
			t.Errorf("of 10 codes %d were good, and %d are used", n, used-2)
		}
	})
}

// TestGuessesAtSecondFactors: twenty wrong codes an hour, over all forms and
// sessions. Then the right one is as wrong as any, of this method and this person
// alone, until the hour is over.
func TestGuessesAtSecondFactors(t *testing.T) {
	onEach(t, withSeconds(), func(t *testing.T, s *server) {
		c, p, a := s.twoFactors(t, app)
		codes := c.makesCodes()
		other, q, b := s.twoFactors(t, app)
		others := other.makesCodes()
		for what, test := range map[string]struct {
			wrong          fields
			message        int64
			right, instead func() fields
			others         func() fields
		}{
			"app": {fields{"method": "totp", "totp_code": "x"}, ui.ErrorVerifierWrong, a.code, func() fields { return backup(codes[0]) }, b.code},
			"backup codes": {backup("x"), ui.ErrorLookupWrong, func() fields { return backup(codes[1]) }, a.code,
				func() fields { return backup(others[0]) }},
		} {
			t.Run(what, func(t *testing.T) {
				began := s.clock.now()
				clients, forms := s.halfways(t, p)
				if n := succeeded(t, atOnce(t, func(n int) (answer, error) { return clients[n%8].try("POST", forms[n%8].action, test.wrong) }), test.message); n != 0 {
					t.Fatalf("%d wrong codes were right", n)
				}
				clients[9].submit(forms[9], test.right()).saying(400, test.message)
				clients[9].submit(forms[9], test.instead()).is(200)
				d, f := s.halfway(t, q)
				d.submit(f, test.others()).is(200)
				s.clock.advance(began.Add(time.Hour - time.Minute).Sub(s.clock.now()))
				clients[10].submit(forms[10], test.right()).saying(400, test.message)
				s.clock.advance(time.Minute)
				late, g := s.halfway(t, p)
				late.submit(g, test.right()).is(200)
			})
		}
		t.Run("by a stranger", func(t *testing.T) {
			s.clock.advance(2 * time.Hour)
			stranger := s.client(t, app)
			stranger.get("/self-service/login/api?aal=aal2").refused(401, "session_aal1_required")
			thief, h := s.halfway(t, q)
			f := stranger.begin("login", "")
			for range 21 {
				for _, wrong := range []fields{{"method": "totp", "totp_code": "x"}, {"method": "lookup_secret", "lookup_secret": "x"}} {
					wrong["identifier"] = p.email
					stranger.submit(f, wrong).is(400)
					thief.submit(h, wrong).is(400)
				}
			}
			d, g := s.halfway(t, p)
			d.submit(g, a.code()).is(200)
			e, g := s.halfway(t, p)
			e.submit(g, backup(codes[5])).is(200)
		})
		t.Run("while an app is set up", func(t *testing.T) {
			d, p := s.signedIn(t, app)
			f := d.begin("settings", "")
			for range 20 {
				d.submit(f, fields{"method": "totp", "totp_code": "x"}).saying(400, ui.ErrorVerifierWrong)
			}
			fresh := &authenticator{t: t, s: s, key: secretShown(f)}
			d.submit(f, fresh.code()).saying(400, ui.ErrorVerifierWrong)
			if !s.knows(t, p.email, p.password) {
				t.Error("the password is refused, too")
			}
		})
	})
}

// guarded are changes that only a fresh second factor makes.
var guarded = map[string]fields{
	"removing the app":          {"method": "totp", "totp_unlink": "true"},
	"removing the backup codes": {"lookup_secret_disable": "true"},
	"seeing the backup codes":   {"lookup_secret_reveal": "true"},
}

// TestPasswordAloneTakesNoFactor: a session in which the second factor was proven
// long ago, and one in which it never was, take no second factor away, see no backup
// codes and make none, however fresh the password is.
func TestPasswordAloneTakesNoFactor(t *testing.T) {
	onEach(t, withSeconds(), func(t *testing.T, s *server) {
		for _, style := range styles {
			stale, p, a := s.twoFactors(t, style)
			codes := stale.makesCodes()
			s.clock.advance(time.Hour)
			stale.finish(stale.begin("login", "refresh=true"), p.login())
			half := s.client(t, style)
			half.signIn(p)
			for who, c := range map[string]*client{"a stale session": stale, "a password alone": half} {
				f := c.begin("settings", "")
				make := c.begin("settings", "")
				c.submit(make, fields{"lookup_secret_regenerate": "true"})
				tries := map[string]fields{"replacing the backup codes": {"lookup_secret_confirm": "true"}}
				for what, with := range guarded {
					tries[what] = with
				}
				for what, with := range tries {
					g := f
					if what == "replacing the backup codes" {
						g = make
					}
					answered := c.submit(g, with)
					to := answered.header.Get("Location")
					if style != page {
						to = answered.refused(403, "session_refresh_required").at("error.details.redirect_browser_to").String()
					}
					if q := mustURL(t, to).Query(); q.Get("refresh") != "true" || q.Get("aal") != "aal2" {
						t.Errorf("%s, %s: %s leads to %q", style, who, what, to)
					}
					if strings.Contains(string(c.fetch("settings", g.id).body), codes[0]) {
						t.Errorf("%s, %s: %s shows the codes", style, who, what)
					}
					// Coming back with the password proven once more is not enough.
					c.finish(c.begin("login", "refresh=true&return_to="+strings.ReplaceAll(g.action, "&", "%26")), p.login())
					if style == page {
						c.get(g.action)
					}
				}
			}
			all := s.operator(t).get("/admin/identities/" + p.id + "?include_credential=totp&include_credential=lookup_secret").is(200)
			if !strings.Contains(all.at("credentials.totp.config.totp_url").String(), a.key) || all.at("credentials.lookup_secret.config.recovery_codes.0.code").String() != codes[0] {
				t.Fatalf("%s: something was changed: %s", style, all.at("credentials").Raw)
			}
			// With the factor it is done.
			stale.finish(stale.begin("login", "refresh=true&aal=aal2"), a.code())
			for _, with := range guarded {
				if with["lookup_secret_reveal"] == "" {
					continue
				}
				f := stale.begin("settings", "")
				stale.submit(f, with)
				if !strings.Contains(string(stale.fetch("settings", f.id).body), codes[0]) {
					t.Errorf("%s: the codes are not shown", style)
				}
			}
			f := stale.begin("settings", "")
			stale.changed(f, stale.submit(f, guarded["removing the app"]))
		}
	})
}

// TestAddressIsNoWayAround: where codes to proven addresses complete a password,
// another address is another second factor: a password alone does not put one
// beside the app.
func TestAddressIsNoWayAround(t *testing.T) {
	for _, fallback := range []string{"true", "false"} {
		onEach(t, withSeconds("selfservice.methods.code.mfa_enabled", "true", "selfservice.methods.code.config.missing_credential_fallback_enabled", fallback), func(t *testing.T, s *server) {
			_, p, _ := s.twoFactors(t, app)
			thief := s.client(t, app)
			thief.signIn(p)
			mine := stranger().email
			moved := thief.submit(thief.begin("settings", ""), fields{"method": "profile", "traits.email": mine})
			if moved.status == 200 {
				f := thief.asked("verification", mine)
				thief.typed(f, s.mail(t, mine, "verification_code_valid").code())
			}
			f := thief.begin("login", "aal=aal2")
			thief.submit(f, fields{"method": "code", "address": mine})
			if all := s.mails(t, mine); len(all) > 0 && all[0].template == "login_code_valid" {
				thief.submit(f, fields{"method": "code", "code": all[0].code()})
			}
			if got := thief.level(); !strings.HasPrefix(got, "aal1: ") {
				t.Errorf("fallback %s: the change was answered with %d, and the session is %s", fallback, moved.status, got)
			}
		})
	}
}

// TestRevealedCodesAreHiddenAgain: a form shows the codes in force to who asks for them,
// and is as before a minute later.
func TestRevealedCodesAreHiddenAgain(t *testing.T) {
	onEach(t, withSeconds(), func(t *testing.T, s *server) {
		for _, style := range styles {
			c, _ := s.signedIn(t, style)
			f := c.begin("settings", "")
			c.submit(f, fields{"lookup_secret_regenerate": "true"})
			c.changed(f, c.submit(f, fields{"lookup_secret_confirm": "true"}))
			f = c.begin("settings", "")
			hidden := ids(f.json)
			c.submit(f, fields{"lookup_secret_reveal": "true"})
			for range 2 {
				if a := c.fetch("settings", f.id).is(200); !slices.Contains(ids(a), "lookup_secret_codes") {
					t.Fatalf("%s: the codes are not shown: %s", style, a.body)
				}
			}
			s.clock.advance(time.Minute)
			if got := ids(c.fetch("settings", f.id).is(200)); !slices.Equal(got, hidden) {
				t.Errorf("%s: the form has %v, want %v", style, got, hidden)
			}
			c.submit(f, fields{"method": "profile", "traits.email": "nonsense"})
			if a := c.fetch("settings", f.id).is(200); slices.Contains(ids(a), "lookup_secret_codes") || a.field("traits.email") != "nonsense" {
				t.Errorf("%s: after another submission: %s", style, a.body)
			}
		}
	})
}

// ids are the names of a form's fields and the ids of what it shows.
func ids(a answer) (all []string) {
	for _, n := range a.at("ui.nodes.#.attributes").Array() {
		all = append(all, n.Get("name").String()+n.Get("id").String())
	}
	return all
}

// TestSecondFactorSecretsAreNowhere: neither the secret of an app nor a backup code
// stands in the database's files or in the log, while a form shows them and when
// they are in force.
func TestSecondFactorSecretsAreNowhere(t *testing.T) {
	for _, style := range styles {
		s := start(t, setup{more: withSeconds("log.level", `"trace"`, "log.leak_sensitive_values", "false")})
		c, p := s.signedIn(t, style)
		var secrets []string
		look := func(when string) {
			t.Helper()
			s.hides(t, fmt.Sprintf("%s, %s", style, when), p.email, secrets...)
			for _, secret := range secrets {
				if strings.Contains(s.log.String(), secret) {
					t.Errorf("%s, %s: the log holds %q", style, when, secret)
				}
			}
		}
		f := c.begin("settings", "")
		a := &authenticator{t: t, s: s, key: secretShown(f)}
		raw, err := base32.StdEncoding.WithPadding(base32.NoPadding).DecodeString(a.key)
		if err != nil || len(raw) != 20 {
			t.Fatalf("the secret is %q", a.key)
		}
		picture := f.json.at(`ui.nodes.#(attributes.id=="totp_qr").attributes.src`).String()
		if len(picture) < 1000 {
			t.Fatalf("the picture is %q", picture)
		}
		secrets = append(secrets, a.key, string(raw), fmt.Sprintf("%x", raw), picture[200:240])
		look("a form shows the secret")
		c.submit(f, fields{"method": "totp", "totp_code": "wrong1"})
		look("after a wrong code")
		right := a.code()
		c.changed(f, c.submit(f, right))
		look("the app is set up")

		g := c.begin("settings", "")
		c.submit(g, fields{"lookup_secret_regenerate": "true"})
		for _, m := range c.fetch("settings", g.id).at(`ui.nodes.#(attributes.id=="lookup_secret_codes").attributes.text.context.secrets.#.context.secret`).Array() {
			secrets = append(secrets, m.String())
		}
		if len(secrets) != 4+12 {
			t.Fatalf("%d secrets were seen", len(secrets))
		}
		look("a form shows the codes")
		c.changed(g, c.submit(g, fields{"lookup_secret_confirm": "true"}))
		look("the codes are in force")
		h := c.begin("settings", "")
		c.submit(h, fields{"lookup_secret_reveal": "true"})
		if !strings.Contains(string(c.fetch("settings", h.id).body), secrets[4]) {
			t.Fatal("the codes are not shown")
		}
		look("a form shows the codes in force")
		d := s.client(t, style)
		d.signIn(p)
		d.finish(d.begin("login", "aal=aal2"), backup(secrets[4]))
		look("a code was used")
	}
}
