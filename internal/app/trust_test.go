package app

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/pquerna/otp/hotp"

	"zelus/internal/config"
)

const (
	// withTrust lets people have an authenticator app and trust their browsers.
	withTrust = `session: {trusted_device: {enabled: true}}
selfservice: {methods: {totp: {enabled: true}}, flows: {recovery: {enabled: true}, verification: {enabled: true}, settings: {privileged_session_max_age: 1h}}}`
	trustedCookie   = "zelus_trusted_device"
	trustedLifespan = 720 * time.Hour
)

// twoFactors is somebody with an authenticator app, and a browser in which they
// have set it up.
func (s *server) twoFactors(t testing.TB, style style) (*client, person, *authenticator) {
	t.Helper()
	c, p := s.signedIn(t, style)
	f := c.begin("settings", "")
	a := &authenticator{t: t, s: s, key: f.json.at(`ui.nodes.#(attributes.id=="totp_secret_key").attributes.text.context.secret`).String()}
	c.changed(f, c.submit(f, a.code()))
	return c, p, a
}

// authenticator is an app that makes codes of the time.
type authenticator struct {
	t   testing.TB
	s   *server
	key string
}

// code waits for the next time step: each is good once.
func (a *authenticator) code() fields {
	a.t.Helper()
	a.s.clock.advance(30 * time.Second)
	code, err := hotp.GenerateCode(a.key, uint64(a.s.clock.now().Unix()/30))
	if err != nil {
		a.t.Fatal(err)
	}
	return fields{"method": "totp", "totp_code": code}
}

// stepUp proves the second factor.
func (c *client) stepUp(a *authenticator) {
	c.t.Helper()
	c.finish(c.begin("login", "aal=aal2"), a.code())
}

// trusts is a browser that somebody has signed in with fully, and trusts.
func (s *server) trusts(t testing.TB) (*client, person, *authenticator) {
	t.Helper()
	c, p, a := s.twoFactors(t, script)
	c.send("POST", "/sessions/trusted-devices", nil).is(201)
	return c, p, a
}

// signOut leaves all other cookies where they are.
func (c *client) signOut() {
	c.t.Helper()
	c.get(c.get("/self-service/logout/browser", "Accept", "application/json").is(200).at("logout_url").String(), "Accept", "application/json").is(204)
}

// plant puts a value into the cookie of a trusted device.
func (c *client) plant(value string) {
	c.t.Helper()
	c.http.Jar.SetCookies(mustURL(c.t, c.base), []*http.Cookie{{Name: trustedCookie, Value: value, Path: "/"}})
}

// isTrusted signs in with a password and says whether that does.
func (c *client) isTrusted(p person) bool {
	c.t.Helper()
	a := c.submit(c.begin("login", ""), p.login())
	who := c.whoami()
	switch {
	case a.status == 200 && who.status == 200:
		if got := who.at("authenticator_assurance_level").String() + " " + who.at("authentication_methods.#.method").String(); got != `aal1 ["password"]` {
			c.t.Errorf("the session is %s", got)
		}
		return true
	case a.status == 422:
		a.refused(422, "browser_location_change_required")
		who.refused(403, "session_aal2_required")
		return false
	}
	c.t.Fatalf("the sign-in was answered with %d, the session check with %d: %s", a.status, who.status, a.body)
	return false
}

// again signs in in a browser from which somebody else signed out.
func (c *client) again(p person) bool {
	c.t.Helper()
	c.signOut()
	return c.isTrusted(p)
}

