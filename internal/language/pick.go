package language

import (
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/text/language"
)

// Cookie is the name of the cookie in which a browser keeps the language that
// somebody has chosen: one of Tags.
const Cookie = "zelus_language"

// Parameter is the query parameter in which applications say the languages of who
// signs in (OpenID Connect Core 1.0, section 3.1.2.1).
const Parameter = "ui_locales"

// Limits of what is looked at of a list. Browsers send a handful of languages.
const (
	maxListed = 32 // languages of one list
	maxTag    = 35 // bytes (RFC 5646, section 4.4.1)
)

// Wishes are what is known about the languages that somebody reads. All of it may
// be missing, or be nonsense.
type Wishes struct {
	// UILocales is what the application asks for: tags with spaces between them.
	UILocales string
	// Chosen is what the person has chosen on a page of ours.
	Chosen string
	// Locale is the identity's trait of that name: a tag such as pt-BR, or as POSIX
	// writes it, pt_BR.UTF-8.
	Locale string
	// Accept is the header Accept-Language (RFC 9110, section 12.5.4).
	Accept string
}

// Asked are the wishes that a request tells of.
func Asked(r *http.Request) Wishes {
	w := Wishes{UILocales: UILocales(r.URL.RawQuery), Accept: r.Header.Get("Accept-Language")}
	if cookie, err := r.Cookie(Cookie); err == nil {
		w.Chosen = cookie.Value
	}
	return w
}

// UILocales finds what an application asks for in a query, such as that of the URL
// with which a flow began.
func UILocales(query string) string {
	if !strings.Contains(query, Parameter) {
		return ""
	}
	values, _ := url.ParseQuery(query) // what can be read of it
	return values.Get(Parameter)
}

// Offer is the languages that a server offers. The zero value offers all of them,
// and English to those who read none.
type Offer struct {
	// Tags are some of those that Tags lists; none are all.
	Tags []string
	// Default is for those of whose languages none is offered; empty for English.
	Default string
}

// Names lists the languages of an offer, in the order in which people choose from
// them.
func (o Offer) Names() []Name {
	return slices.DeleteFunc(Names(), func(n Name) bool { return !o.has(n.Tag) })
}

// Pick gives the tag of the language for somebody. The wishes count in the order in
// which they stand there. A region or script that we have no texts for gives the
// language itself.
func (o Offer) Pick(w Wishes) string {
	if tag := o.Asked(w); tag != "" {
		return tag
	}
	if tag := o.find(w.Chosen); tag != "" {
		return tag
	}
	if tag := o.Find(w.Locale); tag != "" {
		return tag
	}
	if tag := o.accepted(w.Accept); tag != "" {
		return tag
	}
	return o.fallback()
}

// Asked gives the tag of the language that the application asks for, or nothing
// where it asks for none that is offered.
func (o Offer) Asked(w Wishes) string {
	n := 0
	for tag := range strings.FieldsSeq(w.UILocales) {
		if n++; n > maxListed {
			break
		}
		if tag := o.find(tag); tag != "" {
			return tag
		}
	}
	return ""
}

// accepted gives the best language of a header Accept-Language, or nothing.
func (o Offer) accepted(header string) string {
	best, weight := "", 0.0
	for i, item := range strings.SplitN(header, ",", maxListed+1) {
		name, parameter, _ := strings.Cut(item, ";")
		tag := o.find(name)
		if i == maxListed || tag == "" {
			continue
		}
		q := 1.0
		if value, found := strings.CutPrefix(strings.TrimSpace(parameter), "q="); found {
			if number, err := strconv.ParseFloat(value, 64); err == nil {
				q = min(number, 1)
			}
		}
		if q > weight {
			best, weight = tag, q
		}
	}
	return best
}

// fallback is for those of whose languages none is offered.
func (o Offer) fallback() string {
	for _, tag := range []string{o.Default, English} {
		if o.has(tag) {
			return tag
		}
	}
	return o.Tags[0] // without any, English is offered
}

// Find gives the tag of the offered language that a locale names, or nothing.
func (o Offer) Find(locale string) string {
	// POSIX writes de_DE.UTF-8@euro.
	locale, _, _ = strings.Cut(locale, ".")
	locale, _, _ = strings.Cut(locale, "@")
	return o.find(locale)
}

// find gives the tag of the offered language that a tag belongs to, or nothing.
func (o Offer) find(name string) string {
	name = strings.TrimSpace(name)
	if name == "" || len(name) > maxTag {
		return ""
	}
	tag, err := language.Parse(name)
	if err != nil {
		return ""
	}
	if base, sure := tag.Base(); sure >= language.High && o.has(base.String()) {
		return base.String()
	}
	return ""
}

// has says whether a language is offered.
func (o Offer) has(tag string) bool {
	if _, ours := named(tag); !ours {
		return false
	}
	return len(o.Tags) == 0 || slices.Contains(o.Tags, tag)
}
