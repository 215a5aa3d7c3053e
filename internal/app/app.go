package app

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"runtime"
	"sync"
	"time"

	"zelus/internal/api"
	"zelus/internal/config"
	"zelus/internal/courier"
	"zelus/internal/flow"
	"zelus/internal/hash"
	"zelus/internal/identity"
	"zelus/internal/schema"
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
	client     *http.Client
	store      *store.Store
	hashes     *hash.Pool
	sessions   *session.Sessions
	identities *identity.Manager
	engine     *flow.Engine
	api        *api.API
	server     *web.Server
	courier    *courier.Courier
	catcher    *courier.Catcher // only in development without a mail server

	mu      sync.Mutex // guards what follows
	vetted  *vetted
	schemas *schema.Set
}

// vetted are the schemas of a configuration that was found good and is about
// to be put in force.
type vetted struct {
	config  *config.Config
	schemas *schema.Set
}

// New reads the configuration, connects to the database, and builds all parts.
// The tables are brought up to date where that is this program's affair: with
// an embedded database, and in development.
func New(ctx context.Context, o Options) (*App, error) {
	a := &App{options: o, client: &http.Client{Timeout: 30 * time.Second}}
	o.Config.Vet = func(c *config.Config) error { return a.vet(ctx, c) }
	live, err := config.NewLive(o.Config)
	if err != nil {
		return nil, err
	}
	a.live = live
	c := live.Now()
	a.logger = newLogger(o.Log, c)
	a.server = &web.Server{Logger: a.logger, Now: o.Clock}
	for _, w := range live.Warnings() {
		a.logger.Warn(w.String())
	}
	if a.store, err = a.openStore(ctx, c); err != nil {
		return nil, err
	}
	if err := a.build(c); err != nil {
		return nil, errors.Join(err, a.store.Close())
	}
	return a, nil
}

func (a *App) build(c *config.Config) error {
	var err error
	if a.hashes, err = hash.NewPool(hash.Options{Params: hashParams(c)}); err != nil {
		return err
	}
	// The password workers have threads of their own: the cores stay free
	// for everybody else.
	runtime.GOMAXPROCS(runtime.NumCPU() + a.hashes.Workers())

	if a.sessions, err = session.New(a.store, a.options.Clock, answersKept, sessionSettings(c)); err != nil {
		return err
	}
	if c.Dev && c.Courier.SMTP.ConnectionURI == "" {
		a.catcher = &courier.Catcher{}
	}
	a.courier = courier.New(courier.Options{Store: a.store, Clock: a.options.Clock, Logger: a.logger, Sender: a.sender, Pace: a.pace})
	methods := a.methods()
	a.identities = &identity.Manager{Store: a.store, Schemas: a.currentSchemas, Hashes: a.hashes, Clock: a.options.Clock, Factors: factors(methods)}
	a.engine = &flow.Engine{Store: a.store, Sessions: a.sessions, Identities: a.identities, Server: a.server, Clock: a.options.Clock,
		Methods: methods, Apps: a.options.Apps && c.Dev}
	a.api = &api.API{Store: a.store, Sessions: a.sessions, Identities: a.identities, Version: a.options.Version}
	return a.configure(c)
}

// vet loads the identity schemas of a configuration, so that one that cannot
// work is refused before it is put in force.
func (a *App) vet(ctx context.Context, c *config.Config) error {
	var sources []schema.Source
	for _, s := range c.Identity.Schemas {
		sources = append(sources, schema.Source{ID: s.ID, URL: s.URL, Selectable: s.SelfServiceSelectable})
	}
	set, err := schema.Load(ctx, sources, schema.Options{DefaultID: c.Identity.DefaultSchemaID, Fetch: a.client,
		DisallowRef: c.Security.DisallowRefInIdentitySchemas})
	if err != nil {
		return err
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	a.vetted = &vetted{c, set}
	return nil
}

func (a *App) currentSchemas() *schema.Set {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.schemas
}

// configure puts a configuration in force.
func (a *App) configure(c *config.Config) error {
	a.mu.Lock()
	if a.vetted == nil || a.vetted.config != c {
		a.mu.Unlock()
		return errors.New("the configuration was not vetted")
	}
	schemas := a.vetted.schemas
	a.schemas = schemas
	a.mu.Unlock()
	return errors.Join(
		a.hashes.SetParams(hashParams(c)),
		a.sessions.Configure(sessionSettings(c)),
		a.engine.Configure(c, schemas),
		a.api.Configure(c, schemas),
	)
}

// Close lets go of everything.
func (a *App) Close() error {
	a.hashes.Close()
	return a.store.Close()
}

// Public and Admin are the two servers, for those who listen themselves.
func (a *App) Public() http.Handler { return a.public() }

// Admin is the server for trusted services.
func (a *App) Admin() http.Handler { return a.admin() }

// Config is the configuration in force.
func (a *App) Config() *config.Config { return a.live.Now() }

// CatchesMail says whether mail is shown at /dev/mail instead of being sent.
func (a *App) CatchesMail() bool { return a.catcher != nil }

// openStore opens the database and waits for it to answer.
func (a *App) openStore(ctx context.Context, c *config.Config) (*store.Store, error) {
	st, err := Open(ctx, c, a.logger, a.options.Clock, a.options.Observe)
	if err != nil {
		return nil, err
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

// Open opens the database that a configuration names.
func Open(ctx context.Context, c *config.Config, logger *slog.Logger, clock func() time.Time, observe func(string)) (*store.Store, error) {
	dsn, err := config.ParseDSN(c.DSN)
	if err != nil {
		return nil, err
	}
	return store.Open(ctx, store.Options{Dialect: dsn.Dialect, Path: dsn.Path, Memory: dsn.Memory, URL: dsn.URL, MaxConns: dsn.MaxConns,
		MaxConnLifetime: dsn.MaxConnLifetime, MaxConnIdleTime: dsn.MaxConnIdleTime, Clock: clock, Logger: logger, Observe: observe})
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
