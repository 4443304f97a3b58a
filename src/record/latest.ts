// The run that was asked about last, kept folded: whoever watches a run or reads it page by page asks again and again.

import type { Store } from "../ports.js";
import { notFound, type RunReader } from "./reader.js";
import type { RunState } from "./run-state.js";

/** Keeps the state of one run, and brings it up to date when it is asked for again. */
export class LatestRun {
  readonly #store: Store;
  readonly #reader: RunReader;
  #runId: string | undefined;
  #state: Promise<RunState | undefined> = Promise.resolve(undefined);

  constructor(store: Store, reader: RunReader) {
    this.#store = store;
    this.#reader = reader;
  }

  /** The state of a run, or nothing if there is none. To be read at once: later calls go on with the same object. */
  find(runId: string): Promise<RunState | undefined> {
    const before = this.#runId === runId ? this.#state.catch(() => undefined) : Promise.resolve(undefined);
    this.#runId = runId;
    // One after the other: two that fold the same events into one state would count them twice.
    this.#state = before.then((known) => this.#update(runId, known));
    return this.#state;
  }

  /** @throws HeddleError `RUN_NOT_FOUND` */
  async load(runId: string): Promise<RunState> {
    const state = await this.find(runId);
    if (!state) throw notFound(runId);
    return state;
  }

  async #update(runId: string, known: RunState | undefined): Promise<RunState | undefined> {
    if (!known || known.damage) return this.#reader.find(runId);
    const head = await this.#store.head(runId);
    // A run that was removed may have come again under its name.
    const isSame = head?.startedAt === known.started.at && head.events >= known.events;
    return this.#reader.find(runId, isSame ? known : undefined);
  }
}
