package identity

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"zelus/internal/auth"
	"zelus/internal/hash"
	"zelus/internal/store"
	"zelus/internal/store/storetest"
)

func TestCreate(t *testing.T) {
	storetest.Each(t, nil, func(t *testing.T, st *store.Store) {
		f := newFixture(t, st)
		proven := begin.Add(-time.Hour)
		organization := uuid.NullUUID{UUID: uuid.New(), Valid: true}
		made := f.create(t, Creation{
			Traits: json.RawMessage(`{"email":"Ada@example.org","second":"second@example.org"}`), ExternalID: "x-1", OrganizationID: organization,
			MetadataPublic: json.RawMessage(`{"a":1}`), MetadataAdmin: json.RawMessage(`null`),
			Verifiable: []GivenVerifiable{
				{Value: " ADA@example.org ", Via: auth.ViaEmail, Verified: true, VerifiedAt: &proven},
				{Value: "second@example.org", Via: auth.ViaSMS, Verified: true},
				{Value: "else@example.org", Via: auth.ViaEmail, Verified: true},
			},
			Recovery: []GivenRecovery{{Value: "else@example.org", Via: auth.ViaEmail}},
		})
		got := f.get(t, made.ID)
		if diff := cmp.Diff(made, got); diff != "" {
			t.Errorf("what is stored is not what is answered (-answered +stored):\n%s", diff)
		}
		if got.SchemaID != "person" || got.State != auth.Active || !got.StateChangedAt.Equal(begin) || got.OrganizationID != organization ||
			string(got.MetadataPublic) != `{"a":1}` || got.MetadataAdmin != nil || got.Factors != 0 {
			t.Errorf("got %+v", got)
		}
		for _, a := range got.Verifiable {
			if want := a.Value == "ada@example.org"; a.Verified != want || want && (!a.VerifiedAt.Equal(proven) || a.Status != auth.AddressCompleted) {
				t.Errorf("the address is %+v", a)
			}
		}
		if len(got.Verifiable) != 2 || len(got.Recovery) != 2 {
			t.Errorf("%d addresses, %d to recover", len(got.Verifiable), len(got.Recovery))
		}
		if by, err := f.GetByExternalID(t.Context(), "x-1"); err != nil || by.ID != made.ID {
			t.Errorf("by its external id: %v, %v", by, err)
		}
		if _, err := f.GetByExternalID(t.Context(), "x-2"); !errors.Is(err, auth.ErrIdentityUnknown) {
			t.Errorf("by another: %v", err)
		}
	})
}

func TestCreateRefuses(t *testing.T) {
	storetest.Each(t, nil, func(t *testing.T, st *store.Store) {
		f := newFixture(t, st)
		f.create(t, Creation{Traits: json.RawMessage(`{"email":"ada@example.org","username":"ada"}`), ExternalID: "x-1",
			Credentials: object[*Import](t, `{"oidc":{"config":{"providers":[{"provider":"github","subject":"1"}]}}}`)})
		for _, test := range []struct {
			name string
			give Creation
			want *auth.Error
		}{
			{"an unknown schema", Creation{SchemaID: "unknown", Traits: json.RawMessage(`{}`)}, auth.ErrSchemaUnknown},
			{"an unknown state", Creation{State: "asleep"}, auth.ErrState},
			{"wrong traits", Creation{Traits: json.RawMessage(`{"email":"nobody"}`)}, auth.ErrTraits},
			{"traits that are missing", Creation{SchemaID: "staff"}, auth.ErrTraits},
			{"an identifier that is taken", Creation{Traits: json.RawMessage(`{"username":"ADA"}`)}, auth.ErrConflict},
			{"an address that is taken", Creation{Traits: json.RawMessage(`{"second":"ada@example.org"}`)}, auth.ErrConflict},
			{"an external id that is taken", Creation{ExternalID: "x-1"}, auth.ErrConflict},
			{"a social account that is taken", Creation{Credentials: object[*Import](t, `{"oidc":{"config":{"providers":[{"provider":"github","subject":"1"}]}}}`)}, auth.ErrConflict},
		} {
			t.Run(test.name, func(t *testing.T) {
				if got, err := f.Create(t.Context(), test.give); !errors.Is(err, test.want) {
					t.Errorf("got %+v, %v", got, err)
				}
			})
		}
		if n, err := st.CountIdentities(t.Context(), auth.DefaultProject); err != nil || n != 1 {
			t.Errorf("%d identities are stored, %v", n, err)
		}
	})
}

