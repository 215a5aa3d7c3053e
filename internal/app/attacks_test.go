package app

import (
	"bytes"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"zelus/internal/auth"
)

// inside says whether a code gets somebody anywhere.
func inside(a answer) bool { return a.at("state").String() == "passed_challenge" }

// TestCodesThatFitElsewhere: a code fits the form and the account that it was
// sent for, once, until the next one is sent, and no longer than it says.
func TestCodesThatFitElsewhere(t *testing.T) {
	onEach(t, proving(transitions, "true", "selfservice.flows.recovery.lifespan", `"3h"`, "selfservice.flows.verification.lifespan", `"3h"`), func(t *testing.T, s *server) {
		for kind, template := range map[string]string{"recovery": "recovery_code_valid", "verification": "verification_code_valid"} {
			wrong := map[string]int64{"recovery": 4060006, "verification": 4070006}[kind]
			send := func(c *client, p person) (form, string) {
				t.Helper()
				f := c.asked(kind, p.email)
				return f, s.mail(t, p.email, template).code()
			}
			for what, attack := range map[string]func(*client, person) answer{
				"in another form": func(c *client, p person) answer {
					_, code := send(c, p)
					s.clock.advance(time.Second)
					other, fresh := send(c, p)
					if code == fresh {
						code = wrongFor(code)
					}
					return c.typed(other, code)
				},
				"in the form of somebody else": func(c *client, p person) answer {
					_, code := send(c, p)
					f, other := send(c, s.person(t))
					if code == other {
						code = wrongFor(code)
					}
					return c.typed(f, code)
				},
				"in a form that was not told the address": func(c *client, p person) answer {
					_, code := send(c, p)
					return c.typed(c.asked(kind, stranger().email), code)
				},
				"after another one was sent to somebody else": func(c *client, p person) answer {
					f, code := send(c, p)
					q := s.person(t)
					c.submit(f, fields{"method": "code", "email": q.email}).is(200)
					if code == s.mail(t, q.email, template).code() {
						code = wrongFor(code)
					}
					return c.typed(f, code)
				},
				"after its time": func(c *client, p person) answer {
					f, code := send(c, p)
					s.clock.advance(time.Hour)
					return c.typed(f, code)
				},
				"after its address went": func(c *client, p person) answer {
					f, code := send(c, p)
					s.operator(t).send("PATCH", "/admin/identities/"+p.id, patch("replace", "/traits/email", stranger().email)).is(200)
					return c.typed(f, code)
				},
				"after its address went to somebody else": func(c *client, p person) answer {
					f, code := send(c, p)
					q := s.person(t)
					s.operator(t).send("PATCH", "/admin/identities/"+p.id, patch("replace", "/traits/email", stranger().email)).is(200)
					s.operator(t).send("PATCH", "/admin/identities/"+q.id, patch("replace", "/traits/email", p.email)).is(200)
					return c.typed(f, code)
				},
				"of an account that is deleted": func(c *client, p person) answer {
					f, code := send(c, p)
					s.operator(t).send("DELETE", "/admin/identities/"+p.id, nil).is(204)
					return c.typed(f, code)
				},
			} {
				t.Run(kind+" "+what, func(t *testing.T) {
					c, p := s.client(t, app), s.person(t)
					a := attack(c, p)
					a.saying(200, wrong)
					if inside(a) || !strings.HasSuffix(what, "deleted") && (s.sessions(t, p) > 0 || s.verified(t, p)) {
						t.Errorf("it is accepted: %s", a.body)
					}
				})
			}
			t.Run(kind+" of an account that is switched off", func(t *testing.T) {
				c, p := s.client(t, app), s.person(t)
				f, code := send(c, p)
				s.operator(t).send("PATCH", "/admin/identities/"+p.id, patch("replace", "/state", "inactive")).is(200)
				if a := c.typed(f, code); inside(a) || a.status >= 500 || s.sessions(t, p) > 0 {
					t.Errorf("it is accepted: %d %s", a.status, a.body)
				}
				// Nor while it is off.
				f = c.asked(kind, p.email)
				if all := s.mails(t, p.email); len(all) > 1 {
					if a := c.typed(f, all[0].code()); inside(a) || s.sessions(t, p) > 0 {
						t.Errorf("it is accepted: %d %s", a.status, a.body)
					}
				}
			})
			t.Run(kind+" after the form's time", func(t *testing.T) {
				c, p := s.client(t, app), s.person(t)
				f := c.begin(kind, "")
				s.clock.advance(3*time.Hour - time.Minute)
				c.submit(f, fields{"method": "code", "email": p.email})
				code := s.mail(t, p.email, template).code()
				s.clock.advance(time.Minute)
				if a := c.typed(f, code); a.status != 410 && a.status != 303 || s.verified(t, p) {
					t.Errorf("%d %s", a.status, a.body)
				}
			})
		}
		t.Run("a code of one purpose for the other", func(t *testing.T) {
			c, p := s.client(t, app), s.person(t)
			f := c.asked("verification", p.email)
			code := s.mail(t, p.email, "verification_code_valid").code()
			c.send("POST", "/self-service/recovery?flow="+f.id, fields{"method": "code", "code": code}).refused(404, "self_service_flow_not_found")
		})
	})
}

