package app

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/tidwall/gjson"
)

// logLine is the line of the log, in JSON, that has this value of an attribute.
func (s *server) logLine(t *testing.T, name, value string) gjson.Result {
	t.Helper()
	for line := range strings.Lines(s.log.String()) {
		if got := gjson.Get(line, name); got.String() == value && gjson.Get(line, "msg").String() == "request failed" {
			return gjson.Parse(line)
		}
	}
	t.Fatalf("no line of the log has %s=%s:\n%s", name, value, s.log)
	return gjson.Result{}
}

// TestDiagnoses: whatever keeps a browser's form from being taken, the log says
// under the id that the person sees what was sent, what was expected and what to
// change; the answer says so in development, and never otherwise.
func TestDiagnoses(t *testing.T) {
	const own = "log: {format: json, level: info}\n"
	production := own + "dev: false\ncookies: {secure: false}\nsession: {cookie: {secure: false}}\nhashers: {bcrypt: {cost: 12}}\n"
	for mode, more := range map[string]string{"development": own, "production": production} {
		t.Run(mode, func(t *testing.T) {
			s := start(t, setup{more: more})
			p := stranger()
			signedIn := func(c *client) *client {
				c.finish(c.begin("registration", ""), p.signUp())
				p = stranger()
				return c
			}
			without := func(c *client) { c.http.Jar = s.client(t, page).http.Jar }
			for _, tt := range []struct {
				name, id, change string // a piece of what to change
				send             func(c *client, headers ...string) answer
			}{
				{"no cookie", "security_csrf_violation", "cookies", func(c *client, headers ...string) answer {
					f := c.begin("login", "")
					without(c)
					return c.submit(f, p.login(), headers...)
				}},
				{"a page of another host", "security_csrf_violation", "Open the page by the same host, at http://127.0.0.1:4455", func(c *client, headers ...string) answer {
					f := c.begin("login", "")
					without(c)
					return c.submit(f, p.login(), append(headers, "Origin", "http://localhost:4455")...)
				}},
				{"another host than the base URL", "security_csrf_violation", "serve.public.base_url", func(c *client, headers ...string) answer {
					f := c.begin("login", "")
					without(c)
					return c.submit(f, p.login(), append(headers, "X-Forwarded-Host", "id.example.org")...)
				}},
				{"no token", "security_csrf_violation", "ui.action", func(c *client, headers ...string) answer {
					with := p.login()
					with["csrf_token"] = ""
					return c.submit(c.begin("login", ""), with, headers...)
				}},
				{"another browser", "security_csrf_violation", "secrets.default", func(c *client, headers ...string) answer {
					f := s.client(t, c.style).begin("login", "")
					c.begin("login", "")
					return c.submit(f, p.login(), headers...)
				}},
				{"a foreign page", "security_csrf_violation", "selfservice.allowed_return_urls", func(c *client, headers ...string) answer {
					return c.submit(c.begin("login", ""), p.login(), append(headers, "Origin", "https://evil.example.com", "Sec-Fetch-Site", "cross-site")...)
				}},
				{"a return_to", "self_service_flow_return_to_forbidden", "add https://evil.example.com/ to selfservice.allowed_return_urls", func(c *client, headers ...string) answer {
					return c.get("/self-service/login/browser?return_to=https://evil.example.com/private", headers...)
				}},
				{"no return_to", "self_service_flow_return_to_malformed", "encodeURIComponent", func(c *client, headers ...string) answer {
					return c.get("/self-service/login/browser?return_to=%zz", headers...)
				}},
				{"an expired form, fetched", "self_service_flow_expired", "selfservice.flows.login.lifespan", func(c *client, headers ...string) answer {
					f := c.begin("login", "")
					s.clock.advance(2 * time.Hour)
					return c.get("/self-service/login/flows?id="+f.id, append(headers, "Accept", "application/json")...)
				}},
				{"an expired form, sent", "self_service_flow_expired", "selfservice.flows.login.lifespan", func(c *client, headers ...string) answer {
					f := c.begin("login", "")
					s.clock.advance(2 * time.Hour)
					return c.submit(f, p.login(), headers...)
				}},
				{"a session cookie of other secrets", "session_inactive", "secrets.cookie", func(c *client, headers ...string) answer {
					return c.get("/self-service/settings/browser", append(headers, "Cookie", sessionCookie+"=private")...)
				}},
				{"a session cookie that is kept back", "session_inactive", "serve.public.base_url", func(c *client, headers ...string) answer {
					without(signedIn(c))
					return c.get("/self-service/settings/browser", append(headers, "X-Forwarded-Host", "id.example.org")...)
				}},
			} {
				for _, style := range []style{script, page} {
					t.Run(tt.name+", "+string(style), func(t *testing.T) {
						c := s.client(t, style)
						c.t = t
						a := tt.send(c, "X-Request-ID", t.Name())
						line := s.logLine(t, "request", t.Name())
						if line.Get("id").String() != tt.id || line.Get("level").String() != "INFO" {
							t.Errorf("the log says %s", line)
						}
						why := line.Get("sent").String() + line.Get("expected").String() + line.Get("change").String()
						if !strings.Contains(line.Get("change").String(), tt.change) || line.Get("sent").String() == "" || line.Get("expected").String() == "" {
							t.Errorf("the log does not say what to change: %s", line)
						}
						for _, private := range []string{"private", p.email, p.password, c.cookie("csrf_token_")} {
							if private != "" && strings.Contains(why, private) {
								t.Errorf("the log tells %q: %s", private, why)
							}
						}
						body := a.at("error")
						switch location := a.location(); {
						case a.status < 300 || a.status >= 400:
						case location == errorPage:
							id := a.query("id")
							if got := s.logLine(t, "error_id", id); got.Raw != line.Raw {
								t.Errorf("of the error that the person sees the log says %s", got)
							}
							body = c.get("/self-service/errors?id="+id, "Accept", "application/json").is(http.StatusOK).at("error")
						default:
							return // on to a new form or to a sign-in
						}
						if got := body.Get("id").String(); got != tt.id {
							t.Errorf("the error is %s", body)
						}
						debug := body.Get("debug").String()
						if mode == "production" && debug != "" || mode == "development" && !strings.Contains(debug, line.Get("change").String()) {
							t.Errorf("debug is %q", debug)
						}
						var told map[string]any
						if err := json.Unmarshal([]byte(body.Raw), &told); err != nil || told["reason"] == nil {
							t.Errorf("the error is %s", body)
						}
					})
				}
			}
			if t.Failed() {
				return
			}
			// Who is just not signed in is nobody's fault.
			s.client(t, page).get("/self-service/settings/browser", "X-Request-ID", "stranger").is(303)
			if strings.Contains(s.log.String(), `"msg":"request failed","method":"GET","route":"GET /self-service/settings/browser","request":"stranger"`) {
				t.Error("a stranger is in the log")
			}
		})
	}
}
