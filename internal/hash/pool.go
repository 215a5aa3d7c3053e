package hash

import (
	"context"
	"errors"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

var (
	// ErrBusy says that too many people wait for a worker, by their number or
	// by the time that it would take.
	ErrBusy = errors.New("too many passwords are waiting to be checked")
	// ErrClosed says that the pool was closed.
	ErrClosed = errors.New("the password workers are stopped")
)

// How many may wait for each worker, and how long, unless configured.
const (
	queuePerWorker = 64
	queueTime      = 5 * time.Second
)

// averageOf is roughly how many jobs the average work is taken of: each new one
// counts for one part of so many.
const averageOf = 8

// Options are what a Pool is made of. Zero fields take their defaults.
type Options struct {
	Params Params
	// Workers is how many passwords are worked on at the same time; the
	// default is the number of cores that Go may use when the pool is made.
	Workers int
	// Queue is how many may wait for each worker, 64 by default. Whoever comes
	// when all places are taken gets ErrBusy at once, which is better for
	// everybody than to wait for longer than clients do.
	Queue int
	// MaxWait is how long anybody may wait for a worker, 5 seconds by default.
	// ErrBusy is for whoever would have to wait longer, by the average work of
	// the last passwords, and for whoever did wait longer in the end.
	MaxWait time.Duration
	// Clock measures waiting and work. Without one, no time passes for the
	// pool: the queue is bounded by Queue alone.
	Clock func() time.Time
	// Threads, where set, is told how many workers are busy at the same time, which is
	// what to add to runtime.GOMAXPROCS: at once where they are more than it was told
	// last, and where they were fewer for a whole window of ten seconds. It is called
	// by whoever brings a password, or by a timer, never by two at a time. Close tells
	// it nothing.
	Threads func(n int)
}

// Pool hashes and verifies passwords on a fixed number of low-priority threads.
// It is safe for concurrent use.
type Pool struct {
	setup   atomic.Pointer[setup]
	workers int
	places  int // in the queue
	maxWait time.Duration
	clock   func() time.Time
	threads func(int)
	stopped sync.WaitGroup

	mu      sync.Mutex
	wake    sync.Cond     // signalled when there is work, or no more will come
	waiting []*job        // the oldest first
	working int           // workers that are at a job
	average time.Duration // of the work of the last jobs; 0 before the first
	done    uint64        // jobs that were worked on
	closed  bool

	peak, reported int         // of busy workers: in this window, and as Threads knows
	reporting      sync.Mutex  // is locked before mu; guards timer
	timer          *time.Timer // until the window ends; nil while none is busy
}

// setup is what depends on the parameters.
type setup struct {
	params Params
	// short and long are the dummies for passwords that bcrypt can read and
	// for longer ones.
	short, long stored
}

// job is one person's password.
type job struct {
	work   func(*memory)
	joined time.Time     // the queue
	began  time.Time     // to be worked on
	err    error         // ErrClosed or ErrBusy if the work was not done
	done   chan struct{} // closed when all of that is settled
}

// end settles a job.
func (j *job) end(err error) {
	j.err = err
	close(j.done)
}

// NewPool starts the workers. The error names a setting that is wrong.
func NewPool(o Options) (*Pool, error) {
	if o.Workers <= 0 {
		o.Workers = runtime.GOMAXPROCS(0)
	}
	if o.Queue <= 0 {
		o.Queue = queuePerWorker
	}
	if o.MaxWait <= 0 {
		o.MaxWait = queueTime
	}
	if o.Clock == nil {
		o.Clock = func() time.Time { return time.Time{} }
	}
	p := &Pool{workers: o.Workers, places: o.Queue * o.Workers, maxWait: o.MaxWait, clock: o.Clock, threads: o.Threads}
	p.wake.L = &p.mu
	if err := p.SetParams(o.Params); err != nil {
		return nil, err
	}
	for range p.workers {
		p.stopped.Go(p.run)
	}
	return p, nil
}

// SetParams changes how passwords are hashed from now on. Those that wait are
// hashed with the new parameters. On an error, which names the setting, nothing
// changes.
func (p *Pool) SetParams(params Params) error {
	params, err := params.WithDefaults()
	if err != nil {
		return err
	}
	u := &setup{params: params}
	if u.short, err = parse(params.dummy(0)); err != nil {
		return err
	}
	if u.long, err = parse(params.dummy(maxBcryptPassword + 1)); err != nil {
		return err
	}
	p.setup.Store(u)
	return nil
}

// Generate hashes a password. The errors are ErrTooLong, ErrBusy, ErrClosed and
// that of the context.
func (p *Pool) Generate(ctx context.Context, password string) (string, error) {
	if len(password) > MaxPassword {
		return "", ErrTooLong
	}
	var encoded string
	var failed error
	err := p.do(ctx, func(mem *memory) {
		encoded, failed = generate(password, p.setup.Load().params, mem)
	})
	if err != nil {
		return "", err
	}
	return encoded, failed
}

// Verify says whether a hash is that of the password. The errors are those of a
// hash that cannot be read, at once, and ErrBusy, ErrClosed and that of the
// context.
//
// A no takes about as long as Dummy does for the same password, so that the
// time of the answer does not tell accounts that exist from those that do not.
// What remains to be seen is a hash that is much dearer than new ones, by all
// of the difference, and one that is cheaper but not for nothing, by up to half
// of a new one's cost. Both end at the owner's next sign-in, see NeedsRehash.
func (p *Pool) Verify(ctx context.Context, password, encoded string) (bool, error) {
	s, err := parse(encoded)
	if err != nil {
		return false, err
	}
	if len(password) > MaxPassword {
		return false, nil // nobody has one, so there is no time to equalise
	}
	var matches bool
	if err := p.do(ctx, func(mem *memory) { matches = p.setup.Load().verify(password, s, mem) }); err != nil {
		return false, err
	}
	return matches, nil
}

// Dummy does the work of a Verify that says no, with a hash as the parameters
// now make it for such a password. It is for accounts that do not exist.
func (p *Pool) Dummy(ctx context.Context, password string) error {
	if len(password) > MaxPassword {
		return nil
	}
	return p.do(ctx, func(mem *memory) { p.setup.Load().dummyFor(password).matches(password, mem) })
}

// NeedsRehash is the function of that name with the parameters of now.
func (p *Pool) NeedsRehash(encoded, password string) bool {
	return NeedsRehash(encoded, p.setup.Load().params, len(password))
}

// dummyFor is the dummy that takes as long as a new hash of the password.
func (u *setup) dummyFor(password string) stored {
	if u.short.fits(password) {
		return u.short
	}
	return u.long
}

// verify compares and, where the answer is a no that came much cheaper than the
// dummy would have, does the work of the dummy too: if that brings the time
// nearer to it.
func (u *setup) verify(password string, s stored, mem *memory) bool {
	dummy := u.dummyFor(password)
	if s.fits(password) {
		if s.compute(password, mem) {
			return true
		}
		if 2*s.cost > dummy.cost {
			return false
		}
	}
	dummy.matches(password, mem)
	return false
}

// Close stops the workers, after what they are at, and waits for them. Whoever
// waits in the queue gets ErrClosed.
func (p *Pool) Close() {
	p.mu.Lock()
	p.closed = true
	for _, j := range p.waiting {
		j.end(ErrClosed)
	}
	p.waiting = nil
	p.mu.Unlock()
	p.wake.Broadcast()
	p.stopped.Wait()
	p.reporting.Lock()
	defer p.reporting.Unlock()
	if p.timer != nil {
		p.timer.Stop()
	}
}

// do has a worker do the work and waits for it. If the context ends before its
// turn, the work is not done; if it ends later, the work goes on and its result
// must not be touched.
func (p *Pool) do(ctx context.Context, work func(*memory)) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	j := &job{work: work, joined: p.clock(), done: make(chan struct{})}
	more, err := p.join(j)
	if err != nil {
		return err
	}
	if more {
		p.raise()
	}
	select {
	case <-j.done:
		return j.err
	case <-ctx.Done():
		p.leave(j)
		return ctx.Err()
	}
}

