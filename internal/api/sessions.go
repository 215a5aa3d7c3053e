package api

import (
	"errors"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/google/uuid"

	"zelus/internal/auth"
	"zelus/internal/store"
	"zelus/internal/v0alpha2"
	"zelus/internal/web"
)

// whoami is the session check. Warm, it reads one entry of the cache and
// sends it as it is. The parameter tokenize_as names a template after which a
// signed token of the session is added.
func (a *API) whoami(w http.ResponseWriter, r *http.Request) error {
	c := a.now.Load()
	flags := &c.config.FeatureFlags
	proof := a.Sessions.Proof(r)
	older, template := v0alpha2.Asked(r), ""
	if r.URL.RawQuery != "" && !older { // that era had no tokens
		template = r.URL.Query().Get("tokenize_as")
	}
	// A token is made for one moment, and an answer with one is not to be kept.
	cacheable := flags.CacheableSessions && template == ""
	answer, err := a.Sessions.Check(r.Context(), proof)
	if err != nil {
		if cacheable && proof.Token == "" && errors.Is(err, auth.ErrNoSession) {
			w.Header().Set("Ory-Session-Cache-For", "60")
		}
		return err
	}
	if answer.NeedsAAL2 {
		return auth.ErrAAL2Required.RedirectTo(c.public + auth.StepUpPath)
	}
	if answer.Former && template != "" {
		return auth.ErrNoSession // a signed token would outlive the moment for which it is read with
	}
	body := answer.Body
	switch {
	case older:
		body, err = answer.Older()
	case template != "":
		body, err = a.Sessions.Tokenize(r.Context(), answer, template)
	}
	if err != nil {
		return err
	}
	if proof.Cookie && !answer.Former && proof.CookieExpires.Before(answer.ExpiresAt) {
		a.Sessions.SetCookie(w, proof.Token, answer.ExpiresAt)
	}
	w.Header()["X-Kratos-Authenticated-Identity-Id"] = answer.IdentityHeader
	if cacheable {
		left := answer.GoodUntil.Sub(a.Sessions.Clock())
		if most := flags.CacheableSessionsMaxAge; most > 0 {
			left = min(left, most)
		}
		w.Header().Set("Ory-Session-Cache-For", strconv.Itoa(int(left/time.Second)))
	}
	web.WriteRawJSON(w, http.StatusOK, body)
	return nil
}

// reading finds the session of whoever asks what is theirs, proven as strongly as
// it must be to be told.
func (a *API) reading(r *http.Request) (*store.SessionRow, error) {
	row, err := a.Sessions.FindToRead(r)
	if err == nil && !a.Sessions.Satisfied(row) {
		err = auth.ErrAAL2Required.RedirectTo(a.now.Load().public + auth.StepUpPath)
	}
	return row, err
}

// changing finds the session of whoever changes what is theirs, and sees that their
// browser does not do so for another site.
func (a *API) changing(r *http.Request) (*store.SessionRow, error) {
	row, err := a.Sessions.Find(r)
	if err == nil {
		err = a.sameSite(r)
	}
	return row, err
}

// listOwnSessions lists the other live sessions of whoever asks.
func (a *API) listOwnSessions(w http.ResponseWriter, r *http.Request) error {
	row, err := a.reading(r)
	if err != nil {
		return err
	}
	c := a.now.Load()
	at := c.lists.Read(r.URL.Query())
	all, total, err := a.Sessions.Others(r.Context(), row.Session.IdentityID, row.Session.ID, at.Skip, at.Size)
	if err != nil {
		return err
	}
	c.lists.WriteHeaders(w, r, at, total)
	web.WriteRawJSON(w, http.StatusOK, sessionList(all, a.Sessions.Clock(), auth.Reader{}))
	return nil
}

// pathID is the id in the path, of a session or of whose something is.
func pathID(r *http.Request) (uuid.UUID, error) {
	id, ok := web.ID(r.PathValue("id"))
	if !ok {
		return uuid.Nil, auth.ErrUUID
	}
	return id, nil
}

// idAndQuery are what an administrator's request says of one thing.
func idAndQuery(r *http.Request) (uuid.UUID, url.Values, error) {
	id, err := pathID(r)
	if err != nil {
		return uuid.Nil, nil, err
	}
	query, err := wholeQuery(r)
	return id, query, err
}

// sessionList is a list of sessions on the wire.
func sessionList(all []store.SessionRow, now time.Time, reader auth.Reader) []byte {
	out := []byte{'['}
	for i := range all {
		if i > 0 {
			out = append(out, ',')
		}
		out = all[i].Session.AppendJSON(out, all[i].Live(now), all[i].Identity.Render(reader))
	}
	return append(out, ']')
}

// revokeOtherSessions ends all sessions of whoever asks but the present one.
func (a *API) revokeOtherSessions(w http.ResponseWriter, r *http.Request) error {
	row, err := a.changing(r)
	if err != nil {
		return err
	}
	n, err := a.Sessions.RevokeOthers(r.Context(), row.Session.IdentityID, row.Session.ID)
	if err != nil {
		return err
	}
	return web.WriteJSON(w, http.StatusOK, struct {
		Count int `json:"count"`
	}{n})
}

