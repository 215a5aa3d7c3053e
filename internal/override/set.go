package override

import (
	"errors"
	"fmt"
	htmltemplate "html/template"
	"io"
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
// roots are the templates that are run, with data of the type of sample.
func Text(base *texttemplate.Template, files []File, roots []string, sample any) (*Set, error) {
	for _, f := range files {
		if _, err := base.New(f.Name).Parse(f.Text); err != nil {
			return nil, plainly(err)
		}
	}
	trees := map[string]*parse.Tree{}
	for _, t := range base.Templates() {
		trees[t.Name()] = t.Tree
	}
	if err := check(trees, roots, sample); err != nil {
		return nil, err
	}
	return &Set{execute: base.ExecuteTemplate}, nil
}

// HTML makes a set like Text, of HTML. base must not have been run.
func HTML(base *htmltemplate.Template, files []File, roots []string, sample any) (*Set, error) {
	for _, f := range files {
		if _, err := base.New(f.Name).Parse(f.Text); err != nil {
			return nil, plainly(err)
		}
	}
	trees := map[string]*parse.Tree{}
	for _, t := range base.Templates() {
		trees[t.Name()] = t.Tree
	}
	if err := check(trees, roots, sample); err != nil {
		return nil, err
	}
	// HTML is analysed when it is first written. What comes of the sample does not
	// matter, only what is wrong with the template itself.
	for _, root := range roots {
		var wrong *htmltemplate.Error
		if err := base.ExecuteTemplate(&bounded{}, root, sample); errors.As(err, &wrong) {
			return nil, plainly(err)
		}
	}
	return &Set{execute: base.ExecuteTemplate}, nil
}

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
	if strings.HasPrefix(cause, "can't evaluate field ") {
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
