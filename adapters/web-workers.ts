// Functions run in Web Workers: they never block the page, and can be ended while they run.

import { type WorkerExecutor, workerExecutor } from "./workers/executor.js";
import type { Events, Handle } from "./workers/member.js";
import type { PoolOptions } from "./workers/pool.js";

export type { WorkerExecutor } from "./workers/executor.js";
export type { PoolOptions } from "./workers/pool.js";

/**
 * Runs synchronous nodes in Web Workers. Their file calls `serve(…dags)` of `heddle/worker`; what it does not serve runs
 * inline, as all does where there are no workers.
 *
 * ```ts
 * webWorkers(() => new Worker(new URL("./nodes.worker.ts", import.meta.url), { type: "module" }));
 * ```
 *
 * @throws HeddleError `INVALID_OPTION`.
 */
export function webWorkers(make: () => Worker, options: PoolOptions = {}): WorkerExecutor {
  const spawn = typeof Worker === "undefined" ? undefined : (events: Events) => started(make(), events);
  return workerExecutor(
    { name: "web-workers", spawn, processors: globalThis.navigator?.hardwareConcurrency ?? 1 },
    options,
  );
}

function started(worker: Worker, events: Events): Handle {
  const ended = new AbortController();
  worker.onmessage = ({ data }) => events.reported(data);
  worker.onerror = (event) => {
    event.preventDefault();
    // Without a message the file was not found, is not JavaScript, or may not be loaded here.
    events.died(
      new Error(event.message || "its file does not load: look at its address, its type and the CSP of the page"),
      true,
    );
  };
  worker.onmessageerror = () => events.died(new Error("what it said cannot be read"), true);
  return {
    post: (orders, moved) => (moved ? worker.postMessage(orders, moved) : worker.postMessage(orders)),
    terminate: () => {
      ended.abort();
      worker.terminate();
    },
    watch: (lock, onFree) => {
      navigator.locks.request(lock, { signal: ended.signal }, onFree).catch(() => {});
    },
  };
}
