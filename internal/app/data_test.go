package app

import (
	"fmt"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"zelus/internal/ceremony/ceremonytest"
)

// leavable are the built-in pages where people may delete their accounts.
var leavable = strings.Replace(ownPages, "    login: {ui_url: \"\"}\n", "    login: {ui_url: \"\"}\n    deletion: {enabled: true, grace_period: 336h}\n", 1)

// provesAgain signs in on the page to which a link has led, which asks who it is.
func (c *client) provesAgain(l leaf, p person) leaf {
	c.t.Helper()
	if got := l.title(); got != "Confirm that it is you" {
		c.t.Fatalf("the title is %q: %s", got, l.body)
	}
	return c.arrive(c.presses(l, "password", "method", fields{"identifier": p.email, "password": p.password}))
}

// follows is the page to which a link leads.
func (c *client) follows(l leaf, link string) leaf {
	c.t.Helper()
	a := l.byID(link)
	if a == nil || a.Data != "a" {
		c.t.Fatalf("%s has no link %s: %s", l.what, link, l.body)
	}
	return c.shows(attribute(a, "href"))
}

// TestPagesData goes through export, deletion and all ways back with pages alone.
func TestPagesData(t *testing.T) {
	onEach(t, leavable, func(t *testing.T, s *server) {
		c, p := s.client(t, page), s.person(t)
		if l := c.shows("/ui/data"); l.title() != "Sign in" {
			t.Fatalf("whoever is not signed in sees %s", l.body)
		}
		c.signIn(p)
		if l := c.follows(c.shows("/ui/data"), "export"); l.header.Get("Content-Disposition") == "" || !strings.Contains(string(l.body), p.email) {
			t.Errorf("the file is %s", l.body)
		}

		// Some time later they prove first who they are, once for all of it.
		s.clock.advance(privileged)
		l := c.shows("/ui/data")
		if l.byID("export") != nil || l.byID("delete") != nil {
			t.Errorf("an old session is enough: %s", l.body)
		}
		l = c.provesAgain(c.follows(l, "prove"), p)
		if l.title() != "My data" || l.byID("status") == nil || l.byID("export") == nil || l.byID("delete") == nil || l.byID("prove") != nil {
			t.Errorf("after a proof: %s", l.body)
		}

		// They delete the account. It says what becomes of it, and they are signed out.
		if s.dueAt(t, p) != "" {
			t.Fatal("it is to be deleted without being asked")
		}
		l = c.arrive(c.presses(l, "delete", "", nil))
		if l.title() != "Your account will be deleted" || !strings.Contains(string(l.body), "14 days") || s.dueAt(t, p) == "" {
			t.Errorf("after the deletion: %s", l.body)
		}
		c.whoami().is(401)

		// The next sign-in asks. Who does not decide goes on, and is reminded.
		l = c.shows("/ui/login?return_to=" + url.QueryEscape(welcome))
		l = c.arrive(c.presses(l, "password", "method", fields{"identifier": p.email, "password": p.password}))
		if got := l.title(); got != "Keep your account?" {
			t.Fatalf("the title is %q: %s", got, l.body)
		}
		if got := attribute(l.byID("later"), "href"); got != welcome {
			t.Errorf("whoever does not decide goes to %q", got)
		}
		if l.byID("export") == nil || l.byID("delete") != nil {
			t.Errorf("an account that is to be deleted: %s", l.body)
		}
		if c.shows("/ui/welcome").byID("deletion") == nil {
			t.Error("nothing reminds them")
		}
		c.presses(l, "keep", "", nil).leads(303, welcome)
		if s.dueAt(t, p) != "" {
			t.Error("it is to be deleted still")
		}
		if l = c.shows("/ui/data?done=deleted"); l.title() != "My data" {
			t.Errorf("a page says that the account is gone: %s", l.body)
		}

		// Once more. Without a place to go to they stay on the page.
		c.presses(l, "delete", "", nil).is(303)
		link := s.mail(t, p.email, "account_deletion").link()
		c.signIn(p)
		l = c.shows("/ui/data")
		if got := attribute(l.byID("later"), "href"); got != "/ui/welcome" {
			t.Errorf("whoever does not decide goes to %q", got)
		}
		if l = c.arrive(c.presses(l, "keep", "", nil)); l.title() != "My data" || l.byID("status") == nil {
			t.Errorf("after keeping it: %s", l.body)
		}

		// The link of the message asks whoever opens it, says when there is nothing left to
		// do, and is good for one deletion.
		s.clock.advance(time.Second)
		c.presses(l, "delete", "", nil).is(303)
		nobody := s.client(t, page)
		if l = nobody.arrive(nobody.get(link)); l.byID("keep") != nil || text(l.byID("error-id")) != "account_deletion_link_invalid" {
			t.Errorf("the link of another deletion: %d %s", l.status, l.body)
		}
		asked := nobody.get(s.mail(t, p.email, "account_deletion").link()).is(303).header.Get("Location")
		l = nobody.shows(asked)
		if l.title() != "Keep your account?" || s.dueAt(t, p) == "" || strings.Contains(string(l.body), p.email) {
			t.Errorf("the link: %s", l.body)
		}
		l = nobody.arrive(nobody.presses(l, "keep", "", nil))
		if l.title() != "Your account stays" || s.dueAt(t, p) != "" || nobody.whoami().status != 401 {
			t.Errorf("after keeping it by the link: %s", l.body)
		}
		if l = nobody.shows(asked); l.title() != "Your account stays" {
			t.Errorf("the link once more: %s", l.body)
		}
		s.clock.advance(grace)
		for _, gone := range []string{asked, "/ui/data?token=x"} {
			if l = nobody.shows(gone); l.status != 404 || !strings.HasPrefix(text(l.all("title")[0]), "Error: ") {
				t.Errorf("%s: %d %s", gone, l.status, l.body)
			}
		}
	})
}

