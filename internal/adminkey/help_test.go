package adminkey

import (
	"bytes"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"zelus/internal/auth"
	"zelus/internal/store"
	"zelus/internal/store/storetest"
	"zelus/internal/web"
)

const (
	firstSecret  = "the-first-secret-of-these-tests"
	secondSecret = "the-second-secret-of-these-tests"
)

// clock stands still until it is moved.
type clock struct{ at atomic.Pointer[time.Time] }

func newClock() *clock {
	c := &clock{}
	c.set(time.Date(2026, 3, 4, 5, 6, 7, 0, time.UTC))
	return c
}

func (c *clock) now() time.Time      { return *c.at.Load() }
func (c *clock) set(to time.Time)    { c.at.Store(&to) }
func (c *clock) add(d time.Duration) { c.set(c.now().Add(d)) }

// lines keeps what is logged.
type lines struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (l *lines) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(b)
}

func (l *lines) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

// statements counts all SQL that is run.
type statements struct{ n atomic.Int64 }

func (s *statements) note(string) { s.n.Add(1) }

// during counts the statements that f runs.
func (s *statements) during(f func()) int {
	before := s.n.Load()
	f()
	return int(s.n.Load() - before)
}

// place is Keys on a database, with what they are handed.
type place struct {
	*Keys
	clock *clock
	log   *lines
	ran   *statements
}

// beside makes Keys on the same database, as another process has them.
func (p place) beside(t testing.TB, to Settings) place {
	t.Helper()
	return keysOn(t, p.store, p.clock, p.ran, to)
}

func keysOn(t testing.TB, st *store.Store, c *clock, ran *statements, to Settings) place {
	t.Helper()
	log := &lines{}
	keys, err := New(st, c.now, slog.New(slog.NewTextHandler(log, &slog.HandlerOptions{Level: slog.LevelDebug})), to)
	if err != nil {
		t.Fatal(err)
	}
	return place{keys, c, log, ran}
}

// onEach runs a test on every kind of database.
func onEach(t *testing.T, run func(*testing.T, place)) {
	t.Helper()
	var ran *statements
	storetest.Each(t, func(o *store.Options) {
		ran = &statements{}
		o.Observe = ran.note
	}, func(t *testing.T, st *store.Store) { run(t, keysOn(t, st, newClock(), ran, settings(firstSecret))) })
}

func settings(secrets ...string) Settings { return Settings{Secrets: secrets} }

func (p place) configure(t testing.TB, to Settings) {
	t.Helper()
	if err := p.Configure(to); err != nil {
		t.Fatal(err)
	}
}

// made makes a key; lifetime is how long it is good, 0 for ever.
func (p place) made(t testing.TB, name string, lifetime time.Duration) (Key, string) {
	t.Helper()
	var expires *time.Time
	if lifetime > 0 {
		end := p.clock.now().Add(lifetime)
		expires = &end
	}
	k, key, err := p.Create(t.Context(), name, expires)
	if err != nil {
		t.Fatal(err)
	}
	return k, key
}

func (p place) list(t testing.TB) []Key {
	t.Helper()
	all, err := p.List(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// answered sends a request with these headers Authorization through Always,
// and gives the answer. A request that is let in is answered with 204.
func (p place) answered(t testing.TB, headers ...string) *httptest.ResponseRecorder {
	t.Helper()
	return through(t, p.Always, request("/admin/identities", headers...))
}

func request(target string, headers ...string) *http.Request {
	r := httptest.NewRequest(http.MethodGet, target, nil)
	if headers != nil {
		r.Header["Authorization"] = headers
	}
	return r
}

func through(t testing.TB, middleware func(web.Handler) web.Handler, r *http.Request) *httptest.ResponseRecorder {
	t.Helper()
	w := httptest.NewRecorder()
	server := &web.Server{Logger: slog.New(slog.DiscardHandler), Now: time.Now}
	server.Handle(middleware(func(w http.ResponseWriter, _ *http.Request) error {
		w.WriteHeader(http.StatusNoContent)
		return nil
	})).ServeHTTP(w, r)
	return w
}

// is complains unless a request was let in (nil), or refused with this error.
func is(t testing.TB, what string, w *httptest.ResponseRecorder, want *auth.Error) {
	t.Helper()
	status, id := http.StatusNoContent, ""
	if want != nil {
		status, id = want.Status, want.ID
	}
	if got := w.Header().Get("Ory-Error-Id"); w.Code != status || got != id {
		t.Errorf("%s: %d %q, want %d %q", what, w.Code, got, status, id)
	}
	challenged := map[string]string{"": "", auth.ErrAdminKeyRequired.ID: `Bearer realm="zelus admin"`,
		auth.ErrAdminKeyInvalid.ID: `Bearer realm="zelus admin", error="invalid_token"`, auth.ErrAdminKeyExpired.ID: `Bearer realm="zelus admin", error="invalid_token"`,
		auth.ErrAdminKeyRevoked.ID: `Bearer realm="zelus admin", error="invalid_token"`}
	if got := w.Header().Get("WWW-Authenticate"); got != challenged[id] {
		t.Errorf("%s: WWW-Authenticate is %q, want %q", what, got, challenged[id])
	}
}
