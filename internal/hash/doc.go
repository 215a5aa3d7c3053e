// Package hash turns passwords into hashes and back into a yes or a no.
//
// New hashes are argon2id (RFC 9106) or bcrypt, as Params say. bcrypt reads
// 72 bytes of a password and no more, so a longer one is always hashed with
// argon2id and never cut. Hashes that other systems made are verified too;
// parse.go lists their layouts. None of them is ever made here, and
// NeedsRehash tells the caller to replace one at the next sign-in.
//
// An answer of no costs about as much for an account that does not exist as for
// one that does, whatever kind of hash that has; see Pool.Verify. What a hash
// costs is estimated in cost.go, which also bounds those that are imported.
//
// All of this work goes through a Pool. The queue before it is bounded by number
// and by time. It has a fixed number of workers, each on an OS thread of its own
// that runs at the lowest priority, so that the requests that hash nothing do
// not wait for those that do. Two things follow for the program that owns the
// pool:
//
//   - A worker keeps one of Go's processors (P) to itself for as long as it
//     computes. Options.Threads says how many do: call runtime.GOMAXPROCS(cores + n)
//     there, to give those back to everybody else. More than are used cost something
//     too: Go wakes threads for them.
//   - Memory is bounded: a worker holds the memory of one argon2 or scrypt
//     hash, so at most Workers times the largest memory in use. That is the
//     configured argon2 memory, or that of an imported hash where it is larger
//     (up to 1 GiB for argon2, 128 MiB for scrypt).
//
// argon2.go is our own because of the first point: golang.org/x/crypto/argon2
// hands its work to goroutines, which run on other threads at full priority.
// The tests compare the two.
package hash
