package main

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"time"
)

// hiding is laid over the configuration where nobody is to learn who has an account.
const hiding = `
security: {account_enumeration: {mitigate: true}}
selfservice:
  methods: {code: {passwordless_enabled: true}}
  flows:
    recovery: {enabled: true}
    verification: {enabled: true}
    registration: {after: {password: {hooks: [{hook: show_verification_ui}]}}}
`

// samples is how often a form is sent about somebody, and about nobody.
const samples = 400

// asked are the forms that could tell one from the other, and what is sent.
var asked = []struct {
	name, kind string
	status     int
	body       func(address string) map[string]any
}{
	{"wrong password", "login", 400, func(a string) map[string]any {
		return map[string]any{"method": "password", "identifier": a, "password": "a-wrong-password"}
	}},
	{"sign-in code", "login", 400, func(a string) map[string]any { return map[string]any{"method": "code", "identifier": a} }},
	{"recovery", "recovery", 200, func(a string) map[string]any { return map[string]any{"method": "code", "email": a} }},
	{"sign-up", "registration", 200, func(a string) map[string]any {
		return map[string]any{"method": "password", "password": password, "traits": map[string]any{"email": a}}
	}},
}

// hides compares how long answers about people who have an account take with those
// about nobody, as somebody sees it who asks: by the clock, one after the other, in
// random order: a message to somebody leaves while the next answer is made, and that must
// not fall on one of the two alone.
func (b *bench) hides(*process) (string, error) {
	dir, err := os.MkdirTemp(b.dir, "hiding")
	if err != nil {
		return "", err
	}
	p, err := b.start(dir, hiding)
	if err != nil {
		return "", err
	}
	defer p.end()
	if err := p.enrol(samples); err != nil {
		return "", err
	}
	var seen []string
	for _, form := range asked {
		known, unknown, err := p.compare(form.kind, form.status, form.body)
		if err != nil {
			return "", fmt.Errorf("%s: %w", form.name, err)
		}
		seen = append(seen, fmt.Sprintf("%s %.2f ×", form.name, float64(known)/float64(unknown)))
	}
	return strings.Join(seen, ", "), nil
}

// enrol makes accounts, as an administrator does.
func (p *process) enrol(people int) error {
	c, err := dial(p.admin)
	if err != nil {
		return err
	}
	defer c.conn.Close()
	for n := range people {
		text, err := json.Marshal(map[string]any{"schema_id": "default", "traits": map[string]any{"email": email(n)},
			"credentials": map[string]any{"password": map[string]any{"config": map[string]any{"password": password}}}})
		if err != nil {
			return err
		}
		if a, err := c.send(request("POST", "/admin/identities", text)); err != nil || a.Status != 201 {
			return fmt.Errorf("an account could not be made: %v, %+v", err, a)
		}
	}
	return nil
}

// compare gives the medians of what a form takes about somebody and about nobody.
func (p *process) compare(kind string, status int, body func(string) map[string]any) (known, unknown time.Duration, err error) {
	paths, err := forms(p, kind, 2*samples)
	if err != nil {
		return 0, 0, err
	}
	c, err := dial(p.public)
	if err != nil {
		return 0, 0, err
	}
	defer c.conn.Close()
	var took [2][]time.Duration
	for n, turn := range rand.Perm(2 * samples) {
		who, address := turn%2, email(turn/2)
		if who == 1 {
			address = fmt.Sprintf("nobody%08d.%d@example.org", turn, rand.Uint32())
		}
		text, err := json.Marshal(body(address))
		if err != nil {
			return 0, 0, err
		}
		sent := request("POST", paths[n], text)
		start := time.Now()
		a, err := c.send(sent)
		if err != nil {
			return 0, 0, err
		}
		took[who] = append(took[who], time.Since(start))
		if a.Status != status {
			return 0, 0, fmt.Errorf("status %d: %s", a.Status, a.Body)
		}
	}
	for _, all := range took {
		slices.Sort(all)
	}
	return took[0][samples/2], took[1][samples/2], nil
}
