package web

import (
	"errors"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"zelus/internal/auth"
)

// sealed is pagination with readable tokens.
func sealed() Offsets {
	return Offsets{Default: 250, Max: 1000,
		Seal: func(plain []byte) string { return "sealed-" + string(plain) },
		Open: func(token string) ([]byte, error) {
			plain, ok := strings.CutPrefix(token, "sealed-")
			if !ok {
				return nil, errors.New("not sealed")
			}
			return []byte(plain), nil
		}}
}

func TestOffsetsRead(t *testing.T) {
	for query, want := range map[string]Offset{
		"":                                         {0, 250},
		"page=0&per_page=2":                        {0, 2},
		"page=1&per_page=2":                        {2, 2},
		"page=1":                                   {250, 250},
		"page=1&page_size=2":                       {2, 2},
		"page_size=2&per_page=3":                   {0, 2},
		"page_size=x&per_page=3":                   {0, 3},
		"page_size=0":                              {0, 1},
		"per_page=-1":                              {0, 1},
		"per_page=1001":                            {0, 1000},
		"per_page=many&page=one":                   {0, 250},
		"page=-1":                                  {0, 250},
		"page_token=sealed-offset:6&page_size=2":   {6, 2},
		"page_token=sealed-offset:6&page=1":        {6, 250},
		"page_token=sealed-offset:-6":              {0, 250},
		"page_token=sealed-6":                      {0, 250},
		"page_token=garbage":                       {0, 250},
		"page_token=&page=1&per_page=2":            {2, 2},
		"page=99999999999999999999999":             {0, 250},
		"page=9223372036854775807&per_page=999999": {maxPage * 1000, 1000},
	} {
		q, err := url.ParseQuery(query)
		if err != nil {
			t.Fatal(err)
		}
		if got := sealed().Read(q); got != want {
			t.Errorf("%s: %+v", query, got)
		}
	}
	plain := Offsets{Default: 250, Max: 500}
	if got := plain.Read(url.Values{"page": {"1"}, "page_size": {"3"}, "page_token": {"x"}}); got != (Offset{250, 250}) {
		t.Errorf("without tokens: %+v", got)
	}
}

func TestOffsetsHeaders(t *testing.T) {
	link := func(rel, page, size, skip string) string {
		return "</schemas?a=%3Cb%3E&page=" + page + "&page_size=" + size + "&page_token=sealed-offset%3A" + skip + "&per_page=" + size + `>; rel="` + rel + `"`
	}
	for _, tt := range []struct {
		at    Offset
		total int
		want  []string
	}{
		{Offset{0, 250}, 2, []string{link("first", "0", "2", "0")}},
		{Offset{0, 2}, 2, []string{link("first", "0", "2", "0")}},
		{Offset{0, 250}, 0, []string{link("first", "0", "250", "0")}},
		{Offset{0, 1}, 2, []string{link("next", "1", "1", "1"), link("last", "1", "1", "1")}},
		{Offset{1, 1}, 2, []string{link("first", "0", "1", "0"), link("prev", "0", "1", "0")}},
		{Offset{2, 2}, 7, []string{link("first", "0", "2", "0"), link("next", "2", "2", "4"), link("prev", "0", "2", "0"), link("last", "3", "2", "6")}},
		{Offset{6, 2}, 7, []string{link("first", "0", "2", "0"), link("prev", "2", "2", "4")}},
		{Offset{4, 2}, 6, []string{link("first", "0", "2", "0"), link("prev", "1", "2", "2")}},
		{Offset{9, 1}, 2, []string{link("first", "0", "1", "0"), link("prev", "1", "1", "1")}},
	} {
		w := httptest.NewRecorder()
		sealed().WriteHeaders(w, httptest.NewRequest("GET", "/schemas?page=7&a=<b>&page_token=x", nil), tt.at, tt.total)
		if got, want := w.Header().Get("Link"), strings.Join(tt.want, ","); got != want {
			t.Errorf("%+v of %d:\n got %s\nwant %s", tt.at, tt.total, got, want)
		}
	}
	w := httptest.NewRecorder()
	Offsets{Default: 250, Max: 500}.WriteHeaders(w, httptest.NewRequest("GET", "/admin/identities?page=0&per_page=1", nil), Offset{0, 1}, 2)
	if got := w.Header().Get("Link"); got != `</admin/identities?page=1&per_page=1>; rel="next",</admin/identities?page=1&per_page=1>; rel="last"` {
		t.Errorf("without tokens: %s", got)
	}
	if w.Header().Get("X-Total-Count") != "2" {
		t.Errorf("the total is %s", w.Header().Get("X-Total-Count"))
	}
}

// TestOffsetsWalk follows the links from the first page to the last.
func TestOffsetsWalk(t *testing.T) {
	const total = 7
	p, target, seen := sealed(), "/sessions?per_page=2", 0
	for range total {
		r := httptest.NewRequest("GET", target, nil)
		at := p.Read(r.URL.Query())
		if at.Skip != seen {
			t.Fatalf("the page after %d items skips %d", seen, at.Skip)
		}
		seen = min(at.Skip+at.Size, total)
		w := httptest.NewRecorder()
		p.WriteHeaders(w, r, at, total)
		next := ""
		for link := range strings.SplitSeq(w.Header().Get("Link"), ",") {
			if u, ok := strings.CutSuffix(link, `>; rel="next"`); ok {
				next = strings.TrimPrefix(u, "<")
			}
		}
		if next == "" {
			break
		}
		target = next
	}
	if seen != total {
		t.Errorf("the links lead to %d of %d items", seen, total)
	}
}

func TestReadPageSize(t *testing.T) {
	for query, want := range map[string]int{
		"": 250, "page_size=": 250, "page_size=0": 250, "page_size=-1": 250, "page_size=1001": 500, "page_size=2": 2, "per_page=3": 3, "page_size=2&per_page=x": 2,
		"page_size=many": 0, "page_size=1.5": 0, "per_page=x": 0, "page_size=99999999999999999999": 0,
	} {
		q, err := url.ParseQuery(query)
		if err != nil {
			t.Fatal(err)
		}
		got, err := ReadPageSize(q, 250, 500)
		if got != want || (want == 0) != errors.Is(err, auth.ErrParameter) {
			t.Errorf("%s: %d, %v", query, got, err)
		}
	}
}

func TestWriteKeyLinks(t *testing.T) {
	const first = "00000000-0000-0000-0000-000000000000"
	r := httptest.NewRequest("GET", "/admin/identities?page_token=old&ids=2&ids=1&consistency=strong&per_page=9", nil)
	w := httptest.NewRecorder()
	WriteKeyLinks(w, r, 2, first, "n>;x")
	const path = `</admin/identities?consistency=strong&ids=2&ids=1&page_size=2&page_token=`
	if got, want := w.Header().Get("Link"), path+first+`>; rel="first",`+path+`n%3E%3Bx>; rel="next"`; got != want {
		t.Errorf("\n got %s\nwant %s", got, want)
	}
	w = httptest.NewRecorder()
	WriteKeyLinks(w, r, 2, first, "")
	if got, want := w.Header().Get("Link"), path+first+`>; rel="first"`; got != want {
		t.Errorf("last page:\n got %s\nwant %s", got, want)
	}
}
