package app

import (
	"encoding/base64"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/tidwall/gjson"

	"zelus/internal/ceremony"
	"zelus/internal/ceremony/ceremonytest"
)

// holders is the identity schema of people who have keys.
const holders = `{"$id":"holder","type":"object","properties":{"traits":{"type":"object","required":["email"],"properties":{
	"email":{"type":"string","format":"email","title":"E-mail","ory.sh/kratos":{"credentials":{
		"password":{"identifier":true},"webauthn":{"identifier":true},"passkey":{"display_name":true}}}},
	"name":{"type":"string"}}}}}`

// keyPage is the origin of the pages that ask for keys.
const keyPage = "https://app.example.org"

// withKeys lays a configuration over that of the tests in which keys can be used;
// more are lines below selfservice.methods.
func withKeys(webauthn, passkey string) string {
	const rp = "rp: {id: example.org, display_name: Example, origins: ['https://app.example.org', 'https://example.org']}"
	return fmt.Sprintf(`
identity: {default_schema_id: person, schemas: [{id: person, url: "base64://%s"}]}
selfservice:
  methods:
    webauthn: {enabled: true, config: {%s%s}}
    passkey: {enabled: true, config: {%s%s}}
  flows:
    registration: {after: {webauthn: {hooks: [{hook: session}]}, passkey: {hooks: [{hook: session}]}}}
`, base64.StdEncoding.EncodeToString([]byte(holders)), webauthn, rp, passkey, rp)
}

// field is the value of a node, by its name.
func (a answer) field(name string) string {
	return a.at(`ui.nodes.#(attributes.name=="` + name + `").attributes.value`).String()
}

// addsKey gives the client's person a security key.
func (c *client) addsKey(k *ceremonytest.Authenticator) answer {
	c.t.Helper()
	f := c.begin("settings", "")
	return c.finish(f, fields{"webauthn_register": k.Create(f.json.field("webauthn_register_trigger")), "webauthn_register_displayname": "my key"})
}

// addsPasskey gives the client's person a passkey.
func (c *client) addsPasskey(k *ceremonytest.Authenticator) answer {
	c.t.Helper()
	f := c.begin("settings", "")
	return c.finish(f, fields{"passkey_settings_register": k.Create(f.json.field("passkey_create_data"))})
}

// signsUpWithPasskey makes an account that has a passkey and nothing else.
func (s *server) signsUpWithPasskey(t testing.TB, k *ceremonytest.Authenticator) (*client, person) {
	t.Helper()
	c, p := s.client(t, script), stranger()
	f := c.begin("registration", "")
	p.id = c.finish(f, fields{"method": "passkey", "traits.email": p.email, "passkey_register": k.Create(f.json.field("passkey_create_data"))}).at("identity.id").String()
	return c, p
}

// usesPasskey signs in with a passkey.
func usesPasskey(c *client, f form, k *ceremonytest.Authenticator) answer {
	c.t.Helper()
	return c.submit(f, fields{"method": "passkey", "passkey_login": k.Get(f.json.field("passkey_challenge"))})
}

// excluded are the ids of the keys whose authenticators shall make no second one.
func excluded(options string) string {
	var ids []string
	for _, one := range gjson.Get(options, "publicKey.excludeCredentials").Array() {
		ids = append(ids, one.Get("id").String())
	}
	return strings.Join(ids, " ")
}

// stored are the keys of somebody as they are stored.
func (s *server) stored(t testing.TB, p person, kind string) gjson.Result {
	t.Helper()
	return s.operator(t).get("/admin/identities/" + p.id + "?include_credential=" + kind).is(200).at("credentials." + kind + ".config")
}

// level is how strongly the client's session is proven, and by what.
func (c *client) level() string {
	c.t.Helper()
	a := c.whoami().is(200)
	var by []string
	for _, m := range a.at("authentication_methods").Array() {
		by = append(by, m.Get("method").String()+" "+m.Get("aal").String())
	}
	return a.at("authenticator_assurance_level").String() + ": " + strings.Join(by, ", ")
}

