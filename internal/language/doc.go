// Package language is what mails and pages share about the languages in which
// they speak to people: which ones there are, which of them somebody reads, and
// how each says a duration or a date.
//
//   - language.go: the list of languages; Texts and Language, one of them
//   - pick.go: which language somebody reads, of all that a request says about it
//   - words.go: durations and dates in words
//   - files.go: texts in one file for each language, read when first needed
//   - texts/: the texts themselves. One file is one language
//
// A language is added with a line in the list in language.go and a file in texts,
// with the keys of the others, and one in each room that has texts of its own. A
// test of each says what is missing.
package language
