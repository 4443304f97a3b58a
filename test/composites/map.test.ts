// map and flatMap: one execution per element of a list, a plain object or a Map, in order, lazily, under the same keys.

import { chain, DagProvenance, DagRunner, dag, flatMap, list, map, mapOf, node, record, type } from "heddle";
import { memoryStore } from "heddle/adapters/memory";
import { expect, test } from "vitest";
import { z } from "zod";
import { gate } from "../support/manual-clock.js";
import { until } from "../support/until.js";

const Num = type<number>("Num");
const Key = type<unknown>("Key");
const Any = type<unknown>("Any");
const double = node({ input: { n: Num }, output: Num, run: ({ n }) => n * 2 });
const timesTen = node({ input: { n: Num }, output: Num, run: ({ n }) => n * 10 });
const twice = dag("twice", { nodes: { double, timesTen }, edges: chain("double", "timesTen") });
const numbers = (values: readonly number[]) => node({ output: list(Num), run: () => [...values] });

async function outputOf(nodes: Parameters<typeof dag>[1]["nodes"], edges: readonly (readonly [string, string])[]) {
  const result = await new DagRunner(dag("maps", { nodes, edges } as never)).run();
  expect(result).toMatchObject({ status: "completed", collected: [] });
  return Object.values(result.outputs)[0];
}

// ---- what it works on

test("a map over a list gives a list in the order of the elements, whichever ends first", async () => {
  const gates = new Map([3, 1, 2].map((n) => [n, gate()]));
  const started: number[] = [];
  const slow = node({
    input: { n: Num },
    output: Num,
    run: async ({ n }) => {
      started.push(n);
      await gates.get(n)?.promise;
      return n * 2;
    },
  });
  const nodes = { give: numbers([3, 1, 2]), each: map(slow) };
  const run = new DagRunner(dag("order", { nodes, edges: [["give", "each"]] })).run();
  await until(() => started.length === 3);
  for (const n of [2, 1, 3]) gates.get(n)?.resolve();
  expect(await run).toMatchObject({ outputs: { each: [6, 2, 4] } });
  expect(started).toEqual([3, 1, 2]);
});

test("a map over a plain object gives a plain object with the same keys in the same order", async () => {
  const give = node({ output: record(Num), run: () => ({ b: 1, "a/{*}": 2, "": 3, "=7": 4 }) });
  const each = await outputOf({ give, each: map(double) }, [["give", "each"]]);
  expect(each).toStrictEqual({ b: 2, "a/{*}": 4, "": 6, "=7": 8 });
  expect(Object.keys(each as object)).toEqual(["b", "a/{*}", "", "=7"]);
});

test("a plain object keeps keys that have a meaning elsewhere", async () => {
  const values = JSON.parse('{"__proto__": 1, "constructor": 2, "toString": 3}');
  const give = node({ output: record(Num), run: () => values });
  const each = (await outputOf({ give, each: map(double) }, [["give", "each"]])) as object;
  expect(Object.entries(each)).toEqual([
    ["__proto__", 2],
    ["constructor", 4],
    ["toString", 6],
  ]);
  expect(Object.getPrototypeOf(each)).toBe(Object.prototype);
});

test("a map over a Map gives a Map, and keys keep their types, their identity and their order", async () => {
  const at = new Date(0);
  const entries: readonly (readonly [unknown, number])[] = [
    ["7", 1],
    [7, 2],
    [7n, 3],
    [true, 4],
    ["true", 5],
    [null, 6],
    [undefined, 7],
    [Number.NaN, 8],
    [at, 9],
    [{ city: "Oslo" }, 10],
  ];
  const give = node({ output: mapOf(Key, Num), run: () => new Map(entries) });
  const provenance = new DagProvenance(memoryStore());
  const runner = new DagRunner(dag("keys", { nodes: { give, each: map(twice) }, edges: [["give", "each"]] }), {
    provenance,
  });
  const result = await runner.run();
  const expected = new Map(entries.map(([key, n]) => [key, n * 20]));
  expect([...(result.outputs.each ?? [])]).toStrictEqual([...expected]);
  expect([...((await provenance.loadOutput(result.runId, "each")) as Map<unknown, number>)]).toStrictEqual([
    ...expected,
  ]);
});

test("a map over an empty collection completes with an empty one, and what comes after it runs", async () => {
  const sizeOf = node({ input: { ns: list(Num) }, output: Num, run: ({ ns }) => ns.length });
  const keysOf = node({ input: { ns: record(Num) }, output: Num, run: ({ ns }) => Object.keys(ns).length });
  const countOf = node({ input: { ns: mapOf(Key, Num) }, output: Num, run: ({ ns }) => ns.size });
  const nodes = {
    list: numbers([]),
    record: node({ output: record(Num), run: () => ({}) }),
    map: node({ output: mapOf(Key, Num), run: () => new Map<unknown, number>() }),
    lists: map(twice),
    records: map(twice),
    maps: map(twice),
    sizeOf,
    keysOf,
    countOf,
  };
  const edges = [
    ...chain("list", "lists", "sizeOf"),
    ...chain("record", "records", "keysOf"),
    ...chain("map", "maps", "countOf"),
  ] as const;
  const provenance = new DagProvenance(memoryStore());
  const { runId, outputs } = await new DagRunner(dag("empty", { nodes, edges }), { provenance }).run();
  expect(outputs).toEqual({ sizeOf: 0, keysOf: 0, countOf: 0 });
  expect(await provenance.loadOutput(runId, "lists")).toStrictEqual([]);
  expect(await provenance.loadOutput(runId, "records")).toStrictEqual({});
  expect(await provenance.loadOutput(runId, "maps")).toStrictEqual(new Map());
});

