package config

import (
	"cmp"
	"net"
	"net/netip"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"zelus/internal/auth"
)

// resolve fills in what depends on other keys or on the machine.
func (c *Config) resolve() {
	c.resolveURLs()
	if c.origin("selfservice.default_browser_return_url").builtIn() {
		c.SelfService.DefaultBrowserReturnURL = c.publicURL.String()
	}
	if c.origin("selfservice.methods.passkey.config.rp.origins").builtIn() {
		c.SelfService.Methods.Passkey.Config.RP.Origins[0] = c.publicURL.Scheme + "://" + c.publicURL.Host
	}
	if c.origin("cookies.secure") == (Origin{}) {
		c.Cookies.Secure = !c.Dev
		c.notes["cookies.secure"] = "from dev"
	}
	if code := &c.SelfService.Methods.Code; code.PasswordlessEnabled && !code.Enabled {
		code.Enabled = true
		c.notes["selfservice.methods.code.enabled"] = "from passwordless_enabled"
	}
	cookie := &c.Session.Cookie
	if c.origin("session.cookie.secure") == (Origin{}) {
		cookie.Secure = !c.Dev
		c.notes["session.cookie.secure"] = "from dev"
	}
	for name, value := range map[string]struct {
		own   *string
		other string
	}{
		"domain":    {&cookie.Domain, c.Cookies.Domain},
		"path":      {&cookie.Path, c.Cookies.Path},
		"same_site": {&cookie.SameSite, c.Cookies.SameSite},
	} {
		if *value.own == "" && value.other != "" {
			*value.own = value.other
			c.notes["session.cookie."+name] = "from cookies." + name
		}
	}
	if c.Session.EarliestPossibleExtend == 0 {
		c.Session.EarliestPossibleExtend = c.Session.Lifespan
		c.notes["session.earliest_possible_extend"] = "from session.lifespan"
	}
	if c.Branding.Name == "" {
		c.Branding.Name, c.notes["branding.name"] = c.Courier.SMTP.FromName, "from courier.smtp.from_name"
		if c.Branding.Name == "" {
			c.Branding.Name, c.notes["branding.name"] = c.publicURL.Hostname(), "the host of the public base URL"
		}
	}
	if c.Revision == "" {
		c.Revision = c.fingerprint()
		c.notes["revision"] = "SHA-256 of what was loaded"
	}
}

func (c *Config) resolveURLs() {
	c.publicURL = baseURL(c.Serve.Public.BaseURL, c.Serve.Public.Host, c.Serve.Public.Port, c.hostname, c.Dev)
	c.adminURL = baseURL(c.Serve.Admin.BaseURL, c.Serve.Admin.Host, c.Serve.Admin.Port, c.hostname, c.Dev)
}

// PublicURL is the address of the public API: the configured one or one made
// from host and port. Its path ends in a slash. The caller may change it.
func (c *Config) PublicURL() *url.URL {
	return c.address(c.publicURL, c.Serve.Public.BaseURL, c.Serve.Public.Host, c.Serve.Public.Port)
}

// AdminURL is the address of the admin API: the configured one or one made
// from host and port. Its path ends in a slash. The caller may change it.
func (c *Config) AdminURL() *url.URL {
	return c.address(c.adminURL, c.Serve.Admin.BaseURL, c.Serve.Admin.Host, c.Serve.Admin.Port)
}

func (c *Config) address(resolved *url.URL, configured, host string, port int) *url.URL {
	if resolved == nil { // made by hand, as in tests
		return baseURL(configured, host, port, c.hostname, c.Dev)
	}
	u := *resolved
	return &u
}

func baseURL(configured, host string, port int, hostname string, dev bool) *url.URL {
	if configured != "" {
		if u, err := url.Parse(configured); err == nil {
			if !strings.HasSuffix(u.Path, "/") {
				u.Path, u.RawPath = u.Path+"/", ""
			}
			return u
		}
	}
	if ip := net.ParseIP(host); host == "" || ip != nil && ip.IsUnspecified() || strings.HasPrefix(host, "unix:") {
		host = hostname
	}
	if host == "" {
		host = "localhost"
	}
	scheme := "https"
	if dev {
		scheme = "http"
	}
	return &url.URL{Scheme: scheme, Host: net.JoinHostPort(host, strconv.Itoa(port)), Path: "/"}
}

// RegistrationInSteps says whether signing up takes two steps, the data first and
// the proof second. The method profile asks for the data.
func (c *Config) RegistrationInSteps() bool {
	r := &c.SelfService.Flows.Registration
	return r.Style == "profile_first" && !r.EnableLegacyOneStep && c.SelfService.Methods.Profile.Enabled
}

// CatchesMail says whether mail is shown on a page of this server instead of being sent,
// and text messages with it unless there is a way for them: in development, where no way
// to send mail is configured.
func (c *Config) CatchesMail() bool {
	return c.Dev && c.Courier.DeliveryStrategy != "http" && c.Courier.SMTP.ConnectionURI == ""
}

// TextsPhones says whether messages can be sent to phones.
func (c *Config) TextsPhones() bool {
	return slices.ContainsFunc(c.Courier.Channels, func(ch CourierChannel) bool { return ch.ID == auth.ViaSMS })
}

// LoginInSteps says whether signing in takes two steps, the name first and the
// proof second.
func (c *Config) LoginInSteps() bool { return c.SelfService.Flows.Login.Style == "identifier_first" }

// TrustedProxies are the networks whose forwarding headers are believed.
func (c *Config) TrustedProxies() []netip.Prefix {
	var all []netip.Prefix
	for _, text := range c.Serve.Public.TrustedProxies {
		if p, ok := parseNetwork(text); ok { // all are, after loading
			all = append(all, p)
		}
	}
	return all
}

// Schema finds an identity schema by its id.
func (c *Config) Schema(id string) (IdentitySchema, bool) {
	for _, s := range c.Identity.Schemas {
		if s.ID == id {
			return s, true
		}
	}
	return IdentitySchema{}, false
}

// ReturnURL is where browsers go after a flow: what after says for the method,
// or for the flow, or else otherwise.
func (a After) ReturnURL(method, otherwise string) string {
	return cmp.Or(a.Methods[method].DefaultBrowserReturnURL, a.DefaultBrowserReturnURL, otherwise)
}

// Names says whether a hook stands in any of the lists.
func (a After) Names(hook string) bool {
	named := func(all []Hook) bool { return slices.ContainsFunc(all, func(h Hook) bool { return h.Name == hook }) }
	for _, m := range a.Methods {
		if named(m.Hooks) {
			return true
		}
	}
	return named(a.Hooks)
}

// Of is the list of hooks after success with a method: its own, or the general
// one where it has none.
func (a After) Of(method string) []Hook {
	if own := a.Methods[method].Hooks; len(own) > 0 {
		return own
	}
	return a.Hooks
}
