// For every k: the store dies at its k-th write. Whoever restarts the run afterwards gets the outputs of an undisturbed
// run, and nothing that was stored as completed is executed again.

import { deepStrictEqual } from "node:assert/strict";
import {
  type Context,
  DagProvenance,
  DagRunner,
  type Durability,
  type JournalEvent,
  type RunResult,
  type Store,
} from "heddle";
import { expect, test } from "vitest";
import { type FaultyStore, faultyStore } from "../support/faulty-store.js";
import { type Design, designOfSeed } from "../support/random-dag.js";
import {
  buildDag,
  drive,
  evaluate,
  givenOf,
  newWorld,
  PromptClock,
  sinksOf,
  type World,
} from "../support/random-run.js";
import { journal, storeWith } from "../support/store-with.js";
import { STORES } from "../support/stores.js";

// A failing seed is repeated alone with SEED=… SEEDS=1.
const SEEDS = Number(process.env.SEEDS ?? (process.env.CHAOS ? 1_000 : 30));
const FIRST_SEED = Number(process.env.SEED ?? 1);
const LEASE_MS = 30_000;
const RUN = "the-run";
/** So many faults per seed must have been injected, on average. */
const QUOTA: Record<Durability, number> = { sync: 50, async: 35, exit: 25 };

/** One run to be killed at every write. */
interface Trial {
  readonly seed: number;
  readonly durability: Durability;
  readonly createStore: () => Store;
}

/** What outlives a process whose store died under it. */
interface Scene {
  readonly seed: number;
  readonly design: Design;
  readonly dag: ReturnType<typeof buildDag>;
  readonly durability: Durability;
  readonly clock: PromptClock;
  /** The store itself, and what the processes see of it. */
  readonly inner: Store;
  readonly store: FaultyStore;
  readonly world: World;
  /** What must have been stored when a function was called, checked later. */
  readonly checks: (() => Promise<void>)[];
  deaths: number;
}

function sceneOf({ seed, durability, createStore }: Trial): Scene {
  // Large values are stored apart, so that `putValue` is one of the writes that fail.
  const inner = storeWith(createStore(), ({ capabilities }) => ({
    capabilities: { ...capabilities, batchedValueBytes: 500 },
  }));
  const store = faultyStore(inner);
  const design = designOfSeed(seed, { min: 12, max: 12 });
  const [world, clock] = [newWorld(), new PromptClock(seed)];
  const dag = buildDag(design, world);
  const scene: Scene = { seed, design, dag, durability, clock, inner, store, world, checks: [], deaths: 0 };
  watchCalls(scene);
  return scene;
}

/** Takes down at every call what the store has at that moment. */
function watchCalls({ world, inner, durability, checks, dag }: Scene): void {
  const { steps, byPath } = dag.plan;
  world.onCall = ({ path, attempt, epoch }: Context) => {
    const { node, upstream } = byPath.get(path) as (typeof steps)[number];
    if (!node.effect && durability !== "sync") return;
    const reading = journal(inner, RUN);
    checks.push(async () => {
      const events = await reading;
      const started = events.some((one) => one.type === "node-started" && one.path === path && one.attempt === attempt);
      const owner = events.findLast((event) => "epoch" in event);
      if (node.effect && !(started && owner?.epoch === epoch)) throw new Error(`Effect ${path} ran unrecorded.`);
      if (durability !== "sync") return;
      const done = new Set(completions(events));
      const missing = upstream.map((up) => steps[up]?.path as string).filter((up) => !done.has(up));
      if (missing.length > 0) throw new Error(`${path} ran before the outputs of ${missing} were stored.`);
    });
  };
}

/** A new process: its own record keeper and runner over the same store. */
function processOf({ seed, design, dag, durability, clock, store }: Scene) {
  const provenance = new DagProvenance(store, { durability, leaseMs: LEASE_MS });
  const concurrency = [1, 2, 3, Number.POSITIVE_INFINITY][seed % 4] as number;
  const runner = new DagRunner(dag, { provenance, clock, concurrency });
  const start = () => runner.run(givenOf(design), { runId: RUN });
  return { provenance, runner, start };
}

function completions(events: readonly JournalEvent[]): string[] {
  return events.flatMap((event) => (event.type === "node-completed" ? [event.path] : []));
}

/** Starts or restarts the run. */
type Begin = (process: ReturnType<typeof processOf>) => PromiseLike<RunResult>;