func agree(t testing.TB, what, got, want string) {
	t.Helper()
	if got != want {
		t.Errorf("%s: %s, want %s", what, got, want)
	}
}

// TestPasskeys: somebody signs up with a passkey, signs in with it as a browser
// and as an app, and nothing is left of the challenge.
func TestPasskeys(t *testing.T) {
	onEach(t, withKeys("", ""), func(t *testing.T, s *server) {
		k := ceremonytest.New(t, keyPage)
		k.Flags |= ceremonytest.Verified | ceremonytest.BackupEligible | ceremonytest.BackedUp
		c, p := s.signsUpWithPasskey(t, k)
		agree(t, "signing up", c.level(), "aal1: passkey aal1")
		for _, style := range styles {
			k.Flags ^= ceremonytest.BackedUp
			c := s.client(t, style)
			f := c.begin("login", "")
			if onPage := strings.Contains(string(f.json.body), "webauthn_script"); onPage == (style == app) {
				t.Errorf("%s: the script: %v", style, onPage)
			}
			a := usesPasskey(c, f, k)
			if style == page {
				a.leads(303, homePage)
			} else {
				a.is(200)
			}
			c.token = a.at("session_token").String()
			agree(t, string(style), c.level(), "aal1: passkey aal1")
			one := s.stored(t, p, "passkey").Get("credentials.0")
			if got := one.Get("authenticator.sign_count").Int(); got != int64(k.Count) || one.Get("flags.backup_state").Bool() != (k.Flags&ceremonytest.BackedUp != 0) || !one.Get("added_at").Exists() {
				t.Errorf("%s: what is stored: %s, counter %d", style, one.Raw, k.Count)
			}
		}
	})
}

// TestPasskeysAdded: somebody with a password adds a passkey, which is called after
// what holds it, signs in with it, and takes it away.
func TestPasskeysAdded(t *testing.T) {
	onEach(t, withKeys("", ""), func(t *testing.T, s *server) {
		for _, style := range []style{app, script} {
			p, k := s.person(t), ceremonytest.New(t, keyPage)
			k.AAGUID = [16]byte{0xba, 0xda, 0x55, 0x66, 0xa7, 0xaa, 0x40, 0x1f, 0xbd, 0x96, 0x45, 0x61, 0x9a, 0x55, 0x12, 0x0d}
			c := s.client(t, style)
			c.signIn(p)
			f := c.begin("settings", "")
			agree(t, "who it is for", gjson.Get(f.json.field("passkey_create_data"), "publicKey.user.name").String(), p.email)
			token := c.token
			done := c.addsPasskey(k)
			c.token = token
			agree(t, "its name", done.at(`ui.nodes.#(attributes.name=="passkey_remove").meta.label.context.display_name`).String(), "1Password")
			agree(t, "adding it", c.level(), "aal1: password aal1, passkey aal1")
			d := s.client(t, style)
			usesPasskey(d, d.begin("login", ""), k).is(200)
			f = c.begin("settings", "")
			agree(t, "what may make no second one", excluded(f.json.field("passkey_create_data")), base64.RawURLEncoding.EncodeToString(k.ID))
			c.submit(f, fields{"passkey_remove": "abcd"}).saying(400, 4000001)
			c.submit(f, fields{"passkey_remove": fmt.Sprintf("%x", k.ID)}).is(200)
			e := s.client(t, style)
			usesPasskey(e, e.begin("login", ""), k).saying(400, 4000015)
		}
	})
}

