package app

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"os"

	"zelus/internal/adminkey"
	"zelus/internal/brand"
	"zelus/internal/config"
	"zelus/internal/courier"
	"zelus/internal/courier/templates"
	"zelus/internal/hash"
	"zelus/internal/jsonnet"
	"zelus/internal/language"
	"zelus/internal/override"
	pages "zelus/internal/page"
	"zelus/internal/schema"
	"zelus/internal/secret"
	"zelus/internal/session"
	"zelus/internal/source"
	"zelus/internal/web"
)

// What each part is told of the configuration.

func hashParams(c *config.Config) hash.Params {
	h := &c.Hashers
	return hash.Params{Algorithm: h.Algorithm, BcryptCost: h.Bcrypt.Cost, Argon2: hash.Argon2{MemoryKiB: int(h.Argon2.Memory / 1024),
		Iterations: h.Argon2.Iterations, Parallelism: h.Argon2.Parallelism, SaltLength: h.Argon2.SaltLength, KeyLength: h.Argon2.KeyLength}}
}

func sessionSettings(p *prepared) session.Settings {
	c, s := p.config, &p.config.Session
	trustFor := s.TrustedDevice.Lifespan
	if !s.TrustedDevice.Enabled {
		trustFor = 0
	}
	return session.Settings{
		Lifespan: s.Lifespan, ExtendWithin: s.EarliestPossibleExtend, RequiredAAL: s.Whoami.RequiredAAL, Policy: p.policy, BaseURL: c.PublicURL().String(),
		Cookie: web.BrowserCookie{Name: s.Cookie.Name, Persistent: s.Cookie.Persistent, CookieOptions: web.CookieOptions{Domain: s.Cookie.Domain,
			Path: s.Cookie.Path, SameSite: web.SameSite(s.Cookie.SameSite), Secure: s.Cookie.Secure}},
		TrustFor: trustFor, TrustCookie: trustCookie(&s.Cookie), Older: siteOf(c).Session,
		TrustedProxies: c.TrustedProxies(), Secrets: c.Secrets.Default, CookieSecrets: c.Secrets.Cookie,
		Templates: p.tokens,
	}
}

// trustCookie is the cookie of a device that its owner trusts. It is of this host
// alone, which the prefix of its name makes browsers see to (RFC 6265bis section
// 4.1.3.2); they do that only of Secure cookies.
func trustCookie(of *config.SessionCookie) web.BrowserCookie {
	c := web.BrowserCookie{Name: "__Host-zelus_trusted_device", Persistent: true, CookieOptions: web.CookieOptions{Secure: true, SameSite: web.SameSite(of.SameSite)}}
	if !of.Secure {
		// SameSite=None would be refused, too.
		c.Name, c.CookieOptions = "zelus_trusted_device", web.CookieOptions{SameSite: http.SameSiteLaxMode}
	}
	return c
}

func keySettings(c *config.Config) adminkey.Settings {
	return adminkey.Settings{Secrets: c.Secrets.Default, Require: c.Serve.Admin.RequireKey}
}

// outgoingRules say where the server may send requests of its own.
func outgoingRules(c *config.Config) (*web.OutgoingRules, error) {
	rules := &web.OutgoingRules{PublicOnly: c.Clients.HTTP.DisallowPrivateIPRanges}
	for i, pattern := range c.Clients.HTTP.PrivateIPExceptionURLs {
		if err := rules.Except(pattern); err != nil {
			return nil, fmt.Errorf("clients.http.private_ip_exception_urls.%d: %w", i, err)
		}
	}
	return rules, nil
}

// loadSchemas reads the identity schemas.
func loadSchemas(ctx context.Context, c *config.Config, client *http.Client) (*schema.Set, error) {
	var sources []schema.Source
	for _, s := range c.Identity.Schemas {
		sources = append(sources, schema.Source{ID: s.ID, URL: s.URL, Selectable: s.SelfServiceSelectable})
	}
	return schema.Load(ctx, sources, schema.Options{DefaultID: c.Identity.DefaultSchemaID, Fetch: client,
		DisallowRef: c.Security.DisallowRefInIdentitySchemas})
}

