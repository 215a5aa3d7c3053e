package hash

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"crypto/hmac"
	"crypto/md5"
	"crypto/pbkdf2"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/sha512"
	"crypto/subtle"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"hash"
	"strconv"
	"strings"
	"time"

	"golang.org/x/crypto/bcrypt"
	//lint:ignore SA1019 some systems still hold such hashes; they are only ever verified
	"golang.org/x/crypto/md4"
	"golang.org/x/crypto/scrypt"
)

const (
	// maxEncoded is the longest hash in bytes that is looked at. It also bounds
	// what the short formats without costs can ask for.
	maxEncoded = 4096
	// minDigest and maxDigest bound the bytes that are compared. With none, any
	// password would do.
	minDigest = 8
	maxDigest = 128
	// bcryptLetters is the length of salt and key of a bcrypt hash.
	bcryptLetters = 53
)

// base64 with and without padding. PHC strings have one spelling only.
var (
	padded   = base64.StdEncoding
	unpadded = base64.RawStdEncoding.Strict()
)

// stored is a hash that was read and found sound.
type stored struct {
	// compute does the work for a password of at most longest bytes. It uses
	// mem where it needs much memory.
	compute func(password string, mem *memory) bool
	longest int
	// cost is about how long that takes; see cost.go.
	cost time.Duration
	// argon2id and bcryptCost are the parameters of a hash of that kind.
	argon2id   Argon2
	bcryptCost int
}

// fits says whether the hash can be that of a password of this length.
func (s stored) fits(password string) bool { return len(password) <= s.longest }

// matches says whether the hash is that of the password. One that does not fit
// costs nothing.
func (s stored) matches(password string, mem *memory) bool {
	return s.fits(password) && s.compute(password, mem)
}

// parse reads a hash of any of these layouts, where base64 is the standard
// alphabet (RFC 4648 section 4) with padding unless said otherwise:
//
//	$2a$ $2b$ $2y$ $2$ $2z$                  bcrypt as usual
//	$argon2id$v=19$m=…,t=…,p=…$salt$hash     base64 without padding; also argon2i; m in KiB
//	$pbkdf2-sha256$i=…,l=…$salt$hash         base64 without padding; also sha1, sha224, sha384, sha512 (SHA-2)
//	$scrypt$ln=N,r=…,p=…$salt$hash           ln is N itself, not its logarithm
//	$firescrypt$ln=…,r=…,p=…$salt$hash$separator$signer
//	                                         Firebase's own scrypt; here ln is the logarithm
//	{SSHA}…  {SSHA256}…  {SSHA512}…          RFC 2307 style: digest and salt together
//	$sha1$pf=template$salt$hash              also sha256, sha512; the template has {SALT} and {PASSWORD}
//	$md5$hash  $md5$pf=template$salt$hash
//	$hmac-sha256$hash$key                    also md4, md5, sha1, sha224, sha384, sha512; hash is hexadecimal in base64
//	$md5-crypt$salt$hash                     crypt(3) $1$
//	$sha256-crypt$rounds=…$salt$hash         crypt(3) $5$; also sha512-crypt, $6$; rounds may be absent
func parse(encoded string) (stored, error) {
	if strings.ContainsFunc(encoded, func(r rune) bool { return r < '!' || r > '~' }) {
		// Also because base64 decoders overlook line breaks.
		return stored{}, fmt.Errorf("%w: it has characters other than printable ASCII", ErrUnknownFormat)
	}
	if strings.HasPrefix(encoded, "{") {
		name, rest, _ := strings.Cut(encoded[1:], "}")
		return parseSSHA(name, rest)
	}
	if !strings.HasPrefix(encoded, "$") {
		return stored{}, ErrUnknownFormat
	}
	name, rest, ok := strings.Cut(encoded[1:], "$")
	if !ok {
		return stored{}, ErrUnknownFormat
	}
	if len(encoded) > maxEncoded {
		return stored{}, fmt.Errorf("%w: it is longer than %d bytes", ErrMalformed, maxEncoded)
	}
	fields := strings.Split(rest, "$")
	switch name {
	case "2", "2a", "2b", "2y", "2z":
		return parseBcrypt(encoded, fields)
	case "argon2id":
		return parseArgon2(argon2id, fields)
	case "argon2i":
		return parseArgon2(argon2i, fields)
	case "pbkdf2-sha1", "pbkdf2-sha224", "pbkdf2-sha256", "pbkdf2-sha384", "pbkdf2-sha512":
		return parsePBKDF2(digest(strings.TrimPrefix(name, "pbkdf2-")), fields)
	case "scrypt":
		return parseScrypt(fields)
	case "firescrypt":
		return parseFirescrypt(fields)
	case "sha1", "sha256", "sha512":
		return parseTemplate(digest(name), fields)
	case "md5":
		if len(fields) == 1 {
			return parseMD5(fields[0])
		}
		return parseTemplate(md5.New, fields)
	case "hmac-md4", "hmac-md5", "hmac-sha1", "hmac-sha224", "hmac-sha256", "hmac-sha384", "hmac-sha512":
		return parseHMAC(digest(strings.TrimPrefix(name, "hmac-")), fields)
	case "md5-crypt":
		return parseMD5Crypt(fields)
	case "sha256-crypt":
		return parseSHACrypt(shaCrypt{digest: sha256.New, letters: 43, turn: 2}, fields)
	case "sha512-crypt":
		return parseSHACrypt(shaCrypt{digest: sha512.New, letters: 86, turn: 1}, fields)
	}
	return stored{}, ErrUnknownFormat
}

