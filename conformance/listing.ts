// Runs are listed without reading their journals: newest first, by status, dag and time, in pages.

import type { HeadQuery, RunHead, RunStatus, Store } from "../src/index.js";
import { again, type CreateStore, casesOf } from "./conformance-case.js";
import { expect } from "./expect.js";
import { expectData } from "./expect-data.js";
import { headsOf, sees } from "./reading.js";
import { acquired, appended, eventsOf, storedRun } from "./writing.js";

const STATUSES: readonly RunStatus[] = ["running", "paused", "completed", "failed", "cancelled"];
const DAGS = ["a", "b", "A"];

/** Cases on the list of runs. */
export const listing = casesOf("list", {
  async "runs are listed newest first, whatever their order of writing"(createStore) {
    const { store, heads } = await filled(createStore);
    expectData(await headsOf(store), heads, "the list of runs");
  },

  async "the list comes in pages that end"(createStore) {
    const { store, heads } = await filled(createStore);
    for (const limit of [1, 2, 4, 29, 30, 31]) {
      expectData(await headsOf(store, {}, limit), heads, `the list in pages of ${limit}`);
    }
    const { heads: all, cursor } = await store.heads({ limit: 100 });
    expectData([all.length, cursor], [heads.length, undefined], "the number of runs, and the cursor after them");
  },

  async "runs of one moment are listed once each, in pages of any size"(createStore) {
    const store = createStore();
    const ids = Array.from({ length: 9 }, (_, i) => `run ${i}`);
    for (const runId of ids) await storedRun(store, runId, eventsOf(runId, 1), { head: { startedAt: 5 } });
    const reader = again(createStore, store);
    await sees(reader, async () => (await headsOf(reader)).length, ids.length, "the number of runs");
    for (const limit of [1, 2, 5]) {
      const listed = (await headsOf(reader, {}, limit)).map(({ runId }) => runId);
      expectData(listed.toSorted(), ids, `the runs in pages of ${limit}`);
    }
  },

  async "runs of one status are listed alone"(createStore) {
    await expectFiltered(createStore, STATUSES, (status) => [{ status }, (head) => head.status === status]);
  },

  async "runs of one dag are listed alone, and names that differ in case are different"(createStore) {
    await expectFiltered(createStore, [...DAGS, "c"], (dag) => [{ dag }, (head) => head.dag === dag]);
  },

  async "runs in which something happened at or after a time are listed alone"(createStore) {
    await expectFiltered(createStore, [0, 999, 1_000, 1_003, 1_014.5, 1_029, 1_030], (updatedSince) => [
      { updatedSince },
      (head) => head.updatedAt >= updatedSince,
    ]);
  },

  async "all that is asked holds together"(createStore) {
    await expectFiltered(createStore, STATUSES, (status) => [
      { status, dag: "b", updatedSince: 1_010 },
      (head) => head.status === status && head.dag === "b" && head.updatedAt >= 1_010,
    ]);
  },

  async "a run that goes on moves from one status to the next, and keeps its place"(createStore) {
    const store = createStore();
    await storedRun(store, "newer", eventsOf("newer", 1), { head: { startedAt: 20, updatedAt: 20 } });
    let at = await acquired(store, "older");
    for (const [i, status] of STATUSES.entries()) {
      at = await appended(store, "older", at, eventsOf(status, 1), {
        head: { status, startedAt: 10, updatedAt: 100 + i },
      });
      const reader = again(createStore, store);
      const runs = async (query: object) => (await headsOf(reader, query)).map(({ runId }) => runId);
      await sees(reader, () => runs({}), ["newer", "older"], "the list of runs");
      for (const other of STATUSES) {
        const expected = [...(other === "running" ? ["newer"] : []), ...(other === status ? ["older"] : [])];
        await sees(reader, () => runs({ status: other }), expected, `the list of ${other} runs`);
      }
    }
  },

  async "runs that begin between two pages do not disturb the next page"(createStore) {
    const { store, heads, writer } = await filled(createStore);
    const first = await store.heads({ limit: 10 });
    await storedRun(writer, "newest", eventsOf("newest", 1), { head: { startedAt: 1e6, updatedAt: 1e6 } });
    expect(first.cursor !== undefined, "The first page of several has no cursor.");
    const second = await store.heads({ limit: 10, cursor: first.cursor });
    expectData([...first.heads, ...second.heads], heads.slice(0, 20), "the first two pages");
  },

  async "a run that is removed between two pages does not disturb the next page"(createStore) {
    const { store, heads, writer } = await filled(createStore);
    const first = await store.heads({ limit: 10 });
    // The last of the first page is where the second begins.
    await writer.remove([(heads[9] as RunHead).runId, (heads[10] as RunHead).runId]);
    const second = async () => (await store.heads({ limit: 5, cursor: first.cursor as string })).heads;
    await sees(store, second, heads.slice(11, 16), "the second page");
  },
});

/** Thirty runs of all kinds, written in an order that is none. */
async function filled(createStore: CreateStore) {
  const writer = createStore();
  const heads = Array.from({ length: 30 }, (_, i): RunHead => {
    const status = STATUSES[i % STATUSES.length] as RunStatus;
    const dag = DAGS[i % DAGS.length] as string;
    return { runId: `run ${(i * 7) % 30}`, dag, status, startedAt: 1e5 - 100 * i, updatedAt: 1_000 + i, events: 1 };
  });
  const mixed = heads.map((_, i) => heads[(i * 11) % 30] as RunHead);
  for (const { events, ...head } of mixed) await storedRun(writer, head.runId, eventsOf("only", events), { head });
  const store = again(createStore, writer);
  await sees(store, async () => (await headsOf(store)).length, heads.length, "the number of runs");
  return { store, writer, heads };
}

async function expectFiltered<T>(
  createStore: CreateStore,
  wanted: readonly T[],
  filter: (one: T) => readonly [Partial<HeadQuery>, (head: RunHead) => boolean],
): Promise<void> {
  const { store, heads } = await filled(createStore);
  for (const one of wanted) {
    const [query, fits] = filter(one);
    await expectPages(store, query, heads.filter(fits));
  }
}

async function expectPages(store: Store, query: Partial<HeadQuery>, expected: readonly RunHead[]): Promise<void> {
  for (const limit of [1, 4, 100]) {
    expectData(await headsOf(store, query, limit), expected, `the runs by ${JSON.stringify(query)}, ${limit} a page`);
  }
}
