// What the Python original does badly with composites (DEFECTS.md), row by row; the other rows are in test/defects.test.ts.

import {
  branch,
  type Context,
  chain,
  DagProvenance,
  DagRunner,
  dag,
  type Edge,
  list,
  type Member,
  map,
  node,
  type,
} from "heddle";
import { memoryStore } from "heddle/adapters/memory";
import { expect, test } from "vitest";
import { gate, settled } from "../support/manual-clock.js";
import { until } from "../support/until.js";

const Num = type<number>("Num");
const numbers = (count: number) => node({ output: list(Num), run: () => Array.from({ length: count }, (_, i) => i) });
const plusOne = node({ input: { n: Num }, output: Num, run: ({ n }) => n + 1 });

/** A node that calls `run`, and the paths at which it was called. */
function noted(run: (n: number, ctx: Context) => number | Promise<number> = (n) => n) {
  const calls: string[] = [];
  const child = node({
    input: { n: Num },
    output: Num,
    run: ({ n }, ctx) => {
      calls.push(ctx.path);
      return run(n, ctx);
    },
  });
  return { calls, child };
}

/** A runner of give → each. */
function mapped(count: number, each: Member, provenance = new DagProvenance(memoryStore())) {
  const made = dag("mapped", { nodes: { give: numbers(count), each }, edges: [["give", "each"]] as readonly Edge[] });
  return { provenance, runner: new DagRunner(made, { provenance }) };
}

test("defect 2: a map has a limit per map and per runner, and starts no element before there is room", async () => {
  const open = gate();
  const { calls, child } = noted(async (n) => {
    await open.promise;
    return n;
  });
  const { runner } = mapped(100, map(child, { concurrency: 3 }));
  const limited = new DagRunner(runner.dag, { concurrency: 2 });
  const first = runner.run();
  await until(() => calls.length === 3);
  await settled();
  expect(calls).toEqual(["each[0]", "each[1]", "each[2]"]);
  const second = limited.run();
  await until(() => calls.length === 5);
  await settled();
  expect(calls).toHaveLength(5);
  open.resolve();
  expect([(await first).status, (await second).status]).toEqual(["completed", "completed"]);
  expect(calls).toHaveLength(200);
});

test("defect 3: siblings of a failed element are aborted and awaited before the run returns", async () => {
  const late = gate();
  let active = 0;
  const { calls, child } = noted(async (n, { signal }) => {
    active++;
    try {
      if (n === 1) {
        await until(() => calls.length === 3);
        throw new Error("broken");
      }
      await new Promise((resolve) => signal.addEventListener("abort", resolve));
      await late.promise;
      return n;
    } finally {
      active--;
    }
  });
  const { runner } = mapped(9, map(child, { concurrency: 3 }));
  const run = runner.run();
  let isOver = false;
  const over = run.finally(() => {
    isOver = true;
  });
  await until(() => active === 2 && calls.length === 3);
  await settled();
  expect(isOver).toBe(false);
  late.resolve();
  expect(await over).toMatchObject({ status: "failed", failedNode: "each[1]", error: { message: "broken" } });
  expect(active).toBe(0);
  await settled();
  expect(calls).toEqual(["each[0]", "each[1]", "each[2]"]);
});

test("defect 7: a pause from outside reaches into composites, and belongs to one run", async () => {
  const gates = new Map<string, ReturnType<typeof gate<void>>>();
  const { calls, child } = noted(async (n, { runId }) => {
    const open = gates.get(runId) ?? gate<void>();
    gates.set(runId, open);
    await open.promise;
    return n;
  });
  const { provenance, runner } = mapped(5, map(dag("inner", { nodes: { child } }), { concurrency: 2 }));
  const paused = runner.run();
  const other = runner.run();
  await until(() => calls.length === 4);
  paused.pause("lunch");
  for (const open of gates.values()) open.resolve();
  expect(await paused).toMatchObject({ status: "paused", reason: "lunch", pauses: [], outputs: {} });
  expect(await other).toMatchObject({ status: "completed", outputs: { each: [0, 1, 2, 3, 4] } });
  const { executions } = await provenance.inspect(paused.runId);
  expect(executions.map(({ path, status }) => [path, status])).toEqual([
    ["give", "completed"],
    ["each", "paused"],
    ["each[0]/child", "completed"],
    ["each[1]/child", "completed"],
  ]);
  calls.length = 0;
  expect(await runner.restart(paused.runId)).toMatchObject({ status: "completed", outputs: { each: [0, 1, 2, 3, 4] } });
  expect(calls).toEqual(["each[2]/child", "each[3]/child", "each[4]/child"]);
});

test("defect 8: a pause inside a map, a call and a branch is a pause, with its path, reason and payload", async () => {
  const { child } = noted((n, { path, pause }) => n + pause("how much?", { path }, Num));
  const sub = dag("sub", { nodes: { child } });
  const nodes = {
    one: node({ output: Num, run: () => 1 }),
    give: numbers(1),
    each: map(sub),
    collects: map(sub, { onError: "collect" }),
    call: sub,
    route: branch((_: number): "a" => "a", { a: sub }),
  };
  const edges = [
    ["give", "each"],
    ["give", "collects"],
    ["one", "call"],
    ["one", "route"],
  ] as const;
  const runner = new DagRunner(dag("asks", { nodes, edges }), { provenance: new DagProvenance(memoryStore()) });
  const seen: string[] = [];
  let result = await runner.run();
  for (let round = 0; result.status === "paused" && round < 20; round++) {
    const [first] = result.pauses;
    if (!first) throw new Error("no pause");
    expect(first).toEqual({ path: first.path, reason: "how much?", payload: { path: first.path } });
    seen.push(...result.pauses.map(({ path }) => path));
    result = await runner.restart(result.runId, {
      resume: Object.fromEntries(result.pauses.map(({ path }) => [path, 10])),
    });
  }
  expect(seen.sort()).toEqual(["call/child", "collects[0]/child", "each[0]/child", "route{a}/child"]);
  expect(result).toMatchObject({
    status: "completed",
    outputs: { each: [10], collects: [{ status: "completed", value: 10 }], call: 11, route: 11 },
    collected: [],
  });
});

