// Package ceremony is what security keys and passkeys share: the two ceremonies
// of W3C Web Authentication (WebAuthn) Level 3, in which an authenticator makes a
// key and later proves that it has it; what is stored of keys; the names of
// authenticators; the script that pages run.
//
// A ceremony begins with options in a form and a challenge that the form keeps
// (Challenge), and ends with an answer that a page sends: Party.Register reads a
// new key out of it, Party.Prove sees that it comes from a key that is known. The
// cryptography and the formats are the library's; what the specification leaves
// to the relying party is decided here.
package ceremony
