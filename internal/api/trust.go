package api

import (
	"errors"
	"net/http"

	"zelus/internal/auth"
	"zelus/internal/web"
)

// trustDevice makes the browser that asks one in which its owner needs no second
// factor to sign in. They must have used theirs in it, as recently as for a change
// of their account.
func (a *API) trustDevice(w http.ResponseWriter, r *http.Request) error {
	row, err := a.changing(r)
	if err != nil {
		return err
	}
	c := a.now.Load()
	err = a.Sessions.MayTrust(row, r, c.config.SelfService.Flows.Settings.PrivilegedSessionMaxAge)
	switch {
	case errors.Is(err, auth.ErrAAL2Required):
		return auth.ErrAAL2Required.RedirectTo(c.public + auth.StepUpPath)
	case errors.Is(err, auth.ErrRefreshRequired):
		return auth.ErrRefreshRequired.RedirectTo(c.public + auth.StepUpPath + "&refresh=true")
	case err != nil:
		return err
	}
	made, err := a.Sessions.Trust(w, r, row)
	if err != nil {
		return err
	}
	return web.WriteJSON(w, http.StatusCreated, made)
}

// listOwnTrustedDevices lists the devices that whoever asks trusts.
func (a *API) listOwnTrustedDevices(w http.ResponseWriter, r *http.Request) error {
	row, err := a.reading(r)
	if err != nil {
		return err
	}
	all, err := a.Sessions.TrustedDevices(r.Context(), row.Session.IdentityID, r)
	if err != nil {
		return err
	}
	return web.WriteJSON(w, http.StatusOK, all)
}

// distrustOwnDevices ends the trust in all devices of whoever asks.
func (a *API) distrustOwnDevices(w http.ResponseWriter, r *http.Request) error {
	row, err := a.changing(r)
	if err != nil {
		return err
	}
	n, err := a.Sessions.DistrustAll(r.Context(), row.Session.IdentityID)
	if err != nil {
		return err
	}
	return web.WriteJSON(w, http.StatusOK, struct {
		Count int `json:"count"`
	}{n})
}

// distrustOwnDevice ends the trust in one device of whoever asks. That of somebody
// else, or none, is answered in the same way.
func (a *API) distrustOwnDevice(w http.ResponseWriter, r *http.Request) error {
	row, err := a.changing(r)
	if err != nil {
		return err
	}
	id, err := pathID(r)
	if err != nil {
		return err
	}
	if err := a.Sessions.Distrust(r.Context(), row.Session.IdentityID, id); err != nil {
		return err
	}
	w.WriteHeader(http.StatusNoContent)
	return nil
}

// listTrustedDevicesOf lists the devices that an identity trusts, for an
// administrator.
func (a *API) listTrustedDevicesOf(w http.ResponseWriter, r *http.Request) error {
	id, err := pathID(r)
	if err != nil {
		return err
	}
	all, err := a.Sessions.TrustedDevices(r.Context(), id, nil)
	if err != nil {
		return err
	}
	return web.WriteJSON(w, http.StatusOK, all)
}

// distrustDevicesOf ends the trust in all devices of an identity. To end it again
// is no error.
func (a *API) distrustDevicesOf(w http.ResponseWriter, r *http.Request) error {
	id, err := pathID(r)
	if err != nil {
		return err
	}
	if _, err := a.Sessions.DistrustAll(r.Context(), id); err != nil {
		return err
	}
	w.WriteHeader(http.StatusNoContent)
	return nil
}
