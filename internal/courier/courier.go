package courier

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"runtime/debug"
	"sync"
	"sync/atomic"
	"time"

	"github.com/google/uuid"

	"zelus/internal/auth"
	"zelus/internal/secret"
	"zelus/internal/store"
	"zelus/internal/web"
)

const (
	// concurrency is how many messages a node sends at once. Mail providers
	// allow few connections from one client.
	concurrency = 4
	// sendTimeout ends a try.
	sendTimeout = 30 * time.Second
	// claimTime is how long a claimed message is kept from other nodes. A try
	// ends sendTimeout after the claim was asked for, whatever it waits for, so
	// the other half is for writing down what came of it, and for nodes whose
	// clocks differ by up to so much.
	claimTime = 2 * sendTimeout
	// settleWithin is how long the database may take for that.
	settleWithin = 20 * time.Second
	// shortestWait keeps a pull_wait of nothing from becoming a busy loop.
	shortestWait = 100 * time.Millisecond
	// After a Wake the worker looks when wakeDelay has passed, and at random up to
	// wakeSpread more. Mostly the answer to who asked for a message has gone out by then:
	// its time should not tell whether one leaves, and neither should the load that follows
	// it at a known moment.
	wakeDelay  = 20 * time.Millisecond
	wakeSpread = 500 * time.Millisecond
	// longestTrouble is the longest pause while the database does not answer.
	longestTrouble = time.Minute
	// Pauses between the tries of a message: about 5 s, 15 s, 45 s, … With the
	// default of five retries a mail server may be away for some minutes.
	firstBackoff   = 5 * time.Second
	longestBackoff = 15 * time.Minute
)

// Sender is a way by which messages leave. Its errors are logged and shown to
// administrators: they must hold neither recipient nor content of a message.
// A try ends when its context does.
type Sender interface {
	Send(ctx context.Context, m *store.Message) error
}

// Pace is how the worker works (courier.worker and courier.message_retries).
type Pace struct {
	// PullCount is how many messages are taken at once, at least 1. No more
	// are taken than can be sent at the same time.
	PullCount int
	// PullWait is the pause before the outbox is looked at without a Wake.
	PullWait time.Duration
	// Retries is how often a message is tried again after the first try.
	Retries int
	// PerRecipient is how many messages of a share leave for one recipient at
	// once; see store.Claim.PerHour.
	PerRecipient int
	// KeepContent says that what a message says is kept after its end, for
	// developers to read. Otherwise nobody can read it any more, so it is removed.
	KeepContent bool
}

// Options are what a Courier is made of. All are needed.
type Options struct {
	Store  *store.Store
	Clock  func() time.Time
	Logger *slog.Logger
	// Sender gives the way for a channel, email or sms, or nil where none is
	// configured. It is asked for every message, Pace before every look at
	// the outbox, so that a new configuration needs no restart.
	Sender func(channel string) Sender
	Pace   func() Pace
	// Keys gives the keys that the contents of messages are sealed under, made
	// for KeyPurpose. It is asked for every message.
	Keys func() *secret.Ring
}

// Courier is the outbox and its worker. It is safe for concurrent use.
type Courier struct {
	options     Options
	wake        chan struct{} // holds one wake for a worker that is busy
	sendTimeout time.Duration // tests have less of it

	sent, failed, abandoned atomic.Uint64
}

// New makes a Courier. Nothing is sent before Run.
func New(o Options) *Courier {
	return &Courier{options: o, wake: make(chan struct{}, 1), sendTimeout: sendTimeout}
}

// Counts says what this node's worker has done since it was made.
type Counts struct {
	Sent      uint64 // messages that the other side accepted
	Failed    uint64 // tries that failed, the last ones among them
	Abandoned uint64 // messages that were given up
}

// Counts counts so far.
func (c *Courier) Counts() Counts {
	return Counts{Sent: c.sent.Load(), Failed: c.failed.Load(), Abandoned: c.abandoned.Load()}
}

