// overrides: a runner puts another node of the same types in a place, without touching the dag.

import { chain, DagProvenance, DagRunner, dag, list, node, optional, type } from "heddle";
import { memoryStore } from "heddle/adapters/memory";
import { expect, test } from "vitest";

const Num = type<number>("Num");
const Text = type<string>("Text");

const download = node({ input: { url: Text }, output: Text, run: ({ url }) => `from ${url}` });
const size = node({ input: { text: Text }, output: Num, run: ({ text }) => text.length });
const sizes = dag("sizes", { nodes: { download, size }, edges: chain("download", "size") });
const cached = node({ input: { url: Text }, output: Text, run: ({ url }) => `from ${url}` });
const inputs = { download: { url: "a" } };

test("an override runs in the place of its node, and the record says so", async () => {
  const provenance = new DagProvenance(memoryStore());
  const mock = node({ input: { url: Text }, output: Text, run: () => "mock" });
  const result = await new DagRunner(sizes, { provenance, overrides: { download: mock } }).run(inputs);
  expect(result).toMatchObject({ status: "completed", outputs: { size: 4 } });
  expect((await provenance.inspect(result.runId)).executions).toMatchObject([
    { path: "download", attempts: [{ overridden: true }] },
    { path: "size", attempts: [{ overridden: false }] },
  ]);
  expect(await new DagRunner(sizes).run(inputs)).toMatchObject({ outputs: { size: 6 } });
});

test("an override that does the same gives the same outputs, and its runs continue those of the dag", async () => {
  const provenance = new DagProvenance(memoryStore());
  const plain = new DagRunner(sizes, { provenance });
  const wrapped = new DagRunner(sizes, { provenance, overrides: { download: cached } });
  const result = await wrapped.run(inputs);
  expect(result.outputs).toEqual((await plain.run(inputs)).outputs);
  const { runId } = await plain.run(inputs, { budget: { operations: 1 } });
  expect(await wrapped.restart(runId)).toMatchObject({ status: "completed", outputs: { size: 6 } });
});

test.each([
  ["another output", node({ input: { url: Text }, output: Num, run: () => 1 }), "the output"],
  ["no output", node({ input: { url: Text }, run: () => {} }), "the output"],
  ["another input", node({ input: { url: Num }, output: Text, run: () => "" }), 'input "url"'],
  ["a further input", node({ input: { url: Text, more: Text }, output: Text, run: () => "" }), 'input "more"'],
  ["a missing input", node({ output: Text, run: () => "" }), 'input "url"'],
  ["an optional input", node({ input: { url: optional(Text) }, output: Text, run: () => "" }), 'input "url"'],
])("an override with %s is refused, naming label and difference", (_, override, difference) => {
  const make = () => new DagRunner(sizes, { overrides: { download: override } as never });
  expect(make).toThrow(expect.objectContaining({ code: "INVALID_OPTION" }));
  expect(make).toThrow(/"download"/);
  expect(make).toThrow(difference);
});

test("lists and optionals of the same type are the same type", async () => {
  const join = (separator: string) =>
    node({ input: { texts: optional(list(Text)) }, output: Text, run: ({ texts = [] }) => texts.join(separator) });
  const text = node({ output: Text, run: () => "a" });
  const edges = [
    ["one", "join"],
    ["two", "join"],
  ] as const;
  const joins = dag("joins", { nodes: { one: text, two: text, join: join("") }, edges });
  const result = await new DagRunner(joins, { overrides: { join: join("-") } }).run();
  expect(result).toMatchObject({ outputs: { join: "a-a" } });
});

test("an override of an unknown label is refused, with the labels there are", () => {
  const make = () => new DagRunner(sizes, { overrides: { typo: cached } as never });
  expect(make).toThrow(expect.objectContaining({ code: "INVALID_OPTION" }));
  expect(make).toThrow(/"typo".*"download", "size"/);
});

test("the compiler knows labels and types of overrides", () => {
  // @ts-expect-error There is no such label.
  expect(() => new DagRunner(sizes, { overrides: { typo: cached } })).toThrow();
  // @ts-expect-error This node returns another type.
  expect(() => new DagRunner(sizes, { overrides: { download: size } })).toThrow();
});
