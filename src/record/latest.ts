// The run that was asked about last, kept folded: whoever watches a run or reads it page by page asks again and again.

import type { Store } from "../ports.js";
import { notFound, type RunReader } from "./reader.js";
import type { RunState } from "./run-state.js";
import { RunTree } from "./tree.js";

/** Keeps the state of one run, and brings it up to date when it is asked for again. */
export class LatestRun {
  readonly #store: Store;
  readonly #reader: RunReader;
  #runId: string | undefined;
  #state: Promise<RunState | undefined> = Promise.resolve(undefined);
  #tree: { readonly state: RunState; readonly events: number; readonly tree: RunTree } | undefined;

  constructor(store: Store, reader: RunReader) {
    this.#store = store;
    this.#reader = reader;
  }

  /** The state of a run, or nothing if there is none. Later calls go on with the same object. */
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

  /** The recorded executions of a state as a tree. */
  async tree(state: RunState): Promise<RunTree> {
    if (this.#tree?.state !== state || this.#tree.events !== state.events) {
      const { events } = state;
      const ranks = await this.#reader.ranks(state);
      this.#tree = { state, events, tree: new RunTree(state.nodes.keys(), ranks) };
    }
    return this.#tree.tree;
  }

  /** Lets go of a run. */
  forget(runId: string): void {
    if (this.#runId !== runId) return;
    this.#runId = undefined;
    this.#state = Promise.resolve(undefined);
    this.#tree = undefined;
  }

  async #update(runId: string, known: RunState | undefined): Promise<RunState | undefined> {
    if (!known || known.damage) return this.#reader.find(runId);
    // A run that was removed may have come again under its name, with another owner.
    const [first] = (await this.#store.read(runId, 0, 1)).events;
    const isSame = first?.type === "run-started" && first.owner === known.started.owner;
    return this.#reader.find(runId, isSame ? known : undefined);
  }
}
