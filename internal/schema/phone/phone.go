package phone

import (
	"regexp"
	"slices"
)

// plan is how the numbers of a territory look, without the calling code. Several
// territories share some of the codes; the first of them is the main one.
type plan struct {
	// leading is how numbers begin that belong here and not to another
	// territory with the same code; nil where the kinds tell.
	leading func() *regexp.Regexp
	// prefix is what people dial before a number at home and sometimes write
	// after the calling code too, and transform what to put in its place.
	// It is nil where there is no such thing.
	prefix    func() *regexp.Regexp
	transform string
	// general is what all numbers have in common. kinds are those of landlines,
	// of mobile phones and so on.
	general kind
	kinds   []kind
}

// kind is a kind of number.
type kind struct {
	lengths []int // none: those of all numbers of the territory
	pattern func() *regexp.Regexp
}

func (k kind) has(number string) bool {
	return (len(k.lengths) == 0 || slices.Contains(k.lengths, len(number))) && k.pattern().MatchString(number)
}

// E164 reads an international number, digits only and beginning with the calling
// code, and gives it with a plus sign in front. It is not ok if there can be no
// such number.
func E164(digits string) (string, bool) {
	code, plans := country(digits)
	number := digits[len(code):]
	if plans == nil {
		return "", false
	}
	if without := plans[0].withoutPrefix(number); slices.Contains(plans[0].general.lengths, len(without)) {
		number = without
	}
	if !assigned(plans, number) {
		return "", false
	}
	return "+" + code + number, true
}

// country gives the calling code that the digits begin with. No code is the
// beginning of another one.
func country(digits string) (code string, plans []*plan) {
	for n := 1; n <= min(3, len(digits)); n++ {
		if plans := known()[digits[:n]]; plans != nil {
			return digits[:n], plans
		}
	}
	return "", nil
}

// withoutPrefix takes off what is dialled at home only, unless that spoils a
// number that is right as it stands.
func (p *plan) withoutPrefix(number string) string {
	if p.prefix == nil {
		return number
	}
	found := p.prefix().FindStringSubmatchIndex(number)
	if found == nil {
		return number
	}
	without := number[found[1]:]
	if last := found[len(found)-2]; p.transform != "" && last >= 0 {
		without = p.prefix().ReplaceAllString(number, p.transform)
	}
	if pattern := p.general.pattern(); pattern.MatchString(number) && !pattern.MatchString(without) {
		return number
	}
	return without
}

// assigned says whether a number is of one of the kinds of its territory.
func assigned(plans []*plan, number string) bool {
	if len(plans) == 1 {
		return plans[0].assigned(number)
	}
	for _, p := range plans {
		switch {
		case p.leading == nil:
			if p.assigned(number) {
				return true
			}
		case p.leading().MatchString(number):
			return p.assigned(number)
		}
	}
	return false
}

func (p *plan) assigned(number string) bool {
	return p.general.has(number) && slices.ContainsFunc(p.kinds, func(k kind) bool { return k.has(number) })
}
