package app

import (
	"encoding/base64"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/pquerna/otp/totp"

	"zelus/internal/auth"
	"zelus/internal/ceremony/ceremonytest"
	"zelus/internal/session"
)

// reachable is the identity schema of people who have keys and can be told of them.
const reachable = `{"$id":"reachable","type":"object","properties":{"traits":{"type":"object","required":["email"],"properties":{
	"email":{"type":"string","format":"email","title":"E-mail","ory.sh/kratos":{"verification":{"via":"email"},"credentials":{
		"password":{"identifier":true},"webauthn":{"identifier":true},"passkey":{"display_name":true}}}}}}}}`

// telling is a configuration with all that people can add and remove, in which they
// are told of what these flows lead to.
func telling(kinds ...string) string {
	var hooks []string
	for _, kind := range kinds {
		hooks = append(hooks, kind+": {after: {hooks: [{hook: notify_owner}]}}")
	}
	const rp = "config: {rp: {id: example.org, display_name: Example, origins: ['https://app.example.org']}}"
	return fmt.Sprintf(`
serve: {public: {trusted_proxies: [127.0.0.0/8]}}
identity: {default_schema_id: person, schemas: [{id: person, url: "base64://%s"}]}
session: {whoami: {required_aal: aal1}}
selfservice:
  methods:
    totp: {enabled: true}
    lookup_secret: {enabled: true}
    webauthn: {enabled: true, %s}
    passkey: {enabled: true, %s}
  flows: {%s}
`, base64.StdEncoding.EncodeToString([]byte(reachable)), rp, rp, strings.Join(hooks, ", "))
}

// told are the templates of the messages to somebody, the oldest first.
func (s *server) told(t testing.TB, p person) (all []string) {
	t.Helper()
	for _, m := range s.mails(t, p.email) {
		all = append([]string{m.template}, all...)
	}
	return all
}

// addsApp gives the client's person an authenticator app, and returns its secret.
func (c *client) addsApp() (key string) {
	c.t.Helper()
	f := c.begin("settings", "")
	key = f.json.at(`ui.nodes.#(attributes.id=="totp_secret_key").attributes.text.context.secret`).String()
	code, err := totp.GenerateCode(key, c.s.clock.now())
	if err != nil {
		c.t.Fatal(err)
	}
	c.changed(f, c.submit(f, fields{"method": "totp", "totp_code": code}))
	return key
}

// TestToldOfRemovalByOperator: whose way to sign in an administrator takes away is told
// in their own language, as of what they do themselves, but not where nothing was taken.
func TestToldOfRemovalByOperator(t *testing.T) {
	onEach(t, telling("settings"), func(t *testing.T, s *server) {
		c, p := s.signedIn(t, script)
		c.addsApp()
		c.addsKey(ceremonytest.New(t, keyPage))
		c.addsPasskey(ceremonytest.New(t, keyPage))
		want := s.told(t, p)
		o := s.operator(t)
		for _, removal := range []struct{ kind, says string }{{"totp", "Authenticator app"}, {"webauthn", "Security key"}, {"password", "Password"}} {
			o.send("DELETE", "/admin/identities/"+p.id+"/credentials/"+removal.kind, nil, "Accept-Language", "de").is(204)
			want = append(want, "authenticator_removed")
			if got := s.told(t, p); !slices.Equal(got, want) {
				t.Fatalf("%s: the owner is told %v, want %v", removal.kind, got, want)
			}
			if m := s.mail(t, p.email, "authenticator_removed"); !strings.Contains(m.body, removal.says) {
				t.Errorf("%s: the message does not say %q: %s", removal.kind, removal.says, m.body)
			}
		}
		o.send("DELETE", "/admin/identities/"+p.id+"/credentials/webauthn", nil).is(204)
		if got := s.told(t, p); !slices.Equal(got, want) {
			t.Errorf("a type without a key: the owner is told %v, want %v", got, want)
		}
	})
	onEach(t, telling("recovery"), func(t *testing.T, s *server) {
		c, p := s.signedIn(t, script)
		c.addsApp()
		before := s.told(t, p)
		s.operator(t).send("DELETE", "/admin/identities/"+p.id+"/credentials/totp", nil).is(204)
		if got := s.told(t, p); !slices.Equal(got, before) {
			t.Errorf("without the hook the owner is told %v", got)
		}
	})
}

