package app

import (
	"fmt"
	"maps"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/uuid"

	"zelus/internal/ceremony/ceremonytest"
)

// cost is how many SQL statements a request runs. act prepares the request and
// returns it.
type cost struct {
	what   string
	want   int
	status int
	act    func(*testing.T, *server) func() answer
}

// TestQueries holds the number of SQL statements that each endpoint runs,
// begin and commit not counted: no more, so that nothing gets slower unseen,
// and no less without a look at what is no longer checked. It is the same on
// every database, and never depends on how much there is.
//
// While there is no API key the admin server asks with each request whether
// there is one now. That one statement is not counted in the table, but is seen
// to be there; what a key costs is in TestKeyQueries.
func TestQueries(t *testing.T) {
	costs(t, longForms+"\n"+tokenTemplates(), []cost{
		{"session check, warm, token", 0, 200, func(t *testing.T, s *server) func() answer {
			c := s.client(t, app)
			c.signIn(s.person(t))
			c.whoami().is(200)
			return c.whoami
		}},
		{"session check, warm, cookie", 0, 200, func(t *testing.T, s *server) func() answer {
			c := s.client(t, script)
			c.signIn(s.person(t))
			c.whoami().is(200)
			return c.whoami
		}},
		{"session check, warm, for a client of the v0alpha2 era", 0, 200, func(t *testing.T, s *server) func() answer {
			c := s.old(t, app)
			c.signIn(s.person(t))
			c.whoami().is(200)
			return c.whoami
		}},
		{"session check with a token, warm", 0, 200, func(t *testing.T, s *server) func() answer {
			c := s.client(t, app)
			c.signIn(s.person(t))
			c.whoami().is(200)
			return func() answer { return c.get("/sessions/whoami?tokenize_as=mapped") }
		}},
		{"session check, cold", 1, 200, func(t *testing.T, s *server) func() answer {
			c := s.client(t, app)
			c.signIn(s.person(t))
			return c.whoami
		}},
		{"session check after a change", 1, 200, func(t *testing.T, s *server) func() answer {
			c, p := s.client(t, app), s.person(t)
			c.signIn(p)
			c.whoami().is(200)
			s.operator(t).send("PATCH", "/admin/identities/"+p.id, patch("add", "/metadata_public", 1)).is(200)
			return c.whoami
		}},
		{"session check without a session", 0, 401, func(t *testing.T, s *server) func() answer { return s.client(t, script).whoami }},
		{"session check with a broken cookie", 0, 401, func(t *testing.T, s *server) func() answer {
			return func() answer {
				return s.client(t, app).get("/sessions/whoami", "Cookie", sessionCookie+"="+strings.Repeat("A", 120))
			}
		}},
		{"session check with an unknown token", 1, 401, func(t *testing.T, s *server) func() answer {
			c := s.client(t, app)
			c.token = "ory_st_" + strings.Repeat("a", 32)
			return c.whoami
		}},
		// Not the cookie that the browser has now: the one that it had before.
		{"session check with a former cookie", 2, 200, func(t *testing.T, s *server) func() answer {
			c, p := s.signedIn(t, script)
			former := sessionCookie + "=" + c.secret()
			c.finish(c.begin("login", "refresh=true"), p.login())
			return func() answer { return s.client(t, app).get("/sessions/whoami", "Cookie", former) }
		}},
		{"session check with an expired session, warm", 0, 401, func(t *testing.T, s *server) func() answer {
			c := s.client(t, app)
			c.signIn(s.person(t))
			c.whoami().is(200)
			s.clock.advance(sessionLifespan)
			return c.whoami
		}},

		{"begin login, app", 1, 200, getting(app, "/self-service/login/api")},
		{"begin login, browser", 1, 200, getting(script, "/self-service/login/browser")},
		{"begin login, page", 1, 303, getting(page, "/self-service/login/browser")},
		{"begin login, signed in", 1, 400, func(t *testing.T, s *server) func() answer {
			c := s.client(t, app)
			c.signIn(s.person(t))
			return func() answer { return c.get("/self-service/login/api") }
		}},
		// The session; the identity and its credentials; the flow.
		{"begin a refresh", 4, 200, func(t *testing.T, s *server) func() answer {
			c := s.client(t, app)
			c.signIn(s.person(t))
			return func() answer { return c.get("/self-service/login/api?refresh=true") }
		}},
		{"begin registration, app", 1, 200, getting(app, "/self-service/registration/api")},
		{"begin registration, browser", 1, 200, getting(script, "/self-service/registration/browser")},
		{"fetch a login", 1, 200, func(t *testing.T, s *server) func() answer {
			c := s.client(t, script)
			f := c.begin("login", "")
			return func() answer { return c.fetch("login", f.id) }
		}},
		{"fetch a registration", 1, 200, func(t *testing.T, s *server) func() answer {
			c := s.client(t, script)
			f := c.begin("registration", "")
			return func() answer { return c.fetch("registration", f.id) }
		}},

		// The flow and the person; then, in a transaction, the person once more,
		// who may have changed meanwhile; the flow is used up, the session and its
		// entry in the history are written.
		{"sign in, app", 6, 200, signingIn(app, func(p person) fields { return p.login() })},
		{"sign in, browser", 6, 200, signingIn(script, func(p person) fields { return p.login() })},
		// These two have to be the same: their number must not tell who has an account.
		{"sign in, wrong password", 3, 400, signingIn(app, func(p person) fields {
			p.password += "!"
			return p.login()
		})},
		{"sign in, unknown person", 3, 400, signingIn(app, func(person) fields { return stranger().login() })},
		{"sign in, no password", 2, 400, signingIn(app, func(p person) fields {
			p.password = ""
			return p.login()
		})},
		{"sign in, no method", 2, 400, signingIn(app, func(person) fields { return fields{} })},
		{"sign in, foreign CSRF token", 1, 403, signingIn(script, func(p person) fields { return fields{"csrf_token": "x"} })},
		{"sign in, used form", 2, 400, func(t *testing.T, s *server) func() answer {
			c, p := s.client(t, app), s.person(t)
			f := c.begin("login", "")
			c.submit(f, p.login()).is(200)
			return func() answer { return c.submit(f, p.login()) }
		}},
		// The flow, the session, the identity and its credentials, the person
		// who signs in, once more in the transaction; the flow is used up, the
		// session is changed, and the history has an entry of it.
		{"refresh", 9, 200, func(t *testing.T, s *server) func() answer {
			c, p := s.client(t, app), s.person(t)
			c.signIn(p)
			f := c.begin("login", "refresh=true")
			return func() answer { return c.submit(f, p.login()) }
		}},

		// The flow; it is used up, then identity, credential, what they are looked up
		// by (the identifier, the addresses), session and its entry in the history are
		// written, each with one statement.
		{"sign up, app", 7, 200, signingUp(app, func(p person) fields { return p.signUp() })},
		{"sign up, browser", 7, 200, signingUp(script, func(p person) fields { return p.signUp() })},
		{"sign up, password too short", 2, 400, signingUp(app, func(p person) fields {
			p.password = "short"
			return p.signUp()
		})},
		{"sign up, traits not valid", 2, 400, signingUp(app, func(p person) fields {
			p.email = "nobody"
			return p.signUp()
		})},

		// The session; the identity and its credentials; the flow.
		{"begin settings", 4, 200, func(t *testing.T, s *server) func() answer {
			c, _ := s.signedIn(t, app)
			return func() answer { return c.get("/self-service/settings/api") }
		}},
		{"begin settings, nobody", 0, 401, getting(app, "/self-service/settings/api")},
		{"fetch settings", 2, 200, func(t *testing.T, s *server) func() answer {
			c, _ := s.signedIn(t, script)
			f := c.begin("settings", "")
			return func() answer { return c.fetch("settings", f.id) }
		}},
		{"fetch settings, nobody", 0, 401, getting(app, "/self-service/settings/flows?id=3b0ba2c9-7d31-4f49-8f4e-0d2a3c0e5b11")},
		{"fetch settings of somebody else", 2, 403, func(t *testing.T, s *server) func() answer {
			c, _ := s.signedIn(t, app)
			f := c.begin("settings", "")
			thief, _ := s.signedIn(t, app)
			return func() answer { return thief.fetch("settings", f.id) }
		}},
		// The session, the flow, the identity and its credentials; then the flow
		// and the identity are written, and the session is looked at again.
		{"change a trait, app", 7, 200, changing(app, func(p person) fields { return p.profile(fields{"traits.name": "Ada"}) })},
		{"change a trait, browser", 7, 200, changing(script, func(p person) fields { return p.profile(fields{"traits.name": "Ada"}) })},
		// Besides these: the credential; the identifier and two addresses go, one
		// by one, and come at once; former cookies end, and the trust in devices.
		{"change one's address", 14, 200, changing(app, func(person) fields { return stranger().profile(nil) })},
		{"change one's password", 10, 200, changing(app, func(person) fields { return newPassword(otherPass) })},
		{"change a trait, not valid", 5, 400, changing(app, func(p person) fields { return p.profile(fields{"traits.email": "nobody"}) })},
		{"change one's password, too short", 5, 400, changing(app, func(person) fields { return newPassword("short") })},
		{"change nothing", 5, 400, changing(app, func(person) fields { return fields{} })},
		{"change a trait, no CSRF token", 4, 403, changing(script, func(p person) fields { return p.profile(fields{"csrf_token": ""}) })},
		// What is sent is set aside.
		{"change one's password, old session", 6, 403, oldSession(script)},
		{"change one's password, old session, app", 4, 403, oldSession(app)},
		// As without the interruption, and it is read and removed; and the cookie has a new token.
		{"go on with an interrupted change", 13, 303, func(t *testing.T, s *server) func() answer {
			c, p, f := setAside(t, s, page)
			c.prove(p, f)
			return func() answer { return c.back(f) }
		}},

		{"ask for a logout address", 1, 200, func(t *testing.T, s *server) func() answer {
			c := s.client(t, script)
			c.signIn(s.person(t))
			return func() answer { return c.get("/self-service/logout/browser") }
		}},
		{"sign out, browser", 2, 204, func(t *testing.T, s *server) func() answer {
			c := s.client(t, script)
			c.signIn(s.person(t))
			to := c.get("/self-service/logout/browser").is(200).at("logout_url").String()
			return func() answer { return c.get(to) }
		}},
		{"sign out, app", 2, 204, func(t *testing.T, s *server) func() answer {
			c := s.client(t, app)
			c.signIn(s.person(t))
			return func() answer {
				return c.send("DELETE", "/self-service/logout/api", map[string]string{"session_token": c.token})
			}
		}},
		{"see an error", 1, 200, func(t *testing.T, s *server) func() answer {
			c := s.client(t, page)
			id := c.get("/self-service/login?flow=x").leads(303, errorPage).query("id")
			return func() answer { return c.get("/self-service/errors?id=" + id) }
		}},

		{"own sessions", 3, 200, func(t *testing.T, s *server) func() answer {
			c, _ := signedInTwice(t, s)
			return func() answer { return c.get("/sessions") }
		}},
		{"revoke one session", 2, 204, func(t *testing.T, s *server) func() answer {
			c, other := signedInTwice(t, s)
			return func() answer { return c.send("DELETE", "/sessions/"+other, nil) }
		}},
		// Former cookies end, too, and the trust in devices.
		{"revoke the other sessions", 4, 200, func(t *testing.T, s *server) func() answer {
			c, _ := signedInTwice(t, s)
			return func() answer { return c.send("DELETE", "/sessions", nil) }
		}},

		{"own history", 2, 200, func(t *testing.T, s *server) func() answer {
			c, _ := signedInTwice(t, s)
			return func() answer { return c.get("/self-service/account/history") }
		}},
		{"own credentials", 3, 200, func(t *testing.T, s *server) func() answer {
			c, _ := s.signedIn(t, app)
			return func() answer { return c.get("/self-service/account/credentials") }
		}},
		// The session; identity and credentials; sessions are counted and read; devices,
		// history, and the messages to each address that is proven, here none.
		{"export", 7, 200, func(t *testing.T, s *server) func() answer {
			c, _ := s.signedIn(t, app)
			return func() answer { return c.get("/self-service/account/export") }
		}},
		{"history of an identity", 1, 200, operating("GET", "/admin/identities/{id}/history", nil)},

		{"schemas", 0, 200, getting(app, "/schemas")},
		{"one schema", 0, 200, getting(app, "/schemas/person")},
		{"script of sign-in pages", 0, 200, getting(page, "/.well-known/ory/webauthn.js")},
		{"alive", 0, 200, getting(app, "/health/alive")},
		{"origins that may use keys", 0, 200, getting(app, "/.well-known/webauthn")},
		{"revision of the configuration", 0, 200, operating("GET", "/admin/health/config", nil)},
		{"metrics", 1, 200, operating("GET", "/admin/metrics/prometheus", nil)},
		{"version", 0, 200, operating("GET", "/admin/version", nil)},

		{"create an identity", 3, 201, operating("POST", "/admin/identities", func(person) any {
			return map[string]any{"schema_id": "person", "traits": fields{"email": stranger().email}}
		})},
		{"get an identity", 2, 200, operating("GET", "/admin/identities/{id}", nil)},
		{"get an identity by its external id", 2, 200, func(t *testing.T, s *server) func() answer {
			p, external := s.person(t), uuid.NewString()
			s.operator(t).send("PATCH", "/admin/identities/"+p.id, patch("add", "/external_id", external)).is(200)
			return func() answer { return s.operator(t).get("/admin/identities/by/external/" + external) }
		}},
		{"list identities", 1, 200, func(t *testing.T, s *server) func() answer {
			people(t, s, 250)
			return func() answer {
				a := s.operator(t).get("/admin/identities")
				if got := a.at("#").Int(); got != 250 {
					t.Errorf("the page has %d identities, want 250", got)
				}
				return a
			}
		}},
		{"list identities with credentials", 2, 200, func(t *testing.T, s *server) func() answer {
			s.person(t)
			return func() answer { return s.operator(t).get("/admin/identities?include_credential=password&page_size=50") }
		}},
		{"list identities by id", 1, 200, func(t *testing.T, s *server) func() answer {
			query := "/admin/identities?ids=" + s.person(t).id + "&ids=" + s.person(t).id
			return func() answer { return s.operator(t).get(query) }
		}},
		{"find an identity by its identifier", 2, 200, func(t *testing.T, s *server) func() answer {
			p := s.person(t)
			return func() answer { return s.operator(t).get("/admin/identities?credentials_identifier=" + p.email) }
		}},
		{"list identities by number", 2, 200, operating("GET", "/admin/identities?page=0", nil)},
		// The identity and its credentials are read; only what differs is written.
		{"replace an identity by itself", 3, 200, operating("PUT", "/admin/identities/{id}", func(p person) any {
			return map[string]any{"schema_id": "person", "traits": fields{"email": p.email}}
		})},
		// Besides these three: the credential; the identifier and two addresses
		// go, one by one, and come at once; former cookies end, and the trust in devices.
		{"change an address", 11, 200, operating("PUT", "/admin/identities/{id}", func(person) any {
			return map[string]any{"schema_id": "person", "traits": fields{"email": stranger().email}}
		})},
		{"patch metadata", 3, 200, operating("PATCH", "/admin/identities/{id}", func(person) any { return patch("add", "/metadata_admin", 1) })},
		{"switch an identity off", 6, 200, operating("PATCH", "/admin/identities/{id}", func(person) any { return patch("replace", "/state", "inactive") })},
		{"delete an identity", 1, 204, operating("DELETE", "/admin/identities/{id}", nil)},
		{"sessions of an identity", 2, 200, operating("GET", "/admin/identities/{id}/sessions", nil)},
		{"read a session", 1, 200, ofSession("GET", "")},
		{"extend a session", 2, 200, ofSession("PATCH", "/extend")},
		{"revoke a session", 2, 204, ofSession("DELETE", "")},
		{"list messages", 1, 200, func(t *testing.T, s *server) func() answer {
			s.enqueue(t, "ada@example.org", "")
			return func() answer {
				return s.operator(t).get("/admin/courier/messages?status=queued&recipient=ada%40example.org")
			}
		}},
		{"read a message", 1, 200, func(t *testing.T, s *server) func() answer {
			id := s.enqueue(t, "ada@example.org", "")
			return func() answer { return s.operator(t).get("/admin/courier/messages/" + id) }
		}},
		{"delete the sessions of an identity", 2, 204, func(t *testing.T, s *server) func() answer {
			p := s.person(t)
			s.client(t, app).signIn(p)
			return func() answer { return s.operator(t).send("DELETE", "/admin/identities/"+p.id+"/sessions", nil) }
		}},
	})
}

