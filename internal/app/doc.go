// Package app ties all rooms together and is the only one that knows them
// all. New builds every part as a literal, Run listens until its context ends,
// Close lets go of everything. The lists of methods (methods.go) and of routes
// (routes.go) are each one screen.
//
// A reload of the configuration passes through one function, configure, which
// hands every part what it needs of it.
package app
