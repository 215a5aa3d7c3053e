package api

import (
	"net/http"

	"zelus/internal/ceremony"
	"zelus/internal/web"
)

// relatedOrigins tells browsers which pages on other domains may use the keys of
// this one (W3C WebAuthn, section 5.11.1). They ask where rp.id is.
func (a *API) relatedOrigins(w http.ResponseWriter, r *http.Request) error {
	return web.WriteJSON(w, http.StatusOK, struct {
		Origins []string `json:"origins"`
	}{ceremony.RelatedOrigins(a.now.Load().config)})
}
