package session

import (
	"context"
	"crypto/hmac"
	"encoding/base64"
	"errors"
	"net/http"
	"net/netip"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/google/uuid"

	"zelus/internal/auth"
	"zelus/internal/secret"
	"zelus/internal/store"
	"zelus/internal/web"
)

// Prefixes by which people and secret scanners recognise what they have found.
const (
	tokenPrefix  = "ory_st_"
	logoutPrefix = "ory_lo_"
	tokenLength  = 32 // letters and digits: 190 bits
)

// maxToken bounds what is taken for a token, in bytes. Tokens of other
// servers, which were imported, may look different.
const maxToken = 256

// Settings are what the configuration says of sessions. They are replaced as
// a whole when it is reloaded.
type Settings struct {
	Lifespan time.Duration
	// ExtendWithin is how much a session may have left when it is extended.
	ExtendWithin time.Duration
	RequiredAAL  auth.RequiredAAL
	// Policy says what a person's factors count for.
	Policy auth.Policy
	// BaseURL is the public base URL with its final slash.
	BaseURL string
	Cookie  web.BrowserCookie
	// TrustFor is how long a device is trusted; 0 trusts none. TrustCookie has the
	// secret by which one is known.
	TrustFor    time.Duration
	TrustCookie web.BrowserCookie
	// Older translates the answer of a session check for clients of the
	// v0alpha2 era.
	Older func(today []byte) ([]byte, error)
	// TrustedProxies may tell where a client is.
	TrustedProxies []netip.Prefix
	// Secrets, newest first, key the hashes of tokens; CookieSecrets seal cookies.
	Secrets, CookieSecrets []string
	// Templates are the kinds of signed tokens, by name; see Tokenize.
	Templates map[string]*Template
}

// Sessions issues, recognises and ends sessions.
type Sessions struct {
	store *store.Store
	clock func() time.Time
	cache *cache
	now   atomic.Pointer[current]
}

// current is the settings in force, with the keys that follow from them.
type current struct {
	Settings
	tokens, logout, cookies, devices *secret.Ring
}

// New makes Sessions that keep about that many answers in memory.
func New(st *store.Store, clock func() time.Time, answers int, settings Settings) (*Sessions, error) {
	s := &Sessions{store: st, clock: clock, cache: newCache(answers)}
	if err := s.Configure(settings); err != nil {
		return nil, err
	}
	st.Listen(s.cache.forget)
	return s, nil
}

// Configure replaces the settings. What was remembered under the old ones is forgotten.
func (s *Sessions) Configure(settings Settings) error {
	c := &current{Settings: settings}
	var err error
	if c.tokens, err = secret.NewRing("session token", settings.Secrets); err != nil {
		return err
	}
	if c.logout, err = secret.NewRing("logout token", settings.Secrets); err != nil {
		return err
	}
	if c.cookies, err = secret.NewRing("session cookie", settings.CookieSecrets); err != nil {
		return err
	}
	if c.devices, err = secret.NewRing("trusted device", settings.Secrets); err != nil {
		return err
	}
	s.now.Store(c)
	s.cache.forget(nil)
	return nil
}

// Cookie is the session cookie, without a value.
func (s *Sessions) Cookie() web.BrowserCookie { return s.now.Load().Cookie }

// Proof is what a request brings along to be recognised by.
type Proof struct {
	Token string
	// Cookie says that the token came in a cookie; CookieExpires is the end
	// of the session as the cookie knows it.
	Cookie        bool
	CookieExpires time.Time
}

// Proof reads the header X-Session-Token, else the session cookie, else the
// header Authorization. A header that is there wins even if it is no good.
// The token is empty where there is none.
func (s *Sessions) Proof(r *http.Request) Proof {
	if token := r.Header.Get("X-Session-Token"); token != "" {
		return Proof{Token: bounded(token)}
	}
	c := s.now.Load()
	if value := c.Cookie.Value(r); value != "" {
		if token, expires, ok := c.open(value); ok {
			return Proof{Token: token, Cookie: true, CookieExpires: expires}
		}
	}
	scheme, token, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	if strings.EqualFold(scheme, "bearer") {
		return Proof{Token: bounded(strings.TrimSpace(token))}
	}
	return Proof{}
}

func bounded(token string) string {
	if len(token) > maxToken {
		return ""
	}
	return token
}

// open reads a session cookie: the end of the session and the token.
func (c *current) open(value string) (token string, expires time.Time, ok bool) {
	if len(value) > 2*maxToken {
		return "", time.Time{}, false
	}
	plain, expires, err := c.cookies.OpenUntil(value, []byte(c.Cookie.Name))
	if err != nil || len(plain) == 0 {
		return "", time.Time{}, false
	}
	return string(plain), expires, true
}