// Metrics are these counts, and how many messages of all nodes wait.
func (c *Courier) Metrics(ctx context.Context) ([]web.Metric, error) {
	queued, err := c.options.Store.CountMessages(ctx, store.MessageQueued)
	if err != nil {
		return nil, err
	}
	const name = "zelus_courier_messages_"
	done := c.Counts()
	return []web.Metric{
		{Name: name + "sent_total", Kind: web.Counter, Help: "Messages that were accepted by the mail server, of this process.", Value: done.Sent},
		{Name: name + "failed_total", Kind: web.Counter, Help: "Tries to send a message that failed, of this process.", Value: done.Failed},
		{Name: name + "abandoned_total", Kind: web.Counter, Help: "Messages that were given up, of this process.", Value: done.Abandoned},
		{Name: name + "queued", Kind: web.Gauge, Help: "Messages that wait to be sent, in the database.", Value: uint64(queued)},
	}, nil
}

// Enqueue writes a message to the outbox in the caller's transaction: it will
// be sent if, and only if, that is committed. Call Wake after the commit.
// ErrRecipient says that the recipient is not an address.
func (c *Courier) Enqueue(ctx context.Context, tx *store.Tx, m Message) error {
	row, err := m.row(auth.Now(c.options.Clock()), c.options.Keys())
	if err != nil {
		return err
	}
	return tx.InsertMessage(ctx, row)
}

// Wake tells this node's worker that there is something to send, a moment from now. It
// never waits. Where it is not called, a message waits for PullWait at most.
func (c *Courier) Wake() { time.AfterFunc(wakeDelay+rand.N(wakeSpread), c.wakeNow) }

// wakeNow is Wake without delay.
func (c *Courier) wakeNow() {
	select {
	case c.wake <- struct{}{}:
	default:
	}
}

// Run sends messages until the context ends. It then starts no further try,
// and returns when those under way are over, which is after 50 seconds at the
// latest.
func (c *Courier) Run(ctx context.Context) {
	busy := make(chan struct{}, concurrency)
	var sending sync.WaitGroup
	defer sending.Wait()
	trouble := time.Duration(0)
	for ctx.Err() == nil {
		pace := c.options.Pace()
		// Only this loop makes the worker busier, so that what is free now stays free.
		free := min(max(pace.PullCount, 1), concurrency-len(busy))
		claimed, err := c.claim(ctx, free, pace.PerRecipient)
		for i := range claimed {
			m := &claimed[i]
			busy <- struct{}{}
			sending.Go(func() {
				defer c.wakeNow() // there may be more to do than there were hands
				defer func() { <-busy }()
				c.try(context.WithoutCancel(ctx), m, pace)
			})
		}
		wait := max(pace.PullWait, shortestWait)
		switch {
		case ctx.Err() != nil:
			return
		case err != nil:
			trouble = min(max(2*trouble, wait), longestTrouble)
			wait = trouble
			c.options.Logger.Error("the outbox cannot be read; trying again", "in", wait.String(), "error", err)
		default:
			trouble = 0
		}
		select {
		case <-ctx.Done():
		case <-c.wake:
		case <-time.After(wait):
		}
	}
}

// claim takes up to limit messages that are due.
func (c *Courier) claim(ctx context.Context, limit, perRecipient int) ([]store.Message, error) {
	if limit == 0 {
		return nil, nil
	}
	now := auth.Now(c.options.Clock())
	// An idle worker only reads.
	if due, err := c.options.Store.MessagesDue(ctx, now); err != nil || !due {
		return nil, err
	}
	// Durable, because a database server that has lost a claim would give the
	// message to another node while this one sends it.
	var done store.Claimed
	err := c.options.Store.Write(ctx, store.Durable, func(tx *store.Tx) (err error) {
		done, err = tx.ClaimMessages(ctx, store.Claim{Now: now, Until: now.Add(claimTime), Limit: limit, PerHour: perRecipient})
		return err
	})
	if err == nil && done.Held+done.Replaced > 0 {
		c.options.Logger.Warn("messages wait or are replaced by newer ones, because their recipients got as many within an hour as courier.recipient_limit allows",
			"wait", done.Held, "replaced", done.Replaced)
	}
	return done.Messages, err
}

// errExpired is why a message is not sent that came to its turn too late.
var errExpired = errors.New("the message was not sent: it had expired before its turn came")

