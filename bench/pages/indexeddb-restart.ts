// In a page: a run whose last node fails, or the restart of one that failed in another page.

import { indexedDbStore } from "heddle/adapters/indexeddb";
import type { Shape } from "../graph.js";
import { lookWhenReading, type Restarting, restarting } from "../restarting.js";

/** What this page can do. */
export interface RestartPage {
  /** Declares the dag. */
  prepare(shape: Shape, stored: number): void;
  /** Runs it until it fails; the id of the run. */
  fail(): Promise<string>;
  /** Restarts the run, and returns the milliseconds. Looking at the heap takes time. */
  restart(runId: string, isLooking: boolean): Promise<number>;
  /** Removes what is stored. */
  remove(runId: string): Promise<void>;
}

/** Asks whoever opened this page to look at its heap. */
declare function look(): Promise<void>;

let completions = 0;
let isLookedAt = false;
let failing: Restarting | undefined;

const page: RestartPage = {
  prepare(shape, stored) {
    completions = stored;
    failing = restarting(shape, stored, { atLast: () => isLookedAt && look() });
  },

  async fail() {
    const store = indexedDbStore("restart");
    const runId = (await failing?.fail(store)) ?? "";
    await store.close();
    return runId;
  },

  async restart(runId, isLooking) {
    isLookedAt = isLooking;
    const store = indexedDbStore("restart");
    if (isLooking) lookWhenReading(store, completions, look);
    const ms = (await failing?.restart(store, runId)) ?? Number.NaN;
    await store.close();
    return ms;
  },

  async remove(runId) {
    const store = indexedDbStore("restart");
    await store.remove([runId]);
    await store.close();
  },
};
Object.assign(globalThis, { page });