// join puts a job at the end of the queue, and says whether more workers are busy since
// than were reported.
func (p *Pool) join(j *job) (more bool, err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		return false, ErrClosed
	}
	// Those who are worked on count in full: nobody knows how far they are.
	ahead := len(p.waiting) + p.working
	wait := time.Duration(ahead) * p.average / time.Duration(p.workers)
	if len(p.waiting) >= p.places || wait > p.maxWait {
		return false, ErrBusy
	}
	p.waiting = append(p.waiting, j)
	p.peak = max(p.peak, p.busy())
	p.wake.Signal()
	return p.threads != nil && p.peak > p.reported, nil
}

// leave takes a job out of the queue, if it is still there.
func (p *Pool) leave(j *job) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if at := slices.Index(p.waiting, j); at >= 0 {
		p.waiting = slices.Delete(p.waiting, at, at+1)
	}
}

// run is a worker.
func (p *Pool) run() {
	// Never unlocked: the thread ends with the worker, and its low priority
	// does not come to anybody else.
	runtime.LockOSThread()
	lowerPriority()
	var mem memory
	for {
		j := p.next(&mem)
		if j == nil {
			return
		}
		j.work(&mem)
		p.finish(j)
		j.end(nil)
	}
}

// next waits for a job. It gives nil when there will be no more. Memory is kept
// while people wait and given back when nobody does.
func (p *Pool) next(mem *memory) *job {
	p.mu.Lock()
	defer p.mu.Unlock()
	for {
		for len(p.waiting) == 0 && !p.closed {
			mem.release()
			p.wake.Wait()
		}
		if p.closed {
			return nil
		}
		j := p.waiting[0]
		p.waiting = slices.Delete(p.waiting, 0, 1)
		j.began = p.clock()
		if j.began.Sub(j.joined) <= p.maxWait {
			p.working++
			return j
		}
		j.end(ErrBusy) // its client is about to give up, and those behind it wait
	}
}

// Done counts the passwords that were worked on since the beginning.
func (p *Pool) Done() uint64 {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.done
}

// finish takes the work of a job into the average. A job that took more than
// maxWait counts as that much, so that whoever finds a worker free is let in.
func (p *Pool) finish(j *job) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.working--
	p.done++
	took := min(max(0, p.clock().Sub(j.began)), p.maxWait)
	if p.average == 0 {
		p.average = took
	} else {
		p.average += (took - p.average) / averageOf
	}
}
