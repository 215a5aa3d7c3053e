package templates

import (
	"context"
	"errors"
	"fmt"
	htmltemplate "html/template"
	"maps"
	"path/filepath"
	"slices"
	texttemplate "text/template"

	"zelus/internal/auth"
	"zelus/internal/override"
	"zelus/internal/source"
)

const (
	folderSetting = "courier.template_override_path"
	remoteSetting = "courier.templates."
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

// custom is a part that an operator has written.
type custom struct {
	origin string // the setting and the file
	set    *override.Set
}

// readOverrides reads what operators have written: at a URL, else in the
// folder. What is in neither place keeps its built-in text, part by part.
func readOverrides(ctx context.Context, s Settings, fetch source.Reader) (map[place]*custom, error) {
	var faults []error
	dir := s.Dir
	if dir != "" {
		if err := override.CheckFolder(dir); err != nil {
			faults, dir = append(faults, fmt.Errorf("%s: %w", folderSetting, err)), ""
		}
	}
	all := map[place]*custom{}
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
			var o *custom
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
func (p *part) remote(ctx context.Context, fetch source.Reader, setting, address string) (*custom, error) {
	text, err := fetch.Read(ctx, address)
	if err == nil {
		var o *custom
		if o, err = p.parse([]override.File{{Name: p.file, Text: string(text)}}); err == nil {
			o.origin = setting + ": " + source.Redacted(address)
			return o, nil
		}
		err = fmt.Errorf("%s: %w", source.Redacted(address), err)
	}
	return nil, fmt.Errorf("%s: %w", setting, err)
}

// local reads a part from the folder of its template, with the files beside it
// that it may use; nil where it is not there.
func (p *part) local(folder string) (*custom, error) {
	files, err := override.ReadFolder(folder, p.prefix, "")
	if err != nil {
		return nil, fmt.Errorf("%s: %w", folderSetting, err)
	}
	if !slices.ContainsFunc(files, func(f override.File) bool { return f.Name == p.file }) {
		return nil, nil
	}
	o, err := p.parse(files)
	if err != nil {
		return nil, fmt.Errorf("%s: %s: %w", folderSetting, folder, err)
	}
	o.origin = folderSetting + ": " + filepath.Join(folder, p.file)
	return o, nil
}

// parse makes a part of its files.
func (p *part) parse(files []override.File) (*custom, error) {
	var set *override.Set
	var err error
	if p.html {
		set, err = override.HTML(htmltemplate.New("").Funcs(htmltemplate.FuncMap(functions())), files, map[string]any{p.file: &view{}})
	} else {
		set, err = override.Text(texttemplate.New("").Funcs(functions()), files, map[string]any{p.file: &view{}})
	}
	if err != nil {
		return nil, err
	}
	return &custom{set: set}, nil
}
