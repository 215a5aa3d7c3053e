package courier

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/mail"
	"net/textproto"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/wneessen/go-mail/smtp"

	"zelus/internal/store"
)

const (
	// dialTimeout bounds how long a connection may take.
	dialTimeout = 10 * time.Second
)

// SMTPOptions are the settings below courier.smtp.
type SMTPOptions struct {
	// ConnectionURI is smtp://user:password@host:port/ or smtps://…, with the
	// parameters disable_starttls, skip_ssl_verify and server_name. Without a
	// user nobody signs in. Without a port it is 587, or 465 for smtps
	// (RFC 6409 section 3.1, RFC 8314 section 3.3).
	ConnectionURI string
	FromAddress   string
	FromName      string // may be empty
	// Headers are added to every mail. Cc and Bcc get a copy.
	Headers map[string]string
	// LocalName is said in EHLO; empty is localhost.
	LocalName string
	// ClientCertPath and ClientKeyPath name PEM files, or are both empty. They
	// are read for every connection, so that renewed ones are used.
	ClientCertPath string
	ClientKeyPath  string
	// Dial connects; nil is a plain net.Dialer. A caller that must keep the
	// server away from internal addresses hands in its own.
	Dial func(ctx context.Context, network, address string) (net.Conn, error)
}

// SMTP sends mail through a mail server (RFC 5321). A connection is encrypted,
// with STARTTLS (RFC 3207) or from the start, unless the settings say otherwise.
// One that a mail went over is kept for a while for the next one. Whatever the
// server answers but yes is an error to try again after, 5xx as well: mail
// servers say it of what passes, too, such as a full mailbox or a bad name.
type SMTP struct {
	mailer         *mailer
	dial           func(ctx context.Context, network, address string) (net.Conn, error)
	host, address  string // address is host:port
	user, password string
	localName      string
	implicitTLS    bool // smtps
	startTLS       bool
	tls            *tls.Config
	kept           pool
}

// NewSMTP checks the settings; it does not connect. Errors name the setting
// and never repeat the connection_uri, which holds a password.
func NewSMTP(o SMTPOptions) (*SMTP, error) {
	mailer, err := newMailer(o)
	if err != nil {
		return nil, err
	}
	s := &SMTP{mailer: mailer, dial: o.Dial, localName: o.LocalName, tls: &tls.Config{MinVersion: tls.VersionTLS12}}
	if s.dial == nil {
		s.dial = new(net.Dialer).DialContext
	}
	if s.localName == "" {
		s.localName = "localhost"
	}
	if strings.ContainsFunc(s.localName, func(r rune) bool { return r <= ' ' || r >= 0x7f }) {
		return nil, errors.New("courier.smtp.local_name: this is not a host name")
	}
	if err := s.connection(o.ConnectionURI); err != nil {
		return nil, fmt.Errorf("courier.smtp.connection_uri: %w", err)
	}
	switch {
	case o.ClientCertPath == "" && o.ClientKeyPath == "":
	case o.ClientCertPath == "":
		return nil, errors.New("courier.smtp.client_cert_path: it is missing, but client_key_path is set")
	case o.ClientKeyPath == "":
		return nil, errors.New("courier.smtp.client_key_path: it is missing, but client_cert_path is set")
	default:
		read := func() (*tls.Certificate, error) {
			pair, err := tls.LoadX509KeyPair(o.ClientCertPath, o.ClientKeyPath)
			if err != nil {
				return nil, fmt.Errorf("courier.smtp.client_cert_path: the certificate and its client_key_path cannot be used: %w", err)
			}
			return &pair, nil
		}
		if _, err := read(); err != nil {
			return nil, err
		}
		s.tls.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) { return read() }
	}
	return s, nil
}

