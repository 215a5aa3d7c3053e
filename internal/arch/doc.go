// Package arch holds the rules of the architecture as tests: which room may
// import which, where SQL, the clock, the environment and the default logger
// may be named, and what no file may contain. It has no other code. A broken
// rule names the file, the line and what to do instead.
//
// rules_test.go holds the rules, each a function from a parsed package to its
// complaints; load_test.go reads the packages; arch_test.go applies the rules
// to this module and checks each rule on code that breaks it.
package arch
