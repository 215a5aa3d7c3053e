package store_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"zelus/internal/store"
	"zelus/internal/store/storetest"
)

// noon is the time at which the tests of messages begin.
var noon = time.Date(2020, 10, 30, 12, 0, 0, 0, time.UTC)

func newMessage(recipient string, created time.Time) *store.Message {
	return &store.Message{ID: uuid.Must(uuid.NewV7()), Project: project, Status: store.MessageQueued, Type: "email", Channel: "email",
		Template: "recovery_code_valid", Recipient: recipient, Content: []byte("sealed"),
		Dispatches: []store.Dispatch{}, CreatedAt: created, UpdatedAt: created}
}

func insertMessages(t *testing.T, st *store.Store, all ...*store.Message) {
	t.Helper()
	write(t, st, func(tx *store.Tx) error {
		for _, m := range all {
			if err := tx.InsertMessage(t.Context(), m); err != nil {
				return err
			}
		}
		return nil
	})
}

func claim(t *testing.T, st *store.Store, now, until time.Time, limit int) (all []store.Message) {
	t.Helper()
	write(t, st, func(tx *store.Tx) (err error) {
		all, _, err = tx.ClaimMessages(t.Context(), store.Claim{Now: now, Until: until, Limit: limit})
		return err
	})
	return all
}

func recipients(all []store.Message) []string {
	var out []string
	for _, m := range all {
		out = append(out, m.Recipient)
	}
	return out
}

func dispatch(m *store.Message, now time.Time, failure string) store.Dispatch {
	d := store.Dispatch{ID: uuid.New(), MessageID: m.ID, Status: store.DispatchSuccess, CreatedAt: now, UpdatedAt: now}
	if failure != "" {
		d.Status, d.Error = store.DispatchFailed, &store.DispatchError{Message: failure}
	}
	return d
}

func TestMessageLife(t *testing.T) {
	storetest.Each(t, nil, func(t *testing.T, st *store.Store) {
		ctx := t.Context()
		m := newMessage("ada@example.org", noon)
		insertMessages(t, st, m)
		if due, err := st.MessagesDue(ctx, noon.Add(-time.Microsecond)); err != nil || due {
			t.Errorf("due before its time: %t, %v", due, err)
		}
		if due, err := st.MessagesDue(ctx, noon); err != nil || !due {
			t.Errorf("not due at its time: %t, %v", due, err)
		}

		claimed := claim(t, st, noon, noon.Add(time.Minute), 10)
		want := *m
		want.Status, want.SendCount = store.MessageProcessing, 1
		if d := cmp.Diff([]store.Message{want}, claimed); d != "" {
			t.Fatalf("claimed (-want +got):\n%s", d)
		}
		if again := claim(t, st, noon, noon.Add(time.Minute), 10); len(again) != 0 {
			t.Errorf("claimed twice: %v", recipients(again))
		}

		first := dispatch(m, noon.Add(time.Second), "nobody answers")
		due := noon.Add(30 * time.Second)
		write(t, st, func(tx *store.Tx) error {
			held, err := tx.MessageFailed(ctx, &claimed[0], first, due)
			if !held {
				t.Error("the claim does not hold")
			}
			return err
		})
		if early := claim(t, st, due.Add(-time.Microsecond), noon.Add(time.Hour), 10); len(early) != 0 {
			t.Error("claimed before the next try is due")
		}
		claimed = claim(t, st, due, due.Add(time.Minute), 10)
		if len(claimed) != 1 || claimed[0].SendCount != 2 {
			t.Fatalf("at the next try: %+v", claimed)
		}
		second := dispatch(m, due, "")
		write(t, st, func(tx *store.Tx) error {
			_, err := tx.MessageSent(ctx, &claimed[0], second)
			return err
		})
		got, err := st.Message(ctx, project, m.ID)
		if err != nil {
			t.Fatal(err)
		}
		want.Status, want.SendCount, want.UpdatedAt, want.Dispatches = store.MessageSent, 2, due, []store.Dispatch{second, first}
		if d := cmp.Diff(&want, got); d != "" {
			t.Errorf("in the end (-want +got):\n%s", d)
		}
		if due, err := st.MessagesDue(ctx, noon.Add(1000*time.Hour)); err != nil || due {
			t.Errorf("a sent message is due: %t, %v", due, err)
		}
		if _, err := st.Message(ctx, uuid.New(), m.ID); !errors.Is(err, store.ErrNotFound) {
			t.Errorf("another project sees it: %v", err)
		}
	})
}

