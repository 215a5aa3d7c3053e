package app

import (
	"net/http"
	"strings"

	"zelus/internal/web"
)

// public is the server that faces people.
func (a *App) public() http.Handler {
	mux := http.NewServeMux()
	mount := func(pattern string, h web.Handler) { mux.Handle(pattern, a.server.Handle(h)) }
	a.engine.Routes(mount)
	a.api.Public(mount)
	if a.catcher != nil {
		mux.Handle("GET /dev/", a.catcher.Page())
	}
	var h http.Handler = mux
	h = web.VaryCookie(h)
	h = web.CORS(a.cors, h)
	h = web.Headers(h)
	h = a.server.Recover(h)
	h = a.server.Log(h, a.quiet(func() bool { return a.live.Now().Serve.Public.RequestLog.DisableForHealth }))
	return web.LimitBody(h)
}

// admin is the server for trusted services.
func (a *App) admin() http.Handler {
	mux := http.NewServeMux()
	a.api.Admin(func(pattern string, h web.Handler) { mux.Handle(pattern, a.server.Handle(h)) })
	h := withAdminPrefix(mux)
	h = web.Headers(h)
	h = a.server.Recover(h)
	h = a.server.Log(h, a.quiet(func() bool { return a.live.Now().Serve.Admin.RequestLog.DisableForHealth }))
	return web.LimitBody(h)
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

// quiet names the requests that are not logged where the configuration says so.
func (a *App) quiet(on func() bool) func(string) bool {
	return func(path string) bool {
		return strings.HasPrefix(strings.TrimPrefix(path, "/admin"), "/health/") && on()
	}
}

func (a *App) cors() web.CORSOptions {
	c := a.live.Now()
	o := &c.Serve.Public.CORS
	return web.CORSOptions{Enabled: o.Enabled, AllowedOrigins: o.AllowedOrigins, AllowedMethods: o.AllowedMethods, AllowedHeaders: o.AllowedHeaders,
		ExposedHeaders: o.ExposedHeaders, AllowCredentials: o.AllowCredentials, OptionsPassthrough: o.OptionsPassthrough, MaxAge: o.MaxAge,
		UnboundedWildcards: c.FeatureFlags.LegacyAllowInsecureOrigins}
}
