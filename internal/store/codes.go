package store

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/google/uuid"

	"zelus/internal/auth"
)

const (
	insertCode query = `WITH owner AS (SELECT id FROM identities WHERE project_id = ? AND id = ? {for update})
		INSERT INTO codes (id, project_id, flow_id, identity_id, via, address, hash, sealed, created_at, expires_at)
		VALUES (?, ?, ?, (SELECT id FROM owner), ?, ?, ?, ?, ?, ?)`
	selectCode query = `SELECT id, identity_id, via, address, hash, sealed, created_at, expires_at, used_at FROM codes
		WHERE project_id = ? AND flow_id = ? ORDER BY id DESC LIMIT 1`
	selectCodes query = `SELECT id, identity_id, via, address, hash, sealed, created_at, expires_at, used_at FROM codes c
		WHERE project_id = ? AND flow_id = ?
		AND NOT EXISTS (SELECT 1 FROM codes n WHERE n.flow_id = c.flow_id AND n.via = c.via AND n.address = c.address AND n.id > c.id) ORDER BY id DESC`
	useCode query = "UPDATE codes SET used_at = ? WHERE project_id = ? AND id = ? AND used_at IS NULL AND expires_at > ?"

	voidWaiting query = `UPDATE codes SET used_at = ? WHERE project_id = ? AND identity_id = ? AND sealed IS NOT NULL AND used_at IS NULL AND flow_id <> ?
		AND EXISTS (SELECT 1 FROM flows WHERE flows.id = codes.flow_id AND flows.project_id = codes.project_id AND flows.kind = ?)`
	voidSince query = `UPDATE codes SET used_at = ? WHERE project_id = ? AND identity_id = ? AND sealed IS NOT NULL AND used_at IS NULL AND created_at >= ?`

	countTry   query = "UPDATE flows SET tries = tries + 1 WHERE project_id = ? AND id = ? AND done = ? AND tries < ?"
	forgiveTry query = "UPDATE flows SET tries = tries - 1 WHERE project_id = ? AND id = ?"

	insertGuesses query = "INSERT INTO guesses (id, project_id, times, updated_at) VALUES (?, ?, '[]', ?)"
	lockGuesses   query = "UPDATE guesses SET updated_at = ? WHERE project_id = ? AND id = ?"
	selectGuesses query = "SELECT times FROM guesses WHERE project_id = ? AND id = ?"
	updateGuesses query = "UPDATE guesses SET times = ?, updated_at = ? WHERE project_id = ? AND id = ?"
)

// Code is a one-time secret, of which the database has a keyed hash only.
type Code struct {
	// ID is of version 7, so that it orders the codes of a flow.
	ID      uuid.UUID
	Project uuid.UUID
	FlowID  uuid.UUID
	// IdentityID is whom it lets in; not valid where the address is nobody's.
	IdentityID uuid.NullUUID
	// Via and Address are where it was sent; empty where an administrator has it.
	Via, Address string
	Hash         []byte
	// Sealed is what its use brings about, encrypted; empty is nothing more
	// than what its flow is for.
	Sealed    []byte
	CreatedAt time.Time
	ExpiresAt time.Time
	UsedAt    *time.Time
}

// InsertCode writes a new code. It takes the place of all earlier ones of its
// flow, see Code. One for an identity that has been deleted meanwhile is nobody's.
func (tx *Tx) InsertCode(ctx context.Context, c *Code) error {
	var sealed any
	if len(c.Sealed) > 0 {
		sealed = c.Sealed
	}
	_, err := tx.exec(ctx, insertCode, c.Project, c.IdentityID, c.ID, c.Project, c.FlowID, c.Via, c.Address, c.Hash, sealed, c.CreatedAt, c.ExpiresAt)
	return err
}

// Code reads the newest code of a flow, used or not; ErrNotFound where there
// is none. Older ones are void.
func (q *queries) Code(ctx context.Context, project, flow uuid.UUID) (*Code, error) {
	c := &Code{Project: project, FlowID: flow}
	return c, q.one(ctx, selectCode, []any{project, flow}, c.columns()...)
}

