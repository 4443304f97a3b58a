// What is declared with `transfer` is moved, and never what somebody still needs.

import { type AnyDag, chain, DagProvenance, DagRunner, dag, node } from "heddle";
import { memoryStore } from "heddle/adapters/memory";
import { nodeWorkers, type WorkerExecutor } from "heddle/adapters/node-workers";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { bundle } from "../processes/bundle.js";
import {
  failing,
  inPieces,
  inPiecesTwice,
  keptPieces,
  moving,
  movingNodes,
  passing,
  sharedTable,
  streaming,
} from "./dags.js";

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

test("after a restart the tries begin again, and what the next one needs is copied", async () => {
  const provenance = new DagProvenance(memoryStore());
  const runner = new DagRunner(failing, { executor, provenance });
  const failed = { status: "failed", error: { message: expect.stringContaining("fails with 3") } };
  const first = await runner.run();
  expect(first).toMatchObject(failed);
  expect(await runner.restart(first.runId)).toMatchObject(failed);
  const { executions } = await provenance.inspect(first.runId);
  expect(executions.find(({ path }) => path === "last")?.attempts).toHaveLength(4);
});

test("what all elements of a map take is moved to none of them", async () => {
  const { outputs } = await run(sharedTable);
  expect(outputs).toEqual({ all: [101, 102, 103, 104] });
});

test("a stream is moved although something beside it cannot be cloned", async () => {
  const result = await new DagRunner(streaming, { executor }).run();
  expect(result).toMatchObject({ status: "completed", outputs: { read: "chunk" } });
});

test("what was moved away before is refused", async () => {
  const { make, last } = movingNodes;
  const gone = node({
    output: make.output,
    inline: true,
    transfer: true,
    run: () => {
      const bytes = Uint8Array.of(1);
      structuredClone(bytes.buffer, { transfer: [bytes.buffer] });
      return bytes;
    },
  });
  const result = await new DagRunner(dag("moving", { nodes: { make: gone, last }, edges: chain("make", "last") }), {
    executor,
  }).run();
  expect(result).toMatchObject({ status: "failed", failedNode: "last", error: { code: "NOT_CLONEABLE" } });
});

describe("elements of a map", () => {
  const sizes = () => keptPieces.map(({ byteLength }) => byteLength);
  const each = async (one: AnyDag, how: string) => {
    const provenance = new DagProvenance(memoryStore());
    const runner = new DagRunner(one as typeof inPieces, { executor, provenance });
    const result = await runner.run({ pieces: { how } });
    return { provenance, runner, result, outputs: (result as { outputs: Record<string, unknown> }).outputs };
  };

  test("are moved, and are on record", async () => {
    const { provenance, runner, result, outputs } = await each(inPieces, "apart");
    expect(outputs).toEqual({ each: [4, 8, 12] });
    expect(sizes()).toEqual([0, 0, 0]);
    expect(await provenance.loadOutput(result.runId, "pieces")).toHaveLength(3);
    const again = await runner.replay(result.runId, { rerun: ["each[1]"] });
    expect(again).toMatchObject({ status: "completed", outputs: { each: [4, 8, 12] } });
  });

  test("are copied if two hold the same bytes, or somebody else takes them too", async () => {
    expect((await each(inPieces, "one twice")).outputs).toEqual({ each: [4, 8, 12, 4] });
    expect(sizes()).toEqual([4, 4, 4, 4]);
    const { outputs } = await each(inPiecesTwice, "apart");
    expect(outputs).toEqual({ each: [4, 8, 12], again: [4, 8, 12] });
  });
});
