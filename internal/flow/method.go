package flow

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"github.com/google/uuid"

	"zelus/internal/auth"
	"zelus/internal/config"
	"zelus/internal/identity"
	"zelus/internal/language"
	"zelus/internal/schema"
	"zelus/internal/store"
	"zelus/internal/ui"
	"zelus/internal/web"
)

// Method is a way for people to prove who they are or to change their account:
// a password, a code, a passkey. It takes part in the kinds of flow for which
// it has a Part.
type Method struct {
	// Name is what the field "method" of a submission and the configuration call it.
	Name string
	// Enabled says whether the configuration switches it on.
	Enabled func(*config.Config) bool
	// One part a kind; nil where it takes none.
	Login, Registration, Settings, Recovery, Verification *Part
	// Factor says what its credentials hold, and Counts what that counts for where
	// the method is switched on; nil is nothing.
	Factor identity.Factor
	Counts func(*config.Config) auth.Policy
}

// Part is what a method does in one kind of flow.
type Part struct {
	// Offered says whether a form has the method; nil means always. What is
	// not offered cannot be submitted.
	Offered func(*Form) bool
	// First says that the method shows something in the first step of a form in
	// two; in the second all methods do. What a form does not show may be submitted
	// all the same: some clients know how it ends and send everything at once.
	First bool
	// Prepare adds the method's nodes to a form.
	Prepare func(context.Context, *Form) error
	// Claims says whether a submission is for this method; nil means that the
	// field "method" names it.
	Claims func(*Submission) bool
	// Privileged says that nothing may be submitted in a session that is older
	// than selfservice.flows.settings.privileged_session_max_age: who finds an
	// open browser must neither change a secret nor try one out.
	Privileged bool
	// Submit decides about a submission.
	Submit func(context.Context, *Submission) (Outcome, error)
	// Link is the parameter of the query by which the links in this method's
	// messages are known; empty where it sends none. Follow decides about one
	// that was opened, in whatever browser: value is that parameter. Posted says
	// that a POST opens it too, as older clients do it who take the link apart.
	Link   string
	Posted bool
	Follow func(ctx context.Context, s *Submission, value string) (Outcome, error)
	// Ahead makes the first step of a new form without being asked to, where whose
	// form it is has no other method to choose; an Outcome of nothing leaves it to
	// the person. nil never does.
	Ahead func(context.Context, *Form) (Outcome, error)
	// Send begins the form on somebody's behalf, as if they had asked for it; nil
	// where the method cannot.
	Send func(context.Context, *Form, Errand) (Sent, error)
}

// Errand is what a form is begun for on somebody's behalf.
type Errand struct {
	Identity *auth.Identity
	// Via and Address are where the secret goes; empty where it is handed to
	// who asks for it, an administrator.
	Via, Address string
	// Change is what happens when the secret is used, see Proof.
	Change json.RawMessage
	// Lifespan of the secret; 0 is as configured.
	Lifespan time.Duration
	// Quiet says that no message is sent: whoever asks for it writes one.
	Quiet bool
	// Decoy says that the message is written for the work that it takes, and never sent.
	Decoy bool
}

// Sent is an errand that was run: the outcome holds what is to be written. Secret is
// there for whoever hands it over themselves.
type Sent struct {
	Outcome
	Secret    string
	Link      string // with the secret
	ExpiresAt time.Time
}

func (m *Method) part(k auth.Kind) *Part {
	switch k {
	case auth.Login:
		return m.Login
	case auth.Registration:
		return m.Registration
	case auth.Settings:
		return m.Settings
	case auth.Recovery:
		return m.Recovery
	}
	return m.Verification
}

func (p *Part) offered(form *Form) bool { return p.Offered == nil || p.Offered(form) }

func (m *Method) claims(p *Part, s *Submission) bool {
	if p.Claims != nil {
		return p.Claims(s)
	}
	return s.Values.String("method") == m.Name
}

// Form is a form as methods see it while they prepare it.
type Form struct {
	kind   *kind
	Config *config.Config
	// Policy is what factors count for under it.
	Policy auth.Policy
	Flow   *auth.Flow
	// UI is the flow's container.
	UI *ui.Container
	// Schema is the identity schema of this form.
	Schema *schema.Schema
	// Identity is whose form this is, with credentials, where that is known:
	// in a refresh, a step-up, settings.
	Identity *auth.Identity
	// Proven is by what the session was in which the form is begun or sent; nil
	// without one.
	Proven []auth.AMR
	// Claimed is whom somebody has named in the first step of a login, with
	// credentials, where the form may tell them apart; nil shows what it shows to
	// everybody. Nothing is proven by that: it says which fields are shown, and
	// nothing else.
	Claimed *auth.Identity
	// Wishes are the languages that the request asks for, and Headers are what
	// services which make messages are told of it.
	Wishes  language.Wishes
	Headers func() map[string][]string
	// Traits are those that were typed, with mistakes; nil where the form shows
	// those that Identity has.
	Traits json.RawMessage
	// Again says that the form is shown once more, with what was wrong.
	Again bool
}

