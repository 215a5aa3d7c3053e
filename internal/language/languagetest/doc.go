// Package languagetest checks the texts of a room in all languages against its
// English ones, for the tests of that room.
package languagetest
