package store

import (
	"context"
	"time"

	"github.com/google/uuid"
)

const trustedColumns = "id, project_id, identity_id, hash, user_agent, created_at, last_used_at, expires_at"

const (
	insertTrustedDevice  query = "INSERT INTO trusted_devices (id, project_id, identity_id, hash, user_agent, created_at, last_used_at, expires_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?)"
	selectTrustedDevices query = "SELECT " + trustedColumns + ` FROM trusted_devices
		WHERE project_id = ? AND identity_id = ? AND expires_at > ? ORDER BY created_at DESC, id DESC`
	selectTrustedDevice query = "SELECT " + trustedColumns + ` FROM trusted_devices
		WHERE hash IN (?) AND project_id = ? AND identity_id = ? AND expires_at > ?`

	useTrustedDevice    query = "UPDATE trusted_devices SET last_used_at = ? WHERE project_id = ? AND id = ?"
	deleteTrustedDevice query = "DELETE FROM trusted_devices WHERE project_id = ? AND identity_id = ? AND id = ?"
	// What was used longest ago goes first.
	trimTrustedDevices query = `DELETE FROM trusted_devices WHERE project_id = ? AND identity_id = ? AND id NOT IN (
			SELECT id FROM trusted_devices WHERE identity_id = ? ORDER BY last_used_at DESC, id DESC LIMIT ?)`
	deleteTrustedDevices query = "DELETE FROM trusted_devices WHERE project_id = ? AND identity_id = ?"
)

// TrustedDevice is a browser in which its owner needs no second factor to sign in.
type TrustedDevice struct {
	ID         uuid.UUID
	Project    uuid.UUID
	IdentityID uuid.UUID
	Hash       []byte // keyed, of what the browser has
	UserAgent  string // empty where it did not say
	CreatedAt  time.Time
	// LastUsedAt is when somebody last signed in with it, to the day.
	LastUsedAt time.Time
	ExpiresAt  time.Time
}

// TrustedDevices lists those of an identity that have not expired, newest first.
func (q *queries) TrustedDevices(ctx context.Context, project, identity uuid.UUID, now time.Time) ([]TrustedDevice, error) {
	return q.trustedDevices(ctx, selectTrustedDevices, project, identity, now)
}

// TrustedDeviceByHash finds one of an identity by its keyed hash, which is one of
// these; ErrNotFound where it has none that has not expired.
func (q *queries) TrustedDeviceByHash(ctx context.Context, project, identity uuid.UUID, hashes [][]byte, now time.Time) (*TrustedDevice, error) {
	args := make([]any, 0, len(hashes)+3)
	for _, hash := range hashes {
		args = append(args, hash)
	}
	all, err := q.trustedDevices(ctx, selectTrustedDevice.places(len(hashes)), append(args, project, identity, now)...)
	if err == nil && len(all) == 0 {
		return nil, ErrNotFound
	}
	if err != nil {
		return nil, err
	}
	return &all[0], nil
}

func (q *queries) trustedDevices(ctx context.Context, s query, args ...any) ([]TrustedDevice, error) {
	var all []TrustedDevice
	err := q.each(ctx, s, func(r scanner) error {
		var d TrustedDevice
		err := r.Scan(&d.ID, &d.Project, &d.IdentityID, &d.Hash, &d.UserAgent, instant{&d.CreatedAt}, instant{&d.LastUsedAt}, instant{&d.ExpiresAt})
		all = append(all, d)
		return err
	}, args...)
	return all, err
}

// InsertTrustedDevice writes a new one, and removes of those of its identity what
// was used longest ago, so that no more than most are left. The identity must be
// locked.
func (tx *Tx) InsertTrustedDevice(ctx context.Context, d *TrustedDevice, most int) error {
	tx.Changed(d.IdentityID)
	if _, err := tx.exec(ctx, insertTrustedDevice, d.ID, d.Project, d.IdentityID, d.Hash, d.UserAgent, d.CreatedAt, d.LastUsedAt, d.ExpiresAt); err != nil {
		return err
	}
	_, err := tx.exec(ctx, trimTrustedDevices, d.Project, d.IdentityID, d.IdentityID, most)
	return err
}

// UseTrustedDevice notes that somebody has signed in with it.
func (tx *Tx) UseTrustedDevice(ctx context.Context, d *TrustedDevice, now time.Time) error {
	_, err := tx.exec(ctx, useTrustedDevice, now, d.Project, d.ID)
	return err
}

// DeleteTrustedDevice ends the trust in one of an identity's, if it is theirs.
func (tx *Tx) DeleteTrustedDevice(ctx context.Context, project, identity, id uuid.UUID) error {
	tx.Changed(identity)
	_, err := tx.exec(ctx, deleteTrustedDevice, project, identity, id)
	return err
}

// DeleteTrustedDevices ends the trust in all of an identity's, and counts them.
func (tx *Tx) DeleteTrustedDevices(ctx context.Context, project, identity uuid.UUID) (int, error) {
	tx.Changed(identity)
	return tx.exec(ctx, deleteTrustedDevices, project, identity)
}

// Distrust takes away what stands in for a proof of an identity's: the former
// tokens of its sessions, and the devices that it trusts. It is due where somebody
// may have got hold of them, and where what was proven counts no longer.
func (tx *Tx) Distrust(ctx context.Context, project, identity uuid.UUID) error {
	tx.Changed(identity)
	if _, err := tx.exec(ctx, endFormer, project, identity); err != nil {
		return err
	}
	_, err := tx.DeleteTrustedDevices(ctx, project, identity)
	return err
}
