package identity

import (
	"bytes"
	"encoding/json"
	"errors"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"zelus/internal/auth"
	"zelus/internal/store"
	"zelus/internal/store/storetest"
)

// patchable is an identity that has something of everything.
func (f *fixture) patchable(t testing.TB) *auth.Identity {
	t.Helper()
	return f.create(t, Creation{Traits: json.RawMessage(`{"email":"ada@example.org","name":"Ada"}`), ExternalID: "x-1", MetadataPublic: json.RawMessage(`{"list":[1,2]}`),
		Credentials: object[*Import](t, `{"password":{"config":{"password":"correct horse"}},"oidc":{"config":{"providers":[{"provider":"github","subject":"1"}]}}}`)})
}

func TestPatch(t *testing.T) {
	storetest.Each(t, nil, func(t *testing.T, st *store.Store) {
		f := newFixture(t, st)
		made := f.patchable(t)
		f.now = begin.Add(time.Hour)
		organization := uuid.New()
		for _, test := range []struct {
			name, patch string
			change      func(*auth.Identity)
		}{
			{"nothing", `[]`, func(*auth.Identity) {}},
			{"a trait", `[{"op":"replace","path":"/traits/name","value":"Countess"}]`, func(i *auth.Identity) { i.Traits = json.RawMessage(`{"email":"ada@example.org","name":"Countess"}`) }},
			{"a trait that goes", `[{"op":"remove","path":"/traits/name"}]`, func(i *auth.Identity) { i.Traits = json.RawMessage(`{"email":"ada@example.org"}`) }},
			{"a trait that was not there, replaced", `[{"op":"replace","path":"/traits/username","value":"Ada"}]`, func(i *auth.Identity) {
				i.Traits = json.RawMessage(`{"email":"ada@example.org","username":"Ada"}`)
				c := i.Credentials[auth.Password]
				c.Identifiers, c.UpdatedAt = []string{"ada@example.org", "ada"}, f.now
				i.Credentials[auth.Password] = c
			}},
			{"metadata where there were none", `[{"op":"add","path":"/metadata_admin/a/b","value":[1]}]`, func(i *auth.Identity) { i.MetadataAdmin = json.RawMessage(`{"a":{"b":[1]}}`) }},
			{"an entry of a list", `[{"op":"add","path":"/metadata_public/list/-","value":3},{"op":"remove","path":"/metadata_public/list/0"}]`, func(i *auth.Identity) { i.MetadataPublic = json.RawMessage(`{"list":[2,3]}`) }},
			{"a name with slash and tilde", `[{"op":"replace","path":"/metadata_public/a~1b~0c","value":"\u001f\u0000"}]`, func(i *auth.Identity) { i.MetadataPublic = json.RawMessage(`{"a/b~c":"\u001f\u0000","list":[2,3]}`) }},
			{"metadata that go", `[{"op":"remove","path":"/metadata_public"},{"op":"replace","path":"/metadata_admin","value":null}]`, func(i *auth.Identity) { i.MetadataPublic, i.MetadataAdmin = nil, nil }},
			{"external id and organisation", `[{"op":"replace","path":"/external_id","value":"x-2"},{"op":"replace","path":"/organization_id","value":"` + organization.String() + `"}]`, func(i *auth.Identity) {
				i.ExternalID, i.OrganizationID = "x-2", uuid.NullUUID{UUID: organization, Valid: true}
			}},
			{"both go", `[{"op":"remove","path":"/external_id"},{"op":"replace","path":"/organization_id","value":null}]`, func(i *auth.Identity) { i.ExternalID, i.OrganizationID = "", uuid.NullUUID{} }},
			{"an address is proven", `[{"op":"replace","path":"/verifiable_addresses/0/verified","value":true},{"op":"replace","path":"/verifiable_addresses/0/status","value":"completed"}]`, func(i *auth.Identity) {
				a := &i.Verifiable[0]
				a.Verified, a.Status, a.VerifiedAt, a.UpdatedAt = true, auth.AddressCompleted, &f.now, f.now
			}},
			{"a password", `[{"op":"replace","path":"/credentials/password/config/hashed_password","value":"$md5$CY9rzUYh03PK3k6DJie09g=="}]`, func(i *auth.Identity) {
				c := i.Credentials[auth.Password]
				c.Config, c.UpdatedAt = json.RawMessage(`{"hashed_password":"$md5$CY9rzUYh03PK3k6DJie09g=="}`), f.now
				i.Credentials[auth.Password] = c
			}},
			{"what only the server knows", `[{"op":"replace","path":"/created_at","value":"2000-01-01T00:00:00Z"},{"op":"replace","path":"/state_changed_at","value":"2000-01-01T00:00:00Z"},
				{"op":"add","path":"/recovery_addresses/0/value","value":"bob@example.org"},{"op":"remove","path":"/schema_url"}]`, func(*auth.Identity) {}},
			{"a whole credential", `[{"op":"replace","path":"/credentials/password","value":{"type":"password","config":{"hashed_password":"$md5$rL0Y20zC+Fzt72VPzMSk2A=="},"identifiers":["bob"]}}]`, func(i *auth.Identity) {
				c := i.Credentials[auth.Password]
				c.Config, c.UpdatedAt = json.RawMessage(`{"hashed_password":"$md5$rL0Y20zC+Fzt72VPzMSk2A=="}`), f.now
				i.Credentials[auth.Password] = c
			}},
			{"the same part twice", `[{"op":"remove","path":"/metadata_public"},{"op":"add","path":"/metadata_public/a","value":1},{"op":"replace","path":"/metadata_public/a","value":2}]`, func(i *auth.Identity) {
				i.MetadataPublic = json.RawMessage(`{"a":2}`)
			}},
			{"what is missing on the way", `[{"op":"add","path":"/metadata_public/b/c/d","value":1},{"op":"replace","path":"/metadata_public/b/e/f","value":2},{"op":"add","path":"/metadata_public/l/-","value":3},{"op":"add","path":"/metadata_public/l/0","value":4},
				{"op":"replace","path":"/metadata_public/l/1","value":5},{"op":"add","path":"/metadata_public/m/0/n","value":6},{"op":"add","path":"/metadata_public/m/-/01","value":7}]`, func(i *auth.Identity) {
				i.MetadataPublic = json.RawMessage(`{"a":2,"b":{"c":{"d":1},"e":{"f":2}},"l":[4,5],"m":[{"n":6},{"01":7}]}`)
			}},
			{"null is nothing", `[{"op":"replace","path":"/metadata_public/l","value":[null]},{"op":"add","path":"/metadata_public/l/0/a","value":1},{"op":"replace","path":"/metadata_public/b","value":null},{"op":"add","path":"/metadata_public/b/c","value":2},{"op":"remove","path":"/metadata_public/m"}]`, func(i *auth.Identity) {
				i.MetadataPublic = json.RawMessage(`{"a":2,"b":{"c":2},"l":[{"a":1}]}`)
			}},
			{"other members of an operation", `[{"op":"add","path":"/metadata_public/a","value":3,"Path":"/id","PATH":"/id","from":"/id","else":[]}]`, func(i *auth.Identity) {
				i.MetadataPublic = json.RawMessage(`{"a":3,"b":{"c":2},"l":[{"a":1}]}`)
			}},
		} {
			t.Run(test.name, func(t *testing.T) {
				want := f.get(t, made.ID)
				f.now = f.now.Add(time.Minute)
				want.UpdatedAt = f.now
				test.change(want)
				got, err := f.Patch(t.Context(), made.ID, []byte(test.patch))
				if err != nil {
					t.Fatal(err)
				}
				for name, pair := range map[string][2]json.RawMessage{"traits": {want.Traits, got.Traits}, "metadata_public": {want.MetadataPublic, got.MetadataPublic},
					"metadata_admin": {want.MetadataAdmin, got.MetadataAdmin}} {
					if (len(pair[0]) > 0 || len(pair[1]) > 0) && !sameJSON(pair[0], pair[1]) {
						t.Errorf("%s: want %s, got %s", name, pair[0], pair[1])
					}
				}
				want.Traits, want.MetadataPublic, want.MetadataAdmin = got.Traits, got.MetadataPublic, got.MetadataAdmin
				if diff := cmp.Diff(want, got); diff != "" {
					t.Errorf("-want +got:\n%s", diff)
				}
				if diff := cmp.Diff(got, f.get(t, made.ID)); diff != "" {
					t.Errorf("-answered +stored:\n%s", diff)
				}
			})
		}
	})
}

