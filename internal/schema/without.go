package schema

import (
	"encoding/json"
	"slices"
	"strconv"

	"github.com/tidwall/gjson"
	"github.com/tidwall/sjson"
)

// Without gives traits without every text that is one of these addresses, however
// it is written.
func Without(traits json.RawMessage, addresses []string) json.RawMessage {
	if len(addresses) == 0 {
		return traits
	}
	var paths []string
	var walk func(path string, v gjson.Result)
	walk = func(path string, v gjson.Result) {
		n := 0
		switch {
		case v.IsObject() || v.IsArray():
			v.ForEach(func(key, inside gjson.Result) bool {
				name := gjson.Escape(key.String())
				if v.IsArray() {
					name = strconv.Itoa(n)
				}
				n++
				if path != "" {
					name = path + "." + name
				}
				walk(name, inside)
				return true
			})
		case v.Type == gjson.String:
			if a, ok := ReadAddress(v.String()); ok && slices.Contains(addresses, a.Value) {
				paths = append(paths, path)
			}
		}
	}
	walk("", gjson.ParseBytes(traits))
	for _, path := range slices.Backward(paths) { // what is behind in a list moves up
		if less, err := sjson.DeleteBytes(traits, path); err == nil {
			traits = less
		}
	}
	return traits
}
