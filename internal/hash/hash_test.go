package hash

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"testing"

	xargon2 "golang.org/x/crypto/argon2"
)

// vectorPassword is the password of all vectors; their salt, where there is
// one, is 0123456789abcdef.
const vectorPassword = "correct-horse-battery-7"

// vectors are hashes that other programs made.
var vectors = map[string]string{
	"bcrypt":               "$2a$04$zNk8YA.DzkTv0AAowhxvF.akOSaezXMDTXJ/aCLsu9WThn.Wlyo16",
	"bcrypt 2b":            "$2b$04$zNk8YA.DzkTv0AAowhxvF.akOSaezXMDTXJ/aCLsu9WThn.Wlyo16",
	"bcrypt 2y":            "$2y$04$zNk8YA.DzkTv0AAowhxvF.akOSaezXMDTXJ/aCLsu9WThn.Wlyo16",
	"argon2id":             "$argon2id$v=19$m=4096,t=1,p=1$MDEyMzQ1Njc4OWFiY2RlZg$SJw3h9A3uyV9axj3pbjB3iQEnMyZrNFtgfMzSB+ke/c",
	"argon2i":              "$argon2i$v=19$m=4096,t=2,p=1$MDEyMzQ1Njc4OWFiY2RlZg$wS++4dEz58ts35RJlRTsH9JiPPpO4k2YtgJTkQqZlck",
	"pbkdf2-sha1":          "$pbkdf2-sha1$i=1000,l=32$MDEyMzQ1Njc4OWFiY2RlZg$9g62W0JpvhspRZoOtWUtH+5blhZNq1ZusonLaq9KjDI",
	"pbkdf2-sha256":        "$pbkdf2-sha256$i=1000,l=32$MDEyMzQ1Njc4OWFiY2RlZg$ERE5JqsGuDbLXwGxHtVwDfvHhxZQyGqUY63p7e7IZpk",
	"pbkdf2-sha512":        "$pbkdf2-sha512$i=1000,l=32$MDEyMzQ1Njc4OWFiY2RlZg$feWxZxAHdrTLT13qZ3UzawkQCCm6GOrQWXw2O2OcIkE",
	"scrypt":               "$scrypt$ln=1024,r=8,p=1$MDEyMzQ1Njc4OWFiY2RlZg==$+uiE7m0JAwg6zN11o/yzg19UCFMdWmSHNwlAEznXshA=",
	"firescrypt":           "$firescrypt$ln=10,r=8,p=1$MDEyMzQ1Njc4OWFiY2RlZg==$7d6assz/atdQIzPTJBvgEc5nTJZEJzPkT597NZFeDOyjBmTfsRtweGqdbrU4rdqbUNXEUgkqDuoPt8xQs1gRXg==$C/A=$c2lnbmVyLWtleS1vZi10aGUtY29udHJhY3QtdGVzdCE2NC1ieXRlcy1sb25nLWFzLWZpcmViYXNlLWhhcy1pdA==",
	"ssha":                 "{SSHA}6EVfdIE4boslQn0IUZ23Sr/i7q8wMTIzNDU2Nzg5YWJjZGVm",
	"ssha256":              "{SSHA256}zdvbuI+X4zr+qwCs1OSK91WSMcA2wQ9rjh6IZcNQ0p8wMTIzNDU2Nzg5YWJjZGVm",
	"ssha512":              "{SSHA512}t2TsSp7eNXM0MCUyOLbLvl2KdO8oBfEvaViyifS/qrRniFxfVOd7WF+W6vH/H0p+6n4uLnu5BHkZpq6ybJO7QjAxMjM0NTY3ODlhYmNkZWY=",
	"sha1":                 "$sha1$pf=e1NBTFR9JCR7UEFTU1dPUkR9$MDEyMzQ1Njc4OWFiY2RlZg==$Lcqy67IN40XrZ4B4RpfS+QtGWLc=",
	"sha256":               "$sha256$pf=e1NBTFR9JCR7UEFTU1dPUkR9$MDEyMzQ1Njc4OWFiY2RlZg==$BAxitNDFc4nKYvP6ZUHURB8LDzzB2JTiyqtR6Iyx/T0=",
	"sha512":               "$sha512$pf=e1NBTFR9JCR7UEFTU1dPUkR9$MDEyMzQ1Njc4OWFiY2RlZg==$yDGyz7V34TX7o5VxqBFcUxSMrmtQSia07EN0DwGUvJVBpWiTrmbFvzxn2O7L158tUB2FLdayWjgGltl50EgjMw==",
	"md5":                  "$md5$5vsBYTBOF4iOpYMwzuK12g==",
	"md5 salted":           "$md5$pf=e1BBU1NXT1JEfXtTQUxUfQ==$MDEyMzQ1Njc4OWFiY2RlZg==$Vb4MiD8pLtO5zwijzhEtSQ==",
	"md5-crypt":            "$md5-crypt$01234567$SW3dErLdrE75XmAmQ5Vyo.",
	"sha256-crypt":         "$sha256-crypt$01234567$o1lZyWFpTqbaDPRpt5kzogsEbyh4ARtqOcXKHd.2S/A",
	"sha512-crypt":         "$sha512-crypt$01234567$s.ImVyVilFnn3Zp1absbC9ARkJULFZPM//UhaTbVM5RCTj0wjAFaVFpSRkvAxbLd5.7MpZsgTh.OztDhCeAzK/",
	"hmac-md4":             "$hmac-md4$Y2QwOTFjNTQ2NGQ0OGJhNjZhZWI1MGY3MjY2M2I2NTk=$aG1hYy1rZXk=",
	"hmac-md5":             "$hmac-md5$ZjJhY2Y1MmY3MGEyZDBjMGU0NjI2ZjE3Mzc0N2VkN2Q=$aG1hYy1rZXk=",
	"hmac-sha1":            "$hmac-sha1$NzE3ZTljOGNhZTQwMDI1OTM0MDlhNzQ0YWEyMjcwYjUwMjhlYWU4OA==$aG1hYy1rZXk=",
	"hmac-sha224":          "$hmac-sha224$NWU3ZmQ1MDU5YzA2YTYwZWU4ODBiZDQ1MDE1NTI1OTY0ZWUyYjdmY2RkMjAyYTMzNTg5YTMzMTU=$aG1hYy1rZXk=",
	"hmac-sha256":          "$hmac-sha256$OWE1NGVlODljYTJhYmMwOWZjNzJiOWQ5MTQ4YjQ2MzNkZWJkMTQxOTI3YWFjODNmYmVkNDE1NTZjMGNiNWFiYw==$aG1hYy1rZXk=",
	"hmac-sha384":          "$hmac-sha384$MjliZjUwMjMwNzk5NDM3YTllMmNlN2I5YjI3MmVmY2Q2ZjVhYzVmNDBjZmY3MzYzMmMwODNmNDUwMDc0ZGJkZDQ1M2U3NDljNGI3NTAzMjU4MGZkYTJmOGNhZGQ2ZjNi$aG1hYy1rZXk=",
	"hmac-sha512":          "$hmac-sha512$YWM2OWE2YTQwMzk5ZDlkYWU1MDgwNjEzNjA2MTQ1NDBiOTUzMmFjOWQxZmIzYjcxOGRiMTcyMWZiZWQ2YzMwOGE5ZWIzZDlkOWZjYmZmYzVhOTM5YzZlMTBmYjFiMjJlMGQ5ZTFhYjFjZTVmZGVjNTgzYzU3ZTJmODJjMDI5YzI=$aG1hYy1rZXk=",
	"bcrypt 2":             "$2$04$zNk8YA.DzkTv0AAowhxvF.akOSaezXMDTXJ/aCLsu9WThn.Wlyo16",
	"bcrypt 2z":            "$2z$04$zNk8YA.DzkTv0AAowhxvF.akOSaezXMDTXJ/aCLsu9WThn.Wlyo16",
	"pbkdf2-sha224":        "$pbkdf2-sha224$i=1000,l=32$MDEyMzQ1Njc4OWFiY2RlZg$eTMgwivCKR4FZF3nM7Je0FnzMLmHe3hlZvPJG/4io0k",
	"pbkdf2-sha384":        "$pbkdf2-sha384$i=1000,l=32$MDEyMzQ1Njc4OWFiY2RlZg$E1OxL/SPcSZAo3PWn6QbU8OCwe6jIC0IFmhrZYfhxmM",
	"pbkdf2 of two blocks": "$pbkdf2-sha256$i=1000,l=1$MDEyMzQ1Njc4OWFiY2RlZg$ERE5JqsGuDbLXwGxHtVwDfvHhxZQyGqUY63p7e7IZpnqIPfPtJl+3MQVnkyx6i8vNtZjLv3G+hEW7pveiyUDIA",
	"sha1 unsalted":        "$sha1$pf=e1BBU1NXT1JEfQ==$$y9yUndjLP1uumJko8snRrGK8wvg=",
}

