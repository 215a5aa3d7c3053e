package jsonnet

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// How an evaluation can fail, beside ProgramError and the end of the context.
// Anything else is a fault of this server or of the system it runs on.
var (
	// ErrTimeout says that a program took longer than Options.Timeout.
	ErrTimeout = errors.New("the Jsonnet program took too long and was stopped")
	// ErrMemory says that it needed more than Options.MemoryLimit, or that it
	// nested something too deeply.
	ErrMemory = errors.New("the Jsonnet program needed too much memory and was stopped")
	// ErrTooLarge says that its output is larger than Options.OutputLimit.
	ErrTooLarge = errors.New("the output of the Jsonnet program is too large")
	// ErrInputTooLarge says that the program and what it is given are larger
	// than 8 MiB together.
	ErrInputTooLarge = errors.New("the Jsonnet program was given too much")
	// ErrBusy says that too many evaluations wait for a child.
	ErrBusy = errors.New("too many Jsonnet programs are waiting to be evaluated")
	// ErrClosed says that the pool was closed.
	ErrClosed = errors.New("the Jsonnet interpreter is stopped")
)

// Program is a Jsonnet program and the values that it is given, as JSON.
type Program struct {
	// Name is what errors call it: the setting that it comes from.
	Name   string `json:"-"`
	Source string `json:"source"`
	// Ext are read with std.extVar; TLA are the arguments of a program that is
	// a function.
	Ext map[string]json.RawMessage `json:"ext,omitempty"`
	TLA map[string]json.RawMessage `json:"tla,omitempty"`
}

// ProgramError is the failure of a program itself.
type ProgramError struct {
	// Program is its name.
	Program string `json:"-"`
	// Message is the expression of the program's own error, or what the
	// interpreter says. Unless Syntax is set it may repeat what the program was
	// given.
	Message string `json:"message"`
	// Place is the line and column, if known.
	Place string `json:"place"`
	// Syntax says that the text is no Jsonnet program: it was not even begun.
	Syntax bool `json:"syntax"`
}

// Cancelled says whether the program ended itself with error "cancel", by which
// it asks for nothing to be done.
func (e *ProgramError) Cancelled() bool { return !e.Syntax && e.Message == "cancel" }

// Error is fit for logs: it leaves out what may repeat data.
func (e *ProgramError) Error() string {
	at := ""
	if e.Place != "" {
		at = " at " + e.Place
	}
	if e.Syntax {
		return e.Program + " is not valid Jsonnet" + at + ": " + e.Message
	}
	return e.Program + " ended with an error" + at
}

// OfProgram says whether an error of Evaluate is the program's own doing, and so
// for whoever wrote it to mend: it fails, or takes more than is allowed.
func OfProgram(err error) bool {
	_, failed := errors.AsType[*ProgramError](err)
	return failed || errors.Is(err, ErrTimeout) || errors.Is(err, ErrMemory) || errors.Is(err, ErrTooLarge) || errors.Is(err, ErrInputTooLarge)
}

const (
	// queuePerChild is how many evaluations may wait for each child.
	queuePerChild = 64
	// maxUses is after how many evaluations a child is replaced, so that none
	// grows old with what an interpreter may leave behind.
	maxUses = 1000
	// idleFor is how long a child is kept that nobody needs.
	idleFor = 3 * time.Minute
)

// Options are what a Pool is made of. Zero fields but Command and Logger take
// their defaults.
type Options struct {
	// Command starts a child, which has to call Serve: a path and arguments.
	Command []string
	// Children is how many there are at most, 2 by default.
	Children int
	// Timeout bounds an evaluation, 1 second by default. Waiting for a child
	// does not count.
	Timeout time.Duration
	// MemoryLimit bounds a child, 256 MiB by default.
	MemoryLimit int64
	// OutputLimit bounds the output of a program, 256 KiB by default.
	OutputLimit int
	Logger      *slog.Logger
}

