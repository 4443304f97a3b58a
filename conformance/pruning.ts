// Pruning drops values and leaves events; and what a store takes is told.

import type { Skeleton, Store, ValueLocation } from "../src/index.js";
import { again, casesOf } from "./conformance-case.js";
import { expect, rejects } from "./expect.js";
import { expectData } from "./expect-data.js";
import { expectEqual } from "./expect-equal.js";
import { patternOf } from "./patterns.js";
import { sees, seesJournal } from "./reading.js";
import {
  acquired,
  appended,
  eventsOf,
  LEASE_MS,
  type Named,
  named,
  outputsOf,
  reusing,
  storedValues,
} from "./writing.js";

/** Values of several sizes, of which no two are equal. */
function valuesOf(mark: string): Promise<Named[]> {
  return Promise.all([
    named(`["${mark} small"]`),
    named(`["${mark} ${"text ".repeat(1_000)}"]`),
    named(`["${mark}"]`, [patternOf(200_000)]),
  ]);
}

/** Cases on dropping values, and on what a store takes. */
export const pruning = casesOf("prune", {
  async "values go, and events, head and what is kept stay"(createStore) {
    const store = createStore();
    const values = await valuesOf("a");
    await storedValues(store, "r", values);
    const before = await store.head("r");
    await store.prune([await skeleton(store, "r", [values[0] as Named])]);
    const other = again(createStore, store);
    await sees(other, () => other.hasValues(locationsOf(values)), [true, false, false], "which values are there");
    expectEqual(await other.getValue(locationOf(values[0] as Named, 0)), values[0]?.encoded, "the value that is kept");
    expectEqual(await other.getValue(locationOf(values[1] as Named, 1)), undefined, "a value that was dropped");
    await seesJournal(other, "r", outputsOf(values));
    await sees(other, () => other.head("r"), before, "the head");
  },

  async "values that other runs refer to stay"(createStore) {
    const store = createStore();
    const values = await valuesOf("shared");
    await storedValues(store, "r", values);
    const at = await acquired(store, "other");
    const [, ...shared] = values;
    const refers = shared.map(({ hash }) => hash);
    await appended(store, "other", at, reusing(shared, "r"), { refers });
    await store.release("other", at.epoch);
    await store.prune([await skeleton(store, "r", [])]);
    const reader = again(createStore, store);
    const there = locationsOf(values).slice(1);
    await sees(reader, () => reader.hasValues(there), [true, true], "whether the values of another run are there");
    for (const [i, { encoded }] of shared.entries()) {
      expectEqual(await reader.getValue(there[i] as ValueLocation), encoded, "a value of another run");
    }
    await store.prune([await skeleton(store, "other", [])]);
    await sees(reader, () => reader.hasValues(there), [false, false], "whether they are there in the end");
  },

  async "pruning ends the lease, and the run may go on"(createStore) {
    const store = createStore();
    const values = await valuesOf("a");
    await storedValues(store, "r", values);
    const skeletonOfRun = await skeleton(store, "r", []);
    await store.prune([skeletonOfRun]);
    expectEqual(await store.renew("r", skeletonOfRun.epoch, 2, LEASE_MS), false, "whether the lease was renewed");
    const other = again(createStore, store);
    const at = await acquired(other, "r", 2);
    await appended(other, "r", at, eventsOf("after", 1));
    await seesJournal(again(createStore, store), "r", [...outputsOf(values), ...eventsOf("after", 1)]);
  },

  async "a run whose epoch is over is left as it is, and the others are pruned"(createStore) {
    const store = createStore();
    const [first, held, last] = await Promise.all(["first", "held", "last"].map(valuesOf));
    const runs = { first, held, last } as Record<string, Named[]>;
    for (const [runId, values] of Object.entries(runs)) await storedValues(store, runId, values);
    const skeletons: Skeleton[] = [];
    for (const runId of Object.keys(runs)) skeletons.push(await skeleton(store, runId, []));
    await acquired(again(createStore, store), "held", 10 * LEASE_MS);
    await rejects(store.prune(skeletons), "FENCED");
    const other = again(createStore, store);
    for (const [runId, values] of Object.entries(runs)) {
      const isThere = values.map(() => runId === "held");
      const look = () => other.hasValues(locationsOf(values, runId));
      await sees(other, look, isThere, `whether the values of ${runId} are there`);
    }
  },

  async "nothing and unknown runs are no trouble"(createStore) {
    const store = createStore();
    const values = await valuesOf("a");
    await storedValues(store, "r", values);
    await store.prune([]);
    await rejects(store.prune([{ runId: "unknown", epoch: 1, keep: new Set() }]), "FENCED");
    await sees(store, () => store.hasValues(locationsOf(values)), [true, true, true], "which values are there");
  },

  async "an empty store takes little, and lists no runs"(createStore) {
    const { bytes, runs } = await createStore().usage();
    expect(bytes < 10_000, `An empty store takes ${bytes} bytes.`);
    expectData(runs, [], "the runs that take room");
  },

  async "it is told what each run takes, and what pruning would free"(createStore) {
    const store = createStore();
    const [large, small] = await Promise.all([valuesOf("large"), named('["a text of its own"]')]);
    await storedValues(store, "large", large);
    await storedValues(store, "small", [small]);
    const { bytes, runs } = await again(createStore, store).usage();
    const usage = new Map(runs.map((run) => [run.runId, run]));
    expectData([...usage.keys()].toSorted(), ["large", "small"], "the runs that take room");
    const values = large.reduce((sum, value) => sum + value.bytes, 0);
    const run = usage.get("large");
    expect(run && run.bytes >= values * 0.9, `A run with ${values} bytes of values takes ${run?.bytes}.`);
    expect(run.payloadBytes <= run.bytes, "Pruning a run would free more than it takes.");
    expect(run.payloadBytes >= values * 0.9, `Pruning ${values} bytes of values would free ${run.payloadBytes}.`);
    expect(bytes >= values * 0.9 && bytes < values * 3, `A store with ${values} bytes of values takes ${bytes}.`);
  },

  async "pruning and removing free what they say"(createStore) {
    const store = createStore();
    const values = await valuesOf("a");
    await storedValues(store, "r", values);
    const before = await store.usage();
    await store.prune([await skeleton(store, "r", [values[0] as Named])]);
    const pruned = await again(createStore, store).usage();
    expect(before.bytes - pruned.bytes >= 200_000, `Pruning freed ${before.bytes - pruned.bytes} bytes of 205,000.`);
    expectData(
      pruned.runs.map(({ payloadBytes }) => payloadBytes),
      [0],
      "what pruning again would free",
    );
    await store.remove(["r"]);
    const removed = await again(createStore, store).usage();
    expectData(removed.runs, [], "the runs that take room after all were removed");
    expect(removed.bytes < 10_000, `After all was removed a store takes ${removed.bytes} bytes.`);
  },
});

/** Takes a run to prune it. */
async function skeleton(store: Store, runId: string, keep: readonly Named[]): Promise<Skeleton> {
  const { epoch } = await acquired(store, runId, 1);
  return { runId, epoch, keep: new Set(keep.map(({ hash }) => hash)) };
}

function locationOf({ hash }: Named, seq: number, runId = "r") {
  return { hash, runId, seq };
}

function locationsOf(values: readonly Named[], runId = "r") {
  return values.map((value, seq) => locationOf(value, seq, runId));
}