// costs holds the requests of a table, on every kind of database.
func costs(t *testing.T, more string, tests []cost) {
	onEach(t, more, func(t *testing.T, s *server) {
		for _, test := range tests {
			t.Run(test.what, func(t *testing.T) {
				request, want := test.act(t, s), test.want
				ran := slices.CompactFunc(s.statements.during(func() {
					if a := request().is(test.status); a.admin && !openToAll(a.path) {
						want++
					}
				}), sameRows)
				if asked := slices.Contains(ran, anyKey); len(ran) != want || asked != (want > test.want) {
					t.Errorf("%d statements, want %d:\n%s", len(ran), want, strings.Join(ran, "\n"))
				}
			})
		}
	})
}

// sameRows says of two statements in turn that they are rows of one INSERT: those of
// credentials and look-ups, for which SQLite is asked one by one, and a server at once.
func sameRows(one, next string) bool { return one == next && rowByRow.MatchString(one) }

var rowByRow = regexp.MustCompile(`^INSERT INTO (credentials|lookups) `)

// TestQueriesOfPages is TestQueries for the account pages: what a page shows it asks for
// as everybody else does.
func TestQueriesOfPages(t *testing.T) {
	showing := func(path string) func(*testing.T, *server) func() answer {
		return func(t *testing.T, s *server) func() answer {
			c, _ := s.signedIn(t, page)
			return func() answer { return c.get(path) }
		}
	}
	flowOf := func(kind string) func(*testing.T, *server) func() answer {
		return func(t *testing.T, s *server) func() answer {
			c := s.client(t, page)
			to := c.get("/self-service/" + kind + "/browser").is(303).header.Get("Location")
			return func() answer { return c.get(to) }
		}
	}
	posting := func(path string, values url.Values) func(*testing.T, *server) func() answer {
		return func(t *testing.T, s *server) func() answer {
			c, _ := s.signedIn(t, page)
			values := maps.Clone(values)
			values.Set("csrf_token", csrfOf(c.shows("/ui/sessions")))
			return func() answer { return c.send("POST", path, values) }
		}
	}
	costs(t, ownPages, []cost{
		{"page of a login", 1, 200, flowOf("login")},
		{"page of a login, without a flow", 0, 303, getting(page, "/ui/login")},
		{"page of a registration", 1, 200, flowOf("registration")},
		{"page of a recovery", 1, 200, flowOf("recovery")},
		{"page of a verification", 1, 200, flowOf("verification")},
		// Whose it is, and the flow.
		{"page of settings", 2, 200, func(t *testing.T, s *server) func() answer {
			c, _ := s.signedIn(t, page)
			to := c.get("/self-service/settings/browser").is(303).header.Get("Location")
			return func() answer { return c.get(to) }
		}},
		{"page of welcome", 1, 200, showing("/ui/welcome")},
		// The own session; the others are counted and read; the trusted devices.
		{"page of sessions", 4, 200, showing("/ui/sessions")},
		{"page of logout", 1, 200, showing("/ui/logout")},
		{"page of an error", 0, 404, getting(page, "/ui/nothing")},
		{"page of an error that was kept", 1, 200, func(t *testing.T, s *server) func() answer {
			c := s.client(t, page)
			to := c.get("/self-service/login?flow=x").is(303).header.Get("Location")
			return func() answer { return c.get(to) }
		}},
		{"style sheet", 0, 200, func(t *testing.T, s *server) func() answer {
			return func() answer { return s.client(t, page).get(s.app.pages.Style()) }
		}},
		{"choose a language", 0, 303, posting("/ui/language", url.Values{"language": {"de"}, "back": {"welcome"}})},
		{"end the other sessions on their page", 4, 303, posting("/ui/sessions", url.Values{"action": {"revoke_others"}})},
		{"sign out on the page", 2, 303, posting("/ui/logout", url.Values{})},
	})
}

