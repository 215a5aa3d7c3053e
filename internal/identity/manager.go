package identity

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/google/uuid"

	"zelus/internal/auth"
	"zelus/internal/hash"
	"zelus/internal/schema"
	"zelus/internal/store"
)

// Manager is where identities are made and changed.
type Manager struct {
	Store   *store.Store
	Schemas func() *schema.Set
	Hashes  *hash.Pool
	Clock   func() time.Time
	// Factors say what credentials hold; one entry a type.
	Factors []Factor
	// Policy is what counts, by the configuration in force.
	Policy func() auth.Policy
}

// Factor says which factors a credential of a type holds: one entry for each
// password, account or key, with all that it is.
type Factor struct {
	Type  auth.CredentialType
	Holds func(auth.Credential) []auth.Factors
	// Only is the config with those parts of a credential that keep lets pass, the
	// same where that is all of them, empty where it is none. A part, such as a key,
	// has a name that stays the same when it is used, and a time at which it was added.
	// nil takes the config as one part.
	Only func(c auth.Credential, keep func(name string, added time.Time) bool) json.RawMessage
}

// New begins an identity of a schema, with an id and without anything else.
func (m *Manager) New(schemaID string) *auth.Identity {
	now := auth.Now(m.Clock())
	return &auth.Identity{ID: uuid.Must(uuid.NewV7()), Project: auth.DefaultProject, SchemaID: schemaID, State: auth.Active, StateChangedAt: &now,
		CreatedAt: now, UpdatedAt: now, Credentials: map[auth.CredentialType]auth.Credential{}}
}

// Settle validates an identity's traits and brings all that follows from them
// up to date. It returns what is wrong with the traits; an error is for
// everything else.
func (m *Manager) Settle(i *auth.Identity) ([]schema.Problem, error) {
	s, err := m.schema(i.SchemaID)
	if err != nil {
		return nil, err
	}
	if len(i.Traits) == 0 {
		i.Traits = json.RawMessage("{}")
	}
	facts, problems := s.Extract(i.Traits)
	if len(problems) > 0 {
		return problems, nil
	}
	now := auth.Now(m.Clock())
	i.Traits = facts.Traits
	m.deriveCredentials(i, facts, now)
	deriveAddresses(i, facts, now)
	m.Reckon(i)
	return nil, nil
}

func (m *Manager) schema(id string) (*schema.Schema, error) {
	if s, ok := m.Schemas().Get(id); ok {
		return s, nil
	}
	return nil, auth.ErrSchemaUnknown.Saying("There is no identity schema called %q. Use one of those that /schemas lists.", auth.Short(id))
}

// derived are the types that a schema brings about.
var derived = []auth.CredentialType{auth.Password, auth.WebAuthn, auth.Code}

// deriveCredentials brings the credentials in step with the identifiers that
// the traits hold.
func (m *Manager) deriveCredentials(i *auth.Identity, facts schema.Facts, now time.Time) {
	for _, t := range derived {
		identifiers := facts.Identifiers[t]
		c, existed := i.Credentials[t]
		config := c.Config
		switch {
		case t == auth.Code && len(identifiers) > 0:
			config = codeConfig(facts.CodeAddresses)
		case len(config) == 0:
			config = json.RawMessage("{}")
		}
		switch {
		case !existed && len(identifiers) == 0:
			continue
		case !existed:
			c = auth.Credential{Type: t, Version: t.Version(), CreatedAt: now}
		case len(identifiers) == 0 && (t == auth.Code || string(config) == "{}"):
			delete(i.Credentials, t)
			continue
		case slices.Equal(c.Identifiers, identifiers) && string(config) == string(c.Config):
			continue
		}
		c.Identifiers, c.Config, c.UpdatedAt = identifiers, config, now
		i.Credentials[t] = c
	}
}

