package arch

import (
	"go/ast"
	"go/doc"
	"go/token"
	"go/types"
	"regexp"
	"slices"
	"strings"
)

const module = "zelus/"

// floors lists the rooms of internal/ from the ground up. A package may import
// the rooms of lower floors, and packages of its own room. "method/*" stands
// for every folder in method, each a room of its own.
var floors = [][]string{
	{"ui"},
	{"auth", "language", "secret", "source"},
	{"brand", "config", "hash", "jsonnet", "override", "schema", "store", "web"},
	{"identity", "session", "adminkey", "courier", "v0alpha2"},
	{"flow"},
	{"ceremony", "onetime"},
	{"method/*", "hook", "api", "page", "console"},
	{"app"},
	{"doctor"},
	{"cli"},
}

// floor gives the room that a package is in and the floor of that room; -1 for
// a package that is in none.
func floor(path string) (room string, n int) {
	below, ok := strings.CutPrefix(path, "internal/")
	if !ok {
		return "", -1
	}
	parts := strings.Split(below, "/")
	room = parts[0]
	listed := room
	if room == "method" && len(parts) > 1 {
		room, listed = "method/"+parts[1], "method/*"
	}
	for n, rooms := range floors {
		if slices.Contains(rooms, listed) {
			return room, n
		}
	}
	return room, -1
}

// importsGoDown lets packages import only what lies below them. Tests are part
// of their room. cmd may import cli alone, and nothing imports arch or test.
func importsGoDown(p *pkg) []string {
	if p.path == "internal/arch" || p.path == "test" || strings.HasPrefix(p.path, "test/") {
		return nil
	}
	var wrong []string
	room, here := floor(p.path)
	isCommand := strings.HasPrefix(p.path, "cmd/")
	if here < 0 && !isCommand {
		return []string{p.at(p.files[0].Package, "%s is in no room: move it into one, or give it a floor in internal/arch and in docs/ARCHITECTURE.md", p.path)}
	}
	for _, f := range p.files {
		for _, spec := range f.Imports {
			target, ours := strings.CutPrefix(importPath(spec), module)
			if !ours {
				continue
			}
			targetRoom, there := floor(target)
			switch {
			case isCommand && targetRoom == "cli":
			case isCommand:
				wrong = append(wrong, p.at(spec.Pos(), "a command imports internal/cli only, not %s: move the code there", target))
			case there < 0:
				wrong = append(wrong, p.at(spec.Pos(), "%s imports %s, which is in no room", p.path, target))
			case targetRoom != room && there == here:
				wrong = append(wrong, p.at(spec.Pos(), "%s imports its sibling %s: hand what it needs in from app, or move it to a room below both", p.path, target))
			case there > here:
				wrong = append(wrong, p.at(spec.Pos(), "%s imports %s, which is above it: imports go down only", p.path, target))
			}
		}
	}
	return wrong
}

// sqlStaysInStore keeps SQL and its drivers in one room.
func sqlStaysInStore(p *pkg) []string {
	if room, _ := floor(p.path); room == "store" {
		return nil
	}
	var wrong []string
	for _, f := range p.files {
		for _, spec := range f.Imports {
			path := importPath(spec)
			for _, sql := range []string{"database/sql", "modernc.org/sqlite", "github.com/jackc/pgx/v5", "github.com/go-sql-driver/mysql"} {
				if path == sql || strings.HasPrefix(path, sql+"/") {
					wrong = append(wrong, p.at(spec.Pos(), "%s is named in internal/store only: add a method to the store", path))
				}
			}
		}
	}
	return wrong
}

// jsonnetStaysInItsRoom keeps the interpreter, which nothing can stop, in the room
// that runs it in child processes only.
func jsonnetStaysInItsRoom(p *pkg) []string {
	if room, _ := floor(p.path); room == "jsonnet" {
		return nil
	}
	var wrong []string
	for _, f := range p.files {
		for _, spec := range f.Imports {
			if path := importPath(spec); path == "github.com/google/go-jsonnet" || strings.HasPrefix(path, "github.com/google/go-jsonnet/") {
				wrong = append(wrong, p.at(spec.Pos(), "%s is named in internal/jsonnet only: give the program to a Pool", path))
			}
		}
	}
	return wrong
}

