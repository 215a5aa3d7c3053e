package flow

import (
	"cmp"
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

	"zelus/internal/auth"
	"zelus/internal/config"
	"zelus/internal/schema"
	"zelus/internal/store"
	"zelus/internal/ui"
)

// kind is what differs between the kinds of flow: data and a few small
// functions. The rest of the engine reads it and does not ask which kind it
// has, but in two places: the configuration's login_hints are a key of
// registration and hold wherever somebody is told that an identifier is taken
// (taken), and what waits for a login waits in settings (forgetAside). What else
// a further kind needs is listed in docs/ARCHITECTURE.md, "How to add".
type kind struct {
	name auth.Kind
	// enabled says whether the configuration offers it.
	enabled  func(*config.Config) bool
	lifespan func(*config.Config) time.Duration
	after    func(*config.Config) config.After
	// first and last are the states of a new flow and of one that succeeded;
	// where begin sets another first state it is the one that counts.
	first, last string
	// inSteps says whether the configuration wants the form in two steps; nil is
	// never.
	inSteps func(*config.Config) bool
	// use is the method that a new form is for, where the configuration names one:
	// such a form says after each submission which method that was for. nil is none.
	use func(*config.Config) string
	// home is where browsers go after success if nothing is configured; nil is
	// the general return URL. leads is where they go whatever is configured; nil
	// leaves it to the configuration and home.
	home  func(*visit, *auth.Flow) string
	leads func(*visit, *result) string
	// begin sets what only this kind has on a new flow, from the query, or
	// refuses whoever may not begin it. row is the session, or nil.
	begin func(*visit, *auth.Flow, *store.SessionRow, url.Values) error
	// greet says above a new form why it is shown; nil says nothing.
	greet func(*auth.Flow, *store.SessionRow)
	// owner is how strongly the session must be proven of whoever begins, sees
	// and submits a form of this kind, each only their own; nil lets everybody.
	owner func(*config.Config) auth.RequiredAAL
	// privileged is how long after a proof an owner may change how they sign in
	// and are reached. It is there where owner is.
	privileged func(*config.Config) time.Duration
	// guard refuses submissions that make no sense for who sends them; nil
	// refuses nothing.
	guard func(*visit, *auth.Flow, *store.SessionRow) *refusal
	// fields are the nodes that belong to the form rather than to a method.
	fields func(*Form) []ui.Node
	// order of the nodes on the wire; nil is that in which they were added.
	order func(*schema.Schema) ui.Order
	// arrival is the order in which the second of two steps is shown at first; nil
	// is the same.
	arrival func() ui.Order
	// inspect looks at a submission before any method does; nil looks at nothing.
	inspect func(*visit, *Submission) ([]Problem, error)
	// typed says which fields hold what a person typed and may see again; nil
	// is none.
	typed func(name string) bool
	// stays says that a form may be sent again when it has succeeded; others are
	// used up by their success.
	stays bool
	// passed makes the form of a success, for the identity as it will be then;
	// nil leaves it as it was.
	passed func(*visit, *Form, *Method) error
	// onward makes the flow that follows a success; nil makes none.
	onward func(*visit, *result) (*auth.Flow, error)
	// stepsUp says that a browser whose new session is not proven strongly
	// enough is led on to a second factor instead of home.
	stepsUp bool
	// expired and nobody are the messages for a form that was open for too
	// long and for a submission that no method claims.
	expired, nobody int
	// used is the message for a form that has led to its success before; 0 is a
	// general one.
	used int
	// json adds what only this kind has to a flow on the wire.
	json func(*visit, *auth.Flow, commonFields) any
	// success is what those who talk JSON are told of a success, as JSON.
	success func(*visit, *result, []auth.ContinueWith) ([]byte, error)
	// restarts says that a form which cannot go on, or has led to its success,
	// makes room for a new one that belongs to whoever sends it; others stay, and
	// a new one belongs to whom the old one did.
	restarts bool
	// moved tells those who talk JSON that another flow has taken the place of
	// theirs, and why: err is auth.ErrFlowExpired or auth.ErrFlowReplaced. nil
	// answers the error itself.
	moved func(v *visit, fresh *auth.Flow, err *auth.Error) error
	// again and next are the statuses of a form that goes on, see answer.go.
	again, next status
}

// refusal is an error that leads somewhere: those who talk JSON get the error,
// or the form with it where inForm says so; browsers are sent on.
type refusal struct {
	err    error
	inForm bool
	to     string // empty: nowhere, the error is shown
	status int
}

