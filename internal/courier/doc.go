// Package courier brings messages to people: it keeps them in an outbox and
// sends them from there.
//
//   - courier.go: Enqueue writes a message in the transaction of whatever
//     causes it; Run is the worker that sends what is due
//   - message.go: what a message must be like to be accepted
//   - content.go: what a message says is sealed in the database; Message and
//     Messages open it for administrators
//   - smtp.go, mail.go: SMTP sends mail through a mail server (RFC 5321)
//   - pool.go: connections to the mail server, kept for the next mail
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
// failure, until it is abandoned after message_retries + 1 tries, or because it
// has expired. A worker claims a message for a minute, and what it has not
// settled by then, because it is gone, is due again. Any number of nodes may
// run a worker on the same database.
//
// Delivery is once, but for one case, in which it is at least once: the mail
// server took a mail, and its answer was lost on the way or before it was
// written down. Nobody can know then, so it is sent again, with the same
// Message-ID.
//
// One recipient gets so many messages within an hour; the others are held, and
// of codes the newest. Notices do not share with codes. That is decided when they
// are claimed: see store.Tx.ClaimMessages.
//
// What a message says is removed when it is sent or abandoned, except in
// development: strangers cause messages, and a code that has left is nobody's
// business any more.
//
// A message carries secrets (codes, links) and says who knows whom, so logs
// name it by its id and template only, never by recipient or content.
package courier
