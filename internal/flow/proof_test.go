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
	"zelus/internal/store"
	"zelus/internal/store/storetest"
	"zelus/internal/ui"
	"zelus/internal/web"
)

// TestProofMustStillHold: checking a proof takes time. What happens to the
// identity meanwhile counts, not what it was when the check began.
func TestProofMustStillHold(t *testing.T) {
	change := func(f func(*auth.Identity)) func(*testing.T, *store.Store, uuid.UUID) {
		return func(t *testing.T, st *store.Store, id uuid.UUID) {
			before, err := st.Identity(t.Context(), auth.DefaultProject, id)
			if err != nil {
				t.Fatal(err)
			}
			if before.Credentials, err = st.Credentials(t.Context(), id); err != nil {
				t.Fatal(err)
			}
			after := *before
			after.Credentials = map[auth.CredentialType]auth.Credential{auth.Password: before.Credentials[auth.Password]}
			after.UpdatedAt = before.UpdatedAt.Add(time.Second)
			f(&after)
			err = st.Write(t.Context(), store.Durable, func(tx *store.Tx) error { return tx.UpdateIdentity(t.Context(), before, &after) })
			if err != nil {
				t.Fatal(err)
			}
		}
	}
	for name, test := range map[string]struct {
		meanwhile func(*testing.T, *store.Store, uuid.UUID)
		status    int
		sessions  int
	}{
		"nothing happens":    {func(*testing.T, *store.Store, uuid.UUID) {}, http.StatusOK, 1},
		"it is switched off": {change(func(i *auth.Identity) { i.State = auth.Inactive }), http.StatusUnauthorized, 0},
		"the password changes": {change(func(i *auth.Identity) {
			i.SetCredential(auth.Password, json.RawMessage(`{"hashed_password":"y"}`), i.UpdatedAt)
		}), http.StatusBadRequest, 0},
		"it is deleted": {func(t *testing.T, st *store.Store, id uuid.UUID) {
			err := st.Write(t.Context(), store.Durable, func(tx *store.Tx) error {
				_, err := tx.DeleteIdentity(t.Context(), auth.DefaultProject, id)
				return err
			})
			if err != nil {
				t.Fatal(err)
			}
		}, http.StatusBadRequest, 0},
	} {
		t.Run(name, func(t *testing.T) {
			storetest.Each(t, nil, func(t *testing.T, st *store.Store) {
				i := storeIdentity(t, st, `{"email":"ada@example.org"}`)
				e := newEngine(t, st, configuration(), toy("password", func(context.Context, *Submission) (Outcome, error) {
					test.meanwhile(t, st, i.ID)
					return Proven(i, i.Credentials[auth.Password], auth.AMR{Method: "password", AAL: auth.AAL1},
						Problem{Message: ui.Say(ui.ErrorInvalidCredentials)}), nil
				}))
				f := newFlow(auth.Login, auth.API)
				storeFlow(t, st, f)
				mux := http.NewServeMux()
				e.Routes(func(pattern string, h web.Handler) { mux.Handle(pattern, e.Server.Handle(h)) })
				r := httptest.NewRequest(http.MethodPost, "/self-service/login?flow="+f.ID.String(), strings.NewReader(`{"method":"password","identifier":"ada","password":"x"}`))
				r.Header.Set("Content-Type", "application/json")
				w := httptest.NewRecorder()
				mux.ServeHTTP(w, r.WithContext(t.Context()))
				if w.Code != test.status {
					t.Errorf("answered %d, want %d: %s", w.Code, test.status, w.Body)
				}
				_, n, err := st.SessionsOf(t.Context(), auth.DefaultProject, i.ID, uuid.Nil, store.AllSessions, e.Clock(), 0, 10)
				if err != nil || n != test.sessions {
					t.Errorf("%d sessions, want %d, %v", n, test.sessions, err)
				}
			})
		})
	}
}
