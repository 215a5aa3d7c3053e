package hash

import (
	"context"
	"errors"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
)

var (
	// ErrBusy says that as many people wait for a worker as are allowed to.
	ErrBusy = errors.New("too many passwords are waiting to be checked")
	// ErrClosed says that the pool was closed.
	ErrClosed = errors.New("the password workers are stopped")
)

// queuePerWorker is how many may wait for each worker, unless configured.
const queuePerWorker = 64

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
}

// Pool hashes and verifies passwords on a fixed number of low-priority threads.
// It is safe for concurrent use.
type Pool struct {
	setup   atomic.Pointer[setup]
	workers int
	places  int // in the queue
	stopped sync.WaitGroup

	mu      sync.Mutex
	wake    sync.Cond // signalled when there is work, or no more will come
	waiting []*job    // the oldest first
	closed  bool
}

// setup is what depends on the parameters.
type setup struct {
	params Params
	dummy  stored
}

// job is one person's password.
type job struct {
	work func(*memory)
	err  error         // ErrClosed if the work was not done
	done chan struct{} // closed when all of that is settled
}

// NewPool starts the workers. The error names a setting that is wrong.
func NewPool(o Options) (*Pool, error) {
	if o.Workers <= 0 {
		o.Workers = runtime.GOMAXPROCS(0)
	}
	if o.Queue <= 0 {
		o.Queue = queuePerWorker
	}
	p := &Pool{workers: o.Workers, places: o.Queue * o.Workers}
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
	dummy, err := parse(params.dummy())
	if err != nil {
		return err
	}
	p.setup.Store(&setup{params: params, dummy: dummy})
	return nil
}

// Workers is the number of workers: how much to add to runtime.GOMAXPROCS.
func (p *Pool) Workers() int { return p.workers }

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

// Verify says whether a hash is that of the password. The errors are those of
// Check, at once, and ErrBusy, ErrClosed and that of the context.
func (p *Pool) Verify(ctx context.Context, password, encoded string) (bool, error) {
	s, err := parse(encoded)
	if err != nil {
		return false, err
	}
	return p.verify(ctx, password, s)
}

// Dummy does the work of a Verify that says no, with a hash as the parameters
// now make it. It is for accounts that do not exist, so that the time of the
// answer does not tell them apart from those that do. (Accounts with a hash of
// other parameters do differ, until their owners sign in the next time.)
func (p *Pool) Dummy(ctx context.Context, password string) error {
	_, err := p.verify(ctx, password, p.setup.Load().dummy)
	return err
}

// NeedsRehash is the function of that name with the parameters of now.
func (p *Pool) NeedsRehash(encoded, password string) bool {
	return NeedsRehash(encoded, p.setup.Load().params, len(password))
}

func (p *Pool) verify(ctx context.Context, password string, s stored) (bool, error) {
	if len(password) > MaxPassword {
		return false, nil // nobody has one, so there is no time to equalise
	}
	var matches bool
	if err := p.do(ctx, func(mem *memory) { matches = s.matches(password, mem) }); err != nil {
		return false, err
	}
	return matches, nil
}

// Close stops the workers, after what they are at, and waits for them. Whoever
// waits in the queue gets ErrClosed.
func (p *Pool) Close() {
	p.mu.Lock()
	p.closed = true
	for _, j := range p.waiting {
		j.err = ErrClosed
		close(j.done)
	}
	p.waiting = nil
	p.mu.Unlock()
	p.wake.Broadcast()
	p.stopped.Wait()
}

// do has a worker do the work and waits for it. If the context ends before its
// turn, the work is not done; if it ends later, the work goes on and its result
// must not be touched.
func (p *Pool) do(ctx context.Context, work func(*memory)) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	j := &job{work: work, done: make(chan struct{})}
	if err := p.join(j); err != nil {
		return err
	}
	select {
	case <-j.done:
		return j.err
	case <-ctx.Done():
		p.leave(j)
		return ctx.Err()
	}
}

// join puts a job at the end of the queue.
func (p *Pool) join(j *job) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		return ErrClosed
	}
	if len(p.waiting) >= p.places {
		return ErrBusy
	}
	p.waiting = append(p.waiting, j)
	p.wake.Signal()
	return nil
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
		close(j.done)
	}
}

// next waits for a job. It gives nil when there will be no more. Memory is kept
// while people wait and given back when nobody does.
func (p *Pool) next(mem *memory) *job {
	p.mu.Lock()
	defer p.mu.Unlock()
	for len(p.waiting) == 0 && !p.closed {
		mem.release()
		p.wake.Wait()
	}
	if p.closed {
		return nil
	}
	j := p.waiting[0]
	p.waiting = slices.Delete(p.waiting, 0, 1)
	return j
}
