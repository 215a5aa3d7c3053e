package flow

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"slices"
	"strings"

	"github.com/google/uuid"
	"github.com/tidwall/gjson"
	"github.com/tidwall/sjson"

	"zelus/internal/auth"
	"zelus/internal/schema"
	"zelus/internal/store"
	"zelus/internal/ui"
	"zelus/internal/web"
)

// submit takes a form that came back through all steps: find the flow, guard
// it, read the body, ask the methods, commit the outcome, answer.
func (e *Engine) submit(v *visit) error {
	f, err := v.submitted()
	if err != nil {
		return v.fault(err)
	}
	row, err := v.session()
	if err != nil {
		return v.fault(err)
	}
	if !v.engine.Clock().Before(f.ExpiresAt) {
		return v.replace(f)
	}
	form, err := v.form(f)
	if err != nil {
		return v.fault(err)
	}
	if done, err := v.guard(form, row); err != nil {
		return v.fault(err)
	} else if done {
		return nil
	}
	s, problem, err := v.read(form)
	if err != nil {
		return v.fault(err)
	}
	if problem != nil {
		return v.refuse(form, nil, *problem)
	}
	outcome, method, err := v.ask(v.r.Context(), s)
	if errors.Is(err, auth.ErrTooBusy) && !web.IsJSON(v.r) && f.Type == auth.Browser {
		v.w.Header().Set("Retry-After", "1")
		return v.refuse(form, s, Problem{Message: generic(auth.AsError(err).Reason)})
	}
	if err != nil {
		return v.fault(err)
	}
	return v.conclude(s, method, outcome, row)
}

// submitted finds the flow that the query names.
func (v *visit) submitted() (*auth.Flow, error) {
	id, err := uuid.Parse(v.r.URL.Query().Get("flow"))
	if err != nil || id == uuid.Nil {
		return nil, auth.ErrFlowMissing
	}
	if !v.kind.enabled(v.config) {
		return nil, auth.ErrFlowDisabled
	}
	return v.load(id)
}

// replace answers a submission that came too late with a new flow that says so.
func (v *visit) replace(old *auth.Flow) error {
	now := auth.Now(v.engine.Clock())
	fresh := *old
	fresh.ID, fresh.State, fresh.Active, fresh.Private, fresh.Done = uuid.New(), auth.ChooseMethod, "", nil, false
	fresh.IssuedAt, fresh.CreatedAt, fresh.UpdatedAt, fresh.ExpiresAt = now, now, now, now.Add(v.kind.lifespan(v.config))
	form, err := v.form(&fresh)
	if err != nil {
		return v.fault(err)
	}
	if err := v.prepare(v.r.Context(), form); err != nil {
		return v.fault(err)
	}
	fresh.UI.Say(ui.Say(v.kind.expired, "expired_at", old.ExpiresAt))
	if err := v.insert(&fresh); err != nil {
		return v.fault(err)
	}
	if fresh.Type == auth.API || web.IsJSON(v.r) {
		return auth.ErrFlowExpired.With("expired_at", auth.Stamp(old.ExpiresAt)).With("since", now.Sub(old.ExpiresAt).Nanoseconds()).With("use_flow_id", fresh.ID)
	}
	v.redirect(http.StatusSeeOther, v.page(&fresh))
	return nil
}

// guard refuses submissions that make no sense for who sends them. done says
// that it has answered.
func (v *visit) guard(form *Form, row *store.SessionRow) (done bool, err error) {
	f, asJSON := form.Flow, form.Flow.Type == auth.API || web.IsJSON(v.r)
	if v.kind == login {
		switch {
		case row == nil && f.RequestedAAL == auth.AAL2:
			return false, auth.ErrAAL1Required
		case row != nil && f.IdentityID != uuid.Nil && row.Session.IdentityID != f.IdentityID:
			return false, auth.ErrIdentityMismatch
		case row != nil && !f.Refresh && row.Session.AAL.AtLeast(f.RequestedAAL):
			if asJSON {
				return true, v.refuse(form, nil, Problem{Message: generic(auth.ErrSessionAlready.Reason)})
			}
			v.redirect(http.StatusSeeOther, v.config.SelfService.DefaultBrowserReturnURL)
			return true, nil
		}
		return false, nil
	}
	if row != nil && v.kind == registration {
		if asJSON {
			return false, auth.ErrSessionAlready
		}
		v.redirect(http.StatusFound, v.returnURL(f, ""))
		return true, nil
	}
	return false, nil
}

func generic(reason string) ui.Message { return ui.Say(ui.ErrorGeneric, "reason", reason) }

// read reads the body and checks where it comes from. What is wrong with it is
// a problem of the form where that is safe to say, otherwise an error.
func (v *visit) read(form *Form) (*Submission, *Problem, error) {
	f := form.Flow
	if f.Type == auth.API && v.fromBrowser() {
		return nil, &Problem{Message: generic(auth.ErrAPIFromBrowser.Reason)}, nil
	}
	values, err := web.ReadValues(v.r)
	if err != nil {
		e := auth.AsError(err)
		if f.Type == auth.API && e.Status == http.StatusBadRequest {
			return nil, &Problem{Message: generic(e.Reason)}, nil
		}
		return nil, nil, err
	}
	if f.Type == auth.Browser {
		token := values.String(csrfField)
		if token == "" {
			token = v.r.Header.Get("X-CSRF-Token")
		}
		secret, ok := v.csrf.Secret(v.r)
		if !ok || !v.csrf.Valid(token, secret) || !v.belongs(f) {
			return nil, nil, auth.ErrCSRF
		}
	}
	if raw := values.Raw("transient_payload"); len(raw) > 0 && raw[0] == '{' {
		f.TransientPayload = raw
	}
	return &Submission{Form: *form, Values: values}, nil, nil
}

