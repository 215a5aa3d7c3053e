package flow

import (
	"context"
	"errors"

	"github.com/google/uuid"

	"zelus/internal/auth"
	"zelus/internal/store"
	"zelus/internal/ui"
)

// result is a committed success: what there is to tell the client.
type result struct {
	flow     *auth.Flow
	method   string
	identity *auth.Identity
	// session is nil where none was begun; token is the session's.
	session *auth.Session
	token   string
	// renewed says that the session was there before.
	renewed bool
	// former is whose session the request came with.
	former uuid.UUID
}

// conclude acts on a method's decision: it commits, then answers.
func (v *visit) conclude(s *Submission, m *Method, o Outcome, row *store.SessionRow) error {
	switch o.verdict {
	case proven, registered:
	case next:
		return v.advance(s, o)
	default:
		if s.Values == nil { // nobody has looked at what was sent
			return v.refuse(&s.Form, nil, o.problems...)
		}
		return v.refuse(&s.Form, s, o.problems...)
	}
	if o.identity.State != auth.Active {
		return v.fault(auth.ErrIdentityInactive)
	}
	done := &result{flow: s.Flow, method: m.Name, identity: o.identity}
	if row != nil {
		done.former = row.Session.IdentityID
	}
	err := v.commit(v.r.Context(), done, o, row)
	switch {
	case errors.Is(err, errFlowUsed):
		return v.refuse(&s.Form, nil, Problem{Message: ui.Say(v.kind.nobody)})
	case errors.Is(err, store.ErrConflict) && o.verdict == registered:
		return v.refuse(&s.Form, nil, v.duplicate(s))
	case err != nil:
		return v.fault(err)
	}
	return v.succeed(done)
}

// errFlowUsed says that another submission of the same flow was faster.
var errFlowUsed = errors.New("the flow has been used")

// commit makes a decision true, all in one transaction: the flow is used up,
// the identity and the session are stored, and what the method has to add.
func (v *visit) commit(ctx context.Context, done *result, o Outcome, row *store.SessionRow) error {
	sessions := v.engine.Sessions
	finished := *done.flow // the form stays as it is, in case it must be shown again
	finished.State, finished.Active, finished.UpdatedAt = auth.PassedChallenge, "", auth.Now(v.engine.Clock())

	if o.verdict == registered {
		v.engine.Identities.Reckon(o.identity)
		if v.hooked(done.method, "session") {
			done.session, done.token = sessions.Issue(o.identity, o.amr, v.r)
		}
	} else if row != nil && row.Session.IdentityID == o.identity.ID {
		// Refresh and step-up keep the session.
		renewed := row.Session
		done.session, done.renewed = &renewed, true
		done.token = sessions.Renew(done.session, sessions.Proof(v.r), o.amr)
	} else {
		done.session, done.token = sessions.Issue(o.identity, o.amr, v.r)
	}

	return v.engine.Store.Write(ctx, store.Durable, func(tx *store.Tx) error {
		won, err := tx.FinishFlow(ctx, &finished)
		if err != nil {
			return err
		}
		if !won {
			return errFlowUsed
		}
		if o.verdict == registered {
			if err := tx.InsertIdentity(ctx, o.identity); err != nil {
				return err
			}
		}
		if done.session != nil {
			if err := v.storeSession(ctx, tx, done); err != nil {
				return err
			}
		}
		if o.then != nil {
			return o.then(ctx, tx)
		}
		return nil
	})
}

func (v *visit) storeSession(ctx context.Context, tx *store.Tx, done *result) error {
	if done.renewed {
		live, err := tx.UpdateSession(ctx, done.session, v.engine.Clock())
		if err == nil && !live {
			return auth.ErrNoSession // it was revoked while its owner typed
		}
		return err
	}
	if err := tx.InsertSession(ctx, done.session); err != nil {
		return err
	}
	if v.kind == login && v.hooked(done.method, "revoke_active_sessions") {
		_, err := tx.RevokeSessions(ctx, auth.DefaultProject, done.identity.ID, done.session.ID)
		return err
	}
	return nil
}

// hooked says whether the configuration wants this to happen after success.
func (v *visit) hooked(method, hook string) bool {
	for _, h := range v.kind.after(v.config).Of(method) {
		if h.Name == hook {
			return true
		}
	}
	return false
}

// advance stores a flow that has come a step further and shows it.
func (v *visit) advance(s *Submission, o Outcome) error {
	f := s.Flow
	f.UI.Quiet()
	for _, p := range o.problems {
		f.UI.SayAt(p.Field, p.Message)
	}
	f.UpdatedAt = auth.Now(v.engine.Clock())
	if err := v.engine.Store.Write(v.r.Context(), store.Volatile, func(tx *store.Tx) error { return tx.UpdateFlow(v.r.Context(), f) }); err != nil {
		return v.fault(err)
	}
	v.answer(next, f)
	return nil
}

// duplicate is what somebody is told whose identifier is taken.
func (v *visit) duplicate(s *Submission) Problem {
	if !v.config.SelfService.Flows.Registration.LoginHints {
		return Problem{Message: ui.Say(ui.ErrorDuplicate)}
	}
	types, hint := v.engine.Identities.Hints(v.r.Context(), s.Candidate)
	return Problem{Message: ui.Say(ui.ErrorDuplicateWithHints, "available_credential_types", types,
		"available_oidc_providers", []string{}, "credential_identifier_hint", hint)}
}

// satisfied says whether the new session is proven as strongly as it must be
// to be told about.
func (v *visit) satisfied(done *result) bool {
	return v.config.Session.Whoami.RequiredAAL.Met(done.session.AAL, done.identity.AvailableAAL)
}