func TestPatchRefuses(t *testing.T) {
	f := newFixture(t, storetest.Memory(t, nil))
	i := f.patchable(t)
	f.create(t, Creation{Traits: json.RawMessage(`{"email":"bob@example.org"}`)})
	before := f.get(t, i.ID)
	f.now = begin.Add(time.Hour)
	for _, test := range []struct {
		name, patch string
		want        *auth.Error
	}{
		{"no JSON", `[`, auth.ErrPatch},
		{"nothing", ``, auth.ErrPatch},
		{"no list", `{"op":"add","path":"/traits","value":{}}`, auth.ErrPatch},
		{"no operations", `[1]`, auth.ErrPatch},
		{"an operation that is null", `[null]`, auth.ErrPatch},
		{"no operation's name", `[{"path":"/traits"}]`, auth.ErrPatch},
		{"no path", `[{"op":"remove"}]`, auth.ErrPatch},
		{"a path that is no text", `[{"op":"remove","path":1}]`, auth.ErrPatch},
		{"no value", `[{"op":"add","path":"/traits/name"}]`, auth.ErrPatch},
		{"a text that is a number", `[{"op":"replace","path":"/external_id","value":1}]`, auth.ErrPatch},
		{"an organisation that is none", `[{"op":"replace","path":"/organization_id","value":"x"}]`, auth.ErrPatch},
		{"addresses that are none", `[{"op":"replace","path":"/verifiable_addresses","value":{"a":1}}]`, auth.ErrPatch},
		{"a schema that there is not", `[{"op":"replace","path":"/schema_id","value":"` + strings.Repeat("x", 100_000) + `"}]`, auth.ErrSchemaUnknown},
		{"a test", `[{"op":"test","path":"/traits/name","value":"Ada"}]`, auth.ErrPatch},
		{"a move", `[{"op":"move","from":"/traits/name","path":"/traits/username"}]`, auth.ErrPatch},
		{"a move of what is denied", `[{"op":"move","from":"/credentials/oidc","path":"/metadata_public/oidc"}]`, auth.ErrPatch},
		{"a copy", `[{"op":"copy","from":"/credentials/password","path":"/metadata_public/stolen"}]`, auth.ErrPatch},
		{"the whole identity", `[{"op":"replace","path":"","value":{}}]`, auth.ErrPatch},
		{"the whole identity, null", `[{"op":"add","path":null,"value":null}]`, auth.ErrPatch},
		{"a path without a slash", `[{"op":"add","path":"traits","value":{}}]`, auth.ErrPatch},
		{"a tilde that escapes nothing", `[{"op":"add","path":"/metadata_public/a~2","value":1}]`, auth.ErrPatch},
		{"a tilde at the end", `[{"op":"add","path":"/metadata_public/a~","value":1}]`, auth.ErrPatch},
		{"members in capitals", `[{"OP":"add","PATH":"/traits/name","VALUE":"x"}]`, auth.ErrPatch},
		{"a member in capitals", `[{"op":"add","path":"/Traits","value":{"email":"eve@example.org"}}]`, auth.ErrPatch},
		{"a member with a long s", `[{"op":"add","path":"/\u017ftate","value":"inactive"}]`, auth.ErrPatch},
		{"a member that an identity lacks", `[{"op":"add","path":"/anything","value":1}]`, auth.ErrPatch},
		{"below a date", `[{"op":"add","path":"/created_at/x","value":1}]`, auth.ErrPatch},
		{"an operation in capitals", `[{"op":"ADD","path":"/traits/name","value":"x"}]`, auth.ErrPatch},
		{"what is not there removed", `[{"op":"remove","path":"/traits/username"}]`, auth.ErrPatch},
		{"a path below a text", `[{"op":"add","path":"/traits/name/first","value":"x"}]`, auth.ErrPatch},
		{"a good one and then a bad one", `[{"op":"replace","path":"/traits/name","value":"x"},{"op":"remove","path":"/nothing"}]`, auth.ErrPatch},
		{"a trait that the schema does not know", `[{"op":"add","path":"/traits/colour","value":"red"}]`, auth.ErrTraits},
		{"a trait that breaks the schema", `[{"op":"replace","path":"/traits/email","value":"nobody"}]`, auth.ErrTraits},
		{"traits that are no object", `[{"op":"replace","path":"/traits","value":[]}]`, auth.ErrTraits},
		{"traits that are null", `[{"op":"replace","path":"/traits","value":null}]`, auth.ErrTraits},
		{"a schema that the traits do not fit", `[{"op":"replace","path":"/schema_id","value":"staff"}]`, auth.ErrTraits},
		{"a schema that is unknown", `[{"op":"replace","path":"/schema_id","value":"unknown"}]`, auth.ErrSchemaUnknown},
		{"a schema that is no text", `[{"op":"replace","path":"/schema_id","value":1}]`, auth.ErrPatch},
		{"an unknown state", `[{"op":"replace","path":"/state","value":"asleep"}]`, auth.ErrState},
		{"no state", `[{"op":"remove","path":"/state"}]`, auth.ErrState},
		{"somebody else's identifier", `[{"op":"replace","path":"/traits/email","value":"bob@example.org"}]`, auth.ErrConflict},
		{"an organisation that is no id", `[{"op":"replace","path":"/organization_id","value":"acme"}]`, auth.ErrPatch},
		{"a new credential", `[{"op":"add","path":"/credentials/totp","value":{"type":"totp","config":{}}}]`, auth.ErrPatch},
		{"a new credential in parents that are made", `[{"op":"replace","path":"/credentials/totp/config/totp_url","value":"x"}]`, auth.ErrPatch},
		{"a credential without a name", `[{"op":"add","path":"/credentials/","value":{"type":"password"}}]`, auth.ErrPatch},
		{"a credential of a name with a slash", `[{"op":"add","path":"/credentials/oidc~1config","value":{"type":"oidc"}}]`, auth.ErrPatch},
		{"a credential's type", `[{"op":"replace","path":"/credentials/password/type","value":"totp"}]`, auth.ErrPatch},
		{"a credential's identifiers", `[{"op":"add","path":"/credentials/password/identifiers","value":["bob"]}]`, auth.ErrPatch},
		{"a credential's config in capitals", `[{"op":"add","path":"/credentials/password/Config","value":{}}]`, auth.ErrPatch},
		{"another credential's name in capitals", `[{"op":"add","path":"/credentials/PASSWORD/config","value":{}}]`, auth.ErrPatch},
		{"a credential that goes", `[{"op":"remove","path":"/credentials/password"}]`, auth.ErrPatch},
		{"a credential that is null", `[{"op":"replace","path":"/credentials/password","value":null}]`, auth.ErrPatch},
		{"a credential of another type", `[{"op":"replace","path":"/credentials/password","value":{"type":"oidc","config":{}}}]`, auth.ErrPatch},
		{"a credential whose type is in capitals", `[{"op":"replace","path":"/credentials/password","value":{"Type":"password","config":{}}}]`, auth.ErrPatch},
		{"a credential without config", `[{"op":"remove","path":"/credentials/password/config"}]`, auth.ErrPatch},
		{"a hash that cannot be checked", `[{"op":"replace","path":"/credentials/password/config/hashed_password","value":"hunter2"}]`, auth.ErrPasswordHash},
		{"a password's config that is no object", `[{"op":"replace","path":"/credentials/password/config","value":[1]}]`, auth.ErrPatch},
		{"an index beyond the end", `[{"op":"add","path":"/metadata_public/list/9","value":1}]`, auth.ErrPatch},
		{"an index far beyond the end", `[{"op":"add","path":"/metadata_public/list/100000/x","value":1}]`, auth.ErrPatch},
		{"an index beyond the end of a list that is made", `[{"op":"add","path":"/metadata_public/a/100000/x","value":1}]`, auth.ErrPatch},
		{"an index that no number holds", `[{"op":"add","path":"/metadata_public/list/99999999999999999999","value":1}]`, auth.ErrPatch},
		{"an index behind the last, replaced", `[{"op":"replace","path":"/metadata_public/list/2","value":1}]`, auth.ErrPatch},
		{"the end, replaced", `[{"op":"replace","path":"/metadata_public/list/-","value":1}]`, auth.ErrPatch},
		{"the end, removed", `[{"op":"remove","path":"/metadata_public/list/-"}]`, auth.ErrPatch},
		{"an index behind the last, removed", `[{"op":"remove","path":"/metadata_public/list/2"}]`, auth.ErrPatch},
		{"an index with a zero before", `[{"op":"add","path":"/metadata_public/list/01","value":1}]`, auth.ErrPatch},
		{"an index that is negative", `[{"op":"remove","path":"/metadata_public/list/-9"}]`, auth.ErrPatch},
		{"an index that is negative, as a step", `[{"op":"add","path":"/metadata_public/list/-1/x","value":1}]`, auth.ErrPatch},
		{"a name in a list", `[{"op":"add","path":"/metadata_public/list/first","value":1}]`, auth.ErrPatch},
		{"an external id that no database keeps", `[{"op":"add","path":"/external_id","value":"a\u0000"}]`, auth.ErrBadRequest},
		{"an external id that no database finds", `[{"op":"add","path":"/external_id","value":"` + strings.Repeat("a", maxName+1) + `"}]`, auth.ErrBadRequest},
		{"more than is done at once", "[" + strings.Repeat(`{"op":"add","path":"/metadata_public/a","value":1},`, maxOperations) + `{"op":"add","path":"/metadata_public/a","value":1}]`, auth.ErrPatch},
		{"a path that is too deep", `[{"op":"add","path":"/metadata_public` + strings.Repeat("/a", maxSteps) + `","value":1}]`, auth.ErrPatch},
		{"a path that is too long", `[{"op":"add","path":"/metadata_public/` + strings.Repeat("a", maxPath) + `","value":1}]`, auth.ErrPatch},
		{"what is nested too deeply together", `[{"op":"add","path":"/metadata_public` + strings.Repeat("/a", maxSteps-1) + `","value":` + strings.Repeat("[", 9950) + strings.Repeat("]", 9950) + `}]`, auth.ErrPatch},
	} {
		t.Run(test.name, func(t *testing.T) {
			got, err := f.Patch(t.Context(), i.ID, []byte(test.patch))
			if !errors.Is(err, test.want) {
				t.Fatalf("got %+v, %v", got, err)
			}
			if e := auth.AsError(err); e.Reason == "" && e.Message == "" {
				t.Error("nobody is told why")
			}
			plainlySaid(t, test.patch, err)
			if diff := cmp.Diff(before, f.get(t, i.ID)); diff != "" {
				t.Errorf("it changed all the same (-before +after):\n%s", diff)
			}
		})
	}
	if _, err := f.Patch(t.Context(), uuid.New(), []byte(`[]`)); !errors.Is(err, auth.ErrIdentityUnknown) {
		t.Errorf("of nobody: %v", err)
	}
}

