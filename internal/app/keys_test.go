package app

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"

	"zelus/internal/adminkey"
	"zelus/internal/config"
	"zelus/internal/secret"
	"zelus/internal/store"
)

// otherProcess is what another program, such as zelus keys, has of the server's
// keys: another connection to the same database, and the same secrets.
func (s *server) otherProcess(t testing.TB) *adminkey.Keys {
	t.Helper()
	logger := slog.New(slog.DiscardHandler)
	st, err := Open(t.Context(), s.app.Config().DSN, store.Options{Clock: s.clock.now, Logger: logger})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { st.Close() })
	keys, err := adminkey.New(st, s.clock.now, logger, adminkey.Settings{Secrets: s.app.Config().Secrets.Default})
	if err != nil {
		t.Fatal(err)
	}
	return keys
}

// newKey makes a key from outside. lifetime is how long it is good, 0 for ever.
func (s *server) newKey(t testing.TB, lifetime time.Duration) (id uuid.UUID, key string) {
	t.Helper()
	var expires *time.Time
	if lifetime > 0 {
		end := s.clock.now().Add(lifetime)
		expires = &end
	}
	made, key, err := s.otherProcess(t).Create(t.Context(), "of a test", expires)
	if err != nil {
		t.Fatal(err)
	}
	return made.ID, key
}

// stranger is a client of the admin server without a key.
func (s *server) stranger(t testing.TB) *client {
	t.Helper()
	c := s.operator(t)
	c.key = ""
	return c
}

// holder is a client of the admin server with this key.
func (s *server) holder(t testing.TB, key string) *client {
	t.Helper()
	c := s.operator(t)
	c.key = key
	return c
}

// challenged ends the test unless a request was refused for its key.
func (a answer) challenged(id string) answer {
	a.t.Helper()
	a.refused(401, id)
	if got := a.header.Values("WWW-Authenticate"); len(got) != 1 || !strings.HasPrefix(got[0], "Bearer ") {
		a.t.Errorf("%s: WWW-Authenticate is %q", a.what, got)
	}
	return a
}

// tellsNoKey complains if a part of these keys is in the log.
func (s *server) tellsNoKey(t testing.TB, keys ...string) {
	t.Helper()
	said := s.log.String()
	for _, key := range keys {
		random := strings.TrimPrefix(key, "zelus_key_")
		for from := 0; from+8 <= len(random); from++ {
			if strings.Contains(said, random[from:from+8]) {
				t.Fatalf("the log holds a part of a key: %s", said)
			}
		}
	}
}

const requireKey = "serve: {admin: {require_key: true}}\n"

