package adminkey

import (
	"context"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"zelus/internal/auth"
	"zelus/internal/secret"
	"zelus/internal/store"
	"zelus/internal/store/storetest"
)

// TestCheck sends all kinds of things that are not a good key. None is let in,
// and what cannot be a key of ours does not even cost a query.
func TestCheck(t *testing.T) {
	onEach(t, func(t *testing.T, p place) {
		_, key := p.made(t, "k", 0)
		_, other := p.made(t, "other", 0)
		_, short := p.made(t, "short", time.Hour)
		gone, revoked := p.made(t, "revoked", time.Minute)
		if err := p.Revoke(t.Context(), gone.ID); err != nil {
			t.Fatal(err)
		}
		p.clock.add(time.Hour - time.Microsecond)
		is(t, "not expired yet", p.answered(t, "Bearer "+short), nil)
		p.clock.add(time.Microsecond)
		good := "Bearer " + key
		swapped := strings.ToUpper(key[len(prefix):])
		if swapped == key[len(prefix):] {
			swapped = strings.ToLower(swapped)
		}
		is(t, "right", p.answered(t, good), nil) // notes the use
		for _, test := range []struct {
			what    string
			headers []string
			want    *auth.Error
			queries int
		}{
			{"right", []string{good}, nil, 1},
			{"the scheme in small letters", []string{"bearer " + key}, nil, 1},
			{"the scheme in capitals", []string{"BEARER " + key}, nil, 1},
			{"several spaces", []string{"Bearer    " + key}, nil, 1},
			{"nothing", nil, auth.ErrAdminKeyRequired, 0},
			{"an empty header", []string{""}, auth.ErrAdminKeyRequired, 0},
			{"the scheme alone", []string{"Bearer"}, auth.ErrAdminKeyInvalid, 0},
			{"the scheme and a space", []string{"Bearer "}, auth.ErrAdminKeyInvalid, 0},
			{"another scheme", []string{"Basic " + key}, auth.ErrAdminKeyRequired, 0},
			{"Basic with the key as a password", []string{"Basic YTp6ZWx1c19rZXlf"}, auth.ErrAdminKeyRequired, 0},
			{"no scheme", []string{key}, auth.ErrAdminKeyRequired, 0},
			{"another scheme that begins alike", []string{"Bearers " + key}, auth.ErrAdminKeyRequired, 0},
			{"a tab", []string{"Bearer\t" + key}, auth.ErrAdminKeyRequired, 0},
			{"wrong", []string{"Bearer " + secret.Token(prefix, random)}, auth.ErrAdminKeyInvalid, 1},
			{"truncated by one", []string{good[:len(good)-1]}, auth.ErrAdminKeyInvalid, 0},
			{"truncated at its beginning", []string{"Bearer " + key[1:]}, auth.ErrAdminKeyInvalid, 0},
			{"extended", []string{good + "a"}, auth.ErrAdminKeyInvalid, 0},
			{"padded", []string{good + "="}, auth.ErrAdminKeyInvalid, 0},
			{"a space behind it", []string{good + " "}, auth.ErrAdminKeyInvalid, 0},
			{"a NUL at its end", []string{good[:len(good)-1] + "\x00"}, auth.ErrAdminKeyInvalid, 1},
			{"one character changed", []string{good[:len(good)-1] + string(good[len(good)-1]^1)}, auth.ErrAdminKeyInvalid, 1},
			{"another case", []string{"Bearer " + prefix + swapped}, auth.ErrAdminKeyInvalid, 1},
			{"the prefix in another case", []string{"Bearer ZELUS_KEY_" + key[len(prefix):]}, auth.ErrAdminKeyInvalid, 0},
			{"without the prefix", []string{"Bearer " + key[len(prefix):]}, auth.ErrAdminKeyInvalid, 0},
			{"a session token", []string{"Bearer ory_st_" + strings.Repeat("a", 32)}, auth.ErrAdminKeyInvalid, 0},
			{"in quotes", []string{`Bearer "` + key + `"`}, auth.ErrAdminKeyInvalid, 0},
			{"two keys in one header", []string{good + ", Bearer " + other}, auth.ErrAdminKeyInvalid, 0},
			{"two headers", []string{good, "Bearer " + other}, auth.ErrAdminKeyInvalid, 0},
			{"two headers, the first wrong", []string{"Bearer x", good}, auth.ErrAdminKeyInvalid, 0},
			{"two headers, the second wrong", []string{good, "Bearer x"}, auth.ErrAdminKeyInvalid, 0},
			{"two headers, one of them Basic", []string{"Basic YTpi", good}, auth.ErrAdminKeyInvalid, 0},
			{"two headers, one of them empty", []string{"", good}, auth.ErrAdminKeyInvalid, 0},
			{"two headers that are the same", []string{good, good}, auth.ErrAdminKeyInvalid, 0},
			{"10,000 bytes", []string{"Bearer " + strings.Repeat("a", 10_000)}, auth.ErrAdminKeyInvalid, 0},
			{"10,000 bytes that begin like a key", []string{good + strings.Repeat("a", 10_000)}, auth.ErrAdminKeyInvalid, 0},
			{"expired", []string{"Bearer " + short}, auth.ErrAdminKeyExpired, 1},
			{"revoked and expired", []string{"Bearer " + revoked}, auth.ErrAdminKeyRevoked, 1},
		} {
			if n := p.ran.during(func() { is(t, test.what, p.answered(t, test.headers...), test.want) }); n != test.queries {
				t.Errorf("%s: %d queries, want %d", test.what, n, test.queries)
			}
		}
		for _, elsewhere := range []string{"?key=", "?access_token=", "?authorization=", "?Authorization=Bearer%20"} {
			is(t, elsewhere, through(t, p.Always, request("/admin/identities"+elsewhere+key)), auth.ErrAdminKeyRequired)
		}
		for _, name := range []string{"X-Session-Token", "X-Api-Key", "Proxy-Authorization", "Cookie"} {
			r := request("/admin/identities")
			r.Header.Set(name, good)
			is(t, name, through(t, p.Always, r), auth.ErrAdminKeyRequired)
		}
		body := request("/admin/identities")
		body.Method, body.Body = http.MethodPost, http.NoBody
		body.PostForm = map[string][]string{"access_token": {key}}
		is(t, "in the body", through(t, p.Always, body), auth.ErrAdminKeyRequired)

		for _, k := range []string{key, other, short, revoked} {
			for from := len(prefix); from+8 <= len(k); from++ {
				if strings.Contains(p.log.String(), k[from:from+8]) {
					t.Fatalf("a part of a key is in the log: %s", p.log)
				}
			}
		}
	})
}

