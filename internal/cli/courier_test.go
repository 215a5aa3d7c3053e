package cli_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"zelus/internal/auth"
	"zelus/internal/cli"
	"zelus/internal/courier"
	"zelus/internal/courier/couriertest"
	"zelus/internal/secret"
	"zelus/internal/store"
)

// mailSecret is the secret under which the tests seal messages.
const mailSecret = "a-default-secret-of-these-tests"

// put writes a mail into the outbox, as a server does.
func put(t *testing.T, st *store.Store, to string) {
	t.Helper()
	keys, err := secret.NewRing(courier.KeyPurpose, []string{mailSecret})
	if err != nil {
		t.Fatal(err)
	}
	outbox := courier.New(courier.Options{Store: st, Clock: time.Now, Logger: slog.New(slog.DiscardHandler), Keys: func() *secret.Ring { return keys }})
	m := courier.Message{Project: auth.DefaultProject, Type: auth.ViaEmail, Template: "recovery_code_valid", Recipient: to, Subject: "Your code", Body: "123456"}
	if err := st.Write(t.Context(), store.Durable, func(tx *store.Tx) error { return outbox.Enqueue(t.Context(), tx, m) }); err != nil {
		t.Fatal(err)
	}
}

// eventually waits until something is so.
func eventually(t *testing.T, what string, so func() bool) {
	t.Helper()
	late := time.NewTimer(time.Minute)
	defer late.Stop()
	again := time.NewTicker(20 * time.Millisecond)
	defer again.Stop()
	for !so() {
		select {
		case <-again.C:
		case <-late.C:
			t.Fatalf("this did not happen within a minute: %s", what)
		}
	}
}

// TestCourierWatch: the process waits for the tables, sends, takes over a change
// of the configuration, tells how much it did, and ends when it is told to.
func TestCourierWatch(t *testing.T) {
	server, other := couriertest.Start(t), couriertest.Start(t)
	path := filepath.Join(t.TempDir(), "zelus.db")
	config := func(uri string) string {
		return strings.Replace(good, "  cookie:", "  default:\n    - "+mailSecret+"\n  cookie:", 1) +
			"dsn: sqlite://" + path + "\ncourier:\n  worker: {pull_wait: 100ms}\n  smtp:\n    connection_uri: " + uri + "\n"
	}
	name := file(t, "kratos.yml", config(server.URI()))
	port := freePort(t)
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	errs, code := &output{}, make(chan int, 1)
	go func() {
		code <- cli.Run(ctx, cli.Process{Args: []string{"courier", "watch", "-c", name, "--expose-metrics-port", port}, In: strings.NewReader(""),
			Out: &bytes.Buffer{}, Err: errs, Clock: time.Now})
	}()
	eventually(t, "the process waits for the tables", func() bool { return strings.Contains(errs.String(), "migrate sql up") })

	st, err := store.Open(t.Context(), store.Options{Dialect: "sqlite", Path: path, Clock: time.Now, Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	defer st.Close()
	if _, err := st.Migrate(t.Context()); err != nil {
		t.Fatal(err)
	}
	put(t, st, "ada@example.org")
	eventually(t, "a mail arrives", func() bool { return len(server.Mails()) == 1 })
	replaceFile(t, name, config(other.URI()))
	eventually(t, "the configuration is in force", func() bool { return strings.Contains(errs.String(), "is in force") })
	put(t, st, "charles@example.org")
	eventually(t, "a mail arrives at the other server", func() bool { return len(other.Mails()) == 1 })

	page := func() string {
		res, err := http.Get("http://127.0.0.1:" + port + "/metrics/prometheus")
		if err != nil {
			t.Fatal(err)
		}
		defer res.Body.Close()
		body, err := io.ReadAll(res.Body)
		if kind := res.Header.Get("Content-Type"); err != nil || res.StatusCode != http.StatusOK || !strings.HasPrefix(kind, "text/plain; version=0.0.4") {
			t.Fatal(res.StatusCode, kind, err)
		}
		return string(body)
	}
	eventually(t, "both are counted", func() bool { return strings.Contains(page(), "\nzelus_courier_messages_sent_total 2\n") })
	for _, want := range []string{"# TYPE zelus_courier_messages_sent_total counter\n", "\nzelus_courier_messages_failed_total 0\n",
		"\nzelus_courier_messages_abandoned_total 0\n", "# TYPE zelus_courier_messages_queued gauge\n", "\nzelus_courier_messages_queued 0\n"} {
		if !strings.Contains(page(), want) {
			t.Errorf("%q is missing in:\n%s", want, page())
		}
	}
	stop()
	select {
	case c := <-code:
		if c != 0 || !strings.Contains(errs.String(), "stopped") {
			t.Errorf("exit code %d:\n%s", c, errs.String())
		}
	case <-time.After(time.Minute):
		t.Fatal("the process does not end")
	}
	if log := errs.String(); strings.Contains(log, "ada@") || strings.Contains(log, "123456") || strings.Contains(log, "s3cret") {
		t.Errorf("the log tells too much:\n%s", log)
	}
}

// TestCourierWatchRefuses: what could never send anything says so at once.
func TestCourierWatchRefuses(t *testing.T) {
	withSecrets := strings.Replace(good, "  cookie:", "  default:\n    - "+mailSecret+"\n  cookie:", 1)
	for _, c := range []struct {
		name, config, want string
		args               []string
	}{
		{"memory", withSecrets + "dsn: memory\n", "in the memory of the server", nil},
		{"development", withSecrets + "dev: true\ndsn: sqlite://{dir}/zelus.db\n", "/dev/mail", nil},
		{"no secrets", strings.Replace(good, "secrets:\n  cookie:\n    - a-secret-of-these-tests-alone\n", "", 1) + "dsn: sqlite://{dir}/zelus.db\n", "the server makes at its first start", nil},
		{"a port that is none", withSecrets + "dsn: sqlite://{dir}/zelus.db\n", "expose-metrics-port", []string{"--expose-metrics-port", "70000"}},
		{"metrics on a socket", strings.Replace(withSecrets, "host: 127.0.0.1\n    port: 4434", "host: unix:/run/zelus.sock", 1) + "dsn: sqlite://{dir}/zelus.db\n", "serve.admin.host is a socket",
			[]string{"--expose-metrics-port", freePort(t)}},
		{"an argument", withSecrets, "unknown command", []string{"all"}},
	} {
		name := file(t, "kratos.yml", strings.ReplaceAll(c.config, "{dir}", t.TempDir()))
		var errs output
		ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second) // it must not run
		code := cli.Run(ctx, cli.Process{Args: append([]string{"courier", "watch", "-c", name}, c.args...), In: strings.NewReader(""),
			Out: &bytes.Buffer{}, Err: &errs, Clock: time.Now})
		cancel()
		if code != 1 || !strings.Contains(errs.String(), c.want) {
			t.Errorf("%s: %d, %s", c.name, code, errs.String())
		}
	}
}

func freePort(t *testing.T) string {
	t.Helper()
	port, _ := ports(t)
	return fmt.Sprint(port)
}

// replaceFile puts a file in the place of another, as editors do.
func replaceFile(t *testing.T, name, text string) {
	t.Helper()
	next := name + ".new"
	if err := os.WriteFile(next, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(next, name); err != nil {
		t.Fatal(err)
	}
}
