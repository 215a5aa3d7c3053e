package flow

import (
	"cmp"
	"errors"
	"net/http"
	"net/url"

	"zelus/internal/auth"
	"zelus/internal/store"
	"zelus/internal/web"
)

// logoutURL tells a browser's page where its sign-out link leads.
func (e *Engine) logoutURL(v *visit) error {
	to, err := web.AskedReturnTo(v.r.URL.RawQuery)
	if err == nil {
		_, err = v.returnTo.Check(to)
	}
	if err != nil {
		return v.fault(err)
	}
	row, err := v.signedIn()
	if err != nil {
		return v.fault(err)
	}
	token := e.Sessions.LogoutToken(&row.Session, v.proof.Token)
	link := v.base + "self-service/logout?" + url.Values{"token": {token}}.Encode()
	if to != "" {
		link = withQuery(link, "return_to", to)
	}
	return web.WriteJSON(v.w, http.StatusOK, struct {
		Token string `json:"logout_token"`
		URL   string `json:"logout_url"`
	}{token, link})
}

// logout ends the session of a browser that followed its sign-out link. The
// token in the link keeps other sites from signing people out.
func (e *Engine) logout(v *visit) error {
	query := v.r.URL.Query()
	to, err := web.AskedReturnTo(v.r.URL.RawQuery)
	if err == nil {
		to, err = v.returnTo.Resolve(to)
	}
	if err != nil {
		return v.fault(err)
	}
	given := query.Get("token")
	if given == "" {
		return v.fault(auth.ErrLogoutTokenMissing)
	}
	row, err := v.signedIn()
	if err != nil {
		return v.fault(err)
	}
	if !e.Sessions.LogoutTokenValid(given, &row.Session, v.proof.Token) {
		return v.fault(auth.ErrLogoutTokenWrong)
	}
	return v.signOut(row, to)
}

// signOut ends the session of a browser and leads it on, to where it asked to go if
// it did.
func (v *visit) signOut(row *store.SessionRow, to string) error {
	if _, err := v.engine.Sessions.Revoke(v.r.Context(), row.Session.IdentityID, row.Session.ID); err != nil {
		return v.fault(err)
	}
	v.engine.Sessions.ClearCookie(v.w)
	v.csrf.Rotate(v.w)
	if v.config.SelfService.Flows.Logout.ClearBrowserData && v.public.Scheme == "https" {
		v.w.Header().Set("Clear-Site-Data", `"cookies", "storage", "cache"`)
	}
	if v.asJSON() {
		v.w.WriteHeader(http.StatusNoContent)
		return nil
	}
	v.redirect(http.StatusSeeOther, v.afterLogout(to))
	return nil
}

// afterLogout is where a browser goes that was signed out: to, if that is not empty.
func (v *visit) afterLogout(to string) string {
	set := &v.config.SelfService
	return cmp.Or(to, set.Flows.Logout.After.DefaultBrowserReturnURL, set.DefaultBrowserReturnURL)
}

// logoutAPI ends the session of an app that gives back its token.
func (e *Engine) logoutAPI(v *visit) error {
	var body struct {
		SessionToken string `json:"session_token"`
	}
	if err := web.DecodeSmallJSON(v.r, &body); err != nil {
		return err
	}
	row, err := e.Sessions.FindToken(v.r.Context(), body.SessionToken)
	if errors.Is(err, auth.ErrNoSession) {
		return auth.ErrTokenUnknown
	}
	if err != nil {
		return err
	}
	if _, err := e.Sessions.Revoke(v.r.Context(), row.Session.IdentityID, row.Session.ID); err != nil {
		return err
	}
	v.w.WriteHeader(http.StatusNoContent)
	return nil
}
