package session

import (
	"context"
	"errors"
	"net/http/httptest"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/tidwall/gjson"

	"zelus/internal/auth"
	"zelus/internal/store"
	"zelus/internal/store/storetest"
)

// renewed stores what a browser's session is after another proof, and returns the
// browser's new token.
func renewed(t testing.TB, st *store.Store, s *Sessions, session *auth.Session, token string, amr auth.AMR) (*auth.Session, string) {
	t.Helper()
	after := *session
	fresh := s.Renew(&after, Proof{Token: token, Cookie: true}, amr, request(nil))
	write(t, st, func(tx *store.Tx) error {
		same, err := tx.UpdateSession(t.Context(), &after, session, true, s.clock())
		if err == nil && !same {
			err = errors.New("the session is not what it was")
		}
		return err
	})
	return &after, fresh
}

var bySecondFactor = auth.AMR{Method: "totp", AAL: auth.AAL2}

// A browser's token that was replaced may be read with for a while, as what the
// session was. It gains nothing by the proof for which it was replaced.
func TestFormerToken(t *testing.T) {
	storetest.Each(t, nil, func(t *testing.T, st *store.Store) {
		now := newClock()
		to := settings()
		to.RequiredAAL = auth.RequireAAL1
		s := newSessions(t, st, now, to)
		session, token := signIn(t, st, s, person(auth.FactorPassword|auth.FactorTOTP), byPassword)
		former := Proof{Token: token, Cookie: true, CookieExpires: session.ExpiresAt}
		begun := now.now()
		now.add(10 * time.Minute)
		if _, err := s.Check(t.Context(), former); err != nil {
			t.Fatal(err)
		}
		after, fresh := renewed(t, st, s, session, token, bySecondFactor)

		for _, warmth := range []string{"cold", "warm"} {
			a, err := s.Check(t.Context(), former)
			if err != nil {
				t.Fatalf("%s: %v", warmth, err)
			}
			got := gjson.ParseBytes(a.Body)
			if got.Get("id").String() != session.ID.String() || got.Get("authenticator_assurance_level").String() != "aal1" || got.Get("authentication_methods.#").Int() != 1 ||
				!got.Get("authenticated_at").Time().Equal(begun) || !got.Get("expires_at").Time().Equal(now.now().Add(30*time.Second)) || !a.Former {
				t.Errorf("%s: the former token is told %s", warmth, a.Body)
			}
		}
		if a, err := s.Check(t.Context(), Proof{Token: fresh, Cookie: true}); err != nil || a.Former || gjson.GetBytes(a.Body, "authenticator_assurance_level").String() != "aal2" {
			t.Errorf("the new token: %v", err)
		}
		r := httptest.NewRequest("GET", "/sessions", nil)
		r.Header.Set("Cookie", cookieOf(s, token, session.ExpiresAt))
		if row, err := s.FindToRead(r); err != nil || !row.Former || row.Session.AAL != auth.AAL1 {
			t.Errorf("the former token reads %+v, %v", row, err)
		}
		if _, err := s.Find(r); !errors.Is(err, auth.ErrNoSession) {
			t.Errorf("the former token may change something: %v", err)
		}
		// Who demands the highest level gets it of nobody who did not prove it.
		configure(t, s, settings())
		if a, err := s.Check(t.Context(), former); err != nil || !a.NeedsAAL2 {
			t.Errorf("the former token passes as aal2: %v", err)
		}
		// The token is not stored as somebody's present one.
		write(t, st, func(tx *store.Tx) error {
			again := *session
			s.Renew(&again, former, bySecondFactor, request(nil))
			if same, err := tx.UpdateSession(t.Context(), &again, session, true, now.now()); err != nil || same {
				t.Errorf("the former token renewed the session: %v", err)
			}
			if live, err := tx.SessionLives(t.Context(), session, now.now()); err != nil || live {
				t.Errorf("the former token changes something: %v", err)
			}
			return nil
		})
		now.add(30*time.Second - time.Microsecond)
		if _, err := s.Check(t.Context(), former); err != nil {
			t.Errorf("just before its end: %v", err)
		}
		now.add(time.Microsecond)
		for _, warmth := range []string{"warm", "cold"} {
			if _, err := s.Check(t.Context(), former); !errors.Is(err, auth.ErrNoSession) {
				t.Errorf("at its end, %s: %v", warmth, err)
			}
			configure(t, s, settings())
		}
		if _, err := s.FindToken(t.Context(), fresh); err != nil || !after.ExpiresAt.After(now.now()) {
			t.Errorf("the session ended with the former token: %v", err)
		}
	})
}

