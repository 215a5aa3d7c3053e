package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/google/uuid"

	"zelus/internal/auth"
)

// Durability says what a write must have survived before it is acknowledged.
type Durability bool

const (
	// Durable: power loss. For identities, credentials, sessions, codes, keys and mail.
	Durable Durability = true
	// Volatile: the end of the process, but not of the machine. For what its
	// client can simply start again, flows and errors, or does again by itself,
	// such as the use of a key.
	Volatile Durability = false
)

// channel is where PostgreSQL nodes tell each other what has changed.
const channel = "zelus_changes"

// Tx is a transaction. Besides the reading methods it has the writing ones.
type Tx struct {
	queries
	changed []uuid.UUID
	after   []func()
}

// After has something done once the transaction is committed, and not before:
// somebody woken who then looks for what was written.
func (tx *Tx) After(f func()) { tx.after = append(tx.after, f) }

// Changed notes that what a session check says of these identities may be
// different after this transaction.
func (tx *Tx) Changed(identities ...uuid.UUID) { tx.changed = append(tx.changed, identities...) }

// Write runs f in a transaction and commits it if f returns nil. f may be run
// again and must do nothing but SQL, quickly: on an embedded database
// everybody else's writes wait for it. When Write returns nil the change is as
// durable as asked for, and no session check on this node answers from before it.
func (s *Store) Write(ctx context.Context, d Durability, f func(*Tx) error) error {
	if s.writer != nil {
		return s.writer.write(ctx, d, f)
	}
	return s.transact(ctx, d, f)
}

// transact is Write on a database server.
func (s *Store) transact(ctx context.Context, d Durability, f func(*Tx) error) error {
	for try := 1; ; try++ {
		tx, err := s.attempt(ctx, d, f)
		if err == nil {
			s.committed(tx)
			return nil
		}
		if !s.dialect.retry(err) {
			return err
		}
		if try == 6 {
			return auth.ErrUnavailable.Because(err)
		}
		// Wait a little, at random, so that the two that met do not meet again.
		select {
		case <-ctx.Done():
			return auth.ErrTimeout.Because(ctx.Err())
		case <-time.After(time.Duration(rand.IntN(5<<try)) * time.Millisecond):
		}
	}
}

// committed tells everybody else what a transaction has done.
func (s *Store) committed(all ...*Tx) {
	var changed []uuid.UUID
	for _, tx := range all {
		changed = append(changed, tx.changed...)
	}
	if len(changed) > 0 {
		s.tell(changed)
	}
	for _, tx := range all {
		for _, f := range tx.after {
			f()
		}
	}
}

func (s *Store) attempt(ctx context.Context, d Durability, f func(*Tx) error) (*Tx, error) {
	on, err := s.pool.BeginTx(ctx, nil)
	if err != nil {
		return nil, s.problem("begin", err)
	}
	defer on.Rollback() // does nothing after a commit
	tx := &Tx{queries: s.queries}
	tx.on = on
	if err := f(tx); err != nil {
		return nil, err
	}
	if len(tx.changed) > 0 {
		if err := tx.announce(ctx); err != nil {
			return nil, err
		}
	}
	if d == Volatile {
		if _, err := on.ExecContext(ctx, "SET LOCAL synchronous_commit = off"); err != nil {
			return nil, s.problem("commit", err)
		}
	}
	return tx, s.problem("commit", on.Commit())
}

// announce tells the other nodes, at the commit. A notification carries up to
// 8,000 bytes; ids take 37 each.
func (tx *Tx) announce(ctx context.Context) error {
	for at := 0; at < len(tx.changed); at += 200 {
		ids := tx.changed[at:min(at+200, len(tx.changed))]
		texts := make([]string, len(ids))
		for i, id := range ids {
			texts[i] = id.String()
		}
		if _, err := tx.on.ExecContext(ctx, "SELECT pg_notify('"+channel+"', $1)", strings.Join(texts, ",")); err != nil {
			return tx.problem("notify", err)
		}
	}
	return nil
}

// sqliteWriter makes the writes of an SQLite database, which takes one at a time.
// Whoever comes while nobody writes does it at once, without a goroutine of its own
// to wake; those who come meanwhile wait, and the next of them to get the turn
// commits all that wait together: sixty-four sign-ins cost one sync.
type sqliteWriter struct {
	store *Store
	pool  *sql.DB   // of this one connection
	conn  *sql.Conn // kept for good, with its statements
	on    *prepared
	turn  chan struct{} // full while somebody writes
	sync  Durability    // how the connection is set at present
	// failing says that something could not be written since something was.
	failing atomic.Bool

	mu      sync.Mutex
	waiting []*job
	closed  bool
}

type job struct {
	ctx  context.Context
	d    Durability
	f    func(*Tx) error
	tx   *Tx
	done chan error
}

// groupSize bounds how many writes one commit takes.
const groupSize = 128

func newWriter(ctx context.Context, s *Store, pool *sql.DB) (*sqliteWriter, error) {
	conn, err := pool.Conn(ctx)
	if err != nil {
		return nil, err
	}
	return &sqliteWriter{store: s, pool: pool, conn: conn, on: newPrepared(conn), turn: make(chan struct{}, 1)}, nil
}

