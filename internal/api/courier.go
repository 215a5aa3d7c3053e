package api

import (
	"errors"
	"net/http"
	"time"

	"github.com/google/uuid"

	"zelus/internal/auth"
	"zelus/internal/store"
	"zelus/internal/web"
)

// Bounds of a page of messages.
const (
	messagePageSize    = 10
	maxMessagePageSize = 500
)

// hidden stands for what a message says. Its codes and links let people in, so
// nobody is told but developers.
const hidden = "<redacted-unless-dev-mode>"

// message is a message on the wire.
type message struct {
	ID         uuid.UUID        `json:"id"`
	Status     string           `json:"status"`
	Type       string           `json:"type"`
	Recipient  string           `json:"recipient"`
	Body       string           `json:"body"`
	Subject    string           `json:"subject"`
	Template   string           `json:"template_type"`
	Channel    string           `json:"channel"`
	SendCount  int              `json:"send_count"`
	Dispatches []store.Dispatch `json:"dispatches,omitempty"` // of a message by itself
	CreatedAt  time.Time        `json:"created_at"`
	UpdatedAt  time.Time        `json:"updated_at"`
}

func messageOf(m *store.Message, dev bool) message {
	out := message{ID: m.ID, Status: m.Status, Type: m.Type, Recipient: m.Recipient, Body: hidden, Subject: hidden, Template: m.Template,
		Channel: m.Channel, SendCount: m.SendCount, CreatedAt: m.CreatedAt, UpdatedAt: m.UpdatedAt}
	if dev {
		out.Body, out.Subject = m.Body, m.Subject
	}
	return out
}

// listMessages lists messages, the newest first: page by page, of a state, to a
// recipient.
func (a *API) listMessages(w http.ResponseWriter, r *http.Request) error {
	query, err := wholeQuery(r)
	if err != nil {
		return err
	}
	now := a.now.Load()
	only := store.MessageFilter{Status: query.Get("status"), Recipient: query.Get("recipient")}
	switch only.Status {
	case store.MessageQueued, store.MessageSent, store.MessageProcessing, store.MessageAbandoned:
	default:
		if query.Has("status") {
			return parameter(query, "status", "queued, processing, sent or abandoned")
		}
	}
	size, err := web.ReadPageSize(query, messagePageSize, maxMessagePageSize)
	if err != nil {
		return err
	}
	after, err := now.readPageToken(messageTokens, query)
	if err != nil {
		return err
	}
	rows, err := a.Courier.Messages(r.Context(), only, after, size+1) // one more tells whether there is a next page
	if err != nil {
		return err
	}
	next := ""
	if len(rows) > size {
		rows = rows[:size]
		next = now.pageToken(messageTokens, store.PageKey{CreatedAt: rows[size-1].CreatedAt, ID: rows[size-1].ID})
	}
	web.WriteKeyLinks(w, r, size, now.pageToken(messageTokens, store.PageKey{}), next)
	page := make([]message, len(rows))
	for i := range rows {
		page[i] = messageOf(&rows[i], now.config.Dev)
	}
	return web.WriteJSON(w, http.StatusOK, page)
}

// getMessage answers with a message and what came of the tries to send it.
func (a *API) getMessage(w http.ResponseWriter, r *http.Request) error {
	id, err := pathID(r)
	if err != nil {
		return err
	}
	m, err := a.Courier.Message(r.Context(), id)
	if errors.Is(err, store.ErrNotFound) {
		return auth.ErrMessageUnknown
	}
	if err != nil {
		return err
	}
	out := messageOf(m, a.now.Load().config.Dev)
	out.Dispatches = m.Dispatches
	return web.WriteJSON(w, http.StatusOK, out)
}