// TestTrustedDevice: in a browser that somebody trusts their password does to be
// told who they are. The session is what was proven, and for everything else a
// second factor is asked for as before.
func TestTrustedDevice(t *testing.T) {
	onEach(t, withTrust, func(t *testing.T, s *server) {
		c, p, a := s.twoFactors(t, script)
		if c.again(p) {
			t.Fatal("nobody is trusted yet: this test sees nothing")
		}
		c.stepUp(a)
		made := c.send("POST", "/sessions/trusted-devices", nil, "User-Agent", "a browser of these tests").is(201)
		cookie := made.cookies()[trustedCookie]
		if cookie == nil || len(cookie.Value) != 43 || !cookie.HttpOnly || cookie.Domain != "" || cookie.Path != "/" || cookie.SameSite != http.SameSiteLaxMode || cookie.MaxAge != int(trustedLifespan/time.Second) {
			t.Errorf("the cookie is %v", cookie)
		}
		if got := c.whoami().is(200); strings.Contains(string(got.body), "trust") || got.at("authenticator_assurance_level").String() != "aal2" {
			t.Errorf("the session is %s", got.body)
		}

		if !c.again(p) {
			t.Fatal("the browser is not trusted")
		}
		if warm := s.statements.during(func() { c.whoami().is(200) }); len(warm) != 0 {
			t.Errorf("the session check ran %v", warm)
		}
		list := c.get("/sessions/trusted-devices").is(200)
		if list.at("#").Int() != 1 || list.at("0.id").String() != made.at("id").String() || list.at("0.user_agent").String() != "a browser of these tests" || !list.at("0.current").Bool() {
			t.Errorf("the list is %s", list.body)
		}
		c.get("/sessions").is(200)

		// What a second factor protects.
		for _, path := range []string{"/self-service/settings/browser", "/self-service/settings/flows?id=3b0ba2c9-7d31-4f49-8f4e-0d2a3c0e5b11"} {
			if got := c.get(path); got.status != 404 {
				got.refused(403, "session_aal2_required")
			}
		}
		c.send("POST", "/sessions/trusted-devices", nil).refused(403, "session_aal2_required")
		f := c.begin("login", "aal=aal2")
		if got := f.json.at("requested_aal").String(); got != "aal2" {
			t.Errorf("the form asks for %s", got)
		}
		c.finish(f, a.code())
		if got := c.whoami().is(200); got.at("authenticator_assurance_level").String() != "aal2" || got.at("authentication_methods.#").Int() != 2 {
			t.Errorf("after a step-up the session is %s", got.body)
		}
		c.begin("settings", "")

		// A page goes home, where it went to the second factor before.
		c.signOut()
		c.style = page
		c.submit(c.begin("login", ""), p.login()).leads(303, homePage)
	})
}

// TestTrustIsEarned: only a browser, only in a session with two factors, only
// while these are fresh, and only on its own pages.
func TestTrustIsEarned(t *testing.T) {
	onEach(t, withTrust, func(t *testing.T, s *server) {
		const path = "/sessions/trusted-devices"
		c, p, a := s.twoFactors(t, script)
		for _, header := range [][2]string{{"Origin", "https://evil.example"}, {"Sec-Fetch-Site", "cross-site"}} {
			c.send("POST", path, nil, header[0], header[1]).refused(403, "security_csrf_violation")
			c.send("DELETE", path, nil, header[0], header[1]).refused(403, "security_csrf_violation")
			c.send("DELETE", path+"/3b0ba2c9-7d31-4f49-8f4e-0d2a3c0e5b11", nil, header[0], header[1]).refused(403, "security_csrf_violation")
		}
		s.clock.advance(time.Hour) // which makes the proof of the second factor old
		c.finish(c.begin("login", "refresh=true"), p.login())
		c.send("POST", path, nil).refused(403, "session_refresh_required")
		c.finish(c.begin("login", "refresh=true&aal=aal2"), a.code())

		former := sessionCookie + "=" + c.secret()
		c.finish(c.begin("login", "refresh=true"), p.login())
		late := s.client(t, app)
		late.get("/sessions/whoami", "Cookie", former).is(200)
		late.send("POST", path, nil, "Cookie", former).refused(401, "session_inactive")

		phone := s.client(t, app)
		phone.signIn(p)
		phone.finish(phone.begin("login", "aal=aal2"), a.code())
		phone.send("POST", path, nil).refused(400, "trusted_device_needs_browser")
		s.client(t, script).send("POST", path, nil).refused(401, "session_inactive")
		one, _ := s.signedIn(t, script)
		one.send("POST", path, nil).refused(403, "session_aal2_required")
		if n := s.statements.of("INSERT INTO trusted_devices"); n != 0 {
			t.Errorf("%d devices are trusted", n)
		}
		c.send("POST", path, nil).is(201)

		s.reconfigure(t, "session: {trusted_device: {enabled: false}}\nselfservice: {methods: {totp: {enabled: true}}}")
		c.send("POST", path, nil).refused(404, "trusted_devices_disabled")
		if c.again(p) {
			t.Error("the browser is trusted although that is switched off")
		}
	})
}

