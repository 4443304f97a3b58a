// Functions run in the worker threads of Node, Deno and Bun: they never block the event loop, and can be ended while they
// run.

import { availableParallelism } from "node:os";
import { isAbsolute } from "node:path";
import { type TransferListItem, Worker, type WorkerOptions } from "node:worker_threads";
import { HeddleError, print, toError } from "../src/errors.js";
import { type WorkerExecutor, workerExecutor } from "./workers/executor.js";
import type { Events, Handle } from "./workers/member.js";
import type { PoolOptions } from "./workers/pool.js";

export type { WorkerExecutor } from "./workers/executor.js";
export type { PoolOptions } from "./workers/pool.js";

/** How worker threads are started. */
export interface NodeWorkerOptions extends PoolOptions {
  /** What the threads get from Node: limits of memory, arguments, environment. */
  readonly thread?: WorkerOptions;
}

/**
 * Runs synchronous nodes in worker threads. Their file calls `serve(…dags)` of `heddle/worker`; what it does not serve
 * runs inline.
 *
 * ```ts
 * nodeWorkers(new URL("./nodes.worker.js", import.meta.url));
 * ```
 *
 * @throws HeddleError `INVALID_OPTION`.
 */
export function nodeWorkers(file: URL | string, options: NodeWorkerOptions = {}): WorkerExecutor {
  if (!isFile(file)) {
    const remedy = 'Give new URL("./file.js", import.meta.url), an absolute path, or one that begins with ./ or ../';
    throw new HeddleError("INVALID_OPTION", `Expected the file of the workers, got \`${print(file)}\`. ${remedy}.`);
  }
  const spawn = (events: Events) => started(new Worker(file, options.thread), events);
  const kind = { name: "node-workers", spawn, processors: availableParallelism(), options: ["thread"] };
  return workerExecutor(kind, options);
}

/** What all runtimes load: no path that could be the name of a package, and nothing from the network. */
function isFile(file: unknown): boolean {
  if (file instanceof URL) return /^(file|data|blob):$/.test(file.protocol);
  return typeof file === "string" && (isAbsolute(file) || /^\.\.?[/\\]/.test(file));
}

function started(worker: Worker, events: Events): Handle {
  let hasSpoken = false;
  worker.on("message", (reports) => {
    hasSpoken = true;
    events.reported(reports);
  });
  worker.on("messageerror", () => events.died(new Error("what it said cannot be read"), true));
  worker.on("error", (thrown: unknown) => {
    const error = toError(thrown) as Error & { readonly code?: string };
    if (!hasSpoken && isCertain(error)) return events.died(unloadable(error), true);
    events.died(error, error.code !== "ERR_WORKER_OUT_OF_MEMORY");
  });
  worker.on("exit", (code) => events.died(new Error(`it exited with code ${code}`), false));
  return {
    post: (orders, moved) => worker.postMessage(orders, moved as TransferListItem[]),
    terminate: () => void worker.terminate(),
    hold: (isHeld) => (isHeld ? worker.ref() : worker.unref()),
  };
}

/** True for a file that will not load the next time either. */
function isCertain({ name, code }: Error & { readonly code?: string }): boolean {
  return name === "SyntaxError" || code === "MODULE_NOT_FOUND" || code === "ERR_MODULE_NOT_FOUND";
}

/** The pool gives up at once when it is given an error of heddle. */
function unloadable(cause: Error): HeddleError {
  return new HeddleError("WORKER_DIED", `The file of the workers does not load: ${cause}.`, { cause });
}