// TestSecondFactorStaysNeeded: who regains access with one factor does not get
// past the second.
func TestSecondFactorStaysNeeded(t *testing.T) {
	onEach(t, proving(transitions, "true"), func(t *testing.T, s *server) {
		s.useApps(t)
		p := s.person(t)
		s.replaceCredential(t, p, auth.TOTP, `{"totp_url":"otpauth://totp/a?secret=AAAA"}`)
		for _, style := range styles {
			c := s.client(t, style)
			f := c.asked("recovery", p.email)
			a := c.typed(f, s.mail(t, p.email, "recovery_code_valid").code())
			id := ""
			switch style {
			case page:
				id = a.leads(303, ownPage).query("flow")
			default:
				c.token = a.is(200).at(`continue_with.#(action=="set_ory_session_token").ory_session_token`).String()
				id = a.at(`continue_with.#(action=="show_settings_ui").flow.id`).String()
			}
			c.whoami().refused(403, "session_aal2_required")
			c.fetch("settings", id).refused(403, "session_aal2_required")
			path := "/self-service/settings?flow=" + id
			a = c.send("POST", path, fields{"method": "password", "password": otherPass}, "Accept", "application/json")
			a.refused(403, "session_aal2_required")
			if bytes.Contains(a.body, []byte(p.email)) {
				t.Errorf("%s: the answer tells who it is", style)
			}
			s.clock.advance(time.Second)
		}
		if s.knows(t, p.email, otherPass) {
			t.Error("the password was changed")
		}
	})
}

// TestLinksComeFromTheConfiguration: whatever host a request names, links lead to
// the configured one.
func TestLinksComeFromTheConfiguration(t *testing.T) {
	forged := []string{"X-Forwarded-Host", "evil.example", "X-Forwarded-Proto", "https", "Forwarded", "host=evil.example;proto=https", "X-Forwarded-Prefix", "/evil",
		"X-Original-Host", "evil.example", "X-Original-URL", "http://evil.example/", "Referer", "http://evil.example/", "X-Forwarded-Port", "666"}
	for _, use := range []string{"code", "link"} {
		more := careful("selfservice.flows.verification.use", `"`+use+`"`, "selfservice.flows.recovery.use", `"`+use+`"`)
		onEach(t, more, func(t *testing.T, s *server) {
			// forge sends a request to a host that is not ours.
			forge := func(c *client, method, path string, body any) answer {
				t.Helper()
				c.http.Transport = &hostile{c.http.Transport}
				return c.send(method, path, body, forged...)
			}
			p, c := s.person(t), s.client(t, app)
			for _, kind := range []string{"recovery", "verification"} {
				a := forge(s.client(t, app), "GET", "/self-service/"+kind+"/api", nil).is(200)
				forge(s.client(t, app), "POST", strings.TrimPrefix(a.at("ui.action").String(), s.public), fields{"method": use, "email": p.email}).is(200)
			}
			o := s.operator(t)
			// In development the admin API refuses such a host, see TestForeignNames.
			handed := o.send("POST", "/admin/recovery/link", fields{"identity_id": p.id}, forged...)
			c.signIn(p)
			f := c.begin("settings", "")
			fresh := stranger().email
			forge(c, "POST", "/self-service/settings?flow="+f.id, fields{"method": "profile", "traits.email": fresh}).is(200)
			all := append(s.mails(t, p.email), s.mails(t, fresh)...)
			if len(all) != 3 {
				t.Fatalf("%d mails", len(all))
			}
			if strings.Contains(string(handed.is(200).body), "evil") {
				t.Errorf("handed out is %s", handed.body)
			}
			for _, m := range all {
				if strings.Contains(m.raw, "evil") || strings.Contains(m.raw, "666/") {
					t.Errorf("a mail says %s", m.raw)
				}
			}
		})
	}
}

