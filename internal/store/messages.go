package store

import (
	"context"
	"encoding/json"
	"fmt"
	"math"
	"time"

	"github.com/google/uuid"
)

const messageColumns = "id, project_id, status, type, channel, template_type, recipient, subject, body, html, send_count, dispatches, created_at, updated_at"

const (
	insertMessage query = `INSERT INTO messages (id, project_id, status, type, channel, template_type, recipient, subject, body, html, send_count, dispatches,
		due_at, created_at, updated_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`
	selectMessage query = "SELECT " + messageColumns + " FROM messages WHERE project_id = ? AND id = ?"
	// The two comparisons of created_at let the index skip the pages before.
	selectMessagePage query = "SELECT " + messageColumns + ` FROM messages
		WHERE project_id = ? AND created_at <= ? AND (created_at < ? OR id < ?) AND (? = '' OR status = ?) AND (? = '' OR recipient = ?)
		ORDER BY created_at DESC, id DESC LIMIT ?`

	selectAnyDue      query = "SELECT COUNT(*) FROM (SELECT id FROM messages WHERE due_at <= ? LIMIT 1) d"
	selectDueMessages query = "SELECT " + messageColumns + " FROM messages WHERE due_at <= ? ORDER BY due_at, id LIMIT ?"
	claimMessage      query = "UPDATE messages SET status = ?, send_count = ?, due_at = ?, updated_at = ? WHERE id = ?"
	settleMessage     query = `UPDATE messages SET status = ?, dispatches = ?, due_at = ?, updated_at = ?
		WHERE project_id = ? AND id = ? AND status = ? AND send_count = ?`
)

// States of a message.
const (
	// MessageQueued waits for its first or next try.
	MessageQueued = "queued"
	// MessageProcessing is being sent by a node.
	MessageProcessing = "processing"
	// MessageSent was accepted by the other side.
	MessageSent = "sent"
	// MessageAbandoned failed too often.
	MessageAbandoned = "abandoned"
)

// Message is a row of the outbox: something to be sent to a person.
type Message struct {
	ID      uuid.UUID
	Project uuid.UUID
	Status  string
	// Type is email or sms; Channel names the way by which it is sent.
	Type    string
	Channel string
	// Template says what kind of message this is, such as recovery_code_valid.
	Template  string
	Recipient string
	Subject   string // empty for an SMS
	Body      string // plain text
	HTML      string // the same as HTML; may be empty
	// TemplateData is what the template was filled with, and RequestHeaders
	// those of the request that caused the message: for services that make the
	// message themselves.
	TemplateData   json.RawMessage
	RequestHeaders map[string][]string
	// ExpiresAt is when the message stops to be of use, because its code or
	// link does; zero is never.
	ExpiresAt time.Time
	// SendCount counts the tries, one under way among them.
	SendCount  int
	Dispatches []Dispatch // newest first
	CreatedAt  time.Time
	UpdatedAt  time.Time
}

// Dispatch is what came of one try to send a message, as it is answered to
// administrators.
type Dispatch struct {
	ID        uuid.UUID      `json:"id"`
	MessageID uuid.UUID      `json:"message_id"`
	Status    string         `json:"status"`
	Error     *DispatchError `json:"error,omitempty"`
	CreatedAt time.Time      `json:"created_at"`
	UpdatedAt time.Time      `json:"updated_at"`
}

// DispatchError says why a try failed.
type DispatchError struct {
	Message string `json:"message"`
}

// Values of Dispatch.Status.
const (
	DispatchSuccess = "success"
	DispatchFailed  = "failed"
)

// dispatchesKept bounds how many tries a message remembers.
const dispatchesKept = 20

// MessageFilter narrows a list of messages; an empty field does not.
type MessageFilter struct {
	Status    string
	Recipient string // exactly this
}

// MessageKey is a place in a list of messages: that of its last one so far.
// The zero key is before the newest message.
type MessageKey struct {
	CreatedAt time.Time
	ID        uuid.UUID
}

// InsertMessage writes a new message: queued, not tried yet, due at once.
func (tx *Tx) InsertMessage(ctx context.Context, m *Message) error {
	_, err := tx.exec(ctx, insertMessage, m.ID, m.Project, MessageQueued, m.Type, m.Channel, m.Template, m.Recipient, m.Subject, m.Body, m.HTML,
		0, "[]", m.CreatedAt, m.CreatedAt, m.UpdatedAt)
	return err
}