// TestSecurityKeys: a key is a second factor, and never more.
func TestSecurityKeys(t *testing.T) {
	onEach(t, withKeys("", ""), func(t *testing.T, s *server) {
		p, k := s.person(t), ceremonytest.New(t, keyPage)
		k.Flags |= ceremonytest.Verified
		c := s.client(t, script)
		c.signIn(p)
		c.addsKey(k)
		agree(t, "adding a key", c.level(), "aal2: password aal1, webauthn aal2")
		agree(t, "what may make no second one", excluded(c.begin("settings", "").json.field("webauthn_register_trigger")), base64.RawURLEncoding.EncodeToString(k.ID))
		d := s.client(t, script)
		d.submit(d.begin("login", ""), p.login()).is(422)
		d.whoami().refused(403, "session_aal2_required")
		f := d.begin("login", "aal=aal2")
		d.submit(f, fields{"method": "webauthn", "identifier": p.email, "webauthn_login": k.Get(f.json.field("webauthn_login_trigger"))}).is(200)
		agree(t, "two factors", d.level(), "aal2: password aal1, webauthn aal2")
		// Nobody signs in with it alone, and an app does not see it.
		e := s.client(t, script)
		f = e.begin("login", "")
		e.submit(f, fields{"method": "webauthn", "identifier": p.email, "webauthn_login": k.Get(f.json.field("passkey_challenge"))}).saying(400, 4010002)
		if strings.Contains(string(s.client(t, app).begin("login", "").json.body), `"webauthn`) {
			t.Error("an app is offered security keys")
		}
	})
}

// TestKeysAlone: a key by which somebody signs in, and what the form says of it.
func TestKeysAlone(t *testing.T) {
	onEach(t, withKeys("passwordless: true, ", ""), func(t *testing.T, s *server) {
		k, c, p := ceremonytest.New(t, keyPage), s.client(t, script), stranger()
		f := c.begin("registration", "")
		p.id = c.finish(f, fields{"traits.email": p.email, "webauthn_register": k.Create(f.json.field("webauthn_register_trigger"))}).at("identity.id").String()
		for _, style := range []style{script, page} {
			c := s.client(t, style)
			f := c.begin("login", "")
			asked := c.submit(f, fields{"method": "webauthn", "identifier": p.email})
			if style == page {
				asked.leads(303, loginPage)
			} else {
				asked.refused(422, "browser_location_change_required")
			}
			next := c.fetch("login", f.id).saying(200, 1010012)
			options := next.field("webauthn_login_trigger")
			// An answer fits the rendering that it was given to, whatever happened since.
			c.submit(f, fields{"method": "webauthn", "identifier": p.email, "webauthn_login": "{}"})
			if again := c.fetch("login", f.id).is(200).field("webauthn_login_trigger"); again != options {
				t.Errorf("%s: the form asks %s, then %s", style, options, again)
			}
			done := c.submit(f, fields{"method": "webauthn", "identifier": p.email, "webauthn_login": k.Get(options)})
			if style == page {
				done.leads(303, homePage)
			} else {
				done.is(200)
			}
			agree(t, string(style), c.level(), "aal1: webauthn aal1")
		}
		f = c.begin("settings", "")
		long := c.submit(f, fields{"webauthn_register": ceremonytest.New(t, keyPage).Create(f.json.field("webauthn_register_trigger")), "webauthn_register_displayname": strings.Repeat("ä", 101)})
		long.saying(400, 4000017)
		// The last key stays; of two, one goes.
		f = c.begin("settings", "")
		remove := func() answer {
			return c.submit(f, fields{"webauthn_remove": fmt.Sprintf("%x", k.ID)})
		}
		if !f.json.at(`ui.nodes.#(attributes.name=="webauthn_remove").attributes.disabled`).Bool() {
			t.Error("the button of the last key can be used")
		}
		remove().saying(400, 4000001)
		c.addsKey(ceremonytest.New(t, keyPage))
		remove().is(200)
		if left := s.stored(t, p, "webauthn").Get("credentials.#").Int(); left != 1 {
			t.Errorf("%d keys are left", left)
		}
	})
}

