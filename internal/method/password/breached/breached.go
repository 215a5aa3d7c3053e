package breached

import (
	"crypto/sha256"
	_ "embed"
	"sort"
	"strings"
)

//go:embed common.bin
var common string

// entrySize is the length of an entry of common.bin in bytes.
const entrySize = 5

// Common says whether a password is among the most common ones, in any mix of
// capital and small letters.
func Common(password string) bool {
	hash := sha256.Sum256([]byte(strings.ToLower(password)))
	want := string(hash[:entrySize])
	entry := func(i int) string { return common[i*entrySize : (i+1)*entrySize] }
	_, found := sort.Find(len(common)/entrySize, func(i int) int { return strings.Compare(want, entry(i)) })
	return found
}