// Message reads a message; ErrNotFound where there is none.
func (q *queries) Message(ctx context.Context, project, id uuid.UUID) (*Message, error) {
	all, err := q.messages(ctx, selectMessage, project, id)
	if err == nil && len(all) == 0 {
		return nil, ErrNotFound
	}
	if err != nil {
		return nil, err
	}
	return &all[0], nil
}

// Messages lists up to limit messages, newest first, that come after a key.
func (q *queries) Messages(ctx context.Context, project uuid.UUID, only MessageFilter, after MessageKey, limit int) ([]Message, error) {
	if after == (MessageKey{}) {
		after = MessageKey{CreatedAt: time.UnixMicro(math.MaxInt64), ID: uuid.Max}
	}
	return q.messages(ctx, selectMessagePage, project, after.CreatedAt, after.CreatedAt, after.ID, only.Status, only.Status,
		only.Recipient, only.Recipient, limit)
}

func (q *queries) messages(ctx context.Context, s query, args ...any) ([]Message, error) {
	var all []Message
	err := q.each(ctx, s, func(r scanner) error {
		var m Message
		var dispatches string
		if err := r.Scan(&m.ID, &m.Project, &m.Status, &m.Type, &m.Channel, &m.Template, &m.Recipient, &m.Subject, &m.Body, &m.HTML,
			&m.SendCount, &dispatches, instant{&m.CreatedAt}, instant{&m.UpdatedAt}); err != nil {
			return err
		}
		if err := json.Unmarshal([]byte(dispatches), &m.Dispatches); err != nil {
			return fmt.Errorf("the dispatches of the message %s cannot be read: %w", m.ID, err)
		}
		all = append(all, m)
		return nil
	}, args...)
	return all, err
}

// MessagesDue says whether ClaimMessages would find something, without
// writing.
func (q *queries) MessagesDue(ctx context.Context, now time.Time) (bool, error) {
	var n int
	err := q.one(ctx, selectAnyDue, []any{now}, &n)
	return n > 0, err
}

// ClaimMessages takes up to limit due messages of all projects for the
// caller to send, those that have waited longest first, and counts the try.
// A claim holds until the given time: a message that has not been settled by
// then, because the node that had it is gone, is due again.
func (tx *Tx) ClaimMessages(ctx context.Context, now, until time.Time, limit int) ([]Message, error) {
	all, err := tx.messages(ctx, selectDueMessages+query(tx.dialect.skipLocked), now, limit)
	if err != nil {
		return nil, err
	}
	for i := range all {
		m := &all[i]
		m.Status, m.UpdatedAt = MessageProcessing, now
		m.SendCount++
		if _, err := tx.exec(ctx, claimMessage, m.Status, m.SendCount, until, now, m.ID); err != nil {
			return nil, err
		}
	}
	return all, nil
}

// MessageSent settles a claimed message as sent. Like its two siblings below
// it notes the dispatch, and says whether the claim still held: if not,
// another node has the message and nothing is written.
func (tx *Tx) MessageSent(ctx context.Context, m *Message, d Dispatch) (bool, error) {
	return tx.settle(ctx, m, d, MessageSent, nil)
}

// MessageFailed settles a claimed message as to be tried again.
func (tx *Tx) MessageFailed(ctx context.Context, m *Message, d Dispatch, due time.Time) (bool, error) {
	return tx.settle(ctx, m, d, MessageQueued, due)
}

// MessageAbandoned settles a claimed message as given up.
func (tx *Tx) MessageAbandoned(ctx context.Context, m *Message, d Dispatch) (bool, error) {
	return tx.settle(ctx, m, d, MessageAbandoned, nil)
}

// settle writes the end of a try; due is a time, or nil for never again. The
// count of tries tells this claim from a later one of the same message.
func (tx *Tx) settle(ctx context.Context, m *Message, d Dispatch, status string, due any) (bool, error) {
	all := append([]Dispatch{d}, m.Dispatches...)
	dispatches, err := json.Marshal(all[:min(len(all), dispatchesKept)])
	if err != nil {
		return false, err
	}
	n, err := tx.exec(ctx, settleMessage, status, string(dispatches), due, d.UpdatedAt, m.Project, m.ID, MessageProcessing, m.SendCount)
	return n > 0, err
}
