// failure: nothing new starts, running nodes are signalled and awaited, and the record says what became of each.

import { DagProvenance, DagRunner, dag, HeddleError, type JournalEvent, node, type } from "heddle";
import { memoryStore } from "heddle/adapters/memory";
import { expect, test } from "vitest";
import { gate, ManualClock, settled } from "../support/manual-clock.js";
import { until } from "../support/until.js";

const Num = type<number>("Num");
const keep = () => new DagProvenance(memoryStore());

/** A node that ends with `end` once it has been told to stop. */
const untilAborted = (end: (reason: Error) => number) =>
  node({
    output: Num,
    run: (_, { signal }) =>
      new Promise<number>((resolve, reject) => {
        signal.addEventListener("abort", () => {
          try {
            resolve(end(signal.reason));
          } catch (error) {
            reject(error);
          }
        });
      }),
  });

const throwing = (thrown: unknown) =>
  node({
    run: () => {
      throw thrown;
    },
  });

/** Runs one node that throws this. */
async function runThrowing(thrown: unknown) {
  const provenance = keep();
  const result = await new DagRunner(dag("throws", { nodes: { bad: throwing(thrown) } }), { provenance }).run();
  if (result.status !== "failed") throw new Error(`expected a failed run, got ${result.status}`);
  const [execution] = (await provenance.inspect(result.runId)).executions;
  return { result, provenance, recorded: execution?.attempts[0]?.error };
}

test("running siblings are signalled and awaited; what finishes is completed, the rest aborted", async () => {
  const fail = gate();
  const reasons: Error[] = [];
  const bad = node({
    run: async () => {
      await fail.promise;
      throw new Error("bad luck");
    },
  });
  const polite = untilAborted((reason) => reasons.push(reason));
  const rude = untilAborted((reason) => {
    throw reason;
  });
  const deaf = gate<number>();
  let isDeafRunning = false;
  const nodes = {
    bad,
    polite,
    rude,
    deaf: node({
      output: Num,
      run: () => {
        isDeafRunning = true;
        return deaf.promise;
      },
    }),
    after: node({ input: { n: Num }, run: () => {} }),
  };
  const provenance = keep();
  const run = new DagRunner(dag("siblings", { nodes, edges: [["polite", "after"]] }), { provenance }).run();
  let ended = false;
  void run.then(() => {
    ended = true;
  });
  await until(() => isDeafRunning);
  fail.resolve();
  await until(() => reasons.length === 1);
  await settled();
  expect(ended).toBe(false);
  deaf.resolve(7);
  expect(await run).toMatchObject({
    status: "failed",
    failedNode: "bad",
    error: { message: "bad luck" },
    outputs: { deaf: 7 },
  });
  expect(reasons).toMatchObject([{ code: "CANCELLED", message: expect.stringContaining('"bad"') }]);
  const { executions, run: record } = await provenance.inspect(run.runId);
  expect(record).toMatchObject({ status: "failed", failedNode: "bad" });
  expect(Object.fromEntries(executions.map(({ path, status }) => [path, status]))).toEqual({
    bad: "failed",
    polite: "completed",
    rude: "aborted",
    deaf: "completed",
    after: "pending",
  });
});

test("a restart executes what failed, was aborted or never started, and nothing else", async () => {
  let broken = true;
  const calls: string[] = [];
  const step = (act: (signal: AbortSignal) => number | Promise<number>) =>
    node({
      output: Num,
      run: async (_, { label, signal }) => {
        calls.push(label);
        return act(signal);
      },
    });
  const nodes = {
    done: step(() => 1),
    bad: step(() => {
      if (broken) throw new Error("bad");
      return 2;
    }),
    aborted: step((signal) => {
      if (!broken) return 3;
      return new Promise((_, reject) => signal.addEventListener("abort", reject));
    }),
  };
  const runner = new DagRunner(dag("restarts", { nodes }), { provenance: keep() });
  const { runId } = await runner.run();
  broken = false;
  calls.length = 0;
  expect(await runner.restart(runId)).toMatchObject({ status: "completed", outputs: { done: 1, bad: 2, aborted: 3 } });
  expect(calls).toEqual(["bad", "aborted"]);
});

