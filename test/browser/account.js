// Somebody who uses the built-in account pages, and what they do there again and again.
import assert from "node:assert/strict";
import { createHmac, randomBytes } from "node:crypto";
import { readFileSync, renameSync, writeFileSync } from "node:fs";
import { given, open, patience, socket } from "./browser.js";

// The base URLs of a server without any configuration, of one where everything is on that a page
// shows, and of another site to which people may be led from there.
export const plain = given("ZELUS_PUBLIC");
export const full = given("ZELUS_FULL");
export const elsewhere = given("ZELUS_ELSEWHERE");

// somebody is a person with a browser. settings are those of Playwright, and:
//   server   where they go
//   email    who they are; somebody new unless it is given
export async function somebody(t, { server = plain, email = randomBytes(8).toString("hex") + "@example.org", ...settings } = {}) {
  const opened = await open(t, { locale: "en", baseURL: server, ...settings });
  return new Person(opened, await socket(opened), server, email);
}

class Person {
  password = "several words and " + randomBytes(6).toString("hex");
  #read = new Set(); // messages
  #asked; // the request for the page that is shown

  constructor({ context, page, errors }, plugIn, server, email) {
    Object.assign(this, { context, page, errors, plugIn, server, email });
    page.on("request", (request) => {
      if (request.isNavigationRequest() && request.method() === "GET") {
        this.#asked = request;
      }
    });
  }

  // another is the same person at another device.
  async another(t, settings) {
    const other = await somebody(t, { server: this.server, email: this.email, ...settings });
    other.password = this.password;
    other.#read = this.#read;
    return other;
  }

  // goes opens a page by its name, with whatever follows it.
  async goes(name) { await this.page.goto("/ui/" + name); }

