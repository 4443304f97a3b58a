// The engine against its peers: the same async functions in the same graphs, every result checked.

import { inChild } from "../child.js";
import { type Contestant, check, type Run, WrongResult } from "../contestant.js";
import { byHand, byHandRecorded } from "../contestants/by-hand.js";
import { effect } from "../contestants/effect.js";
import { heddle, heddleInMemory } from "../contestants/heddle.js";
import { observable } from "../contestants/observable.js";
import { pGraph } from "../contestants/p-graph.js";
import { tanstackWorkflow } from "../contestants/tanstack-workflow.js";
import { type Graph, makeGraph, SHAPES, type Shape } from "../graph.js";
import { collect, type Effort, inTurns, median, milliseconds, perNode } from "../measure.js";
import { count, printTable, ratio, spread } from "../table.js";

export const CONTESTANTS = [
  byHand,
  pGraph,
  effect,
  observable,
  heddle,
  byHandRecorded,
  tanstackWorkflow,
  heddleInMemory,
];

interface EngineEffort extends Effort {
  /** Runs of a newly declared graph that do not count: since others ran, V8 has given up code that was optimized. */
  readonly before: number;
  readonly runs: number;
}

/** How much to measure, by size. */
export type Efforts = ReadonlyMap<number, EngineEffort>;

export const EFFORTS: Efforts = new Map([
  [100, { warmUps: 3, rounds: 15, before: 50, runs: 50 }],
  [1_000, { warmUps: 3, rounds: 15, before: 5, runs: 10 }],
  [10_000, { warmUps: 1, rounds: 4, before: 2, runs: 2 }],
  [100_000, { warmUps: 0, rounds: 3, before: 1, runs: 1 }],
]);
export const SMALL: Efforts = new Map([100, 200].map((size) => [size, { warmUps: 1, rounds: 2, before: 2, runs: 2 }]));
/** From here on garbage is collected before a graph is declared, and peers may fail. */
const LARGE = 10_000;
/** A peer that takes longer for declaring a graph and one run cannot do it. */
const LIMIT_MS = 20_000;
const TOO_SLOW = `takes over ${LIMIT_MS / 1_000} s`;
/** A peer whose time per node grew so many times from one size to the next is tried in a child at the next. */
const SUSPECT = 2.5;

/** Microseconds per node of one contestant in one graph, or why there are none. */
export interface Cell {
  readonly build: number[];
  readonly run: number[];
  cannot: string | undefined;
}

/** All cells by contestant, shape and size. */
export class Measured {
  readonly #cells = new Map<string, Cell>();

  constructor(readonly sizes: readonly number[]) {}

  at({ name }: Contestant, shape: Shape, size: number): Cell | undefined {
    return this.#cells.get(`${name} ${shape} ${size}`);
  }

  set({ name }: Contestant, { shape, size }: Graph, cell: Cell): void {
    this.#cells.set(`${name} ${shape} ${size}`, cell);
  }
}

/** Measures every contestant in every shape at every size. */
export async function measureEngine(efforts: Efforts): Promise<Measured> {
  const measured = new Measured([...efforts.keys()]);
  for (const [size, effort] of efforts) {
    for (const shape of SHAPES) {
      console.error(`engine: ${shape} of ${count(size)}`);
      const graph = makeGraph(shape, size);
      for (const contestant of CONTESTANTS) {
        measured.set(contestant, graph, { build: [], run: [], cannot: await whyNot(contestant, graph, measured) });
      }
      await inTurns(CONTESTANTS, effort, async (contestant, kept) => {
        const cell = measured.at(contestant, shape, size);
        if (!cell || cell.cannot) return;
        const times = await sample(contestant, graph, effort).catch((error) => excuse(contestant, graph, error));
        if (typeof times === "string") cell.cannot = times;
        else if (contestant.kind === "peer" && times.build + times.run > LIMIT_MS) cell.cannot = TOO_SLOW;
        if (typeof times !== "string" && kept) {
          cell.build.push(perNode(graph, times.build));
          cell.run.push(perNode(graph, times.run));
        }
      });
    }
  }
  return measured;
}

