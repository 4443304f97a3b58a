// A task on its way through a pool, and the order in which those of several runs get their turn.

import type { Task } from "../../src/ports.js";

/** What is known of a function from the calls so far. */
export interface Cost {
  /** Milliseconds that a call takes, guessed high; nothing if none has returned. */
  ms: number | undefined;
  /** How many there were. */
  calls: number;
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

  /**
   * True if it may stand behind others: it may have to go elsewhere, its time begins when it is given, and under whom a
   * worker has died, no other is to die with it.
   */
  get isLight(): boolean {
    return this.isRepeatable && this.deaths === 0 && this.task.node.timeoutMs === undefined;
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

/** The waiting flights of one run. */
interface Row {
  /** Those that have waited before; the last of them is the next. */
  readonly again: Flight[];
  /** The others; from `head` on. */
  readonly flights: (Flight | undefined)[];
  head: number;
}

/**
 * Waiting flights: first come, first served within a run, and the runs in turn. What is over meanwhile is passed over.
 * Nothing here takes longer the more there are: `shift` would.
 */
export class FairQueue {
  readonly #rows = new Map<string, Row>();

  push(flight: Flight): void {
    this.#rowOf(flight).flights.push(flight);
  }

  /** For those that have waited before. */
  pushFront(flight: Flight): void {
    this.#rowOf(flight).again.push(flight);
  }

  /** True if nobody waits; also those that are over may be there. */
  get isEmpty(): boolean {
    return this.#rows.size === 0;
  }

  /** The next one, which stays. */
  get next(): Flight | undefined {
    for (const [runId, row] of this.#rows) {
      for (let flight = nextIn(row); flight; flight = nextIn(row)) {
        if (!flight.isOver) return flight;
        skip(row);
      }
      this.#rows.delete(runId);
    }
    return undefined;
  }

  /** Takes {@link next} out; its run goes to the end of the queue. */
  take(): void {
    const [entry] = this.#rows;
    if (!entry) return;
    const [runId, row] = entry;
    skip(row);
    this.#rows.delete(runId);
    if (nextIn(row)) this.#rows.set(runId, row);
  }

  /** Takes all out. */
  clear(): Flight[] {
    const all = [...this.#rows.values()].flatMap(({ again, flights }) => [...again, ...flights]);
    this.#rows.clear();
    return all.filter((flight) => flight !== undefined);
  }

  #rowOf({ task }: Flight): Row {
    const { runId } = task.context;
    const row = this.#rows.get(runId) ?? { again: [], flights: [], head: 0 };
    this.#rows.set(runId, row);
    return row;
  }
}

function nextIn({ again, flights, head }: Row): Flight | undefined {
  return again.at(-1) ?? flights[head];
}

function skip(row: Row): void {
  if (!row.again.pop()) row.flights[row.head++] = undefined;
}
