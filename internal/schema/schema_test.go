package schema

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"zelus/internal/ui"
)

// file is the schema in testdata/<name>.json.
func file(t testing.TB, name string) *Schema {
	t.Helper()
	set, err := Load(context.Background(), []Source{{ID: name, URL: "file://testdata/" + name + ".json"}}, Options{})
	if err != nil {
		t.Fatal(err)
	}
	return set.Default()
}

// inline is the schema of a document.
func inline(document string) (*Schema, error) {
	set, err := Load(context.Background(), []Source{{ID: "x", URL: "base64://" + base64.StdEncoding.EncodeToString([]byte(document))}}, Options{})
	if err != nil {
		return nil, err
	}
	return set.Default(), nil
}

// traits is the schema with these traits: the body of "properties", then
// anything else.
func traits(t testing.TB, properties string, more ...string) *Schema {
	t.Helper()
	s, err := inline(`{"properties":{"traits":{"type":"object","properties":{` + properties + `}` + strings.Join(more, "") + `}}}`)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestLoad(t *testing.T) {
	document, err := os.ReadFile("testdata/email.json")
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/email.json" {
			http.NotFound(w, r)
			return
		}
		w.Write(document)
	}))
	defer server.Close()
	absolute, err := filepath.Abs("testdata/email.json")
	if err != nil {
		t.Fatal(err)
	}

	sources := []Source{
		{ID: "relative", URL: "file://testdata/email.json"},
		{ID: "absolute", URL: "file://" + absolute, Selectable: true},
		{ID: "http", URL: server.URL + "/email.json"},
		{ID: "base64", URL: "base64://" + base64.StdEncoding.EncodeToString(document)},
	}
	set, err := Load(context.Background(), sources, Options{DefaultID: "http", Fetch: server.Client()})
	if err != nil {
		t.Fatal(err)
	}
	if got := set.Default().ID(); got != "http" {
		t.Errorf("the default is %q, want http", got)
	}
	for i, s := range set.All() {
		if s.ID() != sources[i].ID || s.Selectable() != sources[i].Selectable || string(s.Raw()) != string(document) {
			t.Errorf("schema %d is %q, selectable %v, %d bytes", i, s.ID(), s.Selectable(), len(s.Raw()))
		}
		for _, id := range []string{s.ID(), base64.RawURLEncoding.EncodeToString([]byte(s.ID()))} {
			if found, ok := set.Get(id); !ok || found != s {
				t.Errorf("Get(%q) does not find %q", id, s.ID())
			}
		}
	}
	for _, id := range []string{"", "nope", "!", base64.RawURLEncoding.EncodeToString([]byte("nope"))} {
		if _, ok := set.Get(id); ok {
			t.Errorf("Get(%q) finds something", id)
		}
	}
}

func TestLoadAllOfTestdata(t *testing.T) {
	for _, name := range []string{"addresses", "email", "phone", "username"} {
		if got := len(file(t, name).Fields()); got < 1 {
			t.Errorf("%s has %d fields", name, got)
		}
	}
}

