package profile

import (
	"context"
	"encoding/json"
	"time"

	"zelus/internal/auth"
	"zelus/internal/config"
	"zelus/internal/flow"
	"zelus/internal/ui"
)

// Method is the method for the engine.
func Method() flow.Method {
	return flow.Method{
		Name:         "profile",
		Enabled:      func(c *config.Config) bool { return c.SelfService.Methods.Profile.Enabled },
		Registration: &flow.Part{Offered: inSteps, First: true, Prepare: prepareStep, Claims: claimsStep, Submit: step},
		Settings:     &flow.Part{Prepare: prepare, Submit: submit},
	}
}

func inSteps(form *flow.Form) bool { return form.Flow.Step != auth.AtOnce }

// prepareStep adds the button that leads from one step to the other. The traits
// themselves belong to the form.
func prepareStep(_ context.Context, form *flow.Form) error {
	if form.Flow.Step == auth.FirstStep {
		form.UI.Put(ui.Button(ui.GroupProfile, "method", "profile", ui.Say(ui.LabelSignUp)))
	} else {
		form.UI.Put(ui.Button(ui.GroupProfile, "screen", "previous", ui.Say(ui.LabelSignUpBack)))
	}
	return nil
}

// claimsStep knows the buttons of both steps, and of a code that was sent.
func claimsStep(s *flow.Submission) bool {
	return inSteps(&s.Form) && (s.Values.String("method") == "profile" || s.GoesBack() || s.ChoosesCredential())
}

// step leads from one step to the other. The traits that lead to the second one
// are valid.
func step(_ context.Context, s *flow.Submission) (flow.Outcome, error) {
	s.StartOver()
	if s.GoesBack() {
		s.Flow.Step = auth.FirstStep
		return flow.Next(), nil
	}
	s.Flow.Step = auth.SecondStep
	return flow.Next().Saying(ui.Say(ui.InfoSignUpChooseMethod)), nil
}

// prepare shows what the traits are, or what was typed.
func prepare(_ context.Context, form *flow.Form) error {
	for _, n := range form.Schema.Nodes(ui.GroupProfile) {
		form.UI.Put(n)
	}
	traits := form.Traits
	if traits == nil {
		traits = form.Identity.Traits
	}
	form.Schema.Fill(form.UI, ui.GroupProfile, traits)
	form.UI.Put(ui.Button(ui.GroupProfile, "method", "profile", ui.Say(ui.LabelSave)))
	return nil
}

func submit(_ context.Context, s *flow.Submission) (flow.Outcome, error) {
	sent := s.SentTraits()
	with := func(before json.RawMessage) json.RawMessage { return s.Schema.Keep(sent, before, s.Values.IsForm()) }
	s.Traits = with(s.Identity.Traits)
	return flow.Changed(func(i *auth.Identity, _ time.Time) { i.Traits = with(i.Traits) }), nil
}
