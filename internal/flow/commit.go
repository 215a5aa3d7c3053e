package flow

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"

	"github.com/google/uuid"

	"zelus/internal/auth"
	"zelus/internal/config"
	"zelus/internal/identity"
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
	// entry is what the history of sign-ins says of it; nil where nobody signs in.
	entry *store.HistoryEntry
	// former is whose session the request came with.
	former uuid.UUID
	// before is what a change began with.
	before *auth.Identity
	// next is a flow that follows this one; nil where none does. begun are those
	// that were begun on somebody's behalf.
	next  *auth.Flow
	begun []*errandFlow
	// undone says that somebody has taken back their account.
	undone bool
	// concealed is the address that is taken by somebody else, of a sign-up that
	// does not tell so; nil where a sign-up tells.
	concealed *taken
	// waits says that nothing is changed before an address is proven.
	waits bool
	// then is what else is written.
	then []func(context.Context, *store.Tx) error
}

// conclude acts on a method's decision: it commits, then answers.
func (v *visit) conclude(s *Submission, m *Method, o Outcome, row *store.SessionRow) error {
	switch o.verdict {
	case again:
		if s.Values == nil { // nobody has looked at what was sent
			return v.refuse(&s.Form, nil, o)
		}
		return v.refuse(&s.Form, s, o)
	case next:
		if o.needs != "" && !v.privileged(row, o.needs) {
			return v.interrupt(s, row, o.needs)
		}
		before := s.Flow.UI
		if err := v.prepare(v.r.Context(), &s.Form); err != nil {
			return v.fault(err)
		}
		v.kind.keep(s.UI, before)
		if s.Values != nil {
			v.kind.echo(s.UI, s)
		}
		for name, value := range o.filled {
			s.UI.SetValue(name, value)
		}
		status := v.kind.next
		if o.onPage {
			status.json = http.StatusUnprocessableEntity
		}
		return v.goOn(&s.Form, o, status)
	case claimed:
		return v.claim(s, m, o)
	case stay:
		v.redirect(v.kind.next.page, v.page(s.Flow))
		return nil
	case replaced:
		return v.replace(s.Flow, auth.ErrFlowReplaced.Saying("%s", o.problems[0].Message.Text), o.problems[0].Message)
	case expired:
		return v.expired(s.Flow, o.since)
	case changed:
		return v.change(s, m, o, row)
	case verified, recovered:
		return v.prove(s, m, o)
	case proven, registered:
	default:
		return v.fault(fmt.Errorf("the method %s decided nothing", m.Name))
	}
	confirm(o.identity, o.proof, auth.Now(v.engine.Clock()))
	if o.verdict == proven {
		if answered, err := v.unverified(s, m, o); answered || err != nil {
			return err
		}
	}
	done, err := v.done(&s.Form, m, o, row)
	if err == nil && v.conceals(m.Name, o) {
		done.concealed, err = v.findTaken(o.identity)
	}
	if err == nil {
		err = v.commit(v.r.Context(), done, o, row)
	}
	switch {
	case errors.Is(err, errFlowUsed):
		return v.refuse(&s.Form, nil, Again(Problem{Message: ui.Say(v.kind.nobody)}))
	case errors.Is(err, errOvertaken) && v.tries < maxTries:
		return v.retry(s, row)
	case errors.Is(err, ErrNotProven), errors.Is(err, errGone):
		return v.refuse(&s.Form, s, Again(o.otherwise))
	case errors.Is(err, errOvertaken):
		return v.fault(auth.ErrNoSession)
	case errors.Is(err, store.ErrConflict) && done.concealed != nil && v.takenMeanwhile(done):
		return v.retry(s, row)
	case errors.Is(err, store.ErrConflict) && o.verdict == registered:
		return v.taken(s, s.Candidate)
	case err != nil:
		return v.fault(err)
	}
	return v.succeed(done)
}