// TestEveryAdminRouteAsksForAKey goes through the routes as the router knows
// them, and through paths that are none.
func TestEveryAdminRouteAsksForAKey(t *testing.T) {
	onEach(t, requireKey, func(t *testing.T, s *server) {
		open := map[string]bool{"GET /admin/health/alive": true, "GET /admin/health/ready": true, "GET /admin/version": true}
		_, key := s.newKey(t, 0)
		without, with := s.stranger(t), s.holder(t, key)
		p := uuid.NewString()
		fill := strings.NewReplacer("{id}", p, "{external}", "x", "{type}", "password", "/admin/self-service/", "/admin/self-service/login/browser")
		patterns := s.app.adminRoutes().patterns
		if len(patterns) < 20 {
			t.Errorf("there are only %d routes: this test sees nothing", len(patterns))
		}
		for _, pattern := range patterns {
			method, path, restricted := strings.Cut(pattern, " ")
			methods := []string{method}
			if !restricted {
				methods, path = []string{"GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"}, pattern
			}
			path = fill.Replace(path)
			if strings.ContainsAny(path, "{}") || !strings.HasPrefix(path, "/admin/") {
				t.Errorf("the test cannot fill in %q", pattern)
			}
			for _, method := range methods {
				for _, path := range []string{path, strings.TrimPrefix(path, "/admin")} {
					if open[pattern] {
						without.send(method, path, nil).is(200)
						without.send(method, path, nil, "Authorization", "Bearer wrong").is(200)
						continue
					}
					without.send(method, path, nil).challenged("admin_key_required")
					if a := without.send("HEAD", path, nil); a.status != 401 || len(a.body) > 0 {
						t.Errorf("HEAD %s: %d", path, a.status)
					}
					if a := with.send(method, path, nil); a.status == 401 {
						t.Errorf("%s %s: %s", method, path, a.body)
					}
				}
			}
			delete(open, pattern)
		}
		if len(open) > 0 {
			t.Errorf("these routes are not there: %v", open)
		}
		// Who has no key does not learn what there is, however the path is written.
		for _, path := range []string{"/", "/admin", "/admin/", "/nothing", "/admin/nothing", "/admin/keys/x/y", "/admin//health/alive", "//admin/health/alive",
			"/admin/health", "/admin/health/", "/admin/health/alive/", "/admin/health/alive/x", "/admin/health/../identities", "/admin/health/alive/../../identities",
			"/admin/./version", "/admin/version/..", "/admin/health%2Falive", "/admin/health/%61live", "/admin%2Fversion", "/Admin/version", "/admin/Version", "/admin/version%00",
			"/admin/admin/version", "/admin/health/alive;x", "/health/config", "/admin/health/config", "/admin/identities/health/alive"} {
			for _, method := range []string{"GET", "POST", "DELETE", "OPTIONS", "PROPFIND"} {
				without.send(method, path, nil).challenged("admin_key_required")
			}
		}
		with.get("/admin/nothing").is(404)
		without.get("/admin/version?x=/admin/identities").is(200)
		if a := without.send("DELETE", "/admin/version", nil); a.status != 405 {
			t.Errorf("DELETE /admin/version: %d", a.status)
		}
		// The public server is for everybody.
		s.client(t, app).get("/health/ready").is(200)
		s.client(t, app).get("/admin/schemas").is(200)
	})
}

// TestKeyDenials: what is not a good key in its place does not open the server,
// and is not in the log.
func TestKeyDenials(t *testing.T) {
	onEach(t, "log: {level: debug}\n", func(t *testing.T, s *server) {
		_, key := s.newKey(t, 0)
		_, other := s.newKey(t, 0)
		_, short := s.newKey(t, time.Hour)
		gone, revoked := s.newKey(t, 0)
		if err := s.otherProcess(t).Revoke(t.Context(), gone); err != nil {
			t.Fatal(err)
		}
		c := s.stranger(t)
		const path = "/admin/identities"
		good := "Bearer " + key
		c.get(path, "Authorization", "Bearer "+short).is(200)
		s.clock.advance(time.Hour)
		cased := key[:len(key)-5] + strings.ToUpper(key[len(key)-5:])
		if cased == key {
			cased = key[:len(key)-5] + strings.ToLower(key[len(key)-5:])
		}
		for what, test := range map[string]struct {
			id      string
			headers []string
		}{
			"wrong":                      {"admin_key_invalid", []string{"Authorization", "Bearer " + secret.Token("zelus_key_", 43)}},
			"truncated by one":           {"admin_key_invalid", []string{"Authorization", good[:len(good)-1]}},
			"extended":                   {"admin_key_invalid", []string{"Authorization", good + "a"}},
			"another case":               {"admin_key_invalid", []string{"Authorization", "Bearer " + cased}},
			"expired":                    {"admin_key_expired", []string{"Authorization", "Bearer " + short}},
			"revoked":                    {"admin_key_revoked", []string{"Authorization", "Bearer " + revoked}},
			"Basic":                      {"admin_key_required", []string{"Authorization", "Basic " + key}},
			"empty":                      {"admin_key_required", []string{"Authorization", ""}},
			"no key":                     {"admin_key_invalid", []string{"Authorization", "Bearer"}},
			"10,000 bytes":               {"admin_key_invalid", []string{"Authorization", "Bearer " + strings.Repeat("k", 10_000)}},
			"two headers":                {"admin_key_invalid", []string{"Authorization", good, "Authorization", "Bearer " + other}},
			"two headers, first wrong":   {"admin_key_invalid", []string{"Authorization", "Bearer x", "Authorization", good}},
			"two headers, second wrong":  {"admin_key_invalid", []string{"Authorization", good, "Authorization", "Bearer x"}},
			"two headers, the same":      {"admin_key_invalid", []string{"Authorization", good, "Authorization", good}},
			"as a session token":         {"admin_key_required", []string{"X-Session-Token", key}},
			"as a cookie":                {"admin_key_required", []string{"Cookie", "Authorization=" + key}},
			"nothing":                    {"admin_key_required", nil},
			"meant for the proxy before": {"admin_key_required", []string{"Proxy-Authorization", good}},
		} {
			if a := c.get(path, test.headers...); a.status != 401 || a.at("error.id").String() != test.id {
				t.Errorf("%s: %d %s, want 401 %s", what, a.status, a.body, test.id)
			} else {
				a.challenged(test.id)
			}
		}
		for _, query := range []string{"?key=", "?access_token=", "?authorization=", "?Authorization=Bearer+"} {
			c.get(path + query + key).challenged("admin_key_required")
		}
		c.send("POST", path, "access_token="+key).challenged("admin_key_required")
		c.send("POST", path, map[string]any{"key": key}).challenged("admin_key_required")
		c.get(path, "Authorization", good).is(200)
		c.get(path, "Authorization", "bEARER "+key).is(200)

		s.tellsNoKey(t, key, other, short, revoked)
		for _, why := range []string{"malformed", "invalid", "expired", "revoked"} {
			if n := strings.Count(s.log.String(), "reason="+why+" count=1\n"); n != 1 {
				t.Errorf("the log tells of keys that are %s %d times", why, n)
			}
		}
	})
}

