package config

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"

	"github.com/pelletier/go-toml/v2"
	"github.com/pelletier/go-toml/v2/unstable"
	"go.yaml.in/yaml/v3"
)

// Limits that no honest configuration comes near. They keep a hostile or
// broken file from using up memory or time.
const (
	maxFileSize = 5 << 20 // bytes
	maxNodes    = 100_000 // values in one file, with its aliases written out
	maxDepth    = 64      // levels of nesting
)

// readFile reads a configuration file from disk, up to the size limit.
func readFile(name string) ([]byte, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return io.ReadAll(io.LimitReader(f, maxFileSize+1))
}

// parser turns one file into nodes.
type parser struct {
	problems *problems
	file     Origin // without line
	left     int    // values that may still be read
}

// parseFile reads a file by the ending of its name. It returns nil, and adds
// to problems, if the file as a whole cannot be read.
func parseFile(name string, order int, data []byte, found *problems) *node {
	p := &parser{problems: found, file: Origin{File: name, order: order}, left: maxNodes}
	if len(data) > maxFileSize {
		p.wrong(0, "", "the file is larger than 5 MB")
		return nil
	}
	var root *node
	switch ending := strings.ToLower(filepath.Ext(name)); ending {
	case ".yml", ".yaml":
		root = p.yaml(data)
	case ".json":
		root = p.json(data)
	case ".toml":
		root = p.toml(data)
	default:
		p.wrong(0, "", "the name of a configuration file must end in .yml, .yaml, .json or .toml")
		return nil
	}
	switch {
	case root == nil:
		return nil
	case root.kind == null: // an empty file sets nothing
		return &node{kind: mapping, fields: map[string]*node{}, from: p.file}
	case root.kind != mapping:
		p.wrong(root.from.Line, "", "the file must hold an object of keys and values, not %s", root.kind)
		return nil
	}
	return root
}

func (p *parser) at(line int) Origin {
	o := p.file
	o.Line = line
	return o
}

func (p *parser) wrong(line int, key, format string, args ...any) {
	p.problems.add(p.at(line), key, format, args...)
}

// room counts one more value at the given depth and says whether there is
// room for it; the first time there is none it adds the problem.
func (p *parser) room(line, depth int) bool {
	p.left--
	switch {
	case depth > maxDepth:
		p.wrong(line, "", "the file is nested more than %d levels deep; an alias may refer to itself", maxDepth)
		p.left = 0
		return false
	case p.left == 0:
		p.wrong(line, "", "the file holds more than %d values, with its aliases written out", maxNodes)
	}
	return p.left > 0
}

var yamlLine = regexp.MustCompile(`^yaml: (?:line (\d+): )?`)

func (p *parser) yaml(data []byte) *node {
	decoder := yaml.NewDecoder(bytes.NewReader(data))
	var document, second yaml.Node
	if err := decoder.Decode(&document); errors.Is(err, io.EOF) {
		return &node{from: p.file}
	} else if err != nil {
		at := yamlLine.FindStringSubmatch(err.Error())
		line := 0
		if at != nil {
			line, _ = strconv.Atoi(at[1]) // no digits: no line
		}
		p.wrong(line, "", "this is not valid YAML: %s", yamlLine.ReplaceAllString(err.Error(), ""))
		return nil
	}
	if err := decoder.Decode(&second); err == nil {
		p.wrong(second.Line, "", "the file holds a second YAML document, which would be ignored; merge the two or pass two files")
		return nil
	}
	return p.fromYAML(&document, document.Line, 0)
}

// fromYAML converts a value whose key stands on the given line.
func (p *parser) fromYAML(y *yaml.Node, line, depth int) *node {
	n := &node{from: p.at(line)}
	if !p.room(line, depth) {
		return n
	}
	switch y.Kind {
	case yaml.DocumentNode:
		return p.fromYAML(y.Content[0], y.Content[0].Line, depth)
	case yaml.AliasNode:
		return p.fromYAML(y.Alias, line, depth+1)
	case yaml.SequenceNode:
		n.kind = list
		for _, item := range y.Content {
			n.items = append(n.items, p.fromYAML(item, item.Line, depth+1))
		}
	case yaml.MappingNode:
		n.kind, n.fields = mapping, map[string]*node{}
		p.yamlFields(n, y, depth)
	default:
		n.kind, n.text = p.yamlScalar(y)
	}
	return n
}

func (p *parser) yamlFields(n *node, y *yaml.Node, depth int) {
	var merged []*yaml.Node
	for i := 0; i+1 < len(y.Content); i += 2 {
		key, value := y.Content[i], y.Content[i+1]
		switch {
		case key.Kind != yaml.ScalarNode:
			p.wrong(key.Line, "", "a key must be a plain name")
		case key.ShortTag() == "!!merge":
			merged = append(merged, value)
		case n.fields[key.Value] != nil:
			p.wrong(key.Line, key.Value, "this key stands here twice; the first is on line %d", n.fields[key.Value].from.Line)
		default:
			n.fields[key.Value] = p.fromYAML(value, key.Line, depth+1)
		}
	}
	// Merge keys (yaml.org/type/merge.html): keys of the object itself win,
	// then the earlier of the merged ones.
	for _, m := range merged {
		from := p.fromYAML(m, m.Line, depth+1)
		if from.kind == mapping {
			from = &node{kind: list, items: []*node{from}}
		}
		for _, object := range from.items {
			for name, value := range object.fields {
				if n.fields[name] == nil {
					n.fields[name] = value
				}
			}
		}
	}
}

