package web

import (
	"strings"
	"testing"
)

func TestID(t *testing.T) {
	const id = "3b0ba2c9-7d31-4f49-8f4e-0d2a3c0e5b11"
	for _, text := range []string{id, strings.ToUpper(id)} {
		if got, ok := ID(text); !ok || got.String() != id {
			t.Errorf("%q is %s, %v", text, got, ok)
		}
	}
	for _, text := range []string{"", "x", id[1:], id + "0", " " + id, id + "\x00", "{" + id + "}", "urn:uuid:" + id, strings.ReplaceAll(id, "-", ""), strings.ReplaceAll(id, "-", "_"), strings.ReplaceAll(id, "3", "g"), strings.ReplaceAll(id, "3", "３")} {
		if got, ok := ID(text); ok || got.String() != "00000000-0000-0000-0000-000000000000" {
			t.Errorf("%q is %s", text, got)
		}
	}
}
