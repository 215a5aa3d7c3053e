package identity

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/google/uuid"

	"zelus/internal/auth"
	"zelus/internal/hash"
	"zelus/internal/schema"
	"zelus/internal/store"
)

const (
	personSchema = `{"type": "object", "properties": {"traits": {"type": "object", "additionalProperties": false, "properties": {
		"email": {"type": "string", "format": "email", "ory.sh/kratos": {
			"credentials": {"password": {"identifier": true}, "webauthn": {"identifier": true}, "code": {"identifier": true, "via": "email"}},
			"verification": {"via": "email"}, "recovery": {"via": "email"}}},
		"second": {"type": "string", "format": "email", "ory.sh/kratos": {"verification": {"via": "email"}, "recovery": {"via": "email"}}},
		"username": {"type": "string", "ory.sh/kratos": {"credentials": {"password": {"identifier": true}}}},
		"phone": {"type": "string", "format": "tel", "ory.sh/kratos": {
			"credentials": {"code": {"identifier": true, "via": "sms"}}, "verification": {"via": "sms"}}},
		"name": {"type": "string", "maxLength": 20}}}}}`
	staffSchema = `{"type": "object", "properties": {"traits": {"type": "object", "required": ["number"], "properties": {
		"number": {"type": "integer", "ory.sh/kratos": {"credentials": {"password": {"identifier": true}}}}}}}}`
)

// begin is the time at which all tests begin.
var begin = time.Date(2026, 3, 4, 5, 6, 7, 0, time.UTC)

// fixture is a manager on a database with a clock that is moved by hand.
type fixture struct {
	*Manager
	now time.Time
}

func newFixture(t testing.TB, st *store.Store) *fixture {
	t.Helper()
	source := func(id, text string) schema.Source {
		return schema.Source{ID: id, URL: "base64://" + base64.StdEncoding.EncodeToString([]byte(text))}
	}
	schemas, err := schema.Load(t.Context(), []schema.Source{source("person", personSchema), source("staff", staffSchema)}, schema.Options{})
	if err != nil {
		t.Fatal(err)
	}
	hashes, err := hash.NewPool(hash.Options{Params: hash.Params{BcryptCost: 4}, Workers: 1})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(hashes.Close)
	f := &fixture{now: begin}
	f.Manager = &Manager{Store: st, Schemas: func() *schema.Set { return schemas }, Hashes: hashes, Clock: func() time.Time { return f.now },
		Factors: []Factor{
			{Type: auth.Password, Holds: func(c auth.Credential) []auth.Factors {
				var config PasswordConfig
				if json.Unmarshal(c.Config, &config) != nil || config.HashedPassword == "" || len(c.Identifiers) == 0 {
					return nil
				}
				return []auth.Factors{auth.FactorPassword}
			}},
			{Type: auth.OIDC, Holds: SocialFactor},
			{Type: auth.SAML, Holds: SocialFactor},
			{Type: auth.TOTP, Holds: func(auth.Credential) []auth.Factors { return []auth.Factors{auth.FactorTOTP} }},
			{Type: auth.WebAuthn, Holds: keys},
		}, Policy: func() auth.Policy { return counting }}
	return f
}

// howStored leaves out how an encrypted credential stands in its table.
var howStored = cmpopts.IgnoreFields(auth.Credential{}, "Sealed")

// counting is what factors count for.
var counting = auth.Policy{First: auth.FactorPassword | auth.FactorSocial | auth.FactorKeyAlone, Second: auth.FactorTOTP | auth.FactorKey}

// keys are the security keys that are, or are not, a first factor.
func keys(c auth.Credential) (all []auth.Factors) {
	var config struct {
		Credentials []struct {
			Passwordless bool `json:"is_passwordless"`
		} `json:"credentials"`
	}
	if json.Unmarshal(c.Config, &config) != nil {
		return nil
	}
	for _, key := range config.Credentials {
		if key.Passwordless {
			all = append(all, auth.FactorKeyAlone)
		} else {
			all = append(all, auth.FactorKey)
		}
	}
	return all
}

// identity is one of the person schema that is settled and not stored.
func (f *fixture) identity(t testing.TB, traits string) *auth.Identity {
	t.Helper()
	i := f.New("person")
	f.settle(t, i, traits)
	return i
}

func (f *fixture) settle(t testing.TB, i *auth.Identity, traits string) {
	t.Helper()
	i.Traits = json.RawMessage(traits)
	problems, err := f.Settle(i)
	if err != nil || len(problems) > 0 {
		t.Fatalf("%v, %v", problems, err)
	}
}

// create makes an identity as an administrator does.
func (f *fixture) create(t testing.TB, c Creation) *auth.Identity {
	t.Helper()
	i, err := f.Create(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	return i
}

func (f *fixture) get(t testing.TB, id uuid.UUID) *auth.Identity {
	t.Helper()
	i, err := f.Get(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	return i
}

// give stores a credential as a method would have done.
func (f *fixture) give(t testing.TB, id uuid.UUID, kind auth.CredentialType, config string, identifiers ...string) {
	t.Helper()
	_, err := f.update(t.Context(), id, func(i *auth.Identity) error {
		c := i.Credentials[kind]
		c.Type, c.Config, c.CreatedAt, c.UpdatedAt = kind, json.RawMessage(config), begin, begin
		if len(identifiers) > 0 {
			c.Identifiers = identifiers
		}
		i.Credentials[kind] = c
		return nil
	}, nil)
	if err != nil {
		t.Fatal(err)
	}
}

// session stores a session of an identity and returns the hash of its token.
func (f *fixture) session(t testing.TB, of uuid.UUID) []byte {
	t.Helper()
	s := &auth.Session{ID: uuid.Must(uuid.NewV7()), Project: auth.DefaultProject, IdentityID: of, TokenHash: []byte(uuid.NewString()), Active: true, AAL: auth.AAL1,
		IssuedAt: f.now, AuthenticatedAt: f.now, ExpiresAt: f.now.Add(24 * time.Hour)}
	if err := f.Store.Write(t.Context(), store.Durable, func(tx *store.Tx) error { return tx.InsertSession(t.Context(), s) }); err != nil {
		t.Fatal(err)
	}
	return s.TokenHash
}

// signedIn says whether a session lets somebody in.
func (f *fixture) signedIn(t testing.TB, tokenHash []byte) bool {
	t.Helper()
	row, err := f.Store.SessionByToken(t.Context(), tokenHash)
	if errors.Is(err, store.ErrNotFound) {
		return false
	}
	if err != nil {
		t.Fatal(err)
	}
	return row.Live(f.now)
}

// types are the types of an identity's credentials, in order.
func types(i *auth.Identity) []auth.CredentialType {
	var all []auth.CredentialType
	for t := range i.Credentials {
		all = append(all, t)
	}
	slices.Sort(all)
	return all
}

// object decodes JSON from a test, for fields that hold JSON themselves.
func object[T any](t testing.TB, text string) T {
	t.Helper()
	var v T
	if err := json.Unmarshal([]byte(text), &v); err != nil {
		t.Fatal(err)
	}
	return v
}
