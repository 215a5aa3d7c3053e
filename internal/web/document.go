package web

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"reflect"
	"strings"
	"unicode/utf8"

	"zelus/internal/auth"
)

const (
	// maxDepth is how deep objects and lists may stand in each other.
	maxDepth = 64
	// maxDocumentKeys is how many members all objects of an admin body may
	// have together; a batch of 1000 identities stays well below.
	maxDocumentKeys = 200_000
	// maxNumber is how long a number may be written, in bytes.
	maxNumber = 64
	// maxShown is how much of a name, in bytes, an error repeats.
	maxShown = 100
)

// DecodeJSON reads the JSON body of a request into v, within the limits of
// this package; unlike encoding/json it refuses members that are named twice.
// Numbers that land in an any are json.Number.
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
	if err := decodeDocument(body, v, strict); err != nil {
		if strict && errors.Is(err, auth.ErrBody) {
			e := *auth.AsError(err)
			e.Message, e.Reason = e.Reason, ""
			return &e
		}
		return err
	}
	return nil
}

// RequireJSON refuses a request whose body is not said to be JSON.
func RequireJSON(r *http.Request) error {
	if mediaType(r) != typeJSON {
		return auth.ErrContentType.Saying("Send the body as JSON, with the header Content-Type: application/json.")
	}
	return nil
}

func decodeDocument(body []byte, v any, strict bool) error {
	if _, err := parseDocument(body, maxDocumentKeys); err != nil {
		return err
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

// parseDocument reads one JSON value (RFC 8259) and holds it to the rules of
// I-JSON (RFC 7493): UTF-8, no surrogate alone, no member twice. U+0000 and
// numbers of absurd size are refused too: databases cannot keep the one, and
// exact arithmetic on the other takes all memory there is.
func parseDocument(body []byte, maxKeys int) (field, error) {
	if len(bytes.TrimSpace(body)) == 0 {
		return field{}, auth.ErrBody.Saying("The body is empty, but it must be JSON.")
	}
	if err := checkText(body); err != nil {
		return field{}, err
	}
	p := parser{body: body, dec: json.NewDecoder(bytes.NewReader(body)), keysLeft: maxKeys}
	p.dec.UseNumber()
	value, err := p.value(1)
	if err == nil {
		if _, err = p.dec.Token(); err == io.EOF {
			return value, nil
		}
		err = auth.ErrBody.Saying("Something follows after the end of the JSON in the body.")
	}
	var ours *auth.Error
	if errors.As(err, &ours) {
		return field{}, ours
	}
	return field{}, auth.ErrBody.Saying("The body is not valid JSON. The mistake is near byte %d.", p.dec.InputOffset())
}

// parser walks a document once.
type parser struct {
	body     []byte
	dec      *json.Decoder
	keysLeft int
}

func (p *parser) value(depth int) (field, error) {
	if depth > maxDepth {
		return field{}, auth.ErrBody.Saying("The body is nested more than %d levels deep.", maxDepth)
	}
	start := p.dec.InputOffset()
	token, err := p.dec.Token()
	if err != nil {
		return field{}, err
	}
	switch token := token.(type) {
	case json.Delim:
		if token == '{' {
			return p.object(depth)
		}
		for p.dec.More() {
			if _, err := p.value(depth + 1); err != nil {
				return field{}, err
			}
		}
		if _, err := p.dec.Token(); err != nil {
			return field{}, err
		}
	case json.Number:
		if !soundNumber(token) {
			return field{}, auth.ErrBody.Saying("A number in the body has too many digits.")
		}
	}
	// The decoder stops right behind a token; what stands between two is no
	// part of a value.
	raw := bytes.TrimLeft(p.body[start:p.dec.InputOffset()], " \t\r\n:,")
	return field{kind: jsonField, raw: raw}, nil
}

// object reads what follows an opening brace.
func (p *parser) object(depth int) (field, error) {
	out := field{kind: objectField}
	seen := map[string]bool{}
	for p.dec.More() {
		token, err := p.dec.Token()
		if err != nil {
			return field{}, err
		}
		name, _ := token.(string) // the decoder takes nothing else here
		if seen[name] {
			return field{}, givenTwice(name)
		}
		seen[name] = true
		if p.keysLeft--; p.keysLeft < 0 {
			return field{}, auth.ErrBody.Saying("The body has too many fields.")
		}
		member, err := p.value(depth + 1)
		if err != nil {
			return field{}, err
		}
		member.name = name
		out.children = append(out.children, member)
	}
	_, err := p.dec.Token()
	return out, err
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
