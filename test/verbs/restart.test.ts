// restart: the same run goes on; what is recorded as completed is not executed again.

import {
  chain,
  DagProvenance,
  DagRunner,
  dag,
  type Edge,
  type Node,
  node,
  type OnChange,
  optional,
  type,
} from "heddle";
import { memoryStore } from "heddle/adapters/memory";
import { expect, test } from "vitest";
import { gate, ManualClock } from "../support/manual-clock.js";
import { storeWith } from "../support/store-with.js";
import { until } from "../support/until.js";

const Num = type<number>("Num");
const Text = type<string>("Text");

/** A line a → b → c, whose b does what `b` says, after its start is stored; and who was called. */
function line(b: (n: number) => number | Promise<number>) {
  const calls: string[] = [];
  const step = (act: (n: number) => number | Promise<number>, effect = false) =>
    node({
      input: { n: Num },
      output: Num,
      effect,
      run: ({ n }, { label }) => {
        calls.push(label);
        return act(n);
      },
    });
  const add = (n: number) => n + 1;
  const nodes = { a: step(add), b: step(b, true), c: step(add) };
  return { calls, dag: dag("line", { nodes, edges: chain("a", "b", "c") }) };
}

test("a paused, a failed and a cancelled run go on where they ended, with their recorded inputs", async () => {
  for (const end of ["paused", "failed", "cancelled"] as const) {
    const held = gate();
    let broken = true;
    const { calls, dag: lineOf } = line(async (n) => {
      await held.promise;
      if (broken) throw new Error("broken");
      return n + 1;
    });
    const runner = new DagRunner(lineOf, { provenance: new DagProvenance(memoryStore()) });
    const run = runner.run({ a: { n: 1 } });
    await until(() => calls.includes("b"));
    if (end === "cancelled") run.cancel();
    if (end === "paused") {
      broken = false;
      run.pause();
    }
    held.resolve();
    expect((await run).status).toBe(end);
    broken = false;
    calls.length = 0;
    expect(await runner.restart(run.runId)).toMatchObject({
      runId: run.runId,
      status: "completed",
      outputs: { c: 4 },
    });
    expect(calls).toEqual(end === "paused" ? ["c"] : ["b", "c"]);
  }
});

test("a running run is refused while its owner lives, and goes on when its lease is over", async () => {
  const held = gate<number>();
  let dead = true;
  const { calls, dag: lineOf } = line((n) => (dead ? held.promise : n + 1));
  const provenance = new DagProvenance(memoryStore(), { leaseMs: 30_000 });
  const ownersClock = new ManualClock();
  const first = new DagRunner(lineOf, { provenance, clock: ownersClock }).run({ a: { n: 1 } });
  await until(() => calls.includes("b"));
  await ownersClock.advance(20_000); // The owner renews its lease for the last time.
  dead = false;

  const clock = new ManualClock(ownersClock.now());
  const second = new DagRunner(lineOf, { provenance, clock });
  await clock.advance(29_999);
  await expect(second.restart(first.runId)).rejects.toMatchObject({
    code: "RUN_OWNED",
    message: expect.stringContaining("in 1 s"),
  });
  await clock.advance(1);
  calls.length = 0;
  expect(await second.restart(first.runId)).toMatchObject({ status: "completed", outputs: { c: 4 } });
  expect(calls).toEqual(["b", "c"]);
  const b = (await provenance.inspect(first.runId)).executions.find(({ path }) => path === "b");
  expect(b?.attempts).toMatchObject([
    { attempt: 1, status: "interrupted" },
    { attempt: 2, status: "completed", reason: "restarted after interruption" },
  ]);
  held.resolve(99);
  await expect(first).rejects.toMatchObject({ code: "FENCED" });
  expect(await provenance.loadOutput(first.runId, "c")).toBe(4);
});

test("a live owner renews its lease as long as it runs", async () => {
  const held = gate();
  let isRunning = false;
  const wait = node({
    effect: true,
    run: () => {
      isRunning = true;
      return held.promise;
    },
  });
  const clock = new ManualClock();
  const provenance = new DagProvenance(memoryStore(), { leaseMs: 30_000 });
  const runner = new DagRunner(dag("waits", { nodes: { wait } }), { provenance, clock });
  const run = runner.run();
  await until(() => isRunning);
  await clock.advance(300_000);
  await expect(runner.restart(run.runId)).rejects.toMatchObject({ code: "RUN_OWNED" });
  held.resolve();
  expect(await run).toMatchObject({ status: "completed" });
});

test("of two restarts at the same time one is refused", async () => {
  let calls = 0;
  const count = node({ run: () => void calls++ });
  const runner = new DagRunner(dag("counts", { nodes: { count } }), { provenance: new DagProvenance(memoryStore()) });
  const run = runner.run();
  run.pause();
  await run;
  const ends = await Promise.allSettled([runner.restart(run.runId), runner.restart(run.runId)]);
  expect(ends.map(({ status }) => status).sort()).toEqual(["fulfilled", "rejected"]);
  expect(calls).toBe(1);
});

