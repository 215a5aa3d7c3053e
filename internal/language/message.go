package language

import (
	"encoding/json"
	"errors"
	"html"
	"html/template"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"

	"zelus/internal/ui"
)

// Sentence is a text in pieces, so that what was put in can be told apart.
type Sentence []Piece

// Piece is a piece of a sentence. Value says that it came from outside: an
// address, a name, what somebody has typed.
type Piece struct {
	Text  string
	Value bool
}

// String is the plain text.
func (s Sentence) String() string {
	var b strings.Builder
	for _, p := range s {
		b.WriteString(p.Text)
	}
	return b.String()
}

// HTML is the text as HTML. What was put in is kept apart from the direction of the
// sentence around it, by bdi.
func (s Sentence) HTML() template.HTML {
	var b strings.Builder
	for _, p := range s {
		if text := html.EscapeString(p.Text); p.Value {
			b.WriteString("<bdi>" + text + "</bdi>")
		} else {
			b.WriteString(text)
		}
	}
	return template.HTML(b.String())
}

// message is the text of a message, with {key} where a value of its context goes.
type message struct {
	text string
	// plural are the texts by plural form instead, for the number under the key by.
	plural map[string]string
	by     string
}

// UnmarshalJSON reads a text, or an object with a text for each plural form and the
// key by.
func (m *message) UnmarshalJSON(raw []byte) error {
	if json.Unmarshal(raw, &m.text) == nil {
		return nil
	}
	if err := json.Unmarshal(raw, &m.plural); err != nil {
		return err
	}
	m.by, m.text = m.plural["by"], m.plural["other"]
	delete(m.plural, "by")
	if m.by == "" || m.text == "" {
		return errors.New("a text in plural forms needs the keys by and other")
	}
	return nil
}

// Message says a message of a form. The operator's own text comes first, then ours.
// Where its context lacks what the text wants, and where we have none, it is the
// English text that the message brings along.
func (l *Language) Message(m ui.Message) Sentence {
	for _, text := range []string{l.own[strconv.Itoa(m.ID)], l.text(m)} {
		if s, complete := l.fill(text, m.Context); text != "" && complete {
			return s
		}
	}
	return Sentence{{Text: clean(l.Title(m.Text))}}
}

// text is our text of a message, or empty.
func (l *Language) text(m ui.Message) string {
	ours, found := l.messages[m.ID]
	switch {
	case !found && l.Tag == English:
		return ui.English(m.ID)
	case ours.plural == nil:
		return ours.text
	}
	n, err := strconv.Atoi(plain(m.Context[ours.by]))
	if err != nil {
		return ours.text
	}
	return l.form(ours.plural, n)
}

// Fill puts values into a text, in the place of their names in curly brackets. It says
// whether all are known.
func Fill(text string, value func(name string) (Piece, bool)) (Sentence, bool) {
	var s Sentence
	for text != "" {
		before, rest, open := strings.Cut(text, "{")
		name, after, closed := strings.Cut(rest, "}")
		if !open || !closed {
			return append(s, Piece{Text: text}), true
		}
		if before != "" {
			s = append(s, Piece{Text: before})
		}
		piece, known := value(name)
		if !known {
			return nil, false
		}
		s = append(s, piece)
		text = after
	}
	return s, true
}

// fill puts the values of a context into a text.
func (l *Language) fill(text string, context map[string]any) (Sentence, bool) {
	return Fill(text, func(key string) (Piece, bool) { return l.value(key, context) })
}

// value is what stands under a key of a context, in words.
func (l *Language) value(key string, context map[string]any) (Piece, bool) {
	if seconds, err := strconv.ParseInt(plain(context[key+"_unix"]), 10, 64); err == nil && seconds >= 0 && seconds < maxTime {
		return Piece{Text: l.Moment(time.Unix(seconds, 0))}, true
	}
	if messages := ui.Messages(context[key]); len(messages) > 0 {
		return l.listed(messages), true
	}
	switch v := context[key].(type) {
	case string:
		return l.term(key, v), true
	case []string:
		return l.oneOf(key, v), len(v) > 0
	case []any: // a list of a form that was stored
		texts := make([]string, len(v))
		for i, item := range v {
			texts[i] = plain(item)
		}
		return l.oneOf(key, texts), len(v) > 0 && !slices.Contains(texts, "")
	}
	text := plain(context[key])
	return Piece{Text: strings.Replace(text, ".", l.words.Point, 1)}, text != ""
}

// maxTime is the end of the year 9999, in seconds since 1970.
const maxTime = 253402300800

// listed puts messages into a list.
func (l *Language) listed(messages []ui.Message) Piece {
	texts := make([]string, len(messages))
	for i, m := range messages {
		texts[i] = l.Message(m).String()
	}
	return Piece{Text: strings.Join(texts, between(l.words.Comma))}
}