// TestTrustEnds: each of these ends the trust, in a session that began with it at
// once, and in the next one.
func TestTrustEnds(t *testing.T) {
	onEach(t, withTrust, func(t *testing.T, s *server) {
		elsewhere := func(t *testing.T, p person, a *authenticator) *client {
			c := s.client(t, app)
			c.signIn(p)
			c.finish(c.begin("login", "aal=aal2"), a.code())
			return c
		}
		for what, test := range map[string]struct {
			end     func(t *testing.T, c *client, p *person, a *authenticator)
			session int // what is said of it afterwards
		}{
			"nothing happens": {func(*testing.T, *client, *person, *authenticator) {}, 200},
			"its owner ends it": {func(t *testing.T, c *client, _ *person, _ *authenticator) {
				id := c.get("/sessions/trusted-devices").is(200).at("0.id").String()
				c.send("DELETE", "/sessions/trusted-devices/"+id, nil).is(204)
			}, 403},
			"its owner ends all": {func(t *testing.T, c *client, _ *person, _ *authenticator) {
				if n := c.send("DELETE", "/sessions/trusted-devices", nil).is(200).at("count").Int(); n != 1 {
					t.Errorf("%d were ended", n)
				}
			}, 403},
			"an operator ends all": {func(t *testing.T, _ *client, p *person, _ *authenticator) {
				s.operator(t).send("DELETE", "/admin/identities/"+p.id+"/trusted-devices", nil).is(204)
			}, 403},
			"another device ends all sessions": {func(t *testing.T, _ *client, p *person, a *authenticator) {
				elsewhere(t, *p, a).send("DELETE", "/sessions", nil).is(200)
			}, 401},
			"this one ends all others": {func(t *testing.T, c *client, _ *person, _ *authenticator) { c.send("DELETE", "/sessions", nil).is(200) }, 403},
			"an operator ends all sessions": {func(t *testing.T, _ *client, p *person, _ *authenticator) {
				s.operator(t).send("DELETE", "/admin/identities/"+p.id+"/sessions", nil).is(204)
			}, 401},
			"another password": {func(t *testing.T, _ *client, p *person, a *authenticator) {
				o := elsewhere(t, *p, a)
				f := o.begin("settings", "")
				o.changed(f, o.submit(f, newPassword(otherPass)))
				p.password = otherPass
			}, 403},
			"another password by an operator": {func(t *testing.T, _ *client, p *person, _ *authenticator) {
				s.operator(t).send("PUT", "/admin/identities/"+p.id, map[string]any{"schema_id": "person", "state": "active", "traits": fields{"email": p.email},
					"credentials": map[string]any{"password": map[string]any{"config": fields{"password": otherPass}}}}).is(200)
				p.password = otherPass
			}, 403},
			"another address": {func(t *testing.T, _ *client, p *person, a *authenticator) {
				o, to := elsewhere(t, *p, a), stranger()
				f := o.begin("settings", "")
				o.changed(f, o.submit(f, to.profile(nil)))
				p.email = to.email
			}, 403},
			"another second factor": {func(t *testing.T, _ *client, p *person, a *authenticator) {
				o := elsewhere(t, *p, a)
				f := o.begin("settings", "")
				o.changed(f, o.submit(f, fields{"totp_unlink": "true"}))
				g := o.begin("settings", "")
				a.key = g.json.at(`ui.nodes.#(attributes.id=="totp_secret_key").attributes.text.context.secret`).String()
				o.changed(g, o.submit(g, a.code()))
			}, 403},
			"recovered": {func(t *testing.T, _ *client, p *person, _ *authenticator) {
				o := s.client(t, app)
				f := o.asked("recovery", p.email)
				o.submit(f, fields{"method": "code", "code": s.mail(t, p.email, "recovery_code_valid").code()})
			}, 403},
			"switched off and on": {func(t *testing.T, _ *client, p *person, _ *authenticator) {
				for _, state := range []string{"inactive", "active"} {
					s.operator(t).send("PATCH", "/admin/identities/"+p.id, patch("replace", "/state", state)).is(200)
				}
			}, 401},
		} {
			t.Run(what, func(t *testing.T) {
				c, p, a := s.trusts(t)
				if !c.again(p) {
					t.Fatal("the browser is not trusted")
				}
				c.whoami().is(200) // it is in memory now
				test.end(t, c, &p, a)
				c.whoami().is(test.session)
				c.http.Jar.SetCookies(mustURL(t, s.public), []*http.Cookie{{Name: sessionCookie, MaxAge: -1, Path: "/"}})
				if got, want := c.isTrusted(p), test.session == 200; got != want {
					t.Errorf("the next sign-in is trusted: %v", got)
				}
			})
		}
	})
}

