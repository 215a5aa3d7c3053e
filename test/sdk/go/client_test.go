// Package client walks Zelus with the official Go client, as an app and as an
// administrator. The server's base URLs are in ZELUS_PUBLIC and ZELUS_ADMIN.
package client

import (
	"crypto/rand"
	"net/http"
	"os"
	"strings"
	"testing"

	ory "github.com/ory/client-go"
)

// client talks to the server whose base URL is in the environment.
func client(t *testing.T, variable string) *ory.APIClient {
	t.Helper()
	url := os.Getenv(variable)
	if url == "" {
		t.Fatalf("%s must be the base URL of a running server", variable)
	}
	c := ory.NewConfiguration()
	c.Servers = ory.ServerConfigurations{{URL: url}}
	return ory.NewAPIClient(c)
}

// must fails where an answer was not the expected one. It reads the body that
// the client keeps in its error.
func must(t *testing.T, what string, want int, res *http.Response, err error) {
	t.Helper()
	got := 0
	if res != nil {
		got = res.StatusCode
	}
	if got == want && (err == nil) == (want < 400) {
		return
	}
	body := ""
	if e, ok := err.(interface{ Body() []byte }); ok {
		body = string(e.Body())
	}
	t.Fatalf("%s: status %d, want %d: %v %s", what, got, want, err, body)
}

func someEmail() string { return strings.ToLower(rand.Text()) + "@example.org" }

func TestPerson(t *testing.T) {
	app, ctx := client(t, "ZELUS_PUBLIC").FrontendAPI, t.Context()
	email, password := someEmail(), rand.Text()

	registration, res, err := app.CreateNativeRegistrationFlow(ctx).Execute()
	must(t, "begin to sign up", 200, res, err)
	registered, res, err := app.UpdateRegistrationFlow(ctx).Flow(registration.Id).UpdateRegistrationFlowBody(
		ory.UpdateRegistrationFlowWithPasswordMethodAsUpdateRegistrationFlowBody(&ory.UpdateRegistrationFlowWithPasswordMethod{
			Method: "password", Password: password, Traits: map[string]any{"email": email},
		})).Execute()
	must(t, "sign up", 200, res, err)
	first := registered.GetSessionToken()
	if first == "" {
		t.Fatal("signing up gave no session token")
	}

	login, res, err := app.CreateNativeLoginFlow(ctx).Execute()
	must(t, "begin to sign in", 200, res, err)
	signedIn, res, err := app.UpdateLoginFlow(ctx).Flow(login.Id).UpdateLoginFlowBody(
		ory.UpdateLoginFlowWithPasswordMethodAsUpdateLoginFlowBody(&ory.UpdateLoginFlowWithPasswordMethod{
			Method: "password", Password: password, Identifier: email,
		})).Execute()
	must(t, "sign in", 200, res, err)
	second := signedIn.GetSessionToken()
	if second == "" || second == first {
		t.Fatal("signing in gave no session token of its own")
	}

	me, res, err := app.ToSession(ctx).XSessionToken(second).Execute()
	must(t, "who am I", 200, res, err)
	if me.Id != signedIn.Session.Id || !me.GetActive() || me.Identity.Id != registered.Identity.Id {
		t.Errorf("who am I: session %s (active %v) of %s, want %s of %s",
			me.Id, me.GetActive(), me.Identity.Id, signedIn.Session.Id, registered.Identity.Id)
	}

	others, res, err := app.ListMySessions(ctx).XSessionToken(second).Execute()
	must(t, "list sessions", 200, res, err)
	if len(others) != 1 || others[0].Id != registered.Session.Id {
		t.Fatalf("the other sessions are %v, want the one of signing up, %s", others, registered.Session.Id)
	}
	res, err = app.DisableMySession(ctx, others[0].Id).XSessionToken(second).Execute()
	must(t, "revoke the other session", 204, res, err)
	_, res, err = app.ToSession(ctx).XSessionToken(first).Execute()
	must(t, "who am I in the revoked session", 401, res, err)
	_, res, err = app.ToSession(ctx).XSessionToken(second).Execute()
	must(t, "who am I in the session that stays", 200, res, err)

	settings, res, err := app.CreateNativeSettingsFlow(ctx).XSessionToken(second).Execute()
	must(t, "begin to change oneself", 200, res, err)
	change := func(body ory.UpdateSettingsFlowBody) (*ory.SettingsFlow, *http.Response, error) {
		return app.UpdateSettingsFlow(ctx).Flow(settings.Id).XSessionToken(second).UpdateSettingsFlowBody(body).Execute()
	}
	changed, res, err := change(ory.UpdateSettingsFlowWithProfileMethodAsUpdateSettingsFlowBody(&ory.UpdateSettingsFlowWithProfileMethod{
		Method: "profile", Traits: map[string]any{"email": email, "name": "Ada"},
	}))
	must(t, "change one's data", 200, res, err)
	if traits, ok := changed.Identity.Traits.(map[string]any); !ok || traits["name"] != "Ada" || changed.State != "success" {
		t.Errorf("after the change one is %v, in state %v", changed.Identity.Traits, changed.State)
	}
	_, res, err = change(ory.UpdateSettingsFlowWithPasswordMethodAsUpdateSettingsFlowBody(&ory.UpdateSettingsFlowWithPasswordMethod{Method: "password", Password: "short"}))
	must(t, "choose a short password", 400, res, err)
	_, res, err = change(ory.UpdateSettingsFlowWithPasswordMethodAsUpdateSettingsFlowBody(&ory.UpdateSettingsFlowWithPasswordMethod{Method: "password", Password: rand.Text()}))
	must(t, "change one's password", 200, res, err)
	_, res, err = app.GetSettingsFlow(ctx).Id(settings.Id).XSessionToken(second).Execute()
	must(t, "read the changed settings", 200, res, err)

	res, err = app.PerformNativeLogout(ctx).PerformNativeLogoutBody(ory.PerformNativeLogoutBody{SessionToken: second}).Execute()
	must(t, "sign out", 204, res, err)
	_, res, err = app.ToSession(ctx).XSessionToken(second).Execute()
	must(t, "who am I after signing out", 401, res, err)
}

