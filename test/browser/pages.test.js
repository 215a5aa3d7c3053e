// People sign up and sign in with security keys and passkeys, on pages of another origin that show
// the forms as they come (page.html).
import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { test } from "node:test";
import { builtIn, key, stick } from "./browser.js";
import { pages, passwordless, server, somebody } from "./elsewhere.js";

// visit goes to a page, which may lead on at once.
async function visit(page, path) {
  await page.goto(pages + path, { waitUntil: "commit" });
}

// open shows a form and waits until the functions of its script are there.
async function open(page, path) {
  await visit(page, path);
  await ready(page);
}

async function ready(page) {
  await page.waitForFunction(() => window.__oryWebAuthnInitialized);
}

// press presses the button of a node, which may be one of several with the same name.
async function press(page, name, value) {
  await page.click(`button[name="${name}"]` + (value ? `[value="${value}"]` : ""));
}

// session waits for the page that shows it, which is where a success leads.
async function session(page) {
  await page.waitForURL(pages + "/");
  return JSON.parse(await page.textContent("#session"));
}

// proofs are the methods of a session and what they are worth.
function proofs(session) {
  return session.authentication_methods.map((m) => `${m.method} ${m.aal}`).join(", ");
}

async function signOut(page) {
  const { logout_url } = await page.evaluate(
    async () => (await fetch(window.zelus.server + "/self-service/logout/browser", { credentials: "include" })).json());
  await page.goto(logout_url, { waitUntil: "commit" });
  const { error } = await session(page);
  assert.equal(error.id, "session_inactive");
}

// saved waits until the settings say that they are.
async function saved(page) {
  await page.waitForSelector('[data-message="1050001"]');
}

function newcomer() {
  return { email: `${randomBytes(8).toString("hex")}@example.org`, password: randomBytes(12).toString("hex") };
}

for (const inline of [true, false]) {
  const how = inline ? "by onclick" : "by onclickTrigger";

  test(`a security key is a second factor, ${how}`, async (t) => {
    const { page, alerts, errors, plugIn } = await somebody(t, { inline });
    const { email, password } = newcomer();
    await plugIn(key);

    await visit(page, "/registration");
    await page.fill('[name="traits.email"]', email);
    await page.fill('[name="password"]', password);
    await press(page, "method", "password");
    assert.equal(proofs(await session(page)), "password aal1");

    await open(page, "/settings");
    const script = await page.evaluate(() => {
      const { src, integrity, crossOrigin } = document.querySelector("#webauthn_script");
      return { src, hash: integrity.split("-")[0], crossOrigin };
    });
    assert.deepEqual(script, { src: server + "/.well-known/ory/webauthn.js", hash: "sha512", crossOrigin: "anonymous" });
    await page.fill('[name="webauthn_register_displayname"]', "my key");
    await press(page, "webauthn_register_trigger");
    await saved(page);
    assert.match(await page.textContent('button[name="webauthn_remove"]'), /my key/);
    await visit(page, "/");
    assert.equal(proofs(await session(page)), "password aal1, webauthn aal2");
    await signOut(page);

    await visit(page, "/login");
    await page.fill('[name="identifier"]', email);
    await page.fill('[name="password"]', password);
    await press(page, "method", "password");
    await page.waitForSelector('button[name="webauthn_login_trigger"]');
    await ready(page);
    await press(page, "webauthn_login_trigger");
    const strong = await session(page);
    assert.equal(proofs(strong), "password aal1, webauthn aal2");
    assert.equal(strong.authenticator_assurance_level, "aal2");

    await open(page, "/settings");
    await press(page, "webauthn_remove");
    await saved(page);
    assert.equal(await page.locator('button[name="webauthn_remove"]').count(), 0);
    assert.deepEqual([alerts, errors], [[], []]);
  });

  test(`a security key is all that somebody needs, ${how}`, async (t) => {
    const { page, alerts, errors, plugIn } = await somebody(t, { inline, server: passwordless });
    const { email } = newcomer();
    await plugIn(key);

    await open(page, "/registration");
    await page.fill('[name="traits.email"]', email);
    await press(page, "webauthn_register_trigger");
    assert.equal(proofs(await session(page)), "webauthn aal1");
    await signOut(page);

    await visit(page, "/login");
    await page.fill('[name="identifier"]', email);
    await press(page, "method", "webauthn");
    await page.waitForSelector('button[name="webauthn_login_trigger"]');
    await ready(page);
    await press(page, "webauthn_login_trigger");
    const signedIn = await session(page);
    assert.equal(proofs(signedIn), "webauthn aal1");
    assert.equal(signedIn.identity.traits.email, email);
    assert.deepEqual([alerts, errors], [[], []]);
  });

  test(`a passkey is all that somebody needs, ${how}`, async (t) => {
    const { page, alerts, errors, plugIn } = await somebody(t, { inline });
    const { email } = newcomer();
    const first = await plugIn(stick);

    await open(page, "/registration");
    await page.fill('[name="traits.email"]', email);
    await press(page, "passkey_register_trigger");
    assert.equal(proofs(await session(page)), "passkey aal1");
    const [made] = await first.credentials();
    assert.deepEqual([made.rpId, made.isResidentCredential, made.userName, made.userDisplayName], ["localhost", true, email, email]);
    await signOut(page);

    // Without anything built in there is no autofill.
    await open(page, "/login");
    await press(page, "passkey_login_trigger");
    const signedIn = await session(page);
    assert.equal(proofs(signedIn), "passkey aal1");
    assert.equal(signedIn.identity.traits.email, email);

    // The only way to sign in stays; with another one it may go.
    await open(page, "/settings");
    const remove = page.locator('button[name="passkey_remove"]');
    assert.equal(await remove.count(), 1);
    assert.equal(await remove.isDisabled(), true);
    const id = await remove.getAttribute("value");
    await first.unplug();
    const second = await plugIn(builtIn);
    await press(page, "passkey_register_trigger");
    await saved(page);
    assert.equal(await remove.count(), 2);
    const [added] = await second.credentials();
    assert.deepEqual([added.isResidentCredential, added.userName], [true, email]);
    await open(page, "/settings");
    await press(page, "passkey_remove", id);
    await saved(page);
    assert.equal(await remove.count(), 1);
    assert.notEqual(await remove.getAttribute("value"), id);
    await signOut(page);

    // By autofill: nothing is pressed.
    await visit(page, "/login");
    const filledIn = await session(page);
    assert.equal(proofs(filledIn), "passkey aal1");
    assert.equal(filledIn.identity.id, signedIn.identity.id);
    assert.deepEqual([alerts, errors], [[], []]);
  });
}
