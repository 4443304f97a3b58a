// What holds for every dag: the outputs are those of a plain evaluation, the record says what happened and nothing
// else, restart repeats nothing, and replay executes what its plan says.

import { deepStrictEqual } from "node:assert/strict";
import * as fc from "fast-check";
import { DagProvenance, DagRunner, type Durability, type RunInspection, type RunResult } from "heddle";
import { memoryStore } from "heddle/adapters/memory";
import { expect, test } from "vitest";
import { type Behaviour, type Design, designs } from "../support/random-dag.js";
import {
  buildDag,
  drive,
  evaluate,
  givenOf,
  newWorld,
  nodeOf,
  PromptClock,
  printAll,
  sinksOf,
  type World,
} from "../support/random-run.js";
import { journal } from "../support/store-with.js";

const numRuns = process.env.CHAOS ? 3_000 : 100;
const DURABILITIES = ["sync", "async", "exit"] as const;

/** Everything but the dag that a run depends on. */
const settings = fc.record({
  durability: fc.constantFrom<Durability>(...DURABILITIES),
  concurrency: fc.constantFrom(1, 2, 3, Number.POSITIVE_INFINITY),
  seed: fc.nat(),
});
type Settings = typeof settings extends fc.Arbitrary<infer T> ? T : never;
const masks = fc.nat(0x3fff);

/** A property of every dag whose nodes behave in these ways. */
function holds<T>(
  behaviours: readonly Behaviour[],
  extra: fc.Arbitrary<T>,
  check: (life: Life, extra: T) => Promise<void>,
) {
  const property = fc.asyncProperty(designs({ behaviours }), settings, extra, (design, chosen, more) =>
    check(lifeOf(design, chosen), more),
  );
  return fc.assert(property, { numRuns });
}

interface Life {
  readonly design: Design;
  readonly settings: Settings;
  readonly world: World;
}

function lifeOf(design: Design, settings: Settings): Life {
  return { design, settings, world: newWorld() };
}

/** A runner for the dag of a life, over a store of its own. */
function recorded(
  { design, settings: { durability, concurrency, seed }, world }: Life,
  overridden = new Set<string>(),
) {
  const store = memoryStore();
  const provenance = new DagProvenance(store, { durability });
  const overrides = Object.fromEntries(
    design.nodes.filter(({ label }) => overridden.has(label)).map((one) => [one.label, nodeOf(one, world, true)]),
  );
  const clock = new PromptClock(seed);
  const runner = new DagRunner(buildDag(design, world), { provenance, clock, concurrency, overrides });
  return { store, provenance, runner };
}

function outputsAre(result: RunResult, design: Design, expected = evaluate(design)): void {
  expect(result.status).toBe("completed");
  deepStrictEqual(result.outputs, sinksOf(design, expected));
}

/** The labels a mask picks. */
function pick({ nodes }: Design, mask: number): Set<string> {
  return new Set(nodes.flatMap(({ label }, i) => ((mask >> i) & 1 ? [label] : [])));
}

test("a run gives the outputs of a plain evaluation, whatever is kept of it", () =>
  holds(["ok", "flaky"], fc.boolean(), async (life, isKept) => {
    const { design, settings, world } = life;
    const { concurrency, seed } = settings;
    const clock = new PromptClock(seed);
    const plain = new DagRunner(buildDag(design, world), { clock, concurrency });
    const kept = recorded(life);
    const result = await (isKept ? kept.runner : plain).run(givenOf(design));
    const expected = evaluate(design);
    outputsAre(result, design, expected);
    expect(world.peak).toBeLessThanOrEqual(concurrency);
    for (const { label, draw } of design.nodes) {
      const calls = world.calls.filter((call) => call.label === label);
      expect(calls.map(({ attempt }) => attempt)).toEqual(draw.behaviour === "flaky" ? [1, 2, 3] : [1]);
      for (const { saw } of calls) expect(saw).toEqual(printAll(expected.get(label)?.inputs ?? {}));
    }
    if (!isKept) return;
    for (const { label, path, node } of kept.runner.dag.plan.steps)
      if (node.output)
        deepStrictEqual(await kept.provenance.loadOutput(result.runId, path), expected.get(label)?.output);
  }));