func (p *parser) yamlScalar(y *yaml.Node) (kind, string) {
	switch y.ShortTag() {
	case "!!null":
		return null, ""
	case "!!bool":
		return boolean, strings.ToLower(y.Value)
	case "!!int":
		// YAML has several ways to write a number: 493, 0755, 0x1ed, 1_000.
		var signed int64
		if y.Decode(&signed) == nil {
			return number, strconv.FormatInt(signed, 10)
		}
		return number, y.Value
	case "!!float":
		return number, y.Value
	}
	return text, y.Value
}

// jsonReader reads JSON piece by piece, because only that tells the lines.
type jsonReader struct {
	*parser
	data    []byte
	decoder *json.Decoder
	offset  int64 // up to here the newlines are counted
	line    int
}

func (p *parser) json(data []byte) *node {
	r := &jsonReader{parser: p, data: data, decoder: json.NewDecoder(bytes.NewReader(data)), line: 1}
	r.decoder.UseNumber()
	n, err := r.value(0)
	if err == nil {
		if _, after := r.decoder.Token(); !errors.Is(after, io.EOF) {
			err = errors.New("something follows after its end")
		}
	}
	if err != nil {
		p.wrong(r.here(), "", "this is not valid JSON: %v", err)
		return nil
	}
	return n
}

// here is the line up to which the input was read.
func (r *jsonReader) here() int {
	now := min(r.decoder.InputOffset(), int64(len(r.data)))
	r.line += bytes.Count(r.data[r.offset:now], []byte("\n"))
	r.offset = now
	return r.line
}

func (r *jsonReader) value(depth int) (*node, error) {
	token, err := r.decoder.Token()
	if err != nil {
		return nil, err
	}
	n := &node{from: r.at(r.here())}
	if !r.room(n.from.Line, depth) {
		return nil, errors.New("it is too large or too deep")
	}
	switch t := token.(type) {
	case nil:
	case bool:
		n.kind, n.text = boolean, strconv.FormatBool(t)
	case json.Number:
		n.kind, n.text = number, t.String()
	case string:
		n.kind, n.text = text, t
	case json.Delim:
		if t == '[' {
			n.kind = list
		} else {
			n.kind, n.fields = mapping, map[string]*node{}
		}
		for r.decoder.More() {
			if err := r.element(n, depth); err != nil {
				return nil, err
			}
		}
		_, err = r.decoder.Token() // the closing bracket
	}
	return n, err
}

// element reads the next item of a list or the next key of an object.
func (r *jsonReader) element(into *node, depth int) error {
	var name string
	if into.kind == mapping {
		token, err := r.decoder.Token()
		if err != nil {
			return err
		}
		name = token.(string) // the decoder accepts nothing else here
	}
	line := r.here()
	value, err := r.value(depth + 1)
	if err != nil {
		return err
	}
	if into.kind == list {
		into.items = append(into.items, value)
		return nil
	}
	if into.fields[name] != nil {
		return fmt.Errorf("the key %s stands here twice", shown(name))
	}
	value.from = r.at(line)
	into.fields[name] = value
	return nil
}

func (p *parser) toml(data []byte) *node {
	var decoded map[string]any
	if err := toml.Unmarshal(data, &decoded); err != nil {
		line := 0
		if at := (*toml.DecodeError)(nil); errors.As(err, &at) {
			line, _ = at.Position()
		}
		p.wrong(line, "", "this is not valid TOML: %s", strings.TrimPrefix(err.Error(), "toml: "))
		return nil
	}
	return p.fromTOML(decoded, "", tomlLines(data), 0, 0)
}

// fromTOML converts a decoded value. lines tells where a path stands; a value
// inside a longer one stands where that does.
func (p *parser) fromTOML(value any, path string, lines map[string]int, line, depth int) *node {
	if own, ok := lines[path]; ok {
		line = own
	}
	n := &node{from: p.at(line)}
	if !p.room(line, depth) {
		return n
	}
	switch v := value.(type) {
	case map[string]any:
		n.kind, n.fields = mapping, map[string]*node{}
		for name, field := range v {
			n.fields[name] = p.fromTOML(field, path+"\x00"+name, lines, line, depth+1)
		}
	case []any:
		n.kind = list
		for i, item := range v {
			n.items = append(n.items, p.fromTOML(item, path+"\x00"+strconv.Itoa(i), lines, line, depth+1))
		}
	case bool:
		n.kind, n.text = boolean, strconv.FormatBool(v)
	case int64:
		n.kind, n.text = number, strconv.FormatInt(v, 10)
	case float64:
		n.kind, n.text = number, strconv.FormatFloat(v, 'g', -1, 64)
	default: // texts, and dates, which no key takes
		n.kind, n.text = text, fmt.Sprint(v)
	}
	return n
}

// tomlLines maps the path of each key, its parts behind zero bytes, to the
// line it stands on.
func tomlLines(data []byte) map[string]int {
	lines := map[string]int{}
	tables := map[string]int{} // path of an array of tables: its last index
	var parser unstable.Parser
	parser.Reset(data)
	table := ""
	for parser.NextExpression() {
		expression := parser.Expression()
		path, line := "", 0
		if expression.Kind == unstable.KeyValue {
			path = table
		}
		for keys := expression.Key(); keys.Next(); {
			path += "\x00" + string(keys.Node().Data)
			line = parser.Shape(keys.Node().Raw).Start.Line
			if _, known := lines[path]; !known {
				lines[path] = line
			}
			if last, ok := tables[path]; ok && !(expression.Kind == unstable.ArrayTable && keys.IsLast()) {
				path += "\x00" + strconv.Itoa(last)
			}
		}
		switch expression.Kind {
		case unstable.ArrayTable:
			if last, ok := tables[path]; ok {
				tables[path] = last + 1
			} else {
				tables[path] = 0
			}
			path += "\x00" + strconv.Itoa(tables[path])
			lines[path] = line
			table = path
		case unstable.Table:
			table = path
		}
	}
	return lines
}
