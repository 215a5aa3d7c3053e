package auth_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"zelus/internal/auth"
)

// ada has everything that an identity can have.
func ada() *auth.Identity {
	at := time.Date(2026, 3, 4, 5, 6, 7, 120_000, time.UTC)
	later := at.Add(time.Hour)
	id := func(n int) uuid.UUID { return uuid.MustParse(fmt.Sprintf("00000000-0000-7000-8000-%012d", n)) }
	return &auth.Identity{
		ID: id(1), ExternalID: `x"1`, SchemaID: "person", State: auth.Active, StateChangedAt: &at,
		Traits:         json.RawMessage(`{"email":"ada@example.org","note":"\u001f\u0000 <b>","n":12345678901234567890}`),
		MetadataPublic: json.RawMessage(`{"a":"\u001f"}`), MetadataAdmin: json.RawMessage(`[1,null]`),
		OrganizationID: uuid.NullUUID{UUID: id(9), Valid: true}, CreatedAt: at, UpdatedAt: later,
		Verifiable: []auth.VerifiableAddress{{ID: id(2), Value: "ada@example.org", Verified: true, Via: auth.ViaEmail, Status: auth.AddressCompleted, VerifiedAt: &later, CreatedAt: at, UpdatedAt: later}},
		Recovery:   []auth.RecoveryAddress{{ID: id(3), Value: "ada@example.org", Via: auth.ViaEmail, CreatedAt: at, UpdatedAt: at}},
	}
}

// bob has as little as possible.
func bob() *auth.Identity {
	at := time.Date(2026, 3, 4, 5, 6, 7, 0, time.UTC)
	return &auth.Identity{ID: uuid.MustParse("00000000-0000-7000-8000-000000000004"), SchemaID: "default", State: auth.Inactive, CreatedAt: at, UpdatedAt: at}
}

func TestPackReaders(t *testing.T) {
	const (
		head      = `{"id":"00000000-0000-7000-8000-000000000001","external_id":"x\"1"`
		schema    = `,"schema_id":"person","schema_url":"`
		path      = `schemas/cGVyc29u`
		state     = `","state":"active","state_changed_at":"2026-03-04T05:06:07.00012Z","traits":{"email":"ada@example.org","note":"\u001f\u0000 <b>","n":12345678901234567890}`
		addresses = `,"verifiable_addresses":[{"id":"00000000-0000-7000-8000-000000000002","value":"ada@example.org","verified":true,"via":"email","status":"completed","verified_at":"2026-03-04T06:06:07.00012Z","created_at":"2026-03-04T05:06:07.00012Z","updated_at":"2026-03-04T06:06:07.00012Z"}],"recovery_addresses":[{"id":"00000000-0000-7000-8000-000000000003","value":"ada@example.org","via":"email","created_at":"2026-03-04T05:06:07.00012Z","updated_at":"2026-03-04T05:06:07.00012Z"}]`
		public    = `,"metadata_public":{"a":"\u001f"}`
		admin     = `,"metadata_admin":[1,null]`
		tail      = `,"created_at":"2026-03-04T05:06:07.00012Z","updated_at":"2026-03-04T06:06:07.00012Z","organization_id":"00000000-0000-7000-8000-000000000009"}`

		bobHead = `{"id":"00000000-0000-7000-8000-000000000004","schema_id":"default","schema_url":"`
		bobRest = `","state":"inactive","traits":{},"metadata_public":null`
		bobTail = `,"created_at":"2026-03-04T05:06:07Z","updated_at":"2026-03-04T05:06:07Z","organization_id":null}`
	)
	for _, test := range []struct {
		name     string
		identity *auth.Identity
		reader   auth.Reader
		want     string
	}{
		{"a list of sessions", ada(), auth.Reader{}, head + schema + state + public + tail},
		{"a session check", ada(), auth.Reader{BaseURL: "https://id.example/", Addresses: true}, head + schema + "https://id.example/" + path + state + addresses + public + tail},
		{"an administrator", ada(), auth.Reader{BaseURL: "/", Addresses: true, Admin: true}, head + schema + "/" + path + state + addresses + public + admin + tail},
		{"with credentials", ada(), auth.Reader{Credentials: []byte(`{"password":{}}`)}, head + `,"credentials":{"password":{}}` + schema + state + public + tail},
		{"a base URL that needs escaping", ada(), auth.Reader{BaseURL: `https://a"b\/`}, head + schema + `https://a\"b\\/` + path + state + public + tail},
		{"nothing to tell", bob(), auth.Reader{BaseURL: "/", Addresses: true}, bobHead + "/schemas/ZGVmYXVsdA" + bobRest + bobTail},
		{"nothing to tell an administrator", bob(), auth.Reader{Admin: true}, bobHead + bobRest + `,"metadata_admin":null` + bobTail},
		{"nothing to tell after a change", bob(), auth.Reader{Admin: true, OmitNullAdmin: true}, bobHead + bobRest + bobTail},
		{"something to tell after a change", ada(), auth.Reader{Admin: true, OmitNullAdmin: true}, head + schema + state + public + admin + tail},
	} {
		t.Run(test.name, func(t *testing.T) {
			packed := test.identity.Pack()
			if diff := cmp.Diff(test.want, string(packed.Render(test.reader))); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
			if got := string(packed.Append([]byte("["), test.reader)); got != "["+test.want {
				t.Errorf("Append does not keep what was there: %s", got)
			}
		})
	}
}

