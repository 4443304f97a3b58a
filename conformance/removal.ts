// Removing a run takes all of it, and nothing that others need.

import { again, casesOf } from "./conformance-case.js";
import { expectData } from "./expect-data.js";
import { expectEqual } from "./expect-equal.js";
import { headsOf, sees, seesJournal } from "./reading.js";
import {
  acquired,
  appended,
  eventsOf,
  LEASE_MS,
  named,
  outputsOf,
  reusing,
  runIds,
  storedRun,
  storedValues,
} from "./writing.js";

/** Cases on removing runs. */
export const removal = casesOf("remove", {
  async "a removed run has no journal, no head and no values"(createStore) {
    const store = createStore();
    const value = await named(`["${"gone ".repeat(100)}"]`);
    await storedValues(store, "r", [value]);
    await store.remove(["r"]);
    const other = again(createStore, store);
    const at = { hash: value.hash, runId: "r", seq: 0 };
    await seesJournal(other, "r", []);
    await sees(other, () => other.head("r"), undefined, "the head of a removed run");
    await sees(other, () => headsOf(other), [], "the list of runs");
    await sees(other, () => other.hasValues([at]), [false], "whether the value is there");
    expectEqual(await other.getValue(at), undefined, "the value of a removed run");
  },

  async "large values that were stored apart go with the last run that refers to them"(createStore) {
    const store = createStore();
    const value = await named('[["ArrayBuffer",1],1]', [new Uint8Array(100_000)]);
    for (const runId of ["a", "b"]) {
      await storedRun(store, runId, outputsOf([value]), { refers: [value.hash] }, [value]);
    }
    const at = { hash: value.hash, runId: "b", seq: 0 };
    await store.remove(["a"]);
    const other = again(createStore, store);
    await sees(other, () => other.hasValues([at]), [true], "whether the value of a run that is left is there");
    await store.remove(["b"]);
    await sees(other, () => other.hasValues([at]), [false], "whether the value of no run is there");
  },

  async "values that other runs refer to stay, whoever stored them"(createStore) {
    const store = createStore();
    const [both, one] = await Promise.all([named('["both"]', [Uint8Array.of(1)]), named('["one"]')]);
    await storedValues(store, "first", [both, one]);
    const at = await acquired(store, "second");
    // The second run reuses the value: it refers to it without bringing it again.
    await appended(store, "second", at, reusing([both], "first"), { refers: [both.hash] });
    await store.release("second", at.epoch);
    await store.remove(["first"]);
    const other = again(createStore, store);
    const locations = [both, one].map(({ hash }) => ({ hash, runId: "first", seq: 1 }));
    await sees(other, () => other.hasValues(locations), [true, false], "which values are there");
    expectEqual(await other.getValue({ hash: both.hash, runId: "first", seq: 0 }), both.encoded, "the shared value");
    await store.remove(["second"]);
    await sees(other, () => other.hasValues(locations), [false, false], "which values are there in the end");
  },

  async "nothing happens when an unknown run is removed, or one twice, or none"(createStore) {
    const store = createStore();
    await storedRun(store, "left", eventsOf("left", 2));
    await storedRun(store, "gone", eventsOf("gone", 2));
    await store.remove([]);
    await store.remove(["unknown"]);
    await store.remove(["gone", "gone"]);
    await store.remove(["gone"]);
    const other = again(createStore, store);
    await seesJournal(other, "left", eventsOf("left", 2));
    await sees(other, async () => (await headsOf(other)).map(({ runId }) => runId), ["left"], "the list of runs");
  },

  async "many runs are removed at once, and their neighbours stay"(createStore) {
    const store = createStore();
    const ids = runIds(40);
    for (const runId of ids) await storedRun(store, runId, eventsOf(runId, 2));
    await store.remove(ids.filter((_, i) => i % 4 !== 0));
    const left = ids.filter((_, i) => i % 4 === 0);
    const other = again(createStore, store);
    const listed = async () => (await headsOf(other)).map(({ runId }) => runId).toSorted();
    await sees(other, listed, left.toSorted(), "the runs that are left");
    for (const runId of left) await seesJournal(other, runId, eventsOf(runId, 2));
  },

  async "a run may be made anew under the name of a removed one"(createStore) {
    const store = createStore();
    await storedRun(store, "r", eventsOf("old", 5));
    await store.remove(["r"]);
    const other = again(createStore, store);
    const at = await acquired(other, "r", 1);
    expectData(at.seq, 0, "the number of events of the new run");
    await appended(other, "r", at, eventsOf("new", 2), { head: { startedAt: 9 } });
    const reader = again(createStore, store);
    await seesJournal(reader, "r", eventsOf("new", 2));
    await sees(reader, async () => (await reader.head("r"))?.startedAt, 9, "when the new run started");
  },

  async "a run that is held is removed all the same, and its lease is lost"(createStore) {
    const store = createStore();
    const { epoch } = await appended(store, "r", await acquired(store, "r"), eventsOf("stored", 1));
    await again(createStore, store).remove(["r"]);
    if (store.capabilities.fencing === "atomic") {
      expectData(await store.renew("r", epoch, 1, LEASE_MS), false, "whether the lease of a removed run was renewed");
    }
    await store.release("r", epoch);
    await seesJournal(again(createStore, store), "r", []);
  },
});
