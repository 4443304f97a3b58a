// onError: the first failed element fails the map, after its siblings were aborted and awaited; or failures are results.

import { chain, DagProvenance, DagRunner, dag, list, map, node, record, type } from "heddle";
import { memoryStore } from "heddle/adapters/memory";
import { expect, test } from "vitest";
import { gate, ManualClock, settled } from "../support/manual-clock.js";
import { until } from "../support/until.js";

const Num = type<number>("Num");
const numbers = (values: readonly number[]) => node({ output: list(Num), run: () => [...values] });
const failOn = (bad: readonly number[]) =>
  node({
    input: { n: Num },
    output: Num,
    run: ({ n }) => {
      if (bad.includes(n)) throw new Error(`bad ${n}`);
      return n * 2;
    },
  });
const plusOne = node({ input: { n: Num }, output: Num, run: ({ n }) => n + 1 });
const sub = (bad: readonly number[]) =>
  dag("sub", { nodes: { plusOne, check: failOn(bad) }, edges: chain("plusOne", "check") });

// ---- fail

test("a failed element aborts its siblings, awaits them, and fails the run with the path of the child", async () => {
  const last = gate();
  const ended: string[] = [];
  const started: string[] = [];
  const child = node({
    input: { n: Num },
    output: Num,
    run: async ({ n }, { path, signal }) => {
      started.push(path);
      if (n === 2) {
        await until(() => started.length === 3);
        throw new Error("broken");
      }
      await new Promise((resolve) => signal.addEventListener("abort", resolve));
      await last.promise;
      ended.push(path);
      throw signal.reason;
    },
  });
  const provenance = new DagProvenance(memoryStore());
  const each = map(dag("inner", { nodes: { child } }), { concurrency: 3 });
  const runner = new DagRunner(
    dag("fails", { nodes: { give: numbers([1, 2, 3, 4]), each }, edges: [["give", "each"]] }),
    {
      provenance,
    },
  );
  let isOver = false;
  const run = runner.run();
  const over = run.finally(() => {
    isOver = true;
  });
  await until(() => started.length === 3);
  await settled();
  expect(isOver).toBe(false);
  last.resolve();
  expect(await over).toMatchObject({
    status: "failed",
    failedNode: "each[1]/child",
    error: { message: "broken" },
    outputs: {},
    collected: [],
  });
  expect(ended.sort()).toEqual(["each[0]/child", "each[2]/child"]);
  expect(started).not.toContain("each[3]/child");
  const { run: record, executions } = await provenance.inspect(run.runId);
  expect(record).toMatchObject({ status: "failed", failedNode: "each[1]/child" });
  expect(executions.map(({ path, status }) => [path, status])).toEqual([
    ["give", "completed"],
    ["each", "failed"],
    ["each[0]/child", "aborted"],
    ["each[1]/child", "failed"],
    ["each[2]/child", "aborted"],
  ]);
  expect(executions[1]?.attempts).toMatchObject([
    { error: { code: "CHILD_FAILED", message: expect.stringMatching(/"each\[1\]\/child" failed: broken/) } },
  ]);
});

test("a failure deep inside fails every composite around it, and what runs beside them is aborted", async () => {
  const isOpen = gate();
  const wait = node({
    output: Num,
    run: async (_, { signal }) => {
      await new Promise((resolve) => signal.addEventListener("abort", resolve));
      isOpen.resolve();
      return 1;
    },
  });
  const grid = node({ output: record(list(Num)), run: () => ({ Oslo: [1, 2], Rome: [3] }) });
  const nodes = { wait, grid, each: map(map(sub([3]))) };
  const provenance = new DagProvenance(memoryStore());
  const result = await new DagRunner(dag("deep", { nodes, edges: [["grid", "each"]] }), { provenance }).run();
  await isOpen.promise;
  expect(result).toMatchObject({ status: "failed", failedNode: "each{Oslo}[1]/check" });
  const { executions } = await provenance.inspect(result.runId);
  const statusOf = (path: string) => executions.find((one) => one.path === path)?.status;
  expect(["each", "each{Oslo}", "each{Oslo}[1]/check"].map(statusOf)).toEqual(["failed", "failed", "failed"]);
});

// ---- collect

test("collected failures are results: the map completes, and the result lists the failed elements", async () => {
  const provenance = new DagProvenance(memoryStore());
  const nodes = { give: numbers([1, 2, 3]), each: map(sub([2, 4]), { onError: "collect" }) };
  const runner = new DagRunner(dag("collects", { nodes, edges: [["give", "each"]] }), { provenance });
  const result = await runner.run();
  if (result.status !== "completed") throw new Error(result.status);
  const failed = (i: number, n: number) => ({
    status: "failed",
    path: `each[${i}]/check`,
    error: expect.objectContaining({ message: `bad ${n}` }),
  });
  const expected = [failed(0, 2), { status: "completed", value: 6 }, failed(2, 4)];
  expect(result.outputs.each).toEqual(expected);
  expect(result.collected).toEqual([
    { path: "each[0]", failedNode: "each[0]/check", error: expect.objectContaining({ message: "bad 2" }) },
    { path: "each[2]", failedNode: "each[2]/check", error: expect.objectContaining({ message: "bad 4" }) },
  ]);
  expect(await provenance.loadOutput(result.runId, "each")).toEqual(expected);
  const { executions } = await provenance.inspect(result.runId);
  expect(executions.map(({ path, status }) => [path, status])).toEqual([
    ["give", "completed"],
    ["each", "completed"],
    ["each[0]/plusOne", "completed"],
    ["each[0]/check", "failed"],
    ["each[1]/plusOne", "completed"],
    ["each[1]/check", "completed"],
    ["each[2]/plusOne", "completed"],
    ["each[2]/check", "failed"],
  ]);
});