// TestQueriesOfAccounts is TestQueries for what people do with their account beside the
// forms, and its pages.
func TestQueriesOfAccounts(t *testing.T) {
	seeing := func(path string) func(*testing.T, *server) func() answer {
		return func(t *testing.T, s *server) func() answer {
			c, p := s.client(t, page), s.person(t)
			c.signIn(p)
			for range 30 {
				s.client(t, app).signIn(p)
			}
			return func() answer { return c.get(path) }
		}
	}
	leaving := func(t *testing.T, s *server) (*client, person) {
		c, p := s.client(t, page), s.person(t)
		c.signIn(p)
		c.arrive(c.presses(c.shows("/ui/data"), "delete", "", nil))
		return c, p
	}
	costs(t, leavable, []cost{
		// The session; the entries.
		{"page of the history", 2, 200, seeing("/ui/history")},
		{"page of the data", 1, 200, seeing("/ui/data")},
		{"page of the data, nobody", 0, 303, getting(page, "/ui/data")},
		{"page of an account that is gone", 0, 200, func(t *testing.T, s *server) func() answer {
			c, p := s.client(t, page), s.person(t)
			c.signIn(p)
			done := c.presses(c.shows("/ui/data"), "delete", "", nil).cookies()["zelus_word"]
			return func() answer { return s.client(t, page).get("/ui/data", "Cookie", done.String()) }
		}},
		{"page of an undo link, none", 0, 404, getting(page, "/ui/data?token=x")},
		{"page of an account that is to be deleted", 1, 200, func(t *testing.T, s *server) func() answer {
			c, p := leaving(t, s)
			c.signIn(p)
			return func() answer { return c.get("/ui/data?return_to=" + url.QueryEscape(welcome)) }
		}},
		// The identity.
		{"page of an undo link", 1, 200, func(t *testing.T, s *server) func() answer {
			c, p := leaving(t, s)
			to := c.get(s.mail(t, p.email, "account_deletion").link()).is(303).header.Get("Location")
			return func() answer { return c.get(to) }
		}},
		// Their session; account and session are locked; the account is marked, sessions,
		// former cookies and trusted devices end, and a message is written.
		{"delete an account", 8, 200, func(t *testing.T, s *server) func() answer {
			c, _ := s.signedIn(t, script)
			return c.leaves
		}},
		{"keep an account", 4, 200, func(t *testing.T, s *server) func() answer {
			c, p := s.signedIn(t, script)
			c.leaves()
			c.signIn(p)
			return func() answer { return c.send("POST", deletionPath+"/undo", fields{}) }
		}},
		{"keep an account by its link", 2, 200, func(t *testing.T, s *server) func() answer {
			c, p := s.signedIn(t, script)
			c.leaves()
			token := mustURL(t, s.mail(t, p.email, "account_deletion").link()).Query().Get("token")
			return func() answer { return c.send("POST", deletionPath+"/undo?token="+url.QueryEscape(token), fields{}) }
		}},
	})
	costs(t, pagesWithKeys, []cost{
		// Whose it is, and the flow; the identity and its credentials, however many keys.
		{"page of settings, with keys", 4, 200, func(t *testing.T, s *server) func() answer {
			owner, p := s.client(t, script), s.person(t)
			owner.signIn(p)
			owner.addsKey(ceremonytest.New(t, keyPage))
			owner.addsPasskey(ceremonytest.New(t, keyPage))
			owner.addsPasskey(ceremonytest.New(t, keyPage))
			c := s.client(t, page)
			c.signIn(p)
			to := c.get("/self-service/settings/browser").is(303).header.Get("Location")
			return func() answer { return c.get(to) }
		}},
	})
	costs(t, withKeys("", ""), []cost{
		{"rename a key", 4, 204, func(t *testing.T, s *server) func() answer {
			c, _ := s.signedIn(t, script)
			k := ceremonytest.New(t, keyPage)
			c.addsPasskey(k)
			return func() answer {
				return c.send("PATCH", fmt.Sprintf("/self-service/account/credentials/passkey/%x", k.ID), fields{"name": "blue"})
			}
		}},
	})
}

