package app

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net/url"
	"slices"
	"strings"

	"golang.org/x/net/http/httpproxy"

	"zelus/internal/auth"
	"zelus/internal/config"
	"zelus/internal/courier"
	"zelus/internal/courier/templates"
	"zelus/internal/hash"
	"zelus/internal/jsonnet"
	"zelus/internal/language"
	pages "zelus/internal/page"
	"zelus/internal/schema"
	"zelus/internal/secret"
	"zelus/internal/session"
	"zelus/internal/source"
	"zelus/internal/web"
)

// prepared is a configuration with all that follows from it and could have
// failed. Nothing can fail any more when it is put in force. It never changes.
type prepared struct {
	config    *config.Config
	hashing   hash.Params
	outgoing  *web.OutgoingRules
	schemas   *schema.Set
	mail      courier.Sender            // nil where no way is configured
	channels  map[string]courier.Sender // further ones, by their ids
	tokens    map[string]*session.Template
	warnings  []config.Warning // of what can be used and perhaps was not meant
	contents  *secret.Ring     // what messages are sealed under
	look      *pages.Look
	languages *language.Texts
	templates *templates.Templates
	policy    auth.Policy // what factors count for
}

// close ends what belongs to a configuration that is not in force any more.
func (p *prepared) close() {
	if c, ok := p.mail.(io.Closer); ok {
		c.Close()
	}
}

// prepare makes what follows from a configuration, or tells everything that is
// wrong with it. It touches nothing that is in use. Each error begins with the
// key that is to blame, for (*config.Config).Blame.
func prepare(ctx context.Context, c *config.Config, proxy func(*url.URL) (*url.URL, error), programs *jsonnet.Pool) (*prepared, error) {
	p := &prepared{config: c}
	faults := []error{checkDatabase(c), checkSecrets(c)}
	note := func(err error) { faults = append(faults, err) }
	var err error
	p.hashing, err = hashParams(c).WithDefaults()
	note(err)
	if c.Courier.DeliveryStrategy != "http" {
		p.mail, err = mailServer(c)
		note(err)
	}
	p.languages, err = loadLanguages(c)
	note(err)
	p.contents, _ = secret.NewRing(courier.KeyPurpose, c.Secrets.Default) // checkSecrets says what is wrong
	p.outgoing, err = outgoingRules(c)
	note(err)
	if err == nil {
		client := web.NewOutgoing(func() *web.OutgoingRules { return p.outgoing }, proxy)
		defer client.CloseIdleConnections()
		sources := source.Reader{Client: client}
		p.schemas, err = loadSchemas(ctx, c, client)
		note(err)
		note(p.loadTokens(ctx, sources, programs))
		note(p.loadServices(ctx, sources, client, programs))
		p.look, err = loadLook(ctx, c, sources)
		note(err)
		p.templates, err = templates.New(ctx, templateSettings(c, p.languages), sources)
		note(err)
	}
	if err := errors.Join(faults...); err != nil {
		return nil, err
	}
	return p, nil
}

// Checked is what follows from a configuration with which a server could start.
type Checked struct {
	Warnings []config.Warning
	Schemas  *schema.Set
	// Mail is how mail leaves, nil where no way is configured, and Channels are
	// further ways, by their ids.
	Mail     courier.Sender
	Channels map[string]courier.Sender
	// Hashing is how passwords are hashed.
	Hashing hash.Params
}

// Check says whether a server could start with this configuration, as far as
// that can be told without its database, its ports and its mail server. It
// reads the identity schemas, templates of messages, keys and programs, from where they are. environ is
// the environment as os.Environ gives it, child that of Options.Jsonnet. The
// error is that of (*config.Config).Blame.
func Check(ctx context.Context, c *config.Config, environ, child []string) (*Checked, error) {
	programs := newJsonnet(child, 1, slog.New(slog.DiscardHandler))
	defer programs.Close()
	p, err := prepare(ctx, c, proxies(environ), programs)
	if err != nil {
		return nil, c.Blame(err)
	}
	return &Checked{Warnings: p.warnings, Schemas: p.schemas, Mail: p.mail, Channels: p.channels, Hashing: p.hashing}, nil
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
	p.policy = policy(a.engine.Methods, p.config)
	a.replace(p)
	a.pages.Configure(p.config, p.schemas, p.languages, p.look)
	return errors.Join(
		a.hashes.SetParams(p.hashing),
		a.store.Configure(slices.Concat(p.config.Secrets.Cipher, p.config.Secrets.Default)),
		a.sessions.Configure(sessionSettings(p)),
		a.keys.Configure(keySettings(p.config)),
		a.secrets.Configure(p.config.Secrets.Default),
		a.engine.Configure(p.config, p.schemas, p.policy),
		a.api.Configure(p.config, p.schemas),
	)
}

// schemas are the identity schemas in force.
func (a *App) schemas() *schema.Set { return a.now.Load().schemas }

// templates make the messages in force.
func (a *App) templates() *templates.Templates { return a.now.Load().templates }

// sender is how a message leaves by this configuration: by the mail server or by
// a service; nil where there is no way.
func (p *prepared) sender(channel string) courier.Sender {
	switch {
	case p.channels[channel] != nil:
		return p.channels[channel]
	case channel == auth.ViaEmail:
		return p.mail
	}
	return nil
}

// sender is how a message leaves by the configuration in force, or into the page
// of caught mail.
func (a *App) sender(channel string) courier.Sender {
	p := a.now.Load()
	if p.channels[channel] == nil && p.config.CatchesMail() {
		return &a.catcher
	}
	return p.sender(channel)
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
