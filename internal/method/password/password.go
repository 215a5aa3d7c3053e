package password

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"net/http"
	"time"

	"zelus/internal/auth"
	"zelus/internal/config"
	"zelus/internal/flow"
	"zelus/internal/hash"
	"zelus/internal/identity"
	"zelus/internal/schema"
	"zelus/internal/store"
	"zelus/internal/ui"
)

// Password is what the method uses.
type Password struct {
	Store  *store.Store
	Hashes *hash.Pool
	Client *http.Client // for the range API
	Logger *slog.Logger
}

// Method is the method for the engine.
func (p *Password) Method() flow.Method {
	return flow.Method{
		Name:         "password",
		Enabled:      func(c *config.Config) bool { return c.SelfService.Methods.Password.Enabled },
		Login:        &flow.Part{Offered: offered, Prepare: p.prepareLogin, Submit: p.login},
		Registration: &flow.Part{Prepare: p.prepareRegistration, Submit: p.register},
		Settings:     &flow.Part{Prepare: p.prepareSettings, Submit: p.change, Privileged: true},
		Factor:       identity.Factor{Type: auth.Password, Holds: holds},
		Counts:       func(*config.Config) auth.Policy { return auth.Policy{First: auth.FactorPassword} },
	}
}

// holds says whether a credential can be signed in with.
func holds(c auth.Credential) []auth.Factors {
	if len(c.Identifiers) > 0 && hashOf(c) != "" {
		return []auth.Factors{auth.FactorPassword}
	}
	return nil
}

func hashOf(c auth.Credential) string {
	var config identity.PasswordConfig
	if len(c.Config) == 0 || json.Unmarshal(c.Config, &config) != nil {
		return ""
	}
	return config.HashedPassword
}

const field = "password"

// offered says whether a login form has the password: it is no second factor,
// and who proves themselves again must have one.
func offered(form *flow.Form) bool {
	if form.SecondFactor() {
		return false
	}
	c, _ := form.Credential(auth.Password)
	return !form.Flow.Refresh || len(holds(c)) > 0
}

func (p *Password) prepareLogin(_ context.Context, form *flow.Form) error {
	if form.Claimed != nil && len(holds(form.Claimed.Credentials[auth.Password])) == 0 {
		return nil
	}
	label := ui.Say(ui.LabelSignIn)
	if form.Flow.Refresh {
		label = ui.Say(ui.LabelSignInRefresh)
		form.PutKnown(auth.Password)
	} else {
		form.UI.Put(ui.Input(ui.GroupDefault, "identifier", ui.InputText, "").Required().Labelled(form.Schema.IdentifierLabel()))
	}
	form.UI.Put(ui.Input(ui.GroupPassword, field, ui.InputPassword, nil).Required().Autocomplete("current-password").Labelled(ui.Say(ui.LabelPassword)))
	form.UI.Put(ui.Input(ui.GroupPassword, "method", ui.InputSubmit, "password").Labelled(label))
	return nil
}

func (p *Password) prepareRegistration(_ context.Context, form *flow.Form) error {
	prepareNew(form, ui.LabelSignUp)
	return nil
}

func (p *Password) prepareSettings(_ context.Context, form *flow.Form) error {
	prepareNew(form, ui.LabelSave)
	return nil
}

// prepareNew adds the fields for a new password, and the button.
func prepareNew(form *flow.Form, label int) {
	form.UI.Put(ui.Input(ui.GroupPassword, field, ui.InputPassword, nil).Required().Autocomplete("new-password").Labelled(ui.Say(ui.LabelPassword)))
	form.UI.Put(ui.Input(ui.GroupPassword, "method", ui.InputSubmit, "password").Labelled(ui.Say(label)))
}

