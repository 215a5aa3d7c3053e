package v0alpha2

import (
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"zelus/internal/auth"
	"zelus/internal/web"
)

// Prefixes of the two APIs on the public server.
const (
	Prefix       = "/api/kratos"
	PublicPrefix = Prefix + "/public"
	AdminPrefix  = Prefix + "/admin"
)

// Route is one operation of the era.
type Route struct {
	// Operations are its names in the API descriptions of the era.
	Operations string
	// Old is the path below Prefix, with the method before it where there
	// is one only.
	Old string
	// Today is the route that does the work, written in the same way.
	Today string

	// model is what an answer is read into; nil sends it as it is.
	model model
	// ask changes the query into what it means today.
	ask func(url.Values)
	// none is an error that was a success then: 204, and no body.
	none error
}

// Routes is the table of all operations.
func Routes() []Route {
	return []Route{
		{Operations: "toSession", Old: "/public/sessions/whoami", Today: "/sessions/whoami"}, // the cache holds it in both forms
		{Operations: "listSessions", Old: "GET /public/sessions", Today: "GET /sessions", model: as[sessions]},
		{Operations: "revokeSessions", Old: "DELETE /public/sessions", Today: "DELETE /sessions", model: unchanged},
		{Operations: "revokeSession", Old: "DELETE /public/sessions/{id}", Today: "DELETE /sessions/{id}", model: unchanged},

		{Operations: "initializeSelfServiceLoginFlowWithoutBrowser", Old: "GET /public/self-service/login/api", Today: "GET /self-service/login/api", model: as[loginFlow]},
		{Operations: "initializeSelfServiceLoginFlowForBrowsers", Old: "GET /public/self-service/login/browser", Today: "GET /self-service/login/browser", model: as[loginFlow]},
		{Operations: "getSelfServiceLoginFlow", Old: "GET /public/self-service/login/flows", Today: "GET /self-service/login/flows", model: as[loginFlow]},
		{Operations: "submitSelfServiceLoginFlow", Old: "/public/self-service/login", Today: "/self-service/login", model: either(as[loginFlow], as[signedIn])},

		{Operations: "initializeSelfServiceRegistrationFlowWithoutBrowser", Old: "GET /public/self-service/registration/api", Today: "GET /self-service/registration/api", model: as[flow]},
		{Operations: "initializeSelfServiceRegistrationFlowForBrowsers", Old: "GET /public/self-service/registration/browser", Today: "GET /self-service/registration/browser", model: as[flow]},
		{Operations: "getSelfServiceRegistrationFlow", Old: "GET /public/self-service/registration/flows", Today: "GET /self-service/registration/flows", model: as[flow]},
		{Operations: "submitSelfServiceRegistrationFlow", Old: "/public/self-service/registration", Today: "/self-service/registration", model: either(as[flow], as[signedUp])},

		{Operations: "initializeSelfServiceSettingsFlowWithoutBrowser", Old: "GET /public/self-service/settings/api", Today: "GET /self-service/settings/api", model: as[settingsFlow]},
		{Operations: "initializeSelfServiceSettingsFlowForBrowsers", Old: "GET /public/self-service/settings/browser", Today: "GET /self-service/settings/browser", model: as[settingsFlow]},
		{Operations: "getSelfServiceSettingsFlow", Old: "GET /public/self-service/settings/flows", Today: "GET /self-service/settings/flows", model: as[settingsFlow]},
		{Operations: "submitSelfServiceSettingsFlow", Old: "/public/self-service/settings", Today: "/self-service/settings", model: as[settingsFlow]},

		{Operations: "initializeSelfServiceRecoveryFlowWithoutBrowser", Old: "GET /public/self-service/recovery/api", Today: "GET /self-service/recovery/api", model: as[addressFlow]},
		{Operations: "initializeSelfServiceRecoveryFlowForBrowsers", Old: "GET /public/self-service/recovery/browser", Today: "GET /self-service/recovery/browser", model: as[addressFlow]},
		{Operations: "getSelfServiceRecoveryFlow", Old: "GET /public/self-service/recovery/flows", Today: "GET /self-service/recovery/flows", model: as[addressFlow]},
		{Operations: "submitSelfServiceRecoveryFlow", Old: "/public/self-service/recovery", Today: "/self-service/recovery", model: as[addressFlow]},

		{Operations: "initializeSelfServiceVerificationFlowWithoutBrowser", Old: "GET /public/self-service/verification/api", Today: "GET /self-service/verification/api", model: as[addressFlow]},
		{Operations: "initializeSelfServiceVerificationFlowForBrowsers", Old: "GET /public/self-service/verification/browser", Today: "GET /self-service/verification/browser", model: as[addressFlow]},
		{Operations: "getSelfServiceVerificationFlow", Old: "GET /public/self-service/verification/flows", Today: "GET /self-service/verification/flows", model: as[addressFlow]},
		{Operations: "submitSelfServiceVerificationFlow", Old: "/public/self-service/verification", Today: "/self-service/verification", model: as[addressFlow]},

		{Operations: "createSelfServiceLogoutFlowUrlForBrowsers", Old: "GET /public/self-service/logout/browser", Today: "GET /self-service/logout/browser", model: as[logoutURL]},
		{Operations: "submitSelfServiceLogoutFlow", Old: "GET /public/self-service/logout", Today: "GET /self-service/logout", model: unchanged},
		{Operations: "submitSelfServiceLogoutFlowWithoutBrowser", Old: "DELETE /public/self-service/logout/api", Today: "DELETE /self-service/logout/api", model: unchanged},
		{Operations: "getSelfServiceError", Old: "GET /public/self-service/errors", Today: "GET /self-service/errors", model: unchanged},
		{Operations: "getWebAuthnJavaScript", Old: "GET /public/.well-known/ory/webauthn.js", Today: "GET /.well-known/ory/webauthn.js"},

		{Operations: "listIdentitySchemas", Old: "GET /public/schemas", Today: "GET /schemas", model: as[schemas]},
		{Operations: "getJsonSchema, getIdentitySchema", Old: "GET /public/schemas/{id}", Today: "GET /schemas/{id}"},
		{Operations: "isAlive", Old: "GET /public/health/alive", Today: "GET /health/alive"},
		{Operations: "isReady", Old: "GET /public/health/ready", Today: "GET /health/ready"},
		{Operations: "getVersion", Old: "GET /public/version", Today: "GET /admin/version"},

		{Operations: "adminListIdentities", Old: "GET /admin/identities", Today: "GET /admin/identities", model: as[identities], ask: pages},
		{Operations: "adminCreateIdentity", Old: "POST /admin/identities", Today: "POST /admin/identities", model: as[identity]},
		{Operations: "adminGetIdentity", Old: "GET /admin/identities/{id}", Today: "GET /admin/identities/{id}", model: as[identity]},
		{Operations: "adminUpdateIdentity", Old: "PUT /admin/identities/{id}", Today: "PUT /admin/identities/{id}", model: as[identity]},
		{Operations: "adminPatchIdentity", Old: "PATCH /admin/identities/{id}", Today: "PATCH /admin/identities/{id}", model: as[identity]},
		{Operations: "adminDeleteIdentity", Old: "DELETE /admin/identities/{id}", Today: "DELETE /admin/identities/{id}", model: unchanged, none: auth.ErrIdentityUnknown},
		{Operations: "adminListIdentitySessions", Old: "GET /admin/identities/{id}/sessions", Today: "GET /admin/identities/{id}/sessions", model: as[sessions]},
		{Operations: "adminDeleteIdentitySessions", Old: "DELETE /admin/identities/{id}/sessions", Today: "DELETE /admin/identities/{id}/sessions", model: unchanged},
		{Operations: "adminExtendSession", Old: "PATCH /admin/sessions/{id}/extend", Today: "PATCH /admin/sessions/{id}/extend", model: as[session]},
		{Operations: "adminCreateSelfServiceRecoveryLink", Old: "POST /admin/recovery/link", Today: "POST /admin/recovery/link", model: as[recoveryLink]},
	}
}

