// A batch is stored whole or not at all: its events, its values and its head.

import type { RunHead, Store } from "../src/index.js";
import { again, casesOf } from "./conformance-case.js";
import { expectEqual } from "./expect-equal.js";
import { refuses, sees, seesJournal, seesOneHistory } from "./reading.js";
import { acquired, appended, batchOf, eventsOf, LEASE_MS, type Named, named, outputsOf, storedRun } from "./writing.js";

/** Cases on what one append stores. */
export const atomicBatches = casesOf("batch", {
  async "events, values and head are there together"(createStore) {
    const store = createStore();
    const value = await named('["a value that came with its batch"]');
    const head = { dag: "a dag", status: "completed" as const, startedAt: 5, updatedAt: 7, replayOf: "old" };
    const at = await acquired(store, "r");
    await appended(store, "r", at, outputsOf([value]), { ...withValues([value]), head });
    const other = again(createStore, store);
    await seesJournal(other, "r", outputsOf([value]));
    await sees(other, () => other.head("r"), { runId: "r", ...head, events: 1 }, "the head");
    expectEqual(await other.getValue(locationOf(value)), value.encoded, "the value");
  },

  async "the head is that of the last batch"(createStore) {
    const store = createStore();
    let at = await acquired(store, "r");
    for (const [i, status] of (["running", "paused", "running", "failed"] as const).entries()) {
      at = await appended(store, "r", at, eventsOf(status, 2), { head: { status, updatedAt: 10 * i } });
      const head = { runId: "r", dag: "dag", status, startedAt: 1, updatedAt: 10 * i, events: at.seq };
      const other = again(createStore, store);
      await sees(other, () => other.head("r"), head, "the head");
      await sees(other, async () => (await other.heads({ limit: 5 })).heads, [head], "the list of runs");
    }
  },

  async "an append at a wrong position leaves nothing"(createStore) {
    const store = createStore();
    const first = await appended(store, "r", await acquired(store, "r"), eventsOf("first", 3));
    const at = await appended(store, "r", first, eventsOf("second", 2));
    const before = await store.head("r");
    const value = await named(`["${"refused ".repeat(50)}"]`);
    // Not at the positions of the two appends, which would be the same appends again.
    for (const seq of [1, 2, 4, 6, 100]) {
      const batch = batchOf("r", seq, outputsOf([value]), { ...withValues([value]), head: { status: "failed" } });
      await refuses(store, store.append("r", { ...at, seq }, batch), "STORE_CONFLICT");
    }
    await leftAsItWas(again(createStore, store), before, value);
    await seesJournal(again(createStore, store), "r", [...eventsOf("first", 3), ...eventsOf("second", 2)]);
  },

  async "an append of an owner that lost the run leaves nothing"(createStore) {
    const store = createStore();
    const at = await appended(store, "r", await acquired(store, "r"), eventsOf("stored", 3));
    const other = again(createStore, store);
    await acquired(other, "r", 10 * LEASE_MS);
    const before = await store.head("r");
    const value = await named(`["${"refused ".repeat(50)}"]`);
    const batch = batchOf("r", at.seq, outputsOf([value]), { ...withValues([value]), head: { status: "failed" } });
    await refuses(store, store.append("r", at, batch), "FENCED");
    const reader = again(createStore, store);
    const history = eventsOf("stored", 3);
    await seesOneHistory([store, other, reader], "r", [history, [...history, ...outputsOf([value])]]);
    if (store.capabilities.fencing === "atomic") await leftAsItWas(reader, before, value);
  },

  async "many values come with one batch"(createStore) {
    const store = createStore();
    const values = await Promise.all(Array.from({ length: 100 }, (_, i) => named(`["${"v".repeat(300)}${i}"]`)));
    await appended(store, "r", await acquired(store, "r"), outputsOf(values), withValues(values));
    const other = again(createStore, store);
    for (const [seq, value] of values.entries()) {
      expectEqual(await other.getValue({ ...locationOf(value), seq }), value.encoded, `value ${seq}`);
    }
  },

  async "values with binary parts come back with all of them, empty ones too"(createStore) {
    const store = createStore();
    const parts = [Uint8Array.of(1, 2, 3), new Uint8Array(), Uint8Array.of(0, 255, 10, 13)];
    const value = await named('[["a","é😀\\u0000"],1,2,3]', parts);
    await appended(store, "r", await acquired(store, "r"), outputsOf([value]), withValues([value]));
    const other = again(createStore, store);
    expectEqual(await other.getValue(locationOf(value)), value.encoded, "the value");
    expectEqual(await other.hasValues([locationOf(value)]), [true], "whether it is there");
  },

  async "it is told for each value whether it is there"(createStore) {
    const store = createStore();
    const [here, large, gone] = await Promise.all([named('["a"]'), named('["b"]'), named('["c"]')]);
    const batch = { values: new Map([[here.hash, here.encoded]]), refers: [here.hash, large.hash] };
    await storedRun(store, "r", outputsOf([here, large]), batch, [large]);
    const other = again(createStore, store);
    const at = [gone, large, here, gone].map((value) => ({ ...locationOf(value), seq: 1 }));
    await sees(other, () => other.hasValues(at), [false, true, true, false], "what is there");
    expectEqual(await other.getValue(locationOf(gone)), undefined, "a value that nobody stored");
    expectEqual(await other.hasValues([]), [], "what is there of nothing");
  },

  async "what was handed over may be changed afterwards, and so may what was read"(createStore) {
    const store = createStore();
    const events = [...eventsOf("kept", 2)];
    const value = await named('["kept"]');
    const { values, refers } = withValues([value]);
    events.push(...outputsOf([value]));
    await appended(store, "r", await acquired(store, "r"), events, { values, refers });
    events.length = 0;
    (values as Map<string, unknown>).clear();
    const read = await store.read("r", 0, 10);
    (read.events as unknown[]).length = 0;
    await seesJournal(store, "r", [...eventsOf("kept", 2), ...outputsOf([value])]);
    expectEqual(await store.getValue({ ...locationOf(value), seq: 2 }), value.encoded, "the value");
  },
});

function withValues(all: readonly Named[]) {
  return { values: new Map(all.map(({ hash, encoded }) => [hash, encoded])), refers: all.map(({ hash }) => hash) };
}

function locationOf({ hash }: Named) {
  return { hash, runId: "r", seq: 0 };
}

async function leftAsItWas(store: Store, before: RunHead | undefined, refused: Named): Promise<void> {
  await sees(store, () => store.head("r"), before, "the head after a refused append");
  expectEqual(await store.hasValues([locationOf(refused)]), [false], "whether the value of a refused append is there");
  expectEqual(await store.getValue(locationOf(refused)), undefined, "the value of a refused append");
}
