package web

import (
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync/atomic"

	"github.com/rs/cors"
	"golang.org/x/net/publicsuffix"
)

// CORSOptions says which other origins may use the public API from a browser
// (WHATWG Fetch, section 3.3 "CORS protocol").
type CORSOptions struct {
	Enabled bool
	// AllowedOrigins are origins such as "https://app.example.com", or with
	// one wildcard "https://*.example.com".
	AllowedOrigins   []string
	AllowedMethods   []string
	AllowedHeaders   []string
	ExposedHeaders   []string
	AllowCredentials bool
	// OptionsPassthrough hands preflights on to the routes.
	OptionsPassthrough bool
	// MaxAge is how long, in seconds, a browser may keep a preflight's answer.
	MaxAge int
	// UnboundedWildcards keeps wildcards that reach beyond one registrable
	// domain, see Unbounded. Without it they are ignored.
	UnboundedWildcards bool
}

// CORS answers preflights and marks answers that other origins may read. The
// options are asked for on every request, so that a reload takes effect; the
// handler is made again only when they have changed. Switched off, it changes
// nothing.
func CORS(options func() CORSOptions, next http.Handler) http.Handler {
	type made struct {
		from    CORSOptions
		handler http.Handler
	}
	var current atomic.Pointer[made]
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		o := options()
		if !o.Enabled {
			next.ServeHTTP(w, r)
			return
		}
		m := current.Load()
		if m == nil || !m.from.equal(o) {
			m = &made{o.clone(), o.handler(next)}
			current.Store(m)
		}
		m.handler.ServeHTTP(w, r)
	})
}

func (o CORSOptions) handler(next http.Handler) http.Handler {
	settings := cors.Options{
		AllowedMethods:     o.AllowedMethods,
		AllowedHeaders:     o.AllowedHeaders,
		ExposedHeaders:     o.ExposedHeaders,
		AllowCredentials:   o.AllowCredentials,
		OptionsPassthrough: o.OptionsPassthrough,
		MaxAge:             o.MaxAge,
	}
	for _, origin := range o.AllowedOrigins {
		if o.UnboundedWildcards || !Unbounded(origin) {
			settings.AllowedOrigins = append(settings.AllowedOrigins, origin)
		}
	}
	if len(settings.AllowedOrigins) == 0 {
		// The library takes an empty list for every origin.
		settings.AllowOriginFunc = func(string) bool { return false }
	}
	return cors.New(settings).Handler(next)
}

func (o CORSOptions) equal(p CORSOptions) bool {
	return o.Enabled == p.Enabled && o.AllowCredentials == p.AllowCredentials && o.MaxAge == p.MaxAge &&
		o.OptionsPassthrough == p.OptionsPassthrough && o.UnboundedWildcards == p.UnboundedWildcards &&
		slices.Equal(o.AllowedOrigins, p.AllowedOrigins) && slices.Equal(o.AllowedMethods, p.AllowedMethods) &&
		slices.Equal(o.AllowedHeaders, p.AllowedHeaders) && slices.Equal(o.ExposedHeaders, p.ExposedHeaders)
}

// clone keeps a later change to the caller's lists from reaching o.
func (o CORSOptions) clone() CORSOptions {
	o.AllowedOrigins, o.AllowedMethods = slices.Clone(o.AllowedOrigins), slices.Clone(o.AllowedMethods)
	o.AllowedHeaders, o.ExposedHeaders = slices.Clone(o.AllowedHeaders), slices.Clone(o.ExposedHeaders)
	return o
}

// Unbounded says whether a host, origin or URL has a wildcard that could match
// hosts of several owners: anything but "*." before a registrable domain or a
// name below one (by the public suffix list), such as "*", "*.com", "*.co.uk",
// "*example.com" or "app.*.com".
func Unbounded(pattern string) bool {
	scheme, authority, found := strings.Cut(pattern, "://")
	if !found {
		scheme, authority = "", pattern
	}
	authority, _, _ = strings.Cut(authority, "/")
	if !strings.Contains(scheme+authority, "*") {
		return false
	}
	host, port, _ := strings.Cut(authority, ":")
	domain, ok := strings.CutPrefix(host, "*.")
	if !ok || strings.Contains(scheme+domain+port, "*") || !hostLabels(domain) {
		return true
	}
	if last := domain[strings.LastIndexByte(domain, '.')+1:]; strings.Trim(last, "0123456789") == "" {
		return true // browsers read a name that ends in a number as an IP address
	}
	_, err := publicsuffix.EffectiveTLDPlusOne(strings.ToLower(domain))
	return err != nil
}

