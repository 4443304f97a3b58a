// What records in Workers KV cost: operations on the KV of workerd, counted by kind, and their price.

import type { Durability } from "heddle";
import type { Shape } from "../graph.js";
import { count, digits, printTable } from "../table.js";
import { type OpenWorker, openWorker } from "../workerd.js";
import type { Made, Operations, Recorded } from "../workers/kv.js";
import { compression } from "./kv-compression.js";

const MODES: readonly Durability[] = ["exit", "async", "sync"];
/** How long a node takes. In `async` mode it is time that decides how often is written, in `sync` mode the steps. */
const NODE_MS: Partial<Record<Shape, number>> = { chain: 5, layered: 0 };

interface KvEffort {
  readonly sizes: readonly number[];
  readonly restarted: number;
  readonly listed: number;
}

const EFFORT: KvEffort = { sizes: [50, 400, 5_000], restarted: 400, listed: 100 };
const SMALL: KvEffort = { sizes: [60], restarted: 60, listed: 5 };

/** Dollars for a million (developers.cloudflare.com/kv/platform/pricing). */
const PRICES: Operations = { reads: 0.5, writes: 5, deletes: 5, lists: 5 };
/** Operations in one invocation of a Worker (developers.cloudflare.com/workers/platform/limits, kv/platform/limits). */
const PLANS: readonly { readonly name: string; readonly most: number }[] = [
  { name: "free", most: 50 },
  { name: "paid", most: 1_000 },
];

export async function kv(small: boolean): Promise<void> {
  const { sizes, restarted, listed } = small ? SMALL : EFFORT;
  const worker = await openWorker("kv");
  console.log(NOTE);
  try {
    await runs(worker, sizes);
    await restarts(worker, restarted);
    await lists(worker, listed);
  } finally {
    await worker.close();
  }
  await compression(small);
}

async function runs(worker: OpenWorker, sizes: readonly number[]): Promise<void> {
  const rows = [["", ...columns("run()"), ...columns("inspect() and one output")]];
  for (const recorded of allOf(sizes)) {
    console.error(`kv: ${nameOf(recorded)}`);
    const { runId, operations } = await worker.call<Made>("run", recorded);
    const read = await worker.call<Operations>("read", recorded, runId);
    rows.push([nameOf(recorded), ...cells(operations), ...cells(read)]);
  }
  printTable("A run, and reading all of it back", [], rows);
}

async function restarts(worker: OpenWorker, size: number): Promise<void> {
  const rows = [["", ...columns("restart()")]];
  for (const recorded of allOf([size])) {
    const { runId } = await worker.call<Made>("fail", recorded);
    rows.push([nameOf(recorded), ...cells(await worker.call<Operations>("restart", recorded, runId))]);
  }
  printTable("The restart of a run whose last node failed", [], rows);
}

async function lists(worker: OpenWorker, runs: number): Promise<void> {
  const rows = [["", ...columns("listRuns()")]];
  for (const mode of MODES) rows.push([mode, ...cells(await worker.call<Operations>("list", mode, runs))]);
  printTable(`A list of ${count(runs)} runs`, [], rows);
}

function allOf(sizes: readonly number[]): Recorded[] {
  const shapes = Object.entries(NODE_MS) as [Shape, number][];
  return sizes.flatMap((size) =>
    shapes.flatMap(([shape, nodeMs]) => MODES.map((mode) => ({ shape, size, mode, nodeMs }))),
  );
}

function nameOf({ shape, size, mode, nodeMs }: Recorded): string {
  return `${count(size)} of ${nodeMs} ms, ${shape}, ${mode}`;
}

const columns = (what: string) => [`${what}: reads, writes, deletes, lists`, "$ a million", "one invocation"];

function cells(operations: Operations): string[] {
  const { reads, writes, deletes, lists } = operations;
  const all = reads + writes + deletes + lists;
  return [
    [reads, writes, deletes, lists].map(count).join(" + "),
    digits(priceOf(operations)),
    PLANS.find(({ most }) => all <= most)?.name ?? "too many",
  ];
}

/** Dollars for doing it a million times. */
function priceOf(operations: Operations): number {
  const kinds = Object.keys(PRICES) as (keyof Operations)[];
  return kinds.reduce((sum, kind) => sum + operations[kind] * PRICES[kind], 0);
}

const NOTE =
  "Operations on the KV of workerd. Running includes the claim and its release and, every 10 s, prolonging the claim: a list, a write and a deletion.";
