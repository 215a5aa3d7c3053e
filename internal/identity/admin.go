package identity

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"

	"zelus/internal/auth"
	"zelus/internal/store"
)

// Creation is what an administrator gives to create an identity.
type Creation struct {
	SchemaID       string            `json:"schema_id"`
	Traits         json.RawMessage   `json:"traits"`
	Credentials    *Import           `json:"credentials"`
	Verifiable     []GivenVerifiable `json:"verifiable_addresses"`
	Recovery       []GivenRecovery   `json:"recovery_addresses"`
	MetadataPublic json.RawMessage   `json:"metadata_public"`
	MetadataAdmin  json.RawMessage   `json:"metadata_admin"`
	State          auth.State        `json:"state"`
	OrganizationID uuid.NullUUID     `json:"organization_id"`
	ExternalID     string            `json:"external_id"`
}

// GivenVerifiable is what is known of an address already. Addresses that the
// schema does not find in the traits are dropped.
type GivenVerifiable struct {
	ID         string     `json:"id"`
	Value      string     `json:"value"`
	Verified   bool       `json:"verified"`
	Via        string     `json:"via"`
	Status     string     `json:"status"`
	VerifiedAt *time.Time `json:"verified_at"`
	CreatedAt  *time.Time `json:"created_at"`
	UpdatedAt  *time.Time `json:"updated_at"`
}

// GivenRecovery is a recovery address; the schema decides about it.
type GivenRecovery struct {
	ID        string     `json:"id"`
	Value     string     `json:"value"`
	Via       string     `json:"via"`
	CreatedAt *time.Time `json:"created_at"`
	UpdatedAt *time.Time `json:"updated_at"`
}

// Replacement is what an administrator gives to replace an identity. Traits,
// metadata and external id are replaced even where they are absent; schema,
// state and credentials only where they are given.
type Replacement struct {
	SchemaID       string          `json:"schema_id"`
	Traits         json.RawMessage `json:"traits"`
	Credentials    *Import         `json:"credentials"`
	MetadataPublic json.RawMessage `json:"metadata_public"`
	MetadataAdmin  json.RawMessage `json:"metadata_admin"`
	State          auth.State      `json:"state"`
	ExternalID     string          `json:"external_id"`
}

// Create makes and stores an identity from what an administrator gave.
func (m *Manager) Create(ctx context.Context, c Creation) (*auth.Identity, error) {
	d, err := m.Draft(ctx, c)
	if err != nil {
		return nil, err
	}
	return m.Insert(ctx, d)
}

// Draft is an identity on its way: what was given is understood, passwords
// are hashed, traits are not looked at yet.
type Draft struct {
	identity *auth.Identity
	given    []GivenVerifiable
}

// Draft begins an identity from what an administrator gave. A batch makes all
// its drafts first: an error here, unlike one of Insert, is a mistake of the
// whole request.
func (m *Manager) Draft(ctx context.Context, c Creation) (*Draft, error) {
	if c.SchemaID == "" {
		c.SchemaID = m.Schemas().Default().ID()
	}
	if c.State == "" {
		c.State = auth.Active
	}
	if !c.State.Valid() {
		return nil, auth.ErrState
	}
	i := m.New(c.SchemaID)
	i.State, i.Traits, i.ExternalID, i.OrganizationID = c.State, c.Traits, c.ExternalID, c.OrganizationID
	i.MetadataPublic, i.MetadataAdmin = orNothing(c.MetadataPublic), orNothing(c.MetadataAdmin)
	imported, err := m.prepare(ctx, c.Credentials)
	if err != nil {
		return nil, err
	}
	imported.apply(i, i.CreatedAt)
	return &Draft{identity: i, given: c.Verifiable}, nil
}

// Insert validates the traits of a draft, completes and stores it.
func (m *Manager) Insert(ctx context.Context, d *Draft) (*auth.Identity, error) {
	i := d.identity
	if err := m.accept(i); err != nil {
		return nil, err
	}
	for n := range i.Verifiable {
		a := &i.Verifiable[n]
		at := slices.IndexFunc(d.given, func(g GivenVerifiable) bool { return g.Via == a.Via && normalisedAddress(g.Value) == a.Value })
		if at < 0 {
			continue
		}
		g := d.given[at]
		a.Verified, a.Status, a.VerifiedAt = g.Verified, g.Status, g.VerifiedAt
		completeProof(a, i.CreatedAt)
	}
	err := m.Store.Write(ctx, store.Durable, func(tx *store.Tx) error { return tx.InsertIdentity(ctx, i) })
	if errors.Is(err, store.ErrConflict) {
		return nil, auth.ErrConflict.Because(err)
	}
	if err != nil {
		return nil, err
	}
	return i, nil
}

