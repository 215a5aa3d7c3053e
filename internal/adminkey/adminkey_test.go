package adminkey

import (
	"encoding/json"
	"errors"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"zelus/internal/auth"
	"zelus/internal/store"
)

// TestCreate: a key is told once; what is kept of it is its keyed hash.
func TestCreate(t *testing.T) {
	onEach(t, func(t *testing.T, p place) {
		now := p.clock.now()
		if all := p.list(t); all == nil || len(all) != 0 {
			t.Errorf("at first there is %#v, want an empty list", all)
		}
		first, key := p.made(t, "  Größe 🔑 ", 0)
		p.clock.add(time.Second)
		second, other := p.made(t, "of a day", 24*time.Hour)
		for _, one := range []string{key, other} {
			if !regexp.MustCompile(`^zelus_key_[A-Za-z0-9]{43}$`).MatchString(one) {
				t.Errorf("the key is %q", one)
			}
		}
		if key == other || first.ID == second.ID {
			t.Error("two keys are the same")
		}
		end := now.Add(time.Second + 24*time.Hour)
		want := []Key{{ID: first.ID, Name: "Größe 🔑", State: Live, CreatedAt: now}, {ID: second.ID, Name: "of a day", State: Live, CreatedAt: now.Add(time.Second), ExpiresAt: &end}}
		if d := cmp.Diff(want, []Key{first, second}); d != "" {
			t.Errorf("what is told (-want +got):\n%s", d)
		}
		if d := cmp.Diff(want, p.list(t)); d != "" {
			t.Errorf("the list (-want +got):\n%s", d)
		}
		rows, err := p.store.AdminKeys(t.Context(), auth.DefaultProject)
		if err != nil {
			t.Fatal(err)
		}
		for _, row := range rows {
			if len(row.Hash) != 32 || strings.Contains(key+other, string(row.Hash)) {
				t.Errorf("what is kept of a key is %x", row.Hash)
			}
		}
		told, err := json.Marshal(p.list(t)[0])
		if want := `{"id":"` + first.ID.String() + `","name":"Größe 🔑","state":"live","created_at":"2026-03-04T05:06:07Z","expires_at":null,"revoked_at":null,"last_used_at":null}`; err != nil || string(told) != want {
			t.Errorf("%s, %v, want %s", told, err, want)
		}
		is(t, "the first", p.answered(t, "Bearer "+key), nil)
		is(t, "the second", p.answered(t, "Bearer "+other), nil)
		p.clock.add(24 * time.Hour)
		if all := p.list(t); all[0].State != Live || all[1].State != Expired {
			t.Errorf("a day later there is %+v", all)
		}
	})
}

func TestNames(t *testing.T) {
	onEach(t, func(t *testing.T, p place) {
		for _, name := range []string{"", " ", "\u00a0\u3000", "a\x00b", "a\nb", "end\n", "\x1b[2J", "a\u0085b", "\xff", "a\xc3", strings.Repeat("ä", 101)} {
			if k, key, err := p.Create(t.Context(), name, nil); !errors.Is(err, auth.ErrAdminKeyName) || key != "" || k != (Key{}) {
				t.Errorf("%q: %+v, %v", name, k, err)
			}
		}
		for _, name := range []string{"a", strings.Repeat("ä", 100), "  " + strings.Repeat("🔑", 100) + "  ", "'; DROP TABLE admin_keys; --", "<script>"} {
			if k, _ := p.made(t, name, 0); k.Name != strings.TrimSpace(name) {
				t.Errorf("%q became %q", name, k.Name)
			}
		}
		if all := p.list(t); len(all) != 5 {
			t.Errorf("there are %d keys", len(all))
		}
	})
}

