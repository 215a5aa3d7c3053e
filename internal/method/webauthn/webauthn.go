package webauthn

import (
	"context"
	"log/slog"
	"time"
	"unicode/utf8"

	"zelus/internal/auth"
	"zelus/internal/ceremony"
	"zelus/internal/config"
	"zelus/internal/flow"
	"zelus/internal/identity"
	"zelus/internal/schema"
	"zelus/internal/store"
	"zelus/internal/ui"
)

// WebAuthn is what the method uses.
type WebAuthn struct {
	Store      *store.Store
	Identities *identity.Manager
	Logger     *slog.Logger
}

// Method is the method for the engine.
func (w *WebAuthn) Method() flow.Method {
	return flow.Method{
		Name:    name,
		Enabled: func(c *config.Config) bool { return c.SelfService.Methods.WebAuthn.Enabled },
		Login: &flow.Part{Offered: w.offered, Prepare: w.prepareLogin, Submit: w.login,
			Claims: func(s *flow.Submission) bool {
				return s.Values.String("method") == name || ceremony.Sent(s, loginField)
			}},
		Registration: &flow.Part{Offered: func(form *flow.Form) bool { return ceremony.OnPage(form) && settings(form).Passwordless },
			Prepare: w.prepareRegistration, Submit: w.register, Claims: func(s *flow.Submission) bool { return ceremony.Sent(s, registerField) }},
		Settings: &flow.Part{Offered: ceremony.OnPage, Prepare: w.prepareSettings, Submit: w.change, Privileged: true,
			Claims: func(s *flow.Submission) bool { return ceremony.Sent(s, registerField, removeField) }},
		Factor: identity.Factor{Type: auth.WebAuthn, Holds: holds, Only: ceremony.Only},
		Counts: counts,
	}
}

// Names of the method and of its fields.
const (
	name          = "webauthn"
	loginField    = "webauthn_login"
	registerField = "webauthn_register"
	nameField     = "webauthn_register_displayname"
	removeField   = "webauthn_remove"
	// identifierKept is where a form keeps who is about to use their key.
	identifierKept = "webauthn_identifier"
)

// keys is the half that the method has in common with passkeys.
func (w *WebAuthn) keys() *ceremony.Keys {
	return &ceremony.Keys{Store: w.Store, Identities: w.Identities, Logger: w.Logger, Type: auth.WebAuthn, Party: ceremony.SecurityKeys,
		SignsIn: func(form *flow.Form, k *ceremony.Key) bool { return k.Passwordless && settings(form).Passwordless }, Worth: worth, Set: set}
}

func settings(form *flow.Form) *config.WebAuthnConfig {
	return &form.Config.SelfService.Methods.WebAuthn.Config
}

// holds says what each key is. One that is to sign somebody in needs an identifier
// that it is asked for with.
func holds(c auth.Credential) (all []auth.Factors) {
	for _, k := range ceremony.Read(c).Keys {
		switch {
		case !k.Passwordless:
			all = append(all, auth.FactorKey)
		case len(c.Identifiers) > 0 && k.Verifies():
			all = append(all, auth.FactorKeyAlone|auth.FactorVerifiedKey)
		case len(c.Identifiers) > 0:
			all = append(all, auth.FactorKeyAlone)
		}
	}
	return all
}

func counts(c *config.Config) auth.Policy {
	p := auth.Policy{Second: auth.FactorKey}
	if set := &c.SelfService.Methods.WebAuthn.Config; set.Passwordless {
		p.First = auth.FactorKeyAlone
		if set.UserVerifiedAAL2 {
			p.Both = auth.FactorVerifiedKey
		}
	}
	return p
}

// fits says whether a key can be used in a login form: one that was set up for a
// first factor there, or one for a second. Where a key can be both factors at once
// that one proves a second factor, too.
func fits(form *flow.Form, k *ceremony.Key) bool {
	set := settings(form)
	switch {
	case !form.SecondFactor():
		return k.Passwordless && set.Passwordless
	case !k.Passwordless:
		return true
	}
	return set.Passwordless && set.UserVerifiedAAL2 && k.Verifies()
}

// usable are the keys of a credential that can be used in a login form.
func usable(form *flow.Form, c auth.Credential) ceremony.Config {
	return ceremony.Read(c).Only(func(k *ceremony.Key) bool { return fits(form, k) })
}