func TestLoadRefusals(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/large":
			w.Write(make([]byte, maxDocument+1))
		case "/file-ref":
			w.Write([]byte(`{"properties":{"traits":{"type":"object","properties":{"a":{"$ref":"file:///etc/passwd"}}}}}`))
		default:
			http.NotFound(w, r)
		}
	}))
	defer server.Close()
	dir := t.TempDir()
	write := func(name, text string) {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("ref.json", `{"properties":{"traits":{"type":"object","properties":{"a":{"$ref":"part.json#/definitions/a"}}}}}`)
	write("part.json", `{"definitions":{"a":{"type":"string","title":"A"}}}`)
	write("large.json", strings.Repeat(" ", maxDocument)+"{}")

	withPassword := strings.Replace(server.URL, "://", "://user:hunter2@", 1)
	base := func(document string) string {
		return "base64://" + base64.StdEncoding.EncodeToString([]byte(document))
	}
	property := func(schema string) string {
		return base(`{"properties":{"traits":{"type":"object","properties":{"a":` + schema + `}}}}`)
	}
	tests := []struct {
		name, url string
		want      []string
	}{
		{"unknown scheme", "ftp://x/y", []string{"file://, http://, https:// or base64://", `"ftp"`}},
		{"no scheme", "schema.json", []string{"file://"}},
		{"no such file", "file://testdata/nope.json", []string{"nope.json"}},
		{"large file", "file://" + dir + "/large.json", []string{"1048576 bytes"}},
		{"large answer", server.URL + "/large", []string{"1048576 bytes"}},
		{"404", withPassword + "/nope", []string{"404", "instead of 200", "/nope"}},
		{"bad base64", "base64://!", []string{"base64"}},
		{"not JSON", base("{\n\n\"a\": }"), []string{"line 3", "JSON"}},
		{"a list", base("[]"), []string{"must be an object"}},
		{"member twice", base(`{"properties":{},"properties":{}}`), []string{"/", `"properties" occurs twice`}},
		{"no traits", base(`{"properties":{}}`), []string{"traits is missing"}},
		{"nothing", base(`{}`), []string{"traits is missing"}},
		{"traits of no type", base(`{"properties":{"traits":{"properties":{"a":{}}}}}`), []string{"/properties/traits/type"}},
		{"traits without properties", base(`{"properties":{"traits":{"type":"object"}}}`), []string{"/properties/traits/properties", "at least one"}},
		{"bad pattern", property(`{"type":"string","pattern":"("}`), []string{"/properties/traits/properties/a/pattern", "regular expression", "("}},
		{"bad type", property(`{"type":"text"}`), []string{"/properties/traits/properties/a/type"}},
		{"bad keyword", property(`{"minLength":"3"}`), []string{"/properties/traits/properties/a/minLength"}},
		{"loop", property(`{"$ref":"#/properties/traits/properties/a"}`), []string{"/properties/traits/properties/a", "loop"}},
		{"loop over two", base(`{"definitions":{"a":{"allOf":[{"$ref":"#/definitions/b"}]},"b":{"$ref":"#/definitions/a"}},"properties":{"traits":{"type":"object","properties":{"a":{"$ref":"#/definitions/a"}}}}}`), []string{"loop"}},
		{"a reference that depends on the value", base(`{"$schema":"https://json-schema.org/draft/2020-12/schema","properties":{"traits":{"type":"object","properties":{"a":{"$dynamicRef":"#/properties/traits"}}}}}`), []string{"at /properties/traits/properties/a", "$dynamicRef"}},
		{"a reference that depends on where it is met", base(`{"$schema":"https://json-schema.org/draft/2019-09/schema","properties":{"traits":{"type":"object","properties":{"a":{"$recursiveRef":"#"}}}}}`), []string{"at /properties/traits/properties/a", "$recursiveRef"}},
		{"ref to nothing", property(`{"$ref":"#/definitions/nope"}`), []string{"/definitions/nope", "not found"}},
		{"ref to a file from a server", server.URL + "/file-ref", []string{"file:///etc/passwd", "cannot refer to files"}},
		{"annotation of no object", property(`{"ory.sh/kratos":true}`), []string{"/properties/traits/properties/a/ory.sh~1kratos", "must be an object"}},
		{"unknown annotation", property(`{"ory.sh/kratos":{"verify":{}}}`), []string{"/properties/traits/properties/a/ory.sh~1kratos", `"verify"`, "verification"}},
		{"unknown method", property(`{"ory.sh/kratos":{"credentials":{"fax":{}}}}`), []string{"/ory.sh~1kratos/credentials", `"fax"`}},
		{"flag of another type", property(`{"ory.sh/kratos":{"credentials":{"password":{"identifier":"yes"}}}}`), []string{"/credentials/password/identifier", "true or false"}},
		{"unknown channel", property(`{"ory.sh/kratos":{"recovery":{"via":"fax"}}}`), []string{"/recovery/via", "email or sms"}},
		{"format that cannot be verified", property(`{"format":"uri","ory.sh/kratos":{"verification":{"via":"email"}}}`), []string{"/a/format", "no-validate"}},
		{"annotation within items", property(`{"type":"array","items":{"ory.sh/kratos":1}}`), []string{"/a/items/ory.sh~1kratos"}},
		{"too deep", base(strings.Repeat(`{"a":`, 100) + "1" + strings.Repeat("}", 100)), []string{"64 levels"}},
		{"too many places", base(bomb(20)), []string{"10000 places"}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			_, err := Load(context.Background(), []Source{{ID: "first", URL: "file://testdata/email.json"}, {ID: "second", URL: test.url}}, Options{Fetch: server.Client()})
			if err == nil {
				t.Fatal("no error")
			}
			for _, want := range append(test.want, "identity.schemas.1", `"second"`) {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("the error lacks %q: %v", want, err)
				}
			}
			if strings.Contains(err.Error(), "hunter2") || strings.Contains(err.Error(), "\n") {
				t.Errorf("the error is %v", err)
			}
		})
	}

	ref := []Source{{ID: "ref", URL: "file://" + dir + "/ref.json"}}
	set, err := Load(context.Background(), ref, Options{})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]Field{{Name: "traits.a", Title: "A", Types: []string{"string"}}}, set.Default().Fields()); diff != "" {
		t.Error(diff)
	}
	if _, err := Load(context.Background(), ref, Options{DisallowRef: true}); err == nil || !strings.Contains(err.Error(), "security.disallow_ref_in_identity_schemas") {
		t.Errorf("with DisallowRef: %v", err)
	}
}

