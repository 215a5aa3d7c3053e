package arch

import (
	"go/token"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

const repository = "../.."

var rules = []struct {
	name  string
	check func(*pkg) []string
}{
	{"imports go down", importsGoDown},
	{"SQL stays in store", sqlStaysInStore},
	{"Jsonnet stays in its room", jsonnetStaysInItsRoom},
	{"globals are handed in", globalsAreHandedIn},
	{"no init", noInit},
	{"no mutable globals", noMutableGlobals},
	{"every package has a doc.go", hasDoc},
	{"no panics", noPanics},
	{"no unfinished work", noUnfinishedWork},
}

// TestArchitecture applies every rule to every package of the module.
func TestArchitecture(t *testing.T) {
	packages, err := load(repository)
	if err != nil {
		t.Fatal(err)
	}
	if !slices.ContainsFunc(packages, func(p *pkg) bool { return p.path == "internal/auth" }) {
		t.Fatal("internal/auth was not found: the rules look at the wrong folder")
	}
	for _, rule := range rules {
		t.Run(rule.name, func(t *testing.T) {
			for _, p := range packages {
				for _, complaint := range rule.check(p) {
					t.Error(complaint)
				}
			}
		})
	}
}

// TestAllowedPanicsExist keeps the list of allowed panics short.
func TestAllowedPanicsExist(t *testing.T) {
	packages, err := load(repository)
	if err != nil {
		t.Fatal(err)
	}
	there := map[string]bool{}
	for _, p := range packages {
		for _, found := range panics(p) {
			there[found.function] = true
		}
	}
	for function := range mayPanic {
		if !there[function] {
			t.Errorf("%s does not panic: remove it from mayPanic", function)
		}
	}
}

// TestRules shows that each rule finds what it is there for, at the right
// line, and lets pass what is allowed.
func TestRules(t *testing.T) {
	tests := []struct {
		name  string
		check func(*pkg) []string
		path  string // of the file
		code  string
		want  string // the place of the one complaint; empty for none
	}{
		{"down", importsGoDown, "internal/flow/a.go", "package flow\nimport \"zelus/internal/store\"", ""},
		{"a library", importsGoDown, "internal/auth/a.go", "package auth\nimport \"github.com/google/uuid\"", ""},
		{"own room", importsGoDown, "internal/hook/a.go", "package hook\nimport \"zelus/internal/hook/webhook\"", ""},
		{"a shared part of methods", importsGoDown, "internal/method/passkey/a.go", "package passkey\nimport \"zelus/internal/ceremony\"", ""},
		{"up", importsGoDown, "internal/store/a.go", "package store\nimport \"zelus/internal/flow\"", "internal/store/a.go:2:"},
		{"sibling", importsGoDown, "internal/session/a.go", "package session\nimport \"zelus/internal/identity\"", "internal/session/a.go:2:"},
		{"sibling in a test", importsGoDown, "internal/session/a_test.go", "package session\nimport \"zelus/internal/identity\"", "internal/session/a_test.go:2:"},
		{"methods", importsGoDown, "internal/method/code/a.go", "package code\nimport \"zelus/internal/method/password\"", "internal/method/code/a.go:2:"},
		{"an unknown room", importsGoDown, "internal/helpers/a.go", "package helpers", "internal/helpers/a.go:1:"},
		{"use of an unknown room", importsGoDown, "internal/app/a.go", "package app\nimport \"zelus/test/server\"", "internal/app/a.go:2:"},
		{"a command", importsGoDown, "cmd/zelus/main.go", "package main\nimport \"zelus/internal/cli\"", ""},
		{"a command that knows more", importsGoDown, "cmd/zelus/main.go", "package main\nimport \"zelus/internal/app\"", "cmd/zelus/main.go:2:"},

		{"SQL in store", sqlStaysInStore, "internal/store/a.go", "package store\nimport \"database/sql\"", ""},
		{"SQL elsewhere", sqlStaysInStore, "internal/flow/a.go", "package flow\nimport \"database/sql\"", "internal/flow/a.go:2:"},
		{"a driver elsewhere", sqlStaysInStore, "internal/app/a.go", "package app\nimport _ \"github.com/jackc/pgx/v5/stdlib\"", "internal/app/a.go:2:"},

		{"Jsonnet in its room", jsonnetStaysInItsRoom, "internal/jsonnet/a.go", "package jsonnet\nimport \"github.com/google/go-jsonnet\"", ""},
		{"Jsonnet elsewhere", jsonnetStaysInItsRoom, "internal/session/a.go", "package session\nimport \"github.com/google/go-jsonnet/ast\"", "internal/session/a.go:2:"},
		{"the pool elsewhere", jsonnetStaysInItsRoom, "internal/session/a.go", "package session\nimport \"zelus/internal/jsonnet\"", ""},

		{"the clock", globalsAreHandedIn, "internal/flow/a.go", "package flow\nimport \"time\"\nvar f = time.Now", "internal/flow/a.go:3:"},
		{"the clock by another name", globalsAreHandedIn, "internal/flow/a.go", "package flow\nimport t \"time\"\nvar f = t.Now()", "internal/flow/a.go:3:"},
		{"the clock in a test", globalsAreHandedIn, "internal/flow/a_test.go", "package flow\nimport \"time\"\nvar f = time.Now()", ""},
		{"the clock in a helper of tests", globalsAreHandedIn, "internal/store/storetest/a.go", "package storetest\nimport \"time\"\nvar f = time.Now", ""},
		{"the clock in app", globalsAreHandedIn, "internal/app/a.go", "package app\nimport \"time\"\nvar f = time.Now", ""},
		{"something else called time", globalsAreHandedIn, "internal/flow/a.go", "package flow\nvar f = time.Now()", ""},
		{"a duration", globalsAreHandedIn, "internal/flow/a.go", "package flow\nimport \"time\"\nconst d = time.Second", ""},
		{"sleep in a test", globalsAreHandedIn, "internal/flow/a_test.go", "package flow\nimport \"time\"\nfunc f() { time.Sleep(1) }", "internal/flow/a_test.go:3:"},
		{"the environment", globalsAreHandedIn, "internal/config/a.go", "package config\nimport \"os\"\nvar e = os.Getenv(\"DSN\")", "internal/config/a.go:3:"},
		{"the default logger", globalsAreHandedIn, "internal/web/a.go", "package web\nimport \"log/slog\"\nfunc f() { slog.Info(\"x\") }", "internal/web/a.go:3:"},
		{"a given logger", globalsAreHandedIn, "internal/web/a.go", "package web\nimport \"log/slog\"\nfunc f(l *slog.Logger) { l.Info(\"x\") }", ""},

		{"init", noInit, "internal/web/a.go", "package web\nfunc init() {}", "internal/web/a.go:2:"},
		{"a method called init", noInit, "internal/web/a.go", "package web\ntype t int\nfunc (t) init() {}", ""},

		{"a table", noMutableGlobals, "internal/web/a.go", "package web\nvar m = map[string]int{\"a\": 1}\nfunc f() int { return m[\"a\"] }", ""},
		{"a new value", noMutableGlobals, "internal/web/a.go", "package web\nvar n int\nfunc f() { n = 1 }", "internal/web/a.go:3:"},
		{"a new entry", noMutableGlobals, "internal/web/a.go", "package web\nvar m = map[string]int{}\nfunc f() { m[\"a\"] = 1 }", "internal/web/a.go:3:"},
		{"an entry less", noMutableGlobals, "internal/web/a.go", "package web\nvar m = map[string]int{}\nfunc f() { delete(m, \"a\") }", "internal/web/a.go:3:"},
		{"a new field", noMutableGlobals, "internal/web/a.go", "package web\nvar s = &struct{ a []int }{}\nfunc f() { s.a[0]++ }", "internal/web/a.go:3:"},
		{"a local of the same name", noMutableGlobals, "internal/web/a.go", "package web\nvar n int\nfunc f() { n := 0; n = 1; n++ }", ""},
		{"a field of the same name", noMutableGlobals, "internal/web/a.go", "package web\nvar n int\ntype t struct{ n int }\nfunc (x *t) f() { x.n = 1 }", ""},
		{"a lock", noMutableGlobals, "internal/web/a.go", "package web\nimport \"sync\"\nvar l sync.Mutex", "internal/web/a.go:3:"},
		{"a counter", noMutableGlobals, "internal/web/a.go", "package web\nimport \"sync/atomic\"\nvar c atomic.Pointer[int]", "internal/web/a.go:3:"},
		{"in a test", noMutableGlobals, "internal/web/a_test.go", "package web\nvar n int\nfunc f() { n = 1 }", ""},

		{"a sentence", hasDoc, "internal/web/doc.go", "// Package web holds the plumbing of HTTP.\npackage web", ""},
		{"no sentence", hasDoc, "internal/web/doc.go", "// Package web\npackage web", "internal/web/doc.go:1:"},
		{"another beginning", hasDoc, "internal/web/doc.go", "// All the plumbing of HTTP is here.\npackage web", "internal/web/doc.go:1:"},
		{"no comment", hasDoc, "internal/web/doc.go", "package web", "internal/web/doc.go:1:"},
		{"another file", hasDoc, "internal/web/web.go", "// Package web holds the plumbing of HTTP.\npackage web", "internal/web/web.go:2:"},
		{"a command's main.go", hasDoc, "cmd/zelus/main.go", "// Zelus is an identity server.\npackage main", ""},

		{"panic", noPanics, "internal/web/a.go", "package web\nfunc f() { panic(1) }", "internal/web/a.go:2:"},
		{"panic in a variable", noPanics, "internal/web/a.go", "package web\nvar f = func() { panic(1) }", "internal/web/a.go:2:"},
		{"panic in a test", noPanics, "internal/web/a_test.go", "package web\nfunc f() { panic(1) }", ""},

		{"a mark", noUnfinishedWork, "internal/web/a.go", "package web\n\n// TO" + "DO: more", "internal/web/a.go:3:"},
		{"a mark in a test", noUnfinishedWork, "internal/web/a_test.go", "package web\n// FIX" + "ME", "internal/web/a_test.go:2:"},
		{"an excuse", noUnfinishedWork, "internal/web/a.go", "package web\nconst s = \"Not imple" + "mented\"", "internal/web/a.go:2:"},
		{"a longer word", noUnfinishedWork, "internal/web/a.go", "package web\n// mktemp name.XXXX" + "XX", ""},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			p := &pkg{path: test.path[:strings.LastIndex(test.path, "/")], fset: token.NewFileSet()}
			if err := p.add(test.path, test.code); err != nil {
				t.Fatal(err)
			}
			got := test.check(p)
			if test.want == "" && len(got) > 0 {
				t.Errorf("complaints %q, want none", got)
			}
			if test.want != "" && (len(got) != 1 || !strings.HasPrefix(got[0], test.want)) {
				t.Errorf("complaints %q, want one at %s", got, test.want)
			}
		})
	}
}

