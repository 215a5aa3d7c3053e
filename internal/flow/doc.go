// Package flow is the one engine behind all self-service: login, registration,
// settings, recovery and verification are one type (auth.Flow), one table, one
// handler and one error path. What differs between the kinds is data: kinds.go.
//
// A flow's life, for all kinds and clients:
//
//	begin   GET  /self-service/KIND/api       an app; answers with the flow
//	        GET  /self-service/KIND/browser   a browser; a redirect to the page, or the flow for those who ask for JSON
//	fetch   GET  /self-service/KIND/flows?id= what the page shows
//	submit  POST /self-service/KIND?flow=     the form
//	go on   GET  /self-service/KIND?flow=     where a change waited for a fresh sign-in: that change, see interrupt.go;
//	                                          with the secret of a message: what it is good for, see prove.go
//
//	choose_method ──submit──▶ Again       the same form with messages
//	      │                   Next        a further step (a code was sent)
//	      │                   Replaced    a new form, as this one cannot go on
//	      ▼
//	passed_challenge          Proven      login: a session, new or renewed
//	                          Registered  registration: an identity, and a session if configured
//	                          Recovered   recovery: a session, and a settings form for a new password
//	                          Verified    verification: an address that is proven
//	show_form, success        Changed     settings: an identity that is different; the form stays
//
// What the configuration wants besides, after a success, is in hooks.go; what an
// administrator begins for somebody, in handout.go.
//
// Methods (password, code, …) take part as values of plain functions: they add
// nodes to a form and turn a submission into an Outcome. They never see a
// ResponseWriter, and never write a flow, a session or a redirect. The engine
// commits (commit.go) and answers (answer.go), each in one place. Methods are
// asked in the order of the list they are given in, which is part of the wire.
//
// Signing out (logout.go), the errors that a browser is shown (fault.go) and what
// a page says was done before it (word.go) live here too, because they share the
// protections of the flows.
package flow