// loadTokens reads the keys and programs of the templates of session tokens.
func (p *prepared) loadTokens(ctx context.Context, sources source.Reader, programs *jsonnet.Pool) error {
	p.tokens = map[string]*session.Template{}
	var faults []error
	for name, t := range p.config.Session.Whoami.Tokenizer.Templates {
		setting := "session.whoami.tokenizer.templates." + name
		keys, err := sources.Read(ctx, t.JWKSURL)
		if err != nil {
			faults = append(faults, fmt.Errorf("%s.jwks_url: %w", setting, err))
			continue
		}
		o := session.TemplateOptions{Setting: setting, TTL: t.TTL, Keys: keys, ExternalID: t.SubjectSource == "external_id", Jsonnet: programs}
		if t.ClaimsMapperURL != "" {
			mapper, err := sources.Read(ctx, t.ClaimsMapperURL)
			if err != nil {
				faults = append(faults, fmt.Errorf("%s.claims_mapper_url: %w", setting, err))
				continue
			}
			o.Mapper = string(mapper)
		}
		if p.tokens[name], err = session.NewTemplate(ctx, o); err != nil {
			faults = append(faults, err)
			continue
		}
		if p.tokens[name].Keyless() {
			p.warnings = append(p.warnings, p.config.Warning(setting+".jwks_url",
				"there is no key in this JWKS, so no token of this kind can be had; add one and have the configuration read again"))
		}
	}
	return errors.Join(faults...)
}

// newJsonnet makes the pool in which programs of operators are evaluated, in as
// many processes as there are cores: at least two, so that one slow program does
// not hold up all others, and not more than are of use, as each may take memory.
func newJsonnet(command []string, cores int, logger *slog.Logger) *jsonnet.Pool {
	return jsonnet.New(jsonnet.Options{Command: command, Children: min(max(cores, 2), 8), Logger: logger})
}

// checkSecrets fails where one of the parts could not make its keys of the
// secrets, which all of them do in the same way.
func checkSecrets(c *config.Config) error {
	var faults []error
	for name, list := range map[string][]string{"default": c.Secrets.Default, "cookie": c.Secrets.Cookie, "pagination": c.Secrets.Pagination} {
		if _, err := secret.NewRing(name, list); err != nil {
			faults = append(faults, fmt.Errorf("secrets.%s: %w", name, err))
		}
	}
	return errors.Join(faults...)
}

// checkDatabase fails where this program cannot work with the database.
func checkDatabase(c *config.Config) error {
	dsn, err := config.ParseDSN(c.DSN)
	if err == nil && dsn.Dialect != "sqlite" && dsn.Dialect != "postgres" {
		err = fmt.Errorf("a database of the kind %s cannot be used yet; use sqlite:// or postgres://", dsn.Dialect)
	}
	if err != nil {
		return fmt.Errorf("dsn: %w", err)
	}
	return nil
}

// mailServer is the mail server that is configured, or nil.
func mailServer(c *config.Config) (courier.Sender, error) {
	smtp := &c.Courier.SMTP
	if smtp.ConnectionURI == "" {
		return nil, nil
	}
	o := courier.SMTPOptions{ConnectionURI: smtp.ConnectionURI, FromAddress: smtp.FromAddress, FromName: smtp.FromName,
		Headers: smtp.Headers, LocalName: smtp.LocalName, ClientCertPath: smtp.ClientCertPath, ClientKeyPath: smtp.ClientKeyPath}
	if c.Clients.SMTP.DisallowPrivateIPRanges {
		o.Dial = web.DialPublic
	}
	s, err := courier.NewSMTP(o)
	if err != nil {
		return nil, err // not s: a nil *SMTP would be a Sender
	}
	return s, nil
}

// loadServices makes the ways over HTTP: for mail, where it is to go that way,
// and for the further channels, which are those of text messages.
func (p *prepared) loadServices(ctx context.Context, sources source.Reader, client *http.Client, programs *jsonnet.Pool) error {
	service := func(setting string, c *config.RequestConfig) (courier.Sender, error) {
		o := courier.HTTPOptions{Setting: setting, Request: web.CallOptions{URL: c.URL, Method: c.Method, Headers: c.Headers, Auth: callAuth(c.Auth)},
			Client: client, Jsonnet: programs}
		if c.Body != "" {
			body, err := sources.Read(ctx, c.Body)
			if err != nil {
				return nil, fmt.Errorf("%s.body: %w", setting, err)
			}
			o.Body = string(body)
		}
		h, err := courier.NewHTTP(ctx, o)
		if err != nil {
			return nil, err // not h: a nil *HTTP would be a Sender
		}
		return h, nil
	}
	c := &p.config.Courier
	var faults []error
	if c.DeliveryStrategy == "http" {
		var err error
		p.mail, err = service("courier.http.request_config", &c.HTTP.RequestConfig)
		faults = append(faults, err)
	}
	p.channels = map[string]courier.Sender{}
	for i := range c.Channels {
		id, setting := c.Channels[i].ID, fmt.Sprintf("courier.channels.%d", i)
		if _, twice := p.channels[id]; twice {
			faults = append(faults, fmt.Errorf("%s.id: there is a channel %s already", setting, id))
			continue
		}
		var err error
		p.channels[id], err = service(setting+".request_config", &c.Channels[i].RequestConfig)
		faults = append(faults, err)
	}
	return errors.Join(faults...)
}

