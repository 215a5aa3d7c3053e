package store_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/google/uuid"

	"zelus/internal/auth"
	"zelus/internal/store"
	"zelus/internal/store/storetest"
	"zelus/internal/ui"
)

var project = auth.DefaultProject

func newIdentity(email string) *auth.Identity {
	now := auth.Now(time.Now())
	return &auth.Identity{ID: uuid.Must(uuid.NewV7()), Project: project, SchemaID: "default", State: auth.Active, StateChangedAt: &now,
		Traits: []byte(`{"email":"` + email + `"}`), Factors: auth.FactorPassword, CreatedAt: now, UpdatedAt: now,
		Credentials: map[auth.CredentialType]auth.Credential{
			auth.Password: {Type: auth.Password, Identifiers: []string{email}, Config: []byte(`{"hashed_password":"x"}`), CreatedAt: now, UpdatedAt: now},
			auth.Code:     {Type: auth.Code, Identifiers: []string{email}, Config: []byte(`{}`), Version: 1, CreatedAt: now, UpdatedAt: now},
		},
		Verifiable: []auth.VerifiableAddress{{ID: uuid.New(), Value: email, Via: auth.ViaEmail, Status: auth.AddressPending, CreatedAt: now, UpdatedAt: now}},
		Recovery:   []auth.RecoveryAddress{{ID: uuid.New(), Value: email, Via: auth.ViaEmail, CreatedAt: now, UpdatedAt: now}},
	}
}

func newSession(i *auth.Identity, token string) *auth.Session {
	now := auth.Now(time.Now())
	ip := "192.0.2.1"
	return &auth.Session{ID: uuid.Must(uuid.NewV7()), Project: project, IdentityID: i.ID, TokenHash: []byte(token), Active: true, AAL: auth.AAL1,
		AMR: auth.AMRsOf(auth.AMR{Method: "password", AAL: auth.AAL1, CompletedAt: now}), IssuedAt: now, AuthenticatedAt: now, ExpiresAt: now.Add(time.Hour),
		Devices: auth.DevicesOf(auth.Device{ID: uuid.New(), IPAddress: &ip})}
}

func write(t *testing.T, st *store.Store, f func(*store.Tx) error) {
	t.Helper()
	if err := st.Write(t.Context(), store.Durable, f); err != nil {
		t.Fatal(err)
	}
}

func insert(t *testing.T, st *store.Store, i *auth.Identity, sessions ...*auth.Session) {
	t.Helper()
	write(t, st, func(tx *store.Tx) error {
		if err := tx.InsertIdentity(t.Context(), i); err != nil {
			return err
		}
		for _, s := range sessions {
			if err := tx.InsertSession(t.Context(), s); err != nil {
				return err
			}
		}
		return nil
	})
}

func TestIdentity(t *testing.T) {
	storetest.Each(t, nil, func(t *testing.T, st *store.Store) {
		ctx := t.Context()
		i := newIdentity("ada@example.org")
		i.ExternalID, i.MetadataPublic, i.MetadataAdmin = "x-1", []byte(`{"a":"\u0000\u001f"}`), []byte(`[1,null]`)
		insert(t, st, i)
		got, err := st.Identity(ctx, project, i.ID)
		if err != nil {
			t.Fatal(err)
		}
		if got.Credentials, err = st.Credentials(ctx, i.ID); err != nil {
			t.Fatal(err)
		}
		if d := cmp.Diff(i, got); d != "" {
			t.Errorf("read back (-written +read):\n%s", d)
		}
		if got, err := st.IdentityByExternalID(ctx, project, "x-1"); err != nil || got.ID != i.ID {
			t.Errorf("by external id: %v, %v", got, err)
		}
		if _, err := st.Identity(ctx, uuid.New(), i.ID); !errors.Is(err, store.ErrNotFound) {
			t.Errorf("another project sees it: %v", err)
		}
		in, err := st.SignInBy(ctx, project, auth.Password, "ada@example.org")
		if err != nil || in.Identity.ID != i.ID || string(in.Credential.Config) != `{"hashed_password":"x"}` {
			t.Errorf("sign-in: %+v, %v", in, err)
		}
		if _, err := st.SignInBy(ctx, project, auth.WebAuthn, "ada@example.org"); !errors.Is(err, store.ErrNotFound) {
			t.Errorf("sign-in with a type that she does not have: %v", err)
		}
	})
}

