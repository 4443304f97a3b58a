// The batches of real runs: of nested dags that fail, pause, are restarted and replayed.

import { type Batch, DagProvenance, DagRunner, type Store } from "heddle";
import { memoryStore } from "heddle/adapters/memory";
import type { DagDesign } from "./nested-design.js";
import { evaluateNested, nestedInputs } from "./nested-reference.js";
import { buildNested, driveNested, newNestedWorld } from "./nested-run.js";
import { nestedOfSeed } from "./random-nested.js";
import { PromptClock } from "./random-run.js";
import { storeWith } from "./store-with.js";

/** What one append brought. */
export interface RecordedBatch extends Pick<Batch, "events" | "head"> {
  readonly runId: string;
  readonly seq: number;
}

/** Runs nested dags, each with a replay, and keeps what they append to a store. Larger dags are left out. */
export async function recordedBatches(seeds: number, mostPaths: number) {
  const store = memoryStore();
  const batches: RecordedBatch[] = [];
  for (let seed = 1; seed <= seeds; seed++) {
    const design = nestedOfSeed(seed, { depth: 2 });
    if (evaluateNested(design).size <= mostPaths) await runOnce(design, seed, recording(store, batches));
  }
  return { store, batches };
}

function recording(store: Store, batches: RecordedBatch[]): Store {
  return storeWith(store, (inner) => ({
    append: async (runId, at, batch) => {
      await inner.append(runId, at, batch);
      batches.push({ runId, seq: at.seq, ...(JSON.parse(JSON.stringify(batch)) as Pick<Batch, "events" | "head">) });
    },
  }));
}

async function runOnce(design: DagDesign, seed: number, store: Store): Promise<void> {
  const world = newNestedWorld();
  const provenance = new DagProvenance(store, { durability: seed % 2 === 0 ? "exit" : "async" });
  const runner = new DagRunner(buildNested(design, world), { clock: new PromptClock(seed), provenance });
  const { runId } = await driveNested(runner, world, runner.run(nestedInputs(design) as never));
  const [first = ""] = design.members.map(({ label }) => label);
  const { executions } = await provenance.inspect(runId);
  await runner.replay(runId, { rerun: [executions[0]?.path ?? first] }).catch(() => {});
}
