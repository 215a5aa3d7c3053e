package api

import (
	"net/url"
	"strings"

	"zelus/internal/auth"
	"zelus/internal/store"
)

// What the page tokens of a list begin with, so that a token of another list does
// not pass for one of these.
const (
	messageTokens = "message:"
	historyTokens = "history:"
)

// pageToken is the token of what comes after an entry of a list that has the newest
// first, or of the first page for the zero key. It is sealed: when an entry was
// written is nobody's business but of those who see the list.
func (c *current) pageToken(list string, after store.PageKey) string {
	return c.pages.SealString([]byte(list+after.String()), nil)
}

func (c *current) readPageToken(list string, query url.Values) (after store.PageKey, err error) {
	token := query.Get("page_token")
	if token == "" {
		return after, nil
	}
	plain, err := c.pages.OpenString(token, nil)
	text, ours := strings.CutPrefix(string(plain), list)
	after, whole := store.ParsePageKey(text)
	if err != nil || !ours || !whole {
		return store.PageKey{}, auth.ErrPageToken
	}
	return after, nil
}
