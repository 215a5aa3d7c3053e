package breached

import (
	"slices"
	"strings"
	"testing"
)

func TestCommon(t *testing.T) {
	for password, want := range map[string]bool{
		"123456":                  true,
		"password":                true,
		"PassWord123":             true,
		"qwertyuiop":              true,
		"iloveyou1":               true,
		"":                        false,
		"12345":                   false, // too short to be listed
		"password ":               false,
		"correct-horse-battery-7": false,
		"another-horse-9":         false,
		"\x00\xff":                false,
	} {
		if got := Common(password); got != want {
			t.Errorf("Common(%q) = %v", password, got)
		}
	}
	if Common(strings.Repeat("password", 100_000)) {
		t.Error("a very long password is common")
	}
}

// TestFile checks what the search relies on: whole entries in strict order. The
// first and the last must be found like any other.
func TestFile(t *testing.T) {
	if len(common)%entrySize != 0 {
		t.Fatalf("%d bytes are no whole number of entries", len(common))
	}
	var entries []string
	for i := 0; i < len(common); i += entrySize {
		entries = append(entries, common[i:i+entrySize])
	}
	if len(entries) < 40_000 {
		t.Errorf("only %d entries", len(entries))
	}
	if !slices.IsSorted(entries) || len(slices.Compact(slices.Clone(entries))) != len(entries) {
		t.Error("the entries are not sorted, or one is there twice")
	}
}
