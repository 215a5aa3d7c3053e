package courier

import (
	"bufio"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/hmac"
	"crypto/md5"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"io"
	"math/big"
	"net"
	"net/textproto"
	"strings"
	"sync"
	"testing"
	"time"
)

// mailServer speaks SMTP (RFC 5321) for tests and keeps what it is given.
type mailServer struct {
	// extensions are the lines of the answer to EHLO before and, with TLS, after STARTTLS.
	extensions, extensionsTLS []string
	// answers replaces the answer to a command, to the greeting ("") or to the mail (".").
	answers map[string]string
	// tls encrypts: after STARTTLS, or with implicit from the start.
	tls      *tls.Config
	implicit bool

	mu       sync.Mutex
	received []received
	commands []string
}

// received is one mail.
type received struct {
	from, helo, user, password string
	to                         []string
	content                    string
	encrypted                  bool
}

// listen starts the server on a free port of this machine.
func (s *mailServer) listen(t *testing.T) (port string) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var serving sync.WaitGroup
	serving.Go(func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			serving.Go(func() { s.serve(conn) })
		}
	})
	t.Cleanup(func() {
		l.Close()
		serving.Wait()
	})
	_, port, _ = net.SplitHostPort(l.Addr().String())
	return port
}

// dial connects to the server in memory.
func (s *mailServer) dial(context.Context, string, string) (net.Conn, error) {
	ours, theirs := net.Pipe()
	go s.serve(theirs)
	return ours, nil
}

func (s *mailServer) mails() []received {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.received
}

func (s *mailServer) said() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return strings.Join(s.commands, "\n")
}

func (s *mailServer) serve(conn net.Conn) {
	defer func() { conn.Close() }()
	mail := received{}
	if s.implicit {
		conn, mail.encrypted = tls.Server(conn, s.tls), true
	}
	in := textproto.NewReader(bufio.NewReader(conn))
	say := func(command, line string) {
		if other, ok := s.answers[command]; ok {
			line = other
		}
		fmt.Fprint(conn, strings.ReplaceAll(line, "\n", "\r\n"), "\r\n")
	}
	ask := func(question string) string {
		say("", "334 "+base64.StdEncoding.EncodeToString([]byte(question)))
		line, _ := in.ReadLine()
		answer, _ := base64.StdEncoding.DecodeString(line)
		return string(answer)
	}
	say("", "220 mail.example.org ready")
	for {
		line, err := in.ReadLine()
		if err != nil {
			return
		}
		s.mu.Lock()
		s.commands = append(s.commands, line)
		s.mu.Unlock()
		verb, rest, _ := strings.Cut(line, " ")
		switch verb {
		case "EHLO":
			mail.helo = rest
			lines := append([]string{"mail.example.org"}, s.extensions...)
			if mail.encrypted {
				lines = append([]string{"mail.example.org"}, s.extensionsTLS...)
			}
			for i, l := range lines {
				lines[i] = "250-" + l
				if i == len(lines)-1 {
					lines[i] = "250 " + l
				}
			}
			say(verb, strings.Join(lines, "\n"))
		case "STARTTLS":
			say(verb, "220 go ahead")
			if s.answers[verb] == "" {
				conn, mail.encrypted = tls.Server(conn, s.tls), true
				in = textproto.NewReader(bufio.NewReader(conn))
			}
		case "AUTH":
			mechanism, first, _ := strings.Cut(rest, " ")
			switch mechanism {
			case "PLAIN":
				text, _ := base64.StdEncoding.DecodeString(first)
				parts := append(strings.Split(string(text), "\x00"), "", "", "")
				mail.user, mail.password = parts[1], parts[2]
			case "LOGIN":
				mail.user, mail.password = ask("Username:"), ask("Password:")
			case "CRAM-MD5":
				const challenge, password = "<1@mail.example.org>", "s3cret"
				user, proof, _ := strings.Cut(ask(challenge), " ")
				mac := hmac.New(md5.New, []byte(password))
				mac.Write([]byte(challenge))
				if mail.user = user; proof == hex.EncodeToString(mac.Sum(nil)) {
					mail.password = password
				}
			}
			say(verb, "235 2.7.0 welcome")
		case "MAIL":
			mail.from, mail.to = strings.TrimPrefix(rest, "FROM:"), nil
			say(verb, "250 2.1.0 ok")
		case "RCPT":
			mail.to = append(mail.to, strings.TrimPrefix(rest, "TO:"))
			say(verb, "250 2.1.5 ok")
		case "DATA":
			say(verb, "354 go ahead")
			if s.answers[verb] == "" {
				content, err := io.ReadAll(in.DotReader())
				if err != nil {
					return
				}
				mail.content = string(content)
				if s.answers["."] == "" {
					s.mu.Lock()
					s.received = append(s.received, mail)
					s.mu.Unlock()
				}
				say(".", "250 2.0.0 taken")
			}
		case "QUIT":
			say(verb, "221 bye")
			return
		default:
			say(verb, "500 5.5.1 what?")
		}
	}
}

// authority makes certificates that are trusted where its pool is.
type authority struct {
	certificate *x509.Certificate
	key         *ecdsa.PrivateKey
	pool        *x509.CertPool
}

func newAuthority(t *testing.T) *authority {
	t.Helper()
	a := &authority{pool: x509.NewCertPool()}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "test"}, NotBefore: time.Now().Add(-time.Hour),
		NotAfter: time.Now().Add(time.Hour), IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign}
	var err error
	if a.key, err = ecdsa.GenerateKey(elliptic.P256(), rand.Reader); err != nil {
		t.Fatal(err)
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &a.key.PublicKey, a.key)
	if err != nil {
		t.Fatal(err)
	}
	if a.certificate, err = x509.ParseCertificate(der); err != nil {
		t.Fatal(err)
	}
	a.pool.AddCert(a.certificate)
	return a
}

// issue makes a certificate for a name, for servers and for clients.
func (a *authority) issue(t *testing.T, name string) tls.Certificate {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(2), Subject: pkix.Name{CommonName: name}, DNSNames: []string{name},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth}}
	der, err := x509.CreateCertificate(rand.Reader, template, a.certificate, &key.PublicKey, a.key)
	if err != nil {
		t.Fatal(err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}
}
