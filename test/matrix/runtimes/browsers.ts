// The three engines of browsers: the cases run in a page.

import type { BrowserName } from "../../../scripts/browsers.mjs";
import { launch } from "../../browsers/launch.js";
import { site } from "../../browsers/site.js";
import type { Inside, Outcome } from "../inside/run-case.js";
import type { Runtime, Session } from "../runtime.js";

export const chromium: Runtime = { name: "Chromium", open: () => openIn("chromium") };
export const firefox: Runtime = { name: "Firefox", open: () => openIn("firefox") };
export const webkit: Runtime = { name: "WebKitGTK", open: () => openIn("webkit") };

/** As a path from the folder of the pages. */
const SERVING = "../../matrix/inside/serving.ts";

async function openIn(name: BrowserName): Promise<Session> {
  const served = await site(["cases.ts", SERVING], { built: true });
  const browser = await launch(name);
  const close = async () => {
    await browser.close();
    await served.close();
  };
  try {
    const page = await browser.newPage(served.url("cases"));
    return {
      version: browser.version,
      subjects: await page.call<ReturnType<Inside["list"]>>("list"),
      run: (subject, name) => page.call<Outcome>("run", subject, name),
      close,
    };
  } catch (error) {
    // Otherwise it would keep the process from ending.
    await close();
    throw error;
  }
}
