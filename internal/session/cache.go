package session

import (
	"hash/maphash"
	"sync"
	"sync/atomic"
	"time"

	"github.com/google/uuid"

	"zelus/internal/secret"
)

// tokenKey is the keyed hash of a token.
type tokenKey [secret.HashSize]byte

// Answer is what a session check sends.
type Answer struct {
	// Body is the session as JSON.
	Body []byte
	// IdentityHeader is the value of X-Kratos-Authenticated-Identity-Id, as a
	// header holds it.
	IdentityHeader []string
	// ExpiresAt is when the session ends; GoodUntil is when this must be asked for
	// anew: then, or earlier where the trust in the session's device ends, or the
	// account is deleted.
	ExpiresAt, GoodUntil time.Time
	// NeedsAAL2 says that a second factor is due before anything is told.
	NeedsAAL2 bool
	// Former says that it was a browser's former token that was recognised: the
	// browser has another cookie by now, and keeps that.
	Former bool

	translate func([]byte) ([]byte, error)
	older     atomic.Pointer[[]byte] // see Older

	since uint64         // the last change before this was read
	mark  *atomic.Uint64 // the last change of its identity
}

// Older is the body for clients of the v0alpha2 era. It is made when the first
// of them asks, and kept beside that of today.
func (a *Answer) Older() ([]byte, error) {
	if body := a.older.Load(); body != nil {
		return *body, nil
	}
	body, err := a.translate(a.Body)
	if err == nil {
		a.older.Store(&body)
	}
	return body, err
}

// cache holds answers of session checks in memory, ready to send.
//
// It must never answer from before a change that was acknowledged. Changes
// are numbered. Whoever changes a session or an identity names the identity;
// the store calls forget after its commit and before it acknowledges, and
// forget leaves the number of the change in the identity's slot. An answer
// knows the number of the last change before it was read from the database.
// It is good as long as no later number stands in its slot. So a reader that
// was overtaken by a change cannot do harm, whenever it puts its answer in.
//
// Slots are shared by identities with the same hash: that costs one of them
// a query now and then, never a wrong answer.
type cache struct {
	shards  [shards]shard
	changes atomic.Uint64 // the number of the last change
	all     atomic.Uint64 // the last change that concerned everybody
	slots   [slots]atomic.Uint64
	seed    maphash.Seed
	most    int // answers per shard
}

const (
	shards = 64
	slots  = 1 << 14
)

type shard struct {
	mu      sync.RWMutex
	answers map[tokenKey]*Answer
}

// newCache makes a cache for about that many answers.
func newCache(answers int) *cache {
	c := &cache{seed: maphash.MakeSeed(), most: max(answers/shards, 1)}
	for i := range c.shards {
		c.shards[i].answers = map[tokenKey]*Answer{}
	}
	return c
}

// shard of a token: its hash is as random as can be, so one byte will do.
func (c *cache) shard(k tokenKey) *shard { return &c.shards[k[0]%shards] }

func (c *cache) slot(identity uuid.UUID) *atomic.Uint64 {
	return &c.slots[maphash.Bytes(c.seed, identity[:])%slots]
}

// get finds the answer for a token, or nil.
func (c *cache) get(k tokenKey) *Answer {
	s := c.shard(k)
	s.mu.RLock()
	a := s.answers[k]
	s.mu.RUnlock()
	if a == nil || a.mark.Load() > a.since || c.all.Load() > a.since {
		return nil
	}
	return a
}

// now is the number to put an answer in with; take it before the query.
func (c *cache) now() uint64 { return c.changes.Load() }

// put keeps the answer for a token of this identity's that was read after
// now returned since.
func (c *cache) put(k tokenKey, identity uuid.UUID, a *Answer, since uint64) {
	a.since, a.mark = since, c.slot(identity)
	s := c.shard(k)
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, replaced := s.answers[k]; !replaced && len(s.answers) >= c.most {
		for old := range s.answers { // any one: Go begins at a random place
			delete(s.answers, old)
			break
		}
	}
	s.answers[k] = a
}

// forget makes all answers of these identities bad, or everybody's for nil.
func (c *cache) forget(identities []uuid.UUID) {
	n := c.changes.Add(1)
	if identities == nil {
		raise(&c.all, n)
		return
	}
	for _, id := range identities {
		raise(c.slot(id), n)
	}
}

// raise sets v to n unless it is higher already.
func raise(v *atomic.Uint64, n uint64) {
	for have := v.Load(); have < n; have = v.Load() {
		if v.CompareAndSwap(have, n) {
			return
		}
	}
}

// count counts the answers that are held, good or not.
func (c *cache) count() (n int) {
	for i := range c.shards {
		c.shards[i].mu.RLock()
		n += len(c.shards[i].answers)
		c.shards[i].mu.RUnlock()
	}
	return n
}
