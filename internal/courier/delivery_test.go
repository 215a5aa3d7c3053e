package courier

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"zelus/internal/courier/couriertest"
	"zelus/internal/store"
	"zelus/internal/store/storetest"
)

// rounds lets a courier work in rounds that a test starts, on a clock that it
// moves: each round everything is due.
type rounds struct {
	*post
	now time.Time
}

func byRounds(t *testing.T, st *store.Store, sender Sender) *rounds {
	r := &rounds{post: open(t, st, Pace{}, sender), now: time.Date(2026, 5, 4, 8, 30, 0, 0, time.UTC)}
	r.options.Clock = func() time.Time { return r.now }
	return r
}

// round claims all that is due and tries it, one after the other; the pause
// before is longer than any wait of the courier.
func (r *rounds) round(t *testing.T, pace Pace) (tried int) {
	t.Helper()
	r.now = r.now.Add(2 * longestBackoff)
	for {
		claimed, err := r.claim(t.Context(), 1, pace.PerRecipient)
		if err != nil {
			t.Fatal(err)
		}
		if len(claimed) == 0 {
			return tried
		}
		r.try(t.Context(), &claimed[0], pace)
		tried++
	}
}

// finish is rounds until nothing is left to do.
func (r *rounds) finish(t *testing.T, pace Pace, before func()) {
	t.Helper()
	for range 50 {
		before()
		r.round(t, pace)
		if !slices.ContainsFunc(r.outbox(t), func(m store.Message) bool {
			return m.Status == store.MessageQueued || m.Status == store.MessageProcessing
		}) {
			return
		}
	}
	t.Fatalf("after 50 rounds: %+v", r.outbox(t))
}

// TestEveryStepFails has a mail server fail at each step of a conversation, in
// many ways: for a time, after which each mail has arrived once, and for good,
// after which each is given up and says why. Where a mail was taken and the
// answer is lost, nobody can know; then it comes again, with the same Message-ID.
func TestEveryStepFails(t *testing.T) {
	const (
		later = couriertest.How("451 4.3.0 not now")
		never = couriertest.How("550 5.7.1 not you")
		leave = couriertest.How("421 4.3.2 closing")
	)
	for _, c := range []struct {
		step couriertest.Step
		how  []couriertest.How
		each bool   // the step comes with each mail, not with each connection
		want string // in what is told of the failure
	}{
		{couriertest.Greeting, []couriertest.How{leave, "554 5.7.1 blocked", couriertest.Drop, couriertest.Hang, couriertest.Junk}, false, "greeting"},
		{couriertest.FirstHello, []couriertest.How{couriertest.Drop, couriertest.Hang, leave}, false, "EHLO"},
		{couriertest.FirstHello, []couriertest.How{"250 mail.example.org"}, false, "does not offer STARTTLS"},
		{couriertest.StartTLS, []couriertest.How{later, never, couriertest.Drop, couriertest.Hang, couriertest.Junk}, false, "STARTTLS"},
		{couriertest.Handshake, []couriertest.How{couriertest.Junk}, false, "STARTTLS"},
		{couriertest.Hello, []couriertest.How{couriertest.Drop, couriertest.Hang}, false, "STARTTLS"},
		{couriertest.Auth, []couriertest.How{later, "535 5.7.8 wrong", couriertest.Drop, couriertest.Hang, couriertest.Junk}, false, ""},
		{couriertest.From, []couriertest.How{later, never, leave, couriertest.Drop, couriertest.Hang, couriertest.Junk}, true, "MAIL FROM"},
		{couriertest.To, []couriertest.How{later, never, leave, couriertest.Drop, couriertest.Hang, couriertest.Junk}, true, "RCPT TO"},
		{couriertest.Data, []couriertest.How{later, never, leave, couriertest.Drop, couriertest.Hang, couriertest.Junk}, true, "DATA"},
		{couriertest.Body, []couriertest.How{couriertest.Drop}, true, ""},
		{couriertest.Dot, []couriertest.How{later, never, leave, couriertest.Drop, couriertest.Hang, couriertest.Junk}, true, "the mail"},
		{couriertest.Taken, []couriertest.How{couriertest.Drop, couriertest.Hang}, true, "the mail"},
		{couriertest.Quit, []couriertest.How{never, couriertest.Drop, couriertest.Hang}, false, ""},
	} {
		for _, how := range c.how {
			t.Run(fmt.Sprintf("%s/%.3s", c.step, how), func(t *testing.T) {
				t.Parallel()
				// At first; with the third mail, which comes on the connection of the
				// others; and always.
				failsFor(t, couriertest.Fault{Step: c.step, How: how, Times: 2}, c.want)
				if c.each {
					failsFor(t, couriertest.Fault{Step: c.step, How: how, After: 2, Times: 1}, c.want)
				}
				failsFor(t, couriertest.Fault{Step: c.step, How: how, Times: 1000}, c.want)
			})
		}
	}
}