func (r *refusal) Error() string { return r.err.Error() }

// Unwrap gives the error that is shown.
func (r *refusal) Unwrap() error { return r.err }

// allKinds are those that are served.
func allKinds() []*kind { return []*kind{login, registration, settings, recovery, verification} }

// sort puts the fields of a form in order. A step that a method has to itself is as
// the method makes it, until it is shown again.
func (k *kind) sort(form *Form) {
	switch {
	case k.order == nil, form.Flow.Alone != "" && !form.Again:
	case k.arrival != nil && form.Flow.Step == auth.SecondStep && !form.Again:
		form.UI.Sort(k.arrival())
	default:
		form.UI.Sort(k.order(form.Schema))
	}
}

// kindOf is the kind of a flow.
func (v *visit) kindOf(f *auth.Flow) *kind {
	for _, k := range v.engine.kinds {
		if k.name == f.Kind {
			return k
		}
	}
	return v.kind // the store gives flows of the route's kind only
}

var login = &kind{
	name:     auth.Login,
	enabled:  func(*config.Config) bool { return true },
	lifespan: func(c *config.Config) time.Duration { return c.SelfService.Flows.Login.Lifespan },
	after:    func(c *config.Config) config.After { return c.SelfService.Flows.Login.After },
	first:    auth.ChooseMethod, last: auth.PassedChallenge,
	inSteps: (*config.Config).LoginInSteps,
	begin:   beginLogin,
	greet:   greetLogin,
	guard:   guardLogin,
	fields:  loginFields,
	order:   func(*schema.Schema) ui.Order { return ui.LoginOrder() },
	arrival: ui.LoginArrivalOrder,
	typed:   func(name string) bool { return name == identifierField },
	stepsUp: true,
	expired: ui.ErrorLoginExpired, nobody: ui.ErrorLoginNoMethod,
	json: func(_ *visit, f *auth.Flow, common commonFields) any {
		return struct {
			commonFields
			OrganizationID *uuid.UUID `json:"organization_id"`
			CreatedAt      string     `json:"created_at"`
			UpdatedAt      string     `json:"updated_at"`
			Refresh        bool       `json:"refresh"`
			RequestedAAL   auth.AAL   `json:"requested_aal"`
			IdentitySchema string     `json:"identity_schema,omitempty"`
		}{common, nil, auth.Stamp(f.CreatedAt), auth.Stamp(f.UpdatedAt), f.Refresh, f.RequestedAAL, f.SchemaID}
	},
	success: func(v *visit, done *result, next []auth.ContinueWith) ([]byte, error) {
		var identity []byte // is told as soon as it may be
		if !v.app || v.satisfied(done) {
			identity = v.identityJSON(done)
		}
		return v.signedInJSON(done, identity, nil, next)
	},
	again: status{http.StatusBadRequest, http.StatusSeeOther}, next: status{http.StatusBadRequest, http.StatusSeeOther},
}

// beginLogin sets whether the person in the session is to prove again who
// they are, and how strongly.
func beginLogin(v *visit, f *auth.Flow, row *store.SessionRow, query url.Values) error {
	var err error
	if f.SchemaID, err = v.chosenSchema(query); err != nil {
		return err
	}
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
		f.Step = v.firstStep()
		return nil // there is nothing to refresh
	case !refresh && row.Session.AAL.AtLeast(f.RequestedAAL):
		return v.signedInAlready(query)
	}
	f.Refresh, f.IdentityID = refresh, row.Session.IdentityID
	if via := query.Get("via"); via != "" && f.RequestedAAL == auth.AAL2 {
		f.Address, err = addressAt(row.Identity, via)
	}
	return err
}

// addressAt is the address in somebody's traits that has this path, as it is kept.
func addressAt(of auth.Packed, path string) (string, error) {
	i, err := of.Identity()
	if err != nil {
		return "", err
	}
	names := strings.Split(path, ".")
	for n, name := range names {
		names[n] = gjson.Escape(name)
	}
	address, ok := schema.ReadAddress(gjson.GetBytes(i.Traits, strings.Join(names, ".")).String())
	if !ok {
		return "", auth.ErrParameter.Saying("The parameter via names the trait that has the address to which a code is sent. This account has none at %q.", auth.Short(path))
	}
	return address.Value, nil
}

