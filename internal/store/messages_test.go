package store_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
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
		Template: "recovery_code_valid", Share: store.ShareAsked, Recipient: recipient, Content: []byte("sealed"),
		Dispatches: []store.Dispatch{}, CreatedAt: created, UpdatedAt: created}
}

// newNotice is a message that nobody has asked for, and that nothing replaces.
func newNotice(recipient string, created time.Time) *store.Message {
	m := newMessage(recipient, created)
	m.Template, m.Share = "password_changed", "password_changed"
	return m
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
	write(t, st, func(tx *store.Tx) error {
		done, err := tx.ClaimMessages(t.Context(), store.Claim{Now: now, Until: until, Limit: limit})
		all = done.Messages
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
					var got store.Claimed
					err := st.Write(t.Context(), store.Volatile, func(tx *store.Tx) (err error) {
						got, err = tx.ClaimMessages(t.Context(), store.Claim{Now: noon, Until: noon.Add(time.Minute), Limit: 5})
						return err
					})
					if err != nil {
						t.Error(err)
					}
					if len(got.Messages) == 0 {
						return
					}
					mu.Lock()
					for _, m := range got.Messages {
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
		first, err := outer.ClaimMessages(ctx, store.Claim{Now: now, Until: until, Limit: 1})
		if err != nil {
			return err
		}
		var second store.Claimed
		err = st.Write(ctx, store.Durable, func(inner *store.Tx) (err error) {
			second, err = inner.ClaimMessages(ctx, store.Claim{Now: now, Until: until, Limit: 2})
			return err
		})
		if d := cmp.Diff([]string{"first@example.org", "second@example.org"}, recipients(append(first.Messages, second.Messages...))); d != "" {
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
		var key store.PageKey
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
			key = store.PageKey{CreatedAt: last.CreatedAt, ID: last.ID}
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
			if got, err := st.Messages(ctx, project, c.only, store.PageKey{}, 10); err != nil || len(got) != c.want {
				t.Errorf("%+v: %v, %v; want %d", c.only, recipients(got), err, c.want)
			}
		}
		if got, err := st.Messages(ctx, uuid.New(), store.MessageFilter{}, store.PageKey{}, 10); err != nil || len(got) != 0 {
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
		left, err := st.Messages(t.Context(), project, store.MessageFilter{}, store.PageKey{}, 10)
		if d := cmp.Diff([]string{"waiting"}, recipients(left)); d != "" || err != nil {
			t.Errorf("%v (-want +got):\n%s", err, d)
		}
	})
}

// capped claims as a worker does that lets each recipient have so many an hour.
func capped(t *testing.T, st *store.Store, now time.Time, limit, perHour int) (done store.Claimed) {
	t.Helper()
	write(t, st, func(tx *store.Tx) (err error) {
		done, err = tx.ClaimMessages(t.Context(), store.Claim{Now: now, Until: now.Add(time.Minute), Limit: limit, PerHour: perHour})
		return err
	})
	return done
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
// for their turn, in order, and nobody else waits with them. Beyond them one
// leaves each time that its part of an hour has passed since the last one.
func TestShareOfAnHour(t *testing.T) {
	storetest.Each(t, nil, func(t *testing.T, st *store.Store) {
		for n, to := range []string{"ada@example.org", "Ada@Example.org", "ADA@EXAMPLE.ORG", "ada@example.org", "ada@example.org", "ada@example.org", "ada@example.org", "charles@example.org"} {
			m := newNotice(to, noon.Add(time.Duration(n)*time.Microsecond))
			m.Content = fmt.Append(nil, n)
			insertMessages(t, st, m)
		}
		sms := newNotice("ada@example.org", noon.Add(time.Second)) // another way, another share
		sms.Type, sms.Content = "sms", []byte("sms")
		insertMessages(t, st, sms)

		now := noon.Add(time.Minute)
		first := capped(t, st, now, 100, 2)
		if d := cmp.Diff([]string{"0", "1", "7", "sms"}, bodies(first.Messages)); d != "" || first.Held != 5 || first.Replaced != 0 {
			t.Fatalf("%d were held, %d replaced; claimed (-want +got):\n%s", first.Held, first.Replaced, d)
		}
		waiting, err := st.Messages(t.Context(), project, store.MessageFilter{Status: store.MessageQueued}, store.PageKey{}, 10)
		if err != nil || len(waiting) != 5 || waiting[0].SendCount != 0 {
			t.Errorf("held: %+v, %v", waiting, err)
		}
		// One is sent later than the other, so the hour of one ends later.
		settleSent(t, st, first.Messages[:1], now.Add(time.Second))
		settleSent(t, st, first.Messages[1:2], now.Add(40*time.Minute))
		settleSent(t, st, first.Messages[2:], now)
		for _, c := range []struct {
			after time.Duration
			want  []string
		}{
			{50 * time.Minute, nil},
			{time.Hour, nil}, // claimed an hour ago, but sent a second later
			{time.Hour + time.Second, []string{"2"}},
			{90 * time.Minute, nil},
			{90*time.Minute + time.Second, []string{"3"}}, // half an hour after the last one
			{100 * time.Minute, nil},
			{3 * time.Hour, []string{"4", "5"}},
			{3*time.Hour + 30*time.Minute, []string{"6"}},
		} {
			got := capped(t, st, now.Add(c.after), 100, 2).Messages
			if d := cmp.Diff(c.want, bodies(got)); d != "" {
				t.Errorf("after %s (-want +got):\n%s", c.after, d)
			}
			settleSent(t, st, got, now.Add(c.after))
		}
	})
}

// TestNoticesHaveTheirOwnShare: what strangers ask for does not hold up what
// the owner is told, nor does one kind of notice another, nor any of them a code.
func TestNoticesHaveTheirOwnShare(t *testing.T) {
	storetest.Each(t, nil, func(t *testing.T, st *store.Store) {
		at := noon
		flood := func(template, share string, expires time.Time) {
			for range 20 {
				at = at.Add(time.Microsecond)
				m := newMessage("ada@example.org", at)
				m.Template, m.Share, m.ExpiresAt = template, share, expires
				insertMessages(t, st, m)
			}
		}
		flood("recovery_code_valid", store.ShareAsked, time.Time{})
		flood("verification_code_valid", store.ShareAsked, time.Time{})
		flood("password_changed", "password_changed", time.Time{})
		flood("address_undo", "address_undo", time.Time{})
		flood("account_exists", "account_exists", at.Add(time.Hour))
		got := map[string]int{}
		done := capped(t, st, at, 100, 3)
		for _, m := range done.Messages {
			got[m.Template]++
		}
		if d := cmp.Diff(map[string]int{"recovery_code_valid": 3, "password_changed": 3, "address_undo": 3, "account_exists": 3}, got); d != "" {
			t.Errorf("claimed (-want +got):\n%s", d)
		}
		// Of each of the two kinds of codes the newest waits, as of the notice that
		// expires, and all other notices.
		if held, replaced := 2+17+17+1, 16+19+16; done.Held != held || done.Replaced != replaced {
			t.Errorf("%d were held, %d replaced; want %d and %d", done.Held, done.Replaced, held, replaced)
		}
	})
}

// TestNewestIsKept: of the codes that wait for a full recipient the newest of
// each template leaves when there is room, and the others are abandoned, empty,
// and say why. What is of another recipient or way, what is expired, and all as
// long as there is room, is left alone.
func TestNewestIsKept(t *testing.T) {
	storetest.Each(t, nil, func(t *testing.T, st *store.Store) {
		at := noon
		insert := func(name string, change func(*store.Message)) {
			at = at.Add(time.Microsecond)
			m := newMessage("ada@example.org", at)
			m.Content = []byte(name)
			if change != nil {
				change(m)
			}
			insertMessages(t, st, m)
		}
		insert("tried", nil)
		tried := capped(t, st, at, 1, 2).Messages
		failed := dispatch(&tried[0], at, "nobody answers")
		write(t, st, func(tx *store.Tx) error {
			_, err := tx.MessageFailed(t.Context(), &tried[0], failed, noon.Add(time.Minute))
			return err
		})
		insert("sent 1", nil)
		insert("sent 2", nil)
		settleSent(t, st, capped(t, st, at, 10, 2).Messages, at)
		insert("old", func(m *store.Message) { m.Recipient = "Ada@Example.Org" })
		insert("verification", func(m *store.Message) { m.Template = "verification_code_valid" })
		insert("newest", func(m *store.Message) { m.ExpiresAt = noon.Add(time.Hour) })
		insert("expired", func(m *store.Message) { m.ExpiresAt = at.Add(time.Second) })
		insert("charles", func(m *store.Message) { m.Recipient = "charles@example.org" })
		insert("decoy", func(m *store.Message) { m.Status = store.MessageDecoy })
		insert("sms", func(m *store.Message) { m.Type = "sms" })

		now := noon.Add(10 * time.Second)
		done := capped(t, st, now, 10, 2)
		if d := cmp.Diff([]string{"expired", "charles", "sms"}, bodies(done.Messages)); d != "" || done.Held != 2 || done.Replaced != 2 {
			t.Fatalf("%d were held, %d replaced; claimed (-want +got):\n%s", done.Held, done.Replaced, d)
		}
		settleSent(t, st, done.Messages, now)
		all, err := st.Messages(t.Context(), project, store.MessageFilter{Status: store.MessageAbandoned}, store.PageKey{}, 10)
		if err != nil || len(all) != 2 {
			t.Fatalf("abandoned: %+v, %v", all, err)
		}
		for i, tries := range []int{0, 1} { // "old" and "tried"
			m := all[i]
			why := m.Dispatches[0]
			if len(m.Content) != 0 || m.SendCount != tries || len(m.Dispatches) != 1+tries || why.MessageID != m.ID || why.Error == nil || !why.CreatedAt.Equal(now) {
				t.Errorf("replaced: %+v", m)
			}
		}
		if d := cmp.Diff(failed, all[1].Dispatches[1]); d != "" {
			t.Errorf("the try before (-want +got):\n%s", d)
		}
		// The next part of the hour is theirs, the one that waited longer first.
		for _, c := range []struct {
			after time.Duration
			want  []string
		}{{29 * time.Minute, nil}, {31 * time.Minute, []string{"verification"}}, {59 * time.Minute, nil}} {
			got := capped(t, st, noon.Add(c.after), 10, 2).Messages
			if d := cmp.Diff(c.want, bodies(got)); d != "" {
				t.Errorf("after %s (-want +got):\n%s", c.after, d)
			}
			settleSent(t, st, got, noon.Add(c.after))
		}
		if due, err := st.MessagesDue(t.Context(), noon.Add(1000*time.Hour)); err != nil || !due {
			t.Errorf("the newest does not wait any more: %t, %v", due, err)
		}
	})
}

// TestContentEndsWithTheMessage: what a message says is kept after its end only
// if whoever settles it keeps it.
func TestContentEndsWithTheMessage(t *testing.T) {
	storetest.Each(t, nil, func(t *testing.T, st *store.Store) {
		keeps, forgets := newMessage("ada@example.org", noon), newMessage("charles@example.org", noon)
		insertMessages(t, st, keeps, forgets)
		claimed := claim(t, st, noon, noon.Add(time.Minute), 2)
		claimed[1].Content = nil
		settleSent(t, st, claimed, noon)
		for i, want := range []string{"sealed", ""} {
			if got, err := st.Message(t.Context(), project, claimed[i].ID); err != nil || string(got.Content) != want {
				t.Errorf("%q is left, want %q; %v", got.Content, want, err)
			}
		}
	})
}

// TestShareIsNotUsedByFailures: what did not leave does not count, what may
// have left does.
func TestShareIsNotUsedByFailures(t *testing.T) {
	storetest.Each(t, nil, func(t *testing.T, st *store.Store) {
		for n := range 3 {
			m := newNotice("ada@example.org", noon.Add(time.Duration(n)))
			m.Content = fmt.Append(nil, n)
			insertMessages(t, st, m)
		}
		first := capped(t, st, noon, 1, 1).Messages
		write(t, st, func(tx *store.Tx) error {
			_, err := tx.MessageFailed(t.Context(), &first[0], dispatch(&first[0], noon, "nobody answers"), noon.Add(time.Hour))
			return err
		})
		second := capped(t, st, noon, 1, 1).Messages
		if d := cmp.Diff([]string{"1"}, bodies(second)); d != "" {
			t.Fatalf("after a failure (-want +got):\n%s", d)
		}
		// Its node is gone. It comes again as soon as its claim has ended, since it
		// does not stand in its own way; the third waits.
		again := capped(t, st, noon.Add(time.Minute), 5, 1).Messages
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
		done := capped(t, st, noon, 5, 1)
		if len(done.Messages) != 1 || done.Held != 1 {
			t.Fatalf("%d claimed, %d held", len(done.Messages), done.Held)
		}
		settleSent(t, st, done.Messages, noon)
		if early := capped(t, st, second.ExpiresAt.Add(-time.Microsecond), 5, 1); len(early.Messages) != 0 {
			t.Error("claimed while the recipient has had enough")
		}
		got := capped(t, st, second.ExpiresAt, 5, 1).Messages
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
		got := capped(t, st, noon.Add(time.Minute), 4, 2)
		if d := cmp.Diff([]string{"ada@example.org", "ada@example.org", "charles@example.org"}, recipients(got.Messages)); d != "" || got.Replaced != 997 || got.Held != 1 {
			t.Errorf("%d were replaced, %d held; claimed (-want +got):\n%s", got.Replaced, got.Held, d)
		}
	})
}

// TestShareWithManyNodes: nodes that claim at the same time do not give one
// recipient more than its share, and keep the newest code of those that wait.
func TestShareWithManyNodes(t *testing.T) {
	storetest.Each(t, nil, func(t *testing.T, st *store.Store) {
		const people, each, share = 10, 12, 3
		for n := range each {
			for p := range people {
				to, at := fmt.Sprintf("%d@example.org", p), noon.Add(time.Duration(n)*time.Microsecond)
				m := newNotice(to, at)
				if p%2 == 0 {
					m = newMessage(to, at)
				}
				insertMessages(t, st, m)
			}
		}
		now := noon.Add(time.Minute)
		var mu sync.Mutex
		got := map[string][]time.Time{} // the claimed ones
		var all sync.WaitGroup
		for range 6 {
			all.Go(func() {
				for range 20 {
					var claimed store.Claimed
					err := st.Write(t.Context(), store.Durable, func(tx *store.Tx) (err error) {
						claimed, err = tx.ClaimMessages(t.Context(), store.Claim{Now: now, Until: now.Add(time.Hour), Limit: 4, PerHour: share})
						return err
					})
					if err != nil {
						t.Error(err)
					}
					mu.Lock()
					for _, m := range claimed.Messages {
						got[m.Recipient] = append(got[m.Recipient], m.CreatedAt)
					}
					mu.Unlock()
				}
			})
		}
		all.Wait()
		for _, m := range capped(t, st, now, 1000, share).Messages {
			got[m.Recipient] = append(got[m.Recipient], m.CreatedAt)
		}
		for p := range people {
			to := fmt.Sprintf("%d@example.org", p)
			if len(got[to]) != share {
				t.Errorf("%s gets %d messages in an hour, not %d", to, len(got[to]), share)
			}
			// Nodes pass over what others are claiming, so that they may claim the newest.
			newest := noon.Add((each - 1) * time.Microsecond)
			for slices.ContainsFunc(got[to], newest.Equal) {
				newest = newest.Add(-time.Microsecond)
			}
			waiting, err := st.Messages(t.Context(), project, store.MessageFilter{Status: store.MessageQueued, Recipient: to}, store.PageKey{}, each)
			if err != nil || p%2 == 1 && len(waiting) != each-share || p%2 == 0 && (len(waiting) != 1 || !waiting[0].CreatedAt.Equal(newest)) {
				t.Errorf("for %s wait %+v; %v", to, waiting, err)
			}
		}
	})
}
