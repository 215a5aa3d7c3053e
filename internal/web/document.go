package web

import (
	"bytes"
	"encoding"
	"encoding/json"
	"errors"
	"net/http"
	"reflect"
	"strings"
	"unicode"
	"unicode/utf8"

	"zelus/internal/auth"
)

const (
	// maxDepth is how deep objects and lists may stand in each other.
	maxDepth = 64
	// maxDocumentFields is how many fields and list items an admin body may
	// have, all together: 200 for each identity of the largest batch.
	maxDocumentFields = 200_000
	// maxNumber is how long a number may be written, in bytes.
	maxNumber = 64
	// maxShown is how much of a name, in bytes, an error repeats.
	maxShown = 100
)

// DecodeJSON reads the JSON body of an administrator's request into v, within
// the limits of this package. Unlike encoding/json it refuses members that are
// named twice; where v is a struct, names that differ in case alone are one, as
// they are for encoding/json. Numbers that land in an any are json.Number.
//
// A strict reading also refuses members that v does not have, and puts what is
// wrong into the error's Message, where the admin API's create has it;
// otherwise it is in the Reason. An auth.Error of v's own decoding is passed
// on as it is. The content type is not looked at, see RequireJSON.
func DecodeJSON(r *http.Request, v any, strict bool) error {
	body, err := ReadBody(r)
	if err != nil {
		return err
	}
	if err := decodeDocument(body, maxDocumentFields, v, strict); err != nil {
		if strict && errors.Is(err, auth.ErrBody) {
			return auth.AsError(err).InMessage()
		}
		return err
	}
	return nil
}

// DecodeSmallJSON is DecodeJSON, not strict, for what anybody may send: the body
// is held to the limits of a submission.
func DecodeSmallJSON(r *http.Request, v any) error {
	body, err := readBody(r, MaxForm)
	if err != nil {
		return err
	}
	return decodeDocument(body, maxFields, v, false)
}

// RequireJSON refuses a request whose body is not said to be JSON.
func RequireJSON(r *http.Request) error {
	if mediaType(r) != typeJSON {
		return auth.ErrContentType.Saying("Send the body as JSON, with the header Content-Type: application/json.")
	}
	return nil
}

func decodeDocument(body []byte, most int, v any, strict bool) error {
	if _, err := parseDocument(body, most, reflect.TypeOf(v)); err != nil {
		return err
	}
	// To encoding/json null is an object without members.
	if reflect.TypeOf(v).Elem().Kind() == reflect.Struct && bytes.Equal(bytes.TrimSpace(body), []byte("null")) {
		return auth.ErrBody.Saying("The body must be an object, but it is null.")
	}
	dec := json.NewDecoder(bytes.NewReader(body))
	dec.UseNumber()
	if strict {
		dec.DisallowUnknownFields()
	}
	err := dec.Decode(v)
	if err == nil {
		return nil
	}
	var ours *auth.Error
	if errors.As(err, &ours) {
		return err
	}
	// The cause stays out of the error: it may repeat the value.
	var wrongType *json.UnmarshalTypeError
	if errors.As(err, &wrongType) {
		what := "body"
		if wrongType.Field != "" {
			what = "field " + clean(wrongType.Field, maxShown)
		}
		return auth.ErrBody.Saying("The %s must be %s, but it is %s.", what, kindName(wrongType.Type), valueName(wrongType.Value))
	}
	// encoding/json has no type for this error, only the text.
	if name, ok := strings.CutPrefix(err.Error(), "json: unknown field "); ok {
		return auth.ErrBody.Saying("The field %s is not known here.", clean(name, maxShown))
	}
	return auth.ErrBody.Saying("A value in the body does not have the form that is expected there.")
}

// kindName says in the words of JSON what a Go type takes.
func kindName(t reflect.Type) string {
	switch t.Kind() {
	case reflect.Struct, reflect.Map:
		return "an object"
	case reflect.Slice, reflect.Array:
		return "a list"
	case reflect.Bool:
		return "true or false"
	case reflect.Float32, reflect.Float64:
		return "a number"
	case reflect.String:
		return "a string"
	}
	if t.ConvertibleTo(reflect.TypeFor[int]()) {
		return "a whole number"
	}
	return "another type"
}

// valueName says the same of a value as encoding/json describes it: its type,
// and of a number its digits, which are left out.
func valueName(described string) string {
	kind, _, _ := strings.Cut(described, " ")
	switch kind {
	case "object":
		return "an object"
	case "array":
		return "a list"
	case "bool":
		return "true or false"
	case "number", "string":
		return "a " + kind
	}
	return "something else"
}

