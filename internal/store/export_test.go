package store

import "testing"

// MigrateTo takes the steps up to a version, for the test of what those after it do with
// rows.
func MigrateTo(t *testing.T, s *Store, version int) {
	t.Helper()
	if _, err := s.migrate(t.Context(), version); err != nil {
		t.Fatal(err)
	}
}

// Exec runs a statement in a transaction of its own.
func Exec(t *testing.T, s *Store, statement string, args ...any) {
	t.Helper()
	err := s.Write(t.Context(), Durable, func(tx *Tx) error {
		_, err := tx.exec(t.Context(), query(statement), args...)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}
