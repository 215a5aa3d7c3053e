// What the script promises to pages, one promise after another, on a page that has nothing else.
import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { test } from "node:test";
import { builtIn, key, stick } from "./browser.js";
import { pages, server, somebody } from "./elsewhere.js";

const src = server + "/.well-known/ory/webauthn.js";
const names = ["oryWebAuthnLogin", "oryWebAuthnRegistration", "oryPasskeyLogin", "oryPasskeyLoginAutocompleteInit", "oryPasskeyRegistration", "oryPasskeySettingsRegistration"];

// Options as the server gives them.
const create = (more = {}) => ({
  publicKey: {
    challenge: randomBytes(32).toString("base64url"),
    rp: { id: "localhost", name: "Tests" },
    user: { id: randomBytes(16).toString("base64url"), name: "Tests", displayName: "Tests" },
    pubKeyCredParams: [{ type: "public-key", alg: -7 }, { type: "public-key", alg: -257 }],
    authenticatorSelection: { userVerification: "discouraged" },
    ...more,
  },
});
const discoverable = (more = {}) => create({ authenticatorSelection: { residentKey: "required", userVerification: "preferred" }, ...more });
const get = (more = {}) => ({ publicKey: { challenge: randomBytes(32).toString("base64url"), rpId: "localhost", ...more } });
// No authenticator is asked about another site.
const elsewhere = { rp: { id: "elsewhere.example", name: "Elsewhere" }, rpId: "elsewhere.example" };

// form opens a page with a form of hidden fields, and loads the script. What the form would send is
// kept as window.sent instead.
async function form(page, fields = {}) {
  await page.goto(pages + "/blank");
  await page.evaluate((fields) => {
    window.heard = 0;
    window.addEventListener("oryWebAuthnInitialized", () => window.heard++);
    const form = document.createElement("form");
    for (const [name, value] of Object.entries(fields)) {
      const field = document.createElement("input");
      field.type = name === "identifier" ? "text" : "hidden";
      field.autocomplete = "username webauthn";
      field.name = name;
      field.value = typeof value === "string" ? value : JSON.stringify(value);
      form.append(field);
    }
    form.submit = () => { window.sent = Object.fromEntries(new FormData(form)); };
    document.body.replaceChildren(form);
  }, fields);
  await page.addScriptTag({ url: src });
}

// sent is what the form has sent.
async function sent(page) {
  await page.waitForFunction(() => window.sent);
  return page.evaluate(() => {
    const { sent } = window;
    window.sent = undefined;
    return sent;
  });
}

// call calls a function of the script and waits until it is done.
const call = (page, name, ...given) => page.evaluate(([name, given]) => window[name](...given), [name, given]);

const bytes = (text) => {
  assert.match(text, /^[A-Za-z0-9_-]*$/);
  return Buffer.from(text, "base64url");
};

// assertion reads the answer of a key that was used, attestation that of one that was made.
function assertion(text) {
  const answer = JSON.parse(text);
  assert.deepEqual(Object.keys(answer), ["id", "rawId", "type", "response"]);
  assert.deepEqual(Object.keys(answer.response).sort(), ["authenticatorData", "clientDataJSON", "signature", "userHandle"]);
  return read(answer);
}

function attestation(text) {
  const answer = JSON.parse(text);
  assert.deepEqual(Object.keys(answer), ["id", "rawId", "type", "response"]);
  assert.deepEqual(Object.keys(answer.response).sort(), ["attestationObject", "clientDataJSON"]);
  return read(answer);
}

function read(answer) {
  assert.equal(answer.type, "public-key");
  assert.equal(answer.id, answer.rawId);
  const response = Object.fromEntries(Object.entries(answer.response).map(([name, text]) => [name, bytes(text)]));
  const client = JSON.parse(response.clientDataJSON);
  assert.equal(client.origin, pages);
  return { ...response, id: answer.id, challenge: client.challenge, kind: client.type };
}

test("the script runs once, and older names are the same functions", async (t) => {
  const { page } = await somebody(t);
  await form(page);
  const first = await page.evaluateHandle((names) => names.map((name) => window[name]), names);
  assert.equal(await page.evaluate(() => window.__oryWebAuthnInitialized), true);
  await page.addScriptTag({ url: src });
  const [same, older, heard] = await page.evaluate(
    ([first, names]) => [names.every((name, i) => window[name] === first[i] && typeof first[i] === "function"), names.every((name) => window["__" + name] === window[name]), window.heard],
    [first, names]);
  assert.deepEqual([same, older, heard], [true, true, 1]);
});

