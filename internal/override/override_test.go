package override

import (
	htmltemplate "html/template"
	"os"
	"path/filepath"
	"strings"
	"testing"
	texttemplate "text/template"
)

// page is what templates of these tests are given.
type page struct {
	Title string
	Inner any
	words
}

type inner struct{ Name string }

type words struct{}

// T has a value receiver, and Long a pointer's.
func (words) T(key string) string { return "<" + key + ">" }

func (*page) Long() string { return strings.Repeat("x", MaxOutput) }

const builtIn = `{{define "head"}}<h1>{{.Title}}</h1>{{end}}{{define "login"}}{{template "head" .}}built in{{end}}`

func base(t *testing.T) *htmltemplate.Template {
	t.Helper()
	return htmltemplate.Must(htmltemplate.New("").Parse(builtIn))
}

// TestHTML: files take the place of built-in templates, and use the others.
func TestHTML(t *testing.T) {
	set, err := HTML(base(t), []File{{"_mine", `{{.T "a"}}`}, {"login", `{{template "head" .}}{{template "_mine" .}}`}}, map[string]any{"login": &page{Inner: &inner{}}})
	if err != nil {
		t.Fatal(err)
	}
	if got, err := set.Run("login", &page{Title: "<script>"}); err != nil || got != "<h1>&lt;script&gt;</h1>&lt;a&gt;" {
		t.Errorf("%s, %v", got, err)
	}
}

func TestRefused(t *testing.T) {
	for text, want := range map[string]string{
		"{{.Title":                                   "login:1: unclosed action",
		"\n{{.Titel}}":                               "login:2:2: there is no field .Titel here",
		"{{$.Long.Nothing}}{{$.Nothing}}":            "login:1:21: there is no field .Nothing here",
		`{{template "foot" .}}`:                      `login:1:11: there is no template "foot"`,
		`{{template "login" .}}`:                     `leads back to itself`,
		"\n{{with .Inner}}{{.Nam}}{{end}}":           "login:2:17: executing \"login\" at <.Nam>: can't evaluate field Nam in type *override.inner",
		"{{nothing .}}":                              `login:1: function "nothing" not defined`,
		`<a href="{{if .Title}}x">{{else}}'>{{end}}`: "login:1:",
	} {
		_, err := HTML(base(t), []File{{"login", text}}, map[string]any{"login": &page{Inner: &inner{}}})
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want %s", text, err, want)
		}
	}
}

// TestRun: what fails at last tells where, and nothing of the data.
func TestRun(t *testing.T) {
	for text, want := range map[string]string{
		"{{.Long}}{{.Long}}":      ErrOutput.Error(),
		"{{index .Title 9}}":      "root:1:2: executing \"root\" at <index .Title 9> failed",
		"{{(index .Title 0).No}}": "root:1:16: executing \"root\" at <0>: can't evaluate field No in type uint8",
	} {
		set, err := Text(texttemplate.New(""), []File{{"root", text}}, map[string]any{"root": &page{}})
		if err != nil {
			t.Fatal(err)
		}
		if got, err := set.Run("root", &page{Title: "secret"}); got != "" || err == nil || err.Error() != want {
			t.Errorf("%s: %q, %v, want %s", text, got, err, want)
		}
	}
}

func TestReadFolder(t *testing.T) {
	folder := t.TempDir()
	for _, name := range []string{"b.html", "a%20 .html", "a.txt", "c.html~"} {
		if err := os.WriteFile(filepath.Join(folder, name), []byte("text of "+name), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Mkdir(filepath.Join(folder, "d.html"), 0o700); err != nil {
		t.Fatal(err)
	}
	files, err := ReadFolder(folder, "", ".html")
	if err != nil || len(files) != 2 || files[0] != (File{"a%20 .html", "text of a%20 .html"}) || files[1].Name != "b.html" {
		t.Errorf("%v, %v", files, err)
	}
	if files, err := ReadFolder(filepath.Join(folder, "no"), "", ""); err != nil || len(files) != 0 {
		t.Errorf("%v, %v", files, err)
	}
	for _, wrong := range []string{filepath.Join(folder, "no"), filepath.Join(folder, "a.txt")} {
		if err := CheckFolder(wrong); err == nil {
			t.Errorf("%s is taken for a folder", wrong)
		}
	}
}
