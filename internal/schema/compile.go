package schema

import (
	"errors"
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"github.com/santhosh-tekuri/jsonschema/v6/kind"

	"zelus/internal/source"
)

// maxSubschemas is the most places that the properties of one schema may
// describe. References can make a small document describe very many.
const maxSubschemas = 10_000

// compiler makes a Schema of a document. It is used once.
type compiler struct {
	// documents holds the schema and all that it refers to, by URL, with
	// the order of members that the validator forgets.
	documents map[string]any
	schema    *Schema
	places    int
}

// compile compiles the document that stands under url in loader.
func compile(schema *Schema, at string, loader *loader) error {
	c := jsonschema.NewCompiler()
	c.DefaultDraft(jsonschema.Draft7)
	c.AssertFormat()
	c.AssertVocabs()
	c.RegisterVocabulary(vocabulary())
	for name, validate := range formats() {
		c.RegisterFormat(&jsonschema.Format{Name: name, Validate: validate})
	}
	c.UseLoader(loader)
	if err := c.AddResource(at, plain(loader.documents[at])); err != nil {
		return errors.New("this address cannot be that of an identity schema")
	}
	root, err := c.Compile(at)
	if err != nil {
		return plainError(err, at)
	}
	if err := noLoop(root); err != nil {
		return err
	}

	traits := resolved(root.Properties["traits"])
	if root.Ref != nil && root.DraftVersion < 2019 || traits == nil {
		return errors.New("at /properties: the member traits is missing; it must describe an object")
	}
	if traits.Types == nil || !slices.Equal(traits.Types.ToStrings(), []string{"object"}) {
		return errors.New(`at /properties/traits/type: this must be "object"`)
	}
	schema.compiled, schema.traits, schema.loop = root, traits, loopAt(root)
	schema.order = map[*jsonschema.Schema][]string{}
	schema.index = map[string]int{}
	b := compiler{documents: loader.documents, schema: schema}
	if err := b.walk(traits, "traits", true, nil); err != nil {
		return err
	}
	if len(schema.fields) < 2 {
		return errors.New("at /properties/traits/properties: there must be at least one property")
	}
	return nil
}

// resolved follows a reference that stands for the whole subschema, as it
// does up to draft 7, where its siblings are ignored.
func resolved(sch *jsonschema.Schema) *jsonschema.Schema {
	for sch != nil && sch.Ref != nil && sch.DraftVersion < 2019 {
		sch = sch.Ref
	}
	return sch
}

// walk collects the fields that a subschema describes, itself under name,
// in the order of the document. What has no name of its own, such as the
// items of an array, is walked without one, for the order of its properties.
// open are the subschemas it stands within: one that is met again describes
// nothing new. sure is false in branches that need not apply.
func (c *compiler) walk(sch *jsonschema.Schema, name string, sure bool, open []*jsonschema.Schema) error {
	sch = resolved(sch)
	if sch == nil || slices.Contains(open, sch) {
		return nil
	}
	if c.places++; c.places > maxSubschemas {
		return fmt.Errorf("the properties describe more than %d places", maxSubschemas)
	}
	open = append(slices.Clip(open), sch)

	if name != "" {
		c.describe(sch, name)
	}
	for _, property := range c.properties(sch) {
		child := ""
		if name != "" {
			child = name + "." + property
		}
		if err := c.walk(sch.Properties[property], child, sure, open); err != nil {
			return err
		}
		if child != "" && sure && slices.Contains(sch.Required, property) {
			c.schema.fields[c.schema.index[child]].Required = true
		}
	}
	for _, s := range always(sch) {
		if err := c.walk(s, name, sure, open); err != nil {
			return err
		}
	}
	for _, s := range slices.Concat(sch.AnyOf, sch.OneOf, []*jsonschema.Schema{sch.Then, sch.Else}) {
		if err := c.walk(s, name, false, open); err != nil {
			return err
		}
	}
	for _, s := range slices.Concat(items(sch), slices.Collect(maps.Values(sch.PatternProperties)), []*jsonschema.Schema{additional(sch)}) {
		if err := c.walk(s, "", false, open); err != nil {
			return err
		}
	}
	return nil
}

