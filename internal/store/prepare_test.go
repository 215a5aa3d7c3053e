package store_test

import (
	"regexp"
	"strings"
	"testing"

	"zelus/internal/store"
	"zelus/internal/store/storetest"
)

func TestEveryStatementIsPrepared(t *testing.T) {
	storetest.Each(t, nil, func(t *testing.T, st *store.Store) { store.PrepareAll(t, st) })
}

// TestEveryRowBelongsToAProject: a column that is missing today cannot be
// added to live data later. Lanes are no data.
func TestEveryRowBelongsToAProject(t *testing.T) {
	st := storetest.Memory(t, nil)
	for _, m := range migrationsOf(t, st) {
		for _, table := range regexp.MustCompile(`(?s)CREATE TABLE (\w+) \((.*?)\n\)`).FindAllStringSubmatch(m.SQL, -1) {
			if table[1] != "projects" && table[1] != "lanes" && !strings.Contains(table[2], "project_id") {
				t.Errorf("the table %s of migration %d has no project_id", table[1], m.Version)
			}
		}
	}
}

func migrationsOf(t *testing.T, st *store.Store) []store.Migration {
	t.Helper()
	all, err := st.Migrations(t.Context())
	if err != nil || len(all) == 0 {
		t.Fatal(len(all), err)
	}
	return all
}