// parseDocument reads one JSON value (RFC 8259) of at most so many fields and
// list items, and holds it to the rules of I-JSON (RFC 7493): UTF-8, no
// surrogate alone, no member twice. U+0000 and numbers of absurd size are
// refused too: databases cannot keep the one, and exact arithmetic on the other
// takes all memory there is. target is what the body will be decoded into; where
// it is nil, the fields are wanted.
func parseDocument(body []byte, most int, target reflect.Type) (field, error) {
	if len(bytes.TrimSpace(body)) == 0 {
		return field{}, auth.ErrBody.Saying("The body is empty, but it must be JSON.")
	}
	// The cheapest checks come first: each holds for the next.
	if err := checkSize(body, most); err != nil {
		return field{}, err
	}
	if err := checkText(body); err != nil {
		return field{}, err
	}
	if !json.Valid(body) {
		var syntax *json.SyntaxError
		var value json.RawMessage
		at := int64(0)
		if errors.As(json.Unmarshal(body, &value), &syntax) {
			at = syntax.Offset
		}
		return field{}, auth.ErrBody.Saying("The body is not valid JSON. The mistake is near byte %d.", at)
	}
	p := parser{body: body, keep: target == nil, shapes: map[reflect.Type]shape{}}
	return p.value(target)
}

// checkSize counts the fields and items of a body and how deep they stand,
// without reading them. Of what is no JSON it may say anything.
func checkSize(body []byte, most int) error {
	depth, count := 0, 0
	for i := 0; i < len(body); i++ {
		switch body[i] {
		case '"':
			i = endOfText(body, i) - 1
		case '{', '[':
			if depth++; depth > maxDepth {
				return auth.ErrBody.Saying("The body is nested more than %d levels deep.", maxDepth)
			}
			// The first of an object or list has no comma before it.
			next := i + 1
			for next < len(body) && isSpace(body[next]) {
				next++
			}
			if next < len(body) && body[next] != '}' && body[next] != ']' {
				count++
			}
			i = next - 1
		case '}', ']':
			depth--
		case ',':
			count++
		}
		if count > most {
			return auth.ErrBody.Saying("The body has more than %d fields and list items.", most)
		}
	}
	return nil
}

// endOfText is the index behind the text that begins at i; one without an end
// goes to the end of the body.
func endOfText(body []byte, i int) int {
	for i++; i < len(body); i++ {
		switch body[i] {
		case '\\':
			i++
		case '"':
			return i + 1
		}
	}
	return len(body)
}

func isSpace(c byte) bool { return c == ' ' || c == '\t' || c == '\r' || c == '\n' }

// parser walks once through a body that is valid JSON of a sensible size.
type parser struct {
	body   []byte
	at     int
	keep   bool // the fields
	shapes map[reflect.Type]shape
}

// shape is what encoding/json takes an object for that it decodes into a type.
type shape struct {
	// folded says that it ignores the case of names.
	folded bool
	// members are the types that it decodes members into, by folded name;
	// every is that of all others. nil is one whose own names are free.
	members map[string]reflect.Type
	every   reflect.Type
}

// peek skips space and gives the byte behind it.
func (p *parser) peek() byte {
	for isSpace(p.body[p.at]) {
		p.at++
	}
	return p.body[p.at]
}

// pass goes on behind the next byte if it is c.
func (p *parser) pass(c byte) {
	if p.peek() == c {
		p.at++
	}
}

func (p *parser) value(target reflect.Type) (field, error) {
	first := p.peek()
	start := p.at
	switch first {
	case '{':
		return p.object(target)
	case '[':
		every := p.shape(target).every
		p.pass('[')
		for p.peek() != ']' {
			if _, err := p.value(every); err != nil {
				return field{}, err
			}
			p.pass(',')
		}
		p.pass(']')
	case '"':
		p.at = endOfText(p.body, p.at)
	default:
		for p.at < len(p.body) && !isSpace(p.body[p.at]) && p.body[p.at] != ',' && p.body[p.at] != ']' && p.body[p.at] != '}' {
			p.at++
		}
		if first != 't' && first != 'f' && first != 'n' && !soundNumber(json.Number(p.body[start:p.at])) {
			return field{}, auth.ErrBody.Saying("A number in the body has too many digits.")
		}
	}
	return field{kind: jsonField, raw: p.body[start:p.at]}, nil
}

