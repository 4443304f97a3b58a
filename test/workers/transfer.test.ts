// What is declared with `transfer` is moved, and never what somebody still needs.

import { type AnyDag, chain, DagProvenance, DagRunner, dag } from "heddle";
import { memoryStore } from "heddle/adapters/memory";
import { nodeWorkers, type WorkerExecutor } from "heddle/adapters/node-workers";
import { afterAll, beforeAll, expect, test } from "vitest";
import { bundle } from "../processes/bundle.js";
import { moving, movingNodes, passing } from "./dags.js";

let executor: WorkerExecutor;

beforeAll(async () => {
  executor = nodeWorkers(await bundle("../workers/serving.ts"), { size: 1 });
});
afterAll(() => executor.close());

async function run(one: AnyDag) {
  const provenance = new DagProvenance(memoryStore());
  const result = await new DagRunner(one, { executor, provenance }).run({});
  if (result.status !== "completed") throw new Error(JSON.stringify(result));
  return { provenance, runId: result.runId, outputs: result.outputs as Record<string, unknown> };
}

test.each(["sync", "async", "exit"] as const)(
  "the last consumer gets the bytes, and so does the record (%s)",
  async (durability) => {
    const provenance = new DagProvenance(memoryStore(), { durability });
    const { kept } = movingNodes;
    kept.length = 0;
    const result = await new DagRunner(moving, { executor, provenance }).run({});
    expect(result).toMatchObject({ status: "completed", outputs: { last: 6 } });
    // What was handed over to the worker is gone here.
    expect(kept.map(({ byteLength }) => byteLength)).toEqual([0]);
    expect(await provenance.loadOutput(result.runId, "make")).toEqual(Uint8Array.of(1, 2, 3));
    const again = await new DagRunner(moving, { executor, provenance }).replay(result.runId, { rerun: ["last"] });
    expect(again).toMatchObject({ status: "completed", outputs: { last: 6 } });
  },
);

test("what another node still takes, may try again, or is a sink, is copied", async () => {
  const { make, last, lastWithRetry } = movingNodes;
  const two = dag("moving", {
    nodes: { make, last, other: last },
    edges: [
      ["make", "last"],
      ["make", "other"],
    ],
  });
  const retried = dag("moving", { nodes: { make, last: lastWithRetry }, edges: chain("make", "last") });
  for (const one of [two, retried]) {
    movingNodes.kept.length = 0;
    const { outputs } = await run(one);
    expect(outputs.last).toBe(6);
    expect(movingNodes.kept.map(({ byteLength }) => byteLength)).toEqual([3]);
  }
  const sink = await run(dag("moving", { nodes: { make } }));
  expect(sink.outputs.make).toEqual(Uint8Array.of(1, 2, 3));
});

test("what comes out of a worker is moved, and goes on into one", async () => {
  const { outputs, provenance, runId } = await run(passing);
  expect(outputs).toEqual({ last: 1 << 20 });
  expect(await provenance.loadOutput(runId, "make")).toHaveLength(1 << 20);
});