// TestRotation: a key goes on working with a new secret, and from its next use
// on does not need the old one.
func TestRotation(t *testing.T) {
	onEach(t, func(t *testing.T, p place) {
		_, used := p.made(t, "used", 0)
		_, unused := p.made(t, "unused", 0)
		is(t, "before", p.answered(t, "Bearer "+used), nil)

		p.clock.add(time.Second) // a use was noted just now, which must not matter
		p.configure(t, settings(secondSecret, firstSecret))
		if n := p.ran.during(func() { is(t, "with both", p.answered(t, "Bearer "+used), nil) }); n != 2 {
			t.Errorf("%d statements, want one to find it and one to put it under the new hash", n)
		}
		if n := p.ran.during(func() { is(t, "with both, again", p.answered(t, "Bearer "+used), nil) }); n != 1 {
			t.Errorf("%d statements, want 1", n)
		}
		p.configure(t, settings(secondSecret))
		is(t, "the used one with the new", p.answered(t, "Bearer "+used), nil)
		is(t, "the unused one with the new", p.answered(t, "Bearer "+unused), auth.ErrAdminKeyInvalid)
		p.configure(t, settings(secondSecret, firstSecret))
		is(t, "the unused one with both", p.answered(t, "Bearer "+unused), nil)
		p.configure(t, settings(firstSecret))
		is(t, "the used one with the old", p.answered(t, "Bearer "+used), auth.ErrAdminKeyInvalid)
	})
}

