// Package passkey is the method "passkey": keys that are found without an
// identifier (discoverable credentials, W3C WebAuthn section 6.2). The
// authenticator says whom it takes the person for, by a handle that is the
// identifier of the credential here; a browser can offer passkeys in the field for
// the sign-in name (autofill).
//
// A passkey is a first factor. With
// selfservice.methods.passkey.config.user_verified_aal2 one that has checked who
// uses it is two factors in one.
package passkey
