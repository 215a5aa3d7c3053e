package flow

import (
	"errors"

	"zelus/internal/auth"
	"zelus/internal/identity"
	"zelus/internal/store"
)

// unprivileged says that a session is too old for what is asked in it, and how
// strongly its owner has to prove who they are.
type unprivileged struct{ level auth.AAL }

func (u unprivileged) Error() string {
	return "the session is too old for this change: " + string(u.level) + " must be proven again"
}

// maxChanges bounds how often a change is made anew because somebody else
// changes the same account. Each try that fails is a change by somebody else
// that succeeded.
const maxChanges = 32

// change makes true what somebody changes of their own account. Who is
// overtaken by another change makes theirs again on top of it, without asking
// the method again: a password is hashed once.
func (v *visit) change(s *Submission, m *Method, o Outcome, row *store.SessionRow) error {
	for range maxChanges {
		done, err := v.changeOnce(s, m, &o, row)
		wrong, old := identity.Problems(nil), unprivileged{}
		switch {
		case err == nil && done == nil:
			return nil // it was answered
		case err == nil:
			v.person = done.identity.Pack()
			return v.succeed(done)
		case errors.As(err, &wrong):
			return v.refuse(&s.Form, s, Again(problemsOf(wrong)...))
		case errors.As(err, &old):
			return v.interrupt(s, row, old.level)
		case errors.Is(err, store.ErrConflict):
			return v.taken(s, o.identity)
		case !errors.Is(err, store.ErrStale) && !errors.Is(err, errOvertaken):
			return v.fault(err)
		}
		if row, err = v.signedIn(); err != nil {
			return v.fault(err)
		}
		form, err := v.form(s.Flow)
		if err != nil {
			return v.fault(err)
		}
		form.Traits = s.Traits
		s.Form = *form
	}
	return v.fault(auth.ErrIdentityChanged)
}

// changeOnce makes a change of the identity as it was read last.
func (v *visit) changeOnce(s *Submission, m *Method, o *Outcome, row *store.SessionRow) (*result, error) {
	now := auth.Now(v.engine.Clock())
	after, err := v.engine.Identities.Change(s.Identity, func(i *auth.Identity) error {
		o.change(i, now)
		return nil
	})
	if err != nil {
		return nil, err
	}
	if m := v.engine.Identities; m.FirstFactors(after) == 0 && m.FirstFactors(s.Identity) > 0 {
		return nil, auth.ErrCredentialLast.Saying("After this change you could not sign in any more. Keep what you sign in with, or set up something else first.")
	}
	if identity.Sensitive(s.Identity, after) {
		if level := v.needed(s.Identity, after); !v.privileged(row, level) {
			return nil, unprivileged{level}
		}
	}
	o.identity = after
	if answered, err := v.awaitProof(s, m, after, row); answered || err != nil {
		return nil, err
	}
	done, err := v.done(&s.Form, m, *o, row)
	if err != nil {
		return nil, err
	}
	return done, v.commit(v.r.Context(), done, *o, row)
}

// privileged says whether somebody has proven who they are, at this level, so
// recently that they may change how they sign in and are reached. Only kinds that
// have an owner ask.
func (v *visit) privileged(row *store.SessionRow, level auth.AAL) bool {
	since := v.engine.Clock().Add(-v.kind.privileged(v.config))
	if !level.AtLeast(auth.AAL2) {
		return row.Session.AuthenticatedAt.After(since)
	}
	return auth.Fresh(row.Session.AMR.All(), level, since)
}

// needed is how strongly a change of how somebody signs in or is reached must be
// proven. Who has a second factor needs it for every change of second factors: a
// password that was found out must not take it away, nor put another one beside it.
// Where an address may become one that is true of addresses, too.
func (v *visit) needed(before, after *auth.Identity) auth.AAL {
	counts := v.policy.Second | v.policy.Both
	switch {
	case before.Factors&counts == 0:
		return auth.AAL1
	case v.engine.Identities.Differ(before, after, counts), v.policy.ByAddress && identity.Readdressed(before, after):
		return auth.AAL2
	}
	return auth.AAL1
}
