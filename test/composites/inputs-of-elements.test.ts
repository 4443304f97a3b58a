// What an element of a map consumed, where its upstream is itself a composite.

import { branch, DagProvenance, DagRunner, dag, flatMap, list, map, mapOf, node, settled, type } from "heddle";
import { memoryStore } from "heddle/adapters/memory";
import { expect, test } from "vitest";

const Count = type<number>("Count");
const Key = type<string>("Key");
const Some = type<unknown>("Some");
const split = node({ output: list(Count), run: () => [1, 2] });

function recorded() {
  return new DagProvenance(memoryStore());
}

test("after a flatMap: an element of the joined list", async () => {
  const twice = node({ input: { x: Count }, output: list(Count), run: ({ x }) => [x, x * 10] });
  const same = node({ input: { x: Count }, output: Count, run: ({ x }) => x });
  const [all, each] = [flatMap(twice), map(same)];
  const nodes = { split, all, each };
  const outer = dag("outer", {
    nodes,
    edges: [
      ["split", "all"],
      ["all", "each"],
    ],
  });
  const provenance = recorded();
  const { runId } = await new DagRunner(outer, { provenance }).run();
  const inputs = await Promise.all([0, 1, 2, 3].map((i) => provenance.loadInputs(runId, `each[${i}]`)));
  expect(inputs).toEqual([{ x: 1 }, { x: 10 }, { x: 2 }, { x: 20 }]);
});

test("after a map that collects: the settled result", async () => {
  const one = node({ input: { x: Count }, output: Count, run: ({ x }) => x });
  const collecting = map(one, { onError: "collect" });
  const seen = node({ input: { one: settled(Count) }, output: Some, run: ({ one }) => one });
  const each = map(seen);
  const nodes = { split, collecting, each };
  const outer = dag("outer", {
    nodes,
    edges: [
      ["split", "collecting"],
      ["collecting", "each"],
    ],
  });
  const provenance = recorded();
  const { runId } = await new DagRunner(outer, { provenance }).run();
  expect(await provenance.loadInputs(runId, "each[0]")).toEqual({ one: { status: "completed", value: 1 } });
});

test("after a branch that gives a Map with a key like its case", async () => {
  const start = node({ output: Count, run: () => 1 });
  const table = node({ input: { x: Count }, output: mapOf(Key, Count), run: ({ x }) => new Map([["a", x]]) });
  const route = branch((_: number) => "a" as const, { a: table });
  const same = node({ input: { x: Count }, output: Count, run: ({ x }) => x });
  const each = map(same);
  const nodes = { start, route, each };
  const outer = dag("outer", {
    nodes,
    edges: [
      ["start", "route"],
      ["route", "each"],
    ],
  });
  const provenance = recorded();
  const { runId } = await new DagRunner(outer, { provenance }).run();
  expect(await provenance.loadInputs(runId, "each{a}")).toEqual({ x: 1 });
});

test("in map(map(node)), after a node: the inner element", async () => {
  const grid = node({ output: list(list(Count)), run: () => [[1, 2], [3]] });
  const same = node({ input: { x: Count }, output: Count, run: ({ x }) => x });
  const each = map(map(same));
  const outer = dag("outer", { nodes: { grid, each }, edges: [["grid", "each"]] });
  const provenance = recorded();
  const { runId } = await new DagRunner(outer, { provenance }).run();
  expect(await provenance.loadInputs(runId, "each[1]")).toEqual({ input: [3] });
  expect(await provenance.loadInputs(runId, "each[1][0]")).toEqual({ x: 3 });
});
