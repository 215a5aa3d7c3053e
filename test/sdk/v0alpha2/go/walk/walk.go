// Package walk has what the walks with the clients of the v0alpha2 era share.
package walk

import (
	"crypto/rand"
	"net/http"
	"os"
	"strings"
	"testing"
)

// Public is the base URL of the public API under its prefix.
func Public(t *testing.T) string { return Environ(t, "ZELUS_PUBLIC") + "/api/kratos/public" }

// Admin is the base URL of the admin API; the clients add /admin themselves.
func Admin(t *testing.T) string { return Environ(t, "ZELUS_PUBLIC") + "/api/kratos" }

// Environ reads a variable that must be set.
func Environ(t *testing.T, name string) string {
	t.Helper()
	value := os.Getenv(name)
	if value == "" {
		t.Fatalf("%s must be set: it is the base URL of a running server, or a key for its admin API", name)
	}
	return value
}

// Must fails where an answer was not the expected one. It reads the body that
// the clients keep in their errors.
func Must(t *testing.T, what string, want int, res *http.Response, err error) {
	t.Helper()
	got := 0
	if res != nil {
		got = res.StatusCode
	}
	if got == want && (err == nil) == (want < 400) {
		return
	}
	body := ""
	if e, ok := err.(interface{ Body() []byte }); ok {
		body = string(e.Body())
	}
	t.Fatalf("%s: status %d, want %d: %v %s", what, got, want, err, body)
}

// Email is an address that nobody has.
func Email() string { return strings.ToLower(rand.Text()) + "@example.org" }
