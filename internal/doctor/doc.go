// Package doctor examines a configuration and what it leads to, from the outside
// and before anybody else does: whether browsers will keep the cookies, whether the
// public address leads to this server, whether mail can be sent, how the database
// is. Each finding names the setting to change.
//
// The checks are listed in doctor.go. Those that look at the configuration alone
// are in settings.go; database.go, mail.go and server.go ask others, each within a
// deadline. Nothing is changed and nothing is sent to people; of the server a login
// form is begun, which expires by itself. No finding holds a secret.
package doctor
