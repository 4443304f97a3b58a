// replay of maps that collect failures: a failure is a result, and stays one unless it is named.

import { chain, DagProvenance, DagRunner, dag, list, map, node, type Settled, settled, type } from "heddle";
import { memoryStore } from "heddle/adapters/memory";
import { expect, test } from "vitest";

const Num = type<number>("Num");
const SettledNum = settled(Num);

function collecting() {
  const calls: string[] = [];
  const bad = new Set([1, 2]);
  const step = (fails: boolean) =>
    node({
      input: { n: Num },
      output: Num,
      run: ({ n }, { path }) => {
        calls.push(path);
        if (fails && bad.has(n)) throw new Error(`bad ${n}`);
        return n;
      },
    });
  const sub = dag("sub", { nodes: { first: step(false), second: step(true) }, edges: chain("first", "second") });
  const give = node({ output: list(Num), run: () => [0, 1, 2, 3] });
  const count = (all: readonly Settled<number>[]) => all.filter(({ status }) => status === "completed").length;
  const total = node({ input: { all: list(SettledNum) }, output: Num, run: ({ all }) => count(all) });
  const nodes = { give, each: map(sub, { onError: "collect" }), total };
  const provenance = new DagProvenance(memoryStore());
  const runner = new DagRunner(dag("collecting", { nodes, edges: chain("give", "each", "total") }), { provenance });
  return { calls, bad, provenance, runner };
}

test("a collected failure is kept with its error, by the replay and by a replay of that", async () => {
  const { calls, bad, provenance, runner } = collecting();
  const first = await runner.run();
  bad.clear();
  calls.length = 0;
  const failed = (result: typeof first) => result.collected.map(({ path, error }) => [path, error.message]);
  let before = first.runId;
  for (let round = 0; round < 2; round++) {
    const replay = await runner.replay(before, { rerun: ["total"] });
    expect(replay).toMatchObject({ status: "completed", outputs: { total: 2 } });
    expect(failed(replay)).toEqual([
      ["each[1]", "bad 1"],
      ["each[2]", "bad 2"],
    ]);
    expect(await provenance.loadOutput(replay.runId, "each")).toEqual(await provenance.loadOutput(before, "each"));
    await provenance.removeRun(before);
    before = replay.runId;
  }
  expect(calls).toEqual([]);
});

test("a named failure is executed again, the other is kept, and the record has all children in order", async () => {
  const { calls, bad, provenance, runner } = collecting();
  const first = await runner.run();
  bad.clear();
  calls.length = 0;
  const replay = await runner.replay(first.runId, { rerun: ["each[1]/second"], mode: "downstream" });
  expect(calls).toEqual(["each[1]/second"]);
  expect(replay).toMatchObject({
    outputs: { total: 3 },
    collected: [{ path: "each[2]", failedNode: "each[2]/second" }],
  });
  const paths = async (runId: string) => (await provenance.inspect(runId)).executions.map(({ path }) => path);
  expect(await paths(replay.runId)).toEqual(await paths(first.runId));
});

test("a failure kept by a replay can be executed again by a restart of it", async () => {
  const { calls, bad, runner } = collecting();
  const first = await runner.run();
  const replay = await runner.replay(first.runId, { rerun: ["total"] });
  bad.clear();
  calls.length = 0;
  const result = await runner.restart(replay.runId, { rerun: ["each[2]"] });
  expect(calls).toEqual(["each[2]/second"]);
  expect(result).toMatchObject({ status: "completed", outputs: { total: 3 }, collected: [{ path: "each[1]" }] });
});