// signedInAlready refuses to begin a form for those who are signed in.
func (v *visit) signedInAlready(query url.Values) error {
	return &refusal{err: auth.ErrSessionAlready, to: v.back(query.Get("return_to"), v.config.SelfService.DefaultBrowserReturnURL), status: http.StatusSeeOther}
}

func greetLogin(f *auth.Flow, row *store.SessionRow) {
	if f.Refresh {
		f.UI.Say(ui.Say(ui.InfoReauthenticate))
	}
	if row != nil && f.RequestedAAL == auth.AAL2 && !row.Session.AAL.AtLeast(auth.AAL2) {
		f.UI.Say(ui.Say(ui.InfoSecondFactor))
	}
}

func guardLogin(v *visit, f *auth.Flow, row *store.SessionRow) *refusal {
	switch {
	case row == nil && f.RequestedAAL == auth.AAL2:
		return &refusal{err: auth.ErrAAL1Required}
	case row == nil:
		return nil
	case f.IdentityID != uuid.Nil && row.Session.IdentityID != f.IdentityID:
		return &refusal{err: auth.ErrIdentityMismatch}
	case !f.Refresh && row.Session.AAL.AtLeast(f.RequestedAAL):
		return &refusal{err: auth.ErrSessionAlready, inForm: true, to: v.config.SelfService.DefaultBrowserReturnURL, status: http.StatusSeeOther}
	}
	return nil
}

func loginFields(form *Form) []ui.Node {
	if form.SecondFactor() && form.Flow.Type == auth.API {
		return nil // without a factor there is nothing to protect
	}
	if form.Flow.Alone != "" {
		return nil // its place depends on the method
	}
	return []ui.Node{csrfNode()}
}

var registration = &kind{
	name:     auth.Registration,
	enabled:  func(c *config.Config) bool { return c.SelfService.Flows.Registration.Enabled },
	lifespan: func(c *config.Config) time.Duration { return c.SelfService.Flows.Registration.Lifespan },
	after:    func(c *config.Config) config.After { return c.SelfService.Flows.Registration.After },
	first:    auth.ChooseMethod, last: auth.PassedChallenge,
	inSteps: (*config.Config).RegistrationInSteps,
	begin: func(v *visit, f *auth.Flow, row *store.SessionRow, query url.Values) (err error) {
		if row != nil {
			return v.signedInAlready(query)
		}
		f.Step = v.firstStep()
		f.SchemaID, err = v.chosenSchema(query)
		return err
	},
	guard: func(v *visit, f *auth.Flow, row *store.SessionRow) *refusal {
		if row == nil {
			return nil
		}
		return &refusal{err: auth.ErrSessionAlready, to: v.returnURL(f, ""), status: http.StatusFound}
	},
	fields:  registrationFields,
	order:   func(s *schema.Schema) ui.Order { return ui.RegistrationOrder(s.TraitNames()) },
	inspect: (*visit).candidate,
	typed:   func(name string) bool { return strings.HasPrefix(name, "traits.") },
	expired: ui.ErrorRegistrationExpired, nobody: ui.ErrorRegistrationNoMethod,
	json: func(_ *visit, f *auth.Flow, common commonFields) any {
		return struct {
			commonFields
			OrganizationID *uuid.UUID `json:"organization_id"`
			IdentitySchema string     `json:"identity_schema,omitempty"`
		}{common, nil, f.SchemaID}
	},
	success: func(v *visit, done *result, next []auth.ContinueWith) ([]byte, error) {
		if v.app && done.session != nil {
			next = append(next, auth.ContinueWith{Action: auth.SetSessionToken, SessionToken: done.token})
		}
		identity := v.identityJSON(done)
		return v.signedInJSON(done, identity, identity, next)
	},
	again: status{http.StatusBadRequest, http.StatusFound}, next: status{http.StatusBadRequest, http.StatusSeeOther},
}

// registrationFields are the traits. When they are given they stay in the form,
// hidden: it is sent as a whole.
func registrationFields(form *Form) []ui.Node {
	traits := form.Schema.Nodes(ui.GroupDefault)
	if form.Flow.Step == auth.SecondStep || form.Flow.Alone != "" {
		for i := range traits {
			traits[i].Attributes.Type = ui.InputHidden
		}
	}
	return append([]ui.Node{csrfNode()}, traits...)
}

