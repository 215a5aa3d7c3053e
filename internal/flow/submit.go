package flow

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/tidwall/gjson"
	"github.com/tidwall/sjson"

	"zelus/internal/auth"
	"zelus/internal/schema"
	"zelus/internal/store"
	"zelus/internal/ui"
	"zelus/internal/web"
)

// submit takes a form that came back through all steps: find the flow, see
// that it belongs to who sends it, read the body, ask the methods, commit the
// outcome, answer.
func (e *Engine) submit(v *visit) error {
	f, row, err := v.submitted()
	if err != nil {
		return v.fault(err)
	}
	if v.kind.owner == nil {
		if row, err = v.session(); err != nil {
			return v.fault(err)
		}
	}
	if !e.Clock().Before(f.ExpiresAt) {
		return v.expired(f, f.ExpiresAt)
	}
	if v.kind.owner != nil && f.Type == auth.Browser && v.r.Method == http.MethodGet {
		resumed, err := v.resume(f, row)
		if err != nil {
			return v.fault(err)
		}
		if !resumed && !v.asJSON() {
			v.redirect(http.StatusSeeOther, v.page(f))
			return nil
		}
	}
	form, err := v.form(f)
	if err != nil {
		return v.fault(err)
	}
	s, problem, err := v.read(form, row != nil)
	if err != nil {
		return v.fault(err)
	}
	if guard := v.kind.guard; guard != nil {
		if no := guard(v, f, row); no != nil {
			return v.turnAway(form, no)
		}
	}
	if problem != nil {
		return v.refuse(form, nil, Again(*problem))
	}
	return v.decide(s, row)
}

// decide lets a method decide about a submission, and acts on it.
func (v *visit) decide(s *Submission, row *store.SessionRow) error {
	outcome, method, err := v.ask(v.r.Context(), s, row)
	if old := (unprivileged{}); errors.As(err, &old) {
		return v.interrupt(s, row, old.level)
	}
	if errors.Is(err, auth.ErrTooBusy) && !v.asJSON() {
		busy := auth.AsError(err)
		web.RetryAfter(v.w, busy)
		return v.refuse(&s.Form, s, Again(Problem{Message: generic(busy.Reason)}))
	}
	if err != nil {
		return v.fault(err)
	}
	return v.conclude(s, method, outcome, row)
}

// submitted finds the flow that the query names, and its owner's session.
func (v *visit) submitted() (*auth.Flow, *store.SessionRow, error) {
	if err := v.offered("flow"); err != nil {
		return nil, nil, err
	}
	return v.find("flow", auth.ErrFlowMissing, v.action)
}

// expired answers a submission that came too late, for the form or for what was
// sent for it.
func (v *visit) expired(f *auth.Flow, since time.Time) error {
	e := v.tooLate(f, since).With("expired_at", auth.Stamp(since)).With("since", v.engine.Clock().Sub(since).Nanoseconds())
	return v.replace(f, e, ui.Say(v.kind.expired, "expired_at", since))
}

// replace puts a new flow in the place of one that cannot go on. The form says
// why, and so does the error to those who talk JSON.
func (v *visit) replace(old *auth.Flow, why *auth.Error, say ui.Message) error {
	fresh, err := v.anew(old)
	if err == nil {
		err = v.fill(fresh, old)
	}
	if err == nil {
		fresh.UI.Say(say)
		err = v.insert(fresh)
	}
	if err != nil {
		return v.fault(err)
	}
	if !v.asJSON() {
		v.engine.Server.LogError(v.r, why)
		v.redirect(http.StatusSeeOther, v.page(fresh))
		return nil
	}
	why = why.With("use_flow_id", fresh.ID)
	if v.kind.moved != nil {
		return v.kind.moved(v, fresh, why)
	}
	return why
}

