package page

import (
	"errors"
	"fmt"
	"html/template"
	"slices"
	"strings"

	"zelus/internal/brand"
	"zelus/internal/language"
	"zelus/internal/override"
)

// Look is what pages look like by one configuration, as far as something could be
// wrong with it: that is known before the configuration is in force. It never changes.
type Look struct {
	brand  *brand.Brand
	assets *assets
	own    *override.Set // templates with those of the operator; nil where there are none
}

const templatesSetting = "branding.template_override_path"

// NewLook makes the look of a brand, with the operator's templates in a folder; empty
// for none. The error begins with its key.
func NewLook(b *brand.Brand, folder string) (*Look, error) {
	l := &Look{brand: b}
	var err error
	if l.assets, err = readAssets(b); err != nil {
		return nil, err
	}
	if folder != "" {
		if l.own, err = readOwn(b, folder); err != nil {
			return nil, fmt.Errorf("%s: %w", templatesSetting, err)
		}
	}
	return l, nil
}

// builtIn parses our own templates.
func builtIn() (*template.Template, error) {
	return template.ParseFS(templateFiles, "templates/*.html")
}

// readOwn reads the files of an operator. Each takes the place of ours of that name;
// one whose name begins with _ is for others of theirs to use.
func readOwn(b *brand.Brand, folder string) (*override.Set, error) {
	if err := override.CheckFolder(folder); err != nil {
		return nil, err
	}
	files, err := override.ReadFolder(folder, "", ".html")
	if err != nil || len(files) == 0 {
		return nil, err
	}
	base, err := builtIn()
	if err != nil {
		return nil, err
	}
	var known []string
	for _, t := range base.Templates() {
		if strings.HasSuffix(t.Name(), ".html") {
			known = append(known, t.Name())
		}
	}
	slices.Sort(known)
	var faults []error
	for _, f := range files {
		if !slices.Contains(known, f.Name) && !strings.HasPrefix(f.Name, "_") {
			faults = append(faults, fmt.Errorf("%s: there is no template of this name to replace; there are %s, and names that begin with _ are for your own parts",
				f.Name, strings.Join(known, ", ")))
		}
	}
	if err := errors.Join(faults...); err != nil {
		return nil, err
	}
	english, err := newSpeaker(language.New(nil), newTexts(), language.English)
	if err != nil {
		return nil, err
	}
	samples := map[string]any{}
	for name, body := range bodies() {
		samples[name] = &view{speaker: english, Brand: b, Account: &account{}, Body: body}
	}
	set, err := override.HTML(base, files, samples)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", folder, err)
	}
	return set, nil
}

// bodies are what each page has of its own.
func bodies() map[string]any {
	return map[string]any{"data.html": &dataBody{}, "error.html": &faultBody{}, "flow.html": &flowBody{}, "history.html": &historyBody{}, "kept.html": &keptBody{},
		"logout.html": &logoutBody{}, "sessions.html": &sessionsBody{}, "settings.html": &settingsBody{}, "welcome.html": &welcomeBody{}}
}

// text is a page by the operator's templates; empty where there are none, or with an
// error.
func (l *Look) text(name string, v *view) (string, error) {
	if l.own == nil {
		return "", nil
	}
	return l.own.Run(name, v)
}

// logo is a picture in the place of the service's name.
type logo struct{ Source, Dark string }

// logo is where the pictures are, below a path; nil where there are none.
func (l *Look) logo(path string) *logo {
	if l.brand.Logo == nil {
		return nil
	}
	all := &logo{Source: path + l.assets.names["logo"]}
	if l.brand.LogoDark != nil {
		all.Dark = path + l.assets.names["logo-dark"]
	}
	return all
}
