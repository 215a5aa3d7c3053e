package flow

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"time"

	"github.com/google/uuid"

	"zelus/internal/auth"
	"zelus/internal/store"
	"zelus/internal/ui"
	"zelus/internal/web"
)

// follow decides about a link that came with a message; what names none is a
// form that was sent. A link is opened in whatever browser the message is read
// in, mostly by a GET: so it is the link that is looked at, not where it comes
// from, and the answer is a page.
func (e *Engine) follow(v *visit) error {
	query := v.r.URL.Query()
	for i := range e.Methods {
		m := &e.Methods[i]
		if p := m.part(v.kind.name); p != nil && p.Link != "" && query.Get(p.Link) != "" && (p.Posted || v.r.Method != http.MethodPost) && m.Enabled(v.config) {
			if v.r.Method == http.MethodHead {
				return nil // somebody looks whether it leads anywhere: that is no use of it
			}
			return v.opened(m, p, query.Get(p.Link))
		}
	}
	return e.submit(v)
}

func (v *visit) opened(m *Method, p *Part, value string) error {
	v.followed = true
	if err := v.offered("flow"); err != nil {
		return v.fault(err)
	}
	id, ok := web.ID(v.r.URL.Query().Get("flow"))
	if !ok || id == uuid.Nil {
		return v.fault(auth.ErrFlowMissing)
	}
	f, err := v.load(id)
	if err != nil {
		return v.fault(err)
	}
	if !v.engine.Clock().Before(f.ExpiresAt) {
		return v.expired(f, f.ExpiresAt)
	}
	form, err := v.form(f)
	if err != nil {
		return v.fault(err)
	}
	s := &Submission{Form: *form}
	outcome, err := p.Follow(v.r.Context(), s, value)
	if err != nil {
		return v.fault(err)
	}
	switch {
	case outcome.verdict == verified, outcome.verdict == next && outcome.filled != nil:
		// Who has the secret of the message may see the form too. Whoever began it
		// keeps it: often they did not open the link, but a program that looks
		// through their mail.
		f.Reader = v.bindings.Hash(string(v.csrf.Ensure(v.w, v.r)))
	case outcome.verdict == next, outcome.verdict == recovered:
		// Who has the secret, and nobody else, may see the form from now on.
		f.Unbound = false
		v.bind(f, nil)
	}
	return v.conclude(s, m, outcome, nil)
}

// prove makes true what follows from the proof that an address is somebody's.
// Who is overtaken by another change of the account does it again on top of
// that.
func (v *visit) prove(s *Submission, m *Method, o Outcome) error {
	for range maxChanges {
		done, err := v.proveOnce(s, m, &o)
		switch {
		case err == nil:
			return v.succeed(done)
		case errors.Is(err, errFlowUsed):
			return v.replace(s.Flow, auth.ErrFlowReplaced.Saying("%s", v.usedUp().Text), v.usedUp())
		case errors.Is(err, ErrNotProven):
			return v.conclude(s, m, Next(o.otherwise), nil)
		case errors.Is(err, store.ErrConflict):
			return v.conclude(s, m, Next(Problem{Message: ui.Say(ui.ErrorDuplicate)}), nil)
		case !errors.Is(err, store.ErrStale):
			return v.fault(err)
		}
	}
	return v.fault(auth.ErrIdentityChanged)
}

// usedUp is what is said of a form that has led to its success before.
func (v *visit) usedUp() ui.Message {
	if v.kind.used != 0 {
		return ui.Say(v.kind.used)
	}
	return generic("This form was completed before. Begin again if you still need to.")
}

