package hash

import (
	"bytes"
	"crypto/md5"
	"hash"
)

// The hashes of crypt(3), as old Unix systems and much software modelled on
// them keep them.

const (
	// cryptAlphabet are the digits of crypt(3)'s own base64. Those of bcrypt
	// are the same in another order.
	cryptAlphabet = "./0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
	// maxCryptPassword is the longest password in bytes that crypt(3) accepts
	// on the systems in use. The cost of these hashes grows with the length of
	// the password, and a longer one was never hashed.
	maxCryptPassword = 511
	// md5CryptLetters is the length of an md5-crypt hash.
	md5CryptLetters = 22
)

// md5Crypt is crypt(3) $1$, by Poul-Henning Kamp: the hash's letters. Only
// eight bytes of the salt count.
func md5Crypt(password, saltText string) []byte {
	key, salt := []byte(password), []byte(saltText[:min(len(saltText), 8)])
	other := md5.Sum(bytes.Join([][]byte{key, salt, key}, nil))
	first := bytes.Join([][]byte{key, []byte("$1$"), salt, stretch(other[:], len(key))}, nil)
	for n := len(key); n > 0; n >>= 1 {
		if n&1 == 1 {
			first = append(first, 0)
		} else {
			first = append(first, key[0])
		}
	}
	d := md5.Sum(first)
	var round []byte
	for i := range 1000 {
		round = cryptRound(round[:0], i, d[:], key, salt)
		d = md5.Sum(round)
	}

	var out []byte
	for i := range 4 {
		out = letters(out, d[i], d[i+6], d[i+12], 4)
	}
	out = letters(out, d[4], d[10], d[5], 4)
	return letters(out, 0, 0, d[11], 2)
}

// shaCrypt is one of the two hashes of Ulrich Drepper's "Unix crypt using
// SHA-256 and SHA-512".
type shaCrypt struct {
	digest  func() hash.Hash
	letters int // length of the hash in letters
	turn    int // how the three thirds of the digest change places from letters to letters
}

// hash is crypt(3) $5$ or $6$: the hash's letters. Only sixteen bytes of the
// salt count.
func (c shaCrypt) hash(password, saltText string, rounds int) []byte {
	h := c.digest()
	of := func(parts ...[]byte) []byte {
		h.Reset()
		for _, part := range parts {
			h.Write(part)
		}
		return h.Sum(nil)
	}
	key, salt := []byte(password), []byte(saltText[:min(len(saltText), 16)])

	other := of(key, salt, key)
	first := bytes.Join([][]byte{key, salt, stretch(other, len(key))}, nil)
	for n := len(key); n > 0; n >>= 1 {
		if n&1 == 1 {
			first = append(first, other...)
		} else {
			first = append(first, key...)
		}
	}
	d := of(first)
	p := stretch(of(bytes.Repeat(key, len(key))), len(key))
	s := stretch(of(bytes.Repeat(salt, 16+int(d[0]))), len(salt))
	var round []byte
	for i := range rounds {
		round = cryptRound(round[:0], i, d, p, s)
		h.Reset()
		h.Write(round)
		d = h.Sum(d[:0])
	}

	var out []byte
	third := len(d) / 3
	at := [3]int{0, third, 2 * third}
	for range third {
		out = letters(out, d[at[0]], d[at[1]], d[at[2]], 4)
		at = [3]int{at[c.turn%3] + 1, at[(c.turn+1)%3] + 1, at[(c.turn+2)%3] + 1}
	}
	rest := append(d[3*third:], 0) // two bytes, or one with nothing above it
	return letters(out, 0, rest[1], rest[0], c.letters-len(out))
}

// cryptRound appends to dst what round i hashes: d, which is the result of the
// round before, the key and the salt, in a changing order.
func cryptRound(dst []byte, i int, d, key, salt []byte) []byte {
	begin, end := d, key
	if i%2 == 1 {
		begin, end = key, d
	}
	dst = append(dst, begin...)
	if i%3 != 0 {
		dst = append(dst, salt...)
	}
	if i%7 != 0 {
		dst = append(dst, key...)
	}
	return append(dst, end...)
}

// stretch repeats b up to n bytes.
func stretch(b []byte, n int) []byte { return bytes.Repeat(b, n/len(b)+1)[:n] }

// letters appends n letters for the 24 bits of three bytes, the lowest first.
func letters(dst []byte, high, middle, low byte, n int) []byte {
	v := uint(high)<<16 | uint(middle)<<8 | uint(low)
	for range n {
		dst = append(dst, cryptAlphabet[v&63])
		v >>= 6
	}
	return dst
}
