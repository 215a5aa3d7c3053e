package secret

import (
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"hash"
	"strings"
	"sync"
	"time"

	"golang.org/x/crypto/chacha20poly1305"
)

// HashSize is the length of a keyed hash in bytes.
const HashSize = sha256.Size

// Overhead is how many bytes longer a sealed value is than what is in it: the
// nonce in front and the authentication tag behind.
const Overhead = chacha20poly1305.NonceSizeX + chacha20poly1305.Overhead

// ErrOpen says that a sealed value does not open. It says no more on purpose:
// the value may be cut, changed, sealed for something else or with a secret
// that is no longer configured.
var ErrOpen = errors.New("secret: the sealed value is not genuine, or its secret is no longer configured")

// Ring is an ordered set of keys for one purpose, the newest first. It is safe
// for concurrent use and does not change.
type Ring struct {
	keys []*key
}

// key is what one configured secret gives for one purpose.
type key struct {
	aead cipher.AEAD
	macs sync.Pool // of *mac: setting up HMAC costs as much as using it
}

// mac is a prepared HMAC with room for its input, which would otherwise be
// copied to the heap on each use.
type mac struct {
	hash.Hash
	value []byte
}

// NewRing derives the keys for a purpose from the configured secrets, the
// newest first. The purpose is part of the derivation: name it once and never
// change the name, or everything written under it is lost.
func NewRing(purpose string, secrets []string) (*Ring, error) {
	if len(secrets) == 0 {
		return nil, fmt.Errorf("secret: there is no secret for %s", purpose)
	}
	ring := &Ring{keys: make([]*key, len(secrets))}
	for i, s := range secrets {
		if s == "" {
			return nil, fmt.Errorf("secret: secret number %d for %s is empty", i+1, purpose)
		}
		k, err := newKey(purpose, s)
		if err != nil {
			return nil, fmt.Errorf("secret: deriving key number %d for %s: %w", i+1, purpose, err)
		}
		ring.keys[i] = k
	}
	return ring, nil
}

func newKey(purpose, configured string) (*key, error) {
	hashing, err := derive(configured, "hash", purpose)
	if err != nil {
		return nil, err
	}
	sealing, err := derive(configured, "seal", purpose)
	if err != nil {
		return nil, err
	}
	aead, err := chacha20poly1305.NewX(sealing)
	if err != nil {
		return nil, err
	}
	k := &key{aead: aead}
	k.macs.New = func() any { return &mac{Hash: hmac.New(sha256.New, hashing)} }
	return k, nil
}

func derive(configured, use, purpose string) ([]byte, error) {
	return hkdf.Key(sha256.New, []byte(configured), nil, "zelus "+use+" "+purpose, 32)
}

// Hash is the keyed hash of a value under the newest key, HashSize bytes: what
// is stored in place of the value.
func (r *Ring) Hash(value string) []byte {
	return r.keys[0].hash(make([]byte, 0, HashSize), value)
}

// Hashes gives the keyed hash of a value under each key, the newest first: what
// to look for when the value may have been stored before a rotation.
func (r *Ring) Hashes(value string) [][]byte {
	all := make([]byte, 0, HashSize*len(r.keys))
	out := make([][]byte, len(r.keys))
	for i, k := range r.keys {
		all = k.hash(all, value)
		out[i] = all[i*HashSize : (i+1)*HashSize : (i+1)*HashSize]
	}
	return out
}

// Matches says whether stored is the keyed hash of the value under any of the
// keys. How long it takes tells nothing about either.
func (r *Ring) Matches(value string, stored []byte) bool {
	var room [HashSize]byte
	found := 0
	for _, k := range r.keys {
		found |= subtle.ConstantTimeCompare(k.hash(room[:0], value), stored)
	}
	return found == 1
}

// hash appends the keyed hash of the value to dst.
func (k *key) hash(dst []byte, value string) []byte {
	m := k.macs.Get().(*mac)
	m.value = append(m.value[:0], value...)
	m.Reset()
	m.Write(m.value)
	dst = m.Sum(dst)
	clear(m.value)
	k.macs.Put(m)
	return dst
}

// Seal encrypts a value under the newest key and binds it to a context, which
// is not part of the result and must be given again to open it.
func (r *Ring) Seal(plaintext, context []byte) []byte {
	out := make([]byte, chacha20poly1305.NonceSizeX, len(plaintext)+Overhead)
	copy(out, Bytes(len(out)))
	return r.keys[0].aead.Seal(out, out, plaintext, context)
}

// Open gives what was sealed in the same context under any of the keys, or
// ErrOpen.
func (r *Ring) Open(sealed, context []byte) ([]byte, error) {
	if len(sealed) < Overhead {
		return nil, ErrOpen
	}
	nonce, box := sealed[:chacha20poly1305.NonceSizeX], sealed[chacha20poly1305.NonceSizeX:]
	for _, k := range r.keys {
		if plaintext, err := k.aead.Open(nil, nonce, box, context); err == nil {
			return plaintext, nil
		}
	}
	return nil, ErrOpen
}

// SealString is Seal for where text is needed: a cookie, a URL. The result is
// base64url without padding (RFC 4648 section 5).
func (r *Ring) SealString(plaintext, context []byte) string {
	return base64.RawURLEncoding.EncodeToString(r.Seal(plaintext, context))
}

// OpenString is Open for the result of SealString. Each sealed value has one
// spelling only: line breaks and stray bits, which base64 decoders like to
// overlook, are ErrOpen.
func (r *Ring) OpenString(sealed string, context []byte) ([]byte, error) {
	if strings.ContainsAny(sealed, "\r\n") {
		return nil, ErrOpen
	}
	raw, err := base64.RawURLEncoding.Strict().DecodeString(sealed)
	if err != nil {
		return nil, ErrOpen
	}
	return r.Open(raw, context)
}

// SealUntil is SealString for what ends at a time, which is sealed with it in whole
// microseconds: eight bytes of Unix time, the most significant first, before the value.
func (r *Ring) SealUntil(plaintext, context []byte, until time.Time) string {
	return r.SealString(append(binary.BigEndian.AppendUint64(nil, uint64(until.UnixMicro())), plaintext...), context)
}

// OpenUntil is OpenString for the result of SealUntil, with the time in UTC. Whether that
// is over is for the caller to see, who knows what it means.
func (r *Ring) OpenUntil(sealed string, context []byte) (plaintext []byte, until time.Time, err error) {
	plain, err := r.OpenString(sealed, context)
	if err == nil && len(plain) < 8 {
		err = ErrOpen
	}
	if err != nil {
		return nil, time.Time{}, err
	}
	return plain[8:], time.UnixMicro(int64(binary.BigEndian.Uint64(plain))).UTC(), nil
}
