package templates

import (
	_ "embed"
	"html/template"
	"net/netip"
	"regexp"
	"strings"

	"zelus/internal/language"
)

//go:embed layout.html
var layoutText string

// layout is the HTML of all built-in mails.
var layout = template.Must(template.New("layout").Parse(layoutText))

// builtin makes one message of the built-in texts.
type builtin struct {
	language *language.Language
	texts    *texts
	words    words
	brand    string
	kind     *kind
	data     *Data
}

// letter is what stands in a mail, from top to bottom. What is empty is left out.
type letter struct {
	Language, Direction, Subject string
	Brand                        string
	Heading                      string
	Code                         string
	Text                         template.HTML
	OrLink                       string
	Link, Button, LinkHelp       string
	Valid                        string
	Details                      []detail
	Notice, Footer               template.HTML
}

// detail is a line of facts below the text.
type detail struct{ Label, Value string }

// mail makes subject, plain text and HTML. In the plain text the code is the
// first number and the link the first address, because programs look for them
// in this way; so nothing that comes from outside stands before them.
func (b *builtin) mail(r *Rendered) error {
	c := &b.texts.Common
	l := letter{Language: b.language.Tag, Direction: b.language.Direction, Subject: b.text(b.words.Subject), Brand: b.brand, Heading: b.words.Heading,
		Code: b.code(), Text: b.html(b.words.Text), Link: b.link(), Valid: b.valid(), Details: b.details(),
		Notice: b.html(b.words.Notice), Footer: b.html(c.Footer)}
	plain := []string{l.Heading, l.Code, b.text(b.words.Text)}
	if l.Link != "" {
		l.Button, l.LinkHelp = b.words.Button, c.LinkHelp
		link := l.Link
		if l.Code != "" {
			l.OrLink = c.OrLink
			link = c.OrLink + "\n" + link
		}
		plain = append(plain, link)
	}
	plain = append(plain, l.Valid)
	var facts []string
	for _, d := range l.Details {
		facts = append(facts, d.Label+": "+d.Value)
	}
	plain = append(plain, strings.Join(facts, "\n"), b.text(b.words.Notice), b.text(c.Footer))

	var page strings.Builder
	if err := layout.Execute(&page, l); err != nil {
		return err
	}
	r.Subject, r.Body, r.HTML = l.Subject, paragraphs(plain), page.String()
	return nil
}

// paragraphs joins what is not empty.
func paragraphs(all []string) string {
	var b strings.Builder
	for _, p := range all {
		if p == "" {
			continue
		}
		if b.Len() > 0 {
			b.WriteString("\n\n")
		}
		b.WriteString(p)
	}
	b.WriteString("\n")
	return b.String()
}

// sms makes a text message: one line, and for a code the last line by which
// browsers fill it in on the site that asked for it (WebOTP).
func (b *builtin) sms() string {
	sentences := []string{b.text(b.words.SMS)}
	code := b.code()
	if link := b.link(); link != "" && code == "" { // both would be two messages
		sentences = append(sentences, link)
	}
	if b.data.ExpiresInMinutes > 0 && (b.kind.code != nil || b.kind.link != nil) {
		sentences = append(sentences, b.text(b.texts.Common.ValidSMS))
	}
	line := sentences[0]
	for i, s := range sentences[1:] {
		// Japanese and Chinese have no space between sentences, but one beside a link.
		if !strings.HasSuffix(sentences[i], "。") {
			line += " "
		}
		line += s
	}
	domain := host(b.data.RequestURL)
	if _, err := netip.ParseAddr(domain); code == "" || err == nil || !domainPattern.MatchString(domain) {
		return line
	}
	return line + "\n\n@" + domain + " #" + code
}

var domainPattern = regexp.MustCompile(`^[A-Za-z0-9]([A-Za-z0-9.-]*[A-Za-z0-9])?$`)

// code is what the person is to type; empty where there is none. link likewise.
func (b *builtin) code() string {
	if b.kind.code == nil {
		return ""
	}
	return clean(b.kind.code(b.data))
}

func (b *builtin) link() string {
	if b.kind.link == nil {
		return ""
	}
	return clean(b.kind.link(b.data))
}

// valid says how long code and link can be used.
func (b *builtin) valid() string {
	c := &b.texts.Common
	code, link := b.code() != "", b.link() != ""
	switch {
	case b.data.ExpiresInMinutes <= 0:
		return ""
	case code && link:
		return b.text(c.ValidBoth)
	case code:
		return b.text(c.ValidCode)
	case link:
		return b.text(c.ValidLink)
	}
	return ""
}

// details are the facts of a notice.
func (b *builtin) details() []detail {
	var all []detail
	c := &b.texts.Common
	if name := b.language.Method(b.data.Change); name != "" {
		all = append(all, detail{c.Method, name})
	}
	switch {
	case b.kind.has(addedAt) && !b.data.AddedAt.IsZero():
		all = append(all, detail{c.Time, b.language.Moment(b.data.AddedAt)})
	case b.kind.has(changedAt) && !b.data.ChangedAt.IsZero():
		all = append(all, detail{c.Time, b.language.Moment(b.data.ChangedAt)})
	}
	return all
}

// text puts the values into a sentence of plain text.
func (b *builtin) text(sentence string) string { return b.fill(sentence).String() }

// html puts the values into a sentence of HTML.
func (b *builtin) html(sentence string) template.HTML { return b.fill(sentence).HTML() }

// fill puts the values in. Names and addresses are in whatever direction.
func (b *builtin) fill(sentence string) language.Sentence {
	filled, _ := language.Fill(sentence, func(name string) (language.Piece, bool) {
		switch name {
		case "to":
			return language.Piece{Text: clean(b.data.To), Value: true}, true
		case "brand":
			return language.Piece{Text: b.brand, Value: true}, true
		case "code":
			return language.Piece{Text: b.code()}, true
		case "duration":
			return language.Piece{Text: b.language.Duration(b.data.ExpiresInMinutes)}, true
		}
		return language.Piece{Text: "{" + name + "}"}, true
	})
	return filled
}