// late is what a browser has sent for a form whose time is over, so that nobody has to
// type it again; nil where it sent nothing that can be looked at. It is read with the
// same care as if it had come in time.
func (v *visit) late(old *auth.Flow) *web.Values {
	if v.asJSON() || v.r.Method != http.MethodPost {
		return nil
	}
	s, problem, err := v.read(v.blank(old), true)
	if err != nil || problem != nil {
		return nil
	}
	return s.Values
}

// anew is a new flow like an old one. Where somebody regains access or proves an
// address, it begins with this request, and belongs to the browser of it.
func (v *visit) anew(old *auth.Flow) (*auth.Flow, error) {
	k := v.kindOf(old)
	if !k.restarts {
		now := auth.Now(v.engine.Clock())
		fresh := *old
		fresh.ID, fresh.Done = uuid.New(), false
		fresh.Address, fresh.Private = "", nil
		k.startOver(&fresh)
		backToFirst(&fresh)
		fresh.IssuedAt, fresh.CreatedAt, fresh.UpdatedAt, fresh.ExpiresAt = now, now, now, now.Add(k.lifespan(v.config))
		return &fresh, nil
	}
	fresh := v.newFlow(k, old.Type)
	if v.followed {
		fresh.Type = auth.Browser
	}
	fresh.RequestURL = v.here(old.ReturnTo())
	v.bind(fresh, nil)
	return fresh, k.begin(v, fresh, nil, url.Values{"skip_settings": {strconv.FormatBool(old.SkipSettings)}})
}

// here is the address of this request, with where it shall lead in the end:
// what the request itself says of that was not looked at.
func (v *visit) here(returnTo string) string {
	address := web.RequestURL(v.r, v.public)
	u, err := url.Parse(address)
	if err != nil { // it was made from one that can be parsed
		return address
	}
	query := u.Query()
	if returnTo == "" && !query.Has("return_to") {
		return address
	}
	query.Del("return_to")
	if returnTo != "" {
		query.Set("return_to", returnTo)
	}
	u.RawQuery = query.Encode()
	return u.String()
}

// turnAway answers a submission that makes no sense for who sends it.
func (v *visit) turnAway(form *Form, no *refusal) error {
	if no.inForm && (v.asJSON() || no.to == "") {
		return v.refuse(form, nil, Again(Problem{Message: generic(auth.AsError(no.err).Reason)}))
	}
	return v.fault(no)
}

func generic(reason string) ui.Message { return ui.Say(ui.ErrorGeneric, "reason", reason) }

// What goes into the messages that somebody causes to be sent to others is bounded as
// long as they are not signed in, in bytes. So no message fails by its size, or
// takes longer for it, which would tell whether it is about them or about somebody
// who has their address.
const (
	maxUnknownPayload = 8 << 10 // the transient_payload
	maxUnknownTraits  = 16 << 10
)

// read reads the body and checks where it comes from. What is wrong with it is
// a problem of the form where that is safe to say, otherwise an error.
func (v *visit) read(form *Form, signedIn bool) (*Submission, *Problem, error) {
	f := form.Flow
	if f.Type == auth.API && v.fromBrowser() {
		return nil, &Problem{Message: generic(auth.ErrAPIFromBrowser.Reason)}, nil
	}
	r := v.r
	if v.resumed != nil {
		r = v.resumed
	} else if r.Method != http.MethodPost {
		// Looking at a form changes nothing, whatever is sent along.
		r = r.Clone(r.Context())
		r.Body, r.ContentLength = http.NoBody, 0
	}
	values, err := web.ReadValues(r)
	if err != nil {
		e := auth.AsError(err)
		if f.Type == auth.API && e.Status == http.StatusBadRequest {
			return nil, &Problem{Message: generic(e.Reason)}, nil
		}
		return nil, nil, err
	}
	if f.Type == auth.Browser && v.resumed == nil { // its token was checked when it was sent
		token := values.String(csrfField)
		if token == "" {
			token = r.Header.Get("X-CSRF-Token")
		}
		if err := v.fromPage(r, token, f.Unbound); err != nil {
			return nil, nil, err
		}
	}
	if raw := values.Raw("transient_payload"); len(raw) > 0 && raw[0] == '{' {
		if len(raw) > maxUnknownPayload && !signedIn {
			return nil, nil, auth.ErrBodyTooLarge.Saying("transient_payload may have %d KB as long as nobody is signed in. Send less of it.", maxUnknownPayload>>10)
		}
		f.TransientPayload = raw
	}
	return &Submission{Form: *form, Values: values}, nil, nil
}