func failsFor(t *testing.T, fault couriertest.Fault, want string) {
	t.Helper()
	mails, retries := 4, 3
	if fault.How == couriertest.Hang {
		mails, retries = 3, 1 // each failure takes a moment
	}
	server := couriertest.Start(t)
	sender := newSMTP(t, SMTPOptions{ConnectionURI: server.URI()})
	r := byRounds(t, storetest.Memory(t, nil), sender)
	var enqueued []string
	for n := range mails {
		m := mailTo(fmt.Sprintf("%d@example.org", n))
		enqueued = append(enqueued, m.Recipient)
		r.enqueue(t, m)
	}
	server.Fail(fault)
	r.finish(t, Pace{Retries: retries}, func() {
		r.sendTimeout = sendTimeout
		if server.Failing(couriertest.Hang) {
			r.sendTimeout = 300 * time.Millisecond
		}
	})
	sender.Close()

	arrived := map[string][]string{}
	for _, m := range server.Mails() {
		arrived[m.To] = append(arrived[m.To], m.ID)
	}
	always, untold := fault.Times > mails*(retries+1), fault.Step == couriertest.Taken
	failures := 0
	for n, m := range r.outbox(t) {
		ids := arrived[enqueued[n]]
		if slices.ContainsFunc(ids, func(id string) bool { return id != "<"+m.ID.String()+"@example.org>" }) {
			t.Errorf("%s arrived as %q, not by its id", m.ID, ids)
		}
		tries := slices.DeleteFunc(slices.Clone(m.Dispatches), func(d store.Dispatch) bool { return d.Status == store.DispatchSuccess })
		failures += len(tries)
		for _, d := range tries {
			want := want
			if fault.How == couriertest.Hang {
				want = "took too long at "
			}
			if !strings.Contains(d.Error.Message, want) || strings.Contains(d.Error.Message, "s3cret") {
				t.Errorf("%+v: %q says nothing of %q", fault, d.Error.Message, want)
			}
		}
		switch {
		case always && fault.Step != couriertest.Quit:
			if m.Status != store.MessageAbandoned || m.SendCount != retries+1 || len(tries) != retries+1 {
				t.Errorf("%+v: in the end %+v", fault, m)
			}
			if times := map[bool]int{true: retries + 1}[untold]; len(ids) != times {
				t.Errorf("%+v: arrived %d times, want %d", fault, len(ids), times)
			}
		case m.Status != store.MessageSent:
			t.Errorf("%+v: in the end %+v", fault, m)
		case !untold && len(ids) != 1, untold && len(ids) != 1+len(tries):
			t.Errorf("%+v: arrived %d times after %d failures", fault, len(ids), len(tries))
		}
	}
	// A connection that is kept and was closed by the server is no failure, as
	// long as nothing of the mail was said.
	lost := fault.How == couriertest.Drop || fault.How == couriertest.Junk || strings.HasPrefix(string(fault.How), "421")
	unsaid := fault.Step == couriertest.From || fault.Step == couriertest.To || fault.Step == couriertest.Data
	if fault.After > 0 {
		if free := lost && unsaid; free != (failures == 0) {
			t.Errorf("%+v: %d failures were counted", fault, failures)
		}
		if server.Lines() < 2 {
			t.Errorf("%+v: %d connections", fault, server.Lines())
		}
	}
}

// TestMailServerAway: where nobody listens each mail waits, and arrives once
// somebody does, or is given up.
func TestMailServerAway(t *testing.T) {
	server := couriertest.Start(t)
	r := byRounds(t, storetest.Memory(t, nil), newSMTP(t, SMTPOptions{ConnectionURI: server.URI()}))
	r.enqueue(t, mailTo("ada@example.org"))
	server.Down()
	for range 2 {
		r.round(t, Pace{Retries: 3})
	}
	if m := r.only(t); m.Status != store.MessageQueued || len(m.Dispatches) != 2 || !strings.Contains(m.Dispatches[0].Error.Message, "connecting to the mail server") {
		t.Errorf("%+v", m)
	}
	server.Up(t)
	r.round(t, Pace{Retries: 3})
	if m := r.only(t); m.Status != store.MessageSent || len(server.Mails()) != 1 {
		t.Errorf("%+v, %d mails", m, len(server.Mails()))
	}
	server.Down()
	r.enqueue(t, mailTo("charles@example.org"))
	r.finish(t, Pace{Retries: 3}, func() {})
	if m := r.outbox(t)[1]; m.Status != store.MessageAbandoned || len(m.Dispatches) != 4 {
		t.Errorf("%+v", m)
	}
	server.Up(t) // for Down at the end
	if want := (Counts{Sent: 1, Failed: 6, Abandoned: 1}); r.Counts() != want {
		t.Errorf("%+v", r.Counts())
	}
}

