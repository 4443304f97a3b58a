// What keeping records in files costs, beside the least that any record in files costs: the same events as lines of
// JSON, appended to one open file in the batches in which heddle wrote them.

import { open } from "node:fs/promises";
import { join } from "node:path";
import { type Batch, type Dag, DagProvenance, DagRunner, type Durability, dag, type Store } from "heddle";
import { sinksOf, write } from "../contestants/heddle.js";
import { type Graph, makeGraph, SHAPES } from "../graph.js";
import { type Effort, inTurns, milliseconds, perNode } from "../measure.js";
import { recordsIn, removeDirectory, temporaryDirectory } from "../stores.js";
import { count, digits, printTable, ratio, spread } from "../table.js";

const MODES: readonly Durability[] = ["exit", "async", "sync"];

interface FilesEffort extends Effort {
  readonly size: number;
  readonly modes: readonly Durability[];
}

const EFFORTS: readonly FilesEffort[] = [
  { size: 1_000, warmUps: 3, rounds: 12, modes: MODES },
  // A chain of 10,000 in sync mode waits for the disk 10,000 times, and says no more than one of 1,000.
  { size: 10_000, warmUps: 1, rounds: 6, modes: ["exit", "async"] },
];
const SMALL: readonly FilesEffort[] = [{ size: 100, warmUps: 1, rounds: 2, modes: MODES }];

interface Variant {
  readonly name: string;
  /** Executes once and returns its milliseconds. */
  run(): Promise<number>;
  remove?(): Promise<void>;
}

/** What heddle wrote in one run. */
interface Written {
  readonly mode: Durability;
  readonly batches: readonly Pick<Batch, "events" | "durable">[];
}

export async function files(small: boolean): Promise<void> {
  console.log("µs per node, and how many times as much as in memory. The files are where temporary files go.");
  for (const effort of small ? SMALL : EFFORTS) await measure(effort);
}

async function measure(effort: FilesEffort): Promise<void> {
  const { size, modes } = effort;
  const times: Record<string, number[][]> = {};
  const batches = [["", ...SHAPES.map((shape) => `${shape}: batches, with fsync, bytes a node`)]];
  for (const mode of modes) batches.push([mode]);
  for (const [column, shape] of SHAPES.entries()) {
    const graph = makeGraph(shape, size);
    const written: Written[] = [];
    for (const mode of modes) written.push({ mode, batches: await batchesOf(graph, mode) });
    for (const [i, { batches: found }] of written.entries()) batches[i + 1]?.push(sizesOf(graph, found));
    const variants = await variantsOf(graph, written);
    await inTurns(variants, effort, async ({ name, run }, kept) => {
      const ms = await run();
      times[name] ??= SHAPES.map(() => []);
      if (kept) times[name][column]?.push(perNode(graph, ms));
    });
    for (const { remove } of variants) await remove?.();
  }
  printTable(`Records in files, ${count(size)} nodes`, [], rowsOf(times));
  printTable(`What was written, ${count(size)} nodes`, [], batches);
}

function rowsOf(times: Record<string, number[][]>): string[][] {
  const head = ["", ...SHAPES.flatMap((shape) => [shape, "× memory"])];
  const rows = Object.entries(times).map(([name, columns]) => [
    name,
    ...columns.flatMap((values, i) => [spread(values), ratio(values, times["in memory"]?.[i])]),
  ]);
  const rank = [NOTHING, "in memory", ...MODES.flatMap((mode) => [bareName(mode), filesName(mode)])];
  return [head, ...rows.sort((a, b) => rank.indexOf(a[0] as string) - rank.indexOf(b[0] as string))];
}

const NOTHING = "nothing recorded";
const bareName = (mode: Durability) => `bare appends, ${mode}`;
const filesName = (mode: Durability) => `in files, ${mode}`;

async function variantsOf(graph: Graph, written: readonly Written[]): Promise<Variant[]> {
  const plain = new DagRunner(declare(graph));
  const nothing = { name: NOTHING, run: () => milliseconds(async () => verify(graph, (await plain.run()).outputs)) };
  const memory = await recorded(graph, "in memory", "async");
  const inFiles = await Promise.all(written.map(({ mode }) => recorded(graph, filesName(mode), mode)));
  return [nothing, memory, ...inFiles, ...(await Promise.all(written.map(bare)))];
}

async function recorded(graph: Graph, name: string, durability: Durability): Promise<Variant> {
  const records = await recordsIn(name === "in memory" ? "memory" : "files");
  const provenance = new DagProvenance(records.open(), { durability });
  const runner = new DagRunner(declare(graph), { provenance });
  const run = async () => {
    const started = performance.now();
    const { runId, outputs } = await runner.run();
    const ms = performance.now() - started;
    verify(graph, outputs);
    await provenance.removeRun(runId);
    return ms;
  };
  return { name, run, remove: () => records.remove() };
}

async function bare({ mode, batches }: Written): Promise<Variant> {
  const directory = await temporaryDirectory();
  let runs = 0;
  const run = () =>
    milliseconds(async () => {
      const file = await open(join(directory, `${++runs}.jsonl`), "a");
      for (const { events, durable } of batches) {
        await file.appendFile(linesOf(events));
        if (durable) await file.datasync();
      }
      await file.close();
    });
  return { name: bareName(mode), run, remove: () => removeDirectory(directory) };
}

/** The batches that heddle stores in files during one run. */
async function batchesOf(graph: Graph, durability: Durability): Promise<Batch[]> {
  const records = await recordsIn("files");
  const found: Batch[] = [];
  const store = listening(records.open(), (batch) => found.push(batch));
  const { outputs } = await new DagRunner(declare(graph), {
    provenance: new DagProvenance(store, { durability }),
  }).run();
  verify(graph, outputs);
  await records.remove();
  return found;
}

function listening(store: Store, listener: (batch: Batch) => void): Store {
  const append = store.append.bind(store);
  store.append = (runId, at, batch) => {
    listener(batch);
    return append(runId, at, batch);
  };
  return store;
}

function sizesOf({ size }: Graph, batches: Written["batches"]): string {
  const bytes = batches.reduce((sum, { events }) => sum + Buffer.byteLength(linesOf(events)), 0);
  const durable = batches.filter((batch) => batch.durable);
  return `${count(batches.length)}, ${count(durable.length)}, ${digits(bytes / size)}`;
}

function linesOf(events: Batch["events"]): string {
  return events.map((event) => `${JSON.stringify(event)}\n`).join("");
}

function declare(graph: Graph): Dag {
  return dag("files", write(graph)) as unknown as Dag;
}

function verify(graph: Graph, outputs: Readonly<Record<string, unknown>>): void {
  const wrong = sinksOf(graph, outputs).findIndex((value, i) => value !== graph.expected[i]);
  if (wrong >= 0) throw new Error(`Files, ${graph.shape}: a sink gave another value than ${graph.expected[wrong]}.`);
}