func TestConflicts(t *testing.T) {
	storetest.Each(t, nil, func(t *testing.T, st *store.Store) {
		ctx := t.Context()
		first := newIdentity("ada@example.org")
		first.ExternalID = "x-1"
		insert(t, st, first)
		for name, change := range map[string]func(*auth.Identity){
			"identifier": func(i *auth.Identity) { i.Verifiable, i.Recovery = nil, nil },
			"address":    func(i *auth.Identity) { i.Credentials, i.Recovery = nil, nil },
			"external id": func(i *auth.Identity) {
				i.Credentials, i.Verifiable, i.Recovery, i.ExternalID = nil, nil, nil, "x-1"
			},
		} {
			second := newIdentity("ada@example.org")
			change(second)
			err := st.Write(ctx, store.Durable, func(tx *store.Tx) error { return tx.InsertIdentity(ctx, second) })
			if !errors.Is(err, store.ErrConflict) {
				t.Errorf("%s: %v", name, err)
			}
			if _, err := st.Identity(ctx, project, second.ID); !errors.Is(err, store.ErrNotFound) {
				t.Errorf("%s: half of it was written: %v", name, err)
			}
		}
	})
}

func TestUpdateIdentity(t *testing.T) {
	storetest.Each(t, nil, func(t *testing.T, st *store.Store) {
		ctx := t.Context()
		i := newIdentity("ada@example.org")
		insert(t, st, i)
		var want *auth.Identity
		write(t, st, func(tx *store.Tx) error {
			before, err := tx.Identity(ctx, project, i.ID)
			if err != nil {
				return err
			}
			if before.Credentials, err = tx.Credentials(ctx, i.ID); err != nil {
				return err
			}
			after := newIdentity("countess@example.org")
			after.ID, after.CreatedAt = before.ID, before.CreatedAt
			delete(after.Credentials, auth.Code)
			after.Credentials[auth.Password] = auth.Credential{Type: auth.Password, Identifiers: []string{"countess@example.org"}, Config: []byte(`{}`),
				CreatedAt: before.Credentials[auth.Password].CreatedAt, UpdatedAt: after.UpdatedAt}
			after.Credentials[auth.TOTP] = auth.Credential{Type: auth.TOTP, Identifiers: []string{i.ID.String()}, Config: []byte(`{}`), CreatedAt: after.CreatedAt, UpdatedAt: after.UpdatedAt}
			want = after
			return tx.UpdateIdentity(ctx, before, after)
		})
		got, err := st.Identity(ctx, project, i.ID)
		if err != nil {
			t.Fatal(err)
		}
		got.Credentials, _ = st.Credentials(ctx, i.ID)
		if d := cmp.Diff(want, got, cmpopts.IgnoreFields(auth.Credential{}, "Sealed")); d != "" {
			t.Error(d)
		}
		if _, err := st.SignInBy(ctx, project, auth.Password, "ada@example.org"); !errors.Is(err, store.ErrNotFound) {
			t.Errorf("the former address still signs in: %v", err)
		}
		insert(t, st, newIdentity("ada@example.org")) // it is free again
	})
}

func TestLists(t *testing.T) {
	storetest.Each(t, nil, func(t *testing.T, st *store.Store) {
		ctx := t.Context()
		var ids []uuid.UUID
		for n := range 5 {
			i := newIdentity(fmt.Sprintf("p%d@example.org", n))
			insert(t, st, i)
			ids = append(ids, i.ID)
		}
		var seen []uuid.UUID
		after := uuid.Nil
		for {
			page, err := st.Identities(ctx, project, store.Filter{}, after, 2)
			if err != nil {
				t.Fatal(err)
			}
			if len(page) == 0 {
				break
			}
			for _, r := range page {
				seen = append(seen, r.ID)
			}
			after = page[len(page)-1].ID
		}
		if d := cmp.Diff(ids, seen); d != "" {
			t.Error(d)
		}
		find := func(f store.Filter) (n int) {
			page, err := st.Identities(ctx, project, f, uuid.Nil, 10)
			if err != nil {
				t.Fatal(err)
			}
			return len(page)
		}
		if n := find(store.Filter{Identifier: "p3@example.org", Verbatim: "p3@example.org"}); n != 1 {
			t.Errorf("exact: %d", n)
		}
		if n := find(store.Filter{Similar: "p", Verbatim: "p"}); n != 5 {
			t.Errorf("similar: %d", n)
		}
		if n := find(store.Filter{Similar: "%", Verbatim: "%"}); n != 0 {
			t.Errorf("a wildcard: %d", n)
		}
		if n := find(store.Filter{IDs: []uuid.UUID{ids[4], ids[1], ids[1], uuid.New()}}); n != 2 {
			t.Errorf("by id: %d", n)
		}
		if page, err := st.IdentitiesFrom(ctx, project, 3, 10); err != nil || len(page) != 2 {
			t.Errorf("from number 3: %d, %v", len(page), err)
		}
		if n, err := st.CountIdentities(ctx, project); err != nil || n != 5 {
			t.Errorf("count: %d, %v", n, err)
		}
	})
}