// codeConfig is what a credential for one-time codes says: where to send them.
func codeConfig(addresses []schema.CodeAddress) json.RawMessage {
	type address struct {
		Channel string `json:"channel"`
		Address string `json:"address"`
	}
	var all struct {
		Addresses []address `json:"addresses"`
	}
	for _, a := range addresses {
		all.Addresses = append(all.Addresses, address{a.Channel, a.Address})
	}
	out, _ := json.Marshal(all) // strings always encode
	return out
}

// deriveAddresses keeps addresses that are still in the traits as they are,
// with what was proven of them, and makes or drops the others.
func deriveAddresses(i *auth.Identity, facts schema.Facts, now time.Time) {
	var verifiable []auth.VerifiableAddress
	for _, f := range facts.Verifiable {
		at := slices.IndexFunc(i.Verifiable, func(a auth.VerifiableAddress) bool { return a.Via == f.Via && a.Value == f.Value })
		if at >= 0 {
			verifiable = append(verifiable, i.Verifiable[at])
			continue
		}
		verifiable = append(verifiable, auth.VerifiableAddress{ID: uuid.Must(uuid.NewV7()), Value: f.Value, Via: f.Via,
			Status: auth.AddressPending, CreatedAt: now, UpdatedAt: now})
	}
	slices.SortFunc(verifiable, func(a, b auth.VerifiableAddress) int { return byID(a.ID, b.ID) })
	i.Verifiable = verifiable

	var recovery []auth.RecoveryAddress
	for _, f := range facts.Recovery {
		at := slices.IndexFunc(i.Recovery, func(a auth.RecoveryAddress) bool { return a.Via == f.Via && a.Value == f.Value })
		if at >= 0 {
			recovery = append(recovery, i.Recovery[at])
			continue
		}
		recovery = append(recovery, auth.RecoveryAddress{ID: uuid.Must(uuid.NewV7()), Value: f.Value, Via: f.Via, CreatedAt: now, UpdatedAt: now})
	}
	slices.SortFunc(recovery, func(a, b auth.RecoveryAddress) int { return byID(a.ID, b.ID) })
	i.Recovery = recovery
}

func byID(a, b uuid.UUID) int { return cmp.Compare(string(a[:]), string(b[:])) }

// FirstFactors counts the ways in which an identity can sign in.
func (m *Manager) FirstFactors(i *auth.Identity) (n int) {
	for _, f := range m.Factors {
		if c, ok := i.Credentials[f.Type]; ok {
			n += m.first(f, c)
		}
	}
	return n
}

// first counts the ways to sign in that a credential holds.
func (m *Manager) first(f Factor, c auth.Credential) (n int) {
	counts := m.Policy().First
	for _, one := range f.Holds(c) {
		if one&counts != 0 {
			n++
		}
	}
	return n
}

// Held counts the passwords, accounts or keys that a credential of this type holds.
func (m *Manager) Held(i *auth.Identity, of auth.CredentialType) (n int) {
	for _, f := range m.Factors {
		if c, ok := i.Credentials[of]; ok && f.Type == of {
			n += len(f.Holds(c))
		}
	}
	return n
}

// Parts stand for what somebody proves themselves with: a hash for each password,
// account, key or set of codes, which stays the same when it is used. Those of which
// count says, by when they were added, that they do not count are left out.
func (m *Manager) Parts(i *auth.Identity, count func(added time.Time) bool) (all []string) {
	for _, c := range i.Credentials {
		m.parts(c, func(part string, added time.Time) bool {
			if count(added) {
				all = append(all, part)
			}
			return true
		})
	}
	return all
}

// Reduce takes away from somebody all that is not among these parts.
func (m *Manager) Reduce(i *auth.Identity, to []string, now time.Time) {
	for t, c := range i.Credentials {
		left := m.parts(c, func(part string, _ time.Time) bool { return slices.Contains(to, part) })
		switch {
		case len(left) == 0:
			delete(i.Credentials, t)
		case string(left) != string(c.Config):
			i.SetCredential(t, left, now)
		}
	}
}

