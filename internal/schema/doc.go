// Package schema holds the identity schemas: it loads and checks them at
// start, validates traits against them, finds in traits who somebody is
// (identifiers, addresses, names), and builds the fields of forms.
//
// A schema is a JSON Schema document (draft 7 unless it names another) that
// describes {"traits": {...}}. The keyword "ory.sh/kratos" on a property says
// what the property is good for: an identifier to sign in with, an address to
// verify or to recover through, a name to show.
//
// A Set and its Schemas never change after Load and are safe for concurrent
// use; a reload of the configuration makes a new Set.
package schema
