package app

import (
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

const (
	deletionPath = "/self-service/account/deletion"
	dataPage     = "https://app.example.org/data"
	graceful     = "selfservice: {flows: {deletion: {enabled: true, grace_period: 336h, ui_url: '" + dataPage + "'}}}"
	grace        = 336 * time.Hour
)

// leaves asks for the deletion of the client's account, in the way that the client does.
func (c *client) leaves() answer {
	c.t.Helper()
	if c.style != page {
		return c.send("POST", deletionPath, fields{})
	}
	return c.send("POST", deletionPath, url.Values{"csrf_token": {c.begin("settings", "").csrf}, "return_to": {welcome}})
}

// dueAt is when an account is to be deleted, as an administrator sees it; empty where it
// stays.
func (s *server) dueAt(t testing.TB, p person) string {
	t.Helper()
	return s.operator(t).get("/admin/identities/" + p.id).is(200).at("delete_at").String()
}

// exists says whether there still is an account.
func (s *server) exists(t testing.TB, p person) bool {
	t.Helper()
	return s.operator(t).get("/admin/identities/"+p.id).status == 200
}

// TestDeletion: who deletes their account is signed out everywhere and is told so; it goes
// when its time is over, and not before.
func TestDeletion(t *testing.T) {
	onEach(t, graceful, func(t *testing.T, s *server) {
		for _, style := range styles {
			c, p := s.signedIn(t, style)
			elsewhere := s.client(t, app)
			elsewhere.signIn(p)
			before := string(s.operator(t).get("/admin/identities/" + p.id).is(200).body)
			if strings.Contains(before, "delete_at") {
				t.Errorf("%s: %s", style, before)
			}
			at := s.clock.now().Add(grace)
			a := c.leaves()
			if style == page {
				a.leads(303, welcome)
			} else if got := a.is(200).at("delete_at").Time(); !got.Equal(at) {
				t.Errorf("%s: it is deleted at %v", style, got)
			}
			if style != app && a.cookies()[sessionCookie].MaxAge >= 0 {
				t.Errorf("%s: the cookie stays: %v", style, a.header)
			}
			c.whoami().is(401)
			elsewhere.whoami().is(401)
			if got := s.dueAt(t, p); got != at.Format(time.RFC3339) {
				t.Errorf("%s: an administrator sees %q", style, got)
			}
			if link := s.mail(t, p.email, "account_deletion").link(); !strings.HasPrefix(link, s.public+deletionPath+"/undo?token=") {
				t.Errorf("%s: the link is %s", style, link)
			}
			s.clock.advance(grace - time.Microsecond)
			if s.app.cleanOnce(t.Context()); !s.exists(t, p) {
				t.Fatalf("%s: it is deleted too early", style)
			}
			s.clock.advance(time.Microsecond)
			// It is nobody's any more, even before it is cleaned up.
			late := s.client(t, app)
			f, hashed := late.begin("login", ""), s.app.hashes.Done()
			late.submit(f, p.login()).saying(400, 4000006)
			if n := s.app.hashes.Done() - hashed; n != 1 {
				t.Errorf("%s: that hashes %d passwords", style, n)
			}
			if s.app.cleanOnce(t.Context()); s.exists(t, p) {
				t.Fatalf("%s: it is there still", style)
			}
			s.mail(t, p.email, "account_deleted")
			if s.app.cleanOnce(t.Context()); len(s.mails(t, p.email)) != 2 {
				t.Errorf("%s: they are told %v", style, s.told(t, p))
			}
			if style == app { // the address is free again
				d := s.client(t, app)
				d.finish(d.begin("registration", ""), p.signUp())
			}
		}
		s.reconfigure(t, "{}")
		c, p := s.signedIn(t, app)
		c.leaves().refused(404, "account_deletion_disabled")
		if got := c.get(deletionPath).is(200); got.at("enabled").Bool() || s.dueAt(t, p) != "" {
			t.Errorf("%s", got.body)
		}
	})
}

// TestDeletionEndsSessions: who has signed in again and not kept their account is out when
// its time is over, also before it is cleaned up.
func TestDeletionEndsSessions(t *testing.T) {
	onEach(t, graceful, func(t *testing.T, s *server) {
		for _, style := range styles {
			c, p := s.signedIn(t, style)
			c.leaves()
			s.clock.advance(grace - time.Hour)
			c = s.client(t, style)
			c.signIn(p)
			cold := s.client(t, app)
			cold.signIn(p)
			s.clock.advance(time.Hour - time.Microsecond)
			c.whoami().is(200) // from now on it is answered from memory
			s.clock.advance(time.Microsecond)
			c.whoami().is(401)
			cold.whoami().is(401)
			cold.get("/self-service/account/history").is(401)
			if !s.exists(t, p) {
				t.Errorf("%s: it is gone already", style)
			}
		}
	})
}

// TestDeletionAtOnce: without a grace period an account is gone when the answer is there.
func TestDeletionAtOnce(t *testing.T) {
	onEach(t, strings.Replace(graceful, "336h", "0s", 1), func(t *testing.T, s *server) {
		c, p := s.signedIn(t, script)
		c.whoami().is(200)
		c.leaves().is(200)
		c.whoami().is(401)
		if s.exists(t, p) {
			t.Error("it is there still")
		}
		if got := s.told(t, p); !slices.Equal(got, []string{"account_deleted"}) {
			t.Errorf("they are told %v", got)
		}
	})
}

// TestDeletionUndone: the link asks first, keeps the account once it is told to, and does
// nothing for anybody else.
func TestDeletionUndone(t *testing.T) {
	onEach(t, graceful, func(t *testing.T, s *server) {
		c, p := s.signedIn(t, app)
		c.leaves().is(200)
		link := s.mail(t, p.email, "account_deletion").link()
		other, q := s.signedIn(t, app)
		other.leaves().is(200)

		browser := s.client(t, page)
		to := browser.get(link).leads(303, dataPage)
		if to.query("token") != mustURL(t, link).Query().Get("token") {
			t.Errorf("it leads to %s", to.header.Get("Location"))
		}
		if browser.send("HEAD", link, nil); s.dueAt(t, p) == "" {
			t.Fatal("to look at the link undoes the deletion")
		}
		for _, wrong := range []string{link + "x", strings.Replace(link, "token=", "token=x", 1), s.public + deletionPath + "/undo?token=x"} {
			s.client(t, app).get(wrong).refused(404, "account_deletion_link_invalid")
			s.client(t, app).send("POST", wrong, nil).refused(404, "account_deletion_link_invalid")
			browser.get(wrong).leads(303, errorPage)
		}
		s.client(t, app).send("POST", s.public+deletionPath+"/undo", nil).refused(401, "session_inactive")

		browser.send("POST", link, url.Values{"return_to": {"https://evil.example"}}).leads(303, errorPage)
		browser.send("POST", link, url.Values{"return_to": {welcome}}).leads(303, welcome)
		if s.dueAt(t, p) != "" || s.dueAt(t, q) == "" {
			t.Errorf("the link has kept %q, and the other's %q", s.dueAt(t, p), s.dueAt(t, q))
		}
		browser.whoami().is(401) // it lets nobody in
		c.whoami().is(401)
		s.client(t, app).send("POST", link, nil).is(200) // once more changes nothing
		c = s.client(t, app)
		c.signIn(p)
		if s.clock.advance(time.Second); s.dueAt(t, p) != "" {
			t.Error("it is to be deleted again")
		}
		c.leaves().is(200)
		s.client(t, app).send("POST", link, nil).refused(404, "account_deletion_link_invalid") // that is another deletion
		again := s.mail(t, p.email, "account_deletion").link()
		s.clock.advance(grace)
		for _, late := range []string{again, link} {
			s.client(t, app).get(late).refused(404, "account_deletion_link_invalid")
			s.client(t, app).send("POST", late, nil).refused(404, "account_deletion_link_invalid")
		}
		if s.app.cleanOnce(t.Context()); s.exists(t, p) || s.exists(t, q) {
			t.Error("they are there still")
		}
	})
}

// TestDeletionAsked: who signs in to an account that is to be deleted is asked whether to
// keep it, and can.
func TestDeletionAsked(t *testing.T) {
	onEach(t, graceful, func(t *testing.T, s *server) {
		for _, style := range styles {
			c, p := s.signedIn(t, style)
			c.leaves()
			f := c.begin("login", "return_to="+url.QueryEscape(welcome))
			a := c.submit(f, p.login())
			if style == page {
				if a.leads(303, dataPage).query("return_to") != welcome {
					t.Errorf("it leads to %s", a.header.Get("Location"))
				}
				c.get(deletionPath).leads(303, dataPage)
			} else if step := a.is(200).at("continue_with.0"); step.Get("action").String() != "redirect_browser_to" || step.Get("redirect_browser_to").String() != dataPage+"?return_to="+url.QueryEscape(welcome) {
				t.Errorf("%s: %s", style, a.body)
			}
			c.token = a.at("session_token").String()
			if got := c.get(deletionPath, "Accept", "application/json").is(200); got.at("delete_at").String() != s.dueAt(t, p) || !got.at("enabled").Bool() {
				t.Errorf("%s: %s", style, got.body)
			}
			if style == page {
				c.send("POST", deletionPath+"/undo", url.Values{"return_to": {welcome}}).leads(303, errorPage) // without a token of the page
				c.send("POST", deletionPath+"/undo", url.Values{"csrf_token": {c.begin("settings", "").csrf}, "return_to": {welcome}}).leads(303, welcome)
			} else {
				c.send("DELETE", deletionPath, nil).is(200)
				c.send("DELETE", deletionPath, nil).is(200)
			}
			if got := s.dueAt(t, p); got != "" {
				t.Errorf("%s: it is deleted at %s", style, got)
			}
			c.whoami().is(200)
			a = c.finish(c.begin("login", "refresh=true&return_to="+url.QueryEscape(welcome)), p.login())
			if strings.Contains(string(a.body)+a.header.Get("Location"), dataPage) {
				t.Errorf("%s: they are asked again: %s", style, a.body)
			}
		}
	})
}

// TestDeletionAskedAfterRecovery: who is back in an account that is to be deleted is asked
// whether to keep it, before the new password.
func TestDeletionAskedAfterRecovery(t *testing.T) {
	deletion := `{"enabled":true,"grace_period":"336h","ui_url":"` + dataPage + `"}`
	onEach(t, proving(transitions, "true", "selfservice.flows.deletion", deletion), func(t *testing.T, s *server) {
		c, p := s.signedIn(t, app)
		c.leaves()
		a := c.typed(c.asked("recovery", p.email), s.mail(t, p.email, "recovery_code_valid").code()).is(200)
		if to := a.at(`continue_with.#(action=="redirect_browser_to").redirect_browser_to`).String(); !strings.HasPrefix(to, dataPage+"?return_to=") {
			t.Errorf("an app is told of %q: %s", to, a.body)
		}
	})
	onEach(t, proving("selfservice.flows.deletion", deletion), func(t *testing.T, s *server) {
		for _, style := range []style{page, script} {
			c, p := s.signedIn(t, style)
			c.leaves()
			c = s.client(t, style)
			f := c.asked("recovery", p.email)
			a := c.typed(f, s.mail(t, p.email, "recovery_code_valid").code())
			to := a.header.Get("Location")
			if style == script {
				to = a.refused(422, "browser_location_change_required").at("redirect_browser_to").String()
			}
			next := mustURL(t, mustURL(t, to).Query().Get("return_to"))
			if !strings.HasPrefix(to, dataPage+"?") || next.Query().Get("flow") == "" {
				t.Errorf("%s: they are led to %q: %s", style, to, a.body)
			}
			// A page of one's own may be none that return_to may name: the engine leads on to it.
			if on := c.get(next.RequestURI(), "Accept", "text/html").is(303).header.Get("Location"); on != ownPage+"?"+next.RawQuery {
				t.Errorf("%s: %s leads on to %q", style, next, on)
			}
			c.whoami().is(200)
		}
	})
	// The built-in pages lead on to the new password, kept or not.
	onEach(t, leavable, func(t *testing.T, s *server) {
		c, p := s.client(t, page), s.person(t)
		c.signIn(p)
		c.presses(c.shows("/ui/data"), "delete", "", nil).is(303)
		l := c.arrive(c.presses(c.shows("/ui/recovery"), "code", "method", fields{"email": p.email}))
		l = c.arrive(c.presses(l, "code", "method=code", fields{"code": s.mail(t, p.email, "recovery_code_valid").code()}))
		if l.title() != "Keep your account?" {
			t.Fatalf("they are not asked: %s", l.body)
		}
		if later := c.follows(l, "later"); later.title() != "My account" {
			t.Errorf("who does not decide goes to %s", later.body)
		}
		if l = c.arrive(c.presses(l, "keep", "", nil)); l.title() != "My account" || l.byID("password-password") == nil || s.dueAt(t, p) != "" {
			t.Errorf("after keeping it: %s", l.body)
		}
	})
}

// TestDeletionNeedsProof: neither an old session, nor a password without the second
// factor, nor another site deletes an account.
func TestDeletionNeedsProof(t *testing.T) {
	onEach(t, graceful, func(t *testing.T, s *server) {
		c, p := s.signedIn(t, script)
		for _, from := range [][]string{{"Origin", "https://evil.example"}, {"Sec-Fetch-Site", "cross-site"}} {
			c.send("POST", deletionPath, fields{}, from...).refused(403, "security_csrf_violation")
			c.send("DELETE", deletionPath, nil, from...).refused(403, "security_csrf_violation")
		}
		c.send("POST", deletionPath, url.Values{}).refused(403, "security_csrf_violation")
		c.send("POST", deletionPath, nil).refused(403, "security_csrf_violation")
		s.clock.advance(privileged)
		a := c.leaves().refused(403, "session_refresh_required")
		if to := mustURL(t, a.at("redirect_browser_to").String()).Query(); to.Get("return_to") != s.public+deletionPath || to.Get("refresh") != "true" {
			t.Errorf("it leads to %v", to)
		}
		if s.dueAt(t, p) != "" {
			t.Error("it is to be deleted")
		}
		c.finish(c.begin("login", "refresh=true"), p.login())
		c.leaves().is(200)
		s.client(t, app).send("POST", deletionPath, fields{}).refused(401, "session_inactive")
	})
}

// TestDeletionOfSecondFactor: who has a second factor needs it to delete their account.
func TestDeletionOfSecondFactor(t *testing.T) {
	onEach(t, "selfservice: {methods: {totp: {enabled: true}}, flows: {settings: {required_aal: aal1}, deletion: {enabled: true}}}\nsession: {whoami: {required_aal: aal1}}", func(t *testing.T, s *server) {
		_, p, factor := s.twoFactors(t, app)
		c := s.client(t, app)
		c.signIn(p)
		c.leaves().refused(403, "session_refresh_required")
		c.stepUp(factor)
		c.leaves().is(200)
		if s.dueAt(t, p) == "" {
			t.Error("it stays")
		}
	})
}

// TestDeletionByOperators: an administrator sees when an account goes, can keep it, and
// does not do so by another change; nor can they set a time.
func TestDeletionByOperators(t *testing.T) {
	onEach(t, graceful, func(t *testing.T, s *server) {
		c, p := s.signedIn(t, app)
		c.leaves().is(200)
		due, o, path := s.dueAt(t, p), s.operator(t), "/admin/identities/"+p.id
		o.send("PUT", path, map[string]any{"schema_id": "person", "state": "active", "traits": fields{"email": p.email}}).is(200)
		o.send("PATCH", path, patch("add", "/metadata_public", 1)).is(200)
		o.send("PATCH", path, patch("replace", "/state", "inactive")).is(200)
		o.send("PATCH", path, patch("replace", "/state", "active")).is(200)
		if got := s.dueAt(t, p); got != due {
			t.Errorf("it is deleted at %q, want %q", got, due)
		}
		o.send("PATCH", path, patch("replace", "/delete_at", "2030-01-01T00:00:00Z")).refused(400, "json_patch_invalid")
		s.clock.advance(time.Hour)
		d := s.client(t, app)
		d.signIn(p)
		f := d.begin("settings", "")
		d.submit(f, p.profile(fields{"traits.name": "Ada"})).is(200)
		if got := s.dueAt(t, p); got != due {
			t.Errorf("a change by its owner: it is deleted at %q, want %q", got, due)
		}
		for _, clear := range [][]map[string]any{{{"op": "remove", "path": "/delete_at"}}, patch("replace", "/delete_at", nil)} {
			if a := o.send("PATCH", path, clear).is(200); a.at("delete_at").Exists() {
				t.Errorf("%s", a.body)
			}
			d.leaves().is(200)
			d = s.client(t, app)
			d.signIn(p)
		}
		made := o.send("POST", "/admin/identities", map[string]any{"schema_id": "person", "traits": fields{"email": stranger().email}}).is(201)
		if strings.Contains(string(made.body), "delete_at") {
			t.Errorf("%s", made.body)
		}
	})
}

// TestDeletionIsNotOlder: clients of the v0alpha2 era do not hear of it.
func TestDeletionIsNotOlder(t *testing.T) {
	onEach(t, graceful, func(t *testing.T, s *server) {
		c, p := s.signedIn(t, app)
		c.leaves().is(200)
		old := s.old(t, app)
		a := old.signIn(p).plain()
		old.whoami().is(200).plain()
		s.oldOperator(t).get("/admin/identities/" + p.id).is(200).plain()
		if strings.Contains(string(a.body), dataPage) {
			t.Errorf("%s", a.body)
		}
		old.get("/self-service/account/history").is(404)
	})
}

// TestDeletionAtTheSameTime: of several deletions one counts; whoever signs in while an
// account goes is in or is not, and it goes; one that is kept at the last moment stays.
func TestDeletionAtTheSameTime(t *testing.T) {
	onEach(t, graceful, func(t *testing.T, s *server) {
		for range 5 {
			p := s.person(t)
			var all sync.WaitGroup
			statuses := make([]int, 4)
			var one []*client
			for range statuses {
				c := s.client(t, app)
				c.signIn(p)
				one = append(one, c)
			}
			for n, c := range one {
				all.Go(func() {
					if a, err := c.try("POST", deletionPath, fields{}); err == nil {
						statuses[n] = a.status
					}
				})
			}
			all.Wait()
			slices.Sort(statuses)
			if !slices.Equal(statuses, []int{200, 401, 401, 401}) || len(s.mails(t, p.email)) != 1 {
				t.Errorf("the deletions are answered %v, and %d messages sent", statuses, len(s.mails(t, p.email)))
			}
			link := s.mail(t, p.email, "account_deletion").link()
			s.clock.advance(grace - time.Second)
			c := s.client(t, app)
			f := c.begin("login", "")
			undone := make([]int, 2)
			for n := range undone {
				all.Go(func() {
					if a, err := s.client(t, app).try("POST", link, nil); err == nil {
						undone[n] = a.status
					}
				})
			}
			all.Go(func() {
				s.clock.advance(time.Second)
				s.app.cleanOnce(t.Context())
			})
			signedIn := 0
			all.Go(func() {
				if a, err := c.try("POST", f.action, p.login()); err == nil {
					signedIn = a.status
					c.token = a.at("session_token").String()
				}
			})
			all.Wait()
			stays := slices.Contains(undone, 200)
			if s.app.cleanOnce(t.Context()); s.exists(t, p) != stays {
				t.Errorf("undone: %v, and there is an account: %v", undone, s.exists(t, p))
			}
			if who := c.whoami().status; signedIn == 200 && stays != (who == 200) {
				t.Errorf("undone: %v, signed in: %d, and the session check says %d", undone, signedIn, who)
			}
		}
	})
}
