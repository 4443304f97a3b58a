// Web Workers are killed at random in Chromium: outputs are right, nothing is lost or recorded twice, none is left over.

import { afterAll, beforeAll, expect, test } from "vitest";
import type { Killed } from "../workers/kills.js";
import { type Browser, launch } from "./launch.js";
import type { Page } from "./page.js";
import { type Site, site } from "./site.js";

const [KILLS, BUSY] = process.env.CHAOS ? [190, 10] : [30, 2];

let served: Site;
let browser: Browser;
let page: Page;

beforeAll(async () => {
  served = await site(["kills.ts", "nested-serving.ts"]);
  browser = await launch("chromium");
  page = await browser.newPage(served.url("kills"));
});
afterAll(async () => {
  await browser?.close();
  await served?.close();
});

test(`${KILLS} kills, ${BUSY} busy loops`, { timeout: 600_000 }, async () => {
  const killed = await page.call<Killed>("killMany", KILLS, 1);
  console.log(killed);
  expect(killed.kills).toBe(KILLS);
  expect(await page.call("endBusyLoops", BUSY)).toEqual(Array(BUSY).fill("TIMEOUT"));
  console.log("a busy loop is cancelled:", await page.call("cancelBusy"));
  expect(await page.call("left")).toBe(0);
});
