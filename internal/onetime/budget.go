package onetime

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/google/uuid"

	"zelus/internal/auth"
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
	// Wrong: also a code that has expired or was used, or is nobody's, or one for
	// an account at which was guessed too often.
	Wrong Verdict = iota
	Right
	// TooMany: the flow was guessed at too often, and takes no more codes.
	TooMany
)

// Try compares a code with the one that was sent. A wrong one counts, against
// the flow and against the account, before anybody learns that it is wrong: so
// many at once do not get more guesses than one after the other.
func (s *Secrets) Try(ctx context.Context, f *auth.Flow, given string, most int) (verdict Verdict, found *Found, err error) {
	var code *store.Code
	err = s.Store.Write(ctx, store.Durable, func(tx *store.Tx) error {
		verdict = Wrong
		free, err := tx.CountTry(ctx, f, most)
		if err != nil {
			return err
		}
		if !free {
			verdict = TooMany
			return nil
		}
		code, err = tx.Code(ctx, f.Project, f.ID)
		if errors.Is(err, store.ErrNotFound) {
			return nil // none was sent
		}
		if err != nil {
			return err
		}
		right, err := s.count(ctx, tx, f.Project, s.account(f, code), func() bool { return s.right(f, code, given) })
		if err != nil || !right {
			return err
		}
		verdict = Right
		return tx.ForgiveTry(ctx, f)
	})
	if err != nil || verdict != Right {
		return verdict, nil, err
	}
	found, err = s.found(code)
	return verdict, found, err
}

// Guess is Try for the secrets of a credential, which no form has sent: codes of
// an app, backup codes. purpose names the method; right compares. It is not asked
// any more once somebody has guessed too often.
func (s *Secrets) Guess(ctx context.Context, purpose string, i *auth.Identity, right func() bool) (ok bool, err error) {
	account := s.ring.Load().Hash(purpose + " identity " + i.ID.String())
	err = s.Store.Write(ctx, store.Durable, func(tx *store.Tx) error {
		ok, err = s.count(ctx, tx, i.Project, account, right)
		return err
	})
	return ok, err
}

// count compares a secret unless there were too many wrong guesses at the account
// within the hour, and counts one more where it is wrong.
func (s *Secrets) count(ctx context.Context, tx *store.Tx, project uuid.UUID, account []byte, right func() bool) (bool, error) {
	now := auth.Now(s.Clock())
	guesses, err := tx.Guesses(ctx, project, account, now)
	if err != nil {
		return false, err
	}
	guesses = slices.DeleteFunc(guesses, func(t time.Time) bool { return now.Sub(t) >= GuessesCount })
	if len(guesses) >= guessesPerHour {
		return false, nil
	}
	if right() {
		return true, nil
	}
	return false, tx.SetGuesses(ctx, project, account, append(guesses, now), now)
}

// account names whose codes are guessed at, for this purpose.
func (s *Secrets) account(f *auth.Flow, c *store.Code) []byte {
	whose := "address " + c.Via + " " + c.Address
	if c.IdentityID.Valid {
		whose = "identity " + c.IdentityID.UUID.String()
	}
	return s.ring.Load().Hash(string(f.Kind) + " " + whose)
}
