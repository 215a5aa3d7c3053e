package password

import (
	"bytes"
	"context"
	"crypto/sha1"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"zelus/internal/auth"
	"zelus/internal/ui"
)

const sound = "correct-horse-battery-7"

// check returns the id and the context of what the policy says, 0 for nothing.
func check(t *testing.T, p Policy, password string, identifiers ...string) (int, map[string]any) {
	t.Helper()
	m, err := p.Check(t.Context(), password, identifiers)
	if err != nil {
		t.Fatal(err)
	}
	if m == nil {
		return 0, nil
	}
	return m.ID, m.Context
}

func TestLength(t *testing.T) {
	p := Policy{MinLength: 8}
	for name, c := range map[string]struct {
		password string
		id       int
		context  map[string]any
	}{
		"empty":                        {"", ui.ErrorPasswordMinLength, map[string]any{"min_length": 8, "actual_length": 0}},
		"short":                        {"abc", ui.ErrorPasswordMinLength, map[string]any{"min_length": 8, "actual_length": 3}},
		"short in letters, not bytes":  {"ключиии", ui.ErrorPasswordMinLength, map[string]any{"min_length": 8, "actual_length": 7}},
		"just enough":                  {"ключиикк", 0, nil},
		"bytes that are no characters": {"\xff\xfe\xfd", ui.ErrorPasswordMinLength, map[string]any{"min_length": 8, "actual_length": 3}},
		"the longest":                  {strings.Repeat("я", 1024), 0, nil},
		"too long":                     {strings.Repeat("я", 1025), ui.ErrorMaxLength, map[string]any{"max_length": 1024, "actual_length": 1025}},
		"huge":                         {strings.Repeat("x", 5<<20), ui.ErrorMaxLength, map[string]any{"max_length": 1024, "actual_length": 5 << 20}},
	} {
		id, context := check(t, p, c.password)
		if id != c.id || !cmp.Equal(context, c.context) {
			t.Errorf("%s: %d %v, want %d %v", name, id, context, c.id, c.context)
		}
	}
}

func TestSimilarity(t *testing.T) {
	p := Policy{MinLength: 6, SimilarityCheck: true}
	const address = "user.basic-registration-api@example.org"
	for _, c := range []struct {
		name, password string
		identifiers    []string
		similar        bool
	}{
		{"nothing to compare with", sound, nil, false},
		{"an empty identifier", sound, []string{""}, false},
		{"nothing in common", sound, []string{address}, false},
		{"the identifier", address, []string{address}, true},
		{"in capitals", strings.ToUpper(address), []string{address}, true},
		{"capitals of another script", "ЯБЛОКО-ЯБЛОКО", []string{"яблоко-яблоко"}, true},
		{"four changes", "user.basic-registration-api@example.com1", []string{address}, true},
		{"the local part", "user.basic-registration-api", []string{address}, true},
		{"a short local part and digits", "maria1986", []string{"maria@long-name-of-a-company.example.org"}, true},
		{"a short local part and more", "maria-of-the-lighthouse", []string{"maria@long-name-of-a-company.example.org"}, false},
		{"a very short local part", "xy4711", []string{"xy@long-name-of-a-company.example.org"}, false},
		{"more than half of it from the domain", "example.org-1", []string{address}, true},
		{"just half of it", "exampleabcdefg", []string{"example"}, false},
		{"a phone number", "4915112345678", []string{"+4915112345678"}, true},
		{"the second identifier", "marieantoinette", []string{address, "marieantoinette"}, true},
		{"a long identifier that is the same", strings.Repeat("a", 256), []string{strings.Repeat("a", 256)}, true},
		{"one too long to compare", sound, []string{strings.Repeat(sound, 100_000)}, false},
		{"a password too long to compare", strings.Repeat(sound, 40), []string{sound}, false},
	} {
		id, _ := check(t, p, c.password, c.identifiers...)
		if similar := id == ui.ErrorPasswordTooSimilar; similar != c.similar {
			t.Errorf("%s: %d", c.name, id)
		}
		if id, _ := check(t, Policy{MinLength: 6}, c.password, c.identifiers...); id != 0 {
			t.Errorf("%s, not checked: %d", c.name, id)
		}
	}
}