// TestDependenciesAreExplained wants a reason in docs/DEPENDENCIES.md for each
// direct requirement of go.mod, and no reason for what is not required.
func TestDependenciesAreExplained(t *testing.T) {
	mod, err := os.ReadFile(filepath.Join(repository, "go.mod"))
	if err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(filepath.Join(repository, "docs", "DEPENDENCIES.md"))
	if err != nil {
		t.Fatal(err)
	}
	required, explained := directRequirements(string(mod)), explainedModules(string(text))
	if len(required) == 0 {
		t.Fatal("go.mod: no direct requirement was found; run go mod tidy, which marks the indirect ones")
	}
	for _, module := range required {
		if !slices.Contains(explained, module) {
			t.Errorf("go.mod: %s is not in docs/DEPENDENCIES.md: add a line there that says why it is needed", module)
		}
	}
	for _, module := range explained {
		if !slices.Contains(required, module) {
			t.Errorf("docs/DEPENDENCIES.md: %s is no direct requirement of go.mod: remove its line, or run go mod tidy", module)
		}
	}
}

// directRequirements reads the modules that a go.mod requires, without those
// marked as indirect.
func directRequirements(mod string) []string {
	var out []string
	inBlock := false
	for line := range strings.Lines(mod) {
		line, comment, _ := strings.Cut(line, "//")
		fields := strings.Fields(line)
		switch {
		case len(fields) == 2 && fields[0] == "require" && fields[1] == "(":
			inBlock = true
			continue
		case len(fields) == 1 && fields[0] == ")":
			inBlock = false
		case len(fields) == 3 && fields[0] == "require":
			fields = fields[1:]
		case !inBlock:
			continue
		}
		if len(fields) == 2 && strings.TrimSpace(comment) != "indirect" {
			out = append(out, fields[0])
		}
	}
	return out
}

