package schema

import (
	"bytes"
	"encoding/json"
	"reflect"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"
)

// FuzzValidate: no traits make a schema panic; what is told of bad ones is short
// and the same each time, what is no object is bad, what is extracted from good
// ones is stable, and every identifier is found again.
func FuzzValidate(f *testing.F) {
	schemas := []*Schema{file(f, "email"), file(f, "addresses"), file(f, "phone"), file(f, "username"),
		traits(f, `"who":{"anyOf":[{"format":"email"},{"format":"tel","ory.sh/kratos":{"credentials":{"code":{"identifier":true}}}}]},
			"list":{"type":"array","uniqueItems":true,"items":{"type":["string","number"],"multipleOf":0.5}}`)}
	for _, seed := range []string{
		`{}`, `null`, `[]`, `{"email":"a@example.org","age":36}`, `{"phone":"+49 30 901820"}`, `{"username":"ada"}`,
		`{"who":"+4930901820","list":[1,1.5,"x"]}`, `{"list":[1e308,1e-308,1e309]}`, `{"a":{"a":{"a":[[[]]]}}}`, "{\"username\":\"a\u202e\"}",
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, input []byte) {
		for _, s := range schemas {
			facts, problems := s.Extract(json.RawMessage(input))
			if said := Describe(problems); len(problems) > maxProblems || len(said) > 1<<13 || !utf8.ValidString(said) {
				t.Errorf("%q: %d problems: %.1000q", input, len(problems), said)
			}
			if again := s.Validate(json.RawMessage(input)); !slices.Equal(told(problems), told(again)) {
				t.Errorf("%q: %q, and then %q", input, told(problems), told(again))
			}
			coerced := s.CoerceJSON(input)
			if json.Valid(input) && !json.Valid(coerced) {
				t.Errorf("%q is coerced to %q", input, coerced)
			}
			s.Validate(coerced)
			if len(problems) > 0 {
				continue
			}
			var members map[string]any
			if text := bytes.TrimSpace(input); len(text) > 0 && (json.Unmarshal(text, &members) != nil || text[0] != '{') {
				t.Errorf("%q was taken", input)
			}
			again, problems := s.Extract(facts.Traits)
			if len(problems) > 0 || string(again.Traits) != string(facts.Traits) {
				t.Errorf("%s became %s, then %s (%v)", input, facts.Traits, again.Traits, told(problems))
			}
			for _, identifiers := range facts.Identifiers {
				for _, id := range identifiers {
					if got := LookupIdentifier(id); got != id {
						t.Errorf("the identifier %q is looked up as %q", id, got)
					}
				}
			}
		}
		Values(input)
	})
}

// FuzzSchemaLoad: no document makes loading panic or hang; what is told of one
// that does not load is short, and one that loads can be used, is served as it
// was written, and means the same each time.
func FuzzSchemaLoad(f *testing.F) {
	for _, name := range []string{"email", "addresses", "phone", "username"} {
		f.Add([]byte(file(f, name).Raw()))
	}
	f.Add([]byte(`{"properties":{"traits":{"type":"object","properties":{"a":{"$ref":"#"}}}}}`))
	f.Add([]byte(`{"$schema":"https://json-schema.org/draft/2020-12/schema","properties":{"traits":{"type":"object","properties":{"a":{"$dynamicRef":"#x","prefixItems":[{}]}}}}}`))
	f.Fuzz(func(t *testing.T, document []byte) {
		s, err := inline(string(document))
		if err != nil {
			if said := err.Error(); len(said) > 1<<13 || strings.Contains(said, "goroutine") {
				t.Errorf("%q: %.1000q", document, said)
			}
			return
		}
		var members map[string]any
		if string(s.Raw()) != string(document) || json.Unmarshal(document, &members) != nil {
			t.Errorf("%q loads, and is served as %q", document, s.Raw())
		}
		again, err := inline(string(document))
		if err != nil || !reflect.DeepEqual(again.Fields(), s.Fields()) {
			t.Errorf("%q has other fields the second time (%v)", document, err)
		}
		if _, err := json.Marshal(s.Nodes("default")); err != nil {
			t.Errorf("%q: %v", document, err)
		}
		s.IdentifierLabel()
		s.ObjectTraits()
		for _, input := range []string{`{}`, `{"a":"b","email":"a@example.org"}`, `{"a":[[1]]}`} {
			Describe(s.Validate(json.RawMessage(input)))
		}
		for _, name := range s.TraitNames() {
			s.Coerce(name, []string{"1"})
		}
	})
}