// TestPasswordInsteadOfKey: who was asked for their key may use their password after
// all, and gets back to where they can choose.
func TestPasswordInsteadOfKey(t *testing.T) {
	onEach(t, withKeys("passwordless: true, ", ""), func(t *testing.T, s *server) {
		p, c := s.person(t), s.client(t, script)
		c.signIn(p)
		c.addsKey(ceremonytest.New(t, keyPage))
		c = s.client(t, script)
		f := c.begin("login", "")
		ask := fields{"method": "webauthn", "identifier": p.email}
		has := func(a answer, name string) bool { return a.at(`ui.nodes.#(attributes.name=="` + name + `")`).Exists() }
		asked := func() {
			t.Helper()
			c.submit(f, ask).refused(422, "browser_location_change_required")
			if step := c.fetch("login", f.id).saying(200, 1010012); has(step, "password") || !has(step, "webauthn_login") {
				t.Errorf("the step is not about the key alone: %s", step.body)
			}
		}
		wrong := p
		wrong.password += "!"
		asked()
		shown := c.submit(f, wrong.login()).saying(400, 4000006)
		if !has(shown, "password") || has(shown, "webauthn_login") || shown.field("identifier") != p.email {
			t.Errorf("the form is not back at its beginning: %s", shown.body)
		}
		asked()
		shown = c.submit(f, fields{"method": "webauthn", "identifier": stranger().email}).saying(400, 4000015)
		if !has(shown, "password") || has(shown, "webauthn_login") {
			t.Errorf("of somebody without a key the form is not back at its beginning: %s", shown.body)
		}
		asked()
		c.submit(f, p.login()).is(200)
		agree(t, "instead of the key", c.level(), "aal1: password aal1")
	})
}

