package code

import (
	"cmp"
	"context"
	"errors"
	"slices"

	"zelus/internal/auth"
	"zelus/internal/flow"
	"zelus/internal/schema"
	"zelus/internal/store"
	"zelus/internal/ui"
)

const (
	identifierField = "identifier"
	oneOfThem       = "address"
	resendField     = "resend"
)

// signsIn says whether a code can be had in a login form: as the first factor, or
// as the second one of somebody who has an address for it, where it is another
// factor than the first or the only second one they have.
func signsIn(form *flow.Form) bool {
	m := &form.Config.SelfService.Methods.Code
	if form.SecondFactor() {
		return m.MFAEnabled && len(choices(form)) > 0 && (completes(form) || !hasAnother(form, form.Identity))
	}
	return m.PasswordlessEnabled && (!form.Flow.Refresh || len(owned(form, form.Identity)) > 0)
}

// completes says whether a code makes two factors with what the session was proven by.
// What was sent to somebody is the same factor as a code: whoever reads their mail
// has all of it.
func completes(form *flow.Form) bool {
	other := slices.DeleteFunc(slices.Clone(form.Proven), func(a auth.AMR) bool {
		switch auth.CredentialType(a.Method) {
		case auth.Code, auth.CodeRecovery, auth.LinkRecovery:
			return true
		}
		return false
	})
	return auth.LevelOf(append(other, auth.AMR{Method: "code", AAL: auth.AAL2})).AtLeast(auth.AAL2)
}

// chooses says whether somebody picks one of their addresses instead of typing it.
func chooses(form *flow.Form) bool {
	return form.SecondFactor() || form.Flow.Refresh && form.Config.FeatureFlags.RefreshLoginChooseAddress
}

func claimsLogin(s *flow.Submission) bool {
	method := s.Values.String("method")
	return claims(s) || method == "" && (s.Values.String(resendField) != "" || s.Values.String(oneOfThem) != "")
}

func (c *Code) prepareLogin(_ context.Context, form *flow.Form) error {
	f := form.Flow
	switch {
	case f.State == auth.SentEmail && form.Again:
		form.Protect()
		form.UI.Add(ui.Input(ui.GroupDefault, identifierField, ui.InputHidden, f.Address), input(ui.LabelLoginCode), resend(resendField, "code"),
			hidden("method", "code"), submit())
	case f.State == auth.SentEmail:
		to := ui.Input(ui.GroupDefault, identifierField, ui.InputHidden, f.Address).Required().Labelled(form.Schema.IdentifierLabel())
		switch {
		case chooses(form):
			to = hidden(identifierField, f.Address).Labelled(sendTo(f.Address))
		case f.Step == auth.SecondStep:
			to.Group, to.Attributes.Autocomplete = ui.GroupIdentifierFirst, "username webauthn"
		}
		form.UI.Add(to, hidden("method", "code"), input(ui.LabelLoginCode), submit(), resend(resendField, "code"))
		if f.Type == auth.Browser {
			form.Protect()
		}
	case chooses(form):
		form.Protect()
		for _, a := range choices(form) {
			form.UI.Add(ui.Button(ui.GroupCode, oneOfThem, a.Value, sendTo(a.Value)))
		}
	case form.Claimed != nil && len(owned(form, form.Claimed)) == 0:
	default:
		form.UI.Put(ui.Input(ui.GroupDefault, identifierField, ui.InputText, "").Required().Labelled(form.Schema.IdentifierLabel()))
		form.UI.Put(ui.Button(ui.GroupCode, "method", "code", ui.Say(ui.LabelSignInCode)))
	}
	return nil
}

// sendTo is the label of one of several addresses.
func sendTo(address string) ui.Message {
	return ui.Say(ui.LabelSignInCodeTo, "address", address, "channel", channel(address))
}

func (c *Code) login(ctx context.Context, s *flow.Submission) (flow.Outcome, error) {
	f, chosen := s.Flow, s.Values.String(oneOfThem)
	to := cmp.Or(chosen, s.Identifier())
	switch {
	case s.Values.String(resendField) != "":
		to = cmp.Or(to, f.Address)
	case f.State == auth.SentEmail && (chosen == "" || s.Values.String(field) != ""):
		return c.signIn(ctx, s)
	}
	if to == "" {
		name := identifierField
		if chooses(&s.Form) {
			name = oneOfThem
		}
		return flow.Again(flow.Missing(name)), nil
	}
	errand, ok, err := c.addressee(ctx, &s.Form, to)
	if err != nil {
		return flow.Outcome{}, err
	}
	if !ok {
		return flow.Again(flow.Problem{Message: ui.Say(ui.ErrorNoCodeUser)}), nil
	}
	return c.sendLogin(&s.Form, errand)
}

