package schema

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"math/big"
	"slices"
	"strconv"
	"strings"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"github.com/santhosh-tekuri/jsonschema/v6/kind"

	"zelus/internal/ui"
)

// Problem is one thing that is wrong with traits.
type Problem struct {
	// Field is the name of the form field ("traits.email"); "traits" for
	// what is wrong with the traits as a whole.
	Field   string
	Message ui.Message
}

// maxProblems is how many problems are told at once, maxTranslated how many
// are looked at to choose the first ones.
const (
	maxProblems   = 50
	maxTranslated = 1000
)

// Validate says what is wrong with traits, in the order of the schema
// document; nothing means that Extract will succeed. Empty traits count as {}.
func (s *Schema) Validate(traits json.RawMessage) []Problem {
	_, problems := s.Extract(traits)
	return problems
}

// Describe puts problems into one text for the reason of an error.
func Describe(problems []Problem) string {
	const most = 10
	var b strings.Builder
	for i, p := range problems {
		if i > 0 {
			b.WriteByte(' ')
		}
		if i == most {
			fmt.Fprintf(&b, "And %d more.", len(problems)-most)
			break
		}
		if p.Field != "" {
			b.WriteString(cut(p.Field) + ": ")
		}
		b.WriteString(p.Message.Text)
	}
	return b.String()
}

func generic(field, format string, args ...any) Problem {
	return Problem{field, ui.Say(ui.ErrorGeneric, "reason", fmt.Sprintf(format, args...))}
}

// check validates decoded traits by the schema.
func (s *Schema) check(traits any) []Problem {
	instance := map[string]any{"traits": plain(traits)}
	if work := (steps{left: maxSteps}); s.loop != "" && !work.apply(s.compiled, instance) {
		return []Problem{generic("traits", "These are nested too deeply, or are too many, to be checked: the identity schema %q leads back to itself at %s, and they may take at most %d steps.", s.id, cut(s.loop), maxSteps)}
	}
	err := s.compiled.Validate(instance)
	if err == nil {
		return nil
	}
	var validation *jsonschema.ValidationError
	if !errors.As(err, &validation) {
		return []Problem{generic("traits", "The traits cannot be checked.")}
	}
	return s.sorted(translate(nil, validation))
}

// sorted puts problems in the order of the document, without repetitions:
// the branches of an anyOf often say the same.
func (s *Schema) sorted(problems []Problem) []Problem {
	place := func(p Problem) int {
		if i, known := s.index[p.Field]; known && i > 0 {
			return i
		}
		return len(s.fields)
	}
	compare := func(a, b Problem) int {
		return cmp.Or(cmp.Compare(place(a), place(b)), cmp.Compare(a.Field, b.Field),
			cmp.Compare(a.Message.ID, b.Message.ID), cmp.Compare(a.Message.Text, b.Message.Text))
	}
	slices.SortFunc(problems, compare)
	problems = slices.CompactFunc(problems, func(a, b Problem) bool { return compare(a, b) == 0 })
	return problems[:min(len(problems), maxProblems)]
}