func TestProven(t *testing.T) {
	now, then := begin, begin.Add(-time.Hour)
	for _, test := range []struct {
		verified   bool
		status     string
		at         *time.Time
		wantStatus string
		wantAt     *time.Time
	}{
		{false, "", nil, auth.AddressPending, nil},
		{false, auth.AddressSent, &then, auth.AddressSent, nil},
		{false, auth.AddressCompleted, nil, auth.AddressCompleted, nil},
		{true, "", nil, auth.AddressCompleted, &now},
		{true, "anything", &then, auth.AddressCompleted, &then},
		{true, auth.AddressPending, &then, auth.AddressPending, &then},
	} {
		a := auth.VerifiableAddress{Verified: test.verified, Status: test.status, VerifiedAt: test.at}
		completeProof(&a, now)
		if diff := cmp.Diff(auth.VerifiableAddress{Verified: test.verified, Status: test.wantStatus, VerifiedAt: test.wantAt}, a); diff != "" {
			t.Errorf("%+v (-want +got):\n%s", test, diff)
		}
	}
}

func TestImport(t *testing.T) {
	f := newFixture(t, storetest.Memory(t, nil))
	encoded, err := f.Hashes.Generate(t.Context(), "correct horse")
	if err != nil {
		t.Fatal(err)
	}
	const organization = "00000000-0000-4000-8000-000000000001"
	for n, test := range []struct {
		name, give string
		kind       auth.CredentialType
		config     string // empty: a hash of "correct horse"
		ids        []string
		first      int
	}{
		{"a password in clear", `{"password":{"config":{"password":"correct horse"}}}`, auth.Password, ``, nil, 1},
		{"its hash", `{"password":{"config":{"hashed_password":"` + encoded + `"}}}`, auth.Password, `{"hashed_password":"` + encoded + `"}`, nil, 1},
		{"the hash beside an empty password", `{"password":{"config":{"password":"","hashed_password":"` + encoded + `"}}}`, auth.Password, `{"hashed_password":"` + encoded + `"}`, nil, 1},
		{"another system's hash", `{"password":{"config":{"hashed_password":"$md5$CY9rzUYh03PK3k6DJie09g=="}}}`, auth.Password, `{"hashed_password":"$md5$CY9rzUYh03PK3k6DJie09g=="}`, nil, 1},
		{"a password that another system knows", `{"password":{"config":{"use_password_migration_hook":true,"password":"ignored"}}}`, auth.Password, `{"use_password_migration_hook":true}`, nil, 0},
		{"a social account", `{"oidc":{"config":{"providers":[{"provider":"github","subject":"1","use_auto_link":true}]}}}`, auth.OIDC,
			`{"providers":[{"subject":"1","provider":"github","initial_id_token":"","initial_access_token":"","initial_refresh_token":"","use_auto_link":true}]}`, []string{"github:1"}, 1},
		{"two", `{"oidc":{"config":{"providers":[{"provider":"github","subject":"2"},{"provider":"google","subject":"2"}]}}}`, auth.OIDC,
			`{"providers":[{"subject":"2","provider":"github","initial_id_token":"","initial_access_token":"","initial_refresh_token":""},{"subject":"2","provider":"google","initial_id_token":"","initial_access_token":"","initial_refresh_token":""}]}`,
			[]string{"github:2", "google:2"}, 2},
		{"an organisation's account", `{"saml":{"config":{"providers":[{"provider":"corp","subject":"3","organization":"` + organization + `"}]}}}`, auth.SAML,
			`{"providers":[{"subject":"3","provider":"corp","initial_id_token":"","initial_access_token":"","initial_refresh_token":"","organization":"` + organization + `"}]}`, []string{"corp:3"}, 0},
	} {
		t.Run(test.name, func(t *testing.T) {
			email := fmt.Sprintf("p%d@example.org", n)
			i := f.create(t, Creation{Traits: json.RawMessage(`{"email":"` + email + `"}`), Credentials: object[*Import](t, test.give)})
			c := f.get(t, i.ID).Credentials[test.kind]
			ids := test.ids
			if test.kind == auth.Password {
				ids = []string{email}
			}
			if diff := cmp.Diff(ids, c.Identifiers); diff != "" {
				t.Errorf("identifiers (-want +got):\n%s", diff)
			}
			if test.config != "" && string(c.Config) != test.config {
				t.Errorf("the config is %s", c.Config)
			}
			if test.config == "" {
				config := object[PasswordConfig](t, string(c.Config))
				if right, err := f.Hashes.Verify(t.Context(), "correct horse", config.HashedPassword); err != nil || !right {
					t.Errorf("the password does not fit %s: %v", config.HashedPassword, err)
				}
			}
			if got := f.FirstFactors(i); got != test.first {
				t.Errorf("%d first factors, want %d", got, test.first)
			}
		})
	}
}