func TestPatchDenied(t *testing.T) {
	f := newFixture(t, storetest.Memory(t, nil))
	i := f.patchable(t)
	before := f.get(t, i.ID)
	f.now = begin.Add(time.Hour)
	for _, path := range []string{
		"/id", "/ID", "/iD", "/id/x", "/stateChangedAt", "/STATECHANGEDAT",
		"/credentials", "/Credentials", "/CREDENTIALS", "/credential\u017f", "/\u017ftatechangedat",
		"/credentials/oidc", "/credentials/OIDC", "/Credentials/oidc", "/credentials/oidc/", "/credentials/oidc/config", "/credentials/oIdC/Config/providers/0/subject", "/credentials/oidc/config~1providers",
		"/credential\u017f/oidc", "/credentials/\u017faml", "/credentials/saml", "/credentials/SAML", "/credentials/saml/", "/credentials/saml/config/providers/-", "/credentials/saml//",
	} {
		quoted, err := json.Marshal(path)
		if err != nil {
			t.Fatal(err)
		}
		for _, op := range []string{"add", "remove", "replace", "test", "move", "copy"} {
			for name, patch := range map[string]string{
				"alone": `[{"op":"` + op + `","path":` + string(quoted) + `,"from":"/traits/name","value":{}}]`,
				"later": `[{"op":"replace","path":"/traits/name","value":"x"},{"op":"` + op + `","path":` + string(quoted) + `,"from":"/traits/name","value":{}}]`,
				// JSON has more than one way to write the same text.
				"written otherwise": `[{"op":"` + op + `","path":"` + strings.ReplaceAll(strings.ReplaceAll(path, "/", `\/`), "i", `\u0069`) + `","from":"/traits/name","value":{}}]`,
			} {
				_, err := f.Patch(t.Context(), i.ID, []byte(patch))
				if !errors.Is(err, auth.ErrPatchDenied) || !strings.Contains(auth.AsError(err).Message, path) {
					t.Errorf("%s %s, %s: %v", op, path, name, err)
				}
			}
		}
	}
	// What begins with the same letters is another path.
	for _, path := range []string{"/ids", "/credentialstore", "/i~0d", "/credentials~1oidc"} {
		if _, err := f.Patch(t.Context(), i.ID, []byte(`[{"op":"remove","path":"`+path+`"}]`)); !errors.Is(err, auth.ErrPatch) {
			t.Errorf("%s: %v", path, err)
		}
	}
	if diff := cmp.Diff(before, f.get(t, i.ID)); diff != "" {
		t.Errorf("something changed (-before +after):\n%s", diff)
	}
}

