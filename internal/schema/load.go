package schema

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"path/filepath"
	"slices"
	"strings"

	"zelus/internal/source"
)

// maxDocuments is how many documents one schema may be made of.
const maxDocuments = 32

// Source is one configured schema (identity.schemas in the configuration).
type Source struct {
	ID string
	// URL is file://, http://, https:// or base64:// (standard alphabet with
	// padding). The path of a file may be relative to the working directory.
	URL string
	// Selectable schemas may be chosen by the person who signs up.
	Selectable bool
}

// Options of Load.
type Options struct {
	// DefaultID is the schema of identities that name none; empty means the
	// first source.
	DefaultID string
	// Fetch loads http:// and https:// addresses; nil refuses them.
	Fetch *http.Client
	// DisallowRef refuses a $ref to anything but the document itself and
	// base64:// (security.disallow_ref_in_identity_schemas).
	DisallowRef bool
}

// Set is all configured schemas, in the order of the configuration. It is
// never changed.
type Set struct {
	list         []*Schema
	byID         map[string]*Schema
	defaultValue *Schema
}

// Load loads and checks all schemas. The error lists what is wrong with each:
// the setting, the id, the place in the document.
func Load(ctx context.Context, sources []Source, options Options) (*Set, error) {
	set := &Set{byID: map[string]*Schema{}}
	var faults []error
	for i, source := range sources {
		setting := fmt.Sprintf("identity.schemas.%d", i)
		if source.ID == "" {
			faults = append(faults, fmt.Errorf("%s.id: an identity schema needs an id", setting))
			continue
		}
		if _, twice := set.byID[source.ID]; twice {
			faults = append(faults, fmt.Errorf("%s.id: the id %q is used twice", setting, source.ID))
			continue
		}
		schema, err := load(ctx, source, options)
		if err != nil {
			faults = append(faults, fmt.Errorf("%s: identity schema %q: %w", setting, source.ID, err))
			continue
		}
		set.list = append(set.list, schema)
		set.byID[source.ID] = schema
	}
	if len(faults) > 0 {
		return nil, errors.Join(faults...)
	}
	if len(set.list) == 0 {
		return nil, errors.New("identity.schemas: at least one identity schema is needed")
	}
	set.defaultValue = set.list[0]
	if options.DefaultID != "" {
		schema, known := set.byID[options.DefaultID]
		if !known {
			return nil, fmt.Errorf("identity.default_schema_id: no identity schema has the id %q", options.DefaultID)
		}
		set.defaultValue = schema
	}
	return set, nil
}

// Get finds a schema by its id, plain or as unpadded base64url.
func (s *Set) Get(id string) (*Schema, bool) {
	if schema, known := s.byID[id]; known {
		return schema, true
	}
	plain, err := base64.RawURLEncoding.DecodeString(id)
	if err != nil {
		return nil, false
	}
	schema, known := s.byID[string(plain)]
	return schema, known
}

// Default is the schema of identities that name none.
func (s *Set) Default() *Schema { return s.defaultValue }

// All lists the schemas in the order of the configuration.
func (s *Set) All() []*Schema { return slices.Clone(s.list) }

func load(ctx context.Context, from Source, options Options) (*Schema, error) {
	l := &loader{ctx: ctx, fetch: options.Fetch, files: strings.HasPrefix(from.URL, "file://"), local: options.DisallowRef, documents: map[string]any{}}
	raw, at, err := l.read(from.URL)
	if err != nil {
		return nil, fmt.Errorf("url: %w", err)
	}
	document, err := decode(raw)
	if err != nil {
		return nil, err
	}
	if _, ok := document.(*object); !ok {
		return nil, errors.New("at /: this must be an object")
	}
	l.documents[at] = document
	schema := &Schema{id: from.ID, selectable: from.Selectable, raw: json.RawMessage(raw)}
	if err := compile(schema, at, l); err != nil {
		return nil, err
	}
	return schema, nil
}

// loader reads the documents that one schema is made of.
type loader struct {
	ctx   context.Context
	fetch *http.Client
	// files are allowed to schemas that are files themselves: what comes
	// from elsewhere must not read this machine.
	files bool
	// local allows no reference to another file or server.
	local     bool
	documents map[string]any // decoded, by URL
}

// Load gives the validator's compiler a document that a $ref names.
func (l *loader) Load(address string) (any, error) {
	scheme, _, _ := strings.Cut(address, "://")
	switch {
	case len(l.documents) >= maxDocuments:
		return nil, fmt.Errorf("this schema is made of more than %d documents", maxDocuments)
	case l.local && scheme != "base64":
		return nil, errors.New("security.disallow_ref_in_identity_schemas does not allow references to other documents")
	case scheme == "file" && !l.files:
		return nil, errors.New("a schema that is not a file cannot refer to files")
	}
	raw, _, err := l.read(address)
	if err != nil {
		return nil, err
	}
	document, err := decode(raw)
	if err != nil {
		return nil, err
	}
	l.documents[address] = document
	return plain(document), nil
}

// read gives the bytes behind an address and the URL that references within
// them are relative to.
func (l *loader) read(address string) (raw []byte, base string, err error) {
	base = address
	switch scheme, _, _ := strings.Cut(address, "://"); scheme {
	case "file":
		path, err := source.Path(address)
		if err != nil {
			return nil, "", err
		}
		base = (&url.URL{Scheme: "file", Path: filepath.ToSlash(path)}).String()
	case "base64":
		base = "inline:///schema.json"
	}
	raw, err = source.Reader{Client: l.fetch}.Read(l.ctx, address)
	return raw, base, err
}
