package web

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"mime"
	"mime/multipart"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"unicode/utf8"

	"zelus/internal/auth"
)

// The types of bodies that a submission may have.
const (
	typeJSON      = "application/json"
	typeForm      = "application/x-www-form-urlencoded"
	typeMultipart = "multipart/form-data"
)

// MaxForm is the largest submission, in bytes. Nobody has to be signed in to
// send one, and the largest that are of use, with a security key's attestation
// in them, are of a few kilobytes; only an administrator needs all of MaxBody.
const MaxForm = 256 << 10

// maxFields is how many fields a submission may have, in all its objects
// together; the items of its lists count as well.
const maxFields = 1000

// Values is a submission: the fields of a form, or the members of a JSON
// object. Names are paths joined by dots, and both ways of writing them mean
// the same: {"traits": {"email": …}}, {"traits.email": …} and the form field
// traits.email.
type Values struct {
	root field
	form bool
	// contentType and body are what all that was read from.
	contentType string
	body        []byte
}

// fieldKind says what a field holds.
type fieldKind int

const (
	noField fieldKind = iota
	objectField
	jsonField // a JSON value that is no object
	textField // one or more texts of a form
)

// field is one name of a submission with its value.
type field struct {
	name     string
	kind     fieldKind
	raw      json.RawMessage
	texts    []string
	children []field // of an object, in order of first appearance
}

// ReadValues reads a submission from the body: JSON, urlencoded or multipart.
// No body at all is a submission without fields. The query is not part of it,
// nor are files. Errors are auth.ErrBody, auth.ErrContentType and, beyond
// MaxForm, auth.ErrBodyTooLarge.
func ReadValues(r *http.Request) (*Values, error) {
	body, err := readBody(r, MaxForm)
	if err != nil {
		return nil, err
	}
	media := mediaType(r)
	v := &Values{root: field{kind: objectField}, form: media == typeForm || media == typeMultipart, contentType: r.Header.Get("Content-Type"), body: body}
	switch {
	case len(body) == 0:
	case media == typeJSON:
		err = v.readJSON(body)
	case media == typeForm:
		err = v.readForm(string(body))
	case media == typeMultipart:
		err = v.readMultipart(body, r.Header.Get("Content-Type"))
	default:
		err = auth.ErrContentType.Saying("Send the form as %s, %s or %s, and say so in the header Content-Type.", typeJSON, typeForm, typeMultipart)
	}
	if err != nil {
		return nil, err
	}
	return v, nil
}

// IsForm says whether the submission came from an HTML form.
func (v *Values) IsForm() bool { return v.form }

// Source is the submission as it came, to be read again later.
func (v *Values) Source() (contentType string, body []byte) { return v.contentType, v.body }

// Has says whether a field was sent, be it empty or null.
func (v *Values) Has(name string) bool { return v.root.find(name) != nil }

// String is the text of a field, the first one where a form has several. A
// number or a boolean is the text of its JSON; everything else is empty.
func (v *Values) String(name string) string {
	f := v.root.find(name)
	switch {
	case f == nil:
		return ""
	case f.kind == textField:
		return f.texts[0]
	case f.kind == jsonField && f.raw[0] == '"':
		return f.text()
	case f.kind == jsonField && f.raw[0] != '[' && f.raw[0] != 'n':
		return string(f.raw)
	}
	return ""
}

// True says whether a field is a boolean that is true, or its text.
func (v *Values) True(name string) bool {
	is, err := strconv.ParseBool(v.String(name))
	return err == nil && is
}

// Raw is a field as JSON, or nil. Texts of a form are JSON strings.
func (v *Values) Raw(name string) json.RawMessage { return v.Object(name, nil) }

// Object is a field as JSON with everything below it, or nil: an object if
// fields below it were sent, else the value itself.
//
// A form knows only text, and programs too send "42" for a number. So each
// text is given to coerce with its full name and all its values (more than one
// only where a form repeats a field); coerce returns the value to put in its
// place, or false to leave the field out. Without coerce the first text stays
// as it is. It also stays where coerce returns what JSON cannot say, or a
// json.Number too large to compute with. Texts in lists are not touched.
func (v *Values) Object(name string, coerce func(name string, values []string) (any, bool)) json.RawMessage {
	f := v.root.find(name)
	if f == nil {
		return nil
	}
	out, _ := f.appendJSON(nil, name, coerce)
	return out
}

func (v *Values) readJSON(body []byte) error {
	document, err := parseDocument(body, maxFields, nil)
	if err != nil {
		return err
	}
	if document.kind != objectField {
		return auth.ErrBody.Saying("The body must be a JSON object.")
	}
	for _, member := range document.children {
		if err := v.root.put(member); err != nil {
			return err
		}
	}
	return nil
}

func (v *Values) readForm(body string) error {
	if strings.Count(body, "&") >= maxFields {
		return errTooManyFields()
	}
	for pair := range strings.SplitSeq(body, "&") {
		if pair == "" {
			continue
		}
		name, text, _ := strings.Cut(pair, "=")
		name, nameErr := url.QueryUnescape(name)
		text, textErr := url.QueryUnescape(text)
		if nameErr != nil || textErr != nil {
			return auth.ErrBody.Saying("The form is not encoded correctly: a percent sign must be followed by two hexadecimal digits.")
		}
		if err := v.putText(name, text); err != nil {
			return err
		}
	}
	return nil
}

