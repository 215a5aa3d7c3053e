package flow

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"time"

	"github.com/google/uuid"

	"zelus/internal/auth"
	"zelus/internal/config"
	"zelus/internal/identity"
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
//	notify_owner               the owner is told of a new password, or that access was regained

// Notice is a message to somebody about their account.
type Notice struct {
	Identity *auth.Identity
	Template string
	Via, To  string
	// Language is the header Accept-Language of the request.
	Language   string
	At         time.Time
	RequestURL string
	// Undo is the address at which a change is undone, for as long as Lifespan;
	// empty where it cannot be.
	Undo             string
	Lifespan         time.Duration
	TransientPayload json.RawMessage
}

// begun is a flow that was begun on somebody's behalf and is not stored yet.
type begunFlow struct {
	flow    *auth.Flow
	outcome Outcome
	via     string
	address string
}

// store writes the flow and what goes with it.
func (b *begunFlow) store(ctx context.Context, tx *store.Tx) error {
	if err := tx.InsertFlow(ctx, b.flow); err != nil {
		return err
	}
	return b.outcome.apply(ctx, tx)
}

// onBehalf begins a flow on somebody's behalf with this method. nil says that
// the method is switched off or cannot do that.
func (v *visit) onBehalf(f *auth.Flow, method string, e Errand) (*begunFlow, *Sent, error) {
	form := v.blank(f)
	form.Identity = e.Identity
	var err error
	if form.Schema, err = v.schema(e.Identity.SchemaID); err != nil {
		return nil, nil, err
	}
	for i := range v.engine.Methods {
		m := &v.engine.Methods[i]
		p := m.part(f.Kind)
		if m.Name != method || p == nil || p.Send == nil || !m.Enabled(v.config) {
			continue
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
		return &begunFlow{f, sent.Outcome, e.Via, e.Address}, &sent, nil
	}
	return nil, nil, nil
}

// beginVerification begins the form in which somebody proves an address, after
// another one. nil says that the configuration has no such form.
func (v *visit) beginVerification(after *auth.Flow, done *result, e Errand) (*begunFlow, error) {
	if !verification.enabled(v.config) {
		return nil, nil
	}
	f := v.begun(verification, after.Type)
	f.RequestURL = verificationURL(after.RequestURL)
	f.TransientPayload = after.TransientPayload
	v.bind(f, done)
	begun, _, err := v.onBehalf(f, v.config.SelfService.Flows.Verification.Use, e)
	return begun, err
}

// verificationURL is the address that began a form, with where it wants to lead
// after a verification instead of where it leads itself.
func verificationURL(began string) string {
	u, err := url.Parse(began)
	if err != nil {
		return began
	}
	query := u.Query()
	to := query.Get("after_verification_return_to")
	if to == "" && !query.Has("return_to") {
		return began
	}
	query.Del("after_verification_return_to")
	query.Del("return_to")
	if to != "" {
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
		begun, err := v.beginVerification(done.flow, done, Errand{Identity: done.identity, Via: a.Via, Address: a.Value})
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

// markSent notes that addresses have been sent something, of an identity that is
// locked.
func markSent(ctx context.Context, tx *store.Tx, i *auth.Identity, begun []*begunFlow, now time.Time) error {
	after := *i
	after.Verifiable = slices.Clone(i.Verifiable)
	different := false
	for n := range after.Verifiable {
		a := &after.Verifiable[n]
		if a.Status == auth.AddressPending && slices.ContainsFunc(begun, func(b *begunFlow) bool { return b.via == a.Via && b.address == a.Value }) {
			a.Status, different = auth.AddressSent, true
		}
	}
	if !different {
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

func (v *visit) showVerification(begun []*begunFlow) []auth.ContinueWith {
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
		fresh, err := tx.StillProven(ctx, o.identity.Project, o.identity.ID, o.used)
		if err != nil {
			return err
		}
		if err := markSent(ctx, tx, fresh, []*begunFlow{begun}, now); err != nil {
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
	return true, v.fault(&refusal{err: no.Detail("continue_with", v.showVerification([]*begunFlow{begun})), to: to, status: http.StatusSeeOther})
}

// change is what a one-time secret brings about beside that it proves an address.
type change struct {
	// Traits are those that the identity gets.
	Traits json.RawMessage `json:"traits"`
	// Before is a hash of the traits that the change was made from, and Session
	// the session in which that was; both are of a new address that waits for
	// its proof.
	Before  string    `json:"before,omitempty"`
	Session uuid.UUID `json:"session,omitzero"`
	// Undo says that somebody takes back their account, and Credentials are hashes
	// of those that it had.
	Undo        bool                           `json:"undo,omitempty"`
	Credentials map[auth.CredentialType]string `json:"credentials,omitempty"`
}

func hashOf(document json.RawMessage) string {
	sum := sha256.Sum256(document)
	return hex.EncodeToString(sum[:])
}

// errRehearsed ends a transaction that was only tried out.
var errRehearsed = errors.New("this was a rehearsal")

// awaitProof makes a change of addresses wait until the new one is proven, where
// the configuration wants that. It says whether it has answered.
func (v *visit) awaitProof(s *Submission, m *Method, after *auth.Identity, row *store.SessionRow) (answered bool, err error) {
	if !v.hooked(m.Name, "verify_new_address") || !verification.enabled(v.config) {
		return false, nil
	}
	var fresh []auth.VerifiableAddress
	for _, a := range after.Verifiable {
		if !slices.ContainsFunc(s.Identity.Verifiable, func(b auth.VerifiableAddress) bool { return a.Via == b.Via && a.Value == b.Value }) {
			fresh = append(fresh, a)
		}
	}
	switch {
	case len(fresh) == 0:
		return false, nil
	case len(fresh) > 1:
		return true, v.conclude(s, m, Next(Problem{Message: ui.Say(ui.ErrorSettingsTooManyAddresses)}), row)
	}
	ctx := v.r.Context()
	// Whether the addresses are free is found out as it will be decided: by
	// writing them.
	err = v.engine.Store.Write(ctx, store.Volatile, func(tx *store.Tx) error {
		if err := v.engine.Identities.Save(ctx, tx, s.Identity, after); err != nil {
			return err
		}
		return errRehearsed
	})
	if !errors.Is(err, errRehearsed) {
		return true, err // also nil, which cannot be
	}
	waiting, err := json.Marshal(change{Traits: after.Traits, Before: hashOf(s.Identity.Traits), Session: row.Session.ID})
	if err != nil {
		return true, err
	}
	begun, err := v.beginVerification(s.Flow, nil, Errand{Identity: s.Identity, Via: fresh[0].Via, Address: fresh[0].Value, Change: waiting})
	if err != nil {
		return true, err
	}
	if begun == nil {
		return false, nil
	}
	if err := v.prepare(ctx, &s.Form); err != nil {
		return true, err
	}
	s.UI.Say(ui.Say(ui.InfoVerificationCodeSent))
	s.Flow.UpdatedAt = auth.Now(v.engine.Clock())
	err = v.engine.Store.Write(ctx, store.Durable, func(tx *store.Tx) error {
		live, err := tx.SessionLives(ctx, &row.Session, v.engine.Clock())
		if err != nil {
			return err
		}
		if !live {
			return errOvertaken
		}
		if err := tx.UpdateFlow(ctx, v.stored(s.Flow)); err != nil {
			return err
		}
		return begun.store(ctx, tx)
	})
	if err != nil {
		return true, err
	}
	return true, v.succeed(&result{flow: s.Flow, method: m.Name, identity: s.Identity, begun: []*begunFlow{begun}, waits: true})
}

// undoWithin is how long a change of address can be undone.
const undoWithin = 72 * time.Hour

// notices are the messages that the configuration wants sent after a success:
// what they say is made now, and written with the change.
func (v *visit) notices(done *result, o Outcome) error {
	hooks := v.kind.after(v.config).Of(done.method)
	if o.verdict == verified {
		if done.before == nil || hashOf(done.before.Traits) == hashOf(done.identity.Traits) {
			return nil
		}
		hooks = settings.after(v.config).Of("profile") // the change was made there, and has waited
	}
	for _, h := range hooks {
		var err error
		switch {
		case h.Name == "notify_previous_addresses" && done.before != nil && (o.verdict == changed || o.verdict == verified):
			err = v.tellPrevious(done, h)
		case h.Name == "notify_owner" && (o.verdict == changed && done.method == "password" || o.verdict == recovered):
			err = v.tellOwner(done, o)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func (v *visit) tellOwner(done *result, o Outcome) error {
	template := "password_changed"
	if o.verdict == recovered {
		template = "account_recovered"
	}
	for _, a := range reached(done.identity.Verifiable) {
		if err := v.tellOne(done, Notice{Identity: done.identity, Template: template, Via: a.Via, To: a.Value}); err != nil {
			return err
		}
	}
	return nil
}

// reached are the mail addresses at which somebody is told of what happens to
// their account: those that are proven, or the first one where none is.
func reached(all []auth.VerifiableAddress) []auth.VerifiableAddress {
	mail := slices.DeleteFunc(slices.Clone(all), func(a auth.VerifiableAddress) bool { return a.Via != auth.ViaEmail })
	if proven := slices.DeleteFunc(slices.Clone(mail), func(a auth.VerifiableAddress) bool { return !a.Verified }); len(proven) > 0 {
		return proven
	}
	return mail[:min(len(mail), 1)]
}

// tellPrevious tells the addresses that an account had of a change. Those that
// it has no longer, and whose owner had proven them, can undo it.
func (v *visit) tellPrevious(done *result, h config.Hook) error {
	kept := func(a auth.VerifiableAddress) bool {
		return slices.ContainsFunc(done.identity.Verifiable, func(b auth.VerifiableAddress) bool { return a.Via == b.Via && a.Value == b.Value })
	}
	if !identity.Readdressed(done.before, done.identity) {
		return nil
	}
	for _, a := range done.before.Verifiable {
		switch {
		case h.Config.Recipients == "all", h.Config.Recipients == "all_verified" && a.Verified, !kept(a):
		default:
			continue
		}
		n := Notice{Identity: done.identity, Template: "verifiable_address_changed", Via: a.Via, To: a.Value}
		if !kept(a) && a.Verified && a.Via == auth.ViaEmail {
			var err error
			if n.Undo, err = v.undoLink(done, a); err != nil {
				return err
			}
			if n.Undo != "" {
				n.Template, n.Lifespan = "address_undo", undoWithin
			}
		}
		if err := v.tellOne(done, n); err != nil {
			return err
		}
	}
	return nil
}

// undoLink begins the form in which the owner of a former address takes an
// account back; empty where the configuration does not allow for it.
func (v *visit) undoLink(done *result, a auth.VerifiableAddress) (string, error) {
	if !recovery.enabled(v.config) {
		return "", nil
	}
	had := map[auth.CredentialType]string{}
	for t, c := range done.before.Credentials {
		had[t] = hashOf(c.Config)
	}
	undo, err := json.Marshal(change{Traits: done.before.Traits, Undo: true, Credentials: had})
	if err != nil {
		return "", err
	}
	f := v.begun(recovery, auth.Browser)
	f.RequestURL, f.ExpiresAt, f.Undo, f.Unbound = v.base+"self-service/recovery/browser", f.IssuedAt.Add(undoWithin), true, true
	begun, sent, err := v.onBehalf(f, "link", Errand{Identity: done.before, Via: a.Via, Address: a.Value, Change: undo, Lifespan: undoWithin, Quiet: true})
	if err != nil || begun == nil {
		return "", err
	}
	done.then = append(done.then, begun.store)
	return sent.Link, nil
}

func (v *visit) tellOne(done *result, n Notice) error {
	n.At, n.Language, n.RequestURL, n.TransientPayload = done.identity.UpdatedAt, v.r.Header.Get("Accept-Language"), done.flow.RequestURL, done.flow.TransientPayload
	write, err := v.engine.Notify(n)
	if err == nil && write != nil {
		done.then = append(done.then, write)
	}
	return err
}
