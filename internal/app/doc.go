// Package app ties all rooms together and is the only one that knows them
// all. New builds every part as a literal, Run listens until its context ends,
// Close lets go of everything. The lists of methods (methods.go) and of routes
// (routes.go) are each one screen.
//
// A configuration comes into force in two steps (prepare.go), at the start as
// at a reload: prepare makes everything that could fail, put only swaps it in.
package app
