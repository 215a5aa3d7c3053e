package courier

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"zelus/internal/auth"
	"zelus/internal/secret"
	"zelus/internal/store"
	"zelus/internal/store/storetest"
)

// senderFunc makes a way to send of a function.
type senderFunc func(context.Context, *store.Message) error

func (f senderFunc) Send(ctx context.Context, m *store.Message) error { return f(ctx, m) }

// post is a courier with all around it.
type post struct {
	*Courier
	store *store.Store
	keys  *secret.Ring
	log   *bytes.Buffer // read it after stop
	stop  func()        // ends Run and waits for it
}

// open makes a courier that sends with one sender and does not run yet.
func open(t *testing.T, st *store.Store, pace Pace, sender Sender) *post {
	t.Helper()
	p := &post{store: st, log: &bytes.Buffer{}, stop: func() {}, keys: ring(t, "a-secret-of-these-tests")}
	p.Courier = New(Options{Store: st, Clock: time.Now, Logger: slog.New(slog.NewJSONHandler(p.log, nil)), Pace: func() Pace { return pace },
		Keys: func() *secret.Ring { return p.keys },
		Sender: func(channel string) Sender {
			if channel != auth.ViaEmail {
				return nil
			}
			return sender
		}})
	return p
}

// ring makes keys of secrets, the newest first.
func ring(t *testing.T, secrets ...string) *secret.Ring {
	t.Helper()
	keys, err := secret.NewRing(KeyPurpose, secrets)
	if err != nil {
		t.Fatal(err)
	}
	return keys
}

func (p *post) run(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		p.Run(ctx)
	}()
	p.stop = sync.OnceFunc(func() {
		cancel()
		<-ended
	})
	t.Cleanup(p.stop)
}

// pass lets time pass in a bubble of synctest, where that takes none.
func pass(d time.Duration) { <-time.After(d) }

func mailTo(recipient string) Message {
	return Message{Project: auth.DefaultProject, Type: auth.ViaEmail, Template: "recovery_code_valid", Recipient: recipient, Subject: "Your code", Body: "123456"}
}

// enqueue writes messages, without waking the worker.
func (p *post) enqueue(t *testing.T, all ...Message) {
	t.Helper()
	err := p.store.Write(t.Context(), store.Durable, func(tx *store.Tx) error {
		for _, m := range all {
			if err := p.Enqueue(t.Context(), tx, m); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

// outbox lists all messages, oldest first.
func (p *post) outbox(t *testing.T) []store.Message {
	t.Helper()
	all, err := p.Messages(t.Context(), store.MessageFilter{}, store.PageKey{}, 5000)
	if err != nil {
		t.Fatal(err)
	}
	slices.Reverse(all)
	return all
}

func (p *post) only(t *testing.T) store.Message {
	t.Helper()
	all := p.outbox(t)
	if len(all) != 1 {
		t.Fatalf("%d messages are in the outbox", len(all))
	}
	return all[0]
}

// smtpIn is a sender to a server in memory.
func smtpIn(t *testing.T, server *mailServer) *SMTP {
	return newSMTP(t, SMTPOptions{ConnectionURI: "smtp://localhost/?disable_starttls=true", Dial: server.dial})
}

// TestWake: the worker looks a moment after it was told to, and else by itself.
func TestWake(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		server := &mailServer{}
		p := open(t, storetest.Memory(t, nil), Pace{PullCount: 10, PullWait: time.Hour, Retries: 5}, smtpIn(t, server))
		p.run(t)
		synctest.Wait()
		p.enqueue(t, mailTo("ada@example.org"))
		p.Wake()
		pass(wakeDelay / 2)
		synctest.Wait()
		if len(server.mails()) != 0 {
			t.Error("the message left before the answer of who asked for it")
		}
		pass(wakeDelay + wakeSpread)
		synctest.Wait()
		began := time.Now()
		if m := p.only(t); m.Status != store.MessageSent || m.SendCount != 1 || len(m.Dispatches) != 1 || m.Dispatches[0].Status != store.DispatchSuccess {
			t.Errorf("%+v", m)
		}
		if len(server.mails()) != 1 || !strings.Contains(server.mails()[0].content, "123456") {
			t.Errorf("arrived: %+v", server.mails())
		}

		// Without a call the worker finds the next one by itself.
		p.enqueue(t, mailTo("charles@example.org"))
		synctest.Wait()
		if len(server.mails()) != 1 {
			t.Error("the worker looked before its time")
		}
		pass(time.Hour)
		synctest.Wait()
		if len(server.mails()) != 2 || time.Since(began) != time.Hour {
			t.Errorf("after %s: %+v", time.Since(began), server.mails())
		}

		// Nothing of a message but its id and template is logged.
		p.stop()
		log := p.log.String()
		for _, secret := range []string{"ada", "charles", "Your code", "123456"} {
			if strings.Contains(log, secret) {
				t.Errorf("%q is in the log:\n%s", secret, log)
			}
		}
		if m := p.outbox(t)[0]; !strings.Contains(log, m.ID.String()) || !strings.Contains(log, m.Template) {
			t.Errorf("the log does not name the message:\n%s", log)
		}
	})
}

// TestGivesUp: a message that is refused is tried again, with growing pauses,
// and then abandoned.
func TestGivesUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		server := &mailServer{answers: map[string]string{"RCPT": "550 5.1.1 ada@example.org is not here"}}
		p := open(t, storetest.Memory(t, nil), Pace{PullCount: 10, PullWait: time.Second, Retries: 5}, smtpIn(t, server))
		p.run(t)
		p.enqueue(t, mailTo("ada@example.org"))
		pass(time.Hour)
		synctest.Wait()
		m := p.only(t)
		if m.Status != store.MessageAbandoned || m.SendCount != 6 || len(m.Dispatches) != 6 || strings.Count(server.said(), "RCPT") != 6 {
			t.Fatalf("%+v\n%s", m, server.said())
		}
		pause := firstBackoff
		for i := len(m.Dispatches) - 1; i > 0; i-- {
			d := m.Dispatches[i]
			if d.Status != store.DispatchFailed || d.Error.Message != "the mail server localhost:587 answered RCPT TO with 550 5.1.1" || d.MessageID != m.ID {
				t.Errorf("dispatch: %+v, %+v", d, d.Error)
			}
			// The worker looks once a second, so it may be that much late.
			if took := m.Dispatches[i-1].CreatedAt.Sub(d.CreatedAt); took < pause/2 || took > pause+2*time.Second {
				t.Errorf("try after %s, not after half to all of %s", took, pause)
			}
			pause *= 3
		}
		p.stop()
		if log := p.log.String(); strings.Contains(log, "ada@") || !strings.Contains(log, "550 5.1.1") || strings.Count(log, "given up") != 1 {
			t.Errorf("log:\n%s", log)
		}
	})
}

