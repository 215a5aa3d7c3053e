package schema

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

// Limits of every JSON document read here, schemas and traits alike. They are
// far above anything useful and keep what follows (recursion, exact
// arithmetic) cheap.
const (
	maxDocument     = 1 << 20 // bytes
	maxDepth        = 64
	maxNumberLength = 128
	maxExponent     = 308 // that of a float64
)

// object is a JSON object that remembers the order of its members. Decoded
// documents consist of *object, []any, string, json.Number, bool and nil.
type object struct {
	keys   []string
	values map[string]any
}

func (o *object) set(key string, value any) {
	if _, have := o.values[key]; !have {
		o.keys = append(o.keys, key)
	}
	o.values[key] = value
}

func (o *object) remove(key string) {
	delete(o.values, key)
	o.keys = slices.DeleteFunc(o.keys, func(k string) bool { return k == key })
}

// documentError says where in a JSON document something is wrong: the names
// of the members and the indexes that lead there, and the line, from 1.
type documentError struct {
	path []string
	line int
	what string
}

func (e *documentError) Error() string {
	return fmt.Sprintf("line %d, at %s: %s", e.line, pointer(e.path), e.what)
}

// decode reads one JSON document (RFC 8259). It refuses what has no single
// meaning or no sensible use: bytes that are not UTF-8, the character U+0000
// (databases cannot store it), more than maxDocument bytes, members that occur twice, nesting beyond
// maxDepth and numbers beyond the range of float64.
func decode(raw []byte) (any, error) {
	if len(raw) > maxDocument {
		return nil, &documentError{line: 1, what: fmt.Sprintf("this has %d bytes, at most %d are allowed", len(raw), maxDocument)}
	}
	if i := invalidUTF8(raw); i >= 0 {
		return nil, &documentError{line: lineAt(raw, int64(i)), what: "this is not UTF-8"}
	}
	if !json.Valid(raw) {
		var ignored any
		var syntax *json.SyntaxError
		if err := json.Unmarshal(raw, &ignored); errors.As(err, &syntax) {
			return nil, &documentError{line: lineAt(raw, syntax.Offset), what: "this is not JSON: " + syntax.Error()}
		}
		return nil, &documentError{line: 1, what: "this is not JSON"}
	}
	d := decoder{json: json.NewDecoder(bytes.NewReader(raw)), raw: raw}
	d.json.UseNumber()
	return d.value()
}

type decoder struct {
	json *json.Decoder
	raw  []byte
	path []string
}

func (d *decoder) fail(format string, args ...any) error {
	return &documentError{path: slices.Clone(d.path), line: lineAt(d.raw, d.json.InputOffset()), what: fmt.Sprintf(format, args...)}
}

func (d *decoder) value() (any, error) {
	token, err := d.json.Token()
	if err != nil {
		return nil, d.fail("this is not JSON: %v", err)
	}
	switch t := token.(type) {
	case json.Delim:
		if len(d.path) >= maxDepth {
			return nil, d.fail("this is nested more than %d levels deep", maxDepth)
		}
		if t == '{' {
			return d.object()
		}
		return d.array()
	case string:
		return t, d.checkString(t)
	case json.Number:
		return t, d.checkNumber(t)
	}
	return token, nil
}

func (d *decoder) object() (*object, error) {
	o := &object{values: map[string]any{}}
	for d.json.More() {
		token, err := d.json.Token()
		if err != nil {
			return nil, d.fail("this is not JSON: %v", err)
		}
		key := token.(string)
		if err := d.checkString(key); err != nil {
			return nil, err
		}
		if _, twice := o.values[key]; twice {
			return nil, d.fail("the member %q occurs twice", cut(key))
		}
		d.path = append(d.path, key)
		value, err := d.value()
		if err != nil {
			return nil, err
		}
		d.path = d.path[:len(d.path)-1]
		o.set(key, value)
	}
	_, err := d.json.Token()
	return o, err
}

func (d *decoder) array() ([]any, error) {
	list := []any{}
	for d.json.More() {
		d.path = append(d.path, strconv.Itoa(len(list)))
		value, err := d.value()
		if err != nil {
			return nil, err
		}
		d.path = d.path[:len(d.path)-1]
		list = append(list, value)
	}
	_, err := d.json.Token()
	return list, err
}

func (d *decoder) checkString(s string) error {
	if strings.ContainsRune(s, 0) {
		return d.fail("the character U+0000 cannot be used in texts")
	}
	return nil
}

func (d *decoder) checkNumber(n json.Number) error {
	if len(n) > maxNumberLength {
		return d.fail("this number has more than %d digits", maxNumberLength)
	}
	if _, exponent, has := strings.Cut(strings.ToLower(n.String()), "e"); has {
		if e, err := strconv.Atoi(exponent); err != nil || e > maxExponent || e < -maxExponent {
			return d.fail("this number is out of range")
		}
	}
	if f, err := n.Float64(); err != nil || math.IsInf(f, 0) {
		return d.fail("this number is out of range")
	}
	return nil
}

// plain gives a decoded value as the validator wants it: with maps.
func plain(value any) any {
	switch v := value.(type) {
	case *object:
		out := make(map[string]any, len(v.values))
		for key, member := range v.values {
			out[key] = plain(member)
		}
		return out
	case []any:
		out := make([]any, len(v))
		for i := range v {
			out[i] = plain(v[i])
		}
		return out
	}
	return value
}

// encode writes a decoded value, members in their order, without space.
func encode(value any) []byte {
	var b bytes.Buffer
	write(&b, value)
	return b.Bytes()
}

func write(b *bytes.Buffer, value any) {
	switch v := value.(type) {
	case *object:
		b.WriteByte('{')
		for i, key := range v.keys {
			if i > 0 {
				b.WriteByte(',')
			}
			write(b, key)
			b.WriteByte(':')
			write(b, v.values[key])
		}
		b.WriteByte('}')
	case []any:
		b.WriteByte('[')
		for i := range v {
			if i > 0 {
				b.WriteByte(',')
			}
			write(b, v[i])
		}
		b.WriteByte(']')
	case json.Number:
		b.WriteString(v.String())
	case string:
		encoder := json.NewEncoder(b)
		encoder.SetEscapeHTML(false)
		// A string can always be written; the encoder ends it with a newline.
		_ = encoder.Encode(v)
		b.Truncate(b.Len() - 1)
	case bool:
		b.WriteString(strconv.FormatBool(v))
	default:
		b.WriteString("null")
	}
}

// pointer writes a path as a JSON pointer (RFC 6901), "/" for the whole.
func pointer(path []string) string {
	if len(path) == 0 {
		return "/"
	}
	escape := strings.NewReplacer("~", "~0", "/", "~1")
	var b strings.Builder
	for _, p := range path {
		b.WriteByte('/')
		b.WriteString(escape.Replace(p))
	}
	return b.String()
}

// lineAt counts the lines of raw up to an offset, from 1.
func lineAt(raw []byte, offset int64) int {
	offset = max(0, min(offset, int64(len(raw))))
	return 1 + bytes.Count(raw[:offset], []byte("\n"))
}

// invalidUTF8 is the offset of the first byte that is not UTF-8, or -1.
func invalidUTF8(raw []byte) int {
	for i := 0; i < len(raw); {
		r, size := utf8.DecodeRune(raw[i:])
		if r == utf8.RuneError && size == 1 {
			return i
		}
		i += size
	}
	return -1
}

// cut shortens what is repeated in a message to 128 characters.
func cut(s string) string {
	const most = 128
	count := 0
	for i := range s {
		if count == most {
			return s[:i] + "…"
		}
		count++
	}
	return s
}
