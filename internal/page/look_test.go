package page

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"text/template/parse"

	"zelus/internal/brand"
	"zelus/internal/source"
)

// wears is a brand of which nothing is configured.
func wears(t *testing.T) *brand.Brand {
	t.Helper()
	b, err := brand.New(t.Context(), brand.Settings{Name: "Example", Light: brand.Scheme{Background: "#ffffff", Text: "#000000", Accent: "#1d5fc4"},
		Dark: brand.Scheme{Background: "#000000", Text: "#ffffff"}}, source.Reader{})
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// TestOwnTemplatesLikeOurs: our templates pass the checks of those of operators, and
// every page is among what is checked.
func TestOwnTemplatesLikeOurs(t *testing.T) {
	folder := t.TempDir()
	entries, err := templateFiles.ReadDir("templates")
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		text, err := templateFiles.ReadFile("templates/" + e.Name())
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(folder, e.Name()), text, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := NewLook(wears(t), folder); err != nil {
		t.Error(err)
	}
	all, err := builtIn()
	if err != nil {
		t.Fatal(err)
	}
	checked := bodies()
	for _, each := range all.Templates() {
		if strings.HasSuffix(each.Name(), ".html") && !parse.IsEmptyTree(each.Tree.Root) && checked[each.Name()] == nil {
			t.Errorf("%s is a page, and not among those of bodies", each.Name())
		}
	}
}

// TestExampleOfTheManual: what operators copy works.
func TestExampleOfTheManual(t *testing.T) {
	text, err := os.ReadFile("../../docs/howto/branding.md")
	if err != nil {
		t.Fatal(err)
	}
	found := regexp.MustCompile("(?s)```html\n<!-- /etc/zelus/pages/(error.html) -->\n(.*?)```").FindSubmatch(text)
	if found == nil {
		t.Fatal("there is no example")
	}
	folder := t.TempDir()
	for name, text := range map[string][]byte{string(found[1]): found[2], "_phone.html": []byte("<p>Call us</p>")} {
		if err := os.WriteFile(filepath.Join(folder, name), text, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := NewLook(wears(t), folder); err != nil {
		t.Error(err)
	}
}