func TestRecovers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var tries int
		catcher := &Catcher{}
		p := open(t, storetest.Memory(t, nil), Pace{PullCount: 1, Retries: 2}, senderFunc(func(ctx context.Context, m *store.Message) error {
			switch tries++; tries {
			case 1:
				panic(m.Body)
			case 2:
				<-ctx.Done() // the server is silent
				return ctx.Err()
			}
			return catcher.Send(ctx, m)
		}))
		p.run(t)
		p.enqueue(t, mailTo("ada@example.org"))
		pass(time.Hour)
		synctest.Wait()
		m := p.only(t)
		if m.Status != store.MessageSent || m.SendCount != 3 || len(m.Dispatches) != 3 || len(catcher.Messages()) != 1 {
			t.Fatalf("%+v", m)
		}
		if d := m.Dispatches[1]; d.UpdatedAt.Sub(d.CreatedAt) != sendTimeout {
			t.Errorf("the silent server was waited for %s", d.UpdatedAt.Sub(d.CreatedAt))
		}
		p.stop()
		if log := p.log.String(); strings.Contains(log, "123456") || !strings.Contains(log, "panicked") {
			t.Errorf("log:\n%s", log)
		}
	})
}

// TestCrash: what a node had in its hands when it ended is sent by the next
// one, but not for ever.
func TestCrash(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		server := &mailServer{}
		p := open(t, storetest.Memory(t, nil), Pace{PullCount: 10, PullWait: time.Second, Retries: 1}, smtpIn(t, server))
		crash := func() {
			claimed, err := p.claim(t.Context(), 10, 0)
			if err != nil || len(claimed) == 0 {
				t.Fatalf("claimed %v, %v", claimed, err)
			}
		}
		p.enqueue(t, mailTo("poison@example.org"))
		crash()
		pass(claimTime)
		p.enqueue(t, mailTo("ada@example.org"))
		crash()

		began := time.Now()
		p.run(t)
		synctest.Wait()
		if len(server.mails()) != 0 {
			t.Error("sent while another node has it")
		}
		pass(2 * claimTime)
		synctest.Wait()
		all := p.outbox(t)
		if all[1].Status != store.MessageSent || all[1].SendCount != 2 || all[1].Dispatches[0].CreatedAt.Sub(began) < claimTime {
			t.Errorf("the message of the lost node: %+v", all[1])
		}
		if all[0].Status != store.MessageAbandoned || len(server.mails()) != 1 || !strings.Contains(all[0].Dispatches[0].Error.Message, "stopped while") {
			t.Errorf("the message that ends nodes: %+v, %+v", all[0], server.mails())
		}
	})
}