// connection reads a connection_uri.
func (s *SMTP) connection(uri string) error {
	u, err := url.Parse(uri)
	if err != nil {
		// The parser's own words repeat the URI.
		return errors.New("this is not a URL; a password with special characters must be percent-encoded")
	}
	port := u.Port()
	switch u.Scheme {
	case "smtp":
		s.startTLS = true
		if port == "" {
			port = "587"
		}
	case "smtps":
		s.implicitTLS = true
		if port == "" {
			port = "465"
		}
	default:
		return errors.New("it must begin with smtp:// or smtps://")
	}
	if n, err := strconv.ParseUint(port, 10, 16); err != nil || n == 0 {
		return errors.New("the port is not a number from 1 to 65535")
	}
	s.host = u.Hostname()
	if s.host == "" {
		return errors.New("the host is missing")
	}
	s.address, s.tls.ServerName = net.JoinHostPort(s.host, port), s.host
	if u.User != nil {
		s.user = u.User.Username()
		s.password, _ = u.User.Password()
	}
	parameters, err := url.ParseQuery(u.RawQuery)
	if err != nil {
		return errors.New("its parameters cannot be read")
	}
	for name := range parameters {
		value := parameters.Get(name)
		yes := false
		if name == "disable_starttls" || name == "skip_ssl_verify" {
			if yes, err = strconv.ParseBool(value); err != nil {
				return fmt.Errorf("the parameter %s must be true or false", name)
			}
		}
		switch name {
		case "disable_starttls":
			s.startTLS = s.startTLS && !yes
		case "skip_ssl_verify":
			s.tls.InsecureSkipVerify = yes // the operator asks for it
		case "server_name":
			if value != "" {
				s.tls.ServerName = value
			}
		case "legacy_ssl": // of older servers; says nothing any more
		default:
			return fmt.Errorf("the parameter %q is not one of disable_starttls, skip_ssl_verify and server_name", name)
		}
	}
	return nil
}

// Send delivers a message. The context bounds the whole conversation.
func (s *SMTP) Send(ctx context.Context, m *store.Message) error {
	e, err := s.mailer.mail(m)
	if err != nil {
		return err
	}
	err = s.deliver(ctx, e)
	if err != nil && ctx.Err() != nil {
		step := "connecting"
		if p := (*problem)(nil); errors.As(err, &p) {
			step = p.step
		}
		return fmt.Errorf("the mail server %s took too long at %s: %w", s.address, step, ctx.Err())
	}
	return err
}

// Try does all that comes before a recipient, and sends nothing: it connects,
// turns encryption on, signs in, and says who the mail would be from. The error
// begins with the key of the setting that is to blame.
func (s *SMTP) Try(ctx context.Context) error {
	l, err := s.open(ctx)
	if err != nil {
		if ctx.Err() != nil {
			err = fmt.Errorf("the mail server %s took too long: %w", s.address, ctx.Err())
		}
		return fmt.Errorf("courier.smtp.connection_uri: %w", err)
	}
	defer context.AfterFunc(ctx, func() { l.conn.Close() })()
	defer l.hangUp() // which gives the mail up (RFC 5321 section 4.1.1.10)
	l.client.SkipSMTPUTF8(ascii(s.mailer.from.Address))
	if err := l.client.Mail(path(s.mailer.from.Address)); err != nil {
		return fmt.Errorf("courier.smtp.from_address: %w", s.failed("MAIL FROM", err, quote))
	}
	return nil
}

// Close closes the connections that are kept, and keeps none from now on. Mail
// that is on its way is not disturbed.
func (s *SMTP) Close() error {
	s.kept.close()
	return nil
}

// deliver sends a mail over a connection that is kept, or over a new one. A kept
// one may be dead by now, as the server closes it when it likes. What finds that
// out before anything of the mail was said begins again, as if the connection had
// not been there. Once the server is told the mail, nothing is done twice.
func (s *SMTP) deliver(ctx context.Context, e *envelope) error {
	if l := s.kept.take(); l != nil {
		told, err := s.deliverOver(ctx, l, e)
		if err == nil || told || ctx.Err() != nil || !lost(err) {
			return err
		}
	}
	l, err := s.open(ctx)
	if err != nil {
		return err
	}
	_, err = s.deliverOver(ctx, l, e)
	return err
}

