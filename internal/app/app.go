package app

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"time"

	"zelus/internal/adminkey"
	"zelus/internal/api"
	"zelus/internal/auth"
	"zelus/internal/config"
	"zelus/internal/courier"
	"zelus/internal/flow"
	"zelus/internal/hash"
	"zelus/internal/identity"
	"zelus/internal/onetime"
	pages "zelus/internal/page"
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
	// at a time. 0 means runtime.GOMAXPROCS.
	Cores int
	// HashingThreads, where set, is told how many threads hash passwords at the same
	// time, see hash.Options.Threads. They run at the lowest priority, but each keeps
	// one of Go's processors to itself while it works. The owner of the process gives
	// so many more to runtime.GOMAXPROCS, so that everybody else has the cores as before.
	HashingThreads func(n int)
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
	*base
	client     *http.Client // for requests of the server's own
	hashes     *hash.Pool
	sessions   *session.Sessions
	keys       *adminkey.Keys
	secrets    *onetime.Secrets
	identities *identity.Manager
	engine     *flow.Engine
	api        *api.API
	pages      *pages.Pages
	server     *web.Server
	catcher    courier.Catcher
}

// New reads the configuration, connects to the database, and builds all parts.
// The tables are brought up to date where that is this program's affair: with
// an embedded database, and in development.
func New(ctx context.Context, o Options) (*App, error) {
	b, err := begin(ctx, o)
	if err != nil {
		return nil, err
	}
	a := &App{base: b}
	if err := a.migrate(ctx); err != nil {
		return nil, errors.Join(err, a.close())
	}
	if err := a.build(a.now.Load()); err != nil {
		return nil, errors.Join(err, a.close())
	}
	return a, nil
}

func (a *App) build(first *prepared) error {
	a.server = &web.Server{Logger: a.logger, Now: a.options.Clock, Dev: func() bool { return a.Config().Dev }}
	a.client = web.NewOutgoing(func() *web.OutgoingRules { return a.now.Load().outgoing }, a.proxy)
	var err error
	if a.sessions, err = session.New(a.store, a.options.Clock, answersKept, sessionSettings(first)); err != nil {
		return err
	}
	if a.keys, err = adminkey.New(a.store, a.options.Clock, a.logger, keySettings(first.config)); err != nil {
		return err
	}
	if a.hashes, err = hash.NewPool(hash.Options{Params: first.hashing, Workers: a.options.Cores, Clock: a.options.Clock, Threads: a.options.HashingThreads}); err != nil {
		return err
	}
	a.courier = a.newCourier(a.sender)
	a.secrets = &onetime.Secrets{Store: a.store, Courier: a.courier, Templates: a.templates, Clock: a.options.Clock, Logger: a.logger}
	a.identities = &identity.Manager{Store: a.store, Schemas: a.schemas, Hashes: a.hashes, Clock: a.options.Clock,
		Policy: func() auth.Policy { return a.now.Load().policy }}
	methods := a.methods()
	a.identities.Factors = factors(methods)
	a.engine = &flow.Engine{Store: a.store, Sessions: a.sessions, Identities: a.identities, Server: a.server, Clock: a.options.Clock,
		Methods: methods, Notify: a.notify, Apps: a.options.Apps && first.config.Dev}
	a.api = &api.API{Store: a.store, Sessions: a.sessions, Identities: a.identities, Keys: a.keys, Courier: a.courier, Flows: a.engine, Version: a.options.Version,
		Clock: a.options.Clock}
	if a.pages, err = pages.New(a.engine, a.sessions, a.server, a.options.Clock); err != nil {
		return err
	}
	if err := a.put(first); err != nil {
		a.hashes.Close()
		return err
	}
	return nil
}

// notify makes a message to somebody about their account.
func (a *App) notify(n flow.Notice) (func(context.Context, *store.Tx) error, error) {
	return a.secrets.Notice(a.Config(), n)
}

// Close lets go of everything.
func (a *App) Close() error {
	a.hashes.Close()
	return a.close()
}

// migrate brings the tables up to date where the operator does not.
func (a *App) migrate(ctx context.Context) error {
	if a.store.Dialect() != "sqlite" && !a.Config().Dev {
		// /health/ready tells whether it is due. But a program that is too old must
		// not begin, if the database can be asked.
		asking, cancel := context.WithTimeout(ctx, 2*time.Second)
		defer cancel()
		if _, err := a.store.Migrations(asking); errors.Is(err, store.ErrNewer) {
			return err
		}
		return nil
	}
	if _, err := a.store.Migrate(ctx); err != nil {
		return fmt.Errorf("the tables cannot be brought up to date: %w", err)
	}
	return nil
}
