package schema

import (
	"slices"

	"github.com/santhosh-tekuri/jsonschema/v6"
)

// maxSteps bounds the work of checking traits by a schema that refers back to
// itself. Where two branches of such a schema do, as the variants of a tree's
// node in a oneOf, each level of the traits doubles the work: twenty levels
// take a million steps. Few levels are cheap and of use, so it is not the
// schema that is refused but the traits that go too deep for it. A tree of a
// thousand nodes stays below. To find addresses within branches takes the same
// work once more for each level, half a second at the very worst.
//
// Other schemas need no bound but that of maxDocument: their work grows with
// the traits as their text does.
const maxSteps = 10_000

// loopAt is the JSON pointer of a subschema that leads back to itself through
// parts of the value, or empty if none does.
func loopAt(root *jsonschema.Schema) string {
	const visiting, done = 1, 2
	state := map[*jsonschema.Schema]int{}
	var find func(sch *jsonschema.Schema) string
	find = func(sch *jsonschema.Schema) string {
		switch state[sch] {
		case visiting:
			return pointerOr(fragment(sch.Location))
		case done:
			return ""
		}
		state[sch] = visiting
		for _, next := range slices.Concat(here(sch), below(sch)) {
			if at := find(next); at != "" {
				return at
			}
		}
		state[sch] = done
		return ""
	}
	return find(root)
}

// steps counts the subschemas that a validator applies to a value and its
// parts, each as often as it does. Where the validator can stop early the count
// is too high.
type steps struct{ left int }

// apply counts for one subschema and says whether that many are allowed.
func (s *steps) apply(sch *jsonschema.Schema, value any) bool {
	if s.left--; s.left < 0 {
		return false
	}
	for _, other := range here(sch) {
		if !s.apply(other, value) {
			return false
		}
	}
	switch v := value.(type) {
	case map[string]any:
		for name, member := range v {
			for _, other := range ofMember(sch, name) {
				if !s.apply(other, member) {
					return false
				}
			}
		}
	case []any:
		for i, item := range v {
			for _, other := range ofItem(sch, i) {
				if !s.apply(other, item) {
					return false
				}
			}
		}
	}
	return true
}

// ofMember are all subschemas that may apply to a member of an object. That of
// its name is none of them: it sees a text and nothing below it.
func ofMember(sch *jsonschema.Schema, name string) []*jsonschema.Schema {
	list := unnamed(sch, name)
	if named := sch.Properties[name]; named != nil {
		list = append(list, named)
	}
	if sch.UnevaluatedProperties != nil {
		list = append(list, sch.UnevaluatedProperties)
	}
	return list
}

// ofItem are all subschemas that may apply to the entry of an array at index i.
func ofItem(sch *jsonschema.Schema, i int) []*jsonschema.Schema {
	list := []*jsonschema.Schema{itemSchema(sch, i), sch.Contains, sch.UnevaluatedItems}
	if others, ok := sch.AdditionalItems.(*jsonschema.Schema); ok {
		list = append(list, others)
	}
	return slices.DeleteFunc(list, func(s *jsonschema.Schema) bool { return s == nil })
}
