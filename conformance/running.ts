// Helps the cases that take whole runs through the engine.

import { HeddleError, type RunInspection, type RunResult, type Store } from "../src/index.js";
import { expect } from "./expect.js";
import { printed } from "./printed.js";

/** The result of a run that must complete. */
export async function completed<O>(run: PromiseLike<RunResult<O>>): Promise<RunResult<O> & { status: "completed" }> {
  const result = await run;
  const why = result.status === "failed" ? ` at ${result.failedNode}: ${printed(result.error)}` : "";
  expect(result.status === "completed", `A run that should have completed is ${result.status}${why}.`);
  return result;
}

/** Counts executions by path. */
export class Calls {
  readonly #counts = new Map<string, number>();

  add(path: string): void {
    this.#counts.set(path, this.of(path) + 1);
  }

  of(path: string): number {
    return this.#counts.get(path) ?? 0;
  }

  /** Paths that were executed, each as often as it was, in order of name. */
  get all(): readonly string[] {
    return [...this.#counts].flatMap(([path, count]) => Array<string>(count).fill(path)).toSorted();
  }

  clear(): void {
    this.#counts.clear();
  }
}

/** The paths of an inspection with this status. */
export function pathsThatAre(status: string, { executions }: RunInspection): readonly string[] {
  return executions.filter((one) => one.status === status).map(({ path }) => path);
}

const ASYNC_METHODS = [
  ...["acquire", "renew", "release", "append", "read", "putValue", "getValue", "hasValues", "head", "heads", "remove"],
  ...["prune", "usage", "close"],
] as const;

/** Stands between the engine and a store: `around` gets the name of each call, what it carries, and the call. */
export function storeAround(
  store: Store,
  around: (method: string, call: () => Promise<unknown>, args: readonly unknown[]) => Promise<unknown>,
): Store {
  const methods = ASYNC_METHODS.map((method) => {
    const call = store[method as keyof Store] as (...args: unknown[]) => Promise<unknown>;
    return [method, (...args: unknown[]) => around(method, () => call.apply(store, args), args)] as const;
  });
  const { capabilities, codec } = store;
  return { capabilities, codec, newId: (now: number) => store.newId(now), ...Object.fromEntries(methods) } as Store;
}

const WRITES = new Set(["acquire", "append", "putValue"]);

/** A store that dies, as a process does, at its k-th write: nothing works afterwards. */
export interface MortalStore {
  readonly store: Store;
  readonly isDead: () => boolean;
}

/** Makes a {@link MortalStore}; `arrives` says whether the last write still reaches the store below. */
export function mortalStore(inner: Store, dieAt: number, arrives: boolean): MortalStore {
  let writes = 0;
  const isDead = () => writes >= dieAt;
  const store = storeAround(inner, async (method, call) => {
    if (isDead()) throw dead();
    if (!WRITES.has(method) || ++writes < dieAt) return call();
    if (arrives) await call();
    throw dead();
  });
  return { store, isDead };
}

function dead(): HeddleError {
  return new HeddleError("STORE_UNAVAILABLE", "The store is dead (injected by a case).");
}
