package app

import (
	"zelus/internal/auth"
	"zelus/internal/config"
	"zelus/internal/flow"
	"zelus/internal/identity"
	"zelus/internal/method/code"
	"zelus/internal/method/identifierfirst"
	"zelus/internal/method/link"
	"zelus/internal/method/lookup"
	"zelus/internal/method/passkey"
	"zelus/internal/method/password"
	"zelus/internal/method/profile"
	"zelus/internal/method/totp"
	"zelus/internal/method/webauthn"
)

// methods lists all methods in the order in which they are asked, which is
// part of the wire. A new method is one line here.
func (a *App) methods() []flow.Method {
	return []flow.Method{
		profile.Method(),
		(&password.Password{Store: a.store, Hashes: a.hashes, Client: a.client, Logger: a.logger}).Method(),
		(&code.Code{Store: a.store, Secrets: a.secrets}).Method(),
		(&link.Link{Secrets: a.secrets}).Method(),
		(&totp.TOTP{Secrets: a.secrets, Clock: a.options.Clock}).Method(),
		(&passkey.Passkey{Store: a.store, Identities: a.identities, Logger: a.logger}).Method(),
		(&webauthn.WebAuthn{Store: a.store, Identities: a.identities, Logger: a.logger}).Method(),
		(&lookup.Lookup{Secrets: a.secrets, Clock: a.options.Clock}).Method(),
		identifierfirst.Method(),
	}
}

// factors say what credentials hold. Those of methods come with the methods;
// social accounts can be imported before there is a method that uses them.
func factors(methods []flow.Method) []identity.Factor {
	all := []identity.Factor{{Type: auth.OIDC, Holds: identity.SocialFactor}, {Type: auth.SAML, Holds: identity.SocialFactor}}
	for _, m := range methods {
		if m.Factor.Type != "" {
			all = append(all, m.Factor)
		}
	}
	return all
}

// policy is what factors count for, of the methods that are switched on.
func policy(methods []flow.Method, c *config.Config) auth.Policy {
	all := auth.Policy{First: auth.FactorSocial}
	for i := range methods {
		if m := &methods[i]; m.Counts != nil && m.Enabled(c) {
			all = all.With(m.Counts(c))
		}
	}
	return all
}