  // again opens the page once more as it was: with a cookie, too, that it has taken.
  async again() {
    const { cookie = "" } = await this.#asked.allHeaders();
    const kept = (await this.context.cookies()).map(({ name }) => name);
    const taken = [...cookie.matchAll(/([^=; ]+)=([^;]*)/g)].filter(([, name]) => !kept.includes(name));
    await this.context.addCookies(taken.map(([, name, value]) => ({ name, value, url: this.server })));
    await this.page.goto(this.#asked.url());
  }

  // at waits until they are on a page.
  async at(name) {
    await this.page.waitForURL((url) => url.pathname === "/ui/" + name);
    await this.page.waitForLoadState();
  }

  field(name) { return this.page.locator(`main [name="${name}"]:visible`).first(); }

  // types fills in fields by their names.
  async types(fields) {
    for (const [name, value] of Object.entries(fields)) {
      await this.field(name).fill(value);
    }
  }

  // presses the button that a selector finds, and waits for the page to which it leads.
  async presses(button) { await this.leads(() => this.page.locator(button).filter({ visible: true }).first().click()); }

  // leads does what leads to another page, and waits for that.
  async leads(act) {
    const loaded = this.page.waitForEvent("load");
    await act();
    await loaded;
  }

  // hears is what the page says: "ok" if something was done, "wrong" if there is a problem.
  async hears(what) { await this.page.locator(what === "ok" ? "#status" : "#errors").waitFor(); }

  // signsUp with a password, up to the code that confirms the address.
  async signsUp() {
    await this.goes("registration");
    await this.types({ "traits.email": this.email, password: this.password });
    await this.presses("#password button[type=submit]");
    await this.at("verification");
  }

  // confirms the address with the code that was sent.
  async confirms() {
    await this.types({ code: await this.code() });
    await this.presses("#code button[type=submit]");
    await this.page.locator("#code-continue, #errors").first().waitFor();
    await this.presses("main a.primary");
    await this.at("welcome");
  }

  // focus waits until something has it.
  focus(on) { return this.page.waitForFunction((on) => document.activeElement.matches(on), on); }

  // tabs presses the tab key until something has the focus, which must be seen.
  async tabs(to) {
    for (let i = 0; i < 60; i++) {
      await this.page.keyboard.press("Tab");
      const seen = await this.page.evaluate((to) => {
        const { activeElement: here } = document;
        return here.matches(to) ? parseFloat(getComputedStyle(here).outlineWidth) : undefined;
      }, to);
      if (seen !== undefined) {
        assert.ok(seen >= 2, `the focus of ${to} is not to be seen`);
        return;
      }
    }
    assert.fail(`the tab key does not lead to ${to}`);
  }

  async signsOut() {
    await this.presses(".signout button");
    await this.at("login");
  }

  async signsIn() {
    await this.goes("login");
    await this.types({ identifier: this.email, password: this.password });
    await this.presses("#password button[type=submit]");
  }

  // deletes the account: it goes after some days.
  async deletes() {
    await this.goes("data");
    await this.page.locator('[aria-labelledby="title-delete"] summary').click();
    await this.presses("#delete button");
    await this.page.locator("#link-login").waitFor();
  }

  // mail waits for a message to them that they have not read, in which something matches.
  async mail(pattern, to = this.email) {
    return eventually(`mail to ${to} with ${pattern}`, async () => {
      for (const m of await (await fetch(this.server + "/dev/mail.json")).json()) {
        const found = m.to === to && !this.#read.has(m.id) && pattern.exec(m.body);
        if (found) {
          this.#read.add(m.id);
          return found[0];
        }
      }
    });
  }

  // code waits for a code by mail.
  code(to) { return this.mail(/\b\d{6}\b/, to); }

  // app reads the secret that the page shows into an authenticator app.
  async app() {
    return authenticator(await this.page.locator("#section-totp .shown code").innerText(), () => Date.now() + (this.server === full ? ahead() : 0));
  }

  // addsApp sets up an authenticator app, and returns what gives its codes.
  async addsApp() {
    await this.goes("settings");
    await this.page.locator("#section-totp summary").click();
    const app = await this.app();
    await this.types({ totp_code: app() });
    await this.presses("#totp button[type=submit]");
    await this.hears("ok");
    return app;
  }

  // addsCodes makes backup codes, and returns them.
  async addsCodes() {
    await this.goes("settings");
    await this.presses('#section-lookup-secret button[name="lookup_secret_regenerate"]');
    const codes = await this.page.locator(".codes li").allInnerTexts();
    await this.presses('#section-lookup-secret button[name="lookup_secret_confirm"]');
    await this.hears("ok");
    return codes;
  }

  // addsPasskey adds one to the account, from an authenticator that is there.
  async addsPasskey() {
    await this.goes("settings");
    await this.presses('button[name="passkey_register_trigger"]');
    await this.hears("ok");
  }
}

// authenticator is an app that makes codes (RFC 6238): each call gives the next one, as each works
// once. A server takes the code of the next half minute, too.
function authenticator(text, now) {
  const key = base32(text.replaceAll(/\s/g, ""));
  let last = 0;
  return () => {
    last = Math.max(last + 1, Math.floor(now() / 30_000));
    const counter = Buffer.alloc(8);
    counter.writeBigUInt64BE(BigInt(last));
    const sum = createHmac("sha1", key).update(counter).digest();
    const at = sum[19] & 15;
    return String((sum.readUInt32BE(at) & 0x7fffffff) % 1_000_000).padStart(6, "0");
  };
}

function base32(text) {
  const bits = [...text].map((c) => "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567".indexOf(c).toString(2).padStart(5, "0")).join("");
  return Buffer.from(bits.match(/.{8}/g).map((byte) => parseInt(byte, 2)));
}

// The clock of the server where everything is on.
const clock = given("ZELUS_CLOCK");

// ahead is by how many milliseconds it is ahead.
function ahead() {
  try {
    return Number(readFileSync(clock, "utf8").slice(0, -1)) * 1000;
  } catch {
    return 0;
  }
}

// passes lets time pass there: hours.
export function passes(hours) {
  writeFileSync(clock + ".new", `${ahead() / 1000 + hours * 3600}s`);
  renameSync(clock + ".new", clock);
}

// eventually waits until a function gives something.
export async function eventually(what, of) {
  for (const deadline = Date.now() + patience; Date.now() < deadline; await new Promise((again) => setTimeout(again, 50))) {
    const found = await of();
    if (found) {
      return found;
    }
  }
  assert.fail("there is still no " + what);
}
