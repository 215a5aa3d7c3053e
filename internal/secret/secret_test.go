package secret_test

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"zelus/internal/secret"
)

const (
	older = "a secret of an earlier year"
	newer = "a secret of this year"
	// sealedHello is "hello" sealed with newer, for session, in the context here.
	sealedHello = "Alj_hePjpp36ehQInWKJuk6eLZLzXVDzCgrWJrVjlsgLzeY8x4BgUKfkF-aD"
)

func ring(t testing.TB, purpose string, secrets ...string) *secret.Ring {
	t.Helper()
	r, err := secret.NewRing(purpose, secrets)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func TestTokenShape(t *testing.T) {
	const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
	for _, c := range []struct {
		prefix string
		n      int
	}{{"ory_st_", 32}, {"ory_lo_", 32}, {"", 64}, {"", 0}, {"x", 1}, {"", 1000}} {
		got := secret.Token(c.prefix, c.n)
		rest, ok := strings.CutPrefix(got, c.prefix)
		if !ok || len(rest) != c.n || strings.Trim(rest, alphabet) != "" {
			t.Errorf("Token(%q, %d) = %q", c.prefix, c.n, got)
		}
	}
	if a, b := secret.Token("", 32), secret.Token("", 32); a == b {
		t.Error("two tokens are the same")
	}
}

func TestDigitsShape(t *testing.T) {
	for _, n := range []int{0, 1, 6, 300} {
		if got := secret.Digits(n); len(got) != n || strings.Trim(got, "0123456789") != "" {
			t.Errorf("Digits(%d) = %q", n, got)
		}
	}
}

func TestBytes(t *testing.T) {
	a, b := secret.Bytes(32), secret.Bytes(32)
	if len(a) != 32 || len(b) != 32 || bytes.Equal(a, b) {
		t.Errorf("Bytes(32) = %x, then %x", a, b)
	}
}

// TestNoBias counts letters. With 62 of them, a plain remainder would make the
// first eight a quarter more frequent than the others; 5 % is ten standard
// deviations of a fair count.
func TestNoBias(t *testing.T) {
	const each = 40_000
	for name, c := range map[string]struct{ text, alphabet string }{
		"token":  {secret.Token("", each*62), "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"},
		"digits": {secret.Digits(each * 10), "0123456789"},
	} {
		for _, letter := range c.alphabet {
			if n := strings.Count(c.text, string(letter)); n < each*95/100 || n > each*105/100 {
				t.Errorf("%s: %q comes %d times, expected about %d", name, letter, n, each)
			}
		}
	}
}

func TestNewRingRefuses(t *testing.T) {
	for name, secrets := range map[string][]string{"none": nil, "an empty one": {"something", ""}} {
		if _, err := secret.NewRing("session", secrets); err == nil {
			t.Errorf("%s: no error", name)
		} else if !strings.Contains(err.Error(), "session") || strings.Contains(err.Error(), "something") {
			t.Errorf("%s: %v: should name the purpose and no secret", name, err)
		}
	}
}

// TestStable holds the derivation fixed: if it changes, every stored session
// and every sealed value is lost.
func TestStable(t *testing.T) {
	r := ring(t, "session", newer)
	const wantHash = "f1cf4a48006ef9e79af9dbc378eabb015291bf7070197cc9554a5ace08824fbd"
	if got := fmt.Sprintf("%x", r.Hash("ory_st_x")); got != wantHash {
		t.Errorf("Hash = %s, want %s", got, wantHash)
	}
	if got, err := r.OpenString(sealedHello, []byte("here")); err != nil || string(got) != "hello" {
		t.Errorf("OpenString = %q, %v", got, err)
	}
}

func TestHash(t *testing.T) {
	before := ring(t, "session", older)
	after := ring(t, "session", newer, older)
	other := ring(t, "code", newer, older)
	stored := before.Hash("ory_st_x")

	if len(stored) != secret.HashSize {
		t.Fatalf("a hash of %d bytes", len(stored))
	}
	if !bytes.Equal(stored, before.Hash("ory_st_x")) {
		t.Error("the same value gives two hashes")
	}
	if bytes.Equal(after.Hash("ory_st_x"), stored) {
		t.Error("after the rotation the old key still writes")
	}
	all := after.Hashes("ory_st_x")
	if len(all) != 2 || !bytes.Equal(all[0], after.Hash("ory_st_x")) || !bytes.Equal(all[1], stored) {
		t.Errorf("Hashes = %x", all)
	}

	for name, c := range map[string]struct {
		ring   *secret.Ring
		value  string
		stored []byte
		want   bool
	}{
		"same ring":          {before, "ory_st_x", stored, true},
		"after rotation":     {after, "ory_st_x", stored, true},
		"the new key":        {after, "ory_st_x", after.Hash("ory_st_x"), true},
		"old ring, new key":  {before, "ory_st_x", after.Hash("ory_st_x"), false},
		"secret taken away":  {ring(t, "session", newer), "ory_st_x", stored, false},
		"other purpose":      {other, "ory_st_x", stored, false},
		"other value":        {before, "ory_st_y", stored, false},
		"empty value":        {before, "", stored, false},
		"nothing stored":     {before, "ory_st_x", nil, false},
		"cut":                {before, "ory_st_x", stored[:31], false},
		"longer":             {before, "ory_st_x", append(stored[:32:32], 0), false},
		"a very long value":  {before, strings.Repeat("x", 1<<20), stored, false},
		"the hash as a text": {before, string(stored), stored, false},
	} {
		if got := c.ring.Matches(c.value, c.stored); got != c.want {
			t.Errorf("%s: Matches = %v", name, got)
		}
	}
}

func TestSeal(t *testing.T) {
	before := ring(t, "flow", older)
	after := ring(t, "flow", newer, older)
	context := []byte("flow 1")
	for _, plaintext := range []string{"", "x", strings.Repeat("long ", 10_000)} {
		sealed := before.Seal([]byte(plaintext), context)
		if len(sealed) != len(plaintext)+secret.Overhead {
			t.Errorf("%d bytes became %d", len(plaintext), len(sealed))
		}
		if bytes.Equal(sealed, before.Seal([]byte(plaintext), context)) {
			t.Error("sealing twice gives the same bytes")
		}
		for name, r := range map[string]*secret.Ring{"same ring": before, "after rotation": after} {
			if got, err := r.Open(sealed, context); err != nil || string(got) != plaintext {
				t.Errorf("%s: Open = %q, %v", name, got, err)
			}
		}
	}

	sealed := before.Seal([]byte("hello"), context)
	for name, c := range map[string]struct {
		ring            *secret.Ring
		sealed, context []byte
	}{
		"other context":          {before, sealed, []byte("flow 2")},
		"no context":             {before, sealed, nil},
		"other purpose":          {ring(t, "cookie", older), sealed, context},
		"secret taken away":      {ring(t, "flow", newer), sealed, context},
		"newer key, older ring":  {before, after.Seal([]byte("hello"), context), context},
		"nothing":                {before, nil, context},
		"shorter than its frame": {before, sealed[:secret.Overhead-1], context},
		"a byte more":            {before, append(bytes.Clone(sealed), 0), context},
	} {
		if got, err := c.ring.Open(c.sealed, c.context); !errors.Is(err, secret.ErrOpen) || got != nil {
			t.Errorf("%s: Open = %q, %v", name, got, err)
		}
	}
	for n := range sealed {
		if _, err := before.Open(sealed[:n], context); !errors.Is(err, secret.ErrOpen) {
			t.Errorf("cut to %d bytes: %v", n, err)
		}
		changed := bytes.Clone(sealed)
		changed[n] ^= 1
		if _, err := before.Open(changed, context); !errors.Is(err, secret.ErrOpen) {
			t.Errorf("byte %d changed: %v", n, err)
		}
	}
}

// TestSealUntil holds the format fixed: it is that of cookies which browsers have.
func TestSealUntil(t *testing.T) {
	r, context := ring(t, "cookie", newer), []byte("session")
	until := time.Date(2030, 1, 2, 3, 4, 5, 678901999, time.FixedZone("", 3600))
	want := until.Truncate(time.Microsecond).UTC()
	fixed := r.SealString([]byte("\x00\x06\xba\x2c\x6d\xea\x8b\x35"+"hello"), context)
	for name, sealed := range map[string]string{"sealed by us": r.SealUntil([]byte("hello"), context, until), "sealed before": fixed} {
		if got, at, err := r.OpenUntil(sealed, context); err != nil || string(got) != "hello" || at != want {
			t.Errorf("%s: OpenUntil = %q, %s, %v; want until %s", name, got, at, err, want)
		}
		if got, _, err := r.OpenUntil(sealed, nil); !errors.Is(err, secret.ErrOpen) || got != nil {
			t.Errorf("%s, in another context: OpenUntil = %q, %v", name, got, err)
		}
	}
	if got, _, err := r.OpenUntil(r.SealUntil(nil, context, until), context); err != nil || len(got) != 0 {
		t.Errorf("nothing: OpenUntil = %q, %v", got, err)
	}
	if got, _, err := r.OpenUntil(r.SealString([]byte("shorter"), context), context); !errors.Is(err, secret.ErrOpen) || got != nil {
		t.Errorf("sealed without an end: OpenUntil = %q, %v", got, err)
	}
}

func TestSealString(t *testing.T) {
	r := ring(t, "cookie", newer)
	context := []byte("session")
	// The lengths give base64 of all three kinds of ending.
	for _, plaintext := range []string{"", "a", "ab", "abc"} {
		sealed := r.SealString([]byte(plaintext), context)
		if got, err := r.OpenString(sealed, context); err != nil || string(got) != plaintext {
			t.Errorf("OpenString(%q) = %q, %v", sealed, got, err)
		}
		for i := range sealed {
			// The next letter of the alphabet differs in the lowest bit at
			// least, which may be one that a lax decoder ignores.
			for _, with := range []string{"", "\n", "=", "+", "é", next(sealed[i])} {
				if _, err := r.OpenString(sealed[:i]+with+sealed[i+1:], context); !errors.Is(err, secret.ErrOpen) {
					t.Errorf("%q at %d of %q: %v", with, i, sealed, err)
				}
			}
		}
		for _, spelling := range []string{sealed + "\n", "\r\n" + sealed, sealed + "=", sealed + "A", " " + sealed} {
			if _, err := r.OpenString(spelling, context); !errors.Is(err, secret.ErrOpen) {
				t.Errorf("%q: %v", spelling, err)
			}
		}
	}
}

func next(letter byte) string {
	const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
	return string(alphabet[strings.IndexByte(alphabet, letter)^1])
}

func FuzzOpenString(f *testing.F) {
	r := ring(f, "session", newer, older)
	// A constant, as each of the fuzzer's processes must know the same one.
	const genuine = sealedHello
	for _, seed := range []string{"", "A", genuine, genuine[1:], genuine + "\n", "ory_st_", "\x00"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, sealed string) {
		got, err := r.OpenString(sealed, []byte("here"))
		if sealed == genuine {
			if err != nil || string(got) != "hello" {
				t.Errorf("the genuine value: %q, %v", got, err)
			}
			return
		}
		if !errors.Is(err, secret.ErrOpen) || got != nil {
			t.Errorf("OpenString(%q) = %q, %v", sealed, got, err)
		}
	})
}

func BenchmarkHash(b *testing.B) {
	r := ring(b, "session", newer)
	token := secret.Token("ory_st_", 32)
	b.ReportAllocs()
	for b.Loop() {
		r.Hash(token)
	}
}

func BenchmarkOpenString(b *testing.B) {
	r := ring(b, "cookie", newer)
	sealed := r.SealString(secret.Bytes(64), []byte("session"))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := r.OpenString(sealed, []byte("session")); err != nil {
			b.Fatal(err)
		}
	}
}
