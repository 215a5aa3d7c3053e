package identifierfirst

import (
	"context"

	"zelus/internal/auth"
	"zelus/internal/config"
	"zelus/internal/flow"
	"zelus/internal/ui"
)

// Method is the method for the engine.
func Method() flow.Method {
	return flow.Method{
		Name:    name,
		Enabled: (*config.Config).LoginInSteps,
		Login: &flow.Part{
			Offered: func(form *flow.Form) bool { return form.Flow.Step != auth.AtOnce },
			First:   true, Prepare: prepare, Submit: submit,
		},
	}
}

const (
	name  = "identifier_first"
	field = "identifier"
	// longest bounds an identifier in bytes; nobody has one that is longer.
	longest = 1 << 10
)

// prepare asks for the identifier, and keeps it hidden in the second step: the
// form is sent as a whole.
func prepare(_ context.Context, form *flow.Form) error {
	in := ui.Input(ui.GroupIdentifierFirst, field, ui.InputText, "").Required().Autocomplete("username webauthn").Labelled(form.Schema.IdentifierLabel())
	if form.Flow.Step == auth.SecondStep {
		in.Attributes.Type, in.Attributes.Value = ui.InputHidden, form.Flow.Identifier
		form.UI.Put(in)
		return nil
	}
	form.UI.Put(in)
	form.UI.Put(ui.Button(ui.GroupIdentifierFirst, "method", name, ui.Say(ui.LabelContinue)))
	return nil
}

// submit takes somebody at their word.
func submit(_ context.Context, s *flow.Submission) (flow.Outcome, error) {
	typed, unknown := s.Identifier(), flow.Problem{Field: field, Message: ui.Say(ui.ErrorAccountNotFound)}
	if typed == "" || len(typed) > longest {
		return flow.Again(unknown), nil
	}
	return flow.Claimed(typed, unknown), nil
}