func TestSessions(t *testing.T) {
	var changed [][]uuid.UUID
	var mu sync.Mutex
	storetest.Each(t, nil, func(t *testing.T, st *store.Store) {
		changed = nil
		st.Listen(func(ids []uuid.UUID) {
			mu.Lock()
			defer mu.Unlock()
			changed = append(changed, ids)
		})
		ctx, now := t.Context(), time.Now()
		i := newIdentity("ada@example.org")
		one, two, dead := newSession(i, "one"), newSession(i, "two"), newSession(i, "dead")
		dead.ExpiresAt = auth.Now(now.Add(-time.Minute))
		insert(t, st, i, one, two, dead)

		row, err := st.SessionByToken(ctx, []byte("one"))
		if err != nil {
			t.Fatal(err)
		}
		want := *one
		if d := cmp.Diff(want, row.Session); d != "" {
			t.Error(d)
		}
		if !row.Live(now) || row.Identity != i.Pack() || row.Factors != auth.FactorPassword {
			t.Errorf("row: %+v", row)
		}
		count := func(which store.Which) int {
			page, total, err := st.SessionsOf(ctx, project, i.ID, one.ID, which, now, 0, 10)
			if err != nil || total != len(page) {
				t.Fatalf("%d of %d, %v", len(page), total, err)
			}
			return total
		}
		if a, l, d := count(store.AllSessions), count(store.LiveSessions), count(store.DeadSessions); a != 2 || l != 1 || d != 1 {
			t.Errorf("others: %d, live %d, dead %d", a, l, d)
		}
		mu.Lock()
		before := len(changed)
		mu.Unlock()
		write(t, st, func(tx *store.Tx) error {
			if ok, err := tx.RevokeSession(ctx, project, uuid.New(), two.ID); ok || err != nil {
				t.Errorf("somebody else's session was revoked: %v", err)
			}
			_, err := tx.RevokeSession(ctx, project, i.ID, two.ID)
			return err
		})
		mu.Lock()
		if len(changed) == before {
			t.Error("nobody was told of the revocation")
		}
		mu.Unlock()
		if row, err := st.SessionByToken(ctx, []byte("two")); err != nil || row.Live(now) {
			t.Errorf("the revoked session: %v", err)
		}
		renewed := func(s *auth.Session) *auth.Session {
			c := *s
			c.AuthenticatedAt = s.AuthenticatedAt.Add(time.Second)
			return &c
		}
		write(t, st, func(tx *store.Tx) error {
			if ok, err := tx.UpdateSession(ctx, renewed(two), two, true, now); ok || err != nil {
				t.Errorf("a revoked session came back to life: %v", err)
			}
			if ok, err := tx.UpdateSession(ctx, renewed(dead), dead, true, now); ok || err != nil {
				t.Errorf("a session came back after its end: %v", err)
			}
			other := *one
			other.TokenHash = []byte("another")
			if ok, err := tx.UpdateSession(ctx, renewed(one), &other, true, now); ok || err != nil {
				t.Errorf("a session was renewed by a token that is not its own: %v", err)
			}
			if ok, err := tx.UpdateSession(ctx, renewed(one), one, true, now); !ok || err != nil {
				t.Errorf("a session was not renewed: %v, %v", ok, err)
			}
			if ok, err := tx.UpdateSession(ctx, renewed(one), one, true, now); ok || err != nil {
				t.Errorf("a session was renewed twice from the same state: %v", err)
			}
			return nil
		})
		write(t, st, func(tx *store.Tx) error {
			_, err := tx.DeleteIdentity(ctx, project, i.ID)
			return err
		})
		if _, err := st.SessionByToken(ctx, []byte("one")); !errors.Is(err, store.ErrNotFound) {
			t.Errorf("the session outlived its identity: %v", err)
		}
	})
}

