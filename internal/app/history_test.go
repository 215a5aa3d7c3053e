package app

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"zelus/internal/session"
	"zelus/internal/store"
)

const historyPath = "/self-service/account/history"

// events are what a history says, newest first: event, method and level.
func (a answer) events() (all []string) {
	for _, e := range a.at("@this").Array() {
		all = append(all, strings.Join([]string{e.Get("event").String(), e.Get("method").String(), e.Get("authenticator_assurance_level").String()}, " "))
	}
	return all
}

// TestHistory: people see when, how and from where they have signed in, and nothing
// of others.
func TestHistory(t *testing.T) {
	onEach(t, withTrust+"\nserve: {public: {trusted_proxies: [127.0.0.0/8]}}", func(t *testing.T, s *server) {
		c, p := s.client(t, app), stranger()
		p.id = c.finish(c.begin("registration", ""), p.signUp()).at("identity.id").String()
		s.clock.advance(time.Minute)
		_, other := s.signedIn(t, app)

		c.addsApp() // a proof, but no sign-in
		s.clock.advance(time.Minute)
		wrong := p
		wrong.password += "!"
		d := s.client(t, app)
		d.submit(d.begin("login", ""), wrong.login()).is(400)
		long := "Fox/1.0 " + strings.Repeat("x", 2000) + "\xff"
		d.token = d.submit(d.begin("login", ""), p.login(), "User-Agent", long, "X-Forwarded-For", "198.51.100.7").is(200).at("session_token").String()
		s.clock.advance(time.Minute)
		c.finish(c.begin("login", "refresh=true"), p.login())
		s.clock.advance(time.Minute)

		want := []string{"refresh password aal2", "login password aal1", "registration password aal1"}
		a := c.get(historyPath).is(200)
		if got := a.events(); !slices.Equal(got, want) {
			t.Fatalf("the history says %v, want %v: %s", got, want, a.body)
		}
		if a.at("0.current").Bool() != true || a.at("1.current").Bool() || a.at("1.ip_address").String() != "198.51.100.7" ||
			len(a.at("1.user_agent").String()) != 512 || !strings.HasPrefix(a.at("1.user_agent").String(), "Fox/1.0 ") {
			t.Errorf("%s", a.body)
		}
		if got := s.operator(t).get("/admin/identities/" + p.id + "/history").is(200); !slices.Equal(got.events(), want) || got.at("0.current").Bool() {
			t.Errorf("an administrator sees %s", got.body)
		}
		d.get(historyPath).refused(403, "session_aal2_required")
		e := s.client(t, app)
		e.signIn(other)
		if got := e.get(historyPath).is(200).events(); len(got) != 2 {
			t.Errorf("somebody else sees %v", got)
		}
		s.client(t, app).get(historyPath).refused(401, "session_inactive")
		s.operator(t).get("/admin/identities/x/history").refused(400, "id_malformed")

		// It survives the sessions, and goes with the account.
		s.operator(t).send("DELETE", "/admin/identities/"+p.id+"/sessions", nil).is(204)
		if got := s.operator(t).get("/admin/identities/" + p.id + "/history").is(200); !slices.Equal(got.events(), want) {
			t.Errorf("without sessions the history is %s", got.body)
		}
		s.operator(t).send("DELETE", "/admin/identities/"+p.id, nil).is(204)
		if got := s.operator(t).get("/admin/identities/" + p.id + "/history").is(200); got.at("#").Int() != 0 {
			t.Errorf("without an account the history is %s", got.body)
		}
	})
}

