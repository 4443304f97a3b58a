// How a worker talks to the pool that started it, wherever it runs.

import type { Order, Report } from "./protocol.js";

/** The way to the pool. */
export interface Port {
  send(reports: readonly Report[], moved?: Transferable[]): void;
  /** Begins to listen, and returns the name of the lock that shows that this worker lives, if it has one. */
  open(onOrders: (orders: readonly Order[]) => void): Promise<string | undefined>;
}

interface NodePort {
  postMessage(message: unknown, moved?: Transferable[]): void;
  on(event: "message" | "messageerror", listener: (message: readonly Order[]) => void): NodePort;
}

/** Finds the port. @throws an Error outside of a worker. */
export function portHere(): Port {
  // Asked for in this way, no bundler looks for it.
  const { process } = globalThis as { process?: { getBuiltinModule?(name: string): { parentPort?: NodePort } } };
  const parent = process?.getBuiltinModule?.("node:worker_threads")?.parentPort;
  if (parent) {
    return {
      send: (reports, moved) => parent.postMessage(reports, moved),
      async open(onOrders) {
        parent.on("message", onOrders).on("messageerror", unreadable);
        return undefined;
      },
    };
  }
  if (typeof postMessage !== "function" || "document" in globalThis) {
    throw new Error("serve() is for the file of a worker. Call it there, not in the page.");
  }
  return {
    // Options, be they empty, cost a tenth of a round trip.
    send: (reports, moved) => (moved ? postMessage(reports, { transfer: moved }) : postMessage(reports)),
    open: (onOrders) => {
      addEventListener("message", ({ data }) => onOrders(data));
      addEventListener("messageerror", unreadable);
      return heldLock();
    },
  };
}

/** Ends the worker: whoever waits for what it was told here would wait forever. */
function unreadable(): never {
  throw new Error("what the worker was told cannot be read there");
}

/** Browsers tell nobody that a worker has ended; whoever waits for its lock gets it then. */
function heldLock(): Promise<string | undefined> {
  const { locks } = navigator as { locks?: LockManager };
  if (!locks) return Promise.resolve(undefined);
  const name = `heddle worker ${crypto.randomUUID()}`;
  return new Promise((resolve) => {
    const held = locks.request(name, () => {
      resolve(name);
      return new Promise(() => {});
    });
    // Not granted to pages without an origin.
    held.catch(() => resolve(undefined));
  });
}
