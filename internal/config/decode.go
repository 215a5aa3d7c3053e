package config

import (
	"fmt"
	"maps"
	"math"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

// decoder fills the typed tree from nodes.
type decoder struct {
	root     *spec
	problems *problems
}

// checker is a part of the tree with rules of its own, beyond what tags say.
// check is called once the part is filled, and only if it was configured.
type checker interface{ check(at place) }

// place is where a checker stands: what was configured there, and how to
// complain about it.
type place struct {
	decoder *decoder
	node    *node
	origin  Origin
	key     string
}

func (p place) set(name string) bool { return p.node.field(name) != nil }

func (p place) names() []string {
	if p.node == nil {
		return nil
	}
	return p.node.names()
}

func (p place) in(name string) place {
	p.key += "." + name
	p.node = p.node.field(name)
	if p.node != nil {
		p.origin = p.node.from
	}
	return p
}

// wrong adds a problem with a key of the object; the empty name is the object.
func (p place) wrong(name, format string, args ...any) {
	if name != "" {
		p = p.in(name)
	}
	p.decoder.problems.add(p.origin, p.key, format, args...)
}

// value fills v from n, which is nil where nothing is configured.
func (d *decoder) value(s *spec, n *node, key string, v reflect.Value) {
	if n != nil && n.kind == null && (s.elem != nil || s.object()) {
		n = nil // an object or list of which nothing is left but its name
	}
	if v.Kind() == reflect.Pointer {
		if n == nil {
			return
		}
		v.Set(reflect.New(v.Type().Elem()))
		v = v.Elem()
	}
	switch {
	case s.object():
		d.object(s, n, key, v)
	case n == nil:
		d.preset(s, v)
	case v.Kind() == reflect.Map:
		d.freeObject(s, n, key, v)
	case v.Kind() == reflect.Slice:
		d.list(s, n, key, v)
	case v.Kind() == reflect.Interface:
		if free := n.free(); free != nil {
			v.Set(reflect.ValueOf(free))
		}
	default:
		if problem := setScalar(s, n, v); problem != "" {
			d.problems.add(n.from, key, "%s", problem)
		}
	}
}

// preset fills in the default.
func (d *decoder) preset(s *spec, v reflect.Value) {
	preset := s.tag.Get("default")
	if preset == "" {
		return
	}
	if v.Kind() == reflect.Slice {
		v.Set(reflect.ValueOf(strings.Split(preset, ",")))
		return
	}
	if problem := setScalar(s, &node{kind: loose, text: preset}, v); problem != "" {
		panic("config: the default of " + s.key + " " + problem) // a mistake in a tag; every test finds it
	}
}

func (d *decoder) object(s *spec, n *node, key string, v reflect.Value) {
	if n != nil && n.kind != mapping {
		d.problems.add(n.from, key, "must be an object, not %s", n.kind)
		n = nil
	}
	open := s.is("open")
	if s.typ == hookType && n != nil {
		name := n.field("hook")
		if name != nil && slices.Contains(s.field("hook").enum, name.text) {
			open = Hook{Name: name.text}.open()
		}
	}
	demanded := n != nil || key == "" || s.is("required")
	if n != nil && !open {
		for _, name := range n.names() {
			if s.field(name) == nil {
				d.unknown(s, key, name, n.fields[name])
			}
		}
	}
	for _, f := range s.fields {
		field := n.field(f.name)
		full := strings.TrimPrefix(key+"."+f.name, ".")
		switch {
		case f.inMap && field == nil:
		case f.inMap:
			method := reflect.New(f.typ).Elem()
			d.value(f, field, full, method)
			if v.Field(f.at).IsNil() {
				v.Field(f.at).Set(reflect.MakeMap(v.Field(f.at).Type()))
			}
			v.Field(f.at).SetMapIndex(reflect.ValueOf(f.name), method)
		case open && field != nil && s.typ == hookType && f.name == "config":
			// The hook is known by name only.
		default:
			if field == nil && demanded && f.is("required") && !f.demanding() {
				d.missing(f, n, full)
			}
			d.value(f, field, full, v.Field(f.at))
		}
	}
	if c, ok := v.Interface().(checker); ok && n != nil {
		c.check(place{decoder: d, node: n, origin: n.from, key: key})
	}
}

// demanding says whether an object has required keys. If it is missing, they
// are what is reported, not the object.
func (s *spec) demanding() bool {
	return slices.ContainsFunc(s.fields, func(f *spec) bool { return f.is("required") })
}

// missing complains about a required key.
func (d *decoder) missing(s *spec, around *node, key string) {
	where := Origin{}
	if around != nil {
		where = around.from
	}
	hint := ""
	if name := s.variable(); name != "" && !strings.Contains(name, "<") {
		hint = "; set it in the file, or in the environment variable " + name
	}
	d.problems.add(where, key, "is required%s", hint)
}

func (d *decoder) unknown(s *spec, key, name string, n *node) {
	full := strings.TrimPrefix(key+"."+name, ".")
	if len(full) > 200 {
		full = full[:200] + "..."
	}
	if d.problems.full() {
		d.problems.add(n.from, full, "")
		return
	}
	if near := nearest(name, s.names()); near != "" {
		d.problems.add(n.from, full, "this key is not known; did you mean %s?", near)
		return
	}
	elsewhere := ""
	d.root.walk(func(other *spec) {
		if other.name == name && elsewhere == "" {
			elsewhere = other.key
		}
	})
	if elsewhere != "" {
		d.problems.add(n.from, full, "this key is not known here; did you mean %s?", elsewhere)
		return
	}
	d.problems.add(n.from, full, "this key is not known; known here are %s", strings.Join(s.names(), ", "))
}

// freeObject fills a map from an object whose names are free.
func (d *decoder) freeObject(s *spec, n *node, key string, v reflect.Value) {
	if n.kind != mapping {
		d.problems.add(n.from, key, "must be an object, not %s", n.kind)
		return
	}
	v.Set(reflect.MakeMapWithSize(v.Type(), len(n.fields)))
	pattern := s.tag.Get("names")
	allowed := regexp.MustCompile("^" + pattern + "$")
	for _, name := range n.names() {
		field := n.fields[name]
		if pattern != "" && !allowed.MatchString(name) {
			d.problems.add(field.from, key, "the name %s must consist of %s", shown(name), pattern)
			continue
		}
		value := reflect.New(v.Type().Elem()).Elem()
		d.value(s.elem, field, key+"."+name, value)
		v.SetMapIndex(reflect.ValueOf(name), value)
	}
}

func (d *decoder) list(s *spec, n *node, key string, v reflect.Value) {
	if n.kind != list {
		d.problems.add(n.from, key, "must be a list, not %s", n.kind)
		return
	}
	items := n.items
	if least, ok := s.limit("min"); ok && int64(len(items)) < least {
		d.problems.add(n.from, key, "must have at least %d %s", least, plural(least, "item"))
	}
	seen := map[string]bool{}
	v.Set(reflect.MakeSlice(v.Type(), len(items), len(items)))
	for i, item := range items {
		at := key + "." + strconv.Itoa(i)
		if item.kind == null {
			d.problems.add(item.from, at, "is missing: items are counted from 0 without gaps")
			continue
		}
		if s.is("unique") {
			var b strings.Builder
			item.write(&b)
			if seen[b.String()] {
				d.problems.add(item.from, at, "stands in the list twice")
			}
			seen[b.String()] = true
		}
		d.value(s.elem, item, at, v.Index(i))
	}
}

func plural(n int64, word string) string {
	if n == 1 {
		return word
	}
	return word + "s"
}

// free is the node as plain Go values, for keys that take anything.
func (n *node) free() any {
	switch n.kind {
	case null:
		return nil
	case boolean:
		return n.text == "true"
	case number:
		if i, err := strconv.ParseInt(n.text, 10, 64); err == nil {
			return i
		}
		f, err := strconv.ParseFloat(n.text, 64)
		if err != nil || math.IsNaN(f) || math.IsInf(f, 0) {
			return n.text
		}
		return f
	case list:
		out := make([]any, len(n.items))
		for i, item := range n.items {
			out[i] = item.free()
		}
		return out
	case mapping:
		out := make(map[string]any, len(n.fields))
		for _, name := range slices.Sorted(maps.Keys(n.fields)) {
			out[name] = n.fields[name].free()
		}
		return out
	}
	return n.text
}

// setScalar fills a single value and says what is wrong with the configured
// one; empty if nothing is. Secret values do not appear in the answer.
func setScalar(s *spec, n *node, v reflect.Value) string {
	switch n.kind {
	case null:
		return "has no value; remove the key or give it one"
	case list, mapping:
		return fmt.Sprintf("must be %s, not %s", s.says(), n.kind)
	}
	switch s.plain() {
	case durationType:
		return setDuration(s, n, v)
	case bytesType:
		amount, ok := parseBytes(n.text)
		v.SetUint(uint64(amount))
		if !ok || amount == 0 || n.kind != text && n.kind != loose {
			return "must be " + s.says()
		}
		return ""
	}
	switch v.Kind() {
	case reflect.String:
		return setText(s, n, v)
	case reflect.Bool:
		return setBool(s, n, v)
	case reflect.Int:
		return setInt(s, n, v)
	case reflect.Float64:
		f, err := strconv.ParseFloat(n.text, 64)
		v.SetFloat(f)
		if n.kind != number && n.kind != loose || err != nil || math.IsNaN(f) || math.IsInf(f, 0) {
			return "must be a number"
		}
		return ""
	}
	panic("config: no way to read a value of " + v.Type().String())
}

func setText(s *spec, n *node, v reflect.Value) string {
	v.SetString(n.text)
	if n.kind != text && n.kind != loose {
		return fmt.Sprintf("must be text, not %s; put it in quotes", n.kind)
	}
	if len(s.enum) > 0 && !slices.Contains(s.enum, n.text) {
		problem := fmt.Sprintf("must be %s, not %s", s.says(), shown(n.text))
		if near := nearest(n.text, s.enum); near != "" && len(s.enum) > 3 {
			problem += fmt.Sprintf("; did you mean %s?", near)
		}
		return problem
	}
	if s.is("required") && n.text == "" {
		return "must not be empty"
	}
	if n.text == "" && s.tag.Get("format") != "dsn" {
		return "" // written out, but empty: as if it were not there
	}
	return checkText(s.tag.Get("format"), n.text)
}

func setBool(s *spec, n *node, v reflect.Value) string {
	written := strings.ToLower(n.text)
	v.SetBool(written == "true" || n.kind == loose && written == "1")
	switch {
	case n.kind == boolean:
	case n.kind == loose && slices.Contains([]string{"true", "false", "1", "0"}, written):
	case n.kind == text && s.tag.Get("format") == "bool" && (written == "true" || written == "false"):
	default:
		return "must be true or false"
	}
	return ""
}

func setInt(s *spec, n *node, v reflect.Value) string {
	i, err := strconv.ParseInt(n.text, 10, 64)
	if err != nil && n.kind == number {
		// JSON has one type of number: 12.0 and 1e2 are whole.
		if f, ferr := strconv.ParseFloat(n.text, 64); ferr == nil && f == math.Trunc(f) && math.Abs(f) < 1<<53 {
			i, err = int64(f), nil
		}
	}
	least, hasLeast := s.limit("min")
	most, hasMost := s.limit("max")
	if n.kind != number && n.kind != loose || err != nil || hasLeast && i < least || hasMost && i > most {
		return "must be " + s.says()
	}
	v.SetInt(i)
	return ""
}

func setDuration(s *spec, n *node, v reflect.Value) string {
	pattern, says := durationFormat(s.tag.Get("format"))
	t, err := time.ParseDuration(n.text)
	v.SetInt(int64(t))
	if n.kind != text && n.kind != loose || err != nil || !regexp.MustCompile(pattern).MatchString(n.text) {
		return "must be " + says
	}
	return ""
}

// says describes the values that a key takes.
func (s *spec) says() string {
	switch {
	case s.plain() == durationType:
		_, says := durationFormat(s.tag.Get("format"))
		return says
	case s.plain() == bytesType:
		return "an amount of memory such as 128MB (units: B, KB, MB, GB, TB, PB, EB)"
	case len(s.enum) == 1:
		return s.enum[0]
	case len(s.enum) > 0:
		return "one of " + strings.Join(s.enum, ", ")
	case s.object():
		return "an object"
	}
	least, hasLeast := s.limit("min")
	most, hasMost := s.limit("max")
	switch s.plain().Kind() {
	case reflect.Bool:
		return "true or false"
	case reflect.Int:
		switch {
		case hasLeast && hasMost:
			return fmt.Sprintf("a whole number from %d to %d", least, most)
		case hasLeast:
			return fmt.Sprintf("a whole number of at least %d", least)
		}
		return "a whole number"
	case reflect.Float64:
		return "a number"
	case reflect.Slice:
		if hasLeast {
			return fmt.Sprintf("a list of at least %d %s", least, plural(least, "item"))
		}
		return "a list"
	case reflect.Map:
		return "an object with free names"
	case reflect.String:
		if _, says := textFormat(s.tag.Get("format")); says != "" {
			return says
		}
		return "text"
	}
	return "anything"
}
