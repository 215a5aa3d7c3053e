package kratos

import (
	"bytes"
	"crypto/rand"
	"encoding/json"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"testing"

	ory "github.com/ory/kratos-client-go"

	"zelus/test/sdk/v0alpha2/walk"
)

// caller sends plain requests and reads the answers into models of the client,
// which must have every field.
type caller struct {
	t    *testing.T
	http *http.Client
	base string
	head http.Header
}

func (c *caller) call(method, path string, body any, into any) {
	c.t.Helper()
	res := c.send(method, path, body)
	text, err := io.ReadAll(res.Body)
	if err != nil {
		c.t.Fatal(err)
	}
	d := json.NewDecoder(bytes.NewReader(text))
	d.DisallowUnknownFields()
	if err := d.Decode(into); err != nil {
		c.t.Errorf("%s %s: %d, %v: %s", method, path, res.StatusCode, err, text)
	}
}

// led sends a form as a browser, and gives the id of the form to whose page it is led.
func (c *caller) led(path string, body any) string {
	c.t.Helper()
	asked := c.send("POST", path, body).Request.URL
	if !asked.Query().Has("flow") {
		c.t.Errorf("POST %s leads to %s", path, asked)
	}
	return asked.Query().Get("flow")
}

func (c *caller) send(method, path string, body any) *http.Response {
	c.t.Helper()
	var sent io.Reader
	if body != nil {
		text, err := json.Marshal(body)
		if err != nil {
			c.t.Fatal(err)
		}
		sent = bytes.NewReader(text)
	}
	req, err := http.NewRequestWithContext(c.t.Context(), method, c.base+path, sent)
	if err != nil {
		c.t.Fatal(err)
	}
	req.Header = c.head.Clone()
	req.Header.Set("Accept", "application/json")
	req.Header.Set("Content-Type", "application/json")
	res, err := c.http.Do(req)
	if err != nil {
		c.t.Fatal(err)
	}
	c.t.Cleanup(func() { res.Body.Close() })
	return res
}

