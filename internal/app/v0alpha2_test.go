package app

import (
	"net/url"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"zelus/internal/v0alpha2"
)

// old is a client of the v0alpha2 era: it knows the prefix and nothing else.
func (s *server) old(t testing.TB, how style) *client {
	t.Helper()
	c := s.client(t, how)
	c.base = s.public + v0alpha2.PublicPrefix
	return c
}

// oldOperator is one for administrators, with a key.
func (s *server) oldOperator(t testing.TB) *client {
	t.Helper()
	c := s.client(t, app)
	c.base = s.public + v0alpha2.Prefix
	_, c.key = s.newKey(t, 0)
	return c
}

// newer are fields that no answer had in that era, wherever they would stand.
var newer = []string{"devices", "organization_id", "external_id", "identity_schema", "continue_with", "transient_payload", "autocomplete", "maxlength",
	"onclickTrigger", "onload", "onloadTrigger", "options", "provider", "tokenized", "delete_at"}

// plain ends the test if an answer has a field that is newer than its client.
func (a answer) plain() answer {
	a.t.Helper()
	for _, field := range newer {
		if strings.Contains(string(a.body), `"`+field+`":`) {
			a.t.Fatalf("%s: the answer has %s: %s", a.what, field, a.body)
		}
	}
	if a.at("expired_at").Exists() {
		a.t.Fatalf("%s: the error says when the form expired: %s", a.what, a.body)
	}
	return a
}

// aged is plain, and ends the test too if the answer has an address that the
// client cannot reach.
func (a answer) aged() answer {
	a.t.Helper()
	a.plain()
	for _, where := range []string{"ui.action", "logout_url", "schema_url", "identity.schema_url", "session.identity.schema_url", "recovery_link", "redirect_browser_to",
		"error.details.redirect_to", "error.details.redirect_browser_to", "error.details.api"} {
		if address := a.at(where).String(); address != "" && !strings.Contains(address, v0alpha2.Prefix+"/") {
			a.t.Fatalf("%s: %s is %s, without the prefix", a.what, where, address)
		}
	}
	return a
}

