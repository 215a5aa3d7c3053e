package app

import (
	"encoding/base64"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"zelus/internal/auth"
	"zelus/internal/ceremony/ceremonytest"
	"zelus/internal/store"
)

// careful is a server where a new address takes effect when it is proven, and
// those who had the former one may take the account back.
func careful(more ...string) string {
	return proving(append([]string{transitions, "true", "selfservice.flows.settings.after.profile.hooks",
		`[{"hook":"verify_new_address"},{"hook":"notify_previous_addresses"},{"hook":"show_verification_ui"}]`}, more...)...)
}

// proven makes somebody's addresses proven ones.
func (s *server) proven(t testing.TB, p person) {
	t.Helper()
	s.operator(t).send("PATCH", "/admin/identities/"+p.id, patch("replace", "/verifiable_addresses/0/verified", true)).is(200)
}

// wants asks for another address, and gives the form in which it is proven.
func (c *client) wants(email string) form {
	c.t.Helper()
	f := c.begin("settings", "")
	a := c.submit(f, fields{"method": "profile", "traits.email": email})
	id := ""
	if c.style == page {
		id = a.leads(303, verificationPage).query("flow")
	} else {
		id = a.is(200).at(`continue_with.#(action=="show_verification_ui").flow.id`).String()
	}
	shown := c.fetch("verification", id)
	return c.opened("verification", shown.saying(200, 1080003))
}

// TestNewAddressWaits: nothing is changed before the new address is proven.
func TestNewAddressWaits(t *testing.T) {
	onEach(t, careful(), func(t *testing.T, s *server) {
		for _, style := range styles {
			c, p := s.signedIn(t, style)
			s.proven(t, p)
			fresh := stranger().email
			f := c.wants(fresh)
			code := s.mail(t, fresh, "verification_code_valid").code()
			if got := s.identity(t, p).at("traits.email").String(); got != p.email {
				t.Fatalf("%s: the address is %s at once", style, got)
			}
			if !s.knows(t, p.email, p.password) || s.knows(t, fresh, p.password) {
				t.Errorf("%s: signing in follows an address that is not proven", style)
			}
			s.client(t, app).asked("recovery", fresh)
			if n := len(s.mails(t, fresh)); n != 1 {
				t.Errorf("%s: access can be regained with an address that is not proven: %d mails", style, n)
			}
			s.client(t, app).asked("recovery", p.email)
			s.mail(t, p.email, "recovery_code_valid")
			// It is proven in the browser where the mail is read.
			reader := s.client(t, page)
			link := s.mail(t, fresh, "verification_code_valid").link()
			id := reader.get(link).leads(303, verificationPage).query("flow")
			shown := reader.fetch("verification", id)
			if got := shown.saying(200, 1080003).value("code").String(); got != code {
				t.Fatalf("%s: the form is filled with %q, want %q", style, got, code)
			}
			s.clock.advance(time.Second)
			if style == app { // its form is for the app only
				c.typed(f, code).saying(200, 1080002)
			} else {
				reader.typed(reader.opened("verification", shown), code).leads(303, verificationPage)
				reader.fetch("verification", f.id).saying(200, 1080002)
			}
			a := s.identity(t, p)
			if a.at("traits.email").String() != fresh || !a.at("verifiable_addresses.0.verified").Bool() || a.at("recovery_addresses.0.value").String() != fresh {
				t.Errorf("%s: the new address does not count: %s", style, a.body)
			}
			if s.knows(t, p.email, p.password) || !s.knows(t, fresh, p.password) {
				t.Errorf("%s: signing in does not follow the address", style)
			}
			if got := c.whoami().is(200).at("identity.traits.email").String(); got != fresh {
				t.Errorf("%s: whoami says %s", style, got)
			}
			s.mail(t, p.email, "address_undo")
		}
	})
}