// TestQueriesOfProofs is TestQueries for regaining access and proving addresses.
// What is asked of an address that is somebody's and of one that is nobody's has
// to cost the same.
func TestQueriesOfProofs(t *testing.T) {
	for _, by := range []struct{ more, method string }{{byCode, "code"}, {byLink, "link"}} {
		t.Run(by.method, func(t *testing.T) {
			var all []cost
			for _, kind := range []string{"recovery", "verification"} {
				all = append(all, []cost{
					{kind + ", begin, app", 1, 200, getting(app, "/self-service/"+kind+"/api")},
					{kind + ", begin, browser", 1, 200, getting(script, "/self-service/"+kind+"/browser")},
					{kind + ", begin, page", 1, 303, getting(page, "/self-service/"+kind+"/browser")},
					{kind + ", fetch", 1, 200, func(t *testing.T, s *server) func() answer {
						c := s.client(t, script)
						f := c.begin(kind, "")
						return func() answer { return c.fetch(kind, f.id) }
					}},
					// The flow and whose address it is; then the flow and the secret are
					// written, and the message.
					{kind + ", an address that is somebody's", 5, 200, asking(app, kind, by.method, func(p person) string { return p.email })},
					{kind + ", an address that is nobody's", 5, 200, asking(app, kind, by.method, func(person) string { return stranger().email })},
					{kind + ", an address that is somebody's, browser", 5, 200, asking(script, kind, by.method, func(p person) string { return p.email })},
					{kind + ", an address that is nobody's, browser", 5, 200, asking(script, kind, by.method, func(person) string { return stranger().email })},
					{kind + ", no address", 2, 400, asking(app, kind, by.method, func(person) string { return "" })},
					{kind + ", what is no address", 2, 400, asking(app, kind, by.method, func(person) string { return "nobody" })},
				}...)
				if by.method == "code" {
					all = append(all, costsOfCodes(t, kind)...)
				} else {
					all = append(all, costsOfLinks(t, kind)...)
				}
			}
			all = append(all, []cost{
				// The identity and its credentials; the flow and the secret.
				{"hand out a recovery", 4, map[string]int{"code": 201, "link": 200}[by.method], operating("POST", "/admin/recovery/"+by.method, func(p person) any {
					return fields{"identity_id": p.id}
				})},
				{"hand out a recovery for nobody", 1, map[string]int{"code": 404, "link": 400}[by.method], operating("POST", "/admin/recovery/"+by.method, func(person) any {
					return fields{"identity_id": uuid.NewString()}
				})},
				// As without a verification, and its flow, the secret and the message.
				{"sign up, which begins a verification", 10, 200, signingUp(app, func(p person) fields { return p.signUp() })},
				{"change one's address, which begins a verification", 17, 200, changing(app, func(person) fields { return stranger().profile(nil) })},
				{"change a trait, whose owner was sent nothing yet", 10, 200, changing(app, func(p person) fields { return p.profile(fields{"traits.name": "Ada"}) })},
				{"change a trait, where a verification was begun before", 7, 200, func(t *testing.T, s *server) func() answer {
					c, p := s.client(t, app), stranger()
					c.finish(c.begin("registration", ""), p.signUp())
					f := c.begin("settings", "")
					return func() answer { return c.submit(f, p.profile(fields{"traits.name": "Ada"})) }
				}},
				{"sign in", 6, 200, signingIn(app, func(p person) fields { return p.login() })},
				{"session check, warm", 0, 200, func(t *testing.T, s *server) func() answer {
					c, p := s.signedIn(t, app)
					c.whoami().is(200)
					s.client(t, app).ask("verification", by.method, p.email)
					return c.whoami
				}},
				{"session check after an address was proven", 1, 200, func(t *testing.T, s *server) func() answer {
					c, p := s.signedIn(t, app)
					c.whoami().is(200)
					f := c.ask("verification", by.method, p.email)
					if by.method == "code" {
						c.submit(f, fields{"method": "code", "code": s.mail(t, p.email, "verification_code_valid").code()}).is(200)
					} else {
						s.client(t, page).get(s.mail(t, p.email, "verification_valid").link()).is(303)
					}
					return c.whoami
				}},
			}...)
			costs(t, by.more, all)
		})
	}
}

