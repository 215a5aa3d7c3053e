// Every page and state that people can come to: its name, how to get there, and what the people
// there have (settings of somebody, in account.js). All that looks at pages goes through this table:
// axe, the snapshots of the accessibility tree, the measurements of layout shift, Enter in every
// field, and screenshots.
import { builtIn, given, key } from "./browser.js";
import { full, passes } from "./account.js";

// The base URL of a server where people sign in and up step by step.
export const steps = given("ZELUS_STEPS");

const wrong = "this is not my password";

export const places = [
  { name: "login", go: (p) => p.goes("login") },
  { name: "login-wrong", go: async (p) => {
    await p.goes("login");
    await p.types({ identifier: p.email, password: wrong });
    await p.presses("#password button[type=submit]");
  } },
  { name: "login-identifier", server: steps, go: (p) => p.goes("login") },
  { name: "login-choice", server: steps, go: async (p) => {
    await profiled(p);
    await withPassword(p);
    await p.goes("welcome");
    await p.signsOut();
    await identified(p);
  } },
  { name: "login-code", server: steps, go: async (p) => {
    await profiled(p);
    await withPassword(p);
    await p.goes("welcome");
    await p.signsOut();
    await identified(p);
    await p.presses('#code button[type=submit]');
  } },
  { name: "login-second", go: secondFactor },
  { name: "login-second-wrong", go: async (p) => {
    await secondFactor(p);
    await p.types({ totp_code: "000000" });
    await p.presses("#totp button[type=submit]");
  } },
  { name: "login-second-lost", go: async (p) => {
    await secondFactor(p);
    await p.page.locator("#lost > summary").click();
  } },
  { name: "login-again", go: async (p) => {
    await p.signsUp();
    await p.goes("login?refresh=true");
  } },
  { name: "login-again-wrong", go: async (p) => {
    await p.signsUp();
    await p.goes("login?refresh=true");
    await p.types({ password: wrong });
    await p.presses("#password button[type=submit]");
  } },
  { name: "login-expired", go: async (p) => {
    await p.goes("login");
    passes(2);
    await p.types({ identifier: p.email, password: wrong });
    await p.presses("#password button[type=submit]");
  } },
  { name: "registration", go: (p) => p.goes("registration") },
  { name: "registration-wrong", go: async (p) => {
    await p.goes("registration");
    await p.types({ "traits.email": p.email, password: "short" });
    await p.presses("#password button[type=submit]");
  } },
  { name: "registration-taken", go: async (p) => {
    await signedOut(p);
    await p.goes("registration");
    await p.types({ "traits.email": p.email, password: p.password });
    await p.presses("#password button[type=submit]");
  } },
  { name: "registration-first", server: steps, go: (p) => p.goes("registration") },
  { name: "registration-second", server: steps, go: profiled },
  { name: "registration-code", server: steps, go: async (p) => {
    await profiled(p);
    await p.presses('#code button[type=submit]');
  } },
  { name: "recovery", go: (p) => p.goes("recovery") },
  { name: "recovery-code", go: recovering },
  { name: "recovery-code-wrong", go: async (p) => {
    await recovering(p);
    await p.types({ code: "000000" });
    await p.presses("#code button[type=submit]");
  } },
  { name: "recovery-mail", server: steps, go: async (p) => {
    await p.goes("recovery");
    await p.types({ email: p.email });
    await p.presses("#link button[type=submit]");
  } },
  { name: "verification", go: (p) => p.goes("verification") },
  { name: "verification-code", go: (p) => p.signsUp() },
  { name: "verification-code-wrong", go: async (p) => {
    await p.signsUp();
    await p.types({ code: "000000" });
    await p.presses("#code button[type=submit]");
  } },
  { name: "verification-mail", server: steps, go: async (p) => {
    await p.goes("verification");
    await p.types({ email: p.email });
    await p.presses("#link button[type=submit]");
  } },
  { name: "verified", go: async (p) => {
    await p.signsUp();
    await p.types({ code: await p.code() });
    await p.presses("#code button[type=submit]");
  } },
  { name: "settings", go: async (p) => {
    await p.signsUp();
    await p.goes("settings");
  } },
  { name: "settings-saved", go: async (p) => {
    await p.signsUp();
    await p.goes("settings");
    await p.types({ "traits.name.first": "Ada" });
    await p.presses("#profile button[type=submit]");
  } },
  { name: "settings-wrong", go: async (p) => {
    await p.signsUp();
    await p.goes("settings");
    await p.types({ password: "short" });
    await p.presses("#section-password button[type=submit]");
  } },
  { name: "settings-recovered", go: async (p) => {
    await signedOut(p);
    await p.code(); // that of the sign-up, so that the next one is another
    await recovering(p);
    await p.types({ code: await p.code() });
    await p.presses("#code button[type=submit]");
    await p.at("settings");
  } },
  { name: "settings-app", go: async (p) => {
    await p.signsUp();
    await p.goes("settings");
    await p.page.locator("#section-totp summary").click();
  } },
  { name: "settings-app-wrong", go: async (p) => {
    await p.signsUp();
    await p.goes("settings");
    await p.page.locator("#section-totp summary").click();
    await p.types({ totp_code: "000000" });
    await p.presses("#totp button[type=submit]");
  } },
  { name: "settings-codes", go: async (p) => {
    await p.signsUp();
    await p.goes("settings");
    await p.presses('button[name="lookup_secret_regenerate"]');
  } },
  { name: "settings-all", go: everything },
  { name: "settings-removals", go: async (p) => {
    await everything(p);
    for (const summary of await p.page.locator(".removal > summary").all()) {
      await summary.click();
    }
  } },
  { name: "welcome", go: async (p) => {
    await p.signsUp();
    await p.goes("welcome");
  } },
  { name: "welcome-quiet", go: async (p) => {
    await p.signsUp();
    await p.confirms();
    await p.presses("#nudge button");
  } },
  { name: "sessions", go: async (p) => {
    await p.signsUp();
    await p.goes("sessions");
  } },
  { name: "sessions-others", go: async (p, t) => {
    await p.signsUp();
    await (await p.another(t)).signsIn();
    await p.goes("sessions");
  } },
  { name: "sessions-trusted", go: async (p) => {
    await p.signsUp();
    await p.addsApp();
    await p.goes("sessions");
    await p.presses("#trust button");
  } },
  { name: "history", go: async (p) => {
    await p.signsUp();
    await p.goes("history");
  } },
  { name: "data", go: async (p) => {
    await p.signsUp();
    await p.goes("data");
    await p.page.locator('[aria-labelledby="title-delete"] summary').click();
  } },
  { name: "data-again", go: async (p) => {
    await p.signsUp();
    passes(2);
    await p.goes("data");
  } },
  { name: "data-deleted", go: deleted },
  { name: "data-keep", go: async (p) => {
    await deleted(p);
    await p.signsIn();
  } },
  { name: "data-keep-link", go: async (p) => {
    await deleted(p);
    await p.page.goto(await p.mail(/http\S+token=\S+/));
  } },
  { name: "data-kept", go: async (p) => {
    await deleted(p);
    await p.page.goto(await p.mail(/http\S+token=\S+/));
    await p.presses("#keep button");
  } },
  { name: "logout", go: async (p) => {
    await p.signsUp();
    await p.goes("logout");
  } },
  { name: "missing", go: (p) => p.goes("nothing-of-the-kind") },
  { name: "error", go: (p) => p.goes("error?id=019a0000-0000-7000-8000-000000000000") },
  { name: "error-return", go: (p) => p.page.goto("/self-service/login/browser?return_to=https://not-allowed.example") },
  { name: "error-cookies", go: async (p) => {
    await p.goes("login");
    await p.context.clearCookies();
    await p.types({ identifier: p.email, password: wrong });
    await p.presses("#password button[type=submit]");
  } },
  { name: "languages", go: async (p) => {
    await p.goes("recovery");
    await p.page.locator("#languages > summary").click();
  } },
].map((place) => ({ server: full, ...place }));

