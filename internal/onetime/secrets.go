package onetime

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"log/slog"
	"net/url"
	"sync/atomic"
	"time"

	"github.com/google/uuid"
	"github.com/tidwall/gjson"

	"zelus/internal/auth"
	"zelus/internal/config"
	"zelus/internal/courier"
	"zelus/internal/courier/templates"
	"zelus/internal/flow"
	"zelus/internal/language"
	"zelus/internal/schema"
	"zelus/internal/secret"
	"zelus/internal/store"
)

const (
	codeLength  = 6  // digits
	tokenLength = 43 // letters and digits: 256 bits
)

// Secrets are the one-time secrets of a server. Build it as a literal and call
// Configure before use.
type Secrets struct {
	Store   *store.Store
	Courier *courier.Courier
	// Templates are those in force.
	Templates func() *templates.Templates
	Clock     func() time.Time
	Logger    *slog.Logger

	ring atomic.Pointer[secret.Ring]
}

// Configure replaces the keys, newest first.
func (s *Secrets) Configure(keys []string) error {
	ring, err := secret.NewRing("one-time secret", keys)
	if err == nil {
		s.ring.Store(ring)
	}
	return err
}

// Owner finds whose address it is that somebody typed, for what the flow is for:
// the address as it is kept, and the identity, or nil where it is nobody's. It is
// not ok where it cannot be an address at all.
func (s *Secrets) Owner(ctx context.Context, f *auth.Flow, typed string) (address schema.Address, owner *auth.Identity, ok bool, err error) {
	if address, ok = schema.ReadAddress(typed); !ok {
		return address, nil, false, nil
	}
	owner, err = s.Store.IdentityByAddress(ctx, f.Project, purposeOf(f.Kind).addresses, address.Via, address.Value)
	if errors.Is(err, store.ErrNotFound) {
		return address, nil, true, nil
	}
	return address, owner, true, err
}

// Errand is that of sending a secret to an address that somebody typed, see
// Owner. One that waits for its proof is nobody's yet: there it is the same errand
// again as that which the form was begun for.
func (s *Secrets) Errand(ctx context.Context, f *auth.Flow, typed string) (e flow.Errand, ok bool, err error) {
	address, owner, ok, err := s.Owner(ctx, f, typed)
	e = flow.Errand{Identity: owner, Via: address.Via, Address: address.Value}
	if err != nil || !ok || f.Kind != auth.Verification || f.State != auth.SentEmail {
		return e, ok, err
	}
	c, err := s.newest(ctx, f)
	if err != nil || c == nil || owner != nil || len(c.Sealed) == 0 || c.UsedAt != nil || c.Via != e.Via || c.Address != e.Address {
		return e, true, err
	}
	found, err := s.found(c)
	if err != nil {
		return e, true, err
	}
	e.Identity, err = s.Store.Identity(ctx, f.Project, found.Proof.Identity)
	if errors.Is(err, store.ErrNotFound) {
		return e, true, nil // it went with its owner, a moment ago
	}
	e.Change = found.Proof.Change
	return e, true, err
}

// Code sends a code to an address, or hands it over where the errand names
// none. An errand without identity is for an address that is nobody's; in a
// registration it is who signs up, and is not stored yet.
func (s *Secrets) Code(form *flow.Form, e flow.Errand) (flow.Sent, error) {
	return s.issue(form, e, secret.Digits(codeLength), true)
}

// Link sends a link, or hands over its token.
func (s *Secrets) Link(form *flow.Form, e flow.Errand) (flow.Sent, error) {
	return s.issue(form, e, secret.Token("", tokenLength), false)
}

func (s *Secrets) issue(form *flow.Form, e flow.Errand, plain string, isCode bool) (flow.Sent, error) {
	f, now := form.Flow, auth.Now(s.Clock())
	lifespan := e.Lifespan
	if lifespan == 0 {
		lifespan = form.Config.SelfService.Methods.Link.Config.Lifespan
		if isCode {
			lifespan = form.Config.SelfService.Methods.Code.Config.Lifespan
		}
	}
	ring := s.ring.Load()
	c := &store.Code{ID: uuid.Must(uuid.NewV7()), Project: f.Project, FlowID: f.ID, Via: e.Via, Address: e.Address,
		Hash: ring.Hash(bound(f, plain)), CreatedAt: now, ExpiresAt: now.Add(lifespan)}
	if e.Identity != nil && f.Kind != auth.Registration {
		c.IdentityID = uuid.NullUUID{UUID: e.Identity.ID, Valid: true}
	}
	if len(e.Change) > 0 {
		c.Sealed = ring.Seal(e.Change, c.ID[:])
	}
	message, err := s.message(form, e, plain, isCode, lifespan)
	if err != nil {
		return flow.Sent{}, err
	}
	return flow.Sent{Secret: plain, Link: address(form.Config, f, isCode, plain), ExpiresAt: c.ExpiresAt, Outcome: flow.Next().Then(func(ctx context.Context, tx *store.Tx) error {
		if err := tx.InsertCode(ctx, c); err != nil {
			return err
		}
		if len(c.Sealed) > 0 && f.Kind == auth.Verification {
			// Of the changes that wait for a proof the newest counts. Links that
			// undo one stay: who has changed an account must not void them.
			if err := tx.VoidWaiting(ctx, c.Project, c.IdentityID.UUID, f.Kind, c.FlowID, now); err != nil {
				return err
			}
		}
		if message == nil {
			return nil
		}
		return s.post(ctx, tx, *message)
	})}, nil
}

