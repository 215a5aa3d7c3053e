package store

import (
	"context"
	"encoding/json"
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/google/uuid"

	"zelus/internal/auth"
)

const (
	insertHistory query = "INSERT INTO history (id, project_id, identity_id, session_id, event, method, aal, device, created_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)"
	selectHistory query = `SELECT h.id, h.session_id, h.event, h.method, h.aal, h.device, h.created_at FROM history h
		WHERE h.project_id = ? AND h.identity_id = ? AND h.created_at <= ? AND (h.created_at < ? OR h.id < ?) ORDER BY h.created_at DESC, h.id DESC LIMIT ?`
)

// HistoryEntry is one time that somebody has signed in, or has proven again who
// they are.
type HistoryEntry struct {
	ID         uuid.UUID
	Project    uuid.UUID
	IdentityID uuid.UUID
	// SessionID is the session that was begun or renewed. It may be gone by now.
	SessionID uuid.UUID
	Event     auth.Event
	// Method is what was proven this time, AAL the level of the session since.
	Method    string
	AAL       auth.AAL
	Device    auth.Device
	CreatedAt time.Time
}

// PageKey is a place in a list that has the newest first: that of its last entry so
// far. The zero key is before the newest one.
type PageKey struct {
	CreatedAt time.Time
	ID        uuid.UUID
}

// String is the key as ParsePageKey reads it; empty for the zero key.
func (k PageKey) String() string {
	if k == (PageKey{}) {
		return ""
	}
	return strconv.FormatInt(k.CreatedAt.UnixMicro(), 10) + "." + k.ID.String()
}

// ParsePageKey reads a key, and says whether it is one: no entry is from before 1970, or
// from a year of five digits, which not every database knows.
func ParsePageKey(text string) (k PageKey, ok bool) {
	if text == "" {
		return k, true
	}
	at, id, _ := strings.Cut(text, ".")
	micros, err := strconv.ParseInt(at, 10, 64)
	if err != nil {
		return k, false
	}
	k.CreatedAt = time.UnixMicro(micros).UTC()
	k.ID, err = uuid.Parse(id)
	return k, err == nil && micros >= 0 && k.CreatedAt.Year() <= 9999
}

// from is a key that every entry of the list comes after, where there is none yet.
func (k PageKey) from() PageKey {
	if k == (PageKey{}) {
		return PageKey{CreatedAt: time.UnixMicro(math.MaxInt64), ID: uuid.Max}
	}
	return k
}

// InsertHistory writes an entry, with the session that it is about.
func (tx *Tx) InsertHistory(ctx context.Context, h *HistoryEntry) error {
	device, err := json.Marshal(h.Device)
	if err != nil {
		return err
	}
	_, err = tx.exec(ctx, insertHistory, h.ID, h.Project, h.IdentityID, h.SessionID, string(h.Event), h.Method, h.AAL, string(device), h.CreatedAt)
	return err
}

// History lists up to limit entries of an identity, newest first, that come after
// a key.
func (q *queries) History(ctx context.Context, project, identity uuid.UUID, after PageKey, limit int) ([]HistoryEntry, error) {
	var all []HistoryEntry
	after = after.from()
	err := q.each(ctx, selectHistory, func(r scanner) error {
		h := HistoryEntry{Project: project, IdentityID: identity}
		var device string
		if err := r.Scan(&h.ID, &h.SessionID, &h.Event, &h.Method, &h.AAL, &device, instant{&h.CreatedAt}); err != nil {
			return err
		}
		err := json.Unmarshal([]byte(device), &h.Device)
		all = append(all, h)
		return err
	}, project, identity, after.CreatedAt, after.CreatedAt, after.ID, limit)
	return all, err
}
