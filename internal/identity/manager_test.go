package identity

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"zelus/internal/auth"
	"zelus/internal/store"
	"zelus/internal/store/storetest"
)

func TestChange(t *testing.T) {
	f := newFixture(t, storetest.Memory(t, nil))
	before := f.identity(t, `{"email":"ada@example.org"}`)
	kept := *clone(before)
	for _, test := range []struct {
		name       string
		clock      time.Duration // since begin
		state      auth.State
		wantUpdate time.Time
	}{
		{"later", time.Hour, auth.Inactive, begin.Add(time.Hour)},
		{"at the same time", 0, auth.Active, begin.Add(time.Microsecond)},
		{"by a clock that went back", -time.Hour, auth.Active, begin.Add(time.Microsecond)},
	} {
		f.now = begin.Add(test.clock)
		after, err := f.Change(before, func(i *auth.Identity) error {
			i.State, i.Traits = test.state, json.RawMessage(`{"email":"countess@example.org"}`)
			i.SetCredential(auth.TOTP, json.RawMessage(`{}`), f.now)
			i.Recovery[0].Value = "else"
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		if !after.UpdatedAt.Equal(test.wantUpdate) || after.State != test.state || counting.Available(after.Factors) != auth.AAL2 ||
			after.Credentials[auth.Password].Identifiers[0] != "countess@example.org" || after.Verifiable[0].Value != "countess@example.org" {
			t.Errorf("%s: %+v", test.name, after)
		}
		if changed := test.state != before.State; changed != after.StateChangedAt.Equal(f.now) && test.clock != 0 {
			t.Errorf("%s: the state changed at %s", test.name, after.StateChangedAt)
		}
		if diff := cmp.Diff(&kept, before); diff != "" {
			t.Fatalf("%s: what it was changed with it:\n%s", test.name, diff)
		}
	}

	_, err := f.Change(before, func(i *auth.Identity) error {
		i.Traits = json.RawMessage(`{"email":"nobody"}`)
		return nil
	})
	var problems Problems
	if !errors.Is(err, auth.ErrTraits) || !errors.As(err, &problems) || len(problems) != 1 || problems[0].Field != "traits.email" {
		t.Errorf("wrong traits: %v, %+v", err, problems)
	}
	mistake := errors.New("a mistake")
	if got, err := f.Change(before, func(*auth.Identity) error { return mistake }); got != nil || !errors.Is(err, mistake) {
		t.Errorf("%v, %v", got, err)
	}
}

// note adds a member to metadata_admin, as somebody else would.
func (f *fixture) note(t testing.TB, id uuid.UUID, name string) {
	t.Helper()
	if _, err := f.Patch(t.Context(), id, []byte(`[{"op":"add","path":"/metadata_admin/`+name+`","value":true}]`)); err != nil {
		t.Fatal(err)
	}
}

// Whoever was slower begins again with what the faster one has made. What is
// read, patched and validated meanwhile holds up nobody: the faster one would
// wait for ever here.
func TestUpdateAgain(t *testing.T) {
	storetest.Each(t, nil, func(t *testing.T, st *store.Store) {
		f := newFixture(t, st)
		i := f.create(t, Creation{Traits: json.RawMessage(`{"email":"ada@example.org"}`)})
		calls := 0
		got, err := f.update(t.Context(), i.ID, func(i *auth.Identity) error {
			if calls++; calls <= 3 {
				f.note(t, i.ID, fmt.Sprint("k", calls))
			}
			i.ExternalID = "x-1"
			return nil
		}, nil)
		if err != nil || calls != 4 || got.ExternalID != "x-1" || string(got.MetadataAdmin) != `{"k1":true,"k2":true,"k3":true}` {
			t.Errorf("after %d calls: %+v, %v", calls, got, err)
		}
		if diff := cmp.Diff(got, f.get(t, i.ID)); diff != "" {
			t.Errorf("-answered +stored:\n%s", diff)
		}

		// It does not go on for ever.
		calls = 0
		_, err = f.update(t.Context(), i.ID, func(i *auth.Identity) error {
			calls++
			f.note(t, i.ID, fmt.Sprint("n", calls))
			i.ExternalID = "x-2"
			return nil
		}, nil)
		if !errors.Is(err, auth.ErrIdentityChanged) || calls != maxTries || f.get(t, i.ID).ExternalID != "x-1" {
			t.Errorf("after %d calls: %v", calls, err)
		}

		// Nor with somebody who is gone.
		_, err = f.update(t.Context(), i.ID, func(i *auth.Identity) error { return f.Delete(t.Context(), i.ID) }, nil)
		if !errors.Is(err, auth.ErrIdentityUnknown) {
			t.Errorf("of somebody who is gone: %v", err)
		}
	})
}

// A password that is hashed anew at a sign-in changes no date of the identity.
// It stays through a change of something else, and of two changes of the
// password itself none is lost unseen.
func TestUpdateBesideRehash(t *testing.T) {
	storetest.Each(t, nil, func(t *testing.T, st *store.Store) {
		f := newFixture(t, st)
		i := f.create(t, Creation{Traits: json.RawMessage(`{"email":"ada@example.org"}`),
			Credentials: object[*Import](t, `{"password":{"config":{"hashed_password":"$md5$CY9rzUYh03PK3k6DJie09g=="}}}`)})
		rehash := func(config string) {
			t.Helper()
			before := f.get(t, i.ID).Credentials[auth.Password]
			if err := st.Write(t.Context(), store.Durable, func(tx *store.Tx) error {
				return tx.ReplaceConfig(t.Context(), i.ID, before, json.RawMessage(config))
			}); err != nil {
				t.Fatal(err)
			}
		}
		_, err := f.update(t.Context(), i.ID, func(i *auth.Identity) error {
			i.ExternalID = "x-1"
			rehash(`{"hashed_password":"better"}`)
			return nil
		}, nil)
		if got := f.get(t, i.ID); err != nil || got.ExternalID != "x-1" || string(got.Credentials[auth.Password].Config) != `{"hashed_password":"better"}` {
			t.Errorf("beside a change of something else: %+v, %v", got, err)
		}

		var seen []string
		_, err = f.update(t.Context(), i.ID, func(i *auth.Identity) error {
			seen = append(seen, string(i.Credentials[auth.Password].Config))
			if len(seen) == 1 {
				rehash(`{"hashed_password":"best"}`)
			}
			delete(i.Credentials, auth.Password)
			return nil
		}, nil)
		if diff := cmp.Diff([]string{`{"hashed_password":"better"}`, `{"hashed_password":"best"}`}, seen); err != nil || diff != "" {
			t.Errorf("beside a change of the password: %v, it saw (-want +got):\n%s", err, diff)
		}
	})
}

// Save is part of a transaction that may hold more: what fails there undoes it.
func TestSave(t *testing.T) {
	storetest.Each(t, nil, func(t *testing.T, st *store.Store) {
		f := newFixture(t, st)
		i := f.create(t, Creation{Traits: json.RawMessage(`{"email":"ada@example.org"}`)})
		session := f.session(t, i.ID)
		before := f.get(t, i.ID)
		off, err := f.Change(before, func(i *auth.Identity) error {
			i.State = auth.Inactive
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		mistake := errors.New("a mistake")
		save := func(then error) error {
			return st.Write(t.Context(), store.Durable, func(tx *store.Tx) error {
				if err := f.Save(t.Context(), tx, before, off); err != nil {
					return err
				}
				return then
			})
		}
		if err := save(mistake); !errors.Is(err, mistake) || !f.signedIn(t, session) || !cmp.Equal(before, f.get(t, i.ID)) {
			t.Errorf("undone: %v", err)
		}
		if err := save(nil); err != nil || f.signedIn(t, session) || !cmp.Equal(off, f.get(t, i.ID)) {
			t.Errorf("done: %v", err)
		}
		if err := save(nil); !errors.Is(err, store.ErrStale) {
			t.Errorf("once more: %v", err)
		}
	})
}

// TestSensitive: what somebody signs in with or is reached by is sensitive, in
// whichever way it changes; what does not follow into it is not.
func TestSensitive(t *testing.T) {
	base := func() *auth.Identity {
		return &auth.Identity{Traits: json.RawMessage(`{"email":"a@example.org"}`), State: auth.Active,
			Credentials: map[auth.CredentialType]auth.Credential{
				auth.Password: {Type: auth.Password, Identifiers: []string{"a@example.org", "ada"}, Config: json.RawMessage(`{"hashed_password":"x"}`)}},
			Verifiable: []auth.VerifiableAddress{{Value: "a@example.org", Via: "email", Status: auth.AddressPending}},
			Recovery:   []auth.RecoveryAddress{{Value: "a@example.org", Via: "email"}}}
	}
	password := func(change func(*auth.Credential)) func(*auth.Identity) {
		return func(i *auth.Identity) {
			c := i.Credentials[auth.Password]
			change(&c)
			i.Credentials[auth.Password] = c
		}
	}
	for _, test := range []struct {
		name   string
		change func(*auth.Identity)
		want   bool
	}{
		{"nothing", func(*auth.Identity) {}, false},
		{"only traits", func(i *auth.Identity) { i.Traits = json.RawMessage(`{"email":"a@example.org","name":"Ada"}`) }, false},
		{"what others keep with it", func(i *auth.Identity) { i.MetadataAdmin, i.ExternalID = json.RawMessage(`{}`), "7" }, false},
		{"when a credential was changed", password(func(c *auth.Credential) { c.UpdatedAt = c.UpdatedAt.Add(1) }), false},
		{"an address is proven", func(i *auth.Identity) { i.Verifiable[0].Status, i.Verifiable[0].Verified = "completed", true }, false},

		{"another password", password(func(c *auth.Credential) { c.Config = json.RawMessage(`{"hashed_password":"y"}`) }), true},
		{"another identifier", password(func(c *auth.Credential) { c.Identifiers = []string{"b@example.org", "ada"} }), true},
		{"an identifier more", password(func(c *auth.Credential) { c.Identifiers = append(slices.Clone(c.Identifiers), "countess") }), true},
		{"an identifier less", password(func(c *auth.Credential) { c.Identifiers = c.Identifiers[:1] }), true},
		{"a credential more", func(i *auth.Identity) { i.Credentials[auth.Code] = auth.Credential{Type: auth.Code} }, true},
		{"a credential less", func(i *auth.Identity) { delete(i.Credentials, auth.Password) }, true},
		{"a credential of another type", func(i *auth.Identity) {
			i.Credentials[auth.Code] = i.Credentials[auth.Password]
			delete(i.Credentials, auth.Password)
		}, true},
		{"another address to verify", func(i *auth.Identity) { i.Verifiable[0].Value = "b@example.org" }, true},
		{"the same by another way", func(i *auth.Identity) { i.Verifiable[0].Via = "sms" }, true},
		{"no address to verify", func(i *auth.Identity) { i.Verifiable = nil }, true},
		{"another address for recovery", func(i *auth.Identity) { i.Recovery[0].Value = "b@example.org" }, true},
		{"recovery by another way", func(i *auth.Identity) { i.Recovery[0].Via = "sms" }, true},
		{"an address for recovery more", func(i *auth.Identity) {
			i.Recovery = append(i.Recovery, auth.RecoveryAddress{Value: "b@example.org", Via: "email"})
		}, true},
	} {
		after := base()
		test.change(after)
		if got := Sensitive(base(), after); got != test.want {
			t.Errorf("%s: %v, want %v", test.name, got, test.want)
		}
	}
}
