package test

import (
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"

	"zelus/test/server"
)

const scenarioList = "contract-scenarios.txt"

// TestScenariosOnlyGrow refuses a change that takes a scenario off the list of
// those that hold. It compares with the last commits, and with the point where
// this branch left the main branch, as far as git knows them here.
func TestScenariosOnlyGrow(t *testing.T) {
	b, err := os.ReadFile(scenarioList)
	if err != nil {
		t.Fatal(err)
	}
	now, err := scenarios(string(b))
	if err != nil {
		t.Fatalf("%s: %v", scenarioList, err)
	}
	compared := 0
	for _, revision := range earlier(t) {
		old, err := git(t, "show", revision+":test/"+scenarioList)
		if err != nil {
			continue // this revision has no list yet, or is not in a shallow clone
		}
		compared++
		then, err := scenarios(old)
		if err != nil {
			t.Fatalf("%s of %s: %v", scenarioList, revision, err)
		}
		for _, gone := range missing(then, now) {
			t.Errorf("%s: %s was there in %s and is gone; the list may only grow", scenarioList, gone, revision)
		}
	}
	if compared == 0 {
		t.Skip("git has no earlier version of the list here: nothing to compare with")
	}
}

// earlier names the revisions to compare with.
func earlier(t *testing.T) []string {
	revisions := []string{"HEAD", "HEAD~1"}
	for _, main := range []string{"main", "origin/main"} {
		if base, err := git(t, "merge-base", "HEAD", main); err == nil {
			revisions = append(revisions, strings.TrimSpace(base))
		}
	}
	return revisions
}

func git(t *testing.T, args ...string) (string, error) {
	t.Helper()
	root, err := server.Root()
	if err != nil {
		t.Fatal(err)
	}
	// The clone may belong to another user, as it does in some CI systems.
	cmd := exec.CommandContext(t.Context(), "git", append([]string{"-c", "safe.directory=*", "-C", root}, args...)...)
	out, err := cmd.Output()
	return string(out), err
}

// scenarios reads a list: one name a line, sorted, each once; # begins a
// comment.
func scenarios(text string) ([]string, error) {
	var names []string
	for i, line := range strings.Split(text, "\n") {
		name, _, _ := strings.Cut(line, "#")
		name = strings.TrimSpace(name)
		if name == "" {
			continue
		}
		if strings.ContainsFunc(name, func(r rune) bool { return r != '_' && (r < 'a' || r > 'z') && (r < '0' || r > '9') }) {
			return nil, fmt.Errorf("line %d: %q is not the name of a scenario", i+1, name)
		}
		if len(names) > 0 && names[len(names)-1] >= name {
			return nil, fmt.Errorf("line %d: %s must stand before %s, and only once", i+1, name, names[len(names)-1])
		}
		names = append(names, name)
	}
	return names, nil
}

// missing gives the names in then that are not in now.
func missing(then, now []string) []string {
	return slices.DeleteFunc(slices.Clone(then), func(name string) bool { return slices.Contains(now, name) })
}

func TestScenarios(t *testing.T) {
	tests := []struct {
		name, text string
		want       []string
		ok         bool
	}{
		{"a list", "# comment\n\naal_refresh\nlogin_2 # why\n", []string{"aal_refresh", "login_2"}, true},
		{"not sorted", "b\na\n", nil, false},
		{"twice", "a\na\n", nil, false},
		{"an expression", "login_.*\n", nil, false},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			got, err := scenarios(test.text)
			if !slices.Equal(got, test.want) || (err == nil) != test.ok {
				t.Errorf("scenarios = %q, %v; want %q", got, err, test.want)
			}
		})
	}
	if got := missing([]string{"a", "b"}, []string{"b", "c"}); !slices.Equal(got, []string{"a"}) {
		t.Errorf("missing = %q, want a", got)
	}
}