// revokeOwnSession ends one other session of whoever asks. That of somebody
// else, or none, is answered in the same way.
func (a *API) revokeOwnSession(w http.ResponseWriter, r *http.Request) error {
	row, err := a.changing(r)
	if err != nil {
		return err
	}
	id, err := pathID(r)
	if err != nil {
		return err
	}
	if id == row.Session.ID {
		return auth.ErrOwnSession
	}
	if _, err := a.Sessions.Revoke(r.Context(), row.Session.IdentityID, id); err != nil {
		return err
	}
	writeDone(w)
	return nil
}

// writeDone says that a session has ended. The wire has a content type on it,
// though there is none.
func writeDone(w http.ResponseWriter) {
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	w.WriteHeader(http.StatusNoContent)
}

// sameSite protects changes that carry no form token: a browser that says
// itself that another site asks for them is refused.
func (a *API) sameSite(r *http.Request) error {
	c := a.now.Load()
	allowed := []string{web.Origin(c.config.PublicURL())}
	if c.config.Serve.Public.CORS.Enabled {
		allowed = append(allowed, c.config.Serve.Public.CORS.AllowedOrigins...)
	}
	if web.CrossSite(r, allowed) {
		d := web.Diagnostics{Public: c.config.PublicURL(), Origins: allowed}
		return auth.ErrCSRF.Explain(d.ForeignPage(r))
	}
	return nil
}

// listSessionsOf lists the sessions of an identity for an administrator.
func (a *API) listSessionsOf(w http.ResponseWriter, r *http.Request) error {
	id, query, err := idAndQuery(r)
	if err != nil {
		return err
	}
	which := store.AllSessions
	if text := query.Get("active"); text != "" {
		active, err := strconv.ParseBool(text)
		if err != nil {
			return parameter(query, "active", "true or false")
		}
		which = store.DeadSessions
		if active {
			which = store.LiveSessions
		}
	}
	c := a.now.Load()
	at := c.lists.Read(query)
	all, total, err := a.Sessions.Of(r.Context(), id, which, at.Skip, at.Size)
	if err != nil {
		return err
	}
	c.lists.WriteHeaders(w, r, at, total)
	web.WriteRawJSON(w, http.StatusOK, sessionList(all, a.Sessions.Clock(), auth.Reader{}))
	return nil
}

// getSession answers with a session; the parameter expand names what is to be
// told beside it: the identity, the devices.
func (a *API) getSession(w http.ResponseWriter, r *http.Request) error {
	id, query, err := idAndQuery(r)
	if err != nil {
		return err
	}
	var withIdentity, withDevices bool
	for _, what := range query["expand"] {
		switch strings.ToLower(what) {
		case "identity":
			withIdentity = true
		case "devices":
			withDevices = true
		default:
			return auth.ErrParameter.Saying("The parameter expand is %q, but it must be identity or devices.", auth.Short(what))
		}
	}
	row, err := a.Sessions.Get(r.Context(), id)
	if err != nil {
		return err
	}
	a.writeSession(w, row, withIdentity, withDevices)
	return nil
}

// writeSession answers with a session as an administrator sees it.
func (a *API) writeSession(w http.ResponseWriter, row *store.SessionRow, withIdentity, withDevices bool) {
	var identity []byte
	if withIdentity {
		identity = row.Identity.Render(auth.Reader{BaseURL: a.now.Load().public, Addresses: true})
	}
	if !withDevices {
		row.Session.Devices = ""
	}
	web.WriteRawJSON(w, http.StatusOK, row.Session.AppendJSON(nil, row.Live(a.Sessions.Clock()), identity))
}

// extendSession lets a session last longer.
func (a *API) extendSession(w http.ResponseWriter, r *http.Request) error {
	id, err := pathID(r)
	if err != nil {
		return err
	}
	row, err := a.Sessions.Extend(r.Context(), id)
	if err != nil {
		return err
	}
	if a.now.Load().config.FeatureFlags.FasterSessionExtend && !v0alpha2.Asked(r) {
		w.WriteHeader(http.StatusNoContent)
		return nil
	}
	a.writeSession(w, row, true, false)
	return nil
}

// revokeSession ends a session, and says so too where it had ended already.
func (a *API) revokeSession(w http.ResponseWriter, r *http.Request) error {
	id, err := pathID(r)
	if err != nil {
		return err
	}
	row, err := a.Sessions.Get(r.Context(), id)
	if err != nil {
		return err
	}
	if _, err := a.Sessions.Revoke(r.Context(), row.Session.IdentityID, id); err != nil {
		return err
	}
	writeDone(w)
	return nil
}

// deleteSessionsOf removes all sessions of an identity.
func (a *API) deleteSessionsOf(w http.ResponseWriter, r *http.Request) error {
	id, err := pathID(r)
	if err != nil {
		return err
	}
	n, err := a.Sessions.Delete(r.Context(), id)
	if err != nil {
		return err
	}
	if n == 0 {
		return auth.ErrSessionsNone
	}
	w.WriteHeader(http.StatusNoContent)
	return nil
}
