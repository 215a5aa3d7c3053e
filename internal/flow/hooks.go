package flow

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"time"

	"zelus/internal/auth"
	"zelus/internal/store"
	"zelus/internal/ui"
)

// What the configuration wants to happen after a success, besides sessions
// (makeSession, revokeOthers):
//
//	verification               an address that is not proven yet gets a code or link; always after sign-up and settings
//	show_verification_ui       clients are told of that form, browsers are sent to it
//	require_verified_address   who has proven no address does not sign in
//	verify_new_address         a new address takes effect when it is proven
//	notify_previous_addresses  those who had the account's addresses are told of a change, and may undo it
//	notify_owner               the owner is told of a new password, of a way to sign in that was added or removed, of a
//	                           sign-in on a new device, or that access was regained

// errandFlow is a flow that was begun on somebody's behalf and is not stored yet.
type errandFlow struct {
	flow    *auth.Flow
	outcome Outcome
	via     string
	address string
}

// store writes the flow and what goes with it.
func (b *errandFlow) store(ctx context.Context, tx *store.Tx) error {
	if err := tx.InsertFlow(ctx, b.flow); err != nil {
		return err
	}
	return b.outcome.apply(ctx, tx)
}

// onBehalf begins a flow on somebody's behalf with this method. nil says that
// the method is switched off or cannot do that.
func (v *visit) onBehalf(f *auth.Flow, method string, e Errand) (*errandFlow, *Sent, error) {
	form := v.blank(f)
	form.Identity = e.Identity
	var err error
	if form.Schema, err = v.schema(e.Identity.SchemaID); err != nil {
		return nil, nil, err
	}
	p := v.sender(f.Kind, method)
	if p == nil {
		return nil, nil, nil
	}
	sent, err := p.Send(v.r.Context(), form, e)
	if err == nil {
		err = v.prepare(v.r.Context(), form)
	}
	if err != nil {
		return nil, nil, err
	}
	for _, said := range sent.problems {
		f.UI.SayAt(said.Field, said.Message)
	}
	return &errandFlow{f, sent.Outcome, e.Via, e.Address}, &sent, nil
}

// sender is the part of a method that begins forms of a kind on somebody's behalf; nil
// where the method is switched off or cannot do that.
func (v *visit) sender(k auth.Kind, method string) *Part {
	for i := range v.engine.Methods {
		m := &v.engine.Methods[i]
		if p := m.part(k); m.Name == method && p != nil && p.Send != nil && m.Enabled(v.config) {
			return p
		}
	}
	return nil
}

// beginVerification begins the form in which somebody proves an address, after
// another one. nil says that the configuration has no such form.
func (v *visit) beginVerification(after *auth.Flow, done *result, e Errand) (*errandFlow, error) {
	if !verification.enabled(v.config) {
		return nil, nil
	}
	f := v.newFlow(verification, after.Type)
	f.RequestURL = v.verificationURL(after.RequestURL)
	f.TransientPayload = after.TransientPayload
	v.bind(f, done)
	begun, _, err := v.onBehalf(f, v.config.SelfService.Flows.Verification.Use, e)
	return begun, err
}

// verificationURL is the address that began a form, with where it wants to lead
// after a verification instead of where it leads itself. Pages show that as a
// link, so it is an address that is allowed or none. Other servers forget return_to here,
// so that pages of others do not expect it; behind the built-in page nobody else could lead on.
func (v *visit) verificationURL(began string) string {
	u, err := url.Parse(began)
	if err != nil {
		return began
	}
	query := u.Query()
	to := query.Get("after_verification_return_to")
	if to == "" && v.config.UIURL(auth.Verification) == "" {
		to = query.Get("return_to")
	}
	if to == "" && !query.Has("return_to") {
		return began
	}
	query.Del("after_verification_return_to")
	query.Del("return_to")
	if _, err := v.returnTo.Check(to); err == nil && to != "" {
		query.Set("return_to", to)
	}
	u.RawQuery = query.Encode()
	return u.String()
}

// verifyAfter begins the verification that follows a success, and notes that the
// address has been sent something.
func (v *visit) verifyAfter(done *result, o Outcome) error {
	wanted := o.verdict == registered || o.verdict == changed || v.hooked(done.method, "verification") && o.amr.AAL == auth.AAL1
	if !wanted || !verification.enabled(v.config) {
		return nil
	}
	for n := range done.identity.Verifiable {
		a := &done.identity.Verifiable[n]
		if a.Verified || o.verdict == changed && a.Status != auth.AddressPending {
			continue
		}
		// Who has the address is told so instead, see tellTaken.
		e := Errand{Identity: done.identity, Via: a.Via, Address: a.Value, Decoy: done.concealed != nil && done.concealed.owner != nil}
		begun, err := v.beginVerification(done.flow, done, e)
		if err != nil {
			return err
		}
		if begun == nil {
			return nil
		}
		done.begun = append(done.begun, begun)
		if o.verdict != proven { // it is stored with the identity; else see storeIdentity
			a.Status = auth.AddressSent
		}
		if !v.config.FeatureFlags.LegacyContinueWithVerificationUI {
			return nil
		}
	}
	return nil
}