func TestFlowIsFinishedOnce(t *testing.T) {
	storetest.Each(t, nil, func(t *testing.T, st *store.Store) {
		ctx, now := t.Context(), auth.Now(time.Now())
		f := &auth.Flow{ID: uuid.New(), Project: project, Kind: auth.Login, Type: auth.API, State: auth.ChooseMethod, RequestURL: "http://x/", IssuedAt: now,
			ExpiresAt: now.Add(time.Hour), CreatedAt: now, UpdatedAt: now, RequestedAAL: auth.AAL1}
		f.UI.Put(ui.Input(ui.GroupProfile, "traits.number", ui.InputNumber, json.Number("9007199254740993"))) // is no float64
		write(t, st, func(tx *store.Tx) error { return tx.InsertFlow(ctx, f) })
		got, err := st.Flow(ctx, project, auth.Login, f.ID)
		if err != nil {
			t.Fatal(err)
		}
		if d := cmp.Diff(f, got); d != "" {
			t.Error(d)
		}
		if _, err := st.Flow(ctx, project, auth.Registration, f.ID); !errors.Is(err, store.ErrNotFound) {
			t.Errorf("a login flow was read as a registration: %v", err)
		}
		var wins sync.Map
		var all sync.WaitGroup
		for n := range 16 {
			all.Go(func() {
				err := st.Write(ctx, store.Durable, func(tx *store.Tx) error {
					won, err := tx.FinishFlow(ctx, f)
					if won {
						wins.Store(n, true)
					}
					return err
				})
				if err != nil {
					t.Error(err)
				}
			})
		}
		all.Wait()
		won := 0
		wins.Range(func(any, any) bool { won++; return true })
		if won != 1 {
			t.Errorf("%d submissions won", won)
		}
	})
}

func TestOneFailureLeavesTheOthers(t *testing.T) {
	storetest.Each(t, nil, func(t *testing.T, st *store.Store) {
		ctx := t.Context()
		var all sync.WaitGroup
		fails := errors.New("no")
		for n := range 64 {
			all.Go(func() {
				i := newIdentity(fmt.Sprintf("p%d@example.org", n))
				err := st.Write(ctx, store.Durable, func(tx *store.Tx) error {
					if err := tx.InsertIdentity(ctx, i); err != nil {
						return err
					}
					if n%3 == 0 {
						return fails
					}
					return nil
				})
				if (n%3 == 0) != errors.Is(err, fails) {
					t.Errorf("%d: %v", n, err)
				}
			})
		}
		all.Wait()
		if n, err := st.CountIdentities(ctx, project); err != nil || n != 42 {
			t.Errorf("%d identities, %v", n, err)
		}
	})
}

func TestClean(t *testing.T) {
	storetest.Each(t, nil, func(t *testing.T, st *store.Store) {
		ctx, now := t.Context(), auth.Now(time.Now())
		i := newIdentity("ada@example.org")
		live, dead := newSession(i, "live"), newSession(i, "dead")
		dead.ExpiresAt = now.Add(-2 * time.Hour)
		insert(t, st, i, live, dead)
		write(t, st, func(tx *store.Tx) error {
			for hash, end := range map[string]time.Duration{"trusted": time.Hour, "no longer": -time.Second} {
				d := &store.TrustedDevice{ID: uuid.New(), Project: project, IdentityID: i.ID, Hash: []byte(hash), CreatedAt: now, LastUsedAt: now, ExpiresAt: now.Add(end)}
				if err := tx.InsertTrustedDevice(ctx, d, 10); err != nil {
					return err
				}
			}
			return nil
		})
		if n, err := st.Clean(ctx, store.Retention{Sessions: time.Hour}, 100); err != nil || n != 1 {
			t.Errorf("%d, %v", n, err)
		}
		if left, err := st.TrustedDevices(ctx, project, i.ID, time.Unix(0, 0)); err != nil || len(left) != 1 || string(left[0].Hash) != "trusted" {
			t.Errorf("%v, %v", left, err)
		}
		if _, err := st.SessionByToken(ctx, []byte("live")); err != nil {
			t.Error(err)
		}
		if _, err := st.SessionByToken(ctx, []byte("dead")); !errors.Is(err, store.ErrNotFound) {
			t.Error(err)
		}
	})
}