var (
	// errFlowUsed says that another submission of the same flow was faster.
	errFlowUsed = errors.New("the flow has been used")
	// errOvertaken says that what the decision was made from has changed
	// meanwhile: it is worth deciding again.
	errOvertaken = errors.New("somebody else was faster")
	// errGone says that an account has come to its end, and is not removed yet.
	errGone = errors.New("the account is to be deleted by now")
)

// maxTries bounds how often a submission is decided about. Others have to be
// faster each time: a second tab that signs in while the password is hashed
// anew, an app that renews its session twice at once.
const maxTries = 4

// retry decides again, from what the database says now.
func (v *visit) retry(s *Submission, row *store.SessionRow) error {
	v.tries++
	if row != nil {
		var err error
		if row, err = v.signedIn(); err != nil {
			return v.fault(err)
		}
	}
	return v.decide(s, row)
}

// done is a success that has not been committed yet. The submission's form
// stays as it is, in case it must be shown again; one that may be sent again is
// made anew, of the identity as it will be.
func (v *visit) done(form *Form, m *Method, o Outcome, row *store.SessionRow) (*result, error) {
	f := *form.Flow
	f.State, f.UpdatedAt, f.Private = v.kind.last, auth.Now(v.engine.Clock()), nil
	done := &result{flow: &f, method: m.Name, identity: o.identity, before: form.Identity}
	if row != nil {
		done.former = row.Session.IdentityID
	}
	if v.kind.passed == nil {
		return done, nil
	}
	fresh := *form
	fresh.Flow, fresh.UI, fresh.Identity, fresh.Traits = &f, &f.UI, o.identity, nil
	return done, v.kind.passed(v, &fresh, m)
}

// commit makes a decision true, all in one transaction: the flow is used up,
// the identity and the session are stored, and what the method has to add.
func (v *visit) commit(ctx context.Context, done *result, o Outcome, row *store.SessionRow) error {
	v.makeSession(done, o, row)
	if v.kind.onward != nil {
		// Its browser sees it afterwards, too.
		v.bind(done.flow, done)
		var err error
		if done.next, err = v.kind.onward(v, done); err != nil {
			return err
		}
	}
	if err := v.verifyAfter(done, o); err != nil {
		return err
	}
	if err := v.notices(done, o); err != nil {
		return err
	}
	if done.concealed != nil {
		if err := v.tellTaken(done); err != nil {
			return err
		}
	}

	return v.engine.Store.Write(ctx, store.Durable, func(tx *store.Tx) error {
		if err := v.finish(ctx, tx, done.flow); err != nil {
			return err
		}
		if err := v.storeIdentity(ctx, tx, done, o); err != nil {
			return err
		}
		if err := v.storeSession(ctx, tx, done, o, row); err != nil {
			return err
		}
		// What the method has to add comes first: it uses up a proof, which what is
		// begun below might make void.
		if err := o.apply(ctx, tx); err != nil {
			return err
		}
		if done.next != nil {
			if err := tx.InsertFlow(ctx, v.stored(done.next)); err != nil {
				return err
			}
		}
		for _, b := range done.begun {
			if err := b.store(ctx, tx); err != nil {
				return err
			}
		}
		for _, f := range done.then {
			if err := f(ctx, tx); err != nil {
				return err
			}
		}
		return nil
	})
}

// finish stores a flow that has succeeded: of several submissions of a form
// that is used up by that, one wins.
func (v *visit) finish(ctx context.Context, tx *store.Tx, f *auth.Flow) error {
	if v.kind.stays {
		return tx.UpdateFlow(ctx, v.stored(f))
	}
	won, err := tx.FinishFlow(ctx, v.stored(f))
	if err == nil && !won {
		return errFlowUsed
	}
	return err
}

