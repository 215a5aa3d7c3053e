// Starts Chromium, and gives tests somebody who has a page open and authenticators at hand.
// These are Chromium's own: https://chromedevtools.github.io/devtools-protocol/tot/WebAuthn/
import assert from "node:assert/strict";
import { after, before } from "node:test";
import { chromium } from "playwright-core";

function given(name) {
  const value = process.env[name];
  assert.ok(value, `${name} must be set: these tests are run by browser_test.go`);
  return value;
}

// The base URLs of the server, of one where a security key is enough, and of the pages, which are of
// another origin.
export const server = given("ZELUS_PUBLIC");
export const passwordless = given("ZELUS_PASSWORDLESS");
export const pages = given("ZELUS_PAGES");

// How long something may take, in milliseconds. A busy machine is no fault.
const patience = 60_000;

let browser;

// Its profile is a new one, and is removed with it. It asks nobody but localhost for anything.
before(async () => {
  browser = await chromium.launch({
    executablePath: given("ZELUS_CHROMIUM"),
    timeout: patience,
    args: [
      "--no-sandbox", // there is none for root, nor in most containers
      "--disable-gpu",
      "--disable-quic",
      "--no-first-run",
      "--disable-background-networking",
      "--disable-component-update",
      "--disable-sync",
      "--no-proxy-server",
      "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE localhost",
    ],
  });
});

after(() => browser?.close());

// Authenticators: one that is built into a device and knows its owner by a finger; one that is
// plugged in and does the same; and a key that is plugged in and only asks to be touched. Only
// with one that is built in is there autofill.
export const builtIn = { protocol: "ctap2", transport: "internal", hasResidentKey: true, hasUserVerification: true, isUserVerified: true };
export const stick = { ...builtIn, transport: "usb" };
export const key = { protocol: "u2f", transport: "usb" };

// somebody opens an empty page in a browser without cookies. alerts is what the page says to them,
// errors what it writes to the console. settings are for page.html.
export async function somebody(t, settings = {}) {
  const context = await browser.newContext();
  t.after(() => context.close());
  context.setDefaultTimeout(patience);
  await context.addInitScript((zelus) => { window.zelus = zelus; }, { server, ...settings });
  const page = await context.newPage();
  const alerts = [], errors = [];
  page.on("dialog", async (dialog) => {
    alerts.push(dialog.message());
    await dialog.accept();
  });
  page.on("console", (message) => {
    // That somebody has no session is an error to Chromium, too.
    if (message.type() === "error" && !message.text().startsWith("Failed to load resource")) {
      errors.push(message.text());
    }
  });
  const devtools = await context.newCDPSession(page);
  await devtools.send("WebAuthn.enable", { enableUI: false });

  // plugIn gives them an authenticator, which they touch whenever it blinks, until told otherwise.
  async function plugIn(options) {
    const { authenticatorId } = await devtools.send("WebAuthn.addVirtualAuthenticator", { options: { automaticPresenceSimulation: true, ...options } });
    return {
      touched: (enabled) => devtools.send("WebAuthn.setAutomaticPresenceSimulation", { authenticatorId, enabled }),
      unplug: () => devtools.send("WebAuthn.removeVirtualAuthenticator", { authenticatorId }),
      credentials: async () => (await devtools.send("WebAuthn.getCredentials", { authenticatorId })).credentials,
    };
  }

  return { page, alerts, errors, plugIn };
}
