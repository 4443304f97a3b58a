// Records in the IndexedDB of a real Chromium: what a run costs there, beside the least that such records cost, and what
// reading them back for a restart costs. All of it runs in pages, with the package as it was built.

import { resolve } from "node:path";
import { launch } from "../../test/browsers/launch.js";
import { type Site, site } from "../../test/browsers/site.js";
import { SHAPES, type Shape } from "../graph.js";
import { type Effort, inTurns, median, perNode } from "../measure.js";
import type { RunsPage, Written } from "../pages/indexeddb-runs.js";
import { count, digits, printTable, spread } from "../table.js";
import { type Chromium, restarts } from "./indexeddb-restart.js";

interface RunsEffort extends Effort {
  readonly size: number;
}

const EFFORT: RunsEffort = { size: 1_000, warmUps: 2, rounds: 10 };
const SMALL: RunsEffort = { size: 100, warmUps: 0, rounds: 1 };
const IN_MEMORY = "in memory";

export async function indexedDb(small: boolean): Promise<void> {
  const pages = ["indexeddb-runs.ts", "indexeddb-restart.ts"];
  const served = await site(
    pages.map((page) => resolve(import.meta.dirname, "../pages", page)),
    { built: true },
  );
  const browser = await launch("chromium");
  console.log(`Chromium ${browser.version}. µs per node, and how much more than in memory.`);
  try {
    await runs(browser, served, small ? SMALL : EFFORT);
    await restarts(browser, served, small);
  } finally {
    await browser.close();
    await served.close();
  }
}

async function runs(browser: Chromium, served: Site, { size, ...effort }: RunsEffort): Promise<void> {
  const times = new Map<string, Map<Shape, number[]>>();
  const written = new Map<Shape, readonly Written[]>();
  const page = await browser.newPage(served.url("indexeddb-runs"));
  for (const shape of SHAPES) {
    console.error(`indexeddb: ${shape} of ${count(size)}`);
    const prepared = await page.call<Awaited<ReturnType<RunsPage["prepare"]>>>("prepare", shape, size);
    written.set(shape, prepared.written);
    for (const name of prepared.variants) times.set(name, (times.get(name) ?? new Map()).set(shape, []));
    await inTurns(prepared.variants, effort, async (name, kept) => {
      const ms = await page.call<number>("sample", name);
      if (kept) times.get(name)?.get(shape)?.push(perNode({ size }, ms));
    });
  }
  await page.close();
  printTable(`Records in IndexedDB, ${count(size)} nodes`, RUN_NOTES, timesOf(times));
  printTable(`What was written, ${count(size)} nodes`, [], sizesOf(written, size));
}

function timesOf(times: ReadonlyMap<string, ReadonlyMap<Shape, number[]>>): string[][] {
  const inMemory = times.get(IN_MEMORY);
  const head = ["", ...SHAPES.flatMap((shape) => [shape, "more than in memory"])];
  const rows = [...times].map(([name, found]) => {
    const cells = SHAPES.flatMap((shape) => {
      const more = median(found.get(shape) ?? []) - median(inMemory?.get(shape) ?? []);
      return [spread(found.get(shape)), name.startsWith("in IndexedDB") ? digits(more) : ""];
    });
    return [name, ...cells];
  });
  return [head, ...rows];
}

function sizesOf(written: ReadonlyMap<Shape, readonly Written[]>, size: number): string[][] {
  const all = [...written.values()];
  const rows = (all[0] ?? []).map(({ mode }, i) => {
    const cells = all.map((modes) => {
      const { batches = 0, durable = 0, characters = 0 } = modes[i] ?? {};
      return `${count(batches)}, ${count(durable)}, ${digits(characters / size)}`;
    });
    return [mode, ...cells];
  });
  return [["", ...SHAPES.map((shape) => `${shape}: batches, durable ones, bytes a node`)], ...rows];
}

const RUN_NOTES = [
  "Bare idb writes the text of the batches that heddle writes in this mode, one record and one transaction a batch, made beforehand. A record per event: the same transactions, and every event a record of its own.",
];