// explainedModules reads the modules that have a line "- `module` (licence): why".
func explainedModules(text string) []string {
	var out []string
	for line := range strings.Lines(text) {
		rest, listed := strings.CutPrefix(line, "- `")
		module, rest, _ := strings.Cut(rest, "` (")
		_, why, _ := strings.Cut(rest, "): ")
		if listed && strings.TrimSpace(why) != "" {
			out = append(out, module)
		}
	}
	return out
}

func TestReadingDependencies(t *testing.T) {
	mod := "module zelus\n\ngo 1.26.0\n\nrequire a.example/one v1.0.0\n\nrequire (\n\tb.example/two/v2 v2.0.0\n\tc.example/three v1.0.0 // indirect\n)\n\nrequire d.example/four v1.0.0 // indirect\n"
	if got, want := directRequirements(mod), []string{"a.example/one", "b.example/two/v2"}; !slices.Equal(got, want) {
		t.Errorf("directRequirements = %q, want %q", got, want)
	}
	text := "# Dependencies\n\n- `a.example/one` (MIT): counts.\n- `b.example/two/v2` (MIT):\n- plain\n"
	if got, want := explainedModules(text), []string{"a.example/one"}; !slices.Equal(got, want) {
		t.Errorf("explainedModules = %q, want %q", got, want)
	}
}