// TestPagesDataAsConfigured: what is switched off is not offered, what has no way back
// says so, and another page takes the place of ours.
func TestPagesDataAsConfigured(t *testing.T) {
	s := start(t, setup{more: ownPages})
	c, p := s.client(t, page), s.person(t)
	c.signIn(p)
	l := c.shows("/ui/data")
	if l.byID("export") == nil || l.byID("title-delete") != nil {
		t.Errorf("without deletion: %s", l.body)
	}
	c.send("POST", deletionPath, url.Values{"csrf_token": {csrfOf(l)}}).is(303)
	if s.dueAt(t, p) != "" {
		t.Error("it is to be deleted")
	}

	s = start(t, setup{more: strings.Replace(leavable, "336h", "0s", 1)})
	c, p = s.client(t, page), s.person(t)
	c.signIn(p)
	l = c.arrive(c.presses(c.shows("/ui/data"), "delete", "", nil))
	if l.title() != "Your account was deleted" || l.byID("link-login") != nil || s.exists(t, p) {
		t.Errorf("at once: %s", l.body)
	}

	s = start(t, setup{more: strings.Replace(leavable, "336h", "336h, ui_url: '"+dataPage+"'", 1)})
	s.client(t, page).get("/ui/data").leads(303, dataPage)
	// Chromium lets a sign-in lead there only if the page says so.
	if policy := s.client(t, page).shows("/ui/login").header.Get("Content-Security-Policy"); !strings.Contains(policy, " https://app.example.org") {
		t.Errorf("the policy is %q", policy)
	}
}