// TestNewAddressSentAgain: a second code for an address that waits is as good as
// the first, which is void.
func TestNewAddressSentAgain(t *testing.T) {
	for _, use := range []string{"code", "link"} {
		onEach(t, careful("selfservice.flows.verification.use", `"`+use+`"`), func(t *testing.T, s *server) {
			c, p := s.signedIn(t, script)
			fresh := stranger().email
			f := c.begin("settings", "")
			a := c.submit(f, fields{"method": "profile", "traits.email": fresh}).is(200)
			f = c.opened("verification", c.fetch("verification", a.at(`continue_with.#(action=="show_verification_ui").flow.id`).String()).is(200))
			template := map[string]string{"code": "verification_code_valid", "link": "verification_valid"}[use]
			first := s.mail(t, fresh, template)
			s.clock.advance(time.Second)
			c.submit(f, fields{"method": use, "email": fresh}).is(200)
			if len(s.mails(t, fresh)) != 2 {
				t.Fatalf("%s: nothing was sent again", use)
			}
			second := s.mail(t, fresh, template)
			reader := s.client(t, page)
			if use == "link" {
				reader.replaced(f, reader.get(first.link()), 4070001)
				id := reader.get(second.link()).leads(303, verificationPage).query("flow")
				if got := s.identity(t, p).at("traits.email").String(); got != p.email {
					t.Errorf("looking at the link made the address %s", got)
				}
				reader.submit(reader.opened("verification", reader.fetch("verification", id).is(200)), fields{"method": "link"}).leads(303, verificationPage)
			} else {
				if first.code() != second.code() {
					c.typed(f, first.code()).saying(200, 4070006)
				}
				c.typed(f, second.code()).saying(200, 1080002)
			}
			if got := s.identity(t, p).at("traits.email").String(); got != fresh {
				t.Errorf("%s: the address is %s", use, got)
			}
		})
	}
}

// TestNewAddressComesToNothing: what happened since makes the proof void.
func TestNewAddressComesToNothing(t *testing.T) {
	onEach(t, careful(), func(t *testing.T, s *server) {
		for what, happens := range map[string]func(*testing.T, *client, person, string){
			"the session was revoked": func(t *testing.T, c *client, p person, _ string) {
				s.operator(t).send("DELETE", "/admin/identities/"+p.id+"/sessions", nil).is(204)
			},
			"signed out": func(t *testing.T, c *client, _ person, _ string) {
				c.send("DELETE", "/self-service/logout/api", fields{"session_token": c.token}).is(204)
			},
			"the session has expired": func(t *testing.T, c *client, _ person, _ string) { s.clock.advance(sessionLifespan) },
			"the account was changed": func(t *testing.T, c *client, p person, _ string) {
				s.operator(t).send("PATCH", "/admin/identities/"+p.id, patch("add", "/traits/name", "Ada")).is(200)
			},
			"a newer change waits": func(t *testing.T, c *client, _ person, _ string) { c.wants(stranger().email) },
			"switched off": func(t *testing.T, c *client, p person, _ string) {
				s.operator(t).send("PATCH", "/admin/identities/"+p.id, patch("replace", "/state", "inactive")).is(200)
			},
			"deleted": func(t *testing.T, c *client, p person, _ string) {
				s.operator(t).send("DELETE", "/admin/identities/"+p.id, nil).is(204)
			},
			"somebody else has it": func(t *testing.T, c *client, _ person, fresh string) {
				heir := s.client(t, app)
				heir.finish(heir.begin("registration", ""), person{email: fresh, password: otherPass}.signUp())
			},
		} {
			t.Run(what, func(t *testing.T) {
				c, p := s.signedIn(t, app)
				fresh := stranger().email
				f := c.wants(fresh)
				code := s.mail(t, fresh, "verification_code_valid").code()
				happens(t, c, p, fresh)
				// A second code for it brings nothing back to life.
				if what == "a newer change waits" {
					c.submit(f, fields{"method": "code", "email": fresh}).is(200)
				}
				a := s.client(t, app).typed(f, code)
				switch {
				case a.status >= 500:
					t.Fatalf("%d %s", a.status, a.body)
				case a.at("state").String() == "passed_challenge":
					t.Errorf("the proof counts: %s", a.body)
				case what == "somebody else has it":
					a.saying(200, 4000007)
				}
				if what != "deleted" && s.identity(t, p).at("traits.email").String() != p.email {
					t.Error("the address was changed")
				}
			})
		}
	})
}

