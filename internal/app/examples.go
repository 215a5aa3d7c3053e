package app

import (
	"context"
	"encoding/base32"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"zelus/internal/auth"
	"zelus/internal/identity"
	"zelus/internal/secret"
)

// Example is somebody to sign in as while one tries things out.
type Example struct {
	Email string
	// Password is empty where it is not the one any more that the example began with.
	Password string
}

// exampleNames are first and last names; the first is the address, too.
var exampleNames = [][2]string{{"Ada", "Lovelace"}, {"Grace", "Hopper"}}

// Examples gives the people of a server that runs without any configuration, and
// makes them where nobody has signed up yet. Who was deleted stays away.
//
// Their passwords follow from the secrets that were generated beside the database:
// nobody else can know them, they are the same at each start, and nothing has to be
// kept to show them again. Where a file, a database or secrets are named there are none.
func (a *App) Examples(ctx context.Context) ([]Example, error) {
	c := a.Config()
	if c.DataFolder() == "" {
		return nil, nil
	}
	ring, err := secret.NewRing("example people", c.Secrets.Default)
	if err != nil {
		return nil, err
	}
	count, err := a.store.CountIdentities(ctx, auth.DefaultProject)
	if err != nil {
		return nil, err
	}
	var all []Example
	for _, name := range exampleNames {
		e := Example{Email: strings.ToLower(name[0]) + "@example.org"}
		e.Password = examplePassword(ring, e.Email)
		if count == 0 {
			err = a.makeExample(ctx, e, name)
		} else {
			e, err = a.knownExample(ctx, e)
		}
		if errors.Is(err, auth.ErrIdentityUnknown) {
			continue
		}
		if err != nil {
			return nil, err
		}
		all = append(all, e)
	}
	return all, nil
}

// examplePassword has 80 bits, in groups that people can type.
func examplePassword(ring *secret.Ring, email string) string {
	text := strings.ToLower(base32.StdEncoding.EncodeToString(ring.Hash(email)))
	return text[0:4] + "-" + text[4:8] + "-" + text[8:12] + "-" + text[12:16]
}

// exampleDocument is what an administrator would send: address, names, password.
const exampleDocument = `{"traits": {"email": %[1]q, "name": {"first": %[2]q, "last": %[3]q}},
	"verifiable_addresses": [{"value": %[1]q, "via": "email", "verified": true, "status": "completed"}],
	"credentials": {"password": {"config": {"password": %[4]q}}}}`

// makeExample makes somebody whose address is verified.
func (a *App) makeExample(ctx context.Context, e Example, name [2]string) error {
	var given identity.Creation
	if err := json.Unmarshal(fmt.Appendf(nil, exampleDocument, e.Email, name[0], name[1], e.Password), &given); err != nil {
		return err
	}
	_, err := a.identities.Create(ctx, given)
	return err
}

// knownExample is somebody who was made at an earlier start, without a password
// that was changed.
func (a *App) knownExample(ctx context.Context, e Example) (Example, error) {
	i, err := a.identities.Named(ctx, e.Email)
	if err != nil {
		return e, err
	}
	var stored identity.PasswordConfig
	if json.Unmarshal(i.Credentials[auth.Password].Config, &stored) != nil {
		e.Password = "" // it was removed
		return e, nil
	}
	same, err := a.hashes.Verify(ctx, e.Password, stored.HashedPassword)
	if err != nil || !same {
		e.Password = ""
	}
	return e, nil
}
