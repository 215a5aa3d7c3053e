package languagetest

import (
	"encoding/json"
	"io/fs"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"golang.org/x/text/feature/plural"
	xlanguage "golang.org/x/text/language"

	"zelus/internal/language"
)

// Complete checks that a folder has one file for each language, with the keys of the
// English one, texts for all of them, and the same placeholders in these. An object
// with the key "other" is a text in the plural forms that its language needs.
func Complete(t *testing.T, files fs.FS, folder string) {
	t.Helper()
	entries, err := fs.ReadDir(files, folder)
	if err != nil {
		t.Fatal(err)
	}
	var found []string
	for _, e := range entries {
		found = append(found, strings.TrimSuffix(e.Name(), ".json"))
	}
	if want := slices.Sorted(slices.Values(language.Tags())); !slices.Equal(found, want) {
		t.Fatalf("%s has files for %v, the languages are %v", folder, found, want)
	}
	english := Read(t, files, folder, language.English)
	for _, tag := range language.Tags() {
		texts := Read(t, files, folder, tag)
		for _, key := range slices.Sorted(maps.Keys(texts)) {
			if _, known := english[key]; !known {
				t.Errorf("%s: %s is not in English", tag, key)
			}
		}
		for _, key := range slices.Sorted(maps.Keys(english)) {
			text, found := texts[key]
			if !found {
				t.Errorf("%s lacks %s", tag, key)
				continue
			}
			text.Check(t, tag, key)
			// A sentence that names something twice in one language may do with once in another.
			if got, want := Placeholders(text.Forms["other"]), Placeholders(english[key].Forms["other"]); !slices.Equal(got, want) {
				t.Errorf("%s: %s puts in %v, want %v", tag, key, got, want)
			}
		}
	}
}

// Placeholders are the names in curly brackets in a text, each once, in alphabetical
// order.
func Placeholders(text string) []string {
	all := placeholder.FindAllString(text, -1)
	slices.Sort(all)
	return slices.Compact(all)
}

var placeholder = regexp.MustCompile(`\{[^}]*\}`)

// Text is a text in a file.
type Text struct {
	// Forms are its plural forms; a text that has none stands under "other".
	Forms map[string]string
	// By is the key by which it counts, if it has one.
	By string

	plural bool
}

// Check checks a text by itself.
func (x Text) Check(t *testing.T, tag, key string) {
	for form, s := range x.Forms {
		if s == "" || !x.plural && strings.TrimSpace(s) != s {
			t.Errorf("%s: %s is %q", tag, key, s)
		}
		for _, p := range Placeholders(s) {
			if !strings.Contains(x.Forms["other"], p) {
				t.Errorf("%s: %s puts in %s for %s only", tag, key, p, form)
			}
		}
	}
	if !x.plural {
		return
	}
	if got, want := slices.Sorted(maps.Keys(x.Forms)), forms(tag); !slices.Equal(got, want) {
		t.Errorf("%s: %s has the forms %v, want %v", tag, key, got, want)
	}
}

// forms are the plural forms of a language, for whole numbers that anybody meets.
func forms(tag string) []string {
	names := map[plural.Form]string{plural.Zero: "zero", plural.One: "one", plural.Two: "two", plural.Few: "few", plural.Many: "many", plural.Other: "other"}
	needed := map[string]bool{"other": true}
	for n := range 10_000 {
		needed[names[plural.Cardinal.MatchPlural(xlanguage.Make(tag), n, 0, 0, 0, 0)]] = true
	}
	return slices.Sorted(maps.Keys(needed))
}

// Read gives the texts of a file by the path of their keys.
func Read(t *testing.T, files fs.FS, folder, tag string) map[string]Text {
	t.Helper()
	raw, err := fs.ReadFile(files, folder+"/"+tag+".json")
	if err != nil {
		t.Fatal(err)
	}
	var all any
	if err := json.Unmarshal(raw, &all); err != nil {
		t.Fatalf("%s/%s.json: %v", folder, tag, err)
	}
	texts := map[string]Text{}
	flatten(t, texts, "", all)
	return texts
}

func flatten(t *testing.T, texts map[string]Text, path string, v any) {
	switch v := v.(type) {
	case string:
		texts[path] = Text{Forms: map[string]string{"other": v}}
	case []any:
		for i, item := range v {
			flatten(t, texts, joined(path, strconv.Itoa(i)), item)
		}
	case map[string]any:
		if _, plural := v["other"].(string); plural {
			by, _ := v["by"].(string)
			delete(v, "by")
			forms := map[string]string{}
			for form, s := range v {
				forms[form], _ = s.(string)
			}
			texts[path] = Text{forms, by, true}
			return
		}
		for name, item := range v {
			flatten(t, texts, joined(path, name), item)
		}
	default:
		t.Errorf("%s is %v, no text", path, v)
	}
}

func joined(path, name string) string {
	if path == "" {
		return name
	}
	return path + "." + name
}