// TestQueriesOfDeletion is TestQueries for the deletion of one's own account.
func TestQueriesOfDeletion(t *testing.T) {
	leaving := func(act func(*testing.T, *server, person) func() answer) func(*testing.T, *server) func() answer {
		return func(t *testing.T, s *server) func() answer {
			c, p := s.signedIn(t, app)
			c.leaves().is(200)
			return act(t, s, p)
		}
	}
	link := func(method string) func(*testing.T, *server) func() answer {
		return leaving(func(t *testing.T, s *server, p person) func() answer {
			to := s.mail(t, p.email, "account_deletion").link()
			return func() answer { return s.client(t, app).send(method, to, nil) }
		})
	}
	costs(t, graceful, []cost{
		{"whether one can", 1, 200, func(t *testing.T, s *server) func() answer {
			c, _ := s.signedIn(t, app)
			return func() answer { return c.get(deletionPath) }
		}},
		// The session; the identity and the session are locked; the identity is
		// written, all sessions end, so do former cookies and the trust in devices;
		// and the message.
		{"delete one's account", 8, 200, func(t *testing.T, s *server) func() answer {
			c, _ := s.signedIn(t, app)
			return c.leaves
		}},
		{"keep one's account", 4, 200, leaving(func(t *testing.T, s *server, p person) func() answer {
			c := s.client(t, app)
			c.signIn(p)
			return func() answer { return c.send("DELETE", deletionPath, nil) }
		})},
		{"open the link", 1, 200, link("GET")},
		{"undo by the link", 2, 200, link("POST")},
		{"a link of nobody", 0, 404, getting(app, deletionPath+"/undo?token=x")},
		// As everywhere.
		{"sign in meanwhile", 6, 200, leaving(func(t *testing.T, s *server, p person) func() answer {
			c := s.client(t, app)
			f := c.begin("login", "")
			return func() answer { return c.submit(f, p.login()) }
		})},
	})
	costs(t, strings.Replace(graceful, "336h", "0s", 1), []cost{
		{"delete one's account at once", 5, 200, func(t *testing.T, s *server) func() answer {
			c, _ := s.signedIn(t, app)
			return c.leaves
		}},
	})
}