// oneOf puts alternatives into words.
func (l *Language) oneOf(key string, values []string) Piece {
	p, texts := Piece{}, make([]string, len(values))
	for i, v := range values {
		term := l.term(key, v)
		texts[i], p.Value = term.Text, p.Value || term.Value
	}
	last := len(texts) - 1
	if last < 1 {
		p.Text = strings.Join(texts, "")
		return p
	}
	p.Text = strings.Join(texts[:last], between(l.words.Comma)) + between(l.words.Or) + texts[last]
	return p
}

// between is what stands between two items of a list, in a text such as {a} or {b}.
func between(text string) string {
	return strings.TrimSuffix(strings.TrimPrefix(text, "{a}"), "{b}")
}

// term is a value in words, where it is a term of ours and not of somebody else.
func (l *Language) term(key, value string) Piece {
	text := ""
	switch key {
	case "title":
		return Piece{Text: clean(l.Title(value))}
	case "reason":
		return Piece{Text: clean(l.reason(value))}
	case "property":
		if text = l.words.Fields[value]; text == "" {
			text = l.titleOf(value)
		}
	case "actual_type", "allowed_types", "format":
		text = l.words.Types[value]
	case "available_credential_types":
		text = l.Method(value)
	}
	if text != "" {
		return Piece{Text: text}
	}
	return Piece{Text: clean(value), Value: true}
}

// Title says a text that the operator has written, such as the title of a field in
// an identity schema: with the operator's own translation, or ours where it is a
// usual one. It is the text itself where there is none.
func (l *Language) Title(english string) string {
	if own := l.own[english]; own != "" {
		return own
	}
	if l.Tag == English {
		return english // as the operator writes it
	}
	if ours := l.titleOf(english); ours != "" {
		return ours
	}
	return english
}

// titleOf is our word for a usual title or name of a field, or empty.
func (l *Language) titleOf(name string) string {
	if len(name) > maxTitle {
		return ""
	}
	return l.words.Titles[foldTitle(name)]
}

const maxTitle = 64 // bytes; longer than any of ours

// foldTitle makes one of what differs in how it is written only: First name,
// first_name, first-name.
func foldTitle(s string) string {
	return strings.Join(strings.FieldsFunc(strings.ToLower(s), func(r rune) bool { return r == '_' || r == '-' || unicode.IsSpace(r) }), " ")
}

// reason says one of the English sentences that messages without a text of their own
// bring along. Those that we do not know stay as they are.
func (l *Language) reason(english string) string {
	if own := l.own[english]; own != "" {
		return own
	}
	if ours := l.words.Reasons[english]; ours != "" {
		return ours
	}
	for _, pattern := range patterns(l.words.Reasons) {
		if values, fits := match(pattern, english); fits {
			if s, complete := l.fill(l.words.Reasons[pattern], values); complete {
				return s.String()
			}
		}
	}
	return english
}

// match finds what stands in a sentence for the placeholders of a pattern.
func match(pattern, sentence string) (map[string]any, bool) {
	values := map[string]any{}
	for {
		before, rest, open := strings.Cut(pattern, "{")
		if !strings.HasPrefix(sentence, before) {
			return nil, false
		}
		sentence = sentence[len(before):]
		if !open {
			return values, sentence == ""
		}
		key, after, _ := strings.Cut(rest, "}")
		next, _, _ := strings.Cut(after, "{")
		// The last place: what was put in may hold the same words.
		end := strings.LastIndex(sentence, next)
		if end < 0 {
			return nil, false
		}
		values[key], sentence, pattern = sentence[:end], sentence[end:], after
	}
}

// patterns are those of the reasons that something is put into.
func patterns(reasons map[string]string) []string {
	var all []string
	for english := range reasons {
		if strings.Contains(english, "{") {
			all = append(all, english)
		}
	}
	slices.Sort(all)
	return all
}

// plain is a string or a number as a context holds it, also one of a form that was
// stored; anything else is empty.
func plain(value any) string {
	switch v := value.(type) {
	case string:
		return clean(v)
	case json.Number:
		return clean(v.String())
	case int:
		return strconv.Itoa(v)
	case int64:
		return strconv.FormatInt(v, 10)
	case bool:
		return strconv.FormatBool(v)
	case float64:
		if v == math.Trunc(v) && math.Abs(v) < 1<<53 {
			return strconv.FormatInt(int64(v), 10)
		}
		return strconv.FormatFloat(v, 'g', -1, 64)
	}
	return ""
}

// clean leaves out of a value from outside what cannot be seen and would change how
// the sentence around it looks: control characters and overrides of direction
// (Unicode Standard Annex 9, section 2).
func clean(s string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r == '\n', r == '\r', r == '\t':
			return ' '
		case unicode.IsControl(r), r >= '\u202a' && r <= '\u202e', r >= '\u2066' && r <= '\u2069':
			return -1
		}
		return r
	}, s)
}
