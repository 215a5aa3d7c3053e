package hash

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/crypto/bcrypt"
)

// cheap are parameters that cost next to nothing.
var cheap = Params{Algorithm: AlgorithmArgon2, BcryptCost: 4, Argon2: Argon2{MemoryKiB: 64, Iterations: 1}}

func newPool(t testing.TB, o Options) *Pool {
	t.Helper()
	if o.Params == (Params{}) {
		o.Params = cheap
	}
	p, err := NewPool(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.Close)
	return p
}

// occupy keeps a worker busy until the returned function is called.
func occupy(t *testing.T, p *Pool) (leave func()) {
	t.Helper()
	started, end := make(chan struct{}), make(chan struct{})
	go p.do(context.Background(), func(*memory) { close(started); <-end })
	<-started
	leave = sync.OnceFunc(func() { close(end) })
	t.Cleanup(leave) // before the pool is closed
	return leave
}

func (p *Pool) queued() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return len(p.waiting)
}

func TestPool(t *testing.T) {
	ctx := t.Context()
	p := newPool(t, Options{})
	long := strings.Repeat("x", 73)
	for _, algorithm := range []string{AlgorithmArgon2, AlgorithmBcrypt} {
		params := cheap
		params.Algorithm = algorithm
		if err := p.SetParams(params); err != nil {
			t.Fatal(err)
		}
		for _, password := range []string{"", "correct-horse-battery-7", "\x00", "пароль", long[:72], long, strings.Repeat("y", MaxPassword)} {
			encoded, err := p.Generate(ctx, password)
			if err != nil {
				t.Fatal(err)
			}
			prefix := "$argon2id$v=19$m=64,t=1,p=1$"
			if algorithm == AlgorithmBcrypt && len(password) <= 72 {
				prefix = "$2a$04$"
			}
			if !strings.HasPrefix(encoded, prefix) {
				t.Errorf("%s: %d bytes gave %s", algorithm, len(password), encoded)
			}
			if ok, err := p.Verify(ctx, password, encoded); !ok || err != nil {
				t.Errorf("%s: the right password of %d bytes: %v, %v", algorithm, len(password), ok, err)
			}
			if ok, err := p.Verify(ctx, password+"x", encoded); ok || err != nil {
				t.Errorf("%s: the password of %d bytes and one more: %v, %v", algorithm, len(password), ok, err)
			}
			if p.NeedsRehash(encoded, password) {
				t.Errorf("%s: a new hash of %d bytes is outdated", algorithm, len(password))
			}
		}
		again, err := p.Generate(ctx, "x")
		other, _ := p.Generate(ctx, "x")
		if err != nil || again == other {
			t.Errorf("%s: two hashes are the same: %s, %v", algorithm, again, err)
		}
		if err := p.Dummy(ctx, "x"); err != nil {
			t.Errorf("%s: Dummy: %v", algorithm, err)
		}
	}
}

func TestPoolRefuses(t *testing.T) {
	ctx := t.Context()
	p := newPool(t, Options{})
	tooLong := strings.Repeat("x", MaxPassword+1)
	if _, err := p.Generate(ctx, tooLong); !errors.Is(err, ErrTooLong) {
		t.Errorf("Generate of a password that is too long: %v", err)
	}
	encoded, err := p.Generate(ctx, tooLong[1:])
	if err != nil {
		t.Fatal(err)
	}
	if ok, err := p.Verify(ctx, tooLong, encoded); ok || err != nil {
		t.Errorf("Verify of a password that is too long: %v, %v", ok, err)
	}
	if _, err := p.Verify(ctx, "x", "plain text"); !errors.Is(err, ErrUnknownFormat) {
		t.Errorf("Verify of no hash: %v", err)
	}
	if _, err := p.Verify(ctx, "x", "$2a$31$zNk8YA.DzkTv0AAowhxvF.akOSaezXMDTXJ/aCLsu9WThn.Wlyo16"); !errors.Is(err, ErrTooExpensive) {
		t.Errorf("Verify of an expensive hash: %v", err)
	}
}

