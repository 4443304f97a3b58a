// budget: a run pauses by itself after so many attempts or so much time, and a restart goes on.

import { chain, DagProvenance, DagRunner, dag, node, type } from "heddle";
import { memoryStore } from "heddle/adapters/memory";
import { expect, test } from "vitest";
import { gate, ManualClock } from "../support/manual-clock.js";
import { until } from "../support/until.js";

const Num = type<number>("Num");

function line() {
  const calls: string[] = [];
  const give = node({ output: Num, run: (_, { label }) => calls.push(label) });
  const pass = node({ input: { n: Num }, output: Num, run: (_, { label }) => calls.push(label) });
  const nodes = { a: give, b: pass, c: pass };
  const provenance = new DagProvenance(memoryStore());
  return { calls, runner: new DagRunner(dag("line", { nodes, edges: chain("a", "b", "c") }), { provenance }) };
}

test("a budget of operations pauses the run after so many attempts, and each restart has its own", async () => {
  const { calls, runner } = line();
  const first = await runner.run({}, { budget: { operations: 1 } });
  expect(first).toMatchObject({ status: "paused", pauses: [], reason: expect.stringContaining("budget") });
  expect(calls).toEqual(["a"]);
  expect(await runner.restart(first.runId, { budget: { operations: 1 } })).toMatchObject({ status: "paused" });
  expect(calls).toEqual(["a", "b"]);
  expect(await runner.restart(first.runId)).toMatchObject({ status: "completed", outputs: { c: 3 } });
  expect(calls).toEqual(["a", "b", "c"]);
});

test("a budget that is just enough completes the run", async () => {
  expect(await line().runner.run({}, { budget: { operations: 3 } })).toMatchObject({ status: "completed" });
});

test("a budget of nothing starts nothing", async () => {
  const { calls, runner } = line();
  expect(await runner.run({}, { budget: { operations: 0 } })).toMatchObject({ status: "paused" });
  expect(calls).toEqual([]);
});

test("further attempts of a node count as operations", async () => {
  let calls = 0;
  const flaky = node({
    retry: { attempts: 5 },
    run: () => {
      if (++calls < 4) throw new Error("not yet");
    },
  });
  const runner = new DagRunner(dag("flaky", { nodes: { flaky } }), { provenance: new DagProvenance(memoryStore()) });
  const { runId, status } = await runner.run({}, { budget: { operations: 2 } });
  expect([status, calls]).toEqual(["paused", 2]);
  expect(await runner.restart(runId)).toMatchObject({ status: "completed" });
  expect(calls).toBe(4);
});

test("a budget of time lets running nodes finish, then pauses; a restart goes on", async () => {
  const clock = new ManualClock();
  const open = gate();
  let isRunning = false;
  const nodes = {
    slow: node({
      output: Num,
      run: async () => {
        isRunning = true;
        await open.promise;
        return 1;
      },
    }),
    after: node({ input: { n: Num }, output: Num, run: ({ n }) => n + 1 }),
  };
  const provenance = new DagProvenance(memoryStore());
  const runner = new DagRunner(dag("slow", { nodes, edges: [["slow", "after"]] }), { provenance, clock });
  const run = runner.run({}, { budget: { timeMs: 1_000 } });
  await until(() => isRunning);
  await clock.advance(1_000);
  open.resolve();
  expect(await run).toMatchObject({ status: "paused", reason: expect.stringContaining("budget") });
  expect(await provenance.loadOutput(run.runId, "slow")).toBe(1);
  expect(clock.waiting).toBe(0);
  const budget = { timeMs: 1_000 };
  expect(await runner.restart(run.runId, { budget })).toMatchObject({ status: "completed", outputs: { after: 2 } });
  expect(clock.waiting).toBe(0);
});

test("a run within its budget of time is not paused", async () => {
  const clock = new ManualClock();
  const open = gate();
  let isRunning = false;
  const slow = node({
    run: () => {
      isRunning = true;
      return open.promise;
    },
  });
  const last = node({ run: () => {} });
  const runner = new DagRunner(dag("slow", { nodes: { slow, last }, edges: [["slow", "last"]] }), { clock });
  const run = runner.run({}, { budget: { timeMs: 1_000 } });
  await until(() => isRunning);
  await clock.advance(999);
  open.resolve();
  expect(await run).toMatchObject({ status: "completed" });
});

test.each([
  [{ operations: -1 }, "budget.operations"],
  [{ operations: "1" }, "budget.operations"],
  [{ timeMs: -1 }, "budget.timeMs"],
  [{ timeMs: Number.NaN }, "budget.timeMs"],
])("the budget %j is refused by name", async (budget, name) => {
  const { calls, runner } = line();
  await expect(runner.run({}, { budget: budget as never })).rejects.toMatchObject({
    code: "INVALID_OPTION",
    message: expect.stringContaining(name),
  });
  expect(calls).toEqual([]);
});
