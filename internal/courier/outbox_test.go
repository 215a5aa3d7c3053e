package courier

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"zelus/internal/auth"
	"zelus/internal/store"
	"zelus/internal/store/storetest"
)

// fullMessage has something in every part.
func fullMessage() Message {
	return Message{Project: auth.DefaultProject, Type: auth.ViaEmail, Template: "recovery_code_valid", Recipient: "ada@example.org",
		Subject: "subject-of-the-test", Body: "body-of-the-test", HTML: "<b>html-of-the-test</b>",
		TemplateData:   json.RawMessage(`{"recovery_code":"data-of-the-test"}`),
		RequestHeaders: map[string][]string{"User-Agent": {"header-of-the-test"}}, ExpiresAt: time.Date(2030, 1, 2, 3, 4, 5, 0, time.UTC)}
}

// kept is what is left of a message on its way through the database.
func kept(m *store.Message) Message {
	return Message{Project: m.Project, Type: m.Type, Template: m.Template, Recipient: m.Recipient, Subject: m.Subject, Body: m.Body, HTML: m.HTML,
		TemplateData: m.TemplateData, RequestHeaders: m.RequestHeaders, ExpiresAt: m.ExpiresAt}
}

// TestContentIsSealed: everything of a message comes back, and nothing of it can
// be read in the database, nor be moved to another message.
func TestContentIsSealed(t *testing.T) {
	dir := t.TempDir()
	st := storetest.Memory(t, func(o *store.Options) { o.Memory, o.Path = false, filepath.Join(dir, "zelus.db") })
	catcher := &Catcher{}
	r := byRounds(t, st, catcher)
	r.enqueue(t, fullMessage(), mailTo("charles@example.org"))
	one, other := r.outbox(t)[0], r.outbox(t)[1]
	if d := cmp.Diff(fullMessage(), kept(&one)); d != "" {
		t.Errorf("read again (-want +got):\n%s", d)
	}
	r.round(t, Pace{})
	if caught := catcher.Messages(); len(caught) != 2 || caught[1].Body != "body-of-the-test" {
		t.Errorf("sent: %+v", caught)
	}
	files, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		content, err := os.ReadFile(filepath.Join(dir, f.Name()))
		if err != nil {
			t.Fatal(err)
		}
		if bytes.Contains(content, []byte("-of-the-test")) {
			t.Errorf("what the message says can be read in %s", f.Name())
		}
	}
	if err := unseal(r.keys, &store.Message{ID: other.ID, Content: one.Content}); !errors.Is(err, errSealed) {
		t.Errorf("the content of one message opens as that of another: %v", err)
	}
}

// TestKeysAreRotated: what was sealed under an older secret is sent as long as
// that is configured. Without it the message is listed without content, tried
// like any other, as another node may have the secret, and given up.
func TestKeysAreRotated(t *testing.T) {
	catcher := &Catcher{}
	r := byRounds(t, storetest.Memory(t, nil), catcher)
	r.enqueue(t, mailTo("ada@example.org"))
	r.keys = ring(t, "a-newer-secret-of-these-tests", "a-secret-of-these-tests")
	r.round(t, Pace{})
	if got := catcher.Messages(); len(got) != 1 || got[0].Body != "123456" {
		t.Errorf("after a rotation: %+v", got)
	}

	r.enqueue(t, mailTo("charles@example.org"))
	good := r.keys
	r.keys = ring(t, "another-secret-of-these-tests")
	r.round(t, Pace{Retries: 1})
	m := r.outbox(t)[1]
	if m.Status != store.MessageQueued || m.Subject != "" || m.Body != "" || !strings.Contains(m.Dispatches[0].Error.Message, "secrets.default") {
		t.Errorf("without its key: %+v", m)
	}
	if one, err := r.Message(t.Context(), m.ID); err != nil || one.Body != "" || one.Recipient != "charles@example.org" {
		t.Errorf("read by itself: %+v, %v", one, err)
	}
	r.round(t, Pace{Retries: 1, KeepContent: true})
	r.keys = good
	if m := r.outbox(t)[1]; m.Status != store.MessageAbandoned || m.Body != "123456" || len(catcher.Messages()) != 1 {
		t.Errorf("in the end: %+v", m)
	}
	if _, err := r.Message(t.Context(), uuid.New()); !errors.Is(err, store.ErrNotFound) {
		t.Error(err)
	}
}

// TestExpiry: what is of no use any more is not sent, and neither is it tried
// until it is: both is to be seen.
func TestExpiry(t *testing.T) {
	storetest.Each(t, nil, func(t *testing.T, st *store.Store) {
		tries := 0
		r := byRounds(t, st, senderFunc(func(context.Context, *store.Message) error {
			tries++
			return errors.New("not now")
		}))
		late, soon, long := mailTo("late@example.org"), mailTo("soon@example.org"), mailTo("long@example.org")
		late.ExpiresAt = r.now.Add(time.Minute)
		soon.ExpiresAt = r.now.Add(2*longestBackoff + time.Second)
		long.ExpiresAt = r.now.Add(24 * time.Hour)
		r.enqueue(t, late, soon, long)
		r.round(t, Pace{Retries: 5})
		type end struct {
			status, why string
			tries       int
		}
		var got []end
		for _, m := range r.outbox(t) {
			got = append(got, end{m.Status, m.Dispatches[0].Error.Message, len(m.Dispatches)})
		}
		if d := cmp.Diff([]end{
			{store.MessageAbandoned, errExpired.Error(), 1},
			{store.MessageAbandoned, "not now; it is not tried again, because it expires before the next try", 1},
			{store.MessageQueued, "not now", 1},
		}, got, cmp.AllowUnexported(end{})); d != "" || tries != 2 {
			t.Errorf("%d were handed over; (-want +got):\n%s", tries, d)
		}
		if counts := r.Counts(); counts != (Counts{Failed: 3, Abandoned: 2}) {
			t.Errorf("%+v", counts)
		}
	})
}

