// Command gen writes the reference of the configuration: config.md for people
// and config.schema.json for editors. Both say what the tags of the tree in
// package config say.
package main

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"zelus/internal/config"
)

//go:generate go run . -out ../../../docs/reference

func main() {
	out := flag.String("out", ".", "the folder to write to")
	flag.Parse()
	if err := run(*out); err != nil {
		fmt.Fprintln(os.Stderr, "gen:", err)
		os.Exit(1)
	}
}

func run(folder string) error {
	schema, err := config.Schema()
	if err != nil {
		return err
	}
	page, err := reference()
	if err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(folder, "config.schema.json"), schema, 0o644); err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(folder, "config.md"), []byte(page), 0o644)
}

const introduction = `# Configuration

Made by ` + "`go generate`" + ` from ` + "`internal/config`" + `; do not edit. ` + "`zelus config explain KEY`" + ` says the same
of one key, and ` + "`config.schema.json`" + ` beside this page lets an editor check a file.

- The second line of a key is its environment variable. ` + "`<number>`" + ` counts the items
  of a list from 0. A variable beats the file.
- "Acted on" says whether this release does what the key asks for. *later* names the
  area that the key waits for; a file may have it, and a start-up warning names it.
  *no effect* is accepted and changes nothing.
- *restart* marks what takes effect at the next start only. Everything else follows
  the file while the server runs.
`

// reference is the page: a section for each key at the top of the file, a row
// for each key that holds a value.
func reference() (string, error) {
	top, err := explain("")
	if err != nil {
		return "", err
	}
	var b strings.Builder
	b.WriteString(introduction)
	b.WriteString("\n## Keys without a section\n" + head)
	var sections []key
	for _, name := range top.inside {
		k, err := explain(name)
		switch {
		case err != nil:
			return "", err
		case len(k.inside) > 0 && k.rows["type"] == "an object":
			sections = append(sections, k)
		default:
			b.WriteString(k.row(k.acted()))
		}
	}
	hooks := ""
	for _, k := range sections {
		fmt.Fprintf(&b, "\n## %s\n\n%s\n%s", k.name, k.doc, head)
		if err := k.below(&b, &hooks); err != nil {
			return "", err
		}
	}
	list, err := explain(hooks)
	if err != nil {
		return "", err
	}
	b.WriteString("\n## Hooks\n\nAll lists of hooks hold the same kind of item, here that of `" + hooks + "`.\nWhich hooks are acted on stands with each list.\n" + head)
	err = list.below(&b, nil)
	return b.String(), err
}

const head = "\n| Key | Type | Default | Acted on | What it is for |\n|---|---|---|---|---|\n"

// key is what config.Explain says of one key.
type key struct {
	name   string // in full
	doc    string
	rows   map[string]string // type, default, variable, status, change, hooks acted on
	inside []string          // names of the keys in it, or in each item of it
}

// explain takes apart what config.Explain says: the name, what the key is for,
// a table with two spaces before each name and value, and the keys inside.
func explain(name string) (key, error) {
	text, err := config.Explain(name)
	if err != nil {
		return key{}, err
	}
	k := key{rows: map[string]string{}}
	about, inside, _ := strings.Cut(text, "Keys inside:\n")
	if name == "" {
		about, inside = "", text
	}
	for line := range strings.Lines(inside) {
		k.inside = append(k.inside, strings.Fields(line)[0])
	}
	for line := range strings.Lines(about) {
		line = strings.TrimRight(line, "\n")
		row, isRow := strings.CutPrefix(line, "  ")
		switch {
		case isRow:
			label, value, _ := strings.Cut(row, "  ")
			k.rows[label] = strings.TrimSpace(value)
		case k.name == "":
			k.name = line
		case line != "":
			k.doc = line
		}
	}
	return k, nil
}

// hooksType begins the type of a list of hooks; their names follow.
const hooksType = "a list of hooks: "

// below writes the rows of all keys below k. hooks is set to the first list of
// hooks, and what is in such lists is left out; it is nil inside of one.
func (k key) below(b *strings.Builder, hooks *string) error {
	prefix := k.name + "."
	switch {
	case strings.HasPrefix(k.rows["type"], "a list"):
		prefix = k.name + "[]."
	case k.rows["type"] == "an object with free names":
		prefix = k.name + ".<name>."
	}
	for _, name := range k.inside {
		child, err := explain(prefix + name)
		if err != nil {
			return err
		}
		isHooks := name == "hooks" && hooks != nil
		if isHooks {
			if *hooks == "" {
				*hooks = child.name
			}
			which, err := explain(child.name + "[].hook")
			if err != nil {
				return err
			}
			child.rows["type"] = hooksType + strings.TrimPrefix(which.rows["type"], "one of ")
		}
		if child.rows["type"] != "an object" {
			acted := ""
			if hooks != nil {
				acted = child.acted()
			}
			b.WriteString(child.row(acted))
		}
		if !isHooks {
			if err := child.below(b, hooks); err != nil {
				return err
			}
		}
	}
	return nil
}

func (k key) row(acted string) string {
	name := "`" + k.name + "`"
	if v := k.rows["variable"]; v != "" {
		name += "<br>`" + v + "`"
	}
	preset := k.rows["default"]
	switch {
	case strings.HasPrefix(preset, "none, "):
		preset = "required"
	case preset != "":
		preset = "`" + preset + "`"
	}
	return fmt.Sprintf("| %s | %s | %s | %s | %s |\n", name, cell(k.rows["type"]), cell(preset), acted, cell(k.doc))
}

func (k key) acted() string {
	acted := "yes"
	if area, ok := strings.CutPrefix(k.rows["status"], "known, not acted on yet ("); ok {
		acted = "*later: " + strings.TrimSuffix(area, ")") + "*"
	} else if k.rows["status"] != "acted on" {
		acted = "*no effect*"
	}
	if acted == "yes" && strings.HasPrefix(k.rows["type"], hooksType) {
		acted = "none yet"
		if which := k.rows["hooks acted on"]; which != "" {
			acted = "`" + strings.ReplaceAll(which, ", ", "`, `") + "`"
		}
	}
	if k.rows["change"] != "" {
		acted += ", *restart*"
	}
	return acted
}

// cell keeps a text from ending its cell of the table.
func cell(text string) string {
	return strings.NewReplacer("|", `\|`, "<", "&lt;").Replace(text)
}