// TestToldOfFactors: whoever has an account is told of each way to sign in that is
// added to it or removed, with the name of it, and of nothing else that they change.
func TestToldOfFactors(t *testing.T) {
	onEach(t, telling("settings"), func(t *testing.T, s *server) {
		c, p := s.signedIn(t, script)
		var want []string
		expect := func(what, template, says string) {
			t.Helper()
			want = append(want, template)
			if got := s.told(t, p); !slices.Equal(got, want) {
				t.Fatalf("%s: the owner is told %v, want %v", what, got, want)
			}
			if m := s.mail(t, p.email, template); !strings.Contains(m.body, says) {
				t.Errorf("%s: the message does not say %q: %s", what, says, m.body)
			}
		}
		change := func(with fields) {
			t.Helper()
			f := c.begin("settings", "")
			c.changed(f, c.submit(f, with))
		}
		c.addsApp()
		expect("an app is added", "authenticator_added", "Authenticator app")
		f := c.begin("settings", "")
		c.submit(f, fields{"method": "lookup_secret", "lookup_secret_regenerate": "true"}).is(200)
		c.changed(f, c.submit(f, fields{"method": "lookup_secret", "lookup_secret_confirm": "true"}))
		expect("backup codes are made", "authenticator_added", "Backup codes")
		f = c.begin("settings", "")
		c.submit(f, fields{"method": "lookup_secret", "lookup_secret_regenerate": "true"}).is(200)
		c.changed(f, c.submit(f, fields{"method": "lookup_secret", "lookup_secret_confirm": "true"}))
		expect("backup codes are made anew", "authenticator_added", "Backup codes")
		k := ceremonytest.New(t, keyPage)
		c.addsKey(k)
		expect("a key is added", "authenticator_key_added", "Security key")
		c.addsPasskey(ceremonytest.New(t, keyPage))
		expect("a passkey is added", "authenticator_key_added", "Passkey")
		change(fields{"method": "webauthn", "webauthn_remove": fmt.Sprintf("%x", k.ID)})
		expect("a key is removed", "authenticator_removed", "Security key")
		change(fields{"method": "lookup_secret", "lookup_secret_disable": "true"})
		expect("backup codes are removed", "authenticator_removed", "Backup codes")
		change(fields{"method": "totp", "totp_unlink": "true"})
		expect("an app is removed", "authenticator_removed", "Authenticator app")
		change(fields{"method": "password", "password": stranger().password})
		expect("a new password", "password_changed", "Password")

		// What does not succeed, and what is about no way to sign in, is not told.
		f = c.begin("settings", "")
		c.submit(f, fields{"method": "totp", "totp_code": "000000"}).is(400)
		p.email = stranger().email
		c.submit(f, p.profile(nil)).is(200)
		if got := s.told(t, p); len(got) != 0 {
			t.Errorf("a change of address is told as %v", got)
		}
	})
}

// Browsers as they call themselves.
const (
	fox      = "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0"
	foxLater = "Mozilla/5.0 (X11; Linux x86_64; rv:131.0) Gecko/20100101 Firefox/131.0"
	phone    = "Mozilla/5.0 (iPhone; CPU iPhone OS 17_2 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Mobile/15E148"
)

// signInFrom signs somebody in on another device.
func (s *server) signInFrom(t testing.TB, p person, agent, address string) *client {
	t.Helper()
	c := s.client(t, app)
	a := c.submit(c.begin("login", ""), p.login(), "User-Agent", agent, "X-Forwarded-For", address).is(200)
	c.token = a.at("session_token").String()
	return c
}

