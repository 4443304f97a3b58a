// Pauses inside composites: siblings drain, the root pauses with the full path, and its answer finds it.

import {
  branch,
  type Context,
  chain,
  DagProvenance,
  DagRunner,
  dag,
  list,
  map,
  node,
  record,
  type Store,
  type,
} from "heddle";
import { describe, expect, test } from "vitest";
import { z } from "zod";
import { gate, settled } from "../support/manual-clock.js";
import { STORES } from "../support/stores.js";
import { until } from "../support/until.js";

const Num = type<number>("Num");
const cities = node({ output: record(list(Num)), run: () => ({ Oslo: [1, 2], Rome: [3] }) });
const double = node({ input: { n: Num }, output: Num, run: ({ n }) => n * 2 });
const total = node({
  input: { ns: record(list(Num)) },
  output: Num,
  run: ({ ns }) =>
    Object.values(ns)
      .flat()
      .reduce((a, b) => a + b, 0),
});

/** byCity{…}[…]{small}/ask: four composites deep. Who was called, in `calls`. */
function deep(store: Store, ask: (n: number, ctx: Context) => number | Promise<number>) {
  const calls: string[] = [];
  const asks = node({
    input: { n: Num },
    output: Num,
    run: ({ n }, ctx) => {
      calls.push(ctx.path);
      return ask(n, ctx);
    },
  });
  const small = dag("small", { nodes: { double, ask: asks }, edges: chain("double", "ask") });
  const byCity = map(map(branch((_: number): "small" => "small", { small })));
  const nodes = { cities, byCity, total };
  const provenance = new DagProvenance(store);
  const runner = new DagRunner(dag("deep", { nodes, edges: chain("cities", "byCity", "total") }), { provenance });
  return { calls, provenance, runner };
}

