package config

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"zelus/internal/source"

	"github.com/fsnotify/fsnotify"
)

// settle is how long the files must be quiet before they are read again: an
// editor or a volume of Kubernetes changes them in several steps.
const settle = 200 * time.Millisecond

// patience is how long they are waited for at most: beside them may be others that
// never rest, such as a database.
const patience = 10 * settle

// Live holds the configuration that is in force and replaces it when its files
// change.
type Live struct {
	options  Options
	now      atomic.Pointer[Config]
	seen     string // digest of the files that were read last, good or bad
	last     *Config
	named    string // stamps of what last names
	inForce  string // and of what the one in force names
	warnings []Warning
}

// NewLive loads a configuration for the first time; see Load.
func NewLive(o Options) (*Live, error) {
	seen := digest(o)
	c, warnings, err := Load(o)
	if err != nil {
		return nil, err
	}
	// Secrets that were made for this process must outlive a reload.
	o.generated = c.generated
	named := c.stamps()
	l := &Live{options: o, seen: seen, last: c, named: named, inForce: named, warnings: warnings}
	l.now.Store(c)
	return l, nil
}

// Now is the configuration in force. A request should ask once and keep it.
func (l *Live) Now() *Config { return l.now.Load() }

// Revision names the configuration in force: the key revision, or the SHA-256
// of what was loaded.
func (l *Live) Revision() string { return l.Now().Revision }

// Warnings are those of the first load.
func (l *Live) Warnings() []Warning { return l.warnings }

// Watch follows the files, and those that they name, until the context ends. A change that is valid is
// handed to put, one call at a time, which puts it in force everywhere else or
// changes nothing and says why not. A change that is not valid, or that put
// refuses, is logged with all its problems, and the old configuration stays in
// force. An error means that the files cannot be watched.
func (l *Live) Watch(ctx context.Context, logger *slog.Logger, put func(*Config, []Warning) error) error {
	watcher, err := fsnotify.NewWatcher()
	if err != nil {
		return fmt.Errorf("configuration files cannot be watched: %w", err)
	}
	defer watcher.Close()
	// Folders rather than files: editors and Kubernetes put a new file in the
	// place of the old one, which a watch on the file itself would follow away.
	for _, name := range l.options.Files {
		if err := watcher.Add(filepath.Dir(name)); err != nil {
			return fmt.Errorf("the folder of %s cannot be watched: %w", name, err)
		}
	}
	l.follow(watcher, logger)
	quiet, late := time.NewTimer(settle), time.NewTimer(patience) // and one look for what changed meanwhile
	defer quiet.Stop()
	defer late.Stop()
	waiting := true
	wait := func() {
		quiet.Reset(settle)
		if !waiting {
			waiting = true
			late.Reset(patience)
		}
	}
	look := func() {
		quiet.Stop()
		late.Stop()
		waiting = false
		l.reload(logger, put)
		if l.follow(watcher, logger) {
			wait() // for what changed there meanwhile
		}
	}
	for {
		select {
		case <-ctx.Done():
			return nil
		case _, open := <-watcher.Events:
			if !open {
				return nil
			}
			wait()
		case err, open := <-watcher.Errors:
			if !open {
				return nil
			}
			logger.Warn("Watching the configuration files failed; they are read again.", "error", err)
			wait()
		case <-quiet.C:
			look()
		case <-late.C:
			look()
		}
	}
}

// follow watches the folders of what the configuration names as well, and says
// whether there is a new one among them.
func (l *Live) follow(watcher *fsnotify.Watcher, logger *slog.Logger) (more bool) {
	have := watcher.WatchList()
	for _, name := range l.last.sources() {
		folder := filepath.Dir(name)
		if slices.Contains(have, folder) {
			continue
		}
		have = append(have, folder)
		switch err := watcher.Add(folder); {
		case err == nil:
			more = true
		case !errors.Is(err, fs.ErrNotExist): // that is refused anyway
			logger.Warn("Changes in a folder that the configuration names are not noticed.", "folder", folder, "error", err)
		}
	}
	return more
}

