// Package profile is the method "profile": people change their own traits. The
// form has a field for each of them, and a submission replaces them all, so that
// what is left out is gone; but what an HTML form cannot send stays. What follows
// from traits, such as the names to sign in with and the addresses, follows from
// the new ones.
package profile
