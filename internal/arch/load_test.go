package arch

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// pkg is one folder with Go files, parsed.
type pkg struct {
	path  string // below the module's root, with slashes: "internal/auth"
	fset  *token.FileSet
	files []*file
}

// file is one Go file. Its positions carry the path below the module's root.
type file struct {
	*ast.File
	path string
	text string
}

// isTest says whether the file is part of tests only: by its name, by its
// place in test/, or because its package, like httptest, helps tests.
func (f *file) isTest() bool {
	return strings.HasSuffix(f.path, "_test.go") || strings.HasPrefix(f.path, "test/") || strings.HasSuffix(f.Name.Name, "test")
}

// at is a complaint about a place in the package.
func (p *pkg) at(pos token.Pos, format string, args ...any) string {
	where := p.fset.Position(pos)
	return fmt.Sprintf("%s:%d: ", where.Filename, where.Line) + fmt.Sprintf(format, args...)
}

// add parses one file into the package.
func (p *pkg) add(path, text string) error {
	f, err := parser.ParseFile(p.fset, path, text, parser.ParseComments|parser.SkipObjectResolution)
	if err != nil {
		return err
	}
	p.files = append(p.files, &file{File: f, path: path, text: text})
	return nil
}

// production gives the files that are part of the binary.
func (p *pkg) production() []*file {
	var out []*file
	for _, f := range p.files {
		if !f.isTest() {
			out = append(out, f)
		}
	}
	return out
}

// load parses every package of the module below root.
func load(root string) ([]*pkg, error) {
	var all []*pkg
	err := filepath.WalkDir(root, func(dir string, d fs.DirEntry, err error) error {
		if err != nil || !d.IsDir() {
			return err
		}
		if dir != root {
			name := d.Name()
			_, nested := os.Stat(filepath.Join(dir, "go.mod"))
			if nested == nil || strings.HasPrefix(name, ".") || name == "testdata" || name == "node_modules" || name == "bin" {
				return filepath.SkipDir
			}
		}
		p, err := loadFolder(root, dir)
		if err == nil && len(p.files) > 0 {
			all = append(all, p)
		}
		return err
	})
	return all, err
}

func loadFolder(root, dir string) (*pkg, error) {
	below, err := filepath.Rel(root, dir)
	if err != nil {
		return nil, err
	}
	p := &pkg{path: filepath.ToSlash(below), fset: token.NewFileSet()}
	names, err := filepath.Glob(filepath.Join(dir, "*.go"))
	if err != nil {
		return nil, err
	}
	for _, name := range names {
		text, err := os.ReadFile(name)
		if err != nil {
			return nil, err
		}
		if err := p.add(p.path+"/"+filepath.Base(name), string(text)); err != nil {
			return nil, err
		}
	}
	return p, nil
}

// imports gives the packages that a file imports, by the name that each has in
// the file.
func (f *file) imports() map[string]string {
	out := map[string]string{}
	for _, spec := range f.Imports {
		path := importPath(spec)
		name := path[strings.LastIndex(path, "/")+1:]
		if spec.Name != nil {
			name = spec.Name.Name
		}
		out[name] = path
	}
	return out
}

func importPath(spec *ast.ImportSpec) string {
	path, err := strconv.Unquote(spec.Path.Value)
	if err != nil {
		return spec.Path.Value // the parser lets no such file through
	}
	return path
}
