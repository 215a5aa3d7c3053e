// Package test holds the black-box tests: they build bin/zelus, start it and
// talk to it over HTTP as clients do, with the official Ory clients among
// them, those of 2022 too. Some put it under load, fill its disk, or kill it or
// its database, and look for what was acknowledged. Folders: server starts,
// stops and kills the binary and PostgreSQL, sdk holds the programs that use the
// official clients, browser those that use pages in Chromium, contract the helper
// for the contract of the wire, testdata the configurations, and bench a program
// of its own, which measures.
//
// Beside them stand the two lists that the contract of the wire is checked
// with: contract-scenarios.txt, the scenarios that hold, and divergences.txt,
// the places where the server differs from Ory Kratos on purpose.
package test
