package auth_test

import (
	"testing"
	"time"

	"github.com/google/uuid"

	"zelus/internal/auth"
)

func TestSessionLive(t *testing.T) {
	end := time.Date(2026, 3, 4, 5, 6, 7, 0, time.UTC)
	for _, test := range []struct {
		name   string
		active bool
		now    time.Time
		want   bool
	}{
		{"in time", true, end.Add(-time.Microsecond), true},
		{"at its end", true, end, false},
		{"after its end", true, end.Add(time.Microsecond), false},
		{"revoked", false, end.Add(-time.Hour), false},
	} {
		s := auth.Session{Active: test.active, ExpiresAt: end}
		if got := s.Live(test.now); got != test.want {
			t.Errorf("%s: %v", test.name, got)
		}
	}
}

func TestSessionJSON(t *testing.T) {
	at := time.Date(2026, 3, 4, 5, 6, 7, 120_000, time.UTC)
	ip, agent := "192.0.2.1", "a \"browser\""
	s := auth.Session{
		ID: uuid.MustParse("00000000-0000-7000-8000-000000000001"), IdentityID: uuid.MustParse("00000000-0000-7000-8000-000000000002"),
		TokenHash: []byte("secret"), Active: true, AAL: auth.AAL2,
		AMR:      auth.AMRsOf(auth.AMR{Method: "password", AAL: auth.AAL1, CompletedAt: at}, auth.AMR{Method: "oidc", AAL: auth.AAL2, CompletedAt: at, Provider: "github", Organization: "o"}),
		IssuedAt: at.Add(time.Second), AuthenticatedAt: at.Add(2 * time.Second), ExpiresAt: at.Add(3 * time.Second),
		Devices: auth.DevicesOf(auth.Device{ID: uuid.MustParse("00000000-0000-4000-8000-000000000003"), IPAddress: &ip, UserAgent: &agent, Location: "Munich, DE"},
			auth.Device{ID: uuid.MustParse("00000000-0000-4000-8000-000000000004")}),
	}
	const rest = `"expires_at":"2026-03-04T05:06:10.00012Z","authenticated_at":"2026-03-04T05:06:09.00012Z","authenticator_assurance_level":"aal2",` +
		`"authentication_methods":[{"method":"password","aal":"aal1","completed_at":"2026-03-04T05:06:07.00012Z"},` +
		`{"method":"oidc","aal":"aal2","completed_at":"2026-03-04T05:06:07.00012Z","provider":"github","organization":"o"}],` +
		`"issued_at":"2026-03-04T05:06:08.00012Z","identity":`
	const devices = `,"devices":[{"id":"00000000-0000-4000-8000-000000000003","ip_address":"192.0.2.1","user_agent":"a \"browser\"","location":"Munich, DE"},` +
		`{"id":"00000000-0000-4000-8000-000000000004","ip_address":null,"user_agent":null,"location":""}]}`
	want := `before{"id":"00000000-0000-7000-8000-000000000001","active":true,` + rest + `{"a":1}` + devices
	if got := string(s.AppendJSON([]byte("before"), true, []byte(`{"a":1}`))); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	want = `{"id":"00000000-0000-7000-8000-000000000001","active":false,` + rest + `null` + devices
	if got := string(s.AppendJSON(nil, false, nil)); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

func TestTimes(t *testing.T) {
	zone := time.FixedZone("", 2*60*60)
	now := auth.Now(time.Date(2026, 3, 4, 5, 6, 7, 123_456_789, zone))
	if want := time.Date(2026, 3, 4, 3, 6, 7, 123_456_000, time.UTC); now != want {
		t.Errorf("Now: %v, want %v", now, want)
	}
	for _, test := range []struct {
		nanoseconds int
		want        string
	}{{123_456_000, "2026-03-04T03:06:07.123456Z"}, {120_000_000, "2026-03-04T03:06:07.12Z"}, {0, "2026-03-04T03:06:07Z"}} {
		if got := auth.Stamp(time.Date(2026, 3, 4, 5, 6, 7, test.nanoseconds, zone)); got != test.want {
			t.Errorf("Stamp: %s, want %s", got, test.want)
		}
	}
}

func TestValid(t *testing.T) {
	for _, known := range auth.CredentialTypes {
		if !known.Valid() {
			t.Errorf("%s is not valid", known)
		}
	}
	for _, unknown := range []auth.CredentialType{"", "Password", "password ", "profile"} {
		if unknown.Valid() {
			t.Errorf("%q is valid", unknown)
		}
	}
	for state, want := range map[auth.State]bool{auth.Active: true, auth.Inactive: true, "": false, "Active": false, "deleted": false} {
		if state.Valid() != want {
			t.Errorf("the state %q: %v", state, state.Valid())
		}
	}
}

func TestFlowReturnTo(t *testing.T) {
	for requested, want := range map[string]string{
		"https://id.example/self-service/login/browser":                                   "",
		"https://id.example/self-service/login/browser?return_to=https%3A%2F%2Fa.example": "https://a.example",
		"https://id.example/self-service/login/browser?return_to=%2Fa&return_to=%2Fb":     "/a",
		"https://id.example/?return_to=%zz":                                               "",
		"://":                                                                             "",
	} {
		if got := (&auth.Flow{RequestURL: requested}).ReturnTo(); got != want {
			t.Errorf("%s: %q, want %q", requested, got, want)
		}
	}
}