// TestUseIsNoted at most once an hour.
func TestUseIsNoted(t *testing.T) {
	onEach(t, func(t *testing.T, p place) {
		_, key := p.made(t, "k", 0)
		_, other := p.made(t, "other", 0)
		began := p.clock.now()
		for _, test := range []struct {
			after time.Duration // from the beginning
			noted time.Duration
			n     int
		}{
			{time.Minute, time.Minute, 2},
			{time.Minute, time.Minute, 1},
			{time.Hour, time.Minute, 1},
			{time.Hour + time.Minute - time.Microsecond, time.Minute, 1},
			{time.Hour + time.Minute, time.Hour + time.Minute, 2},
			{2 * time.Hour, time.Hour + time.Minute, 1},
			{20 * time.Hour, 20 * time.Hour, 2},
		} {
			p.clock.set(began.Add(test.after))
			if n := p.ran.during(func() { is(t, test.after.String(), p.answered(t, "Bearer "+key), nil) }); n != test.n {
				t.Errorf("after %v: %d statements, want %d", test.after, n, test.n)
			}
			all := p.list(t)
			if got := all[0].LastUsedAt; got == nil || !got.Equal(began.Add(test.noted)) {
				t.Errorf("after %v the last use was %v, want after %v", test.after, got, test.noted)
			}
			if all[1].LastUsedAt != nil {
				t.Error("a use of another key was noted")
			}
		}
		is(t, "wrong", p.answered(t, "Bearer "+other[:len(other)-1]), auth.ErrAdminKeyInvalid)
		if got := p.list(t)[1].LastUsedAt; got != nil {
			t.Errorf("a refusal was noted as a use at %v", got)
		}
	})
}

// TestFirstUseAtOnce: requests that use a new key at the same time are all let
// in, on two servers of different secrets.
func TestFirstUseAtOnce(t *testing.T) {
	onEach(t, func(t *testing.T, p place) {
		k, key := p.made(t, "k", 0)
		nodes := []place{p.beside(t, settings(secondSecret, firstSecret)), p.beside(t, settings(secondSecret, firstSecret)), p.beside(t, settings(firstSecret, secondSecret))}
		var all sync.WaitGroup
		for n := range 24 {
			all.Go(func() { is(t, "at once", nodes[n%len(nodes)].answered(t, "Bearer "+key), nil) })
		}
		all.Wait()
		now := p.clock.now()
		k.LastUsedAt = &now
		if got := p.list(t); len(got) != 1 || got[0].ID != k.ID || got[0].LastUsedAt == nil || !got[0].LastUsedAt.Equal(now) {
			t.Errorf("got %+v", got)
		}
	})
}

// TestUseThatCannotBeNoted: the request goes on, and the log has a warning.
func TestUseThatCannotBeNoted(t *testing.T) {
	p := keysOn(t, storetest.Memory(t, nil), newClock(), &statements{}, settings(firstSecret))
	k, key := p.made(t, "k", 0)
	ended, end := context.WithCancel(t.Context())
	end() // a read from SQLite is not disturbed by this, a write is
	is(t, "without a write", through(t, p.Always, request("/", "Bearer "+key).WithContext(ended)), nil)
	if got := p.list(t)[0].LastUsedAt; got != nil {
		t.Fatalf("the use was noted at %v: this test sees nothing", got)
	}
	if said := p.log.String(); strings.Count(said, "level=WARN") != 1 || !strings.Contains(said, k.ID.String()) || strings.Contains(said, key[len(prefix):]) {
		t.Errorf("the log has %s", said)
	}
}

