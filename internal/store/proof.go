package store

import (
	"context"
	"errors"
	"fmt"

	"github.com/google/uuid"

	"zelus/internal/auth"
)

const selectProven query = `SELECT i.packed, i.available_aal, COALESCE(c.config, '')
	FROM identities i LEFT JOIN credentials c ON c.identity_id = i.id AND c.type = ?
	WHERE i.project_id = ? AND i.id = ?`

// StillProven reads an identity again, inside the transaction that acts on a
// proof, and keeps others from changing it until the end. Checking a password
// takes long: meanwhile the identity may have been deleted or switched off, or
// the credential changed. ErrNotFound where the identity is gone or the
// credential is not the one that was proven; a credential without type is not
// compared.
func (tx *Tx) StillProven(ctx context.Context, project, id uuid.UUID, used auth.Credential) (*auth.Identity, error) {
	var packed, available, config string
	err := tx.one(ctx, selectProven+query(tx.dialect.lockIdentity), []any{used.Type, project, id}, &packed, &available, &config)
	if err != nil {
		return nil, err
	}
	if used.Type != "" && config != string(used.Config) {
		return nil, ErrNotFound
	}
	i, err := auth.Packed(packed).Identity()
	if err != nil {
		return nil, errors.Join(fmt.Errorf("store: the identity %s", id), err)
	}
	i.Project, i.AvailableAAL = project, auth.AAL(available)
	return i, nil
}