// reload reads the files again and puts the result in force if it says
// anything new and is valid.
func (l *Live) reload(logger *slog.Logger, put func(*Config, []Warning) error) {
	seen, named := digest(l.options), l.last.stamps()
	if seen == l.seen && named == l.named {
		return // something else in the folder, or a mistake that is logged already
	}
	l.seen, l.named = seen, named
	old := l.Now()
	refuse := func(err error) {
		logger.Error("The changed configuration is not valid. The previous one stays in force.", "problems", err.Error())
	}
	next, warnings, err := Load(l.options)
	if err != nil {
		refuse(err)
		return
	}
	l.last, l.named = next, next.stamps() // now, and not after they were read
	if next.fingerprint() == old.fingerprint() && l.named == l.inForce {
		return // comments and the like
	}
	kept := keep(newSpec(), reflect.ValueOf(old).Elem(), reflect.ValueOf(next).Elem())
	if len(kept) > 0 {
		next.resolveURLs() // what is made of them must stay as well
	}
	if err := put(next, warnings); err != nil {
		refuse(next.Blame(err))
		return
	}
	if len(kept) > 0 {
		logger.Warn("Changes of these keys take effect at the next start.", "keys", strings.Join(kept, ", "))
	}
	l.now.Store(next)
	l.inForce = l.named
	logger.Info("The changed configuration is in force.", "revision", next.Revision)
}

// digest is the SHA-256 of the files as they are now. A file that cannot be
// read has a digest as well, so that the problem is noticed once.
func digest(o Options) string {
	sum := sha256.New()
	for _, name := range o.Files {
		data, err := o.read(name)
		fmt.Fprintf(sum, "%d %v\n", len(data), err)
		sum.Write(data)
	}
	return hex.EncodeToString(sum.Sum(nil))
}

// sources are the files and folders that a configuration names and that are read
// whenever it is put in force: those behind file://, and the folders of templates
// and texts with all below them.
func (c *Config) sources() []string {
	all := c.values.files()
	for _, folder := range []string{c.Courier.TemplateOverridePath, c.Branding.TemplateOverridePath, c.Languages.TranslationsPath} {
		if folder == "" {
			continue
		}
		// With the separator a folder is walked that is reached by a link.
		_ = filepath.WalkDir(folder+string(filepath.Separator), func(name string, entry fs.DirEntry, err error) error {
			if err != nil {
				return nil // whoever reads it says so
			}
			if entry.IsDir() {
				name = filepath.Clean(name) + string(filepath.Separator)
			}
			all = append(all, name)
			return nil
		})
	}
	return all
}

// files are those behind all values that begin with file://.
func (n *node) files() (all []string) {
	if n == nil {
		return nil
	}
	if strings.HasPrefix(n.text, "file://") {
		if name, err := source.Path(n.text); err == nil {
			all = append(all, name)
		}
	}
	for _, each := range n.items {
		all = append(all, each.files()...)
	}
	for _, name := range n.names() {
		all = append(all, n.fields[name].files()...)
	}
	return all
}

// stamps tell the sources of a configuration as they are now from those that were
// changed, without reading them.
func (c *Config) stamps() string {
	var b strings.Builder
	for _, name := range c.sources() {
		if info, err := os.Stat(name); err == nil && !info.IsDir() {
			fmt.Fprintf(&b, "%q %d %d\n", name, info.Size(), info.ModTime().UnixNano())
		}
	}
	return b.String()
}

// keep copies the values of keys that take effect at the next start from old
// to next, and names those that differ.
func keep(s *spec, old, next reflect.Value) []string {
	var kept []string
	for _, f := range s.fields {
		switch {
		case f.inMap:
		case f.is("restart"):
			was, is := f.of(old), f.of(next)
			if !reflect.DeepEqual(was.Interface(), is.Interface()) {
				kept = append(kept, changed(f, was, is)...)
				is.Set(was)
			}
		case f.object() && f.typ.Kind() == reflect.Struct:
			kept = append(kept, keep(f, f.of(old), f.of(next))...)
		}
	}
	return kept
}

// changed names the keys in which two values of s differ.
func changed(s *spec, was, is reflect.Value) []string {
	if !s.object() {
		return []string{s.key}
	}
	var keys []string
	for _, f := range s.fields {
		if a, b := f.of(was), f.of(is); !reflect.DeepEqual(a.Interface(), b.Interface()) {
			keys = append(keys, changed(f, a, b)...)
		}
	}
	return keys
}
