package hash

import (
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"time"

	"golang.org/x/crypto/bcrypt"
)

// What can be wrong with a hash or a password. Those about hashes are wrapped
// with what exactly is wrong; no error contains any part of either.
var (
	// ErrUnknownFormat is a hash that no known system makes.
	ErrUnknownFormat = errors.New("the password hash has no known format")
	// ErrMalformed is a hash of a known format that breaks its rules.
	ErrMalformed = errors.New("the password hash cannot be read")
	// ErrTooExpensive is a hash that would take too long to verify: beyond the
	// bounds of its parameters or, for a new one, beyond maxImportCost.
	ErrTooExpensive = errors.New("the password hash asks for more work than is allowed")
	// ErrTooLong is a password of more than MaxPassword bytes.
	ErrTooLong = fmt.Errorf("the password is longer than %d bytes", MaxPassword)
)

// Check says whether a hash of another system can be taken over: nil, or an
// error that is ErrUnknownFormat, ErrMalformed or ErrTooExpensive. It costs
// nothing.
func Check(encoded string) error {
	s, err := parse(encoded)
	if err != nil {
		return err
	}
	if s.cost > maxImportCost {
		return fmt.Errorf("%w: each sign-in would take about %s, and at most %s are allowed",
			ErrTooExpensive, s.cost.Round(100*time.Millisecond), maxImportCost)
	}
	return nil
}

// NeedsRehash says whether a hash is not what the parameters would now give for
// a password of this many bytes: another algorithm, other costs, or a hash that
// cannot be read.
func NeedsRehash(encoded string, p Params, passwordLen int) bool {
	p, err := p.WithDefaults()
	if err != nil {
		return false // there is nothing sound to change it into
	}
	s, err := parse(encoded)
	if err != nil {
		return true
	}
	if p.algorithmFor(passwordLen) == AlgorithmBcrypt {
		return s.bcryptCost != p.BcryptCost
	}
	return s.argon2id != p.Argon2
}

// generate hashes a password. The parameters are complete and sound.
func generate(password string, p Params, mem *memory) (string, error) {
	if len(password) > MaxPassword {
		return "", ErrTooLong
	}
	if p.algorithmFor(len(password)) == AlgorithmBcrypt {
		encoded, err := bcrypt.GenerateFromPassword([]byte(password), p.BcryptCost)
		return string(encoded), err
	}
	salt := make([]byte, p.Argon2.SaltLength)
	rand.Read(salt)
	return p.Argon2.encode(salt, argon2(argon2id, password, salt, p.Argon2, mem)), nil
}

// encode writes an argon2id hash in the PHC string format.
func (a Argon2) encode(salt, key []byte) string {
	return fmt.Sprintf("$argon2id$v=%d$m=%d,t=%d,p=%d$%s$%s", argon2Version, a.MemoryKiB, a.Iterations, a.Parallelism,
		base64.RawStdEncoding.EncodeToString(salt), base64.RawStdEncoding.EncodeToString(key))
}

// dummy is a hash that no password is known for, with the parameters that a
// password of this many bytes is hashed with: verifying it is the same work as
// verifying a real one. It is made of noise, and so costs nothing to make.
func (p Params) dummy(passwordLen int) string {
	if p.algorithmFor(passwordLen) == AlgorithmBcrypt {
		// 53 letters of bcrypt's own base64: salt and key. The last letter of
		// each holds bits that are always zero, as "." is.
		letters := make([]byte, bcryptLetters)
		rand.Read(letters)
		for i, b := range letters {
			letters[i] = cryptAlphabet[b%64]
		}
		letters[21], letters[52] = '.', '.'
		return fmt.Sprintf("$2a$%02d$%s", p.BcryptCost, letters)
	}
	noise := make([]byte, p.Argon2.SaltLength+p.Argon2.KeyLength)
	rand.Read(noise)
	return p.Argon2.encode(noise[:p.Argon2.SaltLength], noise[p.Argon2.SaltLength:])
}
