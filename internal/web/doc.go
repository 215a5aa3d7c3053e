// Package web is the plumbing between net/http and everything that answers
// requests. It knows HTTP and nothing of flows, sessions or identities:
//
//   - handler.go: handlers that return errors, and the one place that renders
//     an error as JSON
//   - middleware.go, cors.go: headers, body limit, deadline, request log, CORS
//   - negotiate.go: does this client want JSON or a page
//   - decode.go, document.go: bodies of forms and of the admin API, read once,
//     with limits
//   - returnto.go: which return_to addresses are allowed
//   - csrf.go, cookie.go: the anti-forgery and the session cookie
//   - diagnosis.go, site.go: why a browser was refused, for operators, and what
//     browsers take for one site
//   - client.go: who is calling, and by which address
//   - page.go: pages of lists and their Link headers (RFC 8288)
//   - outgoing.go: the client for requests that the server makes itself
//   - call.go: requests of that kind which the configuration describes
//
// Nothing here reads the configuration; every part takes the few values it
// needs. Nothing here trusts the Host header or a forwarding header that did
// not come from a configured proxy.
package web
