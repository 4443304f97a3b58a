// What others do while a run is pruned, restarted or replayed: nothing is lost that should stay, and what cannot go on
// is refused before anything is recorded.

import { DagProvenance, DagRunner, dag, node, type Store, type } from "heddle";
import { describe, expect, test } from "vitest";
import { storeWith } from "./support/store-with.js";
import { STORES } from "./support/stores.js";

const Text = type<string>("Text");
const BIG = 5_000;

/** `first` gives something large, `last` may fail, and asks first if it is told to. */
function chained(state: { fails?: boolean; asks?: boolean; seeds?: unknown[] } = {}) {
  const first = node({
    input: { seed: Text },
    output: Text,
    run: ({ seed }) => {
      state.seeds?.push(seed);
      return seed.padEnd(BIG, "1");
    },
  });
  const last = node({
    input: { text: Text },
    output: Text,
    run: ({ text }, ctx) => {
      if (state.asks) ctx.pause("ask");
      if (state.fails) throw new Error("broken");
      return `${text.length}`;
    },
  });
  return dag("chained", { nodes: { first, last }, edges: [["first", "last"]] });
}

const SEED = { first: { seed: "s" } };

/** Does something once, just before the `number`th call of a method. */
function justBefore<M extends "acquire" | "hasValues" | "head" | "append" | "remove" | "prune">(
  store: Store,
  method: M,
  number: number,
  act: () => Promise<unknown>,
): Store {
  let calls = 0;
  return storeWith(store, (inner) => ({
    [method]: async (...args: never[]) => {
      if (++calls === number) await act();
      return (inner[method] as (...args: never[]) => unknown)(...args);
    },
  }));
}

const payloads = (store: Store) => new DagProvenance(store).prune({ keep: 0, payloadsOnly: true });

