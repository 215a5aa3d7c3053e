package auth_test

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"zelus/internal/auth"
)

func TestSetCredential(t *testing.T) {
	then := time.Date(2026, 3, 4, 5, 6, 7, 0, time.UTC)
	now := then.Add(time.Hour)
	var i auth.Identity
	i.SetCredential(auth.TOTP, json.RawMessage(`{"a":1}`), then)
	want := auth.Credential{Type: auth.TOTP, Config: json.RawMessage(`{"a":1}`), CreatedAt: then, UpdatedAt: then}
	if diff := cmp.Diff(want, i.Credentials[auth.TOTP]); diff != "" {
		t.Errorf("a new one (-want +got):\n%s", diff)
	}
	i.Credentials[auth.Password] = auth.Credential{Type: auth.Password, Identifiers: []string{"ada"}, Config: json.RawMessage(`{}`), Version: 1, CreatedAt: then, UpdatedAt: then}
	i.SetCredential(auth.Password, json.RawMessage(`{"b":2}`), now)
	want = auth.Credential{Type: auth.Password, Identifiers: []string{"ada"}, Config: json.RawMessage(`{"b":2}`), Version: 1, CreatedAt: then, UpdatedAt: now}
	if diff := cmp.Diff(want, i.Credentials[auth.Password]); diff != "" {
		t.Errorf("one that was there (-want +got):\n%s", diff)
	}
}