// digest is the hash function of a name that parse knows.
func digest(name string) func() hash.Hash {
	switch name {
	case "md4":
		return md4.New
	case "md5":
		return md5.New
	case "sha1":
		return sha1.New
	case "sha224":
		return sha256.New224
	case "sha256":
		return sha256.New
	case "sha384":
		return sha512.New384
	}
	return sha512.New
}

func parseBcrypt(encoded string, fields []string) (stored, error) {
	if len(fields) != 2 || len(fields[0]) != 2 || len(fields[1]) != bcryptLetters || strings.Trim(fields[1], cryptAlphabet) != "" {
		return stored{}, malformed("it is not a cost of two digits and %d letters of salt and key", bcryptLetters)
	}
	cost, err := number("cost", fields[0], minBcryptCost, maxBcryptCost)
	if err != nil {
		return stored{}, err
	}
	// bcrypt reads no more than longest, so a longer password was never hashed
	// with it and must not match by its first bytes.
	return stored{bcryptCost: cost, longest: maxBcryptPassword, cost: bcryptTime << cost, compute: func(password string, _ *memory) bool {
		return bcrypt.CompareHashAndPassword([]byte(encoded), []byte(password)) == nil
	}}, nil
}

func parseArgon2(variant uint64, fields []string) (stored, error) {
	if len(fields) != 4 {
		return stored{}, malformed("it has not the parts v, parameters, salt and hash")
	}
	if fields[0] != "v=19" {
		return stored{}, malformed("it is of another version of argon2 than v=19")
	}
	var a Argon2
	err := numbers(fields[1],
		parameter{"m", &a.MemoryKiB, maxArgon2Memory}, parameter{"t", &a.Iterations, maxArgon2Passes}, parameter{"p", &a.Parallelism, maxArgon2Lanes})
	if err != nil {
		return stored{}, err
	}
	salt, want, err := saltAndHash(unpadded, fields[2], fields[3])
	if err != nil {
		return stored{}, err
	}
	a.SaltLength, a.KeyLength = len(salt), len(want)
	s := stored{longest: MaxPassword, cost: argon2Cost(a), compute: func(password string, mem *memory) bool {
		return equal(argon2(variant, password, salt, a, mem), want)
	}}
	if variant == argon2id {
		s.argon2id = a
	}
	return s, nil
}

func parsePBKDF2(newHash func() hash.Hash, fields []string) (stored, error) {
	if len(fields) != 3 {
		return stored{}, malformed("it has not the parts parameters, salt and hash")
	}
	// The length is part of the layout, but that of the hash is what counts.
	var iterations, length int
	err := numbers(fields[0], parameter{"i", &iterations, maxPBKDF2Rounds}, parameter{"l", &length, maxEncoded})
	if err != nil {
		return stored{}, err
	}
	salt, want, err := saltAndHash(unpadded, fields[1], fields[2])
	if err != nil {
		return stored{}, err
	}
	return stored{longest: MaxPassword, cost: pbkdf2Cost(newHash().Size(), iterations, len(want)), compute: func(password string, _ *memory) bool {
		got, err := pbkdf2.Key(newHash, password, salt, iterations, len(want))
		return err == nil && equal(got, want)
	}}, nil
}