func verify(t testing.TB, password, encoded string) bool {
	t.Helper()
	s, err := parse(encoded)
	if err != nil {
		t.Errorf("%s: %v", encoded, err)
		return false
	}
	return s.matches(password, &memory{})
}

func TestVectors(t *testing.T) {
	for name, encoded := range vectors {
		t.Run(name, func(t *testing.T) {
			if err := Check(encoded); err != nil {
				t.Fatal(err)
			}
			if !verify(t, vectorPassword, encoded) {
				t.Error("the right password does not match")
			}
			for _, wrong := range []string{"", "correct-horse-battery-8", vectorPassword + "x", vectorPassword[1:], strings.Repeat("x", MaxPassword)} {
				if verify(t, wrong, encoded) {
					t.Errorf("%q matches", wrong)
				}
			}
		})
	}
}

// TestChangedVectors changes or cuts the last part of each hash, which is the
// digest in most: it must be refused or not match any more.
func TestChangedVectors(t *testing.T) {
	for name, encoded := range vectors {
		t.Run(name, func(t *testing.T) {
			for at := max(strings.LastIndexAny(encoded, "$}")+1, len(encoded)-30); at < len(encoded)-3; at += 5 {
				letter := byte('A')
				if encoded[at] == letter {
					letter = 'B'
				}
				changed := encoded[:at] + string(letter) + encoded[at+1:]
				s, err := parse(changed)
				if err == nil && s.matches(vectorPassword, &memory{}) {
					t.Errorf("letter %d changed: %s still matches", at, changed)
				}
			}
			if strings.HasPrefix(encoded, "$pbkdf2") || strings.HasPrefix(encoded, "$scrypt") {
				return // both end in PBKDF2, which gives the beginning when less is asked for
			}
			for n := range encoded {
				if s, err := parse(encoded[:n]); err == nil && n < len(encoded)-2 && s.matches(vectorPassword, &memory{}) {
					t.Errorf("the first %d letters match", n)
				}
			}
		})
	}
}