// Submission is a form that came back.
type Submission struct {
	Form
	Values *web.Values
	// Candidate is, in a registration, who signs up: traits are valid,
	// identifiers and addresses are there, nothing is stored yet. The method
	// adds its credential.
	Candidate *auth.Identity
}

// Problem is a message for a field, or above the form where Field is empty.
type Problem struct {
	Field   string
	Message ui.Message
}

// Missing says of a field that it must be filled in.
func Missing(field string) Problem {
	return Problem{Field: field, Message: ui.Say(ui.ErrorRequired, "property", field)}
}

// Outcome is what a method decides about a submission.
type Outcome struct {
	verdict  verdict
	problems []Problem
	identity *auth.Identity
	amr      auth.AMR
	// used is the credential that was proven, otherwise is what is said if it
	// is no longer that by the time of the commit.
	used      auth.Credential
	otherwise Problem
	// use is what the proof makes of the credential; nil where it stays as it is.
	use    func(now json.RawMessage) (json.RawMessage, bool)
	change func(*auth.Identity, time.Time)
	proof  Proof
	filled map[string]string
	// claimed is whom somebody has named, as it was typed.
	claimed string
	since   time.Time
	// onPage says that the next step needs the page of the form.
	onPage bool
	// needs is the proof that the next step asks for; empty is none.
	needs auth.AAL
	then  []func(context.Context, *store.Tx) error
}

// Proof is that somebody reads what is sent to an address.
type Proof struct {
	// Identity is whose address it is.
	Identity uuid.UUID
	// Via and Address are empty where an administrator has vouched for somebody.
	Via, Address string
	// Change is what the proof brings about beside that it is one, as the
	// Errand said; empty is nothing.
	Change json.RawMessage
}

type verdict string

const (
	again      verdict = "again"
	next       verdict = "next"
	claimed    verdict = "claimed"
	proven     verdict = "proven"
	registered verdict = "registered"
	changed    verdict = "changed"
	verified   verdict = "verified"
	recovered  verdict = "recovered"
	replaced   verdict = "replaced"
	expired    verdict = "expired"
	stay       verdict = "stay"
)

// Again shows the form again and says why. Values that were sent stay, secrets do not.
func Again(problems ...Problem) Outcome { return Outcome{verdict: again, problems: problems} }

// Next shows the form of the state to which the method has moved the flow: a
// further step, or the same one with another message.
func Next(problems ...Problem) Outcome { return Outcome{verdict: next, problems: problems} }

// Claimed says whom somebody has named in the first of two steps, as it was typed:
// the second shows what that person signs in with. Where the form may tell that
// there is nobody, it says otherwise.
func Claimed(typed string, otherwise Problem) Outcome {
	return Outcome{verdict: claimed, claimed: typed, otherwise: otherwise}
}

// Saying adds a message above the form.
func (o Outcome) Saying(m ui.Message) Outcome {
	o.problems = append(slices.Clip(o.problems), Problem{Message: m})
	return o
}

// OnPage says of Next that the next step needs a page with a script: those who
// talk JSON are told to go there, instead of what the form looks like.
func (o Outcome) OnPage() Outcome {
	o.onPage = true
	return o
}

// Needing says how strongly whoever sees the next step must have proven who they
// are, as recently as for a change. It matters to those who can.
func (o Outcome) Needing(level auth.AAL) Outcome {
	o.needs = level
	return o
}

// Replacing gives a credential that was used another config. One that somebody else
// has changed meanwhile is left as it is.
func (o Outcome) Replacing(id uuid.UUID, used auth.Credential, config json.RawMessage) Outcome {
	return o.Then(func(ctx context.Context, tx *store.Tx) error { return tx.ReplaceConfig(ctx, id, used, config) })
}

// Filling puts a value into a field of the form that is shown next, unless it is
// too long to be given back (see echoed).
func (o Outcome) Filling(field, value string) Outcome {
	if len(value) <= echoed {
		o.filled = map[string]string{field: value}
	}
	return o
}

// Proven says that somebody has proven to be this identity, with this
// credential. If the flow belongs to a session of the same identity the
// session is kept and gets stronger, otherwise a new one begins. Identity and
// credential are read again when that is committed; if they have changed
// meanwhile the form says otherwise.
func Proven(i *auth.Identity, used auth.Credential, amr auth.AMR, otherwise Problem) Outcome {
	return Outcome{verdict: proven, identity: i, used: used, amr: amr, otherwise: otherwise}
}