// sendAhead sends a code to somebody who has nothing to choose from: the one of a
// second factor, or one to the address that they have named in the first step.
func (c *Code) sendAhead(_ context.Context, form *flow.Form) (flow.Outcome, error) {
	whose, all := form.Identity, choices(form)
	switch {
	case form.Claimed != nil:
		named := schema.LookupIdentifier(form.Flow.Identifier)
		whose, all = form.Claimed, slices.DeleteFunc(owned(form, form.Claimed), func(a schema.Address) bool { return a.Value != named })
	case !form.SecondFactor():
		return flow.Outcome{}, nil
	}
	if len(all) != 1 {
		return flow.Outcome{}, nil
	}
	return c.sendLogin(form, flow.Errand{Identity: whose, Via: all[0].Via, Address: all[0].Value})
}

func (c *Code) sendLogin(form *flow.Form, e flow.Errand) (flow.Outcome, error) {
	form.TakeOver("code")
	form.Flow.Active, form.Flow.State, form.Flow.Address = "code", auth.SentEmail, e.Address
	sent, err := c.Secrets.Code(form, e)
	return sent.Saying(ui.Say(ui.InfoSignInCodeSent)), err
}

// addressee finds whose address it is that somebody typed or chose. It is not ok
// where no code is sent to it; where nobody may learn that, it is ok, and nobody's.
func (c *Code) addressee(ctx context.Context, form *flow.Form, typed string) (e flow.Errand, ok bool, err error) {
	typed = schema.LookupIdentifier(typed)
	if form.Identity != nil {
		for _, a := range owned(form, form.Identity) {
			if a.Value == typed {
				return flow.Errand{Identity: form.Identity, Via: a.Via, Address: a.Value}, true, nil
			}
		}
		return e, false, nil
	}
	address := schema.Address{Via: channel(typed), Value: typed}
	if len(reachable(form.Config, []schema.Address{address})) == 0 {
		return e, false, nil
	}
	e = flow.Errand{Via: address.Via, Address: address.Value}
	e.Identity, _, err = c.owner(ctx, form, address)
	if err != nil || e.Identity != nil {
		return e, err == nil, err
	}
	_, possible := schema.ReadAddress(typed)
	return e, possible && form.Config.Security.AccountEnumeration.Mitigate, nil
}

// owner is who signs in with codes to an address, and the credential that says so.
// Of somebody who has none, and is found by an address that they have proven, it is
// empty. The identity is nil where the address is nobody's.
func (c *Code) owner(ctx context.Context, form *flow.Form, a schema.Address) (*auth.Identity, auth.Credential, error) {
	found, err := c.Store.SignInBy(ctx, auth.DefaultProject, auth.Code, a.Value)
	if err != nil && !errors.Is(err, store.ErrNotFound) {
		return nil, auth.Credential{}, err
	}
	if found != nil && !slices.Contains(proven(form, found.Identity, append(reachable(form.Config, addressesOf(found.Credential)), a)), a) {
		found = nil
	}
	if !findsByAddress(form.Config) {
		if found == nil {
			return nil, auth.Credential{}, nil
		}
		return found.Identity, found.Credential, nil
	}
	// Both are asked, whoever it is: how much is asked tells nobody who is there.
	by, err := c.Store.IdentityByAddress(ctx, auth.DefaultProject, store.ForVerification, a.Via, a.Value)
	switch {
	case err != nil && !errors.Is(err, store.ErrNotFound):
		return nil, auth.Credential{}, err
	case found != nil:
		return found.Identity, found.Credential, nil
	case err == nil && by.HasVerified(a.Via, a.Value) && by.Factors&(auth.FactorCode|auth.FactorTextedCode) == 0:
		return by, auth.Credential{}, nil
	}
	return nil, auth.Credential{}, nil
}

// signIn lets somebody in with the code that was sent to them.
func (c *Code) signIn(ctx context.Context, s *flow.Submission) (flow.Outcome, error) {
	wrong := flow.Problem{Message: ui.Say(ui.ErrorLoginCode)}
	found, outcome, err := c.check(ctx, s, entering(wrong))
	if err != nil || found == nil {
		return outcome.Filling(identifierField, s.Identifier()), err
	}
	who, used, err := c.owner(ctx, &s.Form, schema.Address{Via: found.Proof.Via, Value: found.Proof.Address})
	if err != nil {
		return flow.Outcome{}, err
	}
	if who == nil || who.ID != found.Proof.Identity || s.Identity != nil && s.Identity.ID != who.ID {
		return flow.Again(wrong), nil // the address is somebody else's by now
	}
	amr := auth.AMR{Method: "code", AAL: auth.AAL1}
	if s.SecondFactor() {
		amr.AAL = auth.AAL2
	}
	return flow.Proven(who, used, amr, wrong).Confirming(found.Proof).Then(c.Secrets.Use(found)), nil
}
