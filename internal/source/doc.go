// Package source reads what the configuration names by an address instead of
// holding it: identity schemas, programs, templates, keys. It is the one place
// that does, so that all of them have the same schemes, the same limits, and
// errors that give nothing away.
//
// Sources are read when a configuration is loaded, never for a request.
package source