// TestKeyLife makes, uses, lists and ends keys over the API. The first one
// closes the server.
func TestKeyLife(t *testing.T) {
	onEach(t, "", func(t *testing.T, s *server) {
		o := s.stranger(t)
		if got := string(o.get("/admin/keys").is(200).body); got != "[]" {
			t.Errorf("at first there is %s", got)
		}
		first := o.send("POST", "/admin/keys", map[string]any{"name": "first"}).is(201)
		key, id := first.at("key").String(), first.at("id").String()
		if got := first.header.Get("Cache-Control"); got != "no-store" {
			t.Errorf("Cache-Control is %q", got)
		}
		if want := `{"id":"` + id + `","name":"first","state":"live","created_at":"2026-05-04T08:30:00Z","expires_at":null,"revoked_at":null,"last_used_at":null,"key":"` + key + `"}`; string(first.body) != want {
			t.Errorf("got %s, want %s", first.body, want)
		}
		o.get("/admin/keys").challenged("admin_key_required")
		o = s.holder(t, key)
		s.clock.advance(time.Second)
		second := o.send("POST", "/keys", map[string]any{"name": "second", "expires_in": "90d", "expires_at": nil}).is(201)
		s.clock.advance(time.Second)
		third := o.send("POST", "/admin/keys", map[string]any{"name": "third", "expires_at": "2026-05-04T10:30:02+01:00"}).is(201)
		for a, want := range map[*answer]string{&second: "2026-08-02T08:30:01Z", &third: "2026-05-04T09:30:02Z"} {
			if got := a.at("expires_at").String(); got != want {
				t.Errorf("the %s key expires at %s, want %s", a.at("name"), got, want)
			}
		}
		list := o.get("/admin/keys").is(200)
		if got := list.at("#.name").String(); got != `["first","second","third"]` || list.at("0.last_used_at").String() != "2026-05-04T08:30:01Z" || list.at("1.last_used_at").Type.String() != "Null" {
			t.Errorf("the list is %s", list.body)
		}
		if got := len(list.at("0").Map()); got != 7 {
			t.Errorf("a key has %d fields in the list: %s", got, list.body)
		}
		s.holder(t, third.at("key").String()).get("/admin/identities").is(200)

		path := "/admin/keys/" + second.at("id").String()
		for range 2 {
			if a := o.send("DELETE", path, nil).is(204); len(a.body) > 0 {
				t.Errorf("got %s", a.body)
			}
			s.clock.advance(time.Hour)
		}
		if got := o.get("/admin/keys").at("1.state").String(); got != "revoked" {
			t.Errorf("its state is %q", got)
		}
		if got := o.get("/admin/keys").at("1.revoked_at").String(); got != "2026-05-04T08:30:02Z" {
			t.Errorf("revoked_at is %s", got)
		}
		s.holder(t, second.at("key").String()).get("/admin/identities").challenged("admin_key_revoked")
		s.holder(t, third.at("key").String()).get("/admin/identities").challenged("admin_key_expired")
		for _, unknown := range []string{uuid.NewString(), "x", "first", strings.ReplaceAll(id, "-", ""), "{" + id + "}", "%00", uuid.Nil.String()} {
			o.send("DELETE", "/admin/keys/"+unknown, nil).refused(404, "admin_key_not_found")
		}

		for _, test := range []struct {
			body any
			id   string
		}{
			{map[string]any{}, "admin_key_name_invalid"},
			{map[string]any{"name": ""}, "admin_key_name_invalid"},
			{map[string]any{"name": "a\nb"}, "admin_key_name_invalid"},
			{map[string]any{"name": strings.Repeat("n", 101)}, "admin_key_name_invalid"},
			{map[string]any{"name": "x", "expires_in": ""}, "admin_key_expiry_invalid"},
			{map[string]any{"name": "x", "expires_in": "0d"}, "admin_key_expiry_invalid"},
			{map[string]any{"name": "x", "expires_in": "-1d"}, "admin_key_expiry_invalid"},
			{map[string]any{"name": "x", "expires_in": "11y"}, "admin_key_expiry_invalid"},
			{map[string]any{"name": "x", "expires_in": "4000d"}, "admin_key_expiry_invalid"},
			{map[string]any{"name": "x", "expires_at": ""}, "admin_key_expiry_invalid"},
			{map[string]any{"name": "x", "expires_at": "tomorrow"}, "admin_key_expiry_invalid"},
			{map[string]any{"name": "x", "expires_at": "0001-01-01T00:00:00Z"}, "admin_key_expiry_invalid"},
			{map[string]any{"name": "x", "expires_at": "2026-05-04T08:30:00Z"}, "admin_key_expiry_invalid"},
			{map[string]any{"name": "x", "expires_at": "2046-05-04T08:30:00Z"}, "admin_key_expiry_invalid"},
			{map[string]any{"name": "x", "expires_in": "1d", "expires_at": "2027-05-04T08:30:00Z"}, "admin_key_expiry_invalid"},
			{map[string]any{"name": "x", "expires_in": 90}, "body_malformed"},
			{map[string]any{"name": "x", "expires": "90d"}, "body_malformed"},
			{map[string]any{"name": 1}, "body_malformed"},
			{`{"name":"x","name":"y"}`, "body_malformed"},
			{`[]`, "body_malformed"},
			{``, "body_malformed"},
		} {
			o.send("POST", "/admin/keys", test.body).refused(400, test.id)
		}
		o.send("POST", "/admin/keys", map[string]any{"name": "x"}, "Origin", "https://evil.example", "Sec-Fetch-Site", "cross-site").refused(403, "security_csrf_violation")
		if got := o.get("/admin/keys").at("#").Int(); got != 3 {
			t.Errorf("there are %d keys", got)
		}
		// A key may end itself, and nothing opens by that.
		o.send("DELETE", "/admin/keys/"+id, nil).is(204)
		o.get("/admin/keys").challenged("admin_key_revoked")
		s.stranger(t).get("/admin/keys").challenged("admin_key_required")

		said := s.said.String()
		for _, a := range []answer{first, second, third} {
			if n := strings.Count(said, a.at("key").String()); n != 1 {
				t.Errorf("the %s key was answered %d times", a.at("name"), n)
			}
		}
		s.tellsNoKey(t, key, second.at("key").String(), third.at("key").String())
	})
}