// TestKeysThatDoNotFit: nobody gets in with an answer that is not right, whatever
// is wrong with it, and the right one still works after that.
func TestKeysThatDoNotFit(t *testing.T) {
	onEach(t, withKeys("passwordless: true, ", "authenticator_selection: {user_verification: required}, "), func(t *testing.T, s *server) {
		newKey := func() *ceremonytest.Authenticator {
			k := ceremonytest.New(t, keyPage)
			k.Flags |= ceremonytest.Verified | ceremonytest.BackupEligible
			return k
		}
		k, other := newKey(), newKey()
		_, p := s.signsUpWithPasskey(t, k)
		s.signsUpWithPasskey(t, other)
		elsewhere := s.client(t, script).begin("login", "").json.field("passkey_challenge")

		c := s.client(t, script)
		f := c.begin("login", "")
		options := f.json.field("passkey_challenge")
		for what, attack := range map[string]func(k *ceremonytest.Authenticator) string{
			"another form":          func(k *ceremonytest.Authenticator) string { return k.Get(elsewhere) },
			"another site":          func(k *ceremonytest.Authenticator) string { k.Origin = "https://evil.example"; return k.Get(options) },
			"another relying party": func(k *ceremonytest.Authenticator) string { k.RPID = "evil.example"; return k.Get(options) },
			"nobody verified":       func(k *ceremonytest.Authenticator) string { k.Flags &^= ceremonytest.Verified; return k.Get(options) },
			"nobody there":          func(k *ceremonytest.Authenticator) string { k.Flags &^= ceremonytest.Present; return k.Get(options) },
			"never to be backed up": func(k *ceremonytest.Authenticator) string {
				k.Flags &^= ceremonytest.BackupEligible
				return k.Get(options)
			},
			"somebody else's handle": func(k *ceremonytest.Authenticator) string { k.UserHandle = other.UserHandle; return k.Get(options) },
			"somebody else's key": func(k *ceremonytest.Authenticator) string {
				x := *other
				x.UserHandle = k.UserHandle
				return x.Get(options)
			},
			"an older counter": func(k *ceremonytest.Authenticator) string { k.Count = 0; return k.Get(options) },
		} {
			thief := *k
			c.submit(f, fields{"method": "passkey", "passkey_login": attack(&thief)}).saying(400, 4000008)
			if a := c.whoami(); a.status != 401 {
				t.Fatalf("%s: somebody is in: %s", what, a.body)
			}
		}
		nobodys, known := ceremonytest.New(t, keyPage), *other
		nobodys.UserHandle, known.Flags = []byte("nobody"), 0
		if unknown, wrong := s.statements.during(func() {
			c.submit(f, fields{"method": "passkey", "passkey_login": nobodys.Get(options)}).is(400)
		}), s.statements.during(func() {
			c.submit(f, fields{"method": "passkey", "passkey_login": known.Get(options)}).is(400)
		}); !slices.Equal(unknown, wrong) {
			t.Errorf("somebody unknown costs %v, a wrong key %v", unknown, wrong)
		}
		for _, handle := range []string{"nobody", "\x00", "\xff\xfe", "", strings.Repeat("x", 4096)} {
			thief := *k
			thief.UserHandle = []byte(handle)
			c.submit(f, fields{"method": "passkey", "passkey_login": thief.Get(options)}).saying(400, 4000015)
		}
		for _, garbage := range []string{"{}", "null", "[]", "x", `{"id":"AA"}`, strings.Repeat("[", 100000), strings.Repeat("A", 200000), newKey().Create(newOptions(t, s))} {
			c.submit(f, fields{"method": "passkey", "passkey_login": garbage}).saying(400, 4000001)
		}
		// A copy was used above: the log tells of it, and so does the key.
		if one := s.stored(t, p, "passkey").Get("credentials.0.authenticator"); !one.Get("clone_warning").Bool() || !strings.Contains(s.log.String(), "its counter has gone back") {
			t.Errorf("nobody is told of the copy: %s", one.Raw)
		}
		right := k.Get(options)
		c.submit(f, fields{"method": "passkey", "passkey_login": right}).is(200)
		// Used once.
		d := s.client(t, script)
		d.submit(d.begin("login", ""), fields{"method": "passkey", "passkey_login": right}).saying(400, 4000008)
		c.submit(f, fields{"method": "passkey", "passkey_login": right}).refused(403, "security_csrf_violation")
		e := s.client(t, app)
		g := e.begin("login", "")
		right = k.Get(g.json.field("passkey_challenge"))
		e.submit(g, fields{"method": "passkey", "passkey_login": right}).is(200)
		e.submit(g, fields{"method": "passkey", "passkey_login": right}).saying(400, 4010002)

		// Nor is a key made of such an answer, or whatever is wrong with it.
		signUp := s.client(t, script)
		g = signUp.begin("registration", "")
		create := g.json.field("passkey_create_data")
		for what, change := range map[string]func(*ceremonytest.Authenticator){
			"another site":          func(k *ceremonytest.Authenticator) { k.Origin = "https://evil.example" },
			"another relying party": func(k *ceremonytest.Authenticator) { k.RPID = "evil.example" },
			"another challenge":     func(k *ceremonytest.Authenticator) { k.Challenge = "AAAA" },
			"nobody verified":       func(k *ceremonytest.Authenticator) { k.Flags = ceremonytest.Present },
			"backed up, not able to": func(k *ceremonytest.Authenticator) {
				k.Flags = ceremonytest.Present | ceremonytest.Verified | ceremonytest.BackedUp
			},
			"a key that is none": func(k *ceremonytest.Authenticator) { k.PublicKey = []byte{0xa0} },
		} {
			k := newKey()
			change(k)
			if a := signUp.submit(g, fields{"method": "passkey", "traits.email": stranger().email, "passkey_register": k.Create(create)}); a.status != 400 || !slices.Equal(a.messages(), []int64{4000001}) {
				t.Errorf("%s: %d %s", what, a.status, a.body)
			}
		}
	})
}

// newOptions are options for a new passkey.
func newOptions(t testing.TB, s *server) string {
	t.Helper()
	return s.client(t, script).begin("registration", "").json.field("passkey_create_data")
}

// TestKeysRefresh: who proves again who they are does so with a key of their own.
func TestKeysRefresh(t *testing.T) {
	onEach(t, withKeys("", ""), func(t *testing.T, s *server) {
		k, other := ceremonytest.New(t, keyPage), ceremonytest.New(t, keyPage)
		c, p := s.signsUpWithPasskey(t, k)
		s.signsUpWithPasskey(t, other)
		before := c.secret()
		f := c.begin("login", "refresh=true")
		agree(t, "who it is", f.json.field("identifier"), p.email)
		usesPasskey(c, f, other).saying(400, 4000008)
		k.UserHandle = nil // it was asked for by name, and need not say whose it is
		usesPasskey(c, f, k).is(200)
		if c.secret() == before {
			t.Error("the cookie is the same")
		}
	})
}

