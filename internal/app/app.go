package app

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"slices"
	"sync/atomic"
	"time"

	"zelus/internal/adminkey"
	"zelus/internal/api"
	"zelus/internal/config"
	"zelus/internal/courier"
	"zelus/internal/flow"
	"zelus/internal/hash"
	"zelus/internal/identity"
	"zelus/internal/jsonnet"
	"zelus/internal/session"
	"zelus/internal/store"
	"zelus/internal/web"
)

// Options are what the outside hands in.
type Options struct {
	Config config.Options
	// Log is where the log goes.
	Log     io.Writer
	Clock   func() time.Time
	Version string
	// Apps lets browsers send API flows; only together with dev.
	Apps bool
	// Cores is how many cores the program may use: so many passwords are hashed
	// at a time. 0 means runtime.GOMAXPROCS. See HashingThreads.
	Cores int
	// Jsonnet is the command, as a path and arguments, that starts a child
	// process which calls jsonnet.Serve.
	Jsonnet []string
	// Observe, where set, is told every statement. Tests count with it.
	Observe func(sql string)
}

// answersKept is how many session checks are kept in memory, ready to send;
// one takes about 2 KB.
const answersKept = 1 << 16

// App is a server with all its parts.
type App struct {
	options    Options
	live       *config.Live
	logger     *slog.Logger
	proxy      func(*url.URL) (*url.URL, error)
	client     *http.Client // for requests of the server's own
	jsonnet    *jsonnet.Pool
	store      *store.Store
	hashes     *hash.Pool
	sessions   *session.Sessions
	keys       *adminkey.Keys
	identities *identity.Manager
	engine     *flow.Engine
	api        *api.API
	server     *web.Server
	courier    *courier.Courier
	catcher    courier.Catcher
	now        atomic.Pointer[prepared] // the configuration in force
}

// New reads the configuration, connects to the database, and builds all parts.
// The tables are brought up to date where that is this program's affair: with
// an embedded database, and in development.
func New(ctx context.Context, o Options) (*App, error) {
	live, err := config.NewLive(o.Config)
	if err != nil {
		return nil, err
	}
	c := live.Now()
	a := &App{options: o, live: live, logger: newLogger(o.Log, c), proxy: proxies(o.Config.Environ)}
	a.jsonnet = newJsonnet(o.Jsonnet, o.Cores, a.logger)
	first, err := prepare(ctx, c, a.proxy, a.jsonnet)
	if err != nil {
		a.jsonnet.Close()
		return nil, c.Blame(err)
	}
	for _, w := range slices.Concat(live.Warnings(), first.warnings) {
		a.logger.Warn(w.String())
	}
	if a.store, err = a.openStore(ctx, c); err != nil {
		a.jsonnet.Close()
		return nil, err
	}
	if err := a.build(first); err != nil {
		a.jsonnet.Close()
		return nil, errors.Join(err, a.store.Close())
	}
	return a, nil
}

func (a *App) build(first *prepared) error {
	a.now.Store(first)
	a.server = &web.Server{Logger: a.logger, Now: a.options.Clock}
	a.client = web.NewOutgoing(func() *web.OutgoingRules { return a.now.Load().outgoing }, a.proxy)
	var err error
	if a.sessions, err = session.New(a.store, a.options.Clock, answersKept, sessionSettings(first)); err != nil {
		return err
	}
	if a.keys, err = adminkey.New(a.store, a.options.Clock, a.logger, keySettings(first.config)); err != nil {
		return err
	}
	if a.hashes, err = hash.NewPool(hash.Options{Params: first.hashing, Workers: a.options.Cores, Clock: a.options.Clock}); err != nil {
		return err
	}
	a.courier = courier.New(courier.Options{Store: a.store, Clock: a.options.Clock, Logger: a.logger, Sender: a.sender, Pace: a.pace})
	methods := a.methods()
	a.identities = &identity.Manager{Store: a.store, Schemas: a.schemas, Hashes: a.hashes, Clock: a.options.Clock, Factors: factors(methods)}
	a.engine = &flow.Engine{Store: a.store, Sessions: a.sessions, Identities: a.identities, Server: a.server, Clock: a.options.Clock,
		Methods: methods, Apps: a.options.Apps && first.config.Dev}
	a.api = &api.API{Store: a.store, Sessions: a.sessions, Identities: a.identities, Keys: a.keys, Version: a.options.Version}
	if err := a.put(first); err != nil {
		a.hashes.Close()
		return err
	}
	return nil
}

// Close lets go of everything.
func (a *App) Close() error {
	a.hashes.Close()
	a.jsonnet.Close()
	return a.store.Close()
}

// Config is the configuration in force.
func (a *App) Config() *config.Config { return a.now.Load().config }

// CatchesMail says whether mail is shown at /dev/mail instead of being sent.
func (a *App) CatchesMail() bool { return a.now.Load().catches() }

// HashingThreads is how many threads hash passwords. They run at the lowest
// priority, but each keeps one of Go's processors to itself while it works. The
// owner of the process gives so many more to runtime.GOMAXPROCS, so that
// everybody else has the cores as before.
func (a *App) HashingThreads() int { return a.hashes.Workers() }

// openStore opens the database and waits for it to answer.
func (a *App) openStore(ctx context.Context, c *config.Config) (*store.Store, error) {
	st, err := Open(ctx, c.DSN, store.Options{Cores: a.options.Cores, Clock: a.options.Clock, Logger: a.logger, Observe: a.options.Observe})
	if err != nil {
		return nil, c.Blame(fmt.Errorf("dsn: %w", err))
	}
	if err := a.awaitStore(ctx, st); err != nil {
		return nil, errors.Join(err, st.Close())
	}
	if st.Dialect() != "sqlite" && !c.Dev {
		return st, nil // the operator migrates; /health/ready tells whether it is due
	}
	if _, err := st.Migrate(ctx); err != nil {
		return nil, errors.Join(fmt.Errorf("the tables cannot be brought up to date: %w", err), st.Close())
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

// awaitStore gives a database server that starts at the same time a while.
func (a *App) awaitStore(ctx context.Context, st *store.Store) error {
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
		a.logger.Warn("the database does not answer yet", "error", err)
		select {
		case <-ctx.Done():
			return fmt.Errorf("the database did not answer within %s: %w", patience, err)
		case <-time.After(wait):
		}
	}
}
