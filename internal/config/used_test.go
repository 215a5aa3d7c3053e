package config

import (
	"go/ast"
	"go/importer"
	goparser "go/parser"
	"go/token"
	"go/types"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestKeysAreUsed: a key either has its field read by another package, or says
// by its tag that it is not acted on.
func TestKeysAreUsed(t *testing.T) {
	m := &module{root: "../..", fset: token.NewFileSet(), checked: map[string]*types.Package{}, used: map[string]bool{}}
	if _, err := os.Stat(filepath.Join(m.root, "go.mod")); err != nil {
		t.Fatal(err)
	}
	err := filepath.WalkDir(filepath.Join(m.root, "internal"), func(dir string, d fs.DirEntry, err error) error {
		if err == nil && d.IsDir() {
			path, _ := filepath.Rel(m.root, dir)
			_, err = m.Import("zelus/" + filepath.ToSlash(path))
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	// What only the exported methods of this package read is used if they are.
	for method, fields := range m.reads {
		if m.used[method] {
			for _, field := range fields {
				m.used[field] = true
			}
		}
	}
	for _, sure := range []string{"Config.DSN", "Session.Lifespan", "PasswordConfig.MinPasswordLength", "PublicServer.BaseURL"} {
		if !m.used[sure] {
			t.Fatalf("%s was not found in use: the test looks in the wrong way", sure)
		}
	}
	if m.used["OTLP.Insecure"] {
		t.Fatal("OTLP.Insecure was found in use: the test looks in the wrong way")
	}
	m.walk(t, newSpec())
}

// module type-checks the packages of this module and hardly anything else: what
// comes from elsewhere has no types, and the errors that this causes do not
// matter.
type module struct {
	root    string
	fset    *token.FileSet
	checked map[string]*types.Package // nil while it is being checked
	// used are the fields and methods of package config that other packages
	// name, as Type.Name; reads are the fields that its exported methods name.
	used  map[string]bool
	reads map[string][]string
}

const configPath = "zelus/internal/config"

// Import implements types.Importer.
func (m *module) Import(path string) (*types.Package, error) {
	if path == "sync/atomic" { // the configuration is kept in an atomic.Pointer
		return importer.ForCompiler(m.fset, "source", nil).Import(path)
	}
	below, ours := strings.CutPrefix(path, "zelus/")
	if !ours {
		empty := types.NewPackage(path, path[strings.LastIndex(path, "/")+1:])
		empty.MarkComplete()
		return empty, nil
	}
	if p, done := m.checked[path]; done {
		return p, nil
	}
	names, err := filepath.Glob(filepath.Join(m.root, below, "*.go"))
	if err != nil {
		return nil, err
	}
	var files []*ast.File
	for _, name := range names {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		f, err := goparser.ParseFile(m.fset, name, nil, goparser.SkipObjectResolution)
		if err != nil {
			return nil, err
		}
		files = append(files, f)
	}
	info := &types.Info{Selections: map[*ast.SelectorExpr]*types.Selection{}}
	check := types.Config{Importer: m, Error: func(error) {}}
	m.checked[path], _ = check.Check(path, m.fset, files, info)
	if path == configPath {
		m.reads = map[string][]string{}
		for _, f := range files {
			for _, d := range f.Decls {
				if fn, ok := d.(*ast.FuncDecl); ok && fn.Recv != nil && fn.Name.IsExported() {
					receiver := strings.TrimPrefix(types.ExprString(fn.Recv.List[0].Type), "*")
					m.reads[receiver+"."+fn.Name.Name] = selected(info, fn)
				}
			}
		}
		return m.checked[path], nil
	}
	for _, f := range files {
		for _, name := range selected(info, f) {
			m.used[name] = true
		}
	}
	return m.checked[path], nil
}

// selected names the fields and methods of package config below n, as
// Type.Name. A method that is promoted counts for the type it is of.
func selected(info *types.Info, n ast.Node) (names []string) {
	ast.Inspect(n, func(n ast.Node) bool {
		sel, ok := n.(*ast.SelectorExpr)
		if !ok || info.Selections[sel] == nil {
			return true
		}
		s := info.Selections[sel]
		of := s.Recv()
		if p, ok := of.(*types.Pointer); ok {
			of = p.Elem()
		}
		if named, ok := of.(*types.Named); ok && named.Obj().Pkg() != nil && named.Obj().Pkg().Path() == configPath {
			names = append(names, named.Obj().Name()+"."+s.Obj().Name())
		}
		return true
	})
	return names
}

// walk complains of keys below s that nobody reads. It does not go into keys
// that wait for their area, and not into hooks, which are acted on by name.
func (m *module) walk(t *testing.T, s *spec) {
	for _, f := range s.fields {
		switch {
		case f.later != "" || f.is("inert"):
		case f.elem != nil && f.elem.typ == hookType:
		case f.object():
			m.walk(t, f)
		case f.elem != nil && f.elem.object():
			m.walk(t, f.elem)
		default:
			field := s.plain().Name() + "." + s.plain().Field(f.at).Name
			if !m.used[field] {
				t.Errorf("nobody reads %s (%s): act on it, or tag it later or inert", field, f.key)
			}
		}
	}
}