// FuzzPatch: no patch makes the server panic, leaves an identity that cannot be
// read, or gives it an identifier that its traits do not hold. One that is
// refused changes nothing and says why in short; one that is taken changes what
// it names and nothing else, metadata as another reading of the patch does.
func FuzzPatch(f *testing.F) {
	at := newFixture(f, storetest.Memory(f, nil))
	c := Creation{Traits: json.RawMessage(`{"email":"ada@example.org","name":"Ada"}`), MetadataPublic: json.RawMessage(`{"list":[1,2]}`),
		Credentials: object[*Import](f, `{"password":{"config":{"hashed_password":"$md5$CY9rzUYh03PK3k6DJie09g=="}},"oidc":{"config":{"providers":[{"provider":"github","subject":"1"}]}}}`)}
	f.Add([]byte(`[{"op":"replace","path":"/traits/name","value":"Countess"}]`))
	f.Add([]byte(`[{"op":"add","path":"/metadata_public/a/-/b","value":[null]},{"op":"remove","path":"/metadata_public/list/1"},{"op":"replace","path":"/metadata_public/a/0/b/0","value":1e2}]`))
	f.Fuzz(func(t *testing.T, patch []byte) {
		i := at.create(t, c)
		before := at.get(t, i.ID)
		_, err := at.Patch(t.Context(), i.ID, patch)
		got := at.get(t, i.ID)
		if err != nil {
			plainlySaid(t, string(patch), err)
			if diff := cmp.Diff(before, got); diff != "" {
				t.Errorf("%q was refused (%v), and changed it:\n%s", patch, err, diff)
			}
		} else {
			onlyNamed(t, patch, before, got)
		}
		if !got.State.Valid() || !json.Valid(got.Pack().Render(auth.Reader{Admin: true, Addresses: true})) {
			t.Errorf("%q made it %+v", patch, got)
		}
		fresh := at.New(got.SchemaID)
		at.settle(t, fresh, string(got.Traits))
		if diff := cmp.Diff(fresh.Credentials[auth.Password].Identifiers, got.Credentials[auth.Password].Identifiers); diff != "" {
			t.Errorf("after %q its identifiers do not follow from %s:\n%s", patch, got.Traits, diff)
		}
		if diff := cmp.Diff(i.Credentials[auth.OIDC], got.Credentials[auth.OIDC], howStored); diff != "" {
			t.Errorf("%q changed its social accounts:\n%s", patch, diff)
		}
		if err := at.Delete(t.Context(), i.ID); err != nil {
			t.Error(err)
		}
	})
}

