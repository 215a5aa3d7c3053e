package flow

import (
	"cmp"
	"context"
	"errors"
	"net/http"
	"net/url"
	"time"

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
	to, err := web.AskedReturnTo(v.r.URL.RawQuery)
	if err == nil {
		_, err = v.returnTo.Check(to)
	}
	if err != nil {
		return nil, nil, err
	}
	row, err := v.session()
	if err != nil {
		return nil, nil, err
	}
	f := v.newFlow(v.kind, t)
	return f, row, v.kind.begin(v, f, row, query)
}

// newFlow is a flow that begins with this request.
func (v *visit) newFlow(k *kind, t auth.FlowType) *auth.Flow {
	now := auth.Now(v.engine.Clock())
	return &auth.Flow{ID: uuid.New(), Project: auth.DefaultProject, Kind: k.name, Type: t, State: k.first,
		RequestURL: web.RequestURL(v.r, v.public), IssuedAt: now, ExpiresAt: now.Add(k.lifespan(v.config)), CreatedAt: now, UpdatedAt: now}
}

// chosenSchema is the schema that the parameter identity_schema asks for.
func (v *visit) chosenSchema(query url.Values) (string, error) {
	id := query.Get("identity_schema")
	if id == "" {
		return "", nil
	}
	s, ok := v.schemas.Get(id)
	if !ok {
		return "", auth.ErrIdentitySchemaNotSelectable.Saying("There is no identity schema called %q.", auth.Short(id))
	}
	if !s.Selectable() && s != v.schemas.Default() {
		return "", auth.ErrIdentitySchemaNotSelectable.Saying("The identity schema %q cannot be chosen here.", id)
	}
	return s.ID(), nil
}

// start prepares and stores a flow, with what a method does ahead of the person.
func (v *visit) start(f *auth.Flow, row *store.SessionRow) error {
	form, err := v.form(f)
	if err != nil {
		return err
	}
	ctx := v.r.Context()
	o, err := v.ahead(ctx, form)
	if err == nil {
		err = v.prepare(ctx, form)
	}
	if err != nil {
		return err
	}
	if o.verdict == next {
		for _, p := range o.problems {
			f.UI.SayAt(p.Field, p.Message)
		}
		begun := errandFlow{flow: v.stored(f), outcome: o}
		return v.engine.Store.Write(ctx, store.Durable, func(tx *store.Tx) error { return begun.store(ctx, tx) })
	}
	if greet := v.kindOf(f).greet; greet != nil {
		greet(f, row)
	}
	return v.insert(f)
}

// ahead has a method make the first step of a new form by itself, where whose form
// it is has nothing else that would do.
func (v *visit) ahead(ctx context.Context, form *Form) (Outcome, error) {
	whose, only := cmp.Or(form.Identity, form.Claimed), (*Part)(nil)
	if whose == nil {
		return Outcome{}, nil
	}
	for i := range v.engine.Methods {
		m := &v.engine.Methods[i]
		p := m.part(form.Flow.Kind)
		if p == nil || !m.Enabled(v.config) || !p.offered(form) {
			continue
		}
		c, has := whose.Credentials[m.Factor.Type]
		switch {
		case p.Ahead != nil:
			only = p
		case has && len(m.Factor.Holds(c)) > 0:
			return Outcome{}, nil
		}
	}
	if only == nil {
		return Outcome{}, nil
	}
	return only.Ahead(ctx, form)
}

// fill makes the form of a new flow that takes the place of an old one. Where the time
// of the old one is over it has what was typed there: until then, and in the submission
// that came too late.
func (v *visit) fill(f, old *auth.Flow) error {
	form, err := v.form(f)
	if err != nil {
		return err
	}
	if v.engine.Clock().Before(old.ExpiresAt) {
		return v.prepare(v.r.Context(), form)
	}
	s := &Submission{Form: *form, Values: v.late(old)}
	if s.Values != nil && s.Values.Has("traits") {
		switch traits := s.SentTraits(); {
		case v.kind.owner != nil:
			s.Traits = s.Schema.Keep(traits, s.Identity.Traits, s.Values.IsForm())
		case len(traits) <= maxUnknownTraits:
			s.Candidate = &auth.Identity{Traits: traits}
		}
	}
	if err := v.prepare(v.r.Context(), &s.Form); err != nil {
		return err
	}
	v.kind.keep(s.UI, old.UI)
	if s.Values == nil {
		return nil
	}
	v.kind.echo(s.UI, s)
	if address := s.Values.String(emailField); len(address) <= echoed {
		s.UI.SetValue(emailField, address)
	}
	return nil
}

func (v *visit) insert(f *auth.Flow) error {
	return v.write(func(ctx context.Context, tx *store.Tx) error { return tx.InsertFlow(ctx, v.stored(f)) })
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
		v.bind(f, nil)
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
	if err := v.offered("id"); err != nil {
		return err
	}
	f, _, err := v.find("id", auth.ErrFlowUnknown, v.page)
	if no := (*refusal)(nil); errors.As(err, &no) {
		return v.fault(err)
	}
	if err != nil {
		return err
	}
	if !e.Clock().Before(f.ExpiresAt) {
		return v.gone(f)
	}
	return v.show(http.StatusOK, f)
}

