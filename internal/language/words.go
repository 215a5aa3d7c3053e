package language

import (
	"strconv"
	"strings"
	"time"

	"golang.org/x/text/feature/plural"
)

// words are the texts of one language besides those of messages. In curly brackets
// stand the names of what is put in.
type words struct {
	Months  []string          `json:"months"`
	Day     string            `json:"day"`
	Time    string            `json:"time"`
	Minutes map[string]string `json:"minutes"` // by the plural forms of CLDR
	Hours   map[string]string `json:"hours"`
	Days    map[string]string `json:"days"`
	Comma   string            `json:"comma"` // between the items of a list: {a}, {b}
	Or      string            `json:"or"`    // before the last of several alternatives: {a} or {b}
	Point   string            `json:"point"` // before the fraction of a number

	Methods map[string]string `json:"methods"` // names of ways to sign in
	Types   map[string]string `json:"types"`   // types of values in JSON, by their names in a schema
	Fields  map[string]string `json:"fields"`  // names of fields of ours
	Titles  map[string]string `json:"titles"`  // usual titles of fields of others, see foldTitle
	Reasons map[string]string `json:"reasons"` // sentences that stand in a context, by the English ones
	Ways    map[Way]string    `json:"ways"`
	Faults  map[string]struct {
		Heading string `json:"heading"`
		Text    string `json:"text"`
	} `json:"faults"`
}

// Duration is a number of minutes in words, in days or hours where that is a
// whole number of them.
func (l *Language) Duration(minutes int) string {
	const hour, day = 60, 24 * 60
	switch {
	case minutes >= 2*day && minutes%day == 0:
		return l.count(l.words.Days, minutes/day)
	case minutes >= hour && minutes%hour == 0:
		return l.count(l.words.Hours, minutes/hour)
	}
	return l.count(l.words.Minutes, minutes)
}

// Day is a date in words, in UTC.
func (l *Language) Day(at time.Time) string { return l.at(l.words.Day, at) }

// Moment is a date in words with its time, in UTC.
func (l *Language) Moment(at time.Time) string { return l.at(l.words.Time, at) }

func (l *Language) at(text string, at time.Time) string {
	at = at.UTC()
	return strings.NewReplacer("{day}", strconv.Itoa(at.Day()), "{month}", l.words.Months[at.Month()-1], "{year}", strconv.Itoa(at.Year()),
		"{hour}", at.Format("15"), "{minute}", at.Format("04")).Replace(text)
}

// pluralForms are the names that files of languages have for plural forms.
var pluralForms = map[plural.Form]string{plural.Zero: "zero", plural.One: "one", plural.Two: "two", plural.Few: "few", plural.Many: "many", plural.Other: "other"}

// form picks the form for a number of things.
func (l *Language) form(forms map[string]string, n int) string {
	if form, found := forms[pluralForms[plural.Cardinal.MatchPlural(l.tag, n, 0, 0, 0, 0)]]; found {
		return form
	}
	return forms["other"]
}

// count is a number of things in words.
func (l *Language) count(forms map[string]string, n int) string {
	return strings.ReplaceAll(l.form(forms, n), "{n}", strconv.Itoa(n))
}

// Method is what a way to sign in is called, by its name in a configuration or the
// type of its credentials. It is empty for an unknown one.
func (l *Language) Method(name string) string { return l.words.Methods[name] }
