package session

import (
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"

	"zelus/internal/auth"
)

// jwks is a set with these keys.
func jwks(t *testing.T, keys ...jose.JSONWebKey) []byte {
	t.Helper()
	raw, err := json.Marshal(jose.JSONWebKeySet{Keys: keys})
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

func TestKeys(t *testing.T) {
	curve, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	larger, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	_, edwards, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	shared := []byte("hunter2hunter2hunter2hunter2hunter2hunter2")
	good := jose.JSONWebKey{Key: curve, Algorithm: "ES256", KeyID: "good"}
	for name, test := range map[string]struct {
		keys []byte
		want string // of the error; empty for none
	}{
		"EC":                    {jwks(t, good), ""},
		"RSA":                   {jwks(t, jose.JSONWebKey{Key: larger, Algorithm: "RS256"}), ""},
		"RSA-PSS":               {jwks(t, jose.JSONWebKey{Key: larger, Algorithm: "PS512", Use: "sig"}), ""},
		"Ed25519":               {jwks(t, jose.JSONWebKey{Key: edwards, Algorithm: "EdDSA"}), ""},
		"shared secret":         {jwks(t, jose.JSONWebKey{Key: shared, Algorithm: "HS256"}), ""},
		"only the first counts": {[]byte(`{"keys":[` + string(one(t, good)) + `,{"kty":"hunter2"}]}`), ""},

		"nothing":                  {nil, "not a JWKS"},
		"no JSON":                  {[]byte("hunter2"), "not a JWKS"},
		"a key alone":              {one(t, good), "not a JWKS"},
		"not read":                 {[]byte(`{"keys":[{"kty":"hunter2"}]}`), "cannot be read"},
		"null":                     {[]byte(`{"keys":[null]}`), "cannot be read"},
		"public":                   {jwks(t, jose.JSONWebKey{Key: curve.Public(), Algorithm: "ES256"}), "is a public key"},
		"public RSA":               {jwks(t, jose.JSONWebKey{Key: larger.Public(), Algorithm: "RS256"}), "is a public key"},
		"without alg":              {jwks(t, jose.JSONWebKey{Key: curve}), "add its alg"},
		"alg of another kind":      {jwks(t, jose.JSONWebKey{Key: curve, Algorithm: "RS256"}), "alg, RS256"},
		"alg of another curve":     {jwks(t, jose.JSONWebKey{Key: curve, Algorithm: "ES512"}), "alg, ES512"},
		"alg of encryption":        {jwks(t, jose.JSONWebKey{Key: larger, Algorithm: "RSA-OAEP"}), "alg, RSA-OAEP"},
		"alg that is none":         {jwks(t, jose.JSONWebKey{Key: shared, Algorithm: "none"}), "alg, none"},
		"a key for encryption":     {jwks(t, jose.JSONWebKey{Key: larger, Algorithm: "RS256", Use: "enc"}), "use must be sig"},
		"private after public":     {jwks(t, jose.JSONWebKey{Key: curve.Public(), Algorithm: "ES256"}, good), "is a public key"},
		"shared secret, RSA's alg": {jwks(t, jose.JSONWebKey{Key: shared, Algorithm: "RS256"}), "alg, RS256"},
	} {
		tmpl, err := NewTemplate(t.Context(), TemplateOptions{Setting: "the.setting", Keys: test.keys})
		if test.want == "" {
			if err != nil || tmpl.Keyless() {
				t.Errorf("%s: %v", name, err)
			}
			continue
		}
		if err == nil || !strings.HasPrefix(err.Error(), "the.setting.jwks_url: ") || !strings.Contains(err.Error(), test.want) || strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%s: %v, want %q", name, err, test.want)
		}
	}
}

// one is a key by itself.
func one(t *testing.T, key jose.JSONWebKey) []byte {
	t.Helper()
	raw, err := key.MarshalJSON()
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

// TestNoKeyYet: a set without keys is a template that gives no tokens.
func TestNoKeyYet(t *testing.T) {
	tmpl, err := NewTemplate(t.Context(), TemplateOptions{Setting: "the.setting", TTL: time.Minute, Keys: []byte(`{"keys":[]}`)})
	if err != nil || !tmpl.Keyless() {
		t.Fatal(err)
	}
	s := &Sessions{clock: newClock().now}
	s.now.Store(&current{Settings: Settings{Templates: map[string]*Template{"empty": tmpl}}})
	if _, err := s.Tokenize(t.Context(), &Answer{Body: []byte(`{"id":"1","identity":{"id":"2"}}`)}, "empty"); !errors.Is(err, auth.ErrTokenKey) {
		t.Error(err)
	}
}