// TestDummyCosts as much as the real thing: it has the parameters that a new
// hash of the password would have, and changes with them.
func TestDummyCosts(t *testing.T) {
	p := newPool(t, Options{Params: Params{BcryptCost: 5}})
	long := strings.Repeat("x", 73)
	defaults, err := Params{}.WithDefaults()
	if err != nil {
		t.Fatal(err)
	}
	if got := p.setup.Load().dummyFor(long[:72]).bcryptCost; got != 5 {
		t.Errorf("72 bytes: bcrypt of cost %d", got)
	}
	if got := p.setup.Load().dummyFor(long).argon2id; got != defaults.Argon2 {
		t.Errorf("73 bytes: argon2id of %+v", got)
	}
	if err := p.SetParams(cheap); err != nil {
		t.Fatal(err)
	}
	want, err := cheap.WithDefaults()
	if err != nil {
		t.Fatal(err)
	}
	for _, password := range []string{"", long} {
		if got := p.setup.Load().dummyFor(password).argon2id; got != want.Argon2 {
			t.Errorf("%d bytes: argon2id of %+v", len(password), got)
		}
	}
	for range 20 { // the noise in it must always be one that bcrypt can read
		dummy := Params{Algorithm: AlgorithmBcrypt, BcryptCost: 4}.dummy(0)
		if err := bcrypt.CompareHashAndPassword([]byte(dummy), []byte("x")); !errors.Is(err, bcrypt.ErrMismatchedHashAndPassword) {
			t.Errorf("%s: %v", dummy, err)
		}
	}
	if err := p.SetParams(Params{BcryptCost: 40}); err == nil || !strings.Contains(err.Error(), "hashers.bcrypt.cost") {
		t.Errorf("SetParams: %v", err)
	}
	if p.setup.Load().params != want {
		t.Error("wrong parameters have replaced the right ones")
	}
}

// TestNoCostsLikeDummy counts what is computed for a password that is wrong:
// the stored hash, a dummy, or both where the stored hash is much cheaper.
func TestNoCostsLikeDummy(t *testing.T) {
	const argon = "$argon2id$v=19$m=%d,t=%d,p=1$MDEyMzQ1Njc4OWFiY2RlZg$SJw3h9A3uyV9axj3pbjB3iQEnMyZrNFtgfMzSB+ke/c"
	bcryptOf := func(cost int) string {
		return strings.Replace(vectors["bcrypt"], "$04$", fmt.Sprintf("$%02d$", cost), 1)
	}
	short, long := "x", strings.Repeat("x", 73)
	byBcrypt, byArgon2 := Params{BcryptCost: 12}, Params{Algorithm: AlgorithmArgon2, BcryptCost: 12}
	for _, c := range []struct {
		name     string
		params   Params
		encoded  string
		password string
		want     string
	}{
		{"bcrypt as configured", byBcrypt, bcryptOf(12), short, "stored"},
		{"cheaper bcrypt", byBcrypt, bcryptOf(10), short, "stored short"},
		{"dearer bcrypt", byBcrypt, bcryptOf(13), short, "stored"},
		{"md5", byBcrypt, vectors["md5"], short, "stored short"},
		{"md5-crypt", byBcrypt, vectors["md5-crypt"], short, "stored short"},
		{"sha512-crypt", byBcrypt, vectors["sha512-crypt"], short, "stored short"},
		{"hmac", byBcrypt, vectors["hmac-sha256"], short, "stored short"},
		{"few rounds", byBcrypt, vectors["pbkdf2-sha256"], short, "stored short"},
		{"argon2id in place of bcrypt", byBcrypt, fmt.Sprintf(argon, 19456, 2), short, "stored short"},
		{"as dear as bcrypt", byBcrypt, fmt.Sprintf(argon, 1<<17, 2), short, "stored"},
		{"bcrypt, a password that it cannot read", byBcrypt, bcryptOf(12), long, "long"},
		{"argon2id of a long password", byBcrypt, fmt.Sprintf(argon, 19456, 2), long, "stored"},
		{"md5, long password", byBcrypt, vectors["md5"], long, "stored long"},
		{"argon2id as configured", byArgon2, fmt.Sprintf(argon, 19456, 2), short, "stored"},
		{"nearly as configured", byArgon2, fmt.Sprintf(argon, 19000, 2), short, "stored"},
		{"cheaper argon2id", byArgon2, fmt.Sprintf(argon, 1<<12, 1), short, "stored short"},
		{"bcrypt in place of argon2id", byArgon2, bcryptOf(12), short, "stored"},
		{"bcrypt in place of argon2id, long", byArgon2, bcryptOf(12), long, "short"},
		{"md5-crypt, a password that it cannot have", byBcrypt, vectors["md5-crypt"], strings.Repeat("x", 512), "long"},
	} {
		p := newPool(t, Options{Params: c.params, Workers: 1})
		s, err := parse(c.encoded)
		if err != nil {
			t.Fatal(err)
		}
		var ran []string
		answering := func(name string, answer bool) func(string, *memory) bool {
			return func(string, *memory) bool { ran = append(ran, name); return answer }
		}
		u := *p.setup.Load()
		u.short.compute, u.long.compute = answering("short", false), answering("long", false)
		s.compute = answering("stored", false)
		if u.verify(c.password, s, &memory{}) || strings.Join(ran, " ") != c.want {
			t.Errorf("%s: computed %v, want %s", c.name, ran, c.want)
		}

		// A yes is a sign-in, and hides nothing.
		ran, s.compute = nil, answering("stored", true)
		if want := s.fits(c.password); u.verify(c.password, s, &memory{}) != want || want && len(ran) != 1 {
			t.Errorf("%s: the right password: computed %v", c.name, ran)
		}
	}
}

