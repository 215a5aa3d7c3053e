// Package code is the method "code": six digits that are sent to an address
// prove that whoever types them reads what is sent there. People sign in and up
// with it, or complete another proof (second factor), regain access to their
// accounts (recovery) and prove addresses (verification).
//
//   - code.go: the method, and what its parts share
//   - address.go: where codes can be sent, and what they count for
//   - login.go: signing in, as first or second factor
//   - registration.go: signing up
//   - recovery.go: regaining access with the one address that was typed
//   - choice.go: the same with a choice among several addresses
//   - verification.go: proving an address
package code
