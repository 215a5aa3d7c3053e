package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/google/uuid"

	"zelus/internal/auth"
	"zelus/internal/secret"
)

// query is a statement in portable SQL with ? for arguments; see dialect for
// {for update}.
type query string

// rows is an INSERT for n rows at once: its one tuple is repeated.
func (q query) rows(n int) query {
	if n == 1 {
		return q
	}
	at := strings.LastIndex(string(q), "(")
	tuple := string(q[at:])
	return q + query(strings.Repeat(", "+tuple, n-1))
}

// Errors of this package. Callers turn them into what they mean to people.
var (
	// ErrNotFound says that there is no such row.
	ErrNotFound = errors.New("store: no such row")
	// ErrConflict says that a value that must be unique exists already.
	ErrConflict = errors.New("store: the value exists already")
)

// runner runs statements on a pool, on one connection, or in a transaction.
type runner interface {
	ExecContext(ctx context.Context, sql string, args ...any) (sql.Result, error)
	QueryContext(ctx context.Context, sql string, args ...any) (*sql.Rows, error)
}

// queries has every reading method. It is embedded in Store and in Tx.
type queries struct {
	on      runner
	dialect *dialect
	texts   *sync.Map // query → string, rendered once
	observe func(string)
	ring    *atomic.Pointer[secret.Ring] // of credentials, see sealed.go
	// memory keeps reads of a database in memory and its writer apart: there SQLite has no
	// log beside which to read, and has readers ask again and again. nil elsewhere, and in
	// a transaction, which has it.
	memory *sync.RWMutex
}

func (q *queries) text(s query) string {
	if q.observe != nil {
		q.observe(string(s))
	}
	if have, ok := q.texts.Load(s); ok {
		return have.(string)
	}
	text := q.dialect.render(s)
	q.texts.Store(s, text)
	return text
}

// exec runs a statement and says how many rows it changed.
func (q *queries) exec(ctx context.Context, s query, args ...any) (int, error) {
	done, err := q.on.ExecContext(ctx, q.text(s), q.arguments(args)...)
	if err != nil {
		return 0, q.problem(s, err)
	}
	n, err := done.RowsAffected()
	return int(n), q.problem(s, err)
}

// each runs a SELECT and calls scan for every row.
func (q *queries) each(ctx context.Context, s query, scan func(scanner) error, args ...any) error {
	ctx, cancel := q.dialect.reading(ctx)
	defer cancel()
	if q.memory != nil {
		q.memory.RLock()
		defer q.memory.RUnlock()
	}
	rows, err := q.on.QueryContext(ctx, q.text(s), q.arguments(args)...)
	if err != nil {
		return q.problem(s, err)
	}
	defer rows.Close()
	for rows.Next() {
		if err := scan(rows); err != nil {
			return q.problem(s, err)
		}
	}
	return q.problem(s, rows.Err())
}

// one runs a SELECT for one row; ErrNotFound where there is none.
func (q *queries) one(ctx context.Context, s query, args []any, into ...any) error {
	found := false
	err := q.each(ctx, s, func(rows scanner) error {
		found = true
		return rows.Scan(into...)
	}, args...)
	if err == nil && !found {
		return ErrNotFound
	}
	return err
}

// problem sorts an error: a conflict, a database that is gone, or a mistake of ours.
func (q *queries) problem(s query, err error) error {
	switch {
	case err == nil:
		return nil
	case q.dialect.conflict(err):
		return fmt.Errorf("%w: %w", ErrConflict, err)
	case q.dialect.retry(err):
		return err
	case errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		return auth.ErrTimeout.Because(err)
	case q.dialect.down(err):
		return auth.ErrUnavailable.Because(err)
	}
	verb, _, _ := strings.Cut(strings.TrimSpace(string(s)), "\n")
	return fmt.Errorf("store: %s: %w", verb, err)
}

// arguments turns Go values into what the driver stores.
func (q *queries) arguments(args []any) []any {
	for i, a := range args {
		switch v := a.(type) {
		case uuid.UUID:
			args[i] = q.dialect.id(v)
		case uuid.NullUUID:
			args[i] = nil
			if v.Valid {
				args[i] = q.dialect.id(v.UUID)
			}
		case time.Time:
			args[i] = v.UnixMicro()
		case *time.Time:
			args[i] = nil
			if v != nil {
				args[i] = v.UnixMicro()
			}
		case auth.Packed:
			args[i] = string(v)
		case auth.Devices:
			args[i] = string(v)
		case auth.AMRs:
			args[i] = string(v)
		case auth.State:
			args[i] = string(v)
		case auth.AAL:
			args[i] = string(v)
		case auth.Kind:
			args[i] = string(v)
		case auth.CredentialType:
			args[i] = string(v)
		}
	}
	return args
}

// instant reads a time that is stored as microseconds since 1970.
type instant struct{ into *time.Time }

func (i instant) Scan(value any) error {
	n, ok := value.(int64)
	if !ok {
		return fmt.Errorf("a time is stored as %T", value)
	}
	*i.into = time.UnixMicro(n).UTC()
	return nil
}

// perhaps reads a time that may be NULL, which is nil.
type perhaps struct{ into **time.Time }

func (p perhaps) Scan(value any) error {
	*p.into = nil
	if value == nil {
		return nil
	}
	*p.into = new(time.Time)
	return instant{*p.into}.Scan(value)
}

// optional turns an empty string into NULL.
func optional(s string) any {
	if s == "" {
		return nil
	}
	return s
}

// scanner is the current row of a result.
type scanner interface{ Scan(into ...any) error }
