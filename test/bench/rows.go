package main

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/url"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"time"

	"golang.org/x/crypto/bcrypt"
	"golang.org/x/sys/unix"

	"zelus/internal/store"
)

// cheapest is the cost of bcrypt in all measurements: the least that there is.
const cheapest = bcrypt.MinCost

func withToken(n int) []byte { return get("/sessions/whoami", "X-Session-Token", token(n)) }

// try is one measurement, in time on a processor for each request. The round says
// which one it is, so that each can ask for somebody else.
type try func(round int) (time.Duration, error)

// median is that of five tries.
func (t try) median() (time.Duration, error) {
	var all []time.Duration
	for round := range 5 {
		d, err := t(round)
		if err != nil {
			return 0, err
		}
		all = append(all, d)
	}
	slices.Sort(all)
	return all[len(all)/2], nil
}

// comparison is what the same costs in two places.
type comparison struct {
	cost, other time.Duration
	ratio       float64
}

// rounds are how often two places are compared.
const rounds = 15

// beside compares what the same costs in two places: the median of the rounds' ratios.
func (t try) beside(other try) (comparison, error) {
	all, err := t.inTurn(other)
	if err != nil {
		return comparison{}, err
	}
	return all[len(all)/2], nil
}

// inTurn compares what the same costs in two places, from the least ratio to the greatest.
// One round is short and has one right after the other, so that both meet the same machine.
func (t try) inTurn(other try) ([]comparison, error) {
	var all []comparison
	for round := range rounds {
		cost, err := t(round)
		if err != nil {
			return nil, err
		}
		least, err := other(round)
		if err != nil {
			return nil, err
		}
		all = append(all, comparison{cost, least, float64(cost) / float64(least)})
	}
	slices.SortFunc(all, func(a, b comparison) int { return cmp.Compare(a.ratio, b.ratio) })
	return all, nil
}

// against compares what an answer costs with what it costs the bare server.
func (b *bench) against(p *process, cost try) (string, error) {
	example := withToken(0)
	c, err := dial(p.public)
	if err != nil {
		return "", err
	}
	defer c.conn.Close()
	want, err := c.send(example)
	if err != nil {
		return "", err
	}
	least, err := b.bare(want)
	if err != nil {
		return "", err
	}
	defer least.end()
	d, err := dial(least.public)
	if err != nil {
		return "", err
	}
	defer d.conn.Close()
	got, err := d.send(example)
	if err != nil {
		return "", err
	}
	if err := same(want, got); err != nil {
		return "", err
	}
	seen, err := cost.beside(func(int) (time.Duration, error) {
		return least.cost(b.requests, want.Status, func(int) []byte { return example })
	})
	return fmt.Sprintf("%.2f × bare (%s, bare %s)", seen.ratio, micros(seen.cost), micros(seen.other)), err
}

// checkWarm is a session check whose answer is in memory.
func (b *bench) checkWarm(p *process) try {
	const hot = 500
	return func(round int) (time.Duration, error) {
		if round == 0 {
			if _, err := p.cost(hot, 200, withToken); err != nil {
				return 0, err
			}
		}
		return p.cost(b.requests, 200, func(n int) []byte { return withToken(n % hot) })
	}
}

// checkCold is one that has to ask the database: each person once. With a step of 1 they
// come as they have signed up, so that neighbours in the tables follow each other; with
// a step that shares no factor with their number they come from all over the database.
func (b *bench) checkCold(p *process, people, step int) try {
	each := min(b.requests, people/rounds)
	return func(round int) (time.Duration, error) {
		return p.cost(each, 200, func(n int) []byte { return withToken((round*each + n) * step % people) })
	}
}

// begin is the beginning of a flow.
func (b *bench) begin(p *process) try {
	return func(int) (time.Duration, error) {
		return p.cost(b.requests/2, 200, func(int) []byte { return get("/self-service/login/api") })
	}
}

// page is what it costs to begin a sign-in in a browser and to show its page.
func (b *bench) page(p *process) try {
	return func(int) (time.Duration, error) {
		return p.costOf(b.requests/4, func(c *connection, _ int) error {
			began, err := c.expect(303, browse("/self-service/login/browser"))
			if err != nil {
				return err
			}
			to, err := url.Parse(began.Header.Get("Location"))
			if err != nil {
				return err
			}
			var cookies []string
			for _, set := range began.Header["Set-Cookie"] {
				cookie, _, _ := strings.Cut(set, ";")
				cookies = append(cookies, cookie)
			}
			_, err = c.expect(200, browse(to.RequestURI(), "Cookie", strings.Join(cookies, "; ")))
			return err
		})
	}
}

// forms begins so many flows and gives the paths that they are sent to.
func forms(p *process, kind string, n int) ([]string, error) {
	c, err := dial(p.public)
	if err != nil {
		return nil, err
	}
	defer c.conn.Close()
	var paths []string
	for range n {
		a, err := c.send(get("/self-service/" + kind + "/api"))
		if err != nil {
			return nil, err
		}
		var f struct{ ID string }
		if err := json.Unmarshal(a.Body, &f); err != nil {
			return nil, err
		}
		paths = append(paths, "/self-service/"+kind+"?flow="+f.ID)
	}
	return paths, nil
}

// submit is the submission of a flow alone, less the hash, which is measured
// beside each try: on a busy machine both cost more.
func (b *bench) submit(p *process, kind string, body func(n int) any) try {
	const n = 500
	return func(round int) (time.Duration, error) {
		paths, err := forms(p, kind, n)
		if err != nil {
			return 0, err
		}
		var requests [][]byte
		for i, path := range paths {
			text, err := json.Marshal(body(round*n + i))
			if err != nil {
				return 0, err
			}
			requests = append(requests, request("POST", path, text))
		}
		all, err := p.cost(n, 200, func(i int) []byte { return requests[i] })
		if err != nil {
			return 0, err
		}
		one, err := hash()
		return all - one, err
	}
}

