// What a case is: data, so that any runner of tests, or none, can run it in any runtime.

import type { Store } from "../src/index.js";

/**
 * Makes a new store object over a place (default `"main"`). Stores over one place have the same runs if the store says
 * `capabilities.shared`; stores over different places of one database never see each other. All places are empty when a
 * case begins.
 */
export type CreateStore = (place?: string) => Store;

/** One thing that every store must do. */
export interface ConformanceCase {
  /** A topic and a sentence, unique among all cases. */
  readonly name: string;
  /** Rejects, with an error that says what was expected, if the store does not conform. */
  run(createStore: CreateStore): Promise<void>;
}

/** Names the cases of one topic. */
export function casesOf(
  topic: string,
  cases: Readonly<Record<string, ConformanceCase["run"]>>,
): readonly ConformanceCase[] {
  return Object.entries(cases).map(([sentence, run]) => ({ name: `${topic}: ${sentence}`, run }));
}

/** Another store over the place of `store`, so that what is read was stored; itself if places are not shared. */
export function again(createStore: CreateStore, store: Store): Store {
  return store.capabilities.shared ? createStore() : store;
}
