package config

import (
	"encoding/base64"
	"fmt"
	"math/bits"
	"net/mail"
	"net/netip"
	"net/url"
	"regexp"
	"strconv"
	"strings"

	"github.com/google/uuid"
)

// Bytes is an amount of memory in bytes. In the file it has a unit: B, KB, MB,
// GB, TB, PB or EB, each 1024 times the one before.
type Bytes uint64

const bytesPattern = `^[0-9]+(B|KB|MB|GB|TB|PB|EB)$`

// String writes the amount in the largest unit that needs no fraction.
func (b Bytes) String() string {
	unit := 0
	for b != 0 && b%1024 == 0 && unit < 6 {
		b /= 1024
		unit++
	}
	return strconv.FormatUint(uint64(b), 10) + [...]string{"B", "KB", "MB", "GB", "TB", "PB", "EB"}[unit]
}

func parseBytes(s string) (Bytes, bool) {
	digits := strings.TrimRight(s, "BKMGTPE")
	shift, known := map[string]int{"B": 0, "KB": 10, "MB": 20, "GB": 30, "TB": 40, "PB": 50, "EB": 60}[s[len(digits):]]
	n, err := strconv.ParseUint(digits, 10, 64)
	if !known || err != nil || bits.Len64(n)+shift > 63 {
		return 0, false
	}
	return Bytes(n) << shift, true
}

// Patterns of durations, by the format of the key.
const (
	durationPattern = `^([0-9]+(ns|us|ms|s|m|h))+$`
	singlePattern   = `^[0-9]+(ns|us|ms|s|m|h)$`
	nonzeroPattern  = `^([1-9][0-9]*(ns|us|ms|s|m|h))+$`
)

// durationFormat gives pattern and description of a duration.
func durationFormat(format string) (pattern, says string) {
	switch format {
	case "single":
		return singlePattern, "a duration with one unit, such as 90s or 1h"
	case "nonzero":
		return nonzeroPattern, "a duration above zero, such as 90s or 1h"
	}
	return durationPattern, "a duration in whole numbers of ns, us, ms, s, m and h, such as 90s or 1h30m"
}

// A version by the rules of semver.org, with a v in front; or nothing.
const versionPattern = `^(v(0|[1-9]\d*)\.(0|[1-9]\d*)\.(0|[1-9]\d*)(-[0-9a-zA-Z-]+(\.[0-9a-zA-Z-]+)*)?(\+[0-9a-zA-Z-]+(\.[0-9a-zA-Z-]+)*)?)?$`

// textFormat gives the pattern, for the JSON Schema, and the description of a
// format of texts. The pattern may be empty; checkText is the judge.
func textFormat(format string) (pattern, says string) {
	switch format {
	case "uri":
		return "", "a URL with a scheme, such as https://example.org/path"
	case "uri-reference":
		return "", "a URL, or a path on this server"
	case "http":
		return `^https?://`, "a URL that begins with http:// or https://"
	case "smtp":
		return `^smtps?://`, "a URL that begins with smtp:// or smtps://"
	case "source":
		return `^(https?|file|base64)://`, "a URL that begins with file://, http://, https:// or base64://"
	case "key-source":
		return `^(file|base64)://`, "a URL that begins with file:// or base64://"
	case "color":
		return `^#([0-9a-fA-F]{3}|[0-9a-fA-F]{6})$`, "a colour such as #1d5fc4"
	case "network":
		return "", "an IP address, or a network such as 10.0.0.0/8"
	case "origin":
		return "", "an origin such as https://app.example.org, or one with a * in it"
	case "host":
		return `^[^/\s]+$`, "a host name without scheme and path"
	case "email":
		return "", "an e-mail address without a name"
	case "uuid":
		return "", "a UUID"
	case "base64":
		return "", "base64 with padding"
	case "version":
		return versionPattern, "a version such as v1.2.3"
	case "dsn":
		return "", "one of " + dsnSchemes
	}
	return "", ""
}

// checkText says what is wrong with a text of the given format; empty if
// nothing is. The answer never repeats the text.
func checkText(format, s string) string {
	pattern, says := textFormat(format)
	ok := pattern == "" || regexp.MustCompile(pattern).MatchString(s)
	switch format {
	case "uri":
		u, err := url.Parse(s)
		ok = err == nil && u.IsAbs()
	case "uri-reference":
		_, err := url.Parse(s)
		ok = err == nil
	case "http", "smtp":
		_, err := url.Parse(s)
		ok = ok && err == nil
	case "source", "key-source":
		if encoded, is := strings.CutPrefix(s, "base64://"); ok && is {
			if _, err := base64.StdEncoding.DecodeString(encoded); err != nil {
				return "what follows base64:// is not standard base64 with padding"
			}
		}
	case "origin":
		u, err := url.Parse(s)
		ok = strings.Contains(s, "*") || err == nil && u.IsAbs()
	case "network":
		_, ok = parseNetwork(s)
	case "email":
		a, err := mail.ParseAddress(s)
		ok = err == nil && a.Name == "" && a.Address == s
	case "uuid":
		_, err := uuid.Parse(s)
		ok = err == nil && len(s) == 36
	case "base64":
		_, err := base64.StdEncoding.DecodeString(s)
		ok = err == nil
	case "dsn":
		if _, err := ParseDSN(s); err != nil {
			return err.Error()
		}
	}
	if !ok {
		return fmt.Sprintf("must be %s", says)
	}
	return ""
}

// parseNetwork reads a network, or an address as the network of itself alone.
func parseNetwork(s string) (netip.Prefix, bool) {
	if p, err := netip.ParsePrefix(s); err == nil {
		return p.Masked(), true
	}
	a, err := netip.ParseAddr(s)
	if err != nil {
		return netip.Prefix{}, false
	}
	p, err := a.Prefix(a.BitLen())
	return p, err == nil
}
