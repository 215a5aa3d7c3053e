// Package lookup is the method "lookup_secret": backup codes, as a second factor
// for when no other one is at hand (look-up secrets, NIST SP 800-63B section 3.1.2).
//
// There are twelve, each works once. Somebody makes them in their settings: the
// form shows new ones, which count once they are confirmed, so that nobody loses
// the old ones to a page that did not load. Those in force can be shown again, to
// whoever has just proven a second factor. They are stored encrypted, see
// store/sealed.go. Whose codes are all used has a second factor all the same.
package lookup
