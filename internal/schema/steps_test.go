package schema

import (
	"encoding/json"
	"strings"
	"testing"
)

// nested puts n objects or lists into each other.
func nested(n int, open, end string) json.RawMessage {
	return json.RawMessage(`{"a":` + strings.Repeat(open, n) + "{}" + strings.Repeat(end, n) + `}`)
}

// TestRecursiveSchemas: where branches of a schema lead back to it, traits that
// go deep take exponential work. They are refused before anything of it is done.
func TestRecursiveSchemas(t *testing.T) {
	const node, again, object, list, pair = `{"$ref":"#/definitions/node"}`, `"properties":{"a":{"$ref":"#/definitions/node"}}`, `{"a":`, `[`, `[0,`
	for _, c := range []struct {
		name, definition, open string
		linear                 bool
	}{
		{"oneOf", `{"oneOf":[{"required":["x"],` + again + `},{` + again + `}]}`, object, false},
		{"anyOf", `{"anyOf":[{"required":["x"],` + again + `},{` + again + `}]}`, object, false},
		{"allOf", `{"allOf":[{` + again + `},{` + again + `}]}`, object, false},
		{"if and then", `{"if":{` + again + `},"then":{` + again + `}}`, object, false},
		{"if and else", `{"if":{"required":["x"],` + again + `},"else":{` + again + `}}`, object, false},
		{"not", `{` + again + `,"not":{"required":["x"],` + again + `}}`, object, false},
		{"dependencies", `{` + again + `,"dependencies":{"a":{` + again + `}}}`, object, false},
		{"pattern and name", `{` + again + `,"patternProperties":{"^a":` + node + `}}`, object, false},
		{"two patterns", `{"patternProperties":{"^a":` + node + `,"a$":` + node + `}}`, object, false},
		{"additional", `{` + again + `,"allOf":[{"additionalProperties":` + node + `}]}`, object, false},
		{"contains", `{"items":` + node + `,"contains":` + node + `}`, list, false},
		{"additionalItems", `{"contains":` + node + `,"items":[true],"additionalItems":` + node + `}`, pair, false},
		{"two loops", `{` + again + `,"allOf":[{"properties":{"a":{"$ref":"#/definitions/other"}}}]}`, object, false},

		{"one property", `{` + again + `}`, object, true},
		{"one branch", `{"oneOf":[{"type":"string"},{"type":"object",` + again + `}]}`, object, true},
		{"two properties", `{"properties":{"a":` + node + `,"b":` + node + `}}`, object, true},
		{"name or additional", `{` + again + `,"additionalProperties":` + node + `}`, object, true},
		{"items", `{"items":` + node + `}`, list, true},
	} {
		s, err := inline(`{"definitions":{"node":` + c.definition + `,"other":{"properties":{"a":` + node + `}}},"properties":{"traits":{"type":"object","properties":{"a":` + node + `}}}}`)
		if err != nil {
			t.Errorf("%s: %v", c.name, err)
			continue
		}
		end := map[string]string{object: "}", list: "]", pair: "]"}[c.open]
		if _, problems := s.Extract(nested(5, c.open, end)); strings.Contains(Describe(problems), "nested too deeply") {
			t.Errorf("%s: five levels: %v", c.name, Describe(problems))
		}
		levels := 60
		if !c.linear {
			levels = 16 // enough to be refused, and a failure does not take for ever
		}
		problems := s.Validate(nested(levels, c.open, end))
		refused := len(problems) == 1 && problems[0].Field == "traits" &&
			strings.Contains(Describe(problems), `"x" leads back to itself at /definitions/node`)
		if refused == c.linear {
			t.Errorf("%s: %d levels: %v", c.name, levels, Describe(problems))
		}
	}
}

// TestSteps counts what a validator does, and no more than it is allowed to.
func TestSteps(t *testing.T) {
	s, err := inline(`{"definitions":{"node":{"anyOf":[{"properties":{"a":{"$ref":"#/definitions/node"}}},{"properties":{"a":{"$ref":"#/definitions/node"}}}]}},
		"properties":{"traits":{"type":"object","properties":{"a":{"$ref":"#/definitions/node"}}}}}`)
	if err != nil {
		t.Fatal(err)
	}
	for depth, want := range []int{6, 14, 30, 62} { // the schema, the traits, and then four for each branch: $ref, node and two properties
		value, err := decode(nested(depth, `{"a":`, "}"))
		if err != nil {
			t.Fatal(err)
		}
		work := steps{left: maxSteps}
		if !work.apply(s.compiled, map[string]any{"traits": plain(value)}) || maxSteps-work.left != want {
			t.Errorf("%d levels take %d steps, want %d", depth, maxSteps-work.left, want)
		}
		work = steps{left: want - 1}
		if work.apply(s.compiled, map[string]any{"traits": plain(value)}) || work.left != -1 {
			t.Errorf("%d levels: %d steps are left of one too few", depth, work.left)
		}
	}
}

// TestLargeTraits of a schema without recursion are not counted; a tree of
// a thousand nodes is no problem either.
func TestLargeTraits(t *testing.T) {
	flat := traits(t, `"a":{"type":"array","items":{"type":"integer"}}`)
	if problems := flat.Validate(json.RawMessage(`{"a":[` + strings.Repeat("1,", 2*maxSteps) + `1]}`)); problems != nil {
		t.Errorf("a long list: %v", Describe(problems))
	}
	tree := traits(t, `"a":{"type":"object","properties":{"children":{"type":"array","items":{"$ref":"#/properties/traits/properties/a"}}}}`)
	if problems := tree.Validate(json.RawMessage(`{"a":{"children":[` + strings.Repeat(`{"children":[{},{}]},`, 1000) + `{}]}}`)); problems != nil {
		t.Errorf("a tree: %v", Describe(problems))
	}
}
