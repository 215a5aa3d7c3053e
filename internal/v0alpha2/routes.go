package v0alpha2

import (
	"fmt"
	"net/http"
	"net/url"
	"slices"
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
	// Methods are those of HTTP, with commas between them.
	Methods string
	// Old is the path below Prefix, Today that of the route that does the work.
	Old, Today string

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
		{Operations: "toSession", Methods: "GET,POST,PUT,PATCH,DELETE,CONNECT,OPTIONS,TRACE", Old: "/public/sessions/whoami", Today: "/sessions/whoami"}, // the cache holds it in both forms
		{Operations: "listSessions", Methods: "GET", Old: "/public/sessions", Today: "/sessions", model: as[sessions]},
		{Operations: "revokeSessions", Methods: "DELETE", Old: "/public/sessions", Today: "/sessions", model: unchanged},
		{Operations: "revokeSession", Methods: "DELETE", Old: "/public/sessions/{id}", Today: "/sessions/{id}", model: unchanged},

		{Operations: "initializeSelfServiceLoginFlowWithoutBrowser", Methods: "GET", Old: "/public/self-service/login/api", Today: "/self-service/login/api", model: as[loginFlow]},
		{Operations: "initializeSelfServiceLoginFlowForBrowsers", Methods: "GET", Old: "/public/self-service/login/browser", Today: "/self-service/login/browser", model: as[loginFlow]},
		{Operations: "getSelfServiceLoginFlow", Methods: "GET", Old: "/public/self-service/login/flows", Today: "/self-service/login/flows", model: as[loginFlow]},
		{Operations: "submitSelfServiceLoginFlow", Methods: "GET,POST", Old: "/public/self-service/login", Today: "/self-service/login", model: either(as[loginFlow], as[signedIn])},

		{Operations: "initializeSelfServiceRegistrationFlowWithoutBrowser", Methods: "GET", Old: "/public/self-service/registration/api", Today: "/self-service/registration/api", model: as[flow]},
		{Operations: "initializeSelfServiceRegistrationFlowForBrowsers", Methods: "GET", Old: "/public/self-service/registration/browser", Today: "/self-service/registration/browser", model: as[flow]},
		{Operations: "getSelfServiceRegistrationFlow", Methods: "GET", Old: "/public/self-service/registration/flows", Today: "/self-service/registration/flows", model: as[flow]},
		{Operations: "submitSelfServiceRegistrationFlow", Methods: "GET,POST", Old: "/public/self-service/registration", Today: "/self-service/registration", model: either(as[flow], as[signedUp])},

		{Operations: "initializeSelfServiceSettingsFlowWithoutBrowser", Methods: "GET", Old: "/public/self-service/settings/api", Today: "/self-service/settings/api", model: as[settingsFlow]},
		{Operations: "initializeSelfServiceSettingsFlowForBrowsers", Methods: "GET", Old: "/public/self-service/settings/browser", Today: "/self-service/settings/browser", model: as[settingsFlow]},
		{Operations: "getSelfServiceSettingsFlow", Methods: "GET", Old: "/public/self-service/settings/flows", Today: "/self-service/settings/flows", model: as[settingsFlow]},
		{Operations: "submitSelfServiceSettingsFlow", Methods: "GET,POST", Old: "/public/self-service/settings", Today: "/self-service/settings", model: as[settingsFlow]},

		{Operations: "initializeSelfServiceRecoveryFlowWithoutBrowser", Methods: "GET", Old: "/public/self-service/recovery/api", Today: "/self-service/recovery/api", model: as[addressFlow]},
		{Operations: "initializeSelfServiceRecoveryFlowForBrowsers", Methods: "GET", Old: "/public/self-service/recovery/browser", Today: "/self-service/recovery/browser", model: as[addressFlow]},
		{Operations: "getSelfServiceRecoveryFlow", Methods: "GET", Old: "/public/self-service/recovery/flows", Today: "/self-service/recovery/flows", model: as[addressFlow]},
		{Operations: "submitSelfServiceRecoveryFlow", Methods: "GET,POST", Old: "/public/self-service/recovery", Today: "/self-service/recovery", model: as[addressFlow]},

		{Operations: "initializeSelfServiceVerificationFlowWithoutBrowser", Methods: "GET", Old: "/public/self-service/verification/api", Today: "/self-service/verification/api", model: as[addressFlow]},
		{Operations: "initializeSelfServiceVerificationFlowForBrowsers", Methods: "GET", Old: "/public/self-service/verification/browser", Today: "/self-service/verification/browser", model: as[addressFlow]},
		{Operations: "getSelfServiceVerificationFlow", Methods: "GET", Old: "/public/self-service/verification/flows", Today: "/self-service/verification/flows", model: as[addressFlow]},
		{Operations: "submitSelfServiceVerificationFlow", Methods: "GET,POST", Old: "/public/self-service/verification", Today: "/self-service/verification", model: as[addressFlow]},

		{Operations: "createSelfServiceLogoutFlowUrlForBrowsers", Methods: "GET", Old: "/public/self-service/logout/browser", Today: "/self-service/logout/browser", model: as[logoutURL]},
		{Operations: "submitSelfServiceLogoutFlow", Methods: "GET", Old: "/public/self-service/logout", Today: "/self-service/logout", model: unchanged},
		{Operations: "submitSelfServiceLogoutFlowWithoutBrowser", Methods: "DELETE", Old: "/public/self-service/logout/api", Today: "/self-service/logout/api", model: unchanged},
		{Operations: "getSelfServiceError", Methods: "GET", Old: "/public/self-service/errors", Today: "/self-service/errors", model: unchanged},
		{Operations: "getWebAuthnJavaScript", Methods: "GET", Old: "/public/.well-known/ory/webauthn.js", Today: "/.well-known/ory/webauthn.js"},

		{Operations: "listIdentitySchemas", Methods: "GET", Old: "/public/schemas", Today: "/schemas", model: as[schemas]},
		{Operations: "getJsonSchema, getIdentitySchema", Methods: "GET", Old: "/public/schemas/{id}", Today: "/schemas/{id}"},
		{Operations: "isAlive", Methods: "GET", Old: "/public/health/alive", Today: "/health/alive"},
		{Operations: "isReady", Methods: "GET", Old: "/public/health/ready", Today: "/health/ready"},
		{Operations: "getVersion", Methods: "GET", Old: "/public/version", Today: "/admin/version"},

		{Operations: "adminListIdentities", Methods: "GET", Old: "/admin/identities", Today: "/admin/identities", model: as[identities], ask: pages},
		{Operations: "adminCreateIdentity", Methods: "POST", Old: "/admin/identities", Today: "/admin/identities", model: as[identity]},
		{Operations: "adminGetIdentity", Methods: "GET", Old: "/admin/identities/{id}", Today: "/admin/identities/{id}", model: as[identity]},
		{Operations: "adminUpdateIdentity", Methods: "PUT", Old: "/admin/identities/{id}", Today: "/admin/identities/{id}", model: as[identity]},
		{Operations: "adminPatchIdentity", Methods: "PATCH", Old: "/admin/identities/{id}", Today: "/admin/identities/{id}", model: as[identity]},
		{Operations: "adminDeleteIdentity", Methods: "DELETE", Old: "/admin/identities/{id}", Today: "/admin/identities/{id}", model: unchanged, none: auth.ErrIdentityUnknown},
		{Operations: "adminListIdentitySessions", Methods: "GET", Old: "/admin/identities/{id}/sessions", Today: "/admin/identities/{id}/sessions", model: as[sessions]},
		{Operations: "adminDeleteIdentitySessions", Methods: "DELETE", Old: "/admin/identities/{id}/sessions", Today: "/admin/identities/{id}/sessions", model: unchanged},
		{Operations: "adminExtendSession", Methods: "PATCH", Old: "/admin/sessions/{id}/extend", Today: "/admin/sessions/{id}/extend", model: as[session]},
		{Operations: "adminCreateSelfServiceRecoveryLink", Methods: "POST", Old: "/admin/recovery/link", Today: "/admin/recovery/link", model: as[recoveryLink]},
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

// Patterns are the routes of the operation, for http.ServeMux.
func (route *Route) Patterns() []string {
	var all []string
	for method := range strings.SplitSeq(route.Methods, ",") {
		all = append(all, method+" "+Prefix+route.Old)
	}
	return all
}

// Of gives the route of the era that a route of today's does the work of.
func Of(pattern string) (old string, route Route, ok bool) {
	method, path, _ := strings.Cut(pattern, " ")
	for _, route := range Routes() {
		if route.Today == path && slices.Contains(strings.Split(route.Methods, ","), method) {
			return method + " " + Prefix + route.Old, route, true
		}
	}
	return "", Route{}, false
}

// Handler is today's handler for clients of the era. site gives the addresses
// in force.
func (route *Route) Handler(h web.Handler, site func() Site) web.Handler {
	return func(w http.ResponseWriter, r *http.Request) error {
		if route.ask != nil {
			query := r.URL.Query()
			route.ask(query)
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
		if err := today.send(site(), route.model); err != nil {
			// Nobody is signed in by an answer that they cannot read.
			w.Header().Del("Set-Cookie")
			w.Header().Del("Location")
			return fmt.Errorf("v0alpha2: today's answer does not fit the model of %s: %w", route.Operations, err)
		}
		return nil
	}
}