// deliverOver sends a mail over a connection, and keeps that if all went well.
// told says that the server was told something of the mail itself.
func (s *SMTP) deliverOver(ctx context.Context, l *line, e *envelope) (told bool, err error) {
	// Whatever the conversation waits for, it ends with the context.
	ended := context.AfterFunc(ctx, func() { l.conn.Close() })
	told, err = s.transfer(l.client, e)
	l.mails++
	switch open := ended(); {
	case !open || lost(err):
		l.conn.Close()
	case err != nil:
		l.hangUp()
	default:
		s.kept.keep(l)
	}
	return told, err
}

// open connects, and does all that comes before the first mail.
func (s *SMTP) open(ctx context.Context) (*line, error) {
	conn, err := s.connect(ctx)
	if err != nil {
		return nil, fmt.Errorf("connecting to the mail server %s: %w", s.address, err)
	}
	defer context.AfterFunc(ctx, func() { conn.Close() })()
	client, err := s.greet(conn)
	if err != nil {
		conn.Close()
		return nil, err
	}
	return &line{conn: conn, client: client}, nil
}

// greet says who is there, turns encryption on and signs in.
func (s *SMTP) greet(conn net.Conn) (*smtp.Client, error) {
	client, err := smtp.NewClient(conn, s.host)
	if err != nil {
		return nil, s.failed("greeting", err, quote)
	}
	if err := client.Hello(s.localName); err != nil {
		return nil, s.failed("EHLO", err, quote)
	}
	if s.startTLS {
		if offered, _ := client.Extension("STARTTLS"); !offered {
			return nil, fmt.Errorf("the mail server %s does not offer STARTTLS, so nothing was sent; use smtps:// in courier.smtp.connection_uri or, on a network that you trust, add disable_starttls=true", s.address)
		}
		if err := client.StartTLS(s.tls); err != nil {
			return nil, s.failed("STARTTLS", err, quote)
		}
	}
	if s.user != "" {
		if err := s.signIn(client); err != nil {
			return nil, err
		}
	}
	return client, nil
}

// connect opens the connection, for smtps with TLS.
func (s *SMTP) connect(ctx context.Context) (net.Conn, error) {
	ctx, cancel := context.WithTimeout(ctx, dialTimeout)
	defer cancel()
	plain, err := s.dial(ctx, "tcp", s.address)
	if err != nil || !s.implicitTLS {
		return plain, err
	}
	conn := tls.Client(plain, s.tls)
	if err := conn.HandshakeContext(ctx); err != nil {
		plain.Close()
		return nil, err
	}
	return conn, nil
}

// signIn proves who we are (RFC 4954). A password is never sent in the clear,
// but to this very machine.
func (s *SMTP) signIn(client *smtp.Client) error {
	_, encrypted := client.TLSConnectionState()
	_, offered := client.Extension("AUTH")
	mechanisms := strings.Fields(strings.ToUpper(offered))
	readable := encrypted || slices.Contains([]string{"localhost", "127.0.0.1", "::1"}, s.host)
	var way smtp.Auth
	switch {
	case readable && slices.Contains(mechanisms, "PLAIN"):
		way = smtp.PlainAuth("", s.user, s.password, s.host, false)
	case readable && slices.Contains(mechanisms, "LOGIN"):
		way = smtp.LoginAuth(s.user, s.password, s.host, false)
	case slices.Contains(mechanisms, "CRAM-MD5"):
		way = smtp.CRAMMD5Auth(s.user, s.password)
	case len(mechanisms) == 0:
		return fmt.Errorf("the mail server %s lets nobody sign in, but courier.smtp.connection_uri has a user", s.address)
	case !readable:
		return fmt.Errorf("the password for the mail server %s would go over the network unencrypted, so nothing was sent; remove disable_starttls from courier.smtp.connection_uri", s.address)
	default:
		return fmt.Errorf("the mail server %s wants none of the sign-ins PLAIN, LOGIN and CRAM-MD5", s.address)
	}
	if err := client.Auth(way); err != nil {
		// What is not a plain refusal may repeat what was sent.
		var reply *textproto.Error
		if !errors.As(err, &reply) {
			return fmt.Errorf("the mail server %s broke off while signing in", s.address)
		}
		return fmt.Errorf("%w; check the user and the password in courier.smtp.connection_uri", s.failed("AUTH", reply, keepQuiet))
	}
	return nil
}

