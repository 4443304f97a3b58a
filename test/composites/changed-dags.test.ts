// Records of composites that the dag has changed since: what finds no place any more is explained, and left out.

import {
  branch,
  chain,
  DagProvenance,
  DagRunner,
  dag,
  type Edge,
  list,
  type Member,
  map,
  mapOf,
  node,
  type OnChange,
  record,
  type,
} from "heddle";
import { memoryStore } from "heddle/adapters/memory";
import { describe, expect, test } from "vitest";

const Num = type<number>("Num");
const Text = type<string>("Text");
const GONE = "the dag has no node at this path any more";
const NO_ELEMENT = "the composite around it has no such element";

// The labels and cases are not known to the compiler here.
const anyMap = map as unknown as (sub: Member) => Member;
const anyBranch = branch as unknown as (by: (n: number) => string, cases: Record<string, Member>) => Member;

/** Dags that share one record, made of nodes that note their paths. */
function scene() {
  const calls: string[] = [];
  const provenance = new DagProvenance(memoryStore());
  const step = (factor: number) =>
    node({
      input: { n: Num },
      output: Num,
      run: ({ n }, { path }) => {
        calls.push(path);
        return n * factor;
      },
    });
  const runner = (nodes: Record<string, Member>, edges: readonly Edge[]) =>
    new DagRunner(dag("changes", { nodes, edges }), { provenance });
  return { calls, provenance, step, runner };
}

const numbers = node({ output: list(Num), run: () => [1, 2] });
const byName = node({ output: record(Num), run: () => ({ a: 1, b: 2 }) });

describe.each<Exclude<OnChange, "refuse">>(["ignore", "invalidate"])('with onChange "%s"', (onChange) => {
  test("a renamed node of a sub-dag: the old name is unmatched, the new one is executed", async () => {
    const { calls, provenance, step, runner } = scene();
    const make = (last: string) => {
      const sub = dag("sub", { nodes: { first: step(2), [last]: step(10) }, edges: [["first", last] as Edge] });
      return runner({ numbers, each: anyMap(sub) }, [["numbers", "each"]]);
    };
    const { runId } = await make("last").run();
    calls.length = 0;
    const plan = await make("end").planReplay(runId, { onChange });
    expect(plan.unmatched).toEqual([0, 1].map((i) => ({ path: `each[${i}]/last`, why: GONE })));
    expect(plan.steps.filter(({ action }) => action === "rerun").map(({ path }) => path)).toEqual([
      "each",
      "each[0]/end",
      "each[1]/end",
    ]);
    const result = await make("end").replay(runId, { onChange });
    expect(result).toMatchObject({ status: "completed", outputs: { each: [20, 40] } });
    expect(calls).toEqual(["each[0]/end", "each[1]/end"]);
    const { executions } = await provenance.inspect(result.runId);
    expect(executions.map(({ path }) => path)).toEqual([
      "numbers",
      "each",
      ...[0, 1].flatMap((i) => [`each[${i}]/first`, `each[${i}]/end`]),
    ]);
  });

  test("a case that is gone: what ran in it is unmatched, and the record of the replay is whole", async () => {
    const { calls, provenance, step, runner } = scene();
    const make = (big: string) => {
      const cases: Record<string, Member> = { small: step(2), [big]: dag("sub", { nodes: { act: step(10) } }) };
      const route = anyBranch((n) => (n > 1 ? big : "small"), cases);
      const edges: Edge[] = [["numbers", "each"]];
      return runner({ numbers, each: anyMap(route) }, edges);
    };
    const { runId } = await make("large").run();
    calls.length = 0;
    const plan = await make("huge").planReplay(runId, { onChange });
    expect(plan.unmatched).toEqual([{ path: "each[1]{large}/act", why: GONE }]);
    const result = await make("huge").replay(runId, { onChange });
    expect(result).toMatchObject({ status: "completed", outputs: { each: [2, 20] } });
    expect(calls.includes("each[1]{huge}/act")).toBe(onChange === "invalidate");
    expect(calls).not.toContain("each[1]{large}/act");
    expect(await provenance.loadOutput(result.runId, "each")).toEqual([2, 20]);
  });

  test("a composite that is gone: all that is inside it is unmatched", async () => {
    const { calls, step, runner } = scene();
    const sub = dag("sub", { nodes: { act: step(2) } });
    const one = node({ output: Num, run: () => 1 });
    const edges: Edge[] = [
      ["numbers", "each"],
      ["one", "call"],
    ];
    const before = await runner({ numbers, one, each: map(sub), call: sub }, edges).run();
    calls.length = 0;
    const plan = await runner({ numbers, one }, []).planReplay(before.runId, { onChange });
    expect(plan.unmatched.map(({ path }) => path).sort()).toEqual([
      "call",
      "call/act",
      "each",
      "each[0]/act",
      "each[1]/act",
    ]);
    expect(new Set(plan.unmatched.map(({ why }) => why))).toEqual(new Set([GONE]));
    expect(calls).toEqual([]);
  });

  test("a node that becomes a map, and a map that becomes a node", async () => {
    const { calls, provenance, step, runner } = scene();
    const total = node({ input: { ns: list(Num) }, output: list(Num), run: ({ ns }) => [...ns, 0] });
    const edges: Edge[] = [["numbers", "each"]];
    const { runId } = await runner({ numbers, each: map(step(2)) }, edges).run();
    const plan = await runner({ numbers, each: total }, edges).planReplay(runId, { onChange });
    expect(plan.unmatched).toEqual([0, 1].map((i) => ({ path: `each[${i}]`, why: GONE })));
    const kept = await runner({ numbers, each: total }, edges).replay(runId, { onChange });
    const expected = onChange === "ignore" ? [2, 4] : [1, 2, 0];
    expect(kept).toMatchObject({ status: "completed", outputs: { each: expected } });
    expect(await provenance.loadOutput(kept.runId, "each")).toEqual(expected);
    const back = await runner({ numbers, each: total }, edges).run();
    calls.length = 0;
    const again = await runner({ numbers, each: map(step(2)) }, edges).replay(back.runId, { onChange: "invalidate" });
    expect(again).toMatchObject({ status: "completed", outputs: { each: [2, 4] } });
    expect(calls).toEqual(["each[0]", "each[1]"]);
  });
});

