package flow

import (
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"zelus/internal/auth"
	"zelus/internal/config"
	"zelus/internal/store"
	"zelus/internal/store/storetest"
	"zelus/internal/web"
)

// TestChangeMustStillBeAllowed: deciding about a change takes time. What
// happens to the person meanwhile counts, and no other change is lost.
func TestChangeMustStillBeAllowed(t *testing.T) {
	update := func(f func(*auth.Identity)) func(*testing.T, *store.Store, *auth.Session) {
		return func(t *testing.T, st *store.Store, s *auth.Session) {
			elsewhere(t, st, s.IdentityID, f)
		}
	}
	write := func(f func(context.Context, *store.Tx, *auth.Session) error) func(*testing.T, *store.Store, *auth.Session) {
		return func(t *testing.T, st *store.Store, s *auth.Session) {
			if err := st.Write(t.Context(), store.Durable, func(tx *store.Tx) error { return f(t.Context(), tx, s) }); err != nil {
				t.Fatal(err)
			}
		}
	}
	once := func(f func(*testing.T, *store.Store, *auth.Session)) func(*testing.T, *store.Store, *auth.Session, int) {
		return func(t *testing.T, st *store.Store, s *auth.Session, n int) {
			if n == 0 {
				f(t, st, s)
			}
		}
	}
	for name, test := range map[string]struct {
		// meanwhile is called each time when the change is made, n times before.
		meanwhile func(*testing.T, *store.Store, *auth.Session, int)
		status    int
		changed   bool
	}{
		"nothing happens": {func(*testing.T, *store.Store, *auth.Session, int) {}, http.StatusOK, true},
		"something else changes": {once(update(func(i *auth.Identity) { i.MetadataAdmin = json.RawMessage(`{"seen":true}`) })),
			http.StatusOK, true},
		"somebody else is faster, often": {func(t *testing.T, st *store.Store, s *auth.Session, n int) {
			if n < 10 {
				update(func(i *auth.Identity) { i.MetadataAdmin = json.RawMessage(`{"seen":true}`) })(t, st, s)
			}
		}, http.StatusOK, true},
		"somebody else is always faster": {func(t *testing.T, st *store.Store, s *auth.Session, _ int) {
			update(func(i *auth.Identity) { i.MetadataAdmin = json.RawMessage(`{"seen":true}`) })(t, st, s)
		}, http.StatusConflict, false},
		"the session is revoked": {once(write(func(ctx context.Context, tx *store.Tx, s *auth.Session) error {
			_, err := tx.RevokeSession(ctx, s.Project, s.IdentityID, s.ID)
			return err
		})), http.StatusUnauthorized, false},
		"the session gets another token": {once(write(func(ctx context.Context, tx *store.Tx, s *auth.Session) error {
			renewed := *s
			renewed.TokenHash, renewed.AuthenticatedAt = []byte(strings.Repeat("x", 32)), s.AuthenticatedAt.Add(time.Second)
			_, err := tx.UpdateSession(ctx, &renewed, s, true, time.Unix(begin, 0))
			return err
		})), http.StatusUnauthorized, false},
		"it is switched off": {once(func(t *testing.T, st *store.Store, s *auth.Session) {
			update(func(i *auth.Identity) { i.State = auth.Inactive })(t, st, s)
		}), http.StatusUnauthorized, false},
		"it is deleted": {once(write(func(ctx context.Context, tx *store.Tx, s *auth.Session) error {
			_, err := tx.DeleteIdentity(ctx, s.Project, s.IdentityID)
			return err
		})), http.StatusUnauthorized, false},
	} {
		t.Run(name, func(t *testing.T) {
			storetest.Each(t, nil, func(t *testing.T, st *store.Store) {
				i := storeIdentity(t, st, `{"email":"ada@example.org"}`)
				var session *auth.Session
				tries := 0
				method := Method{Name: "toy", Enabled: func(*config.Config) bool { return true }, Settings: &Part{
					Prepare: func(context.Context, *Form) error { return nil },
					Submit: func(context.Context, *Submission) (Outcome, error) {
						return Changed(func(i *auth.Identity, _ time.Time) {
							test.meanwhile(t, st, session, tries)
							tries++
							i.MetadataPublic = json.RawMessage(`{"changed":true}`)
						}), nil
					}}}
				e := newEngine(t, st, configuration(), method)
				var token string
				session, token = e.Sessions.Issue(i, auth.AMR{Method: "password", AAL: auth.AAL1}, httptest.NewRequest(http.MethodGet, "/", nil))
				if err := st.Write(t.Context(), store.Durable, func(tx *store.Tx) error { return tx.InsertSession(t.Context(), session) }); err != nil {
					t.Fatal(err)
				}
				f := newFlow(auth.Settings, auth.API)
				f.State, f.IdentityID = auth.ShowForm, i.ID
				storeFlow(t, st, f)
				mux := http.NewServeMux()
				e.Routes(func(pattern string, h web.Handler) { mux.Handle(pattern, e.Server.Handle(h)) })
				r := httptest.NewRequest(http.MethodPost, "/self-service/settings?flow="+f.ID.String(), strings.NewReader(`{"method":"toy"}`))
				r.Header.Set("Content-Type", "application/json")
				r.Header.Set("X-Session-Token", token)
				w := httptest.NewRecorder()
				mux.ServeHTTP(w, r.WithContext(t.Context()))
				if w.Code != test.status {
					t.Errorf("answered %d, want %d: %s", w.Code, test.status, w.Body)
				}
				got, err := st.Identity(t.Context(), auth.DefaultProject, i.ID)
				if err != nil {
					return // deleted
				}
				if (len(got.MetadataPublic) > 0) != test.changed {
					t.Errorf("the change was made: %s", got.MetadataPublic)
				}
				if lost := strings.Contains(name, "else") && !strings.Contains(string(got.MetadataAdmin), "seen"); lost {
					t.Error("the other change is lost")
				}
				kept, err := st.Flow(t.Context(), auth.DefaultProject, auth.Settings, f.ID)
				if err != nil {
					t.Fatal(err)
				}
				if (kept.State == auth.Success) != test.changed {
					t.Errorf("the form is in state %s", kept.State)
				}
			})
		})
	}
}

// elsewhere changes an identity as somebody else does.
func elsewhere(t *testing.T, st *store.Store, id uuid.UUID, f func(*auth.Identity)) {
	t.Helper()
	before, err := st.Identity(t.Context(), auth.DefaultProject, id)
	if err != nil {
		t.Fatal(err)
	}
	if before.Credentials, err = st.Credentials(t.Context(), id); err != nil {
		t.Fatal(err)
	}
	after := *before
	after.UpdatedAt = before.UpdatedAt.Add(time.Second)
	f(&after)
	if err := st.Write(t.Context(), store.Durable, func(tx *store.Tx) error { return tx.UpdateIdentity(t.Context(), before, &after) }); err != nil {
		t.Fatal(err)
	}
}