// TestLostClaim: a node that dies with a message in its hands does not take
// the message along, and one that wakes up late does not overwrite what
// another has done.
func TestLostClaim(t *testing.T) {
	storetest.Each(t, nil, func(t *testing.T, st *store.Store) {
		ctx := t.Context()
		m := newMessage("ada@example.org", noon)
		insertMessages(t, st, m)
		until := noon.Add(time.Minute)
		late := claim(t, st, noon, until, 1)
		if early := claim(t, st, until.Add(-time.Microsecond), until, 1); len(early) != 0 {
			t.Fatal("claimed while another claim holds")
		}
		next := claim(t, st, until, until.Add(time.Minute), 1)
		if len(next) != 1 || next[0].SendCount != 2 {
			t.Fatalf("after the claim has ended: %+v", next)
		}
		write(t, st, func(tx *store.Tx) error {
			held, err := tx.MessageAbandoned(ctx, &late[0], dispatch(m, until, "late"))
			if held {
				t.Error("the first claim still holds")
			}
			return err
		})
		write(t, st, func(tx *store.Tx) error {
			held, err := tx.MessageSent(ctx, &next[0], dispatch(m, until, ""))
			if !held {
				t.Error("the second claim does not hold")
			}
			return err
		})
		if got, err := st.Message(ctx, project, m.ID); err != nil || got.Status != store.MessageSent || len(got.Dispatches) != 1 {
			t.Errorf("%+v, %v", got, err)
		}
	})
}

// TestClaimAtOnce: each message goes to one of several nodes that ask at the
// same time.
func TestClaimAtOnce(t *testing.T) {
	storetest.Each(t, nil, func(t *testing.T, st *store.Store) {
		const nodes, messages = 4, 24
		for i := range messages {
			insertMessages(t, st, newMessage(fmt.Sprintf("%d@example.org", i), noon))
		}
		var mu sync.Mutex
		taken := map[uuid.UUID]int{}
		var all sync.WaitGroup
		for range nodes {
			all.Go(func() {
				for {
					var got []store.Message
					err := st.Write(t.Context(), store.Volatile, func(tx *store.Tx) (err error) {
						got, _, err = tx.ClaimMessages(t.Context(), store.Claim{Now: noon, Until: noon.Add(time.Minute), Limit: 5})
						return err
					})
					if err != nil {
						t.Error(err)
					}
					if len(got) == 0 {
						return
					}
					mu.Lock()
					for _, m := range got {
						taken[m.ID]++
					}
					mu.Unlock()
				}
			})
		}
		all.Wait()
		for id, n := range taken {
			if n != 1 {
				t.Errorf("%s was claimed %d times", id, n)
			}
		}
		// A node passes over what another is taking, so it may end before all is taken.
		rest := claim(t, st, noon, noon.Add(time.Minute), messages)
		if len(taken)+len(rest) != messages {
			t.Errorf("%d messages of %d were claimed", len(taken)+len(rest), messages)
		}
	})
}

