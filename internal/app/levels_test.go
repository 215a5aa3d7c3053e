package app

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"zelus/internal/auth"
	"zelus/internal/ceremony/ceremonytest"
	"zelus/internal/config"
	"zelus/internal/store"
)

// TestLevels goes through every combination of what somebody has, what the
// configuration demands, how they come in and what they prove after that. A model
// of a few lines, made of NIST SP 800-63B and not of the server's table, says what
// the session is worth and what may be done in it. No session is worth more than was
// proven, and none leads around a factor that is asked for.
func TestLevels(t *testing.T) {
	for _, r := range allRules() {
		t.Run(r.name, func(t *testing.T) {
			t.Parallel()
			onEach(t, levelsConfig(), func(t *testing.T, s *server) {
				s.said = nil // there would be too much of it
				w := &world{T: t, s: s, operator: s.operator(t)}
				w.settle(r)
				w.obey(r)
				for n := range w.people {
					w.visit(&w.people[n])
				}
				for n := range w.people {
					w.takeBack(&w.people[n])
				}
				for n := range w.people {
					w.trust(&w.people[n])
				}
				w.newcomers()
				t.Logf("%d combinations of credentials, ways in and further proofs; %d sessions; %d proofs, %d of them refused; %d changes, %d of them refused; %d violations",
					w.combinations, w.sessions, w.proofs, w.proofsRefused, w.changes, w.changesRefused, w.violations)
				if w.sessions < 100 || w.proofsRefused < 200 || w.changesRefused < 200 || w.changes-w.changesRefused < 50 {
					t.Error("that is too little: this test sees nothing")
				}
			})
		})
	}
}

// factor is something by which somebody proves who they are.
type factor string

const (
	withPassword factor = "password"
	withPasskey  factor = "passkey" // of an authenticator that does not check who uses it
	withVerified factor = "verified passkey"
	withSloppy   factor = "verified passkey, unchecked" // the same, and this time it has not checked
	withKey      factor = "key"
	withVerKey   factor = "verified key"
	withMail     factor = "mailed code"
	withApp      factor = "app"
	withBackup   factor = "backup code"
	withSpent    factor = "spent backup codes"
	withBeside   factor = "key beside a password"
	withRecovery factor = "recovery"
)

// rules are what the configuration says.
type rules struct {
	name string
	// twoInOne is user_verified_aal2.
	twoInOne bool
	// alone lets keys and mailed codes sign somebody in; without it they are second
	// factors. without switches apps, keys and mailed codes off.
	alone, without bool
}

func allRules() (all []rules) {
	for _, twoInOne := range []bool{false, true} {
		for _, r := range []rules{{name: "keys and codes beside"}, {name: "keys and codes alone", alone: true}, {name: "without apps, keys and codes", without: true}} {
			r.twoInOne = twoInOne
			r.name += fmt.Sprintf(", two in one %v", twoInOne)
			all = append(all, r)
		}
	}
	return all
}

// first, second and both say what a factor is by these rules: one with which
// somebody signs in, one that completes it, or two in one.
func (r rules) first(f factor) bool {
	switch f {
	case withPassword, withPasskey, withVerified, withSloppy, withRecovery:
		return true
	case withKey, withVerKey, withMail:
		return r.alone
	}
	return false
}

func (r rules) second(f factor) bool {
	switch f {
	case withBackup, withSpent:
		return true
	case withApp, withBeside:
		return !r.without
	case withMail:
		return !r.without && !r.alone
	}
	return false
}

func (r rules) both(f factor) bool {
	return r.twoInOne && (f == withVerified || f == withVerKey && r.alone)
}

func (r rules) strong(f factor) bool { return r.second(f) || r.both(f) }

// proof is that somebody has used a factor.
type proof struct {
	by factor
	at time.Time
}

// level is what proofs are worth: two factors that are not the same are AAL2
// (section 2.2), any one is AAL1 (section 2.1). Where a mailed code completes a
// recovery by mail is in completes.
func (r rules) level(proofs []proof) auth.AAL {
	any := func(is func(factor) bool) bool {
		return slices.ContainsFunc(proofs, func(p proof) bool { return is(p.by) })
	}
	switch {
	case any(r.both), any(r.first) && any(r.second):
		return auth.AAL2
	case len(proofs) > 0:
		return auth.AAL1
	}
	return auth.AAL0
}

// completes says whether a factor is another one than that by which somebody came in.
// Recovery and codes are the same mailbox: who has set up no other second factor
// would be locked out, everybody else has to use it.
func (r rules) completes(in, more factor, has []factor) bool {
	return in != withRecovery || more != withMail || !r.second(withMail) ||
		!slices.ContainsFunc(has, func(f factor) bool { return f != withMail && r.strong(f) })
}

// available is what somebody can prove at most.
func (r rules) available(has []factor) auth.AAL {
	if slices.ContainsFunc(has, r.strong) {
		return auth.AAL2
	}
	return auth.AAL1
}

// met says whether a session is let through where this is demanded.
func (r rules) met(demand auth.RequiredAAL, proofs []proof, has []factor) bool {
	return demand == auth.RequireAAL1 || r.available(has) == auth.AAL1 || r.level(proofs) == auth.AAL2
}

