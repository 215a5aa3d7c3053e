package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"net/url"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/jackc/pgx/v5/stdlib"
	_ "modernc.org/sqlite" // the driver

	"zelus/internal/auth"
	"zelus/internal/secret"
)

// Options say which database to open and how.
type Options struct {
	// Dialect is sqlite or postgres.
	Dialect string
	// Path is the file of an SQLite database; Memory keeps it in memory only.
	Path   string
	Memory bool
	// URL is a PostgreSQL connection string.
	URL string
	// Cores is how many readers an embedded database has, and half of the
	// connections to a server that are used where MaxConns does not say.
	// 0 means as many as Go uses.
	Cores int
	// MaxConns bounds the pool of a database server; 0 means twice the cores.
	MaxConns        int
	MaxConnLifetime time.Duration
	MaxConnIdleTime time.Duration
	// Clock and Logger are handed in by the caller.
	Clock  func() time.Time
	Logger *slog.Logger
	// Observe, where set, is told every statement before it runs. Tests count with it.
	Observe func(sql string)
}

// Store is the database. It is safe for concurrent use.
type Store struct {
	queries
	options Options
	pool    *sql.DB
	pgx     *pgxpool.Pool
	writer  *sqliteWriter // SQLite only

	listener atomic.Pointer[func([]uuid.UUID)]
	hearing  atomic.Bool
	stop     context.CancelFunc
	done     sync.WaitGroup
}

// Open connects. It neither creates tables nor waits for a server to appear;
// see Migrate and Ping.
func Open(ctx context.Context, o Options) (*Store, error) {
	if o.Cores <= 0 {
		o.Cores = runtime.GOMAXPROCS(0)
	}
	s := &Store{options: o}
	s.texts, s.observe, s.ring = &sync.Map{}, o.Observe, &atomic.Pointer[secret.Ring]{}
	background, cancel := context.WithCancel(context.WithoutCancel(ctx))
	s.stop = cancel
	var err error
	switch o.Dialect {
	case "sqlite":
		err = s.openSQLite(ctx)
	case "postgres":
		err = s.openPostgres(background)
	default:
		err = fmt.Errorf("the database %q is not one of sqlite and postgres", o.Dialect)
	}
	if err != nil {
		cancel()
		return nil, err
	}
	return s, nil
}

// Close waits for writes under way and disconnects.
func (s *Store) Close() error {
	s.stop()
	if s.writer != nil {
		s.writer.close()
	}
	s.done.Wait()
	err := s.pool.Close()
	if s.pgx != nil {
		s.pgx.Close()
	}
	return err
}

// Dialect is the name of the database in use.
func (s *Store) Dialect() string { return s.dialect.name }

// What Ping asks. The first writes nothing, the second a page.
const (
	pingWriter query = "UPDATE projects SET created_at = created_at WHERE id IS NULL"
	pingDisk   query = "UPDATE projects SET created_at = created_at"
)

// leastSpace is how much room an embedded database needs on its disk to be of
// use, in bytes. A little more than nothing is soon nothing.
const leastSpace = 1 << 20

// Ping asks the database whether it is there and can be written to.
func (s *Store) Ping(ctx context.Context) error {
	if s.writer != nil {
		if free, known := freeSpace(s.options.Path); known && free < leastSpace {
			return auth.ErrUnavailable.Because(fmt.Errorf("the disk of the database is full: %d KB are free", free>>10))
		}
		failing, ping := s.writer.failing.Load(), pingWriter
		if failing {
			ping = pingDisk // is there room again?
		}
		err := s.Write(ctx, Volatile, func(tx *Tx) error {
			_, err := tx.exec(ctx, ping)
			return err
		})
		if failing && err == nil {
			s.writer.failing.Store(false)
		}
		return err
	}
	var readOnly string
	if err := s.one(ctx, s.dialect.readOnly, nil, &readOnly); err != nil {
		return err
	}
	if readOnly == "on" {
		return auth.ErrUnavailable.Because(errors.New("the database takes no changes at present"))
	}
	return nil
}

func (s *Store) openSQLite(ctx context.Context) error {
	s.dialect = &sqliteDialect
	options := url.Values{"_pragma": {"foreign_keys(1)", "busy_timeout(10000)", "temp_store(MEMORY)"}}
	if !s.options.Memory {
		if err := os.MkdirAll(filepath.Dir(s.options.Path), 0o700); err != nil {
			return fmt.Errorf("the folder of the database cannot be made: %w", err)
		}
		if err := ownFile(s.options.Path); err != nil {
			return err
		}
		options["_pragma"] = append(options["_pragma"], "journal_mode(WAL)", "synchronous(NORMAL)")
	}
	name := "file:" + (&url.URL{Path: s.options.Path}).EscapedPath()
	if s.options.Memory {
		// All connections to this name see the same database, until the last is closed.
		name = "file:/" + uuid.NewString()
		options.Set("vfs", "memdb")
		s.memory = new(sync.RWMutex)
	}
	open := func(connections int, more ...string) (*sql.DB, error) {
		options := maps.Clone(options)
		options["_pragma"] = slices.Concat(options["_pragma"], more)
		pool, err := sql.Open("sqlite", name+"?"+options.Encode())
		if err != nil {
			return nil, fmt.Errorf("the database %s cannot be opened: %w", s.options.Path, err)
		}
		pool.SetMaxOpenConns(connections)
		pool.SetMaxIdleConns(connections)
		return pool, nil
	}
	// Room for the inner pages of the trees of a million people: without it every
	// look-up reads each level anew.
	const cache = "cache_size(-16384)"
	// A page that is written often should be taken over from the log (of 16 MiB) into the
	// file once.
	writing, err := open(1, cache, "wal_autocheckpoint(4096)")
	if err != nil {
		return err
	}
	// Its connection is the first: it makes the file and sets the journal's mode.
	if s.writer, err = newWriter(ctx, s, writing); err != nil {
		writing.Close()
		return fmt.Errorf("the database %s cannot be opened: %w", s.options.Path, err)
	}
	if s.pool, err = open(s.options.Cores, cache); err != nil {
		s.writer.close()
		return err
	}
	s.on = newPrepared(s.pool)
	s.hearing.Store(true)
	return nil
}

