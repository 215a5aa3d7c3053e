// Package password is the method "password": signing up and signing in with
// an identifier and a password, and changing it.
//
// policy.go holds what a new password must be like (NIST SP 800-63B-4 section
// 3.1.1.2): long enough, unlike the identifiers, and not among those that are
// known from breaches (package breached, and a range API where configured).
// Nothing is demanded of its composition.
//
// An unknown identifier, an account without a password and a wrong password
// cost the same work and get the same answer.
package password
