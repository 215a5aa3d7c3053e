package templates

import (
	"errors"
	"fmt"
	"strings"
	"text/template"

	"github.com/Masterminds/sprig/v3"

	"zelus/internal/override"
)

// maxCount bounds what functions repeat or count to.
const maxCount = 10_000

// refused are functions of sprig that have no place in a mail: they compute keys
// and hashes for seconds.
var refused = []string{"genPrivateKey", "genCA", "genCAWithKey", "genSelfSignedCert", "genSelfSignedCertWithKey", "genSignedCert",
	"genSignedCertWithKey", "buildCustomCert", "derivePassword", "bcrypt", "htpasswd", "encryptAES", "decryptAES"}

var errCount = fmt.Errorf("a template counts to %d at most", maxCount)

// functions are those that operators' templates have: those of sprig that
// depend on nothing outside, as in Kratos, with bounds where a number decides how
// much memory is used.
func functions() template.FuncMap {
	all := sprig.HermeticTxtFuncMap()
	for _, name := range refused {
		delete(all, name)
	}
	all["repeat"] = func(count int, s string) (string, error) {
		if count > maxCount || count > 0 && len(s) > override.MaxOutput/count {
			return "", errCount
		}
		return strings.Repeat(s, max(count, 0)), nil
	}
	all["until"] = func(count int) ([]int, error) {
		if count < 0 {
			return countTo(0, count, -1)
		}
		return countTo(0, count, 1)
	}
	all["untilStep"] = countTo
	all["seq"] = seq
	all["indent"] = func(spaces int, s string) (string, error) {
		pad, err := padding(spaces, s)
		return pad + strings.ReplaceAll(s, "\n", "\n"+pad), err
	}
	all["nindent"] = func(spaces int, s string) (string, error) {
		pad, err := padding(spaces, s)
		return "\n" + pad + strings.ReplaceAll(s, "\n", "\n"+pad), err
	}
	all["replace"] = func(old, new, s string) (string, error) {
		if len(s)+strings.Count(s, old)*len(new) > override.MaxOutput {
			return "", override.ErrOutput
		}
		return strings.ReplaceAll(s, old, new), nil
	}
	return all
}

// countTo counts from start to before stop, up or down.
func countTo(start, stop, step int) ([]int, error) {
	all := []int{}
	for n := start; step > 0 && n < stop || step < 0 && n > stop; n += step {
		if len(all) == maxCount {
			return nil, errCount
		}
		all = append(all, n)
	}
	return all, nil
}

// seq counts like the command of Unix: to last, from first, by step. The numbers
// stand in one text, with spaces.
func seq(numbers ...int) (string, error) {
	first, step, last := 1, 1, 0
	switch len(numbers) {
	case 0:
		return "", nil
	case 1:
		last = numbers[0]
	case 2:
		first, last = numbers[0], numbers[1]
	case 3:
		first, step, last = numbers[0], numbers[1], numbers[2]
	default:
		return "", errors.New("seq takes three numbers at most")
	}
	if len(numbers) < 3 && last < first {
		step = -1
	}
	stop := last + 1
	if step < 0 {
		stop = last - 1
	}
	all, err := countTo(first, stop, step)
	return strings.Trim(fmt.Sprint(all), "[]"), err
}

// padding is what stands before each line of an indented text.
func padding(spaces int, s string) (string, error) {
	if spaces > maxCount || spaces > 0 && strings.Count(s, "\n")+1 > override.MaxOutput/spaces {
		return "", errCount
	}
	return strings.Repeat(" ", max(spaces, 0)), nil
}
