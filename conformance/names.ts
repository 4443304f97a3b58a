// Names are any text: no store may take a sign in them for one of its own, or two of them for one.

import { again, casesOf } from "./conformance-case.js";
import { expectData } from "./expect-data.js";
import { expectEqual } from "./expect-equal.js";
import { headsOf, sees, seesJournal } from "./reading.js";
import { acquired, appended, eventsOf, heldBy, LEASE_MS, storedRun } from "./writing.js";

const LONG = "long/é😀".repeat(120);

/** Names that somebody may have, each of which has broken some store. */
export const NAMES: readonly string[] = [
  ...["a", "A", "a ", " a", "a/b", "a//b", "a/", "/a", "a\\b", "a:b", "a|b", "a#b", "a?b", "a*b", "a'b", 'a"b', "a;b"],
  ...[".", "..", "../a", "a/..", "./a", "...", "a.", "a.jsonl", "~", "-a", "--", "con", "NUL", "com1.txt", "LPT1"],
  ...["%", "%00", "%2F", "a%2Fb", "%u0041", "%25", "a\0", "a\0b", "\0", "\n", "a\r\nb", "\t", "\u007f", "\u2028"],
  ...[
    "é",
    "e\u0301",
    "É",
    "ß",
    "ss",
    "SS",
    "ſ",
    "İ",
    "i",
    "😀",
    "👩‍👩‍👧",
    "日本語",
    "\u202e",
    "\ufeff",
    "\uffff",
    "\u{10ffff}",
  ],
  ...[
    "__proto__",
    "constructor",
    "toString",
    "hasOwnProperty",
    "length",
    "null",
    "undefined",
    "0",
    "1",
    "00",
    "-1",
    "1e3",
  ],
  ...[LONG, `${LONG}1`, LONG.toUpperCase(), "x".repeat(254), "x".repeat(255), "x".repeat(256)],
];

/** Cases on names of any signs. */
export const names = casesOf("names", {
  async "runs may have any name, and none is taken for another"(createStore) {
    const store = createStore();
    for (const [i, runId] of NAMES.entries()) await storedRun(store, runId, eventsOf(`${i}`, 1 + (i % 3)));
    const other = again(createStore, store);
    for (const [i, runId] of NAMES.entries()) {
      await seesJournal(other, runId, eventsOf(`${i}`, 1 + (i % 3)));
      expectData((await other.head(runId))?.runId, runId, "the name in the head");
    }
    const listed = async () => (await headsOf(other, {}, 10)).map(({ runId }) => runId).toSorted();
    await sees(other, listed, NAMES.toSorted(), "the names of all runs");
  },

  async "a run with one of these names is removed alone"(createStore) {
    const store = createStore();
    for (const [i, runId] of NAMES.entries()) await storedRun(store, runId, eventsOf(`${i}`, 1));
    const gone = NAMES.filter((_, i) => i % 2 === 0);
    await store.remove(gone);
    const other = again(createStore, store);
    for (const [i, runId] of NAMES.entries()) await seesJournal(other, runId, i % 2 === 0 ? [] : eventsOf(`${i}`, 1));
    const left = NAMES.filter((_, i) => i % 2 === 1).toSorted();
    const listed = async () => (await headsOf(other)).map(({ runId }) => runId).toSorted();
    await sees(other, listed, left, "the names of the runs that are left");
  },

  async "leases on runs with any name are told apart"(createStore) {
    const store = createStore();
    const claims = [];
    for (const runId of NAMES) claims.push(await acquired(store, runId));
    for (const [i, runId] of NAMES.entries()) {
      const held = heldBy(await store.acquire(runId, store.newId(1), 1, LEASE_MS));
      expectEqual(held.heldBy, claims[i]?.owner, "who holds the run");
    }
    for (const [i, runId] of NAMES.entries()) await store.release(runId, claims[i]?.epoch as number);
  },

  async "owners may have any name"(createStore) {
    const store = createStore();
    for (const owner of NAMES) {
      const runId = `of ${owner}`;
      const at = await acquired(store, runId, 0, owner);
      const held = heldBy(await again(createStore, store).acquire(runId, `not ${owner}`, 1, LEASE_MS));
      expectEqual(held.heldBy, owner, "who holds the run");
      await appended(store, runId, at, eventsOf(owner, 1));
      await store.release(runId, at.epoch);
      await seesJournal(store, runId, eventsOf(owner, 1));
    }
  },

  async "dags may have any name, and are listed by it"(createStore) {
    const store = createStore();
    for (const [i, dag] of NAMES.entries()) await storedRun(store, `run ${i}`, eventsOf("e", 1), { head: { dag } });
    const other = again(createStore, store);
    await sees(other, async () => (await headsOf(other)).length, NAMES.length, "the number of runs");
    for (const [i, dag] of NAMES.entries()) {
      const listed = (await headsOf(other, { dag })).map((head) => [head.runId, head.dag]);
      expectData(listed, [[`run ${i}`, dag]], "the runs of one dag");
    }
  },

  async "texts in events may hold anything"(createStore) {
    const store = createStore();
    const events = NAMES.flatMap((name) => eventsOf(name, 1)).map((event, i) => ({
      ...event,
      path: NAMES[i] as string,
    }));
    const reason = { type: "run-paused" as const, at: 1, reason: NAMES.join("") };
    await appended(store, "r", await acquired(store, "r"), [...events, reason]);
    await seesJournal(again(createStore, store), "r", [...events, reason]);
  },
});
