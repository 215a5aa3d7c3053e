// Command gen writes v0alpha2.md, the reference of what clients of that era
// are given, from the tables of package v0alpha2.
package main

import (
	"flag"
	"fmt"
	"os"
	"strings"

	"zelus/internal/v0alpha2"
)

//go:generate go run . -out ../../../docs/reference/v0alpha2.md

func main() {
	out := flag.String("out", "v0alpha2.md", "the file to write")
	flag.Parse()
	if err := os.WriteFile(*out, []byte(reference()), 0o644); err != nil {
		fmt.Fprintln(os.Stderr, "gen:", err)
		os.Exit(1)
	}
}

const introduction = `# Clients of the v0alpha2 era

Made by ` + "`go generate`" + ` from ` + "`internal/v0alpha2`" + `; do not edit.

Clients that were generated in 2021 and 2022 (the Ory Cloud clients from alpha.18 on, those of Kratos v0.8 to
v0.10) find both APIs on the public server: the public one below ` + "`/api/kratos/public`" + `, the admin one below
` + "`/api/kratos/admin`" + `. The latter always asks for a key, as ` + "`Authorization: Bearer KEY`" + `;
` + "`zelus keys create`" + ` makes one.

The work is done by today's routes. Their answers lose the fields that v0.10.1 does not have, and values of
closed lists become the nearest one that every client of the era knows. Addresses of this server get the prefix,
so that a client needs no other base URL. Besides:

- Deleting an identity answers 204 whether or not there was one.
- ` + "`GET /api/kratos/admin/identities`" + ` has ` + "`page`" + ` from 0 and ` + "`per_page`" + ` from 1 to 500, 100 where it is not given.
- ` + "`metadata_public`" + ` and ` + "`metadata_admin`" + ` are left out where they are null.

## Operations
`

// reference is the page: a table of the operations, and one of each closed list.
func reference() string {
	var b strings.Builder
	b.WriteString(introduction)
	b.WriteString("\n| Operation | Route | Answered by |\n|---|---|---|\n")
	for _, r := range v0alpha2.Routes() {
		method, path, one := strings.Cut(r.Old, " ")
		if !one {
			method, path = "any method", r.Old
		}
		fmt.Fprintf(&b, "| %s | %s `%s%s` | `%s` |\n", r.Operations, method, v0alpha2.Prefix, path, r.Today)
	}
	b.WriteString("\n## Values\n")
	for _, l := range v0alpha2.Lists() {
		fmt.Fprintf(&b, "\n%s:\n\n| Today | There |\n|---|---|\n", l.Name)
		for _, v := range l.Values {
			old := "left out"
			if v.Old != "" {
				old = "`" + v.Old + "`"
			}
			fmt.Fprintf(&b, "| `%s` | %s |\n", v.Today, old)
		}
	}
	return b.String()
}
