package flow

import (
	"context"
	"errors"
	"net/http"
	"net/url"

	"github.com/google/uuid"

	"zelus/internal/auth"
	"zelus/internal/store"
	"zelus/internal/web"
)

// maxQuery bounds what is kept of the request that began a flow, in bytes.
const maxQuery = 8 << 10

// draft makes a new flow from the query, or says why there can be none.
func (v *visit) draft(t auth.FlowType) (*auth.Flow, *store.SessionRow, error) {
	if !v.kind.enabled(v.config) {
		return nil, nil, auth.ErrFlowDisabled
	}
	if len(v.r.URL.RawQuery) > maxQuery {
		return nil, nil, auth.ErrParameter.Saying("The query is longer than %d bytes.", maxQuery)
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
	f := &auth.Flow{ID: uuid.New(), Project: auth.DefaultProject, Kind: v.kind.name, Type: t, State: v.kind.first,
		RequestURL: web.RequestURL(v.r, v.public), IssuedAt: now, ExpiresAt: now.Add(v.kind.lifespan(v.config)), CreatedAt: now, UpdatedAt: now}
	return f, row, v.kind.begin(v, f, row, query)
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

// start prepares and stores a flow.
func (v *visit) start(f *auth.Flow, row *store.SessionRow) error {
	if err := v.fill(f); err != nil {
		return err
	}
	if greet := v.kindOf(f).greet; greet != nil {
		greet(f, row)
	}
	return v.insert(f)
}

// fill makes the form of a new flow.
func (v *visit) fill(f *auth.Flow) error {
	form, err := v.form(f)
	if err != nil {
		return err
	}
	return v.prepare(v.r.Context(), form)
}

func (v *visit) insert(f *auth.Flow) error {
	return v.write(func(ctx context.Context, tx *store.Tx) error { return tx.InsertFlow(ctx, f) })
}

// beginAPI starts a flow for an app and answers with it.
func (e *Engine) beginAPI(v *visit) error {
	v.app = true
	f, row, err := v.draft(auth.API)
	if err == nil {
		err = v.start(f, row)
	}
	if err != nil {
		return err
	}
	return v.show(http.StatusOK, f)
}

// beginBrowser starts a flow for a browser: with a redirect to the page, or
// with the flow itself for those who ask for JSON.
func (e *Engine) beginBrowser(v *visit) error {
	f, row, err := v.draft(auth.Browser)
	if err == nil {
		f.CSRF = v.bindings.Hash(string(v.csrf.Ensure(v.w, v.r)))
		err = v.start(f, row)
	}
	if err != nil {
		return v.fault(err)
	}
	if web.WantsJSON(v.r) {
		return v.show(http.StatusOK, f)
	}
	v.redirect(http.StatusSeeOther, v.page(f))
	return nil
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
	if !v.belongs(f) {
		return auth.ErrCSRF
	}
	if !e.Clock().Before(f.ExpiresAt) {
		return v.gone(f)
	}
	return v.show(http.StatusOK, f)
}

func (v *visit) load(id uuid.UUID) (*auth.Flow, error) {
	f, err := v.engine.Store.Flow(v.r.Context(), auth.DefaultProject, v.kind.name, id)
	if errors.Is(err, store.ErrNotFound) {
		return nil, auth.ErrFlowUnknown
	}
	return f, err
}

// belongs says whether the request may see and submit the flow: a browser's
// flow comes from the browser that began it. Who has the id of an app's flow
// has the flow.
func (v *visit) belongs(f *auth.Flow) bool {
	if f.Type == auth.API {
		return true
	}
	secret, ok := v.csrf.Secret(v.r)
	return ok && v.bindings.Matches(string(secret), f.CSRF)
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