// TestClaimPassesOver: a claim does not wait for one that has not been
// committed yet.
func TestClaimPassesOver(t *testing.T) {
	o := storetest.Postgres(t)
	st, err := store.Open(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	defer st.Close()
	if _, err := st.Migrate(t.Context()); err != nil {
		t.Fatal(err)
	}
	insertMessages(t, st, newMessage("first@example.org", noon), newMessage("second@example.org", noon.Add(time.Second)))
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	now, until := noon.Add(time.Minute), noon.Add(time.Hour)
	err = st.Write(ctx, store.Durable, func(outer *store.Tx) error {
		first, _, err := outer.ClaimMessages(ctx, store.Claim{Now: now, Until: until, Limit: 1})
		if err != nil {
			return err
		}
		var second []store.Message
		err = st.Write(ctx, store.Durable, func(inner *store.Tx) (err error) {
			second, _, err = inner.ClaimMessages(ctx, store.Claim{Now: now, Until: until, Limit: 2})
			return err
		})
		if d := cmp.Diff([]string{"first@example.org", "second@example.org"}, recipients(append(first, second...))); d != "" {
			t.Errorf("(-want +got):\n%s", d)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

func TestMessagePages(t *testing.T) {
	storetest.Each(t, nil, func(t *testing.T, st *store.Store) {
		ctx := t.Context()
		// Three of the same microsecond: the id decides.
		for i, name := range []string{"a", "b", "b", "b", "c"} {
			m := newMessage(name, noon.Add(time.Duration(i/4)*time.Second))
			m.ID = uuid.UUID{15: byte(i + 1)}
			insertMessages(t, st, m)
		}
		var ids []byte
		var key store.MessageKey
		for {
			page, err := st.Messages(ctx, project, store.MessageFilter{}, key, 2)
			if err != nil {
				t.Fatal(err)
			}
			if len(page) == 0 {
				break
			}
			for _, m := range page {
				ids = append(ids, m.ID[15])
			}
			last := page[len(page)-1]
			key = store.MessageKey{CreatedAt: last.CreatedAt, ID: last.ID}
		}
		if d := cmp.Diff([]byte{5, 4, 3, 2, 1}, ids); d != "" {
			t.Errorf("newest first (-want +got):\n%s", d)
		}
		claim(t, st, noon, noon.Add(time.Minute), 2)
		for _, c := range []struct {
			only store.MessageFilter
			want int
		}{
			{store.MessageFilter{Recipient: "b"}, 3},
			{store.MessageFilter{Recipient: "nobody"}, 0},
			{store.MessageFilter{Status: store.MessageProcessing}, 2},
			{store.MessageFilter{Status: store.MessageQueued}, 3},
			{store.MessageFilter{Status: store.MessageQueued, Recipient: "b"}, 2},
		} {
			if got, err := st.Messages(ctx, project, c.only, store.MessageKey{}, 10); err != nil || len(got) != c.want {
				t.Errorf("%+v: %v, %v; want %d", c.only, recipients(got), err, c.want)
			}
		}
		if got, err := st.Messages(ctx, uuid.New(), store.MessageFilter{}, store.MessageKey{}, 10); err != nil || len(got) != 0 {
			t.Errorf("another project sees %v, %v", recipients(got), err)
		}
	})
}

// TestCleanMessages: what waits is kept, however old it is.
func TestCleanMessages(t *testing.T) {
	storetest.Each(t, nil, func(t *testing.T, st *store.Store) {
		sent, waiting := newMessage("sent", noon), newMessage("waiting", noon.Add(time.Second))
		insertMessages(t, st, sent, waiting)
		claimed := claim(t, st, noon, noon.Add(time.Minute), 1)
		write(t, st, func(tx *store.Tx) error {
			_, err := tx.MessageSent(t.Context(), &claimed[0], dispatch(sent, noon, ""))
			return err
		})
		if n, err := st.Clean(t.Context(), store.Retention{}, 10); err != nil || n != 1 {
			t.Errorf("%d, %v", n, err)
		}
		left, err := st.Messages(t.Context(), project, store.MessageFilter{}, store.MessageKey{}, 10)
		if d := cmp.Diff([]string{"waiting"}, recipients(left)); d != "" || err != nil {
			t.Errorf("%v (-want +got):\n%s", err, d)
		}
	})
}

// capped claims as a worker does that lets each recipient have so many an hour.
func capped(t *testing.T, st *store.Store, now time.Time, limit, perHour int) (all []store.Message, held int) {
	t.Helper()
	write(t, st, func(tx *store.Tx) (err error) {
		all, held, err = tx.ClaimMessages(t.Context(), store.Claim{Now: now, Until: now.Add(time.Minute), Limit: limit, PerHour: perHour})
		return err
	})
	return all, held
}

func settleSent(t *testing.T, st *store.Store, all []store.Message, now time.Time) {
	t.Helper()
	write(t, st, func(tx *store.Tx) error {
		for i := range all {
			if held, err := tx.MessageSent(t.Context(), &all[i], dispatch(&all[i], now, "")); err != nil || !held {
				return fmt.Errorf("held %t: %w", held, err)
			}
		}
		return nil
	})
}

func bodies(all []store.Message) (out []string) {
	for _, m := range all {
		out = append(out, string(m.Content))
	}
	return out
}

// TestShareOfAnHour: more than so many messages an hour to one recipient wait
// for their turn, in order, and nobody else waits with them.
func TestShareOfAnHour(t *testing.T) {
	storetest.Each(t, nil, func(t *testing.T, st *store.Store) {
		for n, to := range []string{"ada@example.org", "Ada@Example.org", "ADA@EXAMPLE.ORG", "ada@example.org", "ada@example.org", "ada@example.org", "charles@example.org"} {
			m := newMessage(to, noon.Add(time.Duration(n)*time.Microsecond))
			m.Content = fmt.Append(nil, n)
			insertMessages(t, st, m)
		}
		sms := newMessage("ada@example.org", noon.Add(time.Second)) // another way, another share
		sms.Type, sms.Content = "sms", []byte("sms")
		insertMessages(t, st, sms)

		now := noon.Add(time.Minute)
		first, held := capped(t, st, now, 100, 2)
		if d := cmp.Diff([]string{"0", "1", "6", "sms"}, bodies(first)); d != "" || held != 4 {
			t.Fatalf("%d were held; claimed (-want +got):\n%s", held, d)
		}
		waiting, err := st.Messages(t.Context(), project, store.MessageFilter{Status: store.MessageQueued}, store.MessageKey{}, 10)
		if err != nil || len(waiting) != 4 || waiting[0].SendCount != 0 {
			t.Errorf("held: %+v, %v", waiting, err)
		}
		// One is sent later than the other, so the hour of one ends later.
		settleSent(t, st, first[:1], now.Add(time.Second))
		settleSent(t, st, first[1:2], now.Add(10*time.Second))
		settleSent(t, st, first[2:], now)
		for _, c := range []struct {
			after time.Duration
			want  []string
		}{
			{30 * time.Minute, nil},
			{time.Hour, nil}, // claimed an hour ago, but sent a second later
			{time.Hour + time.Second, []string{"2"}},
			{time.Hour + 9*time.Second, nil},
			{time.Hour + 10*time.Second, []string{"3"}},
			{2*time.Hour + 2*time.Second, []string{"4"}},
			{2*time.Hour + 11*time.Second, []string{"5"}},
		} {
			got, _ := capped(t, st, now.Add(c.after), 100, 2)
			if d := cmp.Diff(c.want, bodies(got)); d != "" {
				t.Errorf("after %s (-want +got):\n%s", c.after, d)
			}
			settleSent(t, st, got, now.Add(c.after))
		}
	})
}

// TestShareIsNotUsedByFailures: what did not leave does not count, what may
// have left does.
func TestShareIsNotUsedByFailures(t *testing.T) {
	storetest.Each(t, nil, func(t *testing.T, st *store.Store) {
		for n := range 3 {
			m := newMessage("ada@example.org", noon.Add(time.Duration(n)))
			m.Content = fmt.Append(nil, n)
			insertMessages(t, st, m)
		}
		first, _ := capped(t, st, noon, 1, 1)
		write(t, st, func(tx *store.Tx) error {
			_, err := tx.MessageFailed(t.Context(), &first[0], dispatch(&first[0], noon, "nobody answers"), noon.Add(time.Hour))
			return err
		})
		second, _ := capped(t, st, noon, 1, 1)
		if d := cmp.Diff([]string{"1"}, bodies(second)); d != "" {
			t.Fatalf("after a failure (-want +got):\n%s", d)
		}
		// Its node is gone. It comes again as soon as its claim has ended, since it
		// does not stand in its own way; the third waits.
		again, _ := capped(t, st, noon.Add(time.Minute), 5, 1)
		if d := cmp.Diff([]string{"1"}, bodies(again)); d != "" {
			t.Errorf("after a crash (-want +got):\n%s", d)
		}
	})
}

// TestHeldUntilItExpires: a message that expires while it waits is due then.
func TestHeldUntilItExpires(t *testing.T) {
	storetest.Each(t, nil, func(t *testing.T, st *store.Store) {
		first, second := newMessage("ada@example.org", noon), newMessage("ada@example.org", noon)
		second.ExpiresAt = noon.Add(15 * time.Minute)
		insertMessages(t, st, first, second)
		settle, held := capped(t, st, noon, 5, 1)
		if len(settle) != 1 || held != 1 {
			t.Fatalf("%d claimed, %d held", len(settle), held)
		}
		settleSent(t, st, settle, noon)
		if early, _ := capped(t, st, second.ExpiresAt.Add(-time.Microsecond), 5, 1); len(early) != 0 {
			t.Error("claimed while the recipient has had enough")
		}
		got, _ := capped(t, st, second.ExpiresAt, 5, 1)
		if len(got) != 1 || !got[0].Expired(second.ExpiresAt) || !got[0].ExpiresAt.Equal(second.ExpiresAt) {
			t.Errorf("when it expires: %+v", got)
		}
	})
}

// TestFloodHoldsNobodyUp: a thousand messages for one recipient are before that
// of another, which leaves with the first claim all the same.
func TestFloodHoldsNobodyUp(t *testing.T) {
	storetest.Each(t, nil, func(t *testing.T, st *store.Store) {
		var flood []*store.Message
		for n := range 1000 {
			flood = append(flood, newMessage("ada@example.org", noon.Add(time.Duration(n)*time.Microsecond)))
		}
		insertMessages(t, st, flood...)
		insertMessages(t, st, newMessage("charles@example.org", noon.Add(time.Second)))
		got, held := capped(t, st, noon.Add(time.Minute), 4, 2)
		if d := cmp.Diff([]string{"ada@example.org", "ada@example.org", "charles@example.org"}, recipients(got)); d != "" || held != 998 {
			t.Errorf("%d were held; claimed (-want +got):\n%s", held, d)
		}
	})
}

// TestShareWithManyNodes: nodes that claim at the same time do not give one
// recipient more than its share.
func TestShareWithManyNodes(t *testing.T) {
	storetest.Each(t, nil, func(t *testing.T, st *store.Store) {
		const people, each, share = 10, 12, 3
		for n := range each {
			for p := range people {
				insertMessages(t, st, newMessage(fmt.Sprintf("%d@example.org", p), noon.Add(time.Duration(n)*time.Microsecond)))
			}
		}
		now := noon.Add(time.Minute)
		var mu sync.Mutex
		got := map[string]int{}
		var all sync.WaitGroup
		for range 6 {
			all.Go(func() {
				for range 20 {
					var claimed []store.Message
					err := st.Write(t.Context(), store.Durable, func(tx *store.Tx) (err error) {
						claimed, _, err = tx.ClaimMessages(t.Context(), store.Claim{Now: now, Until: now.Add(time.Hour), Limit: 4, PerHour: share})
						return err
					})
					if err != nil {
						t.Error(err)
					}
					mu.Lock()
					for _, m := range claimed {
						got[m.Recipient]++
					}
					mu.Unlock()
				}
			})
		}
		all.Wait()
		rest, _ := capped(t, st, now, 1000, share)
		for _, m := range rest {
			got[m.Recipient]++
		}
		for p := range people {
			if to := fmt.Sprintf("%d@example.org", p); got[to] != share {
				t.Errorf("%s gets %d messages in an hour, not %d", to, got[to], share)
			}
		}
	})
}
