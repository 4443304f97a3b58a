// restart inside composites: only what did not complete is executed; failed elements can be executed again.

import {
  chain,
  DagProvenance,
  DagRunner,
  dag,
  list,
  map,
  node,
  type Settled,
  type Store,
  settled as settledType,
  type,
} from "heddle";
import { memoryStore } from "heddle/adapters/memory";
import { describe, expect, test } from "vitest";
import { faultyStore } from "../support/faulty-store.js";
import { gate, ManualClock } from "../support/manual-clock.js";
import { STORES } from "../support/stores.js";
import { until } from "../support/until.js";

const Num = type<number>("Num");
const numbers = (count: number) => node({ output: list(Num), run: () => Array.from({ length: count }, (_, i) => i) });
const SettledNum = settledType(Num);
const sumOf = (values: readonly Settled<number>[]) =>
  values.reduce((sum, one) => sum + (one.status === "completed" ? one.value : 0), 0);

/** A map over `count` numbers of a sub of two nodes, whose second fails for those in `bad`. */
function mapped(store: Store, count: number, bad: Set<number>) {
  const calls: string[] = [];
  const step = (fails: boolean) =>
    node({
      input: { n: Num },
      output: Num,
      run: ({ n }, { path }) => {
        calls.push(path);
        if (fails && bad.has(n)) throw new Error(`bad ${n}`);
        return n;
      },
    });
  const sub = dag("sub", { nodes: { first: step(false), second: step(true) }, edges: chain("first", "second") });
  const provenance = new DagProvenance(store);
  const total = node({ input: { all: list(SettledNum) }, output: Num, run: ({ all }) => sumOf(all) });
  const failing = dag("failing", { nodes: { give: numbers(count), each: map(sub) }, edges: [["give", "each"]] });
  const collecting = dag("collecting", {
    nodes: { give: numbers(count), each: map(sub, { onError: "collect" }), total },
    edges: chain("give", "each", "total"),
  });
  return {
    calls,
    provenance,
    failing: new DagRunner(failing, { provenance }),
    collecting: new DagRunner(collecting, { provenance }),
  };
}

describe.each(Object.entries(STORES))("%s", (_, create) => {
  test("of a map of 1,000 elements with 3 failures, executing the failed again executes 3", async () => {
    const bad = new Set([7, 400, 999]);
    const { calls, provenance, collecting } = mapped(create(), 1_000, bad);
    const first = await collecting.run();
    expect(first).toMatchObject({ status: "completed", outputs: { total: 499_500 - 1_406 } });
    expect(first.collected).toHaveLength(3);
    const before = await provenance.inspect(first.runId);
    calls.length = 0;
    bad.clear();
    const again = await collecting.restart(first.runId, { rerun: ["each[*]"] });
    expect(again).toMatchObject({ status: "completed", outputs: { total: 499_500 }, collected: [] });
    expect(calls.sort()).toEqual(["each[400]/second", "each[7]/second", "each[999]/second"]);
    const after = await provenance.inspect(first.runId);
    expect(after.executions.map(({ path }) => path)).toEqual(before.executions.map(({ path }) => path));
    expect(after.executions.find(({ path }) => path === "each[7]/second")?.attempts).toMatchObject([
      { status: "failed", error: { message: "bad 7" } },
      { status: "completed" },
    ]);
  });

  test("a run that failed in a map executes only what did not complete, with recorded inputs", async () => {
    const bad = new Set([2]);
    const { calls, provenance, failing } = mapped(create(), 5, bad);
    const { runId, status } = await failing.run();
    expect(status).toBe("failed");
    const done = (await provenance.inspect(runId)).executions.filter((one) => one.status === "completed");
    calls.length = 0;
    bad.clear();
    expect(await failing.restart(runId)).toMatchObject({ status: "completed", outputs: { each: [0, 1, 2, 3, 4] } });
    expect(calls).toContain("each[2]/second");
    expect(calls).not.toContain("each[2]/first");
    for (const { path } of done) expect(calls).not.toContain(path);
    const { executions } = await provenance.inspect(runId);
    expect(executions.map(({ path }) => path)).toEqual([
      "give",
      "each",
      ...[0, 1, 2, 3, 4].flatMap((i) => [`each[${i}]/first`, `each[${i}]/second`]),
    ]);
    expect(executions[1]?.attempts).toMatchObject([
      { status: "failed" },
      { status: "completed", reason: "restarted after failure" },
    ]);
  });

  test("one failed element named is executed again; the others stay results, and what was made of them is remade", async () => {
    const bad = new Set([1, 2]);
    const { calls, provenance, collecting } = mapped(create(), 4, bad);
    const { runId } = await collecting.run();
    calls.length = 0;
    bad.clear();
    const result = await collecting.restart(runId, { rerun: ["each[1]"] });
    expect(calls).toEqual(["each[1]/second"]);
    expect(result).toMatchObject({
      status: "completed",
      outputs: { total: 4 },
      collected: [{ path: "each[2]", failedNode: "each[2]/second", error: { message: "bad 2" } }],
    });
    expect(await provenance.loadInputs(runId, "total", 1)).toMatchObject({ all: [{}, { status: "failed" }, {}, {}] });
    expect(await provenance.loadInputs(runId, "total", 2)).toMatchObject({
      all: [{}, { status: "completed" }, {}, {}],
    });
    await expect(collecting.restart(runId)).rejects.toMatchObject({ code: "RUN_COMPLETED" });
  });

  test.each(["each[0]", "each[9]", "nope", "give", "total", "each"])(
    "%s is no failed element, and is refused with those there are",
    async (name) => {
      const { collecting } = mapped(create(), 3, new Set([2]));
      const { runId } = await collecting.run();
      await expect(collecting.restart(runId, { rerun: [name] })).rejects.toMatchObject({
        code: "UNKNOWN_PATH",
        message: expect.stringMatching(new RegExp(`"${name.replace(/[[\]]/g, "\\$&")}".*"each\\[2\\]"`)),
      });
    },
  );

  test("a crash in a map loses what was not stored, and nothing else", async () => {
    const store = faultyStore(create());
    const { calls, failing } = mapped(store, 20, new Set());
    const clock = new ManualClock();
    const sync = new DagRunner(failing.dag, { provenance: new DagProvenance(store, { durability: "sync" }), clock });
    store.dieAt(6);
    const run = sync.run();
    await expect(run).rejects.toMatchObject({ code: "STORE_UNAVAILABLE" });
    store.revive();
    const provenance = new DagProvenance(store);
    const { executions } = await provenance.inspect(run.runId);
    const stored = executions.filter(({ status, composite }) => status === "completed" && !composite);
    expect(stored.length).toBeGreaterThan(1);
    await clock.advance(60_000);
    calls.length = 0;
    const outputs = { each: Array.from({ length: 20 }, (_, i) => i) };
    expect(await sync.restart(run.runId)).toMatchObject({ status: "completed", outputs });
    for (const { path } of stored) expect(calls).not.toContain(path);
    expect(calls).toHaveLength(new Set(calls).size);
    expect(calls.length + stored.length).toBe(41);
  });
});

