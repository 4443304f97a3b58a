// Which nodes are ready: pure bookkeeping over the plan, no clock, no I/O. Constant work per edge.

import type { Plan } from "../definition/plan.js";

/** Tracks one run: hand it completions, take ready steps from it. */
export class Scheduler {
  readonly #plan: Plan;
  readonly #missing: Int32Array;
  readonly #ready: number[] = [];
  #next = 0;
  #left: number;

  /** `isDone` tells which steps count as completed from the start. */
  constructor(plan: Plan, isDone?: (index: number) => boolean) {
    this.#plan = plan;
    this.#left = plan.steps.length;
    this.#missing = Int32Array.from(plan.steps, ({ upstream }) => upstream.length);
    const done = isDone ? plan.order.filter(isDone) : [];
    this.#left -= done.length;
    for (const index of done) {
      this.#missing[index] = -1;
      for (const down of this.#downstream(index)) (this.#missing[down] as number)--;
    }
    // A done step may sit below one that is to run, so its count must stay below zero whatever completes.
    for (const index of done) this.#missing[index] = -1 - (plan.steps[index]?.upstream.length ?? 0);
    for (const index of plan.order) if (this.#missing[index] === 0) this.#ready.push(index);
  }

  /** Steps that are neither done nor completed. */
  get left(): number {
    return this.#left;
  }

  get hasReady(): boolean {
    return this.#next < this.#ready.length;
  }

  /** Takes the step that has been ready longest. Call only while {@link hasReady}. */
  take(): number {
    const index = this.#ready[this.#next++] as number;
    if (this.#next === this.#ready.length) {
      this.#ready.length = 0;
      this.#next = 0;
    }
    return index;
  }

  /** Puts a taken step back, to be taken again (a retry). */
  putBack(index: number): void {
    this.#ready.push(index);
  }

  /** Marks a taken step as completed; what it was the last to hold back becomes ready. */
  complete(index: number): void {
    this.#left--;
    for (const down of this.#downstream(index)) {
      if (--(this.#missing[down] as number) === 0) this.#ready.push(down);
    }
  }

  #downstream(index: number): readonly number[] {
    return this.#plan.steps[index]?.downstream as readonly number[];
  }
}
