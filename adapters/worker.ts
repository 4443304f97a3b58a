// The side of a worker: `serve(…dags)` in a file of the user's, which a pool starts. For Web Workers, and for the worker
// threads of Node, Deno and Bun.

import { addressesOf } from "../src/definition/addresses.js";
import { expectContext } from "../src/definition/context.js";
import type { AnyDag } from "../src/definition/members.js";
import type { AnyNode } from "../src/definition/node.js";
import { HeddleError } from "../src/errors.js";
import { transferablesIn } from "../src/transferables.js";
import { contextOf, Running } from "./workers/call-context.js";
import { pack, refusalOf } from "./workers/crossing.js";
import { type Port, portHere } from "./workers/port.js";
import { type Call, type Order, type Outcome, PROTOCOL, type Report, type Served } from "./workers/protocol.js";

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
      if (serving === 1) port.send([{ kind: "hello", protocol: PROTOCOL, served, lock, running: server.running }]);
    });
}

/** Runs what the pool orders, one after the other. */
class Server {
  readonly #port: Port;
  readonly #nodes: readonly AnyNode[];
  readonly #context: object | undefined;
  readonly #running = new Map<number, Running>();
  /** Calls that have not begun, in order. */
  readonly #waiting = new Map<number, Call>();
  #reports: Report[] = [];
  #moved: unknown[] = [];
  #isWorking = false;
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
    globalThis.addEventListener?.("unhandledrejection", ({ reason }) =>
      this.#tell({ kind: "broken", error: pack(reason) }),
    );
  }

  obey(orders: readonly Order[]): void {
    for (const order of orders) this.#obeyOne(order);
    if (!this.#isWorking) this.#work();
  }

  #obeyOne(order: Order): void {
    switch (order.kind) {
      case "call":
        this.#waiting.set(order.id, order);
        return;
      case "abort":
        if (this.#waiting.delete(order.id)) this.#tell({ kind: "dropped", id: order.id });
        else this.#running.get(order.id)?.abort(Object.assign(new Error(), order.reason));
        return;
      case "recall":
        for (const id of order.ids) this.#waiting.delete(id);
        this.#tell({ kind: "recalled" });
    }
  }

  #work(): void {
    this.#isWorking = true;
    for (const call of this.#waiting.values()) {
      this.#waiting.delete(call.id);
      const tookMs = this.#call(call);
      const isLong = tookMs >= LONG_MS && this.#waiting.size > 0;
      // At once where the pool could not know otherwise which call is the one that runs.
      if (isLong || !this.running || performance.now() - this.#sentAt > MESSAGE_MS) this.#send();
      if (!isLong) continue;
      // A turn, so that what was recalled meanwhile is heard of.
      this.#show(NONE);
      setTimeout(() => this.#work());
      return;
    }
    this.#isWorking = false;
    this.#show(NONE);
    this.#send();
  }

  #show(id: number): void {
    if (this.running) Atomics.store(this.running, 0, id);
  }

  /** Calls a function, and returns how long it took to return. */
  #call(call: Call): number {
    const running = new Running(call, (remark) => this.#tell(remark));
    this.#running.set(call.id, running);
    this.#show(call.id);
    this.#hasTold = false;
    const startedAt = performance.now();
    let ms = 0;
    const { output, transfer, run } = this.#nodes[call.served] as AnyNode;
    const returned = (result: unknown) => {
      const value = output ? result : undefined;
      if (transfer) this.#moved.push(value);
      this.#end(running, { kind: "returned", id: call.id, ms, value });
    };
    const threw = (error: unknown) => this.#end(running, { kind: "threw", id: call.id, ms, error: pack(error) });
    this.path = call.fields[3];
    try {
      const result: unknown = run(call.input, contextOf(running, this.#context));
      ms = performance.now() - startedAt;
      if (!isThenable(result)) returned(result);
      else {
        this.#tell({ kind: "waits", id: call.id, ms });
        result.then(returned, threw);
      }
    } catch (error) {
      ms = performance.now() - startedAt;
      threw(error);
    }
    this.path = undefined;
    return ms;
  }

  #end(running: Running, outcome: Outcome): void {
    const { id } = outcome;
    const { pause } = running;
    running.isOver = true;
    this.#running.delete(id);
    this.#report(pause ? { kind: "paused", id, ms: outcome.ms, pause } : outcome);
  }

  /** Of what is told in the middle of a call the first is sent at once. */
  #tell(report: Report): void {
    this.#report(report);
    if (!this.#isWorking || (this.#hasTold && performance.now() - this.#sentAt < GATHER_MS)) return;
    this.#hasTold = true;
    this.#send();
  }

  #report(report: Report): void {
    this.#reports.push(report);
    if (!this.#isWorking && this.#reports.length === 1) queueMicrotask(() => this.#send());
  }

  #send(): void {
    const reports = this.#reports;
    const moved = this.#moved;
    if (reports.length === 0) return;
    this.#reports = [];
    this.#moved = [];
    this.#sentAt = performance.now();
    try {
      this.#port.send(reports, transferablesIn(moved) as Transferable[]);
    } catch {
      // One of them cannot be cloned: each for itself.
      for (const report of reports) this.#sendOne(report, moved);
    }
  }

  #sendOne(report: Report, moved: readonly unknown[]): void {
    try {
      const own = report.kind === "returned" && moved.includes(report.value) ? [report.value] : [];
      this.#port.send([report], transferablesIn(own) as Transferable[]);
    } catch (error) {
      if (!("id" in report)) return;
      const refusal =
        report.kind === "paused"
          ? refusalOf("payload of its pause", report.pause.payload, error)
          : refusalOf("output", (report as { value?: unknown }).value, error);
      this.#port.send([{ kind: "refused", id: report.id, ms: 0, refusal }]);
    }
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