// ---- the record

/** Checks that attempts and edges on record are those that happened. */
async function checkRecord(
  life: Life,
  { provenance, runner }: ReturnType<typeof recorded>,
  runId: string,
): Promise<void> {
  const { design, world } = life;
  const inspection = await provenance.inspect(runId);
  for (const { label, path, attempts } of inspection.executions) {
    const calls = world.calls.filter((call) => call.label === label && call.runId === runId);
    // The run may fail while an effect waits for its start to be stored: then it is on record, and never called.
    const called = attempts.filter(({ ran }) => ran);
    expect(called.map(({ attempt, overridden }) => [attempt, overridden])).toEqual(
      calls.map(({ attempt, isOverride }) => [attempt, isOverride]),
    );
    for (const { attempt, saw, returned } of calls) {
      const fed = Object.entries(saw).filter(([, value]) => value !== "undefined undefined");
      expect(printAll(await provenance.loadInputs(runId, path, attempt))).toEqual(Object.fromEntries(fed));
      const status = attempts.find((one) => one.attempt === attempt)?.status;
      expect(status === "completed", `${path}, attempt ${attempt}`).toBe(returned);
    }
  }
  checkEdges(design, inspection, (label) => runner.dag.plan.steps.find((step) => step.label === label)?.path as string);
}

/** Checks that edges are on record exactly into what was called, each with the value that went along it. */
function checkEdges({ nodes }: Design, { edges, executions }: RunInspection, pathOf: (label: string) => string): void {
  const byPath = new Map(executions.map((execution) => [execution.path, execution]));
  const expected = nodes.flatMap(({ label, inputs, after }) => {
    const to = pathOf(label);
    const attempt = byPath.get(to)?.attempts.findLast(({ ran }) => ran)?.attempt;
    if (attempt === undefined) return [];
    const path = (i: number) => pathOf(nodes[i]?.label as string);
    const values = inputs.flatMap(({ name, from }) => {
      const ups = !from || "given" in from ? [] : "up" in from ? [from.up] : from.ups;
      return ups.map((up) => [path(up), to, name, byPath.get(path(up))?.output?.ref, attempt]);
    });
    return [...values, ...after.map((up) => [path(up), to, undefined, undefined, undefined])];
  });
  const found = edges.map(({ from, to, input, value, attempt }) => [from, to, input, value, attempt]);
  const sorted = (rows: unknown[][]) => rows.map((row) => JSON.stringify(row)).sort();
  expect(sorted(found)).toEqual(sorted(expected));
}

test("attempts and edges are on record exactly if they happened, also in a run that failed or paused", () =>
  holds(["ok", "flaky", "broken", "pausing"], fc.constant(undefined), async (life) => {
    const scene = recorded(life);
    const { runId } = await scene.runner.run(givenOf(life.design));
    await checkRecord(life, scene, runId);
  }));

test("after pauses and failures restart gives the same outputs and repeats nothing", () =>
  holds(["ok", "flaky", "broken", "pausing"], fc.constant(undefined), async (life) => {
    const { design, world } = life;
    const scene = recorded(life);
    const result = await drive(scene.runner, world, scene.runner.run(givenOf(design)));
    outputsAre(result, design);
    const returned = world.calls.filter((call) => call.returned).map(({ label }) => label);
    expect(returned.sort()).toEqual(design.nodes.map(({ label }) => label).sort());
    await checkRecord(life, scene, result.runId);
  }));

test("overrides take the place of nodes, and the record says so", () =>
  holds(["ok", "flaky", "broken", "pausing"], masks, async (life, mask) => {
    const { design, world } = life;
    const overridden = pick(design, mask);
    const scene = recorded(life, overridden);
    const result = await drive(scene.runner, world, scene.runner.run(givenOf(design)));
    outputsAre(result, design, evaluate(design, { overridden }));
    for (const { label, isOverride } of world.calls) expect(isOverride).toBe(overridden.has(label));
    await checkRecord(life, scene, result.runId);
  }));

