package app

import (
	"context"
	"errors"
	"net/url"
	"strings"

	"golang.org/x/net/http/httpproxy"

	"zelus/internal/config"
	"zelus/internal/courier"
	"zelus/internal/courier/templates"
	"zelus/internal/hash"
	"zelus/internal/schema"
	"zelus/internal/web"
)

// prepared is a configuration with all that follows from it and could have
// failed. Nothing can fail any more when it is put in force. It never changes.
type prepared struct {
	config    *config.Config
	hashing   hash.Params
	outgoing  *web.OutgoingRules
	schemas   *schema.Set
	templates *templates.Templates
	mail      courier.Sender // nil where no mail server is configured
}

// prepare makes what follows from a configuration, or tells everything that is
// wrong with it. It touches nothing that is in use. Each error begins with the
// key that is to blame, for (*config.Config).Blame.
func prepare(ctx context.Context, c *config.Config, proxy func(*url.URL) (*url.URL, error)) (*prepared, error) {
	p := &prepared{config: c}
	faults := []error{checkDatabase(c), checkSecrets(c)}
	note := func(err error) { faults = append(faults, err) }
	var err error
	p.hashing, err = hashParams(c).WithDefaults()
	note(err)
	p.mail, err = mailServer(c)
	note(err)
	p.outgoing, err = outgoingRules(c)
	note(err)
	if err == nil {
		client := web.NewOutgoing(func() *web.OutgoingRules { return p.outgoing }, proxy)
		defer client.CloseIdleConnections()
		p.schemas, err = loadSchemas(ctx, c, client)
		note(err)
		p.templates, err = templates.New(ctx, templateSettings(c), client)
		note(err)
	}
	if err := errors.Join(faults...); err != nil {
		return nil, err
	}
	return p, nil
}

// Check says whether a server could start with this configuration, as far as
// that can be told without its database, its ports and its mail server. It
// reads the identity schemas and the templates of messages, from where they are. environ is the environment
// as os.Environ gives it. The error is that of (*config.Config).Blame.
func Check(ctx context.Context, c *config.Config, environ []string) error {
	_, err := prepare(ctx, c, proxies(environ))
	return c.Blame(err)
}

// put puts a configuration in force. The parts take it one after the other, and
// a request that is under way ends with what it began with, so that for a moment
// old and new stand side by side. The order makes that harmless:
//
//   - First what is asked afresh each time: the schemas that data are checked
//     against when they are written, what messages say, and where mail and requests go. Nothing is
//     written by old rules once anybody can see new ones.
//   - Then hashing, sessions and API keys. All answers of session checks that
//     were made with the old settings are forgotten, also those being made.
//   - Last the forms and the API, which tell the outside that the new
//     configuration is there (/admin/health/config).
//
// The errors are those of keys and parameters that prepare has tried out, from
// the same values; they cannot happen.
func (a *App) put(p *prepared) error {
	a.now.Store(p)
	return errors.Join(
		a.hashes.SetParams(p.hashing),
		a.sessions.Configure(sessionSettings(p.config)),
		a.keys.Configure(keySettings(p.config)),
		a.engine.Configure(p.config, p.schemas),
		a.api.Configure(p.config, p.schemas),
	)
}

// schemas are the identity schemas in force.
func (a *App) schemas() *schema.Set { return a.now.Load().schemas }

// templates make the messages in force.
func (a *App) templates() *templates.Templates { return a.now.Load().templates }

// catches says whether mail is caught instead of being sent.
func (p *prepared) catches() bool { return p.config.Dev && p.mail == nil }

// sender is how a message leaves by the configuration in force: by the mail
// server, or into the page of caught mail. nil where there is no way.
func (a *App) sender(channel string) courier.Sender {
	p := a.now.Load()
	switch {
	case p.catches():
		return &a.catcher
	case channel == "email":
		return p.mail
	}
	return nil
}

func (a *App) pace() courier.Pace {
	c := &a.Config().Courier
	return courier.Pace{PullCount: c.Worker.PullCount, PullWait: c.Worker.PullWait, Retries: c.MessageRetries}
}

// proxies reads the usual variables for proxies, HTTP_PROXY, HTTPS_PROXY and
// NO_PROXY, in upper or lower case.
func proxies(environ []string) func(*url.URL) (*url.URL, error) {
	set := map[string]string{}
	for _, pair := range environ {
		name, value, _ := strings.Cut(pair, "=")
		if set[strings.ToLower(name)] == "" {
			set[strings.ToLower(name)] = value
		}
	}
	settings := httpproxy.Config{HTTPProxy: set["http_proxy"], HTTPSProxy: set["https_proxy"], NoProxy: set["no_proxy"]}
	return settings.ProxyFunc()
}
