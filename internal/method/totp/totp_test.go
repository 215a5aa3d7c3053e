package totp

import (
	"bytes"
	"encoding/base64"
	"image/png"
	"strings"
	"testing"

	"github.com/pquerna/otp"
)

func longKey(t testing.TB) *otp.Key {
	t.Helper()
	long := strings.Repeat("ä", longest)
	key, err := otp.NewKeyFromURL("otpauth://totp/" + long + ":" + long + "?secret=JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP&issuer=" + long)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

// TestPicture: whatever somebody is called, there is a picture, and it has a margin.
func TestPicture(t *testing.T) {
	drawn, err := picture(longKey(t))
	if err != nil {
		t.Fatal(err)
	}
	raw, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(drawn, "data:image/png;base64,"))
	if err != nil {
		t.Fatal(err)
	}
	shown, err := png.Decode(bytes.NewReader(raw))
	if err != nil {
		t.Fatal(err)
	}
	if size := shown.Bounds(); size.Dx() != imageSide || size.Dy() != imageSide {
		t.Errorf("it is %v", size)
	}
	white := shown.At(0, 0)
	for at := range imageSide {
		if shown.At(at, 3) != white || shown.At(3, at) != white {
			t.Fatal("there is no margin")
		}
	}
	if len(drawn) > 16<<10 {
		t.Errorf("it has %d bytes", len(drawn))
	}
}

// BenchmarkPicture is what a form costs in which an app could be set up.
func BenchmarkPicture(b *testing.B) {
	key := longKey(b)
	for b.Loop() {
		if _, err := picture(key); err != nil {
			b.Fatal(err)
		}
	}
}
