package session

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/google/uuid"
	"github.com/tidwall/gjson"

	"zelus/internal/auth"
	"zelus/internal/jsonnet"
)

// Template is one kind of signed token (JWT, RFC 7519) that a session can be
// turned into. It does not change.
type Template struct {
	ttl      time.Duration
	external bool
	signer   jose.Signer     // nil as long as there is no key
	mapper   jsonnet.Program // without a source, the claims stay as they are
	setting  string          // of the mapper, for errors
	jsonnet  *jsonnet.Pool
}

// TemplateOptions are what a Template is made of.
type TemplateOptions struct {
	// Setting is the key of the template in the configuration, for errors.
	Setting string
	// TTL is how long a token is valid.
	TTL time.Duration
	// Keys is a JWKS (RFC 7517), of which the first key signs. There may be no
	// key in it yet: then no token can be had.
	Keys []byte
	// ExternalID makes the identity's external id the subject, not its id.
	ExternalID bool
	// Mapper is Jsonnet that makes further claims, evaluated by Jsonnet. Empty
	// is none.
	Mapper  string
	Jsonnet *jsonnet.Pool
}

// NewTemplate makes a Template. The error begins with the setting.
func NewTemplate(ctx context.Context, o TemplateOptions) (*Template, error) {
	t := &Template{ttl: o.TTL, external: o.ExternalID, jsonnet: o.Jsonnet, setting: o.Setting + ".claims_mapper_url", mapper: jsonnet.Program{Name: "it", Source: o.Mapper}}
	var err error
	if t.signer, err = signer(o.Keys); err != nil {
		return nil, fmt.Errorf("%s.jwks_url: %w", o.Setting, err)
	}
	if o.Mapper != "" {
		if err := o.Jsonnet.Check(ctx, t.mapper.Name, o.Mapper); err != nil {
			return nil, fmt.Errorf("%s: %w", t.setting, err)
		}
	}
	return t, nil
}

// Keyless says that there is no key to sign with.
func (t *Template) Keyless() bool { return t.signer == nil }

// signer signs with the first key of a JWKS, or is nil where there is none. No
// error repeats anything of the keys.
func signer(keys []byte) (jose.Signer, error) {
	var set struct {
		Keys *[]json.RawMessage `json:"keys"`
	}
	if err := json.Unmarshal(keys, &set); err != nil || set.Keys == nil {
		return nil, errors.New(`this is not a JWKS, an object with the list "keys" (RFC 7517 section 5)`)
	}
	if len(*set.Keys) == 0 {
		return nil, nil
	}
	var key jose.JSONWebKey
	if err := key.UnmarshalJSON((*set.Keys)[0]); err != nil || !complete(&key) {
		return nil, errors.New("the first key of the JWKS cannot be read: it must be a complete key of the kind RSA, EC, OKP or oct (RFC 7518 section 6)")
	}
	switch {
	case key.IsPublic():
		return nil, errors.New("the first key of the JWKS is a public key; tokens are signed with a private one, which has the member d")
	case key.Algorithm == "":
		return nil, errors.New("the first key of the JWKS does not say what it is for; add its alg, such as ES256 or RS256")
	case key.Use != "" && key.Use != "sig":
		return nil, fmt.Errorf("the first key of the JWKS is not for signatures: its use must be sig, and is %s", auth.Short(key.Use))
	}
	unfit := fmt.Errorf("the first key of the JWKS cannot make signatures of its alg, %s: see that the two belong together", auth.Short(key.Algorithm))
	s, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.SignatureAlgorithm(key.Algorithm), Key: key}, (&jose.SignerOptions{}).WithType("JWT"))
	if err != nil {
		return nil, unfit
	}
	if _, err := s.Sign([]byte("{}")); err != nil {
		return nil, unfit
	}
	return s, nil
}

func complete(key *jose.JSONWebKey) bool {
	if shared, ok := key.Key.([]byte); ok {
		return len(shared) > 0
	}
	return key.Valid()
}

// claimsWithin bounds how long the claims of a token may take to compute.
const claimsWithin = 30 * time.Second

// Tokenize gives the answer to who a session is together with a signed token of
// the kind that a template describes. It reads no database.
func (s *Sessions) Tokenize(ctx context.Context, a *Answer, template string) ([]byte, error) {
	c := s.now.Load()
	t := c.Templates[template]
	if t == nil {
		return nil, auth.ErrParameter.Saying("There is no tokenizer template %q.", auth.Short(template))
	}
	if t.signer == nil {
		return nil, auth.ErrTokenKey
	}
	ctx, cancel := context.WithTimeout(ctx, claimsWithin)
	defer cancel()
	claims, err := t.claims(ctx, c.BaseURL, a.Body, s.clock())
	if err != nil {
		return nil, err
	}
	payload, err := json.Marshal(claims)
	if err != nil {
		return nil, err
	}
	signed, err := t.signer.Sign(payload)
	if err != nil {
		return nil, fmt.Errorf("signing a token: %w", err)
	}
	token, err := signed.CompactSerialize()
	if err != nil {
		return nil, err
	}
	body := make([]byte, 0, len(a.Body)+len(token)+20)
	body = append(append(body, a.Body[:len(a.Body)-1]...), `,"tokenized":"`...)
	return append(append(body, token...), `"}`...), nil
}

// claims are what a token says of a session, whose JSON is given. The mapper may
// change all of it but whom the token is about.
func (t *Template) claims(ctx context.Context, issuer string, session []byte, now time.Time) (map[string]any, error) {
	subject := "identity.id"
	if t.external {
		subject = "identity.external_id"
	}
	facts := gjson.GetManyBytes(session, "id", subject)
	if facts[1].String() == "" {
		return nil, auth.ErrTokenSubject
	}
	claims := map[string]any{"jti": uuid.NewString(), "iss": issuer, "sid": facts[0].String(),
		"iat": now.Unix(), "nbf": now.Unix(), "exp": now.Add(t.ttl).Unix()}
	sub := facts[1].String()
	claims["sub"] = sub
	if t.mapper.Source == "" {
		return claims, nil
	}
	own, err := json.Marshal(claims)
	if err != nil {
		return nil, err
	}
	program := t.mapper
	program.Ext = map[string]json.RawMessage{"session": session, "claims": own}
	output, err := t.jsonnet.Evaluate(ctx, program)
	if err != nil {
		err = fmt.Errorf("%s: %w", t.setting, err)
	}
	switch {
	case errors.Is(err, jsonnet.ErrBusy):
		return nil, auth.ErrTooBusy.Because(err).Saying("More tokens are asked for at this moment than this server can make. Wait a moment and try again.")
	case err != nil && jsonnet.OfProgram(err):
		return nil, auth.ErrConfiguration.Because(err)
	case err != nil:
		return nil, err
	}
	var mapped struct {
		Claims map[string]json.RawMessage `json:"claims"`
	}
	if err := json.Unmarshal(output, &mapped); err != nil || mapped.Claims == nil {
		return nil, auth.ErrConfiguration.Because(fmt.Errorf("%s: the output has no object claims", t.setting))
	}
	for name, value := range mapped.Claims {
		claims[name] = value
	}
	claims["sub"] = sub
	return claims, nil
}
