package schema

import (
	"encoding/json"
	"slices"
	"strconv"
	"strings"

	"zelus/internal/ui"
)

// Coerce turns what a form sent under a name into the JSON value that the
// schema wants there: text to numbers and booleans where nothing else fits,
// several values to an array. Of several values for one field the last holds,
// so that a hidden input can stand before a checkbox. What cannot be turned
// stays text, and validation will name it. Nothing, and empty text, is
// absence: false.
func (s *Schema) Coerce(name string, values []string) (any, bool) {
	i, known := s.index[name]
	if known && slices.Contains(s.fields[i].Types, "array") && !slices.Contains(s.fields[i].Types, "string") {
		list := []any{}
		for _, text := range values {
			if text != "" {
				list = append(list, convert(text, s.fields[i].ItemTypes))
			}
		}
		return list, len(list) > 0
	}
	if len(values) == 0 || values[len(values)-1] == "" {
		return nil, false
	}
	last := values[len(values)-1]
	if !known {
		return last, true
	}
	return convert(last, s.fields[i].Types), true
}

// CoerceJSON does for traits in a JSON body what Coerce does for a form: some
// clients send the values of their inputs as they are, all texts. Traits that
// are not valid JSON, or need no change, are given back as they came.
func (s *Schema) CoerceJSON(traits json.RawMessage) json.RawMessage {
	value, err := decode(traits)
	if err != nil {
		return traits
	}
	if !s.coerce("traits", value) {
		return traits
	}
	return encode(value)
}

// coerce changes an object in place and says whether it did.
func (s *Schema) coerce(name string, value any) bool {
	o, ok := value.(*object)
	if !ok {
		return false
	}
	changed := false
	for _, key := range slices.Clone(o.keys) {
		child := name + "." + key
		i, known := s.index[child]
		if !known {
			continue
		}
		switch v := o.values[key].(type) {
		case *object:
			changed = s.coerce(child, v) || changed
		case string:
			if v == "" {
				o.remove(key)
				changed = true
			} else if to := convert(v, s.fields[i].Types); to != any(v) {
				o.values[key] = to
				changed = true
			}
		case []any:
			for j := range v {
				if text, ok := v[j].(string); ok {
					if to := convert(text, s.fields[i].ItemTypes); to != any(text) {
						v[j] = to
						changed = true
					}
				}
			}
		}
	}
	return changed
}

// convert turns text into a boolean or a number if only they are allowed.
func convert(text string, types []string) any {
	if len(types) == 0 || slices.Contains(types, "string") {
		return text
	}
	trimmed := strings.TrimSpace(text)
	if slices.Contains(types, "boolean") {
		switch trimmed {
		case "true", "on":
			return true
		case "false":
			return false
		}
	}
	if slices.Contains(types, "number") || slices.Contains(types, "integer") {
		if isNumber(trimmed) {
			return json.Number(trimmed)
		}
	}
	return text
}

// isNumber says whether text is a JSON number that decode accepts.
func isNumber(text string) bool {
	if text == "" || len(text) > maxNumberLength || strings.Trim(text, "0123456789+-.eE") != "" {
		return false
	}
	value, err := decode([]byte(text))
	_, ok := value.(json.Number)
	return err == nil && ok
}

// Value is one value within traits, by the name of its form field. It is a
// string, a json.Number or a bool.
type Value struct {
	Name  string
	Value any
}

// Values lists the values of traits, those in arrays by their index
// ("traits.tags.0"), in the order in which they were given. Nulls are left
// out, and all of it if the traits are not valid JSON.
func Values(traits json.RawMessage) []Value {
	value, err := decode(traits)
	if err != nil {
		return nil
	}
	return flatten(nil, "traits", value)
}

func flatten(list []Value, name string, value any) []Value {
	switch v := value.(type) {
	case *object:
		for _, key := range v.keys {
			list = flatten(list, name+"."+key, v.values[key])
		}
	case []any:
		for i := range v {
			list = flatten(list, name+"."+strconv.Itoa(i), v[i])
		}
	case nil:
	default:
		list = append(list, Value{name, v})
	}
	return list
}

// Fill puts traits into the fields of a form. A value of a kind that has no
// field, but a name that the schema knows, gets one in the group, so that what
// is wrong with it stands where it is. Other values are left out, and all of
// them if the traits are not valid JSON.
func (s *Schema) Fill(c *ui.Container, group string, traits json.RawMessage) {
	if value, err := decode(traits); err == nil {
		s.fill(c, group, "traits", value)
	}
}

func (s *Schema) fill(c *ui.Container, group, name string, value any) {
	if o, ok := value.(*object); ok {
		for _, key := range o.keys {
			s.fill(c, group, name+"."+key, o.values[key])
		}
		return
	}
	_, known := s.index[name]
	_, list := value.([]any)
	switch n := c.Find(name); {
	case value == nil:
	case n != nil:
		n.Attributes.Value = plain(value)
	case known && !list && name != "traits":
		c.Put(Value{name, value}.Node(group))
	}
}

// Keep gives traits that somebody has sent about themselves what is not theirs
// to change: values whose fields are disabled stay as they were, or away. An HTML
// form also keeps what it cannot send: values that have no field. before is what
// the form was filled with. Where one of the two is not valid JSON, what was sent
// is given back as it came.
func (s *Schema) Keep(sent, before json.RawMessage, form bool) json.RawMessage {
	to, err := decode(sent)
	from, err2 := decode(before)
	if err != nil || err2 != nil {
		return sent
	}
	kept := s.keep("traits", to, from, form)
	if !s.drop("traits", to, from) && !kept {
		return sent
	}
	return encode(to)
}

// drop removes values of disabled fields that were not there before, and says
// whether there were any.
func (s *Schema) drop(name string, to, from any) (changed bool) {
	target, ok := to.(*object)
	if !ok {
		return false
	}
	source, _ := from.(*object)
	for _, key := range slices.Clone(target.keys) {
		child := name + "." + key
		var before any
		had := false
		if source != nil {
			before, had = source.values[key]
		}
		if i, known := s.index[child]; known && s.fields[i].Disabled && !had {
			target.remove(key)
			changed = true
			continue
		}
		changed = s.drop(child, target.values[key], before) || changed
	}
	return changed
}

// keep changes to in place and says whether it did.
func (s *Schema) keep(name string, to, from any, form bool) (changed bool) {
	target, ok := to.(*object)
	source, ok2 := from.(*object)
	if !ok || !ok2 {
		return false
	}
	for _, key := range source.keys {
		child, value := name+"."+key, source.values[key]
		i, known := s.index[child]
		_, nested := value.(*object)
		have, sent := target.values[key]
		switch {
		case nested && known:
			if !sent {
				have = &object{values: map[string]any{}}
			}
			if s.keep(child, have, value, form) {
				target.set(key, have)
				changed = true
			}
		case known && s.fields[i].Disabled:
			target.set(key, value)
			changed = true
		case !form || sent || known && s.fields[i].sendable():
		default:
			target.set(key, value)
			changed = true
		}
	}
	return changed
}

// sendable says whether a browser sends the field.
func (f Field) sendable() bool {
	_, shown := f.inputType()
	return shown && !f.Disabled
}

// Node is the input for a value that the schema has no field for; its type
// follows from the value.
func (v Value) Node(group string) ui.Node {
	kind := ui.InputText
	switch v.Value.(type) {
	case bool:
		kind = ui.InputCheckbox
	case json.Number:
		kind = ui.InputNumber
	}
	return ui.Input(group, v.Name, kind, v.Value)
}
