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

Clients that were generated in 2021 and 2022 find both APIs on the public server: the public one below
` + "`/api/kratos/public`" + `, the admin one below ` + "`/api/kratos/admin`" + `. The latter always asks for a key, as
` + "`Authorization: Bearer KEY`" + `; ` + "`zelus keys create`" + ` makes one, and ` + "`serve.public.admin_prefix: false`" + ` switches it off.
Tested with ` + "`@ory/client`" + ` 0.0.1-alpha.30, ` + "`@ory/kratos-client`" + ` 0.10.1 and the Go clients ` + "`ory/client-go`" + `
v0.2.0-alpha.60 and ` + "`ory/kratos-client-go`" + ` v0.10.1.

The work is done by today's routes. Their answers lose the fields that v0.10.1 does not have, and values of
closed lists become the nearest one that every client of the era knows. Addresses of this server get the prefix,
so that a client needs no other base URL. Besides:

- Deleting an identity answers 204 whether or not there was one.
- An extended session is always answered with the session, whatever ` + "`feature_flags.faster_session_extend`" + ` says.
- ` + "`GET /api/kratos/admin/identities`" + ` has ` + "`page`" + ` from 0 and ` + "`per_page`" + ` from 1 to 500, 100 where it is not given.
- ` + "`metadata_public`" + `, ` + "`metadata_admin`" + ` and the ` + "`identifiers`" + ` of a credential are left out where they are null.
- Beside an error only ` + "`redirect_browser_to`" + `, ` + "`since`" + ` and ` + "`use_flow_id`" + ` stand.
- Who regains access or proves an address is sent a link by what those clients know, ` + "`method: link`" + ` with ` + "`email`" + `. That takes
  ` + "`selfservice.methods.link.enabled: true`" + `, and ` + "`use: link`" + ` under ` + "`selfservice.flows.recovery`" + ` and ` + "`selfservice.flows.verification`" + `. Where
  codes are sent, which is the default, clients get through that show the form as it comes: its fields are in the group ` + "`link`" + `.
- The link of a mail has no prefix. ` + "`token`" + ` in the query opens it by GET as by POST, and the answer leads a browser on to a page.
- ` + "`adminCreateSelfServiceRecoveryLink`" + ` takes a key like the others. ` + "`@ory/kratos-client`" + ` 0.10.1 sends none with it by itself: give it the
  header in the options of the call.
- Once the address is proven, the form of a verification leads to where its client goes on, by GET, as today.
- Registration and login have one step, whatever ` + "`selfservice.flows.registration.style`" + ` and ` + "`login.style`" + ` say: those clients know no other.
- A password is taken with ` + "`password_identifier`" + ` as well as with ` + "`identifier`" + `, as everywhere.

## Operations
`

const values = `
## Values

What stands around a value that is left out goes with it: the node, the entry. A value that is in no list is newer than this
page: a group counts as ` + "`default`" + `, a state as the first one, everything else is left out. The ` + "`active`" + ` method of
settings, recovery and verification follows the list of groups. An identity's credentials are those of the types password,
oidc, totp, webauthn and lookup_secret.
`

const attributes = `
Attributes of nodes, all others are left out:

| Type | Attributes |
|---|---|
`

// reference is the page: a table of the operations, and one of each closed list.
func reference() string {
	var b strings.Builder
	b.WriteString(introduction)
	b.WriteString("\n| Operation | Methods | Route | Answered by |\n|---|---|---|---|\n")
	for _, r := range v0alpha2.Routes() {
		fmt.Fprintf(&b, "| %s | %s | `%s%s` | `%s` |\n", r.Operations, strings.ReplaceAll(r.Methods, ",", ", "), v0alpha2.Prefix, r.Old, r.Today)
	}
	b.WriteString(values)
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
	b.WriteString(attributes)
	for _, n := range v0alpha2.Attributes() {
		fmt.Fprintf(&b, "| `%s` | `%s` |\n", n.Today, n.Old)
	}
	return b.String()
}