// plainlySaid wants an error that is short and in our own words.
func plainlySaid(t *testing.T, patch string, err error) {
	t.Helper()
	e := auth.AsError(err)
	said := string(e.JSON(""))
	if e.Status >= 500 || len(said) > 3*maxPath {
		t.Errorf("%.1000q: %.1000s", patch, said)
	}
	for _, word := range []string{"json:", "Go ", "unmarshal", "invalid UUID", "parsing time"} {
		if strings.Contains(said, word) && !strings.Contains(patch, word) {
			t.Errorf("%.1000q: the error says %q: %s", patch, word, said)
		}
	}
}

// onlyNamed compares an identity before and after a patch that was taken.
func onlyNamed(t *testing.T, patch []byte, before, after *auth.Identity) {
	t.Helper()
	var operations []map[string]any
	dec := json.NewDecoder(bytes.NewReader(patch))
	dec.UseNumber()
	if err := dec.Decode(&operations); err != nil {
		t.Fatalf("%q was taken: %v", patch, err)
	}
	named := map[string]bool{}
	want := read(t, before.MetadataPublic)
	for _, op := range operations {
		path, _ := op["path"].(string)
		steps := strings.Split(strings.TrimPrefix(path, "/"), "/")
		for n := range steps {
			steps[n] = strings.NewReplacer("~1", "/", "~0", "~").Replace(steps[n])
		}
		named[steps[0]] = true
		if steps[0] != "metadata_public" {
			continue
		}
		root, ok := patched(map[string]any{"metadata_public": want}, op["op"].(string), steps, op["value"])
		if !ok {
			t.Fatalf("%q was taken, but %v cannot be done", patch, op)
		}
		want = root.(map[string]any)["metadata_public"]
	}
	if got := read(t, after.MetadataPublic); !reflect.DeepEqual(got, want) {
		t.Errorf("%q makes the metadata %v, want %v", patch, got, want)
	}
	if before.ID != after.ID || !before.CreatedAt.Equal(after.CreatedAt) ||
		!named["traits"] && string(before.Traits) != string(after.Traits) ||
		!named["metadata_admin"] && string(before.MetadataAdmin) != string(after.MetadataAdmin) ||
		!named["external_id"] && before.ExternalID != after.ExternalID ||
		!named["schema_id"] && before.SchemaID != after.SchemaID ||
		!named["state"] && before.State != after.State ||
		!named["organization_id"] && before.OrganizationID != after.OrganizationID ||
		!named["verifiable_addresses"] && !named["traits"] && !named["schema_id"] && !cmp.Equal(before.Verifiable, after.Verifiable) ||
		!named["credentials"] && string(before.Credentials[auth.Password].Config) != string(after.Credentials[auth.Password].Config) {
		t.Errorf("%q changed what it does not name:\n%s", patch, cmp.Diff(before, after))
	}
}

