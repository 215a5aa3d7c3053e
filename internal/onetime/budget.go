package onetime

import (
	"bytes"
	"context"
	"errors"
	"slices"
	"time"

	"github.com/google/uuid"

	"zelus/internal/auth"
	"zelus/internal/schema"
	"zelus/internal/store"
)

// Every account, and every address that is nobody's, may be guessed at so often
// in an hour, for each purpose, over all its flows.
const guessesPerHour = 20

// GuessesCount is how long a wrong guess counts.
const GuessesCount = time.Hour

// Verdict is what Try says of a code.
type Verdict int

// The verdicts.
const (
	// Wrong: also a code that was used, or is nobody's, or one for an account at
	// which was guessed too often.
	Wrong Verdict = iota
	Right
	// Late: it would have been right, and has expired.
	Late
	// TooMany: the flow was guessed at too often, and takes no more codes.
	TooMany
)

// Try compares a code with the one that was sent. A wrong one counts, against
// the flow and against the account, before anybody learns that it is wrong: so
// many at once do not get more guesses than one after the other.
//
// Where codes were sent to several addresses at once, the newest to each of these
// is right, and a wrong one counts against all of them. found is there for what is
// right or late.
func (s *Secrets) Try(ctx context.Context, f *auth.Flow, given string, most int, addresses ...schema.Address) (verdict Verdict, found *Found, err error) {
	var code *store.Code
	err = s.Store.Write(ctx, store.Durable, func(tx *store.Tx) error {
		verdict, code = Wrong, nil
		free, err := tx.CountTry(ctx, f, most)
		if err != nil {
			return err
		}
		if !free {
			verdict = TooMany
			return nil
		}
		codes, err := sent(ctx, tx, f, addresses)
		if err != nil || len(codes) == 0 {
			return err
		}
		var accounts [][]byte
		for _, c := range codes {
			accounts = append(accounts, s.account(f, c))
		}
		right, err := s.count(ctx, tx, f.Project, accounts, func() bool {
			for _, c := range codes {
				if v := s.compare(f, c, given); v != Wrong {
					verdict, code = v, c
				}
			}
			return verdict == Right
		})
		if err != nil || !right {
			return err
		}
		return tx.ForgiveTry(ctx, f)
	})
	if err != nil || code == nil {
		return verdict, nil, err
	}
	found, err = s.found(code)
	return verdict, found, err
}

// sent are the codes of a flow that count: its newest, or the newest to each of
// several addresses.
func sent(ctx context.Context, tx *store.Tx, f *auth.Flow, addresses []schema.Address) ([]*store.Code, error) {
	if len(addresses) > 0 {
		all, err := tx.Codes(ctx, f.Project, f.ID)
		return slices.DeleteFunc(all, func(c *store.Code) bool {
			return !slices.Contains(addresses, schema.Address{Via: c.Via, Value: c.Address})
		}), err
	}
	c, err := tx.Code(ctx, f.Project, f.ID)
	if errors.Is(err, store.ErrNotFound) {
		return nil, nil
	}
	return []*store.Code{c}, err
}

// compare takes the same time for all codes that are wrong.
func (s *Secrets) compare(f *auth.Flow, c *store.Code, given string) Verdict {
	same := s.ring.Load().Matches(bound(f, given), c.Hash)
	switch {
	case !same || !valid(f, c):
		return Wrong
	case !s.Clock().Before(c.ExpiresAt):
		return Late
	}
	return Right
}

// Guess is Try for the secrets of a credential, which no form has sent: codes of
// an app, backup codes. purpose names the method; right compares. It is not asked
// any more once somebody has guessed too often.
func (s *Secrets) Guess(ctx context.Context, purpose string, i *auth.Identity, right func() bool) (ok bool, err error) {
	account := s.ring.Load().Hash(purpose + " identity " + i.ID.String())
	err = s.Store.Write(ctx, store.Durable, func(tx *store.Tx) error {
		ok, err = s.count(ctx, tx, i.Project, [][]byte{account}, right)
		return err
	})
	return ok, err
}

// count compares a secret unless there were too many wrong guesses at one of the
// accounts within the hour, and counts one more at each where it is wrong.
func (s *Secrets) count(ctx context.Context, tx *store.Tx, project uuid.UUID, accounts [][]byte, right func() bool) (bool, error) {
	// Reading locks: always in the same order, as others may want the same ones.
	slices.SortFunc(accounts, bytes.Compare)
	now := auth.Now(s.Clock())
	all, free := make([][]time.Time, len(accounts)), true
	for i, account := range accounts {
		guesses, err := tx.Guesses(ctx, project, account, now)
		if err != nil {
			return false, err
		}
		all[i] = slices.DeleteFunc(guesses, func(t time.Time) bool { return now.Sub(t) >= GuessesCount })
		free = free && len(all[i]) < guessesPerHour
	}
	if !free || right() {
		return free, nil
	}
	for i, account := range accounts {
		if err := tx.SetGuesses(ctx, project, account, append(all[i], now), now); err != nil {
			return false, err
		}
	}
	return false, nil
}

// account names whose codes are guessed at, for this purpose.
func (s *Secrets) account(f *auth.Flow, c *store.Code) []byte {
	whose := "address " + c.Via + " " + c.Address
	if c.IdentityID.Valid {
		whose = "identity " + c.IdentityID.UUID.String()
	}
	return s.ring.Load().Hash(string(f.Kind) + " " + whose)
}
