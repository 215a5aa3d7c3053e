package api

import (
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"sync"

	"github.com/google/uuid"

	"zelus/internal/auth"
	"zelus/internal/identity"
	"zelus/internal/schema"
	"zelus/internal/store"
	"zelus/internal/web"
)

// identityID is the id in the path. One that is no id is one that nobody has.
func identityID(r *http.Request) (uuid.UUID, error) {
	id, err := uuid.Parse(r.PathValue("id"))
	if err != nil || len(r.PathValue("id")) != 36 {
		return uuid.Nil, auth.ErrIdentityUnknown
	}
	return id, nil
}

// shown are the types of credential whose config is asked for.
func shown(query url.Values) ([]auth.CredentialType, error) {
	var types []auth.CredentialType
	for _, text := range query["include_credential"] {
		t := auth.CredentialType(text)
		if !t.Valid() {
			return nil, auth.ErrParameter.Saying("The parameter include_credential is %q, which is not a type of credential.", short(text))
		}
		types = append(types, t)
	}
	return types, nil
}

// writeIdentity answers with an identity as an administrator sees it.
func (a *API) writeIdentity(w http.ResponseWriter, status int, i *auth.Identity, omitNull bool, show ...auth.CredentialType) {
	web.WriteRawJSON(w, status, i.Pack().Render(auth.Reader{BaseURL: a.now.Load().public, Addresses: true, Admin: true, OmitNullAdmin: omitNull,
		Credentials: identity.CredentialsJSON(i.Credentials, show...)}))
}

func (a *API) createIdentity(w http.ResponseWriter, r *http.Request) error {
	var body identity.Creation
	if err := web.DecodeJSON(r, &body, true); err != nil {
		return err
	}
	i, err := a.Identities.Create(r.Context(), body)
	if err != nil {
		return err
	}
	w.Header().Set("Location", a.now.Load().admin+"identities/"+i.ID.String())
	a.writeIdentity(w, http.StatusCreated, i, true)
	return nil
}

func (a *API) getIdentity(w http.ResponseWriter, r *http.Request) error {
	show, err := shown(r.URL.Query())
	if err != nil {
		return err
	}
	id, err := identityID(r)
	if err != nil {
		return err
	}
	i, err := a.Identities.Get(r.Context(), id)
	if err != nil {
		return err
	}
	a.writeIdentity(w, http.StatusOK, i, false, show...)
	return nil
}

func (a *API) getIdentityByExternalID(w http.ResponseWriter, r *http.Request) error {
	show, err := shown(r.URL.Query())
	if err != nil {
		return err
	}
	i, err := a.Identities.GetByExternalID(r.Context(), r.PathValue("external"))
	if err != nil {
		return err
	}
	a.writeIdentity(w, http.StatusOK, i, false, show...)
	return nil
}

func (a *API) replaceIdentity(w http.ResponseWriter, r *http.Request) error {
	if err := web.RequireJSON(r); err != nil {
		return err
	}
	var body identity.Replacement
	if err := web.DecodeJSON(r, &body, false); err != nil {
		return err
	}
	id, err := identityID(r)
	if err != nil {
		return err
	}
	i, err := a.Identities.Replace(r.Context(), id, body)
	if err != nil {
		return err
	}
	a.writeIdentity(w, http.StatusOK, i, true)
	return nil
}

func (a *API) patchIdentity(w http.ResponseWriter, r *http.Request) error {
	var body json.RawMessage
	if err := web.DecodeJSON(r, &body, false); err != nil {
		return err
	}
	id, err := identityID(r)
	if err != nil {
		return err
	}
	i, err := a.Identities.Patch(r.Context(), id, body)
	if err != nil {
		return err
	}
	a.writeIdentity(w, http.StatusOK, i, false)
	return nil
}

func (a *API) deleteIdentity(w http.ResponseWriter, r *http.Request) error {
	id, err := identityID(r)
	if err != nil {
		return err
	}
	if err := a.Identities.Delete(r.Context(), id); err != nil {
		return err
	}
	w.WriteHeader(http.StatusNoContent)
	return nil
}

