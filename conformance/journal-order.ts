// A journal is a list: what was appended comes back complete, unchanged and in order.

import type { JournalEvent } from "../src/index.js";
import { again, casesOf } from "./conformance-case.js";
import { expectEqual } from "./expect-equal.js";
import { journalOf, sees, seesJournal } from "./reading.js";
import { acquired, appended, eventsOf } from "./writing.js";

/** Cases on the order of journals. */
export const journalOrder = casesOf("journal", {
  async "events come back in the order in which they were appended, over many batches"(createStore) {
    const store = createStore();
    const all: JournalEvent[] = [];
    let at = await acquired(store, "r");
    for (let batch = 0; batch < 40; batch++) {
      const events = eventsOf(`batch ${batch}`, 1 + (batch % 5));
      at = await appended(store, "r", at, events);
      all.push(...events);
    }
    await seesJournal(store, "r", all);
    await seesJournal(again(createStore, store), "r", all);
  },

  async "a batch of 5,000 events is stored"(createStore) {
    const store = createStore();
    const events = eventsOf("many", 5_000);
    await appended(store, "r", await acquired(store, "r"), events);
    await seesJournal(again(createStore, store), "r", events);
  },

  async "order is by position, and times are only information"(createStore) {
    const store = createStore();
    const events = eventsOf("backwards", 6).toReversed();
    const at = await appended(store, "r", await acquired(store, "r"), events.slice(0, 2));
    await appended(store, "r", at, events.slice(2));
    await seesJournal(again(createStore, store), "r", events);
  },

  async "position counts the events, and a new owner goes on where the last one ended"(createStore) {
    const store = createStore();
    let at = await acquired(store, "r");
    expectEqual(at.seq, 0, "the number of events of a new run");
    at = await appended(store, "r", at, eventsOf("first", 3));
    await store.release("r", at.epoch);
    const other = again(createStore, store);
    const next = await acquired(other, "r", 1);
    expectEqual(next.seq, 3, "the number of events that a new owner finds");
    await appended(other, "r", next, eventsOf("second", 2));
    await seesJournal(again(createStore, store), "r", [...eventsOf("first", 3), ...eventsOf("second", 2)]);
  },

  async "events of all kinds come back as they were"(createStore) {
    const store = createStore();
    await appended(store, "r", await acquired(store, "r"), ALL_KINDS);
    await seesJournal(again(createStore, store), "r", ALL_KINDS);
  },

  async "several runs are written in turns, and none gets the events of another"(createStore) {
    const store = createStore();
    let [a, b] = [await acquired(store, "a"), await acquired(store, "b")];
    for (let i = 0; i < 5; i++) {
      a = await appended(store, "a", a, eventsOf(`a${i}`, 2));
      b = await appended(store, "b", b, eventsOf(`b${i}`, 3));
    }
    const other = again(createStore, store);
    for (const [runId, count] of [["a", 2] as const, ["b", 3] as const]) {
      const expected = Array.from({ length: 5 }, (_, i) => eventsOf(`${runId}${i}`, count)).flat();
      await seesJournal(other, runId, expected);
    }
  },

  async "a run that nobody wrote to has no events and no head"(createStore) {
    const store = createStore();
    expectEqual(await store.read("unknown", 0, 10), { events: [], more: false }, "the journal of an unknown run");
    await acquired(store, "claimed");
    expectEqual(await journalOf(store, "claimed"), [], "the journal of a run that was only claimed");
    expectEqual(await store.head("claimed"), undefined, "the head of a run that was only claimed");
    await sees(store, async () => (await store.heads({ limit: 10 })).heads, [], "the list of runs");
  },
});

const AT = { at: 1, path: "each[0]/node", attempt: 1 };
const ERROR = { name: "TypeError", message: "x\n\u2028", stack: "at", code: "E", cause: { name: "E", message: "" } };

const ALL_KINDS: readonly JournalEvent[] = [
  {
    type: "run-started",
    at: 0,
    format: 1,
    dag: "dag",
    durability: "sync",
    inputs: { node: { text: '=["x"]' }, other: {} },
    epoch: 1,
    owner: "me",
    fingerprint: "f",
    code: "c",
    replay: { of: "old", rerun: ["a", "b[*]"], mode: "pinned" },
  },
  {
    type: "node-started",
    ...AT,
    reason: "first run",
    executor: "inline",
    inputs: { n: ["give[0]"] },
    overridden: true,
  },
  { type: "node-log", ...AT, message: "line", data: "=[1]" },
  { type: "node-progress", ...AT, done: 0.5, total: 2 },
  { type: "node-failed", ...AT, error: ERROR, retryInMs: 0, waitedMs: 0.5 },
  { type: "node-paused", ...AT, reason: "ask", payload: "=[-0]", rejected: "no", waitedMs: 1 },
  { type: "node-aborted", ...AT, ran: false, error: ERROR, waitedMs: 1 },
  { type: "node-completed", ...AT, output: "=[1]", outputBytes: 3, overrunMs: 1.25, waitedMs: 7 },
  {
    type: "node-completed",
    ...AT,
    composed: { kind: "map", count: 2, sink: "/node", keys: "=[]", failed: [[1, "p"]] },
  },
  {
    type: "node-reused",
    at: 1,
    path: "node",
    output: "=[1]",
    outputBytes: 3,
    inputs: { n: [{ path: "give", element: "[0]", value: "=[1]", origin: { runId: "old", seq: 3, attempt: 1 } }] },
    from: { runId: "old", seq: 4, attempt: 2 },
    failure: { element: "[0]", error: ERROR },
  },
  { type: "run-paused", at: 2, reason: "why" },
  {
    type: "run-resumed",
    at: 3,
    epoch: 2,
    owner: "you",
    fingerprint: "f",
    code: "c",
    answers: [{ path: "node", reason: "ask", answer: "=[true]" }],
    invalidated: ["node"],
  },
  { type: "run-failed", at: 4, path: "node" },
  { type: "run-pruned", at: 5, epoch: 3, owner: "them" },
];
