// From nothing to 50 MB.

import type { Store } from "../src/index.js";
import { again, type CreateStore, casesOf } from "./conformance-case.js";
import { expectEqual } from "./expect-equal.js";
import { patternOf } from "./patterns.js";
import { seesJournal } from "./reading.js";
import { acquired, appended, eventsOf, type Named, named, outputsOf, storedRun, storedValues } from "./writing.js";

const LARGE_BYTES = 50_000_000;

/** Cases on empty and on large values. */
export const sizes = casesOf("size", {
  async "empty texts, empty parts and no parts come back as they were"(createStore) {
    const store = createStore();
    const values = await Promise.all([
      named(""),
      named("[]"),
      named("", [new Uint8Array()]),
      named('[["ArrayBuffer",1]]', [new Uint8Array(), new Uint8Array()]),
    ]);
    await storedValues(store, "r", values);
    await expectStored(createStore, store, values);
  },

  async "empty values that are stored apart come back as they were"(createStore) {
    const store = createStore();
    const values = await Promise.all([named(""), named("", [new Uint8Array()])]);
    await putAll(store, values);
    await expectStored(createStore, store, values);
  },

  async "values just below and above what a batch carries come back as they were"(createStore) {
    const store = createStore();
    const { batchedValueBytes } = store.capabilities;
    const limit = Number.isFinite(batchedValueBytes) ? batchedValueBytes : 1 << 16;
    const lengths = [limit - 10, limit - 4, limit - 3, limit - 2, limit, limit + 1];
    const values = await Promise.all(lengths.map((length) => named("x".repeat(length))));
    await storedValues(store, "r", values);
    await expectStored(createStore, store, values);
  },

  async "a value of 50 MB in one part comes back equal"(createStore) {
    await expectLarge(createStore, await named('[["ArrayBuffer",1]]', [patternOf(LARGE_BYTES)]));
  },

  async "a value of 50 MB of text comes back equal"(createStore) {
    await expectLarge(createStore, await named(`["${"0123456789".repeat(LARGE_BYTES / 10)}"]`));
  },

  async "a value with a thousand parts comes back equal"(createStore) {
    const parts = Array.from({ length: 1_000 }, (_, i) => Uint8Array.of(i, i >> 8));
    await expectLarge(createStore, await named("[1000]", parts));
  },

  async "a batch with events of 5 MB is stored"(createStore) {
    const store = createStore();
    const events = eventsOf("é".repeat(50_000), 50);
    await appended(store, "r", await acquired(store, "r"), events);
    await seesJournal(again(createStore, store), "r", events);
  },

  async "a journal of 20,000 events in small batches is stored, and found from any place"(createStore) {
    const store = createStore();
    let at = await acquired(store, "r");
    for (let i = 0; i < 200; i++) at = await appended(store, "r", at, eventsOf(`${i}`, 100));
    const reader = again(createStore, store);
    for (const seq of [0, 9_999, 19_990]) {
      const { events } = await reader.read("r", seq, 5);
      const expected = eventsOf(`${Math.floor(seq / 100)}`, 100).slice(seq % 100);
      expectEqual(events[0], expected[0], `event ${seq}`);
    }
    expectEqual((await reader.head("r"))?.events, 20_000, "the number of events in the head");
  },
});

async function putAll(store: Store, values: readonly Named[]): Promise<void> {
  await storedRun(store, "r", outputsOf(values), { refers: values.map(({ hash }) => hash) }, values);
}

async function expectLarge(createStore: CreateStore, value: Named): Promise<void> {
  const store = createStore();
  await putAll(store, [value]);
  await expectStored(createStore, store, [value]);
}

async function expectStored(createStore: CreateStore, store: Store, values: readonly Named[]): Promise<void> {
  const reader = again(createStore, store);
  for (const [seq, { hash, encoded }] of values.entries()) {
    expectEqual(await reader.getValue({ hash, runId: "r", seq }), encoded, `value ${seq}`);
  }
}
