// People do on the account pages whatever they come for: with and without JavaScript, in English and
// from right to left, with a keyboard alone.
import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { test } from "node:test";
import { elsewhere, full, passes, somebody } from "./account.js";
import { builtIn } from "./browser.js";

const ways = {
  "with JavaScript": {},
  "without JavaScript": { javaScriptEnabled: false },
  "in Arabic": { locale: "ar" },
};

for (const [way, settings] of Object.entries(ways)) {
  const right = settings.locale === "ar";

  test(`an account from beginning to end, ${way}`, async (t) => {
    const one = await somebody(t, settings);
    const { page, errors } = one;

    await t.test("sign up, and confirm the address by the code of the mail", async () => {
      await one.signsUp();
      assert.deepEqual(await page.evaluate(() => [document.documentElement.lang, document.documentElement.dir]), right ? ["ar", "rtl"] : ["en", "ltr"]);
      await one.confirms();
      assert.match(await page.locator("main").innerText(), new RegExp(one.email));
    });
    await t.test("sign out and in", async () => {
      await one.signsOut();
      await one.signsIn();
      await one.at("welcome");
    });
    await t.test("change the profile", async () => {
      await one.goes("settings");
      await one.types({ "traits.name.first": "Ada", "traits.name.last": "Lovelace" });
      await one.presses("#profile button[type=submit]");
      await one.hears("ok");
      await one.goes("settings");
      assert.equal(await one.field("traits.name.last").inputValue(), "Lovelace");
    });
    await t.test("change the password", async () => {
      one.password += " and more";
      await one.types({ password: one.password });
      await one.presses("#password button[type=submit]");
      await one.hears("ok");
      await one.signsOut();
      await one.signsIn();
      await one.at("welcome");
      await one.signsOut();
    });
    await t.test("recover with a code, and choose a new password", async () => {
      await one.presses("#link-recovery");
      await one.types({ email: one.email });
      await one.presses("#code button[type=submit]");
      await one.types({ code: await one.code() });
      await one.presses("#code button[type=submit]");
      await one.at("settings");
      one.password = "chosen " + one.password;
      await one.types({ password: one.password });
      await one.presses("#password button[type=submit]");
      await one.at("welcome");
      await one.hears("ok");
      await one.signsOut();
      await one.signsIn();
      await one.at("welcome");
    });
    await t.test("revoke another device", async () => {
      const other = await one.another(t, settings);
      await other.signsIn();
      await other.at("welcome");
      await one.goes("sessions");
      await one.presses('#sessions button[value="revoke"]');
      await one.hears("ok");
      await other.page.reload();
      await other.at("login");
      assert.equal(await page.locator('#sessions button[value="revoke"]').count(), 0);
    });
    let app, codes;
    await t.test("set up an authenticator app, and backup codes to copy or to keep as a file", async () => {
      app = await one.addsApp();
      codes = await one.addsCodes();
      assert.equal(codes.length, 12);
    });
    await t.test("sign in with the app", async () => {
      await one.signsOut();
      await one.signsIn();
      await one.types({ totp_code: "000000" });
      await one.presses("#totp button[type=submit]");
      await one.hears("wrong");
      const code = app();
      await one.types({ totp_code: code.slice(0, 3) + " " + code.slice(3) });
      await one.presses("#totp button[type=submit]");
      await one.at("welcome");
    });
    await t.test("sign in with a backup code, once", async () => {
      for (const [code, heard] of [[codes[0], "welcome"], [codes[0], "wrong"], [codes[1].toUpperCase(), "welcome"]]) {
        if (page.url().endsWith("/ui/welcome")) {
          await one.signsOut();
          await one.signsIn();
        }
        if (await page.locator("#lost[open]").count() === 0) {
          await page.locator("#lost > summary").click();
        }
        await one.types({ lookup_secret: code });
        await one.presses("#lookup-secret button[type=submit]");
        await (heard === "wrong" ? one.hears(heard) : one.at(heard));
      }
    });
    await t.test("remove the app, after a question", async () => {
      await one.goes("settings");
      await page.locator("#section-totp .removal > summary").click();
      await one.presses('button[name="totp_unlink"]');
      await one.hears("ok");
    });
    await t.test("see where one has signed in, and take all data along", async () => {
      await one.goes("history");
      assert.ok(await page.locator("#history li").count() > 5);
      await one.presses('header nav a[href$="data"]');
      const [file] = await Promise.all([page.waitForEvent("download"), page.locator("#export").click()]);
      const all = JSON.parse(await readFile(await file.path(), "utf8"));
      assert.equal(all.identity.traits.name.last, "Lovelace");
    });
    assert.deepEqual(errors, []);
  });

  test(`delete an account, and undo it, ${way}`, async (t) => {
    const one = await somebody(t, { server: full, ...settings });
    await one.signsUp();
    await one.confirms();
    await one.deletes();
    await one.signsIn(); // leads to the question, which may stay without an answer
    await one.at("data");
    await one.presses("#later");
    await one.at("welcome");
    const link = await one.mail(/http\S+token=\S+/);
    const reader = await one.another(t, settings); // the mail may be read at another device
    await reader.page.goto(link);
    await reader.presses("#keep button");
    await reader.presses("#link-login");
    await reader.signsIn();
    await reader.at("welcome");
    await reader.deletes();
    await reader.signsIn();
    await reader.at("data");
    await reader.presses("#keep button");
    await reader.hears("ok");
    await reader.deletes();
    passes(15 * 24);
    await reader.signsIn();
    await reader.hears("wrong");
    assert.deepEqual([one.errors, reader.errors], [[], []]);
  });
}