// TestManyIdentifiers must come to an end: traits can hold long lists.
func TestManyIdentifiers(t *testing.T) {
	identifiers := make([]string, 1_000_000)
	for i := range identifiers {
		identifiers[i] = "somebody.else@example.org"
	}
	if id, _ := check(t, Policy{SimilarityCheck: true}, sound, identifiers...); id != 0 {
		t.Errorf("%d", id)
	}
}

func TestDistance(t *testing.T) {
	for _, c := range []struct {
		a, b             string
		distance, common int
	}{
		{"", "", 0, 0},
		{"", "abc", 3, 0},
		{"abc", "", 3, 0},
		{"abc", "abc", 0, 3},
		{"kitten", "sitting", 3, 3},
		{"flaw", "lawn", 2, 3},
		{"abcdef", "fedcba", 6, 1},
		{"яблоко", "облако", 2, 2},
		{"xabcx", "yyabcabcdyy", 8, 3},
	} {
		if got := distance([]rune(c.a), []rune(c.b)); got != c.distance {
			t.Errorf("distance(%q, %q) = %d, want %d", c.a, c.b, got, c.distance)
		}
		if got := longestCommon([]rune(c.a), []rune(c.b)); got != c.common {
			t.Errorf("longestCommon(%q, %q) = %d, want %d", c.a, c.b, got, c.common)
		}
	}
}

func TestCommonPasswords(t *testing.T) {
	for name, c := range map[string]struct {
		policy   Policy
		password string
		id       int
	}{
		"known":                  {Policy{}, "password123", ui.ErrorPasswordBreached},
		"known, in capitals":     {Policy{}, "PASSWORD123", ui.ErrorPasswordBreached},
		"not known":              {Policy{}, sound, 0},
		"known, but once is few": {Policy{MaxBreaches: 1}, "password123", 0},
		"switched off":           {Policy{AllowCommon: true}, "password123", 0},
	} {
		id, context := check(t, c.policy, c.password)
		if id != c.id || id != 0 && context["breaches"] != 1 {
			t.Errorf("%s: %d %v", name, id, context)
		}
	}
}

// service is a breach service that gives one answer.
func service(t *testing.T, status int, answer string) *RangeAPI {
	t.Helper()
	server := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if want := "/range/" + digestOf(sound)[:5]; r.Method != http.MethodGet || r.URL.Path != want {
			t.Errorf("asked %s %s, want %s", r.Method, r.URL.Path, want)
		}
		if r.Header.Get("Add-Padding") != "true" {
			t.Error("asked without padding")
		}
		w.WriteHeader(status)
		io.WriteString(w, answer)
	}))
	t.Cleanup(server.Close)
	return &RangeAPI{Host: server.Listener.Addr().String(), Client: server.Client(), Timeout: time.Minute}
}

func digestOf(password string) string { return fmt.Sprintf("%X", sha1.Sum([]byte(password))) }