func TestImportRefuses(t *testing.T) {
	f := newFixture(t, storetest.Memory(t, nil))
	for _, test := range []struct {
		name, give string
		want       *auth.Error
	}{
		{"no password at all", `{"password":{"config":{}}}`, auth.ErrPasswordEmpty},
		{"no config", `{"password":{}}`, auth.ErrPasswordEmpty},
		{"an empty password", `{"password":{"config":{"password":""}}}`, auth.ErrPasswordEmpty},
		{"a hash of no known format", `{"password":{"config":{"hashed_password":"hunter2"}}}`, auth.ErrPasswordHash},
		{"a hash that would take too long", `{"password":{"config":{"hashed_password":"$2a$31$abcdefghijklmnopqrstuuZ1nHyR.aG0Sk8pRk6yIT1ZGqgsNwYWe"}}}`, auth.ErrPasswordHash},
		{"a password that is too long", `{"password":{"config":{"password":"` + strings.Repeat("p", hash.MaxPassword+1) + `"}}}`, auth.ErrBadRequest},
		{"an account of no provider", `{"oidc":{"config":{"providers":[{"subject":"1"}]}}}`, auth.ErrBadRequest},
		{"an account of nobody", `{"oidc":{"config":{"providers":[{"provider":"github","subject":"1"},{"provider":"github"}]}}}`, auth.ErrBadRequest},
		{"an organisation's account of nobody", `{"saml":{"config":{"providers":[{"provider":"corp"}]}}}`, auth.ErrBadRequest},
	} {
		t.Run(test.name, func(t *testing.T) {
			_, err := f.Create(t.Context(), Creation{Traits: json.RawMessage(`{"email":"ada@example.org"}`), Credentials: object[*Import](t, test.give)})
			if !errors.Is(err, test.want) {
				t.Fatal(err)
			}
			if body := string(auth.AsError(err).JSON("")); auth.AsError(err).Reason == "" || strings.Contains(body, "hunter2") {
				t.Errorf("the answer is %s", body)
			}
		})
	}
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := f.Create(ended, Creation{Credentials: object[*Import](t, `{"password":{"config":{"password":"correct horse"}}}`)}); !errors.Is(err, auth.ErrTimeout) {
		t.Errorf("when nobody waits: %v", err)
	}
	f.Hashes.Close()
	if _, err := f.Create(t.Context(), Creation{Credentials: object[*Import](t, `{"password":{"config":{"password":"correct horse"}}}`)}); !errors.Is(err, hash.ErrClosed) || !errors.Is(err, auth.ErrNotReady) {
		t.Errorf("when the server ends: %v", err)
	}
}

