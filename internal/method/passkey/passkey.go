package passkey

import (
	"context"
	"log/slog"
	"strings"
	"time"
	"unicode/utf8"

	"zelus/internal/auth"
	"zelus/internal/ceremony"
	"zelus/internal/config"
	"zelus/internal/flow"
	"zelus/internal/identity"
	"zelus/internal/store"
	"zelus/internal/ui"
)

// Passkey is what the method uses.
type Passkey struct {
	Store      *store.Store
	Identities *identity.Manager
	Logger     *slog.Logger
}

// Method is the method for the engine.
func (p *Passkey) Method() flow.Method {
	return flow.Method{
		Name:    name,
		Enabled: func(c *config.Config) bool { return c.SelfService.Methods.Passkey.Enabled },
		Login: &flow.Part{Offered: offered, First: true, Prepare: p.prepareLogin, Submit: p.login,
			Claims: func(s *flow.Submission) bool {
				return s.Values.String("method") == name || ceremony.Sent(s, loginField)
			}},
		Registration: &flow.Part{Offered: func(form *flow.Form) bool { return len(form.Schema.PasskeyFields()) > 0 }, Prepare: p.prepareRegistration, Submit: p.register,
			Claims: func(s *flow.Submission) bool { return ceremony.Sent(s, registerField) }},
		Settings: &flow.Part{Prepare: p.prepareSettings, Submit: p.change, Privileged: true,
			Claims: func(s *flow.Submission) bool { return ceremony.Sent(s, addField, removeField) }},
		Factor: identity.Factor{Type: auth.Passkey, Holds: holds, Only: ceremony.Only},
		Counts: counts,
	}
}

// Names of the method and of its fields.
const (
	name          = "passkey"
	loginField    = "passkey_login"
	registerField = "passkey_register"
	addField      = "passkey_settings_register"
	removeField   = "passkey_remove"
)

// keys is the half that the method has in common with security keys.
func (p *Passkey) keys() *ceremony.Keys {
	return &ceremony.Keys{Store: p.Store, Identities: p.Identities, Logger: p.Logger, Type: auth.Passkey, Party: ceremony.Passkeys,
		SignsIn: func(*flow.Form, *ceremony.Key) bool { return true }, Worth: worth, Set: set}
}

func settings(form *flow.Form) *config.PasskeyConfig {
	return &form.Config.SelfService.Methods.Passkey.Config
}

// holds says what each passkey is. Without its owner's handle none is found.
func holds(c auth.Credential) (all []auth.Factors) {
	if len(c.Identifiers) == 0 {
		return nil
	}
	for _, k := range ceremony.Read(c).Keys {
		one := auth.FactorPasskey
		if k.Verifies() {
			one |= auth.FactorVerifiedPasskey
		}
		all = append(all, one)
	}
	return all
}

func counts(c *config.Config) auth.Policy {
	p := auth.Policy{First: auth.FactorPasskey}
	if c.SelfService.Methods.Passkey.Config.UserVerifiedAAL2 {
		p.Both = auth.FactorVerifiedPasskey
	}
	return p
}

// usable are the passkeys of somebody whose form this is: all of them, or, where a
// second factor is asked for, those that are both factors at once.
func usable(form *flow.Form) ceremony.Config {
	c, _ := form.Credential(auth.Passkey)
	second := form.SecondFactor()
	return ceremony.Read(c).Only(func(k *ceremony.Key) bool {
		return !second || settings(form).UserVerifiedAAL2 && k.Verifies()
	})
}

// offered says whether a login form has passkeys: who it is about must have one.
func offered(form *flow.Form) bool {
	if form.Identity == nil {
		return !form.SecondFactor()
	}
	return len(usable(form).Keys) > 0
}

// verification is how much it matters in a form that the authenticator checks who
// uses the passkey.
func verification(form *flow.Form) string {
	if form.SecondFactor() {
		return ceremony.Required
	}
	return settings(form).AuthenticatorSelection.UserVerification
}

