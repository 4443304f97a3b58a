// How many elements are under way at a time: a limit per map, beside that of the runner, and elements that start late.

import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { chain, DagRunner, dag, list, map, node, type } from "heddle";
import { expect, test } from "vitest";
import { gate, settled } from "../support/manual-clock.js";
import { until } from "../support/until.js";

const Num = type<number>("Num");
const Item = type<object>("Item");
const numbers = (count: number) => node({ output: list(Num), run: () => Array.from({ length: count }, (_, i) => i) });

/** A node whose functions wait for one gate, and the most that were active at a time. */
function waiting() {
  const open = gate();
  const seen = { active: 0, most: 0, started: 0 };
  const wait = node({
    input: { n: Num },
    output: Num,
    run: async ({ n }) => {
      seen.started++;
      seen.most = Math.max(seen.most, ++seen.active);
      await open.promise;
      seen.active--;
      return n;
    },
  });
  return { open, seen, wait };
}

test.each([
  [undefined, 16],
  [1, 1],
  [3, 3],
  [Number.POSITIVE_INFINITY, 50],
])("with a concurrency of %s a map has %i elements under way", async (concurrency, expected) => {
  const { open, seen, wait } = waiting();
  const each = map(wait, concurrency === undefined ? {} : { concurrency });
  const run = new DagRunner(dag("limits", { nodes: { give: numbers(50), each }, edges: [["give", "each"]] })).run();
  await until(() => seen.started === expected);
  await settled();
  expect(seen.started).toBe(expected);
  open.resolve();
  expect(await run).toMatchObject({ status: "completed" });
  expect(seen).toMatchObject({ started: 50, most: expected });
});

test("each map has a limit of its own, and that of an inner map counts per element of the outer", async () => {
  const { open, seen, wait } = waiting();
  const grid = node({ output: list(list(Num)), run: () => Array.from({ length: 5 }, () => [1, 2, 3, 4, 5]) });
  const nodes = { grid, rows: map(map(wait, { concurrency: 3 }), { concurrency: 2 }) };
  const run = new DagRunner(dag("nested", { nodes, edges: [["grid", "rows"]] })).run();
  await until(() => seen.started === 6);
  await settled();
  expect(seen.started).toBe(6);
  open.resolve();
  expect(await run).toMatchObject({ status: "completed" });
  expect(seen).toMatchObject({ started: 25, most: 6 });
});

test("the limit of the runner counts functions, not composites, and holds for all maps together", async () => {
  const { open, seen, wait } = waiting();
  const nodes = { give: numbers(20), left: map(wait), right: map(dag("inner", { nodes: { wait } })) };
  const edges = [
    ["give", "left"],
    ["give", "right"],
  ] as const;
  const run = new DagRunner(dag("together", { nodes, edges }), { concurrency: 4 }).run();
  await until(() => seen.started === 4);
  await settled();
  expect(seen.started).toBe(4);
  open.resolve();
  expect(await run).toMatchObject({ status: "completed" });
  expect(seen).toMatchObject({ started: 40, most: 4 });
});

test("with room for one function, nested maps still end", async () => {
  const grid = node({ output: list(list(Num)), run: () => [[1, 2], [3]] });
  const plusOne = node({ input: { n: Num }, output: Num, run: ({ n }) => n + 1 });
  const rows = map(
    dag("row", {
      nodes: { row: node({ input: { ns: list(Num) }, output: list(Num), run: ({ ns }) => ns }), each: map(plusOne) },
      edges: [["row", "each"]],
    }),
  );
  const run = new DagRunner(dag("one", { nodes: { grid, rows }, edges: [["grid", "rows"]] }), { concurrency: 1 }).run();
  expect(await run).toMatchObject({ status: "completed", outputs: { rows: [[2, 3], [4]] } });
});

test("an element occupies its place until its last node has ended", async () => {
  const begun: string[] = [];
  const gates = Array.from({ length: 3 }, () => gate());
  const first = node({
    input: { n: Num },
    output: Num,
    run: ({ n }, { path }) => {
      begun.push(path);
      return n;
    },
  });
  const last = node({
    input: { n: Num },
    output: Num,
    run: async ({ n }, { path }) => {
      begun.push(path);
      await gates[n]?.promise;
      return n;
    },
  });
  const sub = dag("two", { nodes: { first, last }, edges: chain("first", "last") });
  const nodes = { give: numbers(3), each: map(sub, { concurrency: 1 }) };
  const run = new DagRunner(dag("places", { nodes, edges: [["give", "each"]] })).run();
  for (const [i, one] of gates.entries()) {
    await until(() => begun.length === 2 * (i + 1));
    await settled();
    expect(begun.slice(2 * i)).toEqual([`each[${i}]/first`, `each[${i}]/last`]);
    one.resolve();
  }
  expect(await run).toMatchObject({ status: "completed", outputs: { each: [0, 1, 2] } });
});

const MANY = 100_000;

setFlagsFromString("--expose-gc");
const collectGarbage: () => void = runInNewContext("gc");

test("of 100,000 elements never more than the limit are active, and finished children are let go", async () => {
  const seen = { active: 0, most: 0 };
  const between: WeakRef<object>[] = [];
  const make = node({
    input: { n: Num },
    output: Item,
    run: async ({ n }) => {
      seen.most = Math.max(seen.most, ++seen.active);
      await undefined;
      seen.active--;
      const item = { n };
      if (n % 1_000 === 0) between.push(new WeakRef(item));
      return item;
    },
  });
  const alive: number[] = [];
  const use = node({
    input: { item: Item },
    output: Num,
    run: async (_, { path }) => {
      if (path !== `each[${MANY - 1}]/use`) return 1;
      // What one collection finalizes, the next one may free.
      for (let looks = 0; looks < 10 && !(alive.at(-1) === 0); looks++) {
        await settled();
        collectGarbage();
        alive.push(between.filter((ref) => ref.deref() !== undefined).length);
      }
      return 1;
    },
  });
  const sub = dag("sub", { nodes: { make, use }, edges: chain("make", "use") });
  const nodes = { give: numbers(MANY), each: map(sub, { concurrency: 8 }) };
  const result = await new DagRunner(dag("many", { nodes, edges: [["give", "each"]] })).run();
  if (result.status !== "completed") throw new Error(result.status);
  expect(result.outputs.each).toHaveLength(MANY);
  expect(seen).toEqual({ active: 0, most: 8 });
  expect(between).toHaveLength(MANY / 1_000);
  expect(alive.at(-1)).toBeLessThan(3);
});