// fresh says whether one of these factors was proven so recently that a change is
// let through.
func fresh(proofs []proof, now time.Time, is func(factor) bool) bool {
	return slices.ContainsFunc(proofs, func(p proof) bool { return is(p.by) && now.Sub(p.at) < privileged })
}

func whatever(factor) bool { return true }

// change is something that somebody does to their account.
type change struct {
	name string
	// possible says whether there is anything to do; last that it would leave no way in.
	possible, last func(rules, *subject) bool
	// strong says whether this is a change of second factors, or shows some.
	strong func(rules, *subject) bool
	// always says that strong needs a second factor even where none is set up yet.
	always bool
	// plain says that no fresh proof is needed.
	plain bool
	// proves is what was used to make the change.
	proves factor
	do     func(*world, *client, form, *subject) answer
}

func never(rules, *subject) bool { return false }

// submitting is a change that takes one submission.
func submitting(with func(*world, form, *subject) fields) func(*world, *client, form, *subject) answer {
	return func(w *world, c *client, f form, p *subject) answer { return c.submit(f, with(w, f, p)) }
}

func fixed(with fields) func(*world, *client, form, *subject) answer {
	return submitting(func(*world, form, *subject) fields { return with })
}

// firstFactors counts the ways in.
func (r rules) firstFactors(p *subject) (n int) {
	for _, f := range p.has {
		if r.first(f) {
			n++
		}
	}
	return n
}

func has(f ...factor) func(rules, *subject) bool {
	return func(_ rules, p *subject) bool {
		return slices.ContainsFunc(f, func(f factor) bool { return slices.Contains(p.has, f) })
	}
}

func hasNo(f ...factor) func(rules, *subject) bool {
	return func(r rules, p *subject) bool { return !has(f...)(r, p) }
}

func both(a, b func(rules, *subject) bool) func(rules, *subject) bool {
	return func(r rules, p *subject) bool { return a(r, p) && b(r, p) }
}

func always(rules, *subject) bool { return true }

func switchedOn(r rules, _ *subject) bool { return !r.without }

// together says that a key of this kind stands in one credential with a second factor:
// they are protected together.
func together(f ...factor) func(rules, *subject) bool {
	return func(r rules, p *subject) bool {
		return slices.ContainsFunc(p.has, func(of factor) bool { return slices.Contains(f, of) && r.strong(of) })
	}
}

// removing removes a key.
func removing(f factor, field string) change {
	kind := []factor{withPasskey, withVerified}
	if field == "webauthn_remove" {
		kind = []factor{withKey, withVerKey, withBeside}
	}
	return change{name: "remove " + string(f), strong: together(kind...),
		possible: func(r rules, p *subject) bool { return has(f)(r, p) && (r.first(f) || r.second(f)) },
		last:     func(r rules, p *subject) bool { return r.first(f) && r.firstFactors(p) < 2 },
		do: submitting(func(_ *world, _ form, p *subject) fields {
			return fields{field: fmt.Sprintf("%x", p.keys[f].ID)}
		})}
}

// changes are all that are tried.
var changes = []change{
	{name: "rename", possible: always, strong: never, plain: true, do: submitting(func(_ *world, _ form, p *subject) fields {
		return fields{"method": "profile", "traits.email": p.email, "traits.name": "Ada"}
	})},
	{name: "reveal backup codes", possible: has(withBackup, withSpent), strong: always, always: true, plain: false, do: fixed(fields{"lookup_secret_reveal": "true"})},
	{name: "remove app", possible: both(switchedOn, has(withApp)), strong: always, do: fixed(fields{"totp_unlink": "true"})},
	{name: "remove backup codes", possible: has(withBackup, withSpent), strong: always, do: fixed(fields{"lookup_secret_disable": "true"})},
	removing(withBeside, "webauthn_remove"), removing(withKey, "webauthn_remove"), removing(withVerKey, "webauthn_remove"),
	removing(withPasskey, "passkey_remove"), removing(withVerified, "passkey_remove"),
	{name: "change password", possible: always, strong: never, do: fixed(fields{"method": "password", "password": otherPass})},
	{name: "change address", possible: always, strong: func(r rules, p *subject) bool { return has(withMail)(r, p) && r.second(withMail) },
		do: submitting(func(*world, form, *subject) fields {
			return fields{"method": "profile", "traits.email": stranger().email}
		})},
	{name: "add app", possible: both(switchedOn, hasNo(withApp)), strong: always, proves: withApp, do: submitting(func(w *world, f form, _ *subject) fields {
		return fields{"method": "totp", "totp_code": w.totp(secretShown(f))}
	})},
	{name: "make backup codes", possible: always, strong: always, proves: withBackup, do: func(_ *world, c *client, f form, _ *subject) answer {
		if a := c.submit(f, fields{"lookup_secret_regenerate": "true"}); a.status != 200 {
			return a
		}
		return c.submit(f, fields{"lookup_secret_confirm": "true"})
	}},
	{name: "add key beside", possible: func(r rules, _ *subject) bool { return !r.without && !r.alone }, strong: always, proves: withBeside, do: submitting(newKey(0))},
	{name: "add key alone", possible: func(r rules, _ *subject) bool { return r.alone }, strong: together(withKey, withVerKey, withBeside), proves: withKey, do: submitting(newKey(0))},
	{name: "add verified key alone", possible: func(r rules, _ *subject) bool { return r.alone && r.twoInOne }, strong: always, proves: withVerKey, do: submitting(newKey(ceremonytest.Verified))},
	{name: "add passkey", possible: always, strong: together(withPasskey, withVerified), proves: withPasskey, do: submitting(newPasskey(0))},
	{name: "add verified passkey", possible: func(r rules, _ *subject) bool { return r.twoInOne }, strong: always, proves: withVerified, do: submitting(newPasskey(ceremonytest.Verified))},
}