func TestNoSenderForChannel(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := open(t, storetest.Memory(t, nil), Pace{}, nil)
		p.run(t)
		m := mailTo("+41791234567")
		m.Type = auth.ViaSMS
		p.enqueue(t, m)
		pass(time.Minute)
		synctest.Wait()
		if m := p.only(t); m.Status != store.MessageAbandoned || m.SendCount != 1 || m.Dispatches[0].Error.Message != "no way to send is configured for the channel sms" {
			t.Errorf("%+v", m)
		}
	})
}

// TestFewAtOnce: many messages are all sent, some at a time, and one that
// hangs does not hold up the others.
func TestFewAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var mu sync.Mutex
		busy, most := 0, 0
		p := open(t, storetest.Memory(t, nil), Pace{PullCount: 100, PullWait: time.Hour}, senderFunc(func(ctx context.Context, m *store.Message) error {
			mu.Lock()
			busy++
			most = max(most, busy)
			mu.Unlock()
			if m.Recipient == "0@example.org" {
				<-ctx.Done()
			} else {
				pass(time.Second)
			}
			mu.Lock()
			busy--
			mu.Unlock()
			return ctx.Err()
		}))
		for i := range 31 {
			p.enqueue(t, mailTo(fmt.Sprintf("%d@example.org", i)))
		}
		p.run(t)
		pass(10*time.Second + time.Millisecond) // 30 by three at a time
		synctest.Wait()
		counts := map[string]int{}
		for _, m := range p.outbox(t) {
			counts[m.Status]++
		}
		if d := cmp.Diff(map[string]int{store.MessageSent: 30, store.MessageProcessing: 1}, counts); d != "" || most != concurrency {
			t.Errorf("%d at once; (-want +got):\n%s", most, d)
		}
	})
}

// TestStop: what is under way is finished, nothing else is begun.
func TestStop(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		catcher := &Catcher{}
		p := open(t, storetest.Memory(t, nil), Pace{PullCount: 1, PullWait: time.Second}, senderFunc(func(ctx context.Context, m *store.Message) error {
			pass(10 * time.Second)
			return errors.Join(ctx.Err(), catcher.Send(ctx, m))
		}))
		p.enqueue(t, mailTo("first@example.org"))
		p.run(t)
		synctest.Wait()
		p.enqueue(t, mailTo("second@example.org"))
		p.stop()
		if all := p.outbox(t); all[0].Status != store.MessageSent || all[1].Status != store.MessageQueued || all[1].SendCount != 0 {
			t.Errorf("%+v", all)
		}
	})
}

// TestDatabaseTrouble: the worker outlives a database that does not answer,
// and does not ask it all the time.
func TestDatabaseTrouble(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		st, err := store.Open(t.Context(), store.Options{Dialect: "sqlite", Memory: true, Clock: time.Now, Logger: slog.New(slog.DiscardHandler)})
		if err != nil {
			t.Fatal(err)
		}
		p := open(t, st, Pace{PullCount: 1, PullWait: time.Second}, nil) // the tables were never made
		p.run(t)
		pass(10 * time.Minute)
		p.stop()
		if err := st.Close(); err != nil {
			t.Error(err)
		}
		// 1, 2, 4, 8, 16, 32 and 60 seconds and so on.
		if n := strings.Count(p.log.String(), "the outbox cannot be read"); n < 14 || n > 16 {
			t.Errorf("it was tried %d times", n)
		}
	})
}

