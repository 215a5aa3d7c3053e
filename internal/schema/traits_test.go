package schema

import (
	"encoding/json"
	"fmt"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"zelus/internal/auth"
	"zelus/internal/ui"
)

// told writes problems as "field id context".
func told(problems []Problem) []string {
	var out []string
	for _, p := range problems {
		text := fmt.Sprintf("%s %d", p.Field, p.Message.ID)
		if p.Message.ID != ui.ErrorGeneric && p.Message.Context != nil {
			context, err := json.Marshal(p.Message.Context)
			if err != nil {
				panic(err)
			}
			text += " " + string(context)
		}
		out = append(out, text)
	}
	return out
}

func TestValidate(t *testing.T) {
	email, addresses, phone, username := file(t, "email"), file(t, "addresses"), file(t, "phone"), file(t, "username")
	tests := []struct {
		name   string
		schema *Schema
		traits string
		want   []string
	}{
		{"good", email, `{"email":"a@example.org","name":{"first":"Ada"},"newsletter":true,"age":36}`, nil},
		{"good, minimal", email, `{"email":"a@example.org"}`, nil},
		{"good phone", phone, `{"phone":"+49 30 901820"}`, nil},
		{"good name", username, `{"username":"ada","website":"https://example.org/"}`, nil},
		{"nothing", email, ``, []string{`traits.email 4000002 {"property":"email"}`}},
		{"empty", email, `{}`, []string{`traits.email 4000002 {"property":"email"}`}},
		{"null", email, `null`, []string{`traits 4000026 {"actual_type":"null","allowed_types":["object"]}`}},
		{"a list", email, `[]`, []string{`traits 4000026 {"actual_type":"array","allowed_types":["object"]}`}},
		{"not JSON", email, `{`, []string{"traits 4000001"}},
		{"two documents", email, `{} {}`, []string{"traits 4000001"}},
		{"a member twice", email, `{"email":"a@example.org","email":"b@example.org"}`, []string{"traits 4000001"}},
		{"not UTF-8", email, "{\"email\":\"\xff@example.org\"}", []string{"traits 4000001"}},
		{"U+0000", email, `{"email":"a@example.org","name":{"last":"a\u0000b"}}`, []string{"traits.name.last 4000001"}},
		{"not an address", email, `{"email":"nope"}`, []string{`traits.email 4000040 {"value":"nope"}`}},
		{"not a number to call", phone, `{"phone":"nope"}`, []string{`traits.phone 4000041 {"value":"nope"}`}},
		{"wrong types", email, `{"email":"a@example.org","age":"old","name":"Ada"}`, []string{
			`traits.name 4000026 {"actual_type":"string","allowed_types":["object"]}`,
			`traits.age 4000026 {"actual_type":"string","allowed_types":["integer"]}`}},
		{"two faults", email, `{"email":"nope","age":200}`, []string{
			`traits.email 4000040 {"value":"nope"}`, `traits.age 4000020 {"actual":200,"maximum":150}`}},
		{"too long", email, `{"email":"a@example.org","name":{"first":"` + strings.Repeat("x", 101) + `"}}`,
			[]string{`traits.name.first 4000017 {"actual_length":101,"max_length":100}`}},
		{"too short", username, `{"username":"ab"}`, []string{`traits.username 4000003 {"actual_length":2,"min_length":3}`}},
		{"unknown trait", email, `{"email":"a@example.org","shoe":1}`, []string{"traits 4000001"}},
		{"not a URL", username, `{"username":"ada","website":"::"}`, []string{"traits.website 4000001"}},
		{"second address", addresses, `{"email":"a@example.org","backup":"b"}`, []string{`traits.backup 4000040 {"value":"b"}`}},
		{"invisible character", username, `{"username":"a\u200bda"}`, []string{"traits.username 4000001"}},
		{"turned text", username, `{"username":"a\u202eda"}`, []string{"traits.username 4000001"}},
		{"a number too large for any machine", email, `{"email":"a@example.org","age":1e999999999}`, []string{"traits.age 4000001"}},
		{"a number too small for any machine", email, `{"email":"a@example.org","age":1e-999999999}`, []string{"traits.age 4000001"}},
		{"a number of very many digits", email, `{"email":"a@example.org","age":` + strings.Repeat("1", 1_000_000) + `}`, []string{"traits.age 4000001"}},
		{"9,000 lists in each other", email, `{"age":` + strings.Repeat("[", 9_000) + strings.Repeat("]", 9_000) + `}`, []string{"traits.age.0.0.0 4000001"}},
		{"10,000 lists in each other", email, `{"age":` + strings.Repeat("[", 10_000) + strings.Repeat("]", 10_000) + `}`, []string{"traits 4000001"}},
		{"too large", email, `{"email":"` + strings.Repeat("a", 1<<20) + `"}`, []string{"traits 4000001"}},
		{"a million lists in each other", email, strings.Repeat("[", 1_000_000), []string{"traits 4000001"}},
	}
	placeholder := regexp.MustCompile(`\{[a-z_]+\}`)
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			problems := test.schema.Validate(json.RawMessage(test.traits))
			if diff := cmp.Diff(test.want, told(problems)); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
			for _, p := range problems {
				if len(p.Message.Text) > 1000 || placeholder.MatchString(p.Message.Text) {
					t.Errorf("the text of %d is %q", p.Message.ID, p.Message.Text)
				}
			}
		})
	}
}

