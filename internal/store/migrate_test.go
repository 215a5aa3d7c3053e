package store

import (
	"context"
	"testing"
)

// MigrateTo takes the steps up to a version, and Exec runs a statement on the tables as
// they are then; for the test of what the steps after it do with rows.
func MigrateTo(t *testing.T, s *Store, version int) {
	t.Helper()
	if _, err := s.migrate(t.Context(), version); err != nil {
		t.Fatal(err)
	}
}

// Exec is described at MigrateTo.
func Exec(t *testing.T, s *Store, statement string, args ...any) {
	t.Helper()
	err := s.Write(t.Context(), Durable, func(tx *Tx) error {
		_, err := tx.exec(context.WithoutCancel(t.Context()), query(statement), args...)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}