// describe adds what a subschema says of a field to what is known of it; what
// was said first holds.
func (c *compiler) describe(sch *jsonschema.Schema, name string) {
	i, known := c.schema.index[name]
	if !known {
		i = len(c.schema.fields)
		c.schema.index[name] = i
		c.schema.fields = append(c.schema.fields, Field{Name: name})
	}
	f := &c.schema.fields[i]
	ext := extensionOf(sch)
	if f.Title == "" {
		f.Title = sch.Title
	}
	if f.Format == "" {
		f.Format = ext.format
	}
	if f.Pattern == "" && sch.Pattern != nil {
		f.Pattern = sch.Pattern.String()
	}
	if f.Options == nil && sch.Enum != nil {
		f.Options = slices.Clone(sch.Enum.Values)
	}
	f.Types = union(f.Types, sch.Types)
	for _, item := range items(sch) {
		f.ItemTypes = union(f.ItemTypes, resolved(item).Types)
	}
	f.Disabled = f.Disabled || ext.disabled
	f.Annotation = joined(f.Annotation, ext.Annotation)
}

func union(have []string, types *jsonschema.Types) []string {
	if types == nil {
		return have
	}
	for _, t := range types.ToStrings() {
		if !slices.Contains(have, t) {
			have = append(have, t)
		}
	}
	return have
}

// joined is what two annotations of one field say together.
func joined(a, b Annotation) Annotation {
	first := func(x, y string) string {
		if x != "" {
			return x
		}
		return y
	}
	return Annotation{
		Password: a.Password || b.Password, WebAuthn: a.WebAuthn || b.WebAuthn, Code: a.Code || b.Code,
		PasskeyName: a.PasskeyName || b.PasskeyName, TOTPAccount: a.TOTPAccount || b.TOTPAccount,
		CodeVia: first(a.CodeVia, b.CodeVia), VerifyVia: first(a.VerifyVia, b.VerifyVia),
		RecoverVia: first(a.RecoverVia, b.RecoverVia), Organization: first(a.Organization, b.Organization),
	}
}

// properties gives the names of a subschema's properties in the order of the
// document, and remembers them.
func (c *compiler) properties(sch *jsonschema.Schema) []string {
	if len(sch.Properties) == 0 {
		return nil
	}
	if names, known := c.schema.order[sch]; known {
		return names
	}
	names := slices.Sorted(maps.Keys(sch.Properties))
	document, _, _ := strings.Cut(sch.Location, "#")
	value := c.documents[document]
	for token := range strings.SplitSeq(strings.TrimPrefix(fragment(sch.Location)+"/properties", "/"), "/") {
		token = strings.NewReplacer("~1", "/", "~0", "~").Replace(token)
		switch v := value.(type) {
		case *object:
			value = v.values[token]
		case []any:
			if i, err := strconv.Atoi(token); err == nil && i >= 0 && i < len(v) {
				value = v[i]
			}
		}
	}
	if o, ok := value.(*object); ok && len(o.keys) == len(names) {
		names = slices.Clone(o.keys)
	}
	c.schema.order[sch] = names
	return names
}

// fragment is the JSON pointer in the location of a subschema.
func fragment(location string) string {
	_, escaped, _ := strings.Cut(location, "#")
	if plain, err := url.PathUnescape(escaped); err == nil {
		return plain
	}
	return escaped
}

// always are the subschemas that apply to a value whenever sch does.
func always(sch *jsonschema.Schema) []*jsonschema.Schema {
	list := sch.AllOf
	if sch.Ref != nil {
		list = append([]*jsonschema.Schema{sch.Ref}, list...)
	}
	return list
}

// items are the subschemas of the entries of an array.
func items(sch *jsonschema.Schema) []*jsonschema.Schema {
	list := slices.Clone(sch.PrefixItems)
	switch i := sch.Items.(type) {
	case *jsonschema.Schema:
		list = append(list, i)
	case []*jsonschema.Schema:
		list = append(list, i...)
	}
	if sch.Items2020 != nil {
		list = append(list, sch.Items2020)
	}
	return list
}

// additional is the subschema of the properties that are not named, or nil.
func additional(sch *jsonschema.Schema) *jsonschema.Schema {
	s, _ := sch.AdditionalProperties.(*jsonschema.Schema)
	return s
}

