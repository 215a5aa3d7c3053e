package web

import (
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"zelus/internal/auth"
)

// Offset is one page of a list that is counted from its start.
type Offset struct {
	// Skip is how many items come before the page.
	Skip int
	// Size is how many items the page may have.
	Size int
}

// Offsets is pagination by number, for lists that are short. A page is asked
// for by page (counted from 0) and per_page, or by page_size and the
// page_token of a Link; a token wins over a page. Whatever cannot be read
// counts as absent, as old clients expect: the first page, the default size.
type Offsets struct {
	// Default and Max are numbers of items.
	Default, Max int
	// Seal makes a token that nobody else can make; Open undoes it. Without
	// them there are no tokens, and links have page and per_page only.
	Seal func(plain []byte) string
	Open func(token string) ([]byte, error)
}

// tokenPrefix keeps another list's token, sealed with the same key, from
// passing for one of these.
const tokenPrefix = "offset:"

// maxPage keeps the multiplication of a page by its size far from overflow.
const maxPage = 1 << 30

// Read reads the page that a request asks for.
func (p Offsets) Read(query url.Values) Offset {
	size, err := strconv.Atoi(query.Get("page_size"))
	if err != nil || p.Open == nil {
		size, err = strconv.Atoi(query.Get("per_page"))
	}
	if err != nil {
		size = p.Default
	}
	at := Offset{Size: min(max(size, 1), p.Max)}
	if token := query.Get("page_token"); token != "" && p.Open != nil {
		at.Skip = p.open(token)
	} else if page, err := strconv.Atoi(query.Get("page")); err == nil {
		at.Skip = min(max(page, 0), maxPage) * at.Size
	}
	return at
}

// open is the number of items that a token says to skip, 0 if it is not ours.
func (p Offsets) open(token string) int {
	plain, err := p.Open(token)
	if err != nil {
		return 0
	}
	number, ok := strings.CutPrefix(string(plain), tokenPrefix)
	skip, err := strconv.Atoi(number)
	if !ok || err != nil || skip < 0 {
		return 0
	}
	return skip
}

// WriteHeaders sets X-Total-Count and Link for a page of a list of total
// items. A list that fits on one page links to itself only, with the number of
// its items as size.
func (p Offsets) WriteHeaders(w http.ResponseWriter, r *http.Request, at Offset, total int) {
	w.Header().Set("X-Total-Count", strconv.Itoa(total))
	link := func(rel string, skip, size int) string {
		query := r.URL.Query()
		query.Set("page", strconv.Itoa(skip/size))
		query.Set("per_page", strconv.Itoa(size))
		query.Del("page_size")
		query.Del("page_token")
		if p.Seal != nil {
			query.Set("page_size", strconv.Itoa(size))
			query.Set("page_token", p.Seal([]byte(tokenPrefix+strconv.Itoa(skip))))
		}
		return linkTo(r, query, rel)
	}
	if total <= at.Size {
		size := total
		if size == 0 {
			size = at.Size
		}
		w.Header().Set("Link", link("first", 0, size))
		return
	}
	last := (total - 1) / at.Size * at.Size
	var links []string
	switch {
	case at.Skip <= 0:
		links = []string{link("next", at.Size, at.Size), link("last", last, at.Size)}
	case at.Skip+at.Size >= total: // the last page, or one behind it
		links = []string{link("first", 0, at.Size), link("prev", min(max(at.Skip-at.Size, 0), last), at.Size)}
	default:
		links = []string{link("first", 0, at.Size), link("next", at.Skip+at.Size, at.Size),
			link("prev", max(at.Skip-at.Size, 0), at.Size), link("last", last, at.Size)}
	}
	w.Header().Set("Link", strings.Join(links, ","))
}

// ReadPageSize is the page size that a request for a list by key asks for:
// page_size, or per_page of older clients. None, zero or less is standard,
// more than most is most. What is no number is auth.ErrParameter.
func ReadPageSize(query url.Values, standard, most int) (int, error) {
	name := "page_size"
	if !query.Has(name) {
		name = "per_page"
	}
	text := query.Get(name)
	if text == "" {
		return standard, nil
	}
	size, err := strconv.Atoi(text)
	if err != nil {
		return 0, auth.ErrParameter.Saying("The parameter %s must be a whole number.", name)
	}
	if size <= 0 {
		return standard, nil
	}
	return min(size, most), nil
}

// WriteKeyLinks sets Link for a page of a list by key. first is the token of
// the first page, next that of the page after this one or empty if this is the
// last. All other parameters of the request are kept.
func WriteKeyLinks(w http.ResponseWriter, r *http.Request, size int, first, next string) {
	link := func(rel, token string) string {
		query := r.URL.Query()
		query.Del("per_page")
		query.Set("page_size", strconv.Itoa(size))
		query.Set("page_token", token)
		return linkTo(r, query, rel)
	}
	links := link("first", first)
	if next != "" {
		links += "," + link("next", next)
	}
	w.Header().Set("Link", links)
}

// linkTo is one link to the path of the request (RFC 8288 section 3), with the
// parameters in alphabetical order.
func linkTo(r *http.Request, query url.Values, rel string) string {
	return "<" + (&url.URL{Path: r.URL.Path, RawPath: r.URL.RawPath, RawQuery: query.Encode()}).String() + `>; rel="` + rel + `"`
}
