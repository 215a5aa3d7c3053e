package app

import (
	"context"
	"errors"
	"fmt"
	"log"
	"log/slog"
	"net/url"
	"slices"
	"sync/atomic"
	"time"

	"zelus/internal/config"
	"zelus/internal/courier"
	"zelus/internal/jsonnet"
	"zelus/internal/secret"
	"zelus/internal/store"
)

// base is what the server and the process that only sends mail have in common:
// the configuration, the database and the outbox.
type base struct {
	options Options
	live    *config.Live
	logger  *slog.Logger
	proxy   func(*url.URL) (*url.URL, error)
	store   *store.Store
	courier *courier.Courier
	jsonnet *jsonnet.Pool
	now     atomic.Pointer[prepared] // the configuration in force
}

// begin reads the configuration and connects to the database.
func begin(ctx context.Context, o Options) (*base, error) {
	live, err := config.NewLive(o.Config)
	if err != nil {
		return nil, err
	}
	c := live.Now()
	b := &base{options: o, live: live, logger: newLogger(o.Log, c), proxy: proxies(o.Config.Environ)}
	b.jsonnet = newJsonnet(o.Jsonnet, o.Cores, b.logger)
	first, err := prepare(ctx, c, b.proxy, b.jsonnet)
	if err != nil {
		b.jsonnet.Close()
		return nil, c.Blame(err)
	}
	for _, w := range slices.Concat(live.Warnings(), first.warnings) {
		b.logger.Warn(w.String())
	}
	b.now.Store(first)
	if b.store, err = b.openStore(ctx, c); err != nil {
		b.jsonnet.Close()
		return nil, err
	}
	return b, nil
}

// close lets go of what begin took.
func (b *base) close() error {
	b.now.Load().close()
	b.jsonnet.Close()
	return b.store.Close()
}

// Config is the configuration in force.
func (b *base) Config() *config.Config { return b.now.Load().config }

// replace puts a configuration in force as far as it is asked for afresh each
// time.
func (b *base) replace(p *prepared) {
	if old := b.now.Swap(p); old != p {
		old.close()
	}
}

// watch has put put changed configurations in force.
func (b *base) watch(ctx context.Context, put func(*prepared) error) {
	b.live.Watch(ctx, b.logger, func(c *config.Config, warnings []config.Warning) error {
		next, err := prepare(ctx, c, b.proxy, b.jsonnet)
		if err != nil {
			return err
		}
		for _, w := range slices.Concat(warnings, next.warnings) {
			b.logger.Warn(w.String())
		}
		return put(next)
	})
}

// errorLog takes what net/http says of a server's connections into the log.
func (b *base) errorLog(server string) *log.Logger {
	return slog.NewLogLogger(b.logger.With("server", server).Handler(), slog.LevelWarn)
}

// newCourier makes the outbox, from which messages leave by what sender gives.
func (b *base) newCourier(sender func(channel string) courier.Sender) *courier.Courier {
	return courier.New(courier.Options{Store: b.store, Clock: b.options.Clock, Logger: b.logger, Sender: sender, Pace: b.pace,
		Keys: func() *secret.Ring { return b.now.Load().contents }})
}

func (b *base) pace() courier.Pace {
	p := b.now.Load()
	c := &p.config.Courier
	pace := courier.Pace{PullCount: c.Worker.PullCount, PullWait: c.Worker.PullWait, Retries: c.MessageRetries, PerRecipient: c.RecipientLimit,
		KeepContent: p.config.Dev}
	if p.config.CatchesMail() {
		pace.PerRecipient = 0 // no mailbox is filled by mail that nobody gets
	}
	return pace
}

// openStore opens the database and waits for it to answer.
func (b *base) openStore(ctx context.Context, c *config.Config) (*store.Store, error) {
	st, err := Open(ctx, c.DSN, store.Options{Cores: b.options.Cores, Clock: b.options.Clock, Logger: b.logger, Observe: b.options.Observe})
	if err != nil {
		return nil, c.Blame(fmt.Errorf("dsn: %w", err))
	}
	if err := b.await(ctx, st); err != nil {
		return nil, errors.Join(err, st.Close())
	}
	return st, nil
}

// Open opens the database with that address. What o says of the address is
// replaced by it.
func Open(ctx context.Context, address string, o store.Options) (*store.Store, error) {
	dsn, err := config.ParseDSN(address)
	if err != nil {
		return nil, fmt.Errorf("the database address %w", err)
	}
	o.Dialect, o.Path, o.Memory, o.URL = dsn.Dialect, dsn.Path, dsn.Memory, dsn.URL
	o.MaxConns, o.MaxConnLifetime, o.MaxConnIdleTime = dsn.MaxConns, dsn.MaxConnLifetime, dsn.MaxConnIdleTime
	return store.Open(ctx, o)
}

// await gives a database server that starts at the same time a while.
func (b *base) await(ctx context.Context, st *store.Store) error {
	if st.Dialect() == "sqlite" {
		return nil
	}
	const patience = 5 * time.Minute
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	for wait := 100 * time.Millisecond; ; wait = min(2*wait, 5*time.Second) {
		err := st.Ping(ctx)
		if err == nil {
			return nil
		}
		b.logger.Warn("the database does not answer yet", "error", err)
		select {
		case <-ctx.Done():
			return fmt.Errorf("the database did not answer within %s: %w", patience, err)
		case <-time.After(wait):
		}
	}
}
