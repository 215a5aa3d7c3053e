package brand

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"unicode/utf8"

	"zelus/internal/source"
)

// Settings is what the configuration says (branding).
type Settings struct {
	Name string // needed
	// Logo and LogoDark are addresses of pictures, as source.Reader reads them;
	// empty for none.
	Logo, LogoDark string
	// Light names an accent; one that Dark does not name follows from it.
	Light, Dark Scheme
	// CSS is the address of a style sheet; empty for none.
	CSS string
	// Terms, Privacy and Support are addresses that pages link to; empty for none.
	Terms, Privacy, Support string
}

// Brand is what pages and messages wear. It never changes.
type Brand struct {
	Name string
	// Logo is nil where there is none. LogoDark stands in its place in the dark
	// scheme, unless it is nil.
	Logo, LogoDark          *Image
	Light, Dark             Palette
	CSS                     []byte // the operator's own rules
	Terms, Privacy, Support string
}

// New reads and checks everything. Each error begins with its key.
func New(ctx context.Context, s Settings, fetch source.Reader) (*Brand, error) {
	b := &Brand{Name: s.Name, Terms: s.Terms, Privacy: s.Privacy, Support: s.Support}
	var faults []error
	note := func(key string, err error) {
		if err != nil {
			faults = append(faults, fmt.Errorf("branding.%s: %w", key, err))
		}
	}
	var err error
	b.Logo, err = fetchImage(ctx, s.Logo, fetch)
	note("logo_url", err)
	b.LogoDark, err = fetchImage(ctx, s.LogoDark, fetch)
	note("logo_dark_url", err)
	if s.CSS != "" {
		b.CSS, err = fetch.Read(ctx, s.CSS)
		if err == nil && (!utf8.Valid(b.CSS) || bytes.ContainsRune(b.CSS, 0)) {
			err = errors.New("this is no style sheet: it is not text in UTF-8")
		}
		note("css_url", err)
	}
	note("links.terms_url", checkLink(s.Terms))
	note("links.privacy_url", checkLink(s.Privacy))
	note("links.support_url", checkLink(s.Support))
	b.Light, err = palette("branding.colors.light", s.Light, Color{})
	faults = append(faults, err)
	if err == nil {
		b.Dark, err = palette("branding.colors.dark", s.Dark, b.Light.Accent)
		faults = append(faults, err)
	}
	if err := errors.Join(faults...); err != nil {
		return nil, err
	}
	return b, nil
}

// Properties is a style sheet that declares the colours of both schemes as custom
// properties: --background, --surface, --text, --accent, --accent-hover, --on-accent,
// --link, --muted, --border, --danger and --success.
func (b *Brand) Properties() string {
	return ":root{color-scheme:light dark;" + b.Light.properties() + "}\n@media (prefers-color-scheme:dark){:root{" + b.Dark.properties() + "}}\n"
}

func fetchImage(ctx context.Context, address string, fetch source.Reader) (*Image, error) {
	if address == "" {
		return nil, nil
	}
	data, err := fetch.Read(ctx, address)
	if err != nil {
		return nil, err
	}
	return readImage(data)
}

// checkLink refuses what is no address to go to, such as javascript:.
func checkLink(address string) error {
	u, err := url.Parse(address)
	if err != nil || !slices.Contains([]string{"", "http", "https", "mailto", "tel"}, u.Scheme) {
		return errors.New("must be a URL that begins with https://, http://, mailto: or tel:, or a path on this server")
	}
	return nil
}
