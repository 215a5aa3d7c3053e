package identity

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"zelus/internal/auth"
	"zelus/internal/store/storetest"
)

func TestSettleIdentifiers(t *testing.T) {
	f := newFixture(t, storetest.Memory(t, nil))
	for _, test := range []struct {
		name, traits, kept string
		want               map[auth.CredentialType][]string
	}{
		{"nothing", ``, `{}`, map[auth.CredentialType][]string{}},
		{"an empty object", `{}`, `{}`, map[auth.CredentialType][]string{}},
		{"nothing that identifies", `{"name":"Ada"}`, `{"name":"Ada"}`, map[auth.CredentialType][]string{}},
		{"an address, normalised", `{"email":"Ada@Example.org"}`, `{"email":"Ada@Example.org"}`, map[auth.CredentialType][]string{
			auth.Password: {"ada@example.org"}, auth.WebAuthn: {"ada@example.org"}, auth.Code: {"ada@example.org"}}},
		{"two in the order of the schema", `{"username":"Ada","email":"ada@example.org"}`, `{"username":"Ada","email":"ada@example.org"}`, map[auth.CredentialType][]string{
			auth.Password: {"ada@example.org", "ada"}, auth.WebAuthn: {"ada@example.org"}, auth.Code: {"ada@example.org"}}},
		{"the same one twice", `{"username":"ADA@example.org","email":"ada@example.org"}`, `{"username":"ADA@example.org","email":"ada@example.org"}`, map[auth.CredentialType][]string{
			auth.Password: {"ada@example.org"}, auth.WebAuthn: {"ada@example.org"}, auth.Code: {"ada@example.org"}}},
		{"a phone number, E.164 in the traits too", `{"phone":"+49 30 901820"}`, `{"phone":"+4930901820"}`, map[auth.CredentialType][]string{auth.Code: {"+4930901820"}}},
		{"an address that only verifies", `{"second":"ada@example.org"}`, `{"second":"ada@example.org"}`, map[auth.CredentialType][]string{}},
	} {
		t.Run(test.name, func(t *testing.T) {
			i := f.identity(t, test.traits)
			got := map[auth.CredentialType][]string{}
			for kind, c := range i.Credentials {
				got[kind] = c.Identifiers
				if c.Type != kind || !c.CreatedAt.Equal(begin) || !c.UpdatedAt.Equal(begin) || c.Version != kind.Version() {
					t.Errorf("%s: %+v", kind, c)
				}
			}
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
			if string(i.Traits) != test.kept {
				t.Errorf("the traits are %s", i.Traits)
			}
		})
	}
}

func TestSettleCode(t *testing.T) {
	f := newFixture(t, storetest.Memory(t, nil))
	i := f.identity(t, `{"email":"Ada@example.org","phone":"+49 30 901820"}`)
	const want = `{"addresses":[{"channel":"email","address":"ada@example.org"},{"channel":"sms","address":"+4930901820"}]}`
	if got := string(i.Credentials[auth.Code].Config); got != want {
		t.Errorf("got %s", got)
	}
	f.settle(t, i, `{"phone":"+4930901820"}`)
	if got := string(i.Credentials[auth.Code].Config); got != `{"addresses":[{"channel":"sms","address":"+4930901820"}]}` {
		t.Errorf("without the address: %s", got)
	}
	f.settle(t, i, `{}`)
	if _, kept := i.Credentials[auth.Code]; kept {
		t.Errorf("with nothing to send a code to: %+v", i.Credentials[auth.Code])
	}
}