// bomb is a schema whose properties double at each of n levels.
func bomb(n int) string {
	var b strings.Builder
	b.WriteString(`{"definitions":{"l0":{"type":"string"}`)
	for i := 1; i <= n; i++ {
		level, below := string(rune('A'+i)), string(rune('A'+i-1))
		if i == 1 {
			below = "l0"
		}
		b.WriteString(`,"` + level + `":{"type":"object","properties":{"a":{"$ref":"#/definitions/` + below + `"},"b":{"$ref":"#/definitions/` + below + `"}}}`)
	}
	b.WriteString(`},"properties":{"traits":{"type":"object","properties":{"a":{"$ref":"#/definitions/` + string(rune('A'+n)) + `"}}}}}`)
	return b.String()
}

func TestLoadConfiguration(t *testing.T) {
	email := "file://testdata/email.json"
	tests := []struct {
		name    string
		sources []Source
		options Options
		want    string
	}{
		{"none", nil, Options{}, "identity.schemas: at least one"},
		{"no id", []Source{{URL: email}}, Options{}, "identity.schemas.0.id"},
		{"same id", []Source{{ID: "a", URL: email}, {ID: "a", URL: email}}, Options{}, "identity.schemas.1.id"},
		{"unknown default", []Source{{ID: "a", URL: email}}, Options{DefaultID: "b"}, "identity.default_schema_id"},
		{"no client", []Source{{ID: "a", URL: "https://example.org/"}}, Options{}, "identity.schemas.0"},
	}
	for _, test := range tests {
		if _, err := Load(context.Background(), test.sources, test.options); err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: %v, want %s", test.name, err, test.want)
		}
	}
}

