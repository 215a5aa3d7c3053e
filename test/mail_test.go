package test

import (
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"zelus/internal/auth"
	"zelus/internal/courier"
	"zelus/internal/courier/couriertest"
	"zelus/internal/secret"
	"zelus/internal/store"
	"zelus/test/server"
)

// TestKilledWhileSending kills the server with SIGKILL while it sends mail, at
// any moment, and once between that the mail server has taken a mail and that it
// could say so. Each mail arrives; one that arrives again has the same Message-ID.
// It takes a minute, for which what the killed server had claimed is kept for it.
func TestKilledWhileSending(t *testing.T) {
	if testing.Short() {
		t.Skip("this test starts and kills a server: not in short mode")
	}
	const mails, kills = 400, 3
	inbox := couriertest.Start(t)
	s := server.Start(t, mailConfig(t, inbox.URI()))
	outbox, st := outboxOf(t, s)
	inbox.Fail(couriertest.Fault{Step: couriertest.Taken, How: couriertest.Hang, After: 20, Times: 1})
	for n := range mails {
		m := courier.Message{Project: auth.DefaultProject, Type: auth.ViaEmail, Template: "recovery_code_valid", Recipient: fmt.Sprintf("%d@example.org", n),
			Subject: "Your code", Body: "123456"}
		if err := st.Write(t.Context(), store.Durable, func(tx *store.Tx) error { return outbox.Enqueue(t.Context(), tx, m) }); err != nil {
			t.Fatal(err)
		}
	}
	for n := range kills {
		before := len(inbox.Mails())
		await(t, "mail arrives", func() bool { return len(inbox.Mails()) >= before+30+7*n })
		s.Kill(t)
		s.Again(t)
	}
	states := map[string]int{}
	await(t, "all is sent", func() bool {
		all, err := outbox.Messages(t.Context(), store.MessageFilter{}, store.PageKey{}, mails+1)
		if err != nil {
			t.Fatal(err)
		}
		clear(states)
		for _, m := range all {
			states[m.Status]++
		}
		return states[store.MessageSent] == mails
	})
	ids, again := map[string]string{}, 0
	for _, m := range inbox.Mails() {
		switch first, known := ids[m.To]; {
		case !known:
			ids[m.To] = m.ID
		case first == m.ID:
			again++
		default:
			t.Errorf("one mail arrived as %s and as %s", first, m.ID)
		}
	}
	if len(ids) != mails || len(states) != 1 {
		t.Errorf("%d of %d mails arrived; they are %v", len(ids), mails, states)
	}
	// What was taken without an answer, and at each kill what was in flight.
	if again < 1 || again > 1+4*kills {
		t.Errorf("%d mails arrived again", again)
	}
	t.Logf("%d mails, %d kills: all arrived, %d of them twice with the same Message-ID", mails, kills, again)
}

// mailConfig is the smallest configuration, with a mail server.
func mailConfig(t *testing.T, uri string) string {
	t.Helper()
	source, err := filepath.Abs("testdata")
	if err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile("testdata/basic.yml")
	if err != nil {
		t.Fatal(err)
	}
	name := filepath.Join(t.TempDir(), "mail.yml")
	config := strings.ReplaceAll(string(text), "{{.Source}}", source) + "\ncourier:\n  smtp:\n    connection_uri: \"" + uri + "\"\n  worker:\n    pull_wait: 200ms\n"
	if err := os.WriteFile(name, []byte(config), 0o600); err != nil {
		t.Fatal(err)
	}
	return name
}

// outboxOf is the outbox of a server with an embedded database, as another
// process has it.
func outboxOf(t *testing.T, s *server.Server) (*courier.Courier, *store.Store) {
	t.Helper()
	st, err := store.Open(t.Context(), store.Options{Dialect: "sqlite", Path: filepath.Join(s.Dir, "zelus.sqlite"), Clock: time.Now, Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { st.Close() })
	keys, err := secret.NewRing(courier.KeyPurpose, []string{"a-default-secret-that-only-tests-use"})
	if err != nil {
		t.Fatal(err)
	}
	return courier.New(courier.Options{Store: st, Clock: time.Now, Logger: slog.New(slog.DiscardHandler), Keys: func() *secret.Ring { return keys }}), st
}

// await waits until something is so.
func await(t *testing.T, what string, so func() bool) {
	t.Helper()
	again := time.NewTicker(50 * time.Millisecond)
	defer again.Stop()
	late := time.NewTimer(3 * time.Minute)
	defer late.Stop()
	for !so() {
		select {
		case <-again.C:
		case <-late.C:
			t.Fatalf("this did not happen within three minutes: %s", what)
		}
	}
}
