package flow

import (
	"time"

	"zelus/internal/auth"
	"zelus/internal/config"
	"zelus/internal/schema"
	"zelus/internal/ui"
)

// kind is what differs between the kinds of flow, as data.
type kind struct {
	name auth.Kind
	// enabled says whether the configuration offers it.
	enabled func(*config.Config) bool
	// page is where browsers see the form; empty means that none is configured.
	page     func(*config.Config) string
	lifespan func(*config.Config) time.Duration
	after    func(*config.Config) config.After
	// order of the nodes on the wire.
	order func(*schema.Schema) ui.Order
	// expired and nobody are the messages for a form that was open for too
	// long and for a submission that no method claims.
	expired, nobody int
}

var login = &kind{
	name:     auth.Login,
	enabled:  func(*config.Config) bool { return true },
	page:     func(c *config.Config) string { return c.SelfService.Flows.Login.UIURL },
	lifespan: func(c *config.Config) time.Duration { return c.SelfService.Flows.Login.Lifespan },
	after:    func(c *config.Config) config.After { return c.SelfService.Flows.Login.After },
	order:    func(*schema.Schema) ui.Order { return ui.LoginOrder() },
	expired:  ui.ErrorLoginExpired,
	nobody:   ui.ErrorLoginNoMethod,
}

var registration = &kind{
	name:     auth.Registration,
	enabled:  func(c *config.Config) bool { return c.SelfService.Flows.Registration.Enabled },
	page:     func(c *config.Config) string { return c.SelfService.Flows.Registration.UIURL },
	lifespan: func(c *config.Config) time.Duration { return c.SelfService.Flows.Registration.Lifespan },
	after:    func(c *config.Config) config.After { return c.SelfService.Flows.Registration.After },
	order:    func(s *schema.Schema) ui.Order { return ui.RegistrationOrder(s.TraitNames()) },
	expired:  ui.ErrorRegistrationExpired,
	nobody:   ui.ErrorRegistrationNoMethod,
}

// kinds are those that are served.
var kinds = []*kind{login, registration}