func (v *Values) readMultipart(body []byte, contentType string) error {
	malformed := auth.ErrBody.Saying("The multipart form is not complete or not well formed.")
	_, parameters, err := mime.ParseMediaType(contentType)
	if err != nil || parameters["boundary"] == "" {
		return malformed.Because(err)
	}
	// The reader also takes the end of a body that was cut off between or in the
	// headers of parts for the end of the form.
	last := []byte("--" + parameters["boundary"] + "--")
	if !bytes.HasPrefix(body, last) && !bytes.Contains(body, append([]byte("\n"), last...)) {
		return malformed
	}
	form := multipart.NewReader(bytes.NewReader(body), parameters["boundary"])
	for parts := 0; ; parts++ {
		part, err := form.NextPart()
		switch {
		case errors.Is(err, io.EOF):
			return nil
		case err != nil:
			return malformed.Because(err)
		case parts == maxFields:
			return errTooManyFields()
		case part.FormName() == "" || part.FileName() != "":
			continue
		}
		text, err := io.ReadAll(part)
		if err != nil {
			return malformed.Because(err)
		}
		if err := v.putText(part.FormName(), string(text)); err != nil {
			return err
		}
	}
}

func (v *Values) putText(name, text string) error {
	if !utf8.ValidString(name) || !utf8.ValidString(text) {
		return auth.ErrBody.Saying("The form is not valid UTF-8.")
	}
	if strings.ContainsRune(name, 0) || strings.ContainsRune(text, 0) {
		return auth.ErrBody.Saying("The form holds the character U+0000, which is not taken.")
	}
	return v.root.put(field{name: name, kind: textField, texts: []string{text}})
}

func errTooManyFields() error {
	return auth.ErrBody.Saying("The form has more than %d fields.", maxFields)
}

// mediaType is the content type of a body without its parameters, in lower
// case; empty if there is none or it cannot be read.
func mediaType(r *http.Request) string {
	media, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if err != nil && !errors.Is(err, mime.ErrInvalidMediaParameter) {
		return ""
	}
	return media
}

// path splits a name at its dots. A name that is no path, because a part of it
// is empty or there are too many, is one part.
func path(name string) []string {
	if strings.Count(name, ".") >= maxDepth {
		return []string{name}
	}
	parts := strings.Split(name, ".")
	for _, part := range parts {
		if part == "" {
			return []string{name}
		}
	}
	return parts
}

// find returns the field at a name, or nil.
func (f *field) find(name string) *field {
	for _, part := range path(name) {
		if f = f.child(part); f == nil {
			return nil
		}
	}
	return f
}

func (f *field) child(name string) *field {
	for i := range f.children {
		if f.children[i].name == name {
			return &f.children[i]
		}
	}
	return nil
}

// put places a field of a submission where its dotted name says.
func (f *field) put(given field) error {
	at := f
	for _, part := range path(given.name) {
		if at.kind == noField {
			at.kind = objectField
		}
		if at.kind != objectField {
			return givenTwice(given.name)
		}
		at = at.ensure(part)
	}
	if !at.merge(given) {
		return givenTwice(given.name)
	}
	return nil
}

// ensure returns the child of that name, new if need be.
func (f *field) ensure(name string) *field {
	if c := f.child(name); c != nil {
		return c
	}
	f.children = append(f.children, field{name: name})
	return &f.children[len(f.children)-1]
}

// merge adds what was given to f: members to an object, a text to the texts of
// a form. It is false where two values would be one field's.
func (f *field) merge(given field) bool {
	switch {
	case f.kind == noField:
		given.name = f.name
		*f = given
	case f.kind == textField && given.kind == textField:
		f.texts = append(f.texts, given.texts...)
	case f.kind == objectField && given.kind == objectField:
		for _, member := range given.children {
			if !f.ensure(member.name).merge(member) {
				return false
			}
		}
	default:
		return false
	}
	return true
}

// text is the text of a JSON string.
func (f field) text() string {
	if bytes.IndexByte(f.raw, '\\') < 0 {
		return string(f.raw[1 : len(f.raw)-1])
	}
	var s string
	_ = json.Unmarshal(f.raw, &s) // it was read once already
	return s
}

// appendJSON writes the field; false means that coerce left it out.
func (f *field) appendJSON(dst []byte, name string, coerce func(string, []string) (any, bool)) ([]byte, bool) {
	switch {
	case f.kind == objectField:
		dst = append(dst, '{')
		first := true
		for i := range f.children {
			c, before := &f.children[i], len(dst)
			if !first {
				dst = append(dst, ',')
			}
			dst = appendString(dst, c.name)
			dst = append(dst, ':')
			var kept bool
			if dst, kept = c.appendJSON(dst, name+"."+c.name, coerce); !kept {
				dst = dst[:before]
				continue
			}
			first = false
		}
		return append(dst, '}'), true
	case f.kind == textField:
		return appendText(dst, name, f.texts, coerce)
	case f.raw[0] == '"' && coerce != nil:
		return appendText(dst, name, []string{f.text()}, coerce)
	}
	return append(dst, f.raw...), true
}

// appendText writes what coerce makes of texts.
func appendText(dst []byte, name string, texts []string, coerce func(string, []string) (any, bool)) ([]byte, bool) {
	if coerce == nil {
		return appendString(dst, texts[0]), true
	}
	value, keep := coerce(name, texts)
	if !keep {
		return dst, false
	}
	if n, ok := value.(json.Number); !ok || soundNumber(n) {
		if b, err := json.Marshal(value); err == nil {
			return append(dst, b...), true
		}
	}
	return appendString(dst, texts[0]), true // what JSON cannot say stays text
}

func appendString(dst []byte, s string) []byte {
	b, _ := json.Marshal(s) // a string never fails
	return append(dst, b...)
}
