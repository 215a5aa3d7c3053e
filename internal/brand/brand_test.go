package brand

import (
	"bytes"
	"encoding/base64"
	"image"
	"image/color"
	"image/png"
	"math"
	"math/rand/v2"
	"strings"
	"testing"

	"zelus/internal/source"
)

// settings are those of a service that says nothing.
func settings() Settings {
	return Settings{Name: "Example", Light: Scheme{Background: "#ffffff", Text: "#1c2026", Accent: "#1d5fc4"}, Dark: Scheme{Background: "#15181d", Text: "#e7e9ed"}}
}

// TestContrast compares with values that are known: the ends of the scale, and
// the greys and colours that manuals of WCAG give as the last that will do.
func TestContrast(t *testing.T) {
	for _, test := range []struct {
		a, b string
		want float64
	}{
		{"#000", "#fff", 21}, {"#123456", "#123456", 1}, {"#767676", "#ffffff", 4.54}, {"#777777", "#ffffff", 4.478},
		{"#949494", "#fff", 3.03}, {"#ff0000", "#ffffff", 3.998}, {"#0000ff", "#ffffff", 8.59}, {"#00ff00", "#ffffff", 1.37},
	} {
		a, errA := ParseColor(test.a)
		b, errB := ParseColor(test.b)
		if errA != nil || errB != nil {
			t.Fatal(errA, errB)
		}
		if got := Contrast(a, b); math.Abs(got-test.want) > 0.005 || got != Contrast(b, a) {
			t.Errorf("the contrast of %s and %s is %.3f, want %.2f", test.a, test.b, got, test.want)
		}
	}
}

func TestParseColor(t *testing.T) {
	for text, want := range map[string]string{"#Abc": "#aabbcc", "#12ef09": "#12ef09"} {
		if c, err := ParseColor(text); err != nil || c.String() != want {
			t.Errorf("%s is %s, %v", text, c, err)
		}
	}
	for _, text := range []string{"", "#", "123456", "#12345", "#1234567", "#12345678", "#12345g", "#äb", "red", "#ff00ff;}", "#\x00\x00\x00"} {
		if c, err := ParseColor(text); err == nil {
			t.Errorf("%q is taken for %s", text, c)
		}
	}
}

// TestNear: there always is a colour that will do, and one that does stays.
func TestNear(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	some := func() Color { return Color{uint8(r.IntN(256)), uint8(r.IntN(256)), uint8(r.IntN(256))} }
	for range 2000 {
		c, against := some(), some()
		for _, needed := range []float64{contrastControls, contrastText} {
			n := Near(c, needed, against)
			if Contrast(n, against) < needed {
				t.Fatalf("%s, near %s, has %.3f with %s", n, c, Contrast(n, against), against)
			}
			if Contrast(c, against) >= needed && n != c {
				t.Fatalf("%s would do with %s and became %s", c, against, n)
			}
		}
	}
}

// TestPalettes: whatever an operator says is refused, or everything made of it
// has the contrast that it needs.
func TestPalettes(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	some := func() string {
		return Color{uint8(r.IntN(256)), uint8(r.IntN(256)), uint8(r.IntN(256))}.String()
	}
	taken := 0
	for range 5000 {
		s := Scheme{Background: some(), Text: some(), Accent: some()}
		if r.IntN(2) == 0 {
			s.Accent = ""
		}
		p, err := palette("x", s, Color{200, 30, 90})
		if err != nil {
			continue
		}
		taken++
		for name, c := range map[string]Color{"text": p.Text, "link": p.Link, "muted": p.Muted, "danger": p.Danger, "success": p.Success} {
			if got := min(Contrast(c, p.Background), Contrast(c, p.Surface)); got < contrastText {
				t.Errorf("%+v: %s %s has %.2f with background or surface", s, name, c, got)
			}
		}
		for name, c := range map[string]Color{"accent": p.Accent, "border": p.Border} {
			if got := Contrast(c, p.Background); got < contrastControls {
				t.Errorf("%+v: %s %s has %.2f with the background", s, name, c, got)
			}
		}
		if got := min(Contrast(p.OnAccent, p.Accent), Contrast(p.OnAccent, p.Hover)); got < contrastText {
			t.Errorf("%+v: text on the accent has %.2f", s, got)
		}
	}
	if taken < 100 {
		t.Errorf("only %d schemes were taken", taken)
	}
}