// foreign says whether the browser itself tells that a page of another site
// sends the form: a second line behind the token. A page that hides its origin
// from a browser that says nothing else (over plain HTTP) is left to the token.
func (v *visit) foreign(r *http.Request) bool {
	if r.Header.Get("Origin") == "null" && r.Header.Get("Sec-Fetch-Site") == "" {
		return false
	}
	return web.CrossSite(r, v.origins)
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
func (v *visit) ask(ctx context.Context, s *Submission, row *store.SessionRow) (Outcome, *Method, error) {
	if s.Flow.Done && v.kind.restarts {
		return Replaced(v.usedUp()), nil, nil
	}
	if s.Flow.Done {
		return v.nobody(s), nil, nil
	}
	if inspect := v.kind.inspect; inspect != nil {
		problems, err := inspect(v, s)
		if err != nil {
			return Outcome{}, nil, err
		}
		if len(problems) > 0 && !s.GoesBack() {
			if s.Flow.Step == auth.SecondStep {
				s.StartOver()
				backToFirst(s.Flow) // there they can be mended
			}
			return Again(problems...), nil, nil
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
		if !p.offered(&s.Form) {
			break // this form does not have it
		}
		if p.Privileged && !v.privileged(row, auth.AAL1) {
			return Outcome{}, nil, unprivileged{auth.AAL1}
		}
		if s.Flow.Alone != m.Name {
			s.StartOver()
		}
		if v.kind.use != nil {
			s.Flow.Active = m.Name
		}
		v.skipAhead(s, p)
		outcome, err := p.Submit(ctx, s)
		return outcome, m, err
	}
	return v.nobody(s), nil, nil
}

// nobody is the outcome of a submission that no method claims. What was typed
// in it is not looked at.
func (v *visit) nobody(s *Submission) Outcome {
	s.Values, s.Candidate = nil, nil
	if v.kind.use != nil {
		s.Flow.Active = "default"
	}
	return Again(Problem{Message: ui.Say(v.kind.nobody)})
}

// candidate reads and validates the traits of somebody who signs up, before
// any method is asked: so that a form says first what is wrong with the person.
func (v *visit) candidate(s *Submission) ([]Problem, error) {
	i := v.engine.Identities.New(s.Schema.ID())
	if i.Traits = s.SentTraits(); len(i.Traits) > maxUnknownTraits {
		return nil, auth.ErrBodyTooLarge.Saying("The traits of a registration may have %d KB. Send less of them.", maxUnknownTraits>>10)
	}
	wrong, err := v.engine.Identities.Settle(i)
	s.Candidate = i
	return problemsOf(wrong), err
}

// problemsOf are what is wrong with traits, as a form says it.
func problemsOf(wrong []schema.Problem) []Problem {
	problems := make([]Problem, len(wrong))
	for n, p := range wrong {
		problems[n] = Problem{Field: p.Field, Message: p.Message}
	}
	return problems
}

// SentTraits are the traits in a submission, with values of the types that the
// schema wants. Those that were not sent are not there.
func (s *Submission) SentTraits() json.RawMessage {
	return withObjects(s.Values.Object("traits", s.Schema.Coerce), s.Schema)
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

// refuse shows the form again with the problems of an outcome, in a form made
// anew: messages and fields of earlier submissions are gone, what was typed is
// kept. s is nil if what was sent could not be read.
func (v *visit) refuse(form *Form, s *Submission, o Outcome) error {
	f, k := form.Flow, v.kindOf(form.Flow)
	before := f.UI
	form.Again = true
	if !f.Done {
		if err := v.prepare(v.r.Context(), form); err != nil {
			return v.fault(err)
		}
	}
	f.UI.Quiet()
	unfill(&f.UI, before, s)
	k.keep(&f.UI, before)
	if s != nil {
		k.echo(&f.UI, s)
	}
	for name, value := range o.filled {
		f.UI.SetValue(name, value)
	}
	return v.goOn(form, o, k.again)
}

// unfill takes the empty value from fields that were sent once and must be filled
// in: a form that was answered does not offer it any more.
func unfill(fresh *ui.Container, before ui.Container, s *Submission) {
	for i := range fresh.Nodes {
		n := &fresh.Nodes[i]
		if n.Attributes.Type != ui.InputText || !n.Attributes.Required || n.Attributes.Value != "" || n.Name() == identifierField {
			continue
		}
		was := before.Find(n.Name())
		if was != nil && was.Attributes.Value == nil || s != nil && s.Values.String("method") == n.Group {
			n.Attributes.Value = nil
		}
	}
}

// goOn stores a form that goes on, with what the method has to add, and shows it.
func (v *visit) goOn(form *Form, o Outcome, status status) error {
	f := form.Flow
	for _, p := range o.problems {
		f.UI.SayAt(p.Field, p.Message)
	}
	v.kindOf(f).sort(form)
	f.UpdatedAt = auth.Now(v.engine.Clock())
	durability := store.Volatile
	if len(o.then) > 0 {
		durability = store.Durable
	}
	ctx := v.r.Context()
	err := v.engine.Store.Write(ctx, durability, func(tx *store.Tx) error {
		if err := tx.UpdateFlow(ctx, v.stored(f)); err != nil {
			return err
		}
		return o.apply(ctx, tx)
	})
	if err != nil {
		return v.fault(err)
	}
	if v.asJSON() && status.json == http.StatusUnprocessableEntity {
		to := v.page(f)
		return auth.ErrBrowserLocation.Saying("This step needs a page. Go on at %s.", to).With("redirect_browser_to", to)
	}
	if v.asJSON() {
		return v.show(status.json, f)
	}
	v.redirect(status.page, v.page(f))
	return nil
}

// keep takes over what was typed before, into fields that are hidden by now too,
// unless they already have a value: that was not typed.
func (k *kind) keep(fresh *ui.Container, before ui.Container) {
	for i := range before.Nodes {
		n := &before.Nodes[i]
		if n.Attributes.Value == nil || k.typed == nil || !k.typed(n.Name()) {
			continue
		}
		if have := fresh.Find(n.Name()); have != nil && (have.Attributes.Type != ui.InputHidden || have.Attributes.Value == nil) {
			have.Attributes.Value = n.Attributes.Value
		}
	}
}

// echoed bounds what is given back of a field to somebody unknown, in bytes:
// what is longer was hardly typed, and anybody could have it stored. Where
// people change their own data there is no such bound: the form replaces all of
// it, so that a long text which were left out would be lost with the next
// submission.
const echoed = 1 << 10

// echo takes over what was typed now. Passwords and codes are not given back.
func (k *kind) echo(fresh *ui.Container, s *Submission) {
	if s.Candidate != nil {
		for _, value := range schema.Values(s.Candidate.Traits) {
			if text, ok := value.Value.(string); !ok || len(text) <= echoed {
				fresh.SetValue(value.Name, value.Value)
			}
		}
		return
	}
	if n := fresh.Find(identifierField); n != nil && n.Attributes.Type != ui.InputHidden {
		n.Attributes.Value = ""
		if id := s.Identifier(); len(id) <= echoed {
			n.Attributes.Value = id
		}
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
