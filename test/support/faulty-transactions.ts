// Transactions of fake-indexeddb that end as those of browsers sometimes do.

import { vi } from "vitest";

type Begin = IDBDatabase["transaction"];

type Fault = (begin: () => IDBTransaction) => IDBTransaction;

/** Replaces how the next `times` writing transactions begin, from the `first` on; returns how many did. */
export function injectWrites(times: number, fault: Fault, first = 1) {
  const real = IDBDatabase.prototype.transaction;
  const counted = { faults: 0 };
  let writes = 0;
  vi.spyOn(IDBDatabase.prototype, "transaction").mockImplementation(function (this: IDBDatabase, ...args: unknown[]) {
    const begin = () => real.apply(this, args as Parameters<Begin>);
    if (args[1] !== "readwrite" || ++writes < first || counted.faults >= times) return begin();
    counted.faults++;
    return fault(begin);
  });
  return counted;
}

/** The page is told that its transaction was aborted for a reason of this name, whether or not it `commits`. */
export function endingIn(name: string, commits: boolean) {
  return (begin: () => IDBTransaction): IDBTransaction => {
    const tx = begin();
    const listen = tx.addEventListener.bind(tx);
    const aborts: (() => void)[] = [];
    tx.addEventListener = (type: string, listener: unknown) => {
      if (type === "abort") aborts.push(listener as () => void);
      else if (type !== "complete") listen(type as "error", listener as () => void);
    };
    // What was not added cannot be removed: the fake would remove another one.
    tx.removeEventListener = () => {};
    listen(commits ? "complete" : "abort", () => {
      Object.defineProperty(tx, "error", { value: new DOMException("injected", name) });
      for (const abort of aborts) abort();
    });
    if (!commits) queueMicrotask(() => tx.abort());
    return tx;
  };
}