// callAuth is how the server signs in somewhere, or nil.
func callAuth(a *config.Auth) *web.CallAuth {
	switch {
	case a == nil:
		return nil
	case a.Type == "api_key":
		return &web.CallAuth{Key: a.Config.Name, Value: a.Config.Value, InCookie: a.Config.In == "cookie"}
	}
	return &web.CallAuth{User: a.Config.User, Password: a.Config.Password}
}

// loadLanguages reads what the operator says in other words than ours. The texts can be
// used also where it fails.
func loadLanguages(c *config.Config) (*language.Texts, error) {
	folder := c.Languages.TranslationsPath
	if folder == "" {
		return language.New(nil), nil
	}
	var own language.Own
	err := override.CheckFolder(folder)
	if err == nil {
		own, err = language.ReadOwn(os.DirFS(folder))
	}
	if err != nil {
		err = fmt.Errorf("languages.translations_path: %s: %w", folder, err)
	}
	return language.New(own), err
}

// loadLook reads what pages look like.
func loadLook(ctx context.Context, c *config.Config, sources source.Reader) (*pages.Look, error) {
	b := &c.Branding
	light, dark := &b.Colors.Light, &b.Colors.Dark
	wears, err := brand.New(ctx, brand.Settings{Name: b.Name, Logo: b.LogoURL, LogoDark: b.LogoDarkURL, CSS: b.CSSURL,
		Light: brand.Scheme{Background: light.Background, Text: light.Text, Accent: light.Accent, OnAccent: light.OnAccent},
		Dark:  brand.Scheme{Background: dark.Background, Text: dark.Text, Accent: dark.Accent, OnAccent: dark.OnAccent},
		Terms: b.Links.TermsURL, Privacy: b.Links.PrivacyURL, Support: b.Links.SupportURL}, sources)
	if err != nil {
		return nil, err
	}
	return pages.NewLook(wears, b.TemplateOverridePath)
}

// templateSettings say what messages are made of.
func templateSettings(c *config.Config, texts *language.Texts) templates.Settings {
	s := templates.Settings{Brand: c.Branding.Name, Dir: c.Courier.TemplateOverridePath, Languages: texts,
		Remote: map[string]string{}}
	email := func(key string, t *config.EmailTemplate) {
		s.Remote[key+".email.subject"] = t.Subject
		s.Remote[key+".email.body.plaintext"] = t.Body.Plaintext
		s.Remote[key+".email.body.html"] = t.Body.HTML
	}
	valid := func(key string, t *config.RequiredMail) {
		if t != nil {
			email(key, &t.Email)
			s.Remote[key+".sms.body.plaintext"] = t.SMS.Body.Plaintext
		}
	}
	both := func(key string, t config.Outcomes) {
		if t.Invalid != nil {
			email(key+".invalid", &t.Invalid.Email)
		}
		valid(key+".valid", t.Valid)
	}
	all := &c.Courier.Templates
	both("recovery", all.Recovery)
	both("recovery_code", all.RecoveryCode)
	both("verification", all.Verification)
	both("verification_code", all.VerificationCode)
	valid("registration_code.valid", all.RegistrationCode.Valid)
	valid("login_code.valid", all.LoginCode.Valid)
	changed := &all.VerifiableAddressChanged
	email("verifiable_address_changed", &changed.Email)
	s.Remote["verifiable_address_changed.sms.body.plaintext"] = changed.SMS.Body.Plaintext
	return s
}

// newLogger makes the logger that the configuration asks for. Kratos' levels
// that slog lacks become their neighbours.
func newLogger(to io.Writer, c *config.Config) *slog.Logger {
	level := slog.LevelInfo
	switch c.Log.Level {
	case "trace", "debug":
		level = slog.LevelDebug
	case "warning":
		level = slog.LevelWarn
	case "error", "fatal", "panic":
		level = slog.LevelError
	}
	options := &slog.HandlerOptions{Level: level}
	if c.Log.Format == "json" {
		return slog.New(slog.NewJSONHandler(to, options))
	}
	return slog.New(slog.NewTextHandler(to, options))
}
