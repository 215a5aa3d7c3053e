package identity

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"time"

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
	// Factors say how credentials count; one entry a type.
	Factors []Factor
}

// Factor says how many ways of signing in a credential holds: as a first
// factor, and as a second one. A nil function counts nothing.
type Factor struct {
	Type          auth.CredentialType
	First, Second func(auth.Credential) int
}

// New begins an identity of a schema, with an id and without anything else.
func (m *Manager) New(schemaID string) *auth.Identity {
	now := auth.Now(m.Clock())
	return &auth.Identity{ID: uuid.Must(uuid.NewV7()), Project: auth.DefaultProject, SchemaID: schemaID, State: auth.Active, StateChangedAt: &now,
		CreatedAt: now, UpdatedAt: now, AvailableAAL: auth.AAL0, Credentials: map[auth.CredentialType]auth.Credential{}}
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
	m.settleCredentials(i, facts, now)
	settleAddresses(i, facts, now)
	i.AvailableAAL = m.available(i)
	return nil, nil
}

func (m *Manager) schema(id string) (*schema.Schema, error) {
	if s, ok := m.Schemas().Get(id); ok {
		return s, nil
	}
	return nil, auth.ErrSchemaUnknown.Saying("There is no identity schema called %q. Use one of those that /schemas lists.", id)
}

// versions of the stored configs of the types that a schema brings about.
var versions = map[auth.CredentialType]int{auth.Password: 0, auth.WebAuthn: 1, auth.Code: 1}

func (m *Manager) settleCredentials(i *auth.Identity, facts schema.Facts, now time.Time) {
	for t, version := range versions {
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
			c = auth.Credential{Type: t, Version: version, CreatedAt: now}
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

// settleAddresses keeps addresses that are still in the traits as they are,
// with what was proven of them, and makes or drops the others.
func settleAddresses(i *auth.Identity, facts schema.Facts, now time.Time) {
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
func (m *Manager) FirstFactors(i *auth.Identity) int {
	first, _ := m.count(i)
	return first
}

// Reckon brings the available level up to date after a credential was added.
func (m *Manager) Reckon(i *auth.Identity) { i.AvailableAAL = m.available(i) }

// Hints names the ways of signing in of whoever has an identifier that the
// candidate wants, and the identifier. Told only where the configuration says so.
func (m *Manager) Hints(ctx context.Context, candidate *auth.Identity) (types []string, identifier string) {
	types = []string{}
	for _, identifier := range candidate.Credentials[auth.Password].Identifiers {
		found, err := m.Store.SignInBy(ctx, auth.DefaultProject, auth.Password, identifier)
		if err != nil {
			continue
		}
		all, err := m.Store.Credentials(ctx, found.Identity.ID)
		if err != nil {
			continue
		}
		for _, f := range m.Factors {
			if c, ok := all[f.Type]; ok && f.First != nil && f.First(c) > 0 {
				types = append(types, string(f.Type))
			}
		}
		return types, identifier
	}
	return types, ""
}

func (m *Manager) available(i *auth.Identity) auth.AAL {
	first, second := m.count(i)
	switch {
	case second > 0:
		return auth.AAL2
	case first > 0:
		return auth.AAL1
	}
	return auth.AAL0
}

func (m *Manager) count(i *auth.Identity) (first, second int) {
	for _, f := range m.Factors {
		c, ok := i.Credentials[f.Type]
		if !ok {
			continue
		}
		if f.First != nil {
			first += f.First(c)
		}
		if f.Second != nil {
			second += f.Second(c)
		}
	}
	return first, second
}

// settled is Settle for the admin API, where wrong traits are an error.
func (m *Manager) settled(i *auth.Identity) error {
	problems, err := m.Settle(i)
	if err != nil {
		return err
	}
	if len(problems) > 0 {
		return auth.ErrTraits.Saying("%s", schema.Describe(problems))
	}
	return nil
}

// Insert writes a settled identity in a transaction of its own.
func (m *Manager) insert(ctx context.Context, i *auth.Identity) error {
	err := m.Store.Write(ctx, store.Durable, func(tx *store.Tx) error { return tx.InsertIdentity(ctx, i) })
	if errors.Is(err, store.ErrConflict) {
		return auth.ErrConflict.Because(err)
	}
	return err
}

// change reads an identity, changes a copy, settles and writes it, and returns it.
// An identity that is switched off loses its sessions in the same transaction:
// they do not come back when it is switched on again.
func (m *Manager) change(ctx context.Context, id uuid.UUID, f func(*auth.Identity) error) (*auth.Identity, error) {
	var after *auth.Identity
	err := m.Store.Write(ctx, store.Durable, func(tx *store.Tx) error {
		before, err := tx.IdentityToChange(ctx, auth.DefaultProject, id)
		if errors.Is(err, store.ErrNotFound) {
			return auth.ErrIdentityUnknown
		}
		if err != nil {
			return err
		}
		after = clone(before)
		if err := f(after); err != nil {
			return err
		}
		now := auth.Now(m.Clock())
		if after.State != before.State {
			after.StateChangedAt = &now
		}
		after.UpdatedAt = now
		if err := m.settled(after); err != nil {
			return err
		}
		if err := tx.UpdateIdentity(ctx, before, after); err != nil {
			return err
		}
		if after.State == auth.Inactive && before.State != auth.Inactive {
			_, err = tx.RevokeSessions(ctx, auth.DefaultProject, id, uuid.Nil)
		}
		return err
	})
	if errors.Is(err, store.ErrConflict) {
		return nil, auth.ErrConflict.Because(err).InMessage()
	}
	return after, err
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
	return m.withCredentials(ctx, func() (*auth.Identity, error) {
		return m.Store.IdentityByExternalID(ctx, auth.DefaultProject, external)
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

// normalisedAddress is how an address given by an administrator is compared
// with those that the schema finds.
func normalisedAddress(s string) string { return strings.ToLower(strings.TrimSpace(s)) }