// parts is the config with those parts of a credential that keep lets pass.
func (m *Manager) parts(c auth.Credential, keep func(part string, added time.Time) bool) json.RawMessage {
	named := func(name string, added time.Time) bool {
		sum := sha256.Sum256([]byte(string(c.Type) + "\x00" + name))
		return keep(hex.EncodeToString(sum[:]), added)
	}
	for _, f := range m.Factors {
		if f.Type == c.Type && f.Only != nil {
			return f.Only(c, named)
		}
	}
	if !named(string(c.Config), c.UpdatedAt) {
		return nil
	}
	return c.Config
}

// Reckon brings the factors up to date after a credential was added.
func (m *Manager) Reckon(i *auth.Identity) {
	i.Factors = 0
	for _, f := range m.Factors {
		if c, ok := i.Credentials[f.Type]; ok {
			for _, one := range f.Holds(c) {
				i.Factors |= one
			}
		}
	}
}

// Differ says whether a change is one of credentials that hold some of these
// factors.
func (m *Manager) Differ(before, after *auth.Identity, factors auth.Factors) bool {
	return slices.ContainsFunc(m.Factors, func(f Factor) bool {
		was, is := before.Credentials[f.Type], after.Credentials[f.Type]
		had, has := only(f, was, factors), only(f, is, factors)
		return !slices.Equal(had, has) || len(had) > 0 && string(was.Config) != string(is.Config)
	})
}

// only are those of a credential's factors that are among these.
func only(f Factor, c auth.Credential, among auth.Factors) (all []auth.Factors) {
	if c.Type == "" {
		return nil
	}
	for _, one := range f.Holds(c) {
		if one&among != 0 {
			all = append(all, one&among)
		}
	}
	return all
}

// Problems are what is wrong with traits. They are the cause of an
// auth.ErrTraits, for those who show them in a form.
type Problems []schema.Problem

// Error is all problems in one sentence.
func (p Problems) Error() string { return schema.Describe(p) }

// accept is Settle for those to whom wrong traits are an error.
func (m *Manager) accept(i *auth.Identity) error {
	if len(i.ExternalID) > maxName || !storable(i.ExternalID) {
		return auth.ErrBadRequest.Saying("An external_id has at most %d bytes and no control character U+0000.", maxName)
	}
	problems, err := m.Settle(i)
	if err != nil {
		return err
	}
	if len(problems) > 0 {
		wrong := Problems(problems)
		return auth.ErrTraits.Because(wrong).Saying("%s", wrong.Error())
	}
	return nil
}

// maxName bounds, in bytes, what other systems call an identity or an account:
// a database has to be able to index it.
const maxName = 512

// storable says whether every database can keep a text.
func storable(text string) bool { return utf8.ValidString(text) && !strings.Contains(text, "\x00") }

// Change is what becomes of an identity, read with its credentials, when f has
// changed a copy of it: settled, and with the times of the change. before
// stays as it is and nothing is written; Save does that.
func (m *Manager) Change(before *auth.Identity, f func(*auth.Identity) error) (*auth.Identity, error) {
	after := clone(before)
	if err := f(after); err != nil {
		return nil, err
	}
	now := auth.Now(m.Clock())
	if after.State != before.State {
		after.StateChangedAt = &now
	}
	after.UpdatedAt = m.after(before)
	if err := m.accept(after); err != nil {
		return nil, err
	}
	return after, nil
}

// Sensitive says whether a change is one of how somebody signs in or is
// reached: of credentials, identifiers or addresses.
func Sensitive(before, after *auth.Identity) bool {
	return !auth.SignInAlike(before, after) || Readdressed(before, after) || !slices.EqualFunc(before.Recovery, after.Recovery, func(a, b auth.RecoveryAddress) bool {
		return a.Via == b.Via && a.Value == b.Value
	})
}

