package app

import (
	"encoding/base64"
	"net/url"
	"strings"
	"testing"
	"time"
)

const transitions = "feature_flags.use_continue_with_transitions"

// TestRecoveryByCode: somebody types their address and then the code that is
// sent to it, is signed in, and chooses a new password.
func TestRecoveryByCode(t *testing.T) {
	for _, style := range styles {
		flag := "false"
		if style == app {
			flag = "true" // an app is told of its token in no other way
		}
		t.Run(string(style), func(t *testing.T) {
			onEach(t, proving(transitions, flag), func(t *testing.T, s *server) {
				p := s.person(t)
				c := s.client(t, style)
				f := c.asked("recovery", strings.ToUpper(p.email))
				code := s.mail(t, p.email, "recovery_code_valid").code()
				c.went(f, c.typed(f, wrongFor(code)), 4060006)
				done := c.regained(c.typed(f, code), p)
				if got := c.whoami().at("authentication_methods.0.method").String(); got != "code_recovery" {
					t.Errorf("the session was begun with %q", got)
				}
				if !s.identity(t, p).at("verifiable_addresses.0.verified").Bool() {
					t.Error("the address is not proven")
				}
				c.changed(done, c.submit(done, newPassword(otherPass)))
				if s.knows(t, p.email, p.password) || !s.knows(t, p.email, otherPass) {
					t.Error("the password is not the new one")
				}
				// The code is used up.
				other := s.client(t, style)
				if style == app {
					other.typed(f, code).refused(410, "self_service_flow_replaced")
				}
			})
		})
	}
}

// TestRecoveryByLink: somebody opens the link in the browser in which they read
// their mail.
func TestRecoveryByLink(t *testing.T) {
	onEach(t, provingByLink(), func(t *testing.T, s *server) {
		for _, style := range styles {
			p := s.person(t)
			c := s.client(t, style)
			f := c.begin("recovery", "")
			c.went(f, c.submit(f, fields{"method": "link", "email": p.email}), 1060002)
			link := s.mail(t, p.email, "recovery_valid").link()
			if !strings.HasPrefix(link, s.public+"/self-service/recovery?") {
				t.Fatalf("the link is %q", link)
			}
			reader := s.client(t, page)
			done := reader.regained(reader.get(link), p)
			reader.changed(done, reader.submit(done, newPassword(otherPass)))
			// Once.
			again := s.client(t, page)
			again.replaced(f, again.get(link), 4060004)
			again.whoami().refused(401, "session_inactive")
		}
	})
}

// severalAddresses is a schema whose people have several addresses.
func severalAddresses() string {
	const document = `{"properties":{"traits":{"type":"object","properties":{
		"email":{"type":"string","format":"email","ory.sh/kratos":{"credentials":{"password":{"identifier":true}},"verification":{"via":"email"},"recovery":{"via":"email"}}},
		"more":{"type":"array","items":{"type":"string","format":"email","ory.sh/kratos":{"verification":{"via":"email"},"recovery":{"via":"email"}}}},
		"phone":{"type":"string","format":"tel","ory.sh/kratos":{"verification":{"via":"sms"},"recovery":{"via":"sms"}}}}}}}`
	return `{"default_schema_id":"many","schemas":[{"id":"many","url":"base64://` + base64.StdEncoding.EncodeToString([]byte(document)) + `"}]}`
}

// textMessages is a channel to phones, which leads nowhere.
const textMessages = `[{"id":"sms","type":"http","request_config":{"url":"http://127.0.0.1:1/","method":"POST","body":"base64://e30="}}]`

// having is an account with these traits beside its address.
func (s *server) having(t testing.TB, more map[string]any) person {
	t.Helper()
	p := stranger()
	traits := map[string]any{"email": p.email}
	for name, value := range more {
		traits[name] = value
	}
	p.id = s.operator(t).send("POST", "/admin/identities", map[string]any{"schema_id": "many", "traits": traits,
		"credentials": map[string]any{"password": map[string]any{"config": fields{"password": p.password}}}}).is(201).at("id").String()
	return p
}

