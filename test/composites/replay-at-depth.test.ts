// replay inside composites: paths, patterns, elements and whole composites, in both modes; and the record of a replay.

import { chain, DagProvenance, DagRunner, dag, list, map, node, type ReplayMode, type Store, type } from "heddle";
import { memoryStore } from "heddle/adapters/memory";
import { describe, expect, test } from "vitest";
import { storeWith } from "../support/store-with.js";
import { STORES } from "../support/stores.js";

const Num = type<number>("Num");
const Text = type<string>("Text");

/** split → chunks[i]/parse → chunks[i]/sum → report; every output counts the versions of what it is made of. */
function pipeline(store: Store, { count = 3, size = 1 } = {}) {
  const calls: string[] = [];
  const state = { version: 1, broken: new Set<string>() };
  const step = (name: string) =>
    node({
      input: { text: Text },
      output: Text,
      run: ({ text }, { path }) => {
        calls.push(path);
        if (state.broken.has(path)) throw new Error(`broken ${path}`);
        return `${name}${state.version}(${text})`.padEnd(size, "·");
      },
    });
  const chunk = dag("chunk", { nodes: { parse: step("p"), sum: step("s") }, edges: chain("parse", "sum") });
  const split = node({
    input: { from: Num },
    output: list(Text),
    run: ({ from }, { path }) => {
      calls.push(path);
      return Array.from({ length: count }, (_, i) => `${from + i}`);
    },
  });
  const report = node({
    input: { texts: list(Text) },
    output: Text,
    run: ({ texts }, { path }) => {
      calls.push(path);
      return texts.map((text) => text.replaceAll("·", "")).join(" ");
    },
  });
  const nodes = { split, chunks: map(chunk), report };
  const provenance = new DagProvenance(store);
  const made = dag("pipeline", { nodes, edges: chain("split", "chunks", "report") });
  const runner = new DagRunner(made, { provenance });
  return { calls, state, provenance, runner, run: () => runner.run({ split: { from: 0 } }) };
}

const ORDER = ["split", "chunks", ...[0, 1, 2].flatMap((i) => [`chunks[${i}]/parse`, `chunks[${i}]/sum`]), "report"];

interface Case {
  readonly rerun: readonly string[];
  readonly mode: ReplayMode;
  readonly executed: readonly string[];
  readonly stale: readonly string[];
  readonly report: string;
}

const KEPT = "s1(p1(0)) s1(p1(1)) s1(p1(2))";
const CASES: readonly Case[] = [
  {
    rerun: ["chunks[1]/parse"],
    mode: "pinned",
    executed: ["chunks[1]/parse"],
    stale: ["chunks[1]/sum", "report"],
    report: KEPT,
  },
  {
    rerun: ["chunks[1]/parse"],
    mode: "downstream",
    executed: ["chunks[1]/parse", "chunks[1]/sum", "report"],
    stale: [],
    report: "s1(p1(0)) s2(p2(1)) s1(p1(2))",
  },
  {
    rerun: ["chunks[*]/sum"],
    mode: "pinned",
    executed: ["chunks[0]/sum", "chunks[1]/sum", "chunks[2]/sum"],
    stale: ["report"],
    report: KEPT,
  },
  {
    rerun: ["chunks[*]/sum", "report"],
    mode: "pinned",
    executed: ["chunks[0]/sum", "chunks[1]/sum", "chunks[2]/sum", "report"],
    stale: [],
    report: "s2(p1(0)) s2(p1(1)) s2(p1(2))",
  },
  {
    rerun: ["chunks[2]"],
    mode: "pinned",
    executed: ["chunks[2]/parse", "chunks[2]/sum"],
    stale: ["report"],
    report: KEPT,
  },
  {
    rerun: ["chunks[2]"],
    mode: "downstream",
    executed: ["chunks[2]/parse", "chunks[2]/sum", "report"],
    stale: [],
    report: "s1(p1(0)) s1(p1(1)) s2(p2(2))",
  },
  {
    rerun: ["chunks"],
    mode: "downstream",
    executed: [...ORDER.filter((path) => path.includes("/")), "report"],
    stale: [],
    report: "s2(p2(0)) s2(p2(1)) s2(p2(2))",
  },
  {
    rerun: ["split"],
    mode: "pinned",
    executed: ["split"],
    stale: ORDER.slice(1),
    report: KEPT,
  },
];

