package couriertest

import (
	"bufio"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"fmt"
	"io"
	"math/big"
	"net"
	"net/mail"
	"net/textproto"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// Step is a moment of a conversation at which a server can fail.
type Step string

// The steps in their order.
const (
	Greeting   Step = "greeting"
	FirstHello Step = "EHLO"
	StartTLS   Step = "STARTTLS"
	Handshake  Step = "the TLS handshake"
	Hello      Step = "EHLO with TLS"
	Auth       Step = "AUTH"
	From       Step = "MAIL FROM"
	To         Step = "RCPT TO"
	Data       Step = "DATA"
	Body       Step = "the body" // half of it was read
	Dot        Step = "the dot"  // all was read, and is not taken
	Taken      Step = "taken"    // the mail was taken, but the client is not told
	Quit       Step = "QUIT"
)

// How is the way in which a server fails: one of those below, or the answer that
// it gives instead.
type How string

// Ways to fail.
const (
	Drop How = "drop"  // the connection is closed
	Hang How = "hang"  // nothing more is said
	Junk How = "junk!" // what is said is no SMTP
)

// Fault is one failure to come.
type Fault struct {
	Step Step
	How  How
	// After is how often the step goes well before, and Times how often it fails.
	After, Times int
}

// Mail is one that was taken.
type Mail struct{ ID, To, Content string }

// Server is a mail server on a port of this machine. It takes mail from those
// only who have encrypted the connection and signed in.
type Server struct {
	// Trust knows the authority of its certificate, which is for 127.0.0.1.
	Trust *x509.CertPool

	address string
	tls     *tls.Config
	serving sync.WaitGroup

	mu     sync.Mutex
	listen net.Listener
	open   map[net.Conn]bool
	lines  int // connections so far
	faults []Fault
	taken  []Mail
}

// Start starts a server, which runs until the test ends.
func Start(tb testing.TB) *Server {
	tb.Helper()
	s := &Server{address: "127.0.0.1:0", open: map[net.Conn]bool{}}
	s.certify(tb)
	s.Up(tb)
	tb.Cleanup(s.Down)
	return s
}

// URI is for courier.smtp.connection_uri. Who uses it trusts anybody.
func (s *Server) URI() string {
	return "smtp://zelus:s3cret@" + s.address + "/?skip_ssl_verify=true"
}

// Up listens, again at the same port after Down.
func (s *Server) Up(tb testing.TB) {
	tb.Helper()
	l, err := net.Listen("tcp", s.address)
	if err != nil {
		tb.Fatal(err)
	}
	s.address = l.Addr().String()
	s.mu.Lock()
	s.listen = l
	s.mu.Unlock()
	s.serving.Go(func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			s.mu.Lock()
			s.open[conn] = true
			s.lines++
			s.mu.Unlock()
			s.serving.Go(func() {
				s.serve(conn)
				conn.Close()
				s.mu.Lock()
				delete(s.open, conn)
				s.mu.Unlock()
			})
		}
	})
}

// Down stops listening and breaks all connections off.
func (s *Server) Down() {
	s.mu.Lock()
	s.listen.Close()
	for conn := range s.open {
		conn.Close()
	}
	s.mu.Unlock()
	s.serving.Wait()
}

// Fail adds failures to come.
func (s *Server) Fail(all ...Fault) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.faults = append(s.faults, all...)
}

// Failing says whether there are failures to come of this kind.
func (s *Server) Failing(how How) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.ContainsFunc(s.faults, func(f Fault) bool { return f.How == how && f.Times > 0 })
}

// Mails lists what was taken.
func (s *Server) Mails() []Mail {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.taken)
}

// Lines is how many connections there were.
func (s *Server) Lines() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.lines
}

// fails says how a step fails now, if it does.
func (s *Server) fails(step Step) (How, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for i := range s.faults {
		f := &s.faults[i]
		if f.Step != step {
			continue
		}
		if f.After > 0 {
			f.After--
			continue
		}
		if f.Times > 0 {
			f.Times--
			return f.How, true
		}
	}
	return "", false
}

// talk is one conversation.
type talk struct {
	*Server
	conn net.Conn
	in   *textproto.Reader
}