test("a completed run is refused, and replay is offered", async () => {
  const runner = new DagRunner(line((n) => n).dag, { provenance: new DagProvenance(memoryStore()) });
  const { runId } = await runner.run({ a: { n: 1 } });
  await expect(runner.restart(runId)).rejects.toMatchObject({
    code: "RUN_COMPLETED",
    message: expect.stringContaining(`replay("${runId}"`),
  });
});

test("a refused restart leaves the run free for the next", async () => {
  let broken = true;
  const { dag: lineOf } = line((n) => {
    if (broken) throw new Error("broken");
    return n;
  });
  const runner = new DagRunner(lineOf, { provenance: new DagProvenance(memoryStore()) });
  const { runId } = await runner.run({ a: { n: 1 } });
  broken = false;
  await expect(runner.restart(runId, { resume: { typo: 1 } })).rejects.toMatchObject({ code: "UNKNOWN_PATH" });
  expect(await runner.restart(runId)).toMatchObject({ status: "completed" });
});

test("a failed replay goes on as a replay: what it reused stays reused, and its stale paths stay named", async () => {
  let broken = false;
  const { calls, dag: lineOf } = line((n) => {
    if (broken) throw new Error("broken");
    return n + 1;
  });
  const provenance = new DagProvenance(memoryStore());
  const runner = new DagRunner(lineOf, { provenance });
  const { runId } = await runner.run({ a: { n: 1 } });
  broken = true;
  const replay = await runner.replay(runId, { rerun: ["b"] });
  expect(replay).toMatchObject({ status: "failed", stale: ["c"] });
  broken = false;
  calls.length = 0;
  expect(await runner.restart(replay.runId)).toMatchObject({ status: "completed", stale: ["c"], outputs: { c: 4 } });
  expect(calls).toEqual(["b"]);
  const { run, executions } = await provenance.inspect(replay.runId);
  expect(run.replayOf).toBe(runId);
  expect(executions.map(({ path, status }) => [path, status])).toEqual([
    ["a", "reused"],
    ["b", "completed"],
    ["c", "reused"],
  ]);
});

test("only the values that are needed are read", async () => {
  let broken = true;
  let reads = 0;
  const store = storeWith(memoryStore(), (inner) => ({
    getValue: (at) => {
      reads++;
      return inner.getValue(at);
    },
  }));
  const large = (text: string) => text.repeat(1_000);
  const pass = node({ input: { text: Text }, output: Text, run: ({ text }) => `${text}.` });
  const nodes = {
    a: pass,
    b: pass,
    last: node({
      input: { text: Text },
      output: Num,
      run: ({ text }) => {
        if (broken) throw new Error("broken");
        return text.length;
      },
    }),
  };
  const runner = new DagRunner(dag("large", { nodes, edges: chain("a", "b", "last") }), {
    provenance: new DagProvenance(store),
  });
  const { runId } = await runner.run({ a: { text: large("x") } });
  broken = false;
  reads = 0;
  expect(await runner.restart(runId)).toMatchObject({ outputs: { last: 1_002 } });
  expect(reads).toBe(1); // The output of b: not the input of a, and not its output.
});

test("a node on the way to its inputs reads a value once for all its consumers", async () => {
  let broken = true;
  let reads = 0;
  const store = storeWith(memoryStore(), (inner) => ({
    getValue: (at) => {
      reads++;
      return inner.getValue(at);
    },
  }));
  const consume = node({
    input: { text: Text },
    run: ({ text }) => {
      if (broken) throw new Error(text);
    },
  });
  const nodes = { text: node({ output: Text, run: () => "x".repeat(1_000) }), left: consume, right: consume };
  const edges = [
    ["text", "left"],
    ["text", "right"],
  ] as const;
  const runner = new DagRunner(dag("shared", { nodes, edges }), { provenance: new DagProvenance(store) });
  const { runId } = await runner.run();
  broken = false;
  reads = 0;
  expect(await runner.restart(runId)).toMatchObject({ status: "completed" });
  expect(reads).toBe(1);
});

// ---- a changed dag

const one = (version?: string) =>
  node({ input: { n: optional(Num) }, output: Num, run: () => 1, ...(version ? { version } : {}) });
const sum = (version?: string) =>
  node({
    input: { a: Num, b: optional(Num) },
    output: Num,
    run: ({ a, b = 0 }) => a + b,
    ...(version ? { version } : {}),
  });
const failing = node({
  input: { n: Num },
  output: Num,
  run: () => {
    throw new Error("not yet");
  },
});
const passing = node({ input: { n: Num }, output: Num, run: ({ n }) => n });

interface Definition {
  readonly nodes: Record<string, Node>;
  readonly edges: Edge[];
}

