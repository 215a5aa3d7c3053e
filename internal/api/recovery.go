package api

import (
	"cmp"
	"errors"
	"net/http"
	"net/url"
	"time"

	"zelus/internal/auth"
	"zelus/internal/flow"
	"zelus/internal/web"
)

// newRecovery is what an administrator says of a recovery that they begin for
// somebody.
type newRecovery struct {
	IdentityID string  `json:"identity_id"`
	ExpiresIn  *string `json:"expires_in"` // 90s, 12h
	FlowType   string  `json:"flow_type"`
}

// nobody is what is said of an identity_id that is left out or unknown.
const nobody = "The identity_id is not that of an identity. Say whose account it is."

// handOut reads the request and begins the recovery.
func (a *API) handOut(w http.ResponseWriter, r *http.Request, method string) (*flow.Handed, error) {
	var body newRecovery
	if err := web.DecodeJSON(r, &body, false); err != nil {
		return nil, err
	}
	h := flow.Handout{Method: method, Type: auth.FlowType(cmp.Or(body.FlowType, string(auth.Browser))), RequestURL: a.adminURL(r)}
	if h.Type != auth.Browser && h.Type != auth.API {
		return nil, auth.ErrBadRequest.Saying("The flow_type is either browser or api.")
	}
	if body.IdentityID != "" {
		id, ok := web.ID(body.IdentityID)
		if !ok {
			return nil, auth.ErrBadRequest.Saying("The identity_id is not a UUID.")
		}
		h.Identity = id
	}
	if body.ExpiresIn != nil {
		lifespan, err := time.ParseDuration(*body.ExpiresIn)
		if err != nil || lifespan < time.Second {
			return nil, auth.ErrBadRequest.Saying("The field expires_in is a duration of at least one second, such as 90s or 12h.")
		}
		h.Lifespan = lifespan
	}
	return a.Flows.HandOut(w, r, h)
}

// adminURL is the address of this request on the admin server.
func (a *API) adminURL(r *http.Request) string {
	u, err := url.Parse(a.now.Load().admin)
	if err != nil { // it was parsed before
		return r.URL.Path
	}
	return web.RequestURL(r, u)
}

// createRecoveryCode gives an administrator a code with which somebody gets back
// into their account.
func (a *API) createRecoveryCode(w http.ResponseWriter, r *http.Request) error {
	made, err := a.handOut(w, r, "code")
	if errors.Is(err, auth.ErrIdentityUnknown) {
		return auth.ErrIdentityUnknown.Saying("%s", nobody)
	}
	if err != nil {
		return err
	}
	return web.WriteJSON(w, http.StatusCreated, struct {
		Link      string `json:"recovery_link"`
		Code      string `json:"recovery_code"`
		ExpiresAt string `json:"expires_at"`
	}{made.Link, made.Secret, auth.Stamp(made.ExpiresAt)})
}

// createRecoveryLink gives an administrator a link that leads somebody back into
// their account.
func (a *API) createRecoveryLink(w http.ResponseWriter, r *http.Request) error {
	made, err := a.handOut(w, r, "link")
	if errors.Is(err, auth.ErrIdentityUnknown) {
		return auth.ErrBadRequest.Saying("%s", nobody)
	}
	if err != nil {
		return err
	}
	return web.WriteJSON(w, http.StatusOK, struct {
		Link      string `json:"recovery_link"`
		ExpiresAt string `json:"expires_at"`
	}{made.Link, auth.Stamp(made.ExpiresAt)})
}