// bound is a secret as it is hashed: it fits its own flow only.
func bound(f *auth.Flow, plain string) string { return f.ID.String() + " " + plain }

// message is what carries a secret, or says that there is none; nil where
// nothing is sent. An address that is nobody's, and is not told so, gets a decoy:
// the same work, and a row that never leaves.
func (s *Secrets) message(form *flow.Form, e flow.Errand, plain string, isCode bool, lifespan time.Duration) (*courier.Message, error) {
	if e.Address == "" || e.Quiet {
		return nil, nil
	}
	f, purpose := form.Flow, purposeOf(form.Flow.Kind)
	told := !e.Decoy && (e.Identity != nil || e.Via == auth.ViaEmail && purpose.tellsUnknown(&form.Config.SelfService.Flows))
	d := templates.Data{To: e.Address, RequestURL: f.RequestURL, TransientPayload: f.TransientPayload}
	m := &courier.Message{Project: f.Project, Type: e.Via, Recipient: e.Address, Template: template(f.Kind, isCode, e.Identity != nil || !told),
		ExpiresAt: auth.Now(s.Clock()).Add(lifespan), Decoy: !told}
	if e.Identity != nil || !told {
		purpose.fill(&d, plain, address(form.Config, f, isCode, plain), isCode)
		d.ExpiresInMinutes = int(lifespan.Minutes())
		if f.Kind == auth.Registration {
			d.Traits = e.Identity.Traits
		} else {
			d.Identity = subject(form.Config, e)
		}
	}
	if isCode {
		m.RequestHeaders = form.Headers()
	}
	said, err := s.render(m.Template, m.Type, languageOf(form.Config, e.Identity, form.Wishes), d)
	if err != nil {
		return nil, err
	}
	m.Subject, m.Body, m.HTML, m.TemplateData = said.Subject, said.Body, said.HTML, said.Data
	return m, nil
}

// subject is who a message is about; of a decoy, somebody who is not there.
func subject(c *config.Config, e flow.Errand) json.RawMessage {
	i := e.Identity
	if i == nil {
		at := time.Unix(0, 0)
		i = &auth.Identity{State: auth.Active, Traits: json.RawMessage(`{}`), CreatedAt: at, UpdatedAt: at,
			Verifiable: []auth.VerifiableAddress{{Via: e.Via, Value: e.Address}}, Recovery: []auth.RecoveryAddress{{Via: e.Via, Value: e.Address}}}
	}
	return i.Pack().Render(auth.Reader{BaseURL: c.PublicURL().String(), Addresses: true})
}

// post writes a message, which leaves a moment after that is committed.
func (s *Secrets) post(ctx context.Context, tx *store.Tx, m courier.Message) error {
	tx.After(s.Courier.Wake)
	return s.Courier.Enqueue(ctx, tx, m)
}

// render puts a message into words. Where an operator's template fails, the
// built-in one stands in for it.
func (s *Secrets) render(template, via, tag string, d templates.Data) (*templates.Rendered, error) {
	said, err := s.Templates().Render(template, via, tag, d)
	if err == nil && said.Fault != nil {
		s.Logger.Warn("a template of a message failed, and the built-in text was sent instead", "template", template, "error", said.Fault)
	}
	return said, err
}

// purpose is what the secrets of a kind of flow are good for.
type purpose struct {
	// addresses are those that the store keeps for it.
	addresses string
	// tellsUnknown says whether addresses that are nobody's are told so.
	tellsUnknown func(*config.Flows) bool
	// fill puts a secret, and the link that carries it, into a message.
	fill func(d *templates.Data, plain, link string, isCode bool)
}

// purposeOf is the one table of them.
func purposeOf(kind auth.Kind) purpose {
	nobody := func(*config.Flows) bool { return false }
	switch kind {
	case auth.Login:
		return purpose{store.ForVerification, nobody, func(d *templates.Data, plain, _ string, _ bool) { d.LoginCode = plain }}
	case auth.Registration:
		return purpose{store.ForVerification, nobody, func(d *templates.Data, plain, _ string, _ bool) { d.RegistrationCode = plain }}
	case auth.Recovery:
		return purpose{store.ForRecovery, func(c *config.Flows) bool { return c.Recovery.NotifyUnknownRecipients },
			func(d *templates.Data, plain, link string, isCode bool) {
				if isCode {
					d.RecoveryCode = plain
				} else {
					d.RecoveryURL = link
				}
			}}
	}
	return purpose{store.ForVerification, func(c *config.Flows) bool { return c.Verification.NotifyUnknownRecipients },
		func(d *templates.Data, plain, link string, isCode bool) {
			d.VerificationURL = link
			if isCode {
				d.VerificationCode = plain
			}
		}}
}

