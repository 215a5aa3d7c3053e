package session

import (
	"encoding/binary"
	"math/rand/v2"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"
)

// keyOf is the key of the nth token. The first byte, which chooses the shard,
// runs through all shards.
func keyOf(n int) (k tokenKey) {
	k[0] = byte(n)
	binary.BigEndian.PutUint64(k[1:], uint64(n))
	return k
}

// strangers are n identities that share no slot.
func strangers(t testing.TB, c *cache, n int) []uuid.UUID {
	t.Helper()
	taken := map[*atomic.Uint64]bool{}
	var ids []uuid.UUID
	for range slots {
		id := uuid.New()
		if s := c.slot(id); !taken[s] {
			taken[s] = true
			ids = append(ids, id)
		}
		if len(ids) == n {
			return ids
		}
	}
	t.Fatalf("%d identities with slots of their own were not found", n)
	return nil
}

func TestCacheForget(t *testing.T) {
	c := newCache(1024)
	ids := strangers(t, c, 2)
	ada, bob := &Answer{}, &Answer{}
	c.put(keyOf(1), ids[0], ada, c.now())
	c.put(keyOf(2), ids[1], bob, c.now())
	if c.get(keyOf(1)) != ada || c.get(keyOf(2)) != bob || c.get(keyOf(3)) != nil {
		t.Fatal("what was put in is not what comes out")
	}
	c.forget(ids[:1])
	if c.get(keyOf(1)) != nil {
		t.Error("an answer from before the change is given")
	}
	if c.get(keyOf(2)) != bob {
		t.Error("somebody else's answer is lost")
	}
	fresh := &Answer{}
	c.put(keyOf(1), ids[0], fresh, c.now())
	if c.get(keyOf(1)) != fresh {
		t.Error("an answer from after the change is not given")
	}
	c.forget([]uuid.UUID{})
	if c.get(keyOf(1)) != fresh || c.get(keyOf(2)) != bob {
		t.Error("a change of nobody takes answers away")
	}
}

func TestCacheForgetEverybody(t *testing.T) {
	c := newCache(1024)
	ids := strangers(t, c, shards)
	since := c.now()
	for n, id := range ids {
		c.put(keyOf(n), id, &Answer{}, since)
	}
	c.forget(nil)
	for n, id := range ids {
		if c.get(keyOf(n)) != nil {
			t.Errorf("answer %d is still given", n)
		}
		c.put(keyOf(n), id, &Answer{}, since)
		if c.get(keyOf(n)) != nil {
			t.Errorf("answer %d was read before and is given", n)
		}
		c.put(keyOf(n), id, &Answer{}, c.now())
		if c.get(keyOf(n)) == nil {
			t.Errorf("answer %d was read after and is not given", n)
		}
	}
}

// A reader that read before a change and puts its answer in after it.
func TestCachePutAfterForget(t *testing.T) {
	c := newCache(1024)
	ids := strangers(t, c, 2)
	since := c.now()
	c.forget(ids[:1])
	c.put(keyOf(1), ids[0], &Answer{}, since)
	if c.get(keyOf(1)) != nil {
		t.Error("an answer that was overtaken by a change is given")
	}
	// A change of somebody else does not matter, however much later it is.
	since = c.now()
	for range 100 {
		c.forget(ids[1:])
	}
	c.put(keyOf(1), ids[0], &Answer{}, since)
	if c.get(keyOf(1)) == nil {
		t.Error("an answer that no change concerns is not given")
	}
}

// Two identities in one slot cost each other a query, never a wrong answer.
func TestCacheSharedSlot(t *testing.T) {
	c := newCache(1024)
	ada := uuid.New()
	bob := uuid.New()
	for c.slot(bob) != c.slot(ada) {
		bob = uuid.New()
	}
	c.put(keyOf(1), ada, &Answer{}, c.now())
	c.put(keyOf(2), bob, &Answer{}, c.now())
	c.forget([]uuid.UUID{bob})
	if c.get(keyOf(1)) != nil || c.get(keyOf(2)) != nil {
		t.Error("a slot with a later change gives answers")
	}
}

// Changes may arrive out of their order; the highest number counts.
func TestRaise(t *testing.T) {
	var v atomic.Uint64
	for _, n := range []uint64{3, 1, 5, 4} {
		raise(&v, n)
	}
	if v.Load() != 5 {
		t.Errorf("got %d", v.Load())
	}
}

