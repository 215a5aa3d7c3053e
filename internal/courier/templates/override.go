package templates

import (
	"context"
	"errors"
	"fmt"
	htmltemplate "html/template"
	"io"
	"maps"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	texttemplate "text/template"
	"text/template/parse"

	"zelus/internal/auth"
	"zelus/internal/source"
)

const (
	folderSetting = "courier.template_override_path"
	remoteSetting = "courier.templates."
	// maxOutput is how long a text may become, in bytes.
	maxOutput = 1 << 20
)

// part is a piece of a message that operators can write themselves.
type part struct {
	file   string // its name in the folder of a template
	prefix string // of the files that it may use
	key    string // below the key of a template
	via    string
	html   bool
	put    func(r *Rendered, text string)
}

var parts = []part{
	{file: "email.subject.gotmpl", prefix: "email.subject", key: "email.subject", via: auth.ViaEmail,
		put: func(r *Rendered, text string) { r.Subject = clean(text) }},
	{file: "email.body.plaintext.gotmpl", prefix: "email.body.plaintext", key: "email.body.plaintext", via: auth.ViaEmail,
		put: func(r *Rendered, text string) { r.Body = text }},
	{file: "email.body.gotmpl", prefix: "email.body", key: "email.body.html", via: auth.ViaEmail, html: true,
		put: func(r *Rendered, text string) { r.HTML = text }},
	{file: "sms.body.gotmpl", prefix: "sms.body", key: "sms.body.plaintext", via: auth.ViaSMS,
		put: func(r *Rendered, text string) { r.Body = text }},
}

// place is one part of one template.
type place struct{ kind, file string }

// override is a part that an operator has written.
type override struct {
	origin  string // the setting and the file
	execute func(io.Writer, any) error
}

// readOverrides reads what operators have written: at a URL, else in the
// folder. What is in neither place keeps its built-in text, part by part.
func readOverrides(ctx context.Context, s Settings, fetch source.Reader) (map[place]*override, error) {
	var faults []error
	dir := s.Dir
	if dir != "" {
		if info, err := os.Stat(dir); err != nil {
			faults, dir = append(faults, fmt.Errorf("%s: %w", folderSetting, err)), ""
		} else if !info.IsDir() {
			faults, dir = append(faults, fmt.Errorf("%s: %s is not a folder", folderSetting, dir)), ""
		}
	}
	all := map[place]*override{}
	known := map[string]bool{}
	for _, k := range kinds {
		for _, p := range parts {
			if k.fields(p.via) == nil {
				continue
			}
			address := ""
			if k.key != "" {
				key := k.key + "." + p.key
				address, known[key] = s.Remote[key], true
			}
			var o *override
			var err error
			switch {
			case address != "":
				o, err = p.remote(ctx, fetch, remoteSetting+k.key+"."+p.key, address)
			case dir != "":
				o, err = p.local(filepath.Join(dir, filepath.FromSlash(k.folder)))
			}
			if err != nil {
				faults = append(faults, err)
			} else if o != nil {
				all[place{k.name, p.file}] = o
			}
		}
	}
	for _, key := range slices.Sorted(maps.Keys(s.Remote)) {
		if !known[key] {
			faults = append(faults, fmt.Errorf("%s%s: there is no such template", remoteSetting, key))
		}
	}
	return all, errors.Join(faults...)
}

// remote reads a part from a URL. It can use no other files.
func (p *part) remote(ctx context.Context, fetch source.Reader, setting, address string) (*override, error) {
	text, err := fetch.Read(ctx, address)
	if err == nil {
		var o *override
		if o, err = p.parse([]file{{p.file, string(text)}}); err == nil {
			o.origin = setting + ": " + source.Redacted(address)
			return o, nil
		}
		err = fmt.Errorf("%s: %w", source.Redacted(address), err)
	}
	return nil, fmt.Errorf("%s: %w", setting, err)
}

// local reads a part from the folder of its template, with the files beside it
// that it may use; nil where it is not there.
func (p *part) local(folder string) (*override, error) {
	paths, err := beside(folder, p.prefix)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", folderSetting, err)
	}
	main := filepath.Join(folder, p.file)
	var sources []file
	found := false
	for _, path := range paths {
		text, err := readFile(path)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", folderSetting, err)
		}
		sources = append(sources, file{filepath.Base(path), text})
		found = found || path == main
	}
	if !found {
		return nil, nil
	}
	o, err := p.parse(sources)
	if err != nil {
		return nil, fmt.Errorf("%s: %s: %w", folderSetting, folder, err)
	}
	o.origin = folderSetting + ": " + main
	return o, nil
}

// file is the text of one file.
type file struct{ name, text string }

// parse makes an override of its files. What can be known to fail is refused
// here, so that it is noticed before somebody waits for a mail.
func (p *part) parse(sources []file) (*override, error) {
	trees := map[string]*parse.Tree{}
	if !p.html {
		set := texttemplate.New("").Funcs(functions())
		for _, s := range sources {
			if _, err := set.New(s.name).Parse(s.text); err != nil {
				return nil, plainly(err)
			}
		}
		for _, t := range set.Templates() {
			trees[t.Name()] = t.Tree
		}
		if err := check(trees, p.file); err != nil {
			return nil, err
		}
		return &override{execute: set.Lookup(p.file).Execute}, nil
	}
	set := htmltemplate.New("").Funcs(htmltemplate.FuncMap(functions()))
	for _, s := range sources {
		if _, err := set.New(s.name).Parse(s.text); err != nil {
			return nil, plainly(err)
		}
	}
	for _, t := range set.Templates() {
		trees[t.Name()] = t.Tree
	}
	if err := check(trees, p.file); err != nil {
		return nil, err
	}
	// HTML is analysed when it is first written. What comes of these values does
	// not matter, only what is wrong with the template itself.
	main := set.Lookup(p.file)
	var wrong *htmltemplate.Error
	if err := main.Execute(&bounded{}, &view{}); errors.As(err, &wrong) {
		return nil, plainly(err)
	}
	return &override{execute: main.Execute}, nil
}

