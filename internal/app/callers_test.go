package app

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"zelus/internal/v0alpha2"
)

// callers are the kinds of those who send a request, in the order of the table
// below: nobody; somebody with a session, whom the path is about; somebody else
// with a session; one with a revoked and one with an expired session; an
// administrator with a key, and one with a wrong one.
var callers = []string{"nobody", "somebody", "somebody else", "revoked", "expired", "key", "wrong key"}

// answersOf is what each kind of caller is answered on each route, in the order
// of callers; the admin server asks for a key. A route below the prefix of the
// v0alpha2 era is that of today. No request has a body or a query; what comes of
// it for those who may is the matter of other tests. Here it is about who may not.
var answersOf = []struct {
	want   string
	routes []string
}{
	// Open to all.
	{"200 200 200 200 200 200 200", []string{
		"GET /.well-known/ory/webauthn.js", "GET /.well-known/webauthn", "GET /admin/schemas", "GET /admin/schemas/{id}", "GET /admin/version", "GET /health/alive", "GET /health/ready", "GET /schemas",
		"GET /schemas/{id}", "GET /self-service/verification/api", "GET /self-service/verification/browser", "admin: GET /admin/health/alive", "admin: GET /admin/health/ready", "admin: GET /admin/version",
	}},
	// One's own session. What it lists and ends is one's own, whoever the path is about.
	{"401 200 200 401 401 401 401", []string{
		"CONNECT /sessions/whoami", "DELETE /sessions", "DELETE /sessions/whoami", "GET /self-service/account/export", "GET /self-service/account/credentials", "GET /self-service/account/deletion", "DELETE /self-service/account/deletion",
		"POST /self-service/account/deletion/undo", "GET /self-service/account/history", "GET /self-service/logout/browser", "GET /self-service/settings/api",
		"GET /self-service/settings/browser", "GET /sessions", "GET /sessions/trusted-devices", "DELETE /sessions/trusted-devices", "GET /sessions/whoami", "OPTIONS /sessions/whoami", "PATCH /sessions/whoami",
		"POST /sessions/whoami", "PUT /sessions/whoami", "TRACE /sessions/whoami",
	}},
	// Another session of one's own. That of somebody else is answered in the same way, and stays.
	{"401 204 204 401 401 401 401", []string{
		"DELETE /sessions/{id}", "DELETE /sessions/trusted-devices/{id}",
	}},
	// One's own key, of which none is named.
	{"401 400 400 401 401 401 401", []string{
		"PATCH /self-service/account/credentials/{type}/{key}", "POST /self-service/account/credentials/{type}/{key}",
	}},
	// One's own browser, while none is remembered.
	{"401 404 404 401 401 401 401", []string{
		"POST /sessions/trusted-devices",
	}},
	// One's own account, where nobody may delete it.
	{"401 404 404 401 401 401 401", []string{
		"POST /self-service/account/deletion",
	}},
	// Forms for those who are not signed in.
	{"200 400 400 200 200 200 200", []string{
		"GET /self-service/login/api", "GET /self-service/login/browser", "GET /self-service/recovery/api", "GET /self-service/recovery/browser",
		"GET /self-service/registration/api", "GET /self-service/registration/browser",
	}},
	// Submissions, which name no flow here, and signing out without a token.
	{"400 400 400 400 400 400 400", []string{
		"DELETE /self-service/logout/api", "GET /self-service/login", "GET /self-service/logout", "GET /self-service/recovery",
		"GET /self-service/registration", "GET /self-service/verification", "POST /self-service/login", "POST /self-service/recovery",
		"POST /self-service/registration", "POST /self-service/verification",
	}},
	// The account pages. Where another page is configured for a flow, it is begun for that one.
	{"303 303 303 303 303 303 303", []string{
		"/ui/", "GET /ui/login", "GET /ui/recovery", "GET /ui/registration", "GET /ui/settings", "GET /ui/verification",
	}},
	{"303 200 200 303 303 303 303", []string{
		"GET /ui/data", "GET /ui/history", "GET /ui/logout", "GET /ui/sessions", "GET /ui/welcome",
	}},
	// Forms of pages, without the token that they carry.
	{"403 403 403 403 403 403 403", []string{
		"POST /ui/language", "POST /ui/logout", "POST /ui/sessions", "POST /ui/welcome",
	}},
	// Flows and errors, of which none is named; a folder that has no page.
	{"404 404 404 404 404 404 404", []string{
		"GET /dev/", "GET /ui/assets/{name}", "GET /ui/error", "GET /{$}", "GET /self-service/account/deletion/undo", "GET /self-service/errors", "GET /self-service/login/flows", "GET /self-service/recovery/flows",
		"GET /self-service/registration/flows", "GET /self-service/verification/flows",
	}},
	// One's own account: a form of it, of which none is named.
	{"401 400 400 401 401 401 401", []string{
		"GET /self-service/settings", "POST /self-service/settings",
	}},
	{"401 404 404 401 401 401 401", []string{
		"GET /self-service/settings/flows",
	}},
	// On the public server: the way to the admin server.
	{"307 307 307 307 307 307 307", []string{
		"DELETE /admin/identities/{id}", "DELETE /admin/identities/{id}/credentials/{type}", "DELETE /admin/identities/{id}/sessions",
		"DELETE /identities/{id}", "DELETE /identities/{id}/credentials/{type}", "DELETE /identities/{id}/sessions", "GET /admin/identities",
		"GET /admin/identities/by/external/{external}", "GET /admin/identities/{id}", "GET /identities", "GET /identities/by/external/{external}",
		"GET /identities/{id}", "GET /admin/courier/messages", "GET /admin/courier/messages/{id}", "PATCH /admin/identities/{id}", "PATCH /identities/{id}", "POST /admin/identities", "POST /identities",
		"POST /admin/recovery/code", "POST /admin/recovery/link", "POST /recovery/code", "POST /recovery/link", "PUT /admin/identities/{id}", "PUT /identities/{id}",
	}},
	// On the admin server: the way to the public server.
	{"401 401 401 401 401 307 401", []string{
		"admin: /admin/self-service/", "admin: CONNECT /admin/sessions/whoami", "admin: DELETE /admin/sessions", "admin: DELETE /admin/sessions/whoami",
		"admin: GET /admin/schemas", "admin: GET /admin/schemas/{id}", "admin: GET /admin/sessions/whoami", "admin: OPTIONS /admin/sessions/whoami",
		"admin: PATCH /admin/sessions/whoami", "admin: POST /admin/sessions/whoami", "admin: PUT /admin/sessions/whoami",
		"admin: TRACE /admin/sessions/whoami",
	}},
	// For administrators.
	{"401 401 401 401 401 404 401", []string{
		"admin: /api/kratos/admin/", "admin: DELETE /admin/keys/{id}", "admin: GET /admin/courier/messages/{id}", "admin: GET /admin/identities/by/external/{external}",
	}},
	{"401 401 401 401 401 200 401", []string{
		"admin: GET /admin/courier/messages", "admin: GET /admin/health/config", "admin: GET /admin/identities", "admin: GET /admin/identities/{id}", "admin: GET /admin/metrics/prometheus",
		"admin: GET /admin/identities/{id}/history", "admin: GET /admin/identities/{id}/sessions", "admin: GET /admin/identities/{id}/trusted-devices", "admin: GET /admin/keys", "admin: GET /admin/sessions/{id}",
		"admin: PATCH /admin/sessions/{id}/extend",
	}},
	{"401 401 401 401 401 204 401", []string{
		"admin: DELETE /admin/identities/{id}", "admin: DELETE /admin/identities/{id}/sessions", "admin: DELETE /admin/identities/{id}/trusted-devices", "admin: DELETE /admin/sessions/{id}",
	}},
	{"401 401 401 401 401 400 401", []string{
		"admin: DELETE /admin/identities/{id}/credentials/{type}", "admin: PATCH /admin/identities", "admin: PATCH /admin/identities/{id}",
		"admin: POST /admin/identities", "admin: POST /admin/keys", "admin: POST /admin/recovery/code", "admin: POST /admin/recovery/link",
		"admin: PUT /admin/identities/{id}",
	}},
}

