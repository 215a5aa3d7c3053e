// Package cloud walks Zelus with the Go client of Ory Cloud of 2022, as an app and as an administrator.
package cloud

import (
	"crypto/rand"
	"testing"

	ory "github.com/ory/client-go"

	"zelus/test/sdk/v0alpha2/walk"
)

func client(base, key string) ory.V0alpha2Api {
	c := ory.NewConfiguration()
	c.Servers = ory.ServerConfigurations{{URL: base}}
	if key != "" {
		c.AddDefaultHeader("Authorization", "Bearer "+key)
	}
	return ory.NewAPIClient(c).V0alpha2Api
}

func TestPerson(t *testing.T) {
	app, ctx := client(walk.Public(t), ""), t.Context()
	email, password := walk.Email(), rand.Text()

	registration, res, err := app.InitializeSelfServiceRegistrationFlowWithoutBrowser(ctx).Execute()
	walk.Must(t, "begin to sign up", 200, res, err)
	if len(registration.Ui.Nodes) == 0 || registration.Ui.Nodes[0].Attributes.UiNodeInputAttributes == nil {
		t.Fatal("the form has no fields that this client can read")
	}
	registered, res, err := app.SubmitSelfServiceRegistrationFlow(ctx).Flow(registration.Id).SubmitSelfServiceRegistrationFlowBody(
		ory.SubmitSelfServiceRegistrationFlowWithPasswordMethodBodyAsSubmitSelfServiceRegistrationFlowBody(
			&ory.SubmitSelfServiceRegistrationFlowWithPasswordMethodBody{Method: "password", Password: password, Traits: map[string]any{"email": email}},
		)).Execute()
	walk.Must(t, "sign up", 200, res, err)
	first := registered.GetSessionToken()
	if first == "" {
		t.Fatal("signing up gave no session token")
	}

	login, res, err := app.InitializeSelfServiceLoginFlowWithoutBrowser(ctx).Execute()
	walk.Must(t, "begin to sign in", 200, res, err)
	_, res, err = app.SubmitSelfServiceLoginFlow(ctx).Flow(login.Id).SubmitSelfServiceLoginFlowBody(
		ory.SubmitSelfServiceLoginFlowWithPasswordMethodBodyAsSubmitSelfServiceLoginFlowBody(
			&ory.SubmitSelfServiceLoginFlowWithPasswordMethodBody{Method: "password", Password: "not " + password, Identifier: email},
		)).Execute()
	walk.Must(t, "sign in with a wrong password", 400, res, err)
	again, res, err := app.GetSelfServiceLoginFlow(ctx).Id(login.Id).Execute()
	walk.Must(t, "read the form", 200, res, err)
	if len(again.Ui.Messages) != 1 || again.Ui.Messages[0].Id != 4000006 {
		t.Errorf("the messages of the form are %v, want 4000006", again.Ui.Messages)
	}
	signedIn, res, err := app.SubmitSelfServiceLoginFlow(ctx).Flow(login.Id).SubmitSelfServiceLoginFlowBody(
		ory.SubmitSelfServiceLoginFlowWithPasswordMethodBodyAsSubmitSelfServiceLoginFlowBody(
			&ory.SubmitSelfServiceLoginFlowWithPasswordMethodBody{Method: "password", Password: password, Identifier: email},
		)).Execute()
	walk.Must(t, "sign in", 200, res, err)
	second := signedIn.GetSessionToken()
	if second == "" || second == first {
		t.Fatal("signing in gave no session token of its own")
	}

	me, res, err := app.ToSession(ctx).XSessionToken(second).Execute()
	walk.Must(t, "who am I", 200, res, err)
	if me.Id != signedIn.Session.Id || !me.GetActive() || me.Identity.Id != registered.Identity.Id {
		t.Errorf("who am I: session %s (active %v) of %s, want %s of %s", me.Id, me.GetActive(), me.Identity.Id, signedIn.Session.Id, registered.Identity.Id)
	}
	others, res, err := app.ListSessions(ctx).XSessionToken(second).Execute()
	walk.Must(t, "list sessions", 200, res, err)
	if len(others) != 1 || others[0].Id != registered.Session.Id {
		t.Fatalf("the other sessions are %v, want the one of signing up, %s", others, registered.Session.Id)
	}
	// The operation has no parameter for the token of an app.
	own := ory.NewConfiguration()
	own.Servers = ory.ServerConfigurations{{URL: walk.Public(t)}}
	own.AddDefaultHeader("X-Session-Token", second)
	res, err = ory.NewAPIClient(own).V0alpha2Api.RevokeSession(ctx, others[0].Id).Execute()
	walk.Must(t, "revoke the other session", 204, res, err)
	_, res, err = app.ToSession(ctx).XSessionToken(first).Execute()
	walk.Must(t, "who am I in the revoked session", 401, res, err)
	_, res, err = app.ToSession(ctx).XSessionToken(second).Execute()
	walk.Must(t, "who am I in the session that stays", 200, res, err)
	left, res, err := app.RevokeSessions(ctx).XSessionToken(second).Execute()
	walk.Must(t, "revoke all others", 200, res, err)
	if left.Count == nil {
		t.Error("revoking all others says no number")
	}

	res, err = app.SubmitSelfServiceLogoutFlowWithoutBrowser(ctx).SubmitSelfServiceLogoutFlowWithoutBrowserBody(
		ory.SubmitSelfServiceLogoutFlowWithoutBrowserBody{SessionToken: second}).Execute()
	walk.Must(t, "sign out", 204, res, err)
	_, res, err = app.ToSession(ctx).XSessionToken(second).Execute()
	walk.Must(t, "who am I after signing out", 401, res, err)
}