// Readdressed says whether a change is one of addresses that can be verified.
func Readdressed(before, after *auth.Identity) bool {
	return !slices.EqualFunc(before.Verifiable, after.Verifiable, func(a, b auth.VerifiableAddress) bool {
		return a.Via == b.Via && a.Value == b.Value
	})
}

// Save writes what a Change has made, in a transaction that may hold more than
// that. store.ErrStale says that somebody else changed the identity after
// before was read: begin again with reading it. store.ErrConflict says that an
// identifier, address or external id is taken.
//
// An identity that is switched off loses its sessions with it: they do not
// come back when it is switched on again.
func (m *Manager) Save(ctx context.Context, tx *store.Tx, before, after *auth.Identity) error {
	if err := tx.UpdateIdentity(ctx, before, after); err != nil {
		return err
	}
	if after.State == auth.Inactive && before.State != auth.Inactive {
		_, err := tx.RevokeSessions(ctx, after.Project, after.ID, uuid.Nil)
		return err
	}
	return nil
}

// maxTries bounds how often a change is made anew because somebody else was
// faster. Each try that fails is a change by somebody else that succeeded.
const maxTries = 32

// Along makes what is written together with a change, of the identity before and after it.
type Along func(before, after *auth.Identity) (func(context.Context, *store.Tx) error, error)

// update reads an identity, changes it and saves it, and returns it. f and along, which
// may be nil, may be called several times, each time with what the identity is by then.
func (m *Manager) update(ctx context.Context, id uuid.UUID, f func(*auth.Identity) error, along Along) (*auth.Identity, error) {
	for range maxTries {
		before, err := m.Get(ctx, id)
		if err != nil {
			return nil, err
		}
		after, err := m.Change(before, f)
		if err != nil {
			return nil, err
		}
		var write func(context.Context, *store.Tx) error
		if along != nil {
			if write, err = along(before, after); err != nil {
				return nil, err
			}
		}
		err = m.Store.Write(ctx, store.Durable, func(tx *store.Tx) error {
			if err := m.Save(ctx, tx, before, after); err != nil {
				return err
			}
			if write != nil {
				if err := write(ctx, tx); err != nil {
					return err
				}
			}
			if !Readdressed(before, after) {
				return nil
			}
			// Whatever waits to change the account once more, or back, was asked for
			// before somebody put it in order.
			return tx.VoidSince(ctx, after.Project, after.ID, time.Time{}, after.UpdatedAt)
		})
		switch {
		case err == nil:
			return after, nil
		case errors.Is(err, store.ErrConflict):
			return nil, auth.ErrConflict.Because(err).InMessage()
		case !errors.Is(err, store.ErrStale):
			return nil, err
		}
	}
	return nil, auth.ErrIdentityChanged
}

// clone copies an identity so far that a change of the copy leaves the original alone.
func clone(i *auth.Identity) *auth.Identity {
	c := *i
	c.Verifiable, c.Recovery = slices.Clone(i.Verifiable), slices.Clone(i.Recovery)
	c.Credentials = make(map[auth.CredentialType]auth.Credential, len(i.Credentials))
	for t, cred := range i.Credentials {
		c.Credentials[t] = cred
	}
	return &c
}

// SetDeletion notes when an identity, which is locked, is to be deleted; nil keeps it.
// Nothing else of it is looked at: who does not fit into their schema any more may still
// leave.
func (m *Manager) SetDeletion(ctx context.Context, tx *store.Tx, i *auth.Identity, at *time.Time) error {
	after := *i
	after.DeleteAt, after.UpdatedAt = at, m.after(i)
	return tx.UpdateIdentity(ctx, i, &after)
}

// after is the time of a change. It tells one version of an identity from another: it
// moves forward even when the clock does not.
func (m *Manager) after(before *auth.Identity) time.Time {
	now := auth.Now(m.Clock())
	if next := before.UpdatedAt.Add(time.Microsecond); now.Before(next) {
		return next
	}
	return now
}

