package store

import (
	"context"
	"time"
)

// What is removed, batch by batch, once it can be of no use to anybody.
// Sessions are kept for a while after their end, so that lists can show them.
const (
	cleanFlows         query = "DELETE FROM flows WHERE id IN (SELECT id FROM flows WHERE expires_at < ? LIMIT ?)"
	cleanSessions      query = "DELETE FROM sessions WHERE id IN (SELECT id FROM sessions WHERE expires_at < ? LIMIT ?)"
	cleanErrors        query = "DELETE FROM errors WHERE id IN (SELECT id FROM errors WHERE created_at < ? LIMIT ?)"
	cleanInterruptions query = "DELETE FROM interruptions WHERE id IN (SELECT id FROM interruptions WHERE expires_at < ? LIMIT ?)"
	cleanCodes         query = "DELETE FROM codes WHERE id IN (SELECT id FROM codes WHERE expires_at < ? LIMIT ?)"
	cleanTrusted       query = "DELETE FROM trusted_devices WHERE id IN (SELECT id FROM trusted_devices WHERE expires_at < ? LIMIT ?)"
	cleanGuesses       query = "DELETE FROM guesses WHERE id IN (SELECT id FROM guesses WHERE updated_at < ? LIMIT ?)"
	cleanHistory       query = "DELETE FROM history WHERE (created_at, id) IN (SELECT created_at, id FROM history WHERE created_at < ? ORDER BY created_at LIMIT ?)"
	cleanDecoys        query = "DELETE FROM messages WHERE id IN (SELECT id FROM messages WHERE status = 'decoy' AND updated_at < ? LIMIT ?)"
	cleanMessages      query = "DELETE FROM messages WHERE id IN (SELECT id FROM messages WHERE status IN ('sent', 'abandoned') AND updated_at < ? LIMIT ?)"
)

// Retention says how long things are kept after they have come to their end.
type Retention struct {
	Flows, Sessions, Errors, Messages, Guesses, History time.Duration
}

// Clean removes one batch of everything that is older than it is kept, and
// counts the rows. A result of less than batch means that little is left.
func (s *Store) Clean(ctx context.Context, keep Retention, batch int) (most int, err error) {
	now := s.options.Clock()
	for _, c := range []struct {
		q    query
		keep time.Duration
	}{{cleanFlows, keep.Flows}, {cleanSessions, keep.Sessions}, {cleanErrors, keep.Errors}, {cleanMessages, keep.Messages}, {cleanInterruptions, 0},
		{cleanCodes, keep.Flows}, {cleanTrusted, 0}, {cleanGuesses, keep.Guesses}, {cleanHistory, keep.History}, {cleanDecoys, 0}} {
		var n int
		err := s.Write(ctx, Volatile, func(tx *Tx) error {
			var err error
			n, err = tx.exec(ctx, c.q, now.Add(-c.keep), batch)
			return err
		})
		if err != nil {
			return most, err
		}
		most = max(most, n)
	}
	return most, nil
}
