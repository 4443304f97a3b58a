// Runs with composites that are stopped from outside, in the middle of a map or while elements are restored.

import {
  chain,
  DagProvenance,
  DagRunner,
  dag,
  list,
  map,
  node,
  type Store,
  settled as settledType,
  type,
} from "heddle";
import { memoryStore } from "heddle/adapters/memory";
import { describe, expect, test } from "vitest";
import { gate, settled } from "../support/manual-clock.js";
import { storeWith } from "../support/store-with.js";
import { STORES } from "../support/stores.js";
import { until } from "../support/until.js";

const Num = type<number>("Num");
const Text = type<string>("Text");
const numbers = (count: number) => node({ output: list(Num), run: () => Array.from({ length: count }, (_, i) => i) });

/** rows[…][…]/(first → second) over a grid of 3 × 3, 2 rows and 2 cells of each at a time; `first` waits. */
function grid(store: Store) {
  const calls: string[] = [];
  const open = gate();
  const step = (waits: boolean) =>
    node({
      input: { n: Num },
      output: Num,
      run: async ({ n }, { path }) => {
        calls.push(path);
        if (waits) await open.promise;
        return n;
      },
    });
  const give = node({ output: list(list(Num)), run: () => [0, 3, 6].map((n) => [n, n + 1, n + 2]) });
  const sub = dag("sub", { nodes: { first: step(true), second: step(false) }, edges: chain("first", "second") });
  const rows = map(map(sub, { concurrency: 2, onError: "collect" }), { concurrency: 2 });
  const provenance = new DagProvenance(store);
  const runner = new DagRunner(dag("grid", { nodes: { give, rows }, edges: [["give", "rows"]] }), { provenance });
  return { calls, open, provenance, runner };
}

const WHOLE = [0, 3, 6].map((n) => [n, n + 1, n + 2].map((value) => ({ status: "completed", value })));

describe.each(Object.entries(STORES))("%s", (_, create) => {
  test("a pause in the middle of nested maps starts no further node, element or row, and none is lost", async () => {
    const { calls, open, provenance, runner } = grid(create());
    const run = runner.run();
    await until(() => calls.length === 4);
    run.pause("lunch");
    open.resolve();
    expect(await run).toMatchObject({ status: "paused", reason: "lunch", pauses: [], outputs: {}, collected: [] });
    const begun = ["rows[0][0]", "rows[0][1]", "rows[1][0]", "rows[1][1]"].map((cell) => `${cell}/first`);
    expect([...calls].sort()).toEqual(begun);
    const { executions } = await provenance.inspect(run.runId);
    expect(executions.filter(({ status }) => status === "paused").map(({ path }) => path)).toEqual([
      "rows",
      "rows[0]",
      "rows[1]",
    ]);
    expect(executions.filter(({ status }) => status === "pending").map(({ path }) => path)).toEqual(
      begun.map((path) => path.replace("first", "second")),
    );
    calls.length = 0;
    expect(await runner.restart(run.runId)).toMatchObject({ status: "completed", outputs: { rows: WHOLE } });
    expect(calls).toHaveLength(14);
    for (const path of begun) expect(calls).not.toContain(path);
  });

  test("a pause while the last nodes of a map run is too late: the run is completed", async () => {
    const open = gate();
    const calls: string[] = [];
    const wait = node({
      input: { n: Num },
      output: Num,
      run: async ({ n }, { path }) => {
        calls.push(path);
        await open.promise;
        return n;
      },
    });
    const nodes = { give: numbers(3), each: map(dag("inner", { nodes: { wait } })) };
    const provenance = new DagProvenance(create());
    const runner = new DagRunner(dag("late", { nodes, edges: [["give", "each"]] }), { provenance });
    const run = runner.run();
    await until(() => calls.length === 3);
    run.pause();
    open.resolve();
    expect(await run).toMatchObject({ status: "completed", outputs: { each: [0, 1, 2] } });
  });
});