// seal is the reverse of open.
func (c *current) seal(token string, expires time.Time) string {
	return c.cookies.SealUntil([]byte(token), []byte(c.Cookie.Name), expires)
}

// Check recognises a session and gives the answer to who it is: from memory
// where possible, else with one query (a browser's former token takes a second one).
// On a server the store bounds how long. ErrNoSession where there is none.
func (s *Sessions) Check(ctx context.Context, p Proof) (*Answer, error) {
	if p.Token == "" {
		return nil, auth.ErrNoSession
	}
	c, now := s.now.Load(), s.clock()
	key := tokenKey(c.tokens.Hash(p.Token))
	if a := s.cache.get(key); a != nil && s.store.Hearing() {
		if !now.Before(a.ExpiresAt) {
			return nil, auth.ErrNoSession
		}
		if now.Before(a.GoodUntil) {
			return a, nil
		}
	}
	since := s.cache.now()
	c = s.now.Load() // as it is from then on: a reload meanwhile makes this answer one of before
	row, err := s.find(ctx, c, p, true)
	if err != nil {
		return nil, err
	}
	a := &Answer{
		Body:           s.body(c, row),
		IdentityHeader: []string{row.Session.IdentityID.String()},
		ExpiresAt:      row.Session.ExpiresAt,
		GoodUntil:      row.Session.ExpiresAt,
		NeedsAAL2:      !c.met(row, now),
		Former:         row.Former,
		translate:      c.Older,
	}
	for _, end := range []*time.Time{row.TrustedUntil, row.DeleteAt} {
		if end != nil && end.After(now) && end.Before(a.GoodUntil) {
			a.GoodUntil = *end
		}
	}
	s.cache.put(key, row.Session.IdentityID, a, since)
	return a, nil
}

func (s *Sessions) body(c *current, row *store.SessionRow) []byte {
	identity := row.Identity.Render(auth.Reader{BaseURL: c.BaseURL, Addresses: true})
	return row.Session.AppendJSON(make([]byte, 0, len(identity)+768), true, identity)
}

// find asks the database for a live session, under each key that is configured.
// To those who only read, the former token of a browser says who it is as well.
func (s *Sessions) find(ctx context.Context, c *current, p Proof, reads bool) (*store.SessionRow, error) {
	hashes := c.tokens.Hashes(p.Token)
	row, err := first(ctx, hashes, s.store.SessionByToken)
	if errors.Is(err, store.ErrNotFound) && reads && p.Cookie {
		row, err = first(ctx, hashes, s.store.SessionByFormerToken)
	}
	if errors.Is(err, store.ErrNotFound) {
		return nil, auth.ErrNoSession
	}
	if err != nil {
		return nil, err
	}
	if !row.Live(s.clock()) {
		return nil, auth.ErrNoSession
	}
	return row, nil
}

// first is the session that is found by the first of these hashes that has one.
func first(ctx context.Context, hashes [][]byte, by func(context.Context, []byte) (*store.SessionRow, error)) (*store.SessionRow, error) {
	for _, hash := range hashes {
		row, err := by(ctx, hash)
		if !errors.Is(err, store.ErrNotFound) {
			return row, err
		}
	}
	return nil, store.ErrNotFound
}

// Find recognises a session for everything but a mere check. The row is live.
// ErrNoSession where there is none.
func (s *Sessions) Find(r *http.Request) (*store.SessionRow, error) {
	return s.FindToken(r.Context(), s.Proof(r).Token)
}

// FindToRead is Find for what only tells something. A browser's former token does
// for it as well, see store.SessionRow: nothing may be changed or given out for
// such a row.
func (s *Sessions) FindToRead(r *http.Request) (*store.SessionRow, error) {
	p := s.Proof(r)
	if p.Token == "" {
		return nil, auth.ErrNoSession
	}
	return s.find(r.Context(), s.now.Load(), p, true)
}

// FindToken is Find for a token that came in another way.
func (s *Sessions) FindToken(ctx context.Context, token string) (*store.SessionRow, error) {
	if token == "" || len(token) > maxToken {
		return nil, auth.ErrNoSession
	}
	return s.find(ctx, s.now.Load(), Proof{Token: token}, false)
}

// Satisfied says whether a session is proven as strongly as its owner could and
// the configuration demands. In a device that its owner trusts a first factor does.
func (s *Sessions) Satisfied(row *store.SessionRow) bool {
	return s.now.Load().met(row, s.clock())
}

