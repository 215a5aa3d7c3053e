// Package profile is the method "profile": people give and change their own
// traits.
//
// In a registration in two steps it is the first one: its button leads to the
// choice of how to sign in, another one from there back to the traits.
//
// In settings the form has a field for each trait, and a submission replaces them
// all, so that what is left out is gone; but what an HTML form cannot send stays.
// What follows from traits, such as the names to sign in with and the addresses,
// follows from the new ones.
package profile
