package page

import (
	"net/http"
	"net/url"
	"slices"
	"strings"

	"zelus/internal/config"
	"zelus/internal/web"
)

// protect sets what every answer below the prefix carries. No other site shows a page
// in a frame, or learns its address. The referrer stays for this origin: without it
// browsers send no origin with forms, which is looked at (web.CrossSite).
func protect(h http.Header) {
	h.Set("Content-Security-Policy", "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'")
	h.Set("Referrer-Policy", "same-origin")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("X-Frame-Options", "DENY") // for browsers that do not know frame-ancestors
	h.Set("Cross-Origin-Resource-Policy", "same-origin")
	h.Set("Cache-Control", "no-store")
}

// noncePlace is where the nonce of a page stands in a policy; no source looks like it.
const noncePlace = "{nonce}"

// contentPolicy is the Content Security Policy (Level 3) of pages: scripts by the
// page's nonce alone, one style sheet, pictures of this server and those that stand in
// a page (the QR code of an authenticator app). Nothing else is loaded.
func contentPolicy(c *config.Config) string {
	return "default-src 'none'; script-src 'nonce-" + noncePlace + "'; style-src 'self'; img-src 'self' data:; base-uri 'none'; frame-ancestors 'none'; form-action " +
		strings.Join(append([]string{"'self'"}, destinations(c)...), " ")
}

// destinations are where a form may lead, as sources of a policy: Chromium holds the
// redirect after a submission to form-action, too. So these are all origins to which the
// configuration lets a browser be sent, besides the page's own.
func destinations(c *config.Config) []string {
	set := &c.SelfService
	flows := &set.Flows
	all := []string{c.PublicURL().String(), set.DefaultBrowserReturnURL, flows.Logout.After.DefaultBrowserReturnURL}
	for _, page := range c.UIPages() {
		all = append(all, page.URL)
	}
	all = append(all, set.AllowedReturnURLs...)
	for _, after := range []config.After{flows.Login.After, flows.Registration.After, flows.Settings.After, flows.Recovery.After, flows.Verification.After} {
		all = append(all, after.DefaultBrowserReturnURL)
		for _, m := range after.Methods {
			all = append(all, m.DefaultBrowserReturnURL)
		}
	}
	var sources []string
	for _, address := range all {
		if s := sourceOf(address); s != "" {
			sources = append(sources, s)
		}
	}
	slices.Sort(sources)
	return slices.Compact(sources)
}

// sourceOf is the origin of an address as a policy names it (CSP Level 3, section
// 2.3.1): https://app.example.org, https://*.example.org, or the scheme of an app,
// com.example.app:. Empty where it has none, and where it would be read as something
// else.
func sourceOf(address string) string {
	u, err := url.Parse(address)
	if err != nil || u.Scheme == "" {
		return ""
	}
	source := u.Scheme + ":"
	if u.Scheme == "http" || u.Scheme == "https" {
		if u.Host == "" || u.Hostname() == "*" {
			return ""
		}
		source = web.Origin(u)
	}
	if strings.Trim(strings.ToLower(source), "abcdefghijklmnopqrstuvwxyz0123456789+-.:/*[]_") != "" {
		return ""
	}
	return source
}
