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
//	go on   GET  /self-service/KIND?flow=     where a change waited for a fresh sign-in: that change, see interrupt.go
//
//	choose_method ──submit──▶ Again       the same form with messages
//	      │                   Next        a further step (a code was sent)
//	      ▼
//	passed_challenge          Proven      login: a session, new or renewed
//	                          Registered  registration: an identity, and a session if configured
//	show_form, success        Changed     settings: an identity that is different; the form stays
//
// Methods (password, code, …) take part as values of plain functions: they add
// nodes to a form and turn a submission into an Outcome. They never see a
// ResponseWriter, and never write a flow, a session or a redirect. The engine
// commits (commit.go) and answers (answer.go), each in one place. Methods are
// asked in the order of the list they are given in, which is part of the wire.
//
// Signing out (logout.go) and the errors that a browser is shown (fault.go)
// live here too, because they share the protections of the flows.
package flow
