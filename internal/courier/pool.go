package courier

import (
	"net"
	"slices"
	"sync"
	"time"

	"github.com/wneessen/go-mail/smtp"
)

const (
	// idleTime is how long a connection to a mail server is kept for the next
	// mail. Servers close one after some minutes, and count those that are open.
	idleTime = 15 * time.Second
	// mailsPerLine is how many mails go over one connection. Servers have such a
	// bound themselves, mostly of a hundred or more.
	mailsPerLine = 50
	// quitTimeout bounds how long the goodbye may take: nothing depends on it.
	quitTimeout = 2 * time.Second
)

// line is a connection to a mail server that is ready for a mail.
type line struct {
	conn   net.Conn
	client *smtp.Client
	mails  int // that went over it
	idle   *time.Timer
}

// hangUp takes leave of the server, and closes the connection whatever it says.
func (l *line) hangUp() {
	defer l.conn.Close()
	defer time.AfterFunc(quitTimeout, func() { l.conn.Close() }).Stop()
	_ = l.client.Quit()
}

// pool keeps connections that nobody uses just now. The zero pool is empty and
// ready; it is safe for concurrent use.
type pool struct {
	mu     sync.Mutex
	lines  []*line // the one that was used last is the last one
	closed bool
}

// take gives the connection that was used last, or nil.
func (p *pool) take() *line {
	p.mu.Lock()
	defer p.mu.Unlock()
	n := len(p.lines)
	if n == 0 {
		return nil
	}
	l := p.lines[n-1]
	p.lines = p.lines[:n-1]
	l.idle.Stop() // if it is too late for that, drop does not find it
	return l
}

// keep takes a connection back.
func (p *pool) keep(l *line) {
	p.mu.Lock()
	if !p.closed && l.mails < mailsPerLine {
		l.idle = time.AfterFunc(idleTime, func() { p.drop(l) })
		p.lines = append(p.lines, l)
		p.mu.Unlock()
		return
	}
	p.mu.Unlock()
	l.hangUp()
}

// drop closes a connection that was not used for so long.
func (p *pool) drop(l *line) {
	p.mu.Lock()
	at := slices.Index(p.lines, l)
	if at >= 0 {
		p.lines = slices.Delete(p.lines, at, at+1)
	}
	p.mu.Unlock()
	if at >= 0 {
		l.hangUp()
	}
}

// close closes all connections, and lets none in any more.
func (p *pool) close() {
	p.mu.Lock()
	all := p.lines
	p.lines, p.closed = nil, true
	p.mu.Unlock()
	for _, l := range all {
		l.idle.Stop()
		l.hangUp()
	}
}
