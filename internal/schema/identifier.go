package schema

import (
	"errors"
	"net/mail"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/cases"
	"golang.org/x/text/language"
	"golang.org/x/text/secure/precis"
	"golang.org/x/text/unicode/norm"
	"golang.org/x/text/width"

	"zelus/internal/auth"
	"zelus/internal/schema/phone"
)

// maxIdentifier is the most characters that an identifier may have: the
// longest e-mail address (RFC 3696 erratum 1690 and before: 64 + 1 + 255).
const maxIdentifier = 320

// maxRounds is how often an identifier is normalized at most. Two rounds change
// something, the third finds that nothing does.
const maxRounds = 4

// What an identifier can be refused for. The texts are for the person who
// typed it.
var (
	errIdentifierRunes = errors.New("it contains characters that cannot be seen or told apart")
	errIdentifierLong  = errors.New("it is too long")
)

// NormalizeIdentifier gives the one form in which an identifier or an address
// is stored and compared, so that two that look the same are the same:
// trimmed, width-folded, lower-cased, NFKC, checked by the Freeform class and
// the bidi rule of PRECIS (RFC 8264 sections 4.3 and 7); phone numbers in
// E.164. It refuses invisible, control, private-use and unassigned characters.
// An identifier of nothing but space becomes "".
func NormalizeIdentifier(s string) (string, error) {
	// Normalizing can bring about what was dealt with before: the sign ™ becomes
	// two capital letters. So it is repeated until nothing changes (RFC 8264
	// section 7).
	for range maxRounds {
		out, err := normalizeOnce(s)
		if err != nil || out == s {
			return out, err
		}
		s = out
	}
	return "", errIdentifierRunes
}

func normalizeOnce(s string) (string, error) {
	s = strings.TrimSpace(s)
	switch {
	case s == "":
		return "", nil
	case utf8.RuneCountInString(s) > maxIdentifier:
		return "", errIdentifierLong
	case strings.ContainsFunc(s, forbidden):
		return "", errIdentifierRunes
	}
	if number, ok := phoneNumber(s); ok {
		return number, nil
	}
	// The profile holds a caser, which has state: one for each call.
	profile := precis.NewFreeform(precis.FoldWidth, precis.LowerCase(), precis.Norm(norm.NFKC), precis.BidiRule)
	out, err := profile.String(s)
	if err != nil {
		return "", errIdentifierRunes
	}
	return strings.TrimSpace(out), nil
}

// LookupIdentifier gives the form of NormalizeIdentifier for something that
// is only looked up: it never fails, but drops the characters that could not
// have been stored.
func LookupIdentifier(s string) string {
	s = strings.TrimSpace(strings.Map(func(r rune) rune {
		if forbidden(r) {
			return -1
		}
		return r
	}, firstRunes(s, 4*maxIdentifier)))
	if out, err := NormalizeIdentifier(s); err == nil {
		return out
	}
	for range maxRounds {
		s = strings.TrimSpace(norm.NFKC.String(cases.Lower(language.Und).String(width.Fold.String(s))))
	}
	return s
}

// ReadAddress reads an e-mail address or an international phone number that
// somebody typed, and gives it as addresses of identities are kept. It is not
// ok where it is neither.
func ReadAddress(typed string) (Address, bool) {
	normal, err := NormalizeIdentifier(typed)
	switch {
	case err != nil:
	case emailAddress(typed) && emailAddress(normal):
		return Address{auth.ViaEmail, normal}, true
	default:
		if number, ok := phoneNumber(typed); ok {
			return Address{auth.ViaSMS, number}, true
		}
	}
	return Address{}, false
}

// forbidden says which characters no identifier has: all but letters, marks,
// digits, punctuation, symbols and the spaces; and of these not the invisible
// ones (Unicode: Default_Ignorable_Code_Point). Bidi controls are among them.
func forbidden(r rune) bool {
	if r == utf8.RuneError {
		return true
	}
	return !unicode.In(r, unicode.L, unicode.M, unicode.N, unicode.P, unicode.S, unicode.Zs) ||
		unicode.In(r, unicode.Other_Default_Ignorable_Code_Point, unicode.Variation_Selector)
}

// phoneNumber reads an international phone number ("+49 30 1234567") and
// gives it in E.164 (ITU-T) if it can exist.
func phoneNumber(s string) (string, bool) {
	s = strings.TrimSpace(width.Fold.String(firstRunes(s, 64)))
	written, international := strings.CutPrefix(s, "+")
	if !international {
		return "", false
	}
	digits := strings.Map(func(r rune) rune {
		if strings.ContainsRune(" ()-./\u00a0", r) {
			return -1
		}
		return r
	}, written)
	if strings.Trim(digits, "0123456789") != "" {
		return "", false
	}
	return phone.E164(digits)
}

// emailAddress says whether s is an e-mail address (RFC 5322 addr-spec) and
// nothing else: no name, no comment, no quotes. Spaces around it are
// forgiven; they are cut off when it is stored as an address.
func emailAddress(s string) bool {
	s = strings.Trim(s, " ")
	local, domain, _ := strings.Cut(s, "@")
	if len(local) > 64 || len(domain) > 255 || strings.ContainsFunc(s, unicode.IsControl) {
		return false
	}
	parsed, err := mail.ParseAddress(s)
	return err == nil && parsed.Name == "" && parsed.Address == s
}

// firstRunes is s without what comes after its first n characters.
func firstRunes(s string, n int) string {
	count := 0
	for i := range s {
		if count == n {
			return s[:i]
		}
		count++
	}
	return s
}