func (c *current) met(row *store.SessionRow, now time.Time) bool {
	trusted := c.trusts() && row.TrustedUntil != nil && now.Before(*row.TrustedUntil)
	return c.RequiredAAL.Met(row.Session.AAL, c.Policy.Due(row.Factors, trusted))
}

// Issue makes a new session with a new token. The caller stores it.
func (s *Sessions) Issue(i *auth.Identity, amr auth.AMR, r *http.Request) (*auth.Session, string) {
	c, now := s.now.Load(), auth.Now(s.clock())
	amr.CompletedAt = now
	token := secret.Token(tokenPrefix, tokenLength)
	return &auth.Session{ID: uuid.Must(uuid.NewV7()), Project: i.Project, IdentityID: i.ID, TokenHash: c.tokens.Hash(token), Active: true,
		AAL: auth.LevelOf([]auth.AMR{amr}), AMR: auth.AMRsOf(amr), IssuedAt: now, AuthenticatedAt: now, ExpiresAt: now.Add(c.Lifespan),
		Devices: auth.DevicesOf(s.device(c, r))}, token
}

func (s *Sessions) device(c *current, r *http.Request) auth.Device {
	client := web.ClientOf(r, c.TrustedProxies)
	return auth.Device{ID: uuid.New(), IPAddress: known(client.IP), UserAgent: known(client.UserAgent), Location: client.Location}
}

func known(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}

// Renew changes a session whose owner has proven themselves again: refresh or
// step-up keep the session. A browser gets a new token, so that a cookie that
// was copied before ends: for a moment it may still be read with, for requests
// that are on their way, see store.Tx.UpdateSession. An app keeps its token. The
// device of the request is told and not kept: a session lists where it began. The
// caller stores the session.
func (s *Sessions) Renew(session *auth.Session, p Proof, amr auth.AMR, r *http.Request) (token string) {
	token = s.Strengthen(session, p, amr)
	here := s.device(s.now.Load(), r)
	here.ID = uuid.Nil
	session.Devices = auth.DevicesOf(append(session.Devices.All(), here)...)
	session.IssuedAt, session.ExpiresAt = session.AuthenticatedAt, session.AuthenticatedAt.Add(s.now.Load().Lifespan)
	return token
}

// Strengthen is Renew for a proof that is given along with something else: the
// session ends when it would have ended.
func (s *Sessions) Strengthen(session *auth.Session, p Proof, amr auth.AMR) (token string) {
	c, now := s.now.Load(), auth.Now(s.clock())
	amr.CompletedAt = now
	token = p.Token
	if p.Cookie {
		token = secret.Token(tokenPrefix, tokenLength)
	}
	session.TokenHash = c.tokens.Hash(token)
	done := recent(append(session.AMR.All(), amr))
	session.AMR, session.AAL = auth.AMRsOf(done...), auth.LevelOf(done)
	if !now.After(session.AuthenticatedAt) {
		now = session.AuthenticatedAt.Add(time.Microsecond) // each renewal moves it, see store.UpdateSession
	}
	session.AuthenticatedAt = now
	return token
}

// Retoken gives a session a new token and changes nothing else. The caller
// stores the session.
func (s *Sessions) Retoken(session *auth.Session) (token string) {
	token = secret.Token(tokenPrefix, tokenLength)
	session.TokenHash = s.now.Load().tokens.Hash(token)
	return token
}

// maxAMR bounds how many completed methods a session remembers.
const maxAMR = 16

// recent drops the oldest of methods that were used again since, so that a
// session does not grow with every proof; what each method is worth stays.
func recent(done []auth.AMR) []auth.AMR {
	for len(done) > maxAMR {
		at := slices.IndexFunc(done, func(old auth.AMR) bool {
			n := 0
			for _, m := range done {
				if m.Method == old.Method && m.AAL == old.AAL && m.Provider == old.Provider && m.Both == old.Both {
					n++
				}
			}
			return n > 1
		})
		if at < 0 {
			break
		}
		done = slices.Delete(done, at, at+1)
	}
	return done
}

// SetCookie gives a browser its session.
func (s *Sessions) SetCookie(w http.ResponseWriter, token string, expires time.Time) {
	c := s.now.Load()
	c.Cookie.Set(w, c.seal(token, expires), s.clock(), expires)
}

// ClearCookie takes it away again.
func (s *Sessions) ClearCookie(w http.ResponseWriter) { s.now.Load().Cookie.Clear(w) }

