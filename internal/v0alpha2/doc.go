// Package v0alpha2 serves the clients of the years 2021 and 2022, when the
// whole API was called v0alpha2: those of Ory Cloud, and of Kratos v0.8 to
// v0.10. They know one base URL, with the public API
// below /api/kratos/public and the admin API below /api/kratos/admin, and many
// of them refuse an answer that has a field or a value they do not know.
//
// Nothing is handled twice, but that the session check and the extension of a
// session ask who wants to know. The table in routes.go names, for each operation
// of that era, the route that does the work today, and the model of its
// answer. The handler of today runs; what it answers is then read into the
// model, which leaves out what is newer (models.go), and values that are newer
// become the nearest one that every client of the era knows (values.go).
// Addresses of ours in an answer get the prefix, so that a client that can
// reach nothing else finds its way.
//
// Fields are those of v0.10.1, the last version of the era. Values of closed
// lists are those that all its versions know, because decoders made from older
// versions refuse others. docs/reference/v0alpha2.md is made from these tables.
package v0alpha2
