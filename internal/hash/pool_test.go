package hash

import (
	"context"
	"errors"
	"runtime"
	"strings"
	"sync"
	"testing"
	"testing/synctest"

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

// TestDummyCosts as much as the real thing: it has the same parameters, and
// changes with them.
func TestDummyCosts(t *testing.T) {
	p := newPool(t, Options{Params: Params{BcryptCost: 5}})
	if got := p.setup.Load().dummy.bcryptCost; got != 5 {
		t.Errorf("bcrypt of cost %d", got)
	}
	if err := p.SetParams(cheap); err != nil {
		t.Fatal(err)
	}
	want, err := cheap.WithDefaults()
	if err != nil {
		t.Fatal(err)
	}
	if got := p.setup.Load().dummy.argon2id; got != want.Argon2 {
		t.Errorf("argon2id of %+v", got)
	}
	for range 20 { // the noise in it must always be one that bcrypt can read
		dummy := Params{Algorithm: AlgorithmBcrypt, BcryptCost: 4}.dummy()
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

func TestDefaults(t *testing.T) {
	p := newPool(t, Options{})
	if p.Workers() != runtime.GOMAXPROCS(0) || p.places != 64*p.Workers() {
		t.Errorf("%d workers, %d places", p.Workers(), p.places)
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
	p := newPool(t, Options{Workers: 2, Queue: 4})
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
