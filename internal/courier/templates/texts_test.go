package templates

import (
	"testing"

	"zelus/internal/language"
	"zelus/internal/language/languagetest"
)

// TestTextsAreComplete: every language has a text for every template.
func TestTextsAreComplete(t *testing.T) {
	languagetest.Complete(t, languageFiles, "languages")
	english, err := build(t, Settings{}).texts.In(language.English)
	if err != nil {
		t.Fatal(err)
	}
	for _, k := range kinds {
		if _, found := english.Templates[k.words]; !found {
			t.Errorf("there are no texts for %s", k.name)
		}
	}
}
