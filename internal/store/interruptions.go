package store

import (
	"context"
	"time"

	"github.com/google/uuid"
)

const (
	insertInterruption query = "INSERT INTO interruptions (id, project_id, session_id, sealed, expires_at) VALUES (?, ?, ?, ?, ?)"
	dropInterruptions  query = "DELETE FROM interruptions WHERE project_id = ? AND session_id = ?"
	selectInterruption query = "SELECT sealed FROM interruptions WHERE project_id = ? AND id = ? AND expires_at > ?"
	deleteInterruption query = "DELETE FROM interruptions WHERE project_id = ? AND id = ?"
)

// Interruption is a submission that waits until whoever sent it has proven
// again who they are.
type Interruption struct {
	// ID is a keyed hash of what may bring it back; Sealed is encrypted.
	ID        []byte
	Project   uuid.UUID
	SessionID uuid.UUID
	Sealed    []byte
	ExpiresAt time.Time
}

// InsertInterruption writes a new one in the place of those that wait in the
// same session.
func (tx *Tx) InsertInterruption(ctx context.Context, i *Interruption) error {
	if _, err := tx.exec(ctx, dropInterruptions, i.Project, i.SessionID); err != nil {
		return err
	}
	_, err := tx.exec(ctx, insertInterruption, i.ID, i.Project, i.SessionID, i.Sealed, i.ExpiresAt)
	return err
}

// TakeInterruption reads what was sealed and removes it: of several that take
// one, a single one gets it. ErrNotFound where there is none, or none any more.
func (tx *Tx) TakeInterruption(ctx context.Context, project uuid.UUID, id []byte, now time.Time) (sealed []byte, err error) {
	if err := tx.one(ctx, selectInterruption, []any{project, id, now}, &sealed); err != nil {
		return nil, err
	}
	n, err := tx.exec(ctx, deleteInterruption, project, id)
	if err == nil && n == 0 {
		return nil, ErrNotFound
	}
	return sealed, err
}
