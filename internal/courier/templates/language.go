package templates

import (
	"embed"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"golang.org/x/text/feature/plural"
	"golang.org/x/text/language"
)

// tags are the languages that we have texts in; english stands in for all others.
var tags = []string{english, "de", "fr", "es", "pt", "it", "nl", "pl", "ja", "zh", "ar"}

const english = "en"

//go:embed languages
var languageFiles embed.FS

// Limits of what Language looks at. Browsers send a handful of languages.
const (
	maxAccepted = 32 // languages of one header
	maxTag      = 35 // bytes (RFC 5646, section 4.4.1)
)

// Languages lists the languages of the built-in texts.
func Languages() []string { return slices.Clone(tags) }

// Language picks the language of a message, one of Languages: that of the
// identity's trait locale (such as de, pt-BR or zh_TW) if we have it, else the
// best of the header Accept-Language (RFC 9110, section 12.5.4), else English. A
// region or script that we have no texts for gives the language itself.
func Language(locale, acceptLanguage string) string {
	// POSIX writes de_DE.UTF-8@euro.
	locale, _, _ = strings.Cut(locale, ".")
	locale, _, _ = strings.Cut(locale, "@")
	if tag := ours(locale); tag != "" {
		return tag
	}
	best, weight := english, 0.0
	for i, item := range strings.SplitN(acceptLanguage, ",", maxAccepted+1) {
		name, parameter, _ := strings.Cut(item, ";")
		tag := ours(name)
		if i == maxAccepted || tag == "" {
			continue
		}
		q := 1.0
		if value, found := strings.CutPrefix(strings.TrimSpace(parameter), "q="); found {
			if number, err := strconv.ParseFloat(value, 64); err == nil {
				q = number
			}
		}
		if q > weight {
			best, weight = tag, q
		}
	}
	return best
}

// ours gives the tag of our texts for a language tag, or nothing.
func ours(name string) string {
	name = strings.TrimSpace(name)
	if name == "" || len(name) > maxTag {
		return ""
	}
	tag, err := language.Parse(name)
	if err != nil {
		return ""
	}
	if base, sure := tag.Base(); sure >= language.High && slices.Contains(tags, base.String()) {
		return base.String()
	}
	return ""
}

// texts are the built-in texts of one language. In curly brackets stand the
// names of what is put in.
type texts struct {
	Name      string            `json:"name"`
	Direction string            `json:"direction"` // ltr or rtl
	Months    []string          `json:"months"`
	Time      string            `json:"time"`
	Minutes   map[string]string `json:"minutes"` // by the plural forms of CLDR
	Hours     map[string]string `json:"hours"`
	Days      map[string]string `json:"days"`
	Common    struct {
		ValidCode string `json:"valid_code"`
		ValidLink string `json:"valid_link"`
		ValidBoth string `json:"valid_both"`
		ValidSMS  string `json:"valid_sms"`
		OrLink    string `json:"or_link"`
		LinkHelp  string `json:"link_help"`
		Method    string `json:"method"`
		Time      string `json:"time"`
		Footer    string `json:"footer"`
	} `json:"common"`
	Changes   map[string]string `json:"changes"` // names of Data.Change
	Templates map[string]words  `json:"templates"`

	tag language.Tag
}

// words are the texts of one template.
type words struct {
	Subject string `json:"subject"`
	Heading string `json:"heading"`
	Text    string `json:"text"`
	Button  string `json:"button"`
	Notice  string `json:"notice"`
	SMS     string `json:"sms"`
}

// readLanguages reads the texts of all languages.
func readLanguages() (map[string]*texts, error) {
	all := map[string]*texts{}
	for _, tag := range tags {
		raw, err := languageFiles.ReadFile("languages/" + tag + ".json")
		if err != nil {
			return nil, fmt.Errorf("templates: %w", err)
		}
		t := &texts{tag: language.Make(tag)}
		if err := json.Unmarshal(raw, t); err != nil {
			return nil, fmt.Errorf("templates: languages/%s.json: %w", tag, err)
		}
		all[tag] = t
	}
	return all, nil
}

// duration is a number of minutes in words, in days or hours where that is a
// whole number of them.
func (t *texts) duration(minutes int) string {
	const hour, day = 60, 24 * 60
	switch {
	case minutes >= 2*day && minutes%day == 0:
		return t.count(t.Days, minutes/day)
	case minutes >= hour && minutes%hour == 0:
		return t.count(t.Hours, minutes/hour)
	}
	return t.count(t.Minutes, minutes)
}

// pluralForms are the names that files of languages have for plural forms.
var pluralForms = map[plural.Form]string{plural.Zero: "zero", plural.One: "one", plural.Two: "two", plural.Few: "few", plural.Many: "many", plural.Other: "other"}

// count is a number of things in words.
func (t *texts) count(forms map[string]string, n int) string {
	form, found := forms[pluralForms[plural.Cardinal.MatchPlural(t.tag, n, 0, 0, 0, 0)]]
	if !found {
		form = forms["other"]
	}
	return strings.ReplaceAll(form, "{n}", strconv.Itoa(n))
}

// moment is a time in words, in UTC.
func (t *texts) moment(at time.Time) string {
	at = at.UTC()
	return strings.NewReplacer("{day}", strconv.Itoa(at.Day()), "{month}", t.Months[at.Month()-1], "{year}", strconv.Itoa(at.Year()),
		"{hour}", at.Format("15"), "{minute}", at.Format("04")).Replace(t.Time)
}
