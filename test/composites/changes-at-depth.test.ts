// onChange, effects, cancel and budget inside composites.

import { chain, DagProvenance, DagRunner, dag, list, map, node, type OnChange, type Store, type } from "heddle";
import { memoryStore } from "heddle/adapters/memory";
import { describe, expect, test } from "vitest";
import { gate, ManualClock, settled } from "../support/manual-clock.js";
import { STORES } from "../support/stores.js";
import { until } from "../support/until.js";

const Num = type<number>("Num");
const give = node({ output: list(Num), run: () => [0, 1, 2] });
const UNKNOWN = "effect outcome unknown";

/** give → each[i]/(first → second) → last, where `second` has a version and `last` fails. */
function versions(provenance: DagProvenance) {
  const calls: string[] = [];
  const state = { broken: true };
  const step = (factor: number, version?: string) =>
    node({
      input: { n: Num },
      output: Num,
      ...(version === undefined ? {} : { version }),
      run: ({ n }, { path }) => {
        calls.push(path);
        return n + factor;
      },
    });
  const last = node({
    input: { ns: list(Num) },
    output: Num,
    run: ({ ns }) => {
      if (state.broken) throw new Error("last");
      return ns.reduce((a, b) => a + b, 0);
    },
  });
  const runner = (factor: number, version: string) => {
    const sub = dag("sub", {
      nodes: { first: step(1), second: step(factor, version) },
      edges: chain("first", "second"),
    });
    const nodes = { give, each: map(sub), last };
    return new DagRunner(dag("versions", { nodes, edges: chain("give", "each", "last") }), { provenance });
  };
  return { calls, state, runner };
}

describe.each(Object.entries(STORES))("%s", (_, create) => {
  test("a changed node inside a sub-dag is refused by its name", async () => {
    const { calls, runner } = versions(new DagProvenance(create()));
    const { runId } = await runner(10, "1").run();
    calls.length = 0;
    const changed = runner(100, "2");
    const refusal = {
      code: "DAG_CHANGED",
      message: expect.stringMatching(/"each\[\*\]\/second" has version 2, was 1/),
    };
    await expect(changed.restart(runId)).rejects.toMatchObject(refusal);
    await expect(changed.replay(runId)).rejects.toMatchObject(refusal);
    expect(calls).toEqual([]);
  });

  test.each<[OnChange, string[], number]>([
    ["invalidate", ["each[0]/second", "each[1]/second", "each[2]/second"], 306],
    ["ignore", [], 36],
  ])("with %s a restart executes of it what has to be executed", async (onChange, expected, total) => {
    const provenance = new DagProvenance(create());
    const { calls, state, runner } = versions(provenance);
    const { runId } = await runner(10, "1").run();
    calls.length = 0;
    state.broken = false;
    const result = await runner(100, "2").restart(runId, { onChange });
    expect(result).toMatchObject({ status: "completed", outputs: { last: total } });
    expect(calls).toEqual(expected);
    const { executions } = await provenance.inspect(runId);
    const reasons = executions.filter(({ path }) => path.endsWith("/second")).map(({ reason }) => reason);
    expect(reasons).toEqual(Array.from({ length: 3 }, () => (onChange === "ignore" ? "first run" : "dag changed")));
  });

  test("with invalidate a replay executes what changed inside, and leaves the other nodes there alone", async () => {
    const { calls, state, runner } = versions(new DagProvenance(create()));
    state.broken = false;
    const { runId } = await runner(10, "1").run();
    calls.length = 0;
    const changed = runner(100, "2");
    const { steps } = await changed.planReplay(runId, { onChange: "invalidate" });
    expect(steps.filter(({ action }) => action === "rerun").map(({ path, reason }) => [path, reason])).toEqual([
      ["each", "dag changed"],
      ["each[0]/second", "dag changed"],
      ["each[1]/second", "dag changed"],
      ["each[2]/second", "dag changed"],
      ["last", "dag changed"],
    ]);
    const result = await changed.replay(runId, { onChange: "invalidate" });
    expect(result).toMatchObject({ status: "completed", outputs: { last: 306 }, stale: [] });
    expect(calls).toEqual(["each[0]/second", "each[1]/second", "each[2]/second"]);
  });

  test("cancel reaches every child and awaits it, and a restart executes the aborted ones", async () => {
    const open = gate();
    const seen: string[] = [];
    let isHeld = true;
    const child = node({
      input: { n: Num },
      output: Num,
      run: async ({ n }, { path, signal }) => {
        if (!isHeld || n === 0) return n;
        seen.push(path);
        await new Promise((resolve) => signal.addEventListener("abort", resolve));
        seen.push(`${path} aborted`);
        await open.promise;
        throw signal.reason;
      },
    });
    const provenance = new DagProvenance(create());
    const inner = dag("inner", { nodes: { child } });
    const nodes = { give, each: map(inner, { onError: "collect" }) };
    const runner = new DagRunner(dag("cancels", { nodes, edges: [["give", "each"]] }), { provenance });
    const run = runner.run();
    let isOver = false;
    const over = run.finally(() => {
      isOver = true;
    });
    await until(() => seen.length === 2);
    run.cancel("enough");
    await until(() => seen.length === 4);
    await settled();
    expect(isOver).toBe(false);
    open.resolve();
    expect(await over).toMatchObject({ status: "cancelled", reason: "enough", outputs: {}, collected: [] });
    const { executions } = await provenance.inspect(run.runId);
    expect(executions.map(({ path, status }) => [path, status])).toEqual([
      ["give", "completed"],
      ["each", "aborted"],
      ["each[0]/child", "completed"],
      ["each[1]/child", "aborted"],
      ["each[2]/child", "aborted"],
    ]);
    isHeld = false;
    const value = (n: number) => ({ status: "completed", value: n });
    expect(await runner.restart(run.runId)).toMatchObject({
      status: "completed",
      outputs: { each: [value(0), value(1), value(2)] },
    });
  });

  test("a budget counts functions, not composites, and stops inside a map", async () => {
    const calls: string[] = [];
    const count = node({
      input: { n: Num },
      output: Num,
      run: ({ n }, { path }) => {
        calls.push(path);
        return n;
      },
    });
    const nodes = { give, each: map(dag("inner", { nodes: { count } })) };
    const runner = new DagRunner(dag("budget", { nodes, edges: [["give", "each"]] }), {
      provenance: new DagProvenance(create()),
    });
    const { runId, status } = await runner.run({}, { budget: { operations: 3 } });
    expect([status, calls]).toEqual(["paused", ["each[0]/count", "each[1]/count"]]);
    expect(await runner.restart(runId, { budget: { operations: 1 } })).toMatchObject({ status: "completed" });
    expect(calls).toEqual(["each[0]/count", "each[1]/count", "each[2]/count"]);
  });
});

