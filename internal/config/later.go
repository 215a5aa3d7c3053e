package config

import (
	"reflect"
	"slices"
	"strconv"
	"strings"
)

// notActedOn makes one warning of all keys that the operator has set and that
// the server does not act on yet: those with the tag later, and hooks that are
// not in the tag acts. A key that is set to its default changes nothing, and a
// method that is switched off needs nothing; neither is named.
func (c *Config) notActedOn(root *spec) (Warning, bool) {
	var w laterWalk
	w.object(root, c.values, "", reflect.ValueOf(c).Elem(), false)
	if len(w.lines)+len(w.guards) == 0 {
		return Warning{}, false
	}
	return Warning{Text: "this release knows these keys and does not act on them yet:\n" + strings.Join(append(w.guards, w.lines...), "\n")}, true
}

// laterWalk collects what is named. What was meant to keep somebody out comes
// first and says so, because without it more is allowed than was asked for.
type laterWalk struct{ guards, lines []string }

func (w *laterWalk) name(where Origin, key, what string, guards bool) {
	line := key
	if what != "" {
		line += " (" + what + ")"
	}
	if from := where.String(); from != "" {
		line += ", " + from
	}
	if guards {
		w.guards = append(w.guards, line+" - CAREFUL: it is meant to keep somebody out, and does not yet")
		return
	}
	w.lines = append(w.lines, line)
}

// guards says whether a hook can refuse somebody.
func (h Hook) guards() bool {
	return h.Name == "require_verified_address" || h.Name == "verify_new_address" || h.Name == "web_hook" && (h.Config.CanInterrupt || h.Config.Response.Parse)
}

// object looks at the keys of an object that are configured. named says that
// the object itself has been named, so that only hooks are left to name.
func (w *laterWalk) object(s *spec, n *node, key string, v reflect.Value, named bool) {
	for _, name := range n.names() {
		f := s.field(name)
		if f == nil {
			continue // open objects have such keys
		}
		w.key(f, n.fields[name], strings.TrimPrefix(key+"."+name, "."), f.of(v), named)
	}
}

func (w *laterWalk) key(s *spec, n *node, key string, v reflect.Value, named bool) {
	if v.Kind() == reflect.Pointer {
		v = v.Elem()
	}
	if !v.IsValid() || !differs(s, n, v) {
		return
	}
	if s.later != "" && !named {
		w.name(n.from, key, "", false)
		named = true
	}
	switch {
	case s.object():
		w.object(s, n, key, v, named)
	case s.elem != nil && s.elem.typ == hookType:
		for i := range v.Len() {
			hook := v.Index(i).Interface().(Hook)
			if !slices.Contains(s.acts, hook.Name) {
				w.name(n.items[i].from, key+"."+strconv.Itoa(i), "the hook "+hook.Name, hook.guards())
			}
		}
	}
}

// differs says whether what is configured changes anything compared with
// leaving the key out.
func differs(s *spec, n *node, v reflect.Value) bool {
	if v.Kind() == reflect.Pointer {
		v = v.Elem()
	}
	if n == nil || n.kind == null || !v.IsValid() {
		return false
	}
	if !s.object() {
		preset := reflect.New(v.Type()).Elem()
		(&decoder{}).preset(s, preset)
		return !reflect.DeepEqual(preset.Interface(), v.Interface())
	}
	if enabled := s.field("enabled"); enabled != nil && !enabled.of(v).Bool() {
		return false // switched off
	}
	for _, f := range s.fields {
		if differs(f, n.field(f.name), f.of(v)) {
			return true
		}
	}
	return false
}