// TestNobodyIsToldWhoHasAnAccount: an address that is somebody's and one that is
// nobody's are answered alike.
func TestNobodyIsToldWhoHasAnAccount(t *testing.T) {
	for _, use := range []string{"code", "link"} {
		for _, choice := range []string{"false", "true"} {
			more := provingByLink("feature_flags.choose_recovery_address", choice)
			if use == "code" {
				more = proving("feature_flags.choose_recovery_address", choice)
			}
			onEach(t, more, func(t *testing.T, s *server) {
				for _, kind := range []string{"recovery", "verification"} {
					for _, style := range styles {
						told := func(email string) string {
							c := s.client(t, style)
							f := c.begin(kind, "")
							field := "email"
							if use == "code" && choice == "true" && kind == "recovery" {
								field = "recovery_address"
							}
							var said []string
							ran := s.statements.during(func() {
								for range 2 {
									a := c.submit(f, fields{"method": use, field: email})
									a.header.Del("Date")
									a.header.Del("Set-Cookie") // a new pad each time
									text := fmt.Sprint(a.status, a.header, string(a.body))
									if style == page {
										text += string(c.fetch(kind, f.id).body)
									}
									text = csrfValue.ReplaceAllString(text, "<csrf>")
									said = append(said, strings.NewReplacer(f.id, "<id>", email, "<email>", email[:2]+"****", "<masked>").Replace(text))
									if field == "recovery_address" {
										break
									}
								}
							})
							ran = slices.DeleteFunc(ran, func(sql string) bool { return strings.Contains(sql, "messages") })
							return strings.Join(said, "\n") + strings.Join(ran, "\n")
						}
						if known, unknown := told(s.person(t).email), told(stranger().email); known != unknown {
							t.Errorf("%s, %s: somebody is answered\n%s\nand nobody\n%s", kind, style, known, unknown)
						}
					}
				}
			})
		}
	}
}

// TestHostileAddresses: what is no address is refused, and no form breaks.
func TestHostileAddresses(t *testing.T) {
	for _, use := range []string{"code", "link"} {
		more := provingByLink()
		if use == "code" {
			more = proving()
		}
		onEach(t, more, func(t *testing.T, s *server) {
			p := s.person(t)
			for _, kind := range []string{"recovery", "verification"} {
				for _, style := range styles {
					c := s.client(t, style)
					for _, address := range []string{"a@b.example\r\nBcc: all@example.org", p.email + "\r\nBcc: all@example.org", p.email + "\x00", "\x00@example.org",
						strings.Repeat("a", 10_000) + "@example.org", "a@" + strings.Repeat("b.", 5000) + "org", "a @ b", "a@b c", "<" + p.email + ">",
						p.email + ",all@example.org", p.email + ";all@example.org", "a@b@example.org", "@example.org", "a@", "\"a\r\nb\"@example.org", "+49", "--", "' OR 1=1 --",
						"\xff\xfe@example.org", "a\u202eb@example.org", "{{.To}}", p.email + "\u200b"} {
						f := c.begin(kind, "")
						a := c.submit(f, fields{"method": use, "email": address})
						if a.status >= 500 {
							t.Errorf("%s, %s: %.40q: %d %s", kind, style, address, a.status, a.body)
						}
						if style == page && a.location() == errorPage {
							if e := c.get("/self-service/errors?id="+a.query("id"), "Accept", "application/json"); e.at("error.code").Int() >= 500 {
								t.Errorf("%s: %.40q: %s", kind, address, e.body)
							}
							continue
						}
						shown := c.fetch(kind, f.id)
						if shown.status >= 500 || len(shown.body) > 20_000 {
							t.Errorf("%s, %s: %.40q: the form is %d with %d bytes", kind, style, address, shown.status, len(shown.body))
						}
					}
				}
			}
			all := s.operator(t).get("/admin/courier/messages?page_size=250").is(200)
			for _, m := range all.at("@this").Array() {
				if to := m.Get("recipient").String(); strings.ContainsAny(to, "\r\n,;<>\x00 ") {
					t.Errorf("a mail goes to %q", to)
				}
			}
			// No channel carries messages to phones here.
			for _, kind := range []string{"recovery", "verification"} {
				c := s.client(t, app)
				if a := c.submit(c.begin(kind, ""), fields{"method": use, "email": "+4930123456"}); a.status >= 500 {
					t.Errorf("a phone number: %d %s", a.status, a.body)
				}
			}
		})
	}
}