// TestNewAddressRefused: two at once, and one that is taken.
func TestNewAddressRefused(t *testing.T) {
	onEach(t, careful("identity", severalAddresses(), "selfservice.flows.settings.lifespan", `"9h"`), func(t *testing.T, s *server) {
		p := s.having(t, nil)
		taken := s.having(t, nil)
		c := s.client(t, app)
		c.signIn(p)
		f := c.begin("settings", "")
		two := map[string]any{"method": "profile", "traits": map[string]any{"email": p.email, "more": []string{stranger().email, stranger().email}}}
		c.send("POST", f.action, two).saying(200, 4050002)
		c.submit(f, fields{"method": "profile", "traits.email": taken.email}).saying(400, 4000007)
		if got := s.identity(t, p).at("traits").Raw; got != `{"email":"`+p.email+`"}` {
			t.Errorf("the traits are %s", got)
		}
		s.clock.advance(privileged)
		c.submit(f, fields{"method": "profile", "traits.email": stranger().email}).refused(403, "session_refresh_required")
	})
}

// stolen is an account whose address somebody else has changed, with the link
// that its owner was sent.
func (s *server) stolen(t *testing.T) (thief *client, owner person, now, link string) {
	t.Helper()
	thief, owner = s.signedIn(t, app)
	s.proven(t, owner)
	now = stranger().email
	thief.moves(now)
	return thief, owner, now, s.mail(t, owner.email, "address_undo").link()
}

// moves changes the client's address and proves the new one.
func (c *client) moves(to string) {
	c.t.Helper()
	f := c.wants(to)
	c.s.clock.advance(time.Second)
	c.typed(f, c.s.mail(c.t, to, "verification_code_valid").code()).saying(200, 1080002)
	c.s.clock.advance(time.Second)
}

// undoForm opens the link and gives the form that asks whether it is meant.
func (c *client) undoForm(link string) form {
	c.t.Helper()
	id := c.get(link).leads(303, recoveryPage).query("flow")
	return c.opened("recovery", c.fetch("recovery", id).saying(200, 1069001))
}

func (c *client) undo(f form) answer { return c.submit(f, fields{"method": "link"}) }

// TestTakingAnAccountBack: the owner of the former address restores it and
// leaves nothing to who has changed it.
func TestTakingAnAccountBack(t *testing.T) {
	onEach(t, careful(), func(t *testing.T, s *server) {
		thief, p, now, link := s.stolen(t)
		// What the thief added since.
		f := thief.begin("settings", "")
		thief.changed(f, thief.submit(f, newPassword(otherPass)))
		s.operator(t).send("PUT", "/admin/identities/"+p.id, map[string]any{"schema_id": "person", "state": "active", "traits": fields{"email": now},
			"credentials": map[string]any{"oidc": map[string]any{"config": map[string]any{"providers": []any{fields{"provider": "x", "subject": p.id}}}}}}).is(200)
		also := s.client(t, page)
		also.signIn(person{email: now, password: otherPass})

		// Looking at the link changes nothing, however often.
		for range 3 {
			scanner := s.client(t, page)
			scanner.undoForm(link)
			scanner.send("HEAD", link, nil)
			scanner.whoami().refused(401, "session_inactive")
		}
		if got := s.identity(t, p).at("traits.email").String(); got != now {
			t.Fatalf("it was undone by looking: %s", got)
		}
		owner := s.client(t, page)
		form := owner.undoForm(link)
		for _, field := range []string{"code", "email"} {
			if form.json.at(`ui.nodes.#(attributes.name=="` + field + `")`).Exists() {
				t.Errorf("the form has a field %q: %s", field, form.json.body)
			}
		}
		// Whoever knows the form's address only cannot confirm.
		s.client(t, page).undo(form).leads(303, errorPage)
		s.client(t, app).undo(form).refused(403, "security_csrf_violation")

		done := owner.regained(owner.undo(form), p)
		a := s.operator(t).get("/admin/identities/" + p.id + "?include_credential=password").is(200)
		if a.at("traits.email").String() != p.email || !a.at("verifiable_addresses.0.verified").Bool() || a.at("recovery_addresses.0.value").String() != p.email {
			t.Errorf("the address is not restored: %s", a.body)
		}
		if a.at("credentials.oidc").Exists() {
			t.Errorf("a credential of the thief is left: %s", a.at("credentials").Raw)
		}
		thief.whoami().refused(401, "session_inactive")
		also.whoami().refused(401, "session_inactive")
		for _, email := range []string{p.email, now} {
			for _, password := range []string{p.password, otherPass} {
				if s.knows(t, email, password) {
					t.Errorf("%s can sign in with a former password", email)
				}
			}
		}
		owner.changed(done, owner.submit(done, newPassword(p.password+"x")))
		if !s.knows(t, p.email, p.password+"x") {
			t.Error("the new password is of no use")
		}
		// Once.
		late := s.client(t, page)
		late.replaced(form, late.get(link), 4060004)
		owner.undo(form)
	})
}