func TestCrypt(t *testing.T) {
	for _, c := range []struct{ password, encoded string }{
		// Made with the crypt(3) of a Linux system.
		{"", "$md5-crypt$01234567$CdxQNvBQ5qb.ou7ghugSA."},
		{"a", "$md5-crypt$x$P8VObTrxaqT4VBmnH06P8."},
		{"exactly16bytes..", "$md5-crypt$saltsalt$EeljV5B3MF0QNR8r8oi2.1"},
		{strings.Repeat("p", 100), "$md5-crypt$12345678$3PlS7jzN4UGEoc0JOXYVl1"},
		{"", "$sha256-crypt$salt$HrcUzzoef72uxM/YhTU5BAi419Fblqlq//zyM.rIOG0"},
		{"a", "$sha256-crypt$rounds=1000$saltstring$PUh3dLhrRUf5DImijCTHA/6RNalgRtHHx.PjXg80gE2"},
		{strings.Repeat("k", 32), "$sha256-crypt$0123456789abcdef$DlCnHkN1XUh137nrxxCuVxenmXeUqO80G3M13TlMfqD"},
		{strings.Repeat("k", 33), "$sha256-crypt$rounds=1234$s$GPFfhIlfkgMG1j7HTiSTxyNljLO1MzSfrCnyEUAc8h0"},
		{strings.Repeat("ä", 100), "$sha256-crypt$./$2EFnTATbriFuAfIooAoPSDRDNRWy.2ry9dvIwIVE9CC"},
		{"", "$sha512-crypt$salt$r6qPcj2UeIkfklWHvleGJk8OKTInFYR/fxyuwcC656IWiZBpIFZ9.hMRG2ZQnnyMFrKOe461f9iT9Ljn0wJ5l."},
		{"a", "$sha512-crypt$rounds=1000$saltstring$RrPGXWEiJKglBQ7c4Z7ubMQSfj96YZui3FKtC93SVTqGfF2ex1C1SYjoBtBB4ba3rt/BD7RfAsnl9LRml0K1.0"},
		{strings.Repeat("k", 64), "$sha512-crypt$0123456789abcdef$fRzB/YDU/QzjW0eL7BZAhSK6b4zJlT1ZWCFFhjQPexTYimucNKA0IOfZ/iz0hb77ogJRFQiJERpzsiVUAYZmY/"},
		{strings.Repeat("k", 65), "$sha512-crypt$rounds=1234$s$oKQZMa1Ti72LOLqMUaQWq/X6.4mmUz83/lgT5SNaMpLUXFUmnvT.cE5lGpzg3tDVwLD4q5KFrnfOxRryNmsN9/"},
		{strings.Repeat("ä", 100), "$sha512-crypt$./$rqfq7C9j5vP6f54okqhDXoFkYxtcdQRKYpcazVuMZlFD0.D5uWI57/tpH0fOYSHHqJtpZYHMqiV12/eeVhANx0"},
		{strings.Repeat("x", 511), "$sha512-crypt$s$58Nxxypo2v2JtKEtrhiJbWFo57qtaF90P1n5eqFz1prrru3ey5cON62g61dZJYeDHFoSfipObzSdnspeSpcb0/"},
	} {
		if !verify(t, c.password, c.encoded) {
			t.Errorf("%d bytes do not match %s", len(c.password), c.encoded)
		}
		if verify(t, c.password+"x", c.encoded) {
			t.Errorf("%d bytes and one more match %s", len(c.password), c.encoded)
		}
	}
}