test("defect 18: restart executes only the elements, and the nodes in them, that did not complete", async () => {
  let broken = true;
  const first = noted();
  const second = noted((n) => {
    if (broken && n === 2) throw new Error("broken");
    return n;
  });
  const sub = dag("sub", { nodes: { first: first.child, second: second.child }, edges: chain("first", "second") });
  const { runner } = mapped(4, map(sub, { concurrency: 1 }));
  const { runId, status } = await runner.run();
  expect([status, second.calls.at(-1)]).toEqual(["failed", "each[2]/second"]);
  broken = false;
  first.calls.length = second.calls.length = 0;
  expect(await runner.restart(runId)).toMatchObject({ status: "completed", outputs: { each: [0, 1, 2, 3] } });
  expect([...first.calls, ...second.calls]).toEqual(["each[3]/first", "each[2]/second", "each[3]/second"]);
});

test("defect 21: a replay keeps the inputs, edges and children of composites that it reuses", async () => {
  const { calls, child } = noted();
  const total = node({ input: { ns: list(Num) }, output: Num, run: ({ ns }) => ns.length });
  const nodes = { give: numbers(3), each: map(dag("inner", { nodes: { child } })), total };
  const provenance = new DagProvenance(memoryStore());
  const runner = new DagRunner(dag("reuses", { nodes, edges: chain("give", "each", "total") }), { provenance });
  const { runId } = await runner.run();
  calls.length = 0;
  const replay = await runner.replay(runId, { rerun: ["total"] });
  expect(calls).toEqual([]);
  const [before, after] = [await provenance.inspect(runId), await provenance.inspect(replay.runId)];
  expect(after.run).toMatchObject({ replayOf: runId });
  expect(after.executions.map(({ path, parent }) => [path, parent])).toEqual(
    before.executions.map(({ path, parent }) => [path, parent]),
  );
  expect(after.executions.find(({ path }) => path === "each")).toMatchObject({
    status: "reused",
    children: { reused: 3 },
  });
  const pairs = ({ edges }: typeof before) => edges.map(({ from, to, input, element }) => [from, to, input, element]);
  expect(pairs(after)).toEqual(pairs(before));
  await provenance.removeRun(runId);
  expect(await provenance.loadInputs(replay.runId, "each[1]/child")).toEqual({ n: 1 });
  expect(await provenance.loadOutput(replay.runId, "each")).toEqual([0, 1, 2]);
});

test("defect 29: an edge into an element is traversed when the element consumes it, with value and input", async () => {
  const { child } = noted((n) => {
    if (n === 1) throw new Error("broken");
    return n;
  });
  const sub = dag("sub", { nodes: { child, plusOne }, edges: chain("child", "plusOne") });
  const total = node({ input: { ns: list(Num) }, output: Num, run: ({ ns }) => ns.length });
  const nodes = { give: numbers(3), each: map(sub, { concurrency: 1 }), total };
  const provenance = new DagProvenance(memoryStore());
  const runner = new DagRunner(dag("fails", { nodes, edges: chain("give", "each", "total") }), { provenance });
  const { runId } = await runner.run();
  const { edges } = await provenance.inspect(runId);
  expect(edges.map(({ from, to, input, element }) => [from, to, input, element])).toEqual([
    ["give", "each", "input", undefined],
    ["give", "each[0]/child", "n", "[0]"],
    ["each[0]/child", "each[0]/plusOne", "n", undefined],
    ["give", "each[1]/child", "n", "[1]"],
  ]);
});

test("defect 30: after restarts a map has each child once, with all its attempts", async () => {
  let round = 0;
  const { child } = noted((n) => {
    if (n === round) throw new Error(`broken in round ${round}`);
    return n;
  });
  // The paths of `each` begin like those of `each2` and of `e`.
  const give = numbers(3);
  const nodes = { give, e: map(plusOne), each2: map(plusOne), each: map(child, { concurrency: 1 }) };
  const edges = ["e", "each2", "each"].map((label): Edge => ["give", label]);
  const provenance = new DagProvenance(memoryStore());
  const runner = new DagRunner(dag("rounds", { nodes, edges }), { provenance });
  let result = await runner.run();
  for (round = 1; round <= 3; round++) result = await runner.restart(result.runId);
  expect(result.status).toBe("completed");
  const inspection = await provenance.inspect(result.runId);
  const composites = inspection.executions.filter(({ composite }) => composite);
  expect(composites.map(({ path, children }) => [path, children])).toEqual(
    expect.arrayContaining(["e", "each", "each2"].map((path) => [path, { completed: 3 }])),
  );
  const { executions } = await provenance.inspect(result.runId, { under: "each" });
  expect(executions.map(({ path, attempts }) => [path, attempts.map(({ status }) => status)])).toEqual([
    ["each[0]", ["failed", "completed"]],
    ["each[1]", ["failed", "completed"]],
    ["each[2]", ["failed", "completed"]],
  ]);
});
