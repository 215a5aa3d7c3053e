package code

import (
	"context"

	"zelus/internal/auth"
	"zelus/internal/flow"
	"zelus/internal/ui"
)

func (c *Code) prepareRecovery(ctx context.Context, form *flow.Form) error {
	f := form.Flow
	switch {
	case f.State == auth.ChooseMethod:
		form.UI.Add(addressInput(form.Config), submit())
	case f.State != auth.SentEmail:
		return c.prepareChoice(ctx, form)
	case f.Unbound, f.Address == "": // an administrator has the code
		form.UI.Add(recoveryInput(), submit())
	default:
		form.UI.Add(recoveryInput(), hidden("method", "code"), submit(), resend("email", f.Address))
	}
	return nil
}

func recoveryInput() ui.Node {
	n := input(ui.LabelRecoveryCode)
	n.Attributes.Pattern, n.Attributes.MaxLength = "[0-9]+", 6
	return n
}

func (c *Code) recover(ctx context.Context, s *flow.Submission) (flow.Outcome, error) {
	f := s.Flow
	typed := s.Values.String("email")
	switch {
	case f.State != auth.ChooseMethod && f.State != auth.SentEmail:
		return c.recoverByChoice(ctx, s)
	case f.State == auth.ChooseMethod || typed != "" && !f.Unbound:
		address, outcome, wrong, err := c.send(ctx, s, "email", typed)
		if err != nil || wrong != nil {
			return again(wrong), err
		}
		f.State, f.Address = auth.SentEmail, address.Value
		return outcome.Saying(ui.Say(ui.InfoRecoveryCodeSent)), nil
	}
	return c.redeem(ctx, s)
}

// redeem lets somebody back in with the code that was sent to them.
func (c *Code) redeem(ctx context.Context, s *flow.Submission) (flow.Outcome, error) {
	wrong := flow.Problem{Message: ui.Say(ui.ErrorRecoveryCode)}
	found, outcome, err := c.check(ctx, s, proving(wrong))
	if err != nil || found == nil {
		return outcome, err
	}
	return flow.Recovered(found.Proof, auth.AMR{Method: string(auth.CodeRecovery), AAL: auth.AAL1}, wrong).Then(c.Secrets.Use(found)), nil
}