func (p *Passkey) prepareLogin(_ context.Context, form *flow.Form) error {
	field := ui.Input(ui.GroupPasskey, loginField, ui.InputHidden, nil)
	var keys []ceremony.Key
	if form.Identity != nil {
		keys = usable(form).Keys
		form.PutKnown(auth.Password, auth.WebAuthn, auth.Code)
	} else {
		form.UI.Put(ui.Input(ui.GroupDefault, "identifier", ui.InputText, "").Required().Autocomplete("username webauthn").Labelled(form.Schema.IdentifierLabel()))
		field = field.OnLoad("oryPasskeyLoginAutocompleteInit", ceremony.Call(form, "oryPasskeyLoginAutocompleteInit", ""))
	}
	o := ceremony.Passkeys(form.Config).Ask(ceremony.Challenge(form, name), keys, verification(form))
	ceremony.Within(settings(form).Timeouts.Login, &o.Timeout)
	ceremony.PutScript(form)
	form.UI.Put(ui.Input(ui.GroupPasskey, "passkey_challenge", ui.InputHidden, ceremony.Options(o)))
	form.UI.Put(field)
	if hasButton(form) {
		form.UI.Put(ui.Input(ui.GroupPasskey, "passkey_login_trigger", ui.InputButton, "").
			OnClick("oryPasskeyLogin", ceremony.Call(form, "oryPasskeyLogin", "")).Labelled(ui.Say(ui.LabelSignInPasskey)))
	}
	return nil
}

// hasButton says whether a login form has the button, besides what autofill needs:
// not where only a name is asked for, nor for a person who has no passkey.
func hasButton(form *flow.Form) bool {
	if form.Claimed == nil {
		return form.Flow.Step != auth.FirstStep
	}
	return len(holds(form.Claimed.Credentials[auth.Passkey])) > 0
}

func (p *Passkey) login(ctx context.Context, s *flow.Submission) (flow.Outcome, error) {
	text := s.Values.String(loginField)
	if text == "" && ceremony.OnPage(&s.Form) {
		return flow.Next().OnPage(), nil
	}
	if text == "" {
		return flow.Again(flow.Problem{Message: ui.Say(ui.ErrorLoginNoMethod)}), nil
	}
	answer, err := ceremony.ReadAnswer(text)
	if err != nil {
		return flow.Again(ceremony.Unreadable()), nil
	}
	handle := answer.UserHandle()
	if len(handle) == 0 { // an authenticator need not say it where passkeys were asked for by name
		handle = usable(&s.Form).UserHandle
	}
	found, err := p.find(ctx, handle)
	if err != nil {
		return flow.Outcome{}, err
	}
	if found == nil {
		return flow.Again(flow.Problem{Message: ui.Say(ui.ErrorNoKeyUser)}), nil
	}
	if s.Identity != nil && s.Identity.ID != found.Identity.ID {
		return flow.Again(flow.Problem{Message: ui.Say(ui.ErrorVerifierWrong)}), nil
	}
	return p.keys().Prove(s, found, answer, verification(&s.Form) == ceremony.Required), nil
}

// find finds whose handle this is; nil where it is nobody's.
func (p *Passkey) find(ctx context.Context, handle []byte) (*store.SignIn, error) {
	identifier := string(handle)
	if !utf8.ValidString(identifier) || strings.ContainsRune(identifier, 0) {
		identifier = "" // no database can look it up, and nobody has it
	}
	return p.keys().Find(ctx, identifier)
}

// worth is what the use of a passkey is worth, and whether that is enough in the form.
func worth(form *flow.Form, p *ceremony.Proof) (auth.AMR, bool) {
	if settings(form).UserVerifiedAAL2 && p.Both() {
		return auth.AMR{Method: name, AAL: auth.AAL2, Both: true}, true
	}
	return auth.AMR{Method: name, AAL: auth.AAL1}, !form.SecondFactor()
}

