package ceremony_test

import (
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"zelus/internal/auth"
	"zelus/internal/ceremony"
	"zelus/internal/ceremony/ceremonytest"
	"zelus/internal/config"
)

const (
	site = "https://login.example.org"
	app  = "android:apk-key-hash:abc"
)

var (
	party     = &ceremony.Party{ID: "example.org", Name: "Example", Setting: "rp", Origins: []string{"https://example.org", site}, Apps: []string{app}}
	challenge = []byte("a challenge of thirty-two octets")
	handle    = []byte("somebody")
)

func creation() string {
	return ceremony.Options(party.Create(challenge, handle, nil, "Ada", ceremony.Selection{UserVerification: ceremony.Preferred}))
}

func request(keys ...ceremony.Key) string {
	return ceremony.Options(party.Ask(challenge, keys, ceremony.Preferred))
}

// registered is an authenticator and what is stored of its key.
func registered(t testing.TB) (*ceremonytest.Authenticator, ceremony.Config) {
	t.Helper()
	a := ceremonytest.New(t, site)
	a.Flags |= ceremonytest.Verified | ceremonytest.BackupEligible
	k, err := party.Register(a.Create(creation()), challenge, true)
	if err != nil {
		t.Fatal(err)
	}
	return a, ceremony.Config{}.Add(k, handle)
}

func TestRegister(t *testing.T) {
	a := ceremonytest.New(t, site)
	a.AAGUID = [16]byte{0xba, 0xda, 0x55, 0x66, 0xa7, 0xaa, 0x40, 0x1f, 0xbd, 0x96, 0x45, 0x61, 0x9a, 0x55, 0x12, 0x0d}
	a.Flags |= ceremonytest.Verified | ceremonytest.BackupEligible | ceremonytest.BackedUp
	k, err := party.Register(a.Create(creation()), challenge, true)
	if err != nil {
		t.Fatal(err)
	}
	want := ceremony.Key{ID: a.ID, PublicKey: k.PublicKey, AttestationType: "none", DisplayName: "1Password",
		Authenticator: &ceremony.Authenticator{AAGUID: a.AAGUID[:], SignCount: 1},
		Flags:         &ceremony.Flags{UserPresent: true, UserVerified: true, BackupEligible: true, BackupState: true}}
	if diff := cmp.Diff(want, k); diff != "" || len(k.PublicKey) == 0 || string(a.UserHandle) != string(handle) {
		t.Error(diff)
	}

	for what, change := range map[string]func(*ceremonytest.Authenticator){
		"another site":               func(a *ceremonytest.Authenticator) { a.Origin = "https://evil.example" },
		"a site below":               func(a *ceremonytest.Authenticator) { a.Origin = "https://x.login.example.org" },
		"without encryption":         func(a *ceremonytest.Authenticator) { a.Origin = "http://login.example.org" },
		"another port":               func(a *ceremonytest.Authenticator) { a.Origin = site + ":444" },
		"another app":                func(a *ceremonytest.Authenticator) { a.Origin = "android:apk-key-hash:abd" },
		"another relying party":      func(a *ceremonytest.Authenticator) { a.RPID = "evil.example" },
		"another challenge":          func(a *ceremonytest.Authenticator) { a.Challenge = "AAAA" },
		"nobody there":               func(a *ceremonytest.Authenticator) { a.Flags &^= ceremonytest.Present },
		"nobody verified":            func(a *ceremonytest.Authenticator) { a.Flags &^= ceremonytest.Verified },
		"backed up, and not able":    func(a *ceremonytest.Authenticator) { a.Flags |= ceremonytest.BackedUp },
		"no id":                      func(a *ceremonytest.Authenticator) { a.ID = nil },
		"an endless id":              func(a *ceremonytest.Authenticator) { a.ID = make([]byte, 1024) },
		"no public key":              func(a *ceremonytest.Authenticator) { a.PublicKey = []byte{} },
		"a public key of no kind":    func(a *ceremonytest.Authenticator) { a.PublicKey = []byte{0xa1, 0x01, 0x02} },
		"an algorithm not asked for": func(a *ceremonytest.Authenticator) { a.PublicKey = []byte{0xa2, 0x01, 0x02, 0x03, 0x38, 0x2e} },
		"an endless public key": func(a *ceremonytest.Authenticator) {
			modulus := append([]byte{0x59, 0x20, 0x00}, slices.Repeat([]byte{0xff}, 8192)...)
			a.PublicKey = slices.Concat([]byte{0xa4, 0x01, 0x03, 0x03, 0x39, 0x01, 0x00, 0x20}, modulus, []byte{0x21, 0x43, 1, 0, 1})
		},
	} {
		a := ceremonytest.New(t, site)
		a.Flags |= ceremonytest.Verified
		change(a)
		if k, err := party.Register(a.Create(creation()), challenge, true); !errors.Is(err, ceremony.ErrWrong) && !errors.Is(err, ceremony.ErrUnreadable) {
			t.Errorf("%s: %+v, %v", what, k, err)
		}
	}
	a = ceremonytest.New(t, app)
	if _, err := party.Register(a.Create(creation()), challenge, false); err != nil {
		t.Errorf("the app: %v", err)
	}
}