// TestOperationsOfV0alpha2 asks for every operation of that era, for its
// success and for the errors that its description names.
func TestOperationsOfV0alpha2(t *testing.T) {
	const nobody = "01890000-0000-7000-8000-000000000000"
	operations := map[string]func(*testing.T, *server){
		"toSession": func(t *testing.T, s *server) {
			p := s.person(t)
			for _, how := range styles {
				c := s.old(t, how)
				c.whoami().refused(401, "session_inactive")
				c.signIn(p)
				for range 2 { // cold and warm
					me := c.whoami().is(200).aged()
					if me.at("identity.id").String() != p.id || me.header.Get("X-Kratos-Authenticated-Identity-Id") != p.id || !me.at("active").Bool() ||
						me.at("authentication_methods.0.method").String() != "password" || me.at("authentication_methods.0.aal").String() != "aal1" {
						t.Fatalf("%s: %s %v", how, me.body, me.header)
					}
				}
				if how == app {
					token := c.token
					c.token = ""
					c.get("/sessions/whoami", "Authorization", "Bearer "+token).is(200).aged()
					// Today's form of the same answer, from the same place in memory.
					if today := s.client(t, app).get("/sessions/whoami", "X-Session-Token", token).is(200); !today.at("devices").Exists() {
						t.Errorf("today's answer has lost something: %s", today.body)
					}
					c.token = token
				} else {
					c.get("/sessions/whoami", "Cookie", "other=1; "+sessionCookie+"="+c.cookie(sessionCookie)+"; more=2").is(200).aged()
				}
				c.send("POST", "/sessions/whoami", nil).is(200).aged()
			}
			c := s.old(t, app)
			c.signIn(p)
			s.secondFactor(t, p)
			weak := c.whoami().refused(403, "session_aal2_required").aged()
			if to := weak.at("redirect_browser_to").String(); !strings.HasPrefix(to, s.public+v0alpha2.PublicPrefix+"/self-service/login/browser?aal=aal2") {
				t.Errorf("a second factor is proven at %s", to)
			}
			s.clock.advance(sessionLifespan)
			c.whoami().refused(401, "session_inactive")
		},
		"listSessions, revokeSession, revokeSessions": func(t *testing.T, s *server) {
			p, first, second := s.person(t), s.old(t, app), s.old(t, script)
			first.get("/sessions").refused(401, "session_inactive")
			first.signIn(p)
			second.signIn(p)
			third := s.client(t, page)
			third.signIn(p)
			all := first.get("/sessions").is(200).aged()
			if all.at("#").Int() != 2 {
				t.Fatalf("%s", all.body)
			}
			if page := first.get("/sessions?per_page=1&page=1").is(200).aged(); page.at("0.id").String() != all.at("1.id").String() {
				t.Errorf("the second page is %s", page.body)
			}
			other := all.at("0.id").String()
			first.send("DELETE", "/sessions/"+first.whoami().at("id").String(), nil).refused(400, "session_is_current")
			first.send("DELETE", "/sessions/none", nil).refused(400, "id_malformed")
			s.old(t, app).send("DELETE", "/sessions/"+other, nil).refused(401, "session_inactive")
			first.send("DELETE", "/sessions/"+other, nil).is(204)
			first.send("DELETE", "/sessions/"+nobody, nil).is(204)
			if n := first.send("DELETE", "/sessions", nil).is(200).at("count").Int(); n < 1 {
				t.Errorf("%d sessions were revoked", n)
			}
			second.whoami().refused(401, "session_inactive")
			third.whoami().refused(401, "session_inactive")
			s.old(t, app).send("DELETE", "/sessions", nil).refused(401, "session_inactive")
		},
		"initializeSelfServiceLoginFlowWithoutBrowser, initializeSelfServiceLoginFlowForBrowsers, getSelfServiceLoginFlow, submitSelfServiceLoginFlow": func(t *testing.T, s *server) {
			p := s.person(t)
			for _, how := range styles {
				c := s.old(t, how)
				f := c.begin("login", "")
				f.json.aged()
				if f.json.at("state").Exists() || f.json.at("requested_aal").String() != "aal1" || f.json.at("refresh").Raw != "false" {
					t.Errorf("%s: %s", how, f.json.body)
				}
				wrong := c.submit(f, fields{"method": "password", "password_identifier": p.email, "password": "wrong"})
				if how == page {
					wrong.leads(303, loginPage)
				} else {
					wrong.saying(400, 4000006).aged()
				}
				again := c.opened("login", c.fetch("login", f.id).saying(200, 4000006).aged())
				if again.json.at("active").String() != "" && again.json.at("active").String() != "password" {
					t.Errorf("the active method is %s", again.json.at("active"))
				}
				done := c.submit(again, fields{"method": "password", "password_identifier": p.email, "password": p.password})
				if how == page {
					done.leads(303, homePage)
				} else if done.is(200).aged(); done.at("session.identity.id").String() != p.id || (done.at("session_token").String() != "") != (how == app) {
					t.Errorf("%s: %s", how, done.body)
				}
				c.token = done.at("session_token").String()
				c.whoami().is(200)

				c.fetch("login", nobody).refused(404, "self_service_flow_not_found")
				if how != page {
					path := map[style]string{app: "/self-service/login/api", script: "/self-service/login/browser"}[how]
					c.get(path).refused(400, "session_already_available")
					c.get(path+"?aal=aal7").refused(400, "aal_invalid")
					if refresh := c.get(path + "?refresh=true").is(200).aged(); refresh.at("refresh").Raw != "true" {
						t.Errorf("a refresh is %s", refresh.body)
					}
					s.old(t, how).get(path+"?aal=aal2").refused(401, "session_aal1_required")
					s.old(t, how).get(path+"?return_to=https://evil.example.org").refused(400, "self_service_flow_return_to_forbidden")
				}

				late := s.old(t, how)
				f = late.begin("login", "return_to="+url.QueryEscape(welcome))
				s.clock.advance(2 * time.Hour)
				late.fetch("login", f.id).refused(410, "self_service_flow_expired").aged()
				gone := late.submit(f, p.login())
				if how == page {
					gone.leads(303, loginPage)
					continue
				}
				gone.refused(410, "self_service_flow_expired").aged()
				late.opened("login", late.fetch("login", gone.at("use_flow_id").String()).is(200).aged())
				s.client(t, app).send("POST", f.action, p.login()).is(map[style]int{app: 410, script: 403}[how])
			}
			c := s.old(t, script)
			f := c.begin("login", "")
			c.send("POST", f.action, p.login()).refused(403, "security_csrf_violation")
			s.old(t, script).fetch("login", f.id).refused(403, "security_csrf_violation")
		},
		"initializeSelfServiceRegistrationFlowWithoutBrowser, initializeSelfServiceRegistrationFlowForBrowsers, getSelfServiceRegistrationFlow, submitSelfServiceRegistrationFlow": func(t *testing.T, s *server) {
			for _, how := range styles {
				c, p := s.old(t, how), stranger()
				f := c.begin("registration", "")
				f.json.aged()
				if f.json.at("state").Exists() {
					t.Errorf("a registration has a state: %s", f.json.body)
				}
				weak := p.signUp()
				weak["password"] = "12345678"
				refused := c.submit(f, weak)
				if how == page {
					refused.leads(302, signUpPage)
				} else {
					refused.saying(400, 4000034).aged()
				}
				f = c.opened("registration", c.fetch("registration", f.id).is(200).aged())
				done := c.submit(f, p.signUp())
				if how == page {
					done.leads(303, homePage)
				} else if done.is(200).aged(); done.at("identity.traits.email").String() != p.email || done.at("session.identity.id").String() != done.at("identity.id").String() {
					t.Errorf("%s: %s", how, done.body)
				}
				c.token = done.at("session_token").String()
				c.whoami().is(200).aged()
				c.fetch("registration", nobody).refused(404, "self_service_flow_not_found")
				if how != page {
					path := map[style]string{app: "/self-service/registration/api", script: "/self-service/registration/browser"}[how]
					c.get(path).refused(400, "session_already_available")
				}
				late := s.old(t, how)
				f = late.begin("registration", "")
				s.clock.advance(2 * time.Hour)
				late.fetch("registration", f.id).refused(410, "self_service_flow_expired").aged()
				if how != page {
					late.submit(f, stranger().signUp()).refused(410, "self_service_flow_expired").aged()
				}
			}
		},
		"initializeSelfServiceSettingsFlowWithoutBrowser, initializeSelfServiceSettingsFlowForBrowsers, getSelfServiceSettingsFlow, submitSelfServiceSettingsFlow": func(t *testing.T, s *server) {
			for _, how := range styles {
				begin := "/self-service/settings/" + map[style]string{app: "api", script: "browser", page: "browser"}[how]
				c, p := s.old(t, how), s.person(t)
				if nobody := c.get(begin); how == page {
					nobody.leads(303, c.base+"/self-service/login/browser")
				} else {
					nobody.refused(401, "session_inactive")
				}
				c.signIn(p)
				f := c.begin("settings", "")
				f.json.aged()
				if f.json.at("state").String() != "show_form" || f.json.at("identity.traits.email").String() != p.email ||
					!strings.HasPrefix(f.json.at("identity.schema_url").String(), c.base) {
					t.Errorf("%s: %s", how, f.json.body)
				}
				wrong := c.submit(f, fields{"method": "profile", "traits.email": "no address"})
				if how == page {
					wrong.leads(303, ownPage)
				} else {
					wrong.is(400).aged()
				}
				again := c.opened("settings", c.fetch("settings", f.id).is(200).aged())
				done := c.submit(again, p.profile(fields{"traits.name": "Ada"}))
				if how == page {
					done.leads(303, ownPage)
					done = c.fetch("settings", f.id)
				}
				if done.saying(200, 1050001).aged(); done.at("state").String() != "success" || done.at("identity.traits.name").String() != "Ada" {
					t.Errorf("%s: %s", how, done.body)
				}
				c.submit(f, newPassword(otherPass))
				if !s.knows(t, p.email, otherPass) {
					t.Errorf("%s: the password has not changed", how)
				}
				c.fetch("settings", nobody).refused(404, "self_service_flow_not_found")

				other := s.old(t, how)
				other.fetch("settings", f.id).refused(401, "session_inactive")
				other.signIn(s.person(t))
				other.fetch("settings", f.id).refused(403, "security_identity_mismatch")
				if how != page {
					other.submit(f, newPassword("stranger-than-fiction-17")).refused(403, "security_identity_mismatch")
				}
				if how == script {
					c.send("POST", f.action, newPassword("stranger-than-fiction-17")).refused(403, "security_csrf_violation")
				}

				s.clock.advance(privileged)
				f = c.begin("settings", "")
				if old := c.submit(f, newPassword("stranger-than-fiction-17")); how == page {
					old.leads(303, c.base+"/self-service/login/browser")
				} else if old.refused(403, "session_refresh_required").aged(); !strings.HasPrefix(old.at("redirect_browser_to").String(), c.base) {
					t.Errorf("%s: %s", how, old.body)
				}
				s.clock.advance(2 * time.Hour)
				c.fetch("settings", f.id).refused(410, "self_service_flow_expired").aged()
				if how != page {
					c.submit(f, p.profile(nil)).refused(410, "self_service_flow_expired").aged()
				}
				s.secondFactor(t, person{id: c.whoami().at("identity.id").String()})
				if how != page {
					c.get(begin).refused(403, "session_aal2_required").aged()
				}
			}
		},
		"initializeSelfServiceRecoveryFlowWithoutBrowser, initializeSelfServiceRecoveryFlowForBrowsers, getSelfServiceRecoveryFlow, submitSelfServiceRecoveryFlow": func(t *testing.T, s *server) {
			for _, how := range styles {
				c, p := s.old(t, how), s.person(t)
				used := c.asksForLink(t, s, "recovery", helpPage, p, 1060002)
				back := c.opensLink(used, how)
				back.leads(303, ownPage)
				if back.cookies()[sessionCookie] == nil {
					t.Errorf("%s: nobody is signed in: %v", how, back.header)
				}
				if how != app {
					c.whoami().is(200).aged()
					if next := c.fetch("settings", back.query("flow")).saying(200, 1060001).aged(); next.at("state").String() != "show_form" {
						t.Errorf("%s: %s", how, next.body)
					}
					path := "/self-service/recovery/browser"
					c.get(path, "Accept", "application/json").refused(400, "session_already_available").aged()
				}
				// Once more, and one that was never sent: a new form says so.
				for _, void := range []string{used, used + "x"} {
					reader := s.old(t, page)
					fresh := reader.opensLink(void, how).leads(303, helpPage).query("flow")
					if a := reader.fetch("recovery", fresh).is(200).aged(); !slices.Contains(a.messages(), 4060004) {
						t.Errorf("%s: a link that is void: %s", how, a.body)
					}
				}
				s.old(t, how).comesLate(s, "recovery", helpPage)
			}
		},
		"initializeSelfServiceVerificationFlowWithoutBrowser, initializeSelfServiceVerificationFlowForBrowsers, getSelfServiceVerificationFlow, submitSelfServiceVerificationFlow": func(t *testing.T, s *server) {
			for _, how := range styles {
				c, p := s.old(t, how), s.person(t)
				c.signIn(p)
				used := c.asksForLink(t, s, "verification", provePage, p, 1080001)
				done := c.opensLink(used, how).leads(303, provePage).query("flow")
				passed := c.fetch("verification", done).saying(200, 1080002).plain()
				if passed.at("state").String() != "passed_challenge" || passed.at("ui.method").String() != "GET" || passed.at("ui.action").String() != welcome ||
					passed.at("ui.nodes.#.group").String() != `["default","link"]` || passed.at("ui.nodes.1.attributes.href").String() != welcome {
					t.Errorf("%s: %s", how, passed.body)
				}
				if me := c.whoami().is(200).aged(); !me.at("identity.verifiable_addresses.0.verified").Bool() || me.at("identity.verifiable_addresses.0.status").String() != "completed" {
					t.Errorf("%s: %s", how, me.body)
				}
				reader := s.old(t, page)
				fresh := reader.opensLink(used+"x", how).leads(303, provePage).query("flow")
				if a := reader.fetch("verification", fresh).is(200).aged(); !slices.Contains(a.messages(), 4070001) {
					t.Errorf("%s: a link that is void: %s", how, a.body)
				}
				s.old(t, how).comesLate(s, "verification", provePage)
			}
		},
		"adminCreateSelfServiceRecoveryLink": func(t *testing.T, s *server) {
			c, p := s.oldOperator(t), s.person(t)
			made := c.send("POST", "/admin/recovery/link", fields{"identity_id": p.id, "expires_in": "12h"}).is(200).aged()
			if !made.at("expires_at").Time().Equal(s.clock.now().Add(12 * time.Hour)) {
				t.Errorf("%s", made.body)
			}
			somebody := s.old(t, page)
			somebody.send("GET", made.at("recovery_link").String(), nil).leads(303, ownPage)
			if me := somebody.whoami().is(200); me.at("identity.id").String() != p.id {
				t.Errorf("%s", me.body)
			}
			c.send("POST", "/admin/recovery/link", fields{"identity_id": p.id, "expires_in": "soon"}).refused(400, "bad_request")
			c.send("POST", "/admin/recovery/link", fields{"identity_id": nobody}).refused(400, "bad_request")
			c.send("POST", "/admin/recovery/link", nil).refused(400, "body_malformed")
		},
		"createSelfServiceLogoutFlowUrlForBrowsers, submitSelfServiceLogoutFlow": func(t *testing.T, s *server) {
			p := s.person(t)
			s.old(t, script).get("/self-service/logout/browser").refused(401, "session_inactive")
			for _, how := range []style{script, page} {
				c := s.old(t, how)
				c.signIn(p)
				link := c.get("/self-service/logout/browser", "Accept", "application/json").is(200).aged()
				if !strings.HasPrefix(link.at("logout_url").String(), c.base+"/self-service/logout?token="+link.at("logout_token").String()) {
					t.Fatalf("%s", link.body)
				}
				if how == script {
					c.get("/self-service/logout?token=wrong").refused(403, "logout_token_invalid")
					c.get("/self-service/logout").refused(400, "logout_token_missing")
				}
				out := c.send("GET", link.at("logout_url").String()+"&return_to="+url.QueryEscape(welcome), nil)
				if how == script {
					out.is(204)
				} else {
					out.leads(303, welcome)
				}
				c.whoami().refused(401, "session_inactive")
			}
		},
		"submitSelfServiceLogoutFlowWithoutBrowser": func(t *testing.T, s *server) {
			c := s.old(t, app)
			c.signIn(s.person(t))
			c.send("DELETE", "/self-service/logout/api", fields{"session_token": c.token}).is(204)
			c.send("DELETE", "/self-service/logout/api", fields{"session_token": c.token}).refused(403, "session_token_unknown")
			c.send("DELETE", "/self-service/logout/api", "{").refused(400, "body_malformed")
		},
		"getSelfServiceError": func(t *testing.T, s *server) {
			c := s.old(t, app)
			if stub := c.get("/self-service/errors?id=stub:500").is(200).aged(); stub.at("error.code").Int() != 500 || stub.at("id").String() == "" {
				t.Errorf("%s", stub.body)
			}
			c.get("/self-service/errors?id="+nobody).refused(404, "error_not_found")
			browser := s.old(t, page)
			shown := browser.get("/self-service/login/browser?return_to=https://evil.example.org").leads(303, errorPage)
			if e := browser.get("/self-service/errors?id=" + shown.query("id")).is(200).aged(); e.at("error.id").String() != "self_service_flow_return_to_forbidden" {
				t.Errorf("%s", e.body)
			}
		},
		"listIdentitySchemas, getJsonSchema, getIdentitySchema": func(t *testing.T, s *server) {
			c := s.old(t, app)
			all := c.get("/schemas?page=0&per_page=10").is(200)
			if all.at("0.id").String() != "person" || !all.at("0.schema.properties").Exists() {
				t.Errorf("%s", all.body)
			}
			if c.get("/schemas/person").is(200).at("properties").Raw == "" {
				t.Error("the schema is empty")
			}
			c.get("/schemas/none").refused(404, "identity_schema_not_found")
			// Where schema_url leads.
			p := stranger()
			done := c.finish(c.begin("registration", ""), p.signUp())
			c.send("GET", done.at("identity.schema_url").String(), nil).is(200)
		},
		"isAlive, isReady, getVersion": func(t *testing.T, s *server) {
			c := s.old(t, app)
			for _, path := range []string{"/health/alive", "/health/ready"} {
				if c.get(path).is(200).at("status").String() != "ok" {
					t.Error(path)
				}
			}
			if c.get("/version").is(200).at("version").String() != "v0.0.0-test" {
				t.Error("the version is another one")
			}
		},
		"getWebAuthnJavaScript": func(t *testing.T, s *server) {
			s.old(t, page).loadsScript("https://app.example.org")
		},
		"adminListIdentities": func(t *testing.T, s *server) {
			c, mine := s.oldOperator(t), map[string]bool{}
			for range 5 {
				mine[s.person(t).id] = true
			}
			first := c.get("/admin/identities").is(200).aged()
			if total := first.header.Get("X-Total-Count"); total == "" || first.header.Get("Link") == "" {
				t.Errorf("the list has no total or no links: %v", first.header)
			}
			for page, left := 0, len(mine); left > 0; page++ {
				a := c.get("/admin/identities?per_page=2&page=" + strconv.Itoa(page)).is(200).aged()
				if n := a.at("#").Int(); n == 0 || n > 2 {
					t.Fatalf("page %d has %d identities, %d are missing", page, n, left)
				}
				for _, id := range a.at("#.id").Array() {
					if mine[id.String()] {
						left--
						delete(mine, id.String())
					}
				}
			}
		},
		"adminCreateIdentity, adminGetIdentity, adminUpdateIdentity, adminPatchIdentity, adminDeleteIdentity": func(t *testing.T, s *server) {
			c, p := s.oldOperator(t), stranger()
			body := map[string]any{"schema_id": "person", "traits": fields{"email": p.email}, "metadata_admin": fields{"plan": "free"}, "metadata_public": fields{"tier": "1"}}
			made := c.send("POST", "/admin/identities", body).is(201).aged()
			id := made.at("id").String()
			if to := made.header.Get("Location"); to != s.public+v0alpha2.AdminPrefix+"/identities/"+id {
				t.Errorf("the new identity is at %s", to)
			}
			c.send("POST", "/admin/identities", body).refused(409, "identity_conflict")
			c.send("POST", "/admin/identities", map[string]any{"schema_id": "person", "traits": fields{"email": "no address"}}).refused(400, "identity_traits_invalid")
			c.send("POST", "/admin/identities", map[string]any{"schema_id": "person", "new": 1}).refused(400, "body_malformed")

			path := "/admin/identities/" + id
			read := c.get(path).is(200).aged()
			if read.at("traits.email").String() != p.email || read.at("metadata_admin.plan").String() != "free" || read.at("metadata_public.tier").String() != "1" ||
				read.at("verifiable_addresses.0.via").String() != "email" || read.at("recovery_addresses.0.value").String() != p.email || read.at("state").String() != "active" {
				t.Errorf("%s", read.body)
			}
			c.get(path + "?include_credential=oidc").is(200).aged()
			c.get(path+"?include_credential=shoes").refused(400, "parameter_invalid")
			c.get("/admin/identities/"+nobody).refused(404, "identity_not_found")
			c.get("/admin/identities/none").refused(404, "identity_not_found")

			changed := stranger().email
			update := map[string]any{"schema_id": "person", "state": "inactive", "traits": fields{"email": changed}}
			if a := c.send("PUT", path, update).is(200).aged(); a.at("traits.email").String() != changed || a.at("state").String() != "inactive" || a.at("metadata_admin").Exists() {
				t.Errorf("%s", a.body)
			}
			c.send("PUT", "/admin/identities/"+nobody, update).refused(404, "identity_not_found")
			update["traits"] = fields{"email": s.person(t).email}
			c.send("PUT", path, update).refused(409, "identity_conflict")
			update["traits"] = fields{"email": ""}
			c.send("PUT", path, update).refused(400, "identity_traits_invalid")
			c.send("PATCH", path, patch("replace", "/state", "active")).is(200).aged()

			for range 2 { // whether it exists or not
				c.send("DELETE", path, nil).is(204)
			}
			c.send("DELETE", "/admin/identities/none", nil).is(204)
			c.get(path).refused(404, "identity_not_found")
			s.operator(t).send("DELETE", path, nil).refused(404, "identity_not_found")
		},
		"adminListIdentitySessions, adminDeleteIdentitySessions, adminExtendSession": func(t *testing.T, s *server) {
			c, p, somebody := s.oldOperator(t), s.person(t), s.old(t, app)
			path := "/admin/identities/" + p.id + "/sessions"
			if none := c.get(path).is(200); none.at("#").Int() != 0 {
				t.Errorf("%s", none.body)
			}
			c.send("DELETE", path, nil).refused(404, "sessions_not_found")
			somebody.signIn(p)
			all := c.get(path + "?active=true&page=0&per_page=5").is(200).aged()
			id := all.at("0.id").String()
			if all.at("#").Int() != 1 || id != somebody.whoami().at("id").String() {
				t.Errorf("%s", all.body)
			}
			c.get("/admin/identities/none/sessions").refused(400, "id_malformed")
			c.get(path+"?active=perhaps").refused(400, "parameter_invalid")
			s.clock.advance(time.Hour)
			if later := c.send("PATCH", "/admin/sessions/"+id+"/extend", nil).is(200).aged(); !later.at("expires_at").Time().After(all.at("0.expires_at").Time()) {
				t.Errorf("%s", later.body)
			}
			c.send("PATCH", "/admin/sessions/"+nobody+"/extend", nil).refused(404, "session_not_found")
			c.send("PATCH", "/admin/sessions/none/extend", nil).refused(400, "id_malformed")
			c.send("DELETE", path, nil).is(204)
			somebody.whoami().refused(401, "session_inactive")
		},
	}
	var covered []string
	for names := range operations {
		covered = append(covered, strings.Split(names, ", ")...)
	}
	for _, r := range v0alpha2.Routes() {
		for _, name := range strings.Split(r.Operations, ", ") {
			if !slices.Contains(covered, name) {
				t.Errorf("%s is not tested", name)
			}
		}
	}
	onEach(t, "serve: {admin: {require_key: false}}\n"+byLink, func(t *testing.T, s *server) {
		for names, ask := range operations {
			t.Run(names, func(t *testing.T) { ask(t, s) })
		}
	})
}

