// Package server builds and starts the zelus binary for black-box tests: on
// free ports, with a folder and a log of its own, and stopped when the test
// ends. A test that failed shows the end of the server's log.
//
// It also starts PostgreSQL servers that belong to one test. That test may kill
// either server, without any warning to it, and start it again on what is left.
package server
