// timeout: asynchronous attempts end with TIMEOUT and an aborted signal; synchronous ones complete, and it is recorded.

import { DagProvenance, DagRunner, dag, node, type } from "heddle";
import { memoryStore } from "heddle/adapters/memory";
import { expect, test } from "vitest";
import { gate, ManualClock, settled } from "../support/manual-clock.js";
import { until } from "../support/until.js";

const Num = type<number>("Num");

/** A node that returns what the gate of its attempt gives, and sees its signals. */
function slowNode(attempts: number) {
  const gates = Array.from({ length: attempts }, () => gate<number>());
  const signals: AbortSignal[] = [];
  const slow = node({
    output: Num,
    timeoutMs: 100,
    retry: { attempts },
    run: (_, { attempt, signal }) => {
      signals.push(signal);
      return gates[attempt - 1]?.promise ?? Promise.reject(new Error("unexpected attempt"));
    },
  });
  const clock = new ManualClock();
  const provenance = new DagProvenance(memoryStore());
  const runner = new DagRunner(dag("slow", { nodes: { slow } }), { provenance, clock });
  return { gates, signals, clock, provenance, runner };
}

test("an attempt that takes too long fails with TIMEOUT, and its signal is aborted", async () => {
  const { gates, signals, clock, provenance, runner } = slowNode(1);
  const run = runner.run();
  await until(() => signals.length === 1);
  await clock.advance(99);
  expect(signals[0]?.aborted).toBe(false);
  await clock.advance(1);
  expect(await run).toMatchObject({
    status: "failed",
    error: { code: "TIMEOUT", message: expect.stringMatching(/"slow".*100/) },
  });
  expect(signals[0]?.reason).toMatchObject({ code: "TIMEOUT" });
  const before = await provenance.inspect(run.runId);
  expect(before.executions[0]?.attempts).toMatchObject([{ status: "failed", error: { code: "TIMEOUT" } }]);
  gates[0]?.resolve(1);
  await settled();
  expect(await provenance.inspect(run.runId)).toEqual(before);
});

test("a timeout is tried again like any failure, and the late result of the first attempt is ignored", async () => {
  const { gates, signals, clock, provenance, runner } = slowNode(2);
  const run = runner.run();
  await until(() => signals.length === 1);
  await clock.advance(100);
  expect(signals.map(({ aborted }) => aborted)).toEqual([true, false]);
  gates[0]?.resolve(1);
  await settled();
  gates[1]?.resolve(2);
  expect(await run).toMatchObject({ status: "completed", outputs: { slow: 2 } });
  expect((await provenance.inspect(run.runId)).executions[0]?.attempts).toMatchObject([
    { attempt: 1, status: "failed", error: { code: "TIMEOUT" } },
    { attempt: 2, status: "completed", reason: "retry" },
  ]);
});

test("an attempt in time is left alone and leaves no timer behind", async () => {
  const { gates, signals, clock, runner } = slowNode(1);
  const run = runner.run();
  await until(() => signals.length === 1);
  await clock.advance(99);
  gates[0]?.resolve(1);
  expect(await run).toMatchObject({ status: "completed" });
  expect(clock.waiting).toBe(0);
  await clock.advance(100);
  expect(signals[0]?.aborted).toBe(false);
});

test("what a timed-out attempt still logs or asks is ignored, also while the run goes on", async () => {
  const late = gate();
  const other = gate();
  let isRunning = false;
  const slow = node({
    timeoutMs: 100,
    run: async (_, { log, pause }) => {
      isRunning = true;
      await late.promise;
      log("too late");
      pause("too late");
    },
  });
  const clock = new ManualClock();
  const provenance = new DagProvenance(memoryStore());
  const waits = node({ run: () => other.promise });
  const run = new DagRunner(dag("late", { nodes: { slow, waits } }), { provenance, clock }).run();
  await until(() => isRunning);
  await clock.advance(100);
  late.resolve();
  await settled();
  other.resolve();
  expect(await run).toMatchObject({ status: "failed", error: { code: "TIMEOUT" } });
  const { run: record, executions } = await provenance.inspect(run.runId);
  expect(record.pauses).toEqual([]);
  expect(executions.find(({ path }) => path === "slow")?.attempts).toMatchObject([{ status: "failed", logs: [] }]);
});

test("a synchronous attempt that overruns completes, and by how much is recorded", async () => {
  let now = 0;
  const clock = { now: () => now, after: () => () => {} };
  const busy = node({
    output: Num,
    timeoutMs: 100,
    run: () => {
      now += 130;
      return 1;
    },
  });
  const quick = node({
    timeoutMs: 100,
    run: () => {
      now += 100;
    },
  });
  const provenance = new DagProvenance(memoryStore());
  const result = await new DagRunner(dag("busy", { nodes: { busy, quick } }), { provenance, clock }).run();
  expect(result).toMatchObject({ status: "completed", outputs: { busy: 1 } });
  const [first, second] = (await provenance.inspect(result.runId)).executions;
  expect(first?.attempts).toMatchObject([{ status: "completed", overrunMs: 30, durationMs: 130 }]);
  expect(second?.attempts[0]).not.toHaveProperty("overrunMs");
});
