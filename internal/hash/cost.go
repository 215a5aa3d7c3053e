package hash

import "time"

// maxImportCost is what a hash may cost at most to be taken over from another
// system. The bounds in params.go hold for each parameter by itself and are the
// documented ones of the import; this is a bound within them, because several
// parameters at their bounds ask for ten seconds of work, which anybody can
// order by guessing. A hash that is stored already is held to params.go alone:
// its owner must be able to sign in.
const maxImportCost = 2 * time.Second

// About how long one unit of each kind of work takes on one core of an ordinary
// server of these years. They need not be exact: they tell what is far too
// expensive, and which of two hashes costs clearly less.
//
//	bcrypt         bcryptTime × 2^cost
//	argon2         argon2Time × passes × KiB
//	pbkdf2         pbkdf2Time × rounds × digests in the key; twice that for 64-bit SHA-2
//	scrypt         scryptTime × N × r × p
//	crypt(3)       cryptRoundTime × rounds, for a password of ordinary length
//	single digest  nothing
const (
	bcryptTime     = 60 * time.Microsecond
	argon2Time     = 1100 * time.Nanosecond
	pbkdf2Time     = 250 * time.Nanosecond
	scryptTime     = 300 * time.Nanosecond
	cryptRoundTime = 200 * time.Nanosecond
)

func argon2Cost(a Argon2) time.Duration {
	return time.Duration(a.Iterations) * time.Duration(max(a.MemoryKiB, 8*a.Parallelism)) * argon2Time
}

// pbkdf2Cost is that of a key of so many bytes, made with a digest of size
// bytes.
func pbkdf2Cost(size, rounds, key int) time.Duration {
	round := pbkdf2Time
	if size > 32 {
		round *= 2
	}
	return time.Duration(rounds) * time.Duration((key+size-1)/size) * round
}

func scryptCost(n, r, p int) time.Duration {
	return time.Duration(n) * time.Duration(r) * time.Duration(p) * scryptTime
}