test("zod arrays, records and Maps are collections too, and what comes of them feeds list, record and mapOf", async () => {
  const Price = z.number();
  const cents = node({ input: { price: Price }, output: Num, run: ({ price }) => price * 100 });
  const nodes = {
    list: node({ output: z.array(Price), run: () => [1, 2] }),
    record: node({ output: z.record(z.string(), Price), run: () => ({ a: 3 }) }),
    map: node({ output: z.map(z.string(), Price), run: () => new Map([["b", 4]]) }),
    lists: map(cents),
    records: map(cents),
    maps: map(cents),
  };
  const collections = dag("zod", {
    nodes,
    edges: [
      ["list", "lists"],
      ["record", "records"],
      ["map", "maps"],
    ],
  });
  const { outputs } = await new DagRunner(collections).run();
  expect(outputs).toEqual({ lists: [100, 200], records: { a: 300 }, maps: new Map([["b", 400]]) });
});

test("what is no collection at run time fails the map, naming it", async () => {
  const give = node({ output: list(Num), run: () => 5 as never });
  const run = new DagRunner(dag("odd", { nodes: { give, each: map(double) }, edges: [["give", "each"]] })).run();
  expect(await run).toMatchObject({
    status: "failed",
    failedNode: "each",
    error: { code: "INVALID_INPUT", message: expect.stringMatching(/map "each".*got number/) },
  });
});

test("a map of maps maps lists of lists", async () => {
  const give = node({ output: list(list(Num)), run: () => [[1, 2], [], [3]] });
  expect(await outputOf({ give, each: map(map(twice)) }, [["give", "each"]])).toEqual([[20, 40], [], [60]]);
});

test("a map may follow a map, and the elements of one feed those of the other", async () => {
  const provenance = new DagProvenance(memoryStore());
  const nodes = { give: numbers([1, 2]), first: map(twice), second: map(double) };
  const runner = new DagRunner(dag("line", { nodes, edges: chain("give", "first", "second") }), { provenance });
  const { runId, outputs } = await runner.run();
  expect(outputs).toEqual({ second: [40, 80] });
  const { edges } = await provenance.inspect(runId, { under: "second" });
  expect(edges).toMatchObject([
    { from: "first[0]/timesTen", to: "second[0]", input: "n" },
    { from: "first[1]/timesTen", to: "second[1]", input: "n" },
  ]);
});

test("map never joins lists; flatMap does, and keeps their order", async () => {
  const upTo = node({ input: { n: Num }, output: list(Num), run: ({ n }) => Array.from({ length: n }, (_, i) => i) });
  const give = numbers([2, 0, 3]);
  expect(await outputOf({ give, each: map(upTo) }, [["give", "each"]])).toEqual([[0, 1], [], [0, 1, 2]]);
  expect(await outputOf({ give, each: flatMap(upTo) }, [["give", "each"]])).toEqual([0, 1, 0, 1, 2]);
});

test("flatMap over a plain object and a Map gives a list, and joins one level only", async () => {
  const nested = node({ input: { n: Num }, output: list(list(Num)), run: ({ n }) => [[n], [n, n]] });
  const fromRecord = node({ output: record(Num), run: () => ({ a: 1, b: 2 }) });
  const fromMap = node({ output: mapOf(Key, Num), run: () => new Map([[{}, 1]]) });
  const provenance = new DagProvenance(memoryStore());
  const nodes = { fromRecord, fromMap, left: flatMap(nested), right: flatMap(nested) };
  const edges = [
    ["fromRecord", "left"],
    ["fromMap", "right"],
  ] as const;
  const { runId, outputs } = await new DagRunner(dag("joins", { nodes, edges }), { provenance }).run();
  expect(outputs).toEqual({ left: [[1], [1, 1], [2], [2, 2]], right: [[1], [1, 1]] });
  expect(await provenance.loadOutput(runId, "left")).toEqual(outputs.left);
  expect(await provenance.loadOutput(runId, "right")).toEqual(outputs.right);
});

test("the record says which element of a joined list each element after it took", async () => {
  const pair = node({ input: { n: Num }, output: list(Num), run: ({ n }) => [n, n * 10] });
  const provenance = new DagProvenance(memoryStore());
  const nodes = { give: numbers([1, 2]), pairs: flatMap(pair), each: map(double) };
  const runner = new DagRunner(dag("joined", { nodes, edges: chain("give", "pairs", "each") }), { provenance });
  const { runId } = await runner.run();
  const inputs = [0, 1, 2, 3].map((i) => provenance.loadInputs(runId, `each[${i}]`));
  expect(await Promise.all(inputs)).toEqual([{ n: 1 }, { n: 10 }, { n: 2 }, { n: 20 }]);
});

// ---- elements are isolated

test("no element sees what another did to a mutable value, nor does a second try, at any depth", async () => {
  const Ages = type<Map<string, number>>("Ages");
  const seen: unknown[] = [];
  const spoil = node({
    input: { ages: Ages },
    output: Any,
    retry: { attempts: 2 },
    run: ({ ages }, { attempt }) => {
      seen.push([...ages]);
      ages.set("x", 9);
      if (attempt === 1) throw new Error("again");
      return null;
    },
  });
  const same = new Map([["a", 1]]);
  const flat = node({ output: list(Ages), run: () => [same, same] });
  const deep = node({ output: list(list(Ages)), run: () => [[same, same]] });
  const nodes = { flat, deep, flats: map(spoil), deeps: map(map(spoil)) };
  const edges = [
    ["flat", "flats"],
    ["deep", "deeps"],
  ] as const;
  expect(await new DagRunner(dag("isolated", { nodes, edges })).run()).toMatchObject({ status: "completed" });
  expect(seen).toEqual(Array.from({ length: 8 }, () => [["a", 1]]));
});
