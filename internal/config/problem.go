package config

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// Origin is where a value comes from. The zero value means a default.
type Origin struct {
	// File and Line, counted from 1; Line is 0 where it is not known.
	File string
	Line int
	// Env is the name of an environment variable.
	Env string
	// Flag is the name of a flag, without dashes.
	Flag string

	order int // of the file among the files
}

// String names the origin for people; it is empty for a default.
func (o Origin) String() string {
	switch {
	case o.Env != "":
		return "environment variable " + o.Env
	case o.Flag != "":
		return "flag --" + o.Flag
	case o.Line > 0:
		return fmt.Sprintf("%s:%d", o.File, o.Line)
	}
	return o.File
}

// compare orders origins: files first, in their order and by line.
func (o Origin) compare(p Origin) int {
	return cmp.Or(
		cmp.Compare(o.Env+o.Flag, p.Env+p.Flag),
		cmp.Compare(o.order, p.order),
		cmp.Compare(o.Line, p.Line))
}

// Problem is one thing that is wrong with a configuration.
type Problem struct {
	Where Origin
	Key   string // with dots; empty where no single key is to blame
	Text  string
}

// String is one or more lines: where, which key, what.
func (p Problem) String() string { return sentence(p.Where, p.Key, p.Text) }

// Warning is something that the operator should know and that does not stop
// the server.
type Warning struct {
	Where Origin
	Key   string
	Text  string
}

// String is one or more lines: where, which key, what.
func (w Warning) String() string { return sentence(w.Where, w.Key, w.Text) }

func sentence(where Origin, key, what string) string {
	var parts []string
	for _, p := range []string{where.String(), key, what} {
		if p != "" {
			parts = append(parts, p)
		}
	}
	return strings.Join(parts, ": ")
}

// Error is everything that is wrong with a configuration, in the order of the
// files. Load returns no other error.
type Error struct {
	Problems []Problem
	// More is how many further problems were counted and not described.
	More int
}

// Error lists the problems, one below the other.
func (e *Error) Error() string {
	var b strings.Builder
	if n := len(e.Problems) + e.More; n == 1 {
		b.WriteString("the configuration has a problem:")
	} else {
		fmt.Fprintf(&b, "the configuration has %d problems:", n)
	}
	for _, p := range e.Problems {
		b.WriteString("\n  " + strings.ReplaceAll(p.String(), "\n", "\n    "))
	}
	if e.More > 0 {
		fmt.Fprintf(&b, "\n  and %d more", e.More)
	}
	return b.String()
}

// maxProblems bounds what is described of a file that is wrong all over.
const maxProblems = 100

// problems collects what is found while loading.
type problems struct {
	list []Problem
	more int
}

// full says that further problems are only counted, so that their
// descriptions need not be worked out.
func (p *problems) full() bool { return len(p.list) >= maxProblems }

func (p *problems) add(where Origin, key, format string, args ...any) {
	if p.full() {
		p.more++
		return
	}
	p.list = append(p.list, Problem{Where: where, Key: key, Text: fmt.Sprintf(format, args...)})
}

// err is nil if nothing was found.
func (p *problems) err() error {
	if len(p.list) == 0 {
		return nil
	}
	slices.SortStableFunc(p.list, func(a, b Problem) int { return a.Where.compare(b.Where) })
	return &Error{Problems: p.list, More: p.more}
}

// shown quotes a piece of input for a message: short, on one line, printable.
func shown(s string) string {
	if len(s) > 60 {
		s = s[:57] + "..."
	}
	return fmt.Sprintf("%q", s)
}

// nearest is the name that a misspelt one probably stands for, or empty.
func nearest(name string, among []string) string {
	const longest = 64 // no key is longer, and the distance costs length squared
	if len(name) > longest {
		return ""
	}
	best, distance := "", max(2, len(name)/3)+1
	for _, candidate := range among {
		if d := levenshtein(name, candidate); d < distance {
			best, distance = candidate, d
		}
	}
	return best
}

// levenshtein is the least number of bytes to insert, delete or replace to
// turn a into b.
func levenshtein(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			replaced := diagonal
			if a[i] != b[j] {
				replaced++
			}
			diagonal = row[j+1]
			row[j+1] = min(replaced, row[j]+1, row[j+1]+1)
		}
	}
	return row[len(b)]
}