func TestDefaults(t *testing.T) {
	b, err := New(t.Context(), settings(), source.Reader{})
	if err != nil {
		t.Fatal(err)
	}
	// A dark accent is that of the light pages, lighter.
	if b.Light.Accent.String() != "#1d5fc4" || b.Light.OnAccent != white || b.Dark.Accent.luminance() <= b.Light.Accent.luminance() {
		t.Errorf("the accents are %s with %s, and %s", b.Light.Accent, b.Light.OnAccent, b.Dark.Accent)
	}
	if got := b.Properties(); !strings.HasPrefix(got, ":root{color-scheme:light dark;--background:#ffffff;--surface:#f6f6f6;--text:#1c2026;--accent:#1d5fc4;") ||
		!strings.Contains(got, "@media (prefers-color-scheme:dark){:root{--background:#15181d;") {
		t.Errorf("the properties are %s", got)
	}
}

func encoded(text string) string {
	return "base64://" + base64.StdEncoding.EncodeToString([]byte(text))
}

// TestRefused: each mistake is named with its setting.
func TestRefused(t *testing.T) {
	for name, test := range map[string]struct {
		change func(*Settings)
		want   string
	}{
		"accent": {func(s *Settings) { s.Light.Accent = "#fc0" },
			"branding.colors.light.accent: #ffcc00 has a contrast of 1.51:1 with the background, #ffffff; buttons and the focus ring need at least 3:1 (WCAG 2.2, 1.4.11); #b49000 would do"},
		"accent of dark pages": {func(s *Settings) { s.Dark.Accent = "#1d2f54" }, "branding.colors.dark.accent: #1d2f54 has a contrast of "},
		"text on the accent": {func(s *Settings) { s.Light.OnAccent = "#000" },
			"branding.colors.light.on_accent: #000000 has a contrast of 3.4"},
		"text":                {func(s *Settings) { s.Dark.Text = "#666666" }, "branding.colors.dark.text: #666666 has a contrast of 3."},
		"no colour":           {func(s *Settings) { s.Light.Background = "white" }, `branding.colors.light.background: "white" is not a colour`},
		"logo":                {func(s *Settings) { s.Logo = encoded("<html><script/></html>") }, "branding.logo_url: this is no picture"},
		"logo in the dark":    {func(s *Settings) { s.LogoDark = "file:///nowhere/at/all.svg" }, "branding.logo_dark_url: "},
		"logo without a net":  {func(s *Settings) { s.Logo = "https://www.example.org/logo.svg" }, "branding.logo_url: "},
		"broken SVG":          {func(s *Settings) { s.Logo = encoded(`<svg xmlns="http://www.w3.org/2000/svg"><g></svg>`) }, "branding.logo_url: "},
		"SVG within HTML":     {func(s *Settings) { s.Logo = encoded(`<html><svg xmlns="http://www.w3.org/2000/svg"></svg></html>`) }, "branding.logo_url: "},
		"style sheet":         {func(s *Settings) { s.CSS = encoded("a\x00b") }, "branding.css_url: this is no style sheet"},
		"script for a link":   {func(s *Settings) { s.Support = "javascript:alert(1)" }, "branding.links.support_url: must be"},
		"data for a link":     {func(s *Settings) { s.Privacy = "data:text/html,x" }, "branding.links.privacy_url: must be"},
		"link with a control": {func(s *Settings) { s.Terms = "java\nscript:alert(1)" }, "branding.links.terms_url: must be"},
	} {
		s := settings()
		test.change(&s)
		if _, err := New(t.Context(), s, source.Reader{}); err == nil || !strings.HasPrefix(err.Error(), test.want) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%s: %v, want %s", name, err, test.want)
		}
	}
}

func TestPictures(t *testing.T) {
	var picture bytes.Buffer
	dot := image.NewGray(image.Rect(0, 0, 1, 1))
	dot.Set(0, 0, color.White)
	if err := png.Encode(&picture, dot); err != nil {
		t.Fatal(err)
	}
	for text, want := range map[string]string{
		picture.String(): "image/png",
		`<?xml version="1.0"?><!-- ours --><svg xmlns="http://www.w3.org/2000/svg"/>`: "image/svg+xml",
		"RIFF\x24\x00\x00\x00WEBPVP8 ": "image/webp",
	} {
		s := settings()
		s.Logo = encoded(text)
		b, err := New(t.Context(), s, source.Reader{})
		if err != nil {
			t.Errorf("%s: %v", want, err)
		} else if b.Logo.Type != want || string(b.Logo.Data) != text || b.Logo.Ext == "" {
			t.Errorf("%s is taken for %s", want, b.Logo.Type)
		}
	}
}
