package phone

import (
	"strings"
	"testing"

	"github.com/nyaruka/phonenumbers"
)

// library is E164 as Kratos has it.
func library(digits string) (string, bool) {
	number, err := phonenumbers.Parse("+"+digits, "")
	if err != nil || !phonenumbers.IsValidNumber(number) {
		return "", false
	}
	return phonenumbers.Format(number, phonenumbers.E164), true
}

func compare(t *testing.T, digits string) {
	t.Helper()
	got, ok := E164(digits)
	if want, wanted := library(digits); got != want || ok != wanted {
		t.Errorf("E164(%q) = %q %v, the library says %q %v", digits, got, ok, want, wanted)
	}
}

// TestExamples tries a number of each kind that each territory has, and what
// people make of it: with what is dialled at home, too short, too long, with
// another digit in each place.
func TestExamples(t *testing.T) {
	plans, err := phonenumbers.MetadataCollection()
	if err != nil {
		t.Fatal(err)
	}
	examples := 0
	for _, m := range plans.GetMetadata() {
		code := phonenumbers.Format(&phonenumbers.PhoneNumber{CountryCode: m.CountryCode}, phonenumbers.E164)[1:]
		code = strings.TrimSuffix(code, "0")
		for _, kind := range []*phonenumbers.PhoneNumberDesc{m.GetGeneralDesc(), m.GetFixedLine(), m.GetMobile(), m.GetTollFree(), m.GetPremiumRate(), m.GetSharedCost(),
			m.GetVoip(), m.GetPersonalNumber(), m.GetPager(), m.GetUan(), m.GetVoicemail()} {
			number := kind.GetExampleNumber()
			if number == "" {
				continue
			}
			examples++
			compare(t, code+number)
			for _, dialled := range []string{m.GetNationalPrefix(), "9", "15", "0", "00", "1", "8", "06", "044", code} {
				compare(t, code+dialled+number)
			}
			for n := range number {
				compare(t, code+number[:n])
				compare(t, code+number[n:])
				compare(t, code+number+number[:n])
				for _, digit := range "0123456789" {
					compare(t, code+number[:n]+string(digit)+number[n+1:])
				}
			}
		}
	}
	if examples < 500 {
		t.Errorf("only %d examples were tried", examples)
	}
}

// TestCodes tries every beginning of four digits.
func TestCodes(t *testing.T) {
	for n := range 10_000 {
		digits := string([]byte{'0' + byte(n/1000), '0' + byte(n/100%10), '0' + byte(n/10%10), '0' + byte(n%10)})
		for _, rest := range []string{"", "0", "234567", "2345678", "00000000", "123456789012", "1234567890123456"} {
			compare(t, digits+rest)
		}
	}
}

func FuzzE164(f *testing.F) {
	for _, digits := range []string{"", "0", "49", "4930901820", "14155552671", "393123456789", "390236618300", "5491123456789", "5215512345678", "80012345678", "447911123456", "7495123456789"} {
		f.Add(digits)
	}
	f.Fuzz(func(t *testing.T, digits string) {
		if len(digits) < 64 && strings.Trim(digits, "0123456789") == "" {
			compare(t, digits)
		}
	})
}