func (v *visit) proveOnce(s *Submission, m *Method, o *Outcome) (*result, error) {
	before, err := v.engine.Identities.Get(v.r.Context(), o.proof.Identity)
	if errors.Is(err, auth.ErrIdentityUnknown) || err == nil && before.Gone(v.engine.Clock()) {
		return nil, ErrNotProven
	}
	if err != nil {
		return nil, err
	}
	if before.State != auth.Active {
		return nil, auth.ErrIdentityInactive.Detail("identity_id", before.ID)
	}
	wanted, waited, err := v.wanted(o.proof)
	if err != nil {
		return nil, err
	}
	if wanted.Before != "" && wanted.Before != hashOf(before.Traits) {
		return nil, ErrNotProven // the account was changed since
	}
	if wanted.Undo {
		// What people may not change themselves they do not take back either:
		// an administrator may have changed it since.
		s, err := v.schema(before.SchemaID)
		if err != nil {
			return nil, err
		}
		wanted.Traits = s.Keep(wanted.Traits, before.Traits, false)
	}
	now := auth.Now(v.engine.Clock())
	after, err := v.engine.Identities.Change(before, func(i *auth.Identity) error {
		wanted.make(v.engine.Identities, i, o.proof, now)
		confirm(i, o.proof, now)
		return nil
	})
	if err != nil {
		return nil, err
	}
	if !o.holds(after) {
		return nil, ErrNotProven
	}
	o.identity = after
	form := s.Form
	form.Identity = before
	done, err := v.done(&form, m, *o, nil)
	if err != nil {
		return nil, err
	}
	done.undone = wanted.Undo
	if waited != nil {
		done.then = append(done.then, func(ctx context.Context, tx *store.Tx) error {
			live, err := tx.SessionLives(ctx, waited, v.engine.Clock())
			if err == nil && !live {
				return store.ErrStale // it has ended or was renewed: look again
			}
			return err
		})
	}
	return done, v.commit(v.r.Context(), done, *o, nil)
}

// confirm notes that an address is proven.
func confirm(i *auth.Identity, p Proof, now time.Time) {
	for n := range i.Verifiable {
		if a := &i.Verifiable[n]; a.Via == p.Via && a.Value == p.Address && !a.Verified {
			a.Verified, a.Status, a.VerifiedAt, a.UpdatedAt = true, auth.AddressCompleted, &now, now
		}
	}
}

// holds says whether the address that was proven is one of the identity's, for
// the purpose of the proof.
func (o *Outcome) holds(i *auth.Identity) bool {
	p := o.proof
	if p.Address == "" && o.verdict == recovered {
		return true // an administrator has vouched for them
	}
	if o.verdict == verified || len(p.Change) > 0 {
		return slices.ContainsFunc(i.Verifiable, func(a auth.VerifiableAddress) bool { return a.Via == p.Via && a.Value == p.Address })
	}
	return slices.ContainsFunc(i.Recovery, func(a auth.RecoveryAddress) bool { return a.Via == p.Via && a.Value == p.Address })
}

// afterRecovery begins the form in which somebody who has regained access
// chooses a new password; nil where the client wants none.
func (v *visit) afterRecovery(done *result) (*auth.Flow, error) {
	if done.flow.SkipSettings {
		return nil, nil
	}
	f := v.newFlow(settings, done.flow.Type)
	if v.followed {
		f.Type = auth.Browser
	}
	to := done.flow.ReturnTo()
	if to == "" {
		to = v.kind.after(v.config).DefaultBrowserReturnURL
	}
	f.RequestURL, f.IdentityID, f.Recovered = v.here(to), done.identity.ID, true
	v.bind(f, done)
	form := v.blank(f)
	form.Identity = done.identity
	var err error
	if form.Schema, err = v.schema(done.identity.SchemaID); err != nil {
		return nil, err
	}
	if err := v.prepare(v.r.Context(), form); err != nil {
		return nil, err
	}
	until := done.session.AuthenticatedAt.Add(settings.privileged(v.config))
	f.UI.Say(ui.Say(ui.SuccessRecovery, "privileged_session_expires_at", until, "privilegedSessionExpiresAt", until.Format(time.RFC3339Nano)))
	return f, nil
}
