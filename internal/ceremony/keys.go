package ceremony

import (
	"context"
	"encoding/hex"
	"encoding/json"
	"errors"
	"log/slog"
	"slices"
	"time"

	"zelus/internal/auth"
	"zelus/internal/config"
	"zelus/internal/flow"
	"zelus/internal/identity"
	"zelus/internal/store"
	"zelus/internal/ui"
)

// Keys is what the methods webauthn and passkey do alike; its fields are what differs.
type Keys struct {
	Store      *store.Store
	Identities *identity.Manager
	Logger     *slog.Logger
	// Type of the credentials; the method has the same name.
	Type  auth.CredentialType
	Party func(*config.Config) *Party
	// SignsIn says whether a key is one that its owner signs in with.
	SignsIn func(*flow.Form, *Key) bool
	// Worth is what the use of a key is worth, and whether that is enough in the form.
	Worth func(*flow.Form, *Proof) (auth.AMR, bool)
	// Set puts these keys into an identity, none among them.
	Set func(*auth.Identity, Config, time.Time)
}

// Of are the keys of the person whose form it is.
func (k *Keys) Of(form *flow.Form) Config {
	c, _ := form.Credential(k.Type)
	return Read(c)
}

// Find finds who signs in with an identifier; nil where that is nobody.
func (k *Keys) Find(ctx context.Context, identifier string) (*store.SignIn, error) {
	found, err := k.Store.SignInBy(ctx, auth.DefaultProject, k.Type, identifier)
	if errors.Is(err, store.ErrNotFound) {
		return nil, nil
	}
	return found, err
}

// Prove decides about an answer to the form's challenge, of this person's. verify
// says that the authenticator must have checked who uses it.
func (k *Keys) Prove(s *flow.Submission, found *store.SignIn, answer *Answer, verify bool) flow.Outcome {
	wrong := flow.Problem{Message: ui.Say(ui.ErrorVerifierWrong)}
	owned := Read(found.Credential)
	proof, err := k.Party(s.Config).Prove(answer, Challenge(&s.Form, string(k.Type)), owned, verify)
	if err != nil {
		return k.refused(found, owned, proof, err, wrong)
	}
	amr, enough := k.Worth(&s.Form, &proof)
	if !enough {
		return flow.Again(wrong).Replacing(found.Identity.ID, found.Credential, owned.with(proof.Key).JSON())
	}
	now := auth.Now(k.Identities.Clock())
	proof.Key.LastUsedAt = &now
	return flow.Proven(found.Identity, found.Credential, amr, wrong).Using(func(by json.RawMessage) (json.RawMessage, bool) {
		after, holds := proof.use(Read(auth.Credential{Config: by}))
		return after.JSON(), holds
	})
}

// refused is what becomes of an answer that proves nothing. It is logged with its cause,
// which is mostly a mistake in setting things up; that there may be a copy of the key
// is stored.
func (k *Keys) refused(found *store.SignIn, owned Config, proof Proof, cause error, wrong flow.Problem) flow.Outcome {
	if !errors.Is(cause, ErrCopied) {
		k.Logger.Info("a key was refused", "identity", found.Identity.ID, "type", k.Type, "error", cause)
		return flow.Again(wrong)
	}
	k.Logger.Warn("a key was refused: its counter has gone back, so there may be a copy of it", "identity", found.Identity.ID, "type", k.Type, "key", proof.Key.HexID())
	return flow.Again(wrong).Replacing(found.Identity.ID, found.Credential, owned.with(proof.Key).JSON())
}

// New is what a new key shall be.
type New struct {
	// Answer is that of the authenticator, as the page sent it.
	Answer string
	// Verify says that the authenticator must have checked who makes the key.
	Verify bool
	// Passwordless says that the key is to sign somebody in without anything else.
	Passwordless bool
	// Name is what its owner calls it; empty is the name of the authenticator.
	Name string
}

// Register gives the candidate of a registration their first key.
func (k *Keys) Register(ctx context.Context, s *flow.Submission, n New) flow.Outcome {
	add, amr, problem := k.make(ctx, s, n)
	if problem != nil {
		return flow.Again(*problem)
	}
	add(s.Candidate, s.Candidate.CreatedAt)
	return flow.Registered(s.Candidate, amr)
}

// Add gives somebody a further key.
func (k *Keys) Add(ctx context.Context, s *flow.Submission, n New) flow.Outcome {
	if len(k.Of(&s.Form).Keys) >= maxKeys {
		return flow.Again(generic("You have as many keys as an account can have. Remove one that you do not use any more, then add this one."))
	}
	add, amr, problem := k.make(ctx, s, n)
	if problem != nil {
		return flow.Again(*problem)
	}
	return flow.Changed(add).Proving(amr)
}

// maxKeys bounds how many keys of a type somebody can have.
const maxKeys = 64

// make reads a new key out of a submission. It returns what gives the key to an
// identity, and what making it is worth: it was used for that.
func (k *Keys) make(ctx context.Context, s *flow.Submission, n New) (add func(*auth.Identity, time.Time), amr auth.AMR, wrong *flow.Problem) {
	form, method := &s.Form, string(k.Type)
	key, err := k.Party(s.Config).Register(n.Answer, Challenge(form, method), n.Verify)
	if err != nil {
		k.Logger.InfoContext(ctx, "a key was not set up", "type", k.Type, "error", err)
		p := generic("This security key or passkey could not be set up. Load the page again and try once more.")
		return nil, auth.AMR{}, &p
	}
	key.Passwordless = n.Passwordless
	handle := Handle(form, method, k.Of(form))
	amr, _ = k.Worth(form, &Proof{Key: key, Verified: key.Verifies()})
	return func(i *auth.Identity, now time.Time) {
		k.Set(i, Read(i.Credentials[k.Type]).Add(key.Named(n.Name, now), handle), now)
	}, amr, nil
}

// PutRemoval adds a button for each key with which it is removed. The button of the
// last one that its owner can sign in with does nothing.
func (k *Keys) PutRemoval(form *flow.Form, group, field string, label int) {
	all, last := k.Of(form), k.last(form)
	for i := range all.Keys {
		key := &all.Keys[i]
		n := ui.Button(group, field, key.HexID(), ui.Say(label, "display_name", key.Name(), "added_at", key.AddedAt))
		n.Attributes.Disabled = last(key)
		form.UI.Put(n)
	}
}

// Remove decides about removing the key that a field names.
func (k *Keys) Remove(s *flow.Submission, field string) flow.Outcome {
	id, err := hex.DecodeString(s.Values.String(field))
	all := k.Of(&s.Form)
	at := all.find(id)
	if err != nil || at < 0 {
		return flow.Again(generic("This account has no such key any more."))
	}
	if k.last(&s.Form)(&all.Keys[at]) {
		p := generic("You could not sign in any more without this key. Set up something else first.")
		p.Field = field
		return flow.Again(p)
	}
	return flow.Changed(func(i *auth.Identity, now time.Time) {
		left := Read(i.Credentials[k.Type])
		k.Set(i, left.Only(func(key *Key) bool { return !slices.Equal(key.ID, id) }), now)
	})
}

// last says of a key whether it is all that its owner has to sign in with.
func (k *Keys) last(form *flow.Form) func(*Key) bool {
	last := k.Identities.FirstFactors(form.Identity) < 2
	return func(key *Key) bool { return last && k.SignsIn(form, key) }
}
