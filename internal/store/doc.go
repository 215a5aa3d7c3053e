// Package store keeps everything: it holds all SQL, on one concrete type,
// written once for every database. What differs between SQLite and PostgreSQL
// is one value (see dialect.go), not a second copy.
//
// Reading is done on a Store or, inside a transaction, on a Tx: both have the
// same reading methods. Writing is done on a Tx only, inside Store.Write.
// A Store never returns before what it acknowledges is on disk.
//
//	st.Identity(ctx, project, id)                     // one query
//	st.Write(ctx, store.Durable, func(tx *store.Tx) error {
//		return tx.InsertSession(ctx, session)     // joins a group of writers on SQLite
//	})
//
// The function given to Write may be called again after a serialization
// failure: it must do nothing but SQL. Whoever is affected by a change (a
// session, an identity) is named with Tx.Changed by the writing methods; the
// store tells its listener after the commit and before Write returns, on this
// node and, over LISTEN/NOTIFY, on the others.
//
// Statements are constants of type query. They use ? for arguments. A test
// finds every one of them in the source and prepares it on every database.
package store