// normalisedAddress is how an address given by an administrator is compared
// with those that the schema finds.
func normalisedAddress(s string) string { return strings.ToLower(strings.TrimSpace(s)) }

// completeProof completes what is known of an address: its status, and when it
// was verified.
func completeProof(a *auth.VerifiableAddress, now time.Time) {
	switch a.Status {
	case auth.AddressPending, auth.AddressSent, auth.AddressCompleted:
	default:
		a.Status = auth.AddressPending
		if a.Verified {
			a.Status = auth.AddressCompleted
		}
	}
	if a.Verified && a.VerifiedAt == nil {
		a.VerifiedAt = &now
	}
	if !a.Verified {
		a.VerifiedAt = nil
	}
}

// orNothing turns the JSON null into nothing.
func orNothing(raw json.RawMessage) json.RawMessage {
	if string(raw) == "null" {
		return nil
	}
	return raw
}

// Replace changes an identity to what an administrator gave.
func (m *Manager) Replace(ctx context.Context, id uuid.UUID, r Replacement) (*auth.Identity, error) {
	if r.State != "" && !r.State.Valid() {
		return nil, auth.ErrState
	}
	imported, err := m.prepare(ctx, r.Credentials)
	if err != nil {
		return nil, err
	}
	return m.update(ctx, id, func(i *auth.Identity) error {
		if r.SchemaID != "" {
			i.SchemaID = r.SchemaID
		}
		if r.State != "" {
			i.State = r.State
		}
		i.Traits, i.ExternalID = r.Traits, r.ExternalID
		i.MetadataPublic, i.MetadataAdmin = orNothing(r.MetadataPublic), orNothing(r.MetadataAdmin)
		imported.apply(i, auth.Now(m.Clock()))
		return nil
	}, nil)
}

// DeleteCredential takes a credential away. identifier names one of several
// social accounts. The last way to sign in stays. What tell returns is written with it.
func (m *Manager) DeleteCredential(ctx context.Context, id uuid.UUID, t auth.CredentialType, identifier string, tell Along) error {
	_, err := m.update(ctx, id, func(i *auth.Identity) error {
		c, ok := i.Credentials[t]
		if !ok {
			return auth.ErrCredentialMissing.Saying("This identity has no credential of type %q.", auth.Short(t))
		}
		now := auth.Now(m.Clock())
		switch t {
		case auth.TOTP, auth.LookupSecret:
			delete(i.Credentials, t)
			return nil
		case auth.WebAuthn:
			config, err := onlyPasswordless(c.Config)
			if err != nil {
				return fmt.Errorf("the security keys of identity %s cannot be read: %w", id, err)
			}
			i.SetCredential(t, config, now)
			return nil
		case auth.Password:
			if m.FirstFactors(i) < 2 {
				return auth.ErrCredentialLast
			}
			i.SetCredential(t, json.RawMessage("{}"), now)
			return nil
		case auth.OIDC, auth.SAML:
			if identifier == "" {
				return auth.ErrCredentialID
			}
			all := Providers(c)
			kept := slices.DeleteFunc(slices.Clone(all), func(p provider) bool { return p.identifier() == identifier })
			if len(kept) == len(all) {
				return auth.ErrCredentialMissing.Saying("The identifier %q is not among this identity's credentials of type %q.", auth.Short(identifier), t)
			}
			if m.FirstFactors(i) < 2 {
				return auth.ErrCredentialLast
			}
			if len(kept) == 0 {
				delete(i.Credentials, t)
				return nil
			}
			setProviders(i, t, kept, now)
			return nil
		}
		return auth.ErrCredentialKept.Saying("Credentials of type %q cannot be deleted.", t)
	}, tell)
	return err
}

// onlyPasswordless is a config of security keys without those that are second
// factors only.
func onlyPasswordless(config json.RawMessage) (json.RawMessage, error) {
	var all map[string]json.RawMessage
	if err := json.Unmarshal(config, &all); err != nil {
		return nil, err
	}
	var keys []json.RawMessage
	if raw, ok := all["credentials"]; ok {
		if err := json.Unmarshal(raw, &keys); err != nil {
			return nil, err
		}
	}
	kept := slices.DeleteFunc(keys, func(key json.RawMessage) bool {
		var one struct {
			Passwordless bool `json:"is_passwordless"`
		}
		return json.Unmarshal(key, &one) != nil || !one.Passwordless
	})
	if len(kept) == 0 {
		return json.RawMessage("{}"), nil
	}
	all["credentials"], _ = json.Marshal(kept) // raw JSON always encodes
	return json.Marshal(all)
}