test("a collecting map keeps the keys of a plain object", async () => {
  const give = node({ output: record(Num), run: () => ({ a: 1, b: 2 }) });
  const nodes = { give, each: map(failOn([2]), { onError: "collect" }) };
  const result = await new DagRunner(dag("keys", { nodes, edges: [["give", "each"]] })).run();
  expect(result.outputs).toMatchObject({
    each: { a: { status: "completed", value: 2 }, b: { status: "failed", path: "each{b}" } },
  });
});

test("a failure in one branch of an element aborts the other branch of it, and no other element", async () => {
  const slow = new Map<number, ReturnType<typeof gate<number>>>();
  const aborted: string[] = [];
  const left = node({
    input: { n: Num },
    output: Num,
    run: async ({ n }) => {
      await until(() => slow.size === 2);
      if (n === 1) throw new Error("left");
      return n;
    },
  });
  const right = node({
    input: { n: Num },
    output: Num,
    run: ({ n }, { path, signal }) => {
      const open = gate<number>();
      slow.set(n, open);
      signal.addEventListener("abort", () => {
        aborted.push(path);
        open.reject(signal.reason);
      });
      return open.promise;
    },
  });
  const join = node({ input: { a: Num, b: Num }, output: Num, run: ({ a, b }) => a + b });
  const branches = dag("branches", {
    nodes: { start: plusOne, left, right, join },
    edges: [
      ["start", "left"],
      ["start", "right"],
      ["left", "join", "a"],
      ["right", "join", "b"],
    ],
  });
  const provenance = new DagProvenance(memoryStore());
  const nodes = { give: numbers([0, 1]), each: map(branches, { onError: "collect" }) };
  const run = new DagRunner(dag("parallel", { nodes, edges: [["give", "each"]] }), { provenance }).run();
  await until(() => aborted.length > 0);
  await settled();
  slow.get(2)?.resolve(5);
  const result = await run;
  expect(aborted).toEqual(["each[0]/right"]);
  expect(result).toMatchObject({
    status: "completed",
    outputs: {
      each: [
        { status: "failed", path: "each[0]/left" },
        { status: "completed", value: 7 },
      ],
    },
    collected: [{ path: "each[0]", failedNode: "each[0]/left" }],
  });
  const { executions } = await provenance.inspect(run.runId);
  expect(executions.filter(({ path }) => path.startsWith("each[0]")).map(({ path, status }) => [path, status])).toEqual(
    [
      ["each[0]/start", "completed"],
      ["each[0]/left", "failed"],
      ["each[0]/right", "aborted"],
      ["each[0]/join", "pending"],
    ],
  );
});

test("an inner map that collects shields its element; one that fails is a failure of the outer element", async () => {
  const grid = node({ output: list(list(Num)), run: () => [[1, 2], [3]] });
  const inner = map(map(failOn([2]), { onError: "collect" }), { onError: "collect" });
  const outer = map(map(failOn([2])), { onError: "collect" });
  const edges = [
    ["grid", "inner"],
    ["grid", "outer"],
  ] as const;
  const result = await new DagRunner(dag("nested", { nodes: { grid, inner, outer }, edges })).run();
  expect(result.outputs).toMatchObject({
    inner: [
      {
        status: "completed",
        value: [
          { status: "completed", value: 2 },
          { status: "failed", path: "inner[0][1]" },
        ],
      },
      { status: "completed", value: [{ status: "completed", value: 6 }] },
    ],
    outer: [
      { status: "failed", path: "outer[0][1]" },
      { status: "completed", value: [6] },
    ],
  });
  expect(result.collected.map(({ path, failedNode }) => [path, failedNode]).sort()).toEqual([
    ["inner[0][1]", "inner[0][1]"],
    ["outer[0]", "outer[0][1]"],
  ]);
});

test("an element fails after its last try only, and leaves no timer behind", async () => {
  const clock = new ManualClock();
  let tries = 0;
  const flaky = node({
    input: { n: Num },
    output: Num,
    retry: { attempts: 3, delayMs: 100 },
    run: ({ n }) => {
      tries++;
      if (n > 0) throw new Error("always");
      return n;
    },
  });
  const nodes = { give: numbers([0, 1]), each: map(flaky, { onError: "collect" }) };
  const run = new DagRunner(dag("tries", { nodes, edges: [["give", "each"]] }), { clock }).run();
  await until(() => tries === 2);
  await clock.advance(1_000);
  expect(await run).toMatchObject({ status: "completed", collected: [{ path: "each[1]" }] });
  expect(tries).toBe(4);
  expect(clock.waiting).toBe(0);
});

test("only maps that have completed list failed elements", async () => {
  const child = node({
    input: { n: Num },
    output: Num,
    run: ({ n }, ctx) => {
      if (n === 1) throw new Error("bad");
      if (n === 2) ctx.pause("why?");
      return n;
    },
  });
  const nodes = { give: numbers([1, 2]), each: map(child, { onError: "collect" }) };
  const provenance = new DagProvenance(memoryStore());
  const runner = new DagRunner(dag("open", { nodes, edges: [["give", "each"]] }), { provenance });
  const result = await runner.run();
  expect(result).toMatchObject({ status: "paused", collected: [] });
  expect(await runner.restart(result.runId, { resume: { "each[1]": null } })).toMatchObject({
    status: "completed",
    collected: [{ path: "each[0]" }],
  });
});
