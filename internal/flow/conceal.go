package flow

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"time"

	"github.com/google/uuid"

	"zelus/internal/auth"
	"zelus/internal/store"
)

// Where nobody is to learn who has an account
// (security.account_enumeration.mitigate), a sign-up with an address that is taken
// is answered like any other: with an account, the ids of which nobody has. The
// owner gets one message. For that the same is asked and written either way, and
// what must not be is taken away again before it is committed.
//
// This takes a sign-up that does not end in a session, which nobody gets for a
// taken address. One by somebody who has proven the address is told: it is theirs;
// of an address beside it that proves nothing.
// And names that are no addresses are told, since nobody could be reached who
// chooses a taken one: whether an address beside them is taken or not.

// taken is an address of who signs up that somebody else has; owner is nil where
// there is none. It is asked for each address, so that the number of questions
// tells nothing.
type taken struct {
	owner   *auth.Identity
	address contact
}

// contact is an address and the way to it.
type contact struct{ via, value string }

// contacts are the addresses of an identity, each once.
func contacts(i *auth.Identity) []contact {
	var all []contact
	add := func(via, value string) {
		if c := (contact{via, value}); !slices.Contains(all, c) {
			all = append(all, c)
		}
	}
	for _, a := range i.Verifiable {
		add(a.Via, a.Value)
	}
	for _, a := range i.Recovery {
		add(a.Via, a.Value)
	}
	return all
}

// conceals says whether a sign-up must not tell that an address is taken.
func (v *visit) conceals(method string, o Outcome) bool {
	return o.verdict == registered && v.config.Security.AccountEnumeration.Mitigate && !v.hooked(method, "session") &&
		(o.proof.Address == "" || len(contacts(o.identity)) > 1)
}

// findTaken looks for somebody who has an address of who signs up.
func (v *visit) findTaken(i *auth.Identity) (*taken, error) {
	found := &taken{}
	for _, c := range contacts(i) {
		owner, err := v.engine.Store.IdentityNamed(v.r.Context(), i.Project, c.value)
		if err != nil && !errors.Is(err, store.ErrNotFound) {
			return nil, err
		}
		if owner != nil && found.owner == nil {
			found = &taken{owner, c}
		}
	}
	return found, nil
}

// takenMeanwhile says whether an address that was free has been taken by somebody
// who was faster; it is worth deciding again, then. It is asked as well where one was
// taken before: then a name is, which would be no news.
func (v *visit) takenMeanwhile(done *result) bool {
	found, err := v.findTaken(done.identity)
	return err == nil && found.owner != nil && done.concealed.owner == nil && v.tries < maxTries
}

// tellWithin is for how long it is of use to know that somebody tried to sign up: it
// was its reader, who waits for a message, or a stranger, who may try without end.
const tellWithin = time.Hour

// tellTaken adds the message to the owner of a taken address, or a decoy where there
// is none. What would prove an address is a decoy in its turn where there is one, see
// verifyAfter.
func (v *visit) tellTaken(done *result) error {
	all := contacts(done.identity)
	if len(all) == 0 {
		return nil
	}
	n := Notice{Template: "account_exists", Identity: done.concealed.owner, ExpiresAt: auth.Now(v.engine.Clock()).Add(tellWithin)}
	to := done.concealed.address
	if n.Identity == nil {
		// It is as short as that about an owner, whatever who signs up says of themselves.
		nobody := *done.identity
		nobody.Traits = json.RawMessage("{}")
		n.Identity, to = &nobody, all[0]
	}
	n.Via, n.To = to.via, to.value
	n.Decoy = done.concealed.owner == nil || to.via == auth.ViaSMS && !v.config.TextsPhones()
	return v.tellOne(done, n)
}

// insertConcealed stores who signs up. Where an address is taken somebody is
// stored whom nobody can find, and removed again at once; else somebody is removed
// who was never there.
func insertConcealed(ctx context.Context, tx *store.Tx, done *result) error {
	stored, removed := done.identity, uuid.Must(uuid.NewV7())
	if done.concealed.owner != nil {
		stored, removed = shadow(done.identity), done.identity.ID
	}
	if err := tx.InsertIdentity(ctx, stored); err != nil {
		return err
	}
	_, err := tx.DeleteIdentity(ctx, stored.Project, removed)
	return err
}

// shadow is an identity with addresses that nobody has. Its other names stay, so that
// one that is taken is told.
func shadow(i *auth.Identity) *auth.Identity {
	other, all := *i, contacts(i)
	apart := func(value string) string {
		if slices.ContainsFunc(all, func(c contact) bool { return c.value == value }) {
			return i.ID.String() + " " + value
		}
		return value
	}
	other.Credentials = map[auth.CredentialType]auth.Credential{}
	for t, c := range i.Credentials {
		c.Identifiers = slices.Clone(c.Identifiers)
		for n := range c.Identifiers {
			c.Identifiers[n] = apart(c.Identifiers[n])
		}
		other.Credentials[t] = c
	}
	other.Verifiable, other.Recovery = slices.Clone(i.Verifiable), slices.Clone(i.Recovery)
	for n := range other.Verifiable {
		other.Verifiable[n].Value = apart(other.Verifiable[n].Value)
	}
	for n := range other.Recovery {
		other.Recovery[n].Value = apart(other.Recovery[n].Value)
	}
	return &other
}
