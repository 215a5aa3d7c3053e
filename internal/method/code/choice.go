package code

import (
	"context"
	"slices"
	"strings"

	"zelus/internal/auth"
	"zelus/internal/flow"
	"zelus/internal/schema"
	"zelus/internal/ui"
)

// Recovery with a choice (feature_flags.choose_recovery_address). Whoever has
// several addresses chooses one of them, shown masked, and types it in full
// unless it is the one they came with:
//
//	recovery_awaiting_address ──one address──────────────────────▶ recovery_awaiting_code
//	          └──several──▶ recovery_awaiting_address_choice ─same─▶        │
//	                                 └─another─▶ recovery_confirming_address ▶
const (
	addressField = "recovery_address"
	selectField  = "recovery_select_address"
	confirmField = "recovery_confirm_address"
	screenField  = "screen"
)

func (c *Code) prepareChoice(ctx context.Context, form *flow.Form) error {
	f := form.Flow
	switch f.State {
	case auth.RecoveryAwaitingAddress:
		form.UI.Add(ui.Input(ui.GroupCode, addressField, ui.InputText, nil).Required().Labelled(ui.Say(ui.LabelRecoveryAddress)), submit())
	case auth.RecoveryAwaitingAddressChoice:
		all, err := c.addresses(ctx, f)
		if err != nil {
			return err
		}
		for _, a := range all {
			masked := masked(a)
			label := ui.Say(ui.LabelMaskedAddress, "masked_address", masked)
			form.UI.Add(ui.Input(ui.GroupCode, selectField, ui.InputSubmit, c.Secrets.Handle(f, a)).Labelled(label))
		}
		form.UI.Add(hidden("method", "code"), hidden(addressField, f.Address))
	case auth.RecoveryConfirmingAddress:
		kind, label := ui.InputEmail, ui.LabelEmail
		if f.ConfirmPhone {
			kind, label = ui.InputTel, ui.LabelPhone
		}
		form.UI.Add(ui.Input(ui.GroupCode, confirmField, kind, "").Required().Labelled(ui.Say(label)), hidden(addressField, f.Address),
			submit(), hidden("method", "code"), back())
	case auth.RecoveryAwaitingCode:
		form.UI.Add(recoveryInput(), submit(), hidden("method", "code"), resend(confirmField, f.Confirmed), hidden(addressField, f.Address), back())
	}
	return nil
}

func back() ui.Node {
	return ui.Input(ui.GroupCode, screenField, ui.InputSubmit, "previous").Labelled(ui.Say(ui.LabelRecoveryBack))
}

// addresses are all through which the owner of the address that was typed could
// regain access; that one alone where it is nobody's.
func (c *Code) addresses(ctx context.Context, f *auth.Flow) ([]string, error) {
	address, owner, ok, err := c.Secrets.Owner(ctx, f, f.Address)
	if err != nil || !ok {
		return nil, err
	}
	if owner == nil {
		return []string{address.Value}, nil
	}
	var all []string
	for _, a := range owner.Recovery {
		all = append(all, a.Value)
	}
	slices.Sort(all)
	return all, nil
}

func (c *Code) recoverByChoice(ctx context.Context, s *flow.Submission) (flow.Outcome, error) {
	f, values := s.Flow, s.Values
	switch {
	case values.String(screenField) == "previous":
		return c.goBack(ctx, f)
	case f.State == auth.RecoveryAwaitingAddress:
		return c.startChoice(ctx, s)
	case f.State == auth.RecoveryAwaitingAddressChoice:
		return c.chosen(ctx, s)
	case f.State == auth.RecoveryConfirmingAddress || values.String(confirmField) != "":
		return c.sendTo(ctx, s, confirmField, values.String(confirmField))
	}
	return c.redeem(ctx, s)
}

func (c *Code) startChoice(ctx context.Context, s *flow.Submission) (flow.Outcome, error) {
	f, typed := s.Flow, s.Values.String(addressField)
	if address, ok := schema.ReadAddress(typed); ok {
		f.Address = address.Value
		all, err := c.addresses(ctx, f)
		if err != nil {
			return flow.Outcome{}, err
		}
		if len(all) > 1 {
			f.State = auth.RecoveryAwaitingAddressChoice
			return flow.Next().Saying(ui.Say(ui.InfoRecoveryChoose)), nil
		}
	}
	return c.sendTo(ctx, s, addressField, typed)
}

func (c *Code) chosen(ctx context.Context, s *flow.Submission) (flow.Outcome, error) {
	f := s.Flow
	all, err := c.addresses(ctx, f)
	if err != nil {
		return flow.Outcome{}, err
	}
	at := slices.IndexFunc(all, func(a string) bool { return c.Secrets.Handle(f, a) == s.Values.String(selectField) })
	switch {
	case at < 0:
		return flow.Again(flow.Problem{Message: ui.Say(ui.ErrorGeneric, "reason", "Please choose one of the addresses.")}), nil
	case all[at] == f.Address:
		return c.sendTo(ctx, s, selectField, f.Address)
	}
	f.State, f.ConfirmPhone = auth.RecoveryConfirmingAddress, !strings.Contains(all[at], "@")
	return flow.Next().Saying(ui.Say(ui.InfoRecoveryFullAddress)), nil
}

func (c *Code) sendTo(ctx context.Context, s *flow.Submission, name, typed string) (flow.Outcome, error) {
	address, outcome, wrong, err := c.send(ctx, s, name, typed)
	if err != nil || wrong != nil {
		return again(wrong), err
	}
	f := s.Flow
	f.State, f.Confirmed = auth.RecoveryAwaitingCode, address.Value
	return outcome.Saying(ui.Say(ui.InfoRecoveryCodeSentTo, "masked_address", masked(address.Value))), nil
}

// goBack shows the choice again, or the start where there was none.
func (c *Code) goBack(ctx context.Context, f *auth.Flow) (flow.Outcome, error) {
	all, err := c.addresses(ctx, f)
	if err != nil {
		return flow.Outcome{}, err
	}
	f.Confirmed, f.ConfirmPhone = "", false
	if len(all) > 1 && f.State != auth.RecoveryAwaitingAddressChoice {
		f.State = auth.RecoveryAwaitingAddressChoice
		return flow.Next().Saying(ui.Say(ui.InfoRecoveryChoose)), nil
	}
	f.State, f.Address = auth.RecoveryAwaitingAddress, ""
	return flow.Next(), nil
}

// masked is an address as a stranger may see it: the beginning, and the domain or
// the end, and never all of it.
func masked(address string) string {
	if local, domain, found := strings.Cut(address, "@"); found {
		shown := []rune(local)
		return string(shown[:min(2, len(shown)/2)]) + "****@" + domain
	}
	if len(address) < 8 {
		return "****"
	}
	return address[:3] + "****" + address[len(address)-2:]
}
