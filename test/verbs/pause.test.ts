// pause: from outside, running nodes finish and nothing new starts; from a node, the attempt is paused and asks.

import { type Context, chain, DagProvenance, DagRunner, dag, node, type } from "heddle";
import { memoryStore } from "heddle/adapters/memory";
import { expect, test } from "vitest";
import { z } from "zod";
import { gate, ManualClock } from "../support/manual-clock.js";
import { until } from "../support/until.js";

const Num = type<number>("Num");
const Any = type<unknown>("Any");
const keep = () => new DagProvenance(memoryStore());

/** Two nodes in a line, the first of which is held; and who was called. */
function heldLine() {
  const open = gate();
  const calls: string[] = [];
  const nodes = {
    first: node({
      output: Num,
      run: async () => {
        calls.push("first");
        await open.promise;
        return 1;
      },
    }),
    last: node({
      input: { n: Num },
      output: Num,
      run: async ({ n }) => {
        calls.push("last");
        await open.promise;
        return n + 1;
      },
    }),
  };
  return { open, calls, dag: dag("held", { nodes, edges: chain("first", "last") }) };
}

/** One node that asks whatever `ask` asks and returns the answer. */
function asking(ask: (ctx: Context) => unknown) {
  const asks = node({ output: Any, run: async (_, ctx) => ask(ctx) });
  const provenance = keep();
  return { provenance, runner: new DagRunner(dag("asking", { nodes: { asks } }), { provenance }) };
}

// ---- from outside

test("a pause lets the running node finish and be recorded, and starts nothing new", async () => {
  const { open, calls, dag: held } = heldLine();
  const provenance = keep();
  const run = new DagRunner(held, { provenance }).run();
  await until(() => calls.length === 1);
  run.pause("lunch");
  open.resolve();
  expect(await run).toMatchObject({ status: "paused", reason: "lunch", outputs: {}, pauses: [] });
  expect(calls).toEqual(["first"]);
  const { run: record, executions } = await provenance.inspect(run.runId);
  expect(record).toMatchObject({ status: "paused", reason: "lunch" });
  expect(executions).toMatchObject([
    { path: "first", status: "completed" },
    { path: "last", status: "pending" },
  ]);
});

test("a pause set before the first node starts none, and a restart runs them all", async () => {
  const { open, calls, dag: held } = heldLine();
  open.resolve();
  const runner = new DagRunner(held, { provenance: keep() });
  const run = runner.run();
  run.pause();
  expect(await run).toMatchObject({ status: "paused" });
  expect(calls).toEqual([]);
  expect(await runner.restart(run.runId)).toMatchObject({ status: "completed", outputs: { last: 2 } });
});

test("a pause in the last node is too late: the run is completed", async () => {
  const open = gate();
  let isRunning = false;
  const last = node({
    run: () => {
      isRunning = true;
      return open.promise;
    },
  });
  const provenance = keep();
  const run = new DagRunner(dag("last", { nodes: { last } }), { provenance }).run();
  await until(() => isRunning);
  run.pause();
  open.resolve();
  expect(await run).toMatchObject({ status: "completed" });
  expect(await provenance.getRun(run.runId)).toMatchObject({ status: "completed" });
});

test("pausing one run never touches another of the same runner", async () => {
  const { open, calls, dag: held } = heldLine();
  const runner = new DagRunner(held, { provenance: keep() });
  const [paused, other] = [runner.run(), runner.run()];
  await until(() => calls.length === 2);
  paused.pause();
  open.resolve();
  expect(await paused).toMatchObject({ status: "paused" });
  expect(await other).toMatchObject({ status: "completed" });
  const again = await runner.restart(paused.runId);
  expect(again).toMatchObject({ status: "completed" });
});

test("a node that waits for its retry stops waiting and keeps its attempts", async () => {
  const clock = new ManualClock();
  const provenance = keep();
  let calls = 0;
  const fails = node({
    retry: { attempts: 3, delayMs: 60_000 },
    run: () => {
      calls++;
      throw new Error("no");
    },
  });
  const runner = new DagRunner(dag("waits", { nodes: { fails } }), { provenance, clock });
  const run = runner.run();
  await until(() => calls === 1);
  run.pause();
  expect(await run).toMatchObject({ status: "paused" });

  const restarted = runner.restart(run.runId);
  await until(() => calls === 2);
  await clock.advance(120_000);
  expect(await restarted).toMatchObject({ status: "failed", failedNode: "fails" });
  const [execution] = (await provenance.inspect(run.runId)).executions;
  expect(execution?.attempts.map(({ attempt }) => attempt)).toEqual([1, 2, 3]);
  expect(clock.waiting).toBe(0);
});