func TestPackRoundTrip(t *testing.T) {
	for name, i := range map[string]*auth.Identity{"ada": ada(), "bob": bob()} {
		t.Run(name, func(t *testing.T) {
			got, err := i.Pack().Identity()
			if err != nil {
				t.Fatal(err)
			}
			if len(i.Traits) == 0 {
				i.Traits = json.RawMessage(`{}`)
			}
			if diff := cmp.Diff(i, got); diff != "" {
				t.Errorf("-packed +read:\n%s", diff)
			}
		})
	}
}

// JSON that cannot be read must not tear the answer apart.
func TestPackBrokenJSON(t *testing.T) {
	for _, broken := range []string{"{", "\x1f", "{\"a\":\"\x1f\"}", "{}{}", `{"a":1},"b":{}`, "nul"} {
		i := ada()
		i.Traits, i.MetadataPublic, i.MetadataAdmin = json.RawMessage(broken), json.RawMessage(broken), json.RawMessage(broken)
		got, err := i.Pack().Identity()
		if err != nil {
			t.Errorf("%q: %v", broken, err)
			continue
		}
		if string(got.Traits) != "{}" || got.MetadataPublic != nil || got.MetadataAdmin != nil || got.UpdatedAt != i.UpdatedAt {
			t.Errorf("%q became %+v", broken, got)
		}
	}
}

func TestPackedIdentityErrors(t *testing.T) {
	for _, packed := range []auth.Packed{"", "{", "{}{}", `{"id":1}`, auth.Packed(strings.Repeat("\x1f", 100))} {
		if got, err := packed.Identity(); err == nil {
			t.Errorf("%q was read as %+v", packed, got)
		}
	}
}

// FuzzPack: whatever an identity holds, each reader gets valid JSON with what
// is meant for that reader and nothing else, and it can be read back.
func FuzzPack(f *testing.F) {
	f.Add("x-1", "default", []byte(`{"email":"ada@example.org"}`), []byte(`null`), []byte(`{"a":"\u001f\u0000"}`), "ada@example.org", "https://id.example/")
	f.Add("", "", []byte(nil), []byte("\x1f"), []byte("[ 1 ,\n2 ]"), "", "")
	f.Add("\x1f\x00", "\x1f", []byte("{\"a\":\"\x1f\"}"), []byte(`"`), []byte(`{}{}`), "\x1f", "\x1f")
	f.Fuzz(func(t *testing.T, external, schema string, traits, public, admin []byte, address, base string) {
		at := time.Date(2026, 3, 4, 5, 6, 7, 0, time.UTC)
		i := &auth.Identity{ID: uuid.Max, ExternalID: external, SchemaID: schema, State: auth.Active, Traits: traits, MetadataPublic: public, MetadataAdmin: admin,
			CreatedAt: at, UpdatedAt: at, Verifiable: []auth.VerifiableAddress{{Value: address, Via: auth.ViaEmail, CreatedAt: at, UpdatedAt: at}}}
		packed := i.Pack()
		for n := range 16 {
			r := auth.Reader{Addresses: n&1 > 0, Admin: n&2 > 0, OmitNullAdmin: n&4 > 0, BaseURL: base}
			if n&8 > 0 {
				r.Credentials = []byte(`{"password":{}}`)
			}
			var out map[string]json.RawMessage
			if err := json.Unmarshal(packed.Render(r), &out); err != nil {
				t.Fatalf("%+v: %v in %s", r, err, packed.Render(r))
			}
			_, hasAdmin := out["metadata_admin"]
			wantAdmin := r.Admin && !(r.OmitNullAdmin && string(compacted(admin, "null")) == "null")
			_, hasAddresses := out["verifiable_addresses"]
			_, hasCredentials := out["credentials"]
			if hasAdmin != wantAdmin || hasAddresses != r.Addresses || hasCredentials != (r.Credentials != nil) {
				t.Errorf("%+v: %s", r, packed.Render(r))
			}
		}
		got, err := packed.Identity()
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(got.Traits, compacted(traits, "{}")) || string(got.MetadataPublic) != nothing(compacted(public, "null")) || string(got.MetadataAdmin) != nothing(compacted(admin, "null")) {
			t.Errorf("packed %q, %q, %q; read %q, %q, %q", traits, public, admin, got.Traits, got.MetadataPublic, got.MetadataAdmin)
		}
		if got.ExternalID != wellFormed(external) || got.SchemaID != wellFormed(schema) || got.Verifiable[0].Value != wellFormed(address) {
			t.Errorf("packed %q, %q, %q; read %q, %q, %q", external, schema, address, got.ExternalID, got.SchemaID, got.Verifiable[0].Value)
		}
	})
}

// compacted is what Pack is expected to keep of raw JSON.
func compacted(raw []byte, broken string) []byte {
	var b bytes.Buffer
	if len(raw) == 0 || json.Compact(&b, raw) != nil {
		return []byte(broken)
	}
	return b.Bytes()
}

// nothing turns the JSON null into no text.
func nothing(raw []byte) string {
	if string(raw) == "null" {
		return ""
	}
	return string(raw)
}

// wellFormed is a text as JSON can carry it: each byte that is no UTF-8 is
// replaced.
func wellFormed(s string) string {
	var b strings.Builder
	for _, r := range s {
		if r == utf8.RuneError {
			r = '\ufffd'
		}
		b.WriteRune(r)
	}
	return b.String()
}
