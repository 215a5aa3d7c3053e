// Package templates writes what messages say: subject, plain text and HTML of
// a mail, or a text message, in the language of whoever reads it.
//
//   - templates.go: Data, what a message may say; Render, which makes the message
//   - kinds.go: the one table of all templates: their files, their settings, what
//     services that take mail over HTTP are told
//   - builtin.go, layout.html, texts.go, languages/: our own texts. One file is one language
//   - override.go, functions.go: the templates that operators write
//     instead, in the format of Kratos
//
// A language is added with one file in languages, with the keys of en.json, and
// one line in the list of package language. The folder preview writes all mails into
// files, to be looked at.
package templates
