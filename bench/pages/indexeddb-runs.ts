// In a page: one graph, executed by heddle with its records in different places, and the same records written without
// heddle.

import { type Batch, DagProvenance, DagRunner, type Durability, type Store } from "heddle";
import { indexedDbStore } from "heddle/adapters/indexeddb";
import { memoryStore } from "heddle/adapters/memory";
import { type IDBPDatabase, openDB } from "idb";
import { check } from "../contestant.js";
import { declare, sinksOf } from "../contestants/heddle.js";
import { type Graph, makeGraph, type Shape } from "../graph.js";

const MODES: readonly Durability[] = ["exit", "async", "sync"];
/** Where it writes again and again, one run says as much as ten. */
const QUICK = { before: 5, runs: 10 };
const SLOW = { before: 0, runs: 1 };
const MANY_RECORDS = 50;

/** Does its work once. What it returns is not timed: it checks what came of it, and removes what was stored. */
type Work = () => Promise<() => unknown>;

interface Variant {
  readonly name: string;
  readonly work: Work;
  /** How many records it writes into IndexedDB. */
  readonly records: number;
}

/** What one transaction writes. */
interface Bare {
  readonly durable: boolean;
  readonly records: readonly string[];
}

/** What heddle wrote in one run. */
export interface Written {
  readonly mode: Durability;
  readonly batches: number;
  /** Batches that must outlive a power cut. */
  readonly durable: number;
  readonly characters: number;
}

/** What this page can do. */
export interface RunsPage {
  /** Makes the variants for a graph: their names, and what heddle writes in each mode. */
  prepare(shape: Shape, size: number): Promise<{ variants: readonly string[]; written: readonly Written[] }>;
  /** Milliseconds that a variant takes, after some times that do not count. */
  sample(variant: string): Promise<number>;
}

const store = indexedDbStore("heddle");
let variants: readonly Variant[] = [];

const page: RunsPage = {
  async prepare(shape, size) {
    const graph = makeGraph(shape, size);
    const batches: Record<string, Bare[]> = {};
    for (const mode of MODES) batches[mode] = await batchesOf(graph, mode);
    variants = await variantsFor(graph, batches as Record<Durability, Bare[]>);
    const written = MODES.map((mode) => ({ mode, ...sumOf(batches[mode] ?? []) }));
    return { variants: variants.map(({ name }) => name), written };
  },

  async sample(name) {
    const variant = variants.find((one) => one.name === name);
    if (!variant) throw new Error(`There is no variant "${name}".`);
    const { before, runs } = variant.records < MANY_RECORDS ? QUICK : SLOW;
    await times(before, variant.work);
    return (await times(runs, variant.work)) / runs;
  },
};
Object.assign(globalThis, { page });

/** Milliseconds of doing it so many times: the clock of a page is too coarse for one. */
async function times(runs: number, work: Work): Promise<number> {
  const ends: (() => unknown)[] = [];
  const started = performance.now();
  for (let run = 0; run < runs; run++) ends.push(await work());
  const ms = performance.now() - started;
  for (const end of ends) await end();
  return ms;
}

async function variantsFor(graph: Graph, batches: Readonly<Record<Durability, Bare[]>>): Promise<Variant[]> {
  const db = await openDB("bare", 1, { upgrade: (made) => void made.createObjectStore("records") });
  const each = batches.async.map(({ durable, records }) => ({ durable, records: eventsIn(records) }));
  return [
    { name: "nothing recorded", work: unrecorded(graph), records: 0 },
    { name: "in memory", work: recorded(graph, memoryStore(), "async"), records: 0 },
    ...MODES.flatMap((mode) => [
      { name: `bare idb, ${mode}`, work: bare(db, batches[mode]), records: batches[mode].length },
      { name: `in IndexedDB, ${mode}`, work: recorded(graph, store, mode), records: batches[mode].length },
    ]),
    { name: "bare idb, async, a record per event", work: bare(db, each), records: countOf(each) },
  ];
}

function unrecorded(graph: Graph): Work {
  const runner = new DagRunner(declare(graph));
  return async () => {
    const { outputs } = await runner.run();
    return () => check({ name: "heddle", records: false }, graph, { sinks: sinksOf(graph, outputs), recorded: 0 });
  };
}

function recorded(graph: Graph, records: Store, durability: Durability): Work {
  const provenance = new DagProvenance(records, { durability });
  const runner = new DagRunner(declare(graph), { provenance });
  return async () => {
    const { runId, outputs } = await runner.run();
    return async () => {
      const { events } = await records.read(runId, 0, Number.POSITIVE_INFINITY);
      const completed = events.filter(({ type }) => type === "node-completed").length;
      const outcome = { sinks: sinksOf(graph, outputs), recorded: completed };
      check({ name: `heddle, ${durability}`, records: true }, graph, outcome);
      await provenance.removeRun(runId);
    };
  };
}

let bareRuns = 0;

/** The least that any such record costs: the text is made already, and nothing is checked. */
function bare(db: IDBPDatabase, batches: readonly Bare[]): Work {
  return async () => {
    const run = bareRuns++;
    for (const [batch, { durable, records }] of batches.entries()) {
      const tx = db.transaction("records", "readwrite", { durability: durable ? "strict" : "relaxed" });
      await Promise.all([...records.map((record, i) => tx.store.add(record, [run, batch, i])), tx.done]);
    }
    return async () => {
      const range = IDBKeyRange.bound([run], [run, []]);
      const found = await db.getAll("records", range);
      const expected = batches.flatMap(({ records }) => records);
      if (found.join() !== expected.join()) throw new Error(`Bare run ${run} stored something else.`);
      await db.delete("records", range);
    };
  };
}

/** The batches that heddle stores in one run, as their text. */
async function batchesOf(graph: Graph, durability: Durability): Promise<Bare[]> {
  const found: Bare[] = [];
  const listening = indexedDbStore("heddle");
  const append = listening.append.bind(listening);
  listening.append = (runId, at, batch: Batch) => {
    found.push({ durable: batch.durable, records: [JSON.stringify(batch.events)] });
    return append(runId, at, batch);
  };
  const end = await recorded(graph, listening, durability)();
  await end();
  await listening.close();
  return found;
}

function eventsIn(records: readonly string[]): string[] {
  return records.flatMap((record) => (JSON.parse(record) as unknown[]).map((event) => JSON.stringify(event)));
}

function countOf(batches: readonly Bare[]): number {
  return batches.reduce((sum, { records }) => sum + records.length, 0);
}

function sumOf(batches: readonly Bare[]): Omit<Written, "mode"> {
  return {
    batches: batches.length,
    durable: batches.filter(({ durable }) => durable).length,
    characters: batches.reduce((sum, { records }) => sum + records.join("").length, 0),
  };
}
