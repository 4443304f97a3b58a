// replay: a new run that executes chosen paths and reuses the recorded outputs of the rest.

import {
  chain,
  DagProvenance,
  DagRunner,
  dag,
  node,
  optional,
  type ReplayPlan,
  type RunInspection,
  type Store,
  type,
} from "heddle";
import { memoryStore } from "heddle/adapters/memory";
import { expect, test } from "vitest";
import { journal, storeWith } from "../support/store-with.js";

const Num = type<number>("Num");
const Text = type<string>("Text");

/** A diamond a → (b, c) → d over an input; `calls` says who was called, `keys` with which idempotency key. */
function diamond(store: Store = memoryStore()) {
  const calls: string[] = [];
  const keys: string[] = [];
  let factor = 1;
  const step = (act: (n: number) => number) =>
    node({
      input: { n: Num },
      output: Num,
      run: ({ n }, { label, idempotencyKey }) => {
        calls.push(label);
        keys.push(idempotencyKey);
        return act(n) * factor;
      },
    });
  const nodes = {
    a: step((n) => n),
    b: step((n) => n + 1),
    c: step((n) => n + 2),
    d: node({
      input: { left: Num, right: Num },
      output: Num,
      run: ({ left, right }, { label }) => {
        calls.push(label);
        return left * right;
      },
    }),
  };
  const edges = [
    ["a", "b"],
    ["a", "c"],
    ["b", "d", "left"],
    ["c", "d", "right"],
  ] as const;
  const provenance = new DagProvenance(store);
  const runner = new DagRunner(dag("diamond", { nodes, edges }), { provenance });
  const change = (to: number) => {
    factor = to;
    calls.length = 0;
  };
  return { calls, keys, store, provenance, runner, change };
}

/** What an inspection says that a replay did, in the words of its plan. */
function done({ executions }: RunInspection) {
  return Object.fromEntries(
    executions.map(({ path, status, reason }) => [path, status === "reused" ? "reuse" : `rerun: ${reason}`]),
  );
}

function planned({ steps }: ReplayPlan) {
  return Object.fromEntries(
    steps.map(({ path, action, reason }) => [path, action === "rerun" ? `rerun: ${reason}` : action]),
  );
}

test("pinned: the named paths alone are executed, and what is stale by it is listed", async () => {
  const { calls, runner, change } = diamond();
  const { runId } = await runner.run({ a: { n: 1 } });
  change(10);
  const replay = await runner.replay(runId, { rerun: ["a", "b"] });
  expect(replay).toMatchObject({ status: "completed", stale: ["c", "d"], outputs: { d: 6 } });
  expect(replay.runId).not.toBe(runId);
  expect(calls).toEqual(["a", "b"]);
});

test("downstream: the named paths and all their descendants are executed, and nothing is stale", async () => {
  const { calls, provenance, runner, change } = diamond();
  const { runId } = await runner.run({ a: { n: 1 } });
  change(10);
  const replay = await runner.replay(runId, { rerun: ["b"], mode: "downstream" });
  expect(replay).toMatchObject({ status: "completed", stale: [], outputs: { d: 60 } });
  expect(calls).toEqual(["b", "d"]);
  expect(done(await provenance.inspect(replay.runId))).toEqual({
    a: "reuse",
    b: "rerun: named in replay",
    c: "reuse",
    d: "rerun: downstream of a named path",
  });
});

test("a path without a recorded output is executed too", async () => {
  const { calls, provenance, runner } = diamond();
  const run = runner.run({ a: { n: 1 } }, { budget: { operations: 2 } });
  const { runId } = await run;
  calls.length = 0;
  const replay = await runner.replay(runId);
  expect(replay).toMatchObject({ status: "completed", outputs: { d: 6 }, stale: [] });
  expect(calls).toEqual(["c", "d"]);
  expect(done(await provenance.inspect(replay.runId))).toMatchObject({ d: "rerun: no recorded output" });
});

test("a replay that names nothing executes nothing and gives the same outputs", async () => {
  const { calls, runner } = diamond();
  const { runId } = await runner.run({ a: { n: 1 } });
  calls.length = 0;
  expect(await runner.replay(runId)).toMatchObject({ status: "completed", outputs: { d: 6 }, stale: [] });
  expect(calls).toEqual([]);
});

test("new inputs execute their source and are recorded; a restart of the replay keeps them", async () => {
  const { calls, provenance, runner } = diamond();
  const { runId } = await runner.run({ a: { n: 1 } });
  calls.length = 0;
  const replay = await runner.replay(runId, {
    inputs: { a: { n: 5 } },
    mode: "downstream",
    budget: { operations: 0 },
  });
  expect(replay).toMatchObject({ status: "paused" });
  expect(await runner.restart(replay.runId)).toMatchObject({ status: "completed", outputs: { d: 42 } });
  expect(calls).toEqual(["a", "b", "c", "d"]);
  expect(await provenance.loadInputs(replay.runId, "a")).toEqual({ n: 5 });
  expect(await provenance.loadInputs(runId, "a")).toEqual({ n: 1 });
});