func newKey(flags byte) func(*world, form, *subject) fields {
	return func(w *world, f form, _ *subject) fields {
		return fields{"webauthn_register": w.key(flags).Create(f.json.field("webauthn_register_trigger")), "webauthn_register_displayname": "another"}
	}
}

func newPasskey(flags byte) func(*world, form, *subject) fields {
	return func(w *world, f form, _ *subject) fields {
		return fields{"passkey_settings_register": w.key(flags).Create(f.json.field("passkey_create_data"))}
	}
}

// secretShown is the secret of an authenticator app that a form shows.
func secretShown(f form) string {
	return f.json.at(`ui.nodes.#(attributes.id=="totp_secret_key").attributes.text.context.secret`).String()
}

// allowed says whether a change is to be let through in a session that has come as
// far as the form.
func (c *change) allowed(r rules, p *subject, proofs []proof, now time.Time) bool {
	switch {
	case c.plain:
		return true
	case c.strong(r, p) && (c.always || slices.ContainsFunc(p.has, r.strong)):
		return fresh(proofs, now, r.strong)
	}
	return fresh(proofs, now, whatever)
}

// subject is somebody with these factors.
type subject struct {
	person
	has   []factor
	keys  map[factor]*ceremonytest.Authenticator
	app   string // its secret
	codes []string
	saved *auth.Identity
	// used is what they have proven something with last.
	used fields
}

// levelsSchema is an identity schema; mailed says that its people have codes mailed.
func levelsSchema(id string, mailed bool) string {
	code := ""
	if mailed {
		code = `,"code":{"identifier":true,"via":"email"}`
	}
	return fmt.Sprintf(`{"id":%q,"selfservice_selectable":true,"url":"base64://%s"}`, id, encoded(`{"$id":"`+id+`","type":"object","properties":{"traits":{"type":"object","required":["email"],"properties":{
	"email":{"type":"string","format":"email","ory.sh/kratos":{"credentials":{"password":{"identifier":true},"webauthn":{"identifier":true},"passkey":{"display_name":true}`+code+`},
	"recovery":{"via":"email"},"verification":{"via":"email"}}},"name":{"type":"string"}}}}}`))
}

func levelsConfig() string {
	const rp = `"rp":{"id":"example.org","display_name":"Example","origins":["https://app.example.org"]}`
	const session = `{"hooks":[{"hook":"session"}]}`
	return proving(transitions, "true",
		"identity", `{"default_schema_id":"plain","schemas":[`+levelsSchema("plain", false)+`,`+levelsSchema("mailed", true)+`]}`,
		"session.lifespan", `"876000h"`, "selfservice.flows.settings.after.profile.hooks", `[{"hook":"verify_new_address"},{"hook":"notify_previous_addresses"},{"hook":"show_verification_ui"}]`,
		"selfservice.flows.recovery.lifespan", `"12h"`, "session.trusted_device.enabled", "true", "selfservice.flows.settings.privileged_session_max_age", `"1h"`,
		"selfservice.methods.totp.enabled", "true", "selfservice.methods.lookup_secret.enabled", "true",
		"selfservice.methods.webauthn", `{"enabled":true,"config":{`+rp+`}}`, "selfservice.methods.passkey", `{"enabled":true,"config":{`+rp+`}}`,
		"selfservice.flows.registration.after.passkey", session, "selfservice.flows.registration.after.webauthn", session, "selfservice.flows.registration.after.code", session)
}

// world is what the test has at hand.
type world struct {
	*testing.T
	s        *server
	operator *client
	rules    rules
	people   []subject
	other    *subject // somebody else, who has everything
	turn     int

	combinations, sessions, proofs, proofsRefused, changes, changesRefused, violations int
}

// violation is what must not be.
func (w *world) violation(format string, args ...any) {
	w.Helper()
	if w.violations++; w.violations > 40 {
		w.Fatal("and more")
	}
	w.Errorf(w.rules.name+": "+format, args...)
}

// put changes the configuration in force.
func (w *world) put(set func(*config.Config)) {
	p := *w.s.app.now.Load()
	c := *p.config
	set(&c)
	p.config = &c
	if err := w.s.app.put(&p); err != nil {
		w.Fatal(err)
	}
}

