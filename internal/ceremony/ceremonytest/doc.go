// Package ceremonytest has an authenticator in software for tests: one key, as it
// should be, or with whatever an attacker would change about it.
package ceremonytest
