package store

import (
	"context"
	"database/sql"
	"sync"
)

// preparer is a pool of connections or one of them.
type preparer interface {
	PrepareContext(ctx context.Context, sql string) (*sql.Stmt, error)
}

// prepared runs statements on an embedded database that are prepared once and kept.
// They are not given up once they have begun: one that is cancelled half-way makes
// SQLite end the transaction, and with it the writes of everybody else in the group.
// To watch for it would cost a third of a read besides.
type prepared struct {
	on   preparer
	mu   sync.RWMutex
	kept map[string]*sql.Stmt
}

func newPrepared(on preparer) *prepared { return &prepared{on: on, kept: map[string]*sql.Stmt{}} }

func (p *prepared) find(text string) *sql.Stmt {
	p.mu.RLock()
	defer p.mu.RUnlock()
	return p.kept[text]
}

func (p *prepared) statement(ctx context.Context, text string) (*sql.Stmt, error) {
	if st := p.find(text); st != nil {
		return st, nil
	}
	st, err := p.on.PrepareContext(ctx, text)
	if err != nil {
		return nil, err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if have := p.kept[text]; have != nil {
		st.Close()
		return have, nil
	}
	p.kept[text] = st
	return st, nil
}

func (p *prepared) ExecContext(ctx context.Context, text string, args ...any) (sql.Result, error) {
	ctx = context.WithoutCancel(ctx)
	st, err := p.statement(ctx, text)
	if err != nil {
		return nil, err
	}
	return st.ExecContext(ctx, args...)
}

func (p *prepared) QueryContext(ctx context.Context, text string, args ...any) (*sql.Rows, error) {
	ctx = context.WithoutCancel(ctx)
	st, err := p.statement(ctx, text)
	if err != nil {
		return nil, err
	}
	return st.QueryContext(ctx, args...)
}
