package store

import (
	"context"
	"encoding/json"
	"fmt"
	"hash/fnv"
	"strings"
	"time"

	"github.com/google/uuid"
)

const messageColumns = "m.id, m.project_id, m.status, m.type, m.channel, m.template_type, m.share, m.recipient, m.content, m.send_count, m.dispatches, m.expires_at, m.created_at, m.updated_at"

// pageAfter is the rest of a page: the two comparisons of created_at let the
// index skip the pages before.
const pageAfter = ` AND m.status <> 'decoy' AND m.created_at <= ? AND (m.created_at < ? OR m.id < ?) AND (? = '' OR m.status = ?) ORDER BY m.created_at DESC, m.id DESC LIMIT ?`

const (
	insertMessage query = `INSERT INTO messages (id, project_id, status, type, channel, template_type, share, recipient, addressee, lane, content, send_count, dispatches,
		due_at, expires_at, created_at, updated_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`
	selectMessage       query = "SELECT " + messageColumns + " FROM messages m WHERE m.project_id = ? AND m.id = ? AND m.status <> 'decoy'"
	selectMessagePage   query = "SELECT " + messageColumns + " FROM messages m WHERE m.project_id = ?" + pageAfter
	selectMessagePageTo query = "SELECT " + messageColumns + " FROM messages m WHERE m.project_id = ? AND m.addressee = ? AND m.recipient = ?" + pageAfter
	countMessages       query = "SELECT COUNT(*) FROM messages m WHERE m.status = ?"

	selectAnyDue      query = "SELECT COUNT(*) FROM (SELECT id FROM messages WHERE due_at <= ? LIMIT 1) d"
	selectDueMessages query = "SELECT " + messageColumns + " FROM messages m JOIN lanes l ON l.id = m.lane WHERE m.due_at <= ? ORDER BY m.due_at, m.id LIMIT ?"
	selectLeft        query = `SELECT m.updated_at FROM messages m WHERE m.project_id = ? AND m.addressee = ? AND m.type = ? AND m.share = ? AND m.status IN ('processing', 'sent')
		AND m.updated_at > ? AND m.id <> ? ORDER BY m.updated_at DESC LIMIT ?`
	claimMessage query = "UPDATE messages SET status = ?, send_count = ?, due_at = ?, updated_at = ? WHERE id = ? AND send_count = ? AND due_at <= ?"
	// What was never tried has no dispatches yet, which is written [].
	replaceMessages query = `UPDATE messages SET status = ?, content = ?, dispatches = CASE dispatches WHEN '[]' THEN ? || ']' ELSE ? || ',' || substr(dispatches, 2) END,
			due_at = NULL, updated_at = ?
		WHERE status = 'queued' AND id IN (SELECT id FROM (
			SELECT id, ROW_NUMBER() OVER (PARTITION BY template_type ORDER BY created_at DESC, id DESC) AS place FROM messages
			WHERE project_id = ? AND addressee = ? AND type = ? AND share = ? AND status = 'queued' AND (expires_at IS NULL OR expires_at > ?)
		) waiting WHERE place > 1)`
	// A message that expires while it is held is due then, so that it is seen
	// to be given up.
	holdMessages query = `UPDATE messages SET due_at = CASE WHEN expires_at < ? THEN expires_at ELSE ? END
		WHERE project_id = ? AND addressee = ? AND type = ? AND share = ? AND status IN ('queued', 'processing') AND (status = 'queued' OR id = ?)
		AND due_at <= ? AND (expires_at IS NULL OR expires_at > ?)`
	settleMessage query = `UPDATE messages SET status = ?, content = ?, dispatches = ?, due_at = ?, updated_at = ?
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
	// MessageAbandoned failed too often, or was replaced by a newer one.
	MessageAbandoned = "abandoned"
	// MessageDecoy is no message: it is written where there is none to be sent,
	// because that takes the same time. Nobody is told of it, and it does not stay.
	MessageDecoy = "decoy"
)

// ShareAsked is the share of the messages that anybody can ask for: codes and
// links. Whoever misses one can ask again.
const ShareAsked = "asked"

// Message is a row of the outbox: something to be sent to a person.
type Message struct {
	ID      uuid.UUID
	Project uuid.UUID
	Status  string
	// Type is email or sms; Channel names the way by which it is sent.
	Type    string
	Channel string
	// Template says what kind of message this is, such as recovery_code_valid.
	Template string
	// Share names what is counted together of the messages to one recipient:
	// ShareAsked, or something else for those that all have to arrive unless they
	// expire.
	Share     string
	Recipient string
	// Content is what is stored of the next five fields: they hold codes and
	// links, so the courier seals them, and fills them in when it opens Content
	// again. The store knows Content only.
	Content []byte
	Subject string // empty for an SMS
	Body    string // plain text
	HTML    string // the same as HTML; may be empty
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
	Error     *DispatchError `json:"error"`
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

// addressee is by what the messages of one recipient are found, however the
// address is spelt: nobody has two mailboxes that differ in case only. Phone
// numbers have no case.
func addressee(recipient string) string { return strings.ToLower(recipient) }

// lanes is how many rows the table of that name has.
const lanes = 256

// lane is the lane of a recipient; see ClaimMessages.
func lane(m *Message) int {
	h := fnv.New32a()
	h.Write(m.Project[:])
	h.Write([]byte(m.Type + " " + addressee(m.Recipient)))
	return int(h.Sum32() % lanes)
}

// InsertMessage writes a new message: queued, not tried yet, due at once; or a
// decoy, where its status says so.
func (tx *Tx) InsertMessage(ctx context.Context, m *Message) error {
	status, due := MessageQueued, &m.CreatedAt
	if m.Status == MessageDecoy {
		status, due = m.Status, nil
	}
	var expires *time.Time
	if !m.ExpiresAt.IsZero() {
		expires = &m.ExpiresAt
	}
	_, err := tx.exec(ctx, insertMessage, m.ID, m.Project, status, m.Type, m.Channel, m.Template, m.Share, m.Recipient, addressee(m.Recipient), lane(m), m.Content,
		0, "[]", due, expires, m.CreatedAt, m.UpdatedAt)
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
func (q *queries) Messages(ctx context.Context, project uuid.UUID, only MessageFilter, after PageKey, limit int) ([]Message, error) {
	after = after.from()
	rest := []any{after.CreatedAt, after.CreatedAt, after.ID, only.Status, only.Status, limit}
	if only.Recipient != "" {
		return q.messages(ctx, selectMessagePageTo, append([]any{project, addressee(only.Recipient), only.Recipient}, rest...)...)
	}
	return q.messages(ctx, selectMessagePage, append([]any{project}, rest...)...)
}

func (q *queries) messages(ctx context.Context, s query, args ...any) ([]Message, error) {
	var all []Message
	err := q.each(ctx, s, func(r scanner) error {
		var m Message
		var dispatches string
		var expires *time.Time
		if err := r.Scan(&m.ID, &m.Project, &m.Status, &m.Type, &m.Channel, &m.Template, &m.Share, &m.Recipient, &m.Content,
			&m.SendCount, &dispatches, perhaps{&expires}, instant{&m.CreatedAt}, instant{&m.UpdatedAt}); err != nil {
			return err
		}
		if expires != nil {
			m.ExpiresAt = *expires
		}
		if err := json.Unmarshal([]byte(dispatches), &m.Dispatches); err != nil {
			return fmt.Errorf("the dispatches of the message %s cannot be read: %w", m.ID, err)
		}
		for i := range m.Dispatches {
			m.Dispatches[i].MessageID = m.ID // what ClaimMessages writes into several at once has none
		}
		all = append(all, m)
		return nil
	}, args...)
	return all, err
}

// CountMessages counts the messages of all projects that are in a state.
func (q *queries) CountMessages(ctx context.Context, status string) (n int, err error) {
	err = q.one(ctx, countMessages, []any{status}, &n)
	return n, err
}

// MessagesDue says whether ClaimMessages would find something, without
// writing.
func (q *queries) MessagesDue(ctx context.Context, now time.Time) (bool, error) {
	var n int
	err := q.one(ctx, selectAnyDue, []any{now}, &n)
	return n > 0, err
}

// Claim says which messages ClaimMessages takes.
type Claim struct {
	// Now is when, and Until how long the claim holds: a message that has not
	// been settled by then, because the node that had it is gone, is due again.
	Now, Until time.Time
	// Limit is how many messages are taken at most.
	Limit int
	// PerHour is how many messages of a share one recipient gets at once: so many
	// within an hour, and beyond them one each time that this part of an hour has
	// passed since the last one. 0 is any number.
	PerHour int
}

// Claimed is what ClaimMessages did.
type Claimed struct {
	Messages []Message // to be sent by the caller
	Held     int       // they wait, because their recipients got their share
	Replaced int       // they are abandoned, because a newer one waits as well
}

// ClaimMessages takes due messages of all projects for the caller to send,
// those that have waited longest first, and counts the try. Those whose
// recipients have had their share are held back: they are due when there is
// room again, and stay queued.
//
// Whether a message may leave is decided here and not when it is written,
// because only here is it known what has left: a mail server that was away for
// a while, or a worker, would else make up for it all at once. It needs one
// node at a time for each recipient, also where a recipient had no message
// before and has no row to lock. So recipients share lanes, which the SELECT
// locks: a node passes over lanes that another one has, and waits for nobody.
// What counts is what was sent and what is being sent, looked up after the
// lock, so that nobody's claim is missed. The messages themselves are not
// locked, so the UPDATE looks once more whether they are still to be had.
//
// Anybody can ask for codes to somebody's address. So notices do not share with
// them, and of the codes and links that are held the newest of each template is
// kept: it is the one that its reader waits for, and what strangers ask for does
// not pile up before it. So it is with notices that expire, which strangers can cause
// as well. Nothing is replaced as long as there is room.
//
// All that is due for a full recipient is held with one statement, and replaced
// with one, so that a flood for one costs the others nothing.
func (tx *Tx) ClaimMessages(ctx context.Context, c Claim) (done Claimed, err error) {
	for len(done.Messages) < c.Limit {
		due, err := tx.messages(ctx, selectDueMessages+query(tx.dialect.skipLocked), c.Now, c.Limit-len(done.Messages))
		if err != nil || len(due) == 0 {
			return done, err
		}
		for i := range due {
			m := &due[i]
			free, err := tx.freeAt(ctx, m, c)
			if err != nil {
				return Claimed{}, err
			}
			if free.After(c.Now) {
				// Both find none if a message before in this list was of the same share.
				replaced, err := tx.replace(ctx, m, c.Now)
				if err != nil {
					return Claimed{}, err
				}
				held, err := tx.exec(ctx, holdMessages, free, free, m.Project, addressee(m.Recipient), m.Type, m.Share, m.ID, c.Now, c.Now)
				if err != nil {
					return Claimed{}, err
				}
				done.Replaced += replaced
				done.Held += held
				continue
			}
			n, err := tx.exec(ctx, claimMessage, MessageProcessing, m.SendCount+1, c.Until, c.Now, m.ID, m.SendCount, c.Now)
			if err != nil {
				return Claimed{}, err
			}
			if n == 0 {
				continue // another node had it before its lane was locked here
			}
			m.Status, m.UpdatedAt = MessageProcessing, c.Now
			m.SendCount++
			done.Messages = append(done.Messages, *m)
		}
	}
	return done, nil
}

// freeAt is when a due message may leave; a time that is over is now. The hour
// alone would do, but then a stranger who uses all of it up at once would keep
// its owner waiting for the rest of it, longer than most codes are good.
func (tx *Tx) freeAt(ctx context.Context, m *Message, c Claim) (free time.Time, err error) {
	if c.PerHour <= 0 || m.Expired(c.Now) {
		return free, nil
	}
	var left []time.Time // newest first
	err = tx.each(ctx, selectLeft, func(r scanner) error {
		var at time.Time
		err := r.Scan(instant{&at})
		left = append(left, at)
		return err
	}, m.Project, addressee(m.Recipient), m.Type, m.Share, c.Now.Add(-time.Hour), m.ID, c.PerHour)
	if err != nil || len(left) < c.PerHour {
		return free, err
	}
	free, next := left[len(left)-1].Add(time.Hour), left[0].Add(time.Hour/time.Duration(c.PerHour))
	if next.Before(free) {
		free = next
	}
	return free, nil
}

// replace gives up what waits with m and was caused again since: of each
// template all but the newest. What has expired is left to the worker. Notices that do
// not expire all have to arrive.
func (tx *Tx) replace(ctx context.Context, m *Message, now time.Time) (int, error) {
	if m.Share != ShareAsked && m.ExpiresAt.IsZero() {
		return 0, nil
	}
	why, err := json.Marshal(Dispatch{ID: uuid.New(), Status: DispatchFailed, CreatedAt: now, UpdatedAt: now,
		Error: &DispatchError{Message: "the message was not sent: its recipient had as many as courier.recipient_limit allows, and a newer one of the same template took its place"}})
	if err != nil {
		return 0, err
	}
	first := "[" + string(why)
	return tx.exec(ctx, replaceMessages, MessageAbandoned, []byte{}, first, first, now, m.Project, addressee(m.Recipient), m.Type, m.Share, now)
}

// Expired says whether a message is of no use any more.
func (m *Message) Expired(now time.Time) bool {
	return !m.ExpiresAt.IsZero() && !now.Before(m.ExpiresAt)
}

// MessageSent settles a claimed message as sent. Like its two siblings below
// it notes the dispatch, and says whether the claim still held: if not,
// another node has the message and nothing is written. Of Content it keeps what
// there is in m.
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
	content := append([]byte{}, m.Content...) // nothing is an empty value, and not NULL
	n, err := tx.exec(ctx, settleMessage, status, content, string(dispatches), due, d.UpdatedAt, m.Project, m.ID, MessageProcessing, m.SendCount)
	return n > 0, err
}
