package brand

import (
	"errors"
	"fmt"
	"math"
	"strings"
)

// Contrasts that WCAG 2.2 (level AA) asks for.
const (
	contrastText     = 4.5 // 1.4.3 Contrast (Minimum)
	contrastControls = 3.0 // 1.4.11 Non-text Contrast
	// comfortable is for what we choose ourselves.
	comfortable = 7.0 // 1.4.6 Contrast (Enhanced)
)

// Palette are the colours of one scheme.
type Palette struct {
	Background, Text Color
	// Surface is behind what is set apart from the page.
	Surface Color
	// Accent fills buttons and draws the focus ring; OnAccent is text upon it, and upon
	// Hover, which fills the button below a pointer.
	Accent, OnAccent, Hover Color
	// Link is the accent where it is text.
	Link Color
	// Muted is text that matters less; Border is around fields.
	Muted, Border Color
	// Danger and Success are text, and borders, of what went wrong or well.
	Danger, Success Color
}

// Scheme is what the configuration says of a palette: colours as ParseColor reads
// them. Background and Text are needed; an empty one of the others follows.
type Scheme struct{ Background, Text, Accent, OnAccent string }

// The colours that make the others up, before they are given the contrast that they need.
var (
	dangerHue  = Color{0xb4, 0x23, 0x18}
	successHue = Color{0x16, 0x71, 0x3f}
)

// palette completes a scheme and checks it. setting is its key in the
// configuration; accent is what that of a scheme without one is made of.
func palette(setting string, s Scheme, accent Color) (Palette, error) {
	var faults []error
	read := func(key, text string, otherwise func() Color) Color {
		if text == "" && otherwise != nil {
			return otherwise()
		}
		c, err := ParseColor(text)
		if err != nil {
			faults = append(faults, fmt.Errorf("%s.%s: %w", setting, key, err))
		}
		return c
	}
	var p Palette
	p.Background = read("background", s.Background, nil)
	p.Text = read("text", s.Text, nil)
	p.Accent = read("accent", s.Accent, func() Color { return Near(accent, comfortable, p.Background) })
	p.OnAccent = read("on_accent", s.OnAccent, func() Color { return readable(p.Accent) })
	if err := errors.Join(faults...); err != nil {
		return Palette{}, err
	}
	check := func(key string, c Color, on string, against Color, needed float64, what, criterion string) {
		if seen := Contrast(c, against); seen < needed {
			// Rounded down: what is shown as enough is enough.
			faults = append(faults, fmt.Errorf("%s.%s: %s has a contrast of %.2f:1 with %s, %s; %s at least %g:1 (WCAG 2.2, %s); %s would do",
				setting, key, c, math.Floor(seen*100)/100, on, against, what, needed, criterion, Near(c, needed, against)))
		}
	}
	check("text", p.Text, "the background", p.Background, contrastText, "text needs", "1.4.3")
	check("accent", p.Accent, "the background", p.Background, contrastControls, "buttons and the focus ring need", "1.4.11")
	check("on_accent", p.OnAccent, "the accent", p.Accent, contrastText, "text on buttons needs", "1.4.3")
	if err := errors.Join(faults...); err != nil {
		return Palette{}, err
	}
	if p.Surface = p.Background.mix(p.Text, 0.04); Contrast(p.Text, p.Surface) < contrastText {
		p.Surface = p.Background // there is no contrast to spare
	}
	p.Hover = p.Accent.mix(readable(p.OnAccent), 0.14) // away from the text on it
	stand := func(c Color, contrast float64) Color { return Near(c, contrast, p.Background, p.Surface) }
	p.Link = stand(p.Accent, contrastText)
	p.Muted = stand(p.Text.mix(p.Background, 0.3), contrastText)
	p.Border = stand(p.Text.mix(p.Background, 0.5), contrastControls)
	p.Danger = stand(dangerHue, contrastText)
	p.Success = stand(successHue, contrastText)
	return p, nil
}

// properties are the colours as custom properties of CSS.
func (p Palette) properties() string {
	var b strings.Builder
	for _, each := range []struct {
		name string
		Color
	}{{"background", p.Background}, {"surface", p.Surface}, {"text", p.Text}, {"accent", p.Accent}, {"accent-hover", p.Hover}, {"on-accent", p.OnAccent}, {"link", p.Link}, {"muted", p.Muted},
		{"border", p.Border}, {"danger", p.Danger}, {"success", p.Success}} {
		fmt.Fprintf(&b, "--%s:%s;", each.name, each.Color)
	}
	return b.String()
}
