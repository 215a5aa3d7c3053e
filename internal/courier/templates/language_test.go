package templates

import (
	"encoding/json"
	"maps"
	"regexp"
	"slices"
	"strings"
	"testing"

	"golang.org/x/text/feature/plural"
	"golang.org/x/text/language"
)

func TestLanguage(t *testing.T) {
	for _, test := range []struct{ locale, accept, want string }{
		{"", "", "en"},
		{"de", "", "de"}, {"de-AT", "", "de"}, {"de_CH", "", "de"}, {"de_DE.UTF-8@euro", "", "de"}, {" DE ", "", "de"},
		{"zh-TW", "", "zh"}, {"zh_Hant_HK", "", "zh"}, {"zh-Hans", "", "zh"}, {"pt-BR", "", "pt"}, {"pt-PT", "", "pt"}, {"ja-JP-u-ca-japanese", "", "ja"},
		{"fr", "de", "fr"}, {"sv", "de", "de"}, {"sv", "", "en"}, {"nonsense", "pl", "pl"}, {"C", "it", "it"}, {"und", "it", "it"},
		{"", "fr-CH, fr;q=0.9, en;q=0.8, de;q=0.7, *;q=0.5", "fr"},
		{"", "sv, en;q=0.2, de;q=0.7", "de"}, {"", "de;q=0.5, fr;q=0.5", "de"}, {"", "nl;q=0, es;q=0.1", "es"}, {"", "de;q=0", "en"},
		{"", "ar-EG;q", "ar"}, {"", "ar-EG;q=much, de;q=0.9", "ar"}, {"", "de;q=NaN", "en"}, {"", "*", "en"}, {"", ",,;;q=1,=", "en"}, {"", "\x00\xff", "en"},
		{"", strings.Repeat("xx-", 5000) + ",de", "de"},
		{"", strings.Repeat("sv,", 5000) + "de", "en"},
		{strings.Repeat("d", 10000), "", "en"},
		{"", strings.Repeat("de", 5000), "en"},
	} {
		if got := Language(test.locale, test.accept); got != test.want {
			t.Errorf("Language(%.40q, %.40q) = %q, want %q", test.locale, test.accept, got, test.want)
		}
	}
}

// TestLanguagesAreComplete: every language has the same keys as English, the
// same things to put in, and the plural forms that it needs.
func TestLanguagesAreComplete(t *testing.T) {
	entries, err := languageFiles.ReadDir("languages")
	if err != nil {
		t.Fatal(err)
	}
	var files []string
	for _, e := range entries {
		files = append(files, strings.TrimSuffix(e.Name(), ".json"))
	}
	if want := slices.Sorted(slices.Values(tags)); !slices.Equal(files, want) {
		t.Errorf("the files are %v, the list is %v", files, want)
	}
	read := func(tag string) map[string]any {
		raw, err := languageFiles.ReadFile("languages/" + tag + ".json")
		if err != nil {
			t.Fatal(err)
		}
		var all map[string]any
		if err := json.Unmarshal(raw, &all); err != nil {
			t.Fatalf("%s: %v", tag, err)
		}
		return all
	}
	placeholders := regexp.MustCompile(`\{[^}]*\}`)
	wanted := flat("", read("en"))
	for _, tag := range tags {
		all := read(tag)
		for _, unit := range []string{"minutes", "hours", "days"} {
			forms, _ := all[unit].(map[string]any)
			needed := map[string]bool{}
			for n := range 10_000 {
				needed[pluralForms[plural.Cardinal.MatchPlural(language.Make(tag), n, 0, 0, 0, 0)]] = true
			}
			needed["other"] = true
			if got, want := slices.Sorted(maps.Keys(forms)), slices.Sorted(maps.Keys(needed)); !slices.Equal(got, want) {
				t.Errorf("%s: %s has the forms %v, want %v", tag, unit, got, want)
			}
			if other, _ := forms["other"].(string); !strings.Contains(other, "{n}") {
				t.Errorf("%s: %s.other has no {n}", tag, unit)
			}
		}
		if months, _ := all["months"].([]any); len(months) != 12 {
			t.Errorf("%s has %d months", tag, len(months))
		}
		if direction := all["direction"]; direction != "ltr" && direction != "rtl" {
			t.Errorf("%s: the direction is %v", tag, direction)
		}
		texts := flat("", all)
		for key, text := range texts {
			if _, known := wanted[key]; !known {
				t.Errorf("%s: %s is in no other language", tag, key)
			} else if strings.TrimSpace(text) != text || text == "" {
				t.Errorf("%s: %s is %q", tag, key, text)
			}
		}
		for key, english := range wanted {
			text, found := texts[key]
			if !found {
				t.Errorf("%s lacks %s", tag, key)
				continue
			}
			got, want := placeholders.FindAllString(text, -1), placeholders.FindAllString(english, -1)
			slices.Sort(got)
			slices.Sort(want)
			// A sentence that names the service twice in one language may do with once in another.
			if !slices.Equal(slices.Compact(got), slices.Compact(want)) {
				t.Errorf("%s: %s puts in %v, want %v", tag, key, got, want)
			}
		}
		for _, k := range kinds {
			if all["templates"].(map[string]any)[k.words] == nil {
				t.Errorf("%s has no texts for %s", tag, k.name)
			}
		}
	}
}

// flat gives the texts of a file by their path, without plural forms and months.
func flat(path string, v map[string]any) map[string]string {
	all := map[string]string{}
	for name, value := range v {
		switch value := value.(type) {
		case string:
			all[path+name] = value
		case map[string]any:
			if name != "minutes" && name != "hours" && name != "days" {
				maps.Copy(all, flat(path+name+".", value))
			}
		}
	}
	return all
}

func TestDurations(t *testing.T) {
	all := build(t, Settings{})
	for _, test := range []struct {
		tag     string
		minutes int
		want    string
	}{
		{"en", 1, "1 minute"}, {"en", 15, "15 minutes"}, {"en", 60, "1 hour"}, {"en", 90, "90 minutes"}, {"en", 1440, "24 hours"}, {"en", 4320, "3 days"},
		{"fr", 1, "1 minute"}, {"fr", 2, "2 minutes"},
		{"pl", 1, "1 minutę"}, {"pl", 2, "2 minuty"}, {"pl", 5, "5 minut"}, {"pl", 12, "12 minut"}, {"pl", 22, "22 minuty"}, {"pl", 4320, "3 dni"},
		{"ar", 1, "دقيقة واحدة"}, {"ar", 2, "دقيقتين"}, {"ar", 5, "5 دقائق"}, {"ar", 15, "15 دقيقة"}, {"ar", 101, "101 دقيقة"},
		{"ja", 15, "15分間"}, {"nl", 120, "2 uur"},
	} {
		if got := all.languages[test.tag].duration(test.minutes); got != test.want {
			t.Errorf("%d minutes in %s are %q, want %q", test.minutes, test.tag, got, test.want)
		}
	}
	if got, want := all.languages["de"].moment(sample().ChangedAt), "22. November 2026, 04:05 Uhr (UTC)"; got != want {
		t.Errorf("a time is %q, want %q", got, want)
	}
}