// TestVerifiedKeys: where the configuration wants it, a key that has checked who
// uses it is two factors; one that has not, or has learnt it since, is not.
func TestVerifiedKeys(t *testing.T) {
	run := func(t *testing.T, s *server) {
		signIn := func(k *ceremonytest.Authenticator) *client {
			c := s.client(t, script)
			if a := usesPasskey(c, c.begin("login", ""), k); a.status != 200 && a.status != 422 {
				t.Fatal(string(a.body))
			}
			return c
		}
		k := ceremonytest.New(t, keyPage)
		k.Flags |= ceremonytest.Verified
		c, p := s.signsUpWithPasskey(t, k)
		agree(t, "making it", c.level(), "aal2: passkey aal2")
		agree(t, "using it", signIn(k).level(), "aal2: passkey aal2")
		// Without the check it is one factor, and the other one is asked for.
		k.Flags &^= ceremonytest.Verified
		d := signIn(k)
		d.whoami().refused(403, "session_aal2_required")
		f := d.begin("login", "aal=aal2")
		agree(t, "it must check", gjson.Get(f.json.field("passkey_challenge"), "publicKey.userVerification").String(), ceremony.Required)
		usesPasskey(d, f, k).saying(400, 4000008)
		k.Flags |= ceremonytest.Verified
		usesPasskey(d, f, k).is(200)
		agree(t, "checking after all", d.level(), "aal2: passkey aal1, passkey aal2")
		if again := s.stored(t, p, "passkey").Get("credentials.0.flags.user_verified").Bool(); !again {
			t.Error("it is not stored that it can check")
		}

		taught := ceremonytest.New(t, keyPage)
		s.signsUpWithPasskey(t, taught)
		taught.Flags |= ceremonytest.Verified
		agree(t, "one that learnt it", signIn(taught).level(), "aal1: passkey aal1")
		e := signIn(taught)
		g := e.begin("login", "aal=aal2")
		e.submit(g, fields{"method": "passkey", "passkey_login": taught.Get(s.client(t, script).begin("login", "").json.field("passkey_challenge"))}).saying(400, 4010002)

		// A security key that signs somebody in, likewise.
		alone, m, q := ceremonytest.New(t, keyPage), s.client(t, script), stranger()
		alone.Flags |= ceremonytest.Verified
		h := m.begin("registration", "")
		m.finish(h, fields{"traits.email": q.email, "webauthn_register": alone.Create(h.json.field("webauthn_register_trigger"))})
		agree(t, "a security key", m.level(), "aal2: webauthn aal2")
		alone.Flags &^= ceremonytest.Verified
		n := s.client(t, script)
		h = n.begin("login", "")
		n.submit(h, fields{"method": "webauthn", "identifier": q.email}).is(422)
		n.submit(h, fields{"method": "webauthn", "identifier": q.email, "webauthn_login": alone.Get(n.fetch("login", h.id).field("webauthn_login_trigger"))}).is(422)
		h = n.begin("login", "aal=aal2")
		n.submit(h, fields{"method": "webauthn", "identifier": q.email, "webauthn_login": alone.Get(h.json.field("webauthn_login_trigger"))}).saying(400, 4000008)
		alone.Flags |= ceremonytest.Verified
		n.submit(h, fields{"method": "webauthn", "identifier": q.email, "webauthn_login": alone.Get(h.json.field("webauthn_login_trigger"))}).is(200)
		agree(t, "a security key that checks after all", n.level(), "aal2: webauthn aal1, webauthn aal2")
	}
	onEach(t, withKeys("passwordless: true, user_verified_aal2: true, ", "user_verified_aal2: true, "), run)
}

// TestRelatedOrigins: browsers are told which pages may use keys.
func TestRelatedOrigins(t *testing.T) {
	s := start(t, setup{more: withKeys("", "")})
	agree(t, "the origins", string(s.client(t, script).get("/.well-known/webauthn").is(200).body), `{"origins":["https://app.example.org","https://example.org"]}`)
}
