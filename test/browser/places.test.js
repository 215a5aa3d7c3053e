// Looks at every place of the account pages, with JavaScript, and without, unfolded and with more space
// in the text: nothing that axe finds, that is wider than the window or smaller than a finger. With
// JavaScript also: the title and the accessibility tree that are committed, nothing that moves, Enter in
// every field.
import assert from "node:assert/strict";
import { readFileSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { test } from "node:test";
import { full, somebody } from "./account.js";
import { places } from "./places.js";

const some = new RegExp(process.env.ZELUS_PLACES ?? ""); // a pattern for some places only
const update = process.env.ZELUS_SNAPSHOTS === "update";
const axe = createRequire(import.meta.url).resolve("axe-core");
const widths = [320, 1280];
const schemes = ["light", "dark"];

for (const { name, server, go } of places.filter((place) => some.test(place.name))) {
  test(name, async (t) => {
    const p = await somebody(t, { server, email: name + "@example.org", viewport: { width: widths[0], height: 800 }, bypassCSP: true, reducedMotion: "reduce" });
    const { context, page } = p;
    await context.addInitScript(observeShifts);
    await go(p, t);
    const wrong = [];
    // looks has axe look, at a width and in a scheme.
    const looks = async (width, colorScheme, how = "") => {
      await page.setViewportSize({ width, height: 800 });
      await page.emulateMedia({ colorScheme });
      for (const found of await page.evaluate(audit)) {
        wrong.push(`${found} (${width} pixels, ${colorScheme}${how})`);
      }
    };
    const moved = async () => {
      const shift = await page.evaluate(settled);
      if (shift.length > 0) {
        wrong.push(`moves at ${page.viewportSize().width} pixels: ${shift.join(", ")}`);
      }
    };
    await moved();
    const tree = told(`# ${await page.title()}\n${await page.locator("html").ariaSnapshot()}`, server, p.email);
    const file = new URL(`snapshots/${name}.yml`, import.meta.url);
    if (update) {
      writeFileSync(file, tree);
    }
    await page.addScriptTag({ path: axe });
    for (const width of widths) {
      for (const colorScheme of schemes) {
        await looks(width, colorScheme);
      }
    }
    wrong.push(...await entered(page));
    // Without JavaScript, everything unfolded and with more space in the text. axe is a script: the
    // page is read while scripts are switched off, so that none of its own runs and <noscript> is
    // shown, and axe is put in when they are back on.
    const devtools = await context.newCDPSession(page);
    await devtools.send("Emulation.setScriptExecutionDisabled", { value: true });
    await p.again();
    await devtools.send("Emulation.setScriptExecutionDisabled", { value: false });
    await page.evaluate(() => document.querySelectorAll("details").forEach((details) => { details.open = true; }));
    await page.addStyleTag({ content: spaced });
    await page.addScriptTag({ path: axe });
    await looks(widths[0], "dark", ", without JavaScript");
    await looks(widths[1], "light", ", without JavaScript");
    // Once more from the beginning, for what moves where it is wide.
    await p.again();
    await moved();
    assert.deepEqual(wrong, []);
    assert.equal(tree, readFileSync(file, "utf8"), "the accessibility tree has changed: look at it, then make snapshots");
  });
}

test("a first visit of the sign-in page costs at most 30 KB", async (t) => {
  const { context, page } = await somebody(t, { server: full });
  const devtools = await context.newCDPSession(page);
  await devtools.send("Network.enable");
  let bytes = 0;
  devtools.on("Network.loadingFinished", ({ encodedDataLength }) => { bytes += encodedDataLength; });
  await page.goto("/ui/login", { waitUntil: "networkidle" });
  assert.ok(bytes > 5_000 && bytes <= 30 * 1024, `${bytes} bytes`);
  t.diagnostic(`${bytes} bytes, with headers`);
});

// observeShifts keeps what moves without anybody doing something (Layout Instability API).
function observeShifts() {
  window.shifts = [];
  new PerformanceObserver((list) => {
    for (const { value, hadRecentInput, sources } of list.getEntries()) {
      if (!hadRecentInput) {
        window.shifts.push(value.toFixed(4) + " " + sources.map(({ node }) => node && (node.id || node.nodeName)).join(" "));
      }
    }
  }).observe({ type: "layout-shift", buffered: true });
}

// settled gives what has moved until the page is painted.
async function settled() {
  await document.fonts.ready;
  await new Promise((painted) => requestAnimationFrame(() => requestAnimationFrame(painted)));
  return window.shifts;
}

// spaced is the space that people may set in any text (WCAG 2.2, 1.4.12).
const spaced = "* { line-height: 1.5 !important; letter-spacing: .12em !important; word-spacing: .16em !important } p { margin-block-end: 2em !important }";

// audit gives what axe finds, what does not fit, and what is smaller than a finger (44 pixels), but
// for links within a text.
async function audit() {
  const { scrollWidth, clientWidth } = document.documentElement;
  const small = [...document.querySelectorAll(":is(a, button, summary, select, input:not([type=checkbox]), .check)")].filter((e) => {
    const { width, height } = e.getBoundingClientRect();
    return width > 1 && (width < 44 || height < 44) && getComputedStyle(e).display !== "inline";
  });
  const { violations } = await window.axe.run({ runOnly: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"] });
  return [
    ...violations.flatMap(({ id, nodes }) => nodes.map(({ target, failureSummary }) => `${id}: ${target} ${failureSummary.replaceAll(/\s+/g, " ")}`)),
    ...small.map((e) => `small: ${e.outerHTML.slice(0, 100)}`),
    ...(scrollWidth > clientWidth ? [`wide: by ${scrollWidth - clientWidth} pixels`] : []),
  ];
}

// entered presses Enter in every field, and gives those where the page does not send the form of that
// field. Nothing is sent: the answer is that there is none (204), so that the page stays.
async function entered(page) {
  const wrong = [];
  let sent;
  await page.route("**/self-service/**", async (route) => {
    if (route.request().method() !== "POST") {
      return route.continue();
    }
    sent = new URLSearchParams(route.request().postData());
    await route.fulfill({ status: 204 });
  });
  for (const field of await page.locator("main :is(form:not([data-scripted]) input, input[form]):not([type=checkbox], [readonly]):visible").all()) {
    const { form, name, submits } = await field.evaluate((field) => {
      for (const other of document.querySelectorAll("main input:required")) {
        other.value ||= other.type === "email" ? "somebody@example.org" : "123456 or words";
      }
      const { name, value } = field.form.querySelector("button:not([type=button])");
      return { form: field.form.id, name: field.name, submits: [name, value] };
    });
    sent = undefined;
    const asked = page.waitForRequest((request) => request.method() === "POST", { timeout: 5_000 }).catch(() => undefined);
    await field.press("Enter");
    await asked;
    for (const deadline = Date.now() + 5_000; !sent && Date.now() < deadline; await page.evaluate(() => new Promise(requestAnimationFrame)));
    if (!sent?.has(name) || (submits[0] && sent.get(submits[0]) !== submits[1])) {
      wrong.push(`Enter in ${name} of the form ${form} sends ${sent ? [...sent.keys()] : "nothing"}`);
    }
  }
  await page.unrouteAll();
  return wrong;
}

// told is an accessibility tree without what differs from one run to the next.
function told(tree, server, email) {
  return tree.replaceAll(server, "").replaceAll(encodeURIComponent(server), "").replaceAll(email, "somebody@example.org")
    .replaceAll(/localhost:\d+/g, "localhost").replaceAll(/csrf_token_\w+/g, "csrf_token_ID").replaceAll(/[0-9a-f]{8}-[0-9a-f-]{27}/g, "ID")
    .replaceAll(/\b[A-Z2-7]{4}( [A-Z2-7]{4}){7}\b/g, "SECRET")
    .replaceAll(/\b[a-z0-9]{8}\b(?=\n|$)(?<=code: [a-z0-9]{8})/g, "CODE")
    .replaceAll(/\d{1,2} \w+ \d{4}|\w+ \d{1,2}, \d{4}/g, "DATE").replaceAll(/\d\d:\d\d/g, "TIME")
    .replaceAll(/data:text\/plain[^"\n]*/g, "FILE").replaceAll(/(flow|id|token|csrf_token)=[^"&\n]+/g, "$1=ID")
    .replaceAll(/\(\d+\)/g, "(SECONDS)") + "\n";
}