// TestProofsNeedTheirBrowser: what another site makes a browser send, and what
// another browser asks for, is refused.
func TestProofsNeedTheirBrowser(t *testing.T) {
	onEach(t, proving(), func(t *testing.T, s *server) {
		for kind, template := range map[string]string{"recovery": "recovery_code_valid", "verification": "verification_code_valid"} {
			for _, style := range []style{script, page} {
				p, c := s.person(t), s.client(t, style)
				f := c.asked(kind, p.email)
				code := s.mail(t, p.email, template).code()
				with := fields{"method": "code", "code": code}
				no := func(a answer) {
					t.Helper()
					if style == page {
						a.leads(303, errorPage)
					} else {
						a.refused(403, "security_csrf_violation")
					}
				}
				no(c.submit(f, with, "Origin", "https://evil.example"))
				no(c.submit(f, with, "Sec-Fetch-Site", "cross-site", "Origin", "https://evil.example"))
				no(c.submit(f, fields{"method": "code", "code": code, "csrf_token": ""}))
				other := s.client(t, style)
				own := other.begin(kind, "")
				other.fetch(kind, f.id).refused(403, "security_csrf_violation")
				no(other.submit(form{action: f.action, csrf: own.csrf}, with))
				// An app does not get around it, nor a browser with an app's form.
				no(other.submit(form{action: f.action, csrf: f.csrf}, with))
				s.client(t, app).typed(f, code).refused(403, "security_csrf_violation")
				a := s.client(t, app)
				g := a.asked(kind, p.email)
				second := s.mail(t, p.email, template).code()
				if got := c.submit(form{action: g.action}, fields{"method": "code", "code": second}); inside(got) || s.sessions(t, p) > 0 || s.verified(t, p) {
					t.Errorf("%s: a browser sends an app's form: %d %s", kind, got.status, got.body)
				}
				if kind == "recovery" {
					s.clock.advance(time.Second)
				}
			}
		}
		for _, kind := range []string{"recovery", "verification"} {
			for _, to := range []string{"https://evil.example/", "//evil.example", "https://app.example.org.evil.example/", "javascript:alert(1)", "https://app.example.org@evil.example/"} {
				s.client(t, script).get("/self-service/"+kind+"/browser?return_to="+url.QueryEscape(to)).refused(400, "self_service_flow_return_to_forbidden")
			}
			c := s.client(t, app)
			f := c.begin(kind, "")
			big := map[string]any{"method": "code", "email": "a@example.org", "transient_payload": map[string]any{"x": strings.Repeat("x", 1<<20)}}
			if a := c.send("POST", f.action, big); a.status != 413 {
				t.Errorf("a payload of 1 MB: %d %s", a.status, a.body)
			}
			// What strangers send along is kept with the message, so it is less than a form may have.
			big["transient_payload"] = map[string]any{"x": strings.Repeat("x", 8<<10)}
			c.send("POST", f.action, big).refused(413, "body_too_large")
			c.submit(f, fields{"method": "code", "email": "a@example.org", "transient_payload.x": strings.Repeat("x", 8<<10)}).refused(413, "body_too_large")
			big["transient_payload"] = map[string]any{"x": strings.Repeat("x", 7<<10)}
			c.went(f, c.send("POST", f.action, big), map[string]int64{"recovery": 1060003, "verification": 1080003}[kind])
			if kind == "verification" { // who is signed in has nothing to recover
				big["transient_payload"] = map[string]any{"x": strings.Repeat("x", 100<<10)}
				owner, _ := s.signedIn(t, app)
				g := owner.begin(kind, "")
				owner.went(g, owner.send("POST", g.action, big), 1080003)
			}
		}
		s.operator(t).send("POST", "/admin/recovery/link?return_to="+url.QueryEscape("https://evil.example/"), fields{"identity_id": s.person(t).id}).refused(400, "self_service_flow_return_to_forbidden")
	})
}

