package app

import (
	"testing"
	"time"
)

// TestExtendSession: an administrator lets a session last longer, and only
// one that has not ended.
func TestExtendSession(t *testing.T) {
	onEach(t, "session: {lifespan: 24h, earliest_possible_extend: 6h}", func(t *testing.T, s *server) {
		c, p, operator := s.client(t, app), s.person(t), s.operator(t)
		c.signIn(p)
		first := c.whoami().is(200)
		path := "/admin/sessions/" + first.at("id").String()
		end := func(a answer) time.Time { return a.at("expires_at").Time() }

		if early := operator.send("PATCH", path+"/extend", nil).is(200); !end(early).Equal(end(first)) {
			t.Errorf("with 24 h left it was extended to %s", end(early))
		}
		s.clock.advance(18 * time.Hour)
		extended := operator.send("PATCH", path+"/extend", nil).is(200)
		if want := end(first).Add(18 * time.Hour); !end(extended).Equal(want) {
			t.Errorf("with 6 h left it was extended to %s, want %s", end(extended), want)
		}
		if now := c.whoami().is(200); !end(now).Equal(end(extended)) {
			t.Errorf("the session check says %s, the extension %s", end(now), end(extended))
		}
		if extended.at("identity.id").String() != p.id || extended.at("identity.metadata_admin").Exists() || extended.at("devices.#").Int() != 0 {
			t.Errorf("the extension answers %s", extended.body)
		}

		plain := operator.get(path).is(200)
		if plain.at("identity").Raw != "null" || plain.at("devices").Raw != "[]" {
			t.Errorf("a session alone is %s", plain.body)
		}
		full := operator.get(path + "?expand=Identity&expand=devices").is(200)
		if full.at("identity.traits.email").String() != p.email || full.at("devices.#").Int() != 1 {
			t.Errorf("a session with all is %s", full.body)
		}

		for range 2 {
			operator.send("DELETE", path, nil).is(204)
		}
		c.whoami().refused(401, "session_inactive")
		operator.send("PATCH", path+"/extend", nil).refused(404, "session_ended")
		if operator.get(path).is(200).at("active").Bool() {
			t.Error("a revoked session is active")
		}

		// One that ran out, and one whose owner was switched off.
		c.signIn(p)
		path = "/admin/sessions/" + c.whoami().is(200).at("id").String()
		operator.send("PATCH", "/admin/identities/"+p.id, patch("replace", "/state", "inactive")).is(200)
		operator.send("PATCH", path+"/extend", nil).refused(404, "session_ended")
		operator.send("PATCH", "/admin/identities/"+p.id, patch("replace", "/state", "active")).is(200)
		s.clock.advance(24 * time.Hour)
		operator.send("PATCH", path+"/extend", nil).refused(404, "session_ended")

		nobody := "/admin/sessions/01890000-0000-7000-8000-000000000000"
		operator.send("PATCH", nobody+"/extend", nil).refused(404, "session_not_found")
		operator.get(nobody).refused(404, "session_not_found")
		operator.send("DELETE", nobody, nil).refused(404, "session_not_found")
		operator.send("PATCH", "/admin/sessions/me/extend", nil).refused(400, "id_malformed")
		operator.get(path+"?expand=shoes").refused(400, "parameter_invalid")
	})
}

// TestFasterSessionExtend: the answer is left out where that is configured.
func TestFasterSessionExtend(t *testing.T) {
	s := start(t, setup{more: "feature_flags: {faster_session_extend: true}"})
	c := s.client(t, app)
	c.signIn(s.person(t))
	before := c.whoami().is(200)
	s.clock.advance(time.Hour)
	if a := s.operator(t).send("PATCH", "/admin/sessions/"+before.at("id").String()+"/extend", nil).is(204); len(a.body) > 0 {
		t.Errorf("204 has a body: %s", a.body)
	}
	if after := c.whoami().is(200); !after.at("expires_at").Time().Equal(before.at("expires_at").Time().Add(time.Hour)) {
		t.Errorf("the session ends at %s", after.at("expires_at"))
	}
}
