package test

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	mathrand "math/rand/v2"
	"net/http"
	"os"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"zelus/test/server"
)

// killers are how many clients are at work when the server is killed.
const killers = 16

// rounds is how often it is, as ZELUS_KILL_ROUNDS says.
func rounds(t *testing.T) int {
	t.Helper()
	text := os.Getenv("ZELUS_KILL_ROUNDS")
	if text == "" {
		return 5
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < 1 {
		t.Fatalf("ZELUS_KILL_ROUNDS is %q: it must be a whole number", text)
	}
	return n
}

// TestKilled kills the server with SIGKILL while clients sign up, sign in,
// revoke sessions and change accounts, starts it again and looks for every
// change that was acknowledged.
func TestKilled(t *testing.T) {
	if testing.Short() {
		t.Skip("this test starts and kills a server: not in short mode")
	}
	s := server.Start(t, "testdata/basic.yml")
	w := newWitnesses(s)
	for round := range rounds(t) {
		w.work(t, func() {
			w.busy(t)
			wait(t, time.Duration(mathrand.IntN(700))*time.Millisecond)
			s.Kill(t)
		})
		s.Again(t)
		w.check(t, round)
	}
	w.report(t, rounds(t))
}

func (w *witnesses) report(t *testing.T, rounds int) {
	t.Helper()
	t.Logf("%d rounds: %d sign-ups, %d sign-ins, %d revocations, %d updates were acknowledged, and all were found",
		rounds, w.signUps.Load(), w.signIns.Load(), w.revocations.Load(), w.updates.Load())
}

// TestDatabaseKilled kills the database instead. The server stays, says that it
// cannot work, and finds back by itself.
func TestDatabaseKilled(t *testing.T) {
	if testing.Short() {
		t.Skip("this test starts and kills a database: not in short mode")
	}
	db := server.StartPostgres(t)
	s := server.StartOn(t, "testdata/basic.yml", db.URL)
	w := newWitnesses(s)
	for round := range rounds(t) {
		w.work(t, func() {
			w.busy(t)
			wait(t, time.Duration(mathrand.IntN(700))*time.Millisecond)
			db.Kill(t)
			w.refused(t)
		})
		db.Again(t)
		w.recovered(t)
		w.check(t, round)
	}
	w.report(t, rounds(t))
}

// refused sees that the server says clearly that it cannot work.
func (w *witnesses) refused(t *testing.T) {
	t.Helper()
	one := w.all[0]
	w.until(t, http.StatusServiceUnavailable) // what is left of the database serves on for a moment
	for _, base := range []string{w.s.Public, w.s.Admin} {
		status, body, err := one.ask("GET", base+"/health/ready", "", nil)
		if err != nil || status != http.StatusServiceUnavailable || !bytes.Contains(body, []byte(`"id":"not_ready"`)) {
			t.Errorf("without a database, ready answers %d %s %v", status, body, err)
		}
	}
	if status, body, err := one.ask("GET", w.s.Public+"/health/alive", "", nil); err != nil || status != http.StatusOK {
		t.Errorf("without a database, alive answers %d %s %v", status, body, err)
	}
	status, body, err := one.ask("GET", w.s.Public+"/self-service/login/api", "", nil)
	if err != nil || status != http.StatusServiceUnavailable || !bytes.Contains(body, []byte(`"id":"database_unavailable"`)) {
		t.Errorf("without a database, a form answers %d %s %v", status, body, err)
	}
}

// recovered waits until the server has found its database again.
func (w *witnesses) recovered(t *testing.T) {
	t.Helper()
	w.until(t, http.StatusOK)
}

// until waits until the server's own answer to whether it is ready has the
// status.
func (w *witnesses) until(t *testing.T, want int) {
	t.Helper()
	again := time.NewTicker(50 * time.Millisecond)
	defer again.Stop()
	late := time.NewTimer(time.Minute)
	defer late.Stop()
	for {
		status, body, err := w.all[0].ask("GET", w.s.Public+"/health/ready", "", nil)
		if err == nil && status == want {
			return
		}
		select {
		case <-again.C:
		case <-late.C:
			t.Fatalf("ready answers %d %s %v, and never %d", status, body, err, want)
		}
	}
}

// wait is a moment of a random length: there is no event to wait for.
func wait(t *testing.T, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-t.Context().Done():
	}
}