func TestMigrateTwice(t *testing.T) {
	storetest.Each(t, nil, func(t *testing.T, st *store.Store) {
		if taken, err := st.Migrate(t.Context()); err != nil || len(taken) != 0 {
			t.Errorf("%v, %v", taken, err)
		}
		if err := st.Ready(t.Context()); err != nil {
			t.Error(err)
		}
	})
}

// TestOtherNode: what one node changes, another one hears.
func TestOtherNode(t *testing.T) {
	o := storetest.Postgres(t)
	one, err := store.Open(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	defer one.Close()
	if _, err := one.Migrate(t.Context()); err != nil {
		t.Fatal(err)
	}
	two, err := store.Open(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	defer two.Close()
	i := newIdentity("ada@example.org")
	heard := make(chan uuid.UUID, 100)
	two.Listen(func(ids []uuid.UUID) {
		for _, id := range ids {
			heard <- id
		}
	})
	insert(t, one, i)
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	poll := time.NewTicker(time.Millisecond)
	defer poll.Stop()
	for !two.Hearing() {
		select {
		case <-poll.C:
		case <-ctx.Done():
			t.Fatal("the node never listens")
		}
	}
	write(t, one, func(tx *store.Tx) error {
		_, err := tx.RevokeSessions(ctx, project, i.ID, uuid.Nil)
		return err
	})
	for { // others use the same server, and its one channel
		select {
		case id := <-heard:
			if id == i.ID {
				return
			}
		case <-ctx.Done():
			t.Fatal("nothing was heard")
		}
	}
}

// TestCancelledWriteLeavesTheOthers: a client that hangs up in the middle of
// its write does not fail the writes that share its transaction.
func TestCancelledWriteLeavesTheOthers(t *testing.T) {
	storetest.Each(t, nil, func(t *testing.T, st *store.Store) {
		hold, held := make(chan struct{}), make(chan struct{})
		var all sync.WaitGroup
		all.Go(func() { // keeps the writer busy while the others queue up
			err := st.Write(t.Context(), store.Durable, func(tx *store.Tx) error {
				close(held)
				<-hold
				return nil
			})
			if err != nil {
				t.Error(err)
			}
		})
		<-held
		for n := range 32 {
			all.Go(func() {
				ctx, cancel := context.WithCancel(t.Context())
				defer cancel()
				hangsUp := n%4 == 0
				err := st.Write(ctx, store.Durable, func(tx *store.Tx) error {
					if err := tx.InsertIdentity(ctx, newIdentity(fmt.Sprintf("a%d@example.org", n))); err != nil {
						return err
					}
					if hangsUp {
						cancel()
					}
					return tx.InsertIdentity(ctx, newIdentity(fmt.Sprintf("b%d@example.org", n)))
				})
				if err != nil && !hangsUp {
					t.Errorf("%d: %v", n, err)
				}
			})
		}
		close(hold)
		all.Wait()
	})
}

func TestDatabaseFileIsPrivate(t *testing.T) {
	path := filepath.Join(t.TempDir(), "zelus.db")
	st, err := store.Open(t.Context(), store.Options{Dialect: "sqlite", Path: path, Clock: time.Now, Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	defer st.Close()
	if _, err := st.Migrate(t.Context()); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{path, path + "-wal", path + "-shm"} {
		info, err := os.Stat(name)
		if err != nil {
			t.Fatal(err)
		}
		if info.Mode().Perm() != 0o600 {
			t.Errorf("%s has mode %v", name, info.Mode())
		}
	}
}

// TestStillProvenWaits: who waits for a change of the password sees the new
// one. The two transactions are open at the same time.
func TestStillProvenWaits(t *testing.T) {
	st, err := store.Open(t.Context(), storetest.Postgres(t))
	if err != nil {
		t.Fatal(err)
	}
	defer st.Close()
	if _, err := st.Migrate(t.Context()); err != nil {
		t.Fatal(err)
	}
	ctx, i := t.Context(), newIdentity("ada@example.org")
	insert(t, st, i)
	before, err := st.Identity(ctx, project, i.ID)
	if err != nil {
		t.Fatal(err)
	}
	if before.Credentials, err = st.Credentials(ctx, i.ID); err != nil {
		t.Fatal(err)
	}
	after := *before
	after.UpdatedAt = before.UpdatedAt.Add(time.Second)
	after.Credentials = map[auth.CredentialType]auth.Credential{auth.Code: before.Credentials[auth.Code], auth.Password: before.Credentials[auth.Password]}
	after.SetCredential(auth.Password, []byte(`{"hashed_password":"new"}`), after.UpdatedAt)

	changed, asks := make(chan struct{}), make(chan struct{})
	var all sync.WaitGroup
	all.Go(func() {
		err := st.Write(ctx, store.Durable, func(tx *store.Tx) error {
			if err := tx.UpdateIdentity(ctx, before, &after); err != nil {
				return err
			}
			close(changed)
			<-asks
			// The other one is about to wait for the lock; give it the time to
			// get there. Coming too late makes the test pass, never fail.
			_, err := st.Identity(ctx, project, i.ID)
			return err
		})
		if err != nil {
			t.Error(err)
		}
	})
	<-changed
	err = st.Write(ctx, store.Durable, func(tx *store.Tx) error {
		close(asks)
		_, err := tx.StillProven(ctx, project, i.ID, before.Credentials[auth.Password])
		return err
	})
	all.Wait()
	if !errors.Is(err, store.ErrNotFound) {
		t.Errorf("the former password still counts: %v", err)
	}
}

// An interruption is found by its id until its time is over, and taken once.
func TestInterruptionIsTakenOnce(t *testing.T) {
	storetest.Each(t, nil, func(t *testing.T, st *store.Store) {
		ctx, now := t.Context(), auth.Now(time.Now())
		id := []byte("an id of an interruption")
		i := newIdentity("ada@example.org")
		session := newSession(i, "a token")
		insert(t, st, i, session)
		kept := &store.Interruption{ID: id, Project: project, SessionID: session.ID, Sealed: []byte{0, 1, 255}, ExpiresAt: now.Add(time.Minute)}
		write(t, st, func(tx *store.Tx) error { return tx.InsertInterruption(ctx, kept) })
		take := func(id []byte, now time.Time) (sealed []byte, err error) {
			return sealed, st.Write(ctx, store.Volatile, func(tx *store.Tx) (err error) {
				sealed, err = tx.TakeInterruption(ctx, project, id, now)
				return err
			})
		}
		if _, err := take([]byte("another"), now); !errors.Is(err, store.ErrNotFound) {
			t.Errorf("by another id: %v", err)
		}
		if _, err := take(id, kept.ExpiresAt); !errors.Is(err, store.ErrNotFound) {
			t.Errorf("too late: %v", err)
		}
		for round := range 20 {
			again := *kept
			again.ID = fmt.Append(nil, "round ", round)
			write(t, st, func(tx *store.Tx) error { return tx.InsertInterruption(ctx, &again) })
			var won, lost atomic.Int32
			var all sync.WaitGroup
			for range 8 {
				all.Go(func() {
					switch sealed, err := take(again.ID, now); {
					case err == nil && string(sealed) == string(kept.Sealed):
						won.Add(1)
					case errors.Is(err, store.ErrNotFound):
						lost.Add(1)
					default:
						t.Errorf("%v, %v", sealed, err)
					}
				})
			}
			all.Wait()
			if won.Load() != 1 || lost.Load() != 7 {
				t.Fatalf("%d took it and %d did not", won.Load(), lost.Load())
			}
		}
		// One waits in each session, and none without its session.
		for _, id := range []string{"first", "second"} {
			again := *kept
			again.ID = []byte(id)
			write(t, st, func(tx *store.Tx) error { return tx.InsertInterruption(ctx, &again) })
		}
		if _, err := take([]byte("first"), now); !errors.Is(err, store.ErrNotFound) {
			t.Errorf("the first of two: %v", err)
		}
		write(t, st, func(tx *store.Tx) error {
			_, err := tx.DeleteSessions(ctx, project, i.ID)
			return err
		})
		if _, err := take([]byte("second"), now); !errors.Is(err, store.ErrNotFound) {
			t.Errorf("without its session: %v", err)
		}
	})
}
