// Somebody who uses security keys and passkeys on sign-in pages of another origin (page.html).
import { given, open, socket } from "./browser.js";

// The base URLs of the server, of one where a security key is enough, and of the pages.
export const server = given("ZELUS_PUBLIC");
export const passwordless = given("ZELUS_PASSWORDLESS");
export const pages = given("ZELUS_PAGES");

// somebody has an empty page open. alerts is what pages say to them. settings are for page.html.
export async function somebody(t, settings = {}) {
  const opened = await open(t);
  const { context, page } = opened;
  await context.addInitScript((zelus) => { window.zelus = zelus; }, { server, ...settings });
  const alerts = [];
  page.on("dialog", async (dialog) => {
    alerts.push(dialog.message());
    await dialog.accept();
  });
  return { ...opened, alerts, plugIn: await socket(opened) };
}
