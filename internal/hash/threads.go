package hash

import "time"

// window is over how long the peak of busy workers is taken. That there are fewer is
// reported one to two windows after the last time that there were more.
const window = 10 * time.Second

// busy is how many workers are at work, or about to be. The caller holds mu.
func (p *Pool) busy() int { return min(p.working+len(p.waiting), p.workers) }

// raise reports a peak that is higher than what was reported.
//
// Whoever brings a password does this, and never a worker: to change the number of Go's
// processors stops the program for a moment, and that of a thread of low priority may
// take long on a busy machine.
func (p *Pool) raise() {
	p.reporting.Lock()
	defer p.reporting.Unlock()
	p.mu.Lock()
	peak := max(p.peak, p.reported)
	p.mu.Unlock()
	p.report(peak)
	if p.timer == nil {
		p.timer = time.AfterFunc(window, p.lower)
	}
}

// lower reports the peak of the window that has ended.
func (p *Pool) lower() {
	p.reporting.Lock()
	defer p.reporting.Unlock()
	p.mu.Lock()
	peak, closed := p.peak, p.closed
	p.peak = p.busy()
	p.mu.Unlock()
	if closed {
		return
	}
	p.report(peak)
	if peak == 0 {
		p.timer = nil
		return
	}
	p.timer.Reset(window)
}

// report calls threads where that would say something new. The caller holds reporting, so
// that the last call says what is so.
func (p *Pool) report(peak int) {
	p.mu.Lock()
	same := p.reported == peak
	p.reported = peak
	p.mu.Unlock()
	if !same {
		p.threads(peak)
	}
}
