package page

import (
	"cmp"
	"net/http"
	"net/url"
	"time"

	"zelus/internal/auth"
	"zelus/internal/flow"
	"zelus/internal/language"
	"zelus/internal/session"
	"zelus/internal/store"
)

// historyBody is when, how and from where somebody has signed in, newest first.
type historyBody struct {
	Days    int // that are kept
	Entries []proof
	// Older is where what came before is; empty where nothing did. Newest is where the
	// newest are; empty where these are.
	Older, Newest string
}

// proof is one time that somebody has proven who they are.
type proof struct {
	What   string // they did, in words
	Method string // what they proved it with; empty where that is said already
	Device device
	When   string
}

// historyPage is how many entries a page shows.
const historyPage = 20

// showHistory shows somebody their sign-ins. ?after= is the entry that the page goes on
// from, as the page before has linked it: that of somebody else would tell nothing of
// them.
func (p *Pages) showHistory(o *flow.Own) error {
	w, r, row := o.Writer(), o.Request(), o.Session
	after, ok := store.ParsePageKey(r.URL.Query().Get("after"))
	if !ok {
		return auth.ErrPageToken
	}
	all, err := p.sessions.History(r.Context(), row.Session.IdentityID, row.Session.ID, after, historyPage+1) // one more tells whether there is a next page
	if err != nil {
		return err
	}
	v, err := p.own(w, r, "history", "title.history", language.Asked(r), row.Identity)
	if err != nil {
		return err
	}
	body := &historyBody{Days: int(session.HistoryKept / (24 * time.Hour))}
	if after != (store.PageKey{}) {
		body.Newest = v.Path + "history"
	}
	if len(all) > historyPage {
		all = all[:historyPage]
		last := all[historyPage-1]
		body.Older = v.Path + "history?after=" + url.QueryEscape(store.PageKey{CreatedAt: last.CreatedAt, ID: last.ID}.String())
	}
	for i := range all {
		body.Entries = append(body.Entries, v.proof(&all[i]))
	}
	v.Body = body
	return p.render(w, http.StatusOK, "history.html", v)
}

func (s *speaker) proof(e *session.HistoryEntry) proof {
	one := proof{What: s.T(cmp.Or(events[e.Event], "history.login")), Method: s.Method(e.Method), Device: s.device(e.UserAgent, e.IPAddress, e.Location), When: s.Moment(e.CreatedAt)}
	one.Device.ID, one.Device.Current = e.ID, e.Current
	return one
}
