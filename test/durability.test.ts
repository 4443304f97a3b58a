// When events are stored, in each mode.

import { DagProvenance, DagRunner, type Durability, dag, node, type Store, type } from "heddle";
import { memoryStore } from "heddle/adapters/memory";
import { expect, test } from "vitest";
import { gate, ManualClock, settled } from "./support/manual-clock.js";
import { journal, storeWith } from "./support/store-with.js";
import { until } from "./support/until.js";

const N = type<number>("N");

/** A store whose appends wait for `open`, and that tells what was stored when. */
function heldStore() {
  const hold = gate();
  const batches: string[][] = [];
  const inner = memoryStore();
  const store = storeWith(inner, () => ({
    append: async (runId, at, batch) => {
      await hold.promise;
      batches.push(
        batch.events.map((event) => ("path" in event && event.path ? `${event.type} ${event.path}` : event.type)),
      );
      return inner.append(runId, at, batch);
    },
  }));
  return { store, batches, open: hold.resolve };
}

function twoSteps(durability: Durability, store: Store, clock = new ManualClock()) {
  const ran: string[] = [];
  const first = node({ output: N, run: async () => ran.push("first") });
  const second = node({ input: { n: N }, output: N, run: async () => ran.push("second") });
  const steps = dag("steps", { nodes: { first, second }, edges: [["first", "second"]] });
  const runner = new DagRunner(steps, { provenance: new DagProvenance(store, { durability }), clock });
  return { ran, runner, clock };
}

test("sync: a downstream starts only after its upstream's completion is stored", async () => {
  const { store, batches, open } = heldStore();
  const { ran, runner } = twoSteps("sync", store);
  const run = runner.run();
  await until(() => ran.length > 0);
  await settled();
  expect(ran).toEqual(["first"]);
  open();
  expect((await run).status).toBe("completed");
  expect(batches[0]).toEqual(["run-started", "node-started first", "node-completed first"]);
  expect(ran).toEqual(["first", "second"]);
});

test("async: the execution goes on while events wait, and the run is reported only when its last event is stored", async () => {
  const { store, batches, open } = heldStore();
  const { ran, runner } = twoSteps("async", store);
  let reported = false;
  const run = runner.run().finally(() => {
    reported = true;
  });
  await until(() => ran.length === 2);
  await settled();
  expect(reported).toBe(false);
  open();
  expect((await run).status).toBe("completed");
  expect(batches.flat()).toHaveLength(6);
});

test("async: events are stored within 20 ms while a node runs", async () => {
  let appends = 0;
  let isRunning = false;
  const store = storeWith(memoryStore(), (inner) => ({
    append: async (runId, at, batch) => {
      await inner.append(runId, at, batch);
      appends++;
    },
  }));
  const hold = gate();
  const clock = new ManualClock();
  const quick = node({ run: () => {} });
  const long = node({
    run: () => {
      isRunning = true;
      return hold.promise;
    },
  });
  const runner = new DagRunner(dag("long", { nodes: { quick, long } }), {
    provenance: new DagProvenance(store),
    clock,
  });
  const run = runner.run({}, { runId: "r" });
  await until(() => isRunning);
  expect(await journal(store, "r")).toEqual([]);
  await clock.advance(20);
  await until(() => appends > 0);
  expect((await journal(store, "r")).map(({ type }) => type)).toEqual([
    "run-started",
    "node-started",
    "node-completed",
    "node-started",
  ]);
  hold.resolve();
  await run;
});

test("async: the backlog is bounded; while it is full nothing new starts", async () => {
  const { store, open } = heldStore();
  let ran = 0;
  const start = node({ output: N, run: () => 0 });
  const one = node({ input: { n: N }, run: async () => void ran++ });
  const labels = Array.from({ length: 10_000 }, (_, i) => `n${i}`);
  const nodes = Object.fromEntries([["start", start], ...labels.map((label) => [label, one] as const)]);
  const wide = dag("wide", { nodes, edges: labels.map((label) => ["start", label] as const) });
  const run = new DagRunner(wide, { provenance: new DagProvenance(store), clock: new ManualClock() }).run();
  await until(() => ran > 1_000);
  await settled();
  expect(ran).toBeLessThan(10_000);
  open();
  expect((await run).status).toBe("completed");
  expect(ran).toBe(10_000);
});

test("exit: one append carries the whole run, when it ends or pauses", async () => {
  const { store, batches, open } = heldStore();
  open();
  const { ran, runner, clock } = twoSteps("exit", store);
  const run = runner.run();
  await until(() => ran.length === 2);
  await clock.advance(1_000);
  expect((await run).status).toBe("completed");
  expect(batches).toHaveLength(1);
  expect(batches[0]).toHaveLength(6);
});

test("an unknown mode is refused", () => {
  expect(() => new DagProvenance(memoryStore(), { durability: "never" as Durability })).toThrow(/`durability`.*never/);
});

test("a store that fails ends the run with the store's error, and leaves a valid prefix", async () => {
  const inner = memoryStore();
  let appends = 0;
  const failing = storeWith(inner, () => ({
    append: async (runId, at, batch) => {
      if (++appends === 2) throw Object.assign(new Error("The disk is full."), { code: "STORE_QUOTA" });
      return inner.append(runId, at, batch);
    },
  }));
  const { ran, runner } = twoSteps("sync", failing);
  const run = runner.run({}, { runId: "r" });
  await expect(run).rejects.toMatchObject({ code: "STORE_QUOTA" });
  expect(ran).toEqual(["first", "second"]);
  const provenance = new DagProvenance(inner);
  expect(await provenance.getRun("r")).toMatchObject({ status: "running", events: 3 });
  const again = await twoSteps("sync", inner).runner.restart("r");
  expect(again.status).toBe("completed");
});