func TestFields(t *testing.T) {
	s := file(t, "email")
	want := []Field{
		{Name: "traits.email", Title: "E-Mail", Types: []string{"string"}, Format: "email", Required: true,
			Annotation: Annotation{Password: true, WebAuthn: true, Code: true, CodeVia: "email", PasskeyName: true, TOTPAccount: true, VerifyVia: "email", RecoverVia: "email"}},
		{Name: "traits.name.first", Title: "First name", Types: []string{"string"}},
		{Name: "traits.name.last", Title: "Last name", Types: []string{"string"}},
		{Name: "traits.newsletter", Title: "Newsletter", Types: []string{"boolean"}},
		{Name: "traits.age", Title: "Age", Types: []string{"integer"}},
	}
	if diff := cmp.Diff(want, s.Fields()); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]string{"traits.name"}, s.ObjectTraits()); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]string{"traits.email"}, s.PasskeyFields()); diff != "" {
		t.Error(diff)
	}

	tests := []struct {
		name, properties, more string
		want, objects          []string
	}{
		{"document order", `"z":{"type":"string"},"b":{"type":"string"},"a":{"type":"string"}`, "", []string{"traits.z", "traits.b", "traits.a"}, nil},
		{"objects in objects", `"o":{"type":"object","properties":{"p":{"type":"object","properties":{"z":{"type":"string"},"a":{"type":"string"}}}}},"x":{"type":"string"}`, "",
			[]string{"traits.o.p.z", "traits.o.p.a", "traits.x"}, []string{"traits.o", "traits.o.p"}},
		{"branches", `"b":{"type":"string"}`, `,"allOf":[{"properties":{"a":{"type":"string"}}}],"if":{"properties":{"no":{}}},"then":{"properties":{"c":{"type":"string"}}}`,
			[]string{"traits.b", "traits.a", "traits.c"}, nil},
		{"recursion", `"tree":{"type":"object","properties":{"name":{"type":"string"},"child":{"$ref":"#/properties/traits/properties/tree"}}}`, "",
			[]string{"traits.tree.name"}, []string{"traits.tree"}},
		{"names to be escaped", `"a/b~c %":{"type":"object","properties":{"z":{"type":"string"},"a":{"type":"string"}}}`, "",
			[]string{"traits.a/b~c %.z", "traits.a/b~c %.a"}, []string{"traits.a/b~c %"}},
	}
	for _, test := range tests {
		s := traits(t, test.properties, test.more)
		if diff := cmp.Diff(test.want, s.TraitNames()); diff != "" {
			t.Errorf("%s (-want +got):\n%s", test.name, diff)
		}
		if diff := cmp.Diff(test.objects, s.ObjectTraits()); diff != "" {
			t.Errorf("%s (-want +got):\n%s", test.name, diff)
		}
	}
}

