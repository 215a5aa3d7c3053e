package courier

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"io"
	"mime"
	"mime/multipart"
	"mime/quotedprintable"
	"net"
	"net/mail"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"zelus/internal/auth"
	"zelus/internal/store"
)

var someMail = store.Message{ID: uuid.MustParse("0199f1c0-0000-7000-8000-000000000001"), Project: auth.DefaultProject, Type: auth.ViaEmail,
	Channel: auth.ViaEmail, Template: "recovery_code_valid", Recipient: "ada@example.org", Subject: "Ihr Schlüssel: 123456",
	Body: "Grüß Gott,\n\n.your code is 123456\n", HTML: "<p>Your code is <b>123456</b></p>",
	CreatedAt: time.Date(2020, 10, 30, 12, 0, 0, 0, time.UTC)}

func newSMTP(t *testing.T, o SMTPOptions) *SMTP {
	t.Helper()
	if o.FromAddress == "" {
		o.FromAddress = "no-reply@example.org"
	}
	s, err := NewSMTP(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

// at says whom to connect to, whatever the name of the host is.
func at(port string) func(context.Context, string, string) (net.Conn, error) {
	return func(ctx context.Context, network, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, network, "127.0.0.1:"+port)
	}
}

func TestMailContent(t *testing.T) {
	server := &mailServer{extensions: []string{"8BITMIME", "SMTPUTF8"}}
	s := newSMTP(t, SMTPOptions{ConnectionURI: "smtp://127.0.0.1:" + server.listen(t) + "/?disable_starttls=true",
		FromAddress: "no-reply@example.org", FromName: "Zoë at Example", LocalName: "id.example.org",
		Headers: map[string]string{"x-sender": "zelus", "reply-to": "help@example.org", "CC": "copy@example.org", "Bcc": "Blind <blind@example.org>"}})
	if err := s.Send(t.Context(), &someMail); err != nil {
		t.Fatal(err)
	}
	if len(server.mails()) != 1 {
		t.Fatalf("%d mails arrived", len(server.mails()))
	}
	got := server.mails()[0]
	if got.helo != "id.example.org" || !strings.HasPrefix(got.from, "<no-reply@example.org>") || strings.Contains(got.from, "SMTPUTF8") {
		t.Errorf("EHLO %s, MAIL FROM:%s", got.helo, got.from)
	}
	if d := cmp.Diff([]string{"<ada@example.org>", "<copy@example.org>", "<blind@example.org>"}, got.to); d != "" {
		t.Errorf("recipients (-want +got):\n%s", d)
	}
	parsed, err := mail.ReadMessage(strings.NewReader(got.content))
	if err != nil {
		t.Fatal(err)
	}
	decode := new(mime.WordDecoder).DecodeHeader
	headers := map[string]string{}
	for name := range parsed.Header {
		if headers[name], err = decode(parsed.Header.Get(name)); err != nil {
			t.Error(err)
		}
	}
	kind, parameters, err := mime.ParseMediaType(headers["Content-Type"])
	if err != nil || kind != "multipart/alternative" {
		t.Errorf("Content-Type %s, %v", kind, err)
	}
	delete(headers, "Content-Type")
	if d := cmp.Diff(map[string]string{
		"From": "Zoë at Example <no-reply@example.org>", "To": "<ada@example.org>", "Cc": "<copy@example.org>", "Reply-To": "<help@example.org>",
		"Subject": "Ihr Schlüssel: 123456", "X-Sender": "zelus", "Auto-Submitted": "auto-generated", "Mime-Version": "1.0",
		"Date": "Fri, 30 Oct 2020 12:00:00 +0000", "Message-Id": "<0199f1c0-0000-7000-8000-000000000001@example.org>",
	}, headers); d != "" {
		t.Errorf("headers (-want +got):\n%s", d)
	}
	parts := multipart.NewReader(parsed.Body, parameters["boundary"])
	for _, want := range []struct{ kind, content string }{{"text/plain", someMail.Body}, {"text/html", someMail.HTML}} {
		part, err := parts.NextRawPart()
		if err != nil {
			t.Fatal(err)
		}
		content, err := io.ReadAll(quotedprintable.NewReader(part))
		if kind := part.Header.Get("Content-Type"); err != nil || !strings.HasPrefix(kind, want.kind) || !strings.Contains(kind, "UTF-8") {
			t.Errorf("%s instead of %s, %v", kind, want.kind, err)
		}
		if d := cmp.Diff(want.content, strings.ReplaceAll(string(content), "\r\n", "\n")); d != "" {
			t.Errorf("%s (-want +got):\n%s", want.kind, d)
		}
	}
}

func TestMailIsEncrypted(t *testing.T) {
	ca := newAuthority(t)
	pair := &tls.Config{Certificates: []tls.Certificate{ca.issue(t, "mail.example.org")}}
	starting := []string{"STARTTLS", "AUTH PLAIN"}
	for name, c := range map[string]struct {
		uri      string
		server   *mailServer
		distrust bool
		want     string // in the error; empty: delivered
		open     bool   // delivered without encryption
		password string
	}{
		"STARTTLS":                     {uri: "smtp://mail.example.org", server: &mailServer{extensions: starting, tls: pair}},
		"smtps":                        {uri: "smtps://mail.example.org", server: &mailServer{tls: pair, implicit: true}},
		"smtps, a parameter too much":  {uri: "smtps://mail.example.org?disable_starttls=true", server: &mailServer{tls: pair, implicit: true}},
		"no STARTTLS":                  {uri: "smtp://mail.example.org", want: "does not offer STARTTLS"},
		"no STARTTLS, and none wanted": {uri: "smtp://mail.example.org?disable_starttls=true", open: true},
		"STARTTLS, but none wanted":    {uri: "smtp://mail.example.org?disable_starttls=true", server: &mailServer{extensions: starting, tls: pair}, open: true},
		"STARTTLS refused": {uri: "smtp://mail.example.org", server: &mailServer{extensions: starting, answers: map[string]string{"STARTTLS": "454 4.7.0 not now"}},
			want: "answered STARTTLS with 454 4.7.0 not now"},
		"unknown authority":          {uri: "smtp://mail.example.org", server: &mailServer{extensions: starting, tls: pair}, distrust: true, want: "certificate"},
		"unknown authority, smtps":   {uri: "smtps://mail.example.org", server: &mailServer{tls: pair, implicit: true}, distrust: true, want: "certificate"},
		"unknown authority accepted": {uri: "smtp://mail.example.org?skip_ssl_verify=true", server: &mailServer{extensions: starting, tls: pair}, distrust: true},
		"another name":               {uri: "smtp://mx.example.org", server: &mailServer{extensions: starting, tls: pair}, want: "mx.example.org"},
		"another name, as expected":  {uri: "smtp://mx.example.org?server_name=mail.example.org", server: &mailServer{extensions: starting, tls: pair}},
		"smtps with a server that is not": {uri: "smtps://mail.example.org", server: &mailServer{tls: pair},
			want: "connecting to the mail server mail.example.org:465"},
		"signs in": {uri: "smtp://ada:s3cret%2F@mail.example.org", server: &mailServer{extensions: []string{"STARTTLS"}, extensionsTLS: []string{"AUTH LOGIN PLAIN"}, tls: pair},
			password: "s3cret/"},
		"signs in with LOGIN": {uri: "smtps://ada:s3cret@mail.example.org", server: &mailServer{extensionsTLS: []string{"AUTH LOGIN"}, tls: pair, implicit: true},
			password: "s3cret"},
		"signs in with a proof": {uri: "smtp://ada:s3cret@mail.example.org?disable_starttls=true", server: &mailServer{extensions: []string{"AUTH PLAIN CRAM-MD5"}},
			password: "s3cret", open: true},
		"a password in the clear":  {uri: "smtp://ada:s3cret@mail.example.org?disable_starttls=true", server: &mailServer{extensions: []string{"AUTH PLAIN LOGIN"}}, want: "unencrypted"},
		"a password to this host":  {uri: "smtp://ada:s3cret@127.0.0.1?disable_starttls=true", server: &mailServer{extensions: []string{"AUTH PLAIN"}}, password: "s3cret", open: true},
		"nobody can sign in":       {uri: "smtp://ada:s3cret@127.0.0.1?disable_starttls=true", want: "has a user"},
		"only unknown ways to":     {uri: "smtp://ada:s3cret@127.0.0.1?disable_starttls=true", server: &mailServer{extensions: []string{"AUTH GSSAPI"}}, want: "PLAIN, LOGIN and CRAM-MD5"},
		"nobody to sign in, PLAIN": {uri: "smtp://mail.example.org", server: &mailServer{extensions: starting, tls: pair, extensionsTLS: []string{"AUTH PLAIN"}}},
	} {
		t.Run(name, func(t *testing.T) {
			if c.server == nil {
				c.server = &mailServer{}
			}
			s := newSMTP(t, SMTPOptions{ConnectionURI: c.uri, Dial: at(c.server.listen(t))})
			if !c.distrust {
				s.tls.RootCAs = ca.pool
			}
			err := s.Send(t.Context(), &someMail)
			mails := c.server.mails()
			if c.want != "" {
				if err == nil || !strings.Contains(err.Error(), c.want) || len(mails) != 0 {
					t.Errorf("%d mails arrived, error %v", len(mails), err)
				}
				if err != nil && strings.Contains(err.Error(), "s3cret") || strings.Contains(c.server.said(), "AUTH") {
					t.Errorf("the password got out: %v\n%s", err, c.server.said())
				}
				return
			}
			if err != nil || len(mails) != 1 {
				t.Fatalf("%d mails arrived, error %v", len(mails), err)
			}
			if mails[0].encrypted == c.open || mails[0].password != c.password {
				t.Errorf("arrived as %+v", mails[0])
			}
		})
	}
}

func TestClientCertificate(t *testing.T) {
	ca := newAuthority(t)
	server := &mailServer{implicit: true, tls: &tls.Config{Certificates: []tls.Certificate{ca.issue(t, "mail.example.org")},
		ClientAuth: tls.RequireAndVerifyClientCert, ClientCAs: ca.pool}}
	dial := at(server.listen(t))
	pair := ca.issue(t, "zelus")
	key, err := x509.MarshalPKCS8PrivateKey(pair.PrivateKey.(*ecdsa.PrivateKey))
	if err != nil {
		t.Fatal(err)
	}
	file := func(name, kind string, der []byte) string {
		path := filepath.Join(t.TempDir(), name)
		if err := os.WriteFile(path, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	with := SMTPOptions{ConnectionURI: "smtps://mail.example.org", Dial: dial,
		ClientCertPath: file("cert.pem", "CERTIFICATE", pair.Certificate[0]), ClientKeyPath: file("key.pem", "PRIVATE KEY", key)}
	without := SMTPOptions{ConnectionURI: "smtps://mail.example.org", Dial: dial}
	for _, c := range []struct {
		options SMTPOptions
		ok      bool
	}{{with, true}, {without, false}} {
		s := newSMTP(t, c.options)
		s.tls.RootCAs = ca.pool
		if err := s.Send(t.Context(), &someMail); (err == nil) != c.ok {
			t.Errorf("with %q: %v", c.options.ClientCertPath, err)
		}
	}
}

// TestServerAnswers: an error says what the server answered, but not in words
// that may repeat the recipient, the content or the password.
func TestServerAnswers(t *testing.T) {
	for name, c := range map[string]struct {
		answers map[string]string
		want    string
	}{
		"greeting":        {map[string]string{"": "554 5.7.1 you are\tblocked"}, "answered greeting with 554 5.7.1 you are blocked"},
		"EHLO":            {map[string]string{"EHLO": "550 go away", "HELO": "550 go away"}, "answered EHLO with 550 go away"},
		"AUTH":            {map[string]string{"AUTH": "535 5.7.8 s3cret is not the password of ada"}, "answered AUTH with 535 5.7.8; check the user"},
		"AUTH, odd":       {map[string]string{"AUTH": "334 czNjcmV0"}, "broke off while signing in"},
		"MAIL":            {map[string]string{"MAIL": "550 sender not known\n"}, "answered MAIL FROM with 550 sender not known"},
		"RCPT":            {map[string]string{"RCPT": "550 5.1.1 ada@example.org is not here"}, "answered RCPT TO with 550 5.1.1"},
		"RCPT, several":   {map[string]string{"RCPT": "450-4.2.1 try\n450 4.2.1 later"}, "answered RCPT TO with 450 4.2.1"},
		"DATA":            {map[string]string{"DATA": "451 123456"}, "answered DATA with 451"},
		"the mail":        {map[string]string{".": "554 5.7.0 123456 looks like spam"}, "answered the mail with 554 5.7.0"},
		"no number":       {map[string]string{"RCPT": "ada@example.org?"}, "no valid SMTP answer to RCPT TO"},
		"a long greeting": {map[string]string{"": "554 " + strings.Repeat("é", 500)}, "é…"},
		"goodbye":         {map[string]string{"QUIT": "500 no"}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			server := &mailServer{extensions: []string{"AUTH PLAIN"}, answers: c.answers}
			s := newSMTP(t, SMTPOptions{ConnectionURI: "smtp://ada:s3cret@localhost/?disable_starttls=true", Dial: at(server.listen(t))})
			err := s.Send(t.Context(), &someMail)
			if c.want == "" {
				if err != nil || len(server.mails()) != 1 {
					t.Errorf("%d mails arrived, error %v", len(server.mails()), err)
				}
				return
			}
			if err == nil || !strings.Contains(err.Error(), c.want) || !strings.Contains(err.Error(), "localhost:587") || len(err.Error()) > 400 {
				t.Fatalf("%v, want %q", err, c.want)
			}
			for _, secret := range []string{"s3cret", "czNjcmV0", "123456", "ada@"} {
				if strings.Contains(err.Error(), secret) {
					t.Errorf("the error has %s in it: %v", secret, err)
				}
			}
		})
	}
}

// TestSilentServer: a server that says nothing, or closes, holds nobody up.
func TestSilentServer(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	s := newSMTP(t, SMTPOptions{ConnectionURI: "smtp://localhost", Dial: func(context.Context, string, string) (net.Conn, error) {
		ours, theirs := net.Pipe()
		t.Cleanup(func() { theirs.Close() })
		cancel()
		return ours, nil
	}})
	if err := s.Send(ctx, &someMail); !errors.Is(err, context.Canceled) || !strings.Contains(err.Error(), "too long") {
		t.Error(err)
	}
	s.dial = func(context.Context, string, string) (net.Conn, error) {
		ours, theirs := net.Pipe()
		theirs.Close()
		return ours, nil
	}
	if err := s.Send(t.Context(), &someMail); err == nil || !strings.Contains(err.Error(), "closed the connection at greeting") {
		t.Error(err)
	}
	s.dial = func(context.Context, string, string) (net.Conn, error) { return nil, errors.New("no route") }
	if err := s.Send(t.Context(), &someMail); err == nil || !strings.Contains(err.Error(), "connecting to the mail server localhost:587: no route") {
		t.Error(err)
	}
}

// TestMailIsNotInjectable: nothing that comes from a person becomes a command
// or a header.
func TestMailIsNotInjectable(t *testing.T) {
	server := &mailServer{}
	s := newSMTP(t, SMTPOptions{ConnectionURI: "smtp://localhost/?disable_starttls=true", Dial: at(server.listen(t))})
	m := someMail
	m.Subject, m.Body, m.HTML = "Hello\r\nBcc: eve@example.org", "one\r\n.\r\nMAIL FROM:<eve@example.org>\r\n", ""
	if err := s.Send(t.Context(), &m); err != nil {
		t.Fatal(err)
	}
	parsed, err := mail.ReadMessage(strings.NewReader(server.mails()[0].content))
	if err != nil || parsed.Header.Get("Bcc") != "" {
		t.Errorf("%v, %v", parsed.Header, err)
	}
	body, err := io.ReadAll(quotedprintable.NewReader(parsed.Body))
	if err != nil || !bytes.Contains(body, []byte("MAIL FROM:<eve@example.org>")) || len(server.mails()) != 1 {
		t.Errorf("%q, %v", body, err)
	}
	m.Recipient = "ada@example.org>\r\nRCPT TO:<eve@example.org"
	if err := s.Send(t.Context(), &m); !errors.Is(err, ErrRecipient) {
		t.Error(err)
	}
	// An address that breaks the rules but receives mail all the same.
	m.Recipient = "ada..l@example.org"
	if err := s.Send(t.Context(), &m); err != nil || server.mails()[1].to[0] != `<"ada..l"@example.org>` {
		t.Errorf("%+v, %v", server.mails(), err)
	}
	m.Recipient = "zoë@example.org"
	if err := s.Send(t.Context(), &m); err == nil || !strings.Contains(err.Error(), "SMTPUTF8") {
		t.Error(err)
	}
	server.extensions = []string{"SMTPUTF8"}
	if err := s.Send(t.Context(), &m); err != nil || server.mails()[2].from != "<no-reply@example.org> SMTPUTF8" {
		t.Errorf("%+v, %v", server.mails(), err)
	}
}

func TestSMTPSettings(t *testing.T) {
	for uri, want := range map[string]string{
		"smtp://mail.example.org":                       "mail.example.org:587",
		"smtps://mail.example.org/":                     "mail.example.org:465",
		"smtp://u:p@[2001:db8::1]:2525/?legacy_ssl=1":   "[2001:db8::1]:2525",
		"smtps://u%40example.org:p%3Fq@mail.test:10465": "mail.test:10465",
	} {
		if s := newSMTP(t, SMTPOptions{ConnectionURI: uri}); s.address != want {
			t.Errorf("%s is at %s", uri, s.address)
		}
	}
	header := func(name, value string) SMTPOptions {
		return SMTPOptions{ConnectionURI: "smtp://localhost", FromAddress: "a@example.org", Headers: map[string]string{name: value}}
	}
	uri := func(uri string) SMTPOptions { return SMTPOptions{ConnectionURI: uri, FromAddress: "a@example.org"} }
	for _, c := range []struct {
		options SMTPOptions
		want    string
	}{
		{uri(""), "courier.smtp.connection_uri: it must begin with smtp://"},
		{uri("http://localhost"), "courier.smtp.connection_uri: it must begin with smtp://"},
		{uri("smtp://u:s3cret@:25"), "courier.smtp.connection_uri: the host is missing"},
		{uri("smtp://u:s3cret@localhost:0"), "courier.smtp.connection_uri: the port"},
		{uri("smtp://u:s3cret@localhost:65536"), "courier.smtp.connection_uri: the port"},
		{uri("smtp://u:s3cret%@localhost"), "courier.smtp.connection_uri: this is not a URL"},
		{uri("smtp://u:s3cret/x@localhost"), "courier.smtp.connection_uri: this is not a URL"},
		{uri("smtp://u:s3cret@localhost?disable_startls=true"), "disable_startls"},
		{uri("smtp://u:s3cret@localhost?disable_starttls=maybe"), "disable_starttls must be true or false"},
		{uri("smtp://u:s3cret@localhost?%zz"), "courier.smtp.connection_uri: its parameters"},
		{SMTPOptions{ConnectionURI: "smtp://localhost"}, "courier.smtp.from_address"},
		{SMTPOptions{ConnectionURI: "smtp://localhost", FromAddress: "a b@example.org"}, "courier.smtp.from_address"},
		{SMTPOptions{ConnectionURI: "smtp://localhost", FromAddress: "a@example.org", LocalName: "a\r\nb"}, "courier.smtp.local_name"},
		{SMTPOptions{ConnectionURI: "smtp://localhost", FromAddress: "a@example.org", ClientCertPath: "x"}, "courier.smtp.client_key_path"},
		{SMTPOptions{ConnectionURI: "smtp://localhost", FromAddress: "a@example.org", ClientKeyPath: "x"}, "courier.smtp.client_cert_path"},
		{SMTPOptions{ConnectionURI: "smtp://localhost", FromAddress: "a@example.org", ClientCertPath: "/nowhere/c", ClientKeyPath: "/nowhere/k"}, "/nowhere/c"},
		{header("Subject", "x"), "courier.smtp.headers.Subject"},
		{header("content-type", "x"), "courier.smtp.headers.content-type"},
		{header("X-A", "x\r\nBcc: eve@example.org"), "courier.smtp.headers.X-A: a header is one line"},
		{header("X A", "x"), `courier.smtp.headers: "X A"`},
		{header("", "x"), "courier.smtp.headers"},
		{header("Cc", "not an address"), "courier.smtp.headers.Cc"},
	} {
		_, err := NewSMTP(c.options)
		if err == nil || !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), "s3cret") {
			t.Errorf("%+v: %v", c.options, err)
		}
	}
}
