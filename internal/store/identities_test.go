package store_test

import (
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"zelus/internal/auth"
	"zelus/internal/store"
	"zelus/internal/store/storetest"
)

// changed is an identity as it shall be, a little later.
func changed(before *auth.Identity, change func(*auth.Identity)) *auth.Identity {
	after := *before
	after.Credentials = map[auth.CredentialType]auth.Credential{}
	for t, c := range before.Credentials {
		after.Credentials[t] = c
	}
	after.UpdatedAt = before.UpdatedAt.Add(time.Microsecond)
	change(&after)
	return &after
}

// An update of what is no longer as it was read writes nothing.
func TestUpdateIdentityStale(t *testing.T) {
	storetest.Each(t, nil, func(t *testing.T, st *store.Store) {
		ctx := t.Context()
		update := func(before, after *auth.Identity) error {
			return st.Write(ctx, store.Durable, func(tx *store.Tx) error { return tx.UpdateIdentity(ctx, before, after) })
		}
		first := newIdentity("ada@example.org")
		insert(t, st, first)
		second := changed(first, func(i *auth.Identity) { i.ExternalID = "x-1" })
		if err := update(first, second); err != nil {
			t.Fatal(err)
		}
		if err := update(first, changed(first, func(i *auth.Identity) { i.ExternalID = "x-2" })); !errors.Is(err, store.ErrStale) {
			t.Errorf("the identity has changed: %v", err)
		}

		// A password is hashed anew: the identity keeps its date.
		write(t, st, func(tx *store.Tx) error {
			return tx.ReplaceConfig(ctx, first.ID, second.Credentials[auth.Password], []byte(`{"hashed_password":"y"}`))
		})
		for name, change := range map[string]func(*auth.Identity){
			"change": func(i *auth.Identity) { i.SetCredential(auth.Password, []byte(`{}`), i.UpdatedAt) },
			"remove": func(i *auth.Identity) { delete(i.Credentials, auth.Password) },
		} {
			if err := update(second, changed(second, change)); !errors.Is(err, store.ErrStale) {
				t.Errorf("the credential has changed, %s it: %v", name, err)
			}
		}
		third := changed(second, func(i *auth.Identity) { i.ExternalID = "x-3" })
		if err := update(second, third); err != nil {
			t.Errorf("a change of something else: %v", err)
		}
		got, err := st.Identity(ctx, project, first.ID)
		if err != nil {
			t.Fatal(err)
		}
		credentials, err := st.Credentials(ctx, first.ID)
		if err != nil || got.ExternalID != "x-3" || string(credentials[auth.Password].Config) != `{"hashed_password":"y"}` || !got.UpdatedAt.Equal(third.UpdatedAt) {
			t.Errorf("left: %+v, %+v, %v", got, credentials, err)
		}

		// Without a later time nobody could tell the two apart.
		for _, at := range []time.Time{third.UpdatedAt, third.UpdatedAt.Add(999), third.UpdatedAt.Add(-time.Hour)} {
			if err := update(third, changed(third, func(i *auth.Identity) { i.UpdatedAt = at })); err == nil || errors.Is(err, store.ErrStale) {
				t.Errorf("at %s: %v", at, err)
			}
		}
		write(t, st, func(tx *store.Tx) error {
			_, err := tx.DeleteIdentity(ctx, project, first.ID)
			return err
		})
		if err := update(third, changed(third, func(*auth.Identity) {})); !errors.Is(err, store.ErrStale) {
			t.Errorf("of nobody: %v", err)
		}
	})
}

// Lists by id and credentials are read with few statements, however many there
// are, and each statement has one of few lengths.
func TestManyIDs(t *testing.T) {
	var ran []string
	storetest.Each(t, func(o *store.Options) { o.Observe = func(sql string) { ran = append(ran, sql) } }, func(t *testing.T, st *store.Store) {
		ctx := t.Context()
		var all []*auth.Identity
		var ids []uuid.UUID
		write(t, st, func(tx *store.Tx) error {
			for n := range 520 {
				i := newIdentity(fmt.Sprintf("p%d@example.org", n))
				all, ids = append(all, i), append(ids, i.ID)
				if err := tx.InsertIdentity(ctx, i); err != nil {
					return err
				}
			}
			return nil
		})
		different := map[string]bool{}
		for _, n := range []int{0, 1, 8, 9, 64, 65, 512, 513, 520} {
			ran = nil
			got, err := st.CredentialsOf(ctx, ids[:n])
			if err != nil {
				t.Fatal(err)
			}
			if len(got) != n || len(ran) != (n+511)/512 {
				t.Errorf("%d: %d were found, by %d statements", n, len(got), len(ran))
			}
			for _, i := range all[:n] {
				if diff := cmp.Diff(i.Credentials, got[i.ID]); diff != "" {
					t.Fatalf("%d (-want +got):\n%s", n, diff)
				}
			}
			for _, sql := range ran {
				different[sql] = true
			}
			if n == 0 {
				continue
			}
			shuffled := slices.Clone(ids[:n])
			slices.Reverse(shuffled)
			shuffled = append(shuffled, shuffled[0], uuid.New())
			for _, limit := range []int{1, n, n + 1} {
				page, err := st.Identities(ctx, project, store.Filter{IDs: shuffled}, uuid.Nil, limit)
				if err != nil {
					t.Fatal(err)
				}
				var found []uuid.UUID
				for _, row := range page {
					found = append(found, row.ID)
				}
				if want := ids[:min(n, limit)]; !slices.Equal(found, want) {
					t.Errorf("%d of %d: %d were found", limit, n, len(found))
				}
			}
			if page, err := st.Identities(ctx, project, store.Filter{IDs: shuffled}, ids[n-1], 10); err != nil || len(page) > 0 {
				t.Errorf("%d, behind the last: %d, %v", n, len(page), err)
			}
			if page, err := st.Identities(ctx, uuid.New(), store.Filter{IDs: shuffled}, uuid.Nil, 10); err != nil || len(page) > 0 {
				t.Errorf("%d, of another project: %d, %v", n, len(page), err)
			}
		}
		if len(different) > 3 {
			t.Errorf("there are %d different statements", len(different))
		}
		if of, err := st.CredentialsOf(ctx, []uuid.UUID{uuid.New()}); err != nil || len(of) > 0 {
			t.Errorf("of nobody: %v, %v", of, err)
		}
	})
}