func (b *bench) signIn(p *process, people int) try {
	return b.submit(p, "login", func(n int) any {
		return map[string]any{"method": "password", "identifier": email(n % people), "password": password}
	})
}

func (b *bench) signUp(p *process) try {
	return b.submit(p, "registration", func(n int) any {
		return map[string]any{"method": "password", "password": password, "traits": map[string]string{"email": fmt.Sprintf("new%d.%d@example.org", rand.Int64(), n)}}
	})
}

// hash is what one password costs, in this process alone.
func hash() (time.Duration, error) {
	made, err := bcrypt.GenerateFromPassword([]byte(password), cheapest)
	if err != nil {
		return 0, err
	}
	runtime.LockOSThread() // whose time is taken
	defer runtime.UnlockOSThread()
	const n = 200
	before, err := spent(unix.CLOCK_THREAD_CPUTIME_ID)
	if err != nil {
		return 0, err
	}
	for range n {
		if err := bcrypt.CompareHashAndPassword(made, []byte(password)); err != nil {
			return 0, err
		}
	}
	after, err := spent(unix.CLOCK_THREAD_CPUTIME_ID)
	return (after - before) / n, err
}

// removal is that of one row that has expired, by the server's own code in this process.
func removal(st *store.Store) try {
	return func(int) (time.Duration, error) {
		const batch = 100
		before, err := spent(unix.CLOCK_PROCESS_CPUTIME_ID)
		if err != nil {
			return 0, err
		}
		switch n, err := st.Clean(context.Background(), kept, batch); {
		case err != nil:
			return 0, err
		case n < batch:
			return 0, errors.New("too little is left to remove")
		}
		after, err := spent(unix.CLOCK_PROCESS_CPUTIME_ID)
		return (after - before) / (3 * batch), err // of sessions, forms and history
	}
}

// list is a page of 250 identities, behind a token or the first one.
func (b *bench) list(p *process, path string) try {
	admin := *p
	admin.public = p.admin
	return func(int) (time.Duration, error) {
		return admin.cost(400, 200, func(int) []byte { return get(path) })
	}
}

// deep is the path of a page near the end of the list, as following the links
// leads there.
func deep(p *process, people int) (string, error) {
	c, err := dial(p.admin)
	if err != nil {
		return "", err
	}
	defer c.conn.Close()
	a, err := c.send(get("/admin/identities?credentials_identifier=" + email(people-500)))
	if err != nil {
		return "", err
	}
	var found []struct{ ID string }
	if err := json.Unmarshal(a.Body, &found); err != nil || len(found) != 1 {
		return "", fmt.Errorf("nobody found near the end: %w", err)
	}
	return "/admin/identities?page_size=250&page_token=" + found[0].ID, nil
}

// latencies asks who somebody is, at a steady pace, and gives how long each
// answer took.
func latencies(p *process, people int, during time.Duration) ([]time.Duration, error) {
	const pace = 2 * time.Millisecond
	c, err := dial(p.public)
	if err != nil {
		return nil, err
	}
	defer c.conn.Close()
	var all []time.Duration
	tick := time.NewTicker(pace)
	defer tick.Stop()
	for began := time.Now(); time.Since(began) < during; {
		<-tick.C
		sent := time.Now()
		a, err := c.send(withToken(rand.IntN(min(people, 500))))
		if err != nil {
			return nil, err
		}
		if a.Status != 200 {
			return nil, fmt.Errorf("a session check answers %d: %s", a.Status, a.Body)
		}
		all = append(all, time.Since(sent))
	}
	return all, nil
}

// crowd signs people in, as many at a time as fit, until it is stopped.
func crowd(p *process, people int, stop <-chan struct{}) (signedIn func() (int, error)) {
	const clients = 32
	var all sync.WaitGroup
	counts, failed := make(chan int, clients), make(chan error, clients)
	for range clients {
		all.Go(func() {
			n := 0
			defer func() { counts <- n }()
			c, err := dial(p.public)
			if err != nil {
				failed <- err
				return
			}
			defer c.conn.Close()
			for {
				select {
				case <-stop:
					return
				default:
				}
				var f struct{ ID string }
				a, err := c.send(get("/self-service/login/api"))
				if err == nil {
					err = json.Unmarshal(a.Body, &f)
				}
				if err != nil {
					failed <- err
					return
				}
				text, err := json.Marshal(map[string]any{"method": "password", "identifier": email(rand.IntN(people)), "password": password})
				if err != nil {
					failed <- err
					return
				}
				if a, err = c.send(request("POST", "/self-service/login?flow="+f.ID, text)); err != nil {
					failed <- err
					return
				}
				if a.Status == 200 {
					n++
				}
			}
		})
	}
	return func() (int, error) {
		all.Wait()
		total := 0
		for range clients {
			total += <-counts
		}
		select {
		case err := <-failed:
			return total, err
		default:
			return total, nil
		}
	}
}

// starts is how long the server takes to start in an empty folder, and then again on
// what is there.
func (b *bench) starts(*process) (string, error) {
	var firsts, seconds []time.Duration
	for n := range 5 {
		dir := filepath.Join(b.dir, fmt.Sprintf("fresh%d", n))
		if err := os.Mkdir(dir, 0o700); err != nil {
			return "", err
		}
		for _, times := range []*[]time.Duration{&firsts, &seconds} {
			p, err := b.start(dir)
			if err != nil {
				return "", err
			}
			*times = append(*times, p.ready)
			p.end()
		}
	}
	return millis(percentile(firsts, 0.5)) + ", " + millis(percentile(seconds, 0.5)), nil
}
