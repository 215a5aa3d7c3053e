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
		Name:     "profile",
		Enabled:  func(c *config.Config) bool { return c.SelfService.Methods.Profile.Enabled },
		Settings: &flow.Part{Prepare: prepare, Submit: submit},
	}
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
	form.UI.Put(ui.Input(ui.GroupProfile, "method", ui.InputSubmit, "profile").Labelled(ui.Say(ui.LabelSave)))
	return nil
}

func submit(_ context.Context, s *flow.Submission) (flow.Outcome, error) {
	sent := s.SentTraits()
	with := func(before json.RawMessage) json.RawMessage { return s.Schema.Keep(sent, before, s.Values.IsForm()) }
	s.Traits = with(s.Identity.Traits)
	return flow.Changed(func(i *auth.Identity, _ time.Time) { i.Traits = with(i.Traits) }), nil
}
