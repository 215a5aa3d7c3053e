package adminkey

import (
	"strconv"
	"strings"
	"time"

	"zelus/internal/auth"
)

const (
	day = 24 * time.Hour
	// maxLifetime is ten years with their leap days.
	maxLifetime = 3653 * day
)

func inRange(lifetime time.Duration) bool { return lifetime > 0 && lifetime <= maxLifetime }

// ParseLifetime reads for how long a key is to be good: a number of days or
// weeks (90d, 2w), or a duration as Go writes it (12h, 1h30m). It is above zero
// and at most ten years; anything else is auth.ErrAdminKeyExpiry.
func ParseLifetime(text string) (time.Duration, error) {
	lifetime, ok := time.Duration(0), false
	if number, weeks := strings.CutSuffix(text, "w"); weeks {
		lifetime, ok = times(number, 7*day)
	} else if number, days := strings.CutSuffix(text, "d"); days {
		lifetime, ok = times(number, day)
	} else {
		d, err := time.ParseDuration(text)
		lifetime, ok = d, err == nil
	}
	if !ok || !inRange(lifetime) {
		return 0, auth.ErrAdminKeyExpiry
	}
	return lifetime, nil
}

// times is so many units. Numbers are read up to 8191 (13 bits): that many days
// are more than the ten years that are allowed, and that many weeks still fit
// into a Duration.
func times(number string, unit time.Duration) (time.Duration, bool) {
	n, err := strconv.ParseUint(number, 10, 13)
	return time.Duration(n) * unit, err == nil
}
