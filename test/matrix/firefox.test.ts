// What only Firefox shows of IndexedDB and workers, and its death. Runs with `npm run test:matrix`, since `npm test` needs no Firefox.

import process from "node:process";
import type { Durability } from "heddle";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type Browser, launch } from "../browsers/launch.js";
import { type Site, site } from "../browsers/site.js";
import { browserVictim } from "../support/browser-victim.js";
import { killMany, killUntilDone } from "../support/kill-until-done.js";

const KILLS = process.env.CHAOS ? 10 : 2;
const FIRST_SEED = Number(process.env.SEED ?? 1);
const MODES: readonly Durability[] = ["sync", "async", "exit"];

let served: Site;
let browser: Browser;

beforeAll(async () => {
  served = await site(["tabs.ts", "kills.ts", "nested-serving.ts"]);
  browser = await launch("firefox");
});
afterAll(async () => {
  await browser?.close();
  await served?.close();
});

test("pitfall 3: a digest ends a transaction that waits for it, so none waits: runs with large values complete", async () => {
  const page = await browser.newPage(served.url("tabs"));
  expect(await page.call("foreignAwait", "foreign")).toBe("TransactionInactiveError");
  // Hashed and stored apart, then with a batch.
  for (const [i, bytes] of [1_000_000, 5_000].entries()) {
    expect(await page.call("run", "own", bytes, `run ${i}`)).toBe("completed");
  }
  expect(await page.call("files", "files")).toMatchObject({ stored: ["[object Blob]", "[object File]"] });
  await page.close();
});

test("pitfall 7: busy loops are ended, and others run on", async () => {
  const page = await browser.newPage(served.url("kills"));
  expect(await page.call("endBusyLoops", 2)).toEqual(["TIMEOUT", "TIMEOUT"]);
  console.log("a busy loop is cancelled:", await page.call("cancelBusy"));
  expect(await page.call("left")).toBe(0);
  await page.close();
});

test(`${KILLS} kills of Firefox at random moments lose nothing that was stored`, { timeout: 3_600_000 }, () =>
  killMany(KILLS, async (run) => {
    const seed = FIRST_SEED + run;
    const victim = await browserVictim("firefox", MODES[seed % MODES.length] as Durability);
    try {
      return await killUntilDone(victim, { seed, firstMs: 400, nextMs: 150 });
    } finally {
      await victim.close();
    }
  }),
);
