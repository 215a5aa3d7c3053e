package storetest

import (
	"context"
	"io"
	"log/slog"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"zelus/internal/store"
)

// Each runs a test on every kind of database. change, where not nil, may
// adjust the options before the database is opened.
func Each(t *testing.T, change func(*store.Options), run func(*testing.T, *store.Store)) {
	t.Helper()
	EachOptions(t, func(t *testing.T, o store.Options) {
		if change != nil {
			change(&o)
		}
		run(t, open(t, o))
	})
}

// EachOptions is Each for a test that opens the database itself, and makes its tables.
func EachOptions(t *testing.T, run func(*testing.T, store.Options)) {
	t.Helper()
	for name, options := range map[string]func(*testing.T) store.Options{"memory": memory, "sqlite": file, "postgres": Postgres} {
		t.Run(name, func(t *testing.T) { run(t, options(t)) })
	}
}

// Memory opens an empty SQLite database in memory.
func Memory(t testing.TB, change func(*store.Options)) *store.Store {
	t.Helper()
	o := base()
	o.Dialect, o.Memory = "sqlite", true
	if change != nil {
		change(&o)
	}
	return open(t, o)
}

func memory(*testing.T) store.Options {
	o := base()
	o.Dialect, o.Memory = "sqlite", true
	return o
}

func file(t *testing.T) store.Options {
	o := base()
	o.Dialect, o.Path = "sqlite", filepath.Join(t.TempDir(), "zelus.db")
	return o
}

// Postgres makes an empty schema of its own on the test server.
func Postgres(t *testing.T) store.Options {
	t.Helper()
	server := os.Getenv("ZELUS_TEST_POSTGRES")
	if server == "" {
		if os.Getenv("ZELUS_TEST_REQUIRE") != "" {
			t.Fatal("ZELUS_TEST_POSTGRES is not set; run the tests with `make test`")
		}
		t.Skip("PostgreSQL is tested with `make test` (ZELUS_TEST_POSTGRES is not set)")
	}
	ctx := context.Background()
	conn, err := pgx.Connect(ctx, server)
	if err != nil {
		t.Fatal(err)
	}
	schema := "t_" + strings.ReplaceAll(uuid.NewString(), "-", "")
	if _, err := conn.Exec(ctx, "CREATE SCHEMA "+schema); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if _, err := conn.Exec(ctx, "DROP SCHEMA "+schema+" CASCADE"); err != nil {
			t.Error(err)
		}
		conn.Close(ctx)
	})
	u, err := url.Parse(server)
	if err != nil {
		t.Fatal(err)
	}
	q := u.Query()
	q.Set("search_path", schema)
	u.RawQuery = q.Encode()
	o := base()
	o.Dialect, o.URL, o.MaxConns = "postgres", u.String(), 8
	return o
}

func base() store.Options {
	return store.Options{Clock: time.Now, Logger: slog.New(slog.NewTextHandler(io.Discard, nil))}
}

// Secret is what the credentials in a test's database are encrypted under.
const Secret = "the secret of databases in tests"

func open(t testing.TB, o store.Options) *store.Store {
	t.Helper()
	st, err := store.Open(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := st.Close(); err != nil {
			t.Error(err)
		}
	})
	if _, err := st.Migrate(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := st.Configure([]string{Secret}); err != nil {
		t.Fatal(err)
	}
	return st
}