// witnesses are clients that remember what the server acknowledged.
type witnesses struct {
	s   *server.Server
	all []*witness
	acknowledged
}

// acknowledged counts what was, over all clients and rounds.
type acknowledged struct{ signUps, signIns, revocations, updates atomic.Int64 }

func (a *acknowledged) everything() bool {
	return a.signUps.Load() > 0 && a.signIns.Load() > 0 && a.revocations.Load() > 0 && a.updates.Load() > 0
}

// busy waits until something of everything was acknowledged.
func (w *witnesses) busy(t *testing.T) {
	t.Helper()
	again := time.NewTicker(10 * time.Millisecond)
	defer again.Stop()
	late := time.NewTimer(time.Minute)
	defer late.Stop()
	for !w.everything() {
		select {
		case <-again.C:
		case <-late.C:
			t.Fatal("the clients do not get on")
		}
	}
}

func newWitnesses(s *server.Server) *witnesses {
	w := &witnesses{s: s}
	for range killers {
		w.all = append(w.all, &witness{s: s, http: &http.Client{Timeout: time.Minute}, counts: &w.acknowledged})
	}
	return w
}

// work lets all clients work until what end does has ended the server.
func (w *witnesses) work(t *testing.T, end func()) {
	t.Helper()
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	var all sync.WaitGroup
	for _, one := range w.all {
		all.Go(func() {
			for ctx.Err() == nil {
				if err := one.step(); err != nil {
					if !errors.Is(err, errNoAnswer) {
						t.Error(err)
					}
					return
				}
			}
		})
	}
	end()
	stop()
	all.Wait()
}

// check looks for all that was acknowledged.
func (w *witnesses) check(t *testing.T, round int) {
	t.Helper()
	for n, one := range w.all {
		if err := one.check(); err != nil {
			t.Fatalf("round %d, client %d: %v", round+1, n+1, err)
		}
		one.http.CloseIdleConnections()
	}
}

// errNoAnswer is that the server is gone, or cannot do its work: whether what
// was asked for happened is not known.
var errNoAnswer = errors.New("no answer")

// witness is one client and what it was told. It does one thing after the
// other, so that at most the last one is uncertain.
type witness struct {
	s    *server.Server
	http *http.Client

	// accounts are those whose sign-up was acknowledged, in this order.
	accounts []*account
	steps    int

	counts *acknowledged
}

// account is what is known of one.
type account struct {
	email, password, id string
	// tokens are those of its sessions: true is one that lives, false one
	// that was revoked. What is uncertain is not in it.
	tokens map[string]bool
	// name is the acknowledged trait, next the one that was sent last.
	name, next int
}

// step does the next thing, with the newest account.
func (w *witness) step() error {
	defer func() { w.steps++ }()
	if w.steps%8 == 0 || len(w.accounts) == 0 {
		return w.signUp()
	}
	a := w.accounts[len(w.accounts)-1]
	switch {
	case w.steps%8 == 5:
		return w.revoke(a)
	case w.steps%2 == 0:
		return w.update(a)
	}
	return w.signIn(a)
}

func (w *witness) signUp() error {
	email, password := strings.ToLower(rand.Text())+"@example.org", rand.Text()
	var done struct {
		Token    string              `json:"session_token"`
		Identity struct{ ID string } `json:"identity"`
	}
	if err := w.flow("registration", map[string]any{"method": "password", "password": password, "traits": map[string]any{"email": email}}, &done); err != nil {
		return err
	}
	w.counts.signUps.Add(1)
	w.accounts = append(w.accounts, &account{email: email, password: password, id: done.Identity.ID, tokens: map[string]bool{done.Token: true}})
	return nil
}

func (w *witness) signIn(a *account) error {
	var done struct {
		Token string `json:"session_token"`
	}
	if err := w.flow("login", map[string]any{"method": "password", "password": a.password, "identifier": a.email}, &done); err != nil {
		return err
	}
	w.counts.signIns.Add(1)
	a.tokens[done.Token] = true
	return nil
}

