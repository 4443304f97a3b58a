// restart({ rerun }) of failed elements of random nested dags: when some of what failed works at last, the run is the
// one in which it always did, and only what failed, and what was made of it, is executed.

import { deepStrictEqual } from "node:assert/strict";
import { DagProvenance, DagRunner } from "heddle";
import { memoryStore } from "heddle/adapters/memory";
import { expect, test } from "vitest";
import { type ExpectedTree, evaluateNested, nestedInputs, nestedSinks } from "../support/nested-reference.js";
import { buildNested, driveNested, newNestedWorld } from "../support/nested-run.js";
import { comparable } from "../support/nested-values.js";
import { type NestedOptions, nestedOfSeed } from "../support/random-nested.js";
import { PromptClock } from "../support/random-run.js";
import { hash } from "../support/random-values.js";

// A failing seed is repeated alone with SEED=… SEEDS=1.
const SEEDS = Number(process.env.SEEDS ?? (process.env.CHAOS ? 10_000 : 600));
const FIRST_SEED = Number(process.env.SEED ?? 1);
const MOST_PATHS = 150;

/** Every second dag pauses too; then a map that had not completed executes all that failed in it again. */
const optionsOf = (seed: number): NestedOptions => ({
  behaviours: seed % 2 === 0 ? ["ok", "flaky", "picky"] : ["ok", "flaky", "picky", "pausing"],
});

/** The composites of a tree around a path, innermost first. */
function compositesAround(tree: ExpectedTree, path: string): string[] {
  return [...path]
    .flatMap((sign, i) => ("/[{".includes(sign) ? [path.slice(0, i)] : []))
    .filter((outer) => tree.get(outer)?.design.is === "composite")
    .reverse();
}

/** The paths that were made of failed elements: the composites around those, and all that is downstream. */
function madeOf(failed: readonly string[], before: ExpectedTree, after: ExpectedTree): ReadonlySet<string> {
  // Composites that are put together again, and paths that are executed with all that is inside them.
  const reassembled = new Set<string>();
  const executed = new Set<string>();
  for (const path of failed) {
    const around = compositesAround(before, path);
    const first = around.findIndex((outer) => {
      const design = before.get(outer)?.design;
      return design?.is === "composite" && design.collects;
    });
    for (const outer of around.slice(first)) reassembled.add(outer);
  }
  for (let size = -1; size !== executed.size; ) {
    size = executed.size;
    for (const { path, ups } of after.values()) {
      const around = compositesAround(after, path);
      const isBelow = ups.some((up) => reassembled.has(up) || executed.has(up));
      if (!isBelow && !around.some((outer) => executed.has(outer))) continue;
      executed.add(path);
      for (const outer of around) reassembled.add(outer);
    }
  }
  return executed;
}

/** Mends some of what failed in the dag of a seed; returns how many elements. */
async function mend(seed: number): Promise<number> {
  const design = nestedOfSeed(seed, optionsOf(seed));
  const before = evaluateNested(design);
  const failed = [...before.values()].filter(({ failure }) => failure).map(({ path }) => path);
  const named = failed.filter((path) => hash(`mend ${seed} ${path}`) % 2 === 0);
  if (before.size > MOST_PATHS || named.length === 0) return 0;
  const provenance = new DagProvenance(memoryStore());
  const world = newNestedWorld();
  const runner = new DagRunner(buildNested(design, world), { clock: new PromptClock(seed), provenance });
  const { runId } = await driveNested(runner, world, runner.run(nestedInputs(design) as never));
  const calls = world.calls.length;
  for (const path of named) world.mended.add(path);
  const after = evaluateNested(design, { mended: world.mended });
  const result = await driveNested(runner, world, runner.restart(runId, { rerun: named }));

  deepStrictEqual(comparable(result.outputs), comparable(nestedSinks(design, after)));
  const left = [...after.values()].filter(({ failure }) => failure).map(({ path }) => path);
  expect(result.collected.map(({ failedNode }) => failedNode).sort()).toEqual(left.sort());
  for (const { path, inputs, output, failure } of after.values()) {
    if (!failure) deepStrictEqual(comparable(await provenance.loadOutput(runId, path)), comparable(output), path);
    deepStrictEqual(comparable(await provenance.loadInputs(runId, path)), comparable(inputs), `inputs of ${path}`);
  }
  if (seed % 2 === 0) {
    const executed = madeOf(named, before, after);
    const leaves = [...after.values()].filter((one) => one.design.is === "node").map(({ path }) => path);
    const isDue = (path: string) => executed.has(path) || named.includes(path);
    const called = new Set(world.calls.slice(calls).map(({ path }) => path));
    expect(
      leaves.filter((path) => isDue(path) && !called.has(path)),
      "not executed",
    ).toEqual([]);
    const extra = [...called].filter((path) => !isDue(path) && before.has(path));
    expect(extra, "executed in vain").toEqual([]);
  }
  return named.length;
}

test("failed elements that are executed again and work make the run that it would have been", {
  timeout: 3_600_000,
}, async () => {
  let [elements, dags] = [0, 0];
  for (let seed = FIRST_SEED; seed < FIRST_SEED + SEEDS; seed++) {
    const mended = await mend(seed).catch((error: unknown) => {
      throw new Error(`seed ${seed}: ${error}`, { cause: error });
    });
    elements += mended;
    dags += mended > 0 ? 1 : 0;
  }
  console.log(`${elements} failed elements mended in ${dags} of ${SEEDS} nested dags`);
  expect(dags).toBeGreaterThan(SEEDS / 30);
});
