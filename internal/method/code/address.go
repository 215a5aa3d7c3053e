package code

import (
	"encoding/json"
	"slices"
	"strings"

	"zelus/internal/auth"
	"zelus/internal/config"
	"zelus/internal/flow"
	"zelus/internal/schema"
)

// holds says what a credential can be signed in with: an address that a code can be
// sent to. Those of phones count apart, because not everybody can text them.
func holds(c auth.Credential) []auth.Factors {
	var all []auth.Factors
	for _, a := range addressesOf(c) {
		factor := auth.FactorCode
		if a.Via == auth.ViaSMS {
			factor = auth.FactorTextedCode
		}
		if !slices.Contains(all, factor) {
			all = append(all, factor)
		}
	}
	return all
}

// counts says what codes count for. What cannot be sent counts for nothing.
func counts(c *config.Config) (p auth.Policy) {
	sent := auth.FactorCode
	if c.TextsPhones() {
		sent |= auth.FactorTextedCode
	}
	if c.SelfService.Methods.Code.PasswordlessEnabled {
		p.First = sent
	}
	if c.SelfService.Methods.Code.MFAEnabled {
		p.Second, p.ByAddress = sent, findsByAddress(c)
	}
	return p
}

// addressesOf are those that the credential of somebody who signs in with codes
// names, as identity.Manager writes it.
func addressesOf(c auth.Credential) (all []schema.Address) {
	var config struct {
		Addresses []struct {
			Channel string `json:"channel"`
			Address string `json:"address"`
		} `json:"addresses"`
	}
	if len(c.Config) == 0 || json.Unmarshal(c.Config, &config) != nil {
		return nil
	}
	for _, a := range config.Addresses {
		all = append(all, schema.Address{Via: a.Channel, Value: a.Address})
	}
	return all
}

// reachable leaves those to which codes can be sent.
func reachable(c *config.Config, all []schema.Address) []schema.Address {
	return slices.DeleteFunc(all, func(a schema.Address) bool { return a.Via == auth.ViaSMS && !c.TextsPhones() })
}

// proven leaves the addresses of somebody that are proven, or all where none is: then
// the first proof is the code itself. Whoever has proven one of their own may have
// put somebody else's beside it, whom a code would sign in to an account that is not
// theirs. Who is signed in knows whose account it is, and chooses among all.
func proven(form *flow.Form, i *auth.Identity, all []schema.Address) []schema.Address {
	is := func(a schema.Address) bool { return i.HasVerified(a.Via, a.Value) }
	if form.Identity != nil || !slices.ContainsFunc(all, is) {
		return all
	}
	return slices.DeleteFunc(all, func(a schema.Address) bool { return !is(a) })
}

// owned are the addresses to which somebody, read with their credentials, can have
// a code sent.
func owned(form *flow.Form, i *auth.Identity) []schema.Address {
	if i == nil {
		return nil
	}
	credential, has := i.Credentials[auth.Code]
	all := addressesOf(credential)
	if !has && findsByAddress(form.Config) && !(form.SecondFactor() && hasAnother(form, i)) {
		for _, a := range i.Verifiable {
			if a.Verified {
				all = append(all, schema.Address{Via: a.Via, Value: a.Value})
			}
		}
	}
	return proven(form, i, reachable(form.Config, all))
}

// hasAnother says whether somebody can prove a second factor by something else than
// a code. An address that they happen to have is none beside it.
func hasAnother(form *flow.Form, i *auth.Identity) bool {
	return form.Policy.Available(i.Factors &^ (auth.FactorCode | auth.FactorTextedCode)).AtLeast(auth.AAL2)
}

// choices are the addresses that a form offers to whose form it is: all of theirs,
// or the one that it was begun for.
func choices(form *flow.Form) []schema.Address {
	f := form.Flow
	return slices.DeleteFunc(owned(form, form.Identity), func(a schema.Address) bool {
		return f.State == auth.ChooseMethod && f.Address != "" && a.Value != f.Address
	})
}

// findsByAddress says whether people without a credential for codes are found by
// the addresses that they have proven.
func findsByAddress(c *config.Config) bool {
	m := &c.SelfService.Methods.Code
	return m.Config.MissingCredentialFallbackEnabled || m.PasswordlessLoginFallbackEnabled
}

// channel is that of an address.
func channel(address string) string {
	if strings.Contains(address, "@") {
		return auth.ViaEmail
	}
	return auth.ViaSMS
}