async function signedOut(p) {
  await p.signsUp();
  await p.goes("welcome");
  await p.signsOut();
}

async function withPassword(p) {
  await p.types({ password: p.password });
  await p.presses("#password button[type=submit]");
}

async function identified(p) {
  await p.goes("login");
  await p.types({ identifier: p.email });
  await p.presses("#identifier-first button[type=submit]");
}

async function profiled(p) {
  await p.goes("registration");
  await p.types({ "traits.email": p.email });
  await p.presses("#profile button[type=submit]");
}

async function deleted(p) {
  await p.signsUp();
  await p.deletes();
}

async function recovering(p) {
  await p.goes("recovery");
  await p.types({ email: p.email });
  await p.presses("#code button[type=submit]");
}

async function secondFactor(p) {
  await p.signsUp();
  await p.addsApp();
  await p.addsCodes();
  await p.signsOut();
  await p.signsIn();
}

// everything is an account with all that can be added to one.
async function everything(p) {
  await p.signsUp();
  await p.addsApp();
  await p.addsCodes();
  const inside = await p.plugIn(builtIn);
  await p.addsPasskey();
  await inside.unplug();
  const stick = await p.plugIn(key);
  await p.goes("settings");
  await p.types({ webauthn_register_displayname: "blue key" });
  await p.presses('button[name="webauthn_register_trigger"]');
  await p.hears("ok");
  await stick.unplug();
}
