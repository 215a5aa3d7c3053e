package app

import (
	"context"
	"crypto/tls"
	"encoding/base64"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/user"
	"strconv"
	"strings"
	"sync"
	"time"

	"zelus/internal/config"
	"zelus/internal/store"
)

// shutdownWithin is how long requests under way may take to end.
const shutdownWithin = 30 * time.Second

// Run listens, watches the configuration, sends mail and cleans up, until the
// context ends. ready is called once both servers listen.
func (a *App) Run(ctx context.Context, ready func()) error {
	c := a.live.Now()
	type side struct {
		name   string
		server *http.Server
		listen net.Listener
	}
	sides := []side{
		{"public", &http.Server{Handler: a.public(), ReadTimeout: 15 * time.Second, WriteTimeout: 60 * time.Second, IdleTimeout: 120 * time.Second}, nil},
		{"admin", &http.Server{Handler: a.admin(), ReadTimeout: 30 * time.Second, WriteTimeout: 120 * time.Second, IdleTimeout: 600 * time.Second}, nil},
	}
	public, admin := &c.Serve.Public, &c.Serve.Admin
	for i, at := range []struct {
		host   string
		port   int
		socket config.Socket
		tls    config.TLS
	}{{public.Host, public.Port, public.Socket, public.TLS}, {admin.Host, admin.Port, admin.Socket, admin.TLS}} {
		s := &sides[i]
		s.server.ReadHeaderTimeout, s.server.MaxHeaderBytes = 5*time.Second, 64<<10
		listen, err := listenAt(s.name, at.host, at.port, at.socket, at.tls)
		if err != nil {
			for _, open := range sides[:i] {
				open.listen.Close()
			}
			return err
		}
		s.listen = listen
		a.logger.Info("listening", "server", s.name, "address", listen.Addr().String())
	}

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
	background.Go(func() { a.watch(ctx) })
	background.Go(func() { a.clean(ctx) })
	if c.WatchCourier || c.Dev {
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
	for _, s := range sides {
		if e := s.server.Shutdown(closing); e != nil {
			err = errors.Join(err, fmt.Errorf("the %s server did not end in time: %w", s.name, e))
		}
	}
	background.Wait()
	a.logger.Info("stopped")
	return err
}

// watch puts changed configurations in force.
func (a *App) watch(ctx context.Context) {
	err := a.live.Watch(ctx, a.logger, func(c *config.Config, warnings []config.Warning) {
		for _, w := range warnings {
			a.logger.Warn(w.String())
		}
		if err := a.configure(c); err != nil {
			a.logger.Error("the changed configuration is only partly in force; restart the server", "error", err)
		}
	})
	if err != nil {
		a.logger.Error("changes of the configuration are not noticed", "error", err)
	}
}

// kept says how long things are kept after their end.
var kept = store.Retention{Flows: 24 * time.Hour, Sessions: 7 * 24 * time.Hour, Errors: 24 * time.Hour, Messages: 30 * 24 * time.Hour}

// cleanEvery is the pause between two cleanings.
const cleanEvery = time.Minute

// clean removes what has expired, in small batches, so that nobody waits for it.
func (a *App) clean(ctx context.Context) {
	tick := time.NewTicker(cleanEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		batch := a.live.Now().Database.Cleanup.BatchSize
		for n := batch; n >= batch && ctx.Err() == nil; {
			var err error
			if n, err = a.store.Clean(ctx, kept, batch); err != nil {
				a.logger.Warn("what has expired could not be removed; trying again later", "error", err)
				break
			}
		}
	}
}

// listenAt opens a port or a socket, with TLS where it is configured.
func listenAt(name, host string, port int, socket config.Socket, t config.TLS) (net.Listener, error) {
	var listen net.Listener
	var err error
	if path, ok := strings.CutPrefix(host, "unix:"); ok {
		if listen, err = listenSocket(path, socket); err != nil {
			return nil, fmt.Errorf("serve.%s.host: %w", name, err)
		}
	} else if listen, err = net.Listen("tcp", net.JoinHostPort(host, strconv.Itoa(port))); err != nil {
		return nil, fmt.Errorf("serve.%s.port: %w", name, err)
	}
	if t == (config.TLS{}) {
		return listen, nil
	}
	certificates, err := certificatesOf(t)
	if err != nil {
		listen.Close()
		return nil, fmt.Errorf("serve.%s.tls: %w", name, err)
	}
	return tls.NewListener(listen, &tls.Config{MinVersion: tls.VersionTLS12, NextProtos: []string{"h2", "http/1.1"}, GetCertificate: certificates}), nil
}

// listenSocket opens a Unix socket with the rights that are configured. One
// that a server left behind when it was killed is removed.
func listenSocket(path string, s config.Socket) (net.Listener, error) {
	if at, err := os.Stat(path); err == nil && at.Mode()&os.ModeSocket != 0 {
		if conn, err := net.Dial("unix", path); err == nil {
			conn.Close()
			return nil, fmt.Errorf("another server listens at %s", path)
		}
		if err := os.Remove(path); err != nil {
			return nil, err
		}
	}
	listen, err := net.Listen("unix", path)
	if err != nil {
		return nil, err
	}
	if err := ownSocket(path, s); err != nil {
		listen.Close()
		return nil, err
	}
	return listen, nil
}

func ownSocket(path string, s config.Socket) error {
	uid, gid := -1, -1 // leave it
	if s.Owner != "" {
		u, err := user.Lookup(s.Owner)
		if err != nil {
			return err
		}
		if uid, err = strconv.Atoi(u.Uid); err != nil {
			return err
		}
	}
	if s.Group != "" {
		g, err := user.LookupGroup(s.Group)
		if err != nil {
			return err
		}
		if gid, err = strconv.Atoi(g.Gid); err != nil {
			return err
		}
	}
	return errors.Join(os.Chown(path, uid, gid), os.Chmod(path, os.FileMode(s.Mode)))
}

// certificatesOf gives the certificate: from the configuration itself, or from
// files, which are read again when they have changed. Files that cannot be
// read leave the last good pair in use.
func certificatesOf(t config.TLS) (func(*tls.ClientHelloInfo) (*tls.Certificate, error), error) {
	if t.Cert.Base64 != "" {
		cert, err := base64.StdEncoding.DecodeString(t.Cert.Base64)
		if err != nil {
			return nil, fmt.Errorf("cert.base64: %w", err)
		}
		key, err := base64.StdEncoding.DecodeString(t.Key.Base64)
		if err != nil {
			return nil, fmt.Errorf("key.base64: %w", err)
		}
		pair, err := tls.X509KeyPair(cert, key)
		if err != nil {
			return nil, err
		}
		return func(*tls.ClientHelloInfo) (*tls.Certificate, error) { return &pair, nil }, nil
	}
	f := &certificateFiles{cert: t.Cert.Path, key: t.Key.Path}
	if err := f.read(); err != nil {
		return nil, err
	}
	return f.get, nil
}

// certificateFiles is a pair of PEM files that may be replaced at any time.
type certificateFiles struct {
	cert, key string
	mu        sync.Mutex
	pair      *tls.Certificate
	modified  [2]time.Time
}

func (f *certificateFiles) get(*tls.ClientHelloInfo) (*tls.Certificate, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.stamps() != f.modified {
		_ = f.read() // the last good pair stays
	}
	return f.pair, nil
}

func (f *certificateFiles) stamps() (at [2]time.Time) {
	for i, name := range []string{f.cert, f.key} {
		if info, err := os.Stat(name); err == nil {
			at[i] = info.ModTime()
		}
	}
	return at
}

func (f *certificateFiles) read() error {
	modified := f.stamps()
	pair, err := tls.LoadX509KeyPair(f.cert, f.key)
	if err != nil {
		return err
	}
	f.pair, f.modified = &pair, modified
	return nil
}
