package hash

import "time"

// lately is for how long it counts how many were at work together.
const lately = 10 * time.Second

// together is how many workers are at work, or about to be. The caller holds mu.
func (p *Pool) together() int { return min(p.working+len(p.waiting), p.workers) }

// raise tells of more workers at the same time than were told of.
//
// Whoever brings a password does this, and never a worker: to change the number of Go's
// processors stops the program for a moment, and that of a thread of low priority may
// take long on a busy machine.
func (p *Pool) raise() {
	p.telling.Lock() // so that what is told last is what is so
	defer p.telling.Unlock()
	p.mu.Lock()
	n, more := p.most, p.most > p.told
	p.told = max(p.told, n)
	p.mu.Unlock()
	if !more {
		return
	}
	p.threads(n)
	if p.look == nil {
		p.look = time.AfterFunc(lately, p.lower)
	}
}

// lower tells when there were fewer for a while.
func (p *Pool) lower() {
	p.telling.Lock()
	defer p.telling.Unlock()
	p.mu.Lock()
	n, fewer, closed := p.most, p.most < p.told, p.closed
	p.most, p.told = p.together(), n
	p.mu.Unlock()
	if closed {
		return
	}
	if fewer {
		p.threads(n)
	}
	if n == 0 {
		p.look = nil
		return
	}
	p.look.Reset(lately)
}
