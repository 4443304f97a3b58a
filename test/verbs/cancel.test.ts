// cancel: running nodes are told to stop and awaited, nothing new starts, and the run can be restarted.

import { chain, DagProvenance, DagRunner, dag, node, type } from "heddle";
import { memoryStore } from "heddle/adapters/memory";
import { expect, test, vi } from "vitest";
import { gate, ManualClock, settled } from "../support/manual-clock.js";
import { until } from "../support/until.js";

const Num = type<number>("Num");

/** A line first → last, whose first node waits to be released or aborted. */
function line() {
  const open = gate<number>();
  const calls: string[] = [];
  const reasons: unknown[] = [];
  const nodes = {
    first: node({
      output: Num,
      run: (_, { signal }) => {
        calls.push("first");
        signal.addEventListener("abort", () => {
          reasons.push(signal.reason);
          open.reject(signal.reason);
        });
        return open.promise;
      },
    }),
    last: node({
      input: { n: Num },
      output: Num,
      run: ({ n }) => {
        calls.push("last");
        return n + 1;
      },
    }),
  };
  const provenance = new DagProvenance(memoryStore());
  const runner = new DagRunner(dag("line", { nodes, edges: chain("first", "last") }), { provenance });
  return { open, calls, reasons, provenance, runner };
}

test("cancel reaches ctx.signal, and the aborted node is recorded as such", async () => {
  const { calls, reasons, provenance, runner } = line();
  const run = runner.run();
  await until(() => calls.length === 1);
  run.cancel("enough");
  expect(await run).toMatchObject({ status: "cancelled", reason: "enough", outputs: {} });
  expect(reasons).toMatchObject([{ code: "CANCELLED", message: "enough" }]);
  expect(calls).toEqual(["first"]);
  const { run: record, executions } = await provenance.inspect(run.runId);
  expect(record).toMatchObject({ status: "cancelled", reason: "enough" });
  expect(executions).toMatchObject([
    { path: "first", status: "aborted" },
    { path: "last", status: "pending" },
  ]);
});

test("a node that does not listen is awaited, its output is recorded, and nothing new starts", async () => {
  const open = gate<number>();
  const calls: string[] = [];
  const nodes = {
    deaf: node({
      output: Num,
      run: () => {
        calls.push("deaf");
        return open.promise;
      },
    }),
    last: node({
      input: { n: Num },
      output: Num,
      run: ({ n }) => {
        calls.push("last");
        return n + 1;
      },
    }),
  };
  const provenance = new DagProvenance(memoryStore());
  const runner = new DagRunner(dag("deaf", { nodes, edges: chain("deaf", "last") }), { provenance });
  const run = runner.run();
  await until(() => calls.length === 1);
  run.cancel();
  open.resolve(1);
  expect(await run).toMatchObject({ status: "cancelled" });
  expect(calls).toEqual(["deaf"]);
  expect(await provenance.loadOutput(run.runId, "deaf")).toBe(1);
  expect(await runner.restart(run.runId)).toMatchObject({ status: "completed", outputs: { last: 2 } });
});

test("a run cancelled before it starts executes nothing and can be restarted", async () => {
  const { open, calls, runner } = line();
  const run = runner.run();
  run.cancel();
  expect(await run).toMatchObject({ status: "cancelled" });
  expect(calls).toEqual([]);
  open.resolve(1);
  expect(await runner.restart(run.runId)).toMatchObject({ status: "completed", outputs: { last: 2 } });
});

test("an AbortSignal cancels like cancel does, and says why", async () => {
  const { calls, reasons, runner } = line();
  const controller = new AbortController();
  const run = runner.run({}, { signal: controller.signal });
  await until(() => calls.length === 1);
  controller.abort(new Error("the user left"));
  expect(await run).toMatchObject({ status: "cancelled", reason: expect.stringContaining("the user left") });
  expect(reasons).toHaveLength(1);
});

test("a signal that is aborted already cancels before the first node", async () => {
  const { calls, runner } = line();
  expect(await runner.run({}, { signal: AbortSignal.abort() })).toMatchObject({ status: "cancelled" });
  expect(calls).toEqual([]);
});

test("a signal cancels a restart and a replay too", async () => {
  const { open, runner } = line();
  const run = runner.run();
  run.cancel();
  await run;
  const signal = AbortSignal.abort();
  expect(await runner.restart(run.runId, { signal })).toMatchObject({ status: "cancelled" });
  open.resolve(1);
  await runner.restart(run.runId);
  expect(await runner.replay(run.runId, { rerun: ["last"], signal })).toMatchObject({ status: "cancelled" });
});

test.each(["completes", "is refused"])("the signal is let go when the run %s", async (end) => {
  const { open, runner } = line();
  const { signal } = new AbortController();
  const listeners = new Set<unknown>();
  vi.spyOn(signal, "addEventListener").mockImplementation(
    (_: string, listener: unknown) => void listeners.add(listener),
  );
  vi.spyOn(signal, "removeEventListener").mockImplementation((_: string, one: unknown) => void listeners.delete(one));
  const run = runner.run((end === "completes" ? {} : { typo: {} }) as never, { signal });
  const ended = run.catch(() => {});
  expect(listeners.size).toBe(1);
  open.resolve(1);
  await ended;
  expect(listeners.size).toBe(0);
});

test("cancelling one run never touches another of the same runner", async () => {
  const open = gate();
  const wait = node({ run: () => open.promise });
  const runner = new DagRunner(dag("two", { nodes: { wait, more: wait } }));
  const [cancelled, other] = [runner.run(), runner.run()];
  cancelled.cancel();
  open.resolve();
  expect(await cancelled).toMatchObject({ status: "cancelled" });
  expect(await other).toMatchObject({ status: "completed" });
});

test("a node that waits for its retry is not waited for", async () => {
  const clock = new ManualClock();
  const fails = node({
    retry: { attempts: 2, delayMs: 60_000 },
    run: () => {
      throw new Error("no");
    },
  });
  const run = new DagRunner(dag("waits", { nodes: { fails } }), { clock }).run();
  await until(() => clock.waiting === 1);
  run.cancel();
  expect(await run).toMatchObject({ status: "cancelled" });
  expect(clock.waiting).toBe(0);
});

test("cancel after the end changes nothing", async () => {
  const { open, provenance, runner } = line();
  open.resolve(1);
  const run = runner.run();
  await run;
  run.cancel();
  run.pause();
  await settled();
  expect(await provenance.getRun(run.runId)).toMatchObject({ status: "completed" });
});