// TestMessages: every keyword of JSON Schema that has a message.
func TestMessages(t *testing.T) {
	tests := []struct {
		schema, value, want string
	}{
		{`{"pattern":"^a+$"}`, `"b"`, `traits.a 4000004 {"pattern":"^a+$"}`},
		{`{"minimum":1.5}`, `1`, `traits.a 4000018 {"actual":1,"minimum":1.5}`},
		{`{"exclusiveMinimum":1}`, `1`, `traits.a 4000019 {"actual":1,"minimum":1}`},
		{`{"exclusiveMaximum":1}`, `1`, `traits.a 4000021 {"actual":1,"maximum":1}`},
		{`{"multipleOf":2}`, `3`, `traits.a 4000022 {"actual":3,"base":2}`},
		{`{"maxItems":1}`, `[1,2]`, `traits.a 4000023 {"actual_items":2,"max_items":1}`},
		{`{"minItems":1}`, `[]`, `traits.a 4000024 {"actual_items":0,"min_items":1}`},
		{`{"uniqueItems":true}`, `[1,2,1]`, `traits.a 4000025 {"index_a":0,"index_b":2}`},
		{`{"const":true}`, `false`, `traits.a 4000029 {"expected":true}`},
		{`{"const":[1]}`, `2`, `traits.a 4000030`},
		{`{"enum":["x","y"]}`, `"z"`, `traits.a 4000001`},
		{`{"not":{}}`, `1`, `traits.a 4000001`},
		{`false`, `1`, `traits.a 4000001`},
		{`{"oneOf":[{"type":"integer"},{"minimum":0}]}`, `1`, `traits.a 4000001`},
		{`{"anyOf":[{"type":"string"},{"type":"string"}]}`, `1`, `traits.a 4000026 {"actual_type":"number","allowed_types":["string"]}`},
		{`{"contains":{"const":1}}`, `[]`, `traits.a 4000001`},
		{`{"minProperties":1}`, `{}`, `traits.a 4000001`},
		{`{"propertyNames":{"maxLength":1}}`, `{"long":1}`, `traits.a 4000001`},
		{`{"dependencies":{"b":["c"]}}`, `{"b":1}`, `traits.a.c 4000002 {"property":"c"}`},
		{`{"required":["b"]}`, `{}`, `traits.a.b 4000002 {"property":"b"}`},
		{`{"items":{"type":"string"}}`, `["x",1]`, `traits.a.1 4000026 {"actual_type":"number","allowed_types":["string"]}`},
		{`{"format":"date"}`, `"today"`, `traits.a 4000001`},
	}
	for _, test := range tests {
		problems := traits(t, `"a":`+test.schema).Validate(json.RawMessage(`{"a":` + test.value + `}`))
		if diff := cmp.Diff([]string{test.want}, told(problems)); diff != "" {
			t.Errorf("%s with %s (-want +got):\n%s", test.value, test.schema, diff)
		}
	}
}

