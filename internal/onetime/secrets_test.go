package onetime

import (
	"errors"
	"fmt"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"

	"zelus/internal/auth"
	"zelus/internal/config"
	"zelus/internal/flow"
	"zelus/internal/secret"
	"zelus/internal/store"
	"zelus/internal/store/storetest"
)

// bench is a server's one-time secrets with a clock that stands still.
type bench struct {
	*Secrets
	t   *testing.T
	mu  sync.Mutex
	now time.Time
}

func onEach(t *testing.T, run func(*testing.T, *bench)) {
	t.Helper()
	storetest.Each(t, nil, func(t *testing.T, st *store.Store) {
		b := &bench{t: t, now: time.Date(2026, 5, 4, 8, 30, 0, 0, time.UTC)}
		b.Secrets = &Secrets{Store: st, Clock: func() time.Time { b.mu.Lock(); defer b.mu.Unlock(); return b.now }}
		if err := b.Configure([]string{"a-secret-that-only-tests-use"}); err != nil {
			t.Fatal(err)
		}
		run(t, b)
	})
}

func (b *bench) advance(d time.Duration) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.now = b.now.Add(d)
}

func (b *bench) write(f func(*store.Tx) error) {
	b.t.Helper()
	if err := b.Store.Write(b.t.Context(), store.Durable, f); err != nil {
		b.t.Fatal(err)
	}
}

func (b *bench) person() *auth.Identity {
	b.t.Helper()
	now := auth.Now(b.Clock())
	i := &auth.Identity{ID: uuid.Must(uuid.NewV7()), Project: auth.DefaultProject, SchemaID: "x", State: auth.Active, Traits: []byte(`{}`), CreatedAt: now, UpdatedAt: now}
	b.write(func(tx *store.Tx) error { return tx.InsertIdentity(b.t.Context(), i) })
	return i
}

// form is a new flow of a kind.
func (b *bench) form(kind auth.Kind) *flow.Form {
	b.t.Helper()
	now := auth.Now(b.Clock())
	c := &config.Config{}
	c.Serve.Public.BaseURL = "https://id.example.org/auth/"
	f := &auth.Flow{ID: uuid.New(), Project: auth.DefaultProject, Kind: kind, Type: auth.API, State: auth.SentEmail, IssuedAt: now, CreatedAt: now, UpdatedAt: now, ExpiresAt: now.Add(9 * time.Hour)}
	b.write(func(tx *store.Tx) error { return tx.InsertFlow(b.t.Context(), f) })
	return &flow.Form{Config: c, Flow: f, UI: &f.UI}
}

// hand makes a code for somebody, for half an hour; nil is nobody.
func (b *bench) hand(form *flow.Form, i *auth.Identity) string {
	b.t.Helper()
	now, plain := auth.Now(b.Clock()), secret.Digits(codeLength)
	c := &store.Code{ID: uuid.Must(uuid.NewV7()), Project: auth.DefaultProject, FlowID: form.Flow.ID, Via: auth.ViaEmail, Address: "nobody@example.org",
		Hash: b.ring.Load().Hash(bound(form.Flow, plain)), CreatedAt: now, ExpiresAt: now.Add(30 * time.Minute)}
	if i != nil {
		c.IdentityID = uuid.NullUUID{UUID: i.ID, Valid: true}
	}
	b.write(func(tx *store.Tx) error { return tx.InsertCode(b.t.Context(), c) })
	return plain
}

// tries sees what is said of a code.
func (b *bench) tries(form *flow.Form, code string, want Verdict) {
	b.t.Helper()
	got, found, err := b.Try(b.t.Context(), form.Flow, code, 5)
	if err != nil {
		b.t.Fatal(err)
	}
	if got != want || (found != nil) != (want == Right || want == Late) {
		b.t.Errorf("%q: the verdict is %d with %v, want %d", code, got, found, want)
	}
}

// wrongFor is another code: no number is as far from both ends.
func wrongFor(t *testing.T, code string) string {
	t.Helper()
	n, err := strconv.Atoi(code)
	if err != nil {
		t.Fatal(err)
	}
	return fmt.Sprintf("%06d", 999999-n)
}

// TestTry: five wrong codes a form and twenty an hour an account; a right one
// costs nothing.
func TestTry(t *testing.T) {
	onEach(t, func(t *testing.T, b *bench) {
		ada, bob := b.person(), b.person()
		f := b.form(auth.Recovery)
		b.tries(f, "123456", Wrong) // none was sent
		code := b.hand(f, ada)
		for range 9 {
			b.tries(f, code, Right)
		}
		for range 4 {
			b.tries(f, wrongFor(t, code), Wrong)
		}
		b.tries(f, code, TooMany)
		for range 3 { // sixteen more for Ada
			f = b.form(auth.Recovery)
			code = b.hand(f, ada)
			for range 5 {
				b.tries(f, wrongFor(t, code), Wrong)
			}
			b.tries(f, code, TooMany)
			b.advance(time.Minute)
		}
		f = b.form(auth.Recovery)
		code = b.hand(f, ada)
		b.tries(f, wrongFor(t, code), Wrong)
		b.tries(f, code, Wrong) // the twentieth was the last
		for who, kind := range map[*auth.Identity]auth.Kind{ada: auth.Verification, bob: auth.Recovery} {
			f := b.form(kind)
			b.tries(f, b.hand(f, who), Right)
		}
		b.advance(58 * time.Minute) // the first four are forgotten
		f = b.form(auth.Recovery)
		code = b.hand(f, ada)
		b.tries(f, code, Right)
	})
}

// TestCodesEnd: a code is right until it expires, is used, or another one is made.
func TestCodesEnd(t *testing.T) {
	onEach(t, func(t *testing.T, b *bench) {
		ada := b.person()
		f := b.form(auth.Recovery)
		code := b.hand(f, ada)
		b.advance(30*time.Minute - time.Microsecond)
		b.tries(f, code, Right)
		b.advance(time.Microsecond)
		b.tries(f, code, Late)
		b.tries(f, wrongFor(t, code), Wrong)

		f = b.form(auth.Recovery)
		first, second := b.hand(f, ada), b.hand(f, ada)
		if first != second {
			b.tries(f, first, Wrong)
		}
		_, found, err := b.Try(t.Context(), f.Flow, second, 5)
		if err != nil {
			t.Fatal(err)
		}
		b.write(func(tx *store.Tx) error { return b.Use(found)(t.Context(), tx) })
		b.tries(f, second, Wrong)
		err = b.Store.Write(t.Context(), store.Durable, func(tx *store.Tx) error { return b.Use(found)(t.Context(), tx) })
		if !errors.Is(err, flow.ErrNotProven) {
			t.Errorf("a code was used twice: %v", err)
		}

		f = b.form(auth.Recovery)
		b.tries(f, b.hand(f, nil), Wrong) // nobody's
	})
}

// TestAddress: a link is made of the configuration.
func TestAddress(t *testing.T) {
	onEach(t, func(t *testing.T, b *bench) {
		f := b.form(auth.Recovery)
		if got, want := address(f.Config, f.Flow, false, "x&y"), "https://id.example.org/auth/self-service/recovery?flow="+f.Flow.ID.String()+"&token=x%26y"; got != want {
			t.Errorf("the link is %q, want %q", got, want)
		}
		if got, want := address(f.Config, f.Flow, true, "123456"), "https://id.example.org/auth/self-service/recovery?code=123456&flow="+f.Flow.ID.String(); got != want {
			t.Errorf("the link is %q, want %q", got, want)
		}
	})
}
