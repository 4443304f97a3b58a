// Side inputs: what every element of a map gets from another node of the dag, by reference.

import { chain, DagProvenance, DagRunner, dag, list, map, node, type } from "heddle";
import { memoryStore } from "heddle/adapters/memory";
import { expect, test } from "vitest";
import { journal } from "../support/store-with.js";

const Num = type<number>("Num");
const Text = type<string>("Text");
interface Airports {
  readonly names: readonly string[];
}
const AirportsType = type<Airports>("Airports");
const Index = type<Map<string, number>>("Index");
const give = node({ output: list(Num), run: () => [1, 2, 3] });
const load = node({ output: AirportsType, run: () => ({ names: ["OSL", "BGO"] }) });

test("every child gets the same frozen object, whether by an input or in the place of a source", async () => {
  const seen: Airports[] = [];
  const name = node({
    input: { n: Num, airports: AirportsType },
    output: Num,
    run: ({ n, airports }) => {
      seen.push(airports);
      return n + airports.names.length;
    },
  });
  const own = node({ output: AirportsType, run: () => ({ names: [] }) });
  const row = node({ input: { n: Num }, output: Num, run: ({ n }) => n });
  const named = dag("named", {
    nodes: { row, airports: own, name },
    edges: [
      ["row", "name"],
      ["airports", "name"],
    ],
  });
  const nodes = {
    give,
    load,
    byInput: map(name, { with: { airports: "load" } }),
    byPlace: map(named, { with: { airports: "load" } }),
  };
  const edges = [
    ["give", "byInput"],
    ["give", "byPlace"],
  ] as const;
  const result = await new DagRunner(dag("sides", { nodes, edges })).run();
  expect(result).toMatchObject({ status: "completed", outputs: { byInput: [3, 4, 5], byPlace: [3, 4, 5] } });
  expect(seen).toHaveLength(6);
  expect(new Set(seen).size).toBe(1);
  expect(Object.isFrozen(seen[0]) && Object.isFrozen(seen[0]?.names)).toBe(true);
});

test("of a side input that stays mutable there is one copy per map", async () => {
  const seen: Map<string, number>[] = [];
  const made = new Map([["OSL", 1]]);
  const look = node({
    input: { n: Num, index: Index },
    output: Num,
    run: ({ n, index }) => {
      seen.push(index);
      return n;
    },
  });
  const nodes = {
    give,
    index: node({ output: Index, run: () => made }),
    left: map(look, { with: { index: "index" } }),
    right: map(look, { with: { index: "index" } }),
  };
  const edges = [
    ["give", "left"],
    ["give", "right"],
  ] as const;
  await new DagRunner(dag("copies", { nodes, edges })).run();
  expect(seen).toHaveLength(6);
  expect(new Set(seen).size).toBe(2);
  expect(seen).not.toContain(made);
});

test("a source whose place a side input takes is neither executed nor recorded, and what follows it is", async () => {
  const calls: string[] = [];
  const own = node({
    output: AirportsType,
    run: (_, { path }) => {
      calls.push(path);
      return { names: [] };
    },
  });
  const count = node({ input: { airports: AirportsType }, output: Text, run: ({ airports }) => airports.names.join() });
  const row = node({ input: { n: Num }, output: Num, run: ({ n }) => n });
  const join = node({ input: { n: Num, text: Text }, output: Text, run: ({ n, text }) => `${n} ${text}` });
  const sub = dag("sub", {
    nodes: { row, airports: own, count, join },
    edges: [...chain("airports", "count", "join"), ["row", "join"]],
  });
  expect(sub.plan.sources).toHaveLength(2);
  const provenance = new DagProvenance(memoryStore());
  const nodes = { give, load, each: map(sub, { with: { airports: "load" } }) };
  const runner = new DagRunner(dag("places", { nodes, edges: [["give", "each"]] }), { provenance });
  const result = await runner.run();
  expect(result).toMatchObject({
    status: "completed",
    outputs: { each: ["1 OSL,BGO", "2 OSL,BGO", "3 OSL,BGO"] },
  });
  expect(calls).toEqual([]);
  const { executions, edges } = await provenance.inspect(result.runId);
  expect(executions.map(({ path }) => path).filter((path) => path.startsWith("each[1]"))).toEqual([
    "each[1]/count",
    "each[1]/row",
    "each[1]/join",
  ]);
  expect(edges).toContainEqual(expect.objectContaining({ from: "load", to: "each[1]/count", input: "airports" }));
});