/** What a peer failed at, it fails at in larger graphs too. Where its cost grows with the size, a child tries first. */
async function whyNot(contestant: Contestant, { shape, size }: Graph, measured: Measured): Promise<string | undefined> {
  const smaller = measured.sizes.filter((other) => other < size).map((other) => measured.at(contestant, shape, other));
  const known = smaller.find((cell) => cell?.cannot)?.cannot;
  if (known || size < LARGE || contestant.kind !== "peer") return known;
  const [before, last] = smaller.slice(-2).map((cell) => median(cell?.run ?? []));
  if (before && last && last < SUSPECT * before) return undefined;
  const { failed, isLate } = await inChild("try-peer", { name: contestant.name, shape, size }, LIMIT_MS);
  return isLate ? TOO_SLOW : failed;
}

/** A peer may fail at large graphs, and is shown to; its results must be right. */
function excuse({ kind }: Contestant, { size }: Graph, error: unknown): string {
  if (kind !== "peer" || size < LARGE || error instanceof WrongResult) throw error;
  return String(error).slice(0, 60);
}

/** Milliseconds to declare the graph, and of one run of it. */
async function sample(contestant: Contestant, graph: Graph, { before, runs }: EngineEffort) {
  // Not before a run: collecting while nothing runs takes the shapes with it that optimized code was made for.
  if (graph.size >= LARGE) collect();
  let run: Run = async () => ({ sinks: [], recorded: 0 });
  const build = await milliseconds(async () => {
    run = await contestant.prepare(graph);
  });
  for (let i = 0; i < before; i++) await timed(contestant, graph, run);
  let total = 0;
  for (let i = 0; i < runs; i++) total += await timed(contestant, graph, run);
  return { build, run: total / runs };
}

async function timed(contestant: Contestant, graph: Graph, run: Run): Promise<number> {
  const started = performance.now();
  const outcome = await run();
  const ms = performance.now() - started;
  check(contestant, graph, outcome);
  await outcome.forget?.();
  return ms;
}

export function printEngine(measured: Measured): void {
  console.log("µs per node: median (p10–p90), and how many times as much as p-graph or TanStack Workflow takes.\n");
  for (const { name, note } of CONTESTANTS) if (note) console.log(`- ${name}: ${note}.`);
  const titleOf = (what: string, size: number) => `${what}, ${count(size)} nodes`;
  for (const size of measured.sizes) {
    const plain = table(measured, size, "run", { records: false, bases: [pGraph] });
    printTable(titleOf("Run, nothing recorded", size), [], plain);
    const recorded = table(measured, size, "run", { records: true, bases: [pGraph, tanstackWorkflow] });
    printTable(titleOf("Run, recorded", size), [], recorded);
  }
  for (const size of measured.sizes) {
    printTable(titleOf("Build", size), [], table(measured, size, "build", { bases: [pGraph] }));
  }
}

interface Rows {
  /** Only those that record, or only those that do not. */
  readonly records?: boolean;
  readonly bases: readonly Contestant[];
}

function table(measured: Measured, size: number, what: "build" | "run", { records, bases }: Rows): string[][] {
  const head = SHAPES.flatMap((shape) => [shape, ...bases.map((base) => `× ${base.name}`)]);
  const rows = CONTESTANTS.filter((contestant) => records === undefined || contestant.records === records);
  const body = rows.map((contestant) => {
    const cells = SHAPES.flatMap((shape) => {
      const cell = measured.at(contestant, shape, size);
      const first = cell?.cannot ?? spread(cell?.[what]);
      const others = bases.map((base) => measured.at(base, shape, size));
      return [first, ...others.map((base) => (cell?.cannot || base?.cannot ? "–" : ratio(cell?.[what], base?.[what])))];
    });
    return [contestant.name, ...cells];
  });
  return [["", ...head], ...body];
}
