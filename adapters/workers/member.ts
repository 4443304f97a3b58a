// One worker of a pool: what it has to do, what it says, and whether it lives.

import { HeddleError, print, toError } from "../../src/errors.js";
import { refusalOf, transferList, unpack } from "./crossing.js";
import type { Flight } from "./flight.js";
import {
  type Hello,
  type Order,
  type Outcome,
  PROTOCOL,
  type Refusal,
  type Report,
  type RunOrder,
  type Took,
} from "./protocol.js";

/** A worker as the platform has it. */
export interface Handle {
  /** `moved`: what is inside the orders and moved instead of copied. */
  post(orders: readonly Order[], moved?: Transferable[]): void;
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
/** Of so many calls of a function that are alone with a worker one is timed: a look at the clock costs as much. */
const TIMED_EVERY = 8;
/** The least that a call is taken to cost, in milliseconds: some clocks stand still for longer. */
const LEAST_MS = 0.005;

/** One worker, from its start to its end. */
export class Member {
  readonly #host: MemberHost;
  readonly #handle: Handle;
  readonly #flights = new Map<number, Flight>();
  #outbox: Order[] = [];
  /** True as long as somebody will empty it. */
  #isDue = false;
  /** Of which its worker knows that calls are of it. */
  #run: RunOrder | undefined;
  #moved: unknown[] = [];
  #numbers: ReadonlyMap<string, number> | undefined;
  hello: Hello | undefined;
  isDead = false;
  /** The number of calls that run or wait behind the one that does, and the milliseconds that they will take, as far as that is known. */
  busyCount = 0;
  loadMs = 0;
  /** How often was looked at it since it last had something to say or to do: a look at the clock costs as much as a call. */
  silentLooks = 0;
  /** True if it has had something to do since that was asked last. */
  wasUsed = true;
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
    // Who has nothing to do begins at once; what comes behind goes together.
    const isFirst = this.isUnused;
    if (isFirst) {
      this.#handle.hold?.(true);
      this.#isDue = true;
    }
    if (this.busyCount === 0) this.silentLooks = 0;
    this.wasUsed = true;
    flight.waits = false;
    flight.expectedMs = flight.cost.ms ?? UNKNOWN_MS;
    this.#flights.set(flight.id, flight);
    if (!flight.isRepeatable) this.onceOnly++;
    this.busyCount++;
    this.loadMs += flight.expectedMs;
    const { runId, dag, label, path, attempt, epoch } = context;
    if (runId !== this.#run?.[1] || epoch !== this.#run[2] || dag !== this.#run[3]) {
      this.#run = ["run", runId, epoch, dag];
      this.#order(this.#run);
    }
    const { cost } = flight;
    const isTimed = cost.ms === undefined || ++cost.calls % TIMED_EVERY === 0;
    const served = this.#numbers?.get(flight.key) as number;
    const call = ["call", flight.id, served, task.input, path, attempt, isTimed] as const;
    if (task.answers) this.#order([...call, label, task.answers]);
    else this.#order(label === path ? call : [...call, label]);
    if (task.moves.length > 0) this.#moved.push(...task.moves);
    task.begins();
    if (isFirst) this.#flush();
  }

  abort({ id }: Flight, reason: unknown): void {
    const { name, message, code } = toError(reason) as Error & { readonly code?: unknown };
    this.#order(["abort", id, { name, message, ...(code === undefined ? {} : { code: print(code) }) }]);
  }

  /** Takes back all calls but the one that runs, and those that must not run twice: they may have ended already. */
  recall(): Flight[] {
    this.isStuck = true;
    const { running } = this;
    const rest = this.flights.filter((flight) => !flight.waits && flight !== running && flight.isRepeatable);
    this.#order(["recall", rest.map(({ id }) => id)]);
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
    if (this.#isDue) return;
    this.#isDue = true;
    queueMicrotask(this.#flush);
  }

  readonly #flush = (): void => {
    this.#isDue = false;
    const orders = this.#outbox;
    const moved = this.#moved;
    this.#outbox = [];
    this.#moved = [];
    if (this.isDead || orders.length === 0) return;
    try {
      this.#handle.post(orders, transferList(moved));
    } catch {
      // One of them cannot be cloned: each for itself.
      for (const order of orders) this.#post(order);
    }
  };

  #post(order: Order): void {
    const flight = order[0] === "call" ? this.#flights.get(order[1]) : undefined;
    try {
      this.#handle.post([order], transferList(flight?.task.moves ?? []));
    } catch (error) {
      if (!flight) return;
      this.#drop(flight);
      if (this.isUnused) this.#handle.hold?.(false);
      flight.reject(notCloneable(flight, refusalOf("input", flight.task.input, error)));
      // Not now: the next may be refused as well, and so on with all that wait.
      queueMicrotask(() => this.#host.freed(this));
    }
  }

  #reported(reports: readonly Report[]): void {
    if (this.isDead) return;
    this.silentLooks = 0;
    for (const report of reports) this.#hear(report);
    if (this.isUnused) this.#handle.hold?.(false);
    this.#host.freed(this);
  }

  #hear(report: Report): void {
    if (report[0] === "hello") return this.#greeted(report[1]);
    if (report[0] === "broken") return this.died(unpack(report[1]), true);
    if (report[0] === "recalled") {
      this.isStuck = false;
      return;
    }
    const flight = this.#flights.get(report[1]);
    // Late: it was given to another worker, or nobody waits for it any more.
    if (!flight) return;
    const { context } = flight.task;
    switch (report[0]) {
      case "progress":
        return context.progress(report[2], report[3]);
      case "log":
        return context.log(report[2], report[3]);
      case "dropped":
        this.#drop(flight);
        return flight.reject(flight.aborted?.reason);
      case "waits":
        flight.cost.ms = dearer(flight.cost.ms, report[2]);
        this.#unload(flight);
        flight.waits = true;
        return;
      default:
        if (!flight.waits) flight.cost.ms = dearer(flight.cost.ms, report[2]);
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
function dearer(before: number | undefined, took: Took): number | undefined {
  return took === undefined ? before : Math.max(took, LEAST_MS, (before ?? 0) * 0.9);
}

/** Names a function in all workers. */
export function keyOf(dag: string, address: string): string {
  return `${dag}\0${address}`;
}

function settle(flight: Flight, outcome: Outcome): void {
  switch (outcome[0]) {
    case "returned":
      return flight.resolve(outcome[3]);
    case "threw":
      return flight.reject(unpack(outcome[3]));
    case "refused":
      return flight.reject(notCloneable(flight, outcome[3]));
    case "paused":
      flight.task.pauses(outcome[3]);
      return flight.resolve(undefined);
  }
}

function notCloneable({ task }: Flight, { what, at, why }: Refusal): HeddleError {
  const place = at === "" ? "it" : `what stands at "${at}"`;
  const message = `The ${what} of node "${task.context.path}" cannot go over the border of a worker: ${place} cannot be cloned (${why}). Use plain data there, or run the node with \`inline: true\`.`;
  return new HeddleError("NOT_CLONEABLE", message);
}