// login checks a password. Whatever is wrong, the same work is done and the
// same is said.
func (p *Password) login(ctx context.Context, s *flow.Submission) (flow.Outcome, error) {
	identifier, given := s.Identifier(), s.Values.String(field)
	var missing []flow.Problem
	if identifier == "" {
		missing = append(missing, flow.Missing("identifier"))
	}
	if given == "" {
		missing = append(missing, flow.Missing(field))
	}
	if len(missing) > 0 {
		return flow.Again(missing...), nil
	}
	found, err := p.Store.SignInBy(ctx, auth.DefaultProject, auth.Password, schema.LookupIdentifier(identifier))
	if err != nil && !errors.Is(err, store.ErrNotFound) {
		return flow.Outcome{}, err
	}
	encoded := ""
	if found != nil {
		encoded = hashOf(found.Credential)
	}
	right, wrong := false, flow.Problem{Message: ui.Say(ui.ErrorInvalidCredentials)}
	if encoded == "" {
		err = p.Hashes.Dummy(ctx, given)
	} else {
		right, err = p.Hashes.Verify(ctx, given, encoded)
	}
	if err != nil && !errors.Is(err, hash.ErrTooLong) {
		return flow.Outcome{}, hash.Explain(err)
	}
	// Somebody else's password does not refresh this person's session.
	if !right || s.Identity != nil && s.Identity.ID != found.Identity.ID {
		return flow.Again(wrong), nil
	}
	outcome := flow.Proven(found.Identity, found.Credential, auth.AMR{Method: "password", AAL: auth.AAL1}, wrong)
	if !p.Hashes.NeedsRehash(encoded, given) {
		return outcome, nil
	}
	better, err := p.Hashes.Generate(ctx, given)
	if err != nil {
		// The next sign-in is as good an occasion.
		p.Logger.WarnContext(ctx, "a password could not be hashed anew", "identity", found.Identity.ID, "error", err)
		return outcome, nil
	}
	config := identity.PasswordConfig{HashedPassword: better}.JSON()
	return outcome.Replacing(found.Identity.ID, found.Credential, config), nil
}

func (p *Password) register(ctx context.Context, s *flow.Submission) (flow.Outcome, error) {
	config, wrong, err := p.choose(ctx, s, s.Candidate.Credentials[auth.Password])
	if err != nil {
		return flow.Outcome{}, err
	}
	if wrong != nil {
		return flow.Again(*wrong), nil
	}
	s.AddCredential(auth.Password, config)
	return flow.Registered(s.Candidate, auth.AMR{Method: "password", AAL: auth.AAL1}), nil
}

// change gives somebody a new password, or their first one.
func (p *Password) change(ctx context.Context, s *flow.Submission) (flow.Outcome, error) {
	config, wrong, err := p.choose(ctx, s, s.Identity.Credentials[auth.Password])
	if err != nil {
		return flow.Outcome{}, err
	}
	if wrong != nil {
		return flow.Again(*wrong), nil
	}
	return flow.Changed(func(i *auth.Identity, now time.Time) { i.SetCredential(auth.Password, config, now) }), nil
}

// choose makes the config of a new password, or says what is wrong with the
// password: for those who sign in with the identifiers of this credential, and
// had its password before.
func (p *Password) choose(ctx context.Context, s *flow.Submission, before auth.Credential) (json.RawMessage, *flow.Problem, error) {
	given := s.Values.String(field)
	if given == "" {
		missing := flow.Missing(field)
		return nil, &missing, nil
	}
	if len(before.Identifiers) == 0 {
		return nil, &flow.Problem{Message: ui.Say(ui.ErrorIdentifierMissing)}, nil
	}
	wrong, err := p.policy(s.Config).Check(ctx, given, before.Identifiers)
	if err != nil {
		return nil, nil, err
	}
	if wrong != nil {
		return nil, &flow.Problem{Field: field, Message: *wrong}, nil
	}
	if encoded := hashOf(before); encoded != "" {
		same, err := p.Hashes.Verify(ctx, given, encoded)
		switch {
		case same:
			return nil, &flow.Problem{Field: field, Message: ui.Say(ui.ErrorPasswordUnchanged)}, nil
		case errors.Is(err, hash.ErrTooLong), errors.Is(err, hash.ErrMalformed), errors.Is(err, hash.ErrUnknownFormat), errors.Is(err, hash.ErrTooExpensive):
			// A hash that nothing can be checked against is about to be replaced.
		case err != nil:
			return nil, nil, hash.Explain(err)
		}
	}
	encoded, err := p.Hashes.Generate(ctx, given)
	if err != nil {
		return nil, nil, hash.Explain(err)
	}
	return identity.PasswordConfig{HashedPassword: encoded}.JSON(), nil, nil
}

// policy is what the configuration says of new passwords.
func (p *Password) policy(c *config.Config) *Policy {
	set := c.SelfService.Methods.Password.Config
	policy := &Policy{MinLength: set.MinPasswordLength, SimilarityCheck: set.IdentifierSimilarityCheckEnabled, MaxBreaches: set.MaxBreaches,
		IgnoreNetworkErrors: set.IgnoreNetworkErrors, Log: p.Logger}
	if set.HaveIBeenPwnedEnabled {
		policy.Range = &RangeAPI{Host: set.HaveIBeenPwnedHost, Client: p.Client}
	}
	return policy
}
