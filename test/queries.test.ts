// What can be asked of a record.

import { DagProvenance, DagRunner, dag, list, node, optional, type } from "heddle";
import { memoryStore } from "heddle/adapters/memory";
import { expect, test } from "vitest";
import { gate, ManualClock } from "./support/manual-clock.js";
import { until } from "./support/until.js";

const Row = type<{ readonly at: Date }>("Row");
const Count = type<number>("Count");

const read = node({ input: { at: type<Date>("At") }, output: Row, run: ({ at }) => ({ at }) });
const count = node({ input: { row: Row, limit: optional(Count) }, output: Count, run: () => 1 });
const check = node({ run: () => {} });
const sum = node({ input: { counts: list(Count) }, output: Count, run: ({ counts }) => counts.length });
const counting = dag("counting", {
  nodes: { read, count, again: count, check, sum },
  edges: [
    ["read", "count"],
    ["read", "again"],
    ["count", "sum"],
    ["again", "sum"],
    ["check", "sum"],
  ],
});

async function counted() {
  const provenance = new DagProvenance(memoryStore());
  const { runId } = await new DagRunner(counting, { provenance }).run({ read: { at: new Date(5) } });
  return { provenance, runId };
}

test("inspect tells the place of every node in the dag, in its order, and no payload", async () => {
  const { provenance, runId } = await counted();
  const { run, executions } = await provenance.inspect(runId);
  expect(run).toMatchObject({ runId, dag: "counting", status: "completed", epoch: 1, pauses: [], durability: "async" });
  expect(
    executions.map(({ path, source, internal, sink, composite }) => [path, source, internal, sink, composite]),
  ).toEqual([
    ["check", true, false, false, false],
    ["read", true, false, false, false],
    ["again", false, true, false, false],
    ["count", false, true, false, false],
    ["sum", false, false, true, false],
  ]);
  expect(executions[2]).toMatchObject({
    status: "completed",
    reason: "first run",
    attempts: [
      { attempt: 1, executor: "inline", epoch: 1, overridden: false, durationMs: expect.any(Number), logs: [] },
    ],
    output: { ref: "=[1]", bytes: 3, origin: { runId, attempt: 1 } },
  });
});

test("edges tell which value went into which input; order alone has no value", async () => {
  const { provenance, runId } = await counted();
  const { edges } = await provenance.inspect(runId);
  const row = '=[{"at":1},["Date","1970-01-01T00:00:00.005Z"]]';
  expect(edges).toHaveLength(5);
  expect(edges).toEqual(
    expect.arrayContaining([
      { from: "read", to: "count", input: "row", value: row, attempt: 1 },
      { from: "read", to: "again", input: "row", value: row, attempt: 1 },
      { from: "count", to: "sum", input: "counts", value: "=[1]", attempt: 1 },
      { from: "again", to: "sum", input: "counts", value: "=[1]", attempt: 1 },
      { from: "check", to: "sum" },
    ]),
  );
});

test("inputs and outputs are read on demand, as they were", async () => {
  const { provenance, runId } = await counted();
  expect(await provenance.loadOutput(runId, "read")).toEqual({ at: new Date(5) });
  expect(await provenance.loadInputs(runId, "read")).toEqual({ at: new Date(5) });
  expect(await provenance.loadInputs(runId, "count")).toEqual({ row: { at: new Date(5) } });
  expect(await provenance.loadInputs(runId, "sum", 1)).toEqual({ counts: [1, 1] });
  await expect(provenance.loadInputs(runId, "sum", 2)).rejects.toMatchObject({ code: "UNKNOWN_PATH" });
  await expect(provenance.loadOutput(runId, "nope")).rejects.toMatchObject({ code: "UNKNOWN_PATH" });
  await expect(provenance.inspect("nope")).rejects.toMatchObject({ code: "RUN_NOT_FOUND" });
  expect(await provenance.getRun("nope")).toBeUndefined();
});

test("since a time, inspect shows only what changed, while the run goes on too", async () => {
  const clock = new ManualClock();
  const store = memoryStore();
  const provenance = new DagProvenance(store, { durability: "sync" });
  const hold = gate();
  let began = false;
  const first = node({ output: Count, run: () => 1 });
  const second = node({
    input: { n: Count },
    effect: true,
    run: () => {
      began = true;
      return hold.promise;
    },
  });
  const slow = dag("slow", { nodes: { first, second }, edges: [["first", "second"]] });
  const delayed = node({ output: Count, run: async () => 1, retry: { attempts: 2, delayMs: 1_000 } });
  const failing = {
    ...delayed,
    run: (_: unknown, ctx: { attempt: number }) => (ctx.attempt === 1 ? Promise.reject(new Error("once")) : 1),
  };
  const runner = new DagRunner(slow, { provenance, clock, overrides: { first: failing } });
  const run = runner.run({}, { runId: "r" });
  await until(() => clock.waiting > 2);
  const begun = clock.now();
  await clock.advance(1_000);
  await until(() => began);
  const { run: record, executions, edges } = await provenance.inspect("r", { since: begun + 1 });
  expect(record.status).toBe("running");
  expect(executions.map(({ path, status }) => `${path} ${status}`)).toEqual(["first completed", "second running"]);
  expect(edges).toEqual([{ from: "first", to: "second", input: "n", value: "=[1]", attempt: 1 }]);
  expect((await provenance.inspect("r", { since: clock.now() + 1 })).executions).toEqual([]);
  hold.resolve();
  expect((await run).status).toBe("completed");
});

test("the shape and the code of a run have hashes: the shape's ignores functions, the code's does not", async () => {
  const record = async (run: () => number, label = "n") => {
    const provenance = new DagProvenance(memoryStore());
    const { runId } = await new DagRunner(dag("d", { nodes: { [label]: node({ output: Count, run }) } }), {
      provenance,
    }).run();
    return provenance.getRun(runId);
  };
  const one = await record(() => 1);
  const two = await record(() => 2);
  const other = await record(() => 1, "m");
  expect(one?.fingerprint).toBe(two?.fingerprint);
  expect(one?.code).not.toBe(two?.code);
  expect(one?.fingerprint).not.toBe(other?.fingerprint);
});
