package test

import (
	"fmt"
	"os"
	"regexp"
	"strings"
	"testing"
)

// unrelated holds scenario names and differences that no deliberate difference
// can be about. The differences have the forms that the contract tool prints.
var (
	unrelatedScenarios = []string{
		"lanterns_in_the_harbour", "aaa", "q", "boat7", "xyz_jkv_wqf",
	}
	unrelatedDifferences = []string{
		"light the lantern: not reached",
		`light the lantern: status: want 299, got 598`,
		`light the lantern: headers.x-lantern: missing, want "amber"`,
		`light the lantern: headers.x-lantern: unexpected "amber"`,
		`light the lantern: cookies.lantern: want {"path": "/quay"}, got null`,
		`light the lantern: body.harbour.lanterns[7].colour: want "amber", got "slate"`,
		`light the lantern: body.harbour.lanterns: want 3 items [north, south, west], got 2 items [north, west]`,
		`light the lantern: body: want {"harbour": "open"}, got "<text>"`,
		`light the lantern: value.lanterns[0].lit: want true, got false`,
	}
	hides = regexp.MustCompile(`^# hides [1-9][0-9]*$`)
)

// TestDivergences refuses an entry that hides more than one deliberate
// difference: how many it really hides is counted where the contract is played.
func TestDivergences(t *testing.T) {
	b, err := os.ReadFile("divergences.txt")
	if err != nil {
		t.Fatal(err)
	}
	for _, complaint := range checkDivergences(string(b)) {
		t.Errorf("divergences.txt:%s", complaint)
	}
}

// checkDivergences gives what is wrong with the text of a divergences file,
// each complaint with its line.
func checkDivergences(text string) []string {
	var wrong []string
	above := ""
	seen := map[string]bool{}
	for i, line := range strings.Split(text, "\n") {
		if strings.TrimSpace(line) != "" && !strings.HasPrefix(line, "#") {
			complain := func(format string, args ...any) {
				wrong = append(wrong, fmt.Sprintf("%d: ", i+1)+fmt.Sprintf(format, args...))
			}
			if !hides.MatchString(strings.TrimSpace(above)) {
				complain("the line above must be # hides N, where N is the number of differences it hides")
			}
			if err := checkDivergence(line); err != nil {
				complain("%v", err)
			}
			if seen[line] {
				complain("the same entry stands above already")
			}
			seen[line] = true
		}
		above = line
	}
	return wrong
}

func checkDivergence(line string) error {
	parts := strings.Split(line, "::")
	if len(parts) != 3 {
		return fmt.Errorf("want SCENARIO :: DIFFERENCE :: REASON, got %d parts", len(parts))
	}
	for i := range parts {
		parts[i] = strings.TrimSpace(parts[i])
	}
	if err := specific("SCENARIO", parts[0], unrelatedScenarios); err != nil {
		return err
	}
	if err := specific("DIFFERENCE", parts[1], unrelatedDifferences); err != nil {
		return err
	}
	if len(strings.Fields(parts[2])) < 4 || !strings.HasSuffix(parts[2], ".") {
		return fmt.Errorf("REASON must be a sentence that ends with a full stop")
	}
	return nil
}

// specific refuses an expression that matches nothing in particular.
func specific(part, expression string, unrelated []string) error {
	if expression == "" {
		return fmt.Errorf("%s is empty", part)
	}
	re, err := regexp.Compile(expression)
	if err != nil {
		return fmt.Errorf("%s: %v", part, err)
	}
	if re.MatchString("") {
		return fmt.Errorf("%s %q matches anything", part, expression)
	}
	for _, u := range unrelated {
		if re.MatchString(u) {
			return fmt.Errorf("%s %q is too wide: it matches %q, too", part, expression, u)
		}
	}
	return nil
}

func TestCheckDivergences(t *testing.T) {
	const reason = " :: The status says what happened."
	tests := []struct {
		name, text string
		ok         bool
	}{
		{"none", "# a comment\n\n", true},
		{"exact", "# hides 1\n^aal_refresh$ :: refresh: status: want 200, got 400" + reason, true},
		{"one name in several forms", "# hides 2\n^aal_(refresh|settings)$ :: body\\.error\\.code: want 500" + reason, true},
		{"any scenario", "# hides 1\n.* :: status: want 200, got 400" + reason, false},
		{"any scenario of some length", "# hides 1\n^.+$ :: status: want 200, got 400" + reason, false},
		{"any word", "# hides 1\n[a-z]+ :: status: want 200, got 400" + reason, false},
		{"no scenario", "# hides 1\n :: status: want 200, got 400" + reason, false},
		{"any difference", "# hides 1\naal_refresh :: .*" + reason, false},
		{"an optional difference", "# hides 1\naal_refresh :: (harbour)?" + reason, false},
		{"any status", "# hides 1\naal_refresh :: status" + reason, false},
		{"any values", "# hides 1\naal_refresh :: want .*, got" + reason, false},
		{"anything missing", "# hides 1\naal_refresh :: missing" + reason, false},
		{"any body", "# hides 1\naal_refresh :: body" + reason, false},
		{"any number of items", "# hides 1\naal_refresh :: want \\d+ items" + reason, false},
		{"not reached", "# hides 1\naal_refresh :: not reached" + reason, false},
		{"no difference", "# hides 1\naal_refresh ::" + reason, false},
		{"a broken expression", "# hides 1\naal_refresh :: (status" + reason, false},
		{"no reason", "# hides 1\naal_refresh :: status: want 200, got 400 ::", false},
		{"two parts", "# hides 1\naal_refresh :: status: want 200, got 400", false},
		{"no count", "aal_refresh :: status: want 200, got 400" + reason, false},
		{"a count of nothing", "# hides 0\naal_refresh :: status: want 200, got 400" + reason, false},
		{"twice", strings.Repeat("# hides 1\naal_refresh :: status: want 200, got 400"+reason+"\n", 2), false},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			if wrong := checkDivergences(test.text); (len(wrong) == 0) != test.ok {
				t.Errorf("complaints: %q, want none: %v", wrong, test.ok)
			}
		})
	}
}
