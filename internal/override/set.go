package override

import (
	"errors"
	"fmt"
	htmltemplate "html/template"
	"io"
	"maps"
	"slices"
	"strings"
	texttemplate "text/template"
	"text/template/parse"
)

// MaxOutput is how long a text may become, in bytes.
const MaxOutput = 1 << 20

// ErrOutput says that a text becomes longer than that.
var ErrOutput = fmt.Errorf("the text becomes longer than %d bytes", MaxOutput)

// Set are templates that are ready to run. It is safe for concurrent use.
type Set struct {
	execute func(w io.Writer, name string, data any) error
}

// Text makes a set of plain text: of the files, which may use what is in base.
// roots are the templates that are run, each with a sample of the data that it will
// be given: a value of their type, in which the more is filled in the more can be
// checked.
func Text(base *texttemplate.Template, files []File, roots map[string]any) (*Set, error) {
	for _, f := range files {
		if _, err := base.New(f.Name).Parse(f.Text); err != nil {
			return nil, plainly(err)
		}
	}
	trees := map[string]*parse.Tree{}
	for _, t := range base.Templates() {
		trees[t.Name()] = t.Tree
	}
	return newSet(base.ExecuteTemplate, trees, roots)
}

// HTML makes a set like Text, of HTML. base must not have been run.
func HTML(base *htmltemplate.Template, files []File, roots map[string]any) (*Set, error) {
	for _, f := range files {
		t := base.Lookup(f.Name)
		if t == nil { // New would take base itself out of its set, if it has this name
			t = base.New(f.Name)
		}
		if _, err := t.Parse(f.Text); err != nil {
			return nil, plainly(err)
		}
	}
	trees := map[string]*parse.Tree{}
	for _, t := range base.Templates() {
		trees[t.Name()] = t.Tree
	}
	return newSet(base.ExecuteTemplate, trees, roots)
}

// newSet refuses what cannot work. What comes of the samples does not matter, only
// what is wrong with the templates themselves: HTML that is not, and fields that the
// data never have.
func newSet(execute func(io.Writer, string, any) error, trees map[string]*parse.Tree, roots map[string]any) (*Set, error) {
	if err := check(trees, roots); err != nil {
		return nil, err
	}
	for _, root := range slices.Sorted(maps.Keys(roots)) {
		err := execute(&bounded{}, root, roots[root])
		var html *htmltemplate.Error
		var failed texttemplate.ExecError
		switch {
		case errors.As(err, &html):
			return nil, plainly(err)
		case errors.As(err, &failed) && strings.Contains(failed.Error(), noField):
			return nil, errors.New(whereabouts(failed.Error()))
		}
	}
	return &Set{execute: execute}, nil
}

// noField is what the template packages say of a field that there is not.
const noField = ">: can't evaluate field "

// plainly is an error of the template packages without their name in front.
func plainly(err error) error {
	return errors.New(strings.TrimPrefix(strings.TrimPrefix(err.Error(), "template: "), "html/template:"))
}

// Run makes the text of a root. What stands in the error is the template's, not the
// data's.
func (s *Set) Run(root string, data any) (string, error) {
	var b bounded
	err := s.execute(&b, root, data)
	var failed texttemplate.ExecError
	switch {
	case errors.Is(err, ErrOutput):
		return "", ErrOutput
	case errors.As(err, &failed):
		return "", errors.New(whereabouts(failed.Error()))
	case err != nil:
		return "", errors.New("the template failed")
	}
	return b.text.String(), nil
}

// whereabouts is the part of an execution error that names file, line and
// expression. What follows can repeat values, so that it is left out, unless it
// is a field that there is not.
func whereabouts(text string) string {
	text = strings.TrimPrefix(text, "template: ")
	_, rest, found := strings.Cut(text, " at <")
	expression, cause, closed := strings.Cut(rest, ">: ")
	if !found || !closed {
		return "the template failed"
	}
	head := text[:len(text)-len(rest)] + expression + ">"
	if strings.HasPrefix(">: "+cause, noField) {
		return head + ": " + cause
	}
	return head + " failed"
}

// bounded takes a text that must not become too long.
type bounded struct{ text strings.Builder }

func (b *bounded) Write(p []byte) (int, error) {
	if b.text.Len()+len(p) > MaxOutput {
		return 0, ErrOutput
	}
	return b.text.Write(p)
}
