package config

import (
	"fmt"
	"io"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"
)

// hidden stands in printouts for what must not be read.
const hidden = "[hidden]"

// Print writes the configuration in force as YAML. Behind each value that is
// not a default stands where it comes from. Secrets, and passwords inside
// URLs, are hidden.
func Print(w io.Writer, c *Config) error {
	p := printer{notes: c.notes}
	document := p.object(newSpec(), c.values, "", reflect.ValueOf(c).Elem())
	encoder := yaml.NewEncoder(w)
	encoder.SetIndent(2)
	if err := encoder.Encode(document); err != nil {
		return fmt.Errorf("the configuration cannot be printed: %w", err)
	}
	return encoder.Close()
}

type printer struct{ notes map[string]string }

// value is the YAML of a key; nil if there is nothing to print.
func (p printer) value(s *spec, n *node, key string, v reflect.Value) *yaml.Node {
	if v.Kind() == reflect.Pointer {
		v = v.Elem()
	}
	if !v.IsValid() {
		return nil
	}
	comment := p.notes[key]
	if n != nil && n.kind != null {
		comment = n.from.String()
	}
	switch {
	case s.object():
		if object := p.object(s, n, key, v); len(object.Content) > 0 {
			return object
		}
		return nil
	case v.Kind() == reflect.Slice && v.Len() > 0:
		out := &yaml.Node{Kind: yaml.SequenceNode}
		for i := range v.Len() {
			var item *node
			if n != nil && i < len(n.items) {
				item = n.items[i]
			}
			value := p.value(s.elem, item, key+"."+strconv.Itoa(i), v.Index(i))
			if value == nil {
				value = scalar("")
			}
			if item == nil && value.Kind == yaml.ScalarNode {
				value.LineComment = comment
			}
			out.Content = append(out.Content, value)
		}
		return out
	case v.Kind() == reflect.Map && v.Len() > 0:
		out := &yaml.Node{Kind: yaml.MappingNode}
		names := v.MapKeys()
		slices.SortFunc(names, func(a, b reflect.Value) int { return strings.Compare(a.String(), b.String()) })
		for _, name := range names {
			value := p.value(s.elem, n.field(name.String()), key+"."+name.String(), v.MapIndex(name))
			if value == nil {
				value = scalar("")
			}
			out.Content = append(out.Content, scalar(name.String()), value)
		}
		return out
	case v.Kind() == reflect.Interface:
		var free yaml.Node
		if err := free.Encode(v.Interface()); err != nil {
			return scalar(hidden)
		}
		return &free
	case v.IsZero() && comment == "" && s.tag.Get("default") == "":
		return nil // nothing says anything about it
	}
	out := p.scalar(s, v)
	out.LineComment = comment
	return out
}

func (p printer) object(s *spec, n *node, key string, v reflect.Value) *yaml.Node {
	out := &yaml.Node{Kind: yaml.MappingNode}
	for _, f := range s.fields {
		if s.plain() == hookConfigType && n.field(f.name) == nil {
			continue // most of it would be out of place in most hooks
		}
		value := p.value(f, n.field(f.name), strings.TrimPrefix(key+"."+f.name, "."), f.of(v))
		if value != nil {
			out.Content = append(out.Content, scalar(f.name), value)
		}
	}
	return out
}

func (p printer) scalar(s *spec, v reflect.Value) *yaml.Node {
	switch v.Kind() {
	case reflect.Slice:
		return &yaml.Node{Kind: yaml.SequenceNode, Style: yaml.FlowStyle}
	case reflect.Map:
		return &yaml.Node{Kind: yaml.MappingNode, Style: yaml.FlowStyle}
	case reflect.Bool:
		return &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!bool", Value: strconv.FormatBool(v.Bool())}
	case reflect.Int:
		return &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!int", Value: strconv.FormatInt(v.Int(), 10)}
	case reflect.Float64:
		return &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!float", Value: strconv.FormatFloat(v.Float(), 'g', -1, 64)}
	}
	switch value := v.Interface().(type) {
	case time.Duration:
		return scalar(duration(value))
	case Bytes:
		return scalar(value.String())
	}
	written := v.String()
	switch s.tag.Get("secret") {
	case "all":
		if written != "" {
			written = hidden
		}
	case "base64":
		if strings.HasPrefix(written, "base64://") {
			written = "base64://" + hidden
		}
	}
	return scalar(hidePassword(written))
}

func scalar(s string) *yaml.Node {
	var n yaml.Node
	n.SetString(s)
	return &n
}

// duration writes a duration as the file has it: 1h30m, not 1h30m0s.
func duration(d time.Duration) string {
	units := []struct {
		name string
		size time.Duration
	}{{"h", time.Hour}, {"m", time.Minute}, {"s", time.Second}, {"ms", time.Millisecond}, {"us", time.Microsecond}, {"ns", 1}}
	var b strings.Builder
	for _, unit := range units {
		if d >= unit.size {
			fmt.Fprintf(&b, "%d%s", d/unit.size, unit.name)
			d %= unit.size
		}
	}
	if b.Len() == 0 {
		return "0s"
	}
	return b.String()
}

// hidePassword hides the password of a URL or connection string, wherever it
// may stand in it: before an @, or in a parameter. Other texts stay as they are.
func hidePassword(s string) string {
	scheme, rest, found := strings.Cut(s, "://")
	if !found || scheme == "base64" {
		return s
	}
	end := len(rest)
	if scheme == "http" || scheme == "https" {
		if i := strings.IndexAny(rest, "/?#"); i >= 0 {
			end = i
		}
	}
	if at := strings.LastIndex(rest[:end], "@"); at >= 0 {
		if user, _, with := strings.Cut(rest[:at], ":"); with {
			rest = user + ":" + hidden + rest[at:]
		}
	}
	address, query, with := strings.Cut(rest, "?")
	if !with {
		return scheme + "://" + rest
	}
	parameters := strings.Split(query, "&")
	for i, parameter := range parameters {
		name, _, _ := strings.Cut(parameter, "=")
		for _, telling := range []string{"pass", "secret", "token", "key"} {
			if strings.Contains(strings.ToLower(name), telling) {
				parameters[i] = name + "=" + hidden
			}
		}
	}
	return scheme + "://" + address + "?" + strings.Join(parameters, "&")
}