func TestReplace(t *testing.T) {
	storetest.Each(t, nil, func(t *testing.T, st *store.Store) {
		f := newFixture(t, st)
		made := f.create(t, Creation{Traits: json.RawMessage(`{"email":"ada@example.org","name":"Ada"}`), ExternalID: "x-1",
			MetadataPublic: json.RawMessage(`{"a":1}`), MetadataAdmin: json.RawMessage(`{"b":1}`),
			Verifiable:  []GivenVerifiable{{Value: "ada@example.org", Via: auth.ViaEmail, Verified: true}},
			Credentials: object[*Import](t, `{"password":{"config":{"password":"correct horse"}},"oidc":{"config":{"providers":[{"provider":"github","subject":"1"}]}}}`)})
		f.now = begin.Add(time.Hour)

		// What is absent goes, but for schema, state and credentials.
		got, err := f.Replace(t.Context(), made.ID, Replacement{Traits: json.RawMessage(`{"email":"ada@example.org"}`)})
		if err != nil {
			t.Fatal(err)
		}
		want := *clone(made)
		want.ExternalID, want.Traits, want.MetadataPublic, want.MetadataAdmin, want.UpdatedAt = "", json.RawMessage(`{"email":"ada@example.org"}`), nil, nil, f.now
		if diff := cmp.Diff(&want, got, howStored); diff != "" {
			t.Errorf("-want +got:\n%s", diff)
		}
		if diff := cmp.Diff(got, f.get(t, made.ID), howStored); diff != "" {
			t.Errorf("-answered +stored:\n%s", diff)
		}

		// What is there is taken.
		f.now = begin.Add(2 * time.Hour)
		got, err = f.Replace(t.Context(), made.ID, Replacement{SchemaID: "staff", Traits: json.RawMessage(`{"number":7}`), State: auth.Inactive, ExternalID: "x-2",
			MetadataPublic: json.RawMessage(`2`), MetadataAdmin: json.RawMessage(`3`),
			Credentials: object[*Import](t, `{"oidc":{"config":{"providers":[{"provider":"google","subject":"1"}]}}}`)})
		if err != nil {
			t.Fatal(err)
		}
		if got.SchemaID != "staff" || got.State != auth.Inactive || !got.StateChangedAt.Equal(f.now) || got.ExternalID != "x-2" ||
			string(got.MetadataPublic) != "2" || string(got.MetadataAdmin) != "3" || got.Verifiable != nil || !got.CreatedAt.Equal(begin) {
			t.Errorf("got %+v", got)
		}
		if ids := got.Credentials[auth.OIDC].Identifiers; !slices.Equal(ids, []string{"github:1", "google:1"}) {
			t.Errorf("the social accounts are %v", ids)
		}
		if ids := got.Credentials[auth.Password].Identifiers; !slices.Equal(ids, []string{"7"}) {
			t.Errorf("the password belongs to %v", ids)
		}
		if diff := cmp.Diff(got, f.get(t, made.ID), howStored); diff != "" {
			t.Errorf("-answered +stored:\n%s", diff)
		}
		// The former address is free again.
		f.create(t, Creation{Traits: json.RawMessage(`{"email":"ada@example.org"}`)})
	})
}

func TestReplaceRefuses(t *testing.T) {
	storetest.Each(t, nil, func(t *testing.T, st *store.Store) {
		f := newFixture(t, st)
		ada := f.create(t, Creation{Traits: json.RawMessage(`{"email":"ada@example.org"}`), ExternalID: "x-1"})
		f.create(t, Creation{Traits: json.RawMessage(`{"email":"bob@example.org"}`), ExternalID: "x-2"})
		before := f.get(t, ada.ID)
		f.now = begin.Add(time.Hour)
		for _, test := range []struct {
			name string
			id   uuid.UUID
			give Replacement
			want *auth.Error
		}{
			{"an unknown identity", uuid.New(), Replacement{}, auth.ErrIdentityUnknown},
			{"an unknown state", ada.ID, Replacement{State: "asleep"}, auth.ErrState},
			{"an unknown schema", ada.ID, Replacement{SchemaID: "unknown"}, auth.ErrSchemaUnknown},
			{"wrong traits", ada.ID, Replacement{Traits: json.RawMessage(`{"email":1}`)}, auth.ErrTraits},
			{"traits of another schema", ada.ID, Replacement{SchemaID: "staff", Traits: json.RawMessage(`{"email":"ada@example.org"}`)}, auth.ErrTraits},
			{"somebody else's identifier", ada.ID, Replacement{Traits: json.RawMessage(`{"email":"bob@example.org"}`)}, auth.ErrConflict},
			{"somebody else's external id", ada.ID, Replacement{Traits: ada.Traits, ExternalID: "x-2"}, auth.ErrConflict},
			{"a password that cannot be", ada.ID, Replacement{Traits: ada.Traits, Credentials: object[*Import](t, `{"password":{"config":{}}}`)}, auth.ErrPasswordEmpty},
		} {
			t.Run(test.name, func(t *testing.T) {
				if got, err := f.Replace(t.Context(), test.id, test.give); !errors.Is(err, test.want) {
					t.Errorf("got %+v, %v", got, err)
				}
				if diff := cmp.Diff(before, f.get(t, ada.ID)); diff != "" {
					t.Errorf("it changed all the same (-before +after):\n%s", diff)
				}
			})
		}
	})
}

