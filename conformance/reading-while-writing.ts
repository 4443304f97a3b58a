// Who reads while somebody writes sees a part of the journal from its beginning, in whole batches.

import type { JournalEvent, Store } from "../src/index.js";
import { turn } from "./clock.js";
import { again, casesOf } from "./conformance-case.js";
import { expect } from "./expect.js";
import { expectData } from "./expect-data.js";
import { seesJournal } from "./reading.js";
import { acquired, appended, eventsOf, named, outputsOf } from "./writing.js";

const BATCHES = 30;
const EVENTS = 4;
const EVERYTHING = Array.from({ length: BATCHES }, (_, i) => eventsOf(`batch ${i}`, EVENTS)).flat();

/** Cases on reading a run that is being written. */
export const readingWhileWriting = casesOf("reading while writing", {
  async "a reader sees whole batches, from the first on"(createStore) {
    const store = createStore();
    const readers = [store, again(createStore, store)];
    const writing = writeAll(store);
    await whileUnderWay(writing, async () => {
      for (const reader of readers) expectWholeBatches((await reader.read("r", 0, 1_000)).events);
    });
    await seesJournal(again(createStore, store), "r", EVERYTHING);
  },

  async "a reader that goes on where it ended misses nothing and reads nothing twice"(createStore) {
    const store = createStore();
    const reader = again(createStore, store);
    const read: JournalEvent[] = [];
    const readOn = async () => void read.push(...(await reader.read("r", read.length, 7)).events);
    await whileUnderWay(writeAll(store), readOn);
    for (let before = -1; before < read.length; ) {
      before = read.length;
      await readOn();
    }
    if (store.capabilities.reads === "strong") expectData(read, EVERYTHING, "what was read");
    else expectData(read, EVERYTHING.slice(0, read.length), "what was read");
  },

  async "a head never speaks of more events than there are"(createStore) {
    const store = createStore();
    const reader = again(createStore, store);
    await whileUnderWay(writeAll(store), async () => {
      const head = await reader.head("r");
      const { events } = await reader.read("r", 0, 1_000);
      if (store.capabilities.reads === "eventual") return;
      const said = head?.events ?? 0;
      expect(said <= events.length, `The head speaks of ${said} events, of which ${events.length} can be read.`);
      expect(said % EVENTS === 0, `The head speaks of ${said} events, which are no whole batches.`);
    });
  },

  async "a value is there as soon as an event that refers to it"(createStore) {
    const store = createStore();
    const reader = again(createStore, store);
    const values = await Promise.all(Array.from({ length: 20 }, (_, i) => named(`["value ${i}"]`)));
    const write = async () => {
      let at = await acquired(store, "r");
      for (const { hash, encoded } of values) {
        const [value] = values.filter((one) => one.hash === hash);
        const batch = { values: new Map([[hash, encoded]]), refers: [hash] };
        at = await appended(store, "r", at, value ? outputsOf([value]) : [], batch);
      }
    };
    await whileUnderWay(write(), async () => {
      const { events } = await reader.read("r", 0, 100);
      const seq = events.length - 1;
      const hash = values[seq]?.hash;
      if (hash === undefined) return;
      expectData(await reader.hasValues([{ hash, runId: "r", seq }]), [true], `whether value ${seq} is there`);
    });
  },
});

async function writeAll(store: Store): Promise<void> {
  let at = await acquired(store, "r");
  for (let i = 0; i < BATCHES; i++) at = await appended(store, "r", at, eventsOf(`batch ${i}`, EVENTS));
}

/** Does something again and again, at least once, until what is under way has ended. */
async function whileUnderWay(work: Promise<void>, act: () => Promise<void>): Promise<void> {
  let isOver = false;
  const over = work.finally(() => {
    isOver = true;
  });
  over.catch(() => {});
  do {
    await act();
    await turn();
  } while (!isOver);
  await over;
}

function expectWholeBatches(events: readonly JournalEvent[]): void {
  expect(events.length % EVENTS === 0, `A reader saw ${events.length} events, which are no whole batches.`);
  expectData(events, EVERYTHING.slice(0, events.length), "what a reader saw");
}