// makeSession makes the session that follows from a decision: a refresh and a
// step-up keep the session, a sign-in makes a new one, a sign-up where the
// configuration says so. Who changes their account keeps theirs; a browser gets
// its cookie once more, with a new token where the change is about how one signs
// in or is reached, so that a cookie which was copied before is of no use after;
// a change that is a proof too makes the session stronger.
func (v *visit) makeSession(done *result, o Outcome, row *store.SessionRow) {
	sessions, event := v.engine.Sessions, auth.SignedIn
	switch {
	case o.verdict == registered:
		v.engine.Identities.Reckon(o.identity)
		if v.hooked(done.method, "session") {
			done.session, done.token = sessions.Issue(o.identity, o.amr, v.r)
		}
		event = auth.SignedUp
	case o.verdict == changed && o.amr.Method != "":
		kept := row.Session
		done.session, done.token = &kept, sessions.Strengthen(&kept, v.proof, o.amr)
	case o.verdict == changed:
		if v.proof.Cookie {
			kept := row.Session
			done.session, done.token = &kept, v.proof.Token
			if identity.Sensitive(done.before, o.identity) {
				done.token = sessions.Retoken(&kept)
			}
		}
	case o.verdict == proven && row != nil && row.Session.IdentityID == o.identity.ID:
		renewed := row.Session
		done.session, done.token = &renewed, sessions.Renew(&renewed, v.proof, o.amr, v.r)
		if event = auth.ProvenAgain; !row.Session.AAL.AtLeast(renewed.AAL) {
			event = auth.ProvenSecond
		}
	case o.verdict == proven:
		done.session, done.token = sessions.Issue(o.identity, o.amr, v.r)
	case o.verdict == recovered:
		done.session, done.token = sessions.Issue(o.identity, o.amr, v.r)
		event = auth.Recovered
	}
	if o.verdict != changed && done.session != nil {
		done.entry = sessions.Remember(done.session, event, o.amr)
	}
}

// storeIdentity stores who signs up and what somebody changes. Of who signs in
// it makes sure that they still may: checking a password takes long enough for
// a lot to happen.
func (v *visit) storeIdentity(ctx context.Context, tx *store.Tx, done *result, o Outcome) error {
	switch o.verdict {
	case registered:
		if done.concealed != nil {
			return insertConcealed(ctx, tx, done)
		}
		return tx.InsertIdentity(ctx, o.identity)
	case changed, verified, recovered:
		return v.engine.Identities.Save(ctx, tx, done.before, o.identity)
	case proven:
	default:
		return fmt.Errorf("the verdict %q has nothing to store", o.verdict)
	}
	fresh, err := stillProven(ctx, tx, o)
	if errors.Is(err, store.ErrNotFound) {
		return ErrNotProven
	}
	if err != nil {
		return err
	}
	if fresh.Gone(v.engine.Clock()) {
		return errGone
	}
	if fresh.State != auth.Active {
		return auth.ErrIdentityInactive.Detail("identity_id", fresh.ID)
	}
	if o.used.Type == "" && o.proof.Address != "" && !fresh.HasVerified(o.proof.Via, o.proof.Address) {
		return ErrNotProven
	}
	done.identity = fresh
	return markAddresses(ctx, tx, fresh, done.begun, o.proof, auth.Now(v.engine.Clock()))
}

// stillProven reads somebody who has proven who they are again, and uses what they have
// proven it with.
func stillProven(ctx context.Context, tx *store.Tx, o Outcome) (*auth.Identity, error) {
	if o.use != nil {
		return tx.Use(ctx, o.identity.Project, o.identity.ID, o.used, o.use)
	}
	return tx.StillProven(ctx, o.identity.Project, o.identity.ID, o.used)
}

