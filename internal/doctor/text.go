package doctor

import (
	"fmt"
	"io"
	"strings"
	"unicode"
	"unicode/utf8"
)

// width is that of a line, in characters.
const width = 110

// Write writes the report for people: a line for what is well, and for all else
// a paragraph with the setting to change, what was expected and what to do.
func (r *Report) Write(out io.Writer) error {
	var b strings.Builder
	name := 0
	for _, f := range r.Findings {
		name = max(name, utf8.RuneCountInString(f.Check))
	}
	indent := 2 + len(Problem) + 2 + name + 2
	for i, f := range r.Findings {
		if i > 0 && (f.Level != OK || r.Findings[i-1].Level != OK) {
			b.WriteByte('\n')
		}
		fmt.Fprintf(&b, "  %-*s  %-*s  ", len(Problem), f.Level, name, f.Check)
		wrap(&b, indent, f.Seen)
		setting := f.Setting
		if f.Where != "" {
			setting = strings.TrimSpace(setting + " (" + f.Where + ")")
		}
		for _, line := range []struct{ name, text string }{{"setting", setting}, {"expected", f.Expected}, {"do", f.Do}} {
			if line.text != "" {
				fmt.Fprintf(&b, "%s%-10s", strings.Repeat(" ", indent), line.name)
				wrap(&b, indent+10, line.text)
			}
		}
	}
	b.WriteString("\n  " + r.summary() + "\n")
	_, err := io.WriteString(out, b.String())
	return err
}

func (r *Report) summary() string {
	var parts []string
	for _, part := range []struct {
		n    int
		word string
	}{{r.Problems, "problem"}, {r.Warnings, "warning"}, {r.Notes, "note"}} {
		switch {
		case part.n == 1:
			parts = append(parts, "1 "+part.word)
		case part.n > 1:
			parts = append(parts, fmt.Sprintf("%d %ss", part.n, part.word))
		}
	}
	if len(parts) == 0 {
		return "Everything is in order."
	}
	return strings.Join(parts, ", ") + "."
}

// wrap writes a text, of which the first line is indented already, in lines of
// the width. Lines of the text stay lines.
func wrap(b *strings.Builder, indent int, text string) {
	for i, line := range strings.Split(text, "\n") {
		if i > 0 {
			b.WriteString(strings.Repeat(" ", indent))
		}
		at := indent
		for n, word := range strings.Fields(line) {
			length := utf8.RuneCountInString(word)
			switch {
			case n == 0:
			case at+1+length > width:
				b.WriteString("\n" + strings.Repeat(" ", indent))
				at = indent
			default:
				b.WriteByte(' ')
				at++
			}
			b.WriteString(word)
			at += length
		}
		b.WriteByte('\n')
	}
}

// sentence makes one of a text that is none: with a capital letter, unless the
// text begins with a name, and a full stop.
func sentence(s string) string {
	first, size := utf8.DecodeRuneInString(s)
	if word, _, _ := strings.Cut(s, " "); !strings.ContainsAny(word, "._:/=") {
		s = string(unicode.ToUpper(first)) + s[size:]
	}
	if s != "" && !strings.ContainsAny(s[len(s)-1:], ".!?") && !strings.Contains(s, "\n") {
		s += "."
	}
	return s
}
