package language

import (
	"encoding/json"
	"fmt"
	"io/fs"
	"sync"
)

// Files are texts of ours of one form, T, in one file TAG.json for each language. A
// file is read when its language is first needed, so that the others cost no
// memory.
type Files[T any] struct {
	source fs.FS
	folder string

	lock sync.Mutex
	read map[string]*T
}

// NewFiles are those in a folder. Nothing is read yet.
func NewFiles[T any](source fs.FS, folder string) *Files[T] {
	return &Files[T]{source: source, folder: folder, read: map[string]*T{}}
}

// In gives what is in the file of a language, one of Tags; any other is English.
// It must not be changed.
func (f *Files[T]) In(tag string) (*T, error) {
	name, _ := named(tag)
	f.lock.Lock()
	defer f.lock.Unlock()
	if texts := f.read[name.Tag]; texts != nil {
		return texts, nil
	}
	path := f.folder + "/" + name.Tag + ".json"
	raw, err := fs.ReadFile(f.source, path)
	if err != nil {
		return nil, fmt.Errorf("language: %w", err)
	}
	texts := new(T)
	if err := json.Unmarshal(raw, texts); err != nil {
		return nil, fmt.Errorf("language: %s: %w", path, err)
	}
	f.read[name.Tag] = texts
	return texts, nil
}