// Pool evaluates programs in child processes. It starts none before it is asked
// to. It is safe for concurrent use.
type Pool struct {
	options Options
	free    chan struct{} // holds one for each child that may be used
	waiting atomic.Int64
	work    sync.WaitGroup // evaluations and children
	uses    int            // maxUses, and idleFor
	keep    time.Duration

	mu     sync.Mutex
	closed bool
	idle   []*process // the last used is the last
	starts chan func()
}

// New makes a Pool. Close it.
func New(o Options) *Pool {
	if o.Children <= 0 {
		o.Children = 2
	}
	if o.Timeout <= 0 {
		o.Timeout = time.Second
	}
	if o.MemoryLimit <= 0 {
		o.MemoryLimit = 256 << 20
	}
	if o.OutputLimit <= 0 {
		o.OutputLimit = 256 << 10
	}
	p := &Pool{options: o, free: make(chan struct{}, o.Children), uses: maxUses, keep: idleFor}
	for range o.Children {
		p.free <- struct{}{}
	}
	return p
}

// Evaluate runs a program and gives its output, which is JSON. The context
// bounds waiting for a child. The errors are *ProgramError, ErrTimeout,
// ErrMemory, ErrTooLarge, ErrInputTooLarge, ErrBusy, ErrClosed, that of the
// context, and those of the system.
func (p *Pool) Evaluate(ctx context.Context, program Program) (json.RawMessage, error) {
	return p.do(ctx, frameEvaluate, program)
}

// Check says whether a text is a Jsonnet program, without running it. What it
// refers to when it runs is not looked at.
func (p *Pool) Check(ctx context.Context, name, source string) error {
	_, err := p.do(ctx, frameCheck, Program{Name: name, Source: source})
	return err
}

