package schema

import (
	"encoding/json"
	"testing"
)

// FuzzValidate: no traits make a schema panic; what is extracted from good
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
			Describe(problems)
			s.Validate(s.CoerceJSON(input))
			if len(problems) > 0 {
				continue
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

// FuzzSchemaLoad: no document makes loading panic or hang, and a schema that
// loads can be used.
func FuzzSchemaLoad(f *testing.F) {
	for _, name := range []string{"email", "addresses", "phone", "username"} {
		f.Add([]byte(file(f, name).Raw()))
	}
	f.Add([]byte(`{"properties":{"traits":{"type":"object","properties":{"a":{"$ref":"#"}}}}}`))
	f.Add([]byte(`{"$schema":"https://json-schema.org/draft/2020-12/schema","properties":{"traits":{"type":"object","properties":{"a":{"$dynamicRef":"#x","prefixItems":[{}]}}}}}`))
	f.Fuzz(func(t *testing.T, document []byte) {
		s, err := inline(string(document))
		if err != nil {
			return
		}
		s.Nodes("default")
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
