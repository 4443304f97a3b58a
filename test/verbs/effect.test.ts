// effect: a node that acts on the outside world starts only after its start is stored, and an interrupted one is not
// taken for done or undone.

import { chain, DagProvenance, DagRunner, dag, type JournalEvent, node, type Store, type } from "heddle";
import { memoryStore } from "heddle/adapters/memory";
import { describe, expect, test } from "vitest";
import { gate, ManualClock, settled } from "../support/manual-clock.js";
import { journal, storeWith } from "../support/store-with.js";
import { until } from "../support/until.js";

const Num = type<number>("Num");
const UNKNOWN = "effect outcome unknown";

/** A store whose appends wait for the gate; `asked` tells that one does. */
function heldStore() {
  let isAsked = false;
  const open = gate();
  const memory = memoryStore();
  const store = storeWith(memory, (inner) => ({
    append: async (...args) => {
      isAsked = true;
      await open.promise;
      return inner.append(...args);
    },
  }));
  return { open, memory, store, asked: () => until(() => isAsked) };
}

describe.each(["sync", "async", "exit"] as const)("durability %s", (durability) => {
  test("an effect starts only after its own start is stored under the current epoch", async () => {
    const { open, memory, store, asked } = heldStore();
    let seen: readonly JournalEvent[] = [];
    let epoch = 0;
    const act = node({
      effect: true,
      run: async (_, ctx) => {
        epoch = ctx.epoch;
        seen = await journal(memory, ctx.runId);
      },
    });
    const provenance = new DagProvenance(store, { durability });
    const run = new DagRunner(dag("acts", { nodes: { act } }), { provenance }).run();
    await asked();
    await settled();
    expect(epoch).toBe(0);
    open.resolve();
    expect(await run).toMatchObject({ status: "completed" });
    expect(seen.at(-1)).toMatchObject({ type: "node-started", path: "act", attempt: 1 });
    expect(seen[0]).toMatchObject({ type: "run-started", epoch });
  });

  test("each further attempt of an effect is stored before it starts", async () => {
    const store = memoryStore();
    const last: (JournalEvent | undefined)[] = [];
    const act = node({
      effect: true,
      retry: { attempts: 2 },
      run: async (_, { runId, attempt }) => {
        last.push((await journal(store, runId)).at(-1));
        if (attempt === 1) throw new Error("once");
      },
    });
    const provenance = new DagProvenance(store, { durability });
    await new DagRunner(dag("acts", { nodes: { act } }), { provenance }).run();
    expect(last).toMatchObject([
      { type: "node-started", attempt: 1 },
      { type: "node-started", attempt: 2 },
    ]);
  });
});

test("a node without effect starts before its start is stored", async () => {
  const { open, store } = heldStore();
  let started = false;
  const pure = node({
    run: () => {
      started = true;
    },
  });
  const run = new DagRunner(dag("pure", { nodes: { pure } }), { provenance: new DagProvenance(store) }).run();
  await until(() => started);
  open.resolve();
  await run;
});

/** A run whose process dies inside the effect `act`; `next` is the runner of the process that finds it. */
async function interrupted(effect: true | "ask") {
  const store = memoryStore();
  const keys: string[] = [];
  const dies = gate<number>();
  const nodes = {
    act: node({
      output: Num,
      effect,
      run: (_, { idempotencyKey }) => {
        keys.push(idempotencyKey);
        return keys.length === 1 ? dies.promise : 1;
      },
    }),
    after: node({ input: { n: Num }, output: Num, run: ({ n }) => n * 10 }),
  };
  const acts = dag("acts", { nodes, edges: chain("act", "after") });
  const provenance = new DagProvenance(store, { leaseMs: 1_000 });
  const first = new DagRunner(acts, { provenance, clock: new ManualClock() }).run();
  await until(() => keys.length === 1);
  const next = new DagRunner(acts, { provenance, clock: new ManualClock(2_000_000) });
  return { first, dies, keys, provenance, store, next };
}

test("an interrupted effect runs again with the same idempotency key", async () => {
  const { first, dies, keys, provenance, next } = await interrupted(true);
  expect(await next.restart(first.runId)).toMatchObject({ status: "completed", outputs: { after: 10 } });
  expect(keys).toHaveLength(2);
  expect(keys[1]).toBe(keys[0]);
  const [act] = (await provenance.inspect(first.runId)).executions;
  expect(act?.attempts).toMatchObject([
    { attempt: 1, status: "interrupted", epoch: 1 },
    { attempt: 2, status: "completed", reason: "restarted after interruption", epoch: 2 },
  ]);
  dies.resolve(99);
  await expect(first).rejects.toMatchObject({ code: "FENCED" });
  expect(await provenance.loadOutput(first.runId, "act")).toBe(1);
});

