package store

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"zelus/internal/auth"
)

// TestAbandonedWrite: a write whose context is over before its turn comes is not
// made, and the others of its group are made as if it had not been there: once.
func TestAbandonedWrite(t *testing.T) {
	st := openSQLite(t)
	w := st.writer
	w.turn <- struct{}{}
	const group = 5
	ctx, hangUp := context.WithCancel(t.Context())
	var all sync.WaitGroup
	var cancelled, others atomic.Int32
	write := func(ctx context.Context, made *atomic.Int32, want error) {
		all.Go(func() {
			err := st.Write(ctx, Durable, func(tx *Tx) error {
				made.Add(1)
				_, err := tx.exec(ctx, "DELETE FROM flows")
				return err
			})
			if !errors.Is(err, want) {
				t.Errorf("%v, want %v", err, want)
			}
		})
	}
	for range group - 1 {
		write(t.Context(), &others, nil)
	}
	write(ctx, &cancelled, auth.ErrTimeout)
	waiting := func() int {
		w.mu.Lock()
		defer w.mu.Unlock()
		return len(w.waiting)
	}
	late, again := time.After(time.Minute), time.NewTicker(time.Millisecond)
	defer again.Stop()
	for waiting() < group {
		select {
		case <-late:
			t.Fatalf("%d of %d writes wait", waiting(), group)
		case <-again.C:
		}
	}
	hangUp()
	<-w.turn
	all.Wait()
	if cancelled.Load() != 0 || others.Load() != group-1 {
		t.Errorf("the cancelled write was made %d times, the %d others %d times", cancelled.Load(), group-1, others.Load())
	}
}