func TestDefaults(t *testing.T) {
	p := newPool(t, Options{})
	if p.workers != runtime.GOMAXPROCS(0) || p.places != 64*p.workers || p.maxWait != 5*time.Second {
		t.Errorf("%d workers, %d places, %v", p.workers, p.places, p.maxWait)
	}
}

func TestBusy(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPool(t, Options{Workers: 1, Queue: 2})
		leave := occupy(t, p)
		results := make(chan error)
		for range 2 {
			go func() {
				_, err := p.Generate(t.Context(), "x")
				results <- err
			}()
		}
		synctest.Wait()
		if err := p.Dummy(t.Context(), "x"); !errors.Is(err, ErrBusy) {
			t.Errorf("with a full queue: %v", err)
		}
		leave()
		for range 2 {
			if err := <-results; err != nil {
				t.Errorf("in the queue: %v", err)
			}
		}
		if err := p.Dummy(t.Context(), "x"); err != nil {
			t.Errorf("afterwards: %v", err)
		}
	})
}

// taking is work that takes so long by the clock.
func taking(d time.Duration) func(*memory) { return func(*memory) { <-time.After(d) } }

// TestBusyByTime: nobody is let in who would wait for longer than is allowed.
func TestBusyByTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx := t.Context()
		p := newPool(t, Options{Workers: 2, Queue: 100, MaxWait: 5 * time.Second, Clock: time.Now})
		if err := p.do(ctx, taking(2*time.Second)); err != nil {
			t.Fatal(err)
		}
		results := make(chan error, 6)
		for range 5 {
			go func() { results <- p.do(ctx, taking(2*time.Second)) }()
		}
		synctest.Wait() // two are worked on, three wait: 5 × 2 s / 2 is just allowed
		go func() { results <- p.do(ctx, taking(2*time.Second)) }()
		synctest.Wait()
		if err := p.Dummy(ctx, "x"); !errors.Is(err, ErrBusy) {
			t.Errorf("with 6 s of work ahead: %v", err)
		}
		for range 6 {
			if err := <-results; err != nil {
				t.Errorf("in the queue: %v", err)
			}
		}
		if err := p.Dummy(ctx, "x"); err != nil {
			t.Errorf("afterwards: %v", err)
		}
	})
}

// TestFreeWorkerIsNeverBusy, however long the last jobs took.
func TestFreeWorkerIsNeverBusy(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPool(t, Options{Workers: 2, MaxWait: time.Second, Clock: time.Now})
		if err := p.do(t.Context(), taking(time.Hour)); err != nil {
			t.Fatal(err)
		}
		leave := occupy(t, p)
		if err := p.Dummy(t.Context(), "x"); err != nil {
			t.Errorf("one of two workers is free: %v", err)
		}
		leave()
	})
}

// TestBusyWorkersCount: the queue is empty, but those who are worked on are
// ahead too.
func TestBusyWorkersCount(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPool(t, Options{Workers: 1, MaxWait: 5 * time.Second, Clock: time.Now})
		if err := p.do(t.Context(), taking(4*time.Second)); err != nil {
			t.Fatal(err)
		}
		leave := occupy(t, p)
		waiting := make(chan error)
		go func() { waiting <- p.Dummy(t.Context(), "x") }()
		synctest.Wait()
		if err := p.Dummy(t.Context(), "x"); !errors.Is(err, ErrBusy) {
			t.Errorf("one waits and one is worked on, 4 s each: %v", err)
		}
		leave()
		if err := <-waiting; err != nil {
			t.Errorf("in the queue: %v", err)
		}
	})
}

