package secret

import "crypto/rand"

const (
	alphanumerics = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
	digits        = "0123456789"
	// readable are letters and digits that nobody takes for one another on paper.
	readable = "abcdefghjkmnpqrstuvwxyz23456789"
)

// Token makes a random token: the prefix and n characters of A-Z, a-z and 0-9,
// 5.95 bits each. 32 of them are beyond guessing (RFC 6749 section 10.10 asks
// for 128 bits, these are 190).
func Token(prefix string, n int) string { return random(prefix, n, alphanumerics) }

// Digits makes a random numeric code of n digits. It may begin with zeros.
func Digits(n int) string { return random("", n, digits) }

// Readable makes a random code of n letters and digits for people to write down,
// 4.95 bits each, without l, o, i, 0 and 1. Eight of them are 39 bits: enough
// where guesses are counted (NIST SP 800-63B-4 section 3.1.2 asks for 20).
func Readable(n int) string { return random("", n, readable) }

// Bytes makes n random bytes.
func Bytes(n int) []byte {
	b := make([]byte, n)
	rand.Read(b) // never fails: the runtime ends the program if the system has no randomness
	return b
}

// random appends n letters of the alphabet to the prefix, each equally likely:
// a random byte beyond the last whole multiple of the alphabet's length is
// thrown away, as a plain remainder would favour the first letters.
func random(prefix string, n int, alphabet string) string {
	limit := 256 - 256%len(alphabet)
	out := make([]byte, len(prefix), len(prefix)+n)
	copy(out, prefix)
	var pool [64]byte
	for {
		rand.Read(pool[:])
		for _, b := range pool {
			if len(out) == len(prefix)+n {
				return string(out)
			}
			if int(b) < limit {
				out = append(out, alphabet[int(b)%len(alphabet)])
			}
		}
	}
}
