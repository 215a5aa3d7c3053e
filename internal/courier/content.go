package courier

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/google/uuid"

	"zelus/internal/auth"
	"zelus/internal/secret"
	"zelus/internal/store"
)

// KeyPurpose is what the keys of contents are derived for; see secret.NewRing.
const KeyPurpose = "message"

// errSealed is why a message is not sent that cannot be read any more. Another
// node may have the key: it is tried again like any other failure.
var errSealed = errors.New("the message cannot be opened: the secret that it was sealed with is not in secrets.default; put it back at the end of that list")

// content is what is sealed of a message: all that holds codes and links, or
// says what somebody did.
type content struct {
	Subject        string              `json:"subject,omitempty"`
	Body           string              `json:"body,omitempty"`
	HTML           string              `json:"html,omitempty"`
	TemplateData   json.RawMessage     `json:"template_data,omitempty"`
	RequestHeaders map[string][]string `json:"request_headers,omitempty"`
}

// seal makes the stored content of a message. It is bound to the message's id,
// so that who can write to the database cannot have one sent as another.
func seal(keys *secret.Ring, m *store.Message) error {
	plain, err := json.Marshal(content{m.Subject, m.Body, m.HTML, m.TemplateData, m.RequestHeaders})
	if err != nil {
		return fmt.Errorf("courier: a %s message cannot be written down", m.Template) // the error may repeat it
	}
	m.Content = keys.Seal(plain, m.ID[:])
	return nil
}

// unseal fills in what was sealed.
func unseal(keys *secret.Ring, m *store.Message) error {
	plain, err := keys.Open(m.Content, m.ID[:])
	if err != nil {
		return errSealed
	}
	var c content
	if err := json.Unmarshal(plain, &c); err != nil {
		return errors.New("the message cannot be read: a newer release wrote it")
	}
	m.Subject, m.Body, m.HTML, m.TemplateData, m.RequestHeaders = c.Subject, c.Body, c.HTML, c.TemplateData, c.RequestHeaders
	return nil
}

// Message reads a message, for administrators; store.ErrNotFound where there is
// none. One whose key is gone has no content.
func (c *Courier) Message(ctx context.Context, id uuid.UUID) (*store.Message, error) {
	m, err := c.options.Store.Message(ctx, auth.DefaultProject, id)
	if err != nil {
		return nil, err
	}
	_ = unseal(c.options.Keys(), m) // it stays empty
	return m, nil
}

// Messages lists up to limit messages, newest first, that come after a key, for
// administrators. Those whose keys are gone have no content.
func (c *Courier) Messages(ctx context.Context, only store.MessageFilter, after store.PageKey, limit int) ([]store.Message, error) {
	all, err := c.options.Store.Messages(ctx, auth.DefaultProject, only, after, limit)
	if err != nil {
		return nil, err
	}
	keys := c.options.Keys()
	for i := range all {
		_ = unseal(keys, &all[i]) // it stays empty
	}
	return all, nil
}
