package store

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"

	"github.com/google/uuid"

	"zelus/internal/auth"
	"zelus/internal/secret"
)

// Configs of these types hold secrets that have to be read again: of an
// authenticator app, of backup codes, of other services. They are encrypted in
// the table. In memory they are what they are, and Credential.Sealed is what the
// table has, by which one version of a credential is told from another.
var sealedTypes = []auth.CredentialType{auth.TOTP, auth.LookupSecret, auth.OIDC, auth.SAML}

// sealedConfig is an encrypted config in the table.
type sealedConfig struct {
	Sealed []byte `json:"sealed"`
}

var sealedPrefix = []byte(`{"sealed":`)

// Configure replaces the secrets under which credentials are encrypted, newest
// first. What was encrypted under an older one stays readable while that is in the
// list.
func (s *Store) Configure(secrets []string) error {
	ring, err := secret.NewRing("credential", secrets)
	if err == nil {
		s.ring.Store(ring)
	}
	return err
}

// seal is a config as the table has it.
func (q *queries) seal(identity uuid.UUID, c auth.Credential) (string, error) {
	if !slices.Contains(sealedTypes, c.Type) {
		return string(c.Config), nil
	}
	ring := q.ring.Load()
	if ring == nil {
		return "", fmt.Errorf("store: a credential of the type %s cannot be written before Configure", c.Type)
	}
	out, err := json.Marshal(sealedConfig{ring.Seal(c.Config, sealedFor(identity, c.Type))})
	return string(out), err
}

// open makes a config that was read what it is. Those that were written before
// there was encryption are as they are.
func (q *queries) open(identity uuid.UUID, c *auth.Credential) error {
	if !bytes.HasPrefix(c.Config, sealedPrefix) || !slices.Contains(sealedTypes, c.Type) {
		return nil
	}
	var in sealedConfig
	if err := json.Unmarshal(c.Config, &in); err != nil {
		return fmt.Errorf("store: the credential %s of the identity %s cannot be read: %w", c.Type, identity, err)
	}
	ring := q.ring.Load()
	if ring == nil {
		return fmt.Errorf("store: a credential of the type %s cannot be read before Configure", c.Type)
	}
	plain, err := ring.Open(in.Sealed, sealedFor(identity, c.Type))
	if err != nil {
		return fmt.Errorf("store: the credential %s of the identity %s cannot be opened: the secret that it was sealed with is neither in secrets.cipher nor in secrets.default; put it back at the end of the list: %w", c.Type, identity, err)
	}
	c.Sealed, c.Config = string(c.Config), plain
	return nil
}

// sealedFor is what a sealed config belongs to: no other row can take it over.
func sealedFor(identity uuid.UUID, t auth.CredentialType) []byte {
	return append(identity[:], t...)
}

// inTable is a config as the table had it when it was read.
func inTable(c auth.Credential) string {
	if c.Sealed != "" {
		return c.Sealed
	}
	return string(c.Config)
}