describe.each(Object.entries(STORES))("%s", (_, createStore) => {
  test("a run that somebody went on with since it was listed stays if it is of another status now", async () => {
    const store = createStore();
    const state = { fails: true, asks: false };
    const { runId } = await new DagRunner(chained(state), { provenance: new DagProvenance(store) }).run(SEED);
    const resumed = justBefore(store, "acquire", 1, async () => {
      const asking = new DagRunner(chained({ asks: true }), { provenance: new DagProvenance(store) });
      expect(await asking.restart(runId)).toMatchObject({ status: "paused" });
    });
    const { runs, left } = await new DagProvenance(resumed).prune({ keep: 0 });
    expect({ runs, left }).toMatchObject({ runs: [], left: [{ runId, why: expect.stringContaining("paused") }] });
    expect(await new DagProvenance(store).getRun(runId)).toMatchObject({ status: "paused" });
    await new DagProvenance(store).prune({ keep: 0, statuses: ["paused"] });
    expect(await store.head(runId)).toBeUndefined();
  });

  test("a run that completed since it was listed keeps its new head when it loses its payloads", async () => {
    const store = createStore();
    const { runId } = await new DagRunner(chained({ fails: true }), { provenance: new DagProvenance(store) }).run(SEED);
    const completed = justBefore(store, "acquire", 1, async () => {
      await new DagRunner(chained(), { provenance: new DagProvenance(store) }).restart(runId);
    });
    expect(await payloads(completed)).toMatchObject({ runs: [runId] });
    expect(await store.head(runId)).toMatchObject({ status: "completed" });
    expect(await new DagProvenance(store).getRun(runId)).toMatchObject({ status: "completed" });
  });

  test.each([true, false])(
    "a run that was taken over while others were pruned is left (payloads only: %s)",
    async (payloadsOnly) => {
      const store = createStore();
      const runner = new DagRunner(chained(), { provenance: new DagProvenance(store) });
      const [older, newer] = [await runner.run(SEED), await runner.run(SEED)];
      // The lease on the older one is over when the newer one is taken.
      const late = justBefore(store, "acquire", 2, async () => {
        const lease = await store.acquire(older.runId, "other", Date.now() + 3_600_000, 3_600_000);
        expect(lease).toMatchObject({ epoch: expect.any(Number) });
      });
      const { runs, left } = await new DagProvenance(late).prune({ keep: 0, payloadsOnly });
      expect(runs).toEqual([newer.runId]);
      expect(left).toMatchObject([{ runId: older.runId }]);
      expect(await new DagProvenance(store).loadOutput(older.runId, "first")).toHaveLength(BIG);
    },
  );

  test("runs are given back if they cannot be removed", async () => {
    const store = createStore();
    const { runId } = await new DagRunner(chained(), { provenance: new DagProvenance(store) }).run(SEED);
    const broken = justBefore(store, "remove", 1, () => Promise.reject(new Error("no power")));
    await expect(new DagProvenance(broken).prune({ keep: 0 })).rejects.toThrow("no power");
    expect(await new DagProvenance(store).prune({ keep: 0 })).toMatchObject({ runs: [runId] });
  });

  test("a run with nothing to lose is left as it is", async () => {
    const store = createStore();
    const small = node({ output: Text, run: () => "small" });
    const provenance = new DagProvenance(store);
    const { runId } = await new DagRunner(dag("small", { nodes: { small } }), { provenance }).run();
    const record = await provenance.getRun(runId);
    expect(await payloads(store)).toEqual({ runs: [], left: [], freedBytes: 0 });
    expect(await provenance.getRun(runId)).toEqual(record);
    expect(record).not.toHaveProperty("prunedAt");
    // Nobody holds it.
    expect(await store.acquire(runId, "me", Date.now(), 1_000)).toMatchObject({ epoch: expect.any(Number) });
  });

  test("a restart is refused if what it needs was pruned after it was planned", async () => {
    const store = createStore();
    const { runId } = await new DagRunner(chained({ fails: true }), { provenance: new DagProvenance(store) }).run(SEED);
    const pruned = justBefore(store, "head", 1, () => payloads(store));
    const restart = new DagRunner(chained(), { provenance: new DagProvenance(pruned) }).restart(runId);
    await expect(restart).rejects.toMatchObject({ code: "RESTART_BLOCKED" });
    expect(await new DagProvenance(store).getRun(runId)).toMatchObject({ status: "failed", epoch: 1 });
  });

  test("a restart needs the answers that it was given, also large ones", async () => {
    const store = createStore();
    const state = { asks: true, fails: true };
    const runner = new DagRunner(chained(state), { provenance: new DagProvenance(store) });
    const { runId } = await runner.run({ first: { seed: "s" } });
    const answer = "a".repeat(3_000);
    expect(await runner.restart(runId, { resume: { last: answer } })).toMatchObject({ status: "failed" });
    expect((await runner.planRestart(runId)).blocked).toEqual([]);
    await payloads(store);
    expect((await runner.planRestart(runId)).blocked).toEqual(["last"]);
    await expect(runner.restart(runId)).rejects.toMatchObject({ code: "RESTART_BLOCKED" });
  });

  test("a replay that was planned before its origin was pruned executes no source without its input", async () => {
    const store = createStore();
    const seeds: unknown[] = [];
    const { runId } = await new DagRunner(chained(), { provenance: new DagProvenance(store) }).run({
      first: { seed: "s".repeat(3_000) },
    });
    for (const call of [1, 2, 3]) {
      const fresh = createStore();
      const provenance = new DagProvenance(fresh);
      const origin = await new DagRunner(chained(), { provenance }).run({ first: { seed: "s".repeat(3_000) } });
      const pruned = justBefore(fresh, "hasValues", call, () => payloads(fresh));
      const runner = new DagRunner(chained({ seeds }), { provenance: new DagProvenance(pruned) });
      const replay = runner.replay(origin.runId, { rerun: ["first"] });
      await replay.then(
        () => {},
        (error: unknown) => expect(["REPLAY_BLOCKED", "VALUE_MISSING"]).toContain((error as { code: string }).code),
      );
    }
    expect(seeds.every((seed) => typeof seed === "string")).toBe(true);
    expect(runId).toBeDefined();
  });

  test("a replay whose origin is pruned while it begins is taken back", async () => {
    const store = createStore();
    const { runId } = await new DagRunner(chained(), { provenance: new DagProvenance(store) }).run(SEED);
    const pruned = justBefore(store, "acquire", 1, () => payloads(store));
    const runner = new DagRunner(chained(), { provenance: new DagProvenance(pruned) });
    await expect(runner.replay(runId, { rerun: ["last"] })).rejects.toMatchObject({ code: "REPLAY_BLOCKED" });
    const { runs } = await new DagProvenance(store).listRuns();
    expect(runs.map((run) => run.runId)).toEqual([runId]);
  });
});

test("prune refuses what it might misread", async () => {
  const provenance = new DagProvenance((STORES.memory as () => Store)());
  for (const options of [
    { payloadsOnly: "true" },
    { statuses: "completed" },
    { statuses: ["done"] },
    { now: Number.NaN },
  ]) {
    const refused = provenance.prune({ keep: 0, ...(options as object) });
    await expect(refused, JSON.stringify(options)).rejects.toMatchObject({ code: "INVALID_OPTION" });
  }
});
