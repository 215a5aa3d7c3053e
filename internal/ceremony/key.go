package ceremony

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"zelus/internal/auth"
)

// Key is a key of somebody's as it is stored: a credential record (section 4).
type Key struct {
	ID              []byte         `json:"id"`
	PublicKey       []byte         `json:"public_key"` // COSE_Key (RFC 9052 section 7)
	AttestationType string         `json:"attestation_type"`
	Authenticator   *Authenticator `json:"authenticator,omitempty"`
	DisplayName     string         `json:"display_name"`
	AddedAt         time.Time      `json:"added_at"`
	// LastUsedAt is when its owner last proved who they are with it; nil is never, or
	// not since this is kept.
	LastUsedAt *time.Time `json:"last_used_at,omitempty"`
	// Passwordless says that the key was set up to sign in without anything else.
	Passwordless bool `json:"is_passwordless"`
	// Flags are nil for keys that were brought along from where none were stored.
	Flags      *Flags   `json:"flags,omitempty"`
	Transports []string `json:"transport,omitempty"`
	// Attestation is what was brought along with a key; it is kept and not read.
	Attestation json.RawMessage `json:"attestation,omitempty"`
}

// Authenticator is what holds a key.
type Authenticator struct {
	// AAGUID is the number of its model, 16 bytes; zero where it does not tell.
	AAGUID []byte `json:"aaguid"`
	// SignCount counts how often keys were used, 0 where it does not count.
	SignCount uint32 `json:"sign_count"`
	// CloneWarning says that the count has gone back once: there may be a copy.
	CloneWarning bool `json:"clone_warning"`
}

// Flags are those of the authenticator's data (section 6.1): of when the key was
// made, but for BackupState, which is that of its last use.
type Flags struct {
	UserPresent    bool `json:"user_present"`
	UserVerified   bool `json:"user_verified"`
	BackupEligible bool `json:"backup_eligible"`
	BackupState    bool `json:"backup_state"`
}

// Verifies says whether the key was made by an authenticator that checked who
// makes it. One that learns to later on does not count: whoever has found a key
// without a PIN can give it one.
func (k *Key) Verifies() bool { return k.Flags != nil && k.Flags.UserVerified }

// HexID is how forms call the key.
func (k *Key) HexID() string { return hex.EncodeToString(k.ID) }

// Name is how people see the key.
func (k *Key) Name() string {
	if k.DisplayName == "" {
		return "unnamed"
	}
	return k.DisplayName
}

// Config is what is stored of somebody's keys of one type. UserHandle is the name
// that authenticators know the person by: random, 64 bytes at most.
type Config struct {
	Keys       []Key  `json:"credentials"`
	UserHandle []byte `json:"user_handle"`
}

// Read is the config of a credential; an empty one where there is none, or none
// that can be read.
func Read(c auth.Credential) Config {
	var config Config
	if len(c.Config) == 0 || json.Unmarshal(c.Config, &config) != nil {
		return Config{}
	}
	return config
}

// JSON is the config as it is stored.
func (c Config) JSON() json.RawMessage {
	out, err := json.Marshal(c)
	if err != nil { // an attestation that is no JSON cannot have been read
		return json.RawMessage("{}")
	}
	return out
}

// Only is the config with those keys that f lets pass.
func (c Config) Only(f func(*Key) bool) Config {
	c.Keys = slices.DeleteFunc(slices.Clone(c.Keys), func(k Key) bool { return !f(&k) })
	return c
}

// Only leaves those keys of a credential that keep lets pass, see identity.Factor. A
// key is named by what stays: its id and its public key.
func Only(c auth.Credential, keep func(name string, added time.Time) bool) json.RawMessage {
	all := Read(c)
	left := all.Only(func(k *Key) bool { return keep(fmt.Sprintf("%x %x", k.ID, k.PublicKey), k.AddedAt) })
	switch len(left.Keys) {
	case len(all.Keys):
		return c.Config
	case 0:
		return nil
	}
	return left.JSON()
}

// Renamed is the config with another name for a key, and whether there is such a key.
func (c Config) Renamed(id []byte, name string) (Config, bool) {
	at := c.find(id)
	if at < 0 {
		return c, false
	}
	k := c.Keys[at]
	k.DisplayName = name
	return c.with(k), true
}

func (c Config) find(id []byte) int {
	return slices.IndexFunc(c.Keys, func(k Key) bool { return bytes.Equal(k.ID, id) })
}

// with is the config with a key, in the place of the one with the same id.
func (c Config) with(k Key) Config {
	c.Keys = slices.Clone(c.Keys)
	if at := c.find(k.ID); at >= 0 {
		c.Keys[at] = k
		return c
	}
	c.Keys = append(c.Keys, k)
	return c
}

// Add is the config with a new key that was made for this handle. If the person
// has got another handle meanwhile, in a second window, the key is left out: its
// authenticator would take them for somebody else.
func (c Config) Add(k Key, handle []byte) Config {
	if len(c.UserHandle) == 0 {
		c.UserHandle = handle
	}
	if !bytes.Equal(c.UserHandle, handle) {
		return c
	}
	return c.with(k)
}