test("a node that fails while the run pauses is not tried again before the restart", async () => {
  const fail = gate();
  let calls = 0;
  const fails = node({
    retry: { attempts: 2, delayMs: 60_000 },
    run: async () => {
      if (++calls > 1) return;
      await fail.promise;
      throw new Error("no");
    },
  });
  const clock = new ManualClock();
  const runner = new DagRunner(dag("fails", { nodes: { fails } }), { provenance: keep(), clock });
  const run = runner.run();
  await until(() => calls === 1);
  run.pause();
  fail.resolve();
  expect(await run).toMatchObject({ status: "paused" });
  expect(await runner.restart(run.runId)).toMatchObject({ status: "completed" });
});

// ---- from a node

test("a node pauses with a reason and a payload, and gets the answer when it runs again", async () => {
  const { provenance, runner } = asking((ctx) => ctx.pause("approve?", { rows: 3 }));
  const paused = await runner.run();
  expect(paused).toMatchObject({
    status: "paused",
    pauses: [{ path: "asks", reason: "approve?", payload: { rows: 3 } }],
  });
  const answer = { approved: new Date(7), by: new Set(["Ada"]) };
  const result = await runner.restart(paused.runId, { resume: { asks: answer } });
  expect(result).toMatchObject({ status: "completed" });
  expect(await provenance.loadOutput(paused.runId, "asks")).toStrictEqual(answer);
  const [execution] = (await provenance.inspect(paused.runId)).executions;
  expect(execution?.attempts).toMatchObject([
    { attempt: 1, status: "paused", pause: { reason: "approve?" } },
    { attempt: 2, status: "completed", reason: "resumed after pause" },
  ]);
});

test("undefined is an answer too", async () => {
  const { runner } = asking((ctx) => [ctx.pause("anything?")]);
  const { runId } = await runner.run();
  const result = await runner.restart(runId, { resume: { asks: undefined } });
  expect(result).toMatchObject({ status: "completed", outputs: { asks: [undefined] } });
});

test("a restart without an answer asks again", async () => {
  const { runner } = asking((ctx) => ctx.pause("approve?"));
  const { runId } = await runner.run();
  expect(await runner.restart(runId)).toMatchObject({ status: "paused", pauses: [{ reason: "approve?" }] });
  expect(await runner.restart(runId, { resume: { asks: 1 } })).toMatchObject({ status: "completed" });
});

test("an attempt is paused even if the node catches what pause throws", async () => {
  const { runner } = asking((ctx) => {
    try {
      return ctx.pause("approve?");
    } catch {
      return "went on regardless";
    }
  });
  expect(await runner.run()).toMatchObject({ status: "paused", pauses: [{ path: "asks" }], outputs: {} });
});

test("an attempt is paused also if the node turns what pause throws into another error", async () => {
  const { runner } = asking((ctx) => {
    try {
      return ctx.pause("approve?");
    } catch (cause) {
      throw new Error("wrapped", { cause });
    }
  });
  expect(await runner.run()).toMatchObject({ status: "paused", pauses: [{ path: "asks" }] });
});

test("several nodes pause together, what runs beside them finishes, and each gets its own answer", async () => {
  const open = gate();
  const ask = node({ output: Any, run: async (_, ctx) => ctx.pause(`answer ${ctx.label}`) });
  let isBeside = false;
  const beside = node({
    run: () => {
      isBeside = true;
      return open.promise;
    },
  });
  const nodes = { left: ask, right: ask, beside };
  const provenance = keep();
  const runner = new DagRunner(dag("several", { nodes }), { provenance });
  const run = runner.run();
  await until(() => isBeside);
  open.resolve();
  expect(await run).toMatchObject({
    status: "paused",
    pauses: [
      { path: "left", reason: "answer left" },
      { path: "right", reason: "answer right" },
    ],
  });
  expect((await provenance.getRun(run.runId))?.pauses).toHaveLength(2);
  const half = await runner.restart(run.runId, { resume: { right: "R" } });
  expect(half).toMatchObject({ status: "paused", pauses: [{ path: "left" }] });
  expect(half.outputs).toHaveProperty("beside", undefined);
  const whole = await runner.restart(run.runId, { resume: { left: "L" } });
  expect(whole).toMatchObject({ status: "completed", outputs: { left: "L", right: "R" } });
  const { executions } = await provenance.inspect(run.runId);
  expect(executions.find(({ path }) => path === "beside")?.attempts).toHaveLength(1);
});

test("an answer that the schema refuses pauses again and says why; a good one arrives as the schema made it", async () => {
  const { provenance, runner } = asking((ctx) => ctx.pause("how many?", undefined, z.coerce.number().max(9)));
  const { runId } = await runner.run();
  const rejected = { path: "asks", reason: "how many?", rejected: expect.stringContaining("9") };
  expect(await runner.restart(runId, { resume: { asks: "12" } })).toMatchObject({
    status: "paused",
    pauses: [rejected],
  });
  const [execution] = (await provenance.inspect(runId)).executions;
  expect(execution?.attempts.at(-1)?.pause).toMatchObject({ rejected: rejected.rejected });
  const result = await runner.restart(runId, { resume: { asks: "7" } });
  expect(result).toMatchObject({ status: "completed", outputs: { asks: 7 } });
});

