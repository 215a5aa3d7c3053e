package page

import (
	"embed"
	"fmt"
	"html/template"
	"net/http"
	"strings"

	"github.com/tidwall/gjson"

	"zelus/internal/auth"
	"zelus/internal/language"
	"zelus/internal/ui"
	"zelus/internal/web"
)

//go:embed texts
var textFiles embed.FS

// newTexts are what pages say, by key: of each language one file, which is read when
// somebody reads it.
func newTexts() *language.Files[map[string]string] {
	return language.NewFiles[map[string]string](textFiles, "texts")
}

// speaker is a language as a page speaks it: the texts of pages, those of messages, days
// and errors.
type speaker struct {
	*language.Language
	own, english map[string]string
}

// speaker is that of the language which somebody wants to read. who is who they are, if
// that is known.
func (p *Pages) speaker(w language.Wishes, who auth.Packed) (*speaker, error) {
	if i, err := who.Identity(); who != "" && err == nil {
		w.Locale = gjson.GetBytes(i.Traits, "locale").String()
	}
	c := p.now.Load()
	return newSpeaker(c.languages, p.texts, c.offer.Pick(w))
}

func newSpeaker(languages *language.Texts, texts *language.Files[map[string]string], tag string) (*speaker, error) {
	l, err := languages.In(tag)
	if err != nil {
		return nil, err
	}
	own, err := texts.In(tag)
	if err != nil {
		return nil, err
	}
	english, err := texts.In(language.English)
	if err != nil {
		return nil, err
	}
	return &speaker{l, *own, *english}, nil
}

// T is the text of a key. values are name, value, name, value: {name} becomes the value.
func (s *speaker) T(key string, values ...any) string { return s.sentence(key, values).String() }

// H is T with each value apart from the direction of the text around it, as addresses
// and names must be.
func (s *speaker) H(key string, values ...any) template.HTML { return s.sentence(key, values).HTML() }

func (s *speaker) sentence(key string, values []any) language.Sentence {
	text, ok := s.own[key]
	if !ok {
		text = s.english[key]
	}
	filled, _ := language.Fill(text, func(name string) (language.Piece, bool) {
		for i := 0; i+1 < len(values); i += 2 {
			if values[i] == name {
				return language.Piece{Text: fmt.Sprint(values[i+1]), Value: true}, true
			}
		}
		return language.Piece{Text: "{" + name + "}"}, true
	})
	return filled
}

// Has says whether there is a text of this key.
func (s *speaker) Has(key string) bool { return s.english[key] != "" }

// Say is a message of a flow.
func (s *speaker) Say(m ui.Message) template.HTML { return s.Message(m).HTML() }

// isolated is a text that somebody has written, in whatever direction.
func isolated(text string) template.HTML {
	return language.Sentence{{Text: text, Value: true}}.HTML()
}

// choice is the language that a page speaks, and those that it could.
type choice struct {
	Now   language.Name
	All   []language.Name
	Token string
	Back  string // the page that is shown, below the prefix
}

// chooses lets somebody choose another language, unless the application has said which
// one it must be.
func (p *Pages) chooses(w http.ResponseWriter, r *http.Request, v *view, wishes language.Wishes) {
	c := p.now.Load()
	if c.offer.Asked(wishes) != "" {
		return
	}
	if all := c.offer.Names(); len(all) > 1 {
		v.Choice = &choice{Now: v.Name, All: all, Token: p.engine.Token(w, r), Back: strings.TrimPrefix(r.URL.RequestURI(), pagesAt)}
	}
}

// chooseLanguage keeps in the browser which language somebody has chosen. Mails that are
// sent from its forms are in that language, too, so the whole server has the cookie.
func (p *Pages) chooseLanguage(w http.ResponseWriter, r *http.Request) error {
	values, err := p.engine.Posted(r)
	if err != nil {
		return err
	}
	c := p.now.Load()
	if tag := c.offer.Find(values.String("language")); tag != "" {
		now := p.clock()
		(web.BrowserCookie{Name: language.Cookie, Persistent: true, CookieOptions: web.CookieOptions{Path: c.config.PublicURL().Path, Secure: c.config.Cookies.Secure}}).
			Set(w, tag, now, now.Add(remembered))
	}
	return lead(w, c.config.BuiltInPage(values.String("back")))
}
