package api

import (
	"net/http"
	"net/url"
	"strings"
	"sync/atomic"
	"time"

	"zelus/internal/adminkey"
	"zelus/internal/auth"
	"zelus/internal/ceremony"
	"zelus/internal/config"
	"zelus/internal/courier"
	"zelus/internal/flow"
	"zelus/internal/identity"
	"zelus/internal/schema"
	"zelus/internal/secret"
	"zelus/internal/session"
	"zelus/internal/store"
	"zelus/internal/web"
)

// API is what the handlers use. Build it as a literal and call Configure
// before use.
type API struct {
	Store      *store.Store
	Sessions   *session.Sessions
	Identities *identity.Manager
	Keys       *adminkey.Keys
	Courier    *courier.Courier
	Flows      *flow.Engine
	// Version is what /version answers.
	Version string
	Clock   func() time.Time

	now atomic.Pointer[current]
}

// current is the configuration in force and what follows from it.
type current struct {
	config  *config.Config
	schemas *schema.Set
	public  string // base URLs, with their final slash
	admin   string
	lists   web.Offsets
	pages   *secret.Ring // of page tokens
	sight   *web.Sight
}

// Configure replaces the configuration.
func (a *API) Configure(c *config.Config, schemas *schema.Set) error {
	pages, err := secret.NewRing("page token", c.Secrets.Pagination)
	if err != nil {
		return err
	}
	sight, err := web.NewSight(c.Secrets.Default)
	if err != nil {
		return err
	}
	a.now.Store(&current{sight: sight, config: c, schemas: schemas, public: c.PublicURL().String(), admin: c.AdminURL().String(), pages: pages,
		lists: web.Offsets{Default: 250, Max: 1000,
			Seal: func(plain []byte) string { return pages.SealString(plain, nil) },
			Open: func(token string) ([]byte, error) { return pages.OpenString(token, nil) },
		}})
	return nil
}

// Mount adds a route.
type Mount func(pattern string, h web.Handler)

// methods are those of the session check: gateways ask in the method of the
// request that they are to let through.
func methods() []string {
	return []string{"GET", "POST", "PUT", "PATCH", "DELETE", "CONNECT", "OPTIONS", "TRACE"}
}

// SessionCheck is the route that tells who somebody is.
func (a *API) SessionCheck(mount Mount) {
	for _, method := range methods() {
		mount(method+" /sessions/whoami", a.whoami)
	}
}

// Public is what the public server has besides the flows and the session check.
func (a *API) Public(mount Mount) {
	mount("GET /sessions", a.listOwnSessions)
	mount("DELETE /sessions", a.revokeOtherSessions)
	mount("DELETE /sessions/{id}", a.revokeOwnSession)
	mount("GET /sessions/trusted-devices", a.listOwnTrustedDevices)
	mount("POST /sessions/trusted-devices", a.trustDevice)
	mount("DELETE /sessions/trusted-devices", a.distrustOwnDevices)
	mount("DELETE /sessions/trusted-devices/{id}", a.distrustOwnDevice)

	mount("GET /"+flow.AccountPath+"history", a.ownHistory)
	mount("GET /"+flow.AccountPath+"credentials", a.ownCredentials)
	mount("GET /"+exportPath, a.Flows.Looking(exportPath, a.export))
	mount("PATCH /"+flow.AccountPath+"credentials/{type}/{key}", a.Flows.Changing(settingsHome, a.renameKey))
	mount("POST /"+flow.AccountPath+"credentials/{type}/{key}", a.Flows.Changing(settingsHome, a.renameKey))

	mount("GET /schemas", a.listSchemas)
	mount("GET /schemas/{id}", a.getSchema)
	mount("GET /admin/schemas", a.listSchemas)
	mount("GET /admin/schemas/{id}", a.getSchema)

	mount("GET "+ceremony.ScriptPath, a.webAuthnScript)
	mount("GET /.well-known/webauthn", a.relatedOrigins)

	mount("GET /health/alive", a.alive)
	mount("GET /health/ready", a.ready)
}

// Redirects leads clients that took the public server for the admin server there.
func (a *API) Redirects(mount Mount) {
	for _, prefix := range []string{"", "/admin"} {
		for _, route := range []string{
			"GET /identities", "POST /identities", "GET /identities/{id}", "PUT /identities/{id}", "PATCH /identities/{id}", "DELETE /identities/{id}",
			"GET /identities/by/external/{external}", "DELETE /identities/{id}/credentials/{type}", "DELETE /identities/{id}/sessions",
		} {
			method, path, _ := strings.Cut(route, " ")
			mount(method+" "+prefix+path, a.toAdmin)
		}
	}
	for _, path := range []string{"/recovery/code", "/recovery/link"} {
		mount("POST "+path, a.toAdmin)
		mount("POST /admin"+path, a.toAdmin)
	}
	mount("GET /admin/courier/messages", a.toAdmin)
	mount("GET /admin/courier/messages/{id}", a.toAdmin)
}