func TestRange(t *testing.T) {
	suffix := digestOf(sound)[5:]
	const others = "0018A45C4D1DEF81644B54AB7F969B88D65:10\r\n00D4F6E8FA6EECAD2A3AA415EEC418D38EC:2\r\n"
	for name, c := range map[string]struct {
		answer      string
		maxBreaches int
		breaches    int // 0: the password is fine
	}{
		"nothing":             {"", 0, 0},
		"others":              {others, 0, 0},
		"seen":                {others + suffix + ":42\r\n", 0, 42},
		"seen, first line":    {suffix + ":42\r\n" + others, 0, 42},
		"no line end":         {others + suffix + ":42", 0, 42},
		"small letters":       {strings.ToLower(suffix) + ":42\n", 0, 42},
		"no count":            {suffix + "\n", 0, 1},
		"padding":             {suffix + ":0\r\n", 0, 0},
		"as many as allowed":  {suffix + ":42\r\n", 42, 0},
		"one more":            {suffix + ":43\r\n", 42, 43},
		"part of a line only": {"A" + suffix + ":42\n" + suffix + "A:42\n", 0, 0},
	} {
		id, context := check(t, Policy{MaxBreaches: c.maxBreaches, Range: service(t, http.StatusOK, c.answer)}, sound)
		if c.breaches == 0 && id != 0 {
			t.Errorf("%s: %d %v", name, id, context)
		}
		if c.breaches != 0 && (id != ui.ErrorPasswordBreached || context["breaches"] != c.breaches) {
			t.Errorf("%s: %d %v", name, id, context)
		}
	}
}

func TestRangeFails(t *testing.T) {
	gone := service(t, http.StatusOK, "")
	gone.Client.CloseIdleConnections()
	gone.Host = "127.0.0.1:1"
	for name, api := range map[string]*RangeAPI{
		"nobody there":      gone,
		"not a host":        {Host: "not a host", Client: http.DefaultClient},
		"an error":          service(t, http.StatusServiceUnavailable, ""),
		"an endless answer": service(t, http.StatusOK, strings.Repeat("x", maxRange+1)),
		"a strange count":   service(t, http.StatusOK, digestOf(sound)[5:]+":many"),
		"a negative count":  service(t, http.StatusOK, digestOf(sound)[5:]+":-1"),
	} {
		t.Run(name, func(t *testing.T) {
			var log bytes.Buffer
			p := Policy{Range: api, Log: slog.New(slog.NewTextHandler(&log, nil))}
			m, err := p.Check(t.Context(), sound, nil)
			if m != nil || !errors.Is(err, auth.ErrUpstream) {
				t.Errorf("strict: %v, %v", m, err)
			}
			if log.Len() != 0 {
				t.Errorf("strict: it logged %s", &log)
			}
			p.IgnoreNetworkErrors = true
			if m, err := p.Check(t.Context(), sound, nil); m != nil || err != nil {
				t.Errorf("lenient: %v, %v", m, err)
			}
			if !strings.Contains(log.String(), "level=WARN") || !strings.Contains(log.String(), "haveibeenpwned_host") {
				t.Errorf("lenient: it logged %s", &log)
			}
			for _, text := range []string{err.Error(), log.String()} {
				if strings.Contains(text, sound) || strings.Contains(text, digestOf(sound)[:5]) {
					t.Errorf("the password or its digest is told: %s", text)
				}
			}
		})
	}
}

// TestRangeTimeout: a service that is slow is one that does not answer.
func TestRangeTimeout(t *testing.T) {
	server := httptest.NewTLSServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }))
	defer server.Close()
	p := Policy{Range: &RangeAPI{Host: server.Listener.Addr().String(), Client: server.Client(), Timeout: time.Millisecond}}
	if m, err := p.Check(t.Context(), sound, nil); m != nil || !errors.Is(err, auth.ErrUpstream) || !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("%v, %v", m, err)
	}
}

// TestRangeAbandoned: when the client goes away, nothing is accepted.
func TestRangeAbandoned(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	server := httptest.NewTLSServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		cancel()
		<-r.Context().Done()
	}))
	defer server.Close()
	p := Policy{Range: &RangeAPI{Host: server.Listener.Addr().String(), Client: server.Client(), Timeout: time.Minute}, IgnoreNetworkErrors: true,
		Log: slog.New(slog.DiscardHandler)}
	if m, err := p.Check(ctx, sound, nil); m != nil || !errors.Is(err, context.Canceled) {
		t.Errorf("%v, %v", m, err)
	}
}
