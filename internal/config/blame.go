package config

import (
	"strconv"
	"strings"
)

// Blame gives what other parts of the program have found wrong with a
// configuration that is valid in itself, such as an identity schema that cannot
// be read, the form that all problems have: an *Error, with file and line. err
// may be several errors joined. One whose text begins with a key and a colon,
// as in "courier.smtp.headers.From: is set by the server", is put down to that
// key. nil stays nil.
func (c *Config) Blame(err error) error {
	if err == nil {
		return nil
	}
	found := &problems{}
	root := newSpec()
	for _, each := range apart(err) {
		key, text, _ := strings.Cut(each.Error(), ": ")
		if !root.has(key) {
			key, text = "", each.Error()
		}
		found.add(c.nearest(key), key, "%s", text)
	}
	return found.err()
}

// Warning is a warning about a key, with its place.
func (c *Config) Warning(key, text string) Warning {
	return Warning{Where: c.nearest(key), Key: key, Text: text}
}

// Where is where a key was configured, or else the key around it that was; zero
// where all of that is a default. Items of lists are named by their numbers.
func (c *Config) Where(key string) Origin { return c.nearest(key) }

// Configured says whether a key has a value that is not its default.
func (c *Config) Configured(key string) bool { return c.origin(key) != Origin{} }

// apart takes joined errors apart.
func apart(err error) []error {
	joined, ok := err.(interface{ Unwrap() []error })
	if !ok {
		return []error{err}
	}
	var all []error
	for _, each := range joined.Unwrap() {
		all = append(all, apart(each)...)
	}
	return all
}

// has says whether there is such a key below s. Items of lists are named by
// their numbers.
func (s *spec) has(key string) bool {
	for part := range strings.SplitSeq(key, ".") {
		next := s.elem
		if next == nil {
			next = s.field(part)
		}
		if next == nil {
			return false
		}
		s = next
	}
	return true
}

// nearest is where a key was configured, or else the key around it that was.
// It is zero for the empty key.
func (c *Config) nearest(key string) Origin {
	n, where := c.values, Origin{}
	for part := range strings.SplitSeq(key, ".") {
		next := n.field(part)
		if i, err := strconv.Atoi(part); err == nil && i >= 0 && n != nil && i < len(n.items) {
			next = n.items[i]
		}
		if next == nil {
			break
		}
		n, where = next, next.from
	}
	return where
}