// TestQueriesOfTrust is TestQueries for devices that people trust.
func TestQueriesOfTrust(t *testing.T) {
	trusting := func(act func(*client, person, *authenticator) func() answer) func(*testing.T, *server) func() answer {
		return func(t *testing.T, s *server) func() answer {
			c, p, a := s.trusts(t)
			c.whoami().is(200)
			return act(c, p, a)
		}
	}
	const path = "/sessions/trusted-devices"
	costs(t, withTrust, []cost{
		// The session; the person is locked, the session looked at again; this
		// browser's device goes; the new one comes, and one too many goes.
		{"trust a browser again", 7, 201, trusting(func(c *client, _ person, _ *authenticator) func() answer {
			return func() answer { return c.send("POST", path, nil) }
		})},
		{"list devices", 2, 200, trusting(func(c *client, _ person, _ *authenticator) func() answer {
			return func() answer { return c.get(path) }
		})},
		{"end the trust in a device", 2, 204, trusting(func(c *client, _ person, _ *authenticator) func() answer {
			id := c.get(path).at("0.id").String()
			return func() answer { return c.send("DELETE", path+"/"+id, nil) }
		})},
		{"end the trust in all devices", 2, 200, trusting(func(c *client, _ person, _ *authenticator) func() answer {
			return func() answer { return c.send("DELETE", path, nil) }
		})},
		{"list devices of an identity", 1, 200, operating("GET", "/admin/identities/{id}/trusted-devices", nil)},
		{"end the trust in devices of an identity", 1, 204, operating("DELETE", "/admin/identities/{id}/trusted-devices", nil)},
		// As everywhere, and the device.
		{"sign in, trusted browser", 7, 200, trusting(func(c *client, p person, _ *authenticator) func() answer {
			c.signOut()
			f := c.begin("login", "")
			return func() answer { return c.submit(f, p.login()) }
		})},
		{"session check, trusted browser, cold", 1, 200, trusting(func(c *client, p person, _ *authenticator) func() answer {
			c.signOut()
			c.signIn(p)
			return c.whoami
		})},
		{"session check, trusted browser, warm", 0, 200, trusting(func(c *client, p person, _ *authenticator) func() answer {
			c.signOut()
			c.signIn(p)
			c.whoami().is(200)
			return c.whoami
		})},
	})
}