/** A run whose process dies inside the effects of two elements. */
async function interrupted(effect: true | "ask", store: Store) {
  const keys: string[] = [];
  const dies = gate<number>();
  const act = node({
    input: { n: Num },
    output: Num,
    effect,
    run: ({ n }, { idempotencyKey }) => {
      keys.push(idempotencyKey);
      return keys.length <= 3 && n > 0 ? dies.promise : n;
    },
  });
  const nodes = { give, each: map(dag("inner", { nodes: { act } })) };
  const provenance = new DagProvenance(store, { leaseMs: 1_000, durability: "sync" });
  const made = dag("acts", { nodes, edges: [["give", "each"]] });
  const first = new DagRunner(made, { provenance, clock: new ManualClock() }).run();
  await until(() => keys.length === 3);
  await settled();
  const next = new DagRunner(made, { provenance, clock: new ManualClock(2_000_000) });
  return { first, dies, keys, provenance, next };
}

test("interrupted effects of children run again with their own keys, completed ones do not", async () => {
  const { first, keys, next } = await interrupted(true, memoryStore());
  expect(await next.restart(first.runId)).toMatchObject({ status: "completed", outputs: { each: [0, 1, 2] } });
  expect(keys).toHaveLength(5);
  expect(new Set(keys).size).toBe(3);
  expect(keys.filter((key) => key.endsWith("each[0]/act"))).toHaveLength(1);
});

test('interrupted effects of kind "ask" are asked about one by one, and an output can be supplied', async () => {
  const { first, keys, provenance, next } = await interrupted("ask", memoryStore());
  const [one, two] = ["each[1]/act", "each[2]/act"];
  const asked = await next.restart(first.runId);
  expect(asked).toMatchObject({ status: "paused", pauses: [{ path: one, reason: UNKNOWN }, { path: two }] });
  expect((await provenance.inspect(first.runId)).executions.map(({ path, status }) => [path, status])).toEqual([
    ["give", "completed"],
    ["each", "interrupted"],
    ["each[0]/act", "completed"],
    [one, "paused"],
    [two, "paused"],
  ]);
  const less = await next.restart(first.runId, { resume: { [one as string]: { output: 7 } } });
  expect(less).toMatchObject({ status: "paused", pauses: [{ path: two, reason: UNKNOWN }] });
  expect(keys).toHaveLength(3);
  const result = await next.restart(first.runId, { resume: { [two as string]: "run again" } });
  expect(result).toMatchObject({ status: "completed", outputs: { each: [0, 7, 2] } });
  expect(keys).toHaveLength(4);
});
