// Package onetime is the room of one-time secrets: the codes and links that
// prove that an address is somebody's. It makes them, keeps their keyed hashes,
// writes the messages that carry them, and says whether what came back is right.
//
//   - secrets.go: Code and Link make a secret and its message, Open finds what a
//     link stands for, Use uses up what was right
//   - budget.go: Try compares a code; how often somebody may guess
//   - notice.go: messages without a secret, to the owner of an account
//
// A secret belongs to one flow and to one address, and lets in one identity. The
// newest of a flow is the one that counts, in a registration the newest to each
// address. It is used once: the database says who was first. An address that is nobody's gets a secret too, of which nobody
// is told, so that both cases cost the same.
//
// A code has six digits, so what protects it is how few guesses there are: five
// a flow as configured (max_submissions), whatever is sent again meanwhile, and
// twenty an hour for each account, over all its flows. RFC 4226 section 7.3 asks
// for such a limit, NIST SP 800-63B-4 section 3.2.2 for one below a hundred.
package onetime