// costsOfCodes are the costs of typing a code.
func costsOfCodes(t *testing.T, kind string) []cost {
	done, more := 200, 0
	if kind == "recovery" {
		done, more = 422, 5 // a session and its entry in the history, the end of former cookies and of trust in devices, and the form for a new password
	}
	right := letter.code
	wrong := func(l letter) string { return wrongFor(l.code()) }
	twice := func(c *client, f form, l letter) {
		c.submit(f, fields{"method": "code", "email": f.json.value("email").String()}).is(200)
	}
	return []cost{
		// The flow; the try is counted, the secret is read; the account's guesses are
		// made, locked and read; the try is taken back. Then the identity and its
		// credentials; the flow is used up, the address is proven, the secret is used up.
		{kind + ", a code that is right", 13 + more, done, typing(kind, true, nil, right)},
		// Up to there, and the guess and the form are written. These have to be the
		// same: their number must not tell who has an account.
		{kind + ", a code that is wrong", 9, 200, typing(kind, true, nil, wrong)},
		{kind + ", a code that is wrong, of nobody's address", 9, 200, typing(kind, false, nil, func(letter) string { return "000000" })},
		{kind + ", a code that a newer one has made void", 9, 200, typing(kind, true, twice, right)},
		{kind + ", no code", 2, 400, typing(kind, true, nil, func(letter) string { return "" })},
		// The guesses are there by then.
		{kind + ", a second code that is wrong", 7, 200, typing(kind, true, func(c *client, f form, l letter) {
			c.submit(f, fields{"method": "code", "code": wrong(l)}).is(200)
		}, wrong)},
	}
}

// costsOfLinks are the costs of opening a link.
func costsOfLinks(t *testing.T, kind string) []cost {
	more := 0
	if kind == "recovery" {
		more = 5 // a session and its entry in the history, the end of former cookies and of trust in devices, and the form for a new password
	}
	opening := func(change func(*server, string) string) func(*testing.T, *server) func() answer {
		return func(t *testing.T, s *server) func() answer {
			p := s.person(t)
			s.client(t, app).ask(kind, "link", p.email)
			link := change(s, s.mail(t, p.email, kind+"_valid").link())
			return func() answer { return s.client(t, page).get(link) }
		}
	}
	return []cost{
		// The flow and the secret; the identity and its credentials; the flow is used
		// up, the address is proven, the secret is used up.
		{kind + ", a link", 7 + more, 303, opening(func(_ *server, link string) string { return link })},
		// The flow, and the secret twice: whether it is right, and whether it was. A
		// new flow says so.
		{kind + ", a link with another token", 3, 303, opening(func(_ *server, link string) string { return link + "x" })},
		{kind + ", a link that was opened before", 3, 303, opening(func(s *server, link string) string {
			s.client(t, page).get(link).is(303)
			return link
		})},
	}
}

// asking submits an address, for a new person.
func asking(as style, kind, method string, address func(person) string) func(*testing.T, *server) func() answer {
	return func(t *testing.T, s *server) func() answer {
		c, p := s.client(t, as), s.person(t)
		f := c.begin(kind, "")
		return func() answer { return c.submit(f, fields{"method": method, "email": address(p)}) }
	}
}

// typing submits a code, by an app that was sent one, or asked for one for an
// address that is nobody's. before is what it does first; nil is nothing.
func typing(kind string, known bool, before func(*client, form, letter), code func(letter) string) func(*testing.T, *server) func() answer {
	return func(t *testing.T, s *server) func() answer {
		c, p := s.client(t, app), stranger()
		if known {
			p = s.person(t)
		}
		f := c.ask(kind, "code", p.email)
		var sent letter
		if known {
			sent = s.mail(t, p.email, kind+"_code_valid")
		}
		if before != nil {
			before(c, f, sent)
		}
		return func() answer { return c.submit(f, fields{"method": "code", "code": code(sent)}) }
	}
}

// ofSession asks the admin server for something about a session.
func ofSession(method, below string) func(*testing.T, *server) func() answer {
	return func(t *testing.T, s *server) func() answer {
		c := s.client(t, app)
		c.signIn(s.person(t))
		path := "/admin/sessions/" + c.whoami().is(200).at("id").String() + below
		return func() answer { return s.operator(t).send(method, path, nil) }
	}
}

// anyKey is what the admin server asks until there is an API key.
const anyKey = "SELECT COUNT(*) FROM (SELECT id FROM admin_keys WHERE project_id = ? LIMIT 1) k"