// TestEveryRouteForEveryCaller asks for each route that the routers know as
// each kind of caller. A route without a row fails. Whoever has no business
// with somebody's account must leave it as it was.
func TestEveryRouteForEveryCaller(t *testing.T) {
	s := start(t, setup{more: "serve: {admin: {require_key: true}}\n" + byLink})
	_, key := s.newKey(t, 0)
	s.key = key
	gone := s.client(t, app)
	gone.signIn(s.person(t))
	expired := gone.token
	s.clock.advance(sessionLifespan)
	gone.signIn(s.person(t))
	revoked := gone.token
	s.operator(t).send("DELETE", "/admin/sessions/"+gone.whoami().is(200).at("id").String(), nil).is(204)

	answers, seen := map[string]string{}, map[string]bool{}
	for _, row := range answersOf {
		for _, route := range row.routes {
			answers[route] = row.want
		}
	}
	for base, patterns := range map[string][]string{s.public: s.app.publicRoutes().patterns, s.admin: s.app.adminRoutes().patterns} {
		for _, pattern := range patterns {
			row := pattern
			if old, ok := today(pattern); ok {
				row = old
			}
			if base == s.admin || strings.Contains(pattern, v0alpha2.AdminPrefix) {
				row = "admin: " + row
			}
			seen[row] = true
			want, ok := answers[row]
			var got []string
			for _, caller := range callers {
				p := s.person(t)
				own, other, c := s.client(t, app), s.client(t, app), s.client(t, app)
				own.signIn(p)
				other.signIn(p)
				before := s.holder(t, key).get("/admin/identities/" + p.id).is(200)
				c.base = base
				switch caller {
				case "somebody":
					c.token = own.token
				case "somebody else":
					c.signInAt(s, s.person(t))
				case "revoked":
					c.token = revoked
				case "expired":
					c.token = expired
				case "key":
					c.key = key
				case "wrong key":
					c.key = key[:len(key)-1] + "!"
				}
				method, path := request(pattern, p, other)
				got = append(got, fmt.Sprint(c.send(method, path, nil).status))
				if caller == "somebody" || caller == "key" {
					continue
				}
				if after := s.holder(t, key).get("/admin/identities/" + p.id); string(after.body) != string(before.body) {
					t.Errorf("%s has changed an account by %s: %s", caller, pattern, after.body)
				}
				if own.whoami().status != 200 || other.whoami().status != 200 {
					t.Errorf("%s has ended a session by %s", caller, pattern)
				}
			}
			if answered := strings.Join(got, " "); !ok {
				t.Errorf("no row for the route %s, which answers %s", row, answered)
			} else if answered != want {
				t.Errorf("%s answers %s, want %s", pattern, answered, want)
			}
		}
	}
	for _, row := range slices.Sorted(maps.Keys(answers)) {
		if !seen[row] {
			t.Errorf("there is no route %s", row)
		}
	}
}

// today is the route of today that answers on a route of the v0alpha2 era.
func today(pattern string) (string, bool) {
	method, path, _ := strings.Cut(pattern, " ")
	for _, r := range v0alpha2.Routes() {
		if v0alpha2.Prefix+r.Old == path && slices.Contains(r.Patterns(), pattern) {
			return method + " " + r.Today, true
		}
	}
	return "", false
}

// signInAt signs a person in at the public server, whatever the client's base is.
func (c *client) signInAt(s *server, p person) {
	c.t.Helper()
	other := s.client(c.t, app)
	other.signIn(p)
	c.token = other.token
}

// request is a request for a route that is about a person, or about the session
// of one of their clients.
func request(pattern string, p person, other *client) (method, path string) {
	method, path, ok := strings.Cut(pattern, " ")
	if !ok {
		method, path = "GET", pattern
	}
	id := p.id
	switch {
	case strings.Contains(path, "/sessions/{id}"):
		id = other.whoami().at("id").String()
	case strings.Contains(path, "/schemas/{id}"):
		id = "person"
	}
	return method, strings.NewReplacer("{id}", id, "{type}", "password", "{key}", "00", "{external}", "nobody", "{name}", "nothing", "{$}", "").Replace(path)
}
