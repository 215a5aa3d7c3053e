package store

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/google/uuid"

	"zelus/internal/auth"
)

// Both rows are locked, not the identity alone: PostgreSQL reads a row that it
// had to wait for again, but only if it locks it.
const (
	selectProven query = `SELECT i.packed, i.factors, c.config
		FROM identities i JOIN credentials c ON c.identity_id = i.id
		WHERE i.project_id = ? AND i.id = ? AND c.type = ? {for update}`
	selectLocked query = `SELECT packed, factors, '' FROM identities WHERE project_id = ? AND id = ? {for update}`
)

const useStep query = "UPDATE credentials SET last_step = ? WHERE identity_id = ? AND type = ? AND last_step < ?"

// UseStep uses up a time step of an authenticator app, and all before it, and
// says whether it was still to be had: a code works once (RFC 6238 section 5.2).
func (tx *Tx) UseStep(ctx context.Context, identity uuid.UUID, step int64) (bool, error) {
	n, err := tx.exec(ctx, useStep, step, identity, auth.TOTP, step)
	return n > 0, err
}

// StillProven reads an identity again, inside the transaction that acts on a
// proof, and keeps others from changing it until the end. Checking a password
// takes long: meanwhile the identity may have been deleted or switched off, or
// the credential changed. ErrNotFound where the identity is gone or the
// credential is not the one that was proven; a credential without type is not
// compared.
func (tx *Tx) StillProven(ctx context.Context, project, id uuid.UUID, used auth.Credential) (*auth.Identity, error) {
	statement, args := selectProven, []any{project, id, used.Type}
	if used.Type == "" {
		statement, args = selectLocked, args[:2]
	}
	i, config, err := tx.lock(ctx, project, id, statement, args)
	if err == nil && used.Type != "" && config != inTable(used) {
		return nil, ErrNotFound
	}
	return i, err
}

// Use is StillProven for a credential that changes with every use of it, as the
// counters of keys do. It need not be what it was when the proof was checked: use is
// given its config as it is by now, and returns what it is after the use, or false
// where the proof does not hold any more, which is ErrNotFound too.
func (tx *Tx) Use(ctx context.Context, project, id uuid.UUID, used auth.Credential, use func(now json.RawMessage) (json.RawMessage, bool)) (*auth.Identity, error) {
	i, config, err := tx.lock(ctx, project, id, selectProven, []any{project, id, used.Type})
	if err != nil {
		return nil, err
	}
	used.Config, used.Sealed = json.RawMessage(config), ""
	if err := tx.open(id, &used); err != nil {
		return nil, err
	}
	after, holds := use(used.Config)
	if !holds {
		return nil, ErrNotFound
	}
	return i, tx.ReplaceConfig(ctx, id, used, after)
}

// lock reads an identity with the config that belongs to the proof, and locks them.
func (tx *Tx) lock(ctx context.Context, project, id uuid.UUID, statement query, args []any) (*auth.Identity, string, error) {
	var packed, config string
	var factors auth.Factors
	if err := tx.one(ctx, statement, args, &packed, &factors, &config); err != nil {
		return nil, "", err
	}
	i, err := auth.Packed(packed).Identity()
	if err != nil {
		return nil, "", fmt.Errorf("store: the identity %s: %w", id, err)
	}
	i.Project, i.Factors = project, factors
	return i, config, nil
}
