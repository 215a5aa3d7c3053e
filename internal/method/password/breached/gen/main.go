// Command gen makes common.bin, which package breached embeds, from a plain
// list of passwords, one a line. Passwords of fewer than six characters are
// left out: no policy allows them.
package main

import (
	"bufio"
	"crypto/sha256"
	"flag"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"unicode/utf8"
)

const (
	minLength = 6 // code points
	entrySize = 5 // bytes
)

func main() {
	list := flag.String("list", "common.txt", "the list to read, one password a line")
	out := flag.String("out", "common.bin", "the file to write")
	flag.Parse()
	if err := run(*list, *out); err != nil {
		fmt.Fprintln(os.Stderr, "gen:", err)
		os.Exit(1)
	}
}

func run(list, out string) error {
	in, err := os.Open(list)
	if err != nil {
		return err
	}
	defer in.Close()
	entries, err := read(in)
	if err != nil {
		return fmt.Errorf("%s: %w", list, err)
	}
	return os.WriteFile(out, []byte(strings.Join(entries, "")), 0o644)
}

// read gives the sorted entries of the passwords in a list.
func read(list io.Reader) ([]string, error) {
	var entries []string
	lines := bufio.NewScanner(list)
	for lines.Scan() {
		password := strings.ToLower(lines.Text())
		if utf8.RuneCountInString(password) < minLength {
			continue
		}
		hash := sha256.Sum256([]byte(password))
		entries = append(entries, string(hash[:entrySize]))
	}
	slices.Sort(entries)
	return slices.Compact(entries), lines.Err()
}