// plainly is an error of the template packages without their name in front.
func plainly(err error) error {
	return errors.New(strings.TrimPrefix(strings.TrimPrefix(err.Error(), "template: "), "html/template:"))
}

// run makes the text. What stands in the error is the template's, not the
// message's.
func (o *override) run(v *view) (string, error) {
	var b bounded
	err := o.execute(&b, v)
	var failed texttemplate.ExecError
	switch {
	case errors.Is(err, errOutput):
		return "", errOutput
	case errors.As(err, &failed):
		return "", errors.New(whereabouts(failed.Error()))
	case err != nil:
		return "", errors.New("the template failed")
	}
	// A member that somebody's traits do not have is nothing, not these words.
	return strings.ReplaceAll(b.text.String(), "<no value>", ""), nil
}

// whereabouts is the part of an execution error that names file, line and
// expression. What follows can repeat values, so that it is left out, unless it
// is a field that there is not.
func whereabouts(text string) string {
	text = strings.TrimPrefix(text, "template: ")
	_, rest, found := strings.Cut(text, " at <")
	expression, cause, closed := strings.Cut(rest, ">: ")
	if !found || !closed {
		return "the template failed"
	}
	head := text[:len(text)-len(rest)] + expression + ">"
	if strings.HasPrefix(cause, "can't evaluate field ") {
		return head + ": " + cause
	}
	return head + " failed"
}

var errOutput = fmt.Errorf("the text becomes longer than %d bytes", maxOutput)

// bounded takes a text that must not become too long.
type bounded struct{ text strings.Builder }

func (b *bounded) Write(p []byte) (int, error) {
	if b.text.Len()+len(p) > maxOutput {
		return 0, errOutput
	}
	return b.text.Write(p)
}

// check refuses templates that name one that is not there, that lead back to
// themselves, which would go on until the memory is full, and main where it
// shows a field that no message has.
func check(trees map[string]*parse.Tree, main string) error {
	c := &checker{trees: trees, state: map[string]int{}}
	for _, name := range slices.Sorted(maps.Keys(trees)) {
		if err := c.template(name, name == main); err != nil {
			return err
		}
	}
	return nil
}

type checker struct {
	trees map[string]*parse.Tree
	state map[string]int // 1 while it is being looked at, 2 when that is done
	name  string
	err   error
}

func (c *checker) template(name string, root bool) error {
	tree := c.trees[name]
	if tree == nil || tree.Root == nil || c.state[name] == 2 && !root {
		return nil
	}
	before := c.name
	c.state[name], c.name = 1, name
	c.walk(tree.Root, root, root)
	c.state[name], c.name = 2, before
	return c.err
}

// fail notes the first thing that is wrong.
func (c *checker) fail(n parse.Node, format string, a ...any) {
	if c.err == nil {
		location, _ := c.trees[c.name].ErrorContext(n)
		c.err = fmt.Errorf("%s: %s", location, fmt.Sprintf(format, a...))
	}
}

// walk looks at n and all below it. dot and dollar say whether . and $ are the
// message.
func (c *checker) walk(n parse.Node, dot, dollar bool) {
	switch n := n.(type) {
	case *parse.ListNode:
		if n != nil {
			for _, each := range n.Nodes {
				c.walk(each, dot, dollar)
			}
		}
	case *parse.ActionNode:
		c.walk(n.Pipe, dot, dollar)
	case *parse.IfNode:
		c.branch(&n.BranchNode, dot, dot, dollar)
	case *parse.WithNode:
		c.branch(&n.BranchNode, false, dot, dollar)
	case *parse.RangeNode:
		c.branch(&n.BranchNode, false, dot, dollar)
	case *parse.PipeNode:
		if n != nil {
			for _, command := range n.Cmds {
				for _, argument := range command.Args {
					c.walk(argument, dot, dollar)
				}
			}
		}
	case *parse.ChainNode:
		c.walk(n.Node, dot, dollar)
	case *parse.FieldNode:
		c.field(n, n.Ident, dot)
	case *parse.VariableNode:
		c.field(n, n.Ident[1:], dollar && n.Ident[0] == "$")
	case *parse.TemplateNode:
		c.walk(n.Pipe, dot, dollar)
		switch {
		case c.trees[n.Name] == nil:
			c.fail(n, "there is no template %q", n.Name)
		case c.state[n.Name] == 1:
			c.fail(n, "the template %q leads back to itself", n.Name)
		default:
			c.template(n.Name, false)
		}
	}
}

func (c *checker) branch(n *parse.BranchNode, inside, outside, dollar bool) {
	c.walk(n.Pipe, outside, dollar)
	c.walk(n.List, inside, dollar)
	c.walk(n.ElseList, outside, dollar)
}

// field refuses a field of the message that there is not.
func (c *checker) field(n parse.Node, path []string, message bool) {
	if !message || len(path) == 0 {
		return
	}
	if _, known := reflect.TypeFor[view]().FieldByName(path[0]); !known {
		c.fail(n, "no message has a field .%s", path[0])
	}
}
