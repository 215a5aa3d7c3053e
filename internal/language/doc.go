// Package language is what mails and pages share about the languages in which
// they speak to people: which ones there are, which of them somebody reads, and
// how each says a duration, a date, a message of a form or an error. The API speaks
// English; its messages are translated by their ids.
//
//   - language.go: the list of languages; Texts and Language, one of them
//   - pick.go: which language somebody reads, of all that a request says about it
//   - words.go: durations and dates in words
//   - message.go: messages of forms, by their ids and what stands in their context
//   - fault.go: errors, as people see them, and the way on
//   - own.go: what an operator has written instead
//   - files.go: texts in one file for each language, read when first needed
//   - texts/, messages/: the texts themselves. One file is one language; the English
//     messages are those of ui/catalogue.go, and only their plural forms stand here
//   - languagetest/: checks texts of other rooms for completeness
//
// A language is added with a line in the list in language.go, a file in texts and one
// in messages, and one in each room that has texts of its own. A test of each says
// what is missing. So it does where a message, or an error in auth/errors.go, is new.
package language
