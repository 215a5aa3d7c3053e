package session

import (
	"context"
	"time"

	"github.com/google/uuid"

	"zelus/internal/auth"
	"zelus/internal/store"
)

// HistoryKept is how long it can be seen when, how and from where somebody has
// signed in.
const HistoryKept = 30 * 24 * time.Hour

// HistoryEntry is one time that somebody has signed in, or has proven again who
// they are, as they see it.
//
// What did not succeed is not among them. It would be written for those only who
// have an account, which takes longer than for others and so tells who has one; and
// whoever knows an address could fill somebody's history.
type HistoryEntry struct {
	ID    uuid.UUID  `json:"id"`
	Event auth.Event `json:"event"`
	// Method is what was proven this time, AAL the level of the session since.
	Method    string    `json:"method"`
	AAL       auth.AAL  `json:"authenticator_assurance_level"`
	IPAddress *string   `json:"ip_address"`
	UserAgent *string   `json:"user_agent"`
	Location  string    `json:"location"`
	CreatedAt time.Time `json:"created_at"`
	// SessionID is the session that was begun or renewed, which may be gone.
	SessionID uuid.UUID `json:"session_id"`
	// Current says that it is the one that asks.
	Current bool `json:"current"`
}

// Remember is the entry of a session that begins, or was renewed, with this proof
// and in this request. The caller stores it, with the session.
func (s *Sessions) Remember(session *auth.Session, event auth.Event, amr auth.AMR) *store.HistoryEntry {
	here := session.Devices.Last()
	here.ID = uuid.Nil
	if here.UserAgent != nil {
		here.UserAgent = known(readable(*here.UserAgent))
	}
	return &store.HistoryEntry{ID: uuid.Must(uuid.NewV7()), Project: session.Project, IdentityID: session.IdentityID, SessionID: session.ID, Event: event,
		Method: amr.Method, AAL: session.AAL, Device: here, CreatedAt: session.AuthenticatedAt}
}

// History lists up to limit entries of an identity, newest first, that come after a
// key. current is the session of whoever asks; uuid.Nil where an administrator does.
func (s *Sessions) History(ctx context.Context, identity, current uuid.UUID, after store.PageKey, limit int) ([]HistoryEntry, error) {
	rows, err := s.store.History(ctx, auth.DefaultProject, identity, after, limit)
	if err != nil {
		return nil, err
	}
	all := make([]HistoryEntry, len(rows))
	for n, h := range rows {
		all[n] = HistoryEntry{ID: h.ID, Event: h.Event, Method: h.Method, AAL: h.AAL, IPAddress: h.Device.IPAddress, UserAgent: h.Device.UserAgent,
			Location: h.Device.Location, CreatedAt: h.CreatedAt, SessionID: h.SessionID, Current: h.SessionID == current}
	}
	return all, nil
}
