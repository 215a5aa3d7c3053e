package api

import (
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/google/uuid"

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
	text := list
	if after != (store.PageKey{}) {
		text += strconv.FormatInt(after.CreatedAt.UnixMicro(), 10) + " " + after.ID.String()
	}
	return c.pages.SealString([]byte(text), nil)
}

func (c *current) readPageToken(list string, query url.Values) (after store.PageKey, err error) {
	token := query.Get("page_token")
	if token == "" {
		return after, nil
	}
	plain, err := c.pages.OpenString(token, nil)
	text, ours := strings.CutPrefix(string(plain), list)
	if err != nil || !ours {
		return after, auth.ErrPageToken
	}
	if text == "" {
		return after, nil
	}
	at, id, _ := strings.Cut(text, " ")
	micros, err := strconv.ParseInt(at, 10, 64)
	if err != nil {
		return after, auth.ErrPageToken
	}
	if after.ID, err = uuid.Parse(id); err != nil {
		return after, auth.ErrPageToken
	}
	after.CreatedAt = time.UnixMicro(micros)
	return after, nil
}
