package config

import (
	"encoding/json"
	"fmt"
	"reflect"
	"strconv"
	"strings"
)

// Schema is the JSON Schema (draft-07) of a configuration file, for editors
// and other tools. It says what the tags of the tree say; rules across keys are
// Load's alone.
func Schema() ([]byte, error) {
	root := newSpec()
	g := &schemaWriter{uses: map[reflect.Type]int{}, definitions: map[string]any{}}
	root.walk(func(s *spec) {
		if s.object() {
			g.uses[s.plain()]++
		}
	})
	schema := g.object(root)
	schema["$schema"] = "http://json-schema.org/draft-07/schema#"
	schema["title"] = "Configuration of Zelus"
	schema["definitions"] = g.definitions
	out, err := json.MarshalIndent(schema, "", "  ")
	if err != nil {
		return nil, fmt.Errorf("the JSON Schema of the configuration: %w", err)
	}
	return append(out, '\n'), nil
}

type schemaWriter struct {
	uses        map[reflect.Type]int
	definitions map[string]any
}

func (g *schemaWriter) value(s *spec) map[string]any {
	out := g.shape(s)
	if doc := s.tag.Get("doc"); doc != "" {
		if _, isRef := out["$ref"]; isRef {
			// Draft-07 ignores what stands beside $ref.
			out = map[string]any{"allOf": []any{out}}
		}
		out["description"] = doc
	}
	if preset, ok := s.tag.Lookup("default"); ok {
		if typed := s.preset(preset); typed != nil {
			out["default"] = typed
		}
	}
	return out
}

// shape is the schema without description and default.
func (g *schemaWriter) shape(s *spec) map[string]any {
	switch {
	case s.object():
		return g.reference(s)
	case s.plain() == durationType:
		pattern, _ := durationFormat(s.tag.Get("format"))
		return map[string]any{"type": "string", "pattern": pattern}
	case s.plain() == bytesType:
		return map[string]any{"type": "string", "pattern": bytesPattern}
	}
	out := map[string]any{}
	number := func(tag, keyword string) {
		if n, ok := s.limit(tag); ok {
			out[keyword] = n
		}
	}
	switch s.plain().Kind() {
	case reflect.Slice:
		out["type"], out["items"] = "array", g.value(s.elem)
		number("min", "minItems")
		if s.is("unique") {
			out["uniqueItems"] = true
		}
	case reflect.Map:
		out["type"], out["additionalProperties"] = "object", g.value(s.elem)
		if names := s.tag.Get("names"); names != "" {
			out["propertyNames"] = map[string]any{"pattern": "^" + names + "$"}
		}
	case reflect.Bool:
		out["type"] = "boolean"
		if s.tag.Get("format") == "bool" {
			delete(out, "type")
			out["enum"] = []any{true, false, "true", "false"}
		}
	case reflect.Int:
		out["type"] = "integer"
		number("min", "minimum")
		number("max", "maximum")
	case reflect.Float64:
		out["type"] = "number"
	case reflect.String:
		out["type"] = "string"
		if len(s.enum) > 0 {
			out["enum"] = s.enum
		}
		if pattern, _ := textFormat(s.tag.Get("format")); pattern != "" {
			out["pattern"] = pattern
		}
		switch format := s.tag.Get("format"); format {
		case "uri", "uri-reference", "email", "uuid":
			out["format"] = format
		}
	}
	return out
}

// reference writes an object that stands in several places once. Objects with
// hooks differ from place to place.
func (g *schemaWriter) reference(s *spec) map[string]any {
	switch s.plain() {
	case reflect.TypeFor[Before](), reflect.TypeFor[After](), reflect.TypeFor[MethodAfter](), hookType:
		return g.object(s)
	}
	if g.uses[s.plain()] < 2 {
		return g.object(s)
	}
	name := s.plain().Name()
	if _, written := g.definitions[name]; !written {
		g.definitions[name] = nil // ours to write
		g.definitions[name] = g.object(s)
	}
	return map[string]any{"$ref": "#/definitions/" + name}
}

func (g *schemaWriter) object(s *spec) map[string]any {
	properties := map[string]any{}
	var required []string
	for _, f := range s.fields {
		properties[f.name] = g.value(f)
		if f.is("required") {
			required = append(required, f.name)
		}
	}
	out := map[string]any{"type": "object", "properties": properties, "additionalProperties": s.is("open")}
	if s.plain() == hookType {
		// Hooks that are known by name only may hold anything.
		out["additionalProperties"] = true
	}
	if required != nil {
		out["required"] = required
	}
	return out
}

// preset is a default as JSON has it.
func (s *spec) preset(written string) any {
	switch s.plain().Kind() {
	case reflect.Bool:
		return written == "true"
	case reflect.Int:
		n, err := strconv.Atoi(written)
		if err != nil {
			return nil
		}
		return n
	case reflect.Slice:
		return strings.Split(written, ",")
	}
	return written
}