// TestRequireKey: the three states of the setting, and the ways between them
// while the server runs.
func TestRequireKey(t *testing.T) {
	onEach(t, "", func(t *testing.T, s *server) {
		open := func(what string) {
			t.Helper()
			s.stranger(t).get("/admin/identities").is(200)
			if a := s.stranger(t).get("/admin/identities", "Authorization", "Bearer x"); a.status != 200 {
				t.Errorf("%s, with something that is no key: %d", what, a.status)
			}
		}
		closed := func() {
			t.Helper()
			s.stranger(t).get("/admin/identities").challenged("admin_key_required")
		}
		open("unset, no key")
		// The revision is behind the guard, so that the key comes first.
		s.reconfigure(t, "serve: {admin: {require_key: false}}")
		id, key := s.newKey(t, 0)
		s.key = key
		open("false, a key")
		s.reconfigure(t, requireKey)
		closed()
		s.operator(t).get("/admin/identities").is(200)
		s.reconfigure(t, "{}")
		closed()
		s.reconfigure(t, "serve: {admin: {require_key: false}}")
		open("false again")
		if err := s.otherProcess(t).Revoke(t.Context(), id); err != nil {
			t.Fatal(err)
		}
		open("false, a revoked key")
		s.write(t, "{}")
		eventually(t, "the server closes", func() bool { return s.stranger(t).get("/admin/identities").status == 401 })
		s.operator(t).get("/admin/identities").challenged("admin_key_revoked")
	})
}