// TestTrustExpires: a device is trusted as long as it was said to be when it was
// trusted, in a session that began with it too.
func TestTrustExpires(t *testing.T) {
	onEach(t, withTrust, func(t *testing.T, s *server) {
		c, p, _ := s.trusts(t)
		cookie := c.cookie(trustedCookie)
		s.clock.advance(trustedLifespan - time.Hour)
		c.plant(cookie) // which a browser would still have
		if !c.isTrusted(p) {
			t.Fatal("the browser is not trusted any more")
		}
		c.whoami().is(200)
		s.clock.advance(time.Hour - time.Microsecond)
		c.whoami().is(200)
		s.clock.advance(time.Microsecond)
		c.whoami().refused(403, "session_aal2_required")
		c.plant(cookie)
		if c.get("/sessions/trusted-devices").status != 403 || c.again(p) {
			t.Error("the browser is still trusted")
		}
		if got := s.operator(t).get("/admin/identities/" + p.id + "/trusted-devices").is(200); string(got.body) != "[]\n" && string(got.body) != "[]" {
			t.Errorf("the list is %q", got.body)
		}
	})
}

// TestTrustIsOnesOwn: the cookie of a device is of use to its owner, who may copy
// it, and to nobody else. What is no such cookie is nothing.
func TestTrustIsOnesOwn(t *testing.T) {
	onEach(t, withTrust, func(t *testing.T, s *server) {
		c, p, _ := s.trusts(t)
		cookie, id := c.cookie(trustedCookie), c.get("/sessions/trusted-devices").at("0.id").String()
		_, other, _ := s.twoFactors(t, script)

		thief := s.client(t, script)
		thief.plant(cookie)
		if thief.isTrusted(other) {
			t.Error("the device of one person is trusted by another one")
		}
		copied := s.client(t, script)
		copied.plant(cookie)
		if !copied.isTrusted(p) {
			t.Error("a copy of the cookie is not trusted") // as docs/howto/trusted-devices.md says
		}
		for _, forged := range []string{cookie[:42], cookie + "A", cookie[1:] + cookie[:1], strings.ToLower(cookie), strings.Repeat("A", 43), strings.Repeat("A", 4000), ""} {
			f := s.client(t, script)
			f.plant(forged)
			if f.isTrusted(p) {
				t.Errorf("the cookie %q is trusted", forged)
			}
		}
		// An app has no browser, whatever it sends along.
		phone := s.client(t, app)
		phone.signIn(p)
		phone.get("/sessions/whoami", "Cookie", trustedCookie+"="+cookie).refused(403, "session_aal2_required")
		// A session without it does not get better by the cookie.
		late := s.client(t, script)
		late.isTrusted(p)
		late.plant(cookie)
		late.whoami().refused(403, "session_aal2_required")

		// Nobody ends or lists another person's.
		stranger, _ := s.signedIn(t, script)
		stranger.send("DELETE", "/sessions/trusted-devices/"+id, nil).is(204)
		if got := stranger.get("/sessions/trusted-devices").is(200).at("#").Int(); got != 0 {
			t.Errorf("a stranger sees %d devices", got)
		}
		stranger.send("DELETE", "/sessions/trusted-devices", nil).is(200)
		copied.whoami().is(200)
		if !copied.again(p) {
			t.Error("a stranger ended the trust")
		}
		c.send("DELETE", "/sessions/trusted-devices/"+id, nil).is(204)
		copied.whoami().refused(403, "session_aal2_required")
		if copied.again(p) {
			t.Error("a copy of the cookie outlives the device")
		}
		c.send("DELETE", "/sessions/trusted-devices/nonsense", nil).refused(400, "id_malformed")
	})
}

