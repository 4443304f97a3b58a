// What is large is stored once, however often it is returned.

import type { Store } from "../src/index.js";
import { again, casesOf } from "./conformance-case.js";
import { expect } from "./expect.js";
import { expectEqual } from "./expect-equal.js";
import { patternOf } from "./patterns.js";
import { type Named, named, outputsOf, runIds, storedRun, storedValues } from "./writing.js";

/** Cases on values that are stored several times. */
export const deduplication = casesOf("deduplication", {
  async "a large value that several runs store takes its room once, or once for each of them"(createStore) {
    const store = createStore();
    const value = await largeValue(store);
    for (const runId of runIds(4)) await storedValues(again(createStore, store), runId, [value]);
    await expectBytes(store, value.bytes * (store.capabilities.valuesByRun ? 4 : 1));
    const reader = again(createStore, store);
    for (const runId of runIds(4)) {
      expectEqual(await reader.getValue({ hash: value.hash, runId, seq: 0 }), value.encoded, `the value of ${runId}`);
    }
  },

  async "a large value that one run refers to several times takes its room once"(createStore) {
    const store = createStore();
    const value = await largeValue(store);
    await storedRun(store, "r", outputsOf([value]), { refers: [value.hash] }, [value, value, value]);
    await expectBytes(store, value.bytes);
    await storedValues(store, "r", [value]);
    await expectBytes(again(createStore, store), value.bytes * (store.capabilities.valuesByRun ? 2 : 1));
  },

  async "a large value that was removed with its run may come again"(createStore) {
    const store = createStore();
    const value = await largeValue(store);
    await storedValues(store, "r", [value]);
    await store.remove(["r"]);
    await storedValues(store, "s", [value]);
    const reader = again(createStore, store);
    expectEqual(await reader.getValue({ hash: value.hash, runId: "s", seq: 0 }), value.encoded, "the value");
    await expectBytes(reader, value.bytes);
  },
});

/** A value that is too large for a batch, where batches have a limit. */
function largeValue(store: Store): Promise<Named> {
  const { batchedValueBytes } = store.capabilities;
  return named('[["ArrayBuffer",1]]', [
    patternOf(Number.isFinite(batchedValueBytes) ? batchedValueBytes + 1 : 200_000),
  ]);
}

async function expectBytes(store: Store, once: number): Promise<void> {
  const { bytes } = await store.usage();
  expect(bytes >= once * 0.9 && bytes < once * 1.5, `A value of ${once} bytes takes ${bytes} bytes.`);
}
