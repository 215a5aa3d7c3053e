package flow

import (
	"encoding/binary"
	"net/http"
	"strings"
	"time"
)

// A built-in page says once what the request has done that led to it. It hears of that in
// a sealed cookie, which nobody but this server can have made: what an address says,
// anybody could have a browser open.

// Words for what was done.
const (
	WordSaved   = "saved"
	WordKept    = "kept"
	WordDeleted = "deleted"
)

// wordLasts is how long a word waits for its page.
const wordLasts = time.Minute

// LeaveWord leaves word of what was done for the page to which an answer leads.
func (e *Engine) LeaveWord(w http.ResponseWriter, what string) {
	c, now := e.now.Load(), e.Clock()
	until := now.Add(wordLasts)
	plain := binary.BigEndian.AppendUint64(nil, uint64(until.UnixMicro()))
	c.word.Set(w, c.words.SealString(append(plain, what...), nil), now, until)
}

// TakeWord is what was done before this page is shown; empty where nothing was. The next
// page says nothing of it.
func (e *Engine) TakeWord(w http.ResponseWriter, r *http.Request) string {
	c := e.now.Load()
	sealed := c.word.Value(r)
	if sealed == "" {
		return ""
	}
	c.word.Clear(w)
	plain, err := c.words.OpenString(sealed, nil)
	if err != nil || len(plain) < 8 || !e.Clock().Before(time.UnixMicro(int64(binary.BigEndian.Uint64(plain)))) {
		return ""
	}
	return string(plain[8:])
}

// leadOn leads a browser on, with word of what was done if a page of ours can say it.
func (v *visit) leadOn(to, word string) {
	if word != "" && strings.HasPrefix(to, v.config.BuiltInPage("")) {
		v.engine.LeaveWord(v.w, word)
	}
	v.redirect(http.StatusSeeOther, to)
}
