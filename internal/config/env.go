package config

import (
	"bytes"
	"encoding/json"
	"reflect"
	"slices"
	"strconv"
	"strings"
)

// fromEnviron reads environment variables by the rule of Kratos: the name is
// the key in capitals with _ for every dot and dash (SERVE_PUBLIC_PORT). Items
// of lists have numbers (SECRETS_COOKIE_0). Lists and objects are also taken as
// JSON, lists of texts with commas. What matches no key is not ours; an empty
// variable counts as not set; keys below free names cannot be set one by one.
//
// The result is laid over the files item by item, so that a variable can set
// one field of one provider; a list that is set as a whole therefore replaces
// as many items of the file's list as it has itself.
func fromEnviron(root *spec, environ []string, found *problems) *node {
	e := &environment{problems: found, values: &node{kind: mapping, fields: map[string]*node{}}}
	for _, variable := range slices.Sorted(slices.Values(environ)) {
		name, value, _ := strings.Cut(variable, "=")
		if value == "" {
			continue
		}
		e.origin = Origin{Env: name}
		e.value = value
		e.into(root, strings.ToUpper(strings.ReplaceAll(name, "-", "_")), e.values)
	}
	return e.values
}

// environment is the reading of one variable after the other.
type environment struct {
	problems *problems
	values   *node
	origin   Origin
	value    string
}

// into looks for the key below the object s that the rest of a variable's name
// stands for, and stores the value there. Names of keys may hold underscores
// themselves, so that every reading of the rest is tried.
func (e *environment) into(s *spec, rest string, object *node) bool {
	for _, f := range s.fields {
		if f.tag.Get("env") == "no" {
			continue
		}
		after, match := strings.CutPrefix(rest, strings.ReplaceAll(strings.ToUpper(f.name), "-", "_"))
		switch {
		case !match:
		case after == "":
			if n := e.parse(f, s.key == ""); n != nil {
				object.fields[f.name] = object.fields[f.name].overlayItems(n)
			}
			return true
		case after[0] == '_':
			fresh := e.container(f)
			if fresh != nil && e.below(f, after[1:], fresh) {
				object.fields[f.name] = object.fields[f.name].overlayItems(fresh)
				return true
			}
		}
	}
	return false
}

// below is into for the value of one key: an object or a list.
func (e *environment) below(s *spec, rest string, container *node) bool {
	if s.object() {
		return e.into(s, rest, container)
	}
	digits, after, deeper := strings.Cut(rest, "_")
	i, err := strconv.Atoi(digits)
	if err != nil || i < 0 || strconv.Itoa(i) != digits {
		return false
	}
	if i > maxItem {
		e.problems.add(e.origin, s.key, "the number %d is too large; items are counted from 0 to %d", i, maxItem)
		return true
	}
	for len(container.items) <= i {
		container.items = append(container.items, &node{from: e.origin})
	}
	if !deeper {
		if n := e.parse(s.elem, false); n != nil {
			container.items[i] = n
		}
		return true
	}
	item := e.container(s.elem)
	if item == nil || !e.below(s.elem, after, item) {
		return false
	}
	container.items[i] = item
	return true
}

// container is an empty node for what variables can reach into; nil for others.
func (e *environment) container(s *spec) *node {
	switch {
	case s.object():
		return &node{kind: mapping, fields: map[string]*node{}, from: e.origin}
	case s.elem != nil && !strings.HasSuffix(s.elem.key, "<name>"):
		return &node{kind: list, from: e.origin}
	}
	return nil
}

// parse makes a node of the value for the given key; nil if it is not for us.
func (e *environment) parse(s *spec, top bool) *node {
	value := strings.TrimSpace(e.value)
	structured := s.object() || s.elem != nil
	switch {
	case structured && (strings.HasPrefix(value, "{") || strings.HasPrefix(value, "[")):
		return e.json(s, value)
	case s.object() && top:
		// A variable that is just called LOG or SESSION belongs to somebody else.
		return nil
	case structured && (s.elem == nil || s.elem.typ.Kind() != reflect.String):
		e.problems.add(e.origin, s.key, "must be %s, as JSON", s.says())
		return nil
	}
	if structured {
		return e.list(value)
	}
	return &node{kind: loose, text: e.value, from: e.origin}
}

// list takes a comma separated list apart.
func (e *environment) list(value string) *node {
	n := &node{kind: list, from: e.origin}
	for _, part := range strings.Split(value, ",") {
		if part = strings.TrimSpace(part); part != "" {
			n.items = append(n.items, &node{kind: loose, text: part, from: e.origin})
		}
	}
	return n
}

func (e *environment) json(s *spec, value string) *node {
	if !json.Valid([]byte(value)) {
		e.problems.add(e.origin, s.key, "is not valid JSON")
		return nil
	}
	r := &jsonReader{
		parser:  &parser{problems: e.problems, file: e.origin, left: maxNodes},
		data:    []byte(value),
		decoder: json.NewDecoder(bytes.NewReader([]byte(value))),
	}
	r.decoder.UseNumber()
	n, err := r.value(0)
	if err != nil {
		e.problems.add(e.origin, s.key, "is not valid JSON: %v", err)
		return nil
	}
	return n
}