// offered says whether a login form has the method: a page's, with a key alone
// where there is an identifier to be asked for, otherwise where the person has a
// key to use.
func (w *WebAuthn) offered(form *flow.Form) bool {
	if !ceremony.OnPage(form) {
		return false
	}
	if form.Identity == nil {
		return settings(form).Passwordless && !form.SecondFactor()
	}
	c, _ := form.Credential(auth.WebAuthn)
	return len(usable(form, c).Keys) > 0
}

func (w *WebAuthn) prepareLogin(ctx context.Context, form *flow.Form) error {
	if form.Identity != nil {
		c, _ := form.Credential(auth.WebAuthn)
		form.PutKnown(auth.WebAuthn)
		putKeys(form, usable(form, c), ui.LabelSignInWebAuthn)
		return nil
	}
	if form.Flow.Alone == name {
		identifier := string(form.Kept(identifierKept))
		_, keys, err := w.find(ctx, form, identifier)
		if err != nil {
			return err
		}
		form.UI.Put(ui.Input(ui.GroupDefault, "identifier", ui.InputHidden, identifier).Required())
		form.Protect()
		putKeys(form, keys, ui.LabelSignInContinue)
		return nil
	}
	if form.Claimed != nil && len(usable(form, form.Claimed.Credentials[auth.WebAuthn]).Keys) == 0 {
		return nil
	}
	form.UI.Put(ui.Input(ui.GroupDefault, "identifier", ui.InputText, "").Required().Autocomplete("username webauthn").Labelled(form.Schema.IdentifierLabel()))
	form.UI.Put(ui.Button(ui.GroupWebAuthn, "method", name, ui.Say(ui.LabelSignInWebAuthn)))
	return nil
}

// putKeys adds what it takes to use one of these keys.
func putKeys(form *flow.Form, keys ceremony.Config, label int) {
	options := ceremony.Options(ceremony.SecurityKeys(form.Config).Ask(ceremony.Challenge(form, name), keys.Keys, verification(form)))
	ceremony.PutScript(form)
	form.UI.Put(ui.Input(ui.GroupWebAuthn, "webauthn_login_trigger", ui.InputButton, options).
		OnClick("oryWebAuthnLogin", ceremony.Call(form, "oryWebAuthnLogin", options)).Labelled(ui.Say(label)))
	form.UI.Put(ui.Input(ui.GroupWebAuthn, loginField, ui.InputHidden, ""))
}

// verification is how much it matters that a key checks who uses it: only where
// that makes it two factors.
func verification(form *flow.Form) string {
	if set := settings(form); set.Passwordless && set.UserVerifiedAAL2 {
		return ceremony.Preferred
	}
	return ceremony.Discouraged
}

// find finds who signs in with an identifier and a key alone, and their keys.
func (w *WebAuthn) find(ctx context.Context, form *flow.Form, identifier string) (*store.SignIn, ceremony.Config, error) {
	found, err := w.keys().Find(ctx, schema.LookupIdentifier(identifier))
	if err != nil || found == nil {
		return nil, ceremony.Config{}, err
	}
	return found, usable(form, found.Credential), nil
}

func (w *WebAuthn) login(ctx context.Context, s *flow.Submission) (flow.Outcome, error) {
	identifier, text := s.Identifier(), s.Values.String(loginField)
	if identifier == "" && s.UI.Find("identifier") != nil {
		s.StartOver()
		return flow.Again(flow.Missing("identifier")), nil
	}
	var found *store.SignIn
	if s.Identity != nil {
		c, _ := s.Credential(auth.WebAuthn)
		found = &store.SignIn{Identity: s.Identity, Credential: c}
	} else {
		var keys ceremony.Config
		var err error
		if found, keys, err = w.find(ctx, &s.Form, identifier); err != nil {
			return flow.Outcome{}, err
		}
		if len(keys.Keys) == 0 {
			s.StartOver()
			return flow.Again(flow.Problem{Message: ui.Say(ui.ErrorNoKeyUser)}), nil
		}
		if text == "" {
			s.TakeOver(name)
			s.Keep(identifierKept, []byte(identifier))
			return flow.Next().Saying(ui.Say(ui.InfoSignInWebAuthn)).OnPage(), nil
		}
	}
	answer, err := ceremony.ReadAnswer(text)
	if err != nil {
		return flow.Again(ceremony.Unreadable()), nil
	}
	return w.keys().Prove(s, found, answer, false), nil
}

