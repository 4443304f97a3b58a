// A run is held for a while: by one owner, who may prolong it or give it back.

import { again, casesOf } from "./conformance-case.js";
import { expect } from "./expect.js";
import { expectData } from "./expect-data.js";
import { expectEqual } from "./expect-equal.js";
import { acquired, appended, eventsOf, heldBy, LEASE_MS, storedRun } from "./writing.js";

/** Cases on who holds a run, and for how long. */
export const leases = casesOf("lease", {
  async "a run that is held is not given away, and it is said who holds it until when"(createStore) {
    const store = createStore();
    const { owner } = await acquired(store, "r", 100);
    const other = again(createStore, store);
    for (const now of [100, 100 + LEASE_MS - 1]) {
      const held = heldBy(await other.acquire("r", other.newId(now), now, LEASE_MS));
      expectEqual({ ...held }, { heldBy: owner, untilMs: 100 + LEASE_MS }, "who holds the run");
    }
  },

  async "who holds a run does not get it a second time"(createStore) {
    const store = createStore();
    const { owner } = await acquired(store, "r", 0, "me");
    heldBy(await store.acquire("r", owner, 1, LEASE_MS));
    await acquired(store, "r", LEASE_MS, owner);
  },

  async "a lease that is over is given away"(createStore) {
    const store = createStore();
    const first = await acquired(store, "r");
    const second = await acquired(again(createStore, store), "r", LEASE_MS);
    expect(second.epoch > first.epoch, "The next owner has no later epoch.");
  },

  async "a lease that is renewed lasts longer"(createStore) {
    const store = createStore();
    const other = again(createStore, store);
    const { owner, epoch } = await acquired(store, "r");
    for (const now of [LEASE_MS - 1, 2 * LEASE_MS - 2]) {
      expectEqual(await store.renew("r", epoch, now, LEASE_MS), true, "whether the lease was renewed");
      const held = heldBy(await other.acquire("r", other.newId(now), now + LEASE_MS - 1, LEASE_MS));
      expectEqual({ ...held }, { heldBy: owner, untilMs: now + LEASE_MS }, "who holds the run");
    }
    await acquired(other, "r", 3 * LEASE_MS);
  },

  async "a lease that is over and that nobody took can be renewed"(createStore) {
    const store = createStore();
    const { epoch } = await acquired(store, "r");
    expectEqual(await store.renew("r", epoch, 5 * LEASE_MS, LEASE_MS), true, "whether the lease was renewed");
    heldBy(await store.acquire("r", store.newId(0), 6 * LEASE_MS - 1, LEASE_MS));
  },

  async "a lease that was lost is not renewed, and the new one is left alone"(createStore) {
    const store = createStore();
    const other = again(createStore, store);
    const old = await acquired(store, "r");
    const next = await acquired(other, "r", LEASE_MS);
    expectEqual(await store.renew("r", old.epoch, LEASE_MS, 100 * LEASE_MS), false, "whether a lost lease was renewed");
    expectEqual(await other.renew("r", next.epoch, LEASE_MS, LEASE_MS), true, "whether the new lease was renewed");
    const held = heldBy(await store.acquire("r", store.newId(0), LEASE_MS + 1, LEASE_MS));
    expectEqual({ ...held }, { heldBy: next.owner, untilMs: 2 * LEASE_MS }, "who holds the run");
  },

  async "a run that was released is free at once, and its lease cannot be renewed"(createStore) {
    const store = createStore();
    const at = await appended(store, "r", await acquired(store, "r"), eventsOf("stored", 1));
    await store.release("r", at.epoch);
    expectEqual(await store.renew("r", at.epoch, 1, LEASE_MS), false, "whether a released lease was renewed");
    await acquired(again(createStore, store), "r", 1);
  },

  async "a run that was claimed and released without a write is free, and is not listed"(createStore) {
    const store = createStore();
    const { epoch } = await acquired(store, "r");
    await store.release("r", epoch);
    const other = again(createStore, store);
    expectEqual((await other.heads({ limit: 5 })).heads, [], "the list of runs");
    expectEqual((await acquired(other, "r", 1)).seq, 0, "the number of events of the run");
  },

  async "a release under an old epoch leaves the new owner alone"(createStore) {
    const store = createStore();
    const other = again(createStore, store);
    const old = await acquired(store, "r");
    const next = await acquired(other, "r", LEASE_MS);
    await store.release("r", old.epoch);
    heldBy(await store.acquire("r", store.newId(0), LEASE_MS + 1, LEASE_MS));
    await appended(other, "r", next, eventsOf("new", 1));
  },

  async "nothing happens when a run is released twice, or one that nobody has"(createStore) {
    const store = createStore();
    const { epoch } = await acquired(store, "r");
    await store.release("r", epoch);
    await store.release("r", epoch);
    await store.release("unknown", 1);
    expectEqual(await store.renew("unknown", 1, 0, LEASE_MS), false, "whether the lease of an unknown run was renewed");
    expectEqual((await store.heads({ limit: 5 })).heads, [], "the list of runs");
  },

  async "an owner may hold several runs"(createStore) {
    const store = createStore();
    const runs = ["a", "b", "c"];
    for (const runId of runs) await appended(store, runId, await acquired(store, runId, 0, "me"), eventsOf(runId, 1));
    for (const runId of runs) heldBy(await store.acquire(runId, store.newId(1), 1, LEASE_MS));
  },

  async "a claim leaves the journal and the head of a run alone"(createStore) {
    const store = createStore();
    await storedRun(store, "r", eventsOf("stored", 2), { head: { status: "paused" } });
    const before = await store.head("r");
    const other = again(createStore, store);
    expectEqual((await acquired(other, "r", 5)).seq, 2, "the number of events of the run");
    expectData(await again(createStore, store).head("r"), before, "the head");
  },

  async "names for runs and owners are unique, and later ones sort after earlier ones"(createStore) {
    const [store, other] = [createStore(), createStore()];
    const times = [0, 1, 999, 1_000, 1e12, 1e12 + 1, 2e12];
    const names = times.map((now, i) => (i % 2 === 0 ? store : other).newId(now));
    expectEqual(names.toSorted(), names, "names, sorted");
    const many = new Set(Array.from({ length: 2_000 }, (_, i) => (i % 2 === 0 ? store : other).newId(5)));
    expectEqual(many.size, 2_000, "the number of different names of one moment");
  },
});