func read(t *testing.T, text json.RawMessage) (v any) {
	t.Helper()
	if len(text) == 0 {
		return nil
	}
	dec := json.NewDecoder(bytes.NewReader(text))
	dec.UseNumber()
	if err := dec.Decode(&v); err != nil {
		t.Fatalf("%q: %v", text, err)
	}
	return v
}

// patched is one operation of a patch on decoded JSON, written without regard
// to how the server does it. It changes v and returns it, or what replaces it.
func patched(v any, op string, steps []string, value any) (any, bool) {
	step, last := steps[0], len(steps) == 1
	if v == nil {
		if op == "remove" {
			return nil, false
		}
		if v = map[string]any{}; step == "-" || isIndex(step) {
			v = []any{}
		}
	}
	switch v := v.(type) {
	case map[string]any:
		old, exists := v[step]
		switch {
		case last && op == "remove":
			delete(v, step)
			return v, exists
		case last:
			v[step] = value
			return v, true
		}
		within, ok := patched(old, op, steps[1:], value)
		v[step] = within
		return v, ok
	case []any:
		at, err := strconv.Atoi(step)
		if step == "-" {
			at = len(v)
		} else if err != nil || !isIndex(step) {
			return nil, false
		}
		if at > len(v) || at == len(v) && last && op != "add" {
			return nil, false
		}
		switch {
		case last && op == "add":
			return slices.Insert(v, at, value), true
		case last && op == "remove":
			return slices.Delete(v, at, at+1), true
		case last:
			v[at] = value
			return v, true
		case at == len(v):
			v = append(v, nil)
		}
		within, ok := patched(v[at], op, steps[1:], value)
		v[at] = within
		return v, ok
	}
	return nil, false
}

