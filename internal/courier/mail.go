package courier

import (
	"bytes"
	"fmt"
	"net/mail"
	"net/textproto"
	"slices"
	"strings"

	gomail "github.com/wneessen/go-mail"

	"zelus/internal/store"
)

// envelope is a mail ready to be handed to a mail server.
type envelope struct {
	from       string
	recipients []string // To, Cc and Bcc
	content    []byte   // headers and body (RFC 5322)
}

// mailer turns messages into mail.
type mailer struct {
	from    *mail.Address
	copies  []*mail.Address // Cc
	blind   []*mail.Address // Bcc
	replyTo []*mail.Address
	headers map[string]string
}

// ownHeaders are made from the message, or say how it is built.
var ownHeaders = []string{"From", "To", "Subject", "Date", "Message-Id", "Mime-Version", "Content-Type", "Content-Transfer-Encoding"}

// newMailer checks the settings below courier.smtp that shape a mail.
func newMailer(o SMTPOptions) (*mailer, error) {
	if !validEmail(o.FromAddress) {
		return nil, fmt.Errorf("courier.smtp.from_address: %q is not an email address", o.FromAddress)
	}
	m := &mailer{from: &mail.Address{Name: o.FromName, Address: o.FromAddress},
		// An automatic answer to an automatic mail helps nobody (RFC 3834 section 5).
		headers: map[string]string{"Auto-Submitted": "auto-generated"}}
	for name, value := range o.Headers {
		setting := "courier.smtp.headers." + name
		canonical := textproto.CanonicalMIMEHeaderKey(name)
		if name == "" || strings.ContainsFunc(name, func(r rune) bool { return r <= ' ' || r >= 0x7f || r == ':' }) {
			return nil, fmt.Errorf("courier.smtp.headers: %q is not the name of a header", name)
		}
		if strings.ContainsAny(value, "\r\n\x00") {
			return nil, fmt.Errorf("%s: a header is one line", setting)
		}
		var err error
		switch {
		case slices.Contains(ownHeaders, canonical):
			return nil, fmt.Errorf("%s: this header is set by the server (the sender with courier.smtp.from_address and from_name)", setting)
		case canonical == "Cc":
			m.copies, err = mail.ParseAddressList(value)
		case canonical == "Bcc":
			m.blind, err = mail.ParseAddressList(value)
		case canonical == "Reply-To":
			m.replyTo, err = mail.ParseAddressList(value)
		default:
			m.headers[canonical] = value
		}
		if err != nil {
			return nil, fmt.Errorf("%s: this is not a list of email addresses", setting)
		}
	}
	return m, nil
}

// mail writes a message as mail. The date and the Message-ID are the same in
// every try, so that mail programs notice a mail that arrives twice.
func (m *mailer) mail(row *store.Message) (*envelope, error) {
	if !validEmail(row.Recipient) {
		return nil, ErrRecipient
	}
	to := &mail.Address{Address: row.Recipient}
	msg := gomail.NewMsg(gomail.WithNoDefaultUserAgent())
	for name, value := range m.headers {
		msg.SetGenHeader(gomail.Header(name), value)
	}
	msg.FromMailAddress(m.from)
	msg.ToMailAddress(to)
	if len(m.copies) > 0 {
		msg.CcMailAddress(m.copies...)
	}
	if len(m.replyTo) > 0 {
		msg.ReplyToMailAddress(m.replyTo...)
	}
	msg.Subject(row.Subject)
	msg.SetDateWithValue(row.CreatedAt)
	_, domain, _ := strings.Cut(m.from.Address, "@")
	msg.SetMessageIDWithValue(row.ID.String() + "@" + domain)
	msg.SetBodyString(gomail.TypeTextPlain, row.Body)
	if row.HTML != "" {
		msg.AddAlternativeString(gomail.TypeTextHTML, row.HTML)
	}
	var content bytes.Buffer
	if _, err := msg.WriteTo(&content); err != nil {
		return nil, fmt.Errorf("the mail cannot be written: %w", err)
	}
	e := &envelope{from: m.from.Address, recipients: []string{to.Address}, content: content.Bytes()}
	for _, a := range slices.Concat(m.copies, m.blind) {
		e.recipients = append(e.recipients, a.Address)
	}
	return e, nil
}
