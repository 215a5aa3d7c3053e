package store

import (
	"context"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"math"
	"path"
	"slices"
	"strconv"
	"strings"

	"zelus/internal/auth"
)

//go:embed migrations/*.sql
var migrations embed.FS

// Migration is one forward step of the tables.
type Migration struct {
	Version int
	Name    string
	Applied bool
	SQL     string // for this database
}

const (
	selectVersions query = "SELECT version FROM schema_migrations ORDER BY version"
	insertVersion  query = "INSERT INTO schema_migrations (version, name, applied_at) VALUES (?, ?, ?)"
	insertProject  query = "INSERT INTO projects (id, created_at) VALUES (?, ?)"
)

// createVersions is what migrations themselves need.
const createVersions = "CREATE TABLE schema_migrations (version {int} NOT NULL PRIMARY KEY, name {text} NOT NULL, applied_at {time} NOT NULL)"

// Migrations lists all steps and says which are done; ErrNewer where more are.
func (s *Store) Migrations(ctx context.Context) ([]Migration, error) {
	return s.queries.migrations(ctx)
}

func (q *queries) migrations(ctx context.Context) ([]Migration, error) {
	done := map[int]bool{}
	exists, err := q.exists(ctx, "schema_migrations")
	if err != nil {
		return nil, err
	}
	if exists {
		var version int
		if err := q.each(ctx, selectVersions, func(r scanner) error {
			err := r.Scan(&version)
			done[version] = true
			return err
		}); err != nil {
			return nil, err
		}
	}
	names, err := fs.Glob(migrations, "migrations/*.sql")
	if err != nil {
		return nil, err
	}
	var all []Migration
	for _, file := range names {
		number, name, ok := strings.Cut(strings.TrimSuffix(path.Base(file), ".sql"), "_")
		version, err := strconv.Atoi(number)
		if !ok || err != nil {
			return nil, fmt.Errorf("store: the migration %s is not called NUMBER_NAME.sql", file)
		}
		text, err := migrations.ReadFile(file)
		if err != nil {
			return nil, err
		}
		all = append(all, Migration{Version: version, Name: name, Applied: done[version], SQL: q.dialect.types.Replace(string(text))})
		delete(done, version)
	}
	if len(done) > 0 {
		return nil, fmt.Errorf("%w: migration %d is not known here", ErrNewer, slices.Max(slices.Collect(maps.Keys(done))))
	}
	return all, nil
}

func (q *queries) exists(ctx context.Context, table string) (bool, error) {
	var n int
	err := q.one(ctx, q.dialect.tableExists, []any{table}, &n)
	return n > 0, err
}

// Migrate takes every step that is not done, all in one transaction, and says
// which ones it took.
func (s *Store) Migrate(ctx context.Context) (taken []Migration, err error) {
	return s.migrate(ctx, math.MaxInt)
}

// migrate is Migrate up to a version.
func (s *Store) migrate(ctx context.Context, last int) (taken []Migration, err error) {
	err = s.Write(ctx, Durable, func(tx *Tx) error {
		taken = nil
		if s.dialect.lock != "" {
			if _, err := tx.on.ExecContext(ctx, s.dialect.lock); err != nil {
				return tx.problem("lock", err)
			}
		}
		all, err := tx.migrations(ctx)
		if err != nil {
			return err
		}
		exists, err := tx.exists(ctx, "schema_migrations")
		if err != nil {
			return err
		}
		if !exists {
			if err := tx.script(ctx, s.dialect.types.Replace(createVersions)); err != nil {
				return err
			}
		}
		for _, m := range all {
			if m.Applied || m.Version > last {
				continue
			}
			if err := tx.script(ctx, m.SQL); err != nil {
				return fmt.Errorf("migration %d (%s): %w", m.Version, m.Name, err)
			}
			now := auth.Now(s.options.Clock())
			if _, err := tx.exec(ctx, insertVersion, m.Version, m.Name, now); err != nil {
				return err
			}
			if m.Version == 1 {
				if _, err := tx.exec(ctx, insertProject, auth.DefaultProject, now); err != nil {
					return err
				}
			}
			taken = append(taken, m)
		}
		return nil
	})
	return taken, err
}

// ErrPending says that the tables are older than this program.
var ErrPending = errors.New("the database has pending migrations; run `zelus migrate sql up`")

// ErrNewer says that the tables are newer than this program.
var ErrNewer = errors.New("the tables of the database were made by a newer version of zelus; run that version, or restore the backup from before")

// Ready says whether the database answers and its tables are up to date. Newer ones are
// no reason to stop: another node has been given a newer program, and this one's turn
// comes.
func (s *Store) Ready(ctx context.Context) error {
	all, err := s.Migrations(ctx)
	if err != nil && !errors.Is(err, ErrNewer) {
		return err
	}
	for _, m := range all {
		if !m.Applied {
			return ErrPending
		}
	}
	return s.Ping(ctx) // last, because it writes to a table
}

// script runs several statements that take no arguments.
func (tx *Tx) script(ctx context.Context, text string) error {
	for _, statement := range strings.Split(withoutComments(text), ";") {
		if strings.TrimSpace(statement) == "" {
			continue
		}
		if _, err := tx.on.ExecContext(ctx, statement); err != nil {
			return tx.problem(query(statement), err)
		}
	}
	return nil
}

func withoutComments(text string) string {
	var b strings.Builder
	for line := range strings.Lines(text) {
		if !strings.HasPrefix(strings.TrimSpace(line), "--") {
			b.WriteString(line)
		}
	}
	return b.String()
}
