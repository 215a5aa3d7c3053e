package auth

import (
	"encoding/json"
	"maps"
	"slices"
	"time"

	"github.com/google/uuid"
)

// DefaultProject is the project that every row belongs to until several
// projects share a process.
var DefaultProject = uuid.MustParse("00000000-0000-4000-8000-000000000001")

// State says whether an identity may sign in.
type State string

// The two states.
const (
	Active   State = "active"
	Inactive State = "inactive"
)

// Valid says whether s is a known state.
func (s State) Valid() bool { return s == Active || s == Inactive }

// Channels over which an address is reached.
const (
	ViaEmail = "email"
	ViaSMS   = "sms"
)

// Verification states of an address.
const (
	AddressPending   = "pending"
	AddressSent      = "sent"
	AddressCompleted = "completed"
)

// Identity is an account: who somebody is, how they sign in and where they
// are reached. Traits and metadata are JSON as they were given; nil metadata
// means none.
type Identity struct {
	ID             uuid.UUID
	Project        uuid.UUID
	ExternalID     string // empty: none
	SchemaID       string
	State          State
	StateChangedAt *time.Time
	Traits         json.RawMessage
	MetadataPublic json.RawMessage
	MetadataAdmin  json.RawMessage
	OrganizationID uuid.NullUUID
	CreatedAt      time.Time
	UpdatedAt      time.Time
	// DeleteAt is when the account is deleted, because its owner has asked for that;
	// nil where it stays.
	DeleteAt *time.Time

	// Factors are those that this person's credentials hold, kept up to date with
	// every change of credentials.
	Factors Factors

	Credentials map[CredentialType]Credential
	Verifiable  []VerifiableAddress
	Recovery    []RecoveryAddress
}

// Gone says whether the time is over until which an account was to be kept. It may be
// there a little longer, but it is nobody's any more.
func (i *Identity) Gone(now time.Time) bool { return i.DeleteAt != nil && !now.Before(*i.DeleteAt) }

// VerifiableAddress is an address whose owner can be asked for a proof.
type VerifiableAddress struct {
	ID         uuid.UUID  `json:"id"`
	Value      string     `json:"value"` // normalised
	Verified   bool       `json:"verified"`
	Via        string     `json:"via"`
	Status     string     `json:"status"`
	VerifiedAt *time.Time `json:"verified_at,omitempty"`
	CreatedAt  time.Time  `json:"created_at"`
	UpdatedAt  time.Time  `json:"updated_at"`
}

// HasVerified says whether an address is one of the identity's, and proven.
func (i *Identity) HasVerified(via, value string) bool {
	return slices.ContainsFunc(i.Verifiable, func(a VerifiableAddress) bool { return a.Verified && a.Via == via && a.Value == value })
}

// RecoveryAddress is an address through which access can be regained.
type RecoveryAddress struct {
	ID        uuid.UUID `json:"id"`
	Value     string    `json:"value"` // normalised
	Via       string    `json:"via"`
	CreatedAt time.Time `json:"created_at"`
	UpdatedAt time.Time `json:"updated_at"`
}

// CredentialType names a kind of credential on the wire and in the store.
type CredentialType string

// All types of credential that the wire knows.
const (
	Password     CredentialType = "password"
	OIDC         CredentialType = "oidc"
	SAML         CredentialType = "saml"
	TOTP         CredentialType = "totp"
	LookupSecret CredentialType = "lookup_secret"
	WebAuthn     CredentialType = "webauthn"
	Code         CredentialType = "code"
	Passkey      CredentialType = "passkey"
	LinkRecovery CredentialType = "link_recovery"
	CodeRecovery CredentialType = "code_recovery"
	DeviceAuthn  CredentialType = "deviceauthn"
)

// CredentialTypes lists what the parameter include_credential accepts.
var CredentialTypes = []CredentialType{Password, OIDC, SAML, TOTP, LookupSecret, WebAuthn, Code, Passkey, LinkRecovery, CodeRecovery, DeviceAuthn}

// Valid says whether t is one of the known types.
func (t CredentialType) Valid() bool {
	for _, k := range CredentialTypes {
		if k == t {
			return true
		}
	}
	return false
}

// Version is that of the config that is stored for credentials of the type.
func (t CredentialType) Version() int {
	if t == WebAuthn || t == Code {
		return 1
	}
	return 0
}

// Credential is one way in which an identity proves itself. Identifiers are
// normalised and unique per type within a project. Config is the type's own
// JSON; it holds secrets and leaves the server only where an administrator
// asked for it by name.
type Credential struct {
	Type        CredentialType
	Identifiers []string
	Config      json.RawMessage
	// Sealed is Config as it was read, where it is stored encrypted.
	Sealed    string
	Version   int
	CreatedAt time.Time
	UpdatedAt time.Time
}

// SignInAlike says whether two versions of an identity have the same credentials,
// with the same identifiers.
func SignInAlike(a, b *Identity) bool {
	return maps.EqualFunc(a.Credentials, b.Credentials, func(a, b Credential) bool {
		return slices.Equal(a.Identifiers, b.Identifiers) && string(a.Config) == string(b.Config)
	})
}

// SetCredential gives an identity's credential of a type its config. The
// credential is made where there is none; identifiers, version and the time
// of its creation stay otherwise.
func (i *Identity) SetCredential(t CredentialType, config json.RawMessage, now time.Time) {
	c, ok := i.Credentials[t]
	if !ok {
		c = Credential{Type: t, Version: t.Version(), CreatedAt: now}
	}
	c.Config, c.UpdatedAt = config, now
	if i.Credentials == nil {
		i.Credentials = map[CredentialType]Credential{}
	}
	i.Credentials[t] = c
}
