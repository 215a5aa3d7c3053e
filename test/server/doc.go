// Package server builds and starts the zelus binary for black-box tests: on
// free ports, with a folder and a log of its own, and stopped when the test
// ends. A test that failed shows the end of the server's log.
package server