// asksForLink goes through the form of a recovery or a verification with a client
// of the era, and gives the link that is sent then.
func (c *client) asksForLink(t *testing.T, s *server, kind, ui string, p person, said int64) string {
	t.Helper()
	how, path := c.style, "/self-service/"+kind+"/"+map[style]string{app: "api", script: "browser", page: "browser"}[c.style]
	f := c.begin(kind, "return_to="+url.QueryEscape(welcome))
	f.json.aged()
	if f.json.at("state").String() != "choose_method" || f.json.at("active").String() != "link" || f.json.at("return_to").String() != welcome {
		t.Errorf("%s: %s", how, f.json.body)
	}
	wrong := c.submit(f, fields{"method": "link", "email": "no address"})
	if how == page {
		wrong.leads(303, ui)
	} else {
		wrong.is(400).aged()
	}
	f = c.opened(kind, c.fetch(kind, f.id).is(200).aged())
	sent := c.submit(f, fields{"method": "link", "email": p.email})
	if how == page {
		sent.leads(303, ui)
	} else {
		sent.saying(200, said).aged()
	}
	if a := c.fetch(kind, f.id).saying(200, said).aged(); a.at("state").String() != "sent_email" {
		t.Errorf("%s: %s", how, a.body)
	}

	c.fetch(kind, "01890000-0000-7000-8000-000000000000").refused(404, "self_service_flow_not_found")
	stranger := s.old(t, how)
	if how != app {
		stranger.fetch(kind, f.id).refused(403, "security_csrf_violation")
	}
	if how == script {
		stranger.submit(f, fields{"method": "link", "email": p.email}).refused(403, "security_csrf_violation")
	}
	if how != page {
		stranger.get(path+"?return_to=https://evil.example.org").refused(400, "self_service_flow_return_to_forbidden")
	}
	return s.mail(t, p.email, kind+"_valid").link()
}

