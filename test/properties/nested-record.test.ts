// After any sequence of pauses, from outside and from nodes, crashes and restarts, the record of a nested run shows what
// that of an undisturbed run shows, except for attempts and times.

import { deepStrictEqual } from "node:assert/strict";
import { DagProvenance, DagRunner, type Durability, type Execution, type Run, type RunInspection } from "heddle";
import { memoryStore } from "heddle/adapters/memory";
import { expect, test } from "vitest";
import { faultyStore } from "../support/faulty-store.js";
import { evaluateNested, nestedInputs } from "../support/nested-reference.js";
import { buildNested, driveNested, newNestedWorld } from "../support/nested-run.js";
import { comparable } from "../support/nested-values.js";
import { type NestedOptions, nestedOfSeed } from "../support/random-nested.js";
import { PromptClock } from "../support/random-run.js";
import { hash } from "../support/random-values.js";

// A failing seed is repeated alone with SEED=… SEEDS=1.
const SEEDS = Number(process.env.SEEDS ?? (process.env.CHAOS ? 5_000 : 100));
const FIRST_SEED = Number(process.env.SEED ?? 1);
const LEASE_MS = 30_000;
const RUN = "the-run";
const MOST_PATHS = 150;
const DURABILITIES: readonly Durability[] = ["sync", "async", "exit"];
const OPTIONS: NestedOptions = {
  behaviours: ["ok", "flaky", "broken", "pausing", "picky"],
  // The encoding of a value shows which parts of it are one object, and a restart does not keep that across elements.
  hasPasses: false,
};

/** What an inspection shows, without attempts and times. */
function shown({ executions, edges }: RunInspection) {
  const byPath = [...executions].sort((a, b) => (a.path < b.path ? -1 : 1)).map(shownExecution);
  const lines = edges.map(({ attempt, ...edge }) => JSON.stringify(edge));
  return { executions: byPath, edges: [...new Set(lines)].sort() };
}

function shownExecution({ attempts, reason, updatedAt, inputs = {}, output, ...rest }: Execution) {
  const error = rest.status === "failed" ? attempts.at(-1)?.error?.message : undefined;
  const taken = Object.entries(inputs)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, { collected, from }]) => {
      return [name, collected, from.map(({ path, element, value }) => [path, element, value])];
    });
  return { ...rest, error, taken, output: output && [output.ref, output.bytes] };
}

/** A run that nothing disturbs. */
async function undisturbed(seed: number) {
  const design = nestedOfSeed(seed, OPTIONS);
  const world = newNestedWorld();
  world.healed = true;
  const provenance = new DagProvenance(memoryStore());
  const runner = new DagRunner(buildNested(design, world), { provenance, clock: new PromptClock(seed) });
  await driveNested(runner, world, runner.run(nestedInputs(design) as never, { runId: RUN }));
  return shown(await provenance.inspect(RUN));
}

/** Runs with pauses and crashes; returns how many there were. */
async function disturbed(seed: number, durability: Durability) {
  const design = nestedOfSeed(seed, OPTIONS);
  const [world, clock, store] = [newNestedWorld(), new PromptClock(seed), faultyStore(memoryStore())];
  const [deaths, pauses] = [hash(`deaths ${seed}`) % 4, hash(`pauses ${seed}`) % 4];
  const done = { deaths: 0, pauses: 0 };
  let run: Run | undefined;
  let pauseAt = hash(`first ${seed}`) % 12;
  world.onCall = () => {
    if (pauseAt-- !== 0) return;
    run?.pause();
    done.pauses++;
    if (done.pauses < pauses) pauseAt = hash(`next ${seed} ${done.pauses}`) % 12;
  };
  const begun = (one: Run) => {
    run = one;
  };
  for (;;) {
    const provenance = new DagProvenance(store, { durability, leaseMs: LEASE_MS });
    const concurrency = [1, 2, Number.POSITIVE_INFINITY][(seed + done.deaths) % 3] as number;
    const runner = new DagRunner(buildNested(design, world), { provenance, clock, concurrency });
    const isRecorded = (await provenance.getRun(RUN)) !== undefined;
    if (done.deaths < deaths) store.dieAt(1 + (hash(`die ${seed} ${done.deaths}`) % 25), done.deaths % 2 === 0);
    const start = isRecorded ? runner.restart(RUN) : runner.run(nestedInputs(design) as never, { runId: RUN });
    const end = await driveNested(runner, world, start, begun).catch((error: unknown) => error as Error);
    if (!(end instanceof Error)) return { ...done, store };
    if (!("code" in end) || (end.code !== "STORE_UNAVAILABLE" && end.code !== "RUN_COMPLETED")) throw end;
    store.revive();
    if (end.code === "RUN_COMPLETED") return { ...done, store };
    clock.advance(LEASE_MS + 1);
    done.deaths++;
  }
}

/** Compares both runs of a seed; returns what disturbed it. */
async function compare(seed: number) {
  const tree = evaluateNested(nestedOfSeed(seed, OPTIONS));
  if (tree.size > MOST_PATHS) return { deaths: 0, pauses: 0 };
  const { store, ...done } = await disturbed(seed, DURABILITIES[Math.floor(seed / 3) % 3] as Durability);
  const provenance = new DagProvenance(store);
  const inspection = await provenance.inspect(RUN);
  deepStrictEqual(shown(inspection), await undisturbed(seed));
  const executed = inspection.executions.filter(({ status }) => status !== "pending").map(({ path }) => path);
  expect(executed.sort()).toEqual([...tree.keys()].sort());
  for (const { path, inputs, output, failure } of tree.values()) {
    if (!failure) deepStrictEqual(comparable(await provenance.loadOutput(RUN, path)), comparable(output), path);
    deepStrictEqual(comparable(await provenance.loadInputs(RUN, path)), comparable(inputs), `inputs of ${path}`);
  }
  return done;
}

test("the record of a disturbed run shows what that of an undisturbed one shows", { timeout: 3_600_000 }, async () => {
  const sum = { deaths: 0, pauses: 0 };
  for (let seed = FIRST_SEED; seed < FIRST_SEED + SEEDS; seed++) {
    const { deaths, pauses } = await compare(seed).catch((error: unknown) => {
      throw new Error(`seed ${seed}: ${error}`, { cause: error });
    });
    sum.deaths += deaths;
    sum.pauses += pauses;
  }
  console.log(`${SEEDS} nested dags, ${sum.deaths} crashes, ${sum.pauses} pauses from outside`);
  expect(sum.deaths).toBeGreaterThan(SEEDS / 2);
  expect(sum.pauses).toBeGreaterThan(SEEDS / 2);
});
