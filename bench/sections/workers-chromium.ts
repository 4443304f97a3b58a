// Pools of Web Workers in a page of a real Chromium, with the package as it was built.

import { resolve } from "node:path";
import { launch } from "../../test/browsers/launch.js";
import { site } from "../../test/browsers/site.js";
import { compare } from "../pools/compare.js";
import type { Described, Sizes } from "../pools/group.js";

const SCRIPTS = [
  "pages/workers.ts",
  ...["raw", "comlink", "workerpool", "heddle", "chain"].map((thread) => `threads/${thread}.ts`),
];

export async function workersInChromium(sizes: Sizes): Promise<void> {
  const served = await site(
    SCRIPTS.map((script) => resolve(import.meta.dirname, "..", script)),
    // workerpool asks for these in Node alone.
    { built: true, esbuild: { external: ["worker_threads", "os", "child_process"] } },
  );
  const browser = await launch("chromium");
  try {
    const page = await browser.newPage(served.url("workers"));
    const groups = await page.call<readonly Described[]>("prepare", { ...sizes });
    for (const group of groups) {
      const sample = (name: string) => page.call<readonly number[]>("sample", group.title, name);
      await compare(`Chromium ${browser.version.split(".")[0]}`, group, sample);
    }
    await page.close();
  } finally {
    await browser.close();
    await served.close();
  }
}
