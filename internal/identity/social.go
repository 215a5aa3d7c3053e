package identity

import (
	"encoding/json"
	"slices"
	"time"

	"zelus/internal/auth"
)

// provider is a social account as it is stored.
type provider struct {
	Subject             string `json:"subject"`
	Provider            string `json:"provider"`
	InitialIDToken      string `json:"initial_id_token"`
	InitialAccessToken  string `json:"initial_access_token"`
	InitialRefreshToken string `json:"initial_refresh_token"`
	Organization        string `json:"organization,omitempty"`
	UseAutoLink         bool   `json:"use_auto_link,omitempty"`
}

// identifier is the identifier of the credential that the account is in.
func (p provider) identifier() string { return p.Provider + ":" + p.Subject }

// Providers are the social accounts of a credential.
func Providers(c auth.Credential) []provider {
	var config struct {
		Providers []provider `json:"providers"`
	}
	if len(c.Config) == 0 || json.Unmarshal(c.Config, &config) != nil {
		return nil
	}
	return config.Providers
}

// setProviders gives an identity's credential these social accounts, and an
// identifier for each. Of two entries for one account the later one counts.
func setProviders(i *auth.Identity, t auth.CredentialType, all []provider, now time.Time) {
	var identifiers []string
	var accounts []provider
	for _, p := range all {
		if at := slices.Index(identifiers, p.identifier()); at >= 0 {
			accounts[at] = p
			continue
		}
		identifiers, accounts = append(identifiers, p.identifier()), append(accounts, p)
	}
	config, _ := json.Marshal(map[string]any{"providers": accounts}) // strings always encode
	i.SetCredential(t, config, now)
	c := i.Credentials[t]
	c.Identifiers = identifiers
	i.Credentials[t] = c
}

// SocialFactor are the social accounts with which one can sign in: those of no
// organisation.
func SocialFactor(c auth.Credential) (all []auth.Factors) {
	accounts := Providers(c)
	for _, identifier := range c.Identifiers {
		if slices.ContainsFunc(accounts, func(p provider) bool { return p.Organization == "" && p.identifier() == identifier }) {
			all = append(all, auth.FactorSocial)
		}
	}
	return all
}