test('an interrupted effect of kind "ask" pauses the run and is not called', async () => {
  const { first, keys, provenance, next } = await interrupted("ask");
  const pause = { path: "act", reason: UNKNOWN, payload: { attempt: 1 } };
  expect(await next.restart(first.runId)).toMatchObject({ status: "paused", pauses: [pause] });
  expect(await next.restart(first.runId)).toMatchObject({ status: "paused", pauses: [pause] });
  expect(keys).toHaveLength(1);
  const { run, executions } = await provenance.inspect(first.runId);
  expect(run).toMatchObject({ status: "paused", pauses: [{ path: "act", reason: UNKNOWN }] });
  expect(executions[0]).toMatchObject({ status: "paused" });
});

test('the answer "run again" runs it again with the same key', async () => {
  const { first, keys, next } = await interrupted("ask");
  await next.restart(first.runId);
  const result = await next.restart(first.runId, { resume: { act: "run again" } });
  expect(result).toMatchObject({ status: "completed", outputs: { after: 10 } });
  expect(keys).toEqual([keys[0], keys[0]]);
});

test("the answer { output } is taken as what it gave, and it is not called", async () => {
  const { first, keys, provenance, next } = await interrupted("ask");
  await next.restart(first.runId);
  const result = await next.restart(first.runId, { resume: { act: { output: 7 } } });
  expect(result).toMatchObject({ status: "completed", outputs: { after: 70 } });
  expect(keys).toHaveLength(1);
  expect(await provenance.loadOutput(first.runId, "act")).toBe(7);
  expect((await provenance.inspect(first.runId)).executions).toMatchObject([
    { path: "act", status: "completed" },
    { path: "after", status: "completed", inputs: { n: { from: [{ path: "act" }] } } },
  ]);
});

test.each([["yes"], [undefined], [null], [{ outptu: 1 }]])("the answer %j is refused", async (answer) => {
  const { first, keys, provenance, next } = await interrupted("ask");
  await next.restart(first.runId);
  const before = await provenance.inspect(first.runId);
  const restart = next.restart(first.runId, { resume: { act: answer } });
  await expect(restart).rejects.toMatchObject({
    code: "INVALID_ANSWER",
    message: expect.stringMatching(/"act".*"run again".*\{ output \}/),
  });
  expect(await provenance.inspect(first.runId)).toEqual(before);
  expect(keys).toHaveLength(1);
});

test('an effect of kind "ask" that failed is known to have failed, and runs again without a question', async () => {
  let calls = 0;
  const act = node({
    effect: "ask",
    run: () => {
      if (++calls === 1) throw new Error("refused");
    },
  });
  const runner = new DagRunner(dag("acts", { nodes: { act } }), { provenance: new DagProvenance(memoryStore()) });
  const { runId } = await runner.run();
  expect(await runner.restart(runId)).toMatchObject({ status: "completed" });
  expect(calls).toBe(2);
});

test("an effect that is cancelled while its start is being stored is never called, and restart does not ask", async () => {
  const { open, store, asked } = heldStore();
  let calls = 0;
  const act = node({ effect: "ask", run: () => void calls++ });
  const provenance = new DagProvenance(store);
  const runner = new DagRunner(dag("acts", { nodes: { act } }), { provenance });
  const run = runner.run();
  await asked();
  run.cancel();
  open.resolve();
  expect(await run).toMatchObject({ status: "cancelled" });
  expect(calls).toBe(0);
  expect((await provenance.inspect(run.runId)).executions[0]?.attempts).toMatchObject([{ status: "aborted" }]);
  expect(await runner.restart(run.runId)).toMatchObject({ status: "completed" });
  expect(calls).toBe(1);
});

test('an effect of kind "ask" that was aborted while it ran is asked about', async () => {
  let isActing = false;
  const act = node({
    effect: "ask",
    run: (_, { signal }) => {
      isActing = true;
      return new Promise((_, reject) => signal.addEventListener("abort", reject));
    },
  });
  const runner = new DagRunner(dag("acts", { nodes: { act } }), { provenance: new DagProvenance(memoryStore()) });
  const run = runner.run();
  await until(() => isActing);
  run.cancel();
  await run;
  expect(await runner.restart(run.runId)).toMatchObject({ status: "paused", pauses: [{ reason: UNKNOWN }] });
});

test("an effect that lost its run is not called", async () => {
  let refused = false;
  const memory = memoryStore();
  const store: Store = storeWith(memory, (inner) => ({
    append: async (runId, at, batch) => {
      refused = true;
      await inner.acquire(runId, "a thief", Number.MAX_SAFE_INTEGER, 1_000);
      return inner.append(runId, at, batch);
    },
  }));
  let calls = 0;
  const act = node({ effect: true, run: () => void calls++ });
  const run = new DagRunner(dag("acts", { nodes: { act } }), { provenance: new DagProvenance(store) }).run();
  await expect(run).rejects.toMatchObject({ code: "FENCED" });
  expect([refused, calls]).toEqual([true, 0]);
});
