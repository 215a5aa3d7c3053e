// Package code is the method "code": six digits that are sent to an address
// prove that whoever types them reads what is sent there. So far people regain
// access to their accounts with it (recovery) and prove addresses (verification).
//
//   - code.go: the method, and what its parts share
//   - recovery.go: regaining access with the one address that was typed
//   - choice.go: the same with a choice among several addresses
//   - verification.go: proving an address
package code
