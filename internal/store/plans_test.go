package store

import (
	"io"
	"log/slog"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// wholeTables are statements that may read a table from one end to the other,
// each with the reason.
var wholeTables = []string{
	"countIdentities",      // for pages by number: everybody is counted
	"selectIdentityOffset", // the same: the pages before are read
	"selectAdminKeys",      // all of them are wanted
	"selectAnyAdminKey",    // the first one will do
}

// openSQLite opens an SQLite file with empty tables.
func openSQLite(t *testing.T) *Store {
	t.Helper()
	s, err := Open(t.Context(), Options{Dialect: "sqlite", Path: filepath.Join(t.TempDir(), "zelus.db"), Clock: time.Now, Logger: slog.New(slog.NewTextHandler(io.Discard, nil))})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	if _, err := s.Migrate(t.Context()); err != nil {
		t.Fatal(err)
	}
	return s
}

// TestNoTableIsScanned: each statement finds its rows by an index, so that it
// costs the same with a thousand people and with a million. SQLite calls it SCAN
// where it reads a whole table; a SEARCH by nothing but the project is no better.
func TestNoTableIsScanned(t *testing.T) {
	s := openSQLite(t)
	for name, q := range statements(t) {
		rows, err := s.pool.Query("EXPLAIN QUERY PLAN "+s.dialect.render(q), make([]any, strings.Count(string(q), "?"))...)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		var plan []string
		scans := false
		for rows.Next() {
			var id, parent, unused int
			var step string
			if err := rows.Scan(&id, &parent, &unused, &step); err != nil {
				t.Fatal(err)
			}
			plan = append(plan, step)
			for _, table := range []string{"identities", "credentials", "lookups", "sessions", "flows", "errors", "messages", "interruptions", "admin_keys", "lanes", "trusted_devices", "history", "td", "h", "i", "s", "c", "k", "m", "l"} {
				scans = scans || step == "SCAN "+table || strings.HasPrefix(step, "SCAN "+table+" ")
			}
			scans = scans || strings.HasSuffix(step, "(project_id=?)")
		}
		rows.Close()
		if scans != slices.Contains(wholeTables, name) {
			t.Errorf("%s reads a whole table: %v\n%s\n%s", name, scans, q, strings.Join(plan, "\n"))
		}
	}
}