func template(kind auth.Kind, isCode, known bool) string {
	name := string(kind)
	if isCode {
		name += "_code"
	}
	if !known {
		return name + "_invalid"
	}
	return name + "_valid"
}

// address is that of the link which carries a secret. It follows from the
// configuration alone, whatever host was asked.
func address(c *config.Config, f *auth.Flow, isCode bool, plain string) string {
	name := "token"
	if isCode {
		name = "code"
	}
	return c.PublicURL().String() + "self-service/" + string(f.Kind) + "?" + url.Values{"flow": {f.ID.String()}, name: {plain}}.Encode()
}

// languageOf is that in which somebody is written to: the one of their trait
// "locale", or else one that the request asks for, which may be another person's.
func languageOf(c *config.Config, i *auth.Identity, asked language.Wishes) string {
	offer := c.Languages.Offer()
	if i != nil {
		if tag := offer.Find(gjson.GetBytes(i.Traits, "locale").String()); tag != "" {
			return tag
		}
	}
	return offer.Pick(asked)
}

// Open finds the secret whose token a link holds, if it may be used: the newest
// of its flow, and not used, expired or nobody's. Where it is nil, late says since
// when one that was right has expired; it is zero where the token is wrong.
func (s *Secrets) Open(ctx context.Context, f *auth.Flow, token string) (found *Found, late time.Time, err error) {
	c, err := s.newest(ctx, f)
	if err != nil || c == nil || !s.ring.Load().Matches(bound(f, token), c.Hash) {
		return nil, late, err
	}
	if s.usable(f, c) {
		found, err = s.found(c)
		return found, late, err
	}
	if c.UsedAt == nil && !s.Clock().Before(c.ExpiresAt) {
		late = c.ExpiresAt
	}
	return nil, late, nil
}

// Opened finds the secret of a flow whose link was opened before; nil where it
// may not be used any more.
func (s *Secrets) Opened(ctx context.Context, f *auth.Flow) (*Found, error) {
	c, err := s.newest(ctx, f)
	if err != nil || c == nil || !s.usable(f, c) {
		return nil, err
	}
	return s.found(c)
}

// newest reads the secret of a flow that counts; nil where there is none.
func (s *Secrets) newest(ctx context.Context, f *auth.Flow) (*store.Code, error) {
	c, err := s.Store.Code(ctx, f.Project, f.ID)
	if errors.Is(err, store.ErrNotFound) {
		return nil, nil
	}
	return c, err
}

func (s *Secrets) usable(f *auth.Flow, c *store.Code) bool {
	return valid(f, c) && s.Clock().Before(c.ExpiresAt)
}

// valid says whether a secret could be used before it expires: it was not, and is
// somebody's, or of somebody who signs up and is not there yet.
func valid(f *auth.Flow, c *store.Code) bool {
	return c.UsedAt == nil && (c.IdentityID.Valid || f.Kind == auth.Registration)
}

// Found is a secret that is right.
type Found struct {
	Proof flow.Proof
	code  *store.Code
}

// ExpiresAt is the end of the secret's time.
func (f *Found) ExpiresAt() time.Time { return f.code.ExpiresAt }

func (s *Secrets) found(c *store.Code) (*Found, error) {
	p := flow.Proof{Identity: c.IdentityID.UUID, Via: c.Via, Address: c.Address}
	if len(c.Sealed) > 0 {
		change, err := s.ring.Load().Open(c.Sealed, c.ID[:])
		if err != nil {
			return nil, err
		}
		p.Change = json.RawMessage(change)
	}
	return &Found{Proof: p, code: c}, nil
}

// Handle stands for an address in a form of this flow that must not tell it: who
// guesses at addresses cannot see from it whether they are right.
func (s *Secrets) Handle(f *auth.Flow, address string) string {
	return base64.StdEncoding.EncodeToString(s.ring.Load().Hash("handle " + bound(f, address)))
}

// Use uses a secret up, in the transaction of what it is good for. Of several
// that try, all but one get flow.ErrNotProven.
func (s *Secrets) Use(f *Found) func(context.Context, *store.Tx) error {
	return func(ctx context.Context, tx *store.Tx) error {
		won, err := tx.UseCode(ctx, f.code, auth.Now(s.Clock()))
		if err == nil && !won {
			return flow.ErrNotProven
		}
		return err
	}
}

// UseForAll is Use for what takes an account back: with it goes every secret
// since then that would change the account once more.
func (s *Secrets) UseForAll(f *Found) func(context.Context, *store.Tx) error {
	use := s.Use(f)
	return func(ctx context.Context, tx *store.Tx) error {
		if err := use(ctx, tx); err != nil {
			return err
		}
		return tx.VoidSince(ctx, f.code.Project, f.code.IdentityID.UUID, f.code.CreatedAt, auth.Now(s.Clock()))
	}
}