// handedIn lists what only the top of the program may name, and what the
// others do instead.
var handedIn = []struct {
	path    string
	names   []string
	tests   bool // tests are held to it as well
	instead string
}{
	{"os", []string{"Getenv", "LookupEnv", "Environ", "ExpandEnv"}, false, "take the environment as an argument"},
	{"time", []string{"Now", "Since", "Until"}, false, "take the clock as an argument"},
	{"time", []string{"Sleep"}, true, "wait for the event itself, or for a timer beside ctx.Done()"},
	{"log/slog", []string{"Default", "SetDefault", "Debug", "DebugContext", "Info", "InfoContext", "Warn", "WarnContext", "Error", "ErrorContext", "Log", "LogAttrs", "With"}, false, "take a *slog.Logger as an argument"},
	{"log", []string{"Default", "Print", "Printf", "Println", "Fatal", "Fatalf", "Fatalln", "Panic", "Panicf", "Panicln"}, false, "take a *slog.Logger as an argument"},
}

// globalsAreHandedIn keeps the clock, the environment and the default logger
// at the top of the program, from where they are handed down.
func globalsAreHandedIn(p *pkg) []string {
	room, _ := floor(p.path)
	if room == "app" || room == "cli" || strings.HasPrefix(p.path, "cmd/") {
		return nil
	}
	var wrong []string
	for _, f := range p.files {
		imports := f.imports()
		ast.Inspect(f.File, func(n ast.Node) bool {
			sel, ok := n.(*ast.SelectorExpr)
			if !ok {
				return true
			}
			base, ok := sel.X.(*ast.Ident)
			if !ok {
				return true
			}
			for _, h := range handedIn {
				if imports[base.Name] == h.path && slices.Contains(h.names, sel.Sel.Name) && (h.tests || !f.isTest()) {
					wrong = append(wrong, p.at(sel.Pos(), "%s.%s is not for this room: %s", base.Name, sel.Sel.Name, h.instead))
				}
			}
			return true
		})
	}
	return wrong
}

// noInit refuses functions that run by themselves.
func noInit(p *pkg) []string {
	var wrong []string
	for _, f := range p.files {
		for _, d := range f.Decls {
			if fn, ok := d.(*ast.FuncDecl); ok && fn.Recv == nil && fn.Name.Name == "init" {
				wrong = append(wrong, p.at(fn.Pos(), "init runs unseen: build the value in a constructor and wire it in internal/app"))
			}
		}
	}
	return wrong
}

// noMutableGlobals refuses package variables that change after their
// declaration: those that are assigned to, or whose content is, and those that
// are locks, pools or counters.
func noMutableGlobals(p *pkg) []string {
	var files []*ast.File
	for _, f := range p.production() {
		files = append(files, f.File)
	}
	// Only the names of this package matter, so what it imports need not be
	// found, and an error elsewhere is for the compiler to tell.
	info := &types.Info{Uses: map[*ast.Ident]types.Object{}}
	conf := types.Config{Error: func(error) {}}
	checked, _ := conf.Check(p.path, p.fset, files, info)

	var wrong []string
	global := func(e ast.Expr) string {
		id := root(e)
		if id == nil {
			return ""
		}
		if v, ok := info.Uses[id].(*types.Var); ok && v.Parent() == checked.Scope() {
			return id.Name
		}
		return ""
	}
	changed := func(e ast.Expr) {
		if name := global(e); name != "" {
			wrong = append(wrong, p.at(e.Pos(), "the package variable %s is changed: keep it in a struct that is handed in", name))
		}
	}
	for _, f := range p.production() {
		imports := f.imports()
		for _, d := range f.Decls {
			if g, ok := d.(*ast.GenDecl); ok && g.Tok == token.VAR {
				for _, spec := range g.Specs {
					if s, ok := spec.(*ast.ValueSpec); ok && isSync(s.Type, imports) {
						wrong = append(wrong, p.at(s.Pos(), "the package variable %s holds state of the whole process: keep it in a struct that is handed in", s.Names[0].Name))
					}
				}
			}
		}
		ast.Inspect(f.File, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.AssignStmt:
				for _, e := range n.Lhs {
					changed(e)
				}
			case *ast.IncDecStmt:
				changed(n.X)
			case *ast.RangeStmt:
				if n.Tok == token.ASSIGN {
					changed(n.Key)
					changed(n.Value)
				}
			case *ast.CallExpr:
				fn, ok := n.Fun.(*ast.Ident)
				if ok && len(n.Args) > 0 && slices.Contains([]string{"delete", "clear", "copy"}, fn.Name) {
					changed(n.Args[0])
				}
			}
			return true
		})
	}
	return wrong
}

