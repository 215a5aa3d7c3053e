package api

import (
	"net/http"
	"time"

	"zelus/internal/adminkey"
	"zelus/internal/auth"
	"zelus/internal/web"
)

// listKeys lists all API keys, those that are of no use any more among them.
func (a *API) listKeys(w http.ResponseWriter, r *http.Request) error {
	all, err := a.Keys.List(r.Context())
	if err != nil {
		return err
	}
	return web.WriteJSON(w, http.StatusOK, all)
}

// newKey is what a request for a new key says. Without an end it is good until
// it is revoked; an end that is empty is a mistake.
type newKey struct {
	Name      string  `json:"name"`
	ExpiresIn *string `json:"expires_in"` // 90d, 12h, 2w
	ExpiresAt *string `json:"expires_at"` // RFC 3339
}

// expires is when the key is to end; nil for never.
func (n newKey) expires(keys *adminkey.Keys) (*time.Time, error) {
	switch {
	case n.ExpiresIn != nil && n.ExpiresAt != nil:
		return nil, auth.ErrAdminKeyExpiry.Saying("Give expires_in or expires_at, not both.")
	case n.ExpiresIn != nil:
		lifetime, err := adminkey.ParseLifetime(*n.ExpiresIn)
		if err != nil {
			return nil, err
		}
		return keys.After(lifetime), nil
	case n.ExpiresAt != nil:
		end, err := time.Parse(time.RFC3339, *n.ExpiresAt)
		if err != nil {
			return nil, auth.ErrAdminKeyExpiry.Saying("The field expires_at must be a time such as 2030-12-31T23:59:59Z.")
		}
		return &end, nil
	}
	return nil, nil
}

// createKey makes an API key. Its answer is the only one that holds the key.
func (a *API) createKey(w http.ResponseWriter, r *http.Request) error {
	if err := a.Keys.MayMake(r); err != nil {
		return err
	}
	var body newKey
	// A misspelt field must not make a key that never ends.
	if err := web.DecodeJSON(r, &body, true); err != nil {
		return err
	}
	expires, err := body.expires(a.Keys)
	if err != nil {
		return err
	}
	made, key, err := a.Keys.Create(r.Context(), body.Name, expires)
	if err != nil {
		return err
	}
	w.Header().Set("Cache-Control", "no-store")
	return web.WriteJSON(w, http.StatusCreated, struct {
		adminkey.Key
		Secret string `json:"key"`
	}{made, key})
}

// revokeKey ends an API key. To end it again is no error.
func (a *API) revokeKey(w http.ResponseWriter, r *http.Request) error {
	id, ok := web.ID(r.PathValue("id"))
	if !ok {
		return auth.ErrAdminKeyUnknown
	}
	if err := a.Keys.Revoke(r.Context(), id); err != nil {
		return err
	}
	w.WriteHeader(http.StatusNoContent)
	return nil
}
