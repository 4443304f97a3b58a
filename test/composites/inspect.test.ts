// inspect of runs with composites: the order of the tree, and its parts.

import {
  type AnySchema,
  chain,
  DagProvenance,
  DagRunner,
  dag,
  type Edge,
  type Execution,
  list,
  map,
  mapOf,
  node,
  type RunInspection,
  record,
  type Store,
  type,
} from "heddle";
import { memoryStore } from "heddle/adapters/memory";
import { describe, expect, test } from "vitest";
import { ManualClock } from "../support/manual-clock.js";
import { STORES } from "../support/stores.js";

const Num = type<number>("Num");
const Key = type<unknown>("Key");
const paths = ({ executions }: RunInspection) => executions.map(({ path }) => path);
const same = node({ input: { n: Num }, output: Num, run: ({ n }) => n });
const two = dag("two", { nodes: { first: same, last: same }, edges: chain("first", "last") });
const sum = (values: Iterable<number>) => [...values].reduce((a, b) => a + b, 0);

/** give → grid[…][…]/(first → last) → total, over three rows; and beside them a call. */
function grid(store: Store = memoryStore()) {
  const give = node({ output: list(list(Num)), run: () => [[1, 2], [], [3]] });
  const total = node({
    input: { rows: list(list(Num)) },
    output: Num,
    run: ({ rows }) => sum(rows.flat()),
  });
  const nodes = { total, call: two, grid: map(map(two)), give };
  const provenance = new DagProvenance(store);
  const made = dag("grid", { nodes, edges: chain("give", "grid", "total", "call") });
  const clock = new ManualClock();
  return { clock, provenance, runner: new DagRunner(made, { provenance, clock }) };
}

const inCell = (cell: string) => [`${cell}/first`, `${cell}/last`];
const TREE = [
  "give",
  "grid",
  "grid[0]",
  ...inCell("grid[0][0]"),
  ...inCell("grid[0][1]"),
  "grid[1]",
  "grid[2]",
  ...inCell("grid[2][0]"),
  "total",
  "call",
  "call/first",
  "call/last",
];

test("the tree has what is inside a composite right after it, element by element, with parents and children", async () => {
  const { provenance, runner } = grid();
  const { runId } = await runner.run();
  const inspection = await provenance.inspect(runId);
  expect(paths(inspection)).toEqual(TREE);
  const parentOf = ({ path }: Execution) => {
    if (path.startsWith("call/")) return "call";
    if (path.includes("/")) return path.slice(0, path.lastIndexOf("["));
    return path.startsWith("grid[") ? "grid" : undefined;
  };
  for (const one of inspection.executions) {
    expect([one.path, one.parent]).toEqual([one.path, parentOf(one)]);
    expect(one.composite).toBe(one.children !== undefined);
  }
  const children = inspection.executions.filter((one) => one.composite).map((one) => [one.path, one.children]);
  expect(children).toEqual([
    ["grid", { completed: 3 }],
    ["grid[0]", { completed: 4 }],
    ["grid[1]", {}],
    ["grid[2]", { completed: 2 }],
    ["call", { completed: 2 }],
  ]);
});

test("the tree keeps its order when a middle element is replayed, for lists and in a replay of the replay", async () => {
  const { provenance, runner } = grid();
  const { runId } = await runner.run();
  const second = await runner.replay(runId, { rerun: ["grid[0][1]/last"] });
  expect(paths(await provenance.inspect(second.runId))).toEqual(TREE);
  const third = await runner.replay(second.runId, { rerun: ["grid[0]", "call/first"] });
  expect(paths(await provenance.inspect(third.runId))).toEqual(TREE);
});

test.each([
  ["a plain object", record(Num), { z: 1, "10": 2, a: 3, m: 4 }, ["{10}", "{z}", "{a}", "{m}"]],
  [
    "a Map",
    mapOf(Key, Num),
    new Map<unknown, number>([
      ["z", 1],
      [7, 2],
      [{}, 3],
      ["a", 4],
    ]),
    ["{z}", "{=7}", "[2]", "{a}"],
  ],
])("the tree keeps the order of the keys of %s when a middle element is replayed", async (_, output, value, names) => {
  const give = node({ output: output as AnySchema, run: () => value });
  const provenance = new DagProvenance(memoryStore());
  const edges: readonly Edge[] = [["give", "each"]];
  const runner = new DagRunner(dag("keys", { nodes: { give, each: map(two) }, edges }), { provenance });
  const expected = ["give", "each", ...names.flatMap((name) => inCell(`each${name}`))];
  const { runId } = await runner.run();
  expect(paths(await provenance.inspect(runId))).toEqual(expected);
  let before = runId;
  for (const name of [names[1], names[2], names[0]]) {
    before = (await runner.replay(before, { rerun: [`each${name}/last`] })).runId;
    expect(paths(await provenance.inspect(before))).toEqual(expected);
    expect(paths(await provenance.inspect(before, { under: "each", offset: 1, limit: 2 }))).toEqual(
      expected.slice(4, 8),
    );
  }
});

