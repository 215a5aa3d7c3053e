package store

import (
	"bytes"
	"context"
	"errors"
	"time"

	"github.com/google/uuid"

	"zelus/internal/auth"
)

const sessionColumns = "s.id, s.project_id, s.identity_id, s.token_hash, s.active, s.aal, s.amr, s.devices, s.issued_at, s.authenticated_at, s.expires_at, s.trusted_device_id, "

// sessionsOf joins to sessions what is to be known of whose they are, and of the
// device in which they were begun, if they still trust it.
const sessionsOf = `td.expires_at, i.packed, i.state, i.delete_at, i.factors
		FROM sessions s JOIN identities i ON i.id = s.identity_id
		LEFT JOIN trusted_devices td ON td.id = s.trusted_device_id AND td.identity_id = s.identity_id
		`

const (
	insertSession query = `INSERT INTO sessions (id, project_id, identity_id, token_hash, active, aal, amr, devices, issued_at, authenticated_at, expires_at, created_at, trusted_device_id)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`
	updateSession query = `UPDATE sessions SET token_hash = ?, aal = ?, amr = ?, issued_at = ?, authenticated_at = ?, expires_at = ?,
			former_hash = ?, former_aal = ?, former_amr = ?, former_issued_at = ?, former_authenticated_at = ?, former_until = ?
		WHERE project_id = ? AND id = ? AND token_hash = ? AND authenticated_at = ? AND active = ? AND expires_at > ?`

	// The check of a session: one row by a unique index, with all it takes to answer.
	selectSession query = "SELECT " + sessionColumns + sessionsOf + `WHERE s.token_hash = ?`
	// The same by the token that it had before, and as it was then.
	selectFormer query = `SELECT s.id, s.project_id, s.identity_id, s.former_hash, s.active, s.former_aal, s.former_amr, s.devices,
			s.former_issued_at, s.former_authenticated_at, s.former_until, s.trusted_device_id, ` + sessionsOf + `WHERE s.former_hash = ?`
	selectSessionByID    query = "SELECT " + sessionColumns + sessionsOf + `WHERE s.project_id = ? AND s.id = ?`
	selectSessionsOf     query = "SELECT " + sessionColumns + sessionsOf + `WHERE s.project_id = ? AND s.identity_id = ? AND s.id <> ? ORDER BY s.created_at DESC, s.id DESC LIMIT ? OFFSET ?`
	selectLiveSessionsOf query = "SELECT " + sessionColumns + sessionsOf + `WHERE s.project_id = ? AND s.identity_id = ? AND s.id <> ? AND s.active = ? AND s.expires_at > ?
		ORDER BY s.created_at DESC, s.id DESC LIMIT ? OFFSET ?`
	selectDeadSessionsOf query = "SELECT " + sessionColumns + sessionsOf + `WHERE s.project_id = ? AND s.identity_id = ? AND s.id <> ? AND (s.active <> ? OR s.expires_at <= ?)
		ORDER BY s.created_at DESC, s.id DESC LIMIT ? OFFSET ?`
	countSessionsOf     query = "SELECT COUNT(*) FROM sessions s WHERE s.project_id = ? AND s.identity_id = ? AND s.id <> ?"
	countLiveSessionsOf query = "SELECT COUNT(*) FROM sessions s WHERE s.project_id = ? AND s.identity_id = ? AND s.id <> ? AND s.active = ? AND s.expires_at > ?"
	countDeadSessionsOf query = "SELECT COUNT(*) FROM sessions s WHERE s.project_id = ? AND s.identity_id = ? AND s.id <> ? AND (s.active <> ? OR s.expires_at <= ?)"

	// Where the newest of somebody's sessions began, of those that were live after a time.
	selectDevices query = "SELECT devices FROM sessions WHERE project_id = ? AND identity_id = ? AND expires_at > ? ORDER BY created_at DESC LIMIT ?"

	extendSession  query = "UPDATE sessions SET expires_at = ? WHERE project_id = ? AND id = ? AND active = ? AND expires_at > ?"
	selectLive     query = "SELECT active FROM sessions WHERE project_id = ? AND id = ? AND token_hash = ? AND active = ? AND expires_at > ? {for update}"
	revokeSession  query = "UPDATE sessions SET active = ? WHERE project_id = ? AND identity_id = ? AND id = ?"
	revokeSessions query = "UPDATE sessions SET active = ? WHERE project_id = ? AND identity_id = ? AND id <> ?"
	endFormer      query = "UPDATE sessions SET former_hash = NULL WHERE project_id = ? AND identity_id = ? AND former_hash IS NOT NULL"
	deleteSessions query = "DELETE FROM sessions WHERE project_id = ? AND identity_id = ?"
)