// TestRequiredFromTheStart: without any key nobody is let in.
func TestRequiredFromTheStart(t *testing.T) {
	onEach(t, requireKey, func(t *testing.T, s *server) {
		s.stranger(t).get("/admin/identities").challenged("admin_key_required")
		s.stranger(t).send("POST", "/admin/keys", map[string]any{"name": "first"}).challenged("admin_key_required")
		_, key := s.newKey(t, 0)
		s.holder(t, key).get("/admin/identities").is(200)
	})
}

// TestFirstKeyClosesTheServer: a server that is open closes as soon as another
// process has made the first key, and no end of that key opens it again.
func TestFirstKeyClosesTheServer(t *testing.T) {
	onEach(t, "", func(t *testing.T, s *server) {
		p := s.person(t)
		s.stranger(t).get("/admin/identities/" + p.id).is(200)
		id, key := s.newKey(t, time.Hour)
		s.stranger(t).get("/admin/identities/" + p.id).challenged("admin_key_required")
		s.stranger(t).send("DELETE", "/admin/identities/"+p.id, nil).challenged("admin_key_required")
		s.holder(t, key).get("/admin/identities/" + p.id).is(200)
		s.clock.advance(time.Hour)
		s.stranger(t).get("/admin/identities/" + p.id).challenged("admin_key_required")
		if err := s.otherProcess(t).Revoke(t.Context(), id); err != nil {
			t.Fatal(err)
		}
		s.stranger(t).get("/admin/identities/" + p.id).challenged("admin_key_required")
		s.client(t, app).signIn(p)
	})
}

// TestKeysAfterRotation: keys go on working with a new secret, and those that
// were used since need the old one no more.
func TestKeysAfterRotation(t *testing.T) {
	onEach(t, "", func(t *testing.T, s *server) {
		_, s.key = s.newKey(t, 0)
		_, unused := s.newKey(t, 0)
		s.reconfigure(t, "secrets: {cookie: [a-newer-cookie-secret-of-these-tests, a-cookie-secret-that-only-tests-use]}")
		s.operator(t).get("/admin/identities").is(200)
		s.reconfigure(t, "secrets: {cookie: [a-newer-cookie-secret-of-these-tests]}")
		s.operator(t).get("/admin/identities").is(200)
		s.holder(t, unused).get("/admin/identities").challenged("admin_key_invalid")
	})
}

// TestKeysAtOnce: of requests that come in together, each has its own answer.
func TestKeysAtOnce(t *testing.T) {
	onEach(t, "", func(t *testing.T, s *server) {
		_, key := s.newKey(t, 0)
		with, without := s.holder(t, key), s.stranger(t)
		var all sync.WaitGroup
		for range 16 {
			all.Go(func() {
				if a, err := with.try("GET", "/admin/identities", nil); err != nil || a.status != 200 {
					t.Errorf("with a key: %v %d %s", err, a.status, a.body)
				}
			})
			all.Go(func() {
				if a, err := without.try("GET", "/admin/identities", nil); err != nil || a.status != 401 {
					t.Errorf("without a key: %v %d %s", err, a.status, a.body)
				}
			})
		}
		all.Wait()
		if got := with.get("/admin/keys").at("0.last_used_at").String(); got != "2026-05-04T08:30:00Z" {
			t.Errorf("last_used_at is %s", got)
		}
	})
}

