// Command gen writes plans.tsv, the numbering plans of package phone, from
// those of the library.
package main

import (
	"cmp"
	"flag"
	"fmt"
	"os"
	"slices"
	"strings"

	"github.com/nyaruka/phonenumbers"
)

//go:generate go run . -out ../plans.tsv

func main() {
	out := flag.String("out", "plans.tsv", "the file to write")
	flag.Parse()
	if err := run(*out); err != nil {
		fmt.Fprintln(os.Stderr, "gen:", err)
		os.Exit(1)
	}
}

func run(out string) error {
	plans, err := phonenumbers.MetadataCollection()
	if err != nil {
		return err
	}
	all := plans.GetMetadata()
	// Which of several territories is asked first is for the library to say.
	place := func(m *phonenumbers.PhoneMetadata) int {
		return slices.Index(phonenumbers.GetRegionCodesForCountryCode(int(m.GetCountryCode())), m.GetId())
	}
	all = slices.DeleteFunc(slices.Clone(all), func(m *phonenumbers.PhoneMetadata) bool { return place(m) < 0 })
	slices.SortFunc(all, func(a, b *phonenumbers.PhoneMetadata) int {
		return cmp.Or(cmp.Compare(a.GetCountryCode(), b.GetCountryCode()), cmp.Compare(place(a), place(b)))
	})
	var text strings.Builder
	for _, m := range all {
		text.WriteString(strings.Join(line(m), "\t") + "\n")
	}
	return os.WriteFile(out, []byte(text.String()), 0o644)
}

func line(m *phonenumbers.PhoneMetadata) []string {
	general := m.GetGeneralDesc()
	cells := []string{fmt.Sprint(m.GetCountryCode()), m.GetId(), m.GetLeadingDigits(), m.GetNationalPrefixForParsing(), m.GetNationalPrefixTransformRule(),
		lengths(general.GetPossibleLength()), general.GetNationalNumberPattern()}
	var seen []string // landlines and mobile phones are often the same
	for _, kind := range []*phonenumbers.PhoneNumberDesc{m.GetFixedLine(), m.GetMobile(), m.GetTollFree(), m.GetPremiumRate(), m.GetSharedCost(),
		m.GetVoip(), m.GetPersonalNumber(), m.GetPager(), m.GetUan(), m.GetVoicemail()} {
		cell := lengths(kind.GetPossibleLength()) + "\t" + kind.GetNationalNumberPattern()
		none := slices.Equal(kind.GetPossibleLength(), []int32{-1}) || kind.GetNationalNumberPattern() == ""
		if !none && !slices.Contains(seen, cell) {
			seen = append(seen, cell)
		}
	}
	return append(cells, seen...)
}

func lengths(all []int32) string {
	return strings.Trim(strings.ReplaceAll(fmt.Sprint(all), " ", ","), "[]")
}
