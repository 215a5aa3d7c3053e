package config

import "zelus/internal/auth"

// PagesPath is where the built-in account pages are, below the public base URL: all
// of them, so that a proxy needs one rule.
const PagesPath = "ui/"

// UIURL is the page that the configuration names for a kind of flow; empty where that
// is the built-in one.
func (c *Config) UIURL(kind auth.Kind) string {
	flows := &c.SelfService.Flows
	switch kind {
	case auth.Login:
		return flows.Login.UIURL
	case auth.Registration:
		return flows.Registration.UIURL
	case auth.Settings:
		return flows.Settings.UIURL
	case auth.Recovery:
		return flows.Recovery.UIURL
	case auth.Verification:
		return flows.Verification.UIURL
	}
	return ""
}

// PageURL is the page of a kind of flow: the configured one, else the built-in one.
func (c *Config) PageURL(kind auth.Kind) string {
	if configured := c.UIURL(kind); configured != "" {
		return configured
	}
	return c.BuiltInPage(string(kind))
}

// ErrorPageURL is the page that shows errors which fit in no form: the configured
// one, else the built-in one.
func (c *Config) ErrorPageURL() string {
	if configured := c.SelfService.Flows.Error.UIURL; configured != "" {
		return configured
	}
	return c.BuiltInPage("error")
}

// BuiltInPage is the address of a built-in page, by its name.
func (c *Config) BuiltInPage(name string) string { return c.PublicURL().String() + PagesPath + name }