test("being aborted does not use up a try", async () => {
  let tries = 0;
  const nodes = {
    bad: node({
      run: async (_, { attempt }) => {
        if (attempt === 1) throw new Error("bad");
      },
    }),
    aborted: node({
      retry: { attempts: 2 },
      run: (_, { attempt, signal }) => {
        if (attempt === 1) return new Promise((_, reject) => signal.addEventListener("abort", reject));
        if (++tries === 1) throw new Error("a first failure");
      },
    }),
  };
  const runner = new DagRunner(dag("tries", { nodes }), { provenance: keep() });
  const { runId } = await runner.run();
  expect(await runner.restart(runId)).toMatchObject({ status: "completed" });
  expect(tries).toBe(2);
});

test("of several failures the first one counts", async () => {
  const Any = type<unknown>("Any");
  const unkeepable = node({
    output: Any,
    run: (_, { signal }) =>
      new Promise((resolve) => signal.addEventListener("abort", () => resolve({ draw: () => {} }))),
  });
  const nodes = { second: unkeepable, first: throwing(new Error("one")) };
  const provenance = keep();
  const result = await new DagRunner(dag("failures", { nodes }), { provenance }).run();
  expect(result).toMatchObject({ status: "failed", failedNode: "first", error: { message: "one" } });
  expect((await provenance.inspect(result.runId)).executions).toMatchObject([
    { path: "first", status: "failed" },
    { path: "second", status: "failed", attempts: [{ error: { code: "NOT_KEEPABLE" } }] },
  ]);
});

test("a sibling that waits for its retry is not waited for", async () => {
  const clock = new ManualClock();
  const fail = gate();
  let calls = 0;
  const nodes = {
    flaky: node({
      retry: { attempts: 2, delayMs: 60_000 },
      run: () => {
        calls++;
        throw new Error("flaky");
      },
    }),
    bad: node({
      run: async () => {
        await fail.promise;
        throw new Error("bad");
      },
    }),
  };
  const run = new DagRunner(dag("waits", { nodes }), { clock }).run();
  await until(() => clock.waiting === 1);
  fail.resolve();
  expect(await run).toMatchObject({ status: "failed", failedNode: "bad" });
  expect([calls, clock.waiting]).toEqual([1, 0]);
});

test("failed comes before cancelled, also when the cancel comes while siblings are awaited", async () => {
  const slow = gate();
  const provenance = keep();
  let hasFailed = false;
  const onEvent = ({ type }: JournalEvent) => {
    hasFailed ||= type === "node-failed";
  };
  const nodes = { bad: throwing(new Error("bad")), slow: node({ run: () => slow.promise }) };
  const run = new DagRunner(dag("precedence", { nodes: { slow: nodes.slow, bad: nodes.bad } }), {
    provenance,
    onEvent,
  }).run();
  await until(() => hasFailed);
  run.cancel();
  slow.resolve();
  expect(await run).toMatchObject({ status: "failed", failedNode: "bad" });
  expect(await provenance.getRun(run.runId)).toMatchObject({ status: "failed", failedNode: "bad" });
});

test("failed comes before paused, and the pause can still be answered at restart", async () => {
  const fail = gate();
  const Any = type<unknown>("Any");
  let hasAsked = false;
  const nodes = {
    asks: node({
      output: Any,
      run: (_, ctx) => {
        hasAsked = true;
        return ctx.pause("approve?");
      },
    }),
    bad: node({
      run: async (_, { attempt }) => {
        await fail.promise;
        if (attempt === 1) throw new Error("bad");
      },
    }),
  };
  const runner = new DagRunner(dag("precedence", { nodes: { bad: nodes.bad, asks: nodes.asks } }), {
    provenance: keep(),
  });
  const run = runner.run();
  await until(() => hasAsked);
  fail.resolve();
  expect(await run).toMatchObject({ status: "failed", failedNode: "bad" });
  const result = await runner.restart(run.runId, { resume: { asks: "yes" } });
  expect(result).toMatchObject({ status: "completed", outputs: { asks: "yes" } });
});

