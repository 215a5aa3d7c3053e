// Package totp is the method "totp": codes from an authenticator app, as a second
// factor (RFC 6238: HMAC-SHA-1, six digits, steps of 30 seconds).
//
// Somebody sets it up in their settings: the form shows a new secret, as an image
// to scan and as text, and asks for the first code. A code of the step before or
// after the present one will do as well (section 5.2), because clocks differ. A
// step is used once, that of the set-up among them; the last one is kept beside the
// credential, so that two sign-ins at once cannot share it. The secret is stored
// encrypted, see store/sealed.go.
package totp
