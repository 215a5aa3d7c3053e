package store

import (
	"context"
	"errors"
	"time"

	"github.com/google/uuid"

	"zelus/internal/auth"
)

const keyColumns = "id, project_id, name, key_hash, created_at, expires_at, revoked_at, last_used_at"

const (
	insertAdminKey  query = "INSERT INTO admin_keys (id, project_id, name, key_hash, created_at, expires_at) VALUES (?, ?, ?, ?, ?, ?)"
	selectAdminKeys query = "SELECT " + keyColumns + " FROM admin_keys WHERE project_id = ? ORDER BY created_at, id"

	// The check of a key: one row by a unique index.
	selectAdminKey    query = "SELECT " + keyColumns + " FROM admin_keys WHERE key_hash IN (?) AND project_id = ?"
	selectAnyAdminKey query = "SELECT COUNT(*) FROM (SELECT id FROM admin_keys WHERE project_id = ? LIMIT 1) k"

	revokeAdminKey query = "UPDATE admin_keys SET revoked_at = COALESCE(revoked_at, ?) WHERE project_id = ? AND id = ?"
	useAdminKey    query = `UPDATE admin_keys SET last_used_at = ?, key_hash = ?
		WHERE project_id = ? AND id = ? AND (last_used_at IS NULL OR last_used_at <= ? OR key_hash <> ?)`
)

// AdminKey is an API key of administrators.
type AdminKey struct {
	ID      uuid.UUID
	Project uuid.UUID
	Name    string
	Hash    []byte // keyed
	// CreatedAt is the only time that is always there: a key may never expire,
	// not be revoked, not be used.
	CreatedAt                        time.Time
	ExpiresAt, RevokedAt, LastUsedAt *time.Time
}

// InsertAdminKey writes a new key, which is neither revoked nor used.
func (tx *Tx) InsertAdminKey(ctx context.Context, k *AdminKey) error {
	_, err := tx.exec(ctx, insertAdminKey, k.ID, k.Project, k.Name, k.Hash, k.CreatedAt, k.ExpiresAt)
	return err
}

// AdminKeys lists all keys, those that are of no use any more among them, the
// newest last.
func (q *queries) AdminKeys(ctx context.Context, project uuid.UUID) ([]AdminKey, error) {
	return q.adminKeys(ctx, selectAdminKeys, project)
}

// AdminKeyByHash finds a key by its keyed hash, which is one of these, whether
// it is still good or not; ErrNotFound where there is none. All hashes are looked
// for at once: one after the other would miss a key that UseAdminKey moves from
// one to another meanwhile.
func (q *queries) AdminKeyByHash(ctx context.Context, project uuid.UUID, hashes [][]byte) (*AdminKey, error) {
	args := make([]any, 0, len(hashes)+1)
	for _, hash := range hashes {
		args = append(args, hash)
	}
	all, err := q.adminKeys(ctx, selectAdminKey.places(len(hashes)), append(args, project)...)
	if err == nil && len(all) == 0 {
		return nil, ErrNotFound
	}
	if err != nil {
		return nil, err
	}
	return &all[0], nil
}

func (q *queries) adminKeys(ctx context.Context, s query, args ...any) ([]AdminKey, error) {
	var all []AdminKey
	err := q.each(ctx, s, func(r scanner) error {
		var k AdminKey
		err := r.Scan(&k.ID, &k.Project, &k.Name, &k.Hash, instant{&k.CreatedAt}, perhaps{&k.ExpiresAt}, perhaps{&k.RevokedAt}, perhaps{&k.LastUsedAt})
		all = append(all, k)
		return err
	}, args...)
	return all, err
}

// AnyAdminKey says whether a key was ever made, be it expired or revoked since.
// A database that is older than the table has none.
func (q *queries) AnyAdminKey(ctx context.Context, project uuid.UUID) (bool, error) {
	var n int
	err := q.one(ctx, selectAnyAdminKey, []any{project}, &n)
	var down *auth.Error
	if err != nil && !errors.As(err, &down) {
		if there, asked := q.exists(ctx, "admin_keys"); asked == nil && !there {
			return false, nil
		}
	}
	return n > 0, err
}

// RevokeAdminKey ends a key and says whether there is one. One that was revoked
// before stays revoked since then.
func (tx *Tx) RevokeAdminKey(ctx context.Context, project, id uuid.UUID, now time.Time) (bool, error) {
	n, err := tx.exec(ctx, revokeAdminKey, now, project, id)
	return n > 0, err
}

// UseAdminKey notes that a key was used, and puts it under the hash that it has
// with the newest secret. It changes nothing where both are done already: the
// hash is that one, and a use was noted after the time given as since.
func (tx *Tx) UseAdminKey(ctx context.Context, project, id uuid.UUID, hash []byte, now, since time.Time) error {
	_, err := tx.exec(ctx, useAdminKey, now, hash, project, id, since, hash)
	return err
}