// TestKeyQueries holds what the guard of the admin server costs.
func TestKeyQueries(t *testing.T) {
	onEach(t, "", func(t *testing.T, s *server) {
		costs := func(what string, want int, request func() answer, status int) {
			t.Helper()
			ran := s.statements.during(func() { request().is(status) })
			if len(ran) != want {
				t.Errorf("%s: %d statements, want %d:\n%s", what, len(ran), want, strings.Join(ran, "\n"))
			}
		}
		get := func(key, path string) func() answer {
			c := s.holder(t, key)
			return func() answer { return c.get(path) }
		}
		// Schemas lead to the public server, and cost nothing by themselves.
		const free = "/admin/schemas"
		costs("open, no key", 1, get("", free), 307)
		s.reconfigure(t, "serve: {admin: {require_key: false}}")
		costs("not required", 0, get("", free), 307)
		costs("not required, with something", 0, get("x", free), 307)
		id, key := s.newKey(t, 0)
		_, other := s.newKey(t, 0)
		s.key = key
		s.reconfigure(t, "{}") // the guard sees that there is a key, and notes its use

		costs("without a key", 0, get("", free), 401)
		costs("not like a key", 0, get("x", free), 401)
		costs("wrong", 1, get(secret.Token("zelus_key_", 43), free), 401)
		costs("right, the first time", 2, get(other, free), 307)
		costs("right", 1, get(other, free), 307)
		costs("right, a path that is none", 1, get(other, "/nothing"), 404)
		costs("alive", 0, get("", "/admin/health/alive"), 200)
		costs("version", 0, get("", "/admin/version"), 200)
		costs("version, with a key", 0, get(other, "/admin/version"), 200)
		s.clock.advance(time.Hour)
		costs("right, an hour later", 2, get(other, free), 307)
		costs("get an identity", 1+2, get(other, "/admin/identities/"+s.person(t).id), 200)

		costs("list keys", 1+1, get(other, "/admin/keys"), 200)
		o := s.holder(t, other)
		costs("make a key", 1+1, func() answer { return o.send("POST", "/admin/keys", map[string]any{"name": "n"}) }, 201)
		costs("revoke a key", 1+1, func() answer { return o.send("DELETE", "/admin/keys/"+id.String(), nil) }, 204)
		costs("revoked", 1, get(key, free), 401)
	})
}

// TestUnmigratedTellsWhy: before its tables are there a server says so to
// operators, unless they have to have a key, which nobody can have.
func TestUnmigratedTellsWhy(t *testing.T) {
	const strong = "dev: false\nhashers: {bcrypt: {cost: 12}}\n"
	for more, want := range map[string]bool{strong: true, strong + requireKey: false} {
		s := start(t, setup{dsn: postgresDSN(t), more: more})
		a := s.stranger(t).get("/health/ready").refused(503, "not_ready")
		if told := strings.Contains(a.at("error.reason").String(), "zelus migrate sql up"); told != want {
			t.Errorf("%s: %s", more, a.body)
		}
		s.client(t, app).get("/health/ready").refused(503, "not_ready")
		s.stranger(t).get("/health/alive").is(200)
	}
}

// TestKeyAdvice: who starts a server is told what to do about keys.
func TestKeyAdvice(t *testing.T) {
	everywhere, loopback := &net.TCPAddr{IP: net.IPv4zero, Port: 4434}, &net.TCPAddr{IP: net.IPv4(127, 1, 2, 3), Port: 4434}
	const open, nobody = "THE ADMIN API IS OPEN", "nobody can use the admin API"
	const no = "serve: {admin: {require_key: false}}\n"
	for _, test := range []struct {
		more string
		key  bool
		at   net.Addr
		want string
	}{
		{"", false, everywhere, open},
		{"", false, &net.TCPAddr{IP: net.IPv6unspecified, Port: 4434}, open},
		{"", false, &net.TCPAddr{IP: net.IPv4(10, 0, 0, 1), Port: 4434}, open},
		{"", false, &net.TCPAddr{IP: net.ParseIP("fe80::1"), Zone: "eth0", Port: 4434}, open},
		{"", false, loopback, ""},
		{"", false, &net.TCPAddr{IP: net.IPv6loopback, Port: 4434}, ""},
		{"", false, &net.UnixAddr{Name: "/run/zelus.sock", Net: "unix"}, ""},
		{"", true, everywhere, ""},
		{requireKey, false, everywhere, nobody},
		{requireKey, false, loopback, nobody},
		{requireKey, true, everywhere, ""},
		{no, false, everywhere, ""},
		{no, true, everywhere, ""},
	} {
		s := start(t, setup{more: test.more})
		if test.key {
			s.newKey(t, 0)
		}
		s.app.adviseKeys(t.Context(), s.app.Config(), test.at)
		said := s.log.String()
		for _, sentence := range []string{open, nobody} {
			want := 0
			if sentence == test.want {
				want = 1
			}
			if got := strings.Count(said, sentence); got != want {
				t.Errorf("%q, key %t, at %v: %q is said %d times, want %d", test.more, test.key, test.at, sentence, got, want)
			}
		}
		if test.want != "" && !strings.Contains(said, "zelus keys create") {
			t.Errorf("it is not said what to do: %s", said)
		}
	}
}

