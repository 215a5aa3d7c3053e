// Package storetest opens real, empty databases for tests: SQLite in memory,
// SQLite on disk, and PostgreSQL where the environment variable
// ZELUS_TEST_POSTGRES names a server (scripts/with-postgres starts one).
package storetest
