package app

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"sync"
	"time"

	"zelus/internal/config"
	"zelus/internal/onetime"
	"zelus/internal/session"
	"zelus/internal/store"
)

// shutdownWithin is how long requests under way may take to end.
const shutdownWithin = 30 * time.Second

// side is one of the two servers.
type side struct {
	name   string
	server *http.Server
	listen net.Listener
}

// sides are the two servers, which do not listen yet. How long a connection may
// take for one request is a little more than the request's own deadline, so that
// it still gets an answer (publicWithin, adminWithin).
func (a *App) sides() []side {
	all := []side{
		{"public", &http.Server{Handler: a.Public(),
			ReadTimeout: 15 * time.Second, WriteTimeout: 60 * time.Second, IdleTimeout: 120 * time.Second}, nil},
		{"admin", &http.Server{Handler: a.Admin(),
			ReadTimeout: 30 * time.Second, WriteTimeout: 120 * time.Second, IdleTimeout: 600 * time.Second}, nil},
	}
	for _, s := range all {
		s.server.ReadHeaderTimeout, s.server.MaxHeaderBytes = 5*time.Second, 64<<10
		s.server.ErrorLog = a.errorLog(s.name)
	}
	return all
}

// listen opens what both servers listen at, or nothing.
func (a *App) listen(c *config.Config, sides []side) error {
	public, admin := &c.Serve.Public, &c.Serve.Admin
	for i, at := range []struct {
		host   string
		port   int
		socket config.Socket
		tls    config.TLS
	}{{public.Host, public.Port, public.Socket, public.TLS}, {admin.Host, admin.Port, admin.Socket, admin.TLS}} {
		s := &sides[i]
		var err error
		if s.listen, err = listenAt(s.name, at.host, at.port, at.socket, at.tls, a.logger); err != nil {
			for _, open := range sides[:i] {
				open.listen.Close()
			}
			return c.Blame(err)
		}
		a.logger.Info("listening", "server", s.name, "address", s.listen.Addr().String())
	}
	return nil
}

// adviseKeys says, once a start, what an operator has to do about API keys: that
// the admin server, which listens at this address, is open to a network, or to
// nobody.
func (a *App) adviseKeys(ctx context.Context, c *config.Config, at net.Addr) {
	require := c.Serve.Admin.RequireKey
	if require != nil && !*require || require == nil && private(at) {
		return // as asked for, or nobody else's business
	}
	some, err := a.keys.Any(ctx)
	switch {
	case err != nil:
		a.logger.Warn("whether there are API keys could not be found out", "error", err)
	case some:
	case require != nil:
		a.logger.Warn("nobody can use the admin API: serve.admin.require_key is true, and there is no API key. Make the first one with `zelus keys create`")
	default:
		a.logger.Warn("THE ADMIN API IS OPEN to everybody who reaches its address: there is no API key. Make one with `zelus keys create`, after which a key is needed, or set serve.admin.require_key",
			"address", at.String())
	}
}

// private says whether only this machine reaches an address.
func private(at net.Addr) bool {
	tcp, ok := at.(*net.TCPAddr)
	return !ok || tcp.IP.IsLoopback() // else a Unix socket
}

// Run listens, watches the configuration, sends mail and cleans up, until the
// context ends. ready is called once both servers listen.
func (a *App) Run(ctx context.Context, ready func()) error {
	c, sides := a.Config(), a.sides()
	if err := a.listen(c, sides); err != nil {
		return err
	}
	a.adviseKeys(ctx, c, sides[1].listen.Addr())
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	failed := make(chan error, len(sides))
	for _, s := range sides {
		go func() {
			if err := s.server.Serve(s.listen); !errors.Is(err, http.ErrServerClosed) {
				failed <- fmt.Errorf("the %s server stopped: %w", s.name, err)
			}
		}()
	}
	var background sync.WaitGroup
	background.Go(func() { a.watch(ctx, a.put) })
	background.Go(func() { a.clean(ctx) })
	if a.sends(c) {
		background.Go(func() { a.courier.Run(ctx) })
	}
	if ready != nil {
		ready()
	}

	var err error
	select {
	case <-ctx.Done():
	case err = <-failed:
		stop()
	}
	closing, cancel := context.WithTimeout(context.WithoutCancel(ctx), shutdownWithin)
	defer cancel()
	late := make([]error, len(sides))
	for i, s := range sides {
		background.Go(func() {
			if e := s.server.Shutdown(closing); e != nil {
				late[i] = errors.Join(fmt.Errorf("the %s server did not end in time: %w", s.name, e), s.server.Close())
			}
		})
	}
	background.Wait()
	err = errors.Join(err, errors.Join(late...))
	a.logger.Info("stopped")
	return err
}

// sends says whether the server itself sends what is in the outbox. With an
// embedded database there is mostly no other process that would.
func (a *App) sends(c *config.Config) bool {
	return c.WatchCourier || c.Dev || a.store.Dialect() == "sqlite"
}

// kept says how long things are kept after their end. Sessions tell new devices
// from known ones, where owners are told of new ones.
func kept(c *config.Config) store.Retention {
	keep := store.Retention{Flows: 24 * time.Hour, Sessions: 7 * 24 * time.Hour, Errors: 24 * time.Hour, Messages: 30 * 24 * time.Hour,
		Guesses: onetime.GuessesCount, History: session.HistoryKept}
	if c.SelfService.Flows.Login.After.Names("notify_owner") {
		keep.Sessions = session.DevicesKnown
	}
	return keep
}

// clean removes what has expired, and accounts that are to be deleted, in small
// batches, so that nobody waits for it.
func (a *App) clean(ctx context.Context) {
	second := time.NewTicker(time.Second) // the pause may be changed meanwhile
	defer second.Stop()
	for last := time.Now(); ; {
		select {
		case <-ctx.Done():
			return
		case <-second.C:
		}
		if time.Since(last) >= a.Config().Database.Cleanup.Sleep.Tables {
			a.cleanOnce(ctx)
			last = time.Now()
		}
	}
}

func (a *App) cleanOnce(ctx context.Context) {
	c := a.Config()
	batch := c.Database.Cleanup.BatchSize
	remove := func(what string, some func() (int, error)) {
		for n := batch; n >= batch && ctx.Err() == nil; {
			var err error
			if n, err = some(); err != nil {
				a.logger.Warn(what+" could not be removed; trying again later", "error", err)
				break
			}
		}
	}
	remove("what has expired", func() (int, error) { return a.store.Clean(ctx, kept(c), batch) })
	remove("accounts that are to be deleted", func() (int, error) { return a.engine.DeleteDue(ctx, batch) })
}
