package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"math/rand/v2"
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

// sqliteWriter is the one writer of an SQLite database. Writes that wait for
// it are committed together: sixty-four sign-ins cost one sync.
type sqliteWriter struct {
	store *Store
	pool  *sql.DB
	kept  *prepared
	jobs  chan *job
	ended chan struct{}
	sync  Durability // how the connection is set at present
	// failing says that something could not be written since something was.
	failing atomic.Bool

	mu     sync.RWMutex // guards closed against senders
	closed bool
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

func startWriter(s *Store, pool *sql.DB) *sqliteWriter {
	w := &sqliteWriter{store: s, pool: pool, kept: &prepared{pool: pool, kept: map[string]*sql.Stmt{}},
		jobs: make(chan *job, groupSize), ended: make(chan struct{})}
	if same, ok := s.on.(*prepared); ok && same.pool == pool {
		w.kept = same
	}
	go w.run()
	return w
}

func (w *sqliteWriter) close() {
	w.mu.Lock()
	w.closed = true
	close(w.jobs)
	w.mu.Unlock()
	<-w.ended
	if w.pool != w.store.pool {
		w.pool.Close()
	}
}

func (w *sqliteWriter) write(ctx context.Context, d Durability, f func(*Tx) error) error {
	j := &job{ctx: ctx, d: d, f: f, done: make(chan error, 1)}
	if err := w.queue(ctx, j); err != nil {
		return err
	}
	return <-j.done
}

// queue hands a write to the writer. From then on it is not taken back: a
// client that hangs up must not disturb the group that its write is in.
func (w *sqliteWriter) queue(ctx context.Context, j *job) error {
	w.mu.RLock()
	defer w.mu.RUnlock()
	if w.closed {
		return auth.ErrUnavailable.Because(errors.New("the store is closed"))
	}
	select {
	case w.jobs <- j:
		return nil
	case <-ctx.Done():
		return auth.ErrTimeout.Because(ctx.Err())
	}
}

func (w *sqliteWriter) run() {
	defer close(w.ended)
	for first := range w.jobs {
		group := []*job{first}
	gather:
		for len(group) < groupSize {
			select {
			case j, open := <-w.jobs:
				if !open {
					break gather
				}
				group = append(group, j)
			default:
				break gather
			}
		}
		w.commit(group)
	}
}

// commit runs a group in one transaction, each member in a savepoint of its
// own, and answers all of them once the commit is on disk.
func (w *sqliteWriter) commit(group []*job) {
	results := make([]error, len(group))
	err := w.transact(group, results)
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
	for i, j := range group {
		if err != nil && results[i] == nil {
			results[i] = err
		}
		j.done <- results[i]
	}
}

func (w *sqliteWriter) transact(group []*job, results []error) error {
	ctx := context.Background()
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
		if _, err := w.pool.ExecContext(ctx, "PRAGMA synchronous = "+level); err != nil {
			return w.store.problem("begin", err)
		}
		w.sync = durable
	}
	on, err := w.pool.BeginTx(ctx, nil)
	if err != nil {
		return w.store.problem("begin", err)
	}
	bound := &inTx{prepared: w.kept, tx: on}
	defer func() {
		on.Rollback() // does nothing after a commit
		bound.keep(ctx)
	}()
	for i, j := range group {
		j.tx = &Tx{queries: w.store.queries}
		j.tx.on = bound
		if len(group) == 1 {
			if results[0] = j.run(); results[0] != nil {
				return nil
			}
			break
		}
		if _, err := bound.ExecContext(ctx, "SAVEPOINT one"); err != nil {
			return w.store.problem("savepoint", err)
		}
		results[i] = j.run()
		end := "RELEASE one"
		if results[i] != nil {
			end = "ROLLBACK TO one"
		}
		if _, err := bound.ExecContext(ctx, end); err != nil {
			return w.store.problem("savepoint", err)
		}
	}
	return w.store.problem("commit", on.Commit())
}

// run calls the function; a panic in it must not take the others' writes along.
func (j *job) run() (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("store: a write panicked: %v", p)
		}
	}()
	if err := j.ctx.Err(); err != nil {
		return auth.ErrTimeout.Because(err) // nobody waits for it any more
	}
	return j.f(j.tx)
}

// inTx runs a pool's kept statements in one of its transactions. One that is
// not kept yet is prepared for this transaction, because the pool has no
// second connection to prepare it on, and kept once the transaction is over.
type inTx struct {
	prepared *prepared
	tx       *sql.Tx
	missing  []string
}

func (t *inTx) statement(ctx context.Context, text string) (*sql.Stmt, error) {
	if st := t.prepared.find(text); st != nil {
		return t.tx.StmtContext(ctx, st), nil
	}
	t.missing = append(t.missing, text)
	return t.tx.PrepareContext(ctx, text)
}

func (t *inTx) keep(ctx context.Context) {
	for _, text := range t.missing {
		// A failure here shows when the statement is next used.
		_, _ = t.prepared.statement(ctx, text)
	}
}

// A statement that is cancelled half-way makes SQLite end the transaction, and
// with it the writes of everybody else in the group.
func (t *inTx) ExecContext(ctx context.Context, text string, args ...any) (sql.Result, error) {
	ctx = context.WithoutCancel(ctx)
	st, err := t.statement(ctx, text)
	if err != nil {
		return nil, err
	}
	return st.ExecContext(ctx, args...)
}

func (t *inTx) QueryContext(ctx context.Context, text string, args ...any) (*sql.Rows, error) {
	ctx = context.WithoutCancel(ctx)
	st, err := t.statement(ctx, text)
	if err != nil {
		return nil, err
	}
	return st.QueryContext(ctx, args...)
}
