// Takes a picture of every place in four languages, at three widths, light and dark: `make
// screenshots`. ZELUS_SCREENSHOTS is the folder, ZELUS_PLACES a pattern for some places only.
import { mkdirSync, writeFileSync } from "node:fs";
import { test } from "node:test";
import { somebody } from "./account.js";
import { given } from "./browser.js";
import { places } from "./places.js";

const folder = given("ZELUS_SCREENSHOTS");
const some = new RegExp(process.env.ZELUS_PLACES ?? "");
const locales = (process.env.ZELUS_LOCALES ?? "en de ar ja").split(" ");
const widths = [320, 768, 1280];
const schemes = ["light", "dark"];

mkdirSync(folder, { recursive: true });
for (const { name, server, go } of places.filter((place) => some.test(place.name))) {
  test(name, async (t) => {
    const p = await somebody(t, { server, email: `${name}@example.org`, reducedMotion: "reduce" });
    const { context, page } = p;
    await go(p, t);
    // The way to a place takes the longest, so it is gone once, and the place read in each language.
    const unfolded = await page.evaluate(() => [...document.querySelectorAll("details")].map(({ open }) => open));
    for (const locale of locales) {
      await context.addCookies([{ name: "zelus_language", value: locale, url: server }]);
      await p.again();
      await page.evaluate((unfolded) => document.querySelectorAll("details").forEach((details, n) => { details.open = unfolded[n]; }), unfolded);
      for (const width of widths) {
        await page.setViewportSize({ width, height: 800 });
        for (const colorScheme of schemes) {
          await page.emulateMedia({ colorScheme });
          await page.screenshot({ path: `${folder}/${name}.${locale}.${width}.${colorScheme}.png`, fullPage: true });
        }
      }
    }
  });
}

// All of them on one page, to look through.
writeFileSync(folder + "/index.html", `<!doctype html><meta charset="utf-8"><title>Account pages</title>
<style>body { font: 1rem system-ui } img { vertical-align: top; max-width: 30%; border: 1px solid gray; margin: 4px }</style>
` + places.map(({ name }) => `<h2>${name}</h2>` + locales.flatMap((locale) => widths.flatMap((width) => schemes.map((scheme) =>
  `<img loading="lazy" src="${name}.${locale}.${width}.${scheme}.png" alt="${locale} ${width} ${scheme}">`))).join("\n")).join("\n"));
