// What is recorded of children: their progress and log, and what earlier attempts of composites consumed.

import {
  chain,
  DagProvenance,
  DagRunner,
  dag,
  type JournalEvent,
  list,
  map,
  node,
  type Store,
  settled,
  type,
} from "heddle";
import { describe, expect, test } from "vitest";
import { STORES } from "../support/stores.js";

const Num = type<number>("Num");
const Text = type<string>("Text");
const numbers = (count: number) => node({ output: list(Num), run: () => Array.from({ length: count }, (_, i) => i) });

describe.each(Object.entries(STORES))("%s", (_, create) => {
  test("progress and log lines of a child are kept under its path, and heard at once", async () => {
    const heard: JournalEvent[] = [];
    const child = node({
      input: { n: Num },
      output: Num,
      retry: { attempts: 2 },
      run: ({ n }, { attempt, log, progress }) => {
        progress(n, 10);
        progress(n + 1, 10);
        log(`try ${attempt} of ${n}`, { n });
        if (n === 1 && attempt === 1) throw new Error("at first");
        return n;
      },
    });
    const nodes = { give: numbers(2), each: map(map(dag("inner", { nodes: { child } }))), rows: rowsOf(2) };
    const provenance = new DagProvenance(create());
    const made = dag("logs", { nodes, edges: chain("give", "rows", "each") });
    const { runId } = await new DagRunner(made, { provenance, onEvent: (event) => heard.push(event) }).run();
    const { executions } = await provenance.inspect(runId);
    const children = executions.filter(({ path }) => path.endsWith("/child"));
    const expected = [
      ["each[0][0]/child", 1, { done: 1, total: 10 }, ["try 1 of 0"]],
      ["each[1][0]/child", 1, { done: 2, total: 10 }, ["try 1 of 1"]],
      ["each[1][0]/child", 2, { done: 2, total: 10 }, ["try 2 of 1"]],
    ];
    const found = children.flatMap(({ path, attempts }) =>
      attempts.map(({ attempt, progress, logs }) => [path, attempt, progress, logs.map(({ message }) => message)]),
    );
    expect(found).toEqual(expected);
    const data = children[1]?.attempts[1]?.logs[0]?.data as string;
    expect(await provenance.loadValue(runId, data)).toEqual({ n: 1 });
    const lines = heard.flatMap((event) => (event.type === "node-log" ? [[event.path, event.message]] : []));
    expect(lines.sort()).toEqual(expected.map(([path, , , messages]) => [path, (messages as string[])[0]]));
    expect(executions.filter(({ composite }) => composite).flatMap(({ attempts }) => attempts[0]?.logs)).toEqual([]);
  });

  test("inputs of an earlier attempt are those of that attempt, when a collecting map was put together again", async () => {
    const { provenance, runner, state, first } = await collected(create());
    expect(first.outputs).toEqual({ call: "sum 100" });
    const { runId } = first;
    state.bad.delete(1);
    await runner.restart(runId, { rerun: ["each[1]"] });
    state.bad.delete(2);
    const last = await runner.restart(runId, { rerun: ["each[2]"] });
    expect(last.outputs).toEqual({ call: "sum 103" });
    const failed = (i: number) => ({ status: "failed", path: `each[${i}]/check`, error: { message: `bad ${i}` } });
    const value = (n: number) => ({ status: "completed", value: n });
    const inputsOf = async (path: string) =>
      Promise.all([1, 2, 3].map((attempt) => provenance.loadInputs(runId, path, attempt)));
    expect(await inputsOf("sum")).toMatchObject([
      { all: [value(0), failed(1), failed(2)] },
      { all: [value(0), value(1), failed(2)] },
      { all: [value(0), value(1), value(2)] },
    ]);
    expect(await inputsOf("call/print")).toEqual([{ n: 100 }, { n: 101 }, { n: 103 }]);
    expect(await inputsOf("call")).toEqual([{ input: 100 }, { input: 101 }, { input: 103 }]);
    expect(await provenance.loadInputs(runId, "sum")).toEqual({ all: [value(0), value(1), value(2)] });
    expect(await provenance.loadOutput(runId, "each")).toEqual([value(0), value(1), value(2)]);
    await expect(provenance.loadInputs(runId, "sum", 4)).rejects.toMatchObject({ code: "UNKNOWN_PATH" });
    await expect(provenance.loadInputs(runId, "each[0]/check", 2)).rejects.toMatchObject({ code: "UNKNOWN_PATH" });
  });

  test("what a replay took from a map is what the map was then, also after the map was mended", async () => {
    const { provenance, runner, state, first } = await collected(create());
    const replay = await runner.replay(first.runId, { rerun: ["sum"] });
    state.bad.clear();
    await runner.restart(first.runId, { rerun: ["each[*]"] });
    const expected = { all: [{ status: "completed", value: 0 }, { status: "failed" }, { status: "failed" }] };
    expect(await provenance.loadInputs(replay.runId, "sum")).toMatchObject(expected);
    expect(await provenance.loadOutput(replay.runId, "each")).toMatchObject(expected.all);
    await provenance.removeRun(first.runId);
    expect(await provenance.loadInputs(replay.runId, "sum")).toMatchObject(expected);
  });
});

/** Wraps each of `count` numbers in a list. */
function rowsOf(count: number) {
  return node({
    input: { ns: list(Num) },
    output: list(list(Num)),
    run: ({ ns }) => ns.slice(0, count).map((n) => [n]),
  });
}

/** A run of a collecting map over 0, 1 and 2, whose elements in `bad` fail; then a sum of what is left, and a call. */
async function collected(store: Store) {
  const state = { bad: new Set([1, 2]) };
  const check = node({
    input: { n: Num },
    output: Num,
    run: ({ n }) => {
      if (state.bad.has(n)) throw new Error(`bad ${n}`);
      return n;
    },
  });
  const sum = node({
    input: { all: list(settled(Num)) },
    output: Num,
    run: ({ all }) => all.reduce((a, one) => a + (one.status === "completed" ? one.value : 0), 100),
  });
  const print = node({ input: { n: Num }, output: Text, run: ({ n }) => `sum ${n}` });
  const each = map(dag("sub", { nodes: { check } }), { onError: "collect" });
  const nodes = { give: numbers(3), each, sum, call: dag("prints", { nodes: { print } }) };
  const provenance = new DagProvenance(store);
  const made = dag("collects", { nodes, edges: chain("give", "each", "sum", "call") });
  const runner = new DagRunner(made, { provenance });
  return { provenance, runner, state, first: await runner.run() };
}
