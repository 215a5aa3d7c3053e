package flow

import (
	"strings"
	"unicode"
)

// PlainCode is a code that somebody has copied into a field: without the spaces and
// dashes by which messages, apps and people group it, and in the digits 0 to 9, whatever
// keyboard it was typed on.
func PlainCode(typed string) string {
	return strings.Map(func(r rune) rune {
		for _, zero := range []rune{'０', '٠', '۰'} { // full-width, Arabic, Persian
			if zero <= r && r <= zero+9 {
				return '0' + r - zero
			}
		}
		if unicode.IsSpace(r) || unicode.Is(unicode.Pd, r) || unicode.Is(unicode.Cf, r) {
			return -1 // marks of direction come along with what is copied
		}
		return r
	}, typed)
}