// TestTemplateIsFilledOnce: a password that looks like part of a template is
// only a password.
func TestTemplateIsFilledOnce(t *testing.T) {
	// The template is {PASSWORD}{SALT}, the salt is "salt", the password "{SALT}".
	const encoded = "$md5$pf=e1BBU1NXT1JEfXtTQUxUfQ==$c2FsdA==$y7CUM8TjBb2QvWBduAM4CA=="
	if !verify(t, "{SALT}", encoded) {
		t.Error("{SALT} does not match")
	}
	if verify(t, "salt", encoded) {
		t.Error("the salt matches in place of {SALT}")
	}
}

// TestBcryptNeverTruncates: bcrypt reads 72 bytes; one that has more must not
// match by those.
func TestBcryptNeverTruncates(t *testing.T) {
	password := strings.Repeat("x", 72)
	encoded, err := generate(password, Params{Algorithm: AlgorithmBcrypt, BcryptCost: 4}, &memory{})
	if err != nil {
		t.Fatal(err)
	}
	if !verify(t, password, encoded) {
		t.Error("72 bytes do not match")
	}
	if verify(t, password+"x", encoded) || verify(t, password+"y", encoded) {
		t.Error("73 bytes match by the first 72")
	}
}

// TestArgon2 compares with the implementation of golang.org/x/crypto, which is
// held to the vectors of the specification. The memory is reused and dirty, as
// in a worker.
func TestArgon2(t *testing.T) {
	mem := &memory{}
	for _, lanes := range []int{1, 2, 3, 4, 16} {
		for _, passes := range []int{1, 2, 3} {
			for _, kib := range []int{1, 8, 31, 64, 100, 600, 1100} {
				for _, length := range []int{16, 32, 64, 65, 96, 128} {
					a := Argon2{MemoryKiB: kib, Iterations: passes, Parallelism: lanes, KeyLength: length}
					password, salt := fmt.Sprintf("password %d", length), []byte(fmt.Sprintf("salt %d", kib))
					want := xargon2.IDKey([]byte(password), salt, uint32(passes), uint32(kib), uint8(lanes), uint32(length))
					if got := argon2(argon2id, password, salt, a, mem); !bytes.Equal(got, want) {
						t.Fatalf("argon2id %+v\n got %x\nwant %x", a, got, want)
					}
					want = xargon2.Key([]byte(password), salt, uint32(passes), uint32(kib), uint8(lanes), uint32(length))
					if got := argon2(argon2i, password, salt, a, mem); !bytes.Equal(got, want) {
						t.Fatalf("argon2i %+v\n got %x\nwant %x", a, got, want)
					}
				}
			}
		}
	}
}

