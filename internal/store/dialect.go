package store

import (
	"context"
	"errors"
	"strconv"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5/pgconn"
	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"
)

// dialect is all that differs between databases.
type dialect struct {
	name string
	// types replaces the type tokens of migrations.
	types *strings.Replacer
	// numbered says that arguments are $1, $2, … instead of ?.
	numbered bool
	// forUpdate stands for {for update} at the end of a SELECT whose rows nobody
	// else may change until the transaction ends. SQLite needs nothing: it has one
	// writer.
	forUpdate string
	// skipLocked is appended to a SELECT of work to share out: what another
	// node is taking is passed over. l is the table whose rows are locked.
	// SQLite has no other node.
	skipLocked string
	// unlessThere is appended to an INSERT that does nothing where the row
	// exists already.
	unlessThere string
	// rows is how many rows one INSERT takes at most. A server is asked once for all
	// of them, though not for so many that the number of different statements grows
	// large. SQLite is better asked for each: a statement that could fail after its
	// first row has it keep a copy of every page that it touches.
	rows int
	// lock is run at the beginning of a migration, so that two nodes that
	// start at once do not both migrate.
	lock string
	// tableExists counts the tables of a given name.
	tableExists query
	// readOnly says on where a server takes no changes. SQLite has no such state.
	readOnly query
	// vitals asks for the version, for the database's clock in microseconds since
	// 1970, and for how many connections clients have and may have at most; 0 where
	// there is no such number.
	vitals query
	// id turns an id into what the driver stores.
	id func(uuid.UUID) any
	// reading is the context of a read: a server that hangs must not hold its clients
	// for ever. With an embedded database a read is a matter of microseconds, and is
	// not given up, see prepared.
	reading func(context.Context) (context.Context, context.CancelFunc)
	// conflict says whether an error is a violated uniqueness; retry whether
	// the transaction may simply be run again; down whether the database,
	// rather than the statement, is the problem.
	conflict, retry, down func(error) bool
}

var sqliteDialect = dialect{
	name: "sqlite",
	types: strings.NewReplacer("{id}", "BLOB", "{text}", "TEXT", "{json}", "TEXT", "{bytes}", "BLOB", "{time}", "INTEGER", "{bool}", "INTEGER",
		"{int}", "INTEGER", "{compact}", " WITHOUT ROWID"),
	unlessThere: " ON CONFLICT DO NOTHING",
	rows:        1,
	tableExists: "SELECT COUNT(*) FROM sqlite_master WHERE type = 'table' AND name = ?",
	vitals:      "SELECT sqlite_version(), CAST(unixepoch('subsec') * 1000000 AS INTEGER), 0, 0",
	id:          func(id uuid.UUID) any { return id[:] },
	conflict: func(err error) bool {
		var e *sqlite.Error
		return errors.As(err, &e) && (e.Code() == sqlite3.SQLITE_CONSTRAINT_UNIQUE || e.Code() == sqlite3.SQLITE_CONSTRAINT_PRIMARYKEY)
	},
	reading: func(ctx context.Context) (context.Context, context.CancelFunc) { return ctx, func() {} },
	retry:   func(error) bool { return false },
	down: func(err error) bool {
		var e *sqlite.Error
		if !errors.As(err, &e) {
			return false
		}
		switch e.Code() & 0xff {
		case sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR, sqlite3.SQLITE_READONLY, sqlite3.SQLITE_BUSY, sqlite3.SQLITE_CANTOPEN,
			sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_PERM, sqlite3.SQLITE_PROTOCOL:
			return true
		}
		return false
	},
}

var postgresDialect = dialect{
	name: "postgres",
	types: strings.NewReplacer("{id}", "uuid", "{text}", `text COLLATE "C"`, "{json}", "text", "{bytes}", "bytea", "{time}", "bigint", "{bool}", "boolean",
		"{int}", "bigint", "{compact}", ""),
	numbered:    true,
	forUpdate:   "FOR UPDATE",
	skipLocked:  " FOR UPDATE OF l SKIP LOCKED",
	unlessThere: " ON CONFLICT DO NOTHING",
	rows:        8,
	lock:        "SELECT pg_advisory_xact_lock(7311014612)",
	readOnly:    "SELECT current_setting('transaction_read_only')",
	tableExists: "SELECT COUNT(*) FROM information_schema.tables WHERE table_schema = current_schema() AND table_name = ?",
	vitals: "SELECT current_setting('server_version'), (extract(epoch FROM clock_timestamp()) * 1000000)::bigint, " +
		"(SELECT COUNT(*) FROM pg_stat_activity WHERE datname IS NOT NULL), current_setting('max_connections')::bigint",
	id: func(id uuid.UUID) any { return id.String() },
	reading: func(ctx context.Context) (context.Context, context.CancelFunc) {
		return context.WithTimeout(ctx, readWithin)
	},
	conflict: func(err error) bool { return postgresCode(err) == "23505" },
	retry: func(err error) bool {
		code := postgresCode(err)
		return code == "40001" || code == "40P01"
	},
	down: func(err error) bool {
		code := postgresCode(err)
		if code == "" {
			// Not an answer of the server: the connection is the problem.
			return true
		}
		switch code[:2] {
		case "08", "53", "57", "58":
			return true
		}
		return code == "25006" // read-only
	},
}

// readWithin bounds a read from a database server.
const readWithin = 10 * time.Second

func postgresCode(err error) string {
	var e *pgconn.PgError
	if errors.As(err, &e) {
		return e.Code
	}
	return ""
}

// render turns a portable statement into the dialect's.
func (d *dialect) render(q query) string {
	q = query(strings.ReplaceAll(string(q), "{for update}", d.forUpdate))
	if !d.numbered {
		return string(q)
	}
	var b strings.Builder
	n := 0
	for i := 0; i < len(q); i++ {
		if q[i] != '?' {
			b.WriteByte(q[i])
			continue
		}
		n++
		b.WriteByte('$')
		b.WriteString(strconv.Itoa(n))
	}
	return b.String()
}
