// The same position and owner again is the same append: who does not know whether a write arrived may write again.

import { again, casesOf } from "./conformance-case.js";
import { expectEqual } from "./expect-equal.js";
import { refuses, seesJournal } from "./reading.js";
import { acquired, appended, batchOf, eventsOf, LEASE_MS, named, outputsOf } from "./writing.js";

/** Cases on appends that are sent again. */
export const repeatedAppends = casesOf("repeated append", {
  async "an append that is repeated is stored once"(createStore) {
    const store = createStore();
    let at = await acquired(store, "r");
    for (let i = 0; i < 3; i++) {
      const batch = batchOf("r", at.seq, eventsOf(`${i}`, 2));
      for (let time = 0; time < 3; time++) await store.append("r", at, batch);
      at = { ...at, seq: at.seq + 2 };
    }
    const other = again(createStore, store);
    await seesJournal(
      other,
      "r",
      [0, 1, 2].flatMap((i) => eventsOf(`${i}`, 2)),
    );
    expectEqual((await other.head("r"))?.events, 6, "the number of events in the head");
  },

  async "a repeated append with values is one, and its values are there"(createStore) {
    const store = createStore();
    const value = await named('["twice"]', [Uint8Array.of(1)]);
    const values = new Map([[value.hash, value.encoded]]);
    const at = await acquired(store, "r");
    for (let time = 0; time < 2; time++) {
      await appended(store, "r", at, outputsOf([value]), { values, refers: [value.hash] });
    }
    const other = again(createStore, store);
    await seesJournal(other, "r", outputsOf([value]));
    expectEqual(await other.getValue({ hash: value.hash, runId: "r", seq: 0 }), value.encoded, "the value");
  },

  async "an append may be repeated after other calls that failed"(createStore) {
    const store = createStore();
    const first = await acquired(store, "r");
    const batch = batchOf("r", 0, eventsOf("first", 2));
    await store.append("r", first, batch);
    await refuses(store, store.append("r", { ...first, seq: 7 }, batchOf("r", 7, eventsOf("no", 1))), "STORE_CONFLICT");
    const stranger = { ...first, owner: "stranger" };
    await refuses(store, store.append("r", stranger, batchOf("r", 2, eventsOf("no", 1))), "FENCED");
    await store.acquire("r", store.newId(1), 1, LEASE_MS);
    await store.append("r", first, batch);
    await appended(store, "r", { ...first, seq: 2 }, eventsOf("second", 1));
    await seesJournal(again(createStore, store), "r", [...eventsOf("first", 2), ...eventsOf("second", 1)]);
  },

  async "another owner at the same position is another append"(createStore) {
    const store = createStore();
    const first = await acquired(store, "r");
    await appended(store, "r", first, eventsOf("first", 2));
    await store.release("r", first.epoch);
    const other = again(createStore, store);
    const second = await acquired(other, "r", 1);
    const late = batchOf("r", 0, eventsOf("second", 2));
    await refuses(other, other.append("r", { ...second, seq: 0 }, late), "STORE_CONFLICT");
    await seesJournal(again(createStore, store), "r", eventsOf("first", 2));
  },
});
