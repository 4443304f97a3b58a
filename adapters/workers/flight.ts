// A task on its way through a pool, and the order in which those of several runs get their turn.

import type { Task } from "../../src/ports.js";

/** What is known of a function from the calls so far. */
export interface Cost {
  /** Milliseconds that a call takes, guessed high; nothing if none has returned. */
  ms: number | undefined;
}

/** A task that waits for a worker, or that one has. */
export class Flight {
  readonly id: number;
  readonly task: Task;
  /** Names the function: `dag` and address. */
  readonly key: string;
  readonly cost: Cost;
  readonly settled: Promise<unknown>;
  /** What it was aborted with. */
  aborted: { readonly reason: unknown } | undefined;
  /** True once its function has returned a promise: the worker is free for others. */
  waits = false;
  /** Ends its worker, some time after it was aborted. */
  grace: ReturnType<typeof setTimeout> | undefined;
  /** What was added to the load of its worker. */
  expectedMs = 0;
  /** How many workers have died under it. */
  deaths = 0;
  isOver = false;
  #resolve!: (value: unknown) => void;
  #reject!: (error: unknown) => void;

  constructor(id: number, task: Task, key: string, cost: Cost) {
    this.id = id;
    this.task = task;
    this.key = key;
    this.cost = cost;
    this.settled = new Promise((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
    });
  }

  /** True if it can run again elsewhere: the world would not notice, and its inputs are still here. */
  get isRepeatable(): boolean {
    return !this.task.node.effect && this.task.moves.length === 0;
  }

  /** True if it may stand behind others: it may have to go elsewhere, and its time begins when it is given. */
  get isLight(): boolean {
    return this.isRepeatable && this.task.node.timeoutMs === undefined;
  }

  resolve(value: unknown): void {
    this.#end();
    this.#resolve(value);
  }

  reject(error: unknown): void {
    this.#end();
    this.#reject(error);
  }

  #end(): void {
    this.isOver = true;
    clearTimeout(this.grace);
  }
}

/** Waiting flights: first come, first served within a run, and the runs in turn. */
export class FairQueue {
  readonly #byRun = new Map<string, Flight[]>();
  size = 0;

  push(flight: Flight): void {
    this.#of(flight).push(flight);
    this.size++;
  }

  /** For those that have waited before. */
  pushFront(flight: Flight): void {
    this.#of(flight).unshift(flight);
    this.size++;
  }

  /** The next one, which stays. */
  get next(): Flight | undefined {
    const [first] = this.#byRun.values();
    return first?.[0];
  }

  /** Takes {@link next} out; its run goes to the end of the row. */
  take(): void {
    const [entry] = this.#byRun;
    if (!entry) return;
    const [runId, flights] = entry;
    flights.shift();
    this.size--;
    this.#byRun.delete(runId);
    if (flights.length > 0) this.#byRun.set(runId, flights);
  }

  /** Takes one out, wherever it stands; false if it does not wait here. */
  remove(flight: Flight): boolean {
    const { runId } = flight.task.context;
    const flights = this.#byRun.get(runId);
    const at = flights?.indexOf(flight) ?? -1;
    if (!flights || at < 0) return false;
    flights.splice(at, 1);
    this.size--;
    if (flights.length === 0) this.#byRun.delete(runId);
    return true;
  }

  /** Takes all out. */
  clear(): Flight[] {
    const all = [...this.#byRun.values()].flat();
    this.#byRun.clear();
    this.size = 0;
    return all;
  }

  #of(flight: Flight): Flight[] {
    const { runId } = flight.task.context;
    const flights = this.#byRun.get(runId) ?? [];
    this.#byRun.set(runId, flights);
    return flights;
  }
}
