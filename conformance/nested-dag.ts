// A dag with composites of all kinds, whose functions count their executions by path and can be made to fail.

import {
  branch,
  type Context,
  chain,
  dag,
  flatMap,
  list,
  map,
  mapOf,
  node,
  record,
  type Settled,
  settled,
  type,
} from "../src/index.js";
import { Calls } from "./running.js";

const Num = type<number>("Num");
const Text = type<string>("Text");
const Total = type<Readonly<Record<string, unknown>>>("Total");

/** Which paths fail; may be changed between runs. */
export interface NestedState {
  fails: ReadonlySet<string>;
}

/** Keys that no path may take for its own structure. */
export const KEYS = ["a/b", "..", "", "{x}", "[0]", "=1", "*", "%2F", "é", "😀", "A", "a"] as const;

/** What `total` takes: the output of each composite. */
const PARTS = {
  each: list(Num),
  rows: list(list(Num)),
  byName: mapOf(Text, Num),
  byField: record(Num),
  risky: list(settled(Num)),
  called: Num,
  routed: Num,
  joined: list(Num),
};

const EDGES = [
  ["give", "each"],
  ["table", "rows"],
  ["named", "byName"],
  ["fields", "byField"],
  ["give", "risky"],
  ["one", "called"],
  ["one", "routed"],
  ["give", "joined"],
  ["each", "total", "each"],
  ["rows", "total", "rows"],
  ["byName", "total", "byName"],
  ["byField", "total", "byField"],
  ["risky", "total", "risky"],
  ["called", "total", "called"],
  ["routed", "total", "routed"],
  ["joined", "total", "joined"],
] as const;

/** Makes the dag; `give` feeds a map, a nested map, a map that collects failures, a call, a branch and a flatMap. */
export function nestedDag(state: NestedState = { fails: new Set() }) {
  const calls = new Calls();
  const result = <T>({ path }: Context, value: T): T => {
    calls.add(path);
    if (state.fails.has(path)) throw new Error(`${path} is broken`);
    return value;
  };
  const grow = (by: number) => node({ input: { n: Num }, output: Num, run: ({ n }, ctx) => result(ctx, n * by) });
  const pair = () => dag("pair", { nodes: { first: grow(10), second: grow(2) }, edges: chain("first", "second") });
  const give = node({ output: list(Num), run: (_, ctx) => result(ctx, [1, 2, 3, 4]) });
  const table = node({ output: list(list(Num)), run: (_, ctx) => result(ctx, [[1, 2], [], [3]]) });
  const named = node({
    output: mapOf(Text, Num),
    run: (_, ctx) => result(ctx, new Map(KEYS.map((key, i) => [key, i]))),
  });
  const fields = node({ output: record(Num), run: (_, ctx) => result(ctx, { b: 1, a: 2 }) });
  const one = node({ output: Num, run: (_, ctx) => result(ctx, 7) });
  const spread = node({ input: { n: Num }, output: list(Num), run: ({ n }, ctx) => result(ctx, [n, -n]) });
  const total = node({
    input: PARTS,
    output: Total,
    run: (all, ctx) => result(ctx, { ...all, risky: all.risky.map(outcome) }),
  });
  const nested = dag("nested", {
    nodes: {
      ...{ give, table, named, fields, one },
      each: map(pair()),
      rows: map(map(grow(3))),
      byName: map(grow(5)),
      byField: map(pair()),
      risky: map(grow(7), { onError: "collect" }),
      called: pair(),
      routed: branch((n: number) => (n % 2 === 0 ? "even" : "odd"), { even: grow(11), odd: pair() }),
      joined: flatMap(spread),
      total,
    },
    edges: EDGES,
  });
  return { nested, calls, state };
}

function outcome(one: Settled<number>): number | string {
  return one.status === "completed" ? one.value : one.error.message;
}

/** What `total` returns if nothing disturbs the run. */
export function nestedTotal(): Readonly<Record<string, unknown>> {
  return {
    each: [20, 40, 60, 80],
    rows: [[3, 6], [], [9]],
    byName: new Map(KEYS.map((key, i) => [key, 5 * i])),
    byField: { b: 20, a: 40 },
    risky: [7, 14, 21, 28],
    called: 140,
    routed: 140,
    joined: [1, -1, 2, -2, 3, -3, 4, -4],
  };
}
