package store

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"zelus/internal/auth"
)

// together makes writes in one group, in any order, and gives what became of each; a
// panic is an error here. meanwhile runs once all of them wait.
func together(t *testing.T, st *Store, meanwhile func(), ctx func(n int) context.Context, writes ...func(*Tx) error) []error {
	t.Helper()
	w := st.writer
	w.turn <- struct{}{}
	var all sync.WaitGroup
	results := make([]error, len(writes))
	for n, f := range writes {
		all.Go(func() {
			defer func() {
				if p := recover(); p != nil {
					results[n] = fmt.Errorf("panic: %v", p)
				}
			}()
			results[n] = st.Write(ctx(n), Durable, f)
		})
	}
	waiting := func() int {
		w.mu.Lock()
		defer w.mu.Unlock()
		return len(w.waiting)
	}
	late, again := time.After(time.Minute), time.NewTicker(time.Millisecond)
	defer again.Stop()
	for waiting() < len(writes) {
		select {
		case <-late:
			t.Fatalf("%d of %d writes wait", waiting(), len(writes))
		case <-again.C:
		}
	}
	meanwhile()
	<-w.turn
	all.Wait()
	return results
}

// TestAbandonedWrite: a write whose context is over before its turn comes is not
// made, and the others of its group are made as if it had not been there: once.
func TestAbandonedWrite(t *testing.T) {
	st := openSQLite(t)
	hung, hangUp := context.WithCancel(t.Context())
	var made [5]int
	writes := make([]func(*Tx) error, len(made))
	for n := range writes {
		writes[n] = func(tx *Tx) error {
			made[n]++
			_, err := tx.exec(t.Context(), "DELETE FROM flows")
			return err
		}
	}
	results := together(t, st, hangUp, func(n int) context.Context {
		if n == 2 {
			return hung
		}
		return t.Context()
	}, writes...)
	for n, err := range results {
		if n == 2 && (made[n] != 0 || !errors.Is(err, auth.ErrTimeout)) || n != 2 && (made[n] != 1 || err != nil) {
			t.Errorf("write %d was made %d times: %v", n, made[n], err)
		}
	}
}

// TestWriterPanics: whatever goes wrong after a group was written, everybody in it is
// told, and the next write is made.
func TestWriterPanics(t *testing.T) {
	st := openSQLite(t)
	nothing := func(*Tx) error { return nil }
	results := together(t, st, func() {}, func(int) context.Context { return t.Context() }, nothing, func(tx *Tx) error {
		tx.After(func() { panic("afterwards") })
		return nil
	}, nothing)
	panicked := 0
	for n, err := range results {
		switch {
		case err != nil && strings.HasPrefix(err.Error(), "panic: "):
			panicked++
		case err != nil: // its write is on disk
			t.Errorf("write %d: %v", n, err)
		}
	}
	if panicked != 1 {
		t.Errorf("%d saw the panic: %v", panicked, results)
	}
	if err := st.Write(t.Context(), Durable, nothing); err != nil {
		t.Errorf("the next write: %v", err)
	}
}

// TestFullGroup: where one write fills the disk, SQLite takes the whole group back, and
// all of it is told that there is no room.
func TestFullGroup(t *testing.T) {
	st := openSQLite(t)
	if _, err := st.writer.conn.ExecContext(t.Context(), "PRAGMA max_page_count = 1"); err != nil { // no more than there are
		t.Fatal(err)
	}
	small := func(tx *Tx) error {
		_, err := tx.exec(t.Context(), "DELETE FROM flows")
		return err
	}
	results := together(t, st, func() {}, func(int) context.Context { return t.Context() }, small, small, func(tx *Tx) error {
		_, err := tx.exec(t.Context(), insertFlow, []byte("id"), []byte("project"), "login", false, 0, strings.Repeat("x", 1<<20))
		return err
	}, small)
	for n, err := range results {
		if err != nil && !errors.Is(err, auth.ErrUnavailable) {
			t.Errorf("write %d: %v", n, err)
		}
	}
	if !errors.Is(results[2], auth.ErrUnavailable) {
		t.Errorf("what does not fit: %v", results[2])
	}
	if err := st.Write(t.Context(), Durable, small); err != nil {
		t.Errorf("the next write: %v", err)
	}
}