// TestPagesHistory: people see their sign-ins page by page, each once, and nobody else's.
func TestPagesHistory(t *testing.T) {
	onEach(t, ownPages, func(t *testing.T, s *server) {
		c, p := s.client(t, page), s.person(t)
		if l := c.shows("/ui/history"); l.title() != "Sign in" {
			t.Fatalf("whoever is not signed in sees %s", l.body)
		}
		for range 44 {
			s.client(t, app).signIn(p)
		}
		const agent = "Mozilla/5.0 (X11; Linux x86_64; rv:143.0) Gecko/20100101 Firefox/143.0"
		s.clock.advance(time.Minute)
		f := c.begin("login", "")
		c.submit(f, p.login(), "User-Agent", agent).is(303)
		_, other := s.signedIn(t, app)
		entries := func(l leaf) (ids []string) {
			for _, n := range l.all("li") {
				if id, ok := strings.CutPrefix(attribute(n, "id"), "entry-"); ok {
					ids = append(ids, id)
				}
			}
			return ids
		}
		first := c.shows("/ui/history")
		newest := text(first.byID("entry-" + entries(first)[0]))
		for _, part := range []string{"Signed in · Password", "Firefox on Linux", "127.0.0.1", "This device"} {
			if !strings.Contains(newest, part) {
				t.Errorf("the newest entry lacks %q: %s", part, newest)
			}
		}
		if first.byID("newest") != nil {
			t.Error("the newest are here")
		}
		seen, pages, l := entries(first), 1, first
		for ; l.byID("older") != nil; pages++ {
			s.client(t, app).signIn(p)
			l = c.follows(l, "older")
			seen = append(seen, entries(l)...)
		}
		if slices.Sort(seen); len(seen) != 45 || len(slices.Compact(seen)) != 45 || pages != 3 {
			t.Errorf("%d entries on %d pages", len(seen), pages)
		}
		if l = c.follows(l, "newest"); len(entries(l)) != 20 || l.byID("newest") != nil {
			t.Errorf("the newest: %s", l.body)
		}
		// A link out of somebody else's history leads into one's own.
		d := s.client(t, page)
		d.signIn(other)
		if got := entries(d.shows(attribute(first.byID("older"), "href"))); len(got) > 2 {
			t.Errorf("somebody else sees %v", got)
		}
		for _, after := range []string{"x", "1", ".", "-1." + other.id, "9223372036854775807." + other.id, "-9223372036854775808." + other.id, "1.x", "1\x00." + other.id} {
			if l := c.shows("/ui/history?after=" + url.QueryEscape(after)); l.status != 400 {
				t.Errorf("after %q: %d", after, l.status)
			}
		}
		s.clock.advance(31 * 24 * time.Hour)
		c.signIn(p)
		s.app.cleanOnce(t.Context())
		if got := entries(c.shows("/ui/history")); len(got) != 1 {
			t.Errorf("after a month there are %v", got)
		}
	})
}

// pagesWithKeys is the page of one's own account, with keys.
var pagesWithKeys = withKeys("passwordless: true, ", "") + `    settings: {ui_url: ""}
    login: {ui_url: ""}
    error: {ui_url: ""}
`

// TestPagesKeys: people see when they added and used their keys, and call them what they
// like, whatever that is.
func TestPagesKeys(t *testing.T) {
	onEach(t, pagesWithKeys, func(t *testing.T, s *server) {
		owner, p := s.client(t, script), s.person(t)
		owner.signIn(p)
		key, passkey := ceremonytest.New(t, keyPage), ceremonytest.New(t, keyPage)
		passkey.Count = 0
		owner.addsKey(key)
		owner.addsPasskey(passkey)
		s.clock.advance(25 * time.Hour)
		d := s.client(t, script)
		usesPasskey(d, d.begin("login", ""), passkey).is(200)
		c := s.client(t, page)
		c.signIn(p)
		form := func(kind string) string { return kind + "-" + kind + "-remove" }
		l := c.shows("/ui/settings")
		day := s.clock.now().UTC().Format("2 January 2006")
		if got := text(l.byID(form("passkey") + "-what")); !strings.Contains(got, "Last used: "+day) || !strings.Contains(got, "Added: ") {
			t.Errorf("of the passkey it says %q", got)
		}
		if got := text(l.byID(form("webauthn") + "-what")); strings.Contains(got, "Last used") || !strings.HasPrefix(got, "my key") {
			t.Errorf("of the key it says %q", got)
		}
		for _, name := range append([]string{"Büro", "مفتاح"}, hostileValues...) {
			if len(name) > 100 || strings.ContainsAny(name, "\r\n\x02\x03") {
				continue
			}
			l = c.arrive(c.presses(l, form("webauthn")+"-rename", "", fields{"name": name}))
			if said := l.byID("status"); said == nil || text(said) != "Your changes are saved." {
				t.Errorf("nothing is said of the new name: %s", l.body)
			}
			for _, wrong := range harmless(l, s.public) {
				t.Errorf("a key that is called %q: %s", name, wrong)
			}
			field := l.byID(form("webauthn") + "-rename-name")
			if field == nil || attribute(field, "value") != name {
				t.Fatalf("it is not called %q: %s", name, l.body)
			}
		}
		before := text(l.byID(form("webauthn") + "-what"))
		for _, name := range []string{"", " ", strings.Repeat("x", 101), "a\nb"} {
			if l := c.arrive(c.presses(l, form("webauthn")+"-rename", "", fields{"name": name})); l.byID("error-id") == nil {
				t.Errorf("the name %q is no error: %s", name, l.body)
			}
		}
		if l = c.shows("/ui/settings"); text(l.byID(form("webauthn")+"-what")) != before {
			t.Errorf("it is called %s", text(l.byID(form("webauthn")+"-what")))
		}
		// A removal asks first, and names what it removes.
		l = c.arrive(c.presses(l, form("webauthn"), "webauthn_remove="+fmt.Sprintf("%x", key.ID), nil))
		if l.byID(form("webauthn")) != nil || l.byID(form("passkey")) == nil {
			t.Errorf("after the removal: %s", l.body)
		}
		// An old session leads to a proof, and back to the account.
		s.clock.advance(privileged)
		l = c.provesAgain(c.arrive(c.presses(l, form("passkey")+"-rename", "", fields{"name": "late"})), p)
		if l.title() != "My account" || attribute(l.byID(form("passkey")+"-rename-name"), "value") == "late" {
			t.Errorf("after a proof: %s", l.body)
		}
	})
}

