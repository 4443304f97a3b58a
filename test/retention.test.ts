// Old runs can go, or lose their payloads; and what then needs a value that is gone says so before anything is recorded.

import { DagProvenance, DagRunner, dag, list, map, node, type Store, type } from "heddle";
import { describe, expect, test } from "vitest";
import { gate, ManualClock } from "./support/manual-clock.js";
import { STORES } from "./support/stores.js";

const Text = type<string>("Text");
const BIG = 5_000;

/** Three nodes in a row with large outputs; the last may fail. */
function chained(state: { fails?: boolean; pads?: number } = {}) {
  const { pads = BIG } = state;
  const first = node({ input: { seed: Text }, output: Text, run: ({ seed }) => seed.padEnd(pads, "1") });
  const second = node({ input: { text: Text }, output: Text, run: ({ text }) => text.padEnd(2 * pads, "2") });
  const last = node({
    input: { text: Text },
    output: Text,
    run: ({ text }) => {
      if (state.fails) throw new Error("broken");
      return `${text.length}`;
    },
  });
  return dag("chained", {
    nodes: { first, second, last },
    edges: [
      ["first", "second"],
      ["second", "last"],
    ],
  });
}

function setUp(store: Store, state: { fails?: boolean; pads?: number } = {}) {
  const clock = new ManualClock();
  const provenance = new DagProvenance(store);
  const runner = new DagRunner(chained(state), { provenance, clock });
  const seed = (text: string) => ({ first: { seed: text } });
  return { clock, provenance, runner, seed };
}

