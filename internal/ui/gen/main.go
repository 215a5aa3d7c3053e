// Command gen writes messages.md, the reference of all messages that forms can
// hold, from the catalogue of package ui.
package main

import (
	"flag"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"strconv"
	"strings"

	"zelus/internal/ui"
)

//go:generate go run . -catalogue ../catalogue.go -out ../../../docs/reference/messages.md

func main() {
	catalogue := flag.String("catalogue", "catalogue.go", "the file with the ids")
	out := flag.String("out", "messages.md", "the file to write")
	flag.Parse()
	page, err := reference(*catalogue)
	if err == nil {
		err = os.WriteFile(*out, []byte(page), 0o644)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "gen:", err)
		os.Exit(1)
	}
}

const introduction = `# Messages

Made by ` + "`go generate`" + ` from ` + "`internal/ui/catalogue.go`" + `; do not edit.

Messages stand above a form and beside its fields. The id is part of the wire: it is
that of Kratos, and programs branch on it and translate by it. The texts are our own.
A word in braces is filled in, and stands in the message's ` + "`context`" + ` too. Most
messages belong to flows that come with later releases; their ids are fixed already.
`

// reference is the page: a section for each comment among the constants, a row
// for each id.
func reference(catalogue string) (string, error) {
	fset := token.NewFileSet()
	file, err := parser.ParseFile(fset, catalogue, nil, parser.ParseComments)
	if err != nil {
		return "", err
	}
	var b strings.Builder
	b.WriteString(introduction)
	for _, d := range file.Decls {
		block, ok := d.(*ast.GenDecl)
		if !ok || block.Tok != token.CONST {
			continue
		}
		for i, spec := range block.Specs {
			value := spec.(*ast.ValueSpec) // as in every const
			if value.Doc == nil && i == 0 {
				section(&b, block.Doc)
			}
			section(&b, value.Doc)
			literal, ok := value.Values[0].(*ast.BasicLit)
			if !ok {
				return "", fmt.Errorf("%s: the id is not a number", fset.Position(value.Pos()))
			}
			id, err := strconv.Atoi(literal.Value)
			if err != nil {
				return "", fmt.Errorf("%s: %w", fset.Position(value.Pos()), err)
			}
			m := ui.Say(id)
			fmt.Fprintf(&b, "| %d | %s | %s | %s |\n", m.ID, m.Type, m.Text, strings.TrimSpace(value.Comment.Text()))
		}
	}
	return b.String(), nil
}

// section begins a section that a comment names, if there is one.
func section(b *strings.Builder, comment *ast.CommentGroup) {
	if comment == nil {
		return
	}
	title := strings.TrimSuffix(strings.TrimSpace(comment.Text()), ".")
	fmt.Fprintf(b, "\n## %s\n\n| Id | Type | Text | Note |\n|---|---|---|---|\n", title)
}
