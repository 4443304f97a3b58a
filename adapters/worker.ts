// The side of a worker: `serve(…dags)` in a file of the user's, which a pool starts. For Web Workers, and for the worker
// threads of Node, Deno and Bun.

import { addressesOf } from "../src/definition/addresses.js";
import { expectContext } from "../src/definition/context.js";
import type { AnyDag } from "../src/definition/members.js";
import type { AnyNode } from "../src/definition/node.js";
import { HeddleError } from "../src/errors.js";
import { contextOf, Running } from "./workers/call-context.js";
import { pack, refusalOf, transferList } from "./workers/crossing.js";
import { type Port, portHere } from "./workers/port.js";
import {
  type Order,
  type Outcome,
  PROTOCOL,
  type Report,
  type RunOrder,
  type Served,
  type Took,
} from "./workers/protocol.js";

/** How a worker serves; all optional. */
export interface ServeOptions {
  /** Further fields of `ctx`, made here: a worker shares no objects with the page. */
  readonly context?: object;
  /** True to put the path of the node before what its function writes to the console, until its first `await`. */
  readonly console?: boolean;
}

/** After a call of so many milliseconds the pool may have given those behind it to another worker. */
const LONG_MS = 5;
/** So many milliseconds of results go into one message where the pool can see which call runs. */
const MESSAGE_MS = 0.25;
/** No call. */
const NONE = -1;
/** After the first, what is told in the middle of a call waits this long for more. */
const GATHER_MS = 10;

/** How often this worker has said what it serves. */
let serving = 0;

/**
 * Lets a pool run the functions of these dags here: to be called once, when the worker starts.
 *
 * ```ts
 * serve(birdstrikes, flights, { context: { api } });
 * ```
 *
 * @throws HeddleError `INVALID_OPTION`.
 */
export function serve(...given: readonly (AnyDag | ServeOptions)[]): void {
  const dags = given.filter(isDag);
  const options = given.find(isOptions);
  if (dags.length === 0 || !given.every((one) => isDag(one) || isOptions(one)))
    throw new HeddleError("INVALID_OPTION", "serve() takes dags, at least one, and { context, console }.");
  const served: Served[] = [];
  const nodes: AnyNode[] = [];
  for (const { name, plan } of dags) {
    for (const { address, step } of addressesOf(plan)) {
      served.push({ dag: name, address, version: step.version });
      nodes.push(step.node);
    }
  }
  expectContext(options?.context);
  if (++serving > 1) throw new HeddleError("INVALID_OPTION", "Call serve() once, with all dags.");
  const port = portHere();
  const server = new Server(port, nodes, options?.context);
  if (options?.console) attributeConsole(() => server.path);
  port
    .open((orders) => server.obey(orders))
    .then((lock) => {
      // Otherwise the pool would hear of the first call before the worker dies of the second.
      if (serving === 1) port.send([["hello", { protocol: PROTOCOL, served, lock, running: server.running }]]);
    });
}

/** Runs what the pool orders, one after the other. */
class Server {
  readonly #port: Port;
  readonly #nodes: readonly AnyNode[];
  readonly #context: object | undefined;
  /** Calls whose functions have returned a promise. */
  readonly #running = new Map<number, Running>();
  /** Calls that have not begun, in order. */
  readonly #waiting = new Map<number, Running>();
  #run: RunOrder = ["run", "", 0, ""];
  #reports: Report[] = [];
  #moved: unknown[] = [];
  #isWorking = false;
  /** When the last call ended, if that was looked at. */
  #now: number | undefined;
  #sentAt = 0;
  /** Whether the call that runs has told something that was sent. */
  #hasTold = false;
  /** The id of the call that runs, or -1: pages that are not isolated from others cannot share it. */
  readonly running =
    typeof SharedArrayBuffer === "function" ? new Int32Array(new SharedArrayBuffer(4)).fill(NONE) : undefined;
  /** Of the function that runs, until it returns. */
  path: string | undefined;

