// Which nodes are ready: pure bookkeeping over the plan, no clock, no I/O. Constant work per edge.

import type { Plan } from "../definition/plan.js";

/** Tracks one run: hand it completions, take ready steps from it. */
export class Scheduler {
  readonly #plan: Plan;
  /** How many upstreams each step still waits for. */
  readonly #missing: Int32Array;
  /** A ring: a step stands in it at most once. */
  readonly #ready: Int32Array;
  #next = 0;
  #readyCount = 0;
  #left: number;

  /** `isDone` tells which steps count as completed from the start. */
  constructor(plan: Plan, isDone?: (index: number) => boolean) {
    this.#plan = plan;
    this.#left = plan.order.length;
    this.#missing = plan.upstreamCounts.slice();
    this.#ready = new Int32Array(plan.steps.length);
    if (isDone) this.#skip(plan.order.filter(isDone));
    for (const index of isDone ? plan.order : plan.sources) if (this.#missing[index] === 0) this.makeReady(index);
  }

  /** Steps that are neither done nor completed. */
  get left(): number {
    return this.#left;
  }

  get hasReady(): boolean {
    return this.#readyCount > 0;
  }

  /** Takes the step that has been ready longest. Call only while {@link hasReady}. */
  take(): number {
    const index = this.#ready[this.#next] as number;
    this.#next = (this.#next + 1) % this.#ready.length;
    this.#readyCount--;
    return index;
  }

  /** Makes a step ready: for the first time, or again after it was taken (a retry). */
  makeReady(index: number): void {
    this.#ready[(this.#next + this.#readyCount++) % this.#ready.length] = index;
  }

  /** Marks a taken step as completed; what it was the last to hold back becomes ready. */
  complete(index: number): void {
    this.#left--;
    for (const down of this.#downstream(index)) {
      if (--(this.#missing[down] as number) === 0) this.makeReady(down);
    }
  }

  #skip(done: readonly number[]): void {
    this.#left -= done.length;
    for (const index of done) {
      for (const down of this.#downstream(index)) (this.#missing[down] as number)--;
    }
    // A done step may sit below one that is to run, so its count must stay below zero whatever completes.
    for (const index of done) this.#missing[index] = -1 - (this.#plan.upstreamCounts[index] as number);
  }

  #downstream(index: number): readonly number[] {
    return this.#plan.steps[index]?.downstream as readonly number[];
  }
}
