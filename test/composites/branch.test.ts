// branch: one of several nodes or dags, chosen by a function, a property, or the key of a pair.

import { branch, chain, DagProvenance, DagRunner, dag, keyed, list, map, node, type } from "heddle";
import { memoryStore } from "heddle/adapters/memory";
import { expect, test } from "vitest";
import { z } from "zod";

const Num = type<number>("Num");
const Text = type<string>("Text");
const one = (value: number) => node({ output: Num, run: () => value });
const says = (word: string) => node({ input: { n: Num }, output: Text, run: ({ n }) => `${word} ${n}` });

test("a function of the value chooses the case, and only that case runs", async () => {
  const calls: string[] = [];
  const even = node({
    input: { n: Num },
    output: Text,
    run: ({ n }, { path }) => {
      calls.push(path);
      return `even ${n}`;
    },
  });
  const clean = node({ input: { n: Num }, output: Num, run: ({ n }) => n });
  const odd = dag("odd", { nodes: { clean, says: says("odd") }, edges: chain("clean", "says") });
  const route = branch((n: number) => (n % 2 === 0 ? "even" : "odd"), { even, odd });
  const runOf = (n: number, provenance = new DagProvenance(memoryStore())) =>
    new DagRunner(dag("routes", { nodes: { one: one(n), route }, edges: [["one", "route"]] }), { provenance }).run();
  expect((await runOf(2)).outputs).toEqual({ route: "even 2" });
  expect(calls).toEqual(["route{even}"]);
  const provenance = new DagProvenance(memoryStore());
  const result = await runOf(3, provenance);
  expect(result.outputs).toEqual({ route: "odd 3" });
  expect(calls).toHaveLength(1);
  const { executions, edges } = await provenance.inspect(result.runId);
  expect(executions.map(({ path, status }) => [path, status])).toEqual([
    ["one", "completed"],
    ["route", "completed"],
    ["route{odd}/clean", "completed"],
    ["route{odd}/says", "completed"],
  ]);
  expect(edges.map(({ from, to }) => [from, to])).toContainEqual(["one", "route{odd}/clean"]);
  expect(await provenance.loadOutput(result.runId, "route")).toBe("odd 3");
});

test("a property of the value chooses the case, and each case takes its own member of the union", async () => {
  const Circle = z.object({ kind: z.literal("circle"), r: z.number() });
  const Square = z.object({ kind: z.literal("square"), a: z.number() });
  const Shape = z.union([Circle, Square]);
  const circle = node({ input: { c: Circle }, output: Num, run: ({ c }) => 3 * c.r ** 2 });
  const square = node({ input: { s: Square }, output: Num, run: ({ s }) => s.a ** 2 });
  const shapes = node({
    output: z.array(Shape),
    run: (): z.infer<typeof Shape>[] => [
      { kind: "square", a: 3 },
      { kind: "circle", r: 2 },
    ],
  });
  const nodes = { shapes, areas: map(branch("kind", { circle, square })) };
  const result = await new DagRunner(dag("areas", { nodes, edges: [["shapes", "areas"]] })).run();
  expect(result.outputs).toEqual({ areas: [9, 12] });
});

test("after a node that returns pairs, the key chooses the case, and the case takes the value", async () => {
  const provenance = new DagProvenance(memoryStore());
  const pair = node({ output: keyed({ num: Num, text: Text }), run: () => ["text", "abc"] as const });
  const size = node({ input: { text: Text }, output: Num, run: ({ text }) => text.length });
  const same = node({ input: { n: Num }, output: Num, run: ({ n }) => n });
  const nodes = { pair, route: branch({ num: same, text: size }) };
  const runner = new DagRunner(dag("pairs", { nodes, edges: [["pair", "route"]] }), { provenance });
  const result = await runner.run();
  expect(result.outputs).toEqual({ route: 3 });
  expect(await provenance.loadInputs(result.runId, "route{text}")).toEqual({ text: "abc" });
  expect(await provenance.loadInputs(result.runId, "route")).toEqual({ input: ["text", "abc"] });
});

