package config

import (
	"crypto/sha256"
	"encoding/hex"
	"reflect"
	"strconv"
	"strings"
)

// Options say what a configuration is made of.
type Options struct {
	// Files in the order in which they are read; a later one wins.
	Files []string
	// Environ is the environment as os.Environ gives it.
	Environ []string
	Flags   Flags
	// Hostname of the machine, for base URLs that are not configured.
	Hostname string
	// DataDir is where a server without any file keeps its database. Empty
	// is ./zelus-data.
	DataDir string
	// ReadFile reads a configuration file; nil reads from disk.
	ReadFile func(name string) ([]byte, error)
	// ReadOnly keeps Load from creating a file for generated secrets; they
	// then last for the process. For commands that only look.
	ReadOnly bool
	// Existing makes it a problem if secrets would have to be generated beside
	// the database. For commands that work on what a server has made, and would
	// be of no use with other secrets.
	Existing bool

	generated []string // secrets that an earlier load of this process made
}

// Flags are the keys that have flags. A zero value is a flag that was not given.
type Flags struct {
	Dev, WatchCourier, SQAOptOut bool
	ExposeMetricsPort            int
}

// node is the flags as if they were a file.
func (f Flags) node() *node {
	n := &node{kind: mapping, fields: map[string]*node{}}
	for name, set := range map[string]bool{"dev": f.Dev, "watch-courier": f.WatchCourier, "sqa-opt-out": f.SQAOptOut} {
		if set {
			n.fields[name] = &node{kind: loose, text: "true", from: Origin{Flag: name}}
		}
	}
	if f.ExposeMetricsPort != 0 {
		const name = "expose-metrics-port"
		n.fields[name] = &node{kind: loose, text: strconv.Itoa(f.ExposeMetricsPort), from: Origin{Flag: name}}
	}
	return n
}

// Load reads, checks and completes a configuration. An error is always an
// *Error with everything that is wrong; no Config comes with it. Load reads
// the files and the file of generated secrets, which it may create; it does
// not touch the database or the network.
func Load(o Options) (*Config, []Warning, error) {
	root, found := newSpec(), &problems{}
	values := readAll(o, root, found)
	if err := found.err(); err != nil {
		return nil, nil, err
	}
	c := &Config{hostname: o.Hostname, values: values, notes: map[string]string{}}
	d := &decoder{root: root, problems: found}
	d.value(root, values, "", reflect.ValueOf(c).Elem())
	if len(o.Files) == 0 && len(found.list) > 0 && !c.Dev {
		found.add(Origin{}, "", "no configuration file was given; give one with -c, or start with --dev to try things out")
	}
	if err := found.err(); err != nil {
		return nil, nil, err
	}
	c.zero = c.Dev && len(o.Files) == 0
	c.resolve()
	warnings := c.validate(root, found)
	if err := found.err(); err != nil {
		return nil, nil, err
	}
	c.fillSecrets(o, found)
	if err := found.err(); err != nil {
		return nil, nil, err
	}
	return c, warnings, nil
}

func (o Options) read(name string) ([]byte, error) {
	if o.ReadFile != nil {
		return o.ReadFile(name)
	}
	return readFile(name)
}

// readAll merges what is configured, from the weakest source to the strongest.
func readAll(o Options, root *spec, found *problems) *node {
	values := &node{kind: mapping, fields: map[string]*node{}}
	flags := o.Flags.node()
	environ := fromEnviron(root, o.Environ, found)
	if len(o.Files) == 0 && (o.Flags.Dev || isTrue(environ.field("dev"))) {
		values = zeroConfig(o.DataDir, found)
	}
	for i, name := range o.Files {
		data, err := o.read(name)
		if err != nil {
			found.add(Origin{File: name, order: i}, "", "cannot be read: %v", err)
			continue
		}
		file := parseFile(name, i, data, found)
		if file == nil {
			continue
		}
		if i == 0 {
			values.from = file.from
			values.from.Line = 0
		}
		values = values.overlay(file)
	}
	return values.overlay(flags).overlayItems(environ)
}

func isTrue(n *node) bool { return n != nil && (strings.EqualFold(n.text, "true") || n.text == "1") }

// fingerprint is the SHA-256 of what was configured, in hex. Files that say the
// same in other words have the same.
func (c *Config) fingerprint() string {
	var b strings.Builder
	c.values.write(&b)
	sum := sha256.Sum256([]byte(b.String()))
	return hex.EncodeToString(sum[:])
}

// origin is where a key was configured; zero if it was not.
func (c *Config) origin(key string) Origin {
	if n := c.values.find(strings.Split(key, ".")...); n != nil {
		return n.from
	}
	return Origin{}
}