// Codes reads the newest code to each address of a flow, used or not, for flows
// that send several at once.
func (q *queries) Codes(ctx context.Context, project, flow uuid.UUID) ([]*Code, error) {
	var all []*Code
	err := q.each(ctx, selectCodes, func(r scanner) error {
		c := &Code{Project: project, FlowID: flow}
		all = append(all, c)
		return r.Scan(c.columns()...)
	}, project, flow)
	return all, err
}

// columns are where what is read of a code goes.
func (c *Code) columns() []any {
	return []any{&c.ID, &c.IdentityID, &c.Via, &c.Address, &c.Hash, &c.Sealed, instant{&c.CreatedAt}, instant{&c.ExpiresAt}, perhaps{&c.UsedAt}}
}

// UseCode uses a code up and says whether this call did it: of several that
// use one at once, one wins, and none once it has expired.
func (tx *Tx) UseCode(ctx context.Context, c *Code, now time.Time) (bool, error) {
	n, err := tx.exec(ctx, useCode, now, c.Project, c.ID, now)
	return n > 0, err
}

// VoidWaiting uses up every code of an identity by which a change in forms of
// this kind would come about, but those of one flow.
func (tx *Tx) VoidWaiting(ctx context.Context, project, identity uuid.UUID, kind auth.Kind, but uuid.UUID, now time.Time) error {
	_, err := tx.exec(ctx, voidWaiting, now, project, identity, but, kind)
	return err
}

// VoidSince uses up every code of an identity that would bring about a change
// and is not older than this.
func (tx *Tx) VoidSince(ctx context.Context, project, identity uuid.UUID, since, now time.Time) error {
	_, err := tx.exec(ctx, voidSince, now, project, identity, since)
	return err
}

// CountTry counts that a form is guessed at, and says whether it may be: no
// more than so often, however many try at once, and never once it is used up.
func (tx *Tx) CountTry(ctx context.Context, f *auth.Flow, most int) (bool, error) {
	n, err := tx.exec(ctx, countTry, f.Project, f.ID, false, most)
	return n > 0, err
}

// ForgiveTry takes a count back in the transaction that made it: the guess was
// right.
func (tx *Tx) ForgiveTry(ctx context.Context, f *auth.Flow) error {
	_, err := tx.exec(ctx, forgiveTry, f.Project, f.ID)
	return err
}

// Guesses reads when somebody's codes were guessed wrongly, and keeps others
// from doing so until the transaction ends.
func (tx *Tx) Guesses(ctx context.Context, project uuid.UUID, id []byte, now time.Time) (times []time.Time, err error) {
	n, err := tx.exec(ctx, lockGuesses, now, project, id)
	if err != nil {
		return nil, err
	}
	if n == 0 {
		if _, err := tx.exec(ctx, insertGuesses+query(tx.dialect.unlessThere), id, project, now); err != nil {
			return nil, err
		}
		if _, err := tx.exec(ctx, lockGuesses, now, project, id); err != nil {
			return nil, err
		}
	}
	var text string
	if err := tx.one(ctx, selectGuesses, []any{project, id}, &text); err != nil {
		return nil, err
	}
	var micros []int64
	if err := json.Unmarshal([]byte(text), &micros); err != nil {
		return nil, fmt.Errorf("store: guesses cannot be read: %w", err)
	}
	for _, m := range micros {
		times = append(times, time.UnixMicro(m).UTC())
	}
	return times, nil
}

// SetGuesses writes what Guesses read, changed.
func (tx *Tx) SetGuesses(ctx context.Context, project uuid.UUID, id []byte, times []time.Time, now time.Time) error {
	micros := make([]int64, len(times))
	for i, t := range times {
		micros[i] = t.UnixMicro()
	}
	text, err := json.Marshal(micros)
	if err != nil {
		return err
	}
	_, err = tx.exec(ctx, updateGuesses, string(text), now, project, id)
	return err
}
