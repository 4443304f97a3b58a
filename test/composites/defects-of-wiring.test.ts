// What the Python original does badly with the wiring of composites (DEFECTS.md), row by row.

import {
  branch,
  chain,
  DagRunner,
  dag,
  type Edge,
  flatMap,
  type HeddleError,
  list,
  type Member,
  map,
  mapOf,
  node,
  record,
  type,
} from "heddle";
import { expect, test } from "vitest";

const Num = type<number>("Num");
const Key = type<unknown>("Key");
const numbers = (count: number) => node({ output: list(Num), run: () => Array.from({ length: count }, (_, i) => i) });
const plusOne = node({ input: { n: Num }, output: Num, run: ({ n }) => n + 1 });
const timesTen = node({ input: { n: Num }, output: Num, run: ({ n }) => n * 10 });

test("defect 25: a plain upstream beside a composite one reaches its input, whichever edge comes first", async () => {
  const join = node({ input: { all: list(Num), n: Num }, output: Num, run: ({ all, n }) => all.length * 100 + n });
  const collect = node({ input: { all: list(Num) }, output: list(Num), run: ({ all }) => all });
  const one = node({ output: Num, run: () => 7 });
  const call = dag("call", { nodes: { plusOne } });
  const upstreams = [
    ["each", "join"],
    ["one", "join", "n"],
    ["each", "joins", "all"],
    ["call", "joins", "n"],
    ["call", "collect"],
    ["one", "collect"],
  ] as const;
  for (const order of [upstreams, [...upstreams].reverse()]) {
    const nodes = { give: numbers(3), one, each: map(plusOne), call, join, joins: join, collect };
    const edges: Edge[] = [["give", "each"], ["one", "call"], ...order];
    const { outputs } = await new DagRunner(dag("beside", { nodes, edges })).run();
    const collected = order === upstreams ? [8, 7] : [7, 8];
    expect(outputs).toEqual({ join: 307, joins: 308, collect: collected });
  }
});

test("defect 27: a map keeps results beside their elements, and keys their types; only flatMap joins", async () => {
  const twice = node({ input: { n: Num }, output: list(Num), run: ({ n }) => Array.from({ length: n }, () => n) });
  const keys = [1, "1", true, "true", 1n, null];
  const nodes = {
    give: numbers(3),
    byKey: node({ output: mapOf(Key, Num), run: () => new Map<unknown, number>(keys.map((key, i) => [key, i])) }),
    byName: node({ output: record(Num), run: () => ({ b: 1, a: 2 }) }),
    lists: map(twice),
    joined: flatMap(twice),
    keyed: map(plusOne),
    named: map(twice),
  };
  const edges = [
    ["give", "lists"],
    ["give", "joined"],
    ["byKey", "keyed"],
    ["byName", "named"],
  ] as const;
  const { outputs } = await new DagRunner(dag("keeps", { nodes, edges })).run();
  expect(outputs).toMatchObject({ lists: [[], [1], [2, 2]], joined: [1, 2, 2], named: { b: [1], a: [2, 2] } });
  expect([...(outputs.keyed ?? [])]).toStrictEqual(keys.map((key, i) => [key, i + 1]));
});

test("defect 28: every case of a branch has its key, and what is no node or dag is refused where it is written", async () => {
  const route = branch((n: number): "a" | "b" | "c" => (["a", "b", "c"] as const)[n] ?? "a", {
    a: plusOne,
    b: dag("steps", { nodes: { plusOne, timesTen }, edges: chain("plusOne", "timesTen") }),
    c: timesTen,
  });
  const made = dag("routes", { nodes: { give: numbers(3), each: map(route) }, edges: [["give", "each"]] });
  expect((await new DagRunner(made).run()).outputs).toEqual({ each: [1, 20, 20] });
  const refused = (make: () => unknown, message: RegExp) =>
    expect(make).toThrow(expect.objectContaining({ code: "INVALID_OPTION", message: expect.stringMatching(message) }));
  const run = (n: number) => n;
  refused(() => map(run as never), /must be a node or a dag, got function.*node\(\{/);
  refused(() => branch((_: number) => "a" as const, { a: run as never }), /Case "a".*got function/);
  refused(() => branch([plusOne, timesTen] as never, undefined as never), /`by` of a branch/);
});

test("defect 28: an edge and a side input name nodes of the same dag only", () => {
  const sub = dag("sub", { nodes: { plusOne } });
  const nodes = { give: numbers(1), each: map(sub), after: plusOne };
  const faultsOf = (edges: readonly Edge[], more: Record<string, Member> = {}) => {
    try {
      dag("outer", { nodes: { ...nodes, ...more }, edges });
    } catch (error) {
      return (error as HeddleError).faults.join("\n");
    }
    return "";
  };
  expect(faultsOf([["give", "each"]])).toBe("");
  const inside: Edge[] = [
    ["give", "each"],
    ["plusOne", "after"],
    ["give", "each/plusOne"],
  ];
  expect(faultsOf(inside)).toMatch(/"plusOne"[\s\S]*"each\/plusOne"/);
  const add = node({ input: { n: Num, m: Num }, output: Num, run: ({ n, m }) => n + m });
  const sided = { sided: map(add, { with: { m: "plusOne" } }) };
  const edges: Edge[] = [
    ["give", "each"],
    ["give", "sided"],
  ];
  expect(faultsOf(edges, sided)).toMatch(/"plusOne"/);
});
