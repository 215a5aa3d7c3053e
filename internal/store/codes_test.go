package store_test

import (
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"zelus/internal/auth"
	"zelus/internal/store"
	"zelus/internal/store/storetest"
)

// form writes a flow that codes can be sent for.
func form(t *testing.T, st *store.Store, kind auth.Kind) *auth.Flow {
	t.Helper()
	now := auth.Now(time.Now())
	f := &auth.Flow{ID: uuid.New(), Project: project, Kind: kind, Type: auth.API, State: auth.SentEmail, IssuedAt: now, CreatedAt: now, UpdatedAt: now, ExpiresAt: now.Add(time.Hour)}
	write(t, st, func(tx *store.Tx) error { return tx.InsertFlow(t.Context(), f) })
	return f
}

// newCode writes a code for somebody; nil is nobody.
func newCode(t *testing.T, st *store.Store, f *auth.Flow, i *auth.Identity, at time.Time, sealed string) *store.Code {
	t.Helper()
	c := &store.Code{ID: uuid.Must(uuid.NewV7()), Project: project, FlowID: f.ID, Via: auth.ViaEmail, Address: "ada@example.org", Hash: []byte("hash"),
		CreatedAt: auth.Now(at), ExpiresAt: auth.Now(at.Add(time.Hour))}
	if i != nil {
		c.IdentityID = uuid.NullUUID{UUID: i.ID, Valid: true}
	}
	if sealed != "" {
		c.Sealed = []byte(sealed)
	}
	write(t, st, func(tx *store.Tx) error { return tx.InsertCode(t.Context(), c) })
	return c
}

func readCode(t *testing.T, st *store.Store, f *auth.Flow) *store.Code {
	t.Helper()
	c, err := st.Code(t.Context(), project, f.ID)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// TestCodeOfSomebodyDeleted: a code for an identity that is deleted between the
// look-up and the insert is nobody's, also where the one waits for the other.
func TestCodeOfSomebodyDeleted(t *testing.T) {
	server := ""
	storetest.Each(t, func(o *store.Options) { server = o.URL }, func(t *testing.T, st *store.Store) {
		ctx := t.Context()
		remove := func(tx *store.Tx, i *auth.Identity) error {
			_, err := tx.DeleteIdentity(ctx, project, i.ID)
			return err
		}
		gone, going := newIdentity("ada@example.org"), newIdentity("bob@example.org")
		insert(t, st, gone)
		insert(t, st, going)
		f := form(t, st, auth.Recovery)
		write(t, st, func(tx *store.Tx) error { return remove(tx, gone) })
		newCode(t, st, f, gone, time.Now(), "")
		if c := readCode(t, st, f); c.IdentityID.Valid {
			t.Errorf("the code is for %s, who is gone", c.IdentityID.UUID)
		}

		f = form(t, st, auth.Recovery)
		c := &store.Code{ID: uuid.Must(uuid.NewV7()), Project: project, FlowID: f.ID, IdentityID: uuid.NullUUID{UUID: going.ID, Valid: true}, Hash: []byte("hash")}
		deleted, done := make(chan struct{}), make(chan error, 1)
		go func() {
			<-deleted
			done <- st.Write(ctx, store.Durable, func(tx *store.Tx) error { return tx.InsertCode(ctx, c) })
		}()
		write(t, st, func(tx *store.Tx) error {
			if err := remove(tx, going); err != nil {
				return err
			}
			close(deleted)
			if server != "" { // SQLite has one writer
				untilBlocked(t, server, "INSERT INTO codes")
			}
			return nil
		})
		if err := <-done; err != nil {
			t.Fatal(err)
		}
		if c := readCode(t, st, f); c.IdentityID.Valid {
			t.Errorf("the code is for %s, who is gone", c.IdentityID.UUID)
		}
	})
}

// untilBlocked waits until a statement waits for a lock of another transaction.
func untilBlocked(t *testing.T, server, statement string) {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), server)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(t.Context())
	const waits = "SELECT EXISTS (SELECT 1 FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND query LIKE '%' || $1 || '%')"
	for end := time.Now().Add(10 * time.Second); time.Now().Before(end); {
		blocked := false
		if err := conn.QueryRow(t.Context(), waits, statement).Scan(&blocked); err != nil {
			t.Fatal(err)
		}
		if blocked {
			return
		}
	}
	t.Fatalf("nothing waits with %s", statement)
}

// TestCodes: the newest code of a flow counts, and is used once and in time.
func TestCodes(t *testing.T) {
	storetest.Each(t, nil, func(t *testing.T, st *store.Store) {
		ctx, now := t.Context(), time.Now()
		ada := newIdentity("ada@example.org")
		insert(t, st, ada)
		f, other := form(t, st, auth.Recovery), form(t, st, auth.Recovery)
		if _, err := st.Code(ctx, project, f.ID); !errors.Is(err, store.ErrNotFound) {
			t.Errorf("a flow without a code: %v", err)
		}
		newCode(t, st, f, ada, now, "")
		newest := newCode(t, st, f, nil, now, "sealed") // at the same time
		newCode(t, st, other, ada, now, "")
		if d := cmp.Diff(newest, readCode(t, st, f)); d != "" {
			t.Errorf("the newest (-want +got):\n%s", d)
		}
		if _, err := st.Code(ctx, uuid.New(), f.ID); !errors.Is(err, store.ErrNotFound) {
			t.Errorf("another project: %v", err)
		}

		use := func(c *store.Code, at time.Time) (won bool) {
			write(t, st, func(tx *store.Tx) (err error) { won, err = tx.UseCode(ctx, c, auth.Now(at)); return err })
			return won
		}
		if use(newest, newest.ExpiresAt) {
			t.Error("an expired code was used")
		}
		var won atomic.Int32
		var all sync.WaitGroup
		for range 16 {
			all.Go(func() {
				err := st.Write(ctx, store.Durable, func(tx *store.Tx) error {
					used, err := tx.UseCode(ctx, newest, auth.Now(now))
					if err == nil && used {
						won.Add(1)
					}
					return err
				})
				if err != nil {
					t.Error(err)
				}
			})
		}
		all.Wait()
		if won.Load() != 1 || readCode(t, st, f).UsedAt == nil {
			t.Errorf("a code was used %d times", won.Load())
		}

		// With somebody go their codes.
		write(t, st, func(tx *store.Tx) error { _, err := tx.DeleteIdentity(ctx, project, ada.ID); return err })
		if _, err := st.Code(ctx, project, other.ID); !errors.Is(err, store.ErrNotFound) {
			t.Errorf("the code of somebody who is deleted: %v", err)
		}
	})
}