/** A paused run of ten elements with long outputs, of a store that can hold back what is read from then on. */
async function paused() {
  const reads: (() => void)[] = [];
  const state = { holds: false };
  const store = storeWith(memoryStore(), (inner) => ({
    getValue: async (at) => {
      if (state.holds) await new Promise<void>((resolve) => reads.push(resolve));
      return inner.getValue(at);
    },
  }));
  const calls: string[] = [];
  const long = node({
    input: { n: Num },
    output: Text,
    run: ({ n }, { path }) => {
      calls.push(path);
      return `${n}`.padEnd(5_000, "·");
    },
  });
  const size = node({
    input: { text: Text },
    output: Num,
    run: ({ text }, { path, pause }) => {
      calls.push(path);
      return Number.parseInt(text, 10) + (pause("n?", undefined, Num) as number);
    },
  });
  const sub = dag("sub", { nodes: { long, size }, edges: chain("long", "size") });
  const nodes = { give: numbers(10), each: map(sub, { concurrency: 3 }) };
  const provenance = new DagProvenance(store);
  const runner = new DagRunner(dag("restores", { nodes, edges: [["give", "each"]] }), { provenance });
  const first = await runner.run();
  if (first.status !== "paused") throw new Error(first.status);
  return { calls, provenance, reads, runner, runId: first.runId, state, pauses: first.pauses };
}

test.each(["cancel", "pause"] as const)(
  "%s while outputs of elements are being restored ends the run, and nothing is lost",
  async (verb) => {
    const { calls, provenance, reads, runner, runId, state, pauses } = await paused();
    calls.length = 0;
    state.holds = true;
    const resume = Object.fromEntries(pauses.map(({ path }) => [path, 100]));
    const run = runner.restart(runId, { resume });
    await until(() => reads.length === 2 && calls.length === 2);
    const before = calls.length;
    run[verb]("enough");
    await settled();
    state.holds = false;
    for (const release of reads) release();
    const status = verb === "cancel" ? "cancelled" : "paused";
    expect(await run).toMatchObject({ status, reason: "enough", outputs: {} });
    // With a pause, nodes whose inputs are on their way still run, the first to be restored first; no other is begun.
    expect(calls.slice(before).sort()).toEqual(verb === "cancel" ? [] : ["each[0]/size", "each[1]/size"]);
    const { run: record, executions } = await provenance.inspect(runId);
    expect(record.status).toBe(status);
    expect(executions.filter((one) => one.status === "running")).toEqual([]);
    let result = await runner.restart(runId);
    for (let round = 0; result.status === "paused" && round < 20; round++) {
      const answers = result.pauses.map(({ path }) => [path, 100]);
      result = await runner.restart(runId, { resume: Object.fromEntries(answers) });
    }
    expect(result).toMatchObject({
      status: "completed",
      outputs: { each: Array.from({ length: 10 }, (_, i) => 100 + i) },
    });
    expect(calls.filter((path) => path === "each[0]/long")).toEqual([]);
  },
);

test("cancel while a completed map is being restored for its downstream ends the run", async () => {
  const reads: (() => void)[] = [];
  const state = { broken: true, holds: false };
  const store = storeWith(memoryStore(), (inner) => ({
    getValue: async (at) => {
      if (state.holds) await new Promise<void>((resolve) => reads.push(resolve));
      return inner.getValue(at);
    },
  }));
  const long = node({ input: { n: Num }, output: Text, run: ({ n }) => `${n}`.padEnd(5_000, "·") });
  let totals = 0;
  const total = node({
    input: { all: list(settledType(Text)) },
    output: Num,
    run: ({ all }) => {
      if (state.broken) throw new Error("broken");
      totals++;
      return all.length;
    },
  });
  const nodes = { give: numbers(4), each: map(long, { onError: "collect" }), total };
  const provenance = new DagProvenance(store);
  const runner = new DagRunner(dag("restores", { nodes, edges: chain("give", "each", "total") }), { provenance });
  const { runId } = await runner.run();
  Object.assign(state, { broken: false, holds: true });
  const run = runner.restart(runId);
  await until(() => reads.length > 0);
  run.cancel("enough");
  await settled();
  state.holds = false;
  for (const release of reads) release();
  expect(await run).toMatchObject({ status: "cancelled", reason: "enough" });
  expect(totals).toBe(0);
  expect(await runner.restart(runId)).toMatchObject({ status: "completed", outputs: { total: 4 } });
});
