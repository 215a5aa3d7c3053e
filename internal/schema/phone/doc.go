// Package phone says which international phone numbers can exist, and writes
// them in E.164 (ITU-T). The answers are those of Google's libphonenumber, as
// the library github.com/nyaruka/phonenumbers gives them and so Kratos; tests
// hold the two against each other.
//
// The library itself is not part of the server: it unpacks the numbering plans
// of all countries, with how their numbers are printed, before main begins, and
// brings protobuf along. plans.tsv has what this package needs of them. It
// stays text until somebody brings a phone number.
//
// go generate takes new plans over from a new version of the library.
package phone
