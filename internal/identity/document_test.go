package identity

import (
	"encoding/json"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestCut(t *testing.T) {
	for text, want := range map[string][]string{
		`[]`:                          nil,
		`{}`:                          nil,
		"{\n}":                        nil,
		`[1]`:                         {`1`},
		"[ 1 ,\t[2, 3] , {\"a\":4}]":  {`1`, `[2, 3]`, `{"a":4}`},
		`["a,b","c]","\"",",\\",""]`:  {`"a,b"`, `"c]"`, `"\""`, `",\\"`, `""`},
		`{"a":1,"b:c" : {"d,":[{}]}}`: {`"a"`, `1`, `"b:c"`, `{"d,":[{}]}`},
		`["\u2028 ","\u0022,"]`:       {`"\u2028 "`, `"\u0022,"`},
	} {
		var got []string
		for _, part := range cut(json.RawMessage(text)) {
			got = append(got, string(part))
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", text, diff)
		}
	}
}

// FuzzCut: what is taken apart, all the way down, and written again is the same.
func FuzzCut(f *testing.F) {
	for _, text := range []string{`[]`, `{"a":[1,{"b":"c\\"},[]],"a":2}`, ` [ 1 , "\"" ] `, `{"":{}}`, `[[[]],{"x":null}]`} {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		if !json.Valid(text) {
			cut(append(append([]byte("["), text...), ']')) // it need not make sense of it
			return
		}
		list := &node{text: append(append([]byte("["), text...), ']')}
		var down func(*node)
		down = func(n *node) {
			if n == nil || n.open() != nil {
				return
			}
			for _, entry := range n.list {
				down(entry)
			}
			if n.record != nil {
				for _, m := range n.record.members {
					down(m.value)
				}
			}
		}
		down(list)
		var want, got any
		if err := json.Unmarshal(append(append([]byte("["), text...), ']'), &want); err != nil {
			return // nested too deeply now
		}
		if err := json.Unmarshal(list.bytes(), &got); err != nil {
			t.Fatalf("%q became %q: %v", text, list.bytes(), err)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%q (-before +after):\n%s", text, diff)
		}
	})
}
