package app

import (
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"time"

	"zelus/internal/api"
	"zelus/internal/auth"
	"zelus/internal/config"
	"zelus/internal/v0alpha2"
	"zelus/internal/web"
)

// Deadlines of a request: a little before its connection is given up, so that it
// still gets an answer (see sides). That of the admin server is long enough for a
// batch of identities whose passwords have to be hashed.
const (
	publicWithin = 55 * time.Second
	adminWithin  = 110 * time.Second
)

// Public is the server that faces people, and where clients of the v0alpha2 era
// find both APIs.
func (a *App) Public() http.Handler {
	var h http.Handler = a.publicRoutes().mux
	h = web.VaryCookie(h, isHealth)
	h = web.CORS(a.cors, h)
	h = a.server.Target(h)
	h = web.Headers(h)
	h = a.server.Recover(h)
	healthOff := quiet(func() bool { return a.Config().Serve.Public.RequestLog.DisableForHealth })
	// The page of caught mail asks every second for more.
	h = a.server.Log(h, func(path string) bool { return healthOff(path) || path == "/"+config.MailPath && a.Config().Dev })
	return web.LimitBody(h)
}

// Admin is the server for trusted services.
func (a *App) Admin() http.Handler {
	h := a.guard(a.adminRoutes().mux)
	h = withAdminPrefix(h)
	h = a.noForeignPages(h)
	h = a.server.Target(h)
	h = web.Headers(h)
	h = a.server.Recover(h)
	h = a.server.Log(h, quiet(func() bool { return a.Config().Serve.Admin.RequestLog.DisableForHealth }))
	return web.Deadline(adminWithin, web.LimitBody(h))
}

// siteOf is where the two servers are reached.
func siteOf(c *config.Config) v0alpha2.Site {
	return v0alpha2.Site{Public: c.PublicURL().String(), Admin: c.AdminURL().String()}
}

func (a *App) site() v0alpha2.Site { return siteOf(a.Config()) }

// routes is a mux and the patterns that it knows, which it does not tell itself.
type routes struct {
	mux      *http.ServeMux
	patterns []string
}

func (r *routes) handle(pattern string, h http.Handler) {
	r.mux.Handle(pattern, h)
	r.patterns = append(r.patterns, pattern)
}

// publicRoutes is everything that the public server has: the routes of today,
// those of them that the v0alpha2 era had once more below its prefix, and there
// the admin API as well, always behind a key.
func (a *App) publicRoutes() *routes {
	all := &routes{mux: http.NewServeMux()}
	mount := func(pattern string, h web.Handler) {
		all.handle(pattern, web.Deadline(publicWithin, a.server.Handle(h)))
	}
	// older mounts the route of the v0alpha2 era that a route of today's does the
	// work of, where there is one.
	older := func(mount api.Mount, pattern string, h web.Handler, behind func(web.Handler) web.Handler) {
		if old, route, ok := v0alpha2.Of(pattern); ok {
			mount(old, behind(route.Handler(h, a.site)))
		}
	}
	open := func(h web.Handler) web.Handler { return h }
	both := func(pattern string, h web.Handler) {
		mount(pattern, h)
		older(mount, pattern, h, open)
	}
	a.engine.Routes(both)
	// The session check has no deadline: mostly it asks no database, and is done
	// before one is made. Where it does ask, the store bounds how long.
	quick := func(pattern string, h web.Handler) { all.handle(pattern, a.server.Handle(h)) }
	a.api.SessionCheck(func(pattern string, h web.Handler) {
		quick(pattern, h)
		older(quick, pattern, h, open)
	})
	a.api.Public(both)
	a.api.Redirects(mount)
	a.pages.Routes(mount)
	a.api.Admin(func(pattern string, h web.Handler) {
		behind := a.keyed
		if _, path, _ := strings.Cut(pattern, " "); openToAll(path) {
			behind = open
		}
		older(mount, pattern, h, behind)
	})
	// Without a key nobody learns what there is.
	mount(v0alpha2.AdminPrefix+"/", a.keyed(func(w http.ResponseWriter, r *http.Request) error {
		http.NotFound(w, r)
		return nil
	}))
	all.handle("GET /dev/", a.caughtMail())
	return all
}

// keyed puts a handler of the admin API on the public server behind a key, and
// takes it away where the configuration does not want it there.
func (a *App) keyed(h web.Handler) web.Handler {
	h = a.keys.Always(h)
	return func(w http.ResponseWriter, r *http.Request) error {
		if !a.Config().Serve.Public.AdminPrefix {
			http.NotFound(w, r)
			return nil
		}
		return h(w, r)
	}
}

// adminRoutes is everything that the admin server has. A test asks each of them
// for a key.
func (a *App) adminRoutes() *routes {
	all := &routes{mux: http.NewServeMux()}
	a.api.Admin(func(pattern string, h web.Handler) { all.handle(pattern, a.server.Handle(h)) })
	return all
}

