// Package session issues sessions, recognises them, and ends them.
//
// A session's token is a random string that only its owner has; the database
// knows its keyed hash. Apps carry the token itself (X-Session-Token, or
// Authorization: Bearer, RFC 6750 section 2.1), browsers carry it sealed in a
// cookie, together with the end of the session, so that a cookie that is not
// ours costs no query.
//
// A session check is the most frequent request by far. Warm, it is one look
// into the cache, which holds answers that are ready to send; cold, it is one
// query by a unique index. It never writes. How the cache stays true is told
// in cache.go.
//
// Services that cannot ask can be given a signed token instead: tokenize.go
// turns the answer into one.
package session
