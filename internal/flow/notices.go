package flow

import (
	"context"
	"encoding/json"
	"slices"
	"time"

	"github.com/google/uuid"

	"zelus/internal/auth"
	"zelus/internal/config"
	"zelus/internal/identity"
	"zelus/internal/language"
	"zelus/internal/schema"
	"zelus/internal/store"
)

// Notice is a message to somebody about their account.
type Notice struct {
	Identity *auth.Identity
	Template string
	Via, To  string
	// Wishes are the languages that the request asks for.
	Wishes     language.Wishes
	At         time.Time
	RequestURL string
	// Undo is the address at which a change is undone, for as long as Lifespan;
	// empty where it cannot be.
	Undo     string
	Lifespan time.Duration
	// ExpiresAt is when there is no use in it any more; zero is never. It is for what
	// strangers can cause again and again: of several that wait, the newest is kept.
	ExpiresAt time.Time
	// Change is the method that a notice is about; empty where it is about none.
	Change           string
	TransientPayload json.RawMessage
	// Decoy says that it is written for the work that it takes, and never sent.
	Decoy bool
}

// undoWithin is how long a change of address can be undone.
const undoWithin = 72 * time.Hour

// notices are the messages that the configuration wants sent after a success:
// what they say is made now, and written with the change.
func (v *visit) notices(done *result, o Outcome) error {
	hooks := v.kind.after(v.config).Of(done.method)
	if o.verdict == verified {
		if done.before == nil || hashOf(done.before.Traits) == hashOf(done.identity.Traits) {
			return nil
		}
		hooks = settings.after(v.config).Of("profile") // the change was made there, and has waited
	}
	for _, h := range hooks {
		var err error
		switch {
		case h.Name == "notify_previous_addresses" && done.before != nil && (o.verdict == changed || o.verdict == verified):
			err = v.tellPrevious(done, h)
		case h.Name == "notify_owner":
			err = v.tellOwner(done, o)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func (v *visit) tellOwner(done *result, o Outcome) error {
	template, err := v.news(done, o)
	if err != nil || template == "" {
		return err
	}
	for _, n := range addressed(v.config, Notice{Identity: done.identity, Template: template, Change: done.method}) {
		if err := v.tellOne(done, n); err != nil {
			return err
		}
	}
	return nil
}

// addressed is a notice to an owner once for each address at which they are told.
func addressed(c *config.Config, n Notice) (all []Notice) {
	for _, a := range reached(c, n.Identity.Verifiable) {
		n.Via, n.To = a.Via, a.Value
		all = append(all, n)
	}
	return all
}

// news is the template of what there is to tell an owner of a success; empty where
// there is nothing to tell.
func (v *visit) news(done *result, o Outcome) (template string, err error) {
	switch o.verdict {
	case recovered:
		return "account_recovered", nil
	case proven:
		strange, err := v.engine.Sessions.NewDevice(v.r.Context(), done.identity, done.session)
		if err != nil || !strange {
			return "", err
		}
		return "authenticator_used", nil
	case changed:
		return v.factorNews(done), nil
	}
	return "", nil
}

// factorNews is news of a change of the credential that a method manages. What is put in
// the place of another one was added.
func (v *visit) factorNews(done *result) string {
	of := auth.CredentialType(done.method)
	had, has := v.engine.Identities.Held(done.before, of), v.engine.Identities.Held(done.identity, of)
	switch {
	case string(done.before.Credentials[of].Config) == string(done.identity.Credentials[of].Config):
		return ""
	case of == auth.Password:
		return "password_changed"
	case has < had:
		return "authenticator_removed"
	case of == auth.WebAuthn, of == auth.Passkey:
		return "authenticator_key_added" // the one that Kratos has
	}
	return "authenticator_added"
}

// DeleteCredential takes a credential away from somebody, for an administrator. They are
// told as if they had done it themselves, but in a language of their own: the request is
// somebody else's.
func (e *Engine) DeleteCredential(ctx context.Context, id uuid.UUID, t auth.CredentialType, identifier string) error {
	c := e.now.Load()
	return e.Identities.DeleteCredential(ctx, id, t, identifier, func(before, after *auth.Identity) (func(context.Context, *store.Tx) error, error) {
		if !hooked(settings.after(c.config).Of(string(t)), "notify_owner") || e.Identities.Held(after, t) == e.Identities.Held(before, t) {
			return nil, nil
		}
		return e.notice(c, Notice{Identity: after, Template: "authenticator_removed", At: after.UpdatedAt, Change: string(t), RequestURL: c.base})
	})
}

// notice is tellOwner where nobody visits: what it returns writes the messages.
func (e *Engine) notice(c *current, n Notice) (func(context.Context, *store.Tx) error, error) {
	var all []func(context.Context, *store.Tx) error
	for _, n := range addressed(c.config, n) {
		write, err := e.Notify(n)
		if err != nil {
			return nil, err
		}
		if write != nil {
			all = append(all, write)
		}
	}
	return func(ctx context.Context, tx *store.Tx) error {
		for _, write := range all {
			if err := write(ctx, tx); err != nil {
				return err
			}
		}
		return nil
	}, nil
}

// reached are the addresses at which somebody is told of what happens to their
// account: those for mail that are proven, or the first one where none is. Who has
// none for mail is told by phone in the same way, where that can be.
func reached(c *config.Config, all []auth.VerifiableAddress) []auth.VerifiableAddress {
	by := func(via string) []auth.VerifiableAddress {
		return slices.DeleteFunc(slices.Clone(all), func(a auth.VerifiableAddress) bool { return a.Via != via })
	}
	have := by(auth.ViaEmail)
	if len(have) == 0 && c.TextsPhones() {
		have = by(auth.ViaSMS)
	}
	if proven := slices.DeleteFunc(slices.Clone(have), func(a auth.VerifiableAddress) bool { return !a.Verified }); len(proven) > 0 {
		return proven
	}
	return have[:min(len(have), 1)]
}

// tellPrevious tells the addresses that an account had of a change. Those that
// it has no longer, and whose owner had proven them, can undo it.
func (v *visit) tellPrevious(done *result, h config.Hook) error {
	kept := func(a auth.VerifiableAddress) bool {
		return slices.ContainsFunc(done.identity.Verifiable, func(b auth.VerifiableAddress) bool { return a.Via == b.Via && a.Value == b.Value })
	}
	if !identity.Readdressed(done.before, done.identity) {
		return nil
	}
	for _, a := range done.before.Verifiable {
		switch {
		case h.Config.Recipients == "all", h.Config.Recipients == "all_verified" && a.Verified, !kept(a):
		default:
			continue
		}
		n := Notice{Identity: done.identity, Template: "verifiable_address_changed", Via: a.Via, To: a.Value}
		if !kept(a) && settled(done.before, a, done.identity.UpdatedAt) && a.Via == auth.ViaEmail {
			var err error
			if n.Undo, err = v.undoLink(done, a); err != nil {
				return err
			}
			if n.Undo != "" {
				n.Template, n.Lifespan = "address_undo", undoWithin
			}
		}
		if err := v.tellOne(done, n); err != nil {
			return err
		}
	}
	return nil
}

// atOnce is how soon after an account was made an address is one of its first.
const atOnce = time.Second

// settled says whether an address has been proven for so long that its owner may
// take the account back, or has been there from the beginning. A thief who moves an
// account from one address of theirs to the next gets no way back into it.
func settled(i *auth.Identity, a auth.VerifiableAddress, now time.Time) bool {
	return a.Verified && (a.CreatedAt.Sub(i.CreatedAt) < atOnce || a.VerifiedAt != nil && now.Sub(*a.VerifiedAt) >= undoWithin)
}

// trusted are an identity's traits without the addresses that are not settled: a
// thief may have brought one along before the change that is undone.
func trusted(i *auth.Identity, now time.Time) json.RawMessage {
	var fresh []string
	for _, a := range i.Verifiable {
		if !settled(i, a, now) {
			fresh = append(fresh, a.Value)
		}
	}
	for _, a := range i.Recovery {
		if !slices.ContainsFunc(i.Verifiable, func(b auth.VerifiableAddress) bool { return a.Value == b.Value }) && a.CreatedAt.Sub(i.CreatedAt) >= atOnce && now.Sub(a.CreatedAt) < undoWithin {
			fresh = append(fresh, a.Value)
		}
	}
	return schema.Without(i.Traits, fresh)
}

// undoLink begins the form in which the owner of a former address takes an
// account back; empty where the configuration does not allow for it.
func (v *visit) undoLink(done *result, a auth.VerifiableAddress) (string, error) {
	now := done.identity.UpdatedAt
	// A thief may have brought a factor along, too, before the change.
	had := v.engine.Identities.Parts(done.before, func(added time.Time) bool {
		return added.Sub(done.before.CreatedAt) < atOnce || now.Sub(added) >= undoWithin
	})
	undo, err := json.Marshal(pendingChange{Traits: trusted(done.before, now), Undo: true, Had: had})
	if err != nil {
		return "", err
	}
	f := v.newFlow(recovery, auth.Browser)
	f.RequestURL, f.ExpiresAt, f.Undo, f.Unbound, f.HandedOut = v.base+"self-service/recovery/browser", f.IssuedAt.Add(undoWithin), true, true, true
	begun, sent, err := v.onBehalf(f, "link", Errand{Identity: done.before, Via: a.Via, Address: a.Value, Change: undo, Lifespan: undoWithin, Quiet: true})
	if err != nil || begun == nil {
		return "", err
	}
	done.then = append(done.then, begun.store)
	return sent.Link, nil
}

func (v *visit) tellOne(done *result, n Notice) error {
	n.At, n.Wishes, n.RequestURL, n.TransientPayload = done.identity.UpdatedAt, v.wishes(done.flow), done.flow.RequestURL, done.flow.TransientPayload
	write, err := v.engine.Notify(n)
	if err == nil && write != nil {
		done.then = append(done.then, write)
	}
	return err
}