/** Lives until the store dies at write `k`; gives the result if the run was completed before that. */
async function live(scene: Scene, begin: Begin, k: number, arrives: boolean): Promise<RunResult | undefined> {
  scene.store.dieAt(k, arrives);
  const process = processOf(scene);
  const end = await drive(process.runner, scene.world, begin(process)).catch((error: unknown) => error as Error);
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
  const { design, inner, store, world, clock } = scene;
  store.revive();
  const atDeath = structuredClone(await journal(inner, RUN));
  const done = new Set(completions(atDeath));
  const calls = world.calls.length;
  clock.advance(LEASE_MS + 1);
  const begin = await beginningAfter(atDeath, scene);
  const result = begin && (await live(scene, begin, k, arrives));
  const again = world.calls.slice(calls).filter(({ path }) => done.has(path));
  expect(again, "stored completions that were executed again").toEqual([]);
  deepStrictEqual((await journal(inner, RUN)).slice(0, atDeath.length), atDeath);
  if (begin && !result) return recover(scene, Number.POSITIVE_INFINITY, false);
  const expected = evaluate(design);
  if (result) deepStrictEqual(result.outputs, sinksOf(design, expected));
  const provenance = new DagProvenance(inner);
  for (const { label, path, node, index } of scene.dag.plan.steps) {
    if (!node.output || (result && (index + scene.seed) % 3 > 0)) continue;
    deepStrictEqual(await provenance.loadOutput(RUN, path), expected.get(label)?.output);
  }
}

/** How the run goes on with this journal, after a look at what can be seen of it; nothing if it is completed. */
async function beginningAfter(atDeath: readonly JournalEvent[], scene: Scene): Promise<Begin | undefined> {
  const { provenance, runner } = processOf(scene);
  if (atDeath.length === 0) {
    await expect(runner.restart(RUN)).rejects.toMatchObject({ code: "RUN_NOT_FOUND" });
    return ({ start }) => start();
  }
  const { run, executions } = await provenance.inspect(RUN);
  expect(run.events).toBe(atDeath.length);
  const completed = executions.filter(({ status }) => status === "completed").map(({ path }) => path);
  expect(new Set(completed)).toEqual(new Set(completions(atDeath)));
  for (const { attempts } of executions)
    expect(attempts.map(({ attempt }) => attempt)).toEqual(attempts.map((_, i) => i + 1));
  if (run.status !== "completed") return ({ runner }) => runner.restart(RUN);
  await expect(runner.restart(RUN)).rejects.toMatchObject({ code: "RUN_COMPLETED" });
  return undefined;
}

/** Kills the store at every write of the run of one seed; returns how many faults that made. */
async function killEverywhere(trial: Trial, arrives: boolean): Promise<number> {
  const { seed, durability } = trial;
  let faults = 0;
  for (let k = 1; ; k++) {
    const scene = sceneOf(trial);
    try {
      const result = await live(scene, ({ start }) => start(), k, arrives);
      // One in three of those who take over dies as well.
      const next = k % 3 === 0 ? 1 + ((seed + k) % 7) : Number.POSITIVE_INFINITY;
      if (!result) await recover(scene, next, !arrives);
      for (const check of scene.checks) await check();
      await scene.inner.close();
      if (result) return faults;
      faults += scene.deaths;
    } catch (error) {
      const where = `seed ${seed}, ${durability}, write ${k}, which ${arrives ? "arrives" : "is lost"}`;
      throw new Error(`${where}: ${error}`, { cause: error });
    }
  }
}

for (const [kind, createStore] of Object.entries(STORES)) {
  const seeds = kind === "memory" ? SEEDS : Math.ceil(SEEDS / 15);
  for (const durability of ["sync", "async", "exit"] as const) {
    test(`a run survives the death of the store at any write: ${kind}, ${durability}`, {
      timeout: 3_600_000,
    }, async () => {
      const faults = { lost: 0, arrived: 0 };
      for (let seed = FIRST_SEED; seed < FIRST_SEED + seeds; seed++) {
        const trial = { seed, durability, createStore };
        faults.lost += await killEverywhere(trial, false);
        faults.arrived += await killEverywhere(trial, true);
      }
      console.log(
        `${kind}, ${durability}: ${seeds} dags, the store died at ${faults.lost} writes that were lost and at ${faults.arrived} that arrived`,
      );
      expect(faults.lost + faults.arrived).toBeGreaterThan(seeds * QUOTA[durability]);
    });
  }
}