// close has those who wait already write, and nobody after them.
func (w *sqliteWriter) close() {
	w.mu.Lock()
	w.closed = true
	w.mu.Unlock()
	w.turn <- struct{}{}
	for w.next() {
	}
	<-w.turn
	w.conn.Close()
	w.pool.Close()
}

// write is not given up once it waits: a client that hangs up must not disturb
// the group that its write is in.
func (w *sqliteWriter) write(ctx context.Context, d Durability, f func(*Tx) error) error {
	j := &job{ctx: ctx, d: d, f: f, done: make(chan error, 1)}
	w.mu.Lock()
	if w.closed {
		w.mu.Unlock()
		return auth.ErrUnavailable.Because(errors.New("the store is closed"))
	}
	w.waiting = append(w.waiting, j)
	w.mu.Unlock()
	for {
		select {
		case err := <-j.done:
			return err
		case w.turn <- struct{}{}:
			w.lead()
		}
	}
}

// lead has the next group written, and gives the turn back whatever happens.
func (w *sqliteWriter) lead() {
	defer func() { <-w.turn }()
	w.next()
}

// next commits those who wait, up to the size of a group, and says whether there
// were any. Who calls it has the turn.
func (w *sqliteWriter) next() bool {
	w.mu.Lock()
	n := min(len(w.waiting), groupSize)
	group := slices.Clone(w.waiting[:n])
	w.waiting = slices.Delete(w.waiting, 0, n)
	w.mu.Unlock()
	if n == 0 {
		return false
	}
	w.commit(group)
	return true
}

// commit runs a group in one transaction and answers all of them once the commit is
// on disk. Whatever happens, nobody is left without an answer.
func (w *sqliteWriter) commit(group []*job) {
	results, err := make([]error, len(group)), errUnfinished
	defer func() {
		for i, j := range group {
			if results[i] == nil {
				results[i] = err
			}
			j.done <- results[i]
		}
	}()
	err = w.transact(group, results)
	if err := errors.Join(append(results, err)...); errors.Is(err, auth.ErrUnavailable) {
		w.failing.Store(true)
	} else if err == nil && w.sync == Durable {
		w.failing.Store(false) // such a group has something to write
	}
	if err == nil {
		var done []*Tx
		for i, j := range group {
			if results[i] == nil {
				done = append(done, j.tx)
			}
		}
		w.store.committed(done...)
	}
}

var errUnfinished = errors.New("store: the writer stopped half-way")

// transact makes the writes of a group in one transaction; results has what became
// of each. They are tried without savepoints first, because to keep what pages were
// like costs as much as half of the writes, and hardly any write fails. If one does,
// all of it is taken back and tried again, each in a savepoint of its own.
func (w *sqliteWriter) transact(group []*job, results []error) error {
	durable := Volatile
	for _, j := range group {
		durable = durable || j.d
	}
	if durable != w.sync && !w.store.options.Memory {
		// FULL syncs the log at every commit, NORMAL at checkpoints only.
		level := "NORMAL"
		if durable {
			level = "FULL"
		}
		// Not kept: SQLite obeys this when it is prepared.
		if _, err := w.conn.ExecContext(context.Background(), "PRAGMA synchronous = "+level); err != nil {
			return w.store.problem("begin", err)
		}
		w.sync = durable
	}
	all, err := w.attempt(group, results, false)
	if !all && err == nil && len(group) > 1 {
		_, err = w.attempt(group, results, true)
	}
	return err
}

// attempt is one such transaction. Without savepoints the first write that fails
// ends it, and nothing was written; false says so.
func (w *sqliteWriter) attempt(group []*job, results []error, savepoints bool) (bool, error) {
	ctx := context.Background()
	if memory := w.store.memory; memory != nil {
		memory.Lock()
		defer memory.Unlock()
	}
	if _, err := w.on.ExecContext(ctx, "BEGIN IMMEDIATE"); err != nil {
		return false, w.store.problem("begin", err)
	}
	committed := false
	defer func() {
		if !committed {
			// Where that fails, SQLite has rolled back by itself.
			_, _ = w.on.ExecContext(ctx, "ROLLBACK")
		}
	}()
	for i, j := range group {
		// Nobody waits for it any more. It writes nothing, so nothing is taken back.
		if err := j.ctx.Err(); err != nil {
			results[i] = auth.ErrTimeout.Because(err)
			continue
		}
		j.tx = &Tx{queries: w.store.queries}
		j.tx.on, j.tx.memory = w.on, nil
		if !savepoints {
			if results[i] = j.run(); results[i] != nil {
				return false, nil
			}
			continue
		}
		if _, err := w.on.ExecContext(ctx, "SAVEPOINT one"); err != nil {
			return false, w.store.problem("savepoint", err)
		}
		results[i] = j.run()
		end := "RELEASE one"
		if results[i] != nil {
			end = "ROLLBACK TO one"
		}
		if _, err := w.on.ExecContext(ctx, end); err != nil {
			if results[i] != nil {
				return false, results[i] // such that SQLite has taken everything back: a full disk
			}
			return false, w.store.problem("savepoint", err)
		}
	}
	_, err := w.on.ExecContext(ctx, "COMMIT")
	committed = err == nil
	return true, w.store.problem("commit", err)
}

// run calls the function; a panic in it must not take the others' writes along.
func (j *job) run() (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("store: a write panicked: %v", p)
		}
	}()
	return j.f(j.tx)
}