// fromBrowser says whether an app's flow is sent by a browser: it would go
// around the protection that browsers' flows have.
func (v *visit) fromBrowser() bool {
	if v.engine.Apps {
		return false
	}
	if v.r.Header.Get("Origin") != "" {
		return true
	}
	return slices.ContainsFunc(v.r.Cookies(), func(c *http.Cookie) bool {
		// Cloudflare adds these on the way.
		return !strings.HasPrefix(c.Name, "__cf") && !strings.HasPrefix(c.Name, "_cf") && !strings.HasPrefix(c.Name, "cf_")
	})
}

// ask finds the method that a submission is for and lets it decide.
func (v *visit) ask(ctx context.Context, s *Submission) (Outcome, *Method, error) {
	if s.Flow.Done {
		return v.nobody(s), nil, nil
	}
	if v.kind == registration {
		if problems, err := v.candidate(s); err != nil || len(problems) > 0 {
			return Again(problems...), nil, err
		}
	}
	for i := range v.engine.Methods {
		m := &v.engine.Methods[i]
		p := m.part(v.kind.name)
		if p == nil || !m.claims(p, s) {
			continue
		}
		if !m.Enabled(v.config) {
			return Outcome{}, nil, auth.ErrMethodDisabled
		}
		outcome, err := p.Submit(ctx, s)
		return outcome, m, err
	}
	return v.nobody(s), nil, nil
}

// nobody is the outcome of a submission that no method claims. What was typed
// in it is not looked at.
func (v *visit) nobody(s *Submission) Outcome {
	s.Values, s.Candidate = nil, nil
	return Again(Problem{Message: ui.Say(v.kind.nobody)})
}

// candidate reads and validates the traits of somebody who signs up, before
// any method is asked: so that a form says first what is wrong with the person.
func (v *visit) candidate(s *Submission) ([]Problem, error) {
	i := v.engine.Identities.New(s.Schema.ID())
	i.Traits = withObjects(s.Values.Object("traits", s.Schema.Coerce), s.Schema)
	wrong, err := v.engine.Identities.Settle(i)
	s.Candidate = i
	problems := make([]Problem, len(wrong))
	for n, p := range wrong {
		problems[n] = Problem{Field: p.Field, Message: p.Message}
	}
	return problems, err
}

// withObjects adds {} for each object among the traits that was not sent: a
// form cannot send an empty object.
func withObjects(traits json.RawMessage, s *schema.Schema) json.RawMessage {
	if len(traits) == 0 {
		traits = json.RawMessage("{}")
	}
	for _, name := range s.ObjectTraits() {
		names := strings.Split(name, ".")[1:]
		for i, n := range names {
			names[i] = gjson.Escape(n)
		}
		parent := gjson.ParseBytes(traits)
		if len(names) > 1 {
			parent = gjson.GetBytes(traits, strings.Join(names[:len(names)-1], "."))
		}
		path := strings.Join(names, ".")
		if !parent.IsObject() || gjson.GetBytes(traits, path).Exists() {
			continue
		}
		if more, err := sjson.SetRawBytes(traits, path, []byte("{}")); err == nil {
			traits = more
		}
	}
	return traits
}

// refuse shows the form again with problems, in a form made anew: messages and
// fields of earlier submissions are gone, what was typed is kept. s is nil if
// what was sent could not be read.
func (v *visit) refuse(form *Form, s *Submission, problems ...Problem) error {
	f := form.Flow
	before := f.UI
	if !f.Done {
		if err := v.prepare(v.r.Context(), form); err != nil {
			return v.fault(err)
		}
	}
	f.UI.Quiet()
	keep(&f.UI, before)
	if s != nil {
		echo(&f.UI, s)
	}
	for _, p := range problems {
		f.UI.SayAt(p.Field, p.Message)
	}
	f.UI.Sort(v.kind.order(form.Schema))
	f.UpdatedAt = auth.Now(v.engine.Clock())
	if err := v.engine.Store.Write(v.r.Context(), store.Volatile, func(tx *store.Tx) error { return tx.UpdateFlow(v.r.Context(), f) }); err != nil {
		return v.fault(err)
	}
	v.answer(again, f)
	return nil
}

// keep takes over what was typed before.
func keep(fresh *ui.Container, before ui.Container) {
	for i := range before.Nodes {
		n := &before.Nodes[i]
		if n.Attributes.Value == nil || n.Attributes.Type == ui.InputHidden || !typed(n.Name()) {
			continue
		}
		if have := fresh.Find(n.Name()); have != nil && have.Attributes.Type != ui.InputHidden {
			have.Attributes.Value = n.Attributes.Value
		}
	}
}

// typed says whether a field holds what a person typed and may see again.
// Passwords and codes are not given back.
func typed(name string) bool { return name == identifierField || strings.HasPrefix(name, "traits.") }

const identifierField = "identifier"

// echo takes over what was typed now.
func echo(fresh *ui.Container, s *Submission) {
	if s.Candidate != nil {
		for _, value := range schema.Values(s.Candidate.Traits) {
			fresh.SetValue(value.Name, value.Value)
		}
		return
	}
	if n := fresh.Find(identifierField); n != nil && n.Attributes.Type != ui.InputHidden {
		n.Attributes.Value = s.Identifier()
	}
}

// Identifier is what somebody typed to say who they are; the second name is
// that of older clients.
func (s *Submission) Identifier() string {
	if id := s.Values.String(identifierField); id != "" {
		return id
	}
	return s.Values.String("password_identifier")
}