// TestTakingBackAfterMore: an account that was moved on and on goes back to
// who had it, and the thief's own links are void from then on.
func TestTakingBackAfterMore(t *testing.T) {
	onEach(t, careful(), func(t *testing.T, s *server) {
		thief, p, now, link := s.stolen(t)
		thief.wants(stranger().email) // and waits
		second := stranger().email
		thief.moves(second)
		if sent := s.mail(t, now, "verifiable_address_changed"); anAddress.MatchString(sent.body) {
			t.Errorf("an address of the thief's gets a way back: %s", sent.body)
		}
		owner := s.client(t, page)
		owner.regained(owner.undo(owner.undoForm(link)), p)
		if got := s.identity(t, p).at("traits.email").String(); got != p.email {
			t.Fatalf("the address is %s", got)
		}
		thief.whoami().refused(401, "session_inactive")
	})
}

// TestTakingBackComesToNothing: late, or when the address or the account is not
// there any more.
func TestTakingBackComesToNothing(t *testing.T) {
	onEach(t, careful(), func(t *testing.T, s *server) {
		t.Run("too late", func(t *testing.T) {
			_, _, _, link := s.stolen(t)
			s.clock.advance(72*time.Hour - 2*time.Second)
			s.client(t, page).undoForm(link)
			s.clock.advance(2 * time.Second)
			c := s.client(t, page)
			c.replaced(form{kind: "recovery"}, c.get(link), 4060005)
		})
		t.Run("confirmed too late", func(t *testing.T) {
			_, p, now, link := s.stolen(t)
			c := s.client(t, page)
			f := c.undoForm(link)
			s.clock.advance(72 * time.Hour)
			c.undo(f).leads(303, recoveryPage)
			if s.identity(t, p).at("traits.email").String() != now {
				t.Error("it was undone")
			}
		})
		t.Run("taken", func(t *testing.T) {
			_, p, now, link := s.stolen(t)
			heir := s.client(t, app)
			heir.finish(heir.begin("registration", ""), person{email: p.email, password: otherPass}.signUp())
			c := s.client(t, page)
			f := c.undoForm(link)
			c.undo(f).leads(303, recoveryPage)
			if got := c.fetch("recovery", f.id).messages(); !slices.Contains(got, 4000007) {
				t.Errorf("the form says %v", got)
			}
			c.whoami().refused(401, "session_inactive")
			if s.identity(t, p).at("traits.email").String() != now {
				t.Error("it was undone")
			}
		})
		t.Run("deleted", func(t *testing.T) {
			_, p, _, link := s.stolen(t)
			c := s.client(t, page)
			f := c.undoForm(link)
			s.operator(t).send("DELETE", "/admin/identities/"+p.id, nil).is(204)
			c.undo(f).leads(303, recoveryPage)
			c.get(link).leads(303, recoveryPage)
			c.whoami().refused(401, "session_inactive")
		})
		t.Run("switched off", func(t *testing.T) {
			_, p, _, link := s.stolen(t)
			c := s.client(t, page)
			f := c.undoForm(link)
			s.operator(t).send("PATCH", "/admin/identities/"+p.id, patch("replace", "/state", "inactive")).is(200)
			c.undo(f).leads(303, errorPage)
			c.whoami().refused(401, "session_inactive")
		})
		t.Run("by somebody who is signed in", func(t *testing.T) {
			_, p, _, link := s.stolen(t)
			c, _ := s.signedIn(t, page)
			c.regained(c.undo(c.undoForm(link)), p)
		})
		t.Run("with another token", func(t *testing.T) {
			_, p, now, link := s.stolen(t)
			u := mustURL(t, link)
			q := u.Query()
			q.Set("token", strings.Repeat("x", 43))
			u.RawQuery = q.Encode()
			c := s.client(t, page)
			c.replaced(form{kind: "recovery"}, c.get(u.String()), 4060004)
			// The form itself tells nobody anything and takes nothing.
			c.fetch("recovery", q.Get("flow"))
			c.send("POST", "/self-service/recovery?flow="+q.Get("flow"), url.Values{"method": {"link"}})
			c.send("POST", "/self-service/recovery?flow="+q.Get("flow"), url.Values{"method": {"code"}, "email": {now}})
			c.whoami().refused(401, "session_inactive")
			if s.identity(t, p).at("traits.email").String() != now {
				t.Error("it was undone")
			}
			s.client(t, page).undoForm(link)
		})
	})
}

