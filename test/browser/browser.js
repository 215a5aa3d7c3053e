// Starts Chromium, one for each file of tests, and gives them pages and authenticators. These are
// Chromium's own: https://chromedevtools.github.io/devtools-protocol/tot/WebAuthn/
import assert from "node:assert/strict";
import { after, before } from "node:test";
import { chromium } from "playwright-core";

// given is what browser_test.go tells.
export function given(name) {
  const value = process.env[name];
  assert.ok(value, `${name} must be set: these tests are run by browser_test.go`);
  return value;
}

// How long something may take, in milliseconds. A busy machine is no fault.
export const patience = 60_000;

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

// open opens an empty page in a browser without cookies, whose settings are those of Playwright.
// errors is what pages write to the console.
export async function open(t, settings = {}) {
  const context = await browser.newContext(settings);
  t.after(() => context.close());
  context.setDefaultTimeout(patience);
  const page = await context.newPage();
  const errors = [];
  page.on("console", (message) => {
    // That somebody has no session is an error to Chromium, too.
    if (message.type() === "error" && !message.text().startsWith("Failed to load resource")) {
      errors.push(message.text());
    }
  });
  return { context, page, errors };
}

// socket is where authenticators are plugged in: the function gives whoever looks at the page one,
// which they touch whenever it blinks, until told otherwise.
export async function socket({ context, page }) {
  const devtools = await context.newCDPSession(page);
  await devtools.send("WebAuthn.enable", { enableUI: false });
  return async (options) => {
    const { authenticatorId } = await devtools.send("WebAuthn.addVirtualAuthenticator", { options: { automaticPresenceSimulation: true, ...options } });
    return {
      touched: (enabled) => devtools.send("WebAuthn.setAutomaticPresenceSimulation", { authenticatorId, enabled }),
      unplug: () => devtools.send("WebAuthn.removeVirtualAuthenticator", { authenticatorId }),
      credentials: async () => (await devtools.send("WebAuthn.getCredentials", { authenticatorId })).credentials,
    };
  };
}
