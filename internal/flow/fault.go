package flow

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"net/http"

	"github.com/google/uuid"

	"zelus/internal/auth"
	"zelus/internal/store"
	"zelus/internal/web"
)

// fault answers an error that does not belong into a form: as JSON to those
// who talk it, otherwise by keeping it and sending the browser to the error
// page, or where a refusal leads. It returns the error that is to be answered
// as JSON, or nil.
func (v *visit) fault(err error) error {
	if v.asJSON() {
		return err
	}
	if no := (*refusal)(nil); errors.As(err, &no) && no.to != "" {
		v.engine.Server.LogError(v.r, err)
		v.redirect(no.status, no.to)
		return nil
	}
	e := v.engine.Server.ForAnswer(auth.AsError(err))
	id, kept := v.keepError(e)
	if kept != nil {
		// The database is the problem: there is nowhere to keep it.
		return errors.Join(err, kept)
	}
	v.engine.Server.LogError(v.r, err, slog.String("error_id", id.String()))
	web.RetryAfter(v.w, e)
	v.redirect(http.StatusSeeOther, withQuery(v.config.ErrorPageURL(), "id", id.String()))
	return nil
}

func (v *visit) keepError(e *auth.Error) (uuid.UUID, error) {
	data, err := json.Marshal(e.Body(""))
	if err != nil {
		return uuid.Nil, err
	}
	kept := &store.StoredError{ID: uuid.New(), Project: auth.DefaultProject, Data: data, CreatedAt: auth.Now(v.engine.Clock()),
		CSRF: v.bindings.Hash(string(v.csrf.Ensure(v.w, v.r)))}
	return kept.ID, v.write(func(ctx context.Context, tx *store.Tx) error { return tx.InsertError(ctx, kept) })
}

// errorFields is a kept error on the wire.
type errorFields struct {
	ID        uuid.UUID       `json:"id"`
	Error     json.RawMessage `json:"error"`
	CreatedAt string          `json:"created_at"`
	UpdatedAt string          `json:"updated_at"`
}

// showError answers with an error that a browser was sent to see.
func (e *Engine) showError(v *visit) error {
	kept, err := v.keptError()
	if err != nil {
		return err
	}
	at := auth.Stamp(kept.CreatedAt)
	return web.WriteJSON(v.w, http.StatusOK, errorFields{ID: kept.ID, Error: kept.Data, CreatedAt: at, UpdatedAt: at})
}

// keptError is the error that the query names. Its id is a secret; a browser that
// proves to be another one than the error was made for does not see it. The servers
// of user interfaces ask without cookies.
func (v *visit) keptError() (*store.StoredError, error) {
	query := v.r.URL.Query()
	given := query.Get("id")
	if given == "" {
		given = query.Get("error")
	}
	if given == "stub:500" {
		// For those who build an error page.
		stub, err := json.Marshal(auth.ErrInternal.Saying("This is an example of an error, to build an error page with.").Body(""))
		return &store.StoredError{ID: uuid.New(), Data: stub, CreatedAt: auth.Now(v.engine.Clock())}, err
	}
	id, ok := web.ID(given)
	if !ok {
		return nil, auth.ErrErrorUnknown
	}
	kept, err := v.engine.Store.StoredError(v.r.Context(), auth.DefaultProject, id)
	if errors.Is(err, store.ErrNotFound) {
		return nil, auth.ErrErrorUnknown
	}
	if err != nil {
		return nil, err
	}
	if secret, ok := v.csrf.Secret(v.r); ok && !v.bindings.Matches(string(secret), kept.CSRF) {
		return nil, auth.ErrErrorUnknown
	}
	return kept, nil
}