// worth is what the use of a key is worth, and whether the form takes that key and it
// is enough there.
func worth(form *flow.Form, p *ceremony.Proof) (auth.AMR, bool) {
	fit := fits(form, &p.Key)
	switch {
	case !p.Key.Passwordless:
		return auth.AMR{Method: name, AAL: auth.AAL2}, fit
	case settings(form).UserVerifiedAAL2 && p.Both():
		return auth.AMR{Method: name, AAL: auth.AAL2, Both: true}, fit
	}
	return auth.AMR{Method: name, AAL: auth.AAL1}, fit && !form.SecondFactor()
}

func (w *WebAuthn) prepareRegistration(_ context.Context, form *flow.Form) error {
	putNew(form, ceremony.Config{}, ui.LabelSignUpWebAuthn)
	return nil
}

func (w *WebAuthn) prepareSettings(_ context.Context, form *flow.Form) error {
	w.keys().PutRemoval(form, ui.GroupWebAuthn, removeField, ui.LabelRemoveWebAuthn)
	putNew(form, w.keys().Of(form), ui.LabelAddWebAuthn)
	return nil
}

// putNew adds what it takes to set up a key, for somebody who has these already.
func putNew(form *flow.Form, have ceremony.Config, label int) {
	party := ceremony.SecurityKeys(form.Config)
	options := ceremony.Options(party.Create(ceremony.Challenge(form, name), ceremony.Handle(form, name, have), have.Keys, party.Name,
		ceremony.Selection{UserVerification: verification(form)}))
	form.UI.Put(ui.Input(ui.GroupWebAuthn, nameField, ui.InputText, "").Labelled(ui.Say(ui.LabelWebAuthnName)))
	form.UI.Put(ui.Input(ui.GroupWebAuthn, registerField, ui.InputHidden, ""))
	form.UI.Put(ui.Input(ui.GroupWebAuthn, "webauthn_register_trigger", ui.InputButton, options).
		OnClick("oryWebAuthnRegistration", ceremony.Call(form, "oryWebAuthnRegistration", options)).Labelled(ui.Say(label)))
	ceremony.PutScript(form)
}

// longestName bounds the name of a key, in characters.
const longestName = 100

// ask reads what a new key shall be out of a submission, or says what is wrong with
// it.
func ask(s *flow.Submission) (ceremony.New, *flow.Problem) {
	displayed := s.Values.String(nameField)
	if n := utf8.RuneCountInString(displayed); n > longestName {
		return ceremony.New{}, &flow.Problem{Field: nameField, Message: ui.Say(ui.ErrorMaxLength, "max_length", longestName, "actual_length", n)}
	}
	return ceremony.New{Answer: s.Values.String(registerField), Passwordless: settings(&s.Form).Passwordless, Name: displayed}, nil
}

func (w *WebAuthn) register(ctx context.Context, s *flow.Submission) (flow.Outcome, error) {
	if len(s.Candidate.Credentials[auth.WebAuthn].Identifiers) == 0 {
		return flow.Again(flow.Problem{Message: ui.Say(ui.ErrorIdentifierMissing)}), nil
	}
	key, problem := ask(s)
	if problem != nil {
		return flow.Again(*problem), nil
	}
	return w.keys().Register(ctx, s, key), nil
}

func (w *WebAuthn) change(ctx context.Context, s *flow.Submission) (flow.Outcome, error) {
	if ceremony.Sent(s, removeField) {
		return w.keys().Remove(s, removeField), nil
	}
	key, problem := ask(s)
	switch {
	case problem != nil:
		return flow.Again(*problem), nil
	case key.Name == "":
		return flow.Again(flow.Missing(nameField)), nil
	}
	return w.keys().Add(ctx, s, key), nil
}

// set gives an identity these keys. Its identifiers stay without any.
func set(i *auth.Identity, keys ceremony.Config, now time.Time) {
	config := keys.JSON()
	if len(keys.Keys) == 0 {
		config = []byte("{}")
	}
	i.SetCredential(auth.WebAuthn, config, now)
}