describe.each(Object.entries(STORES))("%s", (_, create) => {
  test("a pause deep inside drains the siblings, pauses the root with its path, and is answered by it", async () => {
    const drain = gate();
    const { calls, provenance, runner } = deep(create(), async (n, ctx) => {
      if (n === 4) return n + (ctx.pause("how much?", { n }, z.number()) as number);
      await drain.promise;
      return n;
    });
    let isOver = false;
    const run = runner.run();
    const over = run.finally(() => {
      isOver = true;
    });
    await until(() => calls.length === 3);
    await settled();
    expect(isOver).toBe(false);
    drain.resolve();
    const path = "byCity{Oslo}[1]{small}/ask";
    const pause = { path, reason: "how much?", payload: { n: 4 } };
    expect(await over).toMatchObject({ status: "paused", pauses: [pause], outputs: {} });
    const { run: recorded, executions } = await provenance.inspect(run.runId);
    expect(recorded).toMatchObject({ status: "paused", pauses: [{ path, reason: "how much?" }] });
    const statusOf = (at: string) => executions.find((one) => one.path === at)?.status;
    const around = ["byCity", "byCity{Oslo}", "byCity{Oslo}[1]", "byCity{Oslo}[1]{small}/double", path];
    expect(around.map(statusOf)).toEqual(["paused", "paused", "paused", "completed", "paused"]);
    expect(["byCity{Oslo}[0]{small}/ask", "byCity{Rome}[0]{small}/ask", "byCity{Rome}"].map(statusOf)).toEqual([
      "completed",
      "completed",
      "completed",
    ]);

    calls.length = 0;
    const result = await runner.restart(run.runId, { resume: { [path]: 100 } });
    expect(result).toMatchObject({ status: "completed", outputs: { total: 112 } });
    expect(calls).toEqual([path]);
    expect(await provenance.loadOutput(run.runId, "byCity")).toEqual({ Oslo: [2, 104], Rome: [6] });
  });

  test("several pause together, and are answered together or one by one", async () => {
    const all = gate();
    const { calls, runner } = deep(create(), async (_, ctx) => {
      if (calls.length === 3) all.resolve();
      await all.promise;
      return ctx.pause("n?", undefined, Num);
    });
    const paused = await runner.run();
    const paths = ["byCity{Oslo}[0]{small}/ask", "byCity{Oslo}[1]{small}/ask", "byCity{Rome}[0]{small}/ask"];
    if (paused.status !== "paused") throw new Error(paused.status);
    expect(calls.sort()).toEqual(paths);
    expect(paused.pauses.map(({ path }) => path).sort()).toEqual(paths);

    calls.length = 0;
    const [first = "", second = "", third = ""] = paths;
    const less = await runner.restart(paused.runId, { resume: { [first]: 1, [third]: 3 } });
    if (less.status !== "paused") throw new Error(less.status);
    expect(less.pauses.map(({ path }) => path)).toEqual([second]);
    expect(calls.sort()).toEqual(paths);
    calls.length = 0;
    expect(await runner.restart(paused.runId, { resume: { [second]: 2 } })).toMatchObject({ outputs: { total: 6 } });
    expect(calls).toEqual([second]);
  });

  test("a pause from outside lets running children finish, starts none, and a restart executes the others", async () => {
    const open = gate();
    const { calls, provenance, runner } = deep(create(), async (n) => {
      await open.promise;
      return n;
    });
    const run = runner.run();
    await until(() => calls.length === 3);
    run.pause("lunch");
    open.resolve();
    expect(await run).toMatchObject({ status: "paused", reason: "lunch", pauses: [] });
    const { executions } = await provenance.inspect(run.runId);
    expect(executions.filter(({ composite, status }) => !composite && status === "completed")).toHaveLength(7);
    calls.length = 0;
    expect(await runner.restart(run.runId)).toMatchObject({ status: "completed", outputs: { total: 12 } });
    expect(calls).toEqual([]);
  });

  test("a refused answer pauses again and says why; nothing else is executed", async () => {
    const all = gate();
    const { calls, runner } = deep(create(), async (n, ctx) => {
      if (calls.length === 3) all.resolve();
      await all.promise;
      return n === 6 ? ctx.pause("n?", undefined, z.number()) : n;
    });
    const { runId } = await runner.run();
    calls.length = 0;
    const path = "byCity{Rome}[0]{small}/ask";
    expect(await runner.restart(runId, { resume: { [path]: "many" } })).toMatchObject({
      status: "paused",
      pauses: [{ path, rejected: expect.stringContaining("number") }],
    });
    expect(calls).toEqual([path]);
    expect(await runner.restart(runId, { resume: { [path]: 0 } })).toMatchObject({ outputs: { total: 6 } });
  });

  test.each([
    ["byCity{Bonn}[0]{small}/ask", "NOT_PAUSED"],
    ["byCity{Oslo}[0]{small}/ask", "NOT_PAUSED"],
    ["byCity{Rome}[0]", "NOT_PAUSED"],
    ["byCity", "NOT_PAUSED"],
    ["ask", "UNKNOWN_PATH"],
    ["byCity/ask", "UNKNOWN_PATH"],
    ["byCity{Rome}[0]/ask", "UNKNOWN_PATH"],
    ["byCity{Rome}[0]{large}/ask", "UNKNOWN_PATH"],
    ["byCity{Rome}[0]{small}/nope", "UNKNOWN_PATH"],
    ["byCity{Rome}[0]{small}", "UNKNOWN_PATH"],
    ["byCity{Rome}[0][0]{small}/ask", "UNKNOWN_PATH"],
    ["cities[0]", "UNKNOWN_PATH"],
  ])("an answer for %s is refused with %s and the paths that wait", async (path, code) => {
    const { runner } = deep(create(), (n, ctx) => (n === 6 ? ctx.pause("n?", undefined, Num) : n));
    const { runId } = await runner.run();
    await expect(runner.restart(runId, { resume: { [path]: 1 } })).rejects.toMatchObject({
      code,
      message: expect.stringContaining('"byCity{Rome}[0]{small}/ask"'),
    });
  });
});