// getting asks for a path of the public server.
func getting(as style, path string) func(*testing.T, *server) func() answer {
	return func(t *testing.T, s *server) func() answer {
		c := s.client(t, as)
		return func() answer { return c.get(path) }
	}
}

// operating asks the admin server for something about a person; {id} in the
// path is theirs.
func operating(method, path string, body func(person) any) func(*testing.T, *server) func() answer {
	return func(t *testing.T, s *server) func() answer {
		p := s.person(t)
		var content any
		if body != nil {
			content = body(p)
		}
		return func() answer { return s.operator(t).send(method, strings.ReplaceAll(path, "{id}", p.id), content) }
	}
}

func signingIn(as style, with func(person) fields) func(*testing.T, *server) func() answer {
	return func(t *testing.T, s *server) func() answer {
		c, p := s.client(t, as), s.person(t)
		f := c.begin("login", "")
		return func() answer { return c.submit(f, with(p)) }
	}
}

func changing(as style, with func(person) fields) func(*testing.T, *server) func() answer {
	return func(t *testing.T, s *server) func() answer {
		c, p := s.signedIn(t, as)
		f := c.begin("settings", "")
		return func() answer { return c.submit(f, with(p)) }
	}
}

// oldSession sends a new password in a session that is too old for it.
func oldSession(as style) func(*testing.T, *server) func() answer {
	return func(t *testing.T, s *server) func() answer {
		c, _ := s.signedIn(t, as)
		s.clock.advance(privileged)
		f := c.begin("settings", "")
		return func() answer { return c.submit(f, newPassword(otherPass)) }
	}
}

func signingUp(as style, with func(person) fields) func(*testing.T, *server) func() answer {
	return func(t *testing.T, s *server) func() answer {
		c := s.client(t, as)
		f := c.begin("registration", "")
		return func() answer { return c.submit(f, with(stranger())) }
	}
}

// signedInTwice is an app of somebody who has one other session, and its id.
func signedInTwice(t testing.TB, s *server) (c *client, other string) {
	p := s.person(t)
	c = s.client(t, app)
	other = c.signIn(p).at("session.id").String()
	c = s.client(t, app)
	c.signIn(p)
	return c, other
}

// people makes n accounts, which have no password.
func people(t testing.TB, s *server, n int) {
	t.Helper()
	var batch []any
	for range n {
		batch = append(batch, map[string]any{"create": map[string]any{"schema_id": "person", "traits": fields{"email": stranger().email}}})
	}
	a := s.operator(t).send("PATCH", "/admin/identities", map[string]any{"identities": batch}).is(200)
	if created := a.at(`identities.#(action=="create")#`).Array(); len(created) != n {
		t.Fatalf("%d of %d identities were made", len(created), n)
	}
}

// patch is a JSON Patch of one operation.
func patch(op, path string, value any) []map[string]any {
	return []map[string]any{{"op": op, "path": path, "value": value}}
}

// TestSessionChecksOnlyRead lets all kinds of checks come in and finds no
// statement that writes.
func TestSessionChecksOnlyRead(t *testing.T) {
	onEach(t, "", func(t *testing.T, s *server) {
		p := s.person(t)
		a, b, ended := s.client(t, app), s.client(t, script), s.client(t, app)
		for _, c := range []*client{a, b, ended} {
			c.signIn(p)
		}
		a.send("DELETE", "/sessions/"+ended.whoami().at("id").String(), nil).is(204)
		ran := s.statements.during(func() {
			for range 3 {
				a.whoami().is(200)
				b.whoami().is(200)
				ended.whoami().is(401)
				s.client(t, app).whoami().is(401)
				for _, method := range []string{"POST", "PUT", "PATCH"} {
					a.send(method, "/sessions/whoami", "{}").is(200)
				}
			}
			s.clock.advance(sessionLifespan)
			a.whoami().is(401)
			b.whoami().is(401)
		})
		if len(ran) == 0 {
			t.Error("no check was cold: this test sees nothing")
		}
		for _, sql := range ran {
			if !strings.HasPrefix(sql, "SELECT ") {
				t.Errorf("a session check ran %s", sql)
			}
		}
	})
}

// TestRotatedSecrets: a token from before a rotation is found under the old
// key, and costs one statement more.
func TestRotatedSecrets(t *testing.T) {
	onEach(t, "", func(t *testing.T, s *server) {
		a, b := s.client(t, app), s.client(t, script)
		p := s.person(t)
		a.signIn(p)
		b.signIn(p)
		logout := b.get("/self-service/logout/browser").is(200).at("logout_url").String()
		s.reconfigure(t, "secrets: {cookie: [a-newer-cookie-secret-of-these-tests, a-cookie-secret-that-only-tests-use]}")
		for _, c := range []*client{a, b} {
			if ran := s.statements.during(func() { c.whoami().is(200) }); len(ran) != 2 {
				t.Errorf("%s: %d statements, want 2", c.style, len(ran))
			}
		}
		if u, err := url.Parse(logout); err != nil || u.Query().Get("token") == "" {
			t.Fatal(fmt.Errorf("%q is no logout address: %w", logout, err))
		}
		b.get(logout).is(204)
		b.whoami().is(401)
		s.reconfigure(t, "secrets: {cookie: [a-newer-cookie-secret-of-these-tests]}")
		a.whoami().refused(401, "session_inactive")
	})
}
