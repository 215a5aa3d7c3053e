package flow

import (
	"encoding/json"
	"net/http"

	"github.com/google/uuid"

	"zelus/internal/auth"
	"zelus/internal/ui"
	"zelus/internal/web"
)

// statuses is what a client is told of a form that goes on: the status of the
// flow for those who talk JSON, and of the redirect to the page for the others.
//
//	             again              next
//	             JSON    page       JSON    page
//	login        400     303        400     303
//	registration 400     302        400     303
//	settings     400     303        200     303
//	recovery     400     303        200     303
//	verification 400     303        200     303
var statuses = map[auth.Kind]map[verdict]struct{ json, page int }{
	auth.Login:        {again: {http.StatusBadRequest, http.StatusSeeOther}, next: {http.StatusBadRequest, http.StatusSeeOther}},
	auth.Registration: {again: {http.StatusBadRequest, http.StatusFound}, next: {http.StatusBadRequest, http.StatusSeeOther}},
	auth.Settings:     {again: {http.StatusBadRequest, http.StatusSeeOther}, next: {http.StatusOK, http.StatusSeeOther}},
	auth.Recovery:     {again: {http.StatusBadRequest, http.StatusSeeOther}, next: {http.StatusOK, http.StatusSeeOther}},
	auth.Verification: {again: {http.StatusBadRequest, http.StatusSeeOther}, next: {http.StatusOK, http.StatusSeeOther}},
}

// answer shows a form that goes on.
func (v *visit) answer(verdict verdict, f *auth.Flow) {
	status := statuses[f.Kind][verdict]
	if f.Type == auth.API || web.IsJSON(v.r) {
		v.show(status.json, f)
		return
	}
	v.redirect(status.page, v.page(f))
}

// redirect sends the browser elsewhere. http.Redirect would resolve relative
// addresses against the request; ours are complete or configured.
func (v *visit) redirect(status int, to string) {
	v.w.Header().Set("Location", to)
	v.w.WriteHeader(status)
}

// show writes a flow as JSON.
func (v *visit) show(status int, f *auth.Flow) {
	web.WriteRawJSON(v.w, status, v.flowJSON(f))
}

// flowJSON is a flow on the wire: which fields there are depends on the kind.
func (v *visit) flowJSON(f *auth.Flow) []byte {
	container := f.UI
	if f.Type == auth.Browser {
		// The token is made for each answer anew, see web.CSRF.
		container.Nodes = append([]ui.Node(nil), container.Nodes...)
		if secret := v.csrf.Ensure(v.w, v.r); v.bindings.Matches(string(secret), f.CSRF) {
			container.SetValue(csrfField, v.csrf.Mask(secret))
		}
	}
	common := commonFields{ID: f.ID, Type: f.Type, ExpiresAt: auth.Stamp(f.ExpiresAt), IssuedAt: auth.Stamp(f.IssuedAt), RequestURL: f.RequestURL,
		ReturnTo: f.ReturnTo(), Active: f.Active, UI: container}
	var out any
	switch f.Kind {
	case auth.Login:
		out = loginFields{commonFields: common, CreatedAt: auth.Stamp(f.CreatedAt), UpdatedAt: auth.Stamp(f.UpdatedAt), Refresh: f.Refresh,
			RequestedAAL: f.RequestedAAL, State: f.State, TransientPayload: f.TransientPayload, IdentitySchema: f.SchemaID}
	case auth.Registration:
		out = registrationFields{commonFields: common, TransientPayload: f.TransientPayload, State: f.State, IdentitySchema: f.SchemaID}
	default:
		out = otherFields{commonFields: common, State: f.State, ContinueWith: f.ContinueWith, TransientPayload: f.TransientPayload}
	}
	b, err := json.Marshal(out)
	if err != nil { // the parts were read from JSON
		return auth.ErrInternal.Because(err).JSON("")
	}
	return b
}

type commonFields struct {
	ID         uuid.UUID     `json:"id"`
	Type       auth.FlowType `json:"type"`
	ExpiresAt  string        `json:"expires_at"`
	IssuedAt   string        `json:"issued_at"`
	RequestURL string        `json:"request_url"`
	ReturnTo   string        `json:"return_to,omitempty"`
	Active     string        `json:"active,omitempty"`
	UI         ui.Container  `json:"ui"`
}

