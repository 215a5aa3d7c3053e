package main

import (
	"os"
	"strings"
	"testing"

	"zelus/internal/config"
)

const folder = "../../../docs/reference/"

// TestUpToDate fails when the tree has changed since the pages were made.
func TestUpToDate(t *testing.T) {
	page, err := reference()
	if err != nil {
		t.Fatal(err)
	}
	schema, err := config.Schema()
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{"config.md": page, "config.schema.json": string(schema)} {
		have, err := os.ReadFile(folder + name)
		if err != nil {
			t.Fatal(err)
		}
		if string(have) != want {
			t.Errorf("docs/reference/%s is not what the tree says: run go generate ./...", name)
		}
	}
}

func TestRows(t *testing.T) {
	page, err := reference()
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{
		"a value":           "| `serve.public.port`<br>`SERVE_PUBLIC_PORT` | a whole number from 1 to 65535 | `4433` | yes, *restart* | Port to listen on.",
		"a required key":    "| `dsn`<br>`DSN` | one of memory, ",
		"an item of a list": "| `identity.schemas[].id`<br>`IDENTITY_SCHEMAS_<number>_ID` | text | required | yes | ",
		"below free names":  "| `session.whoami.tokenizer.templates.<name>.ttl` | ",
		"of a later area":   "| `selfservice.methods.oidc.enabled`<br>`SELFSERVICE_METHODS_OIDC_ENABLED` | true or false | `false` | *later: social sign-in* | ",
		"without effect":    "| `version` | a version such as v1.2.3 |  | *no effect* | ",
		"hooks":             " | a list of hooks: session, web_hook, show_verification_ui, b2b_sso, organization |  | `session`, `show_verification_ui` | ",
		"inside of hooks":   ".hooks[].config.url`",
	} {
		t.Run(name, func(t *testing.T) {
			if !strings.Contains(page, want) {
				t.Errorf("no row has %q", want)
			}
		})
	}
}
