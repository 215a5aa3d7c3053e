package store_test

import (
	"database/sql"
	"path/filepath"
	"strings"
	"testing"

	"zelus/internal/auth"
	"zelus/internal/store"
	"zelus/internal/store/storetest"
)

// TestSealedCredentials: what has to be read again is not in the table as it is,
// and stays readable while its secret is known.
func TestSealedCredentials(t *testing.T) {
	const plain = `{"totp_url":"otpauth://totp/a?secret=JBSWY3DPEHPK3PXP"}`
	storetest.Each(t, nil, func(t *testing.T, st *store.Store) {
		ctx, i := t.Context(), newIdentity("ada@example.org")
		i.Credentials[auth.TOTP] = auth.Credential{Type: auth.TOTP, Identifiers: []string{i.ID.String()}, Config: []byte(plain), CreatedAt: i.CreatedAt, UpdatedAt: i.CreatedAt}
		write(t, st, func(tx *store.Tx) error { return tx.InsertIdentity(ctx, i) })
		read := func() auth.Credential {
			t.Helper()
			all, err := st.Credentials(ctx, i.ID)
			if err != nil {
				t.Fatal(err)
			}
			return all[auth.TOTP]
		}
		first := read()
		if string(first.Config) != plain || first.Sealed == "" || strings.Contains(first.Sealed, "JBSW") {
			t.Fatalf("%s, stored as %s", first.Config, first.Sealed)
		}
		write(t, st, func(tx *store.Tx) error { return tx.ReplaceConfig(ctx, i.ID, first, []byte(`{"totp_url":"b"}`)) })
		second := read()
		if string(second.Config) != `{"totp_url":"b"}` {
			t.Errorf("replaced: %s", second.Config)
		}
		write(t, st, func(tx *store.Tx) error { return tx.ReplaceConfig(ctx, i.ID, first, []byte(`{"totp_url":"c"}`)) })
		if again := read(); again.Sealed != second.Sealed {
			t.Errorf("what is no longer was replaced: %s", again.Config)
		}
		write(t, st, func(tx *store.Tx) error {
			if _, err := tx.StillProven(ctx, i.Project, i.ID, second); err != nil {
				t.Errorf("as it was read: %v", err)
			}
			if _, err := tx.StillProven(ctx, i.Project, i.ID, first); err == nil {
				t.Error("one that was replaced since still counts")
			}
			return nil
		})

		if err := st.Configure([]string{"a newer secret", storetest.Secret}); err != nil {
			t.Fatal(err)
		}
		if got := read(); string(got.Config) != `{"totp_url":"b"}` {
			t.Errorf("under an older secret: %s", got.Config)
		}
		if err := st.Configure([]string{"a newer secret"}); err != nil {
			t.Fatal(err)
		}
		if _, err := st.Credentials(ctx, i.ID); err == nil || !strings.Contains(err.Error(), "secrets.cipher") {
			t.Errorf("without its secret: %v", err)
		}
	})
}

// TestSealedForOne: a row that is copied to somebody else opens for nobody.
func TestSealedForOne(t *testing.T) {
	path := filepath.Join(t.TempDir(), "zelus.db")
	st := storetest.Memory(t, func(o *store.Options) { o.Memory, o.Path = false, path })
	ctx, ada, eve := t.Context(), newIdentity("ada@example.org"), newIdentity("eve@example.org")
	ada.Credentials[auth.TOTP] = auth.Credential{Type: auth.TOTP, Config: []byte(`{"totp_url":"a"}`), CreatedAt: ada.CreatedAt, UpdatedAt: ada.CreatedAt}
	eve.Credentials[auth.TOTP] = auth.Credential{Type: auth.TOTP, Config: []byte(`{"totp_url":"e"}`), CreatedAt: ada.CreatedAt, UpdatedAt: ada.CreatedAt}
	write(t, st, func(tx *store.Tx) error { return tx.InsertIdentity(ctx, ada) })
	write(t, st, func(tx *store.Tx) error { return tx.InsertIdentity(ctx, eve) })
	db, err := sql.Open("sqlite", path)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if _, err := db.Exec("UPDATE credentials SET config = (SELECT config FROM credentials WHERE identity_id = ? AND type = 'totp') WHERE identity_id = ? AND type = 'totp'",
		eve.ID[:], ada.ID[:]); err != nil {
		t.Fatal(err)
	}
	var rows int
	if err := db.QueryRow("SELECT COUNT(DISTINCT config) FROM credentials WHERE type = 'totp'").Scan(&rows); err != nil || rows != 1 {
		t.Fatalf("%d different configs, %v", rows, err)
	}
	if _, err := st.Credentials(ctx, ada.ID); err == nil {
		t.Error("somebody else's authenticator app was read as one's own")
	}
}

func TestUseStep(t *testing.T) {
	storetest.Each(t, nil, func(t *testing.T, st *store.Store) {
		ctx, i := t.Context(), newIdentity("ada@example.org")
		i.Credentials[auth.TOTP] = auth.Credential{Type: auth.TOTP, Config: []byte(`{}`), CreatedAt: i.CreatedAt, UpdatedAt: i.CreatedAt}
		write(t, st, func(tx *store.Tx) error { return tx.InsertIdentity(ctx, i) })
		for _, test := range []struct {
			step int64
			want bool
		}{{5, true}, {5, false}, {4, false}, {6, true}} {
			write(t, st, func(tx *store.Tx) error {
				got, err := tx.UseStep(ctx, i.ID, test.step)
				if got != test.want {
					t.Errorf("step %d: %v", test.step, got)
				}
				return err
			})
		}
		// Another change of the credential leaves it as it is.
		write(t, st, func(tx *store.Tx) error {
			all, err := tx.Credentials(ctx, i.ID)
			if err != nil {
				return err
			}
			return tx.ReplaceConfig(ctx, i.ID, all[auth.TOTP], []byte(`{"a":1}`))
		})
		write(t, st, func(tx *store.Tx) error {
			if got, err := tx.UseStep(ctx, i.ID, 6); got || err != nil {
				t.Errorf("used again: %v, %v", got, err)
			}
			return nil
		})
	})
}