func TestRequired(t *testing.T) {
	s := traits(t, `"a":{"type":"string"},"b":{"type":"string"},"c":{"type":"string"},"o":{"type":"object","properties":{"d":{"type":"string"}},"required":["d"]}`,
		`,"required":["a"],"allOf":[{"required":["b"],"properties":{"b":true}}],"anyOf":[{"required":["c"],"properties":{"c":true}}]`)
	got := map[string]bool{}
	for _, f := range s.Fields() {
		got[f.Name] = f.Required
	}
	want := map[string]bool{"traits.a": true, "traits.b": true, "traits.c": false, "traits.o.d": true}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestNodes(t *testing.T) {
	tests := []struct {
		name, schema string
		want         string // the attributes, or nothing
	}{
		{"text", `{"type":"string"}`, `{"name":"traits.a","type":"text","disabled":false,"node_type":"input"}`},
		{"integer", `{"type":"integer"}`, `{"name":"traits.a","type":"number","disabled":false,"node_type":"input"}`},
		{"number", `{"type":"number"}`, `{"name":"traits.a","type":"number","disabled":false,"node_type":"input"}`},
		{"boolean", `{"type":"boolean"}`, `{"name":"traits.a","type":"checkbox","disabled":false,"node_type":"input"}`},
		{"email", `{"type":"string","format":"email"}`, `{"name":"traits.a","type":"email","autocomplete":"email","disabled":false,"node_type":"input"}`},
		{"tel", `{"type":"string","format":"tel"}`, `{"name":"traits.a","type":"tel","autocomplete":"tel","disabled":false,"node_type":"input"}`},
		{"uri", `{"type":"string","format":"uri"}`, `{"name":"traits.a","type":"url","autocomplete":"url","disabled":false,"node_type":"input"}`},
		{"date", `{"type":"string","format":"date"}`, `{"name":"traits.a","type":"date","disabled":false,"node_type":"input"}`},
		{"date-time", `{"type":"string","format":"date-time"}`, `{"name":"traits.a","type":"datetime-local","disabled":false,"node_type":"input"}`},
		{"pattern", `{"type":"string","pattern":"^a+$"}`, `{"name":"traits.a","type":"text","pattern":"^a+$","disabled":false,"node_type":"input"}`},
		{"enum", `{"type":"string","enum":["z","a"]}`, `{"name":"traits.a","type":"text","disabled":false,"options":[{"value":"z"},{"value":"a"}],"node_type":"input"}`},
		{"disabled", `{"type":"string","disableFormField":true}`, `{"name":"traits.a","type":"text","disabled":true,"node_type":"input"}`},
		{"strings", `{"type":"array","items":{"type":"string"}}`, `{"name":"traits.a","type":"text","disabled":false,"node_type":"input"}`},
		{"null allowed", `{"type":["null","integer"]}`, `{"name":"traits.a","type":"number","disabled":false,"node_type":"input"}`},
		{"a reference", `{"$ref":"#/definitions/email"}`, `{"name":"traits.a","type":"email","autocomplete":"email","disabled":false,"node_type":"input"}`},
		{"no type", `{"enum":["a"]}`, ""},
		{"three types", `{"type":["string","integer","boolean"]}`, ""},
		{"objects", `{"type":"array","items":{"type":"object"}}`, ""},
		{"an array of anything", `{"type":"array"}`, ""},
		{"an object", `{"type":"object"}`, ""},
	}
	for _, test := range tests {
		s, err := inline(`{"definitions":{"email":{"type":"string","format":"email"}},"properties":{"traits":{"type":"object","properties":{"a":` + test.schema + `}}}}`)
		if err != nil {
			t.Fatal(err)
		}
		got := ""
		for _, n := range s.Nodes("default") {
			raw, err := json.Marshal(n.Attributes)
			if err != nil {
				t.Fatal(err)
			}
			got += string(raw)
		}
		if got != test.want {
			t.Errorf("%s:\n got %s\nwant %s", test.name, got, test.want)
		}
	}

	nodes := file(t, "email").Nodes(ui.GroupProfile)
	if n := nodes[0]; n.Group != "profile" || !n.Attributes.Required || n.Meta.Label == nil || n.Meta.Label.Text != "E-Mail" ||
		n.Meta.Label.Context["name"] != "traits.email" || n.Meta.Label.Context["title"] != "E-Mail" {
		t.Errorf("the first node is %+v", n)
	}
	if n := traits(t, `"password":{"type":"string"}`).Nodes("default")[0]; n.Attributes.Type != ui.InputPassword || n.Meta.Label != nil {
		t.Errorf("password is %+v", n)
	}
	var many []string
	for i := range 501 {
		many = append(many, strconv.Itoa(i))
	}
	n := traits(t, `"a":{"type":"integer","enum":[`+strings.Join(many, ",")+`]}`).Nodes("default")[0]
	if got := len(n.Attributes.Options); got != 500 {
		t.Errorf("%d options", got)
	}
}

func TestIdentifierLabel(t *testing.T) {
	identifier := `"ory.sh/kratos":{"credentials":{"password":{"identifier":true}}}`
	tests := []struct {
		name, properties string
		id               int
		text             string
	}{
		{"one with a title", `"u":{"type":"string","title":"Username",` + identifier + `}`, ui.LabelGenerated, "Username"},
		{"one without", `"u":{"type":"string",` + identifier + `}`, ui.LabelIdentifier, "Sign-in name"},
		{"two", `"u":{"type":"string","title":"U",` + identifier + `},"v":{"type":"string","title":"V",` + identifier + `}`, ui.LabelIdentifier, "Sign-in name"},
		{"none", `"u":{"type":"string","title":"U","ory.sh/kratos":{"recovery":{"via":"email"}}}`, ui.LabelIdentifier, "Sign-in name"},
		{"an account name", `"u":{"type":"string","title":"U","ory.sh/kratos":{"credentials":{"totp":{"account_name":true}}}}`, ui.LabelGenerated, "U"},
	}
	for _, test := range tests {
		if m := traits(t, test.properties).IdentifierLabel(); m.ID != test.id || m.Text != test.text {
			t.Errorf("%s: %+v", test.name, m)
		}
	}
}