describe.each(Object.entries(STORES))("%s", (_, create) => {
  test("under shows the inside of one composite, and offset and limit a page of its elements", async () => {
    const { provenance, runner } = grid(create());
    const { runId } = await runner.run();
    const page = async (options: object) => {
      const inspection = await provenance.inspect(runId, options);
      return [inspection.elements, paths(inspection)];
    };
    expect(await page({})).toEqual([undefined, TREE]);
    expect(await page({ under: "grid" })).toEqual([3, TREE.slice(2, 11)]);
    expect(await page({ under: "grid", offset: 1 })).toEqual([3, TREE.slice(7, 11)]);
    expect(await page({ under: "grid", offset: 1, limit: 1 })).toEqual([3, ["grid[1]"]]);
    expect(await page({ under: "grid", limit: 0 })).toEqual([3, []]);
    expect(await page({ under: "grid", offset: 9 })).toEqual([3, []]);
    // The page is of the elements of `under` alone: those inside them are shown all.
    expect(await page({ under: "grid", limit: 1 })).toEqual([3, TREE.slice(2, 7)]);
    expect(await page({ under: "grid[0]", offset: 1 })).toEqual([2, inCell("grid[0][1]")]);
    expect(await page({ under: "grid[1]" })).toEqual([0, []]);
    expect(await page({ under: "call" })).toEqual([1, ["call/first", "call/last"]]);
    const { edges } = await provenance.inspect(runId, { under: "grid[2]" });
    expect(edges.map(({ from, to, input }) => [from, to, input])).toEqual([
      ["give", "grid[2][0]/first", "n"],
      ["grid[2][0]/first", "grid[2][0]/last", "n"],
    ]);
  });

  test("depth says how many levels of composites are shown, counted from where one looks", async () => {
    const { provenance, runner } = grid(create());
    const { runId } = await runner.run();
    const shown = async (options: object) => paths(await provenance.inspect(runId, options));
    expect(await shown({ depth: 0 })).toEqual(["give", "grid", "total", "call"]);
    expect(await shown({ depth: 1 })).toEqual(TREE.filter((path) => !/\]\[/.test(path)));
    expect(await shown({ depth: 2 })).toEqual(TREE);
    expect(await shown({ under: "grid", depth: 0 })).toEqual(["grid[0]", "grid[1]", "grid[2]"]);
    expect(await shown({ under: "grid", depth: 0, offset: 2 })).toEqual(["grid[2]"]);
    const { executions } = await provenance.inspect(runId, { depth: 0 });
    expect(executions[1]).toMatchObject({ path: "grid", children: { completed: 3 } });
  });

  test("since shows what changed at or after a time, also inside composites", async () => {
    const { clock, provenance, runner } = grid(create());
    const { runId } = await runner.run();
    await clock.advance(1_000);
    const at = clock.now();
    const replay = await runner.replay(runId, { rerun: ["grid[2][0]/last"] });
    expect(paths(await provenance.inspect(runId, { since: at }))).toEqual([]);
    expect(paths(await provenance.inspect(runId, { since: at - 1_000 }))).toEqual(TREE);
    expect(paths(await provenance.inspect(replay.runId, { since: at }))).toEqual(TREE);
    expect(paths(await provenance.inspect(replay.runId, { since: at + 1 }))).toEqual([]);
  });
});

test("since shows the children that a restart executed, and the composites around them", async () => {
  const clock = new ManualClock();
  const ask = node({
    input: { n: Num },
    output: Num,
    run: ({ n }, ctx) => (n === 3 ? ctx.pause("n?", undefined, Num) : n),
  });
  const nodes = { give: node({ output: list(Num), run: () => [1, 2, 3] }), each: map(ask) };
  const provenance = new DagProvenance(memoryStore());
  const runner = new DagRunner(dag("asks", { nodes, edges: [["give", "each"]] }), { provenance, clock });
  const { runId } = await runner.run();
  await clock.advance(5);
  await runner.restart(runId, { resume: { "each[2]": 20 } });
  expect(paths(await provenance.inspect(runId, { since: clock.now() }))).toEqual(["each", "each[2]"]);
});

test.each<[object, string, RegExp]>([
  [{ under: "give" }, "UNKNOWN_PATH", /no composite at "give"/],
  [{ under: "nope" }, "UNKNOWN_PATH", /no composite at "nope"/],
  [{ under: "grid[0][0]" }, "UNKNOWN_PATH", /no composite at "grid\[0\]\[0\]"/],
  [{ under: "grid[0][0]/first" }, "UNKNOWN_PATH", /no composite at/],
  [{ under: "grid[" }, "UNKNOWN_PATH", /"grid\["/],
  [{ under: "" }, "UNKNOWN_PATH", /no composite at ""/],
  [{ offset: 1 }, "INVALID_OPTION", /name it as `under`/],
  [{ limit: 1 }, "INVALID_OPTION", /name it as `under`/],
  [{ under: "grid", offset: -1 }, "INVALID_OPTION", /`offset`.*got `-1`/],
  [{ under: "grid", limit: -1 }, "INVALID_OPTION", /`limit`.*got `-1`/],
  [{ under: "grid", limit: Number.NaN }, "INVALID_OPTION", /`limit`.*got `NaN`/],
  [{ depth: -1 }, "INVALID_OPTION", /`depth`.*got `-1`/],
  [{ depth: "1" }, "INVALID_OPTION", /`depth`.*got `1`/],
])("inspect with %o is refused with %s", async (options, code, message) => {
  const { provenance, runner } = grid();
  const { runId } = await runner.run();
  const refusal = { code, message: expect.stringMatching(message) };
  await expect(provenance.inspect(runId, options)).rejects.toMatchObject(refusal);
});

test("a composite that has not begun has no children, and looking under it shows none", async () => {
  const broken = node({ output: list(Num), run: () => Promise.reject(new Error("broken")) });
  const provenance = new DagProvenance(memoryStore());
  const nodes = { give: broken, each: map(same) };
  const { runId } = await new DagRunner(dag("never", { nodes, edges: [["give", "each"]] }), { provenance }).run();
  const { executions } = await provenance.inspect(runId);
  expect(executions[1]).toMatchObject({ path: "each", composite: true, status: "pending", attempts: [] });
  expect(executions[1]).not.toHaveProperty("children");
  expect(await provenance.inspect(runId, { under: "each" })).toMatchObject({ executions: [], edges: [], elements: 0 });
});
