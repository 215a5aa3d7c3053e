package doctor_test

import (
	"encoding/base64"
	"io"
	"log/slog"
	"net"
	"testing"
	"time"

	"zelus/internal/app"
	"zelus/internal/store"
)

func encode(text string) string { return base64.StdEncoding.EncodeToString([]byte(text)) }

func schema(text string) []any {
	return []any{map[string]any{"id": "default", "url": "base64://" + encode(text)}}
}

// migrate makes the tables.
func migrate(t *testing.T, dsn string) {
	t.Helper()
	st, err := app.Open(t.Context(), dsn, store.Options{Cores: 1, Clock: time.Now, Logger: slog.New(slog.NewTextHandler(io.Discard, nil))})
	if err != nil {
		t.Fatal(err)
	}
	defer st.Close()
	if _, err := st.Migrate(t.Context()); err != nil {
		t.Fatal(err)
	}
}

// closedPort is a port of this machine at which nobody listens.
func closedPort(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	_, port, err := net.SplitHostPort(l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	return port
}
