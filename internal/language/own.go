package language

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"path"
	"slices"
	"strconv"
	"strings"

	"zelus/internal/ui"
)

// Own are texts that an operator has written instead of ours, by the tag of their
// language, and by what they stand for: the id of a message (1010001), or an
// English text such as the title of a field.
type Own map[string]map[string]string

// ReadOwn reads the files TAG.json of a folder, each an object of texts. The error
// lists all that is wrong with them, each with its file.
func ReadOwn(folder fs.FS) (Own, error) {
	names, err := fs.Glob(folder, "*.json")
	if err != nil {
		return nil, err
	}
	own := Own{}
	var faults []error
	for _, name := range names {
		tag := strings.TrimSuffix(path.Base(name), ".json")
		if _, ours := named(tag); !ours {
			faults = append(faults, fmt.Errorf("%s: there is no language %q here; the languages are %s", name, tag, strings.Join(Tags(), ", ")))
			continue
		}
		raw, err := fs.ReadFile(folder, name)
		if err != nil {
			faults = append(faults, err)
			continue
		}
		texts := map[string]string{}
		if err := json.Unmarshal(raw, &texts); err != nil {
			faults = append(faults, fmt.Errorf("%s: %w; it must be a JSON object of texts", name, err))
			continue
		}
		for _, key := range slices.Sorted(maps.Keys(texts)) {
			if err := checkOwn(key, texts[key]); err != nil {
				faults = append(faults, fmt.Errorf("%s: %q: %w", name, key, err))
			}
		}
		own[tag] = texts
	}
	if err := errors.Join(faults...); err != nil {
		return nil, err
	}
	return own, nil
}

// checkOwn refuses a text that could not stand for what it is for.
func checkOwn(key, text string) error {
	if strings.TrimSpace(text) == "" {
		return errors.New("the text is empty; leave the line out to keep ours")
	}
	id, err := strconv.Atoi(key)
	if err != nil {
		return nil // an English text, of which nobody else knows
	}
	ours := ui.English(id)
	if ours == "" {
		return errors.New("no message has this id")
	}
	for _, p := range placeholders(text) {
		if !slices.Contains(placeholders(ours), p) {
			return fmt.Errorf("this message has no %s; the English text is %q", p, ours)
		}
	}
	return nil
}

// placeholders are the names in a text, with their curly brackets.
func placeholders(text string) []string {
	var all []string
	for {
		_, rest, open := strings.Cut(text, "{")
		key, after, closed := strings.Cut(rest, "}")
		if !open || !closed {
			return all
		}
		all, text = append(all, "{"+key+"}"), after
	}
}