// Whoever is switched off is signed out, and stays so.
func TestSwitchOff(t *testing.T) {
	storetest.Each(t, nil, func(t *testing.T, st *store.Store) {
		f := newFixture(t, st)
		ada := f.create(t, Creation{Traits: json.RawMessage(`{"email":"ada@example.org"}`)})
		bob := f.create(t, Creation{Traits: json.RawMessage(`{"email":"bob@example.org"}`)})
		adas, bobs := f.session(t, ada.ID), f.session(t, bob.ID)
		var mu sync.Mutex
		told := map[uuid.UUID]bool{}
		st.Listen(func(ids []uuid.UUID) {
			mu.Lock()
			defer mu.Unlock()
			for _, id := range ids {
				told[id] = true
			}
		})
		if !f.signedIn(t, adas) || !f.signedIn(t, bobs) {
			t.Fatal("they are not signed in")
		}
		f.now = begin.Add(time.Minute)
		off, err := f.Patch(t.Context(), ada.ID, []byte(`[{"op":"replace","path":"/state","value":"inactive"}]`))
		if err != nil || !off.StateChangedAt.Equal(f.now) {
			t.Fatalf("%+v, %v", off, err)
		}
		if f.signedIn(t, adas) || !f.signedIn(t, bobs) {
			t.Errorf("signed in: %v, somebody else: %v", f.signedIn(t, adas), f.signedIn(t, bobs))
		}
		mu.Lock()
		if !told[ada.ID] || told[bob.ID] {
			t.Errorf("told of %v", told)
		}
		mu.Unlock()
		f.now = begin.Add(2 * time.Minute)
		on, err := f.Replace(t.Context(), ada.ID, Replacement{State: auth.Active, Traits: ada.Traits})
		if err != nil || !on.StateChangedAt.Equal(f.now) {
			t.Fatalf("%+v, %v", on, err)
		}
		if f.signedIn(t, adas) {
			t.Error("a session came back")
		}
		// A change that leaves the state alone leaves sessions alone.
		again := f.session(t, ada.ID)
		if _, err := f.Replace(t.Context(), ada.ID, Replacement{State: auth.Active, Traits: json.RawMessage(`{"email":"countess@example.org"}`)}); err != nil {
			t.Fatal(err)
		}
		if !f.signedIn(t, again) || !f.get(t, ada.ID).StateChangedAt.Equal(f.now) {
			t.Error("a change of traits signs out")
		}
	})
}

func TestDelete(t *testing.T) {
	storetest.Each(t, nil, func(t *testing.T, st *store.Store) {
		f := newFixture(t, st)
		c := Creation{Traits: json.RawMessage(`{"email":"ada@example.org"}`), ExternalID: "x-1"}
		i := f.create(t, c)
		session := f.session(t, i.ID)
		if err := f.Delete(t.Context(), i.ID); err != nil {
			t.Fatal(err)
		}
		if _, err := f.Get(t.Context(), i.ID); !errors.Is(err, auth.ErrIdentityUnknown) {
			t.Errorf("it is still there: %v", err)
		}
		if f.signedIn(t, session) {
			t.Error("it is still signed in")
		}
		if left, err := st.Credentials(t.Context(), i.ID); err != nil || len(left) > 0 {
			t.Errorf("credentials are left: %v, %v", left, err)
		}
		if err := f.Delete(t.Context(), i.ID); !errors.Is(err, auth.ErrIdentityUnknown) {
			t.Errorf("once more: %v", err)
		}
		f.create(t, c) // all that it had is free
	})
}