test("new inputs alone leave the descendants stale", async () => {
  const { runner } = diamond();
  const { runId } = await runner.run({ a: { n: 1 } });
  expect(await runner.replay(runId, { inputs: { a: { n: 5 } } })).toMatchObject({
    status: "completed",
    stale: ["b", "c", "d"],
    outputs: { d: 6 },
  });
});

test("new inputs replace all inputs of their source, also with none at all", async () => {
  const maybe = node({ input: { n: optional(Num) }, output: Num, run: ({ n = 0 }) => n });
  const runner = new DagRunner(dag("maybe", { nodes: { maybe } }), { provenance: new DagProvenance(memoryStore()) });
  const { runId } = await runner.run({ maybe: { n: 5 } });
  expect(await runner.replay(runId, { inputs: { maybe: {} } })).toMatchObject({ outputs: { maybe: 0 } });
});

test.each([
  ["pinned", { rerun: ["b"] }],
  ["downstream", { rerun: ["c"], mode: "downstream" }],
  ["new inputs", { inputs: { a: { n: 2 } }, rerun: ["d"] }],
  ["nothing named", {}],
] as const)("planReplay tells what replay does: %s", async (_, options) => {
  const { calls, provenance, runner } = diamond();
  const { runId } = await runner.run({ a: { n: 1 } });
  calls.length = 0;
  const plan = await runner.planReplay(runId, options);
  expect(calls).toEqual([]);
  expect((await provenance.listRuns()).runs).toHaveLength(1);
  const replay = await runner.replay(runId, options);
  expect(planned(plan)).toEqual(done(await provenance.inspect(replay.runId)));
  expect(plan.stale).toEqual(replay.stale);
  expect(plan).toMatchObject({ replayOf: runId, blocked: [] });
});

test("planReplay marks effects and says why in words", async () => {
  const nodes = {
    mail: node({ output: Num, effect: true, run: () => 1 }),
    ask: node({ input: { n: Num }, output: Num, effect: "ask", run: ({ n }) => n }),
    pure: node({ input: { n: Num }, effect: false, run: () => {} }),
  };
  const runner = new DagRunner(dag("effects", { nodes, edges: chain("mail", "ask", "pure") }), {
    provenance: new DagProvenance(memoryStore()),
  });
  const { runId } = await runner.run();
  const { steps } = await runner.planReplay(runId, { rerun: ["mail"] });
  expect(steps).toMatchObject([
    { path: "mail", action: "rerun", why: "named in replay", effect: true, stale: false },
    { path: "ask", action: "reuse", why: expect.stringContaining("ancestor"), effect: true, stale: true },
    { path: "pure", action: "reuse", effect: false, stale: true },
  ]);
});

test("unknown paths are refused before anything is recorded", async () => {
  const { provenance, runner } = diamond();
  const { runId } = await runner.run({ a: { n: 1 } });
  const unknown = { code: "UNKNOWN_PATH", message: expect.stringMatching(/"e", "f".*"a", "b", "c", "d"/) };
  await expect(runner.replay(runId, { rerun: ["e", "a", "f"] })).rejects.toMatchObject(unknown);
  await expect(runner.planReplay(runId, { rerun: ["e", "a", "f"] })).rejects.toMatchObject(unknown);
  expect((await provenance.listRuns()).runs).toHaveLength(1);
});

test("a replay is blocked where a reused value is gone, and goes when that path is named", async () => {
  let isPruned = false;
  const calls: string[] = [];
  const store = storeWith(memoryStore(), (inner) => ({
    hasValues: async (at) => (isPruned ? at.map(() => false) : inner.hasValues(at)),
    getValue: async (at) => (isPruned ? undefined : inner.getValue(at)),
  }));
  const nodes = {
    text: node({
      output: Text,
      run: () => {
        calls.push("text");
        return "x".repeat(1_000);
      },
    }),
    size: node({ input: { text: Text }, output: Num, run: ({ text }) => text.length }),
  };
  const provenance = new DagProvenance(store);
  const runner = new DagRunner(dag("texts", { nodes, edges: [["text", "size"]] }), { provenance });
  const { runId } = await runner.run();
  expect(await runner.planReplay(runId, { rerun: ["size"] })).toMatchObject({ blocked: [] });
  isPruned = true;
  calls.length = 0;
  const plan = await runner.planReplay(runId, { rerun: ["size"] });
  expect(plan).toMatchObject({
    blocked: ["text"],
    steps: [{ path: "text", action: "blocked", why: expect.stringContaining("gone") }, { action: "rerun" }],
  });
  await expect(runner.replay(runId, { rerun: ["size"] })).rejects.toMatchObject({
    code: "REPLAY_BLOCKED",
    message: expect.stringMatching(/"text".*`rerun`/),
  });
  expect((await provenance.listRuns()).runs).toHaveLength(1);
  expect(calls).toEqual([]);
  const replay = await runner.replay(runId, { rerun: ["text", "size"] });
  expect(replay).toMatchObject({ status: "completed", outputs: { size: 1_000 } });
});