// comesLate sends a form of a recovery or a verification that has expired.
func (c *client) comesLate(s *server, kind, ui string) {
	c.t.Helper()
	f := c.begin(kind, "")
	s.clock.advance(2 * time.Hour)
	c.fetch(kind, f.id).refused(410, "self_service_flow_expired").aged()
	to := c.submit(f, fields{"method": "link", "email": stranger().email}).is(303).location()
	if c.style == page && to != ui || c.style != page && to != c.base+"/self-service/"+kind+"/flows" {
		c.t.Errorf("%s: a form that has expired leads to %s", c.style, to)
	}
}

// opensLink opens the link of a mail under the prefix: by GET as a browser does,
// and by POST with the token in the query as clients of the era do that are no
// browsers.
func (c *client) opensLink(link string, how style) answer {
	c.t.Helper()
	u := mustURL(c.t, link)
	path := c.base + u.Path + "?" + u.RawQuery
	if how == page {
		return c.send("GET", path, nil, "Accept", "text/html")
	}
	return c.send("POST", path, fields{"method": "link", "email": "somebody@example.org"})
}

// TestOldClientsByCode: where today's server sends codes, a client that shows the
// form as it comes gets through, and knows all that it is told.
func TestOldClientsByCode(t *testing.T) {
	for _, more := range []string{byCode, byCode + "\nfeature_flags: {choose_recovery_address: true}"} {
		onEach(t, more, func(t *testing.T, s *server) {
			for _, kind := range []string{"recovery", "verification"} {
				for _, how := range styles {
					c, p := s.old(t, how), s.person(t)
					f := c.begin(kind, "")
					known := func(a answer, state string) {
						t.Helper()
						a.plain()
						if got := a.at("state").String(); got != state || a.at("active").String() != "link" {
							t.Errorf("%s, %s: the state is %s, want %s: %s", kind, how, got, state, a.body)
						}
						for _, g := range a.at("ui.nodes.#.group").Array() {
							if g.String() != "default" && g.String() != "link" {
								t.Errorf("%s, %s: a field is in the group %s", kind, how, g)
							}
						}
					}
					known(f.json, "choose_method")
					address := "email"
					if f.json.at(`ui.nodes.#(attributes.name=="recovery_address")`).Exists() {
						address = "recovery_address"
					}
					submit := func(with fields) answer {
						with["method"] = f.json.at(`ui.nodes.#(attributes.type=="submit").attributes.value`).String()
						return c.submit(f, with)
					}
					submit(fields{address: p.email})
					asked := c.fetch(kind, f.id).is(200).aged()
					known(asked, "sent_email")
					f = c.opened(kind, asked)
					submit(fields{"code": "x"})
					known(c.fetch(kind, f.id).is(200).aged(), "sent_email")
					done := submit(fields{"code": s.mail(t, p.email, kind+"_code_valid").code()})
					switch {
					case kind == "verification":
						known(c.fetch(kind, f.id).saying(200, 1080002), "passed_challenge")
					case how == page:
						done.leads(303, ownPage)
					default:
						done.refused(422, "browser_location_change_required").plain()
						if to := done.at("redirect_browser_to").String(); !strings.HasPrefix(to, ownPage+"?flow=") {
							t.Errorf("%s: a new password is chosen at %s", how, to)
						}
					}
					if kind == "recovery" && how != app {
						if me := c.whoami().is(200).aged(); me.at("authentication_methods.0.method").String() != "link_recovery" {
							t.Errorf("%s: the session was proven by %s", how, me.at("authentication_methods.0.method"))
						}
					}
				}
			}
		})
	}
}