func parseScrypt(fields []string) (stored, error) {
	if len(fields) != 3 {
		return stored{}, malformed("it has not the parts parameters, salt and hash")
	}
	var n, r, p int
	err := numbers(fields[0], parameter{"ln", &n, maxScryptN}, parameter{"r", &r, maxScryptR}, parameter{"p", &p, maxScryptP})
	if err != nil {
		return stored{}, err
	}
	if n < 2 || n&(n-1) != 0 {
		return stored{}, malformed("ln must be a power of two (it is N itself, not its logarithm)")
	}
	salt, want, err := saltAndHash(padded, fields[1], fields[2])
	if err != nil {
		return stored{}, err
	}
	return stored{longest: MaxPassword, cost: scryptCost(n, r, p), compute: func(password string, _ *memory) bool {
		got, err := scrypt.Key([]byte(password), salt, n, r, p, len(want))
		return err == nil && equal(got, want)
	}}, nil
}

// parseFirescrypt reads the format of Firebase Authentication: the signer key
// of the Firebase project is encrypted (AES-256-CTR, counter from zero) with
// what scrypt makes of the password, and that is the hash.
func parseFirescrypt(fields []string) (stored, error) {
	if len(fields) != 5 {
		return stored{}, malformed("it has not the parts parameters, salt, hash, salt separator and signer key")
	}
	var logN, r, p int
	err := numbers(fields[0], parameter{"ln", &logN, maxFirescryptLogN}, parameter{"r", &r, maxScryptR}, parameter{"p", &p, maxScryptP})
	if err != nil {
		return stored{}, err
	}
	salt, want, err := saltAndHash(padded, fields[1], fields[2])
	if err != nil {
		return stored{}, err
	}
	separator, err := padded.DecodeString(fields[3])
	if err != nil {
		return stored{}, malformed("the salt separator is not base64")
	}
	signer, err := padded.DecodeString(fields[4])
	if err != nil || len(signer) != len(want) {
		return stored{}, malformed("the signer key is not base64 or not as long as the hash")
	}
	salt = append(salt, separator...)
	return stored{longest: MaxPassword, cost: scryptCost(1<<logN, r, p), compute: func(password string, _ *memory) bool {
		key, err := scrypt.Key([]byte(password), salt, 1<<logN, r, p, 32)
		if err != nil {
			return false
		}
		signing, err := aes.NewCipher(key)
		if err != nil {
			return false
		}
		got := make([]byte, len(signer))
		cipher.NewCTR(signing, make([]byte, aes.BlockSize)).XORKeyStream(got, signer)
		return equal(got, want)
	}}, nil
}

func parseSSHA(name, rest string) (stored, error) {
	var newHash func() hash.Hash
	switch name {
	case "SSHA":
		newHash = sha1.New
	case "SSHA256":
		newHash = sha256.New
	case "SSHA512":
		newHash = sha512.New
	default:
		return stored{}, ErrUnknownFormat
	}
	if len(rest) > maxEncoded {
		return stored{}, malformed("it is longer than %d bytes", maxEncoded)
	}
	both, err := padded.DecodeString(rest)
	size := newHash().Size()
	if err != nil || len(both) <= size {
		return stored{}, malformed("it is not base64 of a digest and a salt")
	}
	want, salt := both[:size], both[size:]
	return stored{longest: MaxPassword, compute: func(password string, _ *memory) bool {
		return equal(sum(newHash, password, string(salt)), want)
	}}, nil
}

func parseMD5(encoded string) (stored, error) {
	want, err := padded.DecodeString(encoded)
	if err != nil || len(want) != md5.Size {
		return stored{}, malformed("it is not base64 of a digest")
	}
	return stored{longest: MaxPassword, compute: func(password string, _ *memory) bool {
		return equal(sum(md5.New, password), want)
	}}, nil
}

func parseTemplate(newHash func() hash.Hash, fields []string) (stored, error) {
	if len(fields) != 3 {
		return stored{}, malformed("it has not the parts pf, salt and hash")
	}
	encoded, ok := strings.CutPrefix(fields[0], "pf=")
	template, err := padded.DecodeString(encoded)
	if !ok || err != nil || !bytes.Contains(template, []byte("{PASSWORD}")) {
		return stored{}, malformed("pf is not base64 of a template with {PASSWORD}")
	}
	salt, err := padded.DecodeString(fields[1])
	if err != nil {
		return stored{}, malformed("the salt is not base64")
	}
	want, err := padded.DecodeString(fields[2])
	if err != nil || len(want) != newHash().Size() {
		return stored{}, malformed("the hash is not base64 of a digest")
	}
	return stored{longest: MaxPassword, compute: func(password string, _ *memory) bool {
		// One pass: what the salt or the password contain is not replaced again.
		return equal(sum(newHash, strings.NewReplacer("{SALT}", string(salt), "{PASSWORD}", password).Replace(string(template))), want)
	}}, nil
}

