// For every k: the store dies at its k-th write of the run of a nested dag. Whoever restarts it gets the outputs of an
// undisturbed run, nothing that was stored as completed is executed again, at any depth, and in the end the record is
// that of an undisturbed run but for its attempts.

import { deepStrictEqual } from "node:assert/strict";
import {
  type Context,
  DagProvenance,
  DagRunner,
  type Durability,
  type JournalEvent,
  type Run,
  type RunResult,
  type Store,
} from "heddle";
import { memoryStore } from "heddle/adapters/memory";
import { expect, test } from "vitest";
import { type FaultyStore, faultyStore } from "../support/faulty-store.js";
import type { DagDesign } from "../support/nested-design.js";
import { type ExpectedTree, evaluateNested, nestedInputs, nestedSinks } from "../support/nested-reference.js";
import { buildNested, driveNested, type NestedWorld, newNestedWorld } from "../support/nested-run.js";
import { comparable } from "../support/nested-values.js";
import { type NestedOptions, nestedOfSeed } from "../support/random-nested.js";
import { PromptClock } from "../support/random-run.js";
import { journal, storeWith } from "../support/store-with.js";

// A failing seed is repeated alone with SEED=… SEEDS=1.
const SEEDS = Number(process.env.SEEDS ?? (process.env.CHAOS ? 1_000 : 6));
const FIRST_SEED = Number(process.env.SEED ?? 1);
const LEASE_MS = 30_000;
const RUN = "the-run";
const OPTIONS: NestedOptions = {
  behaviours: ["ok", "flaky", "broken", "pausing", "picky"],
};
const SIZES = { least: 8, most: 40 };

/** So many faults per seed must have been injected, on average; seeds of runs too small or too large have none. */
const QUOTA: Record<Durability, number> = { sync: 20, async: 10, exit: 8 };

interface Scene {
  readonly seed: number;
  readonly design: DagDesign;
  readonly tree: ExpectedTree;
  readonly durability: Durability;
  readonly clock: PromptClock;
  readonly inner: Store;
  readonly store: FaultyStore;
  readonly world: NestedWorld;
  /** What must have been stored when a function was called, checked later. */
  readonly checks: (() => Promise<void>)[];
  deaths: number;
}

function sceneOf(seed: number, design: DagDesign, durability: Durability): Scene {
  // Large values are stored apart, so that `putValue` is one of the writes that fail.
  const inner = storeWith(memoryStore(), ({ capabilities }) => ({
    capabilities: { ...capabilities, batchedValueBytes: 500 },
  }));
  const tree = evaluateNested(design);
  const [world, clock, store] = [newNestedWorld(), new PromptClock(seed), faultyStore(inner)];
  const scene: Scene = { seed, design, tree, durability, clock, inner, store, world, checks: [], deaths: 0 };
  watchCalls(scene);
  return scene;
}

/** Takes down at every call what the store has at that moment. */
function watchCalls({ world, inner, durability, checks, tree }: Scene): void {
  world.onCall = ({ path, attempt, epoch }: Context, { effect }) => {
    if (!effect && durability !== "sync") return;
    const reading = journal(inner, RUN);
    checks.push(async () => {
      const events = await reading;
      const started = events.some((one) => one.type === "node-started" && one.path === path && one.attempt === attempt);
      const owner = events.findLast((event) => "epoch" in event);
      if (effect && !(started && owner?.epoch === epoch)) throw new Error(`Effect ${path} ran unrecorded.`);
      if (durability !== "sync") return;
      const done = new Set(completions(events));
      const missing = tree.get(path)?.ups.filter((up) => !done.has(up)) ?? [];
      if (missing.length > 0) throw new Error(`${path} ran before the outputs of ${missing} were stored.`);
    });
  };
}

/** A new process: its own record keeper and runner over the same store. */
function processOf({ seed, design, durability, clock, store, world }: Scene) {
  const provenance = new DagProvenance(store, { durability, leaseMs: LEASE_MS });
  const concurrency = [1, 2, Number.POSITIVE_INFINITY][seed % 3] as number;
  const runner = new DagRunner(buildNested(design, world), { provenance, clock, concurrency });
  const start = () => runner.run(nestedInputs(design) as never, { runId: RUN });
  return { provenance, runner, start };
}

function completions(events: readonly JournalEvent[]): string[] {
  return events.flatMap((event) => (event.type === "node-completed" ? [event.path] : []));
}

/** Starts or restarts the run. */
type Begin = (process: ReturnType<typeof processOf>) => Run;

/** Lives until the store dies at write `k`; gives the result if the run was completed before that. */
async function live(scene: Scene, begin: Begin, k: number, arrives: boolean): Promise<RunResult | undefined> {
  scene.store.dieAt(k, arrives);
  const process = processOf(scene);
  const end = await driveNested(process.runner, scene.world, begin(process)).catch((error: unknown) => error as Error);
  if (scene.store.writes < k) {
    if (end instanceof Error) throw end;
    return end;
  }
  expect(end, `the store died, and the run ended with ${String(end)}`).toMatchObject({ code: "STORE_UNAVAILABLE" });
  scene.deaths++;
  return undefined;
}

