package webauthn

import (
	"testing"

	"zelus/internal/auth"
	"zelus/internal/ceremony"
	"zelus/internal/config"
	"zelus/internal/flow"
)

// TestWorth: what the use of a key is worth, and whether that is enough, by how the
// key was set up, whether it has checked who used it, and what the form asks for.
func TestWorth(t *testing.T) {
	for _, test := range []struct {
		alone, made, now, on bool
		asked                auth.AAL
		want                 auth.AMR
		enough               bool
	}{
		// A second factor is one factor, whatever it has checked.
		{false, true, true, true, auth.AAL2, auth.AMR{Method: name, AAL: auth.AAL2}, true},
		{false, false, false, false, auth.AAL2, auth.AMR{Method: name, AAL: auth.AAL2}, true},
		// One that signs somebody in is one factor, and two where it was and is checked.
		{true, true, true, true, auth.AAL1, auth.AMR{Method: name, AAL: auth.AAL2, Both: true}, true},
		{true, true, true, true, auth.AAL2, auth.AMR{Method: name, AAL: auth.AAL2, Both: true}, true},
		{true, true, true, false, auth.AAL1, auth.AMR{Method: name, AAL: auth.AAL1}, true},
		{true, true, true, false, auth.AAL2, auth.AMR{Method: name, AAL: auth.AAL1}, false},
		{true, false, true, true, auth.AAL1, auth.AMR{Method: name, AAL: auth.AAL1}, true},
		{true, false, true, true, auth.AAL2, auth.AMR{Method: name, AAL: auth.AAL1}, false},
		{true, true, false, true, auth.AAL1, auth.AMR{Method: name, AAL: auth.AAL1}, true},
		{true, true, false, true, auth.AAL2, auth.AMR{Method: name, AAL: auth.AAL1}, false},
	} {
		c := &config.Config{}
		c.SelfService.Methods.WebAuthn.Config = config.WebAuthnConfig{Passwordless: true, UserVerifiedAAL2: test.on}
		form := &flow.Form{Config: c, Flow: &auth.Flow{RequestedAAL: test.asked}}
		proof := &ceremony.Proof{Key: ceremony.Key{Passwordless: test.alone, Flags: &ceremony.Flags{UserVerified: test.made}}, Verified: test.now}
		if got, enough := worth(form, proof); got != test.want || enough != test.enough {
			t.Errorf("%+v: %+v, %v", test, got, enough)
		}
	}
}

// TestHolds: what keys count for does not depend on what others there are.
func TestHolds(t *testing.T) {
	verified, not := &ceremony.Flags{UserVerified: true}, &ceremony.Flags{}
	keys := ceremony.Config{Keys: []ceremony.Key{{ID: []byte{1}, Flags: verified}, {ID: []byte{2}, Flags: not}, {ID: []byte{3}, Passwordless: true, Flags: verified},
		{ID: []byte{4}, Passwordless: true, Flags: not}, {ID: []byte{5}, Passwordless: true}}}
	want := []auth.Factors{auth.FactorKey, auth.FactorKey, auth.FactorKeyAlone | auth.FactorVerifiedKey, auth.FactorKeyAlone, auth.FactorKeyAlone}
	c := auth.Credential{Identifiers: []string{"ada"}, Config: keys.JSON()}
	got := holds(c)
	if len(got) != len(want) {
		t.Fatalf("%v", got)
	}
	for i := range want {
		if got[i] != want[i] {
			t.Errorf("key %d: %b, want %b", i, got[i], want[i])
		}
	}
	if c.Identifiers = nil; len(holds(c)) != 2 {
		t.Errorf("nobody is asked for without an identifier: %v", holds(c))
	}
}