// TestRecoveryByChoice: who has several addresses chooses one, and types it in
// full unless it is the one they came with.
func TestRecoveryByChoice(t *testing.T) {
	more := proving(transitions, "true", "feature_flags.choose_recovery_address", "true", "identity", severalAddresses(),
		"courier.channels", textMessages)
	onEach(t, more, func(t *testing.T, s *server) {
		alone := s.having(t, nil)
		second := "second." + stranger().email // told apart when it is masked
		p := s.having(t, map[string]any{"more": []string{second}, "phone": "+4930123456"})
		choices := func(a answer) map[string]string {
			all := map[string]string{}
			for _, n := range a.at(`ui.nodes.#(attributes.name=="recovery_select_address")#`).Array() {
				all[n.Get("meta.label.context.masked_address").String()] = n.Get("attributes.value").String()
			}
			return all
		}
		hide := func(email string) string { return email[:2] + "****@example.org" }

		c := s.client(t, app)
		f := c.begin("recovery", "")
		c.went(f, c.submit(f, fields{"method": "code", "recovery_address": alone.email}), 1060004)
		c.regained(c.typed(f, s.mail(t, alone.email, "recovery_code_valid").code()), alone)

		for _, style := range []style{app, page} {
			c := s.client(t, style)
			f := c.begin("recovery", "")
			if got := f.json.at("state").String(); got != "recovery_awaiting_address" {
				t.Fatalf("the first state is %q", got)
			}
			send := func(message int64, state string, with fields) answer {
				t.Helper()
				with["method"] = "code"
				a := c.went(f, c.submit(f, with), message)
				if got := a.at("state").String(); got != state {
					t.Fatalf("the state is %q, want %q", got, state)
				}
				return a
			}
			shown := send(1060006, "recovery_awaiting_address_choice", fields{"recovery_address": p.email})
			all := choices(shown)
			if len(all) != 3 || all[hide(p.email)] == "" || all["+49****56"] == "" || strings.Contains(string(shown.body), second) || strings.Contains(string(shown.body), "30123456") {
				t.Fatalf("the choice is %v: %s", all, shown.body)
			}
			if n := len(s.mails(t, p.email)); n != 0 {
				t.Errorf("%d mails went out before a choice", n)
			}
			// A choice that there is not.
			a := c.submit(f, fields{"method": "code", "recovery_select_address": "x"})
			if style == app {
				a.saying(400, 4000001)
			} else {
				c.went(f, a, 4000001)
			}
			// Back to the start, and again.
			c.submit(f, fields{"method": "code", "screen": "previous"})
			if got := c.fetch("recovery", f.id).at("state").String(); got != "recovery_awaiting_address" {
				t.Fatalf("back leads to %q", got)
			}
			all = choices(send(1060006, "recovery_awaiting_address_choice", fields{"recovery_address": second}))
			// Another one than that which was typed, in full.
			send(1060005, "recovery_confirming_address", fields{"recovery_select_address": all["+49****56"]})
			if got := c.fetch("recovery", f.id).at(`ui.nodes.#(attributes.name=="recovery_confirm_address").attributes.type`).String(); got != "tel" {
				t.Errorf("a phone is typed into a field of type %q", got)
			}
			send(1060006, "recovery_awaiting_address_choice", fields{"screen": "previous"})
			for name, value := range all {
				if name != "+49****56" && value != "" && name == hide(p.email) {
					send(1060005, "recovery_confirming_address", fields{"recovery_select_address": value})
				}
			}
			// An address that is nobody's looks the same and is sent nothing.
			nobody := stranger().email
			send(1060004, "recovery_awaiting_code", fields{"recovery_confirm_address": nobody})
			if len(s.mails(t, nobody)) != 0 || len(s.mails(t, p.email)) != 0 {
				t.Error("a wrong address is sent something")
			}
			send(1060006, "recovery_awaiting_address_choice", fields{"screen": "previous"})
			send(1060005, "recovery_confirming_address", fields{"recovery_select_address": all[hide(p.email)]})
			send(1060004, "recovery_awaiting_code", fields{"recovery_confirm_address": p.email})
			old := s.mail(t, p.email, "recovery_code_valid").code()
			send(1060004, "recovery_awaiting_code", fields{"recovery_confirm_address": p.email})
			code := s.mail(t, p.email, "recovery_code_valid").code()
			if old != code {
				send(4060006, "recovery_awaiting_code", fields{"code": old})
			}
			c.submit(f, fields{"method": "code", "code": code})
			if style == app {
				if c.fetch("recovery", f.id).at("state").String() != "passed_challenge" {
					t.Error("the code does not let them in")
				}
			} else {
				c.whoami().is(200)
			}
			s.operator(t).send("DELETE", "/admin/identities/"+p.id, nil).is(204)
			second = "second." + stranger().email
			p = s.having(t, map[string]any{"more": []string{second}, "phone": "+4930123456"})
		}
	})
}

