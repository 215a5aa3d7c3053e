package main

import (
	"crypto/sha256"
	"os"
	"path/filepath"
	"slices"
	"testing"
)

func TestRun(t *testing.T) {
	list := filepath.Join(t.TempDir(), "list.txt")
	out := filepath.Join(t.TempDir(), "list.bin")
	// Windows line ends, a word twice, one too short in characters though not in bytes.
	if err := os.WriteFile(list, []byte("password\r\n\nPassword\nqwerty\nпароль\nсоль\n12345"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := run(list, out); err != nil {
		t.Fatal(err)
	}
	var want []string
	for _, password := range []string{"password", "qwerty", "пароль"} {
		hash := sha256.Sum256([]byte(password))
		want = append(want, string(hash[:5]))
	}
	slices.Sort(want)
	got, err := os.ReadFile(out)
	if err != nil {
		t.Fatal(err)
	}
	if string(got) != want[0]+want[1]+want[2] {
		t.Errorf("%x, want %x", got, want)
	}
	if err := run(filepath.Join(t.TempDir(), "none.txt"), out); err == nil {
		t.Error("no error without a list")
	}
}
