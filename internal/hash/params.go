package hash

import "fmt"

// The algorithms for new hashes, as the setting hashers.algorithm names them.
const (
	AlgorithmArgon2 = "argon2"
	AlgorithmBcrypt = "bcrypt"
)

// MaxPassword is the longest password in bytes that is hashed at all. It bounds
// the work that a request can cause, and has room for 1024 characters of any
// script.
const MaxPassword = 4096

// maxBcryptPassword is how many bytes of a password bcrypt reads.
const maxBcryptPassword = 72

// Bounds of cost, for new hashes as well as for those that are verified: beyond
// them one sign-in would keep a worker for longer than people wait.
const (
	minBcryptCost     = 4
	maxBcryptCost     = 15
	maxArgon2Memory   = 1 << 20 // KiB: 1 GiB
	maxArgon2Passes   = 10
	maxArgon2Lanes    = 16
	maxPBKDF2Rounds   = 10_000_000
	maxScryptN        = 1 << 17
	maxScryptR        = 8
	maxScryptP        = 10
	maxFirescryptLogN = 17
	maxSHACryptRounds = 1_000_000
)

// Params say how new passwords are hashed. A zero field takes its default.
type Params struct {
	// Algorithm is AlgorithmArgon2 or AlgorithmBcrypt, the default.
	Algorithm string
	// BcryptCost is the binary logarithm of the number of rounds, 4 to 15;
	// the default is 12.
	BcryptCost int
	// Argon2 also serves passwords of more than 72 bytes where bcrypt is
	// configured.
	Argon2 Argon2
}

// Argon2 are the parameters of argon2id (RFC 9106 section 3.1). The defaults
// are the OWASP minimum (Password Storage Cheat Sheet): 19 MiB, two passes, one
// lane. They depend on nothing of the machine, so that all nodes make the same
// hashes.
type Argon2 struct {
	MemoryKiB   int // at least 8 for each lane, at most 1 GiB; default 19456
	Iterations  int // passes over the memory, 1 to 10; default 2
	Parallelism int // lanes, 1 to 16; default 1; they are computed one after the other
	SaltLength  int // bytes, 16 to 128; default 16
	KeyLength   int // bytes, 16 to 128; default 32
}

// WithDefaults fills the zero fields and checks all of them. The error names
// the setting.
func (p Params) WithDefaults() (Params, error) {
	if p.Algorithm == "" {
		p.Algorithm = AlgorithmBcrypt
	}
	if p.Algorithm != AlgorithmArgon2 && p.Algorithm != AlgorithmBcrypt {
		return p, fmt.Errorf("hashers.algorithm is %q, must be %q or %q", p.Algorithm, AlgorithmArgon2, AlgorithmBcrypt)
	}
	a := &p.Argon2
	for _, field := range []struct {
		setting string
		value   *int
		byItself,
		least, most int
	}{
		{"hashers.bcrypt.cost", &p.BcryptCost, 12, minBcryptCost, maxBcryptCost},
		{"hashers.argon2.iterations", &a.Iterations, 2, 1, maxArgon2Passes},
		{"hashers.argon2.parallelism", &a.Parallelism, 1, 1, maxArgon2Lanes},
		{"hashers.argon2.memory (KiB)", &a.MemoryKiB, 19 << 10, 8 * max(1, a.Parallelism), maxArgon2Memory},
		{"hashers.argon2.salt_length", &a.SaltLength, 16, 16, 128},
		{"hashers.argon2.key_length", &a.KeyLength, 32, 16, maxDigest},
	} {
		if *field.value == 0 {
			*field.value = field.byItself
		}
		if *field.value < field.least || *field.value > field.most {
			return p, fmt.Errorf("%s is %d, must be between %d and %d", field.setting, *field.value, field.least, field.most)
		}
	}
	return p, nil
}

// algorithmFor says which algorithm a password of this many bytes is hashed with.
func (p Params) algorithmFor(passwordLen int) string {
	if passwordLen > maxBcryptPassword {
		return AlgorithmArgon2
	}
	return p.Algorithm
}
