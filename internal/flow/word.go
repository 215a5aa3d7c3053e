package flow

import (
	"net/http"
	"strings"
	"time"

	"zelus/internal/secret"
	"zelus/internal/web"
)

// Word is what a request has done, which the built-in page says once to which it has led.
// The page hears of it in a sealed cookie, which nobody but this server can have made: what
// an address says, anybody could have a browser open.
type Word string

// All words; empty is none.
const (
	WordSaved         Word = "saved"
	WordKept          Word = "kept"
	WordDeleted       Word = "deleted"
	WordRevoked       Word = "revoked"
	WordRevokedOthers Word = "revoked_others"
	WordTrusted       Word = "trusted"
	WordDistrusted    Word = "distrusted"
	WordDistrustedAll Word = "distrusted_all"
)

// wordLasts is how long a word waits for its page.
const wordLasts = time.Minute

// words is the cookie that carries a word, and what seals it.
type words struct {
	cookie web.BrowserCookie
	ring   *secret.Ring
}

// LeaveWord leaves word of what was done for the page to which an answer leads.
func (e *Engine) LeaveWord(w http.ResponseWriter, done Word) {
	c, now := e.now.Load().words, e.Clock()
	until := now.Add(wordLasts)
	c.cookie.Set(w, c.ring.SealUntil([]byte(done), nil, until), now, until)
}

// TakeWord is what was done before this page is shown; empty where nothing was. The next
// page says nothing of it.
func (e *Engine) TakeWord(w http.ResponseWriter, r *http.Request) Word {
	c := e.now.Load().words
	sealed := c.cookie.Value(r)
	if sealed == "" {
		return ""
	}
	c.cookie.Clear(w)
	done, until, err := c.ring.OpenUntil(sealed, nil)
	if err != nil || !e.Clock().Before(until) {
		return ""
	}
	return Word(done)
}

// leadOn leads a browser on, with word of what was done if a page of ours can say it.
func (v *visit) leadOn(to string, done Word) {
	if done != "" && strings.HasPrefix(to, v.config.BuiltInPage("")) {
		v.engine.LeaveWord(v.w, done)
	}
	v.redirect(http.StatusSeeOther, to)
}