func parseHMAC(newHash func() hash.Hash, fields []string) (stored, error) {
	if len(fields) != 2 {
		return stored{}, malformed("it has not the parts hash and key")
	}
	hexadecimal, err := padded.DecodeString(fields[0])
	if err != nil {
		return stored{}, malformed("the hash is not base64")
	}
	want, err := hex.DecodeString(string(hexadecimal))
	if err != nil || len(want) != newHash().Size() {
		return stored{}, malformed("the hash is not base64 of a hexadecimal digest")
	}
	key, err := padded.DecodeString(fields[1])
	if err != nil {
		return stored{}, malformed("the key is not base64")
	}
	return stored{longest: MaxPassword, compute: func(password string, _ *memory) bool {
		mac := hmac.New(newHash, key)
		mac.Write([]byte(password))
		return equal(mac.Sum(nil), want)
	}}, nil
}

func parseMD5Crypt(fields []string) (stored, error) {
	if len(fields) != 2 || len(fields[1]) != md5CryptLetters || strings.Trim(fields[1], cryptAlphabet) != "" {
		return stored{}, malformed("it is not a salt and %d letters of hash", md5CryptLetters)
	}
	salt, want := fields[0], []byte(fields[1])
	return stored{longest: maxCryptPassword, cost: 1000 * cryptRoundTime, compute: func(password string, _ *memory) bool {
		return equal(md5Crypt(password, salt), want)
	}}, nil
}

func parseSHACrypt(kind shaCrypt, fields []string) (stored, error) {
	rounds := 5000
	if len(fields) == 3 {
		if err := numbers(fields[0], parameter{"rounds", &rounds, maxSHACryptRounds}); err != nil {
			return stored{}, err
		}
		if rounds < 1000 {
			return stored{}, malformed("rounds must be at least 1000")
		}
		fields = fields[1:]
	}
	if len(fields) != 2 || len(fields[1]) != kind.letters || strings.Trim(fields[1], cryptAlphabet) != "" {
		return stored{}, malformed("it is not a salt and %d letters of hash", kind.letters)
	}
	salt, want := fields[0], []byte(fields[1])
	return stored{longest: maxCryptPassword, cost: time.Duration(rounds) * cryptRoundTime, compute: func(password string, _ *memory) bool {
		return equal(kind.hash(password, salt, rounds), want)
	}}, nil
}

// saltAndHash decodes the two last parts of most layouts.
func saltAndHash(encoding *base64.Encoding, encodedSalt, encodedHash string) (salt, want []byte, err error) {
	salt, err = encoding.DecodeString(encodedSalt)
	if err != nil {
		return nil, nil, malformed("the salt is not base64 as it should be here")
	}
	want, err = encoding.DecodeString(encodedHash)
	if err != nil {
		return nil, nil, malformed("the hash is not base64 as it should be here")
	}
	if len(want) < minDigest || len(want) > maxDigest {
		return nil, nil, malformed("the hash is not of %d to %d bytes", minDigest, maxDigest)
	}
	return salt, want, nil
}

// parameter is one cost of a hash: its name, where its value goes, and the
// highest value that is allowed.
type parameter struct {
	name  string
	value *int
	most  int
}

// numbers reads "a=1,b=2": exactly these parameters in this order, none zero.
func numbers(text string, parameters ...parameter) error {
	fields := strings.Split(text, ",")
	if len(fields) != len(parameters) {
		return malformed("it has not the parameters that it should")
	}
	for i, p := range parameters {
		digits, ok := strings.CutPrefix(fields[i], p.name+"=")
		if !ok {
			return malformed("the parameter %s is missing", p.name)
		}
		n, err := number(p.name, digits, 1, p.most)
		if err != nil {
			return err
		}
		*p.value = n
	}
	return nil
}

// number reads a decimal number of at least least. One that is over most is
// too expensive, however long it is.
func number(name, digits string, least, most int) (int, error) {
	if digits == "" || strings.Trim(digits, "0123456789") != "" {
		return 0, malformed("%s is not a number", name)
	}
	n, err := strconv.Atoi(digits)
	if err != nil || n > most {
		return 0, fmt.Errorf("%w: %s must not be over %d", ErrTooExpensive, name, most)
	}
	if n < least {
		return 0, malformed("%s must be at least %d", name, least)
	}
	return n, nil
}

func malformed(format string, args ...any) error {
	return fmt.Errorf("%w: %s", ErrMalformed, fmt.Sprintf(format, args...))
}

func sum(newHash func() hash.Hash, parts ...string) []byte {
	h := newHash()
	for _, part := range parts {
		h.Write([]byte(part))
	}
	return h.Sum(nil)
}

func equal(got, want []byte) bool { return subtle.ConstantTimeCompare(got, want) == 1 }
