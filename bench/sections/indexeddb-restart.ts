// Reading back from IndexedDB, in pages of Chromium: each restart in a new one, since a tab that died left nothing else.

import type { ChromiumPage } from "../../test/browsers/chromium.js";
import type { Browser } from "../../test/browsers/launch.js";
import type { Site } from "../../test/browsers/site.js";
import type { Shape } from "../graph.js";
import { count, printTable, spread } from "../table.js";

export type Chromium = Browser<ChromiumPage>;

const RESTART_SHAPES: readonly Shape[] = ["chain", "wide"];
/** Timed restarts, by how much is stored. */
const ROUNDS: ReadonlyMap<number, number> = new Map([
  [1_000, 8],
  [10_000, 5],
  [100_000, 3],
]);
const SMALL: ReadonlyMap<number, number> = new Map([[100, 1]]);

/** Opens pages for one dag. */
interface Scene {
  readonly browser: Chromium;
  readonly url: string;
  readonly shape: Shape;
  readonly stored: number;
}

export async function restarts(browser: Chromium, served: Site, small: boolean): Promise<void> {
  const url = served.url("indexeddb-restart");
  const head = RESTART_SHAPES.flatMap((shape) => [`${shape}: ms`, "µs a completion", "peak heap, bytes a completion"]);
  const rows = [["", ...head]];
  for (const [stored, rounds] of small ? SMALL : ROUNDS) {
    const row = [`${count(stored)} stored`];
    for (const shape of RESTART_SHAPES) {
      console.error(`indexeddb: restart with ${count(stored)}, ${shape}`);
      row.push(...(await cells({ browser, url, shape, stored }, rounds)));
    }
    rows.push(row);
  }
  printTable("Restart from IndexedDB of a run whose last node failed", NOTES, rows);
}

async function cells(scene: Scene, rounds: number): Promise<string[]> {
  const { stored } = scene;
  const ms: number[] = [];
  for (let round = 0; round < rounds; round++) ms.push(await failAndRestart(scene, timed));
  const peakBytes = await failAndRestart(scene, peakHeap);
  const each = ms.map((time) => (time * 1_000) / stored);
  return [spread(ms), spread(each), count(Math.round(peakBytes / stored))];
}

/** Fails in one page, and restarts in another. */
async function failAndRestart(
  scene: Scene,
  measure: (page: ChromiumPage, runId: string) => Promise<number>,
): Promise<number> {
  const failing = await newPage(scene);
  const runId = await failing.call<string>("fail");
  await failing.close();
  const page = await newPage(scene);
  const found = await measure(page, runId);
  await page.call("remove", runId);
  await page.close();
  return found;
}

async function newPage({ browser, url, shape, stored }: Scene): Promise<ChromiumPage> {
  const page = await browser.newPage(url);
  await page.call("prepare", shape, stored);
  return page;
}

function timed(page: ChromiumPage, runId: string): Promise<number> {
  return page.call<number>("restart", runId, false);
}

/** Bytes of heap at the highest look, above those before. */
async function peakHeap(page: ChromiumPage, runId: string): Promise<number> {
  const cdp = await page.cdp();
  const before = await liveBytes(cdp);
  let peak = 0;
  await page.playwright.exposeFunction("look", async () => {
    peak = Math.max(peak, await liveBytes(cdp));
  });
  await page.call("restart", runId, true);
  return peak - before;
}

/** What is alive in the heap of a page, and in the buffers that hang on it. */
async function liveBytes(cdp: Awaited<ReturnType<ChromiumPage["cdp"]>>): Promise<number> {
  await cdp.send("HeapProfiler.collectGarbage");
  const { usedSize, backingStorageSize } = await cdp.send("Runtime.getHeapUsage");
  return usedSize + backingStorageSize;
}

const NOTES = [
  "Each restart is the first thing that a new page does, so its code is cold; the time to open the database is in it. Heap: live bytes above those before the restart.",
];