// TestHandedOut: an administrator hands somebody a code or a link.
func TestHandedOut(t *testing.T) {
	onEach(t, proving(transitions, "true"), func(t *testing.T, s *server) {
		p, o := s.person(t), s.operator(t)
		hand := func(what, kind, lifespan string) answer {
			t.Helper()
			return o.send("POST", "/admin/recovery/"+what, fields{"identity_id": p.id, "flow_type": kind, "expires_in": lifespan})
		}
		for _, style := range []style{page, app} {
			kind := "browser"
			if style == app {
				kind = "api"
			}
			a := hand("code", kind, "10m").is(201)
			link := a.at("recovery_link").String()
			id := mustURL(t, link).Query().Get("flow")
			c := s.client(t, style)
			shown := c.fetch("recovery", id).is(200)
			f := form{kind: "recovery", id: id, action: shown.at("ui.action").String()}
			if shown.at(`ui.nodes.#(attributes.name=="email")`).Exists() {
				t.Errorf("the form asks for an address: %s", shown.body)
			}
			c.typed(f, wrongFor(a.at("recovery_code").String()))
			got := c.typed(f, a.at("recovery_code").String())
			if style == page {
				got.leads(303, ownPage)
			} else {
				c.token = got.is(200).at(`continue_with.#(action=="set_ory_session_token").ory_session_token`).String()
			}
			if c.whoami().is(200).at("identity.id").String() != p.id {
				t.Error("somebody else is signed in")
			}
			if len(s.mails(t, p.email)) != 0 {
				t.Error("a mail was sent")
			}
		}
		for _, use := range []string{"code", "link"} {
			if use == "link" {
				s.reconfigure(t, provingByLink())
			}
			a := hand("link", "browser", "10m").is(200)
			link := a.at("recovery_link").String()
			c := s.client(t, page)
			// Without the token in it, it is of no use.
			u := mustURL(t, link)
			shown := c.fetch("recovery", u.Query().Get("flow"))
			if shown.at(`ui.nodes.#(attributes.name=="code")`).Exists() {
				t.Errorf("%s: the form for a link asks for a code: %s", use, shown.body)
			}
			c.get("/self-service/recovery?flow=" + u.Query().Get("flow")).is(303)
			c.whoami().refused(401, "session_inactive")
			c.get(link).leads(303, ownPage)
			c.whoami().is(200)
			late := hand("link", "browser", "1m").at("recovery_link").String()
			s.clock.advance(time.Minute)
			c = s.client(t, page)
			c.replaced(form{kind: "recovery"}, c.get(late), 4060005)
		}
		for _, bad := range []fields{{"identity_id": "x"}, {}, {"identity_id": p.id, "expires_in": "-1h"}, {"identity_id": p.id, "expires_in": "0s"},
			{"identity_id": p.id, "flow_type": "x"}, {"identity_id": p.id, "expires_in": "1"}} {
			for _, what := range []string{"code", "link"} {
				if a := o.send("POST", "/admin/recovery/"+what, bad); a.status != 400 && a.status != 404 {
					t.Errorf("%s %v: %d %s", what, bad, a.status, a.body)
				}
			}
		}
	})
}

// TestRecoveryWithoutSettings: who wants no form for a new password goes home.
func TestRecoveryWithoutSettings(t *testing.T) {
	onEach(t, proving(transitions, "true"), func(t *testing.T, s *server) {
		for _, style := range styles {
			p, c := s.person(t), s.client(t, style)
			f := c.begin("recovery", "skip_settings=true&return_to="+url.QueryEscape(welcome))
			c.went(f, c.submit(f, fields{"method": "code", "email": p.email}), 1060003)
			a := c.typed(f, s.mail(t, p.email, "recovery_code_valid").code())
			if style == page {
				a.leads(303, welcome)
			} else if a.is(200).at(`continue_with.#(action=="show_settings_ui")`).Exists() {
				t.Errorf("%s: it leads to settings: %s", style, a.body)
			}
			if style == app {
				c.token = a.at(`continue_with.#(action=="set_ory_session_token").ory_session_token`).String()
			}
			c.whoami().is(200)
		}
	})
}

// TestRecoveryEndsSessions: where configured, whoever was signed in is not any
// more, and the owner is told.
func TestRecoveryEndsSessions(t *testing.T) {
	for _, hooks := range []string{"", `[{"hook":"revoke_active_sessions"},{"hook":"notify_owner"}]`} {
		more := proving(transitions, "true")
		if hooks != "" {
			more = proving(transitions, "true", "selfservice.flows.recovery.after.hooks", hooks, "selfservice.flows.settings.after.password.hooks", `[{"hook":"notify_owner"}]`)
		}
		onEach(t, more, func(t *testing.T, s *server) {
			other, p := s.signedIn(t, script)
			other.whoami().is(200)
			c := s.client(t, app)
			f := c.asked("recovery", p.email)
			done := c.regained(c.typed(f, s.mail(t, p.email, "recovery_code_valid").code()), p)
			if hooks == "" {
				other.whoami().is(200)
				return
			}
			other.whoami().refused(401, "session_inactive")
			s.mail(t, p.email, "account_recovered")
			s.clock.advance(time.Second)
			c.changed(done, c.submit(done, newPassword(otherPass)))
			s.mail(t, p.email, "password_changed")
		})
	}
}

