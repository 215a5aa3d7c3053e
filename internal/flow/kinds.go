package flow

import (
	"encoding/json"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/google/uuid"

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
	enabled func(*config.Config) bool
	// page is where browsers see the form; empty means that none is configured.
	page     func(*config.Config) string
	lifespan func(*config.Config) time.Duration
	after    func(*config.Config) config.After
	// first and last are the states of a new flow and of one that succeeded.
	first, last string
	// home is where browsers go after success if nothing is configured; nil is
	// the general return URL.
	home func(*visit, *auth.Flow) string
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
	// order of the nodes on the wire.
	order func(*schema.Schema) ui.Order
	// inspect looks at a submission before any method does; nil looks at nothing.
	inspect func(*visit, *Submission) ([]Problem, error)
	// typed says which fields hold what a person typed and may see again; nil
	// is none.
	typed func(name string) bool
	// stays is what is said above a form that has succeeded and may be sent
	// again; 0 is of a form that is used up by its success.
	stays int
	// stepsUp says that a browser whose new session is not proven strongly
	// enough is led on to a second factor instead of home.
	stepsUp bool
	// expired and nobody are the messages for a form that was open for too
	// long and for a submission that no method claims.
	expired, nobody int
	// json adds what only this kind has to a flow on the wire.
	json func(*visit, *auth.Flow, commonFields) any
	// success is what those who talk JSON are told of a success.
	success func(*visit, *result, []auth.ContinueWith) any
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
func allKinds() []*kind { return []*kind{login, registration, settings} }

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
	page:     func(c *config.Config) string { return c.SelfService.Flows.Login.UIURL },
	lifespan: func(c *config.Config) time.Duration { return c.SelfService.Flows.Login.Lifespan },
	after:    func(c *config.Config) config.After { return c.SelfService.Flows.Login.After },
	first:    auth.ChooseMethod, last: auth.PassedChallenge,
	begin:   beginLogin,
	greet:   greetLogin,
	guard:   guardLogin,
	fields:  loginFields,
	order:   func(*schema.Schema) ui.Order { return ui.LoginOrder() },
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
	success: func(v *visit, done *result, next []auth.ContinueWith) any {
		// The identity stands in the session, if it may be told already.
		return v.signedInFields(done, !v.app || v.satisfied(done), next)
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
		return nil // there is nothing to refresh
	case !refresh && row.Session.AAL.AtLeast(f.RequestedAAL):
		return v.signedInAlready(query)
	}
	f.Refresh, f.IdentityID = refresh, row.Session.IdentityID
	return nil
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
	if form.Flow.RequestedAAL.AtLeast(auth.AAL2) && form.Flow.Type == auth.API {
		return nil // without a factor there is nothing to protect
	}
	return []ui.Node{csrfNode()}
}

var registration = &kind{
	name:     auth.Registration,
	enabled:  func(c *config.Config) bool { return c.SelfService.Flows.Registration.Enabled },
	page:     func(c *config.Config) string { return c.SelfService.Flows.Registration.UIURL },
	lifespan: func(c *config.Config) time.Duration { return c.SelfService.Flows.Registration.Lifespan },
	after:    func(c *config.Config) config.After { return c.SelfService.Flows.Registration.After },
	first:    auth.ChooseMethod, last: auth.PassedChallenge,
	begin: func(v *visit, f *auth.Flow, row *store.SessionRow, query url.Values) (err error) {
		if row != nil {
			return v.signedInAlready(query)
		}
		f.SchemaID, err = v.chosenSchema(query)
		return err
	},
	guard: func(v *visit, f *auth.Flow, row *store.SessionRow) *refusal {
		if row == nil {
			return nil
		}
		return &refusal{err: auth.ErrSessionAlready, to: v.returnURL(f, ""), status: http.StatusFound}
	},
	fields: func(form *Form) []ui.Node {
		return append([]ui.Node{csrfNode()}, form.Schema.Nodes(ui.GroupDefault)...)
	},
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
	success: func(v *visit, done *result, next []auth.ContinueWith) any {
		out := v.signedInFields(done, true, next)
		out.Identity = v.identityJSON(done)
		if v.app && done.session != nil {
			out.ContinueWith = append(next, auth.ContinueWith{Action: auth.SetSessionToken, SessionToken: done.token})
		}
		return out
	},
	again: status{http.StatusBadRequest, http.StatusFound}, next: status{http.StatusBadRequest, http.StatusSeeOther},
}

var settings = &kind{
	name:     auth.Settings,
	enabled:  func(*config.Config) bool { return true },
	page:     func(c *config.Config) string { return c.SelfService.Flows.Settings.UIURL },
	lifespan: func(c *config.Config) time.Duration { return c.SelfService.Flows.Settings.Lifespan },
	after:    func(c *config.Config) config.After { return c.SelfService.Flows.Settings.After },
	first:    auth.ShowForm, last: auth.Success,
	home:  (*visit).page,
	begin: beginSettings,
	owner: func(c *config.Config) auth.RequiredAAL { return c.SelfService.Flows.Settings.RequiredAAL },
	privileged: func(c *config.Config) time.Duration {
		return c.SelfService.Flows.Settings.PrivilegedSessionMaxAge
	},
	fields:  func(*Form) []ui.Node { return []ui.Node{csrfNode()} },
	order:   func(s *schema.Schema) ui.Order { return ui.SettingsOrder(s.TraitNames()) },
	stays:   ui.SuccessSettings,
	expired: ui.ErrorSettingsExpired, nobody: ui.ErrorSettingsNoMethod,
	json: func(v *visit, _ *auth.Flow, common commonFields) any { return v.settingsJSON(common, nil) },
	success: func(v *visit, done *result, next []auth.ContinueWith) any {
		return v.settingsJSON(v.common(done.flow), next)
	},
	again: status{http.StatusBadRequest, http.StatusSeeOther}, next: status{http.StatusOK, http.StatusSeeOther},
}

func beginSettings(v *visit, f *auth.Flow, row *store.SessionRow, query url.Values) error {
	to := query.Get("return_to")
	if row == nil {
		login := v.base + "self-service/login/browser"
		if to != "" {
			login = withQuery(login, "return_to", to)
		}
		return &refusal{err: auth.ErrNoSession, to: login, status: http.StatusSeeOther}
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

func csrfNode() ui.Node { return ui.Input(ui.GroupDefault, csrfField, ui.InputHidden, "").Required() }

// Names of fields that several parts know.
const (
	csrfField       = "csrf_token"
	identifierField = "identifier"
)