test("side inputs are recorded as edges of the map and of every child that takes them, once as a value", async () => {
  const store = memoryStore();
  const provenance = new DagProvenance(store);
  const long = { names: ["airport ".repeat(1_000)] };
  const name = node({ input: { n: Num, airports: AirportsType }, output: Num, run: ({ n }) => n });
  const nodes = {
    give,
    load: node({ output: AirportsType, run: () => long }),
    each: map(name, { with: { airports: "load" } }),
  };
  const runner = new DagRunner(dag("edges", { nodes, edges: [["give", "each"]] }), { provenance });
  const { runId } = await runner.run();
  const { edges, executions } = await provenance.inspect(runId);
  const value = executions.find(({ path }) => path === "load")?.output?.ref;
  const targets = ["each", "each[0]", "each[1]", "each[2]"];
  expect(edges.filter(({ from }) => from === "load")).toEqual(
    targets.map((to) => ({ from: "load", to, input: "airports", value, attempt: 1 })),
  );
  expect(await provenance.loadInputs(runId, "each[1]")).toEqual({ n: 2, airports: long });
  expect(JSON.stringify(await journal(store, runId))).not.toContain("airport airport");
});

test("a map waits for its side inputs, which may come from composites", async () => {
  const calls: string[] = [];
  const plus = node({
    input: { n: Num, more: list(Num) },
    output: Num,
    run: ({ n, more }, { path }) => {
      calls.push(path);
      return n + more.length;
    },
  });
  const double = node({
    input: { n: Num },
    output: Num,
    run: ({ n }, { path }) => {
      calls.push(path);
      return n * 2;
    },
  });
  const nodes = { give, doubles: map(double), each: map(plus, { with: { more: "doubles" } }) };
  const edges = [
    ["give", "each"],
    ["give", "doubles"],
  ] as const;
  expect(await new DagRunner(dag("waits", { nodes, edges })).run()).toMatchObject({ outputs: { each: [4, 5, 6] } });
  expect(calls.slice(0, 3)).toEqual(["doubles[0]", "doubles[1]", "doubles[2]"]);
});

test("one node may be the elements and a side input", async () => {
  const share = node({
    input: { n: Num, all: list(Num) },
    output: Num,
    run: ({ n, all }) => n / all.reduce((a, b) => a + b),
  });
  const nodes = { give, shares: map(share, { with: { all: "give" } }) };
  const result = await new DagRunner(dag("shares", { nodes, edges: [["give", "shares"]] })).run();
  expect(result.outputs).toEqual({ shares: [1 / 6, 2 / 6, 3 / 6] });
});

test("after a restart the children that are left get the recorded side input, all the same object", async () => {
  let broken = true;
  const seen: Airports[] = [];
  const name = node({
    input: { n: Num, airports: AirportsType },
    output: Num,
    run: ({ n, airports }) => {
      if (broken) throw new Error("broken");
      seen.push(airports);
      return n;
    },
  });
  let loads = 0;
  const counted = node({
    output: AirportsType,
    run: () => {
      loads++;
      return { names: ["OSL"] };
    },
  });
  const nodes = { give, load: counted, each: map(name, { with: { airports: "load" } }) };
  const runner = new DagRunner(dag("again", { nodes, edges: [["give", "each"]] }), {
    provenance: new DagProvenance(memoryStore()),
  });
  const { runId } = await runner.run();
  broken = false;
  expect(await runner.restart(runId)).toMatchObject({ status: "completed" });
  expect(loads).toBe(1);
  expect(seen).toEqual(Array.from({ length: 3 }, () => ({ names: ["OSL"] })));
  expect(new Set(seen).size).toBe(1);
});
