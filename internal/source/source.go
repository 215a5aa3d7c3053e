package source

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

// MaxSize is how large a source may be, in bytes.
const MaxSize = 1 << 20

// ErrTooLarge says that a source has more than MaxSize bytes.
var ErrTooLarge = fmt.Errorf("at most %d bytes are read", MaxSize)

// Reader reads sources. The zero value reads those that need no network.
type Reader struct {
	// Client loads http:// and https:// addresses; nil refuses them.
	Client *http.Client
}

// Read gives the bytes behind file://, http://, https:// or base64:// (standard
// alphabet with padding). The path of a file may be relative to the working
// directory. No error repeats a password, a query, or what base64:// holds.
func (r Reader) Read(ctx context.Context, address string) ([]byte, error) {
	scheme, rest, _ := strings.Cut(address, "://")
	switch scheme {
	case "file":
		path, err := Path(address)
		if err != nil {
			return nil, err
		}
		f, err := os.Open(path)
		if err != nil {
			return nil, err
		}
		defer f.Close()
		return limited(f)
	case "http", "https":
		return r.get(ctx, address)
	case "base64":
		if base64.StdEncoding.DecodedLen(len(rest)) > MaxSize+2 {
			return nil, ErrTooLarge
		}
		raw, err := base64.StdEncoding.DecodeString(rest)
		if err != nil {
			return nil, errors.New("this is not standard base64 with padding")
		}
		if len(raw) > MaxSize { // the length of the text tells it to two bytes
			return nil, ErrTooLarge
		}
		return raw, nil
	}
	return nil, fmt.Errorf("this is read from file://, http://, https:// or base64://, not from %q", short(scheme))
}

// Path is the absolute path that a file:// address names.
func Path(address string) (string, error) {
	path := strings.TrimPrefix(address, "file://")
	if plain, err := url.PathUnescape(path); err == nil {
		path = plain
	}
	return filepath.Abs(path)
}

func (r Reader) get(ctx context.Context, address string) ([]byte, error) {
	if r.Client == nil {
		return nil, errors.New("http:// and https:// are not available here")
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return nil, errors.New("this is not a valid URL")
	}
	response, err := r.Client.Do(request)
	if err != nil {
		// The error of the client repeats the URL, which may hold a password.
		var inner *url.Error
		if errors.As(err, &inner) {
			err = inner.Err
		}
		return nil, fmt.Errorf("%s: %w", Redacted(address), err)
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("%s answered %s instead of 200", Redacted(address), response.Status)
	}
	return limited(response.Body)
}

func limited(r io.Reader) ([]byte, error) {
	raw, err := io.ReadAll(io.LimitReader(r, MaxSize+1))
	if err == nil && len(raw) > MaxSize {
		return nil, ErrTooLarge
	}
	return raw, err
}

// Redacted is an address without what should not be in a log: the password,
// the query and the contents of base64://.
func Redacted(address string) string {
	if strings.HasPrefix(address, "base64://") {
		return "base64://…"
	}
	u, err := url.Parse(address)
	if err != nil {
		return "an address that is not a valid URL"
	}
	u.RawQuery = ""
	return short(u.Redacted())
}

// short cuts what is repeated in an error to 128 characters.
func short(s string) string {
	const most = 128
	count := 0
	for i := range s {
		if count == most {
			return s[:i] + "…"
		}
		count++
	}
	return s
}
