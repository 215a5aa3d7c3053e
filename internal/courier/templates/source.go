package templates

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
)

const (
	// maxSource is the largest template that is read, in bytes.
	maxSource = 1 << 20
	// maxFiles is how many files may be read for one template.
	maxFiles = 100
)

var errLarge = fmt.Errorf("a template may have at most %d bytes", maxSource)

// read gives the text of a template at file://, http://, https:// or base64://.
func read(ctx context.Context, fetch *http.Client, address string) (string, error) {
	scheme, rest, _ := strings.Cut(address, "://")
	switch scheme {
	case "file":
		if plain, err := url.PathUnescape(rest); err == nil {
			rest = plain
		}
		return readFile(rest)
	case "http", "https":
		return get(ctx, fetch, address)
	case "base64":
		text, err := base64.StdEncoding.DecodeString(rest)
		if err != nil {
			return "", errors.New("what follows base64:// is not standard base64 with padding")
		}
		return limited(strings.NewReader(string(text)))
	}
	return "", errors.New("a template is read from file://, http://, https:// or base64://")
}

func readFile(path string) (string, error) {
	f, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer f.Close()
	text, err := limited(f)
	if err != nil {
		return "", fmt.Errorf("%s: %w", path, err)
	}
	return text, nil
}

func get(ctx context.Context, fetch *http.Client, address string) (string, error) {
	if fetch == nil {
		return "", errors.New("http:// and https:// are not available here")
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return "", errors.New("this is not a valid URL")
	}
	response, err := fetch.Do(request)
	if err != nil {
		// The error of the client repeats the URL, which may hold a password.
		var inner *url.Error
		if errors.As(err, &inner) {
			err = inner.Err
		}
		return "", fmt.Errorf("%s: %w", named(address), err)
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return "", fmt.Errorf("%s answered %s instead of 200", named(address), response.Status)
	}
	text, err := limited(response.Body)
	if err != nil {
		return "", fmt.Errorf("%s: %w", named(address), err)
	}
	return text, nil
}

func limited(r io.Reader) (string, error) {
	text, err := io.ReadAll(io.LimitReader(r, maxSource+1))
	if err == nil && len(text) > maxSource {
		err = errLarge
	}
	return string(text), err
}

// named is an address as errors have it: without password, query and what
// stands in base64://.
func named(address string) string {
	if strings.HasPrefix(address, "base64://") {
		return "base64://…"
	}
	u, err := url.Parse(address)
	if err != nil {
		return "an address that is not a valid URL"
	}
	u.RawQuery = ""
	return u.Redacted()
}

// beside lists the files in a folder that begin with a prefix, by path. A folder
// that is not there has none.
func beside(folder, prefix string) ([]string, error) {
	entries, err := os.ReadDir(folder)
	if errors.Is(err, os.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	var paths []string
	for _, e := range entries {
		if !e.IsDir() && strings.HasPrefix(e.Name(), prefix) {
			paths = append(paths, filepath.Join(folder, e.Name()))
		}
	}
	if len(paths) > maxFiles {
		return nil, fmt.Errorf("%s: more than %d files begin with %s", folder, maxFiles, prefix)
	}
	return paths, nil
}
