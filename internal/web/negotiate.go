package web

import (
	"net/http"
	"strconv"
	"strings"
)

// maxAccept is how much of all Accept headers, in bytes, is looked at.
const maxAccept = 4096

// WantsJSON says whether a client prefers JSON to a page or a redirect, by its
// Accept headers alone (RFC 9110 section 12.5.1). A tie goes to the type that
// was named more precisely, and then to the page: "application/json, */*" is
// JSON; "*/*", nothing, or both by name is the page.
func WantsJSON(r *http.Request) bool {
	var page, json preference
	left := maxAccept
	for _, line := range r.Header.Values("Accept") {
		line = line[:min(left, len(line))]
		left -= len(line)
		for entry := range strings.SplitSeq(line, ",") {
			media, parameters, _ := strings.Cut(entry, ";")
			q, ok := quality(parameters)
			if !ok {
				continue
			}
			switch strings.ToLower(strings.TrimSpace(media)) {
			case "*/*":
				page.hear(q, anything)
				json.hear(q, anything)
			case "text/*":
				page.hear(q, anyOfType)
			case "application/*":
				json.hear(q, anyOfType)
			case "text/html":
				page.hear(q, exactly)
			case "application/json":
				json.hear(q, exactly)
			}
		}
	}
	return json.q > page.q || json.q > 0 && json.q == page.q && json.precision > page.precision
}

// IsJSON says whether a submission came from a program rather than from a
// page's form: the client wants JSON, or sent it.
func IsJSON(r *http.Request) bool {
	return r.Header.Get("Content-Type") == "application/json" || WantsJSON(r)
}

// How precisely a media range names a type.
const (
	unnamed = iota
	anything
	anyOfType
	exactly
)

// preference is how much a client likes one type, by the most precise of the
// ranges that cover it.
type preference struct {
	q         float64
	precision int
}

func (p *preference) hear(q float64, precision int) {
	if precision > p.precision || precision == p.precision && q > p.q {
		*p = preference{q, precision}
	}
}

// quality is the weight among the parameters of a media range, 1 if there is
// none. It is not ok when it is not a number between 0 and 1.
func quality(parameters string) (q float64, ok bool) {
	for parameter := range strings.SplitSeq(parameters, ";") {
		name, value, _ := strings.Cut(parameter, "=")
		if strings.EqualFold(strings.TrimSpace(name), "q") {
			q, err := strconv.ParseFloat(strings.TrimSpace(value), 64)
			return q, err == nil && q >= 0 && q <= 1
		}
	}
	return 1, true
}
