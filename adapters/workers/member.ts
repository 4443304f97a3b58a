// One worker of a pool: what it has to do, what it says, and whether it lives.

import { HeddleError, print, toError } from "../../src/errors.js";
import { transferablesIn } from "../../src/transferables.js";
import { refusalOf, unpack } from "./crossing.js";
import type { Flight } from "./flight.js";
import { type Hello, type Order, type Outcome, PROTOCOL, type Refusal, type Report } from "./protocol.js";

/** A worker as the platform has it. */
export interface Handle {
  /** `moved`: what is inside the orders and moved instead of copied. */
  post(orders: readonly Order[], moved: Transferable[]): void;
  terminate(): void;
  /** Whether it keeps the process alive. Absent where nothing does. */
  hold?(isHeld: boolean): void;
  /** Where its death is told of by a lock: calls back when that is free. */
  watch?(lock: string, onFree: () => void): void;
}

/** What a worker tells of itself. */
export interface Events {
  reported(reports: readonly Report[]): void;
  /** It failed to start, or ended; `isStray` if that need not be the fault of the call that it was given. */
  died(error: Error, isStray: boolean): void;
}

/** Starts a worker. */
export type Spawn = (events: Events) => Handle;

/** What a member needs of its pool. */
export interface MemberHost {
  /** It can be given work. */
  ready(member: Member): void;
  /** It has less to do than before. */
  freed(member: Member): void;
  died(member: Member, error: Error, isStray: boolean): void;
}

/** What a call is taken to cost of which nothing is known: too much for others to stand behind it. */
const UNKNOWN_MS = 1_000;
/** So many milliseconds a worker has to say what it serves: those that end before that tell nobody in browsers. */
const START_MS = 20_000;
/** The least that a call is taken to cost, in milliseconds: some clocks stand still for longer. */
const LEAST_MS = 0.005;

/** One worker, from its start to its end. */
export class Member {
  readonly #host: MemberHost;
  readonly #handle: Handle;
  readonly #flights = new Map<number, Flight>();
  #outbox: Order[] = [];
  #moved: unknown[] = [];
  #numbers: ReadonlyMap<string, number> | undefined;
  hello: Hello | undefined;
  isDead = false;
  /** The number of calls that run or wait behind the one that does, and the milliseconds that they will take, as far as that is known. */
  busyCount = 0;
  loadMs = 0;
  /** When it last had something to say or to do. */
  heardAt = performance.now();
  /** How many of its calls cannot run again elsewhere: nobody else may put it in danger. */
  onceOnly = 0;
  /** True from when its calls were given to others until it has forgotten them. */
  isStuck = false;

  /** Resolves when it has said what it serves, or is dead. */
  readonly started: Promise<void>;
  #isStarted!: () => void;
  readonly #starting: ReturnType<typeof setTimeout>;