// noLoop refuses schemas that lead back to themselves without going deeper
// into the value: validating with them would never end. It also refuses
// references whose target is only known while validating: nobody could tell
// where they lead, nor how much work they are.
func noLoop(root *jsonschema.Schema) error {
	const visiting, done = 1, 2
	state := map[*jsonschema.Schema]int{}
	var inPlace func(sch *jsonschema.Schema) error
	inPlace = func(sch *jsonschema.Schema) error {
		switch state[sch] {
		case visiting:
			return fmt.Errorf("at %s: this refers back to itself ($ref loop)", pointerOr(fragment(sch.Location)))
		case done:
			return nil
		}
		state[sch] = visiting
		for _, s := range here(sch) {
			if err := inPlace(s); err != nil {
				return err
			}
		}
		state[sch] = done
		return nil
	}

	seen := map[*jsonschema.Schema]bool{root: true}
	for queue := []*jsonschema.Schema{root}; len(queue) > 0; queue = queue[1:] {
		if queue[0].RecursiveRef != nil || queue[0].DynamicRef != nil {
			return fmt.Errorf("at %s: $recursiveRef and $dynamicRef are not available in identity schemas; use $ref", pointerOr(fragment(queue[0].Location)))
		}
		if err := inPlace(queue[0]); err != nil {
			return err
		}
		for _, s := range slices.Concat(here(queue[0]), below(queue[0])) {
			if !seen[s] {
				seen[s] = true
				queue = append(queue, s)
			}
		}
	}
	return nil
}

func pointerOr(fragment string) string {
	if fragment == "" {
		return "/"
	}
	return fragment
}

// here are all subschemas that may apply to the same value as sch.
func here(sch *jsonschema.Schema) []*jsonschema.Schema {
	list := slices.Concat(sch.AllOf, sch.AnyOf, sch.OneOf,
		[]*jsonschema.Schema{sch.Ref, sch.Not, sch.If, sch.Then, sch.Else})
	for _, dependency := range sch.Dependencies {
		if s, ok := dependency.(*jsonschema.Schema); ok {
			list = append(list, s)
		}
	}
	for _, s := range sch.DependentSchemas {
		list = append(list, s)
	}
	return slices.DeleteFunc(list, func(s *jsonschema.Schema) bool { return s == nil })
}

// below are all subschemas that apply to parts of the value of sch.
func below(sch *jsonschema.Schema) []*jsonschema.Schema {
	list := append(items(sch), sch.PropertyNames, sch.Contains, additional(sch), sch.UnevaluatedItems, sch.UnevaluatedProperties)
	for _, s := range sch.Properties {
		list = append(list, s)
	}
	for _, s := range sch.PatternProperties {
		list = append(list, s)
	}
	if s, ok := sch.AdditionalItems.(*jsonschema.Schema); ok {
		list = append(list, s)
	}
	return slices.DeleteFunc(list, func(s *jsonschema.Schema) bool { return s == nil })
}

// formats are those that differ from the validator's own. They apply to
// strings only, as all formats do.
func formats() map[string]func(any) error {
	text := func(valid func(string) bool) func(any) error {
		return func(value any) error {
			if s, ok := value.(string); ok && !valid(s) {
				return errors.New("not valid")
			}
			return nil
		}
	}
	anything := text(func(string) bool { return true })
	return map[string]func(any) error{
		"email":       text(emailAddress),
		"tel":         text(func(s string) bool { _, ok := phoneNumber(s); return ok }),
		"no-validate": anything,
	}
}

// plainError puts an error of the compiler into one line that says where in
// the schema document it is and what is wrong.
func plainError(err error, at string) error {
	var invalid *jsonschema.SchemaValidationError
	var validation *jsonschema.ValidationError
	var regexp *jsonschema.InvalidRegexError
	var load *jsonschema.LoadURLError
	switch {
	case errors.As(err, &invalid) && errors.As(invalid.Err, &validation):
		first := validation
		for len(first.Causes) > 0 {
			first = first.Causes[0]
		}
		place := fragment(invalid.URL)
		if len(first.InstanceLocation) > 0 {
			place += pointer(first.InstanceLocation)
		}
		return fmt.Errorf("at %s: %s", pointerOr(place), faultOf(first))
	case errors.As(err, &regexp):
		return fmt.Errorf("at %s: the regular expression %q cannot be used: %w", pointerOr(fragment(regexp.URL)), cut(regexp.Regex), regexp.Err)
	case errors.As(err, &load):
		return fmt.Errorf("$ref to %s: %w", source.Redacted(load.URL), load.Err)
	}
	// The texts of the others repeat the address of the document.
	return errors.New(strings.ReplaceAll(err.Error(), at, source.Redacted(at)))
}

// faultOf says what is wrong with a part of a schema document.
func faultOf(e *jsonschema.ValidationError) string {
	if k, ok := e.ErrorKind.(*kind.Format); ok && k.Want == "regex" {
		return fmt.Sprintf("the regular expression %q cannot be used: %v", cut(fmt.Sprint(k.Got)), k.Err)
	}
	return Describe(translate(nil, &jsonschema.ValidationError{ErrorKind: e.ErrorKind}))
}
