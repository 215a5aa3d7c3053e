package code

import (
	"context"

	"zelus/internal/auth"
	"zelus/internal/config"
	"zelus/internal/flow"
	"zelus/internal/identity"
	"zelus/internal/onetime"
	"zelus/internal/schema"
	"zelus/internal/store"
	"zelus/internal/ui"
)

// Code is what the method uses.
type Code struct {
	Store   *store.Store
	Secrets *onetime.Secrets
}

// Method is the method for the engine.
func (c *Code) Method() flow.Method {
	return flow.Method{
		Name:         "code",
		Enabled:      func(c *config.Config) bool { return c.SelfService.Methods.Code.Enabled },
		Login:        &flow.Part{Offered: signsIn, Prepare: c.prepareLogin, Submit: c.login, Claims: claimsLogin, Ahead: c.sendAhead},
		Registration: &flow.Part{Offered: signsUp, Prepare: c.prepareRegistration, Submit: c.register, Claims: claimsRegistration},
		Recovery: &flow.Part{
			Offered: recovers,
			Prepare: c.prepareRecovery, Submit: c.recover, Claims: claims, Send: c.run,
		},
		Verification: &flow.Part{
			Offered: func(form *flow.Form) bool { return form.Config.SelfService.Flows.Verification.Use == "code" },
			Prepare: c.prepareVerification, Submit: c.verify, Claims: claims, Send: c.run,
			Link: field, Follow: c.followVerification,
		},
		Factor: identity.Factor{Type: auth.Code, Holds: holds},
		Counts: counts,
	}
}

const field = "code"

// recovers says whether a form is one in which a code lets somebody back in. One
// that an administrator or a change of address has begun is for what was sent
// there, whatever the configuration sends by now.
func recovers(form *flow.Form) bool {
	switch f := form.Flow; {
	case f.Undo:
		return false
	case f.Unbound:
		return f.Active != "link"
	}
	return form.Config.SelfService.Flows.Recovery.Use == "code"
}

// claims takes a code for this method's even where the field "method" is left out.
func claims(s *flow.Submission) bool {
	method := s.Values.String("method")
	return method == "code" || method == "" && s.Values.String(field) != ""
}

// run sends a code on somebody's behalf, or hands it to an administrator.
func (c *Code) run(_ context.Context, form *flow.Form, e flow.Errand) (flow.Sent, error) {
	f := form.Flow
	f.Active, f.State, f.Address = "code", auth.SentEmail, e.Address
	if e.Via != auth.ViaEmail {
		f.Resend = e.Via
	}
	sent, err := c.Secrets.Code(form, e)
	if f.Kind == auth.Verification {
		sent.Outcome = sent.Saying(ui.Say(ui.InfoVerificationCodeSent))
	}
	return sent, err
}

// send sends a code to the address that was typed, or pretends to where it is
// nobody's, or says what is wrong with it.
func (c *Code) send(ctx context.Context, s *flow.Submission, name, typed string) (schema.Address, flow.Outcome, *flow.Problem, error) {
	if typed == "" {
		missing := flow.Missing(name)
		return schema.Address{}, flow.Outcome{}, &missing, nil
	}
	errand, ok, err := c.Secrets.Errand(ctx, s.Flow, typed)
	address := schema.Address{Via: errand.Via, Value: errand.Address}
	if err != nil {
		return address, flow.Outcome{}, nil, err
	}
	if !ok {
		return address, flow.Outcome{}, &flow.Problem{Field: name, Message: ui.Say(ui.ErrorEmail, "value", auth.Short(typed))}, nil
	}
	sent, err := c.Secrets.Code(&s.Form, errand)
	return address, sent.Outcome, nil, err
}

// refusal is what becomes of a code that is not right. found is there for one that is
// late.
type refusal func(v onetime.Verdict, found *onetime.Found) flow.Outcome

// check compares the code that was typed with the newest one of its form, or with the
// newest to each of several addresses. found is nil where the outcome says what
// becomes of it.
func (c *Code) check(ctx context.Context, s *flow.Submission, refuse refusal, addresses ...schema.Address) (*onetime.Found, flow.Outcome, error) {
	given := flow.PlainCode(s.Values.String(field))
	if given == "" {
		return nil, flow.Again(flow.Missing(field)), nil
	}
	verdict, found, err := c.Secrets.Try(ctx, s.Flow, given, s.Config.SelfService.Methods.Code.Config.MaxSubmissions, addresses...)
	switch {
	case err != nil:
		return nil, flow.Outcome{}, err
	case verdict != onetime.Right:
		return nil, refuse(verdict, found), nil
	}
	return found, flow.Outcome{}, nil
}

// entering is the refusal of a sign-in and a sign-up.
func entering(wrong flow.Problem) refusal {
	return func(v onetime.Verdict, found *onetime.Found) flow.Outcome {
		switch v {
		case onetime.TooMany:
			return flow.Again(tooMany("Begin again in a new form: this one takes no further code."))
		case onetime.Late:
			return flow.Expired(found.ExpiresAt())
		}
		return flow.Again(wrong)
	}
}

// proving is the refusal of a recovery and a verification, which say nothing of a code but
// that it is wrong.
func proving(wrong flow.Problem) refusal {
	return func(v onetime.Verdict, _ *onetime.Found) flow.Outcome {
		if v == onetime.TooMany {
			return flow.Replaced(tooMany("Ask for a new one.").Message)
		}
		return flow.Next(wrong)
	}
}

// tooMany says what to do where no further code is looked at.
func tooMany(instead string) flow.Problem {
	return flow.Problem{Message: ui.Say(ui.ErrorGeneric, "reason", "Too many codes were tried here. "+instead)}
}

// input is the field for the code.
func input(label int) ui.Node {
	return ui.Input(ui.GroupCode, field, ui.InputText, nil).Required().Autocomplete("one-time-code").Labelled(ui.Say(label))
}

func submit() ui.Node {
	return ui.Input(ui.GroupCode, "method", ui.InputSubmit, "code").Labelled(ui.Say(ui.LabelContinue))
}

// hidden keeps an earlier answer in the form.
func hidden(name string, value any) ui.Node {
	return ui.Input(ui.GroupCode, name, ui.InputHidden, value)
}

// resend is the button that asks for another code.
func resend(name, address string) ui.Node {
	return ui.Input(ui.GroupCode, name, ui.InputSubmit, address).Labelled(ui.Say(ui.LabelResend))
}

// addressInput is the field for an address, which may be that of a phone where
// codes can be sent there.
func addressInput(c *config.Config) ui.Node {
	if c.TextsPhones() {
		return ui.Input(ui.GroupCode, "email", ui.InputText, nil).Required().Labelled(ui.Say(ui.LabelEmailOrPhone))
	}
	return ui.Input(ui.GroupCode, "email", ui.InputEmail, nil).Required().Labelled(ui.Say(ui.LabelEmail))
}

// again shows the form again, where something is wrong with what was typed.
func again(wrong *flow.Problem) flow.Outcome {
	if wrong == nil {
		return flow.Outcome{}
	}
	return flow.Again(*wrong)
}