func TestCheck(t *testing.T) {
	const (
		salt   = "MDEyMzQ1Njc4OWFiY2RlZg"
		hash32 = "SJw3h9A3uyV9axj3pbjB3iQEnMyZrNFtgfMzSB+ke/c"
		bcrypt = "zNk8YA.DzkTv0AAowhxvF.akOSaezXMDTXJ/aCLsu9WThn.Wlyo16"
	)
	for _, c := range []struct {
		name, encoded string
		want          error
	}{
		{"empty", "", ErrUnknownFormat},
		{"plain text", "secret", ErrUnknownFormat},
		{"a dollar", "$", ErrUnknownFormat},
		{"dollars", "$$$$$$", ErrUnknownFormat},
		{"a name only", "$argon2id", ErrUnknownFormat},
		{"crypt(3) as it is", "$6$01234567$abc", ErrUnknownFormat},
		{"unknown name", "$blake$abc", ErrUnknownFormat},
		{"argon2d", "$argon2d$v=19$m=4096,t=1,p=1$" + salt + "$" + hash32, ErrUnknownFormat},
		{"bcrypt 2x", "$2x$04$" + bcrypt, ErrUnknownFormat},
		{"hmac of an unknown digest", "$hmac-crc$YQ==$YQ==", ErrUnknownFormat},
		{"pbkdf2 of an unknown digest", "$pbkdf2-sha3$i=1,l=32$" + salt + "$" + hash32, ErrUnknownFormat},
		{"unknown braces", "{CRYPT}x", ErrUnknownFormat},
		{"open brace", "{SSHA", ErrMalformed},
		{"a space in front", " $2a$04$" + bcrypt, ErrUnknownFormat},
		{"a line break at the end", "$2a$04$" + bcrypt + "\n", ErrUnknownFormat},
		{"not UTF-8", "$2a$04$\xff", ErrUnknownFormat},

		{"bcrypt", "$2b$15$" + bcrypt, nil},
		{"bcrypt, cost 16", "$2b$16$" + bcrypt, ErrTooExpensive},
		{"bcrypt, cost 3", "$2b$03$" + bcrypt, ErrMalformed},
		{"bcrypt, cost of one digit", "$2b$4$" + bcrypt, ErrMalformed},
		{"bcrypt, cost with sign", "$2b$+4$" + bcrypt, ErrMalformed},
		{"bcrypt, short", "$2b$04$" + bcrypt[1:], ErrMalformed},
		{"bcrypt, long", "$2b$04$" + bcrypt + "a", ErrMalformed},
		{"bcrypt, foreign letter", "$2b$04$" + bcrypt[1:] + "+", ErrMalformed},

		{"argon2id", "$argon2id$v=19$m=1048576,t=1,p=16$" + salt + "$" + hash32, nil},
		{"argon2id, all passes", "$argon2id$v=19$m=131072,t=10,p=16$" + salt + "$" + hash32, nil},
		{"argon2id, memory and passes together", "$argon2id$v=19$m=1048576,t=2,p=1$" + salt + "$" + hash32, ErrTooExpensive},
		{"argon2id, memory", "$argon2id$v=19$m=1048577,t=1,p=1$" + salt + "$" + hash32, ErrTooExpensive},
		{"argon2id, passes", "$argon2id$v=19$m=4096,t=11,p=1$" + salt + "$" + hash32, ErrTooExpensive},
		{"argon2id, lanes", "$argon2id$v=19$m=4096,t=1,p=17$" + salt + "$" + hash32, ErrTooExpensive},
		{"argon2id, a number beyond all", "$argon2id$v=19$m=99999999999999999999,t=1,p=1$" + salt + "$" + hash32, ErrTooExpensive},
		{"argon2id, zero", "$argon2id$v=19$m=4096,t=0,p=1$" + salt + "$" + hash32, ErrMalformed},
		{"argon2id, below zero", "$argon2id$v=19$m=-1,t=1,p=1$" + salt + "$" + hash32, ErrMalformed},
		{"argon2id, other order", "$argon2id$v=19$t=1,m=4096,p=1$" + salt + "$" + hash32, ErrMalformed},
		{"argon2id, one more parameter", "$argon2id$v=19$m=4096,t=1,p=1,q=1$" + salt + "$" + hash32, ErrMalformed},
		{"argon2id, other version", "$argon2id$v=16$m=4096,t=1,p=1$" + salt + "$" + hash32, ErrMalformed},
		{"argon2id, no version", "$argon2id$m=4096,t=1,p=1$" + salt + "$" + hash32, ErrMalformed},
		{"argon2id, padding", "$argon2id$v=19$m=4096,t=1,p=1$" + salt + "==$" + hash32, ErrMalformed},
		{"argon2id, stray bits", "$argon2id$v=19$m=4096,t=1,p=1$" + salt + "$" + hash32[:42] + "d", ErrMalformed},
		{"argon2id, no hash", "$argon2id$v=19$m=4096,t=1,p=1$" + salt + "$", ErrMalformed},
		{"argon2id, a short hash", "$argon2id$v=19$m=4096,t=1,p=1$" + salt + "$AAAA", ErrMalformed},
		{"argon2id, a long hash", "$argon2id$v=19$m=4096,t=1,p=1$" + salt + "$" + strings.Repeat("AAAA", 43), ErrMalformed},
		{"argon2id, huge", "$argon2id$v=19$m=4096,t=1,p=1$" + strings.Repeat("AAAA", 2000) + "$" + hash32, ErrMalformed},

		{"pbkdf2", "$pbkdf2-sha256$i=8000000,l=32$" + salt + "$" + hash32, nil},
		{"pbkdf2, rounds that take too long", "$pbkdf2-sha256$i=10000000,l=32$" + salt + "$" + hash32, ErrTooExpensive},
		{"pbkdf2 of 64 bits, rounds that take too long", "$pbkdf2-sha512$i=8000000,l=32$" + salt + "$" + hash32, ErrTooExpensive},
		{"pbkdf2 of two blocks, rounds that take too long", "$pbkdf2-sha1$i=8000000,l=32$" + salt + "$" + hash32, ErrTooExpensive},
		{"pbkdf2, iterations", "$pbkdf2-sha1$i=10000001,l=32$" + salt + "$" + hash32, ErrTooExpensive},
		{"pbkdf2, no hash", "$pbkdf2-sha1$i=1,l=32$" + salt + "$", ErrMalformed},
		{"pbkdf2, no length", "$pbkdf2-sha1$i=1$" + salt + "$" + hash32, ErrMalformed},

		{"scrypt", "$scrypt$ln=131072,r=8,p=6$" + salt + "==$" + hash32 + "=", nil},
		{"scrypt, all together", "$scrypt$ln=131072,r=8,p=10$" + salt + "==$" + hash32 + "=", ErrTooExpensive},
		{"scrypt, N", "$scrypt$ln=262144,r=8,p=1$" + salt + "==$" + hash32 + "=", ErrTooExpensive},
		{"scrypt, r", "$scrypt$ln=1024,r=9,p=1$" + salt + "==$" + hash32 + "=", ErrTooExpensive},
		{"scrypt, p", "$scrypt$ln=1024,r=8,p=11$" + salt + "==$" + hash32 + "=", ErrTooExpensive},
		{"scrypt, the logarithm of N", "$scrypt$ln=15,r=8,p=1$" + salt + "==$" + hash32 + "=", ErrMalformed},
		{"scrypt, N of 1", "$scrypt$ln=1,r=8,p=1$" + salt + "==$" + hash32 + "=", ErrMalformed},
		{"scrypt, no padding", "$scrypt$ln=1024,r=8,p=1$" + salt + "$" + hash32, ErrMalformed},

		{"firescrypt", "$firescrypt$ln=17,r=8,p=6$" + salt + "==$" + hash32 + "=$$" + hash32 + "=", nil},
		{"firescrypt, all together", "$firescrypt$ln=17,r=8,p=10$" + salt + "==$" + hash32 + "=$$" + hash32 + "=", ErrTooExpensive},
		{"firescrypt, ln", "$firescrypt$ln=18,r=8,p=1$" + salt + "==$" + hash32 + "=$$" + hash32 + "=", ErrTooExpensive},
		{"firescrypt, signer of another length", "$firescrypt$ln=14,r=8,p=1$" + salt + "==$" + hash32 + "=$$YWJj", ErrMalformed},
		{"firescrypt, nothing in it", "$firescrypt$ln=14,r=8,p=1$$$$", ErrMalformed},

		{"ssha without salt", "{SSHA}Lcqy67IN40XrZ4B4RpfS+QtGWLc=", ErrMalformed},
		{"ssha, short", "{SSHA}YWJj", ErrMalformed},
		{"ssha, not base64", "{SSHA}****", ErrMalformed},
		{"ssha, huge", "{SSHA}" + strings.Repeat("AAAA", 2000), ErrMalformed},
		{"sha, no template", "$sha1$pf=$" + salt + "==$Lcqy67IN40XrZ4B4RpfS+QtGWLc=", ErrMalformed},
		{"sha, a template without password", "$sha1$pf=e1NBTFR9$" + salt + "==$Lcqy67IN40XrZ4B4RpfS+QtGWLc=", ErrMalformed},
		{"sha, digest of another", "$sha256$pf=e1NBTFR9JCR7UEFTU1dPUkR9$" + salt + "==$Lcqy67IN40XrZ4B4RpfS+QtGWLc=", ErrMalformed},
		{"sha, hash alone", "$sha1$Lcqy67IN40XrZ4B4RpfS+QtGWLc=", ErrMalformed},
		{"md5, empty", "$md5$", ErrMalformed},
		{"md5, short", "$md5$YWJj", ErrMalformed},
		{"md5, two parts", "$md5$YWJj$YWJj", ErrMalformed},
		{"hmac, digest not hexadecimal", "$hmac-md5$YWJj$YQ==", ErrMalformed},
		{"hmac, no key", "$hmac-md5$ZjJhY2Y1MmY3MGEyZDBjMGU0NjI2ZjE3Mzc0N2VkN2Q=", ErrMalformed},

		{"md5-crypt, short", "$md5-crypt$01234567$SW3dErLdrE75XmAmQ5Vyo", ErrMalformed},
		{"sha256-crypt, no salt", "$sha256-crypt$o1lZyWFpTqbaDPRpt5kzogsEbyh4ARtqOcXKHd.2S/A", ErrMalformed},
		{"sha256-crypt, rounds", "$sha256-crypt$rounds=1000001$s$o1lZyWFpTqbaDPRpt5kzogsEbyh4ARtqOcXKHd.2S/A", ErrTooExpensive},
		{"sha256-crypt, as many rounds as there can be", "$sha256-crypt$rounds=1000000$s$o1lZyWFpTqbaDPRpt5kzogsEbyh4ARtqOcXKHd.2S/A", nil},
		{"sha256-crypt, few rounds", "$sha256-crypt$rounds=999$s$o1lZyWFpTqbaDPRpt5kzogsEbyh4ARtqOcXKHd.2S/A", ErrMalformed},
		{"sha512-crypt of another length", "$sha512-crypt$s$o1lZyWFpTqbaDPRpt5kzogsEbyh4ARtqOcXKHd.2S/A", ErrMalformed},
	} {
		err := Check(c.encoded)
		if !errors.Is(err, c.want) {
			t.Errorf("%s: %v, want %v", c.name, err, c.want)
		}
		if err != nil && len(c.encoded) > 20 && strings.Contains(err.Error(), c.encoded[len(c.encoded)-10:]) {
			t.Errorf("%s: the error tells the hash: %v", c.name, err)
		}
	}
}

