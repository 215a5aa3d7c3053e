import { test } from "node:test";
import { somebody } from "./account.js";
test("x", async (t) => {
  const one = await somebody(t);
  const { page } = one;
  await one.signsUp(); await one.confirms(); await one.signsOut();
      await one.presses("#link-recovery");
      await one.types({ email: one.email });
      await one.presses("#code button[type=submit]");
      await one.types({ code: await one.code() });
      await one.presses("#code button[type=submit]");
      await one.at("settings");
      console.log(await page.locator("main").ariaSnapshot());
      one.password = "chosen " + one.password;
      await one.types({ password: one.password });
      await one.presses("#password button[type=submit]");
  console.log(one.page.url(), await one.page.locator("body").ariaSnapshot());
});