// ---- replay

/** All labels below these. */
function descendants({ edges }: Design, labels: ReadonlySet<string>): Set<string> {
  const below = new Set<string>();
  const visit = (label: string) => {
    for (const [up, down] of edges) {
      if (up !== label || below.has(down)) continue;
      below.add(down);
      visit(down);
    }
  };
  for (const label of labels) visit(label);
  return below;
}

/** Other inputs for some of the sources. */
function changedInputs(design: Design, labels: ReadonlySet<string>) {
  const change = (value: unknown) => (Array.isArray(value) ? [...value, "changed"] : { changed: value });
  const entries = Object.entries(givenOf(design)).filter(([label]) => labels.has(label));
  return Object.fromEntries(
    entries.map(([label, values]) => [
      label,
      Object.fromEntries(Object.entries(values).map(([name, value]) => [name, change(value)])),
    ]),
  );
}

const replays = fc.record({
  /** Whether the run that is replayed had been brought to its end. */
  isWhole: fc.boolean(),
  mode: fc.constantFrom("pinned" as const, "downstream" as const),
  named: masks,
  changed: fc.oneof(fc.constant(0), masks),
});

test("replay executes what its plan says, and gives what follows from that", () =>
  holds(["ok", "flaky", "broken", "pausing"], replays, async (life, { isWhole, mode, named, changed }) => {
    const { design, world } = life;
    const { runner, store, provenance } = recorded(life);
    const first = runner.run(givenOf(design));
    const { runId } = await (isWhole ? drive(runner, world, first) : first);
    world.healed = true;
    const recordedBefore = structuredClone(await journal(store, runId));
    const done = new Set(world.calls.filter(({ returned }) => returned).map(({ label }) => label));
    const { steps } = runner.dag.plan;
    const [names, inputs] = [pick(design, named), changedInputs(design, pick(design, changed))];
    const rerun = steps.filter(({ label }) => names.has(label)).map(({ path }) => path);
    const plan = await runner.planReplay(runId, { rerun, mode, inputs });

    const roots = new Set([...names, ...Object.keys(inputs)]);
    const wanted = new Set(mode === "downstream" ? [...roots, ...descendants(design, roots)] : roots);
    const executed = new Set(steps.map(({ label }) => label).filter((label) => wanted.has(label) || !done.has(label)));
    const kept = new Map(
      [...evaluate(design)].flatMap(([label, { output }]) => (executed.has(label) ? [] : [[label, output]])),
    );
    const stale = [...descendants(design, executed)].filter((label) => !executed.has(label));
    const labels = (paths: readonly string[]) => paths.map((path) => runner.dag.plan.byPath.get(path)?.label).sort();
    const planned = (action: string) =>
      labels(plan.steps.filter((step) => step.action === action).map(({ path }) => path));
    expect([planned("rerun"), planned("reuse"), planned("blocked")]).toEqual([
      [...executed].sort(),
      [...kept.keys()].sort(),
      [],
    ]);
    expect(labels(plan.stale)).toEqual(stale.sort());

    const result = await drive(runner, world, runner.replay(runId, { rerun, mode, inputs }));
    const returned = world.calls
      .filter((call) => call.runId === result.runId && call.returned)
      .map(({ label }) => label);
    expect(returned.sort()).toEqual([...executed].sort());
    expect(labels(result.stale)).toEqual(stale);
    outputsAre(result, design, evaluate(design, { given: { ...givenOf(design), ...inputs }, kept }));
    deepStrictEqual(await journal(store, runId), recordedBefore);
    const { executions } = await provenance.inspect(result.runId);
    expect(
      executions
        .filter(({ status }) => status === "reused")
        .map(({ label }) => label)
        .sort(),
    ).toEqual([...kept.keys()].sort());
  }));