func TestAdministrator(t *testing.T) {
	admin, ctx := client(t, "ZELUS_ADMIN").IdentityAPI, t.Context()
	email, password := someEmail(), rand.Text()

	created, res, err := admin.CreateIdentity(ctx).CreateIdentityBody(ory.CreateIdentityBody{
		SchemaId: "default",
		Traits:   map[string]any{"email": email},
		Credentials: &ory.IdentityWithCredentials{Password: &ory.IdentityWithCredentialsPassword{
			Config: &ory.IdentityWithCredentialsPasswordConfig{Password: &password},
		}},
	}).Execute()
	must(t, "create", 201, res, err)

	found, res, err := admin.ListIdentities(ctx).CredentialsIdentifier(email).Execute()
	must(t, "list", 200, res, err)
	if len(found) != 1 || found[0].Id != created.Id {
		t.Fatalf("the list by identifier has %d entries, want only %s", len(found), created.Id)
	}

	_, res, err = admin.UpdateIdentity(ctx, created.Id).UpdateIdentityBody(ory.UpdateIdentityBody{
		SchemaId: "default", State: "active", Traits: map[string]any{"email": email, "name": "Ada"},
	}).Execute()
	must(t, "update", 200, res, err)
	read, res, err := admin.GetIdentity(ctx, created.Id).Execute()
	must(t, "read", 200, res, err)
	if traits, ok := read.Traits.(map[string]any); !ok || traits["name"] != "Ada" {
		t.Errorf("traits after the update are %v, want the name Ada", read.Traits)
	}

	res, err = admin.DeleteIdentity(ctx, created.Id).Execute()
	must(t, "delete", 204, res, err)
	_, res, err = admin.GetIdentity(ctx, created.Id).Execute()
	must(t, "read after deleting", 404, res, err)
}