// CrossSite says whether a browser declares a request to come from a foreign
// site, neither this server's own origin nor an allowed one. It is a second
// line behind the CSRF token, with the logic of http.CrossOriginProtection:
// safe methods are never cross-site, and clients that are no browsers send
// neither header.
//
// Sibling hosts ("same-site") are foreign too when they tell their origin; a
// page that hides it with a referrer policy is left to the token. allowed
// holds origins, with bounded wildcards as for CORS; the caller includes the
// public base URL's origin and those of its own sign-in pages.
func CrossSite(r *http.Request, allowed []string) bool {
	switch r.Method {
	case http.MethodGet, http.MethodHead, http.MethodOptions:
		return false
	}
	origin := r.Header.Get("Origin")
	switch r.Header.Get("Sec-Fetch-Site") {
	case "same-origin", "none":
		return false
	case "same-site":
		if origin == "" || origin == "null" {
			return false
		}
	case "":
		if origin == "" {
			return false
		}
	}
	return !AllowsOrigin(allowed, origin)
}

// Origin is the origin of a URL as browsers write it (RFC 6454 section 6.2):
// in lower case and without a port that is the scheme's default.
func Origin(u *url.URL) string {
	host := strings.ToLower(u.Host)
	switch {
	case u.Scheme == "https":
		host = strings.TrimSuffix(host, ":443")
	case u.Scheme == "http":
		host = strings.TrimSuffix(host, ":80")
	}
	return u.Scheme + "://" + host
}

// AllowsOrigin says whether an origin is among those that are allowed, as
// CrossSite and CORS compare them.
func AllowsOrigin(allowed []string, origin string) bool {
	return slices.ContainsFunc(allowed, func(pattern string) bool { return matchesOrigin(pattern, origin) })
}

func matchesOrigin(pattern, origin string) bool {
	scheme, host, ok := strings.Cut(origin, "://")
	patternScheme, patternHost, patternOK := strings.Cut(strings.TrimSuffix(pattern, "/"), "://")
	if !ok || !patternOK || scheme != strings.ToLower(patternScheme) {
		return false
	}
	if strings.Contains(patternHost, "*") {
		return !Unbounded(pattern) && matchesWildcard(lower(patternHost), lower(host))
	}
	return host != "" && lower(host) == lower(patternHost)
}

// matchesWildcard says whether host, which may have a port, is one or more
// labels followed by what stands after the star of the pattern. Both are in
// lower case. A star that is not followed by a dot is unbounded, and matches
// no label too.
func matchesWildcard(pattern, host string) bool {
	end := strings.TrimPrefix(pattern, "*")
	labels, ok := strings.CutSuffix(host, end)
	if !strings.HasPrefix(end, ".") {
		labels = strings.TrimSuffix(labels, ".")
		return ok && (labels == "" || hostLabels(labels))
	}
	return ok && hostLabels(labels)
}

// hostLabels says whether s is one or more labels of a host name, letters,
// digits, hyphens and underscores joined by dots. Nothing else can be read in
// two ways by two parsers.
func hostLabels(s string) bool {
	for label := range strings.SplitSeq(s, ".") {
		if label == "" || strings.ContainsFunc(label, func(c rune) bool {
			return (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') && (c < '0' || c > '9') && c != '-' && c != '_'
		}) {
			return false
		}
	}
	return true
}

// lower lowers ASCII letters only: Unicode has letters that fall together with
// ASCII ones when lowered, and a host must not.
func lower(s string) string {
	return strings.Map(func(c rune) rune {
		if 'A' <= c && c <= 'Z' {
			return c + 'a' - 'A'
		}
		return c
	}, s)
}
