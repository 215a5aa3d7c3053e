package kratos

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha1"
	"encoding/base32"
	"encoding/binary"
	"fmt"
	"net/http"
	"testing"
	"time"

	ory "github.com/ory/kratos-client-go"

	"zelus/test/sdk/v0alpha2/walk"
)

// TestSecondFactors sets an authenticator app up, signs in with it, and makes
// backup codes. Sign-in, sign-up and settings have fields for keys, passkeys and
// codes besides, of which the client knows some and none may break it.
func TestSecondFactors(t *testing.T) {
	email, password := walk.Email(), rand.Text()
	app := &caller{t, &http.Client{}, walk.Public(t), http.Header{}}

	var registration ory.SelfServiceRegistrationFlow
	app.call("GET", "/self-service/registration/api", nil, &registration)
	var signedUp ory.SuccessfulSelfServiceRegistrationWithoutBrowser
	app.call("POST", "/self-service/registration?flow="+registration.Id,
		map[string]any{"method": "password", "password": password, "traits": map[string]any{"email": email}}, &signedUp)
	app.head.Set("X-Session-Token", signedUp.GetSessionToken())

	var settings ory.SelfServiceSettingsFlow
	app.call("GET", "/self-service/settings/api", nil, &settings)
	secret := ""
	for _, n := range settings.Ui.Nodes {
		if text := n.Attributes.UiNodeTextAttributes; text != nil && text.Id == "totp_secret_key" {
			secret = text.Text.Text
		}
	}
	app.call("POST", "/self-service/settings?flow="+settings.Id, map[string]any{"method": "totp", "totp_code": "x"}, &settings)
	app.call("POST", "/self-service/settings?flow="+settings.Id, map[string]any{"method": "totp", "totp_code": oneTimePassword(t, secret, -1)}, &settings)
	if settings.State != ory.SELFSERVICESETTINGSFLOWSTATE_SUCCESS {
		t.Fatalf("the state of the settings is %s", settings.State)
	}
	var session ory.Session
	app.call("GET", "/sessions/whoami", nil, &session)
	app.call("POST", "/self-service/settings?flow="+settings.Id, map[string]any{"method": "lookup_secret", "lookup_secret_regenerate": true}, &settings)
	app.call("POST", "/self-service/settings?flow="+settings.Id, map[string]any{"method": "lookup_secret", "lookup_secret_confirm": true}, &settings)
	app.call("GET", "/sessions/whoami", nil, &session)
	if level := session.GetAuthenticatorAssuranceLevel(); level != ory.AUTHENTICATORASSURANCELEVEL_AAL2 || len(session.AuthenticationMethods) != 2 {
		t.Errorf("%s by %d methods that the client knows, want aal2 by 2", level, len(session.AuthenticationMethods))
	}

	app.head.Del("X-Session-Token")
	var login ory.SelfServiceLoginFlow
	app.call("GET", "/self-service/login/api", nil, &login)
	var signedIn ory.SuccessfulSelfServiceLoginWithoutBrowser
	app.call("POST", "/self-service/login?flow="+login.Id, map[string]any{"method": "password", "password": password, "identifier": email}, &signedIn)
	app.head.Set("X-Session-Token", signedIn.GetSessionToken())
	app.call("GET", "/self-service/login/api?aal=aal2", nil, &login)
	app.call("POST", "/self-service/login?flow="+login.Id, map[string]any{"method": "totp", "totp_code": ""}, &login)
	app.call("POST", "/self-service/login?flow="+login.Id, map[string]any{"method": "totp", "totp_code": oneTimePassword(t, secret, 0)}, &signedIn)
	app.call("GET", "/sessions/whoami", nil, &session)
	if level := session.GetAuthenticatorAssuranceLevel(); level != ory.AUTHENTICATORASSURANCELEVEL_AAL2 {
		t.Errorf("after the second factor the level is %s", level)
	}
}

// oneTimePassword is the code of an authenticator app (RFC 6238), some steps from
// now.
func oneTimePassword(t *testing.T, secret string, steps int64) string {
	t.Helper()
	key, err := base32.StdEncoding.WithPadding(base32.NoPadding).DecodeString(secret)
	if err != nil {
		t.Fatalf("the secret %q: %v", secret, err)
	}
	mac := hmac.New(sha1.New, key)
	mac.Write(binary.BigEndian.AppendUint64(nil, uint64(time.Now().Unix()/30+steps)))
	sum := mac.Sum(nil)
	at := sum[len(sum)-1] & 15
	return fmt.Sprintf("%06d", binary.BigEndian.Uint32(sum[at:])&(1<<31-1)%1_000_000)
}
