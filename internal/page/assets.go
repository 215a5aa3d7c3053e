package page

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"net/http"
	"path"
	"slices"
	"strconv"
	"strings"

	"zelus/internal/auth"
	"zelus/internal/brand"
)

//go:embed assets
var assetFiles embed.FS

// assets are the files that pages load, under names that change with their content, so
// that browsers keep them for good.
type assets struct {
	names map[string]string // page.css: page.0123456789abcdef.css
	files map[string]asset  // by those names
}

type asset struct {
	kind           string
	plain, gzipped []byte // gzipped is nil where it would be no smaller
}

// readAssets packs the files, those of a brand among them: its colours stand before our
// style sheet, and its own rules after it.
func readAssets(b *brand.Brand) (*assets, error) {
	all := &assets{names: map[string]string{}, files: map[string]asset{}}
	entries, err := assetFiles.ReadDir("assets")
	if err != nil {
		return nil, err
	}
	for _, e := range entries {
		plain, err := assetFiles.ReadFile("assets/" + e.Name())
		if err != nil {
			return nil, err
		}
		if e.Name() == "page.css" {
			plain = slices.Concat([]byte(b.Properties()), plain, b.CSS)
		}
		extension := path.Ext(e.Name())
		kind := map[string]string{".css": "text/css; charset=utf-8", ".js": "text/javascript; charset=utf-8"}[extension]
		if err := all.add(e.Name(), extension, kind, plain); err != nil {
			return nil, err
		}
	}
	for name, picture := range map[string]*brand.Image{"logo": b.Logo, "logo-dark": b.LogoDark} {
		if picture != nil {
			if err := all.add(name, "."+picture.Ext, picture.Type, picture.Data); err != nil {
				return nil, err
			}
		}
	}
	return all, nil
}

func (a *assets) add(name, extension, kind string, plain []byte) error {
	var packed bytes.Buffer
	z, err := gzip.NewWriterLevel(&packed, gzip.BestCompression)
	if err != nil {
		return err
	}
	if _, err := z.Write(plain); err != nil {
		return err
	}
	if err := z.Close(); err != nil {
		return err
	}
	sum := sha256.Sum256(plain)
	hashed := strings.TrimSuffix(name, extension) + "." + hex.EncodeToString(sum[:8]) + extension
	a.names[name], a.files[hashed] = hashed, asset{kind, plain, packed.Bytes()}
	if packed.Len() >= len(plain) { // most pictures are packed already
		a.files[hashed] = asset{kind, plain, nil}
	}
	return nil
}

// serveAsset answers with a file. What it is follows from its name, so it is kept for a
// year, and nobody asks again (RFC 8246).
func (p *Pages) serveAsset(w http.ResponseWriter, r *http.Request) error {
	c, name := p.now.Load(), r.PathValue("name")
	file, ok := c.look.assets.files[name]
	if !ok {
		file, ok = c.former.assets.files[name]
	}
	if !ok {
		return auth.ErrPageUnknown
	}
	h := w.Header()
	if file.kind == "image/svg+xml" { // which would be a document, if somebody opened it
		h.Set("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'; img-src data:; sandbox; frame-ancestors 'none'")
	}
	h.Set("Content-Type", file.kind)
	h.Set("Cache-Control", "public, max-age=31536000, immutable")
	h.Set("Vary", "Accept-Encoding")
	body := file.plain
	if file.gzipped != nil && acceptsGzip(r) {
		h.Set("Content-Encoding", "gzip")
		body = file.gzipped
	}
	h.Set("Content-Length", strconv.Itoa(len(body)))
	w.WriteHeader(http.StatusOK)
	_, _ = w.Write(body) // a browser that hung up is nobody's fault
	return nil
}

// acceptsGzip says whether the header Accept-Encoding names gzip and does not refuse it
// (RFC 9110 section 12.5.3).
func acceptsGzip(r *http.Request) bool {
	for item := range strings.SplitSeq(r.Header.Get("Accept-Encoding"), ",") {
		name, weight, _ := strings.Cut(item, ";")
		if strings.EqualFold(strings.TrimSpace(name), "gzip") {
			q := strings.TrimPrefix(strings.TrimSpace(weight), "q=")
			return strings.Trim(q, "0.") != "" || q == ""
		}
	}
	return false
}
