package flow

import (
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"github.com/google/uuid"

	"zelus/internal/auth"
	"zelus/internal/store"
	"zelus/internal/ui"
	"zelus/internal/web"
)

// beginAPI starts a flow for an app. Its errors are always JSON.
func (v *visit) beginFor(t auth.FlowType) (*auth.Flow, *store.SessionRow, error) {
	if !v.kind.enabled(v.config) {
		return nil, nil, auth.ErrFlowDisabled
	}
	query := v.r.URL.Query()
	if _, err := v.returnTo.Check(query.Get("return_to")); err != nil {
		return nil, nil, err
	}
	row, err := v.session()
	if err != nil {
		return nil, nil, err
	}
	now := auth.Now(v.engine.Clock())
	f := &auth.Flow{ID: uuid.New(), Project: auth.DefaultProject, Kind: v.kind.name, Type: t, State: auth.ChooseMethod,
		RequestURL: web.RequestURL(v.r, v.public), IssuedAt: now, ExpiresAt: now.Add(v.kind.lifespan(v.config)), CreatedAt: now, UpdatedAt: now}
	if f.SchemaID, err = v.chosenSchema(query); err != nil {
		return nil, nil, err
	}
	switch v.kind {
	case login:
		err = v.beginLogin(f, row, query)
	default:
		if row != nil {
			err = auth.ErrSessionAlready
		}
	}
	return f, row, err
}

// chosenSchema is the schema that the parameter identity_schema asks for.
func (v *visit) chosenSchema(query url.Values) (string, error) {
	id := query.Get("identity_schema")
	if id == "" {
		return "", nil
	}
	s, ok := v.schemas.Get(id)
	if !ok {
		return "", auth.ErrIdentitySchemaNotSelectable.Saying("There is no identity schema called %q.", id)
	}
	if !s.Selectable() && s != v.schemas.Default() {
		return "", auth.ErrIdentitySchemaNotSelectable.Saying("The identity schema %q cannot be chosen here.", id)
	}
	return s.ID(), nil
}

// beginLogin sets what only logins have: whether the person in the session is
// to prove again who they are, and how strongly.
func (v *visit) beginLogin(f *auth.Flow, row *store.SessionRow, query url.Values) error {
	f.RequestedAAL = auth.AAL1
	if asked := query.Get("aal"); asked != "" {
		switch f.RequestedAAL = auth.AAL(strings.ToLower(asked)); f.RequestedAAL {
		case auth.AAL1, auth.AAL2:
		default:
			return auth.ErrAAL
		}
	}
	refresh, _ := strconv.ParseBool(query.Get("refresh"))
	switch {
	case row == nil && f.RequestedAAL == auth.AAL2:
		return auth.ErrAAL1Required
	case row == nil:
		return nil // there is nothing to refresh
	case !refresh && row.Session.AAL.AtLeast(f.RequestedAAL):
		return auth.ErrSessionAlready
	}
	f.Refresh, f.SessionID, f.IdentityID = refresh, row.Session.ID, row.Session.IdentityID
	return nil
}

// greet says above a new login form why it is shown to somebody who is signed in.
func greet(f *auth.Flow, row *store.SessionRow) {
	if f.Refresh {
		f.UI.Say(ui.Say(ui.InfoReauthenticate))
	}
	if row != nil && f.RequestedAAL == auth.AAL2 && !row.Session.AAL.AtLeast(auth.AAL2) {
		f.UI.Say(ui.Say(ui.InfoSecondFactor))
	}
}

// start prepares and stores a flow.
func (v *visit) start(f *auth.Flow, row *store.SessionRow) error {
	form, err := v.form(f)
	if err != nil {
		return err
	}
	if err := v.prepare(v.r.Context(), form); err != nil {
		return err
	}
	greet(f, row)
	return v.insert(f)
}

func (v *visit) insert(f *auth.Flow) error {
	return v.engine.Store.Write(v.r.Context(), store.Volatile, func(tx *store.Tx) error { return tx.InsertFlow(v.r.Context(), f) })
}

// beginAPI starts a flow for an app.
func (e *Engine) beginAPI(v *visit) error {
	f, row, err := v.beginFor(auth.API)
	if err == nil {
		err = v.start(f, row)
	}
	if err != nil {
		return err
	}
	v.show(http.StatusOK, f)
	return nil
}

// beginBrowser starts a flow for a browser: with a redirect to the page, or
// with the flow itself for those who ask for JSON.
func (e *Engine) beginBrowser(v *visit) error {
	f, row, err := v.beginFor(auth.Browser)
	if err == auth.ErrSessionAlready && !web.WantsJSON(v.r) {
		v.redirect(http.StatusSeeOther, v.afterSignedIn())
		return nil
	}
	if err == nil {
		f.CSRF = v.bindings.Hash(string(v.csrf.Ensure(v.w, v.r)))
		err = v.start(f, row)
	}
	if err != nil {
		return v.fault(err)
	}
	if web.WantsJSON(v.r) {
		v.show(http.StatusOK, f)
	} else {
		v.redirect(http.StatusSeeOther, v.page(f))
	}
	return nil
}

// afterSignedIn is where somebody goes who begins a flow but is signed in already.
func (v *visit) afterSignedIn() string {
	if to := v.r.URL.Query().Get("return_to"); to != "" {
		if resolved, err := v.returnTo.Resolve(to); err == nil {
			return resolved
		}
	}
	return v.config.SelfService.DefaultBrowserReturnURL
}

// fetch answers with a flow for the page that shows it. A browser's flow is
// shown to that browser only.
func (e *Engine) fetch(v *visit) error {
	if !v.kind.enabled(v.config) {
		return auth.ErrFlowDisabled
	}
	id, err := uuid.Parse(v.r.URL.Query().Get("id"))
	if err != nil {
		return auth.ErrFlowUnknown
	}
	f, err := v.load(id)
	if err != nil {
		return err
	}
	if f.Type == auth.Browser && !v.belongs(f) {
		return auth.ErrCSRF
	}
	if !v.engine.Clock().Before(f.ExpiresAt) {
		return v.gone(f)
	}
	v.show(http.StatusOK, f)
	return nil
}

// belongs says whether the request comes from the browser that began the flow.
func (v *visit) belongs(f *auth.Flow) bool {
	secret, ok := v.csrf.Secret(v.r)
	return ok && v.bindings.Matches(string(secret), f.CSRF)
}

func (v *visit) load(id uuid.UUID) (*auth.Flow, error) {
	f, err := v.engine.Store.Flow(v.r.Context(), auth.DefaultProject, v.kind.name, id)
	if err == store.ErrNotFound {
		return nil, auth.ErrFlowUnknown
	}
	return f, err
}

// gone is the error of an expired flow that is fetched: it says where to begin anew.
func (v *visit) gone(f *auth.Flow) error {
	again := v.base + "self-service/" + string(f.Kind)
	if f.Type == auth.API {
		return auth.ErrFlowExpired.Detail("api", again+"/api")
	}
	again += "/browser"
	if to := f.ReturnTo(); to != "" {
		again = withQuery(again, "return_to", to)
	}
	return auth.ErrFlowExpired.Detail("redirect_to", again).Detail("return_to", f.ReturnTo())
}