// obey puts rules in force.
func (w *world) obey(r rules) {
	w.rules = r
	w.put(func(c *config.Config) {
		m := &c.SelfService.Methods
		m.Passkey.Config.UserVerifiedAAL2, m.WebAuthn.Config.UserVerifiedAAL2 = r.twoInOne, r.twoInOne && r.alone
		m.WebAuthn.Config.Passwordless, m.Code.PasswordlessEnabled, m.Code.MFAEnabled = r.alone, r.alone, !r.alone && !r.without
		m.TOTP.Enabled, m.WebAuthn.Enabled = !r.without, !r.without
	})
	w.demand(auth.RequireHighest, auth.RequireHighest)
}

// demand changes how strongly sessions must be proven.
func (w *world) demand(whoami, settings auth.RequiredAAL) {
	w.put(func(c *config.Config) {
		c.Session.Whoami.RequiredAAL, c.SelfService.Flows.Settings.RequiredAAL = whoami, settings
	})
}

func (w *world) key(flags byte) *ceremonytest.Authenticator {
	k := ceremonytest.New(w, keyPage)
	k.Flags |= flags
	return k
}

// totp is the next code of an app: each is used once.
func (w *world) totp(secret string) string {
	return (&authenticator{t: w, s: w.s, key: secret}).code()["totp_code"]
}

// settle makes the people: those who sign in with what does not check who uses it,
// and those with what does where that matters, each with the second factors in turn.
func (w *world) settle(r rules) {
	plain, verified := []factor{withPassword, withPasskey, withKey}, []factor{withPassword, withVerified, withVerKey}
	for _, seconds := range [][]factor{nil, {withApp}, {withBackup}, {withSpent}, {withBeside}, {withMail}, {withApp, withSpent}, {withApp, withBackup, withBeside, withMail}} {
		w.people = append(w.people, subject{has: append(slices.Clone(plain), seconds...)})
		if r.twoInOne {
			w.people = append(w.people, subject{has: append(slices.Clone(verified), seconds...)})
		}
	}
	for _, only := range [][]factor{{withPassword}, {withPassword, withApp}, {withVerified}, {withVerified, withApp}, {withVerKey}, {withPasskey, withBackup}} {
		w.people = append(w.people, subject{has: only})
	}
	w.people = append(w.people, subject{has: []factor{withPassword, withVerified, withKey, withApp, withBackup, withBeside, withMail}})
	for n := range w.people {
		w.enrol(&w.people[n])
	}
	w.other = &w.people[len(w.people)-1]
	w.people = w.people[:len(w.people)-1]
}

// enrol gives somebody what they are to have. All have a password until then, and
// lose it where they are to have none.
func (w *world) enrol(p *subject) {
	p.person, p.keys = stranger(), map[factor]*ceremonytest.Authenticator{}
	schema := "plain"
	if slices.Contains(p.has, withMail) {
		schema = "mailed"
	}
	p.id = w.operator.send("POST", "/admin/identities", map[string]any{"schema_id": schema, "traits": fields{"email": p.email},
		"credentials": map[string]any{"password": map[string]any{"config": fields{"password": p.password}}}}).is(201).at("id").String()
	w.operator.send("PATCH", "/admin/identities/"+p.id, patch("replace", "/verifiable_addresses/0/verified", true)).is(200)
	w.obey(rules{name: "beside"})
	w.demand(auth.RequireAAL1, auth.RequireAAL1)
	c := w.s.client(w, script)
	c.signIn(p.person)
	if slices.Contains(p.has, withMail) { // it protects the others from now on
		w.prove(c, p, "aal=aal2", withMail).is(200)
	}
	settings := func(rules rules, with func(form) fields) answer {
		w.obey(rules)
		w.demand(auth.RequireAAL1, auth.RequireAAL1)
		f := c.begin("settings", "")
		return c.submit(f, with(f)).is(200)
	}
	beside, alone := rules{name: "beside"}, rules{name: "alone", alone: true}
	for _, f := range p.has {
		k := w.key(0)
		if f == withVerified || f == withVerKey {
			k = w.key(ceremonytest.Verified)
		}
		switch f {
		case withPasskey, withVerified:
			settings(beside, func(f form) fields {
				return fields{"passkey_settings_register": k.Create(f.json.field("passkey_create_data"))}
			})
		case withKey, withVerKey, withBeside:
			with := alone
			if f == withBeside {
				with = beside
			}
			settings(with, func(f form) fields {
				return fields{"webauthn_register": k.Create(f.json.field("webauthn_register_trigger")), "webauthn_register_displayname": string(p.id)}
			})
		case withApp:
			settings(beside, func(f form) fields {
				p.app = secretShown(f)
				return fields{"method": "totp", "totp_code": w.totp(p.app)}
			})
		case withBackup, withSpent:
			shown := settings(beside, func(form) fields { return fields{"lookup_secret_regenerate": "true"} })
			p.codes = nil
			for _, m := range shown.at(`ui.nodes.#(attributes.id=="lookup_secret_codes").attributes.text.context.secrets.#.context.secret`).Array() {
				p.codes = append(p.codes, m.String())
			}
			c.submit(form{action: shown.at("ui.action").String()}, fields{"lookup_secret_confirm": "true", "csrf_token": shown.at(`ui.nodes.#(attributes.name=="csrf_token").attributes.value`).String()}).is(200)
		}
		p.keys[f] = k
	}
	w.obey(beside)
	if slices.Contains(p.has, withSpent) {
		for range p.codes {
			w.prove(c, p, "refresh=true&aal=aal2", withBackup).is(200)
		}
	}
	if !slices.Contains(p.has, withPassword) {
		w.obey(alone)
		w.operator.send("DELETE", "/admin/identities/"+p.id+"/credentials/password", nil).is(204)
	}
	saved, err := w.s.app.identities.Get(w.Context(), uuid.MustParse(p.id))
	if err != nil {
		w.Fatal(err)
	}
	p.saved = saved
}