func TestProve(t *testing.T) {
	a, owner := registered(t)
	for n, more := range []byte{0, ceremonytest.BackedUp, 0} {
		a.Flags = ceremonytest.Present | ceremonytest.Verified | ceremonytest.BackupEligible | more
		answer, err := ceremony.ReadAnswer(a.Get(request()))
		if err != nil {
			t.Fatal(err)
		}
		proof, err := party.Prove(answer, challenge, owner, true)
		if err != nil || !proof.Verified || !proof.Both() || proof.Key.Authenticator.SignCount != uint32(n+2) || proof.Key.Flags.BackupState != (more != 0) {
			t.Fatalf("%+v, %v", proof, err)
		}
		owner = owner.Add(proof.Key, handle)
	}
	// One that does not count, from the first use on.
	still := ceremonytest.New(t, site)
	still.Still = true
	k, err := party.Register(still.Create(creation()), challenge, false)
	if err != nil {
		t.Fatal(err)
	}
	answer, _ := ceremony.ReadAnswer(still.Get(request()))
	if proof, err := party.Prove(answer, challenge, ceremony.Config{}.Add(k, handle), false); err != nil || proof.Verified || proof.Both() {
		t.Errorf("one that does not count: %+v, %v", proof, err)
	}
	// One that has learnt to verify since: whoever has found it could have taught it.
	taught := ceremonytest.New(t, site)
	if k, err = party.Register(taught.Create(creation()), challenge, false); err != nil {
		t.Fatal(err)
	}
	taught.Flags |= ceremonytest.Verified
	answer, _ = ceremony.ReadAnswer(taught.Get(request()))
	if proof, err := party.Prove(answer, challenge, ceremony.Config{}.Add(k, handle), true); err != nil || !proof.Verified || proof.Both() || proof.Key.Flags.UserVerified {
		t.Errorf("one that has learnt to verify: %+v, %v", proof, err)
	}
	// A key that was brought along without flags gets those of its first use, but is
	// never one that has verified anybody.
	k = owner.Keys[0]
	k.Flags, k.Authenticator = nil, nil
	answer, _ = ceremony.ReadAnswer(a.Get(request()))
	proof, err := party.Prove(answer, challenge, ceremony.Config{}.Add(k, handle), true)
	if err != nil || !proof.Verified || proof.Both() || !proof.Key.Flags.BackupEligible {
		t.Errorf("one without flags: %+v, %v", proof, err)
	}
}