// TestPagesDataHostile: whatever browsers call themselves, and wherever links say that
// they come from, a page shows it and nothing else.
func TestPagesDataHostile(t *testing.T) {
	s := start(t, setup{more: leavable})
	for _, value := range hostileValues {
		p := stranger()
		c := s.client(t, page)
		l := c.shows("/ui/registration")
		c.presses(l, "password", "method", fields{"traits.email": p.email, "traits.name": value, "password": p.password})
		f := c.begin("login", "refresh=true")
		c.submit(f, p.login(), "User-Agent", strings.Map(printable, value)).is(303)
		quoted := url.QueryEscape(value)
		see := func(paths ...string) {
			t.Helper()
			for _, path := range paths {
				l := c.arrive(c.get(path, "User-Agent", strings.Map(printable, value)))
				for _, wrong := range harmless(l, s.public) {
					t.Errorf("%s with %q: %s", path, value, wrong)
				}
				if l.status >= 500 {
					t.Errorf("%s with %q: %d", path, value, l.status)
				}
			}
		}
		see("/ui/history", "/ui/history?after="+quoted, "/ui/data?step="+quoted, "/ui/data?token="+quoted, "/ui/data?done="+quoted)
		c.presses(c.shows("/ui/data"), "delete", "", nil).is(303)
		see("/ui/data?return_to=" + quoted)
		c.signIn(p)
		see("/ui/data?return_to="+quoted, "/ui/welcome", "/ui/data?return_to="+url.QueryEscape("https://evil.example/"+value))
		l = c.shows("/ui/data?return_to=" + url.QueryEscape("https://evil.example/"))
		c.presses(l, "keep", "", nil).leads(303, s.public+"/ui/data")
	}
}

// TestPagesDataTokens: what the forms of these pages do, no other page can have done.
func TestPagesDataTokens(t *testing.T) {
	s := start(t, setup{more: leavable})
	c, p := s.client(t, page), s.person(t)
	c.signIn(p)
	other := s.client(t, page)
	other.signIn(p)
	for _, token := range []string{"", "x", csrfOf(other.shows("/ui/data"))} {
		if l := c.arrive(c.send("POST", deletionPath, url.Values{"csrf_token": {token}})); l.byID("error-id") == nil || s.dueAt(t, p) != "" {
			t.Errorf("deletion with the token %q: %s", token, l.body)
		}
	}
	for _, path := range []string{"/ui/data?done=deleted", "/ui/data?step=proven", "/ui/data?done=kept"} {
		if c.shows(path); s.dueAt(t, p) != "" {
			t.Errorf("looking at %s deletes the account", path)
		}
	}
}