// What a method stored is not lost because the traits change.
func TestSettleKeepsSecrets(t *testing.T) {
	f := newFixture(t, storetest.Memory(t, nil))
	i := f.identity(t, `{"email":"ada@example.org"}`)
	for kind, config := range map[auth.CredentialType]string{auth.Password: `{"hashed_password":"x"}`, auth.WebAuthn: `{"credentials":[{}]}`, auth.TOTP: `{"totp_url":"x"}`} {
		c := i.Credentials[kind]
		c.Type, c.Config = kind, json.RawMessage(config)
		i.Credentials[kind] = c
	}
	before := maps.Clone(i.Credentials)
	f.now = begin.Add(time.Hour)

	f.settle(t, i, `{"email":"ada@example.org","name":"Ada"}`)
	if diff := cmp.Diff(before, i.Credentials); diff != "" {
		t.Errorf("a trait that does not matter changed them (-before +after):\n%s", diff)
	}
	f.settle(t, i, `{"email":"countess@example.org"}`)
	c := i.Credentials[auth.Password]
	if string(c.Config) != `{"hashed_password":"x"}` || c.Identifiers[0] != "countess@example.org" || !c.CreatedAt.Equal(begin) || !c.UpdatedAt.Equal(f.now) {
		t.Errorf("the password became %+v", c)
	}
	f.settle(t, i, `{}`)
	if got := i.Credentials[auth.Password]; string(got.Config) != `{"hashed_password":"x"}` || len(got.Identifiers) != 0 {
		t.Errorf("without an identifier the password became %+v", got)
	}
	if got := i.Credentials[auth.TOTP]; string(got.Config) != `{"totp_url":"x"}` {
		t.Errorf("the second factor became %+v", got)
	}
	// A row without a secret and without an identifier is of no use.
	c.Config = json.RawMessage(`{}`)
	i.Credentials[auth.Password] = c
	f.settle(t, i, `{"name":"Ada"}`)
	if _, kept := i.Credentials[auth.Password]; kept {
		t.Error("an empty row is kept")
	}
}

func TestSettleAddresses(t *testing.T) {
	f := newFixture(t, storetest.Memory(t, nil))
	i := f.identity(t, `{"email":"Ada@example.org","second":"second@example.org","phone":"+4930901820"}`)
	if len(i.Verifiable) != 3 || len(i.Recovery) != 2 {
		t.Fatalf("%+v, %+v", i.Verifiable, i.Recovery)
	}
	values := map[string]auth.VerifiableAddress{}
	for n, a := range i.Verifiable {
		if a.Verified || a.VerifiedAt != nil || a.Status != auth.AddressPending || !a.CreatedAt.Equal(begin) || a.ID == uuid.Nil {
			t.Errorf("a new address is %+v", a)
		}
		if n > 0 && byID(i.Verifiable[n-1].ID, a.ID) >= 0 {
			t.Error("the addresses are not in the order of their ids")
		}
		values[a.Via+":"+a.Value] = a
	}
	if len(values) != 3 || values["email:ada@example.org"].Value == "" || values["sms:+4930901820"].Value == "" {
		t.Errorf("got %v", values)
	}

	// One was proven since; the time goes on, a value changes, one goes.
	at := begin.Add(time.Minute)
	for n := range i.Verifiable {
		if a := &i.Verifiable[n]; a.Via == auth.ViaSMS {
			a.Verified, a.VerifiedAt, a.Status, a.UpdatedAt = true, &at, auth.AddressCompleted, at
			values["proven"] = *a
		}
	}
	recovery := i.Recovery[0]
	f.now = begin.Add(time.Hour)
	f.settle(t, i, `{"email":"ADA@example.org","second":"other@example.org","phone":"+49 (30) 901820"}`)
	got := map[string]auth.VerifiableAddress{}
	for _, a := range i.Verifiable {
		got[a.Value] = a
	}
	if diff := cmp.Diff(values["proven"], got["+4930901820"]); diff != "" {
		t.Errorf("what was proven (-before +after):\n%s", diff)
	}
	if diff := cmp.Diff(values["email:ada@example.org"], got["ada@example.org"]); diff != "" {
		t.Errorf("the same address in other letters (-before +after):\n%s", diff)
	}
	if _, kept := got["second@example.org"]; kept || len(got) != 3 {
		t.Errorf("the former address is kept: %v", got)
	}
	if a := got["other@example.org"]; a.Verified || !a.CreatedAt.Equal(f.now) {
		t.Errorf("the new address is %+v", a)
	}
	if len(i.Recovery) != 2 || i.Recovery[0] != recovery && i.Recovery[1] != recovery {
		t.Errorf("recovery: %+v, want %+v kept", i.Recovery, recovery)
	}
	f.settle(t, i, `{}`)
	if i.Verifiable != nil || i.Recovery != nil {
		t.Errorf("without any: %+v, %+v", i.Verifiable, i.Recovery)
	}
	// An address that comes back has to be proven again.
	f.settle(t, i, `{"phone":"+4930901820"}`)
	if i.Verifiable[0].Verified {
		t.Error("it is still proven")
	}
}

