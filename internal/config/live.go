package config

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"sync/atomic"
	"time"

	"zelus/internal/source"
)

// pace is the pause between two looks at the files, and perFile what each file that the
// configuration names adds to it: a look at one takes some 5 µs. A change is loaded when
// two looks in a row have seen the same of it: an editor or a volume of Kubernetes changes
// files in several steps.
//
// They are looked at, and not watched through the system: such a watch has to be on the
// folder, because editors and Kubernetes put a new file in the place of the old one, and
// where a database lies there as well the kernel tells of every page that is written to
// it, which cost a tenth of a sign-up. It also says nothing of what others change on a
// network's file system.
const (
	pace    = 500 * time.Millisecond
	perFile = 200 * time.Microsecond
)

// patience is at which look in a row that differs from the one before a change is loaded
// all the same: a folder of templates may hold something that never rests.
const patience = 10

// Live holds the configuration that is in force and replaces it when its files
// change.
type Live struct {
	options  Options
	now      atomic.Pointer[Config]
	seen     snapshot // of what was read last, good or bad
	last     *Config  // the last that could be loaded, in force or refused
	inForce  string   // stamps of what the configuration in force names
	warnings []Warning
}

// snapshot is what a look at the files tells: the digest of the configuration's own, and
// the stamps of those that it names.
type snapshot struct{ files, named string }

// NewLive loads a configuration for the first time; see Load.
func NewLive(o Options) (*Live, error) {
	files := digest(o)
	c, warnings, err := Load(o)
	if err != nil {
		return nil, err
	}
	// Secrets that were made for this process must outlive a reload.
	o.generated = c.generated
	named := c.stamps()
	l := &Live{options: o, seen: snapshot{files, named}, last: c, inForce: named, warnings: warnings}
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

// Watch looks at the files, and at those that they name, until the context ends. A change
// that is valid is handed to put, which puts it in force everywhere else or changes nothing
// and says why not. A change that is not valid, or that put refuses, is logged with all its
// problems, and the old configuration stays in force.
func (l *Live) Watch(ctx context.Context, logger *slog.Logger, put func(*Config, []Warning) error) {
	var before snapshot
	differing, pause := 0, pace
	for {
		select {
		case <-ctx.Done():
			return
		case <-time.After(pause):
		}
		looked := make(chan snapshot, 1)
		go func() { looked <- l.look() }()
		var seen snapshot
		select {
		case <-ctx.Done():
			return // and does not wait for a file system that does not answer
		case seen = <-looked:
		}
		pause = pace + perFile*time.Duration(strings.Count(seen.named, "\n"))
		if seen != before {
			differing++
		}
		if seen == before || differing == patience {
			l.reload(seen, logger, put)
			differing = 0
		}
		before = seen
	}
}

// look looks at the files as they are now.
func (l *Live) look() snapshot { return snapshot{digest(l.options), l.last.stamps()} }

// reload loads the configuration where seen is not what was read last, and puts it in force
// if it is valid and says anything new.
func (l *Live) reload(seen snapshot, logger *slog.Logger, put func(*Config, []Warning) error) {
	if seen == l.seen {
		return // all is as before, or a mistake that is logged already
	}
	old := l.Now()
	refuse := func(err error) {
		logger.Error("The changed configuration is not valid. The previous one stays in force.", "problems", err.Error())
	}
	next, warnings, err := Load(l.options)
	if digest(l.options) != seen.files {
		return // it was changed again meanwhile, so that it may have been read in part
	}
	l.seen = seen
	if err != nil {
		refuse(err)
		return
	}
	l.last, l.seen.named = next, next.stamps() // before put reads those files, so that what changes meanwhile is seen at the next look
	if next.fingerprint() == old.fingerprint() && l.seen.named == l.inForce {
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
	l.inForce = l.seen.named
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
// changed, without reading them. Where links lead is part of them: in images and package
// stores all files are of the same time.
func (c *Config) stamps() string {
	var b strings.Builder
	for _, name := range c.sources() {
		if info, err := os.Stat(name); err == nil && !info.IsDir() {
			real, _ := filepath.EvalSymlinks(name) // it is there, or was a moment ago
			fmt.Fprintf(&b, "%q %q %d %d\n", name, real, info.Size(), info.ModTime().UnixNano())
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
