import { chain, DagProvenance, DagRunner, dag, list, node, type } from "heddle";
import { memoryStore } from "heddle/adapters/memory";
import { expect, test } from "vitest";

const Text = type<string>("Text");
const Count = type<number>("Count");
const Sum = type<number>("Sum");

const read = node({ input: { text: Text }, output: Text, run: async ({ text }) => text.trim() });
const count = node({ input: { text: Text }, output: Count, run: ({ text }) => text.length });
const words = node({ input: { text: Text }, output: Count, run: ({ text }) => text.split(" ").length });
const sum = node({
  input: { counts: list(Count) },
  output: Sum,
  run: ({ counts }) => counts.reduce((a, b) => a + b, 0),
});

const texts = dag("texts", {
  nodes: { read, count, words, sum },
  edges: [...chain("read", "count", "sum"), ["read", "words"], ["words", "sum"]],
});

test("a run gives the outputs of its sinks, with and without a record", async () => {
  const plain = await new DagRunner(texts).run({ read: { text: " a bc " } });
  expect(plain).toMatchObject({ status: "completed", outputs: { sum: 6 }, stale: [] });
  const provenance = new DagProvenance(memoryStore());
  const run = new DagRunner(texts, { provenance }).run({ read: { text: " a bc " } });
  expect(await run).toMatchObject({ status: "completed", outputs: { sum: 6 }, runId: run.runId });
  expect((await provenance.getRun(run.runId))?.status).toBe("completed");
});