// TestStoredHashesAreKept: what is too expensive to be taken over is verified
// all the same where it is stored, up to the bounds of its parameters.
func TestStoredHashesAreKept(t *testing.T) {
	const dear = "$argon2id$v=19$m=1048576,t=10,p=1$MDEyMzQ1Njc4OWFiY2RlZg$SJw3h9A3uyV9axj3pbjB3iQEnMyZrNFtgfMzSB+ke/c"
	if err := Check(dear); !errors.Is(err, ErrTooExpensive) || !strings.Contains(err.Error(), "11.5s") || !strings.Contains(err.Error(), "at most 2s") {
		t.Errorf("Check: %v", err)
	}
	if _, err := parse(dear); err != nil {
		t.Errorf("parse: %v", err)
	}
}

func TestNeedsRehash(t *testing.T) {
	argon := Params{Algorithm: AlgorithmArgon2, Argon2: Argon2{MemoryKiB: 4096, Iterations: 1}}
	more := Params{Algorithm: AlgorithmArgon2, Argon2: Argon2{MemoryKiB: 4096, Iterations: 2}}
	bcrypt4 := Params{Algorithm: AlgorithmBcrypt, BcryptCost: 4}
	bcrypt4argon := Params{Algorithm: AlgorithmBcrypt, BcryptCost: 4, Argon2: argon.Argon2}
	const long = 73
	for _, c := range []struct {
		name, encoded string
		params        Params
		passwordLen   int
		want          bool
	}{
		{"argon2id as configured", vectors["argon2id"], argon, 10, false},
		{"argon2id, other passes", vectors["argon2id"], more, 10, true},
		{"argon2id, bcrypt is configured", vectors["argon2id"], bcrypt4argon, 10, true},
		{"argon2id, bcrypt is configured, long", vectors["argon2id"], bcrypt4argon, long, false},
		{"argon2id, bcrypt alone is configured, long", vectors["argon2id"], bcrypt4, long, true},
		{"argon2i", vectors["argon2i"], argon, 10, true},
		{"bcrypt as configured", vectors["bcrypt"], bcrypt4, 10, false},
		{"bcrypt 2y as configured", vectors["bcrypt 2y"], bcrypt4, 10, false},
		{"bcrypt, other cost", vectors["bcrypt"], Params{}, 10, true},
		{"bcrypt, argon2 is configured", vectors["bcrypt"], argon, 10, true},
		{"md5", vectors["md5"], bcrypt4, 10, true},
		{"md5 and argon2", vectors["md5"], argon, 10, true},
		{"not a hash", "secret", bcrypt4, 10, true},
	} {
		if got := NeedsRehash(c.encoded, c.params, c.passwordLen); got != c.want {
			t.Errorf("%s: %v", c.name, got)
		}
	}
}

