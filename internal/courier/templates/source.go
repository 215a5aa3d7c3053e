package templates

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strings"

	"zelus/internal/source"
)

// maxFiles is how many files may be read for one template.
const maxFiles = 100

// readFile gives the text of a template in a folder.
func readFile(path string) (string, error) {
	text, err := source.Reader{}.Read(context.Background(), "file://"+(&url.URL{Path: path}).EscapedPath())
	return string(text), err
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
