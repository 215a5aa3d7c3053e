// Package identity creates, changes and deletes identities, and keeps what
// follows from the traits in step with them: identifiers, credential rows,
// verifiable and recovery addresses, and the assurance level that the
// credentials can reach.
//
// There is one place that does so, Manager.settle; registration, settings and
// the admin API all pass through it. Credential rows follow from the schema
// and from the data given, whether or not a method that uses them is switched
// on.
package identity
