// Package courier brings messages to people: it keeps them in an outbox and
// sends them from there.
//
//   - courier.go: Enqueue writes a message in the transaction of whatever
//     causes it; Run is the worker that sends what is due
//   - message.go: what a message must be like to be accepted
//   - smtp.go, mail.go: SMTP sends mail through a mail server (RFC 5321)
//   - http.go: HTTP hands mail and text messages to a service over HTTP
//   - catcher.go: Catcher keeps mail in memory and shows it on a page, for
//     development without a mail server
//
// How a flow sends something:
//
//	err := st.Write(ctx, store.Durable, func(tx *store.Tx) error {
//		…
//		return courier.Enqueue(ctx, tx, courier.Message{…})
//	})
//	if err == nil {
//		courier.Wake() // or the worker looks by itself, after pull_wait
//	}
//
// A message goes queued → processing → sent, or back to queued after a
// failure, until it is abandoned after message_retries + 1 tries. Delivery is
// at least once: a worker claims a message for a minute, and what it has not
// settled by then, because it is gone, is due again. A mail that was sent
// twice has the same Message-ID both times. Any number of nodes may run a
// worker on the same database.
//
// A message carries secrets (codes, links) and says who knows whom, so logs
// name it by its id and template only, never by recipient or content.
package courier
