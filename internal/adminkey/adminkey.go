package adminkey

import (
	"context"
	"log/slog"
	"strings"
	"sync/atomic"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/google/uuid"

	"zelus/internal/auth"
	"zelus/internal/secret"
	"zelus/internal/store"
)

const (
	// prefix is by what people and secret scanners recognise what they have found.
	prefix = "zelus_key_"
	// random is how many letters and digits follow it: 256 bits.
	random = 43
	// maxName is in characters.
	maxName = 100
)

// Settings are what the configuration says of keys. They are replaced as a
// whole when it is reloaded.
type Settings struct {
	// Secrets, newest first, key the hashes of keys.
	Secrets []string
	// Require says whether Guard asks for a key. nil leaves that to whether a
	// key was ever made.
	Require *bool
}

// Keys makes, recognises and ends keys.
type Keys struct {
	store  *store.Store
	clock  func() time.Time
	logger *slog.Logger
	now    atomic.Pointer[current]
	// some says that a key was seen. Keys are never removed, so that it stays so.
	some    atomic.Bool
	refused [reasons]failures
}

// current is the settings in force, with the keys that follow from them.
type current struct {
	Settings
	hashes *secret.Ring
}

// New makes Keys.
func New(st *store.Store, clock func() time.Time, logger *slog.Logger, settings Settings) (*Keys, error) {
	k := &Keys{store: st, clock: clock, logger: logger}
	if err := k.Configure(settings); err != nil {
		return nil, err
	}
	return k, nil
}

// Configure replaces the settings.
func (k *Keys) Configure(settings Settings) error {
	c := &current{Settings: settings}
	var err error
	if c.hashes, err = secret.NewRing("admin key", settings.Secrets); err != nil {
		return err
	}
	k.now.Store(c)
	return nil
}

// Key is what is to be known of a key; the key itself is told by Create alone.
// State is that of the moment at which it was read. Each of the last three
// times is nil where that has no time.
type Key struct {
	ID         uuid.UUID  `json:"id"`
	Name       string     `json:"name"`
	State      State      `json:"state"`
	CreatedAt  time.Time  `json:"created_at"`
	ExpiresAt  *time.Time `json:"expires_at"`
	RevokedAt  *time.Time `json:"revoked_at"`
	LastUsedAt *time.Time `json:"last_used_at"`
}

func known(row *store.AdminKey, now time.Time) Key {
	return Key{ID: row.ID, Name: row.Name, State: stateOf(row, now), CreatedAt: row.CreatedAt, ExpiresAt: row.ExpiresAt, RevokedAt: row.RevokedAt, LastUsedAt: row.LastUsedAt}
}

// State is what has become of a key.
type State string

// The three states. A key that is both expired and revoked is revoked.
const (
	Live    State = "live"
	Expired State = "expired"
	Revoked State = "revoked"
)

// stateOf says what has become of a key by this time.
func stateOf(row *store.AdminKey, now time.Time) State {
	switch {
	case row.RevokedAt != nil:
		return Revoked
	case row.ExpiresAt != nil && !now.Before(*row.ExpiresAt):
		return Expired
	}
	return Live
}

// After is the end of a key that is good for so long from now, for Create.
func (k *Keys) After(lifetime time.Duration) *time.Time {
	end := k.clock().Add(lifetime)
	return &end
}

// Create makes a key and gives, this once, the key itself. expires is when it
// ends, nil for never. The errors are auth.ErrAdminKeyName and
// auth.ErrAdminKeyExpiry, and those of the store.
func (k *Keys) Create(ctx context.Context, name string, expires *time.Time) (Key, string, error) {
	if !utf8.ValidString(name) || strings.ContainsFunc(name, func(r rune) bool { return !unicode.IsPrint(r) }) {
		return Key{}, "", auth.ErrAdminKeyName
	}
	name = strings.TrimSpace(name)
	if name == "" || utf8.RuneCountInString(name) > maxName {
		return Key{}, "", auth.ErrAdminKeyName
	}
	now := auth.Now(k.clock())
	if expires != nil {
		end := auth.Now(*expires)
		if expires = &end; !inRange(end.Sub(now)) {
			return Key{}, "", auth.ErrAdminKeyExpiry
		}
	}
	key := secret.Token(prefix, random)
	row := &store.AdminKey{ID: uuid.Must(uuid.NewV7()), Project: auth.DefaultProject, Name: name, Hash: k.now.Load().hashes.Hash(key), CreatedAt: now, ExpiresAt: expires}
	if err := k.store.Write(ctx, store.Durable, func(tx *store.Tx) error { return tx.InsertAdminKey(ctx, row) }); err != nil {
		return Key{}, "", err
	}
	k.some.Store(true)
	k.logger.InfoContext(ctx, "an API key was made", "id", row.ID, "name", row.Name)
	return known(row, now), key, nil
}

// List lists all keys, those that are of no use any more among them, the newest
// last.
func (k *Keys) List(ctx context.Context) ([]Key, error) {
	rows, err := k.store.AdminKeys(ctx, auth.DefaultProject)
	if err != nil {
		return nil, err
	}
	now, all := k.clock(), make([]Key, len(rows))
	for i := range rows {
		all[i] = known(&rows[i], now)
	}
	return all, nil
}

// Revoke ends a key, at once and for good; auth.ErrAdminKeyUnknown where there
// is none. One that was revoked before stays revoked since then.
func (k *Keys) Revoke(ctx context.Context, id uuid.UUID) error {
	var found bool
	err := k.store.Write(ctx, store.Durable, func(tx *store.Tx) (err error) {
		found, err = tx.RevokeAdminKey(ctx, auth.DefaultProject, id, auth.Now(k.clock()))
		return err
	})
	if err == nil && !found {
		err = auth.ErrAdminKeyUnknown
	}
	if err == nil {
		k.logger.InfoContext(ctx, "an API key was revoked", "id", id)
	}
	return err
}

// Any says whether a key was ever made, be it expired or revoked since. Until
// there is one it costs a query.
func (k *Keys) Any(ctx context.Context) (bool, error) {
	if k.some.Load() {
		return true, nil
	}
	some, err := k.store.AnyAdminKey(ctx, auth.DefaultProject)
	if some {
		k.some.Store(true)
	}
	return some, err
}
