package config

import (
	"fmt"
	"slices"
	"strings"
	"text/tabwriter"
)

// Explain describes a key: what it is for, what it takes, its default, its
// environment variable and whether the server acts on it. For an object it
// also lists the keys inside; the empty key is the whole file. Items of lists
// are written providers.0.id or providers[].id. An unknown key is an error
// that names the nearest one.
func Explain(key string) (string, error) {
	root := newSpec()
	s := root
	later, restart := "", false
	parts := strings.Split(strings.ReplaceAll(strings.Trim(key, "."), "[]", ".[]"), ".")
	if key == "" {
		parts = nil
	}
	for _, part := range parts {
		next := s.elem
		if next == nil {
			next = s.field(part)
		}
		if next == nil {
			return "", unknownKey(root, s, key, part)
		}
		s = next
		if later == "" { // the outermost says what everything inside waits for
			later = s.later
		}
		restart = restart || s.is("restart")
	}
	var b strings.Builder
	if s != root {
		s.describe(&b, later, restart)
	}
	inside := s
	if s.elem != nil && s.elem.object() {
		inside = s.elem
	}
	if len(inside.fields) > 0 {
		if s != root {
			b.WriteString("\nKeys inside:\n")
		}
		table := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
		for _, f := range inside.fields {
			first, _, _ := strings.Cut(f.tag.Get("doc"), ". ")
			fmt.Fprintf(table, "  %s\t%s\n", f.name, strings.TrimSuffix(first, "."))
		}
		table.Flush()
	}
	return b.String(), nil
}

func (s *spec) describe(b *strings.Builder, later string, restart bool) {
	fmt.Fprintf(b, "%s\n", s.key)
	if doc := s.tag.Get("doc"); doc != "" {
		fmt.Fprintf(b, "%s\n", doc)
	}
	b.WriteByte('\n')
	table := tabwriter.NewWriter(b, 0, 0, 2, ' ', 0)
	row := func(name, value string) {
		if value != "" {
			fmt.Fprintf(table, "  %s\t%s\n", name, value)
		}
	}
	row("type", s.says())
	switch {
	case s.is("required"):
		row("default", "none, the key is required")
	case s.tag.Get("default") != "":
		row("default", s.tag.Get("default"))
	}
	row("variable", s.variable())
	switch {
	case s.is("inert"):
		row("status", "accepted, changes nothing")
	case later != "":
		row("status", "known, not acted on yet ("+later+")")
	default:
		row("status", "acted on")
	}
	if s.acts != nil {
		row("hooks acted on", strings.Join(s.acts, ", "))
	}
	if restart {
		row("change", "takes effect at the next start")
	}
	table.Flush()
}

// unknownKey suggests the nearest key: a sibling of the part that is not known,
// or any key that is spelt alike.
func unknownKey(root, s *spec, key, part string) error {
	key = strings.Trim(key, ".")
	if near := nearest(part, s.names()); near != "" {
		return fmt.Errorf("there is no key %s; did you mean %s?", shown(key), strings.TrimPrefix(s.key+"."+near, "."))
	}
	var all, byName []string
	root.walk(func(each *spec) {
		all = append(all, each.key)
		if each.name == part {
			byName = append(byName, each.key)
		}
	})
	if len(byName) == 0 {
		if near := nearest(key, all); near != "" {
			byName = []string{near}
		}
	}
	if len(byName) == 0 {
		return fmt.Errorf("there is no key %s", shown(key))
	}
	slices.Sort(byName)
	return fmt.Errorf("there is no key %s; did you mean %s?", shown(key), strings.Join(byName[:min(len(byName), 3)], " or "))
}