type loginFields struct {
	commonFields
	OrganizationID   *uuid.UUID      `json:"organization_id"`
	CreatedAt        string          `json:"created_at"`
	UpdatedAt        string          `json:"updated_at"`
	Refresh          bool            `json:"refresh"`
	RequestedAAL     auth.AAL        `json:"requested_aal"`
	State            string          `json:"state"`
	TransientPayload json.RawMessage `json:"transient_payload,omitempty"`
	IdentitySchema   string          `json:"identity_schema,omitempty"`
}

type registrationFields struct {
	commonFields
	OrganizationID   *uuid.UUID      `json:"organization_id"`
	TransientPayload json.RawMessage `json:"transient_payload,omitempty"`
	State            string          `json:"state"`
	IdentitySchema   string          `json:"identity_schema,omitempty"`
}

type otherFields struct {
	commonFields
	State            string              `json:"state"`
	ContinueWith     []auth.ContinueWith `json:"continue_with,omitempty"`
	TransientPayload json.RawMessage     `json:"transient_payload,omitempty"`
}

// succeed answers a success.
//
//	          app                          single page                    plain browser
//	login     200 token, session           cookie, 200 session            cookie, 303 return URL
//	          (no identity before AAL2)    (422 to the second factor)     (303 to the second factor)
//	sign-up   200 identity                 200 identity                   303 return URL
//	+session  200 token, session, identity cookie, 200 session, identity  cookie, 303 return URL
func (v *visit) succeed(done *result) error {
	f := done.flow
	to := v.returnURL(f, done.method)
	if f.Type == auth.API {
		return v.succeedApp(done)
	}
	if done.session != nil {
		v.engine.Sessions.SetCookie(v.w, done.token, done.session.ExpiresAt)
		if done.former != done.identity.ID {
			v.csrf.Rotate(v.w)
		}
		if f.Kind == auth.Login && !v.satisfied(done) {
			to = v.stepUp(f)
			if web.IsJSON(v.r) {
				return auth.ErrBrowserLocation.Saying("A second factor is needed. Go on at %s.", to).With("redirect_browser_to", to)
			}
		}
	}
	if !web.IsJSON(v.r) {
		v.redirect(http.StatusSeeOther, to)
		return nil
	}
	return v.write(done, successFields{Session: v.sessionJSON(done, true), Identity: v.identityJSON(done),
		ContinueWith: []auth.ContinueWith{{Action: auth.RedirectBrowserTo, RedirectBrowserTo: to}}})
}

func (v *visit) succeedApp(done *result) error {
	out := successFields{Identity: v.identityJSON(done)}
	if done.session != nil {
		out.SessionToken = done.token
		out.Session = v.sessionJSON(done, done.flow.Kind != auth.Login || v.satisfied(done))
		if done.flow.Kind == auth.Registration {
			out.ContinueWith = []auth.ContinueWith{{Action: auth.SetSessionToken, SessionToken: done.token}}
		}
	}
	return v.write(done, out)
}

func (v *visit) write(done *result, out successFields) error {
	if done.flow.Kind == auth.Login {
		out.Identity = nil // it stands in the session
	}
	return web.WriteJSON(v.w, http.StatusOK, out)
}

// successFields is the answer to a login or registration.
type successFields struct {
	SessionToken string              `json:"session_token,omitempty"`
	Session      json.RawMessage     `json:"session,omitempty"`
	Identity     json.RawMessage     `json:"identity,omitempty"`
	ContinueWith []auth.ContinueWith `json:"continue_with"`
}

func (v *visit) sessionJSON(done *result, withIdentity bool) json.RawMessage {
	if done.session == nil {
		return nil
	}
	var identity []byte
	if withIdentity {
		identity = v.identityJSON(done)
	}
	return done.session.AppendJSON(nil, true, identity)
}

func (v *visit) identityJSON(done *result) json.RawMessage {
	return done.identity.Pack().Render(auth.Reader{BaseURL: v.base, Addresses: true})
}

// stepUp is where a browser proves a second factor, and then goes on.
func (v *visit) stepUp(f *auth.Flow) string {
	to := v.base + "self-service/login/browser?aal=aal2"
	if back := f.ReturnTo(); back != "" {
		to = withQuery(to, "return_to", back)
	}
	return to
}
