package api

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"runtime/debug"
	"sync"

	"github.com/google/uuid"

	"zelus/internal/auth"
	"zelus/internal/identity"
	"zelus/internal/web"
)

// identityID is the id in the path. One that is no id is one that nobody has.
func identityID(r *http.Request) (uuid.UUID, error) {
	id, ok := web.ID(r.PathValue("id"))
	if !ok {
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
			return nil, auth.ErrParameter.Saying("The parameter include_credential is %q, which is not a type of credential.", auth.Short(text))
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
	query, err := wholeQuery(r)
	if err != nil {
		return err
	}
	show, err := shown(query)
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
	query, err := wholeQuery(r)
	if err != nil {
		return err
	}
	show, err := shown(query)
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
	query, err := wholeQuery(r)
	if err != nil {
		return err
	}
	t := auth.CredentialType(r.PathValue("type"))
	if err := a.Flows.DeleteCredential(r.Context(), id, t, query.Get("identifier")); err != nil {
		return err
	}
	w.WriteHeader(http.StatusNoContent)
	return nil
}

// Bounds of lists and batches.
const (
	pageSize      = 250
	maxPageSize   = 500
	maxBatch      = 1000
	maxBatchPlain = 200
	batchWorkers  = 8
)

// numbered is how pages are asked for by number.
var numbered = web.Offsets{Default: pageSize, Max: maxPageSize}

// listIdentities lists identities: page by page behind a page token, or by
// number for clients of old, or those that a filter finds.
func (a *API) listIdentities(w http.ResponseWriter, r *http.Request) error {
	query, err := wholeQuery(r)
	if err != nil {
		return err
	}
	show, err := shown(query)
	if err != nil {
		return err
	}
	list, err := readList(query)
	if err != nil {
		return err
	}
	list.Credentials = len(show) > 0 || list.Identifier != "" || list.Similar != ""
	page, err := a.Identities.List(r.Context(), list)
	if err != nil {
		return err
	}
	if list.ByNumber {
		numbered.WriteHeaders(w, r, web.Offset{Skip: list.Skip, Size: list.Size}, page.Total)
	} else {
		next := ""
		if page.More {
			next = page.Rows[len(page.Rows)-1].ID.String()
		}
		web.WriteKeyLinks(w, r, list.Size, uuid.Nil.String(), next)
	}
	reader := auth.Reader{BaseURL: a.now.Load().public, Addresses: true, Admin: true}
	out := []byte{'['}
	for n, row := range page.Rows {
		if n > 0 {
			out = append(out, ',')
		}
		if list.Credentials {
			reader.Credentials = identity.CredentialsJSON(page.Credentials[row.ID], show...)
		}
		out = row.Packed.Append(out, reader)
	}
	web.WriteRawJSON(w, http.StatusOK, append(out, ']'))
	return nil
}

// readList reads which identities a request asks for.
func readList(query url.Values) (identity.List, error) {
	l := identity.List{Identifier: query.Get("credentials_identifier"), Similar: query.Get("preview_credentials_identifier_similar"),
		ByNumber: query.Has("page") && !query.Has("page_size") && !query.Has("page_token")}
	for _, text := range query["ids"] {
		id, ok := web.ID(text)
		if !ok {
			return l, auth.ErrParameter.Saying("The parameter ids is %q, but it must be a UUID.", auth.Short(text))
		}
		l.IDs = append(l.IDs, id)
	}
	if text := query.Get("organization_id"); text != "" {
		id, ok := web.ID(text)
		if !ok {
			return l, parameter(query, "organization_id", "a UUID")
		}
		l.Organization = uuid.NullUUID{UUID: id, Valid: true}
	}
	if l.ByNumber {
		at := numbered.Read(query)
		l.Skip, l.Size = at.Skip, at.Size
		return l, nil
	}
	var err error
	if l.Size, err = web.ReadPageSize(query, pageSize, maxPageSize); err != nil {
		return l, err
	}
	if token := query.Get("page_token"); token != "" {
		var ok bool
		if l.After, ok = web.ID(token); !ok {
			return l, auth.ErrPageToken
		}
	}
	return l, nil
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
	if err := each(len(body.Identities), func(n int) {
		if create := body.Identities[n].Create; create != nil {
			drafts[n], failed[n] = a.Identities.Draft(r.Context(), *create)
		}
	}); err != nil {
		return err
	}
	for _, err := range failed {
		if err != nil {
			return err
		}
	}
	results := make([]*batchResult, len(body.Identities))
	if err := each(len(drafts), func(n int) {
		if drafts[n] != nil {
			results[n] = a.createOne(r, drafts[n], body.Identities[n].PatchID)
		}
	}); err != nil {
		return err
	}
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
// one commit, their passwords all workers. If a call panics, which would end
// the process here, that is the error of all.
func each(n int, f func(int)) error {
	var all sync.WaitGroup
	places, crashed := make(chan struct{}, batchWorkers), make(chan error, n)
	for i := range n {
		places <- struct{}{}
		all.Go(func() {
			defer func() {
				if p := recover(); p != nil {
					crashed <- fmt.Errorf("entry %d of a batch panicked: %v\n%s", i, p, debug.Stack())
				}
				<-places
			}()
			f(i)
		})
	}
	all.Wait()
	select {
	case err := <-crashed:
		return err
	default:
		return nil
	}
}
