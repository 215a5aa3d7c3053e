// Package breached knows the most common passwords of past breaches, without
// asking anybody. Attackers try these first, against every account.
//
// The list is common.bin: for each password of at least six characters the
// first five bytes of the SHA-256 of its lower case, sorted, nothing between
// them. It is searched where it lies in the program and takes no time to load.
// With some 43,000 entries, one in 25 million innocent passwords is taken for
// one of them. README.md says where the passwords come from and how to make the
// file anew.
package breached
