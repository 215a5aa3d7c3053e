package session

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"time"

	"github.com/google/uuid"

	"zelus/internal/auth"
	"zelus/internal/secret"
	"zelus/internal/store"
)

// A device is a browser in which somebody has proven two factors and said that
// they trust it. It has a random secret in a cookie. Who signs in where that
// cookie is needs no second factor to be told who they are: the session notes the
// device, and is what was proven in every other respect. A check of the session
// never looks at the cookie.

const (
	// deviceLength is the length of a device's secret, in letters and digits: 256 bits.
	deviceLength = 43
	// maxDevices is how many devices somebody trusts at most.
	maxDevices = 10
	// usedWithin is how exactly the last use of a device is known.
	usedWithin = 24 * time.Hour
	// maxUserAgent bounds what is kept of what a browser calls itself, in bytes.
	maxUserAgent = 512
)

// TrustedDevice is a device that somebody trusts, as they see it.
type TrustedDevice struct {
	ID         uuid.UUID `json:"id"`
	UserAgent  string    `json:"user_agent"`
	CreatedAt  time.Time `json:"created_at"`
	LastUsedAt time.Time `json:"last_used_at"` // to the day
	ExpiresAt  time.Time `json:"expires_at"`
	// Current says that it is the one that asks.
	Current bool `json:"current"`
}

func shown(d *store.TrustedDevice, current bool) TrustedDevice {
	return TrustedDevice{ID: d.ID, UserAgent: d.UserAgent, CreatedAt: d.CreatedAt, LastUsedAt: d.LastUsedAt, ExpiresAt: d.ExpiresAt, Current: current}
}

// Trusts says whether devices are trusted at all.
func (s *Sessions) Trusts() bool { return s.now.Load().trusts() }

func (c *current) trusts() bool { return c.TrustFor > 0 }

// MayTrust says why the browser that a request comes from cannot be trusted: only where
// devices are trusted at all, and its owner has proven their second factor in it, no
// longer ago than within.
func (s *Sessions) MayTrust(row *store.SessionRow, r *http.Request, within time.Duration) error {
	switch {
	case !s.Trusts():
		return auth.ErrTrustDisabled
	case !s.Proof(r).Cookie:
		return auth.ErrTrustBrowser
	case !row.Session.AAL.AtLeast(auth.AAL2):
		return auth.ErrAAL2Required
	case !auth.Fresh(row.Session.AMR.All(), auth.AAL2, s.clock().Add(-within)):
		return auth.ErrRefreshRequired
	}
	return nil
}

// Trust makes the browser of a session one that its owner trusts, and gives it
// its secret: always a new one, so that nobody else can have put it there. It
// takes the place of the one that this browser was before, to the same person.
// ErrNoSession where the session has ended or was renewed meanwhile.
func (s *Sessions) Trust(w http.ResponseWriter, r *http.Request, row *store.SessionRow) (*TrustedDevice, error) {
	c, now, token := s.now.Load(), auth.Now(s.clock()), secret.Token("", deviceLength)
	d := &store.TrustedDevice{ID: uuid.Must(uuid.NewV7()), Project: row.Session.Project, IdentityID: row.Session.IdentityID, Hash: c.devices.Hash(token),
		UserAgent: readable(r.UserAgent()), CreatedAt: now, LastUsedAt: now, ExpiresAt: now.Add(c.TrustFor)}
	ctx := r.Context()
	err := s.store.Write(ctx, store.Durable, func(tx *store.Tx) error {
		// Locked, so that no two devices are added at once, nor one while others end.
		if _, err := tx.StillProven(ctx, d.Project, d.IdentityID, auth.Credential{}); err != nil {
			return err
		}
		live, err := tx.SessionLives(ctx, &row.Session, now)
		if err == nil && !live {
			err = auth.ErrNoSession
		}
		if err != nil {
			return err
		}
		before, err := s.trusted(ctx, tx, r, d.IdentityID)
		if err == nil && before != nil {
			err = tx.DeleteTrustedDevice(ctx, d.Project, d.IdentityID, before.ID)
		}
		if err != nil {
			return err
		}
		return tx.InsertTrustedDevice(ctx, d, maxDevices)
	})
	if errors.Is(err, store.ErrNotFound) {
		return nil, auth.ErrNoSession
	}
	if err != nil {
		return nil, err
	}
	c.TrustCookie.Set(w, token, now, d.ExpiresAt)
	made := shown(d, true)
	return &made, nil
}

// readable is what a browser calls itself, as every database can keep it.
func readable(agent string) string {
	return strings.ToValidUTF8(agent[:min(len(agent), maxUserAgent)], "")
}

// trusted is the one of an identity's trusted devices that a request comes from;
// nil where it comes from none. The cookie of another person's is nothing.
func (s *Sessions) trusted(ctx context.Context, tx *store.Tx, r *http.Request, identity uuid.UUID) (*store.TrustedDevice, error) {
	c := s.now.Load()
	token := c.TrustCookie.Value(r)
	if len(token) != deviceLength {
		return nil, nil
	}
	d, err := tx.TrustedDeviceByHash(ctx, auth.DefaultProject, identity, c.devices.Hashes(token), s.clock())
	if errors.Is(err, store.ErrNotFound) {
		return nil, nil
	}
	return d, err
}

// Recognise notes in a session that is about to begin that this is in a device
// which its owner trusts, if so.
func (s *Sessions) Recognise(ctx context.Context, tx *store.Tx, r *http.Request, session *auth.Session) error {
	if !s.Trusts() {
		return nil
	}
	d, err := s.trusted(ctx, tx, r, session.IdentityID)
	if err != nil || d == nil {
		return err
	}
	session.TrustedDevice = uuid.NullUUID{UUID: d.ID, Valid: true}
	if now := auth.Now(s.clock()); !now.Before(d.LastUsedAt.Add(usedWithin)) {
		return tx.UseTrustedDevice(ctx, d, now)
	}
	return nil
}

// TrustedDevices lists those that somebody trusts, newest first. The request is theirs;
// nil where an administrator asks.
func (s *Sessions) TrustedDevices(ctx context.Context, identity uuid.UUID, r *http.Request) ([]TrustedDevice, error) {
	rows, err := s.store.TrustedDevices(ctx, auth.DefaultProject, identity, s.clock())
	if err != nil {
		return nil, err
	}
	all, c := make([]TrustedDevice, len(rows)), s.now.Load()
	for n := range rows {
		all[n] = shown(&rows[n], r != nil && c.devices.Matches(c.TrustCookie.Value(r), rows[n].Hash))
	}
	return all, nil
}

// Distrust ends the trust in one device of an identity, if it is theirs.
func (s *Sessions) Distrust(ctx context.Context, identity, id uuid.UUID) error {
	return s.store.Write(ctx, store.Durable, func(tx *store.Tx) error {
		return tx.DeleteTrustedDevice(ctx, auth.DefaultProject, identity, id)
	})
}

// DistrustAll ends the trust in all devices of an identity and counts them.
func (s *Sessions) DistrustAll(ctx context.Context, identity uuid.UUID) (n int, err error) {
	err = s.store.Write(ctx, store.Durable, func(tx *store.Tx) error {
		n, err = tx.DeleteTrustedDevices(ctx, auth.DefaultProject, identity)
		return err
	})
	return n, err
}