// TestNoFieldIsUnknown reads answers with the models of the client, and
// refuses every field that they do not have.
func TestNoFieldIsUnknown(t *testing.T) {
	email, password := walk.Email(), rand.Text()
	app := &caller{t, &http.Client{}, walk.Public(t), http.Header{}}

	var registration ory.SelfServiceRegistrationFlow
	app.call("GET", "/self-service/registration/api", nil, &registration)
	app.call("GET", "/self-service/registration/flows?id="+registration.Id, nil, &registration)
	app.call("POST", "/self-service/registration?flow="+registration.Id, map[string]any{"method": "password"}, &registration)
	var signedUp ory.SuccessfulSelfServiceRegistrationWithoutBrowser
	app.call("POST", "/self-service/registration?flow="+registration.Id,
		map[string]any{"method": "password", "password": password, "traits": map[string]any{"email": email}}, &signedUp)

	var login ory.SelfServiceLoginFlow
	app.call("GET", "/self-service/login/api", nil, &login)
	app.call("GET", "/self-service/login/flows?id="+login.Id, nil, &login)
	app.call("POST", "/self-service/login?flow="+login.Id, map[string]any{"method": "password", "identifier": email}, &login)
	var signedIn ory.SuccessfulSelfServiceLoginWithoutBrowser
	app.call("POST", "/self-service/login?flow="+login.Id,
		map[string]any{"method": "password", "password": password, "identifier": email}, &signedIn)

	var failed ory.JsonError
	app.call("GET", "/sessions/whoami", nil, &failed)
	app.call("GET", "/self-service/login/flows?id=none", nil, &failed)
	app.head.Set("X-Session-Token", signedIn.GetSessionToken())
	var session ory.Session
	app.call("GET", "/sessions/whoami", nil, &session)
	app.call("GET", "/sessions/whoami", nil, &session) // the second time from memory
	var sessions []ory.Session
	app.call("GET", "/sessions", nil, &sessions)
	var refreshed ory.SelfServiceLoginFlow
	app.call("GET", "/self-service/login/api?refresh=true", nil, &refreshed)
	var settings ory.SelfServiceSettingsFlow
	app.call("GET", "/self-service/settings/api", nil, &settings)
	app.call("GET", "/self-service/settings/flows?id="+settings.Id, nil, &settings)
	app.call("POST", "/self-service/settings?flow="+settings.Id, map[string]any{"method": "password", "password": ""}, &settings)
	app.call("POST", "/self-service/settings?flow="+settings.Id, map[string]any{"method": "profile", "traits": map[string]any{"email": email, "name": "Ada"}}, &settings)
	if settings.State != ory.SELFSERVICESETTINGSFLOWSTATE_SUCCESS {
		t.Errorf("the state of the settings is %s", settings.State)
	}
	var revoked ory.RevokedSessions
	app.call("DELETE", "/sessions", nil, &revoked)
	var recovery ory.SelfServiceRecoveryFlow
	var verification ory.SelfServiceVerificationFlow
	app.call("GET", "/self-service/verification/api", nil, &verification)
	app.call("GET", "/self-service/verification/flows?id="+verification.Id, nil, &verification)
	app.call("POST", "/self-service/verification?flow="+verification.Id, map[string]any{"method": "link", "email": ""}, &verification)
	app.call("POST", "/self-service/verification?flow="+verification.Id, map[string]any{"method": "link", "email": email}, &verification)
	app.head.Del("X-Session-Token")
	app.call("GET", "/self-service/recovery/api", nil, &recovery)
	app.call("GET", "/self-service/recovery/flows?id="+recovery.Id, nil, &recovery)
	app.call("POST", "/self-service/recovery?flow="+recovery.Id, map[string]any{"method": "link", "email": ""}, &recovery)
	app.call("POST", "/self-service/recovery?flow="+recovery.Id, map[string]any{"method": "link", "email": email}, &recovery)
	if recovery.State != ory.SELFSERVICERECOVERYFLOWSTATE_SENT_EMAIL || verification.State != ory.SELFSERVICEVERIFICATIONFLOWSTATE_SENT_EMAIL {
		t.Errorf("the states are %s and %s", recovery.State, verification.State)
	}
	var schemas []ory.IdentitySchema
	app.call("GET", "/schemas", nil, &schemas)
	var shown ory.SelfServiceError
	app.call("GET", "/self-service/errors?id=stub:500", nil, &shown)
	var version ory.InlineResponse2001
	app.call("GET", "/version", nil, &version)

	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	browser := &caller{t, &http.Client{Jar: jar}, walk.Public(t), http.Header{}}
	browser.call("GET", "/self-service/login/browser", nil, &login)
	csrf := login.Ui.Nodes[0].Attributes.UiNodeInputAttributes.Value
	browser.call("POST", "/self-service/login?flow="+login.Id,
		map[string]any{"method": "password", "password": password, "identifier": email, "csrf_token": csrf}, &signedIn)
	browser.call("GET", "/sessions/whoami", nil, &session)
	browser.call("GET", "/self-service/settings/browser", nil, &settings)
	var logout ory.SelfServiceLogoutUrl
	browser.call("GET", "/self-service/logout/browser", nil, &logout)

	admin := &caller{t, &http.Client{}, walk.Admin(t), http.Header{"Authorization": {"Bearer " + walk.Environ(t, "ZELUS_ADMIN_KEY")}}}
	var identity ory.Identity
	admin.call("POST", "/admin/identities", map[string]any{"schema_id": "default", "traits": map[string]any{"email": walk.Email()},
		"metadata_admin": map[string]any{"plan": "free"}, "metadata_public": map[string]any{"tier": 1}}, &identity)
	admin.call("GET", "/admin/identities/"+identity.Id, nil, &identity)
	admin.call("GET", "/admin/identities/"+signedUp.Identity.Id+"?include_credential=oidc", nil, &identity)
	admin.call("GET", "/admin/identities/"+signedUp.Identity.Id+"/sessions", nil, &sessions)
	var identities []ory.Identity
	admin.call("GET", "/admin/identities", nil, &identities)
	admin.call("GET", "/admin/identities/none", nil, &failed)
	var link ory.SelfServiceRecoveryLink
	admin.call("POST", "/admin/recovery/link", map[string]any{"identity_id": signedUp.Identity.Id, "expires_in": "1h"}, &link)
	// A link leads to the page of the next form: a new one where it is void.
	opened, err := url.Parse(link.RecoveryLink)
	if err != nil {
		t.Fatal(err)
	}
	if jar, err = cookiejar.New(nil); err != nil {
		t.Fatal(err)
	}
	browser.http.Jar = jar
	body := map[string]any{"method": "link", "email": email}
	browser.call("GET", "/self-service/recovery/flows?id="+browser.led("/self-service/recovery?"+opened.RawQuery+"x", body), nil, &recovery)
	browser.call("GET", "/self-service/settings/flows?id="+browser.led("/self-service/recovery?"+opened.RawQuery, body), nil, &settings)
	browser.call("GET", "/sessions/whoami", nil, &session)
	if session.Identity.Id != signedUp.Identity.Id {
		t.Errorf("the link has signed in %s, want %s", session.Identity.Id, signedUp.Identity.Id)
	}
}
