// A dag as a node: a call. One dag in two places keeps separate records.

import { chain, DagProvenance, DagRunner, dag, list, map, node, optional, type } from "heddle";
import { memoryStore } from "heddle/adapters/memory";
import { expect, test } from "vitest";

const Num = type<number>("Num");
const Text = type<string>("Text");
const give = node({ output: Num, run: () => 1 });
const plusOne = node({ input: { n: Num }, output: Num, run: ({ n }) => n + 1 });
const timesTen = node({ input: { n: Num }, output: Num, run: ({ n }) => n * 10 });
const steps = dag("steps", { nodes: { plusOne, timesTen }, edges: chain("plusOne", "timesTen") });

test("one dag in two places keeps separate records", async () => {
  const provenance = new DagProvenance(memoryStore());
  const calls = dag("calls", { nodes: { give, first: steps, second: steps }, edges: chain("give", "first", "second") });
  const { runId, outputs } = await new DagRunner(calls, { provenance }).run();
  expect(outputs).toEqual({ second: 210 });
  const { executions, edges } = await provenance.inspect(runId);
  expect(executions.map(({ path, parent, label }) => [path, parent, label])).toEqual([
    ["give", undefined, "give"],
    ["first", undefined, "first"],
    ["first/plusOne", "first", "plusOne"],
    ["first/timesTen", "first", "timesTen"],
    ["second", undefined, "second"],
    ["second/plusOne", "second", "plusOne"],
    ["second/timesTen", "second", "timesTen"],
  ]);
  expect(edges.map(({ from, to, input }) => [from, to, input])).toEqual([
    ["give", "first", "input"],
    ["give", "first/plusOne", "n"],
    ["first/plusOne", "first/timesTen", "n"],
    ["first", "second", "input"],
    ["first", "second/plusOne", "n"],
    ["second/plusOne", "second/timesTen", "n"],
  ]);
  expect(await provenance.loadOutput(runId, "first")).toBe(20);
  expect(await provenance.loadOutput(runId, "first/plusOne")).toBe(2);
  expect(await provenance.loadOutput(runId, "second/plusOne")).toBe(21);
});

test("a call has the output of its sink by reference: it is stored once, and never copied", async () => {
  const long = "text ".repeat(1_000);
  const provenance = new DagProvenance(memoryStore());
  const made: object[] = [];
  const Box = type<{ readonly text: string }>("Box");
  const box = node({ input: { n: Num }, output: Box, run: () => ({ text: long }) });
  const look = node({
    input: { box: Box },
    output: Num,
    run: (input) => {
      made.push(input.box);
      return 1;
    },
  });
  const nodes = { give, call: dag("boxes", { nodes: { box } }), left: look, right: look };
  const edges = [
    ["give", "call"],
    ["call", "left"],
    ["call", "right"],
  ] as const;
  const { runId } = await new DagRunner(dag("shares", { nodes, edges }), { provenance }).run();
  expect(made[0]).toBe(made[1]);
  const { executions } = await provenance.inspect(runId);
  const output = (path: string) => executions.find((one) => one.path === path)?.output;
  expect(output("call")).toEqual(output("call/box"));
});

test("calls nest, and context, path and label are those of the place", async () => {
  const seen: unknown[] = [];
  const look = node({
    input: { n: Num },
    output: Num,
    run: ({ n }, { dag: name, label, path, idempotencyKey, runId }) => {
      seen.push([name, label, path, idempotencyKey === `${runId}/${path}`]);
      return n;
    },
  });
  const inner = dag("inner", { nodes: { "a/b": look } });
  const outer = dag("outer", { nodes: { plusOne, inner }, edges: chain("plusOne", "inner") });
  await new DagRunner(dag("root", { nodes: { give, "x{y}": outer }, edges: chain("give", "x{y}") })).run();
  expect(seen).toEqual([["inner", "a/b", "x%7By%7D/inner/a%2Fb", true]]);
});

test("a source of a sub-dag may have further inputs that are optional, and they stay unfed", async () => {
  const greet = node({
    input: { n: Num, name: optional(Text) },
    output: Text,
    run: ({ n, name }) => `${n} ${name}`,
  });
  const calls = dag("calls", { nodes: { give, call: dag("greets", { nodes: { greet } }) }, edges: [["give", "call"]] });
  expect((await new DagRunner(calls).run()).outputs).toEqual({ call: "1 undefined" });
});

test("a whole list may go into a call, and a call into a list", async () => {
  const sum = node({ input: { ns: list(Num) }, output: Num, run: ({ ns }) => ns.reduce((a, b) => a + b, 0) });
  const numbers = node({ output: list(Num), run: () => [1, 2] });
  const nodes = { numbers, give, sums: dag("sums", { nodes: { sum } }), steps, sum };
  const edges = [
    ["numbers", "sums"],
    ["sums", "sum"],
    ["give", "steps"],
    ["steps", "sum"],
  ] as const;
  expect((await new DagRunner(dag("lists", { nodes, edges })).run()).outputs).toEqual({ sum: 23 });
});

test("independent nodes inside a call and outside overlap", async () => {
  const active: string[] = [];
  let release: () => void = () => {};
  const all = new Promise<void>((resolve) => {
    release = resolve;
  });
  const wait = node({
    input: { n: Num },
    output: Num,
    run: async ({ n }, { path }) => {
      active.push(path);
      if (active.length === 4) release();
      await all;
      return n;
    },
  });
  const sum = node({ input: { ns: list(Num) }, output: Num, run: ({ ns }) => ns.length });
  const two = dag("two", {
    nodes: { start: plusOne, left: wait, right: wait, sum },
    edges: [...chain("start", "left", "sum"), ...chain("start", "right", "sum")],
  });
  const nodes = { give, call: two, each: map(wait), numbers: node({ output: list(Num), run: () => [1, 2] }) };
  const edges = [
    ["give", "call"],
    ["numbers", "each"],
  ] as const;
  expect(await new DagRunner(dag("overlap", { nodes, edges })).run()).toMatchObject({ status: "completed" });
  expect(active.sort()).toEqual(["call/left", "call/right", "each[0]", "each[1]"]);
});