func TestManyProblems(t *testing.T) {
	s := traits(t, `"a":{"type":"array","items":{"type":"string"}}`)
	problems := s.Validate(json.RawMessage(`{"a":[` + strings.Repeat("1,", 100_000) + `1]}`))
	if len(problems) != maxProblems {
		t.Errorf("%d problems", len(problems))
	}
	if text := Describe(problems); len(text) > 2000 || !strings.HasSuffix(text, "And 40 more.") {
		t.Errorf("the text is %q", text)
	}
}

func TestDescribe(t *testing.T) {
	s := file(t, "email")
	tests := []struct{ traits, want string }{
		{`{"email":"a@example.org"}`, ""},
		{`{}`, "traits.email: Please fill in email."},
		{`{"email":"nope","age":200}`, "traits.email: “nope” is not an e-mail address. traits.age: 200 is too large. It must be at most 150."},
		{`{"email":"a@example.org","shoe":1,"hat":2}`, "traits: There is no such field here: hat, shoe."},
		{`nope`, "traits: This is not JSON: invalid character 'o' in literal null (expecting 'u')."},
	}
	for _, test := range tests {
		if got := Describe(s.Validate(json.RawMessage(test.traits))); got != test.want {
			t.Errorf("%s:\n got %s\nwant %s", test.traits, got, test.want)
		}
	}
	if got := Describe([]Problem{{}}); got != "" {
		t.Errorf("an empty problem: %q", got)
	}
}

