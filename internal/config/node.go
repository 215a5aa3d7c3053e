package config

import (
	"maps"
	"slices"
	"strconv"
	"strings"
)

// kind says what a node holds.
type kind uint8

const (
	null kind = iota
	text
	number
	boolean
	// loose is a scalar whose type only its key knows: a variable's value.
	loose
	list
	mapping
)

func (k kind) String() string {
	return [...]string{"nothing", "text", "a number", "true or false", "a value", "a list", "an object"}[k]
}

// node is one value as it was read, before it is known what it should be, and
// where it was read. All formats of files become nodes.
type node struct {
	kind   kind
	text   string // scalars
	items  []*node
	fields map[string]*node
	from   Origin
}

// maxItem bounds the number in a variable's name such as SECRETS_COOKIE_0.
const maxItem = 999

// names lists the keys of a mapping in the order of the files, so that
// problems are reported in the order in which one reads.
func (n *node) names() []string {
	return slices.SortedFunc(maps.Keys(n.fields), func(a, b string) int {
		if c := n.fields[a].from.compare(n.fields[b].from); c != 0 {
			return c
		}
		return strings.Compare(a, b)
	})
}

// field finds a key of a mapping; nil where there is none.
func (n *node) field(name string) *node {
	if n == nil {
		return nil
	}
	return n.fields[name]
}

// find follows a path of keys; nil where it leads nowhere.
func (n *node) find(path ...string) *node {
	for _, name := range path {
		n = n.field(name)
	}
	return n
}

// overlay puts the values of a later file over those of n.
func (n *node) overlay(later *node) *node {
	if n == nil || n.kind != mapping || later.kind != mapping {
		return later
	}
	for name, value := range later.fields {
		n.fields[name] = n.fields[name].overlay(value)
	}
	return n
}

// overlayItems is overlay as variables have it: lists are merged item by item.
func (n *node) overlayItems(later *node) *node {
	switch {
	case n == nil || n.kind != later.kind:
		return later
	case later.kind == mapping:
		for name, value := range later.fields {
			n.fields[name] = n.fields[name].overlayItems(value)
		}
		return n
	case later.kind == list:
		for i, item := range later.items {
			switch {
			case i >= len(n.items):
				n.items = append(n.items, item)
			case item.kind != null:
				n.items[i] = n.items[i].overlayItems(item)
			}
		}
		return n
	}
	return later
}

// write spells the node out in one way only: keys sorted, texts quoted.
// Equal values have equal spellings, whatever file they come from.
func (n *node) write(b *strings.Builder) {
	switch n.kind {
	case list:
		b.WriteByte('[')
		for _, item := range n.items {
			item.write(b)
			b.WriteByte(',')
		}
		b.WriteByte(']')
	case mapping:
		b.WriteByte('{')
		for _, name := range slices.Sorted(maps.Keys(n.fields)) {
			b.WriteString(strconv.Quote(name))
			b.WriteByte(':')
			n.fields[name].write(b)
			b.WriteByte(',')
		}
		b.WriteByte('}')
	case null:
		b.WriteString("null")
	default:
		b.WriteString(strconv.Quote(n.text))
	}
}