func (v *visit) storeSession(ctx context.Context, tx *store.Tx, done *result, o Outcome, row *store.SessionRow) error {
	if o.verdict == changed {
		live, err := tx.SessionLives(ctx, &row.Session, v.engine.Clock())
		if err == nil && !live {
			return errOvertaken // it was revoked, or renewed elsewhere
		}
		if err != nil {
			return err
		}
		if s := done.session; s != nil && !(bytes.Equal(s.TokenHash, row.Session.TokenHash) && s.AuthenticatedAt.Equal(row.Session.AuthenticatedAt)) {
			// A cookie that was copied before is of no use after a change of how one
			// signs in, not for a moment.
			graceful := auth.SignInAlike(done.before, done.identity)
			if _, err := tx.UpdateSession(ctx, done.session, &row.Session, graceful, v.engine.Clock()); err != nil {
				return err
			}
		}
		return v.revokeOthers(ctx, tx, done, row.Session.ID)
	}
	if done.session == nil {
		return nil
	}
	if row != nil && row.Session.ID == done.session.ID {
		same, err := tx.UpdateSession(ctx, done.session, &row.Session, true, v.engine.Clock())
		if err == nil && !same {
			return errOvertaken // it was revoked, or renewed elsewhere
		}
		if err != nil {
			return err
		}
		return tx.InsertHistory(ctx, done.entry)
	}
	if err := v.recognise(ctx, tx, done); err != nil {
		return err
	}
	if err := tx.InsertSession(ctx, done.session); err != nil {
		return err
	}
	if err := tx.InsertHistory(ctx, done.entry); err != nil {
		return err
	}
	if o.verdict == recovered {
		if err := tx.Distrust(ctx, auth.DefaultProject, done.identity.ID); err != nil {
			return err
		}
	}
	return v.revokeOthers(ctx, tx, done, done.session.ID)
}

// revokeOthers ends all sessions of somebody but this one, where the
// configuration wants that.
func (v *visit) revokeOthers(ctx context.Context, tx *store.Tx, done *result, but uuid.UUID) error {
	if !done.undone && !v.hooked(done.method, "revoke_active_sessions") {
		return nil
	}
	_, err := tx.RevokeSessions(ctx, auth.DefaultProject, done.identity.ID, but)
	return err
}

// hooked says whether the configuration wants this to happen after success.
func (v *visit) hooked(method, hook string) bool {
	return hooked(v.kind.after(v.config).Of(method), hook)
}

func hooked(all []config.Hook, hook string) bool {
	return slices.ContainsFunc(all, func(h config.Hook) bool { return h.Name == hook })
}

// taken tells somebody that an identifier of who they want to be is taken.
func (v *visit) taken(s *Submission, wanted *auth.Identity) error {
	sent := s
	if s.Flow.Step != auth.SecondStep && v.asJSON() { // clients of Kratos have what was typed themselves
		sent = nil
	}
	if !v.config.SelfService.Flows.Registration.LoginHints || v.config.Security.AccountEnumeration.Mitigate {
		return v.refuse(&s.Form, sent, Again(Problem{Message: ui.Say(ui.ErrorDuplicate)}))
	}
	hints, err := v.engine.Identities.LoginHints(v.r.Context(), wanted)
	if err != nil {
		return v.fault(err)
	}
	return v.refuse(&s.Form, sent, Again(Problem{Message: ui.Say(ui.ErrorDuplicateWithHints, "available_credential_types", hints.Types,
		"available_oidc_providers", hints.Providers, "credential_identifier_hint", hints.Identifier)}))
}

// satisfied says whether the new session is proven as strongly as it must be
// to be told about.
func (v *visit) satisfied(done *result) bool {
	return v.config.Session.Whoami.RequiredAAL.Met(done.session.AAL, v.policy.Due(done.identity.Factors, done.session.TrustedDevice.Valid))
}

// recognise notes in a new session that it begins in a device that its owner
// trusts, where that makes up for a second factor.
func (v *visit) recognise(ctx context.Context, tx *store.Tx, done *result) error {
	done.session.TrustedDevice = uuid.NullUUID{}
	if !v.kind.stepsUp || v.satisfied(done) {
		return nil
	}
	return v.engine.Sessions.Recognise(ctx, tx, v.r, done.session)
}
