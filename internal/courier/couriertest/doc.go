// Package couriertest has a mail server for tests, which can be told to fail at
// any step of a conversation.
package couriertest