func TestWithDefaults(t *testing.T) {
	got, err := Params{}.WithDefaults()
	want := Params{Algorithm: AlgorithmBcrypt, BcryptCost: 12,
		Argon2: Argon2{MemoryKiB: 19456, Iterations: 2, Parallelism: 1, SaltLength: 16, KeyLength: 32}}
	if err != nil || got != want {
		t.Errorf("%+v, %v", got, err)
	}
	for setting, p := range map[string]Params{
		"hashers.algorithm":          {Algorithm: "md5"},
		"hashers.bcrypt.cost":        {BcryptCost: 16},
		"hashers.argon2.memory":      {Argon2: Argon2{MemoryKiB: 31, Parallelism: 4}},
		"hashers.argon2.iterations":  {Argon2: Argon2{Iterations: 11}},
		"hashers.argon2.parallelism": {Argon2: Argon2{Parallelism: -1}},
		"hashers.argon2.salt_length": {Argon2: Argon2{SaltLength: 8}},
		"hashers.argon2.key_length":  {Argon2: Argon2{KeyLength: 129}},
	} {
		if _, err := p.WithDefaults(); err == nil || !strings.Contains(err.Error(), setting) {
			t.Errorf("%s: %v", setting, err)
		}
	}
}

// FuzzParse looks for panics, and for hashes that anything matches. Only those
// that are cheap are computed.
func FuzzParse(f *testing.F) {
	for _, encoded := range vectors {
		f.Add(encoded)
	}
	for _, seed := range []string{"", "$", "$$$$$", "{}", "{SSHA}", "$2$", "$md5$pf=$$", "$hmac-md5$$", "$sha512-crypt$rounds=$$"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, encoded string) {
		s, err := parse(encoded)
		if err != nil {
			if !errors.Is(err, ErrUnknownFormat) && !errors.Is(err, ErrMalformed) && !errors.Is(err, ErrTooExpensive) {
				t.Errorf("%q: %v", encoded, err)
			}
			return
		}
		for _, costly := range []string{"$2", "$argon2", "$pbkdf2", "$scrypt", "$firescrypt", "$sha256-crypt", "$sha512-crypt"} {
			if strings.HasPrefix(encoded, costly) {
				return
			}
		}
		if mem := (&memory{}); s.matches("one", mem) && s.matches("two", mem) {
			t.Errorf("%q matches everything", encoded)
		}
	})
}

func BenchmarkArgon2(b *testing.B) {
	a := Argon2{MemoryKiB: 19 << 10, Iterations: 2, Parallelism: 1, KeyLength: 32}
	salt := make([]byte, 16)
	b.Run("ours", func(b *testing.B) {
		mem := &memory{}
		for b.Loop() {
			argon2(argon2id, "password", salt, a, mem)
		}
	})
	b.Run("x-crypto", func(b *testing.B) {
		for b.Loop() {
			xargon2.IDKey([]byte("password"), salt, 2, 19<<10, 1, 32)
		}
	})
}