// restore gives somebody back what they had at first.
func (w *world) restore(p *subject) {
	w.Helper()
	current, err := w.s.app.identities.Get(w.Context(), p.saved.ID)
	if err != nil {
		w.Fatal(err)
	}
	after := *p.saved
	after.UpdatedAt = auth.Now(w.s.clock.now())
	if !after.UpdatedAt.After(current.UpdatedAt) {
		after.UpdatedAt = current.UpdatedAt.Add(time.Microsecond)
	}
	w.s.app.identities.Reckon(&after)
	err = w.s.app.store.Write(w.Context(), store.Volatile, func(tx *store.Tx) error { return tx.UpdateIdentity(w.Context(), current, &after) })
	if err != nil {
		w.Fatal(err)
	}
}

// mailed is the code in the newest message to somebody.
func (w *world) mailed(p *subject) string {
	w.Helper()
	return sixDigits.FindString(w.newest(p))
}

func (w *world) newest(p *subject) string {
	w.Helper()
	return w.operator.get("/admin/courier/messages?page_size=1&recipient=" + strings.ReplaceAll(p.email, "@", "%40")).is(200).at("0.body").String()
}

// noOptions is what a key is asked with where the form does not ask.
const noOptions = `{"publicKey":{"challenge":"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA","rpId":"example.org"}}`

// answers is what is sent with a factor of somebody's to a form that may ask for it.
func (w *world) answers(c *client, f form, p *subject, by factor) answer {
	w.Helper()
	options := func(node string) string {
		if o := f.json.field(node); o != "" {
			return o
		}
		return noOptions
	}
	var with fields
	switch by {
	case withPassword:
		with = p.login()
	case withPasskey, withVerified, withSloppy:
		k := p.keys[by]
		if by == withSloppy {
			k = p.keys[withVerified]
			k.Flags &^= ceremonytest.Verified
			defer func() { k.Flags |= ceremonytest.Verified }()
		}
		with = fields{"method": "passkey", "passkey_login": k.Get(options("passkey_challenge"))}
	case withKey, withVerKey, withBeside:
		if f.json.field("webauthn_login_trigger") == "" {
			c.submit(f, fields{"method": "webauthn", "identifier": p.email})
			f.json = c.fetch("login", f.id)
		}
		with = fields{"method": "webauthn", "identifier": p.email, "webauthn_login": p.keys[by].Get(options("webauthn_login_trigger"))}
	case withMail:
		if f.json.at("state").String() != "sent_email" {
			c.submit(f, fields{"method": "code", "identifier": p.email})
		}
		with = fields{"method": "code", "identifier": p.email, "code": w.mailed(p)}
	case withApp:
		with = fields{"method": "totp", "totp_code": w.totp(p.app)}
	case withBackup, withSpent:
		code := p.codes[0]
		p.codes = append(slices.Clone(p.codes[1:]), code)
		with = fields{"method": "lookup_secret", "lookup_secret": code}
	}
	p.used = with
	return c.submit(f, with)
}

// prove opens a form of a session and answers it.
func (w *world) prove(c *client, p *subject, query string, by factor) answer {
	w.Helper()
	a := c.get("/self-service/login/browser?" + query)
	if a.status != 200 {
		return a
	}
	return w.answers(c, c.opened("login", a), p, by)
}

// way is how somebody comes in.
type way struct {
	by factor
	// what it is in detail.
	name string
	in   func(w *world, c *client, p *subject)
}

