// What the compiler accepts and refuses of composites, in the words that a user reads.

import { expect, test } from "vitest";
import { compile } from "../support/compile.js";

const NODES = `
import { branch, chain, type Context, DagRunner, dag, flatMap, keyed, list, map, mapOf, node, record, type } from "heddle";
const Num = type<number>("Num");
const Text = type<string>("Text");
const give = node({ output: list(Num), run: () => [1] });
const texts = node({ output: list(Text), run: () => [""] });
const word = node({ output: Text, run: () => "" });
const print = node({ input: { n: Num }, output: Text, run: ({ n }) => String(n) });
const join = node({ input: { n: Num, text: Text }, output: Text, run: ({ text }) => text });
const needs = node({ input: { n: Num }, output: Text, run: (_, ctx: Context<{ name: string }>) => ctx.name });
const pair = node({ output: keyed({ a: Num, b: Num }), run: () => ["a", 1] as const });
const two = dag("two", { nodes: { print, again: print } });
const total = node({ input: { ns: list(Num) }, output: Num, run: ({ ns }) => ns.length });
`;
const errorsOf = (program: string) => compile(`${NODES}\n${program}`).errors.join("\n");
const after = (give: string, each: string, more = "") =>
  errorsOf(`export const d = dag("d", { nodes: { ${give}, each: ${each} ${more} }, edges: [["${give}", "each"]] });`);

test.each([
  ["a map over a list", "map(print)", ""],
  ["a map of a dag", `map(dag("sub", { nodes: { print } }))`, ""],
  ["a map of a node that needs a context", "map(needs)", ""],
  ["a map of a dag that needs a context", `map(dag("sub", { nodes: { needs } }))`, ""],
  ["a map of a branch that needs a context", `map(branch((_: number): "a" => "a", { a: needs }))`, ""],
  ["a side input", `map(join, { with: { text: "word" } })`, ", word"],
])("%s compiles", (_, each, more) => {
  expect(after("give", each, more)).toBe("");
});

test("a branch whose function does not look at the value compiles", () => {
  expect(errorsOf(`export const b = branch(() => "a" as const, { a: print });`)).toBe("");
});

test.each([
  ["a wrong element", "texts", "map(print)", `The output of \\"texts\\" fits no input of \\"each\\"`],
  ["no collection", "word", "map(print)", `The output of \\"word\\" fits no input of \\"each\\"`],
  ["two required inputs", "give", "map(join)", "exactly one required input"],
  ["two sources", "give", "map(two)", "A sub-dag must have exactly one source"],
  ["a side input that the sub has not", "give", `map(print, { with: { text: "give" } })`, "no input of this name"],
  ["a side input from nowhere", "give", `map(join, { with: { text: "nope" } })`, `There is no node \\"nope\\"`],
  ["a side input of another type", "give", `map(join, { with: { text: "give" } })`, "does not fit side input"],
  ["a case too few", "pair", "branch({ a: print })", `The output of \\"pair\\" fits no input of \\"each\\"`],
])("the compiler refuses %s and says so", (_, up, each, message) => {
  expect(after(up, each)).toContain(message);
});

test("the compiler refuses a branch that has no case for a key of its function", () => {
  const missing = `export const b = branch((n: number): "a" | "b" => (n > 0 ? "a" : "b"), { a: print });`;
  expect(errorsOf(missing)).toMatch(/Property 'b' is missing/);
});

test("the compiler refuses a flatMap whose sub returns no list", () => {
  expect(errorsOf(`export const f = flatMap(print);`)).toContain("The sub of a flatMap must return a list");
});

test.each(["map(needs)", "map(map(needs))", `map(dag("sub", { nodes: { needs } }))`])(
  "the context that %s needs is required of the runner",
  (each) => {
    const made = `const d = dag("d", { nodes: { each: ${each} } });`;
    expect(errorsOf(`${made} export const r = () => new DagRunner(d);`)).toContain("Expected 2 arguments");
    expect(errorsOf(`${made} export const r = () => new DagRunner(d, { context: { name: "x" } });`)).toBe("");
  },
);