describe.each(Object.entries(STORES))("%s", (_, create) => {
  test.each(CASES)("$mode replay of $rerun executes what its plan says", async (one) => {
    const { calls, state, provenance, runner, run } = pipeline(create());
    const { runId } = await run();
    state.version = 2;
    calls.length = 0;
    const { rerun, mode } = one;
    const plan = await runner.planReplay(runId, { rerun, mode });
    expect(calls).toEqual([]);
    expect(plan.steps.map(({ path }) => path)).toEqual(ORDER);
    const planned = plan.steps.filter(({ action, path }) => action === "rerun" && path !== "chunks");
    expect(planned.map(({ path }) => path)).toEqual(one.executed);
    expect(plan).toMatchObject({ stale: one.stale, blocked: [], unmatched: [], mode, replayOf: runId });

    const result = await runner.replay(runId, { rerun, mode });
    expect(result).toMatchObject({ status: "completed", stale: one.stale, outputs: { report: one.report } });
    expect([...calls].sort()).toEqual([...one.executed].sort());
    const { executions } = await provenance.inspect(result.runId);
    expect(executions.map(({ path, reason }) => [path, reason])).toEqual(
      plan.steps.map(({ path, reason = "reused" }) => [path, reason]),
    );
  });
});

test("the record of a replay has the order, the inputs, the edges and the children of its origin", async () => {
  const { provenance, runner, run } = pipeline(memoryStore(), { size: 1_000 });
  const { runId } = await run();
  const { runId: again } = await runner.replay(runId, { rerun: ["chunks[1]/sum", "report"] });
  const [before, after] = [await provenance.inspect(runId), await provenance.inspect(again)];
  expect(after.run).toMatchObject({ replayOf: runId });
  expect(after.executions.map(({ path }) => path)).toEqual(before.executions.map(({ path }) => path));
  const pairs = ({ edges }: typeof before) => edges.map(({ from, to, input, element }) => [from, to, input, element]);
  expect(pairs(after)).toEqual(pairs(before));
  const inputs = await Promise.all(ORDER.map((path) => provenance.loadInputs(runId, path)));
  await provenance.removeRun(runId);
  expect(await Promise.all(ORDER.map((path) => provenance.loadInputs(again, path)))).toEqual(inputs);
  const outputs = await provenance.loadOutput(again, "chunks");
  expect(outputs).toHaveLength(3);
  const last = await runner.replay(again, { rerun: ["chunks[0]/parse"] });
  await provenance.removeRun(again);
  expect(await provenance.loadOutput(last.runId, "chunks")).toEqual(outputs);
  expect(last).toMatchObject({ status: "completed", stale: ["chunks[0]/sum", "report"] });
});

test("what is stale keeps the inputs that it was really made of", async () => {
  const { state, provenance, runner, run } = pipeline(memoryStore());
  const { runId } = await run();
  state.version = 2;
  const replay = await runner.replay(runId, { rerun: ["chunks[1]"] });
  expect(replay).toMatchObject({ stale: ["report"], outputs: { report: KEPT } });
  expect(await provenance.loadOutput(replay.runId, "chunks")).toEqual(["s1(p1(0))", "s2(p2(1))", "s1(p1(2))"]);
  expect(await provenance.loadInputs(replay.runId, "report")).toEqual({ texts: KEPT.split(" ") });
});

test("new inputs execute the source; with downstream all below it, also where there are more elements then", async () => {
  const { calls, state, runner, run } = pipeline(memoryStore());
  const { runId } = await run();
  state.version = 2;
  calls.length = 0;
  const inputs = { split: { from: 5 } };
  const result = await runner.replay(runId, { inputs, mode: "downstream" });
  expect(result).toMatchObject({ outputs: { report: "s2(p2(5)) s2(p2(6)) s2(p2(7))" }, stale: [] });
  expect(calls).toHaveLength(8);
});

