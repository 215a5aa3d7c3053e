package schema

import (
	"encoding/json"
	"slices"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"zelus/internal/ui"
)

// Schema is one compiled identity schema. It is never changed.
type Schema struct {
	id         string
	selectable bool
	raw        json.RawMessage
	compiled   *jsonschema.Schema
	traits     *jsonschema.Schema
	loop       string         // where the schema leads back to itself, see maxSteps; or empty
	fields     []Field        // the first is "traits" itself
	index      map[string]int // place in fields by name
	order      map[*jsonschema.Schema][]string
}

// Field is one property of the traits.
type Field struct {
	// Name is the path with dots, from "traits" on: "traits.name.first".
	Name string
	// Title is what people call it; may be empty.
	Title string
	// Types are JSON Schema types; none means any. ItemTypes are those of
	// the entries of an array.
	Types, ItemTypes []string
	Format, Pattern  string
	// Options are the values of an enumeration, nil if it is none.
	Options            []any
	Required, Disabled bool
	Annotation
}

// ID is the id from the configuration.
func (s *Schema) ID() string { return s.id }

// Selectable says whether a person may choose this schema when signing up.
func (s *Schema) Selectable() bool { return s.selectable }

// Raw is the document as it was loaded. It must not be changed.
func (s *Schema) Raw() json.RawMessage { return s.raw }

// Fields lists the properties of the traits in the order of the document,
// without those that are objects: their own properties stand for them.
func (s *Schema) Fields() []Field {
	return slices.DeleteFunc(slices.Clone(s.fields), func(f Field) bool { return slices.Contains(f.Types, "object") || f.Name == "traits" })
}

// TraitNames lists the names of Fields.
func (s *Schema) TraitNames() []string {
	var names []string
	for _, f := range s.Fields() {
		names = append(names, f.Name)
	}
	return names
}

// ObjectTraits lists the names of the properties that are objects, outer ones
// first. A submitted form has an empty one where it sends nothing of it.
func (s *Schema) ObjectTraits() []string {
	var names []string
	for _, f := range s.fields[1:] {
		if slices.Equal(f.Types, []string{"object"}) {
			names = append(names, f.Name)
		}
	}
	return names
}

// PasskeyFields lists the names of the fields that can name a passkey.
func (s *Schema) PasskeyFields() []string {
	var names []string
	for _, f := range s.Fields() {
		if f.PasskeyName {
			names = append(names, f.Name)
		}
	}
	return names
}

// IdentifierLabel is the label of the login form's identifier: the title of
// the one field that names somebody, where there is just one.
func (s *Schema) IdentifierLabel() ui.Message {
	var found []Field
	for _, f := range s.Fields() {
		if f.credential() {
			found = append(found, f)
		}
	}
	if len(found) != 1 || found[0].Title == "" {
		return ui.Say(ui.LabelIdentifier)
	}
	return label(found[0])
}

func label(f Field) ui.Message {
	return ui.Say(ui.LabelGenerated, "title", f.Title, "name", f.Name)
}

// maxOptions is how many values of an enumeration a form offers.
const maxOptions = 500

// Nodes builds the inputs of a form, without values, in the given group.
// Fields of no type or of more than two have none.
func (s *Schema) Nodes(group string) []ui.Node {
	var nodes []ui.Node
	for _, f := range s.Fields() {
		kind, ok := f.inputType()
		if !ok {
			continue
		}
		n := ui.Input(group, f.Name, kind, nil)
		switch f.Format {
		case "email":
			n.Attributes.Type, n.Attributes.Autocomplete = ui.InputEmail, "email"
		case "tel":
			n.Attributes.Type, n.Attributes.Autocomplete = ui.InputTel, "tel"
		case "uri":
			n.Attributes.Type, n.Attributes.Autocomplete = ui.InputURL, "url"
		case "date-time":
			n.Attributes.Type = ui.InputDateTime
		case "date":
			n.Attributes.Type = ui.InputDate
		case "regex":
			n.Attributes.Type = ui.InputText
		}
		n.Attributes.Required = f.Required
		n.Attributes.Pattern = f.Pattern
		n.Attributes.Disabled = f.Disabled
		for _, value := range f.Options[:min(len(f.Options), maxOptions)] {
			n.Attributes.Options = append(n.Attributes.Options, ui.Option{Value: value})
		}
		if f.Title != "" {
			n = n.Labelled(label(f))
		}
		nodes = append(nodes, n)
	}
	return nodes
}

// inputType chooses the type of the input by the JSON type.
func (f Field) inputType() (string, bool) {
	types := slices.DeleteFunc(slices.Clone(f.Types), func(t string) bool { return t == "null" })
	if len(types) == 0 || len(f.Types) > 2 {
		return "", false
	}
	if slices.Equal(types, []string{"array"}) {
		return ui.InputText, len(f.ItemTypes) > 0 && !slices.Contains(f.ItemTypes, "object") && !slices.Contains(f.ItemTypes, "array")
	}
	switch {
	case lastName(f.Name) == "password":
		return ui.InputPassword, true
	case types[0] == "number" || types[0] == "integer":
		return ui.InputNumber, true
	case types[0] == "boolean":
		return ui.InputCheckbox, true
	}
	return ui.InputText, true
}
