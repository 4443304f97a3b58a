// Who may write: the owner of the latest epoch, at the end of the journal, and nobody else.

import type { Store } from "../src/index.js";
import { again, type CreateStore, casesOf } from "./conformance-case.js";
import { expect } from "./expect.js";
import { refuses, seesJournal, seesOneHistory } from "./reading.js";
import { acquired, appended, batchOf, eventsOf, LEASE_MS, storedRun } from "./writing.js";

/** Cases on who may write. */
export const fencing = casesOf("fencing", {
  async "an append at a position that is not the end is a conflict"(createStore) {
    const store = createStore();
    const at = await appended(store, "r", await acquired(store, "r"), eventsOf("stored", 3));
    for (const seq of [1, 2, 4]) {
      await refuses(store, store.append("r", { ...at, seq }, batchOf("r", seq, eventsOf("no", 1))), "STORE_CONFLICT");
    }
    await appended(store, "r", at, eventsOf("next", 1));
    await seesJournal(again(createStore, store), "r", [...eventsOf("stored", 3), ...eventsOf("next", 1)]);
  },

  async "an owner whose lease was over and whose run was taken is fenced off"(createStore) {
    const store = createStore();
    const other = again(createStore, store);
    const old = await acquired(store, "r");
    const next = await acquired(other, "r", LEASE_MS);
    await refuses(store, store.append("r", old, batchOf("r", 0, eventsOf("old", 2))), "FENCED");
    await appended(other, "r", next, eventsOf("new", 2));
    await seesOneHistory([store, other], "r", [eventsOf("new", 2), eventsOf("old", 2)]);
  },

  async "an owner whose lease is over and whose run nobody took may still write"(createStore) {
    const store = createStore();
    const at = await acquired(store, "r");
    await appended(store, "r", at, eventsOf("late", 1));
    await seesJournal(again(createStore, store), "r", eventsOf("late", 1));
  },

  async "after its release an owner is fenced off"(createStore) {
    const store = createStore();
    const at = await appended(store, "r", await acquired(store, "r"), eventsOf("stored", 1));
    await store.release("r", at.epoch);
    await refuses(store, store.append("r", at, batchOf("r", 1, eventsOf("no", 1))), "FENCED");
    await seesOneHistory([again(createStore, store)], "r", [
      eventsOf("stored", 1),
      [...eventsOf("stored", 1), ...eventsOf("no", 1)],
    ]);
  },

  async "after its run was removed an owner is fenced off, and leaves nothing"(createStore) {
    const store = createStore();
    const at = await appended(store, "r", await acquired(store, "r"), eventsOf("stored", 1));
    await again(createStore, store).remove(["r"]);
    await refuses(store, store.append("r", at, batchOf("r", 1, eventsOf("no", 1))), "FENCED");
    if (store.capabilities.fencing === "atomic") await seesJournal(again(createStore, store), "r", []);
  },

  async "the owner of a removed run does not fit a new run of the same name"(createStore) {
    const store = createStore();
    const old = await acquired(store, "r");
    const other = again(createStore, store);
    await other.remove(["r"]);
    const next = await acquired(other, "r", 2 * LEASE_MS);
    expect(next.epoch > old.epoch, `The epoch went from ${old.epoch} to ${next.epoch} when the run was removed.`);
    await refuses(store, store.append("r", old, batchOf("r", 0, eventsOf("old", 1))), "FENCED");
    await appended(other, "r", next, eventsOf("new", 1));
    await seesOneHistory([store, other], "r", [eventsOf("new", 1), eventsOf("old", 1)]);
  },

  async "somebody else under the right epoch is fenced off"(createStore) {
    const store = createStore();
    const at = await acquired(store, "r");
    const stranger = { ...at, owner: store.newId(1) };
    await refuses(store, store.append("r", stranger, batchOf("r", 0, eventsOf("stranger", 1))), "FENCED");
    await appended(store, "r", at, eventsOf("owner", 1));
    await seesOneHistory([again(createStore, store)], "r", [eventsOf("owner", 1), eventsOf("stranger", 1)]);
  },

  async "nobody writes to a run that was never acquired"(createStore) {
    const store = createStore();
    const at = { epoch: 1, seq: 0, owner: "me" };
    await refuses(store, store.append("r", at, batchOf("r", 0, eventsOf("no", 1))), "FENCED");
    if (store.capabilities.fencing === "atomic") await seesJournal(again(createStore, store), "r", []);
  },

  async "all owners but the last of several are fenced off"(createStore) {
    const owners = await ownersInTurn(createStore, 5);
    const last = owners.at(-1) as (typeof owners)[number];
    for (const { store, at, mark } of owners.slice(0, -1)) {
      await refuses(store, store.append("r", at, batchOf("r", 0, eventsOf(mark, 2))), "FENCED");
    }
    await appended(last.store, "r", last.at, eventsOf(last.mark, 2));
    const histories = owners.toReversed().map(({ mark }) => eventsOf(mark, 2));
    const [first = [], ...others] = histories;
    await seesOneHistory(
      owners.map(({ store }) => store),
      "r",
      [first, ...others],
    );
  },

  async "the epoch grows with every owner, also over releases and removals"(createStore) {
    const store = createStore();
    const epochs: number[] = [];
    for (let i = 0; i < 6; i++) {
      const owner = again(createStore, store);
      const at = await acquired(owner, "r", i);
      epochs.push(at.epoch);
      if (i % 2 === 0) await appended(owner, "r", at, eventsOf(`${i}`, 1));
      await owner.release("r", at.epoch);
      if (i % 3 === 2) await owner.remove(["r"]);
    }
    const grows = epochs.every((epoch, i) => i === 0 || epoch > (epochs[i - 1] as number));
    expect(grows, `The epochs of six owners were ${epochs}.`);
  },

  async "the epoch of one run does not depend on others"(createStore) {
    const store = createStore();
    const at = await acquired(store, "a");
    await storedRun(store, "b", eventsOf("b", 1));
    await store.remove(["b"]);
    await appended(store, "a", at, eventsOf("a", 1));
    await seesJournal(again(createStore, store), "a", eventsOf("a", 1));
  },
});

/** Owners who took the run one after the other, each when the lease of the one before was over. */
async function ownersInTurn(createStore: CreateStore, count: number) {
  const store: Store = createStore();
  const owners: { store: Store; at: Awaited<ReturnType<typeof acquired>>; mark: string }[] = [];
  for (let i = 0; i < count; i++) {
    const own = again(createStore, store);
    owners.push({ store: own, at: await acquired(own, "r", i * LEASE_MS), mark: `owner ${i}` });
  }
  return owners;
}