// TestEveryDatabase: a message that is not committed is not sent, and one that
// is goes out by mail.
func TestEveryDatabase(t *testing.T) {
	storetest.Each(t, nil, func(t *testing.T, st *store.Store) {
		server := &mailServer{}
		sent := make(chan string, 10)
		smtp := smtpIn(t, server)
		p := open(t, st, Pace{PullCount: 10, PullWait: time.Hour}, senderFunc(func(ctx context.Context, m *store.Message) error {
			defer func() { sent <- m.Recipient }()
			return smtp.Send(ctx, m)
		}))
		undone := errors.New("undone")
		if err := st.Write(t.Context(), store.Durable, func(tx *store.Tx) error {
			return errors.Join(p.Enqueue(t.Context(), tx, mailTo("nobody@example.org")), undone)
		}); !errors.Is(err, undone) {
			t.Fatal(err)
		}
		p.run(t)
		p.enqueue(t, mailTo("ada@example.org"), mailTo("charles@example.org"))
		p.Wake()
		var got []string
		late := time.After(20 * time.Second)
		for range 2 {
			select {
			case recipient := <-sent:
				got = append(got, recipient)
			case <-late:
				t.Fatalf("only %q were sent", got)
			}
		}
		p.stop()
		slices.Sort(got)
		if d := cmp.Diff([]string{"ada@example.org", "charles@example.org"}, got); d != "" || len(server.mails()) != 2 {
			t.Errorf("%d mails arrived; (-want +got):\n%s", len(server.mails()), d)
		}
		for _, m := range p.outbox(t) {
			if m.Status != store.MessageSent {
				t.Errorf("%+v", m)
			}
		}
	})
}

func TestEnqueueRefuses(t *testing.T) {
	p := open(t, storetest.Memory(t, nil), Pace{}, nil)
	email := func(recipient string) Message { return mailTo(recipient) }
	sms := func(recipient string) Message {
		return Message{Project: auth.DefaultProject, Type: auth.ViaSMS, Template: "login_code_valid", Recipient: recipient, Body: "123456"}
	}
	large := mailTo("ada@example.org")
	large.Body = strings.Repeat("x", maxContent)
	fax := mailTo("ada@example.org")
	fax.Type = "fax"
	for _, c := range []struct {
		message   Message
		ok        bool
		recipient bool // the error is ErrRecipient
	}{
		{email("ada@example.org"), true, false},
		{email("o'brien+tag@example.org"), true, false},
		{email("ada..l.@docomo.example"), true, false},
		{email("zoë@bücher.example"), true, false},
		{email(""), false, true},
		{email("ada"), false, true},
		{email("@example.org"), false, true},
		{email("ada@"), false, true},
		{email("ada@a@example.org"), false, true},
		{email("Ada <ada@example.org>"), false, true},
		{email("ada@example.org,eve@example.org"), false, true},
		{email("ada@example.org\r\nBcc: eve@example.org"), false, true},
		{email("ada\u2028@example.org"), false, true},
		{email("ada\xff@example.org"), false, true},
		{email(strings.Repeat("a", 400) + "@example.org"), false, true},
		{sms("+41791234567"), true, false},
		{sms("(079) 123 45-67"), true, false},
		{sms(""), false, true},
		{sms("+"), false, true},
		{sms("ada@example.org"), false, true},
		{sms("+4179\n1234567"), false, true},
		{sms(strings.Repeat("1", 33)), false, true},
		{large, false, false},
		{fax, false, false},
	} {
		err := p.store.Write(t.Context(), store.Durable, func(tx *store.Tx) error { return p.Enqueue(t.Context(), tx, c.message) })
		if (err == nil) != c.ok || errors.Is(err, ErrRecipient) != c.recipient {
			t.Errorf("%.60q: %v", c.message.Recipient, err)
		}
		if err != nil && (strings.Contains(err.Error(), "ada") || strings.Contains(err.Error(), "xxx")) {
			t.Errorf("the error repeats the message: %.200v", err)
		}
	}
}

// TestEnqueueCleans: a template may be given anything by a person; what no
// database keeps and no header holds must not keep the message from leaving.
func TestEnqueueCleans(t *testing.T) {
	storetest.Each(t, nil, func(t *testing.T, st *store.Store) {
		p := open(t, st, Pace{}, nil)
		m := mailTo("ada@example.org")
		m.Subject, m.Body, m.HTML = "\n Your\r\n code\x00 ", "a\x00b\xffc\n", "<p>\x00</p>"
		p.enqueue(t, m)
		got := p.only(t)
		if d := cmp.Diff([]string{"Your code\uFFFD", "a\uFFFDb\uFFFDc\n", "<p>\uFFFD</p>"}, []string{got.Subject, got.Body, got.HTML}); d != "" {
			t.Errorf("(-want +got):\n%s", d)
		}
	})
}

func TestBackoff(t *testing.T) {
	for tries, most := range map[int]time.Duration{1: 5 * time.Second, 2: 15 * time.Second, 5: 405 * time.Second, 6: longestBackoff, 1 << 40: longestBackoff} {
		for range 100 {
			if d := backoff(tries); d > most || d < most/2 {
				t.Fatalf("after %d tries %s, not half to all of %s", tries, d, most)
			}
		}
	}
}