test("a replay has idempotency keys of its own, the same for a path over its restarts", async () => {
  const { keys, runner } = diamond();
  const { runId } = await runner.run({ a: { n: 1 } });
  await runner.replay(runId, { rerun: ["a", "b", "c"] });
  expect(keys).toHaveLength(6);
  expect(new Set(keys).size).toBe(6);
});

test("the replayed run is untouched", async () => {
  const { store, provenance, runner, change } = diamond();
  const { runId } = await runner.run({ a: { n: 1 } });
  const before = [
    await provenance.inspect(runId),
    structuredClone(await journal(store, runId)),
    await store.head(runId),
  ];
  change(10);
  await runner.replay(runId, { rerun: ["a"], mode: "downstream" });
  expect([await provenance.inspect(runId), await journal(store, runId), await store.head(runId)]).toEqual(before);
  expect(await provenance.loadOutput(runId, "d")).toBe(6);
});

test("a chain of replays keeps the origin of every value", async () => {
  const { provenance, runner } = diamond();
  const first = await runner.run({ a: { n: 1 } });
  const second = await runner.replay(first.runId, { rerun: ["b"] });
  const third = await runner.replay(second.runId, { rerun: ["d"] });
  const { run, executions } = await provenance.inspect(third.runId);
  expect(run.replayOf).toBe(second.runId);
  const origins = Object.fromEntries(executions.map(({ path, output }) => [path, output?.origin.runId]));
  expect(origins).toEqual({ a: first.runId, b: second.runId, c: first.runId, d: third.runId });
  expect(third).toMatchObject({ outputs: { d: 6 } });
});

test("a replay outlives the run it replays", async () => {
  const text = node({ output: Text, run: () => "x".repeat(1_000) });
  const size = node({ input: { text: Text }, output: Num, run: ({ text }) => text.length });
  const provenance = new DagProvenance(memoryStore());
  const runner = new DagRunner(dag("texts", { nodes: { text, size }, edges: [["text", "size"]] }), { provenance });
  const { runId } = await runner.run();
  const replay = await runner.replay(runId);
  await provenance.removeRun(runId);
  const again = await runner.replay(replay.runId, { rerun: ["size"] });
  expect(again).toMatchObject({ status: "completed", outputs: { size: 1_000 } });
});

test("a changed dag is refused, invalidated or ignored as in restart", async () => {
  const provenance = new DagProvenance(memoryStore());
  const runner = (version: string) => {
    const calls: string[] = [];
    const step = (options: object) =>
      node({ input: { n: Num }, output: Num, ...options, run: ({ n }, { label }) => calls.push(label) + n });
    const nodes = { a: step({}), b: step({ version }), c: step({}) };
    return { calls, runner: new DagRunner(dag("line", { nodes, edges: chain("a", "b", "c") }), { provenance }) };
  };
  const { runId } = await runner("1").runner.run({ a: { n: 0 } });
  const changed = runner("2");
  await expect(changed.runner.replay(runId)).rejects.toMatchObject({ code: "DAG_CHANGED" });
  await expect(changed.runner.planReplay(runId)).rejects.toMatchObject({ code: "DAG_CHANGED" });
  expect((await provenance.listRuns()).runs).toHaveLength(1);
  await changed.runner.replay(runId, { onChange: "ignore" });
  expect(changed.calls).toEqual([]);
  const replay = await changed.runner.replay(runId, { onChange: "invalidate" });
  expect(changed.calls).toEqual(["b", "c"]);
  expect(done(await provenance.inspect(replay.runId))).toMatchObject({ a: "reuse", b: "rerun: dag changed" });
});

test("a paused run can be replayed while it stays paused", async () => {
  const asks = node({ output: Num, run: (_, ctx) => ctx.pause("how much?", undefined, Num) });
  const provenance = new DagProvenance(memoryStore());
  const runner = new DagRunner(dag("asks", { nodes: { asks } }), { provenance });
  const { runId } = await runner.run();
  const replay = await runner.replay(runId);
  expect(replay).toMatchObject({ status: "paused", pauses: [{ path: "asks" }] });
  expect(await runner.restart(replay.runId, { resume: { asks: 2 } })).toMatchObject({ outputs: { asks: 2 } });
  expect(await provenance.getRun(runId)).toMatchObject({ status: "paused" });
});