var settings = &kind{
	name:     auth.Settings,
	enabled:  func(*config.Config) bool { return true },
	lifespan: func(c *config.Config) time.Duration { return c.SelfService.Flows.Settings.Lifespan },
	after:    func(c *config.Config) config.After { return c.SelfService.Flows.Settings.After },
	first:    auth.ShowForm, last: auth.Success,
	home:  (*visit).page,
	begin: beginSettings,
	owner: func(c *config.Config) auth.RequiredAAL { return c.SelfService.Flows.Settings.RequiredAAL },
	privileged: func(c *config.Config) time.Duration {
		return c.SelfService.Flows.Settings.PrivilegedSessionMaxAge
	},
	fields: func(*Form) []ui.Node { return []ui.Node{csrfNode()} },
	order:  func(s *schema.Schema) ui.Order { return ui.SettingsOrder(s.TraitNames()) },
	stays:  true,
	passed: func(v *visit, form *Form, _ *Method) error {
		err := v.prepare(v.r.Context(), form)
		form.UI.Say(ui.Say(ui.SuccessSettings))
		return err
	},
	expired: ui.ErrorSettingsExpired, nobody: ui.ErrorSettingsNoMethod,
	json: func(v *visit, _ *auth.Flow, common commonFields) any { return v.settingsJSON(common, nil) },
	success: func(v *visit, done *result, next []auth.ContinueWith) ([]byte, error) {
		return json.Marshal(v.settingsJSON(v.common(done.flow), next))
	},
	again: status{http.StatusBadRequest, http.StatusSeeOther}, next: status{http.StatusOK, http.StatusSeeOther},
}

func beginSettings(v *visit, f *auth.Flow, row *store.SessionRow, query url.Values) error {
	to := query.Get("return_to")
	if row == nil {
		login := v.begin(auth.Login)
		if to != "" {
			login = withQuery(login, "return_to", to)
		}
		return &refusal{err: v.noSession(), to: login, status: http.StatusSeeOther}
	}
	back := ""
	if to != "" && f.Type == auth.Browser {
		back = withQuery(v.base+"self-service/settings/browser", "return_to", to)
	}
	f.IdentityID = row.Session.IdentityID
	return v.strong(row, back)
}

func (v *visit) settingsJSON(common commonFields, next []auth.ContinueWith) any {
	return struct {
		commonFields
		Identity     json.RawMessage     `json:"identity"`
		ContinueWith []auth.ContinueWith `json:"continue_with,omitempty"`
	}{common, v.person.Render(v.reader()), next}
}

var recovery = &kind{
	name:     auth.Recovery,
	enabled:  func(c *config.Config) bool { return c.SelfService.Flows.Recovery.Enabled },
	lifespan: func(c *config.Config) time.Duration { return c.SelfService.Flows.Recovery.Lifespan },
	after:    func(c *config.Config) config.After { return c.SelfService.Flows.Recovery.After },
	first:    auth.ChooseMethod, last: auth.PassedChallenge,
	use: func(c *config.Config) string { return c.SelfService.Flows.Recovery.Use },
	leads: func(v *visit, done *result) string {
		if done.next == nil {
			return v.returnURL(done.flow, "")
		}
		return v.page(done.next)
	},
	begin: beginRecovery,
	guard: func(v *visit, f *auth.Flow, row *store.SessionRow) *refusal {
		if row == nil || f.Undo || f.Done {
			return nil
		}
		return &refusal{err: auth.ErrSessionAlready, to: v.returnURL(f, ""), status: http.StatusFound}
	},
	fields: func(form *Form) []ui.Node {
		if form.Flow.Unbound {
			return nil
		}
		return []ui.Node{csrfNode()}
	},
	passed: func(_ *visit, form *Form, _ *Method) error {
		form.UI.Nodes = slices.Clone(form.UI.Nodes)
		form.UI.Quiet()
		return nil
	},
	onward:  (*visit).afterRecovery,
	expired: ui.ErrorRecoveryExpired, nobody: ui.ErrorRecoveryNoMethod,
	json:     func(_ *visit, _ *auth.Flow, common commonFields) any { return common },
	success:  recoverySuccess,
	restarts: true, moved: recoveryMoved,
	again: status{http.StatusBadRequest, http.StatusSeeOther}, next: status{http.StatusOK, http.StatusSeeOther},
}