// SessionRow is a session together with what is to be known of its identity.
type SessionRow struct {
	Session  auth.Session
	Identity auth.Packed
	State    auth.State
	// DeleteAt is from when the identity is nobody's any more; nil where it stays.
	DeleteAt *time.Time
	// Factors are those that the identity could use.
	Factors auth.Factors
	// TrustedUntil is the end of the trust in the device in which the session was
	// begun; nil where that is none, or is trusted no longer.
	TrustedUntil *time.Time
	// Former says that this is the session as a token knows it that was replaced:
	// as it was then, and ending with that token.
	Former bool
}

// grace is how long a token that was replaced is good for requests that were on
// their way.
const grace = 30 * time.Second

// Live says whether the session lets somebody in at this time.
func (r *SessionRow) Live(now time.Time) bool {
	return r.State == auth.Active && r.Session.Live(now) && (r.DeleteAt == nil || now.Before(*r.DeleteAt))
}

// SessionByToken finds a session by the keyed hash of its token, whether it
// is live or not; ErrNotFound where there is none.
func (q *queries) SessionByToken(ctx context.Context, hash []byte) (*SessionRow, error) {
	return q.session(ctx, selectSession, hash)
}

// SessionByFormerToken finds a session by the keyed hash of the token that it had
// before its present one, as SessionByToken does. The session is what it was then
// and ends with that token, so that whoever has copied it gains nothing by the
// proof for which it was replaced.
func (q *queries) SessionByFormerToken(ctx context.Context, hash []byte) (*SessionRow, error) {
	row, err := q.session(ctx, selectFormer, hash)
	if err == nil {
		row.Former = true
	}
	return row, err
}

// Session finds a session by its id, whether it is live or not; ErrNotFound
// where there is none.
func (q *queries) Session(ctx context.Context, project, id uuid.UUID) (*SessionRow, error) {
	return q.session(ctx, selectSessionByID, project, id)
}

func (q *queries) session(ctx context.Context, s query, args ...any) (*SessionRow, error) {
	row := new(SessionRow)
	if err := q.one(ctx, s, args, row.into()...); err != nil {
		return nil, err
	}
	return row, nil
}

func (q *queries) sessions(ctx context.Context, s query, args ...any) (all []SessionRow, err error) {
	err = q.each(ctx, s, func(r scanner) error {
		var row SessionRow
		err := r.Scan(row.into()...)
		all = append(all, row)
		return err
	}, args...)
	return all, err
}

// into is where sessionColumns and what sessionsOf adds are read to. Texts are given to
// database/sql as such: it needs reflection for other types.
func (row *SessionRow) into() []any {
	t := &row.Session
	return []any{&t.ID, &t.Project, &t.IdentityID, &t.TokenHash, &t.Active, (*string)(&t.AAL), (*string)(&t.AMR), (*string)(&t.Devices),
		instant{&t.IssuedAt}, instant{&t.AuthenticatedAt}, instant{&t.ExpiresAt}, &t.TrustedDevice,
		perhaps{&row.TrustedUntil}, (*string)(&row.Identity), (*string)(&row.State), perhaps{&row.DeleteAt}, &row.Factors}
}

// Which sessions a list has.
type Which int

// The three lists.
const (
	AllSessions Which = iota
	LiveSessions
	DeadSessions
)

// SessionsOf lists sessions of an identity but one (or uuid.Nil), newest
// first, and counts them all.
func (q *queries) SessionsOf(ctx context.Context, project, identity, but uuid.UUID, which Which, now time.Time, offset, limit int) ([]SessionRow, int, error) {
	page, count := selectSessionsOf, countSessionsOf
	args := []any{project, identity, but}
	switch which {
	case LiveSessions:
		page, count = selectLiveSessionsOf, countLiveSessionsOf
		args = append(args, true, now)
	case DeadSessions:
		page, count = selectDeadSessionsOf, countDeadSessionsOf
		args = append(args, true, now)
	}
	var total int
	if err := q.one(ctx, count, append([]any(nil), args...), &total); err != nil {
		return nil, 0, err
	}
	all, err := q.sessions(ctx, page, append(args, limit, offset)...)
	return all, total, err
}

