package onetime

import (
	"context"

	"zelus/internal/auth"
	"zelus/internal/config"
	"zelus/internal/courier"
	"zelus/internal/courier/templates"
	"zelus/internal/flow"
	"zelus/internal/store"
)

// Notice makes a message to somebody about their account; what it returns writes
// it.
func (s *Secrets) Notice(c *config.Config, n flow.Notice) (func(context.Context, *store.Tx) error, error) {
	d := templates.Data{To: n.To, Identity: n.Identity.Pack().Render(auth.Reader{BaseURL: c.PublicURL().String(), Addresses: true}),
		RequestURL: n.RequestURL, ChangedAt: n.At, AddedAt: n.At, Change: n.Change, UndoURL: n.Undo, ExpiresInMinutes: int(n.Lifespan.Minutes()), TransientPayload: n.TransientPayload}
	said, err := s.render(n.Template, n.Via, languageOf(c, n.Identity, n.Wishes), d)
	if err != nil {
		return nil, err
	}
	m := courier.Message{Project: n.Identity.Project, Type: n.Via, Template: n.Template, Notice: true, ExpiresAt: n.ExpiresAt, Decoy: n.Decoy, Recipient: n.To,
		Subject: said.Subject, Body: said.Body, HTML: said.HTML, TemplateData: said.Data}
	return func(ctx context.Context, tx *store.Tx) error { return s.post(ctx, tx, m) }, nil
}