// TestKeyAdviceAtTheStart: it is the address of the admin server that counts,
// and it is said once.
func TestKeyAdviceAtTheStart(t *testing.T) {
	for _, test := range []struct {
		public, admin string
		want          int
	}{{"0.0.0.0", "127.0.0.1", 0}, {"127.0.0.1", "0.0.0.0", 1}, {"0.0.0.0", "localhost", 0}} {
		public, admin := freePorts(t)
		environ := append(environment(t, "memory"), "SERVE_PUBLIC_HOST="+test.public, "SERVE_ADMIN_HOST="+test.admin,
			fmt.Sprint("SERVE_PUBLIC_PORT=", public), fmt.Sprint("SERVE_ADMIN_PORT=", admin))
		log := &transcript{}
		a := open(t, Options{Config: config.Options{Environ: environ}, Log: log, Clock: time.Now})
		ctx, stop := context.WithCancel(t.Context())
		if err := a.Run(ctx, stop); err != nil {
			t.Fatal(err)
		}
		stop()
		if got := strings.Count(log.String(), "THE ADMIN API IS OPEN"); got != test.want {
			t.Errorf("%+v: it is said %d times: %s", test, got, log)
		}
	}
}

// freePorts are two ports that nobody listens at. Both are held until both are
// known, so that they differ.
func freePorts(t *testing.T) (one, other int) {
	t.Helper()
	var ports [2]int
	for i := range ports {
		l, err := net.Listen("tcp", "0.0.0.0:0")
		if err != nil {
			t.Fatal(err)
		}
		defer l.Close()
		ports[i] = l.Addr().(*net.TCPAddr).Port
	}
	return ports[0], ports[1]
}

// TestKeysFromElsewhere: a port that asks for no key gives none to those on
// other machines, so that being let in once is not being let in for ever.
func TestKeysFromElsewhere(t *testing.T) {
	s := start(t, setup{more: "serve: {admin: {require_key: false}}"})
	h := s.app.Admin()
	ask := func(peer, key string) int {
		r := httptest.NewRequest("POST", "/admin/keys", strings.NewReader(`{"name":"x"}`))
		r.Header.Set("Content-Type", "application/json")
		r.RemoteAddr, r.Host = peer, "localhost"
		if key != "" {
			r.Header.Set("Authorization", "Bearer "+key)
		}
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		return w.Code
	}
	for peer, want := range map[string]int{"10.1.2.3:555": 401, "[2001:db8::1]:555": 401, "127.0.0.1:555": 201, "[::1]:555": 201, "[::ffff:127.0.0.1]:5": 201, "@": 201} {
		if got := ask(peer, ""); got != want {
			t.Errorf("%s: %d, want %d", peer, got, want)
		}
	}
	_, key := s.newKey(t, 0)
	if got := ask("10.1.2.3:555", key); got != 201 {
		t.Errorf("with a key: %d", got)
	}
}

// TestNoAdminPrefix: the admin API of the v0alpha2 era can be switched off.
func TestNoAdminPrefix(t *testing.T) {
	s := start(t, setup{more: "serve: {admin: {require_key: false}, public: {admin_prefix: false}}"})
	c := s.oldOperator(t)
	for _, path := range []string{"/admin/identities", "/admin/nothing", "/admin/"} {
		c.get(path).is(404)
		s.client(t, app).get("/api/kratos" + path).is(404)
	}
	s.old(t, app).get("/health/alive").is(200)
}
