// Package identity creates, changes and deletes identities, and keeps what
// follows from the traits in step with them: identifiers, credential rows,
// verifiable and recovery addresses, and the assurance level that the
// credentials can reach.
//
// There is one place that does so, Manager.Settle; registration, settings and
// the admin API all pass through it. Credential rows follow from the schema
// and from the data given, whether or not a method that uses them is switched
// on.
//
// A change has two halves. Manager.Change makes the new identity from the old
// one: patches are applied and traits validated outside of any transaction.
// Manager.Save writes the difference, if the identity still is what it was,
// in a transaction that may hold more than that. Whoever comes second begins
// again with what the first one has made, so that no change is lost.
package identity