// Changes at the same time all take place.
func TestConcurrentChanges(t *testing.T) {
	storetest.Each(t, nil, func(t *testing.T, st *store.Store) {
		f := newFixture(t, st)
		i := f.create(t, Creation{Traits: json.RawMessage(`{"email":"ada@example.org"}`), MetadataAdmin: json.RawMessage(`{}`), MetadataPublic: json.RawMessage(`{}`)})
		const n = 16
		var all sync.WaitGroup
		for k := range n {
			all.Go(func() {
				body := fmt.Sprintf(`[{"op":"add","path":"/metadata_%s/k%d","value":%d}]`, []string{"admin", "public"}[k%2], k, k)
				if _, err := f.Patch(t.Context(), i.ID, []byte(body)); err != nil {
					t.Error(err)
				}
			})
			if k%4 == 0 {
				all.Go(func() {
					// One that fails takes nobody's change along.
					if _, err := f.Patch(t.Context(), i.ID, []byte(`[{"op":"add","path":"/metadata_admin/wrong","value":1},{"op":"replace","path":"/traits/email","value":1}]`)); !errors.Is(err, auth.ErrTraits) {
						t.Error(err)
					}
				})
			}
		}
		all.Wait()
		got := f.get(t, i.ID)
		admin, public := object[map[string]int](t, string(got.MetadataAdmin)), object[map[string]int](t, string(got.MetadataPublic))
		if len(admin) != n/2 || len(public) != n/2 {
			t.Errorf("left: %v and %v", admin, public)
		}
	})
}

// Of several who want one identifier at the same time, one gets it.
func TestConcurrentCreations(t *testing.T) {
	storetest.Each(t, nil, func(t *testing.T, st *store.Store) {
		f := newFixture(t, st)
		var all sync.WaitGroup
		results := make([]error, 8)
		for n := range results {
			all.Go(func() {
				_, results[n] = f.Create(t.Context(), Creation{Traits: json.RawMessage(`{"email":"ada@example.org"}`)})
			})
		}
		all.Wait()
		made := 0
		for _, err := range results {
			switch {
			case err == nil:
				made++
			case !errors.Is(err, auth.ErrConflict):
				t.Error(err)
			}
		}
		if made != 1 {
			t.Errorf("%d of them got it", made)
		}
	})
}

