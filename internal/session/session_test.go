package session

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"zelus/internal/auth"
	"zelus/internal/store"
	"zelus/internal/store/storetest"
	"zelus/internal/web"
)

const (
	firstSecret  = "the-first-secret-of-these-tests"
	secondSecret = "the-second-secret-of-these-tests"
)

// clock stands still until it is moved.
type clock struct{ at atomic.Pointer[time.Time] }

func newClock() *clock {
	c := &clock{}
	c.set(time.Date(2026, 3, 4, 5, 6, 7, 0, time.UTC))
	return c
}

func (c *clock) now() time.Time      { return *c.at.Load() }
func (c *clock) set(to time.Time)    { c.at.Store(&to) }
func (c *clock) add(d time.Duration) { c.set(c.now().Add(d)) }

func settings() Settings {
	return Settings{Lifespan: time.Hour, RequiredAAL: auth.RequireHighest, Policy: auth.Policy{First: auth.FactorPassword, Second: auth.FactorTOTP}, BaseURL: "https://id.example/",
		Cookie:  web.BrowserCookie{Name: "ory_kratos_session", Persistent: true},
		Secrets: []string{firstSecret}, CookieSecrets: []string{firstSecret}}
}

func newSessions(t testing.TB, st *store.Store, c *clock, s Settings) *Sessions {
	t.Helper()
	sessions, err := New(st, c.now, 1024, s)
	if err != nil {
		t.Fatal(err)
	}
	return sessions
}

func configure(t *testing.T, s *Sessions, to Settings) {
	t.Helper()
	if err := s.Configure(to); err != nil {
		t.Fatal(err)
	}
}

func person(factors auth.Factors) *auth.Identity {
	at := newClock().now()
	return &auth.Identity{ID: uuid.Must(uuid.NewV7()), Project: auth.DefaultProject, SchemaID: "default", State: auth.Active, Traits: json.RawMessage(`{}`),
		Factors: factors, CreatedAt: at, UpdatedAt: at}
}

func write(t testing.TB, st *store.Store, f func(*store.Tx) error) {
	t.Helper()
	if err := st.Write(t.Context(), store.Durable, f); err != nil {
		t.Fatal(err)
	}
}

// signIn stores an identity with a session and returns the session and its token.
func signIn(t testing.TB, st *store.Store, s *Sessions, i *auth.Identity, amr auth.AMR) (*auth.Session, string) {
	t.Helper()
	session, token := s.Issue(i, amr, request(nil))
	write(t, st, func(tx *store.Tx) error {
		if err := tx.InsertIdentity(t.Context(), i); err != nil {
			return err
		}
		return tx.InsertSession(t.Context(), session)
	})
	return session, token
}

var byPassword = auth.AMR{Method: "password", AAL: auth.AAL1}

// request has the given headers.
func request(headers map[string]string) *http.Request {
	r := httptest.NewRequest(http.MethodGet, "/sessions/whoami", nil)
	for name, value := range headers {
		r.Header.Set(name, value)
	}
	return r
}

// cookieOf is the header of a browser that was given a session.
func cookieOf(s *Sessions, token string, expires time.Time) string {
	w := httptest.NewRecorder()
	s.SetCookie(w, token, expires)
	cookie := w.Result().Cookies()[0]
	return cookie.Name + "=" + cookie.Value
}

func TestConfigureRefuses(t *testing.T) {
	st := storetest.Memory(t, nil)
	for name, change := range map[string]func(*Settings){
		"no secrets":              func(s *Settings) { s.Secrets = nil },
		"an empty secret":         func(s *Settings) { s.Secrets = []string{firstSecret, ""} },
		"no cookie secrets":       func(s *Settings) { s.CookieSecrets = nil },
		"an empty cookie secret":  func(s *Settings) { s.CookieSecrets = []string{""} },
		"neither":                 func(s *Settings) { *s = Settings{} },
		"an empty one in between": func(s *Settings) { s.Secrets = []string{firstSecret, "", secondSecret} },
	} {
		s := settings()
		change(&s)
		if got, err := New(st, newClock().now, 1, s); err == nil {
			t.Errorf("%s: got %v", name, got)
		}
		// A configuration that is refused leaves the one in force alone.
		sessions := newSessions(t, st, newClock(), settings())
		before := sessions.now.Load()
		if err := sessions.Configure(s); err == nil || sessions.now.Load() != before {
			t.Errorf("%s: was put in force: %v", name, err)
		}
	}
}