// TestFailuresAreCounted: the first of a kind is told at once, those after it
// once a minute with their number.
func TestFailuresAreCounted(t *testing.T) {
	p := keysOn(t, storetest.Memory(t, nil), newClock(), &statements{}, settings(firstSecret))
	_, key := p.made(t, "k", time.Hour)
	gone, dead := p.made(t, "revoked", 0)
	if err := p.Revoke(t.Context(), gone.ID); err != nil {
		t.Fatal(err)
	}
	says := func(what string, want ...string) {
		t.Helper()
		p.log.mu.Lock()
		said := p.log.text.String()
		p.log.text.Reset()
		p.log.mu.Unlock()
		if n := strings.Count(said, "\n"); n != len(want) {
			t.Errorf("%s: %d lines, want %d:\n%s", what, n, len(want), said)
		}
		for _, line := range want {
			if !strings.Contains(said, line) || strings.Contains(said, key) || strings.Contains(line, "reason=") != strings.Contains(said, "level=WARN") {
				t.Errorf("%s: %q is missing in %q", what, line, said)
			}
		}
	}
	send := func(times int, headers ...string) {
		t.Helper()
		for range times {
			p.answered(t, headers...)
		}
	}
	says("keys made and revoked", "an API key was made", "an API key was made", "an API key was revoked")
	send(5)
	send(2, "")
	send(3, "Bearer "+key)
	says("no failures")
	send(1, "Bearer x")
	says("the first", "reason=invalid count=1")
	send(4, "Bearer x")
	says("more of them at once")
	send(2, "Bearer x", "Bearer x")
	send(3, "Basic YTpi")
	send(1, "Bearer")
	says("of another kind", "reason=malformed count=1")
	send(2, "Bearer "+dead)
	says("of a third kind", "reason=revoked count=1")
	p.clock.add(time.Minute - time.Microsecond)
	send(1, "Bearer "+secret.Token(prefix, random))
	says("before a minute is over")
	p.clock.add(time.Microsecond)
	send(1, "Bearer x")
	says("after a minute", "reason=invalid count=6")
	p.clock.add(time.Hour)
	send(1, "Bearer "+key)
	says("of the last kind", "reason=expired count=1")
	send(1, "Basic YTpi")
	says("after long", "reason=malformed count=6")
	p.clock.add(-24 * time.Hour)
	send(1, "Basic YTpi")
	says("a clock that was put back", "reason=malformed count=1")
	for why, want := range map[reason]int64{malformed: 8, invalid: 7, expired: 1, revoked: 2} {
		if got := p.refused[why].count.Load(); got != want {
			t.Errorf("%d %s were counted, want %d", got, why, want)
		}
	}
}

// TestFailuresAtOnce: none is lost in the count, and one of them is told.
func TestFailuresAtOnce(t *testing.T) {
	p := keysOn(t, storetest.Memory(t, nil), newClock(), &statements{}, settings(firstSecret))
	var all sync.WaitGroup
	for range 64 {
		all.Go(func() { p.answered(t, "Bearer x") })
	}
	all.Wait()
	if got := p.refused[invalid].count.Load(); got != 64 || strings.Count(p.log.String(), "\n") != 1 {
		t.Errorf("%d were counted, want 64; the log has %s", got, p.log)
	}
	p.clock.add(time.Minute)
	p.answered(t, "Bearer x")
	if got := strings.Count(p.log.String(), "\n"); got != 2 {
		t.Errorf("the log has %d lines, want 2: %s", got, p.log)
	}
}

