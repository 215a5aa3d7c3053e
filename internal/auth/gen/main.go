// Command gen writes errors.md, the reference of all errors that leave the
// server, from errors.go of package auth.
package main

import (
	"flag"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"net/http"
	"os"
	"strconv"
	"strings"

	"zelus/internal/auth"
)

//go:generate go run . -errors ../errors.go -out ../../../docs/reference/errors.md

func main() {
	source := flag.String("errors", "errors.go", "the file with the errors")
	out := flag.String("out", "errors.md", "the file to write")
	flag.Parse()
	page, err := reference(*source)
	if err == nil {
		err = os.WriteFile(*out, []byte(page), 0o644)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "gen:", err)
		os.Exit(1)
	}
}

const introduction = `# Errors

Made by ` + "`go generate`" + ` from ` + "`internal/auth/errors.go`" + `; do not edit.

An error is JSON: ` + "`{\"error\": {\"id\", \"code\", \"status\", \"message\", \"reason\", \"details\"}}`" + `. Branch on
` + "`id`" + `, which also stands in the header ` + "`Ory-Error-Id`" + `; sentences may change. What is said
here is what is said in general: an answer often says more precisely what is wrong.
What caused an error inside the server is only logged.

An error with a pause (in seconds) sends it as ` + "`Retry-After`" + `: the same request may work then.
`

// reference is the page: a section for each comment among the errors, a row for
// each error.
func reference(source string) (string, error) {
	fset := token.NewFileSet()
	file, err := parser.ParseFile(fset, source, nil, parser.ParseComments)
	if err != nil {
		return "", err
	}
	var b strings.Builder
	b.WriteString(introduction)
	for _, d := range file.Decls {
		block, ok := d.(*ast.GenDecl)
		if !ok || block.Tok != token.VAR {
			continue
		}
		for _, spec := range block.Specs {
			value := spec.(*ast.ValueSpec) // as in every var
			if title := strings.TrimSpace(value.Doc.Text()); title != "" {
				fmt.Fprintf(&b, "\n## %s\n\n| Id | Status | Pause | What is said |\n|---|---|---|---|\n", strings.TrimSuffix(title, "."))
			}
			e, err := read(value.Values[0])
			if err != nil {
				return "", fmt.Errorf("%s: %w", fset.Position(value.Pos()), err)
			}
			pause := ""
			if e.RetryAfter > 0 {
				pause = strconv.Itoa(e.RetryAfter)
			}
			said := e.Reason
			if said == "" {
				said = fmt.Sprint(e.Body("")["message"])
			}
			fmt.Fprintf(&b, "| `%s` | %d %s | %s | %s |\n", e.ID, e.Status, auth.StatusText(e.Status), pause, said)
		}
	}
	return b.String(), nil
}

// read makes an error of its literal in the source: &Error{ID: "…", …}.
func read(expression ast.Expr) (auth.Error, error) {
	var e auth.Error
	pointer, _ := expression.(*ast.UnaryExpr)
	if pointer == nil {
		return e, fmt.Errorf("this is not a pointer to a literal")
	}
	literal, _ := pointer.X.(*ast.CompositeLit)
	if literal == nil {
		return e, fmt.Errorf("this is not a literal")
	}
	for _, element := range literal.Elts {
		pair, _ := element.(*ast.KeyValueExpr)
		if pair == nil {
			return e, fmt.Errorf("a field has no name")
		}
		name := fmt.Sprint(pair.Key)
		var err error
		switch v := pair.Value.(type) {
		case *ast.SelectorExpr: // http.StatusNotFound
			e.Status, err = status(v.Sel.Name)
		case *ast.BasicLit:
			err = set(&e, name, v)
		default:
			err = fmt.Errorf("the value of %s is not a literal", name)
		}
		if err != nil {
			return e, err
		}
	}
	return e, nil
}

func set(e *auth.Error, name string, literal *ast.BasicLit) (err error) {
	switch name {
	case "RetryAfter":
		e.RetryAfter, err = strconv.Atoi(literal.Value)
		return err
	case "Status": // one that net/http has no name for
		e.Status, err = strconv.Atoi(literal.Value)
		return err
	}
	text, err := strconv.Unquote(literal.Value)
	switch name {
	case "ID":
		e.ID = text
	case "Reason":
		e.Reason = text
	case "Message":
		e.Message = text
	default:
		return fmt.Errorf("the field %s is not known here", name)
	}
	return err
}

// status is the number of a constant of net/http: its name is Status and the
// status text without spaces.
func status(name string) (int, error) {
	for code := 100; code < 600; code++ {
		if text := http.StatusText(code); text != "" && "Status"+strings.ReplaceAll(text, " ", "") == name {
			return code, nil
		}
	}
	return 0, fmt.Errorf("http.%s is no status that is known here", name)
}