// Once forget has returned, the slot never has a lower number than it needs,
// whoever else changes it.
func TestCacheForgetTogether(t *testing.T) {
	c := newCache(1)
	ids := []uuid.UUID{uuid.New()}
	var lower atomic.Int64
	var all sync.WaitGroup
	for range 4 {
		all.Go(func() {
			for range 1_000_000 {
				before := c.now()
				c.forget(ids)
				if c.slot(ids[0]).Load() <= before {
					lower.Add(1)
				}
			}
		})
	}
	all.Wait()
	if lower.Load() > 0 || c.slot(ids[0]).Load() != c.now() {
		t.Errorf("the number was too low %d times; it is %d after %d changes", lower.Load(), c.slot(ids[0]).Load(), c.now())
	}
}

func TestCacheFull(t *testing.T) {
	for _, test := range []struct{ answers, most int }{{0, 1}, {1, 1}, {shards, 1}, {10 * shards, 10}, {10*shards + 1, 10}} {
		c := newCache(test.answers)
		id := uuid.New()
		for n := range 5000 {
			a := &Answer{}
			c.put(keyOf(n), id, a, c.now())
			if c.get(keyOf(n)) != a {
				t.Fatalf("%d answers: the newest one is not kept", test.answers)
			}
		}
		for i := range c.shards {
			if got := len(c.shards[i].answers); got != test.most {
				t.Errorf("%d answers: shard %d keeps %d, want %d", test.answers, i, got, test.most)
			}
		}
	}
}

// A new answer for a token that is there takes its place and nobody else's.
func TestCacheFullReplace(t *testing.T) {
	c := newCache(2 * shards)
	id := uuid.New()
	first, second := tokenKey{0, 1}, tokenKey{0, 2}
	c.put(first, id, &Answer{}, c.now())
	c.put(second, id, &Answer{}, c.now())
	for range 100 {
		c.put(first, id, &Answer{}, c.now())
		if c.get(second) == nil {
			t.Fatal("another answer had to go")
		}
	}
}

// TestCacheModel runs readers and writers side by side against a model of the
// database: a number for each identity, which only grows. A change is
// acknowledged once forget has returned; from then on no reader may be given
// an older number.
func TestCacheModel(t *testing.T) {
	const (
		identities = 8
		steps      = 20_000
		everybody  = 500 // each so many changes, one concerns everybody
	)
	c := newCache(4 * shards)
	ids := strangers(t, c, identities)
	var inDatabase, acknowledged [identities]atomic.Int64

	// Answers carry the number that was read as their end, in microseconds.
	read := func(n int) *Answer { return &Answer{ExpiresAt: time.UnixMicro(inDatabase[n].Load())} }
	var hits, stale, mixed atomic.Int64
	reader := func(r *rand.Rand) {
		for range steps {
			n := r.IntN(identities)
			key := keyOf(n)
			least := acknowledged[n].Load()
			if a := c.get(key); a != nil {
				hits.Add(1)
				if a.ExpiresAt.UnixMicro() < least {
					stale.Add(1)
				}
				if a.mark != c.slot(ids[n]) {
					mixed.Add(1)
				}
				continue
			}
			since := c.now()
			runtime.Gosched()
			a := read(n)
			runtime.Gosched()
			c.put(key, ids[n], a, since)
		}
	}
	writer := func(r *rand.Rand) {
		for step := range steps / 10 {
			n := r.IntN(identities)
			version := inDatabase[n].Add(1)
			runtime.Gosched()
			if step%everybody == 0 {
				c.forget(nil)
			} else {
				c.forget(ids[n : n+1])
			}
			for have := acknowledged[n].Load(); have < version; have = acknowledged[n].Load() {
				if acknowledged[n].CompareAndSwap(have, version) {
					break
				}
			}
		}
	}
	var all sync.WaitGroup
	for n := range 6 {
		seed := rand.New(rand.NewPCG(1, uint64(n)))
		all.Go(func() { reader(seed) })
		if n%2 == 0 {
			all.Go(func() { writer(rand.New(rand.NewPCG(2, uint64(n)))) })
		}
	}
	all.Wait()
	if stale.Load() > 0 {
		t.Errorf("%d of %d answers were older than an acknowledged change", stale.Load(), hits.Load())
	}
	if mixed.Load() > 0 {
		t.Errorf("%d of %d answers were somebody else's", mixed.Load(), hits.Load())
	}
	if hits.Load() == 0 {
		t.Error("nothing was ever answered from memory")
	}
	for n := range identities { // at rest, what is remembered is what is stored
		if a := c.get(keyOf(n)); a != nil && a.ExpiresAt.UnixMicro() != inDatabase[n].Load() {
			t.Errorf("identity %d: %d is remembered, %d is stored", n, a.ExpiresAt.UnixMicro(), inDatabase[n].Load())
		}
	}
}