func (a *API) deleteCredential(w http.ResponseWriter, r *http.Request) error {
	id, err := identityID(r)
	if err != nil {
		return err
	}
	t := auth.CredentialType(r.PathValue("type"))
	if err := a.Identities.DeleteCredential(r.Context(), id, t, r.URL.Query().Get("identifier")); err != nil {
		return err
	}
	w.WriteHeader(http.StatusNoContent)
	return nil
}

// Bounds of lists and batches.
const (
	pageSize       = 250
	maxPageSize    = 500
	maxIDs         = 500
	maxLegacyItems = 1000
	maxBatch       = 1000
	maxBatchPlain  = 200
	batchWorkers   = 8
)

// listIdentities lists identities: page by page behind a page token, or by
// number for clients of old, or those that a filter finds.
func (a *API) listIdentities(w http.ResponseWriter, r *http.Request) error {
	query := r.URL.Query()
	show, err := shown(query)
	if err != nil {
		return err
	}
	filter, err := filterOf(query)
	if err != nil {
		return err
	}
	var rows []store.Row
	if query.Has("page") && !query.Has("page_size") && !query.Has("page_token") {
		rows, err = a.identitiesByNumber(w, r, filter)
	} else {
		rows, err = a.identitiesByKey(w, r, filter)
	}
	if err != nil {
		return err
	}
	reader := auth.Reader{BaseURL: a.now.Load().public, Addresses: true, Admin: true}
	withCredentials := len(show) > 0 || filter.Identifier != "" || filter.Similar != ""
	out := []byte{'['}
	for i, row := range rows {
		if i > 0 {
			out = append(out, ',')
		}
		if withCredentials {
			all, err := a.Store.Credentials(r.Context(), row.ID)
			if err != nil {
				return err
			}
			reader.Credentials = identity.CredentialsJSON(all, show...)
		}
		out = row.Packed.Append(out, reader)
	}
	web.WriteRawJSON(w, http.StatusOK, append(out, ']'))
	return nil
}

func (a *API) identitiesByKey(w http.ResponseWriter, r *http.Request, filter store.Filter) ([]store.Row, error) {
	query := r.URL.Query()
	size, err := web.ReadPageSize(query, pageSize, maxPageSize)
	if err != nil {
		return nil, err
	}
	after := uuid.Nil
	if token := query.Get("page_token"); token != "" {
		if after, err = uuid.Parse(token); err != nil || len(token) != 36 {
			return nil, auth.ErrPageToken
		}
	}
	rows, err := a.Store.Identities(r.Context(), auth.DefaultProject, filter, after, size+1)
	if err != nil {
		return nil, err
	}
	next := ""
	if len(rows) > size {
		rows = rows[:size]
		next = rows[size-1].ID.String()
	}
	web.WriteKeyLinks(w, r, size, uuid.Nil.String(), next)
	return rows, nil
}

func (a *API) identitiesByNumber(w http.ResponseWriter, r *http.Request, filter store.Filter) ([]store.Row, error) {
	pages := web.Offsets{Default: pageSize, Max: maxPageSize}
	at := pages.Read(r.URL.Query())
	if at.Skip > maxLegacyItems {
		return nil, auth.ErrParameter.Saying("Pages by number end after %d identities. Follow page_token in the Link header instead.", maxLegacyItems)
	}
	var rows []store.Row
	var total int
	var err error
	if filtered(filter) {
		// What a filter finds is little: it is counted by being read.
		all, err := a.Store.Identities(r.Context(), auth.DefaultProject, filter, uuid.Nil, maxLegacyItems)
		if err != nil {
			return nil, err
		}
		total = len(all)
		rows = all[min(at.Skip, total):min(at.Skip+at.Size, total)]
	} else {
		if total, err = a.Store.CountIdentities(r.Context(), auth.DefaultProject); err != nil {
			return nil, err
		}
		if rows, err = a.Store.IdentitiesFrom(r.Context(), auth.DefaultProject, at.Skip, at.Size); err != nil {
			return nil, err
		}
	}
	pages.WriteHeaders(w, r, at, total)
	return rows, nil
}

func filtered(f store.Filter) bool {
	return len(f.IDs) > 0 || f.Identifier != "" || f.Similar != "" || f.Organization.Valid
}

