// Package identifierfirst is the method "identifier_first": the first of two
// steps of signing in asks for the identifier, and leads to the fields of what
// that person signs in with.
//
// Whoever it is says so and nothing more: what is shown next is all that depends
// on it. So this step tells who has an account and how they sign in, unless
// security.account_enumeration.mitigate is on; then nobody is looked up, and the
// second step is the same for everybody.
package identifierfirst