test("without WebAuthn the script does nothing", async (t) => {
  const { page, errors } = await somebody(t);
  await page.addInitScript(() => { delete window.PublicKeyCredential; });
  await form(page);
  const [functions, ready, heard] = await page.evaluate((names) => [names.filter((name) => name in window), window.__oryWebAuthnInitialized, window.heard], names);
  assert.deepEqual([functions, ready, heard, errors], [[], undefined, 0, []]);
});

test("bytes come and go as they are", async (t) => {
  const { page, plugIn, alerts } = await somebody(t);
  const all = Buffer.from(Array.from({ length: 256 }, (_, i) => i));
  const challenge = all.toString("base64url");
  for (let n = 0; n < 256; n += 64) {
    const handle = all.subarray(n, n + 64); // more than 64 bytes are not allowed
    const device = await plugIn(stick); // it has room for three passkeys
    await form(page, { webauthn_register: "", webauthn_register_trigger: discoverable({ challenge, user: { id: handle.toString("base64url"), name: "a", displayName: "a" } }) });
    await call(page, "oryWebAuthnRegistration");
    const made = attestation((await sent(page)).webauthn_register);
    assert.deepEqual([made.kind, made.challenge], ["webauthn.create", challenge]);
    assert.ok(made.attestationObject.includes(bytes(made.id)));

    // With padding and in the other alphabet, too.
    const allowCredentials = [{ type: "public-key", id: bytes(made.id).toString("base64") }];
    await form(page, { webauthn_login: "", webauthn_login_trigger: get({ challenge: all.toString("base64"), allowCredentials }) });
    await call(page, "oryWebAuthnLogin");
    const used = assertion((await sent(page)).webauthn_login);
    assert.deepEqual([used.kind, used.challenge, used.id], ["webauthn.get", challenge, made.id]);
    assert.deepEqual(used.userHandle, handle);
    await device.unplug();
  }
  assert.deepEqual(alerts, []);
});

test("a key without a user handle, and one that is there already", async (t) => {
  const { page, plugIn, alerts } = await somebody(t);
  await plugIn(key);
  await form(page, { webauthn_register: "", webauthn_register_trigger: create() });
  await call(page, "oryWebAuthnRegistration");
  const { id } = attestation((await sent(page)).webauthn_register);
  await form(page, { webauthn_login: "", webauthn_login_trigger: get({ allowCredentials: [{ type: "public-key", id }] }) });
  await call(page, "oryWebAuthnLogin");
  const used = assertion((await sent(page)).webauthn_login);
  assert.equal(used.userHandle.length, 0);
  assert.deepEqual(alerts, []);

  await form(page, { webauthn_register: "", webauthn_register_trigger: create({ excludeCredentials: [{ type: "public-key", id }] }) });
  await call(page, "oryWebAuthnRegistration");
  assert.equal(alerts.length, 1);
  assert.match(alerts[0], /InvalidStateError/);
});

test("a page hands over options and selectors", async (t) => {
  const { page, plugIn, alerts } = await somebody(t);
  await plugIn(stick);
  await form(page, { made: "", make: "no options", used: "", use: "no options" });
  const options = create();
  await call(page, "oryWebAuthnRegistration", options, "[name=made]", "[name=make]");
  const made = attestation((await sent(page)).made);
  assert.equal(made.challenge, options.publicKey.challenge);
  await call(page, "oryWebAuthnLogin", get({ allowCredentials: [{ type: "public-key", id: made.id }] }), "[name=used]", "[name=use]");
  assert.equal(assertion((await sent(page)).used).id, made.id);

  // The page's options stay as they are, so that they can be handed over again.
  await form(page, { webauthn_login: "", webauthn_login_trigger: "" });
  const again = get({ allowCredentials: [{ type: "public-key", id: made.id }] });
  const left = await page.evaluate(async (options) => {
    await window.oryWebAuthnLogin(options);
    await window.oryWebAuthnLogin(options);
    return options;
  }, again);
  assert.deepEqual(left, again);
  assert.equal(assertion((await sent(page)).webauthn_login).id, made.id);

  // The form that is sent is that of the button.
  await form(page, { webauthn_login: "", webauthn_login_trigger: again });
  await page.evaluate(() => {
    const other = document.createElement("form");
    other.append(document.querySelector("[name=webauthn_login_trigger]"));
    other.submit = () => { window.sent = "the other form"; };
    document.body.append(other);
  });
  await call(page, "oryWebAuthnLogin");
  assert.equal(await sent(page), "the other form");

  // A listener is given an event, which is no options.
  await form(page, { webauthn_login: "", webauthn_login_trigger: again });
  await page.evaluate(() => {
    document.body.addEventListener("click", window.oryWebAuthnLogin);
    document.body.click();
  });
  assert.equal(assertion((await sent(page)).webauthn_login).id, made.id);
  assert.deepEqual(alerts, []);
});