func TestAdministrator(t *testing.T) {
	admin, ctx := client(walk.Admin(t), walk.Environ(t, "ZELUS_ADMIN_KEY")), t.Context()
	email := walk.Email()

	_, res, err := client(walk.Admin(t), "").AdminListIdentities(ctx).Execute()
	walk.Must(t, "list without a key", 401, res, err)

	created, res, err := admin.AdminCreateIdentity(ctx).AdminCreateIdentityBody(ory.AdminCreateIdentityBody{
		SchemaId: "default", Traits: map[string]any{"email": email}}).Execute()
	walk.Must(t, "create", 201, res, err)

	found, size := false, int64(500)
	for page := int64(0); !found; page++ {
		all, res, err := admin.AdminListIdentities(ctx).Page(page).PerPage(size).Execute()
		walk.Must(t, "list", 200, res, err)
		for _, i := range all {
			found = found || i.Id == created.Id
		}
		if len(all) == 0 {
			break
		}
	}
	if !found {
		t.Errorf("no page of the list has %s", created.Id)
	}

	_, res, err = admin.AdminUpdateIdentity(ctx, created.Id).AdminUpdateIdentityBody(ory.AdminUpdateIdentityBody{
		SchemaId: "default", State: ory.IDENTITYSTATE_ACTIVE, Traits: map[string]any{"email": email, "name": "Ada"}}).Execute()
	walk.Must(t, "update", 200, res, err)
	read, res, err := admin.AdminGetIdentity(ctx, created.Id).Execute()
	walk.Must(t, "read", 200, res, err)
	if traits, ok := read.Traits.(map[string]any); !ok || traits["name"] != "Ada" {
		t.Errorf("traits after the update are %v, want the name Ada", read.Traits)
	}
	sessions, res, err := admin.AdminListIdentitySessions(ctx, created.Id).Execute()
	walk.Must(t, "list sessions", 200, res, err)
	if len(sessions) != 0 {
		t.Errorf("somebody who never signed in has sessions: %v", sessions)
	}

	res, err = admin.AdminDeleteIdentity(ctx, created.Id).Execute()
	walk.Must(t, "delete", 204, res, err)
	res, err = admin.AdminDeleteIdentity(ctx, created.Id).Execute()
	walk.Must(t, "delete once more", 204, res, err)
	_, res, err = admin.AdminGetIdentity(ctx, created.Id).Execute()
	walk.Must(t, "read after deleting", 404, res, err)
}

func TestSchemas(t *testing.T) {
	app, ctx := client(walk.Public(t), ""), t.Context()
	all, res, err := app.ListIdentitySchemas(ctx).Execute()
	walk.Must(t, "list schemas", 200, res, err)
	if len(all) == 0 || all[0].Schema == nil {
		t.Fatal("there is no schema")
	}
	_, res, err = app.GetIdentitySchema(ctx, *all[0].Id).Execute()
	walk.Must(t, "read a schema", 200, res, err)
}
