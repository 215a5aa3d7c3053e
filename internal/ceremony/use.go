package ceremony

import "zelus/internal/auth"

// Identifier is the name under which somebody is shown who is to prove themselves
// again; empty where they have none.
func Identifier(i *auth.Identity) string {
	for _, t := range []auth.CredentialType{auth.Password, auth.WebAuthn, auth.Code} {
		if c := i.Credentials[t]; len(c.Identifiers) > 0 {
			return c.Identifiers[0]
		}
	}
	return ""
}
