package session

import (
	"context"
	"net/netip"
	"slices"
	"strings"
	"time"

	"zelus/internal/auth"
)

// DevicesKnown is how long after the end of a session its device is still known.
const DevicesKnown = 90 * 24 * time.Hour

// sessionsCompared bounds how many sessions of somebody are looked at. Who has more
// is told of a device once too often.
const sessionsCompared = 200

// NewDevice says whether a session that was issued or renewed just now is used on a
// device that its owner has not signed in on before. One query tells. The first
// sign-in to a new account has nothing to be compared with and is none.
func (s *Sessions) NewDevice(ctx context.Context, owner *auth.Identity, session *auth.Session) (bool, error) {
	now := s.clock()
	known, err := s.store.Devices(ctx, owner.Project, owner.ID, now.Add(-DevicesKnown), sessionsCompared)
	if err != nil {
		return false, err
	}
	if len(known) == 0 {
		return now.Sub(owner.CreatedAt) > DevicesKnown, nil
	}
	here := session.Devices.Last()
	return !slices.ContainsFunc(known, func(d auth.Device) bool { return program(d) == program(here) && provider(d) == provider(here) }), nil
}

// program is what a device runs, without its versions: a browser that was updated is
// no new device.
func program(d auth.Device) string {
	if d.UserAgent == nil {
		return ""
	}
	return strings.Map(func(r rune) rune {
		if strings.ContainsRune("0123456789._", r) {
			return -1
		}
		return r
	}, *d.UserAgent)
}

// provider is the network in which a device is, so coarse that it mostly stays the
// same when somebody's address changes: of IPv6 a provider is given a /32 at least
// (RIPE-738), and a /16 is about as much in IPv4.
func provider(d auth.Device) netip.Prefix {
	if d.IPAddress == nil {
		return netip.Prefix{}
	}
	ip, err := netip.ParseAddr(*d.IPAddress)
	if err != nil {
		return netip.Prefix{}
	}
	bits := 16
	if ip.Is6() {
		bits = 32
	}
	network, _ := ip.Prefix(bits) // both lengths fit
	return network
}
