package identity

import (
	"context"
	"encoding/json"
	"time"

	"github.com/google/uuid"

	"zelus/internal/auth"
	"zelus/internal/hash"
)

// Import brings credentials from another system.
type Import struct {
	Password *struct {
		Config ImportPassword `json:"config"`
	} `json:"password"`
	OIDC *struct {
		Config ImportProviders `json:"config"`
	} `json:"oidc"`
	SAML *struct {
		Config ImportProviders `json:"config"`
	} `json:"saml"`
}

// ImportPassword is a password in clear, its hash, or a mark that another
// system is to be asked at the first sign-in. An administrator's password is
// not held to the policy.
type ImportPassword struct {
	HashedPassword           string  `json:"hashed_password"`
	Password                 *string `json:"password"`
	UsePasswordMigrationHook bool    `json:"use_password_migration_hook"`
}

// ImportProviders are social accounts.
type ImportProviders struct {
	Providers []ImportProvider `json:"providers"`
}

// ImportProvider is one social account.
type ImportProvider struct {
	Subject      string        `json:"subject"`
	Provider     string        `json:"provider"`
	UseAutoLink  bool          `json:"use_auto_link"`
	Organization uuid.NullUUID `json:"organization"`
}

// imported are credentials that are ready to be stored: hashing, which is
// slow, is done before the transaction.
type imported struct {
	password  json.RawMessage
	providers map[auth.CredentialType][]provider
}

// prepare gets credentials ready to be stored.
func (m *Manager) prepare(ctx context.Context, in *Import) (*imported, error) {
	out := &imported{providers: map[auth.CredentialType][]provider{}}
	if in == nil {
		return out, nil
	}
	if in.Password != nil {
		config, err := m.importedPassword(ctx, in.Password.Config)
		if err != nil {
			return nil, err
		}
		out.password = config
	}
	if in.OIDC != nil {
		out.providers[auth.OIDC] = providersOf(in.OIDC.Config)
	}
	if in.SAML != nil {
		out.providers[auth.SAML] = providersOf(in.SAML.Config)
	}
	for t, all := range out.providers {
		for _, p := range all {
			if p.Provider == "" || p.Subject == "" {
				return nil, auth.ErrBadRequest.Saying("Each entry of credentials.%s.config.providers needs a provider and a subject.", t)
			}
			if len(p.identifier()) > maxName || !storable(p.identifier()) {
				return nil, auth.ErrBadRequest.Saying("Provider and subject of an entry of credentials.%s.config.providers have at most %d bytes together and no control character U+0000.", t, maxName)
			}
		}
	}
	return out, nil
}

func providersOf(in ImportProviders) []provider {
	var out []provider
	for _, p := range in.Providers {
		one := provider{Subject: p.Subject, Provider: p.Provider, UseAutoLink: p.UseAutoLink}
		if p.Organization.Valid {
			one.Organization = p.Organization.UUID.String()
		}
		out = append(out, one)
	}
	return out
}

// PasswordConfig is what is stored of a password.
type PasswordConfig struct {
	HashedPassword           string `json:"hashed_password,omitempty"`
	UsePasswordMigrationHook bool   `json:"use_password_migration_hook,omitempty"`
}

// JSON is the config as it is stored.
func (c PasswordConfig) JSON() json.RawMessage {
	out, _ := json.Marshal(c) // strings always encode
	return out
}

func (m *Manager) importedPassword(ctx context.Context, in ImportPassword) (json.RawMessage, error) {
	switch {
	case in.UsePasswordMigrationHook:
		return PasswordConfig{UsePasswordMigrationHook: true}.JSON(), nil
	case in.Password != nil:
		if *in.Password == "" && in.HashedPassword == "" {
			return nil, auth.ErrPasswordEmpty
		}
		if *in.Password != "" {
			encoded, err := m.Hashes.Generate(ctx, *in.Password)
			if err != nil {
				return nil, hash.Explain(err)
			}
			return PasswordConfig{HashedPassword: encoded}.JSON(), nil
		}
	case in.HashedPassword == "":
		return nil, auth.ErrPasswordEmpty.Saying("credentials.password.config needs a password, a hashed_password or use_password_migration_hook.")
	}
	if err := checkHash(in.HashedPassword); err != nil {
		return nil, err
	}
	return PasswordConfig{HashedPassword: in.HashedPassword}.JSON(), nil
}

// checkHash refuses a hash that could never be checked.
func checkHash(encoded string) error {
	if err := hash.Check(encoded); err != nil {
		return auth.ErrPasswordHash.Because(err).Saying("The value of hashed_password cannot be used: %s.", err)
	}
	return nil
}

// apply gives an identity the credentials.
func (in *imported) apply(i *auth.Identity, now time.Time) {
	if in.password != nil {
		i.SetCredential(auth.Password, in.password, now)
	}
	for t, fresh := range in.providers {
		setProviders(i, t, append(Providers(i.Credentials[t]), fresh...), now)
	}
}