// TestAverage: it follows the work, down as well as up.
func TestAverage(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPool(t, Options{Workers: 1, MaxWait: 5 * time.Second, Clock: time.Now})
		for _, c := range []struct{ took, want time.Duration }{
			{800 * time.Millisecond, 800 * time.Millisecond},
			{1600 * time.Millisecond, 900 * time.Millisecond},
			{100 * time.Millisecond, 800 * time.Millisecond},
			{time.Hour, 1325 * time.Millisecond}, // counts as five seconds
		} {
			if err := p.do(t.Context(), taking(c.took)); err != nil {
				t.Fatal(err)
			}
			synctest.Wait()
			if p.average != c.want {
				t.Errorf("after %v the average is %v, want %v", c.took, p.average, c.want)
			}
		}
	})
}

// TestWaitedTooLong: whoever waited for longer than is allowed is refused when
// the turn comes, and the next one is served.
func TestWaitedTooLong(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPool(t, Options{Workers: 1, MaxWait: 5 * time.Second, Clock: time.Now})
		first, second, third := make(chan error, 1), make(chan error, 1), make(chan error, 1)
		worked := false
		go func() { first <- p.do(t.Context(), taking(6*time.Second)) }()
		synctest.Wait()
		go func() { second <- p.do(t.Context(), func(*memory) { worked = true }) }()
		<-time.After(2 * time.Second)
		go func() { third <- p.Dummy(t.Context(), "x") }()
		if err := <-first; err != nil {
			t.Errorf("the first: %v", err)
		}
		if err := <-second; !errors.Is(err, ErrBusy) || worked {
			t.Errorf("who waited for 6 s: %v, worked on: %v", err, worked)
		}
		if err := <-third; err != nil {
			t.Errorf("who waited for 4 s: %v", err)
		}
	})
}

// TestWithoutClock the queue is bounded by number alone.
func TestWithoutClock(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPool(t, Options{Workers: 1, MaxWait: time.Second})
		if err := p.do(t.Context(), taking(time.Hour)); err != nil {
			t.Fatal(err)
		}
		results := make(chan error)
		for range 10 {
			go func() { results <- p.do(t.Context(), taking(time.Hour)) }()
		}
		for range 10 {
			if err := <-results; err != nil {
				t.Error(err)
			}
		}
	})
}

func TestLeavingTheQueue(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPool(t, Options{Workers: 1, Queue: 1})
		leave := occupy(t, p)
		ctx, cancel := context.WithCancel(t.Context())
		left, worked := make(chan error), false
		go func() { left <- p.do(ctx, func(*memory) { worked = true }) }()
		synctest.Wait()
		if p.queued() != 1 {
			t.Fatalf("%d in the queue", p.queued())
		}
		cancel()
		if err := <-left; !errors.Is(err, context.Canceled) {
			t.Errorf("who left got %v", err)
		}
		if p.queued() != 0 {
			t.Error("the place is still taken")
		}
		leave()
		if err := p.Dummy(t.Context(), "x"); err != nil {
			t.Errorf("the next one: %v", err)
		}
		if worked {
			t.Error("the work was done for nobody")
		}
		if _, err := p.Generate(ctx, "x"); !errors.Is(err, context.Canceled) {
			t.Errorf("with a context that has ended: %v", err)
		}
	})
}

func TestLeavingTheWorker(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPool(t, Options{Workers: 1})
		ctx, cancel := context.WithCancel(t.Context())
		end, left := make(chan struct{}), make(chan error)
		go func() { left <- p.do(ctx, func(*memory) { <-end }) }()
		synctest.Wait()
		cancel()
		if err := <-left; !errors.Is(err, context.Canceled) {
			t.Errorf("who left got %v", err)
		}
		close(end)
		if err := p.Dummy(t.Context(), "x"); err != nil {
			t.Errorf("the next one: %v", err)
		}
	})
}

func TestFirstComeFirstServed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPool(t, Options{Workers: 1})
		leave := occupy(t, p)
		var order []int
		var all sync.WaitGroup
		for i := range 5 {
			all.Go(func() { _ = p.do(t.Context(), func(*memory) { order = append(order, i) }) })
			synctest.Wait()
		}
		leave()
		all.Wait()
		for i, got := range order {
			if i != got {
				t.Fatalf("served in the order %v", order)
			}
		}
	})
}

