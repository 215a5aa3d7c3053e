// Package secret makes, recognises and seals secrets.
//
// Token, Bytes and Digits make new ones from the system's random generator.
// A Ring holds the keys for one purpose, derived from the secrets that the
// operator configured. It does two things with them:
//
//   - Hash, Hashes and Matches: a keyed hash (HMAC-SHA256, RFC 2104) under
//     which a token, a code or a cookie is stored and found again. Whoever
//     reads the database learns nothing that can be sent to the server.
//   - Seal and Open: authenticated encryption (XChaCha20-Poly1305) for values
//     that travel through a client or rest in the database. The context says
//     what a value is for and where it belongs; a value opens in no other.
//
// Rotation: put a new secret in front and keep the old ones behind it until
// what they protect has expired. The first key writes, all keys read.
//
// One secret can serve several purposes: each Ring derives its own keys
// (HKDF-SHA256, RFC 5869), so that a value of one purpose is noise to another.
package secret