// filterOf reads the filters of a list; at most one kind may be used.
func filterOf(query url.Values) (store.Filter, error) {
	var f store.Filter
	kinds := 0
	if ids := query["ids"]; len(ids) > 0 {
		kinds++
		if len(ids) > maxIDs {
			return f, auth.ErrParameter.Saying("At most %d ids can be asked for at once.", maxIDs)
		}
		for _, text := range ids {
			id, err := uuid.Parse(text)
			if err != nil {
				return f, auth.ErrParameter.Saying("The parameter ids is %q, but it must be a UUID.", short(text))
			}
			f.IDs = append(f.IDs, id)
		}
	}
	if text := query.Get("credentials_identifier"); text != "" {
		kinds++
		f.Identifier, f.Verbatim = schema.LookupIdentifier(text), text
	}
	if text := query.Get("preview_credentials_identifier_similar"); text != "" {
		kinds++
		f.Similar, f.Verbatim = schema.LookupIdentifier(text), text
	}
	if text := query.Get("organization_id"); text != "" {
		kinds++
		id, err := uuid.Parse(text)
		if err != nil {
			return f, parameter(query, "organization_id", "a UUID")
		}
		f.Organization = uuid.NullUUID{UUID: id, Valid: true}
	}
	if kinds > 1 {
		return f, auth.ErrParameter.Saying("Only one kind of filter can be used at once: ids, credentials_identifier, preview_credentials_identifier_similar or organization_id.")
	}
	return f, nil
}

// batchEntry is one identity of a batch; batchResult says what became of it.
type batchEntry struct {
	Create  *identity.Creation `json:"create"`
	PatchID *uuid.UUID         `json:"patch_id"`
}

type batchResult struct {
	Action   string         `json:"action"`
	Identity *uuid.UUID     `json:"identity,omitempty"`
	PatchID  *uuid.UUID     `json:"patch_id,omitempty"`
	Error    map[string]any `json:"error,omitempty"`
}

// createIdentities creates several identities. Each one stands or falls by
// itself; the answers are in the order of the request.
func (a *API) createIdentities(w http.ResponseWriter, r *http.Request) error {
	var body struct {
		Identities []batchEntry `json:"identities"`
	}
	if err := web.DecodeJSON(r, &body, true); err != nil {
		return err
	}
	if len(body.Identities) > maxBatch {
		return auth.ErrBadRequest.Saying("At most %d identities can be created with one request.", maxBatch)
	}
	plain := 0
	for _, e := range body.Identities {
		if e.Create != nil && e.Create.Credentials != nil && e.Create.Credentials.Password != nil && e.Create.Credentials.Password.Config.Password != nil {
			plain++
		}
	}
	if plain > maxBatchPlain {
		return auth.ErrBadRequest.Saying("At most %d identities with a password in clear can be created with one request.", maxBatchPlain)
	}
	drafts, failed := make([]*identity.Draft, len(body.Identities)), make([]error, len(body.Identities))
	each(len(body.Identities), func(n int) {
		if create := body.Identities[n].Create; create != nil {
			drafts[n], failed[n] = a.Identities.Draft(r.Context(), *create)
		}
	})
	for _, err := range failed {
		if err != nil {
			return err
		}
	}
	results := make([]*batchResult, len(body.Identities))
	each(len(drafts), func(n int) {
		if drafts[n] != nil {
			results[n] = a.createOne(r, drafts[n], body.Identities[n].PatchID)
		}
	})
	return web.WriteJSON(w, http.StatusOK, struct {
		Identities []*batchResult `json:"identities"`
	}{results})
}

func (a *API) createOne(r *http.Request, draft *identity.Draft, patch *uuid.UUID) *batchResult {
	i, err := a.Identities.Insert(r.Context(), draft)
	if err != nil {
		if errors.Is(err, auth.ErrConflict) {
			err = auth.AsError(err).InMessage()
		}
		return &batchResult{Action: "error", PatchID: patch, Error: auth.AsError(err).Body("")}
	}
	return &batchResult{Action: "create", Identity: &i.ID, PatchID: patch}
}

// each calls f for the numbers below n, a few at a time: their writes share
// one commit, their passwords all workers.
func each(n int, f func(int)) {
	var all sync.WaitGroup
	places := make(chan struct{}, batchWorkers)
	for i := range n {
		places <- struct{}{}
		all.Go(func() {
			defer func() { <-places }()
			f(i)
		})
	}
	all.Wait()
}
