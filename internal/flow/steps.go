package flow

import (
	"zelus/internal/auth"
	"zelus/internal/v0alpha2"
)

// A form in two steps (auth.Flow.Step) first asks who somebody is and then how
// they prove it. Methods with Part.First show themselves in the first step, and
// one of them leads from it to the second, in a registration the method profile.

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

// startOver brings a form back to its beginning. What was typed stays.
func (v *visit) startOver(f *auth.Flow) {
	f.State, f.Active = v.kindOf(f).first, ""
	if f.Step != auth.AtOnce {
		f.Step = auth.FirstStep
	}
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