// TestLinksAreOpenedByGET: servers that look whether a link leads anywhere ask
// for its head only; that is no use of it.
func TestLinksAreOpenedByGET(t *testing.T) {
	onEach(t, provingByLink(), func(t *testing.T, s *server) {
		p, c := s.person(t), s.client(t, page)
		for _, kind := range []string{"verification", "recovery"} {
			f := c.begin(kind, "")
			c.submit(f, fields{"method": "link", "email": p.email}).is(303)
			link := s.mail(t, p.email, kind+"_valid").link()
			scanner := s.client(t, page)
			if a := scanner.send("HEAD", link, nil); a.status >= 500 || a.cookies()[sessionCookie] != nil {
				t.Errorf("%s: HEAD is answered with %d %v", kind, a.status, a.header)
			}
			if s.sessions(t, p) > 0 || kind == "verification" && s.verified(t, p) {
				t.Fatalf("%s: asking for the head of a link has used it", kind)
			}
			s.client(t, page).get(link).is(303)
			if kind == "recovery" && s.sessions(t, p) != 1 || kind == "verification" && !s.verified(t, p) {
				t.Errorf("%s: the link is of no use after that", kind)
			}
			s.clock.advance(time.Second)
		}
	})
}

// TestSecretsAreNowhere: no code, token or link stands in the database's files or
// in the log.
func TestSecretsAreNowhere(t *testing.T) {
	for _, use := range []string{"code", "link"} {
		s := start(t, setup{more: careful("selfservice.flows.verification.use", `"`+use+`"`, "selfservice.flows.recovery.use", `"`+use+`"`, "log.level", `"trace"`, "log.leak_sensitive_values", "false")})
		c, p := s.signedIn(t, app)
		s.proven(t, p)
		var secrets []string
		note := func(l letter) {
			if use == "code" {
				secrets = append(secrets, l.code())
			}
			for _, link := range anAddress.FindAllString(l.body, -1) {
				q := mustURL(t, link).Query()
				for _, name := range []string{"token", "code"} {
					if v := q.Get(name); v != "" {
						secrets = append(secrets, v)
					}
				}
			}
		}
		for _, kind := range []string{"recovery", "verification"} {
			f := s.client(t, app).begin(kind, "")
			s.client(t, app).submit(f, fields{"method": use, "email": p.email}).is(200)
			sent := s.mails(t, p.email)[0]
			note(sent)
			if use == "code" && kind == "verification" {
				reader := s.client(t, page)
				reader.get(sent.link()).is(303) // fills it in
			}
			s.clock.advance(time.Second)
		}
		for _, what := range []string{"code", "link"} {
			a := s.operator(t).send("POST", "/admin/recovery/"+what, fields{"identity_id": p.id})
			secrets = append(secrets, mustURL(t, a.at("recovery_link").String()).Query().Get("token"), a.at("recovery_code").String())
		}
		fresh := stranger().email
		f := c.begin("settings", "")
		id := c.submit(f, fields{"method": "profile", "traits.email": fresh}).is(200).at(`continue_with.#(action=="show_verification_ui").flow.id`).String()
		sent := s.mails(t, fresh)[0]
		note(sent)
		s.clock.advance(time.Second)
		if use == "code" {
			c.typed(form{kind: "verification", action: s.public + "/self-service/verification?flow=" + id}, sent.code()).saying(200, 1080002)
		} else {
			reader := s.client(t, page)
			id := reader.get(sent.link()).leads(303, verificationPage).query("flow")
			reader.submit(reader.opened("verification", reader.fetch("verification", id).is(200)), fields{"method": "link"}).leads(303, verificationPage)
		}
		undo := s.mail(t, p.email, "address_undo")
		secrets = append(secrets, mustURL(t, undo.link()).Query().Get("token"))
		s.client(t, page).undoForm(undo.link())
		secrets = slices.DeleteFunc(secrets, func(secret string) bool { return secret == "" })
		if len(secrets) < 6 {
			t.Fatalf("only %d secrets were seen", len(secrets))
		}
		s.hides(t, use, p.email, secrets...)
		for _, secret := range append(secrets, p.email, fresh) {
			if strings.Contains(s.log.String(), secret) {
				t.Errorf("%s: the log holds %q", use, secret)
			}
		}
	}
}