describe.each(Object.entries(STORES))("%s", (_, createStore) => {
  test("defect 31: runs are removed by age, and by how many are to stay", async () => {
    const { clock, provenance, runner, seed } = setUp(createStore());
    const ids: string[] = [];
    for (let i = 0; i < 6; i++) {
      ids.push((await runner.run(seed(`${i}`))).runId);
      await clock.advance(1_000);
    }
    const left = async () => (await provenance.listRuns()).runs.map(({ runId }) => ids.indexOf(runId));
    const now = clock.now();
    expect(await provenance.prune({ olderThan: 10_000, now })).toEqual({ runs: [], left: [], freedBytes: 0 });
    const byAge = await provenance.prune({ olderThan: 4_500, now });
    expect(byAge).toMatchObject({ runs: ids.slice(0, 2), left: [] });
    expect(byAge.freedBytes).toBeGreaterThan(2 * 3 * BIG);
    expect(await left()).toEqual([5, 4, 3, 2]);
    expect(await provenance.prune({ olderThan: 0, keep: 3, now })).toMatchObject({ runs: [ids[2]] });
    expect(await provenance.prune({ keep: 1, now })).toMatchObject({ runs: [ids[3], ids[4]] });
    expect(await left()).toEqual([5]);
    expect(await provenance.getRun(ids[0] as string)).toBeUndefined();
  });

  test("defect 31: the oldest runs go until the store takes no more than it may", async () => {
    const { clock, provenance, runner, seed } = setUp(createStore());
    const ids: string[] = [];
    for (let i = 0; i < 5; i++) {
      ids.push((await runner.run(seed(`${i}`))).runId);
      await clock.advance(1_000);
    }
    const { bytes } = await provenance.usage();
    const maxBytes = bytes * 0.5;
    const { runs, freedBytes } = await provenance.prune({ maxBytes, now: clock.now() });
    expect(runs).toEqual(ids.slice(0, 3));
    const after = await provenance.usage();
    expect(after.bytes).toBeLessThanOrEqual(maxBytes);
    expect(freedBytes).toBe(bytes - after.bytes);
    expect(after.runs.map(({ runId }) => runId).toSorted()).toEqual(ids.slice(3));
  });

  test("runs that have not ended stay unless they are named, and those that are executed stay always", async () => {
    const store = createStore();
    const provenance = new DagProvenance(store);
    const asks = node({ run: (_, ctx) => void ctx.pause("wait") });
    const paused = await new DagRunner(dag("asking", { nodes: { asks } }), { provenance }).run();
    const [started, hold] = [gate(), gate()];
    const waits = node({
      run: () => {
        started.resolve();
        return hold.promise;
      },
    });
    const running = new DagRunner(dag("waiting", { nodes: { waits } }), {
      provenance: new DagProvenance(store, { durability: "sync" }),
    }).run();
    await started.promise;
    const { runId } = running;
    await expect.poll(() => store.head(runId)).toBeDefined();
    expect(await provenance.prune({ olderThan: 0, keep: 0 })).toMatchObject({ runs: [] });
    const all = ["paused", "running"] as const;
    const { runs, left } = await provenance.prune({ keep: 0, statuses: all });
    expect(runs).toEqual([paused.runId]);
    expect(left).toMatchObject([{ runId, why: expect.stringContaining("being executed") }]);
    hold.resolve();
    expect(await running).toMatchObject({ status: "completed" });
  });

  test("defect 31: without its payloads a run can still be looked at, and says when they went", async () => {
    const { clock, provenance, runner, seed } = setUp(createStore());
    const { runId } = await runner.run(seed("s"));
    const before = await provenance.inspect(runId);
    await clock.advance(1_000);
    const pruned = await provenance.prune({ keep: 0, payloadsOnly: true, now: clock.now() });
    expect(pruned).toMatchObject({ runs: [runId], left: [] });
    expect(pruned.freedBytes).toBeGreaterThan(2 * BIG);
    expect(await provenance.usage()).toMatchObject({ runs: [{ runId, payloadBytes: 0 }] });
    const after = await provenance.inspect(runId);
    expect(after.executions).toEqual(before.executions);
    expect(after.edges).toEqual(before.edges);
    expect(after.run).toEqual({ ...before.run, events: before.run.events + 1, prunedAt: clock.now() });
    await expect(provenance.loadOutput(runId, "second")).rejects.toMatchObject({ code: "VALUE_MISSING" });
    expect(await provenance.loadOutput(runId, "last")).toBe(`${2 * BIG}`);
    // A skeleton has nothing left to lose.
    expect(await provenance.prune({ keep: 0, payloadsOnly: true })).toMatchObject({ runs: [], freedBytes: 0 });
  });

  test("a replay that needs what was pruned says so in its plan, and is refused", async () => {
    const { provenance, runner, seed } = setUp(createStore());
    const { runId } = await runner.run(seed("s"));
    await provenance.prune({ keep: 0, payloadsOnly: true });
    const plan = await runner.planReplay(runId, { rerun: ["last"] });
    expect(plan.blocked).toEqual(["first", "second"]);
    expect(plan.steps[0]?.why).toContain("gone");
    const refused = runner.replay(runId, { rerun: ["last"] });
    await expect(refused).rejects.toMatchObject({
      code: "REPLAY_BLOCKED",
      message: expect.stringContaining("pruned at"),
    });
    expect((await provenance.listRuns()).runs).toHaveLength(1);
    const again = await runner.replay(runId, { rerun: ["first", "second"] });
    expect(again).toMatchObject({ status: "completed", outputs: { last: `${2 * BIG}` } });
  });

  test("a source whose large input was pruned can be executed with a new one only, and reused without", async () => {
    const { provenance, runner, seed } = setUp(createStore(), { pads: 10 });
    const { runId } = await runner.run(seed("s".repeat(1_000)));
    await provenance.prune({ keep: 0, payloadsOnly: true });
    const plan = await runner.planReplay(runId, { rerun: ["first", "second"] });
    expect(plan.blocked).toEqual(["first"]);
    expect(plan.steps[0]?.why).toContain("inputs");
    await expect(runner.replay(runId, { rerun: ["first", "second"] })).rejects.toMatchObject({
      code: "REPLAY_BLOCKED",
    });
    const anew = await runner.replay(runId, { mode: "downstream", inputs: { first: { seed: "new" } } });
    expect(anew).toMatchObject({ status: "completed", outputs: { last: "20" } });
  });

  test("a restart that needs what was pruned says so in its plan, and is refused; one that does not goes on", async () => {
    const state = { fails: true };
    const { provenance, runner, seed } = setUp(createStore(), state);
    const { runId } = await runner.run(seed("s"));
    expect(await runner.planRestart(runId)).toMatchObject({
      blocked: [],
      steps: [
        { action: "keep" },
        { action: "keep" },
        { path: "last", action: "execute", why: "restarted after failure" },
      ],
    });
    await provenance.prune({ keep: 0, payloadsOnly: true });
    const plan = await runner.planRestart(runId);
    expect(plan.blocked).toEqual(["last"]);
    expect(plan.steps).toMatchObject([{ action: "keep" }, { action: "keep" }, { action: "blocked" }]);
    const events = (await provenance.getRun(runId))?.events;
    await expect(runner.restart(runId)).rejects.toMatchObject({
      code: "RESTART_BLOCKED",
      message: expect.stringMatching(/"last".*pruned at/),
    });
    expect((await provenance.getRun(runId))?.events).toBe(events);
    // With small values everything stands in the events.
    const small = setUp(createStore(), { fails: true, pads: 10 });
    const failed = await small.runner.run(small.seed("s"));
    await small.provenance.prune({ keep: 0, payloadsOnly: true });
    const works = new DagRunner(chained({ pads: 10 }), { provenance: small.provenance, clock: small.clock });
    expect(await works.restart(failed.runId)).toMatchObject({ status: "completed", outputs: { last: "20" } });
  });

  test("a map that goes on needs what its completed elements gave", async () => {
    const provenance = new DagProvenance(createStore());
    const state = { fails: true };
    const Size = type<number>("Size");
    const split = node({ output: list(Size), run: () => [1, 2, 3] });
    const grow = node({
      input: { size: Size },
      output: Text,
      run: ({ size }) => {
        if (size === 3 && state.fails) throw new Error("broken");
        return "x".repeat(size * 1_000);
      },
    });
    const growing = dag("growing", { nodes: { split, all: map(grow) }, edges: [["split", "all"]] });
    const runner = new DagRunner(growing, { provenance, concurrency: 1 });
    const { runId } = await runner.run();
    expect((await runner.planRestart(runId)).blocked).toEqual([]);
    await provenance.prune({ keep: 0, payloadsOnly: true });
    const plan = await runner.planRestart(runId);
    expect(plan.blocked).toEqual(["all[0]", "all[1]"]);
    await expect(runner.restart(runId)).rejects.toMatchObject({ code: "RESTART_BLOCKED" });
    expect((await provenance.inspect(runId)).executions).toHaveLength(5);
  });

  test("what another run refers to outlives the run that made it, whole or as a skeleton", async () => {
    for (const payloadsOnly of [true, false]) {
      const { clock, provenance, runner, seed } = setUp(createStore());
      const { runId } = await runner.run(seed("s"));
      await clock.advance(1_000);
      const replayed = await runner.replay(runId, { rerun: ["last"] });
      await provenance.prune({ keep: 1, payloadsOnly, now: clock.now() });
      expect(await provenance.loadOutput(replayed.runId, "second")).toHaveLength(2 * BIG);
      const again = await runner.replay(replayed.runId, { rerun: ["last"] });
      expect(again).toMatchObject({ status: "completed", outputs: { last: `${2 * BIG}` } });
    }
  });

  test("nonsense is refused", async () => {
    const provenance = new DagProvenance(createStore());
    const prune = (options: object) => provenance.prune(options);
    for (const options of [
      {},
      { payloadsOnly: true },
      { olderThan: -1 },
      { keep: 1.5 },
      { maxBytes: "1" },
      { all: true },
    ]) {
      await expect(prune(options), JSON.stringify(options)).rejects.toMatchObject({ code: "INVALID_OPTION" });
    }
  });
});