// markAddresses notes that addresses have been sent something, and that one was
// proven, of an identity that is locked.
func markAddresses(ctx context.Context, tx *store.Tx, i *auth.Identity, begun []*errandFlow, p Proof, now time.Time) error {
	after := *i
	after.Verifiable = slices.Clone(i.Verifiable)
	for n := range after.Verifiable {
		a := &after.Verifiable[n]
		if a.Status == auth.AddressPending && slices.ContainsFunc(begun, func(b *errandFlow) bool { return b.via == a.Via && b.address == a.Value }) {
			a.Status = auth.AddressSent
		}
	}
	confirm(&after, p, now)
	if slices.Equal(i.Verifiable, after.Verifiable) {
		return nil
	}
	if after.UpdatedAt = now; !now.After(i.UpdatedAt) {
		after.UpdatedAt = i.UpdatedAt.Add(time.Microsecond)
	}
	if err := tx.UpdateIdentity(ctx, i, &after); err != nil {
		return err
	}
	*i = after
	return nil
}

// steps are what a client is told to do next: to show the forms in which
// addresses are proven, where the configuration wants that.
func (v *visit) steps(done *result) []auth.ContinueWith {
	if !done.waits && !v.hooked(done.method, "show_verification_ui") && !v.config.FeatureFlags.LegacyContinueWithVerificationUI {
		return nil
	}
	return v.showVerification(done.begun)
}

func (v *visit) showVerification(begun []*errandFlow) []auth.ContinueWith {
	var all []auth.ContinueWith
	for _, b := range begun {
		next := auth.ContinueWith{Action: auth.ShowVerificationUI, Flow: &auth.ContinueWithFlow{ID: b.flow.ID, VerifiableAddress: b.address}}
		if b.flow.Type == auth.Browser {
			next.Flow.URL = v.page(b.flow)
		}
		all = append(all, next)
	}
	return all
}

// unverified keeps somebody from signing in who has proven none of their
// addresses, where the configuration wants that: they are sent a code or link,
// and led to the form for it. It says whether it has answered.
func (v *visit) unverified(s *Submission, m *Method, o Outcome) (answered bool, err error) {
	if !v.hooked(m.Name, "require_verified_address") {
		return false, nil
	}
	all := o.identity.Verifiable
	switch {
	case slices.ContainsFunc(all, func(a auth.VerifiableAddress) bool { return a.Verified }):
		return false, nil
	case v.config.FeatureFlags.LegacyRequireVerifiedLoginError:
		if m.Name != "password" {
			return false, nil
		}
		return true, v.refuse(&s.Form, s, Again(Problem{Message: ui.Say(ui.ErrorAddressUnverified)}))
	case len(all) == 0:
		return true, v.fault(auth.ErrConfiguration.Saying("Nobody without an address can sign in here, because the hook require_verified_address is configured, and this account has none."))
	}
	begun, err := v.beginVerification(s.Flow, nil, Errand{Identity: o.identity, Via: all[0].Via, Address: all[0].Value})
	if err != nil {
		return true, v.fault(err)
	}
	no := auth.ErrUnverified
	if begun == nil {
		return true, v.fault(no)
	}
	ctx, now := v.r.Context(), auth.Now(v.engine.Clock())
	err = v.engine.Store.Write(ctx, store.Durable, func(tx *store.Tx) error {
		fresh, err := stillProven(ctx, tx, o)
		if err != nil {
			return err
		}
		if err := markAddresses(ctx, tx, fresh, []*errandFlow{begun}, Proof{}, now); err != nil {
			return err
		}
		return begun.store(ctx, tx)
	})
	switch {
	case errors.Is(err, store.ErrNotFound):
		return true, v.refuse(&s.Form, s, Again(o.otherwise))
	case err != nil:
		return true, v.fault(err)
	}
	to := v.page(begun.flow)
	return true, v.fault(&refusal{err: no.Detail("continue_with", v.showVerification([]*errandFlow{begun})), to: to, status: http.StatusSeeOther})
}