// guard asks for an API key, where one is due, before anything else is looked
// at: who has none does not learn what there is. So it stands before the mux, and
// every route is behind it but those that openToAll names.
func (a *App) guard(next http.Handler) http.Handler {
	guarded := a.server.Handle(a.keys.Guard(func(w http.ResponseWriter, r *http.Request) error {
		next.ServeHTTP(w, r)
		return nil
	}))
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if openToAll(r.URL.EscapedPath()) {
			next.ServeHTTP(w, r)
			return
		}
		guarded.ServeHTTP(w, r)
	})
}

// openToAll names what the admin server answers without a key: what load
// balancers and supervisors ask, and nothing private. The path is as the mux
// reads it, with its escapes.
func openToAll(path string) bool {
	return path == "/admin/health/alive" || path == "/admin/health/ready" || path == "/admin/version"
}

// noForeignPages refuses changes that a page of another site asks for in the
// browser of somebody who can reach the admin port. Services send neither of
// the headers that give such a page away. In development, where the port mostly needs
// no key, it is not answered under a name either that such a page could have.
func (a *App) noForeignPages(next http.Handler) http.Handler {
	return a.server.Handle(func(w http.ResponseWriter, r *http.Request) error {
		c := a.Config()
		if web.CrossSite(r, []string{web.Origin(c.AdminURL())}) {
			return auth.ErrCSRF.Saying("A page of another site asked for this in a browser. The admin API is for services.")
		}
		if c.Dev && !nearby(c, r) {
			return auth.ErrCSRF.Saying("With dev the admin API is only reached by localhost or an address, and from other machines by a name that nobody on the internet can have. If %q is its name, set serve.admin.base_url to it.", auth.Short(r.Host))
		}
		next.ServeHTTP(w, r)
		return nil
	})
}

// withAdminPrefix adds /admin to paths that lack it: /identities is
// /admin/identities. It changes the request itself, so that the log sees the route.
func withAdminPrefix(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if path := r.URL.Path; path != "/admin" && !strings.HasPrefix(path, "/admin/") {
			r.URL.Path = "/admin" + path
			if r.URL.RawPath != "" {
				r.URL.RawPath = "/admin" + r.URL.RawPath
			}
		}
		next.ServeHTTP(w, r)
	})
}

// isHealth names the health checks, on either server.
func isHealth(path string) bool {
	return strings.HasPrefix(strings.TrimPrefix(path, "/admin"), "/health/") || strings.HasPrefix(path, v0alpha2.PublicPrefix+"/health/")
}

// quiet names the requests that are not logged where the configuration says so.
func quiet(on func() bool) func(string) bool {
	return func(path string) bool { return isHealth(path) && on() }
}

// caughtMail shows the mail that is caught, in development only: it lets
// people in.
func (a *App) caughtMail() http.Handler {
	page := a.catcher.Page(a.pages.Style)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if c := a.Config(); !c.Dev || !nearby(c, r) {
			http.NotFound(w, r)
			return
		}
		page.ServeHTTP(w, r)
	})
}

// nearby says whether the Host header of a request names this server as it is
// configured, by an address, or as this machine. Otherwise a page whose own name leads to
// this machine (DNS rebinding) could read what is for developers. Who asks from another
// machine, a container for instance, may also use a name that nobody on the internet can
// have: one without a dot, or below a domain that is reserved for a network (RFC 6761,
// RFC 6762; .internal by ICANN). From this machine a browser may ask, in a network
// that gives such names to whom it likes. The names alone decide: over plain HTTP such a page
// sends neither Sec-Fetch-Site nor, to read, Origin, and can call itself any User-Agent.
func nearby(c *config.Config, r *http.Request) bool {
	name := strings.ToLower(strings.TrimSuffix((&url.URL{Host: r.Host}).Hostname(), "."))
	switch {
	case strings.EqualFold(name, c.PublicURL().Hostname()), strings.EqualFold(name, c.AdminURL().Hostname()), net.ParseIP(name) != nil,
		name == "localhost", strings.HasSuffix(name, ".localhost"):
		return true
	}
	peer, err := netip.ParseAddrPort(r.RemoteAddr)
	if err != nil {
		return true // a Unix socket, which no browser reaches
	}
	if peer.Addr().Unmap().IsLoopback() {
		return false
	}
	return name != "" && !strings.Contains(name, ".") ||
		slices.ContainsFunc([]string{".local", ".internal", ".test"}, func(domain string) bool { return strings.HasSuffix(name, domain) })
}

func (a *App) cors() web.CORSOptions {
	c := a.Config()
	o := &c.Serve.Public.CORS
	return web.CORSOptions{Enabled: o.Enabled, AllowedOrigins: o.AllowedOrigins, AllowedMethods: o.AllowedMethods, AllowedHeaders: o.AllowedHeaders,
		ExposedHeaders: o.ExposedHeaders, AllowCredentials: o.AllowCredentials, OptionsPassthrough: o.OptionsPassthrough, MaxAge: o.MaxAge,
		UnboundedWildcards: c.FeatureFlags.LegacyAllowInsecureOrigins}
}