test("a passkey is called what was typed first", async (t) => {
  const { page, plugIn, errors } = await somebody(t);
  for (const [want, fields, data] of [
    ["ada@example.org", { "traits.name": "", "traits.email": "ada@example.org", "traits.phone": "123" }, { displayNameFieldNames: ["traits.name", "traits.email", "traits.phone"], displayNameFieldName: "traits.name" }],
    ["ada", { "traits.name": "ada" }, { displayNameFieldName: "traits.name" }],
    ['a"b', { 'traits.["x"]': 'a"b' }, { displayNameFieldNames: ["traits.none", 'traits.["x"]'] }],
    ["Tests", { "traits.name": "" }, { displayNameFieldName: "traits.name" }],
    ["Tests", {}, {}],
  ]) {
    const device = await plugIn(builtIn);
    await form(page, { ...fields, passkey_register: "", passkey_create_data: { credentialOptions: discoverable(), ...data } });
    await call(page, "oryPasskeyRegistration");
    attestation((await sent(page)).passkey_register);
    const [made] = await device.credentials();
    assert.deepEqual([made.userName, made.userDisplayName], [want, want]);
    await device.unplug();
  }
  const device = await plugIn(builtIn);
  await form(page, { passkey_settings_register: "", passkey_create_data: discoverable() });
  await call(page, "oryPasskeySettingsRegistration");
  attestation((await sent(page)).passkey_settings_register);
  assert.equal((await device.credentials())[0].userName, "Tests");
  assert.deepEqual(errors, []);
});

test("errors of keys are alerted, those of passkeys are logged", async (t) => {
  const { page, plugIn, alerts, errors } = await somebody(t);
  await plugIn(builtIn);
  const fields = {
    webauthn_login: "", webauthn_login_trigger: get(elsewhere), webauthn_register: "", webauthn_register_trigger: create(elsewhere),
    passkey_login: "", passkey_challenge: get(elsewhere), passkey_register: "", passkey_settings_register: "", passkey_create_data: { ...discoverable(elsewhere), credentialOptions: discoverable(elsewhere) },
  };
  for (const [fails, told, silent, what] of [
    [["oryWebAuthnLogin", "oryWebAuthnRegistration"], alerts, errors, /SecurityError/],
    [["oryPasskeyLogin", "oryPasskeyRegistration", "oryPasskeySettingsRegistration"], errors, alerts, /SecurityError/],
  ]) {
    for (const name of fails) {
      await form(page, fields);
      await call(page, name);
      assert.equal(told.length, 1, `${name}: ${told}`);
      assert.match(told.pop(), what);
      // A page without the fields.
      await form(page);
      await call(page, name);
      assert.equal(told.length, 1, `${name}: ${told}`);
      assert.match(told.pop(), /This page has no element/);
      assert.deepEqual(silent, []);
      assert.equal(await page.evaluate(() => window.sent), undefined);
    }
  }
});

// signIn are the fields of a form in which a passkey can be offered.
const signIn = (more = {}) => ({ identifier: "", passkey_login: "", passkey_challenge: get(more) });

// withPasskey is somebody whose device has a passkey.
async function withPasskey(t) {
  const who = await somebody(t);
  const device = await who.plugIn(builtIn);
  await form(who.page, { passkey_settings_register: "", passkey_create_data: discoverable() });
  await call(who.page, "oryPasskeySettingsRegistration");
  const { id } = attestation((await sent(who.page)).passkey_settings_register);
  return { ...who, device, id };
}

