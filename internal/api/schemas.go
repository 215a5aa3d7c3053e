package api

import (
	"encoding/json"
	"net/http"

	"zelus/internal/auth"
	"zelus/internal/web"
)

// listSchemas lists the identity schemas in the order of the configuration.
func (a *API) listSchemas(w http.ResponseWriter, r *http.Request) error {
	c := a.now.Load()
	all := c.schemas.All()
	at := c.lists.Read(r.URL.Query())
	type entry struct {
		ID     string          `json:"id"`
		Schema json.RawMessage `json:"schema"`
	}
	page := []entry{}
	for i := at.Skip; i < min(at.Skip+at.Size, len(all)); i++ {
		page = append(page, entry{all[i].ID(), all[i].Raw()})
	}
	c.lists.WriteHeaders(w, r, at, len(all))
	return web.WriteJSON(w, http.StatusOK, page)
}

// getSchema answers with a schema as it was loaded. The id may be encoded, as
// it is in schema_url.
func (a *API) getSchema(w http.ResponseWriter, r *http.Request) error {
	id := r.PathValue("id")
	s, ok := a.now.Load().schemas.Get(id)
	if !ok {
		return auth.ErrSchemaMissing.Saying("There is no identity schema %q. GET /schemas lists them.", auth.Short(id))
	}
	web.WriteRawJSON(w, http.StatusOK, s.Raw())
	return nil
}
