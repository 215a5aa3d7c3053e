package app

import (
	"fmt"
	"sync"
	"testing"
	"time"
)

// crowd is how many do something at once.
const crowd = 64

// atOnce has many do the same, and gives all answers. None may be a fault of the
// server.
func atOnce(t testing.TB, do func(n int) (answer, error)) (all []answer) {
	t.Helper()
	var running sync.WaitGroup
	var mu sync.Mutex
	for n := range crowd {
		running.Go(func() {
			a, err := do(n)
			mu.Lock()
			defer mu.Unlock()
			if err != nil || a.status >= 500 {
				t.Errorf("%d %s %v", a.status, a.body, err)
			}
			all = append(all, a)
		})
	}
	running.Wait()
	return all
}

// TestRightCodeOnce: of many who send the same right code, one succeeds.
func TestRightCodeOnce(t *testing.T) {
	onEach(t, proving(transitions, "true", "selfservice.methods.code.config.max_submissions", "255"), func(t *testing.T, s *server) {
		for kind, template := range map[string]string{"recovery": "recovery_code_valid", "verification": "verification_code_valid"} {
			p := s.person(t)
			f := s.client(t, app).asked(kind, p.email)
			code := s.mail(t, p.email, template).code()
			c := s.client(t, app)
			won := 0
			for _, a := range atOnce(t, func(int) (answer, error) { return c.try("POST", f.action, fields{"method": "code", "code": code}) }) {
				switch {
				case a.status == 200 && a.at("state").String() == "passed_challenge":
					won++
				case a.status == 200, a.status == 410:
				default:
					t.Errorf("%s: %d %s", kind, a.status, a.body)
				}
			}
			if won != 1 {
				t.Errorf("%s: %d succeeded, want 1", kind, won)
			}
			if n := s.sessions(t, p); kind == "recovery" && n != 1 {
				t.Errorf("there are %d sessions, want 1", n)
			}
		}
	})
}

// TestLinkOnce: of many who open the same link, one succeeds.
func TestLinkOnce(t *testing.T) {
	onEach(t, provingByLink(), func(t *testing.T, s *server) {
		p := s.person(t)
		c := s.client(t, app)
		f := c.begin("recovery", "")
		c.submit(f, fields{"method": "link", "email": p.email}).is(200)
		link := s.mail(t, p.email, "recovery_valid").link()
		won := 0
		for _, a := range atOnce(t, func(int) (answer, error) { return c.try("GET", link, nil, "Accept", "text/html") }) {
			if a.status != 303 {
				t.Errorf("%d %s", a.status, a.body)
			}
			if a.cookies()[sessionCookie] != nil {
				won++
			}
		}
		if n := s.sessions(t, p); won != 1 || n != 1 {
			t.Errorf("%d succeeded and there are %d sessions, want 1", won, n)
		}
	})
}

// TestWrongCodes: a form takes five wrong codes, however many are sent at once
// and whatever is sent again meanwhile; then not even the right one.
func TestWrongCodes(t *testing.T) {
	onEach(t, proving(transitions, "true"), func(t *testing.T, s *server) {
		for kind, template := range map[string]string{"recovery": "recovery_code_valid", "verification": "verification_code_valid"} {
			wrong := map[string]int64{"recovery": 4060006, "verification": 4070006}[kind]
			p := s.person(t)
			c := s.client(t, app)
			f := c.asked(kind, p.email)
			code := s.mail(t, p.email, template).code()
			looked := 0
			for _, a := range atOnce(t, func(n int) (answer, error) {
				return c.try("POST", f.action, fields{"method": "code", "code": wrongFor(code)})
			}) {
				if a.status == 200 {
					a.saying(200, wrong)
					looked++
				} else {
					a.refused(410, "self_service_flow_replaced")
				}
			}
			if looked != 5 {
				t.Errorf("%s: %d wrong codes were looked at, want 5", kind, looked)
			}
			c.typed(f, code).refused(410, "self_service_flow_replaced")
			// Sending another one gives no more guesses.
			s.clock.advance(time.Second)
			c.submit(f, fields{"method": "code", "email": p.email})
			c.typed(f, s.mail(t, p.email, template).code()).refused(410, "self_service_flow_replaced")
		}
	})
}

// TestGuessesOfAnAccount: twenty wrong codes an hour, over all forms of one
// purpose; the right one is then as wrong as any.
func TestGuessesOfAnAccount(t *testing.T) {
	onEach(t, proving(transitions, "true"), func(t *testing.T, s *server) {
		p, c := s.person(t), s.client(t, app)
		var forms []form
		var codes []string
		for range 6 {
			forms = append(forms, c.asked("recovery", p.email))
			codes = append(codes, s.mail(t, p.email, "recovery_code_valid").code())
			s.clock.advance(time.Second)
		}
		// All at once, at five forms.
		atOnce(t, func(n int) (answer, error) {
			return c.try("POST", forms[n%5].action, fields{"method": "code", "code": wrongFor(codes[n%5])})
		})
		c.typed(forms[5], codes[5]).saying(200, 4060006)
		// Another purpose, another account and one that does not exist go on.
		f := c.asked("verification", p.email)
		c.typed(f, s.mail(t, p.email, "verification_code_valid").code()).saying(200, 1080002)
		q := s.person(t)
		f = c.asked("recovery", q.email)
		c.typed(f, s.mail(t, q.email, "recovery_code_valid").code()).is(200)
		if s.sessions(t, q) != 1 || s.sessions(t, p) != 0 {
			t.Error("who is kept out is not who was guessed at")
		}
		s.clock.advance(time.Hour - 10*time.Second)
		f = c.asked("recovery", p.email)
		code := s.mail(t, p.email, "recovery_code_valid").code()
		c.typed(f, code).saying(200, 4060006)
		s.clock.advance(10 * time.Second)
		s.client(t, app).regained(c.typed(f, code), p)
	})
}

// TestGuessesOfNobody: an address without an account is treated the same way.
func TestGuessesOfNobody(t *testing.T) {
	onEach(t, proving(transitions, "true"), func(t *testing.T, s *server) {
		p, nobody, c := s.person(t), stranger(), s.client(t, app)
		// told is what is answered to code after code.
		told := func(email string) (all []string) {
			for range 6 {
				f := c.asked("recovery", email)
				for n := range 6 {
					a := c.typed(f, fmt.Sprintf("99%04d", n))
					all = append(all, fmt.Sprint(a.status, a.messages(), a.at("error.id")))
				}
				s.clock.advance(time.Second)
			}
			return all
		}
		if known, unknown := fmt.Sprint(told(p.email)), fmt.Sprint(told(nobody.email)); known != unknown {
			t.Errorf("somebody is answered\n%s\nand nobody\n%s", known, unknown)
		}
	})
}