// sameJSON says whether two texts are the same JSON, but for its order.
func sameJSON(a, b json.RawMessage) bool {
	var x, y any
	return json.Unmarshal(a, &x) == nil && json.Unmarshal(b, &y) == nil && cmp.Equal(x, y)
}

// What a patch does not touch stays as it was written.
func TestPatchKeepsTheRest(t *testing.T) {
	f := newFixture(t, storetest.Memory(t, nil))
	i := f.create(t, Creation{Traits: json.RawMessage(`{"email":"ada@example.org"}`),
		MetadataPublic: json.RawMessage(`{"z":1.50,"big":123456789012345678901234567890,"<":"\u003c<","y":{"b":[1e2,{"d":0,"c":0}],"a":null}}`)})
	got, err := f.Patch(t.Context(), i.ID, []byte(`[{"op":"add","path":"/metadata_public/y/b/1/e","value":-0},{"op":"remove","path":"/metadata_public/z"},{"op":"add","path":"/metadata_public/z","value":"\u0041"}]`))
	if err != nil {
		t.Fatal(err)
	}
	const want = `{"big":123456789012345678901234567890,"\u003c":"\u003c<","y":{"b":[1e2,{"d":0,"c":0,"e":-0}],"a":null},"z":"\u0041"}`
	if string(got.MetadataPublic) != want {
		t.Errorf("got %s", got.MetadataPublic)
	}
}
