// Package adminkey makes, recognises and ends the API keys of administrators.
//
// A key is a random string that its maker sees once; the database knows its
// keyed hash. A request carries it in the header Authorization as a bearer
// token (RFC 6750 section 2.1) and nowhere else: what stands in an address ends
// up in logs. Recognising a key is one SELECT by a unique index; an UPDATE once
// an hour notes that it is in use.
//
// Guard stands before the whole admin server, so that nothing behind it is
// reached without a key by having been forgotten, and Always before single
// handlers. Guard asks for a key as the configuration says, and where it says
// nothing from the first key on: a server without keys is as open as its port.
// It never opens again, since revoked keys stay in the database.
package adminkey