func TestParseLifetime(t *testing.T) {
	for text, want := range map[string]time.Duration{
		"90d": 90 * day, "1d": day, "2w": 14 * day, "12h": 12 * time.Hour, "1h30m": 90 * time.Minute, "1ns": 1, "0.5h": 30 * time.Minute,
		"3653d": 3653 * day, "521w": 521 * 7 * day, "87672h": 3653 * day, "007d": 7 * day,
	} {
		if got, err := ParseLifetime(text); got != want || err != nil {
			t.Errorf("%q is %v, %v, want %v", text, got, err, want)
		}
	}
	for _, text := range []string{"", "d", "w", "0d", "0", "0s", "-1d", "+1d", "-12h", "1.5d", "1 d", " 1d", "1d ", "1D", "1y", "1d12h", "1w1d", "90", "ten days", "3654d", "522w",
		"87673h", "8191w", "8192w", "30500569w", "213503983d", "106751991167300d", "18446744073709551616d", "99999999999999999999w", "9999999h", "1_0d", "0x1d", "٣d", "1e3d", "nan", strings.Repeat("9", 1000) + "d"} {
		if got, err := ParseLifetime(text); !errors.Is(err, auth.ErrAdminKeyExpiry) || got != 0 {
			t.Errorf("%q is %v, %v", text, got, err)
		}
	}
}

// TestExpiry: a key ends in the future and within ten years.
func TestExpiry(t *testing.T) {
	onEach(t, func(t *testing.T, p place) {
		now := p.clock.now()
		for name, end := range map[string]time.Time{"the past": now.Add(-time.Second), "now": now, "almost now": now.Add(time.Nanosecond), "never was": {},
			"too late": now.Add(maxLifetime + time.Microsecond), "far away": now.AddDate(2000, 0, 0)} {
			if _, key, err := p.Create(t.Context(), "x", &end); !errors.Is(err, auth.ErrAdminKeyExpiry) || key != "" {
				t.Errorf("%s: %v", name, err)
			}
		}
		for name, end := range map[string]time.Time{"soon": now.Add(time.Microsecond), "ten years": now.AddDate(10, 0, 0), "elsewhere": now.Add(time.Hour).In(time.FixedZone("", 3600))} {
			k, _, err := p.Create(t.Context(), "x", &end)
			if err != nil || !k.ExpiresAt.Equal(end) || k.ExpiresAt.Location() != time.UTC {
				t.Errorf("%s: %v, %v", name, k.ExpiresAt, err)
			}
		}
	})
}

// TestRevoke: a key ends at once, for good, and with the time of the first time.
func TestRevoke(t *testing.T) {
	onEach(t, func(t *testing.T, p place) {
		k, key := p.made(t, "k", 0)
		_, other := p.made(t, "other", 0)
		is(t, "before", p.answered(t, "Bearer "+key), nil)
		when := p.clock.now()
		for range 2 {
			if err := p.Revoke(t.Context(), k.ID); err != nil {
				t.Fatal(err)
			}
			is(t, "after", p.answered(t, "Bearer "+key), auth.ErrAdminKeyRevoked)
			p.clock.add(time.Hour)
		}
		if got := p.list(t)[0]; got.RevokedAt == nil || !got.RevokedAt.Equal(when) || got.State != Revoked {
			t.Errorf("it became %+v", got)
		}
		is(t, "another one", p.answered(t, "Bearer "+other), nil)
		if err := p.Revoke(t.Context(), uuid.New()); !errors.Is(err, auth.ErrAdminKeyUnknown) {
			t.Errorf("a key that is not there: %v", err)
		}
	})
}

func TestState(t *testing.T) {
	now := newClock().now()
	at := func(d time.Duration) *time.Time {
		end := now.Add(d)
		return &end
	}
	var got []State
	for _, row := range []store.AdminKey{{}, {ExpiresAt: at(1)}, {ExpiresAt: at(0)}, {ExpiresAt: at(-1)}, {RevokedAt: at(-1)}, {RevokedAt: at(-1), ExpiresAt: at(-1)}, {RevokedAt: at(1)}} {
		got = append(got, stateOf(&row, now))
	}
	if want := []State{Live, Live, Expired, Expired, Revoked, Revoked, Revoked}; !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}

func TestConfigureNeedsSecrets(t *testing.T) {
	onEach(t, func(t *testing.T, p place) {
		_, key := p.made(t, "k", 0)
		for _, bad := range []Settings{{}, settings("")} {
			if err := p.Configure(bad); err == nil {
				t.Errorf("%+v was taken", bad)
			}
		}
		is(t, "with the settings from before", p.answered(t, "Bearer "+key), nil)
	})
}
