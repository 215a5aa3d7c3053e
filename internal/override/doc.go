// Package override reads, checks and runs the templates that operators write in the
// place of built-in ones: of messages (internal/courier/templates) and of pages.
//
//   - set.go: Text and HTML, which refuse at the start what can be known to fail; Set,
//     which runs within bounds, and whose errors repeat nothing of the data
//   - check.go: what can be known
//   - folder.go: files
package override