// Using says of Proven what the use of a credential makes of its config. use is given
// the config at the time of the commit, in which others may have used it too, and
// says whether the proof still holds.
func (o Outcome) Using(use func(now json.RawMessage) (json.RawMessage, bool)) Outcome {
	o.use = use
	return o
}

// Registered says that the candidate, with the credential that the method
// added, is to be stored.
func Registered(candidate *auth.Identity, amr auth.AMR) Outcome {
	return Outcome{verdict: registered, identity: candidate, amr: amr}
}

// Changed says what the person changes of their own account; the time is that
// of the change. If somebody else changes the account meanwhile, change is
// called again with what it is by then. The engine validates the result, and
// asks for a fresh proof where that is another way to sign in or to be reached.
func Changed(change func(*auth.Identity, time.Time)) Outcome {
	return Outcome{verdict: changed, change: change}
}

// Confirming says of Proven and Registered that this address was proven, and with
// it who somebody is. Of somebody without the credential that was used, whose
// address stands for it, it must still be one that was proven before.
func (o Outcome) Confirming(p Proof) Outcome {
	o.proof = p
	return o
}

// With adds to the transaction what another outcome adds.
func (o Outcome) With(other Outcome) Outcome {
	o.then = append(slices.Clip(o.then), other.then...)
	return o
}

// Proving says that a change is a proof too: whoever sets up an authenticator has
// used it. The session that the change is made in gets stronger by it.
func (o Outcome) Proving(amr auth.AMR) Outcome {
	o.amr = amr
	return o
}

// Verified says that an address is proven to be somebody's. If it is theirs no
// longer when that is committed, the form says otherwise.
func Verified(p Proof, otherwise Problem) Outcome {
	return Outcome{verdict: verified, proof: p, otherwise: otherwise}
}

// Recovered says that somebody has regained access to their account by what
// was sent to an address: a new session begins.
func Recovered(p Proof, amr auth.AMR, otherwise Problem) Outcome {
	return Outcome{verdict: recovered, proof: p, amr: amr, otherwise: otherwise}
}

// Replaced puts a new form in the place of one that cannot go on, and says why.
func Replaced(why ui.Message) Outcome {
	return Outcome{verdict: replaced, problems: []Problem{{Message: why}}}
}

// Expired puts a new form in the place of one whose time is over: what was sent
// for it was valid until then.
func Expired(since time.Time) Outcome { return Outcome{verdict: expired, since: since} }

// Stay leaves everything as it is and shows the form.
func Stay() Outcome { return Outcome{verdict: stay} }

// ErrNotProven is what a function given to Then returns if, by the time of the
// commit, what was proven is no longer true: somebody else has used the code.
var ErrNotProven = fmt.Errorf("the proof no longer holds: %w", errOvertaken)

// Then adds something to the transaction that commits the outcome, whatever
// the outcome is: a mail with a code, a count of wrong tries.
func (o Outcome) Then(f func(context.Context, *store.Tx) error) Outcome {
	o.then = append(slices.Clip(o.then), f)
	return o
}

func (o *Outcome) apply(ctx context.Context, tx *store.Tx) error {
	for _, f := range o.then {
		if err := f(ctx, tx); err != nil {
			return err
		}
	}
	return nil
}

// SecondFactor says whether a login asks for a second factor.
func (f *Form) SecondFactor() bool { return f.Flow.RequestedAAL.AtLeast(auth.AAL2) }

// Protect adds the field that ties a form to its browser, in its place among
// the others. Kinds whose forms have it first need not ask for it.
func (f *Form) Protect() { f.UI.Put(csrfNode()) }

// Credential is one of an identity's credentials, for methods.
func (f *Form) Credential(t auth.CredentialType) (auth.Credential, bool) {
	if f.Identity == nil {
		return auth.Credential{}, false
	}
	c, ok := f.Identity.Credentials[t]
	return c, ok
}

// PutKnown adds, hidden, the identifier of whose form this is: the first one of their
// credentials of these types, unless the form has one already.
func (f *Form) PutKnown(types ...auth.CredentialType) {
	for _, t := range types {
		if c, _ := f.Credential(t); len(c.Identifiers) > 0 && f.UI.Find(identifierField) == nil {
			f.UI.Put(ui.Input(ui.GroupDefault, identifierField, ui.InputHidden, c.Identifiers[0]))
		}
	}
}

// AddCredential gives the candidate a credential's config.
func (s *Submission) AddCredential(t auth.CredentialType, config json.RawMessage) {
	s.Candidate.SetCredential(t, config, s.Candidate.CreatedAt)
}