// Rename changes what the parts of a credential are called, and nothing about who can
// sign in with them: f gives it the config that says so, or an error.
func (m *Manager) Rename(ctx context.Context, id uuid.UUID, t auth.CredentialType, f func(auth.Credential) (json.RawMessage, error)) error {
	return m.Store.Write(ctx, store.Durable, func(tx *store.Tx) error {
		// Locked, so that nobody uses it meanwhile.
		_, err := tx.StillProven(ctx, auth.DefaultProject, id, auth.Credential{})
		if errors.Is(err, store.ErrNotFound) {
			return auth.ErrIdentityUnknown
		}
		if err != nil {
			return err
		}
		all, err := tx.Credentials(ctx, id)
		if err != nil {
			return err
		}
		config, err := f(all[t])
		if err != nil {
			return err
		}
		return tx.ReplaceConfig(ctx, id, all[t], config)
	})
}

// Delete removes an identity with all its credentials and sessions.
func (m *Manager) Delete(ctx context.Context, id uuid.UUID) error {
	return m.Store.Write(ctx, store.Durable, func(tx *store.Tx) error {
		existed, err := tx.DeleteIdentity(ctx, auth.DefaultProject, id)
		if err == nil && !existed {
			return auth.ErrIdentityUnknown
		}
		return err
	})
}

// Get reads an identity with its credentials.
func (m *Manager) Get(ctx context.Context, id uuid.UUID) (*auth.Identity, error) {
	return m.withCredentials(ctx, func() (*auth.Identity, error) { return m.Store.Identity(ctx, auth.DefaultProject, id) })
}

// GetByExternalID reads an identity by the id that another system gave it.
func (m *Manager) GetByExternalID(ctx context.Context, external string) (*auth.Identity, error) {
	if !storable(external) {
		return nil, auth.ErrIdentityUnknown
	}
	return m.withCredentials(ctx, func() (*auth.Identity, error) {
		return m.Store.IdentityByExternalID(ctx, auth.DefaultProject, external)
	})
}

// Named reads the identity of whoever signs in with an identifier, or whose address
// it is, as somebody typed it.
func (m *Manager) Named(ctx context.Context, typed string) (*auth.Identity, error) {
	return m.withCredentials(ctx, func() (*auth.Identity, error) {
		return m.Store.IdentityNamed(ctx, auth.DefaultProject, schema.LookupIdentifier(typed))
	})
}

func (m *Manager) withCredentials(ctx context.Context, read func() (*auth.Identity, error)) (*auth.Identity, error) {
	i, err := read()
	if errors.Is(err, store.ErrNotFound) {
		return nil, auth.ErrIdentityUnknown
	}
	if err != nil {
		return nil, err
	}
	i.Credentials, err = m.Store.Credentials(ctx, i.ID)
	return i, err
}

// CredentialsJSON is the map of credentials on the wire. Configs, which hold
// secrets, are shown for the types in show only.
func CredentialsJSON(credentials map[auth.CredentialType]auth.Credential, show ...auth.CredentialType) []byte {
	type entry struct {
		Type        auth.CredentialType `json:"type"`
		Identifiers []string            `json:"identifiers"`
		Config      json.RawMessage     `json:"config,omitempty"`
		Version     int                 `json:"version"`
		CreatedAt   string              `json:"created_at"`
		UpdatedAt   string              `json:"updated_at"`
	}
	out := map[auth.CredentialType]entry{}
	for t, c := range credentials {
		e := entry{Type: t, Identifiers: c.Identifiers, Version: c.Version, CreatedAt: auth.Stamp(c.CreatedAt), UpdatedAt: auth.Stamp(c.UpdatedAt)}
		if e.Identifiers == nil {
			e.Identifiers = []string{}
		}
		if slices.Contains(show, t) {
			e.Config = c.Config
		}
		out[t] = e
	}
	b, err := json.Marshal(out)
	if err != nil { // a config that is no JSON cannot have been stored
		return []byte("{}")
	}
	return b
}
