// Package ui is the contract of the forms: Container, Node, Attributes and
// Message as every self-service user interface reads them, the one catalogue
// of message ids with our texts, and the order of nodes on the wire.
//
// It knows nothing of flows or methods; they build containers from it.
package ui