// Bounds of a page of identities in that era.
const (
	perPage    = 100
	maxPerPage = 500
)

// pages asks for a page by its number, from 0: there was no other way. What
// cannot be read counts as absent.
func pages(query url.Values) {
	size, err := strconv.Atoi(query.Get("per_page"))
	if err != nil || size < 1 {
		size = perPage
	}
	page, err := strconv.Atoi(query.Get("page"))
	if err != nil || page < 0 {
		page = 0
	}
	query.Set("per_page", strconv.Itoa(min(size, maxPerPage)))
	query.Set("page", strconv.Itoa(page))
	query.Del("page_size")
	query.Del("page_token")
}

// Asked says whether a request is one of a client of the era.
func Asked(r *http.Request) bool { return strings.HasPrefix(r.URL.Path, Prefix+"/") }

// Of gives the old route of a route of today's: its pattern, and the operation.
func Of(pattern string) (old string, route Route, ok bool) {
	method, path, _ := strings.Cut(pattern, " ")
	for _, route := range Routes() {
		switch route.Today {
		case pattern:
			method, path, _ = strings.Cut(route.Old, " ")
		case path:
			path = route.Old
		default:
			continue
		}
		return method + " " + Prefix + path, route, true
	}
	return "", Route{}, false
}

// ForAdministrators says whether the operation needs a key.
func (route *Route) ForAdministrators() bool {
	_, path, _ := strings.Cut(route.Old, " ")
	return strings.HasPrefix(Prefix+path, AdminPrefix+"/")
}

// Handler is today's handler for clients of the era. site gives the addresses
// in force.
func (route *Route) Handler(h web.Handler, site func() Site) web.Handler {
	return func(w http.ResponseWriter, r *http.Request) error {
		if route.ask != nil {
			query := r.URL.Query()
			route.ask(query)
			// The request itself is changed, not a copy, so that the log sees
			// the route. It has its path and nothing else in common with others.
			r.URL.RawQuery = query.Encode()
		}
		if route.model == nil {
			if err := h(w, r); err != nil {
				return site().fault(err)
			}
			return nil
		}
		today := &answer{ResponseWriter: w, status: http.StatusOK}
		switch err := h(today, r); {
		case err != nil && route.none != nil && auth.AsError(err).Is(route.none):
			w.WriteHeader(http.StatusNoContent)
			return nil
		case err != nil:
			return site().fault(err)
		}
		return today.send(site(), route.model)
	}
}
