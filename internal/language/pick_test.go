package language

import (
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
)

func TestPick(t *testing.T) {
	for _, test := range []struct{ locale, accept, want string }{
		{"", "", "en"},
		{"de", "", "de"}, {"de-AT", "", "de"}, {"de_CH", "", "de"}, {"de_DE.UTF-8@euro", "", "de"}, {" DE ", "", "de"},
		{"zh-TW", "", "zh"}, {"zh_Hant_HK", "", "zh"}, {"zh-Hans", "", "zh"}, {"pt-BR", "", "pt"}, {"pt-PT", "", "pt"}, {"ja-JP-u-ca-japanese", "", "ja"},
		{"fr", "de", "fr"}, {"sv", "de", "de"}, {"sv", "", "en"}, {"nonsense", "pl", "pl"}, {"C", "it", "it"}, {"und", "it", "it"},
		{"", "fr-CH, fr;q=0.9, en;q=0.8, de;q=0.7, *;q=0.5", "fr"},
		{"", "sv, en;q=0.2, de;q=0.7", "de"}, {"", "de;q=0.5, fr;q=0.5", "de"}, {"", "nl;q=0, es;q=0.1", "es"}, {"", "de;q=0", "en"},
		{"", "de ; q=0.5, fr ;q=0.7", "fr"}, {"", "de, fr;q=7", "de"}, {"", "de;q=-1", "en"}, {"", "de;q=+Inf, fr", "de"},
		{"", "ar-EG;q", "ar"}, {"", "ar-EG;q=much, de;q=0.9", "ar"}, {"", "de;q=NaN", "en"}, {"", "*", "en"}, {"", ",,;;q=1,=", "en"}, {"", "\x00\xff", "en"},
		{"", strings.Repeat("xx-", 5000) + ",de", "de"},
		{"", strings.Repeat("sv,", 10_000) + "de", "en"},
		{strings.Repeat("d", 10000), "", "en"},
		{"", strings.Repeat("de", 5000), "en"},
	} {
		if got := (Offer{}).Pick(Wishes{Locale: test.locale, Accept: test.accept}); got != test.want {
			t.Errorf("with the trait %.40q and the header %.40q it is %q, want %q", test.locale, test.accept, got, test.want)
		}
	}
}

// TestPickInOrder: what the application asks for counts before what the person has
// chosen, that before the trait, that before the header.
func TestPickInOrder(t *testing.T) {
	for _, test := range []struct {
		offer Offer
		w     Wishes
		want  string
	}{
		{Offer{}, Wishes{UILocales: "pl", Chosen: "de", Locale: "fr", Accept: "es"}, "pl"},
		{Offer{}, Wishes{Chosen: "de", Locale: "fr", Accept: "es"}, "de"},
		{Offer{}, Wishes{Locale: "fr", Accept: "es"}, "fr"},
		{Offer{}, Wishes{UILocales: "sv  fr-CA\tde"}, "fr"},
		{Offer{}, Wishes{UILocales: "sv nb", Chosen: "x", Locale: "da", Accept: "fi"}, "en"},
		{Offer{}, Wishes{UILocales: strings.Repeat("sv ", 10_000) + "de"}, "en"},
		{Offer{}, Wishes{UILocales: strings.Repeat("\u2003", 10_000) + "de", Accept: "fr"}, "de"},
		{Offer{Default: "nl"}, Wishes{Accept: "sv"}, "nl"},
		{Offer{Default: "nl"}, Wishes{Accept: "en"}, "en"},
		{Offer{Default: "sv"}, Wishes{}, "en"},
		{Offer{Tags: []string{"de", "fr"}}, Wishes{Accept: "es, fr;q=0.1"}, "fr"},
		{Offer{Tags: []string{"de", "fr"}}, Wishes{Chosen: "es"}, "de"},
		{Offer{Tags: []string{"de", "fr"}, Default: "fr"}, Wishes{}, "fr"},
		{Offer{Tags: []string{"de", "en"}}, Wishes{}, "en"},
	} {
		if got := test.offer.Pick(test.w); got != test.want {
			t.Errorf("%+v: %.200v gives %q, want %q", test.offer, test.w, got, test.want)
		}
	}
}

func TestOffer(t *testing.T) {
	if got := (Offer{}).Names(); !slices.Equal(got, names) {
		t.Errorf("without a choice %v are offered", got)
	}
	if got, want := (Offer{Tags: []string{"ar", "sv", "de"}}).Names(), []Name{{"de", "Deutsch", "ltr"}, {"ar", "العربية", "rtl"}}; !slices.Equal(got, want) {
		t.Errorf("offered are %v, want %v", got, want)
	}
}

func TestAsked(t *testing.T) {
	r := httptest.NewRequest("GET", "/ui/login?flow=1&ui_locales=fr-CA+en&x=%zz", nil)
	r.Header.Set("Accept-Language", "pl")
	r.Header.Set("Cookie", Cookie+"=de; "+Cookie+"=it")
	if got, want := Asked(r), (Wishes{UILocales: "fr-CA en", Chosen: "de", Accept: "pl"}); got != want {
		t.Errorf("the wishes are %+v, want %+v", got, want)
	}
	if got := Asked(httptest.NewRequest("GET", "/", nil)); got != (Wishes{}) {
		t.Errorf("without any there are %+v", got)
	}
}

// FuzzPick: whatever is asked for, the answer is a language that is offered.
func FuzzPick(f *testing.F) {
	f.Add("de fr", "de", "de_DE.UTF-8", "de;q=0.3, fr")
	f.Add("\x00", "\xff", "-", "*;q=NaN,,")
	f.Fuzz(func(t *testing.T, uiLocales, chosen, locale, accept string) {
		w := Wishes{UILocales: uiLocales, Chosen: chosen, Locale: locale, Accept: accept}
		if _, ours := named(Offer{}.Pick(w)); !ours {
			t.Errorf("%+v gives %q", w, Offer{}.Pick(w))
		}
		if got := (Offer{Tags: []string{"ja", "ar"}, Default: "ar"}).Pick(w); got != "ja" && got != "ar" {
			t.Errorf("%+v gives %q, which is not offered", w, got)
		}
	})
}

func BenchmarkPick(b *testing.B) {
	for name, w := range map[string]Wishes{
		"browser": {Accept: "de-CH,de;q=0.9,en-US;q=0.8,en;q=0.7"},
		"hostile": {UILocales: strings.Repeat("sv-Latn-SE-x-aaaaaaaa ", 10_000), Accept: strings.Repeat("sv-Latn-SE-x-aaaaaaaa;q=0.1,", 10_000)},
	} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				Offer{}.Pick(w)
			}
		})
	}
}
