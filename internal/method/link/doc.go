// Package link is the method "link": whoever opens a link that was sent to an
// address reads what is sent there. People regain access to their accounts with
// it (recovery) and prove addresses (verification).
package link
