package flow

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"slices"
	"time"

	"github.com/google/uuid"

	"zelus/internal/auth"
	"zelus/internal/identity"
	"zelus/internal/store"
	"zelus/internal/ui"
)

// pendingChange is what a one-time secret brings about beside that it proves an address.
type pendingChange struct {
	// Traits are those that the identity gets.
	Traits json.RawMessage `json:"traits"`
	// Before is a hash of the traits that the change was made from, and Session
	// the session in which that was; both are of a new address that waits for
	// its proof.
	Before  string    `json:"before,omitempty"`
	Session uuid.UUID `json:"session,omitzero"`
	// Undo says that somebody takes back their account, and Had is what its owner
	// proved themselves with, see identity.Manager.Parts.
	Undo bool     `json:"undo,omitempty"`
	Had  []string `json:"had,omitempty"`
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
	if !v.hooked(m.Name, "verify_new_address") {
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
	waiting, err := json.Marshal(pendingChange{Traits: after.Traits, Before: hashOf(s.Identity.Traits), Session: row.Session.ID})
	if err != nil {
		return true, err
	}
	begun, err := v.beginVerification(s.Flow, nil, Errand{Identity: s.Identity, Via: fresh[0].Via, Address: fresh[0].Value, Change: waiting})
	if err != nil {
		return true, err
	}
	if begun == nil {
		return true, errors.New("flow: new addresses cannot be proven, under a configuration that is refused")
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
	return true, v.succeed(&result{flow: s.Flow, method: m.Name, identity: s.Identity, begun: []*errandFlow{begun}, waits: true})
}

// wanted is what a proof brings about beside that it is one. A new address that
// was waiting for it counts as long as the session lives in which it was given;
// that is waited, nil where there is none.
func (v *visit) wanted(p Proof) (wanted pendingChange, waited *auth.Session, err error) {
	if len(p.Change) == 0 {
		return wanted, nil, nil
	}
	if err := json.Unmarshal(p.Change, &wanted); err != nil {
		return wanted, nil, err
	}
	if wanted.Session == uuid.Nil {
		return wanted, nil, nil
	}
	row, err := v.engine.Sessions.Get(v.r.Context(), wanted.Session)
	if errors.Is(err, auth.ErrSessionUnknown) || err == nil && (!row.Live(v.engine.Clock()) || row.Session.IdentityID != p.Identity) {
		return wanted, nil, ErrNotProven
	}
	if err != nil {
		return wanted, nil, err
	}
	return wanted, &row.Session, nil
}

// make changes the identity. Who takes back their account gets it as it was: what
// was added since can be used by nobody, and the password, which somebody else may
// know, is gone. Second factors that were there before are asked for as ever: the
// mailbox of the former address may be somebody else's by now.
func (c pendingChange) make(m *identity.Manager, i *auth.Identity, p Proof, now time.Time) {
	if len(c.Traits) == 0 {
		return
	}
	i.Traits = c.Traits
	if !slices.ContainsFunc(i.Verifiable, func(a auth.VerifiableAddress) bool { return a.Via == p.Via && a.Value == p.Address }) {
		i.Verifiable = append(i.Verifiable, auth.VerifiableAddress{ID: uuid.Must(uuid.NewV7()), Via: p.Via, Value: p.Address, Status: auth.AddressPending,
			CreatedAt: now, UpdatedAt: now})
	}
	if !c.Undo {
		return
	}
	m.Reduce(i, c.Had, now)
	if _, has := i.Credentials[auth.Password]; has {
		i.SetCredential(auth.Password, json.RawMessage("{}"), now)
	}
}
