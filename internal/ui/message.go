package ui

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
)

// Message is a sentence for a person with a number for a program.
type Message struct {
	ID      int            `json:"id"`
	Text    string         `json:"text"`
	Type    string         `json:"type"`
	Context map[string]any `json:"context,omitempty"`
}

// Types of messages.
const (
	Info    = "info"
	Error   = "error"
	Success = "success"
)

// Say makes the message of an id from the catalogue. context is a list of
// key, value, key, value; {key} in the catalogue's text becomes the value.
// A time becomes RFC 3339 under its key and whole seconds under key_unix.
// All placeholders are replaced at once, so that a value which looks like a
// placeholder stays as it is.
func Say(id int, context ...any) Message {
	entry, known := catalogue[id]
	if !known {
		panic(fmt.Sprintf("ui: message %d is not in the catalogue", id))
	}
	m := Message{ID: id, Type: entry.kind, Text: entry.text}
	if len(context) == 0 {
		return m
	}
	m.Context = make(map[string]any, len(context)/2)
	replacements := make([]string, 0, len(context))
	for i := 0; i+1 < len(context); i += 2 {
		key, value := context[i].(string), context[i+1]
		if t, ok := value.(time.Time); ok {
			m.Context[key+"_unix"] = t.Unix()
			value = t.UTC().Format(time.RFC3339Nano)
		}
		m.Context[key] = value
		replacements = append(replacements, "{"+key+"}", inWords(value))
	}
	m.Text = strings.NewReplacer(replacements...).Replace(m.Text)
	return m
}

// English is the English text of an id with its placeholders, for those who translate
// it; empty for an id that is not in the catalogue.
func English(id int) string { return catalogue[id].text }

// IDs lists the ids of the catalogue in ascending order.
func IDs() []int { return slices.Sorted(maps.Keys(catalogue)) }

// Messages are those in a value of a context: as Say was given them, or as they are
// read again from JSON. It is nil where the value is something else.
func Messages(value any) []Message {
	if list, stored := value.([]any); stored {
		var all []Message
		raw, err := json.Marshal(list)
		if err != nil || json.Unmarshal(raw, &all) != nil || slices.ContainsFunc(all, func(m Message) bool { return m.ID == 0 }) {
			return nil
		}
		return all
	}
	all, _ := value.([]Message)
	return all
}

// inWords puts a value of a context into a sentence: lists with commas, also
// lists of messages by their texts.
func inWords(value any) string {
	switch v := value.(type) {
	case string:
		return v
	case []string:
		return strings.Join(v, ", ")
	case []Message:
		texts := make([]string, len(v))
		for i, m := range v {
			texts[i] = m.Text
		}
		return strings.Join(texts, ", ")
	}
	return fmt.Sprint(value)
}