// transfer hands the mail over (RFC 5321 section 3.3). From the recipients on,
// the server's words may repeat what it was told. told says that it was told
// something of the content, so that it may have taken the mail.
func (s *SMTP) transfer(client *smtp.Client, e *envelope) (told bool, err error) {
	// A server that is asked for SMTPUTF8 (RFC 6531) may refuse to pass the
	// mail on to one that lacks it, so it is asked only where it must be.
	plain := ascii(e.from) && !slices.ContainsFunc(e.recipients, func(r string) bool { return !ascii(r) })
	client.SkipSMTPUTF8(plain)
	if offered, _ := client.Extension("SMTPUTF8"); !plain && !offered {
		return false, fmt.Errorf("the mail server %s takes only addresses in ASCII (it lacks SMTPUTF8)", s.address)
	}
	if err := client.Mail(path(e.from)); err != nil {
		return false, s.failed("MAIL FROM", err, quote)
	}
	for _, r := range e.recipients {
		if err := client.Rcpt(path(r)); err != nil {
			return false, s.failed("RCPT TO", err, keepQuiet)
		}
	}
	data, err := client.Data()
	if err != nil {
		return false, s.failed("DATA", err, keepQuiet)
	}
	if _, err := data.Write(e.content); err != nil {
		return true, s.failed("DATA", err, keepQuiet)
	}
	if err := data.Close(); err != nil {
		return true, s.failed("the mail", err, keepQuiet)
	}
	return true, nil
}

// path writes an address as SMTP has it: in angle brackets, with quotes where
// the local part needs them.
func path(address string) string { return (&mail.Address{Address: address}).String() }

func ascii(s string) bool {
	return !strings.ContainsFunc(s, func(r rune) bool { return r > 0x7e })
}

// Whether an error may repeat the words of the server.
const (
	quote     = true
	keepQuiet = false
)

// enhancedCode is at the beginning of a reply (RFC 3463 section 2).
var enhancedCode = regexp.MustCompile(`^[245]\.\d{1,3}\.\d{1,3}\b`)

// problem is what went wrong in a conversation.
type problem struct {
	step, text string
	err        error // what is behind it, if its words may be told
	// lost says that nothing more can be said on the connection.
	lost bool
}

func (p *problem) Error() string { return p.text }
func (p *problem) Unwrap() error { return p.err }

// lost says whether an error means that the connection is of no use any more.
func lost(err error) bool {
	var p *problem
	return errors.As(err, &p) && p.lost
}

// closing is the code with which a server ends a conversation of its own accord
// (RFC 5321 section 3.8).
const closing = 421

// failed tells what the server answered to a step.
func (s *SMTP) failed(step string, err error, words bool) error {
	var reply *textproto.Error
	var garbled textproto.ProtocolError
	switch {
	case errors.As(err, &reply):
		said := enhancedCode.FindString(reply.Msg)
		if words {
			said = oneLine(reply.Msg)
		}
		return &problem{step: step, lost: reply.Code == closing,
			text: fmt.Sprintf("the mail server %s answered %s with %s", s.address, step, strings.TrimSpace(strconv.Itoa(reply.Code)+" "+said))}
	case errors.As(err, &garbled):
		return &problem{step: step, lost: true, text: fmt.Sprintf("the mail server %s gave no valid SMTP answer to %s", s.address, step)}
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return &problem{step: step, lost: true, text: fmt.Sprintf("the mail server %s closed the connection at %s", s.address, step)}
	}
	return &problem{step: step, lost: true, err: err, text: fmt.Sprintf("the mail server %s failed at %s: %v", s.address, step, err)}
}

// oneLine makes a server's words fit for a log.
func oneLine(s string) string {
	s = strings.Join(strings.Fields(strings.ToValidUTF8(s, "?")), " ")
	if len(s) > 200 {
		s = strings.ToValidUTF8(s[:200], "") + "…"
	}
	return s
}