// LogoutToken is what protects a sign-out by a link: it belongs to this
// session and to this token, and follows from them, so that nothing is stored.
func (s *Sessions) LogoutToken(session *auth.Session, token string) string {
	return logoutToken(s.now.Load().logout.Hash(session.ID.String() + token))
}

// LogoutTokenValid compares in constant time, under each key that is configured.
func (s *Sessions) LogoutTokenValid(given string, session *auth.Session, token string) bool {
	found := false
	for _, hash := range s.now.Load().logout.Hashes(session.ID.String() + token) {
		found = hmac.Equal([]byte(logoutToken(hash)), []byte(given)) || found
	}
	return found
}

// logoutToken is 192 bits of the hash as 32 letters, digits and the two marks
// of base64url replaced by letters.
func logoutToken(hash []byte) string {
	return logoutPrefix + strings.NewReplacer("-", "x", "_", "y").Replace(base64.RawURLEncoding.EncodeToString(hash[:24]))
}

// Get finds a session for an administrator, whether it is live or not;
// ErrSessionUnknown where there is none.
func (s *Sessions) Get(ctx context.Context, id uuid.UUID) (*store.SessionRow, error) {
	row, err := s.store.Session(ctx, auth.DefaultProject, id)
	if errors.Is(err, store.ErrNotFound) {
		return nil, auth.ErrSessionUnknown
	}
	return row, err
}

// Extend gives a session its whole lifespan anew, unless it has more left than
// the settings ask for. One that has ended stays so: ErrSessionEnded.
func (s *Sessions) Extend(ctx context.Context, id uuid.UUID) (*store.SessionRow, error) {
	row, err := s.Get(ctx, id)
	if err != nil {
		return nil, err
	}
	c, now := s.now.Load(), auth.Now(s.clock())
	if !row.Live(now) {
		return nil, auth.ErrSessionEnded
	}
	if row.Session.ExpiresAt.Sub(now) > c.ExtendWithin {
		return row, nil
	}
	row.Session.ExpiresAt = now.Add(c.Lifespan)
	return row, s.store.Write(ctx, store.Durable, func(tx *store.Tx) error {
		extended, err := tx.ExtendSession(ctx, &row.Session, now)
		if err == nil && !extended {
			return auth.ErrSessionEnded // since it was read
		}
		return err
	})
}

// Revoke ends one session of an identity and says whether there was one.
func (s *Sessions) Revoke(ctx context.Context, identity, id uuid.UUID) (found bool, err error) {
	err = s.store.Write(ctx, store.Durable, func(tx *store.Tx) error {
		found, err = tx.RevokeSession(ctx, auth.DefaultProject, identity, id)
		return err
	})
	return found, err
}

// RevokeOthers ends all sessions of an identity but one and counts them. Of that
// one it ends the former token, and no device is trusted any more.
func (s *Sessions) RevokeOthers(ctx context.Context, identity, but uuid.UUID) (n int, err error) {
	err = s.store.Write(ctx, store.Durable, func(tx *store.Tx) error {
		if n, err = tx.RevokeSessions(ctx, auth.DefaultProject, identity, but); err != nil {
			return err
		}
		return tx.Distrust(ctx, auth.DefaultProject, identity)
	})
	return n, err
}

// Delete removes all sessions of an identity and counts them. No device is trusted
// any more.
func (s *Sessions) Delete(ctx context.Context, identity uuid.UUID) (n int, err error) {
	err = s.store.Write(ctx, store.Durable, func(tx *store.Tx) error {
		if n, err = tx.DeleteSessions(ctx, auth.DefaultProject, identity); err != nil {
			return err
		}
		_, err = tx.DeleteTrustedDevices(ctx, auth.DefaultProject, identity)
		return err
	})
	return n, err
}

// Others lists the live sessions of an identity but one, newest first, and
// counts them all.
func (s *Sessions) Others(ctx context.Context, identity, but uuid.UUID, offset, limit int) ([]store.SessionRow, int, error) {
	return s.store.SessionsOf(ctx, auth.DefaultProject, identity, but, store.LiveSessions, s.clock(), offset, limit)
}

// Of lists sessions of an identity for an administrator.
func (s *Sessions) Of(ctx context.Context, identity uuid.UUID, which store.Which, offset, limit int) ([]store.SessionRow, int, error) {
	return s.store.SessionsOf(ctx, auth.DefaultProject, identity, uuid.Nil, which, s.clock(), offset, limit)
}

// Cached counts the sessions whose checks are answered from memory.
func (s *Sessions) Cached() int { return s.cache.count() }

// Clock is the time by which sessions end.
func (s *Sessions) Clock() time.Time { return s.clock() }