test.each<[string, Member, Member, string[], string[], unknown]>([
  ["a list becomes a plain object", numbers, byName, ["each[0]", "each[1]"], ["each{a}", "each{b}"], { a: 2, b: 4 }],
  ["a plain object becomes a list", byName, numbers, ["each{a}", "each{b}"], ["each[0]", "each[1]"], [2, 4]],
  [
    "a plain object becomes a Map with keys of another type",
    byName,
    node({ output: mapOf(Text, Num), run: () => new Map<string, number>([["b", 5]]) }),
    ["each{a}"],
    ["each{b}"],
    new Map([["b", 10]]),
  ],
])("%s: elements are matched by position or key alone", async (_, before, after, gone, now, outputs) => {
  const { calls, provenance, step, runner } = scene();
  const make = (give: Member) => runner({ give, each: map(step(2)) }, [["give", "each"]]);
  const { runId } = await make(before).run();
  calls.length = 0;
  const result = await make(after).replay(runId, { rerun: ["give"], mode: "downstream", onChange: "ignore" });
  expect(result).toMatchObject({ status: "completed" });
  expect(result.outputs).toEqual({ each: outputs });
  expect(calls).toEqual(now);
  const { executions } = await provenance.inspect(result.runId);
  expect(executions.map(({ path }) => path)).toEqual(["give", "each", ...now]);
  for (const path of gone)
    await expect(provenance.loadOutput(result.runId, path)).rejects.toMatchObject({ code: "UNKNOWN_PATH" });
});

test("what an earlier replay took over and its map then had no place for is unmatched in the next plan", async () => {
  const world = { values: [1, 2] };
  const { step, runner } = scene();
  const give = node({ output: list(Num), run: () => world.values });
  const sub = dag("sub", { nodes: { first: step(2), last: step(10) }, edges: chain("first", "last") });
  const made = runner({ give, each: map(sub) }, [["give", "each"]]);
  const first = await made.run();
  world.values = [1];
  const second = await made.replay(first.runId, { rerun: ["give", "each[1]/first"] });
  expect(second.outputs).toEqual({ each: [20] });
  const { unmatched } = await made.planReplay(second.runId);
  expect(unmatched).not.toEqual([]);
  for (const { path, why } of unmatched) expect([path.startsWith("each[1]/"), why]).toEqual([true, NO_ELEMENT]);
});

test("a restart goes on in a changed sub-dag, and the record keeps what left it", async () => {
  const { calls, provenance, step, runner } = scene();
  let broken = true;
  const fails = node({
    input: { ns: list(Num) },
    output: Num,
    run: ({ ns }) => {
      if (broken) throw new Error("broken");
      return ns.reduce((a, b) => a + b, 0);
    },
  });
  const make = (last: "last" | "end") => {
    const nodes = { first: step(2), [last]: step(10) } as Record<"first" | "last", ReturnType<typeof step>>;
    const sub = dag("sub", { nodes, edges: chain("first", last as "last") });
    return runner({ numbers, each: map(sub), fails }, chain("numbers", "each", "fails"));
  };
  const { runId } = await make("last").run();
  broken = false;
  calls.length = 0;
  const refusal = {
    code: "DAG_CHANGED",
    message: expect.stringMatching(/"each\[\*\]\/end" is new[\s\S]*"each\[\*\]\/last" is gone/),
  };
  await expect(make("end").restart(runId)).rejects.toMatchObject(refusal);
  const result = await make("end").restart(runId, { onChange: "invalidate" });
  expect(result).toMatchObject({ status: "completed", outputs: { fails: 60 } });
  expect(calls).toEqual(["each[0]/end", "each[1]/end"]);
  const { executions } = await provenance.inspect(runId);
  const inside = executions.filter(({ parent }) => parent === "each");
  expect(inside.map(({ path, label }) => [path, label])).toEqual(
    [0, 1].flatMap((i) => ["first", "end", "last"].map((label) => [`each[${i}]/${label}`, label])),
  );
});