// TestConnectionsAreKept: mails go over one connection, not too many of them,
// and none is kept that was not used for a while.
func TestConnectionsAreKept(t *testing.T) {
	server := couriertest.Start(t)
	s := newSMTP(t, SMTPOptions{ConnectionURI: server.URI()})
	for range mailsPerLine + 1 {
		if err := s.Send(t.Context(), &someMail); err != nil {
			t.Fatal(err)
		}
	}
	if server.Lines() != 2 || len(server.Mails()) != mailsPerLine+1 {
		t.Errorf("%d connections, %d mails", server.Lines(), len(server.Mails()))
	}
	s.kept.drop(s.kept.lines[0]) // what its timer does
	if err := s.Send(t.Context(), &someMail); err != nil || server.Lines() != 3 {
		t.Errorf("%d connections, %v", server.Lines(), err)
	}
	s.Close()
	if err := s.Send(t.Context(), &someMail); err != nil || server.Lines() != 4 || len(s.kept.lines) != 0 {
		t.Errorf("%d connections, %d kept, %v", server.Lines(), len(s.kept.lines), err)
	}
	// The server is started anew: what is kept is dead, which nobody notices.
	s = newSMTP(t, SMTPOptions{ConnectionURI: server.URI()})
	if err := s.Send(t.Context(), &someMail); err != nil {
		t.Fatal(err)
	}
	server.Down()
	server.Up(t)
	if err := s.Send(t.Context(), &someMail); err != nil {
		t.Error(err)
	}
}

// tally counts what leaves, by message.
type tally struct {
	mu   sync.Mutex
	sent map[string]int
}

func (c *tally) Send(_ context.Context, m *store.Message) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.sent[m.ID.String()]++
	return nil
}

func (c *tally) total() (n int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, times := range c.sent {
		n += times
	}
	return n
}

// eachOnce has workers send many messages, and sees that each left once.
func eachOnce(t *testing.T, stores ...*store.Store) {
	const messages = 2000
	sender := &tally{sent: map[string]int{}}
	var workers []*post
	for _, st := range stores {
		workers = append(workers, open(t, st, Pace{PullCount: 10, PullWait: shortestWait, Retries: 5}, sender))
	}
	for n := range 20 {
		var batch []Message
		for k := range messages / 20 {
			batch = append(batch, mailTo(fmt.Sprintf("%d@example.org", (n*100+k)%500)))
		}
		workers[0].enqueue(t, batch...)
	}
	for _, w := range workers {
		w.run(t)
	}
	late := time.NewTimer(4 * time.Minute)
	defer late.Stop()
	again := time.NewTicker(20 * time.Millisecond)
	defer again.Stop()
	for sender.total() < messages {
		select {
		case <-again.C:
		case <-late.C:
			t.Fatalf("only %d of %d messages were sent", sender.total(), messages)
		}
	}
	for _, w := range workers {
		w.stop()
	}
	states := map[string]int{}
	for _, m := range workers[0].outbox(t) {
		states[fmt.Sprintf("%s, %d tries, left %d times", m.Status, m.SendCount, sender.sent[m.ID.String()])]++
	}
	if d := cmp.Diff(map[string]int{"sent, 1 tries, left 1 times": messages}, states); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}
	for n, w := range workers {
		if w.Counts().Sent < messages/10 {
			t.Errorf("worker %d sent only %d", n, w.Counts().Sent)
		}
	}
}

func TestManyMessages(t *testing.T) {
	t.Run("sqlite", func(t *testing.T) {
		eachOnce(t, storetest.Memory(t, func(o *store.Options) { o.Memory, o.Path = false, t.TempDir()+"/zelus.db" }))
	})
	t.Run("two nodes", func(t *testing.T) {
		o := storetest.Postgres(t)
		var nodes []*store.Store
		for range 2 {
			st, err := store.Open(t.Context(), o)
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { st.Close() })
			if _, err := st.Migrate(t.Context()); err != nil {
				t.Fatal(err)
			}
			nodes = append(nodes, st)
		}
		eachOnce(t, nodes...)
	})
}
