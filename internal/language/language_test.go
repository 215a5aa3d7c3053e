package language_test

import (
	"os"
	"testing"
	"testing/fstest"
	"time"

	"zelus/internal/language"
	"zelus/internal/language/languagetest"
)

func TestTextsAreComplete(t *testing.T) { languagetest.Complete(t, os.DirFS("."), "texts") }

func TestNames(t *testing.T) {
	for _, n := range language.Names() {
		l := in(t, n.Tag)
		if l.Name != n || n.Endonym == "" || (n.Direction == "rtl") != (n.Tag == "ar") {
			t.Errorf("%s is %+v", n.Tag, l.Name)
		}
		for month := time.January; month <= time.December; month++ {
			if l.Moment(time.Date(2026, month, 1, 0, 0, 0, 0, time.UTC)) == "" {
				t.Errorf("%s does not say %s", n.Tag, month)
			}
		}
	}
	if l := in(t, "sv"); l.Tag != language.English {
		t.Errorf("an unknown language is %s", l.Tag)
	}
}

func TestDurations(t *testing.T) {
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
		if got := in(t, test.tag).Duration(test.minutes); got != test.want {
			t.Errorf("%d minutes in %s are %q, want %q", test.minutes, test.tag, got, test.want)
		}
	}
}

func TestMoment(t *testing.T) {
	at := time.Date(2026, time.November, 22, 5, 5, 0, 0, time.FixedZone("", 3600))
	if got, want := in(t, "de").Moment(at), "22. November 2026, 04:05 Uhr (UTC)"; got != want {
		t.Errorf("a time is %q, want %q", got, want)
	}
	if got, want := in(t, "ja").Day(at), "2026年11月22日"; got != want {
		t.Errorf("a date is %q, want %q", got, want)
	}
}

// TestFilesAreReadOnce: a file is read when its language is needed, and then kept.
func TestFilesAreReadOnce(t *testing.T) {
	disk := fstest.MapFS{"x/en.json": {Data: []byte(`{"a":"b"}`)}, "x/de.json": {Data: []byte(`{`)}}
	files := language.NewFiles[map[string]string](disk, "x")
	first, err := files.In("en")
	if err != nil || (*first)["a"] != "b" {
		t.Fatalf("it is %v, %v", first, err)
	}
	delete(disk, "x/en.json")
	for _, tag := range []string{"en", "sv"} {
		if again, err := files.In(tag); err != nil || again != first {
			t.Errorf("%s is %v, %v", tag, again, err)
		}
	}
	for _, tag := range []string{"de", "fr"} {
		if got, err := files.In(tag); err == nil {
			t.Errorf("%s, which is broken, is %v", tag, got)
		}
	}
}

func in(t *testing.T, tag string) *language.Language {
	t.Helper()
	l, err := language.New(nil).In(tag)
	if err != nil {
		t.Fatal(err)
	}
	return l
}