func (p *Pool) do(ctx context.Context, kind byte, program Program) (json.RawMessage, error) {
	payload, err := json.Marshal(program)
	if err != nil {
		return nil, fmt.Errorf("%s was given a value that is not JSON: %w", program.Name, err)
	}
	if len(payload) > maxFrame {
		return nil, ErrInputTooLarge
	}
	if err := p.wait(ctx); err != nil {
		return nil, err
	}
	// From here on the evaluation takes its course, also when nobody wants the
	// answer any more: clients that go away must not cost children.
	type result struct {
		output json.RawMessage
		err    error
	}
	done := make(chan result, 1)
	go func() {
		defer p.work.Done()
		defer func() { p.free <- struct{}{} }()
		output, err := p.evaluate(kind, payload)
		if failed, ok := errors.AsType[*ProgramError](err); ok {
			failed.Program = program.Name
		}
		done <- result{output, err}
	}()
	select {
	case r := <-done:
		return r.output, r.err
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// wait waits until a child may be used. The caller then owes one to p.free and
// a p.work.Done.
func (p *Pool) wait(ctx context.Context) error {
	if p.waiting.Add(1) > int64(queuePerChild*p.options.Children) {
		p.waiting.Add(-1)
		return ErrBusy
	}
	defer p.waiting.Add(-1)
	select {
	case <-p.free:
	case <-ctx.Done():
		return ctx.Err()
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		p.free <- struct{}{}
		return ErrClosed
	}
	p.work.Add(1)
	return nil
}

// evaluate asks a child. If that one ends for no reason of the program's, because
// somebody killed it, another one is asked once.
func (p *Pool) evaluate(kind byte, payload []byte) (json.RawMessage, error) {
	output, lost, err := p.try(kind, payload)
	if lost {
		output, _, err = p.try(kind, payload)
	}
	return output, err
}

// try asks one child. lost says that the child is to blame for the error.
func (p *Pool) try(kind byte, payload []byte) (output json.RawMessage, lost bool, err error) {
	c, err := p.take()
	if err != nil {
		return nil, false, err
	}
	answer, said, err := c.ask(kind, payload, p.options.Timeout)
	if err == nil {
		switch answer {
		case frameValue:
			p.giveBack(c)
			return said, false, nil
		case frameTooLarge:
			p.giveBack(c)
			return nil, false, ErrTooLarge
		case frameFailed:
			failed := &ProgramError{}
			if err = json.Unmarshal(said, failed); err == nil {
				p.giveBack(c)
				return nil, false, failed
			}
		case frameMemory:
			c.end()
			return nil, false, ErrMemory
		default:
			err = fmt.Errorf("the kind of its answer is %q", answer)
		}
	}
	c.end()
	switch {
	case c.late.Load():
		return nil, false, ErrTimeout
	case c.crashed():
		return nil, false, ErrMemory
	}
	p.options.Logger.Warn("a process that evaluates Jsonnet failed; another one takes its place", "process", c, "error", err)
	return nil, true, fmt.Errorf("a process that evaluates Jsonnet failed: %w", err)
}

// take gives a child that is not in use. Its place is taken from p.free.
func (p *Pool) take() (*process, error) {
	p.mu.Lock()
	if n := len(p.idle); n > 0 {
		c := p.idle[n-1]
		p.idle = p.idle[:n-1]
		p.mu.Unlock()
		c.idle.Stop() // if it is late, p.retire does not find the child
		return c, nil
	}
	p.mu.Unlock()
	return p.start()
}

// giveBack keeps a child for the next evaluation, or ends it.
func (p *Pool) giveBack(c *process) {
	c.uses++
	p.mu.Lock()
	if c.uses >= p.uses || p.closed {
		p.mu.Unlock()
		c.end()
		return
	}
	p.idle = append(p.idle, c)
	c.idle = time.AfterFunc(p.keep, func() { p.retire(c) })
	p.mu.Unlock()
}

// retire ends a child if it is idle, and says whether it was.
func (p *Pool) retire(c *process) bool {
	p.mu.Lock()
	i := slices.Index(p.idle, c)
	if i >= 0 {
		p.idle = slices.Delete(p.idle, i, i+1)
	}
	p.mu.Unlock()
	if i >= 0 {
		c.end()
	}
	return i >= 0
}

// start starts a child and waits until it is ready.
func (p *Pool) start() (*process, error) {
	if len(p.options.Command) == 0 {
		return nil, errors.New("no command was given that starts a process to evaluate Jsonnet")
	}
	c, err := newProcess(p.options.Command, limits{Memory: p.options.MemoryLimit, Output: p.options.OutputLimit})
	if err != nil {
		return nil, fmt.Errorf("a process that evaluates Jsonnet cannot be started: %w", err)
	}
	started := make(chan error, 1)
	p.starter() <- func() {
		p.work.Add(1) // the evaluation that needs this child keeps the count above zero
		err := c.start(func() {
			if p.retire(c) {
				p.options.Logger.Warn("a process that evaluates Jsonnet ended by itself while there was nothing to do", "process", c)
			}
			p.work.Done()
		})
		if err != nil {
			p.work.Done()
		}
		started <- err
	}
	if err := <-started; err != nil {
		return nil, fmt.Errorf("a process that evaluates Jsonnet cannot be started: %w", err)
	}
	if err := c.greet(); err != nil {
		c.end()
		if c.late.Load() {
			err = fmt.Errorf("it was not ready within %s", startWithin)
		}
		p.options.Logger.Warn("a process that evaluates Jsonnet did not start", "process", c, "error", err)
		return nil, fmt.Errorf("a process that evaluates Jsonnet did not start: %w", err)
	}
	return c, nil
}

// starter is where children are started. It begins with the first of them.
func (p *Pool) starter() chan<- func() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.starts == nil {
		p.starts = make(chan func())
		go startAll(p.starts)
	}
	return p.starts
}

// startAll starts children on a thread that lives as long as they may. Linux
// ends a child, as asked to, when the thread that started it does, and Go ends
// threads as it sees fit unless they are locked.
func startAll(starts <-chan func()) {
	runtime.LockOSThread()
	for start := range starts {
		start()
	}
}

// Close ends all children, after what they are at.
func (p *Pool) Close() {
	p.mu.Lock()
	if p.closed {
		p.mu.Unlock()
		return
	}
	p.closed = true
	idle := p.idle
	p.idle = nil
	p.mu.Unlock()
	for _, c := range idle {
		c.idle.Stop()
		c.end()
	}
	p.work.Wait()
	if p.starts != nil {
		close(p.starts)
	}
}
