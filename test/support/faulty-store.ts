// A store that dies at its k-th write, as a process or a disk does: that write may or may not have arrived, and
// nothing works afterwards until it is revived.

import { HeddleError, type Store } from "heddle";

export interface FaultyStore extends Store {
  /** Writes so far: acquire, append, putValue. */
  readonly writes: number;
  /** Every append that arrived, as the number of events it carried. */
  readonly appends: readonly number[];
  /** Dies at write number `k` from now on; `arrives` says whether that last write still reaches the store. */
  dieAt(k: number, arrives?: boolean): void;
  revive(): void;
}

const WRITES = new Set(["acquire", "append", "putValue"]);

/** Wraps a store. */
export function faultyStore(store: Store): FaultyStore {
  const state = { writes: 0, dieAt: Number.POSITIVE_INFINITY, arrives: false, dead: false, appends: [] as number[] };
  const control = {
    get writes() {
      return state.writes;
    },
    get appends() {
      return state.appends;
    },
    dieAt(k: number, arrives = false) {
      Object.assign(state, { writes: 0, dieAt: k, arrives });
    },
    revive() {
      Object.assign(state, { dead: false, dieAt: Number.POSITIVE_INFINITY });
    },
  };
  const dead = () => new HeddleError("STORE_UNAVAILABLE", "The store is dead (injected).");
  return new Proxy(store, {
    get(target, name) {
      if (name in control) return control[name as keyof typeof control];
      const value = target[name as keyof Store];
      if (typeof value !== "function" || name === "newId") return value;
      return async (...args: unknown[]) => {
        if (state.dead) throw dead();
        const call = () => (value as (...args: unknown[]) => unknown).apply(target, args);
        if (!WRITES.has(String(name))) return call();
        if (++state.writes >= state.dieAt) {
          state.dead = true;
          if (state.arrives) await call();
          throw dead();
        }
        if (name === "append") state.appends.push((args[2] as { events: unknown[] }).events.length);
        return call();
      };
    },
  }) as FaultyStore;
}