// TestGuard: what the configuration says counts; where it says nothing, a key is
// due from the first one on, whoever made it, and for good.
func TestGuard(t *testing.T) {
	onEach(t, func(t *testing.T, p place) {
		yes, no := true, false
		guarded := func(what string, want *auth.Error, queries int, headers ...string) {
			t.Helper()
			if n := p.ran.during(func() { is(t, what, through(t, p.Guard, request("/admin/identities", headers...)), want) }); n != queries {
				t.Errorf("%s: %d statements, want %d", what, n, queries)
			}
		}
		guarded("no keys", nil, 1)
		guarded("no keys, with something", nil, 1, "Bearer x")
		p.configure(t, Settings{Secrets: []string{firstSecret}, Require: &yes})
		guarded("no keys, required", auth.ErrAdminKeyRequired, 0)
		p.configure(t, Settings{Secrets: []string{firstSecret}, Require: &no})
		guarded("no keys, not required", nil, 0)
		p.configure(t, settings(firstSecret))
		guarded("no keys, again", nil, 1)

		elsewhere := p.beside(t, settings(firstSecret))
		k, key := elsewhere.made(t, "k", time.Hour)
		guarded("the first key", auth.ErrAdminKeyRequired, 1)
		guarded("remembered", auth.ErrAdminKeyRequired, 0)
		guarded("with the key, first", nil, 2, "Bearer "+key)
		guarded("with the key", nil, 1, "Bearer "+key)
		if err := elsewhere.Revoke(t.Context(), k.ID); err != nil {
			t.Fatal(err)
		}
		guarded("revoked", auth.ErrAdminKeyRevoked, 1, "Bearer "+key)
		guarded("revoked, without", auth.ErrAdminKeyRequired, 0)
		p.configure(t, Settings{Secrets: []string{firstSecret}, Require: &no})
		guarded("switched off", nil, 0)
		guarded("switched off, with a key that is no good", nil, 0, "Bearer "+key, "Bearer x")
		p.configure(t, settings(firstSecret))
		guarded("back", auth.ErrAdminKeyRequired, 0)

		p = p.beside(t, settings(firstSecret)) // the next start
		guarded("after a start", auth.ErrAdminKeyRequired, 1)
		p.clock.add(24 * time.Hour)
		p = p.beside(t, settings(firstSecret))
		guarded("long after", auth.ErrAdminKeyRequired, 1)
		if p.list(t)[0].State != Revoked {
			t.Error("the key came back")
		}
	})
}

// TestGuardClosesBehindItsOwnKey: who makes the first key on this server closes
// it at once, without a query.
func TestGuardClosesBehindItsOwnKey(t *testing.T) {
	onEach(t, func(t *testing.T, p place) {
		_, key := p.made(t, "k", 0)
		if n := p.ran.during(func() {
			is(t, "without", through(t, p.Guard, request("/")), auth.ErrAdminKeyRequired)
		}); n != 0 {
			t.Errorf("%d statements, want 0", n)
		}
		is(t, "with", through(t, p.Guard, request("/", "Bearer "+key)), nil)
	})
}

// TestGuardWithoutDatabase: if it cannot be found out whether a key is due, or is
// good, nobody is let in, and nobody is told to bring another key.
func TestGuardWithoutDatabase(t *testing.T) {
	onEach(t, func(t *testing.T, p place) {
		key := secret.Token(prefix, random)
		other := p.beside(t, settings(firstSecret))
		yes := true
		other.configure(t, Settings{Secrets: []string{firstSecret}, Require: &yes})
		away, err := store.Open(t.Context(), store.Options{Dialect: "sqlite", Memory: true, Clock: time.Now, Logger: p.logger})
		if err != nil {
			t.Fatal(err)
		}
		if err := away.Close(); err != nil {
			t.Fatal(err)
		}
		p.store, other.store = away, away
		for what, w := range map[string]int{
			"unset":             through(t, p.Guard, request("/")).Code,
			"unset, with a key": through(t, p.Guard, request("/", "Bearer "+key)).Code,
			"required":          through(t, other.Guard, request("/", "Bearer "+key)).Code,
		} {
			if w < 500 {
				t.Errorf("%s: %d", what, w)
			}
		}
		if got := through(t, p.Guard, request("/")).Header().Get("WWW-Authenticate"); got != "" {
			t.Errorf("WWW-Authenticate is %q", got)
		}
	})
}