// ownFile makes the file of a new database, so that nobody else on the machine
// can read it; SQLite gives its companions the same rights.
func ownFile(path string) error {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return fmt.Errorf("the database cannot be opened: %w", err)
	}
	return f.Close()
}

func (s *Store) openPostgres(ctx context.Context) error {
	s.dialect = &postgresDialect
	config, err := pgxpool.ParseConfig(s.options.URL)
	if err != nil {
		return fmt.Errorf("the PostgreSQL address in dsn cannot be read: %s", withoutPassword(err))
	}
	config.MaxConns = int32(max(2, 2*s.options.Cores))
	if s.options.MaxConns > 0 {
		config.MaxConns = int32(s.options.MaxConns)
	}
	if s.options.MaxConnLifetime > 0 {
		config.MaxConnLifetime = s.options.MaxConnLifetime
	}
	if s.options.MaxConnIdleTime > 0 {
		config.MaxConnIdleTime = s.options.MaxConnIdleTime
	}
	if s.pgx, err = pgxpool.NewWithConfig(ctx, config); err != nil {
		return fmt.Errorf("PostgreSQL cannot be reached: %w", err)
	}
	s.pool = stdlib.OpenDBFromPool(s.pgx)
	s.on = s.pool
	s.done.Add(1)
	go func() {
		defer s.done.Done()
		s.hear(ctx, config.ConnConfig)
	}()
	return nil
}

// withoutPassword keeps a parser's complaint from printing the address it was given.
func withoutPassword(err error) string {
	text := err.Error()
	if at := strings.LastIndex(text, "`: "); at >= 0 {
		return text[at+3:]
	}
	return "it is not of the form postgres://user:password@host:5432/database"
}

// hear listens for changes that other nodes announce, and says by Hearing
// whether it does. After a gap the listener is told that everything may have
// changed (nil).
func (s *Store) hear(ctx context.Context, config *pgx.ConnConfig) {
	for wait := 100 * time.Millisecond; ctx.Err() == nil; wait = min(2*wait, 5*time.Second) {
		conn, err := pgx.ConnectConfig(ctx, config.Copy())
		if err == nil {
			if _, err = conn.Exec(ctx, "LISTEN "+channel); err == nil {
				s.tell(nil)
				s.hearing.Store(true)
				wait = 100 * time.Millisecond
				err = s.follow(ctx, conn)
				s.hearing.Store(false)
				s.tell(nil)
			}
			conn.Close(context.WithoutCancel(ctx))
		}
		if ctx.Err() != nil {
			return
		}
		s.options.Logger.Warn("changes made by other nodes cannot be heard; sessions are read from the database until they can", "error", err)
		select {
		case <-ctx.Done():
		case <-time.After(wait):
		}
	}
}

// silence is how long the listening connection may say nothing before it is
// asked whether it is still there, and how long it may take to say so. So a
// node that is cut off answers from memory for twice this long at most.
const silence = 2 * time.Second

// follow passes announcements on until the connection fails.
func (s *Store) follow(ctx context.Context, conn *pgx.Conn) error {
	for {
		waiting, cancel := context.WithTimeout(ctx, silence)
		n, err := conn.WaitForNotification(waiting)
		idle := waiting.Err() != nil && ctx.Err() == nil
		cancel()
		if idle {
			// A connection that died silently does not answer.
			asking, cancel := context.WithTimeout(ctx, silence)
			err := conn.Ping(asking)
			cancel()
			if err != nil {
				return err
			}
			continue
		}
		if err != nil {
			return err
		}
		var ids []uuid.UUID
		for _, text := range strings.Split(n.Payload, ",") {
			if id, err := uuid.Parse(text); err == nil {
				ids = append(ids, id)
			}
		}
		s.tell(ids)
	}
}

// Listen sets who is told, after each commit, which identities have changed
// in a way that a session check would notice. nil means: any of them.
func (s *Store) Listen(f func(identities []uuid.UUID)) { s.listener.Store(&f) }

// Hearing says whether changes made on other nodes are heard. While they are
// not, nothing may be answered from memory.
func (s *Store) Hearing() bool { return s.hearing.Load() }

func (s *Store) tell(ids []uuid.UUID) {
	if f := s.listener.Load(); f != nil {
		(*f)(ids)
	}
}
