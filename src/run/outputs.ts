// The outputs of one frame while somebody still needs them: handed out isolated, let go after the last consumer, read
// back from the record only when asked for.

import type { Plan, Step } from "../definition/plan.js";
import { toError } from "../errors.js";
import { copyMutable, freezePlain } from "../isolate.js";

/** What outputs need of the frame they belong to. */
export interface OutputsHost {
  /** The inputs of a source for one attempt. */
  given(step: Step, areCopied: boolean): Record<string, unknown>;
  /** What of these nobody else needs. */
  movableGiven(): readonly unknown[];
  /** Reads the recorded output of a step: at once, or as a promise. */
  load(step: Step): unknown;
}

/** The outputs of one frame by step number. */
export class Outputs {
  readonly #plan: Plan;
  readonly #host: OutputsHost;
  readonly #values: unknown[];
  readonly #consumersLeft: Int32Array;
  /** Recorded outputs that were not read yet. */
  #unread: Set<number> | undefined;
  /** Those with mutable insides. */
  #mutable: Set<number> | undefined;
  #reading: Map<number, Promise<void>> | undefined;
  /** One for each step whose output is known. */
  readonly #known: Uint8Array;
  /** Outputs frozen before, and whether they have mutable insides: a value passed on is not walked again. */
  readonly #frozen: WeakMap<object, boolean>;

  constructor(plan: Plan, host: OutputsHost, frozen: WeakMap<object, boolean>) {
    this.#plan = plan;
    this.#host = host;
    this.#frozen = frozen;
    this.#values = new Array(plan.steps.length);
    this.#known = new Uint8Array(plan.steps.length);
    this.#consumersLeft = plan.downstreamCounts.slice();
    // Whoever runs the plan is a consumer too, and never ends.
    for (const index of plan.sinks) this.#consumersLeft[index] = 1;
  }

  /** Takes the output of a step, frozen from now on. */
  set(index: number, value: unknown, share: boolean | undefined): void {
    if (typeof value === "object" && value !== null && freezePlain(value, this.#frozen) && !share) {
      this.#mutable ??= new Set();
      this.#mutable.add(index);
    }
    if ((this.#consumersLeft[index] as number) > 0) this.#values[index] = value;
    this.#known[index] = 1;
  }

  /** Takes as the output of a step what others have too: it is neither let go nor moved. */
  lend(index: number, value: unknown): void {
    (this.#consumersLeft[index] as number)++;
    this.set(index, value, true);
  }

  /** Notes that a step is recorded as completed: its output can be read, and it consumes nothing any more. */
  knowRecorded({ index, upstream, node, composite }: Step): void {
    this.#known[index] = 1;
    if (node.output || composite) {
      this.#unread ??= new Set();
      this.#unread.add(index);
    }
    for (const up of upstream) (this.#consumersLeft[up] as number)--;
  }

  /** True if an input of this step must be read from the record before {@link gather}. */
  isUnread(step: Step): boolean {
    const unread = this.#unread;
    return unread !== undefined && step.upstream.some((up) => unread.has(up));
  }

  /** True if the output of a step is recorded and was not read yet. */
  isUnreadAt(index: number): boolean {
    return this.#unread?.has(index) ?? false;
  }

  /** Reads the recorded inputs of this step. */
  async read(step: Step): Promise<void> {
    await Promise.all(step.upstream.map((up) => this.#read(up)));
  }

  /**
   * The inputs for one attempt of a step, isolated from every other attempt, unless they are copied on their way to it.
   * What is unfed is `undefined`.
   */
  gather(step: Step, areCopied = false): Record<string, unknown> {
    const inputs: Record<string, unknown> = step.upstream.length === 0 ? this.#host.given(step, areCopied) : {};
    for (const { input, from } of step.feeds) {
      inputs[input] = typeof from === "number" ? this.see(from, areCopied) : this.#collect(from, areCopied);
    }
    if (step.feeds.length === step.inputNames.length) return inputs;
    for (const name of step.inputNames) if (!Object.hasOwn(inputs, name)) inputs[name] = undefined;
    return inputs;
  }

  /** What this step takes as the last one, and may be moved to it. */
  movable({ upstream }: Step): readonly unknown[] {
    if (upstream.length === 0) return this.#host.movableGiven();
    return upstream.flatMap((up) => (this.isMovable(up) ? [this.#values[up]] : []));
  }

  /** True if an output is declared to be moved, and whoever asks is the last consumer. */
  isMovable(index: number): boolean {
    const { transfer, share } = (this.#plan.steps[index] as Step).node;
    return Boolean(transfer && !share) && this.#consumersLeft[index] === 1;
  }

  /** Notes that a step has ended for good: outputs nobody else waits for are let go. */
  release(step: Step): void {
    for (const up of step.upstream) {
      if (--(this.#consumersLeft[up] as number) > 0) continue;
      this.#values[up] = undefined;
      this.#mutable?.delete(up);
      this.#unread?.delete(up);
    }
  }

  /** The outputs of all sinks that have one, for the caller of the run, and the first that cannot be read. */
  async sinks(): Promise<{ outputs: Record<string, unknown>; unreadable?: { path: string; error: Error } }> {
    const found: [label: string, output: unknown][] = [];
    let unreadable: { path: string; error: Error } | undefined;
    for (const index of this.#plan.sinks) {
      if (!this.#known[index]) continue;
      const { label, path } = this.#plan.steps[index] as Step;
      try {
        await this.#read(index);
        found.push([label, this.see(index)]);
      } catch (error) {
        unreadable ??= { path, error: toError(error) };
      }
    }
    return { outputs: Object.fromEntries(found), ...(unreadable ? { unreadable } : {}) };
  }

  /** An output for one consumer: copied if it has mutable insides, and nobody copies it later. */
  see(index: number, isCopied = false): unknown {
    const value = this.#values[index];
    return !isCopied && this.#mutable?.has(index) ? copyMutable(value) : value;
  }

  /** An output as it is, for whoever hands parts of it on. */
  peek(index: number): unknown {
    return this.#values[index];
  }

  isMutable(index: number): boolean {
    return this.#mutable?.has(index) ?? false;
  }

  #collect(indexes: readonly number[], areCopied: boolean): unknown[] {
    const values: unknown[] = [];
    for (const index of indexes) values.push(this.see(index, areCopied));
    return values;
  }

  #read(index: number): Promise<void> | undefined {
    if (!this.#unread?.has(index)) return undefined;
    this.#reading ??= new Map();
    const reading = this.#reading.get(index) ?? this.#readNow(index);
    this.#reading.set(index, reading);
    return reading;
  }

  async #readNow(index: number): Promise<void> {
    const step = this.#plan.steps[index] as Step;
    try {
      this.set(index, await this.#host.load(step), step.node.share);
      this.#unread?.delete(index);
    } finally {
      // What failed may succeed at the next try.
      this.#reading?.delete(index);
    }
  }
}