// TestOldClientsSwitchedOff: where the configuration has no such form, the error
// is one of the era.
func TestOldClientsSwitchedOff(t *testing.T) {
	s := start(t, setup{})
	c, p := s.old(t, app), s.person(t)
	for _, kind := range []string{"recovery", "verification"} {
		c.get("/self-service/"+kind+"/api").refused(400, "self_service_flow_disabled")
		c.fetch(kind, "01890000-0000-7000-8000-000000000000").refused(400, "self_service_flow_disabled")
	}
	s.oldOperator(t).send("POST", "/admin/recovery/link", fields{"identity_id": p.id}).refused(404, "self_service_method_disabled")
}

// TestOldAdminAlwaysNeedsAKey asks for every route of the older admin API, as
// the router knows them, without a key and with bad ones. What the
// configuration says of the admin port does not matter.
func TestOldAdminAlwaysNeedsAKey(t *testing.T) {
	s := start(t, setup{more: "serve: {admin: {require_key: false}}"})
	good := s.oldOperator(t)
	id, ended := s.newKey(t, 0)
	if err := s.otherProcess(t).Revoke(t.Context(), id); err != nil {
		t.Fatal(err)
	}
	_, late := s.newKey(t, time.Minute)
	s.clock.advance(time.Minute)
	person := s.person(t)
	c := s.client(t, app)
	c.signIn(person)

	asked := 0
	for _, pattern := range s.app.publicRoutes().patterns {
		method, path, ok := strings.Cut(pattern, " ")
		if !ok {
			method, path = "GET", pattern
		}
		if !strings.HasPrefix(path, v0alpha2.AdminPrefix) {
			continue
		}
		asked++
		path = strings.ReplaceAll(path, "{id}", person.id)
		refused := func(id string, headers ...string) {
			t.Helper()
			nobody := s.client(t, app)
			nobody.send(method, path, nil, headers...).refused(401, id)
			nobody.send(method, path+"?key="+good.key+"&access_token="+good.key+"&authorization=Bearer+"+good.key, nil, headers...).refused(401, id)
		}
		refused("admin_key_required")
		refused("admin_key_required", "Authorization", "Basic "+good.key)
		refused("admin_key_required", "X-Session-Token", c.token)
		refused("admin_key_invalid", "Authorization", "Bearer "+c.token)
		refused("admin_key_invalid", "Authorization", "Bearer "+good.key[:len(good.key)-1])
		refused("admin_key_invalid", "Authorization", "Bearer "+good.key+"a")
		refused("admin_key_invalid", "Authorization", "Bearer "+strings.ToUpper(good.key))
		refused("admin_key_revoked", "Authorization", "Bearer "+ended)
		refused("admin_key_expired", "Authorization", "Bearer "+late)
	}
	if asked < 10 {
		t.Errorf("the router knows %d routes of the older admin API", asked)
	}
	for _, path := range []string{"/api/kratos/admin", "/api/kratos/admin/", "/api/kratos/admin/nothing", "/api/kratos/admin/../admin/identities"} {
		if a := s.client(t, app).get(path); a.status != 401 && a.status != 307 && a.status != 301 {
			t.Errorf("%s: %d %s", path, a.status, a.body)
		}
	}
	good.get("/admin/nothing").is(404)
	if s.operator(t).get("/admin/identities/" + person.id).is(200); s.statements.of("DELETE FROM identities") > 0 {
		t.Error("somebody without a key has deleted an identity")
	}
}