func TestClose(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPool(t, Options{Workers: 1})
		leave := occupy(t, p)
		waiting, closed := make(chan error), make(chan struct{})
		go func() { waiting <- p.Dummy(t.Context(), "x") }()
		synctest.Wait()
		go func() { p.Close(); close(closed) }()
		if err := <-waiting; !errors.Is(err, ErrClosed) {
			t.Errorf("in the queue: %v", err)
		}
		synctest.Wait()
		select {
		case <-closed:
			t.Error("Close did not wait for the worker")
		default:
		}
		leave()
		<-closed
		if _, err := p.Generate(t.Context(), "x"); !errors.Is(err, ErrClosed) {
			t.Errorf("afterwards: %v", err)
		}
		p.Close() // once more does no harm
	})
}

// TestCrowd is for the race detector: more people than places, parameters that
// change, and some who give up.
func TestCrowd(t *testing.T) {
	p := newPool(t, Options{Workers: 2, Queue: 4, Clock: time.Now})
	var all sync.WaitGroup
	for i := range 50 {
		all.Go(func() {
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			if i%5 == 0 {
				go cancel()
			}
			if i%7 == 0 {
				if err := p.SetParams(cheap); err != nil {
					t.Error(err)
				}
			}
			encoded, err := p.Generate(ctx, "x")
			if err == nil {
				_, err = p.Verify(ctx, "x", encoded)
			}
			if err != nil && !errors.Is(err, ErrBusy) && !errors.Is(err, context.Canceled) {
				t.Error(err)
			}
		})
	}
	all.Wait()
	if p.queued() != 0 {
		t.Errorf("%d are still in the queue", p.queued())
	}
}

// TestMemoryIsGivenBack when nobody waits.
func TestMemoryIsGivenBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPool(t, Options{Workers: 1})
		var held *memory
		if err := p.do(t.Context(), func(mem *memory) { held = mem; mem.take(100) }); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		if held.blocks != nil {
			t.Error("an idle worker holds its memory")
		}
	})
}

// TestThreads: the owner of the process knows how many work at the same time, at once
// where they become more, and after a while where they become fewer.
func TestThreads(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var mu sync.Mutex
		var told []int
		p := newPool(t, Options{Workers: 3, Threads: func(n int) {
			mu.Lock()
			defer mu.Unlock()
			told = append(told, n)
		}})
		want := func(after time.Duration, want ...int) {
			t.Helper()
			<-time.After(after)
			synctest.Wait()
			mu.Lock()
			defer mu.Unlock()
			if !slices.Equal(told, want) {
				t.Errorf("it was told %v, want %v", told, want)
			}
		}
		work := func(times int) {
			for range times {
				if _, err := p.Generate(t.Context(), "violet-kayak"); err != nil {
					t.Fatal(err)
				}
			}
		}
		want(time.Hour)
		work(3)
		want(0, 1)
		one, two := occupy(t, p), occupy(t, p)
		want(0, 1, 2)
		three := occupy(t, p)
		for range 5 {
			go p.do(context.Background(), func(*memory) {}) // they wait
		}
		want(0, 1, 2, 3)
		want(time.Hour, 1, 2, 3) // still at work
		one()
		two()
		want(2*window, 1, 2, 3, 1)
		work(3)
		want(0, 1, 2, 3, 1, 2)
		three()
		for range 5 { // one after the other
			work(1)
			<-time.After(window / 2)
		}
		want(0, 1, 2, 3, 1, 2, 1)
		want(2*window, 1, 2, 3, 1, 2, 1, 0)
		work(1)
		want(0, 1, 2, 3, 1, 2, 1, 0, 1)
		p.Close()
		want(time.Hour, 1, 2, 3, 1, 2, 1, 0, 1)
	})
}

// TestThreadsRaisedMeanwhile: that more are busy is told once, also where a window ends
// between the moment when they are and the one when they would be told of.
func TestThreadsRaisedMeanwhile(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var told []int
		p := newPool(t, Options{Workers: 3, Threads: func(n int) { told = append(told, n) }})
		occupy(t, p)
		synctest.Wait()
		end := make(chan struct{})
		t.Cleanup(func() { close(end) })
		if more, err := p.join(&job{work: func(*memory) { <-end }, done: make(chan struct{})}); !more || err != nil {
			t.Fatal(more, err)
		}
		p.lower()
		p.raise()
		if want := []int{1, 2}; !slices.Equal(told, want) {
			t.Errorf("it was told %v, want %v", told, want)
		}
	})
}
