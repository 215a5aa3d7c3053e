package identity

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
)

// node is a value of a JSON document that is being changed. It is taken apart
// when a path leads into it; what no path enters stays as it was written.
type node struct {
	text   json.RawMessage // as it was written; nil once it is taken apart
	record *record         // the members, of an object that is taken apart
	list   []*node         // the entries, of a list that is taken apart
}

// record is an object that is taken apart. It keeps the order of its members.
type record struct {
	members []member
	at      map[string]int // where the member of a name is
}

// member is a member of a record; value is nil once it is removed.
type member struct {
	name  string
	value *node
}

func (r *record) set(name string, value *node) {
	if at, ok := r.at[name]; ok {
		r.members[at].value = value
		return
	}
	r.at[name] = len(r.members)
	r.members = append(r.members, member{name, value})
}

func (r *record) get(name string) *node {
	if at, ok := r.at[name]; ok {
		return r.members[at].value
	}
	return nil
}

func (r *record) remove(name string) {
	r.members[r.at[name]].value = nil
	delete(r.at, name)
}

// open takes an object or a list apart.
func (n *node) open() error {
	switch {
	case n.text == nil:
		return nil
	case n.text[0] == '{':
		r := &record{at: map[string]int{}}
		parts := cut(n.text)
		for at := 0; at+1 < len(parts); at += 2 {
			var name string
			if err := json.Unmarshal(parts[at], &name); err != nil {
				return err
			}
			r.set(name, &node{text: parts[at+1]})
		}
		n.text, n.record = nil, r
		return nil
	case n.text[0] == '[':
		parts := cut(n.text)
		n.text, n.list = nil, make([]*node, len(parts))
		for at, text := range parts {
			n.list[at] = &node{text: text}
		}
		return nil
	}
	return errors.New("what should hold it is neither an object nor a list")
}

// cut splits an object or a list, which must be valid JSON, at its own commas
// and colons: into names and values in turn, or into entries. It looks at
// every byte once and copies none, so that deep paths into large values stay
// cheap.
func cut(text json.RawMessage) []json.RawMessage {
	var parts []json.RawMessage
	inner := text[1 : len(text)-1]
	begin, depth := 0, 0
	for at := 0; at < len(inner); at++ {
		switch inner[at] {
		case '"':
			for at++; at < len(inner) && inner[at] != '"'; at++ {
				if inner[at] == '\\' {
					at++ // what is escaped does not end the string
				}
			}
		case '{', '[':
			depth++
		case '}', ']':
			depth--
		case ',', ':':
			if depth == 0 {
				parts = append(parts, bytes.TrimSpace(inner[begin:at]))
				begin = at + 1
			}
		}
	}
	if last := bytes.TrimSpace(inner[begin:]); len(last) > 0 {
		parts = append(parts, last)
	}
	return parts
}

// append writes the value to dst.
func (n *node) append(dst []byte) []byte {
	switch {
	case n.text != nil:
		return append(dst, n.text...)
	case n.record != nil:
		dst = append(dst, '{')
		for _, m := range n.record.members {
			if m.value == nil {
				continue
			}
			if dst[len(dst)-1] != '{' {
				dst = append(dst, ',')
			}
			name, _ := json.Marshal(m.name) // a string always encodes
			dst = append(append(dst, name...), ':')
			dst = m.value.append(dst)
		}
		return append(dst, '}')
	}
	dst = append(dst, '[')
	for at, entry := range n.list {
		if at > 0 {
			dst = append(dst, ',')
		}
		dst = entry.append(dst)
	}
	return append(dst, ']')
}

// bytes is the value as JSON; nil where there is none.
func (n *node) bytes() json.RawMessage {
	if n == nil {
		return nil
	}
	return n.append(nil)
}

// child is what a step of a path leads to: a member, or an entry of a list.
// It is nil where there is none, and where it is null.
func (n *node) child(step string) (*node, error) {
	if err := n.open(); err != nil {
		return nil, err
	}
	var c *node
	if n.record != nil {
		c = n.record.get(step)
	} else {
		at, err := n.index(step, true)
		if err != nil {
			return nil, err
		}
		if at < len(n.list) {
			c = n.list[at]
		}
	}
	if c == nil || string(c.text) == "null" {
		return nil, nil
	}
	return c, nil
}

// index reads the number of an entry (RFC 6901 section 4). Where the end is
// allowed, the number behind the last entry is, too, and "-" stands for it.
func (n *node) index(step string, end bool) (int, error) {
	if end && step == "-" {
		return len(n.list), nil
	}
	if !isIndex(step) {
		return 0, errors.New("a list has entries 0, 1, 2 and so on")
	}
	at, err := strconv.Atoi(step)
	if err != nil || at > len(n.list) || at == len(n.list) && !end {
		return 0, fmt.Errorf("the list has only %d entries", len(n.list))
	}
	return at, nil
}

// isIndex says whether a step of a path can be the number of an entry.
func isIndex(step string) bool {
	for _, c := range []byte(step) {
		if c < '0' || c > '9' {
			return false
		}
	}
	return step == "0" || step != "" && step[0] != '0'
}

// holder follows a path to what holds its last step. With create, objects and
// lists that are missing on the way are made, empty: a list where the next
// step is the number of an entry, or "-".
func (n *node) holder(path []string, create bool) (*node, error) {
	for k, step := range path[:len(path)-1] {
		next, err := n.child(step)
		if err != nil {
			return nil, err
		}
		if next == nil {
			if !create {
				return nil, errors.New("it is not there")
			}
			next = &node{text: json.RawMessage("{}")}
			if after := path[k+1]; after == "-" || isIndex(after) {
				next.text = json.RawMessage("[]")
			}
			if err := n.put(step, next); err != nil {
				return nil, err
			}
		}
		n = next
	}
	return n, n.open()
}

// put sets a member or an entry, or appends one.
func (n *node) put(step string, value *node) error {
	if n.record != nil {
		n.record.set(step, value)
		return nil
	}
	at, err := n.index(step, true)
	switch {
	case err != nil:
		return err
	case at == len(n.list):
		n.list = append(n.list, value)
	default:
		n.list[at] = value
	}
	return nil
}

// add is the operation of RFC 6902 section 4.1, which makes what holds the
// value where that is missing.
func (n *node) add(path []string, value json.RawMessage) error {
	in, err := n.holder(path, true)
	if err != nil {
		return err
	}
	last := path[len(path)-1]
	if in.record != nil {
		return in.put(last, &node{text: value})
	}
	at, err := in.index(last, true)
	if err != nil {
		return err
	}
	in.list = slices.Insert(in.list, at, &node{text: value})
	return nil
}

// replace is the operation of RFC 6902 section 4.3, but a member of an object
// that is not there is added.
func (n *node) replace(path []string, value json.RawMessage) error {
	in, err := n.holder(path, true)
	if err != nil {
		return err
	}
	last := path[len(path)-1]
	if in.record == nil {
		if _, err := in.index(last, false); err != nil {
			return err
		}
	}
	return in.put(last, &node{text: value})
}

// remove is the operation of RFC 6902 section 4.2.
func (n *node) remove(path []string) error {
	in, err := n.holder(path, false)
	if err != nil {
		return err
	}
	last := path[len(path)-1]
	if in.record != nil {
		if in.record.get(last) == nil {
			return errors.New("it is not there")
		}
		in.record.remove(last)
		return nil
	}
	at, err := in.index(last, false)
	if err != nil {
		return err
	}
	in.list = slices.Delete(in.list, at, at+1)
	return nil
}
