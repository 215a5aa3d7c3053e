package brand

import (
	"encoding/hex"
	"fmt"
	"math"
	"slices"
	"strings"
)

// Color is a colour of sRGB without transparency.
type Color struct{ R, G, B uint8 }

var (
	white = Color{255, 255, 255}
	black = Color{}
)

// ParseColor reads #rgb or #rrggbb (CSS Color 4, section 5.2).
func ParseColor(text string) (Color, error) {
	digits, found := strings.CutPrefix(text, "#")
	if len(digits) == 3 {
		digits = string([]byte{digits[0], digits[0], digits[1], digits[1], digits[2], digits[2]})
	}
	raw, err := hex.DecodeString(digits)
	if !found || err != nil || len(raw) != 3 {
		return Color{}, fmt.Errorf("%.20q is not a colour such as #1d5fc4", text)
	}
	return Color{raw[0], raw[1], raw[2]}, nil
}

// String is the colour as #rrggbb.
func (c Color) String() string { return fmt.Sprintf("#%02x%02x%02x", c.R, c.G, c.B) }

// luminance is the relative luminance, from 0 to 1 (WCAG 2.2, section 6).
func (c Color) luminance() float64 {
	return 0.2126*linear(c.R) + 0.7152*linear(c.G) + 0.0722*linear(c.B)
}

// linear takes the gamma off a channel.
func linear(channel uint8) float64 {
	v := float64(channel) / 255
	if v <= 0.04045 {
		return v / 12.92
	}
	return math.Pow((v+0.055)/1.055, 2.4)
}

// Contrast is the contrast ratio of two colours, from 1 to 21 (WCAG 2.2, section 6).
func Contrast(a, b Color) float64 {
	lighter, darker := a.luminance(), b.luminance()
	if lighter < darker {
		lighter, darker = darker, lighter
	}
	return (lighter + 0.05) / (darker + 0.05)
}

// mix is c with a share, from 0 to 1, of another colour in it.
func (c Color) mix(with Color, share float64) Color {
	channel := func(a, b uint8) uint8 { return uint8(math.Round(float64(a)*(1-share) + float64(b)*share)) }
	return Color{channel(c.R, with.R), channel(c.G, with.G), channel(c.B, with.B)}
}

// Near is c, made darker or lighter by as little as it takes to have this contrast
// with all of some other colours. Where there is none, it is black or white.
func Near(c Color, contrast float64, with ...Color) Color {
	const steps = 200
	for i := range steps + 1 {
		for _, end := range []Color{black, white} {
			n := c.mix(end, float64(i)/steps)
			if !slices.ContainsFunc(with, func(other Color) bool { return Contrast(n, other) < contrast }) {
				return n
			}
		}
	}
	return readable(with[0])
}

// readable is black or white, whichever stands out more: with at least 4.58:1.
func readable(on Color) Color {
	if Contrast(black, on) > Contrast(white, on) {
		return black
	}
	return white
}