  constructor(port: Port, nodes: readonly AnyNode[], context: object | undefined) {
    this.#port = port;
    this.#nodes = nodes;
    this.#context = context;
    globalThis.addEventListener?.("unhandledrejection", ({ reason }) => this.#tell(["broken", pack(reason)]));
  }

  obey(orders: readonly Order[]): void {
    for (const order of orders) this.#obeyOne(order);
    if (!this.#isWorking) this.#work();
  }

  #obeyOne(order: Order): void {
    switch (order[0]) {
      case "run":
        this.#run = order;
        return;
      case "call":
        this.#waiting.set(order[1], new Running(order, this.#run, this.#tell));
        return;
      case "abort": {
        const [, id, reason] = order;
        if (this.#waiting.delete(id)) this.#tell(["dropped", id]);
        else this.#running.get(id)?.abort(Object.assign(new Error(), reason));
        return;
      }
      case "recall":
        for (const id of order[1]) this.#waiting.delete(id);
        this.#tell(["recalled"]);
    }
  }

  #work(): void {
    this.#isWorking = true;
    this.#now = undefined;
    for (const [id, running] of this.#waiting) {
      this.#waiting.delete(id);
      const hasMore = this.#waiting.size > 0;
      const took = this.#call(running, hasMore);
      if (!hasMore || took === undefined || this.#now === undefined) continue;
      const isLong = took >= LONG_MS;
      // At once where the pool could not know otherwise which call is the one that runs.
      if (!isLong && this.running && this.#now - this.#sentAt <= MESSAGE_MS) continue;
      this.#send();
      this.#now = undefined;
      if (!isLong) continue;
      // A turn, so that what was recalled meanwhile is heard of.
      this.#show(NONE);
      setTimeout(() => {
        this.#send();
        this.#work();
      });
      return;
    }
    this.#isWorking = false;
    this.#show(NONE);
    this.#send();
  }

  #show(id: number): void {
    if (this.running) Atomics.store(this.running, 0, id);
  }

  /** Calls a function, and returns how long it took to return, if somebody wants to know. */
  #call(running: Running, hasMore: boolean): Took {
    const [, id, served, input, path, , isTimed] = running.call;
    const { run } = this.#nodes[served] as AnyNode;
    this.#show(id);
    this.#hasTold = false;
    this.path = path;
    // A look at the clock costs as much as a small call.
    const startedAt = isTimed || hasMore ? (this.#now ?? performance.now()) : undefined;
    let took: Took;
    try {
      const result: unknown = run(input, contextOf(running, this.#context));
      took = this.#since(startedAt);
      if (isThenable(result)) this.#await(running, took, result);
      else this.#returned(running, took, result);
    } catch (error) {
      took = this.#since(startedAt);
      this.#end(running, ["threw", id, took, pack(error)]);
    }
    this.path = undefined;
    return took;
  }

  #since(startedAt: number | undefined): Took {
    this.#now = startedAt === undefined ? undefined : performance.now();
    return this.#now && startedAt && this.#now - startedAt;
  }

  #await(running: Running, took: Took, result: PromiseLike<unknown>): void {
    const [, id] = running.call;
    this.#running.set(id, running);
    this.#tell(["waits", id, took]);
    result.then(
      (value) => this.#returned(running, took, value),
      (error) => this.#end(running, ["threw", id, took, pack(error)]),
    );
  }

  #returned(running: Running, took: Took, result: unknown): void {
    const [, id, served] = running.call;
    const { output, transfer } = this.#nodes[served] as AnyNode;
    const value = output ? result : undefined;
    if (transfer) this.#moved.push(value);
    this.#end(running, ["returned", id, took, value]);
  }

  #end(running: Running, outcome: Outcome): void {
    const [, id, took] = outcome;
    const { pause } = running;
    running.isOver = true;
    this.#running.delete(id);
    this.#report(pause ? ["paused", id, took, pause] : outcome);
  }

  /** Of what is told in the middle of a call the first is sent at once. */
  readonly #tell = (report: Report): void => {
    this.#report(report);
    if (!this.#isWorking) return;
    const now = performance.now();
    if (this.#hasTold && now - this.#sentAt < GATHER_MS) return;
    this.#hasTold = true;
    this.#send(now);
  };

  #report(report: Report): void {
    this.#reports.push(report);
    if (!this.#isWorking && this.#reports.length === 1) queueMicrotask(() => this.#send());
  }

  #send(now = this.#now ?? this.#sentAt): void {
    const reports = this.#reports;
    const moved = this.#moved;
    if (reports.length === 0) return;
    this.#reports = [];
    this.#moved = [];
    this.#sentAt = now;
    try {
      this.#port.send(reports, transferList(moved));
    } catch {
      // One of them cannot be cloned: each for itself.
      for (const report of reports) this.#sendOne(report, moved);
    }
  }

  #sendOne(report: Report, moved: readonly unknown[]): void {
    try {
      const own = report[0] === "returned" && moved.includes(report[3]) ? [report[3]] : [];
      this.#port.send([report], transferList(own));
    } catch (error) {
      if (report[0] === "paused") this.#refuse(report[1], "payload of its pause", report[3].payload, error);
      if (report[0] === "returned") this.#refuse(report[1], "output", report[3], error);
    }
  }

  #refuse(id: number, what: string, value: unknown, error: unknown): void {
    this.#port.send([["refused", id, undefined, refusalOf(what, value, error)]]);
  }
}

/** Says beside each line which node wrote it. */
function attributeConsole(path: () => string | undefined): void {
  for (const level of ["debug", "log", "info", "warn", "error"] as const) {
    const write = console[level].bind(console);
    console[level] = (...line: unknown[]) => (path() === undefined ? write(...line) : write(`[${path()}]`, ...line));
  }
}

function isDag(given: AnyDag | ServeOptions | undefined): given is AnyDag {
  return (given as Partial<AnyDag> | undefined)?.plan !== undefined;
}

function isOptions(given: AnyDag | ServeOptions): given is ServeOptions {
  return Object.keys(Object(given ?? "?")).every((key) => key === "context" || key === "console");
}

function isThenable(value: unknown): value is PromiseLike<unknown> {
  return typeof (value as { then?: unknown } | null | undefined)?.then === "function";
}