const base = {
  nodes: { x: one(), y: one(), total: sum(), end: failing },
  edges: [
    ["x", "total", "a"],
    ["y", "total", "b"],
    ["total", "end"],
  ] as Edge[],
};
const changedDags = {
  "a new version": {
    nodes: { ...base.nodes, y: one("2"), end: passing },
    edges: base.edges,
    diff: ['"y" has version 2, was none'],
    again: ["y", "total", "end"],
  },
  "an added edge": {
    nodes: { ...base.nodes, end: passing },
    edges: [...base.edges, ["y", "x"]] as Edge[],
    diff: ['input "n" of "x" is one? from "y", was one? from none'],
    again: ["x", "total", "end"],
  },
  "a new node": {
    nodes: { ...base.nodes, more: passing, end: passing },
    edges: [...base.edges, ["x", "more"]] as Edge[],
    diff: ['"more" is new'],
    again: ["more", "end"],
  },
  "a removed node": {
    nodes: { x: base.nodes.x, total: base.nodes.total, end: passing },
    edges: base.edges.filter(([up]) => up !== "y"),
    diff: ['input "b" of "total" is one? from none, was one? from "y"', '"y" is gone'],
    again: ["total", "end"],
  },
};

/** Runs the base dag, which fails at its end, and restarts it as the changed one. */
async function changeTo(change: keyof typeof changedDags) {
  const provenance = new DagProvenance(memoryStore());
  const { runId } = await new DagRunner(dag("base", base), { provenance }).run();
  const { nodes, edges, ...expected } = changedDags[change];
  const runner = new DagRunner(dag("base", { nodes, edges } as Definition), { provenance });
  const before = await provenance.inspect(runId);
  const restart = (onChange?: OnChange) => runner.restart(runId, onChange ? { onChange } : {});
  const executed = async () =>
    (await provenance.inspect(runId)).executions
      .filter(({ path, attempts }) => {
        const earlier = before.executions.find((one) => one.path === path)?.attempts.length ?? 0;
        return attempts.length > earlier;
      })
      .map(({ path }) => path);
  return { ...expected, runId, provenance, before, restart, executed };
}

const changes = Object.keys(changedDags) as (keyof typeof changedDags)[];

test.each(changes)("%s is refused with a readable difference, and nothing is recorded", async (change) => {
  const { diff, runId, provenance, before, restart } = await changeTo(change);
  const refused = restart();
  await expect(refused).rejects.toMatchObject({
    code: "DAG_CHANGED",
    message: expect.stringMatching(/onChange: "invalidate".*onChange: "ignore"/),
  });
  const error = (await refused.catch((thrown) => thrown)) as { faults: string[]; message: string };
  expect([...error.faults].sort()).toEqual([...diff].sort());
  for (const fault of error.faults) expect(error.message).toContain(fault);
  expect(await provenance.inspect(runId)).toEqual(before);
});

test.each(changes)("with invalidate, %s and its descendants are executed again, and nothing else", async (change) => {
  const { again, restart, executed } = await changeTo(change);
  expect(await restart("invalidate")).toMatchObject({ status: "completed" });
  expect((await executed()).sort()).toEqual([...again].sort());
});

test.each(changes)("with ignore, %s makes nothing that is recorded run again", async (change) => {
  const { restart, executed } = await changeTo(change);
  expect(await restart("ignore")).toMatchObject({ status: "completed" });
  expect((await executed()).sort()).toEqual(change === "a new node" ? ["end", "more"] : ["end"]);
});

test("what was executed because the dag changed says so, and the run now belongs to the new dag", async () => {
  const { runId, provenance, before, restart } = await changeTo("a new version");
  await restart("invalidate");
  const { run, executions } = await provenance.inspect(runId);
  expect(run.fingerprint).not.toBe(before.run.fingerprint);
  const reasons = Object.fromEntries(executions.map(({ path, reason }) => [path, reason]));
  expect(reasons).toMatchObject({ x: "first run", y: "dag changed", total: "dag changed", end: "dag changed" });
});

test("what was invalidated stays so over further restarts", async () => {
  const provenance = new DagProvenance(memoryStore());
  const { runId } = await new DagRunner(dag("base", base), { provenance }).run();
  const { nodes, edges } = changedDags["a new version"];
  const runner = new DagRunner(dag("base", { nodes, edges } as Definition), { provenance });
  const before = (await provenance.inspect(runId)).executions.find(({ path }) => path === "y");
  await runner.restart(runId, { onChange: "invalidate", budget: { operations: 0 } });
  await expect(provenance.loadOutput(runId, "y")).rejects.toMatchObject({ code: "UNKNOWN_PATH" });
  expect(await runner.restart(runId)).toMatchObject({ status: "completed" });
  const after = (await provenance.inspect(runId)).executions.find(({ path }) => path === "y");
  expect(after?.attempts).toHaveLength((before?.attempts.length ?? 0) + 1);
});

test("the order of declaration is no change", async () => {
  const provenance = new DagProvenance(memoryStore());
  const { runId } = await new DagRunner(dag("base", base), { provenance }).run();
  const nodes = Object.fromEntries(Object.entries({ ...base.nodes, end: passing }).reverse());
  const reordered = dag("base", { nodes, edges: [...base.edges].reverse() });
  expect(await new DagRunner(reordered, { provenance }).restart(runId)).toMatchObject({ status: "completed" });
});
