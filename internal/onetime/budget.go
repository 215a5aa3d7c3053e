package onetime

import (
	"context"
	"errors"
	"slices"
	"time"

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
		now, account := auth.Now(s.Clock()), s.account(f, code)
		guesses, err := tx.Guesses(ctx, f.Project, account, now)
		if err != nil {
			return err
		}
		guesses = slices.DeleteFunc(guesses, func(t time.Time) bool { return now.Sub(t) >= GuessesCount })
		switch {
		case len(guesses) >= guessesPerHour:
			return nil
		case s.right(f, code, given):
			verdict = Right
			return tx.ForgiveTry(ctx, f)
		}
		return tx.SetGuesses(ctx, f.Project, account, append(guesses, now), now)
	})
	if err != nil || verdict != Right {
		return verdict, nil, err
	}
	found, err = s.found(code)
	return verdict, found, err
}

// account names whose codes are guessed at, for this purpose.
func (s *Secrets) account(f *auth.Flow, c *store.Code) []byte {
	whose := "address " + c.Via + " " + c.Address
	if c.IdentityID.Valid {
		whose = "identity " + c.IdentityID.UUID.String()
	}
	return s.ring.Load().Hash(string(f.Kind) + " " + whose)
}
