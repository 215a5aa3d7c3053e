package config

import "zelus/internal/auth"

// PagesPath is where the built-in account pages are, below the public base URL: all
// of them, so that a proxy needs one rule.
const PagesPath = "ui/"

// MailPath is where mail that is caught is shown, below the public base URL.
const MailPath = "dev/mail"

// UIPage is the page of something that people do.
type UIPage struct {
	// Flow is the key below selfservice.flows: a kind of flow, error or deletion.
	Flow string
	// URL is the page that the configuration names; empty where that is the built-in one.
	URL string
	// Enabled says that people can be led there.
	Enabled bool
}

// Setting is the key of its URL.
func (p UIPage) Setting() string { return "selfservice.flows." + p.Flow + ".ui_url" }

// Form says whether something is sent from it.
func (p UIPage) Form() bool { return p.Flow != "error" }

// UIPages are all pages that the configuration can name.
func (c *Config) UIPages() []UIPage {
	f := &c.SelfService.Flows
	return []UIPage{
		{string(auth.Login), f.Login.UIURL, true},
		{string(auth.Registration), f.Registration.UIURL, f.Registration.Enabled},
		{string(auth.Settings), f.Settings.UIURL, true},
		{string(auth.Recovery), f.Recovery.UIURL, f.Recovery.Enabled},
		{string(auth.Verification), f.Verification.UIURL, f.Verification.Enabled},
		{"error", f.Error.UIURL, true},
		{"deletion", f.Deletion.UIURL, f.Deletion.Enabled},
	}
}

// UIURL is the page that the configuration names for a kind of flow; empty where that
// is the built-in one.
func (c *Config) UIURL(kind auth.Kind) string {
	for _, p := range c.UIPages() {
		if p.Flow == string(kind) {
			return p.URL
		}
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

// CaughtMailURL is the page that shows the mail that is caught; empty where mail is sent.
func (c *Config) CaughtMailURL() string {
	if !c.CatchesMail() {
		return ""
	}
	return c.PublicURL().String() + MailPath
}
