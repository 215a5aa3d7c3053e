package link

import (
	"context"

	"zelus/internal/auth"
	"zelus/internal/config"
	"zelus/internal/flow"
	"zelus/internal/onetime"
	"zelus/internal/store"
	"zelus/internal/ui"
)

// Link is what the method uses.
type Link struct {
	Secrets *onetime.Secrets
}

// Method is the method for the engine.
func (l *Link) Method() flow.Method {
	return flow.Method{
		Name:    "link",
		Enabled: func(c *config.Config) bool { return c.SelfService.Methods.Link.Enabled },
		Recovery: &flow.Part{
			Offered: func(form *flow.Form) bool {
				return form.Config.SelfService.Flows.Recovery.Use == "link" || form.Flow.Undo
			},
			Prepare: l.prepare, Submit: l.submit, Send: l.run, Link: "token", Posted: true, Follow: l.recover,
		},
		Verification: &flow.Part{
			Offered: func(form *flow.Form) bool { return form.Config.SelfService.Flows.Verification.Use == "link" },
			Prepare: l.prepare, Submit: l.submit, Send: l.run, Link: "token", Posted: true, Follow: l.verify,
		},
	}
}

const field = "email"

func (l *Link) prepare(_ context.Context, form *flow.Form) error {
	if form.Flow.Undo || form.Flow.Opened {
		return confirmation(form)
	}
	form.Protect()
	address := ui.Input(ui.GroupLink, field, ui.InputEmail, nil)
	if form.Flow.Address != "" {
		address.Attributes.Value = form.Flow.Address
	}
	form.UI.Add(address.Required().Labelled(ui.Say(ui.LabelEmail)),
		ui.Input(ui.GroupLink, "method", ui.InputSubmit, "link").Labelled(ui.Say(ui.LabelContinue)))
	return nil
}

// confirmation is the form that a link opens where more comes of it than a proof:
// mail servers open links to see what is behind them, and nothing happens before
// somebody says so.
func confirmation(form *flow.Form) error {
	label := ui.LabelContinue
	if form.Flow.Kind == auth.Verification {
		form.Protect()
	} else {
		label = ui.LabelUndoAddress
	}
	if form.Flow.Opened {
		if form.Flow.Undo {
			form.UI.Say(ui.Say(ui.InfoUndoAddress))
		}
		form.UI.Add(ui.Input(ui.GroupLink, "method", ui.InputSubmit, "link").Labelled(ui.Say(label)))
	}
	return nil
}

// run sends a link on somebody's behalf, or hands it to an administrator.
func (l *Link) run(_ context.Context, form *flow.Form, e flow.Errand) (flow.Sent, error) {
	form.Flow.Active, form.Flow.State, form.Flow.Address = "link", auth.SentEmail, e.Address
	sent, err := l.Secrets.Link(form, e)
	if form.Flow.Kind == auth.Verification {
		sent.Outcome = sent.Saying(ui.Say(ui.InfoVerificationLinkSent))
	}
	return sent, err
}

// submit sends a link to the address that was typed. It says the same whether or
// not the address is somebody's.
func (l *Link) submit(ctx context.Context, s *flow.Submission) (flow.Outcome, error) {
	if s.Flow.Undo || s.Flow.Opened {
		return l.confirm(ctx, s)
	}
	typed := s.Values.String(field)
	if typed == "" {
		return flow.Again(flow.Missing(field)), nil
	}
	errand, ok, err := l.Secrets.Errand(ctx, s.Flow, typed)
	if err != nil {
		return flow.Outcome{}, err
	}
	if !ok || errand.Via != auth.ViaEmail {
		return flow.Again(flow.Problem{Field: field, Message: ui.Say(ui.ErrorEmail, "value", auth.Short(typed))}), nil
	}
	sent, err := l.Secrets.Link(&s.Form, errand)
	if err != nil {
		return flow.Outcome{}, err
	}
	s.Flow.State, s.Flow.Address = auth.SentEmail, errand.Address
	if s.Flow.Kind == auth.Recovery {
		return sent.Saying(ui.Say(ui.InfoRecoveryLinkSent)), nil
	}
	return sent.Saying(ui.Say(ui.InfoVerificationLinkSent)), nil
}

func (l *Link) recover(ctx context.Context, s *flow.Submission, token string) (flow.Outcome, error) {
	found, void, err := l.open(ctx, s, token, ui.ErrorRecoveryToken, ui.ErrorRecoveryExpired)
	if err != nil || found == nil {
		return void, err
	}
	if s.Flow.Undo {
		return opened(s), nil
	}
	return recovered(found, l.Secrets.Use(found)), nil
}

// opened shows the form in which somebody confirms what a link brings about. It is
// of the browser that has opened the link, whoever began it.
func opened(s *flow.Submission) flow.Outcome {
	s.Flow.Opened, s.Flow.Type = true, auth.Browser
	return flow.Next()
}

// confirm does what a link brings about, once somebody has opened and confirmed it:
// a change of address is taken back, or takes effect.
func (l *Link) confirm(ctx context.Context, s *flow.Submission) (flow.Outcome, error) {
	void := ui.ErrorRecoveryToken
	if s.Flow.Kind == auth.Verification {
		void = ui.ErrorVerificationToken
	}
	if !s.Flow.Opened {
		return flow.Again(flow.Problem{Message: ui.Say(void)}), nil
	}
	found, err := l.Secrets.Opened(ctx, s.Flow)
	if err != nil {
		return flow.Outcome{}, err
	}
	switch {
	case found == nil:
		return flow.Replaced(ui.Say(void)), nil
	case s.Flow.Kind == auth.Verification:
		return l.verified(found), nil
	}
	return recovered(found, l.Secrets.UseForAll(found)), nil
}

func recovered(found *onetime.Found, use func(context.Context, *store.Tx) error) flow.Outcome {
	wrong := flow.Problem{Message: ui.Say(ui.ErrorRecoveryToken)}
	return flow.Recovered(found.Proof, auth.AMR{Method: string(auth.LinkRecovery), AAL: auth.AAL1}, wrong).Then(use)
}

func (l *Link) verify(ctx context.Context, s *flow.Submission, token string) (flow.Outcome, error) {
	found, void, err := l.open(ctx, s, token, ui.ErrorVerificationToken, ui.ErrorVerificationExpired)
	if err != nil || found == nil {
		return void, err
	}
	if len(found.Proof.Change) > 0 {
		return opened(s), nil
	}
	return l.verified(found), nil
}

func (l *Link) verified(found *onetime.Found) flow.Outcome {
	return flow.Verified(found.Proof, flow.Problem{Message: ui.Say(ui.ErrorVerificationToken)}).Then(l.Secrets.Use(found))
}

// open finds what a link stands for. Where it is void a new form says so, and
// whether that is because of its age.
func (l *Link) open(ctx context.Context, s *flow.Submission, token string, wrong, late int) (*onetime.Found, flow.Outcome, error) {
	found, since, err := l.Secrets.Open(ctx, s.Flow, token)
	if err != nil || found != nil {
		return found, flow.Outcome{}, err
	}
	if !since.IsZero() {
		return nil, flow.Replaced(ui.Say(late, "expired_at", since)), nil
	}
	return nil, flow.Replaced(ui.Say(wrong)), nil
}
