// Package page is the built-in account pages: signing in and up, recovery,
// verification, one's own account, sessions and devices, the history of sign-ins, one's
// data, signing out, errors. They are rendered on the server from the same flows that
// everybody else gets, and their forms are sent to the same addresses; the pages only show.
//
// All of them are below one prefix of the public server, config.PagesPath. Where the
// configuration names another page for a kind of flow (ui_url), it takes the place of
// exactly that one here.
//
//   - page.go: Pages, their routes, what all pages have in common
//   - policy.go: the headers that protect a page
//   - form.go: from the nodes of a flow to the forms of a page, by type and group: a
//     method that is added later appears without a template of its own
//   - hints.go: tables of what pages know of single fields and messages
//   - flows.go: the pages of flows; settings.go: that of one's own account
//   - welcome.go, sessions.go, history.go, data.go, logout.go, fault.go: pages that show no
//     flow; agent.go names the browsers on them
//   - texts.go: what pages say, in one file for each language in texts/
//   - look.go: the brand, and templates of the operator; assets.go: files that pages load
//   - templates/: html/template; assets/: one style sheet, one script
//
// Everything but security keys and passkeys works without JavaScript. What needs it is
// hidden without.
package page
