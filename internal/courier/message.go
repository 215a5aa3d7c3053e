package courier

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/google/uuid"

	"zelus/internal/auth"
	"zelus/internal/secret"
	"zelus/internal/store"
)

// Message is something to be sent.
type Message struct {
	Project uuid.UUID
	// Type is auth.ViaEmail or auth.ViaSMS. It is also the channel.
	Type string
	// Template is the kind of message, such as recovery_code_valid.
	Template string
	// Recipient is an email address or a phone number.
	Recipient string
	// Subject is one line of text; an SMS has none.
	Subject string
	// Body is plain text. HTML says the same for mail programs that show it;
	// it may be empty.
	Body string
	HTML string
	// TemplateData and RequestHeaders are for services that make the message
	// themselves; see store.Message.
	TemplateData   json.RawMessage
	RequestHeaders map[string][]string
	// ExpiresAt is when the message stops to be of use; zero is never.
	ExpiresAt time.Time
	// Notice says that it tells of something that has happened, and that nobody
	// asked for it. No code that strangers ask for holds it up, and none is replaced by a
	// newer one unless it expires.
	Notice bool
	// Decoy says that it is never sent. It is written because writing one takes
	// time, by which strangers must not learn whether there is an account.
	Decoy bool
}

// ErrRecipient says that a message cannot go to its recipient, because that is
// not an address of the message's type.
var ErrRecipient = errors.New("courier: the recipient is not a valid address")

// maxContent bounds the subject, the body, the HTML and the template data of a
// message together, in bytes. Mail servers refuse more than about ten times as much.
const maxContent = 1 << 20

// row makes the outbox row of a message, its content sealed. No error of it
// repeats the content.
func (m Message) row(now time.Time, keys *secret.Ring) (*store.Message, error) {
	switch {
	case m.Type == auth.ViaEmail && !validEmail(m.Recipient):
		return nil, ErrRecipient
	case m.Type == auth.ViaSMS && !validPhone(m.Recipient):
		return nil, ErrRecipient
	case m.Type != auth.ViaEmail && m.Type != auth.ViaSMS:
		return nil, fmt.Errorf("courier: the message type %q is neither %s nor %s", m.Type, auth.ViaEmail, auth.ViaSMS)
	}
	if size := len(m.Subject) + len(m.Body) + len(m.HTML) + len(m.TemplateData); size > maxContent {
		return nil, fmt.Errorf("courier: a %s message of %d bytes is larger than the %d that are sent", m.Template, size, maxContent)
	}
	id, err := uuid.NewV7()
	if err != nil {
		return nil, fmt.Errorf("courier: no id for a message: %w", err)
	}
	row := &store.Message{ID: id, Project: m.Project, Type: m.Type, Channel: m.Type, Template: m.Template, Share: store.ShareAsked, Recipient: m.Recipient,
		Subject: strings.Join(strings.Fields(readable(m.Subject)), " "), Body: readable(m.Body), HTML: readable(m.HTML),
		TemplateData: m.TemplateData, RequestHeaders: m.RequestHeaders, ExpiresAt: m.ExpiresAt, CreatedAt: now, UpdatedAt: now}
	if m.Notice {
		// Each template has its own, so that a thief who changes a password again and
		// again does not hold up the way back that a former address is given.
		row.Share = m.Template
	}
	if m.Decoy {
		row.Status, row.Recipient = store.MessageDecoy, "" // nobody learns from it who was asked for
	}
	return row, seal(keys, row)
}

// readable replaces what is no text, and what no mail program shows.
func readable(s string) string {
	return strings.ReplaceAll(strings.ToValidUTF8(s, "\uFFFD"), "\x00", "\uFFFD")
}

// validEmail says whether mail can be sent to s. It accepts more than RFC 5321
// section 4.1.2, because addresses with two dots in a row and the like exist
// and receive mail, but nothing that has a meaning in an SMTP command or in a
// header. 320 bytes are the longest local part and domain together.
func validEmail(s string) bool {
	local, domain, found := strings.Cut(s, "@")
	if !found || local == "" || domain == "" || strings.Contains(domain, "@") || len(s) > 320 || !utf8.ValidString(s) {
		return false
	}
	return !strings.ContainsFunc(s, func(r rune) bool {
		return r == ' ' || !unicode.IsPrint(r) || strings.ContainsRune(`<>()[]\,;:"`, r)
	})
}

// validPhone says whether s could be a phone number; which ones are is for
// the identity schema to say.
func validPhone(s string) bool {
	return s != "" && len(s) <= 32 && strings.Trim(s, "+0123456789 -./()") == "" && strings.ContainsAny(s, "0123456789")
}