// TestToldOfDevices: whoever has an account is told of a sign-in on a device that has
// not signed in to it before, once.
func TestToldOfDevices(t *testing.T) {
	onEach(t, telling("login"), func(t *testing.T, s *server) {
		p := s.person(t)
		known := func(what, agent, address string, want int) *client {
			t.Helper()
			before := len(s.told(t, p))
			c := s.signInFrom(t, p, agent, address)
			got := s.told(t, p)[before:]
			if len(got) != want || want > 0 && got[0] != "authenticator_used" {
				t.Errorf("%s: the owner is told %v, want %d", what, got, want)
			}
			return c
		}
		known("the first sign-in", fox, "198.51.100.7", 0)
		known("the same device", fox, "198.51.100.7", 0)
		known("another address of the same provider", fox, "198.51.7.9", 0)
		known("another version of the same browser", foxLater, "198.51.100.7", 0)
		known("another browser", phone, "198.51.100.7", 1)
		known("another browser, again", phone, "198.51.100.7", 0)
		known("another provider", fox, "203.0.113.7", 1)
		known("another provider, again", fox, "203.0.113.9", 0)
		known("IPv6", fox, "2001:db8:1::1", 1)
		c := known("another network of the same provider in IPv6", fox, "2001:db8:2::1", 0)
		if m := s.mail(t, p.email, "authenticator_used"); !strings.Contains(m.body, "Password") {
			t.Errorf("the message does not say how: %s", m.body)
		}

		// A session that goes on where it was not begun was taken along.
		f := c.begin("login", "refresh=true")
		c.submit(f, p.login(), "User-Agent", fox, "X-Forwarded-For", "2001:db8:2::1").is(200)
		before := len(s.told(t, p))
		f = c.begin("login", "refresh=true")
		c.submit(f, p.login(), "User-Agent", phone, "X-Forwarded-For", "192.0.2.1").is(200)
		if got := s.told(t, p)[before:]; !slices.Equal(got, []string{"authenticator_used"}) {
			t.Errorf("a refresh elsewhere: %v", got)
		}

		// Who fails is not told of, and an ended session still says which device it was on.
		before = len(s.told(t, p))
		wrong := p
		wrong.password = "not the password"
		d := s.client(t, app)
		d.submit(d.begin("login", ""), wrong.login(), "User-Agent", "curl", "X-Forwarded-For", "192.0.2.9").is(400)
		s.clock.advance(sessionLifespan + session.DevicesKnown - time.Hour)
		known("shortly before it is forgotten", fox, "198.51.100.7", 0)
		s.clock.advance(sessionLifespan + session.DevicesKnown + time.Hour)
		known("when all is forgotten", fox, "198.51.100.7", 1)
		if got := len(s.told(t, p)) - before; got != 1 {
			t.Errorf("the owner is told %d times more, want once", got)
		}
	})
}

// TestNobodyIsToldUnasked: where the hook is not configured nothing is sent, and a
// sign-in costs no statement more.
func TestNobodyIsToldUnasked(t *testing.T) {
	onEach(t, telling(), func(t *testing.T, s *server) {
		p := s.person(t)
		for _, agent := range []string{fox, phone} {
			c := s.signInFrom(t, p, agent, "198.51.100.7")
			if agent == phone {
				c.addsApp()
			}
		}
		if got := s.told(t, p); len(got) != 0 {
			t.Errorf("the owner is told %v", got)
		}
	})
	signingIn := func(t *testing.T, s *server) func() answer {
		p := s.person(t)
		s.signInFrom(t, p, fox, "198.51.100.7")
		c := s.client(t, app)
		f := c.begin("login", "")
		return func() answer { return c.submit(f, p.login(), "User-Agent", phone, "X-Forwarded-For", "198.51.100.7") }
	}
	costs(t, telling(), []cost{{"a sign-in on a new device", 6, 200, signingIn}})
	// The devices are read, and the message is written.
	costs(t, telling("login"), []cost{{"a sign-in on a new device that is told", 8, 200, signingIn}})
}

// TestDevicesAreKept: sessions are kept for as long as they are needed to know
// devices, and no longer than before where nobody is told of new ones.
func TestDevicesAreKept(t *testing.T) {
	for more, want := range map[string]time.Duration{telling("settings"): 7 * 24 * time.Hour, telling("login"): session.DevicesKnown} {
		s := start(t, setup{more: more})
		if got := kept(s.app.Config()).Sessions; got != want {
			t.Errorf("sessions are kept for %v, want %v", got, want)
		}
	}
}

// TestNoticeComesWithItsCause: where a change is not made, it is not told either.
func TestNoticeComesWithItsCause(t *testing.T) {
	onEach(t, telling("settings"), func(t *testing.T, s *server) {
		c, p := s.signedIn(t, app)
		c.addsApp()
		s.clock.advance(2 * time.Hour) // longer than privileged_session_max_age
		f := c.begin("settings", "")
		c.submit(f, fields{"method": "totp", "totp_unlink": "true"}).refused(403, "session_refresh_required")
		if got := s.told(t, p); !slices.Equal(got, []string{"authenticator_added"}) {
			t.Errorf("the owner is told %v", got)
		}
		if i := s.identity(t, p).at("credentials." + string(auth.TOTP)); !i.Exists() {
			t.Error("the app is gone")
		}
	})
}