for (const locale of ["en", "ar"]) {
  test(`a passkey fills itself in, ${locale}`, async (t) => {
    const one = await somebody(t, { locale });
    await one.signsUp();
    await one.confirms();
    await one.plugIn(builtIn);
    await one.addsPasskey();
    await one.signsOut(); // leads to the sign-in page, where nothing is pressed
    await one.at("welcome");
    assert.deepEqual(one.errors, []);
  });
}

test("who came from another site is led back there", async (t) => {
  const one = await somebody(t, { server: full });
  await one.page.goto("/self-service/registration/browser?return_to=" + elsewhere + "/up");
  await one.types({ "traits.email": one.email, password: one.password });
  await one.presses("#password button[type=submit]");
  await one.types({ code: await one.code() });
  await one.presses("#code button[type=submit]");
  await one.presses("main a.primary");
  assert.equal(one.page.url(), elsewhere + "/up");
  await one.goes("welcome");
  await one.signsOut();
  await one.page.goto("/ui/login?return_to=" + elsewhere + "/in");
  await one.types({ identifier: one.email, password: "not this one, that is sure" });
  await one.presses("#password button[type=submit]");
  await one.hears("wrong");
  await one.types({ password: one.password });
  await one.presses("#password button[type=submit]");
  assert.equal(one.page.url(), elsewhere + "/in");
  await one.page.goto(full + "/ui/logout?return_to=" + elsewhere + "/out");
  await one.presses("#logout button");
  assert.equal(one.page.url(), elsewhere + "/out");
  assert.deepEqual(one.errors, []);
});

test("who was away too long confirms that it is them, and what they changed is not lost", async (t) => {
  const one = await somebody(t, { server: full });
  await one.signsUp();
  await one.confirms();
  passes(0.9);
  await one.goes("settings");
  passes(0.2);
  await one.types({ password: one.password + " and more" });
  await one.presses("#password button[type=submit]");
  await one.at("login");
  await one.types({ password: one.password });
  await one.presses("#password button[type=submit]");
  await one.at("settings");
  await one.hears("ok");
  one.password += " and more";
  await one.signsOut();
  await one.signsIn();
  await one.at("welcome");
});

test("a form whose time is over gives back what was typed", async (t) => {
  const one = await somebody(t, { server: full });
  await one.goes("registration");
  passes(2);
  await one.types({ "traits.email": one.email, "traits.name.first": "Ada", password: one.password });
  await one.presses("#password button[type=submit]");
  await one.hears("wrong");
  assert.equal(await one.field("traits.email").inputValue(), one.email);
  assert.equal(await one.field("traits.name.first").inputValue(), "Ada");
  await one.types({ password: one.password });
  await one.presses("#password button[type=submit]");
  await one.at("verification");
});

test("sign up, and change everything in the settings, with the keyboard alone", async (t) => {
  const one = await somebody(t);
  const { page } = one;
  const { keyboard } = page;
  await one.goes("registration");
  // From the beginning of the page, the skip link leads to the form.
  await keyboard.press("Tab");
  await one.focus(".skip");
  await keyboard.press("Enter");
  await one.tabs('[name="traits.email"]');
  await keyboard.type(one.email);
  await one.tabs('[name="traits.name.first"]');
  await keyboard.type("Ada");
  await one.tabs('[name="password"]');
  await keyboard.type(one.password);
  await one.leads(() => keyboard.press("Enter"));
  await one.at("verification");
  await one.focus('[name="code"]');
  await keyboard.type(await one.code());
  await one.leads(() => keyboard.press("Enter"));
  await one.tabs("main a.primary");
  await one.leads(() => keyboard.press("Enter"));
  await one.at("welcome");
  await one.tabs('nav a[href$="settings"]');
  await one.leads(() => keyboard.press("Enter"));
  await one.at("settings");
  await one.tabs('[name="traits.name.last"]');
  await keyboard.type("Lovelace");
  await one.leads(() => keyboard.press("Enter"));
  await one.hears("ok");
  await one.tabs('#section-password [name="password"]');
  await keyboard.type("short");
  await one.leads(() => keyboard.press("Enter"));
  await one.hears("wrong");
  await one.focus("#errors");
  await one.tabs("#errors a");
  await keyboard.press("Enter"); // leads to the field
  await one.focus('[name="password"]');
  await keyboard.type(one.password + " and more");
  await one.tabs("#section-password [data-reveal]");
  await keyboard.press("Space");
  assert.equal(await one.field("password").getAttribute("type"), "text");
  await one.tabs("#section-password button[type=submit]");
  await one.leads(() => keyboard.press("Space"));
  await one.hears("ok");
  await one.tabs("#section-totp summary");
  await keyboard.press("Enter");
  await one.tabs('[name="totp_code"]');
  await keyboard.type((await one.app())());
  await one.leads(() => keyboard.press("Enter"));
  await one.hears("ok");
  await one.tabs("#section-totp .removal > summary");
  await keyboard.press("Space");
  await one.tabs('button[name="totp_unlink"]');
  await one.leads(() => keyboard.press("Enter"));
  await one.hears("ok");
  await one.tabs(".signout button");
  await one.leads(() => keyboard.press("Space"));
  await one.at("login");
  assert.deepEqual(one.errors, []);
});