func (p *parser) object(target reflect.Type) (field, error) {
	out := field{kind: objectField}
	is := p.shape(target)
	seen := map[string]bool{}
	p.pass('{')
	for p.peek() != '}' {
		start := p.at
		p.at = endOfText(p.body, start)
		name := field{raw: p.body[start:p.at]}.text()
		key := name
		if is.folded {
			key = folded(name)
		}
		if seen[key] {
			return field{}, givenTwice(name)
		}
		seen[key] = true
		p.pass(':')
		within, known := is.members[key]
		if !known {
			within = is.every
		}
		member, err := p.value(within)
		if err != nil {
			return field{}, err
		}
		if p.keep {
			member.name = name
			out.children = append(out.children, member)
		}
		p.pass(',')
	}
	p.pass('}')
	return out, nil
}

// shape finds the shape of a type once.
func (p *parser) shape(t reflect.Type) shape {
	if t == nil {
		return shape{}
	}
	is, known := p.shapes[t]
	if !known {
		is = shapeOf(t)
		p.shapes[t] = is
	}
	return is
}

func shapeOf(t reflect.Type) shape {
	for t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	own := reflect.PointerTo(t)
	if own.Implements(reflect.TypeFor[json.Unmarshaler]()) || own.Implements(reflect.TypeFor[encoding.TextUnmarshaler]()) {
		return shape{} // such as json.RawMessage
	}
	switch t.Kind() {
	case reflect.Map, reflect.Slice, reflect.Array:
		return shape{every: t.Elem()}
	case reflect.Struct:
		is := shape{folded: true, members: map[string]reflect.Type{}}
		for _, f := range reflect.VisibleFields(t) {
			name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
			if name == "" {
				name = f.Name
			}
			is.members[folded(name)] = f.Type
		}
		return is
	}
	return shape{}
}

// folded is a name with each letter replaced by the first of those that differ
// from it in case alone: two names are the same to encoding/json if this is.
func folded(name string) string {
	return strings.Map(func(r rune) rune {
		first := r
		for other := unicode.SimpleFold(r); other != r; other = unicode.SimpleFold(other) {
			first = min(first, other)
		}
		return first
	}, name)
}

func givenTwice(name string) error {
	return auth.ErrBody.Saying("The field %q is given more than once.", clean(name, maxShown))
}

// soundNumber says whether a number can be computed with: it is short, and its
// exponent has at most three digits.
func soundNumber(n json.Number) bool {
	_, exponent, _ := strings.Cut(strings.ToLower(string(n)), "e")
	return len(n) <= maxNumber && len(strings.TrimLeft(exponent, "+-0")) <= 3
}

// checkText refuses text that is not Unicode or has a NUL in it. In what is no
// JSON it may miss an escape; the decoder refuses that.
func checkText(body []byte) error {
	if !utf8.Valid(body) {
		return auth.ErrBody.Saying("The body is not valid UTF-8.")
	}
	for i := bytes.IndexByte(body, '\\'); i >= 0 && i+1 < len(body); {
		width := 2
		if unit, ok := escapedUnit(body[i:]); ok {
			width = 6
			switch {
			case unit == 0:
				return auth.ErrBody.Saying("The body holds the character U+0000, which is not taken.")
			case 0xD800 <= unit && unit < 0xDC00:
				low, ok := escapedUnit(body[i+6:])
				if !ok || low < 0xDC00 || low > 0xDFFF {
					return errSurrogate()
				}
				width = 12
			case 0xDC00 <= unit && unit <= 0xDFFF:
				return errSurrogate()
			}
		}
		next := bytes.IndexByte(body[i+width:], '\\')
		if next < 0 {
			break
		}
		i += width + next
	}
	return nil
}

func errSurrogate() error {
	return auth.ErrBody.Saying("The body holds half of a character: a surrogate without its other half.")
}

// escapedUnit reads one \uXXXX at the start of b.
func escapedUnit(b []byte) (unit uint16, ok bool) {
	if len(b) < 6 || b[0] != '\\' || b[1] != 'u' {
		return 0, false
	}
	for _, c := range b[2:6] {
		unit <<= 4
		switch {
		case '0' <= c && c <= '9':
			unit |= uint16(c - '0')
		case 'a' <= c|0x20 && c|0x20 <= 'f':
			unit |= uint16(c|0x20-'a') + 10
		default:
			return 0, false
		}
	}
	return unit, true
}