// ways are all that somebody can try: with each factor of theirs, and by what
// regains access to an account.
func (w *world) ways(p *subject) (all []way) {
	own := p.has
	if slices.Contains(own, withVerified) {
		own = append(slices.Clone(own), withSloppy)
	}
	for _, f := range own {
		all = append(all, way{f, string(f), func(w *world, c *client, p *subject) { w.prove(c, p, "", f) }})
	}
	all = append(all, way{withRecovery, "recovery by code", func(w *world, c *client, p *subject) {
		f := c.begin("recovery", "")
		c.submit(f, fields{"method": "code", "email": p.email})
		c.typed(f, w.mailed(p))
	}}, way{withRecovery, "recovery by link", func(w *world, c *client, p *subject) {
		w.put(func(c *config.Config) { c.SelfService.Flows.Recovery.Use = "link" })
		c.submit(c.begin("recovery", ""), fields{"method": "link", "email": p.email})
		c.get(anAddress.FindString(w.newest(p)), "Accept", "text/html")
		w.put(func(c *config.Config) { c.SelfService.Flows.Recovery.Use = "code" })
	}}, way{withRecovery, "an administrator's code", func(w *world, c *client, p *subject) {
		a := w.operator.send("POST", "/admin/recovery/code", fields{"identity_id": p.id}).is(201)
		id := mustURL(w, a.at("recovery_link").String()).Query().Get("flow")
		c.typed(form{kind: "recovery", id: id, action: c.fetch("recovery", id).at("ui.action").String()}, a.at("recovery_code").String())
	}}, way{withRecovery, "an administrator's link", func(w *world, c *client, p *subject) {
		c.get(w.operator.send("POST", "/admin/recovery/link", fields{"identity_id": p.id}).is(200).at("recovery_link").String(), "Accept", "text/html")
	}})
	return all
}

// further is what somebody proves in a session they have: nothing, each of their
// strong factors, and again a first one.
func (w *world) further(p *subject) []factor {
	all := []factor{""}
	var firsts []factor
	for _, f := range p.has {
		switch {
		case f == withSpent:
		case w.rules.strong(f):
			all = append(all, f)
		case w.rules.first(f):
			firsts = append(firsts, f)
		}
	}
	if len(firsts) > 0 {
		w.turn++
		all = append(all, firsts[w.turn%len(firsts)])
	}
	return all
}

// visit goes through all sessions that somebody can have.
func (w *world) visit(p *subject) {
	for n, way := range w.ways(p) {
		all := w.further(p)
		if way.by == withRecovery && n%4 != w.turn%4 {
			all = all[:1] // the four are worth the same
		}
		for _, f := range all {
			if !w.visitOnce(p, way, f) {
				break // nobody comes in this way
			}
		}
	}
}

// visitOnce has somebody come in and prove something more, looks at the session, and
// tries what must not be done in it and something that may. It says whether
// there was a session.
func (w *world) visitOnce(p *subject, way way, more factor) bool {
	r := w.rules
	w.turn++
	w.combinations++
	w.s.clock.advance(2 * privileged)
	w.demand(auth.RequireHighest, auth.RequireHighest)
	c := w.s.client(w, script)
	defer c.http.CloseIdleConnections()
	what := fmt.Sprintf("%v in by %s, then %q", p.has, way.name, more)

	way.in(w, c, p)
	w.proofs++
	in, want := c.secret() != "", r.first(way.by) || r.both(way.by)
	if in != want {
		w.violation("%s: in is %v, want %v", what, in, want)
	}
	if !in {
		w.proofsRefused++
		return false
	}
	w.sessions++
	proofs := []proof{{way.by, w.s.clock.now()}}
	w.is(c, proofs, what)

	if more != "" {
		query := "refresh=true"
		if r.strong(more) {
			query = "aal=aal2"
			if r.level(proofs) == auth.AAL2 {
				query = "refresh=true&aal=aal2"
			}
		}
		before := c.secret()
		w.proofs++
		if !r.completes(way.by, more, p.has) {
			w.proofsRefused++
			f := c.opened("login", c.get("/self-service/login/browser?"+query))
			if a := c.submit(f, fields{"method": "code", "identifier": p.email}); a.status != 400 || a.at("state").String() != "choose_method" || c.secret() != before {
				w.violation("%s: %d %s", what, a.status, a.body)
			}
		} else {
			if a := w.prove(c, p, query, more); c.secret() == before {
				w.violation("%s: %d %s", what, a.status, a.body)
			}
			proofs = append(proofs, proof{more, w.s.clock.now()})
			w.replay(c, p, more, what)
		}
		w.is(c, proofs, what)
	} else {
		w.proveNothing(c, p, what)
	}

	switch w.turn % 3 {
	case 1:
		w.s.clock.advance(2 * privileged)
		what += ", later"
	case 2:
		w.s.clock.advance(2 * privileged)
		at := slices.IndexFunc(p.has, func(f factor) bool { return r.first(f) && !r.both(f) })
		if at < 0 {
			break
		}
		what += ", later, and again by " + string(p.has[at])
		before := c.secret()
		w.proofs++
		if a := w.prove(c, p, "refresh=true", p.has[at]); c.secret() == before {
			w.violation("%s: %d %s", what, a.status, a.body)
		}
		proofs = append(proofs, proof{p.has[at], w.s.clock.now()})
	}
	w.worth(c, p, proofs, false, what)
	w.changing(c, p, proofs, what)
	return true
}

// is says what a session is worth.
func (w *world) is(c *client, proofs []proof, what string) {
	w.Helper()
	w.demand(auth.RequireAAL1, auth.RequireAAL1)
	if a := c.whoami(); a.at("authenticator_assurance_level").String() != string(w.rules.level(proofs)) {
		w.violation("%s: want %s: %s", what, w.rules.level(proofs), a.body)
	}
	w.demand(auth.RequireHighest, auth.RequireHighest)
}