test("cancelled comes before paused, whichever was asked for first", async () => {
  let running = 0;
  const make = () => {
    const open = gate();
    const nodes = {
      asks: node({ run: async (_, ctx) => void ctx.pause("approve?") }),
      slow: node({
        run: () => {
          running++;
          return open.promise;
        },
      }),
    };
    return { open, run: new DagRunner(dag("precedence", { nodes })).run() };
  };
  const [pausedFirst, cancelledFirst] = [make(), make()];
  await until(() => running === 2);
  pausedFirst.run.pause();
  pausedFirst.run.cancel();
  cancelledFirst.run.cancel();
  cancelledFirst.run.pause();
  pausedFirst.open.resolve();
  cancelledFirst.open.resolve();
  expect(await pausedFirst.run).toMatchObject({ status: "cancelled" });
  expect(await cancelledFirst.run).toMatchObject({ status: "cancelled" });
});

test.each([["a string"], [undefined], [null], [{ code: 5 }], [Object.create(null)]])(
  "a node may throw what is no Error: %s arrives as the cause of one",
  async (thrown) => {
    const { result, recorded } = await runThrowing(thrown);
    expect(result.error).toBeInstanceOf(Error);
    expect(result.error).toMatchObject({ code: "NODE_THREW" });
    expect(result.error.cause).toBe(thrown);
    expect(recorded).toMatchObject({ code: "NODE_THREW" });
  },
);

test("an error is recorded with stack, code, causes, parts and its own properties", async () => {
  const root = Object.assign(new TypeError("root"), { code: "E_ROOT" });
  const parts = new AggregateError([new Error("left"), "right"], "both", { cause: root });
  const error = Object.assign(parts, { code: "E_TOP", row: 7, at: new Date(3) });
  const { result, provenance, recorded } = await runThrowing(error);
  expect(result.error).toBe(error);
  expect(recorded).toMatchObject({
    name: "AggregateError",
    message: "both",
    code: "E_TOP",
    stack: error.stack,
    cause: { name: "TypeError", message: "root", code: "E_ROOT", stack: root.stack },
    errors: [{ message: "left" }, { code: "NODE_THREW" }],
  });
  expect(await provenance.loadValue(result.runId, recorded?.own ?? "none")).toEqual({ row: 7, at: new Date(3) });
});

test("an error of heddle is recorded with its faults, if it has some", async () => {
  const bare = await runThrowing(new HeddleError("TIMEOUT", "late"));
  expect(bare.recorded).toMatchObject({ name: "HeddleError", code: "TIMEOUT" });
  expect(bare.recorded?.own).toBeUndefined();
  const { result, provenance, recorded } = await runThrowing(new HeddleError("TIMEOUT", "late", { faults: ["slow"] }));
  expect(await provenance.loadValue(result.runId, recorded?.own ?? "none")).toEqual({ faults: ["slow"] });
});

test("own properties that cannot be kept do not hide the error", async () => {
  const error = Object.assign(new Error("busy"), { row: 7, retry: () => {} });
  const { result, provenance, recorded } = await runThrowing(error);
  expect(recorded).toMatchObject({ message: "busy", stack: error.stack });
  expect(await provenance.loadValue(result.runId, recorded?.own ?? "none")).toEqual({ row: 7, retry: "(not kept)" });
});

test("an error that is its own cause is recorded all the same", async () => {
  const error = new Error("round");
  error.cause = error;
  const { recorded } = await runThrowing(error);
  expect(recorded).toMatchObject({ message: "round", cause: { message: "round" } });
});

test("sinks that were reached before the failure are among the outputs", async () => {
  const nodes = {
    reached: node({ output: Num, run: () => 1 }),
    bad: throwing(new Error("bad")),
    missed: node({ output: Num, run: () => 2 }),
  };
  const result = await new DagRunner(dag("outputs", { nodes, edges: [["bad", "missed"]] })).run();
  expect(result).toMatchObject({ status: "failed", outputs: { reached: 1 } });
  expect(result.outputs).not.toHaveProperty("missed");
});
