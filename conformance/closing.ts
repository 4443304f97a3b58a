// A closed store does nothing any more, and says so.

import type { Store } from "../src/index.js";
import { casesOf } from "./conformance-case.js";
import { rejects } from "./expect.js";
import { expectData } from "./expect-data.js";
import { headsOf, seesJournal } from "./reading.js";
import { acquired, appended, batchOf, eventsOf, LEASE_MS, storedRun } from "./writing.js";

/** Every method of a store that asks or changes something. */
const CALLS: Readonly<Record<string, (store: Store) => Promise<unknown>>> = {
  acquire: (store) => store.acquire("new", "you", 0, LEASE_MS),
  renew: (store) => store.renew("r", 1, 0, LEASE_MS),
  release: (store) => store.release("r", 1),
  append: (store) => store.append("r", { epoch: 1, seq: 1, owner: "me" }, batchOf("r", 1, eventsOf("late", 1))),
  read: (store) => store.read("r", 0, 1),
  putValue: (store) => store.putValue("r", "00".repeat(32), { text: "", parts: [] }),
  getValue: (store) => store.getValue({ hash: "00".repeat(32), runId: "r", seq: 0 }),
  hasValues: (store) => store.hasValues([{ hash: "00".repeat(32), runId: "r", seq: 0 }]),
  head: (store) => store.head("r"),
  heads: (store) => store.heads({ limit: 1 }),
  remove: (store) => store.remove(["r"]),
  prune: (store) => store.prune([{ runId: "r", epoch: 1, keep: new Set() }]),
  usage: (store) => store.usage(),
};

/** Cases on closed stores. */
export const closing = casesOf("close", {
  async "after it every call rejects with STORE_UNAVAILABLE"(createStore) {
    const store = createStore();
    await appended(store, "r", await acquired(store, "r", 0, "me"), eventsOf("stored", 1));
    await store.close();
    for (const [name, call] of Object.entries(CALLS)) {
      await rejects(call(store), "STORE_UNAVAILABLE").catch((error: Error) => {
        throw new Error(`${name}: ${error.message}`, { cause: error });
      });
    }
  },

  async "a store may be closed twice, and without having been used"(createStore) {
    const store = createStore();
    await store.close();
    await store.close();
    await rejects(store.head("r"), "STORE_UNAVAILABLE");
  },

  async "closing one store leaves others over the same and other places open"(createStore) {
    const [store, same, other] = [createStore(), createStore(), createStore("other")];
    for (const one of [same, other]) await storedRun(one, "mine", eventsOf("mine", 1));
    await store.close();
    for (const one of [same, other]) {
      await seesJournal(one, "mine", eventsOf("mine", 1));
      await storedRun(one, "new", eventsOf("new", 1));
      expectData((await headsOf(one)).length, 2, "the number of runs");
    }
  },

  async "what a store stored before it was closed stays, if places are shared"(createStore) {
    const store = createStore();
    let at = await acquired(store, "r");
    for (let i = 0; i < 5; i++) at = await appended(store, "r", at, eventsOf(`${i}`, 2));
    await store.close();
    const stored = [0, 1, 2, 3, 4].flatMap((i) => eventsOf(`${i}`, 2));
    await seesJournal(createStore(), "r", store.capabilities.shared ? stored : []);
  },
});