// worth says what a session is worth, and where it is let through: in a trusted
// browser one factor is enough to be told who one is, and for nothing else.
func (w *world) worth(c *client, p *subject, proofs []proof, trusted bool, what string) {
	w.Helper()
	r := w.rules
	want := r.level(proofs)
	for _, demanded := range []auth.RequiredAAL{auth.RequireAAL1, auth.RequireHighest} {
		w.demand(demanded, auth.RequireHighest)
		a, met := c.whoami(), trusted || r.met(demanded, proofs, p.has)
		if got := a.at("authenticator_assurance_level").String(); met && (a.status != 200 || got != string(want)) || !met && a.status != 403 {
			w.violation("%s: who am I, demanding %s: %d %q, want %s and to be let through %v: %s", what, demanded, a.status, got, want, met, a.body)
		}
	}
	met := r.met(auth.RequireHighest, proofs, p.has)
	if met && w.turn%2 == 0 {
		return // making the form takes most of the time of this test
	}
	a := c.get("/self-service/settings/browser")
	if met && a.status != 200 || !met && (a.status != 403 || a.at("error.id").String() != "session_aal2_required") {
		w.violation("%s: settings: %d, want to be let through %v: %s", what, a.status, met, a.body)
	}
}

// proveNothing tries what is no proof: a factor of the wrong kind, and one of somebody
// else.
func (w *world) proveNothing(c *client, p *subject, what string) {
	w.Helper()
	r := w.rules
	type attempt struct {
		query string
		whose *subject
		by    factor
	}
	const once, twice = "refresh=true", "refresh=true&aal=aal2"
	var all []attempt
	for _, f := range append(slices.Clone(p.has), withSloppy) {
		if f == withSloppy && !slices.Contains(p.has, withVerified) {
			continue
		}
		if !r.first(f) && !r.both(f) {
			all = append(all, attempt{once, p, f})
		}
		if !r.strong(f) || f == withSpent {
			all = append(all, attempt{twice, p, f})
		}
	}
	for _, f := range w.other.has {
		all = append(all, attempt{once, w.other, f}, attempt{twice, w.other, f})
	}
	for range 3 {
		w.turn++
		try := all[w.turn*7%len(all)]
		before := c.secret()
		w.proofs++
		w.proofsRefused++
		if a := w.prove(c, try.whose, try.query, try.by); a.status != 400 && a.status != 404 || c.secret() != before {
			w.violation("%s: %s by %s of %v: %d %s", what, try.query, try.by, try.whose.has, a.status, a.body)
		}
	}
}

// replay sends once more what somebody has just proven a factor with.
func (w *world) replay(c *client, p *subject, by factor, what string) {
	w.Helper()
	query, before := "refresh=true", c.secret()
	switch {
	case by == withPassword:
		return
	case w.rules.strong(by):
		query += "&aal=aal2"
	}
	w.proofs++
	w.proofsRefused++
	f := c.opened("login", c.get("/self-service/login/browser?"+query).is(200))
	if a := c.submit(f, p.used); a.status != 400 || c.secret() != before {
		w.violation("%s: %s by a used %s: %d %s", what, query, by, a.status, a.body)
	}
}

// changing tries some of the changes that must be refused, in turn, and one that must
// not be.
func (w *world) changing(c *client, p *subject, proofs []proof, what string) {
	w.Helper()
	r := w.rules
	defer w.restore(p)
	before, err := w.s.app.identities.Get(w.Context(), p.saved.ID)
	if err != nil {
		w.Fatal(err)
	}
	w.demand(auth.RequireAAL1, auth.RequireAAL1)
	opened := c.get("/self-service/settings/browser")
	if opened.status != 200 {
		w.violation("%s: settings: %d %s", what, opened.status, opened.body)
		return
	}
	f := c.opened("settings", opened)
	var may []*change
	tried := 0
	for n := range changes {
		change := &changes[(n+w.turn*5)%len(changes)]
		if !change.possible(r, p) {
			continue
		}
		now := w.s.clock.now()
		last := change.last != nil && change.last(r, p)
		if change.allowed(r, p, proofs, now) && !last {
			may = append(may, change)
			continue
		}
		if tried++; tried > 4 {
			continue // another time
		}
		w.changes++
		w.changesRefused++
		if a := change.do(w, c, f, p); last && a.status != 400 && a.status != 403 || !last && (a.status != 403 || a.at("error.id").String() != "session_refresh_required") {
			w.violation("%s: %s: %d, want it refused: %s", what, change.name, a.status, a.body)
		}
	}
	after, err := w.s.app.identities.Get(w.Context(), p.saved.ID)
	if err != nil {
		w.Fatal(err)
	}
	if !after.UpdatedAt.Equal(before.UpdatedAt) {
		w.violation("%s: what was refused has changed the account", what)
	}
	if len(may) == 0 {
		return
	}
	w.turn++
	one := may[w.turn%len(may)]
	what += ", " + one.name
	if !r.met(auth.RequireHighest, proofs, p.has) {
		// The form was opened before so much was demanded.
		w.demand(auth.RequireAAL1, auth.RequireHighest)
		w.changes++
		w.changesRefused++
		if a := one.do(w, c, f, p); a.status != 403 || a.at("error.id").String() != "session_aal2_required" {
			w.violation("%s: %d, want it refused: %s", what, a.status, a.body)
		}
		w.demand(auth.RequireAAL1, auth.RequireAAL1)
	}
	w.changes++
	if a := one.do(w, c, f, p); a.status != 200 {
		w.violation("%s: %d, want it done: %s", what, a.status, a.body)
		return
	}
	if one.proves != "" {
		proofs = append(proofs, proof{one.proves, w.s.clock.now()})
	}
	w.is(c, proofs, what)
}