func TestProveRefuses(t *testing.T) {
	for what, change := range map[string]func(*ceremonytest.Authenticator){
		"another site":             func(a *ceremonytest.Authenticator) { a.Origin = "https://evil.example" },
		"another relying party":    func(a *ceremonytest.Authenticator) { a.RPID = "evil.example" },
		"another challenge":        func(a *ceremonytest.Authenticator) { a.Challenge = "AAAA" },
		"no challenge":             func(a *ceremonytest.Authenticator) { a.Challenge = "=" },
		"nobody there":             func(a *ceremonytest.Authenticator) { a.Flags &^= ceremonytest.Present },
		"nobody verified":          func(a *ceremonytest.Authenticator) { a.Flags &^= ceremonytest.Verified },
		"not able to be backed up": func(a *ceremonytest.Authenticator) { a.Flags &^= ceremonytest.BackupEligible },
		"somebody else's handle":   func(a *ceremonytest.Authenticator) { a.UserHandle = []byte("nobody") },
		"another key":              func(a *ceremonytest.Authenticator) { a.ID = []byte("another") },
		"the key of somebody else": func(a *ceremonytest.Authenticator) {
			other := ceremonytest.New(t, site)
			other.ID, other.Flags, other.Count, other.UserHandle = a.ID, a.Flags, a.Count, a.UserHandle
			*a = *other
		},
	} {
		a, owner := registered(t)
		change(a)
		answer, err := ceremony.ReadAnswer(a.Get(request()))
		if err != nil {
			t.Fatalf("%s: %v", what, err)
		}
		if proof, err := party.Prove(answer, challenge, owner, true); !errors.Is(err, ceremony.ErrWrong) {
			t.Errorf("%s: %+v, %v", what, proof, err)
		}
	}
	// A copy of the key has been used meanwhile, or is used now.
	for _, back := range []uint32{0, 1, 2} {
		a, owner := registered(t)
		a.Count = 1
		answer, _ := ceremony.ReadAnswer(a.Get(request()))
		proof, err := party.Prove(answer, challenge, owner, true)
		if err != nil {
			t.Fatal(err)
		}
		a.Count = back - 1 // 0 makes it stand still at nought
		if back == 0 {
			a.Still, a.Count = true, 0
		}
		answer, _ = ceremony.ReadAnswer(a.Get(request()))
		copied, err := party.Prove(answer, challenge, owner.Add(proof.Key, handle), true)
		if !errors.Is(err, ceremony.ErrCopied) || !copied.Key.Authenticator.CloneWarning || copied.Key.Authenticator.SignCount != 2 {
			t.Errorf("back to %d: %+v, %v", back, copied, err)
		}
	}
}

func TestUnreadable(t *testing.T) {
	a, _ := registered(t)
	right := a.Get(request())
	for _, text := range []string{"", "{}", "null", "[]", `"x"`, "true", right + right, right[:len(right)-1], strings.Replace(right, "public-key", "password", 1),
		right + strings.Repeat(" ", 32<<10), strings.Repeat("[", 30000), `{"id":"AA","rawId":"AA","type":"public-key","response":{"clientDataJSON":"e30","authenticatorData":"","signature":""}}`} {
		if _, err := ceremony.ReadAnswer(text); !errors.Is(err, ceremony.ErrUnreadable) {
			t.Errorf("%.80q: %v", text, err)
		}
		if _, err := party.Register(text, challenge, false); !errors.Is(err, ceremony.ErrUnreadable) {
			t.Errorf("register %.80q: %v", text, err)
		}
	}
}

// FuzzAnswers: whatever is sent, nothing is taken that the key has not signed, and
// nothing breaks.
func FuzzAnswers(f *testing.F) {
	a, owner := registered(f)
	f.Add(a.Create(creation()))
	f.Add(a.Get(request()))
	f.Add(`{"id":"AA","rawId":"AA","type":"public-key","response":{"attestationObject":"o2NmbXRkbm9uZWdhdHRTdG10oGhhdXRoRGF0YUA","clientDataJSON":"e30"}}`)
	other := []byte("another challenge that nobody was")
	f.Fuzz(func(t *testing.T, text string) {
		if _, err := party.Register(text, other, false); err == nil {
			t.Errorf("a key was made of %q", text)
		}
		answer, err := ceremony.ReadAnswer(text)
		if err != nil {
			return
		}
		if _, err := party.Prove(answer, other, owner, false); !errors.Is(err, ceremony.ErrWrong) {
			t.Errorf("%q: %v", text, err)
		}
	})
}

