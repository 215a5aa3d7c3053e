package ceremonytest

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"slices"
	"testing"

	"github.com/tidwall/gjson"
)

// Flags of authenticator data (W3C WebAuthn section 6.1).
const (
	Present        = 1 << 0
	Verified       = 1 << 2
	BackupEligible = 1 << 3
	BackedUp       = 1 << 4
	attested       = 1 << 6
)

// Authenticator holds one key. All that it says can be changed.
type Authenticator struct {
	ID         []byte
	UserHandle []byte
	AAGUID     [16]byte
	// Flags of every answer; New sets Present.
	Flags byte
	// Count is that of the last answer. Still says that it does not count.
	Count uint32
	Still bool
	// Origin is that of the page. RPID replaces the one that is asked for, where it
	// is not empty, and so does Challenge.
	Origin, RPID, Challenge string
	// PublicKey replaces the key's own in what is registered, where it is not nil.
	PublicKey []byte

	t   testing.TB
	key *ecdsa.PrivateKey
}

// New is an authenticator on a page of this origin.
func New(t testing.TB, origin string) *Authenticator {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	id := make([]byte, 32)
	rand.Read(id)
	return &Authenticator{ID: id, Flags: Present, Origin: origin, t: t, key: key}
}

// Create makes the key and answers with it. options are those in the form.
func (a *Authenticator) Create(options string) string {
	a.t.Helper()
	o := a.read(options)
	a.UserHandle = a.decode(o.Get("user.id").String())
	data := a.data(o.Get("rp.id").String(), attested)
	data = append(data, a.AAGUID[:]...)
	data = binary.BigEndian.AppendUint16(data, uint16(len(a.ID)))
	data = append(append(data, a.ID...), a.cose()...)
	object := slices.Concat([]byte{0xa3}, text("fmt"), text("none"), text("attStmt"), []byte{0xa0}, text("authData"), octets(data))
	return a.answer(map[string]any{
		"attestationObject": encode(object), "clientDataJSON": encode(a.client("webauthn.create", o)),
	})
}

// Get uses the key.
func (a *Authenticator) Get(options string) string {
	a.t.Helper()
	o := a.read(options)
	data, client := a.data(o.Get("rpId").String(), 0), a.client("webauthn.get", o)
	hash := sha256.Sum256(client)
	sum := sha256.Sum256(append(slices.Clone(data), hash[:]...))
	signature, err := ecdsa.SignASN1(rand.Reader, a.key, sum[:])
	if err != nil {
		a.t.Fatal(err)
	}
	return a.answer(map[string]any{
		"authenticatorData": encode(data), "clientDataJSON": encode(client), "signature": encode(signature), "userHandle": encode(a.UserHandle),
	})
}

func (a *Authenticator) read(options string) gjson.Result {
	o := gjson.Parse(options)
	if inner := o.Get("credentialOptions"); inner.Exists() {
		o = inner
	}
	if o = o.Get("publicKey"); !o.IsObject() {
		a.t.Helper()
		a.t.Fatalf("these are no options: %s", options)
	}
	return o
}

func (a *Authenticator) data(rpID string, more byte) []byte {
	if a.RPID != "" {
		rpID = a.RPID
	}
	if !a.Still {
		a.Count++
	}
	hash := sha256.Sum256([]byte(rpID))
	return binary.BigEndian.AppendUint32(append(hash[:], a.Flags|more), a.Count)
}

func (a *Authenticator) client(kind string, o gjson.Result) []byte {
	challenge := o.Get("challenge").String()
	if a.Challenge != "" {
		challenge = a.Challenge
	}
	out, _ := json.Marshal(map[string]any{"type": kind, "challenge": challenge, "origin": a.Origin, "crossOrigin": false})
	return out
}

// cose is the public key (RFC 9053 section 7.1): an EC2 key for ES256 on P-256.
func (a *Authenticator) cose() []byte {
	if a.PublicKey != nil {
		return a.PublicKey
	}
	point, err := a.key.PublicKey.Bytes() // 4, x, y
	if err != nil {
		a.t.Fatal(err)
	}
	return slices.Concat([]byte{0xa5, 0x01, 0x02, 0x03, 0x26, 0x20, 0x01, 0x21}, octets(point[1:33]), []byte{0x22}, octets(point[33:]))
}

func (a *Authenticator) answer(response map[string]any) string {
	out, _ := json.Marshal(map[string]any{"id": encode(a.ID), "rawId": encode(a.ID), "type": "public-key", "response": response})
	return string(out)
}

func (a *Authenticator) decode(s string) []byte {
	out, err := base64.RawURLEncoding.DecodeString(s)
	if err != nil {
		a.t.Fatal(err)
	}
	return out
}

func encode(b []byte) string { return base64.RawURLEncoding.EncodeToString(b) }

// text and octets are CBOR strings (RFC 8949).
func text(s string) []byte { return append(head(3, len(s)), s...) }

func octets(b []byte) []byte { return append(head(2, len(b)), b...) }

func head(major byte, n int) []byte {
	if n < 24 {
		return []byte{major<<5 | byte(n)}
	}
	return binary.BigEndian.AppendUint16([]byte{major<<5 | 25}, uint16(n))
}