// TestForgottenForms: what is sent to forms that have no such step changes nothing
// and is no fault of the server.
func TestForgottenForms(t *testing.T) {
	for _, more := range []string{proving(), provingByLink(), proving("feature_flags.choose_recovery_address", "true")} {
		onEach(t, more, func(t *testing.T, s *server) {
			p := s.person(t)
			for _, kind := range []string{"recovery", "verification"} {
				for _, with := range []any{
					fields{}, fields{"method": "code"}, fields{"method": "link"}, fields{"method": "password", "password": otherPass, "identifier": p.email},
					fields{"code": "123456"}, fields{"method": "code", "code": ""}, fields{"method": "code", "code": strings.Repeat("1", 10_000)}, fields{"method": "code", "code": "\x00"},
					fields{"method": "code", "code": "１２３４５６"}, fields{"token": "x"}, fields{"method": "link", "token": "x"}, fields{"method": "code", "screen": "previous"},
					fields{"method": "code", "recovery_select_address": "x"}, fields{"method": "code", "recovery_confirm_address": p.email},
					fields{"method": "code", "recovery_address": p.email, "recovery_confirm_address": "x", "code": "123456"}, fields{"method": "code", "email": p.email, "code": "123456"},
					map[string]any{"method": "code", "email": []string{p.email}}, map[string]any{"method": "code", "email": map[string]any{"a": 1}}, map[string]any{"method": "code", "code": 123456},
					map[string]any{"method": "code", "code": true}, map[string]any{"method": []string{"code"}}, "{", "[]", "null", `{"method":"code","method":"link","email":"` + p.email + `"}`,
					fields{"method": "profile", "traits.email": "x@example.org"},
				} {
					c := s.client(t, app)
					f := c.begin(kind, "")
					if a := c.send("POST", f.action, with); a.status >= 500 || inside(a) {
						t.Errorf("%s: %v: %d %s", kind, with, a.status, a.body)
					}
					if a := c.fetch(kind, f.id); a.status != 200 {
						t.Errorf("%s: %v: the form is %d %s", kind, with, a.status, a.body)
					}
				}
				for _, query := range []string{"token=x", "code=x", "code=123456", "flow=x&token=x", "flow=" + s.client(t, app).begin(kind, "").id + "&token=x",
					"flow=" + s.client(t, app).begin(kind, "").id + "&code=123456", "flow=" + s.client(t, app).begin(kind, "").id + "&token=%00&code=%ff",
					"flow=00000000-0000-0000-0000-000000000000&token=x", "flow=" + p.id + "&token=x"} {
					c := s.client(t, page)
					a := c.get("/self-service/" + kind + "?" + query)
					if a.status >= 500 || a.cookies()[sessionCookie] != nil {
						t.Errorf("%s: %s: %d %v %s", kind, query, a.status, a.header, a.body)
					}
					if a.location() == errorPage && c.get("/self-service/errors?id="+a.query("id"), "Accept", "application/json").at("error.code").Int() >= 500 {
						t.Errorf("%s: %s is a fault of the server", kind, query)
					}
				}
			}
			if s.sessions(t, p) != 0 || s.verified(t, p) {
				t.Error("something was proven")
			}
		})
	}
}

// TestProofsSwitchedOff: what is switched off is not there, also for links that are
// under way.
func TestProofsSwitchedOff(t *testing.T) {
	onEach(t, provingByLink(), func(t *testing.T, s *server) {
		p := s.person(t)
		links := map[string]string{}
		for _, kind := range []string{"recovery", "verification"} {
			c := s.client(t, app)
			c.submit(c.begin(kind, ""), fields{"method": "link", "email": p.email}).is(200)
			links[kind] = s.mail(t, p.email, kind+"_valid").link()
			s.clock.advance(time.Second)
		}
		for _, more := range []string{provingByLink("selfservice.flows.recovery.enabled", "false", "selfservice.flows.verification.enabled", "false"), provingByLink("selfservice.methods.link.enabled", "false")} {
			s.reconfigure(t, more)
			for kind, link := range links {
				c := s.client(t, page)
				if a := c.get(link); a.status >= 500 || a.cookies()[sessionCookie] != nil {
					t.Errorf("%s: %d %v", kind, a.status, a.header)
				}
			}
			if s.sessions(t, p) != 0 || s.verified(t, p) {
				t.Fatal("a link counts that is switched off")
			}
		}
		s.reconfigure(t, provingByLink())
		s.client(t, page).get(links["recovery"]).leads(303, ownPage)
	})
}