func TestProof(t *testing.T) {
	s := newSessions(t, storetest.Memory(t, nil), newClock(), settings())
	expires := newClock().now().Add(time.Hour)
	long, tooLong := strings.Repeat("t", maxToken), strings.Repeat("t", maxToken+1)
	cookie := cookieOf(s, "in-the-cookie", expires)
	inCookie := Proof{Token: "in-the-cookie", Cookie: true, CookieExpires: expires}
	for _, test := range []struct {
		name                   string
		header, cookie, bearer string
		want                   Proof
	}{
		{"nothing", "", "", "", Proof{}},
		{"the header", "in-the-header", "", "", Proof{Token: "in-the-header"}},
		{"the cookie", "", cookie, "", inCookie},
		{"the bearer", "", "", "Bearer as-bearer", Proof{Token: "as-bearer"}},
		{"the header before all", "in-the-header", cookie, "Bearer as-bearer", Proof{Token: "in-the-header"}},
		{"the cookie before the bearer", "", cookie, "Bearer as-bearer", inCookie},
		{"the bearer after a cookie that is not ours", "", "ory_kratos_session=AAAA", "Bearer as-bearer", Proof{Token: "as-bearer"}},
		{"the bearer after an empty cookie", "", "ory_kratos_session=", "Bearer as-bearer", Proof{Token: "as-bearer"}},
		{"the cookie of another name", "", "other=" + strings.TrimPrefix(cookie, "ory_kratos_session="), "", Proof{}},
		{"among other cookies", "", "a=b; " + cookie + "; c=d", "", inCookie},
		{"a header that is too long hides the rest", tooLong, cookie, "Bearer as-bearer", Proof{}},
		{"the longest token in the header", long, "", "", Proof{Token: long}},
		{"the longest token in a cookie", "", cookieOf(s, long, expires), "", Proof{Token: long, Cookie: true, CookieExpires: expires}},
		{"the longest bearer", "", "", "Bearer " + long, Proof{Token: long}},
		{"a bearer that is too long", "", "", "Bearer " + tooLong, Proof{}},
		{"a cookie that is too long", "", "ory_kratos_session=" + strings.Repeat("A", 4096), "", Proof{}},
		{"a cookie with an end and no token", "", cookieOf(s, "", expires), "", Proof{}},
		{"bearer in any case", "", "", "bEARER as-bearer", Proof{Token: "as-bearer"}},
		{"bearer with spaces", "", "", "Bearer   as-bearer ", Proof{Token: "as-bearer"}},
		{"bearer without a token", "", "", "Bearer", Proof{}},
		{"bearer without a space", "", "", "Beareras-bearer", Proof{}},
		{"another scheme", "", "", "Basic YTpi", Proof{}},
	} {
		t.Run(test.name, func(t *testing.T) {
			r := request(nil)
			for name, value := range map[string]string{"X-Session-Token": test.header, "Cookie": test.cookie, "Authorization": test.bearer} {
				if value != "" {
					r.Header.Set(name, value)
				}
			}
			if diff := cmp.Diff(test.want, s.Proof(r)); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}

// A sealed cookie is good as it was made, and in no other way.
func TestCookieSealing(t *testing.T) {
	s := newSessions(t, storetest.Memory(t, nil), newClock(), settings())
	c, expires := s.now.Load(), newClock().now()
	sealed := c.seal("ory_st_token", expires)
	if token, at, ok := c.open(sealed); !ok || token != "ory_st_token" || !at.Equal(expires) {
		t.Fatalf("opened as %q, %v, %v", token, at, ok)
	}
	if strings.Contains(sealed, "token") || sealed == c.seal("ory_st_token", expires) {
		t.Errorf("two cookies of one session are %s", sealed)
	}
	for i := range len(sealed) {
		for _, with := range []byte("A_z0-=\n+/\x00\xff") {
			if sealed[i] == with {
				continue
			}
			changed := sealed[:i] + string([]byte{with}) + sealed[i+1:]
			if token, _, ok := c.open(changed); ok {
				t.Errorf("byte %d changed to %q: opened as %q", i, with, token)
			}
		}
		if _, _, ok := c.open(sealed[:i]); ok {
			t.Errorf("cut to %d bytes: opened", i)
		}
		if _, _, ok := c.open(sealed[i+1:]); ok {
			t.Errorf("without the first %d bytes: opened", i+1)
		}
	}
	for _, longer := range []string{sealed + "A", "A" + sealed, sealed + "=", sealed + "\n", sealed + sealed} {
		if _, _, ok := c.open(longer); ok {
			t.Errorf("%q: opened", longer)
		}
	}

	renamed := settings()
	renamed.Cookie.Name = "another_name"
	configure(t, s, renamed)
	if _, _, ok := s.now.Load().open(sealed); ok {
		t.Error("a cookie of another name opens")
	}
	// The keys of tokens and of cookies are not the same, even where the
	// configured secrets are.
	if _, _, ok := c.open(c.tokens.SealString([]byte("12345678token"), []byte(c.Cookie.Name))); ok {
		t.Error("what was sealed for another purpose opens")
	}
}

// Old tokens and old cookies work for as long as their secret is configured.
func TestRotation(t *testing.T) {
	st := storetest.Memory(t, nil)
	s := newSessions(t, st, newClock(), settings())
	session, token := signIn(t, st, s, person(auth.FactorPassword), byPassword)
	cookie := cookieOf(s, token, session.ExpiresAt)
	logout := s.LogoutToken(session, token)

	for _, test := range []struct {
		name              string
		tokens, cookies   []string
		byToken, byCookie bool
	}{
		{"the first secrets", []string{firstSecret}, []string{firstSecret}, true, true},
		{"a new secret in front", []string{secondSecret, firstSecret}, []string{secondSecret, firstSecret}, true, true},
		{"a new secret behind", []string{firstSecret, secondSecret}, []string{firstSecret, secondSecret}, true, true},
		{"the first cookie secret is gone", []string{secondSecret, firstSecret}, []string{secondSecret}, true, false},
		{"the first secret is gone", []string{secondSecret}, []string{secondSecret, firstSecret}, false, false},
		{"back again", []string{firstSecret}, []string{firstSecret}, true, true},
	} {
		t.Run(test.name, func(t *testing.T) {
			to := settings()
			to.Secrets, to.CookieSecrets = test.tokens, test.cookies
			configure(t, s, to)
			for _, way := range []struct {
				header, value string
				want          bool
			}{{"X-Session-Token", token, test.byToken}, {"Cookie", cookie, test.byCookie}} {
				r := request(map[string]string{way.header: way.value})
				for _, warmth := range []string{"cold", "warm"} {
					if _, err := s.Check(t.Context(), s.Proof(r)); (err == nil) != way.want {
						t.Errorf("%s, %s: %v", way.header, warmth, err)
					}
				}
				if row, err := s.Find(r); (err == nil) != way.want || err == nil && row.Session.ID != session.ID {
					t.Errorf("%s: found %v, %v", way.header, row, err)
				}
			}
			if got := s.LogoutTokenValid(logout, session, token); got != test.byToken {
				t.Errorf("the logout token is valid: %v", got)
			}
		})
	}
}

func TestCheck(t *testing.T) {
	var queries atomic.Int32
	st := storetest.Memory(t, func(o *store.Options) { o.Observe = func(string) { queries.Add(1) } })
	now := newClock()
	s := newSessions(t, st, now, settings())
	i := person(auth.FactorPassword)
	i.Recovery = []auth.RecoveryAddress{{ID: uuid.Max, Value: "ada@example.org", Via: auth.ViaEmail, CreatedAt: i.CreatedAt, UpdatedAt: i.CreatedAt}}
	session, token := signIn(t, st, s, i, byPassword)

	body := string(session.AppendJSON(nil, true, i.Pack().Render(auth.Reader{BaseURL: "https://id.example/", Addresses: true})))
	queries.Store(0)
	for n, want := range []int32{1, 1, 1} {
		a, err := s.Check(t.Context(), Proof{Token: token})
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(body, string(a.Body)); diff != "" {
			t.Errorf("-want +got:\n%s", diff)
		}
		if a.NeedsAAL2 || !a.ExpiresAt.Equal(session.ExpiresAt) || len(a.IdentityHeader) != 1 || a.IdentityHeader[0] != i.ID.String() {
			t.Errorf("got %+v", a)
		}
		if got := queries.Load(); got != want {
			t.Errorf("check %d: %d queries so far, want %d", n, got, want)
		}
	}
	// A warm session still ends.
	now.set(session.ExpiresAt.Add(-time.Microsecond))
	if _, err := s.Check(t.Context(), Proof{Token: token}); err != nil {
		t.Errorf("just before its end: %v", err)
	}
	now.set(session.ExpiresAt)
	if _, err := s.Check(t.Context(), Proof{Token: token}); !errors.Is(err, auth.ErrNoSession) {
		t.Errorf("at its end: %v", err)
	}
	configure(t, s, settings())
	if _, err := s.Check(t.Context(), Proof{Token: token}); !errors.Is(err, auth.ErrNoSession) {
		t.Errorf("at its end, cold: %v", err)
	}
	now.add(-time.Minute)

	// The base URL is part of the answer, and changes with the configuration.
	moved := settings()
	moved.BaseURL = "https://moved.example/"
	configure(t, s, moved)
	if a, err := s.Check(t.Context(), Proof{Token: token}); err != nil || !strings.Contains(string(a.Body), "https://moved.example/schemas/") {
		t.Errorf("after a move: %v", err)
	}

	queries.Store(0)
	if _, err := s.Check(t.Context(), Proof{}); !errors.Is(err, auth.ErrNoSession) || queries.Load() != 0 {
		t.Errorf("nothing to check: %v, %d queries", err, queries.Load())
	}
	if _, err := s.Check(t.Context(), Proof{Token: "ory_st_unknown"}); !errors.Is(err, auth.ErrNoSession) {
		t.Errorf("a token that nobody has: %v", err)
	}
	for _, token := range []string{"", strings.Repeat("t", maxToken+1)} {
		queries.Store(0)
		if _, err := s.FindToken(t.Context(), token); !errors.Is(err, auth.ErrNoSession) || queries.Load() != 0 {
			t.Errorf("a token of %d bytes: %v, %d queries", len(token), err, queries.Load())
		}
	}
}

func TestCheckNeedsAAL2(t *testing.T) {
	st := storetest.Memory(t, nil)
	s := newSessions(t, st, newClock(), settings())
	_, one := signIn(t, st, s, person(auth.FactorPassword), byPassword)
	_, two := signIn(t, st, s, person(auth.FactorPassword|auth.FactorTOTP), byPassword)
	_, vouched := signIn(t, st, s, person(auth.FactorPassword|auth.FactorTOTP), auth.AMR{Method: "oidc", AAL: auth.AAL2})
	for _, demand := range []auth.RequiredAAL{auth.RequireHighest, auth.RequireAAL1} {
		to := settings()
		to.RequiredAAL = demand
		configure(t, s, to)
		for token, want := range map[string]bool{one: false, two: demand == auth.RequireHighest, vouched: false} {
			a, err := s.Check(t.Context(), Proof{Token: token})
			if err != nil {
				t.Fatal(err)
			}
			row, err := s.FindToken(t.Context(), token)
			if err != nil {
				t.Fatal(err)
			}
			if a.NeedsAAL2 != want || s.Satisfied(row) == want {
				t.Errorf("%s, %s of %s: needs a second factor: %v, satisfied: %v", demand, row.Session.AAL, s.now.Load().Policy.Available(row.Factors), a.NeedsAAL2, s.Satisfied(row))
			}
		}
	}
}

// Whatever ends a session, the next check knows.
func TestChangesEndWarmSessions(t *testing.T) {
	ctx := context.Background()
	change := func(state auth.State) func(*Sessions, *store.Store, *auth.Session) error {
		return func(_ *Sessions, st *store.Store, session *auth.Session) error {
			return st.Write(ctx, store.Durable, func(tx *store.Tx) error {
				before, err := tx.Identity(ctx, auth.DefaultProject, session.IdentityID)
				if err != nil {
					return err
				}
				after := *before
				after.State, after.UpdatedAt = state, before.UpdatedAt.Add(time.Second)
				return tx.UpdateIdentity(ctx, before, &after)
			})
		}
	}
	counted := func(n int, err error) error {
		if err == nil && n != 1 {
			return fmt.Errorf("%d sessions were counted", n)
		}
		return err
	}
	for name, end := range map[string]func(*Sessions, *store.Store, *auth.Session) error{
		"revoked": func(s *Sessions, _ *store.Store, session *auth.Session) error {
			found, err := s.Revoke(ctx, session.IdentityID, session.ID)
			if err == nil && !found {
				err = errors.New("it was not found")
			}
			return err
		},
		"revoked as another": func(s *Sessions, _ *store.Store, session *auth.Session) error {
			return counted(s.RevokeOthers(ctx, session.IdentityID, uuid.New()))
		},
		"deleted": func(s *Sessions, _ *store.Store, session *auth.Session) error {
			return counted(s.Delete(ctx, session.IdentityID))
		},
		"switched off": change(auth.Inactive),
		"identity deleted": func(_ *Sessions, st *store.Store, session *auth.Session) error {
			return st.Write(ctx, store.Durable, func(tx *store.Tx) error {
				_, err := tx.DeleteIdentity(ctx, auth.DefaultProject, session.IdentityID)
				return err
			})
		},
	} {
		t.Run(name, func(t *testing.T) {
			storetest.Each(t, nil, func(t *testing.T, st *store.Store) {
				s := newSessions(t, st, newClock(), settings())
				session, token := signIn(t, st, s, person(auth.FactorPassword), byPassword)
				_, other := signIn(t, st, s, person(auth.FactorPassword), byPassword)
				for range 2 {
					if _, err := s.Check(ctx, Proof{Token: token}); err != nil {
						t.Fatal(err)
					}
				}
				if err := end(s, st, session); err != nil {
					t.Fatal(err)
				}
				if _, err := s.Check(ctx, Proof{Token: token}); !errors.Is(err, auth.ErrNoSession) {
					t.Errorf("it is still recognised: %v", err)
				}
				if _, err := s.FindToken(ctx, token); !errors.Is(err, auth.ErrNoSession) {
					t.Errorf("it is still found: %v", err)
				}
				if _, err := s.Check(ctx, Proof{Token: other}); err != nil {
					t.Errorf("somebody else's session ended, too: %v", err)
				}
			})
		})
	}
}

// Only those may end a session whose it is.
func TestRevokeOfSomebodyElse(t *testing.T) {
	st := storetest.Memory(t, nil)
	s := newSessions(t, st, newClock(), settings())
	ada, token := signIn(t, st, s, person(auth.FactorPassword), byPassword)
	bob, _ := signIn(t, st, s, person(auth.FactorPassword), byPassword)
	if found, err := s.Revoke(t.Context(), bob.IdentityID, ada.ID); err != nil || found {
		t.Errorf("found %v, %v", found, err)
	}
	if _, err := s.Check(t.Context(), Proof{Token: token}); err != nil {
		t.Error(err)
	}
	if n, err := s.RevokeOthers(t.Context(), ada.IdentityID, ada.ID); err != nil || n != 0 {
		t.Errorf("others: %d, %v", n, err)
	}
}

func TestIssue(t *testing.T) {
	now := newClock()
	to := settings()
	to.TrustedProxies = []netip.Prefix{netip.MustParsePrefix("192.0.2.0/24")}
	s := newSessions(t, storetest.Memory(t, nil), now, to)
	now.add(1500 * time.Nanosecond) // more than a database keeps
	i := person(auth.FactorPassword | auth.FactorTOTP)
	r := request(map[string]string{"User-Agent": "an agent", "X-Forwarded-For": "198.51.100.7"})
	session, token := s.Issue(i, auth.AMR{Method: "oidc", AAL: auth.AAL2, Provider: "github"}, r)
	at := time.Date(2026, 3, 4, 5, 6, 7, 1000, time.UTC)
	ip, agent := "198.51.100.7", "an agent"
	want := &auth.Session{ID: session.ID, Project: i.Project, IdentityID: i.ID, TokenHash: s.now.Load().tokens.Hash(token), Active: true, AAL: auth.AAL2,
		AMR:      auth.AMRsOf(auth.AMR{Method: "oidc", AAL: auth.AAL2, CompletedAt: at, Provider: "github"}),
		IssuedAt: at, AuthenticatedAt: at, ExpiresAt: at.Add(time.Hour),
		Devices: auth.DevicesOf(auth.Device{ID: session.Devices.Last().ID, IPAddress: &ip, UserAgent: &agent})}
	if diff := cmp.Diff(want, session); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	if !strings.HasPrefix(token, "ory_st_") || len(token) != 39 {
		t.Errorf("the token is %q", token)
	}
	r.Header.Del("User-Agent")
	r.Header.Del("X-Forwarded-For")
	r.RemoteAddr = "@"
	other, otherToken := s.Issue(i, byPassword, r)
	if otherToken == token || other.ID == session.ID || other.Devices.Last().ID == session.Devices.Last().ID {
		t.Error("two sessions share what should be their own")
	}
	if d := other.Devices.Last(); d.IPAddress != nil || d.UserAgent != nil {
		t.Errorf("what is not known is %v", d)
	}
}

func TestRenew(t *testing.T) {
	now := newClock()
	to := settings()
	to.Secrets = []string{firstSecret}
	s := newSessions(t, storetest.Memory(t, nil), now, to)
	begun, token := s.Issue(person(auth.FactorPassword|auth.FactorTOTP), byPassword, request(nil))

	now.add(10 * time.Minute)
	to.Secrets, to.Lifespan = []string{secondSecret, firstSecret}, 2*time.Hour
	configure(t, s, to)
	for _, test := range []struct {
		name  string
		proof Proof
		amr   auth.AMR
		aal   auth.AAL
		keeps bool
	}{
		{"an app", Proof{Token: token}, byPassword, auth.AAL1, true},
		{"an app with a second factor", Proof{Token: token}, auth.AMR{Method: "totp", AAL: auth.AAL2}, auth.AAL2, true},
		{"a browser", Proof{Token: token, Cookie: true}, byPassword, auth.AAL1, false},
		{"a browser with a second factor", Proof{Token: token, Cookie: true}, auth.AMR{Method: "totp", AAL: auth.AAL2}, auth.AAL2, false},
	} {
		t.Run(test.name, func(t *testing.T) {
			got := *begun
			renewed := s.Renew(&got, test.proof, test.amr, httptest.NewRequest("POST", "/", nil))
			if (renewed == token) != test.keeps || !strings.HasPrefix(renewed, "ory_st_") {
				t.Errorf("the token was %s and is %s", token, renewed)
			}
			at, want := now.now(), *begun
			test.amr.CompletedAt = at
			want.AMR = auth.AMRsOf(append(begun.AMR.All(), test.amr)...)
			want.AAL, want.IssuedAt, want.AuthenticatedAt, want.ExpiresAt = test.aal, at, at, at.Add(2*time.Hour)
			want.TokenHash = s.now.Load().tokens.Hash(renewed) // under the newest key
			address := "192.0.2.1"
			want.Devices = auth.DevicesOf(append(want.Devices.All(), auth.Device{IPAddress: &address})...) // told only
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
			if done := begun.AMR.All(); len(done) != 1 {
				t.Errorf("the session as it was has changed: %v", done)
			}
		})
	}
}

// A session that is renewed again and again remembers the last proofs only,
// and at least one of each kind, so that it is worth what it was.
func TestRenewOften(t *testing.T) {
	now := newClock()
	s := newSessions(t, storetest.Memory(t, nil), now, settings())
	session, token := s.Issue(person(auth.FactorPassword|auth.FactorTOTP), auth.AMR{Method: "oidc", AAL: auth.AAL1, Provider: "github"}, request(nil))
	once := []auth.AMR{{Method: "oidc", AAL: auth.AAL1, Provider: "google"}, {Method: "totp", AAL: auth.AAL2}, {Method: "code", AAL: auth.AAL1}, {Method: "code", AAL: auth.AAL2}}
	for _, amr := range once {
		s.Renew(session, Proof{Token: token}, amr, httptest.NewRequest("POST", "/", nil))
	}
	for range 100 {
		now.add(time.Second)
		s.Renew(session, Proof{Token: token}, byPassword, httptest.NewRequest("POST", "/", nil))
	}
	kept := session.AMR.All()
	if len(kept) != maxAMR || session.AAL != auth.AAL2 {
		t.Errorf("it remembers %d proofs and is worth %s", len(kept), session.AAL)
	}
	for _, want := range append(once, auth.AMR{Method: "oidc", AAL: auth.AAL1, Provider: "github"}) {
		if !slices.ContainsFunc(kept, func(m auth.AMR) bool {
			return m.Method == want.Method && m.AAL == want.AAL && m.Provider == want.Provider
		}) {
			t.Errorf("%+v is forgotten", want)
		}
	}
	if last := kept[maxAMR-1]; last.Method != "password" || !last.CompletedAt.Equal(now.now()) {
		t.Errorf("the last one is %+v", last)
	}
	// Proofs that are all different are all kept.
	for n := range 2 * maxAMR {
		s.Renew(session, Proof{Token: token}, auth.AMR{Method: "oidc", AAL: auth.AAL1, Provider: fmt.Sprint(n)}, httptest.NewRequest("POST", "/", nil))
	}
	if kept := session.AMR.All(); len(kept) < 2*maxAMR {
		t.Errorf("of many different proofs %d are left", len(kept))
	}
}

// A renewed session is stored under its new token; the cookie that was copied
// before is of no use, however warm it was.
func TestRenewStored(t *testing.T) {
	st := storetest.Memory(t, nil)
	s := newSessions(t, st, newClock(), settings())
	session, token := signIn(t, st, s, person(auth.FactorPassword), byPassword)
	for range 2 {
		if _, err := s.Check(t.Context(), Proof{Token: token}); err != nil {
			t.Fatal(err)
		}
	}
	renewed := *session
	fresh := s.Renew(&renewed, Proof{Token: token, Cookie: true}, byPassword, httptest.NewRequest("POST", "/", nil))
	write(t, st, func(tx *store.Tx) error {
		_, err := tx.UpdateSession(t.Context(), &renewed, session, true, newClock().now())
		return err
	})
	if _, err := s.Check(t.Context(), Proof{Token: token}); !errors.Is(err, auth.ErrNoSession) {
		t.Errorf("the former token: %v", err)
	}
	a, err := s.Check(t.Context(), Proof{Token: fresh})
	if err != nil || !strings.Contains(string(a.Body), session.ID.String()) {
		t.Errorf("the new token: %v", err)
	}
}

func TestLogoutToken(t *testing.T) {
	s := newSessions(t, storetest.Memory(t, nil), newClock(), settings())
	ada, adasToken := s.Issue(person(auth.FactorPassword), byPassword, request(nil))
	bob, bobsToken := s.Issue(person(auth.FactorPassword), byPassword, request(nil))
	token := s.LogoutToken(ada, adasToken)
	if len(token) != len(logoutPrefix)+32 || strings.Trim(token[len(logoutPrefix):], "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789") != "" {
		t.Errorf("the logout token is %q", token)
	}
	if !s.LogoutTokenValid(token, ada, adasToken) {
		t.Error("it is not valid")
	}
	for name, valid := range map[string]bool{
		"another session":           s.LogoutTokenValid(token, bob, adasToken),
		"another token":             s.LogoutTokenValid(token, ada, bobsToken),
		"another person":            s.LogoutTokenValid(token, bob, bobsToken),
		"no token":                  s.LogoutTokenValid(token, ada, ""),
		"nothing given":             s.LogoutTokenValid("", ada, adasToken),
		"the prefix alone":          s.LogoutTokenValid(logoutPrefix, ada, adasToken),
		"the session's token given": s.LogoutTokenValid(adasToken, ada, adasToken),
		"one letter more":           s.LogoutTokenValid(token+"A", ada, adasToken),
		"one letter less":           s.LogoutTokenValid(token[:len(token)-1], ada, adasToken),
	} {
		if valid {
			t.Errorf("%s: it is valid", name)
		}
	}
	// It is not the hash under which the token is stored.
	if strings.Contains(token, logoutToken(s.now.Load().tokens.Hash(adasToken))) {
		t.Error("the logout token tells the stored hash")
	}
}

func TestClearCookie(t *testing.T) {
	s := newSessions(t, storetest.Memory(t, nil), newClock(), settings())
	w := httptest.NewRecorder()
	s.SetCookie(w, "token", newClock().now().Add(time.Hour))
	s.ClearCookie(w)
	cookies := w.Result().Cookies()
	if len(cookies) != 1 || cookies[0].Name != "ory_kratos_session" || cookies[0].Value != "" || cookies[0].MaxAge != -1 {
		t.Errorf("got %v", cookies)
	}
}

func TestLists(t *testing.T) {
	st := storetest.Memory(t, nil)
	now := newClock()
	s := newSessions(t, st, now, settings())
	i := person(auth.FactorPassword)
	first, _ := signIn(t, st, s, i, byPassword)
	now.add(50 * time.Minute)
	var others []*auth.Session
	for range 3 {
		session, _ := s.Issue(i, byPassword, request(nil))
		write(t, st, func(tx *store.Tx) error { return tx.InsertSession(t.Context(), session) })
		others = append(others, session)
		now.add(time.Second)
	}
	if _, err := s.Revoke(t.Context(), i.ID, others[0].ID); err != nil {
		t.Fatal(err)
	}
	list := func(rows []store.SessionRow, total int, err error) string {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		out := fmt.Sprint(total)
		for _, row := range rows {
			for n, session := range append(others, first) {
				if row.Session.ID == session.ID {
					out += fmt.Sprint(" ", n)
				}
			}
		}
		return out
	}
	for _, test := range []struct{ name, got, want string }{
		{"others", list(s.Others(t.Context(), i.ID, others[1].ID, 0, 10)), "2 2 3"},
		{"a page of them", list(s.Others(t.Context(), i.ID, others[1].ID, 1, 1)), "2 3"},
		{"all", list(s.Of(t.Context(), i.ID, store.AllSessions, 0, 10)), "4 2 1 0 3"},
		{"dead", list(s.Of(t.Context(), i.ID, store.DeadSessions, 0, 10)), "1 0"},
		{"of nobody", list(s.Of(t.Context(), uuid.New(), store.AllSessions, 0, 10)), "0"},
	} {
		if test.got != test.want {
			t.Errorf("%s: got %q, want %q", test.name, test.got, test.want)
		}
	}
	now.set(first.ExpiresAt)
	if got := list(s.Of(t.Context(), i.ID, store.LiveSessions, 0, 10)); got != "2 2 1" {
		t.Errorf("when the first has ended: %q", got)
	}
}

// FuzzProof: whatever the headers are, the first one that is there decides, a
// token that is too long is none, nothing passes for a cookie of ours, and
// nobody is signed in by what was made up.
func FuzzProof(f *testing.F) {
	s := newSessions(f, storetest.Memory(f, nil), newClock(), settings())
	f.Add("ory_st_token", "", "")
	f.Add("", "AAAA", "Bearer ory_st_token")
	f.Add("", "", "bearer  \tory_st_token ")
	f.Add("", `"`+strings.Repeat("A", 2*maxToken)+`"`, "Bearer "+strings.Repeat("t", maxToken+1))
	f.Add("\x00", "a; ory_kratos_session=b", "Basic Bearer x")
	f.Fuzz(func(t *testing.T, header, cookie, authorization string) {
		r := request(map[string]string{"X-Session-Token": header, "Authorization": authorization, "Cookie": "ory_kratos_session=" + cookie})
		p := s.Proof(r)
		want := header
		if scheme, rest, _ := strings.Cut(authorization, " "); header == "" && strings.ToLower(scheme) == "bearer" {
			want = strings.TrimSpace(rest)
		}
		if len(want) > maxToken {
			want = ""
		}
		if p.Token != want || p.Cookie {
			t.Errorf("%q, the cookie %q and %q prove %+v, want the token %q", header, cookie, authorization, p, want)
		}
		if _, err := s.Check(t.Context(), p); !errors.Is(err, auth.ErrNoSession) {
			t.Errorf("%+v: %v", p, err)
		}
	})
}

// FuzzCookie: whatever token is sealed comes back, and only from what was
// sealed: not once a bit of it is changed, its end is cut off, something is
// added, or it stands under another name.
func FuzzCookie(f *testing.F) {
	s := newSessions(f, storetest.Memory(f, nil), newClock(), settings())
	f.Add("ory_st_token", int64(1772600767000000), uint16(0), byte(1))
	f.Add("", int64(0), uint16(9), byte(0))
	f.Add(strings.Repeat("t", maxToken), int64(-1), uint16(300), byte(0x80))
	f.Fuzz(func(t *testing.T, token string, micro int64, at uint16, flip byte) {
		c := s.now.Load()
		sealed := c.seal(token, time.UnixMicro(micro))
		got, expires, ok := c.open(sealed)
		switch {
		case token == "":
			if ok {
				t.Error("a cookie without a token opens")
			}
		case len(token) <= maxToken:
			if !ok || got != token || expires.UnixMicro() != micro {
				t.Errorf("sealed %q until %d, opened %q until %v, %v", token, micro, got, expires, ok)
			}
		}
		place := int(at) % len(sealed)
		changed := []byte(sealed)
		changed[place] ^= flip
		other := *c
		other.Cookie.Name += "2"
		for what, value := range map[string]string{
			"changed": string(changed), "cut": sealed[:place], "cut at its beginning": sealed[place+1:], "longer": sealed + string(rune(flip)),
			"sealed for another cookie": other.seal(token, time.UnixMicro(micro)),
		} {
			if value == sealed {
				continue // it was changed by nothing
			}
			if got, _, ok := c.open(value); ok {
				t.Errorf("%q, %s to %q, opens as %q", sealed, what, value, got)
			}
		}
	})
}

func BenchmarkCheckWarm(b *testing.B) {
	st := storetest.Memory(b, nil)
	s := newSessions(b, st, newClock(), settings())
	_, token := signIn(b, st, s, person(auth.FactorPassword), byPassword)
	r := request(map[string]string{"X-Session-Token": token})
	if _, err := s.Check(b.Context(), s.Proof(r)); err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	b.ResetTimer()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			if _, err := s.Check(b.Context(), s.Proof(r)); err != nil {
				b.Error(err)
				return
			}
		}
	})
}

