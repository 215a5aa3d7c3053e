package override

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

// File is the text of one file, by its name without a folder. Its name is that of
// the template in it.
type File struct{ Name, Text string }

// maxFiles is how many files of a folder may be read.
const maxFiles = 100

// CheckFolder says what is wrong with a folder that operators name.
func CheckFolder(folder string) error {
	info, err := os.Stat(folder)
	if err == nil && !info.IsDir() {
		err = fmt.Errorf("%s is not a folder", folder)
	}
	return err
}

// ReadFolder reads the files of a folder whose names begin and end like this, in the
// order of their names. A folder that is not there has none.
func ReadFolder(folder, prefix, suffix string) ([]File, error) {
	entries, err := os.ReadDir(folder)
	if errors.Is(err, os.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	var files []File
	for _, e := range entries {
		if e.IsDir() || !strings.HasPrefix(e.Name(), prefix) || !strings.HasSuffix(e.Name(), suffix) {
			continue
		}
		if len(files) == maxFiles {
			return nil, fmt.Errorf("%s: there are more than %d files %s", folder, maxFiles, prefix+"*"+suffix)
		}
		path := url.URL{Path: filepath.Join(folder, e.Name())}
		text, err := source.Reader{}.Read(context.Background(), "file://"+path.EscapedPath())
		if err != nil {
			return nil, err
		}
		files = append(files, File{e.Name(), string(text)})
	}
	return files, nil
}