test("autofill signs in", async (t) => {
  const { page, errors, id } = await withPasskey(t);
  await form(page, signIn());
  await call(page, "oryPasskeyLoginAutocompleteInit");
  assert.equal(assertion((await sent(page)).passkey_login).id, id);
  assert.deepEqual(errors, []);
});

test("one request for autofill at a time, which makes way", async (t) => {
  const { page, alerts, errors, device, id } = await withPasskey(t);
  // Nobody touches the device for autofill, but they do as soon as there is a dialog.
  await device.touched(false);
  await page.exposeFunction("touch", () => device.touched(true));
  await form(page, { ...signIn(), webauthn_login: "", webauthn_login_trigger: get({ allowCredentials: [{ type: "public-key", id }] }) });
  await page.evaluate(() => {
    const get = navigator.credentials.get.bind(navigator.credentials);
    // How many requests have begun, how many are running, and how many did so at once.
    Object.assign(window, { begun: 0, running: 0, most: 0 });
    navigator.credentials.get = async (options) => {
      window.begun++;
      window.most = Math.max(window.most, ++window.running);
      try {
        if (!options.mediation) {
          await window.touch();
        }
        return await get(options);
      } finally {
        window.running--;
      }
    };
  });
  // pending begins autofill, waits until the browser was asked, and gives the promise of its end.
  const pending = async () => {
    await device.touched(false);
    const begun = await page.evaluate(() => window.begun);
    const one = await page.evaluateHandle(() => ({ end: window.oryPasskeyLoginAutocompleteInit(), controller: window.abortPasskeyConditionalUI }));
    await page.waitForFunction((begun) => window.begun > begun, begun);
    return one;
  };
  // aborted waits for the end of one, and sees that it was made to end.
  const aborted = async (one) => assert.equal(await page.evaluate(async ({ end, controller }) => { await end; return controller.signal.aborted; }, one), true);

  const first = await pending(), second = await pending();
  await aborted(first);

  await call(page, "oryPasskeyLogin");
  await aborted(second);
  assert.equal(assertion((await sent(page)).passkey_login).id, id);

  const third = await pending();
  await call(page, "oryWebAuthnLogin");
  await aborted(third);
  assert.equal(assertion((await sent(page)).webauthn_login).id, id);

  // By the page itself.
  const fourth = await pending();
  await page.evaluate(() => window.abortPasskeyConditionalUI.abort());
  await aborted(fourth);

  // Where it has not quite begun.
  const fifth = await page.evaluateHandle(() => {
    const end = window.oryPasskeyLoginAutocompleteInit(), controller = window.abortPasskeyConditionalUI;
    return { end: Promise.all([end, window.oryPasskeyLogin()]), controller };
  });
  await aborted(fifth);
  assert.equal(assertion((await sent(page)).passkey_login).id, id);

  assert.equal(await page.evaluate(() => window.most), 1);
  assert.deepEqual([alerts, errors], [[], []]);
});

test("after a failure autofill goes on", async (t) => {
  const { page, errors, id } = await withPasskey(t);
  await form(page, signIn(elsewhere));
  const right = JSON.stringify(get());
  await page.evaluate(async (right) => {
    await window.oryPasskeyLogin();
    document.querySelector("[name=passkey_challenge]").value = right; // autofill has not read it yet
  }, right);
  assert.equal(assertion((await sent(page)).passkey_login).id, id);
  assert.equal(errors.length, 1);
  assert.match(errors[0], /SecurityError/);
});

test("autofill does nothing where it cannot be", async (t) => {
  const { page, errors } = await withPasskey(t);
  const idle = async (fields) => {
    await form(page, fields);
    await call(page, "oryPasskeyLoginAutocompleteInit"); // it would wait for ever
    assert.equal(await page.evaluate(() => window.sent), undefined);
  };
  const { identifier, passkey_login, passkey_challenge } = signIn();
  await idle({ passkey_login, passkey_challenge });
  await idle({ identifier, passkey_challenge });
  for (const without of ["() => Promise.resolve(false)", "undefined"]) {
    await page.addInitScript(`PublicKeyCredential.isConditionalMediationAvailable = ${without}`);
    await idle({ identifier, passkey_login, passkey_challenge });
  }
  assert.deepEqual(errors, []);
});