// replaceCredential gives somebody's credential another content, as a method
// does that changes what is there.
func (s *server) replaceCredential(t testing.TB, p person, kind auth.CredentialType, config string) {
	t.Helper()
	before, err := s.app.identities.Get(t.Context(), uuid.MustParse(p.id))
	if err != nil {
		t.Fatal(err)
	}
	after, err := s.app.identities.Change(before, func(i *auth.Identity) error {
		i.SetCredential(kind, []byte(config), s.clock.now())
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	err = s.app.store.Write(t.Context(), store.Durable, func(tx *store.Tx) error {
		return s.app.identities.Save(t.Context(), tx, before, after)
	})
	if err != nil {
		t.Fatal(err)
	}
}

// TestTakingBackReplacedCredentials: what the thief put in the place of what the
// owner had is gone as well, and what nobody has touched stays.
func TestTakingBackReplacedCredentials(t *testing.T) {
	onEach(t, careful(), func(t *testing.T, s *server) {
		thief, p := s.signedIn(t, app)
		s.proven(t, p)
		s.replaceCredential(t, p, auth.TOTP, `{"totp_url":"otpauth://totp/a?secret=AAAA"}`)
		s.replaceCredential(t, p, auth.LookupSecret, `{"recovery_codes":[]}`)
		s.operator(t).send("DELETE", "/admin/identities/"+p.id+"/sessions", nil).is(204)
		thief.signIn(p)
		s.clock.advance(time.Second)
		thief.moves(stranger().email)
		s.replaceCredential(t, p, auth.TOTP, `{"totp_url":"otpauth://totp/a?secret=BBBB"}`)
		s.clock.advance(time.Second)
		owner := s.client(t, page)
		owner.undo(owner.undoForm(s.mail(t, p.email, "address_undo").link())).is(303)
		a := s.identity(t, p)
		if a.at("credentials.totp").Exists() {
			t.Error("the thief's second factor is left")
		}
		if !a.at("credentials.lookup_secret").Exists() {
			t.Error("what the owner had before is gone")
		}
	})
}

// TestTakingBackKeepsSecondFactors: second factors that were used since the change are
// asked for as before, whoever reads the former address. What was added since is gone.
func TestTakingBackKeepsSecondFactors(t *testing.T) {
	const document = `{"properties":{"traits":{"type":"object","properties":{"email":{"type":"string","format":"email","ory.sh/kratos":{
		"credentials":{"password":{"identifier":true},"webauthn":{"identifier":true},"passkey":{"display_name":true}},"verification":{"via":"email"},"recovery":{"via":"email"}}}}}}}`
	const rp = `{"enabled":true,"config":{"rp":{"id":"example.org","display_name":"Example","origins":["` + keyPage + `"]}}}`
	more := careful("identity", `{"default_schema_id":"person","schemas":[{"id":"person","url":"base64://`+encoded(document)+`"}]}`,
		"selfservice.methods.webauthn", rp, "selfservice.methods.passkey", rp, "selfservice.methods.totp.enabled", "true", "selfservice.methods.lookup_secret.enabled", "true")
	onEach(t, more, func(t *testing.T, s *server) {
		c, p := s.signedIn(t, script)
		s.proven(t, p)
		key, passkey := ceremonytest.New(t, keyPage), ceremonytest.New(t, keyPage)
		passkey.Flags |= ceremonytest.BackupEligible
		c.addsPasskey(passkey)
		c.addsKey(key)
		c.addsApp()
		f := c.begin("settings", "")
		c.submit(f, fields{"lookup_secret_regenerate": "true"}).is(200)
		c.changed(f, c.submit(f, fields{"lookup_secret_confirm": "true"}))
		s.clock.advance(time.Second)
		c.moves(stranger().email)

		// Each is used, which leaves its traces, and a further one is added of each kind of key.
		d := s.client(t, script)
		passkey.Flags |= ceremonytest.BackedUp
		usesPasskey(d, d.begin("login", ""), passkey).is(422)
		code := s.stored(t, p, "lookup_secret").Get("recovery_codes.0.code").String()
		d.finish(d.begin("login", "aal=aal2"), fields{"method": "lookup_secret", "lookup_secret": code})
		f = d.begin("login", "aal=aal2&refresh=true")
		d.finish(f, fields{"method": "webauthn", "identifier": f.json.field("identifier"), "webauthn_login": key.Get(f.json.field("webauthn_login_trigger"))})
		d.addsKey(ceremonytest.New(t, keyPage))
		d.addsPasskey(ceremonytest.New(t, keyPage))
		s.clock.advance(time.Second)

		reader := s.client(t, page)
		reader.undo(reader.undoForm(s.mail(t, p.email, "address_undo").link())).is(303)
		if got := s.identity(t, p).at("traits.email").String(); got != p.email {
			t.Fatalf("the address is %s", got)
		}
		reader.whoami().refused(403, "session_aal2_required")
		for kind, theirs := range map[string]*ceremonytest.Authenticator{"webauthn": key, "passkey": passkey} {
			have := s.stored(t, p, kind).Get("credentials")
			if id := have.Get("0.id").String(); have.Get("#").Int() != 1 || id != base64.StdEncoding.EncodeToString(theirs.ID) {
				t.Errorf("%s: what is left: %s", kind, have.Raw)
			}
		}
		if got := s.stored(t, p, "lookup_secret").Get("recovery_codes.#").Int(); got != 12 {
			t.Errorf("%d backup codes are left", got)
		}
		if !s.identity(t, p).at("credentials.totp").Exists() {
			t.Error("the authenticator app is gone")
		}
	})
}

// TestTakingBackDropsWhatWasBroughtAlong: factors that were set up just before the
// change may be a thief's. They neither let anybody in afterwards nor keep the owner
// out.
func TestTakingBackDropsWhatWasBroughtAlong(t *testing.T) {
	const document = `{"properties":{"traits":{"type":"object","properties":{"email":{"type":"string","format":"email","ory.sh/kratos":{
		"credentials":{"password":{"identifier":true},"passkey":{"display_name":true}},"verification":{"via":"email"},"recovery":{"via":"email"}}}}}}}`
	const rp = `{"enabled":true,"config":{"rp":{"id":"example.org","display_name":"Example","origins":["` + keyPage + `"]}}}`
	more := careful("identity", `{"default_schema_id":"person","schemas":[{"id":"person","url":"base64://`+encoded(document)+`"}]}`,
		"selfservice.methods.passkey", rp, "selfservice.methods.totp.enabled", "true")
	onEach(t, more, func(t *testing.T, s *server) {
		c, p := s.signedIn(t, script)
		s.proven(t, p)
		s.clock.advance(time.Minute)
		c.addsPasskey(ceremonytest.New(t, keyPage))
		c.addsApp()
		c.moves(stranger().email)
		s.clock.advance(time.Second)

		owner := s.client(t, page)
		owner.undo(owner.undoForm(s.mail(t, p.email, "address_undo").link())).is(303)
		owner.whoami().is(200)
		for _, kind := range []string{"passkey", "totp"} {
			if left := s.identity(t, p).at("credentials." + kind); left.Exists() {
				t.Errorf("%s: what is left: %s", kind, left.Raw)
			}
		}
	})
}

// TestTakingBackIsNoPromotion: what an administrator has changed meanwhile, and
// people cannot change themselves, stays.
func TestTakingBackIsNoPromotion(t *testing.T) {
	const document = `{"properties":{"traits":{"type":"object","properties":{
		"email":{"type":"string","format":"email","ory.sh/kratos":{"credentials":{"password":{"identifier":true}},"verification":{"via":"email"},"recovery":{"via":"email"}}},
		"role":{"type":"string","disableFormField":true},"badge":{"type":"string","disableFormField":true},"name":{"type":"string"}}}}}`
	more := careful("identity", `{"default_schema_id":"many","schemas":[{"id":"many","url":"base64://`+base64.StdEncoding.EncodeToString([]byte(document))+`"}]}`)
	onEach(t, more, func(t *testing.T, s *server) {
		p := s.having(t, map[string]any{"role": "owner", "name": "Ada"})
		s.proven(t, p)
		c := s.client(t, app)
		c.signIn(p)
		c.moves(stranger().email)
		o, path := s.operator(t), "/admin/identities/"+p.id
		o.send("PATCH", path, patch("replace", "/traits/role", "guest")).is(200)
		o.send("PATCH", path, patch("add", "/traits/badge", "7")).is(200)
		o.send("PATCH", path, patch("add", "/traits/name", "Eve")).is(200)
		owner := s.client(t, page)
		owner.undo(owner.undoForm(s.mail(t, p.email, "address_undo").link())).is(303)
		a := s.identity(t, p)
		if a.at("traits.email").String() != p.email || a.at("traits.role").String() != "guest" || a.at("traits.badge").String() != "7" {
			t.Errorf("the traits are %s", a.at("traits").Raw)
		}
	})
}

// TestOperatorPutsAddressBack: when an operator has put an account in order, no link
// of before takes it away again.
func TestOperatorPutsAddressBack(t *testing.T) {
	onEach(t, careful(), func(t *testing.T, s *server) {
		_, p, _, link := s.stolen(t)
		s.operator(t).send("PATCH", "/admin/identities/"+p.id, patch("replace", "/traits/email", p.email)).is(200)
		c := s.client(t, page)
		c.replaced(form{kind: "recovery"}, c.get(link), 4060004)
		c.whoami().refused(401, "session_inactive")
	})
}

// TestTakingBackWithoutTheThiefsAddress: an address that the thief had added before
// they replaced the owner's is gone with the change.
func TestTakingBackWithoutTheThiefsAddress(t *testing.T) {
	const address = `{"type":"string","format":"email","ory.sh/kratos":{"credentials":{"password":{"identifier":true}},"verification":{"via":"email"},"recovery":{"via":"email"}}}`
	const document = `{"properties":{"traits":{"type":"object","properties":{"email":` + address + `,"backup":` + address + `}}}}`
	more := careful("identity", `{"default_schema_id":"many","schemas":[{"id":"many","url":"base64://`+base64.StdEncoding.EncodeToString([]byte(document))+`"}]}`)
	onEach(t, more, func(t *testing.T, s *server) {
		p := s.having(t, map[string]any{})
		s.proven(t, p)
		thief := s.client(t, app)
		thief.signIn(p)
		evil := stranger().email
		for _, email := range []string{p.email, stranger().email} {
			s.clock.advance(2 * time.Second)
			f := thief.begin("settings", "")
			a := thief.submit(f, fields{"method": "profile", "traits.email": email, "traits.backup": evil}).is(200)
			waits := evil
			if email != p.email {
				waits = email
			}
			form := thief.opened("verification", thief.fetch("verification", a.at(`continue_with.#(action=="show_verification_ui").flow.id`).String()).saying(200, 1080003))
			s.clock.advance(time.Second)
			thief.typed(form, s.mail(t, waits, "verification_code_valid").code()).saying(200, 1080002)
		}
		owner := s.client(t, page)
		owner.undo(owner.undoForm(s.mail(t, p.email, "address_undo").link())).is(303)
		if got := s.identity(t, p).at("traits").Raw; got != `{"email":"`+p.email+`"}` {
			t.Errorf("the traits are %s", got)
		}
	})
}
