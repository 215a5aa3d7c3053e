package password

import (
	"context"
	"log/slog"
	"strings"
	"unicode/utf8"

	"zelus/internal/auth"
	"zelus/internal/method/password/breached"
	"zelus/internal/ui"
)

// MaxLength is the longest password in Unicode code points that may be chosen.
// It bounds the work of checking and hashing one; NIST SP 800-63B-4 section
// 3.1.1.2 asks for at least 64.
const MaxLength = 1024

// Policy says which passwords may be chosen, as NIST SP 800-63B-4 section
// 3.1.1.2 advises: by length and against lists of what others have used, not by
// kinds of characters. It is asked when a password is set, never at sign-in.
type Policy struct {
	// MinLength is counted in Unicode code points, as people count, and not in
	// bytes.
	MinLength int
	// SimilarityCheck refuses passwords that are like an identifier.
	SimilarityCheck bool
	// MaxBreaches is how often a password may have been seen in breaches. With
	// 0, those that this program knows itself are refused too.
	MaxBreaches int
	// AllowCommon switches off the list that this program knows itself.
	AllowCommon bool
	// Range asks a service about breaches; nil asks nobody.
	Range *RangeAPI
	// IgnoreNetworkErrors accepts a password when the service does not answer,
	// with a warning to Log, which must be set then.
	IgnoreNetworkErrors bool
	Log                 *slog.Logger
}

// Check says what is wrong with a password for somebody with these identifiers:
// the first thing, or nil. The error is auth.ErrUpstream when the breach service
// does not answer, or that of the context.
func (p *Policy) Check(ctx context.Context, password string, identifiers []string) (*ui.Message, error) {
	length := utf8.RuneCountInString(password)
	switch {
	case length < p.MinLength:
		return say(ui.ErrorPasswordMinLength, "min_length", p.MinLength, "actual_length", length), nil
	case length > MaxLength:
		return say(ui.ErrorMaxLength, "max_length", MaxLength, "actual_length", length), nil
	case p.SimilarityCheck && similarToAny(password, identifiers):
		return say(ui.ErrorPasswordTooSimilar), nil
	}
	breaches, err := p.breaches(ctx, password)
	if err != nil {
		return nil, err
	}
	if breaches > p.MaxBreaches {
		return say(ui.ErrorPasswordBreached, "breaches", breaches), nil
	}
	return nil, nil
}

// breaches is how often a password is known to have been seen. A common one that
// need not be counted any further has been seen once.
func (p *Policy) breaches(ctx context.Context, password string) (int, error) {
	if !p.AllowCommon && p.MaxBreaches < 1 && breached.Common(password) {
		return 1, nil
	}
	if p.Range == nil {
		return 0, nil
	}
	n, err := p.Range.Breaches(ctx, password)
	switch {
	case err == nil:
		return n, nil
	case ctx.Err() != nil:
		return 0, ctx.Err() // nobody waits for the answer any more
	case p.IgnoreNetworkErrors:
		p.Log.WarnContext(ctx, "A password was accepted without asking the breach service, which did not answer.",
			"setting", "selfservice.methods.password.config.haveibeenpwned_host", "host", p.Range.Host, "error", err)
		return 0, nil
	}
	return 0, auth.ErrUpstream.Because(err).Saying("The password could not be checked against known breaches. Try again shortly.")
}

const (
	// minDistance is how many letters of an identifier must be changed, added
	// or removed to make an acceptable password of it.
	minDistance = 5
	// Longer passwords and identifiers are not compared, and of many identifiers
	// only the first: the work grows with the product of all three.
	maxCompared    = 256 // code points
	maxIdentifiers = 50
	// minLocalPart is the shortest local part of an e-mail address that is
	// compared by itself.
	minLocalPart = 3
)

// similarToAny says whether a password is like one of the identifiers, or like
// the part before the @ of one, whatever the case of the letters.
func similarToAny(password string, identifiers []string) bool {
	typed := []rune(strings.ToLower(password))
	if len(typed) > maxCompared {
		return false
	}
	for _, identifier := range identifiers[:min(len(identifiers), maxIdentifiers)] {
		if identifier == "" || utf8.RuneCountInString(identifier) > maxCompared {
			continue
		}
		whole := []rune(strings.ToLower(identifier))
		if similar(typed, whole) {
			return true
		}
		local, _, isAddress := strings.Cut(string(whole), "@")
		if isAddress && utf8.RuneCountInString(local) >= minLocalPart && distance(typed, []rune(local)) < minDistance {
			return true
		}
	}
	return false
}

// similar says whether a password can be made of an identifier with few changes,
// or is for more than a half a piece of it.
func similar(password, identifier []rune) bool {
	return distance(password, identifier) < minDistance || 2*longestCommon(password, identifier) > len(password)
}

// distance is the Levenshtein distance: how many letters must be changed, added
// or removed to make b of a.
func distance(a, b []rune) int {
	row := make([]int, len(b)+1) // the distances of what was seen of a to each beginning of b
	for j := range row {
		row[j] = j
	}
	for i, letter := range a {
		diagonal := row[0]
		row[0] = i + 1
		for j, other := range b {
			change := diagonal
			if letter != other {
				change++
			}
			diagonal = row[j+1]
			row[j+1] = min(change, row[j]+1, diagonal+1)
		}
	}
	return row[len(b)]
}

// longestCommon is the length of the longest string that is part of both.
func longestCommon(a, b []rune) int {
	longest := 0
	row := make([]int, len(b)+1) // how far what was seen of a and each beginning of b end alike
	for _, letter := range a {
		diagonal := 0
		for j, other := range b {
			ending := 0
			if letter == other {
				ending = diagonal + 1
			}
			diagonal, row[j+1] = row[j+1], ending
			longest = max(longest, ending)
		}
	}
	return longest
}

func say(id int, context ...any) *ui.Message {
	m := ui.Say(id, context...)
	return &m
}
