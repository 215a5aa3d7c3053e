// Package auth holds the words of the domain: Identity, Credential, Address,
// Session, Flow, AMR, AAL and Error, and nothing that does I/O. Every other
// room imports it; it imports none of them.
//
// The names are the standard ones of the field. Assurance levels follow
// NIST SP 800-63B section 2 ("Authentication Assurance Levels"), method names
// follow the wire of Ory Kratos (they are close to, but not the same as,
// the registry of RFC 8176, "Authentication Method Reference Values").
package auth