/** A further process takes over when the lease is over. It dies too if `k` is finite, otherwise it must succeed. */
async function recover(scene: Scene, k: number, arrives: boolean): Promise<void> {
  const { design, inner, store, world, clock, tree } = scene;
  store.revive();
  const atDeath = structuredClone(await journal(inner, RUN));
  const done = new Set(completions(atDeath));
  const calls = world.calls.length;
  clock.advance(LEASE_MS + 1);
  const begin = await beginningAfter(atDeath, scene);
  const result = begin && (await live(scene, begin, k, arrives));
  const again = world.calls.slice(calls).filter(({ path }) => done.has(path));
  expect(
    again.map(({ path }) => path),
    "stored completions that were executed again",
  ).toEqual([]);
  const after = await journal(inner, RUN);
  deepStrictEqual(after.slice(0, atDeath.length), atDeath);
  const restarted = after.slice(atDeath.length).filter((one) => one.type === "node-started" && done.has(one.path));
  expect(restarted, "stored completions that were started again").toEqual([]);
  if (begin && !result) return recover(scene, Number.POSITIVE_INFINITY, false);
  if (result) deepStrictEqual(comparable(result.outputs), comparable(nestedSinks(design, tree)));
  await checkRecord(scene);
}

/** How the run goes on with this journal, after a look at what can be seen of it; nothing if it is completed. */
async function beginningAfter(atDeath: readonly JournalEvent[], scene: Scene): Promise<Begin | undefined> {
  const { provenance, runner } = processOf(scene);
  if (atDeath.length === 0) {
    await expect(runner.restart(RUN)).rejects.toMatchObject({ code: "RUN_NOT_FOUND" });
    return ({ start }) => start();
  }
  const { run } = await provenance.inspect(RUN);
  expect(run.events).toBe(atDeath.length);
  if (run.status !== "completed") return ({ runner }) => runner.restart(RUN);
  await expect(runner.restart(RUN)).rejects.toMatchObject({ code: "RUN_COMPLETED" });
  return undefined;
}

/** Every output and input of a completed run, at any depth, is that of the reference. */
async function checkRecord({ inner, tree, seed }: Scene): Promise<void> {
  const provenance = new DagProvenance(inner);
  let i = seed;
  for (const { path, inputs, output, failure } of tree.values()) {
    if (i++ % 3 > 0) continue;
    if (!failure) deepStrictEqual(comparable(await provenance.loadOutput(RUN, path)), comparable(output), path);
    deepStrictEqual(comparable(await provenance.loadInputs(RUN, path)), comparable(inputs), `inputs of ${path}`);
  }
}

/** Kills the store at every write of the run of one seed; returns how many faults that made. */
async function killEverywhere(seed: number, durability: Durability, arrives: boolean): Promise<number> {
  const design = nestedOfSeed(seed, OPTIONS);
  const { size } = evaluateNested(design);
  if (size < SIZES.least || size > SIZES.most) return 0;
  let faults = 0;
  for (let k = 1; ; k++) {
    const scene = sceneOf(seed, design, durability);
    try {
      const result = await live(scene, ({ start }) => start(), k, arrives);
      // One in three of those who take over dies as well.
      const next = k % 3 === 0 ? 1 + ((seed + k) % 7) : Number.POSITIVE_INFINITY;
      if (!result) await recover(scene, next, !arrives);
      for (const check of scene.checks) await check();
      if (result) {
        deepStrictEqual(comparable(result.outputs), comparable(nestedSinks(design, scene.tree)));
        await checkRecord(scene);
        return faults;
      }
      faults += scene.deaths;
    } catch (error) {
      const where = `seed ${seed}, ${durability}, write ${k}, which ${arrives ? "arrives" : "is lost"}`;
      throw new Error(`${where}: ${error}`, { cause: error });
    }
  }
}

for (const durability of ["sync", "async", "exit"] as const) {
  test(`a nested run survives the death of the store at any write: ${durability}`, { timeout: 3_600_000 }, async () => {
    const faults = { lost: 0, arrived: 0 };
    for (let seed = FIRST_SEED; seed < FIRST_SEED + SEEDS; seed++) {
      faults.lost += await killEverywhere(seed, durability, false);
      faults.arrived += await killEverywhere(seed, durability, true);
    }
    console.log(
      `${durability}: the store died at ${faults.lost} writes that were lost and at ${faults.arrived} that arrived`,
    );
    expect(faults.lost + faults.arrived).toBeGreaterThan(SEEDS * QUOTA[durability]);
  });
}
