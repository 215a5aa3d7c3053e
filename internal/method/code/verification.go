package code

import (
	"cmp"
	"context"

	"zelus/internal/auth"
	"zelus/internal/flow"
	"zelus/internal/onetime"
	"zelus/internal/ui"
)

func (c *Code) prepareVerification(_ context.Context, form *flow.Form) error {
	f := form.Flow
	if f.State == auth.SentEmail {
		form.UI.Add(hidden("method", "code"), input(ui.LabelVerificationCode), submit())
		if f.Type == auth.Browser {
			form.Protect()
		}
		form.UI.Add(resend(cmp.Or(f.Resend, "email"), f.Address))
		return nil
	}
	form.UI.Add(addressInput(form.Config), submit())
	form.Protect()
	return nil
}

func (c *Code) verify(ctx context.Context, s *flow.Submission) (flow.Outcome, error) {
	f := s.Flow
	name := cmp.Or(f.Resend, "email")
	if typed := s.Values.String(name); typed != "" || s.Values.String(field) == "" && f.State != auth.SentEmail {
		address, outcome, wrong, err := c.send(ctx, s, name, typed)
		if err != nil || wrong != nil {
			if typed == "" {
				return again(wrong).Filling(name, ""), err
			}
			return again(wrong), err
		}
		f.State, f.Address = auth.SentEmail, address.Value
		return outcome.Saying(ui.Say(ui.InfoVerificationCodeSent)), nil
	}
	wrong := flow.Problem{Message: ui.Say(ui.ErrorVerificationCode)}
	found, outcome, err := c.check(ctx, s, proving(wrong))
	if err != nil || found == nil {
		return outcome, err
	}
	return flow.Verified(found.Proof, wrong).Then(c.Secrets.Use(found)), nil
}

// followVerification opens the form with the code of the mail filled in, for
// whoever has the mail. A code that is wrong shows nobody anything.
func (c *Code) followVerification(ctx context.Context, s *flow.Submission, given string) (flow.Outcome, error) {
	if s.Flow.Done {
		return flow.Stay(), nil
	}
	verdict, _, err := c.Secrets.Try(ctx, s.Flow, given, s.Config.SelfService.Methods.Code.Config.MaxSubmissions)
	if err != nil || verdict != onetime.Right {
		return flow.Stay(), err
	}
	return flow.Next().Filling(field, given).Saying(ui.Say(ui.InfoVerificationCodeSent)), nil
}
