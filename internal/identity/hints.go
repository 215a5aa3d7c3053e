package identity

import (
	"context"
	"errors"
	"maps"
	"slices"

	"zelus/internal/auth"
	"zelus/internal/store"
)

// LoginHints are what somebody may be told whose identifier is taken: how
// whoever has it signs in. No list is nil, since they become JSON.
type LoginHints struct {
	// Types are the types of credential, Providers the social accounts.
	Types, Providers []string
	// Identifier is the identifier that is taken; empty where none is.
	Identifier string
}

// LoginHints finds who has an identifier that a candidate wants, and says how
// they sign in. Only for those whose configuration allows to tell.
func (m *Manager) LoginHints(ctx context.Context, candidate *auth.Identity) (LoginHints, error) {
	hints := LoginHints{Types: []string{}, Providers: []string{}}
	for _, t := range slices.Sorted(maps.Keys(candidate.Credentials)) {
		for _, identifier := range candidate.Credentials[t].Identifiers {
			found, err := m.Store.SignInBy(ctx, auth.DefaultProject, t, identifier)
			if errors.Is(err, store.ErrNotFound) {
				continue
			}
			if err != nil {
				return LoginHints{}, err
			}
			if found.Identity.ID == candidate.ID {
				continue // their own, which they keep
			}
			all, err := m.Store.Credentials(ctx, found.Identity.ID)
			if err != nil {
				return LoginHints{}, err
			}
			hints.Identifier = identifier
			m.describe(&hints, all)
			return hints, nil
		}
	}
	return hints, nil
}

// describe adds how somebody with these credentials signs in.
func (m *Manager) describe(hints *LoginHints, credentials map[auth.CredentialType]auth.Credential) {
	for _, f := range m.Factors {
		c, ok := credentials[f.Type]
		if !ok || m.first(f, c) == 0 {
			continue
		}
		hints.Types = append(hints.Types, string(f.Type))
		if f.Type != auth.OIDC {
			continue
		}
		for _, p := range Providers(c) {
			if p.Organization == "" && !slices.Contains(hints.Providers, p.Provider) {
				hints.Providers = append(hints.Providers, p.Provider)
			}
		}
	}
}
