package page

import (
	"embed"
	"encoding/json"
	"fmt"
	"html/template"
	"net/http"
	"strings"
	"time"

	"zelus/internal/ui"
)

//go:embed texts
var textFiles embed.FS

// texts are what pages say, by key: of each language one file.
type texts struct{ english map[string]string }

func readTexts() (*texts, error) {
	t := &texts{}
	raw, err := textFiles.ReadFile("texts/en.json")
	if err == nil {
		err = json.Unmarshal(raw, &t.english)
	}
	if err != nil {
		return nil, fmt.Errorf("texts of pages: %w", err)
	}
	return t, nil
}

// speaker is a language as a page speaks it.
type speaker struct {
	Lang, Dir string
	texts     *texts
	own       map[string]string
}

// speaker is that of whoever asks.
func (t *texts) speaker(*http.Request) *speaker {
	return &speaker{Lang: "en", Dir: "ltr", texts: t, own: t.english}
}

// T is the text of a key. values are name, value, name, value: {name} becomes the value.
func (s *speaker) T(key string, values ...any) string {
	text, ok := s.own[key]
	if !ok {
		text = s.texts.english[key]
	}
	if len(values) == 0 {
		return text
	}
	pairs := make([]string, 0, len(values))
	for i := 0; i+1 < len(values); i += 2 {
		pairs = append(pairs, "{"+fmt.Sprint(values[i])+"}", fmt.Sprint(values[i+1]))
	}
	return strings.NewReplacer(pairs...).Replace(text)
}

// Has says whether there is a text of this key.
func (s *speaker) Has(key string) bool { return s.texts.english[key] != "" }

// H is T with each value apart from the direction of the text around it, as addresses
// and names must be.
func (s *speaker) H(key string, values ...any) template.HTML {
	apart := make([]any, len(values))
	for i, v := range values {
		if apart[i] = v; i%2 == 1 {
			apart[i] = "\x02" + clean(fmt.Sprint(v)) + "\x03"
		}
	}
	return isolated(s.T(key, apart...))
}

// isolated is a text as HTML, in which what stands between the two marks is isolated
// (HTML, section 4.5.25, the bdi element).
func isolated(text string) template.HTML {
	escaped := template.HTMLEscapeString(text)
	if strings.ContainsAny(escaped, "\x02\x03") {
		escaped = strings.ReplaceAll(strings.ReplaceAll(escaped, "\x02", "<bdi>"), "\x03", "</bdi>")
	}
	return template.HTML(escaped)
}

// clean takes the marks of isolated out of a text.
func clean(text string) string {
	if !strings.ContainsAny(text, "\x02\x03") {
		return text
	}
	return strings.Map(func(r rune) rune {
		if r == '\x02' || r == '\x03' {
			return -1
		}
		return r
	}, text)
}

// own are the names of what messages carry that people or operators have written: it is
// in whatever language and direction.
var ownWords = []string{"address", "masked_address", "display_name", "title", "value", "credential_identifier_hint", "duplicateIdentifier"}

// Say is a message of a flow.
func (s *speaker) Say(m ui.Message) template.HTML {
	text := clean(m.Text)
	for _, name := range ownWords {
		if v, ok := m.Context[name].(string); ok && v != "" && v != text {
			text = strings.Replace(text, v, "\x02"+v+"\x03", 1)
		}
	}
	return isolated(text)
}

// Day is a date.
func (s *speaker) Day(at time.Time) string { return at.UTC().Format("2 January 2006") }

// Moment is a date with its time.
func (s *speaker) Moment(at time.Time) string { return at.UTC().Format("2 January 2006, 15:04 UTC") }