// translate turns the validator's errors into messages: those of the leaves,
// each on the field it is about.
func translate(problems []Problem, e *jsonschema.ValidationError) []Problem {
	if len(problems) >= maxTranslated {
		return problems
	}
	field := strings.Join(e.InstanceLocation, ".")
	if _, name := e.ErrorKind.(*kind.PropertyNames); len(e.Causes) > 0 && !name {
		for _, cause := range e.Causes {
			problems = translate(problems, cause)
		}
		return problems
	}
	add := func(id int, context ...any) {
		problems = append(problems, Problem{field, ui.Say(id, context...)})
	}
	switch k := e.ErrorKind.(type) {
	case *kind.Required:
		for _, name := range k.Missing {
			problems = append(problems, missing(e.InstanceLocation, name))
		}
	case *kind.Dependency:
		for _, name := range k.Missing {
			problems = append(problems, missing(e.InstanceLocation, name))
		}
	case *kind.DependentRequired:
		for _, name := range k.Missing {
			problems = append(problems, missing(e.InstanceLocation, name))
		}
	case *kind.MinLength:
		add(ui.ErrorMinLength, "min_length", k.Want, "actual_length", k.Got)
	case *kind.MaxLength:
		add(ui.ErrorMaxLength, "max_length", k.Want, "actual_length", k.Got)
	case *kind.Pattern:
		add(ui.ErrorPattern, "pattern", k.Want)
	case *kind.Minimum:
		add(ui.ErrorMinimum, "minimum", number(k.Want), "actual", number(k.Got))
	case *kind.ExclusiveMinimum:
		add(ui.ErrorExclusiveMinimum, "minimum", number(k.Want), "actual", number(k.Got))
	case *kind.Maximum:
		add(ui.ErrorMaximum, "maximum", number(k.Want), "actual", number(k.Got))
	case *kind.ExclusiveMaximum:
		add(ui.ErrorExclusiveMaximum, "maximum", number(k.Want), "actual", number(k.Got))
	case *kind.MultipleOf:
		add(ui.ErrorMultipleOf, "base", number(k.Want), "actual", number(k.Got))
	case *kind.MaxItems:
		add(ui.ErrorMaxItems, "max_items", k.Want, "actual_items", k.Got)
	case *kind.MinItems:
		add(ui.ErrorMinItems, "min_items", k.Want, "actual_items", k.Got)
	case *kind.UniqueItems:
		add(ui.ErrorUniqueItems, "index_a", k.Duplicates[0], "index_b", k.Duplicates[1])
	case *kind.Type:
		add(ui.ErrorWrongType, "allowed_types", k.Want, "actual_type", k.Got)
	case *kind.Const:
		switch k.Want.(type) {
		case map[string]any, []any:
			add(ui.ErrorConstGeneric)
		default:
			add(ui.ErrorConst, "expected", k.Want)
		}
	case *kind.Format:
		value := cut(fmt.Sprint(k.Got))
		switch k.Want {
		case "email":
			add(ui.ErrorEmail, "value", value)
		case "tel":
			add(ui.ErrorPhone, "value", value)
		default:
			add(ui.ErrorGeneric, "reason", reason(e))
		}
	default:
		add(ui.ErrorGeneric, "reason", reason(e))
	}
	return problems
}

// missing is the problem of a property that is required but not there; it
// stands on the field of that property.
func missing(location []string, name string) Problem {
	return Problem{strings.Join(append(slices.Clip(location), name), "."), ui.Say(ui.ErrorRequired, "property", cut(name))}
}

// reason says in a sentence what a keyword without a message of its own wants.
func reason(e *jsonschema.ValidationError) string {
	switch k := e.ErrorKind.(type) {
	case *kind.Enum:
		return "This must be one of " + listed(k.Want) + "."
	case *kind.AdditionalProperties:
		slices.Sort(k.Properties)
		return "There is no such field here: " + listed(k.Properties) + "."
	case *kind.PropertyNames:
		return fmt.Sprintf("No field can be called %q here.", cut(k.Property))
	case *kind.AdditionalItems:
		return fmt.Sprintf("These are too many entries, by %d.", k.Count)
	case *kind.MinProperties:
		return fmt.Sprintf("This has %d fields, at least %d are needed.", k.Got, k.Want)
	case *kind.MaxProperties:
		return fmt.Sprintf("This has %d fields, at most %d are allowed.", k.Got, k.Want)
	case *kind.Format:
		return fmt.Sprintf("%q is not a valid %s.", cut(fmt.Sprint(k.Got)), k.Want)
	case *kind.OneOf:
		return "This fits more than one of the forms of which just one is allowed."
	case *kind.Contains, *kind.MinContains:
		return "None, or too few, of the entries are of the kind that is needed."
	case *kind.MaxContains:
		return "Too many of the entries are of a kind that is limited."
	case *kind.FalseSchema:
		return "Nothing is allowed here."
	case *kind.Not:
		return "This is one of the values that are not allowed."
	case *kind.Required:
		return "These members are missing: " + listed(k.Missing) + "."
	}
	return "This does not fit the schema."
}

// listed puts up to 20 values into a sentence.
func listed[T any](values []T) string {
	const most = 20
	var texts []string
	for _, v := range values[:min(len(values), most)] {
		text, err := json.Marshal(v)
		if err != nil {
			text = []byte("?")
		}
		texts = append(texts, cut(strings.Trim(string(text), `"`)))
	}
	if len(values) > most {
		texts = append(texts, "…")
	}
	return strings.Join(texts, ", ")
}

// number is an exact number as JSON.
func number(r *big.Rat) json.Number {
	if r == nil {
		return "0"
	}
	if r.IsInt() && r.Num().BitLen() < 64 {
		return json.Number(r.Num().String())
	}
	f, _ := r.Float64()
	return json.Number(strconv.FormatFloat(f, 'g', -1, 64))
}

// lastName is the last part of a dotted name.
func lastName(name string) string { return name[strings.LastIndexByte(name, '.')+1:] }