// Devices lists where the newest sessions of an identity began, of those whose time
// was not over at since; revoked ones are among them. It looks at that many at most.
func (q *queries) Devices(ctx context.Context, project, identity uuid.UUID, since time.Time, sessions int) ([]auth.Device, error) {
	var all []auth.Device
	err := q.each(ctx, selectDevices, func(r scanner) error {
		var devices auth.Devices
		err := r.Scan(&devices)
		all = append(all, devices.All()...)
		return err
	}, project, identity, since, sessions)
	return all, err
}

// InsertSession writes a new session. Its place in lists is when it was issued, which is
// kept in created_at: renewals move IssuedAt.
func (tx *Tx) InsertSession(ctx context.Context, s *auth.Session) error {
	_, err := tx.exec(ctx, insertSession, s.ID, s.Project, s.IdentityID, s.TokenHash, s.Active, s.AAL, s.AMR, s.Devices, s.IssuedAt, s.AuthenticatedAt,
		s.ExpiresAt, s.IssuedAt, s.TrustedDevice)
	return err
}

// UpdateSession writes a session that proved itself anew, if it is still live
// and what it was when it was read, and says whether that was so. Of two that
// renew a session at once, one wins: every renewal moves AuthenticatedAt. Where
// that comes with another token, the one before it becomes the former token, if
// graceful says so.
func (tx *Tx) UpdateSession(ctx context.Context, s, was *auth.Session, graceful bool, now time.Time) (bool, error) {
	tx.Changed(s.IdentityID)
	args := []any{s.TokenHash, s.AAL, s.AMR, s.IssuedAt, s.AuthenticatedAt, s.ExpiresAt}
	if !graceful || bytes.Equal(s.TokenHash, was.TokenHash) {
		args = append(args, nil, nil, nil, nil, nil, nil)
	} else {
		until := now.Add(grace)
		for _, end := range []time.Time{s.ExpiresAt, was.ExpiresAt} {
			if end.Before(until) {
				until = end
			}
		}
		args = append(args, was.TokenHash, was.AAL, was.AMR, was.IssuedAt, was.AuthenticatedAt, until)
	}
	n, err := tx.exec(ctx, updateSession, append(args, s.Project, s.ID, was.TokenHash, was.AuthenticatedAt, true, now)...)
	return n > 0, err
}

// ExtendSession moves the end of a session that has not ended, and says
// whether that was so.
func (tx *Tx) ExtendSession(ctx context.Context, s *auth.Session, now time.Time) (bool, error) {
	tx.Changed(s.IdentityID)
	n, err := tx.exec(ctx, extendSession, s.ExpiresAt, s.Project, s.ID, true, now)
	return n > 0, err
}

// SessionLives says whether a session is still live and has the token that it
// had when it was read, and keeps others from changing it until the end.
func (tx *Tx) SessionLives(ctx context.Context, s *auth.Session, now time.Time) (bool, error) {
	var active bool
	err := tx.one(ctx, selectLive, []any{s.Project, s.ID, s.TokenHash, true, now}, &active)
	if errors.Is(err, ErrNotFound) {
		return false, nil
	}
	return active, err
}

// RevokeSession ends one session of an identity and says whether there is one.
func (tx *Tx) RevokeSession(ctx context.Context, project, identity, id uuid.UUID) (bool, error) {
	tx.Changed(identity)
	n, err := tx.exec(ctx, revokeSession, false, project, identity, id)
	return n > 0, err
}

// RevokeSessions ends all sessions of an identity but one (or uuid.Nil) and
// counts them, those that had ended already among them.
func (tx *Tx) RevokeSessions(ctx context.Context, project, identity, but uuid.UUID) (int, error) {
	tx.Changed(identity)
	return tx.exec(ctx, revokeSessions, false, project, identity, but)
}

// DeleteSessions removes all sessions of an identity and counts them.
func (tx *Tx) DeleteSessions(ctx context.Context, project, identity uuid.UUID) (int, error) {
	tx.Changed(identity)
	return tx.exec(ctx, deleteSessions, project, identity)
}