// The former token ends with the session, and with whatever makes doubtful who
// has it.
func TestFormerTokenEnds(t *testing.T) {
	type state struct {
		s       *Sessions
		st      *store.Store
		now     *clock
		session *auth.Session
		token   string
	}
	ctx := context.Background()
	change := func(to func(*auth.Identity)) func(*testing.T, state) {
		return func(t *testing.T, at state) {
			write(t, at.st, func(tx *store.Tx) error {
				before, err := tx.Identity(ctx, auth.DefaultProject, at.session.IdentityID)
				if err != nil {
					return err
				}
				after := *before
				after.UpdatedAt = before.UpdatedAt.Add(time.Second)
				to(&after)
				return tx.UpdateIdentity(ctx, before, &after)
			})
		}
	}
	for name, test := range map[string]struct {
		do   func(*testing.T, state)
		ends bool
	}{
		"nothing happens": {func(*testing.T, state) {}, false},
		"revoked": {func(t *testing.T, at state) {
			if _, err := at.s.Revoke(ctx, at.session.IdentityID, at.session.ID); err != nil {
				t.Fatal(err)
			}
		}, true},
		"all others are revoked": {func(t *testing.T, at state) {
			if _, err := at.s.RevokeOthers(ctx, at.session.IdentityID, at.session.ID); err != nil {
				t.Fatal(err)
			}
		}, true},
		"deleted": {func(t *testing.T, at state) {
			if _, err := at.s.Delete(ctx, at.session.IdentityID); err != nil {
				t.Fatal(err)
			}
		}, true},
		"another password": {change(func(i *auth.Identity) {
			i.Credentials = map[auth.CredentialType]auth.Credential{auth.Password: {Type: auth.Password, Config: []byte(`{}`)}}
		}), true},
		"other traits": {change(func(i *auth.Identity) { i.Traits = []byte(`{"name":"Ada"}`) }), false},
		"switched off": {change(func(i *auth.Identity) { i.State = auth.Inactive }), true},
		"distrusted": {func(t *testing.T, at state) {
			write(t, at.st, func(tx *store.Tx) error { return tx.Distrust(ctx, auth.DefaultProject, at.session.IdentityID) })
		}, true},
		"somebody else's": {func(t *testing.T, at state) {
			write(t, at.st, func(tx *store.Tx) error { return tx.Distrust(ctx, auth.DefaultProject, uuid.New()) })
		}, false},
		"renewed once more": {func(t *testing.T, at state) { renewed(t, at.st, at.s, at.session, at.token, byPassword) }, true},
		"renewed as an app": {func(t *testing.T, at state) {
			after := *at.session
			at.s.Renew(&after, Proof{Token: at.token}, byPassword, request(nil))
			write(t, at.st, func(tx *store.Tx) error {
				_, err := tx.UpdateSession(ctx, &after, at.session, true, at.now.now())
				return err
			})
		}, true},
	} {
		t.Run(name, func(t *testing.T) {
			storetest.Each(t, nil, func(t *testing.T, st *store.Store) {
				now := newClock()
				s := newSessions(t, st, now, settings())
				first, old := signIn(t, st, s, person(auth.FactorPassword), byPassword)
				session, token := renewed(t, st, s, first, old, byPassword)
				former := Proof{Token: old, Cookie: true}
				if _, err := s.Check(ctx, former); err != nil {
					t.Fatal(err)
				}
				test.do(t, state{s, st, now, session, token})
				if _, err := s.Check(ctx, former); errors.Is(err, auth.ErrNoSession) != test.ends || err != nil && !test.ends {
					t.Errorf("the former token: %v", err)
				}
			})
		})
	}
}