test("a node may pause twice, one reason after the other, and keeps the first answer", async () => {
  const { runner } = asking((ctx) => [ctx.pause("first?"), ctx.pause("second?")]);
  const { runId } = await runner.run();
  const second = await runner.restart(runId, { resume: { asks: 1 } });
  expect(second).toMatchObject({ status: "paused", pauses: [{ reason: "second?" }] });
  const result = await runner.restart(runId, { resume: { asks: 2 } });
  expect(result).toMatchObject({ status: "completed", outputs: { asks: [1, 2] } });
});

test("an answer stays with its path when the node fails afterwards", async () => {
  let broken = true;
  const { runner } = asking((ctx) => {
    const answer = ctx.pause("approve?");
    if (broken) throw new Error("later");
    return answer;
  });
  const { runId } = await runner.run();
  expect(await runner.restart(runId, { resume: { asks: "yes" } })).toMatchObject({ status: "failed" });
  broken = false;
  expect(await runner.restart(runId)).toMatchObject({ status: "completed", outputs: { asks: "yes" } });
});

test("each attempt gets its own copy of an answer, and the caller keeps his", async () => {
  const seen: unknown[] = [];
  const asks = node({
    retry: { attempts: 2 },
    run: (_, ctx) => {
      const answer = ctx.pause("list?") as number[];
      seen.push([...answer]);
      answer.push(99);
      if (seen.length === 1) throw new Error("again");
    },
  });
  const runner = new DagRunner(dag("asking", { nodes: { asks } }), { provenance: keep() });
  const { runId } = await runner.run();
  const answer = [1];
  expect(await runner.restart(runId, { resume: { asks: answer } })).toMatchObject({ status: "completed" });
  expect(seen).toEqual([[1], [1]]);
  expect(answer).toEqual([1]);
});

test("answers to wrong paths are refused before anything is recorded", async () => {
  const provenance = keep();
  const nodes = {
    asks: node({ output: Any, run: (_, ctx) => ctx.pause("approve?") }),
    calm: node({ output: Num, run: () => 1 }),
  };
  const runner = new DagRunner(dag("two", { nodes }), { provenance });
  const { runId } = await runner.run();
  const before = await provenance.inspect(runId);
  await expect(runner.restart(runId, { resume: { typo: 1 } })).rejects.toMatchObject({
    code: "UNKNOWN_PATH",
    message: expect.stringMatching(/"typo".*wait for an answer: "asks"/),
  });
  await expect(runner.restart(runId, { resume: { calm: 1 } })).rejects.toMatchObject({
    code: "NOT_PAUSED",
    message: expect.stringMatching(/"calm".*wait for an answer: "asks"/),
  });
  expect(await provenance.inspect(runId)).toEqual(before);
});

test("a payload or an answer that cannot be kept is refused with its place", async () => {
  const payload = asking((ctx) => ctx.pause("see", { draw: () => {} }));
  expect(await payload.runner.run()).toMatchObject({
    status: "failed",
    error: { code: "NOT_KEEPABLE", message: expect.stringMatching(/"asks".*\.draw/) },
  });
  const answer = asking((ctx) => ctx.pause("see"));
  const { runId } = await answer.runner.run();
  const restart = answer.runner.restart(runId, { resume: { asks: { draw: () => {} } } });
  await expect(restart).rejects.toMatchObject({ code: "NOT_KEEPABLE", message: expect.stringContaining(".draw") });
  expect(await answer.runner.restart(runId, { resume: { asks: 1 } })).toMatchObject({ status: "completed" });
});

test("a pause without a reason, or with a schema that validates asynchronously, fails the node", async () => {
  const empty = asking((ctx) => ctx.pause(""));
  expect(await empty.runner.run()).toMatchObject({ status: "failed", error: { code: "INVALID_OPTION" } });
  const slow = asking((ctx) =>
    ctx.pause(
      "how?",
      undefined,
      z.number().refine(async () => true),
    ),
  );
  const { runId } = await slow.runner.run();
  expect(await slow.runner.restart(runId, { resume: { asks: 1 } })).toMatchObject({
    status: "failed",
    error: { code: "INVALID_OPTION", message: expect.stringContaining('"asks"') },
  });
});

test("without a record a node can pause too; the run then cannot be restarted", async () => {
  const asks = node({ run: (_, ctx) => void ctx.pause("approve?", { rows: 3 }) });
  const result = await new DagRunner(dag("forgetful", { nodes: { asks } })).run();
  expect(result).toMatchObject({ status: "paused", pauses: [{ path: "asks", payload: { rows: 3 } }] });
});
