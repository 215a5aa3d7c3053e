package page

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"net/http"
	"path"
	"strconv"
	"strings"

	"zelus/internal/auth"
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
	plain, gzipped []byte
}

// readAssets packs the files once, at the start.
func readAssets() (*assets, error) {
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
		if err := all.add(e.Name(), plain); err != nil {
			return nil, err
		}
	}
	return all, nil
}

func (a *assets) add(name string, plain []byte) error {
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
	sum, extension := sha256.Sum256(plain), path.Ext(name)
	hashed := strings.TrimSuffix(name, extension) + "." + hex.EncodeToString(sum[:8]) + extension
	kind := map[string]string{".css": "text/css; charset=utf-8", ".js": "text/javascript; charset=utf-8", ".svg": "image/svg+xml"}[extension]
	a.names[name], a.files[hashed] = hashed, asset{kind, plain, packed.Bytes()}
	return nil
}

// serveAsset answers with a file. What it is follows from its name, so it is kept for a
// year, and nobody asks again (RFC 8246).
func (p *Pages) serveAsset(w http.ResponseWriter, r *http.Request) error {
	file, ok := p.assets.files[r.PathValue("name")]
	if !ok {
		return auth.ErrPageUnknown
	}
	h := w.Header()
	h.Set("Content-Type", file.kind)
	h.Set("Cache-Control", "public, max-age=31536000, immutable")
	h.Set("Vary", "Accept-Encoding")
	body := file.plain
	if acceptsGzip(r) {
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