test("keys may be numbers and booleans", async () => {
  const byNumber = branch((n: number): 0 | 1 => (n % 2 === 0 ? 0 : 1), { 0: says("zero"), 1: says("one") });
  const byTruth = branch((n: number) => n > 2, { true: says("big"), false: says("small") });
  const nodes = { three: one(3), byNumber, byTruth };
  const edges = [
    ["three", "byNumber"],
    ["three", "byTruth"],
  ] as const;
  const provenance = new DagProvenance(memoryStore());
  const { runId, outputs } = await new DagRunner(dag("keys", { nodes, edges }), { provenance }).run();
  expect(outputs).toEqual({ byNumber: "one 3", byTruth: "big 3" });
  const { executions } = await provenance.inspect(runId);
  expect(executions.map(({ path }) => path)).toEqual(["three", "byNumber", "byNumber{1}", "byTruth", "byTruth{true}"]);
});

test.each([
  ["an unknown key", () => "c", /branch "route".*no case for the key c.*"a", "b"/],
  ["a key of all objects", () => "constructor", /no case for the key constructor/],
  ["an object", () => ({}), /no case for the key/],
  ["nothing", () => undefined, /no case for the key undefined/],
])("%s fails the branch, naming the cases there are", async (_, by, message) => {
  const route = branch(by as unknown as (n: number) => "a", { a: says("a"), b: says("b") });
  const run = new DagRunner(dag("odd", { nodes: { one: one(1), route }, edges: [["one", "route"]] })).run();
  expect(await run).toMatchObject({
    status: "failed",
    failedNode: "route",
    error: { code: "INVALID_INPUT", message: expect.stringMatching(message) },
  });
});

test("a function that throws fails the branch with its error, and a restart asks it again", async () => {
  let broken = true;
  const by = (_: number): "a" => {
    if (broken) throw new RangeError("by is broken");
    return "a";
  };
  const nodes = { one: one(1), route: branch(by, { a: says("a") }) };
  const runner = new DagRunner(dag("throws", { nodes, edges: [["one", "route"]] }), {
    provenance: new DagProvenance(memoryStore()),
  });
  const result = await runner.run();
  expect(result).toMatchObject({ status: "failed", failedNode: "route", error: { message: "by is broken" } });
  broken = false;
  expect(await runner.restart(result.runId)).toMatchObject({ status: "completed", outputs: { route: "a 1" } });
});

test("the function cannot change what the case sees", async () => {
  const Tags = type<Set<string>>("Tags");
  const tags = node({ output: Tags, run: () => new Set(["x"]) });
  const by = (seen: Set<string>): "a" => {
    seen.clear();
    return "a";
  };
  const count = node({ input: { tags: Tags }, output: Num, run: (input) => input.tags.size });
  const many = node({ output: list(Tags), run: () => [new Set(["x"]), new Set(["y"])] });
  const route = branch(by, { a: count });
  const nodes = { tags, route, many, routes: map(route) };
  const edges = [
    ["tags", "route"],
    ["many", "routes"],
  ] as const;
  expect((await new DagRunner(dag("spoils", { nodes, edges })).run()).outputs).toEqual({ route: 1, routes: [1, 1] });
});

test("cases may be composites, and a branch may stand in every element of a map", async () => {
  const Rows = list(Num);
  const sum = node({ input: { rows: Rows }, output: Rows, run: ({ rows }) => [rows.reduce((a, b) => a + b, 0)] });
  const double = node({ input: { n: Num }, output: Num, run: ({ n }) => n * 2 });
  const route = branch((rows: number[]) => (rows.length > 1 ? "many" : "few"), { many: sum, few: map(double) });
  const grid = node({ output: list(Rows), run: () => [[1, 2], [3]] });
  const provenance = new DagProvenance(memoryStore());
  const runner = new DagRunner(dag("grid", { nodes: { grid, each: map(route) }, edges: [["grid", "each"]] }), {
    provenance,
  });
  const { runId, outputs } = await runner.run();
  expect(outputs).toEqual({ each: [[3], [6]] });
  const { executions } = await provenance.inspect(runId);
  expect(executions.map(({ path }) => path)).toEqual([
    "grid",
    "each",
    "each[0]",
    "each[0]{many}",
    "each[1]",
    "each[1]{few}",
    "each[1]{few}[0]",
  ]);
});
