package store_test

import (
	"errors"
	"log/slog"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"zelus/internal/auth"
	"zelus/internal/store"
	"zelus/internal/store/storetest"
)

func newAdminKey(name, hash string, at time.Time) *store.AdminKey {
	return &store.AdminKey{ID: uuid.Must(uuid.NewV7()), Project: project, Name: name, Hash: []byte(hash), CreatedAt: auth.Now(at)}
}

func hashes(all ...string) (out [][]byte) {
	for _, hash := range all {
		out = append(out, []byte(hash))
	}
	return out
}

func adminKeys(t *testing.T, st *store.Store) []store.AdminKey {
	t.Helper()
	all, err := st.AdminKeys(t.Context(), project)
	if err != nil {
		t.Fatal(err)
	}
	return all
}

func anyAdminKey(t *testing.T, st *store.Store, of uuid.UUID) bool {
	t.Helper()
	any, err := st.AnyAdminKey(t.Context(), of)
	if err != nil {
		t.Fatal(err)
	}
	return any
}

// TestAdminKeys: what is written is read back, in the order in which it was
// made, and belongs to its project.
func TestAdminKeys(t *testing.T) {
	storetest.Each(t, nil, func(t *testing.T, st *store.Store) {
		ctx, now := t.Context(), time.Date(2026, 3, 4, 5, 6, 7, 891, time.UTC)
		if all := adminKeys(t, st); len(all) != 0 || anyAdminKey(t, st, project) {
			t.Fatalf("an empty database has the keys %v", all)
		}
		expires := auth.Now(now.Add(time.Hour))
		late, first, second := newAdminKey("late", "hash-3", now.Add(time.Second)), newAdminKey("Größe 🔑", "hash-1", now), newAdminKey("same time", "hash-2", now)
		second.ExpiresAt = &expires
		for _, k := range []*store.AdminKey{late, second, first} {
			write(t, st, func(tx *store.Tx) error { return tx.InsertAdminKey(ctx, k) })
		}
		if d := cmp.Diff([]store.AdminKey{*first, *second, *late}, adminKeys(t, st)); d != "" {
			t.Errorf("the list (-want +got):\n%s", d)
		}
		got, err := st.AdminKeyByHash(ctx, project, hashes("hash-1-before", "hash-2"))
		if d := cmp.Diff(second, got); err != nil || d != "" {
			t.Errorf("by its hash: %v (-want +got):\n%s", err, d)
		}
		for _, hash := range []string{"", "hash", "hash-22", "HASH-2", "hash-2\x00"} {
			if got, err := st.AdminKeyByHash(ctx, project, hashes(hash, "none")); !errors.Is(err, store.ErrNotFound) {
				t.Errorf("the hash %q finds %v, %v", hash, got, err)
			}
		}
		if got, err := st.AdminKeyByHash(ctx, uuid.New(), hashes("hash-2")); !errors.Is(err, store.ErrNotFound) {
			t.Errorf("another project finds %v, %v", got, err)
		}
		if !anyAdminKey(t, st, project) || anyAdminKey(t, st, uuid.New()) {
			t.Error("whose keys there are is told wrongly")
		}
		err = st.Write(ctx, store.Durable, func(tx *store.Tx) error { return tx.InsertAdminKey(ctx, newAdminKey("twice", "hash-2", now)) })
		if !errors.Is(err, store.ErrConflict) {
			t.Errorf("the same hash twice: %v", err)
		}
	})
}

// TestRevokeAdminKey: a key is revoked once, and stays in the list.
func TestRevokeAdminKey(t *testing.T) {
	storetest.Each(t, nil, func(t *testing.T, st *store.Store) {
		ctx, now := t.Context(), auth.Now(time.Now())
		k, other := newAdminKey("k", "hash-1", now), newAdminKey("other", "hash-2", now)
		revoke := func(of, id uuid.UUID, at time.Time) (found bool) {
			write(t, st, func(tx *store.Tx) (err error) {
				found, err = tx.RevokeAdminKey(ctx, of, id, at)
				return err
			})
			return found
		}
		write(t, st, func(tx *store.Tx) error { return errors.Join(tx.InsertAdminKey(ctx, k), tx.InsertAdminKey(ctx, other)) })
		if revoke(uuid.New(), k.ID, now) || revoke(project, uuid.New(), now) {
			t.Error("a key that is not there was revoked")
		}
		if !revoke(project, k.ID, now) || !revoke(project, k.ID, now.Add(time.Hour)) {
			t.Error("the key is not there")
		}
		k.RevokedAt = &now
		if d := cmp.Diff([]store.AdminKey{*k, *other}, adminKeys(t, st)); d != "" {
			t.Errorf("-want +got:\n%s", d)
		}
	})
}

// TestUseAdminKey: a use is noted once in a while, a new hash at once.
func TestUseAdminKey(t *testing.T) {
	storetest.Each(t, nil, func(t *testing.T, st *store.Store) {
		ctx, now := t.Context(), auth.Now(time.Now())
		k, other := newAdminKey("k", "old", now), newAdminKey("other", "else", now)
		write(t, st, func(tx *store.Tx) error { return errors.Join(tx.InsertAdminKey(ctx, k), tx.InsertAdminKey(ctx, other)) })
		use := func(hash string, at time.Time) {
			t.Helper()
			write(t, st, func(tx *store.Tx) error {
				return tx.UseAdminKey(ctx, project, k.ID, []byte(hash), at, at.Add(-time.Hour))
			})
		}
		is := func(what, hash string, at time.Time) {
			t.Helper()
			k.Hash, k.LastUsedAt = []byte(hash), &at
			if d := cmp.Diff([]store.AdminKey{*k, *other}, adminKeys(t, st)); d != "" {
				t.Errorf("%s (-want +got):\n%s", what, d)
			}
		}
		use("old", now)
		is("the first use", "old", now)
		use("old", now.Add(time.Hour-time.Microsecond))
		is("before an hour is over", "old", now)
		use("old", now.Add(time.Hour))
		is("after an hour", "old", now.Add(time.Hour))
		use("new", now.Add(time.Hour+time.Second))
		is("with another hash", "new", now.Add(time.Hour+time.Second))
		if _, err := st.AdminKeyByHash(ctx, project, hashes("old")); !errors.Is(err, store.ErrNotFound) {
			t.Errorf("it is found under the old hash, too: %v", err)
		}
	})
}

// TestAnyAdminKeyBeforeMigration: a database without the table has no keys,
// which is no fault.
func TestAnyAdminKeyBeforeMigration(t *testing.T) {
	for name, options := range map[string]func(*testing.T) store.Options{
		"sqlite": func(*testing.T) store.Options {
			return store.Options{Dialect: "sqlite", Memory: true, Clock: time.Now, Logger: slog.New(slog.DiscardHandler)}
		},
		"postgres": storetest.Postgres,
	} {
		t.Run(name, func(t *testing.T) {
			st, err := store.Open(t.Context(), options(t))
			if err != nil {
				t.Fatal(err)
			}
			defer st.Close()
			if anyAdminKey(t, st, project) {
				t.Error("there is a key in a table that is not there")
			}
			if _, err := st.AdminKeys(t.Context(), project); err == nil {
				t.Error("the list of keys is read from a table that is not there")
			}
		})
	}
}
