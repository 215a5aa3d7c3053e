package web

import (
	"net/netip"
	"net/url"
	"strconv"
	"strings"
	"testing"

	"golang.org/x/net/idna"
)

// browserURL is where a browser goes: what is left of an address after the URL
// parser of the WHATWG (URL standard, section 4.4) has repaired it.
type browserURL struct {
	scheme, host string // host with its port, unless that is the scheme's own
	path         string // percent-decoded once, as the server there reads it
}

// asBrowser reads an address as browsers do, and not as net/url does: it drops
// what they drop, takes backslashes for slashes, guesses the slashes that are
// missing, decodes and maps the host, and resolves dots in the path. It is
// false for what they refuse, too.
func asBrowser(raw string) (u browserURL, ok bool) {
	raw = strings.TrimFunc(raw, func(c rune) bool { return c <= ' ' })
	raw = strings.NewReplacer("\t", "", "\n", "", "\r", "").Replace(raw)
	scheme, rest, found := strings.Cut(raw, ":")
	if !found || !isScheme(scheme) {
		return u, false // relative to a page that is not known here
	}
	u.scheme = strings.ToLower(scheme)
	rest, _, _ = strings.Cut(rest, "#")
	rest, _, _ = strings.Cut(rest, "?")
	port, special := map[string]string{"http": "80", "https": "443", "ws": "80", "wss": "443", "ftp": "21"}[u.scheme]
	if special {
		rest = strings.TrimLeft(strings.ReplaceAll(rest, `\`, "/"), "/")
	} else if rest, found = strings.CutPrefix(rest, "//"); !found {
		u.path, ok = climbed(rest, special)
		return u, ok
	}
	authority, path := rest, ""
	if end := strings.IndexByte(rest, '/'); end >= 0 {
		authority, path = rest[:end], rest[end:]
	}
	authority = authority[strings.LastIndexByte(authority, '@')+1:]
	host, number := authority, ""
	if colon := strings.LastIndexByte(authority, ':'); colon > strings.LastIndexByte(authority, ']') {
		host, number = authority[:colon], authority[colon+1:]
	}
	if special {
		if host, ok = hostOf(host); !ok {
			return u, false
		}
	}
	if number != "" {
		n, err := strconv.ParseUint(number, 10, 16)
		if err != nil {
			return u, false
		}
		if number = strconv.FormatUint(n, 10); number != port {
			host += ":" + number
		}
	}
	u.host = host
	u.path, ok = climbed(path, special)
	return u, ok
}

func isScheme(s string) bool {
	for i, c := range []byte(s) {
		letter := 'a' <= c|0x20 && c|0x20 <= 'z'
		if !letter && (i == 0 || (c < '0' || c > '9') && c != '+' && c != '-' && c != '.') {
			return false
		}
	}
	return s != ""
}

// hostOf is the host parser (section 3.5) for schemes whose hosts are domains.
func hostOf(host string) (string, bool) {
	if strings.HasPrefix(host, "[") {
		address, err := netip.ParseAddr(strings.Trim(host, "[]"))
		return "[" + address.String() + "]", err == nil
	}
	text, err := url.PathUnescape(host)
	if err != nil {
		text = host // a percent sign that encodes nothing is refused below
	}
	text, err = idna.New(idna.MapForLookup(), idna.Transitional(false), idna.StrictDomainName(false), idna.CheckHyphens(false)).ToASCII(text)
	if err != nil || text == "" || strings.ContainsAny(text, "\x00\t\n\r #/:<>?@[\\]^|%\x7f") {
		return "", false
	}
	// A name whose last part is a number is an address: 0x7f.1 is 127.0.0.1.
	parts := strings.Split(strings.TrimSuffix(text, "."), ".")
	if _, err := strconv.ParseUint(parts[len(parts)-1], 0, 64); err != nil {
		return text, true
	}
	var address uint64
	for i, part := range parts {
		n, err := strconv.ParseUint(part, 0, 32)
		last := i == len(parts)-1
		switch {
		case err != nil || len(parts) > 4 || !last && n > 255 || last && n >= 1<<(8*(5-len(parts))):
			return "", false
		case last:
			address += n
		default:
			address += n << (8 * (3 - i))
		}
	}
	return netip.AddrFrom4([4]byte{byte(address >> 24), byte(address >> 16), byte(address >> 8), byte(address)}).String(), true
}

// climbed resolves the dots of a path, encoded ones too, and decodes it.
func climbed(path string, special bool) (string, bool) {
	if special {
		path = strings.ReplaceAll(path, `\`, "/")
	}
	var segments []string
	for segment := range strings.SplitSeq(strings.TrimPrefix(path, "/"), "/") {
		switch strings.ReplaceAll(strings.ToLower(segment), "%2e", ".") {
		case ".":
		case "..":
			segments = segments[:max(0, len(segments)-1)]
		default:
			segments = append(segments, segment)
		}
	}
	decoded, err := url.PathUnescape("/" + strings.Join(segments, "/"))
	return decoded, err == nil
}

// TestAsBrowser holds the reading above to examples of the standard, so that a
// test which relies on it relies on something.
func TestAsBrowser(t *testing.T) {
	for raw, want := range map[string]string{
		"https://example.org/a":                        "https example.org /a",
		"https:example.org":                            "https example.org /",
		`https:\\example.org\a`:                        "https example.org /a",
		"https:///example.org/":                        "https example.org /",
		"HTTPS://EXAMPLE.ORG:443":                      "https example.org /",
		"https://example.org:0444/":                    "https example.org:444 /",
		"https://user:p@ss@evil.example/":              "https evil.example /",
		`https://good.example\@evil.example/`:          "https good.example /@evil.example/",
		"ht\ntps://exa\tmple.org/":                     "https example.org /",
		"https://ex%61mple.org/":                       "https example.org /",
		"https://ＥＸＡＭＰＬＥ．org/":                         "https example.org /",
		"https://bücher.example/":                      "https xn--bcher-kva.example /",
		"https://good.example。evil.example/":           "https good.example.evil.example /",
		"http://0x7f.1/":                               "http 127.0.0.1 /",
		"http://2130706433/":                           "http 127.0.0.1 /",
		"http://0177.0.0.1/":                           "http 127.0.0.1 /",
		"http://256.0.0.1/":                            "",
		"http://[::1]:80/":                             "http [::1] /",
		"https://good.example%2f.evil.example/":        "",
		"https://good.example／evil.example/":           "",
		"https://example.org/a/../b/./c/%2e%2E/d":      "https example.org /b/d",
		"https://example.org/a%2f..%2fb":               "https example.org /a/../b",
		"contract://callback/x":                        "contract callback /x",
		"contract:/callback":                           "contract  /callback",
		"https://example.org?x=/../y#https://evil.org": "https example.org /",
		"//example.org":                                "",
		"https://":                                     "",
		"https://example.org:x/":                       "",
	} {
		got := ""
		if u, ok := asBrowser(raw); ok {
			got = u.scheme + " " + u.host + " " + u.path
		}
		if got != want {
			t.Errorf("%q is %q, want %q", raw, got, want)
		}
	}
}
