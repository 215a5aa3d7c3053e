// Walks Zelus with the official JavaScript client, as an app and as an administrator.
// The server's base URLs are in ZELUS_PUBLIC and ZELUS_ADMIN.
import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { test } from "node:test";
import kratos from "@ory/kratos-client";

const { Configuration, FrontendApi, IdentityApi } = kratos;

function base(name) {
  const url = process.env[name];
  assert.ok(url, `${name} must be the base URL of a running server`);
  return url;
}

const text = () => randomBytes(12).toString("hex");
const answers = (status) => (error) => error.response?.status === status;

test("somebody signs up, signs in, looks at sessions and signs out", async () => {
  const app = new FrontendApi(new Configuration({ basePath: base("ZELUS_PUBLIC") }));
  const email = `${text()}@example.org`;
  const password = text();

  const registration = await app.createNativeRegistrationFlow();
  const registered = await app.updateRegistrationFlow({
    flow: registration.data.id,
    updateRegistrationFlowBody: { method: "password", password, traits: { email } },
  });
  assert.equal(registered.data.identity.traits.email, email);
  const first = registered.data.session_token;
  assert.ok(first);

  const login = await app.createNativeLoginFlow();
  const signedIn = await app.updateLoginFlow({
    flow: login.data.id,
    updateLoginFlowBody: { method: "password", password, identifier: email },
  });
  const second = signedIn.data.session_token;
  assert.ok(second);
  assert.notEqual(second, first);

  const me = await app.toSession({ xSessionToken: second });
  assert.equal(me.data.id, signedIn.data.session.id);
  assert.equal(me.data.active, true);
  assert.equal(me.data.identity.id, registered.data.identity.id);
  assert.equal(me.data.authenticator_assurance_level, "aal1");

  const others = await app.listMySessions({ xSessionToken: second });
  assert.deepEqual(others.data.map((s) => s.id), [registered.data.session.id]);
  await app.disableMySession({ id: registered.data.session.id, xSessionToken: second });
  await assert.rejects(app.toSession({ xSessionToken: first }), answers(401));
  assert.equal((await app.toSession({ xSessionToken: second })).status, 200);

  const settings = await app.createNativeSettingsFlow({ xSessionToken: second });
  assert.equal(settings.data.identity.id, registered.data.identity.id);
  assert.equal(settings.data.state, "show_form");
  const change = (updateSettingsFlowBody) =>
    app.updateSettingsFlow({ flow: settings.data.id, xSessionToken: second, updateSettingsFlowBody });
  const changed = await change({ method: "profile", traits: { email, name: "Ada" } });
  assert.equal(changed.data.state, "success");
  assert.equal(changed.data.identity.traits.name, "Ada");
  assert.deepEqual(changed.data.ui.messages.map((m) => m.id), [1050001]);
  await assert.rejects(change({ method: "password", password: "short" }), answers(400));
  assert.equal((await change({ method: "password", password: text() })).data.state, "success");
  const shown = await app.getSettingsFlow({ id: settings.data.id, xSessionToken: second });
  assert.equal(shown.data.identity.traits.name, "Ada");

  await app.performNativeLogout({ performNativeLogoutBody: { session_token: second } });
  await assert.rejects(app.toSession({ xSessionToken: second }), answers(401));
});

test("an administrator creates, lists, updates and deletes somebody", async () => {
  const admin = new IdentityApi(new Configuration({ basePath: base("ZELUS_ADMIN") }));
  const email = `${text()}@example.org`;

  const created = await admin.createIdentity({
    createIdentityBody: {
      schema_id: "default",
      traits: { email },
      credentials: { password: { config: { password: text() } } },
    },
  });
  assert.equal(created.status, 201);
  const id = created.data.id;

  const found = await admin.listIdentities({ credentialsIdentifier: email });
  assert.deepEqual(found.data.map((i) => i.id), [id]);

  const updated = await admin.updateIdentity({
    id,
    updateIdentityBody: { schema_id: "default", state: "active", traits: { email, name: "Ada" } },
  });
  assert.equal(updated.data.traits.name, "Ada");
  const read = await admin.getIdentity({ id });
  assert.deepEqual(read.data.traits, { email, name: "Ada" });

  assert.equal((await admin.deleteIdentity({ id })).status, 204);
  await assert.rejects(admin.getIdentity({ id }), answers(404));
});
