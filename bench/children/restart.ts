// Reading back: a run whose last node failed is restarted, so that everything stored before must be found and that node
// alone executed. Measures the times of some restarts, then the live heap during one more.

import { type Dag, DagProvenance, DagRunner, dag, type Store } from "heddle";
import { given, report } from "../child.js";
import { makeNode, write } from "../contestants/heddle.js";
import { makeGraph, type Shape } from "../graph.js";
import { liveBytes, Peak } from "../heap.js";
import { type Place, recordsIn } from "../stores.js";

export interface RestartRequest {
  readonly place: Place;
  readonly shape: Shape;
  /** Completions stored when the last node fails. */
  readonly stored: number;
  /** Timed restarts, after so many that are not. */
  readonly rounds: number;
  readonly warmUps: number;
}

/** Milliseconds of each restart; bytes of heap at the highest look, above those right before it. */
export interface RestartResult {
  readonly ms: readonly number[];
  readonly peakBytes: number;
}

const { place, shape, stored, rounds, warmUps } = given<RestartRequest>();
const graph = makeGraph(shape, stored + 1);
const last = graph.labels[stored] as string;
const peak = new Peak();
let executed = 0;
let isBroken = true;
let isLooking = false;
const declared: Dag = dag(
  "restart",
  write(graph, (upstreams, i) => makeNode(upstreams, i === stored ? atLast : count)),
) as unknown as Dag;

function count(): void {
  executed++;
}

function atLast(): void {
  if (isBroken) throw new Error("It fails the first time.");
  count();
  if (isLooking) peak.look();
}

/** A run that fails and its restart, of which it returns the milliseconds and the bytes of the highest look. */
async function failAndRestart(): Promise<{ ms: number; bytes: number }> {
  const records = await recordsIn(place);
  const runId = await fail(records.open());
  isBroken = false;
  executed = 0;
  const store = records.open();
  if (isLooking) lookWhenReading(store);
  const runner = new DagRunner(declared, { provenance: new DagProvenance(store) });
  const before = isLooking ? liveBytes() : 0;
  const started = performance.now();
  const result = await runner.restart(runId);
  const ms = performance.now() - started;
  if (result.outputs[last] !== graph.expected.at(-1)) throw new Error(`The restart gave ${result.outputs[last]}.`);
  if (executed !== 1) throw new Error(`The restart executed ${executed} nodes instead of one.`);
  await records.remove();
  return { ms, bytes: peak.bytes - before };
}

async function fail(store: Store): Promise<string> {
  isBroken = true;
  const { runId, status } = await new DagRunner(declared, { provenance: new DagProvenance(store) }).run();
  if (status !== "failed") throw new Error(`The run that should fail is ${status}.`);
  return runId;
}

/** Events are read in pages: looks before each of the next, at most some 10 times. */
function lookWhenReading(store: Store): void {
  const read = store.read.bind(store);
  const look = peak.every(1 + Math.floor(stored / 25_000));
  store.read = (...page) => {
    look();
    return read(...page);
  };
}

for (let round = 0; round < warmUps; round++) await failAndRestart();
const ms: number[] = [];
for (let round = 0; round < rounds; round++) ms.push((await failAndRestart()).ms);
isLooking = true;
const { bytes: peakBytes } = await failAndRestart();
report({ result: { ms, peakBytes } satisfies RestartResult });
