// Package cli holds the commands, one file each. The names and flags are those
// of Kratos where it has them, so that scripts and charts written for it work.
//
// Commands write results to standard output and everything else to standard
// error, and end with 0 or, whatever went wrong, with 1.
package cli
