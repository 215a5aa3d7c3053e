package adminkey

import (
	"bytes"
	"context"
	"errors"
	"net/http"
	"net/netip"
	"strings"
	"time"

	"zelus/internal/auth"
	"zelus/internal/store"
	"zelus/internal/web"
)

// challenge says how to be let in (RFC 9110 section 11.6.1). By RFC 6750
// section 3 a parameter has to follow, and by section 3.1 there is no error
// where no key was sent.
const (
	challenge        = `Bearer realm="zelus admin"`
	challengeInvalid = challenge + `, error="invalid_token"`
)

// usedEvery is how long a use that was noted stands for those after it.
const usedEvery = time.Hour

// Always lets those in who send a good key, whatever the configuration says.
func (k *Keys) Always(next web.Handler) web.Handler { return behind(k.Check, next) }

// Guard lets those in who send a good key, and everybody where none is due.
func (k *Keys) Guard(next web.Handler) web.Handler { return behind(k.Admit, next) }

// behind asks before a handler and challenges those who are refused.
func behind(ask func(*http.Request) error, next web.Handler) web.Handler {
	return func(w http.ResponseWriter, r *http.Request) error {
		err := ask(r)
		if err == nil {
			return next(w, r)
		}
		switch e := auth.AsError(err); {
		case e.Status != http.StatusUnauthorized: // such as a database that is away
		case errors.Is(e, auth.ErrAdminKeyRequired):
			w.Header().Set("WWW-Authenticate", challenge)
		default:
			w.Header().Set("WWW-Authenticate", challengeInvalid)
		}
		return err
	}
}

// Admit is Check where a key is due. If that cannot be found out, nobody is let in.
func (k *Keys) Admit(r *http.Request) error {
	if require := k.now.Load().Require; require != nil {
		if !*require {
			return nil
		}
		return k.Check(r)
	}
	due, err := k.Any(r.Context())
	if err != nil || !due {
		return err
	}
	return k.Check(r)
}

// MayMake says who may make a key: who has a good one, and who is on this
// machine. A port that asks for no key is open to whoever can reach it, but only
// for as long as they can; a key would stay theirs.
func (k *Keys) MayMake(r *http.Request) error {
	peer, err := netip.ParseAddrPort(r.RemoteAddr)
	if err != nil || peer.Addr().Unmap().IsLoopback() { // a Unix socket has no address
		return nil
	}
	err = k.Check(r)
	if errors.Is(err, auth.ErrAdminKeyRequired) {
		err = auth.ErrAdminKeyRequired.Saying("From another machine a key is made with a key. Make the first one with `zelus keys create` where the server runs.")
	}
	return err
}

// Check says whether a request brings a good key: one header Authorization, with
// the scheme Bearer and nothing but the key behind it. The errors are
// auth.ErrAdminKeyRequired, auth.ErrAdminKeyInvalid, auth.ErrAdminKeyExpired and
// auth.ErrAdminKeyRevoked, and those of the store. Who sends something that is
// not a good key is counted.
func (k *Keys) Check(r *http.Request) error {
	ctx, sent := r.Context(), r.Header.Values("Authorization")
	switch {
	case len(sent) > 1:
		// Which of them counts is not for us to guess: a proxy may have read another.
		return k.refuse(ctx, malformed, auth.ErrAdminKeyInvalid.Saying("The request has %d headers Authorization. Send one.", len(sent)))
	case len(sent) == 0 || sent[0] == "":
		return auth.ErrAdminKeyRequired
	}
	scheme, key, _ := strings.Cut(sent[0], " ")
	key = strings.TrimLeft(key, " ")
	switch {
	case !strings.EqualFold(scheme, "Bearer"): // as good as no key (RFC 6750 section 3.1)
		return k.refuse(ctx, malformed, auth.ErrAdminKeyRequired)
	case key == "":
		return k.refuse(ctx, malformed, auth.ErrAdminKeyInvalid.Saying("There is no key behind the word Bearer in the header Authorization."))
	case len(key) != len(prefix)+random || !strings.HasPrefix(key, prefix): // none of ours, and may be of any length
		return k.refuse(ctx, invalid, auth.ErrAdminKeyInvalid)
	}
	ring := k.now.Load().hashes
	// To find a hash by looking it up tells nothing of what would be one.
	hashes := ring.Hashes(key)
	row, err := k.store.AdminKeyByHash(ctx, auth.DefaultProject, hashes)
	if errors.Is(err, store.ErrNotFound) || err == nil && !ring.Matches(key, row.Hash) {
		return k.refuse(ctx, invalid, auth.ErrAdminKeyInvalid)
	}
	if err != nil {
		return err
	}
	switch stateOf(row, k.clock()) {
	case Revoked:
		return k.refuse(ctx, revoked, auth.ErrAdminKeyRevoked)
	case Expired:
		return k.refuse(ctx, expired, auth.ErrAdminKeyExpired)
	}
	k.use(ctx, row, hashes[0])
	return nil
}

// use notes that a key was used, at most once in a while, and at once where it
// was found under an older secret, so that it is there when that is gone. newest
// is its hash under the newest. A request does not fail because this does.
func (k *Keys) use(ctx context.Context, row *store.AdminKey, newest []byte) {
	now := auth.Now(k.clock())
	since := now.Add(-usedEvery)
	if row.LastUsedAt != nil && row.LastUsedAt.After(since) && bytes.Equal(row.Hash, newest) {
		return
	}
	if err := k.store.Write(ctx, store.Volatile, func(tx *store.Tx) error {
		return tx.UseAdminKey(ctx, row.Project, row.ID, newest, now, since)
	}); err != nil {
		k.logger.WarnContext(ctx, "the use of an API key could not be noted", "id", row.ID, "error", err)
	}
}