func BenchmarkCheckWarmCookie(b *testing.B) {
	st := storetest.Memory(b, nil)
	s := newSessions(b, st, newClock(), settings())
	session, token := signIn(b, st, s, person(auth.FactorPassword), byPassword)
	r := request(map[string]string{"Cookie": cookieOf(s, token, session.ExpiresAt)})
	b.ReportAllocs()
	b.ResetTimer()
	for b.Loop() {
		if _, err := s.Check(b.Context(), s.Proof(r)); err != nil {
			b.Fatal(err)
		}
	}
}

// TestRevokeWhileChecking ends sessions while others check them, cold each
// time: a check that was overtaken must not leave its answer behind.
func TestRevokeWhileChecking(t *testing.T) {
	ctx := t.Context()
	storetest.Each(t, nil, func(t *testing.T, st *store.Store) {
		s := newSessions(t, st, newClock(), settings())
		i := person(auth.FactorPassword)
		signIn(t, st, s, i, byPassword)
		for range 50 {
			session, token := s.Issue(i, byPassword, request(nil))
			write(t, st, func(tx *store.Tx) error { return tx.InsertSession(ctx, session) })
			var revoked atomic.Bool
			var readers sync.WaitGroup
			for range 2 {
				readers.Go(func() {
					for !revoked.Load() {
						s.cache.forget(nil)
						if _, err := s.Check(ctx, Proof{Token: token}); err != nil && !errors.Is(err, auth.ErrNoSession) {
							t.Error(err)
							return
						}
					}
				})
			}
			_, err := s.Revoke(ctx, i.ID, session.ID)
			_, atOnce := s.Check(ctx, Proof{Token: token})
			revoked.Store(true)
			readers.Wait()
			if err != nil || !errors.Is(atOnce, auth.ErrNoSession) {
				t.Fatalf("at once: %v, %v", err, atOnce)
			}
			if _, err := s.Check(ctx, Proof{Token: token}); !errors.Is(err, auth.ErrNoSession) {
				t.Fatalf("when all have read: %v", err)
			}
		}
	})
}
