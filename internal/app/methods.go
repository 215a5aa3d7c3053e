package app

import (
	"zelus/internal/auth"
	"zelus/internal/flow"
	"zelus/internal/identity"
	"zelus/internal/method/code"
	"zelus/internal/method/link"
	"zelus/internal/method/password"
	"zelus/internal/method/profile"
)

// methods lists all methods in the order in which they are asked, which is
// part of the wire. A new method is one line here.
func (a *App) methods() []flow.Method {
	return []flow.Method{
		profile.Method(),
		(&password.Password{Store: a.store, Hashes: a.hashes, Client: a.client, Logger: a.logger}).Method(),
		(&code.Code{Secrets: a.secrets}).Method(),
		(&link.Link{Secrets: a.secrets}).Method(),
	}
}

// factors say how credentials count. Those of methods come with the methods;
// social accounts can be imported before there is a method that uses them.
func factors(methods []flow.Method) []identity.Factor {
	all := []identity.Factor{{Type: auth.OIDC, First: identity.SocialFactor}, {Type: auth.SAML, First: identity.SocialFactor}}
	for _, m := range methods {
		if m.Factor.Type != "" {
			all = append(all, m.Factor)
		}
	}
	return all
}