test("naming an element of an inner map leaves failed elements of the outer map alone", async () => {
  const calls: string[] = [];
  let broken = true;
  const child = node({
    input: { n: Num },
    output: Num,
    run: ({ n }, { path }) => {
      calls.push(path);
      if (broken && n % 2 === 1) throw new Error("odd");
      return n;
    },
  });
  const first = node({
    input: { row: list(Num) },
    output: list(Num),
    run: ({ row }, { path }) => {
      calls.push(path);
      if (broken && row.length === 3) throw new Error("long");
      return row;
    },
  });
  const sub = dag("sub", {
    nodes: { first, cells: map(child, { onError: "collect" }) },
    edges: chain("first", "cells"),
  });
  const grid = node({
    output: list(list(Num)),
    run: () => [
      [1, 2],
      [1, 2, 3],
      [4, 5],
    ],
  });
  const nodes = { grid, rows: map(sub, { onError: "collect" }) };
  const provenance = new DagProvenance(memoryStore());
  const runner = new DagRunner(dag("nested", { nodes, edges: [["grid", "rows"]] }), { provenance });
  const { runId, collected } = await runner.run();
  expect(collected.map(({ path }) => path).sort()).toEqual(["rows[0]/cells[0]", "rows[1]", "rows[2]/cells[1]"]);
  calls.length = 0;
  broken = false;
  const result = await runner.restart(runId, { rerun: ["rows[0]/cells[0]"] });
  expect(calls).toEqual(["rows[0]/cells[0]"]);
  expect(result.collected.map(({ path }) => path).sort()).toEqual(["rows[1]", "rows[2]/cells[1]"]);
});

test("a collecting map that had not completed executes its failed elements again", async () => {
  const calls: string[] = [];
  const child = node({
    input: { n: Num },
    output: Num,
    run: ({ n }, { path, pause }) => {
      calls.push(path);
      if (n === 0 && calls.length < 3) throw new Error("bad");
      if (n === 1) return pause("n?", undefined, Num);
      return n;
    },
  });
  const nodes = { give: numbers(3), each: map(child, { onError: "collect" }) };
  const provenance = new DagProvenance(memoryStore());
  const runner = new DagRunner(dag("open", { nodes, edges: [["give", "each"]] }), { provenance });
  const { runId, status } = await runner.run({}, { budget: { operations: 3 } });
  expect(status).toBe("paused");
  calls.push("-");
  const result = await runner.restart(runId, { resume: { "each[1]": 5 } });
  expect(result).toMatchObject({ status: "completed", collected: [] });
  expect(calls.slice(calls.indexOf("-") + 1)).toEqual(["each[0]", "each[1]", "each[2]"]);
});

test("retries of a child count on over restarts, and timeouts hold for each child", async () => {
  const clock = new ManualClock();
  const tries: [string, number][] = [];
  const asks = gate<number>();
  const child = node({
    input: { n: Num },
    output: Num,
    timeoutMs: 1_000,
    retry: { attempts: 3, delayMs: 10_000, factor: 1 },
    run: ({ n }, { path, attempt }) => {
      tries.push([path, attempt]);
      return n === 0 ? n : asks.promise;
    },
  });
  const nodes = { give: numbers(2), each: map(dag("sub", { nodes: { child } })) };
  const provenance = new DagProvenance(memoryStore());
  const runner = new DagRunner(dag("times", { nodes, edges: [["give", "each"]] }), { provenance, clock });
  const run = runner.run();
  await until(() => tries.length === 2);
  await clock.advance(1_000);
  run.pause();
  expect(await run).toMatchObject({ status: "paused" });
  expect(clock.waiting).toBe(0);
  const again = runner.restart(run.runId);
  await until(() => tries.length === 3);
  await clock.advance(1_000);
  await clock.advance(10_000);
  await until(() => tries.length === 4);
  await clock.advance(1_000);
  expect(await again).toMatchObject({ status: "failed", failedNode: "each[1]/child", error: { code: "TIMEOUT" } });
  expect(tries).toEqual([
    ["each[0]/child", 1],
    ["each[1]/child", 1],
    ["each[1]/child", 2],
    ["each[1]/child", 3],
  ]);
});
