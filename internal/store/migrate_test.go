package store_test

import (
	"errors"
	"testing"
	"time"

	"github.com/google/uuid"

	"zelus/internal/auth"
	"zelus/internal/store"
	"zelus/internal/store/storetest"
)

// TestRowsAreMigrated: who was there before the tables of look-ups and of the history were
// made anew is found by everything after it, has their history, and takes it along when
// they are deleted.
func TestRowsAreMigrated(t *testing.T) {
	storetest.EachOptions(t, func(t *testing.T, o store.Options) {
		ctx := t.Context()
		st, err := store.Open(ctx, o)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { st.Close() })
		store.MigrateTo(t, st, 12)

		people := []*auth.Identity{newIdentity("ada@example.org"), newIdentity("bo@example.org")}
		began := auth.Now(time.Now())
		for _, i := range people {
			now, email := i.CreatedAt, i.Verifiable[0].Value
			store.Exec(t, st, "INSERT INTO identities (id, project_id, schema_id, state, factors, packed, created_at, updated_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
				i.ID, project, i.SchemaID, i.State, int(i.Factors), i.Pack(), now, now)
			for _, kind := range []string{"password", "code"} {
				store.Exec(t, st, "INSERT INTO credentials (project_id, identity_id, type, identifiers, config, version, created_at, updated_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
					project, i.ID, kind, `["`+email+`"]`, `{}`, 0, now, now)
				store.Exec(t, st, "INSERT INTO identifiers (project_id, type, value, identity_id) VALUES (?, ?, ?, ?)", project, kind, email, i.ID)
			}
			for _, purpose := range []string{store.ForVerification, store.ForRecovery} {
				store.Exec(t, st, "INSERT INTO addresses (project_id, purpose, via, value, identity_id) VALUES (?, ?, ?, ?, ?)", project, purpose, "email", email, i.ID)
			}
			for n := range 3 {
				store.Exec(t, st, "INSERT INTO history (id, project_id, identity_id, session_id, event, method, aal, device, created_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
					uuid.Must(uuid.NewV7()), project, i.ID, uuid.New(), "login", "password", "aal1", "{}", began.Add(time.Duration(n)*time.Second))
			}
		}
		if _, err := st.Migrate(ctx); err != nil {
			t.Fatal(err)
		}

		for _, i := range people {
			email := i.Verifiable[0].Value
			for _, kind := range []auth.CredentialType{auth.Password, auth.Code} {
				if found, err := st.SignInBy(ctx, project, kind, email); err != nil || found.Identity.ID != i.ID {
					t.Errorf("%s by %s: %v %v", email, kind, found, err)
				}
			}
			for _, purpose := range []string{store.ForVerification, store.ForRecovery} {
				if found, err := st.IdentityByAddress(ctx, project, purpose, "email", email); err != nil || found.ID != i.ID {
					t.Errorf("%s by its address of %s: %v %v", email, purpose, found, err)
				}
			}
			history, err := st.History(ctx, project, i.ID, store.PageKey{}, 10)
			if err != nil || len(history) != 3 || !history[0].CreatedAt.Equal(began.Add(2*time.Second)) {
				t.Errorf("the history of %s: %v %v", email, history, err)
			}
		}
		// What is taken stays taken, and is free when its owner is gone.
		again := newIdentity("ada@example.org")
		insertAgain := func() error {
			return st.Write(ctx, store.Durable, func(tx *store.Tx) error { return tx.InsertIdentity(ctx, again) })
		}
		if err := insertAgain(); !errors.Is(err, store.ErrConflict) {
			t.Errorf("a taken identifier: %v", err)
		}
		write(t, st, func(tx *store.Tx) error {
			_, err := tx.DeleteIdentity(ctx, project, people[0].ID)
			return err
		})
		if err := insertAgain(); err != nil {
			t.Errorf("an identifier that is free again: %v", err)
		}
	})
}

// TestNewerTables: a program that is older than the tables says so, and does not begin;
// one that runs already goes on.
func TestNewerTables(t *testing.T) {
	storetest.Each(t, nil, func(t *testing.T, st *store.Store) {
		all, err := st.Migrations(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		store.Exec(t, st, "INSERT INTO schema_migrations (version, name, applied_at) VALUES (?, ?, ?)", len(all)+1, "of_tomorrow", time.Now())
		if _, err := st.Migrate(t.Context()); !errors.Is(err, store.ErrNewer) {
			t.Errorf("Migrate: %v", err)
		}
		if _, err := st.Migrations(t.Context()); !errors.Is(err, store.ErrNewer) {
			t.Errorf("Migrations: %v", err)
		}
		if err := st.Ready(t.Context()); err != nil {
			t.Errorf("Ready: %v", err)
		}
	})
}