const ELEMENTS = /The elements of "chunks" are "chunks\[0\]", "chunks\[1\]"/;
const LABELS = /The nodes of the dag are "split", "chunks", "report"/;
test.each([
  ["chunks[3]", ELEMENTS],
  ["chunks[3]/parse", ELEMENTS],
  ["chunks[0]/nope", /In "chunks\[0\]" ran "chunks\[0\]\/parse"/],
  ["chunks/parse", ELEMENTS],
  ["nope[*]", LABELS],
  ["chunks{0}", ELEMENTS],
  ["chunks[*]/nope", LABELS],
])("%s names nothing that ran, and is refused with what there is", async (path, message) => {
  const { provenance, runner, run } = pipeline(memoryStore());
  const { runId } = await run();
  const refusal = { code: "UNKNOWN_PATH", message: expect.stringMatching(message) };
  await expect(runner.replay(runId, { rerun: ["report", path] })).rejects.toMatchObject(refusal);
  await expect(runner.planReplay(runId, { rerun: [path] })).rejects.toMatchObject(refusal);
  expect((await provenance.listRuns()).runs).toHaveLength(1);
});

test("a value of a child that is gone blocks the replay, until the child is named", async () => {
  const memory = memoryStore();
  const gone = new Set<string>();
  const store = storeWith(memory, (inner) => ({
    hasValues: async (at) => (await inner.hasValues(at)).map((has, i) => has && !gone.has(at[i]?.hash ?? "")),
    getValue: async (at) => (gone.has(at.hash) ? undefined : inner.getValue(at)),
  }));
  const { calls, provenance, runner, run } = pipeline(store, { size: 1_000 });
  const { runId } = await run();
  const { executions } = await provenance.inspect(runId);
  const ref = executions.find(({ path }) => path === "chunks[1]/sum")?.output?.ref ?? "";
  gone.add(ref.slice(1));
  const plan = await runner.planReplay(runId, { rerun: ["report"] });
  expect(plan.blocked).toEqual(["chunks[1]/sum"]);
  await expect(runner.replay(runId, { rerun: ["report"] })).rejects.toMatchObject({
    code: "REPLAY_BLOCKED",
    message: expect.stringContaining('"chunks[1]/sum"'),
  });
  calls.length = 0;
  expect(await runner.replay(runId, { rerun: ["report", "chunks[1]/sum"] })).toMatchObject({ status: "completed" });
  expect(calls).toEqual(["chunks[1]/sum", "report"]);
});

test("a replay of a run that failed in a map executes what has no output", async () => {
  const { calls, state, runner, run } = pipeline(memoryStore());
  state.broken.add("chunks[1]/sum");
  const { runId, status } = await run();
  expect(status).toBe("failed");
  const done = new Set(
    (await runner.planReplay(runId)).steps.filter((one) => one.action === "reuse").map((one) => one.path),
  );
  expect(done.has("chunks[1]/parse")).toBe(true);
  state.broken.clear();
  calls.length = 0;
  const result = await runner.replay(runId);
  expect(result).toMatchObject({ status: "completed", outputs: { report: KEPT }, stale: [] });
  expect([...calls].sort()).toEqual(ORDER.filter((path) => path !== "chunks" && !done.has(path)).sort());
});

test("a failed replay is restarted at the child that failed", async () => {
  const { calls, state, runner, run } = pipeline(memoryStore());
  const { runId } = await run();
  state.version = 2;
  state.broken.add("chunks[1]/sum");
  const replay = await runner.replay(runId, { rerun: ["chunks[1]"], mode: "downstream" });
  expect(replay).toMatchObject({ status: "failed", failedNode: "chunks[1]/sum" });
  state.broken.clear();
  calls.length = 0;
  const result = await runner.restart(replay.runId);
  expect(result).toMatchObject({
    status: "completed",
    outputs: { report: "s1(p1(0)) s2(p2(1)) s1(p1(2))" },
    stale: [],
  });
  expect(calls).toEqual(["chunks[1]/sum", "report"]);
});
