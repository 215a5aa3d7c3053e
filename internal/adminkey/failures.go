package adminkey

import (
	"context"
	"sync"
	"sync/atomic"
	"time"
)

// reason is why a key was refused.
type reason int

const (
	malformed reason = iota // the header, before a key was looked for
	invalid                 // a key that nobody has
	expired
	revoked
	reasons // how many there are
)

func (r reason) String() string {
	return [...]string{"malformed", "invalid", "expired", "revoked"}[r]
}

// tellEvery is the least time between two lines in the log about one reason.
const tellEvery = time.Minute

// failures counts what was refused for one reason.
type failures struct {
	count atomic.Int64 // since the start

	mu   sync.Mutex // guards what follows
	told int64      // how many of them the log knows
	at   time.Time  // when it was told, at first long ago
}

// tell says whether the log is to be told now, and of how many that it does not
// know.
func (f *failures) tell(now time.Time) (news int64, due bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if now.Sub(f.at).Abs() < tellEvery {
		return 0, false
	}
	total := f.count.Load()
	news = total - f.told
	f.told, f.at = total, now
	return news, true
}

// refuse counts a refusal and passes its error on. The first of a reason is
// told in the log at once, those after it together once a minute: somebody who
// tries many must not fill the log. No part of a key is told, not even of a
// wrong one, which may be a good one with a typing mistake.
func (k *Keys) refuse(ctx context.Context, why reason, err error) error {
	f := &k.refused[why]
	f.count.Add(1)
	if news, due := f.tell(k.clock()); due {
		k.logger.WarnContext(ctx, "API keys were refused", "reason", why.String(), "count", news)
	}
	return err
}