// TestHistoryOfProofs: a second factor and a recovery are told apart from a first one.
func TestHistoryOfProofs(t *testing.T) {
	onEach(t, withTrust, func(t *testing.T, s *server) {
		_, p, a := s.twoFactors(t, app)
		s.clock.advance(time.Minute)
		c := s.client(t, app)
		c.signIn(p)
		c.stepUp(a)
		c.finish(c.begin("login", "aal=aal2&refresh=true"), a.code())
		if got, want := c.get(historyPath).is(200).events(), []string{"refresh totp aal2", "second_factor totp aal2", "login password aal1", "login password aal1"}; !slices.Equal(got, want) {
			t.Errorf("the history says %v, want %v", got, want)
		}
		q := s.person(t)
		d := s.client(t, script)
		f := d.ask("recovery", "code", q.email)
		d.submit(f, fields{"method": "code", "code": s.mail(t, q.email, "recovery_code_valid").code()}).is(422)
		if got, want := d.get(historyPath).is(200).events(), []string{"recovery code_recovery aal1"}; !slices.Equal(got, want) {
			t.Errorf("the history says %v, want %v", got, want)
		}
	})
}

// TestHistoryPages: a history is read page by page, and each page follows on the one
// before, whatever is written meanwhile.
func TestHistoryPages(t *testing.T) {
	onEach(t, "", func(t *testing.T, s *server) {
		p := s.person(t)
		c := s.client(t, app)
		for n := range 7 {
			if n%3 == 0 { // some at the same time
				s.clock.advance(time.Second)
			}
			c = s.client(t, app)
			c.signIn(p)
		}
		next := regexp.MustCompile(`<([^>]*)>; rel="next"`)
		var seen []string
		pages := 0
		for path := historyPath + "?page_size=3"; path != ""; pages++ {
			a := c.get(path).is(200)
			for _, id := range a.at("#.id").Array() {
				seen = append(seen, id.String())
			}
			s.client(t, app).signIn(p)
			path = ""
			if m := next.FindStringSubmatch(a.header.Get("Link")); m != nil {
				path = m[1]
			}
		}
		if slices.Sort(seen); len(seen) != 7 || len(slices.Compact(seen)) != 7 || pages != 3 {
			t.Errorf("%d entries on %d pages: %v", len(seen), pages, seen)
		}
		c.get(historyPath+"?page_token=x").refused(400, "page_token_invalid")
		c.get(historyPath+"?page_size=x").refused(400, "parameter_invalid")
		other := regexp.MustCompile(`page_token=([^&>]*)`).FindStringSubmatch(s.operator(t).get("/admin/courier/messages").is(200).header.Get("Link"))[1]
		c.get(historyPath+"?page_token="+other).refused(400, "page_token_invalid")
	})
}

// TestHistoryIsForgotten: after thirty days nothing is left of a sign-in.
func TestHistoryIsForgotten(t *testing.T) {
	onEach(t, "", func(t *testing.T, s *server) {
		p := s.person(t)
		s.client(t, app).signIn(p)
		clean := func() {
			t.Helper()
			if _, err := s.app.store.Clean(t.Context(), kept(s.app.Config()), 100); err != nil {
				t.Fatal(err)
			}
		}
		entries := func() int64 {
			return s.operator(t).get("/admin/identities/" + p.id + "/history").is(200).at("#").Int()
		}
		s.clock.advance(session.HistoryKept)
		if clean(); entries() != 1 {
			t.Error("it is forgotten too early")
		}
		s.clock.advance(time.Second)
		if clean(); entries() != 0 {
			t.Error("it is kept too long")
		}
	})
}

// TestHistoryComesWithItsSession: where there is no session there is no entry, and
// the other way round.
func TestHistoryComesWithItsSession(t *testing.T) {
	onEach(t, hiding, func(t *testing.T, s *server) {
		p := s.person(t)
		c := s.client(t, app)
		c.submit(c.begin("registration", ""), p.signUp()).is(200) // taken, and does not say so
		d := s.client(t, app)
		q := stranger()
		id := d.submit(d.begin("registration", ""), q.signUp()).is(200).at("identity.id").String()
		for _, id := range []string{p.id, id} {
			if got := s.operator(t).get(fmt.Sprintf("/admin/identities/%s/history", id)).is(200); got.at("#").Int() != 0 {
				t.Errorf("%s", got.body)
			}
		}
		if err := s.app.store.Write(t.Context(), store.Durable, func(tx *store.Tx) error {
			return tx.InsertHistory(t.Context(), &store.HistoryEntry{Event: "x"})
		}); err == nil {
			t.Error("an entry is written of nobody")
		}
	})
}
