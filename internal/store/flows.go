package store

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/google/uuid"

	"zelus/internal/auth"
)

const (
	insertFlow query = "INSERT INTO flows (id, project_id, kind, done, expires_at, data) VALUES (?, ?, ?, ?, ?, ?)"
	updateFlow query = "UPDATE flows SET data = ? WHERE project_id = ? AND id = ? AND done = ?"
	finishFlow query = "UPDATE flows SET done = ?, data = ? WHERE project_id = ? AND id = ? AND done = ?"
	selectFlow query = "SELECT done, expires_at, data FROM flows WHERE project_id = ? AND id = ? AND kind = ?"

	insertError query = "INSERT INTO errors (id, project_id, csrf, data, created_at) VALUES (?, ?, ?, ?, ?)"
	selectError query = "SELECT csrf, data, created_at FROM errors WHERE project_id = ? AND id = ?"
)

// Flow reads a flow of a kind; ErrNotFound where there is none.
func (q *queries) Flow(ctx context.Context, project uuid.UUID, kind auth.Kind, id uuid.UUID) (*auth.Flow, error) {
	f := &auth.Flow{ID: id, Project: project, Kind: kind}
	var data string
	if err := q.one(ctx, selectFlow, []any{project, id, kind}, &f.Done, instant{&f.ExpiresAt}, &data); err != nil {
		return nil, err
	}
	// Values of fields are numbers as they were typed, not the nearest float64.
	from := json.NewDecoder(strings.NewReader(data))
	from.UseNumber()
	if err := from.Decode(f); err != nil {
		return nil, fmt.Errorf("store: the flow %s cannot be read: %w", id, err)
	}
	return f, nil
}

// InsertFlow writes a new flow.
func (tx *Tx) InsertFlow(ctx context.Context, f *auth.Flow) error {
	data, err := json.Marshal(f)
	if err != nil {
		return err
	}
	_, err = tx.exec(ctx, insertFlow, f.ID, f.Project, f.Kind, f.Done, f.ExpiresAt, string(data))
	return err
}

// UpdateFlow writes what a form looks like after a submission. A flow that
// has been finished meanwhile stays as it is.
func (tx *Tx) UpdateFlow(ctx context.Context, f *auth.Flow) error {
	data, err := json.Marshal(f)
	if err != nil {
		return err
	}
	_, err = tx.exec(ctx, updateFlow, string(data), f.Project, f.ID, false)
	return err
}

// FinishFlow marks a flow as used up and says whether this call did it: of
// several submissions at once, one wins.
func (tx *Tx) FinishFlow(ctx context.Context, f *auth.Flow) (bool, error) {
	data, err := json.Marshal(f)
	if err != nil {
		return false, err
	}
	n, err := tx.exec(ctx, finishFlow, true, string(data), f.Project, f.ID, false)
	return n > 0, err
}

// StoredError is an error that a browser is redirected to see.
type StoredError struct {
	ID        uuid.UUID
	Project   uuid.UUID
	CSRF      []byte
	Data      json.RawMessage
	CreatedAt time.Time
}

// InsertError keeps an error for the error page.
func (tx *Tx) InsertError(ctx context.Context, e *StoredError) error {
	_, err := tx.exec(ctx, insertError, e.ID, e.Project, e.CSRF, string(e.Data), e.CreatedAt)
	return err
}

// StoredError reads it again; ErrNotFound where there is none.
func (q *queries) StoredError(ctx context.Context, project, id uuid.UUID) (*StoredError, error) {
	e := &StoredError{ID: id, Project: project}
	var data string
	err := q.one(ctx, selectError, []any{project, id}, &e.CSRF, &data, instant{&e.CreatedAt})
	e.Data = json.RawMessage(data)
	return e, err
}
