// What a replay took over and its map has no place for any more plays no part in later replays.

import { DagProvenance, DagRunner, dag, list, map, node, type } from "heddle";
import { memoryStore } from "heddle/adapters/memory";
import { expect, test } from "vitest";

const Count = type<number>("Count");

function scene() {
  const world = { values: [1, 2] };
  const split = node({ output: list(Count), run: () => world.values });
  const first = node({ input: { x: Count }, output: Count, run: ({ x }) => x });
  const second = node({ input: { x: Count }, output: Count, run: ({ x }) => x });
  const inner = dag("inner", { nodes: { first, second }, edges: [["first", "second"]] });
  const each = map(inner);
  const outer = dag("outer", { nodes: { split, each }, edges: [["split", "each"]] });
  return { world, runner: new DagRunner(outer, { provenance: new DagProvenance(memoryStore()) }) };
}

test("what a map has no place for any more is not planned", async () => {
  const { world, runner } = scene();
  const first = await runner.run();
  world.values = [1];
  const second = await runner.replay(first.runId, { rerun: ["split", "each[1]/first"] });
  expect(second.outputs).toEqual({ each: [1] });
  const { steps } = await runner.planReplay(second.runId, { rerun: [] });
  expect(steps.filter(({ action }) => action === "rerun")).toEqual([]);
});

test("a pinned map keeps its output whatever became of elements that it had before", async () => {
  const { world, runner } = scene();
  const first = await runner.run();
  world.values = [1];
  const second = await runner.replay(first.runId, { rerun: ["split", "each[1]/first"] });
  world.values = [7, 8, 9];
  const third = await runner.replay(second.runId, { rerun: ["split"] });
  expect(third.outputs).toEqual({ each: [1] });
});

test("nor is an element of a list that has become a Map", async () => {
  const { world, runner } = scene();
  const first = await runner.run();
  world.values = new Map([["a", 5]]) as unknown as number[];
  const second = await runner.replay(first.runId, { rerun: ["split", "each[0]/first"] });
  expect(second.outputs).toEqual({ each: new Map([["a", 5]]) });
  const { steps } = await runner.planReplay(second.runId, { rerun: [] });
  expect(steps.filter(({ action }) => action === "rerun")).toEqual([]);
});
