package ui

import (
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// contexts are the keys that a message's context has on the wire; ids that are
// not listed have none.
var contexts = map[int]string{
	LabelSignInWith: "provider provider_id", LabelSignInWithAndLink: "provider", LabelSignInCodeTo: "address channel",
	InfoSignInLink:  "duplicateIdentifier provider newLoginUrl duplicate_identifier new_login_url available_credential_types available_providers",
	LabelSignUpWith: "provider provider_id", LabelLinkProvider: "provider", LabelUnlinkProvider: "provider",
	InfoTOTPSecret: "secret", InfoLookupSecret: "secret", InfoLookupSecretUsed: "used_at used_at_unix", InfoLookupSecrets: "secrets",
	LabelRemoveWebAuthn: "display_name added_at added_at_unix", LabelRemovePasskey: "display_name added_at added_at_unix",
	SuccessRecovery:        "privilegedSessionExpiresAt privileged_session_expires_at privileged_session_expires_at_unix",
	InfoRecoveryCodeSentTo: "masked_address", LabelMaskedAddress: "masked_address", LabelGenerated: "title name",
	ErrorGeneric: "reason", ErrorRequired: "property", ErrorMinLength: "min_length actual_length", ErrorPattern: "pattern",
	ErrorPasswordPolicy: "reason", ErrorMaxLength: "max_length actual_length", ErrorMinimum: "minimum actual",
	ErrorExclusiveMinimum: "minimum actual", ErrorMaximum: "maximum actual", ErrorExclusiveMaximum: "maximum actual",
	ErrorMultipleOf: "base actual", ErrorMaxItems: "max_items actual_items", ErrorMinItems: "min_items actual_items",
	ErrorUniqueItems: "index_a index_b", ErrorWrongType: "allowed_types actual_type",
	ErrorDuplicateWithHints: "available_credential_types available_oidc_providers credential_identifier_hint",
	ErrorConst:              "expected", ErrorPasswordMinLength: "min_length actual_length", ErrorPasswordMaxLength: "max_length actual_length",
	ErrorPasswordBreached: "breaches", ErrorEmail: "value", ErrorPhone: "value",
	ErrorLoginExpired: "expired_at expired_at_unix", ErrorRegistrationExpired: "expired_at expired_at_unix",
	ErrorSettingsExpired: "expired_at expired_at_unix", ErrorRecoveryExpired: "expired_at expired_at_unix",
	ErrorVerificationExpired: "expired_at expired_at_unix", ErrorSystem: "reason",
}

// successes are the only messages of that type.
var successes = map[int]bool{SuccessSettings: true, SuccessRecovery: true, SuccessVerification: true, SuccessVerificationPhone: true}

func TestCatalogue(t *testing.T) {
	placeholder := regexp.MustCompile(`\{[^}]*\}`)
	for id, e := range catalogue {
		want := Info
		switch {
		case id >= 4000000:
			want = Error
		case successes[id]:
			want = Success
		}
		if e.kind != want {
			t.Errorf("%d is of type %s, want %s", id, e.kind, want)
		}
		if strings.TrimSpace(e.text) == "" || e.text != strings.TrimSpace(e.text) {
			t.Errorf("%d has no clean text: %q", id, e.text)
		}
		for _, p := range placeholder.FindAllString(e.text, -1) {
			if !strings.Contains(" "+contexts[id]+" ", " "+strings.Trim(p, "{}")+" ") {
				t.Errorf("%d has the placeholder %s, its context is %q", id, p, contexts[id])
			}
		}
	}
}

// TestCatalogueIsComplete: the ids of the wire, range by range.
func TestCatalogueIsComplete(t *testing.T) {
	ranges := [][2]int{{1010001, 1010025}, {1040001, 1040009}, {1050001, 1050023}, {1060001, 1060007}, {1069001, 1069002}, {1070000, 1070018},
		{1080001, 1080005}, {4000001, 4000046}, {4010001, 4010011}, {4040001, 4040003}, {4050001, 4050002}, {4060001, 4060006},
		{4070001, 4070006}, {5000001, 5000003}}
	count := 0
	for _, r := range ranges {
		for id := r[0]; id <= r[1]; id++ {
			count++
			if _, known := catalogue[id]; !known {
				t.Errorf("%d is missing", id)
			}
		}
	}
	if count != len(catalogue) {
		t.Errorf("the catalogue has %d messages, want %d", len(catalogue), count)
	}
}

func TestSay(t *testing.T) {
	at := time.Date(2026, 11, 21, 20, 0, 8, 780754000, time.FixedZone("", 3600))
	tests := []struct {
		name    string
		message Message
		want    Message
	}{
		{"no context", Say(LabelPassword), Message{ID: 1070001, Type: Info, Text: "Password"}},
		{"a value", Say(LabelGenerated, "title", "E-Mail", "name", "traits.email"),
			Message{ID: 1070002, Type: Info, Text: "E-Mail", Context: map[string]any{"title": "E-Mail", "name": "traits.email"}}},
		{"a value like a placeholder", Say(ErrorMinimum, "actual", "{minimum}", "minimum", 5),
			Message{ID: 4000018, Type: Error, Text: "{minimum} is too small. It must be at least 5.",
				Context: map[string]any{"actual": "{minimum}", "minimum": 5}}},
		{"a list", Say(ErrorWrongType, "actual_type", "string", "allowed_types", []string{"integer", "null"}),
			Message{ID: 4000026, Type: Error, Text: "This is of the wrong type: it is string, but must be integer, null.",
				Context: map[string]any{"actual_type": "string", "allowed_types": []string{"integer", "null"}}}},
		{"messages", Say(InfoLookupSecrets, "secrets", []Message{Say(InfoLookupSecret, "secret", "a"), Say(InfoLookupSecret, "secret", "b")}),
			Message{ID: 1050015, Type: Info, Text: "a, b", Context: map[string]any{"secrets": []Message{
				{ID: 1050009, Type: Info, Text: "a", Context: map[string]any{"secret": "a"}},
				{ID: 1050009, Type: Info, Text: "b", Context: map[string]any{"secret": "b"}}}}}},
		{"a time", Say(InfoLookupSecretUsed, "used_at", at),
			Message{ID: 1050014, Type: Info, Text: "used",
				Context: map[string]any{"used_at": "2026-11-21T19:00:08.780754Z", "used_at_unix": int64(1795287608)}}},
	}
	for _, test := range tests {
		if diff := cmp.Diff(test.want, test.message); diff != "" {
			t.Errorf("%s (-want +got):\n%s", test.name, diff)
		}
	}
}
