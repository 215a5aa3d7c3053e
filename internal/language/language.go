package language

import (
	"embed"
	"slices"

	"golang.org/x/text/language"
)

// English is the language of the API, and of those whose language we do not speak.
const English = "en"

// Name is a language as it is called by those who speak it.
type Name struct {
	// Tag is its tag (RFC 5646), for the attribute lang of HTML too.
	Tag string
	// Endonym is its name in itself, for a choice of languages.
	Endonym string
	// Direction is ltr or rtl, for the attribute dir of HTML.
	Direction string
}

// names are the languages that we have texts in.
var names = []Name{
	{English, "English", "ltr"},
	{"de", "Deutsch", "ltr"},
	{"fr", "Français", "ltr"},
	{"es", "Español", "ltr"},
	{"pt", "Português", "ltr"},
	{"it", "Italiano", "ltr"},
	{"nl", "Nederlands", "ltr"},
	{"pl", "Polski", "ltr"},
	{"ja", "日本語", "ltr"},
	{"zh", "中文", "ltr"},
	{"ar", "العربية", "rtl"},
}

// Names lists the languages that we have texts in, in the order in which they are
// offered.
func Names() []Name { return slices.Clone(names) }

// Tags lists the tags of Names.
func Tags() []string {
	tags := make([]string, len(names))
	for i, n := range names {
		tags[i] = n.Tag
	}
	return tags
}

// named gives the language with a tag, and whether it is one of ours; English where it is not.
func named(tag string) (Name, bool) {
	i := slices.IndexFunc(names, func(n Name) bool { return n.Tag == tag })
	if i < 0 {
		return names[0], false
	}
	return names[i], true
}

//go:embed texts messages
var files embed.FS

// Texts are the texts of all languages. Each is read when it is first needed. They
// are safe for concurrent use.
type Texts struct {
	words    *Files[words]
	messages *Files[map[int]message] // by id
	own      Own
}

// New has read nothing yet. own may be nil.
func New(own Own) *Texts {
	return &Texts{NewFiles[words](files, "texts"), NewFiles[map[int]message](files, "messages"), own}
}

// In gives the texts of a language, one of Tags; any other is English. An error
// means that a file of ours is broken.
func (t *Texts) In(tag string) (*Language, error) {
	name, _ := named(tag)
	words, err := t.words.In(name.Tag)
	if err != nil {
		return nil, err
	}
	messages, err := t.messages.In(name.Tag)
	if err != nil {
		return nil, err
	}
	return &Language{Name: name, tag: language.Make(name.Tag), words: words, messages: *messages, own: t.own[name.Tag]}, nil
}

// Language is one language, and what it can say.
type Language struct {
	Name
	tag      language.Tag
	words    *words
	messages map[int]message
	own      map[string]string
}
