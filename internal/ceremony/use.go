package ceremony

import (
	"errors"
	"log/slog"

	"zelus/internal/auth"
	"zelus/internal/flow"
	"zelus/internal/store"
)

// Used adds to the outcome of a key's use what there is to store of it: the
// counter, whether it is backed up now, and that there may be a copy of it. cause
// is the error of Prove. What was refused is logged with its cause, which is
// mostly a mistake in setting things up.
func Used(outcome flow.Outcome, found *store.SignIn, proof Proof, cause error, logger *slog.Logger) flow.Outcome {
	copied := errors.Is(cause, ErrCopied)
	switch {
	case copied:
		logger.Warn("a key was refused: its counter has gone back, so there may be a copy of it", "identity", found.Identity.ID, "type", found.Credential.Type, "key", proof.Key.HexID())
	case cause != nil:
		logger.Info("a key was refused", "identity", found.Identity.ID, "type", found.Credential.Type, "error", cause)
		return outcome
	}
	config := proof.Config.JSON()
	if string(config) == string(found.Credential.Config) {
		return outcome
	}
	return outcome.Replacing(found.Identity.ID, found.Credential, config)
}

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