// try sends a claimed message and writes down what came of it.
func (c *Courier) try(ctx context.Context, m *store.Message, pace Pace) {
	tries := max(pace.Retries, 0) + 1
	began := auth.Now(c.options.Clock())
	last := m.SendCount >= tries
	var failure error
	switch {
	case m.Expired(began):
		failure, last = errExpired, true
	case m.SendCount > tries:
		// The tries before ended without a result: this one may, too.
		failure = errors.New("the server stopped while it was sending this message, too often to try again")
	default:
		failure = c.send(ctx, m, c.sendTimeout-began.Sub(m.UpdatedAt))
	}
	now := auth.Now(c.options.Clock())
	next := now.Add(backoff(m.SendCount))
	if failure != nil && !last && m.Expired(next) {
		failure, last = fmt.Errorf("%w; it is not tried again, because it expires before the next try", failure), true
	}
	if (failure == nil || last) && !pace.KeepContent {
		m.Content = nil
	}
	log := c.options.Logger.With("message", m.ID.String(), "template", m.Template, "channel", m.Channel, "try", m.SendCount)
	held, err := c.settle(ctx, m, began, now, failure, last, next)
	switch {
	case err != nil:
		log.Error("what came of sending a message cannot be written down; it will be sent again", "sent", failure == nil, "error", err)
	case !held:
		log.Warn("sending a message took so long that it was given to another worker; it may be sent twice", "sent", failure == nil)
	case failure == nil:
		log.Info("a message was sent")
	case last:
		log.Error("a message was given up", "error", failure)
	default:
		log.Warn("a message could not be sent and will be tried again", "error", failure)
	}
	if failure == nil {
		c.sent.Add(1)
		return
	}
	c.failed.Add(1)
	if last && held {
		c.abandoned.Add(1)
	}
}

// settle writes down what came of a try, and says whether the claim still held.
// It does not give up at once: a message that was sent, and of which that is
// not known, is sent again.
func (c *Courier) settle(ctx context.Context, m *store.Message, began, now time.Time, failure error, last bool, next time.Time) (held bool, err error) {
	ctx, cancel := context.WithTimeout(ctx, settleWithin)
	defer cancel()
	dispatch := store.Dispatch{ID: uuid.New(), MessageID: m.ID, Status: store.DispatchSuccess, CreatedAt: began, UpdatedAt: now}
	if failure != nil {
		dispatch.Status, dispatch.Error = store.DispatchFailed, &store.DispatchError{Message: failure.Error()}
	}
	for wait := 100 * time.Millisecond; ; wait *= 2 {
		err = c.options.Store.Write(ctx, store.Durable, func(tx *store.Tx) (err error) {
			switch {
			case failure == nil:
				held, err = tx.MessageSent(ctx, m, dispatch)
			case last:
				held, err = tx.MessageAbandoned(ctx, m, dispatch)
			default:
				held, err = tx.MessageFailed(ctx, m, dispatch, next)
			}
			return err
		})
		if err == nil {
			return held, nil
		}
		select {
		case <-ctx.Done():
			return false, err
		case <-time.After(wait):
		}
	}
}

// send hands the message over, within the given time. A sender that panics
// fails this message and no other.
func (c *Courier) send(ctx context.Context, m *store.Message, within time.Duration) (err error) {
	if within <= 0 {
		return errors.New("the database took so long to hand the message out that there was no time left to send it")
	}
	if err := unseal(c.options.Keys(), m); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, min(within, c.sendTimeout)) // a clock may be set back
	defer cancel()
	defer func() {
		if p := recover(); p != nil {
			// What was panicked with may hold the message; the stack does not.
			c.options.Logger.Error("sending a message panicked", "message", m.ID.String(), "stack", string(debug.Stack()))
			err = errors.New("sending it failed inside the server; its log has the details")
		}
	}()
	sender := c.options.Sender(m.Channel)
	if sender == nil {
		return fmt.Errorf("no way to send is configured for the channel %s", m.Channel)
	}
	return sender.Send(ctx, m)
}

// backoff is the pause after the given number of tries: it grows threefold,
// and is shortened at random by up to a half, so that messages that failed
// together do not come back together.
func backoff(tries int) time.Duration {
	d := firstBackoff
	for range tries - 1 {
		if d = 3 * d; d >= longestBackoff {
			d = longestBackoff
			break
		}
	}
	return d - rand.N(d/2)
}