// takeBack changes somebody's address, with all that it takes, and takes the account
// back by the link that the former address is sent. That is one factor, and those who
// have a second one are asked for it as before.
func (w *world) takeBack(p *subject) {
	r := w.rules
	strong := slices.DeleteFunc(slices.Clone(p.has), func(f factor) bool { return !r.strong(f) || f == withSpent })
	if !slices.Contains(p.has, withPassword) || slices.Contains(p.has, withMail) && r.second(withMail) && len(strong) == 0 {
		return
	}
	defer w.restore(p)
	w.combinations++
	w.s.clock.advance(2 * privileged)
	w.demand(auth.RequireAAL1, auth.RequireAAL1)
	owner, c := w.s.client(w, script), w.s.client(w, script)
	defer owner.http.CloseIdleConnections()
	defer c.http.CloseIdleConnections()
	owner.signIn(p.person)
	if len(strong) > 0 {
		w.prove(owner, p, "aal=aal2", strong[0]).is(200)
	}
	fresh := &subject{person: stranger()}
	f := owner.wants(fresh.email)
	owner.typed(f, w.mailed(fresh)).saying(200, 1080002)
	c.undo(c.undoForm(anAddress.FindString(w.newest(p))))
	if c.secret() == "" {
		w.violation("%v: the account was not taken back", p.has)
		return
	}
	w.sessions++
	w.worth(c, p, []proof{{withRecovery, w.s.clock.now()}}, false, fmt.Sprintf("%v in by taking the account back", p.has))
}

// trust has somebody who has two factors trust their browser, and sign in there
// again with one, which makes the session no stronger.
func (w *world) trust(p *subject) {
	r := w.rules
	strong := slices.DeleteFunc(slices.Clone(p.has), func(f factor) bool { return !r.strong(f) || f == withSpent })
	firsts := slices.DeleteFunc(slices.Clone(p.has), func(f factor) bool { return !r.first(f) || r.both(f) })
	if !slices.Contains(p.has, withPassword) || len(strong) == 0 {
		return
	}
	w.turn++
	w.combinations++
	w.sessions++
	w.s.clock.advance(2 * privileged)
	w.demand(auth.RequireHighest, auth.RequireHighest)
	c := w.s.client(w, script)
	defer c.http.CloseIdleConnections()
	w.prove(c, p, "", withPassword).is(422)
	w.prove(c, p, "aal=aal2", strong[0]).is(200)
	c.send("POST", "/sessions/trusted-devices", nil).is(201)
	c.signOut()
	w.s.clock.advance(2 * privileged)
	first := firsts[w.turn%len(firsts)]
	w.prove(c, p, "", first).is(200)
	what, proofs := fmt.Sprintf("%v in by %s in a trusted browser", p.has, first), []proof{{first, w.s.clock.now()}}
	w.worth(c, p, proofs, true, what)
	w.changing(c, p, proofs, what)
}

// newcomers sign up in each way that there is.
func (w *world) newcomers() {
	r := w.rules
	for _, by := range []factor{withPassword, withPasskey, withVerified, withKey, withVerKey, withMail} {
		if !r.first(by) {
			continue
		}
		w.combinations++
		p := &subject{person: stranger(), has: []factor{by}}
		c := w.s.client(w, script)
		f := c.begin("registration", "identity_schema=mailed")
		k := w.key(0)
		if by == withVerified || by == withVerKey {
			k = w.key(ceremonytest.Verified)
		}
		with := fields{"traits.email": p.email}
		switch by {
		case withPassword:
			with = p.signUp()
		case withPasskey, withVerified:
			with["passkey_register"] = k.Create(f.json.field("passkey_create_data"))
		case withKey, withVerKey:
			with["webauthn_register"] = k.Create(f.json.field("webauthn_register_trigger"))
		case withMail:
			c.submit(f, fields{"method": "code", "traits.email": p.email})
			with["method"], with["code"] = "code", w.mailed(p)
		}
		if a := c.submit(f, with); a.status != 200 {
			w.violation("signing up by %s: %d %s", by, a.status, a.body)
			continue
		}
		w.sessions++
		if !slices.Contains(p.has, withMail) {
			p.has = append(p.has, withMail)
		}
		w.worth(c, p, []proof{{by, w.s.clock.now()}}, false, "signing up by "+string(by))
	}
}