// TestTrustedTwice: a browser is one device, whose secret is always new. Somebody
// trusts ten at most; the one that was used longest ago goes.
func TestTrustedTwice(t *testing.T) {
	onEach(t, withTrust, func(t *testing.T, s *server) {
		const path = "/sessions/trusted-devices"
		c, p, a := s.trusts(t)
		first := c.cookie(trustedCookie)
		c.send("POST", path, nil).is(201)
		second := c.cookie(trustedCookie)
		if got := c.get(path).is(200).at("#").Int(); got != 1 || second == first {
			t.Errorf("there are %d devices, the secret is new: %v", got, second != first)
		}
		old := s.client(t, script)
		old.plant(first)
		if old.isTrusted(p) {
			t.Error("the former secret is still trusted")
		}
		planted := s.client(t, script)
		planted.plant(strings.Repeat("k", 43))
		planted.isTrusted(p)
		planted.stepUp(a)
		planted.send("POST", path, nil).is(201)
		if planted.cookie(trustedCookie) == strings.Repeat("k", 43) {
			t.Error("the secret is one that somebody else has put there")
		}

		// The browsers from here on, one after the other, by their secrets.
		trusted := func(cookie string) bool {
			c := s.client(t, script)
			c.plant(cookie)
			return c.isTrusted(p)
		}
		trust := func() *client {
			c := s.client(t, script)
			c.isTrusted(p)
			c.stepUp(a)
			return c
		}
		unused := trust()
		unused.send("POST", path, nil).is(201)
		used := []string{second, planted.cookie(trustedCookie)}
		s.clock.advance(24 * time.Hour)
		for _, cookie := range used {
			if !trusted(cookie) {
				t.Fatal("the browsers are not trusted")
			}
		}
		var all sync.WaitGroup
		for range 8 {
			more := trust()
			all.Go(func() {
				if got, err := more.try("POST", path, nil); err != nil || got.status != 201 {
					t.Errorf("%d %v", got.status, err)
				}
			})
		}
		all.Wait()
		if got := s.operator(t).get("/admin/identities/" + p.id + "/trusted-devices").is(200).at("#").Int(); got != 10 {
			t.Errorf("there are %d devices, want 10", got)
		}
		if !trusted(used[0]) || !trusted(used[1]) {
			t.Error("a device that was used is forgotten")
		}
		if trusted(unused.cookie(trustedCookie)) {
			t.Error("the device that was used longest ago is still there")
		}
	})
}

// TestLastUseOfADevice is known to the day, and no session check writes it.
func TestLastUseOfADevice(t *testing.T) {
	onEach(t, withTrust, func(t *testing.T, s *server) {
		c, p, _ := s.trusts(t)
		cookie := c.cookie(trustedCookie)
		for _, test := range []struct {
			after  time.Duration
			writes int
		}{{time.Hour, 0}, {22 * time.Hour, 0}, {time.Hour, 1}, {time.Hour, 0}, {24 * time.Hour, 1}} {
			s.clock.advance(test.after)
			c = s.client(t, script)
			c.plant(cookie)
			before := s.statements.of("UPDATE trusted_devices")
			if !c.isTrusted(p) {
				t.Fatal("the browser is not trusted")
			}
			c.whoami().is(200)
			if got := s.statements.of("UPDATE trusted_devices") - before; got != test.writes {
				t.Errorf("%s later: %d writes, want %d", test.after, got, test.writes)
			}
			if got := s.operator(t).get("/admin/identities/" + p.id + "/trusted-devices").is(200); got.at("0.current").Bool() ||
				test.writes == 1 && !got.at("0.last_used_at").Time().Equal(s.clock.now()) {
				t.Errorf("the list is %s", got.body)
			}
		}
	})
}

// TestTrustCookieName: over HTTPS it is one that no other host can set.
func TestTrustCookieName(t *testing.T) {
	for _, test := range []struct {
		of   config.SessionCookie
		want string
	}{
		{config.SessionCookie{Secure: true, Domain: "example.org", Path: "/auth", SameSite: "Lax"}, "__Host-zelus_trusted_device=x; Path=/; Max-Age=60; HttpOnly; Secure; SameSite=Lax"},
		{config.SessionCookie{Secure: true, SameSite: "None"}, "__Host-zelus_trusted_device=x; Path=/; Max-Age=60; HttpOnly; Secure; SameSite=None"},
		{config.SessionCookie{SameSite: "None"}, "zelus_trusted_device=x; Path=/; Max-Age=60; HttpOnly; SameSite=Lax"},
	} {
		w := httptest.NewRecorder()
		now := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
		trustCookie(&test.of).Set(w, "x", now, now.Add(time.Minute))
		got := strings.Replace(w.Header().Get("Set-Cookie"), "; Expires=Thu, 01 Jan 2026 00:01:00 GMT", "", 1)
		if got != test.want {
			t.Errorf("%q, want %q", got, test.want)
		}
	}
}
