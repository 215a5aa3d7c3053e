// Package webauthn is the method "webauthn": security keys. By the configuration a
// new key is a second factor, or one that somebody signs in with and nothing else;
// each key stays what it was set up as.
//
// Keys are for pages: an app's forms do not have them. Signing in with a key alone
// takes two steps, because the options name the keys of whoever it is: first the
// identifier, then the key.
package webauthn
