package store

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io"
	"log/slog"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
)

// statements finds every constant of type query in this package's source, so
// that none can be forgotten.
func statements(t *testing.T) map[string]query {
	t.Helper()
	names, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	var files []*ast.File
	for _, name := range names {
		file, err := parser.ParseFile(token.NewFileSet(), name, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		files = append(files, file)
	}
	text := map[string]string{}
	found := map[string]query{}
	var value func(ast.Expr) string
	value = func(e ast.Expr) string {
		switch e := e.(type) {
		case *ast.BasicLit:
			s, err := strconv.Unquote(e.Value)
			if err != nil {
				t.Fatal(err)
			}
			return s
		case *ast.BinaryExpr:
			return value(e.X) + value(e.Y)
		case *ast.Ident:
			return text[e.Name]
		}
		t.Fatalf("a constant is made of %T", e)
		return ""
	}
	for _, file := range files {
		for _, d := range file.Decls {
			g, ok := d.(*ast.GenDecl)
			if !ok || g.Tok != token.CONST {
				continue
			}
			for _, s := range g.Specs {
				s := s.(*ast.ValueSpec)
				if len(s.Values) != 1 {
					continue
				}
				kind, _ := s.Type.(*ast.Ident)
				if kind == nil {
					if lit, ok := s.Values[0].(*ast.BasicLit); ok && lit.Kind == token.STRING {
						text[s.Names[0].Name] = value(s.Values[0])
					}
					continue
				}
				if kind.Name == "query" {
					found[s.Names[0].Name] = query(value(s.Values[0]))
				}
			}
		}
	}
	return found
}

// PrepareAll prepares every statement, as it is and for several rows; for the
// test that does this on every database.
func PrepareAll(t *testing.T, s *Store) {
	all := statements(t)
	if len(all) < 40 {
		t.Fatalf("only %d statements were found in the source", len(all))
	}
	for name, q := range all {
		forms := []query{q}
		if strings.HasPrefix(string(q), "INSERT") {
			forms = append(forms, q.rows(3))
		}
		if strings.Contains(string(q), "IN (?)") {
			for _, n := range []int{8, 64, mostIDs} {
				in, _ := q.among(make([]uuid.UUID, n))
				forms = append(forms, in)
			}
		}
		if name == "selectDueMessages" {
			forms = append(forms, q+query(s.dialect.skipLocked))
		}
		for _, f := range forms {
			st, err := s.pool.Prepare(s.dialect.render(f))
			if err != nil {
				t.Errorf("%s: %v\n%s", name, err, f)
				continue
			}
			st.Close()
		}
	}
}

func TestOpenUnknownDialect(t *testing.T) {
	_, err := Open(t.Context(), Options{Dialect: "oracle", Clock: time.Now, Logger: slog.New(slog.NewTextHandler(io.Discard, nil))})
	if err == nil || !strings.Contains(err.Error(), "sqlite and postgres") {
		t.Errorf("got %v", err)
	}
}