func TestExtract(t *testing.T) {
	tests := []struct {
		name   string
		schema *Schema
		traits string
		want   Facts
	}{
		{"email", file(t, "email"), `{ "email": "A@Example.com", "age": 36.0 }`, Facts{
			Traits: json.RawMessage(`{ "email": "A@Example.com", "age": 36.0 }`),
			Identifiers: map[auth.CredentialType][]string{
				auth.Password: {"a@example.com"}, auth.WebAuthn: {"a@example.com"}, auth.Code: {"a@example.com"}},
			CodeAddresses: []CodeAddress{{"email", "a@example.com"}},
			Verifiable:    []Address{{"email", "a@example.com"}},
			Recovery:      []Address{{"email", "a@example.com"}},
			TOTPAccount:   "A@Example.com",
			PasskeyNames:  []string{"A@Example.com"},
		}},
		{"phone", file(t, "phone"), `{"phone":"+49 (30) 901820"}`, Facts{
			Traits:        json.RawMessage(`{"phone":"+4930901820"}`),
			Identifiers:   map[auth.CredentialType][]string{auth.Password: {"+4930901820"}, auth.Code: {"+4930901820"}},
			CodeAddresses: []CodeAddress{{"sms", "+4930901820"}},
			Verifiable:    []Address{{"sms", "+4930901820"}},
			Recovery:      []Address{{"sms", "+4930901820"}},
		}},
		{"phone among others", file(t, "addresses"), `{"phone":"+49 30 901820","email":"a@example.org","backup":"A@example.org"}`, Facts{
			Traits:      json.RawMessage(`{"phone":"+4930901820","email":"a@example.org","backup":"A@example.org"}`),
			Identifiers: map[auth.CredentialType][]string{auth.Password: {"a@example.org"}},
			Verifiable:  []Address{{"email", "a@example.org"}},
			Recovery:    []Address{{"email", "a@example.org"}, {"sms", "+4930901820"}},
		}},
		{"several e-mails", traits(t, `"emails":{"type":"array","items":{"type":"string","format":"email","ory.sh/kratos":{"credentials":{"password":{"identifier":true}},"verification":{"via":"email"}}}}`),
			`{"emails":["b@example.org","A@example.org","a@example.org"]}`, Facts{
				Traits:      json.RawMessage(`{"emails":["b@example.org","A@example.org","a@example.org"]}`),
				Identifiers: map[auth.CredentialType][]string{auth.Password: {"b@example.org", "a@example.org"}},
				Verifiable:  []Address{{"email", "b@example.org"}, {"email", "a@example.org"}},
			}},
		{"one of two forms", traits(t, `"who":{"type":"string","anyOf":[
			{"format":"email","ory.sh/kratos":{"credentials":{"code":{"identifier":true}}}},
			{"format":"tel","ory.sh/kratos":{"credentials":{"code":{"identifier":true}}}}]}`),
			`{"who":"+49 30 901820"}`, Facts{
				Traits:        json.RawMessage(`{"who":"+4930901820"}`),
				Identifiers:   map[auth.CredentialType][]string{auth.Code: {"+4930901820"}},
				CodeAddresses: []CodeAddress{{"sms", "+4930901820"}},
			}},
		{"numbers and escapes", traits(t, `"id":{"type":"integer","ory.sh/kratos":{"credentials":{"password":{"identifier":true}}}},"tel":{"format":"tel","ory.sh/kratos":{"recovery":{"via":"sms"}}},"x":{}`),
			`{"x":"<\"\u00e9>","id":12345678901234567890,"tel":"+49 30 901820"}`, Facts{
				Traits:      json.RawMessage(`{"x":"<\"é>","id":12345678901234567890,"tel":"+4930901820"}`),
				Identifiers: map[auth.CredentialType][]string{auth.Password: {"12345678901234567890"}},
				Recovery:    []Address{{"sms", "+4930901820"}},
			}},
		{"nothing to find", traits(t, `"id":{"type":["string","null"],"ory.sh/kratos":{"credentials":{"password":{"identifier":true}}}}`),
			`{"id":null}`, Facts{Traits: json.RawMessage(`{"id":null}`)}},
		{"space", file(t, "username"), `{"username":"   "}`, Facts{Traits: json.RawMessage(`{"username":"   "}`)}},
		{"a plain phone number stays", traits(t, `"tel":{"type":"string","format":"tel"}`), `{"tel":"+49 30 901820"}`,
			Facts{Traits: json.RawMessage(`{"tel":"+49 30 901820"}`)}},
		{"no-validate", traits(t, `"a":{"type":"string","format":"no-validate","ory.sh/kratos":{"verification":{"via":"email"}}}`), `{"a":"Nobody"}`,
			Facts{Traits: json.RawMessage(`{"a":"Nobody"}`), Verifiable: []Address{{"email", "nobody"}}}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			got, problems := test.schema.Extract(json.RawMessage(test.traits))
			if len(problems) > 0 {
				t.Fatal(told(problems))
			}
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}

	// The number of addresses has a limit, far above what people have.
	var many []string
	for i := range 50_000 {
		many = append(many, fmt.Sprintf(`"a%d@example.org"`, i))
	}
	emails := traits(t, `"e":{"type":"array","items":{"type":"string","ory.sh/kratos":{"recovery":{"via":"email"}}}}`)
	if problems := emails.Validate(json.RawMessage(`{"e":[` + strings.Join(many, ",") + `]}`)); len(problems) != 1 || problems[0].Field != "traits" {
		t.Errorf("50,000 addresses: %v", told(problems))
	}

	// An address without a format is checked by its channel.
	s := traits(t, `"a":{"type":"string","ory.sh/kratos":{"verification":{"via":"email"}}},"b":{"type":"string","ory.sh/kratos":{"recovery":{"via":"sms"}}}`)
	_, problems := s.Extract(json.RawMessage(`{"a":"x","b":"y"}`))
	if diff := cmp.Diff([]string{`traits.a 4000040 {"value":"x"}`, `traits.b 4000041 {"value":"y"}`}, told(problems)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestNormalizeIdentifier(t *testing.T) {
	tests := []struct {
		in, strict, lookup string
		refused            bool
	}{
		{"a@example.org", "a@example.org", "a@example.org", false},
		{"  A@Example.ORG ", "a@example.org", "a@example.org", false},
		{"ａｌｉｃｅ", "alice", "alice", false},
		{"Ångström", "ångström", "ångström", false},
		{"A\u030angstro\u0308m", "ångström", "ångström", false},
		{"ﬁsh", "fish", "fish", false},
		{"İ", "i̇", "i̇", false},
		{"ae™", "aetm", "aetm", false},
		{"℡№", "telno", "telno", false},
		{"\u212a𝐀Ⅷ㎑", "kaviiikhz", "kaviiikhz", false},
		{"a\u200b™", "", "atm", true},
		{strings.Repeat("\ufdfa", 100), "", strings.Repeat("صلى الله عليه وسلم", 100), true}, // too long once it is written out
		{"+49 30 901820", "+4930901820", "+4930901820", false},
		{"＋４９ ３０ ９０１８２０", "+4930901820", "+4930901820", false},
		{"+1 650-253-0000", "+16502530000", "+16502530000", false},
		{"+999", "+999", "+999", false},
		{"030 901820", "030 901820", "030 901820", false},
		{"", "", "", false},
		{" \t ", "", "", false},
		{"al\u200bice", "", "alice", true},
		{"al\u00adice", "", "alice", true},
		{"alice\u202e", "", "alice", true},
		{"ali\ufe0fce", "", "alice", true},
		{"al\x00ice", "", "alice", true},
		{"al\nice", "", "alice", true},
		{"al\ue000ice", "", "alice", true},
		{"al\U000e0041ice", "", "alice", true},
		{"al\u0378ice", "", "alice", true}, // not assigned
		{"al\xffice", "", "alice", true},
		{"אa", "", "אa", true}, // breaks the bidi rule
		{strings.Repeat("a", 321), "", strings.Repeat("a", 321), true},
	}
	for _, test := range tests {
		strict, err := NormalizeIdentifier(test.in)
		if strict != test.strict || (err != nil) != test.refused {
			t.Errorf("NormalizeIdentifier(%q) is %q, %v", test.in, strict, err)
		}
		if lookup := LookupIdentifier(test.in); lookup != test.lookup {
			t.Errorf("LookupIdentifier(%q) is %q, want %q", test.in, lookup, test.lookup)
		}
	}
}

func TestEmailAddress(t *testing.T) {
	tests := map[string]bool{
		"a@example.org": true, "a.b+c@example.org": true, "a@localhost": true, " a@example.org ": true, "ä@example.org": true,
		strings.Repeat("a", 64) + "@example.org": true,
		"":                                       false, "a": false, "@": false, "a@": false, "@b": false, "a@b@c": false, "a b@example.org": false,
		"Ada <a@example.org>": false, "<a@example.org>": false, "a@example.org (Ada)": false, "a@example.org, b@example.org": false,
		"a@example.org\r\nBcc: b@example.org": false, "a@example.org\n": false, "\"a b\"@example.org": false, "a@exa\x00mple.org": false,
		strings.Repeat("a", 65) + "@example.org": false, "a@" + strings.Repeat("b.", 128) + "org": false,
	}
	for address, want := range tests {
		if got := emailAddress(address); got != want {
			t.Errorf("emailAddress(%q) is %v", address, got)
		}
	}
}

func TestCoerce(t *testing.T) {
	s := traits(t, `"text":{"type":"string"},"age":{"type":"integer"},"size":{"type":["number","null"]},"news":{"type":"boolean"},
		"any":{},"either":{"type":["string","integer"]},"tags":{"type":"array","items":{"type":"string"}},"numbers":{"type":"array","items":{"type":"integer"}},
		"name":{"type":"object","properties":{"age":{"type":"integer"}}}`)
	tests := []struct {
		name   string
		values []string
		want   any
		absent bool
	}{
		{"traits.text", []string{"36"}, "36", false},
		{"traits.text", []string{""}, nil, true},
		{"traits.text", nil, nil, true},
		{"traits.age", []string{"36"}, json.Number("36"), false},
		{"traits.age", []string{" -3.60e2 "}, json.Number("-3.60e2"), false},
		{"traits.age", []string{"old"}, "old", false},
		{"traits.age", []string{"0x10"}, "0x10", false},
		{"traits.age", []string{"01"}, "01", false},
		{"traits.age", []string{"1e99999"}, "1e99999", false},
		{"traits.age", []string{"1", "2"}, json.Number("2"), false},
		{"traits.size", []string{"1.5"}, json.Number("1.5"), false},
		{"traits.news", []string{"on"}, true, false},
		{"traits.news", []string{"false", "true"}, true, false},
		{"traits.news", []string{"true", "false"}, false, false},
		{"traits.news", []string{"maybe"}, "maybe", false},
		{"traits.any", []string{"1"}, "1", false},
		{"traits.either", []string{"1"}, "1", false},
		{"traits.unknown", []string{"1", "2"}, "2", false},
		{"traits.tags", []string{"a", "", "b"}, []any{"a", "b"}, false},
		{"traits.tags", []string{""}, []any{}, true},
		{"traits.numbers", []string{"1", "x"}, []any{json.Number("1"), "x"}, false},
		{"traits.name.age", []string{"1"}, json.Number("1"), false},
	}
	for _, test := range tests {
		got, present := s.Coerce(test.name, test.values)
		if diff := cmp.Diff(test.want, got); diff != "" || present == test.absent {
			t.Errorf("Coerce(%s, %q): present %v (-want +got):\n%s", test.name, test.values, present, diff)
		}
	}

	bodies := []struct{ in, want string }{
		{`{"age":"36","text":"36","news":"true","name":{"age":"1"},"numbers":["1",2],"unknown":"1"}`,
			`{"age":36,"text":"36","news":true,"name":{"age":1},"numbers":[1,2],"unknown":"1"}`},
		{`{"age":"","text":"","unknown":"","name":{"age":""}}`, `{"unknown":"","name":{}}`},
		{`{ "age" : 36 }`, `{ "age" : 36 }`},
		{`{"age":"old"}`, `{"age":"old"}`},
		{`[]`, `[]`},
		{`{`, `{`},
		{``, ``},
	}
	for _, test := range bodies {
		if got := s.CoerceJSON(json.RawMessage(test.in)); string(got) != test.want {
			t.Errorf("CoerceJSON(%s) is %s, want %s", test.in, got, test.want)
		}
	}
}

func TestValues(t *testing.T) {
	got := Values(json.RawMessage(`{"z":1,"a":{"b":true,"c":null},"l":["x",{"y":"w"}]}`))
	want := []Value{{"traits.z", json.Number("1")}, {"traits.a.b", true}, {"traits.l.0", "x"}, {"traits.l.1.y", "w"}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if got := Values(json.RawMessage(`{`)); got != nil {
		t.Errorf("of no JSON: %v", got)
	}
	for i, kind := range []string{ui.InputNumber, ui.InputCheckbox, ui.InputText} {
		if n := want[i].Node("profile"); n.Attributes.Type != kind || n.Attributes.Value != want[i].Value || n.Group != "profile" {
			t.Errorf("the node of %v is %+v", want[i], n)
		}
	}
}

// ownForm is a schema with fields that a form has, has not, and has disabled.
func ownForm(t *testing.T) *Schema {
	return traits(t, `"email": {"type": "string"}, "on": {"type": "boolean"}, "age": {"type": "integer"},
		"badge": {"type": "string", "disableFormField": true}, "tags": {"type": "array", "items": {"type": "string"}},
		"homes": {"type": "array", "items": {"type": "object"}},
		"name": {"type": "object", "properties": {"first": {"type": "string"}, "rank": {"type": "string", "disableFormField": true}}}`)
}

func TestFill(t *testing.T) {
	s := ownForm(t)
	for given, want := range map[string]string{
		`{"email":"a","on":true,"age":9007199254740993,"name":{"first":"Ada"}}`: "email=a on=true age=9007199254740993 name.first=Ada",
		`{"tags":["x","y"],"badge":"7"}`:                                        "badge=7 tags=[x y]",
		`{"name":"Ada","age":null}`:                                             "name=Ada", // where a mistake can be shown
		`{"shoe":44,"name":{"nick":1},"homes":[{"a":1}]}`:                       "",         // nothing that the schema does not know
		`"no object"`: "",
		`{"broken`:    "",
	} {
		c := &ui.Container{Nodes: s.Nodes(ui.GroupProfile)}
		s.Fill(c, ui.GroupProfile, json.RawMessage(given))
		var got []string
		for _, n := range c.Nodes {
			if n.Attributes.Value != nil {
				got = append(got, fmt.Sprintf("%s=%v", strings.TrimPrefix(n.Name(), "traits."), n.Attributes.Value))
			}
			if n.Group != ui.GroupProfile {
				t.Errorf("%s: %s is in group %s", given, n.Name(), n.Group)
			}
		}
		if strings.Join(got, " ") != want {
			t.Errorf("%s: got %q, want %q", given, got, want)
		}
	}
}

func TestKeep(t *testing.T) {
	s := ownForm(t)
	const before = `{"email":"a","on":true,"badge":"7","homes":[{"a":1}],"tags":["x"],"more":{"b":2},"name":{"first":"Ada","rank":"countess"}}`
	for sent, want := range map[string]string{
		`{"email":"b","name":{}}`: `{"email":"b","name":{"rank":"countess"},"badge":"7","homes":[{"a":1}],"more":{"b":2}}`,
		`{}`:                      `{"badge":"7","homes":[{"a":1}],"more":{"b":2},"name":{"rank":"countess"}}`,
		`{"badge":"8","homes":[],"name":{"rank":1}}`: `{"badge":"7","homes":[],"name":{"rank":"countess"},"more":{"b":2}}`,
		`{"name":"Ada"}`: `{"name":"Ada","badge":"7","homes":[{"a":1}],"more":{"b":2}}`,
		`"text"`:         `"text"`,
		`{"broken`:       `{"broken`,
	} {
		if got := string(s.Keep(json.RawMessage(sent), json.RawMessage(before), true)); got != want {
			t.Errorf("%s: got %s, want %s", sent, got, want)
		}
	}
	// A program says all that there shall be, but for what is not its person's to change.
	for sent, want := range map[string]string{
		`{"email":"b"}`:                        `{"email":"b","badge":"7","name":{"rank":"countess"}}`,
		`{"badge":"8","name":{"rank":"king"}}`: `{"badge":"7","name":{"rank":"countess"}}`,
		`{"homes":[],"tags":[]}`:               `{"homes":[],"tags":[],"badge":"7","name":{"rank":"countess"}}`,
	} {
		if got := string(s.Keep(json.RawMessage(sent), json.RawMessage(before), false)); got != want {
			t.Errorf("%s: got %s, want %s", sent, got, want)
		}
	}
	for _, form := range []bool{true, false} {
		if got := string(s.Keep(json.RawMessage(`{"on":true,"badge":"8","name":{"rank":"king","first":"Ada"}}`), json.RawMessage(`{"email":"a"}`), form)); got != `{"on":true,"name":{"first":"Ada"}}` {
			t.Errorf("given to oneself: %s", got)
		}
	}
	for _, nothing := range []string{`{}`, `{"email":"a"}`, `{"name":{"first":"Ada"}}`, `null`, `{"broken`} {
		if got := string(s.Keep(json.RawMessage(`{"on":true}`), json.RawMessage(nothing), true)); got != `{"on":true}` {
			t.Errorf("after %s: got %s", nothing, got)
		}
	}
}

// TestAddressesStayAddresses: what is an address only as it was typed, and
// something else in the form in which it is kept, is none.
func TestAddressesStayAddresses(t *testing.T) {
	s := traits(t, `"email": {"type": "string", "ory.sh/kratos": {"verification": {"via": "email"}, "recovery": {"via": "email"}}}`)
	for text, want := range map[string]bool{
		"ada@example.org":         true,
		"ＡＤＡ@example.org":         true,
		"eve＠evil.com，x@corp.com": false,
		"eve@corp.com，victim":     false,
		"a＜b＞@corp.com":           false,
	} {
		facts, problems := s.Extract(json.RawMessage(`{"email":"` + text + `"}`))
		if got := len(problems) == 0 && len(facts.Verifiable) == 1; got != want {
			t.Errorf("%s: %v %v", text, facts.Verifiable, problems)
		}
	}
}