// Whoever types an address into a field that verifies over another channel
// does not get the proof of it.
func TestSettleAddressesByChannel(t *testing.T) {
	f := newFixture(t, storetest.Memory(t, nil))
	i := f.identity(t, `{"email":"ada@example.org"}`)
	i.Verifiable[0].Verified, i.Verifiable[0].Via = true, auth.ViaSMS
	f.settle(t, i, `{"email":"ada@example.org"}`)
	if len(i.Verifiable) != 1 || i.Verifiable[0].Verified || i.Verifiable[0].Via != auth.ViaEmail {
		t.Errorf("got %+v", i.Verifiable)
	}
}

func TestSettleProblems(t *testing.T) {
	f := newFixture(t, storetest.Memory(t, nil))
	for _, traits := range []string{`{"email":"nobody"}`, `{"unknown":1}`, `{"name":"` + fmt.Sprintf("%030d", 0) + `"}`, `[]`, `null`, `{`, `{"email":1}`, "{\"username\":\"a\u202e\"}"} {
		i := f.identity(t, `{"email":"ada@example.org"}`)
		want := *clone(i)
		want.Traits, i.Traits = json.RawMessage(traits), json.RawMessage(traits)
		problems, err := f.Settle(i)
		if err != nil || len(problems) == 0 {
			t.Errorf("%s: %v, %v", traits, problems, err)
		}
		if diff := cmp.Diff(&want, i); diff != "" {
			t.Errorf("%s changed the identity:\n%s", traits, diff)
		}
		if err := f.accept(i); !errors.Is(err, auth.ErrTraits) || auth.AsError(err).Reason == "" {
			t.Errorf("%s: %v", traits, err)
		}
	}
	i := f.New("unknown")
	if _, err := f.Settle(i); !errors.Is(err, auth.ErrSchemaUnknown) {
		t.Errorf("an unknown schema: %v", err)
	}
}