// TestNoticeByPhone: who has no mail address is told by text message, where there
// is a channel for it.
func TestNoticeByPhone(t *testing.T) {
	const phone = "+4930123456"
	for _, channels := range []string{"[]", textMessages} {
		more := proving("identity", severalAddresses(), "courier.channels", channels, "selfservice.flows.recovery.after.hooks", `[{"hook":"notify_owner"}]`)
		onEach(t, more, func(t *testing.T, s *server) {
			regains := func(traits map[string]any) {
				id := s.operator(t).send("POST", "/admin/identities", map[string]any{"schema_id": "many", "traits": traits}).is(201).at("id").String()
				made := s.operator(t).send("POST", "/admin/recovery/link", fields{"identity_id": id}).is(200)
				s.client(t, page).get(made.at("recovery_link").String()).leads(303, ownPage)
				s.operator(t).send("DELETE", "/admin/identities/"+id, nil).is(204)
			}
			email := stranger().email
			regains(map[string]any{"email": email, "phone": phone})
			s.mail(t, email, "account_recovered")
			if all := s.mails(t, phone); len(all) != 0 {
				t.Errorf("somebody who is reached by mail is told by phone as well: %v", all)
			}
			regains(map[string]any{"phone": phone})
			if channels == "[]" {
				if all := s.mails(t, phone); len(all) != 0 {
					t.Errorf("there is no channel for %v", all)
				}
				return
			}
			if sent := s.mail(t, phone, "account_recovered"); strings.Contains(sent.body, "\n") {
				t.Errorf("the text message is %q", sent.body)
			}
		})
	}
}

// TestHandedOutAndSwitchedOff: what an administrator has handed out waits while its
// method is switched off.
func TestHandedOutAndSwitchedOff(t *testing.T) {
	for _, method := range []string{"code", "link"} {
		onEach(t, proving(), func(t *testing.T, s *server) {
			p := s.person(t)
			made := s.operator(t).send("POST", "/admin/recovery/"+method, fields{"identity_id": p.id})
			link := made.at("recovery_link").String()
			use := func(c *client) answer {
				if method == "link" {
					return c.get(link)
				}
				f := c.fetch("recovery", mustURL(t, link).Query().Get("flow")).is(200)
				return c.submit(form{action: f.at("ui.action").String()}, fields{"method": "code", "code": made.at("recovery_code").String()})
			}
			s.reconfigure(t, proving("selfservice.methods."+method+".enabled", "false"))
			for _, style := range styles {
				c := s.client(t, style)
				a := use(c)
				if a.status >= 500 || a.location() == ownPage {
					t.Errorf("%s: it is accepted, or fails: %d %s %s", style, a.status, a.header.Get("Location"), a.body)
				}
				if a.location() == errorPage {
					c.get("/self-service/errors?id="+a.query("id"), "Accept", "application/json").is(200)
				}
				c.whoami().refused(401, "session_inactive")
			}
			if n := s.sessions(t, p); n != 0 {
				t.Errorf("%d sessions", n)
			}
			s.reconfigure(t, proving("revision", `"on again"`))
			c := s.client(t, page)
			use(c).leads(303, ownPage)
			c.whoami().is(200)
		})
	}
}

// TestHandedOutWithoutRecovery: administrators can let somebody in, and a former
// address can take its account back, where nobody can begin a recovery themselves.
func TestHandedOutWithoutRecovery(t *testing.T) {
	onEach(t, careful("selfservice.flows.recovery.enabled", "false"), func(t *testing.T, s *server) {
		p := s.person(t)
		s.client(t, app).get("/self-service/recovery/api").refused(400, "self_service_flow_disabled")
		for _, method := range []string{"code", "link"} {
			made := s.operator(t).send("POST", "/admin/recovery/"+method, fields{"identity_id": p.id})
			c := s.client(t, page)
			if method == "link" {
				c.get(made.is(200).at("recovery_link").String()).leads(303, ownPage)
			} else {
				link := mustURL(t, made.is(201).at("recovery_link").String())
				f := form{action: c.fetch("recovery", link.Query().Get("flow")).is(200).at("ui.action").String()}
				c.submit(f, fields{"method": "code", "code": made.at("recovery_code").String()}).leads(303, ownPage)
			}
			c.whoami().is(200)
		}
		c, owner := s.signedIn(t, app)
		s.proven(t, owner)
		fresh := stranger().email
		c.typed(c.wants(fresh), s.mail(t, fresh, "verification_code_valid").code()).is(200)
		back := s.client(t, page)
		back.undo(back.undoForm(s.mail(t, owner.email, "address_undo").link())).is(303)
		if got := s.identity(t, owner).at("traits.email").String(); got != owner.email {
			t.Errorf("the address is %s", got)
		}
	})
}
