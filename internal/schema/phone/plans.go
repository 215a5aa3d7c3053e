package phone

import (
	_ "embed"
	"regexp"
	"strconv"
	"strings"
	"sync"
)

// text is the numbering plans, one in each line. Its columns are the calling
// code, the territory, leading, prefix and transform of the plan, the lengths and
// the pattern of all its numbers, and the same two of each kind.
//
//go:embed plans.tsv
var text string

// known gives all plans by calling code, the main one first.
var known = sync.OnceValue(func() map[string][]*plan {
	plans := map[string][]*plan{}
	for line := range strings.Lines(text) {
		cells := strings.Split(strings.TrimSuffix(line, "\n"), "\t")
		p := &plan{leading: beginning(cells[2]), prefix: beginning(cells[3]), transform: cells[4], general: readKind(cells[5:])}
		for at := 7; at < len(cells); at += 2 {
			p.kinds = append(p.kinds, readKind(cells[at:]))
		}
		plans[cells[0]] = append(plans[cells[0]], p)
	}
	return plans
})

func readKind(cells []string) kind {
	return kind{lengths(cells[0]), lazily("^(?:" + cells[1] + ")$")}
}

// lengths reads numbers with commas between them.
func lengths(cell string) []int {
	var all []int
	for text := range strings.SplitSeq(cell, ",") {
		if n, err := strconv.Atoi(text); err == nil { // an empty cell has none
			all = append(all, n)
		}
	}
	return all
}

// beginning is a pattern of how something begins; nil for an empty one.
func beginning(pattern string) func() *regexp.Regexp {
	if pattern == "" {
		return nil
	}
	return lazily("^(?:" + pattern + ")")
}

// lazily compiles a pattern when it is first needed: most countries are never
// asked for.
func lazily(pattern string) func() *regexp.Regexp {
	return sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(pattern) })
}