func TestLoginHints(t *testing.T) {
	f := newFixture(t, storetest.Memory(t, nil))
	f.create(t, Creation{Traits: json.RawMessage(`{"email":"ada@example.org","phone":"+4930901820"}`), Credentials: object[*Import](t, `{"password":{"config":{"password":"correct horse"}},
		"oidc":{"config":{"providers":[{"provider":"github","subject":"1"},{"provider":"google","subject":"1"},{"provider":"github","subject":"2"},
			{"provider":"corp","subject":"1","organization":"00000000-0000-4000-8000-000000000001"}]}}}`)})
	f.create(t, Creation{Traits: json.RawMessage(`{"username":"bob"}`)})
	all, accounts := []string{"password", "oidc"}, []string{"github", "google"}
	none := []string{}
	for _, test := range []struct {
		traits string
		want   LoginHints
	}{
		{`{"email":"Ada@example.org"}`, LoginHints{all, accounts, "ada@example.org"}},
		{`{"email":"new@example.org","username":"ada@example.org"}`, LoginHints{all, accounts, "ada@example.org"}},
		// What is taken is not a password's identifier, but that of a code.
		{`{"phone":"+49 30 901820"}`, LoginHints{all, accounts, "+4930901820"}},
		{`{"username":"bob"}`, LoginHints{none, none, "bob"}},
		{`{"email":"new@example.org"}`, LoginHints{none, none, ""}},
		{`{}`, LoginHints{none, none, ""}},
	} {
		got, err := f.LoginHints(t.Context(), f.identity(t, test.traits))
		if diff := cmp.Diff(test.want, got); err != nil || diff != "" {
			t.Errorf("%s: %v (-want +got):\n%s", test.traits, err, diff)
		}
	}
	// Nobody is told about themselves.
	own := f.identity(t, `{"email":"ada@example.org","username":"bob"}`)
	ada, err := f.Store.SignInBy(t.Context(), auth.DefaultProject, auth.Password, "ada@example.org")
	if err != nil {
		t.Fatal(err)
	}
	own.ID = ada.Identity.ID
	if got, err := f.LoginHints(t.Context(), own); err != nil || got.Identifier != "bob" {
		t.Errorf("of themselves: %+v, %v", got, err)
	}
	// A social account that is taken, too.
	i := f.New("person")
	setProviders(i, auth.OIDC, []provider{{Provider: "google", Subject: "1"}}, begin)
	if got, err := f.LoginHints(t.Context(), i); err != nil || got.Identifier != "google:1" || !slices.Equal(got.Types, all) {
		t.Errorf("%+v, %v", got, err)
	}
	// Who cannot be looked for was not found to be missing.
	empty, err := store.Open(t.Context(), store.Options{Dialect: "sqlite", Memory: true, Clock: time.Now, Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	defer empty.Close()
	if got, err := newFixture(t, empty).LoginHints(t.Context(), f.identity(t, `{"email":"ada@example.org"}`)); err == nil {
		t.Errorf("without tables: %+v", got)
	}
}

func TestDeleteCredential(t *testing.T) {
	const (
		hashed    = `{"hashed_password":"$2a$04$abcdefghijklmnopqrstuuZ1nHyR.aG0Sk8pRk6yIT1ZGqgsNwYWe"}`
		github    = `{"providers":[{"provider":"github","subject":"1"}]}`
		two       = `{"providers":[{"provider":"github","subject":"1"},{"provider":"google","subject":"1"}]}`
		onlyTwo   = `{"credentials":[{"id":"a","is_passwordless":false}],"user_handle":"h"}`
		mixed     = `{"credentials":[{"id":"a","is_passwordless":false},{"id":"b","is_passwordless":true}],"user_handle":"h"}`
		mixedLeft = `{"credentials":[{"id":"b","is_passwordless":true}],"user_handle":"h"}`
	)
	type given struct {
		kind        auth.CredentialType
		config      string
		identifiers []string
	}
	password := given{kind: auth.Password, config: hashed}
	social := given{auth.OIDC, github, []string{"github:1"}}
	socials := given{auth.OIDC, two, []string{"github:1", "google:1"}}
	corp := given{auth.SAML, `{"providers":[{"provider":"corp","subject":"1"}]}`, []string{"corp:1"}}
	totp := given{auth.TOTP, `{"totp_url":"x"}`, []string{"ada"}}
	lookup := given{auth.LookupSecret, `{"recovery_codes":[]}`, []string{"ada"}}
	for _, test := range []struct {
		name       string
		has        []given
		kind       auth.CredentialType
		identifier string
		want       *auth.Error // nil: it is deleted
		config     string      // afterwards; empty: the row is gone
		level      auth.AAL
	}{
		{"a type it lacks", []given{password}, auth.TOTP, "", auth.ErrCredentialMissing, "", auth.AAL1},
		{"a type that nobody knows", []given{password}, "unknown", "", auth.ErrCredentialMissing, "", auth.AAL1},
		{"no type", []given{password}, "", "", auth.ErrCredentialMissing, "", auth.AAL1},
		{"a social account it lacks, before all", []given{password}, auth.OIDC, "", auth.ErrCredentialMissing, "", auth.AAL1},
		{"authenticator app", []given{password, totp}, auth.TOTP, "", nil, "", auth.AAL1},
		{"authenticator app, the only credential", []given{totp}, auth.TOTP, "", nil, "", auth.AAL0},
		{"lookup secrets", []given{password, lookup}, auth.LookupSecret, "", nil, "", auth.AAL1},
		{"security keys, all of them second factors", []given{password, {kind: auth.WebAuthn, config: onlyTwo}}, auth.WebAuthn, "", nil, "{}", auth.AAL1},
		{"security keys, one signs in by itself", []given{{kind: auth.WebAuthn, config: mixed}}, auth.WebAuthn, "", nil, mixedLeft, auth.AAL1},
		{"the last password", []given{password}, auth.Password, "", auth.ErrCredentialLast, hashed, auth.AAL1},
		{"the last password beside a second factor", []given{password, totp}, auth.Password, "", auth.ErrCredentialLast, hashed, auth.AAL2},
		{"a password beside a social account", []given{password, social}, auth.Password, "", nil, "{}", auth.AAL1},
		{"a password beside a passwordless key", []given{password, {kind: auth.WebAuthn, config: mixed}}, auth.Password, "", nil, "{}", auth.AAL2},
		{"an empty password", []given{social}, auth.Password, "", auth.ErrCredentialLast, "{}", auth.AAL1},
		{"a social account that is not named", []given{password, social}, auth.OIDC, "", auth.ErrCredentialID, github, auth.AAL1},
		{"the last one, not named", []given{social}, auth.OIDC, "", auth.ErrCredentialID, github, auth.AAL1},
		{"one that it does not have", []given{password, social}, auth.OIDC, "github:2", auth.ErrCredentialMissing, github, auth.AAL1},
		{"the last one, another named", []given{social}, auth.OIDC, "github:nope", auth.ErrCredentialMissing, github, auth.AAL1},
		{"a provider without a subject", []given{password, social}, auth.OIDC, "github", auth.ErrCredentialMissing, github, auth.AAL1},
		{"the last social account", []given{social}, auth.OIDC, "github:1", auth.ErrCredentialLast, github, auth.AAL1},
		{"a social account beside a password", []given{password, social}, auth.OIDC, "github:1", nil, "", auth.AAL1},
		{"one of two social accounts", []given{socials}, auth.OIDC, "github:1", nil,
			`{"providers":[{"subject":"1","provider":"google","initial_id_token":"","initial_access_token":"","initial_refresh_token":""}]}`, auth.AAL1},
		{"an organisation's account beside another", []given{social, corp}, auth.SAML, "corp:1", nil, "", auth.AAL1},
		{"an organisation's account that is not named", []given{social, corp}, auth.SAML, "", auth.ErrCredentialID, corp.config, auth.AAL1},
		{"codes", []given{password}, auth.Code, "", auth.ErrCredentialKept, `{"addresses":[{"channel":"email","address":"ada@example.org"}]}`, auth.AAL1},
		{"passkeys", []given{password, {auth.Passkey, `{}`, []string{"ada"}}}, auth.Passkey, "", auth.ErrCredentialKept, `{}`, auth.AAL1},
		{"devices", []given{password, {auth.DeviceAuthn, `{}`, nil}}, auth.DeviceAuthn, "x", auth.ErrCredentialKept, `{}`, auth.AAL1},
	} {
		t.Run(test.name, func(t *testing.T) {
			f := newFixture(t, storetest.Memory(t, nil))
			i := f.create(t, Creation{Traits: json.RawMessage(`{"email":"ada@example.org"}`)})
			for _, g := range test.has {
				f.give(t, i.ID, g.kind, g.config, g.identifiers...)
			}
			before := f.get(t, i.ID)
			err := f.DeleteCredential(t.Context(), i.ID, test.kind, test.identifier, nil)
			if test.want == nil && err != nil || test.want != nil && !errors.Is(err, test.want) {
				t.Fatalf("got %v, want %v", err, test.want)
			}
			after := f.get(t, i.ID)
			if test.want != nil {
				if diff := cmp.Diff(before, after); diff != "" {
					t.Errorf("it changed all the same (-before +after):\n%s", diff)
				}
			}
			c, there := after.Credentials[test.kind]
			if there != (test.config != "") || string(c.Config) != test.config {
				t.Errorf("it is there: %v, with %s; want %q", there, c.Config, test.config)
			}
			if level := counting.Available(after.Factors); level != test.level {
				t.Errorf("it can reach %s, want %s", level, test.level)
			}
			// All but what was asked for stays.
			for kind := range before.Credentials {
				if _, kept := after.Credentials[kind]; !kept && kind != test.kind {
					t.Errorf("%s is gone, too; left: %v", kind, types(after))
				}
			}
			if there {
				for n, id := range c.Identifiers { // and they still find it
					found, err := f.Store.SignInBy(t.Context(), auth.DefaultProject, test.kind, id)
					if err != nil || found.Identity.ID != i.ID {
						t.Errorf("identifier %d: %v", n, err)
					}
				}
			}
		})
	}
	f := newFixture(t, storetest.Memory(t, nil))
	if err := f.DeleteCredential(t.Context(), uuid.New(), auth.TOTP, "", nil); !errors.Is(err, auth.ErrIdentityUnknown) {
		t.Errorf("of nobody: %v", err)
	}
}
