// Walks Zelus with the JavaScript clients of the v0alpha2 era, as an app and as an administrator.
// The base URL of the public server is in ZELUS_PUBLIC, a key for its admin API in ZELUS_ADMIN_KEY.
import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { test } from "node:test";
import cloud from "@ory/client";
import kratos from "@ory/kratos-client";

function environ(name) {
  const value = process.env[name];
  assert.ok(value, `${name} must be set`);
  return value;
}

const base = environ("ZELUS_PUBLIC");
const key = environ("ZELUS_ADMIN_KEY");
const text = () => randomBytes(12).toString("hex");
const answers = (status) => (error) => error.response?.status === status;
const bearer = `Bearer ${key}`; // both clients send it as it is

// The client of Ory Cloud carries the prefix itself, that of Kratos has it in its base URL.
const clients = {
  "@ory/client 0.0.1-alpha.30": {
    app: new cloud.V0alpha2Api(new cloud.Configuration({ basePath: base })),
    admin: new cloud.V0alpha2Api(new cloud.Configuration({ basePath: base, apiKey: bearer })),
    stranger: new cloud.V0alpha2Api(new cloud.Configuration({ basePath: base })),
    sessions: false, // its era cannot list or revoke one's own sessions
  },
  "@ory/kratos-client 0.10.1": {
    app: new kratos.V0alpha2Api(new kratos.Configuration({ basePath: `${base}/api/kratos/public` })),
    admin: new kratos.V0alpha2Api(new kratos.Configuration({ basePath: `${base}/api/kratos`, apiKey: bearer })),
    stranger: new kratos.V0alpha2Api(new kratos.Configuration({ basePath: `${base}/api/kratos` })),
    sessions: true,
  },
};

for (const [name, { app, admin, stranger, sessions }] of Object.entries(clients)) {
  test(`${name}: somebody signs up, signs in, looks at sessions and signs out`, async () => {
    const email = `${text()}@example.org`;
    const password = text();

    const registration = await app.initializeSelfServiceRegistrationFlowWithoutBrowser();
    const registered = await app.submitSelfServiceRegistrationFlow(registration.data.id, { method: "password", password, traits: { email } });
    assert.equal(registered.data.identity.traits.email, email);
    const first = registered.data.session_token;
    assert.ok(first);

    const login = await app.initializeSelfServiceLoginFlowWithoutBrowser();
    // v0.8 knows the field by its older name.
    const names = sessions ? { identifier: email } : { password_identifier: email };
    // One client has the session token as second parameter, the other has it last.
    const body = { method: "password", password, ...names };
    const signedIn = sessions
      ? await app.submitSelfServiceLoginFlow(login.data.id, body)
      : await app.submitSelfServiceLoginFlow(login.data.id, undefined, body);
    const second = signedIn.data.session_token;
    assert.ok(second);
    assert.notEqual(second, first);

    const me = await app.toSession(second);
    assert.equal(me.data.id, signedIn.data.session.id);
    assert.equal(me.data.active, true);
    assert.equal(me.data.identity.id, registered.data.identity.id);
    assert.equal(me.data.authenticator_assurance_level, "aal1");
    assert.equal(me.headers["x-kratos-authenticated-identity-id"], me.data.identity.id);

    if (sessions) {
      const others = await app.listSessions(second);
      assert.deepEqual(others.data.map((s) => s.id), [registered.data.session.id]);
      await app.revokeSession(registered.data.session.id, { headers: { "X-Session-Token": second } });
      await assert.rejects(app.toSession(first), answers(401));
      assert.equal(typeof (await app.revokeSessions(second)).data.count, "number");
    }
    assert.equal((await app.toSession(second)).status, 200);

    assert.equal((await app.submitSelfServiceLogoutFlowWithoutBrowser({ session_token: second })).status, 204);
    await assert.rejects(app.toSession(second), (error) => error.response.status === 401 && error.response.data.error.id === "session_inactive");
  });

  test(`${name}: somebody asks for links, and an administrator hands one out`, async () => {
    const email = `${text()}@example.org`;
    const created = await admin.adminCreateIdentity({ schema_id: "default", traits: { email } });
    for (const kind of ["Recovery", "Verification"]) {
      const begun = await app[`initializeSelfService${kind}FlowWithoutBrowser`]();
      assert.equal(begun.data.state, "choose_method");
      const body = { method: "link", email };
      // One client has the token of a link before the body, the other has it last.
      const asked = sessions
        ? await app[`submitSelfService${kind}Flow`](begun.data.id, body)
        : await app[`submitSelfService${kind}Flow`](begun.data.id, undefined, body);
      assert.equal(asked.data.state, "sent_email");
      assert.equal((await app[`getSelfService${kind}Flow`](begun.data.id)).data.state, "sent_email");
    }
    // By itself the client of Kratos sends no key with this operation.
    const withKey = { headers: { Authorization: bearer } };
    const made = await admin.adminCreateSelfServiceRecoveryLink({ identity_id: created.data.id, expires_in: "1h" }, withKey);
    assert.ok(made.data.recovery_link.startsWith(`${base}/api/kratos/public/self-service/recovery?flow=`));
    assert.ok(made.data.expires_at);
  });

  test(`${name}: an administrator creates, lists, updates and deletes somebody`, async () => {
    const email = `${text()}@example.org`;
    await assert.rejects(stranger.adminListIdentities(), answers(401));

    const created = await admin.adminCreateIdentity({ schema_id: "default", traits: { email } });
    assert.equal(created.status, 201);
    const id = created.data.id;

    const found = await admin.adminListIdentities(500, 0);
    assert.ok(found.data.some((i) => i.id === id));

    const updated = await admin.adminUpdateIdentity(id, { schema_id: "default", state: "active", traits: { email, name: "Ada" } });
    assert.equal(updated.data.traits.name, "Ada");
    const read = await admin.adminGetIdentity(id);
    assert.deepEqual(read.data.traits, { email, name: "Ada" });

    assert.equal((await admin.adminDeleteIdentity(id)).status, 204);
    assert.equal((await admin.adminDeleteIdentity(id)).status, 204);
    await assert.rejects(admin.adminGetIdentity(id), answers(404));
  });
}