// creation makes the options for a new passkey of somebody who has these already.
func creation(form *flow.Form, have ceremony.Config, shown string) *ceremony.Creation {
	set := settings(form)
	o := ceremony.Passkeys(form.Config).Create(ceremony.Challenge(form, name), ceremony.Handle(form, name, have), have.Keys, shown, ceremony.Selection{
		Attachment: set.AuthenticatorSelection.Attachment, ResidentKey: set.AuthenticatorSelection.ResidentKey,
		RequireResidentKey: set.AuthenticatorSelection.ResidentKey == ceremony.Required, UserVerification: set.AuthenticatorSelection.UserVerification})
	if set.Attestation.Preference != "none" {
		o.Attestation = set.Attestation.Preference
	}
	ceremony.Within(set.Timeouts.Registration, &o.Timeout)
	return o
}

func (p *Passkey) prepareRegistration(_ context.Context, form *flow.Form) error {
	// Who it is will be typed into this form; the script takes it from there.
	options := creation(form, ceremony.Config{}, ceremony.Passkeys(form.Config).Name)
	button := ui.Input(ui.GroupPasskey, "passkey_register_trigger", ui.InputButton, nil).
		OnClick("oryPasskeyRegistration", ceremony.Call(form, "oryPasskeyRegistration", "")).Labelled(ui.Say(ui.LabelSignUpPasskey))
	field := ui.Input(ui.GroupPasskey, registerField, ui.InputHidden, nil)
	if form.Flow.Step == auth.AtOnce {
		form.UI.Add(button, field)
	} else {
		form.UI.Add(field, button)
	}
	form.UI.Put(ui.Input(ui.GroupPasskey, "passkey_create_data", ui.InputHidden, ceremony.OptionsFor(options, form.Schema.PasskeyFields())))
	ceremony.PutScript(form)
	return nil
}

func (p *Passkey) prepareSettings(_ context.Context, form *flow.Form) error {
	p.keys().PutRemoval(form, ui.GroupPasskey, removeField, ui.LabelRemovePasskey)
	shown := ""
	if facts, wrong := form.Schema.Extract(form.Identity.Traits); len(wrong) == 0 && len(facts.PasskeyNames) > 0 {
		shown = facts.PasskeyNames[0]
	}
	if shown == "" {
		form.UI.Say(ui.Say(ui.ErrorIdentifierMissing))
		return nil
	}
	form.UI.Put(ui.Input(ui.GroupPasskey, "passkey_register_trigger", ui.InputButton, "").
		OnClick("oryPasskeySettingsRegistration", ceremony.Call(form, "oryPasskeySettingsRegistration", "")).Labelled(ui.Say(ui.LabelAddPasskey)))
	form.UI.Put(ui.Input(ui.GroupPasskey, addField, ui.InputHidden, nil))
	data := ui.Input(ui.GroupPasskey, "passkey_create_data", ui.InputHidden, ceremony.Options(creation(form, p.keys().Of(form), shown)))
	data.Secret = true // it has a trait in it, and stored forms have none
	form.UI.Put(data)
	ceremony.PutScript(form)
	return nil
}

// ask is what a new passkey shall be, whose authenticator's answer is in a field.
func ask(s *flow.Submission, field string) ceremony.New {
	verify := settings(&s.Form).AuthenticatorSelection.UserVerification == ceremony.Required
	return ceremony.New{Answer: s.Values.String(field), Passwordless: true, Verify: verify}
}

func (p *Passkey) register(ctx context.Context, s *flow.Submission) (flow.Outcome, error) {
	return p.keys().Register(ctx, s, ask(s, registerField)), nil
}

func (p *Passkey) change(ctx context.Context, s *flow.Submission) (flow.Outcome, error) {
	if ceremony.Sent(s, removeField) {
		return p.keys().Remove(s, removeField), nil
	}
	return p.keys().Add(ctx, s, ask(s, addField)), nil
}

// set gives an identity these passkeys.
func set(i *auth.Identity, keys ceremony.Config, now time.Time) {
	if len(keys.Keys) == 0 {
		delete(i.Credentials, auth.Passkey)
		return
	}
	i.SetCredential(auth.Passkey, keys.JSON(), now)
	c := i.Credentials[auth.Passkey]
	c.Identifiers = []string{string(keys.UserHandle)}
	i.Credentials[auth.Passkey] = c
}