  constructor(host: MemberHost, spawn: Spawn) {
    this.#host = host;
    this.started = new Promise((resolve) => {
      this.#isStarted = resolve;
    });
    this.#handle = spawn({
      reported: (reports) => this.#reported(reports),
      died: (error, isStray) => this.died(error, isStray),
    });
    const silent = `A worker did not call serve() within ${START_MS / 1_000} s. Let its file call it when it starts.`;
    this.#starting = setTimeout(() => this.died(new HeddleError("WORKER_DIED", silent), true), START_MS);
  }

  /** Calls that were given to it and have not ended. */
  get flights(): readonly Flight[] {
    return [...this.#flights.values()];
  }

  get isUnused(): boolean {
    return this.#flights.size === 0;
  }

  /**
   * The call that occupies it: the one that its worker shows, otherwise the first whose function has not returned a
   * promise. Others like it wait behind, or have ended and are not reported yet.
   */
  get running(): Flight | undefined {
    const cell = this.hello?.running;
    const shown = cell && this.#flights.get(Atomics.load(cell, 0));
    if (shown && !shown.waits) return shown;
    for (const flight of this.#flights.values()) if (!flight.waits) return flight;
    return undefined;
  }

  /** True if it has this call. */
  has({ id }: Flight): boolean {
    return this.#flights.has(id);
  }

  give(flight: Flight): void {
    const { task } = flight;
    const { context } = task;
    if (this.isUnused) this.#handle.hold?.(true);
    if (this.busyCount === 0) this.heardAt = performance.now();
    flight.waits = false;
    flight.expectedMs = flight.cost.ms ?? UNKNOWN_MS;
    this.#flights.set(flight.id, flight);
    if (!flight.isRepeatable) this.onceOnly++;
    this.busyCount++;
    this.loadMs += flight.expectedMs;
    const { runId, dag, label, path, attempt, epoch, idempotencyKey } = context;
    this.#order({
      kind: "call",
      id: flight.id,
      served: this.#numbers?.get(flight.key) as number,
      input: task.input,
      fields: [runId, dag, label, path, attempt, epoch, idempotencyKey],
      answers: task.answers,
    });
    if (task.moves.length > 0) this.#moved.push(...task.moves);
    task.begins();
  }

  abort({ id }: Flight, reason: unknown): void {
    const { name, message, code } = toError(reason) as Error & { readonly code?: unknown };
    this.#order({ kind: "abort", id, reason: { name, message, ...(code === undefined ? {} : { code: print(code) }) } });
  }

  /** Takes back all calls but the one that runs. */
  recall(): Flight[] {
    this.isStuck = true;
    const { running } = this;
    const rest = this.flights.filter((flight) => !flight.waits && flight !== running);
    this.#order({ kind: "recall", ids: rest.map(({ id }) => id) });
    for (const flight of rest) this.#drop(flight);
    return rest;
  }

  /** Ends it, and returns what it had to do. */
  kill(): readonly Flight[] {
    this.#end();
    return this.flights;
  }

  #order(order: Order): void {
    this.#outbox.push(order);
    if (this.#outbox.length === 1) queueMicrotask(() => this.#flush());
  }

  #flush(): void {
    const orders = this.#outbox;
    const moved = this.#moved;
    this.#outbox = [];
    this.#moved = [];
    if (this.isDead) return;
    try {
      this.#handle.post(orders, transferablesIn(moved) as Transferable[]);
    } catch {
      // One of them cannot be cloned: each for itself.
      for (const order of orders) this.#post(order);
    }
  }

  #post(order: Order): void {
    try {
      const moved = order.kind === "call" ? this.#flights.get(order.id)?.task.moves : [];
      this.#handle.post([order], transferablesIn(moved ?? []) as Transferable[]);
    } catch (error) {
      const flight = order.kind === "call" ? this.#flights.get(order.id) : undefined;
      if (order.kind !== "call" || !flight) return;
      this.#drop(flight);
      if (this.isUnused) this.#handle.hold?.(false);
      flight.reject(notCloneable(flight, refusalOf("input", order.input, error)));
      this.#host.freed(this);
    }
  }

  #reported(reports: readonly Report[]): void {
    if (this.isDead) return;
    this.heardAt = performance.now();
    for (const report of reports) this.#hear(report);
    if (this.isUnused) this.#handle.hold?.(false);
    this.#host.freed(this);
  }

  #hear(report: Report): void {
    if (report.kind === "hello") return this.#greeted(report);
    if (report.kind === "broken") return this.died(unpack(report.error), true);
    if (report.kind === "recalled") {
      this.isStuck = false;
      return;
    }
    const flight = this.#flights.get(report.id);
    // Late: it was given to another worker, or nobody waits for it any more.
    if (!flight) return;
    const { context } = flight.task;
    switch (report.kind) {
      case "progress":
        return context.progress(report.done, report.total);
      case "log":
        return context.log(report.message, report.data);
      case "dropped":
        this.#drop(flight);
        return flight.reject(flight.aborted?.reason);
      case "waits":
        flight.cost.ms = dearer(flight.cost.ms, report.ms);
        this.#unload(flight);
        flight.waits = true;
        return;
      default:
        if (!flight.waits) flight.cost.ms = dearer(flight.cost.ms, report.ms);
        this.#drop(flight);
        settle(flight, report);
    }
  }

  #greeted(hello: Hello): void {
    if (hello.protocol !== PROTOCOL) {
      const message = `The worker speaks protocol ${hello.protocol} and this page protocol ${PROTOCOL}: they are of two versions of heddle. Build both anew, and reload.`;
      return this.died(new HeddleError("WORKER_MISMATCH", message), true);
    }
    clearTimeout(this.#starting);
    this.hello = hello;
    this.#isStarted();
    this.#numbers = new Map(hello.served.map(({ dag, address }, number) => [keyOf(dag, address), number]));
    if (hello.lock !== undefined)
      this.#handle.watch?.(hello.lock, () => this.died(new Error("it was closed, or the browser took it away"), true));
    this.#host.ready(this);
  }

  #drop(flight: Flight): void {
    this.#flights.delete(flight.id);
    if (!flight.isRepeatable) this.onceOnly--;
    if (!flight.waits) this.#unload(flight);
  }

  #unload({ expectedMs }: Flight): void {
    this.busyCount--;
    this.loadMs = this.busyCount === 0 ? 0 : this.loadMs - expectedMs;
  }

  #end(): void {
    this.isDead = true;
    clearTimeout(this.#starting);
    this.#isStarted();
    this.#handle.terminate();
  }

  /** It can do nothing more. `isStray`: that need not be the fault of the call that it was given. */
  died(error: Error, isStray: boolean): void {
    if (this.isDead) return;
    this.#end();
    // What ends by itself without an error has nothing to say.
    const silent = !isStray && !this.hello;
    this.#host.died(this, silent ? new Error(`${error.message} before it called serve()`) : error, isStray);
  }
}

/** What a call will cost: up at once, down slowly, since what was long may be long again. */
function dearer(before: number | undefined, ms: number): number {
  return Math.max(ms, LEAST_MS, (before ?? 0) * 0.9);
}

/** Names a function in all workers. */
export function keyOf(dag: string, address: string): string {
  return `${dag}\0${address}`;
}

function settle(flight: Flight, outcome: Outcome): void {
  switch (outcome.kind) {
    case "returned":
      return flight.resolve(outcome.value);
    case "threw":
      return flight.reject(unpack(outcome.error));
    case "refused":
      return flight.reject(notCloneable(flight, outcome.refusal));
    case "paused":
      flight.task.pauses(outcome.pause);
      return flight.resolve(undefined);
  }
}

function notCloneable({ task }: Flight, { what, at, why }: Refusal): HeddleError {
  const place = at === "" ? "it" : `what stands at "${at}"`;
  const message = `The ${what} of node "${task.context.path}" cannot go over the border of a worker: ${place} cannot be cloned (${why}). Use plain data there, or run the node with \`inline: true\`.`;
  return new HeddleError("NOT_CLONEABLE", message);
}
