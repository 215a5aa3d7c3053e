package flow

import (
	"errors"

	"zelus/internal/auth"
	"zelus/internal/v0alpha2"
)

// A form in two steps (auth.Flow.Step) first asks who somebody is and then how
// they prove it. Methods with Part.First show themselves in the first step, and
// one of them leads from it to the second: in a registration the method profile, in
// a login identifier_first.

// screenField is sent by the buttons that lead from one step to the other.
const screenField = "screen"

// firstStep is the step in which a form of this kind begins. Clients of the
// v0alpha2 era know forms in one step only.
func (v *visit) firstStep() auth.Step {
	if v.kind.inSteps == nil || !v.kind.inSteps(v.config) || v0alpha2.Asked(v.r) {
		return auth.AtOnce
	}
	return auth.FirstStep
}

// TakeOver gives the steps that follow to one method: nothing else is shown, and that
// as the method makes it, until another method is used.
func (f *Form) TakeOver(method string) { f.Flow.Alone = method }

// StartOver takes a form back from the method that has it to itself: it is for all of
// them again. What was typed stays.
func (f *Form) StartOver() {
	if f.Flow.Alone != "" {
		f.kind.startOver(f.Flow)
	}
}

// startOver brings a form back to its first state.
func (k *kind) startOver(f *auth.Flow) { f.State, f.Active, f.Alone = k.first, "", "" }

// backToFirst brings a form in two steps back to the first.
func backToFirst(f *auth.Flow) {
	if f.Step != auth.AtOnce {
		f.Step, f.Identifier = auth.FirstStep, ""
	}
}

// claim goes on to the second step of a login, for whom somebody has named.
func (v *visit) claim(s *Submission, m *Method, o Outcome) error {
	f := s.Flow
	f.Step, f.Identifier, f.Active = auth.SecondStep, o.claimed, m.Name
	var err error
	if s.Claimed, err = v.claimedBy(f); err != nil {
		return v.fault(err)
	}
	if s.Claimed == nil && !v.config.Security.AccountEnumeration.Mitigate {
		v.kind.startOver(f)
		backToFirst(f)
		return v.refuse(&s.Form, s, Again(o.otherwise))
	}
	ahead, err := v.ahead(v.r.Context(), &s.Form)
	if err != nil {
		return v.fault(err)
	}
	if ahead.verdict == next {
		return v.conclude(s, m, ahead, nil)
	}
	return v.conclude(s, m, Next(), nil)
}

// claimedBy is whom somebody has named in the first step; nil where that is nobody,
// and where a form must not tell who has an account: then nobody is looked up.
func (v *visit) claimedBy(f *auth.Flow) (*auth.Identity, error) {
	if f.Step != auth.SecondStep || f.Identifier == "" || v.config.Security.AccountEnumeration.Mitigate {
		return nil, nil
	}
	i, err := v.engine.Identities.Named(v.r.Context(), f.Identifier)
	if errors.Is(err, auth.ErrIdentityUnknown) {
		return nil, nil
	}
	return i, err
}

// skipAhead goes on to the second step where a registration is sent at once: what
// a method has to say about its own fields stands there.
func (v *visit) skipAhead(s *Submission, p *Part) {
	if s.Flow.Step == auth.FirstStep && s.Candidate != nil && !p.First {
		s.Flow.Step = auth.SecondStep
	}
}

// shown says whether the method shows itself in the step of the form.
func (p *Part) shown(f *auth.Flow) bool { return f.Step != auth.FirstStep || p.First }

// GoesBack says whether somebody wants to see the first step again, with what
// they have typed, be it valid or not. Older clients ask for it by the method.
func (s *Submission) GoesBack() bool {
	return s.Flow.Step != auth.AtOnce && (s.Values.String(screenField) == "previous" || s.Values.String("method") == "profile:back")
}

// ChoosesCredential says whether somebody wants to see the second step.
func (s *Submission) ChoosesCredential() bool {
	return s.Flow.Step != auth.AtOnce && s.Values.String(screenField) == "credential-selection"
}