func beginRecovery(v *visit, f *auth.Flow, row *store.SessionRow, query url.Values) error {
	if row != nil {
		return &refusal{err: auth.ErrSessionAlready, to: v.config.SelfService.DefaultBrowserReturnURL, status: http.StatusFound}
	}
	f.Active = v.kind.use(v.config)
	f.SkipSettings, _ = strconv.ParseBool(query.Get("skip_settings"))
	if v.config.FeatureFlags.ChooseRecoveryAddress && f.Active == "code" {
		f.State = auth.RecoveryAwaitingAddress
	}
	return nil
}

func recoverySuccess(v *visit, done *result, _ []auth.ContinueWith) ([]byte, error) {
	asks := v.asks(done)
	if done.next != nil && !v.config.FeatureFlags.UseContinueWithTransitions {
		to := cmp.Or(asks, v.page(done.next))
		return nil, auth.ErrBrowserLocation.Saying("You are back in your account. Go on at %s.", to).With("redirect_browser_to", to)
	}
	var next []auth.ContinueWith
	if v.app {
		next = append(next, auth.ContinueWith{Action: auth.SetSessionToken, SessionToken: done.token})
	}
	if asks != "" {
		next = append(next, auth.ContinueWith{Action: auth.RedirectBrowserTo, RedirectBrowserTo: asks})
	}
	if done.next != nil {
		next = append(next, auth.ContinueWith{Action: auth.ShowSettingsUI, Flow: &auth.ContinueWithFlow{ID: done.next.ID, URL: v.page(done.next)}})
	}
	return json.Marshal(struct {
		commonFields
		ContinueWith []auth.ContinueWith `json:"continue_with,omitempty"`
	}{v.common(done.flow), next})
}

func recoveryMoved(v *visit, fresh *auth.Flow, err *auth.Error) error {
	if !v.config.FeatureFlags.UseContinueWithTransitions || errors.Is(err, auth.ErrFlowExpired) && !v.app {
		return v.toFlow(fresh)
	}
	next := auth.ContinueWith{Action: auth.ShowRecoveryUI, Flow: &auth.ContinueWithFlow{ID: fresh.ID}}
	if fresh.Type == auth.Browser {
		next.Flow.URL = v.page(fresh)
	}
	return err.Detail("continue_with", []auth.ContinueWith{next})
}

var verification = &kind{
	name:     auth.Verification,
	enabled:  func(c *config.Config) bool { return c.SelfService.Flows.Verification.Enabled },
	lifespan: func(c *config.Config) time.Duration { return c.SelfService.Flows.Verification.Lifespan },
	after:    func(c *config.Config) config.After { return c.SelfService.Flows.Verification.After },
	first:    auth.ChooseMethod, last: auth.PassedChallenge,
	use:   func(c *config.Config) string { return c.SelfService.Flows.Verification.Use },
	leads: func(v *visit, done *result) string { return v.page(done.flow) },
	begin: func(v *visit, f *auth.Flow, _ *store.SessionRow, _ url.Values) error {
		f.Active = v.kind.use(v.config)
		return nil
	},
	fields: func(*Form) []ui.Node { return nil }, // its place depends on the method
	passed: func(v *visit, form *Form, m *Method) error {
		to := v.returnURL(form.Flow, "")
		*form.UI = ui.Container{Action: to, Method: http.MethodGet, Nodes: []ui.Node{csrfNode(), ui.Link(m.Name, "continue", to, ui.Say(ui.LabelContinue))}}
		form.UI.Say(ui.Say(ui.SuccessVerification))
		return nil
	},
	expired: ui.ErrorVerificationExpired, nobody: ui.ErrorVerificationNoMethod, used: ui.ErrorVerificationDone,
	json: func(_ *visit, _ *auth.Flow, common commonFields) any { return common },
	success: func(v *visit, done *result, _ []auth.ContinueWith) ([]byte, error) {
		return json.Marshal(v.common(done.flow))
	},
	restarts: true,
	moved: func(v *visit, fresh *auth.Flow, err *auth.Error) error {
		if errors.Is(err, auth.ErrFlowExpired) {
			return v.toFlow(fresh)
		}
		return err
	},
	again: status{http.StatusBadRequest, http.StatusSeeOther}, next: status{http.StatusOK, http.StatusSeeOther},
}

func csrfNode() ui.Node { return ui.Input(ui.GroupDefault, csrfField, ui.InputHidden, "").Required() }

// Names of fields that several parts know.
const (
	csrfField       = "csrf_token"
	identifierField = "identifier"
	codeField       = "code"
	emailField      = "email"
)