func TestStored(t *testing.T) {
	const stored = `{"credentials":[{"id":"AQI=","public_key":"Aw==","attestation_type":"none","authenticator":{"aaguid":"BA==","sign_count":3,"clone_warning":false},` +
		`"display_name":"x","added_at":"2026-01-02T03:04:05Z","is_passwordless":true,"flags":{"user_present":true,"user_verified":false,"backup_eligible":true,"backup_state":false},` +
		`"transport":["usb"],"attestation":{"object":"AA=="}}],"user_handle":"BQ=="}`
	c := ceremony.Read(auth.Credential{Config: json.RawMessage(stored)})
	if got := string(c.JSON()); got != stored {
		t.Errorf("%s\nbecomes %s", stored, got)
	}
	if k := c.Keys[0]; k.HexID() != "0102" || k.Verifies() {
		t.Errorf("%+v", k)
	}
	for _, wrong := range []string{"", "{}", "null", `{"credentials":3}`, `{"credentials":[{"id":"*"}]}`} {
		if c := ceremony.Read(auth.Credential{Config: json.RawMessage(wrong)}); len(c.Keys) != 0 || len(c.UserHandle) != 0 {
			t.Errorf("%s: %+v", wrong, c)
		}
	}
	// One that was made in a second window, for another handle.
	if got := c.Add(ceremony.Key{ID: []byte("y")}, []byte("other")); len(got.Keys) != 1 {
		t.Errorf("%+v", got)
	}
	if got := c.Add(ceremony.Key{ID: []byte{1, 2}, DisplayName: "again"}, []byte{5}); len(got.Keys) != 1 || got.Keys[0].DisplayName != "again" || c.Keys[0].DisplayName != "x" {
		t.Errorf("%+v, %+v", got, c)
	}
}

func TestParties(t *testing.T) {
	c := &config.Config{}
	c.Serve.Public.BaseURL = "http://id.example/auth"
	if got := ceremony.RelatedOrigins(c); got == nil || len(got) > 0 {
		t.Errorf("nothing is on: %v", got)
	}
	keys, passkeys := &c.SelfService.Methods.WebAuthn, &c.SelfService.Methods.Passkey
	keys.Enabled, keys.Config.RP.ID = true, "id.example"
	passkeys.Enabled, passkeys.Config.RP.ID, passkeys.Config.RP.Origins = true, "id.example", []string{"https://a.example/", "http://id.example", app}
	if diff := cmp.Diff([]string{"http://id.example", "https://a.example"}, ceremony.RelatedOrigins(c)); diff != "" {
		t.Error(diff)
	}
	if p := ceremony.Passkeys(c); !slices.Equal(p.Apps, []string{app}) || len(p.Origins) != 2 {
		t.Errorf("%+v", p)
	}
	// Where no origins are named, the server's own is one of them, with its port.
	keys.Config.RP.Origins, passkeys.Config.RP.Origins = nil, nil
	for base, want := range map[string][]string{
		"http://id.example:4433/auth":  {"http://id.example", "http://id.example:4433"},
		"https://ID.example:443/":      {"https://id.example"},
		"https://login.id.example":     {"https://id.example", "https://login.id.example"},
		"https://login.other.example/": {"https://id.example"},
		"https://bad-id.example":       {"https://id.example"},
	} {
		c.Serve.Public.BaseURL = base
		for _, p := range []*ceremony.Party{ceremony.SecurityKeys(c), ceremony.Passkeys(c)} {
			if diff := cmp.Diff(want, p.Origins); diff != "" {
				t.Errorf("%s at %s: %s", p.Setting, base, diff)
			}
		}
	}
	keys.Config.RP.Origin = "https://b.example"
	if p := ceremony.SecurityKeys(c); !slices.Equal(p.Origins, []string{"https://b.example"}) {
		t.Errorf("%+v", p)
	}
}
