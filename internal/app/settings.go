package app

import (
	"io"
	"log/slog"

	"zelus/internal/config"
	"zelus/internal/courier"
	"zelus/internal/hash"
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
		Lifespan: s.Lifespan, EarliestExtend: s.EarliestPossibleExtend, RequiredAAL: s.Whoami.RequiredAAL, BaseURL: c.PublicURL().String(),
		Cookie: web.SessionCookie{Name: s.Cookie.Name, Persistent: s.Cookie.Persistent, CookieOptions: web.CookieOptions{Domain: s.Cookie.Domain,
			Path: s.Cookie.Path, SameSite: web.SameSite(s.Cookie.SameSite), Secure: s.Cookie.Secure}},
		TrustedProxies: c.TrustedProxies(), Secrets: c.Secrets.Default, CookieSecrets: c.Secrets.Cookie,
	}
}

// sender is how a message leaves: by the configured mail server, or into the
// page of caught mail. nil where there is no way.
func (a *App) sender(channel string) courier.Sender {
	if a.catcher != nil {
		return a.catcher
	}
	smtp := &a.live.Now().Courier.SMTP
	if channel != "email" || smtp.ConnectionURI == "" {
		return nil
	}
	s, err := courier.NewSMTP(courier.SMTPOptions{ConnectionURI: smtp.ConnectionURI, FromAddress: smtp.FromAddress, FromName: smtp.FromName,
		Headers: smtp.Headers, LocalName: smtp.LocalName, ClientCertPath: smtp.ClientCertPath, ClientKeyPath: smtp.ClientKeyPath})
	if err != nil {
		a.logger.Error("mail cannot be sent as it is configured", "error", err)
		return nil
	}
	return s
}

func (a *App) pace() courier.Pace {
	c := &a.live.Now().Courier
	return courier.Pace{PullCount: c.Worker.PullCount, PullWait: c.Worker.PullWait, Retries: c.MessageRetries}
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
