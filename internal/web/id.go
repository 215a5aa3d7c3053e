package web

import "github.com/google/uuid"

// ID reads an id that came with a request, in its usual form only (RFC 9562
// section 4): the library also knows others, with braces or without hyphens, and
// one thing has one address here.
func ID(text string) (uuid.UUID, bool) {
	id, err := uuid.Parse(text)
	if err != nil || len(text) != 36 {
		return uuid.Nil, false
	}
	return id, true
}