// TestContentIsRemoved: what a message says is gone with its end, unless it is
// kept for developers; what is tried again keeps it.
func TestContentIsRemoved(t *testing.T) {
	storetest.Each(t, nil, func(t *testing.T, st *store.Store) {
		r := byRounds(t, st, senderFunc(func(_ context.Context, m *store.Message) error {
			if m.Recipient == "ada@example.org" {
				return nil
			}
			return errors.New("not now")
		}))
		left := func() (all []string) {
			for _, m := range r.outbox(t) {
				all = append(all, fmt.Sprintf("%s %t %s", m.Status, len(m.Content) > 0, m.Body))
			}
			return all
		}
		r.enqueue(t, mailTo("ada@example.org"), mailTo("charles@example.org"))
		r.round(t, Pace{Retries: 1})
		if d := cmp.Diff([]string{"sent false ", "queued true 123456"}, left()); d != "" {
			t.Errorf("after the first try (-want +got):\n%s", d)
		}
		r.round(t, Pace{Retries: 1})
		if d := cmp.Diff([]string{"sent false ", "abandoned false "}, left()); d != "" {
			t.Errorf("in the end (-want +got):\n%s", d)
		}
		r.enqueue(t, mailTo("ada@example.org"), mailTo("charles@example.org"))
		r.round(t, Pace{KeepContent: true})
		if d := cmp.Diff([]string{"sent true 123456", "abandoned true 123456"}, left()[2:]); d != "" {
			t.Errorf("where it is kept (-want +got):\n%s", d)
		}
	})
}

// TestRecipientLimit: the worker keeps to the limit, says so, and sends the rest
// later, the oldest first. Codes that were asked for meanwhile are held, and
// replaced, by themselves.
func TestRecipientLimit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		catcher := &Catcher{}
		p := open(t, storetest.Memory(t, nil), Pace{PullCount: 1, PullWait: time.Second, PerRecipient: 3}, catcher)
		for n := range 7 {
			m := mailTo([]string{"ada@example.org", "Ada@Example.Org"}[n%2])
			m.Body, m.Template, m.Notice = fmt.Sprint(n), "password_changed", true
			p.enqueue(t, m)
			m.Body, m.Template, m.Notice = string(rune('a'+n)), "recovery_code_valid", false
			p.enqueue(t, m)
		}
		p.run(t)
		// Those of one hour leave at once, and arrive in any order.
		sent := func() string {
			var all []string
			for _, m := range catcher.Messages() {
				all = append(all, m.Body)
			}
			slices.Sort(all)
			return strings.Join(all, "")
		}
		for after, want := range []string{"012abc", "012345abcg", "0123456abcg"} {
			pass(10 * time.Second)
			synctest.Wait()
			if sent() != want {
				t.Errorf("after %d hours %q were sent, want %q", after, sent(), want)
			}
			for _, m := range p.outbox(t) {
				if m.Status == store.MessageQueued && (m.SendCount != 0 || len(m.Dispatches) != 0) {
					t.Errorf("held: %+v", m)
				}
			}
			pass(time.Hour)
		}
		if n, err := p.store.CountMessages(t.Context(), store.MessageQueued); n != 0 || err != nil {
			t.Errorf("%d wait, %v", n, err)
		}
		if n, err := p.store.CountMessages(t.Context(), store.MessageAbandoned); n != 3 || err != nil {
			t.Errorf("%d codes were replaced, %v", n, err)
		}
		if counts := p.Counts(); counts != (Counts{Sent: 11}) {
			t.Errorf("%+v", counts)
		}
		p.stop()
		if log := p.log.String(); !strings.Contains(log, "courier.recipient_limit") || strings.Contains(strings.ToLower(log), "ada@") {
			t.Errorf("log:\n%s", log)
		}
	})
}

// TestSlowDatabase: a claim that took so long that the other nodes may have the
// message by now is not used.
func TestSlowDatabase(t *testing.T) {
	r := byRounds(t, storetest.Memory(t, nil), &Catcher{})
	r.enqueue(t, mailTo("ada@example.org"))
	claimed, err := r.claim(t.Context(), 1, 0)
	if err != nil || len(claimed) != 1 {
		t.Fatal(claimed, err)
	}
	r.now = r.now.Add(sendTimeout)
	r.try(t.Context(), &claimed[0], Pace{Retries: 5})
	if m := r.only(t); m.Status != store.MessageQueued || !strings.Contains(m.Dispatches[0].Error.Message, "no time left") {
		t.Errorf("%+v", m)
	}
}

// TestSettlingIsTriedAgain: a database that does not write for a moment does not
// make a mail go out twice.
func TestSettlingIsTriedAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		fails := 3
		st := storetest.Memory(t, func(o *store.Options) {
			o.Observe = func(sql string) {
				if strings.Contains(sql, "dispatches = ?") && fails > 0 {
					fails--
					panic("no") // the store makes an error of it
				}
			}
		})
		catcher := &Catcher{}
		p := open(t, st, Pace{PullWait: time.Second}, catcher)
		p.run(t)
		p.enqueue(t, mailTo("ada@example.org"))
		pass(2 * claimTime)
		synctest.Wait()
		if m := p.only(t); m.Status != store.MessageSent || m.SendCount != 1 || len(catcher.Messages()) != 1 || fails != 0 {
			t.Errorf("%+v, sent %d times", m, len(catcher.Messages()))
		}
	})
}
