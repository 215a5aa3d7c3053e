package main

import (
	"os"
	"strings"
	"testing"
)

// TestUpToDate fails when the catalogue has changed since the page was made.
func TestUpToDate(t *testing.T) {
	want, err := reference("../catalogue.go")
	if err != nil {
		t.Fatal(err)
	}
	have, err := os.ReadFile("../../../docs/reference/messages.md")
	if err != nil {
		t.Fatal(err)
	}
	if string(have) != want {
		t.Error("docs/reference/messages.md is not what the catalogue says: run go generate ./...")
	}
}

func TestRows(t *testing.T) {
	page, err := reference("../catalogue.go")
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		"\n## Login\n",
		"| 1010002 | info | Sign in with {provider} |  |\n",
		"| 1010005 | info | Please confirm that it is you. | not sent |\n",
		"\n## What went wrong with a flow\n",
		"| 1080002 | success | Your address is confirmed. |  |\n",
		"| 4000002 | error | Please fill in {property}. |  |\n",
	} {
		if !strings.Contains(page, want) {
			t.Errorf("the page has no %q", want)
		}
	}
}

func TestWrongSource(t *testing.T) {
	for name, source := range map[string]string{
		"no number":  "package ui\nconst A = B",
		"no Go":      "A = 1",
		"a fraction": "package ui\nconst A = 1.5",
	} {
		t.Run(name, func(t *testing.T) {
			file := t.TempDir() + "/catalogue.go"
			if err := os.WriteFile(file, []byte(source), 0o600); err != nil {
				t.Fatal(err)
			}
			if page, err := reference(file); err == nil {
				t.Errorf("made a page of %d bytes, want an error", len(page))
			}
		})
	}
}
