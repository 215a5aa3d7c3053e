package auth_test

import (
	"encoding/json"
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"zelus/internal/auth"
)

func TestLevelOf(t *testing.T) {
	password := auth.AMR{Method: "password", AAL: auth.AAL1}
	code := auth.AMR{Method: "code", AAL: auth.AAL1}
	totp := auth.AMR{Method: "totp", AAL: auth.AAL2}
	lookup := auth.AMR{Method: "lookup_secret", AAL: auth.AAL2}
	social := auth.AMR{Method: "oidc", AAL: auth.AAL1}
	socialTwo := auth.AMR{Method: "oidc", AAL: auth.AAL2}
	key := auth.AMR{Method: "webauthn", AAL: auth.AAL2}
	passkeyTwo := auth.AMR{Method: "passkey", AAL: auth.AAL2}
	both := auth.AMR{Method: "passkey", AAL: auth.AAL2, Both: true}
	bothOfOne := auth.AMR{Method: "passkey", AAL: auth.AAL1, Both: true}
	samlTwo := auth.AMR{Method: "saml", AAL: auth.AAL2}
	for _, test := range []struct {
		name string
		done []auth.AMR
		want auth.AAL
	}{
		{"nothing", nil, auth.AAL0},
		{"an entry of no level", []auth.AMR{{Method: "password"}}, auth.AAL0},
		{"an entry of level zero", []auth.AMR{{Method: "password", AAL: auth.AAL0}}, auth.AAL0},
		{"an entry of a level that does not exist", []auth.AMR{{Method: "password", AAL: "aal3"}}, auth.AAL0},
		{"a first factor", []auth.AMR{password}, auth.AAL1},
		{"two first factors", []auth.AMR{password, code}, auth.AAL1},
		{"the same first factor twice", []auth.AMR{password, password}, auth.AAL1},
		{"a second factor alone", []auth.AMR{totp}, auth.AAL1},
		{"two second factors alone", []auth.AMR{totp, lookup}, auth.AAL1},
		{"a first and a second factor", []auth.AMR{password, totp}, auth.AAL2},
		{"a second and a first factor", []auth.AMR{totp, password}, auth.AAL2},
		{"a social sign-in", []auth.AMR{social}, auth.AAL1},
		{"a social sign-in and a second factor", []auth.AMR{social, totp}, auth.AAL2},
		{"a provider that vouches for two factors", []auth.AMR{socialTwo}, auth.AAL2},
		{"an organisation's provider that does", []auth.AMR{samlTwo}, auth.AAL2},
		{"a key as a second factor alone", []auth.AMR{key}, auth.AAL1},
		{"such a key twice", []auth.AMR{key, key}, auth.AAL1},
		{"a passkey that does not say that it was both", []auth.AMR{passkeyTwo}, auth.AAL1},
		{"a key that was both", []auth.AMR{both}, auth.AAL2},
		{"one that says so of one level", []auth.AMR{bothOfOne}, auth.AAL1},
		{"a provider that vouches, after a password", []auth.AMR{password, socialTwo}, auth.AAL2},
	} {
		t.Run(test.name, func(t *testing.T) {
			if got := auth.LevelOf(test.done); got != test.want {
				t.Errorf("got %s, want %s", got, test.want)
			}
		})
	}
}

func TestMet(t *testing.T) {
	levels := []auth.AAL{auth.AAL0, auth.AAL1, auth.AAL2}
	// For each level that a session has, whether it is enough for somebody
	// who could reach aal0, aal1 and aal2.
	for demand, table := range map[auth.RequiredAAL][3][3]bool{
		auth.RequireAAL1:    {{false, false, false}, {true, true, true}, {true, true, true}},
		auth.RequireHighest: {{false, false, false}, {true, true, false}, {true, true, true}},
	} {
		for h, has := range levels {
			for a, available := range levels {
				t.Run(fmt.Sprintf("%s, has %s of %s", demand, has, available), func(t *testing.T) {
					if got := demand.Met(has, available); got != table[h][a] {
						t.Errorf("got %v, want %v", got, table[h][a])
					}
				})
			}
		}
	}
}

func TestAtLeast(t *testing.T) {
	levels := []auth.AAL{auth.AAL0, auth.AAL1, auth.AAL2}
	for i, a := range levels {
		for j, b := range levels {
			if got := a.AtLeast(b); got != (i >= j) {
				t.Errorf("%s at least %s: %v", a, b, got)
			}
		}
	}
}

// A list of completed methods comes back as it was, and tells nobody what is not on the wire.
func TestAMRs(t *testing.T) {
	at := time.Date(2026, 3, 4, 5, 6, 7, 0, time.UTC)
	const password = `{"method":"password","aal":"aal1","completed_at":"2026-03-04T05:06:07Z"}`
	for name, test := range map[string]struct {
		all  []auth.AMR
		wire string
	}{
		"none":       {nil, `[]`},
		"one":        {[]auth.AMR{{Method: "password", AAL: auth.AAL1, CompletedAt: at}}, `[` + password + `]`},
		"two in one": {[]auth.AMR{{Method: "password", AAL: auth.AAL1, CompletedAt: at}, {Method: "passkey", AAL: auth.AAL2, CompletedAt: at, Both: true}}, `[` + password + `,{"method":"passkey","aal":"aal2","completed_at":"2026-03-04T05:06:07Z"}]`},
		"a provider with a name like that": {[]auth.AMR{{Method: "oidc", AAL: auth.AAL1, CompletedAt: at, Provider: `x","both":true,"y":"`}},
			`[{"method":"oidc","aal":"aal1","completed_at":"2026-03-04T05:06:07Z","provider":"x\",\"both\":true,\"y\":\""}]`},
	} {
		t.Run(name, func(t *testing.T) {
			list := auth.AMRsOf(test.all...)
			if diff := cmp.Diff(test.all, list.All(), cmpopts.EquateEmpty()); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
			s := auth.Session{AMR: list}
			var sent struct {
				Methods json.RawMessage `json:"authentication_methods"`
			}
			if err := json.Unmarshal(s.AppendJSON(nil, true, nil), &sent); err != nil || string(sent.Methods) != test.wire {
				t.Errorf("it is sent as %s, want %s (%v)", sent.Methods, test.wire, err)
			}
		})
	}
	if wire := (&auth.Session{}).AppendJSON(nil, true, nil); !json.Valid(wire) {
		t.Errorf("without any: %s", wire)
	}
	for _, damaged := range []auth.AMRs{`[{"method":"password"`, `[{"method":1,"aal":"aal2","completed_at":"2099-01-01T00:00:00Z"}]`} {
		if all := damaged.All(); all != nil {
			t.Errorf("%s is read as %v", damaged, all)
		}
	}
}