// revoke ends all sessions but one.
func (w *witness) revoke(a *account) error {
	for token, alive := range a.tokens {
		if !alive {
			continue
		}
		others := maps.Clone(a.tokens)
		a.tokens = map[string]bool{token: true} // while it is uncertain
		if err := w.do("DELETE", w.s.Public+"/sessions", token, nil, nil); err != nil {
			return err
		}
		w.counts.revocations.Add(1)
		for other := range others {
			a.tokens[other] = other == token
		}
		return nil
	}
	return nil
}

func (w *witness) update(a *account) error {
	a.next = a.name + 1
	if err := w.do("PUT", w.s.Admin+"/admin/identities/"+a.id, "", map[string]any{"schema_id": "default", "state": "active",
		"traits": map[string]any{"email": a.email, "name": strconv.Itoa(a.next)}}, nil); err != nil {
		return err
	}
	w.counts.updates.Add(1)
	a.name = a.next
	return nil
}

// check asks the server for everything that it acknowledged to this client.
func (w *witness) check() error {
	for n, a := range w.accounts {
		for token, alive := range a.tokens {
			want := map[bool]int{true: http.StatusOK, false: http.StatusUnauthorized}[alive]
			status, body, err := w.ask("GET", w.s.Public+"/sessions/whoami", token, nil)
			if err != nil || status != want {
				return fmt.Errorf("account %d: a session check answers %d, want %d: %s %v", n, status, want, body, err)
			}
		}
		var read struct{ Traits struct{ Email, Name string } }
		if err := w.do("GET", w.s.Admin+"/admin/identities/"+a.id, "", nil, &read); err != nil {
			return fmt.Errorf("account %d cannot be read: %w", n, err)
		}
		name, _ := strconv.Atoi(read.Traits.Name) // none is 0
		if read.Traits.Email != a.email || name != a.name && name != a.next {
			return fmt.Errorf("account %d is %+v, want the name %d or %d", n, read.Traits, a.name, a.next)
		}
		a.name, a.next = name, name
	}
	if len(w.accounts) == 0 {
		return nil
	}
	return w.signIn(w.accounts[len(w.accounts)-1])
}

// flow starts a flow and submits it.
func (w *witness) flow(kind string, submission, into any) error {
	var started struct {
		UI struct{ Action string }
	}
	if err := w.do("GET", w.s.Public+"/self-service/"+kind+"/api", "", nil, &started); err != nil {
		return err
	}
	return w.do("POST", started.UI.Action, "", submission, into)
}

// do asks, and fails unless the answer is a success.
func (w *witness) do(method, url, token string, body, into any) error {
	status, answer, err := w.ask(method, url, token, body)
	if err != nil {
		return err
	}
	if status == http.StatusServiceUnavailable || status == http.StatusTooManyRequests {
		return fmt.Errorf("%w: %s %s: %d %s", errNoAnswer, method, url, status, answer)
	}
	if status >= 300 {
		return fmt.Errorf("%s %s: %d %s", method, url, status, answer)
	}
	if into == nil {
		return nil
	}
	return json.Unmarshal(answer, into)
}

func (w *witness) ask(method, url, token string, body any) (int, []byte, error) {
	var sent io.Reader
	if body != nil {
		text, err := json.Marshal(body)
		if err != nil {
			return 0, nil, err
		}
		sent = bytes.NewReader(text)
	}
	req, err := http.NewRequest(method, url, sent)
	if err != nil {
		return 0, nil, err
	}
	req.Header.Set("Accept", "application/json")
	req.Header.Set("Content-Type", "application/json")
	if token != "" {
		req.Header.Set("X-Session-Token", token)
	}
	res, err := w.http.Do(req)
	if err != nil {
		return 0, nil, fmt.Errorf("%w: %w", errNoAnswer, err)
	}
	defer res.Body.Close()
	answer, err := io.ReadAll(res.Body)
	if err != nil {
		return 0, nil, fmt.Errorf("%w: %w", errNoAnswer, err)
	}
	return res.StatusCode, answer, nil
}
