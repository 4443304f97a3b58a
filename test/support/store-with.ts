// A store with some of its methods replaced by a test: to hold a write, to count reads, to lose a value.

import type { JournalEvent, Store } from "heddle";

/** Wraps a store; a replacement gets the store itself to pass the call on to. */
export function storeWith(store: Store, replace: (inner: Store) => Partial<Store>): Store {
  const replaced = replace(store);
  return new Proxy(store, {
    get(target, name) {
      const value = (name in replaced ? replaced : target)[name as keyof Store];
      return typeof value === "function" ? value.bind(name in replaced ? replaced : target) : value;
    },
  }) as Store;
}

/** All events that a store has of a run. */
export async function journal(store: Store, runId: string): Promise<readonly JournalEvent[]> {
  return (await store.read(runId, 0, Number.POSITIVE_INFINITY)).events;
}
