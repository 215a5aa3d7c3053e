package flow

import (
	"cmp"
	"encoding/json"
	"net/http"
	"slices"

	"github.com/google/uuid"

	"zelus/internal/auth"
	"zelus/internal/ui"
	"zelus/internal/web"
)

// status is what a client is told of a form that goes on: the status of the
// flow for those who talk JSON, and of the redirect to its page for the others.
// again is the same form with messages, next a further step.
//
//	             again              next
//	             JSON    page       JSON    page
//	login        400     303        400     303
//	registration 400     302        400     303
//	settings     400     303        200     303
//	recovery     400     303        200     303
//	verification 400     303        200     303
//
// The values stand with the kinds, in kinds.go.
type status struct{ json, page int }

// redirect sends the browser elsewhere. http.Redirect would resolve relative
// addresses against the request; ours are complete or configured.
func (v *visit) redirect(status int, to string) {
	v.w.Header().Set("Location", to)
	v.w.WriteHeader(status)
}

// show writes a flow as JSON.
func (v *visit) show(status int, f *auth.Flow) error {
	return web.WriteJSON(v.w, status, v.kindOf(f).json(v, f, v.common(f)))
}

func (v *visit) common(f *auth.Flow) commonFields {
	container := f.UI
	if f.Type == auth.Browser {
		// The token is made for each answer anew, see web.CSRF.
		container.Nodes = slices.Clone(container.Nodes)
		if secret := v.csrf.Ensure(v.w, v.r); v.tied(f, secret) {
			container.SetValue(csrfField, v.csrf.Mask(secret))
		}
	}
	return commonFields{ID: f.ID, Type: f.Type, ExpiresAt: auth.Stamp(f.ExpiresAt), IssuedAt: auth.Stamp(f.IssuedAt), RequestURL: f.RequestURL,
		ReturnTo: f.ReturnTo(), Active: f.Active, UI: container, State: f.State, TransientPayload: f.TransientPayload}
}

// commonFields are what all flows have on the wire.
type commonFields struct {
	ID               uuid.UUID       `json:"id"`
	Type             auth.FlowType   `json:"type"`
	ExpiresAt        string          `json:"expires_at"`
	IssuedAt         string          `json:"issued_at"`
	RequestURL       string          `json:"request_url"`
	ReturnTo         string          `json:"return_to,omitempty"`
	Active           string          `json:"active,omitempty"`
	UI               ui.Container    `json:"ui"`
	State            string          `json:"state"`
	TransientPayload json.RawMessage `json:"transient_payload,omitempty"`
}

// succeed answers a success.
//
//	          app                          single page                    plain browser
//	login     200 token, session           cookie, 200 session            cookie, 303 return URL
//	          (no identity before AAL2)    (422 to the second factor)     (303 to the second factor)
//	sign-up   200 identity                 200 identity                   303 return URL
//	+session  200 token, session, identity cookie, 200 session, identity  cookie, 303 return URL
//	settings  200 flow                     cookie, 200 flow               cookie, 303 return URL
func (v *visit) succeed(done *result) error {
	f, k := done.flow, v.kindOf(done.flow)
	if v.app {
		return v.tell(done, v.asks(done))
	}
	if v.rotates(done) {
		v.csrf.Give(v.w, v.nextSecret())
	}
	to := ""
	if k.leads != nil {
		to = k.leads(v, done)
	} else {
		to = v.returnURL(f, done.method)
	}
	if done.session != nil {
		v.engine.Sessions.SetCookie(v.w, done.token, done.session.ExpiresAt)
		v.forgetAside(f)
		if k.stepsUp && !v.satisfied(done) {
			to = v.stepUp(f.ReturnTo())
			if v.asJSON() {
				return auth.ErrBrowserLocation.Saying("A second factor is needed. Go on at %s.", to).With("redirect_browser_to", to)
			}
		}
	}
	asks := v.asks(done)
	to = cmp.Or(asks, to)
	if !v.asJSON() {
		if steps := v.steps(done); len(steps) > 0 && asks == "" {
			to = steps[0].Flow.URL
		}
		var word Word
		if k.stays && !done.waits && to != v.page(f) { // that page says it in its form
			word = WordSaved
		}
		v.leadOn(to, word)
		return nil
	}
	return v.tell(done, to)
}

// tell answers a success to those who talk JSON; to is where a browser goes on.
func (v *visit) tell(done *result, to string) error {
	var redirect []auth.ContinueWith
	if to != "" && !done.waits {
		redirect = []auth.ContinueWith{{Action: auth.RedirectBrowserTo, RedirectBrowserTo: to}}
	}
	next := append(redirect, v.steps(done)...)
	if v.kind.stays {
		next = append(v.steps(done), redirect...)
	}
	body, err := v.kind.success(v, done, next)
	if err != nil {
		return err
	}
	web.WriteRawJSON(v.w, http.StatusOK, body)
	return nil
}

// rotates says whether a browser gets a new CSRF secret with a success, because
// somebody else is signed in from then on.
func (v *visit) rotates(done *result) bool {
	return done.session != nil && done.former != done.identity.ID
}

// nextSecret is the CSRF secret that a browser gets with a success. Forms that
// are begun for it before that are bound to this one.
func (v *visit) nextSecret() []byte {
	if v.secret == nil {
		v.secret = web.NewCSRFSecret()
	}
	return v.secret
}

// bind ties a browser's new flow to the secret that the browser will have.
func (v *visit) bind(f *auth.Flow, done *result) {
	switch {
	case f.Type != auth.Browser:
	case done != nil && v.rotates(done):
		f.CSRF = v.bindings.Hash(string(v.nextSecret()))
	default:
		f.CSRF = v.bindings.Hash(string(v.csrf.Ensure(v.w, v.r)))
	}
}

// toFlow sends those who talk JSON to another flow, as JSON.
func (v *visit) toFlow(f *auth.Flow) error {
	v.redirect(http.StatusSeeOther, v.flowURL(f))
	return nil
}

// signedInJSON is the answer to a login or registration: the session that has begun, if
// any has, with the identity inSession, and beside it the one who has signed up; nil tells
// of none. Apps get the session's token. It is put together here, because nearly all of it
// is JSON already.
func (v *visit) signedInJSON(done *result, inSession, beside []byte, next []auth.ContinueWith) ([]byte, error) {
	steps, err := json.Marshal(next)
	if err != nil {
		return nil, err
	}
	out := append(make([]byte, 0, len(inSession)+len(beside)+len(steps)+1024), '{')
	if done.session != nil {
		if v.app {
			token, err := json.Marshal(done.token)
			if err != nil {
				return nil, err
			}
			out = append(out, `"session_token":`...)
			out = append(out, token...)
			out = append(out, ',')
		}
		out = append(out, `"session":`...)
		out = done.session.AppendJSON(out, true, inSession)
		out = append(out, ',')
	}
	if beside != nil {
		out = append(out, `"identity":`...)
		out = append(out, beside...)
		out = append(out, ',')
	}
	out = append(out, `"continue_with":`...)
	out = append(out, steps...)
	return append(out, '}'), nil
}

func (v *visit) identityJSON(done *result) []byte { return done.identity.Pack().Render(v.reader()) }

// reader is somebody who reads about themselves.
func (v *visit) reader() auth.Reader { return auth.Reader{BaseURL: v.base, Addresses: true} }

// stepUp is where a browser proves a second factor, and then goes back; empty
// is nowhere in particular.
func (v *visit) stepUp(back string) string {
	to := v.base + auth.StepUpPath
	if back != "" {
		to = withQuery(to, "return_to", back)
	}
	return to
}
