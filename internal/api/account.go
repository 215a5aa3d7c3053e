package api

import (
	"net/http"
	"net/url"

	"github.com/google/uuid"

	"zelus/internal/store"
	"zelus/internal/web"
)

// Bounds of a page of somebody's history.
const (
	historyPageSize    = 50
	maxHistoryPageSize = 250
)

// ownHistory lists when, how and from where whoever asks has signed in.
func (a *API) ownHistory(w http.ResponseWriter, r *http.Request) error {
	row, err := a.reading(r)
	if err != nil {
		return err
	}
	return a.writeHistory(w, r, r.URL.Query(), row.Session.IdentityID, row.Session.ID)
}

// historyOf is ownHistory of an identity, for an administrator.
func (a *API) historyOf(w http.ResponseWriter, r *http.Request) error {
	id, err := pathID(r)
	if err != nil {
		return err
	}
	query, err := wholeQuery(r)
	if err != nil {
		return err
	}
	return a.writeHistory(w, r, query, id, uuid.Nil)
}

func (a *API) writeHistory(w http.ResponseWriter, r *http.Request, query url.Values, of, current uuid.UUID) error {
	now := a.now.Load()
	size, err := web.ReadPageSize(query, historyPageSize, maxHistoryPageSize)
	if err != nil {
		return err
	}
	after, err := now.readPageToken(historyTokens, query)
	if err != nil {
		return err
	}
	page, err := a.Sessions.History(r.Context(), of, current, after, size+1) // one more tells whether there is a next page
	if err != nil {
		return err
	}
	next := ""
	if len(page) > size {
		page = page[:size]
		next = now.pageToken(historyTokens, store.PageKey{CreatedAt: page[size-1].CreatedAt, ID: page[size-1].ID})
	}
	web.WriteKeyLinks(w, r, size, now.pageToken(historyTokens, store.PageKey{}), next)
	return web.WriteJSON(w, http.StatusOK, page)
}