func (s *Server) serve(conn net.Conn) {
	t := &talk{Server: s, conn: conn, in: textproto.NewReader(bufio.NewReader(conn))}
	if well, _ := t.answer(Greeting, "220 mail.example.org ready"); well {
		t.converse()
	}
}

// answer answers a step, or fails. well says that it was answered as it should
// be, on that the conversation goes on.
func (t *talk) answer(step Step, line string) (well, on bool) {
	how, fails := t.fails(step)
	if !fails {
		return true, t.say(line)
	}
	switch how {
	case Drop:
		return false, false
	case Hang:
		_, _ = io.Copy(io.Discard, t.conn) // until the client hangs up
		return false, false
	}
	return false, t.say(string(how)) && !strings.HasPrefix(string(how), "421")
}

func (t *talk) say(line string) bool {
	_, err := fmt.Fprintf(t.conn, "%s\r\n", line)
	return err == nil
}

// converse is the conversation behind the greeting.
func (t *talk) converse() {
	encrypted, known, to := false, false, ""
	for on := true; on; {
		line, err := t.in.ReadLine()
		if err != nil {
			return
		}
		verb, rest, _ := strings.Cut(line, " ")
		well := false
		switch {
		case verb == "EHLO" && !encrypted:
			_, on = t.answer(FirstHello, "250-mail.example.org\r\n250 STARTTLS")
		case verb == "EHLO":
			_, on = t.answer(Hello, "250-mail.example.org\r\n250 AUTH PLAIN")
		case verb == "STARTTLS":
			if well, on = t.answer(StartTLS, "220 go ahead"); well {
				on = t.encrypt()
				encrypted = on
			}
		case verb == "AUTH" && encrypted:
			known, on = t.answer(Auth, "235 2.7.0 welcome")
		case verb == "MAIL" && known:
			_, on = t.answer(From, "250 2.1.0 ok")
		case verb == "RCPT" && known:
			to = strings.Trim(strings.TrimPrefix(rest, "TO:"), "<>")
			_, on = t.answer(To, "250 2.1.5 ok")
		case verb == "DATA" && known:
			if well, on = t.answer(Data, "354 go ahead"); well {
				on = t.take(to)
			}
		case verb == "QUIT":
			t.answer(Quit, "221 bye")
			return
		default:
			on = t.say("503 5.5.1 not now")
		}
	}
}

// encrypt goes on with TLS.
func (t *talk) encrypt() bool {
	if how, fails := t.fails(Handshake); fails {
		t.say(string(how))
		return false
	}
	t.conn = tls.Server(t.conn, t.tls)
	t.in = textproto.NewReader(bufio.NewReader(t.conn))
	return true
}

// take reads a mail and answers the dot.
func (t *talk) take(to string) bool {
	if _, fails := t.fails(Body); fails {
		_, _ = t.in.ReadLine()
		return false
	}
	content, err := io.ReadAll(t.in.DotReader())
	if err != nil {
		return false
	}
	if well, on := t.answer(Dot, "250-2.0.0 all of it is here"); !well {
		return on
	}
	m := Mail{To: to, Content: string(content)}
	if parsed, err := mail.ReadMessage(strings.NewReader(m.Content)); err == nil {
		m.ID = parsed.Header.Get("Message-Id")
	}
	t.mu.Lock()
	t.taken = append(t.taken, m)
	t.mu.Unlock()
	_, on := t.answer(Taken, "250 2.0.0 taken")
	return on
}

// certify makes an authority and a certificate of it for 127.0.0.1.
func (s *Server) certify(tb testing.TB) {
	tb.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		tb.Fatal(err)
	}
	own := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "mail.example.org"}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		NotBefore: time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC), NotAfter: time.Date(2100, 1, 1, 0, 0, 0, 0, time.UTC), IsCA: true, BasicConstraintsValid: true,
		KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}}
	der, err := x509.CreateCertificate(rand.Reader, own, own, &key.PublicKey, key)
	if err != nil {
		tb.Fatal(err)
	}
	if own, err = x509.ParseCertificate(der); err != nil {
		tb.Fatal(err)
	}
	s.Trust = x509.NewCertPool()
	s.Trust.AddCert(own)
	s.tls = &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}}}
}
