// Journals are read in pages, which know nothing of batches.

import type { CreateStore } from "./conformance-case.js";
import { again, casesOf } from "./conformance-case.js";
import { expect } from "./expect.js";
import { expectData } from "./expect-data.js";
import { journalOf, seesJournal } from "./reading.js";
import { acquired, appended, eventsOf, runIds, storedRun } from "./writing.js";

const SIZES = [1, 5, 2, 17, 1, 40, 3];
const EVENTS = SIZES.flatMap((size, i) => eventsOf(`batch ${i}`, size));

/** Cases on reading journals in pages. */
export const paging = casesOf("paging", {
  async "pages of any size give the whole journal"(createStore) {
    const store = await filled(createStore);
    for (const limit of [1, 2, 3, 7, 16, 68, 69, 70, 1_000]) {
      expectData(await journalOf(store, "r", limit), EVENTS, `the journal in pages of ${limit}`);
    }
  },

  async "a page may begin anywhere, in the middle of a batch too"(createStore) {
    const store = await filled(createStore);
    for (let seq = 0; seq < EVENTS.length; seq++) {
      const { events, more } = await store.read("r", seq, 4);
      expect(events.length > 0, `A read from event ${seq} of ${EVENTS.length} on gave nothing.`);
      expectData(events, EVENTS.slice(seq, seq + events.length), `the events from ${seq} on`);
      if (seq + events.length < EVENTS.length) expect(more, `There is more after event ${seq + events.length}.`);
    }
  },

  async "at the end there is no more, and behind it nothing"(createStore) {
    const store = await filled(createStore);
    for (const seq of [EVENTS.length, EVENTS.length + 1, 1e6]) {
      expectData(await store.read("r", seq, 10), { events: [], more: false }, `the journal from ${seq} on`);
    }
    expectData((await store.read("r", EVENTS.length - 1, 10)).more, false, "whether there is more after the last");
  },

  async "the number of runs does not matter to the pages of one"(createStore) {
    const store = createStore();
    for (const runId of runIds(30)) await storedRun(store, runId, eventsOf(runId, 3));
    for (const runId of runIds(30)) await seesJournal(again(createStore, store), runId, eventsOf(runId, 3));
  },
});

async function filled(createStore: CreateStore) {
  const store = createStore();
  let at = await acquired(store, "r");
  for (const [i, size] of SIZES.entries()) at = await appended(store, "r", at, eventsOf(`batch ${i}`, size));
  // Neighbours whose events must not slip in.
  for (const runId of ["q", "r0", "rr"]) await storedRun(store, runId, eventsOf(runId, 3));
  const reader = again(createStore, store);
  await seesJournal(reader, "r", EVENTS);
  return reader;
}