// Admin is what the admin server has. Every path is below /admin; the server
// adds the prefix for clients that leave it out, and asks for an API key before
// any of them but those that are open to everybody: alive, ready and version. Of
// these, ready tells only whom the server would let in why it is not ready;
// readyForOperators asks for the key itself before it does.
func (a *API) Admin(mount Mount) {
	mount("GET /admin/identities", a.listIdentities)
	mount("POST /admin/identities", a.createIdentity)
	mount("PATCH /admin/identities", a.createIdentities)
	mount("GET /admin/identities/{id}", a.getIdentity)
	mount("PUT /admin/identities/{id}", a.replaceIdentity)
	mount("PATCH /admin/identities/{id}", a.patchIdentity)
	mount("DELETE /admin/identities/{id}", a.deleteIdentity)
	mount("GET /admin/identities/by/external/{external}", a.getIdentityByExternalID)
	mount("DELETE /admin/identities/{id}/credentials/{type}", a.deleteCredential)
	mount("GET /admin/identities/{id}/sessions", a.listSessionsOf)
	mount("DELETE /admin/identities/{id}/sessions", a.deleteSessionsOf)
	mount("GET /admin/identities/{id}/trusted-devices", a.listTrustedDevicesOf)
	mount("DELETE /admin/identities/{id}/trusted-devices", a.distrustDevicesOf)
	mount("GET /admin/identities/{id}/history", a.historyOf)
	mount("GET /admin/sessions/{id}", a.getSession)
	mount("DELETE /admin/sessions/{id}", a.revokeSession)
	mount("PATCH /admin/sessions/{id}/extend", a.extendSession)

	mount("POST /admin/recovery/code", a.createRecoveryCode)
	mount("POST /admin/recovery/link", a.createRecoveryLink)
	mount("GET /admin/courier/messages", a.listMessages)
	mount("GET /admin/courier/messages/{id}", a.getMessage)

	mount("GET /admin/keys", a.listKeys)
	mount("POST /admin/keys", a.createKey)
	mount("DELETE /admin/keys/{id}", a.revokeKey)

	mount("GET /admin/health/alive", a.alive)
	mount("GET /admin/health/ready", a.readyForOperators)
	mount("GET /admin/health/config", a.revision)
	mount("GET /admin/version", a.version)
	mount("GET /admin/metrics/prometheus", a.metrics)

	mount("/admin/self-service/", a.toPublic)
	for _, method := range methods() {
		mount(method+" /admin/sessions/whoami", a.toPublic)
	}
	mount("DELETE /admin/sessions", a.toPublic)
	mount("GET /admin/schemas", a.toPublic)
	mount("GET /admin/schemas/{id}", a.toPublic)
}

// toAdmin sends a client on to the admin server.
func (a *API) toAdmin(w http.ResponseWriter, r *http.Request) error {
	return sendOn(w, r, a.now.Load().admin+"admin/", strings.TrimPrefix(strings.TrimPrefix(r.URL.EscapedPath(), "/admin"), "/"))
}

// toPublic sends a client on to the public server.
func (a *API) toPublic(w http.ResponseWriter, r *http.Request) error {
	return sendOn(w, r, a.now.Load().public, strings.TrimPrefix(strings.TrimPrefix(r.URL.EscapedPath(), "/admin"), "/"))
}

func sendOn(w http.ResponseWriter, r *http.Request, base, path string) error {
	to := base + path
	if r.URL.RawQuery != "" {
		to += "?" + r.URL.RawQuery
	}
	w.Header().Set("Location", to)
	w.WriteHeader(http.StatusTemporaryRedirect)
	return nil
}

// wholeQuery is the query of an administrator's request. One of which a part
// cannot be read is refused: the standard library leaves that part out, and a list
// without its filter is of everybody.
func wholeQuery(r *http.Request) (url.Values, error) {
	query, err := url.ParseQuery(r.URL.RawQuery)
	if err != nil {
		return nil, auth.ErrParameter.Because(err).Saying("The query is not encoded correctly: a percent sign must be followed by two hexadecimal digits, and a semicolon is written %%3B.")
	}
	return query, nil
}

// parameter is the error of a query parameter that makes no sense.
func parameter(query url.Values, name, want string) error {
	return auth.ErrParameter.Saying("The parameter %s is %q, but it must be %s.", name, auth.Short(query.Get(name)), want)
}