func TestFactors(t *testing.T) {
	f := newFixture(t, storetest.Memory(t, nil))
	const (
		one   = `{"providers":[{"provider":"github","subject":"1"}]}`
		two   = `{"providers":[{"provider":"github","subject":"1"},{"provider":"google","subject":"1"}]}`
		owned = `{"providers":[{"provider":"github","subject":"1","organization":"00000000-0000-4000-8000-000000000001"}]}`
	)
	type all = map[auth.CredentialType]auth.Credential
	password := auth.Credential{Identifiers: []string{"ada"}, Config: []byte(`{"hashed_password":"x"}`)}
	for _, test := range []struct {
		name        string
		credentials all
		first       int
		available   auth.AAL
	}{
		{"nothing", all{}, 0, auth.AAL0},
		{"a row without a password", all{auth.Password: {Identifiers: []string{"ada"}, Config: []byte(`{}`)}}, 0, auth.AAL0},
		{"a password that nobody can name", all{auth.Password: {Config: password.Config}}, 0, auth.AAL0},
		{"a password", all{auth.Password: password}, 1, auth.AAL1},
		{"a password and a second factor", all{auth.Password: password, auth.TOTP: {}}, 1, auth.AAL2},
		{"a second factor alone", all{auth.TOTP: {}}, 0, auth.AAL2},
		{"a type that nobody counts", all{auth.Passkey: {Config: []byte(`{}`)}}, 0, auth.AAL0},
		{"a social account", all{auth.OIDC: {Identifiers: []string{"github:1"}, Config: []byte(one)}}, 1, auth.AAL1},
		{"two", all{auth.OIDC: {Identifiers: []string{"github:1", "google:1"}, Config: []byte(two)}}, 2, auth.AAL1},
		{"two, one of them without its identifier", all{auth.OIDC: {Identifiers: []string{"google:1"}, Config: []byte(two)}}, 1, auth.AAL1},
		{"of an organisation", all{auth.OIDC: {Identifiers: []string{"github:1"}, Config: []byte(owned)}}, 0, auth.AAL0},
		{"without a config", all{auth.OIDC: {Identifiers: []string{"github:1"}}}, 0, auth.AAL0},
		{"with a broken one", all{auth.OIDC: {Identifiers: []string{"github:1"}, Config: []byte(`[`)}}, 0, auth.AAL0},
		{"all together", all{auth.Password: password, auth.SAML: {Identifiers: []string{"github:1"}, Config: []byte(one)},
			auth.WebAuthn: {Config: []byte(`{"credentials":[{"is_passwordless":true},{},{}]}`)}}, 3, auth.AAL2},
	} {
		t.Run(test.name, func(t *testing.T) {
			i := &auth.Identity{Credentials: test.credentials}
			f.Reckon(i)
			if first := f.FirstFactors(i); first != test.first || counting.Available(i.Factors) != test.available {
				t.Errorf("%d first factors, %s; want %d, %s", first, counting.Available(i.Factors), test.first, test.available)
			}
		})
	}
}

func TestCredentialsJSON(t *testing.T) {
	at := begin.Add(123 * time.Microsecond)
	credentials := map[auth.CredentialType]auth.Credential{
		auth.TOTP:     {Type: auth.TOTP, Config: []byte(`{"totp_url":"secret"}`), CreatedAt: begin, UpdatedAt: at},
		auth.Password: {Type: auth.Password, Identifiers: []string{"ada"}, Config: []byte(`{"hashed_password":"secret"}`), Version: 1, CreatedAt: begin, UpdatedAt: at},
	}
	const (
		password = `"password":{"type":"password","identifiers":["ada"],`
		totp     = `"totp":{"type":"totp","identifiers":[],`
		dates    = `"created_at":"2026-03-04T05:06:07Z","updated_at":"2026-03-04T05:06:07.000123Z"}`
	)
	for _, test := range []struct {
		show []auth.CredentialType
		want string
	}{
		{nil, `{` + password + `"version":1,` + dates + `,` + totp + `"version":0,` + dates + `}`},
		{[]auth.CredentialType{auth.TOTP, auth.OIDC}, `{` + password + `"version":1,` + dates + `,` + totp + `"config":{"totp_url":"secret"},"version":0,` + dates + `}`},
		{[]auth.CredentialType{auth.Password, auth.TOTP}, `{` + password + `"config":{"hashed_password":"secret"},"version":1,` + dates + `,` + totp + `"config":{"totp_url":"secret"},"version":0,` + dates + `}`},
	} {
		if diff := cmp.Diff(test.want, string(CredentialsJSON(credentials, test.show...))); diff != "" {
			t.Errorf("%v (-want +got):\n%s", test.show, diff)
		}
	}
	if got := string(CredentialsJSON(nil)); got != "{}" {
		t.Errorf("none: %s", got)
	}
	credentials[auth.TOTP] = auth.Credential{Config: []byte(`{`)}
	if got := string(CredentialsJSON(credentials, auth.TOTP)); got != "{}" {
		t.Errorf("a broken config: %s", got)
	}
}