// offered refuses forms of a kind that is switched off, but those that were
// handed out.
func (v *visit) offered(parameter string) error {
	if v.kind.enabled(v.config) {
		return nil
	}
	if id, ok := web.ID(v.r.URL.Query().Get(parameter)); ok {
		if f, err := v.load(id); err == nil && f.HandedOut {
			return nil
		}
	}
	return auth.ErrFlowDisabled
}

// find reads the flow that a parameter of the query names, for those who may
// see and submit it; nobody else is told that there is one. Of a kind that has
// owners it gives their session too. The error is missing where no flow is
// named; back is where somebody goes on who has to prove more first.
func (v *visit) find(parameter string, missing error, back func(*auth.Flow) string) (*auth.Flow, *store.SessionRow, error) {
	var row *store.SessionRow
	owner := v.kind.owner
	if owner != nil {
		var err error
		if row, err = v.session(); err != nil {
			return nil, nil, err
		}
		if row == nil {
			to := cmp.Or(v.config.SelfService.Flows.Login.UIURL, v.begin(auth.Login))
			return nil, nil, &refusal{err: v.noSession(), to: to, status: http.StatusFound}
		}
	}
	id, ok := web.ID(v.r.URL.Query().Get(parameter))
	if !ok || id == uuid.Nil {
		return nil, nil, missing
	}
	f, err := v.load(id)
	if err != nil {
		return nil, nil, err
	}
	v.app = f.Type == auth.API
	if owner != nil {
		if row.Session.IdentityID != f.IdentityID {
			return nil, nil, auth.ErrIdentityMismatch
		}
		if err := v.strong(row, back(f)); err != nil {
			return nil, nil, err
		}
	}
	if !v.belongs(f) {
		return nil, nil, auth.ErrCSRF.Explain(v.diagnostics.Form(v.r))
	}
	if err := v.expire(f); err != nil {
		return nil, nil, err
	}
	if err := v.refill(f); err != nil {
		return nil, nil, err
	}
	return f, row, nil
}

// strong refuses a session that is not proven as strongly as forms of this
// kind demand. A browser proves more and then goes on at back; empty is
// nowhere in particular.
func (v *visit) strong(row *store.SessionRow, back string) error {
	if v.kind.owner(v.config).Met(row.Session.AAL, v.policy.Available(row.Factors)) {
		return nil
	}
	to := v.stepUp(back)
	return &refusal{err: auth.ErrAAL2Required.RedirectTo(to), to: to, status: http.StatusSeeOther}
}

func (v *visit) load(id uuid.UUID) (*auth.Flow, error) {
	f, err := v.engine.Store.Flow(v.r.Context(), auth.DefaultProject, v.kind.name, id)
	if errors.Is(err, store.ErrNotFound) {
		return nil, auth.ErrFlowUnknown
	}
	if err != nil {
		return nil, err
	}
	return f, v.unseal(f)
}

// belongs says whether the request may see and submit the flow: a browser's
// flow comes from the browser that began it, or that has opened the link of its
// message. Who has the id of an app's flow has the flow.
func (v *visit) belongs(f *auth.Flow) bool {
	if f.Type == auth.API || f.Unbound {
		return true
	}
	secret, ok := v.csrf.Secret(v.r)
	return ok && v.tied(f, secret)
}

// tied says whether a flow is that of the browser with this CSRF secret.
func (v *visit) tied(f *auth.Flow, secret []byte) bool {
	return v.bindings.Matches(string(secret), f.CSRF) || v.reads(f, secret)
}

// reads says whether the browser with this CSRF secret has opened the link of
// the flow's message.
func (v *visit) reads(f *auth.Flow, secret []byte) bool {
	return len(f.Reader) > 0 && v.bindings.Matches(string(secret), f.Reader)
}

// gone is the error of an expired flow that is fetched: it says where to begin anew.
func (v *visit) gone(f *auth.Flow) error {
	again, late := v.base+"self-service/"+string(f.Kind), v.tooLate(f, f.ExpiresAt)
	if f.Type == auth.API {
		return late.Detail("api", again+"/api")
	}
	again += "/browser"
	if to := f.ReturnTo(); to != "" {
		again = withQuery(again, "return_to", to)
	}
	return late.Detail("redirect_to", again).Detail("return_to", f.ReturnTo())
}

// tooLate is the error of a form that has expired, or for which what was sent
// has, before.
func (v *visit) tooLate(f *auth.Flow, since time.Time) *auth.Error {
	what, setting := "form", "selfservice.flows."+string(f.Kind)+".lifespan"
	if since.Before(f.ExpiresAt) {
		what, setting = "code or link", "selfservice.methods.code.config.lifespan and that of the method link"
	}
	return auth.ErrFlowExpired.Explain(web.Expired(what, v.engine.Clock().Sub(since), setting))
}
