package web

import (
	"errors"
	"net/url"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"zelus/internal/auth"
)

// maxReturnTo is the longest return address, in bytes.
const maxReturnTo = 8192

// ReturnTo knows which addresses a browser may be sent to after a flow. It is
// what stands between a sign-in page and an open redirect (RFC 9700 section
// 4.11), so an address that two parsers could read in two ways is refused.
type ReturnTo struct {
	allowed []destination
	// scheme and host are those of the default return URL; relative addresses
	// belong to it. Without them there are none.
	scheme, host string
}

// destination is one allowed address with everything below it.
type destination struct {
	scheme string
	host   string // in lower case, with the port if it has one
	path   string // canonical, see canonicalPath
}

// Compile reads the list of allowed return URLs. Each allows the addresses of
// its scheme, host and port at its path or below; a host may begin with the
// wildcard "*.", which stands for one or more labels. An entry that begins with
// a slash belongs to the default return URL's host. The public base URL's
// /self-service is always allowed. Entries that can never be right (no URL,
// user names, scripts, and wildcards beyond one registrable domain unless
// legacyWildcards) are left out; telling the operator is up to the
// configuration.
func Compile(allowed []string, publicBase *url.URL, defaultURL string, legacyWildcards bool) *ReturnTo {
	t := &ReturnTo{}
	if u, err := url.Parse(defaultURL); err == nil && u.Host != "" && u.User == nil {
		t.scheme, t.host = u.Scheme, lower(u.Host)
	}
	if publicBase != nil {
		t.allow(publicBase.JoinPath("self-service").String(), false)
	}
	for _, entry := range allowed {
		t.allow(entry, legacyWildcards)
	}
	return t
}

// Allows says whether an entry of the list of allowed return URLs counts for
// anything, see Compile.
func Allows(entry, defaultURL string, legacyWildcards bool) bool {
	return len(Compile([]string{entry}, nil, defaultURL, legacyWildcards).allowed) > 0
}

func (t *ReturnTo) allow(entry string, legacyWildcards bool) {
	u, err := url.Parse(entry)
	if err != nil || u.User != nil || u.Opaque != "" || scripts(u.Scheme) {
		return
	}
	d := destination{scheme: u.Scheme, host: lower(u.Host)}
	if d.scheme == "" {
		if d.host != "" || t.host == "" {
			return
		}
		d.scheme, d.host = t.scheme, t.host
	}
	if !legacyWildcards && Unbounded(d.host) {
		return
	}
	var ok bool
	if d.path, ok = canonicalPath(u); ok {
		t.allowed = append(t.allowed, d)
	}
}

// AskedReturnTo is the parameter return_to of a query. One that is not encoded
// correctly is auth.ErrReturnToMalformed: the standard library leaves it out, and
// the browser would end elsewhere without a word.
func AskedReturnTo(rawQuery string) (string, error) {
	query, err := url.ParseQuery(rawQuery)
	to, wrong := query.Get("return_to"), url.EscapeError("")
	if to == "" && errors.As(err, &wrong) && strings.Contains(rawQuery, "return_to=") {
		return "", auth.ErrReturnToMalformed.Explain(notURL())
	}
	return to, nil
}

// Check returns an allowed address as it was given; an empty one is allowed
// and means that none was asked for. The error is auth.ErrReturnTo or
// auth.ErrReturnToMalformed.
func (t *ReturnTo) Check(raw string) (string, error) {
	if _, err := t.Resolve(raw); err != nil {
		return "", err
	}
	return raw, nil
}

// Resolve is Check, but returns the address to redirect to: a relative one is
// completed with the default return URL's scheme and host.
func (t *ReturnTo) Resolve(raw string) (string, error) {
	if raw == "" {
		return "", nil
	}
	// Browsers remove tabs and line ends and take a backslash for a slash
	// (WHATWG URL, section 4.4); no honest address needs them.
	if len(raw) > maxReturnTo || !utf8.ValidString(raw) || strings.ContainsRune(raw, '\\') ||
		strings.ContainsFunc(raw, unicode.IsControl) || strings.TrimSpace(raw) != raw {
		return "", auth.ErrReturnToMalformed.Explain(notURL())
	}
	u, err := url.Parse(raw)
	if err != nil {
		return "", auth.ErrReturnToMalformed.Explain(notURL())
	}
	if u.User != nil || u.Opaque != "" || scripts(u.Scheme) {
		return "", auth.ErrReturnTo.Explain(t.diagnosis(u))
	}
	if u.Scheme == "" {
		// Only a path of the host itself: "//host" and "///host" are other
		// hosts to a browser.
		if t.host == "" || !strings.HasPrefix(raw, "/") || strings.HasPrefix(raw, "//") {
			return "", auth.ErrReturnTo.Explain(t.diagnosis(u))
		}
		u.Scheme, u.Host = t.scheme, t.host
		raw = t.scheme + "://" + t.host + raw
	}
	path, ok := canonicalPath(u)
	if !ok || !slices.ContainsFunc(t.allowed, func(d destination) bool { return d.covers(u.Scheme, lower(u.Host), path) }) {
		return "", auth.ErrReturnTo.Explain(t.diagnosis(u))
	}
	return raw, nil
}

// covers says whether an address is the destination or below it.
func (d destination) covers(scheme, host, path string) bool {
	if scheme != d.scheme || host == "" && needsHost(scheme) {
		return false
	}
	if strings.HasPrefix(d.host, "*") {
		if !matchesWildcard(d.host, host) {
			return false
		}
	} else if host != d.host {
		return false
	}
	return path == d.path || strings.HasPrefix(path, strings.TrimSuffix(d.path, "/")+"/")
}

// canonicalPath spells a path in one way, so that paths can be compared by
// whole segments; no path is "/". It is not ok for a path that climbs, be it
// percent-encoded or with backslashes, or that is no text.
func canonicalPath(u *url.URL) (string, bool) {
	if !utf8.ValidString(u.Path) || strings.ContainsFunc(u.Path, unicode.IsControl) {
		return "", false
	}
	for segment := range strings.FieldsFuncSeq(u.Path, func(c rune) bool { return c == '/' || c == '\\' }) {
		if segment == "." || segment == ".." {
			return "", false
		}
	}
	segments := strings.Split(u.EscapedPath(), "/")
	for i, segment := range segments {
		text, err := url.PathUnescape(segment)
		if err != nil {
			return "", false
		}
		segments[i] = url.PathEscape(text)
	}
	path := strings.Join(segments, "/")
	if !strings.HasPrefix(path, "/") {
		path = "/" + path
	}
	return path, true
}

// scripts names the schemes whose addresses run code or read files in the
// browser instead of leading anywhere.
func scripts(scheme string) bool {
	switch scheme {
	case "javascript", "vbscript", "data", "blob", "file", "filesystem", "about", "view-source":
		return true
	}
	return false
}

// needsHost names the schemes where browsers take the first part of a path for
// the host if there is none (the special schemes of WHATWG URL).
func needsHost(scheme string) bool {
	switch scheme {
	case "http", "https", "ws", "wss", "ftp":
		return true
	}
	return false
}
