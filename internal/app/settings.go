package app

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"

	"zelus/internal/adminkey"
	"zelus/internal/config"
	"zelus/internal/courier"
	"zelus/internal/courier/templates"
	"zelus/internal/hash"
	"zelus/internal/schema"
	"zelus/internal/secret"
	"zelus/internal/session"
	"zelus/internal/web"
)

// What each part is told of the configuration.

func hashParams(c *config.Config) hash.Params {
	h := &c.Hashers
	return hash.Params{Algorithm: h.Algorithm, BcryptCost: h.Bcrypt.Cost, Argon2: hash.Argon2{MemoryKiB: int(h.Argon2.Memory / 1024),
		Iterations: h.Argon2.Iterations, Parallelism: h.Argon2.Parallelism, SaltLength: h.Argon2.SaltLength, KeyLength: h.Argon2.KeyLength}}
}

func sessionSettings(c *config.Config) session.Settings {
	s := &c.Session
	return session.Settings{
		Lifespan: s.Lifespan, ExtendWithin: s.EarliestPossibleExtend, RequiredAAL: s.Whoami.RequiredAAL, BaseURL: c.PublicURL().String(),
		Cookie: web.SecretCookie{Name: s.Cookie.Name, Persistent: s.Cookie.Persistent, CookieOptions: web.CookieOptions{Domain: s.Cookie.Domain,
			Path: s.Cookie.Path, SameSite: web.SameSite(s.Cookie.SameSite), Secure: s.Cookie.Secure}},
		Older:          siteOf(c).Session,
		TrustedProxies: c.TrustedProxies(), Secrets: c.Secrets.Default, CookieSecrets: c.Secrets.Cookie,
	}
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

// templateSettings say what messages are made of.
func templateSettings(c *config.Config) templates.Settings {
	s := templates.Settings{Brand: cmp.Or(c.Courier.SMTP.FromName, c.PublicURL().Hostname()), Dir: c.Courier.TemplateOverridePath,
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
