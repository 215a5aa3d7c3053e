package auth

import (
	"cmp"
	"encoding/json"
	"strings"
	"time"

	"github.com/google/uuid"
)

// Session is what a sign-in leaves behind: who, how strongly proven, and for
// how long. Its token is never kept, only the token's keyed hash.
type Session struct {
	ID         uuid.UUID
	Project    uuid.UUID
	IdentityID uuid.UUID
	// TokenHash is the keyed hash of the token or of the cookie's secret.
	TokenHash []byte
	// Active is false once the session was revoked.
	Active          bool
	AAL             AAL
	AMR             AMRs
	IssuedAt        time.Time
	AuthenticatedAt time.Time
	ExpiresAt       time.Time
	Devices         Devices
	// TrustedDevice is the device in which it was begun, if its owner trusted that
	// one. It adds nothing to what was proven, see Policy.Due.
	TrustedDevice uuid.NullUUID
}

// Live says whether the session is neither revoked nor past its time.
func (s *Session) Live(now time.Time) bool { return s.Active && now.Before(s.ExpiresAt) }

// Device is where a session was begun. Address and agent may be unknown.
type Device struct {
	ID        uuid.UUID `json:"id"`
	IPAddress *string   `json:"ip_address"`
	UserAgent *string   `json:"user_agent"`
	Location  string    `json:"location"`
}

// Devices is a list of devices as it is stored and sent, the oldest first: most who
// read a session only pass it on. The zero value is an empty list.
type Devices string

// DevicesOf makes the list of these.
func DevicesOf(all ...Device) Devices { return Devices(mustJSON(all)) }

// All reads the list.
func (d Devices) All() (all []Device) {
	_ = json.Unmarshal([]byte(d), &all) // fails for the zero value, which has none
	return all
}

// Last is the newest of them; the zero Device where there is none.
func (d Devices) Last() (last Device) {
	if all := d.All(); len(all) > 0 {
		last = all[len(all)-1]
	}
	return last
}

// AMRs is a list of completed methods as it is stored, in the order in which they were:
// like Devices, most only pass it on. The zero value is an empty list.
type AMRs string

// AMRsOf makes the list of these.
func AMRsOf(all ...AMR) AMRs { return AMRs(mustJSON(append([]AMR{}, all...))) }

// All reads the list. Of one that cannot be read nothing is proven.
func (a AMRs) All() (all []AMR) {
	if err := json.Unmarshal([]byte(a), &all); err != nil {
		return nil
	}
	return all
}

// wire is the list as it is sent: as it is stored, but for what is not told. The names of
// such fields are looked for anywhere, which finds too much at most: AMRsOf writes a field
// in no other way.
func (a AMRs) wire() string {
	if !strings.Contains(string(a), `"both"`) {
		return cmp.Or(string(a), "[]")
	}
	all := a.All()
	for i := range all {
		all[i].Both = false
	}
	return string(mustJSON(all))
}

// AppendJSON writes the session as the wire has it. identity is the identity's
// JSON or nil for null; active is what the reader is told, which also depends
// on the identity.
func (s *Session) AppendJSON(dst []byte, active bool, identity []byte) []byte {
	dst = append(dst, `{"id":"`...)
	dst = append(dst, s.ID.String()...)
	dst = append(dst, `","active":`...)
	if active {
		dst = append(dst, "true"...)
	} else {
		dst = append(dst, "false"...)
	}
	dst = append(dst, `,"expires_at":"`...)
	dst = append(dst, Stamp(s.ExpiresAt)...)
	dst = append(dst, `","authenticated_at":"`...)
	dst = append(dst, Stamp(s.AuthenticatedAt)...)
	dst = append(dst, `","authenticator_assurance_level":"`...)
	dst = append(dst, s.AAL...)
	dst = append(dst, `","authentication_methods":`...)
	dst = append(dst, s.AMR.wire()...)
	dst = append(dst, `,"issued_at":"`...)
	dst = append(dst, Stamp(s.IssuedAt)...)
	dst = append(dst, `","identity":`...)
	if identity == nil {
		dst = append(dst, "null"...)
	} else {
		dst = append(dst, identity...)
	}
	dst = append(dst, `,"devices":`...)
	dst = append(dst, cmp.Or(s.Devices, "[]")...)
	return append(dst, '}')
}

// Event is what somebody did when they proved who they are.
type Event string

// All events.
const (
	SignedUp     Event = "registration"
	SignedIn     Event = "login"
	ProvenAgain  Event = "refresh"
	ProvenSecond Event = "second_factor" // in a session that had a first one only
	Recovered    Event = "recovery"
)