// root gives the variable that an expression like a[1].b reaches into.
func root(e ast.Expr) *ast.Ident {
	for {
		switch x := e.(type) {
		case *ast.Ident:
			return x
		case *ast.SelectorExpr:
			e = x.X
		case *ast.IndexExpr:
			e = x.X
		case *ast.SliceExpr:
			e = x.X
		case *ast.StarExpr:
			e = x.X
		case *ast.ParenExpr:
			e = x.X
		default:
			return nil
		}
	}
}

// isSync says whether a type, as written, is one of sync or sync/atomic.
func isSync(t ast.Expr, imports map[string]string) bool {
	switch t := t.(type) {
	case *ast.StarExpr:
		return isSync(t.X, imports)
	case *ast.IndexExpr: // atomic.Pointer[T]
		return isSync(t.X, imports)
	case *ast.SelectorExpr:
		base, ok := t.X.(*ast.Ident)
		return ok && (imports[base.Name] == "sync" || imports[base.Name] == "sync/atomic")
	}
	return false
}

// hasDoc wants a doc.go in every package, which says in a sentence or more
// what the package is for. A command may say it in main.go.
func hasDoc(p *pkg) []string {
	for _, f := range p.files {
		isDoc := strings.HasSuffix(f.path, "/doc.go") || f.Name.Name == "main"
		if !isDoc || f.Doc == nil {
			continue
		}
		sentence := new(doc.Package).Synopsis(f.Doc.Text())
		start := "Package " + f.Name.Name + " "
		if f.Name.Name == "main" {
			start = ""
		}
		if !strings.HasPrefix(sentence, start) || !strings.HasSuffix(sentence, ".") || len(strings.Fields(sentence)) < 5 {
			return []string{p.at(f.Doc.Pos(), "the package comment must begin with a full sentence that says what the package is for: %q", sentence)}
		}
		return nil
	}
	return []string{p.at(p.files[0].Package, "%s has no doc.go with a package comment: say in it what the package is for", p.path)}
}

// mayPanic lists the functions that may panic, as package path and function
// name, each with the reason why an error would not do.
var mayPanic = map[string]string{
	"internal/auth.mustJSON":    "its values, strings, times and plain structs, can always be encoded",
	"internal/config.preset":    "a wrong default in a struct tag is a mistake in our code, which every test of the package finds",
	"internal/config.setScalar": "a field of a type that cannot be read is one, too",
	"internal/hash.shortHash":   "the lengths that the hash refuses were refused before",
	"internal/ui.Say":           "an id that is not in the catalogue is a mistake in our code, which every test of the message finds",
	"internal/web.Recover":      "net/http wants a connection to be cut off by a panic with http.ErrAbortHandler",
}

// noPanics refuses panics in the binary but for the few allowed ones.
func noPanics(p *pkg) []string {
	var wrong []string
	for _, found := range panics(p) {
		if mayPanic[found.function] == "" {
			wrong = append(wrong, p.at(found.pos, "return an error instead of a panic, or list %s in mayPanic with the reason", found.function))
		}
	}
	return wrong
}

// panicking is one place that panics, and the function it is in: package path
// and name, without a name outside of functions.
type panicking struct {
	function string
	pos      token.Pos
}

func panics(p *pkg) []panicking {
	var all []panicking
	for _, f := range p.production() {
		for _, d := range f.Decls {
			name := ""
			if fn, ok := d.(*ast.FuncDecl); ok {
				name = fn.Name.Name
			}
			ast.Inspect(d, func(n ast.Node) bool {
				if call, ok := n.(*ast.CallExpr); ok {
					if id, ok := call.Fun.(*ast.Ident); ok && id.Name == "panic" {
						all = append(all, panicking{p.path + "." + name, call.Pos()})
					}
				}
				return true
			})
		}
	}
	return all
}

// unfinished finds the marks of work that was left for later. They are written
// in pieces so that this file does not find itself.
var unfinished = regexp.MustCompile(`\b(TO` + `DO|FIX` + `ME|XX` + `X|HA` + `CK)\b|(?i:\b(not (yet )?|un)imple` + `mented\b)`)

// noUnfinishedWork refuses marks of unfinished work, in tests too.
func noUnfinishedWork(p *pkg) []string {
	var wrong []string
	for _, f := range p.files {
		for i, line := range strings.Split(f.text, "\n") {
			if found := unfinished.FindString(line); found != "" {
				pos := p.fset.File(f.FileStart).LineStart(i + 1)
				wrong = append(wrong, p.at(pos, "%q marks unfinished work: finish it, or write an issue and leave the words out", found))
			}
		}
	}
	return wrong
}