// TestVoidCodes: of the codes that change an account, those are made void that
// are meant.
func TestVoidCodes(t *testing.T) {
	storetest.Each(t, nil, func(t *testing.T, st *store.Store) {
		ctx, now := t.Context(), time.Now()
		ada, bob := newIdentity("ada@example.org"), newIdentity("bob@example.org")
		insert(t, st, ada)
		insert(t, st, bob)
		void := func(name string, f func(*store.Tx) error, all map[string]*auth.Flow, want ...string) {
			t.Helper()
			write(t, st, f)
			got := map[string]bool{}
			for what, f := range all {
				if readCode(t, st, f).UsedAt != nil {
					got[what] = true
				}
			}
			wanted := map[string]bool{}
			for _, what := range want {
				wanted[what] = true
			}
			if d := cmp.Diff(wanted, got); d != "" {
				t.Errorf("%s makes void (-want +got):\n%s", name, d)
			}
		}
		all := func() map[string]*auth.Flow {
			flows := map[string]*auth.Flow{}
			for what, kind := range map[string]auth.Kind{"waits": auth.Verification, "new": auth.Verification, "only proves": auth.Verification, "of another": auth.Verification,
				"undoes": auth.Recovery, "undoes later": auth.Recovery} {
				whose, sealed, at := ada, "sealed", now
				switch what {
				case "only proves":
					sealed = ""
				case "of another":
					whose = bob
				case "undoes later", "new":
					at = now.Add(time.Second)
				}
				flows[what] = form(t, st, kind)
				newCode(t, st, flows[what], whose, at, sealed)
			}
			return flows
		}
		one := all()
		void("a new change", func(tx *store.Tx) error {
			return tx.VoidWaiting(ctx, project, ada.ID, auth.Verification, one["new"].ID, auth.Now(now))
		}, one, "waits")
		two := all()
		void("taking back", func(tx *store.Tx) error {
			return tx.VoidSince(ctx, project, ada.ID, auth.Now(now.Add(time.Second)), auth.Now(now))
		}, two, "new", "undoes later")
	})
}

// TestTries: no more tries are counted than there may be, however many come at
// once, and none of a flow that is done.
func TestTries(t *testing.T) {
	storetest.Each(t, nil, func(t *testing.T, st *store.Store) {
		ctx := t.Context()
		f := form(t, st, auth.Recovery)
		count := func(forgive bool) (free bool, err error) {
			err = st.Write(ctx, store.Durable, func(tx *store.Tx) (err error) {
				if free, err = tx.CountTry(ctx, f, 5); err == nil && free && forgive {
					err = tx.ForgiveTry(ctx, f)
				}
				return err
			})
			return free, err
		}
		for range 10 {
			if free, err := count(true); !free || err != nil {
				t.Fatalf("what is forgiven counts: %v", err)
			}
		}
		var counted atomic.Int32
		var all sync.WaitGroup
		for range 32 {
			all.Go(func() {
				free, err := count(false)
				if err != nil {
					t.Error(err)
				}
				if free {
					counted.Add(1)
				}
			})
		}
		all.Wait()
		if counted.Load() != 5 {
			t.Errorf("%d tries, want 5", counted.Load())
		}
		done := form(t, st, auth.Recovery)
		write(t, st, func(tx *store.Tx) error { _, err := tx.FinishFlow(ctx, done); return err })
		f = done
		if free, err := count(false); free || err != nil {
			t.Errorf("a flow that is done takes a code: %v", err)
		}
	})
}

// TestGuesses: many who add a guess at once lose none.
func TestGuesses(t *testing.T) {
	storetest.Each(t, nil, func(t *testing.T, st *store.Store) {
		ctx, now := t.Context(), auth.Now(time.Now())
		id := []byte("whose")
		add := func(id []byte) error {
			return st.Write(ctx, store.Durable, func(tx *store.Tx) error {
				times, err := tx.Guesses(ctx, project, id, now)
				if err != nil {
					return err
				}
				return tx.SetGuesses(ctx, project, id, append(times, now), now)
			})
		}
		var all sync.WaitGroup
		for n := range 32 {
			all.Go(func() {
				if err := add(id); err != nil {
					t.Error(err)
				}
				if err := add(fmt.Appendf(nil, "another %d", n)); err != nil {
					t.Error(err)
				}
			})
		}
		all.Wait()
		write(t, st, func(tx *store.Tx) error {
			times, err := tx.Guesses(ctx, project, id, now)
			if len(times) != 32 || len(times) > 0 && !times[0].Equal(now) {
				t.Errorf("%d guesses, want 32: %v", len(times), times)
			}
			return err
		})
	})
}
