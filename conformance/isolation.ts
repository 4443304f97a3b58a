// Stores over different places never see each other; those over one place see the same, if places are shared.

import { casesOf } from "./conformance-case.js";
import { expect } from "./expect.js";
import { expectData } from "./expect-data.js";
import { expectEqual } from "./expect-equal.js";
import { headsOf, refuses, sees, seesJournal } from "./reading.js";
import { acquired, appended, batchOf, eventsOf, heldBy, LEASE_MS, named, storedRun, storedValues } from "./writing.js";

/** Names of places of which some begin like others. */
const PLACES = ["main", "m", "mai", "main2", "other", "other-main"];

/** Cases on several places and several stores. */
export const isolation = casesOf("places", {
  async "runs of one name in different places are different runs"(createStore) {
    const stores = PLACES.map((place) => createStore(place));
    for (const [i, store] of stores.entries()) {
      await storedRun(store, "r", eventsOf(`${i}`, i + 1), { head: { dag: `dag ${i}` } });
    }
    for (const [i, store] of stores.entries()) {
      await seesJournal(store, "r", eventsOf(`${i}`, i + 1));
      expectData(
        (await headsOf(store)).map(({ dag }) => dag),
        [`dag ${i}`],
        "the list of runs of one place",
      );
    }
  },

  async "a run that is held in one place is free in another"(createStore) {
    const [here, there] = [createStore("main"), createStore("other")];
    const at = await acquired(here, "r", 0, "me");
    const other = await acquired(there, "r", 0, "you");
    await appended(there, "r", other, eventsOf("there", 1));
    await appended(here, "r", at, eventsOf("here", 2));
    heldBy(await here.acquire("r", "you", 1, LEASE_MS));
    await there.release("r", other.epoch);
    heldBy(await here.acquire("r", "you", 1, LEASE_MS));
  },

  async "values of one place are not there in another"(createStore) {
    const [here, there] = [createStore("main"), createStore("other")];
    const [small, large] = await Promise.all([named('["small"]'), named('["large"]', [new Uint8Array(100_000)])]);
    await storedValues(here, "r", [small]);
    await acquired(here, "r");
    await here.putValue("r", large.hash, large.encoded);
    const at = [small, large].map(({ hash }) => ({ hash, runId: "r", seq: 0 }));
    expectData(await there.hasValues(at), [false, false], "which values are there in another place");
    expectEqual(await there.getValue({ hash: small.hash, runId: "r", seq: 0 }), undefined, "a value of another place");
    expectData((await there.usage()).runs, [], "the runs of another place that take room");
  },

  async "removing in one place leaves the others alone"(createStore) {
    const stores = PLACES.map((place) => createStore(place));
    const value = await named('["in all places"]', [new Uint8Array(100_000)]);
    for (const store of stores) await storedValues(store, "r", [value]);
    await (stores[0] as (typeof stores)[number]).remove(["r"]);
    for (const [i, store] of stores.entries()) {
      const at = [{ hash: value.hash, runId: "r", seq: 0 }];
      await sees(store, async () => (await headsOf(store)).length, i === 0 ? 0 : 1, "the number of runs");
      await sees(store, () => store.hasValues(at), [i !== 0], "whether the value is there");
    }
  },

  async "a second store over a place sees its runs if places are shared, and otherwise nothing"(createStore) {
    const [first, second] = [createStore(), createStore()];
    const value = await named('["value"]');
    await storedValues(first, "r", [value]);
    const { shared } = first.capabilities;
    const at = [{ hash: value.hash, runId: "r", seq: 0 }];
    await sees(second, async () => (await headsOf(second)).length, shared ? 1 : 0, "the number of runs");
    await sees(
      second,
      async () => (await second.read("r", 0, 9)).events.length,
      shared ? 1 : 0,
      "the number of events",
    );
    await sees(second, () => second.hasValues(at), [shared], "whether the value is there");
    await first.close();
    const third = createStore();
    await sees(third, async () => (await headsOf(third)).length, shared ? 1 : 0, "the runs after the first was closed");
  },

  async "a run that one store holds is held, or unknown, for a second store over the place"(createStore) {
    const [first, second] = [createStore(), createStore()];
    const at = await acquired(first, "r", 0);
    const lease = await second.acquire("r", second.newId(1), 1, LEASE_MS);
    expect("heldBy" in lease === first.capabilities.shared, `A second store got ${JSON.stringify(lease)}.`);
    if (!first.capabilities.shared) return appended(first, "r", at, eventsOf("mine", 1)).then(() => {});
    const next = await acquired(second, "r", LEASE_MS);
    await refuses(first, first.append("r", at, batchOf("r", 0, eventsOf("late", 1))), "FENCED");
    await appended(second, "r", next, eventsOf("mine", 1));
  },

  async "what one store removes is gone for a second one that had read it, if places are shared"(createStore) {
    const [first, second] = [createStore(), createStore()];
    const { shared } = first.capabilities;
    const value = await named('["value"]');
    await storedValues(first, "r", [value]);
    const at = { hash: value.hash, runId: "r", seq: 0 };
    await second.read("r", 0, 10);
    await second.getValue(at);
    await second.remove(["r"]);
    await sees(first, async () => (await headsOf(first)).length, shared ? 0 : 1, "the number of runs");
    await sees(first, () => first.hasValues([at]), [!shared], "whether the value is there");
    expectEqual(await first.getValue(at), shared ? undefined : value.encoded, "the value");
  },
});
