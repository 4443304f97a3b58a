// The outputs of one run while somebody still needs them: handed out isolated, let go after the last consumer, read
// back from the record only when asked for.

import type { Plan, Step } from "../definition/plan.js";
import { toError } from "../errors.js";
import { copyAll, copyMutable, freezePlain } from "../isolate.js";
import type { RecordedOutput } from "../record/fold.js";
import type { GivenInputs, RecordedOutputs } from "./recording.js";

/** Reads a recorded output, at once or as a promise. */
export type Load = (output: RecordedOutput) => unknown;

/** The outputs of one run by step number. */
export class Outputs {
  readonly #plan: Plan;
  readonly #given: GivenInputs;
  readonly #load: Load | undefined;
  readonly #values: unknown[];
  readonly #consumersLeft: Int32Array;
  readonly #unread = new Map<number, RecordedOutput>();
  readonly #mutable = new Set<number>();
  readonly #reading = new Map<number, Promise<void>>();
  /** One for each step whose output is known. */
  readonly #known: Uint8Array;
  /** Outputs frozen before, and whether they have mutable insides: a value passed on is not walked again. */
  readonly #frozen = new WeakMap<object, boolean>();

  constructor(plan: Plan, given: GivenInputs, known: RecordedOutputs | undefined, load: Load | undefined) {
    this.#plan = plan;
    this.#given = given;
    this.#load = load;
    this.#values = new Array(plan.steps.length);
    this.#known = new Uint8Array(plan.steps.length);
    this.#consumersLeft = plan.downstreamCounts.slice();
    for (const [index, output] of known ?? []) this.#knowRecorded(index, output);
    // The caller of the run is a consumer too, and never ends.
    for (const index of plan.sinks) this.#consumersLeft[index] = 1;
  }

  /** Takes the output of a step, frozen from now on. */
  set(index: number, value: unknown, share: boolean | undefined): void {
    if (typeof value === "object" && value !== null && freezePlain(value, this.#frozen) && !share)
      this.#mutable.add(index);
    if ((this.#consumersLeft[index] as number) > 0) this.#values[index] = value;
    this.#known[index] = 1;
  }

  /** True if an input of this step must be read from the record before {@link gather}. */
  isUnread(step: Step): boolean {
    return this.#unread.size > 0 && step.upstream.some((up) => this.#unread.has(up));
  }

  /** Reads the recorded inputs of this step. */
  async read(step: Step): Promise<void> {
    await Promise.all(step.upstream.map((up) => this.#read(up)));
  }

  /** The inputs for one attempt of a step, isolated from every other attempt. What is unfed is `undefined`. */
  gather(step: Step): Record<string, unknown> {
    const given = step.upstream.length === 0 ? this.#given.get(step.path) : undefined;
    const inputs: Record<string, unknown> = given ? copyAll(given) : {};
    for (const { input, from } of step.feeds) {
      inputs[input] = typeof from === "number" ? this.#see(from) : this.#collect(from);
    }
    if (step.feeds.length === step.inputNames.length) return inputs;
    for (const name of step.inputNames) if (!Object.hasOwn(inputs, name)) inputs[name] = undefined;
    return inputs;
  }

  /** Notes that a step has ended for good: outputs nobody else waits for are let go. */
  release(step: Step): void {
    for (const up of step.upstream) {
      if (--(this.#consumersLeft[up] as number) > 0) continue;
      this.#values[up] = undefined;
      if (this.#mutable.size > 0) this.#mutable.delete(up);
      if (this.#unread.size > 0) this.#unread.delete(up);
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
        found.push([label, this.#see(index)]);
      } catch (error) {
        unreadable ??= { path, error: toError(error) };
      }
    }
    return { outputs: Object.fromEntries(found), ...(unreadable ? { unreadable } : {}) };
  }

  #knowRecorded(index: number, output: RecordedOutput | undefined): void {
    this.#known[index] = 1;
    if (output) this.#unread.set(index, output);
    for (const up of this.#plan.steps[index]?.upstream ?? []) (this.#consumersLeft[up] as number)--;
  }

  #see(index: number): unknown {
    const value = this.#values[index];
    return this.#mutable.size > 0 && this.#mutable.has(index) ? copyMutable(value) : value;
  }

  #collect(indexes: readonly number[]): unknown[] {
    const values: unknown[] = [];
    for (const index of indexes) values.push(this.#see(index));
    return values;
  }

  #read(index: number): Promise<void> | undefined {
    const output = this.#unread.get(index);
    if (!output) return undefined;
    const reading = this.#reading.get(index) ?? this.#readNow(index, output);
    this.#reading.set(index, reading);
    return reading;
  }

  async #readNow(index: number, output: RecordedOutput): Promise<void> {
    try {
      const value = await this.#load?.(output);
      this.set(index, value, this.#plan.steps[index]?.node.share);
      this.#unread.delete(index);
    } finally {
      // What failed may succeed at the next try.
      this.#reading.delete(index);
    }
  }
}