// The former token never outlives the session as it knew it.
func TestFormerTokenOfASessionThatEnds(t *testing.T) {
	st, now := storetest.Memory(t, nil), newClock()
	s := newSessions(t, st, now, settings())
	session, token := signIn(t, st, s, person(auth.FactorPassword), byPassword)
	now.set(session.ExpiresAt.Add(-10 * time.Second))
	renewed(t, st, s, session, token, byPassword)
	for _, test := range []struct {
		after time.Duration
		want  error
	}{{9 * time.Second, nil}, {time.Second, auth.ErrNoSession}} {
		now.add(test.after)
		if _, err := s.Check(t.Context(), Proof{Token: token, Cookie: true}); !errors.Is(err, test.want) {
			t.Errorf("%s later: %v", test.after, err)
		}
	}
}

// What a session check costs: one query for a token that holds, and for one that
// is nobody's; one more only where a browser has a cookie of ours that is not known.
func TestFormerTokenQueries(t *testing.T) {
	var mu sync.Mutex
	n := 0
	st := storetest.Memory(t, func(o *store.Options) {
		o.Observe = func(string) { mu.Lock(); n++; mu.Unlock() }
	})
	s := newSessions(t, st, newClock(), settings())
	session, token := signIn(t, st, s, person(auth.FactorPassword), byPassword)
	_, fresh := renewed(t, st, s, session, token, byPassword)
	for _, test := range []struct {
		what string
		p    Proof
		want int
	}{
		{"the token", Proof{Token: fresh, Cookie: true}, 1},
		{"the token, warm", Proof{Token: fresh, Cookie: true}, 0},
		{"the former token", Proof{Token: token, Cookie: true}, 2},
		{"the former token, warm", Proof{Token: token, Cookie: true}, 0},
		{"an unknown token", Proof{Token: "ory_st_unknown"}, 1},
		{"an unknown cookie", Proof{Token: "ory_st_unknown", Cookie: true}, 2},
	} {
		n = 0
		_, _ = s.Check(t.Context(), test.p)
		if n != test.want {
			t.Errorf("%s: %d queries, want %d", test.what, n, test.want)
		}
	}
}

// Of several renewals at once one wins, and its former token is the one that all
// of them came with.
func TestFormerTokenOfRenewalsAtOnce(t *testing.T) {
	storetest.Each(t, nil, func(t *testing.T, st *store.Store) {
		s := newSessions(t, st, newClock(), settings())
		session, token := signIn(t, st, s, person(auth.FactorPassword|auth.FactorTOTP), byPassword)
		var mu sync.Mutex
		var won []string
		var all sync.WaitGroup
		for range 6 {
			all.Go(func() {
				after := *session
				fresh := s.Renew(&after, Proof{Token: token, Cookie: true}, bySecondFactor, request(nil))
				var same bool
				err := st.Write(context.Background(), store.Durable, func(tx *store.Tx) (err error) {
					same, err = tx.UpdateSession(context.Background(), &after, session, true, s.clock())
					return err
				})
				if err != nil {
					t.Error(err)
				}
				if same {
					mu.Lock()
					won = append(won, fresh)
					mu.Unlock()
				}
			})
		}
		all.Wait()
		if len(won) != 1 {
			t.Fatalf("%d renewals won, want 1", len(won))
		}
		if row, err := s.FindToken(t.Context(), won[0]); err != nil || row.Session.AAL != auth.AAL2 {
			t.Errorf("the winner: %v", err)
		}
		if a, err := s.Check(t.Context(), Proof{Token: token, Cookie: true}); err != nil || !a.NeedsAAL2 {
			t.Errorf("the former token: %v", err)
		}
	})
}
