package code

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/json"

	"zelus/internal/auth"
	"zelus/internal/flow"
	"zelus/internal/schema"
	"zelus/internal/ui"
)

// sentFor is the name under which a form remembers for which traits codes were sent.
const sentFor = "traits"

func signsUp(form *flow.Form) bool { return form.Config.SelfService.Methods.Code.PasswordlessEnabled }

func (c *Code) prepareRegistration(_ context.Context, form *flow.Form) error {
	if form.Flow.State == auth.SentEmail {
		form.UI.Add(hidden("method", "code"), input(ui.LabelRegistrationCode), submit(), resend(resendField, "code"))
		if form.Flow.Step == auth.SecondStep {
			form.UI.Add(ui.Button(ui.GroupProfile, "screen", "credential-selection", ui.Say(ui.LabelSignUpBack)))
		}
		return nil
	}
	form.UI.Put(ui.Button(ui.GroupCode, "method", "code", ui.Say(ui.LabelSignUpCode)))
	return nil
}

func claimsRegistration(s *flow.Submission) bool {
	return claims(s) || s.Values.String("method") == "" && s.Values.String(resendField) != ""
}

// register sends a code to each address that somebody would sign in with, and
// makes the account when one of them comes back, with the same traits.
func (c *Code) register(ctx context.Context, s *flow.Submission) (flow.Outcome, error) {
	addresses := reachable(s.Config, addressesOf(s.Candidate.Credentials[auth.Code]))
	if len(addresses) == 0 {
		return flow.Again(flow.Problem{Message: ui.Say(ui.ErrorIdentifierMissing)}), nil
	}
	traits, err := digest(s.Candidate.Traits)
	if err != nil {
		return flow.Outcome{}, err
	}
	if s.Flow.State != auth.SentEmail || s.Values.String(resendField) != "" {
		return c.sendRegistration(s, addresses, traits)
	}
	if !bytes.Equal(traits, s.Kept(sentFor)) {
		return flow.Again(flow.Problem{Message: ui.Say(ui.ErrorTraitsChanged)}), nil
	}
	found, outcome, err := c.check(ctx, s, entering(flow.Problem{Message: ui.Say(ui.ErrorRegistrationCode)}), addresses...)
	if err != nil || found == nil {
		return outcome, err
	}
	return flow.Registered(s.Candidate, auth.AMR{Method: "code", AAL: auth.AAL1}).Confirming(found.Proof).Then(c.Secrets.Use(found)), nil
}

// sendRegistration sends the same to everybody, whether or not an address is taken:
// whoever reads the message learns it with the code.
func (c *Code) sendRegistration(s *flow.Submission, addresses []schema.Address, traits []byte) (flow.Outcome, error) {
	s.Keep(sentFor, traits)
	s.TakeOver("code")
	s.Flow.Active, s.Flow.State = "code", auth.SentEmail
	outcome := flow.Next().Saying(ui.Say(ui.InfoSignUpCodeSent))
	for _, a := range addresses {
		sent, err := c.Secrets.Code(&s.Form, flow.Errand{Identity: s.Candidate, Via: a.Via, Address: a.Value})
		if err != nil {
			return flow.Outcome{}, err
		}
		outcome = outcome.With(sent.Outcome)
	}
	return outcome, nil
}

// digest stands for traits, in whatever order they were sent.
func digest(traits json.RawMessage) ([]byte, error) {
	from := json.NewDecoder(bytes.NewReader(traits))
	from.UseNumber()
	var value any
	if err := from.Decode(&value); err != nil {
		return nil, err
	}
	sorted, err := json.Marshal(value)
	if err != nil {
		return nil, err
	}
	sum := sha256.Sum256(sorted)
	return sum[:], nil
}
